"""Outlines in planes: which slice each frame or contour belongs to, by its position, and their masks."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError
from ..structures import UINT8
from .dicom_header import numbers
from .dicom_sort import Series
from .dicom_stack import LONGEST_MM, Float64

ON_PLANE_RATIO = 0.1
"""Tool default: how far a contour or frame may lie from an even step, in steps."""
MOST_PARTS = 8
"""Tool default: the smallest gap between planes is divided at most so often to fit all gaps."""


def slice_step_mm(target: Series, axes: Float64) -> float:
    """Return the distance of an image's slices by their positions, in mm; 0 where it has one."""
    points = [numbers(h, "ImagePositionPatient") for h in target.headers]
    heights = np.unique(np.round([np.array(p) @ axes[:, 2] for p in points if len(p) == 3], 3))
    return float(np.median(np.diff(heights))) if heights.size > 1 else 0.0


def levels_of(heights_mm: Float64, near_mm: float, where: str) -> tuple[NDArray[np.intp], float]:
    """Return the slice of each height, counted from the lowest, and the distance of slices in mm.

    The distance is the largest that all gaps are multiples of. *near_mm* is what it is known to be where there is one
    plane only, or where the smallest gap is a multiple of it.
    """
    planes = np.unique(np.round(heights_mm, 3))
    gaps = np.diff(planes)
    if np.ptp(heights_mm) > LONGEST_MM:
        raise too_large(float(np.ptp(heights_mm)), where)
    step_mm = near_mm
    if gaps.size:
        step_mm = float(gaps.min())
        near = (
            near_mm if near_mm and abs(step_mm / near_mm - max(1, round(step_mm / near_mm))) < ON_PLANE_RATIO else 0.0
        )
        parts = [step_mm / max(1, round(step_mm / near))] if near else []
        parts += [step_mm / count for count in range(1, MOST_PARTS + 1)]
        step_mm = next((p for p in parts if _fits(gaps, p)), 0.0)
        if not step_mm:
            raise GeometryError(
                f"its planes are unevenly spaced ({gaps.min():g} to {gaps.max():g} mm)",
                where=where,
                remedy="Draw it on an image with even slices",
            )
        # the smallest of the rounded gaps is off by up to a micrometer, which adds up along the body
        step_mm = float(np.ptp(heights_mm)) / float(np.rint(gaps / step_mm).sum())
    if step_mm <= 0:
        raise GeometryError("the distance between its slices is not stated", where=where, remedy="Export it again")
    return np.rint((heights_mm - heights_mm.min()) / step_mm).astype(np.intp), step_mm


def _fits(gaps_mm: Float64, step_mm: float) -> bool:
    """Whether planes lie on even steps."""
    steps = np.rint(gaps_mm / step_mm)
    if not steps.all():
        return False
    even_mm = float(gaps_mm.sum() / steps.sum())
    off = np.cumsum(gaps_mm) / even_mm - np.cumsum(steps)
    return bool(np.abs(off).max() <= ON_PLANE_RATIO)


def too_large(length_mm: float, where: str) -> GeometryError:
    """Return the error for outlines that no patient has."""
    return GeometryError(f"it is {length_mm / 1000:g} m long: no patient is", where=where, remedy="Export it again")


def mask_of_block(block: UINT8, origin_mm: Float64, axes: Float64, spacing_mm: tuple[float, ...]) -> sitk.Image | None:
    """Return a block cut to what is set in it, in its place; None when nothing is."""
    if not block.any():
        return None
    box = [np.flatnonzero(block.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    low = np.array([b[0] for b in box])
    z, y, x = (slice(int(b[0]), int(b[-1]) + 1) for b in box)
    mask = sitk.GetImageFromArray(np.ascontiguousarray(block[z, y, x]))
    mask.SetSpacing([float(s) for s in spacing_mm])
    mask.SetDirection(axes.ravel().tolist())
    mask.SetOrigin((origin_mm + axes @ (low[::-1] * np.array(spacing_mm))).tolist())
    return mask
