"""The codes of segments and ROIs, in SNOMED CT and as `terminology` writes them."""

from __future__ import annotations

from collections.abc import Mapping

from ..terminology import Code, Terminology
from .dicom_header import Header, code, item

OLDER = {"SRT", "SNM3", "99SDM"}
FROM_SRT: Mapping[str, str] = {
    "T-D0050": "85756007",  # tissue
    "T-D000A": "123037004",  # anatomical structure
    "M-01000": "49755003",  # morphologically altered structure
    "R-42018": "309825002",  # spatial and relational concept
    "T-62000": "10200004",  # liver
    "T-28000": "39607008",  # lung
    "G-A102": "51440002",  # right and left
    "M-8FFFF": "108369006",  # neoplasm
    "M-80003": "86049000",  # neoplasm, primary
    "M-80006": "14799000",  # neoplasm, secondary
    "M-03000": "4147007",  # mass
    "M-35001": "396339007",  # thrombus
    "T-48810": "32764006",  # portal vein
    "T-48720": "8993003",  # hepatic vein
}
"""Codes of the older SNOMED that objects before 2020 carry, and their SNOMED CT: DICOM PS3.16, annex O."""


def terminology_of(holder: Header) -> str:
    """Return the codes of a segment or ROI as `terminology` writes them, in SNOMED CT; empty without a type."""
    category, kind = (_code(holder, f"SegmentedProperty{part}CodeSequence") for part in ("Category", "Type"))
    if not kind.value:
        kind = _code(holder, "RTROIIdentificationCodeSequence")
    if not kind.value:
        return ""
    kinds = item(holder, "SegmentedPropertyTypeCodeSequence") or item(holder, "RTROIIdentificationCodeSequence")
    modifier = _code(kinds, "SegmentedPropertyTypeModifierCodeSequence")
    return Terminology(category, kind, modifier, _code(holder, "AnatomicRegionSequence")).serialized()


def _code(holder: Header, keyword: str) -> Code:
    scheme, entry, meaning = code(holder, keyword)
    if scheme in OLDER:
        return Code("SCT", FROM_SRT[entry], meaning) if entry in FROM_SRT else Code("SRT", entry, meaning)
    return Code(scheme, entry, meaning)
