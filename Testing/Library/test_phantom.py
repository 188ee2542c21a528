"""The digital patient's body: solids of known volume, the structures drawn on them, and the CT."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations
from math import pi, sqrt

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from shapes import FLIPPED, PERMUTED, rotation

from Y90DosimetryLib.case import Basis
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.phantom import (
    LARGE,
    DigitalPatient,
    Lesion,
    PhantomSettings,
    Variant,
    case_variant,
    digital_patient,
)
from Y90DosimetryLib.phantom.ct import lung_mass_g
from Y90DosimetryLib.phantom.raster import sampled_volume_ml, share_inside
from Y90DosimetryLib.phantom.settings import TUMOR_1
from Y90DosimetryLib.phantom.solids import Column, Ellipsoid, HalfSpace, Solid, Stretched, Tube
from Y90DosimetryLib.structures import Role, Structure

patient_of = cache(digital_patient)


@pytest.fixture(scope="module")
def patient() -> DigitalPatient:
    return patient_of()


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def named(patient: DigitalPatient, label: str) -> Structure:
    return next(s for s in patient.structures if s.label == label)


def inside(patient: DigitalPatient, label: str) -> np.ndarray:
    return array(named(patient, label).mask) > 0


def centroid_mm(image: sitk.Image) -> np.ndarray:
    z, y, x = ndimage.center_of_mass(array(image).astype(np.float64))
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint((x, y, z)))


def value_at(image: sitk.Image, point_mm: tuple[float, float, float]) -> float:
    return float(image[image.TransformPhysicalPointToIndex(point_mm)])


# Solids


@pytest.mark.parametrize(
    "solid",
    [
        Ellipsoid((3, -2, 5), (10, 20, 15)),
        Tube((0, 0, 0), (31.3, -19.1, 10.7), 6),
        Stretched(Ellipsoid((0, 0, 0), (10, 20, 15)), -4.0, 1.5),
    ],
    ids=["ellipsoid", "oblique tube", "stretched ellipsoid"],
)
def test_a_volume_by_formula_is_the_volume_of_the_points_inside(solid: Solid) -> None:
    assert sampled_volume_ml(solid) == pytest.approx(solid.volume_ml, rel=1e-3)


def test_cut_and_joined_solids_have_the_volumes_of_geometry() -> None:
    ball = Ellipsoid((0, 0, 0), (30, 30, 30))
    half = ball & HalfSpace((0, 0, 0), (0.6, 0.8, 0))
    rod = Column((0, 0), (10, 10), -60, 60)
    cap_mm3 = pi * (30 - sqrt(800)) ** 2 * (2 * 30 + sqrt(800)) / 3
    drilled_ml = 4 / 3 * pi * 30**3 / 1000 - (pi * 100 * 2 * sqrt(800) + 2 * cap_mm3) / 1000
    assert half.volume_ml == pytest.approx(ball.volume_ml / 2, rel=1e-3)
    assert (ball - rod).volume_ml == pytest.approx(drilled_ml, rel=1e-3)
    assert (ball | rod).volume_ml == pytest.approx(drilled_ml + pi * 100 * 120 / 1000, rel=1e-3)


def test_the_share_of_one_solid_in_another_is_exact_where_it_is_all_or_nothing() -> None:
    ball, small = Ellipsoid((0, 0, 0), (10, 10, 10)), Ellipsoid((2, 0, 0), (5, 5, 5))
    assert share_inside(ball, small) == 1
    assert share_inside(small, Ellipsoid((30, 0, 0), (5, 5, 5))) == 0
    assert share_inside(HalfSpace((0, 0, 0), (1, 0, 0)), ball) == pytest.approx(0.5, abs=0.01)


# Structures on the CT


@pytest.mark.parametrize("variant", list(Variant))
def test_structures_keep_their_true_volume_on_the_ct_grid(variant: Variant) -> None:
    someone = patient_of(variant=variant)
    for outline, structure in zip(someone.outlines, someone.structures, strict=True):
        assert structure.volume_ml == pytest.approx(outline.volume_ml, rel=0.01), outline.label


def test_the_volumes_are_those_of_a_patient_for_a_right_lobectomy(patient: DigitalPatient) -> None:
    true_ml = {outline.label: outline.volume_ml for outline in patient.outlines}
    assert 1400 < true_ml["Liver"] < 1600
    assert 900 < true_ml["Right lobe"] < 1000
    assert true_ml["Tumor 1"] == pytest.approx(80)
    assert true_ml["Tumor 2"] == pytest.approx(15)
    assert 5 < true_ml["Portal vein thrombus"] < 7
    assert true_ml["Lungs"] > 1500


def test_the_two_lobes_are_the_liver_and_share_nothing(patient: DigitalPatient) -> None:
    liver, right, left = (inside(patient, label) for label in ("Liver", "Planned resection", "Future liver remnant"))
    assert not (right & left).any()
    assert ((right | left) == liver).all()
    assert (inside(patient, "Right lobe") == right).all()


def test_lesions_lie_in_the_right_lobe_and_share_nothing(patient: DigitalPatient) -> None:
    lesions = [inside(patient, label) for label in ("Tumor 1", "Tumor 2", "Portal vein thrombus")]
    assert all((lesion <= inside(patient, "Right lobe")).all() for lesion in lesions)
    assert not any((a & b).any() for a, b in combinations(lesions, 2))
    assert not (inside(patient, "Lungs") & inside(patient, "Liver")).any()


def test_structures_are_in_one_piece_without_holes(patient: DigitalPatient) -> None:
    for structure in patient.structures:
        pieces = 2 if structure.role is Role.LUNGS else 1
        assert ndimage.label(array(structure.mask))[1] == pieces, structure.label
        assert ndimage.label(array(structure.mask) == 0)[1] == 1, structure.label


def test_right_is_right_and_up_is_up(patient: DigitalPatient) -> None:
    x, y, z = 0, 1, 2
    right, left = (centroid_mm(named(patient, n).mask) for n in ("Right lobe", "Future liver remnant"))
    lungs, thrombus = (centroid_mm(named(patient, n).mask) for n in ("Lungs", "Portal vein thrombus"))
    assert right[x] < -40 < 0 < left[x]
    assert right[y] > left[y]  # the left lobe lies in front
    assert lungs[z] > right[z] + 50
    assert thrombus[x] < -30
    assert value_at(patient.ct.image, (70, -50, -10)) < -900  # air in the stomach, on the left and in front
    assert value_at(patient.ct.image, (0, 66, -5)) < 150 < value_at(patient.ct.image, (0, 78, -5))  # spinal canal


@pytest.mark.parametrize(
    "direction",
    [FLIPPED, PERMUTED, rotation(17.0, 9.0)],
    ids=["flipped", "permuted", "oblique"],
)
def test_on_any_grid_the_structures_keep_their_volume_and_place(patient: DigitalPatient, direction: np.ndarray) -> None:
    axes = tuple(direction.ravel())
    turned = digital_patient(PhantomSettings(ct_spacing_mm=(1.8, 1.7, 2.2), ct_direction=axes, emission_direction=axes))
    for outline, structure, same in zip(turned.outlines, turned.structures, patient.structures, strict=True):
        assert structure.volume_ml == pytest.approx(outline.volume_ml, rel=0.01), outline.label
        np.testing.assert_allclose(centroid_mm(structure.mask), centroid_mm(same.mask), atol=0.3)
    np.testing.assert_allclose(turned.maa.image.GetDirection(), axes, atol=1e-12)
    np.testing.assert_allclose(centroid_mm(turned.maa.image), centroid_mm(patient.maa.image), atol=0.5)


def test_a_flipped_ct_shows_the_same_body() -> None:
    quiet = PhantomSettings(ct_noise_hu=0.0)
    straight = patient_of(quiet).ct.image
    flipped = patient_of(replace(quiet, ct_direction=tuple(FLIPPED.ravel()))).ct.image
    back = sitk.Resample(flipped, straight, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert np.mean(array(back) != array(straight)) < 1e-3


def test_a_chosen_field_of_view_and_spacing_give_the_promised_grids(patient: DigitalPatient) -> None:
    large = digital_patient(LARGE)
    assert large.ct_grid.size == (512, 512, 300)
    assert large.ct_grid.spacing_mm == (0.75, 0.75, 1.2)
    assert large.ct_grid.point_mm((255.5, 255.5, 149.5)) == pytest.approx(patient.ct_grid.point_mm((127.5, 95.5, 59.5)))
    assert large.maa.image.GetSize() == (128, 128, 128)


def test_the_remnant_grows_by_the_chosen_factor_and_nothing_else_moves(patient: DigitalPatient) -> None:
    grown = digital_patient(PhantomSettings(flr_growth_ratio=1.36))
    before, after = (named(p, "Future liver remnant").volume_ml for p in (patient, grown))
    assert after / before == pytest.approx(1.36, rel=0.005)
    assert (inside(grown, "Right lobe") == inside(patient, "Right lobe")).all()
    assert not (inside(grown, "Future liver remnant") & inside(grown, "Right lobe")).any()
    assert ((inside(grown, "Right lobe") | inside(grown, "Future liver remnant")) == inside(grown, "Liver")).all()


# CT


@pytest.mark.parametrize(
    ("label", "low_hu", "high_hu"),
    [("Liver", 70, 100), ("Tumor 1", 110, 130), ("Tumor 2", 45, 60), ("Portal vein thrombus", 55, 75)],
)
def test_organs_have_the_attenuation_of_an_arterial_ct(
    patient: DigitalPatient, label: str, low_hu: float, high_hu: float
) -> None:
    assert low_hu < array(patient.ct.image)[inside(patient, label)].mean() < high_hu


def test_ct_noise_has_the_chosen_size() -> None:
    noisy, quiet = (array(patient_of(PhantomSettings(ct_noise_hu=n)).ct.image).astype(float) for n in (17.0, 0.0))
    assert np.std((noisy - quiet)[inside(patient_of(), "Liver")]) == pytest.approx(17.0, rel=0.02)


def test_the_lungs_weigh_on_the_ct_what_they_truly_weigh(patient: DigitalPatient) -> None:
    lungs = inside(patient, "Lungs")
    density_g_ml = 1 + array(patient.ct.image)[lungs].astype(np.float64) / 1000
    measured_g = density_g_ml.sum() * named(patient, "Lungs").voxel_ml
    assert measured_g == pytest.approx(lung_mass_g(patient.anatomy), rel=0.04)  # blur adds some of the chest wall
    assert measured_g > lung_mass_g(patient.anatomy)


# Cases


def test_the_lobectomy_is_a_plan_a_tumor_board_would_discuss(patient: DigitalPatient) -> None:
    doses = patient.truth()
    assert min(doses.tumors_gy.values()) > 250 and doses.thrombus_gy and doses.thrombus_gy > 250
    assert 88 < doses.perfused_normal_gy < 120
    assert 140 < doses.single_compartment_gy["Right vial"] < 150
    assert doses.whole_liver_gy < 150 and doses.lungs_gy < 30
    assert (patient.anatomy.left_lobe.volume_ml / patient.anatomy.liver_volume_ml) > 0.30


@pytest.mark.parametrize("variant", list(Variant))
def test_every_variant_is_a_whole_case(variant: Variant) -> None:
    case = case_variant(variant.value)
    both = variant in {Variant.VASOSPASM, Variant.PROXIMAL_THROMBUS}
    assert [s.basis for s in case.sessions[:-1]] == ([Basis.PLANNED] if both else [])
    session = case.sessions[-1]
    assert session.basis is (Basis.DELIVERED if both or variant is Variant.DELIVERED else Basis.PLANNED)
    assert session.delivers == ("Plan" if both else None)
    assert session.image is not None and case.ct is not None
    assert case.patient.weight_kg and case.disease.scenario and case.disease.facts
    assert len(session.infusions) == (2 if variant in {Variant.MODIFIED_LOBECTOMY, Variant.BILOBAR} else 1)
    assert all(3.0 <= infusion.vial.activity_gbq <= 20.0 for infusion in session.infusions)
    assert all(i.vial.calibrated_at and i.vial.calibrated_at.isoweekday() == 7 for i in session.infusions)
    assert (case.one(Role.FLR) is None) == (variant is Variant.BILOBAR)


def test_variants_bring_the_lesions_they_are_about() -> None:
    segment, bilobar = (patient_of(variant=v) for v in (Variant.MODIFIED_LOBECTOMY, Variant.BILOBAR))
    assert [o.label for o in segment.outlines if o.role is Role.TUMOR] == ["Tumor 1"]
    assert (inside(segment, "Tumor 1") <= inside(segment, "Segment 7")).all()
    assert (inside(segment, "Segment 7") <= inside(segment, "Right lobe")).all()
    assert [o.label for o in bilobar.outlines if o.role is Role.TUMOR] == ["Tumor 1", "Tumor 2", "Tumor 3"]
    assert (inside(bilobar, "Tumor 3") <= inside(bilobar, "Left lobe")).all()
    assert not any(o.role is Role.PVTT for p in (segment, bilobar) for o in p.outlines)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(InputError, match="segmentectomy"):
        case_variant("segmentectomy")


@pytest.mark.parametrize(
    ("lesions", "thrombus_ratio", "message"),
    [
        ((Lesion("Far", (60.0, 60.0, 0.0), 5.0, 4.0, 100.0),), None, "outside the liver"),
        ((TUMOR_1, replace(TUMOR_1, label="Twin", volume_ml=10.0)), None, "overlaps Tumor 1"),
        ((Lesion("Plug", (-60.0, -20.0, 2.0), 5.0, 4.0, 100.0),), 3.0, "overlaps Plug"),
        ((Lesion("Border", (-33.0, -10.0, 25.0), 5.0, 4.0, 100.0),), None, "of it lie inside Right lobe"),
    ],
)
def test_impossible_lesions_are_refused(
    lesions: tuple[Lesion, ...], thrombus_ratio: float | None, message: str
) -> None:
    someone = digital_patient(PhantomSettings(lesions=lesions, thrombus_ratio=thrombus_ratio))
    with pytest.raises(InputError, match=message):
        _ = someone.tissues


@pytest.mark.parametrize(
    "wrong",
    [
        {"lung_shunt_fraction": 5.0},
        {"ct_spacing_mm": (1.0, 0.0, 1.0)},
        {"spect_fwhm_mm": -1.0},
        {"spect_counts": 0},
        {"thrombus_ratio": -2.0},
        {"flr_growth_ratio": 0.9},
        {"ct_direction": (1.0, 0.2, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_impossible_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PhantomSettings(**wrong)
