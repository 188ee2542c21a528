"""Measure what can be wrong with outlines: missing, too small, on the wrong side, overlapping, cut or torn."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import combinations

from ..case import Case
from ..compartments import Compartments
from ..dosimetry.regions import NESTED_FRACTION
from ..geometry import center_mm
from ..images import MM3_PER_ML
from ..missing import Missing
from ..occupancy import physical_margins_mm
from ..structures import LESION_ROLES, Role, Structure
from .catalog import CATALOG
from .check import CASE, Observation, Subject, written
from .outlines import beyond_box_fraction, pieces_and_holes_ml, shared_ml

SCALE_RATIO = MM3_PER_ML
"""Centimeters taken for millimeters change a volume by this factor."""
OVERLAP_FRACTION = 0.02
"""Tool default: with less of a tumor outside, nobody asks how far outside it lies."""
SMALLEST_PIECE_ML = 0.1
"""Tool default: smaller pieces of a tumor are stray voxels, not another tumor."""
NOT_DIVIDED = Missing("the liver could not be divided into compartments", ("structures",))

OUTSIDE_LIVER = {
    Role.TUMOR: "tumor_outside_liver",
    Role.PERFUSED: "perfused_outside_liver",
    Role.PVTT: "thrombus_outside_liver",
    Role.HEPATIC_VEIN_THROMBUS: "thrombus_outside_liver",
    Role.FLR: "flr_outside_liver",
}
ORGAN_ROLES = (Role.LIVER, Role.PERFUSED, Role.FLR, Role.PLANNED_RESECTION, Role.LUNGS)
SIDED_ROLES = (Role.PERFUSED, Role.FLR, Role.PLANNED_RESECTION)

# The words for the two sides in English, German, French, Spanish and Italian.
RIGHT_WORDS = re.compile(r"\b(right|rechte?[rsn]?|rechts|droite?|derech[oa]|destr[oa])\b", re.IGNORECASE)
LEFT_WORDS = re.compile(r"\b(left|linke?[rsn]?|links|gauche|izquierd[oa]|sinistr[oa])\b", re.IGNORECASE)


def observed(case: Case, compartments: Compartments | None) -> Iterator[Observation]:
    """Measure the structures of a case; without compartments the checks that need them can't be judged."""
    drawn = [s for s in case.structures if not s.is_empty]
    yield from _presence(case)
    yield from _volumes(case, drawn)
    yield from _against_liver(case, drawn)
    yield from _remnant(case)
    yield from _lesion_pairs(drawn)
    yield from _shapes(drawn)
    yield from _sides(case, drawn)
    yield from _edges(case, drawn)
    if compartments is None:
        yield from (Observation(check_id, CASE, NOT_DIVIDED) for check_id in FROM_COMPARTMENTS)
    else:
        yield from _lesions(case, compartments)
        yield from _perfused_pairs(case, compartments)
        yield from _normal_liver(case, compartments)


def _presence(case: Case) -> Iterator[Observation]:
    for check_id, role in (("tumor_missing", Role.TUMOR), ("lungs_missing", Role.LUNGS), ("flr_missing", Role.FLR)):
        yield Observation(check_id, CASE, None if case.of_role(role) else "none of this role")
    for structure in case.structures:
        yield Observation("structure_empty", Subject(structure=structure.label), "0 mL" if structure.is_empty else None)
    used = {i.perfused for s in case.sessions for i in s.infusions}
    for volume in case.of_role(Role.PERFUSED) if case.sessions else ():
        unused = None if volume.label in used else _ml(volume.volume_ml)
        yield Observation("perfused_without_infusion", Subject(structure=volume.label), unused)


def _volumes(case: Case, drawn: list[Structure]) -> Iterator[Observation]:
    liver = case.one(Role.LIVER)
    spacings = {s.label: s.image.image.GetSpacing() for s in case.sessions if s.image is not None}
    for structure in drawn:
        label, volume_ml = structure.label, structure.volume_ml
        match structure.role:
            case Role.LIVER:
                yield Observation("liver_scale", Subject(structure=label), _scale(volume_ml))
                for check_id in ("liver_small", "liver_too_small", "liver_large", "liver_too_large"):
                    yield Observation(check_id, Subject(structure=label), volume_ml)
            case Role.PERFUSED:
                yield Observation("perfused_small", Subject(structure=label), volume_ml)
                if liver is not None and not liver.is_empty:
                    detail = f"{_ml(volume_ml)} in a liver of {_ml(liver.volume_ml)}"
                    for check_id in ("perfused_large", "perfused_too_large"):
                        yield Observation(check_id, Subject(structure=label), volume_ml / liver.volume_ml, detail)
            case Role.LUNGS:
                yield Observation("lungs_small", Subject(structure=label), volume_ml)
            case Role.TUMOR:
                yield Observation("tumor_small", Subject(structure=label), volume_ml)
                diameter_mm = (6.0 * volume_ml * MM3_PER_ML / math.pi) ** (1 / 3)
                for session, spacing in spacings.items():
                    detail = f"{written(diameter_mm, 'mm')} as a sphere, voxels of {written(max(spacing), 'mm')}"
                    about = Subject(session, structure=label)
                    yield Observation("tumor_below_resolution", about, diameter_mm / max(spacing), detail)
        for session, spacing in spacings.items():
            coarse = max(structure.mask.GetSpacing()) / min(spacing)
            yield Observation("outline_coarse", Subject(session, structure=label), coarse)


