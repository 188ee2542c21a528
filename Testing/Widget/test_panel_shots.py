"""Pictures of every section, light and dark, 400 pixels wide: nothing needs more, and someone looks at them."""

import pytest
from standins import shots

pytest_plugins = ("panel_kit",)


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
