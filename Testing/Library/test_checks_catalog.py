"""The table of checks is complete, can be changed, and is the page that users read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import test_checks_images
import test_checks_inputs
import test_checks_results
import test_checks_structures
import test_outcome
import test_registration_checks
import test_remnant
from check_cases import case, checked, computed, delivered, outline, plan

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.checks import (
    CATALOG,
    Comparison,
    Level,
    Outcome,
    Room,
    check_images,
    check_inputs,
    check_structures,
    of_room,
    raised,
    run_checks,
)
from Y90DosimetryLib.checks.check import written
from Y90DosimetryLib.checks.document import markdown
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role

EDGES = {
    **test_checks_images.EDGES,
    **test_registration_checks.EDGES,
    **test_checks_structures.EDGES,
    **test_checks_inputs.EDGES,
    **test_remnant.EDGES,
    **test_outcome.EDGES,
    **test_checks_results.EDGES,
}
PAGE = Path(__file__).resolve().parents[2] / "Docs" / "checks.md"


def test_every_check_has_a_case_that_raises_it_and_one_that_passes():
    assert set(EDGES) == set(CATALOG)


def test_a_case_without_fault_raises_nothing_and_leaves_nothing_open():
    shown = 992 * 0.05 / 0.95 / 4032  # the typed shunt of 5 %, in 4032 mL of lungs
    results = checked(case(plan(lungs=shown), delivered(delivers="plan")))
    assert [r.message for r in results if r.outcome is not Outcome.PASSED] == []
    assert len({r.check.id for r in results}) > 80


def test_ids_are_unique_and_every_check_says_what_to_do():
    assert all(name == check.id for name, check in CATALOG.items())
    assert all(check.title and check.remedy and not check.remedy.endswith(".") for check in CATALOG.values())
    assert all(CATALOG[check.unless].level is not Level.NOTE for check in CATALOG.values() if check.unless)


def test_raised_checks_come_first_errors_before_warnings_before_notes():
    faulty = case(plan(left=0.14), delivered(scale=0.001), tumor=None, ct=None)
    results = checked(faulty)
    outcomes = [list(Outcome).index(r.outcome) for r in results]
    levels = [list(Level).index(r.check.level) for r in raised(results)]
    assert outcomes == sorted(outcomes) and levels == sorted(levels)
    assert {r.check.level for r in raised(results)} == set(Level)
    assert raised(results, Level.ERROR) == raised(results)[: levels.count(0)]


def test_a_room_shows_its_own_checks_only():
    results = checked(case())
    parts = [of_room(results, room) for room in Room]
    assert sum(map(len, parts)) == len(results) and all(parts[:-1])
    assert check_images(case(plan()))[0].check.room is Room.IMAGES


def test_a_later_step_that_failed_hides_no_earlier_finding():
    broken = case(plan(spot=25.0), tumor=outline(Role.TUMOR, "Tumor", (150, 190, 100, 140, 100, 140)), ct=None)
    with pytest.raises(InputError):
        computed(broken)
    found = {r.check.id for r in raised(run_checks(broken))}
    assert {"ct_missing", "tumor_outside_liver", "tumor_not_in_liver"} <= found


def test_a_case_without_structures_or_sessions_can_be_checked():
    empty = Case("test", ())
    assert {r.check.id for r in raised(run_checks(empty))} == {
        "ct_missing",
        "tumor_missing",
        "lungs_missing",
        "flr_missing",
    }


def test_another_threshold_is_used_and_shown():
    the_case = case(plan(left=0.14))
    found = raised(run_checks(the_case, *computed(the_case), thresholds={"counts_outside_perfused": 0.105}))
    assert "counts_outside_perfused" not in {r.check.id for r in found}
    (strict,) = [r for r in check_structures(case(), thresholds={"liver_small": 1601.0}) if r.check.id == "liver_small"]
    assert strict.outcome is Outcome.RAISED and strict.check.threshold == 1601.0
    assert strict.message == "Liver volume (Liver): 1600 mL, below 1601 mL"
    assert CATALOG["liver_small"].threshold == 500.0


@pytest.mark.parametrize(
    ("thresholds", "says"),
    [
        ({"tumor_burdn": 0.4}, r"no check 'tumor_burdn'.*Did you mean 'tumor_burden'\?"),
        ({"xyz": 0.4}, "no check 'xyz'.*Docs/checks.md"),
        ({"ct_missing": 1.0}, "'ct_missing': it takes no threshold"),
        ({"tumor_burden": float("nan")}, "'tumor_burden': the threshold is nan"),
    ],
)
def test_a_threshold_that_fits_no_check_is_refused(thresholds, says):
    with pytest.raises(InputError, match=says):
        check_inputs(case(), thresholds=thresholds)


@pytest.mark.parametrize(
    ("value", "unit", "apart_from", "text"),
    [
        (0.2, "fraction", None, "20 %"),
        (0.12345, "fraction", None, "12.3 %"),
        (0.100001, "fraction", 0.1, "10.0001 %"),
        (499.96, "mL", 500.0, "499.96 mL"),
        (500.0, "mL", 500.0, "500 mL"),
        (1234567.0, "ng/mL", None, "1230000 ng/mL"),
        (1e-15, "fraction", None, "0 %"),
        (-1e-15, "mm", None, "0 mm"),
        (1.5, "", None, "1.5"),
        (float("inf"), "h", None, "not a number"),
    ],
)
def test_a_value_is_written_with_its_unit_and_never_as_the_limit_it_passed(value, unit, apart_from, text):
    assert written(value, unit, apart_from) == text


def test_results_are_plain_values_that_json_can_hold():
    faulty = case(plan(left=0.14), delivered(scale=0.001), tumor=None)
    for result in checked(faulty):
        assert json.loads(json.dumps(dataclasses.asdict(result), allow_nan=False))["message"] == result.message


def test_what_compares_has_a_threshold_and_what_is_found_has_none():
    for check in CATALOG.values():
        assert (check.threshold is None) is (check.comparison is Comparison.FOUND)
        assert check.unit != "fraction" or 0 < check.threshold <= 1.5


def test_the_page_of_checks_is_written_from_the_table():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "write Docs/checks.md from checks.document.markdown()"
    assert all(f"`{name}`" in markdown() for name in CATALOG)
