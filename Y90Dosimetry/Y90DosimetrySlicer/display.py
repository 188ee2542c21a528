"""The dose over the anatomy: its colors, color bar and isodose lines, and the layers of the slice views.

Colors come from the library's report, so that screen and paper agree. What is made here is found again through
node references of the case's parameter node: a second computation updates the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.draw.colors import blend, dose_colors, dose_rgb
from Y90DosimetryLib.draw.slices import full_scale_gy

from .previews import State, stateOf

DOSE_COLORS_NAME = "Y-90 absorbed dose"
DOSE_COLORS_TAG = "Y90DosimetryDoseColors"
ISODOSE_ROLE = "Y90DosimetryIsodose"
ISODOSE_ATTRIBUTE = "Y90Dosimetry.IsodoseGy"
SURFACE_ATTRIBUTE = "Y90Dosimetry.IsodoseOf"
STYLED_ATTRIBUTE = "Y90Dosimetry.IsStyled"
"""Marks a volume that has its window: what the user sets afterwards stays."""
FUSED_COLORS = ("Inferno", "PET-Heat")
"""Color tables of Slicer for a nuclear image over the CT, the first that there is."""
FUSED_THRESHOLD_FRACTION = 0.1
"""Share of its largest value below which a nuclear image is not drawn: the CT is seen there."""
LEGEND_LABELS = 5
LEGEND_SIZE = (0.09, 0.3)
"""Share of the view's width and height; its letters grow with it, and at Slicer's 0.15 and 0.5 they cover anatomy."""
LEGEND_FONT_PX = 12
LEGEND_PLACE = (1.0, 0.0)
"""The lower right corner."""
LINE_WIDTH_PX = 2
SURFACE_OPACITY = 0.35
SURFACE_GY = 205.0
"""The isodose that 3D shows: the highest line up to this dose."""
WHITE = (255, 255, 255)
TOWARD_WHITE_FRACTION = 0.5
"""How much lighter than the dose under it an isodose line is, as in the report's pictures."""
CT_WINDOW_HU = (400.0, 40.0)
"""Width and level, as in the report's pictures."""


def layoutManager():
    """Return the application's layout manager; None where there are no views."""
    return slicer.app.layoutManager() if hasattr(slicer.app, "layoutManager") else None


@contextmanager
def drawnOnce() -> Iterator[None]:
    """Let the views wait until everything is changed."""
    if hasattr(slicer.app, "pauseRender"):
        with slicer.util.RenderBlocker():
            yield
    else:
        yield


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
    """Show or hide the color bar "Dose (Gy)" in a corner of the slice views."""
    dose, isShown = parameters.doseVolume, parameters.display.showLegend and isDoseShown(parameters)
    logic = slicer.modules.colors.logic()
    legend = logic.GetColorLegendDisplayNode(dose)
    if legend is None and not isShown:
        return
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(dose)
        if legend is None:
            return
        legend.SetSize(*LEGEND_SIZE)
        legend.SetPosition(*LEGEND_PLACE)
        legend.GetTitleTextProperty().SetFontSize(LEGEND_FONT_PX)
        legend.GetLabelTextProperty().SetFontSize(LEGEND_FONT_PX)
    with slicer.util.NodeModify(legend):
        legend.SetTitleText(_("Dose (Gy)"))
        legend.SetLabelFormat("%.0f")
        legend.SetNumberOfLabels(LEGEND_LABELS)
        legend.SetVisibility(isShown)


def isPreviewed(parameters) -> bool:
    """Whether a registration is to be judged by eye: nothing may cover the images then."""
    return any(stateOf(pack.image) is State.PREVIEW for pack in parameters.sessions)


def isDoseShown(parameters) -> bool:
    """Whether the dose lies over the CT."""
    return parameters.doseVolume is not None and parameters.display.showDose and not isPreviewed(parameters)


def showDose(parameters) -> None:
    """Lay the dose, its isodoses and its color bar over the CT, or take them off, as the case's options say.

    Every view is drawn once.
    """
    with drawnOnce():
        if parameters.doseVolume is None:
            hideIsodoses(parameters)
            showLayers(parameters)
            return
        styleDose(parameters)
        showLayers(parameters)
        showLegend(parameters)
        updateIsodoses(parameters)


def showLayers(parameters) -> None:
    """Show what belongs into the slice views: CT and dose, or CT and nuclear image where no dose is shown."""
    if isDoseShown(parameters):
        styleCt(parameters.ct)
        _showLayers(parameters.ct, parameters.doseVolume, parameters.display.doseOpacityFraction)
        return
    images = [pack.image for pack in parameters.sessions if pack.image is not None]
    if parameters.ct is not None or images:
        showFused(parameters.ct, images[-1] if images else None)


def setForegroundOpacity(opacityFraction: float) -> None:
    """Change only how much of the background shines through."""
    slicer.util.setSliceViewerLayers(foregroundOpacity=opacityFraction)


def showFused(ct, nuclear, opacityFraction: float = 0.5) -> None:
    """Lay a nuclear image in hot colors over the CT; either may be None."""
    with drawnOnce():
        styleCt(ct)
        if nuclear is not None:
            _styleNuclear(nuclear)
        _showLayers(ct, nuclear, opacityFraction)


def styleCt(ct) -> None:
    """Give a CT the window of soft tissue, the first time it is shown; None is left alone."""
    if ct is None or _isStyled(ct):
        return
    ct.CreateDefaultDisplayNodes()
    with slicer.util.NodeModify(ct.GetDisplayNode()):
        ct.GetDisplayNode().AutoWindowLevelOff()
        ct.GetDisplayNode().SetWindowLevel(*CT_WINDOW_HU)


