"""Liver volumes: how large the liver should be, how much of it remains, is spared, or grows."""

from __future__ import annotations

import math
from enum import StrEnum

from .errors import InputError
from .quantities import require_finite, require_not_negative, require_positive

BMI_RANGE_KG_M2 = (12.0, 60.0)
"""Tool default: a body outside of it is one in other units, or weight and height are swapped."""
USUAL_BMI_KG_M2, USUAL_HEIGHT_CM = (16.0, 40.0), (135.0, 215.0)
"""Tool default: what a reading in other units must give to be named as what was probably meant."""
LARGEST_SFLR_RATIO = 1.5
"""Tool default: no remnant grows beyond it; 1.07 is the most of a published cohort."""
KG_PER_POUND, CM_PER_INCH = 0.45359237, 2.54
"""International pound and inch of 1959."""
DAYS_PER_WEEK = 7.0
ROUNDING_RATIO = 1e-6
"""How far, relative to the whole, a part may exceed it by rounding."""


class Bsa(StrEnum):
    """Formula of the body surface area."""

    DUBOIS = "dubois"
    MOSTELLER = "mosteller"

    @classmethod
    def _missing_(cls, value: object) -> Bsa:
        raise _unknown_formula(value, "body surface formula", cls)


class Telv(StrEnum):
    """Formula of the total estimated liver volume, that of a healthy liver for this body."""

    VAUTHEY = "vauthey"
    URATA = "urata"
    YU = "yu"

    @classmethod
    def _missing_(cls, value: object) -> Telv:
        raise _unknown_formula(value, "liver volume formula", cls)


def body_surface_m2(weight_kg: float, height_cm: float, formula: Bsa = Bsa.DUBOIS) -> float:
    """Return the body surface area in square meters.

    Sources: DuBois and DuBois, Arch Intern Med 1916;17:863; Mosteller, N Engl J Med 1987;317:1098.

    Raises
    ------
    InputError
        If weight or height are not positive, or no body has both.
    """
    require_body(weight_kg, height_cm)
    match Bsa(formula):
        case Bsa.DUBOIS:
            return 0.007184 * math.pow(weight_kg, 0.425) * math.pow(height_cm, 0.725)
        case Bsa.MOSTELLER:
            return math.sqrt(weight_kg * height_cm / 3600.0)


def estimated_liver_ml(
    weight_kg: float, height_cm: float, formula: Telv = Telv.VAUTHEY, surface: Bsa = Bsa.DUBOIS
) -> float:
    """Return the total estimated liver volume (TELV) in mL; *surface* is not used by Yu's formula.

    It stands for a healthy liver, so no tumor is ever subtracted from it. Sources: Vauthey et al., Liver Transpl
    2002;8:233; Urata et al., Hepatology 1995;21:1317; Yu et al., Liver Transpl 2004;10:779.

    Raises
    ------
    InputError
        If weight or height are impossible, or the body is too small for the formula.
    """
    require_body(weight_kg, height_cm)
    formula = Telv(formula)
    match formula:
        case Telv.VAUTHEY:
            telv_ml = -794.41 + 1267.28 * body_surface_m2(weight_kg, height_cm, surface)
        case Telv.URATA:
            telv_ml = 706.2 * body_surface_m2(weight_kg, height_cm, surface) + 2.4
        case Telv.YU:
            telv_ml = 21.585 * math.pow(weight_kg, 0.732) * math.pow(height_cm, 0.225)
    if telv_ml <= 0:
        raise InputError(
            f"{weight_kg:g} kg and {height_cm:g} cm are too small for the formula of {formula.value.capitalize()}",
            where="estimated liver volume",
            remedy="Check the units, or choose another formula",
        )
    return telv_ml


def standardized_flr_ratio(flr_ml: float, telv_ml: float) -> float:
    """Return sFLR = FLR / TELV; it may pass 1 after hypertrophy.

    Source: Vauthey et al., Surgery 2000;127:512.

    Raises
    ------
    InputError
        If the FLR is negative or the TELV not positive.
    """
    require_not_negative(flr_ml, "future liver remnant", "mL")
    require_positive(telv_ml, "estimated liver volume", "mL")
    return flr_ml / telv_ml


def measured_flr_ratio(flr_ml: float, liver_ml: float, tumor_ml: float) -> float:
    """Return FLR / (measured liver - tumor): another number than the standardized one.

    Raises
    ------
    InputError
        If a volume is negative or the tumor fills the liver.
    """
    require_not_negative(flr_ml, "future liver remnant", "mL")
    return flr_ml / _normal_ml(liver_ml, tumor_ml)


def relative_hypertrophy_ratio(flr_before_ml: float, flr_after_ml: float) -> float:
    """Return (FLR2 - FLR1) / FLR1: 0.36 is growth by 36 %, negative is shrinkage.

    Raises
    ------
    InputError
        If the first volume is not positive or the second negative.
    """
    require_positive(flr_before_ml, "future liver remnant before", "mL")
    require_not_negative(flr_after_ml, "future liver remnant after", "mL")
    return (flr_after_ml - flr_before_ml) / flr_before_ml


def degree_of_hypertrophy_ratio(sflr_before_ratio: float, sflr_after_ratio: float) -> float:
    """Return sFLR2 - sFLR1: a difference of ratios, 0.10 is 10 points.

    Source: Ribero et al., Br J Surg 2007;94:1386. Both with the same TELV unless the weight changed.

    Raises
    ------
    InputError
        If a ratio is negative.
    """
    require_not_negative(sflr_before_ratio, "standardized FLR before")
    require_not_negative(sflr_after_ratio, "standardized FLR after")
    return sflr_after_ratio - sflr_before_ratio


