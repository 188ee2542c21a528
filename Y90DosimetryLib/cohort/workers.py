"""Processes of this machine, one case at a time in each; a process that dies takes only its own case with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import MappingProxyType
from typing import Protocol

from .work import Ending, Outcome, Work

ONE_THREAD: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
)
"""So that n workers use n cores."""
LEAVE_S = 5.0
"""How long a worker that leaves may take before it is stopped."""


@dataclass(frozen=True)
class Ended:
    """A case that came back; `outcome` is None when its worker was lost, and `message` says what is known of that."""

    path: str
    outcome: Outcome | None
    message: str = ""


class Pool(Protocol):
    """Workers, wherever they are. `start` only while `busy_count` is below `capacity`."""

    @property
    def capacity(self) -> int:
        """How many cases may run at once now."""

    @property
    def busy_count(self) -> int:
        """How many cases are running."""

    def start(self, path: str) -> None:
        """Give a case to a free worker."""

    def wait(self, patience_s: float) -> Sequence[Ended]:
        """Return the cases that ended, after at most so many seconds."""

    def close(self) -> None:
        """Stop everything that runs."""


class LocalPool:
    """Processes of this machine, started when they are first needed."""

    def __init__(self, jobs: int, software: str, work: Work, timeout_s: float | None = None) -> None:
        self._jobs, self._software, self._work, self._timeout_s = jobs, software, work, timeout_s
        self._idle: list[_Worker] = []
        self._busy: dict[str, _Worker] = {}
        self._deadlines_s: dict[str, float] = {}

    @property
    def capacity(self) -> int:
        """How many cases may run at once."""
        return self._jobs

    @property
    def busy_count(self) -> int:
        """How many cases are running."""
        return len(self._busy)

    def start(self, path: str) -> None:
        """Give a case to a free worker."""
        while True:
            worker = self._idle.pop() if self._idle else _Worker.started(self._work)
            try:
                worker.pipe.send((path, self._software))
                break
            except OSError:  # it died while it had nothing to do
                worker.stop()
        self._busy[path] = worker

    def wait(self, patience_s: float) -> list[Ended]:
        """Return the cases that ended, after at most so many seconds."""
        now_s = time.monotonic()
        nearest_s = min(self._deadlines_s.values(), default=now_s + patience_s)
        wait([w.pipe for w in self._busy.values()], min(patience_s, max(0.0, nearest_s - now_s)))
        heard = [self._received(path) for path, worker in list(self._busy.items()) if worker.pipe.poll()]
        late = [path for path, deadline_s in self._deadlines_s.items() if deadline_s <= time.monotonic()]
        return [e for e in heard if e is not None] + [self._stopped(path) for path in late]

    def close(self) -> None:
        """Stop all workers; what they were computing is lost."""
        for worker in self._busy.values():
            worker.stop()
        for worker in self._idle:
            worker.leave()
        self._busy.clear()
        self._idle.clear()
        self._deadlines_s.clear()

    def _received(self, path: str) -> Ended | None:
        worker = self._busy[path]
        try:
            outcome: Outcome | None = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(LEAVE_S)  # it is ending: its own code is what is wanted
            return Ended(path, None, self._taken(path).stop())
        if outcome is None:  # it begins: what it took to start the process is not the case's time
            if self._timeout_s is not None:
                self._deadlines_s[path] = time.monotonic() + self._timeout_s
            return None
        self._idle.append(self._taken(path))
        return Ended(path, outcome)

    def _stopped(self, path: str) -> Ended:
        self._taken(path).stop()
        return Ended(path, Outcome(Ending.TIMED_OUT, f"it took longer than {self._timeout_s:g} s"))

    def _taken(self, path: str) -> _Worker:
        self._deadlines_s.pop(path, None)
        return self._busy.pop(path)


@dataclass(frozen=True)
class _Worker:
    """A process and this end of the pipe to it."""

    process: SpawnProcess
    pipe: Connection

    @classmethod
    def started(cls, work: Work) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, work), daemon=True)
        with _as_a_worker_has_it():
            process.start()
        there.close()  # so that the pipe ends with the process
        return cls(process, here)

    def stop(self) -> str:
        """End the process if it still runs, and return how it ended."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.pipe.close()
        return _said(self.process.exitcode)

    def leave(self) -> None:
        """Let an idle process end by itself, or stop it."""
        self.pipe.close()
        self.process.join(LEAVE_S)
        self.stop()


def serve(pipe: Connection, work: Work) -> None:
    """Work on one case after another until the other end of the pipe is closed: the whole life of a worker.

    For each case it sends None when it begins, and the outcome at the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the run, which decides
    try:
        while True:
            path, software = pipe.recv()
            pipe.send(None)
            pipe.send(work(path, software))
    except (EOFError, OSError):
        return


def _said(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"the process ended with code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    hint = ": usually the system ran out of memory" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{hint}"


@contextmanager
def _as_a_worker_has_it() -> Iterator[None]:
    """Set what a process inherits: one thread, and no ear for Ctrl-C; the run itself keeps its own."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    in_main = threading.current_thread() is threading.main_thread()
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGINT, interrupt)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
