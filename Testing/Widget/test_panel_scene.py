"""The panel and the scene: closed half-way, saved and loaded, two cases, nodes renamed and removed."""

import sys

import pytest
import slicer

pytest_plugins = ("panel_kit",)


def test_closing_the_scene_half_way_leaves_an_empty_panel(hand, headless):
    hand.sample()
    for step in hand.Step:
        hand.open(step)
    hand.press(hand.open("dose").computeButton)
    headless.close_scene()
    hand.refresh()
    assert hand.parameters is not None and hand.parameters.scenario == 0
    assert hand.ui("patient").weightEdit.text == ""
    assert hand.ui("structures").rolesTable.rowCount == 0
    assert hand.ui("findings").findingsTable.rowCount == 0
    assert hand.state("dose") == "todo"


def test_closing_the_scene_during_a_computation_stops_it(hand, headless):
    hand.sample()
    ui = hand.open("dose")
    original = hand.panel._header.showProgress

    def close(fraction, doing):
        original(fraction, doing)
        if 0.5 < fraction < 0.9 and hand.panel.parameters is not None:
            headless.close_scene()

    hand.panel._header.showProgress = close
    ui.computeButton.click()
    hand.panel._header.showProgress = original
    hand.refresh()
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert hand.panel.widget.enabled and hand.open("dose").computeButton.visible


def test_a_saved_scene_brings_back_choices_and_results(hand, headless, tmp_path):
    hand.sample()
    hand.type(hand.open("patient").caseNameEdit, "Case 7")
    hand.press(hand.open("dose").computeButton)
    headless.save(tmp_path / "case.mrb")
    headless.close_scene()
    headless.load(tmp_path / "case.mrb")
    hand.panel.setParameters(next(c for c in hand.logic.cases() if c.caseLabel == "Case 7"))
    ui = hand.open("patient")
    assert ui.weightEdit.text == "74" and ui.scenarioCombo.currentText.startswith("2")
    assert (
        hand.ui("structures").rolesTable.rowCount
        == hand.parameters.segmentation.GetSegmentation().GetNumberOfSegments()
    )
    assert hand.open("treatment").activityEdit.text == "6"
    assert hand.parameters.doseVolume is not None and hand.state("dose") == "done"
    assert hand.open("dose").doseTable.rowCount > 5
    assert "Compute the dose again" in hand.open("report").resultLabel.text


def test_opening_a_saved_scene_shows_its_case_and_leaves_no_empty_one(hand, headless, tmp_path):
    hand.sample()
    hand.type(hand.open("patient").caseNameEdit, "Case 7")
    headless.save(tmp_path / "case.mrb")
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "case.mrb"), True)  # closes the scene first, as the menu does
    hand.refresh()
    assert hand.parameters.caseLabel == "Case 7"
    assert [case.caseLabel for case in hand.logic.cases()] == ["Case 7"]


def test_a_sample_is_shown_in_place_of_the_empty_case(hand):
    from panel_kit import patient
    from Y90DosimetrySlicer import sampledata

    hand.panel.exit()
    sampledata.parametersOf(patient().patient)
    hand.panel.enter()
    assert hand.parameters.caseLabel and len(hand.logic.cases()) == 1


def test_a_case_in_which_something_is_stated_stays(hand):
    from panel_kit import patient
    from Y90DosimetrySlicer import sampledata

    hand.type(hand.open("patient").weightEdit, "61")
    own = hand.parameters
    hand.panel.exit()
    sampledata.parametersOf(patient().patient)
    hand.panel.enter()
    assert hand.parameters is own and len(hand.logic.cases()) == 2
    hand.press(hand.panel.ui.newCaseButton)
    hand.panel.exit()
    hand.panel.enter()
    assert len(hand.logic.cases()) == 3, "what the user starts is the user's"


def test_two_cases_do_not_mix(hand):
    first = hand.sample()
    hand.press(hand.panel.ui.newCaseButton)
    assert hand.parameters is not first
    ui = hand.open("patient")
    assert ui.weightEdit.text == ""
    hand.type(ui.weightEdit, "60")
    assert first.patient.weightKg == 74
    combo = hand.panel.ui.caseCombo
    combo.currentIndex = [c.parameterNode for c in hand.logic.cases()].index(first.parameterNode)
    hand.refresh()
    assert hand.parameters is first and ui.weightEdit.text == "74"


def test_what_was_typed_wrongly_does_not_follow_to_another_case(hand):
    ui = hand.open("patient")
    hand.type(ui.weightEdit, "heavy")
    hand.press(hand.panel.ui.newCaseButton)
    assert ui.weightEdit.text == "" and hand.state("patient") != "wrong"


def test_renamed_and_removed_segments_are_followed(hand):
    hand.sample()
    table = hand.open("structures").rolesTable
    segmentation = hand.parameters.segmentation.GetSegmentation()
    tumor = segmentation.GetSegmentIdBySegmentName("Tumor 1")
    segmentation.GetSegment(tumor).SetName("Big tumor")
    hand.refresh()
    names = [table.item(r, 0).text() for r in range(table.rowCount)]
    assert "Big tumor" in names and "Tumor 1" not in names
    segmentation.RemoveSegment(tumor)
    hand.refresh()
    assert "Big tumor" not in [table.item(r, 0).text() for r in range(table.rowCount)]


