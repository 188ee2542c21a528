"""What became of a patient: what the pathologist found in each tumor, and the course until last seen.

Everything is optional: None is unknown, and unknown is never "no". The day of surgery is the fact `surgery_date`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from .errors import InputError
from .quantities import require_in_calendar

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

    @property
    def words(self) -> str:
        """The class as a reader of the report sees it."""
        return "complete" if self is Necrosis.COMPLETE else self.value.lower()


def necrosis_of(necrosis_fraction: float) -> Necrosis:
    """Return the class of a necrotic fraction, 0 to 1."""
    if necrosis_fraction == 1:
        return Necrosis.COMPLETE
    return Necrosis.EXTENSIVE if necrosis_fraction >= EXTENSIVE_FROM_FRACTION else Necrosis.PARTIAL


@dataclass(frozen=True)
class TumorPathology:
    """One tumor of the explant; give the fraction that is necrotic, or the class where only that is reported.

    Raises
    ------
    InputError
        If the fraction lies outside [0, 1], or the class is not that of the fraction.
    """

    tumor: str
    """Its label among the structures of the case."""
    necrosis_fraction: float | None = None
    stated: Necrosis | None = None
    microvascular_emboli: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        where = f"tumor '{self.tumor}'"
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
                f"{self.necrosis_fraction * 100:.0f} % is {found}, but {self.stated} is stated",
                where=where,
                remedy="Correct one",
            )


@dataclass(frozen=True)
class Outcome:
    """Pathology of each tumor, first recurrence after surgery, death, and the last contact.

    A day answers its question: `recurred_on` says that it recurred, `died_on` that the patient died.

    Raises
    ------
    InputError
        If it contradicts itself: a tumor twice, a day of what did not happen, a recurrence after death or after the
        patient was last seen, a last contact on another day than that of death.
    """

    pathology: tuple[TumorPathology, ...] = ()
    recurred: bool | None = None
    """Recurrence after surgery, or progression where there was none; False: none until last seen."""
    recurred_on: date | None = None
    """The day on which the first was found."""
    died: bool | None = None
    """Of any cause."""
    died_on: date | None = None
    last_seen_on: date | None = None
    """The last contact with the living patient; where the patient died, the day of death or nothing."""

    def __post_init__(self) -> None:
        names = [entry.tumor for entry in self.pathology]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"tumor '{twice}' is there twice", where="pathology", remedy="Keep one entry a tumor")
        for name, on in self.days:
            if isinstance(on, datetime):
                raise InputError(f"'{on}' has a time of day", where=f"outcome, {name}", remedy="Give the day alone")
            require_in_calendar(on, f"outcome, {name}")
        for happened, day in (("recurred", "recurred_on"), ("died", "died_on")):
            on = getattr(self, day)
            if on is not None and getattr(self, happened) is False:
                raise InputError(
                    f"{happened} is no, but {day} is {on.isoformat()}", where="outcome", remedy="Correct one of the two"
                )
            if on is not None:
                object.__setattr__(self, happened, True)
        self._check_order()

    def _check_order(self) -> None:
        died_on, seen_on = self.died_on, self.last_seen_on
        if died_on is not None and seen_on is not None and seen_on != died_on:
            order = "before" if seen_on < died_on else "after"
            raise InputError(
                f"the patient was last seen on {seen_on.isoformat()}, {order} death on {died_on.isoformat()}",
                where="outcome",
                remedy="Leave out last_seen_on: where the patient died, death is the last that is known",
            )
        end_on = died_on or seen_on
        if self.recurred_on is not None and end_on is not None and self.recurred_on > end_on:
            end = "death" if died_on else "the patient was last seen"
            raise InputError(
                f"recurrence on {self.recurred_on.isoformat()} lies after {end} on {end_on.isoformat()}",
                where="outcome",
                remedy="Correct one of the two days",
            )

    @property
    def is_known(self) -> bool:
        """Whether anything is known."""
        return self != Outcome()

    @property
    def days(self) -> tuple[tuple[str, date], ...]:
        """The days that are known, by their names."""
        return tuple(self._days())

    def _days(self) -> Iterator[tuple[str, date]]:
        for name in ("recurred_on", "died_on", "last_seen_on"):
            day = getattr(self, name)
            if day is not None:
                yield name, day

    def of_tumor(self, label: str) -> TumorPathology:
        """Return what is reported of a tumor; an entry without answers where nothing is."""
        return next((entry for entry in self.pathology if entry.tumor == label), TumorPathology(label))


def check_outcome(
    outcome: Outcome, tumors: Collection[str], treated_on: date | None, seen: Collection[tuple[str, date]]
) -> None:
    """Check an outcome against the case it belongs to.

    Parameters
    ----------
    tumors
        Labels of the tumors of the case.
    treated_on
        Day of the first infusion; None where it is not known.
    seen
        What happened to the living patient (infusions that were delivered, time points): what, and the day.

    Raises
    ------
    InputError
        For a tumor that does not exist, a day before the treatment, and whatever happened after death.
    """
    for entry in outcome.pathology:
        if entry.tumor not in tumors:
            raise InputError(
                f"tumor '{entry.tumor}' is not among the structures",
                where="outcome, pathology",
                remedy=f"Name one of: {', '.join(sorted(tumors)) or 'no tumor is outlined yet'}",
            )
    for name, day in outcome.days:
        if treated_on is not None and day < treated_on:
            raise InputError(
                f"{name} is {day.isoformat()}, before the treatment of {treated_on.isoformat()}",
                where="outcome",
                remedy="Correct one of the two days",
            )
    for what, day in seen:
        if outcome.died_on is not None and day > outcome.died_on:
            raise InputError(
                f"{what} is of {day.isoformat()}, after death on {outcome.died_on.isoformat()}",
                where="outcome",
                remedy="Correct one of the two days",
            )
