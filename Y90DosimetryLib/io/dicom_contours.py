"""RT structure sets as masks: closed contours filled slice by slice; an ROI that can't be read leaves the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..structures import UINT8
from .dicom_codes import terminology_of
from .dicom_fill import filled
from .dicom_header import Header, items, number, numbers, text
from .dicom_planes import levels_of, mask_of_block, slice_step_mm, too_large
from .dicom_sort import Series
from .dicom_stack import LONGEST_MM, Float64, axes_of, pixel_mm, require_room
from .segmentations import Segment

FINEST_PIXEL_MM = 1.0
"""Tool default: contours are filled on pixels of at most this size, so that small volumes keep theirs."""
LARGEST_LEAN = 1e-3
"""Cosine: how far a contour's points may leave their plane for each millimeter of its extent."""
CLOSED, EXCLUSIVE = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"


@dataclass(frozen=True)
class _Pixels:
    """The pixels of an image's slices: the first one's center and their size, along columns and rows."""

    first_mm: tuple[float, ...]
    spacing_mm: tuple[float, float]


@dataclass(frozen=True)
class _Image:
    """What contours are drawn on: its axes as columns, its pixels and the distance of its slices."""

    axes: Float64
    pixels: _Pixels
    step_mm: float


def read_contours(whole: Header, target: Series, where: str) -> tuple[list[Segment], list[str]]:
    """Return the ROIs of a structure set drawn on the image *target*, and what was done.

    Raises
    ------
    InputError, GeometryError
        If there is no ROI, or the image does not state where its pixels lie.
    """
    axes = axes_of(target.header, f"{where}, image {target.number}")
    corner = np.array(numbers(target.header, "ImagePositionPatient"))
    if corner.size != 3:
        raise GeometryError("its image does not state its position", where=where, remedy="Export both again")
    pixels = _Pixels(tuple((corner @ axes)[:2].tolist()), pixel_mm(target.header, where))
    image = _Image(axes, pixels, slice_step_mm(target, axes))
    drawn = {int(number(r, "ReferencedROINumber") or -1): r for r in items(whole, "ROIContourSequence")}
    seen = {int(number(o, "ReferencedROINumber") or -1): o for o in items(whole, "RTROIObservationsSequence")}
    found: list[Segment] = []
    notes: list[str] = []
    for roi in items(whole, "StructureSetROISequence"):
        own = int(number(roi, "ROINumber") or -1)
        name = text(roi, "ROIName") or f"ROI {own}"
        codes = terminology_of(seen.get(own, {}))
        contours = items(drawn.get(own, {}), "ContourSequence")
        mask, doubt = None, ""
        try:
            if contours:
                mask, told = _mask(contours, image, f"{where}, '{name}'")
                notes += told
        except InputError as error:
            doubt = error.what
            notes.append(f"{where}: '{name}' is left out: {error.what}")
        found.append(Segment(name, str(own), codes, mask, doubt=doubt))
    if not found:
        raise InputError("there is no structure in it", where=where, remedy="Export it again")
    return found, notes


def _mask(contours: tuple[Header, ...], image: _Image, where: str) -> tuple[sitk.Image | None, list[str]]:
    """Return what closed contours circle, and what was done; see `dicom_fill` for the rule."""
    loops, notes = _loops(contours, image, where)
    exclusive = any(text(c, "ContourGeometricType").upper() == EXCLUSIVE for c in contours)
    if not loops:
        return None, notes
    levels, step_mm = levels_of(np.array([np.median(o[:, 2]) for o in loops]), image.step_mm, where)
    planes = np.unique(levels)
    apart = np.diff(planes)
    if apart.size and apart.min() > 1:  # drawn on every second slice, say: each contour stands for as many
        every = int(np.gcd.reduce(apart))
        levels, step_mm = levels // every, step_mm * every
        planes = planes // every
        if every > 1:
            notes.append(f"{where}: drawn on one slice in {every}; each contour stands for {step_mm:g} mm")
    gaps = int(planes[-1] - planes[0] + 1 - planes.size)
    if gaps:
        notes.append(f"{where}: {gaps} slices between its contours have none and stay empty")
    block, first_mm, fine, told = _rasterized(loops, levels, image.pixels, exclusive, where)
    lowest = float(np.median(loops[int(np.argmin(levels))][:, 2]))
    origin = image.axes @ np.array([*first_mm, lowest])
    return mask_of_block(block, origin, image.axes, (*fine, step_mm)), [*notes, *told]


