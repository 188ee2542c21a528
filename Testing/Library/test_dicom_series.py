"""A DICOM series becomes one volume with the right values in the right place, or is refused with the reason."""

from __future__ import annotations

import os
import shutil
import tarfile

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import (
    PET_IMAGE,
    center_of_mass_mm,
    dicom_file,
    dicom_series,
    image,
    shared,
    spect_file,
)

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.io.volumes import digest, read_image, read_volume

pydicom = pytest.importorskip("pydicom")

STORED = np.random.default_rng(90).integers(0, 30000, (6, 7, 8))


def values(path, series=""):
    return sitk.GetArrayFromImage(read_image(path, "SPECT", series))


def refused(path, error=InputError, series=""):
    with pytest.raises(error) as told:
        read_image(path, "SPECT", series)
    assert str(path) in str(told.value)
    assert told.value.remedy
    return str(told.value)


def test_slices_are_stacked_by_position_not_by_file_name(tmp_path):
    read = read_image(dicom_series(tmp_path / "ct", STORED), "CT")
    assert np.array_equal(sitk.GetArrayFromImage(read), STORED)
    assert center_of_mass_mm(read) == pytest.approx(center_of_mass_mm(image(STORED)), abs=1e-4)


def test_hounsfield_units_stay_whole_numbers(tmp_path):
    folder = dicom_series(tmp_path / "ct", STORED, RescaleIntercept=-1024)
    assert np.array_equal(values(folder), STORED - 1024)
    assert values(folder).dtype.kind == "i"


def test_a_tiny_slope_is_not_rounded_away(tmp_path):
    folder = dicom_series(tmp_path / "spect", STORED, RescaleSlope="1.01129984031e-5")
    assert values(folder) == pytest.approx(STORED * 1.01129984031e-5, rel=1e-6)
    assert read_volume(folder, "SPECT").header.rescale == "1.0113e-05"


def test_a_slope_for_each_slice_holds_even_when_the_first_is_one(tmp_path):
    """A PET slice without activity often has slope 1; the others must not be rounded to its whole numbers."""
    slopes = [1, 0.5, 0.37, 2.25, 0.001, 0.0123]
    folder = dicom_series(tmp_path / "pet", STORED, slopes=slopes, SOPClassUID=PET_IMAGE, Modality="PT", Units="BQML")
    assert values(folder) == pytest.approx(STORED * np.array(slopes)[:, None, None], rel=1e-6)
    header = read_volume(folder, "PET").header
    assert (header.modality, header.units, header.rescale) == ("PT", "BQML", "0.001 to 2.25")


def test_the_header_of_a_patient_does_not_stay_with_the_image(tmp_path):
    read = read_image(dicom_series(tmp_path / "ct", STORED), "CT")
    one = read_image(spect_file(tmp_path / "spect.dcm", STORED), "SPECT")
    assert not read.GetMetaDataKeys()
    assert not one.GetMetaDataKeys()


def test_uneven_slices_are_refused_but_rounded_positions_are_not(tmp_path):
    uneven = [0.0, 4.0, 8.0, 13.0, 18.0, 23.0]
    assert "unevenly spaced (4 to 5 mm)" in refused(dicom_series(tmp_path / "a", STORED, uneven), GeometryError)
    rounded = [round(0.625 * k, 1) for k in range(6)]
    assert values(dicom_series(tmp_path / "b", STORED, rounded)).shape == STORED.shape


