"""Registration, lung shunt and DICOM in the panel, by typing and clicking."""

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from standins import shots

from Y90DosimetryLib.structures import Role

pytest_plugins = ("panel_kit",)
sys.path.append(str(Path(__file__).resolve().parents[1] / "Library"))
SHIFT_MM = np.array([5.0, -8.0, 12.0])


@pytest.fixture
def shifted(hand):
    """The sample case with its SPECT and a hybrid CT displaced."""
    from Y90DosimetrySlicer import bridge

    parameters = hand.sample()
    session = parameters.sessions[0]
    hybrid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT of the SPECT/CT")
    bridge.writeImage(bridge.imageOf(parameters.ct), hybrid)
    for node in (session.image, hybrid):
        node.SetOrigin(*(np.array(node.GetOrigin()) + SHIFT_MM))
    return hybrid


def box(hand):
    hand.only("images")
    ui = hand.panel.sections[hand.Step.IMAGES].registration.ui
    hand.reveal(ui.registerButton)
    return ui


def shunt(hand):
    hand.only("treatment")
    ui = hand.panel.sections[hand.Step.TREATMENT].lungShunt.ui
    hand.reveal(ui.marginEdit)
    return ui


def test_an_image_is_registered_previewed_accepted_and_undone(hand, shifted, panel, shot):
    from Y90DosimetrySlicer.previews import State, stateOf

    image = hand.parameters.sessions[0].image
    ui = box(hand)
    ui.hybridSelector.setCurrentNode(shifted)
    hand.refresh()
    shot(panel.container, "registration-before")
    hand.press(ui.registerButton)
    assert hand.message() == "" and stateOf(image) is State.PREVIEW
    assert "PREVIEW, not accepted" in ui.registrationStateLabel.text and ui.registerButton.isHidden()
    assert "Moved <b>15" in ui.registrationResultLabel.text, "as far as it was displaced: 15.3 mm"
    assert "is a preview" in hand.why("images") and hand.state("images") == "wrong"
    dose = hand.open("dose").computeButton
    assert not dose.enabled and "Accept or discard it, in Images" in dose.toolTip
    ui = box(hand)
    assert not ui.hybridSelector.enabled, "what is registered stays what it is"
    shot(panel.container, "registration-preview")
    assert not shots.too_wide(panel.container)

    hand.press(ui.compareCtsButton)
    hand.press(ui.acceptRegistrationButton)
    assert stateOf(image) is State.ACCEPTED and hand.state("images") != "wrong"
    assert ui.acceptRegistrationButton.isHidden()
    assert ui.removeRegistrationButton.text == "Undo registration"
    shot(panel.container, "registration-accepted")

    hand.press(ui.removeRegistrationButton)
    assert stateOf(image) is State.NONE and image.GetParentTransformNode() is None
    assert not ui.registerButton.isHidden() and ui.registrationResultLabel.isHidden()


def test_without_images_the_button_says_what_is_missing(hand):
    ui = box(hand)
    assert not ui.registerButton.enabled and "Choose the SPECT or PET first" in ui.registerButton.toolTip
    assert ui.removeRegistrationButton.isHidden() and ui.acceptRegistrationButton.isHidden()


def test_counts_alone_are_not_bent_and_the_message_says_what_to_do(hand, shifted):
    ui = box(hand)
    hand.choose(ui.kindCombo, "B-spline")
    hand.press(ui.registerButton)
    assert "counts are too blurred" in hand.message()
    assert hand.parameters.sessions[0].image.GetParentTransformNode() is None


def test_a_registration_can_be_canceled(hand, shifted):
    ui = box(hand)
    hand.parameters.sessions[0].hybridCt = shifted
    hand.refresh()
    original = hand.panel._header.showProgress

    def cancel(fraction, doing):
        original(fraction, doing)
        if fraction > 0.2:
            hand.panel.cancel()

    hand.panel._header.showProgress = cancel
    hand.press(ui.registerButton)
    hand.panel._header.showProgress = original
    assert "Canceled. Nothing was changed." in hand.message()
    assert shifted.GetParentTransformNode() is None


# Lung shunt


def lungs(hand) -> None:
    from panel_kit import patient
    from Y90DosimetrySlicer import bridge, outlines

    whole = next(s for s in patient().patient.structures if s.role is Role.LUNGS)
    if Role.LUNGS not in hand.panel.workflow.roles().values():
        found = outlines.addSegment(hand.parameters, Role.LUNGS, "Lungs")
        bridge.writeMask(hand.parameters.segmentation, found, whole.mask)
    hand.refresh()


