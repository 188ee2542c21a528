"""Biologically effective dose, equivalent uniform dose and complication probability: RESEARCH USE.

No clinical rule reads these. The mean of voxel BED is not the BED of the mean dose: say which one is reported.
There are no built-in complication parameters, because none is verified for glass microspheres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..physics import DEFAULT_HALF_LIFE_H
from ..quantities import require_finite, require_not_negative, require_positive

RESEARCH_USE = "Research use: no recommendation is judged by it"


@dataclass(frozen=True)
class Tissue:
    """Linear-quadratic properties of a tissue: alpha/beta in Gy and the half-time of sublethal repair."""

    alpha_beta_gy: float
    repair_half_time_h: float
    source: str

    def __post_init__(self) -> None:
        require_positive(self.alpha_beta_gy, "alpha/beta", "Gy")
        require_positive(self.repair_half_time_h, "repair half-time", "h")


_USUAL = "values in common use for radioembolization: Cremonesi et al., Front Oncol 2014;4:210"
TUMOR = Tissue(10.0, 1.5, _USUAL)
NORMAL_LIVER = Tissue(2.5, 2.5, _USUAL)


@dataclass(frozen=True)
class LymanParameters:
    """The user's parameters of the Lyman model: TD50, the slope m, and the volume parameter n (above 0)."""

    td50_gy: float
    slope_ratio: float
    volume_ratio: float

    def __post_init__(self) -> None:
        require_positive(self.td50_gy, "TD50", "Gy")
        require_positive(self.slope_ratio, "slope m")
        require_positive(self.volume_ratio, "volume parameter n")


def bed_gy(dose_gy: float, tissue: Tissue, half_life_h: float = DEFAULT_HALF_LIFE_H) -> float:
    """Return the biologically effective dose in Gy of a permanent source that decays mono-exponentially.

    BED = D [1 + D T_rep/((T_rep + T_phys)(alpha/beta))]. Source: Dale, Br J Radiol 1985;58:515.

    Raises
    ------
    InputError
        If the dose is negative or the half-life is not positive.
    """
    require_not_negative(dose_gy, "dose", "Gy")
    return dose_gy * (1.0 + dose_gy * _quadratic_per_gy(tissue, half_life_h))


def bed_of_voxels_gy(
    dose_gy: NDArray[np.floating], tissue: Tissue, half_life_h: float = DEFAULT_HALF_LIFE_H
) -> NDArray[np.float64]:
    """Return `bed_gy` of every voxel, in Gy, same shape.

    Raises
    ------
    InputError
        If a dose is negative or not finite, or the half-life is not positive.
    """
    doses = _checked(dose_gy, "dose")
    result: NDArray[np.float64] = doses * (1.0 + doses * _quadratic_per_gy(tissue, half_life_h))
    return result


def geud_gy(dose_gy: NDArray[np.floating], volume_share: NDArray[np.floating], exponent: float) -> float:
    """Return the generalized equivalent uniform dose (sum v_i D_i^a)^(1/a), in Gy.

    Parameters
    ----------
    dose_gy
        Voxel doses, any shape.
    volume_share
        Share or volume of each voxel, same shape; only their proportions matter.
    exponent
        The exponent a: 1 is the mean, large is the maximum, negative weighs cold spots; not 0.

    Source: Niemierko, Med Phys 1999;26:1100.

    Raises
    ------
    InputError
        If shapes differ, values are negative or not finite, all shares are 0, or the exponent is 0.
    """
    require_finite(exponent, "exponent a")
    if exponent == 0:
        raise InputError("0 is not allowed", where="exponent a", remedy="Enter 1 for the mean dose")
    doses, shares = _checked(dose_gy, "dose").ravel(), _checked(volume_share, "voxel shares").ravel()
    if doses.shape != shares.shape or not shares.sum() > 0:
        raise InputError(
            f"{doses.size} doses and {shares.size} voxel shares with a sum of {float(shares.sum()):g}",
            where="equivalent uniform dose",
            remedy="Give one share a voxel, not all of them 0",
        )
    inside = shares > 0
    doses, shares = doses[inside], shares[inside] / shares.sum()
    scale_gy = float(doses.max() if exponent > 0 else doses.min())
    if scale_gy == 0:
        return 0.0
    powers = float(np.sum(shares * (doses / scale_gy) ** exponent))
    return scale_gy * math.exp(math.log(powers) / exponent)


def lyman_ntcp_fraction(geud_of_dose_gy: float, parameters: LymanParameters) -> float:
    """Return the complication probability (0 to 1) of the Lyman-Kutcher-Burman model.

    NTCP = Phi((gEUD - TD50)/(m TD50)), with the gEUD taken at a = 1/n of the same parameters.
    Source: Lyman, Radiat Res 1985;104:S13; Kutcher and Burman, Int J Radiat Oncol Biol Phys 1989;16:1623.

    Raises
    ------
    InputError
        If the dose is negative.
    """
    require_not_negative(geud_of_dose_gy, "equivalent uniform dose", "Gy")
    t = (geud_of_dose_gy - parameters.td50_gy) / (parameters.slope_ratio * parameters.td50_gy)
    return 0.5 * math.erfc(-t / math.sqrt(2.0))


def ntcp_fraction(
    dose_gy: NDArray[np.floating], volume_share: NDArray[np.floating], parameters: LymanParameters
) -> float:
    """Return `lyman_ntcp_fraction` of a dose distribution, with its gEUD at a = 1/n.

    Raises
    ------
    InputError
        As `geud_gy` does.
    """
    return lyman_ntcp_fraction(geud_gy(dose_gy, volume_share, 1.0 / parameters.volume_ratio), parameters)


def _quadratic_per_gy(tissue: Tissue, half_life_h: float) -> float:
    require_positive(half_life_h, "half-life", "h")
    repair_h = tissue.repair_half_time_h
    return repair_h / ((repair_h + half_life_h) * tissue.alpha_beta_gy)


def _checked(values: NDArray[np.floating], name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all() or (array.size and array.min() < 0):
        raise InputError("a value is negative or not finite", where=name, remedy="Check the image it comes from")
    return array
