"""What became of a patient, in the tables: responses, progression, growth and follow-up as intervals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from Y90DosimetryLib.case import Case, TimeKind, TimePoint
from Y90DosimetryLib.cohort.rows import rows_of
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.lesions import LesionReading
from Y90DosimetryLib.patient import Patient
from Y90DosimetryLib.phantom import PhantomSettings, case_variant
from Y90DosimetryLib.structures import Role

COARSE = PhantomSettings(ct_spacing_mm=(8.0, 8.0, 8.0), spect_spacing_mm=(9.0, 9.0, 9.0))
TREATED = datetime(2026, 3, 4, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def treated() -> Case:
    """Three tumors in both lobes, no thrombus, treated in one session on the fourth of March."""
    case = case_variant("bilobar", COARSE)
    [session] = case.sessions
    infusions = tuple(replace(i, given_at=TREATED) for i in session.infusions)
    return replace(case, sessions=(replace(session, infusions=infusions),))


def study(on: date, *viable_mm: float, new: bool = False, **more) -> TimePoint:
    """A day on which the tumors were measured."""
    lesions = tuple(LesionReading(f"Tumor {n}", mm, is_treated=True) for n, mm in enumerate(viable_mm, start=1))
    if new:
        lesions += (LesionReading("Tumor 9", 15.0, is_treated=False, is_new=True),)
    return TimePoint(on.isoformat(), on, lesions=lesions, **more)


def rows(case: Case, *points: TimePoint) -> dict:
    return rows_of(assess(replace(case, time_points=points)))


BEFORE = study(date(2026, 2, 16), 60.0, 30.0, kind=TimeKind.BASELINE)


def reason(found: dict, column: str) -> str:
    return next(gap["reason"] for gap in found["missing"] if gap["column"] == column)


def test_a_response_that_is_lost_again_stays_the_best_and_progression_has_its_own_time(treated):
    found = rows(
        treated,
        BEFORE,
        study(date(2026, 6, 4), 30.0, 30.0),  # 90 mm have become 60: partial
        study(date(2026, 9, 4), 0.0, 0.0),
        study(date(2026, 12, 4), 0.0, 0.0, new=True),
    )
    patient = found["patient"]
    assert (patient["best_localized_mrecist"], patient["best_localized_mrecist_months"]) == ("CR", 6.0)
    assert (patient["best_overall_mrecist"], patient["best_overall_mrecist_months"]) == ("CR", 6.0)
    assert (patient["progressed"], patient["progression_months"]) == (True, 9.0)
    assert patient["follow_up_months"] == 9.0
    first, second, third = found["tumors"]
    assert first["best_mrecist"] == "CR"
    assert (first["best_change_fraction"], second["best_change_fraction"]) == (-1.0, -1.0)
    assert third["best_change_fraction"] is None
    assert "no viable diameter before" in reason(found, "best_change_fraction")
    assert all(row["progression_months"] == 9.0 for row in found["tumors"])


def test_without_progression_the_time_is_that_of_the_last_study(treated):
    found = rows(treated, BEFORE, study(date(2026, 6, 4), 30.0, 30.0), study(date(2026, 7, 4), 27.0, 30.0))
    patient = found["patient"]
    assert (patient["progressed"], patient["progression_months"]) == (False, 4.0)
    assert (patient["best_overall_mrecist"], patient["best_overall_mrecist_months"]) == ("PR", 3.0)
    assert found["tumors"][0]["best_change_fraction"] == pytest.approx(-0.55)


def operated(case: Case, on: date) -> Case:
    return replace(case, disease=replace(case.disease, facts={**case.disease.facts, "surgery_date": on}))


def test_what_is_seen_after_surgery_is_no_response_and_no_growth_of_the_remnant(treated):
    after = TimePoint("c", date(2026, 9, 4), lesions=(*study(TREATED.date(), 0.0, 0.0).lesions,),
                      volumes_ml={Role.FLR: 900.0})  # fmt: skip
    month_3 = replace(study(date(2026, 6, 4), 45.0, 27.0), volumes_ml={Role.FLR: 550.0})
    before = replace(BEFORE, volumes_ml={Role.FLR: 500.0})
    found = rows(operated(treated, date(2026, 7, 4)), before, month_3, after)
    patient, (first, second, _) = found["patient"], found["tumors"]
    assert (patient["best_localized_mrecist"], patient["best_localized_mrecist_months"]) == ("SD", 3.0)
    assert (first["best_change_fraction"], second["best_change_fraction"]) == pytest.approx((-0.25, -0.1))
    assert patient["flr_hypertrophy_fraction"] == pytest.approx(0.1)
    assert patient["flr_degree_of_hypertrophy_fraction"] == pytest.approx(50 / patient["telv_ml"])
    assert (patient["progressed"], patient["progression_months"], patient["follow_up_months"]) == (False, 6.0, 6.0)
    alone = rows(operated(treated, date(2026, 4, 4)), before, month_3, after)
    assert alone["patient"]["best_localized_mrecist"] is None
    assert "between the treatment and surgery" in reason(alone, "best_localized_mrecist")
    assert "between the treatment and surgery" in reason(alone, "best_change_fraction")


def test_a_response_that_was_only_stated_counts_on_its_day(treated):
    points = (TimePoint("one", date(2026, 4, 4), facts={"mrecist": "SD"}),
              TimePoint("two", date(2026, 8, 4), facts={"mrecist": "PD", "localized_mrecist": "PR"}))  # fmt: skip
    patient = rows(treated, *points)["patient"]
    assert (patient["best_overall_mrecist"], patient["best_overall_mrecist_months"]) == ("SD", 1.0)
    assert (patient["progressed"], patient["progression_months"]) == (True, 5.0)
    assert patient["best_localized_mrecist"] == "PR"


def test_the_remnant_grows_by_the_difference_of_its_standardized_volumes(treated):
    body = Patient(weight_kg=treated.patient.weight_kg)
    before = TimePoint("a", date(2026, 2, 16), TimeKind.BASELINE, volumes_ml={Role.FLR: 500.0}, patient=body)
    after = TimePoint("b", date(2026, 4, 15), volumes_ml={Role.FLR: 620.0}, patient=body)
    patient = rows(treated, before, after)["patient"]
    degree = 120.0 / patient["telv_ml"]
    assert patient["flr_degree_of_hypertrophy_fraction"] == pytest.approx(degree)
    assert patient["flr_kinetic_growth_per_week_fraction"] == pytest.approx(degree / 6)  # 42 days after the treatment


def test_who_has_no_time_point_has_no_course_and_a_stated_response_without_a_time(treated):
    found = rows(treated)
    assert found["patient"]["progressed"] is None
    assert "no time point" in reason(found, "progressed")
    stated = replace(treated, disease=replace(treated.disease, facts={**treated.disease.facts, "mrecist": "PR"}))
    patient = rows(stated)["patient"]
    assert (patient["best_overall_mrecist"], patient["best_overall_mrecist_months"]) == ("PR", None)


def test_death_is_never_guessed(treated):
    found = rows(treated, BEFORE, study(date(2026, 6, 4), 30.0, 30.0))
    assert found["patient"]["died"] is None
    assert found["patient"]["survival_months"] is None
    assert "whether the patient died is not entered" in reason(found, "died")
