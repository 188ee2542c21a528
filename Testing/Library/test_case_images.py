"""The images of a case: their unit is stated, never guessed; what reading changed is noted; a case survives writing."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import CASE, MAA_SPACING_MM, case_file, counts, read, refused
from image_files import PET_IMAGE, center_of_mass_mm, dicom_series, image, segmentation, shared
from shapes import FLIPPED, rotation

from Y90DosimetryLib.case import (
    Basis,
    Case,
    CountReference,
    Disease,
    DoseModel,
    Encephalopathy,
    Grade,
    Infusion,
    Intent,
    Patient,
    Session,
    Settings,
    Vial,
)
from Y90DosimetryLib.errors import Cancelled, InputError
from Y90DosimetryLib.images import ActivityMap, CountMap, CtImage
from Y90DosimetryLib.io.case_file import read_case, read_case_file, write_case
from Y90DosimetryLib.structures import Role, Structure

COUNTS = 'image_values = "counts"'
AT = "image_time = 2026-03-05T09:00:00+01:00"
PET_AT = datetime(2026, 3, 5, 9, tzinfo=timezone(timedelta(hours=1)))


def maa(folder, array):
    """Replace the image of the session."""
    case_file(folder)
    sitk.WriteImage(image(array, MAA_SPACING_MM), str(folder / "maa.nrrd"))


def voxels(case):
    return sitk.GetArrayFromImage(case.sessions[0].image.image)


# Units


def test_counts_are_relative_and_bq_ml_hold_at_an_instant(tmp_path):
    assert isinstance(read(tmp_path).sessions[0].image, CountMap)
    pet = read(tmp_path, COUNTS, f'image_values = "bq_ml"\n{AT}').sessions[0].image
    assert isinstance(pet, ActivityMap)
    assert pet.reference_time == PET_AT
    corrected = (
        read(tmp_path, COUNTS, 'image_values = "bq_ml"\nimage_decay_corrected_to = "infusion"').sessions[0].image
    )
    assert isinstance(corrected, ActivityMap)
    assert corrected.reference_time is None


@pytest.mark.parametrize(("unit", "bq_ml"), [("bq_ml", 1), ("kbq_ml", 1e3), ("mbq_ml", 1e6)])
@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
def test_activity_is_converted_to_bq_ml_once_and_noted(tmp_path, unit, bq_ml, kind):
    maa(tmp_path, counts().astype(kind))
    case = read(tmp_path, COUNTS, f'image_values = "{unit}"\n{AT}')
    assert voxels(case) == pytest.approx(counts() * bq_ml, rel=1e-6)
    assert ("Bq/mL" in "".join(case.notes)) == (unit != "bq_ml")


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("", "'image_values' is missing"),
        ('image_values = "suv"', "Write one of: counts, bq_ml"),
        ('image_values = "bq_ml"', "no reference time"),
        (f"{COUNTS}\n{AT}", "'image_time' is given for counts"),
        (f'image_values = "bq_ml"\n{AT}\nimage_decay_corrected_to = "infusion"', "are both given"),
        (
            'image_values = "bq_ml"\nimage_time = 2026-03-05T09:00:00',
            "[[sessions]] 'Plan', image_time: the time 2026-03-05T09:00:00 has no time zone",
        ),
    ],
)
def test_a_unit_or_an_instant_is_never_guessed(tmp_path, new, says):
    assert says in refused(tmp_path, COUNTS, new)


def test_suv_is_not_taken_for_bq_ml(tmp_path):
    dicom_series(tmp_path / "pet", counts(), SOPClassUID=PET_IMAGE, Modality="PT", Units="GML")
    case_file(tmp_path)
    absolute = f'image = "pet"\nimage_values = "bq_ml"\n{AT}'
    assert "the header names no nuclide" in refused(tmp_path, f'image = "maa.nrrd"\n{COUNTS}', absolute)
    relative = read(tmp_path, 'image = "maa.nrrd"', 'image = "pet"')
    assert isinstance(relative.sessions[0].image, CountMap)


# Values


def test_a_few_negative_voxels_are_set_to_zero_and_noted(tmp_path):
    array = counts()
    array[0, 0, :2] = -10
    maa(tmp_path, array)
    case = read(tmp_path)
    assert np.array_equal(voxels(case), counts())
    assert case.notes == ("image of session 'Plan': 2 negative voxels (0.33 % of the positive total) set to 0",)


def test_an_image_of_hounsfield_units_is_no_count_image(tmp_path):
    maa(tmp_path, np.full((5, 6, 7), -1000, np.int16))
    assert "(a CT?)" in refused(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["ct", "maa"])
def test_values_that_are_no_number_are_refused(tmp_path, name, value):
    array = np.full((5, 6, 7), 50.0, np.float32)
    array[2, 3, 4] = value
    case_file(tmp_path)
    sitk.WriteImage(image(array), str(tmp_path / f"{name}.nrrd"))
    assert "1 voxels are not a number or infinite" in refused(tmp_path)


@pytest.mark.parametrize("name", ["ct.nrrd", "labels.nrrd", "perfused.nii.gz", "maa.nrrd"])
def test_a_broken_image_is_named_with_its_place_in_the_case(tmp_path, name):
    case_file(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-20])
    place = {"ct.nrrd": "CT", "labels.nrrd": "structure 'Liver'", "perfused.nii.gz": "structure 'Right lobe'"}
    message = refused(tmp_path)
    assert message.startswith(place.get(name, "image of session 'Plan'"))
    assert str(tmp_path / name) in message
    assert "truncated" in message
    (tmp_path / name).unlink()
    assert "no such file" in refused(tmp_path)


# Structures


def test_masks_keep_their_own_grids(tmp_path):
    case = read(tmp_path)
    liver, tumor, perfused = case.structures
    assert (tumor.voxel_count, tumor.mask.GetSize()) == (2 * 3 * 2, (2, 3, 2))
    assert liver.volume_ml == pytest.approx((7 * 8 * 10 - 12) * 0.648)
    assert perfused.volume_ml == pytest.approx(7 * 8 * 5 * 0.648)
    corner = np.array(tumor.mask.GetOrigin())
    assert corner == pytest.approx(np.array([-10, 20, 30]) + [8 * 6, 5 * 9, 4 * 12])


def test_a_segmentation_gives_structures_and_notes_what_is_left_out(tmp_path):
    labels = np.zeros((10, 12, 14), dtype=np.uint8)
    labels[2:9, 2:10, 2:12] = 1
    labels[4:6, 5:8, 8:10] = 2
    names = {"Segment0_Name": "Liver", "Segment0_LabelValue": "1", "Segment1_Name": "Vena cava"}
    segmentation(tmp_path / "s.seg.nrrd", labels, names | {"Segment1_LabelValue": "2"})
    one_by_one = CASE[CASE.index("[[structures]]") : CASE.index('[[structures]]\nlabel = "Right lobe"')]
    by_name = '[segmentation]\nfile = "s.seg.nrrd"\nroles = "by_name"\n\n'
    case = read(tmp_path, one_by_one, by_name)
    assert [(s.label, s.role) for s in case.structures] == [("Right lobe", Role.PERFUSED), ("Liver", Role.LIVER)]
    assert case.notes == ("segmentation: left out, as they have no role: Vena cava",)
    table = by_name.replace('"by_name"', '{ "Liver" = "liver", "Vena cava" = "tumor" }')
    assert read(tmp_path, one_by_one, table).one(Role.LIVER).label == "Liver"
    assert "Did you mean 'liver'?" in refused(tmp_path, one_by_one, table.replace('= "liver"', '= "livr"'))
    assert "Did you mean 'Liver'?" in refused(tmp_path, one_by_one, table.replace('"Liver"', '"Livr"'))
    assert "by_name" in refused(tmp_path, one_by_one, by_name.replace("by_name", "byname"))


# What went in


def test_every_file_that_was_read_is_listed_with_its_digest(tmp_path):
    heard = []
    inputs = read_case_file(case_file(tmp_path), lambda fraction, doing: heard.append((fraction, doing))).inputs
    assert [(i.name, i.path) for i in inputs] == [
        ("case file", "case.toml"),
        ("CT", "ct.nrrd"),
        ("structure 'Liver'", "labels.nrrd"),
        ("structure 'Tumor 1'", "labels.nrrd"),
        ("structure 'Right lobe'", "perfused.nii.gz"),
        ("image of session 'Plan'", "maa.nrrd"),
    ]
    assert all(i.sha256 == hashlib.sha256((tmp_path / i.path).read_bytes()).hexdigest() for i in inputs)
    assert [doing for _, doing in heard] == [f"reading {i.name}" for i in inputs]
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] < 1


def test_reading_can_be_stopped(tmp_path):
    def stop(_fraction, _doing):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        read_case_file(case_file(tmp_path), stop)


def test_a_wrong_modality_a_rescale_and_another_frame_are_noted(tmp_path):
    stored = np.where(np.indices((6, 7, 8))[2] == 0, 0, 1074)
    dicom_series(tmp_path / "ct", stored, RescaleIntercept=-1024, FrameOfReferenceUID="1.2.9.1")
    dicom_series(tmp_path / "spect", counts() * 100, RescaleSlope="1.0113e-5", FrameOfReferenceUID="1.2.9.2")
    case_file(tmp_path)
    images = CASE.replace("ct.nrrd", "ct").replace("maa.nrrd", "spect")
    name = "image of session 'Plan': "
    assert read(tmp_path, CASE, images).notes == (
        f"{name}its DICOM header says modality CT; used as the case file says",
        f"{name}stored values times the DICOM rescale slope 1.0113e-05",
        f"{name}another DICOM frame of reference than the CT; check that both are registered",
    )


def test_an_mr_is_no_ct_and_a_series_can_be_chosen(tmp_path):
    stored = np.where(np.indices((6, 7, 8))[2] == 0, 0, 1100)
    dicom_series(tmp_path / "both", stored, RescaleIntercept=-1024, Modality="MR")
    dicom_series(tmp_path / "both", stored, prefix="b", RescaleIntercept=-1000, SeriesInstanceUID="1.2.3.5")
    dicom_series(tmp_path / "both", stored, prefix="c", RescaleIntercept=-1024, SeriesInstanceUID="1.2.3.6")
    case = read(tmp_path, 'ct = "ct.nrrd"', 'ct = "both"\nseries = "1.2.3.5"')
    assert case.ct.image[1, 0, 0] == 100
    assert "3 series" in refused(tmp_path, 'ct = "ct.nrrd"', 'ct = "both"')
    assert "it is of the kind MR" in refused(tmp_path, 'ct = "ct.nrrd"', 'ct = "both"\nseries = "1.2.3.4"')


# Writing a case and reading it again


def full_case(direction):
    """A case that uses every field."""
    labels = np.zeros((10, 12, 14), dtype=np.uint8)
    labels[2:9, 2:10, 2:12] = 1
    grid = {"direction": direction}
    liver = image(labels, **grid)
    tumor = image((labels * (np.indices(labels.shape)[0] == 5)).astype(np.int32) * 300, (1.0, 1.5, 2.0), **grid)
    zone = timezone(timedelta(hours=5, minutes=30))
    plan = Infusion(
        'Süd "A"', Vial(3.1, PET_AT), "Right / lobe", datetime(2026, 3, 6, 8, 1, 2, tzinfo=zone), 0.01, 0.05
    )
    given = Infusion("B", Vial(1 / 3), "Right / lobe", None, None, None, True, 4.25)
    rng = np.random.default_rng(1)
    spect = CountMap(image(rng.integers(0, 99, (5, 6, 7)).astype(np.uint16), (4.4, 4.4, 4.4), **grid))
    pet = ActivityMap(image(rng.random((5, 6, 7)), (4.0, 4.0, 3.0), **grid), PET_AT)
    corrected = ActivityMap(image(rng.random((5, 6, 7)).astype(np.float32), (4.0, 4.0, 3.0), **grid))
    return Case(
        'A "case"\\1',
        (
            Structure(Role.LIVER, "Liver", liver),
            Structure(Role.PERFUSED, "Right / lobe", liver),
            Structure(Role.TUMOR, "T", tumor),
        ),
        (
            Session("Plan", (plan,), spect),
            Session("PET", (plan, given), pet, Basis.DELIVERED, "Plan"),
            Session("Later", (given,), corrected),
            Session("No image", (given,)),
        ),
        CtImage(image((labels * 60).astype(np.int16) - 1000, **grid)),
        Patient(70.5, 171.0, 12.0, 41.0, 1.1, 80.0, 90.0, Grade.SLIGHT, Encephalopathy.GRADE_1_2, 1, 1234.5),
        Disease(4, Intent.DOWNSTAGING, {"device": "glass", "surgery_date": date(2026, 9, 1), "downstaged": True}),
        Settings(
            49.67,
            64.042,
            1.06,
            None,
            "mosteller",
            "yu",
            DoseModel.KERNEL,
            CountReference.PERFUSED,
            4000.0,
            "Asia/Tokyo",
        ),
        ("first note", "a second one"),
    )


def assert_same_image(read_back, made):
    assert np.array_equal(sitk.GetArrayFromImage(read_back), sitk.GetArrayFromImage(made))
    for part in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(read_back, part)() == pytest.approx(getattr(made, part)(), abs=1e-9)


@pytest.mark.parametrize("direction", [np.eye(3), FLIPPED, rotation(20, 35)], ids=["axial", "flip", "oblique"])
def test_a_case_survives_writing_and_reading(tmp_path, direction):
    case = full_case(direction)
    write_case(case, tmp_path / "case")
    again = read_case(tmp_path / "case" / "case.toml")
    plain = {"structures": (), "sessions": (), "ct": None}
    assert replace(again, **plain) == replace(case, **plain)
    assert_same_image(again.ct.image, case.ct.image)
    for found, made in zip(again.structures, case.structures, strict=True):
        assert (found.role, found.label, found.voxel_count) == (made.role, made.label, made.voxel_count)
        assert center_of_mass_mm(found.mask) == pytest.approx(center_of_mass_mm(made.mask != 0), abs=1e-9)
    for found, made in zip(again.sessions, case.sessions, strict=True):
        assert replace(found, image=None) == replace(made, image=None)
        assert type(found.image) is type(made.image)
        if made.image is not None:
            assert_same_image(found.image.image, made.image.image)
            assert getattr(found.image, "reference_time", 0) == getattr(made.image, "reference_time", 0)


def test_two_writings_of_a_case_give_the_same_files(tmp_path):
    digests = []
    for name in ("a", "b"):
        write_case(full_case(np.eye(3)), tmp_path / name)
        digests.append([i.sha256 for i in read_case_file(tmp_path / name / "case.toml").inputs])
    assert digests[0] == digests[1]


def test_a_bare_case_is_written_too_and_nothing_is_overwritten(tmp_path):
    write_case(Case("Bare", ()), tmp_path / "case")
    assert replace(read_case(tmp_path / "case" / "case.toml")) == Case("Bare", ())
    with pytest.raises(InputError, match="not empty"):
        write_case(Case("Bare", ()), tmp_path / "case")


# Real images


def test_the_real_spect_becomes_a_count_image_with_a_note_on_its_modality(tmp_path):
    with tarfile.open(shared("spect_ct") / "dicoms.tar.xz") as archive:
        archive.extractall(tmp_path / "images", filter="data")
    folders = {p.parent for p in (tmp_path / "images").rglob("*.dcm")}
    ct = next(f for f in folders if list(f.glob("ct*")))
    spect = next(f for f in folders if list(f.glob("spect*")))
    case_file(tmp_path)
    case = read(tmp_path, CASE, CASE.replace("ct.nrrd", ct.as_posix()).replace("maa.nrrd", spect.as_posix()))
    assert case.ct.image.GetSize() == (124, 72, 190)
    assert voxels(case).sum(dtype=np.float64) == pytest.approx(64.33, rel=1e-3)
    assert [note.split(": ")[1].split(";")[0] for note in case.notes] == [
        "its DICOM header says modality CT",
        "stored values times the DICOM rescale slope 1.0113e-05",
    ]
