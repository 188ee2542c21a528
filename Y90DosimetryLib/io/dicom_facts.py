"""What DICOM headers say of quantity and time: unit, nuclide, dose, decay correction, weight; checked, not assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from ..errors import InputError
from ..physics import BQ_PER_GBQ, DEFAULT_HALF_LIFE_H, SECONDS_PER_HOUR
from .dicom_header import Header, code, items, number, text, words

NUCLIDES = {
    ("SCT", "14691008"): "Y-90",  # SNOMED CT; DICOM PS3.16, CID 18 and CID 4020
    ("SRT", "C-162A7"): "Y-90",  # its older code
    ("SCT", "72454006"): "Tc-99m",
    ("SRT", "C-163A8"): "Tc-99m",
}
SPHERES = {("SCT", "764678003"), ("SCT", "409105003"), ("SRT", "C-B10A5")}
"""Radiopharmaceuticals that are Y-90 microspheres, DICOM PS3.16, CID 25."""
ALBUMINS = {("SCT", "85693008"), ("SCT", "55494003"), ("SRT", "C-B1203")}
"""Macroaggregated albumin and albumin microspheres with Tc-99m, DICOM PS3.16, CID 25."""
ALBUMIN, MICROSPHERES, OTHER_DRUG = "MAA", "microspheres", "other"
"""What a drug is; empty where its name says nothing about it."""
MAA_WORDS = re.compile(
    r"\bmaa\b|macro.?(agg|alb|salb)|makro|(?<!micro)aggregated albumin|albumin microsph|"
    r"pulmocis|macrotec|maasol|lyomaa",
    re.IGNORECASE,
)
SPHERE_WORDS = re.compile(r"microsph|thera.?sphere|sir.?sphere|glass|resin", re.IGNORECASE)
OTHER_WORDS = re.compile(
    r"brofenin|bromida|bridatec|fenin\b|\bh?ida\b|choletec|colloid|nanocoll|tilmanocept|dronate|\b[mh]dp\b|\bdpd\b|"
    r"hmpao|exametazime|bicisate|mibi|tetrofosmin|pertechnetate|tcO4|dmsa|succimer|dtpa|pentet|mag.?3|mertiatide|gsa\b|"
    r"galactosyl|neogalact|red (blood )?cell|\brbc\b|erythro|leu[kc]o|psma|dota|octreo|tektrotyd|edda|fdg|glucose|"
    r"choline|fluoride|iodide|mibg|iobenguane|gallium|citrate|phosphate|phytate|serum albumin|microaggregated|"
    r"bone|thyroid|trodat|depreotide|krypton|xenon|technegas|carbon|rubidium|ammonia|acetate|fapi",
    re.IGNORECASE,
)
"""Other drugs of nuclear medicine, by the names and parts of names in DICOM PS3.16, CID 25 and 4021, and brands."""
HALF_LIVES_H = {"Tc-99m": 6.0067, "Y-90": DEFAULT_HALF_LIFE_H}
"""Tc-99m: Nuclear Data Sheets 145 (2017) 25-340, A = 99."""
Y90_POSITRON_FRACTION = 31.86e-6
"""Positrons per decay of Y-90: Selwyn et al., Appl Radiat Isot 65 (2007) 318-327."""
LARGEST_HALF_LIFE_ERROR_RATIO = 0.01
LARGEST_POSITRON_ERROR_RATIO = 0.1
"""Tool default: sets apart published values for Y-90 (31.86e-6, 32e-6) from any other nuclide's."""
DOSE_RANGE_GBQ = (0.01, 20.0)
"""Tool default: what one treatment with Y-90 may hold; the largest vial has 20 GBq."""
WEIGHT_RANGE_KG = (20.0, 350.0)
HEIGHT_RANGE_CM = (100.0, 230.0)
CM_PER_M = 100.0
BQ_PER_MBQ = 1e6
NAME_THE_ZONE = "Name the hospital's time zone, for example Europe/Paris, or an offset such as +02:00 or -05:00"


@dataclass(frozen=True)
class Tracer:
    """The radiopharmaceutical as the header has it; None and empty where it says nothing."""

    nuclide: str = ""
    half_life_h: float | None = None
    positron_fraction: float | None = None
    dose_bq: float | None = None
    """RadionuclideTotalDose, which PET writes in Bq and nuclear medicine in MBq (DICOM PS3.3, C.8.9.2, C.8.4.10)."""
    given: str = ""
    """RadiopharmaceuticalStartDateTime, a DICOM date and time."""
    drug: str = ""
    """Its name, where it says more than the nuclide does."""
    drug_kind: str = ""
    """`ALBUMIN`, `MICROSPHERES`, `OTHER_DRUG`, or empty where the name is not known."""


@dataclass(frozen=True)
class Body:
    """Weight and height, None where absent or impossible, and what was wrong with them."""

    weight_kg: float | None = None
    height_cm: float | None = None
    notes: tuple[str, ...] = ()


