"""The interactive part of the page: CT, counts, dose and outlines packed for the script beside this file.

Everything stands in the page itself as compressed numbers; the script asks for nothing from anywhere. Without a
script, and in print, the page shows its pictures instead.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..dosimetry.dvh import Dvh
from ..draw.colors import dose_colors, structure_styles
from ..geometry import center_mm
from ..images import DoseMap
from ..missing import Missing
from ..structures import LESION_ROLES, Role, Structure

MOST_VOXELS = 4_000_000
"""Of the lattice that CT and outlines are resampled to: about 6 MB of page for a noisy CT (tool default)."""
MOST_DOSE_VOXELS = 1_500_000
MARGIN_MM = 30.0
HU_STEP = 2.0
"""CT values are kept to the nearest 2 HU, from -1000 to 1500."""
_LOWEST_HU, _HIGHEST_HU = -1000.0, 1500.0
_LEAST_STEP_MM = 0.8
_HOT_FRACTION = 0.02
"""Of the largest count: where counts lie outside of the outlines, the field shown reaches them."""
_CURVE_POINTS = 400
_ASIDE = (Role.LUNGS, Role.PLANNED_RESECTION, Role.NORMAL_LIVER)
"""Outlines that are drawn when asked for: they cover others."""


def viewer_html(
    ct: sitk.Image | None,
    dose: DoseMap | Missing,
    counts: sitk.Image | None,
    structures: Sequence[Structure],
    curves: Mapping[str, Dvh],
    isodoses_gy: Sequence[float],
    full_scale_gy: float,
) -> str:
    """Return the viewer's place in the page with its data; empty where there is neither CT nor dose.

    Parameters
    ----------
    ct, counts
        HU, and counts or Bq/mL; each on its own grid.
    full_scale_gy
        Upper end of the dose colors, Gy.
    """
    dose_image = None if isinstance(dose, Missing) else dose.image
    shown = [s for s in structures if not s.is_empty]
    first = ct if ct is not None else dose_image
    if first is None or not shown:
        return ""
    lattice = _lattice(first, shown, counts)
    styles = structure_styles(s.role for s in shown)
    data: dict[str, Any] = {
        "size": lattice.GetSize(),
        "spacing": lattice.GetSpacing(),
        "origin": lattice.GetOrigin(),
        "ct": None if ct is None else _packed_ct(ct, lattice),
        "huStep": HU_STEP,
        "huLowest": _LOWEST_HU,
        "dose": None if dose_image is None else _packed_field(dose_image, lattice),
        "counts": None if counts is None else _packed_field(counts, lattice),
        "structures": [
            {
                "label": s.label,
                "color": "#{:02x}{:02x}{:02x}".format(*style.on_dark),
                "plot": "#{:02x}{:02x}{:02x}".format(*style.on_light),
                "lesion": s.role in LESION_ROLES,
                "aside": s.role in _ASIDE,
                "at": [round(float(v), 2) for v in center_mm(s)],
                "mask": _packed_mask(s, lattice),
            }
            for s, style in zip(shown, styles, strict=True)
        ],
        "curves": [_curve(label, dvh) for label, dvh in curves.items()],
        "colors": base64.b64encode(dose_colors().tobytes()).decode("ascii"),
        "isodoses": list(isodoses_gy),
        "fullScale": full_scale_gy,
    }
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        '<section id="viewer" hidden aria-label="Interactive slices">'
        '<div class="viewer-controls"></div><div class="viewer-planes"></div>'
        '<p class="viewer-reading" role="status"></p><div class="viewer-dvh"></div>'
        f'<p class="soft small">{escape(_HOW)}</p></section>'
        f'<script type="application/json" id="viewer-data">{text}</script>'
    )


_HOW = (
    "Click to place the cross-hair; wheel, arrow keys or a finger's drag scroll; + and - change the size of a plane. "
    f"CT values to {HU_STEP:g} HU; dose and counts are those of the voxel under the cross-hair."
)


def script() -> str:
    """Return the viewer's script."""
    return resources.files(__package__).joinpath("viewer.js").read_text("utf-8")


