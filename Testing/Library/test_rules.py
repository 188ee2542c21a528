"""Every rule against an independent table: at, just below and just above each threshold, and with each fact missing."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest
from rule_table import Row, edge_values, read_table, row_of

from Y90DosimetryLib.facts import CATALOG
from Y90DosimetryLib.guidelines import document
from Y90DosimetryLib.guidelines.findings import Finding, Outcome, evaluate
from Y90DosimetryLib.guidelines.loading import load_references, load_rules
from Y90DosimetryLib.guidelines.named import FUNCTIONS
from Y90DosimetryLib.guidelines.rule import Basis, Severity
from Y90DosimetryLib.guidelines.wording import places
from Y90DosimetryLib.measures import VOCABULARY, Each, Known, Measurement, Origin

ROOT = Path(__file__).parents[2]
TABLE = read_table()
IDS = sorted(TABLE)
MOST_TRIED = 4000
ITEM = "Item 1"


def measured(values: dict[str, object]) -> Known:
    return Known(
        Measurement(name, value, about=ITEM if VOCABULARY[name].each is not Each.CASE else "")  # type: ignore[arg-type]
        for name, value in values.items()
        if value is not None
    )


def found(rule_id: str, values: dict[str, object]) -> Finding:
    rule = load_rules()[rule_id]
    return evaluate(rule, measured(values), ITEM if rule.each is not Each.CASE else "")


def tried(row: Row, missing: bool = False) -> list[dict[str, object]]:
    """Return combinations of edge values, all of them where that is not too many."""
    choices = {name: ([*values, None] if missing else values) for name, values in edge_values(row).items()}
    every = itertools.product(*choices.values())
    total = 1
    for values in choices.values():
        total *= len(values)
    if total > MOST_TRIED:
        rng = random.Random(row.id)
        every = (tuple(rng.choice(v) for v in choices.values()) for _ in range(MOST_TRIED))
    return [dict(zip(choices, combination, strict=True)) for combination in every]


def test_the_rules_are_those_of_the_table() -> None:
    assert set(load_rules()) == set(TABLE)


@pytest.mark.parametrize("rule_id", IDS)
def test_every_number_comparison_and_severity_is_as_typed_by_hand(rule_id: str) -> None:
    assert row_of(load_rules()[rule_id]) == TABLE[rule_id]


@pytest.mark.parametrize("rule_id", IDS)
def test_outcomes_at_and_around_every_threshold(rule_id: str) -> None:
    row = TABLE[rule_id]
    outcomes = set()
    for values in tried(row):
        finding = found(rule_id, values)
        expected = row.outcome(values)
        assert (finding.outcome, finding.severity or "") == expected, values
        assert finding.is_complete and finding.at_stake is None
        assert finding.message.endswith(".") and "{" not in finding.message
        outcomes.add(expected)
    assert {severity for _, severity in outcomes if severity} == {severity for severity, _, _ in row.bands}
    if row.when or row.established:
        assert ("not_applicable", "") in outcomes


@pytest.mark.parametrize("rule_id", IDS)
def test_what_is_missing_is_never_a_pass(rule_id: str) -> None:
    """A finding with something missing agrees with every way of filling it in."""
    row = TABLE[rule_id]
    choices = edge_values(row)
    rng = random.Random(rule_id)
    partial = [values for values in tried(row, missing=True) if None in values.values()]
    for values in rng.sample(partial, min(len(partial), 120)):
        gone = [name for name, value in values.items() if value is None]
        completions = list(itertools.product(*(choices[name] for name in gone)))
        completions = rng.sample(completions, min(len(completions), 150))
        possible = {row.outcome({**values, **dict(zip(gone, filled, strict=True))}) for filled in completions}
        finding = found(rule_id, values)
        if finding.outcome is Outcome.NOT_EVALUABLE:
            assert finding.missing and {m.measure_id for m in finding.missing} <= set(gone)
            assert "Cannot be judged" in finding.message
        elif finding.is_complete:
            assert possible == {(str(finding.outcome), str(finding.severity or ""))}, values
        else:
            assert finding.outcome is Outcome.NOT_MET and finding.severity and finding.at_stake
            ranks = {Severity(severity).rank for _, severity in possible}
            assert {outcome for outcome, _ in possible} == {"not_met"}
            assert finding.at_stake.rank <= min(ranks) and max(ranks) <= finding.severity.rank


@pytest.mark.parametrize("rule_id", IDS)
def test_with_nothing_known_no_rule_is_met(rule_id: str) -> None:
    rule = load_rules()[rule_id]
    if not any(True for _ in rule.measure_ids):
        return
    finding = found(rule_id, {})
    assert finding.outcome is Outcome.NOT_EVALUABLE
    assert finding.needs


@pytest.mark.parametrize("rule_id", IDS)
def test_every_rule_says_where_it_comes_from(rule_id: str) -> None:
    rule = load_rules()[rule_id]
    for source in rule.sources:
        assert source.reference in load_references()
        assert re.search(r"[a-z]", source.place)
        assert set(source.scenarios) <= set(rule.scenarios)
    for scenario in rule.scenarios:
        assert rule.sources_for(scenario)


@pytest.mark.parametrize(
    ("file", "degree", "consensus"),
    [("S1", "A", "strong"), ("S2", "B", "strong"), ("S3", "B", "strong"), ("S4", "", ""), ("S5", "", "moderate")],
)
def test_degree_and_strength_are_those_printed_for_the_scenario(file: str, degree: str, consensus: str) -> None:
    scenario = int(file[1])
    for rule in load_rules().values():
        if rule.id.startswith(file):
            source = rule.sources_for(scenario)[0]
            if rule.id == "S1-PLN-04":  # the source says that it makes no formal recommendation
                assert (source.degree, source.consensus) == ("", "")
            else:
                assert (source.degree, source.consensus) == (degree, consensus), rule.id


def test_a_rule_of_several_scenarios_prints_the_degree_of_each() -> None:
    imaging = load_rules()["S3-FU-01"]
    printed = {s: [(x.degree, x.consensus) for x in imaging.sources_for(s)] for s in (3, 4, 5)}
    assert printed == {3: [("B", "strong")], 4: [("", "")], 5: [("", "moderate")]}


def test_label_and_cohort_rules_are_not_called_consensus() -> None:
    for rule in load_rules().values():
        expected = {"LU": {Basis.LABEL, Basis.PRACTICE}, "C0": {Basis.COHORT}}.get(rule.id[:2], {Basis.CONSENSUS})
        assert rule.basis in ({Basis.LABEL} if rule.id == "GEN-05" else expected), rule.id
    assert load_rules()["LUNG-03"].basis is Basis.PRACTICE
    assert Severity.CONTRAINDICATION not in load_rules()["LUNG-03"].severities


def test_observed_means_are_never_judged() -> None:
    limits = {
        choice
        for rule in load_rules().values()
        for requirement in rule.requirements()
        for condition in requirement.conditions()
        for choice in condition.choices
    }
    assert not limits & {331.0, 178.0}
    assert "331 Gy" in load_rules()["S3-DOSE-01"].note and "178 Gy" in load_rules()["S2-DOSE-06"].note


def test_no_sentence_repeats_a_number_of_the_data() -> None:
    for rule in load_rules().values():
        for _, says in rule.sentences():
            text = re.sub(r"\{[^}]*\}|S\d-[A-Z]+-\d+|ALBI [1-3]|B7|T\d[ab]?|[Ss]cenarios? [1-5]|Y-90", "", says)
            assert not re.search(r"\d", text), (rule.id, says)


def test_each_dose_condition_names_its_model() -> None:
    for rule in load_rules().values():
        for name in rule.measure_ids:
            entry = VOCABULARY[name]
            if entry.is_dose and entry.origin is not Origin.FACT:
                assert entry.model, (rule.id, name)
                assert entry.model not in {"partition", "kernel"}


def test_two_sources_on_one_topic_say_how_they_differ() -> None:
    rules = load_rules().values()
    for one in rules:
        others = {
            r.sources[0].reference for r in rules if r.topic == one.topic and set(r.scenarios) & set(one.scenarios)
        }
        if one.basis is Basis.COHORT and len(others) > 1:
            assert one.difference, one.id


def test_each_fact_is_asked_where_a_rule_needs_it_and_only_there() -> None:
    used: dict[str, set[int]] = {}
    for rule in load_rules().values():
        for name in {n for n in rule.measure_ids if n in CATALOG}:
            used.setdefault(name, set()).update(rule.scenarios)
    for name, scenarios in used.items():
        assert scenarios <= set(CATALOG[name].scenarios), name
    read_by_code = {
        "hepatic_vein_thrombus_grade",
        "bclc_stage_stated",
        "previous_y90",
        "earlier_lung_dose_gy",
        "baseline_imaging_date",
        "follow_up_date",
        "surgery_date",
        "flr_before_treatment_ml",
        "pvtt_side",
        "extrahepatic_maa",
        "extrahepatic_corrected",
        "normal_liver_limit",
        "judge_cohort_policy",
    }
    assert set(CATALOG) == set(used) | read_by_code


def test_every_named_function_is_used_and_makes_a_measure_of_its_own() -> None:
    assert {rule.function for rule in load_rules().values() if rule.function} == set(FUNCTIONS)
    made = {result for result, _ in FUNCTIONS.values()}
    assert made == {m.id for m in VOCABULARY.values() if m.origin is Origin.FUNCTION}


def test_sentences_name_only_what_the_rule_knows() -> None:
    for rule in load_rules().values():
        for when, says in rule.sentences():
            named = places(says) - {"value", "limit", "item"}
            assert named <= set(VOCABULARY), rule.id
            assert when or not places(says) & {"value", "limit"}


def test_the_page_of_rules_is_current() -> None:
    written = (ROOT / "Docs" / "rules.md").read_text("utf-8")
    assert written == document.markdown(), "Docs/rules.md is old: run `y90 rules --markdown > Docs/rules.md`"
