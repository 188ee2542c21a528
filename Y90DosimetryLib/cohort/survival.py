"""Times until an event, seen or cut short: Kaplan-Meier, log-rank, and follow-up by the reverse Kaplan-Meier method.

A patient who is lost in the month of an event counts as at risk for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import InputError
from ..missing import Missing
from .statistics import CONFIDENCE_FRACTION, p_text

FEWEST_EVENTS = 5
"""In a group; below, a curve is drawn and marked as resting on little. A choice of ours."""


FEWEST_PATIENTS = 5
"""In a group; below, the log-rank statistic does not follow its chi-squared distribution. A choice of ours."""


@dataclass(frozen=True)
class Times:
    """For each patient the months observed, and whether the event ended them (else the observation was cut short)."""

    label: str
    months: tuple[float, ...]
    happened: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.months) != len(self.happened) or not self.months:
            raise InputError(
                f"{len(self.months)} times, {len(self.happened)} outcomes",
                where=self.label,
                remedy="Give one of each a patient, and at least one patient",
            )
        if not all(np.isfinite(m) and m >= 0 for m in self.months):
            raise InputError("a time is negative or not a number", where=self.label, remedy="Give months from 0 on")

    @property
    def reversed(self) -> Times:
        """The same patients with being cut short as the event: what the reverse Kaplan-Meier method takes."""
        return Times(self.label, self.months, tuple(not h for h in self.happened))

    @property
    def data(self) -> stats.CensoredData:
        """The times as scipy takes them."""
        return stats.CensoredData.right_censored(np.array(self.months), ~np.array(self.happened))


@dataclass(frozen=True)
class Point:
    """The fraction without the event after some months, and its 95 % interval; None where all or none are left."""

    months: float
    surviving_fraction: float
    low_fraction: float | None
    high_fraction: float | None

    @property
    def text(self) -> str:
        """The fraction and its interval in percent."""
        if self.low_fraction is None or self.high_fraction is None:
            return f"{self.surviving_fraction * 100:.1f} %"
        return f"{self.surviving_fraction * 100:.1f} % ({self.low_fraction * 100:.1f}-{self.high_fraction * 100:.1f})"


@dataclass(frozen=True)
class Step:
    """One observed time: how many were at risk just before, had the event, were cut short; the curve after it."""

    at_risk_count: int
    event_count: int
    censored_count: int
    point: Point


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier estimate; intervals on the log(-log) scale with Greenwood's variance, as Stata's.

    The median is the first time at which at most half are left, its interval where the curve's bounds get there
    (Brookmeyer and Crowley, Biometrics 1982;38:29).
    """

    label: str
    n: int
    event_count: int
    steps: tuple[Step, ...]
    median_months: float | Missing
    median_low_months: float | Missing
    median_high_months: float | Missing
    notes: tuple[str, ...] = ()

    def at(self, months: float) -> Point | Missing:
        """Return the curve after some months; missing beyond the last patient who was seen."""
        last = self.steps[-1].point
        if months > last.months and last.surviving_fraction > 0:
            return Missing(f"nobody was seen after {last.months:g} months")
        before = [s.point for s in self.steps if s.point.months <= months]
        here = before[-1] if before else Point(0.0, 1.0, None, None)
        return Point(months, here.surviving_fraction, here.low_fraction, here.high_fraction)

    def at_risk(self, months: float) -> int:
        """Return how many were observed for at least so many months without the event."""
        return sum(s.event_count + s.censored_count for s in self.steps if s.point.months >= months)

    @property
    def median_text(self) -> str:
        """Median and interval in months."""
        parts = [self.median_months, self.median_low_months, self.median_high_months]
        median, low, high = (p.because if isinstance(p, Missing) else f"{p:.6g}" for p in parts)
        return f"{median} (95 % CI {low} to {high})"


@dataclass(frozen=True)
class LogRank:
    """Log-rank test that groups have one curve; observed and expected events are in the order of the labels."""

    labels: tuple[str, ...]
    observed_counts: tuple[int, ...]
    expected_counts: tuple[float, ...]
    chi2_statistic: float
    degrees: int
    p: float

    @property
    def text(self) -> str:
        """The result in one line."""
        return f"chi2 = {self.chi2_statistic:.2f}, {self.degrees} df, {p_text(self.p)}"


def _probabilities(end: Any) -> list[float]:
    """Return one end of scipy's interval, which its type stubs call a number in some versions."""
    return [float(value) for value in end.probabilities]


