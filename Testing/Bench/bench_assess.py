"""A whole assessment of a large case, against the time SimpleITK needs just to resample its SPECT to the CT."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import SimpleITK as sitk
from rows import Row

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.phantom import LARGE, case_variant

AIM = 3.0


def run() -> list[Row]:
    """Time the assessment and its peer on one case; measure the peak memory in processes of their own."""
    case = case_variant("lobectomy", LARGE)
    image = case.sessions[0].image
    assert case.ct is not None and isinstance(image, CountMap)
    resample_s = _best(lambda: sitk.Resample(image.image, case.ct.image, sitk.Transform(), sitk.sitkLinear, 0.0))
    assess_s = _best(lambda: assess(fresh(case)))
    size = "x".join(str(n) for n in case.ct.image.GetSize())
    rows = [
        Row(
            what=f"assess, CT {size}, SPECT {'x'.join(str(n) for n in image.image.GetSize())}, "
            f"{len(case.structures)} structures",
            ours_s=assess_s,
            peer="SimpleITK.Resample of the SPECT to the CT, linear",
            peer_s=resample_s,
            ratio=assess_s / resample_s,
            aim=f"at most {AIM:g}",
            note="without the report; ratio: our time over the peer's",
        )
    ]
    return [*rows, _memory(case)]


def fresh(case: Case) -> Case:
    """Return the case with structures that remember nothing of an earlier run."""
    structures = tuple(type(s)(s.role, s.label, s.mask) for s in case.structures)
    return Case(case.label, structures, case.sessions, case.ct, case.patient, case.disease, case.settings, case.notes)


def _best(work: object, runs: int = 3) -> float:
    assert callable(work)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _bytes(image: sitk.Image) -> int:
    return image.GetNumberOfPixels() * image.GetSizeOfPixelComponent()


def _memory(case: Case) -> Row:
    """Peak memory of the assessment alone, as a multiple of the bytes of its images and masks."""
    image = case.sessions[0].image
    assert case.ct is not None and image is not None
    input_bytes = sum(_bytes(i) for i in (case.ct.image, image.image, *(s.mask for s in case.structures)))
    code = (
        "import resource\n"
        "from Y90DosimetryLib.phantom import LARGE, case_variant\n"
        "from Y90DosimetryLib.engine import assess\n"
        "case = case_variant('lobectomy', LARGE)\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"
        "assess(case)\n"
        "print([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    if done.returncode:
        return Row(
            "peak memory of assess",
            None,
            "bytes of its input",
            None,
            None,
            f"at most {AIM:g}",
            "not measured: no /proc",
        )
    peak = int(done.stdout.split()[-1]) * 1024
    return Row(
        what="peak memory of the process, input included",
        ours_s=None,
        peer="bytes of its input",
        peer_s=None,
        ratio=peak / input_bytes,
        aim=f"at most {AIM:g}",
        note=f"{peak / 2**20:.0f} MiB for {input_bytes / 2**20:.0f} MiB",
    )
