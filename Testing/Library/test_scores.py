"""Liver function scores: published values, and every boundary on its printed side."""

import math
from itertools import product

import pytest

from Y90DosimetryLib.case import Encephalopathy, Grade
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.scores import (
    ChildPugh,
    ChildPughClass,
    albi_grade,
    albi_score,
    albumin_from_g_dl,
    bilirubin_from_mg_dl,
    bilirubin_to_mg_dl,
    child_pugh,
    creatinine_from_mg_dl,
    creatinine_to_mg_dl,
    meld_score,
)


def points_of(bilirubin_umol_l=10.0, albumin_g_l=42.0, inr=1.0, ascites=Grade.NONE, brain=Encephalopathy.NONE):
    return child_pugh(bilirubin_umol_l, albumin_g_l, inr, ascites, brain)


def test_units_convert_both_ways():
    assert bilirubin_from_mg_dl(1.1) == pytest.approx(18.81)
    assert bilirubin_to_mg_dl(17.1) == 1.0
    assert creatinine_from_mg_dl(2.0) == pytest.approx(176.8)
    assert creatinine_to_mg_dl(88.4) == 1.0
    assert albumin_from_g_dl(4.3) == pytest.approx(43.0)


def test_the_albi_score_of_the_worked_example():
    score = albi_score(10.5, 43.0)
    assert score == pytest.approx(-2.981, abs=5e-4)
    assert albi_grade(score) == 1


def test_the_albi_score_in_american_units_is_the_same():
    assert albi_score(bilirubin_from_mg_dl(10.5 / 17.1), albumin_from_g_dl(4.3)) == pytest.approx(
        albi_score(10.5, 43.0)
    )


@pytest.mark.parametrize(
    ("score", "grade"), [(-2.60, 1), (-2.5999, 2), (-2.604, 1), (-1.39, 2), (-1.3899, 3), (0.0, 3)]
)
def test_albi_grades_change_just_above_their_boundary_without_rounding(score, grade):
    assert albi_grade(score) == grade


def test_a_score_that_rounds_to_the_boundary_but_lies_above_it_is_the_worse_grade():
    score = albi_score(20.0, 40.68)
    assert round(score, 2) == -2.60
    assert score > -2.60
    assert albi_grade(score) == 2


@pytest.mark.parametrize(
    ("bilirubin_mg_dl", "points"), [(1.999, 1), (2.0, 2), (2.5, 2), (3.0, 2), (3.001, 3), (20.0, 3), (0.3, 1)]
)
def test_child_pugh_bilirubin(bilirubin_mg_dl, points):
    assert points_of(bilirubin_umol_l=bilirubin_from_mg_dl(bilirubin_mg_dl)).bilirubin_points == points


@pytest.mark.parametrize(("bilirubin_umol_l", "points"), [(34.1, 1), (34.2, 2), (51.3, 2), (51.4, 3)])
def test_child_pugh_bilirubin_typed_in_si_units_lies_on_the_same_boundary(bilirubin_umol_l, points):
    assert points_of(bilirubin_umol_l=bilirubin_umol_l).bilirubin_points == points


@pytest.mark.parametrize(("albumin_g_dl", "points"), [(3.51, 1), (3.5, 2), (3.0, 2), (2.8, 2), (2.79, 3)])
def test_child_pugh_albumin(albumin_g_dl, points):
    assert points_of(albumin_g_l=albumin_from_g_dl(albumin_g_dl)).albumin_points == points


@pytest.mark.parametrize(("inr", "points"), [(1.0, 1), (1.69, 1), (1.7, 2), (2.3, 2), (2.31, 3)])
def test_child_pugh_inr(inr, points):
    assert points_of(inr=inr).inr_points == points


def test_child_pugh_ascites_and_encephalopathy():
    assert [points_of(ascites=g).ascites_points for g in (Grade.NONE, Grade.SLIGHT, Grade.MODERATE)] == [1, 2, 3]
    grades = (Encephalopathy.NONE, Encephalopathy.GRADE_1_2, Encephalopathy.GRADE_3_4)
    assert [points_of(brain=e).encephalopathy_points for e in grades] == [1, 2, 3]


def test_child_pugh_classes_cover_every_sum_of_points():
    for points in product((1, 2, 3), repeat=5):
        result = ChildPugh(*points)
        assert result.score == sum(points)
        expected = "A" if sum(points) in (5, 6) else "B" if sum(points) in (7, 8, 9) else "C"
        assert result.child_class is ChildPughClass(expected)


def test_a_healthy_liver_is_a5_and_a_failing_one_c15():
    assert (points_of().score, points_of().child_class) == (5, ChildPughClass.A)
    worst = points_of(100.0, 20.0, 3.0, Grade.MODERATE, Encephalopathy.GRADE_3_4)
    assert (worst.score, worst.child_class) == (15, ChildPughClass.C)


def test_meld_of_normal_values_is_its_constant_because_of_the_floors():
    assert meld_score(17.1, 1.0, 88.4) == pytest.approx(6.43)
    assert meld_score(5.0, 0.8, 50.0) == pytest.approx(6.43)


def test_meld_of_values_that_are_powers_of_e():
    e = math.e
    assert meld_score(17.1 * e, 1.0, 88.4) == pytest.approx(6.43 + 3.78)
    assert meld_score(17.1, e, 88.4) == pytest.approx(6.43 + 11.2)
    assert meld_score(17.1, 1.0, 88.4 * e) == pytest.approx(6.43 + 9.57)


def test_meld_counts_creatinine_above_4_mg_per_dl_as_4():
    assert meld_score(17.1, 1.0, 88.4 * 9) == pytest.approx(6.43 + 9.57 * math.log(4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: albi_score(5130.0, 43.0), "bilirubin: 5130 umol/L"),
        (lambda: albi_score(10.5, 4.3), r"albumin: 4.3 g/L .* 4.3 g/dL = 43 g/L"),
        (lambda: albi_score(10.5, 430.0), "albumin: 430 g/L"),
        (lambda: points_of(inr=85.0), "INR: 85 .* percent"),
        (lambda: meld_score(17.1, 1.0, 1.0), "creatinine: 1 umol/L"),
        (lambda: meld_score(17.1, 1.0, 8000.0), "creatinine: 8000 umol/L"),
    ],
)
def test_a_value_in_another_unit_is_refused_with_the_remedy(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_impossible_values_are_refused(wrong):
    for call in (
        lambda: albi_score(wrong, 43.0),
        lambda: albi_score(10.5, wrong),
        lambda: points_of(bilirubin_umol_l=wrong),
        lambda: points_of(albumin_g_l=wrong),
        lambda: points_of(inr=wrong),
        lambda: meld_score(wrong, 1.0, 88.4),
        lambda: meld_score(17.1, wrong, 88.4),
        lambda: meld_score(17.1, 1.0, wrong),
    ):
        with pytest.raises(InputError):
            call()


def test_a_score_that_is_not_a_number_has_no_grade():
    with pytest.raises(InputError, match="ALBI"):
        albi_grade(math.nan)