def kinetic_growth_ratio_per_week(degree_ratio: float, interval_days: float) -> float:
    """Return the kinetic growth rate: degree of hypertrophy (a ratio) per week.

    Source: Shindoh et al., J Am Coll Surg 2013;216:201.

    Raises
    ------
    InputError
        Unless the interval is positive.
    """
    require_finite(degree_ratio, "degree of hypertrophy")
    require_positive(interval_days, "interval", "days")
    return degree_ratio / (interval_days / DAYS_PER_WEEK)


def hepatic_reserve_fraction(liver_ml: float, perfused_ml: float) -> float:
    """Return the untreated share of the liver, (V_liver - V_perfused) / V_liver, tumor included in both.

    Raises
    ------
    InputError
        If a volume is impossible or the perfused one exceeds the liver.
    """
    return 1.0 - perfused_fraction(perfused_ml, liver_ml)


def tumor_free_reserve_fraction(liver_ml: float, perfused_ml: float, untreated_tumor_ml: float) -> float:
    """Return the untreated *and* tumor-free share of the liver, never above `hepatic_reserve_fraction`.

    (V_liver - V_perfused - tumor outside every perfused volume) / V_liver.

    Raises
    ------
    InputError
        If a volume is impossible or the parts together exceed the liver.
    """
    require_not_negative(perfused_ml, "perfused volume", "mL")
    require_not_negative(untreated_tumor_ml, "untreated tumor", "mL")
    return 1.0 - _share_fraction(perfused_ml + untreated_tumor_ml, liver_ml, "perfused volume and untreated tumor")


def perfused_fraction(perfused_ml: float, liver_ml: float) -> float:
    """Return the perfused share of the liver, tumor included in both.

    Raises
    ------
    InputError
        If a volume is impossible or the perfused one exceeds the liver.
    """
    return _share_fraction(perfused_ml, liver_ml, "perfused volume")


def tumor_burden_fraction(tumor_ml: float, liver_ml: float) -> float:
    """Return the tumor's share of the liver (or of the perfused volume, when that is given).

    Raises
    ------
    InputError
        If a volume is impossible or the tumor exceeds the liver.
    """
    return _share_fraction(tumor_ml, liver_ml, "tumor")


def _share_fraction(part_ml: float, whole_ml: float, name: str) -> float:
    require_not_negative(part_ml, name, "mL")
    require_positive(whole_ml, "liver", "mL")
    if part_ml > whole_ml * (1.0 + ROUNDING_RATIO):
        raise InputError(
            f"{part_ml:g} mL is more than the liver's {whole_ml:g} mL",
            where=name,
            remedy="Count only what lies inside the liver",
        )
    return min(part_ml / whole_ml, 1.0)


def _normal_ml(liver_ml: float, tumor_ml: float) -> float:
    require_positive(liver_ml, "liver", "mL")
    require_not_negative(tumor_ml, "tumor", "mL")
    if tumor_ml >= liver_ml:
        raise InputError(
            f"{tumor_ml:g} mL leaves nothing of the liver's {liver_ml:g} mL",
            where="tumor",
            remedy="Check both outlines and their units",
        )
    return liver_ml - tumor_ml


def body_mass_index_kg_m2(weight_kg: float, height_cm: float) -> float:
    """Return weight over height squared; not a number where one of them is no positive number."""
    area_m2 = (height_cm / 100.0) ** 2 if height_cm > 0 else 0.0
    return weight_kg / area_m2 if weight_kg > 0 and area_m2 > 0 else math.nan


def require_body(weight_kg: float, height_cm: float) -> None:
    """Raise `InputError` unless weight and height are positive and give a possible body mass index."""
    require_positive(weight_kg, "weight", "kg")
    require_positive(height_cm, "height", "cm")
    low, high = BMI_RANGE_KG_M2
    index = body_mass_index_kg_m2(weight_kg, height_cm)
    if not low <= index <= high:
        raise InputError(
            f"{weight_kg:g} kg and {height_cm:g} cm make {index:.3g} kg/m2, outside {low:g} to {high:g}",
            where="body mass index",
            remedy=meant_body(weight_kg, height_cm) or "Check weight and height and their units",
        )


def meant_body(weight_kg: float, height_cm: float) -> str:
    """Return as what a body would be a usual one: pounds, inches, meters, grams, swapped; empty where as nothing."""
    readings = {
        "pounds": (weight_kg * KG_PER_POUND, height_cm),
        "inches": (weight_kg, height_cm * CM_PER_INCH),
        "pounds and inches": (weight_kg * KG_PER_POUND, height_cm * CM_PER_INCH),
        "meters": (weight_kg, height_cm * 100.0),
        "millimeters": (weight_kg, height_cm / 10.0),
        "grams": (weight_kg / 1000.0, height_cm),
        "height and weight": (height_cm, weight_kg),
    }
    found = [
        f"as {name} it would be {kg:.3g} kg and {cm:.3g} cm"
        for name, (kg, cm) in readings.items()
        if USUAL_HEIGHT_CM[0] <= cm <= USUAL_HEIGHT_CM[1]
        and USUAL_BMI_KG_M2[0] <= body_mass_index_kg_m2(kg, cm) <= USUAL_BMI_KG_M2[1]
    ]
    return f"Check the units: {', '.join(found)}" if found else ""


def _unknown_formula(value: object, where: str, formulas: type[StrEnum]) -> InputError:
    return InputError(f"'{value}' is not known", where=where, remedy=f"Choose one of {', '.join(formulas)}")
