"""What follows from the studies: the remnant over time with its picture, the response, readiness for surgery."""

from __future__ import annotations

from collections.abc import Sequence

import qt

from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.guidelines import Finding

from ..followupcharts import lesionChart, remnantChart
from ..followuptexts import readinessText, remnantText, responseText
from ..followupview import remnantRows, remnantTips, volumeRows
from .followuppicture import CoursePicture
from .marks import badge, markOf
from .section import fitHeight

STUDY = 0


class ResultsBox:
    """The three boxes at the end of the section."""

    def __init__(self, section) -> None:
        self._ui = ui = section.ui
        self.remnantPicture, self.lesionsPicture = CoursePicture(ui.remnantPicture), CoursePicture(ui.lesionsPicture)
        self._shown: object = None
        for table in (ui.remnantTable, ui.volumesTable):
            table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            for column in range(table.columnCount):
                mode = qt.QHeaderView.Stretch if column == STUDY else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)
        self.show(None, ())

    def show(self, followUp: FollowUp | None, findings: Sequence[Finding]) -> None:
        """Show what follows; nothing where nothing is known."""
        ui = self._ui
        for box in (ui.remnantBox, ui.responseBox, ui.readinessBox):
            box.visible = followUp is not None
        if followUp is None:
            self._shown = None
            return
        if followUp is self._shown:
            return
        self._shown = followUp
        self._fill(ui.remnantTable, remnantRows(followUp.remnant), remnantTips(followUp.remnant))
        self._fill(ui.volumesTable, volumeRows(followUp.remnant), [])
        ui.remnantLabel.text = remnantText(followUp, findings, _badge)
        ui.responseLabel.text = responseText(followUp.response)
        ui.readinessLabel.text = readinessText(followUp.readiness, _badge)
        self.remnantPicture.show(remnantChart(followUp))
        self.lesionsPicture.show(lesionChart(followUp.response))

    def _fill(self, table, rows: list[tuple[str, ...]], tips: list[str]) -> None:
        table.rowCount = len(rows)
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(tips[r] if tips else row[STUDY])
                if c != STUDY:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                table.setItem(r, c, item)
        fitHeight(table)

    def clear(self) -> None:
        """Forget what was shown."""
        self._shown = None
        self.show(None, ())


def _badge(name: str) -> str:
    return badge(markOf(name))
