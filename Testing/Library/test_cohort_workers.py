"""Processes side by side: any number of them and any order gives the same tables, and one that dies harms no other."""

from __future__ import annotations

import pytest
from cohort_kit import dies, dies_once, first_is_last, make_cases, rows, sleeps, tables

from Y90DosimetryLib.cohort.run import Options, run_cohort
from Y90DosimetryLib.cohort.work import Ending


@pytest.fixture
def folder(tmp_path):
    return make_cases(tmp_path / "cases", ["a", "b"])


def test_one_worker_or_two_in_any_order_write_the_same_bytes(folder, tmp_path):
    run_cohort(folder, tmp_path / "two", Options(jobs=2), work=first_is_last)
    run_cohort(folder, tmp_path / "one", Options(jobs=1))
    assert tables(tmp_path / "one") == tables(tmp_path / "two")
    assert len(rows(tmp_path / "one", "tumors")) == 2


def test_a_case_that_kills_its_worker_is_found_and_the_others_go_on(folder, tmp_path):
    make_cases(folder, ["poison1", "poison2"])
    done = run_cohort(folder, tmp_path / "out", Options(jobs=2), work=dies)
    assert {e.name: e.outcome.ending for e in done.failures} == {"poison1": Ending.CRASHED, "poison2": Ending.CRASHED}
    assert all("SIGKILL: usually the system ran out of memory" in e.outcome.message for e in done.failures)
    assert len(rows(tmp_path / "out", "patients")) == 2


def test_a_worker_lost_once_costs_nothing(folder, tmp_path):
    make_cases(folder, ["unlucky"])
    done = run_cohort(folder, tmp_path / "out", Options(jobs=1), work=dies_once)
    assert (folder / "unlucky" / "died").exists()
    assert not done.failures
    assert done.computed_count == 3


def test_a_case_without_end_is_stopped_at_the_time_limit(folder, tmp_path):
    make_cases(folder, ["endless"])
    done = run_cohort(folder, tmp_path / "out", Options(jobs=2, timeout_s=4.0), work=sleeps)
    [failure] = done.failures
    assert (failure.name, failure.outcome.ending) == ("endless", Ending.TIMED_OUT)
    assert "4 s" in failure.outcome.message
    assert done.computed_count == 2
