"""Images and masks from files: whole, three-dimensional, in one quantity, in patient coordinates (LPS, mm)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..errors import GeometryError, InputError
from ..images import array_of, right_angled
from ..structures import UINT8
from .dicom_header import is_dicom
from .dicom_image import DicomHeader, Quantity, read_dicom, series_at
from .dicom_kind import Kind
from .dicom_planar import read_planar
from .formats import files_of, is_nrrd, read_file
from .nrrd import VOLUMES
from .paths import require_file, require_image_path
from .stored import Place


@dataclass(frozen=True)
class Volume:
    """An image, and what its DICOM header says about it (None for other formats)."""

    image: sitk.Image
    header: DicomHeader | None = None


def read_image(
    path: Path,
    where: str,
    series: str = "",
    quantity: Quantity | None = None,
    *,
    place: Place | None = None,
    within: Path | None = None,
) -> sitk.Image:
    """Return the three-dimensional image of a file, or of a folder that holds a DICOM series.

    Parameters
    ----------
    where
        What the image is to the case, for messages.
    series
        The SeriesInstanceUID or number, needed only where a folder holds several series.
    quantity
        What the voxels are to be, judged where a DICOM header tells; other files are taken at the user's word.
    place
        Where it lies, if the user says so because the file does not.
    within
        A folder, besides the image's own, that files with its voxels may lie in: that of the case.

    Raises
    ------
    InputError, GeometryError
        If it is missing, unreadable, truncated, in color, not three-dimensional, too large, or lacks slices; its
        header says that it is something else; its place in the patient is not stated, or twice; or its name is no
        UTF-8 text.
    """
    return read_volume(path, where, series, quantity, place=place, within=within).image


def read_volume(
    path: Path,
    where: str,
    series: str = "",
    quantity: Quantity | None = None,
    *,
    zone: tzinfo | None = None,
    corrected_to: datetime | str | None = None,
    place: Place | None = None,
    within: Path | None = None,
) -> Volume:
    """Return what `read_image` does, with what the DICOM header says; see `dicom_image.read_dicom`."""
    at = _at(path, where)
    _require_readable(path, at)
    try:
        if not path.is_dir() and (image := read_file(path, at, place, within)) is not None:
            if VOLUMES in image[1]:
                raise GeometryError("the image has 4 dimensions, not 3", where=at, remedy="Give one volume")
            volume = Volume(image[0])
        else:
            if place is not None:
                raise InputError("a geometry is stated for DICOM", where=at, remedy="Leave it out: the headers say it")
            found = series_at(path, at, series, quantity)
            volume = Volume(*read_dicom(found, at, quantity, zone=zone, corrected_to=corrected_to))
    except RuntimeError as error:
        raise _unreadable(str(error), at) from None
    image_read = right_angled(volume.image, at)
    if image_read.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            "the image has several values a voxel (color, or a segmentation in layers)",
            where=at,
            remedy="Give one quantitative volume; a .seg.nrrd belongs into [segmentation]",
        )
    for key in image_read.GetMetaDataKeys():  # names and dates of a patient must not travel into results
        image_read.EraseMetaData(key)
    return Volume(image_read, volume.header)


def read_view(path: Path, where: str, view: str) -> sitk.Image:
    """Return a planar view ("anterior" or "posterior") of a DICOM file or folder, seen from the front, or any image.

    Raises
    ------
    InputError
        If the file is no planar scintigram, or does not hold that view.
    """
    at = _at(path, where)
    _require_readable(path, at)
    if path.is_dir() or is_dicom(path):
        found = series_at(path, at)
        if found.kind is Kind.PLANAR:
            views = read_planar(found, at)
            if f"_{view}" not in views:
                held = " and ".join(name.strip("_") for name in views)
                raise InputError(
                    f"it holds the {held} view, not the {view} one", where=at, remedy="Give the other file"
                )
            return views[f"_{view}"]
    return read_image(path, where)


def read_segmentation_image(
    path: Path, where: str, *, within: Path | None = None
) -> tuple[sitk.Image, Mapping[str, str]]:
    """Return the image of a .seg.nrrd, which may have several layers, and the entries of its header."""
    at = _at(path, where)
    _require_readable(path, at)
    found = None if path.is_dir() or not is_nrrd(path) else read_file(path, at, within=within)
    if found is None:
        raise InputError(
            "this is not a Slicer segmentation (.seg.nrrd)",
            where=at,
            remedy="Save it from 3D Slicer, or give each mask as [[structures]] with file and label_value",
        )
    return found


def read_mask(path: Path, where: str, label_value: int | None = None) -> sitk.Image:
    """Return one outline as a mask of 0 and 1, cut to its bounding box; its place in the patient is kept.

    Parameters
    ----------
    label_value
        Which label is meant; None where the file holds only one.

    Raises
    ------
    InputError
        If the file is unreadable, not a label map, empty, or holds several labels and none is chosen.
    """
    return mask_of(read_image(path, where), _at(path, where), label_value)


def mask_of(image: sitk.Image, where: str, label_value: int | None = None) -> sitk.Image:
    """Return what `read_mask` does, from an image that was read already."""
    array = array_of(image)
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if not np.array_equal(whole, array):
            raise InputError(
                "the mask holds fractions, not labels",
                where=where,
                remedy="Save it as a label map (0 outside, 1 inside)",
            )
        array = whole
    inside = array != 0 if label_value is None else array == label_value
    boxes = ndimage.find_objects(inside.view(np.uint8))
    if not boxes:
        held = _labels(array)
        raise InputError(
            f"no voxel has the label {label_value}" if label_value is not None else "the mask is empty",
            where=where,
            remedy=f"It holds: {held}" if held else "Draw it, or leave it out",
        )
    if label_value is None:
        block = array[boxes[0]]
        values = block[inside[boxes[0]]]
        if values.min() != values.max():
            raise InputError(
                f"the file holds several labels: {_labels(block)}",
                where=where,
                remedy="Say which with label_value, one structure each",
            )
    return cut_out(inside[boxes[0]].view(np.uint8), boxes[0], image)


def cut_out(block: UINT8, box: tuple[slice, ...], image: sitk.Image) -> sitk.Image:
    """Return voxels of the given box (slices z, y, x of *image*) as an image in the same place."""
    mask = sitk.GetImageFromArray(np.ascontiguousarray(block))
    mask.SetSpacing(image.GetSpacing())
    mask.SetDirection(image.GetDirection())
    mask.SetOrigin(image.TransformIndexToPhysicalPoint([int(s.start) for s in reversed(box)]))
    return mask


def digest(path: Path, series: str = "", *, within: Path | None = None) -> str:
    """Return the SHA-256 of an image's content.

    Of several files (slices, a header with voxels beside it) it is that of their SHA-256 in hexadecimal, one a line,
    in the order of their names; the header's is the first.

    Raises
    ------
    InputError
        If there is no such file or folder, a file of it can't be read, or the folder has not one series to choose.
    """
    require_image_path(path, str(path))
    if path.is_dir():
        files = tuple(sorted(series_at(path, str(path), series).files, key=lambda f: f.name))
    else:
        files = files_of(path, str(path), within)
    digests = [_sha256(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(f"{d}\n" for d in digests).encode()).hexdigest()


def _sha256(file: Path) -> str:
    require_file(file, str(file))
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _at(path: Path, where: str) -> str:
    return where if str(path) in where else f"{where}, {path}"


def _require_readable(path: Path, where: str) -> None:
    """Raise `InputError` where the files of an image can't be handed to SimpleITK."""
    require_image_path(path, where)
    if path.is_dir():
        return
    if not path.stat().st_size:
        raise InputError("the file is empty: this is no image", where=where, remedy="Copy or export it again")


def _unreadable(told: str, where: str) -> InputError:
    """Turn what SimpleITK tells over many lines into one sentence."""
    if "orthonormal" in told:
        return GeometryError(
            "the axes are skewed (gantry tilt?)", where=where, remedy="Resample the image to a right-angled grid first"
        )
    if re.search(r"fread got only|expected \d+ bytes|not read completely|gzFile|unable to find", told, re.IGNORECASE):
        return InputError("the file is truncated or damaged", where=where, remedy="Copy or export it again")
    last = told.strip().splitlines()[-1].strip()
    brief = re.sub(r"^.*\): ", "", last)[:160]
    return InputError(f"it can't be read ({brief})", where=where, remedy="Export it again, for example as NRRD")


def _labels(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
    values = [f"{v:g}" for v in np.unique(array) if v != 0]
    return ", ".join(values[:12]) + (", …" if len(values) > 12 else "")
