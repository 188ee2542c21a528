"""The window of activities that meets every target and limit, what binds it, and what conflicts when it is empty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from .constraints import Bound, Constraint, Constraints, Side
from .dose_lines import DoseLines

DECIMALS, MOST_DECIMALS = 3, 9
_ROUNDING = 1e-12
"""An end of the window lies in it, however its last digit was rounded."""


def end_text(activity_gbq: float, is_lower: bool, decimals: int = DECIMALS) -> str:
    """Return an end of a range as a reader sees it, in GBq, rounded into the range: what is read is allowed."""
    steps = activity_gbq * 10**decimals
    steps = math.ceil(steps * (1 - _ROUNDING)) if is_lower else math.floor(steps * (1 + _ROUNDING))
    return f"{steps / 10**decimals:.{decimals}f}"


@dataclass(frozen=True)
class Allowance:
    """What one constraint alone allows of an activity, in GBq at infusion; an open end is not allowed itself."""

    constraint: Constraint
    least_gbq: float
    most_gbq: float
    """Infinite where it sets no upper end."""
    is_open: bool
    by: Bound
    """The bound of the constraint that gives this, where it has several."""

    @property
    def is_possible(self) -> bool:
        """Whether any activity above 0 keeps the constraint."""
        return self.least_gbq < math.inf and self.most_gbq > 0


@dataclass(frozen=True)
class Conflict:
    """Two constraints that no activity keeps together, and by how much each would have to give for the other."""

    lower: Constraint
    upper: Constraint
    lower_reaches_gy: float
    """The dose asked for at least, at the most activity the other allows."""
    upper_gets_gy: float
    """The dose limited, at the least activity the other needs."""
    lower_gives_gy: float
    upper_gives_gy: float

    @property
    def text(self) -> str:
        """The conflict in one sentence."""
        return (
            f"{self.lower.name} and {self.upper.name} exclude each other: keeping the second leaves the first"
            f" {self.lower_gives_gy:.1f} Gy short ({self.lower_reaches_gy:.1f} Gy), keeping the first takes the second"
            f" {self.upper_gives_gy:.1f} Gy over ({self.upper_gets_gy:.1f} Gy)"
        )


@dataclass(frozen=True)
class Window:
    """The activities at infusion, before the residual, that keep all constraints of one prescription.

    `label` says what is varied: one infusion with the others as entered, or all of them in a fixed split.
    """

    label: str
    entered_gbq: float
    low_gbq: float
    high_gbq: float
    """Infinite where nothing limits it."""
    low_binding: tuple[Constraint, ...]
    high_binding: tuple[Constraint, ...]
    allowances: tuple[Allowance, ...]
    """Every constraint, wishes too, with what it allows alone."""
    wished_low_gbq: float
    wished_high_gbq: float
    """The part of the window in which every wish comes true as well; empty when low exceeds high."""
    unfulfilled_wishes: tuple[Constraint, ...]
    """Wishes that no activity of the window fulfills."""
    impossible: tuple[Constraint, ...]
    """Constraints that no activity keeps: the dose does not depend on this activity, or is exceeded already."""
    conflict: Conflict | None
    low_is_open: bool = False
    high_is_open: bool = False
    nothing_to_plan: str = ""
    """Why there is no window at all: no target is in force. The ends are then 0 and infinite and mean nothing."""

    @property
    def why_empty(self) -> str:
        """Why there is no window, in words; empty where there is one."""
        if self.nothing_to_plan:
            return f"not planned: {self.nothing_to_plan}"
        return "no activity keeps every target and limit" if self.is_empty else ""

    @property
    def has_ceiling(self) -> bool:
        """Whether a dose of liver, tumor or thrombus limits the activity; the lungs' limit says nothing of these."""
        return any(
            a.by.side is Side.AT_MOST and a.most_gbq < math.inf and not a.by.line.measure_id.startswith("lung_dose_gy")
            for a in self.allowances
            if not a.constraint.is_wish
        )

    @property
    def is_empty(self) -> bool:
        """Whether no activity keeps all constraints, or none can be told."""
        return bool(self.nothing_to_plan or self.impossible) or self.conflict is not None

    @property
    def end_texts(self) -> tuple[str, str]:
        """Both ends as a reader sees them; more decimals where the window is narrow, "inf" where nothing limits it."""
        for decimals in range(DECIMALS, MOST_DECIMALS + 1):
            low = end_text(self.low_gbq, True, decimals)
            high = end_text(self.high_gbq, False, decimals) if self.high_gbq < math.inf else "inf"
            if float(low) <= float(high):
                break
        return low, high

    def holds(self, activity_gbq: float) -> bool:
        """Return whether an activity lies in the window."""
        if self.is_empty or activity_gbq <= 0:
            return False
        above = activity_gbq > self.low_gbq if self.low_is_open else activity_gbq >= self.low_gbq * (1 - _ROUNDING)
        below = activity_gbq < self.high_gbq if self.high_is_open else activity_gbq <= self.high_gbq * (1 + _ROUNDING)
        return above and below


@dataclass(frozen=True)
class Ray:
    """How the activities of all infusions follow one number t, in GBq: A = start + t times direction."""

    start_gbq: tuple[float, ...]
    direction: tuple[float, ...]

    def at(self, activity_gbq: float) -> tuple[float, ...]:
        """Return the activities of all infusions."""
        return tuple(s + activity_gbq * d for s, d in zip(self.start_gbq, self.direction, strict=True))


