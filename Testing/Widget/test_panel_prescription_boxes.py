"""Prescription: vials, several infusions, what was delivered, how sure it is, and the saved scene."""

import pytest
from prescription_kit import BOXES, choose_limit, deliver, look, names, texts
from standins import shots

pytest_plugins = ("panel_kit", "prescription_kit")


# Vials


def test_one_click_takes_a_vial_and_undo_gives_it_back(hand, opened):
    section = opened(narrow=False)
    ui = section.ui
    look(hand, section, ui.vialsBox)
    assert "meet the plan" in ui.vialsLabel.text and not ui.useVialButton.enabled
    assert "3 (03-01) + 5 (03-01)" in ui.pairsLabel.text and "add a second infusion" in ui.pairsLabel.text
    before = hand.parameters.sessions[0].infusions[0].calibratedAt
    ui.vialsTable.selectRow(texts(ui.vialsTable).index("10 (03-01)\n3.67 GBq"))
    assert "million spheres" in ui.vialDetailLabel.text
    assert hand.parameters.sessions[0].infusions[0].activityGbq == 6.0, "choosing a row takes nothing"
    hand.press(ui.useVialButton)
    infusion = hand.parameters.sessions[0].infusions[0]
    assert infusion.activityGbq == 10.0 and infusion.calibratedAt == "2026-03-01T12:00:00-05:00"
    assert infusion.givenAt.startswith("2026-03-05T14:44"), "the middle of its hours by day: 11:29, 3.80 GBq, to 18:00"
    assert section.now.window.holds(section.now.activityGbq)
    hand.press(ui.undoPrescriptionButton)
    infusion = hand.parameters.sessions[0].infusions[0]
    assert infusion.activityGbq == 6.0 and infusion.calibratedAt == before


def test_the_week_table_marks_what_meets_the_plan_and_offers_it(hand, opened):
    section = opened(narrow=False)
    ui = section.ui
    look(hand, section, ui.vialsBox)
    cells = [
        (r, c)
        for r in range(ui.weekTable.rowCount)
        for c in range(1, ui.weekTable.columnCount)
        if ui.weekTable.item(r, c) is not None and "★" in ui.weekTable.item(r, c).text()
    ]
    meeting = [v for v in section.vials._plans.week if v.meets_plan]
    assert len(cells) == len(meeting) > 0
    ui.weekTable.setCurrentCell(*cells[0])
    assert ui.useVialButton.enabled and not ui.vialsTable.selectedItems()
    hand.press(ui.useVialButton)
    assert section.now.window.holds(section.now.activityGbq)


def test_day_time_zone_and_custom_sizes(hand, opened):
    section = opened()
    ui = section.ui
    look(hand, section, ui.vialsBox)
    assert "03-02 to 03-08" in ui.vialsLabel.text and ui.dayEdit.placeholderText == "2026-03-04"
    hand.type(ui.dayEdit, "2026-03-12")
    section.catchUp()
    assert "03-09 to 03-15" in ui.vialsLabel.text and "cal. 03-08" in names(section)
    rows = ui.vialsTable.rowCount
    hand.press(ui.customVialsCheck)
    section.catchUp()
    assert ui.vialsTable.rowCount > rows and any("?" in text for text in texts(ui.vialsTable))
    hand.type(ui.clockEdit, "8:15")
    assert hand.parameters.prescription.clock == "08:15"
    hand.type(ui.clockEdit, "noon")
    assert hand.state("prescription") == "wrong" and hand.parameters.prescription.clock == "08:15"
    hand.type(ui.clockEdit, "10:00")
    hand.type(ui.vialZoneEdit, "Europe")
    assert hand.state("prescription") == "wrong", "a folder of the zones, none of them"
    hand.type(ui.vialZoneEdit, "America/Denver")
    assert hand.open("treatment").zoneCombo.currentText == "America/Denver"


