"""A folder from the PACS becomes a case in the scene, all or nothing, and the patient stays behind."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from Y90DosimetrySlicer import bridge
from Y90DosimetrySlicer.dicomloading import lacksZone, summaryOf
from Y90DosimetrySlicer.parameters import segmentName

import Y90Dosimetry as module
from Y90DosimetryLib.errors import Cancelled, InputError
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_sort import sort_folder

sys.path.append(str(Path(__file__).resolve().parents[1] / "Library"))

from dicom_kit import FRAME, OTHER_FRAME, PET, ct, pet, segmentation_object
from image_files import spect_file

SECRETS = ("secret", "007", "19500101", "acc-42", "1.2.826")
PERSONAL = {
    "PatientName": "Secret^Name",
    "PatientID": "007",
    "PatientBirthDate": "19500101",
    "AccessionNumber": "ACC-42",
}
PARIS = Choices(time_zone="Europe/Paris")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A CT, a MAA SPECT with a CT of its own, a PET, and outlines of liver and perfused volume, of one patient."""
    ct(tmp_path / "ct", **PERSONAL)
    pet(tmp_path / "pet", **PERSONAL)
    spect = {"SeriesInstanceUID": "1.2.826.0.1.7", "FrameOfReferenceUID": OTHER_FRAME}
    spect_file(tmp_path / "maa.dcm", PET, **spect, **PERSONAL)
    mask = np.zeros((6, 20, 24), dtype=np.uint8)
    mask[1:5, 2:18, 2:20] = 1
    right = mask.copy()
    right[:, :, 10:] = 0
    masks = {
        "Liver": ("SRT", "T-62000", "Liver", mask),
        "Perfused right": ("SRT", "T-D0050", "Tissue", right),
        "Spleen": ("SRT", "T-C3000", "Spleen", right),
    }
    segmentation_object(tmp_path / "seg.dcm", masks, **PERSONAL)
    return tmp_path


@pytest.fixture
def logic(scene):
    return module.Y90DosimetryLogic()


def nodes() -> list[str]:
    scene = slicer.mrmlScene
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]


def test_the_case_in_the_scene_is_the_case_of_the_library(logic, folder) -> None:
    alone = case_from_dicom(folder, PARIS)
    parameters = logic.loadDicomFolder(folder, PARIS)
    workflow = logic.workflow(parameters)
    names = [s.label for s in alone.case.structures]
    assert [segmentName(parameters, id_) for id_ in workflow.roles()] == names
    volumes = workflow.volumesMl()
    assert sorted(volumes.values()) == pytest.approx(sorted(s.volume_ml for s in alone.case.structures), rel=1e-6)
    theirs, ours = alone.case.ct.image, bridge.imageOf(parameters.ct)
    assert ours.GetOrigin() == pytest.approx(theirs.GetOrigin()) and ours.GetSize() == theirs.GetSize()
    assert parameters.patient.weightKg == 80.0
    basis = {session.basis: session for session in parameters.sessions}
    assert set(basis) == {"planned", "delivered"}
    delivered = basis["delivered"]
    assert delivered.values == "bq_ml" and delivered.referenceTime.startswith("2026-03-04T14:00")
    assert delivered.infusions[0].activityGbq == pytest.approx(3.0)
    assert basis["planned"].values == "counts" and basis["planned"].image is not None


def test_what_the_reader_noted_stays_with_the_case_and_is_said(logic, folder) -> None:
    parameters = logic.loadDicomFolder(folder, PARIS)
    assert any("Spleen" in note and "left out" in note for note in parameters.readingNotes)
    summary = summaryOf(parameters)
    assert summary[0] == "Loaded: CT" and "2 structures" in summary
    assert any("register both" in line for line in summary), "another frame of reference"
    parameters.sessions.clear()
    assert any("register both" in note for note in logic.workflow(parameters).case().notes)


def test_no_identifier_gets_into_the_scene(application, logic, folder, tmp_path) -> None:
    logic.loadDicomFolder(folder, PARIS)
    scene = slicer.mrmlScene
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString().lower()
    assert "structures" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_the_ct_of_the_spect_is_loaded_beside_it_for_registration(logic, folder) -> None:
    ct(folder / "hybrid", SeriesInstanceUID="1.2.826.0.1.9", FrameOfReferenceUID=OTHER_FRAME, prefix="h", **PERSONAL)
    sorting = sort_folder(folder)
    planning = next(s.number for s in sorting.series if s.kind.value == "CT" and s.frame_of_reference == FRAME)
    parameters = logic.loadDicomFolder(folder, Choices(ct=planning, time_zone="Europe/Paris"))
    maa = next(session for session in parameters.sessions if session.basis == "planned")
    assert maa.hybridCt.GetName() == "CT of the SPECT/CT" and maa.hybridCt is not parameters.ct


def test_a_pet_without_a_time_zone_is_known_beforehand(folder) -> None:
    assert lacksZone(sort_folder(folder))
    pet(folder / "pet", TimezoneOffsetFromUTC="+0100", **PERSONAL)
    assert not lacksZone(sort_folder(folder))


@pytest.mark.parametrize("stop_at", [0.05, 0.5, 0.93, 1.0])
def test_cancel_at_any_time_leaves_nothing_in_the_scene(logic, folder, stop_at) -> None:
    def stop(fraction, _doing):
        if fraction >= stop_at:
            raise Cancelled("load")

    before, items = nodes(), _items()
    with pytest.raises(Cancelled):
        logic.loadDicomFolder(folder, PARIS, stop)
    assert nodes() == before and _items() == items


def test_a_failure_half_way_leaves_nothing_in_the_scene(logic, folder, monkeypatch) -> None:
    def fail(*_arguments):
        raise RuntimeError("the disk is full")

    before, items = nodes(), _items()
    monkeypatch.setattr(bridge, "writeMask", fail)
    with pytest.raises(RuntimeError):
        logic.loadDicomFolder(folder, PARIS)
    assert nodes() == before and _items() == items


def _items() -> int:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.GetNumberOfItems()


def test_a_folder_that_can_not_be_read_is_refused_and_nothing_is_left(logic, folder, tmp_path) -> None:
    before = nodes()
    with pytest.raises(InputError, match="time zone"):
        logic.loadDicomFolder(folder)
    with pytest.raises(InputError, match="no such folder"):
        logic.loadDicomFolder(tmp_path / "nowhere")
    assert nodes() == before


def test_a_second_folder_is_a_second_case(logic, folder) -> None:
    first = logic.loadDicomFolder(folder, PARIS)
    second = logic.loadDicomFolder(str(folder), PARIS)
    assert first.parameterNode is not second.parameterNode
    assert first.ct is not second.ct and first.ct.GetName() != second.ct.GetName()
