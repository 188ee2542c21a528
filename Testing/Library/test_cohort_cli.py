"""`y90 cohort FOLDER` and `y90 cohort stats TABLE`: exit codes, what is said, and that the one feeds the other."""

from __future__ import annotations

import json

import pytest
from cohort_kit import make_bad, make_cases, rows

from Y90DosimetryLib.cli import OK, WRONG_INPUT, main
from Y90DosimetryLib.cli.cohort import SOME_FAILED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_cases(tmp_path_factory.mktemp("cohort") / "cases", ["a", "b"])


@pytest.fixture(scope="module")
def out(folder):
    """The tables, by the command itself."""
    assert main(["cohort", str(folder), "--out", str(folder.parent / "out"), "--jobs", "1"]) == OK
    return folder.parent / "out"


def test_the_command_says_what_it_did_and_where_the_tables_are(folder, out, capsys):
    assert main(["cohort", str(folder), "--out", str(out)]) == OK
    said = capsys.readouterr().out
    assert "2 cases: 0 computed, 2 unchanged, 0 failed" in said
    assert str(out / "tumors.csv") in said
    assert len(rows(out, "patients")) == 2


def test_a_failed_case_is_told_in_one_line_and_by_the_exit_code(tmp_path, capsys):
    make_bad(tmp_path / "cases", "bad")
    assert main(["cohort", str(tmp_path / "cases"), "--out", str(tmp_path / "out"), "--json"]) == SOME_FAILED
    said = capsys.readouterr()
    data = json.loads(said.out)
    assert (data["cases"], data["computed"], data["stopped"]) == (1, 0, False)
    [failure] = data["failures"]
    assert (failure["kind"], failure["path"]) == ("bad_input", "bad")
    assert len([line for line in said.err.splitlines() if line.startswith("case-0001, bad: ")]) == 1


def test_wrong_input_is_one_message(tmp_path, capsys):
    assert main(["cohort", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == WRONG_INPUT
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_statistics_read_the_table_of_tumors(out, capsys):
    assert main(["cohort", "stats", str(out / "tumors.csv"), "--json"]) == OK
    said = json.loads(capsys.readouterr().out)
    assert "2" in json.dumps(said), "two tumors were read"


def test_stats_is_a_word_of_its_own_and_a_folder_of_that_name_is_still_reached(capsys):
    assert main(["cohort", "./stats", "--out", "x"]) == WRONG_INPUT
    assert "stats: there is no such folder" in capsys.readouterr().err
    assert main(["cohort", "stats", "--help"]) == OK
    assert main(["cohort", "--help"]) == OK
