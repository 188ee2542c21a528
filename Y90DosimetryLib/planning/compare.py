"""Planned against delivered: the same structures under both images, and the differences that matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..case import Basis, Case, DoseModel, Infusion, Session, Vial
from ..dosimetry.deposits import Deposit, Model
from ..dosimetry.doses import Doses
from ..dosimetry.dvh import Dvh
from ..dosimetry.maps import SessionMap, dvh_of_part, moved_dose_gy
from ..dosimetry.regions import Region, RegionKind
from ..dosimetry.uptake import Uptake
from ..engine import Engine
from ..errors import InputError
from ..guidelines.rule import Rule, Rulebook, Severity
from ..images import array_of, voxel_ml
from ..measures import measure, written
from ..missing import Missing
from .constraints import Constraints, constraints_of
from .dose_lines import DoseLines, dose_lines
from .prescription import Window, windows

MISSED_RATIO = 0.5
"""Tool default: a voxel is missed when it lies under the target and has less than so much of its planned dose. The
plan's own blur leaves the rim of a small lesion under its target; that alone is no miss."""
PART_MISSED_FRACTION = 0.2
"""Tool default: a lesion is missed in part when so much of its volume is."""
FLOW_FRACTION = 0.05
"""Tool default: flow went elsewhere when a volume without tumor holds so much more of the liver's activity."""

EVERYWHERE = "all over it"
TUMOR = measure("tumor_dose_gy.multicompartment")
"""How doses of lesions are written."""
_LESIONS = (RegionKind.TUMOR, RegionKind.PVTT, RegionKind.HEPATIC_VEIN_THROMBUS)
_TARGETS = {
    RegionKind.TUMOR: ("tumor_lowest_dose_gy.multicompartment", "tumor_dose_gy.multicompartment"),
    RegionKind.PVTT: ("thrombus_session_dose_gy.multicompartment",),
    RegionKind.HEPATIC_VEIN_THROMBUS: ("thrombus_session_dose_gy.multicompartment",),
}


class DifferenceKind(StrEnum):
    """What went otherwise than planned."""

    UNDER_TARGET = "under_target"
    PART_MISSED = "part_missed"
    FLOW_ELSEWHERE = "flow_elsewhere"


@dataclass(frozen=True)
class Target:
    """The dose a lesion should reach, and the rule whose number it is."""

    dose_gy: float
    rule: Rule


@dataclass(frozen=True)
class StructureRow:
    """One volume: its mean dose as planned and as delivered, and its share of the liver's activity in both."""

    region: Region
    planned_gy: float | Missing
    delivered_gy: float | Missing
    planned_share: float | Missing
    delivered_share: float | Missing


@dataclass(frozen=True)
class LesionRow:
    """One lesion on both dose maps: its histograms and what of it lies under its target."""

    region: Region
    target: Target
    planned: Dvh | Missing
    delivered: Dvh | Missing
    planned_under_ml: float | Missing
    delivered_under_ml: float | Missing
    missed_ml: float | Missing
    """What lies under the target and far below its planned dose; see `MISSED_RATIO`."""
    where: str
    """Where the missed part lies within the lesion; empty when there is none."""


@dataclass(frozen=True)
class Difference:
    """Something that matters, in a sentence with its numbers."""

    kind: DifferenceKind
    about: str
    message: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """A delivered session beside the plan it carried out."""

    planned: str
    delivered: str
    rows: tuple[StructureRow, ...]
    lesions: tuple[LesionRow, ...]
    differences: tuple[Difference, ...]
    under_target: sitk.Image | Missing
    """A mask on the delivered image: 1 where tumor or thrombus lies under its target."""
    second: tuple[Window, ...]
    """For each infusion, the activity of a second session that would mend it, all that was delivered counted."""
    second_lines: DoseLines | None
    second_constraints: Constraints | None


def delivered_pairs(case: Case) -> tuple[tuple[str, str], ...]:
    """Return the labels of each planned session and of the one that delivered it."""
    return tuple((s.delivers, s.label) for s in case.sessions if s.delivers is not None)


