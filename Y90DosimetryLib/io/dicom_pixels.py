"""The voxels of frames, rescaled: decoded by GDCM, or unpacked here where its rescaling can't be relied on.

SimpleITK carries GDCM, which decodes JPEG, JPEG-LS, JPEG 2000, RLE, deflated and big endian data without any
plug-in, also inside 3D Slicer; pydicom alone would need one for each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import pydicom.encaps
import SimpleITK as sitk

from ..errors import InputError
from ..images import Array
from .dicom_frames import EXPORT_AGAIN, Frame
from .dicom_header import DEFLATED_FRAMES, NATIVE, Header, number, syntax_name, text, transfer_syntax
from .paths import printable

SINGLE_SLICES = "Let the PACS send single slices"
UNCOMPRESSED = "let the PACS send it uncompressed (Explicit VR Little Endian)"
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81)}
"""Transfer syntaxes that always lose: JPEG baseline and extended, JPEG-LS near-lossless (PS3.6, annex A)."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ITK from writing warnings to the terminal."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


def decoded(files: list[str], where: str, kind: int) -> sitk.Image:
    """Return the rescaled voxels of files; the geometry is not to be trusted."""
    try:
        with quiet(), _text_names(files) as names:
            image: sitk.Image = sitk.ReadImage(names if len(names) > 1 else names[0], kind)
    except RuntimeError:
        raise InputError(
            "the pixels can't be decoded (a damaged file, or a compression that is not known here)",
            where=where,
            remedy=f"Copy the series again, or {UNCOMPRESSED}",
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


def lost_by_compression(header: Header) -> bool:
    """Whether an image was compressed such that its values are not exact."""
    return text(header, "LossyImageCompression") == "01" or transfer_syntax(header) in LOSSY


def values_of(frames: tuple[Frame, ...], where: str) -> sitk.Image:
    """Return the rescaled voxels of frames in their order; the geometry is not to be trusted."""
    headers = tuple(f.header for f in frames)
    if len(frames) > 1 and all(f.index is None for f in frames):
        return decoded([str(f.file) for f in frames], where, _pixel_type(headers))
    by_file = {
        file: _file_values(file, tuple(f for f in frames if f.file == file), where) for file in {f.file for f in frames}
    }
    rows = [by_file[f.file][f.index or 0] for f in frames]
    if len({r.shape for r in rows}) > 1:
        raise InputError("its frames differ in size", where=where, remedy=EXPORT_AGAIN)
    return sitk.GetImageFromArray(np.stack(rows))


def _file_values(file: Path, frames: tuple[Frame, ...], where: str) -> Array:
    """Return all frames of one file: unpacked and rescaled here where that needs no decoder, else by GDCM.

    GDCM takes the first scale for all frames, and the one of a functional group for some classes of object only.
    """
    scales = {f.index or 0: (number(f.header, "RescaleSlope"), number(f.header, "RescaleIntercept")) for f in frames}
    stored = _unpacked_if_possible(file)
    if stored is None and len(set(scales.values())) > 1:
        raise InputError("its frames have a scale each, and they are compressed", where=where, remedy=SINGLE_SLICES)
    decoded_: Array = (
        sitk.GetArrayFromImage(decoded([str(file)], where, _pixel_type((frames[0].header,))))
        if stored is None
        else stored
    )
    frames_ = decoded_[None] if decoded_.ndim == 2 else decoded_
    if frames_.ndim != 3 or max(scales) >= len(frames_):
        raise InputError("the file holds another number of frames than it says", where=where, remedy=EXPORT_AGAIN)
    return frames_ if stored is None else _rescaled(frames_, scales)


def _rescaled(stored: Array, scales: Mapping[int, tuple[float | None, float | None]]) -> Array:
    """Return stored values of frames times their slope plus their intercept; whole numbers where all of them are."""
    known = [scales.get(i, (None, None)) for i in range(len(stored))]
    slopes = np.array([1.0 if slope is None else slope for slope, _ in known])
    shifts = np.array([shift or 0.0 for _, shift in known])
    if (slopes == 1.0).all() and (shifts == 0.0).all():
        return stored
    if stored.dtype.itemsize <= 2 and all((v == np.rint(v)).all() for v in (slopes, shifts)):
        kind: type[np.generic] = np.int32
    else:
        kind = np.float32 if stored.dtype.itemsize <= 2 else np.float64
    scaled: Array = (stored * slopes[:, None, None] + shifts[:, None, None]).astype(kind)
    return scaled


def _unpacked_if_possible(file: Path) -> Array | None:
    """Return what `unpacked` does; None where the pixels need a decoder of images."""
    try:
        return unpacked(pydicom.dcmread(file, force=True))
    except Exception:  # pydicom raises many kinds: no decoder, too short, no pixels
        return None


def unpacked_or_refused(whole: Header, where: str) -> Array:
    """Return what `unpacked` does, or say which compression is not known here.

    Raises
    ------
    InputError
        If the pixels can't be unpacked without a decoder of images, or are damaged.
    """
    try:
        return unpacked(whole)
    except Exception:  # pydicom raises many kinds: no decoder, too short, no pixels
        packed = transfer_syntax(whole) not in NATIVE
        told = f"the compression, {syntax_name(whole)}, is not known here, or they are" if packed else "they are"
        raise InputError(
            f"its frames can't be decoded: {told} damaged", where=where, remedy=f"Copy it again, or {UNCOMPRESSED}"
        ) from None


def unpacked(whole: Header) -> Array:
    """Return stored values, shape (frame, row, column); bits and deflated frames are unpacked here."""
    bits, syntax = int(number(whole, "BitsAllocated") or 16), transfer_syntax(whole)
    shape = (int(number(whole, "NumberOfFrames") or 1), int(whole.Rows), int(whole.Columns))
    if syntax == DEFLATED_FRAMES or (bits == 1 and syntax == str(pydicom.uid.RLELossless)):
        undo = _inflated if syntax == DEFLATED_FRAMES else _run_lengths
        packed = [undo(part) for part in pydicom.encaps.generate_frames(whole.PixelData, number_of_frames=shape[0])]
        return np.stack([_from_bytes(part, shape[1:], whole, bits) for part in packed])
    pixels: Array = np.asarray(whole.pixel_array)
    return pixels.reshape(shape) if pixels.ndim == 2 else pixels


def _inflated(part: bytes) -> bytes:
    return zlib.decompress(part, -zlib.MAX_WBITS) if part[:1] != b"\x78" else zlib.decompress(part)


def _run_lengths(part: bytes) -> bytes:
    """Return the bytes of one RLE segment (DICOM PS3.5, annex G): frames of single bits have one of them."""
    if int.from_bytes(part[:4], "little") != 1:
        raise ValueError("not one segment")
    at, out = int.from_bytes(part[4:8], "little"), bytearray()
    while at < len(part):
        control = part[at]
        if control < 128:
            out += part[at + 1 : at + 2 + control]
            at += 2 + control
        else:
            out += part[at + 1 : at + 2] * (257 - control if control > 128 else 0)
            at += 2 if control > 128 else 1
    return bytes(out)


def _from_bytes(raw: bytes, shape: tuple[int, int], whole: Header, bits: int) -> Array:
    count = shape[0] * shape[1]
    flat: Array
    if bits == 1 and len(raw) < count:  # eight pixels a byte, the first in the lowest bit
        bytes_ = np.frombuffer(raw, dtype=np.uint8)
        flat = np.asarray(np.unpackbits(bytes_, bitorder="little")[:count])
    else:
        kind = "i" if number(whole, "PixelRepresentation") == 1 else "u"
        flat = np.frombuffer(raw, dtype=f"<{kind}{max(1, bits // 8)}")[:count]
    return flat.reshape(shape)


def _pixel_type(headers: tuple[Header, ...]) -> int:
    """Return a type that holds rescaled values: the stored one where no rescaling would round."""
    scales = {(number(h, "RescaleSlope"), number(h, "RescaleIntercept")) for h in headers}
    stored = {(number(h, "BitsAllocated"), number(h, "PixelRepresentation")) for h in headers}
    whole = all(v is None or v == round(v) for scale in scales for v in scale)
    if len(scales) == 1 and len(stored) == 1 and whole:
        return int(sitk.sitkUnknown)
    return int(sitk.sitkFloat32 if all((number(h, "BitsAllocated") or 16) <= 16 for h in headers) else sitk.sitkFloat64)
