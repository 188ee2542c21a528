"""`y90 export`: an assessed case as DICOM objects for the PACS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..engine import Assessment, assess
from ..errors import InputError
from ..io.case_file import InputFile, read_case_file
from ..io.dicom_export import Wanted, export
from ..progress import Progress, part
from ..report import as_html, as_pdf, content_of, pictures_of, sections_of
from ..report.pdf_paper import require_pdf
from .bar import progress_bar


def add_parser(commands: Any) -> None:
    """Add the command to `y90`."""
    command = commands.add_parser("export", help="assess a case and write its results as DICOM objects")
    command.add_argument("case", type=Path, metavar="CASE.toml")
    add_options(command, reference_required=True)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    command.set_defaults(run=run)


def add_options(command: argparse.ArgumentParser, *, reference_required: bool) -> None:
    """Add what `export_case` reads."""
    command.add_argument(
        "--reference",
        type=Path,
        required=reference_required,
        metavar="DICOM_CT_FOLDER",
        help="the DICOM CT of the case: the objects join its patient, study and frame of reference",
    )
    command.add_argument("--series", type=int, metavar="N", help="number of the CT where the folder holds several")
    command.add_argument("--pdf", type=Path, metavar="FILE", help="send this PDF along instead of the report")
    command.add_argument("--no-report", action="store_true", help="send no report along")
    command.add_argument(
        "--dose-grid",
        choices=["own", "ct"],
        default="own",
        help="voxels of the dose: its own (default), or the CT's, for viewers that can't place another grid",
    )
    command.add_argument("--no-outlines", action="store_true", help="write no DICOM segmentation")
    command.add_argument("--no-measurements", action="store_true", help="write no measurement report")


def export_case(
    assessment: Assessment, inputs: Sequence[InputFile], args: argparse.Namespace, folder: Path, progress: Progress
) -> tuple[str, ...]:
    """Write the DICOM objects of an assessment as the options ask for; return what was noted."""
    pdf: Path | bytes | None = args.pdf
    if pdf is None and not args.no_report:
        require_pdf()
        progress(0.0, "drawing the report")
        sections = sections_of(assessment, progress=part(progress, 0.1, 0.4))
        page = as_html(content_of(assessment, inputs), *pictures_of(assessment), sections)
        pdf = as_pdf(page, f"Y-90 dosimetry: {assessment.case.label}")
    wanted = Wanted(not args.no_outlines, not args.no_measurements, pdf, args.dose_grid == "ct")
    try:
        return export(assessment, args.reference, folder, wanted, series=args.series, progress=part(progress, 0.4, 1.0))
    except InputError as error:
        if error.about != "series":
            raise
        typed = "`y90 case from-dicom FOLDER --list` lists them. Type: --series N"
        raise InputError(error.what, where=error.where, remedy=typed, about=error.about) from None


def run(args: argparse.Namespace) -> int:
    """Assess a case, write its DICOM objects, and say what was noted."""
    with progress_bar() as progress:
        progress(0.0, f"reading {args.case.name}")
        read = read_case_file(args.case)
        assessment = assess(read.case, part(progress, 0.1, 0.5))
        notes = export_case(assessment, read.inputs, args, args.out, part(progress, 0.5, 1.0))
    for note in notes:
        print(f"note: {note}")
    for path in sorted(args.out.iterdir()):
        print(path)
    return 0
