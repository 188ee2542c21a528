"""Where the activity of a vial goes: into one compartment, or by the partition model into several.

Residual and lung shunt each enter once, in `net_activities`. The consensus prints D = A 50 (1-F)/M with a "net"
A, while its worked example has already removed F from it; removing F twice would lose a fraction F of the dose.
Source: Salem et al., Eur J Nucl Med Mol Imaging 2023;50:328, key definitions and worked example.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..physics import G_PER_KG
from ..quantities import require_fraction, require_not_negative, require_positive


@dataclass(frozen=True)
class NetActivities:
    """What left the vial (residual removed) and how it divides; liver and lungs together are all of it."""

    infused_gbq: float
    liver_gbq: float
    lung_gbq: float


def net_activities(activity_gbq: float, residual_fraction: float, lung_shunt_fraction: float) -> NetActivities:
    """Return how the activity of a vial, in GBq at the moment of infusion, divides between liver and lungs.

    The lung shunt fraction is a fraction of the infused activity.

    Raises
    ------
    InputError
        Unless the activity is positive and both fractions lie in [0, 1).
    """
    require_positive(activity_gbq, "activity", "GBq")
    kept_fraction = _kept_fraction(residual_fraction)
    require_fraction(lung_shunt_fraction, "lung shunt fraction")
    infused_gbq = activity_gbq * kept_fraction
    return NetActivities(
        infused_gbq=infused_gbq,
        liver_gbq=infused_gbq * (1.0 - lung_shunt_fraction),
        lung_gbq=infused_gbq * lung_shunt_fraction,
    )


def mean_dose_gy(activity_gbq: float, mass_g: float, joule_per_gbq: float) -> float:
    """Return the mean absorbed dose in Gy of a mass that keeps *activity_gbq* until complete decay.

    D = k A / m (MIRD, permanently trapped spheres, all energy absorbed in the mass), k in Gy kg/GBq.

    Raises
    ------
    InputError
        If the activity is negative, or mass or k are not positive.
    """
    require_not_negative(activity_gbq, "activity", "GBq")
    require_positive(mass_g, "mass", "g")
    require_positive(joule_per_gbq, "energy per activity", "J/GBq")
    return joule_per_gbq * activity_gbq * G_PER_KG / mass_g


def activity_for_dose_gbq(
    dose_gy: float,
    mass_g: float,
    residual_fraction: float,
    lung_shunt_fraction: float,
    joule_per_gbq: float,
) -> float:
    """Return the vial activity, in GBq at the moment of infusion, that gives a liver volume a mean dose.

    A0 = D m / [k (1-F)(1-R)]: the inverse of `mean_dose_gy` over the liver's share of `net_activities`.

    Raises
    ------
    InputError
        Unless dose, mass and k are positive and both fractions lie in [0, 1).
    """
    require_positive(dose_gy, "dose", "Gy")
    require_positive(mass_g, "mass", "g")
    require_positive(joule_per_gbq, "energy per activity", "J/GBq")
    kept_fraction = _kept_fraction(residual_fraction)
    require_fraction(lung_shunt_fraction, "lung shunt fraction")
    return dose_gy * (mass_g / G_PER_KG) / (joule_per_gbq * (1.0 - lung_shunt_fraction) * kept_fraction)


def _kept_fraction(residual_fraction: float) -> float:
    require_fraction(residual_fraction, "residual fraction")
    return 1.0 - residual_fraction


def divided_gbq(liver_gbq: float, masses: NDArray[np.float64], ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the activity of each compartment of a perfused volume: in proportion to mass times concentration ratio.

    The ratio is that of *mean concentrations*, of a compartment over perfused normal liver; some papers call the ratio
    of activities A_T/A_N "R", which is r = R m_N/m_T. Masses may be volumes of one density. The one partition model,
    with any number of compartments; ratios of 1 make it the single compartment. Source: Ho et al., Eur J Nucl Med
    1996;23:947.
    """
    weights = masses * ratios
    share: NDArray[np.float64] = liver_gbq * weights / weights.sum()
    return share


@dataclass(frozen=True)
class PartitionDoses:
    """Mean doses of the partition model, in Gy; None where a compartment has no mass."""

    tumor_dose_gy: float | None
    normal_dose_gy: float | None
    perfused_dose_gy: float


def partition_doses(
    liver_gbq: float,
    tumor_mass_g: float,
    normal_mass_g: float,
    tumor_to_normal_ratio: float,
    joule_per_gbq: float,
) -> PartitionDoses:
    """Return the doses of the partition model: all tumor as one compartment with one mean ratio.

    Raises
    ------
    InputError
        If a mass is negative, both are 0, or the ratio is not positive.
    """
    require_positive(tumor_to_normal_ratio, "tumor-to-normal ratio")
    masses = (tumor_mass_g, normal_mass_g)
    for mass_g, name in zip(masses, ("tumor mass", "perfused normal liver mass"), strict=True):
        require_not_negative(mass_g, name, "g")
    perfused_gy = mean_dose_gy(liver_gbq, math.fsum(masses), joule_per_gbq)
    activities = divided_gbq(liver_gbq, np.array(masses), np.array([tumor_to_normal_ratio, 1.0]))
    doses = [
        mean_dose_gy(float(a), m, joule_per_gbq) if m > 0 else None for a, m in zip(activities, masses, strict=True)
    ]
    return PartitionDoses(doses[0], doses[1], perfused_gy)


def activity_for_tumor_dose_gbq(
    tumor_dose_gy: float,
    tumor_mass_g: float,
    normal_mass_g: float,
    tumor_to_normal_ratio: float,
    residual_fraction: float,
    lung_shunt_fraction: float,
    joule_per_gbq: float,
) -> float:
    """Return the vial activity, in GBq at infusion, that gives the tumor a mean dose in the partition model.

    Raises
    ------
    InputError
        If there is no tumor mass, or as `partition_doses` and `mird.activity_for_dose_gbq` do.
    """
    require_positive(tumor_mass_g, "tumor mass", "g")
    require_not_negative(normal_mass_g, "perfused normal liver mass", "g")
    require_positive(tumor_to_normal_ratio, "tumor-to-normal ratio")
    equivalent_g = tumor_mass_g + normal_mass_g / tumor_to_normal_ratio
    return activity_for_dose_gbq(tumor_dose_gy, equivalent_g, residual_fraction, lung_shunt_fraction, joule_per_gbq)
