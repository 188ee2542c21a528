"""The axes of a volume as DICOM has them: right-handed, perpendicular, and swapped or flipped without interpolation."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
import SimpleITK as sitk
from scipy.optimize import linear_sum_assignment

from ..images import Array
from ..images import right_angled as at_right_angles


def turned(image: sitk.Image, axes: Array) -> sitk.Image:
    """Return the same voxels at the same places, stored along *axes* (as columns) as nearly as they go.

    Axes are swapped and flipped, nothing is interpolated. The result is right-handed when *axes* are.
    """
    image = at_right_angles(image, "image")
    own = np.asarray(image.GetDirection()).reshape(3, 3)
    match = axes.T @ own
    order = _nearest(np.abs(match))
    signs = [1 if match[i, order[i]] > 0 else -1 for i in range(3)]
    array = sitk.GetArrayViewFromImage(image).transpose([2 - order[2 - i] for i in range(3)])
    array = array[tuple(slice(None, None, signs[2 - i]) for i in range(3))]
    corner = [0, 0, 0]
    for i in range(3):
        corner[order[i]] = 0 if signs[i] > 0 else image.GetSize()[order[i]] - 1
    made = sitk.GetImageFromArray(np.ascontiguousarray(array))
    made.SetOrigin(image.TransformIndexToPhysicalPoint(corner))
    made.SetSpacing([image.GetSpacing()[i] for i in order])
    made.SetDirection((own[:, order] * signs).ravel().tolist())
    return made


def _nearest(likeness: Array) -> list[int]:
    """Return which own axis goes to each wanted one: the permutation with the largest sum of cosines."""
    return [int(axis) for axis in linear_sum_assignment(likeness, maximize=True)[1]]


def place(dataset: Any, image: sitk.Image) -> None:
    """Write position, orientation and pixel size of a right-handed image."""
    axes = right_angled(image)
    dataset.ImagePositionPatient = [as_decimal(v) for v in image.GetOrigin()]
    dataset.ImageOrientationPatient = [as_decimal(v) for v in (*axes[:, 0], *axes[:, 1])]
    dataset.PixelSpacing = [as_decimal(image.GetSpacing()[1]), as_decimal(image.GetSpacing()[0])]


def right_angled(image: sitk.Image) -> Array:
    """Return the axes as columns, exactly perpendicular: those nearest to the ones stored."""
    u, _, v = np.linalg.svd(np.asarray(image.GetDirection()).reshape(3, 3))
    axes: Array = np.round(u @ v, 12) + 0.0
    return axes


def as_decimal(number: SupportsFloat) -> Any:
    """Return a decimal string (VR DS) of at most 16 characters, rounded to nearest, its exponent kept."""
    from pydicom.valuerep import DSfloat, format_number_as_ds

    return DSfloat(format_number_as_ds(float(number)))
