"""Empiric activities, for comparison where a user asks: made for resin microspheres, and blind to where they go."""

from __future__ import annotations

from dataclasses import dataclass

from ..case import Case, Infusion, Session
from ..dosimetry.doses import Prepared
from ..dosimetry.mird import mean_dose_gy
from ..missing import Missing
from ..physics import G_PER_KG
from ..structures import Role
from ..volumetry import Bsa, body_surface_m2

BSA_OFFSET = 0.2
"""A in GBq = BSA in m2 - 0.2 + the tumor's share of the volume (Kao et al., Ann Nucl Med 2011;25:455)."""
BY_INVOLVEMENT = ((0.25, 2.0), (0.50, 2.5), (1.0, 3.0))
"""Up to this share of tumor in the liver, so many GBq: the oldest scheme for resin (reviewed with the other by
Bastiaannet et al., EJNMMI Phys 2018;5:22)."""
RESIN = (
    "A rule of thumb for resin microspheres, which hold far less activity each. It does not look at where the spheres"
    " go, and no target or limit of the rules was derived with it: for comparison only."
)


@dataclass(frozen=True)
class Empiric:
    """An empiric activity for one infusion, and the mean dose it would give the perfused volume."""

    title: str
    infusion: str
    activity_gbq: float | Missing
    """In the perfused volume, before any reduction for lung shunt."""
    dose_gy: float | Missing
    line: str
    """The arithmetic of both."""
    caution: str = RESIN


def empiric_activities(case: Case, prepared: Prepared, session: Session) -> tuple[Empiric, ...]:
    """Return the empiric activities of each infusion of a session: by body surface, and by the share of tumor."""
    ways = (_by_surface, _by_tumor)
    return tuple(way(case, prepared, infusion) for infusion in session.infusions for way in ways)


def _by_surface(case: Case, prepared: Prepared, infusion: Infusion) -> Empiric:
    title, patient = "Body surface method", case.patient
    if patient.weight_kg is None or patient.height_cm is None:
        gap = Missing("weight or height is unknown", ("weight_kg", "height_cm"))
        return Empiric(title, infusion.label, gap, gap, "")
    surface_m2 = body_surface_m2(patient.weight_kg, patient.height_cm, Bsa(case.settings.bsa_formula))
    tumor_ml, perfused_ml, liver_ml = _volumes_ml(prepared, infusion)
    activity_gbq = (surface_m2 - BSA_OFFSET) * perfused_ml / liver_ml + tumor_ml / liver_ml
    line = (
        f"({surface_m2:.4f} − {BSA_OFFSET:g}) × {perfused_ml:.1f} / {liver_ml:.1f} + {tumor_ml:.1f} / {liver_ml:.1f}"
        f" = {activity_gbq:.3f} GBq"
    )
    return _with_dose(case, title, infusion, activity_gbq, perfused_ml, line)


def _by_tumor(case: Case, prepared: Prepared, infusion: Infusion) -> Empiric:
    tumor_ml, perfused_ml, liver_ml = _volumes_ml(prepared, infusion)
    share_fraction = tumor_ml / perfused_ml
    whole_gbq = next(gbq for upto, gbq in BY_INVOLVEMENT if share_fraction <= upto)
    activity_gbq = whole_gbq * perfused_ml / liver_ml
    line = (
        f"tumor {share_fraction * 100:.1f} % of the perfused volume:"
        f" {whole_gbq:g} GBq × {perfused_ml:.1f} / {liver_ml:.1f} = {activity_gbq:.3f} GBq"
    )
    return _with_dose(case, "By the share of tumor", infusion, activity_gbq, perfused_ml, line)


def _with_dose(
    case: Case, title: str, infusion: Infusion, activity_gbq: float, perfused_ml: float, line: str
) -> Empiric:
    settings = case.settings
    mass_g = perfused_ml * settings.liver_density_g_ml
    dose_gy = mean_dose_gy(activity_gbq, mass_g, settings.joule_per_gbq)
    line += (
        f"; {settings.joule_per_gbq:g} J/GBq × {activity_gbq:.4g} GBq / {mass_g / G_PER_KG:.5g} kg = {dose_gy:.1f} Gy"
    )
    return Empiric(title, infusion.label, activity_gbq, dose_gy, line)


def _volumes_ml(prepared: Prepared, infusion: Infusion) -> tuple[float, float, float]:
    """Return the volume of the perfused tumors, of the perfused volume and of the liver, in mL."""
    parts = prepared.compartments
    inside = set(parts.inside([infusion.perfused]))
    tumor = inside & set(parts.of_role(Role.TUMOR))
    return parts.volume_ml(sorted(tumor)), parts.volume_ml(sorted(inside)), parts.volume_ml(parts.everything)
