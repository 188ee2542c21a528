"""A figure with two axes: marks are placed by their values, and each curve has its name written beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .colors import LineStyle, Rgb
from .scales import Scale
from .svg import LIGHT, Across, Box, Down, Drawing, Pen, Points, Theme, clipped, text_box, text_width_px

SIZE_PX = (640.0, 430.0)
"""A figure half as wide as an A4 page has letters of 7 points, one on a narrow screen of 390 pixels letters of 9."""
TEXT, TITLE, SMALL = 15.0, 18.0, 14.0
LINE_PX = 19.0
_RIGHT_PX, _TOP_PX, _BESIDE_PX = 22.0, 12.0, 7.0
_STEP_PX = 6.0  # from one place along a curve to the next where its name may stand
_FARTHEST = 50.0  # times the area's size: what lies beyond is brought nearer

SERIES = (
    LineStyle((110, 195, 255), (0, 100, 190)),
    LineStyle((255, 176, 80), (190, 85, 0), (9.0, 4.5)),
    LineStyle((70, 255, 120), (0, 130, 55), (11.0, 4.0, 2.0, 4.0)),
    LineStyle((225, 140, 255), (140, 50, 170), (2.5, 4.0)),
    LineStyle((255, 130, 130), (150, 30, 30), (16.0, 5.0)),
    LineStyle((190, 190, 190), (80, 80, 80), (5.0, 2.5)),
)
"""Of curves that no structure gives a color: they differ in dashes as well, so that gray paper tells them apart."""


def pen_of(style: LineStyle, theme: Theme, width_px: float | None = None) -> Pen:
    """Return a style's pen on light or dark ground."""
    return Pen(style.on_dark if theme.is_dark else style.on_light, width_px or style.width_px, style.dashes_px)


_Side = tuple[Across, Down, tuple[float, float]]
_SIDES: tuple[_Side, ...] = (
    ("left", "bottom", (1, -0.6)),
    ("left", "middle", (1.2, 0)),
    ("right", "top", (-1, 0.6)),
    ("right", "bottom", (-1, -0.6)),
    ("left", "top", (1, 0.6)),
    ("right", "middle", (-1.2, 0)),
    ("center", "bottom", (0, -1)),
    ("center", "top", (0, 1)),
)
"""Where a name may stand beside a place of its curve, the preferred side first."""
_MOST_PLACES = 40
_DISTANCES = (1.0, 3.0, 6.0)
"""How far away, in steps of `_BESIDE_PX`; a thin line joins a far name to its curve."""
_AROUND = (_SIDES[6], _SIDES[7], *_SIDES[:6])
"""The same for a number at its point."""


@dataclass(frozen=True)
class _Named:
    """A curve as drawn, and its name."""

    name: str
    points: Points
    pen: Pen


