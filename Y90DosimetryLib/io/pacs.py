"""A patient's studies in a PACS: found (C-FIND) and fetched whole or not at all (C-GET).

No message names the patient: only `Study.identifiers` does, for whoever asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from ..errors import InputError
from ..progress import Progress, part, silent
from .dicom_header import Header, hushed, number, text
from .pacs_link import SUCCESS, UNCOMPRESSED, Peer, association, check_answer, echo, pynetdicom_module
from .writing import output_folder

COMPRESSED = (
    *("JPEGBaseline8Bit", "JPEGExtended12Bit", "JPEGLossless", "JPEGLosslessSV1", "JPEGLSLossless"),
    *("JPEGLSNearLossless", "JPEG2000Lossless", "JPEG2000", "RLELossless"),
    *("DeflatedExplicitVRLittleEndian", "ExplicitVRBigEndian"),
)
"""What GDCM decodes; each gets a context of its own, so that the PACS need not convert."""
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"  # Label Map Segmentation Storage, younger than pydicom's names
CLASSES: dict[str, tuple[str, ...]] = {
    "CT": ("CTImageStorage", "EnhancedCTImageStorage", "LegacyConvertedEnhancedCTImageStorage"),
    "NM": ("NuclearMedicineImageStorage",),
    "PT": (
        *("PositronEmissionTomographyImageStorage", "EnhancedPETImageStorage"),
        "LegacyConvertedEnhancedPETImageStorage",
    ),
    "XA": ("XRay3DAngiographicImageStorage", "XRayAngiographicImageStorage", "EnhancedXAImageStorage"),
    "MR": ("MRImageStorage", "EnhancedMRImageStorage", "LegacyConvertedEnhancedMRImageStorage"),
    "SEG": ("SegmentationStorage", LABEL_MAP),
    "RTSTRUCT": ("RTStructureSetStorage",),
    "RTDOSE": ("RTDoseStorage",),
    "RTPLAN": ("RTPlanStorage",),
    "SR": (
        *("BasicTextSRStorage", "EnhancedSRStorage", "ComprehensiveSRStorage", "Comprehensive3DSRStorage"),
        "XRayRadiationDoseSRStorage",
    ),
    "DOC": ("EncapsulatedPDFStorage",),
    "REG": ("SpatialRegistrationStorage", "DeformableSpatialRegistrationStorage"),
    "KO": ("KeyObjectSelectionDocumentStorage",),
    "PR": ("GrayscaleSoftcopyPresentationStateStorage", "ColorSoftcopyPresentationStateStorage"),
    "RWV": ("RealWorldValueMappingStorage",),
}
"""Storage classes by the modality of a series, as pydicom names them (DICOM PS3.6, annex A)."""
ANY_MODALITY = ("SecondaryCaptureImageStorage", "MultiFrameGrayscaleWordSecondaryCaptureImageStorage")
OTHERS = ("CT", "NM", "PT")
"""Modalities whose images are sometimes sent under another class of the three."""
OUT_OF_RESOURCES = 0xA700

MOST_ANSWERS = 5_000
"""Tool default: answers to one question; a patient has tens of studies, a study tens of series."""
LONGEST_SEARCH_S = 300.0
"""Tool default: for all answers to one question together, however fast each of them comes."""
MOST_OBJECTS = 20_000
"""Tool default: objects of one series, those that come twice counted twice."""


@dataclass(frozen=True)
class RemoteSeries:
    """A series in the PACS; the number of objects is None where it is not told."""

    uid: str
    modality: str
    object_count: int | None


@dataclass(frozen=True)
class Study:
    """A study in the PACS; `number` counts from 1 in the order of date, time and UID."""

    uid: str
    patient_id: str
    name: str
    date: str
    series: tuple[RemoteSeries, ...] = ()
    number: int = 0
    birth_date: str = ""
    sex: str = ""

    def is_of(self, header: Header) -> bool:
        """Return whether an object states this study and patient; what one of both leaves out does not count."""
        told = (text(header, k) for k in ("PatientName", "PatientBirthDate", "PatientSex"))
        pairs = [
            (_plain_name(a), _plain_name(b)) for a, b in zip((self.name, self.birth_date, self.sex), told, strict=True)
        ]
        same = all(a == b for a, b in pairs if a and b)
        return same and (text(header, "StudyInstanceUID"), text(header, "PatientID")) == (self.uid, self.patient_id)

    @property
    def line(self) -> str:
        """One line for a list, without identifiers."""
        counts = ", ".join(f"{s.modality or '?'} {s.object_count or '?'}" for s in self.series)
        return f"{self.number}: study of {self.date or 'unknown date'}: {counts or 'no series'}"

    @property
    def identifiers(self) -> str:
        """Patient ID, name and StudyInstanceUID: only for whoever asked to see them."""
        return f"{self.patient_id}, {self.name}, {self.uid}"


def _plain_name(written: str) -> str:
    """Return a person's name (its first group) without the marks and cases that systems write differently."""
    return " ".join(written.partition("=")[0].replace("^", " ").casefold().split())


