"""Moments on the hospital's clock: calibrations, calendar days, and words for them, through every clock change.

Elapsed time is always counted between instants: the difference of two wall-clock times is wrong by an hour in
the week in which the clocks change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ..errors import InputError
from ..measurements.treatment import calibration_date
from ..measures import DAY_NAMES
from ..timepoints import on_clock
from ..timepoints import zone_of as zone_of

ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


def after_h(start: datetime, later_h: float) -> datetime:
    """Return the instant so many hours later, in UTC."""
    return start.astimezone(UTC) + timedelta(hours=later_h)


def at_clock(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return the instant at which a clock of the zone shows a time, in UTC.

    A time that the clock skips in spring is read on the clock before the change; of a time that it shows twice in
    autumn the first is meant.
    """
    return datetime.combine(day, clock, zone).replace(fold=0).astimezone(UTC)


def days(first: date, last: date) -> tuple[date, ...]:
    """Return the calendar days of a range, both ends included.

    Raises
    ------
    InputError
        If it is empty or longer than a year.
    """
    count = (last - first).days + 1
    if not 1 <= count <= 366:
        raise InputError(
            f"the dates run from {first} to {last}", where="dates", remedy="Give a first and a later last day"
        )
    return tuple(first + n * ONE_DAY for n in range(count))


def day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when a calendar day begins and ends, in UTC: 23 or 25 hours apart when the clocks change."""
    return at_clock(day, time(), zone), at_clock(day + ONE_DAY, time(), zone)


def local_date(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of an instant."""
    return moment.astimezone(zone).date()


def treatment_day(calibrated_at: datetime, moment: datetime, zone: tzinfo) -> int:
    """Return the hospital's calendar days since the calibration, as `measurements.treatment` counts them."""
    return (local_date(moment, zone) - calibration_date(calibrated_at, zone)).days


def calibrations(weekday: int, clock: time, zone: tzinfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the weekly calibrations from *first* to *last*, on the offset of their zone; weekday 0 is Sunday."""
    day = local_date(first, zone) - ONE_DAY
    while day <= local_date(last, zone) + ONE_DAY:
        moment = at_clock(day, clock, zone)
        if day.isoweekday() % 7 == weekday and first <= moment <= last:
            yield on_clock(moment, zone)
        day += ONE_DAY


def hours_until_gbq(activity_gbq: float, wanted_gbq: float, half_life_h: float) -> float:
    """Return when an activity has decayed to another, T1/2 log2(A/A'); negative when it had done so before."""
    return half_life_h * math.log2(activity_gbq / wanted_gbq)


def words(moment: datetime, zone: tzinfo) -> str:
    """Return a moment as the hospital says it; a time that the clock shows twice with its zone's name."""
    here = moment.astimezone(zone)
    text = f"{DAY_NAMES[here.isoweekday() % 7]} {here:%Y-%m-%d %H:%M}"
    wall = here.replace(tzinfo=None)
    twice = wall.replace(tzinfo=zone, fold=0).utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset()
    return f"{text} {here.tzname()}" if twice else text


def first_minute(start: datetime, end: datetime) -> datetime:
    """Return the first whole minute of a span, as clocks show minutes rounded down; *start* where it holds none."""
    minute = start.replace(second=0, microsecond=0)
    later = minute if minute == start else minute + ONE_MINUTE
    return later if later <= end else start


def span_words(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Return a span with its dates (two Sundays may lie in one list); both minutes lie in it, see `first_minute`."""
    return f"from {words(first_minute(start, end), zone)} to {words(end, zone)}"
