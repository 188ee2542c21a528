"""A folder from the PACS becomes a case that reads back, and the patient stays behind."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import (
    CT_HU,
    CT_SERIES,
    FRAME,
    OTHER_FRAME,
    PET,
    PET_SERIES,
    coded,
    contours,
    ct,
    pet,
    pydicom,
    segmentation_object,
    spheres,
)
from image_files import NM_IMAGE, dicom_file, dicom_series, shared, spect_file
from real_cases import needs_real_images, unpacked_spect_ct

from Y90DosimetryLib.case import Basis
from Y90DosimetryLib.cli.dicom import add_from_dicom
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityMap, CountMap
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom, write_dicom_case
from Y90DosimetryLib.structures import Role

SECRETS = ("secret", "007", "1.2.826", "19500101", "acc-42", "xyz-9")
PERSONAL = {"PatientBirthDate": "19500101", "AccessionNumber": "ACC-42", "PatientID": "XYZ-9007"}


def run(*arguments) -> int:
    """Run `y90 case from-dicom`."""
    parser = argparse.ArgumentParser()
    add_from_dicom(parser.add_subparsers())
    args = parser.parse_args(["from-dicom", *map(str, arguments)])
    return args.run(args)


def refused(folder, **choices) -> str:
    with pytest.raises(InputError) as told:
        case_from_dicom(folder, Choices(**choices))
    message = str(told.value)
    assert told.value.remedy
    assert not [s for s in SECRETS if s in message.lower()]
    return message


def filled(folder, **elements) -> Path:
    """A CT, a MAA SPECT, a PET, and outlines of liver and perfused volume, all of one patient."""
    known = {**PERSONAL, **elements}
    folder.mkdir(exist_ok=True)
    ct(folder / "ct", **known)
    pet(folder / "pet", **known)
    spect_file(folder / "maa.dcm", PET, SeriesInstanceUID="1.2.826.0.1.7", FrameOfReferenceUID=OTHER_FRAME, **known)
    mask = np.zeros((6, 20, 24), dtype=np.uint8)
    mask[1:5, 2:18, 2:20] = 1
    right = mask.copy()
    right[:, :, 10:] = 0
    masks = {
        "Liver": ("SRT", "T-62000", "Liver", mask),
        "Perfused right": ("SRT", "T-D0050", "Tissue", right),
        "Spleen": ("SRT", "T-C3000", "Spleen", right),
    }
    segmentation_object(folder / "seg.dcm", masks, **known)
    return folder


def everything_in(folder) -> str:
    """All bytes of a folder, images decompressed to what their header says, in small letters."""
    written = b""
    for path in folder.rglob("*"):
        if path.is_file():
            written += path.name.encode() + path.read_bytes()
    return written.decode("latin-1").lower()


def test_a_folder_becomes_a_case_that_reads_back_the_same(tmp_path):
    found = case_from_dicom(filled(tmp_path / "in"), Choices(time_zone="Europe/Paris"))
    write_dicom_case(found, tmp_path / "out")
    case = read_case(tmp_path / "out" / "case.toml")
    assert np.array_equal(sitk.GetArrayFromImage(case.ct.image), CT_HU - 1024)
    assert [(s.label, s.role) for s in case.structures] == [
        ("Liver", Role.LIVER),
        ("Perfused right", Role.PERFUSED),
    ]
    (session,) = case.sessions
    (infusion,) = session.infusions
    assert session.basis is Basis.DELIVERED
    assert (infusion.vial.activity_gbq, infusion.perfused) == (3.0, "Perfused right")
    assert infusion.given_at.isoformat() == "2026-03-04T10:30:00+01:00"
    assert infusion.residual_fraction is None and infusion.lung_shunt_fraction is None
    assert isinstance(session.image, ActivityMap)
    assert session.image.reference_time.isoformat() == "2026-03-04T14:00:00+01:00"
    assert np.array_equal(sitk.GetArrayFromImage(session.image.image), PET)
    assert (case.patient.weight_kg, case.patient.height_cm) == (80.0, 175.0)
    assert case.settings.hospital_time_zone == "Europe/Paris"
    notes = "\n".join(case.notes)
    assert "left out, without a role or empty: Spleen" in notes
    assert "SPECT: another DICOM frame of reference than the CT; register both" in notes
    assert "PET: another" not in notes


def test_the_draft_of_the_plan_becomes_a_session_when_it_is_completed(tmp_path):
    write_dicom_case(case_from_dicom(filled(tmp_path / "in"), Choices(time_zone="+01:00")), tmp_path / "out")
    path = tmp_path / "out" / "case.toml"
    text = path.read_text(encoding="utf-8")
    at, end = text.index("# [[sessions]]"), text.index("# A study of another day")
    draft = "\n".join(line.removeprefix("#").strip() for line in text[at:end].splitlines())
    for old, new in (
        ("label of the perfused volume", "Perfused right"),
        ("activity_at_infusion_gbq =", "activity_at_infusion_gbq = 3.1"),
        ("given_at =", "given_at = 2026-03-04T10:30:00+01:00"),
        ("residual_fraction =", "residual_fraction = 0.01"),
        ("lung_shunt_fraction =", "lung_shunt_fraction = 0.05"),
    ):
        assert old in draft
        draft = draft.replace(old, new)
    path.write_text(text[:at] + draft + "\n" + text[end:], encoding="utf-8")
    plan = read_case(path).sessions[1]
    assert (plan.label, plan.basis) == ("Plan", Basis.PLANNED)
    assert isinstance(plan.image, CountMap)
    assert np.array_equal(sitk.GetArrayFromImage(plan.image.image), PET)


def test_nothing_that_names_the_patient_is_written_or_said(tmp_path, capsys, caplog, recwarn):
    filled(tmp_path / "in", SeriesDescription="Abdomen Secret", SpecificCharacterSet="ISO_IR 100")
    for path in (tmp_path / "in" / "ct").iterdir():  # an odd value that pydicom would quote in a warning
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"SECRET 100"))
    assert run(tmp_path / "in", "--out", tmp_path / "out", "--time-zone", "Europe/Paris") == 0
    assert run(tmp_path / "in", "--list") == 0
    told = capsys.readouterr()
    texts = (told.out + told.err).replace(str(tmp_path), "") + caplog.text + str([w.message for w in recwarn])
    for text in (everything_in(tmp_path / "out"), texts.lower()):
        assert not [s for s in SECRETS if s in text]


def test_identifiers_are_kept_in_a_file_of_their_own_when_asked_for(tmp_path):
    filled(tmp_path / "in")
    assert run(tmp_path / "in", "--out", tmp_path / "out", "--time-zone", "Europe/Paris", "--keep-identifiers") == 0
    kept = json.loads((tmp_path / "out" / "identifiers.json").read_text())
    assert kept["PatientName"] == "Secret^Name"
    assert kept["StudyInstanceUID"] == "1.2.3"
    assert kept["series"]["ct"] == {"SeriesInstanceUID": CT_SERIES, "FrameOfReferenceUID": FRAME}
    assert kept["series"]["pet"]["SeriesInstanceUID"] == PET_SERIES
    (tmp_path / "out" / "identifiers.json").unlink()
    assert not [s for s in SECRETS if s in everything_in(tmp_path / "out")]


def test_two_patients_are_never_mixed(tmp_path):
    ct(tmp_path / "a")
    pet(tmp_path / "b", PatientID="XYZ-9008", PatientName="Other")
    message = refused(tmp_path)
    assert "series of 2 patients" in message
    assert "patient 2:\n  2: PET" in message
    assert case_from_dicom(tmp_path, Choices(patient=1)).case.ct is not None
    assert "no patient 3" in refused(tmp_path, patient=3)


def test_several_candidates_are_listed_until_one_is_chosen(tmp_path):
    ct(tmp_path / "a", SeriesDescription="Arterial")
    ct(tmp_path / "b", CT_HU + 5, SeriesInstanceUID="1.2.826.9", SeriesDescription="Venous")
    message = refused(tmp_path)
    assert "2 series may be the CT" in message
    assert "2: CT 'Venous', 6 files of 24 x 20" in message
    chosen = case_from_dicom(tmp_path, Choices(ct=2)).case.ct
    assert np.array_equal(sitk.GetArrayFromImage(chosen.image), CT_HU - 1019)
    assert "there is no series 7" in refused(tmp_path, ct=7)
    assert "no CT, SPECT or PET" in refused(tmp_path, ct=0)


def test_a_spect_labeled_ct_is_used_only_when_the_user_says_so(tmp_path):
    ct(tmp_path / "ct")
    dicom_series(tmp_path / "spect", PET, RescaleSlope="1.0113e-5", SeriesInstanceUID="1.2.826.3", prefix="s")
    silent = case_from_dicom(tmp_path)
    assert not silent.images
    assert "series 2 is not used: stored as CT image, labeled CT" in "".join(silent.case.notes)
    named = case_from_dicom(tmp_path, Choices(spect=2))
    assert sitk.GetArrayFromImage(named.images["spect.nrrd"]) == pytest.approx(PET * 1.0113e-5, rel=1e-6)
    assert "used as SPECT because the user says so" in "".join(named.case.notes)
    assert "not Hounsfield units" in refused(tmp_path, ct=2)
    assert "look like counts" in refused(tmp_path, spect=1)


def test_a_spect_of_another_nuclide_is_refused_and_y90_counts_as_delivered(tmp_path):
    ct(tmp_path / "ct")
    other = spheres(RadionuclideCodeSequence=coded("SRT", "C-145A4", "^111^Indium"))
    spect_file(tmp_path / "s.dcm", PET, RadiopharmaceuticalInformationSequence=other)
    assert "^111^Indium, not Tc-99m or Y-90" in "".join(case_from_dicom(tmp_path).case.notes)
    assert "^111^Indium, not Tc-99m or Y-90" in refused(tmp_path, spect=2)
    spect_file(tmp_path / "s.dcm", PET, RadiopharmaceuticalInformationSequence=spheres())
    (draft,) = case_from_dicom(tmp_path).drafts
    assert 'basis = "delivered"' in draft.text()


def test_a_pet_without_its_zone_or_unit_can_still_serve_in_counts(tmp_path):
    filled(tmp_path, Units="CNTS")
    assert "is counts, not Bq/mL" in refused(tmp_path, time_zone="Europe/Paris")
    found = case_from_dicom(tmp_path, Choices(pet_as_counts=True, time_zone="Europe/Paris"))
    assert isinstance(found.case.sessions[0].image, CountMap)


def test_without_a_zone_times_are_asked_for_not_guessed(tmp_path):
    with pytest.raises(InputError, match="have no time zone") as told:
        case_from_dicom(filled(tmp_path))
    assert told.value.about == "time_zone" and "--" not in str(told.value)
    with pytest.raises(InputError, match="Type: --time-zone Europe/Paris"):
        run(tmp_path, "--out", tmp_path / "out")


def test_the_user_says_what_segments_are(tmp_path):
    filled(tmp_path)
    zone = {"time_zone": "Europe/Paris"}
    roles = {"Spleen": "perfused", "Perfused right": "none"}
    found = case_from_dicom(tmp_path, Choices(roles=roles, **zone)).case
    assert [s.label for s in found.of_role(Role.PERFUSED)] == ["Spleen"]
    assert "Did you mean 'Spleen'" in refused(tmp_path, roles={"Splen": "liver"}, **zone)
    assert "Did you mean 'liver'" in refused(tmp_path, roles={"Spleen": "livr"}, **zone)
    contours(tmp_path / "rt.dcm", {"Liver": [[(0, 30, 34), (20, 30, 34), (20, 60, 34)]]}, **PERSONAL)
    assert "2 structures are called liver" in refused(tmp_path, **zone)
    assert len(case_from_dicom(tmp_path, Choices(outlines=(), **zone)).case.structures) == 0


def test_a_spect_says_whether_attenuation_and_scatter_were_corrected(tmp_path):
    ct(tmp_path / "ct")
    spect_file(tmp_path / "s.dcm", PET)
    assert "does not say which corrections were applied" in "".join(case_from_dicom(tmp_path).case.notes)
    spect_file(tmp_path / "s.dcm", PET, CorrectedImage=["UNIF", "SCAT"])
    assert "SPECT (series 2): not corrected for attenuation" in case_from_dicom(tmp_path).case.notes
    spect_file(tmp_path / "s.dcm", PET, CorrectedImage=["ATTN", "SCAT"])
    assert "correct" not in "".join(case_from_dicom(tmp_path).case.notes)


def test_planar_views_and_cone_beam_ct_are_kept_beside_the_case(tmp_path):
    def views(dataset):
        detectors = [pydicom.Dataset(), pydicom.Dataset()]
        detectors[0].ViewCodeSequence = coded("SRT", "G-5216", "Posterior")
        detectors[1].ViewCodeSequence = coded("SCT", "399321004", "Anterior")
        dataset.DetectorInformationSequence = pydicom.Sequence(detectors)

    ct(tmp_path / "ct")
    ct(tmp_path / "cb", SeriesInstanceUID="1.2.826.4", ManufacturerModelName="AXIOM-Artis", prefix="cb")
    flat = {"ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], "PixelSpacing": [3.0, 2.0]}
    planar = {"SOPClassUID": NM_IMAGE, "Modality": "NM", "SeriesInstanceUID": "1.2.826.5", "NumberOfFrames": 2}
    dicom_file(tmp_path / "p.dcm", PET[:2], views, DetectorVector=[1, 2], **flat, **planar)
    found = case_from_dicom(tmp_path).images
    assert list(found) == ["cbct_1.nrrd", "planar_1_posterior.nrrd", "planar_1_anterior.nrrd"]
    assert np.array_equal(sitk.GetArrayFromImage(found["planar_1_anterior.nrrd"])[0], PET[1])
    mirrored = sitk.GetArrayFromImage(found["planar_1_posterior.nrrd"])[0]
    assert np.array_equal(mirrored, PET[0][:, ::-1]), "seen from the front, as the anterior view"
    dicom_file(tmp_path / "p.dcm", PET[:2], DetectorVector=[1, 2], **flat, **planar)
    found = case_from_dicom(tmp_path)
    assert list(found.images) == ["cbct_1.nrrd"]
    assert "views can't be told apart" in "".join(found.case.notes)


def test_the_ct_of_the_spect_is_kept_beside_the_case_for_registration(tmp_path):
    ct(tmp_path / "ct")
    ct(tmp_path / "hybrid", SeriesInstanceUID="1.2.826.4", FrameOfReferenceUID=OTHER_FRAME, prefix="h")
    spect_file(tmp_path / "maa.dcm", PET, SeriesInstanceUID="1.2.826.3", FrameOfReferenceUID=OTHER_FRAME)
    assert "2 series may be the CT" in refused(tmp_path)
    found = [case_from_dicom(tmp_path, Choices(ct=number)) for number in (1, 2)]
    (planning,) = [f for f in found if "register both" in "".join(f.case.notes)]
    assert list(planning.images) == ["spect.nrrd", "ct_of_spect.nrrd"]
    (hybrid,) = [f for f in found if f is not planning]
    assert list(hybrid.images) == ["spect.nrrd"], "the chosen CT is not kept a second time"


def test_a_damaged_file_stops_everything_and_nothing_is_written(tmp_path):
    filled(tmp_path / "in")
    (tmp_path / "in" / "ct" / "Secret_0.dcm").touch()
    message = refused(tmp_path / "in", time_zone="Europe/Paris")
    assert "1 DICOM file is truncated or damaged: ***_0.dcm" in message
    with pytest.raises(InputError):
        run(tmp_path / "in", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_options_are_refused(tmp_path):
    ct(tmp_path / "ct")
    for option, written in (("--pet-reference", "2026-03-05T09:00"), ("--role", "Liver"), ("--time-zone", "Paris")):
        with pytest.raises(InputError):
            run(tmp_path, "--out", tmp_path / "out", option, written)


def test_images_that_name_no_patient_are_said_to_be_put_together_by_their_folder(tmp_path):
    ct(tmp_path / "ct", PatientID="", PatientName="")
    spect_file(tmp_path / "maa.dcm", PET, PatientID="", PatientName="", SeriesInstanceUID="1.2.826.0.1.7")
    told = "series 1 and 2 name no patient: check that all images are of the same one"
    assert told in case_from_dicom(tmp_path).case.notes
    assert not [n for n in case_from_dicom(tmp_path, Choices(spect=0)).case.notes if "no patient" in n], "a CT alone"
    ct(tmp_path / "ct", PatientID="XYZ-9007")
    assert "series 2 names no patient" in " ".join(case_from_dicom(tmp_path).case.notes)


def test_what_the_folder_lacks_for_a_dose_is_said_at_the_end(tmp_path, capsys):
    ct(tmp_path / "ct")
    run(tmp_path / "ct", "--out", tmp_path / "bare")
    told = capsys.readouterr().out
    assert "no outline of the liver is among the files" in told and "no SPECT or PET is among the files" in told
    filled(tmp_path / "in")
    run(tmp_path / "in", "--out", tmp_path / "full", "--time-zone", "Europe/Paris")
    told = capsys.readouterr().out
    assert "needed: 1 session stands as comments" in told and "no outline" not in told


# Real folders


@needs_real_images
def test_the_real_folders_go_through(tmp_path):
    spect_ct = unpacked_spect_ct(tmp_path / "in")
    found = case_from_dicom(spect_ct, Choices(spect=2))
    assert found.case.ct.image.GetSize() == (124, 72, 190)
    spect = found.images["spect.nrrd"]
    assert spect.GetSize() == (128, 128, 209)
    assert float(sitk.GetArrayViewFromImage(spect).max()) == pytest.approx(0.331373, rel=1e-5)
    abdomen = case_from_dicom(shared("abdomen_ct_dicom")).case
    assert abdomen.ct.image.GetSize() == (512, 512, 20)
    ignored, excerpt = abdomen.notes
    assert ignored == "DICOM folder: 1 file is not DICOM and ignored"
    assert "numbered from 267" in excerpt, "20 slices of a longer series"
    liver = case_from_dicom(shared("ct_with_seg")).case.one(Role.LIVER)
    assert liver.volume_ml > 0
