"""Progress of a long command: a line that moves on a terminal; elsewhere nothing, or plain lines for a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..progress import Progress

WIDTH = 24


@contextmanager
def progress_bar(*, quiet: bool = False, logs: bool = False) -> Iterator[Progress]:
    """Give a `Progress` that writes to the error stream where that is a terminal, and end its line afterwards.

    With *logs* it writes plain lines elsewhere: work of hours is followed in a log.
    """
    terminal = sys.stderr.isatty() and not quiet
    last = ""

    def report(fraction: float, doing: str) -> None:
        with suppress(OSError):  # a full disk behind the error stream is no reason to stop
            write(fraction, doing)

    def write(fraction: float, doing: str) -> None:
        nonlocal last
        if terminal:
            filled = round(WIDTH * min(max(fraction, 0.0), 1.0))
            text = f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {doing}"
            sys.stderr.write(text.ljust(len(last)))
            last = text
            sys.stderr.flush()
        elif logs and doing != last:
            sys.stderr.write(f"{doing}\n")
            last = doing
            sys.stderr.flush()

    try:
        yield report
    finally:
        if terminal and last:
            with suppress(OSError):
                sys.stderr.write("\n")
