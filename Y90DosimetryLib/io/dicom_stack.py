"""The frames of one DICOM series as a volume: slices lie where their positions say, whatever distances are stated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import degrees

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..images import Array
from .dicom_frames import EXPORT_AGAIN
from .dicom_groups import EVEN_RATIO, SAME_PLACE_MM
from .dicom_header import Header, is_garbled, number, numbers, text
from .dicom_pixels import lost_by_compression, values_of
from .dicom_sort import Series, many

Float64 = NDArray[np.float64]
LARGEST_TILT_RATIO = 1e-3
"""Tool default: how far slices may shift sideways for each millimeter along the stack."""
ALIKE = ("Units", "SUVType", "DecayCorrection", "DecayCorrectionDateTime", "RescaleType")
"""What all slices of one reconstruction have in common."""
OUTSIDE_HU = -1024
"""What a straightened CT holds where nothing was scanned."""
LARGEST_LEAN_DEG = 35.0
"""Tool default: gantries tilt by up to 30 degrees."""
LONGEST_MM = 3000.0
"""Tool default: no scan of a patient is longer."""
PIXEL_RANGE_MM = (0.01, 100.0)
"""Tool default: what a pixel of a patient's image can measure."""
LARGEST_VOXEL_COUNT = 2**31
"""Tool default: twice a CT of the whole body; more is asked for by damaged headers only."""


@dataclass(frozen=True)
class Stack:
    """A volume, the headers of its slices in their order, and what was done."""

    image: sitk.Image
    headers: tuple[Header, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Lattice:
    """Where slices lie: axes as columns, spacing of columns and rows, and the order of the slices."""

    axes: Float64
    spacing_mm: tuple[float, float, float]
    origin_mm: Float64
    order: NDArray[np.intp]
    drift: Float64
    """How far the stack moves sideways along both axes for each millimeter: not zero for a tilted gantry."""

    def place(self, image: sitk.Image) -> sitk.Image:
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm.tolist())
        image.SetDirection(self.axes.ravel().tolist())
        return image


def read_stack(series: Series, where: str, *, straighten: bool = False) -> Stack:
    """Return a series as one right-angled volume with rescaled values.

    Parameters
    ----------
    straighten
        Whether a stack that leans (gantry tilt) is resampled along its slices; else it is refused.

    Raises
    ------
    InputError, GeometryError
        If slices are cut off, missing, doubled, uneven, without place or size, can't be decoded, differ in unit or
        decay correction, or hold values that are no numbers.
    """
    if series.broken:
        raise InputError(
            f"{many(len(series.broken), 'file')} truncated: {', '.join(series.broken[:3])}",
            where=where,
            remedy="Copy the series again",
        )
    for frame in series.frames:
        if frame.flaw is not None:
            raise frame.flaw.at(where)
    stack = _stacked(series, where, straighten)
    require_scale(stack.headers, where)
    require_one_quantity(stack.headers, where)
    notes = [f"{where}: {note}" for note in dict.fromkeys(f.note for f in series.frames) if note]
    stack = replace(stack, notes=(*notes, *stack.notes, *_ends(stack.headers, where)))
    if any(lost_by_compression(h) for h in stack.headers):
        stack = replace(stack, notes=(*stack.notes, f"{where}: was compressed with a loss, its values are not exact"))
    array: Array = sitk.GetArrayViewFromImage(stack.image)
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
        lost = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(
            f"{lost} voxels are not a number or infinite (RescaleSlope or RescaleIntercept?)",
            where=where,
            remedy=EXPORT_AGAIN,
        )
    return stack


def require_one_quantity(headers: tuple[Header, ...], where: str) -> None:
    """Raise `InputError` when the slices of a series differ in unit or decay correction."""
    for keyword in ALIKE:
        told = {text(h, keyword).upper() or "nothing" for h in headers}
        if len(told) > 1:
            raise InputError(
                f"its slices differ in {keyword}: {', '.join(sorted(told))}",
                where=where,
                remedy="Export one reconstruction alone",
            )