def _styleNuclear(nuclear) -> None:
    if nuclear.GetImageData() is None or _isStyled(nuclear):
        return
    nuclear.CreateDefaultDisplayNodes()
    node, largest = nuclear.GetDisplayNode(), nuclear.GetImageData().GetScalarRange()[1]
    found = (nuclear.GetScene().GetFirstNodeByName(name) for name in FUSED_COLORS)
    colors = next((node for node in found if node is not None), None)
    with slicer.util.NodeModify(node):
        if colors is not None:
            node.SetAndObserveColorNodeID(colors.GetID())
        if largest > 0:
            node.AutoWindowLevelOff()
            node.SetWindowLevelMinMax(0.0, largest)
            node.AutoThresholdOff()
            node.ApplyThresholdOn()
            node.SetThreshold(FUSED_THRESHOLD_FRACTION * largest, largest)


def _isStyled(volume) -> bool:
    isStyled = bool(volume.GetAttribute(STYLED_ATTRIBUTE))
    volume.SetAttribute(STYLED_ATTRIBUTE, "true")
    return isStyled


def compareCts(ct, other) -> None:
    """Lay one CT half-transparent over another, both in the same window."""
    with drawnOnce():
        for volume in (ct, other):
            styleCt(volume)
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
        fit=isNew and layoutManager() is not None,
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


def isodoseKey(parameters) -> list[tuple[str, tuple[float, float, float]]]:
    """Return dose and color of each isodose line that is shown, the highest first."""
    shown = [
        m for m in isodoseModels(parameters) if m.GetDisplayNode() is not None and m.GetDisplayNode().GetVisibility()
    ]
    return [
        (_("{dose} Gy").format(dose=model.GetAttribute(ISODOSE_ATTRIBUTE)), model.GetDisplayNode().GetColor())
        for model in reversed(shown)
    ]


def hideIsodoses(parameters) -> None:
    """Hide the isodose lines; the models stay."""
    for model in isodoseModels(parameters):
        if model.GetDisplayNode() is not None:
            model.GetDisplayNode().SetVisibility(False)


def updateIsodoses(parameters) -> list[slicer.vtkMRMLModelNode]:
    """Make one model for each isodose level of the case that its dose reaches, and remove those no longer asked for.

    A model shows as a line in the slice views; one of them also as a surface in 3D.
    """
    owner, dose = parameters.parameterNode, parameters.doseVolume
    if not parameters.display.showIsodoses or isPreviewed(parameters):
        hideIsodoses(parameters)
        return []
    scene = owner.GetScene()
    free = isodoseModels(parameters)
    owner.RemoveNodeReferenceIDs(ISODOSE_ROLE)
    highestGy, largestGy = fullScaleGy(parameters), dose.GetImageData().GetScalarRange()[1]
    levelsGy = sorted({level for level in parameters.isodosesGy if 0 < level < largestGy})
    solidGy = max((level for level in levelsGy if level <= SURFACE_GY), default=None)
    models = []
    for levelGy in levelsGy:
        model = free.pop(0) if free else slicer.vtkMRMLModelNode()
        with slicer.util.NodeModify(model):
            _fillIsodose(model, dose, levelGy)
        if model.GetScene() is None:
            scene.AddNode(model)
        owner.AddNodeReferenceID(ISODOSE_ROLE, model.GetID())
        _styleIsodose(model, isodoseRgb(levelGy, highestGy), levelGy == solidGy)
        models.append(model)
    for model in free:
        scene.RemoveNode(model)
    _fileBeside(dose, models)
    return models


def _fillIsodose(model, dose, levelGy: float) -> None:
    """Give a model the surface of a level, unless it has it already."""
    model.SetName(_("Isodose {dose:g} Gy").format(dose=levelGy))
    model.SetAttribute(ISODOSE_ATTRIBUTE, f"{levelGy:g}")
    model.SetAndObserveTransformNodeID(dose.GetTransformNodeID())
    of = f"{levelGy:g} {dose.GetID()} {dose.GetImageData().GetMTime()}"
    if model.GetAttribute(SURFACE_ATTRIBUTE) != of or model.GetPolyData() is None:
        model.SetAttribute(SURFACE_ATTRIBUTE, of)
        model.SetAndObservePolyData(isodoseSurface(dose, levelGy))


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


def _styleIsodose(model, color: tuple[float, float, float], isIn3D: bool) -> None:
    isNew = model.GetDisplayNode() is None
    model.CreateDefaultDisplayNodes()
    node = model.GetDisplayNode()
    with slicer.util.NodeModify(node):
        node.SetColor(*color)
        node.ScalarVisibilityOff()
        node.SetSliceIntersectionThickness(LINE_WIDTH_PX)
        node.SetVisibility2D(True)
        if isNew:
            node.SetVisibility3D(isIn3D)
            node.SetOpacity(SURFACE_OPACITY)
            node.SetSliceIntersectionOpacity(1.0)
        node.SetVisibility(True)


def _fileBeside(dose, models: list[slicer.vtkMRMLModelNode]) -> None:
    """Put nodes into the subject hierarchy where the dose is."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(dose.GetScene())
    place = tree.GetItemByDataNode(dose)
    for model in models if place else ():
        item = tree.GetItemByDataNode(model)
        if item:
            tree.SetItemParent(item, tree.GetItemParent(place))
