"""Outlines from DICOM: SEG objects and RT structure sets become masks on grids of their own, with roles suggested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..structures import UINT8, Role
from ..terminology import Code, Terminology
from .dicom_fill import filled, overlap
from .dicom_frames import group_of, plane_of
from .dicom_header import (
    Header,
    code,
    hushed,
    item,
    items,
    number,
    numbers,
    pydicom_module,
    scrubbed,
    text,
)
from .dicom_sort import Kind, Series, Sorting
from .dicom_stack import LONGEST_MM, Float64, axes_of, pixel_mm, require_room
from .segmentations import Segment

FINEST_PIXEL_MM = 1.0
"""Tool default: contours are filled on pixels of at most this size, so that small volumes keep theirs."""
ON_PLANE_RATIO = 0.1
"""Tool default: how far a contour or frame may lie from an even step, in steps."""
LARGEST_LEAN = 1e-3
"""Cosine: how far a contour's points may leave their plane for each millimeter of its extent."""
HALF = 0.5
OLDER = {"SRT", "SNM3", "99SDM"}
FROM_SRT: Mapping[str, str] = {
    "T-D0050": "85756007",  # tissue
    "T-D000A": "123037004",  # anatomical structure
    "M-01000": "49755003",  # morphologically altered structure
    "R-42018": "309825002",  # spatial and relational concept
    "T-62000": "10200004",  # liver
    "T-28000": "39607008",  # lung
    "G-A102": "51440002",  # right and left
    "M-8FFFF": "108369006",  # neoplasm
    "M-80003": "86049000",  # neoplasm, primary
    "M-80006": "14799000",  # neoplasm, secondary
    "M-03000": "4147007",  # mass
    "M-35001": "396339007",  # thrombus
    "T-48810": "32764006",  # portal vein
    "T-48720": "8993003",  # hepatic vein
}
"""Codes of the older SNOMED that objects before 2020 carry, and their SNOMED CT: DICOM PS3.16, annex O."""


@dataclass(frozen=True)
class Outlines:
    """The segments of one object, the roles that codes and names suggest, and what was done while reading."""

    segments: tuple[Segment, ...]
    roles: Mapping[str, Role]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pixels:
    """The pixels of an image's slices: the first one's center and their size, along columns and rows."""

    first_mm: tuple[float, ...]
    spacing_mm: tuple[float, float]


def read_outlines(series: Series, sorting: Sorting, target: Series, where: str) -> Outlines:
    """Return the outlines of a SEG or RT structure set drawn on the image *target*.

    Raises
    ------
    InputError, GeometryError
        If it is drawn in another frame of reference, on oblique planes, or can't be decoded.
    """
    with hushed():
        try:
            whole = pydicom_module().dcmread(series.files[0], force=True)
        except Exception:  # a broken file may break pydicom in any way
            raise InputError("the file can't be read", where=where, remedy="Copy or export it again") from None
        if series.broken:
            raise InputError("the file is truncated", where=where, remedy="Copy or export it again")
        _require_frame(whole, series, target, where)
        read = _read_seg if series.kind is Kind.SEG else _read_contours
        found, notes = read(whole, target, where, sorting.secrets)
    names = _unique([s.name for s in found])
    segments = tuple(replace(s, name=name) for name, s in zip(names, found, strict=True))
    roles = {s.name: r for s in segments if (r := s.suggested_role)}
    return Outlines(segments, roles, tuple(notes))


def _unique(names: list[str]) -> list[str]:
    return [n if names.count(n) == 1 else f"{n} ({names[:i].count(n) + 1})" for i, n in enumerate(names)]


def _require_frame(whole: Header, series: Series, target: Series, where: str) -> None:
    frames = [text(h, "FrameOfReferenceUID") for h in items(whole, "ReferencedFrameOfReferenceSequence")]
    rois = [text(h, "ReferencedFrameOfReferenceUID") for h in items(whole, "StructureSetROISequence")]
    own = {series.frame_of_reference, *(rois if any(rois) else frames)} - {""}
    if target.frame_of_reference and target.frame_of_reference in own:
        if len(own) > 1:
            raise GeometryError(
                "its outlines belong to several frames of reference", where=where, remedy="Export one frame at a time"
            )
        return
    if not own or not target.frame_of_reference:
        drawn_on = {text(holder, "SeriesInstanceUID") for holder in _references(whole)}
        if target.uid and target.uid in drawn_on:
            return
    raise GeometryError(
        f"it was not drawn in the frame of reference of series {target.number} ({target.kind.value})",
        where=where,
        remedy="Leave it out (--outlines), choose the image it was drawn on (--ct N), or register that image first "
        "(y90 register, Docs/registration.md) and draw on the registered one",
    )


