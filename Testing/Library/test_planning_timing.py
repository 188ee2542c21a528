"""Openings of vials end where a dose leaves the window, or where a timing rule shuts them; each says which."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import log2
from types import MappingProxyType

import pytest
from planning_kit import phantom_case

from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.guidelines.rule import Rule, Severity
from Y90DosimetryLib.physics import elapsed_h
from Y90DosimetryLib.planning import (
    EdgeCause,
    PlanOptions,
    Schedule,
    calendar,
    combinations,
    dose_lines,
    load_catalogue,
    openings,
    plan_of,
    vial_times,
)
from Y90DosimetryLib.planning.document import as_json
from Y90DosimetryLib.planning.text import as_text, week_table
from Y90DosimetryLib.planning.vials import TIMED

RULES = load_rules()
PARIS = calendar.zone_of("Europe/Paris")
HALF_LIFE_H = 64.1


def schedule(scenario: int = 2, rules=RULES, **more) -> Schedule:
    engine = phantom_case()
    case = engine.case
    case = replace(case, disease=replace(case.disease, scenario=scenario))
    first, last = more.pop("days", (date(2026, 3, 2), date(2026, 3, 15)))
    return Schedule(dose_lines(engine.at(case), rules), rules, PARIS, first, last, load_catalogue(), **more)


def of_sunday(found, activity_gbq: float):
    """The openings of one size, of the calibration on March 1."""
    return [o for o in found if o.vial.activity_gbq == activity_gbq and o.vial.calibrated_at.day == 1]


def easy_target() -> Rule:
    """A target that every vial reaches: where none is in force, nothing is planned."""
    rule = RULES["S2-DOSE-01"]
    (band,) = rule.bands
    low = replace(band, when=(replace(band.principal, limit=0.001),))
    return replace(rule, bands=(low,), when=(), scenarios=(1, 2, 3, 4, 5))


def timing_rules(**other) -> MappingProxyType:
    """The timing rules and a target that is always reached, so that no dose limits a vial."""
    kept = {
        name: rule
        for name, rule in RULES.items()
        if rule.bands and all(band.principal and band.principal.measure_id in TIMED for band in rule.bands)
    }
    return MappingProxyType({**kept, "S2-DOSE-01": easy_target(), **other})


def test_an_opening_within_the_days_of_the_rule_is_shut_by_dose() -> None:
    (ten,) = of_sunday(openings(schedule()), 10.0)
    assert (ten.opened_by.cause, ten.shut_by.cause) == (EdgeCause.DOSE, EdgeCause.DOSE)
    assert "S2-DOSE-02" in ten.opened_by.text and "S2-DOSE-01" in ten.shut_by.text


def test_a_timing_rule_shuts_an_opening_at_midnight_and_is_named() -> None:
    """S2-TIME-01: day 3 to day 9, so from Wednesday 00:00 to the end of Tuesday of the second week."""
    (five,) = of_sunday(openings(schedule(rules=timing_rules())), 5.0)
    assert calendar.words(five.start, PARIS) == "Wednesday 2026-03-04 00:00"
    assert calendar.words(five.end, PARIS) == "Wednesday 2026-03-11 00:00"
    assert (five.opened_by.cause, five.shut_by.cause) == (EdgeCause.TIMING, EdgeCause.TIMING)
    assert "S2-TIME-01" in five.opened_by.text and "earlier than" in five.opened_by.text
    assert "S2-TIME-01" in five.shut_by.text and "later than" in five.shut_by.text


def test_days_between_two_weeks_split_an_opening() -> None:
    """Scenario 1 warns on days 6 and 7, the weekend between the recommended days."""
    found = of_sunday(openings(schedule(1, rules=timing_rules())), 5.0)
    assert [calendar.words(o.end, PARIS)[:20] for o in found[:1]] == ["Saturday 2026-03-07 "]
    assert calendar.words(found[1].start, PARIS).startswith("Monday 2026-03-09 00:00")
    assert found[0].shut_by.cause is EdgeCause.TIMING


def test_a_limit_on_the_activity_of_a_sphere_shuts_within_a_day_where_it_has_decayed_to_it() -> None:
    (rule,) = [r for r in timing_rules().values() if r.bands[0].principal.measure_id == "activity_per_sphere_bq"]
    bands = tuple(replace(band, severity=Severity.WARNING) for band in rule.bands)
    stricter = replace(rule, bands=bands, when=(), established_for=())
    found = of_sunday(openings(schedule(1, rules=timing_rules(**{rule.id: stricter}))), 5.0)
    last = found[-1]
    (limit_bq,) = [b.principal.limit for b in bands]
    hours = HALF_LIFE_H * log2(2500.0 / limit_bq)
    assert elapsed_h(last.vial.calibrated_at, last.end) == pytest.approx(hours, abs=2 / 3600)
    assert last.shut_by.cause is EdgeCause.TIMING and rule.id in last.shut_by.text


def test_calibration_and_shelf_life_are_edges_and_the_shelf_life_is_marked_unverified() -> None:
    only = MappingProxyType({"S2-DOSE-01": easy_target()})
    (five,) = of_sunday(openings(schedule(rules=only)), 5.0)
    assert five.start == five.vial.calibrated_at and elapsed_h(five.start, five.end) == pytest.approx(288.0)
    assert (five.opened_by.cause, five.shut_by.cause) == (EdgeCause.CALIBRATION, EdgeCause.SHELF_LIFE)
    assert "unverified" in five.shut_by.text


def test_within_an_opening_every_vial_meets_the_plan_and_outside_none_does() -> None:
    plan = schedule()
    found = openings(plan)
    for one in vial_times(plan):
        ((_, vial),) = one.vials
        inside = any(o.vial == vial and o.start < one.at < o.end for o in found)
        assert one.meets_plan == inside, (vial, one.at)


def test_a_vial_that_keeps_the_doses_out_of_time_is_marked_and_in_no_combination() -> None:
    """Without limits on doses every vial keeps them on Monday, day 1, but that is too early."""
    plan = schedule(rules=timing_rules(), days=(date(2026, 3, 2), date(2026, 3, 8)))
    found = [v for v in vial_times(plan) if v.vials[0][1].calibrated_at.day == 1]
    early = [v for v in found if calendar.local_date(v.at, PARIS) < date(2026, 3, 4)]
    assert early and all(v.keeps_doses and not v.meets_plan and v.out_of_time for v in early)
    assert all(v.meets_plan for v in found if v not in early)
    together = combinations(plan)
    assert together and not [
        v for v in together if any(s.calibrated_at.day == 1 for _, s in v.vials)
        and calendar.local_date(v.at, PARIS) < date(2026, 3, 4)
    ]  # fmt: skip
    made = replace(plan_of(phantom_case()), vials=tuple(found))
    lines = week_table(made, plan).splitlines()
    assert "t meets the doses, but a timing rule shuts it out" in lines[0]
    assert [c[-1] for c in lines[2].split()[4:]] == ["t", "t", "*", "*", "*", "*", "*"]
    untimed = schedule(rules=MappingProxyType({"S2-DOSE-01": easy_target()}))
    assert "shuts it out" not in week_table(replace(made, vials=tuple(vial_times(untimed))), untimed)


def test_custom_sizes_are_marked_unverified_wherever_they_appear() -> None:
    made = plan_of(phantom_case(), PlanOptions(custom_vials=True))
    text = as_text(made)
    assert "7.5 GBq (custom size, unverified)" in text and "? custom size, unverified" in text
    assert "7 GBq of 2026-03-01" in text and "unverified: custom sizes, shelf life of 12 days" in text
    vials = as_json(made)["vials"]
    marked = {o["activity_gbq"]: o["unverified_size"] for o in vials["openings"]}
    assert marked[7.0] is False and marked[7.5] is True
    assert {v["vials"][0]["unverified_size"] for v in vials["at"]} == {True, False}
    assert vials["catalogue"]["unverified_words"][0] == "custom sizes"


def test_edges_stand_in_text_and_json() -> None:
    made = plan_of(phantom_case())
    opening = as_json(made)["vials"]["openings"][0]
    assert opening["shut_by"]["cause"] == "dose" and "S2-DOSE" in opening["shut_by"]["text"]
    assert "S2-DOSE-01: Mean tumor dose (Tumor 2) at least 205 Gy" in as_text(made)
    assert timedelta(0) < made.openings[0].end - made.openings[0].start
