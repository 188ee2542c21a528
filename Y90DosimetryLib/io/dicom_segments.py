"""DICOM Segmentation objects as masks: every frame lies where its position says; a bad segment leaves the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, InputError
from ..images import Array
from .dicom_codes import terminology_of
from .dicom_frames import group_of
from .dicom_header import Header, item, items, number, numbers, text
from .dicom_pixels import unpacked_or_refused
from .dicom_planes import ON_PLANE_RATIO, levels_of, mask_of_block, slice_step_mm
from .dicom_sort import Series
from .dicom_stack import Float64, axes_of, pixel_mm, require_room
from .segmentations import Segment

HALF = 0.5
SAME_STEP_RATIO = 0.01
AXES_DIGITS = 4


@dataclass(frozen=True)
class _Frame:
    """One frame: its pixels, functional groups, and the segment it belongs to (0 for a label map)."""

    pixels: Array
    own: Header
    shared: Header
    number: int

    def group(self, name: str) -> Header:
        return group_of(self.own, self.shared, name)

    @property
    def plane(self) -> tuple[tuple[float, ...], ...]:
        """Orientation and pixel size, as far as they make frames one grid."""
        axes = numbers(self.group("PlaneOrientationSequence"), "ImageOrientationPatient")
        size = numbers(self.group("PixelMeasuresSequence"), "PixelSpacing")
        return tuple(round(a, AXES_DIGITS) for a in axes), tuple(round(s, AXES_DIGITS) for s in size)

    @property
    def point(self) -> tuple[float, ...]:
        return numbers(self.group("PlanePositionSequence"), "ImagePositionPatient")


@dataclass(frozen=True)
class _Grid:
    """The lattice that frames of one plane share: axes as columns, first pixel, size, and the distance of planes."""

    axes: Float64
    origin_mm: Float64
    spacing_mm: tuple[float, float, float]
    heights_mm: Float64
    """Of the planes, from the lowest."""


def read_segments(parts: Sequence[Header], target: Series, where: str) -> tuple[list[Segment], list[str]]:
    """Return the segments of an object, written in one file or several, and what was done.

    Raises
    ------
    InputError
        If its frames can't be decoded or have no segments.
    """
    frames = [frame for whole in parts for frame in _frames(whole, where)]
    whole = parts[0]
    kind, top = text(whole, "SegmentationType").upper(), number(whole, "MaximumFractionalValue") or 255.0
    labels = kind == "LABELMAP"
    found: list[Segment] = []
    notes: list[str] = []
    grids: dict[object, _Grid | InputError] = {}
    for segment in items(whole, "SegmentSequence"):
        own = int(number(segment, "SegmentNumber") or 0)
        if labels and not own:  # the background (DICOM PS3.3, C.8.20.2)
            continue
        name = text(segment, "SegmentLabel") or f"Segment {own}"
        mine = [f for f in frames if labels or f.number == own]
        try:
            grid = _grid(mine, frames, target, grids, notes, where)
            mask, told = _mask(mine, grid, own, kind, top, where) if grid else (None, "")
            notes += [f"{where}: '{name}' {told}"] if told else []
            found.append(Segment(name, str(own), terminology_of(segment), mask))
        except InputError as error:
            notes.append(f"{where}: '{name}' is left out: {error.what}")
            found.append(Segment(name, str(own), terminology_of(segment), None, doubt=error.what))
    if not found:
        raise InputError("there is no segment in it", where=where, remedy="Export it again")
    return found, list(dict.fromkeys(notes))


def _frames(whole: Header, where: str) -> list[_Frame]:
    own = items(whole, "PerFrameFunctionalGroupsSequence")
    shared = item(whole, "SharedFunctionalGroupsSequence")
    pixels = unpacked_or_refused(whole, where)
    if not own or len(own) != len(pixels):
        raise InputError("the frames and their places do not match in number", where=where, remedy="Export it again")
    return [
        _Frame(
            pixels[i],
            frame,
            shared,
            int(number(group_of(frame, shared, "SegmentIdentificationSequence"), "ReferencedSegmentNumber") or 0),
        )
        for i, frame in enumerate(own)
    ]


def _grid(
    mine: list[_Frame],
    frames: list[_Frame],
    target: Series,
    grids: dict[object, _Grid | InputError],
    notes: list[str],
    where: str,
) -> _Grid | None:
    """Return the lattice of a segment's frames, which all frames of the same plane share; None without frames."""
    if not mine:
        return None
    if len({f.plane for f in mine}) > 1:
        raise GeometryError("its frames differ in orientation or pixel size", where=where)
    if any(len(f.point) != 3 for f in mine):
        raise GeometryError("its frames do not state their position", where=where)
    plane = mine[0].plane
    if plane not in grids:
        same = [f for f in frames if f.plane == plane and len(f.point) == 3]
        try:
            grids[plane] = _made_grid(same, target, notes, where)
        except InputError as error:
            grids[plane] = error
    grid = grids[plane]
    if isinstance(grid, InputError):
        raise grid
    return grid


