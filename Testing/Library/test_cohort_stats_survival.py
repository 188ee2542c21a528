"""Kaplan-Meier and log-rank against the leukemia data that every textbook has, and what must hold for any times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Y90DosimetryLib.cohort.endpoints import WARNING_GROUPED, follow_up, survivals
from Y90DosimetryLib.cohort.survival import FEWEST_PATIENTS, Times, compared, kaplan_meier, log_rank, median_follow_up
from Y90DosimetryLib.cohort.table import parse_table
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing

# Freireich et al., Blood 1963;21:699, weeks in remission: Gehan, Biometrika 1965;52:203
SIX_MP = Times(
    "6-MP",
    (6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35),
    tuple(c == "1" for c in "111010100110001100000"),
)
PLACEBO = Times("placebo", (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23), (True,) * 21)


class TestLeukemia:
    def test_the_product_limit_is_the_textbooks(self) -> None:
        curve = kaplan_meier(SIX_MP)
        known = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
        for week, fraction in known.items():
            assert curve.at(week).surviving_fraction == pytest.approx(fraction, abs=5e-4)
        assert curve.at(5.9).surviving_fraction == 1
        assert curve.at(33).surviving_fraction == curve.at(23).surviving_fraction

    def test_greenwoods_interval_on_the_log_log_scale(self) -> None:
        """At 6 weeks 18/21 are left: variance of log S is 3/(21 x 18)."""
        point = kaplan_meier(SIX_MP).at(6)
        left, error = 18 / 21, np.sqrt(3 / (21 * 18))
        bend = np.exp(1.959964 * error / -np.log(left))
        assert point.low_fraction == pytest.approx(left**bend, rel=1e-5)
        assert point.high_fraction == pytest.approx(left ** (1 / bend), rel=1e-5)

    def test_medians_are_23_and_8_weeks(self) -> None:
        """R: survfit(..., conf.type = "log-log"): 23 (13, NA) and 8 (4, 11)."""
        treated, untreated = kaplan_meier(SIX_MP), kaplan_meier(PLACEBO)
        assert (treated.median_months, treated.median_low_months) == (23, 13)
        assert isinstance(treated.median_high_months, Missing)
        assert treated.median_text == "23 (95 % CI 13 to not reached)"
        assert (untreated.median_months, untreated.median_low_months, untreated.median_high_months) == (8, 4, 11)

    def test_numbers_at_risk(self) -> None:
        curve = kaplan_meier(SIX_MP)
        assert [curve.at_risk(w) for w in (0, 6, 6.5, 10, 23, 35, 36)] == [21, 21, 17, 15, 6, 1, 0]
        assert [(s.at_risk_count, s.event_count, s.censored_count) for s in curve.steps][:2] == [(21, 3, 1), (17, 1, 0)]

    def test_the_log_rank_statistic_is_16_79(self) -> None:
        found = log_rank([SIX_MP, PLACEBO])
        assert found.chi2_statistic == pytest.approx(16.79, abs=0.005)
        assert found.p == pytest.approx(4.17e-5, rel=0.005)
        assert found.observed_counts == (9, 21)
        assert found.expected_counts == pytest.approx((19.25, 10.75), abs=0.005)

    def test_the_order_of_the_groups_does_not_matter(self) -> None:
        assert log_rank([PLACEBO, SIX_MP]).chi2_statistic == pytest.approx(log_rank([SIX_MP, PLACEBO]).chi2_statistic)


def test_three_groups_by_hand() -> None:
    """Deaths in A, A, B, B, C, C: O - E 1.4667, 0.4333, -1.9; variances .38222, .93444, covariance -.19111."""
    groups = [Times(name, months, (True, True)) for name, months in (("A", (1, 2)), ("B", (3, 4)), ("C", (5, 6)))]
    found = log_rank(groups)
    assert found.expected_counts == pytest.approx((8 / 15, 47 / 30, 3.9))
    assert (found.chi2_statistic, found.degrees) == (pytest.approx(7.2504, abs=1e-3), 2)


def test_a_third_group_that_leaves_before_any_event_changes_nothing() -> None:
    gone = Times("gone", (0.5, 0.5), (False, False))
    found, two = log_rank([SIX_MP, PLACEBO, gone]), log_rank([SIX_MP, PLACEBO])
    assert (found.chi2_statistic, found.degrees) == (pytest.approx(two.chi2_statistic), 1)


MONTHS = st.lists(st.integers(1, 30), min_size=2, max_size=15)


@given(MONTHS)
@settings(max_examples=60, deadline=None)
def test_without_censoring_it_is_the_share_that_is_left(months) -> None:
    curve = kaplan_meier(Times("all", tuple(months), (True,) * len(months)))
    for month in range(max(months) + 3):
        left = sum(m > month for m in months) / len(months)
        assert curve.at(month).surviving_fraction == pytest.approx(left, abs=1e-12)
    halves = sorted(months)[(len(months) - 1) // 2]
    assert curve.median_months == halves


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), min_size=3, max_size=20), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_patients_is_irrelevant(patients, random) -> None:
    mixed = list(patients)
    random.shuffle(mixed)

    def groups(rows):
        sides = [[(m, h) for m, h, first in rows if first is side] for side in (True, False)]
        return [Times(str(i), *map(tuple, zip(*side, strict=True))) for i, side in enumerate(sides) if side]

    for one, other in zip(groups(patients), groups(mixed), strict=True):
        assert kaplan_meier(one) == kaplan_meier(other)
    one, other = log_rank(groups(patients)), log_rank(groups(mixed))
    if isinstance(one, Missing):
        assert one == other
    else:
        assert other.chi2_statistic == pytest.approx(one.chi2_statistic, abs=1e-9)


def test_follow_up_is_not_shortened_by_deaths() -> None:
    """Half die in the first month, the others are seen for 40: the median follow-up is 40, not 20."""
    times = Times("all", (1,) * 5 + (40,) * 5, (True,) * 5 + (False,) * 5)
    assert median_follow_up(times).median_months == 40


def test_nothing_is_said_beyond_the_last_patient_seen() -> None:
    curve = kaplan_meier(Times("all", (5, 10), (True, False)))
    assert curve.at(10).surviving_fraction == 0.5
    assert isinstance(curve.at(10.1), Missing)
    assert kaplan_meier(Times("all", (5, 10), (True, True))).at(50).surviving_fraction == 0


def test_what_can_not_be_compared_is_missing_and_few_events_are_marked() -> None:
    censored = Times("a", (5, 6), (False, False))
    assert "no event" in log_rank([censored, censored]).because
    assert "one group" in log_rank([SIX_MP]).because
    assert "only one group" in log_rank([Times("a", (9, 9), (True, False)), Times("b", (1,), (False,))]).because
    assert kaplan_meier(censored).notes == ("0 events in 2 patients: read with care",)
    assert isinstance(kaplan_meier(censored).median_months, Missing)
    with pytest.raises(InputError, match="negative"):
        Times("a", (-1.0,), (True,))
    with pytest.raises(InputError, match="outcomes"):
        Times("a", (), ())


class TestEndpoints:
    HEAD = (
        "tumor_id,patient,best_mrecist,necrosis,progressed,progression_months,ttr_months,died,survival_months,"
        "follow_up_months\n"
    )

    def table(self, *rows):
        return parse_table(self.HEAD + "\n".join(rows), "t.csv")

    def times(self, *rows):
        pfs, *_ = survivals(self.table(*rows))
        return [(s.point.months, s.event_count) for s in pfs.curves[0].steps]

    def test_recurrence_death_and_last_contact(self) -> None:
        assert self.times(
            "1,1,CR,CPN,1,8,,1,20,", "2,2,CR,CPN,0,,,1,12,", "3,3,PR,Partial,0,,,0,,30", "4,4,PR,Partial,1,,5,0,40,"
        ) == [(5, 1), (8, 1), (12, 1), (30, 0)]  # fmt: skip

    def test_a_tumor_more_is_no_patient_more(self) -> None:
        rows = ["1,1,CR,CPN,1,8,,0,20,", "2,1,,CPN,,,,,,", "3,2,PR,Partial,0,9,,0,9,"]
        assert self.times(*rows) == [(8, 1), (9, 0)]
        assert follow_up(self.table(*rows)).n == 2

    def test_one_patient_without_follow_up_is_no_curve(self) -> None:
        found = survivals(self.table("1,1,CR,CPN,1,8,,0,20,", "2,2,CR,CPN,0,,,0,,"))
        assert all(isinstance(s.curves, Missing) and "1 of 2 patients" in s.curves.because for s in found)
        assert [s.title for s in found] == ["Progression-free survival", "Overall survival"]

    def test_groups_by_what_came_later_carry_a_warning(self) -> None:
        rows = [f"{i},{i},{'CR' if i % 2 else 'PR'},CPN,1,{i + 2},,0,40," for i in range(1, 11)]
        titles = {s.title: s for s in survivals(self.table(*rows))}
        by_response = titles["Progression-free survival by best response"]
        assert [c.label for c in by_response.curves] == ["Complete response", "Other response"]
        assert by_response.test.observed_counts == (5, 5)
        fewer = {s.title: s.test for s in survivals(self.table(*rows[:-1]))}
        assert "4 patients, fewer than 5" in fewer[by_response.title].because
        assert isinstance(titles["Progression-free survival by worst necrosis"].curves, Missing)
        assert "favors" in WARNING_GROUPED


def test_an_empty_time_to_recurrence_is_no_recurrence_only_where_no_column_says_who_progressed() -> None:
    """Table 5 has no such column; in a run's own table an empty cell is unknown."""
    rest = "died,survival_months,follow_up_months\n"
    told = parse_table(f"tumor_id,patient,progressed,ttr_months,{rest}1,1,,,0,,12\n2,2,,5,0,,12\n", "t")
    (curve,) = survivals(parse_table(f"tumor_id,patient,ttr_months,{rest}1,1,,0,,12\n2,2,5,0,,12\n", "t"))[0].curves
    assert (curve.steps[0].event_count, curve.steps[0].at_risk_count) == (1, 2)
    unknown = survivals(told)[0].curves
    assert isinstance(unknown, Missing) and "1 of 2 patients" in unknown.because


def test_a_curve_that_falls_straight_to_nobody_has_a_median_without_a_lower_end() -> None:
    alone = kaplan_meier(Times("one", (6.9,), (True,)))
    assert alone.median_text == "6.9 (95 % CI not defined to not reached)"
    assert (
        kaplan_meier(Times("alive", (6.9,), (False,))).median_text == "not reached (95 % CI not reached to not reached)"
    )


def test_a_group_too_small_for_the_test_is_not_compared() -> None:
    def group(count: int) -> Times:
        return Times("few", tuple(float(m) for m in range(1, count + 1)), (True,) * count)

    withheld = compared([PLACEBO, group(1)])
    assert isinstance(withheld, Missing) and "'few' has 1 patient, fewer than 5" in withheld.because
    assert isinstance(compared([PLACEBO, group(FEWEST_PATIENTS - 1)]), Missing)
    assert compared([PLACEBO, group(FEWEST_PATIENTS)]) == log_rank([PLACEBO, group(FEWEST_PATIENTS)])
