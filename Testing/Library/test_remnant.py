"""The remnant over time, on numbers made by hand: what is measured, what is typed, and what can't be said."""

from __future__ import annotations

from datetime import date

import pytest
from check_cases import assert_edge, edge
from over_time import BODY, CT, FLR, LIVER, RIGHT, TELV_ML, TUMOR, case, infusion, measured, point, session, studies
from shapes import box

from Y90DosimetryLib.case import Patient, TimeKind, TimePoint
from Y90DosimetryLib.checks import CATALOG, Outcome, run_checks
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.followup.limits import rule_limit
from Y90DosimetryLib.followup.remnant import remnant_of
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.guidelines.rule import Comparison
from Y90DosimetryLib.lesions import LesionReading
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role, Structure

MONTH_1, MONTH_3, MONTH_6 = date(2026, 4, 4), date(2026, 6, 4), date(2026, 9, 4)


def remnant(*points, dose_gy=100.0, **choices):
    return remnant_of(studies(*points, **choices), dose_gy)


# At each study


def test_the_planning_study_is_the_baseline_unless_a_time_point_is():
    found = studies(point("Month 3", MONTH_3, flr=600))
    assert found.baseline is found.planning
    assert found.baseline.volumes.flr_ml == pytest.approx(512)
    before = point("Earlier CT", date(2026, 2, 10), TimeKind.BASELINE, flr=500)
    found = studies(point("Month 3", MONTH_3, flr=600), before)
    assert (found.baseline.label, found.baseline.volumes.flr_ml) == ("Earlier CT", 500)
    assert [s.label for s in found.all] == ["Planning study", "Earlier CT", "Month 3"]
    assert [s.label for s in found.later] == ["Month 3"]


def test_a_baseline_with_readings_only_is_the_planning_study():
    read = point("MR", date(2026, 2, 20), TimeKind.BASELINE, lesions=(LesionReading("Tumor", 40.0),))
    found = studies(read, point("Month 3", MONTH_3, flr=600))
    assert [s.label for s in found.all] == ["MR", "Month 3"]
    assert found.baseline is found.planning
    assert found.baseline.volumes.flr_ml == pytest.approx(512)
    assert found.baseline.on == date(2026, 2, 20)


def test_volumes_are_those_of_the_outlines_of_that_day():
    grown = Structure(Role.FLR, "Remnant", box(CT, (-20, -40, -40), (80, 40, 40)))  # 640 mL
    outlined = TimePoint("Month 3", MONTH_3, structures=(LIVER, RIGHT, TUMOR, grown))
    study = studies(outlined).later[0]
    assert study.volumes.liver_ml == pytest.approx(1024)
    assert study.volumes.flr_ml == pytest.approx(640)
    assert study.volumes.treated_ml == pytest.approx(512)
    assert study.untreated_ml == pytest.approx(512)
    assert study.volumes.tumor_ml == pytest.approx(TUMOR.volume_ml)
    assert study.sflr_ratio == pytest.approx(640 / TELV_ML, rel=1e-4)
    assert study.measured_ratio == pytest.approx(640 / (1024 - TUMOR.volume_ml))
    assert study.volumes.typed == frozenset()


def test_a_tumor_cut_out_of_the_livers_outline_still_belongs_to_the_liver():
    from SimpleITK import And

    hole = Structure(Role.LIVER, "Liver", And(LIVER.mask, TUMOR.mask == 0))
    whole, cut = (studies(TimePoint("Month 3", MONTH_3, structures=(liver, TUMOR))).later[0] for liver in (LIVER, hole))
    assert cut.volumes.liver_ml == whole.volumes.liver_ml == pytest.approx(1024)


def test_an_empty_outline_says_that_no_tumor_is_left_and_none_says_nothing():
    gone = Structure(Role.TUMOR, "Tumor", TUMOR.mask * 0)
    empty = studies(TimePoint("Month 6", MONTH_6, structures=(LIVER, FLR, gone))).later[0]
    assert empty.volumes.tumor_ml == 0
    assert empty.measured_ratio == pytest.approx(0.5)
    silent = studies(TimePoint("Month 6", MONTH_6, structures=(LIVER, FLR))).later[0]
    assert silent.volumes.tumor_ml == Missing("no tumor is outlined on 'Month 6'", ("structures",))
    assert isinstance(silent.measured_ratio, Missing)
    assert silent.sflr_ratio == pytest.approx(512 / TELV_ML, rel=1e-4), "sFLR needs no tumor"


