"""Follow-up: studies of other days as a time line, what is due, readings, what follows from them, and the outcome.

It stays out of the way until there is a study: one button, and the closed box of the outcome. Everything follows
what is typed and drawn at once; only outlines are measured anew, and only when they change.
"""

from __future__ import annotations

from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.timepoints import TimeKind

from ..followup import addBaseline, addTimePoint, isUnread, suggestions, unusedVolumes
from ..followupview import dueRows, dueSentence, headOf, studyRows
from ..outcomes import isOutcomeStated
from ..parameters import factsOf
from ..readings import lostLines
from .followupoutcome import OutcomeBox
from .followupreadings import ReadingsBox
from .followupresults import ResultsBox
from .followupstudy import StudyBox
from .marks import LINK, State, markOf
from .section import Section, fitHeight
from .steps import Status, Step

DAY, STUDY, AFTER = range(3)
MARK, WHAT, WINDOW = range(3)


class FollowUpSection(Section):
    """The section after the findings."""

    step = Step.FOLLOW_UP
    uiName = "Y90DosimetryFollowUp"

    def build(self) -> None:
        """Connect the widgets and make the boxes."""
        ui = self.ui
        self.index = 0
        """Which study is shown, in the parameter node's order."""
        self._rows: tuple = ()
        self._due: tuple = ()
        self._offered: tuple = ()
        self._unused: list = []
        self._held = None
        ui.studiesTable.connect("itemSelectionChanged()", self._onRow)
        ui.addStudyButton.connect("clicked(bool)", self._onAdd)
        ui.addBaselineButton.connect("clicked(bool)", self._onAddBaseline)
        ui.removeStudyButton.connect("clicked(bool)", self._onRemove)
        ui.suggestionsLabel.connect("linkActivated(QString)", self._onSuggestion)
        ui.followUpMeasureButton.connect("clicked(bool)", self._onMeasure)
        for table, stretched in ((ui.studiesTable, STUDY), (ui.dueTable, WHAT)):
            table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            for column in range(table.columnCount):
                mode = qt.QHeaderView.Stretch if column == stretched else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)
        self.study = StudyBox(self)
        self.readings = ReadingsBox(self)
        self.results = ResultsBox(self)
        self.outcome = OutcomeBox(self)
        self.places["time_points"] = ui.addStudyButton

    # What is selected

    def point(self):
        """Return the study that is shown, None when there is none; read anew, so that it may be changed."""
        if self._held is not None:
            return self._held
        if self.parameters is None:
            return None
        points = self.parameters.timePoints
        return points[self.index] if 0 <= self.index < len(points) else None

    @property
    def studies(self) -> list:
        """The studies of the case, for reading."""
        return list(self.parameters.timePoints) if self.parameters is not None else []

    def choose(self, index: int) -> None:
        """Show another study."""
        if index != self.index:
            self.index = index
            self.forgive()
            self.study.forget()

    # Showing

    def judge(self, live) -> tuple[State, str]:
        """Return where the follow-up stands, and why in words."""
        studies = self.studies
        if not studies and not isOutcomeStated(self.parameters):
            return State.IDLE, ""
        undated = [pack.label for pack in studies if not pack.day]
        if undated:
            return State.TODO, _("enter the day of {studies}").format(studies=", ".join(undated))
        lost = [sentence for pack in studies for sentence in lostLines(pack)]
        if lost:
            return State.WARNINGS, "; ".join(lost)
        if live is None:
            return (State.TODO, _("not measured yet")) if studies else (State.DONE, "")
        unread = [pack.label for pack in studies if isUnread(pack)]
        if unread:
            return State.TODO, _("outline or read something on {studies}").format(studies=", ".join(unread))
        found = followUpOf(live)
        if isinstance(found, InputError):
            return State.WRONG, str(found)
        if Status(checks=live.checks).raisedAt(self.step):
            return State.WARNINGS, ""  # the technical check says it
        return State.DONE, ""

    def show(self) -> None:
        """Show the studies, and the fields of the selected one."""
        if self.parameters is None:
            return
        studies = self.studies
        self.index = min(self.index, max(0, len(studies) - 1))
        self._held = studies[self.index] if studies else None
        self.outcome.choose()
        try:
            super().show()
            self.study.show(self._held)
            self.readings.show(studies)
        finally:
            self._held = None
        ui, isAny = self.ui, bool(studies)
        for box in (ui.studyBox, ui.readingsBox, ui.removeStudyButton, ui.studiesTable):
            box.visible = isAny
        hasBaseline = any(pack.kind == TimeKind.BASELINE.value for pack in studies)
        ui.addBaselineButton.visible = isAny and not hasBaseline
        self._showSuggestions()

    def _showSuggestions(self) -> None:
        unused = unusedVolumes(self.parameters)
        if unused != self._unused:
            self._unused, self._offered = unused, suggestions(unused)
        links = [
            f'<a href="{i}" style="color:{LINK};">{escape(s.ct.GetName())}, {s.day.isoformat()}</a>'
            for i, s in enumerate(self._offered)
        ]
        self.ui.suggestionsLabel.visible = bool(links)
        self.ui.suggestionsLabel.text = _("Add a study of the scene: {links}").format(links="; ".join(links))

    def showStatus(self, status: Status) -> None:
        """Show the time line, what is due, and what follows."""
        super().showStatus(status)
        self.outcome.show(status.live)
        found = followUpOf(status.live)
        followUp = found if isinstance(found, FollowUp) else None
        self._showRows(followUp)
        self._showDue(followUp)
        head = headOf(followUp) if followUp is not None else ""
        self.ui.followUpHeadLabel.visible = bool(head)
        self.ui.followUpHeadLabel.text = head
        self._showMeasure(status)
        self.results.show(followUp, status.findings)

    def _showRows(self, followUp: FollowUp | None) -> None:
        rows = studyRows(self.parameters, followUp) if self.studies else ()
        table = self.ui.studiesTable
        table.blockSignals(True)
        if rows != self._rows:
            self._rows = rows
            table.rowCount = len(rows)
            for r, row in enumerate(rows):
                for c, text in enumerate((row.day, f"{row.title}\n{row.content}".strip(), row.since)):
                    item = qt.QTableWidgetItem(text)
                    item.setToolTip(text)
                    if row.isTreatment:
                        font = item.font()
                        font.setBold(True)
                        item.setFont(font)
                    table.setItem(r, c, item)
            fitHeight(table)
        chosen = next((r for r, row in enumerate(rows) if row.index == self.index), -1)
        if chosen >= 0 and chosen != table.currentRow():
            table.selectRow(chosen)
        table.blockSignals(False)

    def _showDue(self, followUp: FollowUp | None) -> None:
        line = followUp.time_line if followUp is not None else None
        rows = dueRows(line) if line is not None else ()
        self.ui.dueTable.visible = bool(rows)
        self.ui.dueLabel.visible = line is not None
        self.ui.dueLabel.text = escape(dueSentence(line)) if line is not None else ""
        if rows == self._due:
            return
        self._due, table = rows, self.ui.dueTable
        table.rowCount = len(rows)
        for r, row in enumerate(rows):
            mark = markOf(row.mark)
            for c, text in enumerate((f"{mark.symbol} {row.state}", row.title, row.window)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(row.tip)
                if c == MARK:
                    item.setBackground(qt.QBrush(qt.QColor(mark.color)))
                    item.setForeground(qt.QBrush(qt.QColor("white")))
                table.setItem(r, c, item)
        fitHeight(table)

    def _showMeasure(self, status: Status) -> None:
        ui, found = self.ui, followUpOf(status.live)
        ui.followUpMeasureButton.visible = bool(self.studies) and status.live is None
        reason = "; ".join(status.refused)
        ui.followUpMeasureButton.enabled = not reason
        ui.followUpMeasureButton.toolTip = reason or _("Measure images and structures once")
        text = ""
        if self.studies and status.live is None:
            text = _("Images and outlines are not measured: growth and response can't be told.")
        elif isinstance(found, InputError):
            text = str(found)
        ui.followUpMeasureLabel.visible = bool(text)
        ui.followUpMeasureLabel.text = text

    def forgive(self) -> None:
        """Forget what was typed wrongly."""
        super().forgive()
        self.readings.forgive()

    @property
    def problems(self) -> list[str]:
        """What was typed here and could not be read."""
        return super().problems + self.readings.problems

    def clear(self) -> None:
        """Forget the studies."""
        self._rows, self._due, self._offered, self._unused, self._held, self.index = (), (), (), [], None, 0
        self.ui.studiesTable.rowCount = self.ui.dueTable.rowCount = 0
        self.study.clear()
        self.readings.clear()
        self.results.clear()
        self.outcome.clear()

    # What the user does

    def _onRow(self) -> None:
        row = self.ui.studiesTable.currentRow()
        if 0 <= row < len(self._rows) and self._rows[row].index is not None:
            self.choose(self._rows[row].index)
            self.panel.refresh()

    def _onAdd(self, _checked: bool = False) -> None:
        self._add(lambda: addTimePoint(self.parameters))

    def _onAddBaseline(self, _checked: bool = False) -> None:
        self._add(lambda: addBaseline(self.parameters, factsOf(self.parameters)))

    def _onSuggestion(self, link: str) -> None:
        chosen = self._offered[int(link)]
        self._add(lambda: addTimePoint(self.parameters, chosen.day.isoformat(), chosen.ct))

    def _add(self, add) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            self.choose(add())
        self.ui.studyBox.collapsed = False
        self.panel.refresh()

    def _onRemove(self, _checked: bool = False) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            if self.point() is not None:
                del self.parameters.timePoints[self.index]
            self.choose(max(0, self.index - 1))
        self.panel.refresh()

    def _onMeasure(self, _checked: bool = False) -> None:
        with self.panel.work() as progress:
            self.workflow.prepare(progress)


def followUpOf(live) -> FollowUp | InputError | None:
    """Return the follow-up of the values as they are now, or why it is impossible; None without any."""
    if live is None:
        return None
    try:
        return live.follow_up
    except InputError as error:
        return error