@dataclass(frozen=True)
class Wanted:
    """What to fetch: a patient's study, or a study by its UID."""

    patient_id: str = ""
    study: str = ""
    """StudyInstanceUID, or its number in the list of the patient's studies."""
    modalities: tuple[str, ...] = ()
    """Only series of these; all where empty."""


def find(peer: Peer, patient_id: str = "", study_uid: str = "") -> tuple[Study, ...]:
    """Return the studies of a patient, or the one with a UID, with their series (C-FIND).

    Raises
    ------
    InputError
        If neither is given, the ID has wildcards, or the PACS refuses.
    """
    if not patient_id and not study_uid:
        raise InputError("neither a patient nor a study is named", where="PACS", remedy="Give --patient-id or --study")
    if any(sign in patient_id for sign in "*?\\"):
        raise InputError("the patient ID has wildcards", where="PACS", remedy="Give the whole ID of one patient")
    model = pynetdicom_module().sop_class.StudyRootQueryRetrieveInformationModelFind
    with association(peer, [pynetdicom_module().build_context(model)]) as connected:
        asked = {"PatientID": patient_id, "StudyInstanceUID": study_uid}
        asked |= dict.fromkeys(("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"), "")
        studies = []
        for found in _answers(connected, "STUDY", asked, model, peer):
            uid, its = text(found, "StudyInstanceUID"), text(found, "PatientID")
            if (patient_id and its != patient_id.strip()) or (study_uid and uid != study_uid):
                continue  # some PACS answer with more than was asked for
            series = _series_of(connected, uid, model, peer)
            day = f"{text(found, 'StudyDate')} {text(found, 'StudyTime')[:4]}".strip()
            born, sex = text(found, "PatientBirthDate"), text(found, "PatientSex")
            studies.append(Study(uid, its, text(found, "PatientName"), day, series, birth_date=born, sex=sex))
    studies.sort(key=lambda s: (s.date, s.uid))
    return tuple(replace(s, number=n) for n, s in enumerate(studies, start=1))


