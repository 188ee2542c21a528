"""What a volume tells about its values is read, not guessed; nothing is taken silently."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import slicer
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scene_kit import matrix4, volume
from Y90DosimetrySlicer.bridge import setUnits
from Y90DosimetrySlicer.imagefacts import factsOfImage, suggestImages

HEADER = {
    "Modality": "PT",
    "Units": "BQML",
    "DecayCorrection": "START",
    "SeriesDescription": "Y90 PET",
    "SeriesDate": "20260305",
    "SeriesTime": "081500.123",
    "AcquisitionDate": "20260305",
    "AcquisitionTime": "081600",
    "FrameOfReferenceUID": "1.2.3",
}


def loaded(tmp_path, monkeypatch, **header):
    """Return a volume node as the DICOM module makes it, with its file in a database."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.128", generate_uid()
    for name, value in (HEADER | header).items():
        if value is not None:
            setattr(data, name, value)
    drug = Dataset()
    drug.RadiopharmaceuticalStartDateTime = "20260304093000"
    data.RadiopharmaceuticalInformationSequence = [drug]
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    pydicom.dcmwrite(tmp_path / "image.dcm", data, enforce_file_format=True)
    files = {str(data.SOPInstanceUID): str(tmp_path / "image.dcm")}
    database = SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    node = volume(np.ones((2, 2, 2), np.float32), matrix4(), "7: Y90 PET")
    node.SetAttribute("DICOM.instanceUIDs", f"{data.SOPInstanceUID} 1.2.3.4")
    return node


def test_a_pet_tells_its_values_and_times(scene, tmp_path, monkeypatch) -> None:
    facts = factsOfImage(loaded(tmp_path, monkeypatch, TimezoneOffsetFromUTC="+0100"))
    assert (facts.values, facts.source, facts.modality) == ("bq_ml", "DICOM", "PT")
    assert facts.acquiredAt == "2026-03-05T08:16:00+01:00"
    assert facts.correctedTo == "2026-03-05T08:15:00+01:00"
    assert facts.injectedAt == "2026-03-04T09:30:00+01:00"
    assert facts.frameOfReference == "1.2.3"


def test_a_pet_corrected_to_the_administration_says_so(scene, tmp_path, monkeypatch) -> None:
    facts = factsOfImage(loaded(tmp_path, monkeypatch, DecayCorrection="ADMIN"))
    assert facts.correctedTo == facts.injectedAt == "2026-03-04T09:30:00"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ({"Units": "GML"}, "suv"),
        ({"Units": "CNTS"}, "counts"),
        ({"Modality": "NM", "Units": None}, "counts"),
        ({"Modality": "CT", "Units": None}, "hu"),
        ({"Modality": "MR", "Units": None}, ""),
    ],
)
def test_the_header_says_what_the_values_are(scene, tmp_path, monkeypatch, header, values) -> None:
    assert factsOfImage(loaded(tmp_path, monkeypatch, **header)).values == values


def test_a_damaged_or_missing_file_says_nothing(scene, tmp_path, monkeypatch) -> None:
    node = loaded(tmp_path, monkeypatch, SeriesTime="noon")
    assert factsOfImage(node).correctedTo == "2026-03-05T08:16:00"
    (tmp_path / "image.dcm").write_bytes(b"no DICOM")
    assert factsOfImage(node).values == ""
    (tmp_path / "image.dcm").unlink()
    assert factsOfImage(node).values == ""
    monkeypatch.delattr(slicer, "dicomDatabase")
    assert factsOfImage(node).values == ""


@pytest.mark.parametrize(
    ("code", "values"),
    [("kBq/mL", "kbq_ml"), ("Bq/ml", "bq_ml"), ("{counts}", "counts"), ("[hnsf'U]", "hu"), ("Gy", "gy")],
)
def test_units_of_the_node_come_first(scene, code, values) -> None:
    node = volume(np.full((2, 2, 2), -900, np.int16), matrix4())
    setUnits(node, None, (code, "UCUM", code))
    facts = factsOfImage(node)
    assert (facts.values, facts.source) == (values, "units")


def test_suggestions_come_from_units_values_and_names_and_a_dose_is_no_image_of_uptake(scene) -> None:
    ct = volume(np.full((2, 2, 2), -1000, np.int16), matrix4(), "5: Abdomen")
    named = volume(np.ones((2, 2, 2), np.float32), matrix4(), "MAA_SPECT recon")
    pet = volume(np.ones((2, 2, 2), np.float32), matrix4(), "Series 9")
    setUnits(pet, None, ("Bq/ml", "UCUM", ""))
    dose = volume(np.ones((2, 2, 2), np.float32), matrix4(), "Dose")
    setUnits(dose, None, ("Gy", "UCUM", ""))
    volume(np.ones((2, 2, 2), np.float32), matrix4(), "T1 MRI")
    found = suggestImages()
    assert found.ct is ct
    assert set(found.images) == {pet, named}


def test_ct_is_recognized_as_a_word_only(scene) -> None:
    assert suggestImages().ct is None
    volume(np.ones((2, 2, 2), np.float32), matrix4(), "Reconstruction")
    assert suggestImages().ct is None
    node = volume(np.ones((2, 2, 2), np.float32), matrix4(), "ct_portal")
    assert suggestImages().ct is node


def test_one_volume_is_not_suggested_for_both(scene) -> None:
    node = volume(np.ones((2, 2, 2), np.float32), matrix4(), "CT of the SPECT")
    found = suggestImages()
    assert found.ct is node
    assert found.images == ()
