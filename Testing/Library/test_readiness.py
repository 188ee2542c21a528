"""Readiness for surgery: the rules' findings gathered, at 3 months and 40 %, and what is supposed is said."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from story import measurements

from Y90DosimetryLib.followup.readiness import EARLY_VOLUME_RULE, QUESTIONS, Answer, Operation, Readiness, readiness
from Y90DosimetryLib.followup.transplant import Criteria, Fulfilled, Lasting
from Y90DosimetryLib.guidelines.findings import Outcome, Severity
from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.measures import VOCABULARY
from Y90DosimetryLib.missing import Missing

RULES = load_rules()
READY: Mapping[str, object] = {
    "device": "glass",
    "diagnosis": "hcc",
    "case_stage": "follow_up",
    "intent": "bridge_to_resection",
    "surgery_planned": True,
    "since_treatment_months": 4.0,
    "to_surgery_months": 4.0,
    "sflr_fraction": 0.45,
    "localized_mrecist": "PR",
    "mrecist": "PR",
    "child_pugh_score": 5,
    "bilirubin_mg_dl": 0.6,
    "ecog": 1,
    "gfr_ml_min_173m2": 80.0,
    "extrahepatic_disease": False,
    "comorbidity_precluding_surgery": False,
    "severe_portal_hypertension": False,
    "resectability": "borderline",
}


def ask(operation: Operation = Operation.RESECTION, scenario: int = 2, **changed: object) -> Readiness:
    """Return the readiness of a patient for whom all is well but what is changed; None takes a value away."""
    values = {name: value for name, value in {**READY, **changed}.items() if value is not None}
    return readiness(measurements(values), RULES, scenario, operation)


def answer(of: Readiness, title: str) -> Answer:
    return next(a for a in of.answers if a.question.title == title)


def severities(of: Readiness) -> dict[str, Severity]:
    return {f.rule.id: f.severity for a in of.answers for f in a.findings if f.severity}


def test_a_patient_for_whom_all_is_well() -> None:
    found = ask()
    assert found.is_ready is True
    assert found.sentence == "By these rules nothing speaks against resection; the surgeons decide."
    assert severities(found) == {} and found.supposed == ()
    assert [a.question.title for a in found.answers] == [
        "Remnant",
        "Tumor control",
        "Time since treatment",
        "Liver function",
        "Eligibility",
    ]


@pytest.mark.parametrize(("sflr_fraction", "ready"), [(0.40, True), (0.3999, False), (0.45, True), (1.07, True)])
def test_forty_percent_of_the_standard_liver(sflr_fraction: float, ready: bool) -> None:
    found = ask(sflr_fraction=sflr_fraction)
    assert found.is_ready is ready
    assert answer(found, "Remnant").speaks_against is not ready


@pytest.mark.parametrize(
    ("months", "ready", "rules"),
    [
        (2.97, False, {"C0-SURG-02", "C0-SURG-06", "S2-FU-02"}),
        (3.0, True, set()),
        (6.0, True, set()),
        (6.1, True, {"C0-SURG-02"}),
    ],
)
def test_three_months_are_needed_and_six_are_best(months: float, ready: bool, rules: set[str]) -> None:
    found = ask(since_treatment_months=months, to_surgery_months=months)
    assert found.is_ready is ready
    assert set(severities(found)) == rules


def test_an_early_volume_carries_the_warning_that_it_is_not_function() -> None:
    early = ask(since_treatment_months=2.0, to_surgery_months=4.0)
    (warning,) = [f for f in answer(early, "Remnant").findings if f.rule.id == EARLY_VOLUME_RULE]
    assert warning.outcome is Outcome.NOT_MET
    assert "overestimates its function" in warning.message
    assert warning.sources[0].place == "Discussion, timing for resection after Y90"
    assert early.is_ready is False


@pytest.mark.parametrize(
    ("changed", "title", "rule"),
    [
        ({"localized_mrecist": "PD"}, "Tumor control", "C0-SURG-03"),
        ({"bilirubin_mg_dl": 2.0}, "Liver function", "C0-SEL-04"),
        ({"extrahepatic_disease": True}, "Eligibility", "C0-SEL-06"),
        ({"severe_portal_hypertension": True}, "Eligibility", "C0-SURG-07"),
        ({"comorbidity_precluding_surgery": True}, "Eligibility", "C0-SURG-07"),
        ({"ecog": 2}, "Eligibility", "C0-SEL-03"),
        ({"gfr_ml_min_173m2": 29.0}, "Eligibility", "C0-SEL-05"),
    ],
)
def test_each_question_has_a_rule_that_can_say_no(changed: dict[str, object], title: str, rule: str) -> None:
    found = ask(**changed)
    assert found.is_ready is False
    assert answer(found, title).speaks_against
    assert severities(found)[rule].is_safety
    assert title.lower() in found.sentence


def test_progression_elsewhere_and_a_poorer_liver_are_pointed_out_and_do_not_forbid() -> None:
    elsewhere = ask(mrecist="PD")
    assert elsewhere.is_ready is True
    assert severities(elsewhere) == {"C0-SURG-09": Severity.INFORMATION}
    assert severities(ask(child_pugh_score=7)) == {}
    poorer = ask(child_pugh_score=8)
    assert severities(poorer)["C0-SURG-08"] is Severity.INFORMATION
    complete = ask(localized_mrecist="CR")
    assert severities(complete) == {"C0-SURG-05": Severity.INFORMATION}


@pytest.mark.parametrize("name", ["sflr_fraction", "localized_mrecist", "child_pugh_score", "extrahepatic_disease"])
def test_what_is_not_known_is_no_yes(name: str) -> None:
    found = ask(**{name: None})
    assert found.is_ready is None
    assert found.sentence.startswith("Nothing speaks against resection so far; not known yet:")
    assert any(name in f.needs for a in found.answers for f in a.findings)


def test_a_certain_no_is_not_hidden_by_what_is_unknown() -> None:
    found = ask(localized_mrecist="PD", sflr_fraction=None)
    assert found.is_ready is False
    assert found.sentence == "Speaks against resection now: tumor control; not known yet: remnant."
    both = ask(extrahepatic_disease=True, severe_portal_hypertension=None)
    assert both.sentence == "Speaks against resection now: eligibility."


def test_without_a_date_surgery_is_supposed_on_the_day_of_the_latest_study() -> None:
    found = ask(surgery_planned=None, to_surgery_months=None, intent="palliative", since_treatment_months=2.5)
    assert found.supposed == (
        "resection is planned",
        "it is on the day of the latest study",
        "the intent is to operate",
    )
    assert severities(found)["C0-SURG-02"] is Severity.WARNING
    later = ask(since_treatment_months=2.5, to_surgery_months=3.5)
    assert later.supposed == () and "C0-SURG-02" not in severities(later)


def test_before_a_follow_up_the_questions_are_open() -> None:
    found = ask(case_stage="planning", since_treatment_months=None, to_surgery_months=None)
    assert found.is_ready is None
    assert answer(found, "Tumor control").is_open


def test_no_rule_of_segmentectomy_speaks_of_surgery() -> None:
    found = ask(scenario=1)
    assert found.is_ready is None
    assert all(a.is_open for a in found.answers)


def test_a_transplant_asks_for_downstaging_and_shows_the_criteria() -> None:
    waiting = ask(Operation.TRANSPLANTATION, downstaged=True, free_of_other_tumor_months=5.9, sflr_fraction=0.2)
    assert severities(waiting) == {"C0-SURG-04": Severity.WARNING}
    assert waiting.supposed == ("the intent is to operate",)
    assert "Remnant" not in [a.question.title for a in waiting.answers]
    assert ask(Operation.TRANSPLANTATION, downstaged=True, free_of_other_tumor_months=6.0).is_ready is True
    shown = Fulfilled(Criteria.MILAN, True)
    held = Lasting(Criteria.MILAN, Missing("unknown"), Missing("unknown"))
    for operation, expected in ((Operation.TRANSPLANTATION, (shown,)), (Operation.RESECTION, ())):
        found = readiness(measurements(READY), RULES, 2, operation, criteria=[shown], lasting=[held])
        assert found.criteria == expected


def test_the_view_knows_no_number_and_every_rule_it_names_exists() -> None:
    for question in QUESTIONS:
        assert set(question.rules) <= set(RULES)
        assert set(question.shown) <= set(VOCABULARY)


def test_every_rule_about_surgery_belongs_to_a_question() -> None:
    named = {rule for question in QUESTIONS for rule in question.rules}
    assert {rule for rule in RULES if rule.startswith("C0-SURG")} <= named
