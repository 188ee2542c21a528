"""A small case in which no technical check is raised, and how one of its facts is moved across a threshold.

Voxels of 10 mm hold 1 mL, so that volumes are counted on fingers. LPS: x grows to the patient's left, z to the head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
import SimpleITK as sitk
from shapes import filled, grid, points_mm

from Y90DosimetryLib.case import Basis, Case, Infusion, Patient, Session, Vial
from Y90DosimetryLib.checks import CATALOG, CheckResult, Outcome, limit_of, run_checks
from Y90DosimetryLib.checks.check import written
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.dosimetry.maps import session_map
from Y90DosimetryLib.images import ActivityMap, CountMap, CtImage
from Y90DosimetryLib.physics import BQ_PER_GBQ, decay_factor
from Y90DosimetryLib.structures import Role, Structure

WORLD = grid((10.0, 10.0, 10.0), (400.0, 300.0, 400.0))
EASTERN = timezone(timedelta(hours=-5))
SUNDAY_NOON = datetime(2026, 3, 1, 12, tzinfo=EASTERN)
GIVEN_AT = datetime(2026, 3, 4, 10, tzinfo=EASTERN)

Corners = tuple[float, float, float, float, float, float]
"""A box: lowest and highest x, y, z in mm."""
LIVER: Corners = (-150, 50, -50, 50, -100, -20)
RIGHT: Corners = (-150, -50, -50, 50, -100, -20)
LEFT: Corners = (-50, 50, -50, 50, -100, -20)
TUMOR: Corners = (-140, -100, -20, 20, -80, -40)
LUNGS = ((-150, -30, -60, 60, 0, 140), (30, 150, -60, 60, 0, 140))


def inside(points: np.ndarray, *boxes: Corners) -> np.ndarray:
    """Whether points lie in any of the boxes."""
    found = np.zeros(points.shape[1:], dtype=bool)
    for box in boxes:
        found |= np.all([(points[a] > box[2 * a]) & (points[a] < box[2 * a + 1]) for a in range(3)], axis=0)
    return found


def outline(
    role: Role, label: str, *boxes: Corners, spacing_mm: float | None = None, without: tuple[Corners, ...] = ()
) -> Structure:
    """A structure of boxes on the common grid, or on a finer one of its own that just holds them."""
    like = WORLD
    if spacing_mm is not None:
        lows = [min(b[2 * a] for b in boxes) - spacing_mm for a in range(3)]
        highs = [max(b[2 * a + 1] for b in boxes) + spacing_mm for a in range(3)]
        middle = [(a + b) / 2 for a, b in zip(lows, highs, strict=True)]
        like = grid((spacing_mm,) * 3, [b - a for a, b in zip(lows, highs, strict=True)], middle)
    points = points_mm(like)
    return Structure(role, label, filled(like, (inside(points, *boxes) & ~inside(points, *without)).astype(np.uint8)))


def of_volume(role: Role, label: str, volume_ml: int) -> Structure:
    """A structure of exactly so many voxels of 1 mL, beginning at the liver's right upper corner."""
    points = points_mm(WORLD)
    array = np.zeros(points.shape[1:], dtype=np.uint8)
    order = np.flatnonzero(inside(points, LIVER))
    rest = np.flatnonzero(~inside(points, LIVER) & inside(points, (-190, 190, -140, 140, -190, -20)))
    array.ravel()[np.concatenate([order, rest])[:volume_ml]] = 1
    return Structure(role, label, filled(WORLD, array))


STRUCTURES = {
    "liver": outline(Role.LIVER, "Liver", LIVER),
    "perfused": outline(Role.PERFUSED, "Right lobe", RIGHT),
    "tumor": outline(Role.TUMOR, "Tumor", TUMOR),
    "flr": outline(Role.FLR, "Left remnant", LEFT),
    "resection": outline(Role.PLANNED_RESECTION, "Right resection", RIGHT),
    "lungs": outline(Role.LUNGS, "Lungs", *LUNGS),
}
PATIENT = Patient(
    weight_kg=75.0,
    height_cm=175.0,
    bilirubin_umol_l=12.0,
    albumin_g_l=40.0,
    inr_ratio=1.0,
    creatinine_umol_l=80.0,
    gfr_ml_min_173m2=90.0,
    afp_ng_ml=10.0,
    ecog=0,
)


def counts(tumor=4.0, right=1.0, left=0.0, lungs=0.0, spot=0.0, like=WORLD) -> sitk.Image:
    """An image with one value in each tissue, and in 10 voxels far from liver and lungs."""
    points = points_mm(like)
    values = np.zeros(points.shape[1:], dtype=np.float32)
    for box, value in ((LUNGS[0], lungs), (LUNGS[1], lungs), (RIGHT, right), (LEFT, left), (TUMOR, tumor)):
        values[inside(points, box)] = value
    values[inside(points, (100, 200, -50, -40, -150, -140))] = spot
    return filled(like, values)


