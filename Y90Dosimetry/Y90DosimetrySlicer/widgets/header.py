"""The top of the panel: which case, the verdict in one line, what went wrong, the counters, and progress."""

from __future__ import annotations

from itertools import cycle

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.checks import Level
from Y90DosimetryLib.report.as_html import SYMBOLS
from Y90DosimetryLib.report.content import NOTICE

from .. import display
from ..cases import labelOf
from ..previews import State, stateOf
from .dicomfolder import loadFolder
from .marks import markOf, paint
from .steps import Status, stepOf

COUNTERS = ((Level.ERROR, "errors"), (Level.WARNING, "warnings"), (Level.NOTE, "notes"))
PROGRESS_STEPS = 1000


class Header:
    """Shows what concerns all sections."""

    def __init__(self, panel) -> None:
        self._panel = panel
        self._ui = panel.ui
        self._cases: list = []
        self._annotated = ""
        self._turns: dict = {}
        ui = self._ui
        ui.caseCombo.connect("currentIndexChanged(int)", self._onCase)
        ui.newCaseButton.connect("clicked(bool)", self._onNewCase)
        ui.fromDicomButton.connect("clicked(bool)", lambda _checked=False: loadFolder(panel))
        ui.cancelButton.connect("clicked(bool)", panel.cancel)
        ui.progressBar.maximum = PROGRESS_STEPS
        ui.noticeLabel.text = NOTICE
        for level, name in COUNTERS:
            button = getattr(ui, f"{name}Button")
            button.connect("clicked(bool)", lambda _checked=False, level=level: self.goToNext(level))
        self.showWorking(False)
        self.say("")

    def show(self, status: Status) -> None:
        """Show cases, verdict and counters."""
        self._showCases()
        self._showVerdict(status)
        self._annotate(status)
        self._showCounters(status)

    def clear(self) -> None:
        """Take away what belongs to a case."""
        self.say("")
        if self._annotated:
            self._annotated = ""
            display.annotate("")

    def say(self, text: str, level: str = "note") -> None:
        """Show a message under the verdict; an empty text takes it away."""
        self._ui.messageLabel.visible = bool(text)
        if text:
            paint(self._ui.messageLabel, markOf(level), text)

    def showWorking(self, isWorking: bool) -> None:
        """Show or hide progress bar and Cancel."""
        self._ui.progressBar.visible = self._ui.cancelButton.visible = isWorking
        for widget in (self._ui.newCaseButton, self._ui.fromDicomButton, self._ui.caseCombo):
            widget.enabled = not isWorking

    def showProgress(self, fraction: float, doing: str) -> None:
        """Show how far a computation is, and let the user press Cancel."""
        self._ui.progressBar.value = int(fraction * PROGRESS_STEPS)
        self._ui.progressBar.format = f"{_(doing)}  %p %"
        slicer.app.processEvents()

    def _showCases(self) -> None:
        combo = self._ui.caseCombo
        self._cases = self._panel.logic.cases()
        names = [labelOf(case) for case in self._cases]
        combo.blockSignals(True)
        if [combo.itemText(i) for i in range(combo.count)] != names:
            combo.clear()
            for name in names:
                combo.addItem(name)
        own = self._panel.parameters.parameterNode
        combo.currentIndex = next((i for i, case in enumerate(self._cases) if case.parameterNode is own), -1)
        combo.blockSignals(False)

    def _showVerdict(self, status: Status) -> None:
        verdict = status.verdict
        if verdict is None:
            text = _("No verdict yet: nothing is computed or measured")
            paint(self._ui.verdictLabel, markOf("not_evaluable"), text)
            return
        mark = verdict.worst.value if verdict.worst else ("met" if verdict.is_clear else "not_evaluable")
        old = _("Out of date. ") if status.findingsAreOld else ""
        paint(self._ui.verdictLabel, markOf(mark), old + verdict.sentence)

    def _annotate(self, status: Status) -> None:
        """Write the verdict over the dose in the slice views."""
        parameters = self._panel.parameters
        isShown = parameters.doseVolume is not None and parameters.display.showDose
        text = status.verdict.sentence if status.verdict is not None and isShown else ""
        if isShown and status.outOfDate:
            text = _("DOSE OUT OF DATE. {verdict}").format(verdict=text)
        if any(stateOf(session.image) is State.PREVIEW for session in parameters.sessions):
            text = _("REGISTRATION NOT ACCEPTED. {verdict}").format(verdict=text)
        if text or self._annotated:  # each time: a view may be new, in another layout
            self._annotated = text
            display.annotate(text)

    def _showCounters(self, status: Status) -> None:
        words = {
            Level.ERROR: _("Errors: {count}"),
            Level.WARNING: _("Warnings: {count}"),
            Level.NOTE: _("Notes: {count}"),
        }
        for level, name in COUNTERS:
            count = sum(check.check.level is level for check in status.raised)
            button = getattr(self._ui, f"{name}Button")
            button.text = f"{SYMBOLS[level.value]} {words[level].format(count=count)}"
            button.enabled = count > 0
            button.styleSheet = f"color: white; background-color: {markOf(level.value).color};" if count else ""

    def goToNext(self, level: Level) -> None:
        """Go to the next technical check of a level, round and round."""
        found = [c for c in self._panel.status.raised if c.check.level is level]
        key = [(c.check.id, c.about) for c in found]
        if not found:
            return
        if self._turns.get(level, ((), None))[0] != key:
            self._turns[level] = (key, cycle(found))
        self._panel.goTo(stepOf(next(self._turns[level][1]).check))

    def _onCase(self, index: int) -> None:
        if 0 <= index < len(self._cases):
            self._panel.setParameters(self._cases[index])

    def _onNewCase(self, _checked: bool = False) -> None:
        with self._panel.attempt():
            self._panel.setParameters(self._panel.logic.newCase())
