"""The follow-up as plain JSON values: units in the keys, gaps as null with a reason."""

from __future__ import annotations

from datetime import date
from typing import Any

from ..followup.overview import FollowUp
from ..followup.readiness import Readiness
from ..followup.remnant import Growth, Remnant, RemnantAt
from ..followup.response import ResponseOverTime, Seen
from ..followup.timeline import TimeLine
from ..missing import Missing
from ..response import Scope


def follow_up_json(follow_up: FollowUp) -> dict[str, Any]:
    """Return everything the follow-up says, in full precision."""
    return {
        "baseline": follow_up.studies.baseline.label,
        "present": follow_up.studies.present.label if follow_up.studies.present else None,
        "time_line": _time_line(follow_up.time_line),
        "remnant": _remnant(follow_up.remnant),
        "response": _response(follow_up.response),
        "readiness": [_readiness(r) for r in follow_up.readiness],
        "contradictions": list(follow_up.contradictions),
    }


def _value(key: str, value: object) -> dict[str, Any]:
    if isinstance(value, Missing):
        return {key: None, f"{key}_missing_because": value.because, f"{key}_needs": list(value.needs)}
    return {key: value.isoformat() if isinstance(value, date) else value}


def _time_line(line: TimeLine) -> dict[str, Any]:
    return {
        "as_of": line.as_of.isoformat() if line.as_of else None,
        "events": [
            {
                "kind": e.kind.value,
                "label": e.label,
                "on": e.on.isoformat(),
                "since_previous_days": e.since_previous_days,
                "since_previous_months": e.since_previous_months_count,
            }
            for e in line.events
        ],
        "windows": [
            {
                "title": w.title,
                "rules": list(w.rule_ids),
                "due_from": w.due_from.isoformat(),
                "due_to": w.due_to.isoformat() if w.due_to else None,
                "state": w.state.value,
                "done_by": w.done_by,
            }
            for w in line.windows
        ],
        "undated": list(line.undated),
    }


def _remnant(remnant: Remnant) -> dict[str, Any]:
    return {
        "studies": [_at(at) for at in remnant.at],
        "growth_from_baseline": [_growth(g) for g in remnant.from_baseline],
        "growth_between": [_growth(g) for g in remnant.between],
        **_value("perfused_normal_gy", remnant.perfused_normal_gy),
        "dose_for_growth_gy": remnant.dose_for_growth_gy,
        "least_growth_fraction": remnant.least_growth_fraction,
        "sflr_for_resection_fraction": remnant.sflr_for_resection_fraction,
        "notes": list(remnant.notes),
    }


def _at(at: RemnantAt) -> dict[str, Any]:
    study, volumes = at.study, at.study.volumes
    return {
        "label": study.label,
        **_value("on", study.on),
        **_value("since_treatment_days", at.days),
        **_value("since_treatment_months", at.months_count),
        "weight_kg": study.weight_kg,
        **_value("telv_ml", study.telv_ml),
        **_value("liver_ml", volumes.liver_ml),
        **_value("flr_ml", volumes.flr_ml),
        **_value("tumor_ml", volumes.tumor_ml),
        **_value("treated_ml", volumes.treated_ml),
        **_value("untreated_ml", study.untreated_ml),
        **_value("sflr_fraction", study.sflr_ratio),
        **_value("flr_measured_fraction", study.measured_ratio),
        "typed": sorted(role.value for role in volumes.typed),
    }


def _growth(growth: Growth) -> dict[str, Any]:
    return {
        "from": growth.earlier.label,
        "to": growth.later.label,
        **_value("relative_hypertrophy_fraction", growth.relative_ratio),
        **_value("degree_of_hypertrophy_fraction", growth.degree_ratio),
        **_value("weeks", growth.weeks),
        **_value("kinetic_growth_fraction_per_week", growth.kinetic_per_week_ratio),
    }


def _response(response: ResponseOverTime | Missing | None) -> dict[str, Any] | None:
    if response is None:
        return None
    if isinstance(response, Missing):
        return _value("value", response)
    found: dict[str, Any] = {"treated_on": response.treated_on.isoformat()}
    for scope in Scope:
        course, best = response.course(scope), response.best(scope)
        found[scope.value] = {
            **(
                _value("course", course)
                if isinstance(course, Missing)
                else {"baseline": course.baseline_on.isoformat()}
            ),
            "studies": [_seen(s) for s in response.seen(scope)],
            "best": None if isinstance(best, Missing) else _seen(best),
        }
    found["lesions"] = [
        {
            "label": t.lesion,
            "is_target": t.is_target,
            "is_new": t.is_new,
            **_value("baseline_mm", t.baseline_mm),
            "viable_mm": [{"on": on.isoformat(), "mm": mm} for on, mm in zip(t.days, t.viable_mm, strict=True)],
            **_value("change_fraction", t.latest_change_fraction),
        }
        for t in response.tracks
    ]
    return found


def _seen(seen: Seen) -> dict[str, Any]:
    response = seen.response if isinstance(seen.response, Missing) else str(seen.response)
    return {
        "on": seen.on.isoformat(),
        "since_treatment_months": seen.months_count,
        **_value("response", response),
        "notes": list(seen.notes),
    }


def _readiness(readiness: Readiness) -> dict[str, Any]:
    return {
        "operation": readiness.operation.value,
        "is_ready": readiness.is_ready,
        "sentence": readiness.sentence,
        "supposed": list(readiness.supposed),
        "questions": [
            {
                "title": answer.question.title,
                "speaks_against": answer.speaks_against,
                "is_open": answer.is_open,
                "findings": [
                    {"rule": f.rule.id, "outcome": f.outcome.value, "severity": f.severity, "message": f.message}
                    for f in answer.findings
                ],
            }
            for answer in readiness.answers
        ],
        "criteria": [_value(f.criteria.value, f.within) for f in readiness.criteria],
    }
