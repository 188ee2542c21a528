"""The time line: what happened in order, and the windows that a scenario's rules open after a treatment on 4 March."""

from __future__ import annotations

from datetime import date

import pytest
from over_time import CT, FLR, LIVER, MONTH_DAYS, RIGHT, TUMOR, case, infusion, point, session
from shapes import box

from Y90DosimetryLib.case import Intent, Patient, TimeKind
from Y90DosimetryLib.dosimetry.doses import prepare
from Y90DosimetryLib.followup.timeline import EventKind, State, timeline_of
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.studies import studies_of

LABS = Patient(bilirubin_umol_l=12.0)


def line(*points, as_of=None, **choices):
    made = case(*points, **choices)
    prepared = prepare(made)
    return timeline_of(made, studies_of(made, prepared.compartments, prepared.time_points), as_of)


def window(found, title):
    (one,) = [w for w in found.windows if w.title == title]
    return one


def months(found):
    """The windows of the remnant's imaging by their month."""
    title = "Imaging of the remnant, month "
    return {int(w.title.removeprefix(title)): w for w in found.windows if w.title.startswith(title)}


def test_studies_treatments_and_surgery_stand_in_order_with_their_intervals():
    found = line(
        point("Month 3", MONTH_DAYS[3], flr=600),
        point("Before", date(2026, 2, 4), TimeKind.BASELINE, flr=500),
        facts={"surgery_date": date(2026, 9, 4)},
    )
    assert [(e.kind, e.label) for e in found.events] == [
        (EventKind.STUDY, "Before"),
        (EventKind.TREATMENT, "Delivered"),
        (EventKind.STUDY, "Month 3"),
        (EventKind.SURGERY, "Surgery"),
    ]
    assert [e.since_previous_days for e in found.events] == [None, 28, 92, 92]
    assert [e.since_previous_weeks for e in found.events[1:3]] == pytest.approx([4, 92 / 7])
    assert [e.since_previous_months_count for e in found.events[1:]] == [1, 3, 3]
    assert found.as_of == MONTH_DAYS[3], "the latest study, not a surgery to come"
    assert found.undated == ("Planning study",)


def test_the_remnant_is_imaged_at_months_one_three_six_and_nine():
    found = months(line(point("CT", MONTH_DAYS[1], flr=520)))
    assert {m: (w.due_from, w.due_to) for m, w in found.items()} == {
        1: (date(2026, 3, 21), date(2026, 4, 17)),
        3: (date(2026, 5, 4), date(2026, 7, 4)),
        6: (date(2026, 8, 4), date(2026, 10, 4)),
        9: (date(2026, 11, 4), date(2027, 1, 4)),
    }
    assert {m: w.state for m, w in found.items()} == {
        1: State.DONE,
        3: State.AHEAD,
        6: State.AHEAD,
        9: State.AHEAD,
    }
    assert found[1].done_by == "CT"
    assert found[1].rule_ids == ("S2-FU-01",)


@pytest.mark.parametrize(
    ("as_of", "state"),
    [
        (date(2026, 5, 3), State.AHEAD),
        (date(2026, 5, 4), State.OPEN),
        (date(2026, 7, 4), State.OPEN),
        (date(2026, 7, 5), State.MISSED),
    ],
)
def test_a_window_is_ahead_open_or_missed_by_the_day(as_of, state):
    assert months(line(point("CT", MONTH_DAYS[1], flr=520), as_of=as_of))[3].state is state


def test_an_image_without_the_remnant_does_not_count_and_one_the_team_knows_of_does():
    found = months(line(point("MR", MONTH_DAYS[3], modality="multiphase_mr"), facts={"flr_imaged_month_1": True}))
    assert found[3].state is State.OPEN
    assert (found[1].state, found[1].done_by) == (State.DONE, "as stated")


def test_surgery_is_best_from_month_three_to_six():
    made = {"intent": Intent.BRIDGE_TO_RESECTION}
    found = window(line(point("CT", MONTH_DAYS[1], flr=520), **made), "Best time for surgery")
    assert (found.due_from, found.due_to, found.state) == (date(2026, 6, 4), date(2026, 9, 4), State.AHEAD)
    assert found.rule_ids == ("C0-SURG-02", "S2-FU-02")
    late = window(line(point("CT", date(2026, 9, 5), flr=520), **made), "Best time for surgery")
    assert late.state is State.MISSED
    done = {"surgery_date": date(2026, 7, 1)}
    operated = window(line(point("CT", date(2026, 9, 5), flr=520), facts=done, **made), "Best time for surgery")
    assert (operated.state, operated.done_by) == (State.DONE, "surgery of 2026-07-01")


def test_no_surgery_window_where_none_is_meant():
    found = line(point("CT", MONTH_DAYS[1]), intent=Intent.BRIDGE_TO_RESECTION, facts={"surgery_planned": False})
    assert not [w for w in found.windows if "surgery" in w.title]


