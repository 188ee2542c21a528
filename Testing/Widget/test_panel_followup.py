"""Follow-up in the panel: out of the way at first, then a time line, readings, growth, response and readiness."""

from __future__ import annotations

from functools import lru_cache

import pytest
import slicer
from panel_kit import COARSE
from standins import shots

from Y90DosimetryLib.phantom.followup import patient_over_time

pytest_plugins = ("panel_kit",)


@lru_cache
def over_time():
    return patient_over_time(COARSE)


@pytest.fixture
def course(hand):
    """A digital patient with studies at months 1, 3 and 6, measured, with the section open; its widgets."""
    from Y90DosimetrySlicer import sampledata

    sampledata.parametersOf(over_time())
    hand.panel.setParameters(hand.logic.cases()[-1])
    hand.panel.workflow.prepare()
    return hand.only("followUp")


def texts(table, column=0):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def title(hand) -> str:
    return hand.panel.button(hand.Step("followUp")).text


def head(ui) -> list[str]:
    table = ui.readingsTable
    return [table.horizontalHeaderItem(column).text().replace("\n", " ") for column in range(table.columnCount)]


def pick(hand, ui, lesion: str, study: str) -> None:
    """Choose the cell of a lesion on a study."""
    ui.readingsBox.collapsed = False
    ui.readingsTable.setCurrentCell(texts(ui.readingsTable).index(lesion), head(ui).index(study))
    hand.refresh()


def cell(ui, lesion: str, study: str) -> str:
    return ui.readingsTable.item(texts(ui.readingsTable).index(lesion), head(ui).index(study)).text()


def reading(hand, study: str, lesion: str):
    pack = next(p for p in hand.parameters.timePoints if p.label == study)
    return next(x for x in pack.lesions if x.lesion == lesion)


# Out of the way


def test_without_a_study_it_is_one_line_and_one_button(hand, panel):
    hand.sample("delivered")
    assert hand.panel.button(hand.Step("followUp")).collapsed and hand.state("followUp") == "idle"
    assert title(hand) == "8  Follow-up:  ○ add a study when there is one"
    ui = hand.open("followUp")
    shown = [ui.studiesTable, ui.dueTable, ui.studyBox, ui.readingsBox, ui.remnantBox, ui.responseBox]
    shown += [ui.readinessBox, ui.removeStudyButton, ui.addBaselineButton, ui.followUpMeasureButton, ui.stateLabel]
    assert all(widget.isHidden() for widget in shown)
    assert not ui.addStudyButton.isHidden() and ui.addStudyButton.text == "Add a follow-up study"


def test_a_first_study_opens_what_is_needed_and_asks_for_its_day(hand):
    hand.sample("delivered")
    ui = hand.open("followUp")
    hand.press(ui.addStudyButton)
    assert not ui.studyBox.collapsed and not ui.studiesTable.isHidden() and not ui.addBaselineButton.isHidden()
    assert hand.state("followUp") == "todo" and "enter the day of Study 1" in hand.why("followUp")
    hand.type(ui.studyNameEdit, "Month 3")
    hand.type(ui.studyDayEdit, "2026-06-04")
    assert "not measured" in hand.why("followUp") and not ui.followUpMeasureButton.isHidden()
    hand.press(ui.followUpMeasureButton)
    assert hand.state("followUp") == "done" and ui.followUpMeasureButton.isHidden()
    assert texts(ui.studiesTable, 1)[-1].startswith("Month 3") and texts(ui.studiesTable, 2)[-1].startswith(
        "3.0 months"
    )
    hand.press(ui.addBaselineButton)
    assert ui.addBaselineButton.isHidden() and hand.parameters.timePoints[1].day == "2026-02-16"
    hand.press(ui.removeStudyButton)
    hand.press(ui.removeStudyButton)
    assert len(hand.parameters.timePoints) == 0 and ui.studyBox.isHidden() and hand.state("followUp") == "idle"


@pytest.mark.parametrize(("text", "words"), [("June", "is not a day"), ("2026-13-01", "is not a day")])
def test_what_is_no_day_is_named(hand, course, text, words):
    hand.type(course.studyDayEdit, text)
    assert hand.state("followUp") == "wrong" and words in hand.why("followUp")
    course.studiesTable.selectRow(2)
    hand.refresh()
    assert hand.state("followUp") != "wrong", "another study is shown"


def test_a_name_that_is_taken_is_refused(hand, course):
    hand.type(course.studyNameEdit, "Month 3")
    assert "'Month 3' is taken" in hand.why("followUp") and hand.parameters.timePoints[0].label == "Before treatment"


# The time line


