"""One line of the benchmark table, and how times and memory are taken."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A comparison on the same data in the same run; None where a peer was not there (the note says why).

    `ratio` is how many times faster than the peer (above 1: we are), or, in a row about memory, how many times the
    bytes of the peer are needed at the peak.
    """

    what: str
    ours_s: float | None
    peer: str
    peer_s: float | None
    ratio: float | None
    aim: str
    note: str = ""


def timed_row(what: str, ours_s: float, peer: str, peer_s: float, aim: str = "", note: str = "") -> Row:
    """Return the row of two times."""
    return Row(what, ours_s, peer, peer_s, peer_s / ours_s, aim, note)


def skipped_row(what: str, ours_s: float | None, peer: str, aim: str, reason: str) -> Row:
    """Return the row of a peer that could not be run."""
    return Row(what, ours_s, peer, None, None, aim, f"skipped: {reason}")


def best_of(count: int, work: Callable[[], object]) -> float:
    """Return the shortest of *count* times in seconds that *work* took."""
    return min(_seconds(work) for _ in range(count))


def best_in_turn(count: int, *works: Callable[[], object]) -> list[float]:
    """Return the shortest of *count* times of each, taken in turn, so that a busy machine slows all alike."""
    return [min(times) for times in zip(*([_seconds(work) for work in works] for _ in range(count)), strict=True)]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most memory that Python and numpy held at once beyond what was held before *work*."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
