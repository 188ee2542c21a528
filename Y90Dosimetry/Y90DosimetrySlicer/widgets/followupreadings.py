"""Readings of lesions and thrombi: one table of all studies, and the fields of the chosen cell."""

from __future__ import annotations

from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.missing import Missing

from .. import views
from ..followupview import lesionCell, thrombusCell
from ..parameters import LesionPack, ThrombusPack
from ..readings import (
    LENGTHS,
    NO,
    YES,
    drawLine,
    lengthOf,
    lesionNames,
    lineLengthMm,
    middleOf,
    placeLine,
    thrombusNames,
    useLine,
)
from .fields import CheckField, ChoiceField, NumberField, problemsOf
from .marks import markOf, paint
from .section import fitHeight

LESION = 0
TYPED = {f"{which}Mm": which for which in LENGTHS}
"""What a typed number replaces: the line of this length."""
GRADES = ("VP1", "VP2", "VP3", "VP4", "VV1", "VV2", "VV3")


class ReadingsBox:
    """The box "Lesions and thrombi"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._names: list[tuple[str, bool]] = []
        """Each row's lesion or thrombus, and whether it is a thrombus."""
        self._order: list[int] = []
        """Each column's study, by its index in the parameter node, in the order of their days."""
        self._name = ""
        self._isThrombus = False
        self._cells: list = []
        self._showing = False
        self._fields: list = []
        ui = self._ui
        ui.readingsTable.connect("itemSelectionChanged()", self._onCell)
        ui.readingsTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        ui.addLesionButton.connect("clicked(bool)", lambda _c=False: self._onAdd(False))
        ui.addThrombusButton.connect("clicked(bool)", lambda _c=False: self._onAdd(True))
        ui.removeReadingButton.connect("clicked(bool)", self._onRemove)
        answers, unknown = [(_("yes"), YES), (_("no"), NO)], _("unknown")
        for which, title in (("viable", _("Viable diameter")), ("whole", _("Whole diameter"))):
            edit, selector = getattr(ui, f"{which}Edit"), getattr(ui, f"{which}Selector")
            self._add(NumberField, title, edit, f"{which}Mm", False)
            selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda line, which=which: self._onLine(which, line))
            draw = getattr(ui, f"{which}DrawButton")
            draw.connect("clicked(bool)", lambda _c=False, which=which: self._onDraw(which))
        bySize = _("by its size")
        for title, combo, member, isThrombus, first in (
            (_("Treated zone"), ui.lesionTreatedCombo, "isTreated", False, unknown),
            (_("Target"), ui.lesionTargetCombo, "isTarget", False, bySize),
            (_("Progression"), ui.lesionProgressCombo, "progresses", False, unknown),
            (_("Enhances"), ui.thrombusEnhancesCombo, "enhances", True, unknown),
            (_("Extends"), ui.thrombusExtendsCombo, "extends", True, unknown),
            (_("Treated zone"), ui.thrombusTreatedCombo, "isTreated", True, unknown),
        ):
            self._add(ChoiceField, title, combo, member, isThrombus, choices=answers, unknown=first, empty="")
        self._add(CheckField, _("New"), ui.lesionNewCheck, "isNew", False)
        self._add(NumberField, _("Diameter"), ui.thrombusDiameterEdit, "diameterMm", True)
        grades = [(grade, grade) for grade in GRADES] + [(_("none: it is gone"), "none")]
        self._add(
            ChoiceField, _("Class"), ui.thrombusGradeCombo, "grade", True, choices=grades, unknown=unknown, empty=""
        )
        section.bind(
            ChoiceField,
            _("New lesions"),
            ui.newLesionsCombo,
            "newLesions",
            root=section.point,
            empty="",
            choices=answers,
            unknown=unknown,
        )

    def _add(self, kind, title: str, widget, member: str, isThrombus: bool, empty=None, **options) -> None:
        def store(value) -> None:
            if self._name and self._section.point() is not None:
                with self._section.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
                    reading = self._reading()
                    if member in TYPED and value is not None:
                        setattr(reading, f"{TYPED[member]}ByLine", False)
                    setattr(self._reading(), member, empty if value is None else value)
            self._section.panel.scheduleRefresh()

        self._fields.append((kind(title, widget, store, **options), member, isThrombus, empty))

    # The chosen reading

    def _of(self, pack):
        """Return the chosen lesion or thrombus on one study, and its place in the list; None and -1 where unread."""
        readings = pack.thrombi if self._isThrombus else pack.lesions
        for place, one in enumerate(readings):
            if (one.thrombus if self._isThrombus else one.lesion) == self._name:
                return one, place
        return None, -1

    def _reading(self):
        """Return the chosen reading, made where the study has none; what does not change comes from other studies."""
        pack = self._section.point()
        found, _place = self._of(pack)
        if found is not None:
            return found
        known = [one.isTreated for study in self._section.studies for one in [self._of(study)[0]] if one is not None]
        zone = next((text for text in known if text), "")
        if self._isThrombus:
            pack.thrombi.append(ThrombusPack(thrombus=self._name, isTreated=zone))
        else:
            pack.lesions.append(LesionPack(lesion=self._name, isTreated=zone))
        return self._of(self._section.point())[0]

    # Showing

    def show(self, studies: list) -> None:
        """Show the table and the chosen reading."""
        parameters = self._section.parameters
        lesions, thrombi = lesionNames(parameters), thrombusNames(parameters)
        self._names = [(name, False) for name in lesions] + [(name, True) for name in thrombi]
        self._order = sorted(range(len(studies)), key=lambda i: (studies[i].day or "9999", i))
        if (self._name, self._isThrombus) not in self._names:
            self._name, self._isThrombus = self._names[0] if self._names else ("", False)
        self._showTable(studies)
        self._showReading(studies)

    def _showTable(self, studies: list) -> None:
        table, cells = self._ui.readingsTable, []
        for name, isThrombus in self._names:
            line = [(name, name)]
            for index in self._order:
                pack = studies[index]
                if isThrombus:
                    line.append(thrombusCell(next((t for t in pack.thrombi if t.thrombus == name), None)))
                else:
                    line.append(lesionCell(next((x for x in pack.lesions if x.lesion == name), None)))
            cells.append(line)
        head = [_("Lesion"), *(studies[i].label.replace(" ", "\n", 1) for i in self._order)]
        table.visible = bool(self._names)
        table.blockSignals(True)
        if (head, cells) != self._cells:
            self._cells = (head, cells)
            table.columnCount = len(head)
            table.setHorizontalHeaderLabels(head)
            table.rowCount = len(cells)
            for r, line in enumerate(cells):
                for c, (text, tip) in enumerate(line):
                    item = qt.QTableWidgetItem(text)
                    item.setToolTip(tip)
                    if c != LESION:
                        item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                    table.setItem(r, c, item)
            for column in range(len(head)):
                mode = qt.QHeaderView.Stretch if column == LESION else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)
            fitHeight(table)
        if self._names and self._section.index in self._order:
            row = self._names.index((self._name, self._isThrombus))
            column = self._order.index(self._section.index) + 1
            if (table.currentRow(), table.currentColumn()) != (row, column):
                table.setCurrentCell(row, column)
        table.blockSignals(False)

    def _showReading(self, studies: list) -> None:
        ui = self._ui
        pack = studies[self._section.index] if studies else None
        isChosen = pack is not None and bool(self._name)
        ui.lesionWidget.visible = isChosen and not self._isThrombus
        ui.thrombusWidget.visible = isChosen and self._isThrombus
        ui.removeReadingButton.visible = ui.readingTitleLabel.visible = isChosen
        ui.addLesionButton.enabled = ui.addThrombusButton.enabled = pack is not None
        reading = self._of(pack)[0] if isChosen else None
        for field, member, isThrombus, empty in self._fields:
            isShown = reading is not None and isThrombus == self._isThrombus
            value = getattr(reading, member) if isShown else None
            field.show(None if empty is not None and value == empty else value)
        lost = self._showLengths(reading) if not self._isThrombus else []
        ui.readingProblemLabel.visible = bool(lost)
        if lost:
            paint(ui.readingProblemLabel, markOf("warning"), "; ".join(lost))
        if isChosen:
            ui.removeReadingButton.enabled = reading is not None
            unread = "" if reading is not None else _(" (not read yet)")
            text = _("<b>{name}</b> on <b>{study}</b>{unread}")
            ui.readingTitleLabel.text = text.format(name=escape(self._name), study=escape(pack.label), unread=unread)

    def _showLengths(self, reading) -> list[str]:
        """Show how each length is measured; return why one is unknown."""
        lost = []
        for which in LENGTHS:
            edit, selector = getattr(self._ui, f"{which}Edit"), getattr(self._ui, f"{which}Selector")
            isByLine = reading is not None and getattr(reading, f"{which}ByLine")
            self._showing = True
            selector.setCurrentNode(getattr(reading, f"{which}Line") if reading is not None else None)
            self._showing = False
            edit.enabled = not isByLine
            length = lengthOf(reading, which) if isByLine else None
            isDrawn = isinstance(length, float)
            draw = getattr(self._ui, f"{which}DrawButton")
            draw.text = _("Show") if isDrawn else _("Draw")
            draw.toolTip = (
                _("Center the views on the line; drag its ends to change it")
                if isDrawn
                else _("Place a line in a slice view: two clicks")
            )
            if isinstance(length, Missing):
                title = {"viable": _("Viable"), "whole": _("Whole")}[which]
                lost.append(
                    _("{title}: unknown, {why}. Draw it again, or type it.").format(title=title, why=length.because)
                )
                edit.enabled = getattr(reading, f"{which}Line") is None
            shown = "" if length is None or isinstance(length, Missing) else f"{length:.1f}"
            edit.placeholderText = shown or _("unknown")
        return lost

    def forgive(self) -> None:
        """Forget what was typed wrongly."""
        for field, *_rest in self._fields:
            field.forgive()

    @property
    def problems(self) -> list[str]:
        """What was typed and could not be read."""
        return problemsOf([field for field, *_rest in self._fields])

    def clear(self) -> None:
        """Forget the readings."""
        self._names, self._order, self._cells, self._name = [], [], [], ""
        self._ui.readingsTable.rowCount = 0
        self._showing = True
        for which in LENGTHS:
            getattr(self._ui, f"{which}Selector").setCurrentNode(None)
        self._showing = False

    # What the user does

    def _onCell(self) -> None:
        table = self._ui.readingsTable
        row, column = table.currentRow(), table.currentColumn()
        if not 0 <= row < len(self._names):
            return
        self.forgive()
        self._name, self._isThrombus = self._names[row]
        if 1 <= column <= len(self._order):
            self._section.choose(self._order[column - 1])
        self._section.panel.refresh()

    def _onAdd(self, isThrombus: bool) -> None:
        name = self._ui.newLesionEdit.text.strip()
        taken = [n for n, thrombus in self._names if thrombus == isThrombus]
        if not name:
            self._section.panel.say(_("Type the name of the lesion or thrombus first."), "note")
            return
        if name in taken:
            self._section.panel.say(_("'{name}' is in the table already.").format(name=name), "note")
            return
        with self._section.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
            self._name, self._isThrombus = name, isThrombus
            self._reading()
        self._ui.newLesionEdit.text = ""
        self._section.panel.refresh()

    def _onRemove(self, _checked: bool = False) -> None:
        pack = self._section.point()
        found, place = self._of(pack) if pack is not None else (None, -1)
        if found is not None:
            with self._section.panel.attempt():
                del (pack.thrombi if self._isThrombus else pack.lesions)[place]
        self._section.panel.refresh()

    def _onLine(self, which: str, line) -> None:
        if self._showing or self._section.point() is None or not self._name:
            return
        if line is None:  # chosen by the user, or the line is being deleted: then it is gone in a moment
            place = (self._section.index, self._name)
            qt.QTimer.singleShot(0, lambda: self._onNoLine(which, *place))
            return
        with self._section.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
            self._reading()
            pack = self._section.point()
            useLine(pack, self._of(pack)[1], which, line)
        self._section.panel.refresh()

    def _onNoLine(self, which: str, index: int, name: str) -> None:
        """Type a length instead of measuring it, where the line was not deleted: a deleted one is said to be."""
        studies = self._section.studies
        lesions = studies[index].lesions if index < len(studies) else []
        for place, lesion in enumerate(lesions):
            if lesion.lesion == name and getattr(lesion, f"{which}Line") is not None:
                with self._section.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
                    useLine(studies[index], place, which, None)
        self._section.panel.refresh()

    def _onDraw(self, which: str) -> None:
        with self._section.panel.attempt():
            with slicer.util.NodeModify(self._section.parameters):
                self._reading()
                pack = self._section.point()
                line = drawLine(pack, self._of(pack)[1], which)
            if isinstance(lineLengthMm(line), Missing):
                placeLine(line)
            else:
                views.centerViews(slicer.mrmlScene, middleOf(line))
        self._section.panel.refresh()
