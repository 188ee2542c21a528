"""Recomputed: vials, their calendar, the window of activities of a whole case, and how sure a dose is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..engine import Engine
from ..missing import Missing
from ..planning import (
    PlanOptions,
    Recovery,
    StockVial,
    calendar,
    delivered_activity_gbq,
    intervals,
    load_catalogue,
    plan_of,
    stated_from,
)
from ..planning.vials import VialTime
from .patients import Boxes

Instant = datetime.fromisoformat


def _sizes() -> str:
    return ", ".join(f"{a:g}" for a in load_catalogue().sizes_gbq(custom=False))


def _vial_gbq(activity_gbq: float, calibrated: str, at: str, half_life_h: float = 64.1) -> float:
    return StockVial(activity_gbq, Instant(calibrated)).at_gbq(Instant(at), half_life_h)


def _calibrated_at(week_of: str) -> str:
    """Return the calibration instant, in UTC, of the week that begins with a Sunday."""
    catalogue, start = load_catalogue(), Instant(f"{week_of}T00:00:00+00:00")
    zone = calendar.zone_of(catalogue.calibration_zone)
    (found,) = calendar.calibrations(
        catalogue.calibration_weekday, catalogue.calibration_clock, zone, start, start + timedelta(days=6)
    )
    return f"{found.astimezone(start.tzinfo):%Y-%m-%d %H:%M}"


def _day(calibrated: str, given: str, zone: str) -> int:
    return calendar.treatment_day(Instant(calibrated), Instant(given), calendar.zone_of(zone))


def _delivered(activity_gbq: float, residual_gbq: float, later_h: float) -> float:
    given = Instant("2026-03-04T10:00:00+00:00")
    vial = StockVial(activity_gbq, given)
    return delivered_activity_gbq(vial, given, residual_gbq, given + timedelta(hours=later_h), 64.1)


def _engine(boxes: Mapping[str, Any]) -> Engine:
    return Engine.prepare(Boxes(**boxes).case())


def _window(end: str, **boxes: Any) -> float:
    """Return the lower or upper end of the window of activities, in GBq at infusion."""
    return float(getattr(plan_of(_engine(boxes)).split, f"{end}_gbq"))


def _vial_at(size_gbq: float, day: int, what: str, **boxes: Any) -> Any:
    """Return what a vial does that is given at 10:00 in Paris, *day* days after Sunday 2026-03-01."""
    order = {"calibrated": "2026-03-01T12:00:00-05:00", "given": "2026-03-04T10:00:00+01:00", "activity_gbq": 4.0}
    wanted = datetime(2026, 3, 1).date() + timedelta(days=day)
    zone = calendar.zone_of("Europe/Paris")
    plan = plan_of(_engine({**boxes, "orders": [order]}), PlanOptions(first=wanted))
    sunday = Instant("2026-03-01T17:00:00+00:00")
    found = next(v for v in plan.vials if _is(v, size_gbq, sunday) and calendar.local_date(v.at, zone) == wanted)
    value = getattr(found, what)
    return value[0] if isinstance(value, tuple) else value


def _is(shown: VialTime, size_gbq: float, calibrated: datetime) -> bool:
    vial = shown.vials[0][1]
    return vial.activity_gbq == size_gbq and vial.calibrated_at == calibrated


def _sd_gy(measure: str, about: str, stated: Mapping[str, float], **boxes: Any) -> float | str:
    """Return the standard deviation of a dose of a whole case by the stated uncertainty of its inputs."""
    found = intervals(_engine(boxes), stated_from(stated))
    if isinstance(found, Missing):
        return found.because
    return next(i.sd_gy for i in found if (i.measure_id, i.about) == (measure, about))


def _recovered(volume_ml: float, half_volume_ml: float, exponent: float) -> float:
    return Recovery(half_volume_ml, exponent).fraction(volume_ml)


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "planning.catalogue": {"vials.sizes": _sizes, "vials.gbq": _vial_gbq, "vials.delivered_gbq": _delivered},
    "planning.calendar": {"vials.calibrated_at": _calibrated_at, "vials.day": _day},
    "planning.vials": {"vials.given": _vial_at},
    "planning.prescription": {"plan.window_gbq": _window},
    "planning.uncertainty": {"plan.sd_gy": _sd_gy, "recovery": _recovered},
}
