"""Results as table and plot nodes: the dose table, the dose-volume histogram and the findings, and their export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.dosimetry.dvh import Dvh
from Y90DosimetryLib.draw.colors import LineStyle, structure_styles
from Y90DosimetryLib.draw.histograms import role_of
from Y90DosimetryLib.engine import Assessment
from Y90DosimetryLib.guidelines import Finding, Outcome, Severity, load_references
from Y90DosimetryLib.guidelines.findings import all_hold
from Y90DosimetryLib.guidelines.wording import limit_text
from Y90DosimetryLib.io.writing import write_text
from Y90DosimetryLib.measures import Known
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.report import content_of
from Y90DosimetryLib.report.as_html import DVH_DOSES, DVH_VOLUMES, SYMBOLS, mark_of
from Y90DosimetryLib.structures import Role

SERIES_ROLE = "Y90DosimetryDvhSeries"
LONGEST_DOT_PX = 4.0
CHART_FONT_PX = 13
LEGEND_ROOM_RATIO = 1.9
"""How far the axis of doses reaches beyond the largest one: the legend stands there, over no curve."""


def updateTables(parameters, assessment: Assessment) -> None:
    """Fill the case's dose table, histogram table and chart; each is made on first use and then kept."""
    scene = parameters.parameterNode.GetScene()
    if parameters.doseTable is None:
        parameters.doseTable = scene.AddNewNodeByClass("vtkMRMLTableNode", _("Doses"))
    fillDoseTable(parameters.doseTable, assessment)
    updateDvh(parameters, assessment)


def fillDoseTable(node, assessment: Assessment) -> None:
    """Write mean doses under each model, lung doses and points of the histogram, one volume a row."""
    content = content_of(assessment)
    models = content.models
    head = [_("Volume"), _("mL")]
    head += [_meanColumn(model) for model in models]
    head += [f"{name.removesuffix('_gy').upper()} (Gy)" for name in DVH_DOSES if name != "mean_gy"]
    head += [f"{name.removesuffix('_fraction').upper()} (%)" for name in DVH_VOLUMES]
    rows = []
    for row in content.dose_rows:
        points = [name for name in (*DVH_DOSES, *DVH_VOLUMES) if name != "mean_gy"]
        cells = [row.label, f"{row.volume_ml:.0f}"] + [_number(row.mean_gy[model]) for model in models]
        if isinstance(row.dvh, Missing):
            cells += [row.dvh.because] + [""] * (len(points) - 1)
        else:
            cells += [_number(getattr(row.dvh, name), percent=name in DVH_VOLUMES) for name in points]
        rows.append(cells)
    for label, doseGy in content.lung_doses_gy:
        blank = [""] * (len(head) - 3)
        counted, replaced = _("Lungs, session {label}"), _("Lungs, session {label} (plan, replaced)")
        name = replaced if label in content.replaced else counted
        rows.append([name.format(label=label), "", _number(doseGy), *blank])
    fillTable(node, head, rows)


def _meanColumn(model: Model) -> str:
    return _("Mean, {model} (Gy)").format(model=model.display_name)


@dataclass(frozen=True)
class DvhCurve:
    """One histogram with the role whose color and dashes it takes."""

    label: str
    dvh: Dvh
    role: Role


def dvhCurves(assessment: Assessment) -> list[DvhCurve]:
    """Return the histograms worth drawing, lesions first."""
    curves = []
    for one in assessment.dvhs:
        role = role_of(one.region.kind.value)
        if role is not None and not isinstance(one.dvh, Missing):
            curves.append(DvhCurve(one.region.label, one.dvh, role))
    if not isinstance(assessment.flr_dvh, Missing):
        curves.append(DvhCurve(Role.FLR.display_name, assessment.flr_dvh, Role.FLR))
    return curves


def updateDvh(parameters, assessment: Assessment) -> None:
    """Fill the histogram's table and chart: one series a structure, in the report's colors and dashes."""
    scene, curves = parameters.parameterNode.GetScene(), dvhCurves(assessment)
    if parameters.dvhTable is None:
        parameters.dvhTable = scene.AddNewNodeByClass("vtkMRMLTableNode", _("DVH"))
    if parameters.dvhChart is None:
        parameters.dvhChart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", _("DVH"))
    table, chart = parameters.dvhTable, parameters.dvhChart
    doseName = _("Absorbed dose (Gy)")
    fillDvhTable(table, doseName, curves)
    owner = parameters.parameterNode
    free = [owner.GetNthNodeReference(SERIES_ROLE, i) for i in range(owner.GetNumberOfNodeReferences(SERIES_ROLE))]
    free = [node for node in free if node is not None]
    owner.RemoveNodeReferenceIDs(SERIES_ROLE)
    chart.RemoveAllPlotSeriesNodeIDs()
    for curve, style in zip(curves, structure_styles(c.role for c in curves), strict=True):
        series = free.pop(0) if free else scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode")
        series.SetName(curve.label)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetXColumnName(doseName)
        series.SetYColumnName(_column(curve))
        styleSeries(series, style)
        owner.AddNodeReferenceID(SERIES_ROLE, series.GetID())
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    for series in free:
        scene.RemoveNode(series)
    for setSize in (
        chart.SetTitleFontSize,
        chart.SetAxisTitleFontSize,
        chart.SetLegendFontSize,
        chart.SetAxisLabelFontSize,
    ):
        setSize(CHART_FONT_PX)
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(0.0, LEGEND_ROOM_RATIO * max((curve.dvh.max_gy for curve in curves), default=1.0))
    chart.SetTitle(_("Dose-volume histogram"))
    chart.SetXAxisTitle(doseName)
    chart.SetYAxisTitle(_("Volume (%)"))
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 100.0)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(True)


