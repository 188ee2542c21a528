"""Segments: each on its own grid, in its own extent, wherever it lies and whatever shares its layer."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from scene_kit import FLIPPED, bending, linear, matrix4, oriented, segment, segmentation, turned, volume
from Y90DosimetrySlicer import bridge

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role, Structure

GRID = matrix4(turned(20.0, (1.0, 0.0, 2.0)), (1.0, 1.5, 2.0), (-4.0, 8.0, 15.0))


def block(low, high, shape=(12, 14, 16)) -> np.ndarray:
    array = np.zeros(shape, dtype=np.uint8)
    array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return array


def centerRas(structure: Structure) -> np.ndarray:
    inside = np.argwhere(sitk.GetArrayViewFromImage(structure.mask))[:, ::-1].mean(axis=0)
    x, y, z = structure.mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in inside])
    return np.array([-x, -y, z])


def centerBySlicer(node, segmentId: str) -> np.ndarray:
    """Return the mean world position of a segment's voxels, by Slicer's own calls."""
    image = slicer.vtkOrientedImageData()
    slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation(node, segmentId, image, True)
    array = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    extent = image.GetExtent()
    ijk = np.argwhere(array)[:, ::-1].mean(axis=0) + [extent[0], extent[2], extent[4]]
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return np.array(matrix.MultiplyPoint((*ijk, 1.0))[:3])


def read(node, *ids: str) -> list[Structure]:
    return list(bridge.structuresOf(node, dict.fromkeys(ids, Role.TUMOR)).values())


def test_a_segment_has_its_volume_and_place_and_only_its_own_box(scene) -> None:
    node = segmentation()
    id_ = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "Tumor 1", first=(5, -6, 7))
    (structure,) = read(node, id_)
    assert structure.label == "Tumor 1"
    assert structure.volume_ml == pytest.approx(5 * 6 * 7 * 3.0 / 1000)
    assert structure.mask.GetSize() == (7, 6, 5)
    assert centerRas(structure) == pytest.approx(centerBySlicer(node, id_), abs=1e-9)


def test_segments_on_grids_of_their_own_do_not_disturb_each_other(scene) -> None:
    node = segmentation()
    first = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "A")
    second = segment(node, block((0, 0, 0), (3, 3, 3)), matrix4(FLIPPED, (4.0, 4.0, 4.0)), "B")
    a, b = read(node, first, second)
    assert a.volume_ml == pytest.approx(0.63)
    assert b.volume_ml == pytest.approx(27 * 0.064)


def test_overlapping_segments_keep_all_their_voxels(scene) -> None:
    node = segmentation()
    outer = segment(node, block((1, 1, 1), (10, 10, 10)), GRID, "Liver")
    inner = segment(node, block((3, 3, 3), (6, 6, 6)), GRID, "Tumor")
    liver, tumor = read(node, outer, inner)
    assert liver.voxel_count == 729
    assert tumor.voxel_count == 27


def test_segments_that_share_a_layer_are_told_apart_by_their_values(scene) -> None:
    node = segmentation()
    ids = [segment(node, block((1, 1, x), (4, 4, x + n)), GRID, f"S{n}") for x, n in ((1, 1), (4, 2), (8, 3))]
    alone = read(node, *ids)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    shared = read(node, *ids)
    assert [s.voxel_count for s in shared] == [9, 18, 27]
    for before, after in zip(alone, shared, strict=True):
        assert centerRas(after) == pytest.approx(centerRas(before), abs=1e-9)


def test_a_segmentation_under_transforms_is_read_as_if_they_were_hardened(scene) -> None:
    node = segmentation()
    id_ = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "A")
    inner = linear(matrix4(turned(33.0, (1.0, 1.0, 0.0)), origin=(4.0, 5.0, -6.0)))
    inner.SetAndObserveTransformNodeID(linear(matrix4(turned(-70.0), origin=(9.0, 0.0, 1.0))).GetID())
    node.SetAndObserveTransformNodeID(inner.GetID())
    (parented,) = read(node, id_)
    place = centerRas(parented)
    assert node.HardenTransform()
    (hardened,) = read(node, id_)
    assert hardened.voxel_count == parented.voxel_count
    assert centerRas(hardened) == pytest.approx(place, abs=1e-6)
    assert place == pytest.approx(centerBySlicer(node, id_), abs=1e-6)


def test_a_segmentation_under_a_bending_transform_is_refused(scene) -> None:
    node = segmentation("Structures")
    id_ = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "A")
    node.SetAndObserveTransformNodeID(bending("Warp").GetID())
    with pytest.raises(InputError, match="Structures: it lies under the transform 'Warp', which bends"):
        read(node, id_)


def test_what_a_transform_stretches_is_refused(scene) -> None:
    stretch = linear(matrix4(np.eye(3), (1.15, 1.15, 1.15)), "Affine")
    node = segmentation()
    id_ = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "Liver")
    image = volume(np.ones((4, 4, 4), dtype=np.float32), GRID, "SPECT")
    for one in (node, image):
        one.SetAndObserveTransformNodeID(stretch.GetID())
    with pytest.raises(InputError, match="not rigid .volumes times 1.52"):  # 1.15 cubed
        read(node, id_)
    with pytest.raises(InputError, match="not rigid"):
        bridge.uptakeOf(image, "counts", None)
    with pytest.raises(InputError, match="not rigid"):
        bridge.ctOf(image)


def test_an_empty_segment_is_none(scene) -> None:
    node = segmentation()
    node.GetSegmentation().AddEmptySegment("new", "New")
    drawn = segment(node, np.zeros((3, 3, 3)), GRID, "Wiped")
    assert read(node, "new", drawn) == [None, None]


def test_a_closed_surface_is_put_on_the_grid_of_the_ct_and_the_scene_stays_as_it_is(scene) -> None:
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(20.0)
    sphere.SetCenter(5.0, 6.0, 7.0)
    sphere.SetPhiResolution(60)
    sphere.SetThetaResolution(60)
    sphere.Update()
    node = segmentation()
    node.SetSourceRepresentationToClosedSurface()
    id_ = node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Sphere", [1, 0, 0])
    with pytest.raises(InputError, match="Sphere: it is a surface, and there is no voxel grid"):
        read(node, id_)
    ct = volume(np.zeros((60, 60, 60), np.int16), matrix4(spacing=(1.0, 1.0, 1.0), origin=(-25.0, -25.0, -25.0)))
    (structure,) = bridge.structuresOf(node, {id_: Role.TUMOR}, ct).values()
    assert structure.volume_ml == pytest.approx(4 / 3 * np.pi * 8.0, rel=0.01)
    assert centerRas(structure) == pytest.approx([5.0, 6.0, 7.0], abs=0.1)
    assert not node.GetSegmentation().ContainsRepresentation(bridge.BINARY_LABELMAP)


def test_a_mask_written_to_a_segment_comes_back_voxel_for_voxel_also_under_a_transform(scene) -> None:
    node = segmentation()
    source = segment(node, block((2, 3, 4), (7, 9, 11)), GRID, "A")
    (structure,) = read(node, source)
    node.SetAndObserveTransformNodeID(linear(matrix4(turned(33.0), origin=(4.0, 5.0, -6.0))).GetID())
    node.GetSegmentation().AddEmptySegment("copy", "Copy")
    bridge.writeMask(node, "copy", structure.mask)
    (written,) = read(node, "copy")
    assert written.voxel_count == structure.voxel_count
    assert centerRas(written) == pytest.approx(centerRas(structure), abs=1e-6)


def test_writing_a_segment_never_carves_those_that_share_its_layer(scene) -> None:
    node = segmentation()
    ids = [segment(node, block((1, 1, x), (4, 4, x + 2)), GRID, str(x)) for x in (1, 4, 8)]
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    (everything,) = read(segmentation_of(block((0, 0, 0), (12, 14, 16))), "all")
    bridge.writeMask(node, ids[1], everything.mask)
    assert [s.voxel_count for s in read(node, *ids)] == [18, 12 * 14 * 16, 18]


def segmentation_of(array: np.ndarray):
    node = segmentation()
    node.GetSegmentation().AddEmptySegment("all", "All")
    node.GetSegmentation().SeparateSegmentLabelmap("all")
    node.GetSegmentation().GetSegment("all").GetRepresentation(bridge.BINARY_LABELMAP).DeepCopy(oriented(array, GRID))
    return node


def test_a_segment_restored_from_a_copy_of_a_shared_layer_is_alone_in_its_own(scene) -> None:
    node = segmentation()
    ids = [segment(node, block((1, 1, x), (4, 4, x + n)), GRID, str(n)) for x, n in ((1, 1), (4, 2), (8, 3))]
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    copy = bridge.copyOfSegment(node, ids[1])
    (everything,) = read(segmentation_of(block((0, 0, 0), (12, 14, 16))), "all")
    bridge.writeMask(node, ids[1], everything.mask)
    bridge.restoreSegment(node, ids[1], copy)
    assert [s.voxel_count for s in read(node, *ids)] == [9, 18, 27]
    layers = [node.GetSegmentation().GetLayerIndex(id_) for id_ in ids]
    assert layers[0] == layers[2] != layers[1]
    labelmap = node.GetSegmentation().GetSegment(ids[1]).GetRepresentation(bridge.BINARY_LABELMAP)
    assert set(np.unique(bridge._voxels(labelmap))) == {0, 1}
