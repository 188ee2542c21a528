"""Images keep values and place in every format; what is broken or means something else is refused in one sentence."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import CASE, case_file
from image_files import center_of_mass_mm, dicom_series, image, shared
from shapes import FLIPPED, IDENTITY, PERMUTED, rotation

from Y90DosimetryLib import assess
from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import array_of
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.volumes import digest, read_image, read_mask
from Y90DosimetryLib.structures import Role, Structure

VOXELS = np.random.default_rng(90).integers(0, 30000, (6, 7, 8)).astype(np.int16)
FORMATS = ("a.nrrd", "a.nhdr", "a.nii", "a.nii.gz", "a.mha", "a.mhd", "a.hdr")
ORIENTED = ("a.nrrd", "a.nii.gz", "a.mha")
DATA_FILES = {"a.nhdr": "a.raw", "a.mhd": "a.raw", "a.hdr": "a.img"}
COMPRESSED_DATA_FILES = {"a.nhdr": "a.raw.gz", "a.mhd": "a.zraw"}


def written(folder, name, compressed=False, made=None):
    path = folder / name
    sitk.WriteImage(made or image(VOXELS), str(path), useCompression=compressed)
    return path


def refused(path, error=InputError, label_value=None, mask=False):
    with pytest.raises(error) as told:
        read_mask(path, "CT", label_value) if mask else read_image(path, "CT")
    message = str(told.value)
    assert str(path) in message
    assert len(message) < 300 + len(str(path)), "more than a sentence"
    assert "\n" not in message and "ITK" not in message.replace("SimpleITK", "")
    assert told.value.remedy
    return message


@pytest.mark.parametrize(
    "direction", [IDENTITY, FLIPPED, PERMUTED, rotation(20, 35)], ids=["axial", "flip", "turn", "oblique"]
)
@pytest.mark.parametrize("name", ORIENTED)
def test_an_image_keeps_its_place_in_the_patient(tmp_path, name, direction):
    made = image(VOXELS, direction=direction)
    read = read_image(written(tmp_path, name, made=made), "CT")
    assert np.array_equal(sitk.GetArrayFromImage(read), VOXELS)
    assert center_of_mass_mm(read) == pytest.approx(center_of_mass_mm(made), abs=1e-4)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("name", FORMATS)
def test_an_image_cut_short_is_refused_and_a_whole_one_read(tmp_path, name, compressed):
    path = written(tmp_path, name, compressed)
    assert np.array_equal(sitk.GetArrayFromImage(read_image(path, "CT")), VOXELS)
    data = tmp_path / (COMPRESSED_DATA_FILES if compressed else {}).get(name, DATA_FILES.get(name, name))
    data = data if data.exists() else tmp_path / DATA_FILES[name]
    whole = data.read_bytes()
    for kept in (len(whole) // 2, len(whole) - 1):
        data.write_bytes(whole[:kept])
        assert "truncated" in refused(path)
    data.write_bytes(whole)
    assert read_image(path, "CT").GetSize() == (8, 7, 6)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz", "a.mha"])
def test_a_flipped_bit_in_compressed_voxels_is_noticed(tmp_path, name):
    path = written(tmp_path, name, compressed=True)
    whole = bytearray(path.read_bytes())
    whole[-len(whole) // 3] ^= 0x10
    path.write_bytes(bytes(whole))
    assert "damaged" in refused(path) or "no image" in refused(path)


def test_gzip_streams_one_after_another_are_one_file(tmp_path):
    path = written(tmp_path, "a.nii")
    plain = path.read_bytes()
    both = tmp_path / "b.nii.gz"
    both.write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]))
    assert np.array_equal(sitk.GetArrayFromImage(read_image(both, "CT")), VOXELS)


def test_rescaled_nifti_values_are_not_rounded(tmp_path):
    path = written(tmp_path, "a.nii")
    head = bytearray(path.read_bytes())
    head[112:120] = struct.pack("<ff", 1e-5, 0.25)  # scl_slope, scl_inter
    path.write_bytes(bytes(head))
    assert sitk.GetArrayFromImage(read_image(path, "CT")) == pytest.approx(VOXELS * 1e-5 + 0.25, rel=1e-6)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii", "a.mha", "a.dcm", "notes.txt"])
@pytest.mark.parametrize("content", ["hello world\n", ""], ids=["text", "empty"])
def test_a_file_that_is_no_image_is_called_so(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert "no image" in refused(tmp_path / name)


def test_a_missing_file_is_called_missing(tmp_path):
    assert "no such file" in refused(tmp_path / "a.nrrd")


def test_voxels_missing_beside_their_header_are_noticed(tmp_path):
    path = written(tmp_path, "a.nhdr")
    (tmp_path / "a.raw").unlink()
    refused(path)


def test_a_folder_without_images_is_refused_with_a_hint(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    assert "no DICOM image" in refused(tmp_path)
    (tmp_path / "series 2").mkdir()
    assert "series 2" in refused(tmp_path)


def test_only_one_volume_of_one_quantity_is_an_image(tmp_path):
    four = sitk.JoinSeries([image(VOXELS), image(VOXELS)])
    assert "4 dimensions" in refused(written(tmp_path, "four.nrrd", made=four), GeometryError)
    flat = sitk.GetImageFromArray(VOXELS[0])
    assert "2 dimensions" in refused(written(tmp_path, "flat.nrrd", made=flat), GeometryError)
    color = sitk.Compose([sitk.Cast(image(VOXELS), sitk.sitkUInt8)] * 3)
    assert "several values" in refused(written(tmp_path, "color.mha", made=color))


def test_skewed_axes_are_refused(tmp_path):
    path = tmp_path / "tilted.nrrd"
    head = (
        "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 2 2\n"
        "space directions: (1,0,0) (0,1,0) (0,0.3,1)\nkinds: domain domain domain\nencoding: raw\n"
        "space origin: (0,0,0)\n\n"
    )
    path.write_bytes(head.encode() + bytes(8))
    assert "skewed" in refused(path, GeometryError)


def test_skewed_axes_of_a_nifti_file_are_refused(tmp_path):
    path = written(tmp_path, "tilted.nii")
    head = bytearray(path.read_bytes())
    head[252:256] = struct.pack("<hh", 0, 2)  # no quaternion, but the affine matrix below
    head[280:328] = struct.pack("<12f", 2, 0, 0, 0, 0, 3, 1.5, 0, 0, 0, 4, 0)
    path.write_bytes(bytes(head))
    assert "skewed" in refused(path, GeometryError)


def test_what_a_header_says_of_the_patient_stays_in_the_file(tmp_path):
    named = image(VOXELS)
    named.SetMetaData("0010|0010", "Secret^Name")
    path = written(tmp_path, "a.nrrd", made=named)
    assert b"Secret" in path.read_bytes()
    assert not read_image(path, "CT").GetMetaDataKeys()


# Masks


def labels():
    """Label 1 is a block of 2 x 3 x 4 voxels (x, y, z), label 5 another of 1 x 1 x 2."""
    array = np.zeros((10, 11, 12), dtype=np.int16)
    array[3:7, 4:7, 5:7] = 1
    array[0:2, 0, 11] = 5
    return array


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(20, 35)], ids=["axial", "flip", "oblique"])
def test_a_mask_is_cut_to_its_box_and_keeps_volume_and_place(tmp_path, direction):
    whole = image((labels() == 1).astype(np.uint8), direction=direction)
    path = written(tmp_path, "tumor.nrrd", True, whole)
    mask = read_mask(path, "tumor")
    assert mask.GetSize() == (2, 3, 4)
    assert mask.GetPixelID() == sitk.sitkUInt8
    for one in (mask, whole):
        assert Structure(Role.TUMOR, "Tumor", one).volume_ml == pytest.approx(2 * 3 * 4 * 0.024, rel=1e-9)
    assert center_of_mass_mm(mask) == pytest.approx(center_of_mass_mm(whole), abs=1e-6)


def test_one_label_of_several_is_taken_by_its_value(tmp_path):
    path = written(tmp_path, "labels.nii.gz", made=image(labels()))
    assert read_mask(path, "liver", 5).GetSize() == (1, 1, 2)
    assert sitk.GetArrayFromImage(read_mask(path, "liver", 1)).all()
    assert "several labels: 1, 5" in refused(path, mask=True)
    assert "no voxel has the label 4. It holds: 1, 5" in refused(path, mask=True, label_value=4)


def test_a_mask_saved_as_floating_point_is_read_but_fractions_are_not(tmp_path):
    ones = (labels() == 1).astype(np.float64)
    assert read_mask(written(tmp_path, "a.nii", made=image(ones)), "liver").GetPixelID() == sitk.sitkUInt8
    assert "fractions" in refused(written(tmp_path, "b.nii", made=image(ones * 0.5)), mask=True)


def test_an_empty_mask_is_refused(tmp_path):
    assert "empty" in refused(written(tmp_path, "a.nrrd", made=image(np.zeros((3, 3, 3), np.uint8))), mask=True)


# Digests


def test_the_digest_is_that_of_the_files_content(tmp_path):
    path = written(tmp_path, "a.nrrd")
    assert digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("name", "data"), list(DATA_FILES.items()))
def test_the_digest_covers_voxels_in_a_file_of_their_own(tmp_path, name, data):
    path = written(tmp_path, name)
    both = "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}\n" for f in (path, tmp_path / data))
    assert digest(path) == hashlib.sha256(both.encode()).hexdigest()


def test_the_digest_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        digest(tmp_path / "a.nrrd")


# Real images


def median_inside_hu(ct, mask, shift_mm=0.0):
    moved = sitk.TranslationTransform(3, (0.0, 0.0, shift_mm))
    inside = sitk.Resample(ct, mask, moved, sitk.sitkNearestNeighbor, -2000.0)
    return np.median(sitk.GetArrayFromImage(inside)[sitk.GetArrayFromImage(mask) > 0])


def test_real_masks_on_another_grid_than_their_ct_are_read_where_they_say_they_lie():
    folder = shared("torso_ct")
    ct, liver = read_image(folder / "ct.nii.gz", "CT"), read_mask(folder / "liver.nii.gz", "liver")
    lung = read_mask(folder / "lung_lower_lobe_right.nii.gz", "lung")
    assert ct.GetSize() == (122, 101, 112)
    assert Structure(Role.LIVER, "Liver", liver).volume_ml == pytest.approx(1062, abs=1)
    assert median_inside_hu(ct, lung) > -100, "their headers put them at the CT's first slices, which they don't show"
    higher_mm = (112 - 30) * 3.0  # they were drawn on the last 30 slices
    assert -900 < median_inside_hu(ct, lung, higher_mm) < -700
    assert 40 < median_inside_hu(ct, liver, higher_mm) < 60


def test_a_real_label_map_falls_on_the_liver_of_its_dicom_ct():
    folder = shared("abdomen_ct_dicom")
    ct, liver = read_image(folder, "CT"), read_mask(folder / "labels.nii.gz", "liver", 5)
    assert Structure(Role.LIVER, "Liver", liver).volume_ml == pytest.approx(699, abs=1)
    assert 60 < median_inside_hu(ct, liver) < 160


# A place that the case file states


def stated(path, **keys):
    """Move an image into a TIFF, and return the table that says where it lies."""
    made = sitk.ReadImage(str(path))
    bare = sitk.GetImageFromArray(sitk.GetArrayFromImage(made))
    sitk.WriteImage(bare, str(path.with_suffix(".tif")))
    axes = [list(axis) for axis in np.reshape(made.GetDirection(), (3, 3)).T.tolist()]
    known = {"spacing_mm": list(made.GetSpacing()), "origin_mm": list(made.GetOrigin()), "direction": axes, **keys}
    path.unlink()
    lines = [f"{key} = {value}" for key, value in known.items()]
    return "\n".join(["[[geometry]]", f'file = "{path.stem}.tif"', *lines, ""])


def test_a_tiff_whose_place_is_stated_gives_the_dose_of_the_nrrd(tmp_path):
    known = CASE.replace("[disease]", '[disease]\nmaa_site = "lobar"')
    path, names = case_file(tmp_path), ("ct.nrrd", "labels.nrrd", "maa.nrrd")
    for name in (*names, "perfused.nii.gz"):
        made = sitk.ReadImage(str(tmp_path / name))
        made.SetDirection(np.ravel(rotation(20, 35)).tolist())
        sitk.WriteImage(made, str(tmp_path / name))
    path.write_text(known, encoding="utf-8")
    right = assess(read_case(path))
    tables = [stated(tmp_path / name) for name in names]
    text = "\n".join([known, *tables])
    for name in names:
        text = text.replace(f'"{name}"', f'"{name.replace("nrrd", "tif")}"')
    path.write_text(text, encoding="utf-8")
    same = assess(read_case(path))
    dose, other = right.dose_map, same.dose_map
    assert array_of(other.image) == pytest.approx(array_of(dose.image), rel=1e-6) and array_of(dose.image).max() > 50
    assert other.image.TransformIndexToPhysicalPoint((3, 4, 2)) == pytest.approx(
        dose.image.TransformIndexToPhysicalPoint((3, 4, 2))
    )
    for a, b in zip(same.case.structures, right.case.structures, strict=True):
        assert a.volume_ml == pytest.approx(b.volume_ml, rel=1e-9)
    told = "its spacing, origin and direction are stated in the case file"
    assert [note for note in same.case.notes if told in note] == [f"{n[:-5]}.tif: {told}" for n in names]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"direction": [[1, 0, 0], [0, 1, 0]]}, "'direction' has 2 axes"),
        ({"direction": [[1, 0, 0], [0, 1, 0.1], [0, 0, 1]]}, "skewed"),
        ({"direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}, "a list of threes of numbers"),
        ({"spacing_mm": [0, 1, 1]}, "not usable"),
        ({"spacing_mm": [1, 1]}, "three numbers"),
        ({"origin_mm": "[0, 0, nan]"}, "finite"),
        ({"origin_mm": "[0, 0, 1e300]"}, "origin_mm"),
    ],
)
def test_an_impossible_geometry_is_refused(tmp_path, keys, says):
    path = case_file(tmp_path)
    path.write_text(CASE.replace("maa.nrrd", "maa.tif") + stated(tmp_path / "maa.nrrd", **keys), encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_case(path)


def test_a_geometry_belongs_to_one_image_that_states_none(tmp_path):
    path = case_file(tmp_path)
    table = stated(tmp_path / "ct.nrrd")
    for more, says in (
        ("", r"TIFF does not state where .* in the case file under \[\[geometry\]\]"),
        (table + table, "stated twice"),
        (table + table.replace("ct.tif", "no.tif"), "no image and no structure of the case"),
        (table + table.replace("ct.tif", "maa.nrrd"), "its header states a geometry, and so does"),
    ):
        path.write_text(CASE.replace("ct.nrrd", "ct.tif") + more, encoding="utf-8")
        with pytest.raises(InputError, match=says):
            read_case(path)
    dicom_series(tmp_path / "dicom", np.zeros((10, 12, 14)))
    path.write_text(CASE.replace("ct.nrrd", "dicom") + table.replace("ct.tif", "dicom"), encoding="utf-8")
    with pytest.raises(InputError, match="a geometry is stated for DICOM"):
        read_case(path)