def _loops(contours: tuple[Header, ...], image: _Image, where: str) -> tuple[list[Float64], list[str]]:
    """Return closed contours along the image's axes.

    Raises
    ------
    InputError, GeometryError
        If one can't be read or lies in no slice of the image: without it the volume would be too small.
    """
    loops: list[Float64] = []
    others: dict[str, int] = {}
    for contour in contours:
        kind = text(contour, "ContourGeometricType").upper()
        flat = numbers(contour, "ContourData")
        told = number(contour, "NumberOfContourPoints")
        if kind not in {CLOSED, EXCLUSIVE}:
            others[kind or "unknown"] = others.get(kind or "unknown", 0) + 1
            continue
        if not flat or len(flat) % 3 or (told is not None and abs(told - len(flat) / 3) > 1):
            held = f"{len(flat) / 3:g}" if flat else "no readable"
            raise InputError(f"a contour of {told or 0:g} points holds {held} points", where=where)
        if len(flat) < 9:
            others["CLOSED_PLANAR of fewer than 3 points"] = others.get("CLOSED_PLANAR of fewer than 3 points", 0) + 1
            continue
        loop = np.array(flat).reshape(-1, 3) @ image.axes
        if np.ptp(loop[:, 2]) > max(LARGEST_LEAN * float(np.ptp(loop, axis=0).max()), 0.01):
            raise GeometryError(
                "a contour does not lie in a slice of the image (oblique, sagittal or coronal)",
                where=where,
                remedy="Convert it to a segmentation in 3D Slicer and save it as .seg.nrrd",
            )
        loops.append(loop)
    left = (
        f"{where}: 1 contour of type {kind} is left out"
        if count == 1
        else f"{where}: {count} contours of type {kind} are left out"
        for kind, count in others.items()
    )
    return loops, list(left)


def _rasterized(
    loops: list[Float64], levels: NDArray[np.intp], lattice: _Pixels, exclusive: bool, where: str
) -> tuple[UINT8, Float64, tuple[float, float], list[str]]:
    """Return filled slices, the first pixel's center, the pixel size along columns and rows, and notes.

    The pixels are those of the image, each divided so that none is larger than `FINEST_PIXEL_MM`.
    """
    pixel = np.array(lattice.spacing_mm)
    parts = np.ceil(pixel / FINEST_PIXEL_MM - 1e-9)
    fine = pixel / parts
    corner = np.array(lattice.first_mm) - pixel / 2
    low = corner + (np.floor((np.min([o[:, :2].min(axis=0) for o in loops], axis=0) - corner) / fine) + 0.5) * fine
    high = np.max([o[:, :2].max(axis=0) for o in loops], axis=0)
    if (high - low).max() > LONGEST_MM:
        raise too_large(float((high - low).max()), where)
    columns, rows = (int(n) for n in np.ceil((high - low) / fine) + 1)
    require_room(float(columns) * rows * float(levels.max() + 1), where)
    block = np.zeros((int(levels.max()) + 1, rows, columns), dtype=np.uint8)
    doubled_count, crossed_count = 0, 0
    for level in np.unique(levels):
        here = [(o[:, :2] - low) / fine for o, at in zip(loops, levels, strict=True) if at == level]
        found = filled(here, rows, columns, exclusive=exclusive)
        block[level] = found.inside
        doubled_count += found.doubled_count
        crossed_count += found.overlapping
    notes = []
    if doubled_count:
        told = "1 contour is" if doubled_count == 1 else f"{doubled_count} contours are"
        notes.append(f"{where}: {told} given twice, or nearly so; used once")
    if crossed_count:
        told = "1 slice has" if crossed_count == 1 else f"{crossed_count} slices have"
        notes.append(f"{where}: {told} contours that overlap in part; they are joined: check it")
    return block, low, (float(fine[0]), float(fine[1])), notes