def require_scale(headers: tuple[Header, ...], where: str) -> None:
    """Raise `InputError` for a rescale slope or intercept that is no number, or a slope of 0: GDCM takes 1 and 0."""
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        bad = sum(is_garbled(h, keyword) or (keyword == "RescaleSlope" and number(h, keyword) == 0) for h in headers)
        if bad:
            raise InputError(
                f"{many(bad, 'slice')} without a usable {keyword}, it is no number or 0",
                where=where,
                remedy=EXPORT_AGAIN,
            )
        lacking = sum(number(h, keyword) is None for h in headers)
        if 0 < lacking < len(headers):
            raise InputError(
                f"{lacking} of {len(headers)} slices have no {keyword}, the others do", where=where, remedy=EXPORT_AGAIN
            )


def axes_of(holder: Header, where: str) -> Float64:
    """Return row direction, column direction and normal as columns, from ImageOrientationPatient.

    Raises
    ------
    GeometryError
        If it is absent or no pair of perpendicular unit vectors.
    """
    cosines = np.array(numbers(holder, "ImageOrientationPatient"))
    if cosines.size != 6:
        raise GeometryError("the orientation of the slices is not stated", where=where, remedy=EXPORT_AGAIN)
    row, column = cosines[:3], cosines[3:]
    axes = np.stack([row, column, np.cross(row, column)], axis=1)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise GeometryError("the orientation of the slices is no right angle", where=where, remedy=EXPORT_AGAIN)
    return axes


def pixel_mm(holder: Header, where: str) -> tuple[float, float]:
    """Return the distances of columns and of rows in mm."""
    spacing = numbers(holder, "PixelSpacing")
    if len(spacing) != 2 or not all(PIXEL_RANGE_MM[0] <= s <= PIXEL_RANGE_MM[1] for s in spacing):
        told = f"impossible ({' x '.join(f'{s:g}' for s in spacing)} mm)" if len(spacing) == 2 else "not stated"
        raise GeometryError(
            f"the pixel size (PixelSpacing) is {told}", where=where, remedy=f"{EXPORT_AGAIN}, or as NRRD"
        )
    return spacing[1], spacing[0]


def require_room(voxel_count: float, where: str) -> None:
    """Raise `GeometryError` when a header asks for more voxels than any image has."""
    if voxel_count > LARGEST_VOXEL_COUNT:
        raise GeometryError(f"it would have {voxel_count:.2g} voxels", where=where, remedy=EXPORT_AGAIN)


def _stacked(series: Series, where: str, straighten: bool) -> Stack:
    frames = series.frames
    if len(frames) == 1:
        raise InputError("this is a single slice", where=where, remedy="Give the folder that holds the whole series")
    points = [np.array(numbers(f.header, "ImagePositionPatient")) for f in frames]
    lost = sum(p.size != 3 for p in points)
    if lost:
        raise GeometryError(f"{lost} slices do not state their position", where=where, remedy=EXPORT_AGAIN)
    _require_whole_concatenation(series.headers, where)
    axes, pixel = axes_of(series.header, where), pixel_mm(series.header, where)
    size = [number(series.header, k) or 0.0 for k in ("Rows", "Columns")]
    require_room(len(frames) * size[0] * size[1], where)
    lattice = _lattice(axes, np.array(points), pixel, where)
    ordered = tuple(frames[i] for i in lattice.order)
    headers = tuple(f.header for f in ordered)
    image = lattice.place(values_of(ordered, where))
    tilt_deg = degrees(np.arctan(np.linalg.norm(lattice.drift)))
    if np.linalg.norm(lattice.drift) <= LARGEST_TILT_RATIO:
        return Stack(image, headers)
    if not straighten or tilt_deg > LARGEST_LEAN_DEG:
        raise GeometryError(
            f"the stack leans by {tilt_deg:.1f} degrees (gantry tilt?)",
            where=where,
            remedy="Resample the image to a right-angled grid first",
        )
    told = f"{where}: the gantry was tilted by {tilt_deg:.1f} degrees; resampled to a right-angled grid"
    return Stack(_straightened(image, lattice), headers, (told,))


def _require_whole_concatenation(headers: tuple[Header, ...], where: str) -> None:
    """Raise `InputError` where an object was written in several files and one of them is not there."""
    parts = {(number(h, "InConcatenationNumber"), number(h, "InConcatenationTotalNumber")) for h in headers}
    told = max((total or 0.0 for _, total in parts), default=0.0)
    if len(parts) < told:
        raise InputError(
            f"the object was written in {told:g} files (a concatenation), and {len(parts)} of them are here",
            where=where,
            remedy="Copy the whole series",
        )


