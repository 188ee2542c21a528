"""Whatever files hold: read, or refused with a sentence that names no patient; no traceback, no half a case.

Y90_FUZZ_EXAMPLES=5000 runs longer than the tests do.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from dicom_kit import CT_HU, PET, circle, coded, contours, ct, pet, pydicom, rewritten, segmentation_object, spheres
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from image_files import NM_IMAGE, dicom_file, segmentation, spect_file
from test_dicom_frames import enhanced_pet

from Y90DosimetryLib.cli import FAULT, main
from Y90DosimetryLib.errors import DosimetryError
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_reference import read_reference
from Y90DosimetryLib.io.dicom_sort import sort_folder
from Y90DosimetryLib.io.dicom_stack import read_stack
from Y90DosimetryLib.io.segmentations import read_segments, structures_of

EXAMPLES = int(os.environ.get("Y90_FUZZ_EXAMPLES", "40"))
often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SECRET = "secret"
ZONE = {"time_zone": "Europe/Paris"}
ODD = st.sampled_from(
    [
        *("", " ", "0", "-1", "1e-9", "1e9", "1e400", "nan", "inf", "abc", "\u00e9", "\\", "1\\2", "99999999999"),
        *("20269999", "000000", "240000", "Secret^Name", "1.2.3", "1\\0\\0\\0\\1\\0", "0\\0\\0\\0\\0\\0", "-1\\-1\\-1"),
        *("LABELMAP", "FRACTIONAL", "NONE", "ADMIN", "BQML", "GML", "CLOSED_PLANAR", "POINT", "ISO_IR 192", "x" * 200),
    ]
)
NUMBERS = st.one_of(st.integers(-(2**31), 2**32 - 1), st.floats(), st.sampled_from([0, 1, 2, 3, 65535]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with every kind of object that is read."""
    folder = tmp_path_factory.mktemp("whole")
    mask = np.zeros(CT_HU.shape, dtype=np.uint8)
    mask[1:5, 2:18, 2:20] = 1
    masks = {"Liver": ("SCT", "10200004", "Liver", mask), "Perfused right": ("SCT", "1", "x", mask)}
    ct(folder / "ct")
    rewritten(min((folder / "ct").iterdir()), "JPEG2000Lossless")
    pet(folder / "pet")
    segmentation_object(folder / "seg.dcm", masks, region=("SCT", "10200004", "Liver"))
    contours(
        folder / "rt.dcm", {"Tumor 1": [circle(9, (10, 45, 34)), circle(4, (10, 45, 34)), circle(9, (10, 45, 38))]}
    )
    spect_file(folder / "spect.dcm", PET, RadiopharmaceuticalInformationSequence=spheres(), Units="BQML")
    enhanced_pet(folder / "enhanced.dcm")
    detectors = pydicom.Sequence([pydicom.Dataset(), pydicom.Dataset()])
    detectors[0].ViewCodeSequence = coded("SCT", "399321004", "Anterior")
    detectors[1].ViewCodeSequence = coded("SCT", "399001007", "Posterior")
    dicom_file(
        folder / "planar.dcm", PET[:2], SOPClassUID=NM_IMAGE, Modality="NM", NumberOfFrames=2, DetectorVector=[1, 2],
        SeriesInstanceUID="1.2.826.5", ImageType=["ORIGINAL", "PRIMARY", "STATIC"], PixelSpacing=[3.0, 2.0],
        DetectorInformationSequence=detectors,
    )  # fmt: skip
    return folder


def elements_of(dataset, depth=0) -> list:
    """All elements, those of nested items too, with what holds them."""
    found = []
    for element in dataset:
        found.append((dataset, element.tag))
        if element.VR == "SQ" and depth < 6:
            for item in element.value:
                found += elements_of(item, depth + 1)
    return found


