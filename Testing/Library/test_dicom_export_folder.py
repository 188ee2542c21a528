"""The whole export: patient and study of the CT, nothing of them elsewhere, whole or not at all, valid for a PACS."""

from __future__ import annotations

import builtins
import logging
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from export_kit import (
    FLIPPED,
    FRAME,
    IDENTIFIERS,
    IDENTITY,
    OBLIQUE,
    UPSIDE_DOWN,
    dicom_ct,
    lobe,
    small_assessment,
    small_case,
    tissue,
    told_by_dciodvfy,
)
from image_files import image, shared

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.cli.export import add_parser
from Y90DosimetryLib.engine import Assessment, assess
from Y90DosimetryLib.errors import InputError, MissingToolError
from Y90DosimetryLib.images import CtImage
from Y90DosimetryLib.io.case_writer import write_case
from Y90DosimetryLib.io.dicom_case import case_from_dicom
from Y90DosimetryLib.io.dicom_export import Wanted, export, export_objects
from Y90DosimetryLib.io.dicom_reference import Reference, read_reference
from Y90DosimetryLib.structures import Role, Structure

pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")
pytest.importorskip("highdicom", reason="highdicom writes DICOM segmentations and structured reports")

REMAINING: dict[str, str] = {}
"""Errors of dciodvfy that stay, with the reason; Docs/dicom.md lists the same."""


def everything(folder: Path, direction=IDENTITY, change=lambda _: None, **elements) -> tuple[Assessment, Path, Path]:
    """An assessment of two sessions, its DICOM CT and a PDF."""
    case = small_case(folder / "case", direction, sessions=2)
    assessed = assess(replace(case, structures=(*case.structures, lobe(case))))
    assert case.ct is not None
    pdf = folder / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7\n%%EOF\n")
    return assessed, dicom_ct(folder / "ct", case.ct.image, change, **elements), pdf


def objects_in(folder: Path):
    """The written objects by file name."""
    return {p.name: pydicom.dcmread(p) for p in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    "direction", [IDENTITY, FLIPPED, UPSIDE_DOWN, OBLIQUE], ids=["as scanned", "flipped", "upside down", "oblique"]
)
def test_dciodvfy_finds_no_error_beyond_the_listed_ones(direction, tmp_path: Path) -> None:
    assessed, ct, pdf = everything(tmp_path, direction)
    export(assessed, ct, tmp_path / "out", Wanted(pdf=pdf))
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 8
    found = {f"{f.name}: {line}" for f in files for line in told_by_dciodvfy(f)}
    assert not {line for line in found if not any(known in line for known in REMAINING)}


def test_dciodvfy_would_have_told(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path)
    export(assessed, ct, tmp_path / "out")
    path = tmp_path / "out" / "dose_total.dcm"
    broken = pydicom.dcmread(path)
    broken.DoseSummationType = "PLAN"
    broken.save_as(path)
    assert any("ReferencedRTPlanSequence" in line for line in told_by_dciodvfy(path))


def test_patient_and_study_are_the_ct_s_in_every_object(tmp_path: Path) -> None:
    assessed, ct, pdf = everything(tmp_path)
    export(assessed, ct, tmp_path / "out", Wanted(pdf=pdf))
    found = objects_in(tmp_path / "out")
    assert set(found) == {
        *("dose_total.dcm", "dose_session_01.dcm", "dose_session_02.dcm", "rtstruct.dcm"),
        *("seg_01.dcm", "seg_02.dcm", "sr.dcm", "report.dcm"),
    }
    for dataset in found.values():
        for keyword, told in IDENTIFIERS.items():
            assert str(dataset[keyword].value) == told, "also what was written in Latin 1"
        assert dataset.Manufacturer == "Y90Dosimetry"
        assert "research use only" in dataset.SeriesDescription
        assert dataset.ContentDate
        assert dataset.SoftwareVersions
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert len({d[keyword].value for d in found.values()}) == len(found), "each is a series of its own"
    assert found["dose_total.dcm"].FrameOfReferenceUID == found["seg_01.dcm"].FrameOfReferenceUID == FRAME


