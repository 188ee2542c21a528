"""The user's own numbers: in place of a rule's or a bound of their own, in window, vials and report alike."""

from __future__ import annotations

import math

import pytest
from prescribing_kit import LIMIT, as_planned_by_the_library, in_its_window, same
from Y90DosimetrySlicer import vialplans, windowview
from Y90DosimetrySlicer.ownnumbers import ASIDE, keyOfConstraint, numbersOf, ownKey, reportOptionsOf, setLimit

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import Side, plan_of


@pytest.fixture
def patient():
    return in_its_window()


def test_a_number_of_the_users_own_moves_the_window_and_can_be_reset(workflow, prescribe) -> None:
    parameters = workflow.parameters
    before = prescribe().window
    setLimit(parameters, LIMIT, 100.0)
    now = prescribe()
    assert now.window.is_empty and now.window.high_gbq == pytest.approx(before.high_gbq * 100 / 120)
    overrides, _own = numbersOf(parameters.limits)
    same(now.window, as_planned_by_the_library(workflow, overrides).windows[0])
    text = " ".join(windowview.explanation(now))
    assert "changed by you from 120 Gy" in text
    setLimit(parameters, LIMIT, 120.0)
    assert dict(parameters.limits) == {}, "the rule's own number is no change"
    same(prescribe().window, before)


def test_a_constraint_can_be_set_aside(workflow, prescribe) -> None:
    before = prescribe().window.high_gbq
    setLimit(workflow.parameters, LIMIT, ASIDE)
    now = prescribe()
    assert now.window.high_gbq > before and now.constraints.set_aside
    assert keyOfConstraint(now.window.high_binding[0]) != LIMIT


def test_a_number_for_a_rule_of_another_scenario_is_kept_and_named(workflow, prescribe) -> None:
    setLimit(workflow.parameters, LIMIT, 100.0)
    workflow.parameters.scenario = 1
    now = prescribe()
    assert now.notUsed == (LIMIT,) and all(c.printed_gy is None for c in now.constraints.asked)
    workflow.parameters.scenario = 2
    assert prescribe().notUsed == ()


NORMAL, THROMBUS = "ntad_gy.multicompartment", "hepatic_vein_thrombus_dose_gy.multicompartment"


def test_a_bound_of_the_users_own_binds_like_a_rules_and_is_told_as_theirs(workflow, prescribe) -> None:
    parameters = workflow.parameters
    before = prescribe().window
    key = ownKey(NORMAL, Side.AT_MOST)
    setLimit(parameters, key, 117.0)
    now = prescribe()
    (binding,) = now.window.high_binding
    assert now.window.high_gbq == pytest.approx(before.high_gbq * 117 / 120), "doses are linear in the activity"
    assert keyOfConstraint(binding) == key and binding.kind == "limit"
    assert "Perfused normal ≤ 117 Gy (your own)" in " ".join(windowview.explanation(now))
    assert "Perfused normal ≤ 117 Gy, yours" in [mark.text for mark in windowview.trackOf(now).marks]
    schedule, _moment = vialplans.scheduleOf(parameters, now)
    assert [bound.limit_gy for bound in schedule.own] == [117.0], "vials keep it too"
    setLimit(parameters, key, None)
    same(prescribe().window, before)


def test_a_bound_on_a_dose_that_is_missing_is_kept_and_named_and_the_window_stays(workflow, prescribe) -> None:
    before = prescribe().window
    setLimit(workflow.parameters, ownKey(THROMBUS, Side.AT_LEAST), 205.0)
    now = prescribe()
    same(now.window, before)
    (unused,) = now.constraints.unused
    assert now.notUsed == (ownKey(THROMBUS, Side.AT_LEAST),)
    assert "at least 205 Gy does not count here: is missing" in unused.text


def test_the_report_plans_with_the_numbers_of_the_panel(workflow, prescribe) -> None:
    parameters = workflow.parameters
    setLimit(parameters, LIMIT, 118.0)
    setLimit(parameters, ownKey(NORMAL, Side.AT_MOST), 117.0)
    setLimit(parameters, "S1-DOSE-01:400", 350.0)
    parameters.stated["calibration_fraction"] = "0.05"
    parameters.prescription.day = "2026-03-05"
    plan = plan_of(workflow.prepare(), reportOptionsOf(parameters))
    same(plan.windows[0], prescribe().window)
    assert [d.isoformat() for d in plan.days] == ["2026-03-05"]
    assert "118 Gy (set by the user; the rule says 120 Gy)" in " ".join(c.name for c in plan.constraints.asked)
    assert any(c.rule is None and c.bounds[0].limit_gy == 117.0 for c in plan.constraints.asked)
    assert not isinstance(plan.intervals, Missing) and plan.ends
    assert any("S1-DOSE-01 (400 Gy) does not count here" in note for note in plan.notes)
    vials = vialplans.vialPlans(parameters, prescribe())
    assert [row.vial for row in vials.rows] == [opening.vial for opening in plan.openings]


@pytest.mark.parametrize("limit", [0.0, -5.0, math.nan])
def test_a_limit_that_is_no_dose_is_refused(workflow, limit) -> None:
    with pytest.raises(InputError):
        setLimit(workflow.parameters, LIMIT, limit)
    assert dict(workflow.parameters.limits) == {}
