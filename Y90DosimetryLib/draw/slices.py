"""Pictures of a plane of the patient: CT, dose colors, isodose lines and outlines, with all it takes to read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InputError
from ..geometry import center_mm
from ..structures import LESION_ROLES, Structure
from .colors import Rgb, blend, dose_rgb, rgb, structure_styles
from .legend import DoseScale, Isodose, Outline, draw_legend
from .planes import Plane, PointMm, Slice, View, contours, region_of, view_of
from .scales import round_down, round_up
from .svg import DARK, Box, Drawing, Pen, Points, overlap_px2, text_box

ISODOSES_GY = (50.0, 100.0, 120.0, 205.0, 250.0, 400.0)
"""Isodose lines unless others are asked for: doses at which the recommendations change what they say."""
_LARGEST_SCALE_GY = 600.0
"""Tool default, above the highest isodose: on a scale to the 2000 Gy of a segmentectomy 50 and 250 Gy look alike."""

_BACKGROUND: Rgb = (0, 0, 0)
_INK: Rgb = (240, 240, 240)
_FAINT: Rgb = (175, 175, 175)
_HEAD_PX, _PANEL_PX, _TEXT, _SMALL = 30.0, 186.0, 16.0, 14.0
_PIXELS_PER_PX = 1.5
"""CT and dose are shown with more pixels than the figure's own size has: it may be shown larger, and printed."""
_STRIPES_PX = 10.0
"""From one stripe to the next, across and down."""
_AIR_HU = -1000.0
_SOFT_TISSUE_HU = 60.0  # under the color bar, so that its colors are those seen over the liver
_FULL_SCALE_QUANTILE = 0.999
_LEAST_DOSE_GY = 1.0  # voxels below don't take part in choosing the scale


@dataclass(frozen=True)
class SliceOptions:
    """How pictures of slices look; the same options for several planes make them comparable."""

    size_px: tuple[int, int] = (640, 520)
    window_center_hu: float = 40.0
    window_width_hu: float = 400.0
    isodoses_gy: tuple[float, ...] = ISODOSES_GY
    lowest_dose_gy: float = 10.0
    """Doses below are left uncolored."""
    full_scale_gy: float | None = None
    """The dose at the upper end of the colors; None takes `full_scale_gy` of the whole map."""
    opacity_fraction: float = 0.5
    """Of the colors over the CT; without a CT they are opaque."""
    margin_mm: float = 12.0
    whole: bool = False
    """Show the whole CT (or dose map), not only the structures."""
    legend: bool = True
    crosshair: bool = False
    hatched: Structure | None = None
    """A volume filled with white stripes, in front of the dose."""
    isodose_sigma_ratio: float = 1.0
    """How wide the isodose lines, and they alone, are smoothed, over a voxel of the dose map: noise makes scribbles."""

    def __post_init__(self) -> None:
        width, height = self.size_px
        if width < 300 or height < 250:
            raise InputError(
                f"{width} x {height} pixels are too few to read", where="picture", remedy="Ask for 300 x 250 or more"
            )
        if not 0 <= self.opacity_fraction <= 1:
            raise InputError(
                f"opacity_fraction is {self.opacity_fraction}", where="picture", remedy="Enter a fraction from 0 to 1"
            )
        for name in ("window_width_hu", "lowest_dose_gy", "full_scale_gy"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} is {value}", where="picture", remedy="Enter a positive number")


def full_scale_gy(dose: sitk.Image) -> float:
    """Return the upper end of a color scale, in Gy: a round dose above nearly all dosed voxels, 600 at most."""
    array = sitk.GetArrayViewFromImage(dose)
    dosed = array[array > _LEAST_DOSE_GY]
    nearly_all_gy = float(np.quantile(dosed, _FULL_SCALE_QUANTILE)) if dosed.size else _LEAST_DOSE_GY
    return min(round_up(nearly_all_gy), _LARGEST_SCALE_GY)


