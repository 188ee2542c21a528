"""Questions to the team as fields: one for each fact of the library's catalog, grouped, filtered by scenario."""

from __future__ import annotations

import ctk
import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.facts import CATALOG, GROUPS, Fact, Kind

from ..parameters import factsOf, setFact
from .fields import ChoiceField, DateField, Field, NumberField

FIRST = ("lobes_involved", "pvtt_grade", "pvtt_side")
"""Facts that suggest the scenario: they stand above it, not in the groups."""
CHOSEN = (Kind.YES_NO, Kind.CHOICE)
"""Kinds of questions with a few answers to choose from; the others are typed."""
CAPITALS = {
    "hcc": "HCC",
    "multiphase_mr": "multiphase MR",
    "contrast_ct": "contrast CT",
    "cone_beam_ct": "cone beam CT",
}


def choicesOf(fact: Fact) -> list[tuple[str, object]]:
    """Return the answers to a question, each with its text."""
    if fact.kind is Kind.YES_NO:
        return [(_("yes"), True), (_("no"), False)]
    return [(_(CAPITALS.get(choice, choice.replace("_", " "))), choice) for choice in fact.choices]


class FactRow:
    """A question with its field."""

    def __init__(self, section, known: dict, fact: Fact, grid, row: int) -> None:
        self.fact = fact
        self._section = section
        self._known = known
        self._isAsked = True
        title = _(fact.title)
        self.label = qt.QLabel(f"{title} ({fact.unit})" if fact.unit else title)
        self.label.wordWrap = True
        isChoice = fact.kind in CHOSEN
        self.widget = qt.QComboBox() if isChoice else qt.QLineEdit()
        if isChoice:
            self.widget.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
            self.widget.minimumContentsLength = 8
        self.widget.objectName = f"{fact.id}Fact"
        self.widget.toolTip = title if not fact.unit else _("{title}, in {unit}").format(title=title, unit=fact.unit)
        grid.addWidget(self.label, row, 0)
        grid.addWidget(self.widget, row, 1)
        self.field = self._newField(title)
        section.add(self.field, self._read)
        section.places[fact.id] = self.widget

    def _newField(self, title: str) -> Field:
        fact = self.fact
        if fact.kind in CHOSEN:
            return ChoiceField(title, self.widget, self._store, choicesOf(fact), unknown=_("unknown"))
        if fact.kind is Kind.DATE:
            return DateField(title, self.widget, self._store)
        self.widget.placeholderText = _("unknown")
        return NumberField(title, self.widget, self._store, whole=fact.kind is Kind.COUNT)

    def _read(self):
        return self._known.get(self.fact.id)

    @property
    def isAnswered(self) -> bool:
        """Whether the fact is stated."""
        return self._read() is not None

    def _store(self, value) -> None:
        parameters = self._section.parameters
        if parameters is not None:
            with self._section.panel.attempt():
                setFact(parameters, self.fact.id, value)
        self._section.panel.scheduleRefresh()

    def showFor(self, scenario: int) -> bool:
        """Show the question when it matters in a scenario (0: none chosen yet); return whether it does."""
        isAsked = not scenario or scenario in self.fact.scenarios or self.isAnswered
        if isAsked != self._isAsked:
            self._isAsked = self.label.visible = self.widget.visible = isAsked
        return isAsked


class FactGroups:
    """The facts of the catalog in collapsible groups, with how many are answered."""

    def __init__(self, section, widget, firstWidget) -> None:
        self._section = section
        self._known: dict = {}
        first, layout = _stretched(qt.QGridLayout(firstWidget)), qt.QVBoxLayout(widget)
        for one in (first, layout):
            one.setContentsMargins(0, 0, 0, 0)
        for row, name in enumerate(name for name in FIRST if name in CATALOG):
            FactRow(section, self._known, CATALOG[name], first, row)
        self._groups = []
        for group, title in GROUPS.items():
            facts = [f for f in CATALOG.values() if f.group == group and f.id not in FIRST]
            box = ctk.ctkCollapsibleGroupBox()
            box.title = _(title)
            box.objectName = f"{group}FactsBox"
            grid = qt.QGridLayout()
            box.setLayout(_stretched(grid))
            rows = [FactRow(section, self._known, fact, grid, row) for row, fact in enumerate(facts)]
            self._groups.append((box, _(title), rows))
            box.collapsed = True
            layout.addWidget(box)

    def read(self) -> None:
        """Take the facts as they are stated now."""
        self._known.clear()
        self._known.update(factsOf(self._section.parameters))

    def show(self, scenario: int) -> None:
        """Show what matters in a scenario."""
        for box, title, rows in self._groups:
            asked = [row for row in rows if row.showFor(scenario)]
            answered = sum(row.isAnswered for row in asked)
            words = _("{title}: {answered} of {asked} answered")
            text = words.format(title=title, answered=answered, asked=len(asked))
            if box.title != text:
                box.title = text
                box.visible = bool(asked)


def _stretched(grid):
    """Return a grid that gives questions more room than answers."""
    grid.setColumnStretch(0, 3)
    grid.setColumnStretch(1, 2)
    return grid
