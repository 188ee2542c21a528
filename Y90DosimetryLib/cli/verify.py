"""`y90 verify`: published values recomputed on this machine; exit code 1 where one does not come out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..io.writing import output_folder
from ..planning.site import PLACE, USUAL
from ..verify import as_text, compared, protocol_of, read_phantom, read_protocol, site_entries, write_protocol
from ..verify.protocol import as_json
from .bar import progress_bar

MISMATCH = 1
PROFILE = "site_profile.toml"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `verify` to the commands."""
    parser = commands.add_parser(
        "verify",
        help="recompute published values on this machine, before it is used and after each update",
        description="Recompute published and independent values on this machine, offline, through the functions that"
        " compute a patient's numbers. Exit code 1 where one does not come out.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write protocol.pdf to be signed and filed, protocol.html and protocol.json",
    )
    parser.add_argument(
        "--compare", type=Path, metavar="PROTOCOL.json", help="say what changed since an earlier protocol"
    )
    parser.add_argument(
        "--cases", type=Path, metavar="DIR", help="recompute the site's own cases too: case files with expected.toml"
    )
    parser.add_argument(
        "--phantom",
        type=Path,
        metavar="FILE.toml",
        help="instead: turn a phantom measurement of the site into its profile of calibration and recovery",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Recompute, print the table, write the protocol, and return 1 where a value did not come out."""
    if args.phantom is not None:
        return _profile(args)
    own = () if args.cases is None else site_entries(args.cases)
    before = None if args.compare is None else read_protocol(args.compare)
    with progress_bar() as progress:
        protocol = protocol_of(progress, own)
    if before is not None:
        protocol = compared(protocol, before)
    if args.out is not None:
        why_no_pdf = write_protocol(protocol, args.out)
        if why_no_pdf:
            print(f"y90: {why_no_pdf}", file=sys.stderr)
    if args.json:
        print(json.dumps(as_json(protocol), indent=2))
    else:
        print(as_text(protocol))
    return MISMATCH if protocol.failed or not protocol.rows else 0


def _profile(args: argparse.Namespace) -> int:
    found = read_phantom(args.phantom)
    if args.out is not None:
        with output_folder(args.out) as folder:
            (folder / PROFILE).write_text(found.as_toml(), encoding="utf-8", newline="\n")
    print("\n".join(found.lines))
    if args.out is not None:
        print(f"{args.out / PROFILE}: used by every later dose interval where {PLACE} names it, or as ~/{USUAL}")
    return 0
