"""Single compartment: every factor enters once, and no energy is lost."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.dosimetry.mird import activity_for_dose_gbq, mean_dose_gy, net_activities
from Y90DosimetryLib.errors import InputError

ACTIVITIES = st.floats(0.01, 20)
FRACTIONS = st.floats(0, 0.95)
MASSES = st.floats(10, 4000)
DOSES = st.floats(1, 2000)


def test_the_worked_example_of_the_consensus():
    net = net_activities(2.2, 0.01, 0.05)
    assert net.liver_gbq == pytest.approx(2.0691, abs=1e-10)
    assert round(net.liver_gbq, 2) == 2.07
    assert mean_dose_gy(net.liver_gbq, 1000.0, 50.0) == pytest.approx(103.455, abs=1e-9)


def test_the_lung_shunt_is_not_removed_twice():
    net = net_activities(2.2, 0.01, 0.05)
    removed_twice_gy = 50.0 * net.liver_gbq * (1 - 0.05) / 1.0
    assert removed_twice_gy == pytest.approx(98.28, abs=0.005)
    assert mean_dose_gy(net.liver_gbq, 1000.0, 50.0) > removed_twice_gy * 1.05


def test_the_shunt_is_a_fraction_of_what_was_infused_not_of_the_vial():
    net = net_activities(4.0, 0.5, 0.25)
    assert (net.infused_gbq, net.liver_gbq, net.lung_gbq) == (2.0, 1.5, 0.5)


def test_without_residual_and_shunt_everything_reaches_the_liver():
    net = net_activities(3.0, 0.0, 0.0)
    assert (net.infused_gbq, net.liver_gbq, net.lung_gbq) == (3.0, 3.0, 0.0)


@given(ACTIVITIES, FRACTIONS, FRACTIONS, MASSES, MASSES)
def test_lung_and_liver_energy_are_the_energy_infused(activity_gbq, residual, shunt, liver_g, lung_g):
    net = net_activities(activity_gbq, residual, shunt)
    energy_j = (
        mean_dose_gy(net.liver_gbq, liver_g, 50.0) * liver_g / 1000
        + mean_dose_gy(net.lung_gbq, lung_g, 50.0) * lung_g / 1000
    )
    assert energy_j == pytest.approx(50.0 * activity_gbq * (1 - residual), rel=1e-12)


@given(DOSES, MASSES, FRACTIONS, FRACTIONS, st.floats(45, 55))
def test_the_activity_for_a_dose_gives_that_dose(dose_gy, mass_g, residual, shunt, k):
    activity_gbq = activity_for_dose_gbq(dose_gy, mass_g, residual, shunt, k)
    net = net_activities(activity_gbq, residual, shunt)
    assert mean_dose_gy(net.liver_gbq, mass_g, k) == pytest.approx(dose_gy, rel=1e-12)


@given(DOSES, MASSES, FRACTIONS, st.floats(0, 0.9), st.floats(0.001, 0.05))
def test_more_shunt_takes_more_activity_for_the_same_dose(dose_gy, mass_g, residual, shunt, more):
    less_gbq = activity_for_dose_gbq(dose_gy, mass_g, residual, shunt, 50.0)
    assert activity_for_dose_gbq(dose_gy, mass_g, residual, shunt + more, 50.0) > less_gbq


@given(ACTIVITIES, MASSES, st.floats(0.1, 10))
def test_dose_is_linear_in_activity(activity_gbq, mass_g, factor):
    once_gy = mean_dose_gy(activity_gbq, mass_g, 50.0)
    assert mean_dose_gy(factor * activity_gbq, mass_g, 50.0) == pytest.approx(factor * once_gy)


@pytest.mark.parametrize("fraction", [5, 1.0, 100])
def test_a_percentage_in_place_of_a_fraction_is_recognized(fraction):
    with pytest.raises(InputError, match="lung shunt fraction.*not a percentage"):
        net_activities(3.0, 0.01, fraction)
    with pytest.raises(InputError, match="residual fraction.*not a percentage"):
        activity_for_dose_gbq(120.0, 1000.0, fraction, 0.05, 50.0)


@pytest.mark.parametrize("wrong", [-0.01, math.nan, math.inf])
def test_impossible_fractions_are_refused(wrong):
    for residual, shunt in ((wrong, 0.05), (0.01, wrong)):
        with pytest.raises(InputError):
            net_activities(3.0, residual, shunt)
        with pytest.raises(InputError):
            activity_for_dose_gbq(120.0, 1000.0, residual, shunt, 50.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_impossible_activities_masses_and_doses_are_refused(wrong):
    with pytest.raises(InputError, match="activity"):
        net_activities(wrong, 0.01, 0.05)
    with pytest.raises(InputError, match="mass"):
        mean_dose_gy(1.0, wrong, 50.0)
    with pytest.raises(InputError, match="energy per activity"):
        mean_dose_gy(1.0, 1000.0, wrong)
    with pytest.raises(InputError, match="dose"):
        activity_for_dose_gbq(wrong, 1000.0, 0.01, 0.05, 50.0)
    with pytest.raises(InputError, match="mass"):
        activity_for_dose_gbq(120.0, wrong, 0.01, 0.05, 50.0)
    with pytest.raises(InputError, match="energy per activity"):
        activity_for_dose_gbq(120.0, 1000.0, 0.01, 0.05, wrong)


def test_a_compartment_without_activity_has_a_true_dose_of_0_and_a_negative_activity_is_refused():
    assert mean_dose_gy(0.0, 1000.0, 50.0) == 0.0
    with pytest.raises(InputError, match="negative"):
        mean_dose_gy(-0.1, 1000.0, 50.0)
