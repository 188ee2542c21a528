"""How much of each voxel of one grid a block of voxels of another grid fills.

Outlines live on the fine grid of a CT, counts on voxels of 4 to 5 mm. A binary mask resampled to such voxels
loses or gains several percent of a small tumor; the overlap volume of the boxes does not. For grids whose
axes are parallel (also permuted or flipped) the overlap is exact and separable; for oblique grids the voxels of
the mask are joined or divided into boxes small enough for the angle, see `_oblique`. Volume and first and second
moments are exact at any angle.
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
PARALLEL_TOLERANCE = 1e-6  # of a direction cosine: half a micrometer over half a meter
SPACING_TOLERANCE = 1e-6  # of a voxel: rounding of a spacing must not change the number of points
TOUCH_FRACTION = 1e-6  # of a voxel: faces that meet must not overlap by the rounding of a position
STEP = 0.15
"""Of a voxel: how far the sides of a box may be displaced by the angle between two grids."""
STEP_OF_JOINED = 0.2
"""The same of boxes joined from several: they lie inside, where neighbors make up for most of it."""
LARGEST_BOX = 2.0  # of a voxel of the target
BOXES_AT_ONCE = 500_000


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
    """Cover the voxels with boxes, and give each the overlap of a box along the target's axes with its voxels.

    That box has the center, the volume and along each axis the spread (second moment) of the turned one. Turned by
    nothing it is the same, so that what is found passes over into `_parallel` without a step; turned by more, boxes
    are made so small that their sides are displaced by no more than `STEP` of a voxel.
    """
    steps_mm, voxel_mm = np.asarray(grid.spacing_mm), min(target.spacing_mm)
    turn = target.axes.T @ grid.axes
    tilt = np.sqrt(np.clip(1.0 - (turn**2).max(axis=0), 0.0, None))  # sine of each axis to the nearest of the target
    step = steps_mm * tilt / voxel_mm
    pieces = np.maximum(1, np.ceil(step / STEP - SPACING_TOLERANCE)).astype(int)
    with np.errstate(divide="ignore"):
        times_at_most = np.minimum(STEP_OF_JOINED / step, LARGEST_BOX * voxel_mm / steps_mm)
        doublings = np.floor(np.log2(times_at_most)).clip(0, 8).astype(int)
    to_target = np.diag(1 / np.asarray(target.spacing_mm)) @ target.axes.T
    matrix = to_target @ grid.axes @ np.diag(grid.spacing_mm)
    shift = to_target @ (np.asarray(grid.origin_mm) - np.asarray(target.origin_mm))
    low, high = _touched(block.shape[::-1], matrix, shift, target)
    if (high <= low).any():
        return NOWHERE
    total = np.zeros((high - low)[::-1], dtype=np.float64)
    left = np.asarray(block, dtype=bool)
    times = np.ones(3, dtype=int)  # voxels along each side of a box
    while left.any():
        larger = [a for a in range(3) if times[a] < 1 << doublings[a]]
        joined = _joined(left, larger)
        alone = left & ~_spread(joined, larger, left.shape) if larger else left
        _add_boxes(total, alone, times, np.where(times == 1, pieces, 1), matrix, shift - low)
        times[larger] *= 2
        left = joined if larger else np.zeros_like(left)
    return Occupancy(_box(low, high), (total * grid.voxel_ml).astype(np.float32))


def _joined(boxes: NDArray[np.bool_], axes: list[int]) -> NDArray[np.bool_]:
    """Return where two boxes along each of these axes (x, y, z) are both there."""
    for axis in (2 - a for a in axes):
        even = boxes.shape[axis] // 2 * 2
        first, second = (boxes[(slice(None),) * axis + (slice(start, even, 2),)] for start in (0, 1))
        boxes = first & second
    return boxes


def _spread(joined: NDArray[np.bool_], axes: list[int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which of the smaller boxes went into joined ones."""
    taken = np.zeros(shape, dtype=bool)
    for axis in (2 - a for a in axes):
        joined = np.repeat(joined, 2, axis=axis)
    taken[tuple(slice(n) for n in joined.shape)] = joined
    return taken


def _add_boxes(
    total: NDArray[np.float64],
    boxes: NDArray[np.bool_],
    times: NDArray[np.int_],
    pieces: NDArray[np.int_],
    matrix: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> None:
    """Add the volume of boxes, in voxels of the mask, to the voxels of the target that they overlap."""
    width = np.sqrt(((matrix * (times / pieces)) ** 2).sum(axis=1))
    amount = float(np.prod(times) / np.prod(pieces))
    offsets = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in pieces], indexing="ij")).reshape(3, -1).T
    size = total.shape[::-1]
    flat = total.reshape(-1)
    where = np.flatnonzero(boxes)
    for begin in range(0, len(where), BOXES_AT_ONCE):
        z, y, x = np.unravel_index(where[begin : begin + BOXES_AT_ONCE], boxes.shape)
        center = matrix @ (np.stack([x, y, z]) * times[:, None] + (times[:, None] - 1) / 2) + shift[:, None]
        for offset in offsets * times:
            middle = center + (matrix @ offset)[:, None]
            shares = [_shares(middle[a] - width[a] / 2, middle[a] + width[a] / 2, width[a], size[a]) for a in range(3)]
            for z_cell, z_share in shares[2]:
                for y_cell, y_share in shares[1]:
                    row, plane = (z_cell * size[1] + y_cell) * size[0], z_share * y_share * amount
                    for x_cell, x_share in shares[0]:
                        flat += np.bincount(row + x_cell, plane * x_share, minlength=flat.size)


def _shares(
    low: NDArray[np.float64], high: NDArray[np.float64], width: float, cells: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return the cells that intervals of one width touch, and the fraction of each interval in them."""
    first = np.floor(low + 0.5 + TOUCH_FRACTION).astype(np.int64)
    found = []
    for cell in (first + k for k in range(ceil(width - TOUCH_FRACTION) + 1)):
        share = (np.minimum(high, cell + 0.5) - np.maximum(low, cell - 0.5)).clip(0.0) / width
        share[(share < TOUCH_FRACTION) | (cell < 0) | (cell >= cells)] = 0.0
        found.append((cell.clip(0, cells - 1), share))
    return found


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


def physical_margins_mm(structure: Structure, image: sitk.Image) -> float:
    """Return the smallest distance between the box of a structure and the edge of an image, in mm.

    Measured between centers of voxels: 0 where the structure touches the image's first or last plane, negative
    where it lies outside. The structure must not be empty.
    """
    grid = Grid.of(image)
    index = (corners_mm(structure) - np.asarray(grid.origin_mm)) @ grid.axes / np.asarray(grid.spacing_mm)
    low, high = index.min(axis=0), np.asarray(grid.size) - 1 - index.max(axis=0)
    return float((np.minimum(low, high) * np.asarray(grid.spacing_mm)).min())


def corners_mm(structure: Structure, beyond_index: float = 0.0) -> NDArray[np.float64]:
    """Return the corners of a structure's box, shape (8, 3): centers of voxels, or beyond them by part of one."""
    assert structure.box is not None
    grid, first, size = Grid.of(structure.mask), structure.box.index, structure.box.size
    ends = [(i - beyond_index, i + n - 1 + beyond_index) for i, n in zip(first, size, strict=True)]
    return np.array([grid.point_mm((x, y, z)) for x in ends[0] for y in ends[1] for z in ends[2]])
