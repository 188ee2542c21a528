"""Pictures of a plan: the window with its constraints and vials, several infusions at once, histograms overlaid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..missing import Missing
from ..planning import Bound, Comparison, Constraint, FeasibleSet, Side, Window
from ..planning.prescription import Allowance, end_text
from ..structures import Role
from .colors import LineStyle, Rgb, structure_styles
from .content import role_of
from .plots import Axis, Curve, Line, dvh_plot, line_plot
from .rendering import Canvas, shortened, text_width_px
from .scales import round_up, ticks

PAPER: Rgb = (255, 255, 255)
INK: Rgb = (29, 36, 48)
SOFT: Rgb = (91, 101, 115)
FAINT: Rgb = (226, 230, 235)
GREEN: Rgb = (27, 120, 55)
BAND: Rgb = (214, 238, 220)
RED: Rgb = (179, 0, 27)
_KIND: dict[str, tuple[Rgb, Rgb]] = {
    "target": ((11, 92, 173), (190, 213, 238)),
    "limit": ((179, 89, 0), (246, 219, 190)),
    "wish": ((110, 118, 128), (229, 231, 234)),
}
"""Of the edge and of the range that a constraint allows."""

Place = Callable[[float], int]
"""Where an activity lies across the picture, in pixels."""

WIDTH_PX = 1680
_NAMES_PX, _MARGIN_PX, _ROW_PX, _LINE_PX, _VIALS_PX = 640, 26, 58, 22, 118
_ROOM_PX = _NAMES_PX - _MARGIN_PX - 22
_TEXT, _SMALL, _TITLE = 21, 18, 25


@dataclass(frozen=True)
class VialTick:
    """A vial on the activity axis: what it holds at the moment it would be given."""

    label: str
    activity_gbq: float
    meets_plan: bool


def window_picture(
    window: Window, vials: Sequence[VialTick] = (), vials_title: str = "", is_entered: bool = True
) -> bytes:
    """Return the window of activities as a PNG file: a band, each constraint's range with its name, vials as ticks.

    The entered activity is marked unless it is none of this session: a second one is made from the first one's plan.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    """
    rows = _rows(window)
    high = _highest_gbq(window, is_entered)
    top = 96
    ticked = [v for v in vials if 0 < v.activity_gbq <= high]
    tops = [top + _ROW_PX]
    for _, allowance in rows:
        tops.append(tops[-1] + _ROW_PX + _LINE_PX * (len(_name_lines(allowance)) - 1))
    under_rows = tops[-1]
    bottom = under_rows + (_VIALS_PX if ticked else 8)
    canvas = Canvas((WIDTH_PX, bottom + 76), PAPER)
    left, right = _NAMES_PX, WIDTH_PX - _MARGIN_PX - 30

    def place(activity_gbq: float) -> int:
        return round(left + (right - left) * min(max(activity_gbq, 0.0), high) / high)

    _heading(canvas, window)
    if not window.is_empty:
        canvas.fill((place(window.low_gbq), top, place(min(window.high_gbq, high)), bottom), BAND)
    for mark in ticks(0.0, high, 10):
        x = place(mark)
        canvas.fill((x, top, x + 1, bottom), FAINT)
        canvas.text(f"{mark:g}", x, bottom + 12, _SMALL, INK, across="center", down="top")
    canvas.fill((left, bottom - 1, right, bottom + 1), INK)
    canvas.text("GBq at infusion", right, bottom + 40, _SMALL, SOFT, across="right", down="top")
    entered = place(window.entered_gbq) if is_entered else None
    if entered is not None:
        canvas.lines([np.array([[entered, top - 4.0], [entered, bottom]])], INK, 3.0, dashes_px=(9.0, 6.0))
        words = f"entered {window.entered_gbq:.3f}"
        middle = min(entered, right - text_width_px(words, _SMALL) / 2)
        canvas.text(words, middle, top - 8, _SMALL, INK, across="center", down="bottom", bold=True)
    _window_row(canvas, window, place, top, high)
    binding = (*window.low_binding, *window.high_binding, *window.impossible)
    for (names, allowance), row_top in zip(rows, tops[:-1], strict=True):
        binds = allowance.constraint in binding
        _constraint_row(canvas, names, allowance, place, row_top, high, entered, binds)
    if ticked:
        _vials(canvas, ticked, vials_title, place, under_rows)
    return canvas.png()


