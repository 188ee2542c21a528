"""The ends of everything: numbers, dates, texts, disks and streams end in one sentence, and results stay whole."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from case_folder import CASE, fill
from planning_kit import hand_case

from Y90DosimetryLib import assess
from Y90DosimetryLib.case import Disease
from Y90DosimetryLib.cli import OK, WRONG_INPUT, main
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import read_case_file
from Y90DosimetryLib.io.case_keys import TABLES, Form
from Y90DosimetryLib.planning.stated import STATED_RANGES, StatedInputs, stated_from
from Y90DosimetryLib.planning.uncertainty import intervals
from Y90DosimetryLib.report import as_json, content_of
from Y90DosimetryLib.structures import Role, Structure

ROOT = Path(__file__).resolve().parents[2]
needs_full_disk = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")


# Numbers and dates

ABSURD = ("0", "-1", "1e-308", "1e23", "1e308", "-1e308", "9223372036854775807", "nan", "inf")
NUMBERS = [
    (table, key)
    for table in TABLES
    for key in table.keys
    if key.form in (Form.NUMBER, Form.WHOLE) and table.name in ("patient", "disease", "settings", "sessions.infusions")
]


def with_key(text: str, table: str, name: str, value: str) -> str:
    """The case file with one key set."""
    header = f"[[{table}]]" if table == "sessions.infusions" else f"[{table}]"
    before, _, after = text.partition(header)
    lines, *rest = after.split("\n[", 1)
    kept = [line for line in lines.splitlines() if line.partition("=")[0].strip() != name]
    return "\n[".join(["\n".join([before + header, *kept[1:], f"{name} = {value}", ""]), *rest])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("case")
    fill(made)
    return made


@pytest.mark.parametrize(("table", "key"), NUMBERS, ids=[f"{t.name}.{k.name}" for t, k in NUMBERS])
def test_every_number_of_a_case_file_is_computed_with_or_refused(folder, table, key):
    for value in (*ABSURD, *(f"{end:.17g}" for end in key.bounds)):
        path = folder / "case.toml"
        path.write_text(with_key(CASE, table.name, key.name, value))
        try:
            as_json(content_of(assess(read_case_file(path).case)))
        except InputError as error:
            assert "\n" not in str(error).split(". ")[0] or "TOML" in str(error)


@pytest.mark.parametrize("name", StatedInputs.names())
def test_every_stated_uncertainty_is_computed_with_or_refused(name):
    others = {"resolution_mm": 12.0, "recovery_half_volume_ml": 3.0, "recovery_exponent": 1.0}
    engine = Engine.prepare(hand_case())
    low, high = STATED_RANGES[name]
    for value in (low, high):
        with suppress(InputError):  # nothing left of a tumor, a density of no tissue
            intervals(engine, stated_from({**others, name: min(value, 0.99) if "fraction" in name else value}))
    for value in (low * 0.99 if low else -1e-9, high * 1.01, 1e23, 1e308, float("inf"), float("nan")):
        with pytest.raises(InputError):
            stated_from({**others, name: value})


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_a_day_at_the_ends_of_the_calendar_is_refused(day):
    with pytest.raises(InputError, match="1900"):
        Disease(2, None, {"surgery_date": day})


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2200, 12, 31)])
def test_a_day_inside_is_counted_with(day):
    case = hand_case()
    assess(replace(case, disease=Disease(2, None, {"surgery_date": day, "follow_up_date": day})))


# Texts

HIDDEN = ["\x1b[31m", "\a", "\n", "\r", "\u2028", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\x7f"]


@pytest.mark.parametrize("hidden", HIDDEN, ids=[f"U+{ord(h[0]):04X}" for h in HIDDEN])
def test_a_name_that_hides_something_is_refused_and_told_as_an_escape(hidden):
    mask = hand_case().structures[0].mask
    with pytest.raises(InputError, match=f"U\\+{ord(hidden[0]):04X}") as told:
        Structure(Role.LIVER, f"Liver{hidden}Verdict: all met", mask)
    assert hidden[0] not in str(told.value)
    with pytest.raises(InputError):
        replace(hand_case(), label=f"a{hidden}b")
    with pytest.raises(InputError):
        replace(hand_case(), notes=(f"a{hidden}b",))


def test_names_in_every_script_are_kept_and_the_longest_has_100_characters():
    mask = hand_case().structures[0].mask
    for name in ("Läsion é", "肝臓", "الكبد", "می\u200cخواهم", "x" * 100):
        assert Structure(Role.LIVER, name, mask).label == name
    with pytest.raises(InputError, match="101 characters"):
        Structure(Role.LIVER, "x" * 101, mask)


# Disks and streams


def y90(arguments, cwd, **streams) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "Y90DosimetryLib", *arguments], cwd=cwd, env=environment, timeout=300, **streams
    )


@pytest.fixture
def case_toml(folder) -> str:
    (folder / "case.toml").write_text(CASE)
    return str(folder / "case.toml")


@needs_full_disk
def test_results_are_whole_where_nothing_can_be_printed(case_toml, tmp_path):
    whole = {"report.html", "assessment.json"}
    with open("/dev/full", "w") as full:
        done = y90(["assess", case_toml, "--out", "a"], tmp_path, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == WRONG_INPUT
        assert b"no space left" in done.stderr and b"Traceback" not in done.stderr and b"Exception" not in done.stderr
        done = y90(["assess", case_toml, "--out", "b"], tmp_path, stdout=subprocess.PIPE, stderr=full)
        assert done.returncode == OK and done.stdout
    command = f'exec "{sys.executable}" -m Y90DosimetryLib assess "{case_toml}" --out d >&- 2>&- <&-'
    assert (
        subprocess.run(["sh", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode
        == OK
    )
    for name in "abd":
        assert whole <= {entry.name for entry in (tmp_path / name).iterdir()}, name
    assert {entry.name for entry in tmp_path.iterdir()} == set("abd"), "and nothing else is left"


def test_out_may_be_a_link_to_an_empty_folder_or_the_current_one(case_toml, tmp_path, monkeypatch):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    assert main(["assess", case_toml, "--out", str(tmp_path / "link")]) == OK
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target" / "report.html").exists()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["assess", case_toml, "--out", ""]) == OK
    assert (tmp_path / "here" / "report.html").exists()
    assert main(["assess", case_toml, "--out", ""]) == WRONG_INPUT, "now there is something in it"
