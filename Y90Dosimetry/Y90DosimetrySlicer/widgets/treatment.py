"""Treatment: sessions and their infusions, one a row; doses follow the sliders. The settings stand behind Advanced."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Basis
from Y90DosimetryLib.structures import Role

from ..parameters import newInfusion, newSession, nextLabel, segmentName
from ..standing import liveRows
from .advanced import Advanced
from .fields import IN_PERCENT, PLAIN, CheckField, ChoiceField, MomentField, NumberField, Scale, TextField
from .lungshunt import LungShuntBox
from .section import Section
from .steps import Status, Step

LABEL, MULTI, SINGLE = range(3)


class TreatmentSection(Section):
    """The fourth section."""

    step = Step.TREATMENT
    uiName = "Y90DosimetryTreatment"

    def build(self) -> None:
        """Bind the fields of the selected infusion and of its session."""
        ui = self.ui
        self._rows: list[tuple] = []
        self._liveShown: tuple | None = None
        self._perfusedChoices: list | None = None
        self._plans: list | None = None
        self._sliders: list[tuple] = []
        ui.infusionsTable.connect("itemSelectionChanged()", self._onRow)
        ui.addInfusionButton.connect("clicked(bool)", self._onAddInfusion)
        ui.addSessionButton.connect("clicked(bool)", self._onAddSession)
        ui.removeButton.connect("clicked(bool)", self._onRemove)
        ui.prepareButton.connect("clicked(bool)", self._onPrepare)
        infusion = self.infusion
        self._name = self.add(
            TextField(_("Name"), ui.infusionNameEdit, self._storeName), lambda: infusion().label if infusion() else ""
        )
        self._perfused = self.bind(
            ChoiceField,
            _("Perfused volume"),
            ui.perfusedCombo,
            "perfusedSegmentId",
            root=infusion,
            empty="",
            choices=[],
            unknown=_("not chosen yet"),
        )
        self._number("activity", _("Activity"), "activityGbq", PLAIN)
        self._number("residual", _("Residual"), "residualFraction", IN_PERCENT)
        self._number("shunt", _("Lung shunt"), "lungShuntFraction", IN_PERCENT)
        self.bind(CheckField, _("Measured shunt"), ui.shuntImageCheck, "lungShuntFromImage", root=infusion)
        self.bind(NumberField, _("T:N ratio"), ui.ratioEdit, "tumorToNormalRatio", root=infusion)
        self._moments = [
            self._moment(_("Calibrated"), ui.calibratedEdit, ui.calibratedZoneCombo, "calibratedAt"),
            self._moment(_("Infused"), ui.givenEdit, ui.givenZoneCombo, "givenAt"),
        ]
        self._sessionName = self.add(
            TextField(_("Session name"), ui.sessionNameEdit, self._storeSessionName),
            lambda: self.session().label if self.session() else "",
        )
        bases = [(_("planned, on MAA"), Basis.PLANNED.value), (_("delivered, on Y-90"), Basis.DELIVERED.value)]
        self.bind(ChoiceField, _("Known from"), ui.basisCombo, "basis", root=self.session, choices=bases)
        self._delivers = self.bind(
            ChoiceField,
            _("Carries out"),
            ui.deliversCombo,
            "delivers",
            root=self.session,
            empty="",
            choices=[],
            unknown=_("no plan of this case"),
        )
        self._advanced = Advanced(self)
        self.lungShunt = LungShuntBox(self)
        ui.liveTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        for table, stretched in ((ui.infusionsTable, 1), (ui.liveTable, LABEL)):
            for column in range(table.columnCount):
                mode = qt.QHeaderView.Stretch if column == stretched else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)
        self.places.update(
            sessions=ui.addSessionButton,
            residual_fraction=ui.residualEdit,
            lung_shunt_fraction=ui.shuntEdit,
            tumor_to_normal_ratio=ui.ratioEdit,
            calibrated_at=ui.calibratedEdit,
            given_at=ui.givenEdit,
            lung_mass_g=ui.lungMassEdit,
        )

    def _number(self, stem: str, title: str, member: str, scale: Scale) -> None:
        edit, slider = getattr(self.ui, f"{stem}Edit"), getattr(self.ui, f"{stem}Slider")
        self.bind(NumberField, title, edit, member, root=self.infusion, scale=scale)
        self._sliders.append((slider, member, scale))
        slider.connect("valueChanged(double)", lambda value, m=member, s=scale: self._onSlider(m, s.stored(value)))

    def _moment(self, title: str, edit, zone, member: str) -> MomentField:
        def store(text: str) -> None:
            if self.infusion() is not None:
                setattr(self.infusion(), member, text)

        field = MomentField(title, edit, zone, store)
        self.add(field, lambda: getattr(self.infusion(), member) if self.infusion() else "")
        return field

    # What is selected

    def session(self):
        """Return the session that is shown, None when there is none."""
        if self.parameters is None:
            return None
        sessions, index = self.parameters.sessions, self.panel.sessionIndex
        return sessions[index] if 0 <= index < len(sessions) else None

    def infusion(self):
        """Return the infusion that is shown, None when there is none."""
        session = self.session()
        if session is None or not 0 <= self.panel.infusionIndex < len(session.infusions):
            return None
        return session.infusions[self.panel.infusionIndex]

    # Showing

    def show(self) -> None:
        """Show sessions and infusions, and the fields of the selected ones."""
        if self.parameters is None:
            return
        self._showRows()
        perfused = [id_ for id_, role in self.workflow.roles().items() if role is Role.PERFUSED]
        choices = [(segmentName(self.parameters, id_), id_) for id_ in perfused]
        if choices != self._perfusedChoices:
            self._perfusedChoices = choices
            self._perfused.setChoices(choices)
        plans = [(s.label, s.label) for s in self.parameters.sessions if s.basis == Basis.PLANNED.value]
        if plans != self._plans:
            self._plans = plans
            self._delivers.setChoices(plans)
        for field in self._moments:
            field.setHospitalZone(self.parameters.settings.hospitalTimeZone)
        super().show()
        self._showSliders()
        self._showAvailable(bool(perfused))
        self._advanced.show()
        self.lungShunt.show()

    def _showRows(self) -> None:
        rows, table = [], self.ui.infusionsTable
        for s, session in enumerate(self.parameters.sessions):
            for i, infusion in enumerate(session.infusions):
                into = segmentName(self.parameters, infusion.perfusedSegmentId) or _("not chosen")
                activity = _("unknown") if infusion.activityGbq is None else f"{infusion.activityGbq:.2f}"
                rows.append((s, i, session.label, infusion.label, into, activity))
            if not session.infusions:
                rows.append((s, -1, session.label, _("no infusion yet"), "", ""))
        selected = next(
            (r for r, row in enumerate(rows) if row[:2] == (self.panel.sessionIndex, self.panel.infusionIndex)), -1
        )
        if selected < 0 and rows:
            selected = next((r for r, row in enumerate(rows) if row[0] == self.panel.sessionIndex), 0)
            self.panel.sessionIndex, self.panel.infusionIndex = rows[selected][:2]
        table.blockSignals(True)
        if rows != self._rows:
            table.rowCount = len(rows)
            for r, row in enumerate(rows):
                for c, text in enumerate(row[2:]):
                    if table.item(r, c) is None:
                        table.setItem(r, c, qt.QTableWidgetItem(""))
                    table.item(r, c).setText(text)
            self._rows = rows
        if selected >= 0:
            table.selectRow(selected)
        table.blockSignals(False)

    def _showSliders(self) -> None:
        infusion = self.infusion()
        for slider, member, scale in self._sliders:
            value = getattr(infusion, member) if infusion is not None else None
            shown = slider.minimum if value is None else scale.shown(value)
            slider.blockSignals(True)
            if shown > slider.maximum:
                slider.maximum = shown
            if slider.value != shown:
                slider.value = shown
            slider.blockSignals(False)

    def _showAvailable(self, hasPerfused: bool) -> None:
        ui, infusion, session = self.ui, self.infusion(), self.session()
        ui.infusionBox.enabled = infusion is not None
        ui.sessionBox.enabled = session is not None
        ui.removeButton.enabled = session is not None
        ui.perfusedCombo.enabled = hasPerfused
        ui.perfusedCombo.toolTip = (
            _("The perfused volume that this vial is infused into")
            if hasPerfused
            else _("Give a segment the role of a perfused volume in Structures first")
        )
        measured = infusion is not None and infusion.lungShuntFromImage
        ui.shuntEdit.enabled = ui.shuntSlider.enabled = not measured
        hasLungs = Role.LUNGS in self.workflow.roles().values()
        ui.shuntImageCheck.enabled = measured or (hasLungs and session is not None and session.image is not None)
        ui.shuntImageCheck.toolTip = (
            _("Lung shunt fraction from the counts in lungs and liver")
            if ui.shuntImageCheck.enabled
            else _("Outline the lungs and choose the image first")
        )
        ui.deliversCombo.enabled = session is not None and session.basis == Basis.DELIVERED.value

    def showStatus(self, status: Status) -> None:
        """Show the doses that follow the sliders, or why there are none."""
        super().showStatus(status)
        ui, live = self.ui, status.live
        ui.prepareButton.visible = live is None
        reason = "; ".join(status.refused)
        ui.prepareButton.enabled = not reason
        ui.prepareButton.toolTip = reason or _("Measure images and structures once, so that doses follow the sliders")
        rows = liveRows(live) if live is not None else ()
        if rows == self._liveShown:
            return
        self._liveShown = rows
        missing = "; ".join(dict.fromkeys(row.why for row in rows if row.why))
        if live is None:
            said = _("Images and outlines are not measured: doses do not follow the sliders.")
            ui.liveLabel.text = said
        else:
            ui.liveLabel.text = _("Mean doses, live.") + (f" {missing}" if missing else "")
        table = ui.liveTable
        table.visible = bool(rows)
        table.rowCount = len(rows)
        for r, row in enumerate(rows):
            for c, text in ((LABEL, row.label), (MULTI, row.multi), (SINGLE, row.single)):
                if table.item(r, c) is None:
                    table.setItem(r, c, qt.QTableWidgetItem(""))
                item = table.item(r, c)
                item.setText(text or "–")
                item.setToolTip(row.why or row.label)
                if c != LABEL:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)

    def clear(self) -> None:
        """Forget the rows."""
        self._rows, self._liveShown = [], None
        self.ui.infusionsTable.rowCount = self.ui.liveTable.rowCount = 0

    # What the user does

    def _onRow(self) -> None:
        row = self.ui.infusionsTable.currentRow()
        if 0 <= row < len(self._rows):
            self.panel.sessionIndex, self.panel.infusionIndex = self._rows[row][:2]
            self.forgive()
            self.panel.refresh()

    def _onSlider(self, member: str, value: float) -> None:
        if self.infusion() is not None:
            setattr(self.infusion(), member, value)

    def _storeName(self, name: str) -> None:
        if self.infusion() is None:
            return
        others = [i.label for n, i in enumerate(self.session().infusions) if n != self.panel.infusionIndex]
        if self._isFree(self._name, name, others):
            self.infusion().label = name

    def _storeSessionName(self, name: str) -> None:
        if self.session() is None:
            return
        others = [s.label for n, s in enumerate(self.parameters.sessions) if n != self.panel.sessionIndex]
        if not self._isFree(self._sessionName, name, others):
            return
        before = self.session().label
        with slicer.util.NodeModify(self.parameters):
            self.session().label = name
            for session in self.parameters.sessions:
                if session.delivers == before:
                    session.delivers = name

    def _isFree(self, field: TextField, name: str, others: list[str]) -> bool:
        if not name:
            field.refuse(_("give it a name"))
        elif name in others:
            field.refuse(_("'{name}' is taken").format(name=name))
        self.panel.scheduleRefresh()
        return bool(name) and name not in others

    def _onAddInfusion(self, _checked: bool = False) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            if self.session() is None:
                self._newSession()
            taken = [i.label for i in self.session().infusions]
            drawnMl = self.workflow.volumesMl()
            perfused = [id_ for id_, r in self.workflow.roles().items() if r is Role.PERFUSED and drawnMl.get(id_)]
            self.session().infusions.append(
                newInfusion(nextLabel(taken, _("Vial")), perfused[0] if len(perfused) == 1 else "")
            )
            self.panel.infusionIndex = len(self.session().infusions) - 1
        self.panel.refresh()

    def _onAddSession(self, _checked: bool = False) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            self._newSession()
        self.panel.refresh()

    def _newSession(self) -> None:
        taken = [s.label for s in self.parameters.sessions]
        self.parameters.sessions.append(newSession(_("Plan") if not taken else nextLabel(taken, _("Session"))))
        self.panel.sessionIndex, self.panel.infusionIndex = len(taken), -1

    def _onRemove(self, _checked: bool = False) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            session = self.session()
            if self.infusion() is not None:
                del session.infusions[self.panel.infusionIndex]
            if not self.session().infusions:
                del self.parameters.sessions[self.panel.sessionIndex]
                self.panel.sessionIndex = max(0, self.panel.sessionIndex - 1)
            self.panel.infusionIndex = 0
        self.panel.refresh()

    def _onPrepare(self, _checked: bool = False) -> None:
        with self.panel.work() as progress:
            self.workflow.prepare(progress)
