"""Commissioning: what comes out is right, what is wrong is caught and named, and the protocol can be filed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import rule_rows
from seeded_faults import FAULTS, Fault, sown

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.errors import Cancelled
from Y90DosimetryLib.verify import (
    Checked,
    Group,
    Protocol,
    compared,
    load_entries,
    of_dicom,
    protocol_of,
    read_protocol,
    run,
    verify,
)
from Y90DosimetryLib.verify.protocol import as_json
from Y90DosimetryLib.verify.telling import as_page, as_text

DECAY = next(e for e in load_entries() if e.what == "Left 72 h after calibration")
WRONG = replace(DECAY, what="Left 72 h, wrongly", expected=0.5)
BROKEN = replace(DECAY, what="Left after a word", inputs={"elapsed_h": "72"})


@pytest.fixture(scope="module")
def made() -> Protocol:
    """The whole protocol, made once."""
    return protocol_of()


def test_every_value_comes_out(made: Protocol) -> None:
    assert not [f"{c.entry.what}: {c.got} {c.failure}" for c in made.failed]
    assert len(made.rows) >= 80
    assert {c.entry.group for c in made.rows} == set(Group) - {Group.SITE}
    assert {c.part for c in made.rows if c.entry.what.startswith("Whole case")} >= {"a whole case"}


def test_every_row_says_where_its_value_stands_and_why_it_may_deviate() -> None:
    for entry in load_entries():
        assert entry.source and entry.place, entry.what
        assert entry.why, entry.what
        assert isinstance(entry.expected, str | bool | int) or entry.tolerance >= 0
    computed = {e.computes for e in load_entries()}
    known = {name for name in run.quantities() if not name.startswith("site.")}
    assert computed == known, "each quantity is asked for by a row, and each row finds one"


def test_the_thresholds_are_those_of_the_table_typed_by_hand() -> None:
    said = "run `python Testing/Library/rule_rows.py` after a change of rules_by_hand.txt"
    assert rule_rows.FILE.read_text(encoding="utf-8") == rule_rows.text(), said


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_seeded_fault_is_caught_by_a_row_of_its_group(fault: Fault) -> None:
    known = run.quantities()
    entries = [e for e in load_entries() if e.group is fault.group]
    entries.sort(key=lambda e: known[e.computes].part not in fault.where)  # the likely ones first
    with sown(fault):
        of_dicom.forget()
        rows = (run.checked(e, known) for e in entries)
        caught = next((row for row in rows if not row.passed), None)
    of_dicom.forget()
    assert caught is not None


def test_thirty_faults_and_more_over_all_groups() -> None:
    assert len(FAULTS) >= 30
    assert {f.group for f in FAULTS} == set(Group) - {Group.SITE}


def test_a_mismatch_is_named_with_its_part_and_ends_in_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "load_entries", lambda: (DECAY, WRONG, BROKEN))
    assert main(["verify"]) == 1
    told = capsys.readouterr().out
    assert "Constants and decay: 1 of 3" in told
    assert "FAIL Left 72 h, wrongly" in told and "the part 'physics' of the library" in told
    assert "TypeError" in told, "a computation that breaks is a row that fails"
    assert "2 of 3 values did NOT come out" in told
    monkeypatch.setattr(run, "load_entries", lambda: (DECAY,))
    assert main(["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


def test_a_protocol_without_rows_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "load_entries", lambda: ())
    assert main(["verify"]) == 1


def test_nothing_that_is_no_number_passes_for_one() -> None:
    for got in (float("nan"), float("inf"), True, "0.45906", None):
        assert not DECAY.allows(got)
    assert not replace(DECAY, expected=True).allows(1)
    assert not replace(DECAY, expected="1").allows(1)
    assert DECAY.allows(0.459061)


def test_the_table_fits_80_columns_and_holds_all_there_is_to_a_row(made: Protocol) -> None:
    text = as_text(made)
    assert max(map(len, text.splitlines())) <= 80
    for word in ("0.45906", "+/- 5.5e-06", "rounding of the printed value", "2^(-72/64.1)", made.software_digest):
        assert word in text
    page = as_page(made)
    assert page.count("<tr>") >= len(made.rows)
    assert "Signature" in page and made.versions["numpy"] in page


def test_the_protocol_is_filed_as_pdf_and_json_and_compared_with_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "load_entries", lambda: (DECAY, WRONG))
    assert main(["verify", "--out", str(tmp_path / "first")]) == 1
    assert (tmp_path / "first" / "protocol.pdf").read_bytes().startswith(b"%PDF")
    assert "Signature" in (tmp_path / "first" / "protocol.html").read_text(encoding="utf-8")
    filed = tmp_path / "first" / "protocol.json"
    found = json.loads(filed.read_text(encoding="utf-8"))
    assert found["versions"]["scipy"] and found["machine"]["system"] and len(found["software_digest"]) == 64
    assert [(r["what"], r["passed"]) for r in found["rows"]] == [(DECAY.what, True), (WRONG.what, False)]
    capsys.readouterr()
    assert main(["verify", "--compare", str(filed)]) == 1
    assert "Nothing has changed since the previous protocol." in capsys.readouterr().out
    monkeypatch.setattr(run, "load_entries", lambda: (replace(DECAY, expected=0.4), BROKEN))
    main(["verify", "--compare", str(filed)])
    told = " ".join(capsys.readouterr().out.split())
    assert f"constants and decay, {DECAY.what}: expected 0.45906 before, 0.4 now; passed before, does NOT pass" in told
    assert f"{BROKEN.what}: new" in told and f"{WRONG.what}: no longer there" in told


def test_another_value_or_another_version_is_a_change_though_both_pass(tmp_path: Path) -> None:
    before = _protocol(Checked(DECAY, "physics", 0.45906))
    filed = tmp_path / "protocol.json"
    filed.write_text(json.dumps(as_json(before)), encoding="utf-8")
    now = replace(before, rows=(Checked(DECAY, "physics", 0.459061),), versions={"numpy": "9.9"})
    assert compared(now, read_protocol(filed)).changes == (
        "numpy: 1.0 before, 9.9 now",
        f"constants and decay, {DECAY.what}: gave 0.45906 before, 0.459061 now",
    )


@pytest.mark.parametrize(("text", "says"), [("{}", "no protocol"), ("nothing", "not JSON"), (None, "can't be read")])
def test_what_is_no_earlier_protocol_is_refused_before_anything_is_computed(
    text: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "checked", lambda *_: pytest.fail("computed"))
    if text is not None:
        (tmp_path / "old.json").write_text(text, encoding="utf-8")
    assert main(["verify", "--compare", str(tmp_path / "old.json")]) == 2
    assert says in capsys.readouterr().err


def test_a_protocol_can_be_stopped() -> None:
    def stop(fraction: float, _: str) -> None:
        if fraction > 0:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        verify(stop, [Group.CONSTANTS])


def _protocol(*rows: Checked) -> Protocol:
    now = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    return Protocol(rows, now, 1.0, {"numpy": "1.0"}, {"system": "any"}, "0" * 64)
