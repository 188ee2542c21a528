"""The frames of any object, each with the header that a single slice would have: enhanced, nuclear and plain files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from ..errors import GeometryError, InputError
from .dicom_header import (
    NUCLEAR_MEDICINE,
    Header,
    class_uid,
    is_garbled,
    item,
    items,
    number,
    numbers,
    text,
    value,
    words,
)

OWN = {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelData"}
MOVED = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing"),
    ("PixelMeasuresSequence", "SliceThickness"),
    ("PixelMeasuresSequence", "SpacingBetweenSlices"),
    ("PixelValueTransformationSequence", "RescaleSlope"),
    ("PixelValueTransformationSequence", "RescaleIntercept"),
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
)
"""Functional groups, and the numbers in them that a single slice has in its own header (DICOM PS3.3, C.7.6.16)."""
FRAME_TYPES = (
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "MRImageFrameTypeSequence",
    "XRay3DFrameTypeSequence",
)
CORRECTIONS = {
    "DecayCorrected": "DECY",
    "AttenuationCorrected": "ATTN",
    "ScatterCorrected": "SCAT",
    "RandomsCorrected": "RAN",
    "DetectorNormalizationCorrection": "NORM",
    "DeadTimeCorrected": "DTIM",
}
"""Flags of an enhanced PET, and what CorrectedImage of a single slice says instead (PS3.3, C.8.22.2)."""
VOLUME_VECTORS = ("EnergyWindowVector", "PhaseVector", "RRIntervalVector", "TimeSlotVector", "TimeSliceVector")
"""What tells apart the volumes of one nuclear file, one number a frame (DICOM PS3.3, C.8.4.8)."""
SAME_SIZE_RATIO = 0.01
LARGEST_FRAME_COUNT = 20_000
"""Tool default: more frames are asked for by damaged headers only."""
EXPORT_AGAIN = "Export the series again"


@dataclass(frozen=True)
class Frame:
    """One slice or view: the header it would have as a single file, and where its pixels are."""

    header: Header
    file: Path
    index: int | None = None
    """Counted from 0 within its file; None where the file holds nothing else."""
    flaw: InputError | None = None
    """Why it can't be used, to be raised with the place it belongs to."""
    note: str = ""


def group_of(frame: Header, shared: Header, name: str) -> Header:
    """Return a functional group of a frame, its own or the one shared by all frames."""
    return item(frame, name) or item(shared, name)


def frames_of(header: Header, file: Path) -> tuple[Frame, ...]:
    """Return the frames of a file in their order; a file without frames of its own is one frame."""
    stated = number(header, "NumberOfFrames")
    count = 1 if stated is None else int(stated)
    grouped = items(header, "PerFrameFunctionalGroupsSequence") or items(header, "SharedFunctionalGroupsSequence")
    nuclear = class_uid(header) == NUCLEAR_MEDICINE
    if not grouped and not nuclear and count < 2:
        return (Frame(header, file),)
    if not 0 < count <= LARGEST_FRAME_COUNT:
        return (Frame(header, file, 0, InputError(f"it says it has {count} frames", remedy=EXPORT_AGAIN)),)
    if grouped:
        return tuple(_grouped_frames(header, file, count))
    return tuple(_plain_frames(header, file, count))


# Enhanced objects


def _grouped_frames(header: Header, file: Path, count: int) -> Iterator[Frame]:
    shared = item(header, "SharedFunctionalGroupsSequence")
    own = items(header, "PerFrameFunctionalGroupsSequence")
    flaw = None
    if len(own) != count:
        flaw = InputError("the file holds another number of frames than it says", remedy=EXPORT_AGAIN)
    for index, frame in enumerate(own or ({},)):
        yield Frame(_flat(header, frame, shared), file, index if count > 1 else None, flaw)


def _flat(header: Header, frame: Header, shared: Header) -> Header:
    flat = _copied(header)
    for group, keyword in MOVED:
        holder = group_of(frame, shared, group)
        if found := numbers(holder, keyword):
            put(flat, keyword, "FD", list(found))
        elif is_garbled(holder, keyword):
            flat[keyword] = holder.get_item(keyword)  # for the reader to refuse
    if kind := text(group_of(frame, shared, "PixelValueTransformationSequence"), "RescaleType"):
        put(flat, "RescaleType", "LO", kind)
    if kinds := next((k for g in FRAME_TYPES if (k := words(group_of(frame, shared, g), "FrameType"))), ()):
        put(flat, "ImageType", "CS", [*kinds])
    if kernel := words(group_of(frame, shared, "CTReconstructionSequence"), "ConvolutionKernel"):
        put(flat, "ConvolutionKernel", "SH", [*kernel])
    content = group_of(frame, shared, "FrameContentSequence")
    if text(content, "FrameAcquisitionDateTime"):
        put(flat, "AcquisitionDateTime", "LO", text(content, "FrameAcquisitionDateTime"))
    if (acquisition := number(content, "FrameAcquisitionNumber")) is not None:
        put(flat, "AcquisitionNumber", "FD", acquisition)
    lasted_ms = number(content, "FrameAcquisitionDuration")
    if lasted_ms is not None:
        put(flat, "ActualFrameDuration", "FD", lasted_ms)
    mapped = items(frame, "RealWorldValueMappingSequence") or items(shared, "RealWorldValueMappingSequence")
    if mapped:
        put(flat, "RealWorldValueMappingSequence", "SQ", list(mapped))
    done = [word for keyword, word in CORRECTIONS.items() if text(header, keyword).upper() == "YES"]
    if done and value(flat, "CorrectedImage") is None:
        put(flat, "CorrectedImage", "CS", done)
    if text(header, "DecayCorrected").upper() == "NO":
        put(flat, "DecayCorrection", "CS", "NONE")
        put(flat, "DecayCorrectionDateTime", "DT", "")
    return flat


