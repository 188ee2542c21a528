"""A PACS that refuses, withholds, mixes up or keeps silent leaves nothing behind, and nobody named."""

from __future__ import annotations

import builtins
import logging
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_kit import ct, sorted_
from export_kit import IDENTIFIERS
from image_files import PET_IMAGE, spect_file
from pacs_kit import PATIENT, Misbehaving, nameless, patient_with, small_pacs

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.errors import Cancelled, InputError, MissingToolError
from Y90DosimetryLib.io import pacs
from Y90DosimetryLib.io.dicom_case import case_from_dicom
from Y90DosimetryLib.io.pacs import Wanted, find, pull
from Y90DosimetryLib.io.pacs_link import Peer, echo, host_and_port
from Y90DosimetryLib.io.pacs_store import Pushed, push


def held(count: int = 3, series: str = "1.2.826.0.1.100", **elements) -> list:
    """Some slices of a CT, as a PACS holds them."""
    made = []
    for k in range(count):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{series}.{k}"
        dataset.SeriesInstanceUID, dataset.Modality = series, "CT"
        for keyword, told in {**IDENTIFIERS, "SpecificCharacterSet": "ISO_IR 100", **elements}.items():
            setattr(dataset, keyword, told)
        dataset.Rows = dataset.Columns = 2
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 0, 1
        dataset.PhotometricInterpretation, dataset.PixelData = "MONOCHROME2", bytes(8)
        made.append(dataset)
    return made


def test_a_refused_object_is_listed_and_does_not_stop_the_others(tmp_path: Path, capsys) -> None:
    folder = ct(tmp_path / "ct", **patient_with())
    with small_pacs(Misbehaving(status_of_store=lambda n: {2: 0xA700, 4: 0xB000}.get(n, 0))) as peer:
        words = ["push", str(folder), "--to", peer.address, "--called-aet", peer.called_title]
        assert main(words) == 2
    told = capsys.readouterr()
    assert "5 objects stored, 1 refused" in told.out
    assert "out of resources (status A700)" in told.out and "with some elements changed" in told.out
    assert nameless(told.out + told.err)


def test_a_file_of_many_frames_is_sent_once_however_many_series_they_form(tmp_path: Path) -> None:
    folder, frames = tmp_path / "spect", np.ones((6, 4, 5), dtype=np.uint16)
    folder.mkdir()
    windows = {"NumberOfSlices": 3, "EnergyWindowVector": [1, 1, 1, 2, 2, 2], **patient_with()}
    spect_file(folder / "two_windows.dcm", frames, SOPInstanceUID="1.2.826.0.1.5", **windows)
    spect_file(folder / "one.dcm", frames, SOPInstanceUID="1.2.826.0.1.6", **patient_with())
    assert max(len(series.files) for series in sorted_(folder).series) < len(sorted_(folder).series)
    held = Misbehaving()
    with small_pacs(held) as peer:
        assert push(folder, peer) == Pushed(2)
    assert {one.NumberOfFrames for one in held.stored} == {6}


def test_a_class_the_pacs_does_not_know_is_named(tmp_path: Path) -> None:
    folder = ct(tmp_path / "ct")
    with small_pacs(Misbehaving(classes=(PET_IMAGE,))) as peer:
        found = push(folder, peer)
    assert found.stored_count == 0 and len(found.refused) == 6
    assert "the PACS does not take CT Image Storage in Explicit VR Little Endian" in found.refused[0]


def test_nothing_is_sent_of_a_folder_with_damaged_files_or_two_patients(tmp_path: Path) -> None:
    folder, held_there = ct(tmp_path / "ct"), Misbehaving()
    with small_pacs(held_there) as peer:
        ct(tmp_path / "ct" / "other", PatientID="other", PatientName="An^Other", SeriesInstanceUID="1.2.826.0.1.101")
        with pytest.raises(InputError, match="series of 2 patients"):
            push(folder, peer)
        for path in (folder / "other").iterdir():
            path.unlink()
        cut = sorted(folder.glob("*.dcm"))[0]
        cut.write_bytes(cut.read_bytes()[:-100])
        with pytest.raises(InputError, match="1 DICOM file is truncated"):
            push(folder, peer)
        unnamed = ct(tmp_path / "unnamed", StudyInstanceUID="")
        with pytest.raises(InputError, match="6 files are without .*StudyInstanceUID"):
            push(unnamed, peer)
    assert not held_there.stored


