"""One clock for calendar days: the same instants, written with other offsets, give the same answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from over_time import BODY, FLR, LIVER, RIGHT, TUMOR, point
from shapes import constant, grid

from Y90DosimetryLib import assess
from Y90DosimetryLib.case import Basis, Case, Disease, Infusion, Session, Settings, Vial, first_treatment
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityMap
from Y90DosimetryLib.measurements.treatment import treatment_day
from Y90DosimetryLib.report import as_json, content_of
from Y90DosimetryLib.timepoints import TimeKind

PET = constant(grid((8.0, 8.0, 8.0), (240.0, 160.0, 160.0)), 1e6)
SUNDAY_NOON_EASTERN = datetime(2026, 3, 1, 17, tzinfo=UTC)


def treated(given_at: datetime, calibrated_at: datetime, zone: str | None, offset_h: float | None = None) -> Case:
    """A lobectomy whose instants are written with one offset; None writes them in UTC."""
    written = timezone(timedelta(hours=offset_h or 0))
    infusion = Infusion(
        "1", Vial(6.0, calibrated_at.astimezone(written)), "Right", given_at.astimezone(written), 0.01, 0.05
    )
    image = ActivityMap(PET, (given_at + timedelta(hours=3)).astimezone(written))
    facts = {"surgery_date": date(2026, 6, 4), "follow_up_date": date(2026, 6, 4), "surgery_planned": True}
    return Case(
        "c",
        (LIVER, RIGHT, TUMOR, FLR),
        (Session("Delivered", (infusion,), image, Basis.DELIVERED),),
        patient=BODY,
        disease=Disease(2, None, facts),
        settings=Settings(hospital_time_zone=zone),
        time_points=(
            point("Before", date(2026, 2, 4), TimeKind.BASELINE, flr=500, liver=1000),
            point("Month 3", date(2026, 6, 4), flr=600, liver=1000),
        ),
    )


def told(case: Case) -> str:
    """Everything a report says of a case, as JSON."""
    data = as_json(content_of(assess(case), created_at=datetime(2026, 7, 1, tzinfo=UTC)))
    return json.dumps(data, allow_nan=False)


SUMMER_BEGINS_IN_PARIS, SUMMER_ENDS_IN_SYDNEY = "2026-03-29T03:10", "2026-04-05T02:40"


@pytest.mark.parametrize("zone", ["Australia/Sydney", "Europe/Paris", "America/Los_Angeles"])
@pytest.mark.parametrize(
    "local", ["2026-03-04T23:50", "2026-03-05T00:10", SUMMER_BEGINS_IN_PARIS, SUMMER_ENDS_IN_SYDNEY]
)
def test_the_same_instants_give_the_same_report_whatever_offset_they_are_written_with(zone, local) -> None:
    given_at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    calibrated_at = SUNDAY_NOON_EASTERN - timedelta(hours=17)  # Sunday only in some zones
    expected = told(treated(given_at, calibrated_at, zone))
    for offset_h in (-10, -5, 5.75, 11, 14):
        assert told(treated(given_at, calibrated_at, zone, offset_h)) == expected


@given(
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)),
    st.sampled_from(["Australia/Sydney", "Europe/Paris", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia"]),
    st.integers(-12 * 4, 14 * 4),
)
def test_days_are_those_of_the_hospitals_clock(given_at, calibrated_at, zone, quarters) -> None:
    case, other = (treated(given_at, calibrated_at, zone, offset_h) for offset_h in (None, quarters / 4))
    assert first_treatment(case) == first_treatment(other) == given_at.astimezone(ZoneInfo(zone)).date()
    (first,), (second,) = case.sessions[0].infusions, other.sessions[0].infusions
    assert treatment_day(first) == treatment_day(second)
    assert first.given_at == given_at, "the instant stays"
    assert other.sessions[0].image.reference_time.utcoffset() == case.sessions[0].image.reference_time.utcoffset()


@pytest.mark.parametrize(
    ("zone", "severity"), [("Australia/Sydney", "warning"), ("Europe/London", None), ("America/New_York", None)]
)
@pytest.mark.parametrize("given_at", ["2026-03-05T09:30+11:00", "2026-03-04T22:30+00:00"])
def test_three_months_to_surgery_are_counted_from_the_hospitals_day(zone, severity, given_at) -> None:
    """5 March in Sydney is 4 March in Europe and America: to 4 June it is a day less than three months there."""
    found = assess(treated(datetime.fromisoformat(given_at), SUNDAY_NOON_EASTERN, zone)).findings
    (finding,) = [f for f in found if f.rule.id == "S2-FU-02"]
    assert finding.severity == severity


def test_a_case_on_the_hospitals_clock_is_left_as_it_is() -> None:
    case = treated(SUNDAY_NOON_EASTERN + timedelta(days=3), SUNDAY_NOON_EASTERN, "Asia/Tokyo")
    again = replace(case, label="d")
    assert again.sessions[0] is case.sessions[0], "voxels are checked once"


def test_without_a_zone_days_are_those_of_the_infusions_own_offset() -> None:
    given_at = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    assert first_treatment(treated(given_at, SUNDAY_NOON_EASTERN, None, 11)) == date(2026, 3, 5)
    (infusion,) = treated(given_at, SUNDAY_NOON_EASTERN, None, 11).sessions[0].infusions
    for offset_h in (-12, 0, 14):  # the vial's own offset does not count
        written = SUNDAY_NOON_EASTERN.astimezone(timezone(timedelta(hours=offset_h)))
        assert treatment_day(replace(infusion, vial=Vial(6.0, written))) == 4


def test_an_unknown_zone_is_one_sentence() -> None:
    with pytest.raises(InputError, match="time zone 'Mars/Olympus' is not known here"):
        treated(SUNDAY_NOON_EASTERN, SUNDAY_NOON_EASTERN, "Mars/Olympus")