def _series_of(connected: Any, study_uid: str, model: str, peer: Peer) -> tuple[RemoteSeries, ...]:
    asked = {"StudyInstanceUID": study_uid}
    asked |= dict.fromkeys(("SeriesInstanceUID", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances"), "")
    found = [
        (number(a, "SeriesNumber") or 0.0, text(a, "SeriesInstanceUID"), text(a, "Modality"), a)
        for a in _answers(connected, "SERIES", asked, model, peer)
    ]
    counts = [number(a, "NumberOfSeriesRelatedInstances") for *_, a in found]
    series = [
        (at, RemoteSeries(uid, modality, None if count is None else int(count)))
        for (at, uid, modality, _), count in zip(found, counts, strict=True)
        if uid
    ]
    return tuple(one for _, one in sorted(series, key=lambda s: (s[0], s[1].uid)))


def _answers(connected: Any, level: str, asked: dict[str, str], model: str, peer: Peer) -> list[Header]:
    query = pydicom.Dataset()
    query.SpecificCharacterSet, query.QueryRetrieveLevel = "ISO_IR 192", level
    for keyword, wanted in asked.items():
        setattr(query, keyword, wanted)
    found: list[Header] = []
    end_s = time.monotonic() + LONGEST_SEARCH_S
    for status, answer in connected.send_c_find(query, model):
        check_answer(status, "the search (C-FIND)", peer)
        if answer is not None:
            found.append(answer)
        if len(found) > MOST_ANSWERS or time.monotonic() > end_s:
            connected.abort()
            raise InputError(
                f"it gave {len(found)} answers to one question and does not end",
                where=peer.where,
                remedy="Tell who runs the PACS; a study is also found by its UID, with --study",
            )
    return found


def choose(studies: Sequence[Study], wanted: Wanted, peer: Peer) -> Study:
    """Return the study that is meant, with the series that are wanted; several are never chosen from.

    Raises
    ------
    InputError
        If there is none, several and no number, or no series of the modalities.
    """
    listed = "\n".join(s.line for s in studies)
    if not studies:
        raise InputError("it has no such study", where=peer.where, remedy="Check patient ID or StudyInstanceUID")
    if _is_number(wanted.study):
        studies = [s for s in studies if s.number == int(wanted.study)]
    if len(studies) != 1:
        told = f"there are {len(studies)} studies" if studies else f"there is no study {wanted.study}"
        raise InputError(told, where=peer.where, remedy=f"Choose one with --study N:\n{listed}")
    only = tuple(s for s in studies[0].series if not wanted.modalities or s.modality in wanted.modalities)
    if not only:
        raise InputError("no series of the study is of these modalities", where=peer.where, remedy=listed)
    return replace(studies[0], series=only)


def pull(peer: Peer, wanted: Wanted, folder: Path, progress: Progress = silent) -> Study:
    """Fetch a study into a new folder (C-ECHO, C-FIND, C-GET), whole or not at all; return what was fetched.

    Each series becomes a folder; names are numbers and modalities, no identifiers.

    Raises
    ------
    InputError
        If the study is not found or not clear, or the PACS does not give all of it.
    MissingToolError
        If pydicom or pynetdicom is not installed.
    """
    progress(0.0, "asking the PACS")
    echo(peer)
    study = choose(find(peer, wanted.patient_id, "" if _is_number(wanted.study) else wanted.study), wanted, peer)
    counts = [s.object_count or 1 for s in study.series]
    fetched: list[RemoteSeries] = []
    with output_folder(folder) as temporary:
        for at, series in enumerate(study.series):
            share = part(progress, sum(counts[:at]) / sum(counts), sum(counts[: at + 1]) / sum(counts))
            place = temporary / f"{at + 1:02}_{''.join(c for c in series.modality if c.isalnum()) or 'unknown'}"
            place.mkdir()
            received = _fetch(peer, study, series, place, share)
            fetched.append(replace(series, object_count=received))
    progress(1.0, "done")
    return replace(study, series=tuple(fetched))


def _is_number(written: str) -> bool:
    return written.isdecimal() and len(written) < 5


def _fetch(peer: Peer, study: Study, series: RemoteSeries, place: Path, progress: Progress) -> int:
    module, uid = pynetdicom_module(), pydicom.uid
    model = _get_model()
    classes = [str(getattr(uid, name, name)) for name in _classes_of(series.modality)]
    contexts = [module.build_context(model)]
    known = series.modality in CLASSES
    for kind in classes:
        contexts.append(module.build_context(kind, [str(getattr(uid, name)) for name in UNCOMPRESSED]))
        contexts += [module.build_context(kind, str(getattr(uid, name))) for name in COMPRESSED if known]
    receiver = _Receiver(study, series, place, progress)
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID, query.SeriesInstanceUID = study.uid, series.uid
    roles = [module.build_role(kind, scp_role=True) for kind in classes]
    failed = 0
    with association(peer, contexts, roles, [(module.evt.EVT_C_STORE, receiver.take)]) as connected:
        for status, _ in connected.send_c_get(query, model):
            if receiver.failure is not None:
                raise receiver.failure
            check_answer(status, "the retrieval (C-GET)", peer)
            failed = max(failed, int(getattr(status, "NumberOfFailedSuboperations", 0) or 0))
    expected = max(series.object_count or 1, len(receiver.seen) + failed)
    if len(receiver.seen) < expected:
        raise InputError(
            f"{expected - len(receiver.seen)} of {expected} objects of a series ({series.modality}) were not sent",
            where=peer.where,
            remedy="Nothing was written. Try again, or leave the series out with --modality",
        )
    return len(receiver.seen)


def _get_model() -> Any:
    return pynetdicom_module().sop_class.StudyRootQueryRetrieveInformationModelGet


def _classes_of(modality: str) -> tuple[str, ...]:
    if modality not in CLASSES:
        return (*ANY_MODALITY, *(name for names in CLASSES.values() for name in names))
    images = tuple(CLASSES[m][0] for m in OTHERS) if modality in OTHERS else ()
    return tuple(dict.fromkeys([*CLASSES[modality], *images, *ANY_MODALITY]))


class _Receiver:
    """Writes the objects of one series as they come; after a failure it asks to stop and takes no more."""

    def __init__(self, study: Study, series: RemoteSeries, place: Path, progress: Progress) -> None:
        self.study, self.series, self.place, self.progress = study, series, place, progress
        self.seen: set[str] = set()
        self.taken_count = 0
        self.failure: BaseException | None = None

    def take(self, event: Any) -> int:
        """Answer a C-STORE of the PACS."""
        if self.failure is not None:
            return OUT_OF_RESOURCES
        try:
            self._write(event.encoded_dataset())
        except BaseException as error:  # pynetdicom would swallow it, a cancel among them
            self.failure = error
            event.assoc.send_c_cancel(1, query_model=_get_model())  # an abort would wait for the timeout
            return OUT_OF_RESOURCES
        return SUCCESS

    def _write(self, encoded: bytes) -> None:
        with hushed():
            header = pydicom.dcmread(BytesIO(encoded), stop_before_pixels=True, force=True)
            uid, series = (text(header, k) for k in ("SOPInstanceUID", "SeriesInstanceUID"))
        self.taken_count += 1
        if self.taken_count > MOST_OBJECTS:
            raise InputError(
                f"the PACS sent more than {MOST_OBJECTS} objects",
                where=f"series of modality {self.series.modality}",
                remedy="Nothing was written. Tell who runs the PACS",
            )
        if series != self.series.uid or not self.study.is_of(header):
            raise InputError(
                "the PACS sent an object of another series, study or patient than was asked for",
                where=f"series of modality {self.series.modality}",
                remedy="Nothing was written. Tell who runs the PACS",
            )
        if uid in self.seen:
            return
        self.seen.add(uid)
        try:
            (self.place / f"{len(self.seen):05}.dcm").write_bytes(encoded)
        except OSError as error:
            raise InputError(
                f"it can't be written ({error.strerror or error})",
                where=str(self.place.parent.parent),
                remedy="Choose a folder you may write to, with free space",
            ) from None
        self.progress(min(1.0, len(self.seen) / (self.series.object_count or 1)), "fetching")
