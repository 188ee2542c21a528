"""Patients in words: multifocal disease of one lobe and of both lobes."""

from __future__ import annotations

from story import COHORT_MET, GENERAL_MET, ONE_LOBE, assert_told, summary, tell

from Y90DosimetryLib.guidelines.findings import Severity
from Y90DosimetryLib.guidelines.verdict import verdict

ONE_LOBE_MET = (
    f"{GENERAL_MET}{COHORT_MET}S3-SEL-01 S3-SEL-02@Session_1 S3-PLN-01 S3-DOSE-01 S3-DOSE-02 S2-DOSE-04 S3-DOSE-04 "
    "S3-TIME-01@Right_lobe"
)


def test_several_tumors_of_the_right_lobe_at_every_limit() -> None:
    """Normal liver at 120 Gy, lungs at 30 Gy, lung shunt at 10 %, GFR at 30: a limit that is reached is kept."""
    findings = tell(3, ONE_LOBE)
    assert_told(findings, met=ONE_LOBE_MET)
    assert findings["S3-DOSE-03@Right lobe"].outcome == "not_applicable"
    assert findings["C0-SURG-01"].outcome == "not_applicable"


def test_the_same_patient_just_beyond_every_limit() -> None:
    findings = tell(
        3,
        {
            **ONE_LOBE,
            "child_pugh_score": 8,
            "child_pugh_class": "B",
            "gfr_ml_min_173m2": 29.9,
            "ecog": 2,
            "bilirubin_mg_dl": 2.0,
            "tumor_lowest_dose_gy.multicompartment": 204.0,
            "ntad_gy.multicompartment": 120.5,
            "whole_normal_liver_dose_gy.multicompartment": 90.5,
            "whole_liver_dose_gy.single_compartment": 150.0,
            "treatment_day@Right lobe": 10,
            "common_treatment_day": 10,
            "baseline_imaging_age_months": 1.0,
            "extrahepatic_deposition": "present",
            "tumor_board_discussed": False,
            "maa_site": "proper_hepatic",
            "lung_dose_gy.session@Session 1": 30.5,
            "lung_dose_gy.case": 30.5,
            "lung_shunt_fraction@Right lobe": 0.101,
        },
    )
    assert_told(
        findings,
        contraindication="LUNG-01@Session_1 GEN-05",
        warning="S3-SEL-01 S3-DOSE-02 S3-TIME-01@Right_lobe C0-SEL-01 C0-SEL-03 C0-SEL-04 C0-SEL-05 C0-DOSE-02",
        target="S3-DOSE-01 C0-DOSE-01",
        information="S3-PLN-01 LUNG-03@Right_lobe C0-SEL-09 C0-TIME-02",
        met="GEN-01 GEN-03 GEN-04 LUNG-02 S3-SEL-02@Session_1 S3-DOSE-04 C0-SEL-02 C0-SEL-06 C0-SEL-08",
    )
    assert verdict(list(findings.values())).worst is Severity.CONTRAINDICATION


def test_two_sources_on_the_tumor_dose_stand_side_by_side() -> None:
    """At 250 Gy both wish for more; below a reserve of 30 % only the cohort still has a target."""
    wish = tell(3, {**ONE_LOBE, "tumor_lowest_dose_gy.multicompartment": 250.0})
    assert {wish[name].severity for name in ("S3-DOSE-01", "C0-DOSE-01")} == {Severity.INFORMATION}
    small = tell(3, {**ONE_LOBE, "hepatic_reserve_fraction": 0.29, "tumor_lowest_dose_gy.multicompartment": 200.0})
    assert small["S3-DOSE-01"].outcome == "not_applicable"
    assert small["C0-DOSE-01"].severity is Severity.TARGET


def test_without_an_image_the_lobe_is_judged_as_a_whole() -> None:
    """No SPECT: 118 Gy to the lobe on week 1 Friday; the doses by compartment are open, not passed."""
    without = {key: value for key, value in ONE_LOBE.items() if not key.endswith(".multicompartment")}
    findings = tell(
        3,
        {
            **without,
            "multicompartment_available": False,
            "perfused_dose_gy.single_compartment@Right lobe": 118.0,
            "treatment_day@Right lobe": 5,
            "common_treatment_day": 5,
        },
    )
    found = summary(findings)
    assert found["target"] >= {"S3-DOSE-03@Right lobe"}
    assert found["information"] >= {"S3-DOSE-04", "S3-TIME-01@Right lobe"}
    assert found["needs data"] >= {"S3-DOSE-01", "S3-DOSE-02", "S2-DOSE-04", "C0-DOSE-01"}


def test_the_bilirubin_limits_are_only_a_note_in_scenario_3() -> None:
    high = tell(3, {**ONE_LOBE, "whole_normal_liver_dose_gy.multicompartment": 91.0})["S2-DOSE-04"]
    assert (high.severity, high.sources[0].place) == (Severity.INFORMATION, "scenario 3, dose calculation, 2")
    raised = {**ONE_LOBE, "bilirubin_mg_dl": 1.1, "whole_normal_liver_dose_gy.multicompartment": 51.0}
    assert tell(3, raised)["S2-DOSE-04"].severity is Severity.INFORMATION
    assert "day four" in tell(3, raised)["S2-DOSE-04"].remarks[0]


def test_stable_disease_and_a_second_treatment_planned() -> None:
    seen = {
        **ONE_LOBE,
        "case_stage": "follow_up",
        "since_treatment_months": 4.0,
        "last_imaging_age_months": 4.0,
        "mrecist": "SD",
        "localized_mrecist": "SD",
        "retreatment_planned": True,
        "systemic_therapy_planned": True,
        "surgery_planned": False,
        "post_treatment_imaging_h": 30.0,
    }
    assert_told(
        tell(3, seen),
        met=f"{ONE_LOBE_MET} C0-SURG-05",
        information="S3-FU-01 S3-FU-02 S3-FU-03 C0-TIME-01 C0-TIME-03",
    )
    grown = tell(3, {**seen, "mrecist": "PD"})
    assert {"S3-FU-02", "S3-FU-03"} <= summary(grown)["met"]


