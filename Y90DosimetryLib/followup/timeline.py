"""Studies and treatments in order, the intervals between them, and what the chosen scenario asks for next.

A recommendation is a window of days that names its rules; its numbers are those of the rules' data. What counts as
"now" is the latest day that the case knows of, or a day that the caller gives: the library reads no clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum

from ..case import Case, Intent
from ..facts import FLR_IMAGING_MONTHS, FLR_IMAGING_TOLERANCE_MONTHS
from ..guidelines import load_rules
from ..guidelines.rule import Comparison
from ..missing import Missing
from ..standing import is_of_month
from ..studies import Studies, Study
from ..timepoints import after_months, calendar_months_count, day_of, days_between
from ..volumetry import DAYS_PER_WEEK
from .limits import rule_limit

SURGERY_RULE = "C0-SURG-02"
"""Says when surgery is too soon and until when it is best."""
EVERY_OPENS_MONTHS = 1.0
"""Tool default: how long before its last day a regular visit may be planned."""
NOT_LABORATORY = ("weight_kg", "height_cm", "ecog")


class EventKind(StrEnum):
    """What happened on a day."""

    STUDY = "study"
    TREATMENT = "treatment"
    SURGERY = "surgery"


class State(StrEnum):
    """Where a window stands now."""

    DONE = "done"
    OPEN = "open"
    """Due now."""
    AHEAD = "ahead"
    MISSED = "missed"
    """It has passed, and what it asks for was not seen."""


@dataclass(frozen=True)
class Event:
    """One day of the patient's course."""

    kind: EventKind
    label: str
    on: date
    since_previous_days: int | None
    """None for the first event."""
    since_previous_months_count: float | None

    @property
    def since_previous_weeks(self) -> float | None:
        """The interval in weeks."""
        return None if self.since_previous_days is None else self.since_previous_days / DAYS_PER_WEEK


@dataclass(frozen=True)
class Window:
    """One recommendation with its first and last day; `due_to` None has no end in the source."""

    title: str
    rule_ids: tuple[str, ...]
    due_from: date
    due_to: date | None
    state: State
    done_by: str = ""
    """What fulfilled it."""


@dataclass(frozen=True)
class TimeLine:
    """What happened and what is due; `as_of` is the day for which the states hold."""

    events: tuple[Event, ...]
    windows: tuple[Window, ...]
    as_of: date | None
    undated: tuple[str, ...] = ()
    """Studies and infusions whose day is not known."""

    @property
    def next(self) -> tuple[Window, ...]:
        """What is due now or ahead, the earliest first."""
        return tuple(w for w in self.windows if w.state in {State.OPEN, State.AHEAD})


def timeline_of(case: Case, studies: Studies, as_of: date | None = None) -> TimeLine:
    """Return the time line; *as_of* None takes the latest study or treatment."""
    events = _events(case, studies)
    happened = [e.on for e in events if e.kind is not EventKind.SURGERY]
    as_of = as_of or (max(happened) if happened else None)
    windows = sorted(_windows(case, studies, as_of), key=lambda w: (w.due_from, w.title)) if as_of else []
    undated = [s.label for s in studies.all if isinstance(s.on, Missing)]
    undated += ["treatment"] if isinstance(studies.treated_on, Missing) else []
    return TimeLine(events, tuple(windows), as_of, tuple(undated))


def _events(case: Case, studies: Studies) -> tuple[Event, ...]:
    found = [(s.on, EventKind.STUDY, s.label) for s in studies.all if not isinstance(s.on, Missing)]
    if not isinstance(studies.treated_on, Missing):
        found += [(day, EventKind.TREATMENT, _given_on(case, day)) for day in studies.treated_on]
    surgery = _surgery_date(case)
    if surgery:
        found.append((surgery, EventKind.SURGERY, "Surgery"))
    order = list(EventKind)
    found.sort(key=lambda event: (event[0], order.index(event[1])))
    events: list[Event] = []
    for on, kind, label in found:
        before = events[-1].on if events else None
        days = None if before is None else days_between(before, on)
        events.append(Event(kind, label, on, days, None if before is None else calendar_months_count(before, on)))
    return tuple(events)


def _windows(case: Case, studies: Studies, as_of: date) -> Iterator[Window]:
    if isinstance(studies.treated_on, Missing) or not studies.treated_on:
        return
    first, last = studies.treated_on[0], studies.treated_on[-1]
    scenario = case.disease.scenario
    if _covers("C0-TIME-02", scenario):
        yield _baseline(studies, first, as_of)
    if _covers("S4-TIME-01", scenario) and case.disease.facts.get("bilobar_strategy") == "staged":
        yield from _stages(case, studies, studies.treated_on, as_of)
    if _covers("S2-FU-01", scenario):
        windows = (_remnant_imaging(case, studies, last, month, as_of) for month in FLR_IMAGING_MONTHS)
        yield from (w for w in windows if studies.surgery_on is None or w.due_from <= studies.surgery_on)
    if _covers("S1-FU-01", scenario):
        yield _response_imaging(studies, last, as_of)
    if _covers("S3-FU-01", scenario):
        days = [(s.on, s.label) for s in studies.follow_up if s.point and s.point.has_imaging]
        yield from _every("Multiphase CT or MR", "S3-FU-01", last, _dated(days), as_of)
    if _covers("C0-TIME-03", scenario):
        days = [(s.on, s.label) for s in studies.follow_up if _has_labs(s)]
        yield from _every("Clinic and laboratory values", "C0-TIME-03", last, _dated(days), as_of)
    if _covers(SURGERY_RULE, scenario) and _aims_at_surgery(case):
        yield _surgery(case, last, as_of)


