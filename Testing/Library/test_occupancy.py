"""A structure's share of an image does not depend on the voxels of either."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import FLIPPED, IDENTITY, PERMUTED, constant, ellipsoid, grid, points_mm, rotation

from Y90DosimetryLib.occupancy import Grid, excluding, occupancy_of, union
from Y90DosimetryLib.structures import Role, Structure

SPECT_MM = (4.4, 4.4, 4.4)
DIRECTIONS = [IDENTITY, FLIPPED, PERMUTED, rotation(20), rotation(30, 15)]


def sphere_ml(volume_ml: float, spacing_mm=(1.0, 1.0, 1.0), direction=IDENTITY, center_mm=(0.0, 0.0, 0.0)):
    radius = (volume_ml * 1000 * 3 / (4 * math.pi)) ** (1 / 3)
    like = grid(spacing_mm, (60, 60, 60), center_mm, direction)
    return Structure(Role.TUMOR, "sphere", ellipsoid(like, center_mm, (radius,) * 3))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("target_direction", DIRECTIONS)
def test_a_10_ml_sphere_keeps_its_volume_on_spect_voxels_in_any_orientation(direction, target_direction):
    sphere = sphere_ml(10.0, direction=direction)
    spect = grid(SPECT_MM, (180, 180, 180), (3.1, -2.2, 1.7), target_direction)
    assert occupancy_of(sphere, Grid.of(spect)).total_ml == pytest.approx(sphere.volume_ml, rel=1e-5)
    assert sphere.volume_ml == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize("shift_mm", [0.0, 0.9, 2.2, 3.7])
def test_counts_of_a_uniform_source_in_a_10_ml_sphere_are_its_volume_times_the_concentration(shift_mm):
    spect = constant(grid(SPECT_MM, (180, 180, 180), (shift_mm, -shift_mm, shift_mm / 2)), 7.0)
    counts = occupancy_of(sphere_ml(10.0), Grid.of(spect)).integral(sitk.GetArrayFromImage(spect))
    assert counts == pytest.approx(70.0, rel=0.01)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("target_direction", [IDENTITY, PERMUTED, rotation(10)])
def test_the_center_of_gravity_stays_where_the_structure_is(direction, target_direction):
    center = (12.0, -7.0, 5.0)
    off_center = np.add(center, (9.0, -6.0, 4.0))  # of its own grid, so that a forgotten flip would move it
    sphere = Structure(
        Role.TUMOR, "sphere", ellipsoid(grid((1, 1, 1), (70, 70, 70), off_center, direction), center, (12, 12, 12))
    )
    spect = grid(SPECT_MM, (180, 180, 180), direction=target_direction)
    part = occupancy_of(sphere, Grid.of(spect))
    weights = np.zeros(spect.GetSize()[::-1])
    weights[part.box.slices] = part.volume_ml
    found = (points_mm(spect) * weights).reshape(3, -1).sum(axis=1) / weights.sum()
    own = points_mm(sphere.mask)[:, sitk.GetArrayFromImage(sphere.mask) > 0].mean(axis=1)
    assert own == pytest.approx(center, abs=0.2)
    assert found == pytest.approx(own, abs=0.1)


def test_a_voxel_that_holds_half_a_mask_voxel_gets_half_its_volume():
    mask = constant(grid((2, 2, 2), (2, 2, 2)), 1.0)
    target = grid((2, 2, 2), (8, 2, 2), (1.0, 0.0, 0.0))  # centers at -2, 0, 2, 4: shifted by one voxel
    half = grid((2, 2, 2), (8, 2, 2), (2.0, 0.0, 0.0))  # centers at -1, 1, 3, 5: cuts the voxel in two
    structure = Structure(Role.TUMOR, "voxel", sitk.Cast(mask, sitk.sitkUInt8))
    assert occupancy_of(structure, Grid.of(target)).volume_ml.max() == pytest.approx(0.008)
    assert sorted(occupancy_of(structure, Grid.of(half)).volume_ml[0, 0])[-2:] == pytest.approx([0.004, 0.004])


def test_what_lies_outside_the_image_is_not_counted():
    sphere = sphere_ml(10.0)
    cut = grid(SPECT_MM, (88, 88, 88), (44.0, 0.0, 0.0))  # begins at x = 0, the middle of the sphere
    assert occupancy_of(sphere, Grid.of(cut)).total_ml == pytest.approx(sphere.volume_ml / 2, rel=0.01)
    oblique = grid(SPECT_MM, (88, 88, 88), (44.0, 0.0, 0.0), rotation(0, 20))
    assert occupancy_of(sphere, Grid.of(oblique)).total_ml == pytest.approx(sphere.volume_ml / 2, rel=0.02)
    away = grid(SPECT_MM, (88, 88, 88), (400.0, 0.0, 0.0))
    assert occupancy_of(sphere, Grid.of(away)).total_ml == 0.0


def test_a_mask_coarser_than_the_image_keeps_its_volume_too():
    coarse = sphere_ml(33.0, spacing_mm=(5.0, 5.0, 6.0))
    fine = grid((1.0, 1.0, 1.5), (80, 80, 80))
    assert occupancy_of(coarse, Grid.of(fine)).total_ml == pytest.approx(coarse.volume_ml, rel=1e-5)


def test_union_adds_disjoint_parts_and_excluding_takes_touched_voxels_away():
    image = Grid.of(grid((2, 2, 2), (80, 40, 40)))
    left = occupancy_of(sphere_ml(2.0, center_mm=(20.0, 0.0, 0.0)), image)
    right = occupancy_of(sphere_ml(2.0, center_mm=(-20.0, 0.0, 0.0)), image)
    both = union([left, right])
    assert both.total_ml == pytest.approx(left.total_ml + right.total_ml)
    assert excluding(both, left).total_ml == pytest.approx(right.total_ml)
    assert excluding(right, left).total_ml == pytest.approx(right.total_ml)


@settings(max_examples=25, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(1.0, 9.0)] * 3),
    shift=st.tuples(*[st.floats(-6.0, 6.0)] * 3),
    turned=st.sampled_from(DIRECTIONS),
)
def test_volume_is_conserved_on_any_grid_that_covers_it(spacing, shift, turned):
    sphere = sphere_ml(4.0, spacing_mm=(1.5, 1.5, 2.0))
    image = grid(spacing, (120, 120, 120), shift, turned)
    assert occupancy_of(sphere, Grid.of(image)).total_ml == pytest.approx(sphere.volume_ml, rel=1e-4)


def counted(structure: Structure, values: np.ndarray, angle: float, about_x: float = 0.0) -> float:
    """The integral of an image of the given voxels whose grid is turned about its middle."""
    return occupancy_of(structure, turned(angle, about_x)).integral(values)


def turned(angle: float, about_x: float = 0.0) -> Grid:
    return Grid.of(grid(SPECT_MM, (110, 110, 110), (1.1, -0.7, 0.4), rotation(angle, about_x)))


UNEVEN = np.random.default_rng(3).uniform(0.0, 100.0, (25, 25, 25))
"""Neighbors that differ by far more than those of any SPECT: each misplaced part of a voxel shows."""


@pytest.mark.parametrize("spacing_mm", [(1, 1, 1), (0.8, 0.8, 5), (3.5, 3.5, 3.5), (5, 5, 5), (7, 7, 7)])
def test_an_integral_passes_through_zero_degrees_without_a_step(spacing_mm):
    sphere = sphere_ml(8.0, spacing_mm)
    straight = counted(sphere, UNEVEN, 0.0)
    for degrees in (-0.011, -1e-4, 1e-6, 1e-5, 5.7e-5, 6e-5, 1e-3, 0.005, 0.006, 0.011):
        assert counted(sphere, UNEVEN, degrees) == pytest.approx(straight, rel=1e-3), degrees
        assert counted(sphere, UNEVEN, 90 + degrees) == pytest.approx(counted(sphere, UNEVEN, 90), rel=1e-3)


def by_points(structure: Structure, target: Grid, points: int = 1500) -> np.ndarray:
    """The same by evenly scattered points in each voxel of the mask (additive recurrence), in mL."""
    own = Grid.of(structure.mask).cropped(structure.box)
    z, y, x = np.nonzero(structure.cropped())
    found = np.zeros(int(np.prod(target.size)))
    for number in range(points):
        offset = (0.5 + np.array([0.8191725, 0.6710436, 0.5497005]) * number) % 1 - 0.5
        at = own.axes @ ((np.stack([x, y, z]) + offset[:, None]) * np.array(own.spacing_mm)[:, None])
        at += (np.array(own.origin_mm) - target.origin_mm)[:, None]
        index = np.rint(target.axes.T @ at / np.array(target.spacing_mm)[:, None]).astype(int)
        found += np.bincount(np.ravel_multi_index(index[::-1], target.size[::-1]), minlength=found.size)
    return found.reshape(target.size[::-1]) * own.voxel_ml / points


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8, 5), (3.5, 3.5, 3.5), (7, 7, 7)])
@pytest.mark.parametrize("angles", [(0.5, 0.2), (10, 5), (20, 35), (45, 0)])
def test_volume_and_counts_hold_at_any_angle(spacing_mm, angles):
    sphere, target = sphere_ml(8.0, spacing_mm), turned(*angles)
    part = occupancy_of(sphere, target)
    assert part.total_ml == pytest.approx(sphere.volume_ml, rel=1e-6)
    expected = by_points(sphere, target)
    middle = np.indices(expected.shape) - 12.0
    source = 100.0 * np.exp(-((middle**2).sum(axis=0)) / 18.0)  # as smooth as a SPECT shows a lesion
    assert part.integral(source) == pytest.approx((expected * source).sum(), rel=1e-3)
    filled = np.zeros_like(expected)
    filled[part.box.slices] = part.volume_ml
    assert np.abs(filled - expected).max() < 0.1 * target.voxel_ml


def test_boxes_are_joined_inside_only():
    """One voxel more or less at the edge changes the volume by one voxel, at any angle."""
    sphere = sphere_ml(8.0)
    array = sitk.GetArrayFromImage(sphere.mask)
    array[tuple(np.argwhere(array)[0])] = 0
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(sphere.mask)
    less = Structure(Role.TUMOR, "less", image)
    for angles in ((0.01, 0), (3, 1), (40, 30)):
        apart_ml = occupancy_of(sphere, turned(*angles)).total_ml - occupancy_of(less, turned(*angles)).total_ml
        assert apart_ml == pytest.approx(0.001, rel=1e-3)
