"""From a DICOM series to an image with its quantity: the one way in, whichever door the series came through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path

import SimpleITK as sitk

from ..errors import InputError
from ..images import array_of
from ..physics import SECONDS_PER_HOUR
from .dicom_activity import activity_of, says_bq_ml
from .dicom_facts import tracer
from .dicom_header import hushed, number, text
from .dicom_instant import SLACK_H, infusion_time, reference_of
from .dicom_kind import Kind, contradiction
from .dicom_sort import Series, sort_files
from .dicom_stack import Stack, read_stack

LEAST_NEGATIVE_HU = -50.0
"""Tool default: every abdominal CT in Hounsfield units has fat (about -100) or air below this."""
SERIES_LISTED = 10


class Quantity(StrEnum):
    """What the voxels of an image are to be."""

    HOUNSFIELD = "Hounsfield units"
    COUNTS = "relative counts"
    ACTIVITY = "Bq/mL"


FITTING = {
    None: frozenset({Kind.CT, Kind.CBCT, Kind.SPECT, Kind.PET, Kind.MR, Kind.UNSURE}),
    Quantity.HOUNSFIELD: frozenset({Kind.CT, Kind.CBCT, Kind.UNSURE}),
    Quantity.COUNTS: frozenset({Kind.SPECT, Kind.PET, Kind.UNSURE}),
    Quantity.ACTIVITY: frozenset({Kind.SPECT, Kind.PET, Kind.UNSURE}),
}
"""What kinds may be meant; None is an image of any quantity."""


@dataclass(frozen=True)
class DicomHeader:
    """What a DICOM header says about the meaning of the voxels; empty where it says nothing."""

    modality: str = ""
    units: str = ""
    frame_of_reference: str = ""
    rescale: str = ""
    """The slope that stored values were multiplied with, as text; empty when it is 1."""
    nuclide: str = ""
    reference_time: datetime | None = None
    """To which instant Bq/mL are decay-corrected, where that was read."""
    after_infusion_h: float | None = None
    """How long after the infusion that is, where the header says."""
    notes: tuple[str, ...] = ()


def read_dicom(
    series: Series,
    where: str,
    quantity: Quantity | None = None,
    *,
    zone: tzinfo | None = None,
    corrected_to: datetime | str | None = None,
) -> tuple[sitk.Image, DicomHeader]:
    """Return a series as an image of the wanted quantity, with what its header says.

    Parameters
    ----------
    quantity
        What the image is to be; None takes any, and judges no unit.
    zone, corrected_to
        As for `dicom_activity.activity_of`.

    Raises
    ------
    InputError, GeometryError
        If the series is something else, shows another tracer, is in another unit, or is no whole volume.
    """
    with hushed():
        require_fitting(series, where, quantity)
        stack = read_stack(series, where, straighten=quantity is Quantity.HOUNSFIELD)
        image, at, notes = stack.image, None, stack.notes
        if quantity is Quantity.HOUNSFIELD:
            require_hounsfield(stack, where)
        elif quantity is Quantity.ACTIVITY and (says_bq_ml(stack) or series.kind is Kind.PET):
            found = activity_of(stack, zone, where, corrected_to)
            image, at, notes = found.image, found.reference_time, (*notes, *found.notes)
            if isinstance(corrected_to, datetime):
                notes = (*notes, *_otherwise(stack, where, corrected_to))
        elif quantity is Quantity.ACTIVITY and text(series.header, "Modality") in ("NM", "PT"):
            notes = (*notes, f"{where}: its header states no unit; taken as Bq/mL, as it was entered")
        slopes = sorted({s for h in stack.headers if (s := number(h, "RescaleSlope")) is not None} or {1.0})
        rescale = f"{slopes[0]:g}" if len(slopes) == 1 else f"{slopes[0]:g} to {slopes[-1]:g}"
        return image, DicomHeader(
            text(series.header, "Modality"),
            text(series.header, "Units"),
            series.frame_of_reference,
            "" if slopes == [1.0] else rescale,
            tracer(series.header).nuclide,
            at,
            None if at is None else _after_infusion_h(series, at, zone, where),
            notes,
        )


def _otherwise(stack: Stack, where: str, said: datetime) -> tuple[str, ...]:
    """Return a note where the header's instant is another one than was entered."""
    try:
        own, _, _ = reference_of(stack, tracer(stack.headers[0]), said.tzinfo, where, None)
    except InputError as error:
        return (f"{where}: {error.what}",)
    apart_h = 0.0 if own is None else abs((own - said).total_seconds()) / SECONDS_PER_HOUR
    if own is None or apart_h <= SLACK_H:
        return ()
    return (f"{where}: its header says that it is decay-corrected to {own.isoformat()}, {apart_h:.1f} h off",)


