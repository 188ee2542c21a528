"""Studies of other days belong to a case: read and written without loss, refused where they contradict themselves."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import CASE, fill, read, refused
from hypothesis import given
from hypothesis import strategies as st
from image_files import image

from Y90DosimetryLib.case import Case, Encephalopathy, Grade, Infusion, Patient, Session, TimeKind, TimePoint, Vial
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import CtImage
from Y90DosimetryLib.io.case_file import read_case, read_case_file, template, write_case
from Y90DosimetryLib.io.case_keys import TABLES
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.timepoints import after_months, calendar_months_count, days_between

DAY = date(2026, 6, 4)
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))

POINT = """
[[time_points]]
label = "Month 3"
date = 2026-06-04
modality = "contrast_ct"
ct = "ct.nrrd"
new_lesions = false
localized_mrecist = "PR"

[time_points.volumes_ml]
perfused = 700

[time_points.patient]
weight_kg = 68
bilirubin_mg_dl = 1.0
ascites = "slight"

[[time_points.structures]]
label = "Liver"
role = "liver"
file = "labels.nrrd"
label_value = 1

[[time_points.structures]]
label = "Remnant"
role = "flr"
file = "perfused.nii.gz"

[[time_points.lesions]]
label = "Tumor 1"
viable_mm = 0
longest_mm = 45
is_treated = true

[[time_points.thrombi]]
label = "PVTT"
enhances = true
diameter_mm = 14.5
extends_proximally = false

[[time_points]]
label = "Before"
date = 2026-02-10
kind = "baseline"

[time_points.volumes_ml]
liver = 1500
flr = 400
"""
SESSIONS = "[[sessions]]\n"


def with_points(folder, old="", new=""):
    """Return the case of the folder with two time points, *old* replaced by *new* in them."""
    assert old in POINT
    return read(folder, "[settings]", POINT.replace(old, new) + "\n[settings]" if old else POINT + "\n[settings]")


def refused_points(folder, old, new):
    """Return the message with which the changed time points are refused."""
    assert old in POINT
    return refused(folder, "[settings]", POINT.replace(old, new) + "\n[settings]")


def mask(*, shape=(4, 5, 6), first=0):
    """A mask of 2 mm voxels with its first planes empty."""
    array = np.zeros(shape, np.uint8)
    array[first:, 1:3, 1:4] = 1
    return image(array, spacing=(2.0, 2.0, 2.0))


def corner_mm(structure):
    """The place of a structure's first voxel."""
    return structure.mask.TransformIndexToPhysicalPoint(structure.box.index)


def liver(label="Liver"):
    return Structure(Role.LIVER, label, mask())


# In a case file


def test_time_points_are_read_in_the_order_of_their_days(tmp_path):
    before, month_3 = with_points(tmp_path).time_points
    assert (before.label, before.on, before.kind) == ("Before", date(2026, 2, 10), TimeKind.BASELINE)
    assert before.volumes_ml == {Role.LIVER: 1500.0, Role.FLR: 400.0}
    assert (month_3.kind, month_3.modality, month_3.new_lesions) == (TimeKind.FOLLOW_UP, "contrast_ct", False)
    assert month_3.facts == {"localized_mrecist": "PR"}
    assert [(s.label, s.role) for s in month_3.structures] == [("Liver", Role.LIVER), ("Remnant", Role.FLR)]
    assert month_3.patient.weight_kg == 68
    assert month_3.patient.bilirubin_umol_l == pytest.approx(17.1)
    assert month_3.patient.ascites is Grade.SLIGHT
    assert month_3.patient.albumin_g_l is None, "not entered that day: unknown, not as before"
    assert month_3.lesions == (LesionReading("Tumor 1", 0, 45, is_treated=True),)
    assert month_3.thrombi == (ThrombusReading("PVTT", True, 14.5, extends_proximally=False),)
    assert month_3.ct is not None


@pytest.mark.parametrize(
    ("table", "reading", "label"),
    [("lesions", LesionReading, "lesion"), ("thrombi", ThrombusReading, "thrombus")],
)
def test_every_field_of_a_reading_has_a_key_in_the_file(table, reading, label):
    keys = {key.name for t in TABLES if t.name == f"time_points.{table}" for key in t.keys}
    assert keys == ({f.name for f in fields(reading)} - {label}) | {"label"}


