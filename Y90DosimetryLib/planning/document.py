"""A plan as one JSON object in full precision."""

from __future__ import annotations

import math
from typing import Any

from ..measures import DAY_NAMES
from ..missing import Missing
from . import calendar
from .catalogue import Catalogue
from .compare import Comparison
from .constraints import Constraint, OpenQuestion
from .ends import SURE_SHARE, WindowEnd
from .infusions import SHOWN, Choice, FeasibleSet
from .model_words import models_json
from .opening_times import Opening
from .plan import Plan
from .prescription import Allowance, Conflict, Window
from .text import NO_LIMIT, week_table
from .uncertainty import COVERAGE_FACTOR_RATIO, DoseInterval, Safety
from .vials import Schedule, VialTime

SCHEMA = "y90-plan/1"


def as_json(plan: Plan) -> dict[str, Any]:
    """Return everything a plan says as plain JSON values; a number that is missing is null with its reason."""
    intervals = plan.intervals
    schedule = plan.schedule
    return {
        "schema": SCHEMA,
        "case": plan.lines.case.label,
        "scenario": plan.lines.case.disease.scenario,
        "session": plan.lines.session.label,
        "headline": plan.headline,
        "window": {
            **_window(plan.split),
            "ends": _gap(intervals) if isinstance(intervals, Missing) else [_end(e) for e in plan.ends],
            "nowhere_safe": plan.nowhere_safe or None,
            "infusions": [_window(w) for w in plan.windows],
            "together": None if plan.together is None else _together(plan.together),
        },
        "binding": {
            "low": [_constraint(c) for c in plan.split.low_binding],
            "high": [_constraint(c) for c in plan.split.high_binding],
            "conflict": None if plan.split.conflict is None else _conflict(plan.split.conflict),
            "impossible": [_constraint(c) for c in plan.split.impossible],
        },
        "constraints": [_allowance(a) for a in plan.split.allowances],
        "open_questions": [_question(q) for q in plan.constraints.open_questions],
        "set_aside_by_user": list(plan.constraints.set_aside),
        "vials": _gap(schedule) if isinstance(schedule, Missing) else _vials(plan, schedule),
        "intervals": _gap(intervals) if isinstance(intervals, Missing) else [_interval(i, plan) for i in intervals],
        "safety": [_safety(s) for s in plan.safety],
        "models": None if plan.models is None else models_json(plan.models),
        "comparison": None if plan.comparison is None else _comparison(plan.comparison),
        "notes": list(plan.notes),
    }


def _end(e: WindowEnd) -> dict[str, Any]:
    return {
        "side": e.side.value,
        "activity_gbq": e.activity_gbq,
        "sd_gbq": e.sd_gbq,
        "low_gbq": e.low_gbq,
        "high_gbq": e.high_gbq,
        "coverage_factor": COVERAGE_FACTOR_RATIO,
        "bound_by": e.constraint.name,
        "safely_kept_gbq": _number(e.sure_gbq),
        "safely_kept_probability": SURE_SHARE,
        "safely_bound_by": e.sure_constraint.name,
    }


def _gap(value: Missing) -> dict[str, Any]:
    return {"missing_because": value.because, "needs": list(value.needs)}


def _number(value: float | Missing | None) -> Any:
    if isinstance(value, Missing):
        return _gap(value)
    return None if value is None or not math.isfinite(value) else value


def _window(w: Window) -> dict[str, Any]:
    return {
        "label": w.label,
        "unit": "GBq at infusion, before the residual",
        "is_empty": w.is_empty,
        "nothing_to_plan": w.nothing_to_plan or None,
        "entered_gbq": w.entered_gbq,
        "entered_is_inside": w.holds(w.entered_gbq),
        "low_gbq": _number(w.low_gbq),
        "high_gbq": _number(w.high_gbq),
        **({} if math.isfinite(w.high_gbq) else {"high_gbq_missing_because": NO_LIMIT}),
        "low_is_open": w.low_is_open,
        "high_is_open": w.high_is_open,
        "wished_low_gbq": _number(w.wished_low_gbq),
        "wished_high_gbq": _number(w.wished_high_gbq),
        "unfulfilled_wishes": [_constraint(c) for c in w.unfulfilled_wishes],
        "impossible": [_constraint(c) for c in w.impossible],
        "conflict": None if w.conflict is None else _conflict(w.conflict),
    }


