"""What a technical check is, what it finds, and how a measured value is judged and worded."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ..errors import InputError
from ..missing import Missing

Value = float | str
"""A measured number, or the words of something found."""

DIGITS, LIMIT_DIGITS, MOST_DIGITS = 3, 6, 16
"""Significant digits of a measured value, of a threshold, and of a double."""

NOT_A_NUMBER = "not a number"


class Room(StrEnum):
    """The step of the work that a check belongs to."""

    IMAGES = "images"
    STRUCTURES = "structures"
    PATIENT = "patient"
    INPUTS = "inputs"
    RESULTS = "results"
    FOLLOW_UP = "follow_up"


class Level(StrEnum):
    """How much a raised check matters; gravest first."""

    ERROR = "error"
    """The results it names would be wrong."""
    WARNING = "warning"
    NOTE = "note"


class Part(StrEnum):
    """What of the results an error makes wrong: it is withheld."""

    EVERYTHING = "everything"
    """All doses, and what is measured on the outlines."""
    SESSION = "session"
    """Every dose of the session, the lungs' too."""
    IMAGE = "image"
    """What is read from the session's image."""
    MAP = "map"
    """The dose of the voxels; mean doses come from elsewhere."""
    BODY = "body"
    """What is estimated from body size."""


class Outcome(StrEnum):
    """What became of a check; what could not be measured is never a pass."""

    RAISED = "raised"
    NOT_EVALUABLE = "not_evaluable"
    PASSED = "passed"


class Comparison(StrEnum):
    """When a check is raised."""

    ABOVE = "above"
    BELOW = "below"
    FOUND = "found"
    """Whenever it finds something; there is no threshold."""


@dataclass(frozen=True)
class Subject:
    """What a check is about; its words are made from these fields, and never read back."""

    session: str = ""
    infusion: str = ""
    structure: str = ""
    other: str = ""
    """The second session or structure of a pair."""
    detail: str = ""
    """What else tells two results of one check apart."""

    def __str__(self) -> str:
        """The subject in words; empty for the case as a whole."""
        structures = ", ".join(filter(None, (self.structure, self.other if self.structure else "")))
        infusion = f"infusion '{self.infusion}'" if self.infusion else ""
        session = f"session '{self.session}'" if self.session else ""
        if self.session and self.other and not self.structure:
            session = f"sessions '{self.session}' and '{self.other}'"
        return ", ".join(filter(None, (structures, infusion, session, self.detail)))


CASE = Subject()
"""The case as a whole."""


@dataclass(frozen=True)
class Check:
    """One question that decides whether the numbers of a case can be believed.

    Raises
    ------
    InputError
        If a threshold is missing, not finite, or given where nothing is compared; if an error falsifies nothing.
    """

    id: str
    room: Room
    level: Level
    title: str
    """What is measured or found."""
    comparison: Comparison
    threshold: float | None
    unit: str
    """Of the measured value and the threshold; a "fraction" is written in percent."""
    remedy: str
    unless: str = ""
    """Id of a graver check of the same thing: where that one is raised, this one is left out."""
    source: str = "default of this tool"
    """Where the threshold comes from."""
    falsifies: Part | None = None
    """What an error makes wrong; None for everything that is no error."""

    def __post_init__(self) -> None:
        where = f"check '{self.id}'"
        if (self.threshold is None) is not (self.comparison is Comparison.FOUND):
            raise InputError(
                "it needs a threshold" if self.threshold is None else "it takes no threshold",
                where=where,
                remedy="Change the thresholds of checks that compare a number",
            )
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise InputError(f"the threshold is {self.threshold}", where=where, remedy="Enter a finite number")
        if (self.level is Level.ERROR) is not (self.falsifies is not None):
            raise InputError("an error, and only an error, falsifies a part", where=where, remedy="Name the part")


@dataclass(frozen=True)
class Observation:
    """A value measured for one check; None where there was nothing to find."""

    check_id: str
    subject: Subject
    value: Value | Missing | None
    detail: str = ""
    """Said where the check is raised."""
    could_pass: Missing | None = None
    """What is missing and could let a raised value pass: then nothing is known."""


