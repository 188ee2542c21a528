"""What only the user can say of a DICOM folder, and what each of its series may be used as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ..structures import Role
from .dicom_sort import Kind, Series, Sorting


class Use(StrEnum):
    """What a series is used as; the first three are members of `Choices` that hold its number."""

    CT = "ct"
    SPECT = "spect"
    PET = "pet"
    OUTLINES = "outlines"
    BESIDE = "beside"
    """Kept beside the case: anatomy, registration, lung shunt."""


@dataclass(frozen=True)
class Choices:
    """What only the user can say: series by their number in the list, and what the headers leave open."""

    ct: int | None = None
    """The planning CT; 0 takes none, None the only one there is. The same for `spect` and `pet`."""
    spect: int | None = None
    pet: int | None = None
    mr: tuple[int, ...] | None = None
    """MR to keep beside the case; None keeps the only one there is."""
    outlines: tuple[int, ...] | None = None
    """SEG and RT structure sets to take; None takes those drawn on the CT."""
    patient: int | None = None
    label: str = "Case from DICOM"
    time_zone: str | None = None
    pet_reference: datetime | None = None
    pet_at_infusion: bool = False
    pet_as_counts: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    """The role of segments by their name, "none" to leave one out; others as name and codes suggest."""
    keep_identifiers: bool = False
    spect_reference: datetime | None = None
    """To which instant a Y-90 SPECT in Bq/mL is decay-corrected, where the header does not say."""
    spect_at_infusion: bool = False


NOTHING_SAID = Choices()


@dataclass(frozen=True)
class Note:
    """What was left out, changed or assumed, and which member of `Choices` would change it (empty: none)."""

    text: str
    about: str = ""
    value: str = ""
    """What to give for it, where that is known: the number of a series, say."""


@dataclass(frozen=True)
class StructureLine:
    """An outline that was found, and what it was taken as; no text of it names the patient."""

    name: str
    role: Role | None
    """None where it was left out."""
    volume_ml: float | None
    """None where it is empty or could not be read."""
    why_not: str = ""
    """Why it was left out; empty where it was taken."""

    @property
    def text(self) -> str:
        """One line for a list: name, role, volume."""
        taken = self.role.value if self.role else f"left out, {self.why_not}"
        return f"{self.name}: {taken}" + ("" if self.volume_ml is None else f", {self.volume_ml * (1 + 1e-9):.1f} mL")


@dataclass(frozen=True)
class SeriesOffer:
    """One series of a folder for a list to choose from; no text of it names the patient."""

    number: int
    patient: int
    """Counts from 1 in this folder."""
    line: str
    """Kind, description, size and doubts in one line, without the number."""
    seems: Kind
    description: str
    uses: tuple[Use, ...]
    """What the user may choose it as; none where it can't be used."""
    taken_as: Use | None
    """What it is used as unless the user says otherwise; None where there is a choice, or nothing it can be."""
    why_not: str
    """Why it is not used, or used only when the user says so; empty where nothing speaks against it."""


_USES: Mapping[Kind, tuple[Use, ...]] = {
    Kind.CT: (Use.CT,),
    Kind.CBCT: (Use.BESIDE,),
    Kind.SPECT: (Use.SPECT,),
    Kind.PET: (Use.PET,),
    Kind.PLANAR: (Use.BESIDE,),
    Kind.MR: (Use.BESIDE,),
    Kind.SEG: (Use.OUTLINES,),
    Kind.RTSTRUCT: (Use.OUTLINES,),
    Kind.REPORT: (Use.BESIDE,),
    Kind.UNSURE: (Use.SPECT, Use.PET, Use.CT),
    Kind.OTHER: (),
}


def series_offers(sorting: Sorting) -> tuple[SeriesOffer, ...]:
    """Return what each series of a folder seems to be, what it may be used as, and why not."""
    alone = {kind: len(sorting.of_kind(kind)) == 1 for kind in (Kind.CT, Kind.SPECT, Kind.PET)}
    return tuple(_offer(series, alone.get(series.kind, True)) for series in sorting.series)


def _offer(series: Series, alone: bool) -> SeriesOffer:
    uses = _USES[series.kind]
    taken = uses[0] if len(uses) == 1 and alone else None
    why_not = series.why
    if not why_not and uses and taken is None:
        why_not = f"one of several that may be the {series.kind.value}"
    line = series.line.partition(": ")[2]
    return SeriesOffer(series.number, series.patient, line, series.kind, series.description, uses, taken, why_not)
