"""Stage and transplant criteria: each boundary belongs to the side its definition prints."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG
from Y90DosimetryLib.staging import (
    Extent,
    HepaticVeinInvasion,
    PortalInvasion,
    UnosStage,
    afp_model_score,
    bclc_stage,
    unos_stage,
    within_afp_model,
    within_milan,
    within_ucsf,
    within_up_to_7,
)

DIAMETERS = st.lists(st.floats(1, 200), min_size=1, max_size=8).map(tuple)


def confined(*diameters_mm):
    return Extent(diameters_mm, macrovascular_invasion=False, extrahepatic_disease=False)


@pytest.mark.parametrize(
    ("diameters_mm", "stage"),
    [
        ((19.9,), "T1"),
        ((20,), "T2"),
        ((50,), "T2"),
        ((50.1,), "T3"),
        ((10, 10), "T2"),
        ((30, 30, 30), "T2"),
        ((30.1, 10), "T3"),
        ((15, 60, 20), "T3"),
        ((10, 10, 10, 10), "T4a"),
        ((80, 10, 10, 10, 10), "T4a"),
    ],
)
def test_unos_stage(diameters_mm, stage):
    assert unos_stage(confined(*diameters_mm)) is UnosStage(stage)


@given(DIAMETERS)
def test_gross_vascular_invasion_is_t4b_whatever_the_size(diameters_mm):
    assert unos_stage(Extent(diameters_mm, True, False)) is UnosStage.T4B


@pytest.mark.parametrize(
    ("diameters_mm", "inside"),
    [((50,), True), ((50.1,), False), ((30, 30, 30), True), ((30.1, 5), False), ((10, 10, 10, 10), False)],
)
def test_milan(diameters_mm, inside):
    assert within_milan(confined(*diameters_mm)) is inside


@pytest.mark.parametrize(
    ("diameters_mm", "inside"),
    [
        ((65,), True),
        ((65.1,), False),
        ((45, 35), True),
        ((45, 35.1), False),
        ((45.1, 10), False),
        ((26.7, 26.7, 26.6), True),
        ((20, 20, 20, 20), False),
    ],
)
def test_ucsf(diameters_mm, inside):
    assert within_ucsf(confined(*diameters_mm)) is inside


@pytest.mark.parametrize(
    ("diameters_mm", "inside"),
    [((60,), True), ((60.1,), False), ((50, 10), True), ((40, 5, 5), True), ((40.1, 5, 5), False), ((10,) * 6, True)],
)
def test_up_to_7(diameters_mm, inside):
    assert within_up_to_7(confined(*diameters_mm)) is inside


def test_seven_tumors_of_any_size_are_beyond_up_to_7():
    assert not within_up_to_7(confined(*[1.0] * 7))


@pytest.mark.parametrize(
    ("diameters_mm", "afp_ng_ml", "points"),
    [
        ((30,), 100, 0),
        ((30.1,), 100, 1),
        ((60,), 0, 1),
        ((60.1,), 0, 4),
        ((30, 30, 30), 50, 0),
        ((10, 10, 10, 10), 50, 2),
        ((10,), 100.1, 2),
        ((10,), 1000, 2),
        ((10,), 1000.1, 3),
        ((70, 10, 10, 10), 5000, 9),
    ],
)
def test_points_of_the_afp_model(diameters_mm, afp_ng_ml, points):
    assert afp_model_score(confined(*diameters_mm), afp_ng_ml) == points


def test_the_afp_model_says_low_risk_up_to_2_points():
    assert within_afp_model(confined(30), 1000)  # 2 points
    assert not within_afp_model(confined(40), 1000)  # 3 points


@given(DIAMETERS)
def test_invasion_or_disease_outside_the_liver_excludes_from_every_criterion(diameters_mm):
    for extent in (Extent(diameters_mm, True, False), Extent(diameters_mm, False, True)):
        assert not within_milan(extent)
        assert not within_ucsf(extent)
        assert not within_up_to_7(extent)
        assert not within_afp_model(extent, 5.0)


@given(DIAMETERS)
def test_who_is_within_milan_is_within_the_wider_criteria(diameters_mm):
    extent = confined(*diameters_mm)
    if within_milan(extent):
        assert within_up_to_7(extent)
        assert unos_stage(extent) in (UnosStage.T1, UnosStage.T2)
    if extent.number == 1 and within_milan(extent):
        assert within_ucsf(extent)


@given(DIAMETERS, st.randoms())
def test_the_order_of_tumors_does_not_matter(diameters_mm, random):
    shuffled = list(diameters_mm)
    random.shuffle(shuffled)
    one, other = confined(*diameters_mm), confined(*shuffled)
    assert unos_stage(one) is unos_stage(other)
    for criterion in (within_milan, within_ucsf, within_up_to_7):
        assert criterion(one) == criterion(other)


def test_grades_of_invasion_are_ordered_towards_the_trunk():
    assert PortalInvasion.NONE < PortalInvasion.VP1 < PortalInvasion.VP2 < PortalInvasion.VP3 < PortalInvasion.VP4
    assert max(HepaticVeinInvasion.VV1, HepaticVeinInvasion.VV3, HepaticVeinInvasion.NONE) is HepaticVeinInvasion.VV3


def test_every_grade_a_case_may_state_has_its_place_in_the_order():
    named = [PortalInvasion.named(choice) for choice in CATALOG["pvtt_grade"].choices]
    assert named == sorted(PortalInvasion)
    assert HepaticVeinInvasion.named(" vv2 ") is HepaticVeinInvasion.VV2


def test_an_unknown_grade_names_the_known_ones():
    with pytest.raises(InputError, match="'VP5' is not a grade. Choose one of none, VP1, VP2, VP3, VP4"):
        PortalInvasion.named("VP5")
    with pytest.raises(InputError, match="none, VV1, VV2, VV3"):
        HepaticVeinInvasion.named("VP1")


@pytest.mark.parametrize("wrong", [0.0, -10.0, math.nan, math.inf, 500.0])
def test_impossible_diameters_are_refused(wrong):
    with pytest.raises(InputError, match="tumor diameter"):
        confined(30, wrong)


def test_without_a_tumor_there_is_no_stage():
    with pytest.raises(InputError, match="no tumor"):
        confined()


def test_a_negative_alpha_fetoprotein_is_refused():
    with pytest.raises(InputError, match="alpha-fetoprotein"):
        afp_model_score(confined(30), -1)


@pytest.mark.parametrize(
    ("diameters_mm", "invasion", "outside", "ecog", "end_stage", "stage"),
    [
        ((20.0,), False, False, 0, False, "0"),
        ((20.1,), False, False, 0, False, "A"),
        ((90.0,), False, False, 0, False, "A"),
        ((30.0, 30.0, 30.0), False, False, 0, False, "A"),
        ((30.1, 20.0), False, False, 0, False, "B"),
        ((10.0, 10.0, 10.0, 10.0), False, False, 0, False, "B"),
        ((20.0,), True, False, 0, False, "C"),
        ((20.0,), False, True, 0, False, "C"),
        ((20.0,), False, False, 1, False, "C"),
        ((20.0,), False, False, 2, False, "C"),
        ((20.0,), False, False, 3, False, "D"),
        ((20.0,), True, True, 0, True, "D"),
    ],
)
def test_the_barcelona_stage_follows_tumor_performance_and_liver(
    diameters_mm, invasion, outside, ecog, end_stage, stage
):
    assert bclc_stage(Extent(diameters_mm, invasion, outside), ecog, end_stage) == stage


def test_a_performance_status_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="Enter 0 to 4"):
        bclc_stage(Extent((20.0,), False, False), 5, end_stage_liver=False)
