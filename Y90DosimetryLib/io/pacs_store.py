"""DICOM files of a folder into a PACS (C-STORE). No message names the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from ..errors import InputError
from ..progress import Progress, part, silent
from .dicom_header import Header, class_uid, number, scrubbed, text
from .dicom_sort import Series, many, sort_folder
from .pacs_link import (
    MOST_CONTEXTS,
    SUCCESS,
    UNCOMPRESSED,
    WARNINGS,
    Peer,
    association,
    check_answer,
    echo,
    meaning_of,
    pynetdicom_module,
)

MOST_PAIRS = (MOST_CONTEXTS - 1) // 2
"""Classes and syntaxes of one association: each may add the default syntax, and one context asks for nothing."""
NOT_TAKEN = -1
"""Stands for a status where the object was not even offered."""


@dataclass(frozen=True)
class Pushed:
    """How many objects the PACS stored, a line for each that it refused, and what it did with others."""

    stored_count: int
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def push(folder: Path, peer: Peer, progress: Progress = silent) -> Pushed:
    """Send all DICOM files of a folder to a PACS (C-STORE), after asking whether it is there (C-ECHO).

    A refused object does not stop the others. Files are sent as they are stored; where the PACS takes a class only
    in Implicit VR Little Endian, uncompressed ones are rewritten for it.

    Raises
    ------
    InputError
        If the folder holds no DICOM file, damaged ones or several patients, or the PACS does not answer.
    MissingToolError
        If pydicom or pynetdicom is not installed.
    """
    pynetdicom_module()
    sorting = sort_folder(folder, part(progress, 0.0, 0.2))
    broken = [*sorting.damaged, *(name for s in sorting.series if number(s.header, "Rows") for name in s.broken)]
    if broken:
        raise InputError(
            f"{many(len(broken), 'DICOM file')} truncated or damaged: {', '.join(broken[:3])}",
            where=str(folder),
            remedy="Nothing was sent. Copy the folder again, or take them out of it",
        )
    if len(sorting.patients) > 1:
        raise InputError(
            f"the folder holds series of {len(sorting.patients)} patients",
            where=str(folder),
            remedy="Nothing was sent. Send each patient's folder by itself",
        )
    files = [(file, header, series) for file, (header, series) in _each_once(sorting.series).items()]
    if sorting.renumbered_count:
        raise InputError(
            f"{many(sorting.renumbered_count, 'file')} of the same SOPInstanceUID as another one with another image",
            where=str(folder),
            remedy="Nothing was sent: a PACS would keep one of each. Export them again with UIDs of their own",
        )
    nameless = sum(not _has_uids(header) for _, header, _ in files)
    if nameless:
        raise InputError(
            f"{many(nameless, 'file')} without SOPInstanceUID, StudyInstanceUID or SeriesInstanceUID",
            where=str(folder),
            remedy="Nothing was sent. No PACS can store them: export them again with their UIDs",
        )
    progress(0.2, "asking the PACS")
    echo(peer)
    kinds = list(dict.fromkeys((class_uid(h), _syntax(h)) for _, h, _ in files))
    stored = 0
    refused: list[str] = []
    notes: list[str] = []
    for at in range(0, len(kinds), MOST_PAIRS):
        some = kinds[at : at + MOST_PAIRS]
        mine = [(f, h, s) for f, h, s in files if (class_uid(h), _syntax(h)) in some]
        with association(peer, _contexts(some)) as connected:
            for file, header, series in mine:
                progress(0.2 + 0.8 * (stored + len(refused)) / len(files), "sending")
                code, told = _store(connected, file, header, peer)
                line = f"{scrubbed(file.name, sorting.secrets)} (series {series.number}, {series.kind.value}): {told}"
                if code == SUCCESS or code in WARNINGS:
                    stored += 1
                    notes += [line] if code in WARNINGS else []
                else:
                    refused.append(line)
    progress(1.0, "done")
    return Pushed(stored, tuple(refused), tuple(notes))


def _each_once(found: Sequence[Series]) -> dict[Path, tuple[Header, Series]]:
    """Return each file with a header of it and its series: a file may hold many frames, and those several series."""
    files: dict[Path, tuple[Header, Series]] = {}
    for series in found:
        for frame in series.frames:
            files.setdefault(frame.file, (frame.header, series))
    return files


def _has_uids(header: Header) -> bool:
    """Whether a data set says which object of which study and series it is."""
    return all(text(header, f"{of}InstanceUID") for of in ("SOP", "Study", "Series"))


def _syntax(header: Header) -> str:
    """Return the transfer syntax; a data set without a meta header is taken for what DICOM assumes (PS3.5, 10.1)."""
    found = text(getattr(header, "file_meta", {}), "TransferSyntaxUID")
    return found or str(pydicom.uid.ImplicitVRLittleEndian)


def _contexts(kinds: Sequence[tuple[str, str]]) -> list[Any]:
    """Return one context for each class and syntax, the default syntax for each class, and one that all PACS take."""
    module, default = pynetdicom_module(), str(pydicom.uid.ImplicitVRLittleEndian)
    pairs = dict.fromkeys([*kinds, *((kind, default) for kind, _ in kinds)])
    contexts = [module.build_context(kind, syntax) for kind, syntax in pairs]
    return [*contexts, module.build_context(module.sop_class.Verification)]  # else it ends where no class is taken


def _store(connected: Any, file: Path, header: Header, peer: Peer) -> tuple[int, str]:
    """Send one file; return the status and what it means."""
    uid = pydicom.uid
    kind, syntax = class_uid(header), _syntax(header)
    taken = {(str(c.abstract_syntax), str(s)) for c in connected.accepted_contexts for s in c.transfer_syntax}
    plain = {str(getattr(uid, name)) for name in UNCOMPRESSED}
    if (kind, syntax) not in taken and not (syntax in plain and any((kind, other) in taken for other in plain)):
        named = uid.UID(syntax).name
        return NOT_TAKEN, f"the PACS does not take {uid.UID(kind).name} in {named}"
    dataset = pydicom.dcmread(file, force=True)
    if not text(dataset, "SOPClassUID"):  # some scanners leave it to the meta header alone
        dataset.SOPClassUID = kind
    if not text(getattr(dataset, "file_meta", {}), "TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    try:
        status = connected.send_c_store(dataset)
    except (ValueError, AttributeError, TypeError):  # pydicom can't write what the file holds, or it has no UID
        return NOT_TAKEN, "it can't be encoded: an element of it has an impossible value"
    if getattr(status, "Status", None) is None:
        check_answer(status, "an object (C-STORE)", peer)
    return int(status.Status), meaning_of(int(status.Status))