def loadedSegmentation(ids):
    """Put a segmentation into the scene as if it came from a file: the same IDs, other names."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "From RTSTRUCT")
    for id_, name in zip(ids, ("GTV", "Liver"), strict=False):
        node.GetSegmentation().AddEmptySegment(id_, name)
    return node


def test_a_segmentation_that_is_in_the_scene_can_be_chosen(hand):
    hand.sample()
    ui = hand.open("structures")
    before = hand.parameters.segmentation
    other = loadedSegmentation(before.GetSegmentation().GetSegmentIDs())
    ui.segmentationSelector.setCurrentNode(other)
    hand.refresh()
    assert hand.parameters.segmentation is other is ui.segmentEditor.segmentationNode()
    assert [ui.rolesTable.item(r, 0).text() for r in range(ui.rolesTable.rowCount)] == ["GTV", "Liver"]
    roles = [ui.rolesTable.cellWidget(r, 1).currentText for r in range(2)]
    assert roles == ["no role", "Liver"], "a role follows the name, not the ID"
    ui.segmentationSelector.setCurrentNode(None)
    hand.panel.refresh()
    assert ui.segmentationSelector.currentNode() is other, "a case keeps its segmentation"


def test_another_segmentation_of_a_study_takes_no_roles_by_ids_that_repeat(hand):
    hand.sample()
    hand.press(hand.open("followUp").addStudyButton)
    ui = hand.ui("followUp")
    first = loadedSegmentation(("Segment_1", "Segment_2"))
    ui.studySegmentationSelector.setCurrentNode(first)
    hand.parameters.timePoints[0].roles = {"Segment_1": "tumor", "Segment_2": "liver"}
    second = loadedSegmentation(("Segment_2", "Segment_1"))
    ui.studySegmentationSelector.setCurrentNode(second)
    assert dict(hand.parameters.timePoints[0].roles) == {"Segment_2": "tumor", "Segment_1": "liver"}


def test_the_segment_editor_has_its_keys_only_while_its_section_is_in_use(hand):
    hand.sample()
    editor = hand.ui("structures").segmentEditor
    hand.only("patient")
    assert not editor._keys, "Space would choose a brush instead of pressing the button"
    hand.open("structures")
    assert editor._keys
    editor.setActiveEffectByName("Paint")
    hand.panel.button(hand.Step("structures")).collapsed = True
    assert not editor._keys and editor.mrmlSegmentEditorNode().GetActiveEffectName() == ""
    hand.open("structures")
    hand.panel.exit()
    hand.panel.refresh()  # as when segments are edited in another module
    assert not editor._keys, "two owners of a key: neither gets it"
    hand.panel.enter()
    assert editor._keys


def test_the_volume_to_outline_on_stays_as_the_user_chose_it(hand):
    hand.sample()
    editor = hand.open("structures").segmentEditor
    assert editor.sourceVolumeNode() is hand.parameters.ct
    image = hand.parameters.sessions[0].image
    editor.setSourceVolumeNode(image)
    hand.refresh()
    assert editor.sourceVolumeNode() is image


def test_removed_nodes_are_followed(hand):
    hand.sample()
    for step in hand.Step:
        hand.open(step)
    hand.press(hand.open("dose").computeButton)
    for node in (hand.parameters.doseVolume, hand.parameters.sessions[0].image, hand.parameters.ct):
        slicer.mrmlScene.RemoveNode(node)
        hand.refresh()
    assert hand.state("images") == "todo" and hand.ui("images").ctSelector.currentNode() is None
    slicer.mrmlScene.RemoveNode(hand.parameters.segmentation)
    hand.refresh()
    assert hand.ui("structures").rolesTable.rowCount == 0
    assert hand.state("structures") == "todo"


def test_deleting_the_case_itself_starts_another(hand):
    hand.sample()
    slicer.mrmlScene.RemoveNode(hand.parameters.parameterNode)
    hand.refresh()
    assert hand.parameters.parameterNode.GetScene() is slicer.mrmlScene


def test_the_panel_can_be_reloaded(hand, panel):
    hand.sample()
    hand.open("structures")
    panel.reload()
    again = type(hand)(panel, hand.click)
    assert again.parameters is not None
    again.open("patient")


def test_the_reload_of_the_developer_mode_reads_every_file_and_leaves_a_panel_in_use(hand, panel, monkeypatch):
    hand.sample()
    label, kept = hand.parameters.caseLabel, dict(sys.modules)
    left = []

    def reload(name):
        left.extend(m for m in sys.modules if m.startswith(("Y90DosimetrySlicer", "Y90DosimetryLib")))
        sys.modules.update(kept)
        panel.widget.cleanup()
        again = panel.python.Y90DosimetryWidget(panel.container)  # as Slicer does: set up, but not entered
        again.setup()
        assert again.panel.parameters.caseLabel == label and again.panel.widget.enabled
        again.cleanup()

    monkeypatch.setattr(slicer.util, "reloadScriptedModule", reload)
    base = panel.python.ScriptedLoadableModuleWidget
    if not hasattr(base, "onReload"):  # the stand-in has no developer mode
        monkeypatch.setattr(base, "onReload", lambda self: slicer.util.reloadScriptedModule(self.moduleName), False)
    panel.widget.onReload()
    assert left == []


def test_the_inputs_are_never_touched(hand):
    before = {}
    hand.sample()
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        before[node.GetID()] = slicer.util.arrayFromVolume(node).copy()
    hand.press(hand.open("dose").computeButton)
    hand.press(hand.open("images").fusedButton)
    for id_, array in before.items():
        assert (slicer.util.arrayFromVolume(slicer.mrmlScene.GetNodeByID(id_)) == array).all()


@pytest.mark.parametrize("variant", ["delivered", "bilobar", "modified_lobectomy"])
def test_every_sample_variant_computes(hand, variant):
    hand.sample(variant)
    hand.press(hand.open("dose").computeButton)
    assert hand.message() == "" and hand.state("dose") in ("done", "warnings")


def test_the_test_of_the_application_uses_this_panel_too(hand, panel):
    test = panel.python.Y90DosimetryTest()
    test.setUp()
    test.test_panel()
