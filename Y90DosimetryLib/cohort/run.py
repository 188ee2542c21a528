"""A cohort from a folder to its tables: what is stored and still holds is kept, the rest is computed side by side."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Cancelled, InputError
from ..progress import Progress, part, silent
from .digests import is_unchanged, software_digest
from .finding import FoundCase, find_cases
from .store import Store
from .tables import Entry, write_tables
from .work import Ending, Outcome, Work, assess_file
from .workers import LocalPool, Pool

PATIENCE_S = 0.5
"""How long a run waits before it looks whether it should stop."""
SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True)
class Options:
    """How a cohort is run. `jobs` of None is one for each core; `scheduler` is the address of a dask scheduler."""

    jobs: int | None = None
    scheduler: str = ""
    timeout_s: float | None = None
    """For one case; None is no limit."""

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"there are {self.jobs} jobs", where="jobs", remedy="Give 1 or more")
        if self.timeout_s is not None and not 0 < self.timeout_s < float("inf"):
            raise InputError(f"the time limit is {self.timeout_s} s", where="timeout", remedy="Give a positive number")
        if self.scheduler and self.jobs is not None:
            raise InputError(
                "jobs and a scheduler are both given",
                where="jobs",
                remedy="Leave out jobs: a scheduler uses all of its workers",
            )


@dataclass(frozen=True)
class CohortRun:
    """What a run did. `failures` are the cases that are in no table; `notes` name folders and labels: keep them."""

    out: Path
    entries: tuple[Entry, ...]
    computed_count: int
    was_stopped: bool
    notes: tuple[str, ...]

    @property
    def failures(self) -> tuple[Entry, ...]:
        """The cases without a result."""
        return tuple(e for e in self.entries if e.outcome.ending is not Ending.DONE)

    @property
    def unchanged_count(self) -> int:
        """How many results were still good."""
        return len(self.entries) - len(self.failures) - self.computed_count


def run_cohort(
    folder: Path, out: Path, options: Options | None = None, progress: Progress = silent, work: Work = assess_file
) -> CohortRun:
    """Assess every case of a folder and write the tables of all of them into *out*.

    A case whose files and software are those of its stored result is not computed again; one that failed is tried
    again. Each result is stored when it is there, so a run may end in any way and the next one goes on. When
    *progress* raises `Cancelled` or the user interrupts, the tables hold what is done, and say what is not.

    Raises
    ------
    InputError
        If the folder holds no case, *out* can't be used, or the scheduler does not answer.
    MissingToolError
        If a scheduler is given and `distributed` is not installed.
    """
    options = options or Options()
    search = find_cases(folder, out)
    store, software = Store(out), software_digest()
    with store.locked():
        cases = {str(case.path): case for case in search.cases}
        numbers = store.numbered([c.name for c in search.cases])
        store.keep_only(c.name for c in search.cases)
        outcomes: dict[str, Outcome] = {}
        computed, stopped = 0, False
        try:
            outcomes |= _still_good(store, search.cases, software, part(progress, 0.0, 0.1))
            todo = [path for path in cases if path not in outcomes]
            if todo:
                report = _Report(len(cases), len(outcomes), part(progress, 0.1, 1.0))
                with closing(_computed(todo, _pool(options, software, work), report)) as ended:
                    for path, outcome in ended:
                        if outcome.result is not None:
                            store.save(cases[path].name, outcome.result)
                            computed += 1
                        outcomes[path] = outcome
        except (Cancelled, KeyboardInterrupt):
            stopped = True
        not_run = Outcome(Ending.NOT_RUN, Ending.NOT_RUN.meaning)
        entries = tuple(Entry(numbers[c.name], c.name, outcomes.get(path, not_run)) for path, c in cases.items())
        entries = tuple(sorted(entries, key=lambda e: e.number))
        write_tables(store, entries, numbers, software)
    return CohortRun(out, entries, computed, stopped, _notes(search.closed, entries))


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pool(options: Options, software: str, work: Work) -> Callable[[int], Pool]:
    if options.scheduler:
        from .cluster import ClusterPool

        cluster = ClusterPool(options.scheduler, software, work, options.timeout_s)
        return lambda _count: cluster
    jobs = options.jobs or core_count()
    return lambda count: LocalPool(min(jobs, count), software, work, options.timeout_s)


def _still_good(store: Store, cases: Sequence[FoundCase], software: str, progress: Progress) -> Mapping[str, Outcome]:
    def check(case: FoundCase) -> Mapping[str, Any] | None:
        result = store.load(case.name)
        good = result and result.get("software") == software and is_unchanged(case.path, result.get("inputs", ()))
        return result if good else None

    good: dict[str, Outcome] = {}
    with ThreadPoolExecutor(core_count()) as threads:
        try:
            for count, (case, result) in enumerate(zip(cases, threads.map(check, cases), strict=True), start=1):
                progress(count / len(cases), "looking for what has changed")
                if result is not None:
                    good[str(case.path)] = Outcome(Ending.DONE, result=result)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return good


def _computed(todo: Sequence[str], pool_for: Callable[[int], Pool], report: _Report) -> Generator[tuple[str, Outcome]]:
    """Yield each case with how it ended. One whose worker was lost is tried once more, alone, at the end."""
    pool = pool_for(len(todo))
    try:
        lost: list[str] = []
        for queue, alone in ((deque(todo), False), (lost, True)):
            waiting = deque(queue)
            while waiting or pool.busy_count:
                while waiting and pool.busy_count < (1 if alone else pool.capacity):
                    pool.start(waiting.popleft())
                report.now()
                for ended in pool.wait(PATIENCE_S):
                    if ended.outcome is None and not alone:
                        lost.append(ended.path)
                        continue
                    outcome = ended.outcome or Outcome(Ending.CRASHED, ended.message)
                    yield ended.path, outcome
                    report.ended(outcome)
    finally:
        pool.close()


class _Report:
    """Says how many cases are done and how fast."""

    def __init__(self, total: int, done: int, progress: Progress) -> None:
        self._total, self._done, self._before, self._failed = total, done, done, 0
        self._progress, self._start_s = progress, time.monotonic()
        self._text = f"{done} of {total} cases"

    def ended(self, outcome: Outcome) -> None:
        self._done += 1
        self._failed += outcome.ending is not Ending.DONE
        minutes = (time.monotonic() - self._start_s) / SECONDS_PER_MINUTE
        rate = (self._done - self._before) / max(minutes, 1e-9)
        failed = f", {self._failed} failed" if self._failed else ""
        self._text = f"{self._done} of {self._total} cases, {rate:.3g} a minute{failed}"
        self.now()

    def now(self) -> None:
        self._progress(self._done / self._total, self._text)


def _notes(closed: Iterable[str], entries: Sequence[Entry]) -> tuple[str, ...]:
    found = [f"not looked into, it can't be opened: {name}" for name in closed]
    labels = Counter(e.label for e in entries if e.label)
    for label, count in labels.items():
        if count > 1:
            same = ", ".join(e.number for e in entries if e.label == label)
            found.append(f"{count} cases are labeled '{label}' ({same}): is one patient counted twice?")
    return tuple(found)