def test_studies_treatment_and_what_is_due_are_shown_in_order(hand, course):
    ui = course
    assert [text.split("\n")[0] for text in texts(ui.studiesTable, 1)] == [
        "Before treatment",
        "Y-90: Delivered",
        "Month 1",
        "Month 3",
        "Month 6",
    ]
    assert texts(ui.studiesTable, 2)[3] == "3.0 months\n13.1 weeks"
    assert "◎ due now" in texts(ui.dueTable) and "Best time for surgery" in ui.dueLabel.text
    assert "sFLR 48 %" in ui.followUpHeadLabel.text and "overall response CR" in ui.followUpHeadLabel.text
    ui.studiesTable.selectRow(1)
    hand.refresh()
    assert ui.studyNameEdit.text == "Before treatment", "a treatment is no study"
    ui.studiesTable.selectRow(4)
    hand.refresh()
    assert ui.studyNameEdit.text == "Month 6" and ui.studyBox.title == "Study: Month 6"
    hand.type(ui.studyDayEdit, "2026-07-15")
    assert texts(ui.studiesTable, 2)[4].startswith("4.4 months")


def test_a_missed_study_is_told(hand, course):
    course.studiesTable.selectRow(3)
    hand.refresh()
    hand.press(course.removeStudyButton)
    assert "Missed: Imaging of the remnant, month 3" in course.dueLabel.text
    assert any("missed" in text for text in texts(course.dueTable))


def test_a_stated_fact_that_the_studies_contradict_is_told_here(hand, course):
    from Y90DosimetrySlicer.parameters import setFact

    setFact(hand.parameters, "flr_before_treatment_ml", 900.0)
    hand.refresh()
    assert hand.state("followUp") == "warnings"
    assert "flr_before_treatment_ml is stated as 900" in course.checksLabel.text
    setFact(hand.parameters, "flr_before_treatment_ml", 561.0)
    hand.refresh()
    assert hand.state("followUp") == "done" and course.checksLabel.isHidden()


# The study


def test_outlines_and_their_roles_are_shown_and_changed(hand, course):
    ui = course
    ui.studiesTable.selectRow(3)
    hand.refresh()
    ui.studyBox.collapsed = False
    hand.refresh()
    names = texts(ui.studyRolesTable)
    assert {"Liver", "Tumor 1", "Future liver remnant"} <= set(names)
    row = texts(ui.studyRolesTable, 1).index("Future liver remnant")
    assert float(ui.studyRolesTable.item(row, 2).text()) == pytest.approx(687, abs=2)
    ui.studyRolesTable.selectRow(row)
    hand.refresh()
    hand.choose(ui.studyRoleCombo, "nothing of the treatment")
    assert texts(ui.studyRolesTable, 1)[row] == "–"
    assert texts(ui.remnantTable, 1)[2] == "–", "this study has no remnant any more"
    hand.choose(ui.studyRoleCombo, "Future liver remnant")
    assert texts(ui.remnantTable, 1)[2] == "687"


def test_a_volume_is_typed_where_nothing_is_outlined(hand, course):
    ui = course
    hand.press(ui.addStudyButton)
    hand.type(ui.studyDayEdit, "2026-12-04")
    hand.type(ui.studyFlrVolumeEdit, "812")
    assert texts(ui.remnantTable, 1)[-1] == "812*", "typed, and marked so"
    assert "typed, not outlined" in ui.remnantLabel.text
    hand.type(ui.studyFlrVolumeEdit, "")
    assert texts(ui.remnantTable, 1)[-1] == "–"
    hand.type(ui.studyWeightEdit, "60")
    assert "the weight changed" in ui.remnantLabel.text


def test_structures_of_a_study_are_made_with_the_planned_names(hand, course):
    hand.press(course.addStudyButton)
    hand.press(course.createStudyOutlinesButton)
    made = {"Liver", "Right lobe", "Tumor 1", "Tumor 2", "Portal vein thrombus", "Future liver remnant"}
    assert set(texts(course.studyRolesTable)) == made
    assert course.createStudyOutlinesButton.isHidden()


def test_what_is_stated_for_a_day_counts_for_that_study_only(hand, course):
    course.studiesTable.selectRow(4)
    hand.refresh()
    combo = course.studyFactsBox.findChildren("QComboBox", "pve_plannedOfStudy")[0]
    hand.choose(combo, "yes")
    assert dict(hand.parameters.timePoints[3].facts) == {"pve_planned": "true"}
    assert dict(hand.parameters.timePoints[2].facts) == {}


def test_laboratory_values_of_a_study_are_its_own(hand, course):
    course.studiesTable.selectRow(4)
    hand.refresh()
    hand.type(course.studyBilirubinEdit, "51.3")
    assert hand.parameters.timePoints[3].patient.bilirubinUmolL == 51.3
    assert hand.parameters.patient.bilirubinUmolL == pytest.approx(12.0)
    assert "Bilirubin: 3 mg/dL" in course.readinessLabel.text or "Bilirubin: 3.0 mg/dL" in course.readinessLabel.text


