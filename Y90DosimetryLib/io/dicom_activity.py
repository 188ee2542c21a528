"""A Y-90 PET or SPECT in Bq/mL at one instant, or the reason why its numbers can't be taken as that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..images import array_of, image_like
from ..physics import BQ_PER_GBQ, DEFAULT_HALF_LIFE_H, G_PER_KG, SECONDS_PER_HOUR, decay_factor
from .case_keys import AT_INFUSION
from .dicom_facts import (
    Tracer,
    acquired_at,
    body,
    corrections,
    date_and_time,
    dose_gbq,
    given_at,
    require_y90,
    series_at,
    tracer,
)
from .dicom_header import Header, code, items, number, text
from .dicom_stack import Float64, Stack

UNITS = {
    "CNTS": "counts",
    "GML": "SUV (g/mL)",
    "CM2ML": "SUV by body surface (cm2/mL)",
    "NONE": "without unit",
    "PROPCNTS": "proportional to counts",
    "PROPCPS": "proportional to counts a second",
    "CPS": "counts a second",
    "PCNT": "percent",
}
"""Units (0054,1001) other than BQML, DICOM PS3.3, C.8.9.1.1.3."""
PHILIPS = "Philips PET Private Group"
TO_BQ_ML = 0x09
"""Philips private element (7053,xx09): Bq/mL of one rescaled count (QIBA, SUV pseudo-code)."""
MS_PER_S = 1000.0
SPECT_CORRECTIONS = {"ATTN": "attenuation", "SCAT": "scatter"}
PET_CORRECTIONS = {**SPECT_CORRECTIONS, "RAN": "randoms", "NORM": "detector normalization"}
"""Words of CorrectedImage (0028,0051) without which values are not proportional to the activity."""
SLACK_H = 0.5
"""Tool default: scanners' clocks and rounding may shift a decay correction by that much, 0.5 % of Y-90."""
LONGEST_SCAN_H = 12.0
"""Tool default: slices of one day that lie further apart were acquired over midnight, under a date that stood still."""
SAME_SCALE_RATIO = 1e-3
SAY_THE_INSTANT = "Say to which instant it is decay-corrected: --pet-reference 2026-03-05T09:00:00+01:00"


@dataclass(frozen=True)
class Activity:
    """A volume in Bq/mL, the instant for which it holds (None: the infusion), and what was done."""

    image: sitk.Image
    reference_time: datetime | None
    notes: tuple[str, ...] = ()


def activity_of(stack: Stack, zone: tzinfo | None, where: str, corrected_to: datetime | str | None = None) -> Activity:
    """Return a PET or SPECT series in Bq/mL.

    Parameters
    ----------
    zone
        The hospital's time zone, for headers that do not state an offset.
    corrected_to
        To which instant the values are decay-corrected (or "infusion"), where the user knows better than the header.

    Raises
    ------
    InputError
        If nuclide, half-life or positron fraction are not those of Y-90, the unit is not Bq/mL and can't be
        converted, it is not stated to which instant the decay was corrected, or the header contradicts itself.
    """
    header = stack.headers[0]
    of = tracer(header)
    require_y90(of, where)
    reference, decay, notes = _reference(stack, of, zone, where, corrected_to)
    scale, told = _to_bq_ml(stack, of, reference, zone, where)
    factors = scale * decay
    image = stack.image
    if not np.all(factors == 1.0):
        image = image_like((array_of(image) * factors[:, None, None]).astype(np.float32), image)
    return Activity(image, reference, (*notes, *lacking_corrections(header, where), *told))


def lacking_corrections(header: Header, where: str, needed: Mapping[str, str] = PET_CORRECTIONS) -> tuple[str, ...]:
    """Return a note where the header names a needed correction not as applied, or none at all."""
    applied = corrections(header)
    if not applied:
        return (f"{where}: the header does not say which corrections were applied",)
    lacking = [name for key, name in needed.items() if key not in applied]
    return (f"{where}: not corrected for {', '.join(lacking)}",) if lacking else ()


