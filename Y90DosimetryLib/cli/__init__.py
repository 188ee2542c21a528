"""The command `y90`.

Exit code 0: done; 1: some cases of a cohort failed; 2: the input is wrong (one message); 3: a fault of the software;
130: stopped by the user.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from ..errors import Cancelled, DosimetryError
from ..version import __version__
from . import calc, cohort, export, pacs, plan, planner, register, rules

OK, WRONG_INPUT, FAULT, STOPPED = 0, 2, 3, 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of `y90` with all its commands."""
    top = argparse.ArgumentParser(
        prog="y90",
        description="Dosimetry of Y-90 radioembolization. For research; not a certified medical device.",
    )
    top.add_argument("--version", action="version", version=f"y90 {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    planner.add_parser(commands)
    plan.add_parser(commands)
    register.add_parser(commands)
    export.add_parser(commands)
    pacs.add_parser(commands)
    calc.add_parser(commands)
    cohort.add_parser(commands)
    rules.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        args = parser().parse_args(cohort.with_stats(sys.argv[1:] if arguments is None else arguments))
    except SystemExit as stop:  # argparse has already said what is wrong
        return int(stop.code or 0)
    try:
        return int(args.run(args))
    except Cancelled:
        print("y90: stopped; nothing was written", file=sys.stderr)
        return STOPPED
    except KeyboardInterrupt:
        print("\ny90: stopped; nothing was written", file=sys.stderr)
        return STOPPED
    except DosimetryError as error:
        print(f"y90: {error}", file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:
        return OK
    except Exception:
        traceback.print_exc()
        print("y90: this is a fault of the software, not of your input; please report the lines above", file=sys.stderr)
        return FAULT
