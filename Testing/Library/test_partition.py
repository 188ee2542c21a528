"""The one partition model: ratios come back, energy is conserved, and it ends in the single compartment."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.dosimetry.mird import (
    activity_for_tumor_dose_gbq,
    divided_gbq,
    mean_dose_gy,
    net_activities,
    partition_doses,
)
from Y90DosimetryLib.errors import InputError

K = 50.0
LIVER_GBQ = net_activities(3.0, 0.01, 0.05).liver_gbq
MASSES = st.floats(1, 3000)
RATIOS = st.floats(0.1, 50)
PARTS = st.lists(st.tuples(MASSES, RATIOS), min_size=1, max_size=6)


def test_the_worked_example():
    doses = partition_doses(LIVER_GBQ, 300.0, 900.0, 4.0, K)
    assert doses.tumor_dose_gy == pytest.approx(268.714, abs=5e-4)
    assert doses.normal_dose_gy == pytest.approx(67.179, abs=5e-4)
    assert doses.perfused_dose_gy == pytest.approx(117.562, abs=5e-4)


@given(st.floats(0.01, 20), PARTS)
def test_all_activity_of_the_liver_is_divided_and_concentrations_stand_as_the_ratios(liver_gbq, parts):
    masses, ratios = np.array(parts).T
    found = divided_gbq(liver_gbq, masses, ratios)
    assert math.fsum(found) == pytest.approx(liver_gbq, rel=1e-12)
    assert found / masses / ratios == pytest.approx(found[0] / masses[0] / ratios[0], rel=1e-12)


@given(MASSES, MASSES, RATIOS, st.floats(0.01, 0.99))
def test_splitting_a_tumor_in_two_of_equal_uptake_changes_nothing(normal_g, tumor_g, ratio, share):
    whole = divided_gbq(LIVER_GBQ, np.array([tumor_g, normal_g]), np.array([ratio, 1.0]))
    masses = np.array([tumor_g * share, tumor_g * (1 - share), normal_g])
    split = divided_gbq(LIVER_GBQ, masses, np.array([ratio, ratio, 1.0]))
    assert [split[0] + split[1], split[2]] == pytest.approx(whole.tolist(), rel=1e-9)


def test_a_perfused_volume_that_is_all_tumor_gets_the_single_compartment_dose_whatever_the_ratio():
    for ratio in (0.5, 1.0, 20.0):
        doses = partition_doses(LIVER_GBQ, 300.0, 0.0, ratio, K)
        assert doses.tumor_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 300.0, K))
        assert doses.perfused_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 300.0, K))
        assert doses.normal_dose_gy is None


@given(st.floats(10, 1000), MASSES, st.floats(0, 3000), RATIOS, st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_activity_for_a_tumor_dose_gives_that_dose(dose_gy, tumor_g, normal_g, ratio, residual, shunt):
    activity_gbq = activity_for_tumor_dose_gbq(dose_gy, tumor_g, normal_g, ratio, residual, shunt, K)
    net = net_activities(activity_gbq, residual, shunt)
    doses = partition_doses(net.liver_gbq, tumor_g, normal_g, ratio, K)
    assert doses.tumor_dose_gy == pytest.approx(dose_gy, rel=1e-9)


def test_there_is_no_activity_for_the_dose_of_a_tumor_that_is_not_there():
    with pytest.raises(InputError, match="tumor mass"):
        activity_for_tumor_dose_gbq(250.0, 0.0, 900.0, 4.0, 0.01, 0.05, K)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_masses_and_ratios_are_refused(wrong):
    with pytest.raises(InputError, match="normal liver mass"):
        partition_doses(LIVER_GBQ, 300.0, wrong, 4.0, K)
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        partition_doses(LIVER_GBQ, 300.0, 900.0, wrong, K)
    with pytest.raises(InputError, match="normal liver mass"):
        activity_for_tumor_dose_gbq(250.0, 300.0, wrong, 4.0, 0.01, 0.05, K)
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        activity_for_tumor_dose_gbq(250.0, 300.0, 900.0, wrong, 0.01, 0.05, K)


def test_no_mass_and_a_tumor_to_normal_ratio_of_0_are_refused():
    with pytest.raises(InputError, match="mass"):
        partition_doses(LIVER_GBQ, 0.0, 0.0, 4.0, K)
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        partition_doses(LIVER_GBQ, 300.0, 900.0, 0.0, K)
