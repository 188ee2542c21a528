"""Measured values: a number with its measure, or the reason why there is none, and how both are written.

The measures themselves stand in `vocabulary`; this room adds the values of one case.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from .errors import InputError
from .facts import FactValue, Kind
from .vocabulary import UNITS, VOCABULARY, Each, Measure, Origin, measure

__all__ = [
    "NOT_KNOWN",
    "UNITS",
    "VOCABULARY",
    "Each",
    "Known",
    "Measure",
    "Measurement",
    "Origin",
    "measure",
    "needs_of",
    "written",
]

ABBREVIATIONS = ("ct", "hcc", "mr", "spect")
"""Words of choices that are written in capitals."""

NOT_KNOWN = "not known"
"""Why a measure is missing that nobody computed or stated."""

DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True)
class Measurement:
    """One value of a measure, or the reason why there is none: exactly one of the two.

    `about` names the tumor, thrombus, infusion or session of a measure that exists for each; `needs` names the
    facts or fields that would supply a missing value. `possible` holds all values that a missing one can still take,
    where they are known. `item` names the tumor or thrombus of which a lowest value is.

    Raises
    ------
    InputError
        If both or none are given, the id is unknown, or the value is not what the measure takes.
    """

    measure_id: str
    value: FactValue | None = None
    missing_because: str = ""
    about: str = ""
    needs: tuple[str, ...] = ()
    possible: tuple[FactValue, ...] = ()
    item: str = ""
    sd_ratio: float = 0.0
    """Typical standard deviation over the value (`dosimetry.typical`); 0 where none is known."""

    def __post_init__(self) -> None:
        entry = measure(self.measure_id)
        where = f"measurement '{self.measure_id}'"
        if (self.value is None) != bool(self.missing_because):
            raise InputError("it has a value and a reason for none, or neither", where=where, remedy="Give one of them")
        if self.value is not None and not _fits(entry, self.value):
            raise InputError(f"{self.value!r} does not fit", where=where, remedy=f"It is: {entry.title}")
        if self.about and entry.each is Each.CASE:
            raise InputError(f"it is about '{self.about}'", where=where, remedy="This measure exists once a case")

    @property
    def measure(self) -> Measure:
        """The vocabulary's entry."""
        return measure(self.measure_id)

    @property
    def text(self) -> str:
        """The value with its unit, or why it is missing."""
        return self.missing_because if self.value is None else written(self.measure, self.value)

    @property
    def shown(self) -> str:
        """The value with its unit, what it is at least where it is missing but bounded, else "unknown"."""
        if self.value is not None:
            return written(self.measure, self.value)
        least = [v for v in self.possible if isinstance(v, int | float) and not isinstance(v, bool)]
        if least:
            return f"at least {written(self.measure, min(least))}"
        return " or ".join(written(self.measure, v) for v in self.possible) or "unknown"


def needs_of(missing: Iterable[Measurement]) -> tuple[str, ...]:
    """Return the facts or fields that would supply missing measurements, each once; a measure itself at the least."""
    return tuple(dict.fromkeys(need for m in missing for need in (m.needs or (m.measure_id,))))


class Known:
    """Measurements by id and item; what nobody computed is missing, never a value."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self._by_key: dict[tuple[str, str], Measurement] = {}
        for measurement in measurements:
            key = (measurement.measure_id, measurement.about)
            if key in self._by_key:
                raise InputError(f"'{key[0]}' is given twice", where=key[1] or "measurements", remedy="Give it once")
            self._by_key[key] = measurement

    def get(self, measure_id: str, about: str = "") -> Measurement:
        """Return the measurement of the item (of the case where the measure exists once), or a missing one."""
        item = about if measure(measure_id).each is not Each.CASE else ""
        found = self._by_key.get((measure_id, item)) or self._by_key.get((measure_id, ""))
        return found or Measurement(measure_id, missing_because=NOT_KNOWN, about=item, needs=(measure_id,))

    def items(self, measure_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the items, in the order given, that any of these measures is about."""
        wanted = set(measure_ids)
        return tuple(dict.fromkeys(about for (name, about) in self._by_key if about and name in wanted))

    def updated(self, measurements: Iterable[Measurement]) -> Known:
        """Return these with the given ones put in or in place of what they say."""
        known = Known(())
        known._by_key = {**self._by_key, **Known(measurements)._by_key}
        return known

    def __contains__(self, measure_id: str) -> bool:
        return any(name == measure_id for name, _ in self._by_key)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._by_key.values())


def written(entry: Measure, value: FactValue, apart_from: FactValue | None = None) -> str:
    """Return *value* as a reader sees it, with as many decimals as it takes to differ from *apart_from*."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return " ".join(word.upper() if word in ABBREVIATIONS else word for word in value.split("_"))
    if isinstance(value, date):
        return value.isoformat()
    if entry.is_day:
        return _weekday(int(value))
    decimals = entry.unit.decimals
    text = _rounded(entry, value, decimals)
    if isinstance(apart_from, int | float) and not math.isclose(apart_from, value, rel_tol=1e-12):
        while text == _rounded(entry, apart_from, decimals):
            decimals += 1
            text = _rounded(entry, value, decimals)
    unit = entry.unit.screen.removesuffix("s") if text == "1" else entry.unit.screen
    return f"{text} {unit}".rstrip()


def _rounded(entry: Measure, value: float, decimals: int) -> str:
    shown = value * 100 if entry.unit is UNITS["fraction"] else value
    text = f"{shown:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _weekday(day: int) -> str:
    if day < 0:
        return f"{-day} days before calibration"
    return f"week {day // 7 + 1} {DAY_NAMES[day % 7]}"


def _fits(entry: Measure, value: FactValue) -> bool:
    if entry.kind is Kind.YES_NO:
        return isinstance(value, bool)
    if entry.kind is Kind.CHOICE:
        return value in entry.choices
    if entry.kind is Kind.DATE:
        return isinstance(value, date)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and (entry.kind is Kind.NUMBER or isinstance(value, int))
