"""What a gamma camera or a PET scanner shows of known activities: fractions of voxels, blur, counting noise."""

from __future__ import annotations

from collections.abc import Iterable
from math import log, sqrt

import numpy as np
from scipy.ndimage import gaussian_filter

from ..occupancy import Grid
from .raster import Fillable, Float32, Float64, Vector, fractions, moved

FWHM_PER_SIGMA = sqrt(8 * log(2))


def concentration(parts: Iterable[tuple[Fillable, float]], grid: Grid) -> Float32:
    """Return the mean concentration in each voxel, shape (z, y, x), of solids with one concentration each.

    The sum over voxels times their volume is the sum of the solids' volumes times their concentrations, but
    for what lies outside the grid.
    """
    total = np.zeros(grid.size[::-1], dtype=np.float32)
    for solid, per_ml in parts:
        if per_ml > 0:
            box, inside_fraction = fractions(solid, grid)
            total[box.slices] += np.float32(per_ml) * inside_fraction
    return total


def detected(
    array: Float32, spacing_mm: Vector, fwhm_mm: float, counts_per_unit: float | None, rng: np.random.Generator
) -> Float32:
    """Return an image of *array*, shape (z, y, x): a Gaussian blur, then Poisson noise.

    `counts_per_unit` is the number of events a voxel of value 1 stands for; None leaves the noise out. Blur
    moves nothing out of the image but what its edge voxels lose.
    """
    sigma = [fwhm_mm / FWHM_PER_SIGMA / s for s in reversed(spacing_mm)]
    seen: Float32 = gaussian_filter(array, sigma, mode="constant") if fwhm_mm > 0 else array
    if counts_per_unit is None:
        return seen
    return (rng.poisson(seen * np.float64(counts_per_unit)) / counts_per_unit).astype(np.float32)


def displaced(grid: Grid, rotation_deg: Vector, shift_mm: Vector) -> Grid:
    """Return *grid* as the body sees it after it was turned about (0, 0, 0) (x, then y, then z) and shifted."""
    return moved(grid, rotation_matrix(rotation_deg), shift_mm)


def rotation_matrix(rotation_deg: Vector) -> Float64:
    """Return the rotation about x, then y, then z, by right-handed angles in degrees."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, dtype=np.float64)
