"""Outlines that are missing, cut, torn, swapped, too large or in each other's way are noticed at their threshold."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk
from check_cases import (
    LEFT,
    LIVER,
    LUNGS,
    RIGHT,
    STRUCTURES,
    TUMOR,
    WORLD,
    Edge,
    assert_edge,
    case,
    checked,
    ct,
    edge,
    infusion,
    of_volume,
    outline,
    plan,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapes import FLIPPED, IDENTITY, filled, grid, rotation

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.checks import Outcome, check_structures, raised
from Y90DosimetryLib.checks.outlines import pieces_and_holes_ml, shared_ml
from Y90DosimetryLib.checks.structures import FROM_COMPARTMENTS
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.structures import Role, Structure

EMPTY = Structure(Role.LUNGS, "Lungs", sitk.Cast(WORLD, sitk.sitkUInt8))


def tumor(*box, spacing_mm=None, label="Tumor"):
    return outline(Role.TUMOR, label, box, spacing_mm=spacing_mm)


def alone(*structures: Structure) -> tuple:
    """What outlines say by themselves, before the liver is divided."""
    return check_structures(Case("test", structures))


def drawn(raises: Structure, passes: Structure, *others: Structure, step=0.0) -> Edge:
    """An edge between two structures that need no image."""
    return Edge(lambda: alone(raises, *others), lambda: alone(passes, *others), step)


def two(*boxes, **more):
    """The case with a left perfused volume that both volumes' infusions treat in one session."""
    left = outline(Role.PERFUSED, "Left lobe", *boxes, **more)
    return case(plan(infusion(), infusion("2", "Left lobe"), left=0.5), extra=(left,))


def one_after_the_other(*boxes, **more):
    left = outline(Role.PERFUSED, "Left lobe", *boxes, **more)
    return case(plan(), plan(infusion("2", "Left lobe"), label="second", left=1.0), extra=(left,))


def thrombus(*box, spacing_mm=1.0):
    return outline(Role.PVTT, "Thrombus", box, spacing_mm=spacing_mm)


def scaled(structure: Structure, factor: float) -> Structure:
    """The same voxels with another edge."""
    mask = sitk.Image(structure.mask)
    mask.SetSpacing([s * factor for s in mask.GetSpacing()])
    mask.SetOrigin([o * factor for o in mask.GetOrigin()])
    return replace(structure, mask=mask)


def lungs_around(x: float, z: float) -> Structure:
    return outline(Role.LUNGS, "Lungs", (x - 60, x + 60, -60, 60, z - 70, z + 70), spacing_mm=4.0)


def ct_from(lowest_center_mm: float):
    """A CT whose lowest plane of voxel centers lies there."""
    like = grid((10.0, 10.0, 10.0), (400.0, 300.0, 400.0), (0.0, 0.0, lowest_center_mm + 195.0))
    return ct(like=like)


def ct_up_to(highest_center_mm: float):
    return ct_from(highest_center_mm - 390.0)


