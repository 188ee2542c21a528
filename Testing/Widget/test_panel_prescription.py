"""Prescription: the slider and its window, the user's own numbers, and what is said when nothing fits."""

import numpy as np
import pytest
import slicer
from prescription_kit import choose_limit, colors, decided, is_green, look, names, texts
from standins.pythonqt import QtWidgets

pytest_plugins = ("panel_kit", "prescription_kit")


# The slider


def test_the_section_stands_between_treatment_and_dose(hand):
    steps = [step.value for step in hand.Step]
    assert steps.index("prescription") == steps.index("treatment") + 1 == steps.index("dose") - 1
    titles = [hand.panel.button(step).text.split(":")[0] for step in hand.Step]
    assert [title.split()[0] for title in titles] == [str(n + 1) for n in range(len(titles))]


def test_without_a_plan_or_measured_images_it_says_what_to_do(hand):
    ui = hand.open("prescription")
    assert hand.state("prescription") == "todo" and not ui.measureButton.enabled
    assert "outline the liver" in ui.headLabel.text and ui.prescribedWidget.isHidden()
    hand.sample()
    decided(hand)
    ui = hand.open("prescription")
    assert "not measured" in ui.headLabel.text
    hand.press(ui.measureButton)
    assert "lies in the window" in ui.headLabel.text and not ui.prescribedWidget.isHidden()
    assert ui.measureButton.isHidden() and hand.state("prescription") == "done"


def test_the_slider_sets_the_treatment_and_the_treatment_the_slider(hand, opened):
    section = opened()
    ui, infusion = section.ui, hand.parameters.sessions[0].infusions[0]
    vial_gbq, at_infusion_gbq = infusion.activityGbq, section.now.activityGbq
    assert ui.prescribedSlider.value == pytest.approx(at_infusion_gbq, abs=0.01)
    ui.prescribedSlider.value = 2.0
    hand.refresh()
    assert hand.parameters.sessions[0].infusions[0].activityGbq == pytest.approx(vial_gbq * 2 / at_infusion_gbq)
    assert ui.prescribedEdit.text == "2"
    treatment = hand.open("treatment")
    assert float(treatment.activityEdit.text) == pytest.approx(vial_gbq * 2 / at_infusion_gbq, rel=1e-5)
    lowest = texts(treatment.liveTable).index("Right lobe")
    half = float(treatment.liveTable.item(lowest, 2).text())
    hand.type(treatment.activityEdit, str(2 * vial_gbq))
    assert ui.prescribedSlider.value == pytest.approx(2 * at_infusion_gbq, abs=0.01)
    assert ui.prescribedEdit.text == f"{2 * at_infusion_gbq:.2f}"
    doses = float(treatment.liveTable.item(lowest, 2).text())
    assert doses == pytest.approx(half * at_infusion_gbq, rel=0.01), "the doses follow as well"


def test_the_head_says_whether_the_activity_lies_in_the_window(hand, opened):
    section = opened()
    ui, window = section.ui, section.now.window
    assert "lies in the window" in ui.headLabel.text and hand.state("prescription") == "done"
    hand.type(ui.prescribedEdit, f"{window.low_gbq - 0.2:.2f}")
    assert "below the window" in ui.headLabel.text and hand.state("prescription") == "outside"
    assert "Not kept now" in ui.explanationLabel.text
    hand.type(ui.prescribedEdit, f"{window.high_gbq + 0.2:.2f}")
    assert "above the window" in ui.headLabel.text
    assert "Lower end" in ui.explanationLabel.text and "Upper end" in ui.explanationLabel.text


@pytest.mark.parametrize("text", ["", "0", "-2", "much"])
def test_what_is_no_activity_is_named_and_not_prescribed(hand, opened, text):
    section = opened()
    before = hand.parameters.sessions[0].infusions[0].activityGbq
    hand.type(section.ui.prescribedEdit, text)
    assert hand.parameters.sessions[0].infusions[0].activityGbq == before
    assert hand.state("prescription") == "wrong" and "Activity" in hand.why("prescription")
    section.ui.prescribedSlider.value = 2.5
    hand.refresh()
    assert hand.state("prescription") != "wrong" and section.ui.prescribedEdit.text == "2.5"