def _heading(canvas: Canvas, window: Window) -> None:
    canvas.text(window.label, _MARGIN_PX, 12, _TITLE, INK, down="top", bold=True)


def _window_row(canvas: Canvas, window: Window, place: Place, top: int, high: float) -> None:
    y = top + _ROW_PX / 2
    canvas.text("Window", _MARGIN_PX, y, _TEXT, INK, bold=True)
    if window.is_empty:
        canvas.text("no activity keeps every target and limit", place(0) + 8, y, _TEXT, RED, bold=True, halo=PAPER)
        return
    low, end = place(window.low_gbq), place(min(window.high_gbq, high))
    canvas.fill((low, top + 14, max(end, low + 3), top + _ROW_PX - 14), GREEN)
    low_text, high_text = window.end_texts
    canvas.text(low_text, low - 6, y, _TEXT, GREEN, across="right", bold=True, halo=PAPER)
    if window.high_gbq < high:
        canvas.text(high_text, end + 8, y, _TEXT, GREEN, bold=True, halo=PAPER)


def _constraint_row(
    canvas: Canvas, names: str, one: Allowance, place: Place, top: int, high: float, entered: int | None, binds: bool
) -> None:
    edge, light = _KIND[one.constraint.kind]
    y = top + _ROW_PX / 2
    canvas.fill((_MARGIN_PX, top, WIDTH_PX - _MARGIN_PX, top + 1), FAINT)
    first = f"{names}  {one.constraint.kind}{', binds' if binds else ''}"
    canvas.text(shortened(first, _TEXT, _ROOM_PX * 0.9), _MARGIN_PX, top + 16, _TEXT, edge, bold=True)
    for number, line in enumerate(_name_lines(one)):
        canvas.text(line, _MARGIN_PX, top + 41 + _LINE_PX * number, _SMALL, INK)
    if not one.is_possible:
        canvas.text("no activity keeps it", place(0) + 8, y, _SMALL, RED, bold=True, halo=PAPER)
        return
    least, most = place(one.least_gbq), place(min(one.most_gbq, high))
    canvas.fill((least, top + 20, most, top + _ROW_PX - 20), light)
    if one.least_gbq <= 0 and one.most_gbq == math.inf:
        canvas.text("kept whatever this activity", least + 8, y, _SMALL, SOFT, halo=PAPER)
    if one.least_gbq > 0:
        canvas.fill((least - 2, top + 10, least + 3, top + _ROW_PX - 10), edge)
        words = f"from {end_text(one.least_gbq, True)}"
        words = words if one.least_gbq <= high else f"{words}, beyond"
        crosses = entered is not None and least - 12 - text_width_px(words, _SMALL, binds) < entered < least
        if crosses and least + 24 + text_width_px(words, _SMALL, binds) < WIDTH_PX:
            canvas.text(words, least + 10, y, _SMALL, edge, bold=binds, halo=PAPER)
        else:
            canvas.text(words, least - 8, y, _SMALL, edge, across="right", bold=binds, halo=PAPER)
    if one.most_gbq < math.inf:
        inside = one.most_gbq <= high
        if inside:
            canvas.fill((most - 2, top + 10, most + 3, top + _ROW_PX - 10), edge)
        words = f"up to {end_text(one.most_gbq, False)}"
        across: tuple[float, bool] = (most + 8, True) if inside else (most - 8, False)
        if inside and most + 16 + text_width_px(words, _SMALL, binds) > WIDTH_PX:
            across = (most - 8, False)
        canvas.text(words, across[0], y, _SMALL, edge, across="left" if across[1] else "right", bold=binds, halo=PAPER)


def _vials(canvas: Canvas, vials: Sequence[VialTick], title: str, place: Place, top: int) -> None:
    """Draw vials as ticks with their names below, in three lines where they would overlap."""
    canvas.fill((_MARGIN_PX, top, WIDTH_PX - _MARGIN_PX, top + 1), SOFT)
    canvas.text("Vials", _MARGIN_PX, top + 20, _TEXT, INK, bold=True)
    room = _NAMES_PX - 2 * _MARGIN_PX
    for number, line in enumerate((title, "green: meets the plan")):
        canvas.text(shortened(line, _SMALL, room), _MARGIN_PX, top + 46 + 25 * number, _SMALL, SOFT)
    free_from = [-math.inf, -math.inf, -math.inf]
    for vial in sorted(vials, key=lambda v: v.activity_gbq):
        x = place(vial.activity_gbq)
        color = GREEN if vial.meets_plan else SOFT
        canvas.fill((x - 2, top + 6, x + 3, top + 28), color)
        half = text_width_px(vial.label, _SMALL, vial.meets_plan) / 2
        line_number = next((i for i, free in enumerate(free_from) if x - half >= free), None)
        if line_number is None:
            continue
        free_from[line_number] = x + half + 12
        y = top + 42 + line_number * 25
        middle = min(x, WIDTH_PX - half - 4)
        canvas.text(vial.label, middle, y, _SMALL, color, across="center", bold=vial.meets_plan, halo=PAPER)


