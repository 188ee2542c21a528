"""Planned against delivered: how far two measurements of one quantity differ (Bland and Altman)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import InputError
from ..missing import Missing
from .statistics import CONFIDENCE_FRACTION, SIGNIFICANT_BELOW_P

FEWEST = 3
"""Pairs; below, no standard deviation means anything."""
FEW = 10
"""Pairs; below, the limits are marked as resting on little. A choice of ours."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval, in `unit`."""

    value: float
    low: float
    high: float
    unit: str

    @property
    def text(self) -> str:
        """The number and its interval."""
        return f"{self.value:.4g} (95 % CI {self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class Agreement:
    """Bias and 95 % limits of agreement of second less first; of second / first where `is_ratio`.

    `growth_p` is the p of a rank correlation between the size of the differences and the mean of both: where it is
    low, the differences grow with the value and ratios are the better description.
    """

    n: int
    unit: str
    is_ratio: bool
    bias: Estimate
    lower_limit: Estimate
    upper_limit: Estimate
    spread: float
    growth_p: float | None
    means: tuple[float, ...]
    differences: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def differences_grow(self) -> bool:
        """Whether the differences grow with the value."""
        return self.growth_p is not None and self.growth_p < SIGNIFICANT_BELOW_P


def bland_altman(
    first: Sequence[float], second: Sequence[float], unit: str, *, ratio: bool = False
) -> Agreement | Missing:
    """Return bias and limits of agreement of pairs.

    Limits lie 1.96 standard deviations from the bias; intervals use Student's t and the variance of a limit
    s2 (1/n + 1.96^2 / (2 (n - 1))). With `ratio` the logarithms are compared and the results are second / first;
    `spread` is the standard deviation of the differences, or of the logarithms.

    Missing with fewer than three pairs, or with `ratio` where a value is not above 0. Source: Bland and Altman,
    Lancet 1986;327:307 and Stat Methods Med Res 1999;8:135, sections 2 and 3.

    Raises
    ------
    InputError
        If there are not as many of each, or one is not finite.
    """
    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("the values do not form pairs", where="agreement", remedy="Give both of each, or leave it out")
    n = int(a.size)
    if n < FEWEST:
        return Missing(f"{n} pairs of values; at least {FEWEST} are needed")
    if ratio and min(a.min(), b.min()) <= 0:
        return Missing("a value is not above 0, so ratios can't be formed")
    differences = np.log(b / a) if ratio else b - a
    means = np.sqrt(a * b) if ratio else (a + b) / 2
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    z = float(stats.norm.ppf((1 + CONFIDENCE_FRACTION) / 2))
    t = float(stats.t.ppf((1 + CONFIDENCE_FRACTION) / 2, n - 1))
    bias_error, limit_error = spread / math.sqrt(n), spread * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    told = "ratio" if ratio else unit

    def estimate(value: float, error: float) -> Estimate:
        ends = (value, value - t * error, value + t * error)
        middle, low, high = (math.exp(v) for v in ends) if ratio else ends
        return Estimate(middle, low, high, told)

    return Agreement(
        n,
        told,
        ratio,
        estimate(bias, bias_error),
        estimate(bias - z * spread, limit_error),
        estimate(bias + z * spread, limit_error),
        spread,
        _growth_p(means, differences),
        tuple(means.tolist()),
        tuple((np.exp(differences) if ratio else differences).tolist()),
        (f"{n} pairs: the limits are uncertain",) if n < FEW else (),
    )


def _growth_p(means: NDArray[np.float64], differences: NDArray[np.float64]) -> float | None:
    """Return the p of Spearman's correlation of |difference - bias| with the mean; None where one is constant."""
    size = np.abs(differences - differences.mean())
    if np.ptp(size) <= 1e-12 * max(1.0, float(np.abs(differences).max())) or np.ptp(means) == 0:
        return None
    p = float(stats.spearmanr(means, size).pvalue)
    return p if math.isfinite(p) else None
