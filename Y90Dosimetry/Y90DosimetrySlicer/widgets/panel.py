"""The panel: a header that stays in sight, and under it one section a step, of which one is open.

It gathers what changes and shows what follows from it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import Cancelled, DosimetryError

from .. import display, tables, views
from ..cases import labelOf
from ..parameters import isUnstated, nextLabel, segmentName
from ..watch import Change, SceneWatch
from .dose import DoseSection
from .findings import FindingsSection
from .followup import FollowUpSection
from .header import Header
from .images import ImagesSection
from .patient import PatientSection
from .prescription import PrescriptionSection
from .report import ReportSection
from .rows import Rows
from .section import Section
from .steps import Status, Step, needsOf, refusalsOf
from .structures import StructuresSection
from .treatment import TreatmentSection

QUICK_MS, PATIENT_MS, EDITING_MS = 15, 250, 700
"""How long changes are gathered before they are shown: of values with everything measured, of values without, and
of images and outlines, which are measured anew (counted from the last change)."""
SECTIONS = (
    ImagesSection,
    StructuresSection,
    PatientSection,
    TreatmentSection,
    PrescriptionSection,
    DoseSection,
    FindingsSection,
    FollowUpSection,
    ReportSection,
)


class Panel:
    """The module's panel. *shell* is the module widget: it has `logic`, `layout` and `resourcePath`."""

    def __init__(self, shell) -> None:
        self.logic = shell.logic
        self.resourcePath = shell.resourcePath
        self.parameters = None
        self.workflow = None
        self.status = Status()
        self.isBusy = False
        self.sessionIndex = self.infusionIndex = 0
        """Which session and infusion the sections show."""
        self.isEntered = False
        """Whether the user is in this module."""
        self._isCancelled = False
        self._isGone = False
        self._blank: tuple | None = None
        """The case that was started here because there was none, and what it held then."""
        self._watch: SceneWatch | None = None
        self.widget = slicer.util.loadUI(self.resourcePath("UI/Y90Dosimetry.ui"))
        self.widget.setMRMLScene(slicer.mrmlScene)
        shell.layout.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self.refresh)
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.connect("timeout()", self._bringBack)
        self._rows = Rows(self)
        self.button, self.openOnly = self._rows.button, self._rows.openOnly
        self.sections: dict[Step, Section] = {}
        for make in SECTIONS:
            self._rows.add(make.step)
            self.sections[make.step] = make(self)
            self._rows.fill(make.step, self.sections[make.step].widget)
        self._header = Header(self)
        self.say = self._header.say
        self.button(Step.IMAGES).collapsed = False

        self.widget.enabled = False

    # What the shell calls

    def enter(self) -> None:
        """Show a case of the scene, or start one."""
        self.isEntered = True
        chosen = self._caseToShow()
        if chosen is self.parameters:
            self.refresh()
        else:
            self.setParameters(chosen)

    def exit(self) -> None:
        """The user went to another module; the views stay as they are."""
        self.isEntered = False
        self.sections[Step.STRUCTURES].leave()

    def cleanup(self) -> None:
        """The module is unloaded; a computation under way stops and finds no widgets to show that in."""
        self.cancel()
        self.setParameters(None)
        self._isGone = True

    def sceneAboutToClose(self) -> None:
        """Let go of the scene; a computation under way stops."""
        self.cancel()
        self.setParameters(None)

    def sceneClosed(self) -> None:
        """Start again in the empty scene, when the panel is shown."""
        if self.isEntered:
            self.setParameters(self._caseToShow())
            self.openOnly(Step.IMAGES)

    def sceneImported(self) -> None:
        """A scene was read: show the case that was shown when it was saved, unless the user is at work on another."""
        for case in self.logic.cases():
            tables.restoreChart(case)
        if self.isEntered:
            self.setParameters(self._caseToShow())
            views.lookAt(self.parameters)
            if self.workflow.isComputed:
                self._later.start(0)

    def _bringBack(self) -> None:
        """Measure what a loaded scene holds, so that verdict and findings come back with its dose."""
        if self.parameters is not None and not self.isBusy and self.workflow.isComputed and self.status.live is None:
            self.measure()

    def measure(self, _checked: bool = False) -> None:
        """Measure images and structures, so that doses follow what is typed."""
        with self.work() as progress:
            self.workflow.prepare(progress)

    # The case

    def _caseToShow(self):
        """Return the case that is shown, else the one that was shown when the scene was saved, else the last one.

        It is started where there is none, and left when it is blank.
        """
        cases = self.logic.cases()
        others = [case for case in cases if case is not self.parameters]
        shown = views.shownCase(others)
        if shown is not None:
            return shown
        if self.parameters is not None and not (self._isBlank() and others):
            return self.parameters
        if others:
            return others[-1]
        started = self.logic.getParameterNode()
        self._blank = (started.parameterNode, _contentOf(started.parameterNode))
        return started

    def _isBlank(self) -> bool:
        """Whether the case that is shown was started by the panel, and nothing is stated in it."""
        node = self.parameters.parameterNode if self.parameters is not None else None
        return node is not None and self._blank == (node, _contentOf(node))

    def setParameters(self, parameters) -> None:
        """Show another case, None for none; a blank one that was started only to show something leaves the scene."""
        leaving = parameters is not None and parameters is not self.parameters and self._isBlank()
        blank = self.parameters.parameterNode if leaving else None
        for waiting in (self._timer, self._later, self._rows):
            waiting.stop()
        if self._watch is not None:
            self._watch.stop()
        self._watch = None
        for section in self.sections.values():
            section.forgive()
            section.clear()
        self._header.clear()
        self.sessionIndex = self.infusionIndex = 0
        self.parameters = parameters
        self.workflow = self.logic.workflow(parameters) if parameters is not None else None
        self.status = Status()
        self.widget.enabled = parameters is not None
        if parameters is None:
            return
        if blank is not None and blank.GetScene() is not None:
            blank.GetScene().RemoveNode(blank)
        self._nameApart()
        views.showCase(parameters)
        self._watch = SceneWatch(parameters, self._onChange)
        for section in self.sections.values():
            section.show()
        self.refresh()

    def _nameApart(self) -> None:
        """Give a case whose name another one has a name of its own: a list must tell patients apart."""
        own, label = self.parameters.parameterNode, labelOf(self.parameters)
        others = [labelOf(case) for case in self.logic.cases() if case.parameterNode is not own]
        if label in others:
            self.parameters.caseLabel = nextLabel(others, label)

    # Refreshing

    def _onChange(self, change: Change) -> None:
        if change is Change.VALUES:
            self.scheduleRefresh()
            return
        self.sections[Step.STRUCTURES].contentChanged = True
        if not self.isBusy:
            self._timer.start(EDITING_MS)

    def scheduleRefresh(self) -> None:
        """Show changes soon; several at once are shown together."""
        if not self._timer.active and not self.isBusy:
            self._timer.start(QUICK_MS if self.status.live is not None else PATIENT_MS)

    def refresh(self) -> None:
        """Show the case and what follows from it."""
        self._timer.stop()
        if self.parameters is None or self.isBusy:
            return
        if self.parameters.parameterNode.GetScene() is None:  # the user deleted the case's node
            self.setParameters(None)
            if self.isEntered:
                self.setParameters(self._caseToShow())
            return
        with self.attempt(), display.drawnOnce():
            self.status = self._newStatus()
            for step, section in self.sections.items():
                if not self.button(step).collapsed:
                    section.show()
                    section.showStatus(self.status)
            self._header.show(self.status)
            self._rows.show(self.status)

    def _newStatus(self) -> Status:
        workflow = self.workflow
        problems = workflow.problems()
        typed = {step: found for step, section in self.sections.items() if (found := section.problems)}
        live, checks = None, ()
        try:
            live = workflow.live() if workflow.isPrepared() else None
            checks = live.checks if live else workflow.checks()
        except DosimetryError as error:
            if not problems and not typed:
                typed[Step.TREATMENT] = [str(error)]
        reported = self.sections[Step.REPORT].reported
        isBlank = isUnstated(self.parameters)
        found = Status(problems=problems, typed=typed)
        if found.wrong is not None:  # refused is not unknown: nothing that follows is shown as if it were
            live = None
        return replace(
            found,
            refused=refusalsOf(self.parameters, workflow, problems, typed),
            needs=needsOf(self.parameters, workflow, workflow.isComputed),
            checks=() if isBlank else self._withResults(checks),
            live=live,
            assessment=workflow.assessment,
            isComputed=workflow.isComputed,
            isCurrent=found.wrong is None and workflow.isCurrent(),
            isBlank=isBlank,
            outOfDate=workflow.outOfDate(),
            reported=reported,
            reportIsOld=bool(reported and live) and not workflow.isAssessed(reported, live.case),
            prescription=self.sections[Step.PRESCRIPTION].judge(live),
            followUp=self.sections[Step.FOLLOW_UP].judge(live),
        )

    def _withResults(self, checks):
        """Add what only a computed dose map can be checked for."""
        assessment = self.workflow.assessment
        if assessment is None:
            return checks
        known = {(c.check.id, c.about) for c in checks}
        return (*checks, *(c for c in assessment.checks if (c.check.id, c.about) not in known))

    # Work and messages

    @contextmanager
    def attempt(self, doing: str = "", waitCursor: bool = False):
        """Run something the user asked for: what the library refuses is said on top, anything else as Slicer does."""
        with slicer.util.tryWithErrorDisplay(doing or _("This did not work."), waitCursor=waitCursor):
            try:
                yield
            except Cancelled:
                if not self._isGone:
                    self.say(_("Canceled. Nothing was changed."), "note")
            except DosimetryError as error:
                self.say(str(error), "error")

    @contextmanager
    def work(self):
        """Run a long computation: progress and Cancel are shown on top, everything else waits."""
        self._isCancelled = False

        def progress(fraction: float, doing: str) -> None:
            if not self._isCancelled:
                self._header.showProgress(fraction, doing)
            if self._isCancelled:
                raise Cancelled(doing)

        self.isBusy = True
        self._setWorking(True)
        try:
            with self.attempt(_("The computation failed.")):
                self.say("")
                yield progress
        finally:
            self.isBusy = False
            if not self._isGone:
                self._setWorking(False)
                self.refresh()

    def _setWorking(self, isWorking: bool) -> None:
        self._header.showWorking(isWorking)
        for section in self.sections.values():
            section.widget.enabled = not isWorking

    def cancel(self, _checked: bool = False) -> None:
        """Stop the computation at its next step."""
        self._isCancelled = True

    # Jumps

    def centerOn(self, segmentId: str) -> bool:
        """Center the views on a segment; False when there is nothing to see."""
        center = views.segmentCenterRas(self.parameters.segmentation, segmentId)
        if center is not None:
            views.centerViews(slicer.mrmlScene, center)
        return center is not None

    def centerOnStructure(self, name: str) -> bool:
        """Center the views on the structure of this name; False when there is none."""
        ids = [id_ for id_ in self.workflow.roles() if segmentName(self.parameters, id_) == name]
        return bool(ids) and self.centerOn(ids[0])

    def goTo(self, step: Step, widget=None) -> None:
        """Open a section and bring a widget (its checks when there is none) into sight."""
        self.openOnly(step)
        section = self.sections[step]
        target = widget
        if target is None:
            target = section.ui.checksLabel if section.ui.checksLabel.visible else self.button(step)
        self._rows.bringIntoSight(target)
        if widget is not None:
            widget.setFocus(qt.Qt.OtherFocusReason)

    def goToNeed(self, need: str) -> bool:
        """Go to the field that supplies what a finding needs; False when no field is known for it."""
        for step, section in self.sections.items():
            if need in section.places:
                self.goTo(step, section.places[need])
                return True
        return False


def _contentOf(node) -> tuple:
    """Return everything that a parameter node holds, and whether it refers to any other node."""
    roles = [node.GetNthNodeReferenceRole(i) for i in range(node.GetNumberOfNodeReferenceRoles())]
    refers = any(node.GetNodeReference(role) is not None for role in roles)
    return refers, tuple((name, node.GetParameter(name)) for name in node.GetParameterNames())