def _lattice(first: sitk.Image, structures: Sequence[Structure], counts: sitk.Image | None) -> sitk.Image:
    """Return an empty image along the patient's axes (LPS) around the outlines, and hot counts beyond them."""
    corners = [c for s in structures if s.role is not Role.LUNGS for c in _corners(s)] or _field(first)
    low, high = np.min(corners, axis=0) - MARGIN_MM, np.max(corners, axis=0) + MARGIN_MM
    if counts is not None:
        hot = sitk.Cast(counts, sitk.sitkFloat32) > float(sitk.GetArrayViewFromImage(counts).max()) * _HOT_FRACTION
        if sitk.GetArrayViewFromImage(hot).any():
            found = _corners(Structure(Role.PERFUSED, "hot", hot))
            low, high = np.minimum(low, np.min(found, axis=0)), np.maximum(high, np.max(found, axis=0))
    field = _field(first)
    low, high = np.maximum(low, np.min(field, axis=0)), np.minimum(high, np.max(field, axis=0))
    extent = np.maximum(high - low, _LEAST_STEP_MM)
    step = max(_LEAST_STEP_MM, float(np.min(first.GetSpacing())), (float(np.prod(extent)) / MOST_VOXELS) ** (1 / 3))
    size = [max(1, math.floor(length / step)) for length in extent]
    lattice = sitk.Image(size, sitk.sitkUInt8)
    lattice.SetSpacing([step] * 3)
    lattice.SetOrigin([float(v) + step / 2 for v in low])
    return lattice


def _corners(structure: Structure) -> list[NDArray[np.float64]]:
    box = structure.box
    assert box is not None, "an empty structure is not shown"
    return _image_corners(structure.mask, np.array(box.index) - 0.5, np.array(box.index) + np.array(box.size) - 0.5)


def _field(image: sitk.Image) -> list[NDArray[np.float64]]:
    return _image_corners(image, np.full(3, -0.5), np.array(image.GetSize()) - 0.5)


def _image_corners(image: sitk.Image, low: NDArray[np.float64], high: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    places = [(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]]
    return [np.array(image.TransformContinuousIndexToPhysicalPoint(place)) for place in places]


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode("ascii")


def _packed_ct(ct: sitk.Image, lattice: sitk.Image) -> str:
    """Return the CT on the lattice in steps of `HU_STEP`, each row as differences: noise aside, they compress well."""
    on_lattice = sitk.Resample(sitk.Cast(ct, sitk.sitkFloat32), lattice, sitk.Transform(), sitk.sitkLinear, _LOWEST_HU)
    hu = sitk.GetArrayViewFromImage(on_lattice)
    steps = np.rint((hu.clip(_LOWEST_HU, _HIGHEST_HU) - _LOWEST_HU) / HU_STEP).astype(np.int16)
    return _packed(np.diff(steps, axis=2, prepend=np.int16(0)))


def _packed_mask(structure: Structure, lattice: sitk.Image) -> str:
    inside = sitk.Cast(structure.mask != 0, sitk.sitkFloat32) * 255.0
    on_lattice = sitk.Resample(inside, lattice, sitk.Transform(), sitk.sitkLinear, 0.0)
    return _packed(np.rint(sitk.GetArrayViewFromImage(on_lattice)).astype(np.uint8))


def _packed_field(image: sitk.Image, lattice: sitk.Image) -> Mapping[str, Any]:
    """Return an image's own voxels around the lattice, with the matrix from LPS millimeters to voxel indices."""
    corners = np.array([image.TransformPhysicalPointToContinuousIndex(c) for c in map(tuple, _field(lattice))])
    size = np.array(image.GetSize())
    first = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, size - 1)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, size - 1)
    part = sitk.RegionOfInterest(image, [int(n) for n in last - first + 1], [int(i) for i in first])
    shrink = math.ceil((float(np.prod(part.GetSize())) / MOST_DOSE_VOXELS) ** (1 / 3))
    if shrink > 1:
        part = sitk.BinShrink(part, [shrink] * 3)
    values = sitk.GetArrayFromImage(sitk.Cast(part, sitk.sitkFloat32))
    axes = np.array(part.GetDirection()).reshape(3, 3)
    return {
        "size": part.GetSize(),
        "origin": part.GetOrigin(),
        "toIndex": (axes.T / np.array(part.GetSpacing())[:, np.newaxis]).ravel().tolist(),
        "binned": shrink,
        "voxels": _packed(np.where(np.isfinite(values), values, 0.0).astype("<f4")),
    }


def _curve(label: str, dvh: Dvh) -> Mapping[str, Any]:
    doses, fractions = dvh.curve(_CURVE_POINTS)
    return {
        "label": label,
        "gy": [round(float(d), 3) for d in doses],
        "fraction": [round(float(v), 5) for v in fractions],
    }
