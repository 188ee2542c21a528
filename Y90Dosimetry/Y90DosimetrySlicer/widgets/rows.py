"""The sections of the panel one under another in a scroll area: the one at hand is open, the next is one click away."""

from __future__ import annotations

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from .marks import State, iconOf, markOfState
from .steps import Status, Step, stateOf, titleOf

BAR_PX = 6
SETTLED_MS = 60
"""Heights follow widths, children first: so long it takes until a section that was opened lies where it stays."""


class Rows:
    """One row a step: a bar in the color of its state, and a collapsible button with its section."""

    def __init__(self, panel) -> None:
        self._panel, self._ui = panel, panel.ui
        self._buttons: dict[Step, object] = {}
        self._bars: dict[Step, object] = {}
        self._icons = {state: qt.QIcon(panel.resourcePath(f"Icons/{iconOf(state)}")) for state in State}
        self._opened = Step.IMAGES
        self._settled = qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.connect("timeout()", self._scroll)
        self._ui.nextButton.connect("clicked(bool)", self._onNext)

    def add(self, step: Step) -> None:
        """Add the row of a step under the others."""
        row, bar, button = qt.QWidget(), qt.QFrame(), ctk.ctkCollapsibleButton()
        bar.setFixedWidth(BAR_PX)
        across, inside = qt.QHBoxLayout(row), qt.QVBoxLayout(button)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(2)
        inside.setContentsMargins(3, 4, 2, 4)
        across.addWidget(bar)
        across.addWidget(button, 1)
        button.text, button.collapsed, button.collapsedHeight = titleOf(step), True, 0
        button.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)  # CTK's never gets narrower
        button.objectName = f"{step.value}Button"
        self._ui.sectionsWidget.layout().insertWidget(len(self._buttons), row)
        self._buttons[step], self._bars[step] = button, bar
        button.connect("contentsCollapsed(bool)", self._onCollapsed)
        button.connect("clicked(bool)", lambda _checked=False: self._onClicked(step))

    def fill(self, step: Step, widget) -> None:
        """Put the section of a step into its row."""
        self._buttons[step].layout().addWidget(widget)

    def stop(self) -> None:
        """Scroll no more: there is no case, or no panel any more."""
        self._settled.stop()

    def button(self, step: Step):
        """Return the collapsible button of a section."""
        return self._buttons[step]

    def show(self, status: Status) -> None:
        """Show where each step stands, and which one comes next."""
        for step, button in self._buttons.items():
            state, _why = stateOf(step, status)
            mark = markOfState(state)
            text = f"{titleOf(step)}:  {mark.symbol} {mark.words}"
            if button.text != text:
                button.text, button.icon = text, self._icons[state]
                self._bars[step].styleSheet = f"background-color: {mark.color};"
        following = self._following
        self._ui.nextButton.visible = following is not None
        if following is not None:
            self._ui.nextButton.text = _("Next step: {title}").format(title=titleOf(following))

    def openOnly(self, step: Step) -> None:
        """Open one section, close the others, and bring it to the top."""
        for other, button in self._buttons.items():
            button.collapsed = other is not step
        self._panel.refresh()
        self._opened = step
        slicer.app.processEvents()
        self._scroll()
        self._settled.start(SETTLED_MS)

    def _scroll(self) -> None:
        """Bring the section that was opened last to the top."""
        place = self._buttons[self._opened].mapTo(self._ui.sectionsWidget, qt.QPoint(0, 0))
        self._ui.sectionsArea.verticalScrollBar().value = place.y()

    def bringIntoSight(self, widget) -> None:
        """Open the boxes that hide a widget, and scroll to it."""
        box = widget
        while box is not None and box.className() != "QScrollArea":
            if box.className() == "ctkCollapsibleGroupBox":
                box.collapsed = False
            box = box.parentWidget()
        self._settled.stop()
        slicer.app.processEvents()
        self._ui.sectionsArea.ensureWidgetVisible(widget)

    @property
    def _following(self) -> Step | None:
        """The step after the last one that is open; None where there is none."""
        steps = list(self._buttons)
        opened = [index for index, step in enumerate(steps) if not self._buttons[step].collapsed]
        after = opened[-1] + 1 if opened else 0
        return steps[after] if after < len(steps) else None

    def _onCollapsed(self, collapsed: bool) -> None:
        if not collapsed and self._panel.parameters is not None:
            self._panel.scheduleRefresh()

    def _onClicked(self, step: Step) -> None:
        """The user opened or closed a section: only the one at hand stays open."""
        if not self._buttons[step].collapsed:
            self.openOnly(step)

    def _onNext(self, _checked: bool = False) -> None:
        if self._panel.parameters is not None and self._following is not None:
            self.openOnly(self._following)
