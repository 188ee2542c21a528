"""Pictures of the response: each lesion's viable length over the months, and how much each changed in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from ..errors import InputError
from ..followup.response import LesionTrack
from ..missing import Missing
from ..response.terms import PARTIAL_DECREASE_FRACTION, PROGRESSION_INCREASE_FRACTION
from ..timepoints import calendar_months_count
from .colors import LineStyle, Rgb
from .legend import GAP, SWATCH, TEXT, Entry, draw_entries
from .plots import PLAIN_STYLES
from .rendering import Across, Box, Canvas, shortened, text_width_px
from .scales import round_up, ticks

_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (25, 25, 25)
_GRID: Rgb = (222, 222, 222)
_MARK: Rgb = (90, 90, 90)
_LESS: Rgb = (0, 100, 190)
_SAME: Rgb = (150, 150, 150)
_MORE: Rgb = (200, 95, 0)
_STYLES = (
    *PLAIN_STYLES,
    LineStyle((230, 120, 120), (150, 30, 30), (20.0, 6.0)),
    LineStyle((190, 190, 190), (80, 80, 80), (6.0, 3.0)),
)
_NUMBER, _NAME, _TITLE, _MARKER = 17.0, 19.0, 22.0, 15.0
_POINT = 4.0
_HIGHEST_PERCENT = 150.0
"""A bar ends here, with its number above it; a lesion may grow by more."""
_BAR_SHARE, _WIDEST_BAR = 0.64, 110.0


def lesion_plot(
    tracks: Sequence[LesionTrack], treated_on: date, *, title: str = "", size_px: tuple[int, int] = (900, 600)
) -> bytes:
    """Draw the viable length of each lesion against the months since the treatment and return a PNG file.

    A length before the treatment stands left of month 0. Studies on which a lesion was not measured have no point;
    the line joins those on either side, and ends with surgery.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If there is no lesion.
    """
    _require(tracks)
    canvas = Canvas(size_px, _PAPER)
    styles = [_STYLES[i % len(_STYLES)] for i in range(len(tracks))]
    entries = [Entry(_named(t), s.on_light, s.dashes_px, s.width_px) for t, s in zip(tracks, styles, strict=True)]
    months = [[calendar_months_count(treated_on, day) for day, _ in t.followed] for t in tracks]
    x_ends = min(0.0, *(m for row in months for m in row)), round_up(max(1.0, *(m for row in months for m in row)))
    y_ends = 0.0, round_up(max(1.0, *(mm for t in tracks for _, mm in t.followed)))
    legend = min(max(text_width_px(e.label, canvas.font_px(TEXT)) for e in entries), size_px[0] // 4)
    area = _area(canvas, legend + canvas.px(SWATCH + GAP + 32), canvas.font_px(_NUMBER) + canvas.px(10), bool(title))
    column, row = _along(area[0], area[2], x_ends), _along(area[3], area[1], y_ends)
    _rows(canvas, area, row, ticks(*y_ends, 8), "Viable length (mm)")
    for mark in ticks(*x_ends, 8):
        canvas.text(
            f"{mark:g}",
            column(mark),
            area[3] + canvas.px(8),
            canvas.font_px(_NUMBER),
            _INK,
            across="center",
            down="top",
        )
    zero = round(column(0.0))
    canvas.lines([np.array([[zero, area[1]], [zero, area[3]]], dtype=np.float64)], _MARK, 1.4, dashes_px=(5.0, 4.0))
    _x_title(canvas, area, "Months since treatment")
    point = canvas.px(_POINT)
    for track, style, when in zip(tracks, styles, months, strict=True):
        places = np.array([[column(m), row(mm)] for m, (_, mm) in zip(when, track.followed, strict=True)])
        canvas.lines([places], style.on_light, style.width_px, dashes_px=style.dashes_px)
        for x, y in places:
            canvas.fill((round(x) - point, round(y) - point, round(x) + point, round(y) + point), style.on_light)
    _heading(canvas, area, title)
    draw_entries(canvas, (area[2] + canvas.px(22), area[1], size_px[0] - canvas.px(6), area[3]), entries, _INK)
    return canvas.png()


def waterfall_plot(tracks: Sequence[LesionTrack], *, title: str = "", size_px: tuple[int, int] = (900, 600)) -> bytes:
    """Draw how much each lesion changed from before the treatment to its last measurement and return a PNG file.

    The lines are those of a partial response and of progression; they are rules for sums of targets against the
    baseline and the nadir, shown here for orientation. A lesion without a change is named below.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If there is no lesion.
    """
    _require(tracks)
    changes = [(t.lesion, t.latest_change_fraction) for t in tracks]
    bars = sorted(((name, 100 * c) for name, c in changes if not isinstance(c, Missing)), key=lambda b: (-b[1], b[0]))
    left_out = [name for name, c in changes if isinstance(c, Missing)]
    canvas = Canvas(size_px, _PAPER)
    number = canvas.font_px(_NUMBER)
    area = _area(canvas, canvas.px(20), number + canvas.px(10), bool(title))
    less, more = -100 * PARTIAL_DECREASE_FRACTION, 100 * PROGRESSION_INCREASE_FRACTION
    top = min(_HIGHEST_PERCENT, max([more * 2, *(round_up(p) for _, p in bars if p > 0)]))
    row = _along(area[3], area[1], (-115.0, top * 1.12))
    _rows(canvas, area, row, ticks(-100.0, top, 10), "Change of viable length (%)")
    wide = (area[2] - area[0]) / max(1, len(bars))
    for place, (name, percent) in enumerate(bars):
        middle = area[0] + (place + 0.5) * wide
        shown = min(percent, _HIGHEST_PERCENT)
        color = _LESS if percent <= less + 1e-9 else _MORE if percent >= more - 1e-9 else _SAME
        high, low = sorted((round(row(shown)), round(row(0.0))))
        half = max(2, round(min(wide * _BAR_SHARE, canvas.px(_WIDEST_BAR)) / 2))
        canvas.fill((round(middle) - half, high, round(middle) + half, max(low, high + 2)), color)
        text = f"{percent:+.0f}" if round(percent) else "0"
        if percent >= 0:
            canvas.text(text, middle, high - 3, number, _INK, across="center", down="bottom")
        else:
            canvas.text(text, middle, low + 3, number, _INK, across="center", down="top")
        canvas.text(
            shortened(name, number, wide), middle, area[3] + canvas.px(8), number, _INK, across="center", down="top"
        )
    for percent in (less, more):
        level = row(percent)
        canvas.lines([np.array([[area[0], level], [area[2], level]])], _MARK, 1.4, dashes_px=(5.0, 4.0))
        side: Across = "right" if percent > 0 else "left"  # where bars in their order leave room
        x = area[2] - 4 if side == "right" else area[0] + 6
        canvas.text(
            f"{percent:+.0f} %", x, level - 2, canvas.font_px(_MARKER), _MARK, across=side, down="bottom", halo=_PAPER
        )
    canvas.fill((area[0], round(row(0.0)) - 1, area[2], round(row(0.0)) + 1), _INK)
    _x_title(canvas, area, f"No change known: {', '.join(left_out)}" if left_out else "Lesion")
    _heading(canvas, area, title)
    return canvas.png()


def _named(track: LesionTrack) -> str:
    if track.is_target:
        return track.lesion
    return f"{track.lesion} (new)" if track.is_new else f"{track.lesion} (no target)"


def _require(tracks: Sequence[LesionTrack]) -> None:
    if not tracks:
        raise InputError("there is no lesion to draw", where="plot", remedy="Read at least one")


def _area(canvas: Canvas, right_px: int, below_px: int, has_title: bool) -> Box:
    _, _, width, height = canvas.box
    name = canvas.font_px(_NAME)
    top = canvas.px(20) + (canvas.font_px(_TITLE) + canvas.px(12)) * has_title
    return (
        name + canvas.px(22) + 3 * canvas.font_px(_NUMBER),
        top,
        width - right_px,
        height - name - below_px - canvas.px(28),
    )


def _along(first_px: float, last_px: float, ends: tuple[float, float]) -> Callable[[float], float]:
    """Return the function from a value to its place between two pixels."""
    return lambda value: first_px + (value - ends[0]) / (ends[1] - ends[0]) * (last_px - first_px)


def _rows(canvas: Canvas, area: Box, row: Callable[[float], float], marks: Sequence[float], title: str) -> None:
    left, top, right, bottom = area
    for mark in marks:
        y = round(row(mark))
        canvas.fill((left, y, right, y + 1), _GRID)
        canvas.text(f"{mark:g}", left - canvas.px(9), y, canvas.font_px(_NUMBER), _INK, across="right")
    canvas.fill((left - 1, top, left + 1, bottom + 1), _INK)
    canvas.fill((left - 1, bottom - 1, right, bottom + 1), _INK)
    canvas.text(title, canvas.px(8), (top + bottom) / 2, canvas.font_px(_NAME), _INK, bold=True, upward=True)


def _x_title(canvas: Canvas, area: Box, text: str) -> None:
    lowest = canvas.box[3] - canvas.px(10)
    middle = (area[0] + area[2]) / 2
    canvas.text(text, middle, lowest, canvas.font_px(_NAME), _INK, across="center", down="bottom", bold=True)


def _heading(canvas: Canvas, area: Box, text: str) -> None:
    if text:
        canvas.text(text, area[0], canvas.px(8), canvas.font_px(_TITLE), _INK, down="top", bold=True)