def infusion(label="1", perfused="Right lobe", activity_gbq=4.0, **more) -> Infusion:
    """An infusion about which nothing is remarkable."""
    times = {"calibrated_at": SUNDAY_NOON, "given_at": GIVEN_AT} | {
        k: more.pop(k) for k in ("calibrated_at", "given_at") if k in more
    }
    facts = {"residual_fraction": 0.01, "lung_shunt_fraction": 0.05} | more
    return Infusion(label, Vial(activity_gbq, times["calibrated_at"]), perfused, times["given_at"], **facts)


def plan(*infusions: Infusion, label="plan", **image) -> Session:
    """A planned session with a relative image."""
    return Session(label, infusions or (infusion(),), CountMap(counts(**image)))


def delivered(*infusions: Infusion, scale=1.0, hours=24.0, reference_time="later", **more) -> Session:
    """A delivered session whose image shows the activity that was infused, times *scale*."""
    given = infusions or (infusion(),)
    shape = counts(lungs=992 * 0.05 / 0.95 / 4032)  # the shunt of the infusion, in 4032 mL of lungs
    infused_bq = sum(i.activity_at_infusion_gbq(64.1) * 0.99 for i in given) * BQ_PER_GBQ
    values = sitk.GetArrayFromImage(shape).astype(np.float64)
    values *= infused_bq * decay_factor(hours) * scale / values.sum()
    when = GIVEN_AT + timedelta(hours=hours) if reference_time == "later" else reference_time
    image = ActivityMap(filled(WORLD, values.astype(np.float32)), when)
    return Session(more.pop("label", "given"), given, more.pop("image", image), Basis.DELIVERED, **more)


def ct(liver=50.0, lungs=-800.0, like=WORLD) -> CtImage:
    """A CT with one value in the lungs and one elsewhere."""
    values = np.where(inside(points_mm(like), *LUNGS), lungs, liver).astype(np.float32)
    return CtImage(filled(like, values))


def case(*sessions: Session, ct=ct(), patient=PATIENT, notes=(), settings=None, extra=(), **structures) -> Case:  # noqa: B008
    """The case with some structures replaced, added or (None) left out."""
    kept = tuple(s for s in (STRUCTURES | structures).values() if s is not None) + tuple(extra)
    own = {} if settings is None else {"settings": settings}
    shown = sessions or (plan(), delivered(delivers="plan"))
    return Case("test", kept, shown, ct, patient, notes=notes, **own)


def computed(the_case: Case):
    """Everything that a case's checks look at."""
    prepared = prepare(the_case)
    doses = doses_of(the_case, prepared)
    maps = tuple(
        session_map(session, prepared.compartments, uptake, the_case.settings)
        for session, uptake in zip(doses.sessions, prepared.uptakes, strict=True)
    )
    return prepared, doses, maps


def checked(the_case: Case) -> tuple[CheckResult, ...]:
    """The results of all checks of a case."""
    return run_checks(the_case, *computed(the_case))


@dataclass(frozen=True)
class Edge:
    """Two sets of results, one on each side of a check's threshold, made when asked for."""

    raises: Callable[[], tuple[CheckResult, ...]]
    passes: Callable[[], tuple[CheckResult, ...]]
    step: float = 0.0
    """How far from the threshold the two values may lie, where a quarter of it is not enough."""


def edge(raises: Callable[[], Case], passes: Callable[[], Case] = case, step: float = 0.0) -> Edge:
    """An edge between two cases."""
    return Edge(lambda: checked(raises()), lambda: checked(passes()), step)


def assert_edge(check_id: str, found: Edge) -> None:
    """The check is raised on one side of its threshold and not on the other, and says what was measured."""
    check = CATALOG[check_id]
    over = [r for r in found.raises() if r.check.id == check_id and r.outcome is Outcome.RAISED]
    under = [r for r in found.passes() if r.check.id == check_id]
    assert over, "not raised"
    assert under and all(r.outcome is Outcome.PASSED for r in under), [r.message for r in under]
    assert all(r.message.startswith(check.title) for r in (*over, *under))
    if check.threshold is None:
        assert all(isinstance(r.measured, str) and r.measured in r.message for r in over)
        return
    limit = check.threshold
    for result in (over[0], min(under, key=lambda r: abs(r.measured - limit))):
        assert abs(result.measured - limit) <= max(abs(limit) / 4, found.step), result.measured
        assert written(result.measured, check.unit, limit) in result.message
        assert limit_of(check) in result.message
        assert result.message.count("%" if check.unit == "fraction" else check.unit) >= 2
