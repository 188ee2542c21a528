"""Dose-volume histograms against doses whose volumes are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from Y90DosimetryLib.dosimetry.dvh import dvh_in_box, dvh_of
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Box

DOSES = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0.0, 1000.0, width=32))


@st.composite
def weighted_doses(draw):
    """Doses, and whole weights from 1 to 5."""
    doses = draw(DOSES)
    return doses, draw(hnp.arrays(np.int64, doses.shape, elements=st.integers(1, 5)))


def test_a_linear_ramp_has_straight_volume():
    dvh = dvh_of(np.arange(1.0, 1001.0), np.full(1000, 0.1))
    assert dvh.volume_ml == pytest.approx(100.0)
    assert [dvh.d_gy(v) for v in (0.98, 0.95, 0.70, 0.50, 0.02)] == [21.0, 51.0, 301.0, 501.0, 981.0]
    assert dvh.v_ml(401.0) == pytest.approx(60.0)
    assert dvh.v_fraction(400.5) == pytest.approx(0.60)
    assert (dvh.min_gy, dvh.max_gy, dvh.mean_gy) == (1.0, 1000.0, pytest.approx(500.5))


def test_a_uniform_dose_is_every_point_of_its_histogram():
    dvh = dvh_of(np.full((4, 5, 6), 120.0), np.full((4, 5, 6), 0.3))
    assert {dvh.d_gy(v) for v in (0.0, 0.02, 0.5, 0.98, 1.0)} == {120.0}
    assert dvh.mean_gy == pytest.approx(120.0)
    assert dvh.v_fraction(120.0) == 1.0
    assert dvh.v_fraction(np.nextafter(120.0, 200.0)) == 0.0


def test_a_dose_stored_in_single_precision_reaches_the_threshold_it_was_given():
    dvh = dvh_of(np.full(10, 100.1, dtype=np.float32), np.ones(10))
    assert dvh.v_fraction(100.1) == 1.0
    assert dvh.v_fraction(100.2) == 0.0


def test_two_doses_split_the_volume_where_they_meet():
    dvh = dvh_of(np.array([50.0, 200.0]), np.array([3.0, 1.0]))
    assert dvh.d_gy(0.25) == 200.0
    assert dvh.d_gy(0.26) == 50.0
    assert dvh.v_fraction(100.0) == 0.25
    assert dvh.v_ml(50.0) == 4.0
    assert dvh.mean_gy == 87.5


def test_a_dose_falling_with_distance_has_the_volumes_of_spheres():
    """D = c/r in a ball of radius R: the volume that receives d is that of a ball of radius c/d."""
    step, radius, c = 0.5, 20.0, 1000.0
    axis = np.arange(-radius, radius, step) + step / 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    r = np.sqrt(z**2 + y**2 + x**2)
    dvh = dvh_of(c / r, np.where(r < radius, step**3, 0.0))
    assert dvh.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3, rel=2e-3)
    for volume_fraction in (0.98, 0.7, 0.5, 0.1):
        assert dvh.d_gy(volume_fraction) == pytest.approx(c / (radius * volume_fraction ** (1 / 3)), rel=3e-3)
    assert dvh.v_fraction(100.0) == pytest.approx((c / 100.0 / radius) ** 3, rel=5e-3)
    assert dvh.mean_gy == pytest.approx(1.5 * c / radius, rel=2e-3)


@given(weighted_doses())
def test_a_weight_of_n_is_n_voxels(case):
    doses, weights = case
    weighted, repeated = dvh_of(doses, weights * 0.1), dvh_of(np.repeat(doses, weights), np.full(weights.sum(), 0.1))
    for volume_fraction in (0.02, 0.25, 0.5, 0.75, 0.95, 0.98, 1.0):
        assert weighted.d_gy(volume_fraction) == repeated.d_gy(volume_fraction)
    for dose_gy in (0.0, 100.0, float(doses[0])):
        assert weighted.v_fraction(dose_gy) == pytest.approx(repeated.v_fraction(dose_gy))
    assert weighted.mean_gy == pytest.approx(repeated.mean_gy)


@given(weighted_doses(), st.floats(0.0, 1.0))
def test_d_is_the_largest_dose_that_the_volume_receives(case, volume_fraction):
    doses, weights = case
    dvh = dvh_of(doses, weights.astype(float))
    dose_gy = dvh.d_gy(volume_fraction)
    assert dose_gy in doses
    assert weights[doses >= dose_gy].sum() >= (volume_fraction - 1e-8) * weights.sum()
    assert weights[doses > dose_gy].sum() < volume_fraction * weights.sum() or dose_gy == doses.max()


@given(weighted_doses(), st.floats(0.0, 1000.0))
def test_v_is_the_volume_at_or_above_the_dose(case, dose_gy):
    doses, weights = case
    assert dvh_of(doses, weights.astype(float)).v_ml(dose_gy) == pytest.approx(weights[doses >= dose_gy].sum())


@given(weighted_doses(), weighted_doses(), st.floats(0.0, 1000.0))
def test_volumes_of_two_parts_add_up_to_the_whole(first, second, dose_gy):
    parts = [dvh_of(doses, weights.astype(float)) for doses, weights in (first, second)]
    whole = dvh_of(*(np.concatenate(pair).astype(float) for pair in zip(first, second, strict=True)))
    assert whole.v_ml(dose_gy) == pytest.approx(sum(p.v_ml(dose_gy) for p in parts))
    assert whole.mean_gy * whole.volume_ml == pytest.approx(sum(p.mean_gy * p.volume_ml for p in parts))


@given(weighted_doses(), st.randoms(use_true_random=False))
def test_the_order_of_voxels_and_the_scale_of_weights_do_not_matter(case, random):
    doses, weights = case
    order = list(range(len(doses)))
    random.shuffle(order)
    dvh, shuffled = dvh_of(doses, weights * 1.0), dvh_of(doses[order], weights[order] * 3.7)
    assert shuffled.d_gy(0.7) == dvh.d_gy(0.7)
    assert shuffled.mean_gy == pytest.approx(dvh.mean_gy)
    assert shuffled.effective_voxel_count == pytest.approx(dvh.effective_voxel_count)


@given(weighted_doses())
def test_more_volume_never_receives_more_dose(case):
    doses, weights = case
    dvh = dvh_of(doses, weights.astype(float))
    points = [dvh.d_gy(v) for v in np.linspace(0.0, 1.0, 21)]
    assert points == sorted(points, reverse=True)
    assert dvh.min_gy * (1 - 1e-12) <= dvh.mean_gy <= dvh.max_gy * (1 + 1e-12)
    assert (points[0], points[-1]) == (dvh.max_gy, dvh.min_gy)


def test_the_share_of_a_border_voxel_counts_and_no_more():
    dvh = dvh_of(np.array([300.0, 100.0, 10.0]), np.array([1.0, 0.5, 0.0]))
    assert dvh.voxel_count == 2
    assert dvh.volume_ml == 1.5
    assert dvh.mean_gy == pytest.approx((300.0 + 50.0) / 1.5)
    assert dvh.min_gy == 100.0


def test_slivers_of_voxels_hardly_count_as_voxels():
    assert dvh_of(np.arange(30.0), np.full(30, 0.2)).effective_voxel_count == pytest.approx(30.0)
    slivers = dvh_of(np.arange(30.0), np.array([1.0] * 3 + [1e-4] * 27))
    assert slivers.voxel_count == 30
    assert slivers.effective_voxel_count == pytest.approx(3.0, rel=0.01)


def test_the_curve_falls_from_the_whole_volume_to_the_hottest_voxel():
    dvh = dvh_of(np.arange(1.0, 101.0), np.ones(100))
    doses, volumes = dvh.curve(101)
    assert (doses[0], volumes[0]) == (0.0, 1.0)
    assert (doses[-1], volumes[-1]) == (100.0, pytest.approx(0.01))
    assert volumes[50] == pytest.approx(0.51)
    assert (np.diff(volumes) <= 0).all()


def test_the_summary_holds_the_points_under_their_names():
    dvh = dvh_of(np.linspace(0.0, 500.0, 5001), np.full(5001, 0.064))
    summary = dvh.summary()
    assert summary.volume_ml == dvh.volume_ml
    assert (summary.voxel_count, summary.effective_voxel_count) == (5001, pytest.approx(5001))
    assert (summary.mean_gy, summary.min_gy, summary.max_gy) == (dvh.mean_gy, 0.0, 500.0)
    for percent in (98, 95, 70, 50, 2):
        assert getattr(summary, f"d{percent}_gy") == pytest.approx(5.0 * (100 - percent), abs=0.11)
    for dose_gy in (100, 150, 205, 250, 400):
        assert getattr(summary, f"v{dose_gy}_fraction") == pytest.approx(1 - dose_gy / 500, abs=2e-4)


def test_a_block_of_the_image_gives_the_same_as_the_whole():
    dose = np.random.default_rng(7).random((8, 9, 10)).astype(np.float32) * 300
    box = Box(index=(2, 3, 1), size=(4, 5, 6))
    weights = np.random.default_rng(8).random((6, 5, 4)).astype(np.float32)
    whole = np.zeros_like(dose)
    whole[box.slices] = weights
    assert dvh_in_box(dose, weights, box.slices).summary() == dvh_of(dose, whole).summary()


def test_a_small_weight_is_not_lost_among_a_million():
    weights = np.full(1_000_000, 0.1, dtype=np.float32)
    dvh = dvh_of(np.linspace(0.0, 100.0, 1_000_000, dtype=np.float32), weights)
    assert dvh.volume_ml == pytest.approx(1e5, rel=1e-6)
    assert dvh.mean_gy == pytest.approx(50.0, rel=1e-6)


@pytest.mark.parametrize("shape", [(0,), (3, 3, 3)])
def test_an_empty_structure_has_no_dose_rather_than_zero(shape):
    with pytest.raises(InputError, match="no volume inside the dose image"):
        dvh_of(np.ones(shape), np.zeros(shape))


def test_values_that_are_not_doses_or_volumes_are_refused():
    with pytest.raises(InputError, match="not a number"):
        dvh_of(np.array([1.0, np.nan]), np.array([1.0, 1.0]))
    with pytest.raises(InputError, match="weight is negative"):
        dvh_of(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    with pytest.raises(InputError, match="weight is negative or not a number"):
        dvh_of(np.array([1.0, 2.0]), np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="same block"):
        dvh_of(np.ones(3), np.ones(4))
    assert dvh_of(np.array([np.nan, 5.0]), np.array([0.0, 1.0])).mean_gy == 5.0


@pytest.mark.parametrize(("volume_fraction", "says"), [(98.0, "not a percentage"), (-0.1, "from 0 to 1")])
def test_a_volume_in_percent_is_refused(volume_fraction, says):
    with pytest.raises(InputError, match=says):
        dvh_of(np.ones(3), np.ones(3)).d_gy(volume_fraction)
