"""Follow-up in the panel: out of the way at first, then a time line, growth, response and readiness."""

from __future__ import annotations

import re

import pytest
import slicer
from course_kit import pick, texts, title
from standins import shots

pytest_plugins = ("panel_kit", "course_kit")


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
    assert "outline or read something" in hand.why("followUp"), "an empty study tells nothing"
    assert ui.followUpMeasureButton.isHidden()
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


# What follows


def test_the_picture_shows_the_shares_and_the_line_of_forty_percent(hand, course):
    svg = hand.panel.sections[hand.Step("followUp")].results.remnantPicture.svg
    names = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"Standardized (sFLR)", "Of the tumor-free liver", "40 % (C0-SURG-01)", "Best time for surgery"} <= set(
        names
    )
    assert sorted(n for n in names if re.fullmatch(r"\d+ %", n)) == ["35 %", "38 %", "43 %", "48 %"]
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
    assert ">Follow-up</h2>" in html and "Remnant over time" in html and "Readiness for surgery" in html
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
