"""The dose over the anatomy: its colors, legend and isodose lines, what the slice views show, and where they look.

Colors come from the library's report, so that screen and paper agree. What is made here is found again through
node references of the case's parameter node: a second computation updates the same nodes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.draw.colors import blend, dose_colors, dose_rgb
from Y90DosimetryLib.draw.slices import full_scale_gy

DOSE_COLORS_NAME = "Y-90 absorbed dose"
DOSE_COLORS_TAG = "Y90DosimetryDoseColors"
ISODOSE_ROLE = "Y90DosimetryIsodose"
ISODOSE_ATTRIBUTE = "Y90Dosimetry.IsodoseGy"
FUSED_COLORS = ("Inferno", "PET-Heat")
"""Color tables of Slicer for a nuclear image over the CT, the first that there is."""
LEGEND_LABELS = 6
LEGEND_SIZE = (0.1, 0.4)
"""Share of the view's width and height; its letters grow with it, and at Slicer's 0.15 and 0.5 they cover anatomy."""
LINE_WIDTH_PX = 2
WHITE = (255, 255, 255)
TOWARD_WHITE_FRACTION = 0.5
"""How much lighter than the dose under it an isodose line is, as in the report's pictures."""
CT_WINDOW_HU = (400.0, 40.0)
"""Width and level, as in the report's pictures."""
ANNOTATION_WIDTH = 44
"""Characters of a line in a slice view."""


def doseColors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Return the scene's color table of dose; every case shares it."""
    node = scene.GetSingletonNode(DOSE_COLORS_TAG, "vtkMRMLColorTableNode")
    if node is not None:
        return node
    node, colors = slicer.vtkMRMLColorTableNode(), dose_colors()
    node.SetSingletonTag(DOSE_COLORS_TAG)
    node.SetName(DOSE_COLORS_NAME)
    node.SetTypeToUser()
    node.SetNumberOfColors(len(colors))
    for index, color in enumerate(colors):  # before it is added: each change of a table that is shown draws all views
        node.SetColor(index, str(index), *(float(part) / 255 for part in color), 1.0)
    return scene.AddNode(node)


def fullScaleGy(parameters) -> float:
    """Return the dose at the upper end of the colors: what the user set, else a round one above nearly all voxels."""
    if parameters.display.doseMaximumGy:
        return parameters.display.doseMaximumGy
    return full_scale_gy(sitk.GetImageFromArray(slicer.util.arrayFromVolume(parameters.doseVolume)))


def styleDose(parameters) -> None:
    """Give the dose volume its colors, window and threshold; makes its display node when it has none."""
    dose, options = parameters.doseVolume, parameters.display
    dose.CreateDefaultDisplayNodes()
    node = dose.GetDisplayNode()
    highestGy = fullScaleGy(parameters)
    with slicer.util.NodeModify(node):
        node.SetAndObserveColorNodeID(doseColors(dose.GetScene()).GetID())
        node.AutoWindowLevelOff()
        node.SetWindowLevelMinMax(0.0, highestGy)
        node.AutoThresholdOff()
        node.ApplyThresholdOn()
        node.SetThreshold(options.doseThresholdGy, max(highestGy, dose.GetImageData().GetScalarRange()[1]))
        node.InterpolateOn()


def showLegend(parameters) -> None:
    """Show or hide the color bar "Dose (Gy)" in the slice views."""
    dose = parameters.doseVolume
    logic = slicer.modules.colors.logic()
    legend = logic.GetColorLegendDisplayNode(dose)
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(dose)
        if legend is None:
            return
        legend.SetSize(*LEGEND_SIZE)
    with slicer.util.NodeModify(legend):
        legend.SetTitleText(_("Dose (Gy)"))
        legend.SetLabelFormat("%.0f")
        legend.SetNumberOfLabels(LEGEND_LABELS)
        legend.SetVisibility(parameters.display.showLegend and parameters.display.showDose)


