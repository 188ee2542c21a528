"""What became of a patient, for the tables: response, progression, growth of the remnant, and how long was watched.

All times run from the first treatment, in calendar months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ..case import Case, first_treatment
from ..engine import Assessment
from ..facts import FactValue
from ..followup.remnant import Growth
from ..missing import Missing
from ..response import Course, Response, Scope
from ..timepoints import calendar_months_count

FACTS: Mapping[Scope, str] = {Scope.LOCALIZED: "localized_mrecist", Scope.OVERALL: "mrecist"}

Cell = FactValue | Missing


@dataclass(frozen=True)
class Seen:
    """The responses of one scope after the treatment, in the order of their days; at least one of them is known."""

    treated_on: date
    responses: tuple[tuple[date, Response], ...]
    surgery_on: date | None = None

    @property
    def best(self) -> tuple[date, Response] | Missing:
        """The first of the best up to surgery: a tumor that was cut out has not responded."""
        before = [(on, r) for on, r in self.responses if self.surgery_on is None or on <= self.surgery_on]
        if not before:
            return Missing("no study between the treatment and surgery can be evaluated", ("lesions",))
        return min(before, key=lambda seen: seen[1].rank)

    @property
    def progression_on(self) -> date | None:
        """When progression was first seen."""
        return next((on for on, response in self.responses if response is Response.PD), None)

    def months(self, on: date) -> float:
        """Return the months from the first treatment to a day."""
        return calendar_months_count(self.treated_on, on)


def course_cells(assessment: Assessment) -> dict[str, Cell]:
    """Return what holds for the patient, by column."""
    case = assessment.case
    cells: dict[str, Cell] = {}
    for scope, column in ((Scope.LOCALIZED, "best_localized_mrecist"), (Scope.OVERALL, "best_overall_mrecist")):
        seen = responses_seen(assessment, scope)
        stated = case.disease.facts.get(FACTS[scope])
        best = seen if isinstance(seen, Missing) else seen.best
        if isinstance(best, Missing):
            cells[column] = best if stated is None else str(stated)
            cells[f"{column}_months"] = best
        elif not isinstance(seen, Missing):
            cells |= {column: best[1].value, f"{column}_months": seen.months(best[0])}
    growth = _growth(assessment)
    return cells | {
        **_progression(assessment),
        **_recurrence(case),
        **_survival(case),
        "follow_up_months": _months_to(case, last_known(case)),
        "flr_degree_of_hypertrophy_fraction": growth if isinstance(growth, Missing) else growth.degree_ratio,
        "flr_kinetic_growth_per_week_fraction": (
            growth if isinstance(growth, Missing) else growth.kinetic_per_week_ratio
        ),
    }


def responses_seen(assessment: Assessment, scope: Scope) -> Seen | Missing:
    """Return the responses after the treatment: as measured, and as stated for days on which nothing was measured."""
    case, follow_up = assessment.case, assessment.follow_up
    treated_on = first_treatment(case)
    if isinstance(treated_on, Missing):
        return treated_on
    if follow_up is None:
        return Missing("there is no time point after the treatment", ("time_points",))
    read = follow_up.response
    course = read if read is None or isinstance(read, Missing) else read.course(scope)
    found: dict[date, Response] = {}
    for point in case.time_points:
        stated = point.facts.get(FACTS[scope])
        if stated is not None and point.on > treated_on and not (point.lesions or point.thrombi):
            found[point.on] = Response(str(stated))
    if isinstance(course, Course):
        found |= {s.on: s.response for s in course.studies if not isinstance(s.response, Missing)}
    if found:
        return Seen(treated_on, tuple(sorted(found.items())), follow_up.studies.surgery_on)
    if isinstance(course, Course):
        return course.present if isinstance(course.present, Missing) else Missing("no study can be evaluated")
    return course or Missing("no response is measured or stated", ("lesions", FACTS[scope]))


def best_change(assessment: Assessment, label: str) -> Cell:
    """Return the largest fall of a tumor's viable diameter up to surgery, -1 to 0 and above: -0.3 is 30 % less."""
    read = assessment.follow_up.response if assessment.follow_up else None
    if read is None or isinstance(read, Missing):
        return read or Missing("no diameter is measured over time", ("lesions",))
    track = next((t for t in read.tracks if t.lesion == label), None)
    if track is None or isinstance(track.baseline_mm, Missing) or track.baseline_mm == 0:
        return Missing("the tumor has no viable diameter before the treatment", ("viable_mm",))
    until = read.surgery_on or date.max
    later_mm = [mm for on, mm in track.measured if read.treated_on < on <= until]
    if not later_mm:
        return Missing("the tumor has no viable diameter between the treatment and surgery", ("viable_mm",))
    return min(later_mm) / track.baseline_mm - 1.0


