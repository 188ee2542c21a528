"""To which instant a Y-90 image is decay-corrected: by the header's times and factors together, or the user's word."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo

import numpy as np

from ..errors import InputError
from ..physics import DEFAULT_HALF_LIFE_H, SECONDS_PER_HOUR, decay_factor
from .case_keys import AT_INFUSION
from .dicom_facts import Tracer, acquired_at, corrections, date_and_time, given_at, series_at
from .dicom_header import Header, number, text
from .dicom_stack import Float64, Stack

MS_PER_S = 1000.0
SLACK_H = 0.5
"""Tool default: scanners' clocks and rounding may shift a decay correction by that much, 0.5 % of Y-90."""
LONGEST_SCAN_H = 12.0
"""Tool default: slices of one day that lie further apart were acquired over midnight, under a date that stood still."""
LONGEST_BEFORE_SCAN_H = 14 * 24.0
"""Tool default: after two weeks a fortieth of the Y-90 is left, and nobody images it."""
SAY_THE_INSTANT = "Say to which instant it is decay-corrected"
OR_COUNTS = "or use it in relative counts"


def reference_of(
    stack: Stack, of: Tracer, zone: tzinfo | None, where: str, corrected_to: datetime | str | None
) -> tuple[datetime | None, Float64, list[str]]:
    """Return the reference time (None: the infusion), a factor for each slice that brings it there, and notes.

    Raises
    ------
    InputError
        If the header does not say to which instant the decay was corrected, or contradicts itself.
    """
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
        given = given_before_scan(of, header, zone, where)
        if given is None:
            return None, same, [f"{where}: decay-corrected to the infusion, whose time the header does not state"]
        _require_factor(header, given, zone, where)
        return given, same, []
    if word == "NONE":
        return _uncorrected(stack, zone, where)
    raise InputError(
        "the header does not say to which instant the decay was corrected",
        where=where,
        remedy=f"{SAY_THE_INSTANT}: a time, or the infusion",
        about="pet_reference",
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
            about="pet_reference",
        )


def infusion_time(of: Tracer, header: Header, zone: tzinfo | None, where: str) -> tuple[datetime | None, str]:
    """Return when the activity was given, and why the header's time is not believed; None where it is not known."""
    try:
        return given_before_scan(of, header, zone, where), ""
    except InputError as error:
        if error.about == "time_zone":
            raise
        return None, f"{where}: {error.what}: that time is not used"


def given_before_scan(of: Tracer, header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return when the activity was given, refused where that is after the scan began."""
    given, begun = given_at(of, header, zone, where), acquired_at(header, zone, where)
    if given is not None and begun is not None:
        late_h = (given - begun).total_seconds() / SECONDS_PER_HOUR
        if late_h > SLACK_H:
            raise InputError(
                f"the header says that the activity was given {late_h:.1f} h after the scan began",
                where=where,
                remedy=SAY_THE_INSTANT,
                about="pet_reference",
            )
        if late_h < -LONGEST_BEFORE_SCAN_H:
            raise InputError(
                f"the header says that the activity was given {-late_h / 24:.0f} days before the scan",
                where=where,
                remedy=f"Dates were perhaps shifted by an anonymizer. {SAY_THE_INSTANT}, {OR_COUNTS}",
                about="pet_as_counts",
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
            about="pet_reference",
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
            remedy="Say which",
            about="pet_reference",
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
            remedy=f"{SAY_THE_INSTANT}, {OR_COUNTS}",
            about="pet_reference",
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
            about="pet_reference",
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
            remedy="Reconstruct it with decay correction, or use it in relative counts",
            about="pet_as_counts",
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
