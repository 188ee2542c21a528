"""Tells when what a case is made of changes in the scene: values, segments, images; nodes may come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .parameters import Parameters
from .readings import linesOf

LINE_EVENTS = (
    slicer.vtkMRMLMarkupsLineNode.PointModifiedEvent,
    slicer.vtkMRMLMarkupsLineNode.PointPositionDefinedEvent,
    slicer.vtkMRMLMarkupsLineNode.PointPositionUndefinedEvent,
    slicer.vtkMRMLMarkupsLineNode.PointRemovedEvent,
)


class Change(Enum):
    """What changed."""

    VALUES = "values"
    STRUCTURES = "structures"
    IMAGES = "images"


class SceneWatch(VTKObservationMixin):
    """Observes one case and calls back on each change, at once and possibly often: the caller gathers them.

    What it observes follows the parameter node: other images, another segmentation, nodes that were removed.
    """

    def __init__(self, parameters: Parameters, onChange: Callable[[Change], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._parameters = parameters
        self._onChange = onChange
        self._watched: tuple = ()
        self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onValues)
        self._follow()

    def stop(self) -> None:
        """Stop observing."""
        self.removeObservers()
        self._watched = ()

    def _follow(self) -> bool:
        """Observe the nodes that the case refers to now; return whether they are others than before."""
        parameters = self._parameters
        studies = list(parameters.timePoints)
        images = [parameters.ct, *(pack.image for pack in parameters.sessions), *(pack.ct for pack in studies)]
        outlined = [parameters.segmentation, *(pack.segmentation for pack in studies)]
        wanted = (_there(outlined), _there(images), _there(linesOf(parameters)))
        if wanted == self._watched:
            return False
        self.removeObservers(self._onImage)
        self.removeObservers(self._onStructures)
        self.removeObservers(self._onLine)
        self._watched = wanted
        segmentations, volumes, lines = wanted
        for volume in volumes:
            for event in (
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            ):
                self.addObserver(volume, event, self._onImage)
        for segmentation in segmentations:
            content = segmentation.GetSegmentation()
            for event in (
                content.SegmentAdded,
                content.SegmentRemoved,
                content.SegmentModified,
                content.SourceRepresentationModified,
                content.RepresentationModified,
            ):
                self.addObserver(content, event, self._onStructures)
            transformed = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
            self.addObserver(segmentation, transformed, self._onStructures)
        for line in lines:
            for event in (*LINE_EVENTS, slicer.vtkMRMLTransformableNode.TransformModifiedEvent):
                self.addObserver(line, event, self._onLine)
        return True

    def _onValues(self, _caller, _event) -> None:
        self._onChange(Change.VALUES)
        if self._follow():
            self._onChange(Change.IMAGES)
            self._onChange(Change.STRUCTURES)

    def _onImage(self, _caller, _event) -> None:
        self._onChange(Change.IMAGES)

    def _onStructures(self, _caller, _event) -> None:
        self._onChange(Change.STRUCTURES)

    def _onLine(self, _caller, _event) -> None:
        self._onChange(Change.VALUES)


def _there(nodes: Iterable) -> tuple:
    """Return the nodes that are there, each once."""
    return tuple(dict.fromkeys(node for node in nodes if node is not None))