def _rows(window: Window) -> list[tuple[str, Allowance]]:
    """Return the constraints with the names of the rules that ask the same, hard ones first, by their limit."""
    merged: dict[tuple[str, tuple[object, ...]], tuple[list[str], Allowance]] = {}
    for one in window.allowances:
        key = (one.constraint.kind, one.constraint.bounds)
        names, _ = merged.setdefault(key, ([], one))
        names.append(one.constraint.rule.id if one.constraint.rule else "your own")
    order = {"target": 0, "limit": 1, "wish": 2}
    rows = [(", ".join(dict.fromkeys(names)), one) for names, one in merged.values()]
    return sorted(rows, key=lambda r: (order[r[1].constraint.kind], -r[1].least_gbq, r[1].most_gbq))


def _name_lines(one: Allowance) -> list[str]:
    """Return what a constraint asks, in lines that fit beside its range."""
    lines = [""]
    for word in _short(one.constraint).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_px(longer, _SMALL) > _ROOM_PX:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _short(constraint: Constraint) -> str:
    words = constraint.text
    for long, short in (("Mean dose of the ", ""), ("Mean tumor dose", "Tumor dose"), (", tumor included", "")):
        words = words.replace(long, short)
    return words[:1].upper() + words[1:]


def _highest_gbq(window: Window, is_entered: bool) -> float:
    """Return the end of the axis: the window and what is entered in the middle, no far limit."""
    near = [window.low_gbq, *([window.entered_gbq] if is_entered else [])]
    if window.high_gbq < math.inf:
        near.append(window.high_gbq)
    near += [a.most_gbq for a in window.allowances if a.constraint in window.high_binding]
    near += [a.least_gbq for a in window.allowances if a.is_possible and not a.constraint.is_wish]
    return round_up(1.5 * (max(n for n in near if 0 <= n < math.inf) or window.entered_gbq))


def feasible_picture(
    found: FeasibleSet,
    entered_gbq: tuple[float, ...],
    constraints: Sequence[Constraint] = (),
    is_entered: bool = True,
) -> bytes:
    """Return the feasible set of two infusions as a PNG file: its border, the best choice and what is entered.

    Without *is_entered*, as for a second session, what is entered only sets the scale.

    Of *constraints*, those at its corners are drawn as lines with their names; where the set is empty, those that
    would have to give.
    """
    points = [np.array([entered_gbq])]
    if found.corners_gbq:
        points.append(np.array(found.corners_gbq))
    if not isinstance(found.best, Missing):
        points.append(np.array([found.best.activities_gbq]))
    if found.relaxation is not None:
        points.append(np.array([found.relaxation.activities_gbq]))
        points += [_nearest(bound, found.relaxation.activities_gbq) for bound, _ in _borders(found, constraints)]
    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0)
    margin = 0.25 * (high - low) + 0.03 * high
    low, high = np.maximum(low - margin, 0.0), high + margin
    size_gbq = (high - low) / 60
    lines = []
    if len(found.corners_gbq) >= 3:
        corners = np.array([*found.corners_gbq, found.corners_gbq[0]])
        lines.append(Line("Every target and limit kept", corners[:, 0], corners[:, 1], _FEASIBLE))
    for bound, name in _borders(found, constraints):
        edge = _KIND["target" if bound.side is Side.AT_LEAST else "limit"][0]
        x, y = _border(bound, low, high)
        lines.append(Line(name, x, y, LineStyle(edge, edge, _DASHES[len(lines) % len(_DASHES)], 1.8)))
    if not isinstance(found.best, Missing):
        lines.append(_cross("Best choice", found.best.activities_gbq, size_gbq, _BEST))
    if is_entered:
        lines.append(_cross("As entered", entered_gbq, size_gbq, INK))
    x_axis, y_axis = (
        Axis(f"{label} (GBq at infusion)", (float(start), float(end)))
        for label, start, end in zip(found.labels, low, high, strict=True)
    )
    title = f"Best for the {found.aim.display_name}"
    if isinstance(found.best, Missing):
        title = found.best.because[:1].upper() + found.best.because[1:]
    return line_plot(lines, x_axis, y_axis, title=title, size_px=(1350, 780))


