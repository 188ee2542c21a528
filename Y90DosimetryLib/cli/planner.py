"""`y90 demo`, `y90 assess`, `y90 case new` and `y90 dose`: from files to files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..assessment import Assessment, assess
from ..case import DoseModel
from ..dosimetry.voxel import dose_image
from ..errors import InputError
from ..io.case_file import read_case_file, template, write_case
from ..io.volumes import read_image
from ..io.writing import output_folder, write_dose
from ..phantom import digital_patient
from ..physics import DEFAULT_JOULE_PER_GBQ
from ..progress import Progress, part
from ..report import write_report
from .bar import progress_bar
from .dicom import add_from_dicom


def add_parser(commands: Any) -> None:
    """Add the commands to `y90`."""
    demo = commands.add_parser("demo", help="make a digital patient, write its case and assess it")
    demo.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    demo.set_defaults(run=_demo)

    run = commands.add_parser("assess", help="assess a case file")
    run.add_argument("case", type=Path, metavar="CASE.toml")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    run.set_defaults(run=_assess)

    case = commands.add_parser("case", help="make a case file").add_subparsers(required=True, metavar="KIND")
    add_from_dicom(case)
    new = case.add_parser("new", help="write a commented template")
    new.add_argument("folder", type=Path, metavar="DIR")
    new.set_defaults(run=_new)

    dose = commands.add_parser("dose", help="dose of a whole image in tissue, for physicists")
    dose.add_argument("image", type=Path, metavar="IMAGE")
    dose.add_argument("--model", type=DoseModel, choices=list(DoseModel), default=DoseModel.LOCAL)
    amount = dose.add_mutually_exclusive_group(required=True)
    amount.add_argument("--total-gbq", type=float, help="scale the whole image to this activity")
    amount.add_argument("--unit", choices=["bq-ml"], help="the image holds absolute values at infusion")
    dose.add_argument("--density-g-ml", type=float, default=1.04, help="tissue density (1.04: soft tissue)")
    dose.add_argument("--joule-per-gbq", type=float, default=DEFAULT_JOULE_PER_GBQ)
    dose.add_argument("--out", type=Path, required=True, metavar="DOSE.nrrd", help="a file that does not exist yet")
    dose.set_defaults(run=_dose)


def _demo(args: argparse.Namespace) -> int:
    with progress_bar() as progress, output_folder(args.out) as folder:
        progress(0.0, "making the digital patient")
        write_case(digital_patient().case(), folder / "case")
        _assess_into(folder / "case" / "case.toml", folder, part(progress, 0.3, 1.0))
    _say_where(args.out)
    return 0


def _assess(args: argparse.Namespace) -> int:
    with progress_bar() as progress, output_folder(args.out) as folder:
        assessment = _assess_into(args.case, folder, progress)
    print(assessment.verdict.sentence)
    _say_where(args.out)
    return 0


def _assess_into(case_path: Path, folder: Path, progress: Progress) -> Assessment:
    progress(0.0, f"reading {case_path.name}")
    file = read_case_file(case_path)
    assessment = assess(file.case, part(progress, 0.1, 0.6))
    write_report(assessment, folder, inputs=file.inputs, progress=part(progress, 0.6, 1.0))
    return assessment


def _say_where(folder: Path) -> None:
    for name in ("report.html", "assessment.json", "dose.nrrd", "pictures"):
        if (folder / name).exists():
            print(folder / name)


def _new(args: argparse.Namespace) -> int:
    with output_folder(args.folder) as folder:
        (folder / "case.toml").write_text(template(), encoding="utf-8")
    print(args.folder / "case.toml")
    return 0


def _dose(args: argparse.Namespace) -> int:
    if args.out.exists():
        raise InputError("the file exists already", where=str(args.out), remedy="Choose another name")
    with progress_bar() as progress:
        progress(0.0, "reading the image")
        image = read_image(args.image, str(args.image))
        dose = dose_image(
            image,
            model=args.model,
            density_g_ml=args.density_g_ml,
            joule_per_gbq=args.joule_per_gbq,
            total_gbq=args.total_gbq,
            concentration_bq_ml=args.unit == "bq-ml",
            progress=part(progress, 0.1, 0.9),
        )
        write_dose(dose, args.out)
    print(f"{args.out}: {dose.model}", file=sys.stderr)
    print(args.out)
    return 0
