"""The panel beside a picture: color bar of the dose, isodose lines, structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .colors import LineStyle, Rgb, blend, dose_rgb
from .rendering import Box, Canvas, shortened
from .scales import ticks

_INK: Rgb = (240, 240, 240)
_FAINT: Rgb = (175, 175, 175)
TEXT, SWATCH, GAP = 17.0, 38.0, 9.0
"""Size of the legend's text, length of its samples, and the space between, before scaling."""
_ROW = 27.0
_HEADING = 19.0
_SHORTEST_BAR = 110.0


@dataclass(frozen=True)
class DoseScale:
    """How dose is colored: from `lowest_gy` on, up to `full_scale_gy`, over a gray (0 to 255) as of the liver."""

    full_scale_gy: float
    lowest_gy: float
    opacity_fraction: float
    under: Rgb = (0, 0, 0)
    exceeded: bool = False
    """Whether the dose somewhere in the picture is above the scale."""


@dataclass(frozen=True)
class Entry:
    """One line of the legend."""

    label: str
    color: Rgb
    dashes_px: tuple[float, ...] = ()
    width_px: float = 2.0
    hatched: bool = False
    """A box of stripes instead of a line."""


def structure_entry(label: str, style: LineStyle) -> Entry:
    """Return the legend's line of a structure on a dark picture."""
    return Entry(label, style.on_dark, style.dashes_px, style.width_px)


def row_px(canvas: Canvas) -> int:
    """Return the height of a line of the legend."""
    return max(canvas.px(_ROW), canvas.font_px(TEXT) + 5)


def draw_legend(
    canvas: Canvas,
    box: Box,
    scale: DoseScale | None,
    isodoses: Sequence[Entry],
    structures: Sequence[Entry],
    isodose_note: str = "",
) -> None:
    """Draw the panel into a box, with a note under the isodose lines; what does not fit is counted in its last line."""
    left, top, right, bottom = box
    row = row_px(canvas)
    isodose_rows = 1 + (len(isodoses) + 1) // 2 + bool(isodose_note) if isodoses else 0
    structure_rows = 1 + len(structures) if structures else 0
    gaps = row // 2 * (bool(isodose_rows) + bool(structure_rows))
    y = top
    if scale is not None:
        wanted = bottom - top - gaps - row * (isodose_rows + structure_rows)
        y = _color_bar(canvas, (left, top, right, top + max(wanted, canvas.px(_SHORTEST_BAR))), scale)
    if isodoses:
        y += row // 2
        _heading(canvas, "Isodose lines (Gy)", left, y)
        for number, entry in enumerate(isodoses):
            down, across = divmod(number, 2)
            half, above = (right - left) // 2, y + row * (1 + down)
            cell = (left + across * half, above, left + (across + 1) * half, above + row)
            _entry(canvas, entry, cell, canvas.px(30), _INK)
        y += row * isodose_rows
        if isodose_note:
            canvas.text(isodose_note, left, y - row / 2, canvas.font_px(TEXT), _FAINT)
    if structures:
        y += row // 2
        _heading(canvas, "Structures", left, y)
        draw_entries(canvas, (left, y + row, right, bottom), structures, _INK)


def draw_entries(canvas: Canvas, box: Box, entries: Sequence[Entry], ink: Rgb) -> None:
    """Draw lines of a legend from the top of a box; what does not fit is counted in its last line."""
    left, top, right, bottom = box
    row = row_px(canvas)
    room = max(1, (bottom - top) // row)
    shown = entries if len(entries) <= room else entries[: room - 1]
    for number, entry in enumerate(shown):
        _entry(canvas, entry, (left, top + row * number, right, top + row * (number + 1)), canvas.px(SWATCH), ink)
    if len(shown) < len(entries):
        more = f"and {len(entries) - len(shown)} more"
        canvas.text(more, left, top + row * (len(shown) + 0.5), canvas.font_px(TEXT), ink)


def _heading(canvas: Canvas, text: str, left: float, top: float) -> None:
    canvas.text(text, left, top + row_px(canvas) / 2, canvas.font_px(_HEADING), _INK, bold=True)


def _entry(canvas: Canvas, entry: Entry, box: Box, swatch_px: int, ink: Rgb) -> None:
    left, top, right, bottom = box
    middle = (top + bottom) / 2
    if entry.hatched:
        high = (bottom - top) * 0.3
        starts = np.linspace(left + high, left + swatch_px - high, 4)
        lines = [np.array([[x + high, middle - high], [x - high, middle + high]]) for x in starts]
    else:
        lines = [np.array([[left, middle], [left + swatch_px, middle]], dtype=np.float64)]
    canvas.lines(lines, entry.color, entry.width_px, dashes_px=entry.dashes_px)
    start, font = left + swatch_px + canvas.px(GAP), canvas.font_px(TEXT)
    canvas.text(shortened(entry.label, font, right - start), start, middle, font, ink)


def _color_bar(canvas: Canvas, box: Box, scale: DoseScale) -> int:
    """Draw the color bar with its numbers, and return where it ends."""
    left, top, right, bottom = box
    _heading(canvas, "Dose (Gy)", left, top)
    font = canvas.font_px(TEXT)
    upper, lower = top + row_px(canvas) + font // 2 + canvas.px(4), bottom - font // 2
    height, width = lower - upper, canvas.px(28)
    dose_gy = (height - 0.5 - np.arange(height)) / height * scale.full_scale_gy
    opacity = np.where(dose_gy >= scale.lowest_gy, scale.opacity_fraction, 0.0)
    column = blend(np.broadcast_to(scale.under, (height, 3)), dose_rgb(dose_gy, scale.full_scale_gy), opacity)
    canvas.image(np.repeat(column[:, np.newaxis], width, axis=1), left, upper)
    canvas.frame((left - 1, upper - 1, left + width + 1, lower + 1), _FAINT)
    marks = ticks(0.0, scale.full_scale_gy, max(2, min(8, height // (2 * font))))
    for mark_gy in marks:
        y = lower - mark_gy / scale.full_scale_gy * height
        canvas.fill((left + width, round(y) - 1, left + width + canvas.px(7), round(y) + 1), _INK)
        canvas.text(f"{mark_gy:g}", left + width + canvas.px(13), y, font, _INK)
    if scale.exceeded:
        canvas.text("and above", left + width + canvas.px(52), upper, font, _FAINT)
    return bottom
