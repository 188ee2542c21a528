"""Report: HTML with pictures, JSON and, if asked for, PDF; into a new folder, opened when done."""

from __future__ import annotations

from html import escape
from pathlib import Path

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError

from .. import reporting
from ..ownnumbers import reportOptionsOf
from .marks import LINK
from .section import Section
from .steps import Status, Step


class ReportSection(Section):
    """The last section."""

    step = Step.REPORT
    uiName = "Y90DosimetryReport"

    def build(self) -> None:
        """Connect the button."""
        self.reported = None
        self.ui.writeButton.connect("clicked(bool)", self._onWrite)
        self.ui.verifyButton.connect("clicked(bool)", self._onVerify)
        self.ui.folderEdit.connect("currentPathChanged(QString)", self._onFolder)
        self.ui.folderEdit.filters = ctk.ctkPathLineEdit.Dirs

    def showStatus(self, status: Status) -> None:
        """Say whether a report can be written, or why not."""
        super().showStatus(status)
        reason = self._reason(status)
        self.ui.writeButton.enabled = not reason
        self.ui.writeButton.toolTip = reason or _("Write report.html, assessment.json and, if asked for, report.pdf")
        if reason:
            self.ui.resultLabel.text = escape(reason)
        elif self.reported is None:
            self.ui.resultLabel.text = ""

    def _reason(self, status: Status) -> str:
        if not status.isComputed and status.assessment is None:
            return _("Compute the dose first.")
        if status.assessment is None:
            return _("Compute the dose again: a loaded scene keeps its dose, but not all that a report says.")
        if not self.ui.folderEdit.currentPath:
            return _("Choose the folder to write into.")
        return ""

    def _onFolder(self, _path: str) -> None:
        if self.parameters is not None:
            self.showStatus(self.panel.status)

    def _folder(self) -> Path:
        folder = Path(self.ui.folderEdit.currentPath)
        if not self.ui.folderEdit.currentPath or not folder.is_dir():
            raise InputError(_("there is no such folder"), where=str(folder), remedy=_("Choose an existing folder"))
        self.ui.folderEdit.addCurrentPathToHistory()
        return folder

    def _onWrite(self, _checked: bool = False) -> None:
        with self.panel.attempt(_("The report could not be written."), waitCursor=True):
            folder = self._folder()
            assessment = self.workflow.assessNow()
            path = reporting.writeReport(
                assessment,
                folder,
                planOptions=reportOptionsOf(self.parameters),
                screenshots=self.ui.screenshotsCheck.checked,
                pdf=self.ui.pdfCheck.checked,
            )
            self.reported = assessment
            url = qt.QUrl.fromLocalFile(str(path))
            self.ui.resultLabel.text = f'<a href="{url.toString()}" style="color:{LINK};">{escape(str(path))}</a>'
            if self.ui.openCheck.checked and not slicer.app.testingEnabled():
                qt.QDesktopServices.openUrl(url)
        self.panel.refresh()

    def _onVerify(self, _checked: bool = False) -> None:
        result = None
        with self.panel.work() as progress:
            result = reporting.verifyInstallation(self._folder(), progress)
        if result is not None:
            said, isPassed = result
            self.panel.say(said, "note" if isPassed else "error")

    def clear(self) -> None:
        """Forget the last report."""
        self.reported = None
        self.ui.resultLabel.text = ""
