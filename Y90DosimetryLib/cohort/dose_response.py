"""The chance of a response against the dose: logistic regression with one covariate, fitted by maximum likelihood.

logit P = slope (x - x50), where x is the dose or its natural logarithm. Intervals are profile likelihood: they hold
the parameters that a likelihood-ratio test at 5 % does not refuse (Venzon and Moolgavkar, Appl Stat 1988;37:87).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ..errors import InputError
from ..missing import Missing
from .agreement import Estimate
from .statistics import CONFIDENCE_FRACTION

Values = NDArray[np.float64]

EVENTS_PER_COEFFICIENT = 10
"""Below, coefficients are biased and intervals unreliable: Peduzzi et al., J Clin Epidemiol 1996;49:1373."""
CRITICAL = float(stats.chi2.ppf(CONFIDENCE_FRACTION, 1)) / 2
"""The fall of the log-likelihood that ends an interval."""
SAME_DOSE_RELATIVE = 1e-6
"""Doses this close are one dose: a difference of rounding tells nothing of a response."""
_STEPS = 60
WORST_CONDITION = 1e12
"""Beyond, a double has no digit left of one of the coefficients."""
_FARTHEST = 1e6  # in standard deviations of the covariate: as good as infinite
_NEWTON_STEPS = 12


@dataclass(frozen=True)
class Band:
    """The fitted chance of response and its 95 % interval at some doses, all of one length."""

    dose_gy: tuple[float, ...]
    response_fraction: tuple[float, ...]
    low_fraction: tuple[float, ...]
    high_fraction: tuple[float, ...]


@dataclass(frozen=True)
class DoseResponse:
    """A fitted dose-response.

    `intercept` and `slope` are of logit P = intercept + slope x; `odds_ratio` belongs to `odds_step`: 100 Gy more,
    or the dose doubled where `is_log`. `d50` and `d90` are missing where no finite interval exists: the slope is
    then not told from 0.
    """

    outcome: str
    n: int
    responded_count: int
    is_log: bool
    intercept: Estimate
    slope: Estimate
    odds_ratio: Estimate
    odds_step: str
    p: float
    """Of the likelihood-ratio test against a chance that does not depend on the dose."""
    log_likelihood_score: float
    d50: Estimate | Missing
    d90: Estimate | Missing
    band: Band
    doses_gy: tuple[float, ...]
    responded: tuple[bool, ...]
    """Of each, in the order of the doses given."""
    notes: tuple[str, ...] = ()


def dose_response(
    dose_gy: Sequence[float], responded: Sequence[bool], outcome: str, *, log_dose: bool = False
) -> DoseResponse | Missing:
    """Fit a dose-response.

    Missing where the maximum of the likelihood does not exist: all or none responded, one dose for all, or a dose
    that separates those who responded from those who did not (Albert and Anderson, Biometrika 1984;71:1).

    Raises
    ------
    InputError
        If there are not as many of each, a dose is negative or not finite, or 0 with `log_dose`.
    """
    doses, y = np.array(dose_gy, dtype=np.float64), np.array(responded, dtype=bool)
    if doses.shape != y.shape or doses.ndim != 1:
        raise InputError(f"{doses.size} doses, {y.size} outcomes", where="dose-response", remedy="Give both of each")
    if not np.isfinite(doses).all() or (doses < 0).any() or (log_dose and (doses == 0).any()):
        remedy = "Use the dose itself, not its logarithm" if log_dose else "Leave it out"
        raise InputError("a dose is negative, 0 or not finite", where="dose-response", remedy=remedy)
    why = _not_estimable(doses, y)
    if why:
        return Missing(f"not estimable because {why}")
    x = np.log(doses) if log_dose else doses
    try:
        return _Fit(x, y).result(doses, outcome, log_dose)
    except np.linalg.LinAlgError:
        return Missing("not estimable because the likelihood has no single maximum")


def _not_estimable(doses: Values, y: NDArray[np.bool_]) -> str:
    if y.size == 0:
        return "there is no value"
    if y.all() or not y.any():
        return f"{'all' if y.all() else 'none'} of {y.size} responded"
    yes, no = doses[y], doses[~y]
    if np.ptp(doses) <= SAME_DOSE_RELATIVE * float(np.abs(doses).max()):
        return "all doses are equal"
    if yes.min() >= no.max():
        return f"the dose separates them: all that responded had {yes.min():g} Gy or more, the others at most that"
    if yes.max() <= no.min():
        return f"the dose separates them: all that responded had {yes.max():g} Gy or less, the others at least that"
    return ""


class _Fit:
    """The maximum of the likelihood, and its profiles; the covariate is standardized inside."""

    def __init__(self, x: Values, y: NDArray[np.bool_]) -> None:
        self.y = y.astype(np.float64)
        self.center, self.scale = float(x.mean()), float(x.std())
        self.z = (x - self.center) / self.scale
        self.beta, self.information = _newton(np.column_stack([np.ones_like(self.z), self.z]), self.y)
        self.top = _log_likelihood(self.beta[0] + self.beta[1] * self.z, self.y)
        share = float(self.y.mean())
        self.null = _log_likelihood(np.full_like(self.z, special.logit(share)), self.y)

    def result(self, doses: Values, outcome: str, is_log: bool) -> DoseResponse:
        a, b = (float(v) for v in self.beta)
        unit = "per ln Gy" if is_log else "per Gy"
        low_b, high_b = self._ends(self._profile_slope, b, 0.5 / math.sqrt(len(self.y)))
        slope = Estimate(b / self.scale, low_b / self.scale, high_b / self.scale, unit)
        at_zero = -self.center / self.scale
        low_a, high_a = self._ends(lambda v: self._profile_at(at_zero, v), a + b * at_zero, 0.5)
        step = math.log(2) if is_log else 100.0
        odds = Estimate(_exp(slope.value * step), _exp(slope.low * step), _exp(slope.high * step), "ratio")
        rarer = int(min(self.y.sum(), len(self.y) - self.y.sum()))
        notes = []
        if rarer < EVENTS_PER_COEFFICIENT:
            side = "responded" if rarer == self.y.sum() else "did not respond"
            notes.append(f"only {rarer} of {len(self.y)} {side}: read with care")
        d50, d90 = self._dose_of(0.5, is_log), self._dose_of(0.9, is_log)
        for name, dose in (("D50", d50), ("D90", d90)):
            if isinstance(dose, Estimate) and not doses.min() <= dose.value <= doses.max():
                notes.append(f"{name} lies outside the observed doses, {doses.min():g} to {doses.max():g} Gy")
        return DoseResponse(
            outcome,
            len(self.y),
            int(self.y.sum()),
            is_log,
            Estimate(a + b * at_zero, low_a, high_a, "logit"),
            slope,
            odds,
            "the dose doubled" if is_log else "100 Gy more",
            float(stats.chi2.sf(2 * (self.top - self.null), 1)),
            self.top,
            d50,
            d90,
            self._band(doses, is_log),
            tuple(doses.tolist()),
            tuple((self.y == 1).tolist()),
            tuple(notes),
        )

    def _dose_of(self, fraction: float, is_log: bool) -> Estimate | Missing:
        if self.top - self.null <= CRITICAL:
            return Missing("no finite interval: the data do not tell the slope from 0")
        logit = float(special.logit(fraction))
        best = (logit - float(self.beta[0])) / float(self.beta[1])
        ends = self._ends(lambda v: self._profile_at(v, logit), best, 0.1)
        placed = [v * self.scale + self.center for v in (best, *ends)]
        middle, low, high = (_exp(v) for v in placed) if is_log else placed
        return Estimate(middle, low, high, "Gy")

    def _band(self, doses: Values, is_log: bool) -> Band:
        """Return the curve over the observed doses, with Wald intervals of the logit."""
        low, high = float(doses.min()), float(doses.max())
        grid = np.geomspace(low, high, 121) if is_log else np.linspace(0.0, high, 121)
        z = ((np.log(grid) if is_log else grid) - self.center) / self.scale
        design = np.column_stack([np.ones_like(z), z])
        logit = design @ self.beta
        error = np.sqrt(np.einsum("ij,jk,ik->i", design, np.linalg.inv(self.information), design))
        reach = float(stats.norm.ppf((1 + CONFIDENCE_FRACTION) / 2)) * error
        parts = (special.expit(v) for v in (logit, logit - reach, logit + reach))
        return Band(tuple(grid.tolist()), *(tuple(p.tolist()) for p in parts))

    def _profile_slope(self, slope: float) -> float:
        """Return the highest log-likelihood with this slope."""
        return _best(np.ones_like(self.z), slope * self.z, self.y)

    def _profile_at(self, place: float, logit: float) -> float:
        """Return the highest log-likelihood whose line passes a logit at a place."""
        return _best(self.z - place, np.full_like(self.z, logit), self.y)

    def _ends(self, profile: Callable[[float], float], best: float, step: float) -> tuple[float, float]:
        """Return where a profile has fallen by `CRITICAL` below and above its best."""

        def excess(value: float) -> float:
            return profile(value) - (self.top - CRITICAL)

        found = []
        for sign in (-1, 1):
            reach = step
            while excess(best + sign * reach) > 0 and reach < _FARTHEST:
                reach *= 2
            found.append(
                float(optimize.brentq(excess, best, best + sign * reach, xtol=1e-12, rtol=1e-12))
                if reach < _FARTHEST
                else sign * math.inf
            )
        return found[0], found[1]


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _log_likelihood(logit: Values, y: Values) -> float:
    return float((y * logit - np.logaddexp(0.0, logit)).sum())


def _newton(design: Values, y: Values) -> tuple[Values, Values]:
    """Return the coefficients (k,) of the highest likelihood and the information (k, k); steps are halved as needed."""
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = special.expit(design @ beta)
        weight = chance * (1 - chance)
        information = design.T @ (design * weight[:, np.newaxis])
        if np.linalg.cond(information) > WORST_CONDITION:
            raise np.linalg.LinAlgError
        move = np.linalg.solve(information, design.T @ (y - chance))
        here = _log_likelihood(design @ beta, y)
        while _log_likelihood(design @ (beta + move), y) < here - 1e-12 and np.abs(move).max() > 1e-14:
            move = move / 2
        beta = beta + move
        if np.abs(move).max() < 1e-12 * max(1.0, float(np.abs(beta).max())):
            break
    return beta, np.asarray(information)


def _best(covariate: Values, offset: Values, y: Values) -> float:
    """Return the highest log-likelihood of logit = offset + b covariate over b; the score falls in b."""

    def score(b: float) -> float:
        return float((covariate * (y - special.expit(offset + b * covariate))).sum())

    b = 0.0
    for _ in range(_NEWTON_STEPS):  # nearly always enough, and a third of the work of a bracketed search
        chance = special.expit(offset + b * covariate)
        slope = float((covariate**2 * chance * (1 - chance)).sum())
        move = float((covariate * (y - chance)).sum()) / slope if slope > 0 else math.inf
        b += move
        if not abs(b) < _FARTHEST:
            break
        if abs(move) <= 1e-10 * max(1.0, abs(b)):
            return _log_likelihood(offset + b * covariate, y)
    reach = 1.0
    while score(-reach) * score(reach) > 0 and reach < _FARTHEST:
        reach *= 4
    if reach >= _FARTHEST:
        return max(_log_likelihood(offset + b * covariate, y) for b in (-reach, reach))
    root = float(optimize.brentq(score, -reach, reach, xtol=1e-13))
    return _log_likelihood(offset + root * covariate, y)
