"""Files as other programs, scanners and anonymizers write them: read right to the milliliter, or refused by name."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import case_file
from dicom_kit import (
    CT_HU,
    FRAME,
    PET,
    circle,
    coded,
    contours,
    ct,
    pet,
    pydicom,
    segmentation_object,
    sorted_,
    spheres,
)
from image_files import NM_IMAGE, dicom_file, dicom_series, spect_file
from test_dicom_frames import ENHANCED_CT, enhanced, one

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_kind import Kind
from Y90DosimetryLib.io.dicom_pixels import unpacked
from Y90DosimetryLib.io.volumes import read_view

ROOM = np.zeros((30, 40, 60))
LIVER = ("SCT", "10200004", "Liver")
MIDDLE = (60.0, 80.0)


def volumes_ml(folder, **choices):
    found = case_from_dicom(folder, Choices(time_zone="Europe/Paris", **choices))
    return {line.name: line.volume_ml for line in found.structures}


def notes(folder, **choices) -> str:
    return "\n".join(case_from_dicom(folder, Choices(time_zone="Europe/Paris", **choices)).case.notes)


def disk_ml(radius_mm, slices=1) -> float:
    return np.pi * radius_mm**2 * 4.0 * slices / 1000


def tracer(nuclide=("SCT", "72454006", "^99m^Technetium"), **elements):
    return one(RadionuclideCodeSequence=coded(*nuclide), **elements)


# Distances in headers are checks, never scales


@pytest.mark.parametrize("stated", [{"SliceThickness": 1.0}, {"SliceThickness": 2.0, "SpacingBetweenSlices": 2.0}])
def test_planes_of_a_segmentation_lie_where_they_say_whatever_thickness_is_stated(tmp_path, stated):
    ct(tmp_path / "ct")
    mask = np.zeros((6, 20, 24), dtype=np.uint8)
    mask[1:5, 2:18, 2:20] = 1
    path = segmentation_object(tmp_path / "seg.dcm", {"Liver": (*LIVER, mask)})
    dataset = pydicom.dcmread(path)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.SpacingBetweenSlices
    for keyword, value in stated.items():
        setattr(measures, keyword, value)
    dataset.save_as(path)
    assert volumes_ml(tmp_path)["Liver"] == pytest.approx(mask.sum() * 24 / 1000), "voxels of 2 x 3 x 4 mm"
    assert ("though its header says 2 mm" in notes(tmp_path)) == ("SpacingBetweenSlices" in stated)


# One file, several files, other encodings


def grouped_ct(path, stored, **elements):
    known = {"SOPClassUID": ENHANCED_CT, "SeriesInstanceUID": "1.2.826.0.1.100", **elements}
    return enhanced(path, stored, [1] * len(stored), -1024, **known)


def test_contours_on_an_enhanced_ct_have_their_volume(tmp_path):
    grouped_ct(tmp_path / "ct.dcm", ROOM)
    contours(tmp_path / "rt.dcm", {"Liver": [circle(30, (*MIDDLE, 70.0))]})
    assert volumes_ml(tmp_path)["Liver"] == pytest.approx(disk_ml(30), rel=0.005)


def halves(folder, **elements):
    """One enhanced CT written in two files."""
    folder.mkdir()
    for number, part in enumerate((CT_HU[:2], CT_HU[2:]), start=1):
        path = grouped_ct(folder / f"{number}.dcm", part, InConcatenationNumber=number, **elements)
        dataset = pydicom.dcmread(path)
        for frame in dataset.PerFrameFunctionalGroupsSequence if number == 2 else ():
            frame.PlanePositionSequence[0].ImagePositionPatient[2] += 8.0
        dataset.save_as(path)
    return folder


@pytest.mark.parametrize("elements", [{}, {"ConcatenationUID": "1.2.8", "InConcatenationTotalNumber": 2}])
def test_an_object_written_in_two_files_is_one_volume(tmp_path, elements):
    found = case_from_dicom(halves(tmp_path / "ct", **elements)).case
    assert np.array_equal(sitk.GetArrayFromImage(found.ct.image), CT_HU - 1024)


def test_a_part_of_an_object_that_is_not_there_is_missed(tmp_path):
    folder = halves(tmp_path / "ct", ConcatenationUID="1.2.8", InConcatenationTotalNumber=2)
    (folder / "2.dcm").unlink()
    with pytest.raises(InputError, match="written in 2 files .*, and 1 of them are here"):
        case_from_dicom(folder)


def test_an_enhanced_map_of_iodine_is_no_ct(tmp_path):
    path = grouped_ct(tmp_path / "map.dcm", CT_HU)
    dataset = pydicom.dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PixelValueTransformationSequence[0].RescaleType = "MGML"
    dataset.save_as(path)
    (series,) = sorted_(tmp_path).series
    assert series.kind is Kind.OTHER and "mg/mL" in series.why


def spect_slices(folder, **elements):
    known = {"SOPClassUID": NM_IMAGE, "Modality": "NM", "SeriesInstanceUID": "1.2.7", "NumberOfFrames": 1}
    kind = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    return dicom_series(folder, PET, prefix="nm", **{**known, "ImageType": kind, **elements})


def test_a_spect_of_one_frame_a_file_is_one_spect(tmp_path):
    ct(tmp_path / "ct")
    spect_slices(tmp_path / "nm", RadiopharmaceuticalInformationSequence=tracer())
    found = case_from_dicom(tmp_path)
    assert np.array_equal(sitk.GetArrayFromImage(found.images["spect.nrrd"]), PET)


def test_a_segmentation_of_packed_frames_is_unpacked(tmp_path):
    """Single bits in run lengths, and deflated frames (PS3.5, annex G and A.4.11)."""
    mask = np.zeros((6, 20, 24), dtype=np.uint8)
    mask[1:5, 2:18, 2:20] = 1
    whole = pydicom.dcmread(segmentation_object(tmp_path / "seg.dcm", {"Liver": (*LIVER, mask)}))
    true = unpacked(whole)
    bits = [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in true]
    runs = [b"".join(bytes([0, b]) for b in part) for part in bits]
    head = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56)
    for syntax, parts in (
        ("1.2.840.10008.1.2.5", [head + run for run in runs]),
        ("1.2.840.10008.1.2.8.1", [_deflated(part) for part in bits]),
    ):
        whole.file_meta.TransferSyntaxUID = syntax
        whole.PixelData = pydicom.encaps.encapsulate([p + b"\0" * (len(p) % 2) for p in parts])
        assert np.array_equal(unpacked(whole), true), syntax


def _deflated(raw: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


# What an image is


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        ({"kind": "RECON TOMO", "ImageType": ["DERIVED", "PRIMARY", "RECON TOMO", "TRANSMISSION"]}, "attenuation map"),
        ({"SeriesDescription": "AC map"}, "attenuation map"),
        ({"RadiopharmaceuticalInformationSequence": "Mebrofenin"}, "Mebrofenin, neither MAA"),
        ({"RadiopharmaceuticalInformationSequence": "TheraSphere"}, "nuclide Tc-99m and the radiopharmaceutical"),
    ],
)
def test_a_spect_of_something_else_is_never_planned_as_maa(tmp_path, elements, why):
    known = dict(elements)
    drug = known.get("RadiopharmaceuticalInformationSequence")
    if drug:
        known["RadiopharmaceuticalInformationSequence"] = tracer(Radiopharmaceutical=drug)
    ct(tmp_path / "ct")
    spect_file(tmp_path / "s.dcm", PET, **known)
    found = case_from_dicom(tmp_path)
    assert not found.drafts and why in "".join(found.series)
    with pytest.raises(InputError, match="can't be used as an image in relative counts"):
        case_from_dicom(tmp_path, Choices(spect=2))


def test_an_energy_window_beside_the_line_of_the_nuclide_is_a_contradiction(tmp_path):
    window = one(EnergyWindowRangeSequence=one(EnergyWindowLowerLimit=187.0, EnergyWindowUpperLimit=229.0))
    spect_file(
        tmp_path / "s.dcm", PET, RadiopharmaceuticalInformationSequence=tracer(), EnergyWindowInformationSequence=window
    )
    assert "nuclide Tc-99m and an energy window of 187 to 229 keV" in sorted_(tmp_path).series[0].why


@pytest.mark.parametrize("drug", ["Tc-99m MAA", "Technetium Tc^99m^ aggregated albumin", "99mTc", "LyoMAA"])
def test_maa_under_its_names_is_planned(tmp_path, drug):
    ct(tmp_path / "ct")
    tracer_of = tracer(Radiopharmaceutical=drug)
    spect_file(tmp_path / "s.dcm", PET, RadiopharmaceuticalInformationSequence=tracer_of)
    (draft,) = case_from_dicom(tmp_path).drafts
    assert 'basis = "planned"' in draft.text()


def test_a_maa_spect_stored_as_pet_is_planned_and_never_delivered(tmp_path):
    ct(tmp_path / "ct")
    pet(tmp_path / "pet", tracer=tracer(RadionuclideHalfLife=21624.0), Units="PROPCNTS")
    for counts in (False, True):
        (draft,) = case_from_dicom(tmp_path, Choices(pet_as_counts=counts)).drafts
        assert 'basis = "planned"' in draft.text() and isinstance(draft.values, CountMap)
    with pytest.raises(InputError, match="shows what is planned") as told:
        case_from_dicom(tmp_path, Choices(pet=2, pet_as_counts=True))
    assert told.value.about == "spect"


@pytest.mark.parametrize("values", ['"counts"', '"bq_ml"\nimage_time = 2026-03-05T09:00:00+01:00'])
def test_a_case_file_that_names_the_pet_of_another_nuclide_is_refused(tmp_path, values):
    case_file(tmp_path, 'image = "maa.nrrd"\nimage_values = "counts"', f'image = "pet"\nimage_values = {values}')
    pet(tmp_path / "pet", tracer=spheres(RadionuclideCodeSequence=coded("SRT", "C-111A1", "^18^Fluorine")))
    with pytest.raises(InputError, match="the header names the nuclide \\^18\\^Fluorine, not Y-90"):
        read_case(tmp_path / "case.toml")


def test_projections_of_a_pet_are_listed_together_and_not_used(tmp_path):
    ct(tmp_path / "ct")
    pet(tmp_path / "pet")
    for k in range(4):
        turned = [float(np.cos(k)), float(np.sin(k)), 0, 0, 0, -1]
        pet(
            tmp_path / "mip", PET[:1], prefix=f"m{k}", SeriesType=["REPROJECTION", "IMAGE"],
            ImageOrientationPatient=turned, SeriesInstanceUID="1.2.9",
        )  # fmt: skip
    found = case_from_dicom(tmp_path, Choices(time_zone="Europe/Paris"))
    assert len(found.drafts) == 1 and "not used; 4 files" in found.series[2]


def test_mr_is_named_and_kept_as_anatomy(tmp_path):
    dicom_series(tmp_path / "mr", PET, prefix="mr", SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR",
                 SeriesInstanceUID="1.2.6", FrameOfReferenceUID=FRAME)  # fmt: skip
    pet(tmp_path / "pet")
    found = case_from_dicom(tmp_path, Choices(time_zone="Europe/Paris"))
    assert np.array_equal(sitk.GetArrayFromImage(found.images["mr_1.nrrd"]), PET)
    assert "kept beside the case as mr_1; MR" in "".join(found.series)
    with pytest.raises(InputError, match="of the kind MR"):
        case_from_dicom(tmp_path, Choices(ct=2, time_zone="Europe/Paris"))


# Identity


def test_instances_numbered_anew_in_each_series_stay(tmp_path):
    def numbered(dataset):
        dataset.SOPInstanceUID = f"1.2.5.{round(dataset.ImagePositionPatient[2])}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

    ct(tmp_path / "ct", change=numbered)
    pet(tmp_path / "pet", change=numbered)
    sorting = sorted_(tmp_path)
    assert [len(s.files) for s in sorting.series] == [6, 5] and sorting.duplicate_count == 0
    assert "5 files are kept although another one has the same SOPInstanceUID" in "".join(sorting.file_notes)


@pytest.mark.parametrize("elements", [{"PatientSex": "F"}, {"PatientAge": "031Y", "StudyDate": "20260304"}])
def test_two_people_under_one_pseudonym_are_two(tmp_path, elements):
    alike = {"PatientName": "ANON", "PatientID": "ANON"}
    known = {"PatientSex": "M", "PatientAge": "067Y", "StudyDate": "20260301"}
    own = {key: known[key] for key in known if key in (*elements, "StudyDate")}
    ct(tmp_path / "ct", **alike, **own)
    pet(tmp_path / "pet", **alike, **elements)
    assert len(sorted_(tmp_path).patients) == 2


def test_a_phantom_named_liver_keeps_its_liver(tmp_path):
    whose = {"PatientName": "LIVER^PHANTOM"}
    ct(tmp_path / "ct", ROOM, **whose)
    contours(tmp_path / "rt.dcm", {"Liver": [circle(30, (*MIDDLE, 70.0))]}, **whose)
    (line,) = case_from_dicom(tmp_path).structures
    assert line.text == f"Liver: liver, {line.volume_ml:.1f} mL"


# Ends and mixtures


@pytest.mark.parametrize("what", [{"AcquisitionNumber": 2}, {"AcquisitionTime": "103000"}, {"KVP": 140}])
def test_two_phases_between_each_other_s_slices_are_two_volumes(tmp_path, what):
    first = {"AcquisitionNumber": 1, "AcquisitionTime": "100000", "KVP": 100}
    ct(tmp_path / "ct", **{key: first[key] for key in what})
    ct(tmp_path / "ct", CT_HU + 70, prefix="late", heights_mm=[2.0 + 4 * k for k in range(6)], **what)
    with pytest.raises(InputError, match="2 series may be the CT") as told:
        case_from_dicom(tmp_path)
    assert told.value.about == "ct"
    for number, more in ((1, 0), (2, 70)):
        found = case_from_dicom(tmp_path, Choices(ct=number)).case.ct.image
        assert np.array_equal(sitk.GetArrayFromImage(found), CT_HU + more - 1024)


def test_slices_that_are_missing_at_an_end_are_told(tmp_path):
    ct(tmp_path / "ct")
    pet(tmp_path / "pet", NumberOfSlices=8)
    assert "3 slices are missing at an end of the image: the header counts 8" in notes(tmp_path)
    mask = np.zeros((6, 20, 24), dtype=np.uint8)
    mask[:, 2:18, 2:20] = 1
    segmentation_object(tmp_path / "seg.dcm", {"Liver": (*LIVER, mask)})
    for path in (tmp_path / "ct").iterdir():
        if pydicom.dcmread(path).ImagePositionPatient[2] > 42:
            path.unlink()
    assert "the outline 'Liver' reaches 6 mm beyond it" in notes(tmp_path)


@pytest.mark.parametrize("keyword", ["RescaleIntercept", "RescaleSlope"])
def test_one_slice_without_its_scale_is_refused(tmp_path, keyword):
    folder = ct(tmp_path / "ct")
    path = sorted(folder.iterdir())[2]
    dataset = pydicom.dcmread(path)
    delattr(dataset, keyword)
    dataset.save_as(path)
    with pytest.raises(InputError, match=f"1 of 6 slices have no {keyword}, the others do"):
        case_from_dicom(tmp_path)


# Times


def test_an_injection_date_that_was_left_behind_is_not_believed(tmp_path):
    ct(tmp_path / "ct")
    pet(tmp_path / "pet", tracer=spheres(RadiopharmaceuticalStartDateTime="20250101103000"))
    (draft,) = case_from_dicom(tmp_path, Choices(time_zone="Europe/Paris")).drafts
    assert draft.given is None and "given 427 days before the scan: that time is not used" in notes(tmp_path)
    pet(tmp_path / "pet", tracer=spheres(RadiopharmaceuticalStartDateTime="20250101103000"), Units="GML")
    with pytest.raises(InputError, match="given 427 days before the scan"):
        case_from_dicom(tmp_path, Choices(time_zone="Europe/Paris"))


@pytest.mark.parametrize("offset", [["--time-zone", "-05:00"], ["--time-zone=-0500"]])
def test_an_offset_to_the_west_is_an_offset(tmp_path, capsys, offset):
    ct(tmp_path / "in")
    pet(tmp_path / "in")
    assert main(["case", "from-dicom", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *offset]) == 0
    assert "image_time = 2026-03-04T14:00:00-05:00" in (tmp_path / "out" / "case.toml").read_text(encoding="utf-8")
    assert "series 2: Y-90 PET (delivered)" in capsys.readouterr().out


# Views


def test_views_in_a_vendor_s_own_code_are_taken_by_every_door(tmp_path):
    def detector(word, axis):
        code = coded("99NMG", word, word)
        return one(ViewCodeSequence=code, ImageOrientationPatient=[axis, 0, 0, 0, 0, -1])[0]

    flat = {"ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], "PixelSpacing": [3.0, 2.0]}
    planar = {"SOPClassUID": NM_IMAGE, "Modality": "NM", "SeriesInstanceUID": "1.2.826.5", "NumberOfFrames": 2}
    detectors = pydicom.Sequence([detector("ANT", 1), detector("POST", -1)])
    path = tmp_path / "p.dcm"
    dicom_file(path, PET[:2], DetectorInformationSequence=detectors, DetectorVector=[1, 2], **flat, **planar)
    found = case_from_dicom(tmp_path).images
    for view, true in (("anterior", PET[0]), ("posterior", PET[1][:, ::-1])):
        assert np.array_equal(sitk.GetArrayFromImage(found[f"planar_1_{view}.nrrd"])[0], true)
        assert np.array_equal(sitk.GetArrayFromImage(read_view(path, "view", view))[0], true)