def test_a_drag_is_undone_at_once_and_a_second_one_by_itself(hand, opened):
    section = opened()
    ui = section.ui
    before = hand.parameters.sessions[0].infusions[0].activityGbq
    assert not ui.undoPrescriptionButton.enabled
    for gbq in (2.5, 2.0, 1.5):
        ui.prescribedSlider.value = gbq
        hand.refresh()
    section._onPause()
    for gbq in (1.6, 1.7):
        ui.prescribedSlider.value = gbq
        hand.refresh()
    hand.press(ui.undoPrescriptionButton)
    assert section.now.activityGbq == pytest.approx(1.5)
    hand.press(ui.undoPrescriptionButton)
    assert hand.parameters.sessions[0].infusions[0].activityGbq == before
    assert not ui.undoPrescriptionButton.enabled


# The picture


def test_the_window_is_green_where_the_slider_would_stand(hand, opened):
    section = opened()
    hand.type(section.ui.prescribedEdit, "1")
    slider, window = section.ui.prescribedSlider, section.now.window
    green = np.flatnonzero([is_green(color) for color in colors(section)])
    inset = slider.style().pixelMetric(QtWidgets.QStyle.PM_SliderLength) / 2
    long = slider.width - 2 * inset
    low, high = (inset + long * gbq / slider.maximum for gbq in (window.low_gbq, window.high_gbq))
    assert len(green) and green.min() >= low - 2 and green.max() <= high + 2
    assert green.max() - green.min() >= high - low - 6, "but for the marks at both ends"


def test_nothing_is_green_when_the_window_is_empty(hand, opened):
    from Y90DosimetrySlicer.ownnumbers import setLimit

    section = opened()
    setLimit(hand.parameters, "S2-DOSE-02:120", 90)
    hand.refresh()
    assert not any(is_green(color) for color in colors(section))


def test_constraints_say_their_names_and_more_under_the_mouse(hand, opened):
    section = opened()
    labels = [label for label in section.ui.pictureLabel.findChildren("QLabel") if not label.isHidden()]
    by_text = {label.text: label for label in labels}
    for text in ("Portal vein throm… ≥ 205 Gy", "Perfused normal ≤ 120 Gy", "Tumor 2 ≥ 205 Gy"):
        assert text in by_text
    assert "S2-DOSE-02" in by_text["Perfused normal ≤ 120 Gy"].toolTip
    assert by_text["Portal vein throm… ≥ 205 Gy"].font.bold() and not by_text["Tumor 2 ≥ 205 Gy"].font.bold()
    boxes = [label.geometry for label in labels]
    for n, box in enumerate(boxes):
        assert not any(box.adjusted(1, 3, -1, -3).intersects(other.adjusted(1, 3, -1, -3)) for other in boxes[:n])


def test_vials_are_ticks_with_their_size(hand, opened):
    section = opened()
    shown = [t for t in names(section) if t in ("3", "5", "7", "10", "15", "20")]
    assert shown and "cal. 03-01" in names(section)
    hand.parameters.sessions[0].infusions[0].givenAt = ""
    hand.parameters.sessions[0].infusions[0].calibratedAt = ""
    hand.refresh()
    assert "cal. 03-01" not in names(section), "without a moment there are no ticks"


def test_the_picture_follows_the_width_of_the_panel(hand, panel, opened):
    section = opened()
    widths = []
    for wide in (400, 620):
        panel.container.resize(wide, 900)
        slicer.app.processEvents()
        label = section.ui.pictureLabel
        widths.append(label.pixmap.width() / label.pixmap.devicePixelRatio())
        assert widths[-1] == label.width
    assert widths[1] > widths[0]


# Constraints


def test_a_number_of_ones_own_flips_the_window_and_reset_flips_it_back(hand, opened):
    section = opened()
    ui = section.ui
    look(hand, section, ui.limitsBox)
    choose_limit(section, "S2-DOSE-02")
    assert "120" in ui.limitLabel.text and ui.limitEdit.text == "" and not ui.resetLimitButton.enabled
    hand.type(ui.limitEdit, "100")
    assert "No activity keeps" in ui.headLabel.text and hand.state("prescription") == "outside"
    assert "changed by you from 120 Gy" in ui.explanationLabel.text
    assert "1 changed by you" in ui.limitsBox.title
    row = next(r for r, text in enumerate(texts(ui.limitsTable, 1)) if "not 120" in text)
    assert ui.limitsTable.item(row, 0).background().color().name() == "#7a4fa3"
    hand.press(ui.resetLimitButton)
    assert "lies in the window" in ui.headLabel.text and ui.limitEdit.text == ""
    assert dict(hand.parameters.limits) == {}
    hand.press(ui.undoPrescriptionButton)
    assert dict(hand.parameters.limits) == {"S2-DOSE-02:120": "100"}, "a reset can be undone too"


