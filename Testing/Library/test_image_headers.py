"""What a header says: a place is stated or the image is refused, and nothing it names is opened unchecked."""

from __future__ import annotations

import bz2
import gzip
import os
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import center_of_mass_mm, image
from shapes import FLIPPED, PERMUTED, rotation

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import CountMap, CtImage
from Y90DosimetryLib.io import stored
from Y90DosimetryLib.io.volumes import digest, read_image
from Y90DosimetryLib.structures import Role, Structure

VOXELS = np.random.default_rng(15).integers(0, 30000, (6, 7, 8)).astype(np.int16)
NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "8 7 6",
    "space directions": "(2,0,0) (0,3,0) (0,0,4)",
    "space origin": "(-10,20,30)",
    "endian": "little",
    "encoding": "raw",
}
META = {
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-10 20 30",
    "ElementSpacing": "2 3 4",
    "DimSize": "8 7 6",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def nrrd(path, voxels=None, more="", **changed):
    """Write a NRRD; a field that is None is left out, "_" stands for a blank in its name."""
    fields = {**NRRD, **{name.replace("_", " "): value for name, value in changed.items()}}
    head = "NRRD0004\n" + "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None) + more
    path.write_bytes(head.encode() + b"\n" + (VOXELS.tobytes() if voxels is None else voxels))
    return path


def meta(path, voxels=None, more="", separator=" = ", **changed):
    """Write a MetaImage; an entry that is None is left out."""
    entries = {name: value for name, value in {**META, **changed}.items() if value is not None}
    entries["ElementDataFile"] = entries.pop("ElementDataFile")  # the last by definition
    head = "".join(f"{name}{separator}{value}\n" for name, value in entries.items()) + more
    path.write_bytes(head.encode() + (VOXELS.tobytes() if voxels is None else voxels))
    return path


def refused(path, error=InputError) -> str:
    with pytest.raises(error) as told:
        read_image(path, "CT")
    message = str(told.value)
    assert str(path) in message and "\n" not in message and told.value.remedy
    return message


def same(read: sitk.Image, made: sitk.Image) -> None:
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(made))
    assert center_of_mass_mm(read) == pytest.approx(center_of_mass_mm(made), abs=1e-4)
    assert read.GetSpacing() == pytest.approx(made.GetSpacing(), rel=1e-6)


# Every way to write a whole image is read alike


@pytest.mark.parametrize("direction", [FLIPPED, PERMUTED, rotation(20, 35)], ids=["flip", "turn", "oblique"])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd", "a.nii", "a.nii.gz", "a.hdr"])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_what_simpleitk_wrote_is_read_as_it_was(tmp_path, name, direction, kind):
    made = image(VOXELS.astype(kind), direction=direction)
    sitk.WriteImage(made, str(tmp_path / name), useCompression=kind == "i2")
    read = read_image(tmp_path / name, "CT")
    same(read, made)
    assert read.GetPixelID() == made.GetPixelID()


@pytest.mark.parametrize(
    ("encoding", "voxels"),
    [
        ("raw", VOXELS.tobytes()),
        ("gzip", gzip.compress(VOXELS.tobytes())),
        ("bzip2", bz2.compress(VOXELS.tobytes())),
        ("ascii", " ".join(map(str, VOXELS.ravel())).encode()),
    ],
)
def test_every_encoding_of_nrrd_is_read_and_noticed_when_cut_short(tmp_path, encoding, voxels):
    same(read_image(nrrd(tmp_path / "a.nrrd", voxels, encoding=encoding), "CT"), image(VOXELS))
    assert "truncated" in refused(nrrd(tmp_path / "b.nrrd", voxels[: len(voxels) - 8], encoding=encoding))


@pytest.mark.parametrize("order", ["little", "big"])
def test_both_byte_orders_are_read(tmp_path, order):
    voxels = VOXELS.astype("<i2" if order == "little" else ">i2").tobytes()
    same(read_image(nrrd(tmp_path / "a.nrrd", voxels, endian=order), "CT"), image(VOXELS))
    big = {"BinaryDataByteOrderMSB": str(order == "big")}
    same(read_image(meta(tmp_path / "a.mha", voxels, **big), "CT"), image(VOXELS))