def test_laboratory_values_are_due_every_three_months():
    found = line(point("Labs", date(2026, 5, 20), patient=LABS), point("CT", date(2026, 8, 30), flr=520))
    first, second = [w for w in found.windows if w.title == "Clinic and laboratory values"]
    assert (first.due_to, first.state, first.done_by) == (date(2026, 6, 4), State.DONE, "Labs")
    assert (second.due_from, second.due_to, second.state) == (date(2026, 7, 20), date(2026, 8, 20), State.MISSED)


def test_body_weight_is_no_laboratory_value():
    found = line(point("Weight", date(2026, 5, 20), patient=Patient(weight_kg=68.0, ecog=1)))
    (only,) = [w for w in found.windows if w.title == "Clinic and laboratory values"]
    assert only.state is State.OPEN


def test_an_image_that_came_late_leaves_its_window_missed_and_the_next_counts_from_it():
    found = line(point("MR", date(2026, 6, 20), modality="multiphase_mr"), scenario=3)
    first, second = [w for w in found.windows if w.title == "Multiphase CT or MR"]
    assert (first.due_to, first.state) == (date(2026, 6, 4), State.MISSED)
    assert (second.due_to, second.state) == (date(2026, 9, 20), State.AHEAD)
    assert second.rule_ids == ("S3-FU-01",)


STAGED = {"bilobar_strategy": "staged"}
LEFT = Structure(Role.PERFUSED, "Left", box(CT, (0, -40, -40), (80, 40, 40)))


def test_the_second_stage_is_due_after_four_to_eight_weeks_once_the_liver_was_tested():
    found = line(point("Labs", date(2026, 3, 25), patient=LABS), scenario=4, facts=STAGED)
    stage = window(found, "Second stage")
    assert (stage.due_from, stage.due_to, stage.state) == (date(2026, 4, 1), date(2026, 4, 29), State.AHEAD)
    labs = window(found, "Liver function before the second stage")
    assert (labs.state, labs.done_by, labs.rule_ids) == (State.DONE, "Labs", ("S4-TIME-02",))


def test_values_from_before_the_first_stage_are_no_test_between_the_stages():
    before = point("Labs", date(2026, 3, 1), TimeKind.ANY, patient=LABS)
    found = line(before, point("CT", date(2026, 5, 20)), scenario=4, facts=STAGED)
    assert window(found, "Liver function before the second stage").state is State.MISSED
    assert window(found, "Second stage").state is State.MISSED


def test_a_second_stage_without_a_test_before_it_is_told():
    sessions = (session(), session(infusion("2026-04-10T09:00:00+02:00", perfused="Left"), label="Second"))
    found = line(
        point("CT", date(2026, 5, 10)),
        scenario=4,
        facts=STAGED,
        sessions=sessions,
        structures=(LIVER, RIGHT, LEFT, TUMOR, FLR),
    )
    assert window(found, "Second stage").done_by == "treatment of 2026-04-10"
    assert window(found, "Liver function before the second stage").state is State.MISSED


def test_imaging_before_the_treatment_is_less_than_a_month_old():
    title = "Imaging before the treatment"
    found = window(line(point("CT", date(2026, 2, 5), TimeKind.BASELINE, flr=500)), title)
    assert (found.due_from, found.due_to, found.state) == (date(2026, 2, 5), date(2026, 3, 4), State.DONE)
    assert window(line(point("CT", date(2026, 2, 4), TimeKind.BASELINE, flr=500)), title).state is State.OPEN


def test_a_segmentectomy_waits_for_its_response_from_month_three_on():
    found = window(line(point("CT", MONTH_DAYS[1]), scenario=1), "Response: complete, or another treatment")
    assert (found.due_from, found.due_to, found.state) == (MONTH_DAYS[3], None, State.AHEAD)


def test_without_the_time_of_the_treatment_nothing_is_due():
    found = line(point("CT", MONTH_DAYS[3], flr=600), sessions=(session(infusion(given_at=None)),))
    assert found.windows == ()
    assert "treatment" in found.undated


@pytest.mark.parametrize("scenario", [1, 2, 3, 4, 5])
def test_every_window_names_rules_of_its_scenario(scenario):
    intent = Intent.DOWNSTAGING
    found = line(point("CT", MONTH_DAYS[3], flr=600, patient=LABS), scenario=scenario, intent=intent, facts=STAGED)
    assert found.windows
    for one in found.windows:
        assert one.rule_ids
        assert all(scenario in load_rules()[rule_id].scenarios for rule_id in one.rule_ids)
    assert [w.due_from for w in found.windows] == sorted(w.due_from for w in found.windows)


def test_without_a_scenario_no_rule_is_followed():
    assert line(point("CT", MONTH_DAYS[3], flr=600), scenario=None).windows == ()


def test_after_surgery_no_imaging_of_the_remnant_is_asked_for_any_more():
    studies = [point("CT", MONTH_DAYS[3], flr=560), point("Two years", date(2028, 3, 4))]
    months = [w.title[-1] for w in line(*studies).windows if "remnant" in w.title]
    operated = line(*studies, facts={"surgery_date": date(2026, 7, 1)})
    assert months == ["1", "3", "6", "9"]
    assert [w.title[-1] for w in operated.windows if "remnant" in w.title] == ["1", "3"]
