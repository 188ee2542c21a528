"""Rank tests and agreement against textbook examples, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Y90DosimetryLib.cohort.agreement import Agreement, bland_altman
from Y90DosimetryLib.cohort.statistics import cross_table, holm, kruskal_wallis, pairwise, summary_of
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing

# Hollander and Wolfe, 1973, p. 116: mucociliary efficiency; the example of R's kruskal.test
MUCOCILIARY = {
    "normal": [2.9, 3.0, 2.5, 2.6, 3.2],
    "obstructive": [3.8, 2.7, 4.0, 2.4],
    "asbestosis": [2.8, 3.4, 3.7, 2.2, 2.0],
}
# Beall, 1942: insects under six sprays, with many ties; R's InsectSprays
SPRAYS = {
    "A": [10, 7, 20, 14, 14, 12, 10, 23, 17, 20, 14, 13],
    "B": [11, 17, 21, 11, 16, 14, 17, 17, 19, 21, 7, 13],
    "C": [0, 1, 7, 2, 3, 1, 2, 1, 3, 0, 1, 4],
    "D": [3, 5, 12, 6, 4, 3, 5, 5, 5, 5, 2, 4],
    "E": [3, 5, 3, 5, 3, 6, 1, 1, 3, 2, 6, 4],
    "F": [11, 9, 15, 22, 15, 16, 13, 10, 26, 26, 24, 13],
}
# Bland and Altman, Lancet 1986;327:307, table 1: peak expiratory flow, first readings, L/min
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


@pytest.mark.parametrize(
    ("groups", "h", "degrees", "p"), [(MUCOCILIARY, 0.77143, 2, 0.68), (SPRAYS, 54.691, 5, 1.511e-10)]
)
def test_kruskal_wallis_is_the_textbooks(groups, h, degrees, p) -> None:
    found = kruskal_wallis(groups, "")
    assert found.h_statistic == pytest.approx(h, rel=2e-5)
    assert found.degrees == degrees
    assert found.p == pytest.approx(p, rel=0.005)


def test_a_group_of_four_is_marked_as_few() -> None:
    assert kruskal_wallis(MUCOCILIARY, "").notes == ("few in obstructive (4): p is approximate",)
    assert kruskal_wallis(SPRAYS, "").notes == ()


VALUES = st.lists(st.integers(1, 60), min_size=2, max_size=8)


@given(st.lists(VALUES, min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_only_the_order_of_the_values_matters(groups) -> None:
    named = {str(i): values for i, values in enumerate(groups)}
    bent = {k: [math.exp(v / 10) for v in values] for k, values in reversed(named.items())}
    found, again = kruskal_wallis(named, "Gy"), kruskal_wallis(bent, "Gy")
    if isinstance(found, Missing):
        assert isinstance(again, Missing)
    else:
        assert again.h_statistic == pytest.approx(found.h_statistic, abs=1e-9)
        assert found.h_statistic >= -1e-9


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ({"a": [1.0, 2.0], "b": []}, "only 1 of 2 groups"),
        ({"a": [5.0, 5.0], "b": [5.0]}, "all values are equal"),
        ({"a": [1.0], "b": [2.0]}, "each group has one value"),
    ],
)
def test_what_can_not_be_compared_is_missing(groups, why) -> None:
    found = kruskal_wallis(groups, "Gy")
    assert isinstance(found, Missing)
    assert why in found.because


def test_an_empty_group_is_said() -> None:
    assert "group c is empty" in kruskal_wallis({"a": [1, 2], "b": [3, 4], "c": []}, "Gy").notes


def test_pairs_of_separate_groups_have_the_exact_chance() -> None:
    """Two groups of three that do not overlap: 2 of the 20 ways to label them are as extreme."""
    (pair,) = pairwise({"a": [1, 2, 3], "b": [4, 5, 6]})
    assert (pair.u_statistic, pair.p) == (0, pytest.approx(0.1))


def test_holm_is_step_down() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03), "holm")."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_quartiles_are_those_of_r() -> None:
    """R: quantile(c(1, 2, 4, 8)), type 7."""
    found = summary_of([8, 1, 4, 2], "", "Gy")
    assert (found.n, found.lower_quartile, found.median, found.upper_quartile) == (4, 1.75, 3.0, 5.0)
    assert found.text == "3 [1-8]"
    assert isinstance(summary_of([], "dose", "Gy"), Missing)


def test_a_cross_table_counts() -> None:
    table = cross_table([("a", "x"), ("a", "x"), ("b", "y"), ("", "x")], ("a", "b"), ("x", "y"))
    assert table.counts == ((2, 0), (0, 1))


class TestBlandAltman:
    def test_peak_flow_is_the_papers(self) -> None:
        """Mean -2.1, SD 38.8, 95 % CI -22.1 to 17.8; limits at 1.96 SD, where the paper takes 2 SD (-79.7, 75.5)."""
        found = bland_altman(MINI, WRIGHT, "L/min")
        assert isinstance(found, Agreement)
        assert (found.n, round(found.bias.value, 1), round(found.spread, 1)) == (17, -2.1, 38.8)
        assert (found.bias.low, found.bias.high) == pytest.approx((-22.1, 17.8), abs=0.06)
        assert found.lower_limit.value == pytest.approx(-79.7 + 0.04 * 38.8, abs=0.1)
        assert found.upper_limit.value == pytest.approx(75.5 - 0.04 * 38.8, abs=0.1)

    def test_the_limits_have_the_papers_interval_but_for_an_approximation(self) -> None:
        """The 1986 paper takes sqrt(3 s2 / n): half widths of 34.6; the later formula is 0.6 % wider here."""
        found = bland_altman(MINI, WRIGHT, "L/min")
        for limit in (found.lower_limit, found.upper_limit):
            assert (limit.high - limit.low) / 2 == pytest.approx(34.6, rel=0.01)
            assert limit.low < limit.value < limit.high

    def test_ratios_are_differences_of_logarithms(self) -> None:
        ratio = bland_altman(MINI, WRIGHT, "L/min", ratio=True)
        logs = bland_altman(np.log(MINI), np.log(WRIGHT), "")
        for name in ("bias", "lower_limit", "upper_limit"):
            ours, theirs = getattr(ratio, name), getattr(logs, name)
            assert np.log([ours.value, ours.low, ours.high]) == pytest.approx([theirs.value, theirs.low, theirs.high])

    def test_differences_that_grow_are_seen(self) -> None:
        dose = np.linspace(50, 500, 24)
        wave = np.where(np.arange(24) % 2, 1, -1)
        assert bland_altman(dose, dose * (1 + 0.2 * wave), "Gy").differences_grow
        assert not bland_altman(dose, dose + 20 * wave, "Gy").differences_grow

    @given(st.lists(st.tuples(st.floats(1, 900), st.floats(1, 900)), min_size=3, max_size=20), st.floats(-50, 50))
    @settings(max_examples=60, deadline=None)
    def test_exchange_turns_the_sign_and_a_shift_moves_the_bias_alone(self, pairs, shift) -> None:
        a, b = np.array(pairs).T
        one, turned, moved = bland_altman(a, b, "Gy"), bland_altman(b, a, "Gy"), bland_altman(a, b + shift, "Gy")
        assert turned.bias.value == pytest.approx(-one.bias.value, abs=1e-6)
        assert turned.upper_limit.value == pytest.approx(-one.lower_limit.value, abs=1e-6)
        assert moved.bias.value == pytest.approx(one.bias.value + shift, abs=1e-6)
        assert moved.spread == pytest.approx(one.spread, abs=1e-6)

    def test_too_few_pairs_are_refused_and_few_are_marked(self) -> None:
        assert isinstance(bland_altman([1, 2], [2, 3], "Gy"), Missing)
        assert "3 pairs" in bland_altman([1, 2, 3], [2, 3, 5], "Gy").notes[0]
        assert isinstance(bland_altman([0, 2, 3], [2, 3, 4], "Gy", ratio=True), Missing)
        with pytest.raises(InputError, match="pairs"):
            bland_altman([1, 2, 3], [1, 2], "Gy")
