"""A figure of the library in a label: as wide as the label, sharp on its screen, in the panel's light or dark style."""

from __future__ import annotations

import qt

from Y90DosimetryLib.draw.svg import Theme

from ..followupcharts import Figure
from .prescriptionpicture import Resized

LETTERS_RATIO = 1.25
"""The figure is drawn so much larger than the label and shown smaller: its letters are as large as the panel's."""
HEIGHT_RATIO, LEAST_WIDTH_PX = 0.62, 60
SOFT_SHARE, GRID_SHARE = 0.65, 0.15
"""How much of the ink is in numbers beside the figure, and in the lines of its grid."""


class CoursePicture:
    """Shows a figure in a label."""

    def __init__(self, label) -> None:
        self._label = label
        self._figure: Figure | None = None
        self.svg = ""
        self._resized = Resized(label, self._draw)

    def show(self, figure: Figure | None) -> None:
        """Show a figure; None hides the label."""
        self._label.visible = figure is not None
        self._figure = figure
        self._draw()

    def _draw(self) -> None:
        label = self._label
        if self._figure is None or label.width < LEAST_WIDTH_PX:
            return
        width = label.width * LETTERS_RATIO
        svg = self._figure(size_px=(width, HEIGHT_RATIO * width), theme=themeOf(label))
        if svg == self.svg:
            return
        self.svg = svg
        pixmap = pixmapOf(svg, label.width, label.devicePixelRatioF())
        height = round(pixmap.height() / label.devicePixelRatioF())
        if label.minimumHeight != height:
            label.setFixedHeight(height)
        label.setPixmap(pixmap)


def themeOf(widget) -> Theme:
    """Return a figure's colors from those of a widget."""
    paper, ink = (
        (color.red(), color.green(), color.blue())
        for color in (widget.palette.color(role) for role in (qt.QPalette.Window, qt.QPalette.WindowText))
    )

    def mixed(share: float) -> tuple[int, int, int]:
        return tuple(round(p + share * (i - p)) for p, i in zip(paper, ink, strict=True))

    return Theme(paper, ink, mixed(SOFT_SHARE), mixed(GRID_SHARE))


def pixmapOf(svg: str, width: int, ratio: float = 1.0):
    """Return a figure as a picture so many pixels wide on a screen with so many dots a pixel."""
    buffer = qt.QBuffer()
    buffer.setData(qt.QByteArray(svg.encode()))
    buffer.open(qt.QIODevice.ReadOnly)
    reader = qt.QImageReader(buffer)
    size = reader.size()
    reader.setScaledSize(qt.QSize(round(width * ratio), round(width * ratio * size.height() / size.width())))
    pixmap = qt.QPixmap.fromImage(reader.read())
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
