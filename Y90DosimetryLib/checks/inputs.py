"""Measure what can be wrong with typed values: constants, activities, times, body and laboratory values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from ..case import Case, Infusion, Patient, Session, Settings
from ..dosimetry.doses import Doses
from ..dosimetry.lung import lung_dose_gy
from ..errors import InputError
from ..images import ActivityMap
from ..missing import Missing
from ..physics import (
    DEFAULT_HALF_LIFE_H,
    DEFAULT_JOULE_PER_GBQ,
    HOURS_PER_DAY,
    LABEL_LUNG_MASS_G,
    SECONDS_PER_HOUR,
    Y90_DDEP,
    Y90_ICRP,
    Y90_LABEL,
    elapsed_h,
)
from ..scores import albumin_from_g_dl, bilirubin_from_mg_dl, bilirubin_to_mg_dl, creatinine_from_mg_dl
from ..structures import Role
from ..volumetry import (
    Bsa,
    Telv,
    body_mass_index_kg_m2,
    estimated_liver_ml,
    meant_body,
    standardized_flr_ratio,
)
from .check import CASE, Observation, Subject, written

HALF_LIVES_H = {
    "fluorine-18": 109.77 / 60.0,
    "technetium-99m": 6.015,
    "rhenium-188": 17.004,
    "holmium-166": 26.80,
    "samarium-153": 46.50,
    "indium-111": 2.8047 * HOURS_PER_DAY,
    "rhenium-186": 3.7183 * HOURS_PER_DAY,
    "lutetium-177": 6.647 * HOURS_PER_DAY,
    "iodine-131": 8.0207 * HOURS_PER_DAY,
    "phosphorus-32": 14.263 * HOURS_PER_DAY,
}
"""Half-lives that may be meant instead, in hours. Source: ICRP Publication 107 (2008)."""

FITS_FRACTION = 0.02
"""Tool default: a half-life this close to another nuclide's is said to be that one's."""
SAME_CONSTANT_FRACTION = 0.0005
US_EASTERN = timezone(timedelta(hours=-5))
"""Standard time; an hour of daylight saving doesn't change the day of a noon."""
SUNDAY = 6
NOT_MEASURED = Missing("the lung shunt is not measured on the image", ("structures",))
DEFAULTS = Settings()


def observed(case: Case, doses: Doses | None) -> Iterator[Observation]:
    """Measure the typed values of a case; *doses* supplies a lung shunt or lung mass that was to be measured."""
    yield from _constants(case.settings)
    yield from _lung_mass(case.settings, doses)
    for number, session in enumerate(case.sessions):
        for place, infusion in enumerate(session.infusions):
            about = Subject(session.label, infusion.label)
            measured = doses.sessions[number].infusions[place].lung_shunt_fraction if doses else None
            yield from _lung_shunt(infusion, measured, about)
            if doses is not None and infusion.lung_shunt_fraction is not None:
                yield Observation("lung_shunt_differs", about, *_shunts(doses, number, place))
            yield from _residual(infusion, about)
            yield from _vial(infusion, about)
        yield from _apart_in_image(session)
    for first, second in pairwise(case.sessions):
        yield from _order(first, second)
    yield from _patient(case.patient)
    yield from _body(case)
    flr = case.one(Role.FLR)
    if flr is not None:
        sflr = _sflr(case, flr.volume_ml)
        yield Observation("sflr_high", CASE, sflr)
        yield Observation("sflr_impossible", CASE, sflr)


def _constants(settings: Settings) -> Iterator[Observation]:
    half_life = _apart(settings.half_life_h, DEFAULT_HALF_LIFE_H)
    yield Observation("half_life", CASE, half_life, _half_life_of(settings.half_life_h))
    energy = _apart(settings.joule_per_gbq, DEFAULT_JOULE_PER_GBQ)
    detail = f"{settings.joule_per_gbq:g} J/GBq{_energy_of(settings.joule_per_gbq)}"
    yield Observation("joule_per_gbq", CASE, energy, detail)
    yield Observation("joule_per_gbq_far", CASE, energy, detail)
    density = _apart(settings.liver_density_g_ml, DEFAULTS.liver_density_g_ml)
    yield Observation("liver_density", CASE, density, f"{settings.liver_density_g_ml:g} g/mL")


def _half_life_of(half_life_h: float) -> str:
    """Say whose half-life it is, or in which unit it would be that of yttrium-90."""
    text = f"{half_life_h:g} h"
    for name, other_h in HALF_LIVES_H.items():
        if _apart(half_life_h, other_h) < FITS_FRACTION:
            return f"{text} fits {name}"
    for unit, hours in (("days", HOURS_PER_DAY), ("minutes", 1.0 / 60.0), ("seconds", 1.0 / SECONDS_PER_HOUR)):
        if _apart(half_life_h * hours, DEFAULT_HALF_LIFE_H) < FITS_FRACTION:
            return f"{text} fits yttrium-90 in {unit}"
    return text


