"""Readings of lesions and thrombi in the panel: typed in the chosen cell, or measured by lines of the scene."""

from __future__ import annotations

import slicer
from course_kit import cell, pick, reading, texts

pytest_plugins = ("panel_kit", "course_kit")


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
