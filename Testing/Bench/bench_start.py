"""How long the command takes to begin, beside the packages that it cannot do without."""

from __future__ import annotations

import subprocess
import sys

from rows import Row, best_in_turn, timed_row

PEER = "import numpy, SimpleITK"
OURS = "import sys; from Y90DosimetryLib.cli import main; sys.exit(main(sys.argv[1:]))"
WORDS = ("calc", "decay", "--activity-gbq", "3", "--hours", "72")


def run() -> list[Row]:
    """Return the row of the whole process of one formula."""
    ours_s, peer_s = best_in_turn(5, lambda: _process(OURS, *WORDS), lambda: _process(PEER))
    return [timed_row("y90 calc, whole process", ours_s, f"python -c '{PEER}'", peer_s, "at least 0.5")]


def _process(code: str, *words: str) -> None:
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
