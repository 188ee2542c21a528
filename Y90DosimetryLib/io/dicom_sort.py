"""A folder of anything, sorted: which files are DICOM, which series they form, and what each series is good for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pydicom

from ..errors import InputError
from ..progress import Progress, silent
from .dicom_frames import Frame, frames_of
from .dicom_groups import volumes_of
from .dicom_header import (
    DIRECTORY,
    Header,
    class_uid,
    hushed,
    instance_uid,
    is_dicom,
    items,
    number,
    numbers,
    read_header,
    scrubbed,
    secrets_of,
    text,
    value,
)
from .dicom_kind import SEG_CLASSES, STORAGE, kind_of
from .dicom_kind import Kind as Kind
from .dicom_people import Person, numbered
from .paths import printable

VOLUMES = {Kind.CT, Kind.CBCT, Kind.SPECT, Kind.PET, Kind.MR}
ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".tgz", ".xz", ".bz2"}


@dataclass(frozen=True)
class Series:
    """Frames that belong together, of one file each or of several in a file. No text of it names the patient."""

    number: int
    kind: Kind
    why: str
    """What speaks for the kind, or against its use."""
    frames: tuple[Frame, ...]
    patient: int
    """Counts from 1 in this folder."""
    description: str
    broken: tuple[str, ...] = ()
    """Files whose pixels are cut off."""

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files of the frames, each once."""
        return tuple(dict.fromkeys(frame.file for frame in self.frames))

    @property
    def headers(self) -> tuple[Header, ...]:
        """The header of each frame, as if it were a single file."""
        return tuple(frame.header for frame in self.frames)

    @property
    def header(self) -> Header:
        """The header of the first frame."""
        return self.frames[0].header

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
        return f"{self.number}: {self.kind.value}{self.told}"

    @property
    def told(self) -> str:
        """The same without number and kind: description, size and doubts."""
        grid = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
        size = [number(self.header, k) for k in ("Columns", "Rows")]
        if len(self.frames) > len(self.files):
            grid += f" with {len(self.frames)} frames"
        if all(size):
            grid += f" of {size[0]:g} x {size[1]:g}"
        named = f" '{self.description}'" if self.description else ""
        return f"{named}, {grid}" + (f"; {self.why}" if self.why else "")


@dataclass(frozen=True)
class Sorting:
    """What a folder holds."""

    series: tuple[Series, ...]
    foreign_count: int = 0
    """Files that are not DICOM."""
    duplicate_count: int = 0
    """Files that hold an image which another file holds too."""
    renumbered_count: int = 0
    """Files that share the UID of another one and hold something else."""
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
            (
                self.renumbered_count,
                "file",
                "kept although another one has the same SOPInstanceUID: their images differ",
            ),
            (self.absent_count, "file", "listed by the DICOMDIR and not there"),
        )
        return tuple(f"DICOM folder: {many(count, what)} {why}" for count, what, why in told if count)

    def of_kind(self, *kinds: Kind) -> tuple[Series, ...]:
        """Return the series of some kinds."""
        return tuple(s for s in self.series if s.kind in kinds)

    def numbered(self, number: int, about: str) -> Series:
        """Return the series of a number in the list; *about* is the member of `Choices` that holds it."""
        found = next((s for s in self.series if s.number == number), None)
        if found is None:
            listed = "\n".join(self.lines())
            raise InputError(f"there is no series {number}", remedy=f"The folder holds:\n{listed}", about=about)
        return found

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
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), remedy="Give the folder that holds the images")
    walked = [(Path(at), folders, names) for at, folders, names in os.walk(folder)]
    linked = any((at / name).is_symlink() for at, folders, _ in walked for name in folders)
    sorting = sort_files(sorted(at / name for at, _, names in walked for name in names), progress)
    if not sorting.series and not sorting.damaged:
        links = ". Links to other folders are not followed" if linked else ""
        count = sorting.foreign_count
        raise InputError(
            f"no DICOM file among {count} file{'' if count == 1 else 's'}",
            where=printable(str(folder)),
            remedy=f"Give the folder that was exported from the PACS, unpacked{links}",
        )
    return sorting


