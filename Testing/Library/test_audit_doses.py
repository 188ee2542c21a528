"""Mean doses computed again from voxels alone, on random cases that are meant to be awkward.

Outlines lie on lattices of 3 mm, cropped or flipped; images on voxels of 3, 4.5 or 6 mm whose faces lie on a lattice of
1.5 mm. So everything is a sum over cubes of 1.5 mm, without any of the library's geometry.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import hand_case
from scipy.ndimage import distance_transform_edt

from Y90DosimetryLib.case import Basis, Case, CountReference, Disease, Infusion, Session, Settings, Vial
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.dosimetry.regions import RegionKind, regions_of
from Y90DosimetryLib.images import ActivityMap, CountMap, CtImage
from Y90DosimetryLib.measurements import measure
from Y90DosimetryLib.structures import Role, Structure

FINE_MM, SHAPE, ORIGIN = 3.0, (24, 26, 28), (-11.0, 7.0, 3.0)
FINE_ML, POINT_ML = FINE_MM**3 / 1000, 1.5**3 / 1000
CALIBRATED = datetime.fromisoformat("2026-03-01T12:00:00-05:00")
WEDNESDAY = datetime.fromisoformat("2026-03-04T10:00:00+01:00")
SCANNED = datetime.fromisoformat("2026-03-05T09:00:00+01:00")
CORNERS = np.array(list(itertools.product((-0.75, 0.75), repeat=3)))


def image(array, spacing_mm, origin_mm, flip_x=False):
    made = sitk.GetImageFromArray(array[:, :, ::-1].copy() if flip_x else array)
    made.SetSpacing((spacing_mm,) * 3)
    made.SetOrigin(origin_mm)
    if flip_x:
        made.SetOrigin((origin_mm[0] + spacing_mm * (array.shape[2] - 1), *origin_mm[1:]))
        made.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    return made


def ellipsoid(center, radii):
    return sum(((i - c) / r) ** 2 for i, c, r in zip(np.indices(SHAPE), center, radii, strict=True)) <= 1


@dataclass
class Puzzle:
    """A random case, and what its voxels hold."""

    masks: dict[str, tuple[Role, np.ndarray]] = field(default_factory=dict)
    arrays: dict[str, tuple[np.ndarray, float, tuple[float, ...]]] = field(default_factory=dict)
    hu: np.ndarray | None = None
    case: Case | None = None


def draw(seed: int) -> Puzzle:
    pick, rng, made = random.Random(seed), np.random.default_rng(seed), Puzzle()
    z, y, x = np.indices(SHAPE)
    liver = ellipsoid((12, 13, 13), (9, 10, 10))
    cut = pick.randint(8, 18)
    made.masks["Liver"] = (Role.LIVER, liver)
    for number in range(pick.randint(0, 3)):
        mask = ellipsoid(np.array([12, 13, 13]) + rng.uniform(-8, 8, 3), rng.uniform(1, 4, 3))
        if (mask & liver).any() and int(mask.sum()) not in {int(m.sum()) for _, m in made.masks.values()}:
            made.masks[f"T{number}"] = (Role.TUMOR, mask)
    if "T0" in made.masks:  # a tumor inside another
        made.masks["Nested"] = (Role.TUMOR, ellipsoid(np.argwhere(made.masks["T0"][1]).mean(0), (0.8, 0.8, 0.8)))
    if pick.random() < 0.5:  # partly or wholly outside of the liver
        made.masks["PV"] = (Role.PVTT, ellipsoid((12, 13 + pick.choice([10, 13]), 13), (2, 2, 2)))
    made.masks["P1"] = (Role.PERFUSED, (x <= cut) & ellipsoid((12, 13, 13), (11, 12, 12)))
    second = {
        "none": np.zeros(SHAPE, bool), "overlap": (x >= cut - 3) & liver, "nested": (x <= cut) & (z < 10) & liver,
        "apart": (x > cut) & (z > 12) & liver,
    }[pick.choice(["none", "overlap", "nested", "apart"])]  # fmt: skip
    if second.any():
        made.masks["P2"] = (Role.PERFUSED, second)
    top = pick.choice([22, 22, 23])  # at 23 the CT cuts the lungs
    made.masks["Lungs"] = (Role.LUNGS, (z >= 20) & (z <= top) & (abs(x - 12) < 8) & (y > 0) & (y < 25) & ~liver)
    made.masks = {name: pair for name, pair in made.masks.items() if pair[1].any()}
    structures = []
    for name, (role, mask) in made.masks.items():
        low = [max(0, int(v.min()) - 1) for v in np.nonzero(mask)] if pick.random() < 0.4 else [0, 0, 0]
        block = mask[low[0] :, low[1] :, low[2] :].astype(np.uint8)
        start = tuple(o + FINE_MM * i for o, i in zip(ORIGIN, reversed(low), strict=True))
        structures.append(Structure(role, name, image(block, FINE_MM, start, pick.random() < 0.3)))
    pick.shuffle(structures)
    made.hu = rng.uniform(-1100, 300, SHAPE).astype(np.float32)

    def session(label: str, basis: Basis, delivers: str | None, absolute: bool) -> Session:
        spacing = pick.choice([3.0, 4.5, 6.0])
        start = tuple(o - FINE_MM / 2 - 1.5 * pick.randint(0, 4) + spacing / 2 for o in ORIGIN)
        size = [math.ceil(n * FINE_MM / spacing) + 3 for n in SHAPE]
        counts = (rng.uniform(0.1, 5, size) * (1e4 if absolute else 1)).astype(np.float32)
        made.arrays[label] = (counts, spacing, start)
        measured = pick.random() < 0.4
        infusions = tuple(
            Infusion(
                f"I{n}", Vial(pick.uniform(0.3, 7), CALIBRATED if pick.random() < 0.7 else None), f"P{n}", WEDNESDAY,
                pick.choice([0.0, 0.02, 0.05]), None if measured else pick.choice([0.0, 0.04, 0.1]), measured,
            )
            for n in ((1, 2) if "P2" in made.masks and pick.random() < 0.8 else (1,))
        )  # fmt: skip
        of_counts = image(counts, spacing, start)
        shown = ActivityMap(of_counts, pick.choice([None, SCANNED])) if absolute else CountMap(of_counts)
        return Session(label, infusions, shown, basis, delivers)

    layout = pick.choice(["plan", "delivered plan", "earlier", "delivered"])
    sessions = []
    if layout == "earlier":
        sessions.append(session("Old", Basis.DELIVERED, None, pick.random() < 0.6))
    if layout != "delivered":
        sessions.append(session("Plan", Basis.PLANNED, None, False))
    if "delivered" in layout:
        sessions.append(session("Given", Basis.DELIVERED, "Plan" if sessions else None, pick.random() < 0.6))
    settings = Settings(
        count_reference=pick.choice(list(CountReference)), lung_mass_g=pick.choice([None, 1000.0, 812.0]),
        liver_density_g_ml=pick.choice([1.03, 1.05]), joule_per_gbq=pick.choice([50.0, 49.38]),
        lung_shunt_margin_mm=pick.choice([20.0, 10.0]),
    )  # fmt: skip
    ct = CtImage(image(made.hu, FINE_MM, ORIGIN))
    facts = pick.choice([{"maa_same_position": True}, {"maa_site": "proper_hepatic"}])
    made.case = Case("Puzzle", tuple(structures), tuple(sessions), ct, disease=Disease(facts=facts), settings=settings)
    return made


def points(mask):
    z, y, x = np.nonzero(mask)
    return ((np.stack([x, y, z], 1) * FINE_MM + ORIGIN)[:, None] + CORNERS).reshape(-1, 3)


def voxels(where, spacing, start):
    return np.floor((where - start) / spacing + 0.5).astype(int)


def expected(puzzle: Puzzle) -> dict[tuple[str, str], float]:
    """Return the doses by the definitions, voxel by voxel."""
    case, masks = puzzle.case, puzzle.masks
    settings = case.settings
    tissue = masks["Liver"][1].astype(int)
    lesions = [(name, role, m) for name, (role, m) in masks.items() if role in {Role.TUMOR, Role.PVTT}]
    for number, (_, _, m) in enumerate(sorted(lesions, key=lambda x: (x[1] is Role.TUMOR, -x[2].sum())), start=2):
        tissue[m] = number
    code = {n: i for i, (n, _, _) in enumerate(sorted(lesions, key=lambda x: (x[1] is Role.TUMOR, -x[2].sum())), 2)}
    liver, normal = tissue > 0, tissue == 1
    own = {name: tissue == number for name, number in code.items()}
    perfused = {name: m & liver for name, (role, m) in masks.items() if role is Role.PERFUSED}
    replaced = {s.delivers for s in case.sessions}
    counted = [s for s in case.sessions if s.label not in replaced]
    lungs = masks["Lungs"][1]
    mass_g = settings.lung_mass_g or float(np.clip(1 + puzzle.hu[lungs].astype(float) / 1000, 0, 1.1).sum() * FINE_ML)
    lungs_are_cut = lungs[-1].any()
    singles, multis, lung_gbq = [], [], 0.0
    for session in counted:
        single, multi = np.zeros(SHAPE), np.zeros(SHAPE)
        singles.append(single)
        multis.append(multi)
        counts, spacing, start = puzzle.arrays[session.label]
        everywhere = np.ones(SHAPE, bool)
        x, y, z = voxels(points(everywhere), spacing, start).T
        held = (counts[z, y, x].reshape(-1, 8).sum(1) * POINT_ML).reshape(SHAPE)
        seen = shunt_in_view(counts, spacing, start, masks["Liver"][1], lungs, held, settings.lung_shunt_margin_mm)
        territory = territories(session, perfused, liver, spread_over(case, session, perfused, liver))
        for infusion in session.infusions:
            hours = (WEDNESDAY - CALIBRATED).total_seconds() / 3600 if infusion.vial.calibrated_at else 0.0
            infused = infusion.vial.activity_gbq * 0.5 ** (hours / 64.1) * (1 - infusion.residual_fraction)
            shunt = judged_shunt = infusion.lung_shunt_fraction
            if infusion.lung_shunt_from_image:
                shunt = judged_shunt = math.nan if seen is None or lungs_are_cut else seen
            elif seen and abs(seen - shunt) > max(0.02, 0.2 * max(seen, shunt)):
                # A typed and a measured one contradict each other: the lungs are judged by the higher, the liver still
                # gets what was typed.
                judged_shunt = max(seen, shunt)
            lung_gbq += infused * judged_shunt
            single[perfused[infusion.perfused]] += infused * (1 - shunt) / perfused[infusion.perfused].sum()
            if isinstance(session.image, CountMap):
                mine = territory[infusion.perfused]
                multi[mine] += infused * (1 - shunt) * held[mine] / held[mine].sum()
        if isinstance(session.image, ActivityMap):
            hours = 0 if session.image.reference_time is None else (SCANNED - WEDNESDAY).total_seconds() / 3600
            multi[liver] += held[liver] * 2 ** (hours / 64.1) / 1e9

    def mean_gy(activity, mask):
        return (
            settings.joule_per_gbq * activity[mask].sum() / (mask.sum() * FINE_ML * settings.liver_density_g_ml / 1e3)
        )

    single, multi = sum(singles), sum(multis)
    reached = np.any([perfused[i.perfused] for s in counted for i in s.infusions], axis=0)
    kept = normal & ~ablated(counted, perfused)  # the ablated segment of a modified lobectomy is not normal liver
    judged = kept & reached
    found = {
        ("whole_normal_liver_dose_gy.multicompartment", ""): mean_gy(multi, kept),
        ("whole_liver_dose_gy.single_compartment", ""): mean_gy(single, liver),
        ("lung_dose_gy.case", ""): settings.joule_per_gbq * lung_gbq / mass_g * 1000,
        ("hepatic_reserve_fraction", ""): 1 - reached.sum() / liver.sum(),
    }
    if judged.any():
        found["ntad_gy.multicompartment", ""] = mean_gy(multi, judged)
    for name, role, _ in lesions:
        kind = "tumor_dose_gy" if role is Role.TUMOR else "pvtt_dose_gy"
        if own[name].any():
            found[f"{kind}.multicompartment", name] = mean_gy(multi, own[name])
            kind = "tumor" if role is Role.TUMOR else "thrombus"  # limits accumulate, a target is met by one session
            most = float(np.max([mean_gy(of_session, own[name]) for of_session in multis]))
            found[f"{kind}_session_dose_gy.multicompartment", name] = most
    labels = [i.label for s in counted for i in s.infusions]
    for session, of_session in zip(counted, singles, strict=True):
        for i in session.infusions:
            about = i.label if labels.count(i.label) == 1 else f"{session.label}: {i.label}"
            found["perfused_dose_gy.single_compartment", about] = mean_gy(of_session, perfused[i.perfused])
            found["perfused_total_dose_gy.single_compartment", about] = mean_gy(single, perfused[i.perfused])
    return found


def spread_over(case, session, perfused, liver):
    """Return the counts that stand for an infusion: those of a tracer given upstream of it say nothing beyond it."""
    reached = np.any([perfused[i.perfused] for i in session.infusions], axis=0)
    if session.basis is Basis.DELIVERED:
        return CountReference.LIVER
    if case.settings.count_reference is CountReference.PERFUSED:
        return CountReference.PERFUSED
    upstream = "maa_site" in case.disease.facts and reached.sum() < 0.97 * liver.sum()
    return CountReference.PERFUSED if upstream else CountReference.LIVER


def shunt_in_view(counts, spacing, start, liver, lungs, held, margin_mm):
    """Return the share of the lungs with the concentration beyond a margin around the liver taken for all of them.

    Blur carries counts of the liver into the lungs' base: voxels that touch the margin are left out of the mean.
    """
    near = distance_transform_edt(~liver) * FINE_MM <= margin_mm
    touched = set(map(tuple, voxels(points(near), spacing, start)))
    at = [v for v in map(tuple, voxels(points(lungs), spacing, start)) if v not in touched]
    if not at:
        return None
    in_lungs = sum(counts[z, y, x] for x, y, z in at) / len(at) * lungs.sum() * FINE_ML
    return in_lungs / (in_lungs + held[liver].sum())


def territories(session, perfused, liver, reference):
    names = [i.perfused for i in session.infusions]
    if reference is CountReference.PERFUSED:
        return perfused
    if len(names) == 1:
        return {names[0]: liver}
    first, second = (distance_transform_edt(~perfused[n]) for n in names)
    rest = liver & ~perfused[names[0]] & ~perfused[names[1]]
    nearer = second < first - 1e-6
    return {names[0]: perfused[names[0]] | rest & ~nearer, names[1]: perfused[names[1]] | rest & nearer}


def ablated(counted, perfused):
    found = np.zeros(SHAPE, bool)
    for session in counted:
        names = [i.perfused for i in session.infusions]
        for one, other in itertools.permutations(names, 2):
            inner, outer = perfused[one], perfused[other]
            if outer.sum() > inner.sum() and (inner & outer).sum() >= 0.95 * inner.sum():
                found |= inner
    return found


@pytest.mark.parametrize("seed", range(24))
def test_every_mean_dose_is_the_sum_over_voxels_that_its_definition_names(seed) -> None:
    puzzle = draw(seed)
    case, prepared = puzzle.case, prepare(puzzle.case)
    rows = measure(case, prepared, doses_of(case, prepared), regions_of(case, prepared.compartments))
    known = {(m.measure_id, m.about): m for m in rows}
    for key, value in expected(puzzle).items():
        if math.isnan(value):
            assert known[key].value is None, key
        else:
            assert known[key].value == pytest.approx(value, rel=2e-5, abs=1e-6), key


@pytest.mark.parametrize("apart_h", [0, 2, 24])
def test_an_image_after_infusions_at_different_hours_gives_back_all_that_was_infused(apart_h) -> None:
    plan = hand_case(both=True, shunt=0.0)
    first, second = (replace(i, residual_fraction=0.0) for i in plan.sessions[0].infusions)
    second = replace(second, given_at=first.given_at + timedelta(hours=apart_h))
    scanned_at = first.given_at + timedelta(hours=30)
    bq_ml = np.zeros((12, 12, 12), np.float32)
    infused_gbq = 0.0
    for infusion, half in ((first, np.s_[1:6]), (second, np.s_[6:11])):
        hours = (infusion.given_at - CALIBRATED).total_seconds() / 3600
        given_gbq = infusion.vial.activity_gbq * 0.5 ** (hours / 64.1)
        since_h = (scanned_at - infusion.given_at).total_seconds() / 3600
        bq_ml[1:11, 1:11, half] = given_gbq * 1e9 * 0.5 ** (since_h / 64.1) / 500.0
        infused_gbq += given_gbq
    seen = ActivityMap(image(bq_ml, 10.0, (0.0, 0.0, 0.0)), scanned_at)
    case = replace(plan, sessions=(Session("Given", (first, second), seen, Basis.DELIVERED),))
    (session,) = doses_of(case, prepare(case)).sessions
    assert session.image_activity_gbq == pytest.approx(infused_gbq, rel=1e-6)


def test_a_plan_that_was_delivered_elsewhere_perfuses_nothing_any_more() -> None:
    plan = hand_case(both=True)
    given = replace(plan.sessions[0], label="Given", infusions=plan.sessions[0].infusions[:1], delivers="Plan")
    case = replace(plan, sessions=(plan.sessions[0], replace(given, basis=Basis.DELIVERED)))
    parts = prepare(case).compartments
    volume_ml = {r.kind: parts.volume_ml(r.indices) for r in regions_of(case, parts)}
    assert volume_ml[RegionKind.PERFUSED_NORMAL] == pytest.approx(500 - 48)
    assert volume_ml[RegionKind.UNPERFUSED_NORMAL] == pytest.approx(500 - 12)
