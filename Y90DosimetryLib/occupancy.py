"""How much of each voxel of one grid a block of voxels of another grid fills.

Outlines live on the fine grid of a CT, counts on voxels of 4 to 5 mm. A binary mask resampled to such voxels
loses or gains several percent of a small tumor; the overlap volume of the boxes does not. For grids whose
axes are parallel (also permuted or flipped) the overlap is exact and separable; for oblique grids each mask
voxel is divided into points no further apart than a quarter of the target's voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .images import MM3_PER_ML
from .structures import UINT8, Box, Structure

Float = NDArray[np.float32]
PARALLEL_TOLERANCE = 1e-4  # of a direction cosine: 0.05 mm over half a meter
SPACING_TOLERANCE = 1e-6  # of a voxel: rounding of a spacing must not change the number of points
TOUCH_FRACTION = 1e-6  # of a voxel: faces that meet must not overlap by the rounding of a position
POINTS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Grid:
    """The lattice of an image: size and spacing along x, y, z, origin and axes in LPS millimeters."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image) -> Grid:
        """Return the grid of an image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def axes(self) -> NDArray[np.float64]:
        """Unit vectors of the x, y, z axes as columns."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel, in mL."""
        return float(np.prod(self.spacing_mm)) / MM3_PER_ML

    def point_mm(self, index: tuple[float, float, float]) -> NDArray[np.float64]:
        """Return the LPS position of a (fractional) index x, y, z."""
        point: NDArray[np.float64] = self.axes @ (np.asarray(index) * np.asarray(self.spacing_mm))
        point += np.asarray(self.origin_mm)
        return point

    def cropped(self, box: Box) -> Grid:
        """Return the grid of a block of this one."""
        x, y, z = (float(v) for v in self.point_mm(box.index))
        return Grid(box.size, self.spacing_mm, (x, y, z), self.direction)

    def image(self) -> sitk.Image:
        """Return an empty one-byte image on this grid, as a reference for SimpleITK."""
        image = sitk.Image(self.size, sitk.sitkUInt8)
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm)
        image.SetDirection(self.direction)
        return image


@dataclass(frozen=True)
class Occupancy:
    """The volume in mL of something inside each voxel of `box` of an image; shape of `volume_ml` (z, y, x)."""

    box: Box
    volume_ml: Float

    @property
    def total_ml(self) -> float:
        """The volume inside the image's field of view."""
        return float(self.volume_ml.sum(dtype=np.float64))

    def integral(self, array: NDArray[np.floating]) -> float:
        """Return the sum over voxels of *array* (whole image, shape (z, y, x)) times the volume in mL."""
        return float(np.einsum("zyx,zyx->", array[self.box.slices], self.volume_ml, dtype=np.float64))

    def mean(self, array: NDArray[np.floating]) -> float:
        """Return the volume-weighted mean of *array*; NaN when nothing of it lies inside the image."""
        total = self.total_ml
        return self.integral(array) / total if total > 0 else float("nan")


NOWHERE = Occupancy(Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=np.float32))


def occupancy_of(structure: Structure, target: Grid) -> Occupancy:
    """Return the share of a structure in each voxel of *target*."""
    if structure.box is None:
        return NOWHERE
    return occupancy(structure.cropped(), Grid.of(structure.mask).cropped(structure.box), target)


def occupancy(block: UINT8 | NDArray[np.bool_], grid: Grid, target: Grid) -> Occupancy:
    """Return the volume of the voxels set in *block* (shape (z, y, x), on *grid*) inside each voxel of *target*."""
    turn = target.axes.T @ grid.axes
    rounded = np.rint(turn)
    if np.abs(turn - rounded).max() < PARALLEL_TOLERANCE:
        return _parallel(block, grid, target, rounded.astype(int))
    return _oblique(block, grid, target)


def union(parts: list[Occupancy]) -> Occupancy:
    """Return the sum of disjoint occupancies of one image."""
    parts = [p for p in parts if p.volume_ml.size]
    if not parts:
        return NOWHERE
    if len(parts) == 1:
        return parts[0]
    low = np.array([p.box.index for p in parts], dtype=np.int64).min(axis=0)
    high = np.array([np.add(p.box.index, p.box.size) for p in parts], dtype=np.int64).max(axis=0)
    box = _box(low, high)
    volume_ml = np.zeros(box.size[::-1], dtype=np.float32)
    for part in parts:
        volume_ml[within(part.box, box)] += part.volume_ml
    return Occupancy(box, volume_ml)


def excluding(part: Occupancy, other: Occupancy) -> Occupancy:
    """Return *part* without the voxels that *other* touches."""
    low = np.maximum(part.box.index, other.box.index)
    high = np.minimum(np.add(part.box.index, part.box.size), np.add(other.box.index, other.box.size))
    if (high <= low).any():
        return part
    shared = _box(low, high)
    volume_ml = part.volume_ml.copy()
    touched = other.volume_ml[within(shared, other.box)] > 0
    volume_ml[within(shared, part.box)][touched] = 0
    return Occupancy(part.box, volume_ml)