def showDose(parameters) -> None:
    """Lay the dose over the CT in every slice view, or take it off, as the case's display options say."""
    dose, options = parameters.doseVolume, parameters.display
    if dose is None:
        hideIsodoses(parameters)
        return
    styleDose(parameters)
    _showLayers(parameters.ct, dose if options.showDose else None, options.doseOpacityFraction)
    showLegend(parameters)
    fillStructures(parameters.segmentation, not options.showDose)
    updateIsodoses(parameters)


def fillStructures(segmentation, isFilled: bool) -> None:
    """Fill the structures in the slice views, or show only their outlines, so that the dose under them is seen."""
    node = segmentation.GetDisplayNode() if segmentation is not None else None
    if node is not None:
        node.SetVisibility2DFill(isFilled)


def setForegroundOpacity(opacityFraction: float) -> None:
    """Change only how much of the background shines through."""
    slicer.util.setSliceViewerLayers(foregroundOpacity=opacityFraction)


def showFused(ct, nuclear, opacityFraction: float = 0.5) -> None:
    """Lay a nuclear image in color over the CT; either may be None."""
    if ct is not None:
        ct.CreateDefaultDisplayNodes()
        ct.GetDisplayNode().AutoWindowLevelOff()
        ct.GetDisplayNode().SetWindowLevel(*CT_WINDOW_HU)
    if nuclear is not None:
        nuclear.CreateDefaultDisplayNodes()
        found = (nuclear.GetScene().GetFirstNodeByName(name) for name in FUSED_COLORS)
        colors = next((node for node in found if node is not None), None)
        if colors is not None:
            nuclear.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    _showLayers(ct, nuclear, opacityFraction)


def compareCts(ct, other) -> None:
    """Lay one CT half-transparent over another, both in the same window."""
    for volume in (ct, other):
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().AutoWindowLevelOff()
        volume.GetDisplayNode().SetWindowLevel(*CT_WINDOW_HU)
    _showLayers(ct, other, 0.5)


def _showLayers(background, foreground, opacityFraction: float) -> None:
    """Lay one volume over another in every slice view; one that no view had as its ground yet is fitted into them."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    ground = background.GetID() if background is not None else ""
    isNew = bool(ground) and all(view.GetBackgroundVolumeID() != ground for view in views)
    slicer.util.setSliceViewerLayers(
        background=background,
        foreground=foreground,
        foregroundOpacity=opacityFraction,
        fit=isNew and hasattr(slicer.app, "layoutManager"),
    )


def isodoseRgb(levelGy: float, highestGy: float) -> tuple[float, float, float]:
    """Return the color of an isodose line, parts 0 to 1: that of its dose, a little lighter."""
    red, green, blue = blend(dose_rgb(levelGy, highestGy), WHITE, TOWARD_WHITE_FRACTION) / 255
    return float(red), float(green), float(blue)


def isodoseModels(parameters) -> list[slicer.vtkMRMLModelNode]:
    """Return the models of the isodose lines that exist, lowest dose first."""
    owner = parameters.parameterNode
    nodes = (owner.GetNthNodeReference(ISODOSE_ROLE, i) for i in range(owner.GetNumberOfNodeReferences(ISODOSE_ROLE)))
    return [node for node in nodes if node is not None]


def hideIsodoses(parameters) -> None:
    """Hide the isodose lines; the models stay."""
    for model in isodoseModels(parameters):
        if model.GetDisplayNode() is not None:
            model.GetDisplayNode().SetVisibility(False)


def updateIsodoses(parameters) -> list[slicer.vtkMRMLModelNode]:
    """Make one model for each isodose level of the case that its dose reaches, and remove those no longer asked for.

    A model shows as a line in the slice views and, when the user switches it on, as a surface in 3D.
    """
    owner, dose = parameters.parameterNode, parameters.doseVolume
    if not parameters.display.showIsodoses:
        hideIsodoses(parameters)
        return []
    scene = owner.GetScene()
    free = isodoseModels(parameters)
    owner.RemoveNodeReferenceIDs(ISODOSE_ROLE)
    highestGy, largestGy = fullScaleGy(parameters), dose.GetImageData().GetScalarRange()[1]
    models = []
    for levelGy in sorted({level for level in parameters.isodosesGy if 0 < level < largestGy}):
        model = free.pop(0) if free else scene.AddNewNodeByClass("vtkMRMLModelNode")
        model.SetName(_("Isodose {dose:g} Gy").format(dose=levelGy))
        model.SetAttribute(ISODOSE_ATTRIBUTE, f"{levelGy:g}")
        model.SetAndObservePolyData(isodoseSurface(dose, levelGy))
        model.SetAndObserveTransformNodeID(dose.GetTransformNodeID())
        owner.AddNodeReferenceID(ISODOSE_ROLE, model.GetID())
        _styleIsodose(model, isodoseRgb(levelGy, highestGy))
        models.append(model)
    for model in free:
        scene.RemoveNode(model)
    _fileBeside(dose, models)
    return models


def isodoseSurface(dose, levelGy: float) -> vtk.vtkPolyData:
    """Return the surface at *levelGy* Gy in the volume node's RAS, without scalars (they would override its color)."""
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(dose.GetImageData())
    contour.SetValue(0, levelGy)
    contour.ComputeScalarsOff()
    contour.ComputeNormalsOff()
    matrix = vtk.vtkMatrix4x4()
    dose.GetIJKToRASMatrix(matrix)
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    toRas = vtk.vtkTransformPolyDataFilter()
    toRas.SetInputConnection(contour.GetOutputPort())
    toRas.SetTransform(transform)
    toRas.Update()
    surface = vtk.vtkPolyData()
    surface.DeepCopy(toRas.GetOutput())
    return surface


