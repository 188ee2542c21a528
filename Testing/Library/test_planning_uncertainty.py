"""How sure a dose is: first-order propagation by hand formulas and against a Monte Carlo of the same inputs."""

from __future__ import annotations

from dataclasses import replace
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import RESIDUAL, SHUNT, hand_case, phantom_case
from scipy.ndimage import gaussian_filter

from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import (
    DoseInterval,
    PlanOptions,
    Recovery,
    StatedInputs,
    intervals,
    monte_carlo,
    plan_of,
    stated_from,
)
from Y90DosimetryLib.planning.surfaces import surface_of
from Y90DosimetryLib.planning.uncertainty import COUNTS
from Y90DosimetryLib.planning.worlds import GIVEN_RATIO
from Y90DosimetryLib.structures import Role, Structure

TUMOR, NORMAL = ("tumor_dose_gy.multicompartment", "Tumor 1"), ("ntad_gy.multicompartment", "")
PERFUSED, LUNGS = ("perfused_dose_gy.single_compartment", "Right"), ("lung_dose_gy.case", "")


def by_key(engine, **stated) -> dict[tuple[str, str], DoseInterval]:
    found = intervals(engine, StatedInputs(**stated))
    assert not isinstance(found, Missing)
    return {(i.measure_id, i.about): i for i in found}


def by_hand(**stated):
    case = hand_case()
    return by_key(Engine.prepare(case), **stated)


# By hand


