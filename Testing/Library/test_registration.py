"""Known displacements of the digital patient are found again, on noisy images of another scanner."""

import numpy as np
import pytest
import SimpleITK as sitk
from registration_kit import HYBRID_GRID, IDENTITY, errors_mm, hybrid_ct, hybrid_liver, outline, patient, truth

from Y90DosimetryLib.errors import Cancelled, GeometryError, InputError
from Y90DosimetryLib.images import CountMap, CtImage
from Y90DosimetryLib.occupancy import Grid
from Y90DosimetryLib.registration import Guide, Kind, Start, apply, register
from Y90DosimetryLib.structures import Role, Structure

STILL = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
DISPLACED = ((6.0, -5.0, 6.0), (15.0, -15.0, 20.0))
"""29 mm, and 10 degrees in all."""


@pytest.mark.parametrize(
    "place",
    [((10.0, 0.0, 0.0), (0.0, 0.0, 30.0)), ((0.0, 0.0, -10.0), (-30.0, 0.0, 0.0)), STILL],
)
def test_a_hybrid_ct_displaced_by_up_to_30_mm_and_10_degrees_comes_back_within_2_mm(place):
    found = register(patient().ct, hybrid_ct(*place), liver=outline(Role.LIVER), moving_liver=hybrid_liver(*place))
    mean_mm, largest_mm = errors_mm(found.transform, truth(*place))
    assert mean_mm < 1.0
    assert largest_mm < 2.0
    assert found.dice_after_fraction > 0.96
    assert found.mutual_information_after_score > found.mutual_information_before_score
    assert found.rotation_deg == pytest.approx(0.0 if place == STILL else 10.0, abs=0.6)
    assert found.guide is Guide.CT_TO_CT and found.volume_ratio == 1.0


@pytest.fixture(scope="module")
def displaced():
    """The hybrid CT found again; used by several tests."""
    return register(patient().ct, hybrid_ct(*DISPLACED), liver=outline(Role.LIVER))


def test_a_displacement_about_all_axes_comes_back_within_2_mm(displaced):
    assert errors_mm(displaced.transform, truth(*DISPLACED))[1] < 2.0


def test_the_spect_that_goes_with_the_hybrid_ct_lands_on_the_liver_with_every_count(displaced):
    spect = patient(*DISPLACED).maa
    moved = apply(displaced.transform, spect)
    array = sitk.GetArrayViewFromImage(spect.image)
    assert np.array_equal(sitk.GetArrayViewFromImage(moved.moved.image), array) and not moved.resampled

    def center(image):
        z, y, x = np.array([float((np.arange(n) * v).sum()) for n, v in _profiles(image)])
        return np.array(image.TransformContinuousIndexToPhysicalPoint((x, y, z)))

    assert np.linalg.norm(center(moved.moved.image) - center(patient().maa.image)) < 1.5
    assert np.linalg.norm(center(spect.image) - center(patient().maa.image)) > 20


def _profiles(image):
    array = sitk.GetArrayFromImage(image).astype(float)
    for axes, n in zip(((1, 2), (0, 2), (0, 1)), array.shape, strict=True):
        profile = array.sum(axis=axes)
        yield n, profile / profile.sum()


def test_headers_that_place_the_scan_half_a_meter_away_do_not_matter():
    away = Grid(HYBRID_GRID.size, HYBRID_GRID.spacing_mm, (300.0, 250.0, -900.0), IDENTITY)
    near = hybrid_ct(*DISPLACED)
    image = sitk.Image(near.image)
    image.SetOrigin(away.origin_mm)
    shift = np.subtract(away.origin_mm, HYBRID_GRID.origin_mm)
    found = register(patient().ct, CtImage(image), liver=outline(Role.LIVER))
    rotation, displacement = DISPLACED
    assert errors_mm(found.transform, truth(rotation, tuple(shift + displacement)))[1] < 2.0
    assert found.start is not Start.HEADERS
    assert "do not meet" in found.mutual_information_before_score.because


