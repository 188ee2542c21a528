"""A change in the scene is told, whatever it is in, and nothing is told any more after stopping."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from scene_kit import linear, matrix4, volume
from Y90DosimetrySlicer.watch import Change, SceneWatch

ACTIONS = {
    "value": (lambda p: setattr(p.patient, "weightKg", 51.0), Change.VALUES),
    "voxels": (lambda p: slicer.util.arrayFromVolumeModified(p.sessions[0].image), Change.IMAGES),
    "moved image": (
        lambda p: p.sessions[0].image.SetAndObserveTransformNodeID(linear(matrix4()).GetID()),
        Change.IMAGES,
    ),
    "removed image": (lambda p: slicer.mrmlScene.RemoveNode(p.sessions[0].image), Change.IMAGES),
    "moved segments": (
        lambda p: p.segmentation.SetAndObserveTransformNodeID(linear(matrix4()).GetID()),
        Change.STRUCTURES,
    ),
    "added segment": (lambda p: p.segmentation.GetSegmentation().AddEmptySegment(), Change.STRUCTURES),
    "renamed segment": (
        lambda p: p.segmentation.GetSegmentation().GetNthSegment(0).SetName("Other"),
        Change.STRUCTURES,
    ),
    "edited segment": (
        lambda p: p.segmentation.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").Modified(),
        Change.STRUCTURES,
    ),
    "removed segment": (
        lambda p: p.segmentation.GetSegmentation().RemoveSegment(p.segmentation.GetSegmentation().GetNthSegmentID(0)),
        Change.STRUCTURES,
    ),
    "removed segmentation": (lambda p: slicer.mrmlScene.RemoveNode(p.segmentation), Change.STRUCTURES),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_change_is_told_and_no_more_after_stopping(parameters, action) -> None:
    act, change = ACTIONS[action]
    told: list[Change] = []
    watch = SceneWatch(parameters, told.append)
    assert told == []
    act(parameters)
    assert change in told
    watch.stop()
    told.clear()
    parameters.patient.weightKg = 52.0
    assert told == []


def test_another_image_is_followed(parameters) -> None:
    told: list[Change] = []
    watch = SceneWatch(parameters, told.append)
    before = parameters.sessions[0].image
    after = volume(np.ones((3, 3, 3), np.float32), matrix4())
    parameters.sessions[0].image = after
    told.clear()
    slicer.util.arrayFromVolumeModified(before)
    assert told == []
    slicer.util.arrayFromVolumeModified(after)
    assert set(told) == {Change.IMAGES}
    watch.stop()


def test_closing_the_scene_breaks_nothing(parameters) -> None:
    watch = SceneWatch(parameters, lambda _change: None)
    slicer.mrmlScene.Clear(False)
    watch.stop()
