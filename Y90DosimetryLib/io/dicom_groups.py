"""Which frames of a series form one volume: other sizes and orientations fall apart, and so do mixed phases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import combinations

import numpy as np

from ..images import Array
from .dicom_frames import VOLUME_VECTORS, Frame
from .dicom_header import RTSTRUCT, class_uid, instance_uid, number, numbers, text, value
from .dicom_kind import NM_CLASS, REPORT_CLASSES, SEG_CLASSES, STORAGE

SAME_AXES = 1e-3
SAME_PIXEL_RATIO = 1e-3
SAME_PLACE_MM = 1e-3
EVEN_RATIO = 0.1
"""Tool default: how far a slice may lie from its even place, in slice distances (written positions are rounded)."""
PARTS = (
    *VOLUME_VECTORS,
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "FrameReferenceTime",
    "AcquisitionNumber",
    "ConvolutionKernel",
    "ImageType",
    "EchoTime",
    "EffectiveEchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "InversionTime",
    "KVP",
    "ContrastBolusAgent",
    "SeriesDescription",
    "AcquisitionDate",
)
"""What tells apart the volumes of one series, tried in this order."""
LONG_PAUSE_S = 8.0
"""Tool default: a pause between two passes over the body; the slices of one pass follow each other faster."""

Frames = list[Frame]


def volumes_of(frames: Frames) -> Iterator[tuple[Frames, str]]:
    """Yield the frames of each volume with the name of the part where a series holds several."""
    for group in _together(frames):
        parts = _split(group)
        for count, part in enumerate(parts, start=1):
            yield part, f"part {count}" if len(parts) > 1 else ""


def _together(frames: Frames) -> Iterator[Frames]:
    """Yield frames of one series, class, size and orientation."""
    for same in _by(frames, _belongs).values():
        alike: list[Frames] = []
        for frame in same:
            own = _shape(frame)
            near = next((group for group in alike if _is_near(own, _shape(group[0]))), None)
            if near is None:
                alike.append([frame])
            else:
                near.append(frame)
        yield from alike


def _belongs(frame: Frame) -> Hashable:
    header = frame.header
    uid = text(header, "SeriesInstanceUID") or (text(header, "StudyInstanceUID"), _written(header, "SeriesNumber"))
    kind = class_uid(header).removeprefix(STORAGE)
    whole = kind in SEG_CLASSES | REPORT_CLASSES or class_uid(header) == RTSTRUCT
    flat = kind == NM_CLASS and not numbers(header, "ImagePositionPatient")  # views, or volumes without a place
    if whole or flat:
        return uid, text(header, "ConcatenationUID") or instance_uid(header) or frame.file
    return (uid, kind, *(_written(header, k) for k in ("Rows", "Columns", "PatientID", "FrameOfReferenceUID")))


def _shape(frame: Frame) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return numbers(frame.header, "ImageOrientationPatient"), numbers(frame.header, "PixelSpacing")


def _is_near(own: tuple[tuple[float, ...], ...], other: tuple[tuple[float, ...], ...]) -> bool:
    axes = len(own[0]) == len(other[0]) and np.allclose(own[0], other[0], rtol=0, atol=SAME_AXES)
    return bool(axes and len(own[1]) == len(other[1]) and np.allclose(own[1], other[1], rtol=SAME_PIXEL_RATIO))


def _by(frames: Frames, key: Callable[[Frame], Hashable]) -> dict[Hashable, Frames]:
    groups: dict[Hashable, Frames] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return groups


def _written(header: object, keyword: str) -> str:
    return str(value(header, keyword))


# Several volumes in one series


def _split(group: Frames) -> list[Frames]:
    if len(group) < 2 or any(len(numbers(f.header, "ImagePositionPatient")) != 3 for f in group):
        return [group]
    doubled = _is_doubled(group)
    files = list(_by(group, lambda f: text(f.header, "ConcatenationUID") or f.file).values())
    if len(files) > 1 and any(f.index is not None for f in group) and (doubled or not _is_even(group)):
        return [part for file in files for part in _split(file)]  # one volume a file, as they are
    for parts in _candidates(group):
        if len(parts) > 1 and not any(_is_doubled(p) for p in parts) and (doubled or _are_mixed(parts)):
            return parts
    return [group]


def _candidates(group: Frames) -> Iterator[list[Frames]]:
    """Yield the group taken apart by each element that differs, by pauses between passes, then by two elements."""
    differing = []
    for keyword in PARTS:
        parts = list(_by(group, lambda f, k=keyword: _written(f.header, k)).values())  # type: ignore[misc]
        if len(parts) > 1:
            differing.append(keyword)
            yield parts
    yield _passes(group)
    few = [k for k in differing if len({_written(f.header, k) for f in group}) <= len(group) // 2]
    for pair in combinations(few, 2):
        yield list(_by(group, lambda f, p=pair: tuple(_written(f.header, k) for k in p)).values())  # type: ignore[misc]


def _passes(group: Frames) -> list[Frames]:
    """Return the group in the order of acquisition, cut at long pauses."""
    times = [_clock_s(f) for f in group]
    if any(t is None for t in times):
        return [group]
    order = sorted(range(len(group)), key=lambda i: times[i] or 0.0)
    parts: list[Frames] = [[]]
    for before, at in zip([order[0], *order], order, strict=False):
        if (times[at] or 0.0) - (times[before] or 0.0) > LONG_PAUSE_S:
            parts.append([])
        parts[-1].append(group[at])
    return parts


def _clock_s(frame: Frame) -> float | None:
    told = text(frame.header, "AcquisitionDateTime")[8:] or text(frame.header, "AcquisitionTime")
    told = told.split("+")[0].split("-")[0]
    try:
        return int(told[:2]) * 3600.0 + int(told[2:4] or 0) * 60.0 + float(told[4:] or 0.0)
    except ValueError:
        return number(frame.header, "ContentTime")


def heights_mm(frames: Sequence[Frame]) -> Array:
    """Return how high each frame lies along the normal of the first one, in mm."""
    axes = numbers(frames[0].header, "ImageOrientationPatient")
    normal = np.cross(axes[:3], axes[3:]) if len(axes) == 6 else np.array([0.0, 0.0, 1.0])
    points = np.array([numbers(f.header, "ImagePositionPatient") for f in frames])
    heights: Array = points @ normal
    return heights


def _is_doubled(group: Frames) -> bool:
    places = {tuple(round(v, 3) for v in numbers(f.header, "ImagePositionPatient")) for f in group}
    return len(places) < len(group)


def _is_even(group: Frames) -> bool:
    steps = np.diff(np.sort(heights_mm(group)))
    if not steps.size:
        return True
    usual = float(np.median(steps))
    return usual > SAME_PLACE_MM and float(np.abs(steps - usual).max()) <= EVEN_RATIO * usual


def _are_mixed(parts: list[Frames]) -> bool:
    """Whether parts reach over the same length of the body, each an even stack by itself: phases, not a sequence."""
    if any(len(p) < 2 or not _is_even(p) for p in parts):
        return False
    ends = [(float(h.min()), float(h.max())) for h in map(heights_mm, parts)]
    return all(
        min(a[1], b[1]) - max(a[0], b[0]) > (min(a[1] - a[0], b[1] - b[0])) / 2 for a, b in combinations(ends, 2)
    )
