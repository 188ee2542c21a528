"""What a volume node tells about its values: from quantity and units, DICOM, names and values; suggestions only."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

import slicer

from .bridge import UNITS_ATTRIBUTE

BY_UNIT = {
    "bq/ml": "bq_ml",
    "kbq/ml": "kbq_ml",
    "mbq/ml": "mbq_ml",
    "{counts}": "counts",
    "counts": "counts",
    "gy": "gy",
    "[hnsf'u]": "hu",
    "{suvbw}g/ml": "suv",
}
"""Units of voxels as UCUM writes them (lower case), and what they mean here; nothing of "hu", "suv", "gy" is uptake."""

BY_DICOM_UNIT = {"BQML": "bq_ml", "CNTS": "counts", "GML": "suv", "PROPCNTS": "counts"}
"""DICOM PS3.3 C.8.9.1.1.3, Units (0054,1001)."""

UPTAKE_VALUES = ("counts", "bq_ml", "kbq_ml", "mbq_ml")
CT_NAMES = re.compile(r"(?<![a-z])ct(?![a-z])", re.IGNORECASE)
UPTAKE_NAMES = re.compile(r"(?<![a-z])(spect|maa|pet|y-?90|90y|bremsstrahlung|nm)(?![a-z])", re.IGNORECASE)
AIR_HU = -500
"""Below this, values are hardly anything but HU: air is -1000 HU, lung about -800."""


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image; empty where nothing says it.

    `values` is a word of `SessionPack.values`, or "hu", "suv", "gy". Times are ISO 8601 texts, with an offset only
    where DICOM gives one. `source` says where `values` comes from: "units", "DICOM", "values" or "name".
    """

    values: str = ""
    source: str = ""
    modality: str = ""
    description: str = ""
    acquiredAt: str = ""
    correctedTo: str = ""
    """The moment the values are decay-corrected to."""
    injectedAt: str = ""
    frameOfReference: str = ""

    @property
    def isUptake(self) -> bool:
        """Whether it shows how something spread."""
        return self.values in UPTAKE_VALUES or self.modality in ("PT", "NM")


@dataclass(frozen=True)
class Suggestions:
    """Volumes that look like the CT, and like images of uptake."""

    ct: slicer.vtkMRMLScalarVolumeNode | None
    images: tuple[slicer.vtkMRMLScalarVolumeNode, ...]


def factsOfImage(volume: slicer.vtkMRMLScalarVolumeNode) -> ImageFacts:
    """Return what a volume node and its DICOM file say."""
    facts = _dicomFacts(volume)
    written = volume.GetVoxelValueUnits()
    unit = (written.GetCodeValue() if written is not None else None) or volume.GetAttribute(UNITS_ATTRIBUTE) or ""
    values = BY_UNIT.get(unit.lower(), "")
    if values:
        return replace(facts, values=values, source="units")
    if facts.values:
        return facts
    data = volume.GetImageData()
    if data is not None and data.GetScalarRange()[0] < AIR_HU:
        return replace(facts, values="hu", source="values")
    return facts


def suggestImages() -> Suggestions:
    """Return which volumes of the scene could be the CT and the images of sessions; the user decides."""
    volumes = [
        volume
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        if volume.GetClassName() == "vtkMRMLScalarVolumeNode" and volume.GetImageData() is not None
    ]
    known = [(volume, factsOfImage(volume)) for volume in volumes]
    cts = [volume for volume, facts in known if facts.values == "hu" or facts.modality == "CT"]
    cts += [v for v, facts in known if not facts.values and not facts.modality and CT_NAMES.search(v.GetName())]
    images = [volume for volume, facts in known if facts.isUptake]
    images += [v for v, facts in known if not facts.values and not facts.modality and UPTAKE_NAMES.search(v.GetName())]
    return Suggestions(cts[0] if cts else None, tuple(v for v in images if v not in cts))


def _dicomFacts(volume) -> ImageFacts:
    """Return what the header of the first DICOM file of a volume says; nothing when it is not in the database."""
    uids = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    path = database.fileForInstance(uids[0]) if uids and database is not None else ""
    if not path:
        return ImageFacts()
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (OSError, pydicom.errors.InvalidDicomError):
        return ImageFacts()
    offset = str(header.get("TimezoneOffsetFromUTC", ""))
    values = BY_DICOM_UNIT.get(str(header.get("Units", "")), "")
    modality = str(header.get("Modality", ""))
    if not values and modality in ("CT", "NM"):
        values = {"CT": "hu", "NM": "counts"}[modality]
    acquired = _moment(header, ("AcquisitionDateTime",), ("AcquisitionDate", "AcquisitionTime"), offset)
    started = _moment(header, ("SeriesDateTime",), ("SeriesDate", "SeriesTime"), offset)
    injected = ""
    for item in header.get("RadiopharmaceuticalInformationSequence", ()):
        injected = _moment(item, ("RadiopharmaceuticalStartDateTime",), (), offset) or injected
    correction = str(header.get("DecayCorrection", ""))
    corrected = {"START": started or acquired, "ADMIN": injected}.get(correction, "")  # DICOM PS3.3 C.8.9.1
    return ImageFacts(
        values,
        "DICOM" if values else "",
        modality,
        str(header.get("SeriesDescription", "")),
        acquired,
        corrected,
        injected,
        str(header.get("FrameOfReferenceUID", "")),
    )


def _moment(header, whole: tuple[str, ...], parts: tuple[str, ...], offset: str) -> str:
    """Return a DICOM date and time as ISO 8601; empty when it is missing or damaged."""
    texts = [str(header.get(name, "")) for name in whole] + ["".join(str(header.get(name, "")) for name in parts)]
    for text in texts:
        found = re.match(r"(\d{14})(?:\.\d+)?([+-]\d{4})?$", text)
        if found:
            zone = found[2] or offset
            try:
                if re.fullmatch(r"[+-]\d{4}", zone):
                    return datetime.strptime(found[1] + zone, "%Y%m%d%H%M%S%z").isoformat()
                return datetime.strptime(found[1], "%Y%m%d%H%M%S").isoformat()
            except ValueError:
                return ""
    return ""
