"""Volumes of the liver: published formulas, and numbers that must not be mixed up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.case import Settings
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.volumetry import (
    Bsa,
    Telv,
    body_surface_m2,
    degree_of_hypertrophy_ratio,
    estimated_liver_ml,
    hepatic_reserve_fraction,
    kinetic_growth_ratio_per_week,
    measured_flr_ratio,
    perfused_fraction,
    relative_hypertrophy_ratio,
    standardized_flr_ratio,
    tumor_burden_fraction,
    tumor_free_reserve_fraction,
)

VOLUMES = st.floats(1, 3000)


def test_the_body_surface_of_70_kg_and_170_cm():
    assert body_surface_m2(70, 170) == pytest.approx(1.8097, abs=5e-5)
    assert body_surface_m2(70, 170, Bsa.MOSTELLER) == pytest.approx(1.8181, abs=5e-5)


def test_the_estimated_liver_of_70_kg_and_170_cm_by_each_formula():
    assert estimated_liver_ml(70, 170) == pytest.approx(1499.0, abs=0.05)
    assert estimated_liver_ml(70, 170, Telv.VAUTHEY, Bsa.MOSTELLER) == pytest.approx(
        -794.41 + 1267.28 * math.sqrt(70 * 170 / 3600)
    )
    assert estimated_liver_ml(70, 170, Telv.URATA) == pytest.approx(706.2 * 1.80971 + 2.4, abs=0.01)
    by_logarithm = math.exp(math.log(21.585) + 0.732 * math.log(70) + 0.225 * math.log(170))
    assert estimated_liver_ml(70, 170, Telv.YU) == pytest.approx(by_logarithm)


def test_yu_uses_no_body_surface():
    assert estimated_liver_ml(70, 170, Telv.YU, Bsa.DUBOIS) == estimated_liver_ml(70, 170, Telv.YU, Bsa.MOSTELLER)


def test_the_settings_name_formulas_that_exist_and_an_unknown_name_lists_them():
    assert Bsa(Settings().bsa_formula) is Bsa.DUBOIS
    assert Telv(Settings().telv_formula) is Telv.VAUTHEY
    with pytest.raises(InputError, match="'haycock' is not known. Choose one of dubois, mosteller"):
        Bsa("haycock")
    with pytest.raises(InputError, match="Choose one of vauthey, urata, yu"):
        Telv("chouker")


@pytest.mark.parametrize(
    ("weight_kg", "height_cm", "message"),
    [
        (70, 1.70, "as meters it would be 70 kg and 170 cm"),
        (70, 1700, "as millimeters it would be 70 kg and 170 cm"),
        (70_000, 170, "as grams it would be 70 kg and 170 cm"),
        (154, 67, "as pounds and inches it would be 69.9 kg and 170 cm"),
        (0, 170, "weight: 0 kg is not above 0"),
        (70, -170, "height: -170 cm is not above 0"),
        (math.nan, 170, "weight: nan"),
        (70, math.inf, "height: inf"),
    ],
)
def test_a_body_in_other_units_is_refused_with_the_remedy(weight_kg, height_cm, message):
    with pytest.raises(InputError, match=message):
        body_surface_m2(weight_kg, height_cm)
    with pytest.raises(InputError, match=message):
        estimated_liver_ml(weight_kg, height_cm, Telv.YU)


@pytest.mark.parametrize(("weight_kg", "height_cm"), [(35, 145), (215, 190), (160, 230)])
def test_an_unusual_adult_is_not_refused(weight_kg, height_cm):
    assert estimated_liver_ml(weight_kg, height_cm) > 0


def test_a_body_too_small_for_the_adult_formula_has_no_estimated_liver():
    with pytest.raises(InputError, match="too small for the formula of Vauthey"):
        estimated_liver_ml(5, 60)


def test_the_standardized_flr_of_the_worked_example():
    assert standardized_flr_ratio(650, estimated_liver_ml(70, 170)) == pytest.approx(0.4336, abs=5e-5)


def test_the_standardized_flr_may_pass_100_percent_as_in_the_cohort():
    assert standardized_flr_ratio(1070, 1000) == pytest.approx(1.07)


def test_tumor_is_subtracted_from_the_measured_liver_only():
    assert measured_flr_ratio(650, 1900, 400) == pytest.approx(650 / 1500)
    assert measured_flr_ratio(650, 1900, 0) == pytest.approx(650 / 1900)
    with pytest.raises(InputError, match="leaves nothing"):
        measured_flr_ratio(650, 400, 400)


def test_relative_hypertrophy_degree_and_growth_rate_are_three_different_numbers():
    before_ml, after_ml, telv_ml = 500.0, 680.0, 1500.0
    assert relative_hypertrophy_ratio(before_ml, after_ml) == pytest.approx(0.36)
    degree = degree_of_hypertrophy_ratio(before_ml / telv_ml, after_ml / telv_ml)
    assert degree == pytest.approx(0.12)
    assert kinetic_growth_ratio_per_week(degree, 42) == pytest.approx(0.02)


def test_a_remnant_that_shrank_has_negative_hypertrophy():
    assert relative_hypertrophy_ratio(500, 450) == pytest.approx(-0.1)
    assert kinetic_growth_ratio_per_week(degree_of_hypertrophy_ratio(0.4, 0.38), 14) == pytest.approx(-0.01)


def test_growth_over_no_time_or_from_nothing_is_refused():
    with pytest.raises(InputError, match="interval"):
        kinetic_growth_ratio_per_week(0.1, 0)
    with pytest.raises(InputError, match="before"):
        relative_hypertrophy_ratio(0, 500)


def test_hepatic_reserve_is_what_no_infusion_reaches():
    assert hepatic_reserve_fraction(1500, 900) == pytest.approx(0.4)
    assert hepatic_reserve_fraction(1500, 1500) == 0.0
    assert hepatic_reserve_fraction(1500, 0) == 1.0


@given(st.floats(500, 3000), st.floats(0, 0.6), st.floats(0, 0.4))
def test_the_tumor_free_reserve_is_never_above_the_reserve(liver_ml, perfused_share, tumor_share):
    perfused_ml, tumor_ml = perfused_share * liver_ml, tumor_share * liver_ml
    reserve = hepatic_reserve_fraction(liver_ml, perfused_ml)
    strict = tumor_free_reserve_fraction(liver_ml, perfused_ml, tumor_ml)
    assert reserve - strict == pytest.approx(tumor_share, abs=1e-12)


def test_tumor_outside_every_perfused_volume_is_no_reserve():
    assert hepatic_reserve_fraction(1500, 900) == pytest.approx(0.4)
    assert tumor_free_reserve_fraction(1500, 900, 150) == pytest.approx(0.3)
    with pytest.raises(InputError, match="untreated tumor"):
        tumor_free_reserve_fraction(1500, 900, 700)


def test_perfused_fraction_and_reserve_are_the_whole_liver():
    assert perfused_fraction(375, 1500) == 0.25
    assert perfused_fraction(375, 1500) + hepatic_reserve_fraction(1500, 375) == 1.0


def test_tumor_burden():
    assert tumor_burden_fraction(300, 1500) == pytest.approx(0.2)


@given(VOLUMES)
def test_a_part_equal_to_the_whole_but_for_rounding_is_the_whole(liver_ml):
    assert perfused_fraction(liver_ml * (1 + 1e-9), liver_ml) == 1.0
    assert hepatic_reserve_fraction(liver_ml, liver_ml * (1 + 1e-9)) == 0.0


def test_a_part_larger_than_the_liver_is_refused():
    with pytest.raises(InputError, match=r"perfused volume: 1501 mL is more than the liver's 1500 mL"):
        perfused_fraction(1501, 1500)
    with pytest.raises(InputError, match="tumor"):
        tumor_burden_fraction(1501, 1500)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_volumes_are_refused(wrong):
    for call in (
        lambda: standardized_flr_ratio(wrong, 1500),
        lambda: standardized_flr_ratio(650, wrong),
        lambda: measured_flr_ratio(wrong, 1500, 100),
        lambda: measured_flr_ratio(650, wrong, 100),
        lambda: measured_flr_ratio(650, 1500, wrong),
        lambda: relative_hypertrophy_ratio(wrong, 500),
        lambda: relative_hypertrophy_ratio(500, wrong),
        lambda: degree_of_hypertrophy_ratio(wrong, 0.4),
        lambda: degree_of_hypertrophy_ratio(0.4, wrong),
        lambda: kinetic_growth_ratio_per_week(0.1, wrong),
        lambda: kinetic_growth_ratio_per_week(math.nan, 42),
        lambda: hepatic_reserve_fraction(wrong, 100),
        lambda: hepatic_reserve_fraction(1500, wrong),
        lambda: tumor_free_reserve_fraction(1500, 100, wrong),
        lambda: tumor_free_reserve_fraction(1500, wrong, 100),
        lambda: tumor_burden_fraction(wrong, 1500),
    ):
        with pytest.raises(InputError):
            call()
