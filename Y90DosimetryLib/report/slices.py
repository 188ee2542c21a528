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
from .colors import LineStyle, Rgb, blend, dose_rgb, rgb, structure_styles
from .legend import DoseScale, Entry, draw_legend, structure_entry
from .planes import Plane, PointMm, Slice, View, contours, region_of, view_of
from .rendering import Box, Canvas, Points
from .scales import round_down, round_up

ISODOSES_GY = (50.0, 100.0, 120.0, 205.0, 250.0, 400.0)
"""Isodose lines unless others are asked for: doses at which the recommendations change what they say."""
_LARGEST_SCALE_GY = 600.0
"""Tool default, above the highest isodose: on a scale to the 2000 Gy of a segmentectomy 50 and 250 Gy look alike."""

_BACKGROUND: Rgb = (0, 0, 0)
_INK: Rgb = (240, 240, 240)
_FAINT: Rgb = (175, 175, 175)
_STRIPES, _STRIPE, _STRIPE_EDGE = 13.0, 2.0, 1.0
"""From one stripe to the next, a stripe's width and that of its dark edges, before scaling."""
_AIR_HU = -1000.0
_SOFT_TISSUE_HU = 60.0  # under the color bar, so that its colors are those seen over the liver
_FULL_SCALE_QUANTILE = 0.999
_LEAST_DOSE_GY = 1.0  # voxels below don't take part in choosing the scale


@dataclass(frozen=True)
class SliceOptions:
    """How pictures of slices look; the same options for several planes make them comparable."""

    size_px: tuple[int, int] = (900, 700)
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
) -> dict[Plane, bytes]:
    """Draw the axial, coronal and sagittal plane through a point (LPS, mm), as `dose_slice` does."""
    return {plane: dose_slice(ct, dose, structures, plane, point_mm, options) for plane in Plane}


def dose_slice(
    ct: sitk.Image | None,
    dose: sitk.Image | None,
    structures: Sequence[Structure],
    plane: Plane,
    point_mm: PointMm,
    options: SliceOptions | None = None,
) -> bytes:
    """Draw the plane through a point (LPS, mm) and return it as a PNG file.

    Shown are the CT (HU), the dose (Gy) in color with isodose lines, outlines of the structures where the plane
    meets them, and the legend. Without a CT the background is black; without a dose there is only the anatomy.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If there is nothing to show.
    """
    look = options or SliceOptions()
    canvas = Canvas(look.size_px, _BACKGROUND)
    width, height = look.size_px
    area = (0, canvas.px(38), width - canvas.px(246) if look.legend else width, height)
    images = [image for image in (ct, dose) if image is not None]
    size_px = (area[2] - area[0], area[3] - area[1])
    view = view_of(plane, point_mm, size_px, region_of(structures, images, look.whole), look.margin_mm)
    dose_gy = None if dose is None else view.cut(dose, 0.0)
    scale = None if dose is None or dose_gy is None else _scale(ct, dose, dose_gy, look)

    canvas.image(_background(view, ct, dose_gy, scale, look), *area[:2])
    stripes = None if look.hatched is None else view.inside(look.hatched)
    if stripes is not None:
        _hatch(canvas, stripes, area)
    smooth_gy = None if dose is None or dose_gy is None else view.smoothed(dose_gy, dose, look.isodose_sigma_ratio)
    isodoses = _isodoses(smooth_gy, scale, look, area)
    for level in isodoses:
        canvas.lines(level.lines, level.color, 2.0, casing_px=0.8, casing=level.casing, clip=area)
    outlines = _outlines(view, structures, area)
    for outline in sorted(outlines, key=lambda o: o.structure.role in LESION_ROLES):
        style = outline.style
        canvas.lines(outline.lines, style.on_dark, style.width_px, dashes_px=style.dashes_px, casing_px=1.1, clip=area)
    _label_isodoses(canvas, isodoses, area)
    if look.crosshair:
        x, y = view.pixel(point_mm)
        _crosshair(canvas, area[0] + x, area[1] + y, area)
    _title(canvas, f"{plane.value.capitalize()}, {plane.position(point_mm)}", look if ct is not None else None, area)
    _sides(canvas, plane, area)
    _scale_bar(canvas, view.pitch_mm, area)
    if look.legend:
        panel = (area[2] + canvas.px(16), canvas.px(6), width - canvas.px(6), height - canvas.px(10))
        levels = [Entry(f"{level.dose_gy:g}", level.color, width_px=3.0) for level in isodoses]
        shown = [structure_entry(o.structure.label, o.style) for o in outlines]
        if look.hatched is not None and stripes is not None and stripes.any():
            shown.append(Entry(look.hatched.label, _INK, hatched=True))
        smoothing = "smoothed for display" if look.isodose_sigma_ratio > 0 else ""
        draw_legend(canvas, panel, scale, levels, shown, smoothing)
    return canvas.png()


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


@dataclass(frozen=True)
class _Isodose:
    dose_gy: float
    color: Rgb
    casing: Rgb
    lines: list[Points]


@dataclass(frozen=True)
class _Outline:
    structure: Structure
    style: LineStyle
    lines: list[Points]


