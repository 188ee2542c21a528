"""The prescription of the scene: the library's window at every activity, the user's own numbers, vials, and undo."""

from __future__ import annotations

import itertools
import math
from datetime import datetime, timedelta

import pytest
from prescribing_kit import COARSE, LIMIT, PLAN, as_planned_by_the_library, in_its_window, names, of_alternatives, same
from Y90DosimetrySlicer import prescribing, vialplans, windowview
from Y90DosimetrySlicer.ownnumbers import ASIDE, setLimit
from Y90DosimetrySlicer.parameters import newInfusion, newSession
from Y90DosimetrySlicer.prescribing import History, Prescriber, setActivity
from Y90DosimetrySlicer.sampledata import parametersOf
from Y90DosimetrySlicer.windowview import Mark, freeBox, lineWithin, niceAbove, placesOf, stepsOf
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.planning import Aim


@pytest.fixture
def patient(request):
    return getattr(request, "param", in_its_window)()


BOTH = pytest.mark.parametrize("patient", [in_its_window, of_alternatives], indirect=True)


@pytest.fixture
def two(scene):
    """A patient with two infusions in one session: workflow and prescriber."""
    return Workflow(parametersOf(digital_patient(COARSE, "modified_lobectomy")))


def infusion(workflow):
    return workflow.parameters.sessions[0].infusions[0]


def test_the_window_is_that_of_y90_plan(workflow, prescribe) -> None:
    now = prescribe()
    same(now.window, as_planned_by_the_library(workflow).windows[0])
    assert not now.window.is_empty and now.window.holds(now.activityGbq) and now.broken == ()


def test_a_slider_reuses_lines_and_constraints_and_is_right_all_the_same(workflow, prescribe, monkeypatch) -> None:
    prescribe()
    for name in ("dose_lines", "constraints_of"):
        monkeypatch.setattr(prescribing, name, lambda *_a, name=name: pytest.fail(f"{name} was called again"))
    for gbq in (1.0, 3.05, 6.0):
        setActivity(workflow.parameters, PLAN, 0, gbq)
        now = prescribe()
        assert now.activityGbq == pytest.approx(gbq)
        expected = as_planned_by_the_library(workflow)
        same(now.window, expected.windows[0])
        broken = [c for c in expected.constraints.hard if not c.holds(expected.lines.entered_gbq)]
        assert names(now.broken) == names(broken)


@pytest.mark.parametrize("change", ["residual", "scenario", "image", "settings", "given"])
def test_what_else_changes_the_window_is_computed_anew(workflow, prescribe, change) -> None:
    prescribe()
    parameters = workflow.parameters
    if change == "residual":
        infusion(workflow).residualFraction = 0.2
    elif change == "scenario":
        parameters.scenario = 3
    elif change == "image":
        parameters.sessions[0].image = None
    elif change == "settings":
        parameters.settings.joulePerGbq = 40.0
    else:
        infusion(workflow).givenAt = "2026-03-06T09:30:00+01:00"
    same(prescribe().window, as_planned_by_the_library(workflow).windows[0])


def test_the_activity_of_the_vial_follows_that_at_the_infusion(workflow) -> None:
    parameters = workflow.parameters
    setActivity(parameters, PLAN, 0, 2.5)
    pack = infusion(workflow)
    hours = (datetime.fromisoformat(pack.givenAt) - datetime.fromisoformat(pack.calibratedAt)).total_seconds() / 3600
    assert pack.activityGbq == pytest.approx(2.5 * 2 ** (hours / parameters.settings.halfLifeH))
    pack.calibratedAt = ""
    setActivity(parameters, PLAN, 0, 2.5)
    assert infusion(workflow).activityGbq == 2.5
    setActivity(parameters, PLAN, 0, 0.0)
    assert infusion(workflow).activityGbq > 0, "an activity of 0 is no treatment"