def test_a_ct_of_the_scene_is_offered_as_a_study_with_its_day(hand, course, monkeypatch):
    from Y90DosimetrySlicer import imagefacts

    ct, _nuclear = hand.images()
    original = imagefacts.factsOfImage

    def factsOfImage(volume):
        facts = original(volume)
        return imagefacts.replace(facts, acquiredAt="2026-12-04T09:00:00") if volume is ct else facts

    monkeypatch.setattr(imagefacts, "factsOfImage", factsOfImage)
    hand.refresh()
    assert "2026-12-04" in course.suggestionsLabel.text
    course.suggestionsLabel.linkActivated.emit("0")
    hand.refresh()
    pack = hand.parameters.timePoints[4]
    assert pack.day == "2026-12-04" and pack.ct is ct and course.suggestionsLabel.isHidden()
    assert course.studyCtSelector.currentNode() is ct and course.studyDayEdit.text == "2026-12-04"


# Readings


def test_readings_are_typed_in_the_chosen_cell(hand, course):
    ui = course
    assert [cell(ui, "Tumor 1", s) for s in ("Before treatment", "Month 1", "Month 3", "Month 6")] == [
        "58",
        "45",
        "20",
        "0",
    ]
    pick(hand, ui, "Tumor 1", "Month 6")
    assert "<b>Tumor 1</b> on <b>Month 6</b>" in ui.readingTitleLabel.text
    hand.type(ui.viableEdit, "44")
    assert reading(hand, "Month 6", "Tumor 1").viableMm == 44.0 and cell(ui, "Tumor 1", "Month 6") == "44"
    assert "PD" in ui.responseLabel.text, "44 mm after 20 + 11 mm"
    hand.type(ui.viableEdit, "")
    assert cell(ui, "Tumor 1", "Month 6") == "–" and "not measured" in ui.responseLabel.text
    hand.type(ui.viableEdit, "-3")
    assert hand.state("followUp") == "wrong" and "viable_mm" in hand.why("followUp")


def test_a_lesion_is_added_read_as_new_and_removed(hand, course):
    ui = course
    ui.studiesTable.selectRow(4)
    hand.refresh()
    hand.press(ui.addLesionButton)
    assert "Type the name" in hand.message()
    hand.type(ui.newLesionEdit, "Segment 2")
    hand.press(ui.addLesionButton)
    hand.type(ui.viableEdit, "12")
    assert "is not called new" in ui.responseLabel.text
    ui.lesionNewCheck.checked = True
    hand.refresh()
    assert hand.state("followUp") == "wrong", "the study says that there is no new lesion"
    assert ui.responseBox.isHidden(), "nothing follows from a contradiction"
    hand.choose(ui.newLesionsCombo, "yes")
    assert "not called new" not in ui.responseLabel.text
    assert cell(ui, "Segment 2", "Month 6") == "12 new" and "PD" in ui.responseLabel.text
    hand.press(ui.removeReadingButton)
    assert "Segment 2" not in texts(ui.readingsTable)


def test_a_thrombus_has_fields_of_its_own(hand, course):
    ui = course
    pick(hand, ui, "Portal vein thrombus", "Month 6")
    assert ui.lesionWidget.isHidden() and not ui.thrombusWidget.isHidden()
    assert cell(ui, "Portal vein thrombus", "Month 6") == "VP3 −"
    hand.choose(ui.thrombusEnhancesCombo, "yes")
    hand.choose(ui.thrombusGradeCombo, "VP4")
    assert cell(ui, "Portal vein thrombus", "Month 6") == "VP4 +"
    hand.choose(ui.thrombusExtendsCombo, "yes")
    assert "enhances and grows, extends or is new" in ui.responseLabel.text and "VP4" in ui.responseLabel.text


def test_a_line_measures_a_lesion_and_is_followed(hand, course):
    ui = course
    pick(hand, ui, "Tumor 1", "Month 3")
    hand.press(ui.viableDrawButton)
    line = reading(hand, "Month 3", "Tumor 1").viableLine
    assert line.GetName() == "Tumor 1, Month 3, viable" and cell(ui, "Tumor 1", "Month 3") == "?"
    assert hand.state("followUp") == "warnings" and "is not drawn yet" in ui.readingProblemLabel.text
    line.AddControlPoint(0.0, 0.0, 0.0)
    line.AddControlPoint(0.0, 18.0, 0.0)
    hand.refresh()
    assert cell(ui, "Tumor 1", "Month 3") == "18 ↔" and ui.viableEdit.placeholderText == "18.0"
    assert not ui.viableEdit.enabled and ui.viableSelector.currentNode() is line and ui.readingProblemLabel.isHidden()
    assert ui.viableDrawButton.text == "Show"
    hand.press(ui.viableDrawButton)
    assert cell(ui, "Tumor 1", "Month 3") == "18 ↔", "a drawn line is shown, not drawn anew"
    line.SetNthControlPointPosition(1, 0.0, 15.0, 0.0)
    slicer.app.processEvents()
    hand.refresh()
    assert cell(ui, "Tumor 1", "Month 3") == "15 ↔"
    slicer.mrmlScene.RemoveNode(line)
    hand.refresh()
    assert cell(ui, "Tumor 1", "Month 3") == "?" and "the line was deleted" in ui.readingProblemLabel.text
    assert hand.state("followUp") == "warnings"
    hand.type(ui.viableEdit, "19")
    assert cell(ui, "Tumor 1", "Month 3") == "19" and hand.state("followUp") == "done"


