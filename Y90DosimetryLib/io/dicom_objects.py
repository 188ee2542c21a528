"""New DICOM objects of a reference CT's patient and study: their modules, their names, and how they are written.

Identifiers flow from the reference into the objects and nowhere else: no message here quotes one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pydicom

from ..errors import InputError, MissingToolError
from ..terminology import PRIVATE_SCHEME, Code
from ..version import __version__
from .dicom_axes import as_decimal
from .dicom_header import Header, class_uid, hushed, text, value
from .dicom_reference import Reference

NOTICE = "Research use only, not a certified medical device"
SOFTWARE = "Y90Dosimetry"
UTF8 = "ISO_IR 192"  # DICOM PS3.3, C.12.1.1.2
SUFFIX = " (research use only)"
LONG_STRING = 64  # characters of the value representation LO, DICOM PS3.5, 6.2

REQUIRED_IF_EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
"""Type 2 of the patient and general study modules: present, perhaps empty (DICOM PS3.3, C.7.1.1 and C.7.2.1)."""
COPIED = (
    *REQUIRED_IF_EMPTY,
    *("IssuerOfPatientID", "TypeOfPatientID", "PatientBirthTime", "OtherPatientNames", "EthnicGroup"),
    *("PatientComments", "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("StudyInstanceUID", "StudyDescription", "PhysiciansOfRecord", "PatientAge", "PatientSize", "PatientWeight"),
    *("AdmissionID", "PatientState"),
)
"""What is copied of the patient, general study and patient study modules."""
SEXES = frozenset("MFO")
OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


@dataclass(frozen=True)
class NewSeries:
    """A new series of the reference's study."""

    modality: str
    number: int
    description: str


def new_object(reference: Reference, sop_class_uid: str, series: NewSeries, made_at: datetime) -> Any:
    """Return a data set with patient, study, series, equipment and SOP common modules, and new UIDs."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, new_uid()
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.Modality = new_uid(), series.number, series.modality
    dataset.InstanceNumber = 1
    stamp(dataset, reference, series.description, made_at)
    return dataset


def stamp(dataset: Any, reference: Reference, description: str, made_at: datetime) -> None:
    """Write patient and study of the reference, equipment, time and research notice into an object."""
    with muted():
        for element in _patient_and_study(reference):
            dataset[element.tag] = element
        now = made_at.astimezone(_offset(reference.header))
        day, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
        dataset.SpecificCharacterSet = UTF8
        dataset.InstanceCreationDate = dataset.ContentDate = dataset.SeriesDate = day
        dataset.InstanceCreationTime = dataset.ContentTime = dataset.SeriesTime = time
        if value(reference.header, "TimezoneOffsetFromUTC"):
            dataset.TimezoneOffsetFromUTC = text(reference.header, "TimezoneOffsetFromUTC")
        dataset.Manufacturer = dataset.ManufacturerModelName = SOFTWARE
        dataset.SoftwareVersions, dataset.DeviceSerialNumber = __version__, "0"
        dataset.SeriesDescription = f"{shortened(description, LONG_STRING - len(SUFFIX))}{SUFFIX}"
        dataset.ContentQualification = "RESEARCH"
        scheme = pydicom.Dataset()
        scheme.CodingSchemeDesignator, scheme.CodingSchemeName = PRIVATE_SCHEME, f"{SOFTWARE} private codes"
        scheme.CodingSchemeResponsibleOrganization = SOFTWARE
        dataset.CodingSchemeIdentificationSequence = [scheme]


def save(dataset: Any, path: Path) -> None:
    """Write an object as a DICOM file; values copied from the reference are not judged.

    Raises
    ------
    InputError
        If the file can't be written.
    """
    try:
        with muted():
            dataset.save_as(path, enforce_file_format=True)
    except OSError as error:
        raise InputError(
            f"it can't be written ({error.strerror or error})",
            where=path.name,
            remedy="Choose a folder you may write to, with free space",
        ) from None


def new_uid() -> str:
    """Return a new unique identifier below 2.25 (DICOM PS3.5, B.2)."""
    return str(pydicom.uid.generate_uid(prefix=None))


def shortened(words: str, longest: int = LONG_STRING) -> str:
    """Return a text that fits an element: no backslash, no control characters, at most *longest* bytes of UTF-8."""
    plain = re.sub(r"[\\\x00-\x1f\x7f]+", " ", words).strip()
    return plain.encode()[:longest].decode(errors="ignore").rstrip()


def slices_of(reference: Reference) -> list[Any]:
    """Return one small data set a slice, with what highdicom asks of the images that others refer to."""
    found = []
    with muted():
        for header in reference.headers:
            dataset = nameless(header)
            dataset.FrameOfReferenceUID = text(header, "FrameOfReferenceUID")
            for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"):
                setattr(dataset, keyword, header.get(keyword))
            dataset.SliceThickness = value(header, "SliceThickness") or as_decimal(reference.image.GetSpacing()[2])
            found.append(dataset)
    return found


def nameless(header: Header) -> Any:
    """Return what others refer to of an object, without patient: highdicom would judge and log odd names and dates."""
    dataset = pydicom.Dataset()
    for keyword in REQUIRED_IF_EMPTY:
        setattr(dataset, keyword, "")
    dataset.SOPClassUID = class_uid(header)
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "Modality"):
        setattr(dataset, keyword, text(header, keyword))
    return dataset


@contextmanager
def muted(package: str = "highdicom") -> Iterator[None]:
    """Keep pydicom and another package from telling what they handle: their sentences quote the patient's name."""
    log = logging.getLogger(package)
    before, silence = log.propagate, logging.NullHandler()
    log.propagate = False
    log.addHandler(silence)
    try:
        with hushed():
            yield
    finally:
        log.propagate = before
        log.removeHandler(silence)


def code_item(code: Code) -> Any:
    """Return an item of a code sequence."""
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item


def highdicom_module() -> ModuleType:
    """Return highdicom, or say how to get it."""
    try:
        import highdicom
        import highdicom.seg
        import highdicom.sr
    except ImportError:
        raise MissingToolError(
            "DICOM segmentations and structured reports need highdicom: install it with `pip install highdicom`, "
            "or leave them out"
        ) from None
    module: ModuleType = highdicom
    return module


def _patient_and_study(reference: Reference) -> list[Any]:
    """Return the elements to copy; pydicom has decoded their texts, which are written in UTF-8."""
    source = pydicom.Dataset()
    header = reference.header
    for keyword in COPIED:
        if value(header, keyword) is not None:  # an unreadable one, whose error would quote it, is left out
            source[keyword] = deepcopy(header[keyword])
    for keyword in REQUIRED_IF_EMPTY:
        if keyword not in source:
            setattr(source, keyword, "")
    if text(source, "PatientSex") not in SEXES:
        source.PatientSex = ""
    return list(source)


def _offset(header: Header) -> timezone | None:
    """Return the offset in which the study's dates and times are written; None where it is not stated."""
    found = OFFSET.fullmatch(text(header, "TimezoneOffsetFromUTC"))
    if not found:
        return None
    sign = -1 if found[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(found[2]), minutes=int(found[3])))