@pytest.mark.parametrize(
    ("stated", "relative"),
    [
        ({"calibration_fraction": 0.05}, {TUMOR: 0.05, NORMAL: 0.05, PERFUSED: 0.05, LUNGS: 0.05}),
        ({"density_fraction": 0.02}, {TUMOR: 0.02, PERFUSED: 0.02, LUNGS: 0.0}),
        ({"residual_fraction": 0.01}, {TUMOR: 0.01 / (1 - RESIDUAL), LUNGS: 0.01 / (1 - RESIDUAL)}),
        ({"lung_shunt_fraction": 0.01}, {TUMOR: 0.01 / (1 - SHUNT), NORMAL: 0.01 / (1 - SHUNT), LUNGS: 0.01 / SHUNT}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(next(iter(value)), str) else "",
)
def test_scalar_inputs_propagate_by_their_formula(stated, relative) -> None:
    found = by_hand(**stated)
    for key, share in relative.items():
        assert found[key].sd_gy == pytest.approx(share * found[key].dose_gy, rel=2e-3, abs=1e-12), key


def test_independent_inputs_add_in_quadrature() -> None:
    found = by_hand(calibration_fraction=0.012, lung_shunt_fraction=0.016 * (1 - SHUNT))
    assert found[TUMOR].sd_gy == pytest.approx(0.02 * found[TUMOR].dose_gy, rel=1e-6)
    assert [c.factor for c in found[TUMOR].contributions] == ["lung shunt", "calibration"]


def test_counting_noise_of_a_share_of_the_liver_is_that_of_a_binomial() -> None:
    case = hand_case()
    found = by_key(Engine.prepare(case), events_per_value_ratio=1.0)
    total, tumor = 452 + 4 * 48, 4 * 48  # counts as mL times value; a voxel of 1 mL and value v has v events
    share = sqrt(1 / tumor - 1 / total)
    assert found[TUMOR].sd_gy == pytest.approx(share * found[TUMOR].dose_gy, rel=0.02)
    assert found[PERFUSED].sd_gy == 0.0
    four = by_key(Engine.prepare(case), events_per_value_ratio=4.0)
    assert four[TUMOR].sd_gy == pytest.approx(found[TUMOR].sd_gy / 2, rel=0.02)


def test_an_entered_tumor_to_normal_ratio_moves_its_partition_model_only() -> None:
    case = hand_case()
    infusion = replace(case.sessions[0].infusions[0], tumor_to_normal_ratio=4.0)
    case = replace(case, sessions=(replace(case.sessions[0], infusions=(infusion,)),))
    found = by_key(Engine.prepare(case), tumor_to_normal_fraction=0.2)
    given = found[f"tumor_dose_gy.{GIVEN_RATIO}", "Right"]
    share = 0.2 * (1 - 4 * 48 / (452 + 4 * 48))  # d ln D / d ln r = 1 - r m_T / (m_N + r m_T)
    assert given.sd_gy == pytest.approx(share * given.dose_gy, rel=0.02)
    assert found[TUMOR].sd_gy == 0.0


def test_recovery_by_size_makes_small_lesions_less_sure() -> None:
    curve = Recovery(10.0, 1.0, sd_half_volume_ml=2.0)
    assert curve.fraction(10.0) == pytest.approx(0.5) and curve.fraction(90.0) == pytest.approx(0.9)
    engine = phantom_case()
    found = by_key(engine, recovery=curve)
    big, small = (found["tumor_dose_gy.multicompartment", name] for name in ("Tumor 1", "Tumor 2"))
    share = 2.0 / 10.0 * (1 - curve.fraction(15.0))  # d ln R / d ln b = -(1 - R) for c = 1
    assert small.sd_gy / small.dose_gy == pytest.approx(share, rel=0.15)  # the liver gains as well
    assert big.sd_gy / big.dose_gy < 0.5 * small.sd_gy / small.dose_gy


def test_nothing_stated_means_no_interval_and_the_plan_says_so() -> None:
    engine = phantom_case()
    for nothing in (StatedInputs(), StatedInputs(resolution_mm=12.0)):
        assert isinstance(intervals(engine, nothing), Missing)
        assert isinstance(monte_carlo(engine, nothing), Missing)
    plan = plan_of(engine)
    assert isinstance(plan.intervals, Missing) and plan.safety == ()
    assert any("No dose has an interval" in note for note in plan.notes)


# Surfaces


def sphere(radius_mm: float, spacing_mm: float) -> Structure:
    count = int(2 * (radius_mm + 12) / spacing_mm) + 1
    axis = (np.arange(count) - (count - 1) / 2) * spacing_mm + 0.217
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    image = sitk.GetImageFromArray((x**2 + y**2 + z**2 <= radius_mm**2).astype(np.uint8))
    image.SetSpacing([spacing_mm] * 3)
    return Structure(Role.TUMOR, "Ball", image)


@pytest.mark.parametrize("delta_mm", [-2.0, -0.7, 0.0, 0.7, 2.0])
def test_a_moved_surface_of_a_ball_has_the_volume_of_the_larger_ball(delta_mm) -> None:
    ball = sphere(20.0, 2.0)
    moved = surface_of(ball, 1.0).moved(delta_mm)
    assert moved.volume_ml == pytest.approx(4 / 3 * pi * (20 + delta_mm) ** 3 / 1000, rel=0.02)


def test_the_counts_a_contour_gains_follow_the_density_at_its_border() -> None:
    """A blurred ball in a cold background: d ln D / dr = 3/r (c_border / c_mean - 1), as in Gear et al. 2018."""
    radius, spacing, sigma = 20.0, 1.0, 5.0
    ball = sphere(radius, spacing)
    blurred = gaussian_filter(sitk.GetArrayFromImage(ball.mask).astype(float), sigma / spacing, mode="constant")
    surface = surface_of(ball, 1.0)

    def mean(delta_mm: float) -> float:
        return float(blurred[sitk.GetArrayFromImage(surface.moved(delta_mm).mask) > 0].mean())

    border = erf(2 * radius / (sqrt(2) * sigma)) / 2 - sigma / (radius * sqrt(2 * pi)) * (
        1 - exp(-2 * (radius / sigma) ** 2)
    )
    by_formula = 3 / radius * (border / mean(0.0) - 1)
    assert (mean(1.0) - mean(-1.0)) / 2 / mean(0.0) == pytest.approx(by_formula, rel=0.05)


def test_a_surface_that_swallows_its_structure_is_refused() -> None:
    small = sphere(2.0, 2.0)
    with pytest.raises(InputError, match="nothing is left of 'Ball'"):
        surface_of(small, 4.0).moved(-10.0)


# Monte Carlo

ALL = StatedInputs(
    contour_voxel_fraction=0.3,
    events_per_value_ratio=1.0,
    recovery=Recovery(3.0, 1.2, 0.5, 0.1),
    lung_shunt_fraction=0.01,
    residual_fraction=0.005,
    calibration_fraction=0.05,
    density_fraction=0.01,
    registration_mm=2.0,
)


def test_first_order_and_monte_carlo_agree_within_15_percent_on_the_digital_patient() -> None:
    engine = phantom_case()
    found = {(i.measure_id, i.about): i for i in intervals(engine, ALL)}
    sampled = monte_carlo(engine, ALL, samples=120, seed=1)
    assert sampled.failed_count == 0
    keys = [k for k in found if not k[0].endswith(GIVEN_RATIO)]
    assert len(keys) >= 10
    for key in keys:
        assert found[key].sd_gy == pytest.approx(sampled.sd_gy(key), rel=0.15), key
        assert COUNTS in {c.factor for c in found[TUMOR].contributions}


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    engine = phantom_case()
    stated = StatedInputs(calibration_fraction=0.05, events_per_value_ratio=1.0)
    first, again, other = (monte_carlo(engine, stated, 20, seed) for seed in (7, 7, 8))
    assert (first.doses_gy[TUMOR] == again.doses_gy[TUMOR]).all()
    assert (first.doses_gy[TUMOR] != other.doses_gy[TUMOR]).any()


def test_a_registration_shift_lowers_a_lesion_whichever_way_it_goes() -> None:
    engine = phantom_case()
    found = by_key(engine, registration_mm=6.0)[TUMOR]
    assert found.contributions and any(c.second_order_gy < 0 for c in found.contributions)


# What it does to the findings


def test_the_probability_of_a_finding_is_the_normal_integral_of_its_margin() -> None:
    engine = phantom_case()
    plan = plan_of(engine, PlanOptions(stated=StatedInputs(calibration_fraction=0.06)))
    (safe,) = [
        s
        for s in plan.safety
        if s.constraint.rule.id == "S2-DOSE-01" and s.constraint.bounds[0].line.about == "Tumor 2"
    ]
    z = (safe.dose_gy - 205.0) / (0.06 * safe.dose_gy)
    assert safe.probability_share == pytest.approx((1 + erf(z / sqrt(2))) / 2, rel=1e-6)
    assert 1 < z < 2 and safe.flipped_by == ("calibration",), "two standard deviations cross the target"
    sure = plan_of(engine, PlanOptions(stated=StatedInputs(calibration_fraction=0.02)))
    (same,) = [s for s in sure.safety if s.constraint == safe.constraint]
    assert same.flipped_by == () and same.probability_share > 0.999


def test_the_share_of_samples_that_meet_a_target_is_its_probability() -> None:
    engine = phantom_case()
    stated = StatedInputs(calibration_fraction=0.08, lung_shunt_fraction=0.02)
    plan = plan_of(engine, PlanOptions(stated=stated, samples=600, seed=3))
    for safe in plan.safety:
        (bound,) = safe.constraint.bounds[:1]
        key = (bound.line.measure_id, bound.line.about)
        if len(safe.constraint.bounds) > 1 or key not in plan.sampled.doses_gy:
            continue
        drawn = plan.sampled.doses_gy[key]
        met = drawn >= bound.limit_gy if bound.side == "at least" else drawn <= bound.limit_gy
        assert float(met.mean()) == pytest.approx(safe.probability_share, abs=0.07), safe.constraint.name


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StatedInputs(calibration_fraction=5.0), "Enter 0.05 for 5 %"),
        (lambda: StatedInputs(registration_mm=-1.0), "negative"),
        (lambda: StatedInputs(contour_resolution_fraction=0.2), "State resolution_mm"),
        (lambda: Recovery(0.0, 1.0), "not above 0"),
        (lambda: stated_from({"lung_shunt": 0.1}), "Did you mean lung_shunt_fraction"),
        (lambda: stated_from({"recovery_exponent": 1.0}), "incomplete"),
        (lambda: monte_carlo(phantom_case(), StatedInputs(calibration_fraction=0.1), 3), "3 samples"),
    ],
)
def test_impossible_statements_are_refused_in_one_clear_message(make, says) -> None:
    with pytest.raises(InputError, match=says) as told:
        make()
    assert "\n" not in str(told.value)


def test_what_is_stated_by_name_is_what_is_stated_in_python() -> None:
    named = {"registration_mm": 2.0, "recovery_half_volume_ml": 3.0, "recovery_exponent": 1.0}
    assert stated_from(named) == StatedInputs(registration_mm=2.0, recovery=Recovery(3.0, 1.0))
    both = StatedInputs(contour_voxel_fraction=0.3, contour_resolution_fraction=0.4, resolution_mm=10.0)
    assert both.surface_mm(10.0) == pytest.approx(5.0)
