"""Transplant criteria at their edges, of what is viable and of whole lesions, and how long they have held."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.followup.transplant import Counted, Criteria, Fulfilled, Spread, lasting, transplant_criteria
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.missing import Missing

DAY = date(2026, 6, 1)
MILAN, UCSF, UP_TO_7, AFP_MODEL = Criteria


def spread(*viable_mm: float | None, afp_ng_ml: float | None = 10.0, **more: object) -> Spread:
    lesions = tuple(LesionReading(f"L{i}", mm) for i, mm in enumerate(viable_mm))
    known = {"macrovascular_invasion": False, "extrahepatic_disease": False, **more}
    return Spread(DAY, lesions, afp_ng_ml=afp_ng_ml, **known)  # type: ignore[arg-type]


def found(of: Spread, counted: Counted = Counted.VIABLE) -> dict[Criteria, Fulfilled]:
    return {f.criteria: f for f in transplant_criteria(of, counted)}


def fulfilled(of: Spread, counted: Counted = Counted.VIABLE) -> set[Criteria]:
    return {name for name, f in found(of, counted).items() if f.within is True}


@pytest.mark.parametrize(
    ("viable_mm", "criteria"),
    [
        ((50.0,), {MILAN, UCSF, UP_TO_7, AFP_MODEL}),
        ((50.1,), {UCSF, UP_TO_7, AFP_MODEL}),
        ((60.0,), {UCSF, UP_TO_7, AFP_MODEL}),
        ((60.1,), {UCSF}),
        ((65.0,), {UCSF}),
        ((65.1,), set()),
        ((30.0, 30.0, 30.0), {MILAN, UP_TO_7, AFP_MODEL}),  # 9 cm together
        ((30.0, 30.0, 20.0), {MILAN, UCSF, UP_TO_7, AFP_MODEL}),
        ((30.1, 10.0), {UCSF, UP_TO_7, AFP_MODEL}),
        ((45.0, 35.0), {UCSF, UP_TO_7, AFP_MODEL}),
        ((45.0, 35.1), {UP_TO_7, AFP_MODEL}),
        ((45.1, 10.0), {UP_TO_7, AFP_MODEL}),
        ((30.0, 10.0, 10.0, 10.0), {UP_TO_7, AFP_MODEL}),
        ((30.1, 10.0, 10.0, 10.0), set()),
        ((0.0,), {MILAN, UCSF, UP_TO_7, AFP_MODEL}),
        ((50.0, 0.0, 0.0, 0.0), {MILAN, UCSF, UP_TO_7, AFP_MODEL}),
    ],
)
def test_size_and_number_at_their_limits(viable_mm: tuple[float, ...], criteria: set[Criteria]) -> None:
    assert fulfilled(spread(*viable_mm)) == criteria


@pytest.mark.parametrize(
    ("largest_mm", "number", "afp_ng_ml", "points"),
    [
        (30.0, 1, 100.0, 0),
        (30.1, 1, 100.0, 1),
        (60.0, 1, 100.0, 1),
        (60.1, 1, 100.0, 4),
        (30.0, 3, 100.0, 0),
        (30.0, 4, 100.0, 2),
        (30.0, 1, 100.1, 2),
        (30.0, 1, 1000.0, 2),
        (30.0, 1, 1000.1, 3),
        (61.0, 4, 1001.0, 9),
    ],
)
def test_the_points_of_the_afp_model_and_its_limit_of_two(
    largest_mm: float, number: int, afp_ng_ml: float, points: int
) -> None:
    answer = found(spread(*[largest_mm] * number, afp_ng_ml=afp_ng_ml))[AFP_MODEL]
    assert answer.points == points
    assert answer.within is (points <= 2)


def test_invasion_and_disease_outside_the_liver_exclude_by_every_set() -> None:
    assert fulfilled(spread(20.0, macrovascular_invasion=True)) == set()
    assert fulfilled(spread(20.0, extrahepatic_disease=True)) == set()
    assert fulfilled(spread(0.0, extrahepatic_disease=True)) == set()
    for answer in found(spread(20.0, macrovascular_invasion=True, extrahepatic_disease=None)).values():
        assert answer.within is False


@pytest.mark.parametrize(
    ("of", "needs"),
    [
        (spread(20.0, macrovascular_invasion=None), "pvtt_grade"),
        (spread(20.0, extrahepatic_disease=None), "extrahepatic_disease"),
        (spread(20.0, None), "viable_mm"),
        (spread(), "lesions"),
    ],
)
def test_what_is_unknown_is_no_pass(of: Spread, needs: str) -> None:
    for answer in found(of).values():
        assert isinstance(answer.within, Missing) and needs in answer.within.needs


def test_what_is_known_may_be_too_much_already() -> None:
    assert found(spread(70.0, None))[MILAN].within is False
    assert found(spread(70.0, None))[AFP_MODEL].within is False
    assert isinstance(found(spread(70.0, None))[AFP_MODEL].points, Missing)
    assert found(spread(None, afp_ng_ml=1001.0))[AFP_MODEL].within is False


def test_without_afp_only_its_model_is_open_and_only_where_size_leaves_it_so() -> None:
    assert fulfilled(spread(20.0, afp_ng_ml=None)) == {MILAN, UCSF, UP_TO_7}
    answer = found(spread(20.0, afp_ng_ml=None))[AFP_MODEL]
    assert isinstance(answer.within, Missing) and answer.within.needs == ("afp_ng_ml",)
    assert found(spread(61.0, afp_ng_ml=None))[AFP_MODEL].within is False


def test_necrosis_counts_before_the_treatment_and_not_after_it() -> None:
    of = replace(spread(), lesions=(LesionReading("L", 20.0, longest_mm=80.0),))
    assert fulfilled(of) == set(Criteria)
    assert fulfilled(of, Counted.WHOLE) == set()
    unmeasured = found(spread(20.0), Counted.WHOLE)[MILAN].within
    assert isinstance(unmeasured, Missing) and unmeasured.needs == ("longest_mm",)


def test_a_thrombus_counts_as_long_as_it_enhances() -> None:
    def with_thrombus(**fields: object) -> Spread:
        return spread(20.0, thrombi=(ThrombusReading("P", **fields),), macrovascular_invasion=True)  # type: ignore[arg-type]

    assert fulfilled(with_thrombus(enhances=True)) == set()
    assert fulfilled(with_thrombus(enhances=False)) == set(Criteria)
    assert all(f.within is False for f in found(with_thrombus(enhances=False), Counted.WHOLE).values())
    unsaid = found(with_thrombus())[MILAN].within
    assert isinstance(unsaid, Missing) and unsaid.needs == ("enhances",)
    assert fulfilled(with_thrombus(diameter_mm=0.0)) == set(Criteria)
    assert fulfilled(with_thrombus(grade="none")) == set(Criteria)


def test_since_when_the_criteria_hold_without_a_break() -> None:
    def on(month: int, mm: float | None) -> Spread:
        return replace(spread(mm), on=date(2026, month, 1))

    held = {h.criteria: h for h in lasting([on(7, 40.0), on(1, 40.0), on(2, 52.0), on(3, 40.0)])}
    assert (held[MILAN].since, held[MILAN].months_count) == (date(2026, 3, 1), 4.0)
    assert (held[UCSF].since, held[UCSF].months_count) == (date(2026, 1, 1), 6.0)
    broken = {h.criteria: h for h in lasting([on(1, 40.0), on(2, None), on(3, 40.0)])}
    assert broken[MILAN].since == date(2026, 3, 1)
    outside = {h.criteria: h for h in lasting([on(1, 40.0), on(2, 70.0)])}
    assert isinstance(outside[MILAN].since, Missing) and "not fulfilled" in outside[MILAN].since.because
    open_now = {h.criteria: h for h in lasting([on(1, 40.0), on(2, None)])}
    assert isinstance(open_now[MILAN].months_count, Missing) and "not measured" in open_now[MILAN].months_count.because
    assert all(isinstance(h.since, Missing) for h in lasting([]))


def test_another_tumor_in_that_time_is_named() -> None:
    first = replace(spread(20.0), on=date(2026, 1, 1))
    new = replace(first, on=date(2026, 4, 1), lesions=(*first.lesions, LesionReading("New", 12.0, is_new=True)))
    assert {h.other_tumor for h in lasting([first, new])} == {"New"}
    assert {h.other_tumor for h in lasting([first, replace(first, on=DAY)])} == {""}


@given(st.lists(st.floats(5.0, 100.0), min_size=1, max_size=5), st.floats(5.0, 100.0), st.floats(0.0, 2000.0))
def test_one_more_tumor_never_opens_the_door(sizes_mm: list[float], more_mm: float, afp_ng_ml: float) -> None:
    assert fulfilled(spread(*sizes_mm, more_mm, afp_ng_ml=afp_ng_ml)) <= fulfilled(
        spread(*sizes_mm, afp_ng_ml=afp_ng_ml)
    )


def test_every_set_names_its_publication() -> None:
    assert [c.source.split(" et al.")[0] for c in Criteria] == ["Mazzaferro", "Yao", "Mazzaferro", "Duvoux"]
