"""Cases a minute of a cohort with one and two workers, against a plain loop; the cost of many, and the memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rows import Row, best_in_turn, best_of

from Y90DosimetryLib.cohort.digests import software_digest
from Y90DosimetryLib.cohort.run import Options, core_count, run_cohort
from Y90DosimetryLib.cohort.work import Ending, Outcome, Work, assess_file
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.io.case_file import read_case, write_case
from Y90DosimetryLib.phantom import PhantomSettings, case_variant

COARSE = PhantomSettings(ct_spacing_mm=(3.0, 3.0, 4.0))
FEW, MANY = 4, 32
HUNDRED, THOUSAND = 100, 1000
LOOP = "a loop of read_case and assess"
RESULT = "result.json"
KIB_PER_MIB = 1024


def run() -> list[Row]:
    """Time cohorts of copies of one digital patient in a folder that is removed again."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        few, many = _folder(top / "few", FEW), _folder(top / "many", MANY)
        aims = {jobs: aim for jobs, aim in ((1, "at least 0.7"), (2, "at least 1.2")) if jobs <= core_count()}
        cohorts = [partial(_anew, many, top / f"out{jobs}", jobs) for jobs in aims]
        loop_s, *ours_s = best_in_turn(2, lambda: [assess(read_case(p)) for p in many.rglob("case.toml")], *cohorts)
        rows = [
            _row(f"cohort, {MANY} cases, workers: {jobs}", time_s, LOOP, loop_s, aim, MANY)
            for (jobs, aim), time_s in zip(aims.items(), ours_s, strict=True)
        ]
        again_s = best_of(2, lambda: run_cohort(many, top / "out1", Options(jobs=1)))
        again = _row(f"cohort, {MANY} cases, nothing changed", again_s, "the first run", ours_s[0], "at least 5", MANY)
        return [*rows, again, _many(top), _memory(few, many)]


def stored(path: str, _software: str) -> Outcome:
    """Return a result that was computed before: what remains is the cost of the cohort itself."""
    result = json.loads((Path(path).parents[1] / RESULT).read_text(encoding="utf-8"))
    return Outcome(Ending.DONE, result=result)


def _folder(folder: Path, count: int) -> Path:
    folder.mkdir()
    write_case(case_variant("lobectomy", COARSE), folder / "00")
    for number in range(1, count):
        shutil.copytree(folder / "00", folder / f"{number:02}")
    return folder


def _anew(folder: Path, out: Path, jobs: int, work: Work = assess_file) -> None:
    shutil.rmtree(out, ignore_errors=True)
    run_cohort(folder, out, Options(jobs=jobs), work=work)


def _row(what: str, ours_s: float, peer: str, peer_s: float, aim: str, count: int) -> Row:
    return Row(what, ours_s, peer, peer_s, peer_s / ours_s, aim, f"{60 * count / ours_s:.0f} cases a minute")


def _many(top: Path) -> Row:
    """Return the processor time of the run itself for each of a thousand cases, and of a hundred."""
    one = assess_file(str(top / "few" / "00" / "case.toml"), software_digest())
    each_s = []
    for count in (THOUSAND, HUNDRED):
        folder = top / f"of{count}"
        for number in range(count):
            (folder / f"{number:04}").mkdir(parents=True)
            (folder / f"{number:04}" / "case.toml").touch()
        (folder / RESULT).write_text(json.dumps(one.result), encoding="utf-8")
        times_s = []
        for _ in range(2):
            start_s = time.process_time()
            _anew(folder, top / "out", 1, stored)
            times_s.append(time.process_time() - start_s)
        each_s.append(min(times_s) / count)
    note = "processor time beside the assessment; ratio: our time over the peer's"
    what, peer = f"a case of {THOUSAND}, to keep account of it", f"a case of {HUNDRED}"
    return Row(what, each_s[0], peer, each_s[1], each_s[0] / each_s[1], "at most 1.3", note)


def _memory(few: Path, many: Path) -> Row:
    """Return the peak memory of a process that works like a worker, after many cases over that after few."""
    what, peer, aim = f"peak memory of a worker, {MANY} cases", f"after {FEW} cases", "at most 1.1"
    few_mib, many_mib = (_peak_mib(folder) for folder in (few, many))
    if few_mib is None or many_mib is None:
        return Row(what, None, peer, None, None, aim, "not measured: no /proc")
    note = f"{many_mib:.0f} MiB and {few_mib:.0f} MiB, code included"
    return Row(what, None, peer, None, many_mib / few_mib, aim, note)


def _peak_mib(folder: Path) -> float | None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from Y90DosimetryLib.cohort.digests import software_digest\n"
        "from Y90DosimetryLib.cohort.work import assess_file\n"
        "for path in sorted(Path(sys.argv[1]).rglob('case.toml')):\n"
        "    assert assess_file(str(path), software_digest()).result\n"
        "print([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[-1]) / KIB_PER_MIB if done.returncode == 0 else None