def _references(whole: Header) -> Iterable[Header]:
    yield from items(whole, "ReferencedSeriesSequence")
    for frame in items(whole, "ReferencedFrameOfReferenceSequence"):
        for study in items(frame, "RTReferencedStudySequence"):
            yield from items(study, "RTReferencedSeriesSequence")


def terminology_of(holder: Header) -> str:
    """Return the codes of a segment or ROI as `terminology` writes them, in SNOMED CT; empty without a type."""
    category, kind = (_code(holder, f"SegmentedProperty{part}CodeSequence") for part in ("Category", "Type"))
    if not kind.value:
        kind = _code(holder, "RTROIIdentificationCodeSequence")
    if not kind.value:
        return ""
    kinds = item(holder, "SegmentedPropertyTypeCodeSequence")
    modifier = _code(kinds, "SegmentedPropertyTypeModifierCodeSequence")
    return Terminology(category, kind, modifier, _code(holder, "AnatomicRegionSequence")).serialized()


def _code(holder: Header, keyword: str) -> Code:
    scheme, entry, meaning = code(holder, keyword)
    if scheme in OLDER:
        return Code("SCT", FROM_SRT[entry], meaning) if entry in FROM_SRT else Code("SRT", entry, meaning)
    return Code(scheme, entry, meaning)


# SEG


def _read_seg(whole: Header, target: Series, where: str, secrets: frozenset[str]) -> tuple[list[Segment], list[str]]:
    frames = items(whole, "PerFrameFunctionalGroupsSequence")
    shared = item(whole, "SharedFunctionalGroupsSequence")
    pixels = _pixels(whole, where)
    if not frames or len(frames) != len(pixels):
        raise InputError("the frames and their places do not match in number", where=where, remedy="Export it again")
    axes = axes_of(group_of(frames[0], shared, "PlaneOrientationSequence"), where)
    measures = group_of(frames[0], shared, "PixelMeasuresSequence")
    if len({plane_of(f, shared) for f in frames}) > 1:
        raise GeometryError(
            "the frames differ in orientation or pixel size", where=where, remedy="Export it from 3D Slicer"
        )
    pixel = pixel_mm(measures, where)
    points = [np.array(numbers(group_of(f, shared, "PlanePositionSequence"), "ImagePositionPatient")) for f in frames]
    if any(p.size != 3 for p in points):
        raise GeometryError("frames do not state their position", where=where, remedy="Export it again")
    sideways = np.array(points) @ axes[:, :2]
    if np.ptp(sideways, axis=0).max() > min(pixel) * ON_PLANE_RATIO:
        raise GeometryError("the frames lean or are not of one grid", where=where, remedy="Export it from 3D Slicer")
    heights_mm = np.array(points) @ axes[:, 2]
    near_mm = number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness") or 0.0
    levels, step_mm = _levels(heights_mm, abs(near_mm), where)
    require_room(float(levels.max() + 1) * pixels[0].size, where)
    fractional = text(whole, "SegmentationType").upper() == "FRACTIONAL"
    top = number(whole, "MaximumFractionalValue") or 255.0
    labels = text(whole, "SegmentationType").upper() == "LABELMAP"
    found: list[Segment] = []
    notes: list[str] = []
    origin = points[int(np.argmin(heights_mm))]
    for segment in items(whole, "SegmentSequence"):
        own = int(number(segment, "SegmentNumber") or 0)
        if labels and not own:  # the background (DICOM PS3.3, C.8.20.2)
            continue
        mine = [i for i, f in enumerate(frames) if labels or _segment_number(f, shared) == own]
        name = scrubbed(text(segment, "SegmentLabel"), secrets) or f"Segment {own}"
        block = np.zeros((int(levels.max()) + 1, *pixels.shape[1:]), dtype=np.uint8)
        filled = 0.0
        for i in mine:
            inside = pixels[i] == own if labels else pixels[i] / top >= HALF if fractional else pixels[i] != 0
            block[levels[i]] |= inside
            filled += float(pixels[i].sum()) / top if fractional else 0.0
        if fractional and filled:
            ratio = float(block.sum()) / filled
            notes.append(f"{where}: '{name}' is fractional; cut at one half, its volume times {ratio:.3f}")
        grid = (np.array(origin), axes, (*pixel, step_mm))
        found.append(Segment(name, str(own), terminology_of(segment), _mask(block, *grid)))
    if not found:
        raise InputError("there is no segment in it", where=where, remedy="Export it again")
    return found, notes


