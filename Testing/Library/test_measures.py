"""The vocabulary: every id says its unit and model, and a measurement is a value or the reason for none."""

from __future__ import annotations

from datetime import date

import pytest

from Y90DosimetryLib import measurements
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG, Kind
from Y90DosimetryLib.measures import (
    NOT_KNOWN,
    UNITS,
    VOCABULARY,
    Each,
    Known,
    Measure,
    Measurement,
    Origin,
    measure,
    needs_of,
    written,
)

NTAD_GY, PERFUSED_GY = "ntad_gy.multicompartment", "perfused_dose_gy.single_compartment"


@pytest.mark.parametrize("entry", VOCABULARY.values(), ids=list(VOCABULARY))
def test_an_entry_is_whole(entry: Measure) -> None:
    assert entry.title and entry.ask
    if entry.kind is Kind.NUMBER:
        assert entry.unit in UNITS.values()
    if entry.is_dose and entry.origin is not Origin.FACT:
        assert entry.model
    assert bool(entry.choices) is (entry.kind is Kind.CHOICE)


def test_every_fact_is_a_measure_and_written_once() -> None:
    facts = {name: entry for name, entry in VOCABULARY.items() if entry.origin is Origin.FACT}
    assert set(facts) == set(CATALOG)
    for name, fact in CATALOG.items():
        assert (facts[name].title, facts[name].kind, facts[name].choices) == (fact.title, fact.kind, fact.choices)
        assert facts[name].unit.screen == fact.unit


def test_every_measure_of_a_case_is_computed_by_exactly_one_function() -> None:
    once, each = set(measurements.FUNCTIONS), set(measurements.ITEM_FUNCTIONS)
    assert not once & each
    computed = {name: entry for name, entry in VOCABULARY.items() if entry.origin is Origin.CASE}
    assert once == {name for name, entry in computed.items() if entry.each is Each.CASE}
    assert each == {name for name, entry in computed.items() if entry.each is not Each.CASE}


@pytest.mark.parametrize(
    ("name", "screen", "ucum"),
    [
        (NTAD_GY, "Gy", "Gy"),
        ("liver_activity_gbq", "GBq", "GBq"),
        ("activity_per_sphere_bq", "Bq", "Bq"),
        ("liver_volume_ml", "mL", "mL"),
        ("afp_ng_ml", "ng/mL", "ng/mL"),
        ("gfr_ml_min_173m2", "mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("bilirubin_mg_dl", "mg/dL", "mg/dL"),
        ("hepatic_reserve_fraction", "%", "1"),
        ("stage_interval_d", "days", "d"),
        ("since_treatment_months", "months", "mo"),
        ("microcatheter_french", "F", "[Ch]"),
        ("treatment_day", "", "1"),
    ],
)
def test_the_unit_is_read_from_the_id(name: str, screen: str, ucum: str) -> None:
    assert (measure(name).unit.screen, measure(name).unit.ucum) == (screen, ucum)


def test_an_id_outside_of_the_vocabulary_is_refused() -> None:
    with pytest.raises(InputError, match="not in the vocabulary"):
        Measurement("tumor_dose_gy", 300.0)  # names no model


def test_a_measurement_is_a_value_or_a_reason() -> None:
    assert Measurement(NTAD_GY, 0.0).value == 0.0
    assert Measurement(NTAD_GY, missing_because="no image").value is None
    for wrong in ({}, {"value": 1.0, "missing_because": "no image"}):
        with pytest.raises(InputError) as refused:
            Measurement(NTAD_GY, **wrong)  # type: ignore[arg-type]
        assert str(refused.value) == (
            "measurement 'ntad_gy.multicompartment': it has a value and a reason for none, or neither. Give one of them"
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (NTAD_GY, "120"),
        (NTAD_GY, True),
        (NTAD_GY, float("nan")),
        (NTAD_GY, float("inf")),
        ("ecog", 1.5),
        ("child_pugh_class", "D"),
        ("previous_pve", 1),
        ("surgery_date", "2026-09-01"),
    ],
)
def test_a_value_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError) as refused:
        Measurement(name, value)  # type: ignore[arg-type]
    assert str(refused.value) == f"measurement '{name}': {value!r} does not fit. It is: {measure(name).title}"


def test_only_a_measure_that_exists_for_each_is_about_something() -> None:
    assert Measurement(PERFUSED_GY, 400.0, about="Segment 6").about == "Segment 6"
    with pytest.raises(InputError) as refused:
        Measurement(NTAD_GY, 100.0, about="Segment 6")
    assert str(refused.value) == (
        "measurement 'ntad_gy.multicompartment': it is about 'Segment 6'. This measure exists once a case"
    )


