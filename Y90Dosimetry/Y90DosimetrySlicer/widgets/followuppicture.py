"""A chart that a narrow panel can read: lines are a picture, numbers and names are labels in the panel's style."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.draw.scales import ticks

from ..followupcharts import Chart
from .prescriptionpicture import Names, Resized, blank, painting, penOf

COLORS = ("#2a82da", "#d9771e", "#2e9e4f", "#b05fd0", "#12939a", "#c0392b")
"""Each reads on light and on dark ground."""
LIMIT, BAND, AXIS = "#e0384a", "#2e9e4f", "#8a8f98"
DASHES = (qt.Qt.SolidLine, qt.Qt.DashLine, qt.Qt.DashDotLine, qt.Qt.DotLine)
PLOT_PX, ABOVE_PX, AXIS_PX, ROW_PX, LEFT_PX, RIGHT_PX, POINT_PX, SWATCH_PX = 150, 20, 34, 16, 30, 14, 3, 24
BAND_OPACITY = 55
MARKS = 6


class CoursePicture:
    """Draws a chart into a label and writes its legend under it."""

    def __init__(self, label) -> None:
        self._label = label
        self._chart: Chart | None = None
        self.names = Names(label)
        self._resized = Resized(label, self._draw)

    def show(self, chart: Chart | None) -> None:
        """Show a chart; None hides the picture."""
        self._label.visible = chart is not None
        if chart != self._chart:
            self._chart = chart
            self._draw()

    def _draw(self) -> None:
        chart, label = self._chart, self._label
        if chart is None or label.width < 2 * LEFT_PX:
            return
        width, entries = label.width, self._entries(chart)
        self._metrics = qt.QFontMetrics(label.font)
        rows = self._rows(entries, width)
        height = ABOVE_PX + PLOT_PX + AXIS_PX + ROW_PX * (rows[-1][1] + 1)
        if label.minimumHeight != height:
            label.setFixedHeight(height)
        pixmap = blank(label, width, height)
        self.names.begin()
        with painting(pixmap) as painter:
            painter.setRenderHint(qt.QPainter.Antialiasing)
            self._paint(painter, chart, width)
            self._paintLegend(painter, entries, rows)
        self.names.end()
        label.setPixmap(pixmap)

    def _paint(self, painter, chart: Chart, width: int) -> None:
        months = (chart.firstMonth - 0.3, chart.lastMonth + 0.3)

        def x(month: float) -> float:
            return LEFT_PX + (width - LEFT_PX - RIGHT_PX) * (month - months[0]) / (months[1] - months[0])

        def y(value: float) -> float:
            return ABOVE_PX + PLOT_PX * (1 - value / chart.highest)

        self._paintGround(painter, chart, x, y, width, months)
        for index, curve in enumerate(chart.curves):
            places = [(x(m), y(v)) for m, v in zip(curve.months, curve.values, strict=True)]
            self._paintCurve(painter, index, places)
        self._writeValues(chart, x, y, width)

    def _paintLegend(self, painter, entries: list[tuple], rows: list[tuple[int, int]]) -> None:
        for (text, pen, isBand), (left, row) in zip(entries, rows, strict=True):
            middle = ABOVE_PX + PLOT_PX + AXIS_PX + row * ROW_PX + ROW_PX // 2
            if isBand:
                painter.fillRect(qt.QRect(left, middle - 5, SWATCH_PX - 6, 10), qt.QBrush(pen.color()))
            else:
                painter.setPen(pen)
                painter.drawLine(left, middle, left + SWATCH_PX - 6, middle)
            wide = self._metrics.horizontalAdvance(text) + 4
            self.names.write(text, text, left + SWATCH_PX, middle - ROW_PX // 2, wide, ROW_PX)

    def _entries(self, chart: Chart) -> list[tuple]:
        """Return the legend: name, pen, and whether it is a band."""
        found = [(curve.name, _penOf(index), False) for index, curve in enumerate(chart.curves)]
        if chart.limit is not None:
            found.append((chart.limitName, penOf(LIMIT, 2, qt.Qt.DashLine), False))
        if chart.band is not None:
            color = qt.QColor(BAND)
            color.setAlpha(2 * BAND_OPACITY)
            found.append((chart.bandName, penOf(color, 1), True))
        return found

    def _rows(self, entries: list[tuple], width: int) -> list[tuple[int, int]]:
        """Return where each entry of the legend begins, and in which row."""
        places, left, row = [], LEFT_PX, 0
        for text, _pen, _isBand in entries:
            wide = SWATCH_PX + self._metrics.horizontalAdvance(text) + 14
            if left > LEFT_PX and left + wide > width:
                left, row = LEFT_PX, row + 1
            places.append((left, row))
            left += wide
        return places

    def _paintGround(self, painter, chart: Chart, x, y, width: int, months: tuple[float, float]) -> None:
        bottom = ABOVE_PX + PLOT_PX
        if chart.band is not None:
            color = qt.QColor(BAND)
            color.setAlpha(BAND_OPACITY)
            left, right = (min(max(m, months[0]), months[1]) for m in chart.band)
            painter.fillRect(qt.QRect(round(x(left)), ABOVE_PX, round(x(right) - x(left)), PLOT_PX), qt.QBrush(color))
        faint = qt.QColor(AXIS)
        faint.setAlpha(BAND_OPACITY)
        right = width - RIGHT_PX
        for value in ticks(0.0, chart.highest, MARKS):
            painter.setPen(penOf(faint, 1))
            painter.drawLine(LEFT_PX, round(y(value)), right, round(y(value)))
            text = f"{value:g}"
            wide = self._metrics.horizontalAdvance(text) + 2
            self.names.write(text, chart.title, LEFT_PX - wide - 4, y(value) - ROW_PX / 2, wide, ROW_PX)
        painter.setPen(penOf(AXIS, 1))
        painter.drawLine(LEFT_PX, bottom, right, bottom)
        painter.drawLine(LEFT_PX, ABOVE_PX, LEFT_PX, bottom)
        for month in ticks(*months, MARKS):
            painter.drawLine(round(x(month)), bottom, round(x(month)), bottom + 3)
            text = f"{month:g}"
            wide = self._metrics.horizontalAdvance(text) + 2
            self.names.write(text, _("Months since the treatment"), x(month) - wide / 2, bottom + 3, wide, ROW_PX)
        painter.setPen(penOf(AXIS, 1, qt.Qt.DashLine))
        for month in chart.treated:
            painter.drawLine(round(x(month)), ABOVE_PX, round(x(month)), bottom)
        text = _("months since the treatment")
        wide = self._metrics.horizontalAdvance(text) + 4
        self.names.write(text, text, (LEFT_PX + right - wide) / 2, bottom + 3 + ROW_PX - 2, wide, ROW_PX)
        wide = self._metrics.horizontalAdvance(chart.title) + 4
        self.names.write(chart.title, chart.title, 0, 0, wide, ROW_PX)
        if chart.limit is not None:
            painter.setPen(penOf(LIMIT, 2, qt.Qt.DashLine))
            painter.drawLine(LEFT_PX, round(y(chart.limit)), right, round(y(chart.limit)))

    def _paintCurve(self, painter, index: int, places: list[tuple[float, float]]) -> None:
        painter.setPen(_penOf(index))
        for (x1, y1), (x2, y2) in zip(places, places[1:], strict=False):
            painter.drawLine(round(x1), round(y1), round(x2), round(y2))
        color = qt.QBrush(qt.QColor(COLORS[index % len(COLORS)]))
        for x, y in places:
            painter.fillRect(qt.QRect(round(x) - POINT_PX, round(y) - POINT_PX, 2 * POINT_PX, 2 * POINT_PX), color)

    def _writeValues(self, chart: Chart, x, y, width: int) -> None:
        """Write the values of the first curve, under its points where another one lies above them."""
        first, *others = chart.curves
        above = {month: value for c in others for month, value in zip(c.months, c.values, strict=True)}
        for month, value in zip(first.months, first.values, strict=True):
            text = f"{value:.0f} {chart.unit}"
            wide = self._metrics.horizontalAdvance(text) + 4
            isBelow = above.get(month, value) > value
            top = y(value) + POINT_PX + 1 if isBelow else y(value) - POINT_PX - ROW_PX
            top = min(max(top, 0), ABOVE_PX + PLOT_PX - ROW_PX)
            later = [v for m, v in zip(first.months, first.values, strict=True) if m > month]
            isFalling = bool(later) and later[0] < value and not isBelow
            middle = x(month) + (wide / 2 if isFalling else 0)
            left = min(max(middle - wide / 2, LEFT_PX + 2), width - wide)
            self.names.write(text, first.name, left, top, wide, ROW_PX, color=COLORS[0])


def _penOf(index: int):
    return penOf(COLORS[index % len(COLORS)], 2, DASHES[index % len(DASHES)])
