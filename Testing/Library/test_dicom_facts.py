"""A PET is Bq/mL of Y-90 at a known instant, or refused with the reason: nothing in its header is taken on trust."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import PET, coded, pet, pydicom, sorted_, spheres

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.dicom_activity import activity_of
from Y90DosimetryLib.io.dicom_facts import body, date_and_time, moment, nuclide_named, tracer, zone_named
from Y90DosimetryLib.io.dicom_stack import read_stack

PARIS = ZoneInfo("Europe/Paris")


def activity(folder, zone=PARIS, corrected_to=None):
    (series,) = sorted_(folder).series
    return activity_of(read_stack(series, "PET"), zone, "PET", corrected_to)


def voxels(found):
    return sitk.GetArrayFromImage(found.image)


def refused(folder, zone=PARIS):
    with pytest.raises(InputError) as told:
        activity(folder, zone)
    assert told.value.remedy
    return str(told.value)


def varied(folder, **elements):
    """Write other values into the slices of a series, one list a keyword, from the lowest slice up."""
    paths = sorted(folder.iterdir(), key=lambda p: float(pydicom.dcmread(p).ImagePositionPatient[2]))
    for k, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        for name, values in elements.items():
            setattr(dataset, name, values[k])
        dataset.save_as(path)


# Which instant


def test_a_pet_corrected_to_its_start_holds_at_the_time_of_the_series(tmp_path):
    found = activity(pet(tmp_path))
    assert found.reference_time == datetime.fromisoformat("2026-03-04T14:00:00+01:00")
    assert np.array_equal(voxels(found), PET)
    assert found.notes == ()


def test_a_later_reconstruction_goes_back_to_the_first_bed_position(tmp_path):
    pet(tmp_path, SeriesTime="174500")
    varied(tmp_path, AcquisitionTime=["142000", "142000", "142000", "140000", "140000"])
    found = activity(tmp_path)
    assert found.reference_time == datetime.fromisoformat("2026-03-04T14:00:00+01:00")
    assert "written after the acquisition" in found.notes[0]


def test_a_series_that_begins_long_before_its_acquisition_is_not_believed(tmp_path):
    assert "begin 4.0 h apart" in refused(pet(tmp_path, SeriesTime="100000"))


def test_a_pet_corrected_to_the_injection_holds_then(tmp_path):
    assert activity(pet(tmp_path / "a", DecayCorrection="ADMIN")).reference_time.isoformat() == (
        "2026-03-04T10:30:00+01:00"
    )
    unknown = spheres(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="103000")
    found = activity(pet(tmp_path / "b", DecayCorrection="ADMIN", tracer=unknown))
    assert found.reference_time is None, "the time of day without its date does not do"
    assert "whose time the header does not state" in found.notes[0]


def test_uncorrected_slices_are_brought_to_the_start_with_the_decay_within_their_frame(tmp_path):
    """A second bed 30 h later, 10 h long: 2^(30/64.1) times L D / (1 - exp(-L D)), by hand 1.3832 x 1.0550."""
    pet(tmp_path, DecayCorrection="NONE", CorrectedImage=["ATTN", "SCAT", "RAN", "NORM"])
    varied(
        tmp_path,
        AcquisitionDate=["20260304"] * 3 + ["20260305"] * 2,
        AcquisitionTime=["140000"] * 3 + ["200000"] * 2,
        ActualFrameDuration=[1] * 3 + [36_000_000] * 2,
    )
    found = activity(tmp_path)
    assert found.reference_time == datetime.fromisoformat("2026-03-04T14:00:00+01:00")
    assert voxels(found)[:3] == pytest.approx(PET[:3], rel=1e-6)
    assert voxels(found)[3:] == pytest.approx(PET[3:] * 1.3832 * 1.0550, rel=1e-4)
    unknown = {"CorrectedImage": ["ATTN"], "ActualFrameDuration": None}
    assert "not every slice states" in refused(pet(tmp_path / "b", DecayCorrection="NONE", **unknown))


def test_an_unstated_correction_is_for_the_user_to_say(tmp_path):
    assert "to which instant" in refused(pet(tmp_path, DecayCorrection=None))
    at = datetime.fromisoformat("2026-03-05T09:00:00+01:00")
    assert activity(tmp_path, corrected_to=at).reference_time == at
    assert activity(tmp_path, corrected_to="infusion").reference_time is None


def test_a_decay_factor_that_does_not_fit_its_times_is_refused(tmp_path):
    assert activity(pet(tmp_path / "a", DecayFactor=1.0018)).notes == (), "half of a frame of 20 min"
    found = refused(pet(tmp_path / "b", DecayFactor=1.19))
    assert "corrects for 16.1 h, the times of the header are 0.0 h apart" in found
    told = "corrects for 0.0 h, the times of the header are 3.5 h apart"
    assert told in refused(pet(tmp_path / "c", DecayCorrection="ADMIN", DecayFactor=1.0))
    for hours, fits in (
        (0.8, True),
        (0.87, False),
        (-0.48, True),
        (-0.52, False),
    ):  # a frame of 1/3 h, and half an hour
        near = pet(tmp_path / f"near_{hours}", DecayFactor=f"{2 ** (hours / 64.1):.8f}")
        assert activity(near).notes == () if fits else "corrects for" in refused(near)
    assert activity(pet(tmp_path / "d", DecayCorrection="ADMIN", DecayFactor=2 ** (3.5 / 64.1))).notes == ()
    early = {"DecayCorrectionDateTime": "20260303140000", "DecayFactor": 1.0}
    assert "are 24.0 h apart" in refused(pet(tmp_path / "e", **early))


UNCORRECTED = ["ATTN", "SCAT", "RAN", "NORM"]


@pytest.mark.parametrize(
    "elements",
    [
        {"DecayCorrection": "ADMIN", "CorrectedImage": UNCORRECTED},
        {"DecayCorrectionDateTime": "20260304103000", "CorrectedImage": UNCORRECTED},
        {"DecayCorrection": "NONE"},
        {"DecayCorrection": "NONE", "CorrectedImage": UNCORRECTED, "DecayCorrectionDateTime": "20260304103000"},
    ],
    ids=["ADMIN without DECY", "an instant without DECY", "NONE with DECY", "NONE with an instant"],
)
def test_a_header_that_corrects_the_decay_and_does_not_is_refused(tmp_path, elements):
    assert "the decay was corrected, and that it was not" in refused(pet(tmp_path, **elements))
    at = datetime.fromisoformat("2026-03-05T09:00:00+01:00")
    assert activity(tmp_path, corrected_to=at).reference_time == at


def test_spheres_given_after_their_scan_are_refused(tmp_path):
    late = spheres(RadiopharmaceuticalStartDateTime="20260305103000")
    told = "given 20.5 h after the scan began"
    assert told in refused(pet(tmp_path / "a", DecayCorrection="ADMIN", tracer=late))
    assert told in refused(pet(tmp_path / "b", Units="GML", tracer=late)), "its SUV would have grown by 25 %"


@pytest.mark.parametrize("word", ["START", "NONE"])
def test_a_date_that_stood_still_over_midnight_is_refused(tmp_path, word):
    """Beds at 23:50 and 0:10 under one date lie 23.7 h apart: 29 % of Y-90."""
    corrected = ["DECY", *UNCORRECTED] if word == "START" else UNCORRECTED
    pet(tmp_path, SeriesTime="235000", DecayCorrection=word, CorrectedImage=corrected)
    varied(tmp_path, AcquisitionTime=["235000"] * 3 + ["001000"] * 2)
    assert "acquired from 00:10 to 23:50 of one day" in refused(tmp_path)
    varied(tmp_path, AcquisitionDate=["20260304"] * 3 + ["20260305"] * 2)
    assert activity(tmp_path).reference_time == datetime.fromisoformat("2026-03-04T23:50:00+01:00")


def test_slices_of_several_reconstructions_are_no_series(tmp_path):
    pet(tmp_path)
    varied(tmp_path, Units=["BQML"] * 4 + ["CNTS"])
    assert "differ in Units: BQML, CNTS" in refused(tmp_path)
    varied(tmp_path, Units=["BQML"] * 5, DecayCorrection=["START"] * 4 + ["ADMIN"])
    assert "differ in DecayCorrection: ADMIN, START" in refused(tmp_path)


def test_times_are_missing_or_without_zone(tmp_path):
    nothing = pet(tmp_path, SeriesDate=None, SeriesTime=None, AcquisitionDate=None, AcquisitionTime=None)
    assert "neither the time of the acquisition nor of the series" in refused(nothing)
    assert "no time zone" in refused(pet(tmp_path / "b"), None)


def test_the_offset_in_the_header_wins_over_the_named_zone(tmp_path):
    found = activity(pet(tmp_path, TimezoneOffsetFromUTC="-0500"))
    assert found.reference_time.isoformat() == "2026-03-04T14:00:00-05:00"


def test_a_clock_that_was_changed_is_not_guessed():
    empty = pydicom.Dataset()
    assert moment("20260304", "1030", empty, PARIS, "PET").isoformat() == "2026-03-04T10:30:00+01:00"
    assert moment("20260704", "103015.25", empty, PARIS, "PET").isoformat() == "2026-07-04T10:30:15.250000+02:00"
    for day, clock in (("20261025", "023000"), ("20260329", "023000")):  # twice, and never
        with pytest.raises(InputError, match="clock was changed"):
            moment(day, clock, empty, PARIS, "PET")
    assert moment("20261025", "023000", empty, zone_named("+02:00"), "PET").isoformat() == "2026-10-25T02:30:00+02:00"
    assert moment("2026", "1030", empty, PARIS, "PET") is None
    assert moment("20261399", "1030", empty, PARIS, "PET") is None
    assert date_and_time("20260304103000.5-0500", empty, PARIS, "PET").isoformat() == (
        "2026-03-04T10:30:00.500000-05:00"
    )
    for name in ("Europe/Pariss", "+99:00", ""):
        with pytest.raises(InputError, match="Name the hospital|time zone"):
            zone_named(name)


# Which quantity


def test_counts_and_other_units_are_named_and_refused(tmp_path):
    assert "is counts, not Bq/mL" in refused(pet(tmp_path / "a", Units="CNTS"))
    assert "is PROPORTIONAL, not" in refused(pet(tmp_path / "b", Units="PROPORTIONAL"))
    assert "not stated" in refused(pet(tmp_path / "c", Units=None))
    assert "SUV (g/mL)" in refused(pet(tmp_path / "d", Units="GML", SUVType="LBM"))


def test_suv_is_converted_only_with_dose_weight_and_times(tmp_path):
    """3 GBq at 10:30 are 2.8882 GBq at 14:00; over 80 kg SUV 1 is 36.10 kBq/mL."""
    found = activity(pet(tmp_path / "a", Units="GML"))
    assert voxels(found) == pytest.approx(PET * 3e9 * 2 ** (-3.5 / 64.1) / 80e3, rel=1e-6)
    assert "SUV by body weight converted" in found.notes[0]
    at_injection = activity(pet(tmp_path / "b", Units="GML", DecayCorrection="ADMIN"))
    assert voxels(at_injection) == pytest.approx(PET * 3e9 / 80e3, rel=1e-6)
    assert "lacks a usable weight" in refused(pet(tmp_path / "c", Units="GML", PatientWeight=None))
    late = spheres(RadiopharmaceuticalStartDateTime=None, RadionuclideTotalDose=3000.0)
    assert "dose and date and time of injection" in refused(pet(tmp_path / "d", Units="GML", tracer=late))


def test_a_real_world_value_map_speaks_of_stored_values(tmp_path):
    entry = pydicom.Dataset()
    entry.RealWorldValueSlope, entry.RealWorldValueIntercept = 7.5, 0.0
    entry.MeasurementUnitsCodeSequence = coded("UCUM", "Bq/ml", "Becquerels/milliliter")
    pet(tmp_path, Units="CNTS", RescaleSlope=0.5, RealWorldValueMappingSequence=pydicom.Sequence([entry]))
    assert voxels(activity(tmp_path)) == pytest.approx(PET * 7.5, rel=1e-6)


def test_suv_beside_bq_ml_in_the_maps_does_not_matter_and_two_scales_do(tmp_path):
    def map_to(unit, slope):
        entry = pydicom.Dataset()
        entry.RealWorldValueSlope, entry.RealWorldValueIntercept = slope, 0.0
        entry.MeasurementUnitsCodeSequence = coded("UCUM", unit, unit)
        return entry

    both = pydicom.Sequence([map_to("g/ml{SUVbw}", 0.001), map_to("Bq/ml", 12.5)])
    found = activity(pet(tmp_path / "a", Units="CNTS", RealWorldValueMappingSequence=both))
    assert voxels(found) == pytest.approx(PET * 12.5)
    both.append(map_to("Bq/ml", 13.0))
    assert "is counts" in refused(pet(tmp_path / "b", Units="CNTS", RealWorldValueMappingSequence=both))


def test_a_map_that_contradicts_the_unit_is_refused(tmp_path):
    units = coded("UCUM", "Bq/ml", "Becquerels/milliliter")
    entry = pydicom.Dataset()
    entry.RealWorldValueSlope, entry.RealWorldValueIntercept, entry.MeasurementUnitsCodeSequence = 1.0, 0.0, units
    same = pet(tmp_path / "a", RealWorldValueMappingSequence=pydicom.Sequence([entry]))
    assert np.array_equal(voxels(activity(same)), PET)
    for at, (slope, is_same) in enumerate(((1.0009, True), (1.0011, False), (0.9989, False))):
        entry.RealWorldValueSlope = slope
        near = pet(tmp_path / f"near_{at}", RealWorldValueMappingSequence=pydicom.Sequence([entry]))
        assert activity(near) is not None if is_same else "real-world value map" in refused(near)
    entry.RealWorldValueSlope = 1000.0
    other = pet(tmp_path / "b", RealWorldValueMappingSequence=pydicom.Sequence([entry]))
    assert "its real-world value map 1000 times as many" in refused(other)


def test_a_pet_without_its_slope_is_not_in_bq_ml(tmp_path):
    assert "RescaleSlope" in refused(pet(tmp_path, RescaleSlope=""))


def test_counts_with_the_scanner_s_own_factor_become_bq_ml(tmp_path):
    def private(dataset):
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x09, "DS", "2.5")

    pet(tmp_path, Units="CNTS", RescaleSlope=0.5, change=private)
    found = activity(tmp_path)
    assert voxels(found) == pytest.approx(PET * 0.5 * 2.5, rel=1e-6)
    assert "the scanner's own factor (2.5" in found.notes[0]


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ({"RadionuclideCodeSequence": coded("SRT", "C-111A1", "^18^Fluorine")}, "nuclide ^18^Fluorine, not Y-90"),
        ({"RadionuclideHalfLife": 6586.2}, "half-life in the header is 1.829 h, that of Y-90 64.1 h"),
        ({"RadionuclidePositronFraction": 0.967}, "positron fraction in the header is 0.967"),
        ({"RadionuclideCodeSequence": None, "RadionuclideHalfLife": None}, "names no nuclide"),
    ],
)
def test_a_scan_with_another_nuclide_s_constants_is_refused(tmp_path, elements, says):
    message = refused(pet(tmp_path, tracer=spheres(**elements)))
    assert says in message
    assert "use it in relative counts" in message


@pytest.mark.parametrize(
    "elements",
    [
        {"RadionuclideCodeSequence": coded("SRT", "C-162A7", "old code")},
        {"RadionuclideCodeSequence": coded("99LOCAL", "x", "Y-90")},
        {"RadionuclideCodeSequence": None, "Radiopharmaceutical": "TheraSphere 90Y"},
        {"RadionuclideCodeSequence": None, "RadionuclidePositronFraction": 3.2e-5},
    ],
)
def test_y90_is_recognized_however_it_is_written(tmp_path, elements):
    assert activity(pet(tmp_path, tracer=spheres(**elements))).reference_time


def test_nuclides_are_named_in_many_ways():
    assert {nuclide_named(n) for n in ("90Y", "^90^Yttrium", "Y-90 glass", "Yttrium 90")} == {"Y-90"}
    assert {nuclide_named(n) for n in ("Tc-99m MAA", "^99m^Technetium", "99mTc", "99Tcm", "TC99M")} == {"Tc-99m"}
    assert {nuclide_named(n) for n in ("", "18F", "Y-86", "Lu-177")} == {""}


def test_a_drug_does_not_make_y90_of_another_nuclide_s_code(tmp_path):
    named = {"Radiopharmaceutical": "TheraSphere Y90", "RadionuclidePositronFraction": None}
    fluorine = spheres(RadionuclideHalfLife=None, **named)
    fluorine[0].RadionuclideCodeSequence = coded("SCT", "77004003", "^18^Fluorine")
    assert "names the nuclide ^18^Fluorine" in refused(pet(tmp_path / "a", tracer=fluorine))
    own = spheres(**named)  # a nuclide that the hospital added to the scanner's list, with the half-life of Y-90
    own[0].RadionuclideCodeSequence = coded("99HOSPITAL", "Y", "Other")
    assert np.array_equal(voxels(activity(pet(tmp_path / "b", tracer=own))), PET)


def test_dose_and_time_of_several_administrations_are_not_chosen_from():
    header = pydicom.Dataset()
    header.RadiopharmaceuticalInformationSequence = pydicom.Sequence([spheres()[0], spheres()[0]])
    found = tracer(header)
    assert found.nuclide == "Y-90" and found.dose_bq is None and not found.given


def test_missing_corrections_are_noted(tmp_path):
    assert (
        "not corrected for scatter, detector norm"
        in activity(pet(tmp_path / "a", CorrectedImage=["DECY", "ATTN", "RAN"])).notes[0]
    )
    assert "does not say which corrections" in activity(pet(tmp_path / "b", CorrectedImage=None)).notes[0]


def test_weight_and_height_are_taken_where_they_can_be_a_patient_s():
    header = pydicom.Dataset()
    header.PatientWeight, header.PatientSize = "80", "1.755"
    assert (body((pydicom.Dataset(), header)).weight_kg, body((header,)).height_cm) == (80.0, 175.5)
    header.PatientWeight, header.PatientSize = "8000", "175"
    odd = body((header,))
    assert (odd.weight_kg, odd.height_cm, len(odd.notes)) == (None, None, 2)
    assert tracer(header).nuclide == ""