def test_an_empty_window_says_how_much_each_would_have_to_give(workflow, prescribe) -> None:
    setLimit(workflow.parameters, LIMIT, 100.0)
    now = prescribe()
    conflict = now.window.conflict
    text = " ".join(windowview.explanation(now))
    assert f"{conflict.lower_gives_gy:.1f} Gy too little" in text
    assert f"{conflict.upper_gives_gy:.1f} Gy too much" in text
    eased = 100.0 + conflict.upper_gives_gy
    setLimit(workflow.parameters, LIMIT, eased * (1 + 1e-5))
    assert not prescribe().window.is_empty, "giving so much opens it"


def test_ends_are_written_inward(workflow, prescribe) -> None:
    found = prescribe().window
    low, high = (float(text) for text in prescribing.endsGbq(found))
    assert found.holds(low) and found.holds(high)
    assert low - found.low_gbq < 0.011 and found.high_gbq - high < 0.011


def test_undo_goes_back_by_gestures(workflow) -> None:
    parameters, history = workflow.parameters, History()
    before = infusion(workflow).activityGbq
    for gbq in (1.0, 2.0, 3.0):
        history.remember(parameters, "slider")
        setActivity(parameters, PLAN, 0, gbq)
    history.pause()
    dragged = infusion(workflow).activityGbq
    history.remember(parameters, "limit")
    setLimit(parameters, LIMIT, 100.0)
    history.pause()
    history.remember(parameters, "slider")
    setActivity(parameters, PLAN, 0, 5.0)
    history.undo(parameters)
    assert infusion(workflow).activityGbq == dragged and dict(parameters.limits) == {LIMIT: "100"}
    history.undo(parameters)
    assert dict(parameters.limits) == {}
    history.undo(parameters)
    assert infusion(workflow).activityGbq == before and history.isEmpty
    history.undo(parameters)
    assert infusion(workflow).activityGbq == before


def test_undo_after_an_infusion_was_removed_leaves_it_removed(workflow) -> None:
    parameters, history = workflow.parameters, History()
    parameters.sessions[0].infusions.append(newInfusion("Second", infusion(workflow).perfusedSegmentId))
    history.remember(parameters, "slider")
    setActivity(parameters, PLAN, 0, 5.0)
    del parameters.sessions[0].infusions[1]
    history.undo(parameters)
    assert len(parameters.sessions[0].infusions) == 1


# Vials


def by_day(at, found) -> bool:
    return 8 <= at.astimezone(found.schedule.zone).hour < 18


def touches_the_day(opening, found) -> bool:
    """Whether one of the quarters of an hour of an opening lies by day, in the week that is shown."""
    quarters = range(1, int((opening.end - opening.start) / timedelta(minutes=15)))
    moments = [opening.start + n * timedelta(minutes=15) for n in quarters]
    return any(by_day(at, found) and at.astimezone(found.schedule.zone).date() in found.days for at in moments)


@BOTH
def test_vials_are_those_of_y90_plan(workflow, prescribe) -> None:
    found = vialplans.vialPlans(workflow.parameters, prescribe())
    expected = as_planned_by_the_library(workflow)
    assert [(r.vial) for r in found.rows] == [o.vial for o in expected.openings]
    assert [v.at for v in found.pairs] == [v.at for v in expected.combinations]
    for row, opening in zip(found.rows, expected.openings, strict=True):
        assert opening.start <= row.chosen.at <= opening.end and row.chosen.meets_plan
        assert by_day(row.chosen.at, found) or not touches_the_day(opening, found)
    vials, cells = vialplans.weekCells(found)
    assert len(vials) == 12 and {day for _vial, day in cells} == set(found.days)


