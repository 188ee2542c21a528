"""Objects with all slices in one file: enhanced CT and PET, quantitative SPECT, planar views for the lung shunt."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import CT_HU, FRAME, PET, coded, ct, pet, pydicom, rewritten, sorted_, spheres
from image_files import NM_IMAGE, SLOPE_TAG, dicom_file, image, overwritten, spect_file

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityMap, CountMap
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.io.dicom_activity import activity_of
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom, write_dicom_case
from Y90DosimetryLib.io.dicom_facts import zone_named
from Y90DosimetryLib.io.dicom_planar import read_planar
from Y90DosimetryLib.io.dicom_sort import Kind
from Y90DosimetryLib.io.dicom_stack import read_stack

ENHANCED_CT, ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.130"
PARIS = zone_named("Europe/Paris")


def one(**elements):
    """A sequence of one item."""
    item = pydicom.Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return pydicom.Sequence([item])


def in_bq_ml(slope: float):
    """A real-world value map from stored values to Bq/mL."""
    units = coded("UCUM", "Bq/ml", "Becquerels/milliliter")
    return one(RealWorldValueSlope=slope, RealWorldValueIntercept=0.0, MeasurementUnitsCodeSequence=units)


def enhanced(path, stored, slopes, intercept=0.0, times=None, mapped=False, **elements):
    """All slices in one file, from the top down, each frame with its own place, scale and time."""

    def grouped(dataset):
        dataset.SharedFunctionalGroupsSequence = one(
            PlaneOrientationSequence=one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
            PixelMeasuresSequence=one(PixelSpacing=[3.0, 2.0], SliceThickness=4.0),
        )
        dataset.PerFrameFunctionalGroupsSequence = pydicom.Sequence()
        for k in range(len(stored))[::-1]:
            content = {"FrameAcquisitionDateTime": times[k], "FrameAcquisitionDuration": 1.2e6} if times else {}
            frame = one(
                PlanePositionSequence=one(ImagePositionPatient=[-10.0, 20.0, 30.0 + 4.0 * k]),
                PixelValueTransformationSequence=one(
                    RescaleSlope=slopes[k], RescaleIntercept=intercept, RescaleType="US"
                ),
                FrameContentSequence=one(**content),
            )[0]
            if mapped:
                frame.RealWorldValueMappingSequence = in_bq_ml(slopes[k])
            dataset.PerFrameFunctionalGroupsSequence.append(frame)

    known = {"SeriesInstanceUID": "1.2.826.0.1.500", "FrameOfReferenceUID": FRAME, "NumberOfFrames": len(stored)}
    return dicom_file(path, stored[::-1], grouped, **{**known, **elements})


def enhanced_pet(path, slopes=(0.5, 1.0, 2.0, 0.25, 4.0), **elements):
    known = {
        "SOPClassUID": ENHANCED_PET,
        "Modality": "PT",
        "RadiopharmaceuticalInformationSequence": spheres(),
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20260304140000",
        "AttenuationCorrected": "YES",
        "ScatterCorrected": "YES",
        "PatientWeight": 80.0,
    }
    return enhanced(path, PET, slopes, mapped=True, **{**known, **elements})


def voxels(volume):
    return sitk.GetArrayFromImage(volume)


def test_an_enhanced_pet_has_a_scale_for_each_frame_and_one_instant(tmp_path):
    slopes = (0.5, 1.0, 2.0, 0.25, 4.0)
    enhanced_pet(tmp_path / "pet.dcm", slopes)
    (series,) = sorted_(tmp_path).series
    assert series.kind is Kind.PET
    found = activity_of(read_stack(series, "PET"), PARIS, "PET")
    assert voxels(found.image) == pytest.approx(PET * np.array(slopes)[:, None, None], rel=1e-6)
    assert found.image.GetOrigin() == pytest.approx((-10.0, 20.0, 30.0))
    assert found.image.GetSpacing() == pytest.approx((2.0, 3.0, 4.0))
    assert found.reference_time.isoformat() == "2026-03-04T14:00:00+01:00"
    assert "not corrected for randoms, detector normalization" in found.notes[0]


def test_an_enhanced_pet_of_one_scale_reads_as_the_single_slices_do(tmp_path):
    enhanced_pet(tmp_path / "pet.dcm", (0.5,) * 5)
    pet(tmp_path / "single", RescaleSlope=0.5)
    both = [activity_of(read_stack(s, "PET"), PARIS, "PET").image for s in sorted_(tmp_path).series]
    assert len(both) == 2
    assert np.array_equal(voxels(both[0]), voxels(both[1]))


def test_frames_of_an_uncorrected_enhanced_pet_decay_each_from_their_own_time(tmp_path):
    times = [f"20260304{14 + k // 2:02}{30 * (k % 2):02}00" for k in range(5)]
    enhanced_pet(tmp_path / "pet.dcm", (1.0,) * 5, times=times, DecayCorrected="NO")
    found = activity_of(read_stack(sorted_(tmp_path).series[0], "PET"), PARIS, "PET")
    x = np.log(2) * (1200 / 3600) / 64.1
    within = x / -np.expm1(-x)
    expected = PET * (2 ** (np.arange(5) * 0.5 / 64.1) * within)[:, None, None]
    assert voxels(found.image) == pytest.approx(expected, rel=1e-6)
    assert found.reference_time.isoformat() == "2026-03-04T14:00:00+01:00"


def test_a_scale_of_frames_that_is_no_number_is_not_taken_for_1(tmp_path):
    overwritten(enhanced_pet(tmp_path / "pet.dcm"), SLOPE_TAG, b"0,25")  # of "4.0 ", so that lengths stay right
    with pytest.raises(InputError, match="1 slice is without a usable RescaleSlope"):
        read_stack(sorted_(tmp_path).series[0], "PET")


def test_an_enhanced_pet_without_its_unit_or_instant_is_not_taken_as_activity(tmp_path):
    enhanced(tmp_path / "a.dcm", PET, (1.0,) * 5, SOPClassUID=ENHANCED_PET, Modality="PT",
             RadiopharmaceuticalInformationSequence=spheres(), DecayCorrectionDateTime="20260304140000")  # fmt: skip
    with pytest.raises(InputError, match="unit of the values is not stated, not Bq/mL"):
        activity_of(read_stack(sorted_(tmp_path).series[0], "PET"), PARIS, "PET")
    enhanced_pet(tmp_path / "a.dcm", DecayCorrectionDateTime="")
    with pytest.raises(InputError, match="to which instant the decay was corrected"):
        activity_of(read_stack(sorted_(tmp_path).series[0], "PET"), PARIS, "PET")


def test_an_enhanced_ct_is_in_hounsfield_units_at_its_place(tmp_path):
    path = enhanced(tmp_path / "ct.dcm", CT_HU, (1.0,) * 6, -1024.0, SOPClassUID=ENHANCED_CT)
    ct(tmp_path / "single")
    many, single = (case_from_dicom(tmp_path, Choices(ct=n)).case.ct.image for n in (1, 2))
    assert np.array_equal(voxels(many), voxels(single))
    assert many.GetOrigin() == single.GetOrigin() and many.GetSpacing() == single.GetSpacing()
    rewritten(path, "RLELossless")
    assert np.array_equal(voxels(case_from_dicom(tmp_path, Choices(ct=1)).case.ct.image), voxels(single))


def test_frames_with_scales_of_their_own_need_no_single_slices(tmp_path):
    slopes = (1.0, 2.0, 1.0, 1.0, 3.0, 1.0)
    path = enhanced(tmp_path / "ct.dcm", CT_HU, slopes, -1024.0, SOPClassUID=ENHANCED_CT)
    found = case_from_dicom(tmp_path).case.ct.image
    assert voxels(found) == pytest.approx(CT_HU * np.array(slopes)[:, None, None] - 1024.0)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="truncated"):
        case_from_dicom(tmp_path)


# A Y-90 SPECT in Bq/mL


def y90_spect(path, **elements):
    known = {
        "RadiopharmaceuticalInformationSequence": spheres(RadionuclideTotalDose=3000.0),
        "RealWorldValueMappingSequence": in_bq_ml(12.5),
        "FrameOfReferenceUID": FRAME,
        "SeriesInstanceUID": "1.2.826.0.1.600",
    }
    return spect_file(path, PET, **{**known, **elements})


def test_a_quantitative_y90_spect_is_in_bq_ml_at_the_instant_that_is_stated(tmp_path):
    folder = ct(tmp_path / "in").parent
    y90_spect(tmp_path / "in" / "spect.dcm")
    found = case_from_dicom(folder, Choices(spect_at_infusion=True, time_zone="Europe/Paris"))
    (draft,) = found.drafts
    assert isinstance(draft.values, ActivityMap) and draft.values.reference_time is None
    assert voxels(found.images["spect.nrrd"]) == pytest.approx(PET * 12.5, rel=1e-6)
    assert draft.activity_gbq == 3.0, "nuclear medicine writes MBq"
    assert draft.given.isoformat() == "2026-03-04T10:30:00+01:00"
    write_dicom_case(found, tmp_path / "out")
    written = (tmp_path / "out" / "case.toml").read_text(encoding="utf-8")
    assert '# image_values = "bq_ml"' in written and '# image_decay_corrected_to = "infusion"' in written
    assert read_case(tmp_path / "out" / "case.toml").ct is not None


def test_a_quantitative_spect_that_says_its_instant_needs_no_word_of_the_user(tmp_path):
    ct(tmp_path / "in")
    y90_spect(tmp_path / "in" / "spect.dcm", DecayCorrection="ADMIN")
    (draft,) = case_from_dicom(tmp_path / "in", Choices(time_zone="+01:00")).drafts
    assert draft.values.reference_time.isoformat() == "2026-03-04T10:30:00+01:00"


def test_a_spect_in_bq_ml_of_an_unknown_instant_serves_in_counts_and_says_so(tmp_path):
    ct(tmp_path / "in")
    y90_spect(tmp_path / "in" / "spect.dcm")
    found = case_from_dicom(tmp_path / "in", Choices(time_zone="+01:00"))
    assert isinstance(found.drafts[0].values, CountMap)
    assert np.array_equal(voxels(found.images["spect.nrrd"]), PET)
    assert "to which instant the decay was corrected; used in relative counts" in "\n".join(found.case.notes)


def test_the_instant_of_a_spect_can_be_given_on_the_command_line(tmp_path, capsys):
    ct(tmp_path / "in")
    y90_spect(tmp_path / "in" / "spect.dcm")
    words = ["case", "from-dicom", str(tmp_path / "in"), "--time-zone", "+01:00", "--out", str(tmp_path / "out")]
    assert main([*words, "--spect-reference", "2026-03-05T09:00:00+01:00"]) == 0
    assert "# image_time = 2026-03-05T09:00:00+01:00" in (tmp_path / "out" / "case.toml").read_text(encoding="utf-8")
    assert main([*words, "--spect-reference", "yesterday"]) == 2
    assert "--spect-reference: 'yesterday' is no time" in capsys.readouterr().err


# Planar views


def planar_file(path, pixels, view, **elements):
    def detector(dataset):
        item = pydicom.Dataset()
        code = {"anterior": ("SCT", "399321004"), "posterior": ("SCT", "399001007")}[view]
        item.ViewCodeSequence = coded(*code, view.capitalize())
        dataset.DetectorInformationSequence = pydicom.Sequence([item])

    return dicom_file(
        path, pixels[None], detector, SOPClassUID=NM_IMAGE, Modality="NM", NumberOfFrames=1, DetectorVector=[1],
        ImageType=["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], PixelSpacing=[4.0, 4.0], **elements,
    )  # fmt: skip


def test_an_oblique_view_is_not_the_anterior_one(tmp_path):
    planar_file(tmp_path / "a.dcm", PET[0], "anterior")
    whole = pydicom.dcmread(tmp_path / "a.dcm")
    whole.DetectorInformationSequence[0].ViewCodeSequence = coded("SCT", "399074003", "Left anterior oblique")
    whole.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="views can't be told apart"):
        read_planar(sorted_(tmp_path).series[0], "planar")


def test_planar_views_of_two_files_go_straight_into_the_lung_shunt(tmp_path, capsys):
    """Lungs 400 and 900 counts, liver 10000 and 3600: geometric means 600 and 6000, a shunt of 1/11."""
    ct(tmp_path / "in")
    lungs, liver = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
    lungs[2:6, 3:13], liver[8:13, 2:10] = True, True
    anterior = np.where(lungs, 10, np.where(liver, 250, 0))
    posterior = np.where(lungs, 22.5 * 2, np.where(liver, 90 * 2, 0))
    planar_file(tmp_path / "in" / "a.dcm", anterior, "anterior", SeriesInstanceUID="1.2.826.0.1.701")
    path, uid = tmp_path / "in" / "p.dcm", "1.2.826.0.1.702"
    planar_file(path, posterior[:, ::-1], "posterior", SeriesInstanceUID=uid, RescaleSlope=0.5)
    out = tmp_path / "out"
    write_dicom_case(case_from_dicom(tmp_path / "in"), out)
    views = {view: next(out.glob(f"planar_*_{view}.nrrd")) for view in ("anterior", "posterior")}
    for name, region in (("lungs", lungs), ("liver", liver)):
        mask = image(region[None].astype(np.uint8), spacing=(4.0, 4.0, 1.0), origin=(0.0, 0.0, 0.0))
        sitk.WriteImage(mask, str(tmp_path / f"{name}.nrrd"))
    words = ["lsf", "--anterior", views["anterior"], "--posterior", views["posterior"]]
    words += ["--lung-region", tmp_path / "lungs.nrrd", "--liver-region", tmp_path / "liver.nrrd", "--json"]
    capsys.readouterr()
    assert main([str(w) for w in words]) == 0
    told = json.dumps(json.loads(capsys.readouterr().out))
    assert str(1 / 11)[:12] in told
