"""Decay and energy of yttrium-90; constants come with their source, the rest is derived."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

JOULE_PER_MEV = 1.602176634e-13  # exact: SI Brochure, 9th edition (2019)
SECONDS_PER_HOUR = 3600.0
BQ_PER_GBQ = 1e9
G_PER_KG = 1000.0
HOURS_PER_DAY = 24.0


@dataclass(frozen=True)
class Radionuclide:
    """What dosimetry needs to know about a nuclide, and where it stands."""

    symbol: str
    half_life_h: float
    mean_energy_mev: float
    source: str

    @property
    def joule_per_gbq(self) -> float:
        """Energy released by the complete decay of 1 GBq, in J, equal to Gy kg."""
        return self.mean_energy_mev * joule_per_gbq_and_mev(self.half_life_h)


def joule_per_gbq_and_mev(half_life_h: float) -> float:
    """Return the energy in J that 1 GBq releases until complete decay, for 1 MeV a decay."""
    mean_life_s = half_life_h * SECONDS_PER_HOUR / math.log(2.0)
    return BQ_PER_GBQ * mean_life_s * JOULE_PER_MEV


Y90_LABEL = Radionuclide("Y-90", 64.1, 0.9367, "TheraSphere package insert")
Y90_DDEP = Radionuclide("Y-90", 64.042, 0.9267, "DDEP/LNHB evaluation 2015, used by AAPM MPPG 14.a")
Y90_ICRP = Radionuclide("Y-90", 64.10, 0.9336, "ICRP Publication 107 type data")

DEFAULT_HALF_LIFE_H = Y90_LABEL.half_life_h
DEFAULT_JOULE_PER_GBQ = 50.0
"""Gy kg / GBq as printed by the package insert (49.96 rounded); the consensus thresholds were derived with it."""

LABEL_LUNG_MASS_G = 1000.0
"""Mass of both lungs as the package insert assumes it, for a patient whose lungs were not measured."""


def elapsed_h(start: datetime, end: datetime) -> float:
    """Return the hours between two instants (both aware), also across a change of clocks in one zone."""
    return (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() / SECONDS_PER_HOUR


def decay_factor(elapsed_h: float, half_life_h: float = DEFAULT_HALF_LIFE_H) -> float:
    """Return the fraction of an activity that is left after *elapsed_h* hours (more than 1 when negative)."""
    return math.exp2(-elapsed_h / half_life_h)
