"""How sure the ends of a window are: an interval for each, and how far inside the window every rule is safely kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from scipy.special import ndtr

from .constraints import Bound, Constraint, Side
from .dose_lines import DoseLines
from .prescription import Ray, Window, end_text
from .uncertainty import COVERAGE_FACTOR_RATIO, DoseInterval

SURE_SHARE = float(ndtr(COVERAGE_FACTOR_RATIO))
"""The probability of keeping a limit that is two standard deviations away."""
CASE_LUNGS, ALL_LUNGS = "lung_dose_gy.case", "lung_dose_gy.cumulative"


@dataclass(frozen=True)
class WindowEnd:
    """One end of a window: the activity at which a dose just meets its limit, and how sure that activity is.

    At the end itself the limit is kept with even odds; `sure_gbq` is where all constraints of this side are kept
    with two standard deviations to spare, each with a probability of `SURE_SHARE`.
    """

    side: Side
    """AT_LEAST: the lower end; AT_MOST: the upper one."""
    constraint: Constraint
    """What binds it."""
    activity_gbq: float
    sd_gbq: float
    sure_gbq: float
    """Infinite where a target's dose is too unsure for that."""
    sure_constraint: Constraint

    @property
    def low_gbq(self) -> float:
        """The lower end of the interval."""
        return max(0.0, self.activity_gbq - COVERAGE_FACTOR_RATIO * self.sd_gbq)

    @property
    def high_gbq(self) -> float:
        """The upper end of the interval."""
        return self.activity_gbq + COVERAGE_FACTOR_RATIO * self.sd_gbq

    @property
    def text(self) -> str:
        """The end in words."""
        name, reach = ("least", "from") if self.side is Side.AT_LEAST else ("most", "up to")
        is_lower = self.side is Side.AT_LEAST
        sure = (
            f"safely kept ({SURE_SHARE * 100:.1f} %) {reach} {end_text(self.sure_gbq, is_lower)} GBq"
            if 0 < self.sure_gbq < math.inf
            else f"no activity keeps it safely ({SURE_SHARE * 100:.1f} %)"
        )
        return (
            f"{name} {end_text(self.activity_gbq, is_lower)} GBq, {self.low_gbq:.3f} to {self.high_gbq:.3f}"
            f" ({self.constraint.name}); {sure}"
        )


def window_ends(window: Window, found: Iterable[DoseInterval], ray: Ray) -> tuple[WindowEnd, ...]:
    """Return the ends of a window along its ray that have an interval: none where its doses have none."""
    by_key = {(i.measure_id, i.about): i for i in found}
    ends = []
    for side, binding, activity_gbq in (
        (Side.AT_LEAST, window.low_binding, window.low_gbq),
        (Side.AT_MOST, window.high_binding, window.high_gbq),
    ):
        sure = [
            (a.constraint, _sure_gbq(a.by, interval, ray))
            for a in window.allowances
            if not a.constraint.is_wish and a.by.side is side and _slope(a.by, ray) > 0
            if (interval := _interval(by_key, a.by)) is not None
        ]
        for a in window.allowances:
            interval = _interval(by_key, a.by)
            if a.constraint not in binding or interval is None or not sure:
                continue
            sd_gbq = interval.sd_at_gy(a.by.limit_gy) / _slope(a.by, ray)
            best = (max if side is Side.AT_LEAST else min)(sure, key=lambda s: s[1])
            ends.append(WindowEnd(side, a.constraint, activity_gbq, sd_gbq, best[1], best[0]))
            break
    return tuple(ends)


