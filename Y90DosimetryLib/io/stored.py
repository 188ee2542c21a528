"""Voxels as a header describes them: which files hold them, how, and where in the patient they lie.

Nothing a header says is believed before it is checked: files are regular ones in the folder of the image, sizes are
known before memory is spent, and a place that is not stated is none.
"""

from __future__ import annotations

import bz2
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..images import right_angled
from .paths import require_file

LARGEST_IMAGE_BYTES = 1 << 31
"""Tool default: 2 GiB, a CT of 1,024 slices of 1,024 x 1,024 voxels; assessing one takes several times that."""
MOST_PARTS = 10_000
"""Tool default: files that the voxels of one image may be spread over."""
HEADER_BYTES = 1 << 20
"""Text headers end well before this."""
CHUNK_BYTES = 1 << 20
MOST_CHARACTERS_A_VALUE = 40
"""Of voxels written as text, with the blanks between them."""
ANY_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
COPY_AGAIN = "Copy or export it again"
SAVE_WITH_PLACE = "Save it again as NRRD, NIfTI or MetaImage with its geometry"
OR_STATE_IT = f"{SAVE_WITH_PLACE}, or state that in the case file under [[geometry]]"
PATTERN = re.compile(r"([^%]*)%(0?[1-9]?)d([^%]*)")
"""Names of numbered files: one whole number, nothing else that printf knows."""


class Encoding(StrEnum):
    """How voxels are written."""

    RAW = "raw"
    ZIPPED = "gzip"
    BZIPPED = "bzip2"
    TEXT = "text"


@dataclass(frozen=True)
class Place:
    """Where voxels lie: spacing and origin in LPS mm, and the axes as columns of nine direction cosines."""

    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]


