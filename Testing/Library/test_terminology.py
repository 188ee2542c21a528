"""Every role is saved under codes of its own and read back as the same role; public codes are DICOM's."""

from __future__ import annotations

import pytest

from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.terminology import PRIVATE_SCHEME, TERMINOLOGY, role_of_terminology


@pytest.mark.parametrize("role", Role)
def test_a_role_comes_back_from_its_codes(role: Role) -> None:
    assert role_of_terminology(TERMINOLOGY[role].serialized()) is role


def test_the_liver_is_written_as_slicer_writes_it() -> None:
    assert TERMINOLOGY[Role.LIVER].serialized() == (
        "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure"
        "~SCT^10200004^Liver~^^~~^^~^^"
    )


@pytest.mark.parametrize(
    ("serialized", "role"),
    [
        ("any list~SCT^49755003^x~SCT^4147007^Mass~^^~regions~SCT^10200004^Leber~^^", Role.TUMOR),
        ("any list~SCT^49755003^x~SCT^86049000^y~^^~regions~SCT^10200004^Liver~^^", Role.TUMOR),
        ("any list~SCT^49755003^x~SCT^4147007^Mass~^^~regions~SCT^39607008^Lung~^^", None),
        ("any list~SCT^49755003^x~SCT^4147007^Mass~^^~~^^~^^", None),
        ("any list~SCT^123037004^x~SCT^39607008^Lung~SCT^24028007^Right~~^^~^^", None),
        ("any list~SCT^123037004^x~SCT^396339007^Thrombus~^^~regions~SCT^8993003^x~^^", Role.HEPATIC_VEIN_THROMBUS),
        ("any list~SCT^123037004^x~SCT^396339007^Thrombus~^^~~^^~^^", None),
        ("any list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~~^^~^^", None),
        ("list~SCT^123037004^x~SCT^10200004^Liver", Role.LIVER),
        ("", None),
        ("nonsense", None),
        ("~~~~~~~~", None),
    ],
)
def test_codes_of_others_mean_a_role_only_when_they_say_it(serialized: str, role: Role | None) -> None:
    assert role_of_terminology(serialized) is role


def test_public_codes_are_those_of_the_dicom_standard() -> None:
    concepts = pytest.importorskip("pydicom.sr._concepts_dict").concepts
    known = {code for scheme in ("SCT", "DCM") for entry in concepts[scheme].values() for code in entry}
    codes = [c for t in TERMINOLOGY.values() for c in (t.type, t.type_modifier, t.region) if c.value]
    assert {c.value for c in codes if c.scheme in ("SCT", "DCM")} <= known
    assert {c.scheme for c in codes} == {"SCT", "DCM", PRIVATE_SCHEME}
