"""The voxel kernel against published S values, analytic geometry and energy balance; the convolution against sums."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from Y90DosimetryLib.dosimetry.kernel import (
    VoxelKernel,
    convolve,
    mean_energy_mev,
    radial_energy,
    s_value_mgy_per_mbq_s,
    voxel_kernel,
)
from Y90DosimetryLib.errors import Cancelled, InputError

SOFT_TISSUE_G_ML = 1.04
OFFSETS = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0))
AGREEMENT = (0.005, 0.005, 0.01, 0.03, 0.09)

# mGy/(MBq s), soft tissue; Lanconelli et al., Phys Med Biol 2012;57:517, free database
LANCONELLI = {
    3.0: (1.59, 0.275, 0.0950, 0.0429, 0.0205),
    4.0: (0.858, 0.129, 0.0362, 0.0127, 0.00418),
    4.8: (0.573, 0.0763, 0.0178, 0.00507, 0.00111),
    6.0: (0.342, 0.0380, 0.00686, 0.00145, 1.31e-4),
}
# mGy/(MBq s); MIRD Pamphlet 17, Bolch et al., J Nucl Med 1999;40:11S
MIRD_17 = {3.0: 1.61, 6.0: 0.346}


def test_the_table_reaches_half_and_nine_tenths_of_its_energy_where_it_should():
    table = radial_energy()
    within = np.cumsum(table.energy_fraction)
    assert np.interp(0.50, within, table.outer_radius_mm) == pytest.approx(2.37, abs=0.01)
    assert np.interp(0.90, within, table.outer_radius_mm) == pytest.approx(5.46, abs=0.01)
    assert np.interp(11.0, table.outer_radius_mm, within) == pytest.approx(0.9959, abs=1e-4)
    assert table.reach_mm == 20.0


def test_default_energy_of_a_decay_belongs_to_50_joule_per_gbq():
    assert mean_energy_mev() == pytest.approx(0.93740, abs=1e-5)
    assert mean_energy_mev(49.96, 64.1) == pytest.approx(0.9367, abs=1e-4)


@pytest.mark.parametrize("edge_mm", LANCONELLI)
@pytest.mark.parametrize("place", range(len(OFFSETS)))
def test_s_values_agree_with_the_lanconelli_database(edge_mm, place):
    kernel = voxel_kernel((edge_mm,) * 3, SOFT_TISSUE_G_ML)
    ours = s_value_mgy_per_mbq_s(kernel, OFFSETS[place])
    assert ours == pytest.approx(LANCONELLI[edge_mm][place], rel=AGREEMENT[place])


@pytest.mark.parametrize("edge_mm", MIRD_17)
def test_self_dose_agrees_with_mird_pamphlet_17(edge_mm):
    ours = s_value_mgy_per_mbq_s(voxel_kernel((edge_mm,) * 3, SOFT_TISSUE_G_ML), (0, 0, 0))
    assert ours == pytest.approx(MIRD_17[edge_mm], rel=0.015)


def test_s_values_are_proportional_to_the_energy_of_a_decay():
    kernel = voxel_kernel((4.0, 4.0, 4.0), SOFT_TISSUE_G_ML)
    assert s_value_mgy_per_mbq_s(kernel, (1, 0, 0), 1.8) == pytest.approx(
        2 * s_value_mgy_per_mbq_s(kernel, (1, 0, 0), 0.9)
    )


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(*[st.floats(1.5, 30.0)] * 3),
    st.floats(0.7, 2.0),
)
def test_every_kernel_deposits_exactly_the_energy_of_the_table(spacing_mm, density_g_ml):
    kernel = voxel_kernel(spacing_mm, density_g_ml)
    assert kernel.energy_fraction == pytest.approx(radial_energy().energy_fraction.sum(), rel=1e-12)
    assert kernel.fractions.min() >= 0
    assert all(n % 2 == 1 for n in kernel.fractions.shape)


def test_a_kernel_of_cubic_voxels_is_the_same_along_every_axis_and_direction():
    fractions = voxel_kernel((4.0, 4.0, 4.0), SOFT_TISSUE_G_ML).fractions
    for order in permutations(range(3)):
        assert np.allclose(fractions, fractions.transpose(order), rtol=0, atol=1e-15)
    for axis in range(3):
        assert np.array_equal(fractions, np.flip(fractions, axis))


def test_spacing_is_x_y_z_and_the_array_is_z_y_x():
    kernel = voxel_kernel((2.0, 3.0, 5.0), 1.0)
    turned = voxel_kernel((5.0, 3.0, 2.0), 1.0)
    assert kernel.fractions.shape == (9, 15, 21)
    assert np.allclose(kernel.fractions, turned.fractions.transpose(2, 1, 0), atol=1e-15)
    assert kernel.fraction_at((1, 0, 0)) == kernel.fractions[4, 7, 11]
    assert kernel.fraction_at((1, 0, 0)) > kernel.fraction_at((0, 1, 0)) > kernel.fraction_at((0, 0, 1))
    assert kernel.fraction_at((11, 0, 0)) == kernel.fraction_at((-11, 0, 0)) == 0.0


@pytest.mark.parametrize("edge_mm", [20.0, 40.0])
def test_a_voxel_wider_than_the_range_keeps_the_share_that_geometry_says(edge_mm):
    """For a = r/h <= 1 the mean overlap of a cube with its copy shifted by r is 1 - 3a/2 + 2a²/pi - a³/(4 pi)."""
    table = radial_energy()
    a = (table.outer_radius_mm - 0.05) / edge_mm
    kept = np.sum(table.energy_fraction * (1 - 1.5 * a + 2 / np.pi * a**2 - a**3 / (4 * np.pi)))
    assert voxel_kernel((edge_mm,) * 3, 1.0).fraction_at((0, 0, 0)) == pytest.approx(kept, rel=3e-5)


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (1.0, 2.0, 3.0)])
def test_eight_small_voxels_make_one_large_voxel(spacing_mm):
    small = voxel_kernel(spacing_mm, 1.0)
    large = voxel_kernel(tuple(2 * s for s in spacing_mm), 1.0)
    for offset in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (0, 2, 1)):
        steps = [[(2 * o - 1, 1), (2 * o, 2), (2 * o + 1, 1)] for o in offset]  # pairs of halves this far apart
        total = sum(
            nx * ny * nz * small.fraction_at((x, y, z)) / 8
            for x, nx in steps[0]
            for y, ny in steps[1]
            for z, nz in steps[2]
        )
        assert large.fraction_at(offset) == pytest.approx(total, abs=5e-6)


@pytest.mark.parametrize("offset", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
def test_a_fraction_is_the_table_times_the_mean_overlap_over_all_directions(offset):
    """Written out with points on a spiral around the sphere and shells of a hundredth of a millimeter."""
    spacing_mm = np.array([1.0, 1.5, 2.0])
    table = radial_energy()
    shells = 60  # 6 mm: farther than any pair of points in these two voxels
    radii = (np.arange(10 * shells) + 0.5) / 100
    number = np.arange(3000) + 0.5
    height, turn = 1 - 2 * number / 3000, number * np.pi * (1 + np.sqrt(5))
    across = np.sqrt(1 - height**2)
    directions = np.stack([across * np.cos(turn), across * np.sin(turn), height])
    overlap = np.ones((radii.size, number.size))
    for axis in range(3):
        shift = radii[:, None] * directions[axis] / spacing_mm[axis] - offset[axis]
        overlap *= np.clip(1 - np.abs(shift), 0, None)
    expected = np.repeat(table.energy_fraction[:shells] / 10, 10) @ overlap.mean(axis=1)
    assert voxel_kernel(tuple(spacing_mm), 1.0).fraction_at(offset) == pytest.approx(expected, rel=3e-4)


@pytest.mark.parametrize("offsets", [((3, 0, 0), (2, 2, 1)), ((9, 0, 0), (8, 4, 1), (7, 4, 4), (6, 6, 3))])
def test_small_voxels_at_the_same_distance_absorb_the_same(offsets):
    kernel = voxel_kernel((1.0, 1.0, 1.0), 1.0)
    shares = [kernel.fraction_at(offset) for offset in offsets]
    assert shares == pytest.approx([shares[0]] * len(shares), rel=0.01)


def test_twice_the_density_acts_as_twice_the_distance():
    dense = voxel_kernel((3.0, 4.0, 5.0), 2.0)
    far = voxel_kernel((6.0, 8.0, 10.0), 1.0)
    assert np.allclose(dense.fractions, far.fractions, rtol=1e-12, atol=0)


# share of its energy that a uniform sphere in water keeps, by volume in mL
SPHERES = {1: 0.687, 10: 0.847, 100: 0.927, 1000: 0.964}


@pytest.mark.parametrize("volume_ml", SPHERES)
def test_the_table_gives_the_absorbed_fractions_of_spheres(volume_ml):
    """The overlap of a sphere of radius R with its copy shifted by r is 1 - 3r/4R + r³/16R³."""
    table = radial_energy()
    shift = (table.outer_radius_mm - 0.05) / sphere_radius_mm(volume_ml)
    overlap = np.where(shift < 2, 1 - 0.75 * shift + shift**3 / 16, 0.0)
    assert np.sum(table.energy_fraction * overlap) == pytest.approx(SPHERES[volume_ml], abs=6e-4)


@pytest.mark.parametrize(("volume_ml", "edge_mm"), [(1, 0.6), (10, 1.0), (100, 1.0), (1000, 1.5)])
def test_spheres_of_small_voxels_keep_the_same_share(volume_ml, edge_mm):
    radius = sphere_radius_mm(volume_ml) / edge_mm
    index = np.arange(-int(radius) - 1, int(radius) + 2)
    z, y, x = np.meshgrid(index, index, index, indexing="ij", sparse=True)
    inside = (z**2 + y**2 + x**2 < radius**2).astype(np.float32)
    energy = convolve(inside, voxel_kernel((edge_mm,) * 3, 1.0))
    assert (energy * inside).sum() / inside.sum() == pytest.approx(SPHERES[volume_ml], rel=0.01)


def sphere_radius_mm(volume_ml: float) -> float:
    return float((volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3))


def test_a_kernel_is_built_once_and_cannot_be_changed():
    kernel = voxel_kernel((4.0, 4.0, 4.0), SOFT_TISSUE_G_ML)
    assert voxel_kernel((4, 4, 4), SOFT_TISSUE_G_ML) is kernel
    with pytest.raises(ValueError, match="read-only"):
        kernel.fractions[0, 0, 0] = 1.0


@pytest.mark.parametrize("density_g_ml", [0.0, -1.0, 1040.0, float("nan")])
def test_a_density_in_another_unit_is_refused(density_g_ml):
    with pytest.raises(InputError, match="density"):
        voxel_kernel((4.0, 4.0, 4.0), density_g_ml)


@pytest.mark.parametrize("edge_mm", [0.0, -4.0, 0.004, float("nan"), float("inf")])
def test_an_impossible_voxel_is_refused(edge_mm):
    with pytest.raises(InputError, match="voxel size"):
        voxel_kernel((4.0, 4.0, edge_mm), 1.0)


KERNEL = voxel_kernel((4.0, 5.0, 3.0), SOFT_TISSUE_G_ML)


def summed(activity: np.ndarray) -> np.ndarray:
    """Return the convolution as plain sums in double precision."""
    return ndimage.convolve(np.asarray(activity, dtype=np.float64), KERNEL.fractions, mode="constant")


def close(result: np.ndarray, truth: np.ndarray) -> bool:
    return bool(np.abs(result - truth).max() <= 2e-6 * truth.max())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_convolution_is_the_plain_sum_wherever_the_activity_lies(data):
    shape = data.draw(st.tuples(*[st.integers(1, 13)] * 3))
    block = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in shape)
    activity = np.zeros(shape, dtype=np.float32)
    activity[block] = np.random.default_rng(data.draw(st.integers(0, 99))).random(activity[block].shape)
    assert close(convolve(activity, KERNEL), summed(activity))


def test_the_seams_between_slabs_do_not_show():
    even = VoxelKernel(np.full((7, 3, 5), 1 / 105), (4.0, 4.0, 4.0), 1.0)
    activity = np.random.default_rng(1).random((151, 6, 5))
    truth = ndimage.convolve(activity, even.fractions, mode="constant")
    assert close(convolve(activity, even), truth)


def test_a_gap_longer_than_a_slab_stays_empty():
    activity = np.zeros((200, 5, 5), dtype=np.float32)
    activity[3, 2, 2], activity[195, 1, 3] = 1.0, 2.0
    result = convolve(activity, KERNEL)
    assert close(result, summed(activity))
    assert not result[60:140].any()


def test_energy_is_conserved_away_from_the_border_and_lost_beyond_it():
    activity = np.zeros((31, 31, 31))
    activity[12:18, 14:17, 13:19] = 1e-7
    stays = convolve(activity, KERNEL).sum(dtype=np.float64) / activity.sum()
    assert stays == pytest.approx(KERNEL.energy_fraction, rel=1e-6)
    corner = np.zeros((31, 31, 31))
    corner[0, 0, 0] = 1.0
    z, y, x = KERNEL.reach
    assert convolve(corner, KERNEL).sum() == pytest.approx(KERNEL.fractions[z:, y:, x:].sum(), rel=1e-6)


def test_no_voxel_is_negative_and_what_is_out_of_reach_is_zero():
    activity = np.zeros((40, 40, 40), dtype=np.float32)
    activity[18, 20, 22], activity[25, 12, 15] = 1e6, 1.0
    result = convolve(activity, KERNEL)
    assert result.min() == 0.0
    assert not result[:10].any()
    assert not result[:, :, 30:].any()


def test_moving_the_source_moves_the_energy():
    activity = np.zeros((45, 40, 50), dtype=np.float32)
    activity[20:23, 17:20, 20:26] = np.random.default_rng(2).random((3, 3, 6))
    moved = np.roll(activity, (3, -2, 5), axis=(0, 1, 2))
    assert np.allclose(
        np.roll(convolve(activity, KERNEL), (3, -2, 5), axis=(0, 1, 2)), convolve(moved, KERNEL), atol=1e-6
    )


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_activity_of_any_type_and_layout_is_taken_and_left_as_it_was(kind):
    activity = np.asfortranarray(np.random.default_rng(3).integers(0, 100, (9, 10, 11)).astype(kind))[::-1]
    before = activity.copy()
    result = convolve(activity, KERNEL)
    assert result.dtype == np.float32
    assert close(result, summed(activity))
    assert np.array_equal(activity, before)


def test_no_activity_gives_no_energy():
    assert not convolve(np.zeros((4, 5, 6)), KERNEL).any()
    assert convolve(np.zeros((0, 5, 6)), KERNEL).shape == (0, 5, 6)


def test_activity_that_is_not_a_volume_is_refused():
    with pytest.raises(InputError, match="2 dimensions"):
        convolve(np.ones((4, 4)), KERNEL)


@pytest.mark.parametrize("planes", [90, 129, 200])
def test_progress_runs_from_nothing_to_all(planes):
    seen: list[float] = []
    convolve(np.ones((planes, 4, 4)), KERNEL, progress=lambda fraction, doing: seen.append(fraction))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 2


@pytest.mark.parametrize("planes", [4, 500])
@pytest.mark.parametrize("allowed_fraction", [0.0, 0.01])
def test_progress_can_stop_the_work(planes, allowed_fraction):
    def stop(fraction: float, doing: str) -> None:
        if fraction >= allowed_fraction:
            raise Cancelled

    with pytest.raises(Cancelled):
        convolve(np.ones((planes, 4, 4)), KERNEL, progress=stop)
