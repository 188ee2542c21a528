"""Recomputed: how large the liver should be, what remains of it, liver function, extent of the tumor, response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from .. import scores, staging, volumetry
from ..lesions import LesionReading, ThrombusReading
from ..missing import Missing
from ..outcome import necrosis_of
from ..patient import Encephalopathy, Grade
from ..response.course import response_of
from ..response.terms import Scope
from ..timepoints import TimePoint
from ..volumetry import Bsa, Telv

TREATED = date(2026, 3, 4)
SERIES = timedelta(days=90)


def _bsa(weight_kg: float, height_cm: float, formula: str) -> float:
    return volumetry.body_surface_m2(weight_kg, height_cm, Bsa(formula))


def _telv(weight_kg: float, height_cm: float, formula: str, surface: str = "dubois") -> float:
    return volumetry.estimated_liver_ml(weight_kg, height_cm, Telv(formula), Bsa(surface))


def _sflr(flr_ml: float, weight_kg: float, height_cm: float) -> float:
    return volumetry.standardized_flr_ratio(flr_ml, volumetry.estimated_liver_ml(weight_kg, height_cm))


def _albi_grade(score: float | None = None, bilirubin_umol_l: float = 0.0, albumin_g_l: float = 0.0) -> int:
    return scores.albi_grade(scores.albi_score(bilirubin_umol_l, albumin_g_l) if score is None else score)


def _child_pugh(
    what: str, bilirubin_mg_dl: float, albumin_g_dl: float, inr: float, ascites: str, encephalopathy: str
) -> int | str:
    found = scores.child_pugh(
        scores.bilirubin_from_mg_dl(bilirubin_mg_dl),
        scores.albumin_from_g_dl(albumin_g_dl),
        inr,
        Grade(ascites),
        Encephalopathy(encephalopathy),
    )
    return str(found.child_class) if what == "class" else int(getattr(found, what))


def _meld(bilirubin_mg_dl: float, inr: float, creatinine_mg_dl: float) -> float:
    bilirubin_umol_l = scores.bilirubin_from_mg_dl(bilirubin_mg_dl)
    return scores.meld_score(bilirubin_umol_l, inr, scores.creatinine_from_mg_dl(creatinine_mg_dl))


def _extent(what: str, diameters_mm: list[float], invaded: bool = False, spread: bool = False, **more: Any) -> Any:
    extent = staging.Extent(tuple(diameters_mm), invaded, spread)
    found: dict[str, Callable[[], Any]] = {
        "milan": lambda: staging.within_milan(extent),
        "ucsf": lambda: staging.within_ucsf(extent),
        "up_to_7": lambda: staging.within_up_to_7(extent),
        "unos": lambda: str(staging.unos_stage(extent)),
        "bclc": lambda: staging.bclc_stage(extent, more["ecog"], more.get("end_stage", False)),
        "afp": lambda: staging.afp_model_score(extent, more["afp_ng_ml"]),
    }
    return found[what]()


def _response(
    studies_mm: Sequence[Sequence[float]],
    scope: str = "overall",
    new: bool = False,
    treated: Sequence[bool] = (),
    thrombus: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return mRECIST of the last study; the first is the baseline, *studies_mm* the viable diameters of each."""
    points = []
    for number, lengths_mm in enumerate(studies_mm):
        lesions = [
            LesionReading(f"T{i + 1}", mm, is_treated=treated[i] if treated else True)
            for i, mm in enumerate(lengths_mm)
        ]
        if new and number == len(studies_mm) - 1:
            lesions.append(LesionReading("New", 15.0, is_treated=False, is_new=True))
        clots = (ThrombusReading("PVTT", is_treated=True, **thrombus[number]),) if thrombus else ()
        day = TREATED + (number - 1) * SERIES + timedelta(days=number > 0)
        points.append(TimePoint(f"study {number}", day, lesions=tuple(lesions), thrombi=clots))
    course = response_of(points, TREATED, Scope(scope), expects_thrombus=bool(thrombus))
    present = course if isinstance(course, Missing) else course.present
    return present.because if isinstance(present, Missing) else str(present)


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "volumetry": {
        "bsa_m2": _bsa,
        "telv_ml": _telv,
        "sflr": _sflr,
        "flr.measured": volumetry.measured_flr_ratio,
        "flr.hypertrophy": volumetry.relative_hypertrophy_ratio,
        "flr.degree": volumetry.degree_of_hypertrophy_ratio,
        "flr.kinetic": volumetry.kinetic_growth_ratio_per_week,
        "reserve": volumetry.hepatic_reserve_fraction,
        "reserve.tumor_free": volumetry.tumor_free_reserve_fraction,
        "tumor_burden": volumetry.tumor_burden_fraction,
    },
    "scores": {
        "albi": scores.albi_score,
        "albi.grade": _albi_grade,
        "child_pugh": _child_pugh,
        "meld": _meld,
        "bilirubin_mg_dl": scores.bilirubin_to_mg_dl,
    },
    "staging": {"extent": _extent},
    "response": {"response": _response},
    "outcome": {"necrosis": lambda fraction: necrosis_of(fraction).words},
}
