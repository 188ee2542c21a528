"""`y90 export`: an assessed case as DICOM objects for the PACS."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..assessment import assess
from ..io.case_file import read_case_file
from ..io.dicom_export import Wanted, export
from ..progress import part
from .bar import progress_bar


def add_parser(commands: Any) -> None:
    """Add the command to `y90`."""
    command = commands.add_parser("export", help="assess a case and write its results as DICOM objects")
    command.add_argument("case", type=Path, metavar="CASE.toml")
    command.add_argument(
        "--reference",
        type=Path,
        required=True,
        metavar="DICOM_CT_FOLDER",
        help="the DICOM CT of the case: the objects join its patient, study and frame of reference",
    )
    command.add_argument("--series", type=int, metavar="N", help="number of the CT where the folder holds several")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    command.add_argument(
        "--pdf", type=Path, metavar="FILE", help="a report in PDF to send along: print report.html to a PDF file"
    )
    command.add_argument("--no-outlines", action="store_true", help="write no DICOM segmentation")
    command.add_argument("--no-measurements", action="store_true", help="write no measurement report")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Assess a case, write its DICOM objects, and say what was noted."""
    wanted = Wanted(not args.no_outlines, not args.no_measurements, args.pdf)
    with progress_bar() as progress:
        progress(0.0, f"reading {args.case.name}")
        assessment = assess(read_case_file(args.case).case, part(progress, 0.1, 0.5))
        notes = export(
            assessment, args.reference, args.out, wanted, series=args.series, progress=part(progress, 0.5, 1.0)
        )
    for note in notes:
        print(f"note: {note}")
    for path in sorted(args.out.iterdir()):
        print(path)
    return 0
