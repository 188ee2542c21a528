"""The lungs: the share of the activity that is shunted there, their mass, and their dose."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images import CtImage, array_of
from ..missing import Missing
from ..occupancy import Grid, occupancy_of
from ..physics import G_PER_KG
from ..quantities import require_fraction, require_not_negative, require_positive
from ..structures import Structure
from .mird import mean_dose_gy

AIR_HU = -1000.0  # definition of the Hounsfield scale: air -1000, water 0
WATER_DENSITY_G_ML = 1.0
LARGEST_LUNG_DENSITY_G_ML = 1.1
"""Voxels above it (bone, contrast, metal caught in the outline) count as this much."""
WHOLE_LUNGS_FRACTION = 0.99
"""Tool default: with less of them inside a CT, it cuts them, and their mass is unknown."""


def lung_dose_gy(lung_gbq: float, lung_mass_g: float, joule_per_gbq: float) -> float:
    """Return the mean lung dose in Gy: k A_infused F / m_lung; a shunt of 0 gives a true 0.

    Raises
    ------
    InputError
        If the activity is negative, or mass or k are not positive.
    """
    return mean_dose_gy(lung_gbq, lung_mass_g, joule_per_gbq)


def activity_for_lung_dose_gbq(
    dose_gy: float,
    lung_mass_g: float,
    residual_fraction: float,
    lung_shunt_fraction: float,
    joule_per_gbq: float,
) -> float:
    """Return the vial activity, in GBq at infusion, at which the lungs reach a mean dose.

    A0 = D m / [k F (1-R)]; infinity when the shunt is 0: the lungs then set no limit.

    Raises
    ------
    InputError
        Unless dose, mass and k are positive and both fractions lie in [0, 1).
    """
    require_positive(dose_gy, "lung dose", "Gy")
    require_positive(lung_mass_g, "lung mass", "g")
    require_positive(joule_per_gbq, "energy per activity", "J/GBq")
    require_fraction(residual_fraction, "residual fraction")
    require_fraction(lung_shunt_fraction, "lung shunt fraction")
    if lung_shunt_fraction == 0:
        return math.inf
    return dose_gy * (lung_mass_g / G_PER_KG) / (joule_per_gbq * lung_shunt_fraction * (1.0 - residual_fraction))


def lung_mass_from_ct_g(attenuation_hu: NDArray[np.generic], occupied_ml: NDArray[np.floating]) -> float:
    """Return the lung mass in g from CT: the sum of v (1 + HU/1000) g/mL, density held in [0, 1.1].

    Parameters
    ----------
    attenuation_hu
        Hounsfield units, any shape.
    occupied_ml
        The volume v of each voxel that lies inside the lungs, in mL, same shape.

    Raises
    ------
    InputError
        If shapes differ, values are not finite, a volume is negative, or the mass would be 0.
    """
    hu = np.asarray(attenuation_hu, dtype=np.float64)
    volume_ml = np.asarray(occupied_ml, dtype=np.float64)
    if hu.shape != volume_ml.shape:
        raise InputError(
            f"CT {hu.shape} and lung volumes {volume_ml.shape} differ in shape",
            where="lung mass",
            remedy="Bring the lungs to the grid of the CT first",
        )
    if not (np.isfinite(hu).all() and np.isfinite(volume_ml).all() and (volume_ml >= 0).all()):
        raise InputError(
            "a value is not finite, or a volume negative", where="lung mass", remedy="Export the CT and outline again"
        )
    density_g_ml = np.clip(WATER_DENSITY_G_ML * (1.0 - hu / AIR_HU), 0.0, LARGEST_LUNG_DENSITY_G_ML)
    mass_g = float(np.sum(density_g_ml * volume_ml))
    if mass_g <= 0:
        raise InputError(
            "the outline holds no tissue, only air or nothing",
            where="lung mass",
            remedy="Check the outline of the lungs and that the CT is in Hounsfield units",
        )
    return mass_g


def lung_mass_on_ct_g(lungs: Structure, ct: CtImage) -> float | Missing:
    """Return the mass of both lungs from a CT, in g; missing where nothing is outlined or the CT cuts them."""
    if lungs.is_empty:
        return Missing("the lungs are not outlined", ("lung_mass_g",))
    part = occupancy_of(lungs, Grid.of(ct.image))
    if part.total_ml < WHOLE_LUNGS_FRACTION * lungs.volume_ml:
        shown = f"{part.total_ml / lungs.volume_ml * 100:.0f} %"
        return Missing(f"the CT shows only {shown} of the lungs", ("lung_mass_g",))
    return lung_mass_from_ct_g(array_of(ct.image)[part.box.slices], part.volume_ml)


def lung_shunt_fraction(lung_counts: float, liver_counts: float) -> float:
    """Return the lung shunt fraction C_lung/(C_lung + C_liver), from a SPECT/CT or planar counts.

    Raises
    ------
    InputError
        If counts are negative or the liver holds none.
    """
    require_not_negative(lung_counts, "lung counts")
    require_positive(liver_counts, "liver counts")
    return lung_counts / (lung_counts + liver_counts)


def geometric_mean_counts(anterior_counts: float, posterior_counts: float) -> float:
    """Return the geometric mean of opposed planar views, to first order independent of the source's depth.

    Raises
    ------
    InputError
        If counts are negative.
    """
    require_not_negative(anterior_counts, "anterior counts")
    require_not_negative(posterior_counts, "posterior counts")
    return math.sqrt(anterior_counts) * math.sqrt(posterior_counts)


def planar_lung_shunt_fraction(
    lung_anterior_counts: float,
    lung_posterior_counts: float,
    liver_anterior_counts: float,
    liver_posterior_counts: float,
) -> float:
    """Return the lung shunt fraction of opposed planar views by their geometric means.

    Raises
    ------
    InputError
        If counts are negative or a view of the liver holds none.
    """
    return lung_shunt_fraction(
        geometric_mean_counts(lung_anterior_counts, lung_posterior_counts),
        geometric_mean_counts(liver_anterior_counts, liver_posterior_counts),
    )
