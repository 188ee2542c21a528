"""Cutting a case along a plane of the patient: where the picture lies, what each image shows there, and outlines.

Everything is resampled in patient coordinates (LPS: left, posterior, superior), so an oblique or flipped image is
shown where the patient's anatomy is, whatever the order of its voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from ..errors import InputError
from ..structures import Role, Structure
from .svg import Points

Slice = NDArray[np.float32]
PointMm = tuple[float, float, float]

_SMOOTHING_VOXELS = 0.7
"""Outlines are rounded by this share of a mask's voxel (standard deviation), to take the stairs off."""

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
"""Toward lower and higher x, y, z in LPS."""


class Plane(StrEnum):
    """A plane of the patient, seen as radiologists do: the patient's right on the left, anterior up or left."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def axes(self) -> tuple[int, int, int]:
        """The patient axes (0 x, 1 y, 2 z) across the picture, down the picture, and through it."""
        return {Plane.AXIAL: (0, 1, 2), Plane.CORONAL: (0, 2, 1), Plane.SAGITTAL: (1, 2, 0)}[self]

    @property
    def down_sign(self) -> int:
        """Whether the coordinate rises (1) or falls (-1) down the picture; across it always rises."""
        return 1 if self is Plane.AXIAL else -1

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """What lies toward the left, right, top and bottom of the picture."""
        across, down, _ = self.axes
        left, right = _LETTERS[across]
        top, bottom = _LETTERS[down][:: self.down_sign]
        return left, right, top, bottom

    def position(self, point_mm: PointMm) -> str:
        """Return where the plane through a point lies, such as "S 12.5 mm": toward the head from the origin."""
        through = self.axes[2]
        value_mm = round(point_mm[through], 1)
        return f"{_LETTERS[through][value_mm >= 0]} {abs(value_mm):.1f} mm"


@dataclass(frozen=True)
class View:
    """The part of a plane that a picture shows: a grid with one point a pixel."""

    plane: Plane
    first_mm: PointMm
    """The center of the upper left pixel."""
    pitch_mm: float
    """From pixel to pixel, across and down."""
    size_px: tuple[int, int]

    @property
    def directions(self) -> tuple[PointMm, PointMm, PointMm]:
        """Unit vectors across, down and through the picture."""
        unit = np.eye(3)
        across, down, _ = self.plane.axes
        u, v = unit[across], self.plane.down_sign * unit[down]
        vectors = [(float(x), float(y), float(z)) for x, y, z in (u, v, np.cross(u, v))]
        return vectors[0], vectors[1], vectors[2]

    def pixel(self, point_mm: PointMm) -> tuple[float, float]:
        """Return where a point (or its projection on the plane) lies, in pixels from the picture's corner."""
        offset = np.subtract(point_mm, self.first_mm)
        u, v, _ = self.directions
        return float(offset @ u) / self.pitch_mm + 0.5, float(offset @ v) / self.pitch_mm + 0.5

    def cut(self, image: sitk.Image, outside: float) -> Slice:
        """Return the image along the plane, interpolated linearly, shape (height, width)."""
        resampler = sitk.ResampleImageFilter()
        resampler.SetInterpolator(sitk.sitkLinear)
        resampler.SetOutputPixelType(sitk.sitkFloat32)
        resampler.SetDefaultPixelValue(outside)
        resampler.SetSize((*self.size_px, 1))
        resampler.SetOutputOrigin(self.first_mm)
        resampler.SetOutputSpacing((self.pitch_mm, self.pitch_mm, 1.0))
        resampler.SetOutputDirection(np.array(self.directions).T.ravel().tolist())
        cut: Slice = sitk.GetArrayFromImage(resampler.Execute(image))[0]
        return cut

    def smoothed(self, cut: Slice, image: sitk.Image, sigma_ratio: float) -> Slice:
        """Return a cut of an image, smoothed along the plane by a Gaussian as wide as so many of its voxels."""
        if sigma_ratio <= 0:
            return cut
        u, v, _ = self.directions
        sigma_px = [sigma_ratio * _voxel_along_mm(image, axis) / self.pitch_mm for axis in (v, u)]
        found: Slice = gaussian_filter(cut, sigma_px)
        return found

    def inside(self, structure: Structure) -> NDArray[np.bool_]:
        """Return where the plane lies in a structure, shape (height, width)."""
        mask = self._mask_nearby(structure)
        if mask is None:
            return np.zeros(self.size_px[::-1], dtype=np.bool_)
        return self.cut(mask, 0.0) > 0.5

    def outline(self, structure: Structure) -> list[Points]:
        """Return where the plane cuts a structure's surface, as polylines in pixels."""
        mask = self._mask_nearby(structure)
        if mask is None:
            return []
        inside = self.cut(mask, 0.0)
        u, v, _ = self.directions
        sigma_px = [_SMOOTHING_VOXELS * _voxel_along_mm(mask, axis) / self.pitch_mm for axis in (v, u)]
        smooth = gaussian_filter(inside, sigma_px)
        parts, _ = label(inside > 0.5)
        lost = (parts > 0) & ~np.isin(parts, parts[smooth > 0.5])  # too small to survive: drawn as they are
        return contours(smooth, 0.5) + (contours(lost, 0.5) if lost.any() else [])

    def _mask_nearby(self, structure: Structure) -> sitk.Image | None:
        """Return the part of a mask (0 or 1) that the plane can meet, with an empty voxel around; None when none."""
        box, mask = structure.box, structure.mask
        if box is None:
            return None
        width, height = self.size_px
        u, v, _ = (np.array(direction) * self.pitch_mm for direction in self.directions)
        corners = [np.add(self.first_mm, i * width * u + j * height * v) for i, j in product((0, 1), repeat=2)]
        meets = np.array([mask.TransformPhysicalPointToContinuousIndex(corner.tolist()) for corner in corners])
        low = np.maximum(np.floor(meets.min(axis=0)).astype(int) - 1, box.index)
        high = np.minimum(np.ceil(meets.max(axis=0)).astype(int) + 2, np.add(box.index, box.size))
        if (low >= high).any():
            return None
        x, y, z = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        part = np.pad(sitk.GetArrayViewFromImage(mask)[z, y, x] != 0, 1).astype(np.uint8)
        image = sitk.GetImageFromArray(part)
        image.SetSpacing(mask.GetSpacing())
        image.SetDirection(mask.GetDirection())
        image.SetOrigin(mask.TransformContinuousIndexToPhysicalPoint((low - 1.0).tolist()))
        return image


