"""What is measured on outlines alone: the volume two of them share, loose pieces and enclosed holes.

Pieces and holes are found on runs of voxels instead of voxels: a liver of ten million voxels has about a hundred
thousand runs.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..images import same_grid
from ..occupancy import Grid, corners_mm
from ..structures import Box, Structure

ROUNDING = 1e-6  # of a voxel
Index = NDArray[np.int64]
Volumes = NDArray[np.float64]


def shared_ml(one: Structure, other: Structure) -> float:
    """Return the volume that two structures share, in mL.

    On different grids the centers of the finer one's voxels decide.
    """
    if one.box is None or other.box is None:
        return 0.0
    fine, coarse = sorted((one, other), key=lambda s: s.voxel_ml)
    both = _box_within(fine, coarse)
    if both is None:
        return 0.0
    inside = sitk.GetArrayViewFromImage(fine.mask)[both.slices]
    if same_grid(fine.mask, coarse.mask):
        within = sitk.GetArrayViewFromImage(coarse.mask)[both.slices]
    else:
        target = Grid.of(fine.mask).cropped(both).image()
        within = sitk.GetArrayFromImage(
            sitk.Resample(_cropped_image(coarse), target, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        )
    return float(np.count_nonzero(np.logical_and(inside, within))) * fine.voxel_ml


def pieces_and_holes_ml(structure: Structure) -> tuple[Volumes, float]:
    """Return the volumes of the pieces of a structure, largest first, and of all enclosed holes together, in mL.

    Voxels belong together where they share a face.
    """
    block = np.pad(structure.cropped(), 1)
    _, height, width = block.shape
    flat = block.ravel().view(bool)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    pieces = _joined(starts, ends, width, height)
    lengths = np.bincount(pieces, weights=ends - starts).astype(np.float64)
    inside_ml: NDArray[np.float64] = np.sort(lengths)[::-1] * structure.voxel_ml
    # every row of the padded block begins and ends outside, so that the runs outside lie between these
    rows = np.arange(0, flat.size, width)
    out_starts = np.sort(np.concatenate([rows, ends]))
    out_ends = np.sort(np.concatenate([starts, rows + width]))
    parts = _joined(out_starts, out_ends, width, height)
    around = np.bincount(parts, weights=out_ends - out_starts)
    around[parts[0]] = 0  # the border of the padded block is one part
    return inside_ml, float(around.sum()) * structure.voxel_ml


def beyond_box_fraction(structure: Structure, around: Structure) -> float:
    """Return the share of a structure that lies outside the box that holds another one, along that one's own axes."""
    if structure.box is None or around.box is None:
        return 0.0
    inside = np.argwhere(structure.cropped())[:, ::-1]
    own, grid = Grid.of(structure.mask).cropped(structure.box), Grid.of(around.mask)
    points = (inside * np.asarray(own.spacing_mm)) @ own.axes.T + np.asarray(own.origin_mm)
    index = (points - np.asarray(grid.origin_mm)) @ grid.axes / np.asarray(grid.spacing_mm)
    low = np.asarray(around.box.index) - 0.5
    within = ((index >= low) & (index <= low + np.asarray(around.box.size))).all(axis=1)
    return 1.0 - float(np.count_nonzero(within)) / len(within)


def mean_of_samples(structure: Structure, image: sitk.Image, samples: int = 20_000) -> float | None:
    """Return the mean of *image* at about *samples* evenly spread voxels of a structure; None where they miss it."""
    if structure.box is None:
        return None
    step = max(1, round((structure.voxel_count / samples) ** (1 / 3)))
    inside = np.argwhere(structure.cropped()[::step, ::step, ::step])[:, ::-1] * step
    own, grid = Grid.of(structure.mask).cropped(structure.box), Grid.of(image)
    points = (inside * np.asarray(own.spacing_mm)) @ own.axes.T + np.asarray(own.origin_mm)
    index = np.rint((points - np.asarray(grid.origin_mm)) @ grid.axes / np.asarray(grid.spacing_mm)).astype(int)
    x, y, z = index[((index >= 0) & (index < grid.size)).all(axis=1)].T
    return float(sitk.GetArrayViewFromImage(image)[z, y, x].mean()) if x.size else None


def _joined(starts: Index, ends: Index, width: int, height: int) -> NDArray[np.int32]:
    """Return the number of the part each run belongs to; runs that overlap in neighboring rows belong together."""
    pairs: list[tuple[Index, Index]] = []
    for step in (width, width * height):  # the row before, and the same row of the plane before
        first = np.searchsorted(ends, starts - step, side="right")
        count = np.maximum(np.searchsorted(starts, ends - step, side="left") - first, 0)
        run = np.repeat(np.arange(starts.size), count)
        place = np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
        pairs.append((run, np.repeat(first, count) + place))
    rows, columns = (np.concatenate([p[i] for p in pairs]) for i in (0, 1))
    links = coo_array((np.ones(rows.size, dtype=bool), (rows, columns)), shape=(starts.size, starts.size))
    labels: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return labels


def _box_within(fine: Structure, coarse: Structure) -> Box | None:
    """Return the part of one structure's box that another one's box can reach; None where they never meet."""
    assert fine.box is not None
    grid = Grid.of(fine.mask)
    index = (corners_mm(coarse, 0.5) - np.asarray(grid.origin_mm)) @ grid.axes / np.asarray(grid.spacing_mm)
    low = np.maximum(np.ceil(index.min(axis=0) - ROUNDING), fine.box.index).astype(int)
    last = np.minimum(np.floor(index.max(axis=0) + ROUNDING), np.add(fine.box.index, fine.box.size) - 1).astype(int)
    if (last < low).any():
        return None
    x, y, z = (int(v) for v in low)
    nx, ny, nz = (int(v) for v in last - low + 1)
    return Box((x, y, z), (nx, ny, nz))


def _cropped_image(structure: Structure) -> sitk.Image:
    assert structure.box is not None
    image = sitk.GetImageFromArray(structure.cropped())
    grid = Grid.of(structure.mask).cropped(structure.box)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image
