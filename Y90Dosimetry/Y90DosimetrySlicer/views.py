"""What the slice, 3D, chart and table views show: everything of the case that is chosen, nothing of any other.

Each function draws every view once, at its end; nothing that a view observes is changed in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer

from Y90DosimetryLib.structures import Role

from . import bridge, display, layout
from .display import drawnOnce, layoutManager
from .parameters import rolesOf

SHOWN_ATTRIBUTE = "Y90Dosimetry.IsShown"
"""Marks the case that the views show; saved with the scene, so that it is shown when that is opened."""
HIDDEN_ATTRIBUTE = "Y90Dosimetry.HiddenWithItsCase"
OUTLINE_PX = 2
FILL_OPACITY = 0.3
CLEAR_3D, SOLID_3D = 0.15, 0.9
CLEAR_ROLES = (Role.LIVER, Role.PERFUSED, Role.FLR, Role.NORMAL_LIVER, Role.PLANNED_RESECTION)
"""Volumes that others lie in: they are glass in 3D."""
NOT_IN_3D = (Role.LUNGS,)


# A case


def showCase(parameters) -> None:
    """Show everything of a case and hide what belongs to others; one that was not shown before is fitted and centered.

    A case without images leaves images in the views that belong to no case.
    """
    isNew = parameters.parameterNode.GetAttribute(SHOWN_ATTRIBUTE) is None
    layout.follow(parameters)  # before: views that are made while the others wait would not wait
    with drawnOnce():
        for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
            if node is not parameters.parameterNode and node.GetAttribute(SHOWN_ATTRIBUTE):
                node.RemoveAttribute(SHOWN_ATTRIBUTE)
        parameters.parameterNode.SetAttribute(SHOWN_ATTRIBUTE, "true")
        hideOthers(parameters)
        for node in segmentationsOf(parameters):
            _unhide(node)
        styleSegmentations(parameters)
        display.showDose(parameters)
        layout.fillViews(parameters)
        if isNew:
            showOnly(parameters, parameters.segmentation)
            lookAt(parameters)


def hideOthers(parameters) -> None:
    """Hide the isodoses, color bars, outlines and images of every case but one, also of cases that are gone."""
    own, dose, others = display.isodoseModels(parameters), parameters.doseVolume, _otherCases(parameters)
    doses = [other.doseVolume for other in others]
    for model in slicer.util.getNodesByClass("vtkMRMLModelNode"):
        if model.GetAttribute(display.ISODOSE_ATTRIBUTE) and model not in own and model.GetDisplayNode() is not None:
            model.GetDisplayNode().SetVisibility(False)
    for legend in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode"):
        owner = legend.GetDisplayableNode()
        if owner is None or owner is not dose and (owner.GetAttribute(bridge.MODEL_ATTRIBUTE) or owner in doses):
            legend.SetVisibility(False)
    mine = {node.GetID() for node in (*segmentationsOf(parameters), *volumesOf(parameters))}
    for other in others:
        for node in segmentationsOf(other):
            if node.GetID() not in mine and node.GetDisplayNode() is not None and node.GetDisplayNode().GetVisibility():
                node.SetAttribute(HIDDEN_ATTRIBUTE, "true")
                node.GetDisplayNode().SetVisibility(False)
        theirs = {node.GetID() for node in volumesOf(other)} - mine
        for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if view.GetBackgroundVolumeID() in theirs:
                view.SetBackgroundVolumeID(None)
            if view.GetForegroundVolumeID() in theirs:
                view.SetForegroundVolumeID(None)


def _otherCases(parameters) -> list:
    """Return the parameters of the other cases of the scene."""
    from .oldscenes import parametersOfNode
    from .parameters import MODULE

    nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    others = [n for n in nodes if n.GetAttribute("ModuleName") == MODULE and n is not parameters.parameterNode]
    return [parametersOfNode(node) for node in others]


def shownCase(cases: Sequence):
    """Return the case that is marked as shown, None when there is none."""
    return next((case for case in cases if case.parameterNode.GetAttribute(SHOWN_ATTRIBUTE)), None)


def segmentationsOf(parameters) -> list:
    """Return the segmentation of a case and those of its studies."""
    nodes = [parameters.segmentation, *(pack.segmentation for pack in parameters.timePoints)]
    return [node for node in nodes if node is not None]


def volumesOf(parameters) -> list:
    """Return the images of a case, its dose and those of its studies."""
    nodes = [parameters.ct, parameters.doseVolume, *(pack.ct for pack in parameters.timePoints)]
    for pack in parameters.sessions:
        nodes += [pack.image, pack.hybridCt]
    return [node for node in nodes if node is not None]


def _unhide(node) -> None:
    if node.GetAttribute(HIDDEN_ATTRIBUTE):
        node.RemoveAttribute(HIDDEN_ATTRIBUTE)
        if node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(True)


# Structures


def styleSegmentations(parameters, isEdited: bool = False) -> None:
    """Draw the structures as outlines, filled only while they are edited; the studies' only when someone shows them."""
    for node in segmentationsOf(parameters):
        node.CreateDefaultDisplayNodes()
        shown = node.GetDisplayNode()
        with slicer.util.NodeModify(shown):
            shown.SetSliceIntersectionThickness(OUTLINE_PX)
            shown.SetVisibility2DOutline(True)
            shown.SetVisibility2DFill(isEdited and node is parameters.segmentation)
            shown.SetOpacity2DFill(FILL_OPACITY)
    if isEdited and parameters.segmentation is not None:  # else each stroke would make all surfaces anew
        parameters.segmentation.RemoveClosedSurfaceRepresentation()


