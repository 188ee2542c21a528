"""The constraints of a prescription: what each alone would allow, and numbers of the user's own in their place."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.planning import OwnBound, Side

from ..ownnumbers import ASIDE, isOwn, keyOfConstraint, nameOf, ownDoses, ownKey, presentGy, setLimit
from ..prescribing import Prescription
from ..windowview import allowedText, boundText, isYours, kindName, sentence, shortName, signOf
from .fields import ChoiceField, NumberField
from .marks import VIOLET, paragraphs
from .section import fitHeight

NAME, LIMIT, ALONE = range(3)
UNBROKEN = "\u2011"
"""A hyphen at which no line ends."""


@dataclass(frozen=True)
class LimitRow:
    """One line of the table."""

    key: str
    name: str
    limit: str
    alone: str
    tip: str
    isBinding: bool
    isChanged: bool
    isWish: bool = False


class LimitsBox:
    """The box "Constraints"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._rows: list[LimitRow] = []
        self._chosen = ""
        ui = self._ui
        table = ui.limitsTable
        table.connect("itemSelectionChanged()", self._onRow)
        table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        for column in (NAME, LIMIT, ALONE):
            mode = qt.QHeaderView.Stretch if column == NAME else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(column, mode)
        self._limit = section.add(NumberField(_("Your number"), ui.limitEdit, self._storeLimit), self._stored)
        ui.asideCheck.connect("clicked(bool)", self._onAside)
        ui.resetLimitButton.connect("clicked(bool)", lambda _checked=False: self._store(None))
        ui.resetLimitsButton.connect("clicked(bool)", self._onResetAll)
        sides = [(_("at most"), Side.AT_MOST), (_("at least"), Side.AT_LEAST)]
        self._doses = ChoiceField(_("Dose of your own bound"), ui.ownDoseCombo, lambda _value: None, ())
        self._side = ChoiceField(_("Side of your own bound"), ui.ownSideCombo, lambda _value: None, sides)
        self._side.show(Side.AT_MOST)
        self._offered: tuple = ()
        ui.addOwnButton.connect("clicked(bool)", self._onAdd)

    def showConstraints(self, now: Prescription) -> None:
        """List the constraints, those that bind first."""
        ui, table = self._ui, self._ui.limitsTable
        rows = rowsOf(now, self._section.parameters.limits)
        changed = sum(row.isChanged for row in rows)
        ui.limitsBox.title = (
            _("Constraints: {count} changed by you").format(count=changed) if changed else _("Constraints")
        )
        ui.resetLimitsButton.enabled = len(self._section.parameters.limits) > 0
        offered = ownDoses(now.lines)
        if offered != self._offered:
            self._offered = offered
            self._doses.setChoices(offered)
            if self._doses.value is None and offered:
                self._doses.show(offered[0][1])
        ui.addOwnButton.enabled = bool(offered)
        if rows != self._rows:
            self._rows = rows
            table.blockSignals(True)
            table.rowCount = len(rows)
            for r, row in enumerate(rows):
                self._showRow(r, row)
            keys = [row.key for row in rows]
            if self._chosen in keys:
                table.selectRow(keys.index(self._chosen))
            else:
                table.clearSelection()
                self._chosen = ""
            table.blockSignals(False)
            fitHeight(table)
        ui.openLabel.text = paragraphs([escape(line) for line in _openLines(now)])
        ui.openLabel.visible = bool(ui.openLabel.text)
        self._showChosen()

    def _showRow(self, r: int, row: LimitRow) -> None:
        table = self._ui.limitsTable
        for column, text in ((NAME, row.name), (LIMIT, row.limit), (ALONE, row.alone)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(row.tip)
            if column != NAME:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            font = qt.QFont(table.font)
            font.setBold(row.isBinding)
            item.setFont(font)
            if row.isChanged:
                item.setBackground(qt.QBrush(qt.QColor(VIOLET)))
                item.setForeground(qt.QBrush(qt.QColor("white")))
            table.setItem(r, column, item)

    def _showChosen(self) -> None:
        ui = self._ui
        row = next((row for row in self._rows if row.key == self._chosen), None)
        ui.limitLabel.text = (
            escape(row.tip).replace("\n", "<br>") if row else _("Choose a constraint to change its number.")
        )
        isAside = dict(self._section.parameters.limits).get(self._chosen) == ASIDE
        ui.limitEdit.enabled = row is not None and not isAside
        ui.asideCheck.enabled = row is not None and not isOwn(row.key)
        ui.asideCheck.checked = isAside
        ui.resetLimitButton.enabled = row is not None and row.isChanged
        ui.resetLimitButton.text = _("Remove") if row is not None and isOwn(row.key) else _("Reset")
        if not self._limit.problem:
            self._limit.show(self._stored())

    def _stored(self) -> float | None:
        """Return the user's number for the chosen constraint; None for none."""
        if self._section.parameters is None:
            return None
        text = dict(self._section.parameters.limits).get(self._chosen, "")
        return float(text) if text not in ("", ASIDE) else None

    def clear(self) -> None:
        """Forget the rows."""
        self._rows, self._chosen = [], ""
        self._ui.limitsTable.rowCount = 0

    def _onRow(self) -> None:
        row = self._ui.limitsTable.currentRow()
        self._chosen = self._rows[row].key if 0 <= row < len(self._rows) else ""
        self._limit.forgive()
        self._showChosen()

    def _storeLimit(self, limitGy) -> None:
        if self._section.parameters is None or not self._chosen or self._limit.problem:
            self._section.panel.scheduleRefresh()
        elif limitGy is not None and limitGy <= 0:
            self._limit.refuse(_("enter a positive number"))
            self._section.panel.scheduleRefresh()
        elif limitGy is not None or self._stored() is not None:
            self._store(limitGy, "limit typed")

    def _store(self, limitGy, gesture: str = "limit") -> None:
        if self._chosen:
            self._limit.forgive()
            with self._section.change(gesture):
                setLimit(self._section.parameters, self._chosen, limitGy)

    def _onAdd(self, _checked: bool = False) -> None:
        """Bind the chosen dose where it is now; its row is chosen, so that the number can be typed."""
        section, measureId = self._section, self._doses.value
        if section.now is None or section.parameters is None or measureId is None:
            return
        self._limit.forgive()
        self._chosen = ownKey(measureId, self._side.value)
        if self._chosen not in section.parameters.limits:
            with section.change("own bound"):
                setLimit(section.parameters, self._chosen, presentGy(section.now.lines, measureId, self._side.value))
        self._rows = []
        section.panel.refresh()
        self._ui.limitEdit.setFocus()

    def _onAside(self, checked: bool) -> None:
        self._store(ASIDE if checked else None)

    def _onResetAll(self, _checked: bool = False) -> None:
        self._limit.forgive()
        with self._section.change("limits"):
            self._section.parameters.limits = {}


def rowsOf(now: Prescription, limits) -> list[LimitRow]:
    """Return the constraints as rows: those that bind, targets and limits, wishes, then what is set aside."""
    binding = {id(c) for c in (*now.window.low_binding, *now.window.high_binding, *now.window.impossible)}
    groups: dict[tuple, list] = {}
    for a in now.window.allowances:
        dose = shortName(a.by.line.measure_id)
        groups.setdefault((keyOfConstraint(a.constraint), a.constraint.kind, dose), []).append(a)
    rows = [_rowOf(some, binding) for some in groups.values()]
    rows.sort(key=lambda row: (not row.isBinding, row.isWish))
    for unused in now.constraints.unused:
        if isinstance(unused.number, OwnBound):
            title = _("{bound}, your own").format(bound=unused.number.title)
            rows.append(LimitRow(nameOf(unused.number), title, "–", _("unknown"), unused.text, False, True))
    for key, text in limits.items():
        if text == ASIDE and key not in now.notUsed:
            rule, _sep, printed = key.rpartition(":")
            tip = _("You set {rule} aside; it asks for {printed} Gy.").format(rule=rule, printed=printed)
            rows.append(LimitRow(key, _("{rule}, set aside").format(rule=rule), "–", _("any"), tip, False, True))
    return rows


def _rowOf(some: list, binding: set[int]) -> LimitRow:
    """Return the row of one number; of several volumes it asks about, what the strictest of them allows."""
    strictest = max(some, key=lambda a: (not a.is_possible, a.least_gbq, -a.most_gbq))
    c = strictest.constraint
    names = [shortName(b.line.measure_id, b.line.about) for a in some for b in a.constraint.bounds]
    limit = f"{signOf(c.bounds[0])} {c.bounds[0].limit_gy:g}"
    if c.printed_gy is not None:
        limit += _(" (not {printed:g})").format(printed=c.printed_gy)
    who = c.rule.id.replace("-", UNBROKEN) if c.rule else _("your own")
    wish = f" ({kindName(c)})" if c.is_wish else ""
    return LimitRow(
        keyOfConstraint(c),
        f"{(_(' or ') if len(c.bounds) > 1 else ', ').join(dict.fromkeys(names))}{wish}, {who}",
        limit,
        allowedText(strictest),
        "\n".join(dict.fromkeys(sentence(a) for a in some)),
        any(id(a.constraint) in binding for a in some),
        isYours(c),
        c.is_wish,
    )


def _openLines(now: Prescription) -> list[str]:
    lines = [
        _("Not in the window: {rule} would ask {asks}; {because}.").format(
            rule=q.rule.id, asks="; ".join(boundText(b) for b in q.bounds) or _("a dose"), because=q.because
        )
        for q in now.constraints.open_questions
    ]
    lines += [unused.text for unused in now.constraints.unused]
    if now.constraints.stopped_by:
        lines.append(_("No rule sets a limit here: {why}").format(why=now.constraints.stopped_by))
    return lines
