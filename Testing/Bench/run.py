"""Run the benchmarks beside this file and print one table; names as arguments choose some (`run.py kernel`)."""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
import traceback
from pathlib import Path

import numpy as np
import scipy
import SimpleITK as sitk
from rows import Row

from Y90DosimetryLib.version import __version__

HEADINGS = ("what", "ours", "peer", "its time", "ratio", "aim", "", "note")


def rows_of(name: str) -> tuple[list[Row], bool]:
    """Return the rows of one benchmark and whether it ran to its end."""
    try:
        rows: list[Row] = importlib.import_module(name).run()
    except Exception as error:  # one benchmark must not hide the others
        traceback.print_exc()
        return [Row(name, None, "", None, None, "", f"failed: {error}")], False
    return rows, True


def verdict(row: Row) -> str:
    """Return whether the ratio reaches its aim; empty where either is missing."""
    aim = re.fullmatch(r"at (least|most) ([\d.]+)", row.aim)
    if aim is None or row.ratio is None:
        return ""
    reached = row.ratio >= float(aim[2]) if aim[1] == "least" else row.ratio <= float(aim[2])
    return "reached" if reached else "MISSED"


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as texts."""
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    return (row.what, _seconds(row.ours_s), row.peer, _seconds(row.peer_s), ratio, row.aim, verdict(row), row.note)


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main(wanted: list[str]) -> int:
    """Print the table; 1 when a benchmark failed (a missed aim is shown, not an error)."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    names = [name for name in found if not wanted or name.removeprefix("bench_") in wanted]
    if not names:
        print(f"no such benchmark; there are {', '.join(name.removeprefix('bench_') for name in found)}")
        return 2
    rows: list[Row] = []
    complete = True
    for name in names:
        print(f"running {name} ...", file=sys.stderr)
        some, ran = rows_of(name)
        rows += some
        complete = complete and ran
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    print(f"Y90Dosimetry {__version__}; {versions}, SimpleITK {sitk.Version.VersionString()}; {os.cpu_count()} CPUs")
    print("ratio: the time of the peer over ours, or what the note says; in rows on memory, how many times its bytes\n")
    print(table(rows))
    return 0 if complete else 1


def _seconds(time_s: float | None) -> str:
    return "" if time_s is None else f"{time_s:.4g} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
