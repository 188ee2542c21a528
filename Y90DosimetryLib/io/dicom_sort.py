"""A folder of anything, sorted: which files are DICOM, which series they form, and what each series is good for."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..progress import Progress, silent
from .dicom_header import (
    DIRECTORY,
    RTSTRUCT,
    Header,
    class_uid,
    hushed,
    instance_uid,
    is_dicom,
    is_multi_frame,
    items,
    number,
    numbers,
    read_header,
    scrubbed,
    secrets_of,
    text,
    value,
    words,
)
from .paths import printable


class Kind(StrEnum):
    """What a series is to a case."""

    CT = "CT"
    CBCT = "cone-beam CT"
    SPECT = "SPECT"
    PET = "PET"
    PLANAR = "planar scintigram"
    SEG = "DICOM segmentation"
    RTSTRUCT = "RT structure set"
    UNSURE = "unsure"
    OTHER = "not used"


STORAGE = "1.2.840.10008.5.1.4.1.1."  # DICOM PS3.6, annex A: storage classes
CT_CLASSES = {"2", "2.1", "2.2"}
PET_CLASSES = {"128", "130", "128.1"}
XRAY_3D_CLASSES = {"13.1.1", "13.1.2"}
CAPTURE_CLASSES = {"7", "7.1", "7.2", "7.3", "7.4"}
NM_CLASS = "20"
SEG_CLASSES = {"66.4", "66.7"}
RTSTRUCT_CLASS = RTSTRUCT.removeprefix(STORAGE)
CONE_BEAM = re.compile(r"dyna ?ct|xper ?ct|cone.?beam|\bcbct\b|innova ?ct|artis|allura|azurion", re.IGNORECASE)
COARSE_PIXEL_MM = 1.5
"""Tool default: a CT that was never shrunk has finer pixels."""
ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".tgz", ".xz", ".bz2"}
NOT_HOUNSFIELD = {
    "OD": "optical densities",
    "MGML": "mg/mL (of iodine, say)",
    "Z_EFF": "atomic numbers",
    "ED": "electron densities",
    "EDW": "electron densities relative to water",
    "PCT": "percent",
}
"""RescaleType (0028,1054) of material images from several energies, DICOM PS3.3, C.11.1.1.2.1."""
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
PARTS = ("TemporalPositionIdentifier", "FrameReferenceTime", "AcquisitionNumber", "ConvolutionKernel", "ImageType")
"""What tells apart the volumes of one series, tried in this order."""


@dataclass(frozen=True)
class Series:
    """Images that belong together; `files` and `headers` go side by side. No text of it names the patient."""

    number: int
    kind: Kind
    why: str
    """What speaks for the kind, or against its use."""
    files: tuple[Path, ...]
    headers: tuple[Header, ...]
    patient: int
    """Counts from 1 in this folder."""
    description: str
    broken: tuple[str, ...] = ()
    """Files whose pixels are cut off."""

    @property
    def header(self) -> Header:
        """The header of the first file."""
        return self.headers[0]

    @property
    def uid(self) -> str:
        """The SeriesInstanceUID; it identifies the patient to whoever has the archive: do not write it anywhere."""
        return text(self.header, "SeriesInstanceUID")

    @property
    def frame_of_reference(self) -> str:
        """The FrameOfReferenceUID, to compare with, not to write."""
        return text(self.header, "FrameOfReferenceUID")

    @property
    def says_whose(self) -> bool:
        """Whether the header names a patient, by an ID or a name."""
        return bool(text(self.header, "PatientID") or text(self.header, "PatientName").strip("^ "))

    @property
    def line(self) -> str:
        """One line for a list."""
        grid = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
        size = [number(self.header, k) for k in ("Columns", "Rows")]
        if all(size):
            grid += f" of {size[0]:g} x {size[1]:g}"
        named = f" '{self.description}'" if self.description else ""
        return f"{self.number}: {self.kind.value}{named}, {grid}" + (f"; {self.why}" if self.why else "")


@dataclass(frozen=True)
class Sorting:
    """What a folder holds."""

    series: tuple[Series, ...]
    foreign_count: int = 0
    """Files that are not DICOM."""
    duplicate_count: int = 0
    """Files that hold an image which another file holds too."""
    absent_count: int = 0
    """Files that a DICOMDIR lists and the folder lacks."""
    archive_count: int = 0
    """Of the files that are not DICOM, those that are packed and may hold some."""
    damaged: tuple[str, ...] = ()
    """DICOM files whose header can't be read."""
    secrets: frozenset[str] = frozenset()
    """Words that name a patient, for `dicom_header.scrubbed`."""

    @property
    def patients(self) -> tuple[int, ...]:
        """The patients in the folder, counted from 1."""
        return tuple(sorted({s.patient for s in self.series}))

    @property
    def file_notes(self) -> tuple[str, ...]:
        """What was left aside of the folder, and why."""
        other_count = self.foreign_count - self.archive_count
        told = (
            (other_count, "file", "not DICOM and ignored"),
            (self.archive_count, "packed archive", "not looked into: unpack what belongs to the case"),
            (self.duplicate_count, "file", "left out: another one holds the same image"),
            (self.absent_count, "file", "listed by the DICOMDIR and not there"),
        )
        return tuple(f"DICOM folder: {many(count, what)} {why}" for count, what, why in told if count)

    def of_kind(self, *kinds: Kind) -> tuple[Series, ...]:
        """Return the series of some kinds."""
        return tuple(s for s in self.series if s.kind in kinds)

    def of_patient(self, patient: int) -> Sorting:
        """Return the same without other patients' series."""
        return replace(self, series=tuple(s for s in self.series if s.patient == patient))

    def lines(self) -> tuple[str, ...]:
        """Return one line for each series, under its patient where there are several."""
        if len(self.patients) < 2:
            return tuple(s.line for s in self.series)
        lines: list[str] = []
        for patient in self.patients:
            lines += [f"patient {patient}:", *(f"  {s.line}" for s in self.of_patient(patient).series)]
        return tuple(lines)


