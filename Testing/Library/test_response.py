"""Responses as a reader would call them: boundaries, courses over months, small and new lesions, and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from response_kit import BEFORE, CR, MONTH, PD, PR, SD, TREATED, Study, called, course, one, studies, tumor, why

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.response import Course, Response, Scope, agreed, response_of

# One tumor


@pytest.mark.parametrize(
    ("lengths_mm", "response"),
    [
        ((50.0, 0.0), CR),
        ((50.0, 0.1), PR),
        ((50.0, 35.0), PR),  # exactly 30 % less
        ((50.0, 35.001), SD),
        ((30.0, 21.0), PR),
        ((11.0, 7.7), PR),  # 0.7 x 11 is 7.699999999999999 in binary
        ((13.0, 9.1), PR),
        ((10.0, 7.0), PR),
        ((50.0, 59.999), SD),
        ((50.0, 60.0), PD),  # exactly 20 % more
        ((10.3, 12.36), PD),  # 1.2 x 10.3 is 12.360000000000001 in binary
        ((35.0, 42.0), PD),
        ((50.0, 50.0), SD),
    ],
)
def test_the_boundaries_of_a_response_are_exact(lengths_mm: tuple[float, float], response: Response) -> None:
    assert one(*lengths_mm) == [response]


def test_progression_counts_from_the_smallest_sum_and_not_from_the_first() -> None:
    assert one(100.0, 40.0, 47.9) == [PR, PR]
    assert one(100.0, 40.0, 48.0) == [PR, PD]  # still less than half of the first


def test_five_millimeters_more_are_not_asked_for() -> None:
    """RECIST 1.1 would call 10 to 12 mm stable; mRECIST knows no least growth in millimeters."""
    assert one(20.0, 10.0, 12.0) == [PR, PD]


def test_what_enhances_again_after_a_complete_response_is_progression() -> None:
    assert one(40.0, 0.0, 0.0, 3.0) == [CR, CR, PD]


def test_four_studies_of_one_patient_and_the_best_of_them() -> None:
    found = course(studies(*([tumor("T1", mm)] for mm in (80.0, 70.0, 50.0, 20.0, 26.0))))
    assert [s.response for s in found.studies] == [SD, PR, PR, PD]
    assert [s.tumors.change_fraction for s in found.studies] == pytest.approx([-0.125, -0.375, -0.75, -0.675])
    assert found.studies[-1].tumors.from_nadir_fraction == pytest.approx(0.3)
    assert found.nadir_mm == 20.0
    best = found.best
    assert not isinstance(best, Missing)
    assert (best.response, best.on) == (PR, TREATED + 2 * MONTH)
    assert found.progression is not None and found.progression.on == TREATED + 4 * MONTH
    assert found.present is PD


def test_the_reference_is_the_last_study_before_the_treatment_and_that_day_still_counts() -> None:
    early = Study(date(2025, 10, 1), (tumor("T1", 20.0),))
    same_day = Study(TREATED, (tumor("T1", 50.0),))
    later = Study(TREATED + MONTH, (tumor("T1", 35.0),))
    assert course([later, early, same_day]).present is PR
    stated = response_of([later, early, same_day], TREATED, Scope.OVERALL, baseline=early)
    assert isinstance(stated, Course) and stated.baseline_on == early.on and stated.present is PD
    assert why(response_of([later], TREATED, Scope.OVERALL)) == "nothing was read before the treatment"


def test_before_anything_was_read_again_there_is_no_response() -> None:
    assert why(course(studies([tumor("T1", 50.0)])).present) == "nothing was read after the treatment"


# Several tumors


def test_the_two_largest_are_summed_and_small_ones_are_followed_otherwise() -> None:
    found = course(studies([tumor("A", 30.0), tumor("B", 40.0), tumor("C", 20.0), tumor("D", 9.9)], [tumor("A", 1.0)]))
    assert found.followed.targets == ("B", "A")
    assert found.followed.others == ("C", "D")
    assert found.followed.baseline_mm == 70.0


def test_ten_millimeters_are_enough_for_a_target() -> None:
    assert course(studies([tumor("A", 10.0)])).followed.targets == ("A",)
    nothing = course(studies([tumor("A", 9.9)], [tumor("A", 5.0)]))
    assert "no tumor of 10 mm or more" in why(nothing.present)
    assert called([tumor("A", 9.9)], [tumor("A", 0.0)]) == [CR]


def test_the_reader_may_choose_the_targets() -> None:
    row = [tumor("A", 50.0, is_target=False), tumor("B", 20.0, is_target=True), tumor("C", 30.0)]
    assert course(studies(row)).followed.targets == ("B",)
    row = [tumor("A", 50.0, is_target=False), tumor("B", 20.0), tumor("C", 30.0)]
    assert course(studies(row)).followed.targets == ("C", "B")
    three = [tumor(name, 20.0, is_target=True) for name in "ABC"]
    followed = course(studies(three)).followed
    assert followed.targets == ("A", "B", "C")
    assert "sums 2" in followed.notes[0]
    small = course(studies([tumor("A", 8.0, is_target=True), tumor("B", 20.0)])).followed
    assert small.targets == ("B",)
    assert "less than 10 mm" in small.notes[0]


def test_without_enhancing_targets_a_small_lesion_still_prevents_a_complete_response() -> None:
    before = [tumor("A", 40.0), tumor("B", 30.0), tumor("C", 15.0)]
    gone = [tumor("A", 0.0), tumor("B", 0.0)]
    assert called(before, [*gone, tumor("C", 15.0)]) == [PR]
    assert called(before, [*gone, tumor("C", 0.0)]) == [CR]
    assert called(before, gone) == [PR]  # RECIST 1.1: not all of them evaluated
    assert called(before, [*gone, tumor("C", 15.0, progresses=True)]) == [PD]


def test_a_growing_lesion_that_is_no_target_asks_the_reader() -> None:
    before = [tumor("A", 40.0), tumor("B", 30.0), tumor("C", 15.0)]
    now = [tumor("A", 10.0), tumor("B", 10.0)]
    silent = course(studies(before, [*now, tumor("C", 18.0)]))
    assert "'C', which is no target, grew from 15 to 18 mm" in why(silent.present)
    assert called(before, [*now, tumor("C", 18.0, progresses=False)]) == [PR]
    assert called(before, [*now, tumor("C", 17.9)]) == [PR]
    assert called([tumor("A", 40.0), tumor("C", 4.0)], [tumor("A", 10.0), tumor("C", 9.0)]) == [PR]


def test_a_new_lesion_is_progression_as_long_as_it_enhances() -> None:
    row = [tumor("A", 10.0)]
    assert called(
        [tumor("A", 50.0)],
        [*row, tumor("B", 12.0, is_new=True)],
        [*row, tumor("B", 12.0)],
        [*row, tumor("B", 0.0)],
    ) == [PD, PD, PR]
    assert called([tumor("A", 50.0)], [*row, tumor("B", None, is_new=True)]) == [PD]


def test_a_new_lesion_that_is_not_listed_can_not_be_followed() -> None:
    rows = studies([tumor("A", 50.0)], [tumor("A", 10.0)], [tumor("A", 10.0)], [tumor("A", 10.0)])
    rows[2] = replace(rows[2], new_lesions=True)
    assert [s.response for s in course(rows).studies] == [PR, PD, PD]
    localized = course(rows, Scope.LOCALIZED)
    assert localized.studies[0].response is PR
    assert "is not listed" in why(localized.present)
    listed = replace(rows[2], lesions=(tumor("A", 10.0), tumor("B", 12.0, treated=False, is_new=True)))
    assert course([*rows[:2], listed], Scope.LOCALIZED).present is PR


def test_a_lesion_nobody_saw_before_must_be_called_new_or_not() -> None:
    found = course(studies([tumor("A", 50.0)], [tumor("A", 10.0), tumor("B", 12.0)]))
    assert "'B'" in why(found.present) and "not called new" in why(found.present)


# The treated zone


def test_a_new_lesion_elsewhere_is_progression_overall_and_a_response_where_treated() -> None:
    rows = [[tumor("A", 50.0)], [tumor("A", 0.0), tumor("B", 15.0, treated=False, is_new=True)]]
    assert called(*rows) == [PD]
    assert called(*rows, scope=Scope.LOCALIZED) == [CR]


def test_an_untreated_tumor_counts_overall_only() -> None:
    rows = [[tumor("A", 50.0), tumor("B", 50.0, treated=False)], [tumor("A", 0.0), tumor("B", 50.0, treated=None)]]
    assert called(*rows, scope=Scope.LOCALIZED) == [CR]
    assert called(*rows) == [PR]


def test_the_treated_zone_must_be_stated_and_studies_must_agree_on_it() -> None:
    rows = studies([tumor("A", 50.0, treated=None)], [tumor("A", 0.0, treated=None)])
    assert why(response_of(rows, TREATED, Scope.LOCALIZED)) == "not stated whether 'A' lies in the treated zone"
    rows = studies([tumor("A", 50.0, treated=True)], [tumor("A", 0.0, treated=False)])
    assert "studies differ" in why(response_of(rows, TREATED, Scope.LOCALIZED))
    rows = studies([tumor("A", 50.0)], [tumor("A", 9.0), tumor("B", 12.0, treated=None, is_new=True)])
    assert "'B'" in why(course(rows, Scope.LOCALIZED).present)
    rows = studies([tumor("A", 50.0, treated=False)], [tumor("A", 9.0, treated=None)])
    assert "no tumor was read in the treated zone" in why(response_of(rows, TREATED, Scope.LOCALIZED))


# What was not read


def test_an_unread_target_is_never_gone() -> None:
    both = [tumor("A", 40.0), tumor("B", 30.0)]
    assert called(both, [tumor("A", 0.0)], [tumor("A", 0.0), tumor("B", None)]) == [None, None]
    three = [*both, tumor("C", 5.0)]
    assert called(three, [tumor("C", 0.0)]) == [None]
    found = course(studies(both, [tumor("A", 0.0)]))
    assert "'B' not measured" in why(found.present)
    assert isinstance(found.studies[0].tumors.sum_mm, Missing)


def test_progression_is_certain_whatever_else_was_not_read() -> None:
    both = [tumor("A", 40.0), tumor("B", 30.0)]
    assert called(both, [tumor("A", 84.0)]) == [PD]
    assert called(both, [tumor("A", 83.9)]) == [None]
    assert called(both, [tumor("A", 0.0), tumor("C", 11.0, is_new=True)]) == [PD]


def test_a_study_that_can_not_be_evaluated_leaves_the_best_response_and_hides_the_present_one() -> None:
    found = course(studies(*([tumor("T1", mm)] for mm in (50.0, 30.0, None))))
    best = found.best
    assert not isinstance(best, Missing) and best.response is PR
    assert "not measured" in why(found.present)


def test_a_tumor_that_was_cut_out_has_not_responded() -> None:
    found = studies(*([tumor("T1", mm)] for mm in (50.0, 45.0, 34.0, 0.0)))  # SD, PR, and nothing left
    operated = course(found, surgery_on=found[2].on)
    assert [s.response for s in operated.studies] == [SD, PR, CR], "every study is still told"
    best = operated.best
    assert not isinstance(best, Missing)
    assert (best.response, best.on, operated.present) == (PR, found[2].on, PR), "the day of surgery is before it"
    sooner = course(found, surgery_on=found[2].on - MONTH / 30)
    assert sooner.present is SD
    at_once = course(found, surgery_on=TREATED + MONTH / 30)
    assert why(at_once.present) == "nothing was read after the treatment and before surgery"
    assert why(at_once.best) == why(at_once.present)


def test_progression_after_surgery_is_progression_all_the_same() -> None:
    found = studies([tumor("T1", 50.0)], [tumor("T1", 30.0)], [tumor("New", 15.0, is_new=True)])
    operated = course(found, surgery_on=found[1].on)
    assert operated.progression is not None and operated.progression.on == found[2].on
    assert operated.present is PR


def test_what_is_typed_and_what_is_measured_must_agree() -> None:
    assert agreed(None, PR, "mrecist") == "PR"
    assert agreed("PR", PR, "mrecist") == "PR"
    assert agreed("PR", None, "mrecist") == "PR"
    assert agreed("PR", Missing("not measured"), "mrecist") == "PR"
    assert agreed(None, None, "mrecist") == Missing("not stated", ("mrecist",))
    assert agreed(None, Missing("not measured"), "mrecist") == Missing("not measured")
    differ = agreed("SD", PR, "mrecist")
    assert isinstance(differ, Missing)
    assert differ.because == "SD is stated, but the measured diameters give PR: correct one"


@pytest.mark.parametrize(
    "make",
    [
        lambda: LesionReading("A", -1.0),
        lambda: LesionReading("A", 500.0),
        lambda: LesionReading("A", 30.0, longest_mm=20.0),
        lambda: LesionReading(" "),
        lambda: ThrombusReading("P", grade="VP5"),
        lambda: ThrombusReading("P", grade="VV4"),
        lambda: ThrombusReading(""),
        lambda: response_of(studies([tumor("A", 20.0), tumor("A", 30.0)]), TREATED, Scope.OVERALL),
        lambda: response_of(
            [Study(BEFORE, (tumor("A", 20.0),)), Study(BEFORE, (tumor("A", 30.0),))], TREATED, Scope.OVERALL
        ),
    ],
)
def test_readings_that_can_not_be_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError):
        make()


# What holds for every patient

COURSES = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(st.floats(0.0, 150.0), min_size=n, max_size=n), min_size=1, max_size=4)
)


def rows_of(first: Sequence[float], later: Sequence[Sequence[float]], scale: float = 1.0) -> list[list[LesionReading]]:
    """Return readings of lesions L0, L1, …; lengths in a tenth of a millimeter, as a reader gives them."""
    return [
        [tumor(f"L{i}", round(mm, 1) * scale, progresses=False if when else None) for i, mm in enumerate(row)]
        for when, row in enumerate([first, *later])
    ]


@given(st.data(), COURSES, st.floats(1.0, 2.5))
def test_a_ruler_with_another_scale_changes_no_response(
    data: st.DataObject, later: list[list[float]], scale: float
) -> None:
    first = data.draw(st.lists(st.floats(10.0, 150.0), min_size=len(later[0]), max_size=len(later[0])))
    assert called(*rows_of(first, later)) == called(*rows_of(first, later, scale))


@given(st.data(), COURSES)
def test_a_study_of_the_same_size_changes_no_best_response_and_no_day_of_progression(
    data: st.DataObject, later: list[list[float]]
) -> None:
    first = data.draw(st.lists(st.floats(10.0, 150.0), min_size=len(later[0]), max_size=len(later[0])))
    once, twice = (course(studies(*rows_of(first, [*later, *again]))) for again in ([], [later[-1]]))
    one, other = once.best, twice.best
    assert not isinstance(one, Missing) and not isinstance(other, Missing)
    assert (one.response, one.on) == (other.response, other.on)
    if once.progression:
        assert twice.progression is not None and twice.progression.on == once.progression.on


@given(st.data(), COURSES)
def test_the_order_of_the_lesions_does_not_matter(data: st.DataObject, later: list[list[float]]) -> None:
    first = data.draw(st.lists(st.floats(10.0, 150.0), min_size=len(later[0]), max_size=len(later[0])))
    rows = rows_of(first, later)
    mixed = [data.draw(st.permutations(row)) for row in rows]
    assert called(*rows) == called(*mixed)
