"""Research quantities: limits that can be worked out by hand, and published values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from Y90DosimetryLib.dosimetry.radiobiology import (
    NORMAL_LIVER,
    TUMOR,
    LymanParameters,
    Tissue,
    bed_gy,
    bed_of_voxels_gy,
    geud_gy,
    lyman_ntcp_fraction,
    ntcp_fraction,
)
from Y90DosimetryLib.errors import InputError

DOSES = arrays(np.float64, (4, 5), elements=st.floats(1, 500))
SHARES = arrays(np.float64, (4, 5), elements=st.floats(0.01, 1))


def test_published_values_of_the_biologically_effective_dose():
    assert bed_gy(205.0, TUMOR) == pytest.approx(301.1, abs=0.05)
    assert bed_gy(90.0, NORMAL_LIVER) == pytest.approx(211.6, abs=0.05)


def test_repair_that_is_instantaneous_leaves_the_dose_and_repair_that_never_comes_gives_one_acute_dose():
    assert bed_gy(100.0, Tissue(10.0, 1e-9, "limit")) == pytest.approx(100.0)
    assert bed_gy(100.0, Tissue(10.0, 1e12, "limit")) == pytest.approx(100.0 * (1 + 100.0 / 10.0))


@given(DOSES)
def test_voxels_follow_the_same_formula_one_by_one(doses):
    voxels = bed_of_voxels_gy(doses, TUMOR)
    assert voxels.shape == doses.shape
    assert voxels.ravel() == pytest.approx([bed_gy(float(d), TUMOR) for d in doses.ravel()], rel=1e-12)


def test_the_mean_of_voxel_bed_is_above_the_bed_of_the_mean_dose():
    doses = np.array([50.0, 350.0])
    assert bed_of_voxels_gy(doses, TUMOR).mean() > bed_gy(float(doses.mean()), TUMOR) + 10


@given(st.floats(1, 500), SHARES, st.sampled_from([-20.0, -1.0, 0.5, 1.0, 3.0, 40.0]))
def test_a_uniform_dose_is_its_own_equivalent(dose_gy, shares, exponent):
    assert geud_gy(np.full(shares.shape, dose_gy), shares, exponent) == pytest.approx(dose_gy)


@given(DOSES, SHARES)
def test_exponent_1_is_the_weighted_mean(doses, shares):
    assert geud_gy(doses, shares, 1.0) == pytest.approx(float(np.average(doses, weights=shares)))


@given(DOSES, SHARES)
def test_the_equivalent_dose_grows_with_the_exponent_between_minimum_and_maximum(doses, shares):
    values = [geud_gy(doses, shares, a) for a in (-300.0, -1.0, 1.0, 2.0, 300.0)]
    assert all(low <= high * (1 + 1e-9) for low, high in zip(values, values[1:], strict=False))
    assert values[0] == pytest.approx(float(doses.min()), rel=0.05)
    assert values[-1] == pytest.approx(float(doses.max()), rel=0.05)


def test_a_hand_calculated_equivalent_dose():
    assert geud_gy(np.array([100.0, 200.0]), np.array([3.0, 1.0]), 2.0) == pytest.approx(math.sqrt(17500.0))


def test_one_cold_voxel_makes_the_equivalent_tumor_dose_0_but_a_voxel_outside_does_not():
    doses = np.array([0.0, 200.0])
    assert geud_gy(doses, np.array([0.5, 0.5]), -10.0) == 0.0
    assert geud_gy(doses, np.array([0.0, 0.5]), -10.0) == pytest.approx(200.0)
    assert geud_gy(np.zeros(2), np.ones(2), 1.0) == 0.0


def test_the_complication_probability_is_one_half_at_td50_and_follows_the_normal_distribution():
    parameters = LymanParameters(td50_gy=50.0, slope_ratio=0.2, volume_ratio=1.0)
    assert lyman_ntcp_fraction(50.0, parameters) == 0.5
    assert lyman_ntcp_fraction(60.0, parameters) == pytest.approx(0.841345, abs=1e-6)
    assert lyman_ntcp_fraction(30.4, parameters) == pytest.approx(0.025, abs=1e-4)


def test_with_volume_parameter_1_the_mean_dose_decides_and_with_a_small_one_the_hottest_voxel():
    doses, shares = np.array([10.0, 90.0]), np.array([0.5, 0.5])
    assert ntcp_fraction(doses, shares, LymanParameters(50.0, 0.2, 1.0)) == pytest.approx(0.5)
    assert ntcp_fraction(doses, shares, LymanParameters(90.0, 0.2, 0.001)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(InputError):
        bed_gy(wrong, TUMOR)
    with pytest.raises(InputError):
        bed_of_voxels_gy(np.array([100.0, wrong]), TUMOR)
    with pytest.raises(InputError):
        bed_gy(100.0, TUMOR, half_life_h=wrong)
    with pytest.raises(InputError):
        geud_gy(np.array([100.0, wrong]), np.ones(2), 1.0)
    with pytest.raises(InputError):
        geud_gy(np.ones(2), np.array([1.0, wrong]), 1.0)
    with pytest.raises(InputError):
        lyman_ntcp_fraction(wrong, LymanParameters(50.0, 0.2, 1.0))
    for parameters in ((wrong, 0.2, 1.0), (50.0, wrong, 1.0), (50.0, 0.2, wrong)):
        with pytest.raises(InputError):
            LymanParameters(*parameters)
    for alpha_beta_gy, repair_h in ((wrong, 1.5), (10.0, wrong)):
        with pytest.raises(InputError):
            Tissue(alpha_beta_gy, repair_h, "test")


def test_an_equivalent_dose_needs_an_exponent_and_one_share_a_voxel():
    for exponent in (0.0, math.nan, math.inf):
        with pytest.raises(InputError, match="exponent"):
            geud_gy(np.ones(2), np.ones(2), exponent)
    with pytest.raises(InputError, match="2 doses and 3 voxel shares"):
        geud_gy(np.ones(2), np.ones(3), 1.0)
    with pytest.raises(InputError, match="equivalent uniform dose"):
        geud_gy(np.ones(2), np.zeros(2), 1.0)