LIVER_5MM = partial(outline, Role.LIVER, "Liver", LIVER, spacing_mm=5.0)
EDGES = {
    "tumor_missing": edge(lambda: case(tumor=None)),
    "lungs_missing": edge(lambda: case(lungs=None)),
    "flr_missing": edge(lambda: case(flr=None)),
    "structure_empty": edge(lambda: case(lungs=EMPTY)),
    "liver_scale": drawn(scaled(STRUCTURES["liver"], 0.1), STRUCTURES["liver"]),
    "liver_small": drawn(of_volume(Role.LIVER, "Liver", 499), of_volume(Role.LIVER, "Liver", 500)),
    "liver_large": drawn(of_volume(Role.LIVER, "Liver", 4501), of_volume(Role.LIVER, "Liver", 4500)),
    "liver_too_small": drawn(of_volume(Role.LIVER, "Liver", 199), of_volume(Role.LIVER, "Liver", 200)),
    "liver_too_large": drawn(of_volume(Role.LIVER, "Liver", 8001), of_volume(Role.LIVER, "Liver", 8000)),
    "perfused_too_large": drawn(
        of_volume(Role.PERFUSED, "Lobe", 1761), of_volume(Role.PERFUSED, "Lobe", 1760), STRUCTURES["liver"]
    ),
    # 50 layers of 2 mm inside and 51 or 50 outside
    "tumor_not_in_liver": edge(
        lambda: case(tumor=tumor(-252, -50, 0, 20, -80, -60, spacing_mm=2.0)),
        lambda: case(tumor=tumor(-250, -50, 0, 20, -80, -60, spacing_mm=2.0)),
    ),
    "perfused_not_in_liver": edge(
        lambda: case(perfused=outline(Role.PERFUSED, "Right lobe", (-252, -50, 0, 20, -80, -20), spacing_mm=2.0)),
        lambda: case(perfused=outline(Role.PERFUSED, "Right lobe", (-250, -50, 0, 20, -80, -20), spacing_mm=2.0)),
    ),
    "perfused_small": drawn(of_volume(Role.PERFUSED, "Lobe", 99), of_volume(Role.PERFUSED, "Lobe", 100)),
    "perfused_large": drawn(
        of_volume(Role.PERFUSED, "Lobe", 1601), of_volume(Role.PERFUSED, "Lobe", 1600), STRUCTURES["liver"]
    ),
    "lungs_small": drawn(of_volume(Role.LUNGS, "Lungs", 1499), of_volume(Role.LUNGS, "Lungs", 1500)),
    "tumor_small": drawn(tumor(0, 25, 0, 15, 0, 5, spacing_mm=5.0), tumor(0, 20, 0, 20, 0, 5, spacing_mm=5.0)),
    # spheres of 4.125 and 4.25 mL are 19.9 and 20.1 mm wide
    "tumor_below_resolution": edge(
        lambda: case(tumor=tumor(-140, -85, 0, 15, -80, -75, spacing_mm=5.0)),
        lambda: case(tumor=tumor(-140, -55, 0, 10, -80, -75, spacing_mm=5.0)),
    ),
    # one of 49 or 51 layers, two of 19 or 21 layers of 2 mm
    "tumor_outside_liver": edge(
        lambda: case(tumor=tumor(-152, -54, 0, 20, -80, -60, spacing_mm=2.0)),
        lambda: case(tumor=tumor(-152, -50, 0, 20, -80, -60, spacing_mm=2.0)),
    ),
    "perfused_outside_liver": edge(
        lambda: case(perfused=outline(Role.PERFUSED, "Right lobe", (-152, -54, 0, 20, -80, -20), spacing_mm=2.0)),
        lambda: case(perfused=outline(Role.PERFUSED, "Right lobe", (-152, -50, 0, 20, -80, -20), spacing_mm=2.0)),
    ),
    "thrombus_outside_liver": edge(
        lambda: case(extra=(thrombus(-154, -116, 30, 40, -80, -60, spacing_mm=2.0),)),
        lambda: case(extra=(thrombus(-154, -112, 30, 40, -80, -60, spacing_mm=2.0),)),
    ),
    "flr_outside_liver": edge(
        lambda: case(flr=outline(Role.FLR, "FLR", (-46, 52, 0, 20, -80, -20), spacing_mm=2.0)),
        lambda: case(flr=outline(Role.FLR, "FLR", (-50, 52, 0, 20, -80, -20), spacing_mm=2.0)),
    ),
    "lesion_outside_perfused": edge(
        lambda: case(tumor=tumor(-84, -46, 0, 20, -80, -60, spacing_mm=2.0)),
        lambda: case(tumor=tumor(-88, -46, 0, 20, -80, -60, spacing_mm=2.0)),
    ),
    # a tumor from -140 mm on covers all but one of 101 or 99 layers of 1 mm
    "lesion_covered": edge(
        lambda: case(tumor=tumor(-140, -30, 0, 20, -80, -60), extra=(thrombus(-141, -40, 4, 8, -70, -66),)),
        lambda: case(tumor=tumor(-140, -30, 0, 20, -80, -60), extra=(thrombus(-141, -42, 4, 8, -70, -66),)),
    ),
    "lesions_overlap": edge(
        lambda: case(extra=(tumor(-138, -112, 0, 2, -60, -58, spacing_mm=2.0, label="Second"),)),
        lambda: case(extra=(tumor(-138, -114, 0, 2, -60, -58, spacing_mm=2.0, label="Second"),)),
    ),
    "perfused_without_infusion": edge(lambda: case(extra=(outline(Role.PERFUSED, "Left lobe", LEFT),))),
    "perfused_nested": edge(lambda: two((-150, -100, -50, 0, -100, -20)), lambda: two(LEFT)),
    "perfused_overlap": edge(
        lambda: two((-55, 40, -50, 50, -100, -20), spacing_mm=5.0),
        lambda: two((-54, 50, -50, 50, -100, -20), spacing_mm=2.0),
    ),
    "perfused_overlap_sessions": edge(
        lambda: one_after_the_other((-55, 40, -50, 50, -100, -20), spacing_mm=5.0),
        lambda: one_after_the_other((-54, 50, -50, 50, -100, -20), spacing_mm=2.0),
    ),
    "lungs_overlap_liver": edge(
        lambda: case(lungs=outline(Role.LUNGS, "Lungs", *LUNGS, (-120, -50, -20, 10, -30, 0))),
        lambda: case(lungs=outline(Role.LUNGS, "Lungs", *LUNGS, (-120, -70, -20, 20, -30, 0))),
    ),
    "flr_overlaps_resection": edge(
        lambda: case(resection=outline(Role.PLANNED_RESECTION, "Resection", RIGHT, (-50, -20, 0, 30, -50, -40))),
        lambda: case(resection=outline(Role.PLANNED_RESECTION, "Resection", RIGHT, (-50, -10, 0, 20, -50, -40))),
    ),
    "flr_overlaps_tumor": edge(
        lambda: case(tumor=tumor(-20, -5, 0, 15, -80, -75, spacing_mm=5.0)),
        lambda: case(tumor=tumor(-20, 0, 0, 10, -80, -75, spacing_mm=5.0)),
    ),
    "flr_and_resection": edge(
        lambda: case(flr=outline(Role.FLR, "FLR", (-50, 50, -50, 50, -90, -20), (-50, 50, 0, 10, -100, -90))),
        lambda: case(flr=outline(Role.FLR, "FLR", (-50, 50, -50, 50, -90, -20), (-50, 50, 0, 30, -100, -90))),
    ),
    "normal_liver_differs": edge(
        lambda: case(extra=(of_volume(Role.NORMAL_LIVER, "Normal", 1690),)),
        lambda: case(extra=(of_volume(Role.NORMAL_LIVER, "Normal", 1689),)),
    ),
    "tumor_burden": edge(
        lambda: case(tumor=of_volume(Role.TUMOR, "Tumor", 801)),
        lambda: case(tumor=of_volume(Role.TUMOR, "Tumor", 800)),
    ),
    "islands": drawn(
        outline(Role.LIVER, "Liver", LIVER, (60, 75, 0, 15, -60, -55), spacing_mm=5.0),
        outline(Role.LIVER, "Liver", LIVER, (60, 80, 0, 10, -60, -55), spacing_mm=5.0),
    ),
    "tumor_pieces": drawn(
        outline(Role.TUMOR, "Tumor", TUMOR, (-90, -80, 0, 10, -60, -50)), STRUCTURES["tumor"], step=1.0
    ),
    "holes": drawn(LIVER_5MM(without=((0, 15, 0, 15, -60, -55),)), LIVER_5MM(without=((0, 20, 0, 10, -60, -55),))),
    "outline_coarse": edge(
        lambda: case(tumor=tumor(-140, -92, -16, 16, -80, -48, spacing_mm=16.0)),
        lambda: case(tumor=tumor(-140, -95, -15, 15, -80, -50, spacing_mm=15.0)),
    ),
    # the liver's middle lies at -50 mm
    "wrong_side": drawn(
        outline(Role.PERFUSED, "Right lobe", (-138, 50, -50, 50, -80, -20), spacing_mm=2.0),
        outline(Role.PERFUSED, "Right lobe", (-142, 50, -50, 50, -80, -20), spacing_mm=2.0),
        STRUCTURES["liver"],
        step=1.5,
    ),
    "liver_left_of_lungs": drawn(lungs_around(-52, 70), lungs_around(-48, 70), STRUCTURES["liver"], step=2.5),
    "liver_above_lungs": drawn(lungs_around(0, -62), lungs_around(0, -58), STRUCTURES["liver"], step=2.5),
    "liver_cut": edge(lambda: case(ct=ct_from(-95.4)), lambda: case(ct=ct_from(-95.6))),
    "lungs_cut": edge(lambda: case(ct=ct_up_to(135.4)), lambda: case(ct=ct_up_to(135.6))),
}


