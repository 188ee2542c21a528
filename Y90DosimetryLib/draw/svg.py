"""The one emitter of figures: lines, boxes, text and pixels become an SVG that browsers, Qt and PDF writers show alike.

Only what all of them read is written: no clipping, no style sheet, no identifiers, so that many figures can stand in
one page. Text is text, in the reader's own sans-serif font; its size is estimated from Helvetica's widths.
"""

from __future__ import annotations

import base64
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .colors import Rgb

Points = NDArray[np.float64]
"""A polyline in pixels, shape (n, 2): x to the right, y down, (0, 0) the upper left corner of the figure."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

Across = Literal["left", "center", "right"]
Down = Literal["top", "middle", "bottom"]

FONTS = "Arial, Helvetica, Liberation Sans, DejaVu Sans, Noto Sans, sans-serif"
_ANCHOR = {"left": "start", "center": "middle", "right": "end"}
_BASELINE = {"top": 0.76, "middle": 0.35, "bottom": -0.22}  # below the place asked for, in sizes of the text
_HIGH, _LOW = 0.76, 0.24  # of a text above and below its base line
_WIDER = 1.06  # than Helvetica: fonts that stand in for it, and bold letters
_CHIP_OPACITY = 0.82

# Advance widths of Helvetica's characters from space to tilde, 1/1000 of the size: Adobe's Core 14 font metrics.
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)


def text_width_px(text: str, size_px: float, bold: bool = False) -> float:
    """Return about how wide a text is: no narrower than in Helvetica."""
    total = 0
    for sign in text:
        place = ord(sign) - 32
        if 0 <= place < len(_WIDTHS):
            total += _WIDTHS[place]
        elif not unicodedata.combining(sign):
            total += 1000 if unicodedata.east_asian_width(sign) in "WF" else 620
    return total / 1000 * size_px * _WIDER * (1.05 if bold else 1.0)


def shortened(text: str, size_px: float, room_px: float) -> str:
    """Return the text, cut and ended with an ellipsis where it is wider than the room."""
    if text_width_px(text, size_px) <= room_px:
        return text
    keep = len(text)
    while keep and text_width_px(f"{text[:keep].rstrip()}…", size_px) > room_px:
        keep -= 1
    return f"{text[:keep].rstrip()}…"


def text_box(text: str, x: float, y: float, size_px: float, across: Across, down: Down, bold: bool) -> Box:
    """Return the box that a text fills."""
    width = text_width_px(text, size_px, bold)
    left = x - {"left": 0.0, "center": width / 2, "right": width}[across]
    base = y + _BASELINE[down] * size_px
    return left, base - _HIGH * size_px, left + width, base + _LOW * size_px


def overlap_px2(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


@dataclass(frozen=True)
class Pen:
    """How a line is drawn; `dashes_px` lists lengths drawn and left out in turn, empty is solid."""

    color: Rgb
    width_px: float = 2.0
    dashes_px: tuple[float, ...] = ()


@dataclass(frozen=True)
class Theme:
    """Colors of a figure's ground: paper (None is transparent), ink, soft ink, lines of the grid."""

    paper: Rgb | None
    ink: Rgb
    soft: Rgb
    grid: Rgb

    @property
    def behind(self) -> Rgb:
        """The color that sets text off from lines under it."""
        return self.paper or ((255, 255, 255) if sum(self.ink) < 384 else (35, 35, 35))

    @property
    def is_dark(self) -> bool:
        """Whether lines have to be light to be seen."""
        return sum(self.behind) < 384


LIGHT = Theme((255, 255, 255), (25, 25, 25), (90, 96, 105), (224, 226, 230))
DARK = Theme((0, 0, 0), (240, 240, 240), (180, 180, 180), (80, 80, 80))