def _constraint(c: Constraint) -> dict[str, Any]:
    return {
        "rule": c.rule.id if c.rule else None,
        "kind": c.kind,
        "severity": c.severity.value,
        "text": c.text,
        "set_by_user": c.rule is None or c.printed_gy is not None,
        "printed_gy": c.printed_gy,
        "bounds": [
            {
                "measure": b.line.measure_id,
                "about": b.line.about,
                "side": b.side.value,
                "limit_gy": b.limit_gy,
                "limit_excluded": b.is_open,
                "already_gy": b.line.already_gy,
                "gy_per_gbq": list(b.line.per_activity_gy_per_gbq),
            }
            for b in c.bounds
        ],
    }


def _allowance(a: Allowance) -> dict[str, Any]:
    return {
        **_constraint(a.constraint),
        "is_possible": a.is_possible,
        "least_gbq": _number(a.least_gbq),
        "most_gbq": _number(a.most_gbq),
    }


def _conflict(c: Conflict) -> dict[str, Any]:
    return {
        "lower": _constraint(c.lower),
        "upper": _constraint(c.upper),
        "lower_reaches_gy": c.lower_reaches_gy,
        "upper_gets_gy": c.upper_gets_gy,
        "lower_gives_gy": c.lower_gives_gy,
        "upper_gives_gy": c.upper_gives_gy,
        "text": c.text,
    }


def _question(q: OpenQuestion) -> dict[str, Any]:
    return {
        "rule": q.rule.id,
        "about": q.about,
        "severity": q.severity.value,
        "because": q.because,
        "needs": list(q.needs),
        "would_ask": [b.text for b in q.bounds],
    }


def _choice(c: Choice) -> dict[str, Any]:
    return {
        "activities_gbq": list(c.activities_gbq),
        "is_feasible": c.is_feasible,
        **dict(zip(SHOWN, c.doses_gy, strict=True)),
        "broken": [b.name for b in c.broken],
    }


def _together(f: FeasibleSet) -> dict[str, Any]:
    give = f.relaxation
    return {
        "labels": list(f.labels),
        "aim": f.aim.value,
        "best": _gap(f.best) if isinstance(f.best, Missing) else _choice(f.best),
        "corners_gbq": [list(c) for c in f.corners_gbq],
        "conflicts": [_conflict(c) for c in f.conflicts],
        "relaxation": None
        if give is None
        else {
            "give_fraction": give.give_fraction,
            "activities_gbq": list(give.activities_gbq),
            "giving": [c.name for c in give.giving],
        },
        "table": [_choice(c) for c in f.table],
    }


def _vials(plan: Plan, schedule: Schedule) -> dict[str, Any]:
    chosen = [v for v in plan.vials if calendar.local_date(v.at, schedule.zone) in plan.days]
    return {
        "days": [d.isoformat() for d in plan.days],
        "catalogue": _catalogue(schedule.catalogue),
        "at": [_vial_time(v, schedule) for v in chosen],
        "openings": [_opening(o, schedule) for o in plan.openings],
        "combinations": [_vial_time(v, schedule) for v in plan.combinations],
        "ranked": [
            {
                **_vial_time(r.vial, schedule),
                "of_prescription": r.prescription_ratio,
                "doses": [{"measure": x.measure_id, "about": x.about, "dose_gy": gy} for x, gy in r.doses_gy],
            }
            for r in plan.ranked
        ],
        "week_table": week_table(plan, schedule),
    }


def _catalogue(c: Catalogue) -> dict[str, Any]:
    return {
        "standard_gbq": list(c.standard_gbq),
        "shelf_life_h": c.shelf_life_h,
        "calibration": f"{DAY_NAMES[c.calibration_weekday]} {c.calibration_clock:%H:%M} {c.calibration_zone}",
        "unverified": list(c.unverified),
        "unverified_words": list(c.doubts),
        "source": c.source,
    }