def bytes_changed(raw: bytes, data) -> bytes:
    """A file cut off, or overwritten in some places."""
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(132, len(changed) - 1))
        changed[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    return bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


def values_changed(path: Path, data) -> None:
    """A file that can be parsed, and holds odd values."""
    dataset = pydicom.dcmread(path)
    for _ in range(data.draw(st.integers(1, 4))):
        holder, tag = data.draw(st.sampled_from(elements_of(dataset)))
        if tag not in holder:
            continue
        how = data.draw(st.sampled_from(["remove", "empty", "text", "number", "kind"]))
        element = holder[tag]
        if how == "remove":
            del holder[tag]
        elif how == "empty" and element.VR != "SQ":
            holder.add_new(tag, element.VR, "")
        elif how == "empty":
            holder.add_new(tag, "SQ", [])
        elif how == "kind":
            holder.add_new(tag, data.draw(st.sampled_from(["LO", "DS", "IS", "CS", "UN", "SQ"])), None)
        elif element.VR not in ("SQ", "OB", "OW"):
            odd = data.draw(ODD if how == "text" else NUMBERS)
            holder.add_new(tag, element.VR if how == "number" else "LO", odd)
    dataset.save_as(path)


def damaged_copy(whole: Path, folder: Path, data, keep: set[str]) -> None:
    """A copy of some of the folder, one of its files damaged."""
    for path in whole.iterdir():
        if path.name in keep:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    path = data.draw(st.sampled_from(paths), label="damaged")
    if data.draw(st.booleans()):
        path.write_bytes(bytes_changed(path.read_bytes(), data))
        return
    try:
        with pydicom.config.disable_value_validation():
            values_changed(path, data)
    except Exception:  # pydicom can't write what was drawn
        assume(False)


@often
@given(data=st.data())
def test_a_damaged_file_of_any_kind_is_sorted_read_or_refused(whole, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        damaged_copy(whole, folder, data, {data.draw(st.sampled_from(sorted(p.name for p in whole.iterdir())))})
        try:
            sorting = sort_folder(folder)
        except DosimetryError as error:
            assert SECRET not in str(error).lower()
            return
        assert SECRET not in "\n".join([*sorting.lines(), *sorting.damaged]).lower()
        for series in sorting.series:
            try:
                read_stack(series, "image", straighten=True)
            except DosimetryError as error:
                assert SECRET not in str(error).lower() and error.remedy


@often
@given(data=st.data())
def test_a_case_is_made_of_it_or_refused(whole, data):
    more = {"seg.dcm", "rt.dcm", "spect.dcm", "planar.dcm"}
    image = data.draw(st.sampled_from(["pet", "enhanced.dcm"]))
    with tempfile.TemporaryDirectory() as name:
        damaged_copy(whole, Path(name), data, {"ct", image, *more})
        try:
            found = case_from_dicom(Path(name), Choices(**ZONE))
        except DosimetryError as error:
            assert SECRET not in str(error).lower().replace(name, "")
        else:
            assert SECRET not in "\n".join(found.case.notes).lower()


@often
@given(data=st.data())
@pytest.mark.parametrize("kind", ["seg.dcm", "rt.dcm"])
def test_outlines_are_read_or_refused(whole, kind, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(whole / "ct", folder / "ct")
        (folder / "o").mkdir()
        damaged_copy(whole, folder / "o", data, {kind})
        try:
            for structure in case_from_dicom(folder, Choices(**ZONE)).case.structures:
                assert structure.voxel_count > 0
        except DosimetryError as error:
            assert SECRET not in str(error).lower().replace(name, "")


@often
@given(data=st.data())
def test_a_saved_segmentation_is_read_or_refused(tmp_path, data):
    labels = np.zeros((4, 5, 6), dtype=np.uint8)
    labels[1:3, 1:4, 1:5] = 1
    path = tmp_path / "a.seg.nrrd"
    if not (tmp_path / "whole").exists():
        header = {"Segment0_ID": "1", "Segment0_Name": "Liver", "Segment0_LabelValue": "1", "Segment0_Layer": "0"}
        segmentation(path, labels, header)
        (tmp_path / "whole").write_bytes(path.read_bytes())
    raw = (tmp_path / "whole").read_bytes()
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + 3] = data.draw(st.one_of(st.binary(max_size=5), ODD.map(lambda t: t.encode())))
    path.write_bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])
    try:
        structures_of(read_segments(path, "segmentation"), None, "segmentation")
    except DosimetryError as error:
        assert error.remedy


@often
@given(data=st.data())
def test_a_damaged_reference_is_taken_or_refused(whole, data):
    with tempfile.TemporaryDirectory() as name:
        damaged_copy(whole, Path(name), data, {"ct"})
        try:
            read_reference(Path(name))
        except DosimetryError as error:
            assert SECRET not in str(error).lower()


@settings(often, max_examples=max(10, EXAMPLES // 4))
@given(data=st.data())
def test_the_command_writes_a_whole_case_or_none(whole, data):
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        damaged_copy(whole, folder, data, {"ct", "pet", "seg.dcm", "spect.dcm", "planar.dcm"})
        code = main(["case", "from-dicom", str(folder), "--out", str(out), "--time-zone", "Europe/Paris"])
        assert code != FAULT
        assert out.exists() == (code == 0)
        if code == 0:
            read_case(out / "case.toml")
        assert {p.name for p in Path(name).iterdir()} == ({"in", "out"} if code == 0 else {"in"})
