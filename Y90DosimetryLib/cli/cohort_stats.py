"""`y90 cohort stats`: medians, dose by necrosis, dose-response, planned against delivered, survival."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..cohort.analysis import cohort_statistics
from ..cohort.content import as_json, as_text
from ..cohort.page import write_cohort
from ..cohort.table import example_table, read_table
from ..errors import InputError
from ..io.writing import output_folder


def add_parser(commands: Any) -> None:
    """Add the command to `y90`."""
    parser = commands.add_parser("cohort-stats", prog="y90 cohort stats")
    parser.add_argument("table", type=Path, nargs="?", metavar="TABLE.csv", help="a row a tumor; Docs/cohort.md")
    parser.add_argument("--example", action="store_true", help="the published 22 tumors of Meerun et al. 2022")
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write cohort.html, statistics.json and figures")
    parser.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    parser.add_argument(
        "--dose-scale", choices=("log", "linear"), default="log", help="dose-response on the logarithm, or the dose"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the statistics of a table, and write the page where asked."""
    if args.example == (args.table is not None):
        raise InputError("give a table or --example", where="cohort stats", remedy="One of the two")
    table = example_table() if args.example else read_table(args.table)
    stats = cohort_statistics(table, log_dose=args.dose_scale == "log")
    if args.out is not None:
        with output_folder(args.out) as folder:
            write_cohort(stats, folder)
    if args.json:
        print(json.dumps(as_json(stats), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(as_text(stats), end="")
    return 0