@pytest.mark.parametrize("kind", [Kind.AFFINE, Kind.BSPLINE])
def test_affine_and_b_spline_on_request_stay_within_2_mm_of_a_patient_who_only_moved(kind):
    found = register(patient().ct, hybrid_ct(*DISPLACED), liver=outline(Role.LIVER), kind=kind)
    assert errors_mm(found.transform, truth(*DISPLACED))[0] < 2.0
    assert found.volume_ratio == pytest.approx(1.0, abs=0.03)
    assert found.lowest_jacobian_ratio > 0.5


@pytest.mark.parametrize("place", [DISPLACED, ((0.0, 0.0, -10.0), (30.0, 0.0, 0.0))])
def test_counts_alone_find_the_liver_only_within_several_millimeters(place):
    found = register(patient().ct, patient(*place).maa, liver=outline(Role.LIVER))
    assert errors_mm(found.transform, truth(*place))[0] < 6.0
    assert any("several millimeters" in note for note in found.notes)


@pytest.mark.parametrize("place", [DISPLACED, ((10.0, 0.0, 0.0), (0.0, 0.0, 30.0))])
def test_counts_that_fill_the_outlined_territory_find_it_within_2_mm(place):
    territory = outline(Role.PERFUSED)
    found = register(patient().ct, patient(*place).maa, liver=outline(Role.LIVER), territory=territory)
    assert errors_mm(found.transform, truth(*place))[1] < 2.0
    assert found.guide is Guide.COUNTS_TO_OUTLINE


def test_the_same_images_give_the_same_transform(displaced):
    again = register(patient().ct, hybrid_ct(*DISPLACED), liver=outline(Role.LIVER)).transform
    point = (90.0, 40.0, 60.0)
    assert again.TransformPoint(point) == pytest.approx(displaced.transform.TransformPoint(point), abs=1e-5)


def test_a_search_can_be_followed_and_stopped():
    seen = []

    def progress(fraction, doing):
        seen.append((fraction, doing))
        if doing == "matching finely":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        register(patient().ct, hybrid_ct(*DISPLACED), liver=outline(Role.LIVER), progress=progress)
    assert seen[-1][1] == "matching finely"
    assert all(0 <= fraction <= 1 for fraction, _ in seen)


def test_without_an_outline_the_whole_field_is_matched_and_this_is_said():
    found = register(patient().ct, hybrid_ct(*DISPLACED))
    assert errors_mm(found.transform, truth(*DISPLACED))[1] < 2.0
    assert any("whole field" in note for note in found.notes)


# What is refused


def _flat(value: float) -> sitk.Image:
    image = sitk.Image([40, 40, 40], sitk.sitkFloat32) + value
    image.SetSpacing((5.0, 5.0, 5.0))
    return image


def test_an_image_of_one_value_is_refused_with_the_reason():
    with pytest.raises(InputError, match="one value everywhere"):
        register(patient().ct, CtImage(_flat(40.0)), liver=outline(Role.LIVER))
    with pytest.raises(InputError, match="emission image: .*one value everywhere"):
        register(patient().ct, CountMap(_flat(0.0)), liver=outline(Role.LIVER))


def test_an_outline_that_is_empty_or_of_another_image_is_refused():
    mask = sitk.Image([5, 5, 5], sitk.sitkUInt8)
    with pytest.raises(InputError, match="it is empty"):
        register(patient().ct, hybrid_ct(*STILL), liver=Structure(Role.LIVER, "Liver", mask))
    with pytest.raises(InputError, match="it is empty"):
        register(patient().ct, hybrid_ct(*STILL), moving_liver=Structure(Role.LIVER, "Liver", mask))
    mask += 1
    mask.SetOrigin((5000.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="outside the CT"):
        register(patient().ct, hybrid_ct(*STILL), liver=Structure(Role.LIVER, "Liver", mask))


def test_counts_are_not_bent_and_a_ct_has_no_territory():
    with pytest.raises(InputError, match="too blurred for bspline"):
        register(patient().ct, patient().maa, kind=Kind.BSPLINE)
    with pytest.raises(InputError, match="moving image is a CT"):
        register(patient().ct, hybrid_ct(*STILL), territory=outline(Role.PERFUSED))


def test_a_scan_that_shows_too_little_of_the_region_is_refused():
    thin = CtImage(hybrid_ct(*STILL).image[:, :, :12])
    with pytest.raises(GeometryError, match="no position was found"):
        register(patient().ct, thin, liver=outline(Role.LIVER))