def _ends(headers: tuple[Header, ...], where: str) -> tuple[str, ...]:
    """Return a note where the header counts more slices than there are: those at an end leave no gap."""
    told = max((int(number(h, "NumberOfSlices") or 0) for h in headers), default=0)
    counted = {int(n) for h in headers if (n := number(h, "InstanceNumber")) is not None}
    if told > len(headers) and len(headers) > 1:
        lost = told - len(headers)
        return (f"{where}: {many(lost, 'slice')} missing at an end of the image: the header counts {told}",)
    single = len(counted) == len(headers) == max(counted, default=0) - min(counted, default=0) + 1
    if single and min(counted) > 1 and not any(number(h, "InConcatenationNumber") for h in headers):
        return (
            f"{where}: its slices are numbered from {min(counted)}: {many(min(counted) - 1, 'slice')} perhaps missing",
        )
    return ()


# Geometry


def _lattice(axes: Float64, points: Float64, pixel: tuple[float, float], where: str) -> _Lattice:
    heights_mm = points @ axes[:, 2]
    order = np.argsort(heights_mm, kind="stable")
    check_heights(heights_mm[order], where)
    height_mm = float(np.ptp(heights_mm))
    drift = axes[:, :2].T @ (points[order[-1]] - points[order[0]]) / height_mm
    aside_mm = (points - points[order[0]]) @ axes[:, :2] - np.outer(heights_mm - heights_mm.min(), drift)
    if np.abs(aside_mm).max() > EVEN_RATIO * min(pixel) or height_mm > LONGEST_MM:
        raise GeometryError(
            "the slices do not lie one above the other", where=where, remedy="Export one volume of one field of view"
        )
    step_mm = height_mm / (len(points) - 1)
    return _Lattice(axes, (*pixel, step_mm), points[order[0]], order, drift)


def check_heights(heights_mm: Array, where: str) -> None:
    """Raise `GeometryError` unless the slices lie at distinct positions, evenly apart (ascending, in mm)."""
    steps_mm = np.diff(heights_mm)
    doubled = int(np.count_nonzero(steps_mm < SAME_PLACE_MM))
    if doubled:
        raise GeometryError(
            f"{doubled + 1} slices or more share a position (several phases or time points in one series?)",
            where=where,
            remedy="Export one volume alone",
        )
    usual_mm = float(np.median(steps_mm))
    gaps = np.flatnonzero(steps_mm > 1.5 * usual_mm)
    if gaps.size:
        lost = int(sum(round(float(steps_mm[g]) / usual_mm) - 1 for g in gaps))
        first = gaps[0]
        missing = "1 slice is missing" if lost == 1 else f"{lost} slices are missing"
        raise GeometryError(
            f"{missing}, the first between {heights_mm[first]:g} and {heights_mm[first + 1]:g} mm",
            where=where,
            remedy="Copy the whole series",
        )
    even = np.linspace(heights_mm[0], heights_mm[-1], heights_mm.size)
    if np.abs(heights_mm - even).max() > EVEN_RATIO * usual_mm:
        raise GeometryError(
            f"the slices are unevenly spaced ({steps_mm.min():g} to {steps_mm.max():g} mm)",
            where=where,
            remedy="Resample the image to even slices first, or export another reconstruction",
        )


def _straightened(image: sitk.Image, lattice: _Lattice) -> sitk.Image:
    """Undo the lean: each slice is moved along itself by its height times the drift, into a grid that holds all."""
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    reach_mm = lattice.drift * spacing[2] * (size[2] - 1)
    before = np.ceil(np.maximum(-reach_mm, 0) / spacing[:2]).astype(int)
    after = np.ceil(np.maximum(reach_mm, 0) / spacing[:2]).astype(int)
    require_room(float(np.prod(size[:2] + before + after, dtype=float) * size[2]), "gantry tilt")
    grid = sitk.Image([*(size[:2] + before + after).tolist(), int(size[2])], image.GetPixelID())
    lattice.place(grid)
    grid.SetOrigin((lattice.origin_mm - lattice.axes[:, :2] @ (before * spacing[:2])).tolist())
    shear = sitk.AffineTransform(3)
    matrix = np.eye(3) - np.outer(lattice.axes[:, :2] @ lattice.drift, lattice.axes[:, 2])
    shear.SetMatrix(matrix.ravel().tolist())
    shear.SetCenter(lattice.origin_mm.tolist())
    return sitk.Resample(image, grid, shear, sitk.sitkLinear, OUTSIDE_HU)