def test_an_impossible_outline_leaves_its_own_study_missing_and_the_rest_alone():
    away = Structure(Role.TUMOR, "Tumor", box(CT, (100, 60, 60), (112, 72, 72)))
    study = studies(TimePoint("Month 3", MONTH_3, structures=(LIVER, FLR, away))).later[0]
    assert isinstance(study.volumes.liver_ml, Missing)
    assert "lies wholly outside the liver" in study.volumes.liver_ml.because
    assert study.volumes.flr_ml == pytest.approx(512)


def test_what_is_not_outlined_is_missing_with_the_study_named():
    study = studies(point("Month 3", MONTH_3)).later[0]
    for volume in (study.volumes.flr_ml, study.volumes.liver_ml, study.volumes.treated_ml, study.untreated_ml):
        assert isinstance(volume, Missing) and "'Month 3'" in volume.because


# The estimated liver volume


def test_the_estimated_volume_stays_the_same_while_the_weight_is_not_measured_again():
    found = remnant(point("Month 3", MONTH_3, flr=600), point("Month 6", MONTH_6, flr=700))
    volumes = {at.study.telv_ml for at in found.at}
    assert len(volumes) == 1
    assert not any("weight" in note for note in found.notes)


def test_another_weight_changes_the_estimated_volume_and_is_noted():
    lighter = point("Month 3", MONTH_3, flr=600, patient=Patient(weight_kg=60.0))
    found = remnant(lighter, point("Month 6", MONTH_6, flr=600))
    at_3, at_6 = found.at[1].study, found.at[2].study
    assert at_3.telv_ml == at_6.telv_ml < found.at[0].study.telv_ml
    assert at_3.sflr_ratio == pytest.approx(600 / at_3.telv_ml)
    (note,) = [n for n in found.notes if "weight" in n]
    assert note.startswith("Month 3: the weight changed from 70 to 60 kg")
    assert "from 1499 to" in note


def test_without_weight_the_remnant_has_no_standardized_share_but_still_grows():
    found = remnant(point("Month 3", MONTH_3, flr=640), patient=Patient(height_cm=170.0))
    (growth,) = found.from_baseline
    assert growth.relative_ratio == pytest.approx(0.25)
    assert growth.degree_ratio == Missing("weight_kg not entered", ("weight_kg",))
    assert isinstance(growth.kinetic_per_week_ratio, Missing)


# Growth


def test_growth_from_the_baseline_and_from_study_to_study():
    found = remnant(point("Month 1", MONTH_1, flr=563.2), point("Month 3", MONTH_3, flr=640))
    first, second = found.from_baseline
    assert first.relative_ratio == pytest.approx(0.10)
    assert second.relative_ratio == pytest.approx(0.25)
    assert second.degree_ratio == pytest.approx(128 / TELV_ML, rel=1e-4)
    assert second.weeks == pytest.approx(92 / 7), "4 March to 4 June"
    assert second.kinetic_per_week_ratio == pytest.approx(128 / TELV_ML / (92 / 7), rel=1e-4)
    _, between = found.between
    assert (between.earlier.label, between.later.label) == ("Month 1", "Month 3")
    assert between.relative_ratio == pytest.approx(640 / 563.2 - 1)
    assert between.weeks == pytest.approx(61 / 7), "4 April to 4 June"


def test_weeks_of_growth_begin_with_the_treatment_not_with_the_study_before_it():
    early = point("Before", date(2026, 1, 4), TimeKind.BASELINE, flr=500)
    (growth,) = remnant(early, point("Month 1", MONTH_1, flr=550)).from_baseline
    assert growth.weeks == pytest.approx(31 / 7)


