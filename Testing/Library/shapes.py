"""Analytic shapes on grids of any spacing and direction, for tests."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk

IDENTITY = np.eye(3)
FLIPPED = np.diag([-1.0, -1.0, 1.0])
PERMUTED = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def rotation(about_z_degrees: float, about_x_degrees: float = 0.0) -> np.ndarray:
    """A rotation about z, then about x."""
    a, b = math.radians(about_z_degrees), math.radians(about_x_degrees)
    rz = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return rx @ rz


def grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(200.0, 200.0, 120.0), center_mm=(0.0, 0.0, 0.0), direction=IDENTITY):
    """An image of zeros whose middle lies at *center_mm*; *extent_mm* runs along its own axes."""
    size = [max(1, round(e / s)) for e, s in zip(extent_mm, spacing_mm, strict=True)]
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing_mm)
    image.SetDirection(np.asarray(direction).ravel())
    middle = direction @ ((np.array(size) - 1) / 2 * np.array(spacing_mm))
    image.SetOrigin(np.asarray(center_mm) - middle)
    return image


def points_mm(image: sitk.Image) -> np.ndarray:
    """LPS position of every voxel center, shape (3, z, y, x)."""
    z, y, x = np.indices(image.GetSize()[::-1])
    index = np.stack([x, y, z]).reshape(3, -1) * np.array(image.GetSpacing())[:, None]
    axes = np.array(image.GetDirection()).reshape(3, 3)
    return (axes @ index + np.array(image.GetOrigin())[:, None]).reshape(3, *image.GetSize()[::-1])


def filled(like: sitk.Image, array: np.ndarray) -> sitk.Image:
    """An image with the grid of *like* and the given voxels."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(like)
    return image


def ellipsoid(like: sitk.Image, center_mm, radii_mm) -> sitk.Image:
    """A mask of an ellipsoid along the patient's axes."""
    points = points_mm(like)
    inside = sum(((points[i] - center_mm[i]) / radii_mm[i]) ** 2 for i in range(3)) <= 1
    return filled(like, inside.astype(np.uint8))


def box(like: sitk.Image, low_mm, high_mm) -> sitk.Image:
    """A mask of the voxels whose centers lie in a box along the patient's axes."""
    points = points_mm(like)
    inside = np.ones(points.shape[1:], dtype=bool)
    for axis in range(3):
        inside &= (points[axis] > low_mm[axis]) & (points[axis] < high_mm[axis])
    return filled(like, inside.astype(np.uint8))


def constant(like: sitk.Image, value: float) -> sitk.Image:
    """An image with one value everywhere."""
    return filled(like, np.full(like.GetSize()[::-1], value, dtype=np.float32))
