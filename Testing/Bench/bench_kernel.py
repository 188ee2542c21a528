"""Convolution of a 256^3 volume of 4 mm voxels with the dose kernel, against scipy and SimpleITK."""

from __future__ import annotations

from functools import partial

import numpy as np
import SimpleITK as sitk
from rows import Row, best_in_turn, best_of, peak_bytes, timed_row
from scipy.signal import fftconvolve

from Y90DosimetryLib.dosimetry.kernel import convolve, voxel_kernel

SIDE = 256
LIVER = (slice(70, 170), slice(80, 180), slice(60, 160))
AIMS = {"liver-sized source": "at least 10", "source filling the volume": "at least 3"}


def run() -> list[Row]:
    """Return the rows of this benchmark."""
    full = np.random.default_rng(90).random((SIDE, SIDE, SIDE), dtype=np.float32)
    liver = np.zeros_like(full)
    liver[LIVER] = full[LIVER]
    rows = [_building()]
    for name, activity in (("liver-sized source", liver), ("source filling the volume", full)):
        rows += _convolving(f"kernel convolution {SIDE}^3, {name}", activity, AIMS[name])
    return rows


def _building() -> Row:
    spacings = iter([(4.0 + 0.01 * n, 4.0, 4.0) for n in range(5)])  # a new size each time: nothing is cached
    seconds = best_of(5, lambda: voxel_kernel(next(spacings), 1.04))
    return Row("building the kernel for 4 mm voxels", seconds, "none", None, None, "below 0.3 s")


def _convolving(what: str, activity: np.ndarray, aim: str) -> list[Row]:
    kernel = voxel_kernel((4.0, 4.0, 4.0), 1.04)
    double, fractions = activity.astype(np.float64), kernel.fractions
    image, weights = sitk.GetImageFromArray(activity), sitk.GetImageFromArray(fractions.astype(np.float32))
    ours = partial(convolve, activity, kernel)
    scipy_double = partial(fftconvolve, double, fractions, mode="same")
    scipy_single = partial(fftconvolve, activity, fractions.astype(np.float32), mode="same")
    ours_s, double_s, single_s = best_in_turn(7, ours, scipy_double, scipy_single)
    itk_s = best_of(1, partial(sitk.FFTConvolution, image, weights))
    difference = float(np.abs(ours() - scipy_double()).max() / activity.max())
    rows = [
        timed_row(what, ours_s, "scipy.signal.fftconvolve, float64", double_s, aim, "best of 7 in turn"),
        timed_row(what, ours_s, "scipy.signal.fftconvolve, float32", single_s, "", "best of 7 in turn"),
        timed_row(what, ours_s, "SimpleITK FFTConvolution, float32", itk_s, "", "best of 7 and 1"),
    ]
    multiple = peak_bytes(ours) / activity.nbytes
    note = f"result included; largest difference from float64 {difference:.0e} of the highest activity"
    return [*rows, Row(f"{what}: peak memory", None, "bytes of the input", None, multiple, "at most 3", note)]
