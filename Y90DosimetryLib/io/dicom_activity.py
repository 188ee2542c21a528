"""A Y-90 PET or SPECT in Bq/mL at one instant, or the reason why its numbers can't be taken as that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..images import array_of, image_like
from ..physics import BQ_PER_GBQ, G_PER_KG, SECONDS_PER_HOUR, decay_factor
from .dicom_facts import Tracer, body, corrections, dose_gbq, require_y90, tracer
from .dicom_header import Header, code, items, number, text
from .dicom_instant import given_before_scan, reference_of
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
SPECT_CORRECTIONS = {"ATTN": "attenuation", "SCAT": "scatter"}
PET_CORRECTIONS = {**SPECT_CORRECTIONS, "RAN": "randoms", "NORM": "detector normalization"}
"""Words of CorrectedImage (0028,0051) without which values are not proportional to the activity."""
SAME_SCALE_RATIO = 1e-3


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
    reference, decay, notes = reference_of(stack, of, zone, where, corrected_to)
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


def says_bq_ml(stack: Stack) -> bool:
    """Whether the header states a unit, or how stored values become Bq/mL."""
    return bool(text(stack.headers[0], "Units")) or all(_real_world(h) is not None for h in stack.headers)


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
        return None, (f"{where}: {error.what}; used in relative counts",)
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
                remedy="Export the series again, or use it in relative counts",
                about="pet_as_counts",
            )
        if text(header, "Modality").upper() == "PT" and any(number(h, "RescaleSlope") is None for h in stack.headers):
            raise InputError(
                "RescaleSlope, without which stored values are not Bq/mL, is not stated",
                where=where,
                remedy="Export the series again, or use it in relative counts",
                about="pet_as_counts",
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
        remedy="Export the series in Bq/mL (BQML), or use it in relative counts",
        about="pet_as_counts",
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
    given = given_before_scan(of, header, zone, where) if reference is not None else None
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
            remedy="Export the series in Bq/mL (BQML), or use it in relative counts",
            about="pet_as_counts",
        )
    elapsed_h = 0.0 if reference is None or given is None else (reference - given).total_seconds() / SECONDS_PER_HOUR
    return dose * BQ_PER_GBQ * decay_factor(elapsed_h) / (weight_kg * G_PER_KG)