def point_to_show_mm(structures: Sequence[Structure]) -> PointMm:
    """Return the center of the largest lesion (without one, of the largest structure) in LPS.

    Raises
    ------
    InputError
        If every structure is empty.
    """
    drawn = [s for s in structures if not s.is_empty]
    if not drawn:
        raise InputError("every structure is empty", where="picture", remedy="Outline at least the liver")
    lesions = [s for s in drawn if s.role in LESION_ROLES]
    return center_mm(max(lesions or drawn, key=lambda s: s.volume_ml))


def three_planes(
    ct: sitk.Image | None,
    dose: sitk.Image | None,
    structures: Sequence[Structure],
    point_mm: PointMm,
    options: SliceOptions | None = None,
) -> dict[Plane, str]:
    """Draw the axial, coronal and sagittal plane through a point (LPS, mm), as `dose_slice` does."""
    return {plane: dose_slice(ct, dose, structures, plane, point_mm, options) for plane in Plane}


def dose_slice(
    ct: sitk.Image | None,
    dose: sitk.Image | None,
    structures: Sequence[Structure],
    plane: Plane,
    point_mm: PointMm,
    options: SliceOptions | None = None,
) -> str:
    """Draw the plane through a point (LPS, mm) and return it as an SVG file.

    Shown are the CT (HU), the dose (Gy) in color with isodose lines, outlines of the structures where the plane
    meets them, and the legend. Without a CT the background is black; without a dose there is only the anatomy.
    CT and colors are pixels inside the figure, everything else is lines and text.

    Raises
    ------
    InputError
        If there is nothing to show.
    """
    look = options or SliceOptions()
    drawing = Drawing(look.size_px, DARK)
    width, height = look.size_px
    area = (0.0, _HEAD_PX, width - _PANEL_PX if look.legend else float(width), float(height))
    images = [image for image in (ct, dose) if image is not None]
    size_px = round((area[2] - area[0]) * _PIXELS_PER_PX), round((area[3] - area[1]) * _PIXELS_PER_PX)
    view = view_of(plane, point_mm, size_px, region_of(structures, images, look.whole), look.margin_mm)
    dose_gy = None if dose is None else view.cut(dose, 0.0)
    scale = None if dose is None or dose_gy is None else _scale(ct, dose, dose_gy, look)

    drawing.image(_background(view, ct, dose_gy, scale, look), area)
    stripes = None if look.hatched is None else _stripes(view.inside(look.hatched), area)
    if stripes:
        drawing.lines(stripes, Pen(_INK, 1.4), digits=1, casing=_BACKGROUND)
    smooth_gy = None if dose is None or dose_gy is None else view.smoothed(dose_gy, dose, look.isodose_sigma_ratio)
    isodoses = _isodoses(smooth_gy, scale, look, area)
    for level in isodoses:
        with drawing.named(f"{level.dose_gy:g} Gy"):
            drawing.lines(level.lines_px, Pen(level.color, 1.6), digits=1, casing=level.casing)
    outlines = _outlines(view, structures, area)
    for outline in sorted(outlines, key=lambda o: o.role in LESION_ROLES):
        with drawing.named(outline.label):
            drawing.lines(outline.lines_px, outline.pen, digits=1, casing=_BACKGROUND)
    if look.crosshair:
        x, y = view.pixel(point_mm)
        _crosshair(drawing, area[0] + x / _PIXELS_PER_PX, area[1] + y / _PIXELS_PER_PX)
    _title(drawing, f"{plane.value.capitalize()}, {plane.position(point_mm)}", look if ct is not None else None, area)
    _sides(drawing, plane, area)
    _scale_bar(drawing, view.pitch_mm * _PIXELS_PER_PX, area)
    _label_isodoses(drawing, isodoses, area)
    if look.legend:
        panel = (area[2] + 12, 4.0, width - 4.0, height - 8.0)
        hatched = look.hatched.label if look.hatched is not None and stripes else ""
        smoothing = "smoothed for display" if look.isodose_sigma_ratio > 0 else ""
        draw_legend(drawing, panel, scale, isodoses, outlines, smoothing, hatched)
    return drawing.svg()


