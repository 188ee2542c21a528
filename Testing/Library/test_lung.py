"""The lungs: their share of the activity, their mass from CT, their dose."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.dosimetry.lung import (
    activity_for_lung_dose_gbq,
    geometric_mean_counts,
    lung_dose_gy,
    lung_mass_from_ct_g,
    lung_shunt_fraction,
    planar_lung_shunt_fraction,
)
from Y90DosimetryLib.dosimetry.mird import net_activities
from Y90DosimetryLib.errors import InputError


def test_the_lung_dose_of_the_worked_example():
    net = net_activities(3.0, 0.01, 0.05)
    assert lung_dose_gy(net.lung_gbq, 1000.0, 50.0) == pytest.approx(7.425, abs=1e-9)


def test_a_shunt_of_0_gives_the_lungs_a_dose_of_0_and_sets_no_limit():
    net = net_activities(3.0, 0.01, 0.0)
    assert lung_dose_gy(net.lung_gbq, 1000.0, 50.0) == 0.0
    assert activity_for_lung_dose_gbq(30.0, 1000.0, 0.01, 0.0, 50.0) == math.inf


@given(st.floats(1, 50), st.floats(300, 2000), st.floats(0, 0.9), st.floats(1e-6, 0.9))
def test_the_activity_for_a_lung_dose_gives_that_dose(dose_gy, mass_g, residual, shunt):
    activity_gbq = activity_for_lung_dose_gbq(dose_gy, mass_g, residual, shunt, 50.0)
    net = net_activities(activity_gbq, residual, shunt)
    assert lung_dose_gy(net.lung_gbq, mass_g, 50.0) == pytest.approx(dose_gy, rel=1e-12)


def test_the_old_shunted_activity_limit_is_the_30_gy_of_a_1_kg_lung():
    assert lung_dose_gy(0.61, 1000.0, 50.0) == pytest.approx(30.5)


def test_inflated_lung_of_4_liters_at_minus_750_hu_weighs_1_kg():
    hu = np.full((10, 20, 20), -750, dtype=np.int16)
    assert lung_mass_from_ct_g(hu, np.full(hu.shape, 1.0)) == pytest.approx(1000.0)


def test_only_the_occupied_part_of_a_voxel_counts():
    hu = np.array([[-800.0, -600.0]])
    assert lung_mass_from_ct_g(hu, np.array([[2.0, 0.5]])) == pytest.approx(0.2 * 2.0 + 0.4 * 0.5)
    assert lung_mass_from_ct_g(hu, np.array([[2.0, 0.0]])) == pytest.approx(0.2 * 2.0)


def test_padding_weighs_nothing_and_bone_no_more_than_1_1_g_per_ml():
    occupied_ml = np.ones(3)
    assert lung_mass_from_ct_g(np.array([-2048.0, -1000.0, 1500.0]), occupied_ml) == pytest.approx(1.1)
    assert lung_mass_from_ct_g(np.array([-1000.0, 100.0, 0.0]), occupied_ml) == pytest.approx(1.1 + 1.0)


@pytest.mark.parametrize(
    ("hu", "occupied_ml"),
    [
        (np.zeros(3), np.ones(4)),
        (np.array([0.0, np.nan]), np.ones(2)),
        (np.zeros(2), np.array([1.0, np.inf])),
        (np.zeros(2), np.array([1.0, -0.1])),
        (np.zeros(2), np.zeros(2)),
        (np.full(2, -1000.0), np.ones(2)),
        (np.zeros(0), np.zeros(0)),
    ],
    ids=["shapes", "nan", "infinite volume", "negative volume", "no volume", "only air", "nothing"],
)
def test_a_lung_that_cannot_be_weighed_is_refused(hu, occupied_ml):
    with pytest.raises(InputError, match="lung mass"):
        lung_mass_from_ct_g(hu, occupied_ml)


def test_the_shunt_fraction_is_the_lungs_share_of_lung_and_liver_counts():
    assert lung_shunt_fraction(50.0, 950.0) == pytest.approx(0.05)
    assert lung_shunt_fraction(0.0, 950.0) == 0.0


def test_planar_counts_enter_by_their_geometric_mean():
    assert geometric_mean_counts(400.0, 900.0) == pytest.approx(600.0)
    assert planar_lung_shunt_fraction(20.0, 80.0, 400.0, 900.0) == pytest.approx(40.0 / 640.0)


@given(st.floats(0.01, 20), st.floats(0.001, 1))
def test_opposed_views_do_not_depend_on_the_depth_of_a_point(depth_cm, attenuation_per_cm):
    thickness_cm = 20.0
    front = 1000.0 * math.exp(-attenuation_per_cm * depth_cm)
    back = 1000.0 * math.exp(-attenuation_per_cm * (thickness_cm - depth_cm))
    expected = 1000.0 * math.exp(-attenuation_per_cm * thickness_cm / 2)
    assert geometric_mean_counts(front, back) == pytest.approx(expected, rel=1e-9)


def test_no_shunt_is_read_from_a_liver_without_counts():
    with pytest.raises(InputError, match="liver counts"):
        lung_shunt_fraction(50.0, 0.0)
    with pytest.raises(InputError, match="liver counts"):
        planar_lung_shunt_fraction(20.0, 80.0, 400.0, 0.0)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_counts_are_refused(wrong):
    with pytest.raises(InputError, match="lung counts"):
        lung_shunt_fraction(wrong, 950.0)
    with pytest.raises(InputError, match="anterior"):
        geometric_mean_counts(wrong, 1.0)
    with pytest.raises(InputError, match="posterior"):
        geometric_mean_counts(1.0, wrong)


def test_a_lung_shunt_in_percent_is_recognized():
    with pytest.raises(InputError, match="not a percentage"):
        activity_for_lung_dose_gbq(30.0, 1000.0, 0.01, 5.0, 50.0)
    with pytest.raises(InputError, match="not a percentage"):
        activity_for_lung_dose_gbq(30.0, 1000.0, 1.0, 0.05, 50.0)


def test_impossible_limits_and_masses_are_refused_even_without_a_shunt():
    for dose_gy, mass_g, k in ((0.0, 1000.0, 50.0), (30.0, 0.0, 50.0), (30.0, 1000.0, 0.0)):
        with pytest.raises(InputError):
            activity_for_lung_dose_gbq(dose_gy, mass_g, 0.01, 0.0, k)