def compare(engine: Engine, rules: Rulebook, delivered: str | None = None) -> Comparison:
    """Return what became of a plan; of the last delivered one unless its session is named.

    Both doses are the image's, by local deposition. The second session is taken to spread as the plan did.

    Raises
    ------
    InputError
        If no session delivers a planned one, or what went into the doses may not be believed.
    """
    engine.require_belief()
    case, prepared = engine.case, engine.prepared
    pairs = [p for p in delivered_pairs(case) if delivered in {None, p[1]}]
    if not pairs:
        raise InputError(
            "no session delivers a plan" if delivered is None else f"'{delivered}' delivers no plan",
            where="sessions",
            remedy="Give the session after the treatment delivers = the label of its plan",
        )
    labels = [s.label for s in case.sessions]
    first, second = (labels.index(name) for name in pairs[-1])
    doses, regions = engine.doses, engine.regions
    rows = tuple(_row(region, doses, first, second) for region in regions)
    maps = [engine.map_of(i, DoseModel.LOCAL) for i in (first, second)]
    lesions = []
    under: NDArray[np.uint8] | None = None
    for region in (r for r in regions if r.kind in _LESIONS):
        target = target_of(rules, case.disease.scenario, region.kind)
        row, mask = _lesion(region, target, maps, (prepared.uptakes[first], prepared.uptakes[second]))
        lesions.append(row)
        if mask is not None:
            under = mask if under is None else under | mask
    lines, constraints, again = _second_session(engine, rules, first)
    return Comparison(
        *pairs[-1],
        rows,
        tuple(lesions),
        tuple(_differences(rows, lesions, case.sessions[first])),
        Missing("there is no lesion on the delivered dose map", ("image",))
        if under is None
        else _mask_like(under, _image_of(prepared.uptakes[second])),
        again,
        lines,
        constraints,
    )


def target_of(rules: Rulebook, scenario: int | None, kind: RegionKind) -> Target:
    """Return the target dose of a kind of lesion: of the scenario's rules, else of the tumor's, else of any rule's."""
    of_tumor = _TARGETS[RegionKind.TUMOR]
    for names, only in ((_TARGETS[kind], True), (of_tumor, True), (_TARGETS[kind], False), (of_tumor, False)):
        for rule in rules.values():
            if only and scenario not in rule.scenarios:
                continue
            for band in rule.bands:
                condition = band.principal
                if band.severity is Severity.TARGET and condition is not None and condition.measure_id in names:
                    assert isinstance(condition.limit, int | float)
                    return Target(float(condition.limit), rule)
    raise InputError("no rule has a target dose for a tumor", where="rules", remedy="Keep the rules of this package")


def _row(region: Region, doses: Doses, planned: int, delivered: int) -> StructureRow:
    found = [doses.sessions[i].deposits[Model.MULTI] for i in (planned, delivered)]
    means = [d if isinstance(d, Missing) else d.dose_gy(region.indices) for d in found]
    shares = [_share(d, region.indices) for d in found]
    return StructureRow(region, means[0], means[1], shares[0], shares[1])


def _share(deposit: Deposit | Missing, indices: Iterable[int]) -> float | Missing:
    if isinstance(deposit, Missing):
        return deposit
    return float(deposit.activity_gbq[list(indices)].sum() / deposit.activity_gbq.sum())


def _image_of(uptake: Uptake | None) -> sitk.Image:
    assert uptake is not None
    return uptake.image.image