def test_time_is_counted_from_the_last_treatment():
    twice = (session(infusion()), session(infusion("2026-05-04T09:00:00+02:00"), label="Second"))
    found = remnant(point("Between", MONTH_1, flr=550), point("After", MONTH_6, flr=600), sessions=twice)
    between, after = found.at[1:]
    assert (between.days, between.months_count) == (31, 1)
    assert (after.days, after.months_count) == (123, 4)
    assert after.weeks == pytest.approx(123 / 7)


def test_a_study_before_the_treatment_has_no_growth_rate():
    found = remnant(point("Before", date(2026, 2, 4), TimeKind.ANY, flr=520))
    assert found.at[1].days == -28
    (growth,) = found.from_baseline
    assert growth.relative_ratio == pytest.approx(520 / 512 - 1)
    assert growth.kinetic_per_week_ratio == Missing("'Before' is not after the treatment", ("given_at",))


def test_without_a_time_of_infusion_there_is_growth_but_no_rate():
    found = remnant(point("Month 3", MONTH_3, flr=640), sessions=(session(infusion(given_at=None)),))
    assert found.at[1].days == Missing("an infusion has no time", ("given_at",))
    assert found.from_baseline[0].relative_ratio == pytest.approx(0.25)
    assert isinstance(found.from_baseline[0].kinetic_per_week_ratio, Missing)


def test_typed_volumes_are_visibly_typed():
    found = remnant(point("Month 3", MONTH_3, flr=640, liver=1100, tumor=10))
    assert found.at[1].study.measured_ratio == pytest.approx(640 / 1090)
    assert "Month 3: typed, not outlined: future liver remnant, liver, tumor." in found.notes


def test_a_typed_remnant_stands_for_a_planning_study_without_one():
    bare = (LIVER, RIGHT, TUMOR)
    found = studies(point("Month 3", MONTH_3, flr=500), structures=bare, facts={"flr_before_treatment_ml": 400.0})
    assert found.baseline.volumes.flr_ml == 400
    assert found.baseline.volumes.typed == {Role.FLR}


# The numbers of the rules


@pytest.mark.parametrize(("dose_gy", "expected"), [(88.0, False), (88.001, True)])
def test_growth_is_expected_above_the_dose_of_the_rule(dose_gy, expected):
    assert remnant(point("Month 3", MONTH_3), dose_gy=dose_gy).growth_is_expected is expected


def test_the_numbers_beside_the_remnant_are_those_of_the_rules():
    found = remnant(point("Month 3", MONTH_3))
    assert (found.dose_for_growth_gy, found.least_growth_fraction, found.sflr_for_resection_fraction) == (88, 0.1, 0.4)


def test_a_number_that_a_rule_does_not_have_is_refused():
    with pytest.raises(Exception, match="rule S2-DOSE-03"):
        rule_limit("S2-DOSE-03", "ntad_gy.multicompartment", Comparison.ABOVE)


# The present state in the measures


def test_without_time_points_the_cases_own_remnant_and_typed_facts_count_as_before():
    facts = {"flr_before_treatment_ml": 400.0, "follow_up_date": MONTH_3}
    rows = measured(case(facts=facts))
    assert rows["flr_hypertrophy_fraction"].value == pytest.approx(0.28)
    assert rows["since_treatment_months"].value == 3
    assert rows["flr_imaged_month_3"].value is None


def test_the_latest_time_point_with_a_remnant_is_the_present_one():
    call = point("Call", date(2026, 9, 20), patient=Patient(bilirubin_umol_l=20.0))
    rows = measured(case(point("Month 3", MONTH_3, flr=563.2, liver=1000, tumor=8), call))
    assert rows["case_stage"].value == "follow_up"
    assert rows["follow_up_date"].value == date(2026, 9, 20)
    assert rows["flr_volume_ml"].value == pytest.approx(563.2)
    assert rows["sflr_fraction"].value == pytest.approx(563.2 / TELV_ML, rel=1e-4)
    assert rows["flr_measured_fraction"].value == pytest.approx(563.2 / 992)
    assert rows["flr_before_treatment_ml"].value == pytest.approx(512)
    assert rows["flr_hypertrophy_fraction"].value == pytest.approx(0.10)
    assert rows["last_imaging_age_months"].value == pytest.approx(3 + 16 / 30)
    assert rows["liver_volume_ml"].value == pytest.approx(1024), "the planning study's, on which the doses are"
    assert rows["bilirubin_mg_dl"].value is None, "that of the treatment, not of the call"


