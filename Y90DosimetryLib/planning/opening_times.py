"""How long each vial meets the plan: by its decay through the window, and by the rules about the time of treatment.

Rules about doses may move the window at midnight, so each calendar day has its own. A rule about day, activity of a
sphere or size of the vial shuts an opening where not keeping it is a warning or worse; where it is information, it
stays a finding beside the vial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from . import calendar
from .catalogue import StockVial
from .vials import Schedule, shut_by

JUST = timedelta(seconds=1)
"""How far beyond an edge one looks for its cause, and how exactly an edge within a day is found."""


class EdgeCause(StrEnum):
    """What opens or shuts an opening."""

    DOSE = "dose"
    TIMING = "timing_rule"
    CALIBRATION = "calibration"
    SHELF_LIFE = "shelf_life"


@dataclass(frozen=True)
class Edge:
    """Why a vial does not meet the plan just before an opening, or just after it."""

    cause: EdgeCause
    text: str


@dataclass(frozen=True)
class Opening:
    """How long one vial meets the plan, doses and timing."""

    infusion: str
    vial: StockVial
    start: datetime
    end: datetime
    words: str
    opened_by: Edge
    shut_by: Edge

    @property
    def why_words(self) -> str:
        """What opens and what shuts it, in words."""
        return f"before: {self.opened_by.text}; after: {self.shut_by.text}"


def openings(schedule: Schedule) -> tuple[Opening, ...]:
    """Return when each vial of the catalogue meets the plan, the other infusions as entered.

    Spans that touch the days asked for are given whole, also where they begin earlier or end later.
    """
    found = []
    start = calendar.at_clock(schedule.first, time(), schedule.zone)
    end = calendar.at_clock(schedule.last + calendar.ONE_DAY, time(), schedule.zone)
    for index, label in enumerate(schedule.lines.labels):
        for vial in schedule.stock:
            for opened, closed in _joined(_spans(schedule, index, vial)):
                if closed >= start and opened < end:
                    text = calendar.span_words(opened, closed, schedule.zone)
                    edges = (_edge(schedule, index, vial, at) for at in (opened - JUST, closed + JUST))
                    found.append(Opening(label, vial, opened, closed, text, *edges))
    return tuple(found)


def _spans(schedule: Schedule, index: int, vial: StockVial) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of each calendar day in which a vial's activity lies in that day's window and timing allows."""
    half_life_h = schedule.settings.half_life_h
    expires = _expires(schedule, vial)
    day = calendar.local_date(vial.calibrated_at, schedule.zone)
    while day <= calendar.local_date(expires, schedule.zone):
        begins, ends = calendar.day_bounds(day, schedule.zone)
        its = schedule.window_with(index, vial, begins + timedelta(hours=12))
        day += calendar.ONE_DAY
        if its.is_empty:
            continue
        start, end = max(begins, vial.calibrated_at), min(ends, expires)
        if its.high_gbq < math.inf:
            hours = calendar.hours_until_gbq(vial.activity_gbq, its.high_gbq, half_life_h)
            start = max(start, calendar.after_h(vial.calibrated_at, hours))
        if its.low_gbq > 0:
            hours = calendar.hours_until_gbq(vial.activity_gbq, its.low_gbq, half_life_h)
            end = min(end, calendar.after_h(vial.calibrated_at, hours))
        if start < end:
            yield from _in_time(schedule, schedule.lines.labels[index], vial, start, end)


def _in_time(
    schedule: Schedule, label: str, vial: StockVial, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the part of a span within one day that the timing rules allow.

    The day does not change within it and a sphere's activity only falls, so it is open at one of its ends or not.
    """

    def is_shut(at: datetime) -> bool:
        return shut_by(schedule, [(label, vial)], at) is not None

    first, last = (is_shut(at) for at in (min(start + JUST, end), max(end - JUST, start)))
    if first and last:
        return
    if first == last:
        yield start, end
        return
    low, high = start, end
    while high - low > JUST:
        middle = low + (high - low) / 2
        low, high = (middle, high) if is_shut(middle) == first else (low, middle)
    yield (high, end) if first else (start, low)


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _expires(schedule: Schedule, vial: StockVial) -> datetime:
    return calendar.after_h(vial.calibrated_at, schedule.catalogue.shelf_life_h)


def _edge(schedule: Schedule, index: int, vial: StockVial, at: datetime) -> Edge:
    """Return why a vial does not meet the plan at a moment just outside an opening."""
    if at < vial.calibrated_at:
        return Edge(EdgeCause.CALIBRATION, "not calibrated yet")
    if at > _expires(schedule, vial):
        doubt = " (unverified)" if "shelf_life" in schedule.catalogue.unverified else ""
        return Edge(EdgeCause.SHELF_LIFE, f"past its shelf life{doubt}")
    vials = [(schedule.lines.labels[index], vial)]
    timing = shut_by(schedule, vials, at)
    if timing is not None:
        return Edge(EdgeCause.TIMING, f"timing rule, {timing.rule.id}: {timing.message}")
    activities_gbq = list(schedule.lines.entered_gbq)
    activities_gbq[index] = vial.at_gbq(at, schedule.settings.half_life_h)
    broken = [c.name for c in schedule.constraints_with(vials, at).hard if not c.holds(activities_gbq)]
    return Edge(EdgeCause.DOSE, f"dose, {'; '.join(broken) or 'at its limit'}")
