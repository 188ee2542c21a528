"""The bridge for transforms: from the library's (LPS, from the fixed image to the moving one) to MRML nodes (RAS).

A node of the scene moves what lies under it, so it holds the inverse of what the library found.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.registration.result import linear_part

from .bridge import FLIP, Geometry

GRID_SPACING_MM = 8.0
"""Of the displacements that stand in for a transform that bends; its control points lie far further apart."""


def transformNode(transform: sitk.Transform, parent, like: sitk.Image):
    """Add a node that shows what lies under it where *transform* takes it; return the node.

    Parameters
    ----------
    transform
        Maps points of the fixed image to the moving one, in LPS mm of the world.
    parent
        The transform node under which the new one shall stand, None for none; the motion in the world is the same.
    like
        The fixed image: where a transform that bends is needed.

    Raises
    ------
    InputError
        If a transform that bends is to stand under another one.
    """
    if not transform.IsLinear():
        return _bendingNode(transform, parent, like)
    matrix, offset = linear_part(transform)
    toMoving = np.eye(4)
    toMoving[:3, :3], toMoving[:3, 3] = matrix, offset
    above = _toWorld(parent)
    local = np.linalg.inv(above) @ np.linalg.inv(FLIP @ toMoving @ FLIP) @ above
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(local))
    node.SetAndObserveTransformNodeID(parent.GetID() if parent is not None else None)
    return node


def _toWorld(node) -> np.ndarray:
    if node is None:
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _bendingNode(transform: sitk.Transform, parent, like: sitk.Image):
    if parent is not None:
        raise InputError(
            _("a transform that bends can't stand under another one"),
            where=parent.GetName(),
            remedy=_("Register rigidly, or harden that transform first"),
        )
    size = [max(2, round(n * s / GRID_SPACING_MM) + 1) for n, s in zip(like.GetSize(), like.GetSpacing(), strict=True)]
    spacing = [(n - 1) * s / (m - 1) for n, s, m in zip(like.GetSize(), like.GetSpacing(), size, strict=True)]
    field = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, size, like.GetOrigin(), spacing, like.GetDirection()
    )
    ijkToRas = Geometry.ofImage(field).ijkToRas()
    shifts = sitk.GetArrayViewFromImage(field) @ FLIP[:3, :3]
    grid = vtk.vtkImageData()
    grid.SetDimensions(size)
    grid.SetSpacing(spacing)
    grid.SetOrigin(ijkToRas[:3, 3])
    grid.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(shifts).reshape(-1, 3), deep=True))
    axes = np.eye(4)
    axes[:3, :3] = ijkToRas[:3, :3] / np.asarray(spacing)
    bending = slicer.vtkOrientedGridTransform()
    bending.SetDisplacementGridData(grid)
    bending.SetGridDirectionMatrix(slicer.util.vtkMatrixFromArray(axes))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformFromParent(bending)
    return node
