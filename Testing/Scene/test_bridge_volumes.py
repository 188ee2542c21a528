"""Volumes: every voxel lies where Slicer shows it, with the value it has there, whatever the axes and transforms."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from scene_kit import FLIPPED, bending, linear, matrix4, rasAt, turned, volume, worldOf
from Y90DosimetrySlicer import bridge

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import ActivityMap, CountMap

CORNERS = ((0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (3, 4, 5))
GRIDS = {
    "LPS axes": matrix4(np.diag([-1.0, -1.0, 1.0]), (1.0, 2.0, 3.0), (10.0, 20.0, -30.0)),
    "RAS axes": matrix4(None, (1.0, 2.0, 3.0), (10.0, 20.0, -30.0)),
    "flipped": matrix4(FLIPPED, (1.0, 2.0, 3.0), (10.0, 20.0, -30.0)),
    "left-handed": matrix4(np.diag([1.0, 1.0, -1.0]), (1.0, 2.0, 3.0), (10.0, 20.0, -30.0)),
    "oblique": matrix4(turned(25.0, (1.0, 2.0, 3.0)), (1.0, 2.0, 3.0), (10.0, 20.0, -30.0)),
    "axes exchanged": matrix4(np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), (1.0, 2.0, 3.0), (1.0, 2.0, 3.0)),
}


def numbered(dtype=np.int16) -> np.ndarray:
    return np.arange(4 * 5 * 6, dtype=dtype).reshape(6, 5, 4)


@pytest.mark.parametrize("grid", GRIDS)
def test_voxels_lie_where_slicer_shows_them(scene, grid) -> None:
    node = volume(numbered(), GRIDS[grid])
    image = bridge.imageOf(node)
    for ijk in CORNERS:
        assert rasAt(image, ijk) == pytest.approx(worldOf(node, ijk), abs=1e-9)
        assert image[ijk] == slicer.util.arrayFromVolume(node)[ijk[::-1]]


@pytest.mark.parametrize("grid", GRIDS)
def test_a_parented_and_a_hardened_transform_give_the_same_image(scene, grid) -> None:
    node = volume(numbered(), GRIDS[grid])
    outer = linear(matrix4(turned(40.0, (0.0, 1.0, 0.0)), origin=(3.0, -7.0, 11.0)))
    inner = linear(matrix4(turned(-15.0), origin=(1.0, 2.0, 3.0)))
    inner.SetAndObserveTransformNodeID(outer.GetID())
    node.SetAndObserveTransformNodeID(inner.GetID())
    parented = bridge.imageOf(node)
    shown = [worldOf(node, ijk) for ijk in CORNERS]
    assert node.HardenTransform()
    hardened = bridge.imageOf(node)
    for ijk, place in zip(CORNERS, shown, strict=True):
        assert rasAt(parented, ijk) == pytest.approx(place, abs=1e-6)
        assert rasAt(hardened, ijk) == pytest.approx(place, abs=1e-6)
    assert (sitk.GetArrayFromImage(parented) == sitk.GetArrayFromImage(hardened)).all()


def test_a_volume_under_a_bending_transform_is_refused_and_works_once_hardened(scene) -> None:
    node = volume(numbered(np.float32), matrix4(spacing=(10.0, 10.0, 10.0)), "SPECT")
    node.SetAndObserveTransformNodeID(bending("Warp").GetID())
    with pytest.raises(InputError, match=r"SPECT: it lies under the transform 'Warp', which bends. Harden"):
        bridge.imageOf(node)
    assert node.HardenTransform()
    assert np.prod(bridge.imageOf(node).GetSize()) > 1


def test_skewed_axes_are_refused(scene) -> None:
    skewed = np.eye(3)
    skewed[0, 2] = 0.2
    with pytest.raises(GeometryError, match="skewed"):
        bridge.ctOf(volume(numbered(), matrix4(skewed)))


def test_a_volume_without_voxels_and_one_in_color_are_refused(scene) -> None:
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Nothing")
    with pytest.raises(InputError, match="Nothing: it holds no voxels"):
        bridge.imageOf(empty)
    color = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Screenshot")
    slicer.util.updateVolumeFromArray(color, np.zeros((2, 2, 2, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="Screenshot: the image is in color"):
        bridge.imageOf(color)


def test_kilobecquerels_become_becquerels_and_counts_stay_as_they_are(scene) -> None:
    node = volume(numbered(), matrix4(), "PET")
    at = datetime(2026, 3, 5, 8, tzinfo=UTC)
    activity, note = bridge.uptakeOf(node, "kbq_ml", at)
    assert isinstance(activity, ActivityMap)
    assert activity.image[3, 4, 5] == pytest.approx(119e3)
    assert activity.reference_time == at
    assert note == ""
    counts, _ = bridge.uptakeOf(node, "counts", None)
    assert isinstance(counts, CountMap)
    assert counts.image[3, 4, 5] == 119


def test_negative_voxels_are_set_to_zero_in_a_copy_and_said(scene) -> None:
    array = numbered(np.float32)
    array[0, 0, 0] = -1.0
    node = volume(array, matrix4(), "SPECT")
    counts, note = bridge.uptakeOf(node, "counts", None)
    assert sitk.GetArrayViewFromImage(counts.image).min() == 0
    assert note.startswith("SPECT: 1 negative voxels")
    assert slicer.util.arrayFromVolume(node).min() == -1


def test_reading_a_volume_changes_nothing_in_the_scene(scene) -> None:
    node = volume(numbered(), GRIDS["oblique"])
    before = node.GetMTime(), node.GetImageData().GetMTime()
    image = bridge.imageOf(node)
    sitk.GetArrayFromImage(image)[:] = 0
    assert (node.GetMTime(), node.GetImageData().GetMTime()) == before


def test_a_point_of_the_library_is_where_slicer_shows_it(scene) -> None:
    node = volume(numbered(), GRIDS["oblique"])
    point_mm = bridge.imageOf(node).TransformIndexToPhysicalPoint((3, 4, 5))
    assert bridge.rasOf(point_mm) == pytest.approx(worldOf(node, (3, 4, 5)), abs=1e-9)