def _copied(header: Header) -> Header:
    flat: Header = pydicom.Dataset()
    flat.file_meta = getattr(header, "file_meta", None)
    own = {pydicom.datadict.tag_for_keyword(keyword) for keyword in OWN}
    for tag in header.keys() - own:
        flat[tag] = header.get_item(tag)  # not decoded: one may be damaged
    return flat


def put(flat: Header, keyword: str, kind: str, told: object) -> None:
    """Write a value whatever its usual kind, odd ones are judged where they are read; elements are shared by frames."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None, "a keyword of the standard"
    flat.add_new(tag, kind, told)


# Nuclear medicine, and other files of several frames without functional groups


def _plain_frames(header: Header, file: Path, count: int) -> Iterator[Frame]:
    """Yield frames with position, view and volume as the vectors of the header say (DICOM PS3.3, C.8.4.8)."""
    detectors = items(header, "DetectorInformationSequence")
    vectors = {k: v for k in (*VOLUME_VECTORS, "DetectorVector") if len(v := numbers(header, k)) == count}
    flats = []
    for index in range(count):
        flat = _copied(header)
        for keyword, vector in vectors.items():
            put(flat, keyword, "FD", vector[index])
        at = int(vectors["DetectorVector"][index]) if "DetectorVector" in vectors else index + 1
        own = detectors[at - 1 : at] if 0 < at <= len(detectors) else ()
        if own or "DetectorVector" in vectors:
            put(flat, "DetectorInformationSequence", "SQ", list(own))
        flats.append(flat)
    kind = words(header, "ImageType")
    tomographic = class_uid(header) != NUCLEAR_MEDICINE or (len(kind) > 2 and kind[2].startswith("RECON"))
    flaw, note = _place(flats, header, detectors) if tomographic else (None, "")
    for index, flat in enumerate(flats):
        yield Frame(flat, file, index if count > 1 else None, flaw, note)


def _place(flats: list[Header], header: Header, detectors: Sequence[Header]) -> tuple[InputError | None, str]:
    """Write where each slice lies; return why that can't be known, and what was assumed."""
    count = len(flats)
    holder = header if value(header, "ImagePositionPatient") is not None or not detectors else detectors[0]
    first = numbers(holder, "ImagePositionPatient")
    axes = numbers(holder, "ImageOrientationPatient") or numbers(header, "ImageOrientationPatient")
    step_mm, note, flaw = _step_mm(header) if count > 1 else (0.0, "", None)
    if count > 1 and (wrong := _uncounted(flats, header)):
        return wrong, ""
    if flaw is not None:
        return flaw, ""
    if len(first) != 3:
        return GeometryError(
            "the position in the patient is not stated, neither of the image nor of the detector",
            remedy="Export it with its geometry, or place it by hand on the CT in 3D Slicer and save it as NRRD",
        ), ""
    for flat, slice_ in zip(flats, _slice_numbers(flats, header), strict=True):
        point = np.array(first)
        if len(axes) == 6:
            put(flat, "ImageOrientationPatient", "FD", list(axes))
            point = point + (slice_ - 1) * step_mm * np.cross(axes[:3], axes[3:])
        put(flat, "ImagePositionPatient", "FD", point.tolist())
    return None, note


def _step_mm(header: Header) -> tuple[float, str, GeometryError | None]:
    """Return the distance of slices in mm: a single file has no positions to take it from."""
    step_mm = number(header, "SpacingBetweenSlices") or 0.0
    if step_mm:
        return step_mm, "", None
    step_mm, pixel_mm = number(header, "SliceThickness") or 0.0, number(header, "PixelSpacing") or 0.0
    if not step_mm or not pixel_mm or abs(step_mm / pixel_mm - 1) > SAME_SIZE_RATIO:
        remedy = f"{EXPORT_AGAIN}, or as NRRD"
        return 0.0, "", GeometryError("the distance between slices is not stated", remedy=remedy)
    return step_mm, f"the distance between slices is taken from their thickness, {step_mm:g} mm as the pixel", None


def _volumes(flats: list[Header]) -> list[tuple[tuple[float, ...], ...]]:
    return [tuple(numbers(flat, k)[:1] for k in VOLUME_VECTORS) for flat in flats]


def _uncounted(flats: list[Header], header: Header) -> InputError | None:
    """Return what is wrong when the frames are not as many as slices and volumes are stated."""
    volumes = len(set(_volumes(flats)))
    told = int(number(header, "NumberOfSlices") or len(flats) / volumes)
    vector = numbers(header, "SliceVector")
    if told * volumes == len(flats) and len(vector) in (0, len(flats)):
        return None
    return InputError(
        f"{len(flats)} frames for {told} slices (several energy windows, gates or time points)",
        remedy="Export the reconstructed volume of the photopeak alone",
    )


def _slice_numbers(flats: list[Header], header: Header) -> list[float]:
    """Return the slice of each frame, counted from 1, as the slice vector says, else in the order of each volume."""
    if vector := numbers(header, "SliceVector"):
        return list(vector)
    volumes = _volumes(flats)
    return [1.0 + volumes[:i].count(volume) for i, volume in enumerate(volumes)]