def test_every_file_of_a_time_point_is_counted_as_an_input(tmp_path):
    with_points(tmp_path)
    seen: list[float] = []
    inputs = read_case_file(tmp_path / "case.toml", lambda share, _: seen.append(share)).inputs
    names = [file.name for file in inputs]
    assert {"CT of 'Month 3'", "structure 'Liver' of 'Month 3'", "structure 'Remnant' of 'Month 3'"} <= set(names)
    assert max(seen) < 1, "no file was left out when they were counted"


def test_a_case_with_time_points_survives_writing_and_reading(tmp_path):
    point = TimePoint(
        "Month 3, CT",
        DAY,
        TimeKind.BEFORE_SURGERY,
        (liver(), Structure(Role.FLR, "FLR", mask(first=2)), Structure(Role.TUMOR, "Tumor 1", mask(first=3))),
        CtImage(image(np.full((4, 5, 6), 40, np.int16), spacing=(2.0, 2.0, 2.0))),
        {Role.PERFUSED: 512.25},
        Patient(weight_kg=61.5, inr_ratio=1.2, encephalopathy=Encephalopathy.GRADE_1_2, ecog=1),
        (
            LesionReading("Tumor 1", 12.0, 30.5, is_treated=True, is_target=True, progresses=False),
            LesionReading("New", 9.0, is_new=True),
        ),
        (ThrombusReading("PVTT", False, 11.0, extends_proximally=True, is_treated=True, grade="VP3"),),
        True,
        "multiphase_mr",
        {"mrecist": "PD", "retreatment_planned": True},
    )
    bare = TimePoint("Call", date(2026, 9, 4), TimeKind.ANY)
    case = Case("over time", (liver("whole"),), time_points=(bare, point))
    write_case(case, tmp_path / "out")
    back = read_case(tmp_path / "out" / "case.toml").time_points
    assert [p.label for p in back] == ["Month 3, CT", "Call"]
    for name in (f.name for f in fields(TimePoint) if f.name not in ("structures", "ct")):
        assert getattr(back[0], name) == getattr(point, name), name
    assert back[1] == bare
    for read_back, made in zip(back[0].structures, point.structures, strict=True):
        assert (read_back.role, read_back.label) == (made.role, made.label)
        assert np.array_equal(read_back.cropped(), made.cropped())
        assert corner_mm(read_back) == pytest.approx(corner_mm(made))
    assert back[0].ct is not None and point.ct is not None
    assert np.array_equal(sitk.GetArrayFromImage(back[0].ct.image), sitk.GetArrayFromImage(point.ct.image))