def test_a_vial_taken_is_prescribed_as_it_was_shown(workflow, prescribe) -> None:
    found = vialplans.vialPlans(workflow.parameters, prescribe())
    before = infusion(workflow).calibratedAt
    row = next(r for r in found.rows if r.vial.calibrated_at.isoformat() != before)
    vialplans.useVial(workflow.parameters, PLAN, 0, row.chosen, found.schedule)
    now = prescribe()
    assert now.activityGbq == pytest.approx(row.chosen.activities_gbq[0], rel=1e-5)
    assert now.window.holds(now.activityGbq)
    given = now.lines.session.infusions[0]
    assert given.vial.activity_gbq == row.vial.activity_gbq and given.vial.calibrated_at == row.vial.calibrated_at


def test_without_day_or_zone_there_are_no_vials_and_it_says_why(workflow, prescribe) -> None:
    parameters = workflow.parameters
    infusion(workflow).calibratedAt = infusion(workflow).givenAt = ""
    found = vialplans.vialPlans(parameters, prescribe())
    assert isinstance(found, Missing) and "day of treatment" in found.because
    assert vialplans.ticksOf(parameters, prescribe()) == ()
    parameters.settings.hospitalTimeZone = ""
    found = vialplans.vialPlans(parameters, prescribe())
    assert isinstance(found, Missing) and "time zone" in found.because
    parameters.settings.hospitalTimeZone, parameters.prescription.day = "Europe/Paris", "2026-03-04"
    assert vialplans.vialPlans(parameters, prescribe()).rows


def test_custom_sizes_are_marked_unverified(workflow, prescribe) -> None:
    workflow.parameters.prescription.customVials = True
    found = vialplans.vialPlans(workflow.parameters, prescribe())
    unverified = {
        r.vial.activity_gbq for r in found.rows if found.schedule.catalogue.is_unverified(r.vial.activity_gbq)
    }
    assert unverified and not unverified & {3.0, 5.0, 7.0, 10.0, 15.0, 20.0}
    assert "Not verified" in vialplans.catalogueNote(found.schedule)


def test_vials_do_not_depend_on_the_activity_of_their_infusion(workflow, prescribe) -> None:
    before = vialplans.keyOfVials(workflow.parameters, prescribe())
    setActivity(workflow.parameters, PLAN, 0, 1.0)
    assert vialplans.keyOfVials(workflow.parameters, prescribe()) == before
    setLimit(workflow.parameters, LIMIT, 110.0)
    assert vialplans.keyOfVials(workflow.parameters, prescribe()) != before


# Several infusions, delivered sessions, uncertainties


def test_the_best_choice_of_two_infusions_lies_in_the_set_and_can_be_prescribed(two) -> None:
    prescriber = Prescriber()
    setLimit(two.parameters, "S2-DOSE-04:90", 130.0)
    live = two.live()
    now = prescriber.prescription(live.engine, PLAN, 0, dict(two.parameters.limits))
    found = prescriber.together(now, Aim.LEAST_NORMAL)
    assert found.relaxation is None and found.best.is_feasible
    for index, gbq in enumerate(found.best.activities_gbq):
        setActivity(two.parameters, PLAN, index, gbq)
    live = two.live()
    now = prescriber.prescription(live.engine, PLAN, 1, dict(two.parameters.limits))
    assert now.lines.entered_gbq == pytest.approx(found.best.activities_gbq)
    assert all(c.holds([gbq * (1 + 1e-9) for gbq in now.lines.entered_gbq]) for c in now.constraints.hard)
    edges = windowview.edgesOf([b for c in now.constraints.hard for b in c.bounds], found.corners_gbq)
    assert len({windowview.shortText(b) for b in edges}) >= 3, "a polygon has three edges or more"


def test_vials_are_looked_for_for_the_infusion_that_is_shown(two) -> None:
    prescriber = Prescriber()
    for name in ("S2-DOSE-03:88", "S2-DOSE-04:90", "S2-DOSE-07:100", "S2-DOSE-07:400"):
        setLimit(two.parameters, name, ASIDE)
    live = two.live()
    for index in (0, 1):
        now = prescriber.prescription(live.engine, PLAN, index, dict(two.parameters.limits))
        plans = vialplans.vialPlans(two.parameters, now)
        assert plans.rows and {row.chosen.vials[0][0] for row in plans.rows} == {now.label}
        assert {v.vials[0][0] for v in plans.week} == {now.label}
        assert all(row.chosen.meets_plan for row in plans.rows)