def test_headers_that_follow_the_letter_of_their_format_are_read(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"12345678" + VOXELS.tobytes())
    other = {"space": "RAS", "space_origin": "(10,-20,30)", "space_directions": "(-2,0,0) (0,-3,0) (0,0,4)"}
    forms = [
        nrrd(tmp_path / "a.nhdr", b"", "DATA FILE: a.raw\nbyte skip: 8\n"),
        nrrd(tmp_path / "b.nhdr", b"", "datafile: a.raw\nbyteskip: -1\n"),
        nrrd(tmp_path / "c.nrrd", b"one\ntwo\n" + VOXELS.tobytes(), "line skip: 2\n# a remark\nkey:=value\n"),
        nrrd(tmp_path / "d.nrrd", **other),
        nrrd(
            tmp_path / "e.nrrd",
            space="left-anterior-superior",
            space_origin="(-10,-20,30)",
            space_directions="(2,0,0) (0,-3,0) (0,0,4)",
        ),
        meta(tmp_path / "a.mhd", b"", ElementDataFile="a.raw", HeaderSize="8"),
        meta(tmp_path / "b.mhd", b"", ElementDataFile="a.raw", HeaderSize="-1"),
        meta(tmp_path / "c.mha", separator=": "),
        meta(tmp_path / "d.mha", Offset=None, Position="-10 20 30"),
    ]
    for path in forms:
        same(read_image(path, "CT"), image(VOXELS))


@pytest.mark.parametrize("unit", ["m", "cm", "mm", "um"])
def test_the_unit_of_space_is_read(tmp_path, unit):
    per_unit = {"m": 1e-3, "cm": 0.1, "mm": 1.0, "um": 1e3}[unit]
    x, y, z, ox, oy, oz = (value * per_unit for value in (2, 3, 4, -10, 20, 30))
    path = nrrd(
        tmp_path / "a.nrrd",
        space_directions=f"({x},0,0) (0,{y},0) (0,0,{z})",
        space_origin=f"({ox},{oy},{oz})",
        space_units=f'"{unit}" "{unit}" "{unit}"',
    )
    same(read_image(path, "CT"), image(VOXELS))
    assert "space units" in refused(nrrd(tmp_path / "b.nrrd", space_units='"inch" "inch" "inch"'))


# A place is stated or the image is refused


@pytest.mark.parametrize("name", ["a.tif", "a.vtk", "a.gipl", "a.mrc", "a.png"])
def test_formats_that_state_no_place_are_refused_by_name(tmp_path, name):
    voxels = VOXELS if name != "a.png" else VOXELS[0]
    sitk.WriteImage(
        sitk.GetImageFromArray(voxels.astype(np.uint8 if name in ("a.png",) else np.float32)), str(tmp_path / name)
    )
    assert "does not state where in the patient" in refused(tmp_path / name, GeometryError)


@pytest.mark.parametrize("lacking", ["space", "space origin", "space directions"])
def test_a_nrrd_without_its_place_is_refused(tmp_path, lacking):
    spacings = "spacings: 2 3 4\n" if lacking == "space directions" else ""
    message = refused(nrrd(tmp_path / "a.nrrd", more=spacings, **{lacking.replace(" ", "_"): None}), GeometryError)
    assert "unknown" in message and lacking.split()[-1] in message
    scanner = nrrd(tmp_path / "b.nrrd", space="scanner-xyz")
    assert "anatomical space" in refused(scanner, GeometryError)


@pytest.mark.parametrize("lacking", ["ElementSpacing", "Offset", "TransformMatrix"])
def test_a_meta_image_without_its_place_is_refused(tmp_path, lacking):
    assert f"no {lacking}" in refused(meta(tmp_path / "a.mha", **{lacking: None}), GeometryError)


def nifti(path, quaternion_code, matrix_code, shift_mm=0.0):
    sitk.WriteImage(image(VOXELS, direction=rotation(20, 35)), str(path))
    head = bytearray(path.read_bytes())
    head[252:256] = struct.pack("<hh", quaternion_code, matrix_code)
    x = struct.unpack_from("<f", head, 280 + 12)[0]
    head[280 + 12 : 280 + 16] = struct.pack("<f", x + shift_mm)
    path.write_bytes(bytes(head))
    return path


def test_a_nifti_states_one_place(tmp_path):
    for codes in ((1, 0), (0, 1), (1, 1), (2, 4)):
        same(read_image(nifti(tmp_path / "a.nii", *codes), "CT"), image(VOXELS, direction=rotation(20, 35)))
    assert "both unset" in refused(nifti(tmp_path / "b.nii", 0, 0), GeometryError)
    assert "two places, 20.0 mm apart" in refused(nifti(tmp_path / "c.nii", 1, 1, shift_mm=20.0), GeometryError)
    read_image(nifti(tmp_path / "d.nii", 1, 1, shift_mm=0.4), "CT")
    refused(nifti(tmp_path / "e.nii", 1, 1, shift_mm=0.6), GeometryError)


