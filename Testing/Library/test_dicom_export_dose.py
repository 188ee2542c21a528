"""Dose maps as DICOM RT Dose: the dose comes back to half a step, at the same places, whatever way the grid lies."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import export_kit
import numpy as np
import pytest
import SimpleITK as sitk
from export_kit import FLIPPED, IDENTITY, OBLIQUE, UPSIDE_DOWN, dicom_ct, program, tissue
from image_files import center_of_mass_mm, image

from Y90DosimetryLib.images import DoseMap
from Y90DosimetryLib.io.dicom_axes import as_decimal, right_angled, turned
from Y90DosimetryLib.io.dicom_dose import on_grid, rt_dose
from Y90DosimetryLib.io.dicom_objects import NewSeries, save
from Y90DosimetryLib.io.dicom_reference import Reference, read_reference

pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")

SERIES = NewSeries("RTDOSE", 9000, "Y-90 dose")
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SWAPPED = (0, 0, 1, 1, 0, 0, 0, 1, 0)
DIRECTIONS = {"as scanned": IDENTITY, "flipped": FLIPPED, "upside down": UPSIDE_DOWN, "oblique": OBLIQUE}


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """A CT of 40 slices."""
    return read_reference(dicom_ct(tmp_path / "ct", image(tissue((4, 12, 14)))))


def hot(direction=IDENTITY, largest_gy=300.0) -> DoseMap:
    """A dose on a SPECT's grid, without symmetry."""
    dose = np.random.default_rng(5).gamma(0.5, 50, (6, 7, 8)).astype(np.float32)
    dose *= largest_gy / dose.max()
    return DoseMap(image(dose, spacing=(4.4, 4.1, 3.3), origin=(-31.7, 12.9, 101.3), direction=direction), "local")


def written(dose: DoseMap, reference: Reference, folder: Path) -> Path:
    """A dose map as a file."""
    save(rt_dose(dose, "all counted sessions", reference, SERIES, NOON), folder / "dose.dcm")
    return folder / "dose.dcm"


def read_gy(path: Path) -> sitk.Image:
    """The dose as SimpleITK reads it: stored values, times the scaling that it gives with them."""
    stored = sitk.ReadImage(str(path))
    return sitk.Cast(stored, sitk.sitkFloat64) * float(stored.GetMetaData("3004|000e"))


@pytest.mark.parametrize("direction", [*DIRECTIONS.values(), SWAPPED], ids=[*DIRECTIONS, "axes swapped"])
def test_simpleitk_reads_every_voxel_back_at_its_place_to_half_a_step(direction, reference, tmp_path: Path) -> None:
    dose = hot(direction)
    path = written(dose, reference, tmp_path)
    step_gy = float(pydicom.dcmread(path).DoseGridScaling)
    found = read_gy(path)
    assert np.linalg.det(np.reshape(found.GetDirection(), (3, 3))) > 0, "DICOM is right-handed"
    there = sitk.Resample(found, dose.image, sitk.Transform(), sitk.sitkNearestNeighbor, -1.0)
    error_gy = np.abs(sitk.GetArrayFromImage(there) - sitk.GetArrayFromImage(dose.image))
    assert error_gy.max() <= 0.5001 * step_gy
    assert step_gy == pytest.approx(300 / 65535, rel=1e-6)
    assert np.allclose(center_of_mass_mm(found), center_of_mass_mm(dose.image), atol=0.01)


def test_a_grid_along_the_body_is_written_with_plain_orientation_for_programs_that_read_no_other(
    reference, tmp_path: Path
) -> None:
    for direction in (FLIPPED, UPSIDE_DOWN, SWAPPED):
        found = rt_dose(hot(direction), "x", reference, SERIES, NOON)
        assert [float(v) for v in found.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]
        offsets = [float(v) for v in found.GridFrameOffsetVector]
        assert offsets[0] == 0 and min(np.diff(offsets)) > 0


