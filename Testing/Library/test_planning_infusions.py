"""Several infusions: the linear program against brute force, the picture's corners, and why a set is empty."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_kit import asked, at_least, at_most, hand_case, line, lines_of, phantom_case

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import Aim, Override, PlanOptions, constraints_of, feasible_set, plan_of, window
from Y90DosimetryLib.planning.infusions import TUMOR, WHOLE_NORMAL, best, choice, conflicts, relaxation, table
from Y90DosimetryLib.planning.prescription import fixed_split

RULES = load_rules()
LINES = lines_of(hand_case(4, both=True))
ROOMY = asked(
    *(at_least(150.0, one) for one in LINES.get(TUMOR)),
    at_most(95.0, *LINES.get(WHOLE_NORMAL)),
)


def grid_best(constraints, score) -> float:
    axis = np.linspace(0.0, 6.0, 121)
    scores = [score((a, b)) for a in axis for b in axis if all(c.holds((a, b)) for c in constraints.hard)]
    assert scores
    return max(scores)


def test_a_dose_of_one_half_does_not_depend_on_the_vial_of_the_other() -> None:
    by_tumor = {one.about: one.per_activity_gy_per_gbq for one in LINES.get(TUMOR)}
    right, left = by_tumor["Tumor 1"], by_tumor["Tumor 2"]
    assert right[0] > 0 and right[1] == 0 and left[0] == 0 and left[1] > 0


def test_the_best_choice_has_the_highest_lowest_tumor_dose_of_all() -> None:
    found = best(LINES, ROOMY)
    assert found.is_feasible

    def lowest(a):
        return LINES.lowest_gy(TUMOR, a)

    step_gy = 0.05 * max(max(one.per_activity_gy_per_gbq) for one in LINES.get(TUMOR))
    searched = grid_best(ROOMY, lowest)
    assert searched <= found.doses_gy[0] * (1 + 1e-6)
    assert found.doses_gy[0] - searched < step_gy
    doses = [one.dose_gy(found.activities_gbq) for one in LINES.get(TUMOR)]
    assert doses[0] == pytest.approx(doses[1], rel=1e-5), "activity is not spent on the tumor that has more"


def test_the_least_normal_dose_spends_no_more_than_the_targets_ask() -> None:
    found = best(LINES, ROOMY, Aim.LEAST_NORMAL)
    assert found.is_feasible
    for one in LINES.get(TUMOR):
        assert one.dose_gy(found.activities_gbq) == pytest.approx(150.0, rel=1e-6)
    assert -grid_best(ROOMY, lambda a: -LINES.lowest_gy(WHOLE_NORMAL, a)) >= found.doses_gy[2] * (1 - 1e-9)


def test_a_fixed_split_is_kept_and_ends_where_its_window_does() -> None:
    found = best(LINES, ROOMY, Aim.FIXED_SPLIT, (2.0, 1.0))
    right, left = found.activities_gbq
    assert right == pytest.approx(2 * left, rel=1e-9)
    along = window(LINES, ROOMY, fixed_split(LINES, (2.0, 1.0)))
    assert right + left == pytest.approx(along.high_gbq, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(5, 80), st.floats(5, 80), st.floats(20, 200)), min_size=1, max_size=3),
    st.lists(st.tuples(st.floats(5, 80), st.floats(5, 80), st.floats(20, 200)), min_size=1, max_size=3),
)
def test_relaxation_is_needed_just_where_no_activities_are_found(needs, caps) -> None:
    constraints = asked(*(at_least(d, line(a, b)) for a, b, d in needs), *(at_most(d, line(a, b)) for a, b, d in caps))
    axis = np.linspace(0.0, 45.0, 181)
    x, y = np.meshgrid(axis, axis)
    kept = np.ones_like(x, dtype=bool)
    for c in constraints.hard:
        (bound,) = c.bounds
        dose = bound.line.per_activity_gy_per_gbq[0] * x + bound.line.per_activity_gy_per_gbq[1] * y
        kept &= dose >= bound.limit_gy if bound.side == "at least" else dose <= bound.limit_gy
    give = relaxation(constraints)
    if kept.any():
        assert give is None
    elif give is not None:
        eased = asked(
            *(at_least(d * (1 - give.give_fraction), line(a, b)) for a, b, d in needs),
            *(at_most(d * (1 + give.give_fraction), line(a, b)) for a, b, d in caps),
        )
        assert all(
            c.holds([g * 1.0 for g in give.activities_gbq]) or _nearly(c, give.activities_gbq) for c in eased.hard
        )
    for told in conflicts(constraints):
        assert give is not None and told.lower_gives_gy > 0 and told.upper_gives_gy > 0


def _nearly(constraint, activities_gbq) -> bool:
    (bound,) = constraint.bounds
    return abs(bound.line.dose_gy(activities_gbq) - bound.limit_gy) < 1e-6 * bound.limit_gy


def test_the_corners_enclose_just_the_feasible_points_of_the_table() -> None:
    found = feasible_set(LINES, ROOMY, points=15)
    corners = np.array([*found.corners_gbq, found.corners_gbq[0]])
    for one in found.table:
        point = np.array(one.activities_gbq)
        sides = [(b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]) for a, b in pairwise(corners)]
        inside = min(sides) >= -1e-9 or max(sides) <= 1e-9
        assert inside == one.is_feasible, one.activities_gbq
    assert any(c.is_feasible for c in found.table) and not all(c.is_feasible for c in found.table)


def test_every_row_of_the_table_says_what_it_breaks() -> None:
    for one in table(LINES, ROOMY, 5):
        assert one == choice(LINES, ROOMY, one.activities_gbq)
        assert one.is_feasible == all(c.holds(one.activities_gbq) for c in ROOMY.hard)


def test_three_constraints_may_exclude_each_other_though_no_two_do() -> None:
    constraints = asked(
        at_least(100.0, line(50.0, 0.0)), at_least(100.0, line(0.0, 50.0)), at_most(90.0, line(25.0, 25.0))
    )
    assert conflicts(constraints) == ()
    give = relaxation(constraints)
    assert give is not None and len(give.giving) == 3
    assert give.give_fraction == pytest.approx(1 / 19, rel=1e-6)  # 100 (1 - s) = 90 (1 + s)


def test_the_bilobar_patient_has_a_reason_for_an_empty_set() -> None:
    engine = phantom_case("bilobar")
    plan = plan_of(engine, PlanOptions(overrides=(Override("S4-DOSE-01", 60.0, 70.0),)))
    assert plan.together is not None and isinstance(plan.together.best, Missing)
    assert plan.together.relaxation is not None
    assert {c.rule.id for c in plan.together.relaxation.giving} >= {"S4-DOSE-01"}


def test_without_any_upper_limit_the_best_is_missing_and_says_so() -> None:
    found = best(LINES, asked(at_least(100.0, *LINES.get(TUMOR)[:1])))
    assert isinstance(found, Missing) and "upward" in found.because


def test_without_a_tumor_there_is_no_best_and_the_reason_is_given() -> None:
    case = hand_case(4, both=True, with_image=False)
    lines = lines_of(case)
    found = best(lines, constraints_of(lines, RULES))
    assert isinstance(found, Missing) and "image" in found.needs


@pytest.mark.parametrize("shares", [(1.0,), (0.0, 0.0), (1.0, -1.0), (1.0, float("nan"))])
def test_an_impossible_split_is_refused(shares) -> None:
    with pytest.raises(InputError, match="split"):
        best(LINES, ROOMY, Aim.FIXED_SPLIT, shares)


def test_shares_without_a_fixed_split_are_refused() -> None:
    with pytest.raises(InputError, match="no fixed split"):
        plan_of(phantom_case("bilobar"), PlanOptions(split_fractions=(1.0, 1.0)))