def _scale(ct: sitk.Image | None, dose: sitk.Image, dose_gy: Slice, look: SliceOptions) -> DoseScale:
    top_gy = look.full_scale_gy or full_scale_gy(dose)
    exceeded = bool((dose_gy > top_gy).any())
    if ct is None:
        return DoseScale(top_gy, look.lowest_dose_gy, 1.0, _BACKGROUND, exceeded)
    gray = round(float(_gray(np.array(_SOFT_TISSUE_HU), look)))
    return DoseScale(top_gy, look.lowest_dose_gy, look.opacity_fraction, (gray, gray, gray), exceeded)


def _gray(hu: NDArray[np.floating], look: SliceOptions) -> NDArray[np.floating]:
    low = look.window_center_hu - look.window_width_hu / 2
    return ((hu - low) / look.window_width_hu).clip(0.0, 1.0) * 255


def _background(
    view: View, ct: sitk.Image | None, dose_gy: Slice | None, scale: DoseScale | None, look: SliceOptions
) -> NDArray[np.uint8]:
    """Return the CT in gray with the dose in color over it."""
    hu = np.full(view.size_px[::-1], _AIR_HU) if ct is None else view.cut(ct, _AIR_HU)
    picture = np.repeat(np.rint(_gray(hu, look)).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    if dose_gy is None or scale is None:
        return picture
    colored = dose_gy >= scale.lowest_gy
    picture[colored] = blend(picture[colored], dose_rgb(dose_gy[colored], scale.full_scale_gy), scale.opacity_fraction)
    return picture


def _in_figure(lines: Sequence[Points], area: Box) -> list[Points]:
    """Return lines in the pixels of a cut as lines of the figure, without points that a straight line needs not."""
    return [_thinned(line) / _PIXELS_PER_PX + area[:2] for line in lines]


def _thinned(line: Points) -> Points:
    """Return a polyline without points that lie within a twentieth of a pixel of the line between their neighbors."""
    if len(line) < 5:
        return line
    along, aside = line[2:] - line[:-2], line[1:-1] - line[:-2]
    off = np.abs(along[:, 0] * aside[:, 1] - along[:, 1] * aside[:, 0]) / np.maximum(np.hypot(*along.T), 1e-9)
    keep = np.concatenate([[True], off > 0.05, [True]])
    keep[::2] = True  # never two neighbors in a row
    thin: Points = line[keep]
    return thin


def _isodoses(dose_gy: Slice | None, scale: DoseScale | None, look: SliceOptions, area: Box) -> list[Isodose]:
    """Return the isodose lines that this slice has, lowest first, in the dose's own color, a little lighter."""
    if dose_gy is None or scale is None:
        return []
    found = []
    for level_gy in sorted(look.isodoses_gy):
        lines = _in_figure(contours(dose_gy, level_gy), area)
        color = dose_rgb(level_gy, scale.full_scale_gy)
        light, dark = (rgb(blend(color, to, 0.5)) for to in ((255, 255, 255), (0, 0, 0)))
        if lines:
            found.append(Isodose(level_gy, light, dark, lines))
    return found


def _stripes(inside: NDArray[np.bool_], area: Box) -> list[Points]:
    """Return stripes that run down to the left over what is inside, a place of each pixel of the cut."""
    height, width = inside.shape
    found = []
    for offset in range(0, height + width, round(_STRIPES_PX * _PIXELS_PER_PX)):
        rows = np.arange(max(0, offset - width + 1), min(height, offset + 1))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside[rows, offset - rows], [False]]).astype(np.int8)))
        for first, last in edges.reshape(-1, 2):
            ends = rows[0] + np.array([first, last])
            found.append(np.stack([offset - ends + 0.5, ends + 0.5], axis=1) / _PIXELS_PER_PX + area[:2])
    return found


