"""`y90 cohort`: every case of a folder into tables."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..cohort.run import CohortRun, Options, run_cohort
from ..cohort.work import Ending
from .bar import progress_bar

SOME_FAILED, STOPPED = 1, 130


def add_parser(commands: Any) -> None:
    """Add the commands to `y90`."""
    command = commands.add_parser(
        "cohort",
        help="assess every case of a folder into tables; `cohort stats TABLE` for their statistics",
        description="Assess every case.toml of a folder and write one table of tumors and one of patients.",
        epilog="Statistics of a table: y90 cohort stats --help. Exit code 1: some cases failed; the tables hold the "
        "others. A second run computes only what changed, and what failed.",
    )
    command.add_argument("folder", type=Path, metavar="FOLDER", help="searched with all folders in it")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or that of an earlier run"
    )
    command.add_argument("--jobs", type=int, metavar="N", help="cases at once (default: one for each core)")
    command.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="a dask.distributed scheduler, for example tcp://host:8786"
    )
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="longest time for one case (default: none)")
    command.add_argument("--json", action="store_true", help="say what was done as one JSON object")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Assess the cases of a folder, and say what was done and what failed."""
    options = Options(args.jobs, args.scheduler, args.timeout)
    with progress_bar(logs=True) as progress:
        done = run_cohort(args.folder, args.out, options, progress)
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    for entry in done.failures:
        if entry.outcome.ending is not Ending.NOT_RUN:
            print(f"{entry.number}, {entry.name}: {entry.outcome.message}", file=sys.stderr)
    print(json.dumps(_summary(done), indent=2) if args.json else _sentences(done))
    if done.was_stopped:
        print("y90: stopped; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return STOPPED
    return SOME_FAILED if done.failures else 0


def _sentences(done: CohortRun) -> str:
    not_run = sum(e.outcome.ending is Ending.NOT_RUN for e in done.failures)
    parts = [
        f"{done.computed_count} computed",
        f"{done.unchanged_count} unchanged",
        f"{len(done.failures) - not_run} failed",
        *([f"{not_run} not run"] if not_run else []),
    ]
    tables = [str(done.out / name) for name in ("tumors.csv", "patients.csv", "missing.csv", "failures.csv")]
    return "\n".join([f"{len(done.entries)} cases: {', '.join(parts)}", *tables])


def _summary(done: CohortRun) -> dict[str, object]:
    return {
        "out": str(done.out),
        "cases": len(done.entries),
        "computed": done.computed_count,
        "unchanged": done.unchanged_count,
        "stopped": done.was_stopped,
        "failures": [
            {"case": e.number, "kind": e.outcome.ending, "path": e.name, "message": e.outcome.message}
            for e in done.failures
        ],
    }