def _energy_of(joule_per_gbq: float) -> str:
    for nuclide in (Y90_LABEL, Y90_ICRP, Y90_DDEP):
        if _apart(joule_per_gbq, nuclide.joule_per_gbq) < SAME_CONSTANT_FRACTION:
            return f", the value of: {nuclide.source}"
    return ""


def _lung_mass(settings: Settings, doses: Doses | None) -> Iterator[Observation]:
    mass_g: float | Missing = Missing("the lung mass is to be measured on the CT", ("lung_mass_g",))
    if settings.lung_mass_g is not None:
        mass_g = settings.lung_mass_g
    elif doses is not None:
        mass_g = doses.prepared.lung_mass_g
    apart = mass_g if isinstance(mass_g, Missing) else _apart(mass_g, LABEL_LUNG_MASS_G)
    yield Observation("lung_mass", CASE, apart, "" if isinstance(mass_g, Missing) else written(mass_g, "g"))
    yield Observation("lung_mass_low", CASE, mass_g)
    yield Observation("lung_mass_high", CASE, mass_g)


def _lung_shunt(infusion: Infusion, measured: float | Missing | None, about: Subject) -> Iterator[Observation]:
    shunt: float | Missing = Missing("the lung shunt fraction is unknown", ("lung_shunt_fraction",))
    unknown: str | Missing | None = None
    if infusion.lung_shunt_fraction is not None:
        shunt = infusion.lung_shunt_fraction
    elif not infusion.lung_shunt_from_image:
        unknown = "neither typed nor to be measured"
    elif measured is None:
        shunt = unknown = Missing("the lung shunt fraction is to be measured on the image", ("image",))
    else:
        shunt = measured
        unknown = measured.because if isinstance(measured, Missing) else None
    zero = shunt if isinstance(shunt, Missing) else "0 %" if shunt == 0 else None
    yield Observation("lung_shunt_unknown", about, unknown)
    yield Observation("lung_shunt_zero", about, zero)
    yield Observation("lung_shunt_high", about, shunt)
    yield Observation("lung_shunt_very_high", about, shunt)


def _shunts(doses: Doses, number: int, place: int) -> tuple[float | Missing, str]:
    """Return how far a typed lung shunt lies from the one on the session's image, and both with their lung doses."""
    lungs, found = doses.prepared.lungs[number], doses.sessions[number].infusions[place]
    typed = found.infusion.lung_shunt_fraction
    if isinstance(lungs, Missing) or typed is None or isinstance(lungs.least_fraction, Missing):
        return lungs if isinstance(lungs, Missing) else NOT_MEASURED, ""
    least = "at least " if isinstance(lungs.shunt_fraction, Missing) else ""
    texts = []
    for fraction in (typed, lungs.least_fraction):
        text = written(fraction, "fraction")
        mass_g = doses.prepared.lung_mass_g
        if not isinstance(found.net, Missing) and not isinstance(mass_g, Missing):
            dose_gy = lung_dose_gy(found.net.infused_gbq * fraction, mass_g, doses.case.settings.joule_per_gbq)
            text += f" ({written(dose_gy, 'Gy')} to the lungs)"
        texts.append(text)
    return lungs.differs_from(typed), f"{texts[0]} typed, {least}{texts[1]} on the image: the higher is judged"


def _residual(infusion: Infusion, about: Subject) -> Iterator[Observation]:
    residual = infusion.residual_fraction
    yield Observation("residual_unknown", about, "not entered" if residual is None else None)
    unknown = Missing("the residual is unknown", ("residual_fraction",))
    yield Observation("residual_high", about, unknown if residual is None else residual)


def _vial(infusion: Infusion, about: Subject) -> Iterator[Observation]:
    vial, given_at = infusion.vial, infusion.given_at
    calibrated_at, hours = vial.calibrated_at, infusion.hours_since_calibration_h
    if calibrated_at is None or given_at is None or hours is None:
        missing = Missing("the activity is the one at infusion, without a calibration time", ("calibrated_at",))
        yield from (Observation(check_id, about, missing) for check_id in FROM_CALIBRATION)
        return
    yield Observation("vial_small", about, vial.activity_gbq)
    yield Observation("vial_large", about, vial.activity_gbq)
    yield Observation("infusion_before_calibration", about, hours)
    yield Observation("infusion_late", about, hours / HOURS_PER_DAY)
    yield Observation("infusion_too_late", about, hours / HOURS_PER_DAY)
    eastern = calibrated_at.astimezone(US_EASTERN)
    day = None if eastern.weekday() == SUNDAY else f"{eastern:%A} in US Eastern time"
    yield Observation("calibration_weekday", about, day)


FROM_CALIBRATION = (
    "vial_small",
    "vial_large",
    "infusion_before_calibration",
    "infusion_late",
    "infusion_too_late",
    "calibration_weekday",
)


