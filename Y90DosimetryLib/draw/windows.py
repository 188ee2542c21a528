"""Figures of a plan: the window with its constraints and vials, and several infusions at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..missing import Missing
from ..planning import Bound, Constraint, FeasibleSet, Side, Window
from ..planning.prescription import Allowance, end_text
from .chart import Chart
from .colors import Rgb
from .scales import Scale, round_up, ticks
from .svg import LIGHT, Across, Drawing, Pen, overlap_px2, shortened, text_box, text_width_px

INK, SOFT, FAINT = LIGHT.ink, LIGHT.soft, LIGHT.grid
GREEN: Rgb = (27, 120, 55)
BAND: Rgb = (214, 238, 220)
RED: Rgb = (179, 0, 27)
_KIND: dict[str, tuple[Rgb, Rgb]] = {
    "target": ((11, 92, 173), (190, 213, 238)),
    "limit": ((170, 78, 0), (246, 219, 190)),
    "wish": ((90, 96, 105), (229, 231, 234)),
}
"""Of the edge and of the range that a constraint allows."""

Place = Callable[[float], float]
"""Where an activity lies across the figure, in pixels."""

WIDTH_PX, _LEFT_PX, _RIGHT_PX = 720.0, 16.0, 680.0
_LINE_PX, _BAR_PX, _GAP_PX, _VIAL_ROWS = 18.0, 18.0, 8.0, 3
_TEXT, _TITLE = 14.0, 18.0
_ROOM_PX = WIDTH_PX - 2 * _LEFT_PX


@dataclass(frozen=True)
class VialTick:
    """A vial on the activity axis: what it holds at the moment it would be given."""

    label: str
    activity_gbq: float
    meets_plan: bool


def window_picture(
    window: Window, vials: Sequence[VialTick] = (), vials_title: str = "", is_entered: bool = True
) -> str:
    """Return the window of activities as an SVG file: a band, each constraint's range with its name, vials as ticks.

    The entered activity is marked unless it is none of this session: a second one is made from the first one's plan.
    """
    binding = (*window.low_binding, *window.high_binding, *window.impossible)
    rows = [
        (f"{names} ({one.constraint.kind}{', binds' if one.constraint in binding else ''})", one)
        for names, one in _rows(window)
    ]
    high = _highest_gbq(window, is_entered)
    ticked = [v for v in vials if 0 < v.activity_gbq <= high]
    top = 62.0
    tops = [top + _LINE_PX + _BAR_PX + _GAP_PX]
    for head, one in rows:
        tops.append(tops[-1] + _LINE_PX * len(_name_lines(head, one)) + _BAR_PX + _GAP_PX)
    bottom = tops[-1] + (_LINE_PX * (_VIAL_ROWS + 2) + 4 if ticked else 2)
    drawing = Drawing((WIDTH_PX, bottom + 2 * _LINE_PX + 14))

    def place(activity_gbq: float) -> float:
        return _LEFT_PX + (_RIGHT_PX - _LEFT_PX) * min(max(activity_gbq, 0.0), high) / high

    drawing.text(window.label, _LEFT_PX, 10, _TITLE, INK, down="top", bold=True)
    if not window.is_empty:
        drawing.rect((place(window.low_gbq), top, place(min(window.high_gbq, high)), bottom), BAND)
    for mark in ticks(0.0, high, 10):
        drawing.lines([[(place(mark), top), (place(mark), bottom)]], Pen(FAINT, 1.0))
        drawing.text(f"{mark:g}", place(mark), bottom + 7, _TEXT, INK, across="center", down="top")
    drawing.lines([[(_LEFT_PX, bottom), (_RIGHT_PX, bottom)]], Pen(INK, 1.6))
    drawing.text("GBq at infusion", _RIGHT_PX, bottom + 7 + _LINE_PX, _TEXT, SOFT, across="right", down="top")
    for (_, one), y in zip(rows, tops[1:], strict=True):
        if one.is_possible:
            low, end = place(one.least_gbq), place(min(one.most_gbq, high))
            drawing.rect((low, y - _GAP_PX - _BAR_PX + 2, end, y - _GAP_PX - 2), _KIND[one.constraint.kind][1])
    if is_entered:
        x = place(window.entered_gbq)
        drawing.lines([[(x, top - 2), (x, bottom)]], Pen(INK, 2.0, (6.0, 4.0)))
        words = f"entered {window.entered_gbq:.3f}"
        half = text_width_px(words, _TEXT, bold=True) / 2
        middle = min(max(x, half + 4), WIDTH_PX - half - 4)
        drawing.text(words, middle, top - 6, _TEXT, INK, across="center", down="bottom", bold=True)
    _window_row(drawing, window, place, top, high)
    for (head, one), y in zip(rows, tops[:-1], strict=True):
        _constraint_row(drawing, head, one, place, y, high)
    if ticked:
        _vials(drawing, ticked, vials_title, place, tops[-1])
    return drawing.svg()


def _window_row(drawing: Drawing, window: Window, place: Place, top: float, high: float) -> None:
    drawing.text("Window", _LEFT_PX, top + _LINE_PX / 2, _TEXT, INK, bold=True, chip=True)
    y = top + _LINE_PX + _BAR_PX / 2
    if window.is_empty:
        words = "not planned" if window.nothing_to_plan else window.why_empty
        drawing.text(words, place(0) + 6, y, _TEXT, RED, bold=True, chip=True)
        return
    low, end = place(window.low_gbq), place(min(window.high_gbq, high))
    with drawing.named("Window"):
        drawing.rect((low, top + _LINE_PX, max(end, low + 2), top + _LINE_PX + _BAR_PX), GREEN)
    low_text, high_text = window.end_texts
    _beside(drawing, low_text, low, y, GREEN, "right", bold=True)
    if window.high_gbq < high:
        _beside(drawing, high_text, end, y, GREEN, "left", bold=True)


def _constraint_row(drawing: Drawing, head: str, one: Allowance, place: Place, top: float, high: float) -> None:
    edge, _ = _KIND[one.constraint.kind]
    drawing.lines([[(_LEFT_PX, top - _GAP_PX / 2), (WIDTH_PX - _LEFT_PX, top - _GAP_PX / 2)]], Pen(FAINT, 1.0))
    binds = head.endswith(", binds)")
    lines = _name_lines(head, one)
    for number, line in enumerate(lines):
        y = top + _LINE_PX * (number + 0.5)
        drawing.text(line, _LEFT_PX, y, _TEXT, INK if number else edge, bold=not number, chip=True)
    bar = top + _LINE_PX * len(lines)
    y = bar + _BAR_PX / 2
    if not one.is_possible:
        drawing.text("no activity keeps it", place(0) + 6, y, _TEXT, RED, bold=True, chip=True)
        return
    if one.least_gbq <= 0 and one.most_gbq == math.inf:
        drawing.text("kept whatever this activity", place(0) + 6, y, _TEXT, SOFT, chip=True)
    for gbq, words, side in (
        (one.least_gbq, f"from {end_text(one.least_gbq, True)}", "right"),
        (one.most_gbq, f"up to {end_text(one.most_gbq, False)}" if one.most_gbq < math.inf else "", "left"),
    ):
        if gbq <= 0 and side == "right" or gbq == math.inf:
            continue
        words = words if gbq <= high else f"{words}, beyond"
        x = place(gbq)
        if gbq <= high:
            with drawing.named(words):
                drawing.rect((x - 1.5, bar, x + 1.5, bar + _BAR_PX), edge)
        first: Across = "right" if side == "right" or gbq > high else "left"
        _beside(drawing, words, x, y, edge, first, bold=binds)


def _beside(drawing: Drawing, words: str, x: float, y: float, color: Rgb, first: Across, bold: bool) -> None:
    """Write words left ("right"-aligned) or right of an edge, on the other side where there is no room."""
    for across in (first, "left" if first == "right" else "right"):
        at = x - 6 if across == "right" else x + 6
        box = text_box(words, at, y, _TEXT, across, "middle", bold)
        if box[0] >= 4 and box[2] <= WIDTH_PX - 4 and not any(overlap_px2(box, b) for b in drawing.text_boxes):
            drawing.text(words, at, y, _TEXT, color, across=across, bold=bold, chip=True)
            return


def _vials(drawing: Drawing, vials: Sequence[VialTick], title: str, place: Place, top: float) -> None:
    """Draw vials as ticks with their names below, in lines where they would overlap."""
    drawing.lines([[(_LEFT_PX, top - _GAP_PX / 2), (WIDTH_PX - _LEFT_PX, top - _GAP_PX / 2)]], Pen(SOFT, 1.0))
    words = f"Vials {title}; green and bold: meets the plan".replace("  ", " ")
    drawing.text(shortened(words, _TEXT, _ROOM_PX), _LEFT_PX, top + _LINE_PX / 2, _TEXT, INK, chip=True)
    for vial in sorted(vials, key=lambda v: v.activity_gbq):
        x = place(vial.activity_gbq)
        color = GREEN if vial.meets_plan else SOFT
        with drawing.named(vial.label):
            drawing.rect((x - 1.5, top + _LINE_PX, x + 1.5, top + 1.8 * _LINE_PX), color)
        half = text_width_px(vial.label, _TEXT, vial.meets_plan) / 2
        middle = min(max(x, half + 4), WIDTH_PX - half - 4)
        for row in range(_VIAL_ROWS):
            y = top + _LINE_PX * (2.3 + row)
            box = text_box(vial.label, middle, y, _TEXT, "center", "middle", vial.meets_plan)
            if not any(overlap_px2(box, taken) for taken in drawing.text_boxes):
                drawing.text(vial.label, middle, y, _TEXT, color, across="center", bold=vial.meets_plan, chip=True)
                break


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


def _name_lines(head: str, one: Allowance) -> list[str]:
    """Return who asks, and what a constraint asks, in lines as wide as the figure."""
    lines = [shortened(head, _TEXT, _ROOM_PX * 0.94), ""]
    for word in _short(one.constraint).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_px(longer, _TEXT) > _ROOM_PX:
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
) -> str:
    """Return the feasible set of two infusions as an SVG file: its border, the best choice and what is entered.

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
    x_axis, y_axis = (
        Scale(f"{label} (GBq at infusion)", float(start), float(end))
        for label, start, end in zip(found.labels, low, high, strict=True)
    )
    title = f"Best for the {found.aim.display_name}"
    if isinstance(found.best, Missing):
        title = found.best.because[:1].upper() + found.best.because[1:]
    chart = Chart(x_axis, y_axis, title=shortened(title, _TITLE, _ROOM_PX), size_px=(WIDTH_PX, 520.0))
    if len(found.corners_gbq) >= 3:
        corners = np.array([*found.corners_gbq, found.corners_gbq[0]])
        chart.drawing.area(chart.placed(corners[:, 0], corners[:, 1]), BAND)
        chart.curve("Every target and limit kept", corners[:, 0], corners[:, 1], Pen(GREEN, 3.0))
    for index, (bound, name) in enumerate(_borders(found, constraints)):
        edge = _KIND["target" if bound.side is Side.AT_LEAST else "limit"][0]
        chart.curve(name, *_border(bound, low, high), Pen(edge, 1.8, _DASHES[index % len(_DASHES)]))
    if not isinstance(found.best, Missing):
        _cross(chart, "Best choice", found.best.activities_gbq, size_gbq, _BEST)
    if is_entered:
        _cross(chart, "As entered", entered_gbq, size_gbq, INK)
    return chart.svg()


_BEST: Rgb = (140, 50, 170)
_DASHES = ((9.0, 4.5), (16.0, 5.0), (2.5, 4.0), (11.0, 4.0, 2.0, 4.0))


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


def _cross(chart: Chart, name: str, at_gbq: tuple[float, ...], size_gbq: NDArray[np.float64], color: Rgb) -> None:
    x, y = at_gbq
    steps = np.array([[-1, -1], [1, 1], [0, 0], [-1, 1], [1, -1]]) * size_gbq
    chart.curve(name, np.maximum(x + steps[:, 0], 0), np.maximum(y + steps[:, 1], 0), Pen(color, 3.0))
