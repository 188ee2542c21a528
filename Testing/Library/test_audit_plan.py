"""Windows and openings against the findings themselves: activities and moments tried one by one."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import CHILD_PUGH_A, FACTS, hand_case, image

from Y90DosimetryLib.case import Basis, Case, Settings, Vial
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.guidelines import Finding, Outcome, Severity, judge, load_rules
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.planning import Schedule, calendar, constraints_of, dose_lines, load_catalogue, openings, window
from Y90DosimetryLib.planning.dose_lines import known_at, with_activities
from Y90DosimetryLib.planning.prescription import end_text, fixed_split, one_infusion
from Y90DosimetryLib.planning.vials import TIMED
from Y90DosimetryLib.structures import Role, Structure

RULES = load_rules()
NEW_YORK = ZoneInfo("America/New_York")


def _reads(rule, wanted) -> bool:
    return any(wanted(c) for band in rule.bands for r in (*rule.when, *band.when) for c in r.conditions())


OF_DOSES = {r.id for r in RULES.values() if _reads(r, lambda c: c.measure.is_dose and "earlier" not in c.measure_id)}
OF_TIME = {r.id for r in RULES.values() if _reads(r, lambda c: c.measure_id in TIMED)} - OF_DOSES


def puzzle(seed: int) -> Case:
    """A patient, an image, a day and earlier treatments drawn at random."""
    pick = random.Random(seed)
    patient = replace(
        CHILD_PUGH_A,
        bilirubin_umol_l=pick.choice([10.0, 18.80, 18.81, 18.82, 25.0, None]),
        albumin_g_l=pick.choice([42.0, 30.0, 25.0]),
    )
    shunt = pick.choice([0.0, 0.02, 0.1, 0.3])
    facts = FACTS | pick.choice([{}, {"maa_same_position": True}, {"maa_site": "proper_hepatic"}])
    case = hand_case(pick.choice([1, 2, 3, 4, 5]), pick.random() < 0.4, shunt, patient, facts)
    session = case.sessions[0]
    counts = sitk.GetArrayFromImage(session.image.image)
    counts = counts * np.where(counts > 2, np.float32(pick.uniform(0.3, 3)), np.float32(1))
    days = timedelta(days=pick.choice([0, 0, 1, 2, -1, 5]))
    infusions = tuple(replace(i, given_at=i.given_at + days) for i in session.infusions)
    session = replace(session, image=CountMap(image(counts)), infusions=infusions)
    sessions = [session]
    if pick.random() < 0.35:
        before = tuple(
            replace(i, vial=Vial(pick.uniform(0.05, 1.2)), given_at=i.given_at - timedelta(days=40)) for i in infusions
        )
        sessions.insert(0, replace(session, label="Earlier", basis=Basis.DELIVERED, infusions=before))
    structures = case.structures
    if pick.random() < 0.4:
        structures = tuple(_without_slices(s, 5) if s.label == "Right lobe" else s for s in structures)
    return replace(case, sessions=tuple(sessions), structures=structures)


def _without_slices(structure: Structure, count: int) -> Structure:
    mask = sitk.GetArrayFromImage(structure.mask)
    mask[:count] = 0
    return Structure(Role.PERFUSED, structure.label, image(mask))


def alone(case: Case) -> Case:
    return replace(case, sessions=case.sessions[-1:])


def broken(case: Case, engine: Engine, by_itself: Engine | None = None) -> set[tuple[str, str]]:
    """The rules about doses that a case breaks as a target, a recommended range, a warning or worse.

    Limits hold for the sum of all sessions, targets for what the planned one gives: *by_itself* is prepared with it
    alone.
    """
    return {
        (f.rule.id, f.about.removeprefix("Plan: "))
        for of_case, of_engine, is_target in ((case, engine, False), (alone(case), by_itself or engine, True))
        for f in judged_doses(of_case, of_engine)
        if f.outcome is Outcome.NOT_MET
        and (f.severity in {Severity.TARGET, Severity.INFORMATION}) is is_target
        and (f.severity is not Severity.INFORMATION or f.rule.is_range)
    }


def judged_doses(case: Case, engine: Engine) -> list[Finding]:
    findings = judge(RULES, known_at(engine, case, RULES), case.disease.scenario)
    return [f for f in findings if f.rule.id in OF_DOSES and f.outcome in {Outcome.MET, Outcome.NOT_MET}]


@pytest.mark.parametrize("seed", [7, 13, *range(20, 34)])
def test_inside_the_window_no_rule_about_a_dose_is_broken_and_outside_one_is(seed) -> None:
    case = puzzle(seed)
    engine, by_itself = Engine.prepare(case), Engine.prepare(alone(case))
    lines = dose_lines(engine, RULES)
    constraints = constraints_of(lines, RULES)
    asks = {c.rule.id for c in constraints.hard}
    rays = [one_infusion(lines, i) for i in range(len(lines.labels))]
    for ray in [*rays, fixed_split(lines)] if len(rays) > 1 else rays:
        found = window(lines, constraints, ray)
        ends = {e for a in found.allowances for e in (a.least_gbq, a.most_gbq) if 0 < e < 1e6}
        if found.nothing_to_plan:  # no target that can be judged: no activity is one to give
            assert not {f.rule.id for f in judged_doses(case, engine) if is_aim(f.rule)}
            assert not any(found.holds(a) for a in (0.05, 1.0, 4.0, 12.0))
            continue
        tried = [0.05, 1.0, 4.0, 12.0, *(e * f for e in sorted(ends) for f in (1 - 1e-6, 1 + 1e-6))]
        at = {t: broken(with_activities(case, lines.session.label, ray.at(t)), engine, by_itself) for t in tried}
        always = set.intersection(*at.values())
        for activity_gbq, rules in at.items():
            of_activity = {r for r in rules if r not in always or r[0] in asks}
            assert found.holds(activity_gbq) == (not of_activity), (activity_gbq, of_activity)


def is_aim(rule) -> bool:
    """Whether a rule asks for at least a dose, as a target or as the lower end of a range."""
    return any(b.severity is Severity.TARGET or rule.is_range for b in rule.bands)


@pytest.mark.parametrize("seed", range(8))
def test_the_ends_of_a_window_as_they_are_written_lie_in_it(seed) -> None:
    case = puzzle(seed)
    lines = dose_lines(Engine.prepare(case), RULES)
    found = window(lines, constraints_of(lines, RULES))
    low, high = found.end_texts
    if not found.is_empty:
        assert found.holds(max(float(low), 1e-3))
        assert found.holds(float(high)) or high == "inf"


def test_an_end_is_rounded_into_its_range_and_an_exact_one_stays() -> None:
    assert (end_text(1.6231, True), end_text(1.6239, False)) == ("1.624", "1.623")
    assert (end_text(0.1 + 0.2, True), end_text(2.3, False)) == ("0.300", "2.300")


@pytest.mark.parametrize(
    ("seed", "zone", "monday"),
    [
        (0, "Australia/Sydney", date(2026, 3, 30)),  # the clocks go back on April 5
        (5, "America/Los_Angeles", date(2026, 10, 26)),  # and on November 1
        (7, "America/New_York", date(2026, 3, 2)),  # forward on March 8
        (8, "Europe/Paris", date(2026, 3, 23)),  # and on March 29
    ],
)
def test_an_opening_holds_just_the_moments_at_which_the_vial_breaks_no_rule(seed, zone, monday) -> None:
    pick = random.Random(seed)
    facts = FACTS | {"maa_same_position": True}  # counts beyond the cut lobe are where the treatment is
    case = hand_case(pick.choice([1, 2, 3, 5]), shunt=pick.choice([0.02, 0.05]), facts=facts)
    case = replace(
        case,
        settings=Settings(hospital_time_zone=zone),
        structures=tuple(_without_slices(s, 4) if s.label == "Right lobe" else s for s in case.structures),
    )
    engine, clock = Engine.prepare(case), ZoneInfo(zone)
    catalogue = load_catalogue()
    last = monday + timedelta(days=13)
    lines = dose_lines(engine, RULES)
    found = openings(Schedule(lines, RULES, calendar.zone_of(zone), monday, last, catalogue))
    quarters = [datetime.combine(monday, time(), clock) + timedelta(minutes=15 * n) for n in range(14 * 96)]
    tries = [(at, pick.choice(catalogue.standard_gbq)) for at in pick.sample(quarters, 40)]
    tries += [(e + d, o.vial.activity_gbq) for o in found for e in (o.start, o.end) for d in JUST]
    assert found
    for at, size in ((m, size) for m, size in tries if monday <= m.astimezone(clock).date() <= last):
        for calibrated in _calibrations(at, catalogue.shelf_life_h):
            given = (replace(case.sessions[0].infusions[0], vial=Vial(size, calibrated), given_at=at),)
            tried = replace(case, sessions=(replace(case.sessions[0], infusions=given),))
            is_open = any(
                o.vial.activity_gbq == size and o.vial.calibrated_at == calibrated and o.start <= at <= o.end
                for o in found
            )
            out = broken(tried, engine) or _out_of_time(tried, engine)
            assert is_open == (not out), (at.astimezone(clock), size, out)


JUST = (timedelta(minutes=-2), timedelta(minutes=2))


def _calibrations(at: datetime, shelf_life_h: float) -> list[datetime]:
    """The Sunday noons in New York before a moment from which a vial is still good."""
    day = at.astimezone(NEW_YORK).date()
    noons = [datetime.combine(day - timedelta(days=n), time(12), NEW_YORK) for n in range(15)]
    ages = [(n, (at.timestamp() - n.timestamp()) / 3600) for n in noons if n.weekday() == 6]
    return [noon for noon, hours in ages if 0 <= hours <= shelf_life_h]


def _out_of_time(case: Case, engine: Engine) -> set[str]:
    findings = judge(RULES, known_at(engine, case, RULES), case.disease.scenario)
    grave = {Severity.WARNING, Severity.CONTRAINDICATION}
    return {f.rule.id for f in findings if f.rule.id in OF_TIME and f.severity in grave}


@pytest.mark.parametrize("seconds", [0, 1, 37, 59])
def test_the_minutes_of_an_opening_as_they_are_written_lie_in_it(seconds) -> None:
    start = datetime(2026, 3, 4, 8, 40, seconds, tzinfo=NEW_YORK)
    end = datetime(2026, 3, 5, 15, 5, seconds, tzinfo=NEW_YORK)
    shown = "08:40" if seconds == 0 else "08:41"
    words = calendar.span_words(start, end, NEW_YORK)
    assert f" {shown} to Thursday" in words and words.endswith(" 15:05")