def test_a_case_without_its_ct_is_not_stored_in_an_unknown_study(tmp_path: Path, capsys) -> None:
    (tmp_path / "case.toml").write_text("")
    assert main(["push", str(tmp_path), "--to", "127.0.0.1:1"]) == 2
    assert "--reference DICOM_CT_FOLDER" in capsys.readouterr().err


def test_studies_are_found_without_naming_the_patient_in_their_line() -> None:
    objects = held(StudyInstanceUID="1.2.826.0.1.7") + held(
        2, "1.2.826.0.1.300", StudyInstanceUID="1.2.826.0.1.8", StudyDate="20260401"
    )
    with small_pacs(Misbehaving(objects)) as peer:
        studies = find(peer, PATIENT)
    assert [s.line for s in studies] == ["1: study of 20260301 0830: CT 3", "2: study of 20260401 0830: CT 2"]
    assert PATIENT in studies[0].identifiers


def test_several_studies_are_never_chosen_from(tmp_path: Path) -> None:
    objects = held(StudyInstanceUID="1.2.826.0.1.7") + held(
        2, "1.2.826.0.1.300", StudyInstanceUID="1.2.826.0.1.8", StudyDate="20260401"
    )
    with small_pacs(Misbehaving(objects)) as peer:
        with pytest.raises(InputError, match="there are 2 studies.*--study N") as told:
            pull(peer, Wanted(PATIENT), tmp_path / "back")
        assert nameless(str(told.value)) and not (tmp_path / "back").exists()
        assert pull(peer, Wanted(PATIENT, "2"), tmp_path / "back").series[0].object_count == 2
        with pytest.raises(InputError, match="there is no study 3"):
            pull(peer, Wanted(PATIENT, "3"), tmp_path / "other")
        with pytest.raises(InputError, match="no series of the study is of these modalities"):
            pull(peer, Wanted(PATIENT, "2", ("NM",)), tmp_path / "other")


def test_other_patients_answers_are_not_taken(tmp_path: Path) -> None:
    with small_pacs(Misbehaving(held(PatientID="HOSP-47112"), answer_all=True)) as peer:
        assert find(peer, PATIENT) == ()
        with pytest.raises(InputError, match="no such study"):
            pull(peer, Wanted(PATIENT), tmp_path / "back")


@pytest.mark.parametrize("patient", ["HOSP*", "?", "a\\b", ""])
def test_a_search_for_many_patients_is_not_made(patient: str) -> None:
    with pytest.raises(InputError, match="wildcards|neither"):
        find(Peer("127.0.0.1", 1), patient)


def test_a_study_that_does_not_come_whole_is_not_written(tmp_path: Path) -> None:
    with (
        small_pacs(Misbehaving(held(), withheld=1)) as peer,
        pytest.raises(InputError, match=r"1 of 3 objects of a series \(CT\) were not sent"),
    ):
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_an_object_of_another_patient_is_not_written(tmp_path: Path) -> None:
    objects = held()
    objects[2].PatientID = "someone else"
    with (
        small_pacs(Misbehaving(objects)) as peer,
        pytest.raises(InputError, match="another series, study or patient") as told,
    ):
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    assert nameless(str(told.value)) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("keyword", "other"),
    [
        ("StudyInstanceUID", "1.2.826.0.1.999"),
        ("PatientName", "Somebody^Else"),
        ("PatientBirthDate", "19010101"),
        ("PatientSex", "F"),
    ],
)
def test_an_object_that_contradicts_its_study_is_not_written(tmp_path: Path, keyword: str, other: str) -> None:
    objects = held(PatientBirthDate="19500312", PatientSex="M")
    setattr(objects[2], keyword, other)
    with (
        small_pacs(Misbehaving(objects)) as peer,
        pytest.raises(InputError, match="another series, study or patient") as told,
    ):
        pull(peer, Wanted(PATIENT, "1"), tmp_path / "back")
    assert nameless(str(told.value)) and list(tmp_path.iterdir()) == []


def test_names_written_in_other_letters_are_one_patient(tmp_path: Path) -> None:
    objects = held(PatientBirthDate="19500312")
    objects[1].PatientName = str(objects[1].PatientName).upper() + "^^"
    del objects[2].PatientBirthDate
    with small_pacs(Misbehaving(objects)) as peer:
        assert pull(peer, Wanted(PATIENT), tmp_path / "back").series[0].object_count == 3