@pytest.mark.parametrize("vector", ["(nan,nan,nan)", "(0,0,0)", "(inf,0,0)", "(0,3,0.2)", "(0,0,4)"])
def test_directions_that_are_none_are_refused(tmp_path, vector):
    refused(nrrd(tmp_path / "a.nrrd", space_directions=f"(2,0,0) {vector} (0,0,4)"), GeometryError)


def rounded(decimals: int) -> np.ndarray:
    return np.round(rotation(20, 35), decimals)


@pytest.mark.parametrize("decimals", [3, 4, 6])
def test_axes_skewed_by_rounding_alone_are_set_straight(tmp_path, decimals):
    """The volume of a box of voxels is the product of its spacings, whatever was rounded."""
    matrix = " ".join(f"{cosine:.{decimals}f}" for cosine in rounded(decimals).T.ravel())
    read = read_image(meta(tmp_path / "a.mha", TransformMatrix=matrix), "CT")
    axes = np.reshape(read.GetDirection(), (3, 3))
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    assert np.abs(axes - rotation(20, 35)).max() < 0.6 * 10.0**-decimals * 2
    assert read.GetSpacing() == (2.0, 3.0, 4.0)


@pytest.mark.parametrize("make", [CtImage, CountMap, lambda made: Structure(Role.LIVER, "Liver", made)])
def test_images_made_elsewhere_are_set_straight_or_refused_too(make):
    tilted = image(VOXELS, direction=[1, 0, 0, 0, 1, 6.7e-4, 0, 0, 1])
    made = make(tilted)
    axes = np.reshape((made.mask if isinstance(made, Structure) else made.image).GetDirection(), (3, 3))
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-12
    with pytest.raises(GeometryError, match="skewed"):
        make(image(VOXELS, direction=[1, 0, 0, 0, 1, 2.1e-3, 0, 0, 1]))
    straight = image(VOXELS)
    assert CtImage(straight).image is straight, "nothing is copied without need"


# What a header names is checked before it is opened


@pytest.fixture
def slices(tmp_path):
    for number, one in enumerate(VOXELS, start=1):
        (tmp_path / f"s{number:03}.raw").write_bytes(one.tobytes())
    return tmp_path


def listed(folder):
    """The ways in which headers spread voxels over several files."""
    names = "\n".join(f"s{number:03}.raw" for number in range(1, 7)) + "\n"
    return [
        nrrd(folder / "a.nhdr", b"", f"data file: LIST\n{names}"),
        nrrd(folder / "b.nhdr", b"", f"Data File: LIST 2\n{names}"),
        nrrd(folder / "c.nhdr", b"", "data file: s%03d.raw 1 6 1\n"),
        nrrd(folder / "d.nhdr", b"", "DATAFILE: s%03d.raw 1 6 1 2\n"),
        meta(folder / "a.mhd", b"", names, ElementDataFile="LIST"),
        meta(folder / "b.mhd", b"", ElementDataFile="s%03d.raw 1 6 1"),
        meta(folder / "c.mhd", b"", names, separator=" : ", ElementDataFile="LIST 2"),
    ]


def test_voxels_in_several_files_are_read_and_every_one_counts_in_the_digest(slices):
    headers = listed(slices)
    before = [digest(header) for header in headers]
    for header in headers:
        same(read_image(header, "CT"), image(VOXELS))
    for number in (1, 4, 6):
        path = slices / f"s{number:03}.raw"
        held = path.read_bytes()
        path.write_bytes(bytes([held[0] ^ 1]) + held[1:])
        after = [digest(header) for header in headers]
        assert all(a != b for a, b in zip(after, before, strict=True))
        path.write_bytes(held)
    assert [digest(header) for header in headers] == before
    (slices / "s004.raw").unlink()
    for header in headers:
        assert "s004.raw" in refused(header)


PATTERNS = (
    "%1000000d 1 22 1",
    "%n%s 1 22 1",
    "%s 1 6 1",
    "s%d%d 1 6 1",
    "s%03x.raw 1 6 1",
    "s%*d 1 6 1",
    "%0999999999d 1 2 1",
)


@pytest.mark.parametrize("pattern", [*PATTERNS, "s%03d.raw 1 999999999 1", "s%03d.raw 1 6 0", "s%03d.raw"])
def test_patterns_that_are_no_plain_number_are_refused(slices, pattern):
    assert "names" in refused(nrrd(slices / "a.nhdr", b"", f"data file: {pattern}\n"))
    assert "names" in refused(meta(slices / "a.mhd", b"", ElementDataFile=pattern))