@pytest.mark.parametrize("check_id", EDGES)
def test_a_structure_check_is_raised_just_beyond_its_threshold_and_not_before(check_id):
    assert_edge(check_id, EDGES[check_id])


def messages(results, check_id):
    return [r.message for r in results if r.check.id == check_id]


def test_a_tumor_over_the_edge_is_reported_in_ml_and_percent():
    (message,) = messages(checked(case(tumor=tumor(-160, -110, 0, 20, -80, -60))), "tumor_outside_liver")
    assert message == "Tumor outside the liver (Tumor): 20 %, above 2 %; 4 mL of 20 mL"


def test_a_tumor_cut_out_of_the_outline_of_the_liver_lies_in_it_all_the_same():
    hollow = outline(Role.LIVER, "Liver", LIVER, without=(TUMOR,))
    found = {r.check.id for r in raised(checked(case(liver=hollow)))}
    assert "tumor_outside_liver" in found and "tumor_not_in_liver" not in found


def test_centimeters_taken_for_millimeters_are_named_instead_of_a_small_liver():
    results = raised(alone(scaled(STRUCTURES["liver"], 0.1)))
    assert [r.check.id for r in results if r.check.id.startswith("liver")] == ["liver_scale"]
    assert "1.6 mL, would be 1600 mL in the other unit" in results[0].message