def _made_grid(same: list[_Frame], target: Series, notes: list[str], where: str) -> _Grid:
    axes = axes_of(same[0].group("PlaneOrientationSequence"), where)
    measures = same[0].group("PixelMeasuresSequence")
    pixel = pixel_mm(measures, where)
    points = np.array([f.point for f in same])
    if np.ptp(points @ axes[:, :2], axis=0).max() > min(pixel) * ON_PLANE_RATIO:
        raise GeometryError("the frames lean or are not of one grid", where=where, remedy="Export it from 3D Slicer")
    heights_mm = points @ axes[:, 2]
    between_mm = abs(number(measures, "SpacingBetweenSlices") or 0.0)
    image_mm = slice_step_mm(target, axes)
    on_image = bool(between_mm and image_mm and abs(between_mm / image_mm - 1) <= SAME_STEP_RATIO)
    alone_mm = image_mm or between_mm or number(measures, "SliceThickness") or 0.0
    several = np.ptp(heights_mm) > 0
    levels, step_mm = levels_of(heights_mm, image_mm if on_image else 0.0 if several else alone_mm, where)
    if several and between_mm and abs(between_mm / step_mm - 1) > SAME_STEP_RATIO:
        notes.append(
            f"{where}: its planes lie {step_mm:g} mm apart, as their positions say, though its header says "
            f"{between_mm:g} mm"
        )
    require_room(float(levels.max() + 1) * same[0].pixels.size, where)
    lowest = int(np.argmin(heights_mm))
    heights = heights_mm.min() + step_mm * np.arange(int(levels.max()) + 1)
    return _Grid(axes, points[lowest], (*pixel, step_mm), heights)


def _mask(
    mine: list[_Frame], grid: _Grid, own: int, kind: str, top: float, where: str
) -> tuple[sitk.Image | None, str]:
    """Return the mask of one segment, and what was done to it."""
    if len({f.pixels.shape for f in mine}) > 1:
        raise InputError("its frames differ in size", where=where)
    block = np.zeros((len(grid.heights_mm), *mine[0].pixels.shape), dtype=np.uint8)
    filled = 0.0
    for frame in mine:
        height_mm = float(np.array(frame.point) @ grid.axes[:, 2])
        level = int(np.argmin(np.abs(grid.heights_mm - height_mm)))
        fraction: Array = frame.pixels / top if kind == "FRACTIONAL" else np.empty(0)
        inside = frame.pixels == own if kind == "LABELMAP" else frame.pixels != 0
        block[level] |= fraction >= HALF if kind == "FRACTIONAL" else inside
        filled += float(fraction.sum())
    told = f"is fractional; cut at one half, its volume times {float(block.sum()) / filled:.3f}" if filled else ""
    return mask_of_block(block, grid.origin_mm, grid.axes, grid.spacing_mm), told