def test_one_infusion_has_no_set(prescribe) -> None:
    assert prescribe.prescriber.together(prescribe(), Aim.HIGHEST_TUMOR) is None


def test_delivered_is_compared_once_and_no_plan_is_open(workflow, monkeypatch) -> None:
    parameters, planned = workflow.parameters, workflow.parameters.sessions[0]
    half = newInfusion("Right vial", infusion(workflow).perfusedSegmentId, activityGbq=1.5, residualFraction=0.01)
    half.lungShuntFraction = 0.05
    given = newSession("Given", (half,), image=planned.image, values=planned.values)
    given.basis, given.delivers = "delivered", PLAN
    prescriber, live = Prescriber(), workflow.live()
    assert prescriber.comparison(live.engine) is None
    parameters.sessions.append(given)
    live = workflow.live()
    assert prescribing.openPlans(live.case) == ()
    found = prescriber.comparison(live.engine)
    assert found.planned == PLAN and found.differences and found.second[0].low_gbq > 0
    monkeypatch.setattr(prescribing, "compare", lambda *_a: pytest.fail("compared again"))
    live = workflow.live()
    assert prescriber.comparison(live.engine) is found


def test_nothing_stated_is_no_interval(workflow) -> None:
    prescriber, live = Prescriber(), workflow.live()
    assert isinstance(prescriber.intervals(live.engine, {}), Missing)
    found = prescriber.intervals(live.engine, {"calibration_fraction": "0.05"})
    lowest = next(i for i in found if i.measure_id == "tumor_lowest_dose_gy.multicompartment")
    assert lowest.sd_gy == pytest.approx(0.05 * lowest.dose_gy, rel=1e-3)


# The picture


@BOTH
def test_every_hard_constraint_of_the_window_is_on_the_scale_or_named_beyond_it(prescribe) -> None:
    now = prescribe()
    track = windowview.trackOf(now)
    assert track.allowedGbq == (now.window.low_gbq, now.window.high_gbq)
    bold = {mark.text for mark in track.marks if mark.isBinding}
    ends = ((now.window.low_gbq, now.window.low_binding), (now.window.high_gbq, now.window.high_binding))
    at_their_limit = [
        [b for b in c.bounds if b.line.dose_gy([end]) == pytest.approx(b.limit_gy)] for end, some in ends for c in some
    ]
    assert all(at_their_limit) and bold == {windowview.shortText(b) for some in at_their_limit for b in some}
    shown = [*track.marks, *track.beyond]
    for allowance in now.window.allowances:
        ends = [gbq for gbq in (allowance.least_gbq, allowance.most_gbq) if 0 < gbq < math.inf]
        named = [m for m in shown if windowview.sentence(allowance) in m.tip]
        assert len(named) == 1 and all(m.atGbq >= min(ends) or m.kind == "limit" for m in named)
    assert all(mark.atGbq <= track.scaleGbq for mark in track.marks)
    assert any(mark.text.startswith("Lungs") for mark in track.beyond)


@pytest.mark.parametrize("pivot", [0.0, 60.0, 130.0, 400.0])
def test_names_never_lie_on_each_other(pivot) -> None:
    xs = [20.0, 25.0, 90.0, 118.0, 120.0, 150.0, 300.0, 340.0]
    widths = [100.0, 60.0, 140.0, 90.0, 130.0, 80.0, 120.0, 70.0]
    marks = [Mark(str(n), "", x, "limit", False) for n, x in enumerate(xs)]
    places = placesOf(marks, widths, xs, pivot, 360.0)
    spans = [(p.row, p.leftPx, p.leftPx + w) for p, w in zip(places, widths, strict=True)]
    for (row, left, right), (otherRow, otherLeft, otherRight) in itertools.combinations(spans, 2):
        assert row != otherRow or right <= otherLeft or otherRight <= left
    assert all(left >= 0 and right <= 360 for _row, left, right in spans)


