"""The outcome in the panel: reachable without any study, calm while closed, and never contradicting itself."""

from __future__ import annotations

import pytest
from standins import shots

pytest_plugins = ("panel_kit",)


@pytest.fixture
def outcome(hand):
    """The delivered treatment of the digital patient, measured, without a study; the section's widgets."""
    hand.sample("delivered")
    hand.panel.workflow.prepare()
    return hand.only("followUp")


def texts(table, column=0):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def stored(hand):
    return hand.parameters.outcome


def choose_tumor(hand, ui, name: str) -> None:
    ui.outcomeBox.collapsed = False
    ui.pathologyTable.selectRow(texts(ui.pathologyTable).index(name))
    hand.refresh()


def test_it_is_a_closed_box_that_is_there_without_a_study(hand, outcome):
    ui = outcome
    assert hand.state("followUp") == "idle" and ui.stateLabel.isHidden()
    assert not ui.outcomeBox.isHidden() and ui.outcomeBox.collapsed and ui.outcomeBox.title == "Outcome"
    hand.choose(ui.recurredCombo, "no")
    assert hand.state("followUp") == "done" and ui.outcomeBox.title == "Outcome: no recurrence"
    assert ui.studyBox.isHidden() and ui.followUpMeasureButton.isHidden()
    hand.choose(ui.recurredCombo, "unknown")
    assert hand.state("followUp") == "idle"


def test_a_percentage_gives_the_class_and_the_table_the_dose(hand, outcome):
    ui = outcome
    assert texts(ui.pathologyTable) == ["Tumor 1", "Tumor 2"] and texts(ui.pathologyTable, 1) == ["–", "–"]
    hand.type(ui.necrosisEdit, "95")
    assert texts(ui.pathologyTable, 1) == ["extensive, 95 %", "–"]
    assert not ui.necrosisClassCombo.enabled and ui.necrosisClassCombo.currentText == "extensive"
    assert "open" in ui.poorestLabel.text and "Tumor 2" in ui.poorestLabel.text
    choose_tumor(hand, ui, "Tumor 2")
    assert ui.necrosisEdit.text == "" and "Tumor 2" in ui.pathologyLabel.text
    hand.choose(ui.necrosisClassCombo, "complete")
    hand.choose(ui.emboliCombo, "no")
    assert texts(ui.pathologyTable, 1)[1] == "complete" and texts(ui.pathologyTable, 2) == ["–", "no"]
    assert "extensive (Tumor 1)" in ui.poorestLabel.text and ui.outcomeBox.title == "Outcome: extensive necrosis"
    gy = [float(text) for text in texts(ui.pathologyTable, 3)]
    assert gy == pytest.approx([397, 237], abs=10)


def test_what_is_typed_replaces_a_stated_class_and_can_be_taken_back(hand, outcome):
    ui = outcome
    hand.choose(ui.necrosisClassCombo, "partial")
    hand.type(ui.necrosisEdit, "100")
    assert texts(ui.pathologyTable, 1)[0] == "complete, 100 %" and hand.state("followUp") == "done"
    hand.type(ui.necrosisEdit, "")
    assert texts(ui.pathologyTable, 1)[0] == "–" and ui.necrosisClassCombo.enabled
    hand.choose(ui.emboliCombo, "yes")
    hand.press(ui.removePathologyButton)
    assert list(stored(hand).pathology) == [] and not ui.removePathologyButton.enabled


@pytest.mark.parametrize(("text", "words"), [("150", "from 0 to 100"), ("-1", "from 0 to 100"), ("most", "a number")])
def test_what_is_no_percentage_is_named_and_not_stored(hand, outcome, text, words):
    hand.type(outcome.necrosisEdit, text)
    assert hand.state("followUp") == "wrong" and words in hand.why("followUp")
    assert not outcome.stateLabel.isHidden(), "also without a study"
    assert all(one.necrosisFraction is None for one in stored(hand).pathology)
    choose_tumor(hand, outcome, "Tumor 2")
    assert hand.state("followUp") == "idle", "another tumor is shown"


def test_a_day_says_yes_and_no_takes_the_day_back(hand, outcome):
    ui = outcome
    hand.type(ui.recurredDayEdit, "2027-06-01")
    assert ui.recurredCombo.currentText == "yes" and stored(hand).recurredOn == "2027-06-01"
    hand.type(ui.diedDayEdit, "2028-03-04")
    assert ui.outcomeBox.title == "Outcome: recurrence, died"
    hand.type(ui.recurredDayEdit, "2027-06-")
    hand.choose(ui.recurredCombo, "no")
    assert stored(hand).recurredOn == "" and ui.recurredDayEdit.text == "" and hand.state("followUp") == "done"
    hand.choose(ui.diedCombo, "unknown")
    assert (stored(hand).died, stored(hand).diedOn) == ("", "")