def _isodoses(dose_gy: Slice | None, scale: DoseScale | None, look: SliceOptions, area: Box) -> list[_Isodose]:
    """Return the isodose lines that this slice has, lowest first, in the dose's own color, a little lighter."""
    if dose_gy is None or scale is None:
        return []
    found = []
    for level_gy in sorted(look.isodoses_gy):
        lines = [line + area[:2] for line in contours(dose_gy, level_gy)]
        color = dose_rgb(level_gy, scale.full_scale_gy)
        light, dark = (rgb(blend(color, to, 0.5)) for to in ((255, 255, 255), (0, 0, 0)))
        if lines:
            found.append(_Isodose(level_gy, light, dark, lines))
    return found


def _hatch(canvas: Canvas, inside: NDArray[np.bool_], area: Box) -> None:
    """Fill what is inside, shape of the area, with stripes that run down to the left."""
    rows, columns = np.indices(inside.shape)
    phase_px = (rows + columns) % canvas.px(_STRIPES)
    part = canvas.pixels[area[1] : area[3], area[0] : area[2]]
    for until, color in ((_STRIPE + 2 * _STRIPE_EDGE, _BACKGROUND), (_STRIPE + _STRIPE_EDGE, _INK)):
        start = 0 if color == _BACKGROUND else canvas.px(_STRIPE_EDGE)
        part[inside & (phase_px >= start) & (phase_px < canvas.px(until))] = color


def _outlines(view: View, structures: Sequence[Structure], area: Box) -> list[_Outline]:
    """Return the outlines of the structures that the plane meets."""
    styles = structure_styles(s.role for s in structures)
    found = []
    for structure, style in zip(structures, styles, strict=True):
        lines = [line + area[:2] for line in view.outline(structure)]
        if lines:
            found.append(_Outline(structure, style, lines))
    return found


def _label_isodoses(canvas: Canvas, isodoses: Sequence[_Isodose], area: Box) -> None:
    """Write each isodose line's dose on its longest piece, where it is farthest from the others."""
    margin = canvas.px(30)
    left, top, right, bottom = area[0] + margin, area[1] + margin, area[2] - margin, area[3] - margin
    taken: list[NDArray[np.float64]] = []
    for level in isodoses:
        x, y = level.lines[0].T
        places = level.lines[0][(x > left) & (x < right) & (y > top) & (y < bottom)]
        if not len(places):
            continue
        if taken:
            away = np.min([np.hypot(*(places - other).T) for other in taken], axis=0)
            place = places[int(np.argmax(away))]
        else:
            place = places[int(np.argmin(places[:, 1]))]
        taken.append(place)
        size, text = canvas.font_px(15), f"{level.dose_gy:g}"
        canvas.text(text, place[0], place[1], size, level.color, across="center", bold=True, halo=_BACKGROUND)


def _crosshair(canvas: Canvas, x: float, y: float, area: Box) -> None:
    near, far = canvas.px(12), canvas.px(40)
    arms = [
        np.array([[x + near * across, y + near * down], [x + far * across, y + far * down]])
        for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    canvas.lines(arms, _INK, 1.2, casing_px=0.8, clip=area)


def _title(canvas: Canvas, title: str, look: SliceOptions | None, area: Box) -> None:
    """Write the plane and, where there is a CT, its window."""
    canvas.text(title, area[0] + canvas.px(12), area[1] / 2, canvas.font_px(22), _INK, bold=True)
    if look is not None:
        window = f"CT {look.window_center_hu:g} / {look.window_width_hu:g} HU"
        canvas.text(window, area[2] - canvas.px(8), area[1] / 2, canvas.font_px(17), _FAINT, across="right")


def _sides(canvas: Canvas, plane: Plane, area: Box) -> None:
    """Write which side of the patient is where."""
    left, top, right, bottom = area
    size, edge = canvas.font_px(24), canvas.px(8)
    x, y = (left + right) / 2, (top + bottom) / 2
    west, east, north, south = plane.letters
    canvas.text(west, left + edge, y, size, _INK, bold=True, halo=_BACKGROUND)
    canvas.text(east, right - edge, y, size, _INK, across="right", bold=True, halo=_BACKGROUND)
    canvas.text(north, x, top + edge, size, _INK, across="center", down="top", bold=True, halo=_BACKGROUND)
    canvas.text(south, x, bottom - edge, size, _INK, across="center", down="bottom", bold=True, halo=_BACKGROUND)


def _scale_bar(canvas: Canvas, pitch_mm: float, area: Box) -> None:
    length_mm = round_down(pitch_mm * (area[2] - area[0]) / 4)
    x, y, tick = area[0] + canvas.px(16), area[3] - canvas.px(16), canvas.px(7)
    end = x + length_mm / pitch_mm
    canvas.lines([np.array([[x, y - tick], [x, y], [end, y], [end, y - tick]])], _INK, 2.0, casing_px=1.2)
    canvas.text(
        f"{length_mm / 10:g} cm",
        (x + end) / 2,
        y - tick,
        canvas.font_px(17),
        _INK,
        across="center",
        down="bottom",
        bold=True,
        halo=_BACKGROUND,
    )
