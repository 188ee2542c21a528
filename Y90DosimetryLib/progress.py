"""How long work tells what it does, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done; raises `Cancelled` to stop the work."""


def silent(_fraction: float, _doing: str) -> None:
    """Report nothing."""


def part(progress: Progress, start_fraction: float, end_fraction: float) -> Progress:
    """Return a `Progress` that fills only the given share of *progress*."""

    def report(fraction: float, doing: str) -> None:
        progress(start_fraction + (end_fraction - start_fraction) * fraction, doing)

    return report
