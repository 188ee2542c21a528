"""Every digital patient of `y90 demo` runs, and the case it writes is assessed again with the same numbers."""

from __future__ import annotations

import json
from functools import partial

import pytest

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.cli import OK, WRONG_INPUT, main, planner
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.phantom import PhantomSettings, Variant
from Y90DosimetryLib.report import as_json, content_of

COARSE = PhantomSettings(
    ct_spacing_mm=(4.0, 4.0, 4.0), spect_spacing_mm=(8.8, 8.8, 8.8), pet_spacing_mm=(8.0, 8.0, 6.0)
)


def without_moment(data: dict) -> dict:
    """Return what does not depend on when and from which files it was computed."""
    return {key: value for key, value in data.items() if key not in ("created_at", "inputs")}


def told(case: Case) -> dict:
    """Return what a report's JSON says of a case."""
    return without_moment(json.loads(json.dumps(as_json(content_of(assess(case))))))


def near(thing: object) -> object:
    """Return the same with a tolerance for every number: images on disk have fewer digits."""
    if isinstance(thing, dict):
        return {key: near(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [near(value) for value in thing]
    return pytest.approx(thing, rel=2e-6, abs=1e-6) if isinstance(thing, float) else thing


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr(planner, "demo_case", partial(planner.demo_case, settings=COARSE))


@pytest.mark.parametrize("name", list(planner.DEMOS))
def test_each_patient_is_made_written_and_assessed_again_with_the_same_numbers(name, tmp_path, capsys, coarse):
    assert main(["demo", "--variant", name, "--out", str(tmp_path / "demo")]) == OK
    assert str(tmp_path / "demo" / "report.html") in capsys.readouterr().out
    written = without_moment(json.loads((tmp_path / "demo" / "assessment.json").read_text(encoding="utf-8")))
    case = planner.demo_case(name)
    assert written == told(read_case(tmp_path / "demo" / "case" / "case.toml"))
    assert written == near(told(case)), "what is on the disk is the patient that was made"
    studies = [point.label for point in case.time_points]
    assert bool(studies) == (name == planner.OVER_TIME)
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert all(label in page for label in studies)


def test_help_lists_every_patient(capsys):
    assert main(["demo", "--help"]) == OK
    said = capsys.readouterr().out
    assert set(planner.DEMOS) == {*Variant, planner.OVER_TIME}
    assert all(name in said for name in planner.DEMOS)


def test_without_a_name_it_is_a_planned_lobectomy_without_thrombus(tmp_path, monkeypatch, capsys):
    asked = []

    def made(name):
        asked.append(name)
        return planner.case_variant(name, COARSE)

    monkeypatch.setattr(planner, "demo_case", made)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == OK
    assert asked == [Variant.TWO_TUMORS], "the first sample is one whose scenario fits"
    capsys.readouterr()


def test_another_name_is_refused_with_the_list(tmp_path, capsys):
    assert main(["demo", "--variant", "vasospam", "--out", str(tmp_path / "demo")]) == WRONG_INPUT
    assert "vasospasm" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
