"""A cohort is computed once, and again only where something changed; nothing that was finished is ever lost."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cohort_kit import make_bad, make_cases, number_of, rows, run_inline, set_weight, tables, weights

from Y90DosimetryLib.cli import WRONG_INPUT, main
from Y90DosimetryLib.cohort.run import Options, run_cohort
from Y90DosimetryLib.cohort.work import Ending, assess_file
from Y90DosimetryLib.errors import Cancelled, InputError

ROOT = Path(__file__).resolve().parents[2]
COMMAND = f"""
import functools, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
sys.path.insert(0, {str(Path(__file__).parent)!r})
import cohort_kit
from Y90DosimetryLib.cli import cohort, main
cohort.run_cohort = functools.partial(cohort.run_cohort, work=cohort_kit.waits)
sys.exit(main())
"""


@pytest.fixture
def folder(tmp_path):
    return make_cases(tmp_path / "cases", ["a", "b", "c"])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def worked(monkeypatch, folder, out):
    """Run the cohort, and return the cases that were really computed."""

    def run() -> list[str]:
        seen: list[str] = []

        def work(path, software):
            seen.append(Path(path).parent.relative_to(folder).as_posix())
            return assess_file(path, software)

        run_inline(monkeypatch, folder, out, work)
        return seen

    return run


def test_a_second_run_computes_nothing_and_writes_the_same_tables(worked, out):
    assert worked() == ["a", "b", "c"]
    first = tables(out)
    assert worked() == []
    assert tables(out) == first


def test_only_the_case_whose_text_changed_is_computed_again(worked, folder, out):
    worked()
    set_weight(folder, "b", 80)
    assert worked() == ["b"]
    assert worked() == []


def test_one_other_voxel_is_a_change_even_where_date_and_size_of_the_file_stay(worked, folder):
    worked()
    path = folder / "c" / "maa.nrrd"
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert worked() == ["c"]


def test_a_file_that_is_gone_turns_a_result_into_a_failure(worked, folder, out):
    worked()
    (folder / "a" / "perfused.nii.gz").unlink()
    assert worked() == ["a"]
    assert [r["case"] for r in rows(out, "failures")] == [number_of(out, "a")]
    assert number_of(out, "a") not in {r["patient"] for r in rows(out, "patients")}


def test_another_software_computes_everything_again(worked, monkeypatch):
    worked()
    monkeypatch.setattr("Y90DosimetryLib.cohort.run.software_digest", lambda: "newer")
    monkeypatch.setattr("Y90DosimetryLib.cohort.work.software_digest", lambda: "newer")
    assert worked() == ["a", "b", "c"]


def test_a_worker_of_another_version_makes_no_result(monkeypatch, folder, out):
    monkeypatch.setattr("Y90DosimetryLib.cohort.work.software_digest", lambda: "older")
    done = run_inline(monkeypatch, folder, out)
    assert {e.outcome.ending for e in done.failures} == {Ending.OTHER_VERSION}
    assert rows(out, "patients") == []


def test_a_case_that_is_gone_leaves_the_tables_and_keeps_its_pseudonym(worked, folder, out):
    worked()
    gone, others = number_of(out, "b"), {number_of(out, n) for n in ("a", "c")}
    shutil.move(folder / "b", folder.parent / "elsewhere")
    assert worked() == []
    assert {r["patient"] for r in rows(out, "patients")} == others
    assert not any(gone in text.decode() for text in tables(out).values())
    assert len(list((out / "identifying" / "results").iterdir())) == 2
    make_cases(folder, ["d"])
    worked()
    assert number_of(out, "d") not in {gone, *others}
    shutil.move(folder.parent / "elsewhere", folder / "b")
    assert worked() == ["b"]
    assert number_of(out, "b") == gone


def test_a_broken_case_stops_nothing_is_listed_and_tried_again(worked, folder, out):
    make_bad(folder, "bad")
    assert worked() == ["a", "b", "bad", "c"]
    assert len(rows(out, "patients")) == 3
    [failure] = rows(out, "failures")
    assert failure["kind"] == "bad_input"
    [line] = [r for r in rows(out / "identifying", "key") if r["path"] == "bad"]
    assert "scenario is 9" in line["message"]
    assert "\n" not in line["message"]
    assert worked() == ["bad"]
    make = folder / "bad" / "case.toml"
    make.write_text(make.read_text(encoding="utf-8").replace("scenario = 9", "scenario = 2"), encoding="utf-8")
    assert worked() == ["bad"]
    assert rows(out, "failures") == []


def test_a_fault_of_the_software_in_one_case_is_named_in_one_line(monkeypatch, folder, out):
    def faulty(case):
        if case.label == "Case b":
            raise ZeroDivisionError("nothing\nto divide")
        return real(case)

    from Y90DosimetryLib.cohort import work

    real = work.assess
    monkeypatch.setattr(work, "assess", faulty)
    [failure] = run_inline(monkeypatch, folder, out).failures
    assert (failure.name, failure.outcome.ending) == ("b", Ending.FAULT)
    assert re.fullmatch(r"ZeroDivisionError: nothing to divide \(\S+\.py, line \d+\)", failure.outcome.message)


def test_a_number_that_is_none_is_a_fault_of_its_case_alone(monkeypatch, folder, out):
    from Y90DosimetryLib.cohort import work

    real = work.rows_of
    wrong = {"patient": {"sflr_fraction": float("nan")}}
    monkeypatch.setattr(work, "rows_of", lambda a: real(a) | (wrong if a.case.label == "Case b" else {}))
    [failure] = run_inline(monkeypatch, folder, out).failures
    assert (failure.name, failure.outcome.ending) == ("b", Ending.FAULT)
    assert len(rows(out, "patients")) == 2


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_a_folder_whose_name_is_no_text_fails_alone_and_is_told(monkeypatch, folder, out):
    (folder / "b").rename(folder / os.fsdecode(b"Caf\xe9"))
    [failure] = run_inline(monkeypatch, folder, out).failures
    assert (failure.name, failure.outcome.ending) == ("Caf\\xe9", Ending.BAD_INPUT)
    assert "no UTF-8 text" in failure.outcome.message
    assert len(rows(out, "patients")) == 2


def test_a_result_that_is_no_whole_file_is_not_believed(worked, out):
    worked()
    first, second = sorted((out / "identifying" / "results").iterdir())[:2]
    first.write_bytes(first.read_bytes()[:-40])
    second.write_text("{}", encoding="utf-8")
    begun = [out / ".tumors-0a1b2c3d.csv", out / "identifying" / "results" / ".0123-0a1b2c3d.json"]
    for path in begun:
        path.write_text('{"half', encoding="utf-8")
    assert len(worked()) == 2
    assert not any(path.exists() for path in begun)


def test_tables_are_whole_together_or_not_called_a_cohort(worked, out, monkeypatch):
    worked()
    assert json.loads((out / "cohort.json").read_text(encoding="utf-8"))["endings"] == {"done": 3}

    def full(*_args, **_more):
        raise InputError("no space left")

    monkeypatch.setattr("Y90DosimetryLib.cohort.tables.write_text", full)
    with pytest.raises(InputError):
        worked()
    assert not (out / "cohort.json").exists()


def test_a_stopped_run_keeps_what_is_done_and_lists_the_rest(monkeypatch, folder, out):
    def stop(_fraction, doing):
        if doing.startswith("2 of 3"):
            raise Cancelled

    done = run_inline(monkeypatch, folder, out, progress=stop)
    assert done.was_stopped
    assert len(rows(out, "patients")) == 2
    assert [r["kind"] for r in rows(out, "failures")] == ["not_run"]
    assert run_inline(monkeypatch, folder, out).computed_count == 1
    assert len(rows(out, "patients")) == 3


def test_progress_counts_cases_and_says_how_fast(monkeypatch, folder, out):
    make_bad(folder, "bad")
    said: list[tuple[float, str]] = []
    run_inline(monkeypatch, folder, out, progress=lambda fraction, doing: said.append((fraction, doing)))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert re.fullmatch(r"4 of 4 cases, [\d.e+]+ a minute, 1 failed", said[-1][1])


# What is a case, and where results may go


def test_cases_lie_at_any_depth_and_links_in_circles_count_once(monkeypatch, folder, out):
    make_cases(folder, ["deeper/still/d"])
    (folder / "deeper" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "again").symlink_to(folder / "a", target_is_directory=True)
    (folder / "nowhere").symlink_to(folder / "nothing")
    (folder / "itself").symlink_to(folder / "itself")
    make_cases(folder, [".hidden"])
    done = run_inline(monkeypatch, folder, out)
    assert sorted(e.name for e in done.entries) == ["a", "b", "c", "deeper/still/d"]
    assert not done.failures


def test_a_linked_folder_outside_is_searched(monkeypatch, folder, out, tmp_path):
    make_cases(tmp_path / "archive", ["old"])
    (folder / "link").symlink_to(tmp_path / "archive", target_is_directory=True)
    assert sorted(e.name for e in run_inline(monkeypatch, folder, out).entries) == ["a", "b", "c", "link/old"]


def test_two_cases_of_one_label_are_two_patients_and_a_note_asks(monkeypatch, folder, out):
    shutil.copytree(folder / "a", folder / "a2")
    done = run_inline(monkeypatch, folder, out)
    assert len(rows(out, "patients")) == 4
    [note] = done.notes
    assert "2 cases are labeled 'Case a'" in note
    assert number_of(out, "a") in note
    assert number_of(out, "a2") in note


def test_results_inside_the_searched_folder_are_no_cases(monkeypatch, folder):
    out = folder / "results"
    run_inline(monkeypatch, folder, out)
    make_cases(out, ["not_mine"])
    assert len(run_inline(monkeypatch, folder, out).entries) == 3


@pytest.mark.parametrize("inside", ["", "below"])
def test_cases_inside_the_results_are_refused(folder, inside):
    with pytest.raises(InputError, match="folder of the results"):
        run_cohort(folder / inside if not inside else make_cases(folder / inside, ["x"]), folder)


def test_an_empty_folder_is_refused_and_an_earlier_cohort_stays(worked, folder, out, tmp_path):
    worked()
    before = tables(out)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(InputError, match=r"no case\.toml"):
        worked()
    assert tables(out) == before
    with pytest.raises(InputError, match="no such folder"):
        run_cohort(tmp_path / "nothing", out)


def test_a_folder_with_other_things_in_it_is_not_written_into(folder, out):
    out.mkdir()
    (out / "tumors.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="holds something else"):
        run_cohort(folder, out)
    assert [p.name for p in out.iterdir()] == ["tumors.csv"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"jobs": 0}, "0 jobs"),
        ({"timeout_s": 0.0}, "time limit"),
        ({"timeout_s": float("nan")}, "time limit"),
        ({"jobs": 2, "scheduler": "tcp://here:1"}, "both given"),
    ],
)
def test_impossible_options_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        Options(**options)


# Real processes


def start(folder: Path, out: Path, told: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a terminal does; *told* takes its progress and errors."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "cohort", str(folder), "--out", str(out), "--jobs", "1"],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=told,
        text=True,
    )


def wait_for_results(out: Path, count: int, process: subprocess.Popen[str]) -> list[Path]:
    """Wait until so many results are stored."""
    while process.poll() is None:
        found = sorted((out / "identifying" / "results").glob("[0-9a-f]*.json"))
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"the run ended by itself: {process.communicate()}")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_run_that_is_killed_or_interrupted_loses_nothing_that_was_finished(monkeypatch, folder, out, capsys):
    make_cases(folder, ["d"])
    wait = folder / "c" / "wait"
    wait.touch()
    first = start(folder, out)
    stored = wait_for_results(out, 2, first)
    assert main(["cohort", str(folder), "--out", str(out)]) == WRONG_INPUT
    assert "another run is writing" in capsys.readouterr().err
    first.kill()
    assert first.wait() == -signal.SIGKILL
    first.communicate()
    assert not (out / "patients.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in stored}

    terminal, end = os.openpty()  # progress is told on a terminal only
    second = start(folder, out, end)
    try:
        told = ""
        while "2 of 4 cases" not in told:
            assert second.poll() is None, f"the run ended by itself: {told}"
            if select.select([terminal], [], [], 0.1)[0]:
                told += os.read(terminal, 4096).decode()
        os.killpg(second.pid, signal.SIGINT)
        said, _ = second.communicate(timeout=60)
        while select.select([terminal], [], [], 0.0)[0]:
            told += os.read(terminal, 4096).decode()
    finally:
        second.kill()
        os.close(end)
        os.close(terminal)
    assert second.returncode == 130, told
    assert "Traceback" not in told
    assert "2 unchanged, 0 failed, 2 not run" in said
    assert len(rows(out, "patients")) == 2

    wait.unlink()
    assert run_inline(monkeypatch, folder, out).computed_count == 2
    assert {path: path.stat().st_mtime_ns for path in stored} == kept
    assert set(weights(out).values()) == {"done"}
