"""The constant k follows from half-life and mean energy, and decay halves what it should."""

import math
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.physics import (
    DEFAULT_HALF_LIFE_H,
    DEFAULT_JOULE_PER_GBQ,
    LABEL_LUNG_MASS_G,
    Y90_DDEP,
    Y90_ICRP,
    Y90_LABEL,
    decay_factor,
    elapsed_h,
    joule_per_gbq_and_mev,
)

HOURS_FROM_CALIBRATION = (24, 48, 72, 96, 120, 144, 168, 192, 216)
PUBLISHED_FRACTIONS = (0.77142, 0.59509, 0.45906, 0.35413, 0.27318, 0.21074, 0.16257, 0.12541, 0.09674)
PUBLISHED_BQ_PER_SPHERE = (1929, 1488, 1148, 885, 683, 527, 406, 314, 242)


@pytest.mark.parametrize(
    ("nuclide", "joule_per_gbq"), [(Y90_LABEL, 49.96), (Y90_DDEP, 49.38), (Y90_ICRP, 49.80)], ids=lambda v: str(v)[:40]
)
def test_every_published_pair_of_half_life_and_energy_gives_its_printed_constant(nuclide, joule_per_gbq):
    assert nuclide.joule_per_gbq == pytest.approx(joule_per_gbq, abs=0.005)


def test_the_constant_is_0_8321228_times_half_life_times_energy():
    assert joule_per_gbq_and_mev(1.0) == pytest.approx(0.8321228, abs=5e-8)


def test_the_default_constant_is_the_labels_rounded_to_50():
    assert DEFAULT_JOULE_PER_GBQ == 50.0
    assert round(Y90_LABEL.joule_per_gbq) == 50
    assert DEFAULT_HALF_LIFE_H == 64.1
    assert LABEL_LUNG_MASS_G == 1000.0


@pytest.mark.parametrize(("hours", "fraction"), list(zip(HOURS_FROM_CALIBRATION, PUBLISHED_FRACTIONS, strict=True)))
def test_the_fraction_left_at_noon_of_each_treatment_day_is_the_published_one(hours, fraction):
    assert decay_factor(hours) == pytest.approx(fraction, abs=5e-6)


@pytest.mark.parametrize(
    ("hours", "activity_bq"), list(zip(HOURS_FROM_CALIBRATION, PUBLISHED_BQ_PER_SPHERE, strict=True))
)
def test_a_sphere_of_2500_bq_decays_as_published(hours, activity_bq):
    assert 2500 * decay_factor(hours) == pytest.approx(activity_bq, abs=0.5)


def test_one_half_life_halves_and_looking_back_doubles():
    assert decay_factor(50.0, 50.0) == 0.5
    assert decay_factor(-50.0, 50.0) == 2.0
    assert decay_factor(0.0) == 1.0


@given(st.floats(-500, 500), st.floats(-500, 500))
def test_two_waits_are_one_long_wait(first_h, second_h):
    assert decay_factor(first_h) * decay_factor(second_h) == pytest.approx(decay_factor(first_h + second_h), rel=1e-12)


def test_the_energy_of_complete_decay_is_the_integral_of_the_activity():
    steps_h, seconds = 0.01, 3600.0
    decays = sum(1e9 * decay_factor((i + 0.5) * steps_h) * steps_h * seconds for i in range(200_000))
    assert decays * 0.9367 * 1.602176634e-13 == pytest.approx(Y90_LABEL.joule_per_gbq, rel=1e-6)
    assert decays == pytest.approx(1e9 * 64.1 * seconds / math.log(2), rel=1e-6)


def test_hours_between_instants_count_the_hour_that_the_clocks_skip():
    paris = ZoneInfo("Europe/Paris")
    before, after = datetime(2026, 3, 28, 12, tzinfo=paris), datetime(2026, 3, 29, 12, tzinfo=paris)
    assert elapsed_h(before, after) == 23.0
    assert elapsed_h(datetime(2026, 10, 24, 12, tzinfo=paris), datetime(2026, 10, 25, 12, tzinfo=paris)) == 25.0
