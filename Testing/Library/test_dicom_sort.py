"""A folder of anything is sorted by what its files are, and whatever can't be used is named, never the patient."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import CT_HU, PET, ct, pet, pydicom, rewritten, sorted_
from image_files import (
    INTERCEPT_TAG,
    NO_NUMBERS,
    SLOPE_TAG,
    center_of_mass_mm,
    dicom_file,
    dicom_series,
    image,
    overwritten,
    shared,
    spect_file,
)

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.io.dicom_header import scrubbed
from Y90DosimetryLib.io.dicom_sort import Kind
from Y90DosimetryLib.io.dicom_stack import read_stack

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
XRAY_3D = "1.2.840.10008.5.1.4.1.1.13.1.1"


def voxels(series):
    return sitk.GetArrayFromImage(read_stack(series, "image").image)


def refused(series, error=InputError):
    with pytest.raises(error) as told:
        read_stack(series, "image")
    assert told.value.remedy
    return str(told.value)


def test_each_series_is_taken_for_what_its_header_says(tmp_path):
    ct(tmp_path / "a", SeriesDescription="Arterial")
    pet(tmp_path / "b")
    spect_file(tmp_path / "maa.dcm", PET)
    spect_file(tmp_path / "planar.dcm", PET[:2], kind="WHOLE BODY", SeriesInstanceUID="1.9")
    spect_file(tmp_path / "raw.dcm", PET, kind="TOMO", SeriesInstanceUID="1.8")
    dicom_series(tmp_path / "c", CT_HU, SeriesInstanceUID="1.7", ManufacturerModelName="AXIOM-Artis", prefix="cb")
    mr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "SeriesInstanceUID": "1.6"}
    dicom_series(tmp_path / "mr", PET, prefix="mr", **mr)
    dicom_file(tmp_path / "page.dcm", PET[0], SOPClassUID=SECONDARY_CAPTURE, Modality="OT", SeriesInstanceUID="1.5")
    found = {s.kind: s for s in sorted_(tmp_path).series}
    assert list(found) == [Kind.CT, Kind.CBCT, Kind.SPECT, Kind.PET, Kind.PLANAR, Kind.MR, Kind.OTHER]
    assert found[Kind.CT].line == "1: CT 'Arterial', 6 files of 24 x 20"
    assert len(sorted_(tmp_path).of_kind(Kind.OTHER)) == 2


def test_other_files_duplicates_and_missing_files_are_counted(tmp_path):
    ct(tmp_path / "ct")
    shutil.copytree(tmp_path / "ct", tmp_path / "the same again")
    (tmp_path / "readme.txt").write_text("exported on Monday")
    (tmp_path / "empty").touch()
    directory = pydicom.Dataset()
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    records = [pydicom.Dataset() for _ in range(15)]
    for number, record in enumerate(records):
        record.ReferencedFileID = ["CT", f"{number}"]
    directory.DirectoryRecordSequence = pydicom.Sequence(records)
    directory.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    sorting = sorted_(tmp_path)
    assert (sorting.foreign_count, sorting.duplicate_count, sorting.absent_count) == (2, 6, 3)
    assert [len(s.files) for s in sorting.series] == [6]


def test_two_patients_are_told_apart_and_an_anonymous_series_goes_with_either(tmp_path):
    ct(tmp_path / "a")
    pet(tmp_path / "b", PatientID="008", PatientName="Other^Person")
    pet(tmp_path / "c", PatientID="", PatientName="", SeriesInstanceUID="1.2.9")
    sorting = sorted_(tmp_path)
    assert sorting.patients == (1, 2)
    assert [s.kind for s in sorting.of_patient(2).series] == [Kind.PET]
    listed = "\n".join(sorting.lines())
    assert "patient 2:" in listed
    for secret in ("Secret", "007", "008", "Other", "1.2.826"):
        assert secret not in listed


def test_the_same_name_written_otherwise_is_the_same_patient(tmp_path):
    ct(tmp_path / "a")
    pet(tmp_path / "b", PatientName="SECRET NAME")
    assert sorted_(tmp_path).patients == (1,)


@pytest.mark.parametrize(
    ("other", "patients"),
    [("MUELLER^JOERG", 1), ("Muller^Jorg^^Dr", 1), ("Müller", 1), ("Maier^Jörg", 2)],
)
def test_a_name_spelled_otherwise_under_the_same_id_is_the_same_patient(tmp_path, other, patients):
    latin = {"SpecificCharacterSet": "ISO_IR 100"}
    ct(tmp_path / "ct", PatientName="Müller^Jörg", PatientID="4711", **latin)
    pet(tmp_path / "pet", PatientName=other, PatientID="4711", **latin)
    assert len(sorted_(tmp_path).patients) == patients
    pet(tmp_path / "pet", PatientName=other, PatientID="4712", **latin)
    assert len(sorted_(tmp_path).patients) == 2


def test_the_same_id_and_name_born_on_another_day_is_another_patient(tmp_path):
    ct(tmp_path / "ct", PatientBirthDate="19501231")
    pet(tmp_path / "pet", PatientBirthDate="19501230")
    assert len(sorted_(tmp_path).patients) == 2


def test_a_name_in_a_description_or_file_name_is_blotted_out(tmp_path):
    ct(tmp_path / "ct", SeriesDescription="Liver SECRET Name")
    assert sorted_(tmp_path).series[0].description == "Liver *** ***"
    assert scrubbed("Li: SecretName07.dcm, living", frozenset({"li", "secret", "07"})) == "***: ***Name07.dcm, living"


def test_a_spect_labeled_as_capture_or_ct_is_for_the_user_to_name(tmp_path):
    dicom_series(tmp_path / "a", PET, SOPClassUID=SECONDARY_CAPTURE, RescaleSlope="1.0113e-5")
    dicom_series(tmp_path / "b", PET, RescaleSlope="1.0113e-5", SeriesInstanceUID="1.5", prefix="b")
    dicom_file(tmp_path / "screen.dcm", PET[0], SOPClassUID=SECONDARY_CAPTURE, Modality="OT", SeriesInstanceUID="1.6")
    first, second, screen = sorted_(tmp_path).series
    assert first.kind is second.kind is Kind.UNSURE
    assert "Secondary Capture labeled CT, pixels of 3 mm, slope 1.0113e-05" in first.why + second.why
    assert screen.kind is Kind.OTHER
    assert voxels(first) == pytest.approx(PET * 1.0113e-5, rel=1e-6)


def test_an_iodine_map_is_no_ct_in_hounsfield_units(tmp_path):
    ct(tmp_path / "ct", RescaleType="HU")
    ct(tmp_path / "iodine", RescaleType="MGML", SeriesInstanceUID="1.2.826.9", prefix="iodine")
    assert [s.kind for s in sorted_(tmp_path).series] == [Kind.CT, Kind.OTHER]
    assert "mg/mL" in sorted_(tmp_path).series[1].line


def test_an_empty_class_or_character_set_does_not_hide_a_series(tmp_path):
    def emptied(dataset):
        dataset.SOPClassUID = dataset.SpecificCharacterSet = ""

    ct(tmp_path / "ct", change=emptied)
    (series,) = sorted_(tmp_path).series
    assert series.kind is Kind.CT
    assert np.array_equal(voxels(series), CT_HU - 1024)


@pytest.mark.parametrize(
    "syntax",
    [
        "ImplicitVRLittleEndian",
        "ExplicitVRBigEndian",
        "DeflatedExplicitVRLittleEndian",
        "RLELossless",
        "JPEG2000Lossless",
        "JPEGLosslessSV1",
    ],
)
def test_every_transfer_syntax_gives_the_same_voxels(tmp_path, syntax):
    folder = ct(tmp_path / "ct", CT_HU[:3])
    for path in list(folder.iterdir()):
        rewritten(path, syntax)
    (series,) = sorted_(tmp_path).series
    assert np.array_equal(voxels(series), CT_HU[:3] - 1024)


def test_single_slices_that_say_they_have_one_frame_are_one_series(tmp_path):
    ct(tmp_path / "ct", NumberOfFrames=1)
    (series,) = sorted_(tmp_path).series
    assert np.array_equal(voxels(series), CT_HU - 1024)


def test_a_localizer_and_other_phases_in_one_series_fall_apart(tmp_path):
    folder = ct(tmp_path / "ct", AcquisitionNumber=1)
    ct(folder, CT_HU + 1, prefix="late", AcquisitionNumber=2)
    ct(folder, CT_HU[:1], prefix="scout", ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    series = sorted_(tmp_path).series
    assert [len(s.files) for s in series] == [6, 6, 1]
    assert [s.description for s in series] == [" (part 1)", " (part 2)", ""]
    assert series[2].why == "a single slice"
    assert np.array_equal(voxels(series[1]), CT_HU - 1023)


def test_phases_that_nothing_tells_apart_are_refused(tmp_path):
    ct(ct(tmp_path / "ct"), prefix="again")
    assert "share a position" in refused(sorted_(tmp_path).series[0], GeometryError)


def test_a_missing_slice_a_lost_position_and_a_single_slice_are_refused(tmp_path):
    heights = [0.0, 4.0, 8.0, 16.0, 20.0, 24.0]
    assert "1 slice is missing" in refused(sorted_(ct(tmp_path / "a", heights_mm=heights)).series[0], GeometryError)
    lost = sorted_(ct(tmp_path / "b", ImagePositionPatient=[])).series[0]
    assert "6 slices do not state their position" in refused(lost, GeometryError)
    assert "single slice" in refused(sorted_(ct(tmp_path / "c", CT_HU[:1])).series[0])
    assert "pixel size" in refused(sorted_(ct(tmp_path / "d", PixelSpacing=[])).series[0], GeometryError)


def test_a_tilted_gantry_is_named_with_its_angle_or_straightened(tmp_path):
    """A sphere scanned under a tilt of 14 degrees lies where it was once the stack is straight."""
    z, y, x = np.indices((24, 40, 30))
    shift_mm = 1.0
    place = np.stack([2.0 * x, 3.0 * y + shift_mm * z, 4.0 * z]) + np.array([-10, 20, 30])[:, None, None, None]
    ball = (np.linalg.norm(place - np.array([20, 90, 75])[:, None, None, None], axis=0) < 15) * 1000
    ct(tmp_path / "ct", ball, shift_mm=shift_mm)
    (series,) = sorted_(tmp_path).series
    assert "leans by 14.0 degrees" in refused(series, GeometryError)
    stack = read_stack(series, "CT", straighten=True)
    density = sitk.Cast(stack.image, sitk.sitkFloat32) + 1024
    assert center_of_mass_mm(density) == pytest.approx([20, 90, 75], abs=0.3)
    assert stack.image.GetOrigin() == pytest.approx((-10, 20, 30)), "the grid grows to where the slices moved"
    assert stack.image.GetSize() == (30, 40 + 8, 24)
    assert "tilted by 14.0 degrees" in stack.notes[0]


def test_slices_of_another_field_of_view_are_refused(tmp_path):
    folder = ct(tmp_path / "ct")
    path = next(p for p in folder.iterdir() if pydicom.dcmread(p).ImagePositionPatient[2] == 42)
    dataset = pydicom.dcmread(path)
    dataset.ImagePositionPatient = [-9.0, 20.0, 42.0]
    dataset.save_as(path)
    assert "do not lie one above the other" in refused(sorted_(tmp_path).series[0], GeometryError)


def test_a_slope_for_each_slice_is_not_rounded_to_the_first(tmp_path):
    slopes = [1, 0.5, 0.37, 2.25, 0.0123]
    pet(tmp_path / "pet", slopes=slopes)
    read = voxels(sorted_(tmp_path).series[0])
    assert read == pytest.approx(PET * np.array(slopes)[:, None, None], rel=1e-6)


def test_a_loss_by_compression_is_noted(tmp_path):
    pet(tmp_path / "pet", LossyImageCompression="01")
    assert "compressed with a loss" in read_stack(sorted_(tmp_path).series[0], "PET").notes[0]
    pet(tmp_path / "pet", LossyImageCompression="00")
    assert not read_stack(sorted_(tmp_path).series[0], "PET").notes


def test_a_scale_that_makes_no_numbers_is_refused(tmp_path):
    ct(tmp_path / "ct", RescaleIntercept="3.5e38", RescaleSlope="0.5")
    assert "2880 voxels are not a number or infinite" in refused(sorted_(tmp_path).series[0])


@pytest.mark.parametrize(
    ("tag", "raw"),
    [(SLOPE_TAG, b"0 "), *((t, r) for t in (SLOPE_TAG, INTERCEPT_TAG) for r in NO_NUMBERS)],
    ids=lambda value: {SLOPE_TAG: "slope", INTERCEPT_TAG: "intercept"}.get(value, repr(value)),
)
def test_a_scale_that_is_no_number_is_not_taken_for_1(tmp_path, tag, raw):
    folder = pet(tmp_path / "pet", RescaleSlope=0.25)
    overwritten(sorted(folder.iterdir())[2], tag, raw)
    assert "1 slice is without a usable Rescale" in refused(sorted_(tmp_path).series[0])


def test_cut_off_pixels_and_headers_are_told(tmp_path):
    folder = ct(tmp_path / "ct")
    first, second = sorted(folder.iterdir())[:2]
    os.truncate(first, first.stat().st_size - 100)
    os.truncate(second, 200)
    sorting = sorted_(tmp_path)
    assert sorting.damaged == (second.name,)
    assert f"1 file is truncated: {first.name}" in refused(sorting.series[0])


def test_compressed_pixels_without_their_end_are_never_handed_to_the_decoder(tmp_path):
    folder = ct(tmp_path / "ct")
    for path in folder.iterdir():
        rewritten(path, "RLELossless")
    cut = sorted(folder.iterdir())[2]
    assert sorted_(tmp_path).series[0].broken == ()
    with cut.open("ab") as stream:
        stream.write(b"\xfc\xff\xfc\xff\x4f\x42\0\0" + (5000).to_bytes(4, "little") + b"\0" * 5000)
    assert sorted_(tmp_path).series[0].broken == (), "elements may follow the pixels, DataSetTrailingPadding here"
    os.truncate(cut, 900)
    assert f"1 file is truncated: {cut.name}" in refused(sorted_(tmp_path).series[0])


def test_the_same_images_twice_are_one_volume_where_only_the_meta_header_names_them(tmp_path):
    folder = ct(tmp_path / "ct")
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = ""
        dataset.save_as(path)
        assert pydicom.dcmread(path).file_meta.MediaStorageSOPInstanceUID
    shutil.copytree(folder, tmp_path / "the same again")
    sorting = sorted_(tmp_path)
    assert sorting.duplicate_count == 6
    assert voxels(sorting.series[0]).shape == (6, 20, 24)


def test_names_in_latin_letters_that_are_no_utf_8_text_are_read(tmp_path):
    expected = voxels(sorted_(ct(tmp_path / "ct")).series[0])
    named = os.fsencode(tmp_path) + b"/caf\xe9"
    try:
        os.mkdir(named)
    except OSError:
        pytest.skip("this disk takes no such names")
    for path in (tmp_path / "ct").iterdir():
        shutil.copyfile(os.fsencode(path), named + b"/L\xe9ber_" + os.fsencode(path.name))
    shutil.rmtree(tmp_path / "ct")
    assert voxels(sorted_(tmp_path).series[0]) == pytest.approx(expected)


def test_archives_and_linked_folders_are_not_passed_over_in_silence(tmp_path):
    ct(tmp_path / "ct")
    (tmp_path / "ct" / "spect.zip").write_bytes(b"PK\3\4")
    notes = sorted_(tmp_path / "ct").file_notes
    assert notes == ("DICOM folder: 1 packed archive is not looked into: unpack what belongs to the case",)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "ct").symlink_to(tmp_path / "ct")
    with pytest.raises(InputError, match="no DICOM file among 0 files.*Links to other folders are not followed"):
        sorted_(tmp_path / "links")


# All slices in one file


@pytest.mark.parametrize("step_mm", [4.0, -4.0], ids=["upward", "downward"])
def test_a_spect_lies_where_its_detector_and_slice_vector_say(tmp_path, step_mm):
    order = [3, 1, 5, 2, 4]
    true = np.zeros_like(PET)
    for frame, number in zip(PET, order, strict=True):
        true[number - 1] = frame
    spect_file(tmp_path / "maa.dcm", PET, step_mm, SliceVector=order)
    read = read_stack(sorted_(tmp_path).series[0], "SPECT").image
    below = (-10.0, 20.0, 30.0 if step_mm > 0 else 30.0 - 16.0)
    expected = image(true if step_mm > 0 else true[::-1], origin=below)
    assert center_of_mass_mm(read) == pytest.approx(center_of_mass_mm(expected), abs=1e-4)
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(expected))


def test_a_spect_without_position_or_distance_is_not_guessed(tmp_path):
    def homeless(dataset):
        del dataset.DetectorInformationSequence[0].ImagePositionPatient

    spect_file(tmp_path / "a.dcm", PET, change=homeless)
    assert "neither of the image nor of the detector" in refused(sorted_(tmp_path).series[0], GeometryError)
    spect_file(tmp_path / "a.dcm", PET, None)
    assert "distance between slices" in refused(sorted_(tmp_path).series[0], GeometryError)
    spect_file(tmp_path / "a.dcm", PET, None, PixelSpacing=[4.0, 4.0])
    assert "taken from their thickness" in read_stack(sorted_(tmp_path).series[0], "SPECT").notes[0]
    spect_file(tmp_path / "a.dcm", PET, NumberOfSlices=1)
    assert "several energy windows" in refused(sorted_(tmp_path).series[0])
    spect_file(tmp_path / "a.dcm", PET, EnergyWindowVector=[1, 1, 1, 2, 2])
    assert "several energy windows" in refused(sorted_(tmp_path).series[0])


def test_a_cone_beam_ct_in_one_file_follows_its_frames(tmp_path):
    def grouped(dataset):
        def one(**elements):
            item = pydicom.Dataset()
            for name, value in elements.items():
                setattr(item, name, value)
            return pydicom.Sequence([item])

        dataset.SharedFunctionalGroupsSequence = one(
            PlaneOrientationSequence=one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
            PixelMeasuresSequence=one(PixelSpacing=[3.0, 2.0], SliceThickness=4.0),
            PixelValueTransformationSequence=one(RescaleSlope=2, RescaleIntercept=-100, RescaleType="US"),
        )
        places = [
            one(PlanePositionSequence=one(ImagePositionPatient=[-10.0, 20.0, 30.0 + 4.0 * k]))[0]
            for k in range(len(PET))[::-1]
        ]
        dataset.PerFrameFunctionalGroupsSequence = pydicom.Sequence(places)

    dicom_file(tmp_path / "cb.dcm", PET[::-1], grouped, SOPClassUID=XRAY_3D, Modality="XA", NumberOfFrames=len(PET))
    (series,) = sorted_(tmp_path).series
    assert series.kind is Kind.CBCT
    read = read_stack(series, "CBCT").image
    assert np.array_equal(sitk.GetArrayFromImage(read), PET * 2.0 - 100)
    assert read.GetSpacing() == pytest.approx((2.0, 3.0, 4.0))
    assert read.GetOrigin() == pytest.approx((-10.0, 20.0, 30.0))


# Odd and hostile files


def test_the_real_series_are_sorted(tmp_path):
    (found,) = sorted_(shared("abdomen_ct_dicom")).series
    assert (found.kind, len(found.files)) == (Kind.CT, 20)
    assert voxels(found).shape == (20, 512, 512)
    kinds = [s.kind for s in sorted_(shared("ct_with_seg")).series]
    assert kinds == [Kind.CT, Kind.SEG]
