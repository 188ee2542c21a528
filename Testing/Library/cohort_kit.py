"""Folders of small cases for the tests of cohorts, and workers that misbehave as the name of a case tells them."""

from __future__ import annotations

import csv
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from case_folder import case_file

from Y90DosimetryLib.cohort import run as run_module
from Y90DosimetryLib.cohort.run import CohortRun, Options, run_cohort
from Y90DosimetryLib.cohort.work import Outcome, Work, assess_file
from Y90DosimetryLib.cohort.workers import Ended

TABLES = ("tumors", "patients", "missing", "failures", "dictionary")


def make_cases(folder: Path, names: Sequence[str]) -> Path:
    """Write one small case for each name."""
    for name in names:
        (folder / name).mkdir(parents=True)
        case_file(folder / name, 'label = "Case 1"', f'label = "Case {name}"')
    return folder


def make_bad(folder: Path, name: str) -> Path:
    """Write a case that can't be read."""
    make_cases(folder, [name])
    case_file(folder / name, "scenario = 2", "scenario = 9")
    return folder


def set_weight(folder: Path, name: str, weight_kg: int) -> None:
    """Change a case by the patient's weight."""
    case_file(folder / name, "weight_kg = 70", f"weight_kg = {weight_kg}")


def rows(out: Path, table: str) -> list[dict[str, str]]:
    """Return the lines of a table."""
    with (out / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def tables(out: Path) -> dict[str, bytes]:
    """Return the tables as they were written."""
    return {name: (out / f"{name}.csv").read_bytes() for name in TABLES}


def number_of(out: Path, name: str) -> str:
    """Return the pseudonym of a case."""
    return next(r["case"] for r in rows(out / "identifying", "key") if r["path"] == name and not r["tumor"])


def weights(out: Path) -> dict[str, str]:
    """Return something of each patient that depends on the weight: none where the height is unknown, so the label."""
    return {r["path"]: r["status"] for r in rows(out / "identifying", "key") if not r["tumor"]}


class InlinePool:
    """A pool without processes: a case is done when it is started."""

    def __init__(self, software: str, work: Work) -> None:
        self._software, self._work = software, work
        self._ended: list[Ended] = []

    @property
    def capacity(self) -> int:
        return 1

    @property
    def busy_count(self) -> int:
        return len(self._ended)

    def start(self, path: str) -> None:
        self._ended.append(Ended(path, self._work(path, self._software)))

    def wait(self, _patience_s: float) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        pass


def run_inline(monkeypatch, folder: Path, out: Path, work: Work = assess_file, **more) -> CohortRun:
    """Run a cohort in this process."""
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "_pool", lambda _options, software, work: lambda _count: InlinePool(software, work))
        return run_cohort(folder, out, Options(), work=work, **more)


# Work that a process imports by name


def dies(path: str, software: str) -> Outcome:
    """Kill the worker, as the system does when memory runs out, where the case is called "poison"."""
    if Path(path).parent.name.startswith("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    return assess_file(path, software)


def dies_once(path: str, software: str) -> Outcome:
    """Kill the worker that takes the case called "unlucky" first."""
    mark = Path(path).parent / "died"
    if Path(path).parent.name == "unlucky" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return assess_file(path, software)


def sleeps(path: str, software: str) -> Outcome:
    """Never come back from the case called "endless"."""
    while Path(path).parent.name == "endless":
        time.sleep(0.1)
    return assess_file(path, software)


def first_is_last(path: str, software: str) -> Outcome:
    """Let the case called "a" wait until another one has begun, so that cases end in another order than they start."""
    folder = Path(path).parent
    if folder.name == "a":
        while not (folder.parent / "b" / "begun").exists():
            time.sleep(0.02)
    (folder / "begun").touch()
    return assess_file(path, software)


def waits(path: str, software: str) -> Outcome:
    """Wait for as long as a file "wait" lies beside the case and whoever ordered the work lives."""
    parent = os.getppid()
    while (Path(path).parent / "wait").exists():
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(0.05)
    return assess_file(path, software)
