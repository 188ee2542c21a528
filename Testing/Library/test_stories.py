"""Patients in words, one scenario after the other, and the whole list of findings each of them should give."""

from __future__ import annotations

from story import STATED_FOR_EVERYONE, assert_told, summary, tell

from Y90DosimetryLib.guidelines.findings import Severity
from Y90DosimetryLib.guidelines.verdict import verdict

SEGMENTECTOMY = {
    **STATED_FOR_EVERYONE,
    "case_stage": "planning",
    "intent": "curative",
    "child_pugh_score": 5,
    "child_pugh_class": "A",
    "albi_grade": 1,
    "unos_stage": "T2",
    "largest_tumor_diameter_mm": 28.0,
    "macrovascular_invasion": False,
    "pvtt_grade": "none",
    "segments_treated_count": 1,
    "segments_in_both_lobes": False,
    "perfused_fraction": 0.12,
    "previous_hepatectomy": False,
    "prior_radiation": False,
    "prior_chemoembolization": False,
    "abutting_organs": False,
    "perfused_volume_source": "cone_beam_ct",
    "microsatellites_suspected": False,
    "tumor_lowest_coverage_fraction": 1.0,
    "baseline_modality": "multiphase_mr",
    "same_day_mapping": False,
    "gastrointestinal_branch": False,
    "maa_site": "lobar",
    "perfused_dose_gy.single_compartment@Segment 6": 430.0,
    "vial_calibration_activity_gbq@Segment 6": 5.0,
    "treatment_day@Segment 6": 8,
    "activity_per_sphere_bq@Segment 6": 314.0,
    "microcatheter_french": 2.4,
    "contrast_reflux": False,
    "lung_dose_gy.session@Session 1": 2.0,
    "lung_dose_gy.case": 2.0,
    "lung_shunt_fraction@Segment 6": 0.03,
}


def test_a_small_tumor_in_segment_6_on_the_second_monday() -> None:
    """Child-Pugh A5, ALBI 1, one tumor of 28 mm, 12 % of the liver perfused, 430 Gy on week 2 Monday."""
    findings = tell(1, SEGMENTECTOMY)
    assert_told(
        findings,
        met="GEN-01 GEN-03 GEN-04 S1-SEL-01 S1-SEL-02 S1-SEL-03 S1-SEL-04 S1-SEL-06 S1-SEL-08 S1-PLN-01 "
        "S1-PLN-03 S1-PLN-04b S1-PLN-05 S1-PLN-06 S1-PLN-07 S1-DOSE-01@Segment_6 S1-DOSE-02@Segment_6 "
        "S1-TIME-01@Segment_6 S1-TIME-02@Segment_6 S1-DEL-01 S1-DEL-02 LUNG-01@Session_1 LUNG-02 LUNG-03@Segment_6",
    )
    assert verdict(list(findings.values())).is_clear


def test_a_frail_patient_after_hepatectomy_on_the_second_tuesday() -> None:
    """B7 and ALBI 2, two segments in both lobes, 15 % perfused, 399 Gy from the smallest vial at 242 Bq a sphere."""
    findings = tell(
        1,
        {
            **SEGMENTECTOMY,
            "child_pugh_score": 7,
            "child_pugh_class": "B",
            "albi_grade": 2,
            "segments_treated_count": 2,
            "segments_in_both_lobes": True,
            "perfused_fraction": 0.15,
            "previous_hepatectomy": True,
            "prior_radiation": True,
            "prior_chemoembolization": True,
            "arterial_patency_confirmed": False,
            "microsatellites_suspected": True,
            "perfused_margin_mm": 9.0,
            "tumor_lowest_coverage_fraction": 0.97,
            "perfused_dose_gy.single_compartment@Segment 6": 399.0,
            "vial_calibration_activity_gbq@Segment 6": 3.0,
            "treatment_day@Segment 6": 9,
            "activity_per_sphere_bq@Segment 6": 242.0,
            "microcatheter_french": 1.9,
        },
    )
    assert_told(
        findings,
        warning="S1-SEL-01 S1-SEL-05 S1-SEL-06 S1-SEL-07 S1-SEL-09 S1-PLN-02 S1-PLN-03 S1-DEL-01",
        target="S1-DOSE-01@Segment_6",
        information="S1-SEL-03 S1-DOSE-02@Segment_6 S1-TIME-02@Segment_6",
        met="GEN-01 GEN-03 GEN-04 S1-SEL-02 S1-SEL-08 S1-PLN-01 S1-PLN-04b S1-PLN-05 S1-PLN-06 S1-PLN-07 "
        "S1-TIME-01@Segment_6 S1-DEL-02 LUNG-01@Session_1 LUNG-02 LUNG-03@Segment_6",
    )
    assert findings["S1-DOSE-01@Segment 6"].message == (
        "Segment 6: the perfused volume gets 399 Gy, less than the 400 Gy with which necrosis was complete."
    )
    assert [t.part for t in verdict(list(findings.values())).told][:2] == ["limit", "target"]


