"""Foci of counts outside liver and lungs: where spheres may go that nobody wants there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..images import array_of
from ..occupancy import Grid, Occupancy

MARGIN_MM = 15.0
"""Tool default: counts this close to liver or lungs are their own, blurred by scanner and breathing: with a resolution
of 12 mm (FWHM) 15 mm are three standard deviations."""
LEAST_OF_LIVER = 0.3
"""Tool default: a voxel belongs to a focus from this share of the liver's mean concentration on."""
LEAST_SHARE = 0.003
"""Tool default: foci with less of the image's counts are not told from noise."""
LEAST_ML = 1.0
"""Tool default: nor are smaller ones."""
MOST_FOCI = 20


@dataclass(frozen=True)
class Focus:
    """A connected region of counts beyond the margin around liver and lungs."""

    label: str
    volume_ml: float
    counts: float
    """Its voxels' values times mL."""
    count_fraction: float
    """Of all counts of the image."""
    distance_mm: float
    """From the liver to the nearest of it."""
    center_mm: tuple[float, float, float]
    """Weighted by counts, LPS."""
    reach_mm: float
    """From the center to the farthest of it."""

    def holds(self, point_mm: Iterable[float]) -> bool:
        """Return whether a point lies in the focus, to its farthest voxel."""
        away = np.asarray(tuple(point_mm)) - np.asarray(self.center_mm)
        return float(np.linalg.norm(away)) <= self.reach_mm

    @property
    def text(self) -> str:
        """Size, place and share in words."""
        x, y, z = (f"{v:.0f}" for v in self.center_mm)
        return (
            f"{self.label}: {self.volume_ml:.0f} mL, {self.distance_mm:.0f} mm from the liver,"
            f" {self.count_fraction * 100:.1f} % of the counts, at {x}, {y}, {z} mm (LPS)"
        )


def foci_of(image: sitk.Image, liver: Occupancy, lungs: Occupancy | None) -> tuple[Focus, ...]:
    """Return the foci of an image, the one with the most counts first.

    Parameters
    ----------
    liver, lungs
        Where they lie on the image. Lungs that are not outlined are not left out; with a shunt below a third they are
        far less concentrated than a focus.
    """
    grid, values = Grid.of(image), array_of(image)
    total = float(values.sum(dtype=np.float64))
    if total <= 0 or liver.total_ml <= 0:
        return ()
    mean = liver.integral(values) / liver.total_ml
    from_liver_mm = _distance_mm(liver, grid)
    far = from_liver_mm > MARGIN_MM
    if lungs is not None and lungs.total_ml > 0:
        far &= _distance_mm(lungs, grid) > MARGIN_MM
    hot = (far & (values >= LEAST_OF_LIVER * mean)).astype(np.uint8)
    if not hot.any():
        return ()
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(sitk.GetImageFromArray(hot), True))
    found = [_focus(parts == n, values, from_liver_mm, grid, total) for n in range(1, int(parts.max()) + 1)]
    kept = sorted((f for f in found if f.count_fraction >= LEAST_SHARE and f.volume_ml >= LEAST_ML), key=_by_counts)
    return tuple(
        Focus(f"Focus {n}", f.volume_ml, f.counts, f.count_fraction, f.distance_mm, f.center_mm, f.reach_mm)
        for n, f in enumerate(kept[:MOST_FOCI], start=1)
    )


def _by_counts(focus: Focus) -> float:
    return -focus.counts


def _focus(
    inside: NDArray[np.bool_],
    values: NDArray[np.floating],
    from_liver_mm: NDArray[np.float32],
    grid: Grid,
    total: float,
) -> Focus:
    where = np.argwhere(inside)
    own = values[inside].astype(np.float64)
    middle = (where * own[:, None]).sum(axis=0) / own.sum()
    center = grid.point_mm((middle[2], middle[1], middle[0]))
    corners = (where - middle)[:, ::-1] * np.asarray(grid.spacing_mm)
    reach_mm = float(np.linalg.norm(corners, axis=1).max()) + max(grid.spacing_mm)
    return Focus(
        "",
        float(inside.sum()) * grid.voxel_ml,
        float(own.sum()) * grid.voxel_ml,
        float(own.sum()) / total,
        float(from_liver_mm[inside].min()),
        (float(center[0]), float(center[1]), float(center[2])),
        reach_mm,
    )


def _filled(part: Occupancy, grid: Grid) -> NDArray[np.uint8]:
    filled = np.zeros(grid.size[::-1], dtype=np.uint8)
    filled[part.box.slices] = part.volume_ml > 0
    return filled


def _distance_mm(part: Occupancy, grid: Grid) -> NDArray[np.float32]:
    mask = sitk.GetImageFromArray(_filled(part, grid))
    mask.SetSpacing(grid.spacing_mm)
    far: NDArray[np.float32] = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(mask, False, False, True))
    return far
