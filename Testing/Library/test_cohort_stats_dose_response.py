"""Logistic fits with published coefficients, what has no maximum, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from Y90DosimetryLib.cohort.dose_response import DoseResponse, dose_response
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing

# Twenty students: hours of study and whether they passed; a widely printed example of logistic regression
HOURS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 4, 4.25, 4.5, 4.75, 5, 5.5]
PASSED = [c == "1" for c in "00000010101010111111"]
# Dalal, Fowlkes and Hoadley, J Am Stat Assoc 1989;84:945: temperature at launch, and whether an O-ring failed
FAHRENHEIT = [53, 57, 58, 63, 66, 67, 67, 67, 68, 69, 70, 70, 70, 70, 72, 73, 75, 75, 76, 76, 78, 79, 81]
FAILED = [c == "1" for c in "11110000001100001000000"]


def fit(doses, responded, **options) -> DoseResponse:
    found = dose_response(doses, responded, "response", **options)
    assert isinstance(found, DoseResponse), found
    return found


def test_hours_of_study() -> None:
    """Coefficients -4.0777 and 1.5046, log-likelihood -8.02988, likelihood ratio 11.6661, half pass at 2.71 h."""
    found = fit(HOURS, PASSED)
    assert (found.intercept.value, found.slope.value) == pytest.approx((-4.0777, 1.5046), abs=5e-5)
    assert found.log_likelihood_score == pytest.approx(-8.02988, abs=5e-6)
    assert found.p == pytest.approx(stats.chi2.sf(11.6661, 1), rel=1e-4)
    assert found.d50.value == pytest.approx(4.0777 / 1.5046, abs=1e-3)
    assert found.d90.value == pytest.approx((4.0777 + math.log(9)) / 1.5046, abs=1e-3)


def test_o_rings_with_the_profile_intervals_of_r() -> None:
    """R, glm and confint: 15.0429 (3.3306, 34.3422) and -0.2322 (-0.5155, -0.0608); deviance 20.315."""
    found = fit(FAHRENHEIT, FAILED)
    assert (found.intercept.value, found.slope.value) == pytest.approx((15.0429, -0.2322), abs=5e-5)
    assert -2 * found.log_likelihood_score == pytest.approx(20.315, abs=5e-4)
    assert (found.slope.low, found.slope.high) == pytest.approx((-0.5154718, -0.0608208), rel=2e-3)
    assert (found.intercept.low, found.intercept.high) == pytest.approx((3.33058, 34.34215), rel=2e-3)


def test_an_end_of_an_interval_is_where_the_test_turns() -> None:
    """At the ends of D50's interval the best fit through that D50 is 1.92 below the maximum."""
    found = fit(HOURS, PASSED)
    hours, passed = np.array(HOURS), np.array(PASSED)
    slopes = np.linspace(-2, 8, 20001)
    for end in (found.d50.low, found.d50.high):
        logit = slopes[:, None] * (hours - end)
        profile = (passed * logit - np.logaddexp(0, logit)).sum(axis=1).max()
        assert found.log_likelihood_score - profile == pytest.approx(stats.chi2.ppf(0.95, 1) / 2, abs=1e-5)


def test_the_band_holds_the_curve_and_the_wald_interval() -> None:
    """At the mean of the hours the interval of the logit follows from the information matrix."""
    found = fit(HOURS, PASSED)
    design = np.column_stack([np.ones(20), HOURS])
    chance = 1 / (1 + np.exp(-design @ (found.intercept.value, found.slope.value)))
    covariance = np.linalg.inv(design.T @ (design * (chance * (1 - chance))[:, None]))
    i = 60
    here = np.array([1, found.band.dose_gy[i]])
    logit, reach = here @ (found.intercept.value, found.slope.value), 1.959964 * math.sqrt(here @ covariance @ here)
    assert found.band.response_fraction[i] == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-6)
    assert found.band.low_fraction[i] == pytest.approx(1 / (1 + math.exp(-logit + reach)), rel=1e-5)
    assert found.band.high_fraction[i] == pytest.approx(1 / (1 + math.exp(-logit - reach)), rel=1e-5)


