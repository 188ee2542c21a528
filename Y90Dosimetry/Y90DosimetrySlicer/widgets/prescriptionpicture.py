"""The window behind the slider: allowed and forbidden activities, constraints with their names, vials as ticks.

Lines and areas are a picture, names are labels upon it: they follow the light or dark style and say more when the
mouse rests on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

import qt
from slicer.i18n import tr as _

from ..windowview import Track, placesOf, stepsOf

ALLOWED, FORBIDDEN, TARGET, LIMIT, WISH, NOW, VIAL = (
    "#2e9e4f",
    "#8a8f98",
    "#2a82da",
    "#d9771e",
    "#8a8f98",
    "#e0218a",
    "#12939a",
)
"""Each reads on light and on dark ground."""
COLORS = {"target": TARGET, "limit": LIMIT, "wish": WISH}
TRACK_PX, ROW_PX, AXIS_PX, TICK_PX, ABOVE_PX, NOW_PX = 32, 16, 16, 15, 3, 5
FORBIDDEN_OPACITY, ALLOWED_OPACITY, COLUMN_OPACITY = 60, 190, 40
NAME_RATIO = 0.92
"""Size of the names to that of the panel's text."""


@dataclass(frozen=True)
class Tick:
    """One vial."""

    text: str
    tip: str
    atGbq: float


@dataclass(frozen=True)
class Ticks:
    """The vials of one calibration, the weakest first."""

    name: str
    tip: str
    vials: tuple[Tick, ...]


class Resized(qt.QObject):
    """Tells when a widget has another width or another style, as long as it is kept."""

    def __init__(self, widget, changed: Callable[[], None]) -> None:
        qt.QObject.__init__(self)
        self._changed = changed
        self._width = -1
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):
        """Call back after a change of width or palette; nothing is kept from the widget."""
        kind = event.type()
        isResized = kind == qt.QEvent.Resize and watched.width != self._width
        if isResized or kind == qt.QEvent.PaletteChange:
            self._width = watched.width
            self._changed()
        return False


class Names:
    """Labels upon a picture, used again and again; one that says the same as before is left alone."""

    def __init__(self, parent) -> None:
        self._parent = parent
        self._labels: list = []
        self._said: list[tuple] = []
        self._used = 0

    def begin(self) -> None:
        """Start writing anew."""
        self._used = 0

    def write(self, text: str, tip: str, x, y, width, height, font=None, color="", isOpaque=False) -> None:
        """Write one name into a box; without a color in that of the panel's style."""
        if self._used == len(self._labels):
            self._labels.append(qt.QLabel(self._parent))
            self._said.append(())
        index, self._used = self._used, self._used + 1
        label, box = self._labels[index], (round(x), round(y), round(width) + 1, round(height))
        said = (text, tip, box, font.toString() if font is not None else "", color, isOpaque)
        if said != self._said[index]:
            self._said[index] = said
            label.text, label.toolTip = text, f"<p>{escape(tip).replace(chr(10), '<br>')}</p>"
            label.styleSheet = f"color: {color};" if color else ""
            label.autoFillBackground = bool(isOpaque)
            if font is not None:
                label.font = font
            label.geometry = qt.QRect(*box)
        label.show()

    def end(self) -> None:
        """Hide what was not used."""
        for label in self._labels[self._used :]:
            label.hide()

    @property
    def texts(self) -> list[str]:
        """What is written now."""
        return [label.text for label in self._labels[: self._used]]


