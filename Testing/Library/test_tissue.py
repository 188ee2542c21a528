"""Density from CT: the energy of a voxel is shared by the mass that lies in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from shapes import FLIPPED, IDENTITY, PERMUTED, constant, filled, grid, points_mm, rotation

from Y90DosimetryLib.case import DoseModel
from Y90DosimetryLib.cli import main
from Y90DosimetryLib.dosimetry.tissue import density_of, tissue_on
from Y90DosimetryLib.dosimetry.voxel import dose_image
from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import CtImage, voxel_ml

SPECT_MM = (4.4, 4.4, 4.8)
AIR_HU, LUNG_HU, LIVER_HU = -1000.0, -720.0, 55.0
K_GY_KG_PER_GBQ = 50.0


def lung_beside_liver(spacing_mm=(1.1, 1.1, 2.0), extent_mm=(130.0, 130.0, 110.0), direction=IDENTITY) -> CtImage:
    """A body of 100 x 100 x 80 mm in air: lung on the patient's right (x < 0), liver on the left."""
    like = grid(spacing_mm, extent_mm, direction=direction)
    x_mm, y_mm, z_mm = points_mm(like)
    body = (np.abs(x_mm) < 50) & (np.abs(y_mm) < 50) & (np.abs(z_mm) < 40)
    hu = np.where(body, np.where(x_mm < 0, LUNG_HU, LIVER_HU), AIR_HU)
    return CtImage(filled(like, hu.astype(np.float32)))


def body_like(extent_mm=(88.0, 88.0, 67.2)) -> sitk.Image:
    """Even activity in the middle of that body."""
    return constant(grid(SPECT_MM, extent_mm), 1.0)


def voxels_gy(image, ct, model=DoseModel.LOCAL, density_g_ml=1.04):
    return sitk.GetArrayFromImage(dose_of(image, ct, model, density_g_ml).image)


def dose_of(image, ct, model=DoseModel.LOCAL, density_g_ml=1.04):
    return dose_image(
        image, model=model, density_g_ml=density_g_ml, joule_per_gbq=K_GY_KG_PER_GBQ, total_gbq=2.0, ct=ct
    )


@pytest.mark.parametrize(
    ("hu", "g_ml"), [(-3024, 0.00121), (-1000, 0.00121), (-549, 0.466), (0, 1.018), (55, 1.068), (850, 1.520)]
)
def test_density_follows_the_published_curve(hu, g_ml):
    """Lung, water, soft tissue and bone on the corner points' straight lines (Schneider 2000)."""
    assert density_of(np.array([hu])) == pytest.approx([g_ml], abs=6e-4)


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, PERMUTED, rotation(25, 15)])
@pytest.mark.parametrize("spacing_mm", [(1.1, 1.1, 2.0), (4.4, 4.4, 4.8), (6.0, 6.0, 6.0)])
def test_the_mass_of_a_body_does_not_depend_on_the_voxels_of_ct_and_image(spacing_mm, direction):
    ct = lung_beside_liver(spacing_mm=spacing_mm, extent_mm=(240.0, 240.0, 240.0), direction=direction)
    image = grid(SPECT_MM, (140.8, 140.8, 120.0))
    tissue = tissue_on(image, ct, 1.04)
    in_ct = density_of(sitk.GetArrayFromImage(ct.image))
    expected_g = float(in_ct[in_ct > 0.01].sum(dtype=np.float64)) * voxel_ml(ct.image)
    assert tissue.seen.all()
    assert float(tissue.density_g_ml.sum(dtype=np.float64)) * voxel_ml(image) == pytest.approx(expected_g, rel=0.01)


@pytest.mark.parametrize("model", list(DoseModel))
def test_lung_gets_more_dose_than_liver_for_the_same_activity_as_it_weighs_less(model):
    image = body_like()
    gy, x_mm = voxels_gy(image, lung_beside_liver(), model), points_mm(image)[0]
    inside = np.s_[4:-4, 4:-4, 4:-4]
    lung, liver = gy[inside][x_mm[inside] < -12].mean(), gy[inside][x_mm[inside] > 12].mean()
    heavier = density_of(np.array([LIVER_HU]))[0] / density_of(np.array([LUNG_HU]))[0]
    assert lung / liver == pytest.approx(heavier, rel=1e-3)