@dataclass(frozen=True)
class CheckResult:
    """One check applied to one thing; `check.threshold` is the one that was used."""

    check: Check
    subject: Subject
    """The session, infusion or structure; `CASE` for the case as a whole."""
    measured: Value | None
    message: str
    outcome: Outcome

    @property
    def about(self) -> str:
        """The subject in words, for a reader."""
        return str(self.subject)

    @property
    def is_error(self) -> bool:
        """Whether the results that it names are wrong."""
        return self.outcome is Outcome.RAISED and self.check.level is Level.ERROR


def with_thresholds(catalog: Mapping[str, Check], thresholds: Mapping[str, float]) -> dict[str, Check]:
    """Return the catalog with other thresholds, given by the ids of their checks.

    Raises
    ------
    InputError
        For an unknown id (the nearest known one is suggested), or a check that compares no number.
    """
    changed = dict(catalog)
    for name, value in thresholds.items():
        if name not in catalog:
            near = difflib.get_close_matches(name, catalog, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "The list is in Docs/checks.md"
            raise InputError(f"there is no check '{name}'", where="thresholds", remedy=hint)
        changed[name] = replace(catalog[name], threshold=value)
    return changed


def judged(observations: Iterable[Observation], catalog: Mapping[str, Check]) -> tuple[CheckResult, ...]:
    """Return the results: raised ones first by level, then what could not be judged, then what passed."""
    results = [_judged(observation, catalog[observation.check_id]) for observation in observations]
    found = {(r.check.id, r.subject) for r in results if r.outcome is Outcome.RAISED}
    return in_order(r for r in results if (r.check.unless, r.subject) not in found)


def in_order(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return results sorted by outcome, raised ones by level, otherwise as they were."""
    levels, outcomes = list(Level), list(Outcome)

    def rank(result: CheckResult) -> tuple[int, int]:
        raised = result.outcome is Outcome.RAISED
        return outcomes.index(result.outcome), levels.index(result.check.level) if raised else 0

    return tuple(sorted(results, key=rank))


def written(value: float, unit: str, apart_from: float | None = None) -> str:
    """Return *value* with its unit in three digits, or as many as it takes to differ from *apart_from*."""
    if not math.isfinite(value):
        return NOT_A_NUMBER
    digits, text = DIGITS, _rounded(value, unit, DIGITS)
    if apart_from is not None and value != apart_from:
        while text == _rounded(apart_from, unit, LIMIT_DIGITS) and digits < MOST_DIGITS:
            digits += 1
            text = _rounded(value, unit, digits)
    return _with_unit(text, unit)


def limit_of(check: Check) -> str:
    """Return the threshold of a check with its unit; empty where there is none."""
    if check.threshold is None:
        return ""
    return _with_unit(_rounded(check.threshold, check.unit, LIMIT_DIGITS), check.unit)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {'%' if unit == 'fraction' else unit}".rstrip()


def _rounded(value: float, unit: str, digits: int) -> str:
    """Return the digits asked for, and no more decimals than one above: what is almost 0 is 0."""
    shown = round(float(f"{value * 100 if unit == 'fraction' else value:.{digits}g}"), digits + 1)
    return np.format_float_positional(shown + 0.0, trim="-")


def _judged(observation: Observation, check: Check) -> CheckResult:
    value = observation.value
    about = str(observation.subject)
    title = f"{check.title} ({about})" if about else check.title
    if isinstance(value, Missing):
        return _not_evaluable(check, observation.subject, title, value)
    if check.threshold is None:
        raised, says = bool(value), str(value or "not the case")
    else:
        assert isinstance(value, int | float), f"{check.id} measures a number"
        above = check.comparison is Comparison.ABOVE
        raised = not math.isfinite(value) or (value > check.threshold if above else value < check.threshold)
        compared = f"{'' if raised else 'not '}{check.comparison.value} {limit_of(check)}"
        says = f"{written(value, check.unit, check.threshold)}, {compared}"
    if raised and observation.could_pass:
        return _not_evaluable(check, observation.subject, title, observation.could_pass)
    if raised and observation.detail:
        says = f"{says}; {observation.detail}"
    outcome = Outcome.RAISED if raised else Outcome.PASSED
    measured = NOT_A_NUMBER if isinstance(value, float) and not math.isfinite(value) else value
    return CheckResult(check, observation.subject, measured, f"{title}: {says}", outcome)


def _not_evaluable(check: Check, subject: Subject, title: str, missing: Missing) -> CheckResult:
    message = f"{title}: not judged, because {missing.because}"
    return CheckResult(check, subject, None, message, Outcome.NOT_EVALUABLE)
