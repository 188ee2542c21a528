"""How much of each tumor the pathologist found dead, per tumor and for the patient, with the dose it had received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InputError
from ..missing import Missing, first_missing
from ..quantities import require_not_negative

EXTENSIVE_FROM_FRACTION = 0.50
"""Source: Meerun et al. 2022, Methods, pathology analysis: complete, extensive (50-99 %), partial (< 50 %).

What lies between 99 and 100 % is not complete and is called extensive.
"""


class Necrosis(StrEnum):
    """Complete, extensive, partial; the best first. Written as in the cohort's Table 5."""

    COMPLETE = "CPN"
    EXTENSIVE = "Extensive"
    PARTIAL = "Partial"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return tuple(Necrosis).index(self)


@dataclass(frozen=True)
class TumorNecrosis:
    """One tumor of the explant; give the fraction that is necrotic, or the class where only that is reported.

    Raises
    ------
    InputError
        If the fraction lies outside [0, 1], the class is not that of the fraction, or the dose is negative.
    """

    tumor: str
    necrosis_fraction: float | None = None
    stated: Necrosis | None = None
    dose_gy: float | Missing = Missing("the dose of this tumor is not known", ("image",))

    def __post_init__(self) -> None:
        where = f"tumor '{self.tumor}'"
        if not isinstance(self.dose_gy, Missing):
            require_not_negative(self.dose_gy, f"{where}, dose", "Gy")
        if self.necrosis_fraction is None:
            return
        if not 0 <= self.necrosis_fraction <= 1:
            raise InputError(
                f"necrosis is {self.necrosis_fraction}",
                where=where,
                remedy="Enter a fraction from 0 to 1: 0.95 for 95 %",
            )
        found = necrosis_of(self.necrosis_fraction)
        if self.stated is not None and self.stated is not found:
            raise InputError(
                f"{self.necrosis_fraction:.0%} is {found}, but {self.stated} is stated",
                where=where,
                remedy="Correct one",
            )

    @property
    def necrosis(self) -> Necrosis | Missing:
        """The class of this tumor."""
        if self.necrosis_fraction is not None:
            return necrosis_of(self.necrosis_fraction)
        return self.stated or Missing(f"necrosis of '{self.tumor}' is not reported", ("necrosis",))


@dataclass(frozen=True)
class PatientNecrosis:
    """All tumors of a patient: the poorest necrosis and the lowest dose, as the cohort counts a patient."""

    tumors: tuple[TumorNecrosis, ...]

    def __post_init__(self) -> None:
        if not self.tumors:
            raise InputError("there is no tumor", where="pathology", remedy="Enter at least one")
        names = [t.tumor for t in self.tumors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"'{twice[0]}' is reported twice", where="pathology", remedy="Keep one")

    @property
    def necrosis(self) -> Necrosis | Missing:
        """The poorest of the tumors; certain as soon as one is partial, whatever is not reported of the others."""
        found = [t.necrosis for t in self.tumors]
        known = [n for n in found if not isinstance(n, Missing)]
        if Necrosis.PARTIAL in known:
            return Necrosis.PARTIAL
        gone = first_missing(*(n for n in found if isinstance(n, Missing)))
        return gone or max(known, key=lambda n: n.rank)

    @property
    def poorest(self) -> tuple[TumorNecrosis, ...]:
        """The tumors that decide."""
        return tuple(t for t in self.tumors if t.necrosis is self.necrosis)

    @property
    def lowest_dose_gy(self) -> float | Missing:
        """The lowest dose of a tumor; missing when one is not known."""
        doses_gy = [t.dose_gy for t in self.tumors]
        gone = first_missing(*doses_gy)
        return gone or min(d for d in doses_gy if not isinstance(d, Missing))


def necrosis_of(necrosis_fraction: float) -> Necrosis:
    """Return the class of a necrotic fraction, 0 to 1."""
    if necrosis_fraction == 1:
        return Necrosis.COMPLETE
    return Necrosis.EXTENSIVE if necrosis_fraction >= EXTENSIVE_FROM_FRACTION else Necrosis.PARTIAL


def doses_by_necrosis(tumors: Iterable[TumorNecrosis]) -> Mapping[Necrosis, tuple[float, ...]]:
    """Return the known doses in Gy of the tumors of each class, rising; tumors without class or dose are left out."""
    found: dict[Necrosis, list[float]] = {n: [] for n in Necrosis}
    for tumor in tumors:
        if not isinstance(tumor.necrosis, Missing) and not isinstance(tumor.dose_gy, Missing):
            found[tumor.necrosis].append(tumor.dose_gy)
    return {necrosis: tuple(sorted(doses_gy)) for necrosis, doses_gy in found.items()}
