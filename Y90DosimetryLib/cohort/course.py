"""What became of a patient, for the tables: response, progression, growth of the remnant, and how long was watched.

All times run from the first treatment, in calendar months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ..assessment import Assessment
from ..case import Case, counted_sessions
from ..facts import FactValue
from ..followup.remnant import Growth
from ..missing import Missing
from ..response import Course, Response, Scope
from ..timepoints import calendar_months_count, day_of

NOT_IN_A_CASE = Missing("a case does not hold it: add it to the table")
FACTS: Mapping[Scope, str] = {Scope.LOCALIZED: "localized_mrecist", Scope.OVERALL: "mrecist"}

Cell = FactValue | Missing


@dataclass(frozen=True)
class Seen:
    """The responses of one scope after the treatment, in the order of their days; at least one of them is known."""

    treated_on: date
    responses: tuple[tuple[date, Response], ...]

    @property
    def best(self) -> tuple[date, Response]:
        """The first of the best."""
        return min(self.responses, key=lambda seen: seen[1].rank)

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
        if isinstance(seen, Missing):
            cells[column] = seen if stated is None else str(stated)
            cells[f"{column}_months"] = seen
        else:
            on, response = seen.best
            cells |= {column: response.value, f"{column}_months": seen.months(on)}
    overall = responses_seen(assessment, Scope.OVERALL)
    if isinstance(overall, Missing):
        cells |= {"progressed": overall, "progression_months": overall}
    else:
        progression_on = overall.progression_on
        cells["progressed"] = progression_on is not None
        cells["progression_months"] = overall.months(progression_on or overall.responses[-1][0])
    growth = _growth(assessment)
    return cells | {
        "follow_up_months": _watched_months(case),
        "died": NOT_IN_A_CASE,
        "survival_months": NOT_IN_A_CASE,
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
        return Seen(treated_on, tuple(sorted(found.items())))
    if isinstance(course, Course):
        return course.present if isinstance(course.present, Missing) else Missing("no study can be evaluated")
    return course or Missing("no response is measured or stated", ("lesions", FACTS[scope]))


def best_change(assessment: Assessment, label: str) -> Cell:
    """Return the largest fall of a tumor's viable diameter, -1 to 0 and above: -0.3 is 30 % less."""
    read = assessment.follow_up.response if assessment.follow_up else None
    if read is None or isinstance(read, Missing):
        return read or Missing("no diameter is measured over time", ("lesions",))
    track = next((t for t in read.tracks if t.lesion == label), None)
    if track is None or isinstance(track.baseline_mm, Missing) or track.baseline_mm == 0:
        return Missing("the tumor has no viable diameter before the treatment", ("viable_mm",))
    later_mm = [mm for on, mm in zip(track.days, track.viable_mm, strict=True) if on > read.treated_on]
    if not later_mm:
        return Missing("the tumor has no viable diameter after the treatment", ("viable_mm",))
    return min(later_mm) / track.baseline_mm - 1.0


def first_treatment(case: Case) -> date | Missing:
    """Return the day of the first infusion that counts."""
    given = [i.given_at for s in counted_sessions(case) for i in s.infusions]
    known = [g for g in given if g is not None]
    if not known or len(known) < len(given):
        return Missing("an infusion has no time", ("given_at",)) if given else Missing("no session", ("sessions",))
    return day_of(min(known))


def _watched_months(case: Case) -> Cell:
    treated_on, stated = first_treatment(case), case.disease.facts.get("follow_up_date")
    if isinstance(treated_on, Missing):
        return treated_on
    days = [point.on for point in case.time_points] + ([stated] if isinstance(stated, date) else [])
    later = [day for day in days if day >= treated_on]
    if not later:
        return Missing("nothing is known after the treatment", ("time_points", "follow_up_date"))
    return calendar_months_count(treated_on, max(later))


def _growth(assessment: Assessment) -> Growth | Missing:
    """Return the growth from the baseline to the study whose remnant counts now."""
    follow_up = assessment.follow_up
    if follow_up is None:
        return Missing("there is no time point after the treatment", ("time_points",))
    present = follow_up.studies.present_remnant
    found = [g for g in follow_up.remnant.from_baseline if g.later is present]
    return found[-1] if found else Missing("the remnant was not measured after the treatment", ("structures",))
