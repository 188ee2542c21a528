"""Diameters, margins and coverage of analytic shapes."""

import numpy as np
import pytest
from shapes import FLIPPED, IDENTITY, box, ellipsoid, grid, rotation

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.geometry import (
    center_mm,
    covered_fraction,
    covered_to_a_voxel,
    longest_diameter_mm,
    smallest_margin_mm,
)
from Y90DosimetryLib.structures import Role, Structure

CT = grid((1.0, 1.0, 2.0), (200.0, 120.0, 120.0))
LIVER = Structure(Role.LIVER, "Liver", box(CT, (-80, -50, -50), (80, 50, 50)))
RIGHT = Structure(Role.PERFUSED, "Right", box(CT, (-100, -60, -60), (0, 60, 60)))


def tumor(center, radius=10.0):
    return Structure(Role.TUMOR, "T", ellipsoid(CT, center, (radius,) * 3))


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(30, 20)])
def test_the_longest_diameter_of_an_ellipsoid_is_its_long_axis_on_any_grid(direction):
    like = grid((1.0, 1.0, 1.5), (100.0, 100.0, 100.0), direction=direction)
    found = longest_diameter_mm(Structure(Role.TUMOR, "T", ellipsoid(like, (0, 0, 0), (30, 12, 12))))
    assert found == pytest.approx(60.0, abs=2.0)


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8, 0.8), (0.8, 0.8, 2.5), (1.0, 1.0, 5.0), (2.0, 2.0, 2.0)])
def test_the_diameter_of_a_sphere_does_not_grow_with_the_voxels(spacing_mm):
    """A tumor of 49 mm is within the Milan criteria, whatever the thickness of the slices."""
    like = grid(spacing_mm, (60.0, 60.0, 60.0), (0.3, 0.1, -0.4))
    sphere = Structure(Role.TUMOR, "T", ellipsoid(like, (0, 0, 0), (24.5, 24.5, 24.5)))
    assert longest_diameter_mm(sphere) == pytest.approx(49.0, abs=0.6)


def test_one_voxel_measures_its_diagonal_and_nothing_measures_zero():
    like = grid((1.0, 2.0, 2.0), (11.0, 10.0, 10.0))
    assert longest_diameter_mm(
        Structure(Role.TUMOR, "T", ellipsoid(like, (0, 0, 0), (0.4, 0.4, 0.4)))
    ) == pytest.approx(3.0)
    assert longest_diameter_mm(Structure(Role.TUMOR, "T", ellipsoid(like, (99, 0, 0), (1, 1, 1)))) == 0.0


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(30, 20)])
def test_the_center_is_where_the_ellipsoid_was_put(direction):
    like = grid((1.0, 1.0, 1.5), (100.0, 100.0, 100.0), direction=direction)
    found = center_mm(Structure(Role.TUMOR, "T", ellipsoid(like, (7, -5, 3), (20, 12, 12))))
    assert found == pytest.approx((7, -5, 3), abs=0.05)


@pytest.mark.parametrize("gap_mm", [1.0, 5.0, 10.0, 18.0])
def test_the_margin_is_the_gap_between_tumor_and_untreated_liver(gap_mm):
    parts = compartments_of(Case("t", (LIVER, RIGHT, tumor((-10.0 - gap_mm, 0.0, 0.0)))))
    assert smallest_margin_mm(parts, "T", frozenset({"Right"})) == pytest.approx(gap_mm, abs=1.0)


@pytest.mark.parametrize("gap_mm", [0.0, 1.0, 4.0, 10.0, 25.0])
def test_the_margin_of_boxes_is_exact_between_faces(gap_mm):
    cube = Structure(Role.TUMOR, "T", box(CT, (-40, -10, -10), (-gap_mm, 10, 10)))
    parts = compartments_of(Case("t", (LIVER, RIGHT, cube)))
    assert smallest_margin_mm(parts, "T", frozenset({"Right"})) == pytest.approx(gap_mm)


def test_the_margin_along_the_slices_is_right_where_voxels_are_thicker():
    lower = Structure(Role.PERFUSED, "Lower", box(CT, (-100, -60, -60), (100, 60, 0)))
    parts = compartments_of(Case("t", (LIVER, lower, tumor((0.0, 0.0, -20.0)))))
    assert smallest_margin_mm(parts, "T", frozenset({"Lower"})) == pytest.approx(10.0, abs=2.0)


def test_the_surface_of_the_liver_is_no_margin():
    parts = compartments_of(Case("t", (LIVER, RIGHT, tumor((-70.0, 0.0, 0.0)))))
    assert smallest_margin_mm(parts, "T", frozenset({"Right"})) is None


def test_a_tumor_half_outside_has_no_margin_and_half_its_coverage():
    parts = compartments_of(Case("t", (LIVER, RIGHT, tumor((0.0, 0.0, 0.0)))))
    assert smallest_margin_mm(parts, "T", frozenset({"Right"})) == 0.0
    assert covered_fraction(parts, "T", frozenset({"Right"})) == pytest.approx(0.5, abs=0.01)
    assert np.isclose(
        covered_fraction(
            compartments_of(Case("t", (LIVER, RIGHT, tumor((-30.0, 0.0, 0.0))))), "T", frozenset({"Right"})
        ),
        1,
    )


@pytest.mark.parametrize(("over_mm", "is_covered"), [(-2.0, True), (0.0, True), (1.0, True), (2.0, False)])
def test_one_voxel_over_the_edge_is_no_miss_and_two_are(over_mm, is_covered):
    cube = Structure(Role.TUMOR, "T", box(CT, (-40, -10, -10), (over_mm, 10, 10)))
    parts = compartments_of(Case("t", (LIVER, RIGHT, cube)))
    assert covered_to_a_voxel(parts, "T", frozenset({"Right"})) is is_covered
    assert covered_fraction(parts, "T", frozenset({"Right"})) == pytest.approx(min(1.0, 40 / (40 + over_mm)))


def test_a_lesion_beside_the_perfused_volume_is_not_covered_however_thin():
    sheet = Structure(Role.TUMOR, "T", box(CT, (0, -10, -10), (1, 10, 10)))
    parts = compartments_of(Case("t", (LIVER, RIGHT, sheet)))
    assert not covered_to_a_voxel(parts, "T", frozenset({"Right"}))
