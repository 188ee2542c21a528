"""Outlines that overlap become compartments that do not; nothing is lost or counted twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import FLIPPED, IDENTITY, box, ellipsoid, grid, rotation

from Y90DosimetryLib import compartments
from Y90DosimetryLib.case import Case
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.occupancy import Grid
from Y90DosimetryLib.structures import Role, Structure

CT = grid((2.0, 2.0, 2.0), (200.0, 160.0, 120.0))
LIVER = Structure(Role.LIVER, "Liver", ellipsoid(CT, (0, 0, 0), (80, 60, 45)))
TUMOR = Structure(Role.TUMOR, "Tumor 1", ellipsoid(CT, (-40, 0, 0), (15, 15, 15)))
SECOND = Structure(Role.TUMOR, "Tumor 2", ellipsoid(CT, (-20, 0, 0), (12, 12, 12)))
THROMBUS = Structure(Role.PVTT, "PVTT", ellipsoid(CT, (-30, 10, 0), (14, 5, 5)))
RIGHT = Structure(Role.PERFUSED, "Right lobe", box(CT, (-100, -100, -100), (0, 100, 100)))
SEGMENT = Structure(Role.PERFUSED, "Segment", box(CT, (-100, -100, -100), (-30, 100, 100)))


def divide(*structures: Structure):
    return compartments_of(Case("test", structures))


def test_compartments_tile_the_liver_exactly():
    parts = divide(LIVER, TUMOR, SECOND, THROMBUS, RIGHT, SEGMENT)
    assert parts.whole_ml == pytest.approx(LIVER.volume_ml, rel=1e-9)
    assert sum(parts.mask([i]).sum() for i in parts.everything) == LIVER.voxel_count
    assert parts.volume_ml(parts.inside(["Right lobe"])) == pytest.approx(LIVER.volume_ml / 2, rel=0.01)


def test_a_voxel_in_two_perfused_volumes_belongs_to_both():
    parts = divide(LIVER, TUMOR, RIGHT, SEGMENT)
    covers = {c.perfused for c in parts.items if not c.is_lesion}
    assert covers == {frozenset(), frozenset({"Right lobe"}), frozenset({"Right lobe", "Segment"})}


def test_the_smaller_tumor_keeps_an_overlap_and_a_tumor_keeps_it_before_a_thrombus():
    parts = divide(LIVER, TUMOR, SECOND, THROMBUS)
    assert parts.volume_ml(parts.lesion("Tumor 2")) == pytest.approx(SECOND.volume_ml)
    assert parts.volume_ml(parts.lesion("Tumor 1")) < TUMOR.volume_ml
    assert parts.volume_ml(parts.lesion("PVTT")) < THROMBUS.volume_ml


@settings(max_examples=20, deadline=None)
@given(st.permutations([LIVER, TUMOR, SECOND, THROMBUS, RIGHT, SEGMENT]))
def test_the_order_of_structures_does_not_matter(order):
    def table(parts):
        return {(c.role, c.label, c.perfused): c.volume_ml for c in parts.items}

    assert table(divide(*order)) == table(divide(LIVER, TUMOR, SECOND, THROMBUS, RIGHT, SEGMENT))


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(25, 10)])
def test_structures_on_different_grids_give_the_same_volumes(direction):
    fine = grid((1.0, 1.0, 1.0), (70.0, 70.0, 70.0), (-40.0, 0.0, 0.0), direction)
    tumor = Structure(Role.TUMOR, "Tumor 1", ellipsoid(fine, (-40, 0, 0), (15, 15, 15)))
    parts = divide(LIVER, tumor, RIGHT)
    assert parts.volume_ml(parts.lesion("Tumor 1")) == pytest.approx(tumor.volume_ml, rel=0.01)
    assert parts.whole_ml == pytest.approx(LIVER.volume_ml, rel=0.002)


def test_a_mask_with_another_extent_of_the_same_lattice_is_placed_exactly():
    crop = TUMOR.mask[20:60, 30:60, 15:45]
    assert crop.GetOrigin() != CT.GetOrigin()
    parts = divide(LIVER, Structure(Role.TUMOR, "Tumor 1", crop), RIGHT)
    assert parts.volume_ml(parts.lesion("Tumor 1")) == pytest.approx(TUMOR.volume_ml, rel=1e-9)


def test_a_tumor_drawn_over_the_edge_extends_the_liver():
    edge = Structure(Role.TUMOR, "Edge", ellipsoid(CT, (-78, 0, 0), (10, 10, 10)))
    parts = divide(LIVER, edge)
    assert parts.volume_ml(parts.lesion("Edge")) == pytest.approx(edge.volume_ml)
    assert LIVER.volume_ml < parts.whole_ml < LIVER.volume_ml + edge.volume_ml


def test_splitting_a_tumor_changes_nothing_but_the_number_of_tumors():
    left = Structure(Role.TUMOR, "a", TUMOR.mask * box(CT, (-40, -99, -99), (99, 99, 99)))
    right = Structure(Role.TUMOR, "b", TUMOR.mask * box(CT, (-99, -99, -99), (-40, 99, 99)))
    assert left.voxel_count + right.voxel_count == TUMOR.voxel_count
    whole, split = divide(LIVER, TUMOR, RIGHT), divide(LIVER, left, right, RIGHT)
    assert split.volume_ml(split.of_role(Role.TUMOR)) == pytest.approx(whole.volume_ml(whole.of_role(Role.TUMOR)))
    assert split.whole_ml == pytest.approx(whole.whole_ml)


def test_a_tumor_cut_out_of_the_liver_is_part_of_it_all_the_same():
    carved = Structure(Role.LIVER, "Liver", LIVER.mask * (1 - TUMOR.mask))
    parts = divide(carved, TUMOR, RIGHT)
    assert parts.whole_ml == pytest.approx(LIVER.volume_ml)
    assert parts.volume_ml(parts.lesion("Tumor 1")) == pytest.approx(TUMOR.volume_ml)


def test_a_thrombus_of_the_trunk_may_lie_beside_the_liver_but_not_anywhere():
    def trunk(x):
        return Structure(Role.PVTT, "Trunk", ellipsoid(CT, (x, 0, 0), (5, 4, 4)))

    assert divide(LIVER, trunk(93)).lesion("Trunk")
    with pytest.raises(GeometryError, match="wholly outside"):
        divide(Structure(Role.LIVER, "Liver", ellipsoid(CT, (-30, 0, 0), (60, 50, 40))), trunk(80))


def test_a_perfused_volume_cut_out_of_the_liver_is_refused_with_the_way_out():
    carved = Structure(Role.LIVER, "Liver", LIVER.mask * (1 - RIGHT.mask))
    with pytest.raises(GeometryError, match="'Right lobe' .* cut each other out"):
        divide(carved, RIGHT)


def test_impossible_structures_are_refused_with_the_way_out():
    away = Structure(Role.TUMOR, "Tumor 9", ellipsoid(CT, (95, 70, 55), (5, 5, 5)))
    empty = Structure(Role.TUMOR, "Nothing", CT_ZERO)
    with pytest.raises(GeometryError, match=r"'Tumor 9' .* lies wholly outside the liver.*left and right"):
        divide(LIVER, away)
    with pytest.raises(InputError, match="'Nothing' is empty"):
        divide(LIVER, empty)
    with pytest.raises(InputError, match="no structure has the role liver"):
        divide(TUMOR)
    with pytest.raises(InputError, match="2 structures are called liver"):
        divide(LIVER, Structure(Role.LIVER, "Liver 2", LIVER.mask))


CT_ZERO = ellipsoid(CT, (0, 0, 900), (1, 1, 1))


def test_a_lattice_too_fine_for_memory_is_refused_with_its_size_at_the_limit(monkeypatch):
    fine = Structure(Role.TUMOR, "Fine", ellipsoid(grid((0.5, 0.5, 0.5), (30, 30, 30)), (0, 0, 0), (10, 10, 10)))
    count = divide(LIVER, fine).codes.size
    assert count == pytest.approx(LIVER.box.size[0] * LIVER.box.size[1] * LIVER.box.size[2] * 64, rel=0.1)
    monkeypatch.setattr(compartments, "LARGEST_LATTICE_COUNT", count)
    assert divide(LIVER, fine).codes.size == count
    monkeypatch.setattr(compartments, "LARGEST_LATTICE_COUNT", count - 1)
    with pytest.raises(InputError, match=r"'Fine': on its voxels of 0.5 x 0.5 x 0.5 mm .* Resample this outline"):
        divide(LIVER, fine)


def many(role, count):
    """As many structures of one role, each two voxels wide, side by side in the liver."""
    made = []
    for number in range(count):
        x, y = -40 + 4 * (number % 20), -30 + 4 * (number // 20)
        made.append(Structure(role, f"{role} {number}", box(CT, (x, y, -2), (x + 4, y + 4, 2))))
    return made


def test_as_many_structures_as_the_codes_hold_are_taken_and_no_more():
    parts = divide(LIVER, *many(Role.PERFUSED, 16))
    assert {label for c in parts.items for label in c.perfused} == {f"perfused {n}" for n in range(16)}
    with pytest.raises(InputError, match="more than 16 perfused"):
        divide(LIVER, *many(Role.PERFUSED, 17))
    parts = divide(LIVER, *many(Role.TUMOR, 250))
    assert len(parts.lesion_labels) == 250 and parts.whole_ml == pytest.approx(LIVER.volume_ml)
    with pytest.raises(InputError, match="more than 250 lesions"):
        divide(LIVER, *many(Role.TUMOR, 251))


@pytest.mark.parametrize(("gap_mm", "is_near"), [(19.9, True), (20.1, False)])
def test_a_thrombus_may_lie_20_mm_from_the_liver(gap_mm, is_near):
    """Its nearest voxel so far from the liver's last; a tumor may only touch it."""
    fine = grid((1.0, 1.0, 1.0), (160.0, 40.0, 40.0))
    liver = Structure(Role.LIVER, "Liver", box(fine, (-70, -15, -15), (0, 15, 15)))
    far = round(gap_mm + 0.5 if is_near else gap_mm + 1)  # whole voxels: 20 and 21 mm between centers
    thrombus = Structure(Role.PVTT, "PVTT", box(fine, (far - 1, -5, -5), (far + 8, 5, 5)))
    if is_near:
        assert divide(liver, thrombus).of_role(Role.PVTT)
        return
    with pytest.raises(GeometryError, match="wholly outside"):
        divide(liver, thrombus)


@pytest.mark.parametrize(("shift_voxels", "is_same"), [(0.009, True), (0.011, False), (0.09, False)])
def test_a_grid_off_by_a_hundredth_of_a_voxel_is_the_same(shift_voxels, is_same):
    near = grid((2.0, 2.0, 2.0), (200.0, 160.0, 120.0), (2.0 * shift_voxels, 0, 0))
    assert compartments._same_lattice(Grid.of(near), Grid.of(CT)) is is_same
