"""Headers of MetaImage files (.mha, .mhd): https://itk.org/Wiki/ITK/MetaIO/Documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import GeometryError, InputError
from .nrrd import MM_PER_UNIT
from .stored import Encoding, Place, Stored, head_of, numbered, numbers_of, parts_named, whole_numbers

AGAIN = "Export the image again"
TYPES: Mapping[str, str] = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
LINE = re.compile(rb"[ \t]*([A-Za-z_]\w*)[ \t]*[=:]([^\n]*)\n?")
SAME = {"position": "offset", "origin": "offset", "rotation": "transformmatrix", "orientation": "transformmatrix"}
"""Other names of one entry."""


def is_meta_image(head: bytes) -> bool:
    """Return whether a file begins like a MetaImage header."""
    first = LINE.match(head)
    return first is not None and first[1].lower() in (b"objecttype", b"ndims", b"comment", b"objectsubtype")


def read_meta_header(path: Path, where: str, within: Path | None = None) -> Stored:
    """Return what the header of a MetaImage says; *within* is the folder its voxels may lie in besides its own.

    Raises
    ------
    InputError
        For an entry that is missing, occurs twice or can't be, and for voxels outside of these folders.
    """
    head = head_of(path)
    entries, end = _entries(head, where)
    (dimensions, *more) = whole_numbers(entries.get("ndims", ""), "NDims", where)
    size = whole_numbers(entries.get("dimsize", ""), "DimSize", where)
    if dimensions != 3:
        raise GeometryError(f"the image has {dimensions} dimensions, not 3", where=where, remedy="Give one volume")
    if more or len(size) != dimensions:
        raise InputError("NDims and DimSize of its header contradict each other", where=where, remedy=AGAIN)
    kind = entries.get("elementtype", "").upper().removesuffix("_ARRAY")
    if kind not in TYPES:
        raise InputError(f"its voxels are of type '{kind}'", where=where, remedy=AGAIN)
    big = _yes(entries, "elementbyteordermsb") or _yes(entries, "binarydatabyteordermsb")
    place, unplaced = _place(entries, where)
    names = _named(entries.get("elementdatafile", ""), head[end:], where)
    before = whole_numbers(entries.get("headersize", "0"), "HeaderSize", where)[0]
    if _yes(entries, "compresseddata"):
        encoding = Encoding.ZIPPED
    else:
        encoding = Encoding.TEXT if _no(entries, "binarydata") else Encoding.RAW
    return Stored(
        size,
        np.dtype((">" if big else "<") + TYPES[kind]),
        parts_named(path, names, where, within),
        place,
        unplaced,
        whole_numbers(entries.get("elementnumberofchannels", "1"), "ElementNumberOfChannels", where)[0],
        encoding,
        max(0, before) if names else end,
        0,
        min(0, max(-1, before)),
        _one(entries, "elementtointensityfunctionslope", 1.0, where),
        _one(entries, "elementtointensityfunctionoffset", 0.0, where),
    )


def _entries(head: bytes, where: str) -> tuple[dict[str, str], int]:
    """Return the entries by lower-case name up to the one of the voxels, the last, and where it ends."""
    entries: dict[str, str] = {}
    at = 0
    while "elementdatafile" not in entries:
        found = LINE.match(head, at)
        if found is None:
            raise InputError(f"its header ends after {len(entries)} entries", where=where, remedy=AGAIN)
        name = found[1].decode().lower()
        name = SAME.get(name, name)
        if name in entries:
            raise InputError(f"its header has {name} twice", where=where, remedy=AGAIN)
        entries[name] = found[2].decode("utf-8", "surrogateescape").strip()
        at = found.end()
    return entries, at


def _named(value: str, rest: bytes, where: str) -> list[str]:
    """Return the names of the files with the voxels; none where they follow the header."""
    words = value.split()
    if not words or words[0].upper() == "LOCAL":
        return []
    if words[0].upper() == "LIST":
        return [line.strip() for line in rest.decode("utf-8", "surrogateescape").splitlines() if line.strip()]
    return numbered(words, where) if "%" in value else [value]


def _place(entries: Mapping[str, str], where: str) -> tuple[Place | None, str]:
    spacing = entries.get("elementspacing", entries.get("elementsize"))
    wanted = {
        "ElementSpacing": spacing,
        "Offset": entries.get("offset"),
        "TransformMatrix": entries.get("transformmatrix"),
    }
    lacks = [name for name, text in wanted.items() if text is None]
    if lacks:
        return None, f"its header has no {', no '.join(lacks)}"
    unit = entries.get("distanceunits", "mm").lower()
    if unit not in MM_PER_UNIT:
        raise InputError(f"its header says DistanceUnits: {unit[:40]}", where=where, remedy="Save it in millimeters")
    read = [np.array(numbers_of(text or "", name, where)) for name, text in wanted.items()]
    if [len(numbers) for numbers in read] != [3, 3, 9]:
        raise InputError("its header has a place of another number of dimensions", where=where, remedy=AGAIN)
    spacing_mm, origin_mm = (numbers * MM_PER_UNIT[unit] for numbers in read[:2])
    rows = read[2].reshape(3, 3)  # one axis after another
    return Place(tuple(spacing_mm.tolist()), tuple(origin_mm.tolist()), tuple(rows.T.ravel().tolist())), ""


def _one(entries: Mapping[str, str], name: str, default: float, where: str) -> float:
    return numbers_of(entries[name], name, where)[0] if entries.get(name, "") else default


def _yes(entries: Mapping[str, str], name: str) -> bool:
    return entries.get(name, "").lower() in ("true", "t", "1", "yes")


def _no(entries: Mapping[str, str], name: str) -> bool:
    return entries.get(name, "").lower() in ("false", "f", "0", "no")
