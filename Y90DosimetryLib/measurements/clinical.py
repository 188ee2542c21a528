"""Measures of the patient and the spread of the disease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import scores, staging, volumetry
from ..errors import InputError
from ..missing import Missing
from ..structures import Role
from .absorbed import focus_dose_gy
from .view import Function, ItemFunction, TextOf, Value, View, stated

SEGMENTAL, BEYOND_A_SEGMENT = {"VP1", "VP2"}, {"VP3", "VP4"}
"""Portal grades up to second-order branches, and from the first-order branch on."""
WORDS = {
    "bilirubin_umol_l": "bilirubin",
    "albumin_g_l": "albumin",
    "inr_ratio": "INR",
    "creatinine_umol_l": "creatinine",
    "weight_kg": "weight",
    "height_cm": "height",
}
"""Fields of the patient as a reader knows them."""


def _scored(view: View, *names: str) -> Missing | None:
    """Return which of the patient's values are not entered."""
    absent = tuple(name for name in names if getattr(view.case.patient, name) is None)
    return Missing(f"{', '.join(WORDS.get(n, n) for n in absent)} not entered", absent) if absent else None


def _child_pugh(view: View) -> scores.ChildPugh | Missing:
    patient = view.case.patient
    gone = _scored(view, "bilirubin_umol_l", "albumin_g_l", "inr_ratio", "ascites", "encephalopathy")
    if gone:
        return gone
    assert patient.bilirubin_umol_l is not None and patient.albumin_g_l is not None and patient.inr_ratio is not None
    assert patient.ascites is not None and patient.encephalopathy is not None
    return scores.child_pugh(
        patient.bilirubin_umol_l, patient.albumin_g_l, patient.inr_ratio, patient.ascites, patient.encephalopathy
    )


def _child_pugh_possible(view: View) -> range:
    """Return the scores that the values entered leave possible."""
    p = view.case.patient
    best, worst = scores.child_pugh_range(p.bilirubin_umol_l, p.albumin_g_l, p.inr_ratio, p.ascites, p.encephalopathy)
    return range(best.score, worst.score + 1)


def _child_pugh_score(view: View) -> Value:
    found = _child_pugh(view)
    if isinstance(found, Missing):
        return replace(found, possible=tuple(float(score) for score in _child_pugh_possible(view)))
    return float(found.score)


def _child_pugh_class(view: View) -> Value:
    found = _child_pugh(view)
    if isinstance(found, Missing):
        classes = (scores.child_pugh_class(score).value for score in _child_pugh_possible(view))
        return replace(found, possible=tuple(dict.fromkeys(classes)))
    return found.child_class.value


def _bilirubin_mg_dl(view: View) -> Value:
    value = view.case.patient.bilirubin_umol_l
    return stated(None if value is None else scores.bilirubin_to_mg_dl(value), "bilirubin_umol_l")


def _albi_score(view: View) -> Value:
    patient = view.case.patient
    gone = _scored(view, "bilirubin_umol_l", "albumin_g_l")
    if gone:
        return gone
    assert patient.bilirubin_umol_l is not None and patient.albumin_g_l is not None
    return scores.albi_score(patient.bilirubin_umol_l, patient.albumin_g_l)


def _albi_grade(view: View) -> Value:
    score = _albi_score(view)
    return scores.albi_grade(score) if isinstance(score, float) else score


def _meld_score(view: View) -> Value:
    patient = view.case.patient
    gone = _scored(view, "bilirubin_umol_l", "inr_ratio", "creatinine_umol_l")
    if gone:
        return gone
    assert patient.bilirubin_umol_l is not None and patient.inr_ratio is not None
    assert patient.creatinine_umol_l is not None
    return scores.meld_score(patient.bilirubin_umol_l, patient.inr_ratio, patient.creatinine_umol_l)