_BEST: Rgb = (140, 50, 170)
_FEASIBLE = LineStyle(GREEN, GREEN, (), 4.0)
_DASHES = ((12.0, 6.0), (22.0, 7.0), (2.5, 5.5), (14.0, 5.0, 2.5, 5.0))


def _borders(found: FeasibleSet, constraints: Sequence[Constraint]) -> Iterator[tuple[Bound, str]]:
    """Yield the bounds that matter, each once, with the first rule that asks for it."""
    corners = np.array(found.corners_gbq).reshape(-1, 2)
    giving = found.relaxation.giving if found.relaxation is not None else ()
    names: dict[Bound, list[str]] = {}
    for one in (c for c in constraints if not c.is_wish and len(c.bounds) == 1):
        (bound,) = one.bounds
        doses_gy = bound.line.already_gy + corners @ np.array(bound.line.per_activity_gy_per_gbq)
        if one in giving or np.any(np.abs(doses_gy - bound.limit_gy) < _ON_BORDER_FRACTION * bound.limit_gy):
            names.setdefault(bound, []).append(one.rule.id if one.rule else "your own")
    for bound, rules in names.items():
        about = f", {bound.line.about}" if bound.line.about else ""
        sign = "≥" if bound.side is Side.AT_LEAST else "≤"
        yield bound, f"{rules[0]}{about} {sign} {bound.limit_gy:g} Gy"


_ON_BORDER_FRACTION = 1e-4
"""A corner is a border's when the dose there is the limit but for this."""


def _border(
    bound: Bound, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where a dose of two activities is just its limit, from one side of the picture to the other."""
    first, second = bound.line.per_activity_gy_per_gbq
    free_gy = bound.limit_gy - bound.line.already_gy
    if abs(second) * (high[1] - low[1]) > abs(first) * (high[0] - low[0]):
        x = np.array([low[0], high[0]])
        return x, (free_gy - first * x) / second
    y = np.array([low[1], high[1]])
    return (free_gy - second * y) / first, y


def _nearest(bound: Bound, at_gbq: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the point of a border next to two activities, shape (1, 2), so that the picture can hold both."""
    per, at = np.array(bound.line.per_activity_gy_per_gbq), np.array(at_gbq)
    nearest: NDArray[np.float64] = at + (bound.limit_gy - bound.line.dose_gy(at_gbq)) / (per @ per) * per
    return np.maximum(nearest, 0.0)[np.newaxis]


def overlay_picture(comparison: Comparison) -> bytes | Missing:
    """Return the lesions' histograms as planned (dotted) and as delivered (solid) as a PNG file, with the targets."""
    curves = list(_curves(comparison))
    if not curves:
        return Missing("no lesion lies on a planned or delivered dose map", ("image",))
    targets = tuple(sorted({lesion.target.dose_gy for lesion in comparison.lesions}))
    return dvh_plot(curves, marker_doses_gy=targets, title="Planned (dotted) and delivered (solid)")


def _curves(comparison: Comparison) -> Iterator[Curve]:
    roles = [role_of(lesion.region.kind.value) or Role.TUMOR for lesion in comparison.lesions]
    for lesion, style in zip(comparison.lesions, structure_styles(roles), strict=True):
        plain = LineStyle(style.on_dark, style.on_light, (), 3.0)
        dotted = LineStyle(style.on_dark, style.on_light, (2.5, 5.5), 2.2)
        for name, dvh, how in (("planned", lesion.planned, dotted), ("delivered", lesion.delivered, plain)):
            if not isinstance(dvh, Missing):
                yield Curve(f"{lesion.region.label}, {name}", *dvh.curve(), style=how)


def _cross(label: str, at_gbq: tuple[float, ...], size_gbq: NDArray[np.float64], color: Rgb) -> Line:
    x, y = at_gbq
    steps = np.array([[-1, -1], [1, 1], [0, 0], [-1, 1], [1, -1]]) * size_gbq
    style = LineStyle(color, color, (), 4.0)
    return Line(label, np.maximum(x + steps[:, 0], 0), np.maximum(y + steps[:, 1], 0), style)
