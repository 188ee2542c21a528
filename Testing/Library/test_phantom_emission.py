"""The digital patient's SPECT and PET integrate to its truth, and its true doses obey the formulas."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from math import log, sqrt

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from Y90DosimetryLib.case import Infusion, Settings, Vial
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.phantom import DigitalPatient, PhantomSettings, Tissue, Variant, Zone, digital_patient
from Y90DosimetryLib.phantom.anatomy import THROMBUS_LABEL
from Y90DosimetryLib.phantom.ct import lung_mass_g
from Y90DosimetryLib.phantom.emission import detected, rotation_matrix
from Y90DosimetryLib.phantom.settings import TUMOR_1, TUMOR_2
from Y90DosimetryLib.phantom.solids import Ellipsoid
from Y90DosimetryLib.phantom.treatments import PET_AT, WEDNESDAY
from Y90DosimetryLib.phantom.truth import net_activities_gbq, true_doses
from Y90DosimetryLib.structures import Role

SHARP = PhantomSettings(poisson_noise=False, spect_fwhm_mm=0.0, pet_fwhm_mm=0.0)
BLURRED = PhantomSettings(poisson_noise=False)

patient_of = cache(digital_patient)


@pytest.fixture(scope="module")
def patient() -> DigitalPatient:
    return patient_of()


@pytest.fixture(scope="module")
def sharp() -> DigitalPatient:
    return patient_of(SHARP)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image).astype(np.float64)


def centers_mm(image: sitk.Image) -> np.ndarray:
    z, y, x = np.indices(image.GetSize()[::-1])
    index = np.stack([x, y, z], axis=-1) * np.array(image.GetSpacing())
    return index @ np.array(image.GetDirection()).reshape(3, 3).T + np.array(image.GetOrigin())


def centroid_mm(image: sitk.Image) -> np.ndarray:
    z, y, x = ndimage.center_of_mass(array(image))
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint((x, y, z)))


def value_at(image: sitk.Image, point_mm: tuple[float, float, float]) -> float:
    return float(image[image.TransformPhysicalPointToIndex(point_mm)])


def uptake_ml(patient: DigitalPatient) -> np.ndarray:
    """What each voxel of the SPECT holds, as mL of perfused normal liver."""
    liver_ml = sum(t.concentration_ratio * t.volume_ml for t in patient.tissues if t.zones)
    total_ml = liver_ml / (1 - patient.settings.lung_shunt_fraction)
    return array(patient.maa.image) * total_ml / patient.settings.spect_counts


# SPECT


def test_counts_without_blur_and_noise_integrate_to_the_truth(sharp: DigitalPatient) -> None:
    assert array(sharp.maa.image).sum() == pytest.approx(SHARP.spect_counts, rel=3e-4)


@pytest.mark.parametrize("label", ["Tumor 1", "Tumor 2", THROMBUS_LABEL])
def test_a_lesion_holds_its_volume_times_its_ratio(sharp: DigitalPatient, label: str) -> None:
    lesions = tuple(replace(x, concentration_ratio=1.0) if x.label == label else x for x in SHARP.lesions)
    thrombus_ratio = 1.0 if label == THROMBUS_LABEL else SHARP.thrombus_ratio
    like_normal = patient_of(replace(SHARP, lesions=lesions, thrombus_ratio=thrombus_ratio, lung_shunt_fraction=0.0))
    no_shunt = patient_of(replace(SHARP, lung_shunt_fraction=0.0))
    (lesion,) = (t for t in sharp.tissues if t.label == label)
    gained_ml = uptake_ml(no_shunt) - uptake_ml(like_normal)
    assert gained_ml.sum() == pytest.approx((lesion.concentration_ratio - 1) * lesion.volume_ml, rel=2e-3)
    middle_mm = (centers_mm(sharp.maa.image) * gained_ml[..., None]).sum(axis=(0, 1, 2)) / gained_ml.sum()
    np.testing.assert_allclose(middle_mm, np.mean(lesion.solid.bounds_mm, axis=0), atol=0.05)


@pytest.mark.parametrize("ratios", [(4.0, 2.5), (1.0, 7.0), (0.0, 1.0)])
def test_the_chosen_tumor_to_normal_ratio_is_in_the_image(ratios: tuple[float, float]) -> None:
    lesions = tuple(replace(x, concentration_ratio=r) for x, r in zip((TUMOR_1, TUMOR_2), ratios, strict=True))
    maa = patient_of(replace(SHARP, lesions=lesions)).maa.image
    normal = value_at(maa, (-95.0, -30.0, 40.0))
    assert normal > 0
    for lesion in lesions:
        assert value_at(maa, lesion.center_mm) / normal == pytest.approx(lesion.concentration_ratio, rel=1e-6)


@pytest.mark.parametrize("lung_shunt_fraction", [0.0, 0.05, 0.3])
def test_the_lungs_share_of_the_counts_is_the_lung_shunt_fraction(lung_shunt_fraction: float) -> None:
    image = patient_of(replace(SHARP, lung_shunt_fraction=lung_shunt_fraction)).maa.image
    without = array(patient_of(replace(SHARP, lung_shunt_fraction=0.0)).maa.image)
    z_mm = centers_mm(image)[..., 2]
    below, above = z_mm < 0, z_mm > 130  # where there is only liver, only lung
    lungs = array(image) - without * array(image)[below].sum() / without[below].sum()
    assert lungs.sum() / array(image).sum() == pytest.approx(lung_shunt_fraction, abs=1e-4)
    assert without[above].sum() == 0
    assert (lungs[above].sum() > 0) == (lung_shunt_fraction > 0)
    assert lungs.min() > -1e-3


def test_nothing_is_taken_up_outside_what_is_perfused(sharp: DigitalPatient) -> None:
    assert value_at(sharp.maa.image, (20.0, -40.0, 20.0)) == 0  # left lobe
    assert value_at(sharp.maa.image, (92.0, 40.0, 22.0)) == 0  # spleen
    both = patient_of(SHARP, Variant.BILOBAR)
    assert value_at(both.maa.image, (20.0, -20.0, 0.0)) > 0


def test_blur_has_the_chosen_width_and_loses_no_counts(sharp: DigitalPatient) -> None:
    point = np.zeros((61, 61, 61), dtype=np.float32)
    point[30, 30, 30] = 1
    seen = detected(point, (2.0, 2.0, 2.0), 12.0, None, np.random.default_rng(0))
    assert seen[30, 30, 33] / seen[30, 30, 30] == pytest.approx(0.5, rel=1e-3)  # 6 mm away: half the maximum
    assert seen[30, 33, 30] == seen[33, 30, 30] == pytest.approx(seen[30, 30, 33])
    offsets_mm = 2.0 * (np.arange(61) - 30)
    flat = detected(point, (2.0, 4.0, 6.0), 12.0, None, np.random.default_rng(0))
    assert flat[30, 30, 33] / flat[30, 30, 30] == pytest.approx(0.5, rel=1e-3)
    assert flat[31, 30, 30] / flat[30, 30, 30] == pytest.approx(0.5, rel=1e-3)
    spread_mm = np.sqrt((seen.sum(axis=(0, 1)) * offsets_mm**2).sum() / seen.sum())
    assert spread_mm == pytest.approx(12.0 / sqrt(8 * log(2)), rel=0.01)
    blurred = patient_of(BLURRED).maa.image
    assert array(blurred).sum() == pytest.approx(array(sharp.maa.image).sum(), rel=1e-4)


def test_noise_is_that_of_counting() -> None:
    noisy, expected = (array(patient_of(s).maa.image) for s in (PhantomSettings(), BLURRED))
    enough = expected > 20
    assert np.mean((noisy - expected)[enough] ** 2 / expected[enough]) == pytest.approx(1.0, abs=0.05)
    assert noisy.sum() == pytest.approx(expected.sum(), abs=5 * sqrt(expected.sum()))
    assert (noisy == np.rint(noisy)).all()


def test_the_same_seed_gives_the_same_voxels_and_another_one_does_not() -> None:
    coarse = PhantomSettings(ct_spacing_mm=(4.0, 4.0, 6.0))
    first, again, other = (digital_patient(s) for s in (coarse, coarse, replace(coarse, seed=7)))
    for image in (lambda p: p.ct.image, lambda p: p.maa.image, lambda p: p.pet().image):
        assert (array(image(first)) == array(image(again))).all()
        assert (array(image(first)) != array(image(other))).any()


def test_a_displaced_spect_shows_the_body_turned_and_shifted(sharp: DigitalPatient) -> None:
    straight = centroid_mm(sharp.maa.image)
    for shift_mm, rotation_deg in (((12.0, -8.0, 5.0), (0.0, 0.0, 0.0)), ((0.0, 6.0, 0.0), (4.0, -6.0, 10.0))):
        displaced = digital_patient(replace(SHARP, shift_mm=shift_mm, rotation_deg=rotation_deg)).maa.image
        expected = rotation_matrix(rotation_deg) @ straight + np.array(shift_mm)
        np.testing.assert_allclose(centroid_mm(displaced), expected, atol=0.1)
    np.testing.assert_allclose(rotation_matrix((0.0, 0.0, 90.0)) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


# PET


def test_the_pet_holds_what_was_infused_and_decayed_since() -> None:
    someone = patient_of(SHARP, Variant.DELIVERED)
    (infusion,) = someone.treatment.infusions
    pet = someone.pet()
    total_gbq = array(pet.image).sum() * np.prod(pet.image.GetSpacing()) / 1000 / 1e9
    hours = (PET_AT - WEDNESDAY).total_seconds() / 3600
    infused_gbq = 6.0 * 2 ** (-63.5 / 64.1) * 0.99  # Sunday noon in New York to Wednesday 9:30 in Paris
    assert sum(net_activities_gbq(infusion, 64.1)) == pytest.approx(infused_gbq)
    assert total_gbq == pytest.approx(infused_gbq * 2 ** (-hours / 64.1), rel=5e-4)
    assert pet.reference_time == PET_AT


def test_the_pet_of_several_infusions_shows_the_true_doses() -> None:
    someone = patient_of(SHARP, Variant.MODIFIED_LOBECTOMY)
    doses = someone.truth()
    late = datetime.fromisoformat("2026-03-04T12:30:00+01:00")
    pet = someone.pet(late)
    for label, point_mm in (("Tumor 1", (-82.0, 20.0, 33.0)), (None, (-66.0, -48.0, 26.0))):
        # undo the decay of each infusion: what is seen here came from both
        minutes = [(late - i.given_at).total_seconds() / 60 for i in someone.treatment.infusions]
        assert minutes == [180.0, 140.0]
        gy = 50.0 * value_at(pet.image, point_mm) * 1e-9 / 1.03e-3
        true_gy = doses.tumors_gy[label] if label else doses.normal_parts_gy["Normal liver: Right lobe"]
        slowest, fastest = (2 ** (-m / 60 / 64.1) for m in minutes)
        assert true_gy * slowest * 0.9999 <= gy <= true_gy * fastest * 1.0001


@pytest.mark.parametrize("pet_counts", [1_000_000, 16_000_000])
def test_pet_noise_is_that_of_its_number_of_counts(pet_counts: int) -> None:
    expected = array(patient_of(BLURRED).pet().image)
    noisy = array(patient_of(PhantomSettings(pet_counts=pet_counts)).pet().image)
    counts = expected / expected.sum() * pet_counts  # of each voxel
    enough = counts > 20
    relative = (noisy[enough] / expected[enough] - 1) ** 2 * counts[enough]
    assert relative.mean() == pytest.approx(1.0, abs=0.05)


def test_no_pet_is_made_before_the_infusion() -> None:
    with pytest.raises(InputError, match="before the infusion"):
        patient_of(SHARP).pet(WEDNESDAY - timedelta(hours=1))


# True doses


def tissue(role: Role, label: str, mass_kg: float, ratio: float, *zones: Zone) -> Tissue:
    return Tissue(role, label, Ellipsoid((0, 0, 0), (1, 1, 1)), mass_kg * 1000 / 1.03, ratio, frozenset(zones))


def infusion(activity_gbq: float, zone: Zone, label: str = "one") -> Infusion:
    return Infusion(label, Vial(activity_gbq), zone.value, None, 0.01, 0.05)


def test_the_truth_reproduces_the_worked_example_of_the_partition_model() -> None:
    tissues = (
        tissue(Role.TUMOR, "tumor", 0.3, 4.0, Zone.RIGHT_LOBE),
        tissue(Role.NORMAL_LIVER, "perfused", 0.9, 1.0, Zone.RIGHT_LOBE),
        tissue(Role.NORMAL_LIVER, "spared", 0.6, 1.0),
    )
    doses = true_doses(tissues, (infusion(3.0, Zone.RIGHT_LOBE),), Settings(), 1000.0)
    assert doses.tumors_gy["tumor"] == pytest.approx(268.714, abs=5e-4)
    assert doses.perfused_normal_gy == pytest.approx(67.179, abs=5e-4)
    assert doses.perfused_gy["Right lobe"] == pytest.approx(117.562, abs=1e-3)
    assert doses.single_compartment_gy["one"] == pytest.approx(117.562, abs=1e-3)
    assert doses.lungs_gy == pytest.approx(7.425, abs=5e-4)
    assert doses.unperfused_normal_gy == 0
    assert doses.whole_normal_gy == pytest.approx(67.1786 * 0.9 / 1.5, abs=1e-3)
    assert doses.thrombus_gy is None


@pytest.mark.parametrize("variant", list(Variant))
def test_true_energies_add_up_to_what_was_infused(variant: Variant) -> None:
    someone = patient_of(variant=variant)
    doses, tissues = someone.truth(), someone.tissues
    gy = {**doses.tumors_gy, **doses.normal_parts_gy}
    thrombus_gy = doses.thrombus_gy or 0.0  # the mean of its halves, where they differ
    joule = sum(gy.get(t.label, thrombus_gy) * t.volume_ml * 1.03e-3 for t in tissues) + doses.lungs_gy * 1.0
    infused_gbq = sum(sum(net_activities_gbq(i, 64.1)) for i in someone.treatment.infusions)
    assert joule == pytest.approx(50.0 * infused_gbq, rel=1e-12)
    assert doses.whole_liver_gy * someone.anatomy.liver_volume_ml * 1.03e-3 == pytest.approx(
        joule - doses.lungs_gy, rel=1e-3
    )


def test_nested_infusions_add_their_doses() -> None:
    both = patient_of(variant=Variant.MODIFIED_LOBECTOMY)
    segment, lobe = both.treatment.infusions
    alone = [true_doses(both.tissues, (i,), Settings(), 1000.0) for i in (segment, lobe)]
    doses = both.truth()
    assert doses.tumors_gy["Tumor 1"] == pytest.approx(sum(d.tumors_gy["Tumor 1"] for d in alone))
    assert alone[0].normal_parts_gy["Normal liver: Right lobe"] == 0
    assert doses.single_compartment_gy["Segment vial"] == pytest.approx(alone[0].perfused_gy["Segment 7"])
    assert doses.single_compartment_gy["Lobe vial"] == pytest.approx(alone[1].perfused_gy["Right lobe"])


def test_a_lung_mass_from_the_ct_changes_only_the_lungs(patient: DigitalPatient) -> None:
    label, measured = patient.truth(), patient.truth(Settings(lung_mass_g=None))
    assert measured.lungs_gy == pytest.approx(label.lungs_gy * 1000 / lung_mass_g(patient.anatomy))
    assert measured.whole_liver_gy == label.whole_liver_gy


def test_the_truth_needs_residual_and_shunt() -> None:
    unknown = Infusion("one", Vial(3.0), Zone.RIGHT_LOBE.value)
    with pytest.raises(InputError, match="unknown"):
        net_activities_gbq(unknown, 64.1)