def _segment_number(frame: Header, shared: Header) -> int:
    return int(number(group_of(frame, shared, "SegmentIdentificationSequence"), "ReferencedSegmentNumber") or 0)


def _pixels(whole: Header, where: str) -> NDArray[np.integer]:
    """Return the frames, shape (frame, row, column); bits are unpacked and RLE undone by pydicom itself."""
    try:
        pixels: NDArray[np.integer] = np.asarray(whole.pixel_array)
    except Exception:  # pydicom raises many kinds: no decoder, too short, no pixels
        raise InputError(
            "its frames can't be decoded (damaged, or compressed in a way that needs a plug-in of pydicom)",
            where=where,
            remedy="Copy it again, or let the PACS send it uncompressed (Explicit VR Little Endian)",
        ) from None
    return pixels[None] if pixels.ndim == 2 else pixels


def _levels(heights_mm: Float64, near_mm: float, where: str) -> tuple[NDArray[np.intp], float]:
    """Return the slice of each height, counted from the lowest, and the distance of slices."""
    planes = np.unique(np.round(heights_mm, 3))
    gaps = np.diff(planes)
    step_mm = float(gaps.min()) if gaps.size else near_mm
    if near_mm and gaps.size and step_mm >= near_mm * (1 - ON_PLANE_RATIO):
        multiple = max(1, round(step_mm / near_mm))
        step_mm = step_mm / multiple
    if np.ptp(heights_mm) > LONGEST_MM:
        raise _too_large(float(np.ptp(heights_mm)), where)
    if step_mm <= 0:
        raise GeometryError("the distance between its slices is not stated", where=where, remedy="Export it again")
    counted = float(np.rint(gaps / step_mm).sum())
    if counted:  # the smallest of the rounded gaps is off by up to a micrometer, which adds up along the body
        step_mm = float(np.ptp(heights_mm)) / counted
    steps = (heights_mm - heights_mm.min()) / step_mm
    levels = np.rint(steps).astype(np.intp)
    if np.abs(steps - levels).max() > ON_PLANE_RATIO:
        raise GeometryError(
            f"its planes are unevenly spaced ({gaps.min():g} to {gaps.max():g} mm)",
            where=where,
            remedy="Draw it on an image with even slices",
        )
    return levels, step_mm


def _too_large(length_mm: float, where: str) -> GeometryError:
    return GeometryError(f"it is {length_mm / 1000:g} m long: no patient is", where=where, remedy="Export it again")


