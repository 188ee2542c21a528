"""What a registration found, and the measures of it: motion of the liver, overlap of outlines, change of volume.

A transform maps a point of the fixed image to the point of the moving image that shows the same tissue (as ITK
resamples, and as a .tfm file is read). The moving image itself is moved by the inverse.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..images import array_of
from ..missing import Missing
from ..occupancy import Grid
from ..structures import Structure

Points = NDArray[np.float64]
"""Positions in LPS millimeters, shape (points, 3)."""

RIGID_TOLERANCE = 1e-6
"""Of a direction cosine: below 0.001 mm over half a meter."""
MOST_POINTS = 4000
DICE_SPACING_MM = 2.0
DICE_ROOM_MM = 80.0
"""Room around an outline in which another is compared with it."""
JACOBIAN_SPACING_MM = 5.0
PLACE_DIGITS = 4
"""Decimals of millimeters and of direction cosines that tell images apart: a saved file rounds the rest."""


class Kind(StrEnum):
    """What a transform may do; each one begins where the one before it ended."""

    RIGID = "rigid"
    AFFINE = "affine"
    BSPLINE = "bspline"


class Guide(StrEnum):
    """What of the two images is compared."""

    CT_TO_CT = "ct_to_ct"
    COUNTS_TO_CT = "counts_to_ct"
    COUNTS_TO_OUTLINE = "counts_to_outline"
    """The counts against an outline that the tracer is taken to fill."""


class Start(StrEnum):
    """Where the search began."""

    HEADERS = "headers"
    """Where the headers of both images place them."""
    GEOMETRY = "geometry"
    """The middles of both fields of view laid on each other."""
    MOMENTS = "moments"
    """The centers of mass of what the images show."""
    LIVERS = "livers"
    """The centers of two liver outlines."""


@dataclass(frozen=True)
class Registration:
    """One image registered to another, and how good that is."""

    kind: Kind
    guide: Guide
    start: Start
    transform: sitk.Transform
    """Maps points of the fixed image to the moving one, in LPS mm."""
    moved_mm: tuple[float, float, float]
    """How the liver's center of the moving image is moved, along x, y, z (LPS)."""
    rotation_deg: float
    """The angle by which the liver of the moving image is turned, about whichever axis."""
    mutual_information_before_score: float | Missing
    """Mattes mutual information around the liver with the images where their headers place them, in nats."""
    mutual_information_after_score: float
    dice_before_fraction: float | Missing
    dice_after_fraction: float | Missing
    volume_ratio: float
    """Volume of the liver after over before moving: 1 for a rigid transform."""
    lowest_jacobian_ratio: float
    """Volume before over after moving, where it is lowest in the liver; 0 or less where tissue is folded."""
    fixed_fingerprint: str
    moving_fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def distance_mm(self) -> float:
        """How far the liver's center of the moving image is moved."""
        return float(np.linalg.norm(self.moved_mm))


def directions(moved_mm: tuple[float, float, float]) -> str:
    """Return a motion along x, y, z (LPS) in words: "9.1 mm left, 20.6 mm forward, 15.5 mm up"."""
    words = (("left", "right"), ("back", "forward"), ("up", "down"))
    return ", ".join(f"{abs(v):.1f} mm {word[v < 0]}" for v, word in zip(moved_mm, words, strict=True))


def is_rigid(transform: sitk.Transform) -> bool:
    """Whether a transform only turns and shifts: no mirror, scale, shear or bending."""
    if not transform.IsLinear():
        return False
    matrix, _ = linear_part(transform)
    return bool(np.allclose(matrix @ matrix.T, np.eye(3), atol=RIGID_TOLERANCE) and np.linalg.det(matrix) > 0)


def linear_part(transform: sitk.Transform) -> tuple[Points, Points]:
    """Return matrix and offset of a linear transform: the point p goes to matrix @ p + offset."""
    offset = np.asarray(transform.TransformPoint((0.0, 0.0, 0.0)))
    reach_mm = 1000.0  # far points keep digits of the cosines
    ends = [np.asarray(transform.TransformPoint(tuple(reach_mm * e))) for e in np.eye(3)]
    return np.stack([(end - offset) / reach_mm for end in ends], axis=1), offset


def transformed(transform: sitk.Transform, points: Points) -> Points:
    """Return where a transform takes points."""
    return np.array([transform.TransformPoint(tuple(float(v) for v in p)) for p in points]).reshape(-1, 3)


