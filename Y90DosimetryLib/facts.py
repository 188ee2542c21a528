"""Clinical facts a team may state about a case: one table that the case file, the panel and the rules share.

A fact that is not stated is unknown; nothing here has a default value.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .errors import InputError

FactValue = bool | int | float | str | date


class Kind(StrEnum):
    """What type of answer a fact takes."""

    YES_NO = "yes_no"
    COUNT = "count"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"


@dataclass(frozen=True)
class Fact:
    """One question to the team: its id (a number's id ends in its unit), wording, type and who needs it."""

    id: str
    title: str
    kind: Kind
    group: str
    scenarios: tuple[int, ...] = (1, 2, 3, 4, 5)
    unit: str = ""
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


CATALOG: Mapping[str, Fact] = {
    fact.id: fact
    for fact in (
        Fact("extrahepatic_disease", "Disease outside the liver", Kind.YES_NO, "disease"),
        Fact("lobes_involved", "Lobes with tumor", Kind.CHOICE, "disease", choices=("unilobar", "bilobar")),
        Fact(
            "pvtt_grade",
            "Portal vein tumor thrombus",
            Kind.CHOICE,
            "disease",
            choices=("none", "VP1", "VP2", "VP3", "VP4"),
        ),
    )
}


def check_facts(facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Return *facts* when every id is in the catalog and every value fits it.

    Raises
    ------
    InputError
        For an unknown id (the nearest known one is suggested) or a value of another type or range.
    """
    for name, value in facts.items():
        fact = CATALOG.get(name)
        if fact is None:
            near = difflib.get_close_matches(name, CATALOG, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else "See `y90 case new` for the list"
            raise InputError(f"unknown fact '{name}'", where="facts", remedy=remedy)
        problem = _misfit(fact, value)
        if problem:
            raise InputError(f"'{name}' is {value!r}: {problem}", where="facts", remedy=f"It asks: {fact.title}")
    return dict(facts)


def _misfit(fact: Fact, value: FactValue) -> str:
    if fact.kind is Kind.YES_NO:
        return "" if isinstance(value, bool) else "answer true or false"
    if fact.kind is Kind.CHOICE:
        return "" if value in fact.choices else f"choose one of {', '.join(fact.choices)}"
    if fact.kind is Kind.DATE:
        return "" if isinstance(value, date) else "give a date such as 2026-03-04"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "give a number"
    if fact.kind is Kind.COUNT and not isinstance(value, int):
        return "give a whole number"
    if not math.isfinite(value):
        return "give a finite number"
    if fact.at_least is not None and value < fact.at_least:
        return f"it can't be below {fact.at_least:g} {fact.unit}".rstrip()
    if fact.at_most is not None and value > fact.at_most:
        return f"it can't be above {fact.at_most:g} {fact.unit}".rstrip()
    return ""