def activity_if_known(
    stack: Stack, zone: tzinfo | None, where: str, corrected_to: datetime | str | None = None
) -> tuple[Activity | None, tuple[str, ...]]:
    """Return a Y-90 SPECT in Bq/mL, None where it is in counts or lacks something, and notes.

    A SPECT is usually in counts, which give doses as well; a quantitative one says Bq/mL in a real-world value map.
    """
    if text(stack.headers[0], "Units").upper() != "BQML" and any(_real_world(h) is None for h in stack.headers):
        return None, ()
    try:
        found = activity_of(stack, zone, where, corrected_to)
    except InputError as error:
        return None, (f"{where}: {error.what}; used in relative counts (say it with --spect-reference)",)
    return found, found.notes


# The unit


def _to_bq_ml(
    stack: Stack, of: Tracer, reference: datetime | None, zone: tzinfo | None, where: str
) -> tuple[Float64, list[str]]:
    """Return Bq/mL of one rescaled unit, for each slice."""
    header, count = stack.headers[0], stack.image.GetSize()[2]
    units = text(header, "Units").upper()
    mapped = [_real_world(h) for h in stack.headers]
    if units == "BQML":
        other = next((m for m in mapped if m is not None and abs(m - 1) > SAME_SCALE_RATIO), None)
        if other is not None:
            raise InputError(
                f"it says Bq/mL, and its real-world value map {other:g} times as many",
                where=where,
                remedy="Export the series again, or use it in relative counts (--pet-as-counts)",
            )
        if text(header, "Modality").upper() == "PT" and any(number(h, "RescaleSlope") is None for h in stack.headers):
            raise InputError(
                "RescaleSlope, without which stored values are not Bq/mL, is not stated",
                where=where,
                remedy="Export the series again, or use it in relative counts (--pet-as-counts)",
            )
        return np.ones(count), []
    if all(m is not None for m in mapped):
        steps = np.array([m for m in mapped if m is not None])
        return np.broadcast_to(steps, (count,)).copy(), [f"{where}: Bq/mL from the real-world value map of the header"]
    if units == "CNTS":
        found = [_philips(h) for h in stack.headers]
        if all(f is not None for f in found):
            return np.broadcast_to(np.array(found, dtype=float), (count,)).copy(), [
                f"{where}: counts converted to Bq/mL with the scanner's own factor ({found[0]:g} in the first slice)"
            ]
    if units == "GML" and text(header, "SUVType").upper() in ("", "BW"):
        return np.full(count, _of_suv(stack, of, reference, zone, where)), [
            f"{where}: SUV by body weight converted to Bq/mL with the dose and weight of the header"
        ]
    named = UNITS.get(units, units) or "not stated"
    raise InputError(
        f"the unit of the values is {named}, not Bq/mL",
        where=where,
        remedy="Export the series in Bq/mL (BQML), or use it in relative counts (--pet-as-counts)",
    )


def _real_world(header: Header) -> float | None:
    """Return Bq/mL of one rescaled unit from a real-world value map, which speaks of stored values."""
    rescale, shift = number(header, "RescaleSlope") or 1.0, number(header, "RescaleIntercept") or 0.0
    found: set[float] = set()
    for entry in items(header, "RealWorldValueMappingSequence"):  # SUV may stand beside Bq/mL
        if code(entry, "MeasurementUnitsCodeSequence")[1].lower() != "bq/ml":
            continue
        slope = number(entry, "RealWorldValueSlope")
        if not slope or number(entry, "RealWorldValueIntercept") or shift:
            return None
        found.add(slope / rescale)
    return found.pop() if len(found) == 1 else None


def _philips(header: Header) -> float | None:
    try:
        found = header.private_block(0x7053, PHILIPS)[TO_BQ_ML].value
        factor = float(found.decode("ascii") if isinstance(found, bytes) else found)
    except (KeyError, TypeError, ValueError, AttributeError, UnicodeDecodeError):
        return None
    return factor if math.isfinite(factor) and factor > 0 else None


