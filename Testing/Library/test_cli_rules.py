"""`y90 rules` as typed: a list, one rule, JSON, the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.guidelines.loading import load_rules

ROOT = Path(__file__).parents[2]


def test_the_list_has_a_line_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    *lines, age = capsys.readouterr().out.splitlines()
    assert "September 2021" in age and "Later recommendations may exist" in age
    assert [line.split()[0] for line in lines] == list(load_rules())


def test_a_scenario_lists_what_is_judged_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--scenario", "3"]) == 0
    ids = {line.split()[0] for line in capsys.readouterr().out.splitlines()[:-1]}
    assert {"GEN-01", "S3-DOSE-01", "S2-DOSE-04", "LUNG-01", "C0-SURG-01"} <= ids
    assert not ids & {"S1-DOSE-01", "S2-DOSE-01", "S4-DOSE-01"}
    assert main(["rules", "--scenario", "6"]) == 2


def test_one_rule_with_all_there_is_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", "s3-dose-01"]) == 0
    text = capsys.readouterr().out
    for part in ("below 205 Gy", "at most 250 Gy", "at least 30 %", "dose calculation, 2-3", "degree B", "331 Gy"):
        assert part in text


def test_json_keeps_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", "S3-DOSE-01", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["rules"][0]
    assert shown["bands"][0]["if"] == [{"measure": "tumor_lowest_dose_gy.multicompartment", "below": 205.0}]
    assert shown["sources"][0]["degree"] == "B"
    assert main(["rules", "--scenario", "4", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert all(4 in rule["scenarios"] for rule in listed)


def test_an_unknown_rule_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", "S3-DOSE-1"]) == 2
    assert "Did you mean S3-DOSE-01?" in capsys.readouterr().err


def test_the_page_is_printed_as_it_stands_in_the_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--markdown"]) == 0
    assert capsys.readouterr().out == (ROOT / "Docs" / "rules.md").read_text("utf-8")
    assert main(["rules", "--markdown", "--scenario", "3"]) == 2