class Drawing:
    """A figure being drawn, in pixels of its own size; shown it may have any size."""

    def __init__(self, size_px: tuple[float, float], theme: Theme = LIGHT) -> None:
        self.width_px, self.height_px = size_px
        self.theme = theme
        self._parts: list[str] = []
        self.text_boxes: list[Box] = []
        """Of every text written so far."""

    def lines(self, polylines: Sequence[ArrayLike], pen: Pen, *, digits: int = 2, casing: Rgb | None = None) -> None:
        """Draw polylines as one path; a casing is a margin of another color that sets them off what lies under."""
        path = _path_data(polylines, digits)
        if not path:
            return
        if casing is not None:
            self._path(path, Pen(casing, pen.width_px + 1.8, pen.dashes_px))
        self._path(path, pen)

    def _path(self, path: str, pen: Pen) -> None:
        dashes = f' stroke-dasharray="{" ".join(map(_told, pen.dashes_px))}"' if pen.dashes_px else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{_hex(pen.color)}" stroke-width="{_told(pen.width_px)}"'
            f' stroke-linejoin="round"{dashes}/>'
        )

    def area(self, points: ArrayLike, color: Rgb, opacity_fraction: float = 1.0) -> None:
        """Fill a polygon."""
        self._parts.append(f'<path d="{_path_data([points], 2)} Z" {_filled(color, opacity_fraction)}/>')

    def rect(self, box: Box, color: Rgb | None, opacity_fraction: float = 1.0, edge: Pen | None = None) -> None:
        """Fill a box, draw its edge, or both."""
        left, top, right, bottom = box
        fill = _filled(color, opacity_fraction) if color is not None else 'fill="none"'
        line = f' stroke="{_hex(edge.color)}" stroke-width="{_told(edge.width_px)}"' if edge else ""
        self._parts.append(
            f'<rect x="{_told(left)}" y="{_told(top)}" width="{_told(max(0.0, right - left))}"'
            f' height="{_told(max(0.0, bottom - top))}" {fill}{line}/>'
        )

    def dot(self, x: float, y: float, radius_px: float, color: Rgb, *, hollow: bool = False) -> None:
        """Draw a full or hollow dot with a rim that sets it off from others."""
        fill, rim = (self.theme.behind, color) if hollow else (color, self.theme.behind)
        self._parts.append(
            f'<circle cx="{_told(x)}" cy="{_told(y)}" r="{_told(radius_px)}" fill="{_hex(fill)}"'
            f' stroke="{_hex(rim)}" stroke-width="{2 if hollow else 1}"/>'
        )

    def image(self, colors: NDArray[np.uint8], box: Box) -> None:
        """Show pixels, shape (height, width, 3), in a box."""
        left, top, right, bottom = box
        data = base64.b64encode(png_of(colors)).decode("ascii")
        self._parts.append(
            f'<image x="{_told(left)}" y="{_told(top)}" width="{_told(right - left)}" height="{_told(bottom - top)}"'
            f' xlink:href="data:image/png;base64,{data}"/>'
        )

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size_px: float,
        color: Rgb | None = None,
        *,
        across: Across = "left",
        down: Down = "middle",
        bold: bool = False,
        chip: bool = False,
    ) -> Box:
        """Write text beside a place and return the box it fills; a chip is a light or dark ground of its own."""
        box = text_box(text, x, y, size_px, across, down, bold)
        self.text_boxes.append(box)
        if chip:
            left, top, right, bottom = box
            self.rect((left - 2, top, right + 2, bottom), self.theme.behind, _CHIP_OPACITY)
        anchor = "" if across == "left" else f' text-anchor="{_ANCHOR[across]}"'
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{_told(x)}" y="{_told(y + _BASELINE[down] * size_px)}" font-size="{_told(size_px)}px"'
            f'{anchor}{weight} fill="{_hex(color or self.theme.ink)}">{escape(_printable(text), quote=False)}</text>'
        )
        return box

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """Group what is drawn meanwhile under a name that readers show where the pointer rests."""
        self._parts.append(f"<g><title>{escape(_printable(name), quote=False)}</title>")
        yield
        self._parts.append("</g>")

    def svg(self) -> str:
        """Return the figure as an SVG file."""
        width, height = _told(self.width_px), _told(self.height_px)
        paper = self.theme.paper
        ground = "" if paper is None else f'<rect width="{width}" height="{height}" fill="{_hex(paper)}"/>\n'
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="{FONTS}">{ground}'
            + "\n".join(self._parts)
            + "</svg>\n"
        )


def png_of(colors: NDArray[np.uint8]) -> bytes:
    """Return pixels, shape (height, width, 3), 0 to 255, as a PNG file (ISO/IEC 15948)."""
    height, width = colors.shape[:2]
    rows = colors.reshape(height, width * 3)
    left = np.concatenate([np.zeros((height, 3), np.uint8), rows[:, :-3]], axis=1)
    data = np.concatenate([np.full((height, 1), 1, np.uint8), rows - left], axis=1)  # filter 1: less the left pixel

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def clipped(points: ArrayLike, box: Box) -> list[Points]:
    """Return the parts of a polyline that lie inside a box."""
    given = np.asarray(points, dtype=np.float64)
    low, high = np.array(box[:2]), np.array(box[2:])
    if ((given >= low) & (given <= high)).all():
        return [given]
    found: list[list[Points]] = []
    for start, end in zip(given[:-1], given[1:], strict=True):
        step = end - start
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.array([(low - start) / step, (high - start) / step])
        first, last = sides.min(axis=0), sides.max(axis=0)
        still = step == 0
        outside = still & ((start < low) | (start > high))
        enter = max(0.0, float(np.where(still, -np.inf, first).max()))
        leave = min(1.0, float(np.where(still, np.inf, last).min()))
        if outside.any() or enter > leave:
            continue
        begin, finish = start + enter * step, start + leave * step
        if not (found and enter == 0.0 and np.array_equal(found[-1][-1], begin)):
            found.append([begin])
        found[-1].append(finish)
    return [np.array(part) for part in found]


def _path_data(polylines: Sequence[ArrayLike], digits: int) -> str:
    parts = []
    for one in polylines:
        points = np.asarray(one, dtype=np.float64)
        if len(points) > 1:
            closed = len(points) > 3 and np.array_equal(points[0], points[-1])
            places = " ".join(f"{_told(x, digits)},{_told(y, digits)}" for x, y in (points[:-1] if closed else points))
            parts.append(f"M{places}{'Z' if closed else ''}")
    return "".join(parts)


def _told(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text in ("-0", "") else text


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _filled(color: Rgb, opacity_fraction: float) -> str:
    return f'fill="{_hex(color)}"' + (f' fill-opacity="{_told(opacity_fraction)}"' if opacity_fraction < 1 else "")


def _printable(text: str) -> str:
    """Return a text without what XML does not allow."""
    return "".join(c if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else " " for c in text)
