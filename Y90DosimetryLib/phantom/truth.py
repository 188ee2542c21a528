"""What the doses of a digital patient truly are: the formulas on its known volumes, no image involved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..case import Infusion, Settings
from ..errors import InputError
from ..physics import G_PER_KG, decay_factor, elapsed_h
from ..structures import Role
from .anatomy import Tissue
from .settings import Zone


@dataclass(frozen=True)
class TrueDoses:
    """Mean absorbed doses in Gy after complete decay, all infusions together.

    `tumors_gy` and `normal_parts_gy` are by the tissue's name, `perfused_gy` by the zone's: its mean, lesions
    included. `single_compartment_gy` is each infusion alone, by its label. None: there is no such volume.
    """

    tumors_gy: Mapping[str, float]
    thrombus_gy: float | None
    normal_parts_gy: Mapping[str, float]
    perfused_normal_gy: float
    unperfused_normal_gy: float | None
    whole_normal_gy: float
    whole_liver_gy: float
    perfused_gy: Mapping[str, float]
    lungs_gy: float
    single_compartment_gy: Mapping[str, float]


def net_activities_gbq(infusion: Infusion, half_life_h: float) -> tuple[float, float]:
    """Return what reaches the liver and what reaches the lungs at the moment of infusion, in GBq.

    A_infused = A0 (1 - R); lungs take A_infused F, the liver A_infused (1 - F).

    Raises
    ------
    InputError
        If the residual or the lung shunt is unknown.
    """
    if infusion.residual_fraction is None or infusion.lung_shunt_fraction is None:
        raise InputError(
            "the residual or the lung shunt fraction is unknown",
            where=f"digital patient, infusion '{infusion.label}'",
            remedy="The truth needs both",
        )
    infused_gbq = infusion.activity_at_infusion_gbq(half_life_h) * (1 - infusion.residual_fraction)
    return infused_gbq * (1 - infusion.lung_shunt_fraction), infused_gbq * infusion.lung_shunt_fraction


def concentrations_gbq_ml(
    tissues: Iterable[Tissue], infusions: Iterable[Infusion], half_life_h: float, at: datetime | None = None
) -> dict[str, float]:
    """Return the activity concentration of each tissue by its name, in GBq/mL.

    Without *at* the activities are those of the moment of each infusion, as if all were given at once.
    """
    tissues = tuple(tissues)
    found = {tissue.label: 0.0 for tissue in tissues}
    for infusion in infusions:
        liver_gbq, _ = net_activities_gbq(infusion, half_life_h)
        liver_gbq *= _left(infusion, half_life_h, at)
        reached = [tissue for tissue in tissues if Zone(infusion.perfused) in tissue.zones]
        weight_ml = sum(tissue.concentration_ratio * tissue.volume_ml for tissue in reached)
        for tissue in reached:
            found[tissue.label] += liver_gbq * tissue.concentration_ratio / weight_ml
    return found


def lung_activity_gbq(infusions: Iterable[Infusion], half_life_h: float, at: datetime | None = None) -> float:
    """Return the activity in both lungs, in GBq; *at* as in `concentrations_gbq_ml`."""
    return sum(net_activities_gbq(i, half_life_h)[1] * _left(i, half_life_h, at) for i in infusions)


def true_doses(
    tissues: tuple[Tissue, ...], infusions: tuple[Infusion, ...], settings: Settings, lung_mass_g: float
) -> TrueDoses:
    """Return the doses of permanently trapped spheres: D = k C / density, with C in GBq per mL."""
    k, density_g_ml = settings.joule_per_gbq, settings.liver_density_g_ml
    concentrations = concentrations_gbq_ml(tissues, infusions, settings.half_life_h)
    gy = {label: k * c / (density_g_ml / G_PER_KG) for label, c in concentrations.items()}

    def mean_gy(parts: Iterable[Tissue]) -> float:
        parts = tuple(parts)
        return sum(gy[t.label] * t.volume_ml for t in parts) / sum(t.volume_ml for t in parts)

    def in_zone(name: str) -> tuple[Tissue, ...]:
        return tuple(t for t in tissues if Zone(name) in t.zones)

    normal = [t for t in tissues if t.role is Role.NORMAL_LIVER]
    spared = [t for t in normal if not t.zones]
    thrombus = [t for t in tissues if t.role is Role.PVTT]
    single_compartment_gy = {}
    for infusion in infusions:
        mass_kg = sum(t.volume_ml for t in in_zone(infusion.perfused)) * density_g_ml / G_PER_KG
        liver_gbq, _ = net_activities_gbq(infusion, settings.half_life_h)
        single_compartment_gy[infusion.label] = k * liver_gbq / mass_kg
    return TrueDoses(
        tumors_gy={t.label: gy[t.label] for t in tissues if t.role is Role.TUMOR},
        thrombus_gy=mean_gy(thrombus) if thrombus else None,
        normal_parts_gy={t.label: gy[t.label] for t in normal},
        perfused_normal_gy=mean_gy(t for t in normal if t.zones),
        unperfused_normal_gy=mean_gy(spared) if spared else None,
        whole_normal_gy=mean_gy(normal),
        whole_liver_gy=mean_gy(tissues),
        perfused_gy={i.perfused: mean_gy(in_zone(i.perfused)) for i in infusions},
        lungs_gy=k * lung_activity_gbq(infusions, settings.half_life_h) / (lung_mass_g / G_PER_KG),
        single_compartment_gy=single_compartment_gy,
    )


def _left(infusion: Infusion, half_life_h: float, at: datetime | None) -> float:
    """Return the fraction of the infused activity that is left at a moment."""
    if at is None or infusion.given_at is None:
        return 1.0
    if at < infusion.given_at:
        raise InputError(
            f"{at.isoformat()} is before the infusion of {infusion.given_at.isoformat()}",
            where=f"digital patient, infusion '{infusion.label}'",
            remedy="Choose a later time for the image",
        )
    return decay_factor(elapsed_h(infusion.given_at, at), half_life_h)