def _after_infusion_h(series: Series, at: datetime, zone: tzinfo | None, where: str) -> float | None:
    given, _ = infusion_time(tracer(series.header), series.header, zone or at.tzinfo, where)
    return None if given is None else (at - given).total_seconds() / SECONDS_PER_HOUR


def require_fitting(series: Series, where: str, quantity: Quantity | None) -> None:
    """Raise `InputError` when a series can't hold a quantity, whatever the user says.

    A CT is let through as counts: scanners store a SPECT as CT image, and negative values tell the two apart.
    """
    kind = series.kind
    if kind in FITTING[quantity] or (quantity in (Quantity.COUNTS, Quantity.ACTIVITY) and kind is Kind.CT):
        why = contradiction(tracer(series.header)) if quantity in (Quantity.COUNTS, Quantity.ACTIVITY) else ""
        if not (why and quantity is Quantity.ACTIVITY):
            return
    elif kind is Kind.PLANAR:
        why = "a planar scintigram, no volume"
    else:
        why = series.why or f"it is of the kind {kind.value}"
        if kind is Kind.OTHER and "frames" not in why and len(series.frames) > len(series.files):
            why = f"its {len(series.frames)} frames are not one volume: {why}"
    wanted = f"it can't be used as an image in {quantity.value}: " if quantity else "it can't be used as an image: "
    raise InputError(wanted + why, where=where, remedy="Choose another series, or export the one that is meant")


def require_hounsfield(stack: Stack, where: str) -> None:
    """Raise `InputError` when a CT has no voxel as low as fat."""
    lowest = float(array_of(stack.image).min())
    if lowest > LEAST_NEGATIVE_HU:
        raise InputError(
            f"no voxel lies below {LEAST_NEGATIVE_HU:g} (lowest {lowest:g}): these are not Hounsfield units",
            where=where,
            remedy="If it is a SPECT or PET, say so",
            about="ct",
        )


def series_at(path: Path, where: str, chosen: str = "", quantity: Quantity | None = None) -> Series:
    """Return the series in a file or folder (not below it): the one chosen by UID or number, else the only fitting one.

    Raises
    ------
    InputError
        If there is none, or several and none is chosen, or a DICOM file of the folder is damaged.
    """
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    sorting = sort_files(p for p in paths if p.is_file())
    if sorting.damaged:
        raise InputError(
            f"the DICOM file {sorting.damaged[0]} is truncated or damaged", where=where, remedy="Copy it again"
        )
    found = sorting.series
    if not found:
        raise InputError("no DICOM image in this folder", where=where, remedy=_where_images_may_be(path))
    if chosen:
        found = tuple(s for s in found if chosen in (s.uid, str(s.number)))
        if not found:
            listed = _listed(sorting.series)
            raise InputError(f"no series {chosen} in this folder", where=where, remedy=f"There are: {listed}")
    fitting = tuple(s for s in found if s.kind in FITTING[quantity]) if len(found) > 1 else found
    if len(fitting) == 1:
        return fitting[0]
    raise InputError(
        f"{len(fitting) or len(found)} series in this folder: {_listed(fitting or found)}",
        where=where,
        remedy='Choose one with series = "its SeriesInstanceUID or number", or give each its own folder',
    )


def _listed(found: tuple[Series, ...]) -> str:
    lines = [f"{s.line}, {s.uid or 'without UID'}" for s in found[:SERIES_LISTED]]
    return "; ".join(lines + (["…"] if len(found) > SERIES_LISTED else []))


def _where_images_may_be(path: Path) -> str:
    below = [d.name for d in sorted(path.iterdir()) if d.is_dir()] if path.is_dir() else []
    if below:
        return f"Give the folder with the files themselves, perhaps {below[0]}"
    return "Give a folder with the files of one DICOM series, or a NRRD, NIfTI or MetaImage file"
