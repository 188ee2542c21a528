"""Recomputed: doses by their formulas, and by whole cases through everything that a patient's number goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..dosimetry.dvh import Dvh
from ..dosimetry.lung import activity_for_lung_dose_gbq, lung_dose_gy
from ..dosimetry.mird import (
    activity_for_dose_gbq,
    activity_for_tumor_dose_gbq,
    divided_gbq,
    mean_dose_gy,
    net_activities,
    partition_doses,
)
from ..engine import Assessment, assess
from ..measures import Known
from .patients import Boxes


def _net(part: str, activity_gbq: float, residual: float, shunt: float) -> float:
    return float(getattr(net_activities(activity_gbq, residual, shunt), f"{part}_gbq"))


def _dose(activity_gbq: float, residual: float, shunt: float, mass_g: float, k: float = 50.0) -> float:
    return mean_dose_gy(net_activities(activity_gbq, residual, shunt).liver_gbq, mass_g, k)


def _lung_dose(activity_gbq: float, residual: float, shunt: float, mass_g: float, k: float = 50.0) -> float:
    return lung_dose_gy(net_activities(activity_gbq, residual, shunt).lung_gbq, mass_g, k)


def _energy_given_back(activity_gbq: float, residual: float, shunt: float, k: float) -> float:
    """Return the energy of liver and lungs over that of what was infused."""
    net = net_activities(activity_gbq, residual, shunt)
    liver_j = mean_dose_gy(net.liver_gbq, 1300.0, k) * 1.3
    lung_j = lung_dose_gy(net.lung_gbq, 900.0, k) * 0.9
    return (liver_j + lung_j) / (k * net.infused_gbq)


def _there_and_back(dose_gy: float, mass_g: float, residual: float, shunt: float) -> float:
    return _dose(activity_for_dose_gbq(dose_gy, mass_g, residual, shunt, 50.0), residual, shunt, mass_g)


def _partition(part: str, activity_gbq: float, residual: float, shunt: float, **masses: float) -> float | None:
    doses = partition_doses(
        net_activities(activity_gbq, residual, shunt).liver_gbq,
        masses["tumor_g"],
        masses["normal_g"],
        masses["ratio"],
        50.0,
    )
    found: float | None = getattr(doses, f"{part}_dose_gy")
    return found


def _shared(index: int, liver_gbq: float, normal_g: float, tumors: list[list[float]]) -> float:
    """Return the dose of one of several tumors, each a mass and a ratio; of normal liver for -1."""
    masses, ratios = np.array([*tumors, [normal_g, 1.0]]).T
    return mean_dose_gy(float(divided_gbq(liver_gbq, masses, ratios)[index]), float(masses[index]), 50.0)


def _assessed(boxes: Mapping[str, Any]) -> Assessment:
    return assess(Boxes(**boxes).case())


def _measured(measure: str, about: str = "", **boxes: Any) -> Any:
    found = Known(_assessed(boxes).measurements).get(measure, about)
    return found.value if found.value is not None else found.missing_because


def _finding(rule: str, about: str = "", **boxes: Any) -> str:
    found = [f for f in _assessed(boxes).findings if f.rule.id == rule and f.about == about]
    if not found:
        return "not judged"
    return str(found[0].severity or found[0].outcome)


def _dvh_point(region: str, point: str, **boxes: Any) -> Any:
    found = next(r for r in _assessed(boxes).dvhs if region in (r.region.label, str(r.region.kind)))
    return getattr(found.dvh.summary(), point) if isinstance(found.dvh, Dvh) else found.dvh.because


def _energy_balance(**boxes: Any) -> float:
    """Return the energy of the compartments and of the lungs over that of all that was infused."""
    found = _assessed(boxes)
    case, known = found.case, Known(found.measurements)

    def value(name: str, about: str = "") -> float:
        got = known.get(name, about).value
        assert isinstance(got, int | float), f"{name} is missing"
        return float(got)

    rho = case.settings.liver_density_g_ml / 1000.0
    energy_j = value("whole_normal_liver_dose_gy.multicompartment") * value("normal_liver_volume_ml") * rho
    for label in (s.label for s in case.structures if s.role.value == "tumor"):
        energy_j += value("tumor_dose_gy.multicompartment", label) * value("tumor_volume_ml", label) * rho
    energy_j += value("lung_dose_gy.case") * value("lung_mass_g") / 1000.0
    given_gbq = sum(
        i.activity_at_infusion_gbq(case.settings.half_life_h) * (1.0 - (i.residual_fraction or 0.0))
        for s in case.sessions
        for i in s.infusions
    )
    return energy_j / (case.settings.joule_per_gbq * given_gbq)


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "dosimetry.mird": {
        "net_gbq": _net,
        "single.dose_gy": _dose,
        "single.activity_gbq": activity_for_dose_gbq,
        "single.there_and_back_gy": _there_and_back,
        "single.energy_given_back": _energy_given_back,
        "partition.dose_gy": _partition,
        "partition.shared_gy": _shared,
        "partition.activity_gbq": activity_for_tumor_dose_gbq,
    },
    "dosimetry.lung": {
        "lung.dose_gy": _lung_dose,
        "lung.activity_gbq": activity_for_lung_dose_gbq,
    },
    "a whole case": {
        "case.measure": _measured,
        "case.finding": _finding,
        "case.dvh": _dvh_point,
        "case.energy_balance": _energy_balance,
    },
}
