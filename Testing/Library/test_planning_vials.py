"""Vials and the calendar: decay by the formula, local days and hours through every clock change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from planning_kit import hand_case, phantom_case

from Y90DosimetryLib.case import Infusion, Vial
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.measurements.treatment import treatment_day
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.physics import elapsed_h
from Y90DosimetryLib.planning import (
    EdgeCause,
    PlanOptions,
    Schedule,
    StockVial,
    calendar,
    combinations,
    constraints_of,
    delivered_activity_gbq,
    dose_lines,
    load_catalogue,
    openings,
    plan_of,
    residual_fraction,
    vial_times,
    window,
)
from Y90DosimetryLib.planning.dose_lines import known_at
from Y90DosimetryLib.planning.text import week_table

HALF_LIFE_H = 64.1
RULES = load_rules()
PARIS, NEW_YORK = calendar.zone_of("Europe/Paris"), calendar.zone_of("America/New_York")


def schedule(first: date = date(2026, 3, 2), last: date = date(2026, 3, 8), zone=PARIS, **more) -> Schedule:
    engine = phantom_case()
    return Schedule(dose_lines(engine, RULES), RULES, zone, first, last, load_catalogue(), **more)


# The catalogue


def test_the_catalogue_holds_the_six_sizes_and_says_what_is_unverified() -> None:
    found = load_catalogue()
    assert found.standard_gbq == (3.0, 5.0, 7.0, 10.0, 15.0, 20.0)
    assert set(found.unverified) == {"custom", "shelf_life", "calibration"}
    custom = found.sizes_gbq(custom=True)
    assert (custom[0], custom[-1], len(custom)) == (3.0, 20.0, 35)
    assert found.sizes_gbq(custom=False) == found.standard_gbq


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[shelf_life]", "[shelf]", "'shelf_life' is missing"),
        ("step_gbq = 0.5", "step_gbq = 0.0", "can't be read"),
        ("[3.0,", "[-3.0,", "not above 0"),
        ('"Sunday"', '"Sonntag"', "can't be read"),
        ("America/New_York", "America/Newyork", "time zone"),
        ("[standard]", "[standard", "can't be read"),
    ],
)
def test_a_wrong_catalogue_is_refused_in_one_clear_message(tmp_path, old, new, says) -> None:
    from importlib import resources

    text = resources.files("Y90DosimetryLib.planning").joinpath("vials.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "vials.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=says) as told:
        load_catalogue(path)
    assert "\n" not in str(told.value)


# The clock

CALIBRATION_UTC = [  # Sunday noon in New York: 17:00 UTC in winter, 16:00 in summer
    ("2026-03-01", 17),
    ("2026-03-08", 16),  # the night the American clocks go forward
    ("2026-10-25", 16),  # the night the European clocks go back
    ("2026-11-01", 17),  # the night the American clocks go back
]


@pytest.mark.parametrize(("day", "hour"), CALIBRATION_UTC)
def test_calibration_is_noon_in_the_east_of_america_in_every_week(day, hour) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    (found,) = calendar.calibrations(0, time(12), NEW_YORK, start, start + timedelta(days=6))
    assert found == start + timedelta(hours=hour)
    assert found.date().isoweekday() == 7


@pytest.mark.parametrize(
    ("sunday", "wednesday", "zone", "hours"),
    [
        ("2026-03-01T12:00-05:00", date(2026, 3, 4), PARIS, 64.0),  # 17:00 UTC to 09:00 UTC
        ("2026-03-08T12:00-04:00", date(2026, 3, 11), PARIS, 65.0),  # America has changed, Europe has not
        ("2026-03-22T12:00-04:00", date(2026, 3, 30), PARIS, 184.0),  # Monday after the change: 8 h earlier than 192
        ("2026-03-29T12:00-04:00", date(2026, 4, 1), PARIS, 64.0),
        ("2026-10-25T12:00-04:00", date(2026, 10, 28), PARIS, 65.0),
        ("2026-11-01T12:00-05:00", date(2026, 11, 4), PARIS, 64.0),
        ("2026-03-01T12:00-05:00", date(2026, 3, 9), NEW_YORK, 189.0),  # an hour lost on the way
        ("2026-10-25T12:00-04:00", date(2026, 11, 2), NEW_YORK, 191.0),  # an hour gained
        ("2026-03-08T12:00-04:00", date(2026, 3, 11), NEW_YORK, 70.0),
    ],
)
def test_hours_from_calibration_to_ten_o_clock_through_the_clock_changes(sunday, wednesday, zone, hours) -> None:
    at = calendar.at_clock(wednesday, time(10), zone)
    assert elapsed_h(datetime.fromisoformat(sunday), at) == hours


def test_days_have_23_and_25_hours_when_the_clocks_change() -> None:
    for day, zone, hours in (
        (date(2026, 3, 29), PARIS, 23),
        (date(2026, 10, 25), PARIS, 25),
        (date(2026, 3, 8), NEW_YORK, 23),
        (date(2026, 11, 1), NEW_YORK, 25),
        (date(2026, 3, 8), PARIS, 24),
    ):
        assert elapsed_h(*calendar.day_bounds(day, zone)) == hours


def test_an_hour_that_the_clock_shows_twice_is_told_with_its_zone() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert calendar.words(first, PARIS) == "Sunday 2026-10-25 02:30 CEST"
    assert calendar.words(first + timedelta(hours=1), PARIS) == "Sunday 2026-10-25 02:30 CET"
    assert calendar.words(first + timedelta(hours=2), PARIS) == "Sunday 2026-10-25 03:30"


def test_the_day_of_treatment_is_the_one_the_measures_count() -> None:
    calibrated = datetime.fromisoformat("2026-03-01T12:00:00-05:00")
    for name in ("Europe/Paris", "Asia/Tokyo", "America/Los_Angeles"):
        for hours in (3, 20, 64, 100, 250):
            at = calibrated + timedelta(hours=hours)
            infusion = Infusion("x", Vial(3.0, calibrated), "x", at.astimezone(calendar.zone_of(name)))
            assert calendar.treatment_day(calibrated, at, calendar.zone_of(name)) == treatment_day(infusion)


def test_decay_and_its_inverse_agree_with_the_table_of_the_label() -> None:
    vial = StockVial(3.0, datetime.fromisoformat("2026-03-01T12:00:00-05:00"))
    for hours, left in ((24, 0.77142), (72, 0.45906), (120, 0.27318), (216, 0.09674)):
        at = calendar.after_h(vial.calibrated_at, hours)
        assert vial.at_gbq(at, HALF_LIFE_H) / 3.0 == pytest.approx(left, abs=6e-6)
        assert calendar.hours_until_gbq(3.0, vial.at_gbq(at, HALF_LIFE_H), HALF_LIFE_H) == pytest.approx(hours)


# Vials against the window


def test_a_vial_is_inside_the_window_from_the_first_to_the_last_minute_of_its_opening() -> None:
    plan = schedule()
    found = openings(plan)
    assert found
    minute = timedelta(minutes=1)
    for one in found:
        for moment, inside in (
            (one.start + minute, True),
            (one.end - minute, True),
            (one.start - minute, False),
            (one.end + minute, False),
        ):
            edge = one.opened_by if moment < one.start else one.shut_by if moment > one.end else None
            if not plan.usable(one.vial, moment) or (edge is not None and edge.cause is EdgeCause.TIMING):
                continue
            its = plan.window_with(0, one.vial, moment)
            assert its.holds(one.vial.at_gbq(moment, HALF_LIFE_H)) == inside, (one.words, moment)


def test_the_length_of_an_opening_is_the_decay_from_the_top_to_the_bottom_of_the_window() -> None:
    plan = schedule()
    its = window(plan.lines, constraints_of(plan.lines, RULES))
    (ten,) = [o for o in openings(plan) if o.vial.activity_gbq == 10.0]
    hours = calendar.hours_until_gbq(its.high_gbq, its.low_gbq, HALF_LIFE_H)
    assert elapsed_h(ten.start, ten.end) == pytest.approx(hours, rel=1e-9)
    assert ten.words.startswith("from ")


def test_an_opening_across_midnight_is_one_span() -> None:
    found = [
        o for o in openings(schedule()) if calendar.local_date(o.start, PARIS) != calendar.local_date(o.end, PARIS)
    ]
    assert found and all("Wednesday" in o.words and "Thursday" in o.words for o in found if o.vial.activity_gbq == 7.0)


def test_each_vial_and_time_says_what_the_measures_say_of_that_case() -> None:
    plan = schedule()
    engine = phantom_case()
    case = engine.case
    at = calendar.at_clock(date(2026, 3, 6), time(10), PARIS)
    ten = [v for v in vial_times(plan) if v.at == at and v.vials[0][1].activity_gbq == 10.0]
    one = max(ten, key=lambda v: v.vials[0][1].calibrated_at)
    vial = one.vials[0][1]
    session = case.sessions[0]
    there = replace(session.infusions[0], vial=Vial(10.0, vial.calibrated_at), given_at=at)
    known = known_at(engine, replace(case, sessions=(replace(session, infusions=(there,)),)), RULES)
    assert one.doses_gy[0] == pytest.approx(known.get("tumor_lowest_dose_gy.multicompartment").value, rel=1e-9)
    assert one.doses_gy[1] == pytest.approx(known.get("ntad_gy.multicompartment").value, rel=1e-9)
    assert one.doses_gy[3] == pytest.approx(known.get("lung_dose_gy.case").value, rel=1e-9)
    assert one.per_sphere_bq[0] == pytest.approx(known.get("activity_per_sphere_bq", "Right vial").value, rel=1e-12)
    assert one.meets_plan and [f.rule.id for f in one.timing] == ["S2-TIME-01"]
    assert one.sphere_counts == (4e6,)
    volume_ml = known.get("perfused_volume_ml", "Right vial").value
    assert one.spheres_per_ml[0] == pytest.approx(4e6 * 0.99 * 0.95 / volume_ml, rel=1e-9)


def test_the_smallest_vial_holds_1_2_million_spheres() -> None:
    found = [v for v in vial_times(schedule()) if v.vials[0][1].activity_gbq == 3.0]
    assert found and all(v.sphere_counts == (1.2e6,) for v in found)


def test_too_early_and_too_late_are_the_rules_timing_findings() -> None:
    by_day = {
        calendar.local_date(v.at, PARIS): v
        for v in vial_times(schedule())
        if v.vials[0][1].activity_gbq == 3.0 and v.vials[0][1].calibrated_at.date() == date(2026, 3, 1)
    }
    assert by_day[date(2026, 3, 3)].timing[0].severity == "warning"
    assert by_day[date(2026, 3, 4)].timing[0].severity is None


def test_two_small_vials_together_do_what_their_sum_does() -> None:
    found = combinations(schedule())
    assert found
    for one in found:
        total = sum(v.at_gbq(one.at, HALF_LIFE_H) for _, v in one.vials)
        assert one.activities_gbq == (pytest.approx(total),) and one.meets_plan
        assert sum(one.sphere_counts) == pytest.approx(sum(v.activity_gbq for _, v in one.vials) * 4e5)


def test_no_vial_is_used_before_calibration_or_after_its_shelf_life() -> None:
    plan = schedule()
    for one in vial_times(plan):
        assert all(0 <= elapsed_h(v.calibrated_at, one.at) <= 288 for _, v in one.vials)
    short = replace(load_catalogue(), shelf_life_h=48.0)
    assert len(vial_times(replace(plan, catalogue=short))) < len(vial_times(plan))


def test_the_week_table_holds_the_decay_formula() -> None:
    engine = phantom_case()
    plan = plan_of(engine, PlanOptions(first=date(2026, 3, 4)))
    assert isinstance(plan.schedule, Schedule)
    lines = week_table(plan, plan.schedule).splitlines()
    (ten,) = [row for row in lines if row.startswith("Right vial: 10, 2026-03-01")]
    cells = ten.split()[4:]
    hours = [16 + 24 * n for n in range(7)]  # Sunday 18:00 to Monday 10:00 in Paris
    assert [float(c.rstrip("*")) for c in cells] == [round(10 * 2 ** (-h / HALF_LIFE_H), 2) for h in hours]
    assert [c.endswith("*") for c in cells] == [False, False, False, False, True, False, False]


def test_the_residual_measured_later_gives_what_was_delivered() -> None:
    vial = StockVial(5.0, datetime.fromisoformat("2026-03-01T12:00:00-05:00"))
    at = calendar.after_h(vial.calibrated_at, HALF_LIFE_H)
    later = calendar.after_h(at, HALF_LIFE_H / 2)
    delivered_gbq = delivered_activity_gbq(vial, at, 0.05 / 2**0.5, later, HALF_LIFE_H)
    assert delivered_gbq == pytest.approx(2.45)
    assert residual_fraction(delivered_gbq, 2.5) == pytest.approx(0.02)
    with pytest.raises(InputError, match="what the vial held"):
        delivered_activity_gbq(vial, at, 2.6, at, HALF_LIFE_H)


def test_without_a_time_zone_or_a_day_there_are_no_vials_and_the_plan_says_why() -> None:
    engine = phantom_case()
    case = engine.case
    undated = replace(case.sessions[0].infusions[0], vial=Vial(3.0), given_at=None)
    session = replace(case.sessions[0], infusions=(undated,))
    no_day = plan_of(engine.at(replace(case, sessions=(session,)))).schedule
    assert isinstance(no_day, Missing) and "given_at" in no_day.needs
    no_zone = replace(case, sessions=(session,), settings=replace(case.settings, hospital_time_zone=None))
    found = plan_of(engine.at(no_zone), PlanOptions(first=date(2026, 3, 4))).schedule
    assert isinstance(found, Missing) and "hospital_time_zone" in found.needs
    assert hand_case().settings.hospital_time_zone


def test_dates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="first and a later last day"):
        plan_of(phantom_case(), PlanOptions(first=date(2026, 3, 4), last=date(2026, 3, 3)))