@pytest.mark.parametrize("largest_gy", [4.6e-08 * 65535, 1e-12, 0.1, 12345.678, 3e5])
def test_the_scaling_keeps_its_exponent(largest_gy: float, reference, tmp_path: Path) -> None:
    dose = hot(largest_gy=largest_gy)
    dataset = pydicom.dcmread(written(dose, reference, tmp_path))
    assert len(str(dataset["DoseGridScaling"].value)) <= 16
    assert float(dataset.DoseGridScaling) * 65535 == pytest.approx(largest_gy, rel=1e-6)
    array = dataset.pixel_array * float(dataset.DoseGridScaling)
    assert array.max() == pytest.approx(largest_gy, rel=1e-5)


def test_no_dose_at_all_is_written_as_zeros(reference, tmp_path: Path) -> None:
    nothing = DoseMap(image(np.zeros((3, 4, 5), np.float32)), "local")
    dataset = pydicom.dcmread(written(nothing, reference, tmp_path))
    assert not dataset.pixel_array.any()
    assert float(dataset.DoseGridScaling) > 0


def test_the_dose_says_gray_sixteen_bits_and_the_space_of_the_ct(reference, tmp_path: Path) -> None:
    found = pydicom.dcmread(written(hot(), reference, tmp_path))
    assert (found.DoseUnits, found.DoseType, found.BitsAllocated) == ("GY", "PHYSICAL", 16)
    assert found.FrameOfReferenceUID == export_kit.FRAME
    assert found.DoseComment == "local"
    assert found.PlanOverviewSequence[0].RTPlanLabel == "all counted sess"
    assert found.FrameIncrementPointer == 0x3004000C


def test_plastimatch_reads_the_same_dose(reference, tmp_path: Path) -> None:
    plastimatch = program("plastimatch")
    dose = hot(FLIPPED)
    path = written(dose, reference, tmp_path)
    run = subprocess.run(
        [plastimatch, "convert", "--input-dose-img", str(path), "--output-dose-img", str(tmp_path / "dose.nrrd")],
        capture_output=True,
        text=True,
        check=False,
    )
    if not (tmp_path / "dose.nrrd").exists():
        pytest.fail(run.stdout + run.stderr)
    found = sitk.ReadImage(str(tmp_path / "dose.nrrd"), sitk.sitkFloat64)
    there = sitk.Resample(found, dose.image, sitk.Transform(), sitk.sitkNearestNeighbor, -1.0)
    assert np.allclose(sitk.GetArrayFromImage(there), sitk.GetArrayFromImage(dose.image), atol=300 / 65535)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_turning_axes_moves_no_voxel(direction) -> None:
    before = hot(direction).image
    after = turned(before, np.eye(3))
    assert sorted(after.GetSize()) == sorted(before.GetSize())
    for index in ((0, 0, 0), (3, 1, 2), (7, 6, 5)):
        there = after.TransformPhysicalPointToIndex(before.TransformIndexToPhysicalPoint(index))
        assert after[there] == before[index]


def test_axes_that_are_nearly_perpendicular_become_so() -> None:
    skewed = image(np.zeros((2, 2, 2)), direction=(1, 4e-4, 0, -3e-4, 1, 0, 0, 0, 1))
    axes = right_angled(skewed)
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-11)
    assert np.allclose(axes, np.eye(3), atol=5e-4)


@pytest.mark.parametrize("number", [4.6e-08, 1 / 3, -123456.789012345, 0.0, 1e-300, -1e22, 65535])
def test_a_decimal_string_fits_and_means_the_number(number: float) -> None:
    found = as_decimal(number)
    assert len(str(found)) <= 16
    assert float(found) == pytest.approx(number, rel=1e-8)


def test_a_dose_on_the_grid_of_the_ct_is_the_dose_there(reference) -> None:
    dose = hot()
    moved = on_grid(dose, reference.image).image
    assert moved.GetSize() == reference.image.GetSize() and moved.GetOrigin() == reference.image.GetOrigin()
    point = moved.TransformIndexToPhysicalPoint([n // 2 for n in moved.GetSize()])
    at = sitk.Resample(dose.image, [1, 1, 1], sitk.Transform(), sitk.sitkLinear, point, [1, 1, 1])
    assert moved[[n // 2 for n in moved.GetSize()]] == pytest.approx(at[0, 0, 0], rel=1e-5)
    kept = [float(sitk.GetArrayFromImage(i).sum()) * float(np.prod(i.GetSpacing())) for i in (dose.image, moved)]
    assert kept[1] <= kept[0] * 1.5, "nothing outside of its own grid"
