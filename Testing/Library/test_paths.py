"""Names and things that readers of images don't survive are refused in one sentence; every other name is read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import case_file
from image_files import dicom_series, image

from Y90DosimetryLib.cli import WRONG_INPUT, main
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.volumes import digest, read_image, read_mask, read_segmentation_image
from Y90DosimetryLib.io.writing import output_folder, write_image, write_text

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
LATIN_1 = os.fsdecode(b"caf\xe9")
"""A name as computers of the nineties wrote it; on systems whose names are no bytes it is another one, and as bad."""
READERS = (
    lambda path: read_image(path, "CT"),
    lambda path: read_mask(path, "liver"),
    lambda path: read_segmentation_image(path, "segmentation"),
    digest,
)

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture
def bad_folder(tmp_path) -> Path:
    folder = tmp_path / LATIN_1
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("the disk takes no name that is no UTF-8 text")
    return folder


def refused(call, *arguments) -> str:
    with pytest.raises(InputError) as told:
        call(*arguments)
    message = str(told.value)
    message.encode("utf-8")  # it can be printed and written
    assert "\n" not in message and told.value.remedy
    return message


@pytest.mark.parametrize(
    "name",
    [
        "with spaces in it.nrrd",
        "Läsion é 肝臓.nrrd",
        "e\u0301 decomposed.nii.gz",
        "a'b\"c;d&e$(f).mha",
        "n" * 250 + ".nrrd",
    ],
    ids=["spaces", "letters", "combining", "signs", "longest"],
)
def test_every_name_that_is_text_is_read(tmp_path, name):
    if os.name == "nt" and '"' in name:
        pytest.skip("this system has no such names")
    path = tmp_path / name
    sitk.WriteImage(image(VOXELS), str(path))
    assert np.array_equal(sitk.GetArrayFromImage(read_image(path, "CT")), VOXELS)
    assert len(digest(path)) == 64


@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_is_no_text_is_refused_and_not_fatal(bad_folder, reader):
    """SimpleITK ends the interpreter on such a name: without the guard this test kills the run."""
    good = bad_folder.parent / "a.nrrd"
    sitk.WriteImage(image(VOXELS), str(good))
    good.rename(bad_folder / "a.nrrd")
    message = refused(reader, bad_folder / "a.nrrd")
    assert "no UTF-8 text" in message and "caf\\udce9" in message


def test_the_same_holds_for_a_folder_and_for_a_slice_in_it(bad_folder):
    series = dicom_series(bad_folder.parent / "series", VOXELS)
    assert read_image(series, "CT").GetSize() == (4, 3, 2)
    first = min(series.iterdir())
    first.rename(series / (LATIN_1 + ".dcm"))
    assert "in this folder is no UTF-8 text" in refused(read_image, series, "CT")
    assert "no UTF-8 text" in refused(read_image, bad_folder, "CT")


def test_a_case_in_such_a_folder_is_refused_in_one_line(bad_folder, tmp_path, capsys):
    path = case_file(tmp_path)
    for item in tmp_path.iterdir():
        if item.is_file():
            item.rename(bad_folder / item.name)
    assert "no UTF-8 text" in refused(read_case, bad_folder / path.name)
    assert main(["assess", str(bad_folder / path.name), "--out", str(tmp_path / "out")]) == WRONG_INPUT
    assert "no UTF-8 text" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_under_such_a_name(tmp_path, capsys):
    path = tmp_path / LATIN_1
    assert "no UTF-8 text" in refused(write_image, image(VOXELS), path / "a.nrrd")
    assert "no UTF-8 text" in refused(write_text, "text", path)
    assert "no UTF-8 text" in refused(output_folder(path).__enter__)
    assert main(["demo", "--out", str(path)]) == WRONG_INPUT
    assert "no UTF-8 text" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_transform_is_not_written_under_such_a_name(tmp_path, capsys):
    sitk.WriteImage(image(VOXELS), str(tmp_path / "ct.nrrd"))
    ct = str(tmp_path / "ct.nrrd")
    assert main(["register", ct, ct, "--out", str(tmp_path / f"{LATIN_1}.tfm")]) == WRONG_INPUT
    assert "no UTF-8 text" in capsys.readouterr().err


@pytest.mark.parametrize("reader", [*READERS, read_case])
def test_a_name_too_long_for_the_disk_is_told(tmp_path, reader):
    assert "can't be opened" in refused(reader, tmp_path / ("n" * 300 + ".nrrd"))
    assert "can't be written" in refused(write_text, "text", tmp_path / ("n" * 300))
    assert "can't be written" in refused(output_folder(tmp_path / ("n" * 300)).__enter__)


@pytest.mark.parametrize("reader", [*READERS, read_case])
def test_a_null_character_in_a_name_is_no_file(tmp_path, reader):
    message = refused(reader, tmp_path / "a\0b.nrrd")
    assert "no such file" in message and "\0" not in message


@needs_pipes
@pytest.mark.parametrize("reader", [*READERS, read_case])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, reader):
    os.mkfifo(tmp_path / "pipe.nrrd")
    assert "this is no file (a pipe, a device?)" in refused(reader, tmp_path / "pipe.nrrd")


@needs_pipes
@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd", "a.hdr"])
def test_a_pipe_where_the_voxels_should_be_is_refused(tmp_path, name):
    sitk.WriteImage(image(VOXELS), str(tmp_path / name))
    (voxels,) = (path for path in tmp_path.iterdir() if path.name != name)
    voxels.unlink()
    os.mkfifo(voxels)
    message = refused(read_image, tmp_path / name, "CT")
    assert voxels.name in message and "this is no file" in message


@needs_pipes
def test_a_pipe_among_the_slices_is_named(tmp_path):
    series = dicom_series(tmp_path / "series", VOXELS)
    os.mkfifo(series / "pipe")
    assert "pipe in this folder is no file" in refused(read_image, series, "CT")


def test_a_folder_where_a_file_is_expected_is_called_one(tmp_path):
    (tmp_path / "a.mhd").write_text("x")
    sitk.WriteImage(image(VOXELS), str(tmp_path / "b.mhd"))
    (tmp_path / "b.raw").unlink()
    (tmp_path / "b.raw").mkdir()
    assert "b.raw: this is a folder" in refused(read_image, tmp_path / "b.mhd", "CT")
    assert "this is a folder" in refused(read_case, tmp_path)
    (tmp_path / "c.nrrd").mkdir()
    assert "no DICOM image in this folder" in refused(read_image, tmp_path / "c.nrrd", "CT")


def test_a_folder_called_as_a_word_of_a_header_is_no_matter(tmp_path):
    """ElementDataFile = LOCAL means that the voxels follow the header."""
    (tmp_path / "LOCAL").mkdir()
    sitk.WriteImage(image(VOXELS), str(tmp_path / "a.mha"))
    assert np.array_equal(sitk.GetArrayFromImage(read_image(tmp_path / "a.mha", "CT")), VOXELS)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz", "a.mha", "a.dcm", "a.seg.nrrd"])
def test_an_empty_file_is_called_empty(tmp_path, name):
    (tmp_path / name).touch()
    assert "the file is empty" in refused(read_image, tmp_path / name, "CT")
    assert "the file is empty" in refused(read_segmentation_image, tmp_path / name, "segmentation")


def test_an_empty_case_file_says_what_is_missing(tmp_path):
    (tmp_path / "case.toml").touch()
    assert "[case] is missing" in refused(read_case, tmp_path / "case.toml")


def test_a_link_to_itself_is_told(tmp_path):
    (tmp_path / "a.nrrd").symlink_to("a.nrrd")
    assert "can't be opened" in refused(read_image, tmp_path / "a.nrrd", "CT")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read everything")
@pytest.mark.parametrize("reader", [*READERS, read_case])
def test_what_may_not_be_read_is_told_with_the_remedy(tmp_path, reader):
    path = tmp_path / "folder" / "a.nrrd"
    path.parent.mkdir()
    sitk.WriteImage(image(VOXELS), str(path))
    for shut in (path, path.parent):
        rights = shut.stat().st_mode
        shut.chmod(0)
        try:
            assert "Check the rights" in refused(reader, path)
        finally:
            shut.chmod(rights)
