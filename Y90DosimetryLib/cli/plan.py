"""`y90 plan`: the window of activities, vials and times, planned against delivered, and how sure all that is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dosimetry.doses import prepare
from ..errors import InputError, MissingToolError
from ..io.case_file import read_case_file
from ..io.writing import output_folder, write_image, write_json, write_text
from ..missing import Missing
from ..planning import Aim, Override, OwnBound, Plan, PlanOptions, Side, load_catalogue, plan_of, stated_from
from ..planning.document import as_json
from ..planning.infusions import FeasibleSet
from ..planning.text import as_text
from ..progress import part
from ..report.content import NOTICE
from ..report.plots import Axis, Curve, Line, dvh_plot, line_plot
from .bar import progress_bar


def add_parser(commands: Any) -> None:
    """Add the command to `y90`."""
    plan = commands.add_parser("plan", help="window of activities, vials and times, planned against delivered")
    plan.add_argument("case", type=Path, metavar="CASE.toml")
    plan.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    plan.add_argument("--out", type=Path, metavar="DIR", help="also write text, JSON, pictures and masks there")
    plan.add_argument("--session", help="the planned session; the last open one unless given")
    plan.add_argument("--date", metavar="2026-03-04", help="day of treatment; the infusion's unless given")
    plan.add_argument("--to", metavar="2026-03-06", help="last day of treatment that would do")
    plan.add_argument("--at", metavar="10:00", default="10:00", help="usual time of treatment on the hospital's clock")
    plan.add_argument("--aim", type=Aim, choices=list(Aim), default=Aim.HIGHEST_TUMOR, help="for several infusions")
    plan.add_argument("--split", metavar="2,1", help="shares of the infusions, for the aim fixed_split")
    plan.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="RULE[:GY]=GY|off or DOSE<=GY",
        help="another number for a rule (S2-DOSE-02=100, C0-DOSE-01:250=off) or a bound of your own"
        " (ntad_gy.multicompartment<=100); repeat for several",
    )
    plan.add_argument(
        "--uncertain",
        action="append",
        default=[],
        metavar="NAME=SD",
        help="standard deviation of an input (lung_shunt_fraction=0.01, contour_voxel_fraction=0.5, ...)",
    )
    plan.add_argument("--samples", type=int, default=0, help="samples of a Monte Carlo beside the intervals")
    plan.add_argument("--seed", type=int, default=0)
    plan.add_argument("--custom-vials", action="store_true", help="also custom sizes (unverified)")
    plan.add_argument("--catalogue", type=Path, metavar="VIALS.toml", help="another catalogue of vials")
    plan.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the plan of a case file, and write it where asked."""
    options = options_of(args)
    with progress_bar() as progress:
        progress(0.0, f"reading {args.case.name}")
        case = read_case_file(args.case).case
        prepared = prepare(case, part(progress, 0.1, 0.5))
        plan = plan_of(case, prepared, options, part(progress, 0.5, 1.0))
    data = {**as_json(plan), "notice": NOTICE}
    if args.out is not None:
        with output_folder(args.out) as folder:
            _write(plan, data, folder)
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if args.json else as_text(plan), end="")
    if args.json:
        print()
    return 0


def options_of(args: argparse.Namespace) -> PlanOptions:
    """Return the options of a command line.

    Raises
    ------
    InputError
        If one can't be read.
    """
    limits = [_limit(text) for text in args.limit]
    return PlanOptions(
        args.session,
        _day(args.date, "--date"),
        _day(args.to, "--to"),
        _clock(args.at),
        None if args.catalogue is None else load_catalogue(args.catalogue),
        args.custom_vials,
        tuple(x for x in limits if isinstance(x, Override)),
        tuple(x for x in limits if isinstance(x, OwnBound)),
        args.aim,
        None if args.split is None else tuple(_number(part, "--split") for part in args.split.split(",")),
        stated_from(dict(_pair(text) for text in args.uncertain)),
        args.samples,
        args.seed,
    )