def kaplan_meier(times: Times) -> Curve:
    """Return the Kaplan-Meier estimate. Source: Kaplan and Meier, J Am Stat Assoc 1958;53:457."""
    survival = stats.ecdf(times.data).sf
    with warnings.catch_warnings():  # scipy warns that no interval exists where all or none are left
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = survival.confidence_interval(CONFIDENCE_FRACTION, method="log-log")
    months, happened = np.array(times.months), np.array(times.happened)
    steps = tuple(
        Step(
            int((months >= t).sum()),
            int(((months == t) & happened).sum()),
            int(((months == t) & ~happened).sum()),
            _point(t, fraction, low, high),
        )
        for t, fraction, low, high in zip(
            survival.quantiles.tolist(),
            survival.probabilities.tolist(),
            _probabilities(interval.low),
            _probabilities(interval.high),
            strict=True,
        )
    )
    events = sum(s.event_count for s in steps)
    notes = (f"{_counted(events, 'event')} in {_counted(len(months), 'patient')}: read with care",)
    median = _first_half([(s.point.months, s.point.surviving_fraction) for s in steps])
    low = _first_half([(s.point.months, s.point.low_fraction) for s in steps])
    if isinstance(low, Missing) and not isinstance(median, Missing):
        low = Missing("not defined")  # the curve falls to 0, where it has no interval
    return Curve(
        times.label,
        len(months),
        events,
        steps,
        median,
        low,
        _first_half([(s.point.months, s.point.high_fraction) for s in steps]),
        notes if events < FEWEST_EVENTS else (),
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


def _point(months: float, fraction: float, low: float, high: float) -> Point:
    certain = not (np.isfinite(low) and np.isfinite(high)) or not 0 < fraction < 1
    return Point(months, fraction, None if certain else low, None if certain else high)


def _first_half(points: Sequence[tuple[float, float | None]]) -> float | Missing:
    """Return the first time at which at most half are left; a hair more by rounding is half."""
    for months, fraction in points:
        if fraction is not None and fraction <= 0.5 + 1e-12:
            return months
    return Missing("not reached")


def median_follow_up(times: Times) -> Curve:
    """Return the curve of follow-up: its median is the median follow-up.

    Source: Schemper and Smith, Control Clin Trials 1996;17:343.
    """
    return kaplan_meier(times.reversed)


def log_rank(groups: Sequence[Times]) -> LogRank | Missing:
    """Compare the curves of two or more groups; missing where no event, or only one group, can be compared.

    Two groups by scipy's test, more by the quadratic form of observed less expected. Source: Peto and Peto, J R Stat
    Soc A 1972;135:185; Kalbfleisch and Prentice, 2002, section 1.5.
    """
    if len(groups) < 2:
        return Missing("there is one group: nothing to compare")
    if not any(any(g.happened) for g in groups):
        return Missing("no event was seen in any group")
    observed = np.array([sum(g.happened) for g in groups])
    expected, covariance = _expected(groups)
    if not np.diag(covariance).any():
        return Missing("whenever an event was seen, only one group was still observed")
    if len(groups) == 2:
        z = float(stats.logrank(groups[0].data, groups[1].data).statistic)
        chi2, degrees = z**2, 1
    else:
        gap = observed - expected
        chi2 = float(gap @ np.linalg.pinv(covariance) @ gap)
        degrees = int(np.linalg.matrix_rank(covariance))
    p = float(stats.chi2.sf(chi2, degrees))
    labels = tuple(g.label for g in groups)
    return LogRank(labels, tuple(observed.tolist()), tuple(expected.tolist()), chi2, degrees, p)


def compared(groups: Sequence[Times]) -> LogRank | Missing:
    """Return the log-rank test; withheld where a group is too small for its distribution to be known."""
    small = [g for g in groups if len(g.months) < FEWEST_PATIENTS]
    if len(groups) > 1 and small:
        count = _counted(len(small[0].months), "patient")
        return Missing(f"not compared: '{small[0].label}' has {count}, fewer than {FEWEST_PATIENTS}")
    return log_rank(groups)


def _expected(groups: Sequence[Times]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return expected events (n,) and their hypergeometric covariance (n, n)."""
    months = [np.array(g.months) for g in groups]
    happened = [np.array(g.happened) for g in groups]
    expected, covariance = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
    for t in np.unique(np.concatenate([m[h] for m, h in zip(months, happened, strict=True)])):
        at_risk = np.array([(m >= t).sum() for m in months], dtype=np.float64)
        events = sum(int(((m == t) & h).sum()) for m, h in zip(months, happened, strict=True))
        total = at_risk.sum()
        share = at_risk / total
        expected += events * share
        if total > 1:
            spread = events * (total - events) / (total - 1)
            covariance += spread * (np.diag(share) - np.outer(share, share))
    return expected, covariance