def showOnly(parameters, segmentation) -> None:
    """Show one segmentation of a case and hide its others: outlines of several days over one CT can't be told apart."""
    for node in segmentationsOf(parameters):
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility(node is segmentation)


def showSurfaces(parameters) -> None:
    """Show structures in 3D, those that hold others as glass; slow the first time and after each edit."""
    node = parameters.segmentation
    if node is None or layoutManager() is None:
        return
    roles = rolesOf(parameters)
    with drawnOnce():
        node.CreateDefaultDisplayNodes()
        shown = node.GetDisplayNode()
        with slicer.util.NodeModify(shown):
            for id_ in node.GetSegmentation().GetSegmentIDs():
                role = roles.get(id_)
                shown.SetSegmentVisibility3D(id_, role is not None and role not in NOT_IN_3D)
                shown.SetSegmentOpacity3D(id_, CLEAR_3D if role in CLEAR_ROLES else SOLID_3D)
            shown.SetVisibility3D(True)
        node.CreateClosedSurfaceRepresentation()
    manager = layoutManager()
    for index in range(manager.threeDViewCount):
        view = manager.threeDWidget(index).threeDView()
        view.resetFocalPoint()
        view.resetCamera()


# Looking


def lookAt(parameters) -> None:
    """Fit the views to the case, center them on its largest tumor (else on what is drawn), and link them."""
    manager = layoutManager()
    if parameters.ct is not None and manager is not None:
        manager.resetSliceViews()
    link()
    center = _centerOf(parameters)
    if center is not None:
        centerViews(slicer.mrmlScene, center)


def link() -> None:
    """Let the slice views share what they show, and mark the place of the mouse in all of them."""
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        view.SetLinkedControl(True)
    for node in slicer.util.getNodesByClass("vtkMRMLCrosshairNode"):
        node.SetCrosshairMode(node.ShowSmallBasic)


def _centerOf(parameters) -> tuple[float, float, float] | None:
    roles, segmentation = rolesOf(parameters), parameters.segmentation
    for wanted in (Role.TUMOR, Role.LIVER):
        ids = [id_ for id_, role in roles.items() if role is wanted]
        drawn = {id_: _voxelCount(segmentation, id_) for id_ in ids}
        if drawn and max(drawn.values()) > 0:
            return segmentCenterRas(segmentation, max(drawn, key=drawn.get))
    return None


def _voxelCount(segmentation, segmentId: str) -> int:
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId)
    return 0 if array is None else int(np.count_nonzero(array))


def centerViews(scene: slicer.vtkMRMLScene, pointRas: Sequence[float]) -> None:
    """Move every slice view to a point and center it there; cameras of 3D views look at it too."""
    with drawnOnce():
        slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *pointRas, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
        for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode", scene):
            moved = np.asarray(pointRas) - np.asarray(camera.GetFocalPoint())
            with slicer.util.NodeModify(camera):
                camera.SetPosition(*(np.asarray(camera.GetPosition()) + moved))
                camera.SetFocalPoint(*pointRas)
        for crosshair in slicer.util.getNodesByClass("vtkMRMLCrosshairNode", scene):
            crosshair.SetCrosshairRAS(*pointRas)


def segmentCenterRas(segmentation, segmentId: str) -> tuple[float, float, float] | None:
    """Return the center of a segment in world RAS; None when it is empty or gone."""
    if segmentation is None or segmentation.GetSegmentation().GetSegment(segmentId) is None:
        return None
    return segmentation.GetSegmentCenterRAS(segmentId) if _voxelCount(segmentation, segmentId) else None
