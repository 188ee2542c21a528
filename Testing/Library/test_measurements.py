"""Measures of time, treatment and remnant, each on numbers made by hand."""

import pickle
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from shapes import box, constant, grid

from Y90DosimetryLib.case import (
    Basis,
    Case,
    Disease,
    Encephalopathy,
    Grade,
    Infusion,
    Patient,
    Session,
    Settings,
    Vial,
)
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.dosimetry.regions import regions_of
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.measurements import measure
from Y90DosimetryLib.measurements.view import OfItem, TextOf
from Y90DosimetryLib.structures import Role, Structure

CT = grid((2.0, 2.0, 2.0), (240.0, 160.0, 160.0))
LIVER = Structure(Role.LIVER, "Liver", box(CT, (-80, -40, -40), (80, 40, 40)))  # 1024 mL
RIGHT = Structure(Role.PERFUSED, "Right", box(CT, (-80, -40, -40), (0, 40, 40)))  # 512 mL
LEFT = Structure(Role.PERFUSED, "Left", box(CT, (40, -40, -40), (80, 40, 40)))  # 256 mL
TUMOR = Structure(Role.TUMOR, "Tumor", box(CT, (-60, -10, -10), (-40, 10, 10)))  # 8 mL
SMALL = Structure(Role.TUMOR, "Small", box(CT, (50, -4, -4), (60, 4, 4)))
FLR = Structure(Role.FLR, "Remnant", box(CT, (0, -40, -40), (80, 40, 40)))  # 512 mL
SUNDAY_NOON = datetime.fromisoformat("2026-03-01T12:00:00-05:00")


def infusion(perfused="Right", given="2026-03-04T09:30:00+01:00", label="1", gbq=3.0):
    return Infusion(label, Vial(gbq, SUNDAY_NOON), perfused, datetime.fromisoformat(given), 0.01, 0.05)


def session(*infusions, label="s", basis=Basis.PLANNED, image=True):
    counts = CountMap(constant(grid((4.0, 4.0, 4.0), (240.0, 160.0, 160.0)), 1.0)) if image else None
    return Session(label, infusions or (infusion(),), counts, basis)


def found(*sessions, structures=(LIVER, RIGHT, LEFT, TUMOR, FLR), facts=None, patient=None, zone="Europe/Paris"):
    """All measurements of a case by id and item."""
    case = Case(
        "c",
        tuple(structures),
        sessions or (session(),),
        None,
        patient or Patient(),
        Disease(scenario=2, facts=facts or {}),
        Settings(hospital_time_zone=zone),
    )
    prepared = prepare(case)
    rows = measure(case, prepared, doses_of(case, prepared), regions_of(case, prepared.compartments))
    return {(m.measure_id, m.about): m for m in rows}


def value(rows, name, about=""):
    return rows[name, about].value


@pytest.mark.parametrize(
    ("given", "zone", "day"),
    [
        ("2026-03-01T18:30:00+01:00", "Europe/Paris", 0),
        ("2026-03-04T00:05:00+01:00", "Europe/Paris", 3),
        ("2026-03-03T23:55:00+01:00", "Europe/Paris", 2),
        ("2026-03-04T00:05:00+01:00", "America/New_York", 2),  # still Tuesday there
        ("2026-03-04T09:00:00+09:00", "Asia/Tokyo", 3),  # Sunday noon in New York is Monday in Tokyo
        ("2026-03-09T00:05:00+01:00", "Europe/Paris", 8),
        ("2026-03-29T12:00:00+02:00", "Europe/Paris", 28),  # the clocks went forward that night
    ],
)
def test_the_day_of_treatment_is_counted_on_the_hospitals_calendar(given, zone, day):
    assert value(found(session(infusion(given=given)), zone=zone), "treatment_day", "1") == day


def test_without_a_named_zone_the_infusions_own_offset_is_the_hospitals():
    assert value(found(session(infusion(given="2026-03-04T00:05:00+01:00")), zone=None), "treatment_day", "1") == 3


def test_an_unknown_zone_is_refused():
    with pytest.raises(InputError, match=r"'Mars/Olympus' is not known.*IANA"):
        found(zone="Mars/Olympus")


