"""Outlines from DICOM: SEG objects and RT structure sets become masks on grids of their own, with roles suggested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pydicom

from ..errors import GeometryError, InputError, is_hidden
from ..quantities import LONGEST_LABEL
from ..structures import Role
from .dicom_contours import read_contours
from .dicom_header import Header, hushed, items, scrubbed, text
from .dicom_segments import read_segments
from .dicom_sort import Kind, Series, Sorting
from .segmentations import Segment

LONGEST_NAME = LONGEST_LABEL - 10
"""Leaves room for " (12)" behind a name that several structures have."""


@dataclass(frozen=True)
class Outlines:
    """The segments of one object, the roles that codes and names suggest, and what was done while reading."""

    segments: tuple[Segment, ...]
    roles: Mapping[str, Role]
    notes: tuple[str, ...] = ()


def read_outlines(series: Series, sorting: Sorting, target: Series, where: str) -> Outlines:
    """Return the outlines of a SEG or RT structure set drawn on the image *target*.

    Raises
    ------
    InputError, GeometryError
        If it is drawn in another frame of reference, on oblique planes, or can't be decoded.
    """
    with hushed():
        if series.broken:
            raise InputError("the file is truncated", where=where, remedy="Copy or export it again")
        try:
            parts = [pydicom.dcmread(file, force=True) for file in series.files]
        except Exception:  # a broken file may break pydicom in any way
            raise InputError("the file can't be read", where=where, remedy="Copy or export it again") from None
        _require_frame(parts[0], series, target, where)
        if series.kind is Kind.SEG:
            found, notes = read_segments(parts, target, where)
        else:
            found, notes = read_contours(parts[0], target, where)
    names = _unique([_shown(scrubbed(s.name, sorting.secrets)) for s in found])
    segments = tuple(replace(s, name=name) for name, s in zip(names, found, strict=True))
    told = tuple(scrubbed(note, sorting.secrets) for note in notes)
    return Outlines(segments, {s.name: r for s in segments if (r := s.suggested_role)}, told)


def _shown(name: str) -> str:
    """Return a name on one line and short enough for a structure."""
    plain = " ".join("".join(" " if is_hidden(c) else c for c in name).split()) or "unnamed"
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"


def _unique(names: list[str]) -> list[str]:
    return [n if names.count(n) == 1 else f"{n} ({names[:i].count(n) + 1})" for i, n in enumerate(names)]


def _require_frame(whole: Header, series: Series, target: Series, where: str) -> None:
    frames = [text(h, "FrameOfReferenceUID") for h in items(whole, "ReferencedFrameOfReferenceSequence")]
    rois = [text(h, "ReferencedFrameOfReferenceUID") for h in items(whole, "StructureSetROISequence")]
    own = {series.frame_of_reference, *(rois if any(rois) else frames)} - {""}
    if target.frame_of_reference and target.frame_of_reference in own:
        if len(own) > 1:
            raise GeometryError(
                "its outlines belong to several frames of reference", where=where, remedy="Export one frame at a time"
            )
        return
    if not own or not target.frame_of_reference:
        drawn_on = {text(holder, "SeriesInstanceUID") for holder in _references(whole)}
        if target.uid and target.uid in drawn_on:
            return
    raise GeometryError(
        f"it was not drawn in the frame of reference of series {target.number} ({target.kind.value})",
        where=where,
        remedy="Choose the image it was drawn on, or register that image first and draw on the registered one",
        about="outlines",
    )


def _references(whole: Header) -> Iterable[Header]:
    yield from items(whole, "ReferencedSeriesSequence")
    for frame in items(whole, "ReferencedFrameOfReferenceSequence"):
        for study in items(frame, "RTReferencedStudySequence"):
            yield from items(study, "RTReferencedSeriesSequence")
