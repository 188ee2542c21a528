"""Vials and calendar: which vial meets the plan, from when to when; the week; one click takes a vial."""

from __future__ import annotations

from datetime import date, time
from html import escape

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import VialTime

from .. import vialplans
from ..prescribing import Prescription
from .fields import CheckField, DateField, TextField
from .marks import GREEN, paragraphs
from .prescriptionpicture import Tick, Ticks
from .section import fitHeight
from .times import isZone

VIAL, OPENS, FIRST_DOSE = range(3)
STAR = "★"


class VialsBox:
    """The box "Vials and calendar"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._plans: vialplans.VialPlans | None = None
        self._rows: list[VialTime] = []
        self._cells: dict[tuple[int, int], VialTime] = {}
        self._chosen: VialTime | None = None
        ui = self._ui
        section.add(DateField(_("Day of treatment"), ui.dayEdit, self._storeDay), self._day)
        self._clock = section.add(
            TextField(_("Usual time"), ui.clockEdit, self._storeClock),
            lambda: section.parameters.prescription.clock if section.parameters is not None else "",
        )
        self._zone = section.add(
            TextField(_("Hospital zone"), ui.vialZoneEdit, self._storeZone),
            lambda: section.parameters.settings.hospitalTimeZone if section.parameters is not None else "",
        )
        section.bind(CheckField, _("Custom sizes"), ui.customVialsCheck, "prescription.customVials")
        ui.vialsTable.connect("itemSelectionChanged()", self._onRow)
        ui.weekTable.connect("itemSelectionChanged()", self._onCell)
        ui.useVialButton.connect("clicked(bool)", self._onUse)
        for table, stretched in ((ui.vialsTable, OPENS), (ui.weekTable, VIAL)):
            table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            for column in range(table.columnCount):
                mode = qt.QHeaderView.Stretch if column == stretched else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)
        self._showChosen()

    def show(self) -> None:
        """Say which day an empty day stands for."""
        found = self._section.now
        givenAt = found.lines.session.infusions[found.index].given_at if found is not None else None
        self._ui.dayEdit.placeholderText = f"{givenAt:%Y-%m-%d}" if givenAt else _("YYYY-MM-DD")

    def key(self, now: Prescription) -> tuple:
        """Return what the box depends on."""
        return vialplans.keyOfVials(self._section.parameters, now)

    def work(self, now: Prescription) -> None:
        """Try the vials and show them."""
        found = vialplans.vialPlans(self._section.parameters, now)
        ui = self._ui
        self._plans = None if isinstance(found, Missing) else found
        self._chosen = None
        for widget in (ui.vialsTable, ui.weekTable, ui.vialDetailLabel, ui.useVialButton, ui.catalogueLabel):
            widget.visible = self._plans is not None
        ui.pairsLabel.visible = self._plans is not None and bool(self._plans.pairs)
        if isinstance(found, Missing):
            ui.vialsLabel.text = _("No vials: {why}.").format(why=escape(found.because))
            return
        self._showRows(found)
        self._showWeek(found)
        ui.pairsLabel.text = _pairsText(found)
        ui.catalogueLabel.text = escape(vialplans.catalogueNote(found.schedule))
        self._showChosen()

    def _showRows(self, found: vialplans.VialPlans) -> None:
        ui, table = self._ui, self._ui.vialsTable
        first, last = found.days[0], found.days[-1]
        if found.rows:
            text = _("{count} vials meet the plan in the week {first:%m-%d} to {last:%m-%d}:")
        else:
            text = _("No vial of the catalogue meets the plan in the week {first:%m-%d} to {last:%m-%d}.")
        ui.vialsLabel.text = escape(text.format(count=len(found.rows), first=first, last=last))
        table.blockSignals(True)
        table.clearSelection()
        table.visible = bool(found.rows)
        self._rows = [row.chosen for row in found.rows]
        table.rowCount = len(found.rows)
        for r, row in enumerate(found.rows):
            tip = "\n".join(vialplans.details(row.chosen, found.schedule))
            doses = (row.chosen.doses_gy[i] for i in vialplans.DOSES)
            atGbq = row.vial.at_gbq(row.chosen.at, found.schedule.settings.half_life_h)
            name = f"{_nameOf(row.vial, found)}\n{atGbq:.2f} GBq"
            texts = [name, row.opens.replace(" – ", "\n– ")]
            texts += ["–" if dose is None else f"{dose:.0f}" for dose in doses]
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(tip)
                if column >= FIRST_DOSE:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                table.setItem(r, column, item)
        table.blockSignals(False)
        fitHeight(table)

    def _showWeek(self, found: vialplans.VialPlans) -> None:
        table = self._ui.weekTable
        vials, cells = vialplans.weekCells(found)
        table.blockSignals(True)
        table.clear()
        table.clearSpans()
        table.rowCount = len(vials) + len({vial.calibrated_at for vial in vials})
        table.setHorizontalHeaderLabels([_("GBq"), *map(vialplans.dayName, found.days)])
        self._cells = {}
        before, r = None, -1
        for vial in vials:
            r += 1
            if vial.calibrated_at != before:
                before = vial.calibrated_at
                text = _("Calibrated {when}").format(when=f"{before:%m-%d %H:%M}")
                table.setItem(r, VIAL, qt.QTableWidgetItem(text))
                table.setSpan(r, VIAL, 1, table.columnCount)
                r += 1
            table.setItem(r, VIAL, qt.QTableWidgetItem(_sizeOf(vial, found)))
            for c, day in enumerate(found.days, 1):
                one = cells.get((vial, day))
                if one is None:
                    continue
                self._cells[r, c] = one
                atGbq = vial.at_gbq(one.at, found.schedule.settings.half_life_h)
                item = qt.QTableWidgetItem(f"{atGbq:.2f}{STAR if one.meets_plan else ''}")
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                item.setToolTip("\n".join(vialplans.details(one, found.schedule)))
                if one.meets_plan:
                    item.setBackground(qt.QBrush(qt.QColor(GREEN)))
                    item.setForeground(qt.QBrush(qt.QColor("white")))
                table.setItem(r, c, item)
        table.blockSignals(False)
        fitHeight(table)

    def _showChosen(self) -> None:
        ui, chosen = self._ui, self._chosen
        ui.useVialButton.enabled = chosen is not None
        ui.useVialButton.text = (
            _("Use this vial")
            if chosen is None
            else _("Use this vial: {vial}").format(vial=vialplans.vialName(chosen.vials[0][1]))
        )
        lines = vialplans.details(chosen, self._plans.schedule) if chosen is not None else []
        ui.vialDetailLabel.text = paragraphs([escape(line) for line in lines]) or _(
            "Choose a vial to see what it does."
        )

    def clear(self) -> None:
        """Forget the vials."""
        self._plans = self._chosen = None
        self._rows, self._cells = [], {}
        self._ui.vialsTable.rowCount = self._ui.weekTable.rowCount = 0
        self._showChosen()

    # What the user does

    def _day(self) -> date | None:
        parameters = self._section.parameters
        text = parameters.prescription.day if parameters is not None else ""
        return date.fromisoformat(text) if text else None

    def _storeDay(self, day) -> None:
        if self._section.parameters is not None:
            self._section.parameters.prescription.day = day.isoformat() if day else ""
            self._section.panel.scheduleRefresh()

    def _storeClock(self, text: str) -> None:
        if self._section.parameters is None:
            return
        try:
            found = time.fromisoformat(text.zfill(5))
        except ValueError:
            self._clock.refuse(_("'{text}' is no time such as 10:00").format(text=text))
        else:
            self._section.parameters.prescription.clock = f"{found:%H:%M}"
        self._section.panel.scheduleRefresh()

    def _storeZone(self, name: str) -> None:
        if self._section.parameters is None:
            return
        if name and not isZone(name):
            self._zone.refuse(_("'{name}' is no IANA name such as Europe/Paris").format(name=name))
        else:
            self._section.parameters.settings.hospitalTimeZone = name
        self._section.panel.scheduleRefresh()

    def _onRow(self) -> None:
        row = self._ui.vialsTable.currentRow()
        self._choose(self._rows[row] if 0 <= row < len(self._rows) else None, self._ui.weekTable)

    def _onCell(self) -> None:
        table = self._ui.weekTable
        self._choose(self._cells.get((table.currentRow(), table.currentColumn())), self._ui.vialsTable)

    def _choose(self, chosen: VialTime | None, other) -> None:
        self._chosen = chosen
        other.blockSignals(True)
        other.clearSelection()
        other.blockSignals(False)
        self._showChosen()

    def _onUse(self, _checked: bool = False) -> None:
        section, now = self._section, self._section.now
        if now is None or self._chosen is None or self._chosen.vials[0][0] != now.label:
            return  # another infusion is shown by now
        with section.change("vial"):
            vialplans.useVial(
                section.parameters, now.lines.session.label, now.index, self._chosen, self._plans.schedule
            )


def ticksOf(parameters, now: Prescription) -> tuple[Ticks, ...]:
    """Return the vials at the moment of treatment as ticks, one row a calibration, the latest first."""
    rows: dict = {}
    for vial, gbq in vialplans.ticksOf(parameters, now):
        tip = _("A vial of {vial} holds {gbq:.2f} GBq at the treatment").format(vial=vialplans.vialName(vial), gbq=gbq)
        rows.setdefault(vial.calibrated_at, []).append(Tick(f"{vial.activity_gbq:g}", tip, gbq))
    named = sorted(rows.items(), reverse=True)
    tip = _("Vials by their size in GBq at this calibration, where they stand at the treatment")
    return tuple(
        Ticks(_("cal. {day}").format(day=f"{at:%m-%d}"), tip, tuple(sorted(vials, key=lambda t: t.atGbq)))
        for at, vials in named
    )


def _nameOf(vial, found: vialplans.VialPlans) -> str:
    """Return a vial in few characters: size, day of its calibration, and a mark where the size is not verified."""
    return f"{_sizeOf(vial, found)} ({vial.calibrated_at:%m-%d})"


def _sizeOf(vial, found: vialplans.VialPlans) -> str:
    return f"{vial.activity_gbq:g}{'?' if found.schedule.catalogue.is_unverified(vial.activity_gbq) else ''}"


def _pairsText(found: vialplans.VialPlans) -> str:
    """Return which two vials together meet the plan, those of one moment in one line, each with its infusion."""
    isOneInfusion = len(found.schedule.lines.labels) == 1
    moments: dict[str, list[str]] = {}
    for one in found.pairs:
        names = (
            _nameOf(vial, found)
            if isOneInfusion
            else _("{vial} for {infusion}").format(vial=_nameOf(vial, found), infusion=label)
            for label, vial in one.vials
        )
        moments.setdefault(vialplans.clock.words(one.at, found.schedule.zone), []).append(" + ".join(names))
    lines = [f"{escape(when)}: {escape(', '.join(pairs))}" for when, pairs in moments.items()]
    title = _("Two vials that meet the plan together")
    if isOneInfusion and lines:
        how = _("An infusion holds one vial: for two, add a second infusion of the same volume in Treatment.")
        lines.append(escape(how))
    return paragraphs([f"<b>{title}</b>", *lines])
