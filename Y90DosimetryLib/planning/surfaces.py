"""Outlines whose surface is moved by less than a voxel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr, ndtri

from ..errors import InputError
from ..images import image_like
from ..occupancy import Grid
from ..structures import Box, Structure

REACH = 3.0
"""A surface is moved by at most so many widths of the blur that finds it."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A structure as a smooth level set: blurred with a Gaussian, a flat surface at depth d has the value Phi(d/w).

    Moved outward by delta, the structure is where the blurred mask exceeds Phi(-(d0 + delta)/w). The depth d0 keeps
    the volume as drawn at delta = 0: a blurred ball shrinks a little at its own surface.
    """

    structure: Structure
    inside_fraction: NDArray[np.float32]
    box: Box
    width_mm: float
    depth_mm: float

    def moved(self, delta_mm: float) -> Structure:
        """Return the structure with its surface moved outward (inward when negative).

        Raises
        ------
        InputError
            If nothing is left of it.
        """
        delta_mm = float(np.clip(delta_mm, -REACH * self.width_mm, REACH * self.width_mm))
        mask = np.zeros(self.structure.mask.GetSize()[::-1], dtype=np.uint8)
        mask[self.box.slices] = self.inside_fraction > ndtr(-(self.depth_mm + delta_mm) / self.width_mm)
        image = sitk.GetImageFromArray(mask)
        image.CopyInformation(self.structure.mask)
        moved = Structure(self.structure.role, self.structure.label, image)
        if moved.is_empty:
            raise InputError(
                f"nothing is left of '{moved.label}' when its surface moves by {delta_mm:.1f} mm",
                where="uncertainty, contour",
                remedy="State a smaller shift",
            )
        return moved


def surface_of(structure: Structure, sd_mm: float) -> Surface:
    """Return the level set of a structure, good for shifts of about three standard deviations.

    Raises
    ------
    InputError
        If the structure is empty.
    """
    if structure.box is None:
        raise InputError(f"'{structure.label}' is empty", where="uncertainty, contour", remedy="Outline it")
    grid = Grid.of(structure.mask)
    width_mm = max(sd_mm, *grid.spacing_mm)
    margin = [int(np.ceil((REACH + 1) * width_mm / s)) for s in grid.spacing_mm]
    low = [max(0, i - m) for i, m in zip(structure.box.index, margin, strict=True)]
    high = [
        min(n, i + s + m) for n, i, s, m in zip(grid.size, structure.box.index, structure.box.size, margin, strict=True)
    ]
    x, y, z = (h - lo for h, lo in zip(high, low, strict=True))
    box = Box((low[0], low[1], low[2]), (x, y, z))
    inside = np.asarray(sitk.GetArrayViewFromImage(structure.mask)[box.slices] != 0, dtype=np.float32)
    sigma = [width_mm / s for s in reversed(grid.spacing_mm)]
    blurred = gaussian_filter(inside, sigma, mode="nearest")
    outermost = blurred.size - structure.voxel_count
    last_in = float(np.partition(blurred.ravel(), outermost)[outermost])
    level = np.nextafter(np.float32(last_in), np.float32(0))
    return Surface(structure, blurred, box, width_mm, -width_mm * float(ndtri(np.clip(level, 1e-6, 1 - 1e-6))))


def voxel_mm(structure: Structure) -> float:
    """Return the size of a structure's voxel: the cube root of its volume."""
    return math.cbrt(math.prod(structure.mask.GetSpacing()))


def displaced_image(image: sitk.Image, shift_mm: tuple[float, float, float]) -> sitk.Image:
    """Return the same voxels at a place shifted along the patient's axes."""
    moved = image_like(sitk.GetArrayFromImage(image), image)
    x, y, z = (o + s for o, s in zip(image.GetOrigin(), shift_mm, strict=True))
    moved.SetOrigin((x, y, z))
    return moved
