"""`y90 plan`: the window of activities, vials and times, planned against delivered, and how sure all that is."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

from ..engine import Engine
from ..errors import InputError
from ..io.case_file import read_case_file
from ..io.writing import output_folder, write_image, write_json, write_text
from ..missing import Missing
from ..planning import Aim, Override, OwnBound, Plan, PlanOptions, Side, load_catalogue, plan_of, with_typed
from ..planning.document import as_json
from ..planning.text import as_text, folded
from ..progress import part
from ..quantities import require_in_calendar
from ..report.content import NOTICE
from ..report.html_parts import file_name
from ..report.plan_page import plan_html, plan_pictures
from .bar import progress_bar


def add_parser(commands: Any) -> None:
    """Add the command to `y90`."""
    plan = commands.add_parser("plan", help="window of activities, vials and times, planned against delivered")
    plan.add_argument("case", type=Path, metavar="CASE.toml")
    plan.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    plan.add_argument("--out", type=Path, metavar="DIR", help="also write page, text, JSON, pictures and masks there")
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
        help="standard deviation of an input (lung_shunt_fraction=0.01, contour_voxel_fraction=0.5, ...), in place of"
        " the case file's [uncertainty]; repeat for several",
    )
    plan.add_argument("--samples", type=int, default=0, help="samples of a Monte Carlo beside the intervals")
    plan.add_argument("--seed", type=int, default=0)
    plan.add_argument("--models", action="store_true", help="every dose model side by side, with its arithmetic")
    plan.add_argument("--empiric", action="store_true", help="with the models, empiric activities (made for resin)")
    plan.add_argument("--custom-vials", action="store_true", help="also custom sizes (unverified)")
    plan.add_argument("--catalogue", type=Path, metavar="VIALS.toml", help="another catalogue of vials")
    plan.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the plan of a case file, and write it where asked."""
    options = options_of(args)
    typed = dict(_pair(text) for text in args.uncertain)
    with progress_bar() as progress:
        progress(0.0, f"reading {args.case.name}")
        file = read_case_file(args.case)
        stated, replaced = with_typed(file.stated, typed)
        engine = Engine.prepare(file.case, part(progress, 0.1, 0.5))
        plan = plan_of(engine, replace(options, stated=stated), part(progress, 0.5, 1.0))
        plan = replace(plan, notes=(*plan.notes, *stated.notes, *replaced))
    data = {**as_json(plan), "notice": NOTICE}
    if args.out is not None:
        with output_folder(args.out) as folder:
            _write(plan, data, folder)
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if args.json else _shown(plan), end="")
    if args.json:
        print()
    return 0


def _shown(plan: Plan) -> str:
    """Return the text of a plan; on a terminal its lines are no longer than the terminal is wide."""
    text = as_text(plan)
    return folded(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def options_of(args: argparse.Namespace) -> PlanOptions:
    """Return the options of a command line; what is uncertain is not among them, since the case file has a say in it.

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
        samples=args.samples,
        seed=args.seed,
        models=args.models or args.empiric,
        empiric=args.empiric,
    )


def _write(plan: Plan, data: dict[str, Any], folder: Path) -> None:
    write_json(data, folder / "plan.json")
    write_text(folded(as_text(plan)), folder / "plan.txt")
    write_text(plan_html(plan), folder / "plan.html")
    for name, svg in plan_pictures(plan).items():
        write_text(svg, folder / file_name(name))
    if plan.comparison is not None and not isinstance(plan.comparison.under_target, Missing):
        write_image(plan.comparison.under_target, folder / "under-target.nrrd")


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
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is no date", where=where, remedy="Write it as 2026-03-04") from None
    require_in_calendar(day, where)
    return day


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is no time of day", where="--at", remedy="Write it as 10:00") from None