@pytest.mark.parametrize(
    ("xs", "widths", "pivot"),
    [
        ([150.0, 170.0, 190.0, 210.0, 230.0], [80.0] * 5, 200.0),
        ([100.0, 120.0, 260.0], [80.0, 80.0, 150.0], 300.0),
        ([140.0, 280.0, 300.0], [150.0, 80.0, 80.0], 100.0),
    ],
)
def test_lines_run_beside_names_where_there_is_room(xs, widths, pivot) -> None:
    marks = [Mark("", "", x, "limit", False) for x in xs]
    places = placesOf(marks, widths, xs, pivot, 400.0)
    for place, x in zip(places, xs, strict=True):
        for other, width in zip(places, widths, strict=True):
            assert other.row >= place.row or not other.leftPx < x < other.leftPx + width


@pytest.mark.parametrize("value", [0.013, 0.99, 1.0, 4.4, 7.7, 10.0, 23.0, 140.0])
def test_scales_end_on_round_numbers_and_name_a_few(value) -> None:
    end = niceAbove(value)
    assert value <= end * (1 + 1e-9) and end <= 1.51 * value
    steps = stepsOf(end)
    assert 3 <= len(steps) <= 9 and steps[0] == 0 and steps[-1] <= end * (1 + 1e-9)


def test_a_line_is_cut_by_the_box_of_the_picture() -> None:
    assert lineWithin((10.0, 0.0), 20.0, (5.0, 4.0)) == ((2.0, 0.0), (2.0, 4.0))
    assert lineWithin((1.0, 1.0), 4.0, (10.0, 10.0)) == ((0.0, 4.0), (4.0, 0.0))
    assert lineWithin((1.0, 1.0), 40.0, (10.0, 10.0)) is None
    assert lineWithin((0.0, 0.0), 4.0, (10.0, 10.0)) is None


def test_a_name_takes_the_first_free_box() -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0), (5.0, 5.0, 15.0, 15.0), (20.0, 0.0, 30.0, 10.0)]
    assert freeBox(boxes, [(8.0, 8.0, 9.0, 9.0)]) == boxes[2]
    assert freeBox(boxes[:2], [(8.0, 8.0, 9.0, 9.0)]) == boxes[0]


@BOTH
def test_every_dose_the_rules_limit_has_a_short_name(prescribe) -> None:
    now = prescribe()
    for constraint in now.constraints.asked:
        for bound in constraint.bounds:
            assert len(windowview.shortText(bound)) <= 28


# What may not be believed


def declared_absolute(parameters) -> None:
    parameters.sessions[0].values, parameters.sessions[0].correctedToInfusion = "bq_ml", True


def calibrated_after(parameters) -> None:
    pack = parameters.sessions[0].infusions[0]
    pack.calibratedAt, pack.givenAt = "2026-03-06T12:00:00+01:00", "2026-03-04T10:00:00+01:00"


def in_pounds(parameters) -> None:
    parameters.patient.weightKg, parameters.patient.heightCm = 154.0, 67.0


@pytest.mark.parametrize("spoil", [declared_absolute, calibrated_after, in_pounds])
def test_what_the_report_withholds_is_withheld_live_and_has_no_window(workflow, prescribe, spoil) -> None:
    spoil(workflow.parameters)
    live, whole = workflow.live(), assess(workflow.case())
    assert live.engine.errors and live.doses.withheld == whole.doses.withheld
    assert live.measurements == whole.measurements
    assert live.verdict.sentence == whole.verdict.sentence
    assert live.verdict.sentence.startswith("Check the input first: ")
    with pytest.raises(InputError, match="No plan without it"):
        prescribe()