def test_a_name_in_japanese_characters_stays_the_same(tmp_path: Path) -> None:
    name = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046"  # DICOM PS3.5, H.3
    assessed, ct, _ = everything(
        tmp_path,
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=name,
        ReferringPhysicianName="House^Gregory",
        StudyDescription="CT",
    )
    export(assessed, ct, tmp_path / "out")
    for dataset in objects_in(tmp_path / "out").values():
        assert str(dataset.PatientName) == name
        assert dataset.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("shift_mm", [0.0, 12.0])
def test_outlines_written_as_voxels_and_contours_are_read_back_once(tmp_path: Path, shift_mm: float) -> None:
    assessed = small_assessment(tmp_path / "case")
    ct = dicom_ct(tmp_path / "ct", assessed.case.ct.image)
    export(assessed, ct, tmp_path / "out", Wanted(measurements=False))
    for dose in (tmp_path / "out").glob("dose*.dcm"):
        dose.unlink()
    (tmp_path / "out").rename(ct / "out")
    contours = pydicom.dcmread(ct / "out" / "rtstruct.dcm")
    for one in contours.ROIContourSequence:
        for loop in one.get("ContourSequence", ()):
            loop.ContourData = [float(v) + shift_mm * (n % 3 == 0) for n, v in enumerate(loop.ContourData)]
    contours.save_as(ct / "out" / "rtstruct.dcm")
    if shift_mm:  # another outline of the same name: which one is right can't be told
        with pytest.raises(InputError, match="2 structures are called liver"):
            case_from_dicom(ct)
        return
    found = case_from_dicom(ct)
    drawn = {s.label: s.volume_ml for s in assessed.case.structures}
    assert {s.label: s.volume_ml for s in found.case.structures} == pytest.approx(drawn, rel=0.01)
    assert sum("each is taken once" in note.text for note in found.notes) == 1