def test_a_constraint_can_be_set_aside_and_stays_in_sight(hand, opened):
    section = opened()
    ui = section.ui
    look(hand, section, ui.limitsBox)
    choose_limit(section, "S2-DOSE-02")
    high_gbq = section.now.window.high_gbq
    hand.press(ui.asideCheck)
    assert section.now.window.high_gbq > high_gbq
    assert any("set aside" in text for text in texts(ui.limitsTable))
    assert ui.asideCheck.checked and not ui.limitEdit.enabled
    hand.press(ui.resetLimitsButton)
    assert section.now.window.high_gbq == pytest.approx(high_gbq) and not ui.asideCheck.checked


def test_a_bound_of_ones_own_is_added_where_the_dose_is_changed_marked_and_removed(hand, opened):
    section = opened()
    ui = section.ui
    look(hand, section, ui.limitsBox)
    assert section.now.window.holds(section.now.activityGbq)
    ui.ownDoseCombo.currentIndex = next(
        i
        for i in range(ui.ownDoseCombo.count)
        if ui.ownDoseCombo.itemText(i) == "Mean dose of the perfused normal liver"
    )
    hand.press(ui.addOwnButton)
    ((key, text),) = dict(hand.parameters.limits).items()
    assert key == "ntad_gy.multicompartment<=" and "lies in the window" in ui.headLabel.text, "it starts as kept"
    assert ui.limitEdit.text == text and ui.resetLimitButton.text == "Remove" and not ui.asideCheck.enabled
    hand.type(ui.limitEdit, "100")
    assert "No activity keeps" in ui.headLabel.text and "(your own)" in ui.explanationLabel.text
    assert "1 changed by you" in ui.limitsBox.title
    row = next(r for r, name in enumerate(texts(ui.limitsTable)) if name.endswith("your own"))
    assert ui.limitsTable.item(row, 0).background().color().name() == "#7a4fa3"
    assert any(name == "Perfused normal ≤ 100 Gy, yours" for name in names(section))
    hand.press(ui.addOwnButton)
    assert dict(hand.parameters.limits) == {key: "100"}, "one bound a dose and side: what was typed stays"
    hand.press(ui.resetLimitButton)
    assert dict(hand.parameters.limits) == {} and "lies in the window" in ui.headLabel.text
    hand.press(ui.undoPrescriptionButton)
    assert dict(hand.parameters.limits) == {key: "100"}


def test_the_written_report_has_the_numbers_of_the_panel(hand, opened, tmp_path):
    section = opened()
    look(hand, section, section.ui.limitsBox)
    choose_limit(section, "S2-DOSE-02")
    hand.type(section.ui.limitEdit, "118")
    hand.parameters.limits["whole_normal_liver_dose_gy.multicompartment<="] = "75"
    hand.parameters.stated["calibration_fraction"] = "0.05"
    hand.panel.workflow.compute()
    hand.refresh()
    report = hand.open("report")
    report.folderEdit.currentPath = str(tmp_path)
    report.screenshotsCheck.checked = False
    hand.press(report.writeButton)
    (page,) = tmp_path.glob("*/report.html")
    html = page.read_text("utf-8")
    assert "at most 118 Gy (set by the user; the rule says 120 Gy)" in html
    assert "your own: Mean dose of the whole normal liver at most 75 Gy" in html
    assert "calibration_fraction = 0.05" in html and "No interval" not in html


@pytest.mark.parametrize("text", ["0", "-3", "many"])
def test_a_limit_that_is_no_dose_is_named_and_not_stored(hand, opened, text):
    section = opened()
    look(hand, section, section.ui.limitsBox)
    choose_limit(section, "S2-DOSE-02")
    hand.type(section.ui.limitEdit, text)
    assert dict(hand.parameters.limits) == {}
    assert hand.state("prescription") == "wrong" and "Your number" in hand.why("prescription")


def test_an_empty_window_names_the_pair_and_what_each_would_have_to_give(hand, opened):
    from Y90DosimetrySlicer.ownnumbers import setLimit

    section = opened()
    setLimit(hand.parameters, "S2-DOSE-02:120", 100)
    hand.refresh()
    conflict, said = section.now.window.conflict, section.ui.explanationLabel.text
    assert "S2-DOSE-02" in said and "S5-DOSE-04" in said
    assert f"{conflict.lower_gives_gy:.1f} Gy too little" in said
    assert f"{conflict.upper_gives_gy:.1f} Gy too much" in said
