"""Activity and mean absorbed dose of every compartment, under each model, for one session or several.

Every model ends in the same thing: how much activity decays in each compartment. Doses, energy balance and the
sum over sessions follow from that alone: D = k A / m.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..case import CountReference, Infusion, Session, Settings
from ..compartments import Compartments
from ..images import ActivityMap
from ..missing import Missing, first_missing
from ..physics import BQ_PER_GBQ, G_PER_KG, decay_factor, elapsed_h
from ..structures import Role
from .mird import NetActivities, divided_gbq, net_activities
from .reference import Reference
from .uptake import Uptake

NO_IMAGE = Missing("the session has no image", ("image",))


class Model(StrEnum):
    """How the activity of an infusion is divided among compartments."""

    SINGLE = "single_compartment"
    PARTITION = "partition"
    PARTITION_GIVEN = "partition_given_ratio"
    MULTI = "multicompartment"

    @property
    def display_name(self) -> str:
        """The model as a reader of the report sees it."""
        return {
            Model.SINGLE: "single compartment",
            Model.PARTITION: "partition model, T:N from the image",
            Model.PARTITION_GIVEN: "partition model, T:N given",
            Model.MULTI: "multicompartment, from the image",
        }[self]


@dataclass(frozen=True)
class Deposit:
    """The activity that decays in each compartment, in GBq, shape (compartments,)."""

    model: Model
    activity_gbq: NDArray[np.float64]
    volume_ml: NDArray[np.float64]
    density_g_ml: float
    joule_per_gbq: float

    def dose_gy(self, indices: Iterable[int]) -> float | Missing:
        """Return the mean absorbed dose of some compartments together, in Gy."""
        chosen = list(indices)
        mass_kg = float(self.volume_ml[chosen].sum()) * self.density_g_ml / G_PER_KG
        if mass_kg <= 0:
            return Missing("the volume is empty", ("structures",))
        return self.joule_per_gbq * float(self.activity_gbq[chosen].sum()) / mass_kg

    def __add__(self, other: Deposit) -> Deposit:
        """Return the sum of two deposits under one model."""
        total = self.activity_gbq + other.activity_gbq
        return Deposit(self.model, total, self.volume_ml, self.density_g_ml, self.joule_per_gbq)


@dataclass(frozen=True)
class InfusionDoses:
    """Activities of one infusion, and the concentration ratios its partition model used."""

    infusion: Infusion
    activity_gbq: float
    """At the moment of infusion, before the residual."""
    lung_shunt_fraction: float | Missing
    net: NetActivities | Missing
    tumor_to_normal_ratio: float | Missing
    """Mean concentration of all tumors over that of normal liver, both inside the perfused volume."""
    indices: tuple[int, ...]
    """The compartments of its perfused volume."""
    judged_shunt_fraction: float | Missing
    """The lung shunt for the lungs: the higher one where the typed and the measured contradict each other."""


@dataclass(frozen=True)
class SessionDoses:
    """What one session deposits in each compartment, model by model, and in the lungs."""

    session: Session
    infusions: tuple[InfusionDoses, ...]
    deposits: dict[Model, Deposit | Missing]
    lung_activity_gbq: float | Missing
    image_activity_gbq: float | Missing
    """Activity in the liver at infusion as an absolute image shows it."""
    image_withheld: Missing | None = None
    """Why what its image shows may not be believed; None where it may."""
    uptake: Uptake | None = None
    """The session's image, with the counts that stand for nothing owned by nobody."""
    reference: Reference | Missing = NO_IMAGE
    """Over which counts a relative image spreads the activity."""

    @property
    def by_compartment(self) -> Deposit | Missing:
        """What the rules for doses by compartment judge: the image's, or without one that of a given T:N ratio."""
        from_image, given = self.deposits[Model.MULTI], self.deposits[Model.PARTITION_GIVEN]
        if self.session.image is None and not isinstance(given, Missing):
            return replace(given, model=Model.MULTI)
        return from_image


