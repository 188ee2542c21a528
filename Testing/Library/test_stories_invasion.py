"""Patients in words: macrovascular invasion, the way to surgery, and what lies outside of all rules."""

from __future__ import annotations

from story import COHORT_MET, GENERAL_MET, ONE_LOBE, assert_told, summary, tell

from Y90DosimetryLib.guidelines.findings import Severity

INVASION = {
    **ONE_LOBE,
    "bclc_stage": "C",
    "macrovascular_invasion": True,
    "pvtt_grade": "VP3",
    "mvi_lobes": "unilobar",
    "infiltrative_disease": False,
    "perfused_volume_source": "cone_beam_ct",
    "tumor_lowest_coverage_fraction": 1.0,
    "thrombus_lowest_coverage_fraction": 1.0,
    "thrombus_targeting_ratio": 2.4,
    "pvtt_dose_gy.multicompartment@Right branch": 255.0,
    "largest_tumor_diameter_mm": 111.0,
    "modified_lobectomy": False,
    "perfused_dose_gy.single_compartment@Right lobe": 148.0,
}
INVASION_MET = (
    f"{GENERAL_MET}{COHORT_MET}S5-SEL-01 S5-SEL-02 S5-SEL-04 S5-SEL-05@Session_1 S5-PLN-01 S5-PLN-02 S5-PLN-03 "
    "S5-DOSE-01 S5-DOSE-02 S5-DOSE-04@Right_branch S5-TIME-01@Right_lobe S3-DOSE-04 "
)


def test_a_thrombus_of_the_right_branch_may_be_treated_like_a_lobectomy_and_nothing_of_it_binds() -> None:
    """VP3 in one lobe, Child-Pugh A, thrombus targeted and at 255 Gy: "can be used" is no must."""
    findings = tell(5, {**INVASION, "perfused_dose_gy.single_compartment@Right lobe": 120.0})
    assert_told(findings, met=INVASION_MET, information="S5-DOSE-03")
    assert not {"S4-DOSE-01", "S2-DOSE-01", "S2-DOSE-04", "S2-DOSE-05@Right lobe"} & set(findings)


def test_invasion_of_both_lobes_goes_the_conservative_way() -> None:
    findings = tell(5, {**INVASION, "mvi_lobes": "bilobar", "whole_normal_liver_dose_gy.multicompartment": 72.0})
    broken = summary(findings)
    assert broken["warning"] >= {"S5-SEL-02", "S4-DOSE-01"}
    assert broken["information"] >= {"S5-DOSE-03"}
    assert findings["S4-DOSE-01"].via == "S5-DOSE-03"
    assert not {"S2-DOSE-05@Right lobe", "S4-DOSE-02"} & set(findings)
    frail = tell(5, {**INVASION, "mvi_lobes": "bilobar", "child_pugh_class": "B", "child_pugh_score": 8})
    assert frail["S5-SEL-02"].severity is Severity.CONTRAINDICATION
    assert frail["S5-SEL-01"].severity is Severity.WARNING


def test_the_main_trunk_is_considered_with_targeting_reserve_and_one_lobe() -> None:
    main = {**INVASION, "pvtt_grade": "VP4", "treated_lobes": "unilobar"}
    assert tell(5, main)["S5-SEL-03"].severity is Severity.INFORMATION
    for change in (
        {"thrombus_targeting_ratio": 1.0},
        {"hepatic_reserve_fraction": 0.29},
        {"treated_lobes": "bilobar"},
    ):
        assert tell(5, {**main, **change})["S5-SEL-03"].severity is Severity.WARNING
    assert "S5-SEL-03" not in set().union(*summary(tell(5, INVASION)).values())


def test_a_thrombus_that_is_missed() -> None:
    """The thrombus takes up no more than normal liver and a fifth of it lies outside the perfused volume."""
    findings = tell(
        5,
        {
            **INVASION,
            "thrombus_targeting_ratio": 0.9,
            "thrombus_lowest_coverage_fraction": 0.8,
            "pvtt_dose_gy.multicompartment@Right branch": 90.0,
            "infiltrative_disease": True,
            "multicompartment_available": False,
            "treatment_day@Right lobe": 4,
        },
    )
    broken = summary(findings)
    assert broken["warning"] >= {"S5-PLN-01", "S5-PLN-02"}
    assert broken["target"] >= {"S5-DOSE-04@Right branch"}
    assert broken["information"] >= {
        "S5-PLN-03", "S5-SEL-04", "S3-DOSE-04", "S5-DOSE-03", "S5-TIME-01@Right lobe",
    }  # fmt: skip


def test_follow_up_of_invasion_leads_to_systemic_therapy() -> None:
    seen = {
        **INVASION,
        "case_stage": "follow_up",
        "since_treatment_months": 1.0,
        "last_imaging_age_months": 1.0,
        "mrecist": "SD",
        "localized_mrecist": "CR",
        "retreatment_planned": True,
        "surgery_planned": True,
        "to_surgery_months": 7.0,
        "post_treatment_imaging_h": 20.0,
    }
    found = summary(tell(5, seen))
    assert found["information"] >= {"S5-FU-01", "S5-FU-02", "S5-DOSE-03", "C0-SURG-02"}
    main = tell(5, {**seen, "pvtt_grade": "VP4", "treated_lobes": "unilobar", "mrecist": "PR"})
    assert "main trunk" in main["S5-FU-01"].message
    assert tell(5, {**seen, "mrecist": "CR"})["S5-FU-01"].outcome == "met"
    at_three = tell(5, {**seen, "since_treatment_months": 3.0})
    assert at_three["C0-SURG-05"].severity is Severity.INFORMATION


