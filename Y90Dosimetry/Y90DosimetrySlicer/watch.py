"""Tells when what a case is made of changes in the scene: values, segments, images; nodes may come and go."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .parameters import Parameters


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
        images = [parameters.ct, *(pack.image for pack in parameters.sessions)]
        wanted = (parameters.segmentation, tuple(dict.fromkeys(image for image in images if image is not None)))
        if wanted == self._watched:
            return False
        self.removeObservers(self._onImage)
        self.removeObservers(self._onStructures)
        self._watched = wanted
        segmentation, volumes = wanted
        for volume in volumes:
            for event in (
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            ):
                self.addObserver(volume, event, self._onImage)
        if segmentation is not None:
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
