"""Dose: computed with progress and cancel; what the views show of it; tables written to files."""

from __future__ import annotations

from pathlib import Path

import ctk
import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role

from .. import display, layout, tables, views
from .fields import IN_PERCENT, CheckField, NumberField, TextField
from .section import Section, fitHeight
from .steps import Status, Step

SHOWN: dict[str, tuple[Role, ...]] = {
    "Tumor": (Role.TUMOR,),
    "Thrombus": (Role.PVTT, Role.HEPATIC_VEIN_THROMBUS),
    "Normal": (Role.NORMAL_LIVER, Role.PERFUSED, Role.LIVER),
    "Lungs": (Role.LUNGS,),
}
"""The roles that a button shows: the first of them that is outlined, one segment after the other."""
COLUMNS = 4


class DoseSection(Section):
    """The sixth section."""

    step = Step.DOSE
    uiName = "Y90DosimetryDose"

    def build(self) -> None:
        """Connect buttons, bind display options."""
        ui = self.ui
        self._shownLast: dict[str, str] = {}
        self._drawn: tuple | None = None
        self._tabled: object = None
        ui.computeButton.connect("clicked(bool)", self._onCompute)
        for name in SHOWN:
            button = getattr(ui, f"show{name}Button")
            button.connect("clicked(bool)", lambda _checked=False, name=name: self._onShow(name))
            button.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)  # four fit into a narrow panel
        for widget, member in (
            (ui.showDoseCheck, "showDose"),
            (ui.showIsodosesCheck, "showIsodoses"),
            (ui.showLegendCheck, "showLegend"),
        ):
            self.bind(CheckField, widget.text, widget, f"display.{member}")
        self.bind(NumberField, _("Colors up to"), ui.maximumEdit, "display.doseMaximumGy")
        self._threshold = self.add(
            NumberField(_("Hide below"), ui.thresholdEdit, self._storeThreshold),
            lambda: self.parameters.display.doseThresholdGy if self.parameters is not None else None,
        )
        self._isodoses = self.add(
            TextField(_("Isodose lines"), ui.isodosesEdit, self._storeIsodoses),
            lambda: " ".join(f"{level:g}" for level in self.parameters.isodosesGy) if self.parameters else "",
        )
        ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        ui.layoutButton.connect("clicked(bool)", self._onLayout)
        ui.exportButton.connect("clicked(bool)", self._onExport)
        ui.doseTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header = ui.doseTable.horizontalHeader()
        for column in range(COLUMNS):
            isName = column == 0
            header.setSectionResizeMode(column, qt.QHeaderView.Stretch if isName else qt.QHeaderView.ResizeToContents)
        ui.exportEdit.filters = ctk.ctkPathLineEdit.Dirs

    # Showing

    def show(self) -> None:
        """Show the display options and the doses."""
        if self.parameters is None:
            return
        super().show()
        slider = self.ui.opacitySlider
        slider.blockSignals(True)  # it rounds to its decimals: showing an opacity must not change it
        slider.value = IN_PERCENT.shown(self.parameters.display.doseOpacityFraction)
        slider.blockSignals(False)
        for name, roles in SHOWN.items():
            button = getattr(self.ui, f"show{name}Button")
            button.enabled = bool(self._segmentsOf(roles))
            names = ", ".join(role.display_name for role in roles)
            words = _("Center the views: {structures}") if button.enabled else _("Not outlined: {structures}")
            button.toolTip = words.format(structures=names)

    def showStatus(self, status: Status) -> None:
        """Show whether a dose can be computed, or why not and what to do."""
        super().showStatus(status)
        ui = self.ui
        missing = [status.needs[s] for s in (Step.IMAGES, Step.STRUCTURES, Step.TREATMENT) if s in status.needs]
        refused = status.refused
        ui.computeButton.enabled = not refused
        ui.computeButton.text = _("Compute again") if status.isComputed else _("Compute the dose")
        reason = "; ".join(refused)
        ui.computeButton.toolTip = reason or _("Compute the dose of every voxel, the histograms and the findings")
        said = ""
        if refused:
            said = _("No dose can be computed yet: {reason}.").format(reason=reason)
        elif missing:
            said = _("Some doses will be missing: {missing}.").format(missing="; ".join(missing))
        ui.reasonLabel.text, ui.reasonLabel.visible = said, bool(said)
        ui.exportButton.enabled = self.parameters.doseTable is not None
        ui.exportButton.toolTip = (
            _("Write dose table, histogram and findings as tab separated values")
            if ui.exportButton.enabled
            else _("Compute the dose first")
        )
        ui.layoutButton.enabled = self.parameters.doseVolume is not None
        ui.layoutButton.toolTip = (
            _("Arrange the views: three slices, dose-volume histogram, dose table")
            if ui.layoutButton.enabled
            else _("Compute the dose first")
        )
        self._showTable(status)
        self._showOverlay()

    def _showTable(self, status: Status) -> None:
        node, table = self.parameters.doseTable, self.ui.doseTable
        table.visible = node is not None
        source = status.assessment or status.live
        key = None if node is None else (node.GetID(), node.GetTable().GetMTime(), source)
        if key == self._tabled or node is None:
            return
        self._tabled = key
        rows = tables.doseCells(node, source)
        table.rowCount = len(rows)
        for row, cells in enumerate(rows):
            for column, text in enumerate((cells.label, cells.volumeMl, cells.dose, cells.limit)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(f"{cells.label}\n{cells.tip}")
                if column:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                table.setItem(row, column, item)
        fitHeight(table)

    def _showOverlay(self) -> None:
        """Bring the views in line with the display options, when these, the dose or a registration have changed."""
        dose = self.parameters.doseVolume
        options = self.parameters.display
        key = (
            None if dose is None else (dose.GetID(), dose.GetImageData().GetMTime()),
            options.doseMaximumGy,
            options.doseThresholdGy,
            options.showDose,
            options.showIsodoses,
            options.showLegend,
            tuple(self.parameters.isodosesGy),
            display.isPreviewed(self.parameters),
        )
        before, self._drawn = self._drawn, key
        if before is not None and key != before:  # a case that is chosen anew is shown by the panel
            display.showDose(self.parameters)

    def clear(self) -> None:
        """Forget what was drawn."""
        self._drawn = self._tabled = None
        self._shownLast = {}
        self.ui.doseTable.rowCount = 0

    # What the user does

    def _onCompute(self, _checked: bool = False) -> None:
        with self.panel.work() as progress:
            assessment = self.workflow.compute(progress)
            tables.updateTables(self.parameters, assessment)
            self._drawn = None
            display.showDose(self.parameters)
            layout.fillViews(self.parameters)
            views.showSurfaces(self.parameters)

    def _segmentsOf(self, roles: tuple[Role, ...]) -> list[str]:
        known = self.workflow.roles()
        found = ([id_ for id_, role in known.items() if role is wanted] for wanted in roles)
        return next((ids for ids in found if ids), [])

    def _onShow(self, name: str) -> None:
        """Center on the next segment of these roles."""
        ids = self._segmentsOf(SHOWN[name])
        last = self._shownLast.get(name)
        start = ids.index(last) + 1 if last in ids else 0
        for segmentId in ids[start:] + ids[:start]:
            if self.panel.centerOn(segmentId):
                self._shownLast[name] = segmentId
                return
        self.panel.say(_("Nothing is outlined there yet."))

    def _onOpacity(self, percent: float) -> None:
        if self.parameters is None:
            return
        fraction = self.parameters.display.doseOpacityFraction = IN_PERCENT.stored(percent)
        if self.parameters.doseVolume is not None and self.parameters.display.showDose:
            display.setForegroundOpacity(fraction)

    def _storeThreshold(self, value) -> None:
        if self.parameters is None:
            return
        if value is None or value < 0:
            self._threshold.refuse(_("enter 0 or more"))
        else:
            self.parameters.display.doseThresholdGy = value
        self.panel.scheduleRefresh()

    def _storeIsodoses(self, text: str) -> None:
        if self.parameters is None:
            return
        try:
            levels = sorted({float(part) for part in text.replace(";", " ").split()})
            if any(not 0 < level < float("inf") for level in levels):
                raise ValueError
        except ValueError:
            self._isodoses.refuse(_("write doses in Gy with spaces between them, for example 50 120 205"))
        else:
            self.parameters.isodosesGy = levels
        self.panel.scheduleRefresh()

    def _onLayout(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            layout.showLayout(self.parameters)
            display.showDose(self.parameters)
            views.lookAt(self.parameters)

    def _onExport(self, _checked: bool = False) -> None:
        with self.panel.attempt(_("The tables could not be written.")):
            folder = Path(self.ui.exportEdit.currentPath)
            if not self.ui.exportEdit.currentPath or not folder.is_dir():
                raise InputError(_("no folder is chosen"), where=_("export"), remedy=_("Choose an existing folder"))
            self.ui.exportEdit.addCurrentPathToHistory()
            written = tables.exportAll(self.parameters, self.panel.status.findings, folder)
            names = ", ".join(path.name for path in written)
            self.ui.exportLabel.text = _("Written: {names}").format(names=names)