def test_vials_wait_for_a_pause_and_for_being_looked_at(hand, opened, monkeypatch):
    from Y90DosimetrySlicer import vialplans

    section, calls, original = opened(), [], vialplans.vialPlans
    monkeypatch.setattr(vialplans, "vialPlans", lambda *a: calls.append(a) or original(*a))
    section.ui.prescribedSlider.value = 2.5
    hand.refresh()
    section.catchUp()
    assert calls == [], "the box is closed"
    look(hand, section, section.ui.vialsBox)
    assert len(calls) == 1
    for gbq in (2.6, 2.7, 2.8):
        section.ui.prescribedSlider.value = gbq
        hand.refresh()
        section.catchUp()
    assert len(calls) == 1, "the vials do not depend on the slider"
    hand.parameters.sessions[0].infusions[0].residualFraction = 0.1
    hand.refresh()
    assert len(calls) == 1 and section._pause.active, "it waits"
    section.catchUp()
    assert len(calls) == 2


def test_a_slider_measures_nothing_again(hand, opened, monkeypatch):
    from Y90DosimetrySlicer import prescribing

    from Y90DosimetryLib import engine

    section = opened()
    for module, name in ((engine, "prepare"), (prescribing, "dose_lines"), (prescribing, "constraints_of")):
        monkeypatch.setattr(module, name, lambda *_a, name=name: pytest.fail(f"{name} was called"))
    section.ui.prescribedSlider.value = 2.5
    hand.refresh()
    assert section.now.activityGbq == pytest.approx(2.5)


# Several infusions, delivered sessions, uncertainties


def test_several_infusions_have_a_set_and_a_best_choice(hand, opened):
    from Y90DosimetrySlicer.ownnumbers import setLimit

    section = opened("modified_lobectomy")
    ui = section.ui
    look(hand, section, ui.togetherBox)
    assert "No activity of this infusion alone keeps" in ui.explanationLabel.text
    setLimit(hand.parameters, "S2-DOSE-04:90", 30)
    setLimit(hand.parameters, "S2-DOSE-02:120", 30)
    hand.refresh()
    section.catchUp()
    assert "eased by" in ui.togetherLabel.text and ui.useBestButton.isHidden()
    setLimit(hand.parameters, "S2-DOSE-02:120", None)
    setLimit(hand.parameters, "S2-DOSE-04:90", 130)
    hand.refresh()
    section.catchUp()
    assert "Best:" in ui.togetherLabel.text
    look(hand, section, ui.vialsBox)
    assert "5 (03-01) for Segment vial + 5 (03-01) for Lobe vial" in ui.pairsLabel.text
    assert "add a second infusion" not in ui.pairsLabel.text
    least = section.together._found
    hand.press(ui.useBestButton)
    assert section.now.lines.entered_gbq == pytest.approx(least.best.activities_gbq)
    hand.choose(ui.aimCombo, "the least dose")
    section.catchUp()
    assert section.together._found.best.activities_gbq[0] < least.best.activities_gbq[0]
    hand.choose(ui.prescribedCombo, "Plan: Lobe vial")
    assert section.now.label == "Lobe vial"
    hand.open("treatment")
    assert hand.ui("treatment").infusionNameEdit.text == "Lobe vial"


def test_one_infusion_needs_no_such_box(hand, opened):
    ui = opened().ui
    assert ui.togetherBox.isHidden() and ui.comparisonBox.isHidden() and ui.prescribedCombo.isHidden()


def test_a_delivered_plan_is_compared_and_a_second_session_proposed(hand, opened):
    section = opened(narrow=False)
    deliver(hand)
    ui = section.ui
    assert ui.prescribedWidget.isHidden() and "no planned session is open" in ui.headLabel.text
    look(hand, section, ui.comparisonBox)
    assert "Tumor 2 was planned with" in ui.comparisonLabel.text
    row = texts(ui.comparisonTable).index("Tumor 2")
    planned, given = (float(ui.comparisonTable.item(row, column).text()) for column in (1, 2))
    assert given == pytest.approx(0.6 * planned, abs=1)
    second = "A second session by Right vial: no activity keeps everything (Portal vein thrombus ≥ 205 Gy"
    assert second in ui.secondLabel.text, "what the thrombus needs in one session was not given"


