"""`y90 verify`: published values recomputed on this machine; exit code 1 where one does not come out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..verify import as_text, compared, protocol_of, read_protocol, write_protocol
from ..verify.protocol import as_json
from .bar import progress_bar

MISMATCH = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `verify` to the commands."""
    parser = commands.add_parser(
        "verify",
        help="recompute published values on this machine, before it is used and after each update",
        description="Recompute published and independent values on this machine, offline, through the functions that"
        " compute a patient's numbers. Exit code 1 where one does not come out.",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write protocol.json and protocol.pdf, to be signed and filed"
    )
    parser.add_argument(
        "--compare", type=Path, metavar="PROTOCOL.json", help="say what changed since an earlier protocol"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Recompute, print the table, write the protocol, and return 1 where a value did not come out."""
    before = None if args.compare is None else read_protocol(args.compare)
    with progress_bar() as progress:
        protocol = protocol_of(progress)
    if before is not None:
        protocol = compared(protocol, before)
    if args.out is not None:
        write_protocol(protocol, args.out)
    if args.json:
        print(json.dumps(as_json(protocol), indent=2))
    else:
        print(as_text(protocol))
    return MISMATCH if protocol.failed or not protocol.rows else 0
