"""Solids on grids: which voxel centers are inside, and which fraction of each voxel.

Grids are filled box by box and slab by slab, so that a CT of any size needs little more memory than its result.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Protocol

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..images import MM3_PER_ML
from ..occupancy import Grid
from ..structures import UINT8, Box

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Inside = NDArray[np.bool_]
Vector = tuple[float, float, float]

POINTS_AT_ONCE = 2_000_000
POINTS_ACROSS = 100
"""Points along the side of a cube of a solid's volume: midpoint sums are then good to a few 1e-4."""


class Fillable(Protocol):
    """What a grid can be filled with."""

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside; the coordinates broadcast against each other."""

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """Lowest and highest corner of a box that holds everything; infinite where it is."""

    @property
    def volume_ml(self) -> float:
        """The true volume."""


def sampled_volume_ml(solid: Fillable) -> float:
    """Return the volume by a midpoint sum over about `POINTS_ACROSS`^3 points of its box."""
    grid = _points_of(solid)
    return sum(int(np.count_nonzero(block)) for _, block in slabs(solid, grid)) * grid.voxel_ml


def share_inside(outer: Fillable, inner: Fillable) -> float:
    """Return the fraction of *inner* that lies in *outer*, by the same points as `sampled_volume_ml`."""
    grid = _points_of(inner)
    within = total = 0
    for box, block in slabs(inner, grid):
        total += int(np.count_nonzero(block))
        within += int(np.count_nonzero(block & outer.inside(*_coordinates(grid.cropped(box)))))
    return within / total


def _points_of(solid: Fillable) -> Grid:
    low, high = solid.bounds_mm
    step_mm = float(np.prod(high - low)) ** (1 / 3) / POINTS_ACROSS
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / step_mm))
    x, y, z = (float(v) for v in low + step_mm / 2)
    return Grid((nx, ny, nz), (step_mm, step_mm, step_mm), (x, y, z), tuple(np.eye(3).ravel()))


def filled(solid: Fillable, grid: Grid) -> UINT8:
    """Return 1 where a voxel's center is inside and 0 elsewhere, shape (z, y, x)."""
    mask = np.zeros(grid.size[::-1], dtype=np.uint8)
    for box, block in slabs(solid, grid):
        mask[box.slices] = block
    return mask


def slabs(solid: Fillable, grid: Grid) -> Iterator[tuple[Box, Inside]]:
    """Yield blocks of the grid that together hold the solid, with which voxel centers are inside."""
    low, high = _reached(solid, grid)
    nx, ny, nz = (int(n) for n in high - low)
    if min(nx, ny, nz) <= 0:
        return
    thick = max(1, POINTS_AT_ONCE // (nx * ny))
    for start in range(int(low[2]), int(high[2]), thick):
        box = Box((int(low[0]), int(low[1]), start), (nx, ny, min(thick, int(high[2]) - start)))
        yield box, np.broadcast_to(solid.inside(*_coordinates(grid.cropped(box))), box.size[::-1])


def fractions(solid: Fillable, grid: Grid) -> tuple[Box, Float32]:
    """Return the fraction of each voxel that is inside, shape (z, y, x), in the block that holds the solid.

    Each voxel is divided so finely that a cube of the solid's volume would hold `POINTS_ACROSS`^3 points,
    at least into 4 x 4 x 4 and at most into 32 x 32 x 32.
    """
    low, high = _reached(solid, grid)
    size = (int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2]))
    box = Box((int(low[0]), int(low[1]), int(low[2])), size)
    result = np.zeros(size[::-1], dtype=np.float32)
    if min(size) <= 0:
        return Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=np.float32)
    step_mm = (solid.volume_ml * MM3_PER_ML) ** (1 / 3) / POINTS_ACROSS
    nx, ny, nz = (min(32, max(4, ceil(s / step_mm))) for s in grid.spacing_mm)
    for k in range(size[2]):
        plane = grid.cropped(Box((box.index[0], box.index[1], box.index[2] + k), (size[0], size[1], 1)))
        points = solid.inside(*_coordinates(_divided(plane, (nx, ny, nz))))
        points = np.broadcast_to(points, (nz, size[1] * ny, size[0] * nx))
        result[k] = points.reshape(nz, size[1], ny, size[0], nx).mean(axis=(0, 2, 4), dtype=np.float32)
    return box, result


def image_on(array: NDArray[np.generic], grid: Grid) -> sitk.Image:
    """Return *array*, shape (z, y, x), as an image on *grid*."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image


def moved(grid: Grid, rotation: Float64, shift_mm: Vector) -> Grid:
    """Return the grid as a body sees it that was turned about (0, 0, 0) and then shifted."""
    x, y, z = (float(v) for v in rotation.T @ (np.asarray(grid.origin_mm) - np.asarray(shift_mm)))
    axes = rotation.T @ grid.axes
    return Grid(grid.size, grid.spacing_mm, (x, y, z), tuple(float(v) for v in axes.ravel()))


def _divided(grid: Grid, parts: tuple[int, int, int]) -> Grid:
    size = tuple(n * p for n, p in zip(grid.size, parts, strict=True))
    spacing = tuple(s / p for s, p in zip(grid.spacing_mm, parts, strict=True))
    x, y, z = (float(v) for v in grid.point_mm((0.5 / parts[0] - 0.5, 0.5 / parts[1] - 0.5, 0.5 / parts[2] - 0.5)))
    return Grid((size[0], size[1], size[2]), (spacing[0], spacing[1], spacing[2]), (x, y, z), grid.direction)


def _coordinates(grid: Grid) -> tuple[Float32, Float32, Float32]:
    """Return x, y, z of all voxel centers; an axis along which a coordinate does not change has length 1."""
    steps = grid.axes * np.asarray(grid.spacing_mm)
    coordinates = []
    for row in range(3):
        value = np.full((1, 1, 1), grid.origin_mm[row])
        for axis, shape in enumerate(((1, 1, -1), (1, -1, 1), (-1, 1, 1))):
            if abs(steps[row, axis]) > 1e-9:
                value = value + (steps[row, axis] * np.arange(grid.size[axis])).reshape(shape)
        coordinates.append(value.astype(np.float32))
    return coordinates[0], coordinates[1], coordinates[2]


def corners(low: Float64, high: Float64) -> Float64:
    """Return the eight corners of a box, shape (8, 3)."""
    return np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T


def _reached(solid: Fillable, grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last-plus-one index of the voxels that the solid's box touches."""
    low, high = solid.bounds_mm
    reach = corners(np.clip(low, -1e6, 1e6), np.clip(high, -1e6, 1e6)) - np.asarray(grid.origin_mm)
    index = reach @ grid.axes / np.asarray(grid.spacing_mm)
    first = np.clip(np.floor(index.min(axis=0)), 0, grid.size).astype(np.int64)
    last = np.clip(np.ceil(index.max(axis=0)) + 1, 0, grid.size).astype(np.int64)
    return first, last