def one_infusion(lines: DoseLines, index: int) -> Ray:
    """Return the ray that varies one infusion and leaves the others as entered."""
    count = range(len(lines.entered_gbq))
    start = tuple(0.0 if i == index else lines.entered_gbq[i] for i in count)
    return Ray(start, tuple(float(i == index) for i in count))


def fixed_split(lines: DoseLines, shares: Sequence[float] | None = None) -> Ray:
    """Return the ray that varies the total activity in a fixed split; as entered unless *shares* are given.

    Raises
    ------
    InputError
        Unless there is one share, not negative, for each infusion, and one is above 0.
    """
    weights = tuple(shares) if shares is not None else lines.entered_gbq
    total = sum(weights)
    wrong = len(weights) != len(lines.entered_gbq) or any(not 0 <= w < math.inf for w in weights) or total <= 0
    if wrong:
        raise InputError(
            f"the split is {', '.join(f'{w:g}' for w in weights)}",
            where="split",
            remedy=f"Give one share for each of: {', '.join(lines.labels)}",
        )
    return Ray((0.0,) * len(weights), tuple(w / total for w in weights))


def window(lines: DoseLines, constraints: Constraints, ray: Ray | None = None, label: str = "") -> Window:
    """Return the window of activities along a ray; the first infusion's unless a ray is given."""
    ray = ray or one_infusion(lines, 0)
    allowances = tuple(allowance(c, ray) for c in constraints.asked)
    hard = [a for a in allowances if not a.constraint.is_wish]
    impossible = tuple(a.constraint for a in hard if not a.is_possible)
    hard = [a for a in hard if a.is_possible]
    low, low_open, low_binding = _end(hard, lower=True)
    high, high_open, high_binding = _end(hard, lower=False)
    crossed = low > high * (1 + _ROUNDING) or (high < math.inf and _touch(low, high) and (low_open or high_open))
    conflict = None
    if crossed and low_binding and high_binding:
        conflict = _conflict(low_binding[0], high_binding[0], ray)
    wished_low, wished_high, unfulfilled = _wishes(allowances, low, high)
    return Window(
        label or lines.labels[0],
        sum(e * d for e, d in zip(lines.entered_gbq, ray.direction, strict=True))
        if any(ray.start_gbq) or len(ray.direction) == 1
        else sum(lines.entered_gbq),
        low,
        high,
        tuple(a.constraint for a in low_binding),
        tuple(a.constraint for a in high_binding),
        allowances,
        wished_low,
        wished_high,
        unfulfilled,
        impossible,
        conflict,
        low_open,
        high_open,
        constraints.nothing_to_plan,
    )


def windows(lines: DoseLines, constraints: Constraints) -> tuple[Window, ...]:
    """Return the window of each infusion, the others as entered."""
    return tuple(window(lines, constraints, one_infusion(lines, i), label) for i, label in enumerate(lines.labels))


def allowance(constraint: Constraint, ray: Ray) -> Allowance:
    """Return what one constraint alone allows along a ray: the widest of what its bounds do."""
    found = [_of_bound(constraint, bound, ray) for bound in constraint.bounds]
    return max(found, key=lambda a: (a.is_possible, a.most_gbq - a.least_gbq if a.least_gbq < math.inf else -math.inf))


def _of_bound(constraint: Constraint, bound: Bound, ray: Ray) -> Allowance:
    already_gy = bound.line.dose_gy(ray.start_gbq)
    per = sum(g * d for g, d in zip(bound.line.per_activity_gy_per_gbq, ray.direction, strict=True))
    if per <= 0:
        kept = bound.holds(ray.start_gbq)
        least, most = (0.0, math.inf) if kept else (math.inf, -math.inf)
        return Allowance(constraint, least, most, False, bound)
    turn = (bound.limit_gy - already_gy) / per
    if bound.side is Side.AT_LEAST:
        return Allowance(constraint, max(0.0, turn), math.inf, bound.is_open and turn >= 0, bound)
    return Allowance(constraint, 0.0, turn, bound.is_open, bound)


def _end(allowances: Iterable[Allowance], lower: bool) -> tuple[float, bool, list[Allowance]]:
    """Return an end of the window, whether it is open, and what binds it."""
    end = [a.least_gbq if lower else -a.most_gbq for a in allowances]
    outermost = max(end, default=0.0 if lower else -math.inf)
    if outermost == (0.0 if lower else -math.inf):
        return (0.0 if lower else math.inf), False, []
    binding = [a for a, e in zip(allowances, end, strict=True) if _touch(e, outermost)]
    return (outermost if lower else -outermost), any(a.is_open for a in binding), binding


def _touch(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=_ROUNDING)


def _conflict(low: Allowance, high: Allowance, ray: Ray) -> Conflict:
    reaches_gy = low.by.line.dose_gy(ray.at(max(0.0, high.most_gbq)))
    gets_gy = high.by.line.dose_gy(ray.at(low.least_gbq))
    return Conflict(
        low.constraint,
        high.constraint,
        reaches_gy,
        gets_gy,
        low.by.limit_gy - reaches_gy,
        gets_gy - high.by.limit_gy,
    )


def _wishes(allowances: Iterable[Allowance], low: float, high: float) -> tuple[float, float, tuple[Constraint, ...]]:
    """Return the part of the window in which wishes come true, as far as any activity of it fulfills them."""
    unfulfilled = []
    wished_low, wished_high = low, high
    for a in allowances:
        if not a.constraint.is_wish:
            continue
        if not a.is_possible or a.least_gbq > high or a.most_gbq < low:
            unfulfilled.append(a.constraint)
            continue
        wished_low, wished_high = max(wished_low, a.least_gbq), min(wished_high, a.most_gbq)
    return wished_low, wished_high, tuple(unfulfilled)
