"""Measures of volumes, coverage and margins."""

from __future__ import annotations

from collections.abc import Mapping

from .. import volumetry
from ..geometry import LARGEST_MARGIN_MM, covered_fraction
from ..missing import Missing
from ..structures import Role
from .view import Function, ItemFunction, OfItem, Value, View, number

HIDDEN = Missing("every voxel of it belongs to another lesion", ("structures",))


def _lesion_ml(view: View) -> float:
    return view.compartments.volume_ml(i for i, c in enumerate(view.compartments.items) if c.is_lesion)


def _territories(view: View) -> Mapping[str, tuple[int, ...]]:
    """Return the compartments that each session perfuses."""
    return {s.session.label: view.compartments.inside(i.infusion.perfused for i in s.infusions) for s in view.sessions}


def _session_reserves(view: View) -> Mapping[str, Value]:
    """Return the untreated share of the liver for each session: each has a reserve of its own."""
    parts = view.compartments
    return {
        label: volumetry.hepatic_reserve_fraction(parts.whole_ml, parts.volume_ml(inside))
        for label, inside in _territories(view).items()
    }


def _hepatic_reserve(view: View) -> Value:
    reserves = _session_reserves(view)
    return lowest(reserves, "no session is planned") if reserves else Missing("no session is planned", ("sessions",))


def _tumor_free_reserve(view: View) -> Value:
    parts = view.compartments
    found = []
    for inside in _territories(view).values():
        untreated = [i for i, c in enumerate(parts.items) if c.is_lesion and i not in set(inside)]
        perfused_ml, untreated_ml = parts.volume_ml(inside), parts.volume_ml(untreated)
        found.append(volumetry.tumor_free_reserve_fraction(parts.whole_ml, perfused_ml, untreated_ml))
    return min(found) if found else Missing("no session is planned", ("sessions",))


def _perfused_fraction(view: View) -> Value:
    if not view.sessions:
        return Missing("no session is planned", ("sessions",))
    parts = view.compartments
    largest_ml = max(
        parts.volume_ml(parts.inside(i.infusion.perfused for i in session.infusions)) for session in view.sessions
    )
    return volumetry.perfused_fraction(largest_ml, parts.whole_ml)


def _hypertrophy(view: View) -> Value:
    before_ml, flr_ml = view.fact("flr_before_treatment_ml"), view.remnant.volumes.flr_ml
    for value in (before_ml, flr_ml):
        if isinstance(value, Missing):
            return value
    before = view.remnant.point is None or view.remnant is view.studies.baseline
    if view.case.time_points and before:
        return Missing("no time point after the treatment shows the remnant", ("time_points",))
    return volumetry.relative_hypertrophy_ratio(number(before_ml), number(flr_ml))


def _by_tumor_ml(view: View) -> Mapping[str, Value]:
    parts = view.compartments
    found: dict[str, Value] = {}
    for tumor in view.case.of_role(Role.TUMOR):
        own = parts.lesion(tumor.label)
        found[tumor.label] = parts.volume_ml(own) if own else HIDDEN
    return found


def _coverage(view: View, *roles: Role) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for structure in (s for role in roles for s in view.case.of_role(role)):
        if not view.treated:
            found[structure.label] = Missing("no session is planned", ("sessions",))
        elif not view.compartments.lesion(structure.label):
            found[structure.label] = HIDDEN
        else:
            found[structure.label] = covered_fraction(view.compartments, structure.label, view.treated)
    return found


def _judged_coverage(view: View, *roles: Role) -> dict[str, Value]:
    """Return the coverage with which rules are judged: whole where a lesion is one voxel over the edge."""
    within, coverage = view.prepared.covered_to_a_voxel, _coverage(view, *roles)
    targets = {label: share for label, share in coverage.items() if label not in view.treated_otherwise}
    return {label: 1.0 if label in within else share for label, share in targets.items()}


def lowest(values: Mapping[str, Value], none: str) -> Value:
    """Return the smallest of some values with its item; missing as soon as one is, or when there is none."""
    for value in values.values():
        if isinstance(value, Missing):
            return value
    if not values:
        return Missing(none, ("structures",))
    return min((OfItem(number(v), item) for item, v in values.items()), key=float)


def _margin(view: View) -> Value:
    if not view.treated:
        return Missing("no session is planned", ("sessions",))
    margins = view.prepared.tumor_margins_mm.values()
    if any(s.is_typed for s in view.case.of_role(Role.TUMOR)):
        return Missing("volumes are typed in: nothing shows the margin", ("structures",))
    if not margins:
        return Missing("no tumor is outlined", ("structures",))
    return min((m for m in margins if m is not None), default=LARGEST_MARGIN_MM)


def _lung_mass(view: View) -> Value:
    return view.prepared.lung_mass_g


VOLUMES: Mapping[str, Function] = {
    "liver_volume_ml": lambda view: view.compartments.whole_ml,
    "normal_liver_volume_ml": lambda view: view.compartments.whole_ml - _lesion_ml(view),
    "all_tumors_volume_ml": _lesion_ml,
    "tumor_burden_fraction": lambda view: volumetry.tumor_burden_fraction(_lesion_ml(view), view.compartments.whole_ml),
    "perfused_normal_volume_ml": lambda view: view.compartments.volume_ml(
        set(view.compartments.inside(view.treated)) & set(view.compartments.of_role(Role.NORMAL_LIVER))
    ),
    "perfused_fraction": _perfused_fraction,
    "hepatic_reserve_fraction": _hepatic_reserve,
    "tumor_free_reserve_fraction": _tumor_free_reserve,
    "flr_volume_ml": lambda view: view.remnant.volumes.flr_ml,
    "flr_study_liver_volume_ml": lambda view: view.remnant.volumes.liver_ml,
    "flr_study_tumors_volume_ml": lambda view: view.remnant.volumes.lesions_ml,
    "sflr_fraction": lambda view: view.remnant.sflr_ratio,
    "flr_measured_fraction": lambda view: view.remnant.measured_ratio,
    "flr_hypertrophy_fraction": _hypertrophy,
    "lung_mass_g": _lung_mass,
    "tumor_lowest_coverage_fraction": lambda view: lowest(_judged_coverage(view, Role.TUMOR), "no tumor is outlined"),
    "thrombus_lowest_coverage_fraction": lambda view: lowest(
        _judged_coverage(view, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS), "no thrombus is outlined"
    ),
    "perfused_margin_mm": _margin,
}

VOLUME_ITEMS: Mapping[str, ItemFunction] = {
    "session_reserve_fraction": _session_reserves,
    "focus_volume_ml": lambda view: {label: focus.volume_ml for label, (_, focus) in view.foci.items()},
    "focus_counts_fraction": lambda view: {label: focus.count_fraction for label, (_, focus) in view.foci.items()},
    "focus_harmless": lambda view: {label: view.is_harmless(*found) for label, found in view.foci.items()},
    "tumor_treated_otherwise": lambda view: {
        label: label in view.treated_otherwise for label in (s.label for s in view.case.of_role(Role.TUMOR))
    },
    "tumor_volume_ml": _by_tumor_ml,
    "tumor_coverage_fraction": lambda view: _coverage(view, Role.TUMOR),
    "perfused_volume_ml": lambda view: {
        label: view.compartments.volume_ml(infusion.indices) for label, (_, infusion) in view.infusions.items()
    },
}