def test_a_liver_a_thousand_times_too_large_is_named_too():
    assert "liver_scale" in [r.check.id for r in raised(alone(scaled(STRUCTURES["liver"], 10.0)))]


@pytest.mark.parametrize(
    ("label", "box", "swapped"),
    [
        ("Right lobe", RIGHT, False),
        ("Right lobe", LEFT, True),
        ("left lobe", RIGHT, True),
        ("Lobe gauche", LEFT, False),
        ("Rechter Lappen", LEFT, True),
        ("Segment 6", LEFT, False),
        ("Right and left", LEFT, False),
        ("Bright spot", LEFT, False),
    ],
)
def test_a_volume_on_the_side_its_name_does_not_say_is_noticed(label, box, swapped):
    results = alone(STRUCTURES["liver"], outline(Role.PERFUSED, label, box))
    assert [r.about for r in raised(results) if r.check.id == "wrong_side"] == [label] * swapped


def test_two_lungs_are_no_loose_pieces_and_stray_voxels_are_no_second_tumor():
    stray = outline(Role.TUMOR, "Tumor", (0, 20, 0, 20, 0, 20), (28, 32, 0, 4, 0, 4), spacing_mm=4.0)
    assert pieces_and_holes_ml(stray)[0] == pytest.approx([8.0, 0.064])
    results = alone(STRUCTURES["lungs"], stray)
    assert not {"islands", "tumor_pieces"} & {r.check.id for r in raised(results)}


def test_the_longest_edge_of_the_voxels_decides_what_they_resolve():
    long = grid((5.0, 5.0, 25.0), (400.0, 300.0, 400.0))
    (message,) = messages(raised(checked(case(plan(like=long)))), "tumor_below_resolution")
    assert message.endswith("1.99 voxels, below 2 voxels; 49.6 mm as a sphere, voxels of 25 mm")


def test_before_any_session_every_perfused_volume_counts_as_treated():
    structures = (STRUCTURES["liver"], STRUCTURES["perfused"], tumor(-60, 0, 0, 20, -80, -60))
    the_case = Case("test", structures)
    results = check_structures(the_case, compartments_of(the_case))
    (message,) = messages(raised(results), "lesion_outside_perfused")
    assert message.endswith("83.3 %, above 10 %; 20 mL of 24 mL")


def test_a_nested_volume_says_which_lies_in_which():
    (message,) = messages(raised(checked(two((-150, -100, -50, 0, -100, -20)))), "perfused_nested")
    assert message.endswith("Left lobe in Right lobe; 200 mL in both")


def test_what_needs_the_divided_liver_is_not_passed_without_it():
    divided = {r.check.id for r in checked(one_after_the_other(LEFT))} | {r.check.id for r in checked(two(LEFT))}
    results = {r.check.id: r.outcome for r in alone(*STRUCTURES.values())}
    assert {i for i, o in results.items() if o is Outcome.NOT_EVALUABLE} == set(FROM_COMPARTMENTS)
    assert set(FROM_COMPARTMENTS) - divided == {"normal_liver_differs"}  # judged where someone drew it


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(20, 10)])
def test_the_shared_volume_does_not_depend_on_the_grids(direction):
    like = grid((2.0, 2.0, 2.0), (120.0, 120.0, 120.0), (-60.0, 0.0, -60.0), direction)
    other = Structure(
        Role.FLR,
        "Box",
        sitk.Resample(
            outline(Role.FLR, "x", (-80, -20, -20, 20, -80, -40), spacing_mm=2.0).mask,
            like,
            sitk.Transform(),
            sitk.sitkNearestNeighbor,
            0,
        ),
    )
    assert shared_ml(other, STRUCTURES["perfused"]) == pytest.approx(30 * 40 * 40 / 1000, rel=0.03)
    assert shared_ml(STRUCTURES["perfused"], other) == shared_ml(other, STRUCTURES["perfused"])


def test_structures_that_never_meet_share_nothing():
    assert shared_ml(STRUCTURES["lungs"], STRUCTURES["perfused"]) == 0.0
    assert shared_ml(tumor(0, 10, 0, 10, 0, 10, spacing_mm=1.0), STRUCTURES["flr"]) == 0.0
    assert shared_ml(EMPTY, STRUCTURES["flr"]) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 0.9))
def test_pieces_and_holes_agree_with_labelling_voxels(seed, filling):
    array = (np.random.default_rng(seed).random((6, 7, 9)) < filling).astype(np.uint8)
    pieces, _ = ndimage.label(array)
    found, holes = pieces_and_holes_ml(Structure(Role.FLR, "x", filled(grid((10, 10, 10), (90, 70, 60)), array)))
    assert found == pytest.approx(np.sort(np.bincount(pieces.ravel())[1:])[::-1])
    assert holes == ndimage.binary_fill_holes(array).sum() - array.sum()
