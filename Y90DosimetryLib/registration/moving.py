"""Move an image or outline with a transform: by its geometry alone where that is possible.

A rigid transform changes origin and axes and leaves every voxel as it is: counts, Bq/mL and volumes are kept to
the last digit. Anything else must interpolate, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..images import ActivityMap, CountMap, CtImage, array_of
from ..occupancy import Grid
from ..structures import Structure
from .result import Points, is_rigid, linear_part, transformed

Anything = CtImage | CountMap | ActivityMap | Structure | sitk.Image
Movable = TypeVar("Movable", bound=Anything)


@dataclass(frozen=True)
class Applied(Generic[Movable]):
    """Something moved, and what that did to its voxels."""

    moved: Movable
    resampled: bool
    note: str


def apply(transform: sitk.Transform, image: Movable) -> Applied[Movable]:
    """Return *image* moved to where the fixed image shows the same tissue.

    Parameters
    ----------
    transform
        Maps points of the fixed image to the moving one, as `register` returns it.
    image
        The moving image, or what shares its space: the SPECT of a hybrid CT, an outline. A plain image is
        interpolated linearly, filled up with its lowest value; an outline by its nearest voxel.

    Raises
    ------
    InputError
        If a transform that is not rigid can't be inverted near the image.
    """
    if is_rigid(transform):
        return Applied(_rewrapped(image, _placed(transform, _voxels(image))), False, "moved as a whole, voxels kept")
    before = _voxels(image)
    labels = isinstance(image, Structure)
    lowest = 0.0 if labels else min(0.0, float(array_of(before).min()))
    after = sitk.Resample(
        before,
        _target(transform, before),
        transform,
        sitk.sitkNearestNeighbor if labels else sitk.sitkLinear,
        lowest,
        before.GetPixelID(),
    )
    if isinstance(image, CtImage):
        return Applied(_rewrapped(image, after), True, "resampled")
    was, now = (float(array_of(i).sum(dtype=np.float64)) for i in (before, after))
    change = f"; its total changed by {(now / was - 1) * 100:+.1f} %" if was else ""
    return Applied(_rewrapped(image, after), True, f"resampled, not quantitative any more{change}")


def _voxels(image: Anything) -> sitk.Image:
    if isinstance(image, sitk.Image):
        return image
    return image.mask if isinstance(image, Structure) else image.image


def _rewrapped(image: Movable, voxels: sitk.Image) -> Movable:
    """Return the same kind of thing with other voxels."""
    made: Anything = voxels
    if isinstance(image, Structure):
        made = replace(image, mask=voxels)
    elif isinstance(image, CtImage | CountMap | ActivityMap):
        made = replace(image, image=voxels)
    return cast(Movable, made)


def _placed(transform: sitk.Transform, image: sitk.Image) -> sitk.Image:
    """Return the same voxels at the place that the inverse of a rigid transform takes them to."""
    matrix, offset = linear_part(transform)
    return _at(image, matrix.T, -matrix.T @ offset)


def _at(image: sitk.Image, turn: Points, offset: Points) -> sitk.Image:
    grid = Grid.of(image)
    u, _, vt = np.linalg.svd(turn)  # rounding must not pile up when an image is moved again and again
    placed = sitk.Image(image)
    placed.SetOrigin([float(v) for v in turn @ np.asarray(grid.origin_mm) + offset])
    placed.SetDirection([float(v) for v in (u @ vt @ grid.axes).ravel()])
    return placed


def _target(transform: sitk.Transform, image: sitk.Image) -> sitk.Image:
    """Return a grid like the image's own where the rigid motion closest to the transform takes it."""
    grid = Grid.of(image)
    there = _inverted(transform, _lattice(grid))
    here = _lattice(grid)
    u, _, vt = np.linalg.svd((there - there.mean(axis=0)).T @ (here - here.mean(axis=0)))
    turn = u @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))]) @ vt
    empty = grid.image()
    return _at(empty, turn, there.mean(axis=0) - turn @ here.mean(axis=0))


def _lattice(grid: Grid) -> Points:
    index = np.stack(np.meshgrid(*[np.linspace(0, n - 1, 5) for n in grid.size], indexing="ij")).reshape(3, -1).T
    return np.array([grid.point_mm((i[0], i[1], i[2])) for i in index])


def _inverted(transform: sitk.Transform, points: Points) -> Points:
    """Return the points that a transform takes to *points*, by steps of its own misses."""
    found = points.copy()
    for _ in range(50):
        miss = transformed(transform, found) - points
        found = found - miss
        if np.abs(miss).max() < 0.01:
            return found
    raise InputError(
        "the transform bends or stretches the image too much to be undone",
        where="registration",
        remedy="Choose a rigid registration",
    )
