"""What the tests of the follow-up share: a patient with studies in the panel, and where to look."""

from __future__ import annotations

from functools import lru_cache

import pytest
from panel_kit import COARSE

from Y90DosimetryLib.phantom.followup import patient_over_time


@lru_cache
def over_time():
    return patient_over_time(COARSE)


@pytest.fixture
def course(hand):
    """A digital patient with studies at months 1, 3 and 6, measured, with the section open; its widgets."""
    from Y90DosimetrySlicer import sampledata

    sampledata.parametersOf(over_time())
    hand.panel.setParameters(hand.logic.cases()[-1])
    hand.panel.workflow.prepare()
    return hand.only("followUp")


def texts(table, column=0):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def title(hand) -> str:
    return hand.panel.button(hand.Step("followUp")).text


def head(ui) -> list[str]:
    table = ui.readingsTable
    return [table.horizontalHeaderItem(column).text().replace("\n", " ") for column in range(table.columnCount)]


def pick(hand, ui, lesion: str, study: str) -> None:
    """Choose the cell of a lesion on a study."""
    ui.readingsBox.collapsed = False
    ui.readingsTable.setCurrentCell(texts(ui.readingsTable).index(lesion), head(ui).index(study))
    hand.refresh()


def cell(ui, lesion: str, study: str) -> str:
    return ui.readingsTable.item(texts(ui.readingsTable).index(lesion), head(ui).index(study)).text()


def reading(hand, study: str, lesion: str):
    pack = next(p for p in hand.parameters.timePoints if p.label == study)
    return next(x for x in pack.lesions if x.lesion == lesion)
