"""The follow-up of a case as a whole: remnant, response, time line, readiness for surgery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from ..case import Case, Patient
from ..dosimetry.doses import Doses, Prepared
from ..guidelines import load_rules
from ..measurements import measure_patient
from ..measures import Known, Measurement
from ..missing import Missing
from ..standing import baseline_readings, contradictions, expects_thrombus, has_readings
from ..studies import NO_TREATMENT, Studies, Study, studies_of
from .readiness import Operation, Readiness, readiness
from .remnant import Remnant, remnant_of
from .response import ResponseOverTime, response_over_time
from .timeline import TimeLine, timeline_of
from .transplant import Spread, lasting, transplant_criteria

PERFUSED_NORMAL_DOSE = "ntad_session_gy.multicompartment"


@dataclass(frozen=True)
class FollowUp:
    """What the time points of a case say together with its treatment."""

    studies: Studies
    remnant: Remnant
    time_line: TimeLine
    response: ResponseOverTime | Missing | None
    """None where no lesion and no thrombus was read."""
    patient: Patient
    """The latest values since the treatment; what was not measured since is unknown."""
    readiness: tuple[Readiness, ...]
    """For each operation; empty before a time point after the treatment exists."""
    contradictions: tuple[str, ...]
    """Stated facts that the time points contradict."""


def follow_up_of(case: Case, prepared: Prepared, doses: Doses, measurements: Iterable[Measurement]) -> FollowUp | None:
    """Return the follow-up of a case; None where it has no time point."""
    if not case.time_points:
        return None
    known = Known(measurements)
    studies = studies_of(case, prepared.compartments, prepared.time_points, doses.withheld.everything)
    patient = present_patient(case, studies)
    present = known.updated(measure_patient(case, patient, prepared, doses))
    return FollowUp(
        studies,
        remnant_of(studies, _dose_gy(known)),
        timeline_of(case, studies),
        _response(case, studies),
        patient,
        tuple(_readiness(case, studies, present)) if studies.present else (),
        contradictions(case, studies),
    )


def _response(case: Case, studies: Studies) -> ResponseOverTime | Missing | None:
    if not has_readings(case):
        return None
    if isinstance(studies.treated_on, Missing) or not studies.treated_on:
        return studies.treated_on if isinstance(studies.treated_on, Missing) else NO_TREATMENT
    return response_over_time(
        case.time_points,
        studies.treated_on[0],
        baseline=baseline_readings(studies),
        expects_thrombus=expects_thrombus(case),
        surgery_on=studies.surgery_on,
    )


def present_patient(case: Case, studies: Studies) -> Patient:
    """Return each value as last measured since the treatment, up to surgery; the body size also from before."""
    found: dict[str, object] = {"weight_kg": case.patient.weight_kg, "height_cm": case.patient.height_cm}
    for study in studies.before_surgery:
        if study.point is not None:
            values = {f.name: getattr(study.point.patient, f.name) for f in fields(Patient)}
            found |= {name: value for name, value in values.items() if value is not None}
    return Patient(**found)  # type: ignore[arg-type]


def _readiness(case: Case, studies: Studies, present: Known) -> Iterator[Readiness]:
    read = [s for s in studies.later if s.point is not None and s.point.lesions]
    spreads = [_spread(case, s) for s in read if not studies.is_after_surgery(s)]
    criteria = transplant_criteria(spreads[-1]) if spreads else ()
    since = lasting(spreads) if spreads else ()
    for operation in Operation:
        yield readiness(present, load_rules(), case.disease.scenario, operation, criteria=criteria, lasting=since)


def _spread(case: Case, study: Study) -> Spread:
    point, facts = study.point, case.disease.facts
    assert point is not None
    grades = [point.facts.get(n, facts.get(n)) for n in ("pvtt_grade", "hepatic_vein_thrombus_grade")]
    invaded = True if any(g not in (None, "none") for g in grades) else None if None in grades else False
    outside = point.facts.get("extrahepatic_disease", facts.get("extrahepatic_disease"))
    return Spread(
        point.on,
        point.lesions,
        point.thrombi,
        invaded,
        outside if isinstance(outside, bool) else None,
        point.patient.afp_ng_ml,
    )


def _dose_gy(known: Known) -> float | Missing:
    dose = known.get(PERFUSED_NORMAL_DOSE)
    if isinstance(dose.value, int | float):
        return float(dose.value)
    return Missing(dose.missing_because, dose.needs)
