"""Images keep values and place in every format; what is broken or means something else is refused in one sentence."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import center_of_mass_mm, image, shared
from shapes import FLIPPED, IDENTITY, PERMUTED, rotation

from Y90DosimetryLib.errors import GeometryError, InputError
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
