"""To Orthanc and back: objects as they were, and a patient assessed again with every number the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_kit import ct, rewritten, spheres
from export_kit import FRAME, IDENTIFIERS, dicom_ct
from image_files import PET_IMAGE, dicom_file
from pacs_kit import DICOM_PORT, PATIENT, TITLE, nameless, orthanc, patient_with

from Y90DosimetryLib.engine import Assessment, assess
from Y90DosimetryLib.images import array_of
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.case_writer import write_case
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_export import Wanted, export
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom import PhantomSettings, Variant, digital_patient

COARSE = PhantomSettings(
    ct_spacing_mm=(5.0, 5.0, 8.0), pet_spacing_mm=(6.0, 6.0, 6.0), emission_field_mm=(360.0, 270.0, 360.0)
)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("pacs") / "orthanc") as running:
        yield running


@pytest.fixture
def empty_pacs(pacs):
    for study in pacs.asked("/studies"):
        pacs.run(
            "python3", "-c", "import sys,urllib.request as u; u.urlopen(u.Request(sys.argv[1], method='DELETE'))",
            f"http://127.0.0.1:8042/studies/{study}",
        )  # fmt: skip
    return pacs


def to_orthanc(direction: str) -> list[object]:
    return [direction, f"127.0.0.1:{DICOM_PORT}", "--called-aet", TITLE]


def dicom_pet(folder: Path, activity, **elements) -> Path:
    """A PET in Bq/mL as a scanner writes it: 16 bits, decay-corrected to its start."""
    folder.mkdir()
    image, at = activity.image, activity.reference_time
    slope = float(array_of(image).max()) / 30000
    for k in range(image.GetSize()[2]):
        dicom_file(
            folder / f"pet{k:03}.dcm",
            np.rint(array_of(image)[k] / slope),
            **patient_with(
                SOPClassUID=PET_IMAGE,
                Modality="PT",
                SeriesInstanceUID="1.2.826.0.1.200",
                SeriesNumber=3,
                FrameOfReferenceUID=FRAME,
                ImagePositionPatient=[f"{v:.6f}" for v in image.TransformIndexToPhysicalPoint((0, 0, k))],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[image.GetSpacing()[1], image.GetSpacing()[0]],
                SliceThickness=image.GetSpacing()[2],
                RescaleSlope=f"{slope:.9g}",
                RescaleIntercept=0,
                Units="BQML",
                DecayCorrection="START",
                CorrectedImage=["DECY", "ATTN", "SCAT", "RAN", "NORM"],
                SeriesDate=at.strftime("%Y%m%d"),
                SeriesTime=at.strftime("%H%M%S"),
                AcquisitionDate=at.strftime("%Y%m%d"),
                AcquisitionTime=at.strftime("%H%M%S"),
                TimezoneOffsetFromUTC=at.strftime("%z"),
                ActualFrameDuration=1200000,
                RadiopharmaceuticalInformationSequence=spheres(
                    RadiopharmaceuticalStartDateTime=(elements["given"]).strftime("%Y%m%d%H%M%S%z"),
                    RadionuclideTotalDose=elements["given_bq"],
                ),
                PatientWeight=80.0,
                PatientSize=1.75,
            ),
        )
    return folder


def the_digital_patient(folder: Path) -> tuple[Assessment, Path]:
    """The digital patient after a lobectomy dose: CT and PET as from the scanners, outlines as we export them."""
    patient = digital_patient(COARSE, Variant.LOBECTOMY)
    case = patient.case()
    infusion = case.sessions[0].infusions[0]
    images = folder / "images"
    images.mkdir(parents=True)
    dicom_ct(images / "ct", case.ct.image)
    at = infusion.given_at
    dicom_pet(images / "pet", patient.pet(), given=at, given_bq=2.5e9)
    assessment = assess(case)
    export(assessment, images / "ct", folder / "ours", Wanted(measurements=False))
    next((folder / "ours").glob("seg_*.dcm")).rename(images / "seg.dcm")
    return assessment, images


def numbers_of(assessment: Assessment) -> dict[tuple[str, str], object]:
    return {(m.measure_id, m.about): m.value for m in assessment.measurements if m.value is not None}


def test_the_digital_patient_comes_back_from_a_pacs_with_the_same_numbers(empty_pacs, tmp_path: Path) -> None:
    original, images = the_digital_patient(tmp_path)
    before = case_from_dicom(images, Choices()).case
    sent = empty_pacs.y90("push", images, *to_orthanc("--to"))
    count = sum(1 for p in images.rglob("*.dcm"))
    assert f"{count} objects stored, 0 refused" in sent.stdout
    assert empty_pacs.asked("/statistics")["CountInstances"] == count

    got = empty_pacs.y90("pull", *to_orthanc("--from"), "--patient-id", PATIENT, "--out", tmp_path / "back")
    for told in (sent, got):
        assert nameless(told.stdout.replace(str(tmp_path), "") + told.stderr)
    assert sorted(p.name.split("_")[1] for p in (tmp_path / "back").iterdir()) == ["CT", "PT", "SEG"]
    assert sum(1 for p in (tmp_path / "back").rglob("*.dcm")) == count
    after = case_from_dicom(tmp_path / "back", Choices()).case

    first, second = numbers_of(assess(before)), numbers_of(assess(after))
    assert any("dose" in measure for measure, _ in first) and len(first) > 30
    assert second == first, "to the last digit"
    volumes = {s.label: s.volume_ml for s in original.case.structures}
    assert {s.label: s.volume_ml for s in after.structures} == pytest.approx(volumes, rel=1e-9)


def test_results_go_into_the_patient_s_study_and_come_back_to_the_voxel(empty_pacs, tmp_path: Path) -> None:
    patient = digital_patient(COARSE, Variant.LOBECTOMY)
    case = patient.case()
    write_case(case, tmp_path / "case")
    folder = dicom_ct(tmp_path / "ct", case.ct.image)
    empty_pacs.y90("push", folder, *to_orthanc("--to"))
    told = empty_pacs.y90("push", tmp_path / "case", "--reference", folder, *to_orthanc("--to"))
    assert "5 objects stored, 0 refused" in told.stdout
    assert len(empty_pacs.asked("/studies")) == 1, "the results join the study of the CT"

    listed = empty_pacs.y90("pull", *to_orthanc("--from"), "--patient-id", PATIENT, "--list").stdout
    for kind in ("RTDOSE", "RTSTRUCT", "SEG", "SR", "DOC"):
        assert f"{kind} 1" in listed
    assert nameless(listed)
    shown = ("--list", "--show-identifiers")
    assert PATIENT in empty_pacs.y90("pull", *to_orthanc("--from"), "--patient-id", PATIENT, *shown).stdout
    words = ("pull", *to_orthanc("--from"), "--study", IDENTIFIERS["StudyInstanceUID"])
    empty_pacs.y90(*words, "--modality", "rtdose", "seg", "--out", tmp_path / "back")
    found = {d.Modality: d for d in map(pydicom.dcmread, (tmp_path / "back").rglob("*.dcm"))}
    assert set(found) == {"RTDOSE", "SEG"}
    dose = assess(read_case(tmp_path / "case" / "case.toml")).dose_map
    assert not isinstance(dose, Missing)
    step = float(found["RTDOSE"].DoseGridScaling)
    assert found["RTDOSE"].pixel_array * step == pytest.approx(array_of(dose.image), abs=0.501 * step)
    assert str(found["RTDOSE"].PatientName) == IDENTIFIERS["PatientName"]
    assert [s.SegmentLabel for s in found["SEG"].SegmentSequence] == [s.label for s in case.structures]


def test_compressed_slices_are_stored_and_fetched_as_they_are(empty_pacs, tmp_path: Path) -> None:
    folder = ct(tmp_path / "ct", StudyInstanceUID="1.2.826.0.1.9", **{"PatientID": "J1"})
    syntaxes = ("JPEG2000Lossless", "JPEGLosslessSV1", "RLELossless", "ExplicitVRBigEndian", "ImplicitVRLittleEndian")
    files = sorted(folder.iterdir())
    for file, syntax in zip(files, syntaxes, strict=False):
        rewritten(file, syntax)
    before = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, files)}
    empty_pacs.y90("push", folder, *to_orthanc("--to"))
    empty_pacs.y90("pull", *to_orthanc("--from"), "--patient-id", "J1", "--out", tmp_path / "back")
    after = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, (tmp_path / "back").rglob("*.dcm"))}
    assert set(after) == set(before)
    for uid, dataset in after.items():
        if before[uid].file_meta.TransferSyntaxUID.is_compressed:
            assert dataset.file_meta.TransferSyntaxUID == before[uid].file_meta.TransferSyntaxUID
            assert dataset.PixelData == before[uid].PixelData
    again = case_from_dicom(tmp_path / "back").case
    assert np.array_equal(array_of(again.ct.image), array_of(case_from_dicom(folder).case.ct.image))


def test_a_title_that_orthanc_does_not_have_is_refused_with_the_way_on(pacs, tmp_path: Path) -> None:
    folder = ct(tmp_path / "ct")
    told = pacs.y90("push", folder, "--to", f"127.0.0.1:{DICOM_PORT}", "--called-aet", "NOBODY", check=False)
    assert told.returncode == 2
    assert "called ae title not recognised" in told.stderr and "--called-aet" in told.stderr