def body_surface_m2(view: View) -> Value:
    """Return the body surface area by the formula of the settings."""
    patient = view.case.patient
    gone = _scored(view, "weight_kg", "height_cm")
    if gone:
        return gone
    assert patient.weight_kg is not None and patient.height_cm is not None
    formula = volumetry.Bsa(view.case.settings.bsa_formula)
    try:
        return volumetry.body_surface_m2(patient.weight_kg, patient.height_cm, formula)
    except InputError as error:  # a body of this size is an error of the checks
        return Missing(f"withheld: {error}", ("weight_kg", "height_cm"))


def _diameters(view: View) -> Mapping[str, Value]:
    gone = view.doses.withheld.everything
    return {label: gone or found for label, found in view.prepared.tumor_diameters_mm.items()}


def _diameter_list(view: View) -> list[float] | Missing:
    if any(s.is_typed for s in view.case.of_role(Role.TUMOR)):
        return Missing("volumes are typed in: nothing shows the diameter", ("structures",))
    gone = view.doses.withheld.everything
    return gone or list(view.prepared.tumor_diameters_mm.values()) or Missing("no tumor is outlined", ("structures",))


def _largest_mm(view: View) -> Value:
    found = _diameter_list(view)
    return found if isinstance(found, Missing) else max(found)


def _smallest_mm(view: View) -> Value:
    found = _diameter_list(view)
    return found if isinstance(found, Missing) else min(found)


def _tumor_count(view: View) -> Value:
    count = len(view.case.of_role(Role.TUMOR))
    return count or Missing("no tumor is outlined", ("structures",))


def _macrovascular_invasion(view: View) -> Value:
    if view.case.of_role(Role.PVTT) or view.case.of_role(Role.HEPATIC_VEIN_THROMBUS):
        return True
    grades = {name: view.fact(name) for name in ("pvtt_grade", "hepatic_vein_thrombus_grade")}
    if any(not isinstance(g, Missing) and g != "none" for g in grades.values()):
        return True
    absent = tuple(name for name, grade in grades.items() if isinstance(grade, Missing))
    return Missing("vascular invasion is not stated", absent) if absent else False


def _invasion_extent(view: View) -> Value:
    """Return how far macrovascular invasion reaches: segmental where every thrombus is portal, VP1 or VP2."""
    invaded = _macrovascular_invasion(view)
    if isinstance(invaded, Missing):
        return invaded
    if not invaded:
        return "none"
    portal, hepatic = view.fact("pvtt_grade"), view.fact("hepatic_vein_thrombus_grade")
    drawn = bool(view.case.of_role(Role.HEPATIC_VEIN_THROMBUS))
    if portal in BEYOND_A_SEGMENT or drawn or hepatic not in {"none"} and not isinstance(hepatic, Missing):
        return "beyond"
    if portal in SEGMENTAL and hepatic == "none":
        return "segmental"
    absent = [
        n for n, v in (("pvtt_grade", portal), ("hepatic_vein_thrombus_grade", hepatic)) if isinstance(v, Missing)
    ]
    return Missing("the grade of the thrombus is not stated", tuple(absent or ["pvtt_grade"]))


def _extrahepatic_deposition(view: View) -> Value:
    """Return what is known of activity outside liver and lungs: as stated, and as foci of counts show it."""
    said = view.fact("extrahepatic_maa")
    seen = [(s, f) for s, f in view.foci.values() if not view.is_harmless(s, f)]
    if said is not True and not seen:
        return said if isinstance(said, Missing) else "none"
    words = "as stated"
    if seen:
        dose_gy = focus_dose_gy(view, *seen[0])
        dose = "" if isinstance(dose_gy, Missing) else f", {dose_gy:.0f} Gy"
        more = f", and {len(seen) - 1} more" if len(seen) > 1 else ""
        words = f"{seen[0][1].text}{dose}{more}"
    return TextOf("corrected" if view.fact("extrahepatic_corrected") is True else "present", words)


def _extent(view: View, needs_spread: bool) -> staging.Extent | Missing:
    diameters, invasion = _diameter_list(view), _macrovascular_invasion(view)
    outside = view.fact("extrahepatic_disease") if needs_spread else False
    if isinstance(diameters, Missing):
        return diameters
    if isinstance(invasion, Missing):
        return invasion
    if isinstance(outside, Missing):
        return outside
    return staging.Extent(tuple(diameters), bool(invasion), bool(outside))