def many(count: int, what: str) -> str:
    """Return "1 file is", "2 files are"."""
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def sort_folder(folder: Path, progress: Progress = silent) -> Sorting:
    """Return what a folder and all folders below it hold; nothing is decided here.

    Raises
    ------
    InputError
        If there is no such folder, or no DICOM file in it.
    MissingToolError
        If pydicom is not installed.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), remedy="Give the folder that holds the images")
    walked = [(Path(at), folders, names) for at, folders, names in os.walk(folder)]
    paths = sorted(at / name for at, _, names in walked for name in names)
    linked = any((at / name).is_symlink() for at, folders, _ in walked for name in folders)
    found: list[tuple[Path, Header]] = []
    damaged: list[Path] = []
    cut: set[Path] = set()
    foreign_count, listed_count, file_count, archive_count = 0, 0, 0, 0
    with hushed():
        for done, path in enumerate(paths):
            progress(done / len(paths), "reading headers")
            try:
                ours = path.is_file() and is_dicom(path)
            except OSError:
                damaged.append(path)
                continue
            if not ours:
                empty_image = path.suffix.lower() in {".dcm", ".ima"} and path.is_file() and not path.stat().st_size
                damaged += [path] * empty_image
                foreign_count += not empty_image
                archive_count += path.suffix.lower() in ARCHIVES
                continue
            header, whole = read_header(path)
            if header is None:
                damaged.append(path)
            elif class_uid(header) == DIRECTORY:
                records = items(header, "DirectoryRecordSequence")
                listed_count += sum(value(r, "ReferencedFileID") is not None for r in records)
            else:
                file_count += 1
                found.append((path, header))
                cut |= set() if whole else {path}
        if not found and not damaged:
            links = ". Links to other folders are not followed" if linked else ""
            raise InputError(
                f"no DICOM file among {foreign_count} file{'' if foreign_count == 1 else 's'}",
                where=printable(str(folder)),
                remedy=f"Give the folder that was exported from the PACS, unpacked{links}",
            )
        secrets = frozenset().union(*(secrets_of(h) for _, h in found)) if found else frozenset()
        unique = _without_duplicates(found)
        series = _numbered(unique, cut, secrets)
    return Sorting(
        series,
        foreign_count,
        len(found) - len(unique),
        max(0, listed_count - file_count),
        archive_count,
        tuple(scrubbed(printable(path.name), secrets) for path in damaged),
        secrets,
    )


def _without_duplicates(found: list[tuple[Path, Header]]) -> list[tuple[Path, Header]]:
    """Keep the first file of each instance: exports often hold the same image twice."""
    kept: dict[Hashable, tuple[Path, Header]] = {}
    for path, header in found:
        kept.setdefault(instance_uid(header) or path, (path, header))
    return list(kept.values())


def _numbered(found: list[tuple[Path, Header]], cut: set[Path], secrets: frozenset[str]) -> tuple[Series, ...]:
    people: list[tuple[str, ...]] = []
    series: list[Series] = []
    for group in _groups(found):
        header = group[0][1]
        kind, why = _kind(header)
        broken = tuple(scrubbed(printable(path.name), secrets) for path, _, _ in group if path in cut)
        part = f" ({group[0][2]})" if group[0][2] else ""
        series.append(
            Series(
                0,
                kind,
                why,
                tuple(path for path, _, _ in group),
                tuple(h for _, h, _ in group),
                _person(header, people),
                scrubbed(text(header, "SeriesDescription"), secrets) + part,
                broken,
            )
        )
    order = list(Kind)
    series.sort(key=lambda s: (s.patient, order.index(s.kind), number(s.header, "SeriesNumber") or 0, s.description))
    return tuple(replace(s, number=n) for n, s in enumerate(series, start=1))


def _person(header: Header, people: list[tuple[str, ...]]) -> int:
    """Return the number of the patient, a new one where a known ID, name or birth date contradicts all others."""
    name = re.sub(r"[\^\s=]+", " ", text(header, "PatientName")).strip().casefold()
    own = (text(header, "PatientID").casefold(), name, text(header, "PatientBirthDate"))
    for at, other in enumerate(people):
        alike = [a == b or not a or not b for a, b in zip(own, other, strict=True)]
        alike[1] |= bool(own[0]) and own[0] == other[0] and _spelled_otherwise(name, other[1])
        if all(alike):
            people[at] = tuple(a or b for a, b in zip(other, own, strict=True))
            return at + 1
    people.append(own)
    return len(people)


def _spelled_otherwise(name: str, other: str) -> bool:
    """Whether two names differ in titles, further given names, accents and umlauts only ("müller", "mueller")."""
    for told in ((name, other), (name.translate(UMLAUTS), other.translate(UMLAUTS))):
        one, two = ({re.sub(r"\W", "", unicodedata.normalize("NFKD", w)) for w in words.split()} for words in told)
        if one <= two or two <= one:
            return True
    return False


def _groups(found: list[tuple[Path, Header]]) -> Iterator[list[tuple[Path, Header, str]]]:
    """Yield the files of each volume with the name of the part where a series holds several."""
    for group in _by(found, _belongs).values():
        key = next((k for k in PARTS if _separates(group, k)), None) if _doubled(group) else None
        if key is None:
            yield [(path, header, "") for path, header in group]
            continue
        for count, part in enumerate(_by(group, partial(_written, keyword=key)).values(), start=1):
            yield [(path, header, f"part {count}") for path, header in part]


def _by(
    found: list[tuple[Path, Header]], key: Callable[[Header], Hashable]
) -> dict[Hashable, list[tuple[Path, Header]]]:
    groups: dict[Hashable, list[tuple[Path, Header]]] = {}
    for path, header in found:
        groups.setdefault(key(header), []).append((path, header))
    return groups


def _belongs(header: Header) -> Hashable:
    """What images of one volume share: localizers and other sizes in the same series fall apart."""
    uid = text(header, "SeriesInstanceUID") or (text(header, "StudyInstanceUID"), _written(header, "SeriesNumber"))
    kind = class_uid(header)
    if is_multi_frame(header) or kind.removeprefix(STORAGE) in SEG_CLASSES | {RTSTRUCT_CLASS}:
        return uid, instance_uid(header)
    shape = tuple(_written(header, k) for k in ("Rows", "Columns"))
    axes = tuple(round(v, 2) + 0.0 for v in numbers(header, "ImageOrientationPatient"))
    pixel = tuple(round(v, 4) for v in numbers(header, "PixelSpacing"))
    return uid, kind, shape, axes, pixel, text(header, "PatientID")


def _written(header: Header, keyword: str) -> str:
    return str(value(header, keyword))


def _place(header: Header) -> tuple[float, ...]:
    return tuple(round(v, 3) for v in numbers(header, "ImagePositionPatient"))


def _doubled(group: list[tuple[Path, Header]]) -> bool:
    places = [_place(h) for _, h in group]
    return len(set(places)) < len(places)


def _separates(group: list[tuple[Path, Header]], keyword: str) -> bool:
    parts = _by(group, partial(_written, keyword=keyword)).values()
    return len(parts) > 1 and not any(_doubled(part) for part in parts)


def _kind(header: Header) -> tuple[Kind, str]:
    """Return what a series is by what its header says, and what speaks against it."""
    storage = class_uid(header).removeprefix(STORAGE)
    image_type, modality = words(header, "ImageType"), text(header, "Modality")
    if storage in SEG_CLASSES:
        return Kind.SEG, ""
    if storage == RTSTRUCT_CLASS:
        return Kind.RTSTRUCT, ""
    if (number(header, "SamplesPerPixel") or 1) > 1:
        return Kind.OTHER, "in color"
    if "LOCALIZER" in image_type:
        return Kind.OTHER, "a localizer"
    if storage == NM_CLASS:
        kind = image_type[2] if len(image_type) > 2 else "unknown type"
        kinds = {"RECON TOMO": Kind.SPECT, "STATIC": Kind.PLANAR, "WHOLE BODY": Kind.PLANAR}
        return (kinds[kind], "") if kind in kinds else (Kind.OTHER, f"nuclear medicine, {kind.lower()}: not a volume")
    if storage in PET_CLASSES:
        return Kind.PET, ""
    if storage in XRAY_3D_CLASSES:
        return Kind.CBCT, ""
    if storage in CT_CLASSES:
        return _kind_of_ct(header, modality)
    if storage in CAPTURE_CLASSES:
        if modality in {"CT", "NM", "PT", "ST"} and numbers(header, "ImagePositionPatient"):
            return Kind.UNSURE, f"a Secondary Capture labeled {modality}, {_grid(header)}: say what it is"
        return Kind.OTHER, "a screenshot (Secondary Capture)"
    return Kind.OTHER, f"{modality or 'no modality'}, this class of object is not read"


def _kind_of_ct(header: Header, modality: str) -> tuple[Kind, str]:
    if (unit := text(header, "RescaleType").upper()) in NOT_HOUNSFIELD:
        return Kind.OTHER, f"its values are {NOT_HOUNSFIELD[unit]}, not Hounsfield units"
    scale = number(header, "RescaleSlope")
    fraction = scale is not None and abs(scale - round(scale)) > 1e-9
    coarse = (number(header, "PixelSpacing") or 0.0) >= COARSE_PIXEL_MM
    if modality in {"NM", "PT"} or (fraction and coarse):
        return Kind.UNSURE, f"stored as CT image, labeled {modality}, {_grid(header)}: say what it is"
    told = " ".join(text(header, k) for k in ("ManufacturerModelName", "SeriesDescription", "ProtocolName"))
    if modality == "XA" or CONE_BEAM.search(told):
        return Kind.CBCT, ""
    return Kind.CT, ""


def _grid(header: Header) -> str:
    scale, pixel_mm = number(header, "RescaleSlope"), number(header, "PixelSpacing")
    told = f"pixels of {pixel_mm:g} mm" if pixel_mm else "pixels of unknown size"
    return told if scale is None else f"{told}, slope {scale:g}"