def test_b9_on_the_way_to_transplantation_depends_on_segmental_infusion() -> None:
    frail = {**SEGMENTECTOMY, "child_pugh_score": 9, "intent": "bridge_to_transplant"}
    assert tell(1, {**frail, "segmental_infusion_possible": True})["S1-SEL-01"].severity is Severity.INFORMATION
    assert tell(1, {**frail, "segmental_infusion_possible": False})["S1-SEL-01"].severity is Severity.CONTRAINDICATION
    assert tell(1, {**frail, "intent": "palliative"})["S1-SEL-01"].severity is Severity.CONTRAINDICATION
    open_one = tell(1, frail)["S1-SEL-01"]
    assert (open_one.severity, open_one.at_stake) == (Severity.INFORMATION, Severity.CONTRAINDICATION)
    assert open_one.needs == ("segmental_infusion_possible",)


def test_albi_3_and_weekend_and_no_mapping() -> None:
    """ALBI 3, a tumor of 52 mm without MAA, treated on a Saturday: every one of them warns."""
    findings = tell(
        1,
        {
            **SEGMENTECTOMY,
            "albi_grade": 3,
            "perfused_fraction": 0.10,
            "largest_tumor_diameter_mm": 52.0,
            "maa_performed": False,
            "treatment_day@Segment 6": 6,
        },
    )
    assert summary(findings)["warning"] >= {"S1-SEL-05", "S1-PLN-04", "S1-TIME-01@Segment 6"}
    small = {**SEGMENTECTOMY, "maa_performed": False}
    assert tell(1, small)["S1-PLN-04"].severity is Severity.INFORMATION


def test_a_partial_response_after_three_months() -> None:
    seen = {**SEGMENTECTOMY, "case_stage": "follow_up", "localized_mrecist": "PR", "follow_up_modality": "contrast_ct"}
    assert "S1-FU-01" not in {
        name for ids in summary(tell(1, {**seen, "since_treatment_months": 2.9})).values() for name in ids
    }
    later = tell(1, {**seen, "since_treatment_months": 3.0})
    assert summary(later)["information"] >= {"S1-FU-01", "S1-PLN-04b"}


LOBECTOMY = {
    **STATED_FOR_EVERYONE,
    "case_stage": "planning",
    "intent": "bridge_to_resection",
    "child_pugh_score": 5,
    "child_pugh_class": "A",
    "bilirubin_mg_dl": 0.7,
    "gfr_ml_min_173m2": 85.0,
    "ecog": 0,
    "unos_stage": "T3",
    "bclc_stage": "B",
    "largest_tumor_diameter_mm": 62.0,
    "lobes_involved": "unilobar",
    "macrovascular_invasion": False,
    "pvtt_grade": "none",
    "resectability": "borderline",
    "comorbidity_precluding_surgery": False,
    "lobectomy_for_small_flr": True,
    "segmentectomy_feasible": False,
    "previous_pve": False,
    "tumor_board_discussed": True,
    "baseline_imaging_age_months": 0.6,
    "extrahepatic_maa": False,
    "maa_same_position": True,
    "maa_site": "lobar",
    "perfused_volume_source": "cone_beam_ct",
    "tumor_lowest_coverage_fraction": 1.0,
    "hepatic_reserve_fraction": 0.36,
    "modified_lobectomy": False,
    "repeated_volume": False,
    "tumor_lowest_dose_gy.multicompartment": 268.7,
    "ntad_gy.multicompartment": 95.0,
    "whole_normal_liver_dose_gy.multicompartment": 58.0,
    "perfused_dose_gy.single_compartment@Right lobe": 145.0,
    "whole_liver_dose_gy.single_compartment": 92.0,
    "treatment_day@Right lobe": 3,
    "common_treatment_day": 3,
    "sflr_fraction": 0.34,
    "flr_volume_ml": 540.0,
    "flr_measured_fraction": 540.0 / 1350.0,
    "flr_study_liver_volume_ml": 1500.0,
    "flr_study_tumors_volume_ml": 150.0,
    "lung_dose_gy.session@Session 1": 7.4,
    "lung_dose_gy.case": 7.4,
    "lung_shunt_fraction@Right lobe": 0.05,
}