def _unos_stage(view: View) -> Value:
    extent = _extent(view, needs_spread=False)
    return extent if isinstance(extent, Missing) else staging.unos_stage(extent).value


def _within_milan(view: View) -> Value:
    extent = _extent(view, needs_spread=True)
    return extent if isinstance(extent, Missing) else staging.within_milan(extent)


def _within_ucsf(view: View) -> Value:
    extent = _extent(view, needs_spread=True)
    return extent if isinstance(extent, Missing) else staging.within_ucsf(extent)


def _within_up_to_7(view: View) -> Value:
    extent = _extent(view, needs_spread=True)
    return extent if isinstance(extent, Missing) else staging.within_up_to_7(extent)


def _afp_model_score(view: View) -> Value:
    extent, afp_ng_ml = _extent(view, needs_spread=True), view.case.patient.afp_ng_ml
    if isinstance(extent, Missing):
        return extent
    if afp_ng_ml is None:
        return Missing("AFP not entered", ("afp_ng_ml",))
    return float(staging.afp_model_score(extent, afp_ng_ml))


def _bclc_stage(view: View) -> Value:
    """Return the stage as stated, else that of tumor, performance status and Child-Pugh C for an end-stage liver."""
    said = view.fact("bclc_stage_stated")
    if not isinstance(said, Missing):
        return said
    extent, ecog, liver = _extent(view, needs_spread=True), view.case.patient.ecog, _child_pugh(view)
    if isinstance(extent, Missing):
        return extent
    if ecog is None:
        return Missing("ECOG not entered", ("ecog",))
    if isinstance(liver, Missing):
        return liver
    return staging.bclc_stage(extent, ecog, liver.child_class is scores.ChildPughClass.C)


CLINICAL: Mapping[str, Function] = {
    "scenario": lambda view: stated(view.case.disease.scenario, "scenario"),
    "intent": lambda view: stated(view.case.disease.intent, "intent"),
    "bilirubin_mg_dl": _bilirubin_mg_dl,
    "child_pugh_score": _child_pugh_score,
    "child_pugh_class": _child_pugh_class,
    "albi_score": _albi_score,
    "albi_grade": _albi_grade,
    "meld_score": _meld_score,
    "gfr_ml_min_173m2": lambda view: stated(view.case.patient.gfr_ml_min_173m2, "gfr_ml_min_173m2"),
    "ecog": lambda view: stated(view.case.patient.ecog, "ecog"),
    "afp_ng_ml": lambda view: stated(view.case.patient.afp_ng_ml, "afp_ng_ml"),
    "bsa_m2": body_surface_m2,
    "telv_ml": lambda view: view.remnant.telv_ml,
    "tumor_count": _tumor_count,
    "largest_tumor_diameter_mm": _largest_mm,
    "smallest_tumor_diameter_mm": _smallest_mm,
    "macrovascular_invasion": _macrovascular_invasion,
    "invasion_extent": _invasion_extent,
    "extrahepatic_deposition": _extrahepatic_deposition,
    "other_tumors_treated_otherwise": lambda view: bool(view.treated_otherwise),
    "unos_stage": _unos_stage,
    "within_milan": _within_milan,
    "within_ucsf": _within_ucsf,
    "within_up_to_7": _within_up_to_7,
    "afp_model_score": _afp_model_score,
    "bclc_stage": _bclc_stage,
}

OF_PATIENT = (
    "bilirubin_mg_dl",
    "child_pugh_score",
    "child_pugh_class",
    "albi_score",
    "albi_grade",
    "meld_score",
    "gfr_ml_min_173m2",
    "ecog",
    "afp_ng_ml",
)
"""Measures of liver function and laboratory values alone."""

CLINICAL_ITEMS: Mapping[str, ItemFunction] = {"tumor_diameter_mm": _diameters}
