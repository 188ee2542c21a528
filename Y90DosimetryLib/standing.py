"""What the time points of a case say of facts that the team could also state, and where the two disagree.

Where a time point answers, it counts; a stated fact counts where none does. A disagreement is never settled in
silence: `contradictions` lists it, and a check raises it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date

from .case import Basis, Case, counted_sessions, first_treatment
from .facts import CATALOG, FLR_IMAGING_MONTHS, FLR_IMAGING_TOLERANCE_MONTHS, TIMED_FACTS, FactValue
from .images import ActivityMap
from .missing import Missing
from .physics import elapsed_h
from .response import Course, Response, Scope, agreed, response_of
from .structures import Role
from .studies import NO_TREATMENT, Studies, Study
from .timepoints import TimeKind, TimePoint, calendar_months_count, day_of

RESPONSES: Mapping[str, Scope] = {"localized_mrecist": Scope.LOCALIZED, "mrecist": Scope.OVERALL}
"""Facts that readings of lesions answer too."""
VOLUME_TOLERANCE_FRACTION = 0.01
"""Tool default: a stated volume this close to the measured one says the same."""
MONTHS_TOLERANCE = 0.1
"""Tool default: stated months this close to those of the dates say the same."""


def has_readings(case: Case) -> bool:
    """Whether any time point has readings of lesions or thrombi."""
    return any(p.lesions or p.thrombi or p.new_lesions for p in case.time_points)


def baseline_readings(studies: Studies) -> TimePoint | None:
    """Return the baseline where it has readings; None leaves it to the latest study up to the treatment."""
    point = studies.baseline.point
    return point if point is not None and (point.lesions or point.thrombi) else None


def expects_thrombus(case: Case) -> bool:
    """Whether the disease that was treated had a tumor thrombus, by outline or as stated."""
    grades = (case.disease.facts.get(name, "none") for name in ("pvtt_grade", "hepatic_vein_thrombus_grade"))
    drawn = any(case.of_role(role) for role in (Role.PVTT, Role.HEPATIC_VEIN_THROMBUS))
    return drawn or any(grade != "none" for grade in grades)


def course_of(case: Case, studies: Studies, scope: Scope) -> Course | Missing | None:
    """Return the response over time; None where no time point has readings."""
    if not has_readings(case):
        return None
    if isinstance(studies.treated_on, Missing):
        return studies.treated_on
    if not studies.treated_on:
        return NO_TREATMENT
    return response_of(
        case.time_points,
        studies.treated_on[0],
        scope,
        baseline=baseline_readings(studies),
        expects_thrombus=expects_thrombus(case),
        surgery_on=studies.surgery_on,
    )


def fact_of(case: Case, studies: Studies | None, name: str) -> FactValue | Missing:
    """Return a fact: from the time points where they answer it, else as stated; *studies* None: no time points."""
    stated = case.disease.facts.get(name)
    if studies is not None:
        seen = seen_facts(case, studies)
        stated = seen.get(name, stated)
        if name in RESPONSES:
            course = course_of(case, studies, RESPONSES[name])
            present = course.present if isinstance(course, Course) else course
            return agreed(None if stated is None else str(stated), present, name)
    if stated is None:
        stated = _implied(case, name)
    return Missing("not stated", (name,)) if stated is None else stated


def _implied(case: Case, name: str) -> FactValue | None:
    """Return a fact that other entries of the case already say; None where none does."""
    if name == "mvi_lobes":
        return {"right": "unilobar", "left": "unilobar", "both": "bilobar"}.get(
            str(case.disease.facts.get("pvtt_side"))
        )
    if name == "labs_between_stages":
        given = sorted(i.given_at for s in counted_sessions(case) for i in s.infusions if i.given_at is not None)
        if given and any(
            day_of(given[0]) < p.on <= day_of(given[-1]) and p.patient.bilirubin_umol_l is not None
            for p in case.time_points
        ):
            return True
    if name == "post_treatment_imaging_h":
        delivered = [s for s in counted_sessions(case) if s.basis is Basis.DELIVERED]
        times = [i.given_at for s in delivered[-1:] for i in s.infusions if i.given_at is not None]
        image = delivered[-1].image if delivered else None
        if times and isinstance(image, ActivityMap) and image.reference_time is not None:
            hours = elapsed_h(max(times), image.reference_time)
            return hours if hours > 0 else None  # a map corrected to the infusion does not tell when it was taken
    return None


def seen_facts(case: Case, studies: Studies) -> dict[str, FactValue]:
    """Return the facts that the time points answer, by their ids; what they leave open is not among them."""
    return dict(_seen(case, studies))


def contradictions(case: Case, studies: Studies) -> tuple[str, ...]:
    """Return one sentence for each stated fact that the time points answer otherwise, surgery that moved included."""
    stated, found = case.disease.facts, []
    for name, value in _seen(case, studies):
        if name in stated and not _same(name, stated[name], value):
            found.append(f"{name} is stated as {_written(stated[name])}, the time points say {_written(value)}")
    for study in filter(studies.is_after_surgery, studies.later):
        if study.point is not None and study.point.kind is TimeKind.BEFORE_SURGERY:
            day = _written(stated["surgery_date"])
            found.append(f"surgery_date is stated as {day}, '{study.label}' of {study.on} is said to be before surgery")
    return tuple(found)


def outcome_contradictions(case: Case, studies: Studies) -> tuple[str, ...]:
    """Return one sentence for each stated fact, or study, that does not go together with the outcome."""
    return tuple(_against_outcome(case, studies))


def _against_outcome(case: Case, studies: Studies) -> Iterator[str]:
    outcome, facts = case.outcome, case.disease.facts
    treated_on, surgery_on = first_treatment(case), facts.get("surgery_date")
    for name in ("surgery_date", "follow_up_date"):
        stated = facts.get(name)
        if isinstance(stated, date) and outcome.died_on is not None and stated > outcome.died_on:
            yield f"{name} is stated as {_written(stated)}, the outcome says death on {_written(outcome.died_on)}"
    if not isinstance(surgery_on, date):
        surgery_on = None if isinstance(treated_on, Missing) else treated_on
    elif outcome.recurred_on is not None and outcome.recurred_on < surgery_on:
        recurred_on = _written(outcome.recurred_on)
        yield f"surgery_date is stated as {_written(surgery_on)}, the outcome says recurrence on {recurred_on}"
    course = course_of(case, studies, Scope.OVERALL)
    if outcome.recurred is False and surgery_on is not None:
        seen = {p.on: p.facts.get("mrecist") for p in case.time_points}
        if isinstance(course, Course):
            seen |= {s.on: s.response for s in course.studies if not isinstance(s.response, Missing)}
        for on, response in sorted(seen.items(), key=lambda found: found[0]):
            if response == Response.PD and on > surgery_on:
                yield f"the outcome says no recurrence, the study of {_written(on)} shows progression"


def _seen(case: Case, studies: Studies) -> Iterator[tuple[str, FactValue]]:
    baseline, present = studies.baseline, studies.present
    if not case.time_points:
        return
    if not isinstance(baseline.volumes.flr_ml, Missing):
        yield "flr_before_treatment_ml", baseline.volumes.flr_ml
    if baseline.point is not None:
        yield "baseline_imaging_date", baseline.point.on
        if baseline.point.modality is not None:
            yield "baseline_modality", baseline.point.modality
    if present is None or isinstance(present.on, Missing):
        return
    yield "follow_up_date", present.on
    points = [s.point for s in studies.before_surgery if s.point is not None]
    imaged = [p for p in points if p.has_imaging]
    if imaged:
        yield "last_imaging_age_months", calendar_months_count(imaged[-1].on, present.on)
    modalities = [p.modality for p in imaged if p.modality is not None]
    if modalities:
        yield "follow_up_modality", modalities[-1]
    for name in TIMED_FACTS:
        said = [p.facts[name] for p in points if name in p.facts]
        if said and CATALOG[name].group == "follow_up":
            yield name, said[-1]
    yield from _imaged_months(case, studies, present.on)


def _imaged_months(case: Case, studies: Studies, present_on: date) -> Iterator[tuple[str, FactValue]]:
    """Say of each month whether the remnant was imaged; nothing before its window closes, or where the team says so."""
    treated = studies.last_treatment(present_on)
    if isinstance(treated, Missing):
        return
    for month in FLR_IMAGING_MONTHS:
        name = f"flr_imaged_month_{month}"
        if any(is_of_month(study, treated, month) for study in studies.before_surgery if _shows_remnant(study)):
            yield name, True
        elif name not in case.disease.facts and _is_over(month, treated, present_on):
            yield name, False


def is_of_month(study: Study, treated: date, month: int) -> bool:
    """Whether a study counts as of a month after the treatment: within the tolerance of `facts`."""
    if isinstance(study.on, Missing):
        return False
    apart = calendar_months_count(treated, study.on) - month
    return abs(apart) <= FLR_IMAGING_TOLERANCE_MONTHS[month]


def _is_over(month: int, treated: date, on: date) -> bool:
    return calendar_months_count(treated, on) > month + FLR_IMAGING_TOLERANCE_MONTHS[month]


def _shows_remnant(study: Study) -> bool:
    return not isinstance(study.volumes.flr_ml, Missing)


def _same(name: str, stated: FactValue, seen: FactValue) -> bool:
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not isinstance(seen, int | float):
        return stated == seen
    if name.endswith("_ml"):
        return math.isclose(stated, seen, rel_tol=VOLUME_TOLERANCE_FRACTION)
    return abs(stated - seen) <= MONTHS_TOLERANCE


def _written(value: FactValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return value.isoformat() if isinstance(value, date) else str(value)
