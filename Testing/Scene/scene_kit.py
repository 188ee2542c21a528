"""Volumes, segments and transforms for the tests, made with Slicer's own calls."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

FLIPPED = np.diag([-1.0, 1.0, -1.0])
"""Columns are the axes of i, j, k in RAS: i to the left, j to the front, k to the feet."""


def turned(degrees: float, about=(0.0, 0.0, 1.0)) -> np.ndarray:
    """Return a rotation matrix."""
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *about)
    matrix = transform.GetMatrix()
    return np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(3)])


def matrix4(axes=None, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)) -> vtk.vtkMatrix4x4:
    """Return the matrix from voxel index to RAS."""
    array = np.eye(4)
    array[:3, :3] = (np.eye(3) if axes is None else axes) * np.asarray(spacing)
    array[:3, 3] = origin
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(array.ravel())
    return matrix


def volume(array: np.ndarray, ijkToRas: vtk.vtkMatrix4x4, name: str = "Volume"):
    """Return a volume node with these voxels, shape (k, j, i)."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(array))
    node.SetIJKToRASMatrix(ijkToRas)
    return node


def segmentation(name: str = "Segmentation"):
    """Return a segmentation node without segments."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    return node


def oriented(array: np.ndarray, ijkToRas: vtk.vtkMatrix4x4, first=(0, 0, 0)):
    """Return voxels as segments hold them; *first* is the index of the first voxel."""
    image = slicer.vtkOrientedImageData()
    extent = [value for n, start in zip(array.shape[::-1], first, strict=True) for value in (start, start + n - 1)]
    image.SetExtent(extent)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    voxels = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    voxels[:] = np.asarray(array, dtype=np.uint8).ravel()
    image.SetImageToWorldMatrix(ijkToRas)
    return image


def segment(node, array: np.ndarray, ijkToRas: vtk.vtkMatrix4x4, name: str, first=(0, 0, 0)) -> str:
    """Add a segment with its own labelmap; return its ID."""
    return node.AddSegmentFromBinaryLabelmapRepresentation(oriented(array, ijkToRas, first), name)


def linear(matrix: vtk.vtkMatrix4x4, name: str = "Transform"):
    """Return a linear transform node."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(matrix)
    return node


def bending(name: str = "Bending"):
    """Return a transform node that bends: a thin-plate spline with one point moved."""
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    points = [[0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50], [50, 50, 50]]
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for number, point in enumerate(points):
        source.InsertNextPoint(point)
        target.InsertNextPoint(point if number else [5, 6, 7])
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", name)
    node.SetAndObserveTransformToParent(spline)
    return node


def worldOf(node, ijk) -> np.ndarray:
    """Return where Slicer shows a voxel of a volume, in RAS: its own matrices, not ours."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    local = matrix.MultiplyPoint((*ijk, 1.0))[:3]
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(local, world)
    return np.array(world)


def rasAt(image, ijk) -> np.ndarray:
    """Return where the library has a voxel of an image, in RAS."""
    x, y, z = image.TransformIndexToPhysicalPoint([int(i) for i in ijk])
    return np.array([-x, -y, z])
