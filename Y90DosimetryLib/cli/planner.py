"""`y90 demo`, `y90 assess`, `y90 case new` and `y90 dose`: from files to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..case import Case, DoseModel
from ..dosimetry.voxel import dose_image
from ..draw.pixels import require_pixels
from ..engine import assess
from ..errors import InputError
from ..images import CtImage, DoseMap, array_of, voxel_ml
from ..io.case_file import read_case_file, template, write_case
from ..io.dicom_image import Quantity
from ..io.dicom_instant import SLACK_H
from ..io.volumes import read_image, read_volume
from ..io.writing import output_folder, write_dose, write_text
from ..phantom import PhantomSettings, Variant, case_variant, patient_over_time
from ..physics import BQ_PER_GBQ, DEFAULT_JOULE_PER_GBQ
from ..progress import Progress, part
from ..report import REPORT_OPTIONS, Content, write_report
from ..report.as_text import as_text
from ..report.pdf_paper import require_pdf
from .bar import progress_bar
from .dicom import add_from_dicom

OVER_TIME = "over_time"
DEMOS: Mapping[str, str] = {
    Variant.TWO_TUMORS: "one vial into the right lobe, planned on the MAA SPECT",
    Variant.LOBECTOMY: "the same with a portal vein thrombus: its scenario does not fit the disease",
    Variant.DELIVERED: "the latter, seen by the Y-90 PET",
    Variant.MODIFIED_LOBECTOMY: "segment 7 and then the whole right lobe",
    Variant.BILOBAR: "both lobes in one session",
    Variant.VASOSPASM: "planned as the first, but the flow went around the tumors",
    Variant.PROXIMAL_THROMBUS: "planned as the first, but half of the thrombus was missed",
    OVER_TIME: "delivered, and three studies within half a year",
}
"""The digital patients of `y90 demo`, with what each shows."""


def demo_case(name: str, settings: PhantomSettings | None = None) -> Case:
    """Return a digital patient by its name among `DEMOS`."""
    return patient_over_time(settings).case() if name == OVER_TIME else case_variant(name, settings)


def add_parser(commands: Any) -> None:
    """Add the commands to `y90`."""
    demo = commands.add_parser("demo", help="make a digital patient, write its case and assess it")
    demo.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    demo.add_argument(
        "--variant",
        choices=list(DEMOS),
        default=str(Variant.TWO_TUMORS),
        metavar="NAME",
        help="; ".join(f"{name}: {says}" for name, says in DEMOS.items()) + "; default %(default)s",
    )
    demo.set_defaults(run=_demo)

    run = commands.add_parser("assess", help="assess a case file")
    run.add_argument("case", type=Path, metavar="CASE.toml")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    run.add_argument("--pdf", action="store_true", help="also write report.pdf; needs fpdf2")
    run.add_argument("--png", action="store_true", help="also write pictures as pixels for print; needs resvg-py")
    run.add_argument("--quiet", action="store_true", help="write the files and print nothing")
    run.set_defaults(run=_assess)

    case = commands.add_parser("case", help="make a case file").add_subparsers(required=True, metavar="KIND")
    add_from_dicom(case)
    new = case.add_parser("new", help="write a commented template, beside the images where a folder has them")
    new.add_argument("folder", type=Path, metavar="DIR")
    new.set_defaults(run=_new)

    dose = commands.add_parser("dose", help="dose of a whole image in tissue, for physicists")
    dose.add_argument("image", type=Path, metavar="IMAGE")
    dose.add_argument("--model", type=DoseModel, choices=list(DoseModel), default=DoseModel.LOCAL)
    amount = dose.add_mutually_exclusive_group(required=True)
    amount.add_argument("--total-gbq", type=float, help="scale the whole image to this activity")
    amount.add_argument(
        "--unit", choices=["bq-ml"], help="the image holds absolute values at infusion, all of it to decay"
    )
    dose.add_argument(
        "--density-g-ml",
        type=float,
        default=1.04,
        help="of every voxel, lungs and bone too (default: soft tissue, 1.04)",
    )
    dose.add_argument(
        "--ct", type=Path, metavar="CT", help="density of each voxel from this registered CT, best without contrast"
    )
    dose.add_argument("--joule-per-gbq", type=float, default=DEFAULT_JOULE_PER_GBQ)
    dose.add_argument("--out", type=Path, required=True, metavar="DOSE.nrrd", help="a file that does not exist yet")
    dose.set_defaults(run=_dose)


def _demo(args: argparse.Namespace) -> int:
    with progress_bar() as progress, output_folder(args.out) as folder:
        progress(0.0, "making the digital patient")
        write_case(demo_case(args.variant), folder / "case")
        _assess_into(folder / "case" / "case.toml", folder, part(progress, 0.3, 1.0))
    _say_where(args.out)
    return 0


def _assess(args: argparse.Namespace) -> int:
    if args.pdf:
        require_pdf()
    if args.png:
        require_pixels()
    with progress_bar(quiet=args.quiet) as progress, output_folder(args.out) as folder:
        content = _assess_into(args.case, folder, progress, pdf=args.pdf, png=args.png)
    if not args.quiet:
        print(as_text(content), end="\n\n")
        _say_where(args.out)
    return 0


def _assess_into(case_path: Path, folder: Path, progress: Progress, **also: bool) -> Content:
    progress(0.0, f"reading {case_path.name}")
    file = read_case_file(case_path)
    assessment = assess(file.case, part(progress, 0.1, 0.6))
    options = replace(REPORT_OPTIONS, stated=file.stated)
    rest = part(progress, 0.6, 1.0)
    return write_report(assessment, folder, inputs=file.inputs, progress=rest, plan_options=options, **also)


def _say_where(folder: Path) -> None:
    for name in ("report.html", "report.pdf", "assessment.json", "doses.csv", "dvh.csv", "dose.nrrd", "pictures"):
        if (folder / name).exists():
            print(folder / name)


def _new(args: argparse.Namespace) -> int:
    path = args.folder / "case.toml"
    if path.exists():
        raise InputError("the case file exists already", where=str(path), remedy="Edit it, or choose another folder")
    write_text(template(), path)
    print(path)
    return 0


def _image_of_dose(args: argparse.Namespace) -> sitk.Image:
    """Return the image: counts to be scaled, or Bq/mL at the infusion, to which a DICOM header has to agree."""
    where = str(args.image)
    if args.unit != "bq-ml":
        return read_image(args.image, where, quantity=Quantity.COUNTS)
    volume = read_volume(args.image, where, quantity=Quantity.ACTIVITY, zone=UTC)
    after_h = volume.header.after_infusion_h if volume.header else None
    if after_h is not None and abs(after_h) > SLACK_H:
        raise InputError(
            f"its Bq/mL are decay-corrected to {after_h:.1f} h after the infusion, not to it",
            where=where,
            remedy="Name it in a case file with its time (image_time), or export it corrected to the infusion",
        )
    return volume.image


def _dose(args: argparse.Namespace) -> int:
    if args.out.exists():
        raise InputError("the file exists already", where=str(args.out), remedy="Choose another name")
    with progress_bar() as progress:
        progress(0.0, "reading the image")
        image = _image_of_dose(args)
        dose = dose_image(
            image,
            model=args.model,
            density_g_ml=args.density_g_ml,
            joule_per_gbq=args.joule_per_gbq,
            total_gbq=args.total_gbq,
            concentration_bq_ml=args.unit == "bq-ml",
            ct=None if args.ct is None else CtImage(read_image(args.ct, str(args.ct), quantity=Quantity.HOUNSFIELD)),
            progress=part(progress, 0.1, 0.9),
        )
        write_dose(dose, args.out)
    print(f"{args.out}: {dose.model}", file=sys.stderr)
    for line in _dose_lines(image, dose, args.unit == "bq-ml"):
        print(line, file=sys.stderr)
    print(args.out)
    return 0


USUAL_IMAGE_GBQ, MOST_GY = (0.1, 30.0), 20_000.0
"""Tool default: the activity that an image of a treatment shows, and the dose of a voxel; beyond, a unit is wrong."""


def _dose_lines(image: sitk.Image, dose: DoseMap, is_absolute: bool) -> Iterator[str]:
    """Say what the map was made from and what it holds, so that a wrong unit is seen."""
    values, dose_gy = array_of(image), array_of(dose.image)
    shown_gbq: float | None = None
    if is_absolute:
        shown_gbq = float(values.sum(dtype=np.float64)) * voxel_ml(image) / BQ_PER_GBQ
        yield f"activity in the image {shown_gbq:.4g} GBq"
    inside = dose_gy[dose_gy > 0]
    mean_gy, most_gy = float(inside.mean(dtype=np.float64)), float(inside.max())
    yield f"mean {mean_gy:.4g} Gy where there is dose, maximum {most_gy:.4g} Gy"
    low, high = USUAL_IMAGE_GBQ
    if shown_gbq is not None and not low <= shown_gbq <= high:
        yield f"Check the unit: a treatment shows {low:g} to {high:g} GBq. Are these counts, kBq/mL or another tracer?"
    elif most_gy > MOST_GY:
        yield f"Check unit and activity: more than {MOST_GY:g} Gy in a voxel"
