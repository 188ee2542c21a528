"""Medians, and groups compared by rank. Methods that assume independence say so where tumors share a patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from ..missing import Missing

CONFIDENCE_FRACTION = 0.95
"""Of every interval."""
SIGNIFICANT_BELOW_P = 0.05
FEWEST_FOR_CHI_SQUARE = 5
"""In each group; below, the chi-square distribution is only a rough guide to H.

Source: Kruskal and Wallis, J Am Stat Assoc 1952;47:583, section 1, which tabulates H itself up to five a group."""


@dataclass(frozen=True)
class Summary:
    """Median, range and quartiles of some values in `unit`; quartiles interpolate linearly between ranks."""

    label: str
    unit: str
    n: int
    median: float
    lowest: float
    highest: float
    lower_quartile: float
    upper_quartile: float

    @property
    def text(self) -> str:
        """Median and range, as in "445.5 [293-1131]"."""
        return f"{self.median:.6g} [{self.lowest:.6g}-{self.highest:.6g}]"


@dataclass(frozen=True)
class RankTest:
    """Kruskal-Wallis test that groups come from one distribution; H is corrected for ties, p from chi-square."""

    groups: tuple[Summary, ...]
    h_statistic: float
    degrees: int
    p: float
    notes: tuple[str, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Whether p is below 0.05."""
        return self.p < SIGNIFICANT_BELOW_P

    @property
    def text(self) -> str:
        """The result in one line."""
        return f"H = {self.h_statistic:.4f}, {self.degrees} df, {p_text(self.p)}"


@dataclass(frozen=True)
class Pair:
    """Mann-Whitney test of two groups, two-sided, and its p after Holm's correction for all pairs."""

    first: str
    second: str
    u_statistic: float
    p: float
    holm_p: float


@dataclass(frozen=True)
class CrossTable:
    """Counts by row and column."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def p_text(p: float) -> str:
    """Return p as it is written: four digits, or the bound below which it lies."""
    return f"p = {p:.4f}" if p >= 0.0001 else "p < 0.0001"


def summary_of(values: Iterable[float], label: str, unit: str) -> Summary | Missing:
    """Return median, range and quartiles; missing where there is no value."""
    known = np.sort(np.array(list(values), dtype=np.float64))
    if not known.size:
        return Missing(f"{label}: there is no value")
    low, median, high = (float(q) for q in np.percentile(known, (25, 50, 75)))
    return Summary(label, unit, int(known.size), median, float(known[0]), float(known[-1]), low, high)


def kruskal_wallis(groups: Mapping[str, Sequence[float]], unit: str) -> RankTest | Missing:
    """Compare groups by rank; empty groups are left out and said.

    Missing with fewer than two groups, or where all values are equal. Source: Kruskal and Wallis, J Am Stat Assoc
    1952;47:583.
    """
    filled = {label: list(values) for label, values in groups.items() if len(values)}
    notes = [f"group {label} is empty" for label in groups if label not in filled]
    if len(filled) < 2:
        return Missing(f"only {len(filled)} of {len(groups)} groups has values: nothing to compare")
    if len({v for values in filled.values() for v in values}) < 2:
        return Missing("all values are equal")
    if sum(map(len, filled.values())) <= len(filled):
        return Missing("each group has one value: nothing tells chance from difference")
    small = [f"{label} ({len(values)})" for label, values in filled.items() if len(values) < FEWEST_FOR_CHI_SQUARE]
    if small:
        notes.append(f"few in {', '.join(small)}: p is approximate")
    found = stats.kruskal(*filled.values())
    summaries = tuple(s for k, v in filled.items() if isinstance(s := summary_of(v, k, unit), Summary))
    return RankTest(summaries, float(found.statistic), len(filled) - 1, float(found.pvalue), tuple(notes))


def pairwise(groups: Mapping[str, Sequence[float]]) -> tuple[Pair, ...]:
    """Return Mann-Whitney tests of all pairs, exact where scipy can, with Holm's correction.

    Source: Holm, Scand J Stat 1979;6:65.
    """
    pairs = [(a, b) for a, b in combinations(groups, 2) if len(groups[a]) and len(groups[b])]
    found = [stats.mannwhitneyu(groups[a], groups[b]) for a, b in pairs]
    corrected = holm([float(f.pvalue) for f in found])
    return tuple(
        Pair(a, b, float(f.statistic), float(f.pvalue), p) for (a, b), f, p in zip(pairs, found, corrected, strict=True)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down, in their order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    result, highest = [0.0] * len(p_values), 0.0
    for step, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - step) * p_values[i]))
        result[i] = highest
    return result


def cross_table(pairs: Iterable[tuple[str, str]], rows: Sequence[str], columns: Sequence[str]) -> CrossTable:
    """Count pairs of (row, column)."""
    found = list(pairs)
    counts = tuple(tuple(found.count((row, column)) for column in columns) for row in rows)
    return CrossTable(tuple(rows), tuple(columns), counts)
