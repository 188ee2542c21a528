"""How sure the ends of a window are, and each stated input alone against a Monte Carlo of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import erf, sqrt

import pytest
from planning_kit import RESIDUAL, SHUNT, asked, at_least, at_most, hand_case, line, phantom_case

from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import (
    DoseInterval,
    PlanOptions,
    Recovery,
    Side,
    StatedInputs,
    intervals,
    monte_carlo,
    plan_of,
    safety_of,
    window,
    window_ends,
)
from Y90DosimetryLib.planning.dose_lines import DoseLines
from Y90DosimetryLib.planning.ends import nowhere_safe
from Y90DosimetryLib.planning.prescription import Ray
from Y90DosimetryLib.planning.uncertainty import Contribution

NTAD, TUMOR = "ntad_gy.multicompartment", "tumor_dose_gy.multicompartment"
ONE = Ray((0.0,), (1.0,))


def interval(name: str, dose_gy: float, sd_gy: float, about: str = "", stated_gy: float = 0.0) -> DoseInterval:
    return DoseInterval(name, about, dose_gy, sd_gy, (), stated_gy)


def lines_of(*found) -> DoseLines:
    engine = phantom_case()
    plan = plan_of(engine)
    return replace(plan.lines, entered_gbq=(2.0,), labels=("one",), lines={(x.measure_id, x.about): x for x in found})


def ends_of(constraints, *found):
    lines = lines_of()
    return window_ends(window(lines, asked(*constraints), ONE), found, ONE)


def test_an_end_has_the_relative_uncertainty_of_the_dose_that_binds_it() -> None:
    """40 Gy/GBq known to 10 %: 120 Gy are reached at 3 GBq, give or take 0.3."""
    (top,) = ends_of([at_most(120.0, line(40.0))], interval(NTAD, 80.0, 8.0))
    assert (top.side, top.activity_gbq, top.sd_gbq) == (Side.AT_MOST, pytest.approx(3.0), pytest.approx(0.3))
    assert (top.low_gbq, top.high_gbq) == (pytest.approx(2.4), pytest.approx(3.6))
    assert top.sure_gbq == pytest.approx(3.0 / 1.2), "D + 2 u(D) = 120 Gy at 100 Gy"
    assert "safely kept (97.7 %) up to 2.500 GBq" in top.text


def test_a_target_is_safe_only_above_the_lower_end_and_an_unsure_one_nowhere() -> None:
    need = at_least(200.0, line(100.0, name=TUMOR, about="Tumor"))
    (low,) = ends_of([need], interval(TUMOR, 200.0, 20.0, "Tumor"))
    assert (low.activity_gbq, low.sure_gbq) == (pytest.approx(2.0), pytest.approx(2.0 / 0.8))
    (vague,) = ends_of([need], interval(TUMOR, 200.0, 100.0, "Tumor"))
    assert vague.sure_gbq == float("inf") and "no activity keeps it safely" in vague.text


def shared(name: str, dose_gy: float, about: str = "", **sd_fractions: float) -> DoseInterval:
    """A dose whose uncertainty comes from named inputs, each a fraction of it."""
    parts = tuple(Contribution(factor, dose_gy * sd, 0.0) for factor, sd in sd_fractions.items())
    return DoseInterval(name, about, dose_gy, sqrt(sum(p.variance for p in parts)), parts)


def test_where_the_safe_ends_cross_the_input_that_would_open_them_is_named_with_how_well_it_must_be_known() -> None:
    """From 2 to 3 GBq, both doses to a fraction s: 2 / (1 - 2 s) = 3 / (1 + 2 s) at s = 0.1, half of the stated 0.2."""
    both = window(
        lines_of(), asked(at_least(200.0, line(100.0, name=TUMOR, about="Tumor")), at_most(120.0, line(40.0))), ONE
    )

    def said(tumor: dict[str, float], liver: dict[str, float]) -> str:
        return nowhere_safe(both, [shared(TUMOR, 200.0, "Tumor", **tumor), shared(NTAD, 80.0, **liver)], ONE)

    assert said({"calibration": 0.09}, {"calibration": 0.09}) == ""
    words = said({"calibration": 0.2}, {"calibration": 0.2})
    assert "No activity is safely inside" in words
    assert "safe only from 3.334 GBq" in words and "only up to 2.142 GBq" in words
    assert "One would be safe with calibration known to 50 % of its stated uncertainty." in words
    several = said({"calibration": 0.2, "contour": 0.2}, {"calibration": 0.2, "contour": 0.2})
    assert several.endswith("No single input, even known exactly, would make one safe; calibration matters most.")
    nowhere = said({"calibration": 0.6}, {"calibration": 0.01})
    assert "is safe at no activity" in nowhere


def test_another_constraint_may_be_the_one_that_is_not_safe_at_the_end() -> None:
    sharp, vague = at_most(120.0, line(40.0)), at_most(130.0, line(40.0, name=TUMOR, about="x"))
    (top,) = ends_of([sharp, vague], interval(NTAD, 80.0, 0.8), interval(TUMOR, 80.0, 24.0, "x"))
    assert top.constraint == sharp and top.sure_constraint == vague
    assert top.sure_gbq == pytest.approx(130.0 / 1.6 / 40)


def test_of_several_targets_the_one_that_needs_most_to_be_safe_counts() -> None:
    one, two = (at_least(200.0, line(gy, name=TUMOR, about=name)) for gy, name in ((100.0, "a"), (110.0, "b")))
    (low,) = ends_of([one, two], interval(TUMOR, 200.0, 2.0, "a"), interval(TUMOR, 220.0, 44.0, "b"))
    assert low.constraint == one and low.sure_constraint == two
    assert low.sure_gbq == pytest.approx(200.0 / 0.6 / 110)


def test_at_the_safe_activity_the_constraint_is_kept_with_the_probability_it_says() -> None:
    engine = phantom_case()
    stated = StatedInputs(calibration_fraction=0.05, lung_shunt_fraction=0.01)
    plan = plan_of(engine, PlanOptions(stated=stated))
    assert {e.side for e in plan.ends} == {Side.AT_LEAST, Side.AT_MOST}
    for end in plan.ends:
        for activity_gbq, share in ((end.sure_gbq, (1 + erf(2 / sqrt(2))) / 2), (end.activity_gbq, 0.5)):
            constraint = end.sure_constraint if share > 0.5 else end.constraint
            (safe,) = safety_of([constraint], plan.intervals, (activity_gbq,))
            assert safe.probability_share == pytest.approx(share, abs=1e-6)


def test_without_stated_inputs_no_end_has_an_interval() -> None:
    plan = plan_of(phantom_case())
    assert plan.ends == () and isinstance(plan.intervals, Missing)


def test_a_stated_dose_of_earlier_treatments_adds_to_the_lungs_but_not_to_their_uncertainty() -> None:
    facts = {"diagnosis": "hcc", "device": "glass", "previous_y90": True, "earlier_lung_dose_gy": 20.0}
    case = hand_case(facts=facts)
    plan = plan_of(Engine.prepare(case), PlanOptions(stated=StatedInputs(calibration_fraction=0.10)))
    by_name = {i.measure_id: i for i in plan.intervals}
    here, all_gy = by_name["lung_dose_gy.case"], by_name["lung_dose_gy.cumulative"]
    assert here.dose_gy == pytest.approx(50 * 2.0 * (1 - RESIDUAL) * SHUNT)
    assert all_gy.dose_gy == pytest.approx(here.dose_gy + 20.0) and all_gy.sd_gy == here.sd_gy
    (safe,) = [s for s in plan.safety if "earlier treatments" in s.constraint.text]
    assert safe.sd_gy == pytest.approx(0.10 * here.dose_gy, rel=1e-3)
    (double,) = safety_of([safe.constraint], plan.intervals, (4.0,))
    assert double.sd_gy == pytest.approx(2 * safe.sd_gy, rel=1e-6), "the stated 20 Gy do not grow with the activity"


EACH = {
    "contour, of its voxel": {"contour_voxel_fraction": 0.3},
    "contour, of the resolution": {"contour_resolution_fraction": 0.1, "resolution_mm": 12.0},
    "counts": {"events_per_value_ratio": 1.0},
    "recovery": {"recovery": Recovery(3.0, 1.2, 0.5, 0.1)},
    "lung shunt": {"lung_shunt_fraction": 0.01},
    "residual": {"residual_fraction": 0.005},
    "T:N": {"tumor_to_normal_fraction": 0.15},
    "calibration": {"calibration_fraction": 0.05},
    "density": {"density_fraction": 0.02},
    "registration": {"registration_mm": 2.0},
}


@cache
def with_ratio():
    """The lobectomy with a T:N ratio that the user gives."""
    engine = phantom_case()
    case = engine.case
    infusion = replace(case.sessions[0].infusions[0], tumor_to_normal_ratio=3.2)
    return engine.at(replace(case, sessions=(replace(case.sessions[0], infusions=(infusion,)),)))


@pytest.mark.parametrize("name", EACH)
def test_each_input_alone_agrees_with_its_monte_carlo_within_15_percent(name) -> None:
    """Where an input makes less than a thousandth of a dose, nothing is asked of the agreement."""
    engine = with_ratio()
    stated = StatedInputs(**EACH[name])
    found = {(i.measure_id, i.about): i for i in intervals(engine, stated)}
    heavy = name.startswith(("contour", "registration", "counts"))
    sampled = monte_carlo(engine, stated, samples=100 if heavy else 200, seed=5)
    seen = 0
    for key, one in found.items():
        if max(one.sd_gy, sampled.sd_gy(key)) < 1e-3 * one.dose_gy:
            continue
        assert one.sd_gy == pytest.approx(sampled.sd_gy(key), rel=0.15), (name, key)
        seen += 1
    assert seen >= (2 if name == "T:N" else 4)
