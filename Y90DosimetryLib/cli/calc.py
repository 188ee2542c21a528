"""`y90 calc`: one formula at a time, without images, for the worksheet-minded and for checking by hand."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..case import Encephalopathy, Grade, Settings
from ..dosimetry.lung import lung_dose_gy
from ..dosimetry.mird import (
    NetActivities,
    activity_for_dose_gbq,
    activity_for_tumor_dose_gbq,
    mean_dose_gy,
    net_activities,
    partition_doses,
)
from ..dosimetry.radiobiology import NORMAL_LIVER, RESEARCH_USE, TUMOR, Tissue, bed_gy
from ..errors import InputError
from ..physics import DEFAULT_HALF_LIFE_H, DEFAULT_JOULE_PER_GBQ, G_PER_KG, LABEL_LUNG_MASS_G, decay_factor
from ..quantities import require_finite, require_not_negative, require_positive
from ..scores import (
    albi_grade,
    albi_score,
    albumin_from_g_dl,
    bilirubin_from_mg_dl,
    child_pugh,
    creatinine_from_mg_dl,
    meld_score,
)
from ..volumetry import (
    LARGEST_SFLR_RATIO,
    Bsa,
    Telv,
    body_surface_m2,
    estimated_liver_ml,
    standardized_flr_ratio,
)
from .answer import PERCENT, Answer, Row

Compute = Callable[[argparse.Namespace], Answer]

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:  # generic for type checkers only
    Subparsers = argparse._SubParsersAction

KERNEL_OFFSETS = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0))
"""The offsets, in voxels along x, y and z, that published tables list."""
LARGEST_MASS_KG = 50.0
"""Above, the mass of a liver, tumor or lung was surely typed in grams."""
LARGEST_ACTIVITY_GBQ = 200.0
"""Above, the activity was surely typed in MBq: the largest vial holds 20 GBq."""


def dose(args: argparse.Namespace) -> Answer:
    """Return the mean dose of one perfused volume, and of the lungs."""
    net = _net(args, args.activity_gbq)
    dose_gy = mean_dose_gy(net.liver_gbq, _mass_g(args.mass_kg, "--mass-kg"), args.joule_per_gbq)
    return Answer(
        "single compartment (MIRD), all energy absorbed where the spheres lodge, complete decay",
        (
            Row("dose_gy", "Mean dose of the perfused volume", dose_gy, "Gy"),
            _lung_row(args, net),
            Row("liver_activity_gbq", "Activity in the liver", net.liver_gbq, "GBq"),
            Row("lung_activity_gbq", "Activity in the lungs", net.lung_gbq, "GBq"),
        ),
        _dose_constants(args),
    )


def activity(args: argparse.Namespace) -> Answer:
    """Return the vial activity at infusion that a mean dose takes."""
    mass_g = _mass_g(args.mass_kg, "--mass-kg")
    activity_gbq = activity_for_dose_gbq(args.dose_gy, mass_g, args.residual, args.lsf, args.joule_per_gbq)
    return Answer(
        "single compartment (MIRD), inverse: vial activity at the moment of infusion",
        (
            Row("activity_gbq", "Vial activity at infusion", activity_gbq, "GBq"),
            _lung_row(args, net_activities(activity_gbq, args.residual, args.lsf)),
        ),
        _dose_constants(args),
    )


def partition(args: argparse.Namespace) -> Answer:
    """Return the doses of tumor and perfused normal liver, for an activity or for a tumor dose."""
    tumor_g, normal_g = _mass_g(args.tumor_kg, "--tumor-kg"), _mass_g(args.normal_kg, "--normal-kg")
    activity_gbq, model = args.activity_gbq, "partition model"
    if activity_gbq is None:
        activity_gbq = activity_for_tumor_dose_gbq(
            args.tumor_dose_gy, tumor_g, normal_g, args.tn_ratio, args.residual, args.lsf, args.joule_per_gbq
        )
        net, model = net_activities(activity_gbq, args.residual, args.lsf), f"{model}, inverse for the tumor dose"
    else:
        net = _net(args, activity_gbq)
    doses = partition_doses(net.liver_gbq, tumor_g, normal_g, args.tn_ratio, args.joule_per_gbq)
    return Answer(
        f"{model}; ratio of mean concentrations tumor to perfused normal liver",
        (
            Row("activity_gbq", "Vial activity at infusion", activity_gbq, "GBq"),
            Row("tumor_dose_gy", "Mean tumor dose", doses.tumor_dose_gy, "Gy"),
            Row("normal_dose_gy", "Mean dose of perfused normal liver", doses.normal_dose_gy, "Gy"),
            Row("perfused_dose_gy", "Mean dose of the perfused volume", doses.perfused_dose_gy, "Gy"),
            _lung_row(args, net),
        ),
        _dose_constants(args),
    )


def sflr(args: argparse.Namespace) -> Answer:
    """Return body surface, estimated liver volume and standardized future liver remnant."""
    surface, formula = Bsa(args.bsa_formula), Telv(args.telv_formula)
    telv_ml = estimated_liver_ml(args.weight_kg, args.height_cm, formula, surface)
    return Answer(
        f"body surface {surface.value}, estimated liver volume {formula.value}",
        (
            Row("bsa_m2", "Body surface area", body_surface_m2(args.weight_kg, args.height_cm, surface), "m2"),
            Row("telv_ml", "Total estimated liver volume", telv_ml, "mL"),
            Row("sflr", "Standardized future liver remnant", _possible_sflr(args.flr_ml, telv_ml), PERCENT),
        ),
    )


def _possible_sflr(flr_ml: float, telv_ml: float) -> float:
    ratio = standardized_flr_ratio(flr_ml, telv_ml)
    if ratio > LARGEST_SFLR_RATIO:
        raise InputError(
            f"{ratio * 100:.0f} % of the estimated liver of {telv_ml:.0f} mL is no remnant",
            where="--flr-ml",
            remedy="Check the volume in mL, weight and height",
        )
    return ratio


def albi(args: argparse.Namespace) -> Answer:
    """Return the ALBI score and grade."""
    score = albi_score(_bilirubin_umol_l(args), _albumin_g_l(args))
    rows = (Row("albi", "ALBI score", score), Row("grade", "ALBI grade", albi_grade(score)))
    return Answer("ALBI (Johnson et al. 2015)", rows)


def child(args: argparse.Namespace) -> Answer:
    """Return the Child-Pugh score, class and points."""
    result = child_pugh(
        _bilirubin_umol_l(args), _albumin_g_l(args), args.inr, Grade(args.ascites), Encephalopathy(args.encephalopathy)
    )
    points = {
        "bilirubin": result.bilirubin_points,
        "albumin": result.albumin_points,
        "inr": result.inr_points,
        "ascites": result.ascites_points,
        "encephalopathy": result.encephalopathy_points,
    }
    return Answer(
        "Child-Pugh with INR (Pugh et al. 1973)",
        (
            Row("score", "Child-Pugh score", result.score),
            Row("class", "Child-Pugh class", result.child_class.value),
            Row("points", "Points for", points),
        ),
    )


def meld(args: argparse.Namespace) -> Answer:
    """Return the MELD score."""
    creatinine = args.creatinine_umol_l
    creatinine_umol_l = creatinine_from_mg_dl(args.creatinine_mg_dl) if creatinine is None else creatinine
    score = meld_score(_bilirubin_umol_l(args), args.inr, creatinine_umol_l)
    return Answer("MELD (Kamath et al. 2001), unrounded", (Row("meld", "MELD score", score),))


def decay(args: argparse.Namespace) -> Answer:
    """Return the activity that is left after some hours; negative hours look back."""
    require_positive(args.activity_gbq, "activity", "GBq")
    require_finite(args.hours, "hours", "h")
    require_positive(args.half_life_h, "half-life", "h")
    fraction = decay_factor(args.hours, args.half_life_h)
    return Answer(
        "exponential decay",
        (
            Row("activity_gbq", f"Activity after {args.hours:g} h", args.activity_gbq * fraction, "GBq"),
            Row("fraction", "Fraction of the activity", fraction),
        ),
        (Row("half_life_h", "half-life", args.half_life_h, "h"),),
    )


def bed(args: argparse.Namespace) -> Answer:
    """Return the biologically effective dose of a mean dose."""
    usual = {"tumor": TUMOR, "liver": NORMAL_LIVER}[args.tissue]
    alpha_beta_gy = usual.alpha_beta_gy if args.alpha_beta_gy is None else args.alpha_beta_gy
    repair_h = usual.repair_half_time_h if args.repair_half_time_h is None else args.repair_half_time_h
    tissue = Tissue(alpha_beta_gy, repair_h, "command line")
    return Answer(
        f"biologically effective dose of the mean dose. {RESEARCH_USE}",
        (Row("bed_gy", "Biologically effective dose", bed_gy(args.dose_gy, tissue, args.half_life_h), "Gy"),),
        (
            Row("alpha_beta_gy", "alpha/beta", alpha_beta_gy, "Gy"),
            Row("repair_half_time_h", "repair half-time", repair_h, "h"),
            Row("half_life_h", "half-life", args.half_life_h, "h"),
        ),
    )


def kernel(args: argparse.Namespace) -> Answer:
    """Return S values of voxels by their offset along x, y and z, and the energy the kernel holds."""
    from ..dosimetry.kernel import mean_energy_mev, s_value_mgy_per_mbq_s, voxel_kernel

    sizes = args.voxel_mm * 3 if len(args.voxel_mm) == 1 else args.voxel_mm
    if len(sizes) != 3:
        raise InputError(f"{len(sizes)} sizes are given", where="--voxel-mm", remedy="Give one edge, or x, y and z")
    voxels = voxel_kernel((sizes[0], sizes[1], sizes[2]), args.density_g_ml)
    energy_mev = mean_energy_mev(args.joule_per_gbq)
    s_values = {f"{x}{y}{z}": s_value_mgy_per_mbq_s(voxels, (x, y, z), energy_mev) for x, y, z in KERNEL_OFFSETS}
    return Answer(
        "radial energy of Y-90 in water, lengths scaled by density, averaged over both voxels",
        (
            Row("s_mgy_per_mbq_s", "S value at offset", s_values, "mGy/(MBq s)"),
            Row("energy_fraction", "Emitted energy within the kernel", voxels.energy_fraction, PERCENT),
        ),
        (
            Row("voxel_mm", "voxel", {axis: float(size) for axis, size in zip("xyz", sizes, strict=True)}, "mm"),
            Row("density_g_ml", "density", args.density_g_ml, "g/mL"),
            Row("joule_per_gbq", "energy of complete decay", args.joule_per_gbq, "J/GBq"),
            Row("mean_energy_mev", "mean energy of a decay", energy_mev, "MeV"),
        ),
    )


def add_parser(subparsers: Subparsers) -> None:
    """Add `calc` and its commands; each sets `run`, a function of the parsed arguments that returns 0."""
    parser = subparsers.add_parser("calc", help="one formula at a time, without images")
    commands = parser.add_subparsers(title="formulas", required=True, metavar="FORMULA")

    command = _command(commands, "dose", dose, "mean dose of a perfused volume from an activity")
    _numbers(command, activity_gbq="GBq at infusion, before the residual", mass_kg="kg of the perfused volume")
    _infusion(command)

    command = _command(commands, "activity", activity, "activity for a mean dose of a perfused volume")
    _numbers(command, dose_gy="Gy, mean over the perfused volume", mass_kg="kg of the perfused volume")
    _infusion(command)

    command = _command(commands, "partition", partition, "doses of tumor and normal liver, or the activity for one")
    _either(command, activity_gbq="GBq at infusion, before the residual", tumor_dose_gy="Gy, mean over the tumor")
    _numbers(
        command,
        tumor_kg="kg of tumor",
        normal_kg="kg of perfused normal liver",
        tn_ratio="mean concentration in tumor over that in perfused normal liver",
    )
    _infusion(command)

    command = _command(commands, "sflr", sflr, "standardized future liver remnant")
    _numbers(command, flr_ml="mL of the future liver remnant", weight_kg="kg", height_cm="cm")
    command.add_argument("--bsa-formula", choices=[f.value for f in Bsa], default=Bsa.DUBOIS.value)
    command.add_argument("--telv-formula", choices=[f.value for f in Telv], default=Telv.VAUTHEY.value)

    command = _command(commands, "albi", albi, "ALBI score and grade")
    _liver_values(command)

    command = _command(commands, "child-pugh", child, "Child-Pugh score and class")
    _liver_values(command)
    _numbers(command, inr="international normalized ratio")
    command.add_argument("--ascites", choices=[g.value for g in Grade], required=True)
    command.add_argument("--encephalopathy", choices=[e.value for e in Encephalopathy], required=True)

    command = _command(commands, "meld", meld, "MELD score")
    _either(command, bilirubin_umol_l="umol/L", bilirubin_mg_dl="mg/dL")
    _numbers(command, inr="international normalized ratio")
    _either(command, creatinine_umol_l="umol/L", creatinine_mg_dl="mg/dL")

    command = _command(commands, "decay", decay, "activity after some hours")
    _numbers(command, activity_gbq="GBq at hour 0", hours="h, negative looks back")
    _half_life(command)

    command = _command(commands, "bed", bed, "biologically effective dose (research)")
    _numbers(command, dose_gy="Gy, absorbed")
    command.add_argument("--tissue", choices=("tumor", "liver"), required=True, help="sets the usual constants")
    command.add_argument("--alpha-beta-gy", type=_number, metavar="GY", help="Gy, instead of the tissue's")
    command.add_argument("--repair-half-time-h", type=_number, metavar="H", help="h, instead of the tissue's")
    _half_life(command)

    command = _command(commands, "kernel", kernel, "S values of voxels, from the radial table of Y-90 in water")
    command.add_argument("--voxel-mm", type=_number, nargs="+", required=True, metavar="MM", help="one edge, or x y z")
    density_g_ml = Settings().liver_density_g_ml
    command.add_argument(
        "--density-g-ml", type=_number, default=density_g_ml, metavar="G_ML", help="default %(default)g"
    )
    _energy(command)


def _run(compute: Compute, args: argparse.Namespace) -> int:
    try:
        answer = compute(args)
    except OverflowError as error:
        raise InputError("the result is too large to be written", remedy="Check the numbers entered") from error
    print(json.dumps(answer.json_object(), indent=2, allow_nan=False) if args.json else answer.table())
    return 0


def _command(commands: Subparsers, name: str, compute: Compute, about: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object in full precision")
    parser.set_defaults(run=partial(_run, compute))
    return parser


def _numbers(parser: argparse.ArgumentParser, **options: str) -> None:
    for name, about in options.items():
        parser.add_argument(_flag(name), type=_number, required=True, metavar="NUMBER", help=about)


def _either(parser: argparse.ArgumentParser, **options: str) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    for name, about in options.items():
        group.add_argument(_flag(name), type=_number, metavar="NUMBER", help=about)


def _infusion(parser: argparse.ArgumentParser) -> None:
    _numbers(
        parser, residual="fraction left in vial and lines, 0.01 for 1 %%", lsf="lung shunt fraction, 0.05 for 5 %%"
    )
    lung_kg = LABEL_LUNG_MASS_G / G_PER_KG
    parser.add_argument("--lung-mass-kg", type=_number, default=lung_kg, metavar="KG", help="default %(default)g")
    _energy(parser)


def _energy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--joule-per-gbq", type=_number, default=DEFAULT_JOULE_PER_GBQ, metavar="K", help="default %(default)g"
    )


def _liver_values(parser: argparse.ArgumentParser) -> None:
    _either(parser, bilirubin_umol_l="umol/L", bilirubin_mg_dl="mg/dL")
    _either(parser, albumin_g_l="g/L", albumin_g_dl="g/dL")


def _half_life(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--half-life-h", type=_number, default=DEFAULT_HALF_LIFE_H, metavar="H", help="default %(default)g"
    )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number (write 0.05, not 0,05 or 5%)") from None


def _net(args: argparse.Namespace, activity_gbq: float) -> NetActivities:
    if activity_gbq > LARGEST_ACTIVITY_GBQ:
        raise InputError(f"{activity_gbq:g} GBq is no treatment", where="--activity-gbq", remedy="Enter GBq, not MBq")
    return net_activities(activity_gbq, args.residual, args.lsf)


def _mass_g(mass_kg: float, option: str) -> float:
    require_not_negative(mass_kg, option, "kg")
    if mass_kg > LARGEST_MASS_KG:
        raise InputError(f"{mass_kg:g} kg is no human organ", where=option, remedy="Enter kilograms, not grams")
    return mass_kg * G_PER_KG


def _lung_row(args: argparse.Namespace, net: NetActivities) -> Row:
    dose_gy = lung_dose_gy(net.lung_gbq, _mass_g(args.lung_mass_kg, "--lung-mass-kg"), args.joule_per_gbq)
    return Row("lung_dose_gy", "Mean lung dose", dose_gy, "Gy")


def _dose_constants(args: argparse.Namespace) -> tuple[Row, ...]:
    return (
        Row("joule_per_gbq", "energy of complete decay", args.joule_per_gbq, "J/GBq (= Gy kg/GBq)"),
        Row("lung_mass_kg", "lung mass", args.lung_mass_kg, "kg"),
    )


def _bilirubin_umol_l(args: argparse.Namespace) -> float:
    umol_l: float | None = args.bilirubin_umol_l
    return bilirubin_from_mg_dl(args.bilirubin_mg_dl) if umol_l is None else umol_l


def _albumin_g_l(args: argparse.Namespace) -> float:
    g_l: float | None = args.albumin_g_l
    return albumin_from_g_dl(args.albumin_g_dl) if g_l is None else g_l
