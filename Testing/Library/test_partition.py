"""The partition model and its general form: ratios come back, energy is conserved."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.dosimetry.mird import mean_dose_gy, net_activities
from Y90DosimetryLib.dosimetry.partition import (
    RelativeUptake,
    activity_for_tumor_dose_gbq,
    concentration_ratio,
    dose_from_counts_gy,
    partition_doses,
    shared_doses,
    whole_normal_dose_gy,
)
from Y90DosimetryLib.errors import InputError

K = 50.0
LIVER_GBQ = net_activities(3.0, 0.01, 0.05).liver_gbq
MASSES = st.floats(1, 3000)
RATIOS = st.floats(0.1, 50)
UPTAKES = st.lists(st.builds(RelativeUptake, MASSES, RATIOS), min_size=1, max_size=6)


def test_the_worked_example():
    doses = partition_doses(LIVER_GBQ, 300.0, 900.0, 4.0, K)
    assert doses.tumor_dose_gy == pytest.approx(268.714, abs=5e-4)
    assert doses.normal_dose_gy == pytest.approx(67.179, abs=5e-4)
    assert doses.perfused_dose_gy == pytest.approx(117.562, abs=5e-4)


@given(st.floats(0.01, 20), MASSES, UPTAKES)
def test_the_energy_of_all_compartments_is_that_of_the_liver(liver_gbq, normal_g, uptakes):
    doses = shared_doses(liver_gbq, normal_g, uptakes, K)
    energy_j = doses.normal_dose_gy * normal_g + math.fsum(
        dose * uptake.mass_g for dose, uptake in zip(doses.uptake_doses_gy, uptakes, strict=True)
    )
    perfused_g = normal_g + sum(u.mass_g for u in uptakes)
    assert energy_j / 1000 == pytest.approx(K * liver_gbq, rel=1e-12)
    assert doses.perfused_dose_gy * perfused_g == pytest.approx(energy_j, rel=1e-12)


@given(MASSES, UPTAKES)
def test_each_dose_stands_to_normal_liver_as_its_ratio(normal_g, uptakes):
    doses = shared_doses(LIVER_GBQ, normal_g, uptakes, K)
    for dose_gy, uptake in zip(doses.uptake_doses_gy, uptakes, strict=True):
        assert dose_gy / doses.normal_dose_gy == pytest.approx(uptake.concentration_ratio, rel=1e-12)


@given(MASSES, st.lists(MASSES, min_size=1, max_size=5))
def test_equal_uptake_everywhere_is_the_single_compartment(normal_g, masses_g):
    doses = shared_doses(LIVER_GBQ, normal_g, [RelativeUptake(m, 1.0) for m in masses_g], K)
    single_gy = mean_dose_gy(LIVER_GBQ, normal_g + sum(masses_g), K)
    assert [doses.normal_dose_gy, doses.perfused_dose_gy, *doses.uptake_doses_gy] == pytest.approx(
        [single_gy] * (2 + len(masses_g)), rel=1e-12
    )


@given(MASSES, MASSES, RATIOS, st.floats(0.01, 0.99))
def test_splitting_a_tumor_in_two_of_equal_uptake_changes_nothing(normal_g, tumor_g, ratio, share):
    whole = partition_doses(LIVER_GBQ, tumor_g, normal_g, ratio, K)
    parts = [RelativeUptake(tumor_g * share, ratio), RelativeUptake(tumor_g * (1 - share), ratio)]
    split = shared_doses(LIVER_GBQ, normal_g, parts, K)
    assert split.uptake_doses_gy == pytest.approx([whole.tumor_dose_gy] * 2, rel=1e-9)
    assert split.normal_dose_gy == pytest.approx(whole.normal_dose_gy, rel=1e-9)
    assert split.perfused_dose_gy == pytest.approx(whole.perfused_dose_gy, rel=1e-9)


@given(MASSES, UPTAKES, RATIOS)
def test_a_tumor_without_mass_changes_nothing_and_has_no_dose(normal_g, uptakes, ratio):
    before = shared_doses(LIVER_GBQ, normal_g, uptakes, K)
    after = shared_doses(LIVER_GBQ, normal_g, [*uptakes, RelativeUptake(0.0, ratio)], K)
    assert after.normal_dose_gy == before.normal_dose_gy
    assert after.perfused_dose_gy == before.perfused_dose_gy
    assert after.uptake_doses_gy == (*before.uptake_doses_gy, None)


def test_a_perfused_volume_that_is_all_tumor_gets_the_single_compartment_dose_whatever_the_ratio():
    for ratio in (0.5, 1.0, 20.0):
        doses = partition_doses(LIVER_GBQ, 300.0, 0.0, ratio, K)
        assert doses.tumor_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 300.0, K))
        assert doses.perfused_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 300.0, K))
        assert doses.normal_dose_gy is None


def test_necrosis_without_uptake_gets_no_dose_but_counts_in_the_perfused_mean():
    doses = shared_doses(LIVER_GBQ, 900.0, [RelativeUptake(100.0, 0.0)], K)
    assert doses.uptake_doses_gy == (0.0,)
    assert doses.normal_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 900.0, K))
    assert doses.perfused_dose_gy == pytest.approx(mean_dose_gy(LIVER_GBQ, 1000.0, K))


@pytest.mark.parametrize("uptakes", [[], [RelativeUptake(0.0, 4.0)], [RelativeUptake(100.0, 0.0)]])
def test_activity_must_have_somewhere_to_go(uptakes):
    with pytest.raises(InputError, match="no compartment takes up"):
        shared_doses(LIVER_GBQ, 0.0, uptakes, K)


@given(st.floats(10, 1000), MASSES, st.floats(0, 3000), RATIOS, st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_activity_for_a_tumor_dose_gives_that_dose(dose_gy, tumor_g, normal_g, ratio, residual, shunt):
    activity_gbq = activity_for_tumor_dose_gbq(dose_gy, tumor_g, normal_g, ratio, residual, shunt, K)
    net = net_activities(activity_gbq, residual, shunt)
    doses = partition_doses(net.liver_gbq, tumor_g, normal_g, ratio, K)
    assert doses.tumor_dose_gy == pytest.approx(dose_gy, rel=1e-9)


def test_there_is_no_activity_for_the_dose_of_a_tumor_that_is_not_there():
    with pytest.raises(InputError, match="tumor mass"):
        activity_for_tumor_dose_gbq(250.0, 0.0, 900.0, 4.0, 0.01, 0.05, K)


def test_the_ratio_is_one_of_concentrations_not_of_counts():
    assert concentration_ratio(400.0, 100.0, 900.0, 900.0) == pytest.approx(4.0)
    assert concentration_ratio(0.0, 100.0, 900.0, 900.0) == 0.0


def test_a_ratio_to_normal_liver_without_counts_is_refused():
    with pytest.raises(InputError, match="no ratio"):
        concentration_ratio(400.0, 100.0, 0.0, 900.0)


@given(st.floats(1, 1e6), MASSES, st.floats(1, 1e6), MASSES)
def test_doses_from_counts_and_from_the_measured_ratio_are_the_same(tumor_counts, tumor_g, normal_counts, normal_g):
    ratio = concentration_ratio(tumor_counts, tumor_g, normal_counts, normal_g)
    by_ratio = shared_doses(LIVER_GBQ, normal_g, [RelativeUptake(tumor_g, ratio)], K)
    total = tumor_counts + normal_counts
    by_counts = [
        dose_from_counts_gy(LIVER_GBQ, tumor_counts / total, tumor_g, K),
        dose_from_counts_gy(LIVER_GBQ, normal_counts / total, normal_g, K),
    ]
    assert by_counts == pytest.approx([*by_ratio.uptake_doses_gy, by_ratio.normal_dose_gy], rel=1e-9)


def test_a_compartment_may_hold_all_counts_of_the_liver_but_not_more():
    assert dose_from_counts_gy(2.0, 1.0, 1000.0, K) == pytest.approx(100.0)
    with pytest.raises(InputError):
        dose_from_counts_gy(2.0, 1.01, 1000.0, K)


def test_the_unperfused_part_dilutes_the_dose_of_all_normal_liver():
    assert whole_normal_dose_gy(90.0, 500.0, 1000.0) == pytest.approx(30.0)
    assert whole_normal_dose_gy(90.0, 500.0, 0.0) == 90.0


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_masses_and_ratios_are_refused(wrong):
    with pytest.raises(InputError, match="compartment mass"):
        RelativeUptake(wrong, 4.0)
    with pytest.raises(InputError, match="concentration ratio"):
        RelativeUptake(100.0, wrong)
    with pytest.raises(InputError, match="normal liver mass"):
        partition_doses(LIVER_GBQ, 300.0, wrong, 4.0, K)
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        partition_doses(LIVER_GBQ, 300.0, 900.0, wrong, K)
    with pytest.raises(InputError, match="normal liver mass"):
        activity_for_tumor_dose_gbq(250.0, 300.0, wrong, 4.0, 0.01, 0.05, K)
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        activity_for_tumor_dose_gbq(250.0, 300.0, 900.0, wrong, 0.01, 0.05, K)
    for position, name in enumerate(("counts", "mass", "counts in perfused", "normal liver mass")):
        arguments = [400.0, 100.0, 900.0, 900.0]
        arguments[position] = wrong
        with pytest.raises(InputError, match=name):
            concentration_ratio(*arguments)
    for position, name in enumerate(("normal liver dose", "perfused normal liver mass", "unperfused")):
        arguments = [90.0, 500.0, 1000.0]
        arguments[position] = wrong
        with pytest.raises(InputError, match=name):
            whole_normal_dose_gy(*arguments)


def test_a_tumor_to_normal_ratio_of_0_and_a_ratio_over_no_mass_are_refused():
    with pytest.raises(InputError, match="tumor-to-normal ratio"):
        partition_doses(LIVER_GBQ, 300.0, 900.0, 0.0, K)
    with pytest.raises(InputError, match="mass"):
        concentration_ratio(400.0, 0.0, 900.0, 900.0)
    with pytest.raises(InputError, match="normal liver mass"):
        concentration_ratio(400.0, 100.0, 900.0, 0.0)
