"""What is typed: wrong things are named and never become a number; what is unknown stays unknown."""

import pytest

pytest_plugins = ("panel_kit",)


def test_everything_starts_unknown_and_never_as_zero(hand):
    ui = hand.open("patient")
    for edit in (ui.weightEdit, ui.heightEdit, ui.bilirubinEdit, ui.albuminEdit, ui.inrEdit, ui.gfrEdit, ui.afpEdit):
        assert edit.text == "" and edit.placeholderText == "unknown"
    for combo in (ui.ascitesCombo, ui.encephalopathyCombo, ui.ecogCombo, ui.intentCombo):
        assert combo.currentText == "unknown"
    patient = hand.parameters.patient
    assert patient.weightKg is None and patient.ecog is None and hand.parameters.scenario == 0
    assert "needs weight, height" in ui.scoresLabel.text


@pytest.mark.parametrize("text", ["heavy", "7 4", "1e999", "nan", "74kg"])
def test_what_is_no_number_is_named_and_not_stored(hand, text):
    ui = hand.open("patient")
    hand.type(ui.weightEdit, text)
    assert hand.parameters.patient.weightKg is None
    assert hand.state("patient") == "wrong" and "Weight" in hand.why("patient")
    title = hand.panel.button(hand.Step.PATIENT).text
    assert "✖" in title and "wrong" in title
    assert ui.weightEdit.text == text, "what was typed is left for the user to correct"
    hand.type(ui.weightEdit, "74")
    assert hand.parameters.patient.weightKg == 74
    assert hand.state("patient") != "wrong"


def test_a_decimal_comma_is_understood(hand):
    ui = hand.open("patient")
    hand.type(ui.inrEdit, "1,05")
    assert hand.parameters.patient.inrRatio == 1.05


@pytest.mark.parametrize("text", ["1,200", "12,500", "-1,200"])
def test_a_comma_before_three_digits_is_neither_thousands_nor_decimals(hand, text):
    ui = hand.open("patient")
    hand.type(ui.afpEdit, text)
    assert hand.parameters.patient.afpNgMl is None, "an AFP of 12,500 is no 12.5"
    assert text.replace(",", "") in hand.why("patient") and text.replace(",", ".") in hand.why("patient")


@pytest.mark.parametrize(
    ("text", "value"), [("0,125", 0.125), ("12,5", 12.5), ("1234,567", 1234.567), ("1200", 1200.0)]
)
def test_a_comma_that_can_only_part_decimals_does(hand, text, value):
    hand.type(hand.open("patient").afpEdit, text)
    assert hand.parameters.patient.afpNgMl == value


def test_a_value_no_human_has_is_warned_about_at_its_section(hand):
    ui = hand.open("patient")
    hand.type(ui.weightEdit, "740")
    assert "Weight" in ui.checksLabel.text and "warning" in ui.checksLabel.text
    button = hand.panel.ui.warningsButton
    assert button.enabled
    hand.panel.button(hand.Step.PATIENT).collapsed = True
    for _ in range(4):
        hand.press(button)
    assert not hand.panel.button(hand.Step.PATIENT).collapsed, "the counter leads to it"


def test_a_negative_value_is_wrong(hand):
    hand.type(hand.open("patient").heightEdit, "-174")
    assert hand.state("patient") == "wrong"


def test_emptying_a_field_makes_it_unknown_again(hand):
    ui = hand.open("patient")
    hand.type(ui.weightEdit, "74")
    hand.type(ui.weightEdit, "")
    assert hand.parameters.patient.weightKg is None


def test_bilirubin_switches_its_unit_and_keeps_its_value(hand):
    ui = hand.open("patient")
    hand.type(ui.bilirubinEdit, "34.2")
    hand.choose(ui.bilirubinUnitCombo, "mg/dL")
    assert ui.bilirubinEdit.text == "2"
    assert hand.parameters.patient.bilirubinUmolL == pytest.approx(34.2)
    hand.type(ui.bilirubinEdit, "1")
    assert hand.parameters.patient.bilirubinUmolL == pytest.approx(17.1)


def test_scores_appear_as_they_are_typed(hand):
    ui = hand.open("patient")
    hand.type(ui.bilirubinEdit, "12")
    assert "needs albumin" in ui.scoresLabel.text
    hand.type(ui.albuminEdit, "41")
    assert "<b>-2.77</b>" in ui.scoresLabel.text


def test_scenarios_are_suggested_and_the_user_decides(hand):
    section = hand.panel.sections[hand.Step.PATIENT]
    ui = hand.open("patient")
    hand.choose(section.places["lobes_involved"], "bilobar")
    assert "4" in ui.suggestionLabel.text and hand.parameters.scenario == 0
    ui.suggestionLabel.linkActivated.emit("4")
    hand.refresh()
    assert hand.parameters.scenario == 4 and ui.scenarioCombo.currentText.startswith("4")
    hand.choose(ui.scenarioCombo, "2")
    assert "does not fit" in ui.suggestionLabel.text and hand.parameters.scenario == 2


def test_only_facts_of_the_scenario_are_asked(hand):
    section = hand.panel.sections[hand.Step.PATIENT]
    ui = hand.open("patient")
    hand.reveal(section.places["microsatellites_suspected"])
    hand.choose(ui.scenarioCombo, "1")
    assert not section.places["microsatellites_suspected"].isHidden()
    hand.choose(ui.scenarioCombo, "4")
    assert section.places["microsatellites_suspected"].isHidden()