def _of_suv(stack: Stack, of: Tracer, reference: datetime | None, zone: tzinfo | None, where: str) -> float:
    """Return Bq/mL of SUV 1: dose at the reference time over weight, 1 g of the body counted as 1 mL."""
    header = stack.headers[0]
    weight_kg, dose = body((header,)).weight_kg, dose_gbq(of)
    given = _given(of, header, zone, where) if reference is not None else None
    lacking = [
        name
        for name, known in (
            ("weight", weight_kg),
            ("dose", dose),
            ("date and time of injection", reference is None or given),
        )
        if not known
    ]
    if lacking or weight_kg is None or dose is None:
        raise InputError(
            f"the values are SUV, and the header lacks a usable {' and '.join(lacking)}",
            where=where,
            remedy="Export the series in Bq/mL (BQML), or use it in relative counts (--pet-as-counts)",
        )
    elapsed_h = 0.0 if reference is None or given is None else (reference - given).total_seconds() / SECONDS_PER_HOUR
    return dose * BQ_PER_GBQ * decay_factor(elapsed_h) / (weight_kg * G_PER_KG)


# The instant


def _reference(
    stack: Stack, of: Tracer, zone: tzinfo | None, where: str, corrected_to: datetime | str | None
) -> tuple[datetime | None, Float64, list[str]]:
    """Return the reference time, a factor for each slice that brings it there, and notes."""
    header, same = stack.headers[0], np.ones(stack.image.GetSize()[2])
    if corrected_to is not None:
        at = corrected_to if isinstance(corrected_to, datetime) else None
        return at, same, [f"{where}: decay-corrected to {at.isoformat() if at else AT_INFUSION}, as the user says"]
    stated = date_and_time(text(header, "DecayCorrectionDateTime"), header, zone, where)
    word = text(header, "DecayCorrection").upper()
    _require_consistent(header, word, stated is not None, where)
    if stated:
        _require_factor(header, stated, zone, where)
        return stated, same, []
    if word == "START":
        at, notes = _start(stack, zone, where)
        _require_factor(header, at, zone, where)
        return at, same, notes
    if word == "ADMIN":
        given = _given(of, header, zone, where)
        if given is None:
            return None, same, [f"{where}: decay-corrected to the infusion, whose time the header does not state"]
        _require_factor(header, given, zone, where)
        return given, same, []
    if word == "NONE":
        return _uncorrected(stack, zone, where)
    raise InputError(
        "the header does not say to which instant the decay was corrected",
        where=where,
        remedy=f"{SAY_THE_INSTANT}, or --pet-reference infusion",
    )


def _require_consistent(header: Header, word: str, stated: bool, where: str) -> None:
    """Raise `InputError` when a decay correction is said to be made and not made.

    START is left out: whether the decay within a scan was corrected or not changes Y-90 by less than 1 %.
    """
    applied, none = corrections(header), word == "NONE"
    denied = bool(applied) and "DECY" not in applied
    if (none and (stated or "DECY" in applied)) or (denied and (stated or word == "ADMIN")):
        raise InputError(
            "the header says that the decay was corrected, and that it was not "
            "(DecayCorrection, DecayCorrectionDateTime, CorrectedImage)",
            where=where,
            remedy=SAY_THE_INSTANT,
        )


