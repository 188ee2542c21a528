"""The files of one DICOM series as a volume: geometry from the headers, values decoded and rescaled by GDCM.

SimpleITK carries GDCM, which decodes JPEG, JPEG-LS, JPEG 2000, RLE, deflated and big endian data without any
plug-in, also inside 3D Slicer; pydicom alone would need one for each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import degrees
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..images import Array
from .dicom_frames import frame_headers
from .dicom_header import Header, is_garbled, is_multi_frame, item, items, number, numbers, pydicom_module, text, value
from .dicom_series import LARGEST_TILT_RATIO, LARGEST_UNEVENNESS_RATIO, check_heights, quiet
from .dicom_sort import Series, many
from .paths import printable

Float64 = NDArray[np.float64]
EXPORT_AGAIN = "Export the series again"
SINGLE_SLICES = "Let the PACS send single slices"
VECTORS = ("EnergyWindowVector", "RRIntervalVector", "TimeSlotVector", "TimeSliceVector")
"""What tells apart the volumes of one nuclear file, one number a frame (DICOM PS3.3, C.8.4.8)."""
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81)}
"""Transfer syntaxes that always lose: JPEG baseline and extended, JPEG-LS near-lossless (PS3.6, annex A)."""
ALIKE = ("Units", "SUVType", "DecayCorrection", "DecayCorrectionDateTime")
"""What all slices of one reconstruction have in common."""
OUTSIDE_HU = -1024
"""What a straightened CT holds where nothing was scanned."""
SAME_SIZE_RATIO = 0.01
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
    """A volume, the headers of its slices in their order (a single one for a nuclear image), and what was done."""

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
    stack = _read(series, where, straighten)
    require_scale(stack.headers, where)
    require_one_quantity(stack.headers, where)
    if any(_lossy(h) for h in stack.headers):
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


def _read(series: Series, where: str, straighten: bool) -> Stack:
    if series.broken:
        raise InputError(
            f"{many(len(series.broken), 'file')} truncated: {', '.join(series.broken[:3])}",
            where=where,
            remedy="Copy the series again",
        )
    if not is_multi_frame(series.header):
        return _from_slices(series, where, straighten)
    if items(series.header, "SharedFunctionalGroupsSequence"):
        return _from_functional_groups(series, where)
    return _from_nuclear_frames(series, where)


def _lossy(header: Header) -> bool:
    syntax = text(getattr(header, "file_meta", {}), "TransferSyntaxUID")
    return text(header, "LossyImageCompression") == "01" or syntax in LOSSY


def decoded(files: list[str], where: str, kind: int) -> sitk.Image:
    """Return the rescaled voxels of files; the geometry is not to be trusted."""
    try:
        with quiet(), _text_names(files) as names:
            image: sitk.Image = sitk.ReadImage(names if len(names) > 1 else names[0], kind)
    except RuntimeError:
        raise InputError(
            "the pixels can't be decoded (a damaged file, or a compression that is not known here)",
            where=where,
            remedy="Copy the series again, or let the PACS send it uncompressed (Explicit VR Little Endian)",
        ) from None
    for key in image.GetMetaDataKeys():  # among them the patient's name
        image.EraseMetaData(key)
    return image


@contextmanager
def _text_names(files: list[str]) -> Iterator[list[str]]:
    """Give files names that SimpleITK takes: old archives write them in Latin letters that are no UTF-8 text."""
    if all(printable(file) == file for file in files):
        yield files
        return
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / f"{number}.dcm") for number in range(len(files))]
        for file, name in zip(files, names, strict=True):
            try:
                os.symlink(os.path.abspath(file), name)
            except OSError:  # a disk or a system without links
                shutil.copyfile(file, name)
        yield names


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


def _from_slices(series: Series, where: str, straighten: bool) -> Stack:
    headers = series.headers
    if len(headers) == 1:
        raise InputError("this is a single slice", where=where, remedy="Give the folder that holds the whole series")
    points = [np.array(numbers(h, "ImagePositionPatient")) for h in headers]
    lost = sum(p.size != 3 for p in points)
    if lost:
        raise GeometryError(f"{lost} slices do not state their position", where=where, remedy=EXPORT_AGAIN)
    lattice = _lattice(axes_of(headers[0], where), np.array(points), pixel_mm(headers[0], where), where)
    ordered = tuple(headers[i] for i in lattice.order)
    image = lattice.place(decoded([str(series.files[i]) for i in lattice.order], where, _pixel_type(headers)))
    tilt_deg = degrees(np.arctan(np.linalg.norm(lattice.drift)))
    if np.linalg.norm(lattice.drift) <= LARGEST_TILT_RATIO:
        return Stack(image, ordered)
    if not straighten or tilt_deg > LARGEST_LEAN_DEG:
        raise GeometryError(
            f"the stack leans by {tilt_deg:.1f} degrees (gantry tilt?)",
            where=where,
            remedy="Resample the image to a right-angled grid first",
        )
    told = f"{where}: the gantry was tilted by {tilt_deg:.1f} degrees; resampled to a right-angled grid"
    return Stack(_straightened(image, lattice), ordered, (told,))


def _lattice(axes: Float64, points: Float64, pixel: tuple[float, float], where: str) -> _Lattice:
    heights_mm = points @ axes[:, 2]
    order = np.argsort(heights_mm, kind="stable")
    check_heights(heights_mm[order], where)
    height_mm = float(np.ptp(heights_mm))
    drift = axes[:, :2].T @ (points[order[-1]] - points[order[0]]) / height_mm
    aside_mm = (points - points[order[0]]) @ axes[:, :2] - np.outer(heights_mm - heights_mm.min(), drift)
    if np.abs(aside_mm).max() > LARGEST_UNEVENNESS_RATIO * min(pixel) or height_mm > LONGEST_MM:
        raise GeometryError(
            "the slices do not lie one above the other", where=where, remedy="Export one volume of one field of view"
        )
    step_mm = height_mm / (len(points) - 1)
    return _Lattice(axes, (*pixel, step_mm), points[order[0]], order, drift)


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


def _pixel_type(headers: tuple[Header, ...]) -> int:
    """Return a type that holds rescaled values: the stored one where no rescaling would round."""
    scales = {(number(h, "RescaleSlope"), number(h, "RescaleIntercept")) for h in headers}
    stored = {(number(h, "BitsAllocated"), number(h, "PixelRepresentation")) for h in headers}
    whole = all(v is None or v == round(v) for scale in scales for v in scale)
    if len(scales) == 1 and len(stored) == 1 and whole:
        return int(sitk.sitkUnknown)
    return int(sitk.sitkFloat32 if all((number(h, "BitsAllocated") or 16) <= 16 for h in headers) else sitk.sitkFloat64)


def _from_nuclear_frames(series: Series, where: str) -> Stack:
    """Read a reconstructed SPECT: its place stands with the detector, its slices follow the slice vector."""
    header = series.header
    count = int(number(header, "NumberOfFrames") or 0)
    told = int(number(header, "NumberOfSlices") or count)
    require_room(count * (number(header, "Rows") or 0.0) * (number(header, "Columns") or 0.0), where)
    if told != count or count < 2 or any(len(set(numbers(header, k))) > 1 for k in VECTORS):
        raise InputError(
            f"{count} frames for {told} slices (several energy windows, gates or time points)",
            where=where,
            remedy="Export the reconstructed volume of the photopeak alone",
        )
    notes: list[str] = []
    step_mm = number(header, "SpacingBetweenSlices") or 0.0
    pixel = pixel_mm(header, where)
    if not step_mm:
        step_mm = number(header, "SliceThickness") or 0.0
        if not step_mm or abs(step_mm / pixel[0] - 1) > SAME_SIZE_RATIO:
            raise GeometryError(
                "the distance between slices is not stated", where=where, remedy=f"{EXPORT_AGAIN}, or as NRRD"
            )
        notes.append(f"{where}: the distance between slices is taken from their thickness, {step_mm:g} mm as the pixel")
    place = item(header, "DetectorInformationSequence")
    place = header if value(header, "ImagePositionPatient") is not None else place
    first = np.array(numbers(place, "ImagePositionPatient"))
    if first.size != 3:
        raise GeometryError(
            "the position in the patient is not stated, neither of the image nor of the detector",
            where=where,
            remedy="Export it with its geometry, or place it by hand on the CT in 3D Slicer and save it as NRRD",
        )
    axes = axes_of(place if numbers(place, "ImageOrientationPatient") else header, where)
    vector = np.array(numbers(header, "SliceVector") or range(1, count + 1))
    if sorted(vector.tolist()) != list(range(1, count + 1)):
        raise InputError("the slice vector does not name every slice once", where=where, remedy=EXPORT_AGAIN)
    points = first + np.outer((vector - 1) * step_mm, axes[:, 2])
    frames = sitk.GetArrayFromImage(decoded([str(series.files[0])], where, _pixel_type(series.headers)))
    return replace(_reordered(frames, series, axes, points, pixel, where), notes=tuple(notes))


def _from_functional_groups(series: Series, where: str) -> Stack:
    """Read an enhanced multi-frame image (CT, PET, X-ray 3D): each frame states its own plane, time and scale."""
    headers = frame_headers(series.header)
    points = [numbers(h, "ImagePositionPatient") for h in headers]
    if len(points) < 2 or any(len(p) != 3 for p in points):
        raise GeometryError("frames do not state their position", where=where, remedy=EXPORT_AGAIN)
    if len({(numbers(h, "ImageOrientationPatient"), numbers(h, "PixelSpacing")) for h in headers}) > 1:
        raise InputError("the frames differ in orientation or pixel size", where=where, remedy=SINGLE_SLICES)
    axes, pixel = axes_of(headers[0], where), pixel_mm(headers[0], where)
    scales = [(number(h, "RescaleSlope"), number(h, "RescaleIntercept")) for h in headers]
    if len(set(scales)) == 1:
        frames = sitk.GetArrayFromImage(decoded([str(series.files[0])], where, _pixel_type(headers[:1])))
    else:
        frames = _rescaled(series.files[0], scales, where)
    stack = _reordered(frames, series, axes, np.array(points), pixel, where)
    order = np.argsort(np.array(points) @ axes[:, 2], kind="stable")
    return replace(stack, headers=tuple(headers[i] for i in order))


def _rescaled(file: Path, scales: list[tuple[float | None, float | None]], where: str) -> Array:
    """Return frames that have a scale each: GDCM would take the first one's for all."""
    try:
        stored = np.asarray(pydicom_module().dcmread(file, force=True).pixel_array)
    except Exception:  # pydicom raises many kinds: no decoder, too short, no pixels
        raise InputError(
            "its frames have a scale each, and they are compressed", where=where, remedy=SINGLE_SLICES
        ) from None
    if stored.ndim != 3 or len(stored) != len(scales):
        raise InputError("the file holds another number of frames than it says", where=where, remedy=EXPORT_AGAIN)
    slopes, intercepts = (np.array([s[i] if s[i] is not None else 1 - i for s in scales]) for i in (0, 1))
    frames: Array = (stored * slopes[:, None, None] + intercepts[:, None, None]).astype(np.float32)
    return frames


def _reordered(
    frames: Array, series: Series, axes: Float64, points: Float64, pixel: tuple[float, float], where: str
) -> Stack:
    lattice = _lattice(axes, points, pixel, where)
    if np.linalg.norm(lattice.drift) > LARGEST_TILT_RATIO:
        raise GeometryError("the frames lean (gantry tilt?)", where=where, remedy=SINGLE_SLICES)
    if frames.ndim != 3 or len(frames) != len(points):
        raise InputError("the file holds another number of frames than it says", where=where, remedy=EXPORT_AGAIN)
    return Stack(lattice.place(sitk.GetImageFromArray(frames[lattice.order])), series.headers)
