"""Images made ready to be compared: cut around the liver, in its window of gray values, on cubic voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, InputError
from ..images import ActivityMap, CountMap, CtImage, array_of
from ..occupancy import Grid
from ..structures import Box, Structure

WINDOW_HU = (-200.0, 300.0)
"""Tool default: fat, liver and vessels keep their contrast; lung and bone end at its borders."""
SPACING_MM = 3.0
"""Of the cubic voxels that are compared: finer ones cost time and gain nothing for a liver."""
ROOM_MM = 30.0
"""Around the liver in the box that is compared: as far as a displacement to be found."""
NEAR_MM = 15.0
"""Around the liver in the last steps from CT to CT: spine and ribs do not breathe with it."""


@dataclass(frozen=True)
class Compared:
    """What is laid on each other."""

    fixed: sitk.Image
    moving: sitk.Image
    box: sitk.Image
    """Mask of the voxels of `fixed` where the search begins."""
    near: sitk.Image
    """Mask of those that decide in the end."""


def prepared_ct(ct: CtImage) -> sitk.Image:
    """Return a CT inside its window, on voxels of about `SPACING_MM`."""
    low_hu, high_hu = WINDOW_HU
    image = sitk.Clamp(sitk.Cast(ct.image, sitk.sitkFloat32), sitk.sitkFloat32, low_hu, high_hu)
    return _contrast(_cubic(image), "CT")


def prepared_counts(emission: CountMap | ActivityMap) -> sitk.Image:
    """Return the square root of the counts: their noise is then alike everywhere, and a hot tumor does not rule."""
    return _contrast(sitk.Sqrt(sitk.Cast(emission.image, sitk.sitkFloat32)), "emission image")


def region_of(ct: CtImage, liver: Structure | None) -> CtImage:
    """Return the part of a CT around the liver; all of it where there is no outline.

    Raises
    ------
    InputError, GeometryError
        If the outline is empty or lies outside the CT.
    """
    if liver is None:
        return ct
    if liver.box is None:
        raise InputError("it is empty", where=f"structure '{liver.label}'", remedy="Outline the liver, or leave it out")
    grid, own = Grid.of(ct.image), Grid.of(liver.mask).cropped(liver.box)
    corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in own.size], indexing="ij")).reshape(3, -1).T
    points = np.array([own.point_mm((c[0], c[1], c[2])) for c in corners])
    index = (points - np.asarray(grid.origin_mm)) @ grid.axes / np.asarray(grid.spacing_mm)
    room = ROOM_MM / np.asarray(grid.spacing_mm)
    if (index.max(axis=0) < 0).any() or (index.min(axis=0) > np.asarray(grid.size) - 1).any():
        raise GeometryError(
            "the liver lies outside the CT it should be outlined on",
            where=f"structure '{liver.label}'",
            remedy="Give the outline that was drawn on the fixed image",
        )
    low = np.maximum(np.floor(index.min(axis=0) - room), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + room) + 1, grid.size).astype(int)
    x, y, z = (int(v) for v in low)
    nx, ny, nz = (int(v) for v in high - low)
    box = Box((x, y, z), (nx, ny, nz))
    part = sitk.RegionOfInterest(ct.image, box.size, box.index)
    return CtImage(part)


def everywhere(image: sitk.Image) -> sitk.Image:
    """Return a mask of the whole image."""
    mask: sitk.Image = Grid.of(image).image() + 1
    return mask


def near(image: sitk.Image, structure: Structure, distance_mm: float) -> sitk.Image:
    """Return a mask of what lies in a structure or no further from it than *distance_mm*."""
    far = sitk.SignedMaurerDistanceMap(_on(image, structure), False, False, True)
    mask: sitk.Image = sitk.Cast(far <= distance_mm, sitk.sitkUInt8)
    return mask


def blurred_outline(image: sitk.Image, structure: Structure, sigma_mm: float) -> sitk.Image:
    """Return an outline as a scanner would show it if it were filled evenly, on the grid of *image*."""
    soft = sitk.SmoothingRecursiveGaussian(sitk.Cast(_on(image, structure), sitk.sitkFloat32), sigma_mm)
    return _contrast(soft, f"structure '{structure.label}'")


def _on(image: sitk.Image, structure: Structure) -> sitk.Image:
    inside = sitk.Cast(structure.mask != 0, sitk.sitkUInt8)
    return sitk.Resample(inside, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0)


def _cubic(image: sitk.Image) -> sitk.Image:
    """Return an image on nearly cubic voxels that fill the same box; fine voxels are smoothed before."""
    pairs = list(zip(image.GetSize(), image.GetSpacing(), strict=True))
    size = [max(1, round(n * s / SPACING_MM)) for n, s in pairs]
    spacing = [n * s / m for (n, s), m in zip(pairs, size, strict=True)]
    start = [-0.5 + 0.5 * new / old for new, old in zip(spacing, image.GetSpacing(), strict=True)]
    origin = image.TransformContinuousIndexToPhysicalPoint(start)
    grains = [max(new**2 - old**2, 0.0) ** 0.5 / 2 for new, old in zip(spacing, image.GetSpacing(), strict=True)]
    if min(image.GetSize()) >= 4 and max(grains) > 0.1:
        image = sitk.SmoothingRecursiveGaussian(image, [max(g, 0.01) for g in grains])
    return sitk.Resample(
        image,
        size,
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        origin,
        spacing,
        image.GetDirection(),
        float(array_of(image).min()),
        sitk.sitkFloat32,
    )


def _contrast(image: sitk.Image, where: str) -> sitk.Image:
    array = array_of(image)
    if min(image.GetSize()) < 4:
        raise InputError(
            f"it has only {' x '.join(str(n) for n in image.GetSize())} voxels to compare",
            where=where,
            remedy="Give a volume that holds the liver",
        )
    if not np.isfinite(array).all() or float(array.max()) <= float(array.min()):
        raise InputError(
            "nothing can be matched: it shows one value everywhere, or values that are not numbers",
            where=where,
            remedy="Check which series was chosen, and that the outline lies in its field of view",
        )
    return image