def _vial_time(v: VialTime, schedule: Schedule) -> dict[str, Any]:
    return {
        "vials": [
            {
                "infusion": n,
                "activity_gbq": s.activity_gbq,
                "calibrated_at": s.calibrated_at.isoformat(),
                "unverified_size": schedule.catalogue.is_unverified(s.activity_gbq),
            }
            for n, s in v.vials
        ],
        "at": v.at.astimezone(schedule.zone).isoformat(),
        "at_words": calendar.words(v.at, schedule.zone),
        "meets_plan": v.meets_plan,
        "keeps_doses": v.keeps_doses,
        "activities_gbq": list(v.activities_gbq),
        "activity_per_sphere_bq": list(v.per_sphere_bq),
        "sphere_counts": list(v.sphere_counts),
        "spheres_per_ml": [_number(d) for d in v.spheres_per_ml],
        **dict(zip(SHOWN, v.doses_gy, strict=True)),
        "broken": [c.name for c in v.broken],
        "timing": [
            {"rule": f.rule.id, "outcome": f.outcome.value, "severity": f.severity, "message": f.message}
            for f in v.timing
        ],
    }


def _opening(o: Opening, schedule: Schedule) -> dict[str, Any]:
    return {
        "infusion": o.infusion,
        "activity_gbq": o.vial.activity_gbq,
        "unverified_size": schedule.catalogue.is_unverified(o.vial.activity_gbq),
        "calibrated_at": o.vial.calibrated_at.isoformat(),
        "from": o.start.isoformat(),
        "to": o.end.isoformat(),
        "words": o.words,
        "opened_by": {"cause": o.opened_by.cause.value, "text": o.opened_by.text},
        "shut_by": {"cause": o.shut_by.cause.value, "text": o.shut_by.text},
    }


def _interval(i: DoseInterval, plan: Plan) -> dict[str, Any]:
    sampled = None
    if plan.sampled is not None and (i.measure_id, i.about) in plan.sampled.doses_gy:
        sampled = plan.sampled.sd_gy((i.measure_id, i.about))
    return {
        "measure": i.measure_id,
        "about": i.about,
        "dose_gy": i.dose_gy,
        "sd_gy": i.sd_gy,
        "low_gy": i.low_gy,
        "high_gy": i.high_gy,
        "coverage_factor": COVERAGE_FACTOR_RATIO,
        "monte_carlo_sd_gy": sampled,
        "contributions": [
            {"factor": c.factor, "first_order_gy": c.first_order_gy, "second_order_gy": c.second_order_gy}
            for c in i.contributions
        ],
    }


def _safety(s: Safety) -> dict[str, Any]:
    return {
        **_constraint(s.constraint),
        "dose_gy": s.dose_gy,
        "sd_gy": s.sd_gy,
        "probability": s.probability_share,
        "flipped_by": list(s.flipped_by),
    }


def _comparison(c: Comparison) -> dict[str, Any]:
    return {
        "planned": c.planned,
        "delivered": c.delivered,
        "structures": [
            {
                "label": r.region.label,
                "kind": r.region.kind.value,
                "planned_gy": _number(r.planned_gy),
                "delivered_gy": _number(r.delivered_gy),
                "planned_share": _number(r.planned_share),
                "delivered_share": _number(r.delivered_share),
            }
            for r in c.rows
        ],
        "lesions": [
            {
                "label": x.region.label,
                "target_gy": x.target.dose_gy,
                "target_rule": x.target.rule.id,
                "planned_under_ml": _number(x.planned_under_ml),
                "delivered_under_ml": _number(x.delivered_under_ml),
                "missed_ml": _number(x.missed_ml),
                "where": x.where,
            }
            for x in c.lesions
        ],
        "differences": [{"kind": d.kind.value, "about": d.about, "message": d.message} for d in c.differences],
        "second_session": [_window(w) for w in c.second],
    }