def _given(of: Tracer, header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return when the activity was given, refused where that is after the scan began."""
    given, begun = given_at(of, header, zone, where), acquired_at(header, zone, where)
    if given is not None and begun is not None:
        late_h = (given - begun).total_seconds() / SECONDS_PER_HOUR
        if late_h > SLACK_H:
            raise InputError(
                f"the header says that the activity was given {late_h:.1f} h after the scan began",
                where=where,
                remedy=SAY_THE_INSTANT,
            )
    return given


def _start(stack: Stack, zone: tzinfo | None, where: str) -> tuple[datetime, list[str]]:
    """Return the start of the scan: the series time, unless it lies behind the acquisition (a later reconstruction).

    QIBA's rule; where the series time is later, the earliest acquisition of all bed positions stands for it.
    """
    times = [t for t in _acquired(stack, zone, where) if t is not None]
    begun, first = series_at(stack.headers[0], zone, where), min(times, default=None)
    if begun is None and first is None:
        raise InputError(
            "the header states neither the time of the acquisition nor of the series",
            where=where,
            remedy=SAY_THE_INSTANT,
        )
    if first is None:
        assert begun is not None, "one of the two is known"
        return begun, [f"{where}: no acquisition time in the header; the time of the series is taken as the start"]
    if begun is None or begun > first:
        return first, [f"{where}: the series was written after the acquisition, whose start is the reference time"]
    if (first - begun).total_seconds() > SLACK_H * SECONDS_PER_HOUR:
        raise InputError(
            f"series and acquisition begin {(first - begun).total_seconds() / SECONDS_PER_HOUR:.1f} h apart, "
            "and the decay is corrected to one of them",
            where=where,
            remedy="Say which: --pet-reference 2026-03-05T09:00:00+01:00",
        )
    return begun, []


def _acquired(stack: Stack, zone: tzinfo | None, where: str) -> list[datetime | None]:
    """Return when the acquisition of each slice began."""
    times = [acquired_at(h, zone, where) for h in stack.headers]
    known = [t for t in times if t is not None]
    first, last = min(known, default=None), max(known, default=None)
    if first and last and first.date() == last.date() and (last - first) > timedelta(hours=LONGEST_SCAN_H):
        raise InputError(
            f"its slices were acquired from {first:%H:%M} to {last:%H:%M} of one day: "
            "the scan went over midnight, and the date in the headers stood still",
            where=where,
            remedy=f"{SAY_THE_INSTANT}, or use it in relative counts (--pet-as-counts)",
        )
    return times


def _require_factor(header: Header, at: datetime, zone: tzinfo | None, where: str) -> None:
    """Raise `InputError` when the decay factor of the header does not lead to the reference time."""
    factor, begun = number(header, "DecayFactor"), acquired_at(header, zone, where)
    if not factor or factor <= 0 or begun is None:
        return
    since_h = (begun - at).total_seconds() / SECONDS_PER_HOUR
    applied_h = DEFAULT_HALF_LIFE_H * math.log2(factor)
    frame_h = (number(header, "ActualFrameDuration") or 0.0) / MS_PER_S / SECONDS_PER_HOUR
    if not since_h - SLACK_H <= applied_h <= since_h + frame_h + SLACK_H:
        raise InputError(
            f"the decay factor {factor:g} of the header corrects for {applied_h:.1f} h, "
            f"the times of the header are {since_h:.1f} h apart",
            where=where,
            remedy=SAY_THE_INSTANT,
        )


def _uncorrected(stack: Stack, zone: tzinfo | None, where: str) -> tuple[datetime, Float64, list[str]]:
    """Return the earliest start of a bed position, and the factors that bring each slice to it.

    A slice holds the mean over its frame: A(start) = mean * L D / (1 - exp(-L D)).
    """
    begun = _acquired(stack, zone, where)
    frames_h = [(number(h, "ActualFrameDuration") or 0.0) / MS_PER_S / SECONDS_PER_HOUR for h in stack.headers]
    known = [t for t in begun if t is not None]
    if len(known) < len(begun) or not all(frames_h):
        raise InputError(
            "the decay is not corrected, and not every slice states its acquisition time and duration",
            where=where,
            remedy="Reconstruct it with decay correction, or use it in relative counts (--pet-as-counts)",
        )
    first = min(known)
    factors = [
        (decay_factor(-((at - first) / timedelta(hours=1))) * _within(frame_h))
        for at, frame_h in zip(known, frames_h, strict=True)
    ]
    told = f"{where}: not decay-corrected by the scanner; corrected here to the start, at most times {max(factors):.4f}"
    return first, np.broadcast_to(np.array(factors), (stack.image.GetSize()[2],)).copy(), [told]


def _within(frame_h: float) -> float:
    exponent = math.log(2.0) * frame_h / DEFAULT_HALF_LIFE_H
    return exponent / -math.expm1(-exponent)