def test_an_outline_without_contour_is_noted_and_stays_in_the_segmentation(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    small = lobe(case)
    small.mask.SetSpacing((2.5, 2.0, 3.0))  # beside voxels of 6 x 9 x 12 mm
    assessed = assess(replace(case, structures=(*case.structures, replace(small, mask=small.mask))))
    notes = export(assessed, dicom_ct(tmp_path / "ct", case.ct.image), tmp_path / "out")
    made = objects_in(tmp_path / "out")["rtstruct.dcm"]
    names = {roi.ROINumber: roi.ROIName for roi in made.StructureSetROISequence}
    without = [names[c.ReferencedROINumber] for c in made.ROIContourSequence if "ContourSequence" not in c]
    assert without == ["FLR, left"]
    assert sum("structure 'FLR, left': no pixel of the CT" in note for note in notes) == 1


def test_an_export_gets_new_uids_each_time(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path)
    for name in ("one", "two"):
        export(assessed, ct, tmp_path / name)
    uids = [{d.SOPInstanceUID for d in objects_in(tmp_path / name).values()} for name in ("one", "two")]
    assert not uids[0] & uids[1]


def test_the_patient_is_named_in_no_log_warning_note_or_printed_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def odd(dataset) -> None:
        dataset.PatientName = "Secret Name Without Carets"
        dataset.add_new("PatientBirthDate", "DA", "31.12.1950")
        dataset.add_new("PatientSex", "CS", "female")
        dataset.add_new("StudyDate", "DA", "2026-03-01")
        dataset.add_new("PatientSize", "LO", "4711 cm")
        dataset["PatientSize"].VR = "DS"
        dataset.add_new("PatientAge", "AS", "seventy")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        assessed, ct, _ = everything(tmp_path, change=odd)
        warnings.simplefilter("always")
        caplog.clear()
        caplog.set_level(logging.DEBUG)
        capfd.readouterr()
        notes = export(assessed, ct, tmp_path / "out")
    out, err = capfd.readouterr()
    said = "\n".join([*notes, out, err, caplog.text, *(str(w.message) for w in told)])
    uids = [pydicom.dcmread(p).SOPInstanceUID for p in ct.iterdir()]
    for secret in ("Secret", "4711", "ACC99", "House", "31.12.1950", "2026-03-01", "female", "seventy", *uids):
        assert secret not in said
    with pydicom.config.disable_value_validation():
        dataset = pydicom.dcmread(tmp_path / "out" / "seg_01.dcm")
        assert dataset.PatientName == "Secret Name Without Carets"
        assert dataset.PatientSex == "", "what is no code of DICOM's is left empty"


def test_another_patients_ct_on_the_same_grid_is_refused(tmp_path: Path) -> None:
    assessed = small_assessment(tmp_path / "case")
    assert assessed.case.ct is not None
    other = sitk.GetImageFromArray(tissue((10, 12, 14), seed=99))
    other.CopyInformation(assessed.case.ct.image)
    with pytest.raises(InputError, match="it is not the case's CT"):
        export(assessed, dicom_ct(tmp_path / "ct", other), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_ct_elsewhere_is_refused(tmp_path: Path) -> None:
    assessed = small_assessment(tmp_path / "case")
    assert assessed.case.ct is not None
    far = sitk.Image(assessed.case.ct.image)
    far.SetOrigin((500, 20, 30))
    with pytest.raises(InputError, match="most of the case's CT lies outside of it"):
        export(assessed, dicom_ct(tmp_path / "ct", far), tmp_path / "out")


def test_a_cut_copy_of_the_ct_is_recognized(tmp_path: Path) -> None:
    assessed = small_assessment(tmp_path / "case")
    assert assessed.case.ct is not None
    whole = assessed.case.ct.image
    cut = replace(assessed.case, ct=CtImage(whole[2:12, 1:11, 3:9]))
    reference = read_reference(dicom_ct(tmp_path / "ct", whole))
    assert not export_objects(assess(cut), reference).notes


def test_without_a_ct_in_the_case_a_note_says_that_nothing_was_compared(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path)
    without = assess(replace(assessed.case, ct=None))
    assert "was not checked" in export(without, ct, tmp_path / "out")[0]


def test_two_cts_need_a_choice(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path)
    for path in list(ct.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.826.0.1.999", pydicom.uid.generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(ct / f"second_{path.name}")
    with pytest.raises(InputError, match="2 CT series.*by its number in the list"):
        export(assessed, ct, tmp_path / "out")
    export(assessed, ct, tmp_path / "out", series=2)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "FrameOfReferenceUID"])
def test_a_ct_without_study_or_frame_is_refused(keyword: str, tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path, **{keyword: ""})
    with pytest.raises(InputError, match=f"it has no {keyword}"):
        export(assessed, ct, tmp_path / "out")


def test_a_ct_each_slice_of_which_is_a_study_of_its_own_is_refused(tmp_path: Path) -> None:
    def alone(dataset) -> None:
        dataset.StudyInstanceUID = f"1.2.826.0.1.900.{dataset.InstanceNumber}"

    assessed, ct, _ = everything(tmp_path, change=alone)
    with pytest.raises(InputError, match="its slices have different values of StudyInstanceUID.*send the series again"):
        export(assessed, ct, tmp_path / "out")


def test_headers_with_empty_character_set_and_class_are_taken(tmp_path: Path) -> None:
    def empty(dataset) -> None:
        dataset.SpecificCharacterSet = ""
        dataset.SOPClassUID = ""
        dataset.PatientName = "PLAIN^NAME"
        del dataset.StudyID, dataset.AccessionNumber, dataset.PatientSex

    assessed, ct, _ = everything(tmp_path, change=empty)
    export(assessed, ct, tmp_path / "out")
    for dataset in objects_in(tmp_path / "out").values():
        assert dataset.PatientName == "PLAIN^NAME"
        assert dataset.AccessionNumber == ""


def test_times_are_written_in_the_offset_of_the_study(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path, TimezoneOffsetFromUTC="-0330")
    found = export_objects(assessed, read_reference(ct), made_at=datetime(2026, 3, 4, 1, 15, tzinfo=UTC))
    for _, dataset in found.objects:
        assert (dataset.ContentDate, dataset.ContentTime[:4]) == ("20260303", "2145")
        assert dataset.TimezoneOffsetFromUTC == "-0330"


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assessed, ct, _ = everything(tmp_path)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", fail)
    with pytest.raises(InputError, match="No space left on device"):
        export(assessed, ct, tmp_path / "out")
    assert {p.name for p in tmp_path.iterdir()} == {"case", "ct", "report.pdf"}


def test_without_highdicom_the_message_says_what_to_do_and_doses_still_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessed, ct, _ = everything(tmp_path)
    usual = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("highdicom"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingToolError, match="pip install highdicom"):
        export(assessed, ct, tmp_path / "out")
    export(assessed, ct, tmp_path / "out", Wanted(outlines=False, measurements=False))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "dose_total.dcm",
        "dose_session_01.dcm",
        "dose_session_02.dcm",
    }