def blank(label, width: int, height: int):
    """Return an empty picture for a label, as sharp as its screen."""
    ratio = label.devicePixelRatioF()
    pixmap = qt.QPixmap(round(width * ratio), round(height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    return pixmap


@contextmanager
def painting(pixmap) -> Iterator:
    """Give a painter for a picture; it has ended before the picture is used or lost, also where drawing fails."""
    painter = qt.QPainter()
    painter.begin(pixmap)
    try:
        yield painter
    finally:
        painter.end()


def penOf(color, width: int, style=qt.Qt.SolidLine):
    """Return a pen of a color or its name."""
    pen = qt.QPen(qt.QColor(color))
    pen.setWidth(width)
    pen.setStyle(style)
    return pen


class WindowPicture:
    """Draws a track behind a slider that stands in the middle row of the same grid."""

    def __init__(self, label, slider, grid) -> None:
        self._label, self._slider, self._grid = label, slider, grid
        self._track: Track | None = None
        self._ticks: Sequence[Ticks] = ()
        self._nowGbq = 0.0
        self._drawn: tuple | None = None
        self.names = Names(label)
        self._resized = Resized(label, self._draw)

    def show(self, track: Track, ticks: Sequence[Ticks], nowGbq: float) -> None:
        """Show a track, rows of vials and the present activity."""
        key = (track, tuple(ticks), nowGbq)
        if key == self._drawn:
            return
        self._drawn, self._track, self._ticks, self._nowGbq = key, track, ticks, nowGbq
        self._draw()

    def clear(self) -> None:
        """Forget the track: nothing is drawn until there is another."""
        self._drawn = self._track = None

    def _draw(self) -> None:
        track, label = self._track, self._label
        if track is None or label.width < 1:
            return
        width = label.width
        inset = self._slider.style().pixelMetric(qt.QStyle.PM_SliderLength) / 2

        def x(gbq: float) -> float:
            return inset + (width - 2 * inset) * gbq / track.scaleGbq

        plain, bold = self._font(False), self._font(True)
        widths = [qt.QFontMetrics(bold if m.isBinding else plain).horizontalAdvance(m.text) + 4 for m in track.marks]
        xs = [x(mark.atGbq) for mark in track.marks]
        places = placesOf(track.marks, widths, xs, x(track.pivotGbq), width)
        rows = max((place.row for place in places), default=-1) + 1
        top = ABOVE_PX + rows * ROW_PX + NOW_PX
        below = AXIS_PX + NOW_PX + TICK_PX * len(self._ticks)
        self._fit(top, below)
        pixmap = blank(label, width, top + TRACK_PX + below)
        self.names.begin()
        with painting(pixmap) as painter:
            self._paintTrack(painter, x, top, width)
            for mark, place, at, wide in zip(track.marks, places, xs, widths, strict=True):
                y = ABOVE_PX + (rows - 1 - place.row) * ROW_PX
                painter.setPen(penOf(COLORS[mark.kind], 3 if mark.isBinding else 1))
                painter.drawLine(round(at), y + 2, round(at), top + TRACK_PX)
                isCrossed = place.leftPx + 1 < at < place.leftPx + wide - 1
                self._write(mark.text, mark.tip, place.leftPx + 2, y, wide, mark.isBinding, isOpaque=isCrossed)
            self._paintAxis(painter, x, top + TRACK_PX, width)
            for row, ticks in enumerate(self._ticks):
                self._paintTicks(painter, ticks, x, top + TRACK_PX, AXIS_PX + row * TICK_PX, width)
            at = x(min(self._nowGbq, track.scaleGbq))
            painter.setPen(penOf(NOW, 2))
            painter.drawLine(round(at), top - NOW_PX, round(at), top + TRACK_PX + NOW_PX)
        self.names.end()
        label.setPixmap(pixmap)

    def _font(self, isBold: bool):
        font = qt.QFont(self._label.font)
        if font.pointSizeF() > 0:  # a font may be sized in pixels
            font.setPointSizeF(NAME_RATIO * font.pointSizeF())
        font.setBold(isBold)
        return font

    def _write(self, text: str, tip: str, x, y, width, isBold=False, color="", isOpaque=False) -> None:
        self.names.write(text, tip, x, y, width, ROW_PX, self._font(isBold), color, isOpaque)

    def _fit(self, top: int, below: int) -> None:
        """Give the rows of the grid their heights; the slider stays in the middle one."""
        for row, height in ((0, top), (1, TRACK_PX), (2, below)):
            self._grid.setRowMinimumHeight(row, height)
        total = top + TRACK_PX + below
        if self._label.minimumHeight != total:
            self._label.setFixedHeight(total)

    def _paintTrack(self, painter, x, top: int, width: int) -> None:
        allowed = self._track.allowedGbq
        color = qt.QColor(FORBIDDEN)
        color.setAlpha(FORBIDDEN_OPACITY)
        hatch = qt.QColor(FORBIDDEN)
        low, high = (x(gbq) for gbq in allowed) if allowed else (width, width)
        high = width if allowed and allowed[1] >= self._track.scaleGbq else high
        for start, end in ((0, low), (high, width)):
            box = qt.QRect(round(start), top, round(end) - round(start), TRACK_PX)
            painter.fillRect(box, qt.QBrush(color))
            painter.fillRect(box, qt.QBrush(hatch, qt.Qt.BDiagPattern))
        if allowed:
            green, wide = qt.QColor(ALLOWED), max(2, round(high) - round(low))
            for opacity, start, high_ in ((COLUMN_OPACITY, 0, top), (ALLOWED_OPACITY, top, TRACK_PX)):
                green.setAlpha(opacity)
                painter.fillRect(qt.QRect(round(low), start, wide, high_), qt.QBrush(green))

    def _paintAxis(self, painter, x, y: int, width: int) -> None:
        painter.setPen(penOf(FORBIDDEN, 1))
        steps = stepsOf(self._track.scaleGbq)
        for gbq in steps:
            painter.drawLine(round(x(gbq)), y, round(x(gbq)), y + 4)
            text = _("{gbq:g} GBq").format(gbq=gbq) if gbq == steps[-1] else f"{gbq:g}"
            wide = qt.QFontMetrics(self._font(False)).horizontalAdvance(text) + 4
            start = min(max(0.0, x(gbq) - wide / 2 + 2), width - wide)
            self._write(text, _("Activity at the infusion, in GBq"), start, y + 3, wide)

    def _paintTicks(self, painter, ticks: Ticks, x, y: int, away: int, width: int) -> None:
        """Draw the vials of one calibration in a row; of two that would touch the second is only a line."""
        metrics = qt.QFontMetrics(self._font(False))
        room = metrics.horizontalAdvance(ticks.name) + 4
        end = 0.0
        painter.setPen(penOf(VIAL, 2))
        for tick in ticks.vials:
            if tick.atGbq > self._track.scaleGbq:
                continue
            at = x(tick.atGbq)
            painter.drawLine(round(at), y - 6, round(at), y + away + 3)
            wide = metrics.horizontalAdvance(tick.text) + 4
            if end <= at - wide / 2 and at + wide / 2 < width - room:
                end = at + wide / 2
                self._write(tick.text, tick.tip, at - wide / 2 + 2, y + away + 2, wide, color=VIAL)
        self._write(ticks.name, ticks.tip, width - room, y + away + 2, room, color=VIAL)
