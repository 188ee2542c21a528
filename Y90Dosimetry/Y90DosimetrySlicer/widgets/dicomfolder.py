"""Load a case from a folder of DICOM files: every series with what it seems to be and what it is to be used as."""

from __future__ import annotations

from pathlib import Path

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import Cancelled
from Y90DosimetryLib.io.dicom_choices import Choices, SeriesOffer, Use, series_offers
from Y90DosimetryLib.io.dicom_sort import Sorting, sort_folder
from Y90DosimetryLib.progress import part

from ..dicomloading import lacksZone, summaryOf
from .times import allZones

SERIES, SEEMS, USE = range(3)
SINGLE = (Use.CT, Use.SPECT, Use.PET)
"""Uses that one series of a case has."""


def loadFolder(panel) -> None:
    """Ask for a folder, make a case of it, and show it with what was found and left out."""
    folder = qt.QFileDialog.getExistingDirectory(panel.widget, _("Folder of DICOM files"))
    if not folder:
        return
    loaded = []
    with panel.work() as progress:
        sorting = sort_folder(Path(folder), part(progress, 0.0, 0.2))
        choices = _asked(panel, sorting)
        loaded.append(panel.logic.loadDicomFolder(folder, choices, part(progress, 0.2, 1.0)))
    if loaded:
        panel.setParameters(loaded[0])
        panel.say("\n".join(summaryOf(loaded[0])), "note")


def _asked(panel, sorting: Sorting) -> Choices:
    """Return what the user says.

    Raises
    ------
    Cancelled
        If the dialog is left.
    """
    settings = panel.parameters.settings if panel.parameters is not None else None
    dialog = SeriesDialog(panel.widget, sorting, settings.hospitalTimeZone if settings is not None else "")
    if dialog.window.exec_() != qt.QDialog.Accepted:
        raise Cancelled("loading")
    return dialog.choices()


class SeriesDialog:
    """Lists the series of a folder; what there is no doubt about is chosen already, the rest is the user's to say."""

    def __init__(self, parent, sorting: Sorting, zone: str) -> None:
        self._sorting = sorting
        self._zone = zone
        self._rows: list[tuple[SeriesOffer, tuple[Use | None, ...]]] = []
        self.window = qt.QDialog(parent)
        self.window.windowTitle = _("Load from DICOM")
        self.window.resize(860, 460)
        inside = qt.QVBoxLayout(self.window)
        self.patientCombo = self._combo(inside, _("The folder holds several patients. Which one?"))
        for number in sorting.patients if len(sorting.patients) > 1 else ():
            self.patientCombo.addItem(_("Patient {number}").format(number=number))
        self._show(self.patientCombo, len(sorting.patients) > 1)
        self.table = qt.QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([_("Series"), _("Seems to be"), _("Use as")])
        header = self.table.horizontalHeader()
        for column, mode in ((SERIES, "Stretch"), (SEEMS, "ResizeToContents"), (USE, "ResizeToContents")):
            header.setSectionResizeMode(column, getattr(qt.QHeaderView, mode))
        self.table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        self.table.verticalHeader().hide()
        self.table.wordWrap = True
        self.table.tabKeyNavigation = False
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        inside.addWidget(self.table)
        self.zoneCombo = self._combo(inside, _("The PET doesn't say its time zone. The hospital's:"))
        self.zoneCombo.addItem(_("not known"))
        self._zones = allZones()
        for name in self._zones:
            self.zoneCombo.addItem(name)
        self._asksZone = not zone and lacksZone(sorting)
        self._show(self.zoneCombo, self._asksZone)
        self.openLabel = qt.QLabel()
        self.openLabel.wordWrap = True
        inside.addWidget(self.openLabel)
        buttons = qt.QDialogButtonBox()
        buttons.setStandardButtons(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
        self._load = buttons.button(qt.QDialogButtonBox.Ok)
        self._load.text = _("Load")
        inside.addWidget(buttons)
        buttons.connect("accepted()", self.window.accept)
        buttons.connect("rejected()", self.window.reject)
        self.patientCombo.connect("currentIndexChanged(int)", self._fill)
        self._fill()

    def _combo(self, layout, question: str):
        row = qt.QHBoxLayout()
        combo, label = qt.QComboBox(), qt.QLabel(question)
        label.setBuddy(combo)
        combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        combo.minimumContentsLength = 20
        combo.accessibleName = question
        row.addWidget(label)
        row.addWidget(combo)
        layout.addLayout(row)
        return combo

    def _show(self, combo, isAsked: bool) -> None:
        combo.visible = isAsked
        for label in combo.parentWidget().findChildren("QLabel"):
            if label.text == combo.accessibleName:
                label.visible = isAsked

    @property
    def patient(self) -> int | None:
        """The patient that is chosen; None where there is only one."""
        return self._sorting.patients[self.patientCombo.currentIndex] if len(self._sorting.patients) > 1 else None

    def _fill(self, _index: int = 0) -> None:
        """List the series of the patient."""
        own = self._sorting if self.patient is None else self._sorting.of_patient(self.patient)
        offers, self._rows = series_offers(own), []
        self.table.rowCount = len(offers)
        for row, offer in enumerate(offers):
            uses = (None, *offer.uses)
            self._rows.append((offer, uses))
            for column, text in ((SERIES, offer.line), (SEEMS, offer.seems.value)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(offer.why_not or text)
                self.table.setItem(row, column, item)
            combo = qt.QComboBox()
            for use in uses:
                combo.addItem(_textOf(use))
            combo.enabled = len(uses) > 1
            combo.toolTip = offer.why_not
            combo.accessibleName = _("Use of series {number}").format(number=offer.number)
            combo.currentIndex = uses.index(offer.taken_as) if offer.taken_as in uses else 0
            combo.connect("currentIndexChanged(int)", self._judge)
            self.table.setCellWidget(row, USE, combo)
        self._judge()

    def useOf(self, row: int) -> Use | None:
        """Return what a series is used as; None for nothing."""
        return self._rows[row][1][self.table.cellWidget(row, USE).currentIndex]

    def chosen(self, use: Use) -> list[int]:
        """Return the numbers of the series that are used as something."""
        return [offer.number for row, (offer, _uses) in enumerate(self._rows) if self.useOf(row) is use]

    def _judge(self, _index: int = 0) -> None:
        """Say what keeps the folder from being loaded."""
        twice = [_textOf(use) for use in SINGLE if len(self.chosen(use)) > 1]
        nothing = not any(self.chosen(use) for use in SINGLE)
        said = _("Choose a CT, SPECT or PET.") if nothing else ""
        if twice:
            said = _("Only one series can be: {uses}").format(uses=", ".join(twice))
        self.openLabel.text, self.openLabel.visible = said, bool(said)
        self._load.enabled = not said

    def choices(self) -> Choices:
        """Return what is chosen, for the reader."""
        single = {use.value: (self.chosen(use) or [0])[0] for use in SINGLE}
        zone = self._zone
        if self._asksZone and self.zoneCombo.currentIndex > 0:
            zone = self._zones[self.zoneCombo.currentIndex - 1]
        outlines = tuple(self.chosen(Use.OUTLINES))
        return Choices(**single, outlines=outlines, patient=self.patient, time_zone=zone or None)


def _textOf(use: Use | None) -> str:
    return {
        None: _("not used"),
        Use.CT: _("planning CT"),
        Use.SPECT: _("SPECT of the plan"),
        Use.PET: _("Y-90 PET"),
        Use.OUTLINES: _("outlines"),
        Use.BESIDE: _("kept beside the case"),
    }[use]