def tracer(header: Header) -> Tracer:
    """Return what a PET or nuclear medicine header says of the radiopharmaceutical.

    Dose and time are those of a single administration: of several none is chosen.
    """
    administered = items(header, "RadiopharmaceuticalInformationSequence")
    info = administered[0] if administered else {}
    scheme, entry, meaning = code(info, "RadionuclideCodeSequence")
    nuclide = NUCLIDES.get(("SRT" if scheme in {"SNM3", "99SDM"} else scheme, entry), "") or nuclide_named(meaning)
    half_life_s = number(info, "RadionuclideHalfLife")
    coded, named = code(info, "RadiopharmaceuticalCodeSequence"), text(info, "Radiopharmaceutical")
    drug_kind = _drug_kind(coded, named)
    if not nuclide and (half_life_s or not (meaning or entry)):  # a drug's name overrules no nuclide's code
        nuclide = "Y-90" if coded[:2] in SPHERES else nuclide_named(named) or nuclide_named(coded[2])
    nuclide = nuclide or meaning or entry
    dose = number(info, "RadionuclideTotalDose") if len(administered) == 1 else None
    unit_bq = BQ_PER_MBQ if text(header, "Modality") == "NM" else 1.0
    return Tracer(
        nuclide,
        half_life_s / SECONDS_PER_HOUR if half_life_s else None,
        number(info, "RadionuclidePositronFraction"),
        None if dose is None else dose * unit_bq,
        text(info, "RadiopharmaceuticalStartDateTime") if len(administered) == 1 else "",
        _beside_nuclide(named) or _beside_nuclide(coded[2]),
        drug_kind,
    )


def _drug_kind(coded: tuple[str, str, str], named: str) -> str:
    """Return what a drug is by its code, its meaning and its free name; one that is another drug overrules the rest."""
    told = (named, coded[2])
    if any(OTHER_WORDS.search(t) and not MAA_WORDS.search(t) for t in told):
        return OTHER_DRUG
    if coded[:2] in ALBUMINS or any(MAA_WORDS.search(t) for t in told):
        return ALBUMIN
    return MICROSPHERES if coded[:2] in SPHERES or any(SPHERE_WORDS.search(t) for t in told) else ""


def _beside_nuclide(told: str) -> str:
    """Return a drug's name; empty where it names a nuclide and nothing else."""
    left = re.sub(r"technetium|yttrium|tc|99\W*m?|y|90|[\W\d_]|chloride|solution|\bnone\b|unknown", "", told.lower())
    return told if len(left) > 1 else ""


def nuclide_named(told: str) -> str:
    """Return Y-90 or Tc-99m where a text names it in any of the usual ways ("^90^Yttrium", "Tc99m MAA")."""
    plain = re.sub(r"[\^\s\[\]_-]", "", told).lower()
    if re.search(r"90y|y90|yttrium90", plain):
        return "Y-90"
    return "Tc-99m" if re.search(r"99mtc|99tcm|tc99m|technetium99m|99mtechnetium", plain) else ""


def body(headers: tuple[Header, ...]) -> Body:
    """Return weight and height from the first header that has them; impossible values are left out and said so."""
    weight_kg = next((w for w in (number(h, "PatientWeight") for h in headers) if w), None)
    height_m = next((s for s in (number(h, "PatientSize") for h in headers) if s), None)
    notes: list[str] = []
    if weight_kg is not None and not WEIGHT_RANGE_KG[0] <= weight_kg <= WEIGHT_RANGE_KG[1]:
        notes.append(f"the DICOM header says a weight of {weight_kg:g} kg: not used")
        weight_kg = None
    height_cm = None if height_m is None else round(height_m * CM_PER_M, 1)
    if height_cm is not None and not HEIGHT_RANGE_CM[0] <= height_cm <= HEIGHT_RANGE_CM[1]:
        notes.append(f"the DICOM header says a height of {height_m:g} m: not used")
        height_cm = None
    return Body(weight_kg, height_cm, tuple(notes))


def require_y90(of: Tracer, where: str) -> None:
    """Raise `InputError` unless a PET was reconstructed and decay-corrected for Y-90.

    Scanners without Y-90 in their list are run with another nuclide; its half-life and positron fraction are then
    in the numbers, and Bq/mL are wrong by orders of magnitude.
    """
    remedy = "Reconstruct it for Y-90, or use it in relative counts"
    if of.nuclide != "Y-90" and (of.nuclide or of.half_life_h is None):
        told = f"the header names the nuclide {of.nuclide}, not Y-90" if of.nuclide else "the header names no nuclide"
        raise InputError(told, where=where, remedy=remedy, about="pet_as_counts")
    if of.half_life_h is not None and abs(of.half_life_h / DEFAULT_HALF_LIFE_H - 1) > LARGEST_HALF_LIFE_ERROR_RATIO:
        raise InputError(
            f"the half-life in the header is {of.half_life_h:.4g} h, that of Y-90 {DEFAULT_HALF_LIFE_H:g} h",
            where=where,
            remedy=remedy,
            about="pet_as_counts",
        )
    fraction = of.positron_fraction
    if fraction and abs(fraction / Y90_POSITRON_FRACTION - 1) > LARGEST_POSITRON_ERROR_RATIO:
        raise InputError(
            f"the positron fraction in the header is {fraction:g}, that of Y-90 {Y90_POSITRON_FRACTION:g}",
            where=where,
            remedy=remedy,
            about="pet_as_counts",
        )


