"""Several compartments that share one infusion, each with its own concentration relative to normal liver.

The ratio r of a compartment is its activity per mass over that of perfused normal liver: a ratio of *mean
concentrations*, not of maxima and not of total counts. Some papers call the ratio of activities A_T/A_N "R";
it is r = R m_N/m_T. Source: Ho et al., Eur J Nucl Med 1996;23:947 (partition model), extended to any number of
compartments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..quantities import require_fraction, require_not_negative, require_positive
from .mird import activity_for_dose_gbq, mean_dose_gy


@dataclass(frozen=True)
class RelativeUptake:
    """A perfused compartment other than normal liver: its mass, and its concentration over that of normal liver."""

    mass_g: float
    concentration_ratio: float

    def __post_init__(self) -> None:
        require_not_negative(self.mass_g, "compartment mass", "g")
        require_not_negative(self.concentration_ratio, "concentration ratio")


@dataclass(frozen=True)
class SharedDoses:
    """Mean doses of compartments that share one infusion, in Gy; None where a compartment has no mass."""

    normal_dose_gy: float | None
    """Perfused normal liver."""
    uptake_doses_gy: tuple[float | None, ...]
    """One for each `RelativeUptake`, in its order."""
    perfused_dose_gy: float
    """Mean over all of them together."""


@dataclass(frozen=True)
class PartitionDoses:
    """Mean doses of the partition model, in Gy; None where a compartment has no mass."""

    tumor_dose_gy: float | None
    normal_dose_gy: float | None
    perfused_dose_gy: float


def shared_doses(
    liver_gbq: float, normal_mass_g: float, uptakes: Sequence[RelativeUptake], joule_per_gbq: float
) -> SharedDoses:
    """Return the mean doses of perfused normal liver and of every other perfused compartment.

    D_N = k A_liver / (m_N + sum r_i m_i) and D_i = r_i D_N, so that all energy is given back.

    Raises
    ------
    InputError
        If a mass or ratio is negative, or nothing perfused takes up any activity.
    """
    require_not_negative(normal_mass_g, "perfused normal liver mass", "g")
    weighted_mass_g = normal_mass_g + math.fsum(u.concentration_ratio * u.mass_g for u in uptakes)
    if weighted_mass_g <= 0:
        raise InputError(
            "no compartment takes up any activity (no perfused normal liver, and every mass or ratio is 0)",
            where="partition model",
            remedy="Give a perfused mass and a ratio above 0",
        )
    unit_dose_gy = mean_dose_gy(liver_gbq, weighted_mass_g, joule_per_gbq)
    perfused_mass_g = normal_mass_g + math.fsum(u.mass_g for u in uptakes)
    return SharedDoses(
        normal_dose_gy=unit_dose_gy if normal_mass_g > 0 else None,
        uptake_doses_gy=tuple(u.concentration_ratio * unit_dose_gy if u.mass_g > 0 else None for u in uptakes),
        perfused_dose_gy=mean_dose_gy(liver_gbq, perfused_mass_g, joule_per_gbq),
    )


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
    doses = shared_doses(liver_gbq, normal_mass_g, [RelativeUptake(tumor_mass_g, tumor_to_normal_ratio)], joule_per_gbq)
    return PartitionDoses(doses.uptake_doses_gy[0], doses.normal_dose_gy, doses.perfused_dose_gy)


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
    tumor_equivalent_mass_g = tumor_mass_g + normal_mass_g / tumor_to_normal_ratio
    return activity_for_dose_gbq(
        tumor_dose_gy, tumor_equivalent_mass_g, residual_fraction, lung_shunt_fraction, joule_per_gbq
    )


def concentration_ratio(counts: float, mass_g: float, normal_counts: float, normal_mass_g: float) -> float:
    """Return the ratio of mean concentrations (C/m)/(C_N/m_N) of a compartment to perfused normal liver.

    Raises
    ------
    InputError
        If a mass is not positive, counts are negative, or normal liver has none (the ratio has no bound).
    """
    require_not_negative(counts, "counts")
    require_positive(mass_g, "mass", "g")
    require_positive(normal_mass_g, "perfused normal liver mass", "g")
    require_not_negative(normal_counts, "counts in perfused normal liver")
    if normal_counts == 0:
        raise InputError(
            "there are none, so no ratio to normal liver exists",
            where="counts in perfused normal liver",
            remedy="Check the outlines, or enter the ratio",
        )
    return (counts / mass_g) / (normal_counts / normal_mass_g)


def dose_from_counts_gy(liver_gbq: float, counts_fraction: float, mass_g: float, joule_per_gbq: float) -> float:
    """Return the mean dose of a compartment that holds *counts_fraction* of the liver's counts, in Gy.

    D = k A_liver (C/C_liver)/m: patient-relative calibration, no ratio needed.

    Raises
    ------
    InputError
        If the fraction lies outside [0, 1], or as `mird.mean_dose_gy` does.
    """
    if counts_fraction != 1.0:
        require_fraction(counts_fraction, "fraction of the liver's counts")
    return mean_dose_gy(liver_gbq * counts_fraction, mass_g, joule_per_gbq)


def whole_normal_dose_gy(normal_dose_gy: float, perfused_mass_g: float, unperfused_mass_g: float) -> float:
    """Return the mean dose of all normal liver, in Gy, when only its perfused part receives any.

    Raises
    ------
    InputError
        If dose or unperfused mass are negative or the perfused mass is not positive.
    """
    require_not_negative(normal_dose_gy, "perfused normal liver dose", "Gy")
    require_positive(perfused_mass_g, "perfused normal liver mass", "g")
    require_not_negative(unperfused_mass_g, "unperfused normal liver mass", "g")
    return normal_dose_gy * perfused_mass_g / (perfused_mass_g + unperfused_mass_g)