def test_a_follow_up_without_a_remnant_does_not_fall_back_to_the_one_before_the_treatment():
    rows = measured(case(point("Month 3", MONTH_3, modality="contrast_ct")))
    assert rows["sflr_fraction"].value is None
    assert "'Month 3'" in rows["sflr_fraction"].missing_because


@pytest.mark.parametrize("on", [date(2026, 2, 10), date(2026, 3, 4)])
def test_up_to_the_day_of_treatment_there_is_no_growth_to_judge(on):
    rows = measured(case(point("Before", on, TimeKind.ANY, flr=500)))
    assert rows["flr_hypertrophy_fraction"].value is None
    assert rows["case_stage"].value == "treated"
    assert rows["flr_volume_ml"].value == pytest.approx(512)


def test_a_second_treatment_after_the_last_study_begins_anew():
    twice = (session(infusion()), session(infusion("2026-07-01T09:00:00+02:00"), label="Second"))
    rows = measured(case(point("Month 3", MONTH_3, flr=600), sessions=twice))
    assert rows["case_stage"].value == "treated"
    assert rows["flr_volume_ml"].value == pytest.approx(512)


@pytest.mark.parametrize(
    ("on", "imaged"),
    [
        (date(2026, 3, 20), {}),  # day 16: too early for month 1, and nothing has passed
        (date(2026, 3, 21), {1: True}),  # 17 of 31 days: within two weeks
        (date(2026, 4, 17), {1: True}),  # 13 of 30 days after month 1
        (date(2026, 4, 18), {1: False}),
        (date(2026, 5, 4), {1: False, 3: True}),
        (date(2026, 7, 4), {1: False, 3: True}),
        (date(2026, 7, 5), {1: False, 3: False}),
    ],
)
def test_a_study_counts_as_of_a_month_within_the_tolerance(on, imaged):
    rows = measured(case(point("CT", on, flr=600)))
    found = {m: rows[f"flr_imaged_month_{m}"].value for m in (1, 3, 6, 9)}
    assert found == {m: imaged.get(m) for m in (1, 3, 6, 9)}


def test_an_image_that_only_the_team_knows_of_counts_too():
    rows = measured(case(point("CT", MONTH_6, flr=600), facts={"flr_imaged_month_1": True}))
    assert rows["flr_imaged_month_1"].value is True
    assert rows["flr_imaged_month_3"].value is False


def test_the_tolerance_is_that_of_the_rule():
    from Y90DosimetryLib.facts import FLR_IMAGING_MONTHS, FLR_IMAGING_TOLERANCE_MONTHS

    limits = [
        condition.limit
        for band in load_rules()["S2-FU-01"].bands
        for requirement in band.when
        for condition in requirement.conditions()
        if condition.measure_id == "since_treatment_months"
    ]
    assert limits == pytest.approx([m + FLR_IMAGING_TOLERANCE_MONTHS[m] for m in FLR_IMAGING_MONTHS])


def test_readings_give_the_response_and_a_typed_one_that_differs_is_not_believed():
    before = point("MR", date(2026, 2, 20), TimeKind.BASELINE, lesions=(LesionReading("Tumor", 40.0, is_treated=True),))
    after = point("Month 3", MONTH_3, lesions=(LesionReading("Tumor", 20.0),))
    assert measured(case(before, after))["localized_mrecist"].value == "PR"
    row = measured(case(before, after, facts={"localized_mrecist": "CR"}))["localized_mrecist"]
    assert row.value is None and "CR is stated" in row.missing_because


def test_what_the_team_says_of_the_latest_day_counts():
    points = (
        point("Month 3", MONTH_3, facts={"mrecist": "SD", "pve_planned": False}),
        point("Month 6", MONTH_6, facts={"mrecist": "PR", "extrahepatic_disease": True}),
    )
    rows = measured(case(*points, facts={"extrahepatic_disease": False}))
    assert rows["mrecist"].value == "PR"
    assert rows["pve_planned"].value is False
    assert rows["extrahepatic_disease"].value is False, "the disease that was treated"