@dataclass(frozen=True)
class Stored:
    """An image file before its voxels are read."""

    size: tuple[int, ...]
    """Voxels along each axis, the fastest first."""
    dtype: np.dtype[np.generic]
    parts: tuple[Path, ...]
    """The files with the voxels, one after another; the header itself where it holds them."""
    place: Place | None
    unplaced: str = ""
    """What the header lacks where `place` is None."""
    components_count: int = 1
    encoding: Encoding = Encoding.RAW
    offset_bytes_count: int = 0
    """Where in each part what belongs to the voxels begins."""
    skip_lines_count: int = 0
    """From there on, before the voxels."""
    skip_bytes_count: int = 0
    """After that, once unpacked; -1: the voxels are at the end of the file."""
    slope_ratio: float = 1.0
    intercept_counts: float = 0.0
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further entries of the header, by their keys as written."""

    @property
    def promised_bytes_count(self) -> int:
        """The size of all voxels in memory."""
        return prod(self.size) * self.components_count * self.dtype.itemsize


def image_of(stored: Stored, where: str, place: Place | None = None) -> sitk.Image:
    """Return the image that a header describes, its voxels in the byte order of this machine.

    Parameters
    ----------
    place
        Where it lies, if the user says so because the header does not.

    Raises
    ------
    InputError, GeometryError
        If its place is not stated, or twice, it is not three-dimensional, too large for memory, truncated or damaged.
    """
    if len(stored.size) != 3:
        raise GeometryError(
            f"the image has {len(stored.size)} dimensions, not 3", where=where, remedy="Give one volume"
        )
    if place is not None and stored.place is not None:
        raise GeometryError(
            "its header states a geometry, and so does the case file",
            where=where,
            remedy="Remove its table [[geometry]], or save the image again with the right one",
        )
    place = place or stored.place
    if place is None:
        raise GeometryError(f"its place in the patient is unknown: {stored.unplaced}", where=where, remedy=OR_STATE_IT)
    check_size(stored, where)
    array = _voxels(stored, where)
    if (stored.slope_ratio, stored.intercept_counts) != (1.0, 0.0):
        kind = np.float64 if array.dtype.itemsize > 4 else np.float32
        scaled: NDArray[np.floating] = array.astype(kind)
        scaled *= stored.slope_ratio
        scaled += stored.intercept_counts
        array = scaled
    image = sitk.GetImageFromArray(array, isVector=stored.components_count > 1)
    return placed(image, place, where)


def placed(image: sitk.Image, place: Place, where: str) -> sitk.Image:
    """Return an image of three dimensions put in its place; see `images.right_angled` for the errors."""
    numbers = (*place.spacing_mm, *place.origin_mm, *place.direction)
    if not np.isfinite(numbers).all() or min(place.spacing_mm) <= 0:
        raise GeometryError(
            f"spacing {_listed(place.spacing_mm)} mm, origin {_listed(place.origin_mm)} mm or direction "
            f"{_listed(place.direction)} is not usable",
            where=where,
            remedy="Export the image again with its geometry",
        )
    image.SetSpacing(place.spacing_mm)
    image.SetOrigin(place.origin_mm)
    return right_angled(image, where, place.direction)


def part_beside(header: Path, name: str, where: str, within: Path | None = None) -> Path:
    """Return the file with voxels that a header names.

    Raises
    ------
    InputError
        If it lies outside of the header's folder and of *within* (the folder of the case): a header may not make
        other files of this computer appear in a result. Or if it is missing, a pipe, a device, a folder.
    """
    path = header.parent / name
    roots = {folder.resolve() for folder in (header.parent, header.resolve().parent, within) if folder is not None}
    if not any(path.resolve().is_relative_to(root) for root in roots):
        raise InputError(
            f"its header names voxels outside of its folder ({name})", where=where, remedy="Put both into one folder"
        )
    require_file(path, f"{where}, its other file {path.name}", COPY_AGAIN)
    return path


def numbered(words: list[str], where: str) -> list[str]:
    """Return the names of numbered files from a pattern, the first and last number, and the step ("s%03d.raw 1 22 1").

    Raises
    ------
    InputError
        If the pattern holds anything but one plain number, or names too many files.
    """
    found = PATTERN.fullmatch(words[0])
    numbers = [int(word) for word in words[1:4] if re.fullmatch(r"-?\d{1,9}", word)]
    if found is None or len(numbers) != 3 or not numbers[2]:
        raise InputError(
            f"its header names files as '{' '.join(words)[:80]}'",
            where=where,
            remedy="Name them like s%03d.raw 1 22 1, or list them",
        )
    first, last, step = numbers
    series = range(first, last + (1 if step > 0 else -1), step)
    if not 0 < len(series) <= MOST_PARTS:
        raise InputError(f"its header names {len(series)} files", where=where, remedy=f"At most {MOST_PARTS}")
    return [f"{found[1]}{number:{found[2]}d}{found[3]}" for number in series]


def parts_named(header: Path, names: list[str], where: str, within: Path | None) -> tuple[Path, ...]:
    """Return the files with voxels that a header names; see `part_beside` for the errors."""
    if len(names) > MOST_PARTS:
        raise InputError(f"its header names {len(names)} files", where=where, remedy=f"At most {MOST_PARTS}")
    return tuple(part_beside(header, name, where, within) for name in names) or (header,)


def head_of(path: Path) -> bytes:
    """Return the beginning of a file."""
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def whole_numbers(text: str, name: str, where: str) -> tuple[int, ...]:
    """Return the whole numbers of a header's entry; raise `InputError` for anything else."""
    words = text.split()
    if not words or not all(re.fullmatch(r"[-+]?\d{1,18}", word) for word in words):
        raise InputError(f"its header says {name}: '{text[:80]}'", where=where, remedy="Export the image again")
    return tuple(int(word) for word in words)


def numbers_of(text: str, name: str, where: str) -> tuple[float, ...]:
    """Return the numbers of a header's entry, NaN among them; raise `InputError` for anything else."""
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        raise InputError(
            f"its header says {name}: '{text[:80]}'", where=where, remedy="Export the image again"
        ) from None


def check_size(stored: Stored, where: str) -> None:
    """Raise `InputError` where the voxels that a header promises are none, or do not fit into memory."""
    if min(stored.size) < 1 or stored.components_count < 1:
        raise InputError(f"its header says a size of {_listed(stored.size)}", where=where, remedy=COPY_AGAIN)
    if stored.promised_bytes_count > LARGEST_IMAGE_BYTES:
        raise InputError(
            f"its {' x '.join(map(str, stored.size))} voxels take {stored.promised_bytes_count / 2**30:.1f} GiB of "
            f"memory; the limit is {LARGEST_IMAGE_BYTES / 2**30:.0f} GiB",
            where=where,
            remedy="Crop it to the liver, or resample it to larger voxels",
        )


