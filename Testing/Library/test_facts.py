"""Facts the team states: each is asked once, with a unit, a type and the scenarios that need it."""

from __future__ import annotations

from datetime import date

import pytest

from Y90DosimetryLib.case import Disease
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG, FLR_IMAGING_MONTHS, GROUPS, Fact, Kind, check_facts


@pytest.mark.parametrize("fact", CATALOG.values(), ids=list(CATALOG))
def test_a_fact_is_whole(fact: Fact) -> None:
    assert fact.id == fact.id.lower() and fact.title[0].isupper()
    assert fact.group in GROUPS
    assert (
        fact.scenarios
        and tuple(sorted(set(fact.scenarios))) == fact.scenarios
        and set(fact.scenarios) <= {1, 2, 3, 4, 5}
    )
    assert bool(fact.choices) is (fact.kind is Kind.CHOICE)
    assert bool(fact.unit) is (fact.kind is Kind.NUMBER)
    if fact.kind is Kind.NUMBER:
        words = {"Gy": "gy", "mL": "ml", "months": "months", "h": "h", "F": "french"}
        assert fact.id.endswith(f"_{words[fact.unit]}")
        assert fact.at_least is not None
    if fact.at_least is not None and fact.at_most is not None:
        assert fact.at_least < fact.at_most


def test_titles_tell_facts_apart() -> None:
    titles = [fact.title for fact in CATALOG.values()]
    assert len(set(titles)) == len(titles)


def test_what_is_not_stated_is_unknown() -> None:
    assert check_facts({}) == {}
    assert Disease().facts == {}


def test_values_that_fit_are_kept_as_they_are() -> None:
    stated = {
        "extrahepatic_disease": False,
        "pvtt_grade": "VP3",
        "segments_treated_count": 2,
        "microcatheter_french": 2.4,
        "surgery_date": date(2026, 9, 1),
    }
    assert check_facts(stated) == stated


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("extrahepatic_disease", "no", "answer true or false"),
        ("extrahepatic_disease", 0, "answer true or false"),
        ("pvtt_grade", "vp3", "choose one of none, VP1, VP2, VP3, VP4"),
        ("segments_treated_count", 1.5, "give a whole number"),
        ("segments_treated_count", True, "give a number"),
        ("segments_treated_count", 0, "can't be below 1"),
        ("segments_treated_count", 9, "can't be above 8"),
        ("microcatheter_french", "2.4 F", "give a number"),
        ("microcatheter_french", float("nan"), "finite"),
        ("microcatheter_french", 0.9, "can't be below 1 F"),
        ("microcatheter_french", 4.1, "can't be above 4 F"),
        ("surgery_date", "2026-09-01", "give a date"),
        ("post_treatment_imaging_h", -0.1, "can't be below 0 h"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        check_facts({name: value})  # type: ignore[dict-item]


def test_an_unknown_fact_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'pvtt_grade'"):
        check_facts({"pvt_grade": "VP1"})
    with pytest.raises(InputError, match="y90 case new"):
        check_facts({"zzzzzz": True})


def test_the_remnant_is_asked_for_at_every_month_of_the_schedule() -> None:
    assert FLR_IMAGING_MONTHS == (1, 3, 6, 9)
    assert {f"flr_imaged_month_{month}" for month in FLR_IMAGING_MONTHS} <= set(CATALOG)


def test_segmentectomy_is_not_asked_about_resection() -> None:
    asked = {name for name, fact in CATALOG.items() if 1 in fact.scenarios}
    assert {"microsatellites_suspected", "microcatheter_french", "device"} <= asked
    assert not asked & {"surgery_planned", "bilobar_strategy", "lobectomy_for_small_flr"}