def _styleIsodose(model, color: tuple[float, float, float]) -> None:
    isNew = model.GetDisplayNode() is None
    model.CreateDefaultDisplayNodes()
    node = model.GetDisplayNode()
    with slicer.util.NodeModify(node):
        node.SetColor(*color)
        node.ScalarVisibilityOff()
        node.SetSliceIntersectionThickness(LINE_WIDTH_PX)
        node.SetVisibility2D(True)
        if isNew:
            node.SetVisibility3D(False)
        node.SetVisibility(True)


def _fileBeside(dose, models: Iterable[slicer.vtkMRMLNode]) -> None:
    """Put nodes into the subject hierarchy where the dose is."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(dose.GetScene())
    place = tree.GetItemByDataNode(dose)
    if not place:
        return
    for model in models:
        item = tree.GetItemByDataNode(model)
        if item:
            tree.SetItemParent(item, tree.GetItemParent(place))


def centerViews(scene: slicer.vtkMRMLScene, pointRas: Sequence[float]) -> None:
    """Move every slice view to a point and center it there; cameras of 3D views look at it too."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *pointRas, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode", scene):
        moved = np.asarray(pointRas) - np.asarray(camera.GetFocalPoint())
        camera.SetPosition(*(np.asarray(camera.GetPosition()) + moved))
        camera.SetFocalPoint(*pointRas)


def segmentCenterRas(segmentation, segmentId: str) -> tuple[float, float, float] | None:
    """Return the center of a segment in world RAS; None when it is empty or gone."""
    if segmentation is None or segmentation.GetSegmentation().GetSegment(segmentId) is None:
        return None
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId)
    if array is None or not array.any():
        return None
    return segmentation.GetSegmentCenterRAS(segmentId)


def annotate(text: str) -> None:
    """Write a line on the upper edge of every slice view; empty removes it. Slicer's own texts keep the corners."""
    manager = slicer.app.layoutManager() if hasattr(slicer.app, "layoutManager") else None
    if manager is None:
        return
    edge, lines = vtk.vtkCornerAnnotation.UpperEdge, textwrap.fill(text, ANNOTATION_WIDTH)
    for name in manager.sliceViewNames():
        view = manager.sliceWidget(name).sliceView()
        if (view.cornerAnnotation().GetText(edge) or "") != lines:
            view.cornerAnnotation().SetText(edge, lines)
            view.scheduleRender()