def test_known_finds_items_and_never_invents() -> None:
    known = Known(
        [
            Measurement(PERFUSED_GY, 400.0, about="Segment 6"),
            Measurement(PERFUSED_GY, missing_because="no shunt", about="Segment 2"),
            Measurement(NTAD_GY, 100.0),
        ]
    )
    assert known.items([PERFUSED_GY]) == ("Segment 6", "Segment 2")
    assert known.items([NTAD_GY]) == ()
    assert known.get(PERFUSED_GY, "Segment 6").value == 400.0
    assert known.get(PERFUSED_GY, "Segment 2").missing_because == "no shunt"
    assert known.get(NTAD_GY, "Segment 6").value == 100.0
    assert known.get(PERFUSED_GY, "Segment 4").about == "Segment 4"
    assert known.get(PERFUSED_GY, "Segment 4").value is None
    absent = known.get("ecog")
    assert (absent.value, absent.missing_because, absent.needs) == (None, NOT_KNOWN, ("ecog",))
    assert NTAD_GY in known and "ecog" not in known
    assert len(list(known)) == 3


def test_a_reason_without_an_item_holds_for_every_item() -> None:
    known = Known([Measurement(PERFUSED_GY, missing_because="no infusion is planned")])
    assert known.get(PERFUSED_GY, "Segment 6").missing_because == "no infusion is planned"
    assert known.get(PERFUSED_GY).missing_because == "no infusion is planned"
    assert known.get("ntad_gy.multicompartment").about == ""


def test_what_is_needed_is_named_once() -> None:
    reasons = [
        Measurement(NTAD_GY, missing_because="no image", needs=("image", "structures")),
        Measurement("ecog", missing_because="not entered"),
        Measurement("sflr_fraction", missing_because="no remnant", needs=("structures",)),
    ]
    assert needs_of(reasons) == ("image", "structures", "ecog")


def test_a_measurement_is_given_once_but_may_be_brought_up_to_date() -> None:
    first, second = Measurement(NTAD_GY, 100.0), Measurement(NTAD_GY, 110.0)
    with pytest.raises(InputError) as refused:
        Known([first, second])
    assert str(refused.value) == "measurements: 'ntad_gy.multicompartment' is given twice. Give it once"
    with pytest.raises(InputError, match="^Segment 6: 'perfused_dose_gy.single_compartment' is given twice"):
        Known([Measurement(PERFUSED_GY, 1.0, about="Segment 6")] * 2)
    known = Known([first])
    assert known.updated([second]).get(NTAD_GY).value == 110.0
    assert known.get(NTAD_GY).value == 100.0


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (NTAD_GY, 120.0, "120 Gy"),
        (NTAD_GY, 67.179, "67.2 Gy"),
        ("hepatic_reserve_fraction", 0.434, "43.4 %"),
        ("liver_activity_gbq", 2.0691, "2.07 GBq"),
        ("ecog", 1, "1"),
        ("previous_pve", True, "yes"),
        ("previous_pve", False, "no"),
        ("baseline_modality", "multiphase_mr", "multiphase MR"),
        ("diagnosis", "hcc", "HCC"),
        ("pvtt_grade", "VP3", "VP3"),
        ("surgery_date", date(2026, 9, 1), "2026-09-01"),
        ("treatment_day", 0, "week 1 Sunday"),
        ("treatment_day", 3, "week 1 Wednesday"),
        ("treatment_day", 7, "week 2 Sunday"),
        ("treatment_day", 9, "week 2 Tuesday"),
        ("treatment_day", -2, "2 days before calibration"),
        ("thrombus_targeting_ratio", 1.0, "1"),
        ("lung_mass_g", 1000.0, "1000 g"),
    ],
)
def test_values_are_written_as_a_reader_sees_them(name: str, value: object, text: str) -> None:
    assert Measurement(name, value).text == text  # type: ignore[arg-type]


def test_a_missing_value_is_written_as_its_reason() -> None:
    assert Measurement(NTAD_GY, missing_because="no image is given").text == "no image is given"


def test_two_numbers_that_differ_never_look_alike() -> None:
    reserve = measure("hepatic_reserve_fraction")
    assert written(reserve, 0.29999, 0.30) == "29.999 %"
    assert written(reserve, 0.30, 0.29999) == "30 %"
    assert written(reserve, 0.30, 0.30) == "30 %"
    assert written(reserve, 0.3001, 0.3) == "30.01 %"
    assert written(reserve, 0.43211, 0.30) == "43.2 %"
    assert written(measure(NTAD_GY), 120.0 * (1 + 1e-11), 120.0) == "120.000000001 Gy"
    assert written(measure("ecog"), 1, 2) == "1"