def test_a_single_slice_of_another_size_or_orientation_is_not_the_volume(tmp_path):
    folder = dicom_series(tmp_path / "a", STORED)
    dicom_series(folder, STORED[:1, :5], [40.0], prefix="small")
    assert values(folder).shape == STORED.shape
    folder = dicom_series(tmp_path / "b", STORED)
    dicom_series(folder, STORED[:1], [40.0], prefix="scout", ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    assert values(folder).shape == STORED.shape, "a slice by itself of another orientation is a localizer"


@pytest.mark.parametrize("kind", ["1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.7.3", PET_IMAGE])
def test_slices_lie_where_they_say_whatever_their_kind(tmp_path, kind):
    """Nuclear medicine and multi-frame captures in single slices, which GDCM puts at the origin."""
    read = read_image(dicom_series(tmp_path / "s", STORED, SOPClassUID=kind), "SPECT")
    assert read.GetOrigin() == pytest.approx((-10.0, 20.0, 30.0))
    assert read.GetSpacing() == pytest.approx((2.0, 3.0, 4.0))
    assert np.array_equal(sitk.GetArrayFromImage(read), STORED)


def test_slices_of_several_units_are_refused(tmp_path):
    folder = dicom_series(tmp_path / "pet", STORED, Units="BQML")
    dataset = pydicom.dcmread(folder / "slice007.dcm")
    dataset.Units = "CNTS"
    dataset.save_as(folder / "slice007.dcm")
    assert "its slices differ in Units: BQML, CNTS" in refused(folder)


def test_several_series_are_listed_until_one_is_chosen(tmp_path):
    folder = dicom_series(tmp_path / "both", STORED, SeriesDescription="Arterial")
    dicom_series(folder, STORED + 1, prefix="b", SeriesInstanceUID="1.2.3.5", Modality="PT")
    message = refused(folder)
    assert "1: CT 'Arterial', 6 files of 8 x 7, 1.2.3.4; 2: unsure, 6 files of 8 x 7" in message
    assert 'series = "' in message
    assert np.array_equal(values(folder, "1.2.3.5"), STORED + 1)
    assert digest(folder, "1.2.3.5") != digest(folder, "1.2.3.4")
    assert "no series 1.2.3.6" in refused(folder, series="1.2.3.6")


@pytest.mark.parametrize("left", ["half", "the meta header", "nothing"])
@pytest.mark.parametrize("which", ["slice000.dcm", "slice035.dcm"], ids=["first", "last"])
def test_a_damaged_slice_at_the_end_is_not_silently_dropped(tmp_path, which, left):
    folder = dicom_series(tmp_path / "ct", STORED)
    size = (folder / which).stat().st_size
    os.truncate(folder / which, {"half": size // 2, "the meta header": 300, "nothing": 0}[left])
    assert f"{which} is truncated or damaged" in refused(folder)


def test_other_files_of_the_folder_do_not_matter(tmp_path):
    folder = dicom_series(tmp_path / "ct", STORED)
    (folder / "readme.txt").write_text("exported on Monday")
    (folder / "viewer").mkdir()
    assert np.array_equal(values(folder), STORED)


def test_a_color_picture_is_refused(tmp_path):
    def paint(dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelData = bytes(3 * 7 * 8)

    folder = tmp_path / "screenshots"
    folder.mkdir()
    for k in range(2):
        dicom_file(folder / f"{k}.dcm", STORED[k], paint, ImagePositionPatient=[0, 0, k])
    assert "color" in refused(folder)


# Nuclear medicine images, all slices in one file


@pytest.mark.parametrize("step_mm", [4.0, -4.0], ids=["upward", "downward"])
def test_a_spect_in_one_file_is_read_in_the_direction_of_its_slices(tmp_path, step_mm):
    path = spect_file(tmp_path / "spect.dcm", STORED, step_mm)
    read = read_image(path, "SPECT")
    for k, pixels in enumerate(STORED):
        x, y, z = read.TransformPhysicalPointToIndex((-10.0, 20.0, 30.0 + k * step_mm))
        assert (x, y) == (0, 0) and np.array_equal(sitk.GetArrayFromImage(read)[z], pixels)
    assert np.array_equal(values(path), values(tmp_path)), "named by itself or by its folder"


def test_a_spect_in_one_file_is_rescaled_without_rounding(tmp_path):
    path = spect_file(tmp_path / "spect.dcm", STORED, RescaleSlope=0.01, RescaleIntercept=0)
    assert values(path) == pytest.approx(STORED * 0.01, rel=1e-6)


def test_a_spect_in_one_file_without_its_place_is_not_put_at_the_origin(tmp_path):
    def without(keyword):
        return lambda dataset: dataset.DetectorInformationSequence[0].__delattr__(keyword)

    path = spect_file(tmp_path / "a.dcm", STORED, change=without("ImagePositionPatient"))
    assert "position in the patient is not stated" in refused(path)
    path = spect_file(tmp_path / "b.dcm", STORED, change=without("ImageOrientationPatient"))
    assert "orientation of the slices is not stated" in refused(path)
    own = {"ImagePositionPatient": [-10.0, 20.0, 30.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    path = spect_file(tmp_path / "c.dcm", STORED, change=lambda d: d.__delattr__("DetectorInformationSequence"), **own)
    assert read_image(path, "SPECT").GetOrigin() == pytest.approx((-10.0, 20.0, 30.0))


def test_projections_gates_and_windows_are_no_volume(tmp_path):
    assert "its 6 frames are not one volume: nuclear medicine, tomo" in refused(
        spect_file(tmp_path / "a.dcm", STORED, kind="TOMO")
    )
    assert "recon gated tomo" in refused(spect_file(tmp_path / "b.dcm", STORED, kind="RECON GATED TOMO"))
    assert "6 frames for 3 slices" in refused(spect_file(tmp_path / "c.dcm", STORED, NumberOfSlices=3))


def test_one_slice_is_no_volume(tmp_path):
    folder = dicom_series(tmp_path / "ct", STORED)
    assert "single slice" in refused(folder / "slice007.dcm")


def test_other_objects_in_several_frames_are_named_and_refused(tmp_path):
    path = spect_file(tmp_path / "a.dcm", STORED, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")
    assert "it is of the kind DICOM segmentation" in refused(path)


# Real images


def test_the_real_spect_keeps_its_tiny_values(tmp_path):
    with tarfile.open(shared("spect_ct") / "dicoms.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    files = {p.parent for p in tmp_path.rglob("*.dcm") if "spect" in p.name}
    (folder,) = files
    read = read_volume(folder, "SPECT")
    slices = [pydicom.dcmread(p) for p in folder.iterdir()]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    true = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
    assert true.max() == pytest.approx(0.331373, rel=1e-5)
    np.testing.assert_allclose(sitk.GetArrayFromImage(read.image), true, rtol=1e-6)
    assert read.image.GetSize() == (128, 128, 209)
    assert read.image.GetSpacing() == pytest.approx((4.41806, 4.41806, 4.41806))
    assert (read.header.modality, read.header.rescale) == ("CT", "1.0113e-05")


def test_the_real_jpeg_2000_slices_without_a_class_are_read(tmp_path):
    read = read_image(shared("abdomen_ct_dicom"), "CT")
    assert read.GetSize() == (512, 512, 20)
    assert read.GetSpacing() == pytest.approx((0.9765625, 0.9765625, 2.0))
    array = sitk.GetArrayFromImage(read)
    assert (array.min(), array.max()) == (-1024, 1839)


def test_a_real_damaged_jpeg_2000_slice_is_named(tmp_path):
    files = sorted(shared("abdomen_ct_dicom").glob("CT.*"))[:6]
    for file in files:
        shutil.copyfile(file, tmp_path / file.name)
    os.truncate(tmp_path / files[-1].name, 80000)
    assert files[-1].name in refused(tmp_path)


def test_a_real_ct_with_its_segmentation_in_one_folder_is_taken():
    folder = shared("ct_with_seg")
    assert values(folder).shape == (3, 512, 512)
    assert "DICOM segmentation" in refused(folder / "liver_seg.dcm")
