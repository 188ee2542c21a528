"""Margins, days, months, responses and what a reader sees of a number near a limit: each computed a second time."""

from __future__ import annotations

import calendar
import random
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import hand_case, lines_of
from scipy.ndimage import binary_dilation, distance_transform_edt

from Y90DosimetryLib import assess
from Y90DosimetryLib.case import Case, Infusion, Vial
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.geometry import LARGEST_MARGIN_MM, smallest_margin_mm
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.measurements.treatment import treatment_day
from Y90DosimetryLib.measures import measure, written
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import calendar as plan_calendar
from Y90DosimetryLib.planning.dose_lines import with_activities
from Y90DosimetryLib.planning.stated import StatedInputs
from Y90DosimetryLib.planning.uncertainty import intervals
from Y90DosimetryLib.report import as_html, content_of
from Y90DosimetryLib.response import Scope, response_of
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.timepoints import calendar_months_count

# Margins


def _structure(role: Role, mask, spacing_mm) -> Structure:
    made = sitk.GetImageFromArray(mask.astype(np.uint8))
    made.SetSpacing(spacing_mm)
    return Structure(role, role.value, made)


@pytest.mark.parametrize("seed", [21, 24, 45, 54, 85, 142, *range(10)])
def test_a_margin_is_the_least_distance_between_faces_however_large_the_tumor(seed) -> None:
    rng = np.random.default_rng(seed)
    step = float(rng.choice([0.8, 1, 2]))
    spacing_mm = (step, step, float(rng.choice([1, 2.5, 5])))
    index = np.indices((30, 70, 70))

    def ellipsoid(center, radii):
        return sum(((i - c) / r) ** 2 for i, c, r in zip(index, center, radii, strict=True)) <= 1

    tumor = ellipsoid((15, 35, 35), rng.uniform([2, 4, 4], [5, 14, 14]))
    reached = ellipsoid(np.array([15, 35, 35]) + rng.integers(-2, 3, 3), rng.uniform([7, 14, 14], [13, 30, 30]))
    roles = {Role.LIVER: np.ones(tumor.shape, bool), Role.TUMOR: tumor, Role.PERFUSED: reached}
    parts = compartments_of(Case("t", tuple(_structure(r, m, spacing_mm) for r, m in roles.items())))
    found = smallest_margin_mm(parts, "tumor", frozenset({"perfused"}))
    nearer = binary_dilation(~reached, np.ones((3, 3, 3)))
    gap_mm = distance_transform_edt(~nearer, sampling=spacing_mm[::-1])[tumor].min()
    if (tumor & ~reached).any():
        gap_mm = 0.0
    assert found == (None if gap_mm > LARGEST_MARGIN_MM else pytest.approx(gap_mm, abs=1e-4))


# Days


@pytest.mark.parametrize("offset_h", [-10, -8, -5, 0, 1, 9, 11, 13])
def test_one_calibration_gives_one_day_of_treatment_on_whichever_clock_it_is_written(offset_h) -> None:
    instant = datetime.fromisoformat("2026-03-01T12:00:00-05:00").timestamp()
    calibrated = datetime.fromtimestamp(instant, timezone(timedelta(hours=offset_h)))
    for zone in ("Australia/Sydney", "Asia/Tokyo", "Europe/Paris", "America/Los_Angeles"):
        given = datetime(2026, 3, 4, 10, tzinfo=plan_calendar.zone_of(zone))
        infusion = Infusion("x", Vial(3.0, calibrated), "x", given)
        assert treatment_day(infusion) == 3, "a Wednesday is the Wednesday of week 1"
        assert plan_calendar.treatment_day(calibrated, given, plan_calendar.zone_of(zone)) == 3


def _later(day: date, months: int) -> date:
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def test_months_are_whole_on_the_same_day_and_grow_with_every_day() -> None:
    pick = random.Random(0)
    for _ in range(2000):
        first = date(2023, 1, 1) + timedelta(days=pick.randrange(1200))
        last = first + timedelta(days=pick.randrange(800))
        whole = max(n for n in range(30) if _later(first, n) <= last)
        begins, ends = _later(first, whole), _later(first, whole + 1)
        assert calendar_months_count(first, last) == pytest.approx(whole + (last - begins) / (ends - begins))
        assert calendar_months_count(first, last) <= calendar_months_count(first, last + timedelta(days=1))


@pytest.mark.parametrize(
    ("first", "last", "is_three"),
    [
        ("2023-11-30", "2024-02-29", True),
        ("2023-11-30", "2024-02-28", False),
        ("2024-11-29", "2025-02-28", True),
        ("2024-11-29", "2025-02-27", False),
        ("2024-01-31", "2024-04-30", True),
    ],
)
def test_three_months_end_with_the_month_where_it_is_shorter(first, last, is_three) -> None:
    assert (calendar_months_count(date.fromisoformat(first), date.fromisoformat(last)) >= 3) == is_three


