"""Distances measured on outlines: longest diameter, margin around a tumor, center, and how much of it is covered."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .compartments import Compartments
from .errors import InputError
from .occupancy import Grid
from .structures import UINT8, Structure

LARGEST_MARGIN_MM = 30.0
"""Margins are measured up to here; no recommendation asks for more than 10 mm."""
MARGIN_DECIMALS = 4
"""Of a millimeter: the distance map is in single precision, whose last digit must not decide at a limit."""


def longest_diameter_mm(structure: Structure) -> float:
    """Return the largest distance between two points of a structure in any direction, in mm; 0 when empty.

    Measured between the centers of its voxels: a voxel is inside when its center is, so between their outer corners
    a sphere of 50 mm would measure 53 mm on voxels of 2 mm. Not less than the diagonal of a voxel.
    """
    from scipy.spatial import ConvexHull, QhullError
    from scipy.spatial.distance import pdist

    points = _row_ends_mm(structure)
    if not len(points):
        return 0.0
    voxel_mm = float(np.linalg.norm(structure.mask.GetSpacing()))
    with suppress(QhullError):  # flat or thin: every point counts
        points = points[ConvexHull(points).vertices]
    return max(voxel_mm, float(pdist(points).max(initial=0.0)))


def center_mm(structure: Structure) -> tuple[float, float, float]:
    """Return the center of mass of a structure in LPS millimeters; raise `InputError` when it is empty."""
    if structure.box is None:
        raise InputError("it is empty", where=f"structure '{structure.label}'", remedy="Outline it, or leave it out")
    block = structure.cropped()
    grid = Grid.of(structure.mask).cropped(structure.box)
    index = [
        float(np.average(np.arange(n), weights=block.sum(axis=axes, dtype=np.float64)))
        for n, axes in zip(reversed(block.shape), ((0, 1), (0, 2), (1, 2)), strict=True)
    ]
    x, y, z = grid.point_mm((index[0], index[1], index[2]))
    return float(x), float(y), float(z)


def covered_fraction(compartments: Compartments, label: str, perfused: frozenset[str]) -> float:
    """Return the share of a lesion's volume inside the given perfused volumes together."""
    own = compartments.lesion(label)
    inside = set(own) & set(compartments.inside(perfused))
    return compartments.volume_ml(inside) / compartments.volume_ml(own)


def covered_to_a_voxel(compartments: Compartments, label: str, perfused: frozenset[str]) -> bool:
    """Return whether a lesion lies inside these volumes but for voxels that share a face with them.

    Outlines are drawn to a voxel: one over the edge is no miss. The voxels are those of the finest outline.
    """
    own = set(compartments.lesion(label))
    inside = set(compartments.inside(perfused))
    over = own - inside
    if not over or own <= over:
        return not over
    lesion = compartments.mask(own)
    window = _around(lesion, compartments.grid.spacing_mm)
    near = sitk.BinaryDilate(
        sitk.GetImageFromArray(compartments.mask(inside)[window]), (1, 1, 1), sitk.sitkCross, 0.0, 1.0
    )
    return not (compartments.mask(over)[window] > sitk.GetArrayViewFromImage(near)).any()


def smallest_margin_mm(compartments: Compartments, label: str, perfused: frozenset[str]) -> float | None:
    """Return the smallest distance from a lesion to liver that none of these volumes covers, in mm.

    Where the lesion reaches the surface of the liver no margin is possible: the surface does not count. 0 when
    part of the lesion is not covered; None when no liver outside lies within
    `LARGEST_MARGIN_MM`. The distance is between the faces of voxels, not their centers.
    """
    own = compartments.lesion(label)
    inside = set(compartments.inside(perfused))
    if not inside.issuperset(own):
        return 0.0
    outside = [i for i in compartments.everything if i not in inside]
    lesion = compartments.mask(own)
    window = _around(lesion, compartments.grid.spacing_mm)
    lesion, beyond = lesion[window], compartments.mask(outside)[window]
    if not beyond.any():
        return None
    # two boxes are as far apart as their centers would be with one of them a voxel nearer along each axis
    image = sitk.BinaryDilate(sitk.GetImageFromArray(beyond), (1, 1, 1), sitk.sitkBox, 0.0, 1.0)
    image.SetSpacing(compartments.grid.spacing_mm)
    far = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, False, False, True))
    margin = max(0.0, round(float(far[lesion != 0].min()), MARGIN_DECIMALS))
    return margin if margin <= LARGEST_MARGIN_MM else None


def _around(mask: UINT8, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice, slice]:
    index = np.argwhere(mask)
    grow = np.ceil((LARGEST_MARGIN_MM + max(spacing_mm)) / np.array(spacing_mm[::-1])).astype(int)
    low = np.maximum(index.min(axis=0) - grow, 0)
    high = np.minimum(index.max(axis=0) + grow + 1, mask.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _row_ends_mm(structure: Structure) -> NDArray[np.float64]:
    """Return the centers of the first and last voxel of every row: all that a convex hull needs."""
    if structure.box is None:
        return np.zeros((0, 3))
    block = structure.cropped().astype(bool)
    z, y = np.nonzero(block.any(axis=2))
    first = block.argmax(axis=2)[z, y]
    last = block.shape[2] - 1 - block[:, :, ::-1].argmax(axis=2)[z, y]
    index = np.concatenate([np.stack((x, y, z), axis=1) for x in (first, last)])
    grid = Grid.of(structure.mask).cropped(structure.box)
    points: NDArray[np.float64] = (index * np.array(grid.spacing_mm)) @ grid.axes.T + np.array(grid.origin_mm)
    return points
