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
from ..staging import HepaticVeinInvasion, PortalInvasion


def follow_up_json(follow_up: FollowUp) -> dict[str, Any]:
    """Return everything the follow-up says, in full precision."""
    return {
        "baseline": follow_up.studies.baseline.label,
        "present": follow_up.studies.present.label if follow_up.studies.present else None,
        **value_or_reason("surgery_on", follow_up.studies.surgery_on),
        "time_line": _time_line(follow_up.time_line),
        "remnant": _remnant(follow_up.remnant),
        "response": _response(follow_up.response),
        "readiness": [_readiness(r) for r in follow_up.readiness],
        "contradictions": list(follow_up.contradictions),
    }


def value_or_reason(key: str, value: object) -> dict[str, Any]:
    """Return one key with its value; where that is missing, null with the reason and the inputs that would help."""
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
        **value_or_reason("perfused_normal_gy", remnant.perfused_normal_gy),
        "dose_for_growth_gy": remnant.dose_for_growth_gy,
        "least_growth_fraction": remnant.least_growth_fraction,
        "sflr_for_resection_fraction": remnant.sflr_for_resection_fraction,
        "notes": list(remnant.notes),
    }


def _at(at: RemnantAt) -> dict[str, Any]:
    study, volumes = at.study, at.study.volumes
    return {
        "label": study.label,
        **value_or_reason("on", study.on),
        **value_or_reason("since_treatment_days", at.days),
        **value_or_reason("since_treatment_months", at.months_count),
        "weight_kg": study.weight_kg,
        **value_or_reason("telv_ml", study.telv_ml),
        **value_or_reason("liver_ml", volumes.liver_ml),
        **value_or_reason("flr_ml", volumes.flr_ml),
        **value_or_reason("tumor_ml", volumes.tumor_ml),
        **value_or_reason("treated_ml", volumes.treated_ml),
        **value_or_reason("untreated_ml", study.untreated_ml),
        **value_or_reason("sflr_fraction", study.sflr_ratio),
        **value_or_reason("flr_measured_fraction", study.measured_ratio),
        "typed": sorted(role.value for role in volumes.typed),
    }


def _growth(growth: Growth) -> dict[str, Any]:
    return {
        "from": growth.earlier.label,
        "to": growth.later.label,
        **value_or_reason("relative_hypertrophy_fraction", growth.relative_ratio),
        **value_or_reason("degree_of_hypertrophy_fraction", growth.degree_ratio),
        **value_or_reason("weeks", growth.weeks),
        **value_or_reason("kinetic_growth_fraction_per_week", growth.kinetic_per_week_ratio),
    }


def _response(response: ResponseOverTime | Missing | None) -> dict[str, Any] | None:
    if response is None:
        return None
    if isinstance(response, Missing):
        return value_or_reason("value", response)
    found: dict[str, Any] = {"treated_on": response.treated_on.isoformat()}
    for scope in Scope:
        course, best = response.course(scope), response.best(scope)
        found[scope.value] = {
            **(
                value_or_reason("course", course)
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
            **value_or_reason("baseline_mm", t.baseline_mm),
            "viable_mm": [{"on": on.isoformat(), "mm": mm} for on, mm in t.measured],
            **value_or_reason("change_fraction", t.latest_change_fraction),
        }
        for t in response.tracks
    ]
    found["invasion"] = [
        {"on": i.on.isoformat(), **_class("portal", i.portal), **_class("hepatic", i.hepatic)}
        for i in response.invasion
    ]
    return found


def _class(vein: str, grade: PortalInvasion | HepaticVeinInvasion | Missing) -> dict[str, Any]:
    return value_or_reason(f"{vein}_vein", grade if isinstance(grade, Missing) else grade.name if grade else "none")


def _seen(seen: Seen) -> dict[str, Any]:
    response = seen.response if isinstance(seen.response, Missing) else str(seen.response)
    return {
        "on": seen.on.isoformat(),
        "since_treatment_months": seen.months_count,
        **value_or_reason("response", response),
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
        "criteria": [value_or_reason(f.criteria.value, f.within) for f in readiness.criteria],
    }
