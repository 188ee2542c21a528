"""Prescription: a slider for the activity with its window behind it; constraints, vials, how sure: in boxes below."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import DosimetryError

from .. import windowview
from ..prescribing import History, Prescriber, Prescription, infusionPack, openPlans, setActivity
from .fields import NumberField, Scale
from .marks import State, markOfState, paint, paragraphs
from .prescriptionafter import ComparisonBox, SureBox
from .prescriptionlimits import LimitsBox
from .prescriptionpicture import WindowPicture
from .prescriptionset import TogetherBox
from .prescriptionvials import VialsBox, ticksOf
from .section import Section
from .steps import Status, Step

PAUSE_MS = 400
"""What takes longer waits for so long a pause after the last change."""


IN_GBQ = Scale(lambda gbq: round(gbq, 2), float)


class PrescriptionSection(Section):
    """The fifth section."""

    step = Step.PRESCRIPTION
    uiName = "Y90DosimetryPrescription"

    def build(self) -> None:
        """Connect slider, number and boxes."""
        ui = self.ui
        self.prescriber, self.history = Prescriber(), History()
        self.now: Prescription | None = None
        """What is prescribed, where there is a window; None where there is none."""
        self._live = None
        self._why = ""
        self._choices: list[tuple[str, int]] = []
        self._worked: dict[str, object] = {}
        self._pause = qt.QTimer()
        self._pause.setSingleShot(True)
        self._pause.connect("timeout()", self._onPause)
        self._picture = WindowPicture(ui.pictureLabel, ui.prescribedSlider, ui.trackWidget.layout())
        self._activity = self.add(
            NumberField(_("Activity"), ui.prescribedEdit, self._storeActivity, IN_GBQ), self._shownGbq
        )
        ui.prescribedSlider.connect("valueChanged(double)", self._onSlider)
        ui.prescribedCombo.connect("currentIndexChanged(int)", self._onChoice)
        ui.undoPrescriptionButton.connect("clicked(bool)", self._onUndo)
        ui.measureButton.connect("clicked(bool)", self._onMeasure)
        self.limits, self.vials, self.together = LimitsBox(self), VialsBox(self), TogetherBox(self)
        self.comparison, self.sure = ComparisonBox(self), SureBox(self)
        self._boxes = {
            "vials": (ui.vialsBox, self.vials),
            "together": (ui.togetherBox, self.together),
            "comparison": (ui.comparisonBox, self.comparison),
            "sure": (ui.sureBox, self.sure),
        }
        for box, _content in self._boxes.values():
            box.connect("toggled(bool)", self._onToggled)

    # What is prescribed

    def judge(self, live) -> tuple[State, str]:
        """Find the window for the values as they are; return whether the activity lies in it, and why not."""
        self._live, self.now, self._why = live, None, ""
        if live is None:
            return State.TODO, ""
        try:
            self._choices = [(s, i) for s in openPlans(live.case) for i in range(self._count(s))]
            if not self._choices:
                self._why = _("no planned session is open: add one in Treatment")
                return State.TODO, self._why
            session, index = self.chosen()
            self.now = self.prescriber.prescription(live.engine, session, index, dict(self.parameters.limits))
        except DosimetryError as error:
            self._why = str(error)
            return State.TODO, self._why
        inside = self.now.window.holds(self.now.activityGbq)
        return (State.DONE, "") if inside else (State.OUTSIDE, windowview.headline(self.now))

    def _count(self, session: str) -> int:
        return next(len(s.infusions) for s in self.parameters.sessions if s.label == session)

    def chosen(self) -> tuple[str, int]:
        """Return session and infusion: those shown elsewhere if they are an open plan, else the last plan's first."""
        sessions, index = list(self.parameters.sessions), self.panel.sessionIndex
        shown = (sessions[index].label if 0 <= index < len(sessions) else "", self.panel.infusionIndex)
        return shown if shown in self._choices else (self._choices[-1][0], 0)

    # Showing

    def show(self) -> None:
        """Show the fields, and the boxes' own."""
        if self.parameters is None:
            return
        self.vials.show()
        super().show()

    def showStatus(self, status: Status) -> None:
        """Show window, activity and constraints at once; what takes longer after a pause."""
        super().showStatus(status)
        ui, now = self.ui, self.now
        ui.stateLabel.hide()
        mark = markOfState(status.prescription[0])
        reason = "; ".join(status.refused)
        why = self._why or reason or _("Images and outlines are not measured: there is no window yet")
        said = windowview.headline(now) if now else why
        if now and len(self.parameters.limits):
            said += _(" · by {count} numbers of your own").format(count=len(self.parameters.limits))
        paint(ui.headLabel, mark, escape(said))
        ui.measureButton.visible = status.live is None
        ui.measureButton.enabled, ui.measureButton.toolTip = not reason, reason
        ui.prescribedWidget.visible = now is not None
        ui.undoPrescriptionButton.enabled = not self.history.isEmpty
        ui.comparisonBox.visible = any(session.delivers for session in self.parameters.sessions)
        ui.sureBox.visible = status.live is not None
        if now is not None:
            ui.togetherBox.visible = len(now.lines.labels) > 1
            self._showChoices()
            self._showPicture(now)
            ui.vialLabel.text = self._vialText(now)
            ui.explanationLabel.text = paragraphs([escape(line) for line in windowview.explanation(now)])
            self.limits.showConstraints(now)
        self._showBoxes(now)

    def _showPicture(self, now: Prescription) -> None:
        track, slider = windowview.trackOf(now), self.ui.prescribedSlider
        slider.blockSignals(True)
        slider.maximum = track.scaleGbq
        if abs(slider.value - now.activityGbq) >= slider.singleStep / 2:
            slider.value = now.activityGbq
        slider.blockSignals(False)
        self._picture.show(track, ticksOf(self.parameters, now), now.activityGbq)

    def _showChoices(self) -> None:
        ui, combo = self.ui, self.ui.prescribedCombo
        names = [f"{s}: {infusionPack(self.parameters, s, i).label}" for s, i in self._choices]
        ui.prescribedLabel.visible = combo.visible = len(names) > 1
        combo.blockSignals(True)
        if [combo.itemText(i) for i in range(combo.count)] != names:
            combo.clear()
            for name in names:
                combo.addItem(name)
        combo.currentIndex = self._choices.index(self.chosen())
        combo.blockSignals(False)

    def _vialText(self, now: Prescription) -> str:
        pack = infusionPack(self.parameters, now.lines.session.label, now.index)
        unit = _("GBq at the infusion")
        if not (pack.calibratedAt and pack.givenAt):
            return unit
        at = datetime.fromisoformat(pack.calibratedAt)
        return _("{unit}<br>the vial: {vial:.2f} GBq on {when}").format(
            unit=unit, vial=pack.activityGbq, when=f"{at:%m-%d %H:%M %Z}"
        )

    def _shownGbq(self) -> float | None:
        return self.now.activityGbq if self.now is not None else None

    def _showBoxes(self, now: Prescription | None) -> None:
        """Have the open boxes work again where something they depend on has changed, after a pause."""
        if any(self._isStale(name) for name in self._boxes):
            self._pause.start(PAUSE_MS)

    def _isStale(self, name: str) -> bool:
        box, content = self._boxes[name]
        if box.collapsed or box.isHidden() or self._live is None or self.parameters is None:
            return False
        return not (self.now is None and name in ("vials", "together")) and self._worked.get(name) != self._key(content)

    def _key(self, content) -> tuple:
        return content.key(self.now) if content in (self.vials, self.together) else content.key(self._live)

    def _onPause(self) -> None:
        self.history.pause()
        self.catchUp()

    def catchUp(self, again: str = "") -> None:
        """Let every open box show what belongs to the values as they are now; *again* names one to show anew."""
        self._worked.pop(again, None)
        if self.parameters is None or self.panel.isBusy or self.panel.button(self.step).collapsed:
            return
        for name, (_box, content) in self._boxes.items():
            if self._isStale(name):
                key = self._key(content)
                with self.panel.attempt(waitCursor=True):
                    content.work(self.now if content in (self.vials, self.together) else self._live)
                self._worked[name] = key

    def clear(self) -> None:
        """Forget the case."""
        self._pause.stop()
        self.prescriber, self.history = Prescriber(), History()
        self.now = self._live = None
        self._worked = {}
        self._picture.clear()
        self.limits.clear()
        self.vials.clear()
        self.together.clear()

    # What the user does

    @contextmanager
    def change(self, gesture: str):
        """Change the scene so that it can be undone; the changes of one gesture together."""
        with self.panel.attempt():
            self.history.remember(self.parameters, gesture)
            yield
        if gesture not in ("slider", "typed"):
            self.history.pause()
        self._pause.start(PAUSE_MS)
        self.panel.scheduleRefresh()

    def _prescribe(self, gbq: float, gesture: str) -> None:
        if self.parameters is None or self.now is None:
            return
        with self.change(gesture):
            setActivity(self.parameters, self.now.lines.session.label, self.now.index, gbq)

    def _onSlider(self, gbq: float) -> None:
        self._activity.forgive()
        self._prescribe(gbq, "slider")

    def _storeActivity(self, gbq) -> None:
        if self.parameters is None:
            return
        if gbq is None or gbq <= 0:
            if not self._activity.problem:
                self._activity.refuse(_("enter a positive number"))
            self.panel.scheduleRefresh()
        else:
            self._prescribe(gbq, "typed")

    def _onChoice(self, row: int) -> None:
        if not 0 <= row < len(self._choices):
            return
        session, index = self._choices[row]
        labels = [s.label for s in self.parameters.sessions]
        self.panel.sessionIndex, self.panel.infusionIndex = labels.index(session), index
        for step in (Step.TREATMENT, self.step):
            self.panel.sections[step].forgive()
        self.panel.refresh()

    def _onUndo(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            self.forgive()
            self.history.undo(self.parameters)
        self.panel.refresh()

    def _onMeasure(self, _checked: bool = False) -> None:
        with self.panel.work() as progress:
            self.workflow.prepare(progress)

    def _onToggled(self, isOpen: bool) -> None:
        if isOpen and self.parameters is not None:
            slicer.app.processEvents()
            self.catchUp()
