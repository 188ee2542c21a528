"""Headers of NIfTI-1 files, in one file or as a pair: https://nifti.nimh.nih.gov/nifti-1."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from .stored import ANY_ZLIB_OR_GZIP, COPY_AGAIN, Encoding, Place, Stored, part_beside

HEADER_SIZE = 348
MAGIC_AT = 344
TYPES: Mapping[int, tuple[str, int]] = {
    2: ("u1", 1),
    4: ("i2", 1),
    8: ("i4", 1),
    16: ("f4", 1),
    64: ("f8", 1),
    128: ("u1", 3),
    256: ("i1", 1),
    512: ("u2", 1),
    768: ("u4", 1),
    1024: ("i8", 1),
    1280: ("u8", 1),
    2304: ("u1", 4),
}
"""Type and number of values a voxel for each datatype; complex and 128-bit ones are left out."""
MM_PER_UNIT: Mapping[int, float] = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}
"""Of xyzt_units: unknown (millimeters, as every program writes them), m, mm, um."""
SAME_PLACE_MM = 0.5
"""Tool default: the two transforms of a header may put a corner of the image so far apart by rounding."""
TO_LPS = np.array([-1.0, -1.0, 1.0])
AGAIN = "Export the image again"


def header_bytes(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked where it is packed with gzip; fewer where it is shorter."""
    with path.open("rb") as file:
        head = file.read(1 << 14)
    if head.startswith(b"\x1f\x8b"):
        try:
            return zlib.decompressobj(ANY_ZLIB_OR_GZIP).decompress(head, HEADER_SIZE + 4)
        except zlib.error:
            return b""
    return head[: HEADER_SIZE + 4]


def is_nifti(head: bytes) -> bool:
    """Return whether unpacked bytes begin a NIfTI-1 file or header."""
    return len(head) >= HEADER_SIZE and head[MAGIC_AT : MAGIC_AT + 4] in (b"n+1\0", b"ni1\0")


def header_file(path: Path) -> Path:
    """Return the file with the header: of a pair, the .hdr of an .img."""
    other = path.with_name(re.sub(r"\.img(\.gz)?$", ".hdr", path.name, flags=re.IGNORECASE))
    return other if other != path and other.is_file() else path


def read_nifti_header(path: Path, where: str, within: Path | None = None) -> Stored:
    """Return what the header of a NIfTI file says; *path* is the file itself, or either one of a pair.

    Raises
    ------
    InputError, GeometryError
        For an entry that can't be, and where both transforms are valid and put the image in two places.
    """
    path = header_file(path)
    head = header_bytes(path)
    order = "<" if struct.unpack_from("<i", head)[0] == HEADER_SIZE else ">"
    dim = struct.unpack_from(order + "8h", head, 40)
    (datatype,) = struct.unpack_from(order + "h", head, 70)
    (vox_offset, slope, intercept) = struct.unpack_from(order + "3f", head, 108)
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1 or datatype not in TYPES:
        raise InputError(f"its header says dimensions {dim} and type {datatype}", where=where, remedy=AGAIN)
    size = list(dim[1 : dim[0] + 1])
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    vectors = size.pop() if len(size) == 5 and size[3] == 1 else 1
    if len(size) == 4 and size[3] == 1:
        size.pop()
    name, components = TYPES[datatype]
    pair = head[MAGIC_AT : MAGIC_AT + 3] == b"ni1"
    part = _voxels_of(path, where, within) if pair else path
    if not np.isfinite(vox_offset) or not 0 <= vox_offset < 1 << 30:
        raise InputError(f"its header says that voxels begin at byte {vox_offset:g}", where=where, remedy=AGAIN)
    scaled = bool(np.isfinite([slope, intercept]).all()) and slope != 0
    place, unplaced = _place(head, order, tuple(size), where) if len(size) == 3 else (None, "")
    with part.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return Stored(
        tuple(size),
        np.dtype(order + name),
        (part,),
        place,
        unplaced,
        components * vectors,
        Encoding.ZIPPED if packed else Encoding.RAW,
        skip_bytes_count=int(vox_offset),
        slope_ratio=float(slope) if scaled else 1.0,
        intercept_counts=float(intercept) if scaled else 0.0,
    )


def _voxels_of(path: Path, where: str, within: Path | None) -> Path:
    stem = re.sub(r"\.hdr(\.gz)?$", "", path.name, flags=re.IGNORECASE)
    names = [f"{stem}{suffix}" for suffix in (".img", ".img.gz", ".IMG")]
    found = next((name for name in names if (path.parent / name).exists()), None)
    if found is None:
        raise InputError(f"there is no {names[0]} beside it", where=where, remedy=COPY_AGAIN)
    return part_beside(path, found, where, within)


def _place(head: bytes, order: str, size: tuple[int, ...], where: str) -> tuple[Place | None, str]:
    pixdim = struct.unpack_from(order + "8f", head, 76)
    unit_mm = MM_PER_UNIT.get(head[123] & 7)
    if unit_mm is None:
        raise GeometryError(f"its header says the unit {head[123] & 7}", where=where, remedy="Save it in millimeters")
    quaternion_code, matrix_code = struct.unpack_from(order + "2h", head, 252)
    numbers = struct.unpack_from(order + "18f", head, 256)
    stated = []  # columns: the steps along x, y, z, and the origin, in RAS
    if quaternion_code > 0:
        stated.append(_from_quaternion(numbers[:6], pixdim, where))
    if matrix_code > 0:
        stated.append(np.array(numbers[6:], dtype=np.float64).reshape(3, 4))
    if not stated:
        return None, "qform and sform of its header are both unset"
    corners = np.array([(*corner, 1.0) for corner in product(*((0.0, n - 1.0) for n in size))])
    apart_mm = np.linalg.norm(corners @ (stated[0] - stated[-1]).T, axis=1).max() * unit_mm
    if not apart_mm <= SAME_PLACE_MM:
        raise GeometryError(
            f"qform and sform of its header put it in two places, {apart_mm:.1f} mm apart",
            where=where,
            remedy="Save it again with one of them",
        )
    affine = stated[0] * TO_LPS[:, None] * unit_mm
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = affine[:, :3] / spacing
    return Place(tuple(spacing.tolist()), tuple(affine[:, 3].tolist()), tuple(direction.ravel().tolist())), ""


def _from_quaternion(numbers: tuple[float, ...], pixdim: tuple[float, ...], where: str) -> NDArray[np.float64]:
    b, c, d = numbers[:3]
    rest = 1.0 - (b * b + c * c + d * d)
    if not rest >= -1e-5:
        raise GeometryError(f"the quaternion of its header ({b:g}, {c:g}, {d:g}) is none", where=where, remedy=AGAIN)
    a = sqrt(max(0.0, rest))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = np.array([pixdim[1], pixdim[2], pixdim[3] * (-1.0 if pixdim[0] < 0 else 1.0)])
    return np.column_stack([turn * steps, numbers[3:6]])