def nowhere_safe(window: Window, found: Sequence[DoseInterval], ray: Ray) -> str:
    """Return in words that no activity of a window is safe, and how well an input would have to be known for one.

    Named are the inputs each of which alone could open it, with the share of its stated uncertainty that would do;
    where none could, the one that matters most. Empty where the safe ends do not cross, and for an empty window.
    """
    ends = window_ends(window, found, ray)
    gap_gbq = _safe_gap_gbq(ends)
    if window.is_empty or gap_gbq is None or gap_gbq <= 0:
        return ""

    def gap_with_gbq(name: str, share: float) -> float:
        left_gbq = _safe_gap_gbq(window_ends(window, [_with_share(i, name, share) for i in found], ray))
        return math.inf if left_gbq is None else left_gbq

    low, most = ends
    reach = f"only up to {end_text(most.sure_gbq, False)} GBq" if most.sure_gbq > 0 else "at no activity"
    start = f"only from {end_text(low.sure_gbq, True)} GBq" if low.sure_gbq < math.inf else "at no activity"
    names = dict.fromkeys(c.factor for i in found for c in i.contributions)
    left_gbq = {name: gap_with_gbq(name, 0.0) for name in names}
    shares = {name: _enough_share(partial(gap_with_gbq, name)) for name in names if left_gbq[name] <= 0}
    told = [f"{n} known to {_percent(shares[n])}" for n in sorted(shares, key=lambda n: -shares[n])]
    need = f"One would be safe with {', or '.join(told)} of its stated uncertainty"
    if not told:
        first = min(left_gbq, key=left_gbq.__getitem__)
        need = f"No single input, even known exactly, would make one safe; {first} matters most"
    return (
        f"No activity is safely inside: {low.sure_constraint.name} is safe {start},"
        f" {most.sure_constraint.name} {reach}. {need}."
    )


def _enough_share(gap_gbq: Callable[[float], float]) -> float:
    """Return the largest share of an input's uncertainty at which the safe ends do not cross; at 0 they do not."""
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if gap_gbq(middle) <= 0 else (low, middle)
    return low


def _percent(share: float) -> str:
    """Return a share rounded down: what is read is enough."""
    return "under 1 %" if share < 0.01 else f"{math.floor(share * 100)} %"


def _safe_gap_gbq(ends: Sequence[WindowEnd]) -> float | None:
    """Return by how much the safe lower end lies above the safe upper one; None where one of them has no interval."""
    if [e.side for e in ends] != [Side.AT_LEAST, Side.AT_MOST]:
        return None
    low, most = ends
    return math.inf if most.sure_gbq <= 0 else low.sure_gbq - most.sure_gbq


def _with_share(interval: DoseInterval, factor: str, share: float) -> DoseInterval:
    """Return an interval as if one input had only a share of its standard deviation."""
    parts = tuple(
        replace(c, first_order_gy=c.first_order_gy * share, second_order_gy=c.second_order_gy * share**2)
        if c.factor == factor
        else c
        for c in interval.contributions
    )
    return replace(interval, contributions=parts, sd_gy=math.sqrt(sum(c.variance for c in parts)))


def with_all_lung_doses(found: Sequence[DoseInterval], lines: DoseLines) -> tuple[DoseInterval, ...]:
    """Return the intervals with that of the lung dose of all treatments: this case's, and what the team states.

    The stated dose of earlier treatments has no uncertainty of its own here.
    """
    here, with_earlier = (lines.known.get(name).value for name in (CASE_LUNGS, ALL_LUNGS))
    if not isinstance(here, int | float) or not isinstance(with_earlier, int | float):
        return tuple(found)
    earlier_gy = float(with_earlier) - float(here)
    more = [
        replace(i, measure_id=ALL_LUNGS, dose_gy=i.dose_gy + earlier_gy, stated_gy=earlier_gy)
        for i in found
        if i.measure_id == CASE_LUNGS
    ]
    return (*found, *more)


def _interval(by_key: dict[tuple[str, str], DoseInterval], bound: Bound) -> DoseInterval | None:
    found = by_key.get((bound.line.measure_id, bound.line.about))
    return found if found is not None and found.dose_gy > found.stated_gy else None


def _slope(bound: Bound, ray: Ray) -> float:
    """Return how many Gy a GBq along the ray adds."""
    return sum(g * d for g, d in zip(bound.line.per_activity_gy_per_gbq, ray.direction, strict=True))


def _sure_gbq(bound: Bound, interval: DoseInterval, ray: Ray) -> float:
    """Return the activity at which a bound is kept with two standard deviations to spare: D -+ 2 u(D) = limit."""
    relative = COVERAGE_FACTOR_RATIO * interval.sd_gy / (interval.dose_gy - interval.stated_gy)
    unsure_gy = bound.limit_gy - interval.stated_gy
    if bound.side is Side.AT_LEAST:
        if relative >= 1:
            return math.inf
        dose_gy = interval.stated_gy + unsure_gy / (1 - relative)
    else:
        dose_gy = interval.stated_gy + unsure_gy / (1 + relative)
    already_gy = bound.line.dose_gy(ray.start_gbq)
    return max(0.0, (dose_gy - already_gy) / _slope(bound, ray))
