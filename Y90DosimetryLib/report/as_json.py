"""The report as one JSON object (schema: Docs/assessment-json.md): units in the keys, gaps as null with a reason."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from ..checks import CheckResult
from ..guidelines import Finding, load_references
from ..measures import Measurement
from ..missing import Missing
from .content import NOTICE, Content, DoseRow, InfusionRow
from .follow_up_json import follow_up_json
from .followup_outcome import outcome_json

SCHEMA = "y90-assessment/1"


def as_json(content: Content) -> dict[str, Any]:
    """Return everything a report says as plain JSON values; numbers in full precision."""
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "software_version": content.version,
        "created_at": content.created_at.isoformat(),
        "case": content.case.label,
        "scenario": content.case.disease.scenario,
        "verdict": {
            "sentence": content.verdict.sentence,
            "worst_severity": content.verdict.worst,
            "targets_met": content.verdict.targets_met,
            "targets_total": content.verdict.targets_total,
            "not_evaluable": content.verdict.not_evaluable,
            "judged_total": content.verdict.judged_total,
        },
        "planned_against_delivered": None
        if content.differences is None
        else [{"kind": d.kind.value, "about": d.about, "message": d.message} for d in content.differences],
        "doses": [_dose_row(row) for row in content.dose_rows],
        "dose_map": {"unit": "Gy", "model": content.dose_model},
        "energy_outside_liver_fraction": dict(content.lost_by_session_fraction),
        "flr_dvh": _gap(content.flr_dvh) if isinstance(content.flr_dvh, Missing) else asdict(content.flr_dvh.summary()),
        "lung_doses": [
            {"session": label, "counted_in_totals": label not in content.replaced, **_value("dose_gy", dose)}
            for label, dose in content.lung_doses_gy
        ],
        "infusions": [_infusion(row) for row in content.infusion_rows],
        "measurements": [_measurement(m) for m in content.measurements],
        "findings": [_finding(f) for f in content.findings],
        "checks": [_check(c) for c in content.checks],
        "follow_up": None if content.follow_up is None else follow_up_json(content.follow_up),
        "outcome": outcome_json(content.case, content.explant),
        "settings": _plain(asdict(content.case.settings)),
        "methods": dict(content.methods),
        "notes": list(content.case.notes),
        "inputs": [
            {"name": i.name, "path": i.path, "beside": list(i.beside), "sha256": i.sha256} for i in content.inputs
        ],
        "references": {name: {"citation": r.citation, "doi": r.doi} for name, r in load_references().items()},
    }


def _value(key: str, value: float | Missing | None) -> dict[str, Any]:
    if isinstance(value, Missing):
        return {key: None, f"{key}_missing_because": value.because, f"{key}_needs": list(value.needs)}
    return {key: _plain(value)}


def _gap(value: Missing) -> dict[str, Any]:
    return {"missing_because": value.because, "needs": list(value.needs)}


def _dose_row(row: DoseRow) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for model, dose in row.mean_gy.items():
        means.update(_value(model.value, dose))
    return {
        "label": row.label,
        "kind": row.kind,
        "volume_ml": row.volume_ml,
        "mass_g": row.mass_g,
        "mean_dose_gy": means,
        "dvh": _gap(row.dvh) if isinstance(row.dvh, Missing) else _plain(asdict(row.dvh)),
    }


def _infusion(row: InfusionRow) -> dict[str, Any]:
    return {
        "session": row.session,
        "label": row.label,
        "perfused": row.perfused,
        "basis": row.basis,
        "counted_in_totals": row.counted,
        "calibrated_at": _plain(row.calibrated_at),
        "given_at": _plain(row.given_at),
        "activity_at_infusion_gbq": row.activity_gbq,
        "residual_fraction": row.residual_fraction,
        **_value("lung_shunt_fraction", row.lung_shunt_fraction),
        **_value("liver_activity_gbq", row.liver_activity_gbq),
        **_value("lung_activity_gbq", row.lung_activity_gbq),
        **_value("tumor_to_normal_ratio", row.tumor_to_normal_ratio),
    }


def _measurement(m: Measurement) -> dict[str, Any]:
    found: dict[str, Any] = {"id": m.measure_id, "about": m.about, "title": m.measure.title, "value": _plain(m.value)}
    if m.measure.unit.ucum:
        found["ucum"] = m.measure.unit.ucum
    if m.value is None:
        found |= {"missing_because": m.missing_because, "needs": list(m.needs)}
    return found


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "rule": f.rule.id,
        "title": f.rule.title,
        "topic": f.rule.topic,
        "about": f.about,
        "outcome": f.outcome.value,
        "severity": f.severity,
        "at_stake": f.at_stake,
        "message": f.message,
        "threshold": f.threshold,
        "judged": [_measurement(m) for m in f.judged],
        "missing": [m.measure_id for m in f.missing],
        "needs": list(f.needs),
        "remarks": list(f.remarks),
        "basis": f.rule.basis.value,
        "sources": [_plain(asdict(s)) for s in f.sources],
        "checked": f.rule.checked.isoformat(),
    }


def _check(c: CheckResult) -> dict[str, Any]:
    return {
        "check": c.check.id,
        "step": c.check.room.value,
        "level": c.check.level.value,
        "about": c.about,
        "outcome": c.outcome.value,
        "measured": _plain(c.measured),
        "threshold": c.check.threshold,
        "unit": c.check.unit,
        "message": c.message,
        "remedy": c.check.remedy,
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: dates as text, no NaN."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
