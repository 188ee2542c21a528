"""`y90 register` and `y90 lsf`: one image onto another, and the lung shunt by both methods."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..case import Case
from ..checks.check import Outcome
from ..dosimetry.lung import lung_mass_on_ct_g
from ..errors import InputError
from ..images import CountMap, CtImage, array_of, without_negatives
from ..io.case_file import read_case_file
from ..io.dicom_image import Quantity
from ..io.paths import require_text
from ..io.volumes import read_image, read_mask, read_view
from ..io.writing import output_file, write_image
from ..lung_shunt import (
    DEFAULT_MARGIN_MM,
    PlanarRegion,
    PlanarShunt,
    ShuntComparison,
    SpectShunt,
    compare_shunts,
    planar_region,
    planar_shunt,
    spect_shunt,
)
from ..missing import Missing
from ..progress import part
from ..registration import Kind, Registration, apply, check_registration, directions, register
from ..structures import Role, Structure
from .bar import progress_bar

MASK = "MASK[=LABEL]"
COUNTS_ABOVE_HU = -100.0
"""An image with values below it is a CT: counts are not negative, but for reconstruction noise."""


def add_parser(commands: Any) -> None:
    """Add the commands to `y90`."""
    one = commands.add_parser("register", help="register a hybrid CT (or SPECT, PET) to the planning CT")
    one.add_argument("moving", type=Path, metavar="MOVING", help="CT of the SPECT/CT or PET/CT; else SPECT or PET")
    one.add_argument("fixed", type=Path, metavar="FIXED", help="the planning CT")
    one.add_argument("--out", type=Path, required=True, metavar="T.tfm", help="a file that does not exist yet")
    one.add_argument("--liver", metavar=MASK, help="the liver on FIXED; only around it the images are compared")
    one.add_argument("--moving-liver", metavar=MASK, help="the liver on MOVING; gives the Dice coefficient")
    one.add_argument("--territory", metavar=MASK, help="perfused volume on FIXED that counts of MOVING should fill")
    one.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.RIGID)
    one.add_argument("--moving-is", choices=["ct", "counts"], help="told by its values unless given")
    one.add_argument(
        "--move", nargs=2, action="append", default=[], type=Path, metavar=("IMAGE", "OUT"),
        help="also move what lies in the space of MOVING (the SPECT of a hybrid CT); repeat for several",
    )  # fmt: skip
    one.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    one.set_defaults(run=_register)

    lsf = commands.add_parser("lsf", help="lung shunt fraction by planar views and SPECT/CT, side by side")
    lsf.add_argument("case", type=Path, nargs="?", metavar="CASE.toml", help="a case with outlines of liver and lungs")
    lsf.add_argument("--spect", type=Path, metavar="IMAGE")
    lsf.add_argument("--liver", metavar=MASK)
    lsf.add_argument("--lungs", metavar=MASK, help="both lungs")
    lsf.add_argument("--ct", type=Path, metavar="IMAGE", help="for the mass of the lungs")
    lsf.add_argument("--margin-mm", type=float, default=DEFAULT_MARGIN_MM, help="around the liver; default %(default)g")
    lsf.add_argument(
        "--planar", nargs=4, type=float, metavar=("LUNGS_ANT", "LUNGS_POST", "LIVER_ANT", "LIVER_POST"),
        help="counts of the regions",
    )  # fmt: skip
    lsf.add_argument("--background", nargs=2, type=float, metavar=("ANT", "POST"), help="counts of its region")
    lsf.add_argument("--pixels", nargs=3, type=int, metavar=("LUNGS", "LIVER", "BACKGROUND"), help="of the regions")
    lsf.add_argument("--anterior", type=Path, metavar="IMAGE", help="a DICOM file may hold both views")
    lsf.add_argument(
        "--posterior", type=Path, metavar="IMAGE",
        help="mirrored, so that it lies on the anterior view; of a DICOM file this is done here",
    )  # fmt: skip
    lsf.add_argument("--lung-region", metavar=MASK, help="on both views")
    lsf.add_argument("--liver-region", metavar=MASK)
    lsf.add_argument("--background-region", metavar=MASK)
    lsf.add_argument("--infusion", nargs=2, metavar=("SESSION", "INFUSION"), help="of the case, for the planar views")
    lsf.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    lsf.set_defaults(run=_lsf)


def _register(args: argparse.Namespace) -> int:
    outputs = [args.out, *(out for _, out in args.move)]
    for path in outputs:
        require_text(path, str(path))
        if path.exists() or outputs.count(path) > 1:
            raise InputError("the file exists already, or is named twice", where=str(path), remedy="Choose another")
    if args.out.suffix.lower() not in {".tfm", ".txt", ".h5"}:
        raise InputError("this is no name of a transform", where=str(args.out), remedy="End it in .tfm")
    with progress_bar() as progress:
        progress(0.0, "reading the images")
        fixed = _planning_ct(args.fixed)
        wanted = {"ct": Quantity.HOUNSFIELD, "counts": Quantity.COUNTS}.get(args.moving_is)
        moving = _quantity(read_image(args.moving, "moving image", quantity=wanted), args.moving_is)
        others = [(read_image(path, "image to move"), out) for path, out in args.move]
        found = register(
            fixed,
            moving,
            liver=_structure(Role.LIVER, args.liver),
            moving_liver=_structure(Role.LIVER, args.moving_liver),
            territory=_structure(Role.PERFUSED, args.territory),
            kind=args.kind,
            progress=part(progress, 0.1, 0.9),
        )
        applied = [(apply(found.transform, image), out) for image, out in others]
        with output_file(args.out) as temporary:
            _write_transform(found.transform, temporary, args.out)
        for result, out in applied:
            write_image(result.moved, out)
    data = _described(found, bool(others) or isinstance(moving, CountMap))
    data["moved"] = [{"file": str(out), "note": result.note} for result, out in applied]
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if args.json else _as_text(data))
    return 0


def _planning_ct(path: Path) -> CtImage:
    image = read_image(path, "fixed image", quantity=Quantity.HOUNSFIELD)
    lowest = float(array_of(image).min())
    if lowest >= COUNTS_ABOVE_HU:
        raise InputError(
            f"no voxel lies below {COUNTS_ABOVE_HU:g} (lowest {lowest:g}): this is no CT in Hounsfield units",
            where=str(path),
            remedy="Give what is to be moved first and the planning CT second",
        )
    return CtImage(image)


def _quantity(image: sitk.Image, told: str | None) -> CtImage | CountMap:
    is_ct = told == "ct" if told else float(array_of(image).min()) < COUNTS_ABOVE_HU
    return CtImage(image) if is_ct else CountMap(without_negatives(image, "moving image")[0])


def _structure(role: Role, written: str | None) -> Structure | None:
    if written is None:
        return None
    return Structure(role, role.display_name, _mask(written, role.display_name.lower()))


def _mask(written: str, where: str) -> sitk.Image:
    """Return the mask of a file, or of one label of it ("labels.nii.gz=5")."""
    name, equals, label = written.rpartition("=")
    if equals and label.isdigit():
        return read_mask(Path(name), where, int(label))
    return read_mask(Path(written), where)


def _write_transform(transform: sitk.Transform, temporary: Path, shown: Path) -> None:
    try:
        sitk.WriteTransform(transform, str(temporary))
    except RuntimeError:
        raise InputError(
            "the transform can't be written", where=str(shown), remedy="Check the suffix (.tfm) and the free space"
        ) from None


def _described(found: Registration, quantitative: bool) -> dict[str, Any]:
    x, y, z = found.moved_mm
    return {
        "kind": found.kind.value,
        "compared": found.guide.value,
        "start": found.start.value,
        "moved_mm": {"left": x, "back": y, "head": z},
        "distance_mm": found.distance_mm,
        "rotation_deg": found.rotation_deg,
        **_value("mutual_information_before", found.mutual_information_before_score),
        "mutual_information_after": found.mutual_information_after_score,
        **_value("dice_before", found.dice_before_fraction),
        **_value("dice_after", found.dice_after_fraction),
        "volume_ratio": found.volume_ratio,
        "checks": [
            {"id": r.check.id, "level": r.check.level.value, "message": r.message, "remedy": r.check.remedy}
            for r in check_registration(found, quantitative=quantitative)
            if r.outcome is Outcome.RAISED
        ],
        "notes": list(found.notes),
    }


_STARTS = {
    "headers": "as the headers place them",
    "geometry": "middles of the fields of view",
    "moments": "centers of mass",
    "livers": "centers of the livers",
}


def _as_text(data: dict[str, Any]) -> str:
    where = directions(tuple(data["moved_mm"].values()))
    lines = [
        f"Moved by        {data['distance_mm']:.1f} mm ({where})",
        f"Turned by       {data['rotation_deg']:.1f} deg",
        f"Information     {_shown(data, 'mutual_information_before')} -> {data['mutual_information_after']:.3f} nats",
        f"Dice of livers  {_shown(data, 'dice_before')}"
        + ("" if data["dice_before"] is None else f" -> {_shown(data, 'dice_after')}"),
        f"Found by        {data['kind']}, {data['compared'].replace('_', ' ')}, start: {_STARTS[data['start']]}",
    ]
    lines += [f"{c['level']}: {c['message']}. {c['remedy']}" for c in data["checks"]]
    lines += [*data["notes"], *(f"{m['file']}: {m['note']}" for m in data["moved"])]
    return "\n".join(lines)


def _lsf(args: argparse.Namespace) -> int:
    planar = _planar(args)
    with progress_bar() as progress:
        progress(0.0, "reading")
        if args.case is not None:
            if args.spect or args.liver or args.lungs or args.ct:
                raise InputError("a case and single images are given", where="y90 lsf", remedy="Give one of the two")
            case = read_case_file(args.case).case
            found = compare_shunts(case, _for_infusion(case, planar, args.infusion), margin_mm=args.margin_mm)
            lungs, ct = case.one(Role.LUNGS), case.ct
        else:
            if args.infusion:
                raise InputError("--infusion belongs to a case", where="y90 lsf", remedy="Give CASE.toml, or leave it")
            spect, lungs, ct = _single_images(args)
            if planar is None and isinstance(spect, Missing):
                raise InputError(
                    "there is nothing to measure",
                    where="y90 lsf",
                    remedy="Give CASE.toml, or --spect with --liver and --lungs, or --planar",
                )
            found = (ShuntComparison("", "", None, planar or Missing("no planar views were given"), spect),)
        mass_g: float | Missing = Missing("lungs or CT are not given")
        if lungs is not None and ct is not None:
            mass_g = lung_mass_on_ct_g(lungs, ct)
    data = {"infusions": [_row(one) for one in found], **_value("lung_mass_g", mass_g)}
    if args.json:
        print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n\n".join(_table(row) for row in data["infusions"]))
        because = data.get("lung_mass_g_missing_because")
        shown = f"missing: {because}" if because else f"{data['lung_mass_g']:.0f} g"
        print(f"\nLung mass from CT                       {shown}")
    return 0


def _single_images(args: argparse.Namespace) -> tuple[SpectShunt | Missing, Structure | None, CtImage | None]:
    lungs = _structure(Role.LUNGS, args.lungs)
    ct = None if args.ct is None else CtImage(read_image(args.ct, "CT", quantity=Quantity.HOUNSFIELD))
    if args.spect is None:
        return Missing("no SPECT was given"), lungs, ct
    liver = _structure(Role.LIVER, args.liver)
    if liver is None or lungs is None:
        raise InputError("the SPECT needs both outlines", where="y90 lsf", remedy="Give --liver and --lungs")
    image = CountMap(without_negatives(read_image(args.spect, "SPECT", quantity=Quantity.COUNTS), "SPECT")[0])
    return spect_shunt(image, liver, lungs, margin_mm=args.margin_mm), lungs, ct


def _planar(args: argparse.Namespace) -> PlanarShunt | None:
    images = (args.anterior, args.posterior, args.lung_region, args.liver_region)
    if args.planar is not None:
        if any(images):
            raise InputError("counts and images are given", where="planar views", remedy="Give one of the two")
        if (args.background is None) is not (args.pixels is None):
            raise InputError(
                "a background needs its counts and the pixels of all regions",
                where="planar views",
                remedy="Give --background and --pixels together",
            )
        lung_a, lung_p, liver_a, liver_p = args.planar
        lung_px, liver_px, other_px = args.pixels or (0, 0, 0)
        background = PlanarRegion(args.background[0], args.background[1], other_px) if args.background else None
        return planar_shunt(PlanarRegion(lung_a, lung_p, lung_px), PlanarRegion(liver_a, liver_p, liver_px), background)
    if not any((*images, args.background_region, args.background, args.pixels)):
        return None
    if not all(images):
        raise InputError(
            "a view or a region is missing",
            where="planar views",
            remedy="Give --anterior, --posterior, --lung-region and --liver-region, or --planar with counts",
        )
    views = [read_view(p, "planar view", v) for p, v in zip(images[:2], ("anterior", "posterior"), strict=True)]
    wanted = [args.lung_region, args.liver_region, *([args.background_region] if args.background_region else [])]
    return planar_shunt(*(planar_region(views[0], views[1], _region(w, views[0])) for w in wanted))


def _region(written: str, view: sitk.Image) -> sitk.Image:
    """Return a region on the pixels of a view: masks are read cut to their bounding box."""
    return sitk.Resample(_mask(written, "region"), view, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor)


def _for_infusion(
    case: Case, planar: PlanarShunt | None, named: list[str] | None
) -> dict[tuple[str, str], PlanarShunt] | None:
    if planar is None:
        return None
    infusions = [(s.label, i.label) for s in case.sessions for i in s.infusions]
    if named is None and len(infusions) != 1:
        raise InputError(
            f"the case has {len(infusions)} infusions",
            where="planar views",
            remedy="Say with --infusion SESSION INFUSION which one they belong to",
        )
    return {(named[0], named[1]) if named else infusions[0]: planar}


def _row(one: ShuntComparison) -> dict[str, Any]:
    row: dict[str, Any] = {"session": one.session, "infusion": one.infusion, "entered_fraction": one.entered_fraction}
    if isinstance(one.planar, Missing):
        row |= _value("planar_fraction", one.planar)
    else:
        row |= _value("planar_fraction", one.planar.fraction)
        row |= {"planar_uncorrected_fraction": one.planar.uncorrected_fraction}
    if isinstance(one.spect, Missing):
        row |= _value("spect_fraction", one.spect)
    else:
        row |= _value("spect_fraction", one.spect.fraction)
        row |= {"spect_without_margin_fraction": one.spect.without_margin_fraction}
        row |= _value("spect_beyond_margin_fraction", one.spect.beyond_margin_fraction)
        row |= _value("spect_extrapolated_fraction", one.spect.extrapolated_fraction)
        row |= {"lungs_outside_view_fraction": one.spect.outside_view_fraction}
        row |= {k: v for k, v in asdict(one.spect).items() if not isinstance(v, dict)}
    row |= _value("planar_minus_spect_fraction", one.difference_fraction)
    return row | {"note": one.note}


_LINES = (
    ("entered_fraction", "Entered"),
    ("planar_fraction", "Planar, background subtracted"),
    ("planar_uncorrected_fraction", "Planar, as counted"),
    ("spect_fraction", "SPECT, lungs in view"),
    ("spect_without_margin_fraction", "SPECT, without margin"),
    ("spect_beyond_margin_fraction", "SPECT, counts beyond the margin only"),
    ("spect_extrapolated_fraction", "SPECT, extrapolated to whole lungs"),
    ("lungs_outside_view_fraction", "Lungs outside the field of view"),
    ("planar_minus_spect_fraction", "Planar minus SPECT"),
)


def _table(row: dict[str, Any]) -> str:
    lines = [f"{row['session']}, {row['infusion']}"] if row["session"] else []
    for key, label in _LINES:
        if row.get(key) is not None:
            lines.append(f"{label:<38}  {row[key] * 100:.2f} %")
        elif f"{key}_missing_because" in row:
            lines.append(f"{label:<38}  missing: {row[f'{key}_missing_because']}")
    return "\n".join([*lines, *([row["note"]] if row["note"] else [])])


def _value(key: str, value: float | Missing) -> dict[str, Any]:
    if isinstance(value, Missing):
        return {key: None, f"{key}_missing_because": value.because}
    return {key: value}


def _shown(data: dict[str, Any], key: str) -> str:
    return f"missing: {data[f'{key}_missing_because']}" if data[key] is None else f"{data[key]:.3f}"
