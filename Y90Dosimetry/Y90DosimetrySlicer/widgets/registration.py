"""Registration of the session's image to the CT: found, previewed, accepted or discarded, with how good it is."""

from __future__ import annotations

from html import escape

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.checks import CheckResult, Outcome
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.registration import Guide, Kind, Registration

from .. import display
from ..previews import State, stateOf
from ..registering import foundOf, reasonAgainstAccepting
from .marks import Mark, markOfState, paint, paragraphs
from .marks import State as StepState
from .section import checkText


class RegistrationBox:
    """The box "Registration to the CT" at the end of the section Images."""

    def __init__(self, section) -> None:
        self._section = section
        self._showing = False
        self._shownIndex = -1
        self.widget = slicer.util.loadUI(section.panel.resourcePath("UI/Y90DosimetryRegistration.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        section.widget.layout().addWidget(self.widget)
        ui = self.ui
        titles = {Kind.RIGID: _("rigid"), Kind.AFFINE: _("affine"), Kind.BSPLINE: _("B-spline")}
        self._kinds = list(Kind)
        for kind in self._kinds:
            ui.kindCombo.addItem(titles[kind])
        ui.registrationBox.connect("toggled(bool)", self._onToggled)
        ui.hybridSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onHybrid)
        ui.hybridLiverSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onHybridLiver)
        ui.registerButton.connect("clicked(bool)", self._onRegister)
        ui.acceptRegistrationButton.connect("clicked(bool)", self._onAccept)
        ui.removeRegistrationButton.connect("clicked(bool)", self._onRemove)
        ui.compareCtsButton.connect("clicked(bool)", self._onCompare)

    def show(self) -> None:
        """Show where the registration of the session stands, and how good it is."""
        ui, pack = self.ui, self._section.session()
        image = pack.image if pack is not None else None
        state = stateOf(image)
        self._showing, self._shownIndex = True, self._section.panel.sessionIndex
        try:
            ui.hybridSelector.setCurrentNode(pack.hybridCt if pack is not None else None)
            ui.hybridLiverSelector.setCurrentNode(pack.hybridLiver if pack is not None else None)
        finally:
            self._showing = False
        isFree = state is State.NONE
        for widget in (ui.hybridSelector, ui.hybridLiverSelector, ui.kindCombo):
            widget.enabled = isFree and image is not None
        ui.registerButton.visible = isFree
        reason = self._registering.reasonAgainst(self._section.panel.sessionIndex)
        ui.registerButton.enabled = not reason
        ui.registerButton.toolTip = reason or _("Lay the image on the CT around the liver; shown as a preview")
        against = reasonAgainstAccepting(image)
        ui.acceptRegistrationButton.visible = state is State.PREVIEW
        ui.acceptRegistrationButton.enabled = not against
        ui.acceptRegistrationButton.toolTip = against or _("Keep it: doses are computed where the image lies now")
        ui.removeRegistrationButton.visible = not isFree
        ui.removeRegistrationButton.text = _("Discard") if state is State.PREVIEW else _("Undo registration")
        ui.compareCtsButton.visible = pack is not None and pack.hybridCt is not None
        if state is State.PREVIEW:
            ui.registrationBox.collapsed = False
        self._showState(state)
        self._showFound(foundOf(image), state)

    @property
    def _registering(self):
        return self._section.workflow.registering

    def _showState(self, state: State) -> None:
        label = self.ui.registrationStateLabel
        label.visible = state is not State.NONE
        if state is State.PREVIEW:
            mark = Mark("◐", markOfState(StepState.STALE).color, "")
            paint(label, mark, _("PREVIEW, not accepted. No dose is computed until you accept or discard it."))
        elif state is State.ACCEPTED:
            paint(label, markOfState(StepState.DONE), _("Accepted. The voxels are as they were."))

    def _showFound(self, found: Registration | None, state: State) -> None:
        ui = self.ui
        raised: tuple[CheckResult, ...] = ()
        if state is not State.NONE:
            checks = self._registering.checks(self._section.panel.sessionIndex)
            raised = tuple(c for c in checks if c.outcome is Outcome.RAISED)
        ui.registrationChecksLabel.visible = bool(raised)
        ui.registrationChecksLabel.text = paragraphs([checkText(c) for c in raised])
        ui.registrationResultLabel.visible = found is not None
        ui.registrationResultLabel.text = "<br>".join(linesOf(found)) if found is not None else ""

    # What the user does

    def _onToggled(self, isOpen: bool) -> None:
        if isOpen and self._section.parameters is not None:
            self.show()  # a box that opens shows all it holds

    def _onHybrid(self, node) -> None:
        if self._isChosen():
            self._section.session().hybridCt = node

    def _onHybridLiver(self, node) -> None:
        if self._isChosen():
            self._section.session().hybridLiver = node

    def _isChosen(self) -> bool:
        """Whether the selectors changed for the session that they show, and not because it is shown."""
        isShown = self._shownIndex == self._section.panel.sessionIndex
        return isShown and not self._showing and self._section.session() is not None

    def _onRegister(self, _checked: bool = False) -> None:
        panel = self._section.panel
        kind = self._kinds[self.ui.kindCombo.currentIndex]
        with panel.work() as progress:
            self._registering.register(panel.sessionIndex, kind, progress)
            display.showDose(panel.parameters)  # nothing covers the images while they are compared by eye

    def _onAccept(self, _checked: bool = False) -> None:
        with self._section.panel.attempt():
            self._registering.accept(self._section.panel.sessionIndex)
            display.showDose(self._section.parameters)
        self._section.panel.refresh()

    def _onRemove(self, _checked: bool = False) -> None:
        with self._section.panel.attempt():
            self._registering.remove(self._section.panel.sessionIndex)
            display.showDose(self._section.parameters)
        self._section.panel.refresh()

    def _onCompare(self, _checked: bool = False) -> None:
        with self._section.panel.attempt():
            display.compareCts(self._section.parameters.ct, self._section.session().hybridCt)


def linesOf(found: Registration) -> list[str]:
    """Return what a registration found, as lines of rich text."""
    left, back, head = (f"{v:+.1f}" for v in found.moved_mm)
    guides = {
        Guide.CT_TO_CT: _("CT to CT"),
        Guide.COUNTS_TO_CT: _("counts to CT"),
        Guide.COUNTS_TO_OUTLINE: _("counts to an outline"),
    }
    moved = _("Moved <b>{distance:.1f} mm</b> ({left} left, {back} back, {head} head), turned <b>{angle:.1f}°</b>")
    lines = [
        moved.format(distance=found.distance_mm, left=left, back=back, head=head, angle=found.rotation_deg),
        _("Dice of the livers: {values}").format(
            values=_change(found.dice_before_fraction, found.dice_after_fraction, "{:.2f}")
        ),
        _("Likeness of the images (mutual information): {values}").format(
            values=_change(found.mutual_information_before_score, found.mutual_information_after_score, "{:.3f}")
        ),
        _("Compared {guide}, {kind}").format(guide=guides[found.guide], kind=found.kind.value),
    ]
    return lines + [escape(note) for note in found.notes]


def _change(before: float | Missing, after: float | Missing, written: str) -> str:
    """Return "before → after" as rich text; why where it is missing."""
    if isinstance(after, Missing):
        return escape(after.because)
    was = "?" if isinstance(before, Missing) else written.format(before)
    return f"{was} → <b>{written.format(after)}</b>"