def session_doses(
    session: Session,
    compartments: Compartments,
    uptake: Uptake | None,
    measured_shunt_fraction: float | Missing,
    settings: Settings,
    reference: Reference | Missing = NO_IMAGE,
) -> SessionDoses:
    """Return the activities and deposits of one session.

    Parameters
    ----------
    uptake
        The session's image integrated over the compartments; None without an image.
    measured_shunt_fraction
        The lung shunt fraction read from the image, for infusions that ask for it.
    reference
        Over which counts a relative image spreads the activity; missing withholds what is read from it.
    """
    if uptake is not None and isinstance(reference, Reference) and reference.over is CountReference.PERFUSED:
        uptake = uptake.within(compartments)
    volume_ml = np.array([c.volume_ml for c in compartments.items])
    infusions = tuple(
        _infusion(infusion, compartments, uptake, measured_shunt_fraction, settings) for infusion in session.infusions
    )

    def deposit(model: Model, parts: Sequence[NDArray[np.float64] | Missing]) -> Deposit | Missing:
        gone = [p for p in parts if isinstance(p, Missing)]
        if gone:
            return first_missing(*gone) or gone[0]
        total = np.sum([p for p in parts if not isinstance(p, Missing)], axis=0)
        return Deposit(model, total, volume_ml, settings.liver_density_g_ml, settings.joule_per_gbq)

    single = [_spread(i, volume_ml, np.ones_like(volume_ml)) for i in infusions]
    partition = [_partition(i, compartments, uptake, volume_ml, None) for i in infusions]
    given = [_partition(i, compartments, uptake, volume_ml, i.infusion.tumor_to_normal_ratio) for i in infusions]
    absolute = image_activity_gbq(session, uptake, settings)
    multi: Sequence[NDArray[np.float64] | Missing] = [absolute]
    if not isinstance(session.image, ActivityMap):
        unknown = [reference] if uptake is not None and isinstance(reference, Missing) else []
        multi = unknown or [_relative(i, uptake) for i in infusions]
    none_given = Missing("no T:N ratio is given", ("tumor_to_normal_ratio",))
    asked = any(i.infusion.tumor_to_normal_ratio is not None for i in infusions)
    return SessionDoses(
        session,
        infusions,
        {
            Model.SINGLE: deposit(Model.SINGLE, single),
            Model.PARTITION: deposit(Model.PARTITION, partition),
            Model.PARTITION_GIVEN: deposit(Model.PARTITION_GIVEN, given) if asked else none_given,
            Model.MULTI: deposit(Model.MULTI, multi),
        },
        _sum([i.net if isinstance(i.net, Missing) else i.net.lung_gbq for i in infusions]),
        absolute if isinstance(absolute, Missing) else float(absolute.sum()),
        uptake=uptake,
        reference=reference,
    )


def total_deposit(sessions: Sequence[SessionDoses], model: Model | None) -> Deposit | Missing:
    """Return the sum over sessions, with None of what is judged by compartment; missing as soon as one deposit is."""
    total: Deposit | None = None
    for session in sessions:
        deposit = session.by_compartment if model is None else session.deposits[model]
        if isinstance(deposit, Missing):
            where = f"session '{session.session.label}': " if len(sessions) > 1 else ""
            return Missing(where + deposit.because, deposit.needs)
        total = deposit if total is None else total + deposit
    return total or Missing("no session is planned", ("sessions",))


def mean_decay_factor(session: Session, image: ActivityMap, half_life_h: float) -> float | Missing:
    """Return activity at infusion over what is left of it in the image, all infusions of the session together."""
    if image.reference_time is None:
        return 1.0
    given_gbq = left_gbq = 0.0
    for infusion in session.infusions:
        if infusion.given_at is None:
            return Missing(f"infusion '{infusion.label}' has no time", ("given_at",))
        activity_gbq = infusion.activity_at_infusion_gbq(half_life_h)
        given_gbq += activity_gbq
        left_gbq += activity_gbq * decay_factor(elapsed_h(infusion.given_at, image.reference_time), half_life_h)
    return given_gbq / left_gbq


def image_activity_gbq(session: Session, uptake: Uptake | None, settings: Settings) -> NDArray[np.float64] | Missing:
    """Return the activity of each compartment at infusion, in GBq, from an absolute image."""
    if uptake is None:
        return Missing(f"session '{session.label}' has no image", ("image",))
    if not isinstance(uptake.image, ActivityMap):
        return Missing("the image is relative (counts)", ("image",))
    factor = mean_decay_factor(session, uptake.image, settings.half_life_h)
    if isinstance(factor, Missing):
        return factor
    return uptake.counts * factor / BQ_PER_GBQ


