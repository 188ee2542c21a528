"""A DICOM series as one volume: every slice there, evenly spaced, and values rescaled without rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, InputError
from ..images import Array

LARGEST_UNEVENNESS_RATIO = 0.1
"""Tool default: how far a slice may lie from its even place, in slice distances (written positions are rounded)."""
LARGEST_TILT_RATIO = 1e-3
"""Tool default: how far slices may shift sideways for each millimeter along the stack."""
SAME_PLACE_MM = 1e-3
SERIES_LISTED = 10

TAGS = {
    "class": "0008|0016",
    "modality": "0008|0060",
    "description": "0008|103e",
    "series": "0020|000e",
    "position": "0020|0032",
    "orientation": "0020|0037",
    "frame_of_reference": "0020|0052",
    "rows": "0028|0010",
    "columns": "0028|0011",
    "spacing": "0028|0030",
    "bits": "0028|0100",
    "sign": "0028|0103",
    "intercept": "0028|1052",
    "slope": "0028|1053",
    "units": "0054|1001",
}


@dataclass(frozen=True)
class DicomHeader:
    """What a DICOM header says about the meaning of the voxels; empty where it says nothing."""

    modality: str = ""
    units: str = ""
    frame_of_reference: str = ""
    rescale: str = ""
    """The slope that stored values were multiplied with, as text; empty when it is 1."""


@dataclass(frozen=True)
class _Slice:
    file: Path
    tags: dict[str, str]

    def all_of(self, name: str) -> Array:
        try:
            found = np.array([float(part) for part in self.tags.get(name, "").split("\\") if part.strip()])
        except ValueError:
            found = np.array([np.nan])
        if not np.isfinite(found).all() or (name == "slope" and not found.all()):
            raise InputError(
                f"'{name}' ({TAGS[name]}) can't be {self.tags[name]!r}",
                where=str(self.file),
                remedy="Export the series again",
            )
        return found

    def first_of(self, name: str, absent: int) -> float:
        found = self.all_of(name)
        return float(found[0]) if found.size else absent


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ITK from writing warnings to the terminal."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


def series_files(folder: Path, where: str, series: str = "") -> tuple[Path, ...]:
    """Return the files of a folder's only series, or of the one with the given SeriesInstanceUID.

    Raises
    ------
    InputError
        If there is no series, or several and none is chosen, or a DICOM file of the folder is damaged.
    """
    with quiet():
        found = {uid: _files(folder, uid) for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))}
    if not found:
        raise InputError("no DICOM image in this folder", where=where, remedy=_where_images_may_be(folder))
    if series and series not in found:
        raise InputError(f"no series {series} in this folder", where=where, remedy=f"There are: {_listed(found)}")
    if not series and len(found) > 1:
        raise InputError(
            f"{len(found)} series in this folder: {_listed(found)}",
            where=where,
            remedy='Choose one with series = "its SeriesInstanceUID", or give each its own folder',
        )
    chosen = found[series] if series else next(iter(found.values()))
    _refuse_damaged(folder, {f for files in found.values() for f in files}, chosen[0], where)
    return chosen


def read_slices(files: tuple[Path, ...], where: str) -> tuple[sitk.Image, DicomHeader]:
    """Return the slices of a series as a volume, with what its header says.

    Raises
    ------
    InputError, GeometryError
        If slices are missing, doubled, uneven, of different size or orientation, tilted or unreadable.
    """
    slices = [_read_tags(file) for file in files]
    for name, meaning in (
        ("rows", "size"),
        ("columns", "size"),
        ("spacing", "pixel size"),
        ("class", "kind"),
        ("units", "unit"),
    ):
        if len({s.tags.get(name, "") for s in slices}) > 1:
            raise InputError(
                f"the images of this series differ in {meaning}", where=where, remedy="Export the volume alone"
            )
    slices = _in_order(slices, where)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(s.file) for s in slices])
    reader.SetOutputPixelType(_pixel_type(slices))
    with quiet():
        image = reader.Execute()
    return _placed(image, slices), _header(slices)


def _files(folder: Path, uid: str) -> tuple[Path, ...]:
    return tuple(Path(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))


def _read_tags(file: Path) -> _Slice:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    with quiet():
        reader.ReadImageInformation()
    tags = {name: reader.GetMetaData(tag).strip() for name, tag in TAGS.items() if reader.HasMetaDataKey(tag)}
    return _Slice(file, tags)


def _in_order(slices: list[_Slice], where: str) -> list[_Slice]:
    """Return the slices along their normal, or refuse them."""
    axes = [s.all_of("orientation") for s in slices]
    points = [s.all_of("position") for s in slices]
    if any(a.size != 6 for a in axes) or any(p.size != 3 for p in points):
        raise GeometryError(
            "slices without position or orientation", where=where, remedy="Export the series again, or as NRRD"
        )
    if any(s.all_of("spacing").size != 2 or s.all_of("spacing").min() <= 0 for s in slices):
        raise GeometryError(
            "the pixel size (PixelSpacing) is not stated", where=where, remedy="Export the series again, or as NRRD"
        )
    if not np.allclose(axes, axes[0], atol=1e-3):
        raise GeometryError(
            "the slices differ in orientation (a localizer?)", where=where, remedy="Export the volume alone"
        )
    normal = np.cross(axes[0][:3], axes[0][3:])
    heights_mm = np.array(points) @ normal
    order = np.argsort(heights_mm, kind="stable")
    check_heights(heights_mm[order], where)
    along = points[order[-1]] - points[order[0]]
    height_mm = float(along @ normal)
    if np.linalg.norm(along - height_mm * normal) > LARGEST_TILT_RATIO * height_mm:
        raise GeometryError(
            "the axes are skewed (gantry tilt?)", where=where, remedy="Resample the image to a right-angled grid first"
        )
    return [slices[i] for i in order]


def _placed(image: sitk.Image, slices: list[_Slice]) -> sitk.Image:
    """Write the place that the headers state into an image: GDCM finds it in some kinds of object only."""
    cosines, pixel_mm = slices[0].all_of("orientation"), slices[0].all_of("spacing")
    first, last = slices[0].all_of("position"), slices[-1].all_of("position")
    axes = np.stack([cosines[:3], cosines[3:], np.cross(cosines[:3], cosines[3:])], axis=1)
    image.SetOrigin(first.tolist())
    image.SetSpacing([float(pixel_mm[1]), float(pixel_mm[0]), float((last - first) @ axes[:, 2]) / (len(slices) - 1)])
    image.SetDirection(axes.ravel().tolist())
    return image


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
    if np.abs(heights_mm - even).max() > LARGEST_UNEVENNESS_RATIO * usual_mm:
        raise GeometryError(
            f"the slices are unevenly spaced ({steps_mm.min():g} to {steps_mm.max():g} mm)",
            where=where,
            remedy="Resample the image to even slices first, or export another reconstruction",
        )


def _pixel_type(slices: list[_Slice]) -> int:
    """Return a type that holds the rescaled values: what the file stores, or floating point where that would round."""
    scales = {(s.first_of("slope", 1), s.first_of("intercept", 0)) for s in slices}
    stored = {(s.tags.get("bits"), s.tags.get("sign")) for s in slices}
    whole = all(value == round(value) for scale in scales for value in scale)
    if len(scales) == 1 and len(stored) == 1 and whole:
        return int(sitk.sitkUnknown)
    return int(sitk.sitkFloat32 if all(s.first_of("bits", 16) <= 16 for s in slices) else sitk.sitkFloat64)


def _header(slices: list[_Slice]) -> DicomHeader:
    slopes = sorted({s.first_of("slope", 1) for s in slices})
    rescale = f"{slopes[0]:g}" if len(slopes) == 1 else f"{slopes[0]:g} to {slopes[-1]:g}"
    tags = slices[0].tags
    return DicomHeader(
        tags.get("modality", ""),
        tags.get("units", ""),
        tags.get("frame_of_reference", ""),
        "" if slopes == [1.0] else rescale,
    )


def _listed(found: dict[str, tuple[Path, ...]]) -> str:
    lines = []
    for uid, files in list(found.items())[:SERIES_LISTED]:
        tags = _read_tags(files[0]).tags
        what = " ".join(filter(None, (tags.get("modality"), tags.get("description"))))
        lines.append(f"{uid or 'without UID'} ({what}, {len(files)} files)")
    return "; ".join(lines + (["…"] if len(found) > SERIES_LISTED else []))


def _where_images_may_be(folder: Path) -> str:
    below = [d.name for d in sorted(folder.iterdir()) if d.is_dir()]
    if below:
        return f"Give the folder with the files themselves, perhaps {below[0]}"
    if any(_storage_class(f) for f in folder.iterdir()):
        return "Its DICOM files hold no image that can be read: convert them to NRRD in 3D Slicer"
    return "Give a folder with the files of one DICOM series, or a NRRD, NIfTI or MetaImage file"


def _refuse_damaged(folder: Path, listed: set[Path], good: Path, where: str) -> None:
    """Refuse a folder with a file that says it is such an image but was not listed: it can't be read."""
    kind = _storage_class(good)
    for file in sorted(set(folder.iterdir()) - listed):
        empty_dicom = file.suffix.lower() in {".dcm", ".ima"} and file.is_file() and not file.stat().st_size
        if empty_dicom or (kind and _storage_class(file) == kind):
            raise InputError(
                f"the DICOM file {file.name} is truncated or damaged", where=where, remedy="Copy the series again"
            )


def _storage_class(file: Path) -> bytes:
    """Return MediaStorageSOPClassUID (0002,0002) as written in the file's meta header; empty when there is none."""
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        head = stream.read(1024)
    at = head.find(b"\x02\x00\x02\x00UI")
    if head[128:132] != b"DICM" or at < 0:
        return b""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ")