def _voxels(stored: Stored, where: str) -> NDArray[np.generic]:
    shape = (*stored.size[::-1], *([stored.components_count] if stored.components_count > 1 else []))
    if stored.encoding is Encoding.TEXT:
        return _written_out(stored, where).reshape(shape)
    voxels = np.empty(stored.promised_bytes_count, dtype=np.uint8)
    each, rest = divmod(stored.promised_bytes_count, len(stored.parts))
    if rest:
        raise InputError(
            f"the voxels can't be shared out over {len(stored.parts)} files", where=where, remedy=COPY_AGAIN
        )
    for number, part in enumerate(stored.parts):
        _fill(voxels[number * each : (number + 1) * each], part, stored, where)
    array = voxels.view(stored.dtype).reshape(shape)
    return array if stored.dtype.isnative else array.astype(stored.dtype.newbyteorder("="))


def _fill(target: NDArray[np.uint8], part: Path, stored: Stored, where: str) -> None:
    """Read one part into its share of the voxels; nothing is held besides a chunk."""
    filled = 0
    with part.open("rb") as file:
        for chunk in _chunks(file, stored, len(target), where):
            take = min(len(chunk), len(target) - filled)
            target[filled : filled + take] = np.frombuffer(chunk, dtype=np.uint8, count=take)
            filled += take
    if filled < len(target):
        raise InputError(
            f"the file is truncated: {len(target) - filled} of {len(target)} bytes are missing",
            where=where,
            remedy=COPY_AGAIN,
        )


def _chunks(file: BinaryIO, stored: Stored, wanted: int, where: str) -> Iterator[bytes]:
    """Yield the bytes of one part from the first voxel on."""
    file.seek(stored.offset_bytes_count)
    for _ in range(stored.skip_lines_count):
        file.readline(HEADER_BYTES)
    if stored.encoding is Encoding.RAW:
        if stored.skip_bytes_count < 0:
            file.seek(max(0, file.seek(0, 2) - wanted))
        else:
            file.seek(stored.skip_bytes_count, 1)
        while wanted > 0 and (chunk := file.read(min(CHUNK_BYTES, wanted))):
            wanted -= len(chunk)
            yield chunk
        return
    skip, left = max(0, stored.skip_bytes_count), wanted + max(0, stored.skip_bytes_count) + CHUNK_BYTES
    for chunk in _unpacked(file, stored.encoding, where):
        left -= len(chunk)
        if left < 0:
            raise InputError(
                f"it unpacks to more than the {wanted} bytes of its voxels", where=where, remedy=COPY_AGAIN
            )
        yield chunk[skip:]
        skip = max(0, skip - len(chunk))


def _unpacked(file: BinaryIO, encoding: Encoding, where: str) -> Iterator[bytes]:
    """Yield what a packed file holds, a chunk at a time, its checksum verified at the end."""
    stream = _unpacker(encoding)
    given = b""
    try:
        while not stream.eof:
            given = given or file.read(CHUNK_BYTES)
            if not given and getattr(stream, "needs_input", True):
                raise InputError(
                    "the file is truncated: its compressed part stops early", where=where, remedy=COPY_AGAIN
                )
            yield stream.decompress(given, CHUNK_BYTES)
            given = getattr(stream, "unconsumed_tail", b"")
            if stream.eof and stream.unused_data.startswith((b"\x1f\x8b", b"BZh")):  # several, one after another
                given, stream = stream.unused_data, _unpacker(encoding)
    except (zlib.error, OSError, EOFError):
        raise InputError("the compressed voxels are damaged", where=where, remedy=COPY_AGAIN) from None


def _unpacker(encoding: Encoding) -> Any:  # zlib's and bz2's classes have one interface and no common type
    return bz2.BZ2Decompressor() if encoding is Encoding.BZIPPED else zlib.decompressobj(ANY_ZLIB_OR_GZIP)


def _written_out(stored: Stored, where: str) -> NDArray[np.generic]:
    """Return voxels that are written as text."""
    count = prod(stored.size) * stored.components_count
    words: list[bytes] = []
    for part in stored.parts:
        if part.stat().st_size > MOST_CHARACTERS_A_VALUE * count + HEADER_BYTES:
            raise InputError("it holds more than its voxels", where=where, remedy=COPY_AGAIN)
        with part.open("rb") as file:
            file.seek(stored.offset_bytes_count)
            words += file.read().split(b"\n", stored.skip_lines_count)[-1].split()
    if len(words) < count:
        raise InputError(
            f"the file is truncated: {count - len(words)} of {count} voxels are missing", where=where, remedy=COPY_AGAIN
        )
    try:
        return np.array([float(word) for word in words[:count]]).astype(stored.dtype.newbyteorder("="))
    except ValueError:
        raise InputError("a voxel is no number", where=where, remedy="Export the image again") from None


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