def _scale(volume_ml: float) -> str | None:
    """Say what the volume would be in the other unit, where that is a liver's and the volume itself is not."""
    low, high = CATALOG["liver_small"].threshold, CATALOG["liver_large"].threshold
    assert low is not None and high is not None
    if low <= volume_ml <= high:
        return None
    for other_ml in (volume_ml * SCALE_RATIO, volume_ml / SCALE_RATIO):
        if low <= other_ml <= high:
            return f"{_ml(volume_ml)}, would be {_ml(other_ml)} in the other unit"
    return None


def _against_liver(case: Case, drawn: list[Structure]) -> Iterator[Observation]:
    liver = case.one(Role.LIVER)
    if liver is None or liver.is_empty:
        return
    for structure in drawn:
        if structure.role in OUTSIDE_LIVER:
            outside_ml = max(0.0, structure.volume_ml - shared_ml(structure, liver))
            detail = f"{_ml(outside_ml)} of {_ml(structure.volume_ml)}"
            about, share = Subject(structure=structure.label), outside_ml / structure.volume_ml
            yield Observation(OUTSIDE_LIVER[structure.role], about, share, detail)
            if structure.role is Role.TUMOR:  # one cut out of the liver's outline lies within it all the same
                beyond = 0.0 if share < OVERLAP_FRACTION else beyond_box_fraction(structure, liver)
                yield Observation("tumor_not_in_liver", about, beyond)
            elif structure.role is Role.PERFUSED:
                yield Observation("perfused_not_in_liver", about, share, detail)
        elif structure.role is Role.LUNGS:
            yield Observation("lungs_overlap_liver", Subject(structure=structure.label), shared_ml(structure, liver))


def _remnant(case: Case) -> Iterator[Observation]:
    flr, resection, liver = (case.one(r) for r in (Role.FLR, Role.PLANNED_RESECTION, Role.LIVER))
    if flr is None or flr.is_empty:
        return
    for tumor in case.of_role(Role.TUMOR):
        yield Observation("flr_overlaps_tumor", Subject(structure=tumor.label), shared_ml(flr, tumor))
    if resection is None or resection.is_empty or liver is None or liver.is_empty:
        return
    both_ml = shared_ml(flr, resection)
    yield Observation("flr_overlaps_resection", CASE, both_ml / flr.volume_ml, _ml(both_ml))
    together_ml = flr.volume_ml + resection.volume_ml
    detail = f"{_ml(together_ml)} for a liver of {_ml(liver.volume_ml)}"
    yield Observation("flr_and_resection", CASE, abs(together_ml / liver.volume_ml - 1.0), detail)


def _lesion_pairs(drawn: list[Structure]) -> Iterator[Observation]:
    for one, other in combinations([s for s in drawn if s.role in LESION_ROLES], 2):
        yield Observation("lesions_overlap", Subject(structure=one.label, other=other.label), shared_ml(one, other))


def _shapes(drawn: list[Structure]) -> Iterator[Observation]:
    for structure in drawn:
        if structure.role not in (*ORGAN_ROLES, Role.TUMOR):
            continue
        pieces_ml, holes_ml = pieces_and_holes_ml(structure)
        if structure.role is Role.TUMOR:
            large = pieces_ml[pieces_ml >= SMALLEST_PIECE_ML]
            detail = ", ".join(_ml(float(v)) for v in large[:4])
            yield Observation("tumor_pieces", Subject(structure=structure.label), float(max(1, large.size)), detail)
        else:
            loose = pieces_ml[2 if structure.role is Role.LUNGS else 1 :]
            detail = f"{loose.size} beside the main part"
            yield Observation("islands", Subject(structure=structure.label), float(loose.sum()), detail)
        if structure.role is not Role.LUNGS:  # vessels are holes of the lungs
            yield Observation("holes", Subject(structure=structure.label), holes_ml)


