"""Refuse impossible numbers in one wording, so that every room says the same of the same slip."""

from __future__ import annotations

import math
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from .errors import InputError, is_hidden, printable

DENSITY_RANGE_G_ML = (0.05, 5.0)
"""Tool default: from inflated lung to dense bone with a wide margin; outside, the unit is wrong."""


LEAST, MOST = 1e-9, 1e9
"""Tool default: no quantity of a patient or a treatment, in the units used here, lies outside; arithmetic with these
stays finite."""
LONGEST_LABEL = 100
"""Characters. Tool default: a name has to fit a line of the report."""
FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Tool default: no patient is treated outside; months and time zones can be counted from every day inside."""


def require_text(text: str, where: str) -> None:
    """Raise `InputError` for characters that can't be seen but change the text around them, line breaks among them."""
    hidden = next((c for c in text if is_hidden(c)), None)
    if hidden is not None:
        raise InputError(
            f"'{printable(text[:LONGEST_LABEL])}' holds the character U+{ord(hidden):04X}, which can't be shown",
            where=where,
            remedy="Write it on one line, without control characters",
        )


def require_label(text: str, where: str) -> None:
    """Raise `InputError` unless a name can be shown: not blank, one line, `LONGEST_LABEL` characters or fewer."""
    if not text.strip():
        raise InputError("the name is blank", where=where, remedy="Give it a name")
    if len(text) > LONGEST_LABEL:
        raise InputError(
            f"the name that begins '{text[:20]}' has {len(text)} characters",
            where=where,
            remedy=f"Shorten it to {LONGEST_LABEL} or fewer",
        )
    require_text(text, where)


def require_in_calendar(day: date, where: str) -> None:
    """Raise `InputError` unless a day or an instant lies in a year in which patients are treated."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InputError(
            f"the year is {day.year}", where=where, remedy=f"Give a date between {FIRST_YEAR} and {LAST_YEAR}"
        )


def require_finite(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` when *value* is not a number or infinite."""
    if not math.isfinite(value):
        raise InputError(f"{value} is not a finite number", where=name, remedy=f"Enter {_a_number(unit)}")


def require_not_negative(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` unless *value* is finite and at least 0."""
    require_finite(value, name, unit)
    if value < 0:
        raise InputError(f"{_written(value, unit)} is negative", where=name, remedy=f"Enter {_a_number(unit)}")


def require_positive(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` unless *value* is finite and above 0."""
    require_finite(value, name, unit)
    if value <= 0:
        raise InputError(f"{_written(value, unit)} is not above 0", where=name, remedy=f"Enter {_a_number(unit)}")


def require_fraction(value: float, name: str) -> None:
    """Raise `InputError` unless *value* lies in [0, 1); a percentage is recognized as such."""
    require_finite(value, name)
    if not 0 <= value < 1:
        remedy = f"Enter a fraction, not a percentage: {value / 100:g} for {value:g} %" if value >= 1 else ""
        raise InputError(
            f"{value:g} lies outside [0, 1)", where=name, remedy=remedy or "Enter a fraction from 0 up to 1"
        )


def require_density(value_g_ml: float, where: str) -> None:
    """Raise `InputError` unless a density is one of tissue: in kg/m3 it would make every dose a thousandth."""
    low, high = DENSITY_RANGE_G_ML
    if not low <= value_g_ml <= high:
        raise InputError(
            f"the density is {value_g_ml:g} g/mL",
            where=where,
            remedy=f"Enter g/mL between {low} and {high}; soft tissue is 1.04, not 1040",
        )


def require_in_range(value: float, name: str, low: float, high: float) -> None:
    """Raise `InputError` unless *value* lies in [low, high]: outside nothing can be computed with it."""
    if not low <= value <= high:
        raise InputError(
            f"it is {value:g}", where=name, remedy=f"Give a number from {low:g} to {high:g}, or leave it out"
        )


def require_within(value: float, name: str, unit: str, low: float, high: float, remedy: str) -> None:
    """Raise `InputError` with *remedy* unless *value* is positive and lies in [low, high]: nobody has such a value."""
    require_positive(value, name, unit)
    if not low <= value <= high:
        raise InputError(f"{_written(value, unit)} is not possible in a human", where=name, remedy=remedy)


def _written(value: float, unit: str) -> str:
    return f"{value:g} {unit}".rstrip()


def _a_number(unit: str) -> str:
    return f"a number of {unit}" if unit else "a number"


Word = TypeVar("Word", bound=StrEnum)


def word_of(words: type[Word], value: str, where: str) -> Word:
    """Return a word of a closed list given as text; raise `InputError` with the list where it is none of them."""
    try:
        return words(value)
    except ValueError:
        raise InputError(f"'{value}' is not known", where=where, remedy=f"Choose one of {', '.join(words)}") from None


def convert_words(record: object, where: str) -> None:
    """Turn the fields of a frozen dataclass whose type is a closed list of words into it; see `word_of`."""
    kind: Any = type(record)
    for name, words in _words_of(kind):
        value = getattr(record, name)
        if value is not None and not isinstance(value, words):
            object.__setattr__(record, name, word_of(words, value, f"{where}, {name}"))


@cache
def _words_of(kind: Any) -> tuple[tuple[str, type[StrEnum]], ...]:
    """Return the fields of a dataclass that are a closed list of words, or perhaps one."""
    found = []
    for name, hint in get_type_hints(kind).items():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, StrEnum):
                found.append((name, part))
    return tuple(found)
