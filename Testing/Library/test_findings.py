"""The rule engine: three-valued logic, ordered bands, what is certain, and what is only possible."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from findings_kit import INFO, NOTHING, NTAD_GY, RESERVE, TUMOR_GY, C, T, W, answer, band, book, condition, known, rule

from Y90DosimetryLib.guidelines.findings import Finding, Outcome, evaluate, judge
from Y90DosimetryLib.guidelines.rule import ALL_SCENARIOS, AnyOf, Remark, Severity, all_hold
from Y90DosimetryLib.guidelines.verdict import verdict
from Y90DosimetryLib.measures import Known, Measurement

YES, NO, UNKNOWN = True, False, None


# Kleene logic: three statements of the team stand for True, False and unknown


STATEMENTS = {YES: "previous_hepatectomy", NO: "prior_radiation", UNKNOWN: "abutting_organs"}
STATED = known(previous_hepatectomy=True, prior_radiation=False)

AND = {
    (YES, YES): YES,
    (YES, NO): NO,
    (YES, UNKNOWN): UNKNOWN,
    (NO, YES): NO,
    (NO, NO): NO,
    (NO, UNKNOWN): NO,
    (UNKNOWN, YES): UNKNOWN,
    (UNKNOWN, NO): NO,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}
OR = {
    (YES, YES): YES,
    (YES, NO): YES,
    (YES, UNKNOWN): YES,
    (NO, YES): YES,
    (NO, NO): NO,
    (NO, UNKNOWN): UNKNOWN,
    (UNKNOWN, YES): YES,
    (UNKNOWN, NO): UNKNOWN,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}


@pytest.mark.parametrize("pair", list(itertools.product((YES, NO, UNKNOWN), repeat=2)))
def test_truth_table(pair: tuple[bool | None, bool | None]) -> None:
    two = [answer(STATEMENTS[value]) for value in pair]
    assert all_hold(two, STATED) is AND[pair]
    assert AnyOf(tuple(two)).holds(STATED) is OR[pair]


def test_nothing_asked_holds() -> None:
    assert all_hold((), NOTHING) is True


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("below", True, False, False),
        ("at_most", True, True, False),
        ("at_least", False, True, True),
        ("above", False, False, True),
    ],
)
def test_comparisons_at_the_limit(comparison: str, below: bool, at: bool, above: bool) -> None:
    one = condition(NTAD_GY, comparison, 120.0)
    assert [one.holds_for(v) for v in (119.999999, 120.0, 120.000001)] == [below, at, above]
    assert one.holds(NOTHING) is None
    nearly = (120.0 * (1 - 1e-10), 120.0 * (1 + 1e-10))
    assert [one.holds_for(v) for v in nearly] == [below, above]


def test_the_conversion_of_a_laboratory_unit_does_not_decide_at_the_limit() -> None:
    bilirubin_mg_dl = 18.81 / 17.1
    assert bilirubin_mg_dl < 1.1  # in binary; exactly it is 1.1
    assert condition("bilirubin_mg_dl", "at_least", 1.1).holds_for(bilirubin_mg_dl)
    assert not condition("bilirubin_mg_dl", "below", 1.1).holds_for(bilirubin_mg_dl)
    assert condition("bilirubin_mg_dl", "below", 1.1).holds_for(18.8 / 17.1)


def test_choices_are_compared_as_they_are() -> None:
    grade = condition("pvtt_grade", "in", ("VP3", "VP4"))
    assert [grade.holds_for(v) for v in ("VP2", "VP3", "VP4")] == [False, True, True]
    assert condition("pvtt_grade", "is", "VP4").holds_for("VP4")


def test_a_word_is_not_below_a_number() -> None:
    with pytest.raises(TypeError, match="not a number"):
        condition(NTAD_GY, "below", 120.0).holds_for("high")


# Bands in order


TUMOR_DOSE = rule(
    band(T, condition(TUMOR_GY, "below", 205.0)),
    band(INFO, condition(TUMOR_GY, "at_most", 250.0)),
    when=(condition(RESERVE, "at_least", 0.3),),
)


@pytest.mark.parametrize(
    ("dose_gy", "outcome", "severity"),
    [(204.9, "not_met", T), (205.0, "not_met", INFO), (250.0, "not_met", INFO), (250.1, "met", None)],
)
def test_the_first_band_that_holds_is_the_finding(dose_gy: float, outcome: str, severity: Severity | None) -> None:
    finding = evaluate(TUMOR_DOSE, known(tumor_gy=dose_gy, reserve=0.3))
    assert (finding.outcome, finding.severity) == (outcome, severity)
    assert finding.is_complete and finding.at_stake is None


def test_a_rule_whose_condition_fails_does_not_apply_and_says_which() -> None:
    finding = evaluate(TUMOR_DOSE, known(reserve=0.2996))
    assert finding.outcome is Outcome.NOT_APPLICABLE
    assert finding.message == "Applies only when hepatic reserve at least 30 %; here hepatic reserve 30 %."
    assert finding.missing == ()


def test_missing_is_never_a_pass_and_says_what_is_at_stake() -> None:
    finding = evaluate(TUMOR_DOSE, known(reserve=0.4))
    assert (finding.outcome, finding.severity, finding.at_stake) == (Outcome.NOT_EVALUABLE, None, T)
    assert finding.needs == (TUMOR_GY,)
    assert evaluate(TUMOR_DOSE, known(tumor_gy=300.0)).outcome is Outcome.NOT_EVALUABLE
    assert evaluate(TUMOR_DOSE, known(tumor_gy=300.0)).at_stake is None
    assert evaluate(TUMOR_DOSE, known(tumor_gy=100.0)).at_stake is T


def test_unknown_grounds_do_not_matter_when_every_band_says_the_same() -> None:
    """Above 90 Gy is too much whatever the bilirubin."""
    by_bilirubin = rule(
        band(W, condition(NTAD_GY, "above", 50.0), condition("bilirubin_mg_dl", "at_least", 1.1)),
        band(W, condition(NTAD_GY, "above", 90.0)),
    )
    certain = evaluate(by_bilirubin, known(ntad_gy=95.0))
    assert (certain.outcome, certain.severity, certain.missing) == (Outcome.NOT_MET, W, ())
    assert evaluate(by_bilirubin, known(ntad_gy=60.0)).outcome is Outcome.NOT_EVALUABLE
    assert evaluate(by_bilirubin, known(ntad_gy=60.0)).needs == ("bilirubin_mg_dl",)
    assert evaluate(by_bilirubin, known(ntad_gy=50.0)).outcome is Outcome.MET


MILDER_EXCEPTION = rule(
    band(INFO, condition("child_pugh_score", "at_least", 8), answer("segmental_infusion_possible")),
    band(C, condition("child_pugh_score", "at_least", 8)),
)


def test_an_open_exception_before_a_graver_band_reports_both() -> None:
    """An open band, then a certain and graver one: broken for sure, how gravely is not known."""
    finding = evaluate(MILDER_EXCEPTION, known(child_pugh_score=9))
    assert (finding.outcome, finding.severity, finding.at_stake) == (Outcome.NOT_MET, INFO, C)
    assert finding.needs == ("segmental_infusion_possible",) and not finding.is_complete
    assert "information said. / contraindication said." in finding.message
    settled = evaluate(MILDER_EXCEPTION, known(child_pugh_score=9, segmental_infusion_possible=False))
    assert (settled.severity, settled.at_stake, settled.is_complete) == (C, None, True)


def test_a_band_behind_a_certain_one_is_not_asked_for() -> None:
    two = rule(band(W, answer("previous_hepatectomy")), band(C, answer("abutting_organs")))
    finding = evaluate(two, known(previous_hepatectomy=True))
    assert (finding.severity, finding.missing) == (W, ())
    open_one = evaluate(two, known(previous_hepatectomy=False))
    assert open_one.needs == ("abutting_organs",)


def test_of_three_ways_the_mildest_is_certain_and_the_gravest_named() -> None:
    three = rule(
        band(T, answer("previous_hepatectomy")),
        band(INFO, answer("prior_radiation")),
        band(C),
        band(W, answer("contrast_reflux")),
    )
    finding = evaluate(three, NOTHING)
    assert (finding.severity, finding.at_stake) == (INFO, C)
    assert finding.needs == ("previous_hepatectomy", "prior_radiation")
    assert "in one of 3 ways" in finding.message


def test_of_alternatives_every_open_one_is_asked_for() -> None:
    either = AnyOf((answer("previous_hepatectomy"), answer("prior_radiation"), answer("contrast_reflux")))
    finding = evaluate(rule(band(W, either)), known(prior_radiation=False))
    assert finding.needs == ("previous_hepatectomy", "contrast_reflux")
    both = rule(band(W, either, answer("abutting_organs")))
    assert evaluate(both, known(prior_radiation=True)).needs == ("abutting_organs",)


def test_a_band_without_conditions_always_holds() -> None:
    assert evaluate(rule(band(INFO)), NOTHING).severity is INFO


def test_missing_names_what_needs_to_be_entered() -> None:
    reason = Measurement(TUMOR_GY, missing_because="no image is given", needs=("sessions.image",))
    finding = evaluate(TUMOR_DOSE, Known([reason, Measurement(RESERVE, 0.5)]))
    assert finding.needs == ("sessions.image",)
    assert "lowest mean tumor dose (no image is given)" in finding.message


# Where the source showed a rule


LIMITED = rule(
    band(W, condition(NTAD_GY, "above", 120.0)),
    band(T, condition(NTAD_GY, "at_most", 88.0)),
    established_for=(condition("child_pugh_class", "is", "A"),),
)


@pytest.mark.parametrize(
    ("child_pugh", "dose_gy", "outcome", "severity"),
    [
        ("A", 130.0, "not_met", W),
        ("A", 80.0, "not_met", T),
        ("A", 100.0, "met", None),
        ("B", 130.0, "not_met", W),
        ("B", 80.0, "not_applicable", None),
        ("B", 100.0, "not_applicable", None),
    ],
)
def test_beyond_its_patients_a_limit_still_warns_but_never_passes(
    child_pugh: str, dose_gy: float, outcome: str, severity: Severity | None
) -> None:
    finding = evaluate(LIMITED, known(child_pugh_class=child_pugh, ntad_gy=dose_gy))
    assert (finding.outcome, finding.severity) == (outcome, severity)
    assert bool(finding.remarks) is (child_pugh == "B")


def test_not_knowing_whether_a_patient_is_among_them_leaves_only_warnings_certain() -> None:
    assert evaluate(LIMITED, known(ntad_gy=130.0)).severity is W
    assert evaluate(LIMITED, known(ntad_gy=130.0)).is_complete
    low = evaluate(LIMITED, known(ntad_gy=80.0))
    assert (low.outcome, low.at_stake, low.needs) == (Outcome.NOT_EVALUABLE, T, ("child_pugh_class",))
    fitting = evaluate(LIMITED, known(ntad_gy=100.0))
    assert (fitting.outcome, fitting.at_stake) == (Outcome.NOT_EVALUABLE, None)


def test_beyond_its_patients_a_note_that_holds_first_does_not_give_way_to_a_later_warning() -> None:
    ordered = replace(
        LIMITED, bands=(band(INFO, condition(NTAD_GY, "below", 80.0)), band(W, condition(NTAD_GY, "below", 100.0)))
    )
    assert evaluate(ordered, known(child_pugh_class="B", ntad_gy=70.0)).outcome is Outcome.NOT_APPLICABLE
    assert evaluate(ordered, known(child_pugh_class="B", ntad_gy=90.0)).severity is W


def test_a_dose_too_high_is_said_beyond_its_patients_even_as_a_note() -> None:
    """Worse liver, more words: what is said of Child-Pugh A is said of B as well."""
    noted = replace(LIMITED, bands=(band(INFO, condition(NTAD_GY, "above", 110.0)),))
    beyond = evaluate(noted, known(child_pugh_class="B", ntad_gy=120.0))
    assert beyond.severity is INFO and "only for: Child-Pugh class is A" in beyond.remarks[0]


def test_the_reason_beyond_its_patients_is_named() -> None:
    finding = evaluate(LIMITED, known(child_pugh_class="B", ntad_gy=100.0))
    assert "Child-Pugh class is A" in finding.message and "B" in finding.message


# Remarks, items, scenarios


def test_a_remark_stands_beside_a_finding_only_when_it_is_known_to_hold() -> None:
    said = Remark((condition("common_treatment_day", "above", 3),), "Treated on {value}, not on {limit}.")
    remarked = replace(TUMOR_DOSE, remarks=(said,))
    late = evaluate(remarked, known(tumor_gy=300.0, reserve=0.4, common_treatment_day=4))
    assert late.outcome is Outcome.MET
    assert late.remarks == ("Treated on week 1 Thursday, not on week 1 Wednesday.",)
    assert evaluate(remarked, known(tumor_gy=300.0, reserve=0.4, common_treatment_day=3)).remarks == ()
    assert evaluate(remarked, known(tumor_gy=300.0, reserve=0.4)).remarks == ()


def test_only_the_rules_of_the_scenario_are_judged() -> None:
    general, third, fourth = (
        rule(band(INFO), rule_id="G", scenarios=ALL_SCENARIOS),
        rule(band(INFO), rule_id="3", scenarios=(3,)),
        rule(band(INFO), rule_id="4", scenarios=(4,)),
    )
    ids = {
        scenario: {f.rule.id for f in judge(book(general, third, fourth), [], scenario)} for scenario in (3, 4, None)
    }
    assert ids == {3: {"G", "3"}, 4: {"G", "4"}, None: {"G"}}


def test_the_scenario_is_known_to_the_rules() -> None:
    about_three = rule(band(W, condition("scenario", "is", 3)), scenarios=ALL_SCENARIOS)
    assert judge(book(about_three), [], 3)[0].severity is W
    assert judge(book(about_three), [], 4)[0].outcome is Outcome.MET
    assert judge(book(about_three), [], None)[0].outcome is Outcome.NOT_EVALUABLE
    stated = Measurement("scenario", missing_because="not chosen")
    assert judge(book(about_three), [stated], 3)[0].severity is W


def test_behind_a_closed_gate_nothing_is_judged() -> None:
    gate = rule(band(C, condition("device", "is", "resin")), rule_id="G", gate=True)
    inside = rule(band(W, answer("previous_hepatectomy")))
    closed = judge(book(gate, inside), [Measurement("device", "resin"), Measurement("previous_hepatectomy", True)], 3)
    assert [(f.rule.id, f.outcome) for f in closed] == [("G", "not_met"), ("X-1", "not_applicable")]
    assert "because G is not met" in closed[1].message
    unknown = judge(book(gate, inside), [Measurement("previous_hepatectomy", True)], 3)
    assert {f.rule.id: f.outcome for f in unknown} == {"G": "not_evaluable", "X-1": "not_met"}


def test_a_finding_brings_in_rules_of_another_scenario_once() -> None:
    route = rule(band(INFO, answer("abutting_organs"), then=("A", "A", "B", "OWN")), rule_id="R")
    own = rule(band(W), rule_id="OWN")
    others = [rule(band(W), rule_id=name, scenarios=(2,)) for name in ("A", "B", "NOT")]
    findings = judge(book(route, own, *others), [Measurement("abutting_organs", True)], 3)
    assert sorted((f.rule.id, f.via) for f in findings) == [("A", "R"), ("B", "R"), ("OWN", ""), ("R", "")]
    assert {f.rule.id for f in judge(book(route, own, *others), [], 3)} == {"R", "OWN"}


def test_findings_come_gravest_first() -> None:
    names = ["previous_hepatectomy", "prior_radiation", "abutting_organs", "contrast_reflux"]
    values = [Measurement(name, True) for name in names[:3]]
    rules = [
        rule(band(INFO, answer(names[0])), rule_id="information"),
        rule(band(T, answer(names[1])), rule_id="target"),
        rule(band(C, answer(names[2])), rule_id="contraindication"),
        rule(band(C, answer(names[3])), rule_id="perhaps contraindication"),
        rule(band(INFO, answer(names[3])), rule_id="perhaps information"),
        rule(band(W, condition("device", "is", "resin")), rule_id="met"),
        rule(band(W), when=(condition("device", "is", "resin"),), rule_id="not applicable"),
        rule(band(W, answer(names[0])), rule_id="warning"),
        MILDER_EXCEPTION,
        rule(band(W, condition("device", "is", "resin")), when=(answer(names[3]),), rule_id="no harm possible"),
    ]
    values += [Measurement("device", "glass"), Measurement("child_pugh_score", 9)]
    assert [f.rule.id for f in judge(book(*rules), values, 3)] == [
        "contraindication",
        "perhaps contraindication",
        "X-1",
        "warning",
        "target",
        "information",
        "perhaps information",
        "no harm possible",
        "met",
        "not applicable",
    ]


# The verdict


def verdict_of(*findings: Finding) -> tuple[object, ...]:
    found = verdict(findings)
    return found.worst, found.targets_met, found.targets_total, found.not_evaluable, found.judged_total, found.is_clear


MET = evaluate(TUMOR_DOSE, known(tumor_gy=300.0, reserve=0.4))
BELOW_WISH = evaluate(TUMOR_DOSE, known(tumor_gy=230.0, reserve=0.4))
MISSED = evaluate(TUMOR_DOSE, known(tumor_gy=130.0, reserve=0.4))
OPEN = evaluate(TUMOR_DOSE, known(reserve=0.4))
OUTSIDE = evaluate(TUMOR_DOSE, known(reserve=0.1))
WARNED = evaluate(LIMITED, known(ntad_gy=130.0, child_pugh_class="A"))
PARTLY = evaluate(MILDER_EXCEPTION, known(child_pugh_score=9))


def test_the_verdict_is_clear_only_when_all_is_known_and_met() -> None:
    assert verdict_of(MET) == (None, 1, 1, 0, 1, True)
    assert verdict_of(MET, OUTSIDE) == (None, 1, 1, 0, 1, True)
    assert verdict_of(MET, BELOW_WISH) == (INFO, 2, 2, 0, 2, True)
    assert verdict_of(MET, MISSED) == (T, 1, 2, 0, 2, False)
    assert verdict_of(MET, OPEN) == (None, 1, 2, 1, 2, False)
    assert verdict_of(MET, WARNED) == (W, 1, 2, 0, 2, False)
    assert verdict_of(MISSED, WARNED, BELOW_WISH) == (W, 1, 3, 0, 3, False)
    assert verdict_of(OUTSIDE) == (None, 0, 0, 0, 0, False)
    assert verdict_of() == (None, 0, 0, 0, 0, False)


def test_a_partly_certain_finding_needs_data_and_is_never_clear() -> None:
    assert verdict_of(MET, PARTLY) == (INFO, 1, 1, 1, 2, False)
    said = verdict([MET, PARTLY]).sentence
    assert "Not judged (1 recommendation, 1 of which could be a contraindication) for want of: " in said


def test_the_verdict_says_what_is_exceeded_what_is_missed_what_is_met_and_what_is_missing_in_this_order() -> None:
    found = verdict([WARNED, MET, OPEN, MISSED], ["The image is in kBq/mL"])
    assert [t.part for t in found.told] == ["input", "limit", "target", "met", "missing"]
    texts = [t.text for t in found.told]
    assert texts[0] == "Check the input first: The image is in kBq/mL."
    assert texts[1:3] == [f"Warning: {WARNED.message}", f"Target missed: {MISSED.message}"]
    assert "lowest mean tumor dose 300 Gy (at least 205 Gy and 250 Gy reached)" in texts[3]
    assert texts[4] == "Not judged (1 recommendation) for want of: lowest mean tumor dose."


def test_a_wish_that_is_not_reached_is_no_missed_target() -> None:
    (met,) = verdict([BELOW_WISH]).told
    assert met.text == "Met: lowest mean tumor dose 230 Gy (at least 205 Gy reached, 250 Gy not reached)."


def test_where_nothing_applies_nothing_is_said_to_be_met() -> None:
    assert verdict([OUTSIDE]).sentence == "" and not verdict([OUTSIDE]).is_clear
