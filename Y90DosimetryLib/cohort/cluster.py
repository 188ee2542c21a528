"""The workers of a dask.distributed cluster, which see the folder of the cases under the same path."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, MissingToolError
from .digests import software_digest
from .work import Ending, Outcome, Work, in_one_line
from .workers import Ended

CONNECT_S = 10.0


class ClusterPool:
    """One case at a time for each worker of a cluster. A lost worker's case is given to another one by dask.

    Raises
    ------
    MissingToolError
        If `distributed` is not installed.
    InputError
        If no scheduler answers, it has no workers, or a worker has another version of the library.
    """

    def __init__(self, address: str, software: str, work: Work, timeout_s: float | None = None) -> None:
        self._client = _connected(address)  # a distributed.Client; it gives distributed.Future
        self._software, self._work, self._timeout_s = software, work, timeout_s
        self._busy: dict[str, Any] = {}
        self._deadlines_s: dict[str, float] = {}
        self._heard = threading.Event()
        try:
            _require_version(self._client, software, address)
        except BaseException:
            self._client.close()
            raise

    @property
    def capacity(self) -> int:
        """How many cases may run at once now: as many as there are workers, whatever threads they have."""
        return len(self._client.nthreads())

    @property
    def busy_count(self) -> int:
        """How many cases are running."""
        return len(self._busy)

    def start(self, path: str) -> None:
        """Give a case to the cluster."""
        self._busy[path] = future = self._client.submit(self._work, path, self._software, pure=False)
        future.add_done_callback(lambda _future: self._heard.set())
        if self._timeout_s is not None:
            self._deadlines_s[path] = time.monotonic() + self._timeout_s

    def wait(self, patience_s: float) -> Sequence[Ended]:
        """Return the cases that ended, after at most so many seconds."""
        self._heard.wait(patience_s)
        self._heard.clear()
        ended = [self._received(path) for path, future in list(self._busy.items()) if future.done()]
        late = [path for path, deadline_s in self._deadlines_s.items() if deadline_s <= time.monotonic()]
        return ended + [self._stopped(path) for path in late]

    def close(self) -> None:
        """Cancel what runs, and leave the cluster as it was."""
        for future in self._busy.values():
            future.cancel()
        self._busy.clear()
        self._client.close()

    def _received(self, path: str) -> Ended:
        from distributed import KilledWorker

        future = self._taken(path)
        if future.status == "finished":
            outcome: Outcome = future.result()
            return Ended(path, outcome)
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker) or error is None:
            return Ended(path, None, "every worker that took it was lost: a crash, or too little memory")
        return Ended(path, Outcome(Ending.FAULT, f"{type(error).__name__}: {in_one_line(str(error))}"))

    def _stopped(self, path: str) -> Ended:
        """Cancel a case that takes too long, and end its worker: a computation can't be stopped in any other way.

        The nanny that started the worker starts another one.
        """
        future = self._taken(path)
        holders = [address for address, keys in self._client.processing().items() if future.key in keys]
        future.cancel()
        if holders:
            self._client.run(os._exit, 1, workers=holders, on_error="ignore")
        return Ended(path, Outcome(Ending.TIMED_OUT, f"it took longer than {self._timeout_s:g} s"))

    def _taken(self, path: str) -> Any:
        self._deadlines_s.pop(path, None)
        return self._busy.pop(path)


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise MissingToolError(
            "a scheduler needs the package 'distributed', which is not installed here. "
            "Install it with `pip install distributed`, or leave out --scheduler"
        ) from None
    _require_listening(address)
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no scheduler answers ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            where=address,
            remedy="Give the address that the scheduler prints when it starts, for example tcp://10.0.0.5:8786",
        ) from None


def _require_listening(address: str) -> None:
    """Refuse an address where nothing listens, before a client tries it again and again in the background."""
    scheme, _, place = address.rpartition("://")
    if scheme not in ("", "tcp", "tls"):
        return
    host, colon, port = place.rpartition(":")
    remedy = "Give the address that the scheduler prints when it starts, for example tcp://10.0.0.5:8786"
    if not colon or not port.isdecimal():
        raise InputError("the address names no port", where=address, remedy=remedy)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no scheduler answers ({error})", where=address, remedy=remedy) from None


def _require_version(client: Any, software: str, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        raise InputError(
            "the scheduler has no workers", where=address, remedy="Start some with `dask worker`"
        ) from None
    try:
        found = client.run(software_digest)
    except Exception as error:  # whatever a worker says when it can't load the library
        raise InputError(
            f"a worker can't load the library ({in_one_line(str(error))[:200]})",
            where=address,
            remedy="Install this version of the library on all workers",
        ) from None
    other = sorted(worker for worker, digest in found.items() if digest != software)
    if other:
        raise InputError(
            f"{len(other)} of {len(found)} workers run another version of the software, first {other[0]}",
            where=address,
            remedy="Install the same versions of Python and the library on all workers",
        )