def restoreChart(parameters) -> None:
    """Give the chart of a loaded scene all its curves: Slicer reads charts a second time without the first one."""
    owner, chart, table = parameters.parameterNode, parameters.dvhChart, parameters.dvhTable
    if chart is None or table is None:
        return
    count = owner.GetNumberOfNodeReferences(SERIES_ROLE)
    series = [node for i in range(count) if (node := owner.GetNthNodeReference(SERIES_ROLE, i)) is not None]
    with slicer.util.NodeModify(chart):
        chart.RemoveAllPlotSeriesNodeIDs()
        for node in series:
            node.SetAndObserveTableNodeID(table.GetID())
            chart.AddAndObservePlotSeriesNodeID(node.GetID())


def styleSeries(series, style: LineStyle) -> None:
    """Give a plot series the color on light paper, the width and the dashes of a structure."""
    kinds = slicer.vtkMRMLPlotSeriesNode
    drawn = style.dashes_px[::2]
    if not drawn:
        line = kinds.LineStyleSolid
    elif len(drawn) > 1:
        line = kinds.LineStyleDashDot
    else:
        line = kinds.LineStyleDot if drawn[0] < LONGEST_DOT_PX else kinds.LineStyleDash
    series.SetColor(*(part / 255 for part in style.on_light))
    series.SetLineStyle(line)
    series.SetLineWidth(style.width_px)
    series.SetMarkerStyle(kinds.MarkerStyleNone)


def fillDvhTable(node, doseName: str, curves: Sequence[DvhCurve]) -> None:
    """Write the share of each volume in percent that receives each dose, on one axis of doses."""
    table = vtk.vtkTable()
    if curves:
        doses, _fractions = max(curves, key=lambda curve: curve.dvh.max_gy).dvh.curve()
        _addNumbers(table, doseName, doses)
        for curve in curves:
            _addNumbers(table, _column(curve), [100 * curve.dvh.v_fraction(float(dose)) for dose in doses])
    node.SetAndObserveTable(table)


def _column(curve: DvhCurve) -> str:
    return f"{curve.label} (%)"


def _addNumbers(table: vtk.vtkTable, name: str, values: Sequence[float]) -> None:
    column = vtk.vtkDoubleArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(float(value))
    table.AddColumn(column)


