"""The window of activities: hand arithmetic, brute force, what binds, what conflicts, where its limits come from."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_kit import (
    CHILD_PUGH_A,
    DENSITY_KG_ML,
    FACTS,
    RESIDUAL,
    SHUNT,
    TUMOR_RATIO,
    K,
    asked,
    at_least,
    at_most,
    hand_case,
    infusion,
    line,
    lines_of,
    phantom_case,
)

from Y90DosimetryLib.case import Basis, Session
from Y90DosimetryLib.dosimetry.mird import activity_for_dose_gbq
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import Severity, judge, load_rules
from Y90DosimetryLib.guidelines.rule import Condition
from Y90DosimetryLib.planning import Override, OwnBound, PlanOptions, Side, constraints_of, plan_of, window
from Y90DosimetryLib.planning.constraints import Constraint
from Y90DosimetryLib.planning.dose_lines import known_at, with_activities
from Y90DosimetryLib.planning.prescription import Ray
from Y90DosimetryLib.planning.text import as_text

RULES = load_rules()
ONE = Ray((0.0,), (1.0,))
LINES = lines_of(hand_case())


def window_of(case, **more):
    lines = lines_of(case)
    return window(lines, constraints_of(lines, RULES, **more))


def limit_in_rules(rule_id: str, measure_id: str) -> list[float]:
    """The numbers of a rule about one dose, from its data."""
    bands = RULES[rule_id].bands
    found = [c for b in bands for r in b.when for c in r.conditions() if isinstance(c, Condition)]
    return [float(c.limit) for c in found if c.measure_id == measure_id]


def names(constraints) -> list[str]:
    return [c.rule.id for c in constraints]


# By hand


def test_a_segmentectomy_needs_the_activity_of_the_inverse_single_compartment_formula() -> None:
    found = window_of(hand_case(1, with_image=False))
    (target_gy,) = limit_in_rules("S1-DOSE-01", "perfused_dose_gy.single_compartment")
    by_hand = target_gy * 500 * DENSITY_KG_ML / (K * (1 - SHUNT) * (1 - RESIDUAL))
    assert found.low_gbq == pytest.approx(by_hand, rel=1e-12)
    assert found.low_gbq == pytest.approx(activity_for_dose_gbq(target_gy, 515.0, RESIDUAL, SHUNT, K), rel=1e-12)
    assert names(found.low_binding) == ["S1-DOSE-01"]


def test_the_lungs_limit_the_activity_and_without_a_shunt_nothing_does() -> None:
    found = window_of(hand_case(1, with_image=False))
    assert found.high_gbq == pytest.approx(30.0 * 1.0 / (K * SHUNT * (1 - RESIDUAL)), rel=1e-12)
    assert names(found.high_binding) == ["LUNG-01"]
    without = window_of(hand_case(1, with_image=False, shunt=0.0))
    assert without.high_gbq == math.inf and without.high_binding == () and not without.is_empty


def test_an_unknown_shunt_is_an_open_question_and_never_a_window() -> None:
    lines = lines_of(hand_case(1, with_image=False, shunt=None))
    constraints = constraints_of(lines, RULES)
    assert constraints.asked == ()
    needs = {q.rule.id: q.needs for q in constraints.open_questions}
    assert all("lung_shunt_fraction" in needs[rule_id] for rule_id in ("S1-DOSE-01", "LUNG-01"))
    assert "the lung shunt fraction is unknown" in window(lines, constraints).why_empty


@pytest.mark.parametrize(
    ("scenario", "facts", "reason"),
    [
        (None, FACTS, "no scenario is chosen"),
        (2, {**FACTS, "diagnosis": "cholangiocarcinoma"}, "the diagnosis here is cholangiocarcinoma"),
        (2, {**FACTS, "device": "resin"}, "the device here is resin"),
    ],
)
def test_without_a_target_in_force_nothing_is_planned_and_the_label_still_limits(
    scenario: int | None, facts: dict[str, object], reason: str
) -> None:
    found = plan_of(Engine.prepare(hand_case(scenario, facts=facts)))
    assert found.split.is_empty and not found.split.holds(1.0) and reason in found.split.why_empty
    assert found.vials == found.openings == found.combinations == ()
    assert {c.rule.id for c in found.constraints.asked} == {"LUNG-01", "LUNG-02"}
    said = as_text(found)
    assert reason in said and "lie inside" not in said and "*" not in said


def test_tumor_and_normal_liver_follow_the_partition_formulas_by_hand() -> None:
    lines = lines_of(hand_case())
    liver_gbq = (1 - RESIDUAL) * (1 - SHUNT)
    normal = K * liver_gbq / ((452 + TUMOR_RATIO * 48) * DENSITY_KG_ML)
    (ntad,) = lines.get("ntad_gy.multicompartment")
    (tumor,) = lines.get("tumor_lowest_dose_gy.multicompartment")
    assert ntad.per_activity_gy_per_gbq[0] == pytest.approx(normal, rel=1e-6)
    assert tumor.per_activity_gy_per_gbq[0] == pytest.approx(TUMOR_RATIO * normal, rel=1e-6)
    lung, whole = lines.get("lung_dose_gy.case")[0], lines.get("whole_liver_dose_gy.single_compartment")[0]
    energy = lung.dose_gy([2.0]) * 1.0 + whole.dose_gy([2.0]) * 1000 * DENSITY_KG_ML
    assert energy == pytest.approx(K * 2.0 * (1 - RESIDUAL), rel=1e-12)


def test_the_doses_at_the_ends_of_the_window_are_the_limits_that_bind() -> None:
    engine = phantom_case()
    case = engine.case
    plan = plan_of(engine)
    (one,) = plan.windows
    assert not one.is_empty and 0 < one.low_gbq < one.high_gbq < math.inf
    for activity_gbq, binding in ((one.low_gbq, one.low_binding), (one.high_gbq, one.high_binding)):
        known = known_at(engine, with_activities(case, "Plan", [activity_gbq]), RULES)
        for bounds in (constraint.bounds for constraint in binding):
            judged = [known.get(b.line.measure_id, b.line.about).value for b in bounds]
            limits = [pytest.approx(b.limit_gy, rel=1e-9) for b in bounds]
            assert any(value == limit for value, limit in zip(judged, limits, strict=True))


def test_every_activity_is_in_the_window_just_when_the_rules_judge_so() -> None:
    """The window against the rule engine itself, on a grid of activities across both ends."""
    engine = phantom_case()
    case = engine.case
    one = plan_of(engine).windows[0]
    for activity_gbq in np.linspace(0.5 * one.low_gbq, 2 * one.high_gbq, 25):
        known = known_at(engine, with_activities(case, "Plan", [float(activity_gbq)]), RULES)
        doses = [
            f
            for f in judge(RULES, known, 2)
            if any(c.measure.is_dose for r in f.rule.requirements() for c in r.conditions())
        ]
        broken = [f for f in doses if f.severity and f.severity is not Severity.INFORMATION]
        assert one.holds(float(activity_gbq)) == (not broken), activity_gbq


# Algebra


gy = st.floats(10.0, 400.0)
per_gbq = st.floats(1.0, 100.0)
already = st.floats(0.0, 60.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(gy, per_gbq, already), max_size=4),
    st.lists(st.tuples(gy, per_gbq, already), max_size=4),
)
def test_the_window_is_what_brute_force_finds(needs, caps) -> None:
    constraints = [at_least(d, line(g, already_gy=c)) for d, g, c in needs]
    constraints += [at_most(d, line(g, already_gy=c)) for d, g, c in caps]
    found = window(LINES, asked(*constraints), ONE)
    grid = np.linspace(0.001, 45.0, 900)
    kept = [a for a in grid if all(c.holds([a]) for c in constraints)]
    assert [a for a in grid if found.holds(a)] == kept
    assert found.is_empty or found.low_gbq <= found.high_gbq
    for constraint in (*found.low_binding, *found.high_binding):
        end = found.low_gbq if constraint in found.low_binding else found.high_gbq
        step = 1e-4 if constraint in found.high_binding else -1e-4
        beyond = end + step
        assert constraint.holds([end])
        assert not constraint.holds([beyond]), "a binding constraint is broken by any step further"


@settings(max_examples=40, deadline=None)
@given(gy, per_gbq, gy, per_gbq)
def test_a_conflict_says_by_how_much_each_would_have_to_give(need_gy, need_per, cap_gy, cap_per) -> None:
    need, cap = at_least(need_gy, line(need_per)), at_most(cap_gy, line(cap_per))
    found = window(LINES, asked(need, cap), ONE)
    if need_gy / need_per <= cap_gy / cap_per:
        assert found.conflict is None
        return
    told = found.conflict
    assert told is not None and (told.lower, told.upper) == (need, cap)
    eased = [
        at_least(need_gy - told.lower_gives_gy, line(need_per)),
        at_most(cap_gy + told.upper_gives_gy, line(cap_per)),
    ]
    assert not window(LINES, asked(eased[0], cap), ONE).conflict
    assert not window(LINES, asked(need, eased[1]), ONE).conflict
    half = at_least(need_gy - 0.5 * told.lower_gives_gy, line(need_per))
    if told.lower_gives_gy > 1e-3:
        assert window(LINES, asked(half, cap), ONE).conflict


def test_a_limit_that_must_not_be_reached_is_outside() -> None:
    closed = window(LINES, asked(at_most(100.0, line(50.0))), ONE)
    opened = window(LINES, asked(at_most(100.0, line(50.0), is_open=True)), ONE)
    assert closed.holds(2.0) and not opened.holds(2.0) and opened.holds(1.999)


def test_of_two_ways_to_keep_a_rule_the_wider_counts() -> None:
    found = window(LINES, asked(at_most(100.0, line(50.0), line(20.0))), ONE)
    assert found.high_gbq == pytest.approx(5.0)


def test_a_dose_that_no_activity_changes_is_impossible_and_not_a_conflict() -> None:
    never = at_least(205.0, line(0.0, already_gy=100.0))
    already_over = at_most(90.0, line(10.0, already_gy=91.0))
    found = window(LINES, asked(never, already_over), ONE)
    assert found.is_empty and set(found.impossible) == {never, already_over} and found.conflict is None


def test_a_wish_shapes_no_window_but_is_told() -> None:
    wish = at_least(250.0, line(50.0), severity=Severity.INFORMATION)
    out_of_reach = at_least(900.0, line(50.0), severity=Severity.INFORMATION)
    found = window(LINES, asked(at_most(400.0, line(50.0)), wish, out_of_reach), ONE)
    assert (found.low_gbq, found.high_gbq) == (0.0, pytest.approx(8.0))
    assert (found.wished_low_gbq, found.unfulfilled_wishes) == (pytest.approx(5.0), (out_of_reach,))


# Where the limits come from


def test_every_number_of_a_constraint_stands_in_the_rules() -> None:
    for scenario in (1, 2, 3, 4, 5):
        constraints = constraints_of(lines_of(hand_case(scenario)), RULES)
        assert constraints.asked
        for constraint in constraints.asked:
            for bound in constraint.bounds:
                printed = {c.limit for r in constraint.rule.requirements() for c in r.conditions() if c.measure.is_dose}
                assert bound.limit_gy in printed, constraint.name


def test_more_than_and_less_than_keep_their_limit_outside_as_the_rules_do() -> None:
    found = constraints_of(lines_of(hand_case()), RULES).asked
    opened = {(c.rule.id, b.limit_gy): b.is_open for c in found for b in c.bounds}
    assert opened["S2-DOSE-03", 88.0] and opened["C0-DOSE-02", 150.0] and opened["C0-DOSE-01", 250.0]
    assert not opened["S2-DOSE-02", 120.0] and not opened["S2-DOSE-01", 205.0]


def test_bilirubin_decides_between_the_two_limits_of_the_whole_normal_liver() -> None:
    def limits(umol_l: float) -> set[float]:
        lines = lines_of(hand_case(patient=replace(CHILD_PUGH_A, bilirubin_umol_l=umol_l)))
        found = constraints_of(lines, RULES).asked
        return {c.bounds[0].limit_gy for c in found if c.rule.id == "S2-DOSE-04"}

    low, high = sorted(set(limit_in_rules("S2-DOSE-04", "whole_normal_liver_dose_gy.multicompartment")))
    assert limits(18.8) == {high}
    assert limits(18.81) == {low, high}  # 1.1 mg/dL


def test_without_bilirubin_the_stricter_limit_is_an_open_question_with_its_number() -> None:
    lines = lines_of(hand_case(patient=replace(CHILD_PUGH_A, bilirubin_umol_l=None)))
    found = constraints_of(lines, RULES)
    (question,) = [q for q in found.open_questions if q.rule.id == "S2-DOSE-04" and q.severity is Severity.WARNING]
    assert question.bounds[0].limit_gy == 50.0 and "Bilirubin" in question.because


def test_a_target_needs_the_patients_it_was_shown_for_and_a_limit_does_not() -> None:
    b = replace(CHILD_PUGH_A, bilirubin_umol_l=40.0, albumin_g_l=30.0)
    found = constraints_of(lines_of(hand_case(patient=b)), RULES)
    asked_by = {c.rule.id for c in found.asked}
    assert "S2-DOSE-01" not in asked_by and "S2-DOSE-03" not in asked_by
    assert {"S2-DOSE-02", "S2-DOSE-04"} <= asked_by


def test_in_scenario_3_the_limit_that_is_investigational_there_is_a_wish() -> None:
    found = constraints_of(lines_of(hand_case(3)), RULES).asked
    of_whole = [c for c in found if c.rule.id == "S2-DOSE-04"]
    assert of_whole and all(c.is_wish for c in of_whole)


def test_a_higher_lobar_dose_is_allowed_on_wednesday_only() -> None:
    wednesday = hand_case(with_image=False)
    thursday = replace(wednesday, sessions=tuple(_a_day_later(s) for s in wednesday.sessions))
    most = {}
    for case in (wednesday, thursday):
        lines = lines_of(case)
        found = window(lines, constraints_of(lines, RULES)).allowances
        of_rule = [a for a in found if a.constraint.rule.id == "S2-DOSE-05" and a.most_gbq < math.inf]
        most[case.sessions[0].infusions[0].given_at.day] = min(
            a.by.line.dose_gy([a.most_gbq]) if len(a.constraint.bounds) == 1 else math.inf for a in of_rule
        )
    assert most[4] == math.inf and most[5] == pytest.approx(150.0)


def _a_day_later(session: Session) -> Session:
    later = [replace(i, given_at=i.given_at + timedelta(days=1)) for i in session.infusions]
    return replace(session, infusions=tuple(later))


def test_what_earlier_sessions_gave_is_taken_off_every_limit_and_off_no_target() -> None:
    first = Session("First", (infusion("Right", "Right lobe", 0.6),), hand_case().sessions[0].image, Basis.DELIVERED)
    alone, after = window_of(hand_case(facts=FACTS)), window_of(hand_case(earlier=(first,)))
    by_rule = {a.constraint.name: a for a in alone.allowances}
    compared = 0
    for a in after.allowances:
        before = next((b for n, b in by_rule.items() if n == a.constraint.name), None)
        if before is None or a.constraint.rule.id == "LUNG-01":
            continue
        if before.most_gbq < math.inf:
            assert a.most_gbq == pytest.approx(before.most_gbq - 0.6, rel=1e-9)
            compared += 1
        elif before.least_gbq > 0:
            assert a.least_gbq == pytest.approx(before.least_gbq, rel=1e-9), "two halves are no whole"
            compared += 1
    assert compared >= 6


# What the user may change


def test_another_number_replaces_the_rules_and_stays_visible() -> None:
    found = window_of(hand_case(), overrides=(Override("S2-DOSE-02", 100.0),))
    (changed,) = [c.constraint for c in found.allowances if c.constraint.rule and c.constraint.rule.id == "S2-DOSE-02"]
    assert (changed.bounds[0].limit_gy, changed.printed_gy) == (100.0, 120.0)
    assert "set by the user" in changed.name and "120" in changed.name


def test_a_number_of_ones_own_holds_also_where_another_rule_has_it_as_its_alternative() -> None:
    numbers = (Override("S2-DOSE-02", 60.0), Override("S2-DOSE-04", 40.0, 90.0))
    asked_of = [c for c in constraints_of(LINES, RULES, overrides=numbers).hard if c.rule is not None]
    either = [c for c in asked_of if c.rule.id in {"S2-DOSE-02", "S2-DOSE-04"}]
    perfused, whole = (
        LINES.get(f"{name}.multicompartment", "")[0] for name in ("ntad_gy", "whole_normal_liver_dose_gy")
    )
    for gbq in np.linspace(0.05, 8.0, 160):
        may = perfused.dose_gy([gbq]) <= 60 or whole.dose_gy([gbq]) <= 40
        assert all(c.holds([gbq]) for c in either) == may, f"at {gbq:.2f} GBq"
    assert len(either) == 2 and all("(not " in c.name or "set by the user" in c.name for c in either)
    assert any("at most 40 Gy (not 90 Gy, set by the user)" in c.name for c in either)


def test_a_rule_set_aside_is_listed() -> None:
    lines = lines_of(hand_case())
    found = constraints_of(lines, RULES, overrides=(Override("C0-DOSE-01", None, 250.0),))
    assert all(c.rule.id != "C0-DOSE-01" or c.bounds[0].limit_gy != 250.0 for c in found.asked)
    assert any("C0-DOSE-01" in text for text in found.set_aside)


def test_a_bound_of_ones_own_counts_like_a_rules() -> None:
    found = window_of(hand_case(), own=(OwnBound("ntad_gy.multicompartment", Side.AT_MOST, 70.0),))
    (own,) = [a for a in found.allowances if a.constraint.rule is None]
    assert own.by.line.dose_gy([own.most_gbq]) == pytest.approx(70.0)
    assert isinstance(own.constraint, Constraint) and own.constraint.name.startswith("your own")


def test_numbers_that_ask_nothing_here_are_listed_with_the_reason_where_they_are_kept() -> None:
    case, thrombus = hand_case(), OwnBound("pvtt_dose_gy.multicompartment", Side.AT_LEAST, 205.0)
    kept = (Override("S1-DOSE-01", 350.0, 400.0), Override("S2-DOSE-02", 110.0))
    found = constraints_of(lines_of(case), RULES, None, kept, (thrombus,), keeps_unused=True)
    assert [u.number for u in found.unused] == [kept[0], thrombus]
    assert "that rule asks for no such dose here" in found.unused[0].because
    assert "is missing" in found.unused[1].because
    assert any(c.printed_gy == 120.0 for c in found.asked), "what does ask something counts"
    plan = plan_of(Engine.prepare(case), PlanOptions(overrides=kept, own=(thrombus,), keeps_unused=True))
    assert [note for note in plan.notes if "does not count here" in note] == [u.text for u in found.unused]
    assert plan.split.high_gbq == window(plan.lines, found).high_gbq, "none of them is taken as kept or broken"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: window_of(hand_case(), own=(OwnBound("pvtt_dose_gy.multicompartment", Side.AT_MOST, 9.0),)),
            "missing",
        ),
        (lambda: window_of(hand_case(), overrides=(Override("S9-DOSE-01", 100.0),)), "no such rule"),
        (lambda: window_of(hand_case(), overrides=(Override("S1-DOSE-01", 100.0),)), "no such dose here"),
        (lambda: window_of(hand_case(), overrides=(Override("C0-DOSE-01", 220.0),)), "several numbers: 205, 250"),
        (lambda: Override("S2-DOSE-02", -1.0), "not above 0"),
        (lambda: OwnBound("ecog", Side.AT_MOST, 1.0), "no computed dose"),
        (lambda: lines_of(replace(hand_case(), sessions=())), "no planned session"),
        (lambda: plan_of(Engine.prepare(hand_case()), PlanOptions(session="Other")), "'Other' is not a plan"),
    ],
)
def test_what_is_impossible_is_refused_in_one_clear_message(make, says) -> None:
    with pytest.raises(InputError, match=says) as told:
        make()
    assert "\n" not in str(told.value)
