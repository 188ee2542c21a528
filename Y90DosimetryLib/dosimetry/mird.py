"""Single compartment: where the activity of a vial goes, and the mean dose of a mass that keeps all it receives.

Residual and lung shunt each enter once, in `net_activities`. The consensus prints D = A 50 (1-F)/M with a "net"
A, while its worked example has already removed F from it; removing F twice would lose a fraction F of the dose.
Source: Salem et al., Eur J Nucl Med Mol Imaging 2023;50:328, key definitions and worked example.
"""

from __future__ import annotations

from dataclasses import dataclass

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