def test_a_session_without_image_has_no_dose_and_a_note_says_why(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path)
    first, second = assessed.case.sessions
    without = assess(replace(assessed.case, sessions=(first, replace(second, image=None))))
    notes = export(without, ct, tmp_path / "out")
    assert any("Second" in n and "has no image" in n for n in notes)
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert "dose_session_01.dcm" in names
    assert not {"dose_total.dcm", "dose_session_02.dcm"} & names


def test_making_objects_leaves_the_reference_as_it_was(tmp_path: Path) -> None:
    assessed, ct, _ = everything(tmp_path, PatientSex="U")
    reference = read_reference(ct)
    before = str(reference.header)
    export_objects(assessed, reference)
    assert str(reference.header) == before


def test_the_command_writes_the_objects_of_a_case_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    case = small_case(tmp_path / "case")
    assert case.ct is not None
    write_case(case, tmp_path / "written")
    ct = dicom_ct(tmp_path / "ct", case.ct.image)
    top = argparse.ArgumentParser()
    add_parser(top.add_subparsers())
    words = ["export", tmp_path / "written" / "case.toml", "--reference", ct, "--out", tmp_path / "out"]
    args = top.parse_args([str(w) for w in words])
    assert args.run(args) == 0
    listed = [Path(line).name for line in capsys.readouterr().out.splitlines() if line.endswith(".dcm")]
    assert listed == ["dose_total.dcm", "report.dcm", "rtstruct.dcm", "seg_01.dcm", "sr.dcm"]
    pdf = pydicom.dcmread(tmp_path / "out" / "report.dcm")
    assert pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength].endswith(b"%%EOF\n")
    assert not told_by_dciodvfy(tmp_path / "out" / "report.dcm")
    args = top.parse_args([*(str(w) for w in words[:-1]), str(tmp_path / "none"), "--no-report"])
    assert args.run(args) == 0
    assert not (tmp_path / "none" / "report.dcm").exists()


def test_a_real_ct_without_a_study_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="it has no StudyInstanceUID. Export the CT again"):
        read_reference(shared("abdomen_ct_dicom"))


def test_a_real_ct_with_an_empty_character_set_carries_our_objects(tmp_path: Path) -> None:
    folder = shared("ct_with_seg")
    reference = read_reference(folder)
    export(assess(_case_on(reference)), folder, tmp_path / "out")
    source = reference.header
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["rtstruct.dcm", "seg_01.dcm", "sr.dcm"]
    for path in sorted((tmp_path / "out").iterdir()):
        dataset = pydicom.dcmread(path)
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
        assert not told_by_dciodvfy(path)


def _case_on(reference: Reference) -> Case:
    """A liver and a tumor as boxes within a real CT, without sessions."""
    array = np.zeros(reference.image.GetSize()[::-1], np.uint8)
    array[:, 200:300, 150:260] = 1
    tumor = np.zeros_like(array)
    tumor[1, 210:220, 160:170] = 1
    structures = []
    for role, label, mask in ((Role.LIVER, "Liver", array), (Role.TUMOR, "Tumor 1", tumor)):
        volume = image(mask)
        volume.CopyInformation(reference.image)
        structures.append(Structure(role, label, volume))
    return Case("Real CT", tuple(structures), ct=CtImage(reference.image))
