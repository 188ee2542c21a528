"""From an image file to its voxels, by its kind; NRRD, NIfTI and MetaImage are read here, byte by byte.

SimpleITK is handed no header of these: its readers wait for pipes, fill what is missing with noise, take a place
that is not stated for the origin, and can be made to end the process. It reads TIFF, and says what DICOM is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, InputError
from .dicom_header import is_dicom
from .dicom_pixels import quiet
from .meta_image import is_meta_image, read_meta_header
from .nifti import header_bytes, header_file, is_nifti, read_nifti_header
from .nrrd import MAGIC, read_nrrd_header
from .stored import OR_STATE_IT, SAVE_WITH_PLACE, Place, Stored, check_size, head_of, image_of, placed

WELL_KNOWN = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz", ".hdr", ".img", ".img.gz")
"""Suffixes whose files are one of these, or broken."""
NO_IMAGE = "Give NRRD, NIfTI, MetaImage or a folder with a DICOM series, and check that it was copied whole"
TIFF = "TIFFImageIO"
PLACELESS: Mapping[str, str] = {
    TIFF: "TIFF",
    "VTKImageIO": "VTK",
    "GiplImageIO": "GIPL",
    "MRCImageIO": "MRC",
    "PNGImageIO": "PNG",
    "JPEGImageIO": "JPEG",
    "BMPImageIO": "BMP",
    "HDF5ImageIO": "HDF5",
    "NiftiImageIO": "Analyze 7.5",
}
"""Formats that state no spacing, no origin or no direction, by ITK's name of their reader."""


def read_file(
    path: Path, where: str, place: Place | None = None, within: Path | None = None
) -> tuple[sitk.Image, Mapping[str, str]] | None:
    """Return the image of a file and the entries of its header; None where it is DICOM.

    Raises
    ------
    InputError, GeometryError
        If it is no image, or not whole; a format or a header that states no place, unless *place* does.
    """
    stored = header_of(path, where, within)
    if stored is not None:
        return image_of(stored, where, place), stored.fields
    kind = _itk_kind(path)
    if kind == "GDCMImageIO" or (not kind and is_dicom(path)):
        return None
    if kind not in PLACELESS:
        raise InputError("this is no image that can be read", where=where, remedy=NO_IMAGE)
    if place is None or kind != TIFF:
        raise GeometryError(
            f"{PLACELESS[kind]} does not state where in the patient an image lies",
            where=where,
            remedy=OR_STATE_IT if kind == TIFF else SAVE_WITH_PLACE,
        )
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with quiet():
        reader.ReadImageInformation()
        if reader.GetDimension() != 3:
            raise GeometryError(
                f"the image has {reader.GetDimension()} dimensions, not 3", where=where, remedy="Give one volume"
            )
        voxel = sitk.Image([1] * reader.GetDimension(), reader.GetPixelID(), reader.GetNumberOfComponents())
        itemsize = voxel.GetSizeOfPixelComponent()
        check_size(
            Stored(
                tuple(reader.GetSize()),
                np.dtype(f"u{itemsize}"),
                (path,),
                place,
                "",
                voxel.GetNumberOfComponentsPerPixel(),
            ),
            where,
        )
        return placed(reader.Execute(), place, where), {}


def header_of(path: Path, where: str, within: Path | None = None) -> Stored | None:
    """Return what the header of a NRRD, NIfTI or MetaImage file says; None for another kind of file.

    Raises
    ------
    InputError, GeometryError
        If the file is called like one of these and is none, or its header can't be.
    """
    head = head_of(path)
    if MAGIC.match(head):
        return read_nrrd_header(path, where, within)
    name = path.name.lower()
    if is_nifti(header_bytes(path)) or name.endswith((".img", ".img.gz")):
        return read_nifti_header(path, where, within)
    if is_meta_image(head):
        return read_meta_header(path, where, within)
    if name.endswith(WELL_KNOWN) and not (name.endswith(".hdr") and _itk_kind(path) == "NiftiImageIO"):
        raise InputError("this is no image that can be read", where=where, remedy=NO_IMAGE)
    return None


def is_nrrd(path: Path) -> bool:
    """Return whether a file is NRRD."""
    return MAGIC.match(head_of(path)) is not None


def files_of(path: Path, where: str, within: Path | None = None) -> tuple[Path, ...]:
    """Return the files an image consists of: *path*, and every other one that its header names."""
    try:
        stored = header_of(path, where, within)
    except InputError:
        return (path,)  # what is wrong with it is said where it is read
    return tuple(dict.fromkeys((path, *((header_file(path), *stored.parts) if stored else ()))))


def _itk_kind(path: Path) -> str:
    """Return the name of ITK's class that reads a file; empty where there is none."""
    with quiet():
        return str(sitk.ImageFileReader.GetImageIOFromFileName(str(path)))