def dose_gbq(of: Tracer) -> float | None:
    """Return the administered activity of a Y-90 PET in GBq; None where absent or impossible for a treatment."""
    if of.dose_bq is None:
        return None
    found_gbq = of.dose_bq / BQ_PER_GBQ
    return found_gbq if DOSE_RANGE_GBQ[0] <= found_gbq <= DOSE_RANGE_GBQ[1] else None


# Times: DICOM writes the clock of the hospital, and rarely its zone


def zone_named(name: str) -> tzinfo:
    """Return a time zone from an IANA name or an offset such as +02:00.

    Raises
    ------
    InputError
        If there is no such zone.
    """
    if found := re.fullmatch(r"([+-])(\d\d):?(\d\d)", name):
        return _offset(found[1], found[2], found[3])
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"there is no time zone '{name}'", where="time zone", remedy=NAME_THE_ZONE, about="time_zone"
        ) from None


def moment(day: str, clock: str, header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return an aware time from a DICOM date and time; None where one of them is absent or unreadable.

    The offset stands in TimezoneOffsetFromUTC (0008,0201); where it is absent *zone* is the hospital's.

    Raises
    ------
    InputError
        If there is neither, or the clock was changed at that hour.
    """
    found = re.fullmatch(r"(\d{4})[.]?(\d\d)[.]?(\d\d)", day.strip())
    at = re.match(r"(\d\d):?(\d\d)?:?(\d\d)?(?:\.(\d{1,6}))?", clock.strip())
    if not found or not at:
        return None
    try:
        second = min(int(at[3] or 0), 59)  # DICOM allows a leap second
        local = datetime(int(found[1]), int(found[2]), int(found[3]), int(at[1]), int(at[2] or 0), second)
    except ValueError:
        return None
    local += timedelta(microseconds=int((at[4] or "0").ljust(6, "0")))
    own = re.fullmatch(r"([+-])(\d\d)(\d\d)", text(header, "TimezoneOffsetFromUTC"))
    known = _offset(own[1], own[2], own[3]) if own else zone
    if known is None:
        raise InputError(
            "the times in the header have no time zone", where=where, remedy=NAME_THE_ZONE, about="time_zone"
        )
    aware = local.replace(tzinfo=known)
    if aware.utcoffset() != aware.replace(fold=1).utcoffset():
        raise InputError(
            f"the clock was changed at {local:%H:%M} of that day",
            where=where,
            remedy="Give the offset instead of the zone, for example +02:00",
            about="time_zone",
        )
    offset = aware.utcoffset()
    assert offset is not None, "an aware time has an offset"
    return aware.replace(tzinfo=timezone(offset))


def date_and_time(written: str, header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return an aware time from a DICOM DT value, 20260304103000.000000+0100 or without the offset."""
    found = re.fullmatch(r"(\d{8})(\d{2,6}(?:\.\d+)?)(?:([+-])(\d\d)(\d\d))?", written.strip())
    if not found:
        return None
    if found[3]:
        return moment(found[1], found[2], {}, _offset(found[3], found[4], found[5]), where)
    return moment(found[1], found[2], header, zone, where)


def acquired_at(header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return when the acquisition of an image began; None where the header does not say."""
    both = date_and_time(text(header, "AcquisitionDateTime"), header, zone, where)
    return both or moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime"), header, zone, where)


def series_at(header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return the date and time of the series; None where the header does not say."""
    return moment(text(header, "SeriesDate"), text(header, "SeriesTime"), header, zone, where)


def given_at(of: Tracer, header: Header, zone: tzinfo | None, where: str) -> datetime | None:
    """Return when the activity was given; None where its date is not stated.

    The time of the day alone does not do: Y-90 is imaged on the day of the treatment or days later.
    """
    return date_and_time(of.given, header, zone, where)


def corrections(header: Header) -> frozenset[str]:
    """Return the corrections applied to a PET or SPECT (CorrectedImage): DECY, ATTN, SCAT, …"""
    return frozenset(words(header, "CorrectedImage"))


def _offset(sign: str, hours: str, minutes: str) -> timezone:
    span = timedelta(hours=int(hours), minutes=int(minutes))
    if span >= timedelta(hours=15):
        raise InputError(
            f"{sign}{hours}:{minutes} is no offset from UTC", where="time zone", remedy=NAME_THE_ZONE, about="time_zone"
        )
    return timezone(-span if sign == "-" else span)