BOTH_LOBES = {
    **ONE_LOBE,
    "lobes_involved": "bilobar",
    "predominant_in_one_lobe": True,
    "contralateral_ablation_curative": False,
    "bilobar_strategy": "staged",
    "aggressive_disease": False,
    "maa_site": "two_mappings",
    "whole_normal_liver_dose_gy.multicompartment": 55.0,
    "perfused_dose_gy.single_compartment@Right lobe": 120.0,
    "perfused_dose_gy.single_compartment@Left lobe": 131.0,
    "treatment_day@Left lobe": 3,
    "lung_shunt_fraction@Left lobe": 0.08,
    "stage_interval_d": 35.0,
    "larger_burden_first": True,
    "session_count": 2,
    "infusion_count": 1,
    "lung_dose_gy.session@Session 2": 25.0,
    "lung_dose_gy.case": 50.0,
    "lung_dose_gy.session@Session 1": 25.0,
}
BOTH_LOBES_MET = (
    f"{GENERAL_MET}LUNG-01@Session_2 LUNG-03@Left_lobe {COHORT_MET.replace('C0-SEL-02 ', '')}S4-SEL-01 S4-SEL-02 "
    "S4-SEL-03@Session_1 S4-PLN-01 S4-DOSE-01 S4-DOSE-02 "
    "S4-TIME-01 S4-DEL-01 S3-DOSE-04"
)


def test_both_lobes_in_two_stages() -> None:
    """A6, ECOG 1, 55 Gy to the whole normal liver, 260 Gy to the coldest tumor, five weeks between the stages."""
    findings = tell(4, BOTH_LOBES)
    assert_told(findings, met=BOTH_LOBES_MET, warning="C0-SEL-07", needs_data="S4-TIME-02")
    assert findings["S4-TIME-02"].needs == ("labs_between_stages",)
    assert findings["S4-DOSE-03@Right lobe"].outcome == "not_applicable", "only without doses by compartment"


def test_stages_too_close_and_a_hot_liver() -> None:
    findings = tell(
        4,
        {
            **BOTH_LOBES,
            "stage_interval_d": 27.0,
            "larger_burden_first": False,
            "ecog": 2,
            "child_pugh_score": 7,
            "child_pugh_class": "B",
            "hepatic_reserve_fraction": 0.29,
            "case_stage": "treated",
            "labs_between_stages": False,
            "surgery_planned": False,
            "post_treatment_imaging_h": 12.0,
            "whole_normal_liver_dose_gy.multicompartment": 71.0,
            "lung_dose_gy.case": 51.0,
            "lung_dose_gy.session@Session 2": 26.0,
        },
    )
    broken = summary(findings)
    assert broken["contraindication"] >= {"LUNG-02"}
    assert broken["warning"] >= {
        "S4-SEL-01", "S4-SEL-02", "S4-SEL-03@Session 1", "S4-DOSE-01", "S4-TIME-01", "S4-TIME-02",
        "C0-SEL-01", "C0-SEL-03", "C0-SEL-07",
    }  # fmt: skip
    assert broken["information"] >= {"S4-DEL-01"}
    assert "only for: Child-Pugh class is A" in findings["S4-DOSE-01"].remarks[0]


def test_without_an_image_each_lobe_is_judged_as_a_whole() -> None:
    """80 to 150 Gy to the perfused tissue: less is pointed out, more warns."""
    hot = {
        "perfused_dose_gy.single_compartment@Right lobe": 151.0,
        "perfused_dose_gy.single_compartment@Left lobe": 79.0,
    }
    found = tell(4, {**BOTH_LOBES, **hot, "multicompartment_available": False})
    assert found["S4-DOSE-03@Right lobe"].severity is Severity.WARNING
    assert found["S4-DOSE-03@Left lobe"].severity is Severity.INFORMATION


def test_room_for_more_dose_and_a_late_second_stage() -> None:
    findings = tell(
        4,
        {
            **BOTH_LOBES,
            "stage_interval_d": 57.0,
            "whole_normal_liver_dose_gy.multicompartment": 39.0,
            "maa_site": "split_right_left",
        },
    )
    assert summary(findings)["information"] >= {
        "S4-TIME-01", "S4-DOSE-01", "S4-PLN-01",
    }  # fmt: skip


def test_both_lobes_in_one_session() -> None:
    """Aggressive disease, two infusions, no reserve left: allowed with good targeting and Child-Pugh A."""
    at_once = {
        **BOTH_LOBES,
        "bilobar_strategy": "single_session",
        "aggressive_disease": True,
        "systemic_therapy_discussed": True,
        "hepatic_reserve_fraction": 0.0,
        "infusion_count": 2,
    }
    good = summary(tell(4, at_once))
    assert {"S4-DEL-02", "S4-DEL-03"} <= good["met"]
    assert good["information"] >= {"S4-SEL-03@Session 1"}
    cold = tell(4, {**at_once, "tumor_lowest_dose_gy.multicompartment": 200.0})["S4-DEL-02"]
    assert cold.message == (
        "One session for both lobes asks for good targeting; the lowest tumor dose is 200 Gy, "
        "the normal liver gets 55 Gy."
    )
    assert tell(4, {**at_once, "infusion_count": 1})["S4-DEL-02"].severity is Severity.WARNING
    calm = tell(4, {**at_once, "aggressive_disease": False})
    assert calm["S4-DEL-02"].severity is Severity.INFORMATION
