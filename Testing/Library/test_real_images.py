"""The whole flow on images of real patients: nothing here was made to fit."""

import numpy as np
import pytest
import SimpleITK as sitk
from real_cases import DATA, needs_real_images, spect_ct_case, torso_case, unpacked_spect_ct

from Y90DosimetryLib.checks import raised
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_reference import read_reference
from Y90DosimetryLib.io.volumes import read_volume
from Y90DosimetryLib.report import write_report

pytestmark = needs_real_images


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return unpacked_spect_ct(tmp_path_factory.mktemp("series"))


def energy_closes(assessment) -> bool:
    deposit = assessment.doses.total(Model.MULTI)
    liver_gbq = sum(i.net.liver_gbq for s in assessment.doses.sessions for i in s.infusions)
    return deposit.activity_gbq.sum() == pytest.approx(liver_gbq, rel=1e-6)


def test_on_a_real_liver_the_simulated_ratio_comes_back_without_blur_and_is_lowered_by_it():
    sharp, blurred = assess(torso_case(fwhm_mm=0.0)), assess(torso_case())
    ratios = [a.doses.sessions[0].infusions[0].tumor_to_normal_ratio for a in (sharp, blurred)]
    assert ratios[0] == pytest.approx(4.0, rel=0.07)
    assert 2.0 < ratios[1] < ratios[0]
    assert energy_closes(sharp) and energy_closes(blurred)


def test_a_torso_with_flipped_axes_is_reported_with_its_pictures(tmp_path):
    assessment = assess(torso_case())
    write_report(assessment, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Tumor 1" in text and "data:image/png;base64" in text
    assert {c.check.id for c in raised(assessment.checks)} >= {"liver_cut"}
    dose = sitk.ReadImage(str(tmp_path / "dose.nrrd"))
    assert dose.GetOrigin() == pytest.approx(assessment.case.sessions[0].image.image.GetOrigin())


def test_masks_misplaced_by_their_header_are_noticed():
    case = torso_case()
    shifted = []
    for structure in case.structures:
        mask = sitk.Image(structure.mask)
        mask.SetOrigin(np.subtract(mask.GetOrigin(), (0.0, 0.0, 246.0)))
        shifted.append(type(structure)(structure.role, structure.label, mask))
    image = sitk.Image(case.sessions[0].image.image)
    image.SetOrigin(np.subtract(image.GetOrigin(), (0.0, 0.0, 246.0)))
    moved = type(case)(
        case.label,
        tuple(shifted),
        (type(case.sessions[0])("Plan", case.sessions[0].infusions, type(case.sessions[0].image)(image)),),
        case.ct,
    )
    assert "liver_density_low_on_ct" in {c.check.id for c in raised(assess(moved).checks)}


def test_the_values_of_a_real_spect_are_slope_times_stored_value(series):
    pydicom = pytest.importorskip("pydicom", reason="pydicom reads the header that the values are compared with")
    volume = read_volume(series / "SPECT", "SPECT")
    headers = sorted(
        (pydicom.dcmread(f) for f in (series / "SPECT").iterdir()), key=lambda h: float(h.ImagePositionPatient[2])
    )
    stored = np.stack([h.pixel_array for h in headers]).astype(float)
    slope = float(headers[0].RescaleSlope)
    assert slope == pytest.approx(1.0113e-5)
    assert sitk.GetArrayFromImage(volume.image) == pytest.approx(stored * slope, rel=1e-6)
    assert volume.header.modality == "CT"


def test_series_that_name_no_patient_are_noted_and_slices_of_many_studies_are_no_reference(series):
    pytest.importorskip("pydicom", reason="pydicom reads the headers")
    notes = case_from_dicom(series, Choices(spect=2)).case.notes
    assert "series 1 and 2 name no patient: check that all images are of the same one" in notes
    with pytest.raises(InputError, match="different values of StudyInstanceUID"):
        read_reference(series / "CT")


def test_a_real_spect_on_a_real_ct_runs_to_its_end_and_closes_its_energy(series, tmp_path):
    assessment = assess(spect_ct_case(series))
    assert energy_closes(assessment)
    write_report(assessment, tmp_path)
    assert (tmp_path / "report.html").stat().st_size > 100_000
    ratio = assessment.doses.sessions[0].infusions[0].tumor_to_normal_ratio
    assert 1.0 < ratio < 2.0
    assert {c.check.id for c in raised(assessment.checks)} >= {"counts_far_outside_perfused", "tn_low"}
    assert DATA.is_dir()