def _mask(block: UINT8, origin_mm: Float64, axes: Float64, spacing_mm: tuple[float, ...]) -> sitk.Image | None:
    """Return a block cut to what is set in it, in its place; None when nothing is."""
    if not block.any():
        return None
    box = [np.flatnonzero(block.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    low = np.array([b[0] for b in box])
    z, y, x = (slice(int(b[0]), int(b[-1]) + 1) for b in box)
    mask = sitk.GetImageFromArray(np.ascontiguousarray(block[z, y, x]))
    mask.SetSpacing([float(s) for s in spacing_mm])
    mask.SetDirection(axes.ravel().tolist())
    mask.SetOrigin((origin_mm + axes @ (low[::-1] * np.array(spacing_mm))).tolist())
    return mask


# RT structure set


def _read_contours(
    whole: Header, target: Series, where: str, secrets: frozenset[str]
) -> tuple[list[Segment], list[str]]:
    axes = axes_of(target.header, f"{where}, image {target.number}")
    corner = np.array(numbers(target.header, "ImagePositionPatient"))
    if corner.size != 3:
        raise GeometryError("its image does not state its position", where=where, remedy="Export both again")
    lattice = _Pixels(tuple((corner @ axes)[:2].tolist()), pixel_mm(target.header, where))
    slices_mm = _slice_step_mm(target, axes)
    drawn = {int(number(r, "ReferencedROINumber") or -1): r for r in items(whole, "ROIContourSequence")}
    seen = {int(number(o, "ReferencedROINumber") or -1): o for o in items(whole, "RTROIObservationsSequence")}
    found: list[Segment] = []
    notes: list[str] = []
    for roi in items(whole, "StructureSetROISequence"):
        own = int(number(roi, "ROINumber") or -1)
        name = scrubbed(text(roi, "ROIName"), secrets) or f"ROI {own}"
        contours = items(drawn.get(own, {}), "ContourSequence")
        mask = None
        if contours:
            mask, told = _filled(contours, axes, lattice, slices_mm, f"{where}, '{name}'")
            notes += told
        found.append(Segment(name, str(own), terminology_of(seen.get(own, {})), mask))
    if not found:
        raise InputError("there is no structure in it", where=where, remedy="Export it again")
    return found, notes


def _slice_step_mm(target: Series, axes: Float64) -> float:
    points = [numbers(h, "ImagePositionPatient") for h in target.headers]
    heights = np.unique(np.round([np.array(p) @ axes[:, 2] for p in points if len(p) == 3], 3))
    return float(np.median(np.diff(heights))) if heights.size > 1 else 0.0


def _filled(
    contours: tuple[Header, ...], axes: Float64, lattice: _Pixels, slices_mm: float, where: str
) -> tuple[sitk.Image | None, list[str]]:
    """Fill closed contours by the even-odd rule: what lies inside an even number of them is a hole."""
    loops: list[Float64] = []
    seen: set[bytes] = set()
    notes: list[str] = []
    for contour in contours:
        kind = text(contour, "ContourGeometricType").upper()
        flat = numbers(contour, "ContourData")
        if kind not in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"} or len(flat) < 9 or len(flat) % 3:
            notes.append(f"{where}: a contour of type {kind or 'unknown'} with {len(flat) // 3} points is left out")
            continue
        loop = np.array(flat).reshape(-1, 3) @ axes
        if np.ptp(loop[:, 2]) > max(LARGEST_LEAN * float(np.ptp(loop, axis=0).max()), 0.01):
            raise GeometryError(
                "a contour does not lie in a slice of the image (oblique, sagittal or coronal)",
                where=where,
                remedy="Convert it to a segmentation in 3D Slicer and save it as .seg.nrrd",
            )
        if (key := loop.round(3).tobytes()) in seen:
            notes.append(f"{where}: the same contour is given twice; used once")
            continue
        seen.add(key)
        loops.append(loop)
    if not loops:
        return None, list(dict.fromkeys(notes))
    levels, step_mm = _levels(np.array([np.median(o[:, 2]) for o in loops]), slices_mm, where)
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
    block, first_mm, fine, crossed = _rasterized(loops, levels, lattice, where)
    if crossed:
        told = "1 slice has" if crossed == 1 else f"{crossed} slices have"
        notes.append(f"{where}: {told} contours that overlap; what lies inside two of them was left out: check it")
    lowest = float(np.median(loops[int(np.argmin(levels))][:, 2]))
    origin = axes @ np.array([*first_mm, lowest])
    return _mask(block, origin, axes, (*fine, step_mm)), list(dict.fromkeys(notes))


def _rasterized(
    loops: list[Float64], levels: NDArray[np.intp], lattice: _Pixels, where: str
) -> tuple[UINT8, Float64, tuple[float, float], int]:
    """Return filled slices, the first pixel's center, the pixel size along columns and rows, and slices in doubt.

    In doubt are slices with contours that overlap without one lying inside the other.
    The pixels are those of the image, each divided so that none is larger than `FINEST_PIXEL_MM`.
    """
    pixel = np.array(lattice.spacing_mm)
    parts = np.ceil(pixel / FINEST_PIXEL_MM - 1e-9)
    fine = pixel / parts
    corner = np.array(lattice.first_mm) - pixel / 2
    low = corner + (np.floor((np.min([o[:, :2].min(axis=0) for o in loops], axis=0) - corner) / fine) + 0.5) * fine
    high = np.max([o[:, :2].max(axis=0) for o in loops], axis=0)
    if (high - low).max() > LONGEST_MM:
        raise _too_large(float((high - low).max()), where)
    columns, rows = (int(n) for n in np.ceil((high - low) / fine) + 1)
    require_room(float(columns) * rows * float(levels.max() + 1), where)
    block = np.zeros((int(levels.max()) + 1, rows, columns), dtype=np.uint8)
    crossed = 0
    for level in np.unique(levels):
        here = [(o[:, :2] - low) / fine for o, at in zip(loops, levels, strict=True) if at == level]
        block[level] = filled(here, rows, columns)
        crossed += any(overlap(pair, rows, columns) for pair in combinations(here, 2))
    return block, low, (float(fine[0]), float(fine[1])), crossed
