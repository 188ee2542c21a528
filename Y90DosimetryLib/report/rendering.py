"""A drawing surface that works everywhere: lines, boxes and text become a PNG without any graphics driver.

VTK sets the text (FreeType, with fonts of its own) and writes the PNG; lines are drawn here, antialiased. No OpenGL
context is made, because on a machine without a driver VTK 9.6 ends the process when it tries. The same call gives
the same bytes on every machine with the same VTK, inside and outside Slicer, in any thread.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingToolError
from .colors import Rgb, blend

if TYPE_CHECKING:
    from vtkmodules.vtkRenderingCore import vtkTextRenderer

Points = NDArray[np.float64]
"""A polyline in pixels, shape (n, 2): x to the right, y down, (0, 0) the upper left corner of the picture."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; the last two are just outside."""

Across = Literal["left", "center", "right"]
Down = Literal["top", "middle", "bottom"]

_BLACK: Rgb = (0, 0, 0)
_POINTS_PER_INCH = 72  # at this resolution VTK's font size is in pixels
_DAB_PX = 0.75  # a line is painted as short straight dabs of this length
_SMALLEST_TEXT_PX = 13
_lock = threading.Lock()  # VTK has one text renderer for all


@lru_cache(maxsize=1)
def _text_renderer() -> vtkTextRenderer:
    try:
        import vtkmodules.vtkRenderingFreeType  # noqa: F401  (registers the renderer of text)
        from vtkmodules.vtkIOImage import vtkPNGWriter  # noqa: F401
        from vtkmodules.vtkRenderingCore import vtkTextRenderer
    except ImportError as error:
        raise MissingToolError(
            f"Pictures can't be drawn: VTK is missing or incomplete ({error}). Install the package vtk, version 9.4"
            " or later; all numbers are available without it"
        ) from error
    renderer = vtkTextRenderer.GetInstance()
    if renderer is None or not renderer.FreeTypeIsSupported():
        raise MissingToolError("Pictures can't be drawn: this VTK has no FreeType fonts. Install the package vtk")
    return renderer


def require_rendering() -> None:
    """Raise `MissingToolError`, saying why and what to do, when pictures can't be drawn here."""
    _text_renderer()


def can_render() -> bool:
    """Whether pictures can be drawn here."""
    try:
        require_rendering()
    except MissingToolError:
        return False
    return True


@lru_cache(maxsize=512)
def _drawable(character: str) -> str:
    """Return the character, or a question mark where VTK's fonts (Latin, some Greek) don't have it."""
    return character if character.isspace() or _glyphs(character, 16, False).any() else "?"


def _text_coverage(text: str, size_px: int, bold: bool) -> NDArray[np.float32]:
    return _glyphs("".join(map(_drawable, text)), size_px, bold)


@lru_cache(maxsize=512)
def _glyphs(text: str, size_px: int, bold: bool) -> NDArray[np.float32]:
    """Return how much of each pixel the text covers, 0 to 1, shape (height, width); one height for each size."""
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkTextProperty, vtkTextRenderer

    style = vtkTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size_px)
    style.SetBold(bold)
    style.SetColor(1.0, 1.0, 1.0)
    image = vtkImageData()
    used = [0, 0]
    with _lock:  # never MathText, which takes "$" for a formula where matplotlib is installed
        _text_renderer().RenderString(style, text, image, used, _POINTS_PER_INCH, vtkTextRenderer.FreeType)
    width, height, _ = image.GetDimensions()
    if not text or width == 0 or height == 0:
        return np.zeros((size_px, 0), dtype=np.float32)
    pixels = np.asarray(image.GetPointData().GetScalars()).reshape(height, width, 4)
    alpha = pixels[: used[1], : used[0], 3][::-1]
    return np.asarray(alpha / 255, dtype=np.float32)


def text_width_px(text: str, size_px: int, bold: bool = False) -> int:
    """Return how wide a text will be."""
    return int(_text_coverage(text, size_px, bold).shape[1])


def shortened(text: str, size_px: int, room_px: float) -> str:
    """Return the text, cut and ended with dots where it is wider than the room."""
    if text_width_px(text, size_px) <= room_px:
        return text
    keep = len(text)
    while keep and text_width_px(f"{text[:keep].rstrip()}...", size_px) > room_px:
        keep -= 1
    return f"{text[:keep].rstrip()}..."