def test_before_transplantation_the_tumor_is_downstaged_and_half_a_year_passes() -> None:
    waiting = {
        **INVASION,
        "intent": "bridge_to_transplant",
        "case_stage": "follow_up",
        "downstaged": True,
        "free_of_other_tumor_months": 5.9,
    }
    assert tell(5, waiting)["C0-SURG-04"].severity is Severity.WARNING
    assert tell(5, {**waiting, "free_of_other_tumor_months": 6.0})["C0-SURG-04"].outcome == "met"
    assert (
        tell(5, {**waiting, "free_of_other_tumor_months": 6.0, "downstaged": False})["C0-SURG-04"].severity
        is Severity.WARNING
    )


def test_progress_in_the_treated_zone_speaks_against_surgery() -> None:
    seen = {
        **INVASION,
        "intent": "downstaging",
        "case_stage": "follow_up",
        "surgery_planned": True,
        "localized_mrecist": "PD",
    }
    assert tell(5, seen)["C0-SURG-03"].severity is Severity.WARNING
    assert tell(5, {**seen, "sflr_fraction": 0.39})["C0-SURG-01"].severity is Severity.WARNING


def test_resin_spheres_or_another_tumor_lie_outside_of_every_rule() -> None:
    for change in ({"device": "resin"}, {"diagnosis": "metastases"}, {"diagnosis": "cholangiocarcinoma"}):
        findings = tell(3, {**ONE_LOBE, **change, "lung_dose_gy.session@Session 1": 31.0})
        assert summary(findings)["contraindication"] == {"GEN-01", "LUNG-01@Session 1"}, "the label holds for all"
        assert summary(findings)["met"] == {"GEN-05", "LUNG-02", "LUNG-03@Right lobe"}


def test_a_scenario_that_does_not_fit_the_disease() -> None:
    assert tell(3, {**ONE_LOBE, "lobes_involved": "bilobar"})["GEN-04"].severity is Severity.WARNING
    assert tell(3, {**ONE_LOBE, "macrovascular_invasion": True})["GEN-04"].severity is Severity.WARNING
    assert tell(4, ONE_LOBE)["GEN-04"].severity is Severity.WARNING
    assert tell(5, ONE_LOBE)["GEN-04"].severity is Severity.WARNING
    for scenario, grade in ((1, "VP3"), (2, "VP1"), (4, "VP2")):
        invaded = {**ONE_LOBE, "macrovascular_invasion": True, "pvtt_grade": grade}
        assert "scenario 5" in tell(scenario, invaded)["GEN-04"].message
    unlabeled = tell(3, {**ONE_LOBE, "within_labeled_indication": False})["GEN-03"]
    assert unlabeled.severity is Severity.INFORMATION and unlabeled.remarks
    assert not tell(5, INVASION)["GEN-03"].remarks


def test_a_high_lung_shunt_is_never_a_contraindication_by_itself() -> None:
    findings = tell(3, {**ONE_LOBE, "lung_shunt_fraction@Right lobe": 0.21})
    assert findings["LUNG-03@Right lobe"].severity is Severity.WARNING
    assert "contraindication" not in summary(findings)


def test_lung_dose_of_earlier_treatments_counts() -> None:
    before = {**ONE_LOBE, "lung_dose_gy.session@Session 1": 20.0, "lung_dose_gy.case": 20.0, "previous_y90": True}
    assert tell(3, before)["LUNG-02"].outcome == "not_evaluable"
    assert tell(3, {**before, "earlier_lung_dose_gy": 30.0})["LUNG-02"].outcome == "met"
    assert tell(3, {**before, "earlier_lung_dose_gy": 31.0})["LUNG-02"].severity is Severity.CONTRAINDICATION


def test_stage_a_and_stage_c_by_the_cohorts_indications() -> None:
    early = {**ONE_LOBE, "bclc_stage": "A"}
    assert tell(3, {**early, "largest_tumor_diameter_mm": 50.0})["C0-SEL-08"].outcome == "met"
    assert tell(3, {**early, "largest_tumor_diameter_mm": 49.0})["C0-SEL-08"].severity is Severity.INFORMATION
    assert tell(3, {**early, "resectability": "resectable"})["C0-SEL-08"].severity is Severity.INFORMATION
    assert tell(3, {**ONE_LOBE, "bclc_stage": "C"})["C0-SEL-08"].severity is Severity.INFORMATION
    assert tell(3, {**ONE_LOBE, "bclc_stage": "D"})["C0-SEL-08"].severity is Severity.INFORMATION
    assert tell(3, {**ONE_LOBE, "extrahepatic_disease": True})["C0-SEL-06"].severity is Severity.CONTRAINDICATION