def test_both_methods_stand_side_by_side_and_only_use_sets_the_shunt(hand, panel, shot):
    hand.sample()
    lungs(hand)
    infusion = hand.parameters.sessions[0].infusions[0]
    before = infusion.lungShuntFraction
    ui = shunt(hand)
    assert not ui.planarShuntButton.enabled and not ui.spectShuntButton.enabled
    for edit, text in (
        (ui.planarLungsAnteriorEdit, "400"),
        (ui.planarLungsPosteriorEdit, "900"),
        (ui.planarLiverAnteriorEdit, "10000"),
        (ui.planarLiverPosteriorEdit, "3600"),
    ):
        hand.type(edit, text)
    assert ui.planarShuntLabel.text == "9.09 %", "600 / (600 + 6000)"
    assert "no background region was given" in ui.shuntDetailLabel.text
    hand.press(ui.measureShuntButton)
    assert float(ui.spectShuntLabel.text.split()[0]) == pytest.approx(5.0, abs=1.0), "the digital patient shunts 5 %"
    assert "percentage points" in ui.shuntDetailLabel.text
    shot(panel.container, "lung-shunt")
    assert not shots.too_wide(panel.container)
    assert infusion.lungShuntFraction == before, "nothing is taken by itself"
    hand.press(ui.planarShuntButton)
    assert hand.parameters.sessions[0].infusions[0].lungShuntFraction == pytest.approx(600 / 6600)
    assert ui.enteredShuntLabel.text == "9.09 %" and hand.ui("treatment").shuntEdit.text == "9.09091"


def test_a_background_is_subtracted_by_pixels(hand):
    hand.sample()
    ui = shunt(hand)
    values = {
        "LungsAnterior": "500", "LungsPosterior": "500", "LiverAnterior": "5000", "LiverPosterior": "5000",
        "BackgroundAnterior": "20", "BackgroundPosterior": "20",
    }  # fmt: skip
    for name, text in values.items():
        hand.type(getattr(ui, f"planar{name}Edit"), text)
    assert "whose pixels are counted" in ui.shuntDetailLabel.text and ui.planarShuntLabel.text == "–"
    for name, text in {"Lungs": "100", "Liver": "50", "Background": "10"}.items():
        hand.type(getattr(ui, f"planar{name}PixelsEdit"), text)
    assert ui.planarShuntLabel.text == "5.77 %", "300 / (300 + 4900)"
    assert "9.09 %" in ui.shuntDetailLabel.text, "and as counted"


def test_a_changed_margin_or_outline_takes_the_measurement_away(hand):
    hand.sample()
    lungs(hand)
    ui = shunt(hand)
    hand.press(ui.measureShuntButton)
    assert ui.spectShuntButton.enabled
    hand.type(ui.marginEdit, "30")
    assert not ui.spectShuntButton.enabled and "not measured yet" in ui.shuntDetailLabel.text
    hand.type(ui.marginEdit, "-1")
    assert hand.parameters.settings.shuntMarginMm == 30.0 and hand.state("treatment") == "wrong"


# Scenes and cases that go while something is shown or runs


def closing(hand, headless, press, least: float) -> None:
    """Press a button, and close the scene when its work has come to a fraction."""
    original = hand.panel._header.showProgress

    def close(fraction, doing):
        original(fraction, doing)
        if fraction >= least and not closed:
            closed.append(fraction)
            headless.close_scene()

    closed: list[float] = []
    hand.panel._header.showProgress = close
    press()
    hand.panel._header.showProgress = original
    hand.refresh()
    assert closed


@pytest.mark.parametrize("least", [0.3, 0.97])
def test_closing_the_scene_during_a_registration_stops_it(hand, headless, shifted, least):
    ui = box(hand)
    closing(hand, headless, ui.registerButton.click, least)
    transforms = slicer.util.getNodesByClass("vtkMRMLTransformNode")
    assert not [node for node in transforms if node.GetAttribute("Y90Dosimetry.Registration")]
    assert hand.panel.widget.enabled and not ui.registerButton.enabled


def test_closing_the_scene_while_a_preview_is_shown(hand, headless, shifted):
    ui = box(hand)
    hand.press(ui.registerButton)
    headless.close_scene()
    hand.refresh()
    assert ui.registrationStateLabel.isHidden() and ui.hybridSelector.currentNode() is None
    assert hand.state("images") == "todo"


def test_a_preview_concerns_its_own_case_only(hand, shifted):
    ui = box(hand)
    hand.press(ui.registerButton)
    first = hand.parameters
    hand.press(hand.panel.ui.newCaseButton)
    assert ui.registrationStateLabel.isHidden() and "is a preview" not in hand.why("images")
    hand.panel.setParameters(first)
    hand.refresh()
    assert not ui.registrationStateLabel.isHidden() and "is a preview" in hand.why("images")


def test_a_hybrid_ct_that_is_removed_leaves_that_of_another_session(hand, shifted):
    from Y90DosimetrySlicer.parameters import newSession

    ui = box(hand)
    ui.hybridSelector.setCurrentNode(shifted)
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Other CT")
    hand.parameters.sessions.append(newSession("Delivered", basis="delivered", hybridCt=other))
    hand.refresh()
    hand.only("treatment")
    hand.panel.sessionIndex = 1
    slicer.mrmlScene.RemoveNode(shifted)
    assert hand.parameters.sessions[1].hybridCt is other


