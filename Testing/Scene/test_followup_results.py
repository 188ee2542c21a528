"""Lengths measured by lines of the scene, and what follows from the studies: growth, response, readiness."""

from __future__ import annotations

from datetime import date

import pytest
import slicer
from followup_kit import line_of, read
from scene_kit import linear, matrix4
from Y90DosimetrySlicer import bridge, followup, followuptexts, followupview, readings
from Y90DosimetrySlicer.cases import caseOf
from Y90DosimetrySlicer.parameters import LesionPack, newTimePoint, setFact
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom.followup import STEPS
from Y90DosimetryLib.response import Response
from Y90DosimetryLib.structures import Role

# Lines


def test_the_length_of_a_line_is_the_lesions_and_follows_it(course) -> None:
    line = line_of(course, "Month 3", 20.0)
    assert caseOf(course).time_points[2].lesions[0].viable_mm == pytest.approx(20.0)
    line.SetNthControlPointPosition(1, 10.0, 12.5, 0.0)
    assert caseOf(course).time_points[2].lesions[0].viable_mm == pytest.approx(12.5)


def test_a_line_is_as_long_as_it_is_shown(course) -> None:
    line = line_of(course, "Month 3", 10.0)
    line.SetAndObserveTransformNodeID(linear(matrix4(spacing=(2.0, 2.0, 2.0))).GetID())
    assert caseOf(course).time_points[2].lesions[0].viable_mm == pytest.approx(20.0)


def test_lines_are_named_by_lesion_study_and_length(course) -> None:
    names = [readings.drawLine(read(course, "Month 1"), 1, which).GetName() for which in readings.LENGTHS]
    assert names == ["Tumor 2, Month 1, viable", "Tumor 2, Month 1, whole"]
    again = readings.drawLine(read(course, "Month 1"), 1, "viable")
    assert again.GetName() == names[0], "the line that is there is used again"


def test_a_deleted_line_leaves_the_length_unknown_and_that_is_said(course) -> None:
    before = read(course, "Month 6").lesions[0].viableMm
    assert before == 0.0
    line = line_of(course, "Month 6", 10.0)
    assert readings.lostLines(read(course, "Month 6")) == []
    slicer.mrmlScene.RemoveNode(line)
    case = caseOf(course)
    assert case.time_points[3].lesions[0].viable_mm is None, "neither the line's length nor what was typed before"
    wanted = "Study 'Month 6', lesion 'Tumor 1': viable length unknown, the line was deleted"
    assert wanted in case.notes
    response = Workflow(course).live().follow_up.response.overall.present
    assert isinstance(response, Missing) and "Tumor 1" in response.because
    readings.useLine(read(course, "Month 6"), 0, "viable", None)
    assert readings.lostLines(read(course, "Month 6")) == [] and read(course, "Month 6").lesions[0].viableMm is None


def test_a_line_that_is_not_drawn_has_no_length(course) -> None:
    line = readings.drawLine(read(course, "Month 6"), 0, "viable")
    assert "is not drawn yet" in readings.lineLengthMm(line).because
    line.AddControlPoint(0.0, 0.0, 0.0)
    assert isinstance(readings.lineLengthMm(line), Missing), "one end is no length"
    assert caseOf(course).time_points[3].lesions[0].viable_mm is None


def test_placing_a_line_anew_waits_for_two_clicks(course) -> None:
    line = line_of(course, "Month 3", 20.0)
    readings.placeLine(line)
    logic = slicer.app.applicationLogic()
    assert logic.GetInteractionNode().GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert logic.GetSelectionNode().GetActivePlaceNodeID() == line.GetID()
    assert line.GetNumberOfControlPoints() == 0


# What follows


def test_the_remnant_of_the_sample_grows_as_the_phantom_does(course) -> None:
    found = Workflow(course).live().follow_up
    for step, growth in zip(STEPS, found.remnant.from_baseline, strict=True):
        assert growth.relative_ratio == pytest.approx(step.flr_growth_ratio - 1, abs=0.02)
    assert found.response.overall.present is Response.CR
    rows = followupview.remnantRows(found.remnant)
    assert [row[0] for row in rows] == ["Before treatment", "Month 1", "Month 3", "Month 6"]
    assert rows[0][3] == "" and float(rows[3][3]) == pytest.approx(36.0, abs=2.0)


