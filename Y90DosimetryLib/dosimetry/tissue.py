"""The mass density of the tissue in each voxel of a nuclear image, from a CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..images import CtImage, array_of, image_like

Float32 = NDArray[np.float32]

DENSITY_G_ML_BY_HU = (
    (-1000.0, 0.00121),
    (-98.0, 0.93),
    (-97.0, 0.930486),
    (14.0, 1.03),
    (23.0, 1.031),
    (100.0, 1.1199),
    (101.0, 1.0762),
    (1600.0, 1.9642),
    (3000.0, 2.8),
)
"""Corner points, joined by straight lines: Schneider, Bortfeld and Schlegel, Phys Med Biol 2000;45:459, as Monte Carlo
codes tabulate them. They hold without contrast medium: 110 HU of it in a liver would count as 1.08 g/mL."""
AIR_G_ML = 0.05
"""Tool default: a voxel below it holds next to no tissue, and no dose of tissue is given there."""


@dataclass(frozen=True)
class Tissue:
    """Density of each voxel in g/mL, shape (z, y, x); 0 in air; where the CT does not reach, the density assumed."""

    density_g_ml: Float32
    seen: NDArray[np.bool_]
    """Voxels that the CT shows."""


def density_of(attenuation_hu: NDArray[np.generic]) -> Float32:
    """Return the mass density in g/mL of CT values in Hounsfield units, any shape."""
    hu, g_ml = zip(*DENSITY_G_ML_BY_HU, strict=True)
    density: Float32 = np.interp(np.asarray(attenuation_hu, dtype=np.float32), hu, g_ml).astype(np.float32)
    return density


def tissue_on(image: sitk.Image, ct: CtImage, elsewhere_g_ml: float) -> Tissue:
    """Return the tissue on the grid of *image*: the mean density of the CT in each of its larger voxels.

    CT and image must be registered; where the CT does not reach, *elsewhere_g_ml* stands in.

    Raises
    ------
    InputError, GeometryError
        If the CT is not in Hounsfield units, holds values that are not numbers, or lies elsewhere than the image.
    """
    attenuation = array_of(ct.image)
    if not np.isfinite(attenuation).all():
        raise InputError("voxels are not a number or infinite", where="CT", remedy="Export the CT again")
    if float(attenuation.min()) >= 0:
        raise InputError(
            f"its lowest value is {float(attenuation.min()):g}: these are no Hounsfield units, where fat is -100",
            where="CT",
            remedy="Give the CT with its rescaling applied",
        )
    fine = sitk.Mean(image_like(density_of(attenuation), ct.image), _radius(image, ct.image))
    moved: Float32 = sitk.GetArrayFromImage(
        sitk.Resample(fine, image, sitk.Transform(), sitk.sitkLinear, float("nan"), sitk.sitkFloat32)
    )
    seen = np.isfinite(moved)
    if not seen.any():
        raise GeometryError(
            "CT and image do not overlap", where="CT", remedy="Register them first (y90 register), or give the right CT"
        )
    moved[moved < AIR_G_ML] = 0.0
    moved[~seen] = elsewhere_g_ml
    return Tissue(moved, seen)


def _radius(image: sitk.Image, ct: sitk.Image) -> list[int]:
    """Return how many voxels of the CT, along each of its axes, lie on either side within one voxel of *image*."""
    axes, target = (np.asarray(one.GetDirection()).reshape(3, 3) for one in (ct, image))
    extent_mm = np.abs(axes.T @ target) @ np.asarray(image.GetSpacing())
    return [int(n) for n in np.maximum(0, np.rint((extent_mm / np.asarray(ct.GetSpacing()) - 1) / 2))]
