"""Stories: a patient in words, what is known, and every finding a tumor board should then read."""

from __future__ import annotations

from collections.abc import Mapping

from Y90DosimetryLib.guidelines.findings import Finding, Outcome, judge
from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.measures import VOCABULARY, Each, Measurement

STATED_FOR_EVERYONE: Mapping[str, object] = {
    "device": "glass",
    "diagnosis": "hcc",
    "within_labeled_indication": True,
    "extrahepatic_disease": False,
    "previous_y90": False,
    "extrahepatic_deposition": "none",
    "cohort_policy": True,
    "normal_liver_criterion": "either",
    "multicompartment_available": True,
    "maa_performed": True,
}

COHORT_MET = (
    "C0-SEL-01 C0-SEL-02 C0-SEL-03 C0-SEL-04 C0-SEL-05 C0-SEL-06 C0-SEL-08 C0-SEL-09 C0-PLN-01 C0-DOSE-01 C0-DOSE-02 "
    "C0-TIME-02 "
)
GENERAL_MET = "GEN-01 GEN-03 GEN-04 LUNG-01@Session_1 LUNG-02 LUNG-03@Right_lobe "

ONE_LOBE = {
    **STATED_FOR_EVERYONE,
    "case_stage": "planning",
    "intent": "palliative",
    "child_pugh_score": 6,
    "child_pugh_class": "A",
    "bilirubin_mg_dl": 1.0,
    "gfr_ml_min_173m2": 30.0,
    "ecog": 1,
    "bclc_stage": "B",
    "largest_tumor_diameter_mm": 81.0,
    "resectability": "unresectable",
    "lobes_involved": "unilobar",
    "macrovascular_invasion": False,
    "pvtt_grade": "none",
    "tumor_board_discussed": True,
    "baseline_imaging_age_months": 0.9,
    "extrahepatic_maa": False,
    "maa_site": "lobar",
    "hepatic_reserve_fraction": 0.40,
    "tumor_lowest_coverage_fraction": 1.0,
    "systemic_therapy_discussed": True,
    "tumor_lowest_dose_gy.multicompartment": 260.0,
    "ntad_gy.multicompartment": 120.0,
    "whole_normal_liver_dose_gy.multicompartment": 72.0,
    "perfused_dose_gy.single_compartment@Right lobe": 150.0,
    "whole_liver_dose_gy.single_compartment": 90.0,
    "treatment_day@Right lobe": 3,
    "common_treatment_day": 3,
    "lung_dose_gy.session@Session 1": 30.0,
    "lung_dose_gy.case": 30.0,
    "lung_shunt_fraction@Right lobe": 0.10,
}


def measurements(values: Mapping[str, object]) -> list[Measurement]:
    """Return measurements; an id may end in "@Item" for the item it is about."""
    found = []
    for key, value in values.items():
        name, _, about = key.partition("@")
        if VOCABULARY[name].each is not Each.CASE:
            assert about, f"{name} is about an item"
        found.append(Measurement(name, value, about=about))  # type: ignore[arg-type]
    return found


ONE_SESSION = {
    "hepatic_reserve_fraction": "session_reserve_fraction@Session 1",
    "ntad_gy.multicompartment": "ntad_session_gy.multicompartment",
    "perfused_dose_gy.single_compartment": "perfused_total_dose_gy.single_compartment",
    "pvtt_dose_gy.multicompartment": "thrombus_session_dose_gy.multicompartment",
}
"""With one session, what is told once says both: the number of the session and that of all of them."""


def of_one_session(values: Mapping[str, object]) -> dict[str, object]:
    """Return what is told, with what follows from it in a case of one session with no tumor treated otherwise."""
    implied: dict[str, object] = {"other_tumors_treated_otherwise": False}
    for key, value in values.items():
        name, at, item = key.partition("@")
        if name in ONE_SESSION:
            implied[f"{ONE_SESSION[name]}{at}{item}"] = value
    if values.get("macrovascular_invasion") is False:
        implied["invasion_extent"] = "none"
    elif values.get("pvtt_grade") in {"VP3", "VP4"}:
        implied["invasion_extent"] = "beyond"
    return {**implied, **values}


def tell(scenario: int, values: Mapping[str, object]) -> dict[str, Finding]:
    """Return the findings by rule id, with the item after an "@"."""
    findings = judge(load_rules(), measurements(of_one_session(values)), scenario)
    by_id = {f"{f.rule.id}@{f.about}".rstrip("@"): f for f in findings}
    assert len(by_id) == len(findings), "the same rule appears twice"
    return by_id


def summary(findings: Mapping[str, Finding]) -> dict[str, set[str]]:
    """Return the ids by what became of them; rules that do not apply are left out."""
    found: dict[str, set[str]] = {}
    for name, finding in findings.items():
        if finding.outcome is Outcome.NOT_MET:
            word = str(finding.severity) if finding.is_complete else f"{finding.severity}, perhaps {finding.at_stake}"
        elif finding.outcome is Outcome.NOT_EVALUABLE:
            word = "needs data"
        else:
            word = str(finding.outcome)
        if finding.outcome is not Outcome.NOT_APPLICABLE:
            found.setdefault(word, set()).add(name)
    return found


def assert_told(findings: Mapping[str, Finding], **ids: str) -> None:
    """Assert that each id has its outcome or severity; in an item "_" stands for a blank. Other findings are free."""
    found = summary(findings)
    for word, text in ids.items():
        parts = (name.partition("@") for name in text.split())
        wanted = {f"{rule}{at}{item.replace('_', ' ')}" for rule, at, item in parts}
        there = found.get(word.replace("_", " "), set())
        assert wanted <= there, f"{word}: {sorted(wanted - there)} is otherwise: {found}"
