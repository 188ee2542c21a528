"""The panel beside a slice: color bar of the dose, isodose lines, structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..structures import Role
from .colors import Rgb, blend, dose_rgb
from .scales import ticks
from .svg import Box, Drawing, Pen, Points, shortened

_TEXT, _HEADING, _ROW_PX, _SWATCH_PX, _BAR_PX, _SHORTEST_BAR_PX = 14.0, 15.0, 20.0, 34.0, 22.0, 90.0


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
class Isodose:
    """An isodose line as drawn: its color, that of its margin, and its pieces, the longest first."""

    dose_gy: float
    color: Rgb
    casing: Rgb
    lines_px: list[Points]


@dataclass(frozen=True)
class Outline:
    """A structure's outline as drawn."""

    label: str
    role: Role
    pen: Pen
    lines_px: list[Points]


def draw_legend(
    drawing: Drawing,
    box: Box,
    scale: DoseScale | None,
    isodoses: Sequence[Isodose],
    outlines: Sequence[Outline],
    isodose_note: str = "",
    hatched: str = "",
) -> None:
    """Draw the panel into a box, with a note under the isodose lines; what does not fit is counted in its last line."""
    left, top, right, bottom = box
    isodose_rows = 1.5 + (len(isodoses) + 1) // 2 + bool(isodose_note) if isodoses else 0
    structure_rows = 1.5 + len(outlines) + bool(hatched) if outlines or hatched else 0
    y = top
    if scale is not None:
        wanted = bottom - top - _ROW_PX * (isodose_rows + structure_rows)
        _color_bar(drawing, (left, top, right, top + max(wanted, _SHORTEST_BAR_PX)), scale)
        y = top + max(wanted, _SHORTEST_BAR_PX)
    if isodoses:
        _heading(drawing, "Isodose lines (Gy)", left, y + _ROW_PX)
        for number, level in enumerate(isodoses):
            down, across = divmod(number, 2)
            cell, middle = left + across * (right - left) / 2, y + _ROW_PX * (down + 2)
            drawing.lines([[(cell, middle), (cell + 24, middle)]], Pen(level.color, 2.4))
            drawing.text(f"{level.dose_gy:g}", cell + 31, middle, _TEXT)
        y += _ROW_PX * isodose_rows
        if isodose_note:
            drawing.text(isodose_note, left, y, _TEXT, drawing.theme.soft)
    if structure_rows:
        _heading(drawing, "Structures", left, y + _ROW_PX)
        _structures(drawing, (left, y + _ROW_PX * 1.5, right, bottom + 4), outlines, hatched)


def _structures(drawing: Drawing, box: Box, outlines: Sequence[Outline], hatched: str) -> None:
    left, top, right, bottom = box
    entries: list[tuple[str, Pen | None]] = [(o.label, o.pen) for o in outlines]
    entries += [(hatched, None)] if hatched else []
    room = max(1, int((bottom - top) // _ROW_PX))
    shown = entries if len(entries) <= room else entries[: room - 1]
    for number, (label, pen) in enumerate(shown):
        middle, end = top + _ROW_PX * (number + 0.5), left + _SWATCH_PX
        if pen is not None:
            drawing.lines([[(left, middle), (end, middle)]], pen)
        else:
            starts = np.linspace(left + 5, end - 5, 4)
            drawing.lines([[(x + 5, middle - 5), (x - 5, middle + 5)] for x in starts], Pen(drawing.theme.ink, 1.4))
        drawing.text(shortened(label, _TEXT, right - end - 7), end + 7, middle, _TEXT)
    if len(shown) < len(entries):
        more = f"and {len(entries) - len(shown)} more"
        drawing.text(more, left, top + _ROW_PX * (len(shown) + 0.5), _TEXT)


def _heading(drawing: Drawing, text: str, left: float, middle: float) -> None:
    drawing.text(text, left, middle, _HEADING, bold=True)


def _color_bar(drawing: Drawing, box: Box, scale: DoseScale) -> None:
    """Draw the color bar with its numbers."""
    left, top, _, bottom = box
    _heading(drawing, "Dose (Gy)", left, top + 12)
    upper, lower = top + 34, bottom - 4
    steps = round((lower - upper) * 2)
    dose_gy = (steps - 0.5 - np.arange(steps)) / steps * scale.full_scale_gy
    opacity = np.where(dose_gy >= scale.lowest_gy, scale.opacity_fraction, 0.0)
    column = blend(np.broadcast_to(scale.under, (steps, 3)), dose_rgb(dose_gy, scale.full_scale_gy), opacity)
    drawing.image(np.repeat(column[:, np.newaxis], round(2 * _BAR_PX), axis=1), (left, upper, left + _BAR_PX, lower))
    drawing.rect((left, upper, left + _BAR_PX, lower), None, edge=Pen(drawing.theme.soft, 1.0))
    end, high = left + _BAR_PX, lower - upper
    for mark_gy in ticks(0.0, scale.full_scale_gy, max(2, min(8, int(high / 28)))):
        y = lower - mark_gy / scale.full_scale_gy * high
        drawing.lines([[(end, y), (end + 6, y)]], Pen(drawing.theme.ink, 1.4))
        box = drawing.text(f"{mark_gy:g}", end + 11, y, _TEXT)
    if scale.exceeded:
        drawing.text("and above", max(box[2], end + 38) + 5, upper, _TEXT, drawing.theme.soft)