def within(inner: Box, outer: Box) -> tuple[slice, slice, slice]:
    """Return where one block of an image lies in another, as slices of the outer block's array."""
    x, y, z = (int(v) for v in np.subtract(inner.index, outer.index))
    return Box((x, y, z), inner.size).slices


def _parallel(block: UINT8 | NDArray[np.bool_], grid: Grid, target: Grid, turn: NDArray[np.int_]) -> Occupancy:
    start = target.axes.T @ (np.asarray(grid.origin_mm) - np.asarray(target.origin_mm))
    volume: NDArray[np.float32] = np.asarray(block, dtype=np.float32)
    first, size, axes_of_block = [], [], []
    matrices = []
    for axis in range(3):
        source = int(np.flatnonzero(turn[axis])[0])
        sign = int(turn[axis, source])
        step = target.spacing_mm[axis]
        width = grid.spacing_mm[source] / step
        center = start[axis] / step + sign * width * np.arange(grid.size[source])
        low, high, weights = _overlaps(center - width / 2, center + width / 2, target.size[axis])
        first.append(low)
        size.append(high - low)
        matrices.append(weights)
        axes_of_block.append(source)
    if min(size) <= 0:
        return NOWHERE
    # numpy axis of a SimpleITK axis a is 2 - a; contract the largest reduction first
    order = sorted(range(3), key=lambda a: size[a] / grid.size[axes_of_block[a]])
    names = [2 - a for a in range(3)]
    for axis in order:
        numpy_axis = names[axes_of_block[axis]]
        volume = np.moveaxis(np.tensordot(matrices[axis], volume, axes=(1, numpy_axis)), 0, numpy_axis)
    volume = np.transpose(volume, [names[axes_of_block[2 - i]] for i in range(3)])
    begin = np.array(first, dtype=np.int64)
    box = _box(begin, begin + np.array(size, dtype=np.int64))
    return Occupancy(box, np.ascontiguousarray(volume) * np.float32(grid.voxel_ml))


def _overlaps(low: NDArray[np.float64], high: NDArray[np.float64], cells: int) -> tuple[int, int, NDArray[np.float32]]:
    """Return first and last touched cell and the fraction of each interval inside each cell [i - 1/2, i + 1/2]."""
    first = max(0, int(np.floor(low.min() + 0.5)))
    last = min(cells, int(np.ceil(high.max() + 0.5)))
    edges = np.arange(first, max(last, first) + 1) - 0.5
    inside = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    fractions = np.clip(inside, 0.0, None) / (high - low)
    fractions[fractions < TOUCH_FRACTION] = 0.0
    return first, last, fractions.astype(np.float32)


def _oblique(block: UINT8 | NDArray[np.bool_], grid: Grid, target: Grid) -> Occupancy:
    offsets = _points_in_voxel(grid, target)
    to_target = np.diag(1 / np.asarray(target.spacing_mm)) @ target.axes.T
    matrix = to_target @ grid.axes @ np.diag(grid.spacing_mm)
    shift = to_target @ (np.asarray(grid.origin_mm) - np.asarray(target.origin_mm))
    low, high = _touched(block.shape[::-1], matrix, shift, target)
    size = high - low
    if (size <= 0).any():
        return NOWHERE
    total = np.zeros(int(np.prod(size)), dtype=np.float64)
    slab = max(1, POINTS_AT_ONCE // max(1, block.shape[1] * block.shape[2]))
    for start in range(0, block.shape[0], slab):
        z, y, x = np.nonzero(block[start : start + slab])
        corner = matrix @ np.stack([x, y, z + start]) + (shift - low)[:, None]
        for offset in offsets:
            index = np.rint(corner + (matrix @ offset)[:, None]).astype(np.int64)
            index = index[:, ((index >= 0) & (index < size[:, None])).all(axis=0)]
            total += np.bincount((index[2] * size[1] + index[1]) * size[0] + index[0], minlength=total.size)
    volume_ml = total.reshape(size[::-1]) * (grid.voxel_ml / len(offsets))
    return Occupancy(_box(low, high), volume_ml.astype(np.float32))


def _points_in_voxel(grid: Grid, target: Grid) -> NDArray[np.float64]:
    """Return the points, in index units, that stand for one voxel: a quarter of a target voxel apart or less."""
    counts = [max(1, ceil(4 * step / min(target.spacing_mm) - SPACING_TOLERANCE)) for step in grid.spacing_mm]
    axes = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _touched(
    size: tuple[int, ...], matrix: NDArray[np.float64], shift: NDArray[np.float64], target: Grid
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return first and last-plus-one index of the target that a block of voxels can reach."""
    corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in size], indexing="ij")).reshape(3, -1)
    reach = matrix @ corners + shift[:, None]
    low = np.maximum(np.floor(reach.min(axis=1)), 0).astype(int)
    high = np.minimum(np.ceil(reach.max(axis=1)) + 1, target.size).astype(int)
    return low, high


def _box(low: NDArray[np.integer], high: NDArray[np.integer]) -> Box:
    x, y, z = (int(v) for v in low)
    nx, ny, nz = (int(v) for v in np.subtract(high, low))
    return Box((x, y, z), (nx, ny, nz))
