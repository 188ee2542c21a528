"""The liver by TotalSegmentator, with that extension's logic stood in for."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from scene_kit import matrix4, segment, volume
from Y90DosimetrySlicer import totalsegmentator
from Y90DosimetrySlicer.parameters import newParameters, rolesOf
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role


class Logic:
    """Outlines organs on the voxels of a volume, as if no transform were above it; needs its packages first."""

    def __init__(self, organs: tuple[str, ...]) -> None:
        self.organs = organs
        self.isReady = False

    def setupPythonRequirements(self) -> None:
        self.isReady = True

    def process(self, inputVolume, outputSegmentation, fast, task, subset, interactive) -> None:
        assert self.isReady, "it would fail at 'import torch'"
        assert (fast, task, subset, interactive) == (False, "total", ["liver"], True)
        for number, organ in enumerate(self.organs, 1):
            array = np.zeros((10, 10, 10), np.uint8)
            array[number : number + 2, 2:8, 2:8] = 1
            made = segment(outputSegmentation, array, matrix4(), organ)
            content = outputSegmentation.GetSegmentation()
            copy = slicer.vtkSegment()
            copy.DeepCopy(content.GetSegment(made))
            content.RemoveSegment(made)
            content.AddSegment(copy, organ)


@pytest.fixture
def outlined(scene, monkeypatch):
    """Return a function that lets the logic find some organs on a CT that was moved by 50 mm to the head."""
    monkeypatch.setattr(slicer.modules, "totalsegmentator", object(), raising=False)
    parameters = newParameters()
    parameters.ct = volume(np.zeros((10, 10, 10), np.int16), matrix4(), "CT")
    moved = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    moved.SetMatrixTransformToParent(matrix4(origin=(0.0, 0.0, 50.0)))
    parameters.ct.SetAndObserveTransformNodeID(moved.GetID())
    workflow = Workflow(parameters)

    def outline(*organs: str) -> Workflow:
        monkeypatch.setattr(slicer.util, "getModuleLogic", lambda _name: Logic(organs))
        totalsegmentator.outlineLiver(parameters, workflow)
        return workflow

    return outline


def test_the_liver_lies_where_the_ct_is_shown_and_no_other_organ_is_taken_for_it(outlined) -> None:
    workflow = outlined("spleen", "liver")
    parameters = workflow.parameters
    liver = next(id_ for id_, role in rolesOf(parameters).items() if role is Role.LIVER)
    assert workflow.volumesMl()[liver] == pytest.approx(2 * 6 * 6 / 1000)
    assert parameters.segmentation.GetSegmentCenterRAS(liver)[2] == pytest.approx(50 + 2.5, abs=0.51)
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


def test_without_a_liver_nothing_is_outlined(outlined) -> None:
    with pytest.raises(InputError, match="found no liver"):
        outlined("spleen")
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
