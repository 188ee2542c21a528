"""The codes a structure is saved under, so that another program and another day know what it is.

SNOMED CT and DICOM codes as in DICOM PS3.16 (CID 7150, 7151, 9534) and in 3D Slicer's "DICOM master list".
For what has no public code the private scheme `PRIVATE_SCHEME` is used, as DICOM PS3.16, section 8, provides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .structures import Role

PRIVATE_SCHEME = "99Y90DOSIMETRY"
CATEGORY_LIST = "Segmentation category and type - DICOM master list"
REGION_LIST = "Anatomic codes - DICOM master list"
"""Slicer's names of the lists of codes: Modules/Loadable/Terminologies/Resources."""


@dataclass(frozen=True)
class Code:
    """A coded concept: coding scheme, code value and meaning, as in a DICOM code sequence."""

    scheme: str
    value: str
    meaning: str

    def is_same(self, other: Code) -> bool:
        """Whether both mean the same concept, whatever its wording."""
        return (self.scheme, self.value) == (other.scheme, other.value)


NO_CODE = Code("", "", "")


@dataclass(frozen=True)
class Terminology:
    """What a segment is: category, type with its modifier, and the anatomic region it lies in."""

    category: Code
    type: Code
    type_modifier: Code = NO_CODE
    region: Code = NO_CODE

    def serialized(self) -> str:
        """Return it as 3D Slicer writes it into a segment's tag "TerminologyEntry"."""
        regions = REGION_LIST if self.region.value else ""
        codes = [_written(c) for c in (self.category, self.type, self.type_modifier)]
        return "~".join([CATEGORY_LIST, *codes, regions, _written(self.region), _written(NO_CODE)])


_ANATOMICAL = Code("SCT", "123037004", "Anatomical Structure")
_ALTERED = Code("SCT", "49755003", "Morphologically Altered Structure")
_SPATIAL = Code("SCT", "309825002", "Spatial and Relational Concept")
_LIVER = Code("SCT", "10200004", "Liver")
_LUNG = Code("SCT", "39607008", "Lung")
_BOTH_SIDES = Code("SCT", "51440002", "Right and left")
_THROMBUS = Code("SCT", "396339007", "Thrombus")
_PORTAL_VEIN = Code("SCT", "32764006", "Portal Vein")
_HEPATIC_VEIN = Code("SCT", "8993003", "Hepatic Vein")
_NEOPLASM = Code("SCT", "108369006", "Neoplasm")

TERMINOLOGY: Mapping[Role, Terminology] = {
    Role.LIVER: Terminology(_ANATOMICAL, _LIVER),
    Role.PERFUSED: Terminology(_SPATIAL, Code("DCM", "130059", "Treated Volume"), region=_LIVER),
    Role.TUMOR: Terminology(_ALTERED, _NEOPLASM, region=_LIVER),
    Role.PVTT: Terminology(_ANATOMICAL, _THROMBUS, region=_PORTAL_VEIN),
    Role.HEPATIC_VEIN_THROMBUS: Terminology(_ANATOMICAL, _THROMBUS, region=_HEPATIC_VEIN),
    Role.FLR: Terminology(_SPATIAL, Code(PRIVATE_SCHEME, "FLR", "Future liver remnant"), region=_LIVER),
    Role.LUNGS: Terminology(_ANATOMICAL, _LUNG, _BOTH_SIDES),
    Role.PLANNED_RESECTION: Terminology(
        _SPATIAL, Code(PRIVATE_SCHEME, "RESECTION", "Planned resection"), region=_LIVER
    ),
    Role.NORMAL_LIVER: Terminology(_SPATIAL, Code(PRIVATE_SCHEME, "NORMAL", "Normal liver, as drawn"), region=_LIVER),
}
"""The codes of each role; no two roles share type, modifier and region."""

_ALSO_NEOPLASM = (
    Code("SCT", "86049000", "Neoplasm, Primary"),
    Code("SCT", "372087000", "Neoplasm, Primary"),
    Code("SCT", "14799000", "Neoplasm, Secondary"),
    Code("SCT", "4147007", "Mass"),
)


def role_of_terminology(serialized: str) -> Role | None:
    """Return the role that a segment's serialized terminology means, None when it means none or says nothing.

    A neoplasm or mass is a tumor of this treatment only when its region is the liver; one lung is not the lungs.
    """
    parts = serialized.split("~")
    if len(parts) < 3:
        return None
    parts += [""] * (6 - len(parts))
    type_, modifier, region = (_read(parts[i]) for i in (2, 3, 5))
    if region.is_same(_LIVER) and any(type_.is_same(code) for code in _ALSO_NEOPLASM):
        return Role.TUMOR
    for role, entry in TERMINOLOGY.items():
        if type_.is_same(entry.type) and modifier.is_same(entry.type_modifier) and region.is_same(entry.region):
            return role
    return None


def _written(code: Code) -> str:
    return f"{code.scheme}^{code.value}^{code.meaning}"


def _read(text: str) -> Code:
    scheme, value, meaning = (*text.split("^"), "", "", "")[:3]
    return Code(scheme, value, meaning)
