"""The top of the panel, always in sight: case, verdict, messages, counters, progress, and the ways to begin."""

from __future__ import annotations

from itertools import cycle

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.checks import Level
from Y90DosimetryLib.guidelines import Severity
from Y90DosimetryLib.report.as_html import SYMBOLS
from Y90DosimetryLib.report.content import NOTICE

from .. import display, sampledata
from ..cases import labelOf
from ..overlay import Line, Overlay
from .dicomfolder import loadFolder
from .marks import OVER_SLICES, markOf, paint
from .steps import Status, Step, stepOf, titleOf

COUNTERS = ((Level.ERROR, "errors"), (Level.WARNING, "warnings"), (Level.NOTE, "notes"))
PROGRESS_STEPS = 1000


class Header:
    """Shows what concerns all sections."""

    def __init__(self, panel) -> None:
        self._panel = panel
        self._ui = panel.ui
        self._cases: list = []
        self._overlay = Overlay()
        self._turns: dict = {}
        ui = self._ui
        self._menu = qt.QMenu()
        for title, sample in sampledata.titled().items():
            action = self._menu.addAction(title)
            action.connect("triggered(bool)", lambda _checked=False, sample=sample: self._onSample(sample))
        ui.welcomeSampleButton.setMenu(self._menu)
        ui.welcomeLabel.text = _("Begin with one of these:")
        ui.welcomeDicomButton.connect("clicked(bool)", lambda _checked=False: loadFolder(panel))
        ui.welcomeImagesButton.connect("clicked(bool)", self._onImages)
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
        self._ui.welcomeFrame.visible = status.isBlank
        self._ui.verdictLabel.visible = self._ui.countersWidget.visible = not status.isBlank
        self._showCases()
        self._showVerdict(status)
        self._showOverSlices(status)
        self._showCounters(status)

    def clear(self) -> None:
        """Take away what belongs to a case."""
        self.say("")
        self._overlay.clear()

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
            if status.wrong is not None:
                text = _("No verdict: something in {step} needs to be corrected").format(step=titleOf(status.wrong)[3:])
            elif status.isComputed:
                text = _("The dose is that of the scene; press Measure in Prescription to judge it again")
            paint(self._ui.verdictLabel, markOf("not_evaluable"), text)
            return
        mark = verdict.worst.value if verdict.worst else ("met" if verdict.is_clear else "not_evaluable")
        old = _("Out of date. ") if status.findingsAreOld else ""
        paint(self._ui.verdictLabel, markOf(mark), old + verdict.sentence)

    def _showOverSlices(self, status: Status) -> None:
        """Write the gravest finding and the case's name over the dose, and the doses of its isodose lines."""
        parameters = self._panel.parameters
        isDoseShown, case = display.isDoseShown(parameters), labelOf(parameters)
        line = None
        if display.isPreviewed(parameters):
            line = Line(_("{case} · REGISTRATION NOT ACCEPTED").format(case=case), OVER_SLICES["stale"])
        elif isDoseShown and status.outOfDate:
            line = Line(_("{case} · DOSE OUT OF DATE").format(case=case), OVER_SLICES["stale"])
        elif isDoseShown:
            text, mark = worstOf(status)
            line = Line(f"{case} · {text}", OVER_SLICES[mark])
        key = display.isodoseKey(parameters) if isDoseShown else ()
        self._overlay.show(line, tuple(Line(text, color) for text, color in key))

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

    def _onImages(self, _checked: bool = False) -> None:
        self._panel.openOnly(Step.IMAGES)
        if not self._panel.workflow.suggestImages().images:
            self.say(_("Load the images first: drag their files onto the window, or use File, Add Data."))

    def _onSample(self, sample) -> None:
        panel, made = self._panel, []
        with panel.work() as progress:
            made += sampledata.loadSample(sample.variant, None, sample.isOverTime, progress)
        if made:
            panel.setParameters(panel.logic.getParameterNode(made[-1]))

    def _onNewCase(self, _checked: bool = False) -> None:
        with self._panel.attempt():
            self._panel.setParameters(self._panel.logic.newCase())


def worstOf(status: Status) -> tuple[str, str]:
    """Return the gravest finding and how many more there are, and its mark; what is only information is none."""
    grave = [f for f in status.findings if f.severity is not None and f.severity is not Severity.INFORMATION]
    if grave:
        more = _(" · {count} more").format(count=len(grave) - 1) if len(grave) > 1 else ""
        return f"{grave[0].message.rstrip('.')}{more}", grave[0].severity.value
    verdict = status.verdict
    if verdict is None:
        return _("not judged"), "not_evaluable"
    if verdict.not_evaluable:
        return _("{count} recommendations need data").format(count=verdict.not_evaluable), "not_evaluable"
    return _("{met} of {total} targets met").format(met=verdict.targets_met, total=verdict.targets_total), "met"
