"""Headers of NRRD files: https://teem.sourceforge.net/nrrd/format.html, and what 3D Slicer adds to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import GeometryError, InputError
from .stored import Encoding, Place, Stored, head_of, numbered, numbers_of, parts_named, whole_numbers

MAGIC = re.compile(rb"NRRD000[1-5]\r?\n")
AGAIN = "Export the image again"
TYPES: Mapping[str, str] = {
    name: code
    for code, names in {
        "i1": "signed char, int8, int8_t",
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i4": "int, signed int, int32, int32_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
        "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(", ")
}
ENCODINGS: Mapping[str, Encoding] = {
    "raw": Encoding.RAW,
    **dict.fromkeys(("gz", "gzip"), Encoding.ZIPPED),
    **dict.fromkeys(("bz2", "bzip2"), Encoding.BZIPPED),
    **dict.fromkeys(("txt", "text", "ascii"), Encoding.TEXT),
}
TO_LPS: Mapping[str, tuple[int, int, int]] = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1, 1)),
}
"""The signs of the axes of a named space in LPS."""
MM_PER_UNIT: Mapping[str, float] = {
    **dict.fromkeys(("mm", "millimeter", "millimeters", ""), 1.0),
    **dict.fromkeys(("m", "meter", "meters"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", "micrometer", "micrometers", "micron", "microns"), 1e-3),
}
"""A file that names no unit is in mm, as every program writes them."""


SEGMENT = re.compile(r"Segment\d+_\w+$")
VOLUMES = "volumes"
"""Among the fields: how many volumes of one size lie one after another along the last axis."""


def read_nrrd_header(path: Path, where: str, within: Path | None = None) -> Stored:
    """Return what the header of a NRRD file says; *within* is the folder its voxels may lie in besides its own.

    Raises
    ------
    InputError, GeometryError
        For an entry that is missing, occurs twice or can't be, and for voxels outside of these folders.
    """
    head = head_of(path)
    end = re.search(rb"\r?\n\r?\n", head)
    text = head[: end.start() if end else len(head)].decode("utf-8", "replace")
    entries, fields, listed = _entries(text, where)
    if "\n" in entries.get("datafile", ""):
        raise InputError("its header is damaged", where=where, remedy=AGAIN)
    kind = entries.get("type", "").lower()
    encoding = entries.get("encoding", "").lower()
    if kind not in TYPES or encoding not in ENCODINGS:
        raise InputError(f"its voxels are of type '{kind}' in encoding '{encoding}'", where=where, remedy=AGAIN)
    dtype: np.dtype[np.generic] = np.dtype(TYPES[kind])
    if dtype.itemsize > 1 and ENCODINGS[encoding] is not Encoding.TEXT:
        order = {"little": "<", "big": ">"}.get(entries.get("endian", "").lower())
        if order is None:
            raise InputError("its header does not say the byte order (endian)", where=where, remedy=AGAIN)
        dtype = np.dtype(order + TYPES[kind])
    sizes = whole_numbers(entries.get("sizes", ""), "sizes", where)
    if (len(sizes),) != whole_numbers(entries.get("dimension", ""), "dimension", where):
        raise InputError("dimension and sizes of its header contradict each other", where=where, remedy=AGAIN)
    if len(sizes) == 4 and any(SEGMENT.match(key) for key in fields) and _first_is_space(entries):
        fields[VOLUMES] = str(sizes[3])
        entries, sizes = _on_end(entries), (sizes[0], sizes[1], sizes[2] * sizes[3])
    place, unplaced, components = _place(entries, sizes, where)
    detached = "datafile" in entries
    names = listed or (_named(entries["datafile"], where) if detached else [])
    skip = {key: whole_numbers(entries.get(key, "0"), key, where)[0] for key in ("lineskip", "byteskip")}
    return Stored(
        sizes[1:] if components else sizes,
        dtype,
        parts_named(path, names, where, within),
        place,
        unplaced,
        components or 1,
        ENCODINGS[encoding],
        0 if detached or end is None else end.end(),
        max(0, skip["lineskip"]),
        max(-1, skip["byteskip"]),
        fields=fields,
    )


def _first_is_space(entries: Mapping[str, str]) -> bool:
    """Whether the first axis is one of space, and not the layers, as later versions of 3D Slicer write them."""
    first = entries.get("kinds", "domain").split()[0].lower()
    return first in ("domain", "space", "???") and not entries.get("spacedirections", "").lower().startswith("none")


def _on_end(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the header of a volume for each segment as that of one volume, the segments one after another.

    3D Slicer wrote these until 4.10: four axes of space (in LPS, as ITK has them), of which the last counts segments.
    """
    found = dict(entries)
    vectors = re.findall(r"\(([^)]*)\)", entries.get("spacedirections", ""))[:3]
    found["spacedirections"] = " ".join(f"({','.join(vector.split(',')[:3])})" for vector in vectors)
    if "spaceorigin" in found:
        found["spaceorigin"] = f"({','.join(found['spaceorigin'].strip().strip('()').split(',')[:3])})"
    found.setdefault("space", "left-posterior-superior")
    found["kinds"] = "domain domain domain"
    return found