def test_a_line_of_the_scene_is_chosen(hand, course):
    ui = course
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "L")
    line.AddControlPoint(0.0, 0.0, 0.0)
    line.AddControlPoint(0.0, 0.0, 26.0)
    pick(hand, ui, "Tumor 2", "Before treatment")
    ui.viableSelector.setCurrentNode(line)
    hand.refresh()
    assert cell(ui, "Tumor 2", "Before treatment") == "26 ↔"
    ui.viableSelector.setCurrentNode(None)
    hand.refresh()
    assert cell(ui, "Tumor 2", "Before treatment") == "–", "what was typed before does not come back"


# What follows


def test_the_picture_shows_the_shares_and_the_line_of_forty_percent(hand, course):
    names = hand.panel.sections[hand.Step("followUp")].results.remnantPicture.names.texts
    assert {"sFLR", "of the tumor-free liver", "40 % (C0-SURG-01)", "best time for surgery"} <= set(names)
    assert [text for text in names if text[0].isdigit() and text.endswith(" %")] == ["35 %", "38 %", "43 %", "48 %"]
    assert not course.remnantPicture.pixmap.isNull()


def test_readiness_shows_findings_with_sources(hand, course):
    text = course.readinessLabel.text
    assert "Nothing speaks against resection so far" in text and "transplantation" in text
    assert "C0-SURG-02" in text and "Meerun et al. 2022" in text and "Mazzaferro" in text
    course.studiesTable.selectRow(4)
    hand.refresh()
    hand.type(course.studyDayEdit, "2026-06-10")
    course.studiesTable.selectRow(3)
    hand.refresh()
    hand.press(course.removeStudyButton)
    hand.press(course.removeStudyButton)
    assert "0.0 months" not in course.readinessLabel.text


def test_the_report_has_the_follow_up(hand, course, tmp_path):
    hand.press(hand.open("dose").computeButton)
    ui = hand.open("followUp")
    hand.press(ui.addStudyButton)
    hand.type(ui.studyDayEdit, "2026-12-04")
    hand.type(ui.studyFlrVolumeEdit, "812")
    report = hand.open("report")
    report.folderEdit.currentPath = str(tmp_path)
    hand.refresh()
    hand.press(report.writeButton)
    assert hand.message() == ""
    (page,) = tmp_path.glob("*/report.html")
    html = page.read_text(encoding="utf-8")
    assert "<h2>Follow-up</h2>" in html and "Remnant over time" in html and "Readiness for surgery" in html
    assert "812 *" in html, "typed after the dose was computed"
    assert hand.state("report") == "done"
    hand.type(ui.studyFlrVolumeEdit, "700")
    assert hand.state("report") == "stale"


def test_another_case_and_a_closed_scene_leave_nothing(hand, course):
    hand.press(hand.panel.ui.newCaseButton)
    assert course.studiesTable.rowCount == 0 and course.remnantBox.isHidden() and course.readingsTable.isHidden()
    hand.panel.setParameters(hand.logic.cases()[0])
    hand.refresh()
    slicer.mrmlScene.Clear(False)
    hand.refresh()
    assert len(hand.parameters.timePoints) == 0 and course.studiesTable.rowCount == 0


# Pictures


def test_the_section_fits_into_400_pixels(hand, panel, shot, course):
    ui = course
    for path in shot(panel.container, "followup-sample"):
        assert path.stat().st_size > 5000
    assert not shots.too_wide(panel.container)
    pick(hand, ui, "Tumor 1", "Month 3")
    hand.press(ui.viableDrawButton)
    for box in (ui.studyBox, ui.readingsBox, ui.studyLabsBox, ui.studyVolumesBox, ui.studyFactsBox):
        box.collapsed = False
    for box in (ui.remnantBox, ui.responseBox, ui.readinessBox):
        box.collapsed = True
    hand.refresh()
    shot(panel.container, "followup-study")
    assert not shots.too_wide(panel.container)


def test_the_empty_section_fits_into_400_pixels(hand, panel, shot):
    hand.sample("delivered")
    hand.only("followUp")
    shot(panel.container, "followup-none")
    assert not shots.too_wide(panel.container)
