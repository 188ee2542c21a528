"""Outlines made from others: by a threshold on the uptake image, or by leaving some voxels out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import SimpleITK as sitk

from .errors import GeometryError, InputError
from .images import ActivityMap, Array, CountMap
from .occupancy import Grid
from .structures import UINT8, Structure


def above_threshold(image: CountMap | ActivityMap, inside: Structure, share_fraction: float) -> sitk.Image:
    """Return the voxels of a structure where an image reaches a share of its largest value inside.

    Parameters
    ----------
    image
        The uptake image; it is interpolated linearly onto the structure's voxels.
    inside
        Where to look, and the grid of the result (cut to the structure's box).
    share_fraction
        In (0, 1): the share of the largest interpolated value inside the structure.

    Returns
    -------
    A mask of 0 and 1.

    Raises
    ------
    InputError
        If the share is not in (0, 1), the structure is empty, or the image holds nothing inside.
    """
    if not 0 < share_fraction < 1:
        raise InputError(
            f"the threshold is {share_fraction}", where="outline by threshold", remedy="Give a fraction between 0 and 1"
        )
    mask = _mask_of(inside)
    on_structure = sitk.Resample(image.image, mask, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    values: Array = sitk.GetArrayViewFromImage(on_structure)
    within: UINT8 = sitk.GetArrayViewFromImage(mask)
    largest = float(values.max(where=within != 0, initial=0.0))
    if largest <= 0:
        raise InputError(
            f"the image holds nothing inside '{inside.label}'",
            where="outline by threshold",
            remedy="Check that both belong to this patient and frame of reference, and which series was chosen",
        )
    reached = (within != 0) & (values >= share_fraction * largest)
    return _mask_like(reached.astype(np.uint8), mask)


def without(structure: Structure, others: Iterable[Structure]) -> sitk.Image:
    """Return the voxels of a structure that lie in none of the others, as a mask on its own grid, cut to its box.

    Raises
    ------
    InputError
        If the structure is empty, or nothing of it is left.
    """
    mask = _mask_of(structure)
    left: UINT8 = sitk.GetArrayFromImage(mask)
    for other in others:
        if not other.is_empty:
            on_structure = sitk.Resample(_mask_of(other), mask, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
            left[sitk.GetArrayViewFromImage(on_structure) != 0] = 0
    if not left.any():
        raise GeometryError(
            f"nothing of '{structure.label}' is left",
            where="outline without others",
            remedy="Check the outlines that are taken away",
        )
    return _mask_like(left, mask)


def _mask_of(structure: Structure) -> sitk.Image:
    if structure.box is None:
        raise InputError(f"'{structure.label}' is empty", where=structure.role.display_name, remedy="Outline it first")
    grid = Grid.of(structure.mask).cropped(structure.box)
    image = sitk.GetImageFromArray(structure.cropped())
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image


def _mask_like(array: UINT8, like: sitk.Image) -> sitk.Image:
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(like)
    return mask
