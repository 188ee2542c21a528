"""How sure a dose is: first-order propagation of stated inputs, a Monte Carlo of the same, and what that does to rules.

After Gear et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose
calculations, Eur J Nucl Med Mol Imaging 2018;45:2456-2474: each input enters with the change of the dose that it
makes, and independent inputs add in quadrature. The change is found by moving the input itself either way, so a
contour brings its volume and the counts it gains together, as that guidance asks. Where the two ways differ the
second-order term that the GUM asks for is added (JCGM 100:2008, 5.1.2 note): a registration shift lowers the dose
of a lesion whichever way it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..engine import Engine
from ..errors import InputError
from ..missing import Missing
from ..progress import Progress, silent
from .constraints import Bound, Constraint, Side
from .dose_lines import Key
from .stated import StatedInputs
from .worlds import Setting, World, doses_by_key, factors_of, setting_of

COVERAGE_FACTOR_RATIO = 2.0
"""Intervals are the dose plus and minus two standard deviations, about 95 % (GUM 6.2)."""
STEP = 3**0.5
"""Inputs are moved by so many standard deviations: the nodes of the three-point Gauss-Hermite rule, with which the
variance of a dose up to quadratic in a normal input is exact: slope^2 + bend^2/18."""
COUNTS = "counting noise"
MOST_SAMPLES = 100_000
NO_INPUT = Missing("no uncertainty of an input is stated", ("uncertainty",))


@dataclass(frozen=True)
class Contribution:
    """What one input makes of a dose, per standard deviation: with its sign, and what its curvature adds."""

    factor: str
    first_order_gy: float
    second_order_gy: float

    @property
    def variance(self) -> float:
        """The share in the variance of the dose, in Gy squared."""
        return self.first_order_gy**2 + self.second_order_gy**2


@dataclass(frozen=True)
class DoseInterval:
    """A dose with its standard deviation and where that comes from, the largest first."""

    measure_id: str
    about: str
    dose_gy: float
    sd_gy: float
    contributions: tuple[Contribution, ...]
    stated_gy: float = 0.0
    """The part of the dose that the team states and that has no uncertainty here."""

    def sd_at_gy(self, dose_gy: float) -> float:
        """Return the standard deviation when another activity gives another dose: it grows with what is computed."""
        computed_gy = self.dose_gy - self.stated_gy
        return self.sd_gy * (dose_gy - self.stated_gy) / computed_gy if computed_gy > 0 else self.sd_gy

    @property
    def low_gy(self) -> float:
        """The lower end of the interval."""
        return max(0.0, self.dose_gy - COVERAGE_FACTOR_RATIO * self.sd_gy)

    @property
    def high_gy(self) -> float:
        """The upper end of the interval."""
        return self.dose_gy + COVERAGE_FACTOR_RATIO * self.sd_gy


@dataclass(frozen=True)
class Safety:
    """How safely a constraint is kept at the entered activities."""

    constraint: Constraint
    dose_gy: float
    sd_gy: float
    probability_share: float
    """The probability that it is kept, the dose being normally distributed."""
    flipped_by: tuple[str, ...]
    """Inputs each of which alone, within its interval, would turn the finding."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """A Monte Carlo of the stated inputs."""

    doses_gy: Mapping[Key, NDArray[np.float64]]
    """One value a sample."""
    failed_count: int
    """Samples that were impossible (a structure vanished) and left out."""

    def sd_gy(self, key: Key) -> float:
        """Return the standard deviation of a dose."""
        return float(np.std(self.doses_gy[key], ddof=1))


def intervals(engine: Engine, stated: StatedInputs) -> tuple[DoseInterval, ...] | Missing:
    """Return every dose of a case with its interval; missing when nothing uncertain is stated."""
    if stated.is_empty:
        return NO_INPUT
    setting = setting_of(engine, stated)
    base = setting.doses_gy(World())
    found: dict[Key, list[Contribution]] = {key: [] for key in base}
    for factor in factors_of(setting):
        up, down = (setting.doses_gy(factor.move(World(), z)) for z in (STEP, -STEP))
        for key, mid in base.items():
            if key in up and key in down:
                first, bend = (up[key] - down[key]) / (2 * STEP), up[key] + down[key] - 2 * mid
                if factor.is_linear:
                    first, bend = (up[key] - mid) / STEP, 0.0
                found[key].append(Contribution(factor.name, first, bend / 18**0.5))
    _add_counts(found, setting)
    reported = doses_by_key(engine, engine.case, engine.prepared)
    return tuple(_interval(key, reported[key], parts) for key, parts in found.items() if key in reported)


def monte_carlo(
    engine: Engine,
    stated: StatedInputs,
    samples: int = 300,
    seed: int = 0,
    progress: Progress = silent,
) -> Sampled | Missing:
    """Return every dose in worlds drawn at random: inputs normal and independent, counts Poisson.

    The inputs are drawn as a Latin hypercube (McKay et al. 1979): each one's samples are spread evenly over its
    distribution, which needs far fewer of them for the same precision.

    Raises
    ------
    InputError
        If there are too few or too many samples, or most of them are impossible.
    """
    if stated.is_empty:
        return NO_INPUT
    if not 10 <= samples <= MOST_SAMPLES:
        raise InputError(f"{samples} samples", where="Monte Carlo", remedy=f"Take 10 to {MOST_SAMPLES}")
    setting, rng = setting_of(engine, stated), np.random.default_rng(seed)
    factors = factors_of(setting)
    found: dict[Key, list[float]] = {}
    failed = 0
    strata = np.array([rng.permutation(samples) for _ in factors]).reshape(len(factors), samples)
    deviates = ndtri((strata + rng.random(strata.shape)) / samples)
    for number in range(samples):
        progress(number / samples, "sampling the uncertain inputs")
        world = World()
        for factor, z in zip(factors, deviates[:, number], strict=True):
            world = factor.move(world, float(z))
        try:
            doses = setting.doses_gy(world, rng)
        except InputError:
            failed += 1
            continue
        for key, dose_gy in doses.items():
            found.setdefault(key, []).append(dose_gy)
    if failed > samples / 2:
        raise InputError(
            f"{failed} of {samples} samples were impossible", where="Monte Carlo", remedy="State smaller uncertainties"
        )
    return Sampled({key: np.array(values) for key, values in found.items()}, failed)


def safety_of(
    constraints: Iterable[Constraint], found: tuple[DoseInterval, ...], activities_gbq: tuple[float, ...]
) -> tuple[Safety, ...]:
    """Return how safely constraints are kept; one with several bounds by the bound that is kept most safely."""
    by_key = {(i.measure_id, i.about): i for i in found}
    safe = []
    for constraint in constraints:
        of_bounds = [
            _safety(constraint, bound, interval, activities_gbq)
            for bound in constraint.bounds
            if (interval := by_key.get((bound.line.measure_id, bound.line.about))) is not None
        ]
        if of_bounds:
            safe.append(max(of_bounds, key=lambda s: s.probability_share))
    return tuple(safe)


def _safety(constraint: Constraint, bound: Bound, interval: DoseInterval, activities_gbq: tuple[float, ...]) -> Safety:
    dose_gy = bound.line.dose_gy(activities_gbq)
    sd_gy = interval.sd_at_gy(dose_gy)
    ratio = sd_gy / interval.sd_gy if interval.sd_gy > 0 else 1.0
    margin_gy = dose_gy - bound.limit_gy if bound.side is Side.AT_LEAST else bound.limit_gy - dose_gy
    kept = bound.holds(activities_gbq)
    probability = float(ndtr(margin_gy / sd_gy)) if sd_gy > 0 else float(kept)
    flips = tuple(
        c.factor for c in interval.contributions if COVERAGE_FACTOR_RATIO * ratio * c.variance**0.5 > abs(margin_gy)
    )
    return Safety(constraint, dose_gy, sd_gy, probability, flips)


def _add_counts(found: dict[Key, list[Contribution]], setting: Setting) -> None:
    moved = setting.moved_by_counts_gy()
    if moved:
        for key, parts in found.items():
            parts.append(Contribution(COUNTS, sum(m.get(key, 0.0) ** 2 for m in moved) ** 0.5, 0.0))


def _interval(key: Key, dose_gy: float, parts: list[Contribution]) -> DoseInterval:
    ordered = sorted((p for p in parts if p.variance > 0), key=lambda p: -p.variance)
    return DoseInterval(*key, dose_gy, float(sum(p.variance for p in ordered)) ** 0.5, tuple(ordered))
