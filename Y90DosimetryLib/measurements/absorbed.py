"""Measures of absorbed dose; the id of each names its model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..dosimetry.deposits import Model, SessionDoses, concentration_ratio
from ..dosimetry.foci import Focus
from ..dosimetry.regions import RegionKind, ablative_perfused
from ..images import ActivityMap
from ..missing import Missing, first_missing
from ..physics import G_PER_KG
from ..structures import Role
from .view import Function, ItemFunction, Value, View
from .volumes import HIDDEN, lowest

NOT_MODIFIED = Missing("no segment and lobe are infused in one session", ("sessions",))


GIVEN_FOR_TUMORS = Missing("the T:N ratio is that of the tumors: it says nothing of a thrombus", ("image",))


def _lesion_doses(view: View, role: Role) -> dict[str, Value]:
    """Return the doses of lesions from all counted sessions."""
    return _of_lesions(view, role, view.doses.dose_by_compartment_gy)


def _session_doses(view: View, role: Role) -> dict[str, Value]:
    """Return for each lesion the dose of the one session that gives it most: what a target is judged on."""

    def most(indices: Iterable[int]) -> float | Missing:
        return _largest(view, lambda session: _of_session(session, indices))

    return _of_lesions(view, role, most)


def _of_lesions(view: View, role: Role, dose_of: Callable[[Iterable[int]], float | Missing]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    from_ratio = role is not Role.TUMOR and any(view.rests_on_given_ratio(s) for s in view.sessions)
    for structure in view.case.of_role(role):
        own = view.compartments.lesion(structure.label)
        found[structure.label] = GIVEN_FOR_TUMORS if from_ratio else dose_of(own) if own else HIDDEN
    return found


def _of_session(session: SessionDoses, indices: Iterable[int]) -> float | Missing:
    deposit = session.by_compartment
    return deposit if isinstance(deposit, Missing) else deposit.dose_gy(indices)


def _largest(view: View, dose_of: Callable[[SessionDoses], float | Missing]) -> float | Missing:
    """Return the largest dose of one session; missing as soon as one is."""
    doses = [dose_of(session) for session in view.sessions]
    gone = first_missing(*doses)
    if gone or not doses:
        return gone or Missing("no session is planned", ("sessions",))
    return max(d for d in doses if not isinstance(d, Missing))


def _targets(view: View) -> Value:
    """Return the lowest of what the tumors get in one session; a tumor treated otherwise is no target."""
    doses = _session_doses(view, Role.TUMOR)
    targets = {label: dose for label, dose in doses.items() if label not in view.treated_otherwise}
    return lowest(targets, "no tumor is to be treated by an infusion" if doses else "no tumor is outlined")


def _region_dose(kind: RegionKind, model: Model) -> Function:
    def dose(view: View) -> Value:
        region = view.region(kind)
        if isinstance(region, Missing):
            return region
        if model is Model.MULTI:
            return view.doses.dose_by_compartment_gy(region.indices)
        return view.doses.dose_gy(model, region.indices)

    return dose


def _perfused_normal_of_session(view: View) -> Value:
    """Return the dose of the normal liver that one session perfuses, of the session that gives it most."""
    region = view.region(RegionKind.PERFUSED_NORMAL)
    if isinstance(region, Missing):
        return region
    wanted = set(region.indices)

    def dose(session: SessionDoses) -> float | Missing:
        own = view.compartments.inside(i.infusion.perfused for i in session.infusions)
        return _of_session(session, sorted(wanted & set(own)))

    return _largest(view, dose)


def _perfused(view: View) -> Mapping[str, Value]:
    """Return what the session of each infusion gives its perfused volume."""
    found: dict[str, Value] = {}
    for label, (session, infusion) in view.infusions.items():
        deposit = session.deposits[Model.SINGLE]
        found[label] = deposit if isinstance(deposit, Missing) else deposit.dose_gy(infusion.indices)
    return found


def _perfused_total(view: View) -> Mapping[str, Value]:
    return {
        label: view.doses.dose_gy(Model.SINGLE, infusion.indices) for label, (_, infusion) in view.infusions.items()
    }


def _own_vial(view: View, nested: bool) -> Value:
    """Return the dose that a vial alone gives its own volume: the nested segment's, or the lobe's around it."""
    inner = ablative_perfused(view.case, view.compartments)
    if not inner:
        return NOT_MODIFIED
    settings, found = view.case.settings, []
    for session in view.sessions:
        if not {i.infusion.perfused for i in session.infusions} & inner:
            continue
        for infusion in session.infusions:
            if (infusion.infusion.perfused in inner) is not nested:
                continue
            if isinstance(infusion.net, Missing):
                return infusion.net
            mass_g = view.compartments.volume_ml(infusion.indices) * settings.liver_density_g_ml
            found.append(settings.joule_per_gbq * infusion.net.liver_gbq * G_PER_KG / mass_g)
    return min(found) if found else NOT_MODIFIED


def _partition(view: View, role: Role) -> Mapping[str, Value]:
    found: dict[str, Value] = {}
    tissue = set(view.compartments.of_role(role))
    for label, (session, infusion) in view.infusions.items():
        deposit, inside = session.deposits[Model.PARTITION], tissue & set(infusion.indices)
        found[label] = deposit if isinstance(deposit, Missing) else deposit.dose_gy(sorted(inside))
    return found


def _targeting_ratio(view: View) -> Value:
    ratios: dict[str, Value] = {}
    for index in view.doses.counted:
        session = view.doses.sessions[index]
        uptake = session.uptake
        inside = view.compartments.inside(i.infusion.perfused for i in session.infusions)
        for role in (Role.PVTT, Role.HEPATIC_VEIN_THROMBUS):
            for structure in view.case.of_role(role):
                if session.image_withheld:
                    return session.image_withheld
                own = view.compartments.lesion(structure.label)
                among = [i for i in inside if i in own or view.compartments.items[i].role is Role.NORMAL_LIVER]
                ratios[structure.label] = concentration_ratio(view.compartments, uptake, among, role)
    return lowest(ratios, "no thrombus is outlined")


def _lung_session(view: View) -> Mapping[str, Value]:
    return {view.doses.sessions[i].session.label: view.doses.lung_doses_gy[i] for i in view.doses.counted}


def _lung_case(view: View) -> Value:
    doses = [view.doses.lung_doses_gy[i] for i in view.doses.counted]
    gone = first_missing(*doses)
    if gone or not doses:
        return gone or Missing("no session is planned", ("sessions",))
    return sum(d for d in doses if not isinstance(d, Missing))


def focus_dose_gy(view: View, session: SessionDoses, focus: Focus) -> float | Missing:
    """Return the dose of a focus if its counts stand for spheres as those of the liver do, in soft tissue."""
    deposit, uptake = session.deposits[Model.MULTI], session.uptake
    if isinstance(deposit, Missing) or uptake is None:
        return deposit if isinstance(deposit, Missing) else Missing("the session has no image", ("image",))
    owned = sum(cell.counts for cell in uptake.cells if cell.owners or isinstance(uptake.image, ActivityMap))
    per_count = float(deposit.activity_gbq.sum()) / owned
    mass_kg = focus.volume_ml * view.case.settings.liver_density_g_ml / G_PER_KG
    return view.case.settings.joule_per_gbq * per_count * focus.counts / mass_kg


ABSORBED: Mapping[str, Function] = {
    "tumor_lowest_dose_gy.multicompartment": _targets,
    "ntad_gy.multicompartment": _region_dose(RegionKind.PERFUSED_NORMAL, Model.MULTI),
    "ntad_session_gy.multicompartment": _perfused_normal_of_session,
    "whole_normal_liver_dose_gy.multicompartment": _region_dose(RegionKind.WHOLE_NORMAL, Model.MULTI),
    "whole_liver_dose_gy.single_compartment": _region_dose(RegionKind.WHOLE_LIVER, Model.SINGLE),
    "segment_dose_gy.single_compartment": lambda view: _own_vial(view, nested=True),
    "lobe_dose_gy.single_compartment": lambda view: _own_vial(view, nested=False),
    "thrombus_targeting_ratio": _targeting_ratio,
    "lung_dose_gy.case": _lung_case,
}

ABSORBED_ITEMS: Mapping[str, ItemFunction] = {
    "tumor_dose_gy.multicompartment": lambda view: _lesion_doses(view, Role.TUMOR),
    "tumor_session_dose_gy.multicompartment": lambda view: _session_doses(view, Role.TUMOR),
    "pvtt_dose_gy.multicompartment": lambda view: _lesion_doses(view, Role.PVTT),
    "hepatic_vein_thrombus_dose_gy.multicompartment": lambda view: _lesion_doses(view, Role.HEPATIC_VEIN_THROMBUS),
    "thrombus_session_dose_gy.multicompartment": lambda view: {
        **_session_doses(view, Role.PVTT),
        **_session_doses(view, Role.HEPATIC_VEIN_THROMBUS),
    },
    "perfused_dose_gy.single_compartment": _perfused,
    "perfused_total_dose_gy.single_compartment": _perfused_total,
    "focus_dose_gy.multicompartment": lambda view: {
        label: focus_dose_gy(view, *found) for label, found in view.foci.items()
    },
    "tumor_dose_gy.partition": lambda view: _partition(view, Role.TUMOR),
    "normal_dose_gy.partition": lambda view: _partition(view, Role.NORMAL_LIVER),
    "lung_dose_gy.session": _lung_session,
}
