"""DICOM headers read one by one: forgiving with odd values, silent, and without the patient in any text."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import pydicom
import pydicom.config
from pydicom.dataelem import RawDataElement
from pydicom.values import convert_value

Header = Any
"""A pydicom Dataset without its pixels, or a mapping that stands for an absent one."""

DIRECTORY = "1.2.840.10008.1.3.10"  # DICOM PS3.4, media storage directory (DICOMDIR)
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"  # DICOM PS3.6, annex A: NM Image Storage
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = {"", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.20"}
"""Transfer syntaxes whose pixels are neither packed nor in items (DICOM PS3.5, annex A)."""
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
BYTES = {"UN", "OB", "OW", "OF", "OD", "OL", "OV"}
END_OF_PIXELS = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
"""The item that ends compressed pixels (DICOM PS3.5, annex A.4)."""
TAIL_BYTES = 4096
SHORTEST_SECRET = 2
WITHIN_WORDS = 5
"""Secrets of this length are blotted out inside longer words too, as in file names."""
PERSONAL = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "OtherPatientIDs", "PatientBirthName")
REDACTED = "***"
PLAIN_WORDS = frozenset(
    [
        "liver",
        "hepatic",
        "tumor",
        "lesion",
        "lung",
        "lungs",
        "phantom",
        "spleen",
        "kidney",
        "left",
        "right",
        "lobe",
        "perfused",
        "normal",
        "whole",
        "segment",
        "treated",
        "future",
        "remnant",
        "resection",
        "thrombus",
        "portal",
        "vein",
        "none",
        "unknown",
        "anon",
        "anonymous",
        "anonymized",
        "patient",
        "test",
    ]
)
"""Words that name no patient though they stand in a name: of phantoms, pseudonyms and structures."""


@contextmanager
def hushed() -> Iterator[None]:
    """Keep pydicom from telling about odd values: its sentences quote them, and they may name the patient."""
    log = logging.getLogger("pydicom")
    before = log.disabled, log.propagate
    log.disabled = True
    try:
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled, log.propagate = before


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM, with or without the preamble."""
    with path.open("rb") as stream:
        head = stream.read(140)
    if head[128:132] == b"DICM":
        return True
    group, element = head[:2], head[2:4]
    return len(head) == 140 and group in (b"\x08\x00", b"\x00\x08") and element[0] in (0, 5, 8) and element[1] < 0x19


def read_header(path: Path) -> tuple[Header | None, bool]:
    """Return a file's header, None when it is cut off or makes no sense, and whether its pixels are all there.

    Call it within `hushed`.
    """
    try:
        with path.open("rb") as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            left = path.stat().st_size - stream.tell()
        for keyword in ("SOPClassUID", "SeriesInstanceUID", "Modality", *PERSONAL):
            header.get(keyword)  # values are decoded when they are first asked for
    except Exception:  # a broken file may break pydicom in any way
        return None, False
    kind = class_uid(header)
    named = kind == DIRECTORY or text(header, "Modality") or text(header, "SeriesInstanceUID")
    return (header, _is_whole(header, left, path)) if kind and named else (None, False)


def class_uid(header: Header) -> str:
    """Return the kind of object; where the data set leaves it empty, the file meta header says it."""
    return text(header, "SOPClassUID") or text(getattr(header, "file_meta", {}), "MediaStorageSOPClassUID")


def transfer_syntax(header: Header) -> str:
    """Return the UID of the way a file's pixels are stored; empty where the file does not say."""
    return text(getattr(header, "file_meta", {}), "TransferSyntaxUID")


def syntax_name(header: Header) -> str:
    """Return the name of that way for a message."""
    uid = transfer_syntax(header)
    return "Deflated Image Frame Compression" if uid == DEFLATED_FRAMES else str(pydicom.uid.UID(uid).name)


def instance_uid(header: Header) -> str:
    """Return the UID of one object; where the data set leaves it empty, the file meta header says it."""
    return text(header, "SOPInstanceUID") or text(getattr(header, "file_meta", {}), "MediaStorageSOPInstanceUID")


def _is_whole(header: Header, left_bytes: int, path: Path) -> bool:
    """Whether an image has a size, and its file the pixels that it promises, or the end of compressed ones.

    A JPEG 2000 image that is cut off fails after gigabytes of memory were taken for it: it is not even tried.
    """
    if class_uid(header) in (RTSTRUCT, DIRECTORY):
        return True
    size = number(header, "Rows"), number(header, "Columns")
    if size[0] is None or size[1] is None:
        return False
    syntax = transfer_syntax(header)
    if syntax == DEFLATED:
        return True
    if syntax not in NATIVE:
        return _holds_end_of_pixels(path)
    count = (number(header, "NumberOfFrames") or 1) * (number(header, "SamplesPerPixel") or 1)
    return left_bytes >= size[0] * size[1] * count * (number(header, "BitsAllocated") or 0.0) / 8


