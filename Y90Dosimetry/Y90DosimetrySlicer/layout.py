"""The module's own arrangement of views: three slices, the dose-volume histogram, the dose table."""

from __future__ import annotations

from xml.sax.saxutils import escape

import slicer
from slicer.i18n import tr as _

LAYOUT_ID = 9047
"""Slicer's own layouts end below 100; extensions take any free number above."""

_SLICES = (
    ("Red", "Axial", "R", "#F34A33"),
    ("Yellow", "Sagittal", "Y", "#EDD54C"),
    ("Green", "Coronal", "G", "#6EB04B"),
)


def layoutXml() -> str:
    """Return the arrangement in Slicer's layout language."""
    slices = "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{tag}">'
        f'<property name="orientation" action="default">{orientation}</property>'
        f'<property name="viewlabel" action="default">{label}</property>'
        f'<property name="viewcolor" action="default">{color}</property></view></item>'
        for tag, orientation, label, color in _SLICES
    )
    return (
        '<layout type="vertical" split="true">'
        f'<item splitSize="600"><layout type="horizontal" split="true">{slices}</layout></item>'
        '<item splitSize="400"><layout type="horizontal" split="true">'
        '<item splitSize="550"><view class="vtkMRMLPlotViewNode" singletontag="PlotView1">'
        f'<property name="viewlabel" action="default">{escape(_("DVH"))}</property></view></item>'
        '<item splitSize="450"><view class="vtkMRMLTableViewNode" singletontag="TableView1">'
        f'<property name="viewlabel" action="default">{escape(_("Doses"))}</property></view></item>'
        "</layout></item></layout>"
    )


def registerLayout(layoutNode: slicer.vtkMRMLLayoutNode) -> None:
    """Make the arrangement known to the scene's layout node; doing it again changes nothing."""
    if not layoutNode.IsLayoutDescription(LAYOUT_ID):
        layoutNode.AddLayoutDescription(LAYOUT_ID, layoutXml())


def showLayout(parameters) -> bool:
    """Switch the application to the arrangement and fill it; False where there are no views to arrange."""
    manager = slicer.app.layoutManager() if hasattr(slicer.app, "layoutManager") else None
    if manager is None:
        return False
    registerLayout(manager.layoutLogic().GetLayoutNode())
    manager.setLayout(LAYOUT_ID)
    fillViews(parameters)
    return True


def fillViews(parameters) -> None:
    """Show the case's histogram in the plot views and its dose table in the table views."""
    scene = parameters.parameterNode.GetScene()
    chart, table = parameters.dvhChart, parameters.doseTable
    for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode", scene):
        view.SetPlotChartNodeID(chart.GetID() if chart else None)
    for view in slicer.util.getNodesByClass("vtkMRMLTableViewNode", scene):
        view.SetTableNodeID(table.GetID() if table else None)
