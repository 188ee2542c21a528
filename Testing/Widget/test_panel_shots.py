"""Pictures of every section, light and dark, 400 pixels wide: nothing needs more, and someone looks at them."""

import pytest
from standins import shots

pytest_plugins = ("panel_kit",)


@pytest.fixture
def panel_in_font(open_module, click, scene):
    """Return a function that opens the panel in a font of another size."""
    from conftest import APPLICATION, MODULE
    from panel_kit import Hand

    usual = APPLICATION.font()

    def open_(point_size: int):
        font = type(usual)(usual)
        font.setPointSizeF(point_size)
        APPLICATION.setFont(font)
        opened = open_module(MODULE)
        return Hand(opened, click), opened

    yield open_
    APPLICATION.setFont(usual)


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "sample"])
def test_every_section_fits_into_400_pixels(hand, panel, shot, filled):
    if filled:
        hand.sample()
        hand.press(hand.open("dose").computeButton)
        table = hand.open("findings").findingsTable
        table.selectRow(1)
    for step in hand.Step:
        hand.only(step)
        for path in shot(panel.container, f"{'sample' if filled else 'empty'}-{step.value}"):
            assert path.stat().st_size > 5000
        assert not shots.too_wide(panel.container)


def test_wrong_and_stale_states_are_shown(hand, panel, shot):
    hand.sample()
    hand.press(hand.open("dose").computeButton)
    hand.type(hand.open("treatment").activityEdit, "4")
    hand.type(hand.open("patient").weightEdit, "heavy")
    hand.type(hand.ui("patient").albuminEdit, "4.1")
    hand.only("dose")
    shot(panel.container, "stale-dose")
    hand.only("patient")
    shot(panel.container, "wrong-patient")
    assert not shots.too_wide(panel.container)


@pytest.mark.parametrize("point_size", [9, 12])
def test_no_digit_of_a_day_is_hidden_in_a_larger_font(panel_in_font, point_size):
    hand, panel = panel_in_font(point_size)
    hand.sample()
    ui = hand.only("treatment")
    panel.container.resize(shots.WIDTH, 1200)
    hand.refresh()
    for edit in (ui.calibratedEdit, ui.givenEdit):
        room = edit.width - 2 * edit.fontMetrics().averageCharWidth()
        assert edit.fontMetrics().horizontalAdvance(edit.text) <= room
