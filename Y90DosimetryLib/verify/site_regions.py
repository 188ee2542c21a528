"""What an image of a phantom shows inside a sphere, or a cylinder along the patient's long axis, of known place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InputError
from ..images import array_of

STEP_MM = 0.5
"""Between sample points: a sphere of 10 mm holds some 4000."""
LONGEST_MM = 1000.0


def mean_in_sphere(image: sitk.Image, center_mm: Sequence[float], diameter_mm: float, where: str) -> float:
    """Return the mean of an image over a sphere, each voxel by the part of it that lies inside.

    Raises
    ------
    InputError
        If a part of it lies outside of the image, or the place is no three numbers.
    """
    return _mean(image, center_mm, (diameter_mm, diameter_mm, diameter_mm), where, round_in=3)


def mean_in_cylinder(
    image: sitk.Image, center_mm: Sequence[float], diameter_mm: float, length_mm: float, where: str
) -> float:
    """Return the mean of an image over a cylinder along z, each voxel by the part of it that lies inside.

    Raises
    ------
    InputError
        As `mean_in_sphere`.
    """
    return _mean(image, center_mm, (diameter_mm, diameter_mm, length_mm), where, round_in=2)


def _mean(
    image: sitk.Image, center_mm: Sequence[float], extent_mm: tuple[float, float, float], where: str, round_in: int
) -> float:
    if len(center_mm) != 3 or not all(isinstance(v, int | float) for v in center_mm):
        raise InputError(f"center_mm is {list(center_mm)}", where=where, remedy="Give x, y and z in mm (LPS)")
    if max(extent_mm) > LONGEST_MM:
        raise InputError(f"it is {max(extent_mm):g} mm long", where=where, remedy="Enter millimeters")
    axes = [np.arange(-e / 2 + STEP_MM / 2, e / 2, STEP_MM) for e in extent_mm]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    scaled = (2 * grid[:, :round_in] / np.array(extent_mm[:round_in])) ** 2
    points = grid[scaled.sum(axis=1) <= 1] + np.array(center_mm, dtype=np.float64)
    index = _index(image, points)
    if (index < 0).any() or (index >= np.array(image.GetSize())).any():
        raise InputError("a part of it lies outside of the image", where=where, remedy="Check center_mm: LPS, in mm")
    x, y, z = index.T
    return float(array_of(image)[z, y, x].mean(dtype=np.float64))


def _index(image: sitk.Image, points_mm: NDArray[np.float64]) -> NDArray[np.int64]:
    axes = np.reshape(image.GetDirection(), (3, 3))
    place = (points_mm - np.array(image.GetOrigin())) @ axes / np.array(image.GetSpacing())
    index: NDArray[np.int64] = np.rint(place).astype(np.int64)
    return index