def test_growth_needs_neither_measure_button_nor_dose_again_after_an_outline_changed(course) -> None:
    workflow = Workflow(course)
    before = workflow.live().follow_up.remnant.from_baseline[-1].relative_ratio
    pack = read(course, "Month 6")
    flr = next(id_ for id_, role in followup.rolesOfPoint(pack).items() if role is Role.FLR)
    month3 = caseOf(course).time_points[2].one(Role.FLR)
    bridge.writeMask(pack.segmentation, flr, month3.mask)
    assert workflow.isPrepared()
    after = workflow.live().follow_up.remnant.from_baseline
    assert after[-1].relative_ratio < before
    assert after[-1].relative_ratio == pytest.approx(after[-2].relative_ratio)


def test_a_new_lesion_is_progression(course) -> None:
    read(course, "Month 6").newLesions = ""
    read(course, "Month 6").lesions.append(LesionPack(lesion="Tumor 9", viableMm=8.0, isNew=True))
    assert Workflow(course).live().follow_up.response.overall.present is Response.PD
    assert followupview.lesionCell(read(course, "Month 6").lesions[-1])[0] == "8 new"


def test_a_study_after_surgery_is_named_so_and_is_not_the_best(course) -> None:
    assert "after surgery" not in followuptexts.responseText(Workflow(course).live().follow_up.response)
    setFact(course, "surgery_date", date(2026, 7, 1))
    found = Workflow(course).live().follow_up
    text = followuptexts.responseText(found.response)
    assert text.count("after surgery") == 1
    assert "Overall: best PR, first seen after 3.0 months" in text
    assert followupview.headOf(found).startswith("<b>Month 3</b>")
    growth = {row[0]: row[3] for row in followupview.remnantRows(found.remnant)}
    assert growth["Month 3"] and not growth["Month 6"]


def test_the_time_line_holds_studies_and_treatment_with_intervals(course) -> None:
    found = Workflow(course).live().follow_up
    rows = followupview.studyRows(course, found)
    assert [(row.day, row.index) for row in rows] == [
        ("2026-02-16", 0),
        ("2026-03-04", None),
        ("2026-04-04", 1),
        ("2026-06-04", 2),
        ("2026-09-04", 3),
    ]
    assert [row.since for row in rows] == [
        "2.3 weeks\nbefore",
        "",
        "1.0 months\n4.4 weeks",
        "3.0 months\n13.1 weeks",
        "6.0 months\n26.3 weeks",
    ]
    due = {row.title: row.state for row in followupview.dueRows(found.time_line)}
    assert due["Imaging of the remnant, month 3"] == "done" and due["Imaging of the remnant, month 9"] == "ahead"
    assert due["Best time for surgery"] == "due now"
    del course.timePoints[2]
    due = {r.title: r.state for r in followupview.dueRows(Workflow(course).live().follow_up.time_line)}
    assert due["Imaging of the remnant, month 3"] == "missed"


def test_readiness_names_each_question_with_its_source(course) -> None:
    found = Workflow(course).live().follow_up
    text = followuptexts.readinessText(found.readiness, lambda name: f"[{name}]")
    for words in ("resection", "transplantation", "Remnant", "C0-SURG-01", "Meerun et al. 2022", "Milan"):
        assert words in text
    assert "[met] <b>Remnant</b>" in text


def test_the_dose_stays_up_to_date_when_a_study_is_added(course) -> None:
    workflow = Workflow(course)
    workflow.compute()
    course.timePoints.append(newTimePoint("Month 9", "2026-12-04"))
    followup.setVolume(course.timePoints[4], Role.FLR, 800.0)
    assert workflow.outOfDate() == ()
    assert len(workflow.assessment.follow_up.studies.later) == 3
    assert [s.label for s in workflow.assessNow().follow_up.studies.later][-1] == "Month 9", "the report has it"
    course.sessions[0].infusions[0].activityGbq = 9.0
    with pytest.raises(InputError, match="the dose is out of date"):
        workflow.assessNow()