LOBECTOMY_MET = (
    "GEN-01 GEN-03 GEN-04 S2-SEL-01 S2-SEL-02 S2-SEL-03 S2-SEL-04 S2-SEL-05@Session_1 S2-SEL-06 S2-PLN-01 S2-PLN-02 "
    "S2-DOSE-01 S2-DOSE-02 S2-DOSE-03 S2-DOSE-04 S2-DOSE-08 S2-TIME-01@Right_lobe S2-DEL-01 "
    "S2-FU-05 LUNG-01@Session_1 LUNG-02 LUNG-03@Right_lobe C0-SEL-01 C0-SEL-02 C0-SEL-03 C0-SEL-04 "
    "C0-SEL-05 C0-SEL-06 C0-SEL-08 C0-SEL-09 C0-PLN-01 C0-DOSE-01 C0-DOSE-02 C0-TIME-02 "
)


def test_a_right_lobectomy_for_a_small_remnant() -> None:
    """A5, reserve 36 %, tumor 269 Gy, normal liver 95 Gy, the lobe 145 Gy on Wednesday, sFLR 34 %."""
    findings = tell(2, LOBECTOMY)
    assert_told(findings, met=LOBECTOMY_MET, information="C0-SURG-01")
    assert findings["C0-SURG-01"].message == (
        "The standardized remnant is 34 % before the treatment; a resection later asks for at least 40 %."
    )
    assert findings["S2-DOSE-02"].remarks == ()
    assert verdict(list(findings.values())).is_clear


def test_the_same_plan_moved_to_thursday_and_made_hotter() -> None:
    """162 Gy to the lobe and 130 Gy to the normal liver, on Thursday, with a bilirubin of 1.1 mg/dL."""
    findings = tell(
        2,
        {
            **LOBECTOMY,
            "multicompartment_available": False,
            "perfused_dose_gy.single_compartment@Right lobe": 162.0,
            "ntad_gy.multicompartment": 130.0,
            "bilirubin_mg_dl": 18.81 / 17.1,
            "treatment_day@Right lobe": 4,
            "common_treatment_day": 4,
        },
    )
    broken = summary(findings)
    assert broken["warning"] >= {"S2-DOSE-02", "S2-DOSE-04", "S2-DOSE-05@Right lobe", "S2-DOSE-06@Right lobe"}
    assert "Thursday" in findings["S2-DOSE-02"].remarks[0]
    assert findings["S2-DOSE-04"].remarks == ()
    assert findings["S2-DOSE-06@Right lobe"].message == (
        "A higher lobar dose was shown on week 1 Wednesday; here it is week 1 Thursday."
    )


def test_a_higher_lobar_dose_on_wednesday_with_reserve_is_allowed() -> None:
    hot = {**LOBECTOMY, "perfused_dose_gy.single_compartment@Right lobe": 178.0}
    alone = tell(2, {**hot, "multicompartment_available": False})
    assert_told(alone, met="S2-DOSE-05@Right_lobe S2-DOSE-06@Right_lobe", information="C0-SURG-01")
    beside = tell(2, hot)
    assert {beside[f"S2-DOSE-0{n}@Right lobe"].outcome for n in (5, 6)} == {"not_applicable"}, (
        "only without compartments"
    )


def test_a_reserve_of_exactly_30_percent_divides_consensus_and_cohort() -> None:
    findings = tell(2, {**LOBECTOMY, "hepatic_reserve_fraction": 0.30})
    broken = summary(findings)
    assert broken["warning"] >= {"C0-SEL-02"}
    assert {"S2-SEL-05@Session 1", "S2-DOSE-01"} <= broken["met"]
    hot = tell(
        2,
        {
            **LOBECTOMY,
            "multicompartment_available": False,
            "hepatic_reserve_fraction": 0.30,
            "perfused_dose_gy.single_compartment@Right lobe": 160.0,
        },
    )
    assert {"S2-DOSE-05@Right lobe", "S2-DOSE-06@Right lobe"} <= summary(hot)["warning"]