def _sides(case: Case, drawn: list[Structure]) -> Iterator[Observation]:
    """Positions are in LPS: x grows to the patient's left, z to the head."""
    liver, lungs = case.one(Role.LIVER), case.one(Role.LUNGS)
    if liver is None or liver.is_empty:
        return
    middle = center_mm(liver)
    for structure in drawn:
        right, left = (bool(words.search(structure.label)) for words in (RIGHT_WORDS, LEFT_WORDS))
        if structure.role in SIDED_ROLES and right is not left:
            leftward_mm = center_mm(structure)[0] - middle[0]
            yield Observation("wrong_side", Subject(structure=structure.label), leftward_mm if right else -leftward_mm)
    if lungs is not None and not lungs.is_empty:
        between = center_mm(lungs)
        yield Observation("liver_left_of_lungs", CASE, middle[0] - between[0])
        yield Observation("liver_above_lungs", CASE, middle[2] - between[2])


def _edges(case: Case, drawn: list[Structure]) -> Iterator[Observation]:
    for structure in drawn:
        if case.ct is not None and structure.role in (Role.LIVER, Role.LUNGS):
            check_id = "liver_cut" if structure.role is Role.LIVER else "lungs_cut"
            yield Observation(
                check_id, Subject(structure=structure.label), physical_margins_mm(structure, case.ct.image)
            )


FROM_COMPARTMENTS = (
    "lesion_outside_perfused",
    "lesion_covered",
    "tumor_burden",
    "perfused_nested",
    "perfused_overlap",
    "perfused_overlap_sessions",
    "normal_liver_differs",
)


def _lesions(case: Case, compartments: Compartments) -> Iterator[Observation]:
    treated = {i.perfused for s in case.sessions for i in s.infusions}
    treated = treated or {s.label for s in case.of_role(Role.PERFUSED)}
    reached = set(compartments.inside(treated))
    for lesion in (s for s in case.structures if s.role in LESION_ROLES):
        own = set(compartments.lesion(lesion.label))
        own_ml = compartments.volume_ml(own)
        detail = f"{_ml(own_ml)} of {_ml(lesion.volume_ml)}"
        yield Observation("lesion_covered", Subject(structure=lesion.label), own_ml / lesion.volume_ml, detail)
        if own_ml > 0 and treated:
            outside_ml = compartments.volume_ml(own - reached)
            detail = f"{_ml(outside_ml)} of {_ml(own_ml)}"
            yield Observation("lesion_outside_perfused", Subject(structure=lesion.label), outside_ml / own_ml, detail)
    tumor_ml = compartments.volume_ml(compartments.of_role(Role.TUMOR))
    detail = f"{_ml(tumor_ml)} of {_ml(compartments.whole_ml)}"
    yield Observation("tumor_burden", CASE, tumor_ml / compartments.whole_ml, detail)


def _perfused_pairs(case: Case, compartments: Compartments) -> Iterator[Observation]:
    sessions = [{i.perfused for i in s.infusions} for s in case.sessions]
    for pair in combinations([s.label for s in case.of_role(Role.PERFUSED)], 2):
        parts = [set(compartments.inside([label])) for label in pair]
        volumes_ml = [compartments.volume_ml(part) for part in parts]
        small = volumes_ml.index(min(volumes_ml))
        shared = compartments.volume_ml(parts[0] & parts[1])
        fraction = shared / volumes_ml[small]
        about, detail = Subject(structure=pair[0], other=pair[1]), f"{_ml(shared)} in both"
        if fraction >= NESTED_FRACTION:
            yield Observation("perfused_nested", about, f"{pair[small]} in {pair[1 - small]}", detail)
            continue
        yield Observation("perfused_nested", about, None)
        together = any(set(pair) <= labels for labels in sessions)
        yield Observation("perfused_overlap" if together else "perfused_overlap_sessions", about, fraction, detail)


def _normal_liver(case: Case, compartments: Compartments) -> Iterator[Observation]:
    drawn = case.one(Role.NORMAL_LIVER)
    expected_ml = compartments.volume_ml(compartments.of_role(Role.NORMAL_LIVER))
    if drawn is not None and expected_ml > 0:
        detail = f"{_ml(drawn.volume_ml)} drawn, {_ml(expected_ml)} left by the lesions"
        yield Observation(
            "normal_liver_differs", Subject(structure=drawn.label), abs(drawn.volume_ml / expected_ml - 1.0), detail
        )


def _ml(volume_ml: float) -> str:
    return written(volume_ml, "mL")