def test_what_contradicts_itself_or_the_treatment_is_said(hand, outcome):
    ui = outcome
    hand.type(ui.diedDayEdit, "2028-03-04")
    hand.type(ui.lastSeenEdit, "2028-05-01")
    assert hand.state("followUp") == "wrong" and "after death on 2028-03-04" in hand.why("followUp")
    hand.type(ui.lastSeenEdit, "")
    hand.type(ui.diedDayEdit, "2025-03-04")
    assert "before the treatment of 2026-03-04" in hand.why("followUp")
    hand.type(ui.diedDayEdit, "2028-03-04")
    assert hand.state("followUp") == "done"


def test_a_surgery_after_death_is_a_warning_here(hand, outcome):
    ui = outcome
    hand.type(ui.surgeryDayEdit, "2026-10-01")
    assert dict(hand.parameters.facts)["surgery_date"] == "2026-10-01" and hand.state("followUp") == "idle"
    hand.type(ui.diedDayEdit, "2026-09-01")
    assert hand.state("followUp") == "warnings" and "surgery" in ui.checksLabel.text.lower()
    hand.type(ui.surgeryDayEdit, "2026-08-20")
    assert hand.state("followUp") == "done"


def test_a_tumor_that_is_taken_away_stays_in_the_table_until_its_pathology_is_removed(hand, outcome):
    ui = outcome
    hand.type(ui.necrosisEdit, "40")
    segments = hand.parameters.segmentation.GetSegmentation()
    segments.RemoveSegment(segments.GetSegmentIdBySegmentName("Tumor 1"))
    hand.refresh()
    assert "a tumor that has pathology was deleted" in hand.why("followUp")
    assert texts(ui.pathologyTable) == ["Tumor 2", "(deleted)"]
    choose_tumor(hand, ui, "(deleted)")
    hand.press(ui.removePathologyButton)
    assert texts(ui.pathologyTable) == ["Tumor 2"] and hand.state("followUp") == "idle"


def test_without_a_tumor_the_course_can_be_told(hand):
    ui = hand.only("followUp")
    ui.outcomeBox.collapsed = False
    hand.refresh()
    assert not ui.noTumorLabel.isHidden() and ui.pathologyTable.isHidden() and ui.pathologyWidget.isHidden()
    hand.type(ui.lastSeenEdit, "2028-05-01")
    assert hand.state("followUp") == "done"


def test_the_report_shows_necrosis_beside_the_dose(hand, outcome, tmp_path):
    hand.press(hand.open("dose").computeButton)
    ui = hand.open("followUp")
    hand.type(ui.necrosisEdit, "60")
    hand.type(ui.recurredDayEdit, "2027-03-04")
    report = hand.open("report")
    report.folderEdit.currentPath = str(tmp_path)
    hand.refresh()
    hand.press(report.writeButton)
    assert hand.message() == ""
    (page,) = tmp_path.glob("*/report.html")
    html = page.read_text(encoding="utf-8")
    assert "<h3>Pathology</h3>" in html and "<b>extensive</b>" in html and "delivered, Gy" in html
    assert "2027-03-04" in html and "12.0" in html
    assert hand.state("report") == "done"
    hand.type(ui.necrosisEdit, "100")
    assert hand.state("report") == "stale"


def test_what_a_scene_holds_is_shown_at_once(hand):
    from Y90DosimetrySlicer.outcomes import pathologyMadeFor

    hand.sample("delivered")
    segments = hand.parameters.segmentation.GetSegmentation()
    tumor = segments.GetSegmentIdBySegmentName("Tumor 1")
    pathologyMadeFor(hand.parameters, tumor).necrosisFraction = 0.6
    stored(hand).diedOn = "2028-03-04"
    ui = hand.only("followUp")
    assert ui.necrosisEdit.text == "60" and ui.necrosisClassCombo.currentText == "extensive"
    assert ui.diedDayEdit.text == "2028-03-04"


def test_another_case_has_another_outcome(hand, outcome):
    hand.type(outcome.necrosisEdit, "60")
    hand.type(outcome.lastSeenEdit, "2028-05-01")
    before = hand.parameters
    hand.press(hand.panel.ui.newCaseButton)
    ui = hand.only("followUp")
    assert ui.lastSeenEdit.text == "" and ui.pathologyTable.rowCount == 0 and ui.outcomeBox.title == "Outcome"
    hand.panel.setParameters(before)
    assert ui.pathologyTable.rowCount == 2 and ui.necrosisEdit.text == "60"
    hand.panel.setParameters(None)
    assert ui.pathologyTable.rowCount == 0


def test_the_open_box_fits_into_400_pixels(hand, panel, shot, outcome):
    ui = outcome
    hand.type(ui.necrosisEdit, "95")
    hand.choose(ui.emboliCombo, "no")
    choose_tumor(hand, ui, "Tumor 2")
    hand.choose(ui.necrosisClassCombo, "complete")
    hand.type(ui.surgeryDayEdit, "2026-09-10")
    hand.type(ui.recurredDayEdit, "2027-06-01")
    hand.type(ui.lastSeenEdit, "2028-05-01")
    for path in shot(panel.container, "outcome"):
        assert path.stat().st_size > 5000
    assert not shots.too_wide(panel.container)
