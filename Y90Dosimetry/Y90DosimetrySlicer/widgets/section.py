"""What the sections share: their .ui file, fields bound to the parameter node, their state and their checks."""

from __future__ import annotations

from html import escape

import slicer

from Y90DosimetryLib.checks import CheckResult

from .fields import Field, problemsOf
from .marks import State, badge, markOf, markOfState, paint, paragraphs
from .steps import Status, Step, stateOf


class Section:
    """One collapsible section; subclasses name their step and file, build their fields and show what follows."""

    step: Step
    uiName = ""

    def __init__(self, panel) -> None:
        self.panel = panel
        self.widget = slicer.util.loadUI(panel.resourcePath(f"UI/{self.uiName}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.bound: list[tuple[Field, object]] = []
        self.places: dict[str, object] = {}
        """The widget that supplies what a finding needs, by the library's word for it."""
        self.build()

    @property
    def parameters(self):
        """The case that is shown; None between two scenes."""
        return self.panel.parameters

    @property
    def workflow(self):
        """What can be done with it."""
        return self.panel.workflow

    def build(self) -> None:
        """Connect the widgets; called once."""

    def show(self) -> None:
        """Show what the parameter node holds."""
        for field, read in self.bound:
            field.show(read())

    def showStatus(self, status: Status) -> None:
        """Show where this step stands and what the technical checks say about it."""
        state, why = stateOf(self.step, status)
        mark = markOfState(state)
        self.ui.stateLabel.visible = bool(why)
        paint(self.ui.stateLabel, mark, f"{mark.words}: {why}" if why else mark.words)
        raised = status.raisedAt(self.step)
        if state is State.WRONG:
            raised = tuple(c for c in raised if c.message not in why)
        self.ui.checksLabel.visible = bool(raised)
        self.ui.checksLabel.text = paragraphs([checkText(c) for c in raised])

    def forgive(self) -> None:
        """Forget what was typed wrongly: another case is shown."""
        for field, _read in self.bound:
            field.forgive()

    def clear(self) -> None:
        """Let go of everything that belongs to a scene."""

    @property
    def problems(self) -> list[str]:
        """What was typed here and could not be read."""
        return problemsOf([field for field, _read in self.bound])

    def bind(self, kind, title: str, widget, path: str, *, root=None, empty=None, **options) -> Field:
        """Bind a field to a value of the parameter node (or of what *root* returns); *empty* is stored for unknown."""
        find = root or (lambda: self.parameters)

        def owner():
            node = find()
            for name in path.split(".")[:-1]:
                node = getattr(node, name)
            return node

        last = path.rpartition(".")[2]

        def store(value) -> None:
            if find() is not None:
                with self.panel.attempt():
                    setattr(owner(), last, empty if value is None else value)
            self.panel.scheduleRefresh()

        def read():
            if find() is None:
                return None
            value = getattr(owner(), last)
            return None if empty is not None and value == empty else value

        return self.add(kind(title, widget, store, **options), read)

    def add(self, field: Field, read) -> Field:
        """Keep a field up to date with what *read* returns."""
        self.bound.append((field, read))
        return field


def fitHeight(table) -> None:
    """Make a table as high as its rows, up to its maximum: nothing scrolls that has room."""
    rows = sum(table.rowHeight(row) for row in range(table.rowCount))
    wanted = rows + table.horizontalHeader().height + 2 * table.frameWidth + 2
    table.minimumHeight = min(wanted, table.maximumHeight)


def checkText(result: CheckResult) -> str:
    """Return a raised check as rich text: how grave, what was found, what to do."""
    mark = markOf(result.check.level.value)
    return f"{badge(mark)} {escape(result.message)}. {escape(result.check.remedy)}."
