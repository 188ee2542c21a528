"""Results appear whole or not at all, and never take the place of something else unasked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import image

from Y90DosimetryLib.errors import Cancelled, InputError
from Y90DosimetryLib.images import DoseMap
from Y90DosimetryLib.io import writing
from Y90DosimetryLib.io.writing import output_file, output_folder, write_dose, write_image, write_json, write_text

DOSE = DoseMap(image(np.linspace(0, 300, 60).reshape(3, 4, 5)), "local deposition, 50 Gy kg/GBq")


def test_a_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "results"
    with output_folder(target) as folder:
        (folder / "a.txt").write_text("1")
        assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["results"]
    assert (target / "a.txt").read_text() == "1"


def test_an_empty_folder_and_a_deeper_new_one_can_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "new" / "deeper" / "results"):
        with output_folder(target) as folder:
            (folder / "a.txt").write_text("1")
        assert (target / "a.txt").exists()


@pytest.mark.parametrize("error", [Cancelled, InputError, KeyboardInterrupt, ZeroDivisionError])
def test_nothing_is_left_when_the_work_fails_or_is_stopped(tmp_path, error):
    with pytest.raises(error), output_folder(tmp_path / "new" / "results") as folder:
        (folder / "pictures").mkdir()
        (folder / "pictures" / "half.png").write_text("x")
        raise error("stop")
    with pytest.raises(error), output_file(tmp_path / "dose.nrrd") as path:
        path.write_text("half")
        raise error("stop")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_never_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty.*Choose another"), output_folder(tmp_path):
        raise AssertionError("not reached")
    with pytest.raises(InputError, match="file of this name"), output_folder(tmp_path / "mine.txt"):
        raise AssertionError("not reached")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_another_fills_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "results"
    with pytest.raises(InputError, match="exists and is not empty"), output_folder(target) as folder:
        (folder / "a.txt").write_text("mine")
        target.mkdir()
        (target / "a.txt").write_text("theirs")
    assert [p.name for p in tmp_path.iterdir()] == ["results"]
    assert (target / "a.txt").read_text() == "theirs"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_folder_without_rights_is_said_to_be_one(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="can't be written"), output_folder(tmp_path / "results"):
            raise AssertionError("not reached")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_cannot_be_made_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"), output_folder(tmp_path / "file" / "results"):
        raise AssertionError("not reached")
    with pytest.raises(InputError, match="can't be written"):
        write_text("x", tmp_path / "file" / "a.txt")


def test_a_file_is_overwritten_only_when_asked(tmp_path):
    path = tmp_path / "a.txt"
    write_text("one", path)
    with pytest.raises(InputError, match="exists already"):
        write_text("two", path)
    assert path.read_text() == "one"
    write_text("two", path, overwrite=True)
    assert path.read_text() == "two"
    with pytest.raises(InputError, match="this is a folder"):
        write_text("three", tmp_path, overwrite=True)


def test_a_failing_replacement_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json({"dose_gy": 1.0}, path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"dose_gy": float("nan")}, path, overwrite=True)
    assert json.loads(path.read_text()) == {"dose_gy": 1.0}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_json_keeps_full_precision_and_umlauts(tmp_path):
    data = {"dose_gy": 0.1 + 0.2, "label": "Läsion", "missing": None}
    write_json(data, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == data
    assert "Läsion" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_dose_map_says_its_unit_and_model_and_keeps_its_values(tmp_path):
    write_dose(DOSE, tmp_path / "dose.nrrd")
    read = sitk.ReadImage(str(tmp_path / "dose.nrrd"))
    header = {key: read.GetMetaData(key) for key in read.GetMetaDataKeys()}
    assert (header["units"], header["quantity"], header["model"]) == ("Gy", "absorbed dose", DOSE.model)
    assert sitk.GetArrayFromImage(read) == pytest.approx(sitk.GetArrayFromImage(DOSE.image), rel=1e-6)
    assert read.GetOrigin() == DOSE.image.GetOrigin()
    assert read.GetSpacing() == DOSE.image.GetSpacing()


def test_a_dose_map_is_refused_a_format_that_loses_its_unit(tmp_path):
    with pytest.raises(InputError, match=r"\.nrrd"):
        write_dose(DOSE, tmp_path / "dose.nii.gz")
    assert not list(tmp_path.iterdir())


def test_an_image_is_written_without_what_it_carries_from_its_source(tmp_path):
    carrying = sitk.Image(DOSE.image)
    carrying.SetMetaData("0010|0010", "Secret^Name")
    write_image(carrying, tmp_path / "a.nrrd")
    assert b"Secret" not in (tmp_path / "a.nrrd").read_bytes()
    assert carrying.GetMetaData("0010|0010") == "Secret^Name", "the caller's image is not changed"


def test_an_image_is_compressed_in_formats_with_two_suffixes_too(tmp_path):
    write_image(DOSE.image, tmp_path / "a.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_an_unknown_image_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.nrrd"):
        write_image(DOSE.image, tmp_path / "a.xyz")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_swept_by_the_next_and_nothing_else(tmp_path):
    """Only names of this computer whose process is gone; a run that is still at work keeps its own."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    beginning = f".out-{writing._HERE}-"
    left = tmp_path / f"{beginning}{ended.pid}-0123abcd"
    left.mkdir()
    (left / "ct.nrrd").write_text("x")
    kept = [f"{beginning}{os.getpid()}-0123abcd", f".out-abcdef-{ended.pid}-0123abcd", ".out-mine", f"{beginning}x"]
    for name in kept:
        (tmp_path / name).mkdir()
    with output_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert {entry.name for entry in tmp_path.iterdir()} == {*kept, "out"}