def test_nothing_stated_is_no_interval_and_it_says_so(hand, opened):
    section = opened()
    ui = section.ui
    look(hand, section, ui.sureBox)
    assert "No dose has an interval" in ui.sureLabel.text and ui.sureTable.isHidden()
    assert all(getattr(ui, name).text == "" for name in ("shuntSdEdit", "calibrationSdEdit", "contourVoxelEdit"))
    hand.type(ui.calibrationSdEdit, "5")
    section.catchUp()
    assert dict(hand.parameters.stated) == {"calibration_fraction": "0.05"}
    assert ui.sureTable.isHidden() and "not worked out yet" in ui.sureLabel.text
    hand.press(ui.sureButton)
    assert not ui.sureTable.isHidden() and ui.sureTable.rowCount > 5
    low, high = (float(part) for part in texts(ui.sureTable, 2)[0].split(" – "))
    dose = float(texts(ui.sureTable, 1)[0])
    assert high - low == pytest.approx(0.2 * dose, abs=2)
    assert "Lower end of the window" in ui.safetyLabel.text and "safely kept" in ui.safetyLabel.text
    assert "probability" in ui.safetyLabel.text and "calibration alone could turn it" in ui.safetyLabel.text
    section.ui.prescribedSlider.value = 2.5
    hand.refresh()
    section.catchUp()
    assert ui.sureTable.isHidden(), "they were of another activity"
    hand.type(ui.calibrationSdEdit, "")
    section.catchUp()
    assert dict(hand.parameters.stated) == {} and ui.sureTable.isHidden()


def test_an_impossible_uncertainty_is_said_on_top(hand, opened):
    section = opened()
    look(hand, section, section.ui.sureBox)
    hand.type(section.ui.calibrationSdEdit, "150")
    section.catchUp()
    assert "no fraction below 1" in hand.message()


# The scene


def test_a_saved_scene_brings_the_prescription_back(hand, opened, headless, tmp_path):
    section = opened()
    hand.parameters.caseLabel = "Case 7"
    look(hand, section, section.ui.limitsBox)
    choose_limit(section, "S2-DOSE-02")
    hand.type(section.ui.limitEdit, "110")
    section.ui.ownDoseCombo.currentIndex = 0
    hand.press(section.ui.addOwnButton)
    hand.type(section.ui.limitEdit, "111")
    section.ui.vialsBox.collapsed = False
    hand.type(section.ui.dayEdit, "2026-03-05")
    hand.press(section.ui.customVialsCheck)
    section.ui.sureBox.collapsed = False
    hand.type(section.ui.shuntSdEdit, "1")
    headless.save(tmp_path / "case.mrb")
    headless.close_scene()
    hand.refresh()
    assert section.now is None and section.ui.limitsTable.rowCount == 0 and section.history.isEmpty
    headless.load(tmp_path / "case.mrb")
    hand.panel.setParameters(next(c for c in hand.logic.cases() if c.caseLabel == "Case 7"))
    hand.panel.workflow.prepare()
    ui = hand.open("prescription")
    assert dict(hand.parameters.limits) == {"S2-DOSE-02:120": "110", "ntad_gy.multicompartment<=": "111"}
    assert ui.dayEdit.text == "2026-03-05" and ui.customVialsCheck.checked and ui.shuntSdEdit.text == "1"
    assert "2 changed by you" in ui.limitsBox.title


def test_it_fits_into_400_pixels_light_and_dark(hand, panel, opened, shot):
    from Y90DosimetrySlicer.ownnumbers import setLimit

    section = opened()
    shot(panel.container, "prescription")
    for name in BOXES:
        box = getattr(section.ui, name)
        if box.isHidden():
            continue
        if name == "sureBox":
            hand.type(section.ui.shuntSdEdit, "1")
            hand.type(section.ui.calibrationSdEdit, "5")
        look(hand, section, box)
        if name == "sureBox":
            hand.press(section.ui.sureButton)
        shot(panel.container, f"prescription-{name}")
        assert not shots.too_wide(panel.container)
        box.collapsed = True
    setLimit(hand.parameters, "S2-DOSE-02:120", 100)
    hand.refresh()
    shot(panel.container, "prescription-empty")
    deliver(hand)
    look(hand, section, section.ui.comparisonBox)
    shot(panel.container, "prescription-delivered")
    assert not shots.too_wide(panel.container)
    section = opened("modified_lobectomy")
    for name, limit_gy in (("empty", 90), ("open", 130)):
        setLimit(hand.parameters, "S2-DOSE-04:90", limit_gy)
        look(hand, section, section.ui.togetherBox)
        shot(panel.container, f"prescription-two-{name}")
    assert not shots.too_wide(panel.container)