def _baseline(studies: Studies, treated: date, as_of: date) -> Window:
    months = rule_limit("C0-TIME-02", "baseline_imaging_age_months", Comparison.AT_LEAST)
    start = _shifted(treated, -months) + timedelta(days=1)
    found = next((s.label for s in studies.all if not isinstance(s.on, Missing) and start <= s.on <= treated), "")
    return _window("Imaging before the treatment", ("C0-TIME-02",), start, treated, as_of, found)


def _stages(case: Case, studies: Studies, treated: Sequence[date], as_of: date) -> Iterator[Window]:
    start, end = (
        treated[0] + timedelta(days=rule_limit("S4-TIME-01", "stage_interval_d", comparison))
        for comparison in (Comparison.BELOW, Comparison.ABOVE)
    )
    second = treated[1] if len(treated) > 1 else None
    until = second or end
    labs = next(
        (s.label for s in studies.all if _has_labs(s) and not isinstance(s.on, Missing) and treated[0] < s.on <= until),
        "as stated" if case.disease.facts.get("labs_between_stages") is True else "",
    )
    done = f"treatment of {second.isoformat()}" if second and second <= as_of else ""
    yield _window("Second stage", ("S4-TIME-01",), start, end, as_of, done)
    first_day = treated[0] + timedelta(days=1)
    yield _window("Liver function before the second stage", ("S4-TIME-02",), first_day, until, as_of, labs)


def _remnant_imaging(case: Case, studies: Studies, treated: date, month: int, as_of: date) -> Window:
    tolerance = FLR_IMAGING_TOLERANCE_MONTHS[month]
    found = next(
        (
            s.label
            for s in studies.follow_up
            if is_of_month(s, treated, month) and not isinstance(s.volumes.flr_ml, Missing)
        ),
        "as stated" if case.disease.facts.get(f"flr_imaged_month_{month}") is True else "",
    )
    title = f"Imaging of the remnant, month {month}"
    ends = _shifted(treated, month - tolerance, up=True), _shifted(treated, month + tolerance)
    return _window(title, ("S2-FU-01",), *ends, as_of, found)


def _response_imaging(studies: Studies, treated: date, as_of: date) -> Window:
    start = _shifted(treated, rule_limit("S1-FU-01", "since_treatment_months", Comparison.AT_LEAST), up=True)
    days = _dated([(s.on, s.label) for s in studies.follow_up if s.point and s.point.has_imaging])
    found = next((label for on, label in days if on >= start), "")
    return _window("Response: complete, or another treatment", ("S1-FU-01",), start, None, as_of, found)


def _every(title: str, rule_id: str, treated: date, days: list[tuple[date, str]], as_of: date) -> Iterator[Window]:
    """Yield one window before each day that is due after the one before; it opens `EVERY_OPENS_MONTHS` earlier."""
    months = rule_limit(rule_id, "last_imaging_age_months", Comparison.ABOVE)
    previous = treated
    for on, label in (*days, (date.max, "")):
        start, end = _shifted(previous, months - EVERY_OPENS_MONTHS), _shifted(previous, months)
        yield _window(title, (rule_id,), start, end, as_of, label if on <= end else "")
        previous = on


def _surgery(case: Case, treated: date, as_of: date) -> Window:
    earliest = rule_limit(SURGERY_RULE, "to_surgery_months", Comparison.BELOW)
    latest = rule_limit(SURGERY_RULE, "to_surgery_months", Comparison.ABOVE)
    start, end = _shifted(treated, earliest, up=True), _shifted(treated, latest)
    day = _surgery_date(case)
    done = f"surgery of {day.isoformat()}" if day and day <= as_of and start <= day <= end else ""
    rules = tuple(r for r in (SURGERY_RULE, "S2-FU-02") if _covers(r, case.disease.scenario))
    return _window("Best time for surgery", rules, start, end, as_of, done)


def _window(title: str, rule_ids: tuple[str, ...], start: date, end: date | None, as_of: date, done_by: str) -> Window:
    if done_by:
        state = State.DONE
    elif as_of < start:
        state = State.AHEAD
    else:
        state = State.OPEN if end is None or as_of <= end else State.MISSED
    return Window(title, rule_ids, start, end, state, done_by)


def _shifted(start: date, months_count: float, *, up: bool = False) -> date:
    """Return the last day within so many calendar months, or with *up* the first that reaches them."""
    whole = math.floor(months_count)
    begins, ends = after_months(start, whole), after_months(start, whole + 1)
    days = (months_count - whole) * days_between(begins, ends)
    return begins + timedelta(days=math.ceil(days - 1e-9) if up else math.floor(days + 1e-9))


def _covers(rule_id: str, scenario: int | None) -> bool:
    return scenario in load_rules()[rule_id].scenarios


def _aims_at_surgery(case: Case) -> bool:
    disease = case.disease
    planned = disease.facts.get("surgery_planned")
    aims = {Intent.BRIDGE_TO_RESECTION, Intent.BRIDGE_TO_TRANSPLANT, Intent.DOWNSTAGING, Intent.CURATIVE}
    return planned is True or (planned is None and disease.intent in aims)


def _surgery_date(case: Case) -> date | None:
    day = case.disease.facts.get("surgery_date")
    return day_of(day) if isinstance(day, date) else None


def _given_on(case: Case, day: date) -> str:
    labels = [s.label for s in case.sessions for i in s.infusions if i.given_at and day_of(i.given_at) == day]
    return ", ".join(dict.fromkeys(labels))


def _has_labs(study: Study) -> bool:
    patient = study.point.patient if study.point else None
    if patient is None:
        return False
    return any(getattr(patient, f.name) is not None for f in fields(patient) if f.name not in NOT_LABORATORY)


def _dated(days: Sequence[tuple[date | Missing, str]]) -> list[tuple[date, str]]:
    return [(on, label) for on, label in days if not isinstance(on, Missing)]