def test_a_fact_can_be_stated_and_made_unknown_again(hand):
    combo = hand.panel.sections[hand.Step.PATIENT].places["extrahepatic_disease"]
    hand.open("patient")
    hand.choose(combo, "no")
    assert dict(hand.parameters.facts) == {"extrahepatic_disease": "false"}
    hand.choose(combo, "unknown")
    assert dict(hand.parameters.facts) == {}


def test_a_fact_out_of_its_range_is_refused_in_one_message(hand):
    edit = hand.panel.sections[hand.Step.PATIENT].places["earlier_lung_dose_gy"]
    hand.open("patient")
    hand.type(edit, "-3")
    assert "can't be below 0 Gy" in hand.message()
    assert dict(hand.parameters.facts) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [("yesterday", "is not a time"), ("2026-02-30 10:00", "no such time"), ("2026-03-04 25:00", "no such time")],
)
def test_times_that_are_none_are_named(hand, text, says):
    ui = hand.open("treatment")
    hand.press(ui.addInfusionButton)
    hand.choose(ui.givenZoneCombo, "UTC+01:00")
    hand.type(ui.givenEdit, text)
    assert hand.parameters.sessions[0].infusions[0].givenAt == ""
    assert hand.state("treatment") == "wrong" and says in hand.why("treatment")


def test_a_time_without_a_zone_is_not_guessed(hand):
    ui = hand.open("treatment")
    hand.press(ui.addInfusionButton)
    hand.type(ui.givenEdit, "2026-03-04 09:30")
    assert hand.parameters.sessions[0].infusions[0].givenAt == ""
    assert "choose its time zone" in hand.why("treatment")
    hand.choose(ui.givenZoneCombo, "UTC+01:00")
    assert hand.parameters.sessions[0].infusions[0].givenAt == "2026-03-04T09:30:00+01:00"


def test_percent_is_only_on_the_screen(hand):
    ui = hand.open("treatment")
    hand.press(ui.addInfusionButton)
    hand.type(ui.shuntEdit, "5")
    assert hand.parameters.sessions[0].infusions[0].lungShuntFraction == pytest.approx(0.05)
    hand.type(ui.shuntEdit, "150")
    assert hand.state("treatment") == "wrong"
    assert hand.ui("dose").computeButton.enabled is False or hand.panel.status.refused


def test_a_slider_writes_the_same_as_its_field(hand):
    ui = hand.open("treatment")
    hand.press(ui.addInfusionButton)
    ui.shuntSlider.value = 12.0
    ui.activitySlider.value = 2.5
    hand.refresh()
    infusion = hand.parameters.sessions[0].infusions[0]
    assert infusion.lungShuntFraction == pytest.approx(0.12) and ui.shuntEdit.text == "12"
    assert infusion.activityGbq == pytest.approx(2.5) and ui.activityEdit.text == "2.5"
    assert infusion.residualFraction is None and ui.residualEdit.text == "", "a slider at rest is no value"


def test_two_infusions_of_one_name_are_refused_at_the_field(hand):
    ui = hand.open("treatment")
    hand.press(ui.addInfusionButton)
    hand.press(ui.addInfusionButton)
    hand.type(ui.infusionNameEdit, "Vial 1")
    assert "is taken" in hand.why("treatment")
    assert [i.label for i in hand.parameters.sessions[0].infusions] == ["Vial 1", "Vial 2"]


def test_a_setting_is_never_empty_and_goes_back_to_its_default(hand):
    ui = hand.open("treatment")
    hand.type(ui.halfLifeEdit, "")
    assert "positive" in hand.why("treatment") and hand.parameters.settings.halfLifeH == 64.1
    hand.type(ui.halfLifeEdit, "60")
    assert hand.parameters.settings.halfLifeH == 60
    assert "changed" in ui.advancedBox.title
    hand.press(ui.resetButton)
    assert hand.parameters.settings.halfLifeH == 64.1 and ui.halfLifeEdit.text == "64.1"


def test_isodoses_that_are_none_are_refused(hand):
    ui = hand.open("dose")
    hand.type(ui.isodosesEdit, "fifty 100")
    assert hand.state("dose") == "wrong" and list(hand.parameters.isodosesGy) == [50, 120, 205, 400]
    hand.type(ui.isodosesEdit, "200; 100")
    assert list(hand.parameters.isodosesGy) == [100, 200]


def test_an_impossible_value_stops_the_judging_and_is_named_where_it_stands(hand):
    hand.sample()
    hand.press(hand.open("dose").computeButton)
    ui = hand.open("patient")
    hand.type(ui.albuminEdit, "4.1")
    assert hand.state("patient") == "wrong" and "4.3 g/dL = 43 g/L" in hand.why("patient")
    assert not hand.ui("dose").computeButton.enabled and "albumin" in hand.ui("dose").computeButton.toolTip
    assert hand.panel.status.live is None
    hand.type(ui.albuminEdit, "41")
    assert hand.state("patient") == "done" and hand.panel.status.live is not None


def test_showing_a_value_between_the_steps_of_a_slider_does_not_change_it(hand):
    hand.sample()
    for step in ("structures", "dose", "treatment"):
        hand.only(step)
    display, infusion = hand.parameters.display, hand.parameters.sessions[0].infusions[0]
    display.tumorThresholdFraction, display.doseOpacityFraction = 0.415, 0.333
    infusion.lungShuntFraction, infusion.residualFraction = 0.04567, 0.01234
    for step in ("structures", "dose", "treatment"):
        hand.open(step)
    assert (display.tumorThresholdFraction, display.doseOpacityFraction) == (0.415, 0.333)
    infusion = hand.parameters.sessions[0].infusions[0]
    assert (infusion.lungShuntFraction, infusion.residualFraction) == (0.04567, 0.01234)
    assert hand.ui("treatment").shuntEdit.text == "4.567"