def _outlines(view: View, structures: Sequence[Structure], area: Box) -> list[Outline]:
    """Return the outlines of the structures that the plane meets."""
    styles = structure_styles(s.role for s in structures)
    found = []
    for structure, style in zip(structures, styles, strict=True):
        lines = _in_figure(view.outline(structure), area)
        if lines:
            pen = Pen(style.on_dark, style.width_px * 0.8, style.dashes_px)
            found.append(Outline(structure.label, structure.role, pen, lines))
    return found


def _label_isodoses(drawing: Drawing, isodoses: Sequence[Isodose], area: Box) -> None:
    """Write each isodose line's dose on its longest piece, where it is farthest from the others and free."""
    margin = 20.0
    left, top, right, bottom = area[0] + margin, area[1] + margin, area[2] - margin, area[3] - margin
    taken: list[NDArray[np.float64]] = []
    for level in isodoses:
        text = f"{level.dose_gy:g}"
        x, y = level.lines_px[0].T
        places = level.lines_px[0][(x > left) & (x < right) & (y > top) & (y < bottom)]
        away = np.min([np.hypot(*(places - other).T) for other in taken], axis=0) if taken else -places[:, 1]
        for place in places[np.argsort(-away)]:
            box = text_box(text, place[0], place[1], _SMALL, "center", "middle", True)
            if not any(overlap_px2(box, other) for other in drawing.text_boxes):
                taken.append(place)
                drawing.text(text, place[0], place[1], _SMALL, level.color, across="center", bold=True, chip=True)
                break


def _crosshair(drawing: Drawing, x: float, y: float) -> None:
    near, far = 8.0, 28.0
    arms = [
        np.array([[x + near * across, y + near * down], [x + far * across, y + far * down]])
        for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    with drawing.named("Point shown"):
        drawing.lines(arms, Pen(_INK, 1.2), casing=_BACKGROUND)


def _title(drawing: Drawing, title: str, look: SliceOptions | None, area: Box) -> None:
    """Write the plane and, where there is a CT, its window."""
    drawing.text(title, area[0] + 8, area[1] / 2, _TEXT, _INK, bold=True)
    if look is not None:
        window = f"CT {look.window_center_hu:g} / {look.window_width_hu:g} HU"
        drawing.text(window, area[2] - 6, area[1] / 2, _SMALL, _FAINT, across="right")


def _sides(drawing: Drawing, plane: Plane, area: Box) -> None:
    """Write which side of the patient is where."""
    left, top, right, bottom = area
    x, y = (left + right) / 2, (top + bottom) / 2
    west, east, north, south = plane.letters
    drawing.text(west, left + 8, y, _TEXT, _INK, bold=True, chip=True)
    drawing.text(east, right - 8, y, _TEXT, _INK, across="right", bold=True, chip=True)
    drawing.text(north, x, top + 5, _TEXT, _INK, across="center", down="top", bold=True, chip=True)
    drawing.text(south, x, bottom - 5, _TEXT, _INK, across="center", down="bottom", bold=True, chip=True)


def _scale_bar(drawing: Drawing, pitch_mm: float, area: Box) -> None:
    length_mm = round_down(pitch_mm * (area[2] - area[0]) / 4)
    x, y, tick = area[0] + 12, area[3] - 12, 5.0
    end = x + length_mm / pitch_mm
    text = f"{length_mm / 10:g} cm"
    with drawing.named(text):
        drawing.lines([np.array([[x, y - tick], [x, y], [end, y], [end, y - tick]])], Pen(_INK), casing=_BACKGROUND)
    drawing.text(text, (x + end) / 2, y - tick, _SMALL, _INK, across="center", down="bottom", bold=True, chip=True)
