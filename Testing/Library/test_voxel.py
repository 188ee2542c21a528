"""Voxel doses: energy balance, units, grids, and the share of energy that leaves a region."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import ellipsoid, grid

from Y90DosimetryLib.case import DoseModel
from Y90DosimetryLib.dosimetry.kernel import mean_energy_mev, s_value_mgy_per_mbq_s, voxel_kernel
from Y90DosimetryLib.dosimetry.voxel import dose_image, energy_outside_fraction, kernel_dose_gy, local_dose_gy
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import array_of, same_grid, voxel_ml
from Y90DosimetryLib.occupancy import Grid, occupancy_of
from Y90DosimetryLib.physics import DEFAULT_HALF_LIFE_H, SECONDS_PER_HOUR
from Y90DosimetryLib.structures import Role, Structure

SPACING_MM = (4.0, 4.5, 5.0)
TISSUE = {"density_g_ml": 1.04, "joule_per_gbq": 50.0}


def image_of(array: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_mm)
    return image


def oblique(image: sitk.Image) -> sitk.Image:
    turned = sitk.Image(image)
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.3, -0.4, 0.5)
    turned.SetDirection((np.asarray(turn.GetMatrix()).reshape(3, 3) @ np.diag([1, -1, -1])).ravel().tolist())
    turned.SetOrigin((12.0, -34.0, 56.0))
    return turned


def blob(shape: tuple[int, int, int] = (24, 26, 28)) -> np.ndarray:
    counts = np.zeros(shape, dtype=np.float32)
    counts[8:16, 9:17, 9:19] = np.random.default_rng(5).random((8, 8, 10)) + 0.1
    return counts


def dose_of(array: np.ndarray, model: DoseModel, spacing_mm: tuple[float, float, float] = SPACING_MM) -> np.ndarray:
    """Return the dose in Gy of 1 GBq spread like the counts."""
    dose = dose_image(image_of(array, spacing_mm), model=model, total_gbq=1.0, **TISSUE)
    return sitk.GetArrayFromImage(dose.image)


def absorbed_j(dose_gy: np.ndarray, spacing_mm: tuple[float, float, float], density_g_ml: float) -> float:
    mass_kg = math.prod(spacing_mm) * 1e-6 * density_g_ml
    return float(dose_gy.sum(dtype=np.float64)) * mass_kg


def test_one_gbq_spread_evenly_over_one_kilogram_gives_50_gray():
    activity = np.full((10, 10, 10), 1e-3)
    dose = local_dose_gy(activity, voxel_ml=1.0, density_g_ml=1.0, joule_per_gbq=50.0)
    assert dose == pytest.approx(50.0)
    assert dose.dtype == np.float32


@settings(max_examples=20, deadline=None)
@given(
    spacing_mm=st.tuples(*[st.floats(2.0, 8.0)] * 3),
    density_g_ml=st.floats(0.9, 1.1),
    joule_per_gbq=st.floats(49.0, 50.0),
    total_gbq=st.floats(0.01, 20.0),
)
def test_local_deposition_absorbs_all_energy_in_the_image(spacing_mm, density_g_ml, joule_per_gbq, total_gbq):
    dose = dose_image(
        image_of(blob(), spacing_mm),
        model=DoseModel.LOCAL,
        density_g_ml=density_g_ml,
        joule_per_gbq=joule_per_gbq,
        total_gbq=total_gbq,
    )
    absorbed = absorbed_j(array_of(dose.image), spacing_mm, density_g_ml)
    assert absorbed == pytest.approx(joule_per_gbq * total_gbq, rel=1e-6)


def test_a_kernel_absorbs_what_its_table_holds_when_nothing_leaves_the_image():
    dose = dose_image(image_of(blob()), model=DoseModel.KERNEL, total_gbq=2.0, **TISSUE)
    kernel = voxel_kernel(SPACING_MM, TISSUE["density_g_ml"])
    absorbed = absorbed_j(array_of(dose.image), SPACING_MM, TISSUE["density_g_ml"])
    assert absorbed == pytest.approx(50.0 * 2.0 * kernel.energy_fraction, rel=1e-5)
    assert "0.4 % of the energy leaves the image" in dose.model


def test_energy_that_leaves_the_image_is_reported():
    dose = dose_image(image_of(np.ones((3, 3, 3))), model=DoseModel.KERNEL, total_gbq=2.0, **TISSUE)
    lost_fraction = 1 - absorbed_j(array_of(dose.image), SPACING_MM, TISSUE["density_g_ml"]) / 100.0
    assert lost_fraction > 0.2
    assert f"{lost_fraction * 100:.1f} % of the energy leaves the image" in dose.model


def test_a_point_source_gives_its_neighbor_the_s_value_times_the_number_of_decays():
    counts = np.zeros((15, 15, 15))
    counts[7, 7, 7] = 3.0
    dose = dose_of(counts, DoseModel.KERNEL)
    decays_mbq_s = 1e3 * DEFAULT_HALF_LIFE_H * SECONDS_PER_HOUR / math.log(2)
    kernel = voxel_kernel(SPACING_MM, TISSUE["density_g_ml"])
    energy_mev = mean_energy_mev(TISSUE["joule_per_gbq"], DEFAULT_HALF_LIFE_H)
    for offset in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)):
        x, y, z = offset
        expected_gy = s_value_mgy_per_mbq_s(kernel, offset, energy_mev) * decays_mbq_s / 1e3
        assert dose[7 + z, 7 + y, 7 + x] == pytest.approx(expected_gy, rel=1e-4)


def test_deep_inside_a_uniform_organ_both_models_agree_but_for_the_bremsstrahlung():
    activity = np.full((21, 21, 21), 1e-4)
    local = local_dose_gy(activity, math.prod(SPACING_MM) / 1000, 1.04, 50.0)
    spread = kernel_dose_gy(activity, SPACING_MM, 1.04, 50.0)
    kernel = voxel_kernel(SPACING_MM, 1.04)
    z, y, x = kernel.reach
    assert spread[10, 10, 10] / local[10, 10, 10] == pytest.approx(kernel.energy_fraction, rel=1e-5)
    assert spread[0, 0, 0] / local[0, 0, 0] == pytest.approx(kernel.fractions[z:, y:, x:].sum(), rel=1e-5)


@pytest.mark.parametrize("model", DoseModel)
def test_absolute_and_relative_activity_give_the_same_dose(model):
    concentration_bq_ml = blob() * 1e6
    image = image_of(concentration_bq_ml)
    total_gbq = float(concentration_bq_ml.sum(dtype=np.float64)) * voxel_ml(image) / 1e9
    absolute = dose_image(image, model=model, concentration_bq_ml=True, **TISSUE)
    relative = dose_image(image_of(blob()), model=model, total_gbq=total_gbq, **TISSUE)
    assert np.allclose(array_of(absolute.image), array_of(relative.image), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("model", DoseModel)
def test_a_uniform_concentration_gives_the_textbook_dose(model):
    """1 MBq/mL in tissue of 1 g/mL is 1 GBq/kg, so 50 Gy deep inside."""
    image = image_of(np.full((21, 21, 21), 1e6))
    dose = dose_image(image, model=model, density_g_ml=1.0, joule_per_gbq=50.0, concentration_bq_ml=True)
    assert array_of(dose.image)[10, 10, 10] == pytest.approx(50.0, rel=0.005)


@pytest.mark.parametrize("model", DoseModel)
def test_an_oblique_or_flipped_grid_changes_nothing_but_the_place(model):
    straight = image_of(blob())
    turned = oblique(straight)
    dose = dose_image(turned, model=model, total_gbq=1.0, **TISSUE)
    assert same_grid(dose.image, turned)
    assert not same_grid(dose.image, straight)
    expected = dose_image(straight, model=model, total_gbq=1.0, **TISSUE)
    assert np.array_equal(array_of(dose.image), array_of(expected.image))


@pytest.mark.parametrize("model", DoseModel)
def test_turning_the_voxels_and_their_spacing_turns_the_dose(model):
    x_mm, y_mm, z_mm = SPACING_MM
    turned = dose_of(np.ascontiguousarray(blob().transpose(2, 0, 1)), model, (y_mm, z_mm, x_mm))
    assert np.allclose(turned.transpose(1, 2, 0), dose_of(blob(), model), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("model", DoseModel)
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.float64])
def test_counts_may_be_of_any_type(model, kind):
    counts = np.rint(blob() * 200).astype(kind)
    dose = dose_image(image_of(counts), model=model, total_gbq=1.0, **TISSUE)
    expected = dose_image(image_of(counts.astype(np.float32)), model=model, total_gbq=1.0, **TISSUE)
    assert np.allclose(array_of(dose.image), array_of(expected.image), rtol=1e-6)
    assert dose.image.GetPixelID() == sitk.sitkFloat32


def test_the_dose_is_proportional_to_the_activity():
    one = dose_image(image_of(blob()), model=DoseModel.KERNEL, total_gbq=1.0, **TISSUE)
    three = dose_image(image_of(blob()), model=DoseModel.KERNEL, total_gbq=3.0, **TISSUE)
    assert np.allclose(array_of(three.image), 3 * array_of(one.image), rtol=1e-6)


def test_the_result_names_its_model_and_constants():
    local = dose_image(image_of(blob()), model=DoseModel.LOCAL, total_gbq=1.0, density_g_ml=1.03, joule_per_gbq=49.67)
    assert local.model == "local deposition, 49.67 J/GBq, 1.03 g/mL, complete decay"
    kernel = dose_image(image_of(blob()), model=DoseModel.KERNEL, total_gbq=1.0, **TISSUE)
    assert kernel.model.startswith("kernel convolution (research")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no activity is given"),
        ({"total_gbq": 1.0, "concentration_bq_ml": True}, "both as a total and in Bq/mL"),
        ({"total_gbq": 0.0}, "activity in GBq is 0"),
        ({"total_gbq": -1.0}, "activity in GBq is -1"),
        ({"total_gbq": float("nan")}, "activity in GBq is nan"),
        ({"total_gbq": 1.0, "density_g_ml": 0.0}, "density is 0 g/mL"),
        ({"total_gbq": 1.0, "density_g_ml": 1040.0}, "density is 1040 g/mL.*soft tissue is 1.04"),
        ({"total_gbq": 1.0, "joule_per_gbq": -50.0}, "J/GBq is -50"),
    ],
)
def test_impossible_requests_are_refused(given, says):
    with pytest.raises(InputError, match=says):
        dose_image(image_of(blob()), model=DoseModel.LOCAL, **{**TISSUE, **given})


@pytest.mark.parametrize(
    ("value", "says"), [(-1.0, "1 voxels are negative"), (np.nan, "not a number"), (np.inf, "not a number")]
)
@pytest.mark.parametrize("model", DoseModel)
def test_impossible_counts_are_refused(model, value, says):
    counts = blob()
    counts[0, 0, 0] = value
    with pytest.raises(InputError, match=says):
        dose_image(image_of(counts), model=model, total_gbq=1.0, **TISSUE)


def test_an_empty_image_is_refused():
    with pytest.raises(InputError, match="no voxel is above zero"):
        dose_image(image_of(np.zeros((3, 3, 3))), model=DoseModel.LOCAL, total_gbq=1.0, **TISSUE)


def test_energy_leaving_a_uniform_sphere_is_what_geometry_says():
    """100 mL in water keep 0.927 of the energy (mean overlap of a sphere with its shifted copy)."""
    edge_mm = 1.0
    radius = (100e3 * 3 / (4 * np.pi)) ** (1 / 3) / edge_mm
    index = np.arange(-30, 31)
    z, y, x = np.meshgrid(index, index, index, indexing="ij", sparse=True)
    inside = (z**2 + y**2 + x**2 < radius**2).astype(np.float64)
    kernel = voxel_kernel((edge_mm,) * 3, 1.0)
    assert energy_outside_fraction(inside, inside, kernel) == pytest.approx(1 - 0.927, abs=0.003)


@pytest.mark.parametrize(("edge_mm", "expected_fraction"), [(2.0, 0.09), (4.0, 0.12)])
def test_energy_leaving_a_sphere_on_coarse_voxels_is_an_upper_estimate(edge_mm, expected_fraction):
    """Methods, section 7: 100 mL of water lose 7.3 %; voxels at the edge, evenly filled, make it more."""
    radius_mm = (100e3 * 3 / (4 * math.pi)) ** (1 / 3)
    fine = grid((1.0, 1.0, 1.0), (72.0, 72.0, 72.0))
    sphere = Structure(Role.TUMOR, "Sphere", ellipsoid(fine, (0, 0, 0), (radius_mm,) * 3))
    part = occupancy_of(sphere, Grid.of(grid((edge_mm,) * 3, (100.0, 100.0, 100.0))))
    inside = part.volume_ml / (edge_mm**3 / 1000)
    outside = energy_outside_fraction(inside, inside, voxel_kernel((edge_mm,) * 3, 1.0))
    assert outside > 1 - 0.927
    assert outside == pytest.approx(expected_fraction, abs=0.005)


def test_energy_leaving_a_half_filled_voxel_counts_its_share():
    kernel = voxel_kernel(SPACING_MM, 1.0)
    outside = energy_outside_fraction(np.full((1, 1, 1), 7.0), np.full((1, 1, 1), 0.5), kernel)
    assert outside == pytest.approx(1 - 0.5 * kernel.fraction_at((0, 0, 0)), rel=1e-6)


def test_a_region_as_large_as_the_range_loses_only_the_bremsstrahlung():
    kernel = voxel_kernel(SPACING_MM, 1.04)
    activity = np.zeros((21, 21, 21))
    activity[10, 10, 10] = 1.0
    assert energy_outside_fraction(activity, np.ones_like(activity), kernel) == pytest.approx(
        1 - kernel.energy_fraction, abs=1e-6
    )


def test_energy_leaving_a_region_needs_activity_and_one_grid():
    kernel = voxel_kernel(SPACING_MM, 1.04)
    with pytest.raises(InputError, match="no activity"):
        energy_outside_fraction(np.zeros((3, 3, 3)), np.ones((3, 3, 3)), kernel)
    with pytest.raises(InputError, match="same block"):
        energy_outside_fraction(np.ones((3, 3, 3)), np.ones((3, 3, 4)), kernel)