def _holds_end_of_pixels(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
        if END_OF_PIXELS in stream.read():
            return True
        stream.seek(0)  # elements may follow the pixels
        return END_OF_PIXELS in stream.read()


def value(holder: Header, keyword: str) -> Any:
    """Return an element's value; None when it is absent, empty or unreadable."""
    try:
        found = holder.get(keyword)
        if isinstance(found, bytes):
            found = _meant(holder, keyword, found)
    except Exception:  # an odd value may break its conversion in any way
        return None
    return None if found is None or found == "" or (hasattr(found, "__len__") and len(found) == 0) else found


def _meant(holder: Header, keyword: str, raw: bytes) -> Any:
    """Return what bytes of the value representation UN mean, which is how more than 64 kB are written.

    Explicit VR has 16 bits for the length of most elements; a longer one is stored as UN, whose sequences are in
    Implicit VR Little Endian (DICOM PS3.5, 6.2.2).
    """
    element = holder[keyword]
    known = pydicom.datadict.dictionary_VR(element.tag)
    if element.VR != "UN" or known.split()[0] in BYTES:
        return raw
    known = known.split()[0]
    return convert_value(known, RawDataElement(element.tag, known, len(raw), raw, 0, known == "SQ", True))


def text(holder: Header, keyword: str) -> str:
    """Return an element as text; empty when absent."""
    found = value(holder, keyword)
    return "" if found is None else str(found).strip(" \0")


def words(holder: Header, keyword: str) -> tuple[str, ...]:
    """Return the values of an element as capital words; none when absent."""
    found = value(holder, keyword)
    if found is None:
        return ()
    many = [found] if isinstance(found, str) or not hasattr(found, "__iter__") else list(found)
    return tuple(str(word).strip().upper() for word in many)


def numbers(holder: Header, keyword: str) -> tuple[float, ...]:
    """Return the finite numbers of an element; none when it is absent or one of them is no number."""
    found = value(holder, keyword)
    if found is None:
        return ()
    many = list(found) if hasattr(found, "__iter__") and not isinstance(found, str) else [found]
    try:
        read = tuple(float(part) for part in many)
    except (TypeError, ValueError):
        return ()
    return read if all(isfinite(part) for part in read) else ()


def number(holder: Header, keyword: str) -> float | None:
    """Return the first number of an element; None when absent."""
    found = numbers(holder, keyword)
    return found[0] if found else None


def is_garbled(holder: Header, keyword: str) -> bool:
    """Whether an element holds something, and that is no number: "0,25"."""
    if keyword not in holder or number(holder, keyword) is not None:
        return False
    raw = holder.get_item(keyword).value
    return raw is not None and bool(str(raw, "ascii", "replace").strip(" \0") if isinstance(raw, bytes) else raw)


def items(holder: Header, keyword: str) -> tuple[Header, ...]:
    """Return the items of a sequence; none when absent."""
    found = value(holder, keyword)
    try:
        return tuple(item for item in found if hasattr(item, "get")) if found is not None else ()
    except Exception:  # a broken item breaks the iteration in any way
        return ()


def item(holder: Header, *keywords: str) -> Header:
    """Return the first item of nested sequences; an empty mapping where one is absent."""
    for keyword in keywords:
        inner = items(holder, keyword)
        if not inner:
            return {}
        holder = inner[0]
    return holder


def code(holder: Header, keyword: str) -> tuple[str, str, str]:
    """Return scheme, value and meaning of a coded entry; empty texts where absent."""
    entry = item(holder, keyword)
    return text(entry, "CodingSchemeDesignator"), text(entry, "CodeValue"), text(entry, "CodeMeaning")


def secrets_of(header: Header) -> frozenset[str]:
    """Return the words of a header that name the patient or the examination."""
    found: set[str] = set()
    for keyword in PERSONAL:
        whole = text(header, keyword)
        found |= {whole, *re.split(r"[\^=\s,\\]+", whole)}
    return frozenset(word.casefold() for word in found if len(word) >= SHORTEST_SECRET) - PLAIN_WORDS


def scrubbed(told: str, secrets: frozenset[str]) -> str:
    """Return a text with every word that names the patient blotted out."""
    for secret in sorted(secrets, key=len, reverse=True):
        found = re.escape(secret)
        if len(secret) < WITHIN_WORDS:
            found = rf"(?<![^\W_]){found}(?![^\W_])"
        told = re.sub(found, REDACTED, told, flags=re.IGNORECASE)
    return told


def unmistakable(secrets: frozenset[str]) -> frozenset[str]:
    """Return the secrets that can be no word or number of a sentence: for texts that were composed here."""
    return frozenset(s for s in secrets if len(s) >= WITHIN_WORDS)
