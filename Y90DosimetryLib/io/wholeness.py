"""Whether an image file holds every byte its header promises: several readers fill what is missing without a word."""

from __future__ import annotations

import os
import re
import zlib
from math import prod
from pathlib import Path

import SimpleITK as sitk

from ..errors import InputError

HEADER_BYTES = 1 << 20
"""Text headers of NRRD and MetaImage end well before this."""
CHUNK_BYTES = 16384
"""Read at once from a compressed file; a mask of zeros unpacks to a thousand times that."""
GIPL_HEADER_BYTES = 256
ANY_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS

IN_PLACE = (b"LOCAL", b"LIST")
"""Words that stand where a header names the file with its voxels."""
COPY_AGAIN = "Copy or export it again"


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files an image consists of: *path*, then the file with its voxels where that is another one."""
    return (path, *(other for other in detached_files(path) if other.is_file()))


def detached_files(path: Path) -> tuple[Path, ...]:
    """Return where the voxels of an image lie, or its header, if not in *path*; whether they are there or not."""
    name = path.name.lower()
    detached: list[str] = []
    if name.endswith((".nhdr", ".nrrd", ".mhd", ".mha")):
        head = _head(path)
        pattern = rb"^ElementDataFile *= *(.*?)\s*$"
        if name.endswith(("hdr", "nrrd")):
            head, pattern = head[: _nrrd_header_bytes(head)], rb"^data ?file: *(\S.*?)\s*$"
        found = re.search(pattern, head, re.MULTILINE)
        detached = [os.fsdecode(found[1])] if found and found[1].upper() not in IN_PLACE else []
    elif name.endswith(".hdr"):
        detached = [path.stem + ".img", path.stem + ".img.gz"]
    elif name.endswith((".img", ".img.gz")):
        detached = [re.sub(r"\.img(\.gz)?$", ".hdr", path.name, flags=re.IGNORECASE)]
    return tuple(path.parent / other for other in detached)


def check_whole(path: Path, reader: sitk.ImageFileReader, where: str) -> None:
    """Raise `InputError` when voxels are missing from the file or its compressed part is damaged.

    *reader* has read the header. Formats whose readers notice it themselves are left to them.
    """
    kind = sitk.ImageFileReader.GetImageIOFromFileName(str(path))
    check = _CHECKS.get(kind)
    if check is not None:
        check(path, reader, where)


def _check_nifti(path: Path, reader: sitk.ImageFileReader, where: str) -> None:
    data = next((f for f in files_of(path) if ".img" in f.name.lower()), path)
    offset = int(float(reader.GetMetaData("vox_offset")))
    voxels = prod(max(1, int(reader.GetMetaData(f"dim[{i}]"))) for i in range(1, int(reader.GetMetaData("dim[0]")) + 1))
    promised = offset + voxels * int(reader.GetMetaData("bitpix")) // 8
    packed = _starts(data, b"\x1f\x8b")
    _compare(_unpacked_bytes(data, 0, where) if packed else data.stat().st_size, promised, where)


def _check_meta_image(path: Path, reader: sitk.ImageFileReader, where: str) -> None:
    head = _head(path)
    found = re.search(rb"^ElementDataFile *= *(.*?)\s*?\n", head, re.MULTILINE)
    if found is None or re.search(rb"^BinaryData *= *False", head, re.MULTILINE):
        return
    local = found[1].upper() == b"LOCAL"
    data = path if local else files_of(path)[-1]
    if not local and data == path:  # a list or a pattern of files: the reader looks for each
        return
    offset = found.end() if local else 0
    if re.search(rb"^CompressedData *= *True", head, re.MULTILINE):
        _compare(_unpacked_bytes(data, offset, where), _voxel_bytes(reader), where)
    else:
        _compare(data.stat().st_size, offset + _voxel_bytes(reader), where)


def _check_nrrd(path: Path, _reader: sitk.ImageFileReader, where: str) -> None:
    head = _head(path)
    length = _nrrd_header_bytes(head)
    if re.search(rb"^encoding: *(gz|gzip)\s*$", head[:length], re.MULTILINE):
        data = files_of(path)[-1]
        _unpacked_bytes(data, length if data == path else 0, where)


def _check_vtk(path: Path, reader: sitk.ImageFileReader, where: str) -> None:
    head = _head(path)
    table = re.search(rb"^LOOKUP_TABLE.*\n", head, re.MULTILINE)
    if re.search(rb"^BINARY", head, re.MULTILINE):
        _compare(path.stat().st_size, (table.end() if table else 0) + _voxel_bytes(reader), where)


def _check_gipl(path: Path, reader: sitk.ImageFileReader, where: str) -> None:
    packed = _starts(path, b"\x1f\x8b")
    held = _unpacked_bytes(path, 0, where) if packed else path.stat().st_size
    _compare(held, GIPL_HEADER_BYTES + _voxel_bytes(reader), where)


_CHECKS = {
    "NiftiImageIO": _check_nifti,
    "MetaImageIO": _check_meta_image,
    "NrrdImageIO": _check_nrrd,
    "VTKImageIO": _check_vtk,
    "GiplImageIO": _check_gipl,
}


def _compare(held_bytes: int, promised_bytes: int, where: str) -> None:
    if held_bytes < promised_bytes:
        raise InputError(
            f"the file is truncated: {promised_bytes - held_bytes} of {promised_bytes} bytes are missing",
            where=where,
            remedy=COPY_AGAIN,
        )


def _voxel_bytes(reader: sitk.ImageFileReader) -> int:
    one = sitk.Image([1] * reader.GetDimension(), reader.GetPixelID(), reader.GetNumberOfComponents())
    return int(prod(reader.GetSize()) * reader.GetNumberOfComponents() * one.GetSizeOfPixelComponent())


def _unpacked_bytes(path: Path, offset: int, where: str) -> int:
    """Return how many bytes a zlib or gzip stream unpacks to, its checksum verified."""
    count = 0
    stream = zlib.decompressobj(ANY_ZLIB_OR_GZIP)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_BYTES):
                count += len(stream.decompress(chunk))
                while stream.eof and stream.unused_data.startswith(b"\x1f\x8b"):  # several streams, one after another
                    rest, stream = stream.unused_data, zlib.decompressobj(ANY_ZLIB_OR_GZIP)
                    count += len(stream.decompress(rest))
    except zlib.error:
        raise InputError("the compressed voxels are damaged", where=where, remedy=COPY_AGAIN) from None
    if not stream.eof:
        raise InputError("the file is truncated: its compressed part stops early", where=where, remedy=COPY_AGAIN)
    return count


def _nrrd_header_bytes(head: bytes) -> int:
    end = re.search(rb"\r?\n\r?\n", head)
    return end.end() if end else len(head)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _starts(path: Path, magic: bytes) -> bool:
    return _head(path).startswith(magic)