def _entries(text: str, where: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the fields by name without blanks, the key/value pairs, and the files of a LIST."""
    entries: dict[str, str] = {}
    fields: dict[str, str] = {}
    lines = text.splitlines()[1:]
    for number, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            continue
        if found := re.match(r"([^:]+):=(.*)", line):
            fields[found[1]] = found[2]
            continue
        name, colon, value = line.partition(":")
        name = re.sub(r"\s", "", name).lower()
        if not colon or name in entries:
            why = f"'{name}' twice" if colon else f"a line that is none ('{line[:40]}')"
            raise InputError(f"its header has {why}", where=where, remedy=AGAIN)
        entries[name] = value.strip()
        if name == "datafile" and value.split()[:1] == ["LIST"]:
            return entries, fields, [name.strip() for name in lines[number + 1 :] if name.strip()]
    return entries, fields, []


def _named(value: str, where: str) -> list[str]:
    words = value.split()
    is_pattern = "%" in value or (len(words) > 3 and all(re.fullmatch(r"-?\d+", w) for w in words[1:4]))
    return numbered(words, where) if is_pattern else [value]


def _place(entries: Mapping[str, str], sizes: tuple[int, ...], where: str) -> tuple[Place | None, str, int]:
    """Return the place, what it lacks, and how many components the first axis holds (0: it is one of space)."""
    axes = re.findall(r"none|\([^)]*\)", entries.get("spacedirections", ""), re.IGNORECASE)
    components = sizes[0] if axes[:1] and axes[0].lower() == "none" else 0
    kinds = entries.get("kinds", "").split()
    if not axes and kinds and kinds[0].lower() not in ("domain", "space", "???", "none"):
        components = sizes[0]
    if len(sizes) - bool(components) != 3:  # refused as such
        return None, "", components
    vectors = [_vector(axis, where) for axis in axes[bool(components) :]]
    space = entries.get("space", "").lower()
    lacks = [
        name
        for name, there in (
            ("space directions", len(vectors) == 3),
            ("space origin", "spaceorigin" in entries),
            ("an anatomical space (left-posterior-superior, …)", space in TO_LPS),
        )
        if not there
    ]
    if lacks:
        return None, f"its header has no {', no '.join(lacks)}", components
    signs = np.array(TO_LPS[space], dtype=float)
    scale_mm = _unit_mm(entries.get("spaceunits", ""), where)
    matrix = np.array(vectors) * signs * scale_mm  # a row an axis
    origin = np.array(_vector(entries["spaceorigin"], where)) * signs * scale_mm
    lengths = np.linalg.norm(matrix, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = (matrix / lengths[:, None]).T
    return Place(tuple(lengths.tolist()), tuple(origin.tolist()), tuple(direction.ravel().tolist())), "", components


def _vector(text: str, where: str) -> tuple[float, ...]:
    numbers = numbers_of(text.strip().strip("()").replace(",", " "), "a vector", where)
    if len(numbers) != 3:
        raise GeometryError(f"its header says the vector '{text[:60]}'", where=where, remedy=AGAIN)
    return numbers


def _unit_mm(text: str, where: str) -> float:
    units = {unit.strip().lower() for unit in re.findall(r'"([^"]*)"', text)} or {text.strip().lower()}
    known = {MM_PER_UNIT.get(unit) for unit in units}
    unit_mm = known.pop()
    if unit_mm is None or known:
        raise GeometryError(f"its header says space units: {text[:60]}", where=where, remedy="Save it in millimeters")
    return unit_mm