def test_infusions_on_two_days_have_no_common_day():
    rows = found(session(infusion(), infusion("Left", "2026-03-05T09:30:00+01:00", "2")))
    assert value(rows, "common_treatment_day") is None
    assert "different days" in rows["common_treatment_day", ""].missing_because


@pytest.mark.parametrize(("days", "sphere_bq"), [(1, 1929), (3, 1148), (8, 314), (9, 242)])
def test_a_sphere_of_2500_becquerel_decays_as_tabulated(days, sphere_bq):
    given = (SUNDAY_NOON + timedelta(days=days)).isoformat()
    assert value(found(session(infusion(given=given))), "activity_per_sphere_bq", "1") == pytest.approx(
        sphere_bq, abs=1
    )


def test_volumes_and_shares_are_those_of_the_boxes():
    rows = found()
    expected = {
        "liver_volume_ml": 1024.0,
        "normal_liver_volume_ml": 1016.0,
        "perfused_normal_volume_ml": 504.0,
        "perfused_fraction": 0.5,
        "hepatic_reserve_fraction": 0.5,
        "tumor_burden_fraction": 8 / 1024,
        "flr_volume_ml": 512.0,
        "flr_measured_fraction": 512 / 1016,
    }
    for name, number in expected.items():
        assert value(rows, name) == pytest.approx(number, rel=1e-6), name


def test_each_session_has_a_reserve_of_its_own_and_the_lowest_counts():
    rows = found(session(label="a"), session(infusion("Left"), label="b"))
    assert value(rows, "hepatic_reserve_fraction") == pytest.approx(0.5)
    assert value(rows, "perfused_fraction") == pytest.approx(0.5)


def test_an_untreated_tumor_takes_from_the_tumor_free_reserve():
    rows = found(structures=(LIVER, RIGHT, LEFT, TUMOR, SMALL))
    assert value(rows, "hepatic_reserve_fraction") == pytest.approx(0.5)
    assert value(rows, "tumor_free_reserve_fraction") == pytest.approx(0.5 - SMALL.volume_ml / 1024, rel=1e-6)
    assert value(rows, "tumor_lowest_coverage_fraction") == 0.0


def test_dates_become_months_between_them():
    facts = {
        "baseline_imaging_date": date(2026, 2, 4),
        "follow_up_date": date(2026, 9, 2),
        "surgery_date": date(2026, 9, 30),
    }
    rows = found(session(basis=Basis.DELIVERED), facts=facts)
    assert value(rows, "baseline_imaging_age_months") == 1  # 4 February to 4 March
    assert value(rows, "since_treatment_months") == pytest.approx(5 + 29 / 31)  # and 4 August to 2 September
    assert value(rows, "to_surgery_months") == pytest.approx(6 + 26 / 30)
    assert value(rows, "case_stage") == "follow_up"


def test_an_operation_before_the_treatment_is_no_time_to_surgery():
    rows = found(session(basis=Basis.DELIVERED), facts={"surgery_date": date(2026, 3, 3), "surgery_planned": True})
    assert value(rows, "to_surgery_months") is None
    assert "before the last treatment" in rows["to_surgery_months", ""].missing_because
    same_day = found(session(basis=Basis.DELIVERED), facts={"surgery_date": date(2026, 3, 4)})
    assert value(same_day, "to_surgery_months") == 0


@pytest.mark.parametrize(("basis", "stage"), [(Basis.PLANNED, "planning"), (Basis.DELIVERED, "treated")])
def test_the_stage_follows_the_last_session(basis, stage):
    assert value(found(session(basis=basis)), "case_stage") == stage


def test_the_interval_of_stages_is_the_shortest_in_days():
    times = ["2026-03-04T09:30:00+01:00", "2026-04-08T09:30:00+02:00", "2026-06-03T09:30:00+02:00"]
    rows = found(*(session(infusion(given=t), label=t) for t in times))
    assert value(rows, "stage_interval_d") == pytest.approx(35 - 1 / 24)
    assert value(rows, "repeated_volume") is True