class Chart:
    """A drawing with axes.

    Parameters
    ----------
    rows_above
        Lines of text between title and area, for the words of `marker`.
    rows_below
        Lines of text below the axis, for `words`.
    right_px
        Room beside the area, for words there.
    """

    def __init__(
        self,
        x: Scale,
        y: Scale,
        *,
        title: str = "",
        size_px: tuple[float, float] = SIZE_PX,
        theme: Theme = LIGHT,
        rows_above: int = 0,
        rows_below: int = 0,
        right_px: float = _RIGHT_PX,
        grid_across: bool = True,
    ) -> None:
        self.drawing = Drawing(size_px, theme)
        self.theme, self.x, self.y = theme, x, y
        width, height = size_px
        top = _TOP_PX + (TITLE + 8) * bool(title) + LINE_PX * (1 + rows_above)
        bottom = height - (LINE_PX + 10) - (LINE_PX + 3) * bool(x.title) - rows_below * LINE_PX
        if x.labels:
            bottom -= LINE_PX * max(text.count("\n") for _, text in x.labels)
        marks = y.marks(max(2, int((bottom - top) / 40)))
        left = max(text_width_px(text, TEXT) for _, text in marks) + 14
        self.area: Box = (left, top, width - right_px, bottom)
        self._curves: list[_Named] = []
        self._values: list[tuple[str, Points, Rgb]] = []
        self._markers: list[Points] = []
        self._free_from = [-np.inf] * max(1, rows_above)
        if title:
            self.drawing.text(title, 4, 8, TITLE, theme.ink, down="top", bold=True)
        self._axes(marks, grid_across)
        self.drawing.text(y.title, 4, top - LINE_PX * rows_above - 8, TEXT, theme.ink, down="bottom", bold=True)

    def placed(self, x: ArrayLike, y: ArrayLike) -> Points:
        """Return pixels of values; what is very far outside is brought nearer."""
        left, top, right, bottom = self.area
        across, up = np.broadcast_arrays(self.x.share(x), self.y.share(y))
        across, up = (part.clip(-_FARTHEST, _FARTHEST) for part in (across, up))
        return np.stack([left + across * (right - left), bottom - up * (bottom - top)], axis=-1)

    def line(self, x: ArrayLike, y: ArrayLike, pen: Pen) -> list[Points]:
        """Draw a line through points, inside the area, and return its parts as drawn."""
        left, top, right, bottom = self.area
        parts = clipped(self.placed(x, y), (left, top - 1, right + 1, bottom + 1))
        self.drawing.lines(parts, pen)
        return parts

    def curve(self, name: str, x: ArrayLike, y: ArrayLike, pen: Pen) -> None:
        """Draw a line that `label` will write a name beside."""
        with self.drawing.named(name):
            parts = self.line(x, y, pen)
        if parts:
            self._curves.append(_Named(name, np.concatenate(parts), pen))

    def dots(self, x: ArrayLike, y: ArrayLike, color: Rgb, radius_px: float = 4.5, *, hollow: bool = False) -> None:
        """Draw a dot at each point, hollow or full."""
        for column, row in np.atleast_2d(self.placed(x, y)):
            self.drawing.dot(column, row, radius_px, color, hollow=hollow)

    def bar(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        color: Rgb | None,
        opacity_fraction: float = 1.0,
        edge: Pen | None = None,
    ) -> None:
        """Fill the box between two values of each axis, or draw its edge."""
        ends = self.placed(x, y)
        (left, top), (right, bottom) = ends.min(axis=0), ends.max(axis=0)
        self.drawing.rect((left, top, right, bottom), color, opacity_fraction, edge)

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, color: Rgb) -> None:
        """Fill between two curves over the same x, lightly."""
        around = np.concatenate([self.placed(x, low), self.placed(x, high)[::-1]])
        left, top, right, bottom = self.area
        self.drawing.area(np.clip(around, (left, top), (right, bottom)), color, 0.16)

    def note(
        self, text: str, x: float, y: float, color: Rgb, *, across: Across = "left", down: Down = "middle",
        bold: bool = False,
    ) -> Box:  # fmt: skip
        """Write a word at a place given in values."""
        column, row = self.placed(x, y)
        return self.drawing.text(
            text, float(column), float(row), TEXT, color, across=across, down=down, bold=bold, chip=True
        )

    def marker(self, x: float, text: str) -> None:
        """Draw a vertical dashed line with its words above the area; left out outside of the axis."""
        left, top, right, bottom = self.area
        column = float(self.placed(x, self.y.low)[0])
        if not left - 0.5 <= column <= right + 0.5:
            return
        with self.drawing.named(text):
            self.drawing.lines([[(column, top), (column, bottom)]], Pen(self.theme.soft, 1.2, (4.0, 3.0)))
        self._markers.append(_along(np.array([(column, top), (column, bottom)]), 2 * _STEP_PX))
        half = text_width_px(text, SMALL) / 2
        middle = min(max(column, 4 + half), self.drawing.width_px - half - 4)
        row = next((i for i, free in enumerate(self._free_from) if middle - half >= free), None)
        if row is not None:  # where all rows are taken the line keeps its name under the pointer
            self._free_from[row] = middle + half + 8
            y = top - 5 - row * LINE_PX
            self.drawing.text(text, middle, y, SMALL, self.theme.soft, across="center", down="bottom")

    def value(self, text: str, x: float, y: float, color: Rgb) -> None:
        """Write a number beside its point, where `label` finds room for it."""
        column, row = self.placed(x, y)
        self._values.append((text, np.array([[column, row]]), color))

    def label(self) -> None:
        """Write values beside points and names beside curves; a name without room stands below the figure."""
        below: list[_Named] = []
        everywhere = [_along(curve.points, _STEP_PX) for curve in self._curves]
        lines = np.concatenate([*everywhere, *self._markers, np.empty((0, 2))])
        for text, point, color in self._values:
            self._write_beside(text, point, (), lines, color, _AROUND)
        for index, curve in enumerate(self._curves):
            others = [points for i, points in enumerate(everywhere) if i != index]
            if not self._write_beside(curve.name, everywhere[index], others, lines, curve.pen.color, _SIDES):
                below.append(curve)
        self._curves.clear()
        self._values.clear()
        self._legend(below)

    def _write_beside(
        self, text: str, places: Points, others: Sequence[Points], lines: Points, color: Rgb, sides: Sequence[_Side]
    ) -> bool:
        """Write a text beside one of some places; return whether there was room.

        It covers no other text and as little of the curves as may be, and stands far from other curves.
        """
        places = places[:: max(1, len(places) // _MOST_PLACES)]
        candidates = [
            (place, (place[0] + by[0] * _BESIDE_PX * far, place[1] + by[1] * _BESIDE_PX * far), across, down, rank, far)
            for place in places.tolist()
            for (rank, (across, down, by)), far in product(enumerate(sides), _DISTANCES)
        ]
        boxes = np.array(
            [text_box(text, at[0], at[1], TEXT, across, down, True) for _, at, across, down, _, _ in candidates]
        )
        boxes += (-3, -1, 3, 1)
        left, top, right, bottom = self.area
        starts = np.array([place[0] for place, *_ in candidates])
        free = (boxes[:, :2] >= (left + 2, top - 3)).all(axis=1) & (boxes[:, 3] <= bottom - 2)
        free &= (boxes[:, 2] <= self.drawing.width_px - 2) & ((boxes[:, 2] <= right + 3) | (starts >= right - 40))
        taken = np.array(self.drawing.text_boxes)
        touch = (boxes[:, None, :2] < taken[:, 2:]) & (boxes[:, None, 2:] > taken[:, :2])
        possible = np.flatnonzero(free & ~np.any(np.all(touch, axis=2), axis=1))
        if not possible.size:
            return False
        within = (lines[:, None] > boxes[possible, :2]) & (lines[:, None] < boxes[possible, 2:])
        covered = within.all(axis=2).sum(axis=0)
        away = np.array([min((float(np.hypot(*(o - p).T).min()) for o in others), default=80.0) for p in places])
        near = np.repeat(np.minimum(away, 60.0), len(candidates) // len(places))[possible]
        ranks = np.array([0.1 * rank + 2.0 * (far - 1) for *_, rank, far in candidates])[possible]
        place, at, across, down, _, far = candidates[possible[int(np.argmin(5.0 * covered - near / 20 + ranks))]]
        if far > 1:
            self.drawing.lines([[place, at]], Pen(color, 1.0))
        self.drawing.text(text, at[0], at[1], TEXT, color, across=across, down=down, bold=True, chip=True)
        return True

    def _legend(self, curves: Sequence[_Named]) -> None:
        x, y = self.area[0], self.drawing.height_px + LINE_PX / 2
        for curve in curves:
            wide = 44 + text_width_px(curve.name, TEXT) + 20
            if x + wide > self.drawing.width_px and x > self.area[0]:
                x, y = self.area[0], y + LINE_PX
            self.drawing.lines([[(x, y), (x + 36, y)]], curve.pen)
            self.drawing.text(curve.name, x + 44, y, TEXT, curve.pen.color)
            x += wide
        if curves:
            self.drawing.height_px = y + LINE_PX

    def words(self, text: str, x: float, y: float, color: Rgb, *, across: Across = "left", bold: bool = False) -> Box:
        """Write a word at a place given in pixels."""
        return self.drawing.text(text, x, y, TEXT, color, across=across, bold=bold)

    def svg(self) -> str:
        """Return the figure as an SVG file, its curves named."""
        self.label()
        return self.drawing.svg()

    def _axes(self, y_marks: Sequence[tuple[float, str]], grid_across: bool) -> None:
        left, top, right, bottom = self.area
        draw, ink, grid = self.drawing, self.theme.ink, Pen(self.theme.grid, 1.0)
        x_marks = list(self._spaced(self.x.marks(max(2, int((right - left) / 60)))))
        for value, text in x_marks:
            column = float(self.placed(value, self.y.low)[0])
            if grid_across and not self.x.labels:
                draw.lines([[(column, top), (column, bottom)]], grid)
            for row, part in enumerate(text.split("\n")):
                draw.text(part, column, bottom + 9 + row * LINE_PX, TEXT, ink, across="center", down="top")
        for value, text in y_marks:
            row_px = float(self.placed(self.x.low, value)[1])
            draw.lines([[(left, row_px), (right, row_px)]], grid)
            draw.text(text, left - 7, row_px, TEXT, ink, across="right")
        draw.lines([[(left, top), (left, bottom), (right, bottom)]], Pen(ink, 1.6))
        if self.x.title:
            depth = LINE_PX * (1 + max((text.count("\n") for _, text in x_marks), default=0))
            room = (left + right) / 2
            draw.text(self.x.title, room, bottom + depth + 12, TEXT, ink, across="center", down="top", bold=True)

    def _spaced(self, marks: Sequence[tuple[float, str]]) -> Iterator[tuple[float, str]]:
        """Yield the marks that touch neither the one before nor the figure's edge."""
        end = 0.0
        for value, text in marks:
            half = max(text_width_px(part, TEXT) for part in text.split("\n")) / 2
            column = float(self.placed(value, self.y.low)[0])
            if column - half > end and column + half < self.drawing.width_px:
                end = column + half + 4
                yield value, text


def _along(points: Points, step_px: float) -> NDArray[np.float64]:
    """Return places along a polyline, evenly spaced, shape (n, 2)."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.linspace(0.0, ends[-1], max(2, int(ends[-1] / step_px) + 1))
    return np.stack([np.interp(at, ends, points[:, axis]) for axis in (0, 1)], axis=1)