def test_the_template_shows_time_points_as_comments_only():
    lines = [line for line in template().splitlines() if "time_points" in line]
    assert len(lines) == 7
    assert all(line.startswith("# ") for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("date = 2026-06-04\n", "", "[[time_points]] 'Month 3': 'date' is missing"),
        ("date = 2026-06-04", "date = 2026-06-04T10:00:00Z", "'date' is 2026-06-04T10:00:00+00:00"),
        ('modality = "contrast_ct"', 'modality = "ct"', "'modality' is 'ct'"),
        ("new_lesions = false", "new_lesion = false", "Did you mean 'new_lesions'?"),
        ("is_treated = true", "treated = true", "Did you mean 'is_treated'?"),
        ('kind = "baseline"', 'kind = "base"', "Did you mean 'baseline'?"),
        ("viable_mm = 0", "viable_mm = -1", "lesion 'Tumor 1', viable_mm: -1 mm is negative"),
        ("flr = 400", "flr = 1600", "the 1600 mL of future liver remnant are more than the liver's 1500 mL"),
        ("flr = 400", "lungs = 400", "unknown key 'lungs'"),
        ("perfused = 700", "liver = 700", "volume of Liver: it is typed and outlined"),
        ('label = "Before"', 'label = "Month 3"', "two are named 'Month 3'"),
        ("date = 2026-06-04\n", 'date = 2026-06-04\nkind = "baseline"\n', "2 are the baseline: Before, Month 3"),
        ("date = 2026-02-10", "date = 2026-03-05", "baseline 'Before': 2026-03-05 lies after the last infusion"),
        ("weight_kg = 68", "weight_kg = -68", "[time_points.patient] of 'Month 3' weight_kg"),
        ('role = "flr"', 'role = "liver"', "2 structures are called liver"),
        ('localized_mrecist = "PR"', "surgery_planned = true", "unknown key 'surgery_planned'"),
        ('ct = "ct.nrrd"', 'series = "1.2"', "'series' is given, but no 'ct'"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_place(tmp_path, old, new, says):
    assert says in refused_points(tmp_path, old, new)


def test_a_single_bracket_is_explained(tmp_path):
    assert "[[time_points]]" in refused(tmp_path, "[settings]", '[time_points]\nlabel = "x"\n[settings]')


# Built by hand


def test_a_fact_of_the_whole_case_is_no_fact_of_one_day():
    with pytest.raises(InputError, match="'surgery_date' is no fact of one day"):
        TimePoint("Month 3", DAY, facts={"surgery_date": DAY})
    with pytest.raises(InputError, match="choose one of CR, PR, SD, PD"):
        TimePoint("Month 3", DAY, facts={"mrecist": "cured"})


def test_a_lesion_is_read_once_and_new_ones_are_not_denied():
    reading = LesionReading("Tumor 1", 20.0, is_new=True)
    with pytest.raises(InputError, match="lesion 'Tumor 1' is read twice"):
        TimePoint("Month 3", DAY, lesions=(reading, reading))
    with pytest.raises(InputError, match="there is no new lesion, but 'Tumor 1' is new"):
        TimePoint("Month 3", DAY, lesions=(reading,), new_lesions=False)


def test_an_instant_is_no_day():
    with pytest.raises(InputError, match="has a time of day"):
        TimePoint("Month 3", datetime(2026, 6, 4, 12))


def test_only_a_day_with_images_counts_as_imaging():
    assert not TimePoint("Labs", DAY, patient=Patient(weight_kg=70), facts={"mrecist": "CR"}).has_imaging
    assert TimePoint("MR", DAY, modality="multiphase_mr").has_imaging
    assert TimePoint("CT", DAY, volumes_ml={Role.FLR: 500.0}).has_imaging


def test_a_baseline_on_the_day_of_treatment_is_before_it():
    given_at = datetime(2026, 3, 4, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    perfused = Structure(Role.PERFUSED, "Right", mask(first=1))
    session = Session("Plan", (Infusion("a", Vial(3.0), "Right", given_at),))
    baseline = TimePoint("Same day", date(2026, 3, 4), TimeKind.BASELINE)
    case = Case("x", (liver(), perfused), (session,), time_points=(baseline,))
    assert case.time_points == (baseline,)


# The calendar


def test_three_months_are_the_same_day_of_the_third_month():
    assert calendar_months_count(date(2026, 2, 1), date(2026, 5, 1)) == 3
    assert calendar_months_count(date(2026, 2, 1), date(2026, 4, 30)) < 3
    assert calendar_months_count(date(2026, 3, 4), datetime(2026, 6, 4, 23, 59)) == 3


def test_days_that_are_left_are_a_share_of_the_month_they_lie_in():
    assert calendar_months_count(date(2026, 3, 4), date(2026, 4, 3)) == 30 / 31
    assert calendar_months_count(date(2026, 3, 4), date(2026, 4, 19)) == 1 + 15 / 30


def test_a_month_without_that_day_ends_on_its_last():
    assert after_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert after_months(date(2027, 11, 30), 3) == date(2028, 2, 29)
    assert calendar_months_count(date(2026, 1, 31), date(2026, 2, 28)) == 1


@given(DAYS, st.integers(0, 60))
def test_months_added_are_months_between(start, months):
    assert calendar_months_count(start, after_months(start, months)) == months


@given(DAYS, DAYS)
def test_months_grow_with_every_day_and_count_back_alike(first, second):
    months = calendar_months_count(first, second)
    assert calendar_months_count(second, first) == -months
    assert abs(months - days_between(first, second) / 30.436875) < 0.12
    if second > first:
        assert months > calendar_months_count(first, second - timedelta(days=1))


def test_the_case_of_the_other_tests_has_no_time_point(tmp_path):
    fill(tmp_path)
    assert "time_points" not in CASE
    assert read(tmp_path).time_points == ()