def sort_files(paths: Iterable[Path], progress: Progress = silent) -> Sorting:
    """Return what some files hold."""
    paths = list(paths)
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
        secrets = frozenset().union(*(secrets_of(h) for _, h in found)) if found else frozenset()
        unique, renumbered_count = _without_duplicates(found)
        series = _series(unique, cut, secrets)
    return Sorting(
        series,
        foreign_count,
        len(found) - len(unique),
        renumbered_count,
        max(0, listed_count - file_count),
        archive_count,
        tuple(scrubbed(printable(path.name), secrets) for path in damaged),
        secrets,
    )


def _without_duplicates(found: list[tuple[Path, Header]]) -> tuple[list[tuple[Path, Header]], int]:
    """Leave out what another file holds too, and count files that share nothing with it but the UID.

    Exports often hold an image twice; anonymizers number instances anew in each series, or give all the same UID.
    """
    kept: dict[str, list[tuple[Path, Header]]] = {}
    unique, renumbered_count = [], 0
    for path, header in found:
        same = kept.setdefault(instance_uid(header) or str(path), [])
        if any(_is_copy(path, header, *other) for other in same):
            continue
        renumbered_count += bool(same)
        same.append((path, header))
        unique.append((path, header))
    return unique, renumbered_count


def _is_copy(path: Path, header: Header, other_path: Path, other: Header) -> bool:
    """Whether two files of one UID hold the same image."""
    for keyword in ("SeriesInstanceUID", "SOPClassUID", "Rows", "Columns", "NumberOfFrames"):
        if text(header, keyword) != text(other, keyword):
            return False
    if numbers(header, "ImagePositionPatient") != numbers(other, "ImagePositionPatient"):
        return False
    return _content(path) == _content(other_path)


def _content(path: Path) -> bytes:
    """Return what a file holds beside its header: its pixels, or all of it where there are none."""
    try:
        whole = pydicom.dcmread(path, force=True)
        return bytes(whole.PixelData) if "PixelData" in whole else path.read_bytes()
    except Exception:  # a broken file may break pydicom in any way
        return path.read_bytes()


def _series(found: list[tuple[Path, Header]], cut: set[Path], secrets: frozenset[str]) -> tuple[Series, ...]:
    people: list[Person] = []
    series: list[Series] = []
    frames = [f for path, header in found for f in _frames(header, path, path not in cut)]
    for group, part in volumes_of(frames):
        header = group[0].header
        kind, why = kind_of(header)
        own = tuple(group)
        if kind in VOLUMES and len(own) == 1 and own[0].flaw is None and own[0].file not in cut:
            kind, why = Kind.OTHER, "a single slice"
        broken = tuple(
            scrubbed(printable(path.name), secrets) for path in dict.fromkeys(f.file for f in own) if path in cut
        )
        described = scrubbed(text(header, "SeriesDescription"), secrets) + (f" ({part})" if part else "")
        series.append(Series(0, kind, why, own, numbered(header, people), described, broken))
    order = list(Kind)
    series = _unused_together(series)
    series.sort(key=lambda s: (s.patient, order.index(s.kind), number(s.header, "SeriesNumber") or 0, s.description))
    return tuple(replace(s, number=n) for n, s in enumerate(series, start=1))


def _frames(header: Header, path: Path, whole: bool) -> tuple[Frame, ...]:
    """Return the frames of a file; outlines and files that are cut off stay in one piece."""
    if not whole or class_uid(header).removeprefix(STORAGE) in SEG_CLASSES:
        return (Frame(header, path),)
    return frames_of(header, path)


def _unused_together(series: list[Series]) -> list[Series]:
    """Put what is not used of one series, for one reason, into one line: the views of a turning projection, say."""
    kept: dict[tuple[object, ...], Series] = {}
    for at, one in enumerate(series):
        alone = one.kind is not Kind.OTHER or not one.uid
        key = (at,) if alone else (one.uid, one.why, one.patient)
        kept[key] = replace(kept[key], frames=kept[key].frames + one.frames) if key in kept else one
    return list(kept.values())
