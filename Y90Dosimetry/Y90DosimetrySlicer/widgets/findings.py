"""Findings: what was judged, the gravest first, by color, symbol and words; a click leads to what it is about."""

from __future__ import annotations

from html import escape

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.guidelines import Finding, Outcome

from .. import tables
from .marks import badge, markOf
from .section import Section
from .steps import Status, Step

MARK, TITLE, VALUE = range(3)
ATTENTION, APPLYING, ALL = range(3)
LONGEST_VALUE = 14


class FindingsSection(Section):
    """The seventh section."""

    step = Step.FINDINGS
    uiName = "Y90DosimetryFindings"

    def build(self) -> None:
        """Connect table and filter."""
        ui = self.ui
        self._rows: list[tables.FindingRow] = []
        self._shownOf: tuple | None = None
        for text in (_("What needs attention"), _("All that apply"), _("All, also what does not apply")):
            ui.filterCombo.addItem(text)
        ui.filterCombo.connect("currentIndexChanged(int)", self._onFilter)
        ui.findingsTable.connect("itemSelectionChanged()", self._onSelected)
        ui.goButton.connect("clicked(bool)", self._onGo)
        header = ui.findingsTable.horizontalHeader()
        header.setSectionResizeMode(MARK, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(VALUE, qt.QHeaderView.ResizeToContents)
        ui.findingsTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        self._showDetail()

    def showStatus(self, status: Status) -> None:
        """List the findings."""
        super().showStatus(status)
        key = (status.findings, self.ui.filterCombo.currentIndex)
        if key == self._shownOf:
            return
        self._shownOf = key
        chosen = self._chosen()
        before = (chosen.finding.rule.id, chosen.about) if chosen else None
        self._rows = tables.findingRows([f for f in status.findings if self._isListed(f)])
        table = self.ui.findingsTable
        table.blockSignals(True)
        table.rowCount = len(self._rows)
        for row, finding in enumerate(self._rows):
            self._showRow(row, finding)
        keys = [(r.finding.rule.id, r.about) for r in self._rows]
        table.clearSelection()
        table.setCurrentCell(keys.index(before), TITLE) if before in keys else table.setCurrentCell(-1, -1)
        table.blockSignals(False)
        self._showDetail()

    def _showRow(self, row: int, finding: tables.FindingRow) -> None:
        table, mark = self.ui.findingsTable, markOf(finding.mark)
        shown = qt.QTableWidgetItem(f"{mark.symbol} {mark.words}")
        shown.setForeground(qt.QBrush(qt.QColor("white")))
        shown.setBackground(qt.QBrush(qt.QColor(mark.color)))
        about = f"{finding.title} ({finding.about})" if finding.about else finding.title
        for column, item in ((MARK, shown), (TITLE, qt.QTableWidgetItem(about))):
            item.setToolTip(finding.message)
            table.setItem(row, column, item)
        item = qt.QTableWidgetItem(_shortValue(finding))
        item.setToolTip(finding.missing or finding.value)
        table.setItem(row, VALUE, item)

    def _isListed(self, finding: Finding) -> bool:
        wanted = self.ui.filterCombo.currentIndex
        if wanted == ALL:
            return True
        if finding.outcome is Outcome.NOT_APPLICABLE:
            return False
        return wanted == APPLYING or finding.outcome is not Outcome.MET

    def _chosen(self) -> tables.FindingRow | None:
        row = self.ui.findingsTable.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _showDetail(self) -> None:
        row = self._chosen()
        self.ui.goButton.visible = row is not None
        if row is None:
            self.ui.detailLabel.text = (
                escape(_("Select a finding to read it.")) if self._rows else escape(_("Nothing to list."))
            )
            return
        parts = [
            f"{badge(markOf(row.mark))} <b>{escape(row.title)}</b>",
            escape(row.message),
            *(escape(remark) for remark in row.finding.remarks),
        ]
        for title, text in (
            (_("About"), row.about),
            (_("Value"), row.value),
            (_("Asked"), row.threshold),
            (_("Missing"), row.missing),
            (_("Source"), row.source),
            (_("Rule"), row.finding.rule.id),
        ):
            if text:
                parts.append(f"<b>{escape(title)}:</b> {escape(text)}".replace("\n", "<br>"))
        self.ui.detailLabel.text = "<br>".join(parts)

    def _onSelected(self) -> None:
        self._showDetail()
        row = self._chosen()
        if row is not None:
            self.panel.centerOnStructure(row.about)

    def _onGo(self, _checked: bool = False) -> None:
        row = self._chosen()
        if row is None:
            return
        finding = row.finding
        needs = [*finding.needs, *(m.measure_id for m in finding.missing)]
        if any(self.panel.goToNeed(need) for need in needs):
            return
        asked = {band.principal.measure_id for band in finding.rule.bands if band.principal is not None}
        judged = [m.measure_id for m in finding.judged if m.measure_id in asked] or [
            m.measure_id for m in finding.judged
        ]
        if any(self.panel.goToNeed(name) for name in judged):
            return
        step = _stepOfMeasures([*needs, *judged])
        if step is Step.PRESCRIPTION and self.panel.sections[step].now is None:  # what was delivered is entered there
            step = Step.TREATMENT
        if step is Step.STRUCTURES:
            self.panel.centerOnStructure(row.about)
        self.panel.goTo(step, self._fieldOf(step))

    def _fieldOf(self, step: Step):
        """Return the field of a section that changes what was judged; None for the section as a whole."""
        if step is Step.PRESCRIPTION:
            return self.panel.sections[step].ui.prescribedEdit
        if step is Step.STRUCTURES:
            return self.panel.sections[step].ui.rolesTable
        return self.panel.sections[step].ui.activityEdit if step is Step.TREATMENT else None

    def _onFilter(self, _index: int) -> None:
        if self.parameters is not None:
            self.showStatus(self.panel.status)

    def clear(self) -> None:
        """Forget the findings."""
        self._rows, self._shownOf = [], None
        self.ui.findingsTable.rowCount = 0
        self._showDetail()


def _shortValue(row: tables.FindingRow) -> str:
    """Return a value that fits into a narrow column; none where the rule could not be judged."""
    if row.finding.outcome is Outcome.NOT_EVALUABLE:
        return "?"
    value = row.value if len(row.value) <= LONGEST_VALUE else row.value.split(";")[0]
    return value if len(value) <= LONGEST_VALUE else "…"


def _stepOfMeasures(measures: list[str]) -> Step:
    """Return where the measures of a finding are changed, for those without a field of their own."""
    for name in measures:
        if "_day" in name or "shunt" in name:
            return Step.TREATMENT
        if "activity" in name or "dose_gy" in name or "ntad" in name:
            return Step.PRESCRIPTION
        if "_ml" in name or "_mm" in name or "coverage" in name or "reserve" in name or "flr" in name:
            return Step.STRUCTURES
        if name.startswith(("child_pugh", "albi", "meld")):
            return Step.PATIENT
    return Step.PATIENT
