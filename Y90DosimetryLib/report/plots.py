"""Curves on a light background: the cumulative dose-volume histogram, and any other lines against two axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..structures import Role
from .colors import LineStyle, Rgb, structure_styles
from .legend import GAP, SWATCH, TEXT, Entry, draw_entries
from .rendering import Box, Canvas, Points, text_width_px
from .scales import round_up, ticks

Values = NDArray[np.float64]

_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (25, 25, 25)
_GRID: Rgb = (222, 222, 222)
_MARK: Rgb = (90, 90, 90)
_LEAST_SHOWN_PERCENT = 0.5
"""The dose axis of a histogram ends where every curve is below."""
_WIDEST_LEGEND_RATIO = 0.36
_FARTHEST = 50.0  # times the size of the plot's area
_NUMBER, _NAME, _MARKER = 17.0, 19.0, 15.0  # sizes of text
_THICKER_PX = 0.4  # than on the pictures

PLAIN_STYLES = (
    LineStyle((110, 195, 255), (0, 100, 190)),
    LineStyle((255, 176, 80), (200, 95, 0), (12.0, 6.0)),
    LineStyle((70, 255, 120), (0, 145, 60), (14.0, 5.0, 2.5, 5.0)),
    LineStyle((225, 140, 255), (140, 50, 170), (2.5, 5.5)),
)
"""Of curves that no structure gives a color."""


@dataclass(frozen=True)
class Axis:
    """Title with unit, and the values at its ends; None fits them to the lines, from 0 where none is negative."""

    title: str
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """A line through points, x and y of one shape (n,); `style` None takes the next of a few."""

    label: str
    x: Values
    y: Values
    style: LineStyle | None = None

    def __post_init__(self) -> None:
        x, y = np.asarray(self.x, dtype=np.float64), np.asarray(self.y, dtype=np.float64)
        where = f"curve '{self.label}'"
        if x.ndim != 1 or x.shape != y.shape or x.size < 2:
            raise InputError(f"x has shape {x.shape}, y has {y.shape}", where=where, remedy="Give as many of each")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputError("a value is not a number or infinite", where=where, remedy="Leave the curve out")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)


@dataclass(frozen=True)
class Curve:
    """A cumulative dose-volume histogram: the fraction of the volume (0 to 1) that has at least each dose (rising).

    Its line has `style`, or that of its role: the colors of the pictures.
    """

    label: str
    dose_gy: Values
    volume_fraction: Values
    role: Role | None = None
    style: LineStyle | None = None

    def __post_init__(self) -> None:
        dose_gy, fraction = np.asarray(self.dose_gy, np.float64), np.asarray(self.volume_fraction, np.float64)
        where = f"dose-volume histogram of '{self.label}'"
        if dose_gy.ndim != 1 or dose_gy.shape != fraction.shape or not dose_gy.size:
            raise InputError(
                f"doses have shape {dose_gy.shape}, volumes {fraction.shape}",
                where=where,
                remedy="Give as many of each",
            )
        if not (np.diff(dose_gy) >= 0).all() or not (np.diff(fraction) <= 1e-9).all():
            raise InputError("doses must rise and volumes fall", where=where, remedy="Sort by dose")
        if not (fraction.min() >= -1e-9 and fraction.max() <= 1 + 1e-9):
            raise InputError(
                f"volumes run from {fraction.min():g} to {fraction.max():g}",
                where=where,
                remedy="Give fractions from 0 to 1, not percentages",
            )
        object.__setattr__(self, "dose_gy", dose_gy)
        object.__setattr__(self, "volume_fraction", fraction)


def dvh_plot(
    curves: Sequence[Curve],
    *,
    marker_doses_gy: Sequence[float] = (),
    highest_dose_gy: float | None = None,
    title: str = "",
    size_px: tuple[int, int] = (900, 600),
) -> bytes:
    """Draw cumulative dose-volume histograms and return them as a PNG file.

    `marker_doses_gy` are marked by vertical lines; `highest_dose_gy` ends the dose axis, None fits it to the curves.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If there is no curve.
    """
    roles = [c.role for c in curves if c.role is not None and c.style is None]
    by_role = iter(structure_styles(roles))
    lines = [
        Line(
            c.label,
            np.concatenate([[0.0], c.dose_gy, c.dose_gy[-1:]]),
            np.concatenate([c.volume_fraction[:1], c.volume_fraction, [0.0]]) * 100,
            c.style or (next(by_role) if c.role is not None else None),
        )
        for c in curves
    ]
    if highest_dose_gy is None:
        seen = [line.x[line.y >= _LEAST_SHOWN_PERCENT] for line in lines]
        highest_dose_gy = round_up(max([1.0, *marker_doses_gy, *(float(x.max()) for x in seen if x.size)]))
    return line_plot(
        lines,
        Axis("Absorbed dose (Gy)", (0.0, highest_dose_gy)),
        Axis("Volume (%)", (0.0, 100.0)),
        markers=[(dose_gy, f"{dose_gy:g} Gy") for dose_gy in marker_doses_gy],
        title=title,
        size_px=size_px,
    )


def line_plot(
    lines: Sequence[Line],
    x_axis: Axis,
    y_axis: Axis,
    *,
    markers: Sequence[tuple[float, str]] = (),
    title: str = "",
    size_px: tuple[int, int] = (900, 600),
) -> bytes:
    """Draw lines against two axes, with the legend on the right, and return them as a PNG file.

    `markers` are values of x with their text, drawn as vertical lines.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If there is no line.
    """
    if not lines:
        raise InputError("there is no curve to draw", where="plot", remedy="Give at least one")
    canvas = Canvas(size_px, _PAPER)
    styles = [line.style or PLAIN_STYLES[i % len(PLAIN_STYLES)] for i, line in enumerate(lines)]
    entries = [
        Entry(line.label, style.on_light, style.dashes_px, style.width_px + _THICKER_PX)
        for line, style in zip(lines, styles, strict=True)
    ]
    frame = _Frame(
        _area(canvas, [line.label for line in lines], bool(title), bool(markers)),
        x_axis.ends or _ends(np.concatenate([line.x for line in lines])),
        y_axis.ends or _ends(np.concatenate([line.y for line in lines])),
    )
    left, top, right, bottom = frame.area
    _axes(canvas, frame, x_axis.title, y_axis.title)
    _markers(canvas, frame, markers)
    for line, entry in zip(lines, entries, strict=True):
        clip = (left, top - 3, right, bottom + 3)
        canvas.lines([frame.placed(line.x, line.y)], entry.color, entry.width_px, dashes_px=entry.dashes_px, clip=clip)
    if title:
        canvas.text(title, left, canvas.px(8), canvas.font_px(22), _INK, down="top", bold=True)
    draw_entries(canvas, (right + canvas.px(22), top, size_px[0] - canvas.px(6), bottom), entries, _INK)
    return canvas.png()


@dataclass(frozen=True)
class _Frame:
    """The area of the curves in pixels, and the values at its ends."""

    area: Box
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]

    def placed(self, x: Values, y: Values) -> Points:
        """Return where points lie, in pixels; what is very far outside is brought nearer."""
        left, top, right, bottom = self.area
        across = (x - self.x_ends[0]) / (self.x_ends[1] - self.x_ends[0])
        up = (y - self.y_ends[0]) / (self.y_ends[1] - self.y_ends[0])
        across, up = (part.clip(-_FARTHEST, _FARTHEST) for part in (across, up))
        return np.stack([left + across * (right - left), bottom - up * (bottom - top)], axis=1)

    def columns(self, x: Sequence[float]) -> list[float]:
        """Return how far across values of x are, in pixels."""
        return [float(column) for column in self.placed(np.array(x), np.full(len(x), self.y_ends[0]))[:, 0]]

    def rows(self, y: Sequence[float]) -> list[float]:
        """Return how far down values of y are, in pixels."""
        return [float(row) for row in self.placed(np.full(len(y), self.x_ends[0]), np.array(y))[:, 1]]


def _area(canvas: Canvas, labels: Sequence[str], title: bool, markers: bool) -> Box:
    """Return the area of the curves: what titles, numbers and legend leave."""
    _, _, width, height = canvas.box
    text, number, name = canvas.font_px(TEXT), canvas.font_px(_NUMBER), canvas.font_px(_NAME)
    widest = max(text_width_px(label, text) for label in labels)
    legend = min(widest + canvas.px(SWATCH + GAP + 4), int(width * _WIDEST_LEGEND_RATIO))
    left = name + canvas.px(22) + 3 * number
    top = canvas.px(20) + (canvas.font_px(22) + canvas.px(12)) * title + 2 * (number + 2) * markers
    return left, top, width - legend - canvas.px(32), height - (number + name + canvas.px(38))


def _ends(values: Values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low >= 0:
        return 0.0, round_up(high) if high > 0 else 1.0
    return (low, high) if high > low else (low - 1, low + 1)


def _axes(canvas: Canvas, frame: _Frame, x_title: str, y_title: str) -> None:
    left, top, right, bottom = frame.area
    font, name = canvas.font_px(_NUMBER), canvas.font_px(_NAME)
    x_marks = ticks(*frame.x_ends, max(2, (right - left) // (4 * font)))
    y_marks = ticks(*frame.y_ends, max(2, (bottom - top) // (2 * font)))
    columns, rows = frame.columns(x_marks), frame.rows(y_marks)
    for column in columns:
        canvas.fill((round(column), top, round(column) + 1, bottom), _GRID)
    for row in rows:
        canvas.fill((left, round(row), right, round(row) + 1), _GRID)
    canvas.fill((left - 1, top, left + 1, bottom + 1), _INK)
    canvas.fill((left - 1, bottom - 1, right, bottom + 1), _INK)
    for column, mark in zip(columns, x_marks, strict=True):
        canvas.text(f"{mark:g}", column, bottom + canvas.px(8), font, _INK, across="center", down="top")
    for row, mark in zip(rows, y_marks, strict=True):
        canvas.text(f"{mark:g}", left - canvas.px(9), row, font, _INK, across="right")
    lowest = canvas.box[3] - canvas.px(10)
    canvas.text(x_title, (left + right) / 2, lowest, name, _INK, across="center", down="bottom", bold=True)
    canvas.text(y_title, canvas.px(8), (top + bottom) / 2, name, _INK, bold=True, upward=True)


def _markers(canvas: Canvas, frame: _Frame, markers: Sequence[tuple[float, str]]) -> None:
    """Draw vertical lines with their text above, on a second row where the first is taken."""
    left, top, right, bottom = frame.area
    font = canvas.font_px(_MARKER)
    free_from = [-np.inf, -np.inf]
    for value, text in sorted(markers):
        (x,) = frame.columns([value])
        if not left <= x <= right:
            continue
        line = np.array([[x, top], [x, bottom]])
        canvas.lines([line], _MARK, 1.4, dashes_px=(5.0, 4.0), clip=frame.area)
        half = text_width_px(text, font) / 2
        row = 0 if x - half >= free_from[0] else 1
        free_from[row] = x + half + canvas.px(8)
        canvas.text(text, x, top - 2 - row * (font + 2), font, _MARK, across="center", down="bottom")