def _write(plan: Plan, data: dict[str, Any], folder: Path) -> None:
    write_json(data, folder / "plan.json")
    write_text(as_text(plan), folder / "plan.txt")
    try:
        if plan.together is not None and len(plan.together.corners_gbq) >= 3:
            (folder / "feasible.png").write_bytes(feasible_picture(plan.together, plan.lines.entered_gbq))
        curves = list(_curves(plan))
        if curves:
            (folder / "dvh.png").write_bytes(dvh_plot(curves, title="Planned and delivered"))
    except MissingToolError as error:
        write_text(f"{error}\n", folder / "no-pictures.txt")
    if plan.comparison is not None and not isinstance(plan.comparison.under_target, Missing):
        write_image(plan.comparison.under_target, folder / "under-target.nrrd")


def feasible_picture(found: FeasibleSet, entered_gbq: tuple[float, ...]) -> bytes:
    """Return the feasible set of two infusions as a PNG file: its border, the best choice and what is entered."""
    corners = np.array([*found.corners_gbq, found.corners_gbq[0]])
    points = [np.array([entered_gbq]), corners]
    if not isinstance(found.best, Missing):
        points.append(np.array([found.best.activities_gbq]))
    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0)
    margin = 0.15 * (high - low) + 0.02 * high
    low, high = np.maximum(low - margin, 0.0), high + margin
    size_gbq = (high - low) / 60
    lines = [Line("Every target and limit kept", corners[:, 0], corners[:, 1])]
    if not isinstance(found.best, Missing):
        lines.append(_cross("Best choice", found.best.activities_gbq, size_gbq))
    lines.append(_cross("As entered", entered_gbq, size_gbq))
    x, y = (
        Axis(f"{label} (GBq at infusion)", (float(start), float(end)))
        for label, start, end in zip(found.labels, low, high, strict=True)
    )
    return line_plot(lines, x, y, title=f"Best for the {found.aim.display_name}")


def _cross(label: str, at_gbq: tuple[float, ...], size_gbq: NDArray[np.float64]) -> Line:
    x, y = at_gbq
    steps = np.array([[-1, -1], [1, 1], [0, 0], [-1, 1], [1, -1]]) * size_gbq
    return Line(label, np.maximum(x + steps[:, 0], 0), np.maximum(y + steps[:, 1], 0))


def _curves(plan: Plan) -> Iterable[Curve]:
    for lesion in plan.comparison.lesions if plan.comparison is not None else ():
        for name, dvh in (("planned", lesion.planned), ("delivered", lesion.delivered)):
            if not isinstance(dvh, Missing):
                yield Curve(f"{lesion.region.label}, {name}", *dvh.curve())


def _limit(text: str) -> Override | OwnBound:
    for sign, side in (("<=", Side.AT_MOST), (">=", Side.AT_LEAST)):
        if sign in text:
            name, _, value = text.partition(sign)
            return OwnBound(name.strip(), side, _number(value, f"--limit {text}"))
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(
            f"'{text}' is no limit", where="--limit", remedy="Write RULE=GY, RULE=off, DOSE<=GY or DOSE>=GY"
        )
    rule, _, printed = name.strip().partition(":")
    limit_gy = None if value.strip() == "off" else _number(value, f"--limit {text}")
    return Override(rule, limit_gy, _number(printed, f"--limit {text}") if printed else None)


def _pair(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"'{text}' has no value", where="--uncertain", remedy="Write NAME=SD")
    return name.strip(), _number(value, f"--uncertain {name}")


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"'{text.strip()}' is no number", where=where, remedy="Write it as 100 or 0.05") from None


def _day(text: str | None, where: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is no date", where=where, remedy="Write it as 2026-03-04") from None


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is no time of day", where="--at", remedy="Write it as 10:00") from None