def test_the_module_can_be_reloaded_during_a_computation(hand, panel):
    hand.sample()
    button = hand.open("dose").computeButton
    original = hand.panel._header.showProgress

    def reload(fraction, doing):
        original(fraction, doing)
        if fraction > 0.5 and not done:
            done.append(fraction)
            panel.reload()

    done: list[float] = []
    hand.panel._header.showProgress = reload
    button.click()
    again = type(hand)(panel, hand.click)
    assert done and again.parameters is not None and again.parameters.doseVolume is None
    again.open("dose")


# DICOM


@pytest.fixture
def folder(tmp_path):
    from dicom_kit import OTHER_FRAME, PET, ct
    from image_files import spect_file

    ct(tmp_path / "ct")
    spect_file(tmp_path / "maa.dcm", PET, SeriesInstanceUID="1.2.826.0.1.7", FrameOfReferenceUID=OTHER_FRAME)
    return tmp_path


def test_a_dicom_folder_becomes_a_case_with_a_summary(hand, desk, folder, panel, shot):
    first, listed = hand.parameters, []

    def look(dialog):
        (table,) = dialog.findChildren("QTableWidget")
        rows = range(table.rowCount)
        listed.extend((table.item(r, 1).text(), table.cellWidget(r, 2).currentText) for r in rows)
        return 1

    desk.answer("getExistingDirectory", str(folder))
    desk.answer("exec", look)
    hand.press(hand.panel.ui.fromDicomButton)
    assert sorted(listed) == [("CT", "planning CT"), ("SPECT", "SPECT of the plan")], "what there is no doubt about"
    assert hand.parameters is not first and hand.parameters.ct is not None
    assert "Loaded: CT" in hand.message()
    assert "Session 'Plan': SPECT in counts" in hand.message() and "register both" in hand.message()
    hand.only("images")
    shot(panel.container, "dicom-loaded")
    assert not shots.too_wide(panel.container)


def test_of_several_series_one_is_chosen_and_leaving_changes_nothing(hand, desk, folder):
    from dicom_kit import ct

    ct(folder / "more", SeriesInstanceUID="1.2.826.0.1.9", prefix="m")
    first = hand.parameters
    desk.answer("getExistingDirectory", str(folder))
    desk.answer("exec", 0)
    hand.press(hand.panel.ui.fromDicomButton)
    assert hand.parameters is first and "Canceled" in hand.message()

    def choose(dialog):
        (table,) = dialog.findChildren("QTableWidget")
        load = next(b for b in dialog.findChildren("QPushButton") if b.text == "Load")
        cts = [r for r in range(table.rowCount) if table.item(r, 1).text() == "CT"]
        assert [table.cellWidget(r, 2).currentText for r in cts] == ["not used"] * 2, "two CTs: the user says which"
        for row in cts:
            table.cellWidget(row, 2).currentIndex = 1
        assert not load.enabled, "a case has one planning CT"
        table.cellWidget(cts[0], 2).currentIndex = 0
        assert load.enabled
        return 1

    desk.answer("getExistingDirectory", str(folder))
    desk.answer("exec", choose)
    hand.press(hand.panel.ui.fromDicomButton)
    assert hand.parameters is not first and hand.parameters.ct is not None


def test_a_folder_that_holds_no_dicom_is_refused(hand, desk, tmp_path):
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    desk.answer("getExistingDirectory", str(tmp_path))
    hand.press(hand.panel.ui.fromDicomButton)
    assert "no DICOM file" in hand.message()
    desk.answer("getExistingDirectory", "")
    hand.press(hand.panel.ui.fromDicomButton)


@pytest.mark.parametrize("least", [0.5, 0.92, 1.0])
def test_closing_the_scene_while_a_folder_is_loaded_leaves_an_empty_one(hand, headless, desk, folder, least):
    desk.answer("getExistingDirectory", str(folder))
    desk.answer("exec", 1)
    closing(hand, headless, hand.panel.ui.fromDicomButton.click, least)
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert hand.parameters is not None and hand.parameters.parameterNode.GetScene() is slicer.mrmlScene
    assert hand.panel.widget.enabled


def test_the_tab_key_goes_through_the_lung_shunt_before_what_is_under_it(hand):
    section = hand.panel.sections[hand.Step.TREATMENT]
    ui, chain = section.lungShunt.ui, []
    widget = ui.lungShuntBox
    while widget is not section.ui.advancedBox:
        chain += [widget.name] if widget.focusPolicy else []
        widget = widget.nextInFocusChain()
    assert chain[:3] == ["lungShuntBox", "planarLungsAnteriorEdit", "planarLungsPosteriorEdit"]
    assert chain[-1] == "wholeShuntButton"