# Responses


@dataclass(frozen=True)
class Read:
    on: date
    lesions: tuple[LesionReading, ...]
    thrombi: tuple[ThrombusReading, ...] = ()
    new_lesions: bool | None = None


@pytest.mark.parametrize("seed", range(60))
def test_responses_are_those_of_a_table_of_sums(seed) -> None:
    pick, treated = random.Random(seed), date(2026, 1, 10)
    before = {f"L{i}": pick.choice([10.0, 12.0, 20.0, 30.0, 45.0]) for i in range(pick.choice([1, 2]))}
    studies = [Read(date(2026, 1, 1), tuple(LesionReading(k, viable_mm=v) for k, v in before.items()))]
    nadir_mm, wanted = sum(before.values()), []
    for month in (1, 2, 3):
        now = {k: v * pick.choice([0, 0.5, 0.7, 0.701, 1, 1.199, 1.2, 1.3]) for k, v in before.items()}
        is_new, total_mm = pick.random() < 0.15, sum(now.values())
        readings = [LesionReading(k, viable_mm=v) for k, v in now.items()]
        readings += [LesionReading(f"N{month}", viable_mm=12.0, is_new=True)] if is_new else []
        studies.append(Read(treated + timedelta(days=30 * month), tuple(readings)))
        grown = total_mm > 0 if nadir_mm == 0 else total_mm >= 1.2 * nadir_mm * (1 - 1e-9)
        shrunk = total_mm <= 0.7 * sum(before.values()) * (1 + 1e-9)
        wanted.append("PD" if is_new or grown else "CR" if total_mm == 0 else "PR" if shrunk else "SD")
        nadir_mm = min(nadir_mm, total_mm)
    course = response_of(studies, treated, Scope.OVERALL)
    assert not isinstance(course, Missing)
    assert [str(s.response) for s in course.studies] == wanted


# What is written


def test_no_number_of_a_rule_is_judged_or_written_as_its_neighbor() -> None:
    for rule in load_rules().values():
        conditions = [c for r in rule.requirements() for c in r.conditions() if c.comparison.is_order]
        for c in conditions:
            limit = float(c.limit)
            for part in (1e-3, 1e-6, 1e-9, 1e-11):
                for sign in (-1, 0, 1):
                    value = limit * (1 + sign * part)
                    holds = {"below": sign < 0, "at_most": sign <= 0, "at_least": sign >= 0, "above": sign > 0}
                    assert c.holds_for(value) == holds[c.comparison.value], (rule.id, value)
                    if sign and not c.measure.is_day:
                        shown, asked = (
                            float(written(c.measure, *pair).split()[0]) for pair in ((value, limit), (limit, value))
                        )
                        assert (shown - asked) * sign > 0, (rule.id, value)


@pytest.mark.parametrize(
    ("name", "dose_gy", "shown"),
    [
        ("tumor_lowest_dose_gy.multicompartment", 204.9996, "204.9996 Gy"),
        ("ntad_gy.multicompartment", 120.0004, "120.0004 Gy"),
    ],
)
def test_beside_a_finding_its_value_is_never_rounded_to_the_limit(name, dose_gy, shown) -> None:
    plan = hand_case(2)
    (line,) = lines_of(plan).get(name)
    case = with_activities(plan, "Plan", [dose_gy / line.per_activity_gy_per_gbq[0]])
    page = as_html(content_of(assess(replace(case, label="Near"))), {})
    near = written(measure(name), dose_gy, round(dose_gy))
    rows = [row.replace("</span>", "") for row in re.findall("<tr>.*?</tr>", page, re.DOTALL) if near in row]
    rows = [re.sub("<span[^>]*>", "", row) for row in rows]
    values = [v for row in rows for cell in re.findall('<td class="small">(.*?)</td>', row) for v in cell.split("; ")]
    assert shown == near and shown in values
    assert f"{round(dose_gy):g} Gy" not in values


@pytest.mark.parametrize("sd_fraction", [0.01, 0.03, 0.05, 0.08])
def test_the_upper_end_of_a_lung_dose_is_two_deviations_up_however_unsure_the_shunt(sd_fraction) -> None:
    case = hand_case()  # 2 GBq, residual 2 %, shunt 5 %, lungs of 1 kg
    found = intervals(Engine.prepare(case), StatedInputs(lung_shunt_fraction=sd_fraction))
    assert not isinstance(found, Missing)
    (lungs,) = [i for i in found if i.measure_id == "lung_dose_gy.case"]
    assert lungs.high_gy == pytest.approx(50 * 2 * 0.98 * (0.05 + 2 * sd_fraction))
