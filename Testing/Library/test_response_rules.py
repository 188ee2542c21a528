"""From measured diameters to the rules on retreatment, systemic therapy and surgery, without a typed response."""

from __future__ import annotations

from dataclasses import replace

import pytest
from over_time import MONTH_DAYS, TREATED, case, measured, point
from response_kit import tumor

from Y90DosimetryLib.case import TimeKind
from Y90DosimetryLib.guidelines.findings import Finding, Outcome, Severity, judge
from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading

BEFORE = point("Before", TREATED, TimeKind.BASELINE, lesions=(tumor("Tumor", 50.0),))


def after(month: int, *lesions: LesionReading, **more: object):
    return point(f"Month {month}", MONTH_DAYS[month], lesions=lesions, **more)


def findings(scenario: int, *points: object, baseline: object = BEFORE, **facts: object) -> dict[str, Finding]:
    """Return the findings of a case with these time points, by the rules' ids."""
    rows = measured(case(baseline, *points, scenario=scenario, facts=facts))
    return {f.rule.id: f for f in judge(load_rules(), rows.values(), scenario)}


def test_segmentectomy_without_complete_response_at_three_months_asks_for_retreatment() -> None:
    partial = findings(1, after(3, tumor("Tumor", 20.0)))["S1-FU-01"]
    assert (partial.outcome, partial.severity) == (Outcome.NOT_MET, Severity.INFORMATION)
    assert "PR" in partial.message
    assert findings(1, after(3, tumor("Tumor", 0.0)))["S1-FU-01"].outcome is Outcome.MET
    assert findings(1, after(1, tumor("Tumor", 20.0)))["S1-FU-01"].outcome is Outcome.NOT_APPLICABLE


def test_retreatment_is_for_progression_and_systemic_therapy_already_for_stable_disease() -> None:
    stable, worse = after(3, tumor("Tumor", 45.0)), after(3, tumor("Tumor", 60.0))
    planned = {"retreatment_planned": True, "pvtt_grade": "none"}
    assert findings(3, stable, **planned)["S3-FU-02"].severity is Severity.INFORMATION
    assert findings(3, worse, **planned)["S3-FU-02"].outcome is Outcome.MET
    there = ThrombusReading("P", enhances=True, diameter_mm=15.0, is_treated=True, grade="VP2")
    before, same = replace(BEFORE, thrombi=(there,)), replace(there, extends_proximally=False)
    for study in (stable, worse):
        for scenario in (2, 5):  # follows the invasion, whatever scenario was chosen
            found = findings(scenario, replace(study, thrombi=(same,)), baseline=before, pvtt_grade="VP2")
            assert found["S5-FU-01"].severity is Severity.INFORMATION
        assert findings(5, study)["S5-FU-01"].outcome is Outcome.NOT_EVALUABLE


def test_a_new_lesion_elsewhere_stops_no_surgery_but_is_told() -> None:
    study = after(3, tumor("Tumor", 0.0), tumor("Other", 12.0, treated=False, is_new=True))
    found = findings(2, study, surgery_planned=True)
    assert found["C0-SURG-03"].outcome is Outcome.MET
    assert found["C0-SURG-09"].severity is Severity.INFORMATION
    assert found["C0-SURG-05"].severity is Severity.INFORMATION
    grown = findings(2, after(3, tumor("Tumor", 61.0)), surgery_planned=True)
    assert grown["C0-SURG-03"].severity is Severity.WARNING


def test_an_unread_target_leaves_the_rules_open_and_says_why() -> None:
    open_finding = findings(2, after(3, tumor("Tumor", None)), surgery_planned=True)["C0-SURG-03"]
    assert open_finding.outcome is Outcome.NOT_EVALUABLE
    assert open_finding.at_stake is Severity.WARNING
    assert "'Tumor' not measured" in open_finding.missing[0].missing_because


def test_a_typed_response_that_the_diameters_contradict_counts_no_more_than_they_do() -> None:
    study = after(3, tumor("Tumor", 45.0))
    agreeing = findings(2, study, surgery_planned=True, localized_mrecist="SD")["C0-SURG-03"]
    assert agreeing.outcome is Outcome.MET
    contradicting = findings(2, study, surgery_planned=True, localized_mrecist="PD")["C0-SURG-03"]
    assert contradicting.outcome is Outcome.NOT_EVALUABLE
    assert "PD is stated" in contradicting.missing[0].missing_because


@pytest.mark.parametrize(("enhances", "response"), [(True, "PR"), (False, "CR")])
def test_the_thrombus_reaches_the_rules(enhances: bool, response: str) -> None:
    there = ThrombusReading("PVTT", True, 15.0, is_treated=True, grade="VP3")
    now = ThrombusReading("PVTT", enhances, 15.0, False, is_treated=True, grade="VP3")
    before = replace(BEFORE, thrombi=(there,))
    found = measured(
        case(before, after(3, tumor("Tumor", 0.0), thrombi=(now,)), scenario=5, facts={"pvtt_grade": "VP3"})
    )
    assert found["localized_mrecist"].value == found["mrecist"].value == response


def test_a_known_thrombus_that_nobody_read_leaves_the_response_open() -> None:
    found = measured(case(BEFORE, after(3, tumor("Tumor", 0.0)), scenario=5, facts={"pvtt_grade": "VP3"}))
    assert "none was read before" in found["mrecist"].missing_because
