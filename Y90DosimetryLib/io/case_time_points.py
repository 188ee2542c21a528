"""The time points of a case file: each a study of another day, with its readings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..case import TimeKind, TimePoint
from ..facts import TIMED_FACTS
from ..images import CtImage
from ..lesions import LesionReading, ThrombusReading
from ..structures import Role
from .case_inputs import CaseFiles
from .case_study import read_ct, read_patient, read_structures


def read_time_point(values: Mapping[str, Any], files: CaseFiles) -> TimePoint:
    """Return the time point that one [[time_points]] table describes."""
    of = f" of '{values['label']}'"
    ct = read_ct(values, files, of)
    return TimePoint(
        values["label"],
        values["date"],
        TimeKind(values.get("kind", TimeKind.FOLLOW_UP)),
        read_structures(values, files, of),
        CtImage(ct.image) if ct else None,
        {Role(role): float(volume_ml) for role, volume_ml in values.get("volumes_ml", {}).items()},
        read_patient(values.get("patient", {}), f"[time_points.patient]{of}"),
        tuple(LesionReading(r["label"], **_readings(r)) for r in values.get("lesions", ())),
        tuple(ThrombusReading(r["label"], **_readings(r)) for r in values.get("thrombi", ())),
        values.get("new_lesions"),
        values.get("modality"),
        {name: values[name] for name in TIMED_FACTS if name in values},
    )


def _readings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a reading, which are the fields of its class."""
    return {key: value for key, value in values.items() if key != "label"}
