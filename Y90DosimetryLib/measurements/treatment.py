"""Measures of sessions, infusions, vials and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo

from ..case import Basis, Infusion, Intent
from ..checks.inputs import SUNDAY, US_EASTERN
from ..dosimetry.deposits import InfusionDoses, SessionDoses
from ..dosimetry.regions import ablative_perfused
from ..missing import Missing
from ..physics import HOURS_PER_DAY, decay_factor, elapsed_h
from ..structures import Role
from .view import Function, ItemFunction, Value, View, months_between

LOBECTOMY = 2
"""The scenario that leads to surgery by its definition."""
NO_SESSION = Missing("no session is planned", ("sessions",))
NO_TIMES = Missing("calibration or infusion time is not entered", ("calibrated_at", "given_at"))
SHARED_FRACTION = 0.05
"""Tool default: from this share of the smaller volume on, two sessions perfuse the same liver."""


def _stage(view: View) -> Value:
    if not view.sessions:
        return NO_SESSION
    if view.studies.present is not None or "follow_up_date" in view.case.disease.facts:
        return "follow_up"
    return "treated" if view.sessions[-1].session.basis is Basis.DELIVERED else "planning"


def _basis(view: View) -> Value:
    shown = {s.session.basis for s in view.sessions if s.session.image is not None}
    if not shown:
        return Missing("no session has an image", ("image",))
    return "mixed" if len(shown) > 1 else next(iter(shown)).value


def _modified_lobectomy(view: View) -> Value:
    return bool(ablative_perfused(view.case, view.compartments)) if view.sessions else NO_SESSION


def _repeated(view: View) -> Value:
    parts, seen = view.compartments, set[int]()
    for session in view.sessions:
        own = set(parts.inside(i.infusion.perfused for i in session.infusions))
        smaller_ml = min(parts.volume_ml(own), parts.volume_ml(seen))
        if seen and parts.volume_ml(own & seen) > SHARED_FRACTION * smaller_ml:
            return True
        seen |= own
    return False if view.sessions else NO_SESSION


def _multicompartment_available(view: View) -> bool:
    return not isinstance(view.doses.dose_by_compartment_gy(view.compartments.everything), Missing)


def _multicompartment_source(view: View) -> Value:
    given = {view.rests_on_given_ratio(s) for s in view.sessions}
    if not given or not _multicompartment_available(view):
        return "none"
    return "both" if len(given) > 1 else "given_ratio" if True in given else "image"


def _normal_liver_criterion(view: View) -> Value:
    """Return which limit of the normal liver decides: as stated, else either (one of the two suffices)."""
    said = view.fact("normal_liver_limit")
    return "either" if isinstance(said, Missing) else said


def _cohort_policy(view: View) -> bool:
    """Return whether the surgical cohort's policy is judged: as stated, else where surgery is the intent."""
    said = view.fact("judge_cohort_policy")
    if not isinstance(said, Missing):
        return bool(said)
    disease = view.case.disease
    surgical = {Intent.BRIDGE_TO_RESECTION, Intent.BRIDGE_TO_TRANSPLANT, Intent.DOWNSTAGING}
    meant = disease.intent in surgical or (disease.intent is None and disease.scenario == LOBECTOMY)
    return meant or view.fact("surgery_planned") is True


def _stage_interval(view: View) -> Value:
    if len(view.sessions) < 2:
        return Missing("there is one session only", ("sessions",))
    times = [
        min((i.infusion.given_at for i in s.infusions if i.infusion.given_at), default=None) for s in view.sessions
    ]
    known = sorted(t for t in times if t is not None)
    if len(known) < len(times):
        return Missing("a session has no time", ("given_at",))
    hours = [elapsed_h(a, b) for a, b in zip(known, known[1:], strict=False)]
    return min(hours) / HOURS_PER_DAY


def _larger_burden_first(view: View) -> Value:
    if len(view.sessions) < 2:
        return Missing("there is one session only", ("sessions",))
    lesions = {i for i, c in enumerate(view.compartments.items) if c.role is Role.TUMOR}
    if not lesions:
        return Missing("no tumor is outlined", ("structures",))
    burdens = [
        view.compartments.volume_ml(lesions & set(view.compartments.inside(i.infusion.perfused for i in s.infusions)))
        for s in view.sessions[:2]
    ]
    return burdens[0] >= burdens[1]


