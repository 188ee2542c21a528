"""Rules that are code: each function on statements written out by hand."""

from __future__ import annotations

import pytest
from findings_kit import NOTHING, TUMOR_GY, known

from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.guidelines.named import (
    cumulative_lung_dose,
    derived,
    good_maa_targeting,
    scenario_5_route,
)
from Y90DosimetryLib.measures import Known, Measurement


def value_of(measurement: Measurement) -> object:
    return measurement.value


def test_the_lung_dose_of_earlier_treatments_is_added_and_never_assumed_to_be_0() -> None:
    name = "lung_dose_gy.case"
    case = Measurement(name, 20.0)

    def total(*more: Measurement) -> Measurement:
        return cumulative_lung_dose(Known([case, *more]), {})

    before = Measurement("previous_y90", True)
    assert value_of(total(before, Measurement("earlier_lung_dose_gy", 15.0))) == 35.0
    assert value_of(total(Measurement("previous_y90", False))) == 20.0
    assert total().needs == ("previous_y90",)
    assert total(before).needs == ("earlier_lung_dose_gy",)
    assert total().missing_because == "earlier Y-90 treatments are not stated"
    assert total(before).missing_because == "the lung dose of the earlier Y-90 treatments is not stated"
    assert cumulative_lung_dose(Known([Measurement(name, missing_because="no shunt", needs=("f",))]), {}).needs == (
        "f",
    )


@pytest.mark.parametrize(
    ("invasion", "disease", "child_pugh", "route"),
    [
        ("bilobar", "bilobar", "A", "like_bilobar"),
        ("bilobar", None, None, "like_bilobar"),
        (None, "bilobar", None, "like_bilobar"),
        ("unilobar", "bilobar", "A", "like_bilobar"),
        ("unilobar", "unilobar", "A", "like_lobectomy"),
        ("unilobar", "unilobar", "B", "not_named"),
        ("unilobar", "unilobar", None, None),
        ("unilobar", None, "A", None),
        (None, "unilobar", "A", None),
    ],
)
def test_the_route_of_scenario_5(
    invasion: str | None, disease: str | None, child_pugh: str | None, route: str | None
) -> None:
    values = {"mvi_lobes": invasion, "lobes_involved": disease, "child_pugh_class": child_pugh}
    found = scenario_5_route(known(**{k: v for k, v in values.items() if v}), {})
    assert found.value == route
    assert found.needs == (() if route else tuple(k for k, v in values.items() if v is None))
    assert found.missing_because == ("" if route else "the lobes involved or Child-Pugh are not known")


@pytest.mark.parametrize(
    ("tumor_gy", "normal_gy", "good"),
    [(205.0, 70.0, True), (204.9, 70.0, False), (205.0, 70.1, False), (None, 70.1, False), (300.0, None, None)],
)
def test_good_targeting_is_what_the_dose_rules_ask(
    tumor_gy: float | None, normal_gy: float | None, good: bool | None
) -> None:
    values = {TUMOR_GY: tumor_gy, "whole_normal_liver_dose_gy.multicompartment": normal_gy}
    found = good_maa_targeting(Known(Measurement(k, v) for k, v in values.items() if v), load_rules())
    assert found.value is good
    if good is None:
        assert found.needs == ("whole_normal_liver_dose_gy.multicompartment",)


def test_what_is_given_is_not_derived_again() -> None:
    made = {m.measure_id for m in derived(known(**{"scenario_5_route": "not_named"}), load_rules())}
    assert made == {
        "lung_dose_gy.cumulative",
        "good_maa_targeting",
    }
    assert derived(NOTHING, {}) == ()