def test_the_lobe_with_more_tumor_comes_first_or_not():
    structures = (LIVER, RIGHT, LEFT, TUMOR, SMALL)
    right, left = session(label="r"), session(infusion("Left"), label="l")
    assert value(found(right, left, structures=structures), "larger_burden_first") is True
    assert value(found(left, right, structures=structures), "larger_burden_first") is False


def test_growth_of_the_remnant_is_relative_to_the_volume_before():
    rows = found(facts={"flr_before_treatment_ml": 400.0})
    assert value(rows, "flr_hypertrophy_fraction") == pytest.approx(0.28)


def test_scores_follow_the_laboratory_values_and_are_missing_without_them():
    patient = Patient(weight_kg=70.0, height_cm=170.0, bilirubin_umol_l=10.5, albumin_g_l=43.0)
    rows = found(patient=patient)
    assert value(rows, "telv_ml") == pytest.approx(1499.0, abs=0.1)
    assert value(rows, "sflr_fraction") == pytest.approx(512 / 1499.0, rel=1e-4)
    assert value(rows, "albi_grade") == 1
    assert value(rows, "child_pugh_score") is None
    assert set(rows["child_pugh_score", ""].needs) == {"inr_ratio", "ascites", "encephalopathy"}


def test_vascular_invasion_is_seen_stated_or_unknown():
    thrombus = Structure(Role.PVTT, "PVTT", box(CT, (-30, -6, -6), (-10, 6, 6)))
    assert value(found(structures=(LIVER, RIGHT, TUMOR, thrombus)), "macrovascular_invasion") is True
    none = {"pvtt_grade": "none", "hepatic_vein_thrombus_grade": "none"}
    assert value(found(facts=none), "macrovascular_invasion") is False
    assert value(found(facts={"pvtt_grade": "none"}), "macrovascular_invasion") is None
    assert value(found(facts={"pvtt_grade": "VP2"}), "macrovascular_invasion") is True


def test_labels_that_two_sessions_share_are_told_apart():
    rows = found(session(label="a"), session(infusion("Left"), label="b"))
    assert {about for name, about in rows if name == "liver_activity_gbq"} == {"a: 1", "b: 1"}


def test_lung_doses_of_the_sessions_add_up():
    rows = found(session(label="a"), session(infusion("Left"), label="b"))
    parts = [value(rows, "lung_dose_gy.session", about) for about in ("a", "b")]
    assert value(rows, "lung_dose_gy.case") == pytest.approx(sum(parts))


def test_a_plan_that_was_delivered_no_longer_counts():
    plan, done = session(label="plan"), replace(session(label="done", basis=Basis.DELIVERED), delivers="plan")
    rows = found(plan, done)
    assert value(rows, "session_count") == 1
    assert value(rows, "dose_basis") == "delivered"


def test_the_barcelona_stage_is_the_stated_one_or_follows_from_the_case():
    known = Patient(
        bilirubin_umol_l=10.0,
        albumin_g_l=42.0,
        inr_ratio=1.0,
        ascites=Grade.NONE,
        encephalopathy=Encephalopathy.NONE,
        ecog=0,
    )
    facts = {"extrahepatic_disease": False, "pvtt_grade": "none", "hepatic_vein_thrombus_grade": "none"}
    assert value(found(patient=known, facts=facts), "bclc_stage") == "A"
    assert value(found(patient=known, facts={**facts, "pvtt_grade": "VP2"}), "bclc_stage") == "C"
    assert value(found(patient=known, facts={**facts, "bclc_stage_stated": "B"}), "bclc_stage") == "B"
    rows = found(patient=replace(known, ecog=None), facts=facts)
    assert value(rows, "bclc_stage") is None
    assert rows["bclc_stage", ""].needs == ("ecog",)


@pytest.mark.parametrize("value", [OfItem(139.5, "Tumor 2"), TextOf("focus", "Plan")])
def test_a_value_of_an_item_comes_back_whole_from_a_worker(value):
    back = pickle.loads(pickle.dumps(value))
    assert (type(back), back, back.item) == (type(value), value, value.item)