def treatment_day(infusion: Infusion) -> int | Missing:
    """Return the calendar days from calibration to infusion: 3 is Wednesday of week 1 after a Sunday.

    Days are those of the infusion's clock, which `Case` has set to the hospital's. Noon of Sunday in the east of
    America is Monday in Asia, and a Wednesday there is still the Wednesday of week 1.
    """
    given, calibrated = infusion.given_at, infusion.vial.calibrated_at
    if given is None or calibrated is None:
        return NO_TIMES
    assert given.tzinfo is not None, "Infusion refuses a time without its offset"
    return (given.date() - calibration_date(calibrated, given.tzinfo)).days


def calibration_date(calibrated_at: datetime, zone: tzinfo) -> date:
    """Return the date from which days are counted: the vial's Sunday, in the east of America or in the given zone.

    A calibration on no Sunday in either keeps the date of the zone.
    """
    dates = [calibrated_at.astimezone(clock).date() for clock in (zone, US_EASTERN)]
    return next((day for day in dates if day.weekday() == SUNDAY), dates[0])


def _days(view: View) -> dict[str, Value]:
    return {label: treatment_day(i.infusion) for label, (_, i) in view.infusions.items()}


def _common_day(view: View) -> Value:
    days = list(_days(view).values())
    if not days:
        return NO_SESSION
    for day in days:
        if isinstance(day, Missing):
            return day
    return days[0] if len(set(days)) == 1 else Missing("infusions are given on different days", ("given_at",))


def _sphere_bq(view: View, infusion: Infusion) -> Value:
    hours = infusion.hours_since_calibration_h
    if hours is None:
        return NO_TIMES
    return view.case.settings.sphere_activity_bq * decay_factor(hours, view.case.settings.half_life_h)


def _imaging_age(view: View) -> Value:
    return months_between(view.fact("baseline_imaging_date"), view.last_given_at)


def _since_treatment(view: View) -> Value:
    return months_between(view.last_given_at, view.fact("follow_up_date"))


def _to_surgery(view: View) -> Value:
    months = months_between(view.last_given_at, view.fact("surgery_date"))
    if isinstance(months, float | int) and months < 0:
        return Missing("the day of surgery lies before the last treatment", ("surgery_date",))
    return months


def _each(read: object) -> ItemFunction:
    """Return an item function that reads one value from each infusion."""
    assert callable(read)
    return lambda view: {label: read(view, *pair) for label, pair in view.infusions.items()}


def _calibration(_view: View, _session: SessionDoses, doses: InfusionDoses) -> Value:
    vial = doses.infusion.vial
    return NO_TIMES if vial.calibrated_at is None else vial.activity_gbq


def _liver_gbq(_view: View, _session: SessionDoses, doses: InfusionDoses) -> Value:
    return doses.net if isinstance(doses.net, Missing) else doses.net.liver_gbq


def _residual(_view: View, _session: SessionDoses, doses: InfusionDoses) -> Value:
    value = doses.infusion.residual_fraction
    return Missing("the residual is unknown", ("residual_fraction",)) if value is None else value


def _hours(_view: View, _session: SessionDoses, doses: InfusionDoses) -> Value:
    hours = doses.infusion.hours_since_calibration_h
    return NO_TIMES if hours is None else hours


TREATMENT: Mapping[str, Function] = {
    "case_stage": _stage,
    "dose_basis": _basis,
    "session_count": lambda view: len(view.sessions),
    "infusion_count": lambda view: len(view.sessions[-1].infusions) if view.sessions else 0,
    "modified_lobectomy": _modified_lobectomy,
    "repeated_volume": _repeated,
    "multicompartment_available": _multicompartment_available,
    "multicompartment_source": _multicompartment_source,
    "normal_liver_criterion": _normal_liver_criterion,
    "cohort_policy": _cohort_policy,
    "stage_interval_d": _stage_interval,
    "larger_burden_first": _larger_burden_first,
    "baseline_imaging_age_months": _imaging_age,
    "since_treatment_months": _since_treatment,
    "to_surgery_months": _to_surgery,
    "common_treatment_day": _common_day,
}

BY_VOLUME = ("modified_lobectomy", "repeated_volume", "larger_burden_first")
"""What is told by how outlines lie and how large they are."""

TREATMENT_ITEMS: Mapping[str, ItemFunction] = {
    "vial_calibration_activity_gbq": _each(_calibration),
    "liver_activity_gbq": _each(_liver_gbq),
    "residual_fraction": _each(_residual),
    "lung_shunt_fraction": _each(lambda _view, _session, doses: doses.judged_shunt_fraction),
    "tumor_to_normal_ratio": _each(lambda _view, _session, doses: doses.tumor_to_normal_ratio),
    "hours_since_calibration_h": _each(_hours),
    "treatment_day": _days,
    "activity_per_sphere_bq": _each(lambda view, _session, doses: _sphere_bq(view, doses.infusion)),
}
