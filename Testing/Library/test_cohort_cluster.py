"""The same cohort on a dask.distributed cluster of real processes: the same bytes, and no case takes others along."""

from __future__ import annotations

import builtins

import pytest
from cohort_kit import dies, dies_once, make_cases, rows, run_inline, sleeps, tables

from Y90DosimetryLib.cohort import cluster
from Y90DosimetryLib.cohort.run import Options, run_cohort
from Y90DosimetryLib.cohort.work import Ending
from Y90DosimetryLib.errors import InputError, MissingToolError


@pytest.fixture(scope="module")
def scheduler():
    """The address of a cluster of two processes on this machine."""
    distributed = pytest.importorskip(
        "distributed", reason="dask.distributed is not installed: pip install distributed"
    )
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture
def folder(tmp_path):
    return make_cases(tmp_path / "cases", ["a", "b", "c"])


def test_a_cluster_writes_the_same_bytes_as_this_machine_and_repeats_nothing(scheduler, folder, tmp_path, monkeypatch):
    far = run_cohort(folder, tmp_path / "far", Options(scheduler=scheduler))
    assert far.computed_count == 3
    run_inline(monkeypatch, folder, tmp_path / "near")
    assert tables(tmp_path / "far") == tables(tmp_path / "near")
    again = run_cohort(folder, tmp_path / "far", Options(scheduler=scheduler))
    assert (again.computed_count, again.unchanged_count) == (0, 3)


def test_a_poisonous_case_is_isolated_and_a_lost_worker_is_made_up_for(scheduler, folder, tmp_path):
    make_cases(folder, ["poison"])
    done = run_cohort(folder, tmp_path / "out", Options(scheduler=scheduler), work=dies)
    assert [(e.name, e.outcome.ending) for e in done.failures] == [("poison", Ending.CRASHED)]
    assert len(rows(tmp_path / "out", "patients")) == 3


def test_a_case_whose_worker_is_lost_once_is_computed_by_another(scheduler, folder, tmp_path):
    make_cases(folder, ["unlucky"])
    done = run_cohort(folder, tmp_path / "out", Options(scheduler=scheduler), work=dies_once)
    assert (folder / "unlucky" / "died").exists()
    assert not done.failures
    assert done.computed_count == 4


def test_a_case_without_end_is_stopped_and_its_worker_comes_back(scheduler, folder, tmp_path):
    make_cases(folder, ["endless"])
    done = run_cohort(folder, tmp_path / "out", Options(scheduler=scheduler, timeout_s=6.0), work=sleeps)
    assert [(e.name, e.outcome.ending) for e in done.failures] == [("endless", Ending.TIMED_OUT)]
    assert done.computed_count == 3


def test_workers_of_another_version_are_refused_before_anything_is_computed(scheduler, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("Y90DosimetryLib.cohort.run.software_digest", lambda: "newer")
    with pytest.raises(InputError, match="workers run another version"):
        run_cohort(folder, tmp_path / "out", Options(scheduler=scheduler))


def test_a_scheduler_that_does_not_answer_is_named(folder, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install distributed")
    monkeypatch.setattr("Y90DosimetryLib.cohort.cluster.CONNECT_S", 0.5)
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9: no scheduler answers"):
        run_cohort(folder, tmp_path / "out", Options(scheduler="tcp://127.0.0.1:9"))


def test_without_the_package_the_message_says_what_to_install(folder, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **more):
        if name.startswith("distributed"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingToolError, match="pip install distributed"):
        run_cohort(folder, tmp_path / "out", Options(scheduler="tcp://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1", "names no port"),
        ("tcp://localhost:x", "names no port"),
        ("tcp://127.0.0.1:1", "no scheduler answers"),
    ],
)
def test_an_address_where_nothing_listens_is_refused_before_a_client_is_made(address, says) -> None:
    with pytest.raises(InputError, match=says):
        cluster._require_listening(address)
