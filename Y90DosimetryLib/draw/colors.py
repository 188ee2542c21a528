"""Colors and line styles of the report: one scale for dose, one style for each structure.

Dose is violet over magenta and orange to yellow. Its lightness rises evenly with dose, so that the order can be
read in gray and with any color vision (P. Kovesi, "Good colour maps: how to design them", arXiv:1509.03700,
sections 3 and 6). The structures keep to white, green, cyan and blue, which
the dose scale does not use, and differ in their dashes as well, so that nothing depends on hue alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from ..structures import Role

Rgb = tuple[int, int, int]
"""Red, green and blue, 0 to 255, sRGB."""

_STEPS = 256

# Design choice, not a measured fact: CIE L*C*h of seven places spaced evenly in dose, inside the sRGB gamut.
_LIGHTNESS_ENDS = (20.0, 96.0)
_CHROMA = (58.0, 80.0, 72.0, 75.0, 72.0, 74.0, 80.0)
_HUE_DEGREE = (300.0, 322.0, 350.0, 388.0, 423.0, 448.0, 463.0)

# CIE XYZ to linear sRGB and the transfer curve: IEC 61966-2-1:1999; white point D65, Y = 1.
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
_WHITE_XYZ = np.array([0.9505, 1.0, 1.0890])


@lru_cache(maxsize=1)
def dose_colors() -> NDArray[np.uint8]:
    """Return the dose scale from its low to its high end, shape (256, 3), sRGB."""
    place = np.linspace(0.0, 1.0, _STEPS)
    anchors = np.linspace(0.0, 1.0, len(_HUE_DEGREE))
    lightness = np.interp(place, (0.0, 1.0), _LIGHTNESS_ENDS)
    chroma = PchipInterpolator(anchors, _CHROMA)(place)
    hue = np.radians(PchipInterpolator(anchors, _HUE_DEGREE)(place))
    linear = _linear_srgb(lightness, chroma * np.cos(hue), chroma * np.sin(hue)).clip(0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colors = np.asarray(np.rint(encoded * 255), dtype=np.uint8)
    colors.flags.writeable = False
    return colors


def _linear_srgb(lightness: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert CIE L*a*b* (CIE 15:2004, section 8.2.1) to linear sRGB, not clipped."""
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = _WHITE_XYZ * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return np.asarray(xyz @ _XYZ_TO_RGB.T)


def dose_rgb(dose_gy: ArrayLike, full_scale_gy: float) -> NDArray[np.uint8]:
    """Return the colors of doses, shape of *dose_gy* + (3,); the scale runs from 0 to *full_scale_gy*."""
    place = np.asarray(dose_gy, dtype=np.float64) / full_scale_gy
    index = np.rint(place.clip(0.0, 1.0) * (_STEPS - 1)).astype(np.intp)
    return np.asarray(dose_colors()[index])


def blend(below: ArrayLike, above: ArrayLike, opacity_fraction: ArrayLike) -> NDArray[np.uint8]:
    """Return *above* laid over *below*; colors 0 to 255 in the last axis, opacity without that axis."""
    share = np.asarray(opacity_fraction, dtype=np.float32)[..., np.newaxis]
    low = np.asarray(below, dtype=np.float32)
    mixed = low + share * (np.asarray(above, dtype=np.float32) - low)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def rgb(color: ArrayLike) -> Rgb:
    """Return one color of an array as a plain tuple."""
    red, green, blue = (int(part) for part in np.asarray(color).ravel())
    return red, green, blue


@dataclass(frozen=True)
class LineStyle:
    """How a structure is drawn: on the dark pictures, on the light plots, and its dashes.

    `dashes_px` lists lengths drawn and left out in turn; empty is a solid line.
    """

    on_dark: Rgb
    on_light: Rgb
    dashes_px: tuple[float, ...] = ()
    width_px: float = 2.4


_SOLID: tuple[float, ...] = ()
_DASHED = (12.0, 6.0)
_LONG_DASHED = (22.0, 7.0)
_DOTTED = (2.5, 5.5)
_DASH_DOT = (14.0, 5.0, 2.5, 5.0)

_STYLES: dict[Role, tuple[LineStyle, ...]] = {
    Role.LIVER: (LineStyle((255, 255, 255), (30, 30, 30)),),
    Role.PERFUSED: (
        LineStyle((110, 195, 255), (0, 100, 190), _LONG_DASHED),
        LineStyle((150, 160, 255), (80, 70, 200), _LONG_DASHED),
    ),
    Role.TUMOR: (
        LineStyle((70, 255, 120), (0, 145, 60), width_px=3.0),
        LineStyle((195, 255, 150), (115, 160, 0), (26.0, 5.0), width_px=3.0),
        LineStyle((0, 205, 170), (0, 120, 120), (9.0, 4.0), width_px=3.0),
    ),
    Role.PVTT: (
        LineStyle((0, 240, 255), (0, 160, 185), _DASHED, width_px=3.0),
        LineStyle((150, 245, 255), (60, 120, 150), _DASHED, width_px=3.0),
    ),
    Role.HEPATIC_VEIN_THROMBUS: (LineStyle((90, 220, 220), (20, 125, 140), _DOTTED, width_px=3.0),),
    Role.FLR: (LineStyle((110, 235, 215), (60, 130, 100), _DASH_DOT),),
    Role.LUNGS: (LineStyle((190, 190, 200), (130, 130, 140), _DOTTED),),
    Role.PLANNED_RESECTION: (LineStyle((235, 235, 235), (90, 90, 90), _DOTTED),),
    Role.NORMAL_LIVER: (LineStyle((215, 225, 235), (100, 110, 120), _DASHED),),
}


def structure_styles(roles: Iterable[Role]) -> list[LineStyle]:
    """Return one style for each structure, in order: by its role, and by its place among those of that role."""
    seen: dict[Role, int] = {}
    styles = []
    for role in roles:
        variants = _STYLES[role]
        styles.append(variants[seen.get(role, 0) % len(variants)])
        seen[role] = seen.get(role, 0) + 1
    return styles