def test_too_little_reserve_and_too_much_dose() -> None:
    """With a reserve of 25 % the tumor target does not apply, and both readings call 125 Gy too much."""
    findings = tell(2, {**LOBECTOMY, "hepatic_reserve_fraction": 0.25, "ntad_gy.multicompartment": 125.0})
    assert findings["S2-DOSE-01"].outcome == "not_applicable"
    assert findings["S2-DOSE-02"].message == (
        "The perfused normal liver gets 125 Gy, above 120 Gy, with a reserve of only 25 %: by the consensus and by the "
        "EANM guideline too much."
    )
    assert summary(findings)["warning"] >= {"S2-SEL-05@Session 1", "S2-DOSE-02", "C0-SEL-02"}
    below = tell(2, {**LOBECTOMY, "hepatic_reserve_fraction": 0.25})
    assert below["S2-DOSE-02"].outcome == "not_applicable"


def test_a_modified_lobectomy_with_two_vials() -> None:
    two = {key: value for key, value in LOBECTOMY.items() if not key.endswith("@Right lobe")}
    two |= {"modified_lobectomy": True, "treatment_day@Segment 7": 3, "treatment_day@Right lobe": 3}
    two |= {"lung_shunt_fraction@Segment 7": 0.05, "lung_shunt_fraction@Right lobe": 0.05}
    good = tell(2, {**two, "segment_dose_gy.single_compartment": 420.0, "lobe_dose_gy.single_compartment": 104.0})
    assert {"S2-DOSE-07"} <= summary(good)["met"]
    assert {"S2-DOSE-05", "S2-DEL-01"}.isdisjoint(set().union(*summary(good).values()))
    weak = tell(2, {**two, "segment_dose_gy.single_compartment": 420.0, "lobe_dose_gy.single_compartment": 97.0})
    assert weak["S2-DOSE-07"].message == "The second vial gives the lobe 97 Gy, less than the 100 Gy meant for growth."


def test_lobectomy_two_months_later_with_little_growth_and_surgery_planned() -> None:
    """The remnant grew by 7 %, was never imaged at month 1, and surgery is set for month 2.5 with sFLR 41 %."""
    findings = tell(
        2,
        {
            **LOBECTOMY,
            "case_stage": "follow_up",
            "since_treatment_months": 2.0,
            "to_surgery_months": 2.5,
            "surgery_planned": True,
            "flr_hypertrophy_fraction": 0.07,
            "sflr_fraction": 0.41,
            "flr_imaged_month_1": False,
            "pve_planned": True,
            "function_imaging_used": False,
            "localized_mrecist": "SD",
            "mrecist": "PD",
            "comorbidity_precluding_surgery": False,
            "severe_portal_hypertension": False,
            "post_treatment_imaging_h": 20.0,
            "last_imaging_age_months": 0.1,
        },
    )
    broken = summary(findings)
    assert broken["warning"] >= {"S2-FU-02", "C0-SURG-02", "C0-SURG-06"}
    assert broken["information"] >= {"S2-FU-01", "S2-FU-03", "S2-FU-05", "C0-SURG-09"}
    assert {"C0-SURG-01", "C0-SURG-03", "C0-SURG-07", "C0-SURG-08", "C0-TIME-01", "C0-TIME-03"} <= broken["met"]
    assert "needs data" not in broken


def test_the_cohort_breaks_its_own_policy() -> None:
    """A bilirubin of 36 umol/L and surgery at 2.1 months, as its tables say: warnings, not contraindications."""
    findings = tell(
        2,
        {
            **LOBECTOMY,
            "bilirubin_mg_dl": 36.0 / 17.1,
            "case_stage": "treated",
            "surgery_planned": True,
            "to_surgery_months": 2.1,
            "post_treatment_imaging_h": 24.0,
        },
    )
    assert {"C0-SEL-04", "C0-SURG-02"} <= summary(findings)["warning"]
    assert "contraindication" not in summary(findings)


def test_with_nothing_but_a_lobe_and_a_dose_most_is_open_and_nothing_is_clear() -> None:
    findings = tell(2, {"perfused_dose_gy.single_compartment@Right lobe": 145.0})
    found = verdict(list(findings.values()))
    assert set(summary(findings)) == {"needs data"}
    assert (found.worst, found.is_clear, found.targets_met) == (None, False, 0)
    assert found.not_evaluable == found.judged_total > 40
    assert "could be a contraindication" in found.sentence