def test_the_energy_is_that_of_the_activity_whatever_the_tissue():
    like = body_like()
    activity = np.random.default_rng(7).uniform(0, 5, size=like.GetSize()[::-1]).astype(np.float32)
    image, ct = filled(like, activity), lung_beside_liver()
    tissue = tissue_on(image, ct, 1.04)
    joule = float((voxels_gy(image, ct).astype(np.float64) * tissue.density_g_ml).sum()) * voxel_ml(image) / 1000
    assert joule == pytest.approx(K_GY_KG_PER_GBQ * 2.0, rel=1e-5)


def test_a_ct_of_one_tissue_changes_nothing_but_the_density():
    image, ct = body_like(), CtImage(constant(grid((2.0, 2.0, 2.0), (120.0, 120.0, 120.0)), -10.0))
    alone = voxels_gy(image, None, density_g_ml=float(density_of(np.array([-10.0]))[0]))
    assert voxels_gy(image, ct) == pytest.approx(alone, rel=1e-5)


def test_air_gets_no_dose_and_the_model_says_how_much_activity_lies_there():
    image = body_like((123.2, 88.0, 67.2))
    dose, x_mm = dose_of(image, lung_beside_liver()), points_mm(image)[0]
    gy = sitk.GetArrayFromImage(dose.image)
    assert not gy[np.abs(x_mm) > 55].any() and gy[np.abs(x_mm) < 45].all()
    in_air = float(dose.model.split("CT (")[1].split(" %")[0]) / 100
    assert in_air == pytest.approx(1 - 100 / 123.2, abs=2 * 4.4 / 123.2)  # a voxel partly filled is no air


def test_beyond_the_ct_the_given_density_stands_in_and_the_model_says_so():
    image, ct = body_like((61.6, 61.6, 201.6)), CtImage(constant(grid((2.0, 2.0, 2.0), (90.0, 90.0, 100.0)), -10.0))
    dose, plain = dose_of(image, ct), voxels_gy(image, None)
    gy = sitk.GetArrayFromImage(dose.image)
    assert gy[0] == pytest.approx(plain[0])
    assert gy[21] == pytest.approx(plain[21] * 1.04 / float(density_of(np.array([-10.0]))[0]), rel=1e-5)
    beyond = float(dose.model.split("g/mL for ")[1].split(" %")[0]) / 100
    assert beyond == pytest.approx(1 - 100 / 201.6, abs=4.8 / 201.6)


@pytest.mark.parametrize(
    ("ct", "error", "says"),
    [
        (constant(grid(extent_mm=(60.0, 60.0, 60.0)), 55.0), InputError, "lowest value is 55.*no Hounsfield units"),
        (constant(grid(extent_mm=(60.0, 60.0, 60.0)), math.nan), InputError, "not a number"),
        (constant(grid(extent_mm=(60.0, 60.0, 60.0), center_mm=(500, 0, 0)), -50.0), GeometryError, "do not overlap"),
    ],
)
def test_a_ct_that_cannot_tell_the_density_is_refused(ct, error, says):
    with pytest.raises(error, match=says):
        dose_of(constant(grid(SPECT_MM, (44.0, 44.0, 48.0)), 1.0), CtImage(ct))


def test_the_dose_command_takes_the_density_from_a_ct(tmp_path):
    image, ct, out = body_like(), lung_beside_liver(), tmp_path / "dose.nrrd"
    for name, one in (("spect", image), ("ct", ct.image)):
        sitk.WriteImage(one, str(tmp_path / f"{name}.nrrd"))
    arguments = ["dose", f"{tmp_path}/spect.nrrd", "--total-gbq", "2", "--ct", f"{tmp_path}/ct.nrrd", "--out", str(out)]
    assert main(arguments) == 0
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(out))) == pytest.approx(voxels_gy(image, ct), rel=1e-5)
