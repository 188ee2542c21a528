"""The box "Outcome": what the pathologist found in each tumor, recurrence, death, last contact."""

from __future__ import annotations

from datetime import date
from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.followup.pathology import PatientNecrosis, explant_of

from ..outcomes import forgetPathology, isReported, pathologyMadeFor, pathologyOf, tumorsOf
from ..outcomeview import TumorRow, classesOf, classOf, outcomeTitle, poorestText, tumorRows
from ..parameters import factsOf, setFact
from ..readings import NO, YES
from .fields import IN_PERCENT, ChoiceField, DateField, Field, NumberField
from .section import fitHeight

TUMOR, NECROSIS = range(2)
SURGERY = "surgery_date"
ANSWERS = {"recurredOn": "recurred", "diedOn": "died"}
"""The days that answer a question, and its answer."""


class OutcomeBox:
    """The box "Outcome"; it needs neither a study nor a measurement."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._rows: tuple[TumorRow, ...] = ()
        self._explant: PatientNecrosis | None = None
        self._segmentId = ""
        ui = self._ui
        answers, unknown = [(_("yes"), YES), (_("no"), NO)], _("unknown")
        self._necrosis = section.add(
            NumberField(_("Necrosis"), ui.necrosisEdit, self._storeFraction, IN_PERCENT), self._fraction
        )
        classes = [(words, necrosis.value) for necrosis, words in classesOf().items()]
        section.add(
            ChoiceField(_("Class of necrosis"), ui.necrosisClassCombo, self._storeClass, classes, unknown=unknown),
            self._class,
        )
        section.add(
            ChoiceField(_("Microvascular emboli"), ui.emboliCombo, self._storeEmboli, answers, unknown=unknown),
            self._emboli,
        )
        section.add(DateField(_("Day of surgery"), ui.surgeryDayEdit, self._storeSurgery), self._surgery)
        self._days: dict[str, Field] = {}
        for title, combo, member in (
            (_("Recurrence"), ui.recurredCombo, "recurred"),
            (_("Death"), ui.diedCombo, "died"),
        ):
            field = ChoiceField(
                title, combo, lambda value, m=member: self._storeAnswer(m, value), answers, unknown=unknown
            )
            section.add(field, lambda m=member: self._stored(m))
        for title, edit, member in (
            (_("Day of recurrence"), ui.recurredDayEdit, "recurredOn"),
            (_("Day of death"), ui.diedDayEdit, "diedOn"),
            (_("Last seen"), ui.lastSeenEdit, "lastSeenOn"),
        ):
            field = DateField(title, edit, lambda day, m=member: self._storeDay(m, day))
            self._days[member] = section.add(field, lambda m=member: self._day(m))
        ui.pathologyTable.connect("itemSelectionChanged()", self._onRow)
        ui.removePathologyButton.connect("clicked(bool)", self._onRemove)
        ui.pathologyTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        for column in range(ui.pathologyTable.columnCount):
            mode = qt.QHeaderView.Stretch if column == TUMOR else qt.QHeaderView.ResizeToContents
            ui.pathologyTable.horizontalHeader().setSectionResizeMode(column, mode)

    # What is stored

    @property
    def _parameters(self):
        return self._section.parameters

    def _pathology(self):
        return pathologyOf(self._parameters, self._segmentId) if self._parameters is not None else None

    def _fraction(self) -> float | None:
        pack = self._pathology()
        return pack.necrosisFraction if pack is not None else None

    def _class(self) -> str | None:
        found = classOf(self._pathology())
        return found.value if found is not None else None

    def _emboli(self) -> str | None:
        pack = self._pathology()
        return pack.microvascularEmboli or None if pack is not None else None

    def _stored(self, member: str) -> str | None:
        return getattr(self._parameters.outcome, member) or None if self._parameters is not None else None

    def _day(self, member: str) -> date | None:
        try:
            return date.fromisoformat(self._stored(member) or "")
        except ValueError:
            return None

    def _surgery(self) -> date | None:
        return factsOf(self._parameters).get(SURGERY) if self._parameters is not None else None

    # Showing

    def choose(self) -> None:
        """Keep the chosen tumor while it is there, else take the first; before the fields are shown."""
        ids = list(tumorsOf(self._parameters))
        if self._segmentId not in ids:
            self._segmentId = ids[0] if ids else ""

    def show(self, live) -> None:
        """Show the tumors with what is entered, and the doses where they are measured."""
        self._explant = explant_of(live.case, live.doses) if live is not None else None
        self._showRows()

    def _showRows(self) -> None:
        ui, parameters = self._ui, self._parameters
        rows = tumorRows(parameters, self._explant)
        ids = [row.segmentId for row in rows]
        table = ui.pathologyTable
        table.blockSignals(True)
        if rows != self._rows:
            self._rows = rows
            table.rowCount = len(rows)
            for r, row in enumerate(rows):
                for c, text in enumerate(row.cells):
                    item = qt.QTableWidgetItem(text)
                    item.setToolTip(row.tip or text)
                    if c > NECROSIS:
                        item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                    table.setItem(r, c, item)
            fitHeight(table)
        if self._segmentId in ids and table.currentRow() != ids.index(self._segmentId):
            table.selectRow(ids.index(self._segmentId))
        table.blockSignals(False)
        table.visible = ui.pathologyWidget.visible = bool(rows)
        ui.noTumorLabel.visible = not rows
        pack = self._pathology()
        ui.necrosisClassCombo.enabled = pack is None or pack.necrosisFraction is None
        ui.removePathologyButton.enabled = pack is not None and isReported(pack)
        chosen = next((row.name for row in rows if row.segmentId == self._segmentId), "")
        ui.pathologyLabel.text = _("Pathology of <b>{tumor}</b>").format(tumor=escape(chosen))
        poorest = poorestText(self._explant)
        ui.poorestLabel.visible = bool(poorest)
        ui.poorestLabel.text = poorest
        ui.outcomeBox.title = outcomeTitle(parameters, self._explant)

    def clear(self) -> None:
        """Forget the tumors."""
        self._rows, self._explant, self._segmentId = (), None, ""
        self._ui.pathologyTable.rowCount = 0

    # Storing

    def _store(self, change) -> None:
        """Change what is entered for the chosen tumor."""
        if self._parameters is not None and self._segmentId:
            with self._section.panel.attempt(), slicer.util.NodeModify(self._parameters):
                change(pathologyMadeFor(self._parameters, self._segmentId))
        self._section.panel.scheduleRefresh()

    def _storeFraction(self, fraction) -> None:
        if fraction is not None and not 0 <= fraction <= 1:
            self._necrosis.refuse(_("enter a percentage from 0 to 100"))
            fraction = None

        def change(pack) -> None:
            pack.necrosisFraction = fraction
            if fraction is not None:
                pack.stated = ""

        self._store(change)

    def _storeClass(self, value) -> None:
        self._store(lambda pack: setattr(pack, "stated", value or ""))

    def _storeEmboli(self, value) -> None:
        self._store(lambda pack: setattr(pack, "microvascularEmboli", value or ""))

    def _storeSurgery(self, day) -> None:
        if self._parameters is not None:
            with self._section.panel.attempt():
                setFact(self._parameters, SURGERY, day)
        self._section.panel.scheduleRefresh()

    def _storeAnswer(self, member: str, value) -> None:
        """Store an answer; the day belongs to "yes"."""
        if self._parameters is not None:
            with self._section.panel.attempt(), slicer.util.NodeModify(self._parameters):
                setattr(self._parameters.outcome, member, value or "")
                for day in [day for day, answer in ANSWERS.items() if answer == member and value != YES]:
                    setattr(self._parameters.outcome, day, "")
                    self._days[day].forgive()
        self._section.panel.scheduleRefresh()

    def _storeDay(self, member: str, day) -> None:
        """Store a day; that of a recurrence or of death says "yes"."""
        if self._parameters is not None:
            with self._section.panel.attempt(), slicer.util.NodeModify(self._parameters):
                setattr(self._parameters.outcome, member, day.isoformat() if day else "")
                if day and member in ANSWERS:
                    setattr(self._parameters.outcome, ANSWERS[member], YES)
        self._section.panel.scheduleRefresh()

    # What the user does

    def _onRow(self) -> None:
        row = self._ui.pathologyTable.currentRow()
        if 0 <= row < len(self._rows) and self._rows[row].segmentId != self._segmentId:
            self._segmentId = self._rows[row].segmentId
            self._necrosis.forgive()
            self._section.panel.refresh()

    def _onRemove(self, _checked: bool = False) -> None:
        with self._section.panel.attempt(), slicer.util.NodeModify(self._parameters):
            self._necrosis.forgive()
            forgetPathology(self._parameters, self._segmentId)
        self._section.panel.refresh()