class Canvas:
    """A picture being drawn, with 8-bit colors.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    """

    def __init__(self, size_px: tuple[int, int], background: Rgb) -> None:
        require_rendering()
        width, height = size_px
        self.pixels = np.empty((height, width, 3), dtype=np.uint8)
        self.pixels[:] = background

    def px(self, length: float) -> int:
        """Scale a length that suits a picture of 900 x 600 pixels to this one."""
        _, _, width, height = self.box
        return max(1, round(length * min(width / 900, height / 600)))

    def font_px(self, size: float) -> int:
        """Scale a size of text likewise, but keep it readable."""
        return max(_SMALLEST_TEXT_PX, self.px(size))

    @property
    def box(self) -> Box:
        """The whole picture."""
        height, width = self.pixels.shape[:2]
        return 0, 0, width, height

    def image(self, colors: NDArray[np.uint8], left: int, top: int) -> None:
        """Put an image, shape (height, width, 3), with its upper left corner at a place."""
        height, width = colors.shape[:2]
        self.pixels[top : top + height, left : left + width] = colors

    def fill(self, box: Box, color: Rgb, opacity_fraction: float = 1.0) -> None:
        """Fill a box."""
        left, top, right, bottom = box
        part = self.pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        part[:] = blend(part, color, opacity_fraction)

    def frame(self, box: Box, color: Rgb) -> None:
        """Draw the outline of a box, one pixel wide, inside it."""
        left, top, right, bottom = box
        for side in (
            (left, top, right, top + 1),
            (left, bottom - 1, right, bottom),
            (left, top, left + 1, bottom),
            (right - 1, top, right, bottom),
        ):
            self.fill(side, color)

    def lines(
        self,
        polylines: Sequence[Points],
        color: Rgb,
        width_px: float,
        *,
        dashes_px: Sequence[float] = (),
        casing_px: float = 0.0,
        casing: Rgb = _BLACK,
        clip: Box | None = None,
    ) -> None:
        """Draw polylines, antialiased; a casing is a margin of another color that sets them off the background."""
        dabs = [_dabs(points, dashes_px) for points in polylines if len(points) > 1]
        if not dabs:
            return
        reach_px = width_px / 2 + casing_px + 0.5
        rows, columns, distance = _pixels_near(np.concatenate(dabs), reach_px, clip or self.box)
        for extra_px, paint in ((casing_px, casing), (0.0, color)):
            if extra_px or paint is color:
                cover = (width_px / 2 + extra_px + 0.5 - distance).clip(0.0, 1.0)
                self.pixels[rows, columns] = blend(self.pixels[rows, columns], paint, cover)

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size_px: int,
        color: Rgb,
        *,
        across: Across = "left",
        down: Down = "middle",
        bold: bool = False,
        upward: bool = False,
        halo: Rgb | None = None,
    ) -> Box:
        """Write text beside a place and return the box it fills; *upward* turns it to be read from the right."""
        cover = _text_coverage(text, size_px, bold)
        if upward:
            cover = np.rot90(cover)
        margin = 2 if halo else 0
        cover = np.pad(cover, margin)
        height, width = cover.shape
        left = round(x - {"left": 0.0, "center": width / 2, "right": float(width)}[across])
        top = round(y - {"top": 0.0, "middle": height / 2, "bottom": float(height)}[down])
        if halo:
            self._stamp(_spread(cover, margin), left, top, halo)
        self._stamp(cover, left, top, color)
        return left, top, left + width, top + height

    def _stamp(self, cover: NDArray[np.float32], left: int, top: int, color: Rgb) -> None:
        _, _, width, height = self.box
        rows = slice(max(top, 0), max(min(top + cover.shape[0], height), 0))
        columns = slice(max(left, 0), max(min(left + cover.shape[1], width), 0))
        seen = cover[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        if seen.size:
            self.pixels[rows, columns] = blend(self.pixels[rows, columns], color, seen)

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkIOImage import vtkPNGWriter

        height, width = self.pixels.shape[:2]
        image = vtkImageData()
        image.SetDimensions(width, height, 1)
        colors = vtkUnsignedCharArray()
        colors.SetNumberOfComponents(3)
        colors.SetNumberOfTuples(width * height)
        np.asarray(colors)[:] = self.pixels[::-1].reshape(-1, 3)
        image.GetPointData().SetScalars(colors)
        writer = vtkPNGWriter()
        writer.SetInputData(image)
        writer.WriteToMemoryOn()
        writer.Write()
        return bytes(memoryview(writer.GetResult()))


def _dabs(points: Points, dashes_px: Sequence[float]) -> NDArray[np.float64]:
    """Return the dabs of a polyline that its dashes cover: center x, y and direction x, y, shape (n, 4)."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(*steps.T)
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    along = np.arange(_DAB_PX / 2, max(float(ends[-1]), _DAB_PX), _DAB_PX)
    if dashes_px:
        changes = np.cumsum(dashes_px)
        along = along[np.searchsorted(changes, along % changes[-1], side="right") % 2 == 0]
    centers = [np.interp(along, ends, points[:, axis]) for axis in (0, 1)]
    segment = np.searchsorted(ends, along, side="right").clip(1, len(lengths)) - 1
    directions = steps[segment] / np.maximum(lengths[segment], 1e-12)[:, np.newaxis]
    return np.column_stack([*centers, directions])


def _pixels_near(
    dabs: NDArray[np.float64], reach_px: float, clip: Box
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return row, column and distance (from the pixel's center) of the pixels within reach of any dab."""
    left, top, right, bottom = clip
    width, height = right - left, bottom - top
    nearest = np.full(width * height, np.inf)
    first = np.floor(dabs[:, :2]).astype(np.intp)
    steps = range(-math.ceil(reach_px + _DAB_PX / 2), math.ceil(reach_px + _DAB_PX / 2) + 1)
    for down in steps:
        for across in steps:
            column, row = first[:, 0] + across, first[:, 1] + down
            seen = (column >= left) & (column < right) & (row >= top) & (row < bottom)
            column, row, (x, y, along_x, along_y) = column[seen], row[seen], dabs[seen].T
            dx, dy = column + 0.5 - x, row + 0.5 - y
            beyond = np.maximum(np.abs(dx * along_x + dy * along_y) - _DAB_PX / 2, 0.0)
            distance = np.hypot(dx * along_y - dy * along_x, beyond)
            np.minimum.at(nearest, (row - top) * width + column - left, distance)
    found = np.flatnonzero(nearest < reach_px)
    return found // width + top, found % width + left, nearest[found]


def _spread(cover: NDArray[np.float32], radius_px: int) -> NDArray[np.float32]:
    """Return the coverage widened by a round pen."""
    wide = np.zeros_like(cover)
    for down in range(-radius_px, radius_px + 1):
        for across in range(-radius_px, radius_px + 1):
            if math.hypot(down, across) <= radius_px + 0.3:
                wide = np.maximum(wide, np.roll(cover, (down, across), axis=(0, 1)))
    return wide