@pytest.mark.parametrize(
    ("doses", "responded", "why"),
    [
        ([100, 200, 300, 400], [0, 0, 1, 1], "all that responded had 300 Gy or more"),
        ([100, 200, 200, 400], [0, 0, 1, 1], "all that responded had 200 Gy or more"),
        ([100, 200, 300, 400], [1, 1, 0, 0], "all that responded had 200 Gy or less"),
        ([100, 200, 300], [1, 1, 1], "all of 3 responded"),
        ([100, 200, 300], [0, 0, 0], "none of 3 responded"),
        ([100, 100, 100], [0, 1, 0], "all doses are equal"),
        ([100, 100 + 1e-9, 100, 100 - 1e-9], [0, 1, 1, 0], "all doses are equal"),
        ([], [], "there is no value"),
    ],
)
@pytest.mark.parametrize("log_dose", [False, True])
def test_without_a_maximum_it_is_not_estimable(doses, responded, why, log_dose) -> None:
    found = dose_response(doses, responded, "response", log_dose=log_dose)
    assert isinstance(found, Missing)
    assert found.because.startswith("not estimable because")
    assert why in found.because


def test_impossible_doses_are_refused() -> None:
    for doses, log_dose in (([-1.0, 5.0], False), ([0.0, 5.0], True), ([math.nan, 5.0], False)):
        with pytest.raises(InputError, match="negative, 0 or not finite"):
            dose_response(doses, [True, False], "response", log_dose=log_dose)
    with pytest.raises(InputError, match="2 doses, 1 outcomes"):
        dose_response([1.0, 2.0], [True], "response")


def test_a_flat_slope_has_no_d50() -> None:
    found = fit([100, 200, 300, 400, 100, 200, 300, 400], [0, 1, 0, 1, 1, 0, 1, 0])
    assert found.slope.value == pytest.approx(0, abs=1e-9)
    assert found.p == pytest.approx(1)
    assert isinstance(found.d50, Missing)
    assert isinstance(found.d90, Missing)


def test_few_of_an_outcome_and_doses_out_of_reach_are_marked() -> None:
    notes = fit(HOURS, [*PASSED[:-5], False, True, False, True, False]).notes
    assert any("responded: read with care" in note for note in notes)
    many = fit(HOURS * 3, PASSED * 3)
    assert not any("read with care" in note for note in many.notes)


COHORT = st.lists(st.tuples(st.integers(20, 900), st.booleans()), min_size=8, max_size=25)


@given(COHORT, st.floats(0.2, 5), st.booleans())
@settings(max_examples=50, deadline=None)
def test_another_unit_of_dose_is_the_same_curve(cohort, factor, log_dose) -> None:
    doses, responded = (np.array(part) for part in zip(*cohort, strict=True))
    one = dose_response(doses, responded, "r", log_dose=log_dose)
    assume(isinstance(one, DoseResponse))
    other = fit(doses * factor, responded, log_dose=log_dose)
    assert other.p == pytest.approx(one.p, abs=1e-7)
    assert isinstance(one.d50, Missing) == isinstance(other.d50, Missing) or abs(one.p - 0.05) < 1e-6
    if not isinstance(one.d50, Missing) and not isinstance(other.d50, Missing):
        assert other.d50.value == pytest.approx(one.d50.value * factor, rel=1e-5)
        assert one.p < 0.05
        assert one.slope.low * one.slope.high > 0
        assert one.d50.low < one.d50.value < one.d50.high


@given(COHORT)
@settings(max_examples=50, deadline=None)
def test_no_response_mirrors_response_and_order_is_irrelevant(cohort) -> None:
    doses, responded = (np.array(part) for part in zip(*cohort, strict=True))
    one = dose_response(doses, responded, "r")
    assume(isinstance(one, DoseResponse))
    mirrored = fit(doses[::-1], ~responded[::-1])
    assert mirrored.slope.value == pytest.approx(-one.slope.value, abs=1e-9, rel=1e-6)
    assert mirrored.slope.low == pytest.approx(-one.slope.high, abs=1e-9, rel=1e-5)
    assert mirrored.log_likelihood_score == pytest.approx(one.log_likelihood_score, rel=1e-9)


@given(COHORT)
@settings(max_examples=50, deadline=None)
def test_at_the_maximum_the_fitted_chances_add_up_to_what_was_seen(cohort) -> None:
    doses, responded = (np.array(part) for part in zip(*cohort, strict=True))
    one = dose_response(doses, responded, "r", log_dose=True)
    assume(isinstance(one, DoseResponse))
    logit = one.intercept.value + one.slope.value * np.log(doses)
    chance = 1 / (1 + np.exp(-logit))
    assert chance.sum() == pytest.approx(responded.sum(), abs=1e-5)
    assert (chance * np.log(doses)).sum() == pytest.approx(np.log(doses)[responded].sum(), abs=1e-4)