def _infusion(
    infusion: Infusion,
    compartments: Compartments,
    uptake: Uptake | None,
    measured_shunt_fraction: float | Missing,
    settings: Settings,
) -> InfusionDoses:
    activity_gbq = infusion.activity_at_infusion_gbq(settings.half_life_h)
    shunt: float | Missing = Missing("the lung shunt fraction is unknown", ("lung_shunt_fraction",))
    if infusion.lung_shunt_from_image:
        shunt = measured_shunt_fraction
    elif infusion.lung_shunt_fraction is not None:
        shunt = infusion.lung_shunt_fraction
    residual: float | Missing = Missing("the residual is unknown", ("residual_fraction",))
    if infusion.residual_fraction is not None:
        residual = infusion.residual_fraction
    net: NetActivities | Missing
    if isinstance(shunt, Missing) or isinstance(residual, Missing):
        net = first_missing(shunt, residual) or Missing("activities are unknown")
    else:
        net = net_activities(activity_gbq, residual, shunt)
    indices = compartments.inside([infusion.perfused])
    ratio = concentration_ratio(compartments, uptake, indices, Role.TUMOR)
    return InfusionDoses(infusion, activity_gbq, shunt, net, ratio, indices, shunt)


def concentration_ratio(
    compartments: Compartments, uptake: Uptake | None, indices: Iterable[int], role: Role
) -> float | Missing:
    """Return mean concentration of a tissue over that of normal liver, within the given compartments."""
    if uptake is None:
        return Missing("there is no image to measure the ratio on", ("image",))
    inside = set(indices)
    tissue = [i for i in compartments.of_role(role) if i in inside]
    normal = [i for i in compartments.of_role(Role.NORMAL_LIVER) if i in inside]
    if not tissue:
        return Missing(f"no {role.display_name.lower()} lies in the perfused volume", ("structures",))
    counts, normal_ml = uptake.counts, compartments.volume_ml(normal)
    normal_counts = float(counts[normal].sum())
    if normal_ml <= 0 or normal_counts <= 0:
        return Missing("the perfused normal liver holds no counts", ("structures",))
    return float(counts[tissue].sum()) / compartments.volume_ml(tissue) / (normal_counts / normal_ml)


def _spread(
    doses: InfusionDoses, volume_ml: NDArray[np.float64], ratios: NDArray[np.float64]
) -> NDArray[np.float64] | Missing:
    """Divide an infusion's liver activity over its perfused volume."""
    if isinstance(doses.net, Missing):
        return doses.net
    inside = np.zeros_like(volume_ml)
    inside[list(doses.indices)] = volume_ml[list(doses.indices)]
    return divided_gbq(doses.net.liver_gbq, inside, ratios)


def _partition(
    doses: InfusionDoses,
    compartments: Compartments,
    uptake: Uptake | None,
    volume_ml: NDArray[np.float64],
    given: float | None,
) -> NDArray[np.float64] | Missing:
    """One averaged ratio for all tumors; each kind of thrombus has its own, or the given one."""
    ratios = np.ones_like(volume_ml)
    inside = set(doses.indices)
    for role in (Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS):
        tissue = [i for i in compartments.of_role(role) if i in inside]
        if not tissue:
            continue
        ratio = given if given is not None else concentration_ratio(compartments, uptake, inside, role)
        if isinstance(ratio, Missing):
            return ratio
        ratios[tissue] = ratio
    return _spread(doses, volume_ml, ratios)


def _relative(doses: InfusionDoses, uptake: Uptake | None) -> NDArray[np.float64] | Missing:
    if uptake is None:
        return Missing("the session has no image", ("image",))
    if isinstance(doses.net, Missing):
        return doses.net
    counts = uptake.owned_counts(doses.infusion.perfused)
    share: NDArray[np.float64] = doses.net.liver_gbq * counts / counts.sum()
    return share


def _sum(values: Sequence[float | Missing]) -> float | Missing:
    gone = first_missing(*values)
    return gone if gone else float(sum(v for v in values if not isinstance(v, Missing)))
