"""Measure what can be wrong with doses: energy lost or made, models apart, too few voxels, plan and delivery apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..case import Case, DoseModel
from ..dosimetry.deposits import Deposit, Model, SessionDoses
from ..dosimetry.doses import Doses
from ..dosimetry.maps import SessionMap
from ..dosimetry.regions import RegionKind, regions_of
from ..dosimetry.uptake import Uptake
from ..images import ActivityMap, array_of
from ..missing import Missing, first_missing
from ..occupancy import Occupancy
from ..physics import G_PER_KG
from .check import CASE, Observation, Subject, written

NO_MAP = Missing("the dose of the voxels was not computed", ("image",))
COMPARED = (RegionKind.TUMOR, RegionKind.PVTT, RegionKind.PERFUSED, RegionKind.PERFUSED_NORMAL)
"""The volumes whose planned and delivered doses are compared."""


def observed(case: Case, doses: Doses, maps: Sequence[SessionMap | Missing]) -> Iterator[Observation]:
    """Measure the results of a case; *maps* holds one dose map for each session, or is empty."""
    kernel = case.settings.dose_model is DoseModel.KERNEL
    yield Observation("kernel_used", CASE, "chosen in the settings" if kernel else None)
    for number, session in enumerate(doses.sessions):
        about = Subject(session.session.label)
        uptake = doses.prepared.uptakes[number]
        yield from _ratios(session)
        if uptake is not None:
            shown = maps[number] if maps else NO_MAP
            yield from _map(doses, session, uptake, shown, about)
            yield from _voxels(doses, uptake, about)
    yield from _plans(case, doses)


def balanced(doses: Doses) -> Iterator[Observation]:
    """Compare what each session deposits with what was given; *doses* with nothing withheld."""
    for session in doses.sessions:
        yield Observation("energy_deposits", Subject(session.session.label), *_balance(session))


def _ratios(session: SessionDoses) -> Iterator[Observation]:
    for infusion in session.infusions:
        for name, ratio in (("", infusion.tumor_to_normal_ratio), ("given", infusion.infusion.tumor_to_normal_ratio)):
            if ratio is not None:
                about = Subject(session.session.label, infusion.infusion.label, detail=name)
                yield Observation("tn_low", about, ratio)
                yield Observation("tn_inverted", about, ratio)


def _balance(session: SessionDoses) -> tuple[float | Missing, str]:
    """Return the largest relative gap between what a model deposits in liver and lungs and what was given."""
    nets = [i.net for i in session.infusions]
    missing = first_missing(*(net for net in nets if isinstance(net, Missing)))
    if missing or isinstance(session.lung_activity_gbq, Missing):
        return missing or Missing("the lung activity is unknown"), ""
    infused_gbq = sum(net.infused_gbq for net in nets if not isinstance(net, Missing))
    worst, detail = 0.0, ""
    for model, deposit in session.deposits.items():
        absolute = model is Model.MULTI and isinstance(session.session.image, ActivityMap)
        if isinstance(deposit, Missing) or absolute:  # an absolute image brings its own activity
            continue
        total_gbq = float(deposit.activity_gbq.sum()) + session.lung_activity_gbq
        gap = abs(total_gbq / infused_gbq - 1.0)
        if gap >= worst:
            worst = gap
            detail = f"{written(total_gbq, 'GBq', infused_gbq)} of {written(infused_gbq, 'GBq')}, {model.display_name}"
    return worst, detail


def _map(
    doses: Doses, session: SessionDoses, uptake: Uptake, shown: SessionMap | Missing, about: Subject
) -> Iterator[Observation]:
    compartments = doses.prepared.compartments
    multi, single = session.deposits[Model.MULTI], session.deposits[Model.SINGLE]
    treated = tuple(dict.fromkeys(i.perfused for i in session.session.infusions))
    if isinstance(shown, Missing) or isinstance(multi, Missing):
        missing = first_missing(*(m for m in (shown, multi) if isinstance(m, Missing))) or NO_MAP
        for check_id in ("energy_map", "energy_outside_liver"):
            yield Observation(check_id, about, missing)
        for label in treated:
            for check_id in ("voxel_mean", "energy_outside_perfused"):
                yield Observation(check_id, replace(about, structure=label), missing)
        return
    outside = shown.energy_outside_liver_fraction
    given_gbq = float(multi.activity_gbq.sum())
    found_gbq = _absorbed_gbq(shown, uptake.occupancy(compartments.everything), multi)
    expected_gbq = given_gbq * (1.0 - outside)
    detail = f"{written(found_gbq, 'GBq', expected_gbq)} of {written(expected_gbq, 'GBq')}"
    yield Observation("energy_map", about, abs(found_gbq / expected_gbq - 1.0), detail)
    yield Observation("energy_outside_liver", about, outside)
    for label in treated:
        indices = compartments.inside([label])
        where = uptake.occupancy(indices)
        inside_gbq = float(multi.activity_gbq[list(indices)].sum())
        left = 1.0 - _absorbed_gbq(shown, where, multi) / inside_gbq
        yield Observation("energy_outside_perfused", replace(about, structure=label), left)
        mean_gy = where.mean(array_of(shown.dose.image))
        yield Observation("voxel_mean", replace(about, structure=label), *_apart(mean_gy, _dose(single, indices)))


def _absorbed_gbq(shown: SessionMap, where: Occupancy, deposit: Deposit) -> float:
    """Return the activity whose energy the dose map shows in a structure: D m / k."""
    gy_ml = where.integral(array_of(shown.dose.image))
    return gy_ml * deposit.density_g_ml / G_PER_KG / deposit.joule_per_gbq


def _dose(deposit: Deposit | Missing, indices: tuple[int, ...]) -> float | Missing:
    return deposit if isinstance(deposit, Missing) else deposit.dose_gy(indices)


def _apart(value_gy: float | Missing, reference_gy: float | Missing) -> tuple[float | Missing, str]:
    """Return the gap of a dose to its reference as a fraction of it, and both in words."""
    missing = first_missing(value_gy, reference_gy)
    if missing or isinstance(value_gy, Missing) or isinstance(reference_gy, Missing):
        return missing or NO_MAP, ""
    if reference_gy <= 0:
        return Missing("there is no dose to compare with"), ""
    return abs(value_gy / reference_gy - 1.0), f"{written(value_gy, 'Gy')} against {written(reference_gy, 'Gy')}"


def _voxels(doses: Doses, uptake: Uptake, about: Subject) -> Iterator[Observation]:
    compartments = doses.prepared.compartments
    for _, label in compartments.lesion_labels:
        volume_ml = compartments.volume_ml(compartments.lesion(label))
        detail = f"{written(volume_ml, 'mL')} in voxels of {written(uptake.grid.voxel_ml, 'mL')}"
        yield Observation("few_voxels", replace(about, structure=label), volume_ml / uptake.grid.voxel_ml, detail)


def _plans(case: Case, doses: Doses) -> Iterator[Observation]:
    by_label = {s.session.label: s for s in doses.sessions}
    regions = [r for r in regions_of(case, doses.prepared.compartments) if r.kind in COMPARED]
    for session in doses.sessions:
        if session.session.delivers is None:
            continue
        plan = by_label[session.session.delivers]
        model = Model.MULTI
        if any(isinstance(s.deposits[model], Missing) for s in (plan, session)):
            model = Model.SINGLE
        for region in regions:
            planned, given = (_dose(s.deposits[model], region.indices) for s in (plan, session))
            if planned == 0 and given == 0:
                continue  # neither reaches it
            apart, detail = _apart(given, planned)
            about = Subject(session.session.label, structure=region.label)
            yield Observation("planned_delivered", about, apart, f"{detail} planned, {model.display_name}")