# Findings and checks


def finding(made, rule_id):
    (found,) = [f for f in assess(made).findings if f.rule.id == rule_id]
    return found.outcome.value


@pytest.mark.parametrize(
    ("on", "flr", "outcome"),
    [
        (MONTH_3, 563.1, "not_met"),  # 9.98 %
        (MONTH_3, 563.2, "met"),  # 10 %
        (MONTH_1, 520, "not_met"),
        (date(2026, 3, 18), 520, "not_applicable"),  # two weeks
        (MONTH_6, 520, "not_applicable"),
    ],
)
def test_minimal_growth_in_months_one_to_three_raises_the_note_on_retreatment(on, flr, outcome):
    patient = Patient(70.0, 170.0, bilirubin_umol_l=10.0)
    assert finding(case(point("CT", on, flr=flr), patient=patient), "S2-FU-03") == outcome


@pytest.mark.parametrize(("flr", "outcome"), [(0.4 * TELV_ML - 0.5, "not_met"), (0.4 * TELV_ML + 0.5, "met")])
def test_the_forty_percent_are_those_of_the_latest_study(flr, outcome):
    assert finding(case(point("Month 3", MONTH_3, flr=flr)), "C0-SURG-01") == outcome


@pytest.mark.parametrize(("on", "outcome"), [(date(2026, 6, 3), "not_met"), (date(2026, 6, 4), "met")])
def test_volume_is_not_function_before_the_day_three_months_after(on, outcome):
    made = case(point("CT", on, flr=700), facts={"surgery_planned": True})
    assert finding(made, "C0-SURG-06") == outcome


def month_3_and(**facts):
    return case(point("Month 3", MONTH_3, flr=600), facts=facts)


EDGES = {
    "time_points_contradict": edge(
        lambda: month_3_and(follow_up_date=MONTH_6), lambda: month_3_and(follow_up_date=MONTH_3)
    )
}


@pytest.mark.parametrize("check_id", EDGES)
def test_a_check_of_the_time_points_is_raised_by_a_contradiction_and_not_without(check_id):
    assert_edge(check_id, EDGES[check_id])


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"flr_before_treatment_ml": 400.0}, "flr_before_treatment_ml is stated as 400, the time points say 512"),
        ({"follow_up_date": MONTH_6}, "follow_up_date is stated as 2026-09-04, the time points say 2026-06-04"),
        ({"flr_imaged_month_3": False}, "flr_imaged_month_3 is stated as no, the time points say yes"),
        ({"last_imaging_age_months": 2.0}, "last_imaging_age_months is stated as 2, the time points say 0"),
        ({"follow_up_modality": "multiphase_mr"}, "the time points say contrast_ct"),
        ({"mrecist": "PR"}, "mrecist is stated as PR, the time points say SD"),
        ({"flr_before_treatment_ml": 513.0, "follow_up_date": MONTH_3}, ""),
    ],
)
def test_a_stated_fact_that_a_time_point_contradicts_is_raised(facts, says):
    made = case(point("Month 3", MONTH_3, flr=600, modality="contrast_ct", facts={"mrecist": "SD"}), facts=facts)
    prepared = prepare(made)
    (result,) = [
        r for r in run_checks(made, prepared, doses_of(made, prepared)) if r.check is CATALOG["time_points_contradict"]
    ]
    assert (result.outcome is Outcome.RAISED) is bool(says)
    assert says in result.message


def test_the_assessment_holds_the_follow_up_only_where_there_is_one():
    assert assess(case()).follow_up is None
    found = assess(case(point("Month 3", MONTH_3, flr=600, patient=Patient(bilirubin_umol_l=17.1)))).follow_up
    assert found.remnant.from_baseline[0].relative_ratio == pytest.approx(600 / 512 - 1)
    assert found.remnant.perfused_normal_gy > 0
    assert (found.patient.weight_kg, found.patient.bilirubin_umol_l) == (BODY.weight_kg, 17.1)
    assert found.patient.albumin_g_l is None, "not measured since the treatment"
    assert [r.operation for r in found.readiness] == ["resection", "transplantation"]