def test_answers_without_end_are_given_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(pacs, "MOST_ANSWERS", 20)
    with (
        small_pacs(Misbehaving(held(), answers_endlessly=True)) as peer,
        pytest.raises(InputError, match="gave 21 answers to one question"),
    ):
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    monkeypatch.setattr(pacs, "MOST_ANSWERS", 10**9)
    monkeypatch.setattr(pacs, "LONGEST_SEARCH_S", 0.0)
    with small_pacs(Misbehaving(held(), answers_endlessly=True)) as peer, pytest.raises(InputError, match="not end"):
        find(peer, PATIENT)
    assert list(tmp_path.iterdir()) == []


def test_objects_without_end_are_given_up(tmp_path: Path, monkeypatch) -> None:
    """Also where one object comes again and again."""
    monkeypatch.setattr(pacs, "MOST_OBJECTS", 3)
    with small_pacs(Misbehaving([*held(), held()[0]])) as peer, pytest.raises(InputError, match="more than 3 objects"):
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_a_fetch_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(fraction: float, doing: str) -> None:
        if doing == "fetching" and fraction > 0.3:
            raise Cancelled("stopped")

    with small_pacs(Misbehaving(held(20))) as peer, pytest.raises(Cancelled):
        pull(peer, Wanted(PATIENT), tmp_path / "back", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_pacs_that_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    with (
        small_pacs(Misbehaving(held(), silent_s=5.0), timeout_s=1.5) as peer,
        pytest.raises(InputError, match=r"no answer to the search \(C-FIND\) within 1.5 s.*--timeout"),
    ):
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_where_nobody_listens_the_message_names_host_and_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}: it can't be reached .*refused"):
            echo(Peer("127.0.0.1", port, timeout_s=2.0))


def test_a_wrong_title_and_a_failing_echo_are_told_apart() -> None:
    with small_pacs(Misbehaving(status_of_echo=0x0124)) as peer:
        with pytest.raises(InputError, match="not authorized"):
            echo(peer)
        with pytest.raises(InputError, match="called ae title not recognised"):
            echo(replace(peer, called_title="OTHER"))


def test_the_patient_is_in_no_log(tmp_path: Path, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    folder = ct(tmp_path / "ct", **patient_with())
    caplog.clear()
    with small_pacs(Misbehaving(held())) as peer:
        push(folder, peer)
        pull(peer, Wanted(PATIENT), tmp_path / "back")
    out, err = capfd.readouterr()
    assert nameless(caplog.text + out + err)
    assert all(nameless(str(p.relative_to(tmp_path))) for p in (tmp_path / "back").rglob("*"))


@pytest.mark.parametrize("written", ["pacs", "pacs:", "pacs:0", "pacs:70000", ":104", "a b:104", "pacs:1x"])
def test_what_is_no_host_and_port_is_refused(written: str) -> None:
    with pytest.raises(InputError, match="no host and port"):
        Peer(*host_and_port(written))


def test_an_address_of_version_6_and_impossible_titles() -> None:
    assert Peer(*host_and_port("[fd00::1]:104")).address == "[fd00::1]:104"
    for title in ("", "  ", "seventeen letters", "a\\b", "\u00e9"):
        with pytest.raises(InputError, match="AE title"):
            Peer("pacs", 104, title)
    with pytest.raises(InputError, match="timeout"):
        Peer("pacs", 104, timeout_s=0.0)


def test_without_pynetdicom_the_message_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    usual = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("pynetdicom"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingToolError, match="pip install pynetdicom"):
        push(tmp_path, Peer("pacs", 104))
    with pytest.raises(MissingToolError, match="pip install pynetdicom"):
        pull(Peer("pacs", 104), Wanted("1"), tmp_path / "out")


def test_slices_come_in_the_place_they_had(tmp_path: Path) -> None:
    folder = ct(tmp_path / "ct", PatientID="007")
    objects = [pydicom.dcmread(p) for p in folder.iterdir()]
    with small_pacs(Misbehaving(objects)) as peer:
        pull(peer, Wanted("007"), tmp_path / "back")
    back, there = (case_from_dicom(f).case.ct.image for f in (tmp_path / "back", folder))
    assert back.GetOrigin() == there.GetOrigin()
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(there))