@pytest.mark.parametrize("name", ["/dev/zero", "/proc/kmsg", "/etc/passwd", "../outside.raw", "sub/../../outside.raw"])
def test_voxels_outside_of_the_folder_are_refused(tmp_path, name):
    (tmp_path / "outside.raw").write_bytes(VOXELS.tobytes())
    folder = tmp_path / "case" / "images"
    (folder / "sub").mkdir(parents=True)
    for path in (
        nrrd(folder / "a.nhdr", b"", f"Data File: {name}\n"),
        nrrd(folder / "b.nhdr", b"", f"data file: LIST\n{name}\n"),
        meta(folder / "a.mhd", b"", separator=" : ", ElementDataFile=name),
        meta(folder / "b.mhd", b"", f"{name}\n", ElementDataFile="LIST"),
    ):
        assert "outside of its folder" in refused(path)
        assert digest(path), "and no digest waits for it"


def test_voxels_elsewhere_in_the_folder_of_the_case_are_read(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "headers").mkdir()
    (tmp_path / "raw" / "a.raw").write_bytes(VOXELS.tobytes())
    path = nrrd(tmp_path / "headers" / "a.nhdr", b"", "data file: ../raw/a.raw\n")
    same(read_image(path, "CT", within=tmp_path), image(VOXELS))
    if hasattr(os, "symlink"):
        (tmp_path / "headers" / "link.raw").symlink_to("/dev/zero")
        refused(nrrd(tmp_path / "headers" / "b.nhdr", b"", "data file: link.raw\n"))


@needs_pipes
def test_pipes_are_refused_in_every_form_of_a_header(slices):
    headers = listed(slices)
    (slices / "s006.raw").unlink()
    os.mkfifo(slices / "s006.raw")
    for header in headers:
        assert "this is no file" in refused(header)
        assert digest(header)
    for path in (
        nrrd(slices / "e.nhdr", b"", "DATA FILE: s006.raw\n"),
        meta(slices / "e.mhd", b"", separator=" : ", ElementDataFile="s006.raw"),
    ):
        assert "this is no file" in refused(path)


@pytest.mark.parametrize("count", ["99999999", "999999999999999999", "0", "-3", "x", "3 3"])
def test_absurd_numbers_of_dimensions_are_refused(tmp_path, count):
    refused(meta(tmp_path / "a.mha", NDims=count))
    refused(nrrd(tmp_path / "a.nrrd", dimension=count))


@pytest.mark.parametrize("sizes", ["2000000 2000000 2000000", "0 7 6", "-8 7 6", "8 7", "1e3 7 6"])
def test_absurd_sizes_are_refused_before_memory_is_spent(tmp_path, sizes):
    refused(nrrd(tmp_path / "a.nrrd", sizes=sizes))
    refused(meta(tmp_path / "a.mha", DimSize=sizes))


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_with_its_size(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", gzip.compress(bytes(1000)), type="uchar", sizes="1300 1300 1300", encoding="gzip")
    assert "1300 x 1300 x 1300 voxels take 2.0 GiB" in refused(path)
    bomb = nrrd(tmp_path / "b.nrrd", gzip.compress(VOXELS.tobytes() + bytes(5_000_000)), encoding="gzip")
    assert "unpacks to more than the 672 bytes" in refused(bomb)


def test_the_limit_of_memory_holds_at_its_edge(tmp_path, monkeypatch):
    path = nrrd(tmp_path / "a.nrrd")
    monkeypatch.setattr(stored, "LARGEST_IMAGE_BYTES", VOXELS.nbytes)
    same(read_image(path, "CT"), image(VOXELS))
    monkeypatch.setattr(stored, "LARGEST_IMAGE_BYTES", VOXELS.nbytes - 1)
    assert "GiB" in refused(path)


@pytest.mark.parametrize("seed", range(100))
def test_a_damaged_header_is_refused_in_one_sentence_or_read(tmp_path, seed):
    """Bytes of headers replaced at random: nothing but an image or an `InputError` comes of it."""
    random = np.random.default_rng(seed)
    name = ("a.nrrd", "a.mha", "a.nii", "a.nii.gz")[seed % 4]
    sitk.WriteImage(image(VOXELS), str(tmp_path / name))
    held = bytearray(
        gzip.decompress((tmp_path / name).read_bytes()) if name.endswith("gz") else (tmp_path / name).read_bytes()
    )
    for _ in range(random.integers(1, 6)):
        held[random.integers(0, min(len(held), 348))] = random.integers(0, 256)
    (tmp_path / name).write_bytes(gzip.compress(bytes(held)) if name.endswith("gz") else bytes(held))
    try:
        read_image(tmp_path / name, "CT")
    except InputError as error:
        assert "\n" not in str(error)
