"""A digital patient over time comes back as it was made: volumes, growth, rate and response."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from Y90DosimetryLib.case import Patient
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import read_case, write_case
from Y90DosimetryLib.phantom import PhantomSettings, Step, patient_over_time
from Y90DosimetryLib.phantom.followup import STEPS

COARSE = PhantomSettings(
    ct_spacing_mm=(3.0, 3.0, 3.0), spect_spacing_mm=(8.8, 8.8, 8.8), pet_spacing_mm=(8.0, 8.0, 6.0)
)
RASTER = 0.006
"""Volumes of the liver's size on voxels of 3 mm, relative."""


@pytest.fixture(scope="module")
def over_time():
    return patient_over_time(COARSE)


@pytest.fixture(scope="module")
def assessment(over_time):
    return assess(over_time.case())


def test_the_studies_are_on_the_day_of_treatment_months_later(assessment):
    at = assessment.follow_up.remnant.at
    assert [a.months_count for a in at[1:]] == [1, 3, 6]
    assert [a.study.on for a in at] == [date(2026, 2, 16), date(2026, 4, 4), date(2026, 6, 4), date(2026, 9, 4)]


def test_volumes_come_back_within_the_error_of_the_raster(over_time, assessment):
    for true, found in zip(over_time.truth(), assessment.follow_up.remnant.at, strict=True):
        assert found.study.label == true.label
        assert found.study.volumes.liver_ml == pytest.approx(true.liver_ml, rel=RASTER)
        assert found.study.volumes.flr_ml == pytest.approx(true.flr_ml, rel=RASTER)
        assert found.study.volumes.tumor_ml == pytest.approx(sum(true.tumors_ml.values()), rel=0.03)
        assert found.study.untreated_ml == pytest.approx(true.flr_ml, rel=2 * RASTER), "the right lobe was treated"


def test_growth_is_the_factor_that_it_was_made_with(over_time, assessment):
    growth = assessment.follow_up.remnant.from_baseline
    assert [g.relative_ratio for g in growth] == pytest.approx([s.flr_growth_ratio - 1 for s in STEPS], abs=RASTER)
    before, *_, last = over_time.truth()
    telv_ml = assessment.follow_up.studies.baseline.telv_ml
    degree = (last.flr_ml - before.flr_ml) / telv_ml
    assert growth[-1].degree_ratio == pytest.approx(degree, abs=0.003)
    assert growth[-1].weeks == pytest.approx(184 / 7), "4 March to 4 September"
    assert growth[-1].kinetic_per_week_ratio == pytest.approx(degree / (184 / 7), rel=0.02)


def test_the_tumors_shrink_as_they_were_made_to(assessment):
    volumes = [a.study.volumes.tumor_ml for a in assessment.follow_up.remnant.at]
    ratios = [v / volumes[0] for v in volumes[1:]]
    assert ratios == pytest.approx([s.tumor_volume_ratio for s in STEPS], abs=0.03)


def test_the_response_follows_what_is_viable(assessment):
    course = assessment.follow_up.response.localized
    assert [str(s.response) for s in course.studies] == ["SD", "PR", "CR"]
    row = {m.measure_id: m.value for m in assessment.measurements if not m.about}
    assert (row["localized_mrecist"], row["mrecist"]) == ("CR", "CR")


@pytest.mark.parametrize(("flr_growth_ratio", "outcome"), [(1.02, "not_met"), (1.20, "met")])
def test_too_little_growth_at_month_three_raises_the_note_on_retreatment(flr_growth_ratio, outcome):
    made = patient_over_time(COARSE, [Step(3, flr_growth_ratio)]).case()
    (found,) = [f for f in assess(made).findings if f.rule.id == "S2-FU-03"]
    assert found.outcome.value == outcome


def test_a_weight_lost_changes_the_standardized_share_and_not_the_growth():
    steps = [Step(3, 1.2), Step(6, 1.2, patient=Patient(weight_kg=60.0))]
    first, second = assess(patient_over_time(COARSE, steps).case()).follow_up.remnant.from_baseline
    assert first.relative_ratio == second.relative_ratio
    assert second.degree_ratio > first.degree_ratio + 0.05


def test_the_patient_over_time_survives_a_case_file(tmp_path, over_time):
    case = over_time.case()
    write_case(case, tmp_path / "case")
    back = read_case(tmp_path / "case" / "case.toml")
    for made, read in zip(case.time_points, back.time_points, strict=True):
        assert replace(read, structures=(), patient=made.patient) == replace(made, structures=())
        assert [s.volume_ml for s in read.structures] == pytest.approx([s.volume_ml for s in made.structures])


def test_impossible_courses_are_refused():
    with pytest.raises(InputError, match="rising months"):
        patient_over_time(COARSE, [Step(3), Step(1)])
    with pytest.raises(InputError, match="is viable"):
        Step(3, viable_fraction=1.1)
    with pytest.raises(InputError, match="flr_growth_ratio"):
        patient_over_time(COARSE, [Step(3, 1.6)]).case()
