"""Dose-volume histograms without bins: D and V points are exact for the voxels and weights they are built from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

VOLUME_TOLERANCE = 1e-9
"""Share of the volume by which a sum of weights may miss a volume through rounding."""


@dataclass(frozen=True)
class DvhSummary:
    """The points that are reported.

    D98 is the largest dose that at least 98 % of the volume receives, V100 the share that receives 100 Gy or more.
    """

    volume_ml: float
    voxel_count: int
    effective_voxel_count: float
    mean_gy: float
    min_gy: float
    max_gy: float
    d98_gy: float
    d95_gy: float
    d70_gy: float
    d50_gy: float
    d2_gy: float
    v100_fraction: float
    v150_fraction: float
    v205_fraction: float
    v250_fraction: float
    v400_fraction: float


@dataclass(frozen=True, eq=False)
class Dvh:
    """The doses inside a structure, highest first, each with the volume that receives at least that dose.

    `dose_gy` and `cumulative_ml` have the shape (voxels touched,). Build it with `dvh_of`.
    """

    dose_gy: Array
    cumulative_ml: Float64
    mean_gy: float
    effective_voxel_count: float
    """The number of equal voxels that would weigh as much as these (sum of weights squared over sum of squares)."""

    @property
    def volume_ml(self) -> float:
        """The volume of the structure inside the image."""
        return float(self.cumulative_ml[-1])

    @property
    def voxel_count(self) -> int:
        """The number of image voxels that the structure touches."""
        return len(self.dose_gy)

    @property
    def min_gy(self) -> float:
        """The lowest dose of any voxel touched."""
        return float(self.dose_gy[-1])

    @property
    def max_gy(self) -> float:
        """The highest dose of any voxel touched."""
        return float(self.dose_gy[0])

    def d_gy(self, volume_fraction: float) -> float:
        """Return the largest dose that at least *volume_fraction* (0 to 1) of the volume receives, in Gy."""
        if not 0 <= volume_fraction <= 1:
            hint = "Enter a fraction, not a percentage" if volume_fraction > 1 else "Enter a fraction from 0 to 1"
            raise InputError(f"the volume fraction is {volume_fraction}", where="DVH", remedy=hint)
        needed = (volume_fraction - VOLUME_TOLERANCE) * self.volume_ml
        return float(self.dose_gy[np.searchsorted(self.cumulative_ml, needed)])

    def v_ml(self, dose_gy: float) -> float:
        """Return the volume that receives at least *dose_gy*, in mL."""
        return float(self._volumes_ml(np.asarray([dose_gy]))[0])

    def v_fraction(self, dose_gy: float) -> float:
        """Return the fraction of the volume (0 to 1) that receives at least *dose_gy*."""
        return self.v_ml(dose_gy) / self.volume_ml

    def curve(self, points: int = 201) -> tuple[Float64, Float64]:
        """Return doses in Gy, evenly from 0 to the highest, and the fraction of the volume that receives each."""
        doses = np.linspace(0.0, self.max_gy, points)
        return doses, self._volumes_ml(doses) / self.volume_ml

    def summary(self) -> DvhSummary:
        """Return the points that are reported."""
        return DvhSummary(
            volume_ml=self.volume_ml,
            voxel_count=self.voxel_count,
            effective_voxel_count=self.effective_voxel_count,
            mean_gy=self.mean_gy,
            min_gy=self.min_gy,
            max_gy=self.max_gy,
            d98_gy=self.d_gy(0.98),
            d95_gy=self.d_gy(0.95),
            d70_gy=self.d_gy(0.70),
            d50_gy=self.d_gy(0.50),
            d2_gy=self.d_gy(0.02),
            v100_fraction=self.v_fraction(100.0),
            v150_fraction=self.v_fraction(150.0),
            v205_fraction=self.v_fraction(205.0),
            v250_fraction=self.v_fraction(250.0),
            v400_fraction=self.v_fraction(400.0),
        )

    def _volumes_ml(self, doses_gy: Float64) -> Float64:
        """Return the volumes that receive at least *doses_gy*, compared in the precision of the dose map."""
        ascending = self.dose_gy[::-1]
        counts = len(ascending) - np.searchsorted(ascending, doses_gy.astype(ascending.dtype))
        return np.where(counts > 0, self.cumulative_ml[counts - 1], 0.0)


def dvh_of(dose_gy: Array, weight_ml: Array) -> Dvh:
    """Return the histogram of *dose_gy* weighted with the volume in mL of each voxel inside the structure.

    Both arrays have the same shape (any). A voxel partly inside counts with the part.

    Raises
    ------
    InputError
        If the shapes differ, a weight is negative or not a number, a dose inside is not a number, or the
        structure is empty: no dose can be read from no volume.
    """
    if dose_gy.shape != weight_ml.shape:
        raise InputError(
            f"the dose has the shape {dose_gy.shape}, the weights {weight_ml.shape}",
            where="DVH",
            remedy="Give both on the same block of voxels",
        )
    inside = weight_ml != 0
    weights, doses = weight_ml[inside], dose_gy[inside]
    if not weights.size:
        raise InputError(
            "the structure has no volume inside the dose image",
            where="DVH",
            remedy="Check that the structure is drawn and lies in the image's field of view",
        )
    if not (np.isfinite(weights).all() and weights.min() > 0):
        raise InputError("a weight is negative or not a number", where="DVH", remedy="Give volumes in mL")
    if not np.isfinite(doses).all():
        raise InputError(
            "a dose inside the structure is not a number", where="DVH", remedy="Check the image it came from"
        )
    order = np.argsort(doses)[::-1]
    weights = weights[order]
    cumulative_ml = np.cumsum(weights, dtype=np.float64)
    total_ml = float(cumulative_ml[-1])
    doses = doses[order]
    return Dvh(
        dose_gy=doses,
        cumulative_ml=cumulative_ml,
        mean_gy=float(np.einsum("i,i->", doses, weights, dtype=np.float64)) / total_ml,
        effective_voxel_count=total_ml**2 / float(np.einsum("i,i->", weights, weights, dtype=np.float64)),
    )


def dvh_in_box(dose_gy: Array, weight_ml: Array, box: tuple[slice, slice, slice]) -> Dvh:
    """Return the histogram of a structure whose weights cover only a block of the dose image (`Box.slices`)."""
    return dvh_of(dose_gy[box], weight_ml)