def fillTable(node, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write texts into a table node, replacing what it held."""
    table = vtk.vtkTable()
    for index, name in enumerate(head):
        column = vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(row[index])
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)


@dataclass(frozen=True)
class FindingRow:
    """A finding as it is read: a mark (its severity or outcome) with its symbol, and texts."""

    finding: Finding
    mark: str
    symbol: str
    title: str
    about: str
    message: str
    value: str
    threshold: str
    source: str
    missing: str


def findingRows(findings: Sequence[Finding]) -> list[FindingRow]:
    """Return findings as rows, in the order given (the library sorts them, the gravest first)."""
    return [_findingRow(finding) for finding in findings]


def _findingRow(finding: Finding) -> FindingRow:
    mark = mark_of(finding)
    values = [finding.value_text(m) for m in finding.judged if m.measure.is_dose or m.measure.kind.value == "number"]
    values = values or [finding.value_text(m) for m in finding.judged]
    return FindingRow(
        finding,
        mark,
        SYMBOLS[mark],
        finding.rule.title,
        finding.about,
        finding.message,
        "; ".join(dict.fromkeys(values)),
        finding.threshold,
        "\n".join(_place(source) for source in finding.sources),
        "; ".join(dict.fromkeys(m.measure.ask for m in finding.missing)),
    )


def _place(source) -> str:
    degrees = ", ".join(part for part in (source.degree, source.consensus) if part)
    place = f"{load_references()[source.reference].short}: {source.place}"
    return f"{place} ({degrees})" if degrees else place


def fillFindingsTable(node, findings: Sequence[Finding]) -> None:
    """Write the findings into a table node, for export."""
    names = [f.name for f in fields(FindingRow) if f.name not in {"finding", "symbol"}]
    fillTable(node, names, [[getattr(row, name) for name in names] for row in findingRows(findings)])


def exportTsv(node, path: Path) -> None:
    """Write a table node as tab separated values; an existing file is replaced only when all is written."""
    table = node.GetTable()
    columns = range(table.GetNumberOfColumns())
    lines = ["\t".join(_cell(table.GetColumnName(c)) for c in columns)]
    for row in range(table.GetNumberOfRows()):
        lines.append("\t".join(_cell(table.GetValue(row, c).ToString()) for c in columns))
    write_text("\n".join(lines) + "\n", path, overwrite=True)


def _cell(text: str) -> str:
    return " ".join(text.split())


def _number(value: float | Missing, percent: bool = False) -> str:
    if isinstance(value, Missing):
        return value.because
    return f"{100 * value if percent else value:.1f}"


JUDGED = {
    "tumor": ("tumor_dose_gy", "tumor_lowest_dose_gy"),
    "pvtt": ("pvtt_dose_gy", "thrombus_session_dose_gy"),
    "perfused": ("perfused_dose_gy", "perfused_total_dose_gy", "lobe_dose_gy", "segment_dose_gy"),
    "perfused_normal_liver": ("ntad_gy", "ntad_session_gy"),
    "whole_normal_liver": ("whole_normal_liver_dose_gy",),
    "whole_liver": ("whole_liver_dose_gy",),
}
"""Measures that rules judge a volume by, by its kind, without the dose model at the end of their names."""
LIMITS = {"above": "≤ {limit}", "at_least": "< {limit}", "below": "≥ {limit}", "at_most": "> {limit}"}
"""What a rule asks for, by the comparison that breaks it."""


@dataclass(frozen=True)
class DoseCells:
    """A volume of the short table: its name, mL, the dose that is judged, what is asked for, and model and rules."""

    label: str
    volumeMl: str
    dose: str
    limit: str
    tip: str


def doseCells(node, source) -> list[DoseCells]:
    """Return of a dose table what a narrow panel shows; *source* judged it: an assessment, what is live, or None.

    The dose is the mean by the model that the rules judge it with: of one compartment where they say so.
    """
    table = node.GetTable()
    names = [table.GetColumnName(c) for c in range(table.GetNumberOfColumns())]
    kinds = {region.label: region.kind.value for region in source.regions} if source is not None else {}
    rows = []
    for row in range(table.GetNumberOfRows()):
        cells = dict(zip(names, (table.GetValue(row, c).ToString() for c in range(len(names))), strict=True))
        label, volumeMl = cells[names[0]], cells[names[1]]
        measures = JUDGED.get(kinds.get(label, ""), ()) if volumeMl else ("lung_dose_gy.session",)
        model, limits, titles = _judgedBy(source, measures, label)
        column = names[2] if not volumeMl else _meanColumn(Model(model) if model else Model.MULTI)
        used = column if cells[column] else _meanColumn(Model.SINGLE)
        tip = _("{column}: {dose}").format(column=used, dose=cells[used])
        rows.append(DoseCells(label, volumeMl, cells[used], ", ".join(limits), "\n".join([tip, *titles])))
    return rows


def _judgedBy(source, measures: Sequence[str], label: str) -> tuple[str, list[str], list[str]]:
    """Return the dose model of what was judged of a volume, what is asked for, and the rules' titles."""
    model, limits, titles = "", [], []
    known = Known(source.measurements) if source is not None and measures else None
    others = {region.label for region in source.regions} - {label} if known is not None else set()
    for finding in source.findings if known is not None else ():
        if finding.outcome is Outcome.NOT_APPLICABLE or finding.about in others:
            continue
        asked = [band for band in finding.rule.bands if _asks(band, measures, known, finding.about)]
        grave = [band for band in asked if band.severity is not Severity.INFORMATION]
        for band in grave or asked:  # what is only noted counts where nothing graver holds for this patient
            kind = band.principal.measure_id.partition(".")[2]
            model = model or (kind if kind in list(Model) else "")
            limits.append(LIMITS[band.principal.comparison.value].format(limit=limit_text(band.principal)))
            titles.append(finding.rule.title)
    return model, list(dict.fromkeys(limits)), list(dict.fromkeys(titles))


def _asks(band, measures: Sequence[str], known: Known, about: str) -> bool:
    """Whether a band limits one of these measures by size, for a patient like this one."""
    part = band.principal
    if part is None or part.comparison.value not in LIMITS:
        return False
    if not {part.measure_id, part.measure_id.partition(".")[0]}.intersection(measures):
        return False
    others = tuple(requirement for requirement in band.when if requirement is not part)
    return bool(all_hold(others, known, about))


def exportAll(parameters, findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write dose table, histogram and findings as .tsv files into a folder; return them."""
    paths = []
    for name, node in (("doses", parameters.doseTable), ("dvh", parameters.dvhTable)):
        if node is not None:
            paths.append(folder / f"{name}.tsv")
            exportTsv(node, paths[-1])
    paths.append(folder / "findings.tsv")
    node = slicer.vtkMRMLTableNode()
    fillFindingsTable(node, findings)
    exportTsv(node, paths[-1])
    return paths
