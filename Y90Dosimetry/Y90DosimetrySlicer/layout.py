"""The arrangement of views for results: three slices, the dose-volume histogram, the dose table.

It is one of Slicer's own, so that a saved scene opens in any Slicer, also in one without this module.
"""

from __future__ import annotations

import slicer

from .display import layoutManager

RESULTS = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotTableView
IMAGES = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
OWN_UNTIL_1_0 = 9047
"""Number of the module's own arrangement in scenes of its first version."""
RESULTS_ATTRIBUTE = "Y90Dosimetry.ShowsResults"
"""Marks a case whose results were arranged: they are again when it is chosen."""


def registerOldLayout() -> None:
    """Let scenes of the first version open: its own arrangement is now Slicer's."""
    manager = layoutManager()
    node = manager.layoutLogic().GetLayoutNode() if manager is not None else None
    if node is not None and not node.IsLayoutDescription(OWN_UNTIL_1_0):
        node.AddLayoutDescription(OWN_UNTIL_1_0, node.GetLayoutDescription(RESULTS))


def showLayout(parameters) -> bool:
    """Arrange the views for a case's results and fill them; False where there are no views to arrange."""
    manager = layoutManager()
    if manager is None:
        return False
    parameters.parameterNode.SetAttribute(RESULTS_ATTRIBUTE, "true")
    manager.setLayout(RESULTS)
    fillViews(parameters)
    return True


def follow(parameters) -> None:
    """Arrange the views as they were for this case: no empty chart beside one without results."""
    manager = layoutManager()
    if manager is None:
        return
    isArranged = parameters.dvhChart is not None and parameters.parameterNode.GetAttribute(RESULTS_ATTRIBUTE)
    if isArranged and manager.layout != RESULTS:
        manager.setLayout(RESULTS)
    elif not isArranged and manager.layout in (RESULTS, OWN_UNTIL_1_0):
        manager.setLayout(IMAGES)


def fillViews(parameters) -> None:
    """Show the case's histogram in the plot views and its dose table in the table views."""
    scene = parameters.parameterNode.GetScene()
    chart, table = parameters.dvhChart, parameters.doseTable
    for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode", scene):
        view.SetPlotChartNodeID(chart.GetID() if chart else None)
    for view in slicer.util.getNodesByClass("vtkMRMLTableViewNode", scene):
        view.SetTableNodeID(table.GetID() if table else None)