def _voxel_along_mm(image: sitk.Image, direction: PointMm) -> float:
    """Return how long a voxel is along a direction."""
    axes = np.array(image.GetDirection()).reshape(3, 3)
    return float((np.array(direction) @ axes) ** 2 @ np.array(image.GetSpacing()))


def contours(values: NDArray[np.floating | np.bool_], level: float) -> list[Points]:
    """Return the lines along which an image of pixels, shape (height, width), has a value; longest first."""
    from vtkmodules.vtkCommonCore import vtkFloatArray
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges2D, vtkStripper

    height, width = values.shape
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    scalars = vtkFloatArray()
    scalars.SetNumberOfTuples(width * height)
    np.asarray(scalars)[:] = values.ravel()
    image.GetPointData().SetScalars(scalars)
    edges = vtkFlyingEdges2D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeScalarsOff()
    joined = vtkStripper()
    joined.SetInputConnection(edges.GetOutputPort())
    joined.JoinContiguousSegmentsOn()
    joined.SetMaximumLength(width * height)
    joined.Update()
    found = joined.GetOutput()
    if found.GetNumberOfLines() == 0:
        return []
    points = np.array(found.GetPoints().GetData(), dtype=np.float64)[:, :2] + 0.5
    starts = np.asarray(found.GetLines().GetOffsetsArray())
    order = np.asarray(found.GetLines().GetConnectivityArray())
    lines = [points[order[a:b]] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    return sorted(lines, key=len, reverse=True)


def corners_mm(image: sitk.Image, index: Sequence[int], size: Sequence[int]) -> NDArray[np.float64]:
    """Return the eight corners of a block of voxels in LPS, shape (8, 3)."""
    ends = zip(index, size, strict=True)
    places = product(*((first - 0.5, first + count - 0.5) for first, count in ends))
    return np.array([image.TransformContinuousIndexToPhysicalPoint(place) for place in places])


def view_of(
    plane: Plane, point_mm: PointMm, size_px: tuple[int, int], region_mm: NDArray[np.float64], margin_mm: float
) -> View:
    """Return the view of a plane through a point that shows a region (points in LPS, shape (n, 3)) and a margin."""
    low, high = region_mm.min(axis=0) - margin_mm, region_mm.max(axis=0) + margin_mm
    across, down, _ = plane.axes
    width, height = size_px
    pitch_mm = max((high[across] - low[across]) / width, (high[down] - low[down]) / height)
    first = np.array(point_mm, dtype=np.float64)
    first[across] = (low[across] + high[across]) / 2 - pitch_mm * (width - 1) / 2
    first[down] = (low[down] + high[down]) / 2 - plane.down_sign * pitch_mm * (height - 1) / 2
    return View(plane, (float(first[0]), float(first[1]), float(first[2])), float(pitch_mm), size_px)


def region_of(structures: Sequence[Structure], images: Sequence[sitk.Image], whole: bool) -> NDArray[np.float64]:
    """Return corners of what a picture should show: the structures, lungs only where there is nothing else.

    With *whole*, or without any structure, the images' own extent; the first image counts.
    """
    drawn = [s for s in structures if s.box is not None]
    near = [s for s in drawn if s.role is not Role.LUNGS] or drawn
    if near and not whole:
        return np.concatenate([corners_mm(s.mask, s.box.index, s.box.size) for s in near if s.box])
    if not images:
        raise InputError("there is nothing to show", where="picture", remedy="Give a CT, a dose map or a structure")
    return corners_mm(images[0], (0, 0, 0), images[0].GetSize())
