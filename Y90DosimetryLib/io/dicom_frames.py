"""The frames of an enhanced object (CT, PET, X-ray 3D), each with the header that a single slice would have."""

from __future__ import annotations

from .dicom_header import Header, is_garbled, item, items, number, numbers, pydicom_module, text, value

OWN = {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelData"}
MOVED = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing"),
    ("PixelMeasuresSequence", "SliceThickness"),
    ("PixelValueTransformationSequence", "RescaleSlope"),
    ("PixelValueTransformationSequence", "RescaleIntercept"),
)
"""Functional groups, and the numbers in them that a single slice has in its own header (DICOM PS3.3, C.7.6.16)."""
CORRECTIONS = {
    "DecayCorrected": "DECY",
    "AttenuationCorrected": "ATTN",
    "ScatterCorrected": "SCAT",
    "RandomsCorrected": "RAN",
    "DetectorNormalizationCorrection": "NORM",
    "DeadTimeCorrected": "DTIM",
}
"""Flags of an enhanced PET, and what CorrectedImage of a single slice says instead (PS3.3, C.8.22.2)."""


def group_of(frame: Header, shared: Header, name: str) -> Header:
    """Return a functional group of a frame, its own or the one shared by all frames."""
    return item(frame, name) or item(shared, name)


def plane_of(frame: Header, shared: Header) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return orientation and pixel size of a frame; empty where they are not stated."""
    return (
        numbers(group_of(frame, shared, "PlaneOrientationSequence"), "ImageOrientationPatient"),
        numbers(group_of(frame, shared, "PixelMeasuresSequence"), "PixelSpacing"),
    )


def frame_headers(header: Header) -> tuple[Header, ...]:
    """Return one header a frame, in the order of the frames; a group that is absent leaves its elements out."""
    shared = item(header, "SharedFunctionalGroupsSequence")
    return tuple(_flat(header, frame, shared) for frame in items(header, "PerFrameFunctionalGroupsSequence"))


def _flat(header: Header, frame: Header, shared: Header) -> Header:
    pydicom = pydicom_module()
    flat = pydicom.Dataset()
    flat.file_meta = getattr(header, "file_meta", None)
    own = {pydicom.datadict.tag_for_keyword(keyword) for keyword in OWN}
    for tag in header.keys() - own:
        flat[tag] = header.get_item(tag)  # not decoded: one may be damaged
    for group, keyword in MOVED:
        holder = group_of(frame, shared, group)
        if found := numbers(holder, keyword):
            _set(flat, keyword, "FD", list(found))
        elif is_garbled(holder, keyword):
            flat[keyword] = holder.get_item(keyword)  # for the reader to refuse
    content = group_of(frame, shared, "FrameContentSequence")
    if text(content, "FrameAcquisitionDateTime"):
        _set(flat, "AcquisitionDateTime", "LO", text(content, "FrameAcquisitionDateTime"))
    lasted_ms = number(content, "FrameAcquisitionDuration")
    if lasted_ms is not None:
        _set(flat, "ActualFrameDuration", "FD", lasted_ms)
    mapped = items(frame, "RealWorldValueMappingSequence") or items(shared, "RealWorldValueMappingSequence")
    if mapped:
        flat.RealWorldValueMappingSequence = list(mapped)
    done = [word for keyword, word in CORRECTIONS.items() if text(header, keyword).upper() == "YES"]
    if done and value(flat, "CorrectedImage") is None:
        flat.CorrectedImage = done
    if text(header, "DecayCorrected").upper() == "NO":
        flat.DecayCorrection, flat.DecayCorrectionDateTime = "NONE", ""
    return flat


def _set(flat: Header, keyword: str, kind: str, told: object) -> None:
    """Write a value whatever its usual kind: odd ones are judged where they are read."""
    flat.add_new(pydicom_module().datadict.tag_for_keyword(keyword), kind, told)