def _mask_like(mask: NDArray[np.uint8], like: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(like)
    return image


def _lesion(
    region: Region,
    target: Target,
    maps: Sequence[SessionMap | Missing],
    uptakes: tuple[Uptake | None, Uptake | None],
) -> tuple[LesionRow, NDArray[np.uint8] | None]:
    dvhs: list[Dvh | Missing] = []
    for one, uptake in zip(maps, uptakes, strict=True):
        if isinstance(one, Missing) or uptake is None:
            dvhs.append(one if isinstance(one, Missing) else Missing("there is no image", ("image",)))
        else:
            dvhs.append(dvh_of_part(one.dose, uptake.occupancy(region.indices)))
    under = [d if isinstance(d, Missing) else d.volume_ml - d.v_ml(target.dose_gy) for d in dvhs]
    first, last, uptake = maps[0], maps[1], uptakes[1]
    gone = Missing("one of the two dose maps is missing", ("image",))
    row = LesionRow(region, target, dvhs[0], dvhs[1], under[0], under[1], gone, "")
    if isinstance(last, Missing) or uptake is None:
        return row, None
    part = uptake.occupancy(region.indices)
    inside_ml = np.zeros(uptake.grid.size[::-1])
    inside_ml[part.box.slices] = part.volume_ml
    dose_gy = array_of(last.dose.image)
    low = (inside_ml > 0) & (dose_gy < np.float32(target.dose_gy))
    if not isinstance(first, Missing):
        missed = low & (dose_gy < MISSED_RATIO * moved_dose_gy(first, last))
        row = replace(row, missed_ml=float(inside_ml[missed].sum()), where=_where(inside_ml, missed, uptake))
    return row, (low & (inside_ml >= uptake.grid.voxel_ml / 2)).astype(np.uint8)


def _where(inside_ml: NDArray[np.float64], low: NDArray[np.bool_], uptake: Uptake) -> str:
    """Return where the middle of a part lies from the middle of the whole, along the patient's axes."""
    part_ml = np.where(low, inside_ml, 0.0)
    if part_ml.sum() <= 0:
        return ""
    points = [_middle_mm(weights, uptake) for weights in (inside_ml, part_ml)]
    words = []
    directions = (("right", "left"), ("forward", "backward"), ("down", "up"))
    for away_mm, (minus, plus) in zip(points[1] - points[0], directions, strict=True):
        if abs(away_mm) >= 1:
            words.append(f"{abs(away_mm):.0f} mm {plus if away_mm > 0 else minus}")
    return ", ".join(words) or EVERYWHERE


def _middle_mm(weights: NDArray[np.float64], uptake: Uptake) -> NDArray[np.float64]:
    total = weights.sum()
    sums = [weights.sum(axis=axes) for axes in ((0, 1), (0, 2), (1, 2))]
    x, y, z = (float(np.arange(len(s)) @ s / total) for s in sums)
    return uptake.grid.point_mm((x, y, z))


def _differences(rows: Sequence[StructureRow], lesions: Sequence[LesionRow], planned: Session) -> Iterable[Difference]:
    means = {row.region: row for row in rows}
    for lesion in lesions:
        yield from _of_lesion(lesion, means[lesion.region])
    infused = {i.perfused for i in planned.infusions}
    for row in rows:
        kind = row.region.kind
        elsewhere = kind in {RegionKind.PERFUSED_NORMAL, RegionKind.UNPERFUSED_NORMAL} or (
            kind is RegionKind.PERFUSED and row.region.label not in infused
        )
        if not elsewhere or isinstance(row.planned_share, Missing) or isinstance(row.delivered_share, Missing):
            continue
        if row.delivered_share - row.planned_share >= FLOW_FRACTION:
            yield Difference(
                DifferenceKind.FLOW_ELSEWHERE,
                row.region.label,
                f"{row.region.label} took up {row.delivered_share * 100:.1f} % of the liver's activity, planned were"
                f" {row.planned_share * 100:.1f} %: flow went there instead.",
            )


def _of_lesion(lesion: LesionRow, row: StructureRow) -> Iterable[Difference]:
    target, label = lesion.target, lesion.region.label
    planned_gy, delivered_gy = row.planned_gy, row.delivered_gy
    if isinstance(planned_gy, Missing) or isinstance(delivered_gy, Missing):
        return
    if planned_gy >= target.dose_gy > delivered_gy:
        planned, got = (written(TUMOR, dose_gy, target.dose_gy) for dose_gy in (planned_gy, delivered_gy))
        yield Difference(
            DifferenceKind.UNDER_TARGET,
            label,
            f"{label} was planned with {planned} and got {got}, under the {target.dose_gy:g} Gy of {target.rule.id}.",
        )
    missed_ml, delivered = lesion.missed_ml, lesion.delivered
    if isinstance(missed_ml, Missing) or isinstance(delivered, Missing):
        return
    if missed_ml >= PART_MISSED_FRACTION * delivered.volume_ml:
        place = "all over it" if lesion.where == EVERYWHERE else f"its middle lies {lesion.where} from the lesion's"
        yield Difference(
            DifferenceKind.PART_MISSED,
            label,
            f"{missed_ml:.1f} of {delivered.volume_ml:.1f} mL of {label} lie under {target.dose_gy:g} Gy and got less"
            f" than {MISSED_RATIO * 100:.0f} % of what was planned there: {place}.",
        )


def _second_session(
    engine: Engine, rules: Rulebook, planned: int
) -> tuple[DoseLines | None, Constraints | None, tuple[Window, ...]]:
    """Return the windows of another session with the plan's infusions and its image, at a time not fixed yet."""
    case, prepared = engine.case, engine.prepared
    plan = case.sessions[planned]
    if plan.image is None:
        return None, None, ()
    label = "Second session"
    while label in {s.label for s in case.sessions}:
        label += "'"
    half_life_h = case.settings.half_life_h
    infusions: tuple[Infusion, ...] = tuple(
        replace(i, vial=Vial(i.activity_at_infusion_gbq(half_life_h)), given_at=None) for i in plan.infusions
    )
    session = Session(label, infusions, plan.image, Basis.PLANNED)
    with_it = replace(case, sessions=(*case.sessions, session))
    ready = replace(
        prepared,
        uptakes=(*prepared.uptakes, prepared.uptakes[planned]),
        lungs=(*prepared.lungs, prepared.lungs[planned]),
    )
    lines = dose_lines(replace(engine, case=with_it, prepared=ready), rules, label)
    constraints = constraints_of(lines, rules)
    return lines, constraints, windows(lines, constraints)


def under_target_ml(comparison: Comparison) -> float | Missing:
    """Return the volume of the mask of underdosed tumor and thrombus, in mL (whole voxels)."""
    mask = comparison.under_target
    if isinstance(mask, Missing):
        return mask
    return int(np.count_nonzero(array_of(mask))) * voxel_ml(mask)