def _order(first: Session, second: Session) -> Iterator[Observation]:
    """A plan and its delivery are two views of one occasion: their order says nothing."""
    if first.delivers == second.label or second.delivers == first.label:
        return
    times = [_first_time(session) for session in (first, second)]
    about = Subject(first.label, other=second.label)
    if times[0] is None or times[1] is None:
        yield Observation("session_order", about, Missing("not all infusions have a time", ("given_at",)))
    else:
        yield Observation("session_order", about, elapsed_h(times[0], times[1]))


def _apart_in_image(session: Session) -> Iterator[Observation]:
    """Measure how far apart infusions are whose activity one absolute image shows; a common decay splits the error."""
    if len(session.infusions) < 2 or not isinstance(session.image, ActivityMap) or session.image.reference_time is None:
        return
    times = [i.given_at for i in session.infusions]
    known = [t for t in times if t is not None]
    hours: float | Missing = Missing("not all infusions have a time", ("given_at",))
    if len(known) == len(times):
        hours = elapsed_h(min(known), max(known))
    yield Observation("infusions_apart", Subject(session.label), hours)


def _first_time(session: Session) -> datetime | None:
    times = [i.given_at for i in session.infusions if i.given_at is not None]
    return min(times) if len(times) == len(session.infusions) else None


# Field of the patient, beginning of the ids of its two checks, and what a value too low or too high may mean.
_BODY: tuple[tuple[str, str, Callable[[float], str], Callable[[float], str]], ...] = (
    ("weight_kg", "weight", lambda v: "", lambda v: f"as grams it would be {written(v / 1000, 'kg')}"),
    (
        "height_cm",
        "height",
        lambda v: f"as meters it would be {written(v * 100, 'cm')}",
        lambda v: f"as millimeters it would be {written(v / 10, 'cm')}",
    ),
    (
        "bilirubin_umol_l",
        "bilirubin",
        lambda v: f"as mg/dL it would be {written(bilirubin_from_mg_dl(v), 'umol/L')}",
        lambda v: f"this is {written(bilirubin_to_mg_dl(v), 'mg/dL')}: were umol/L entered as mg/dL?",
    ),
    (
        "albumin_g_l",
        "albumin",
        lambda v: f"as g/dL it would be {written(albumin_from_g_dl(v), 'g/L')}",
        lambda v: "",
    ),
    ("inr_ratio", "inr", lambda v: "", lambda v: "a prothrombin time in percent is no INR"),
    (
        "creatinine_umol_l",
        "creatinine",
        lambda v: f"as mg/dL it would be {written(creatinine_from_mg_dl(v), 'umol/L')}",
        lambda v: "",
    ),
    ("gfr_ml_min_173m2", "gfr", lambda v: "", lambda v: ""),
    ("afp_ng_ml", "afp", lambda v: "", lambda v: ""),
    ("ecog", "ecog", lambda v: "", lambda v: ""),
)


def _patient(patient: Patient) -> Iterator[Observation]:
    """Judge the values that were entered; others have no unit to mistake, and what needs them reports them."""
    for field, name, low, high in _BODY:
        value: float | None = getattr(patient, field)
        if value is not None:
            yield Observation(f"{name}_low", CASE, value, low(value))
            yield Observation(f"{name}_high", CASE, value, high(value))


def _body(case: Case) -> Iterator[Observation]:
    """Judge weight and height together, of the patient and of each later day, as `volumetry.require_body` does."""
    weight_kg, height_cm = case.patient.weight_kg, case.patient.height_cm
    days = [(CASE, weight_kg, height_cm)]
    for point in case.time_points:
        own_kg, own_cm = point.patient.weight_kg, point.patient.height_cm
        weight_kg = weight_kg if own_kg is None else own_kg
        height_cm = height_cm if own_cm is None else own_cm
        if own_kg is not None or own_cm is not None:
            days.append((Subject(detail=f"'{point.label}'"), weight_kg, height_cm))
    for about, kg, cm in days:
        if kg is None or cm is None:
            continue
        index, meant = body_mass_index_kg_m2(kg, cm), meant_body(kg, cm)
        detail = f"{written(kg, 'kg')} and {written(cm, 'cm')}{meant and '. '}{meant}"
        for check_id in ("bmi_low", "bmi_high", "bmi_unusual"):
            yield Observation(check_id, about, index, detail)


def _sflr(case: Case, flr_ml: float) -> float | Missing:
    weight_kg, height_cm = case.patient.weight_kg, case.patient.height_cm
    if weight_kg is None or height_cm is None:
        return Missing("weight or height is not known", ("weight_kg", "height_cm"))
    try:
        formulas = Telv(case.settings.telv_formula), Bsa(case.settings.bsa_formula)
        telv_ml = estimated_liver_ml(weight_kg, height_cm, *formulas)
    except InputError as error:
        return Missing(error.what, ("weight_kg", "height_cm"))
    return standardized_flr_ratio(flr_ml, telv_ml)


def _apart(value: float, reference: float) -> float:
    """Return how far a value lies from its reference, as a fraction of it."""
    return abs(value / reference - 1.0)