def points_of(structure: Structure, most: int = MOST_POINTS) -> Points:
    """Return the centers of at most so many voxels, spread evenly over the structure."""
    assert structure.box is not None, "an empty structure has no points"
    index = np.argwhere(structure.cropped())[:, ::-1]
    index = index[:: max(1, len(index) // most)]
    grid = Grid.of(structure.mask).cropped(structure.box)
    points: Points = (index * np.asarray(grid.spacing_mm)) @ grid.axes.T + np.asarray(grid.origin_mm)
    return points


def motion_of(transform: sitk.Transform, points: Points) -> tuple[Points, float]:
    """Return by how much tissue at *points* of the fixed image was moved to get there, in mm, and turned, in degrees.

    The rotation is the one that fits the points best (Kabsch 1976, Acta Cryst A32:922).
    """
    there = transformed(transform, points)
    shift_mm: Points = points.mean(axis=0) - there.mean(axis=0)
    u, _, vt = np.linalg.svd((there - there.mean(axis=0)).T @ (points - points.mean(axis=0)))
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(vt.T @ u.T)))])
    turn = vt.T @ flip @ u.T
    skew = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return shift_mm, float(np.degrees(np.arctan2(np.linalg.norm(skew), np.trace(turn) - 1)))


def dice_of(fixed: Structure, moving: Structure, transform: sitk.Transform) -> float:
    """Return the Dice coefficient of an outline and another one that *transform* brings to it.

    Sampled at 2 mm. What lies further than 80 mm from the fixed outline is not seen, and counts as no overlap.
    """
    around = _around(fixed, DICE_SPACING_MM, DICE_ROOM_MM)
    one = _sampled(fixed, around, sitk.Transform(3, sitk.sitkIdentity))
    two = _sampled(moving, around, transform)
    both = np.count_nonzero(array_of(one)) + np.count_nonzero(array_of(two))
    shared = np.count_nonzero(np.logical_and(array_of(one), array_of(two)))
    return 2.0 * float(shared) / float(both) if both else 0.0


def volume_ratios(liver: Structure, transform: sitk.Transform) -> tuple[float, float]:
    """Return the volume of the liver after over before moving, and the lowest Jacobian in it (before over after)."""
    if is_rigid(transform):
        return 1.0, 1.0
    around = _around(liver, JACOBIAN_SPACING_MM, 2 * JACOBIAN_SPACING_MM)
    field = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        around.GetSize(),
        around.GetOrigin(),
        around.GetSpacing(),
        around.GetDirection(),
    )
    per_volume = sitk.DisplacementFieldJacobianDeterminant(field)
    inside = _sampled(liver, around, sitk.Transform(3, sitk.sitkIdentity))
    values = array_of(per_volume)[array_of(inside) > 0]
    return 1.0 / float(values.mean()), float(values.min())


def fingerprint(image: sitk.Image) -> str:
    """Return a SHA-256 of voxels and geometry: a registration is stale where the one of its image has changed."""
    place = np.round([*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()], PLACE_DIGITS) + 0.0
    sha = hashlib.sha256(repr((image.GetSize(), image.GetPixelIDTypeAsString(), place.tolist())).encode())
    sha.update(np.ascontiguousarray(array_of(image)).data)
    return sha.hexdigest()


def _around(structure: Structure, spacing_mm: float, room_mm: float) -> sitk.Image:
    """Return an empty image along the structure's axes with room around it."""
    assert structure.box is not None, "an empty structure has no surroundings"
    own = Grid.of(structure.mask).cropped(structure.box)
    extent = [n * s + 2 * room_mm for n, s in zip(own.size, own.spacing_mm, strict=True)]
    nx, ny, nz = (max(2, round(e / spacing_mm)) for e in extent)
    start = [-0.5 + (0.5 * spacing_mm - room_mm) / s for s in own.spacing_mm]
    x, y, z = (float(v) for v in own.point_mm((start[0], start[1], start[2])))
    return Grid((nx, ny, nz), (spacing_mm, spacing_mm, spacing_mm), (x, y, z), own.direction).image()


def _sampled(structure: Structure, like: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    mask = sitk.Cast(structure.mask != 0, sitk.sitkUInt8)
    return sitk.Resample(mask, like, transform, sitk.sitkNearestNeighbor, 0)
