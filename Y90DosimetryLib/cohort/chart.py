"""The ground of a figure: a light canvas with two axes, linear or logarithmic, and marks placed by their values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..report.colors import Rgb
from ..report.rendering import Across, Box, Canvas, Down, Points
from ..report.scales import round_up, ticks

INK: Rgb = (25, 25, 25)
SOFT: Rgb = (95, 100, 110)
_PAPER: Rgb = (255, 255, 255)
_GRID: Rgb = (226, 226, 226)
_NUMBER, _NAME, _TITLE = 17.0, 19.0, 22.0  # sizes of text
_LEFT, _RIGHT, _TOP, _BOTTOM = 92.0, 24.0, 52.0, 74.0  # margins
SIZE_PX = (900, 600)


@dataclass(frozen=True)
class Scale:
    """An axis: title with unit, the values at its ends, and what is written along it.

    `labels` are places with their words; without them round numbers are written.
    """

    title: str
    low: float
    high: float
    is_log: bool = False
    labels: tuple[tuple[float, str], ...] = ()

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return how far along the axis values lie, 0 to 1 between its ends."""
        given = np.asarray(values, dtype=np.float64)
        if self.is_log:
            return np.asarray(np.log(given / self.low) / math.log(self.high / self.low))
        return np.asarray((given - self.low) / (self.high - self.low))

    def marks(self, at_most: int) -> list[tuple[float, str]]:
        """Return where numbers are written, and the numbers."""
        if self.labels:
            return list(self.labels)
        if not self.is_log or self.high / self.low < 10:
            return [(v, f"{v:g}") for v in ticks(self.low, self.high, at_most)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
        return [(v, f"{v:g}") for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]


def from_zero(title: str, highest: float) -> Scale:
    """Return a linear axis from 0 to a round number."""
    return Scale(title, 0.0, round_up(highest) if highest > 0 else 1.0)


def around(title: str, values: Sequence[float], *, is_log: bool = False) -> Scale:
    """Return an axis that holds values with some room at both ends; logarithmic only for values above 0."""
    low, high = min(values), max(values)
    if is_log:
        room = (high / low) ** 0.08 if high > low else 2.0
        return Scale(title, low / room, high * room, is_log=True)
    room = (high - low) * 0.08 or max(abs(high), 1.0) * 0.1
    return Scale(title, low - room, high + room)


class Chart:
    """A canvas with axes on which marks are placed by their values.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    """

    def __init__(self, title: str, x: Scale, y: Scale, *, rows_below: int = 0, grid_across: bool = True) -> None:
        self.canvas = Canvas(SIZE_PX, _PAPER)
        self.x, self.y = x, y
        width, height = SIZE_PX
        self.row_px = self.canvas.font_px(_NUMBER) + 6
        low = height - self.canvas.px(_BOTTOM) - rows_below * self.row_px
        self.area: Box = (self.canvas.px(_LEFT), self.canvas.px(_TOP), width - self.canvas.px(_RIGHT), low)
        self.canvas.text(title, self.area[0], 9, self.canvas.font_px(_TITLE), INK, down="top", bold=True)
        self._axes(grid_across)

    def placed(self, x: ArrayLike, y: ArrayLike) -> Points:
        """Return pixels of values."""
        left, top, right, bottom = self.area
        across, up = np.broadcast_arrays(self.x.share(x), self.y.share(y))
        return np.stack([left + across * (right - left), bottom - up * (bottom - top)], axis=-1)

    def line(
        self, x: ArrayLike, y: ArrayLike, color: Rgb, width_px: float = 2.6, dashes_px: tuple[float, ...] = ()
    ) -> None:
        """Draw a line through points."""
        left, top, right, bottom = self.area
        clip = (left, top - 3, right + 3, bottom + 3)
        self.canvas.lines([self.placed(x, y)], color, width_px, dashes_px=dashes_px, clip=clip)

    def dots(self, x: ArrayLike, y: ArrayLike, color: Rgb, size_px: float = 10.0, *, hollow: bool = False) -> None:
        """Draw a dot at each point, hollow or full, with a light rim that sets it off from others."""
        for place in np.atleast_2d(self.placed(x, y)):
            stroke = [np.array([place, place + (0.02, 0.0)])]
            self.canvas.lines(stroke, color, size_px, casing_px=1.2, casing=_PAPER)
            if hollow:
                self.canvas.lines(stroke, _PAPER, size_px - 5.0)

    def bar(self, x: tuple[float, float], y: tuple[float, float], color: Rgb, opacity_fraction: float = 1.0) -> None:
        """Fill the box between two values of each axis."""
        (x0, y0), (x1, y1) = self.placed(x, y)
        box = (round(min(x0, x1)), round(min(y0, y1)), round(max(x0, x1)), round(max(y0, y1)))
        self.canvas.fill(box, color, opacity_fraction)

    def frame(self, x: tuple[float, float], y: tuple[float, float], color: Rgb) -> None:
        """Draw the outline of the box between two values of each axis."""
        (left, right), (low, high) = x, y
        self.line([left, right, right, left, left], [low, low, high, high, low], color, 2.0)

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], color: Rgb) -> None:
        """Fill between two curves over the same x, lightly."""
        lower, upper = self.placed(x, low), self.placed(x, high)
        left, top, right, bottom = self.area
        for column in range(max(left, math.ceil(lower[0, 0])), min(right, math.floor(lower[-1, 0]))):
            y0 = round(float(np.interp(column, upper[:, 0], upper[:, 1])))
            y1 = round(float(np.interp(column, lower[:, 0], lower[:, 1])))
            self.canvas.fill((column, max(top, y0), column + 1, min(bottom, y1)), color, 0.18)

    def note(
        self, text: str, x: float, y: float, color: Rgb = INK, *, across: Across = "left", down: Down = "middle"
    ) -> None:
        """Write a word at a place given in values."""
        place = self.placed(x, y)
        font = self.canvas.font_px(_NUMBER)
        self.canvas.text(text, float(place[0]), float(place[1]), font, color, across=across, down=down, halo=_PAPER)

    def words(self, text: str, column_px: float, row_px: float, color: Rgb = INK, *, across: Across = "left") -> None:
        """Write a word at a place given in pixels."""
        self.canvas.text(text, column_px, row_px, self.canvas.font_px(_NUMBER), color, across=across)

    def png(self) -> bytes:
        """Return the figure as a PNG file."""
        return self.canvas.png()

    def _axes(self, grid_across: bool) -> None:
        left, top, right, bottom = self.area
        font, name, canvas = self.canvas.font_px(_NUMBER), self.canvas.font_px(_NAME), self.canvas
        for value, text in self.x.marks(max(2, (right - left) // (4 * font))):
            column = float(self.placed(value, self.y.low)[0])
            if grid_across and not self.x.labels:
                canvas.fill((round(column), top, round(column) + 1, bottom), _GRID)
            for row, part in enumerate(text.split("\n")):
                down = bottom + canvas.px(8) + row * (font + 2)
                canvas.text(part, column, down, font, INK, across="center", down="top")
        for value, text in self.y.marks(max(2, (bottom - top) // (2 * font))):
            row_px = float(self.placed(self.x.low, value)[1])
            canvas.fill((left, round(row_px), right, round(row_px) + 1), _GRID)
            canvas.text(text, left - canvas.px(9), row_px, font, INK, across="right")
        canvas.fill((left - 1, top, left + 1, bottom + 1), INK)
        canvas.fill((left - 1, bottom - 1, right, bottom + 1), INK)
        below = bottom + canvas.px(_BOTTOM) - 8
        canvas.text(self.x.title, (left + right) / 2, below, name, INK, across="center", down="bottom", bold=True)
        canvas.text(self.y.title, canvas.px(6), (top + bottom) / 2, name, INK, bold=True, upward=True)