def last_known(case: Case) -> date | Missing:
    """Return the last day on which anything is known of the patient: that of death, or the latest one alive."""
    outcome, treated_on = case.outcome, first_treatment(case)
    if isinstance(treated_on, Missing):
        return treated_on
    if outcome.died_on is not None:
        return outcome.died_on
    stated = case.disease.facts.get("follow_up_date")
    days = [point.on for point in case.time_points] + [day for _, day in outcome.days]
    days += [stated] if isinstance(stated, date) else []
    later = [day for day in days if day >= treated_on]
    if not later:
        return Missing("nothing is known after the treatment", ("time_points", "follow_up_date", "last_seen_on"))
    return max(later)


def _months_to(case: Case, on: date | Missing) -> float | Missing:
    treated_on = first_treatment(case)
    if isinstance(treated_on, Missing):
        return treated_on
    return on if isinstance(on, Missing) else calendar_months_count(treated_on, on)


def _progression(assessment: Assessment) -> dict[str, Cell]:
    """Return whether and when: by the studies, and by the recurrence of the outcome; the first of both counts.

    Without progression, the time is that of the last study, or of the last contact where the outcome says that there
    was no recurrence until then.
    """
    case, outcome = assessment.case, assessment.case.outcome
    seen = responses_seen(assessment, Scope.OVERALL)
    by_studies = None if isinstance(seen, Missing) else seen.progression_on
    found = [day for day in (by_studies, outcome.recurred_on) if day is not None]
    if found:
        return _progressed(True, _months_to(case, min(found)))
    if outcome.recurred is True:
        return _progressed(True, Missing("the day of the recurrence is not entered", ("recurred_on",)))
    if outcome.recurred is False:
        return _progressed(False, _months_to(case, last_known(case)))
    if isinstance(seen, Missing):
        return _progressed(seen, seen)
    return _progressed(False, seen.months(seen.responses[-1][0]))


def _progressed(progressed: Cell, months: Cell) -> dict[str, Cell]:
    """Return both cells; an event without its time is none that a table can hold."""
    known = progressed is not True or not isinstance(months, Missing)
    return {"progressed": progressed if known else months, "progression_months": months}


def _recurrence(case: Case) -> dict[str, Cell]:
    recurred_on = case.outcome.recurred_on
    if recurred_on is not None:
        return {"ttr_months": _months_to(case, recurred_on)}
    if case.outcome.recurred is False:
        return {"ttr_months": Missing("no recurrence until the patient was last seen")}
    return {"ttr_months": Missing("whether and when it recurred is not entered", ("recurred", "recurred_on"))}


def _survival(case: Case) -> dict[str, Cell]:
    """Return death, never guessed, and the time to it, or to when the patient was last known alive."""
    outcome = case.outcome
    if outcome.died is None:
        unknown = Missing("whether the patient died is not entered", ("died",))
        return {"died": unknown, "survival_months": unknown}
    months = _months_to(case, last_known(case))
    if outcome.died and outcome.died_on is None:
        months = Missing("the day of death is not entered", ("died_on",))
    died = months if outcome.died and isinstance(months, Missing) else outcome.died
    return {"died": died, "survival_months": months}


def _growth(assessment: Assessment) -> Growth | Missing:
    """Return the growth from the baseline to the study whose remnant counts now."""
    follow_up = assessment.follow_up
    if follow_up is None:
        return Missing("there is no time point after the treatment", ("time_points",))
    present = follow_up.studies.present_remnant
    found = [g for g in follow_up.remnant.from_baseline if g.later is present]
    return found[-1] if found else Missing("the remnant was not measured after the treatment", ("structures",))
