"""One class a quantity: what the voxels of an image mean, carried with the image.

Every image is a three-dimensional SimpleITK image in patient coordinates (LPS, millimeters).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import prod

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .errors import GeometryError, InputError

Array = NDArray[np.floating]

MM3_PER_ML = 1000.0

LARGEST_NEGATIVE_SHARE = 0.05
"""Tool default: negative voxels of a count image may hold at most this share of its positive total."""


SKEW_BY_ROUNDING = 2e-3
"""Tool default: direction cosines written with three decimals make axes seem skewed, and not of length 1, by 0.0017."""
SKEW_OF_NO_MATTER = 1e-6
"""Half a micrometer over half a meter."""


def right_angled(image: sitk.Image, where: str, direction: Sequence[float] | None = None) -> sitk.Image:
    """Return a three-dimensional image with usable spacing and axes that are at right angles to the last digit.

    Axes that are off by what rounding explains are turned to the nearest ones that are not; everything that
    integrates over voxels relies on that.

    Parameters
    ----------
    direction
        Nine direction cosines to put into *image*, which is changed then; None takes those it has.

    Raises
    ------
    GeometryError
        If it has other than three dimensions, numbers that are not finite, or axes that are truly skewed.
    """
    if image.GetDimension() != 3:
        raise GeometryError(
            f"the image has {image.GetDimension()} dimensions, not 3", where=where, remedy="Give one volume"
        )
    if not all(np.isfinite(image.GetOrigin())) or not all(s > 0 and np.isfinite(s) for s in image.GetSpacing()):
        raise GeometryError(
            f"origin {image.GetOrigin()} or spacing {image.GetSpacing()} mm is not usable",
            where=where,
            remedy="Export the image again with its geometry",
        )
    axes = np.asarray(image.GetDirection() if direction is None else direction, dtype=np.float64).reshape(3, 3)
    skew = np.abs(axes.T @ axes - np.eye(3)).max()
    if not skew <= SKEW_BY_ROUNDING:  # also where it is not a number
        raise GeometryError(
            f"the axes are skewed or not of length 1 (by {skew:.2g}; gantry tilt?)",
            where=where,
            remedy="Resample the image to a right-angled grid first",
        )
    if skew > SKEW_OF_NO_MATTER:
        left, _, right = np.linalg.svd(axes)
        axes = left @ right
    elif direction is None:
        return image
    straight = sitk.Image(image) if direction is None else image
    straight.SetDirection(axes.ravel().tolist())
    return straight


def voxel_ml(image: sitk.Image) -> float:
    """Return the volume of one voxel, in mL."""
    return float(prod(image.GetSpacing())) / MM3_PER_ML


def array_of(image: sitk.Image) -> Array:
    """Return the voxels as a read-only view, shape (z, y, x).

    The view does not keep the image alive: hold *image* in a variable for as long as the view is used.
    """
    view: Array = sitk.GetArrayViewFromImage(image)
    return view


def image_like(array: Array, like: sitk.Image) -> sitk.Image:
    """Return a new image with the voxels of *array*, shape (z, y, x), on the grid of *like*."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(like)
    return image


def same_grid(a: sitk.Image, b: sitk.Image) -> bool:
    """Whether two images share size, spacing, origin and direction (to a hundredth of a voxel)."""
    step = min(a.GetSpacing())
    return bool(
        a.GetSize() == b.GetSize()
        and np.allclose(a.GetSpacing(), b.GetSpacing(), rtol=1e-4)
        and np.allclose(a.GetOrigin(), b.GetOrigin(), atol=0.01 * step)
        and np.allclose(a.GetDirection(), b.GetDirection(), atol=1e-4)
    )


def _check_values(image: sitk.Image, where: str) -> Array:
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("the image is in color", where=where, remedy="Give the quantitative series, not a screenshot")
    array = array_of(image)
    if not np.isfinite(array).all():
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(
            f"{count} voxels are not a number or infinite",
            where=where,
            remedy="Export the image again, or replace them knowingly before the dose is computed",
        )
    return array


def _check_not_negative(array: Array, where: str) -> None:
    if array.size and float(array.min()) < 0:
        count = int(np.count_nonzero(array < 0))
        raise InputError(
            f"{count} voxels are negative (lowest {float(array.min()):g})",
            where=where,
            remedy="Set them to 0 in a copy (without_negatives does, and says how many) or export the image again",
        )


class Zeroed(str):
    """The note that negative voxels were set to 0 while reading."""

    __slots__ = ()


def without_negatives(image: sitk.Image, where: str) -> tuple[sitk.Image, int, float]:
    """Return a copy with negative voxels set to 0, their number and their share of the positive total.

    Raises
    ------
    InputError
        If the share is above `LARGEST_NEGATIVE_SHARE`: this is hardly an image of counts.
    """
    array = _check_values(image, where)
    negative = array < 0
    count = int(np.count_nonzero(negative))
    if count == 0:
        return image, 0, 0.0
    below = -float(array[negative].sum(dtype=np.float64))
    above = float(array[array > 0].sum(dtype=np.float64))
    share_fraction = below / above if above > 0 else float("inf")
    if share_fraction > LARGEST_NEGATIVE_SHARE:
        raise InputError(
            f"negative voxels ({count}) hold {share_fraction * 100:.0f} % of the positive total",
            where=where,
            remedy="This does not look like counts or Bq/mL (a CT?): check which series was chosen",
        )
    return image_like(np.where(negative, 0, array).astype(array.dtype), image), count, share_fraction


@dataclass(frozen=True)
class CtImage:
    """X-ray attenuation in Hounsfield units."""

    image: sitk.Image

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", right_angled(self.image, "CT"))
        if self.image.GetNumberOfComponentsPerPixel() != 1:
            raise InputError("the image is in color", where="CT", remedy="Give the CT series, not a screenshot")


@dataclass(frozen=True)
class CountMap:
    """Counts in any linear unit: only ratios within the image mean something (Tc-99m MAA SPECT)."""

    image: sitk.Image

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", right_angled(self.image, "count image"))
        _check_not_negative(_check_values(self.image, "count image"), "count image")


@dataclass(frozen=True)
class ActivityMap:
    """Y-90 activity concentration in Bq/mL at `reference_time` (aware; None when decay-corrected to infusion)."""

    image: sitk.Image
    reference_time: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", right_angled(self.image, "activity image"))
        _check_not_negative(_check_values(self.image, "activity image"), "activity image")
        if self.reference_time is not None and self.reference_time.tzinfo is None:
            raise InputError(
                "the reference time has no time zone",
                where="activity image",
                remedy="Write it with its offset, for example 2026-03-04T10:00:00+01:00",
            )


class ActivityDifference(StrEnum):
    """Why an image in Bq/mL shows another activity than was infused, where the team knows it."""

    RESIDUAL = "residual"
    OUTSIDE_FIELD = "outside_field"
    CALIBRATION = "calibration"

    @property
    def display_name(self) -> str:
        """The reason as a reader sees it."""
        return {
            ActivityDifference.RESIDUAL: "the residual is another than entered",
            ActivityDifference.OUTSIDE_FIELD: "a part of the liver lies outside the field of view",
            ActivityDifference.CALIBRATION: "the scanner's calibration is known to differ",
        }[self]


@dataclass(frozen=True)
class DoseMap:
    """Absorbed dose in Gy after complete decay; `model` says how it was computed."""

    image: sitk.Image
    model: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", right_angled(self.image, "dose image"))
        _check_not_negative(_check_values(self.image, "dose image"), "dose image")
