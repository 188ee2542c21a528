"""Several infusions at once: which activities together keep every constraint, and the best of them for an aim.

All doses are linear in the activities, so the best choice is a linear program (`scipy.optimize.linprog`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from ..errors import InputError
from ..measures import Measurement
from ..missing import Missing
from .constraints import ROUNDING_RELATIVE, Bound, Constraint, Constraints, Side
from .dose_lines import DoseLine, DoseLines
from .prescription import Conflict, fixed_split

TUMOR = "tumor_lowest_dose_gy.multicompartment"
PERFUSED_NORMAL = "ntad_gy.multicompartment"
WHOLE_NORMAL = "whole_normal_liver_dose_gy.multicompartment"
LUNGS = "lung_dose_gy.case"
SHOWN = (TUMOR, PERFUSED_NORMAL, WHOLE_NORMAL, LUNGS)
"""The doses that tables show beside activities."""

MOST_CHOICES = 64
"""Constraints with alternatives are followed one alternative at a time, at most so many combinations."""
MOST_POINTS = 4000
INSIDE_RELATIVE = 1e-7
"""How far inside a limit that may not be touched itself the best choice stays."""


class Aim(StrEnum):
    """What the best choice of activities is best for."""

    HIGHEST_TUMOR = "highest_lowest_tumor_dose"
    LEAST_NORMAL = "least_normal_dose"
    FIXED_SPLIT = "fixed_split"

    @property
    def display_name(self) -> str:
        """The aim as a planner sees it."""
        return {
            Aim.HIGHEST_TUMOR: "highest lowest tumor dose",
            Aim.LEAST_NORMAL: "least dose to the whole normal liver",
            Aim.FIXED_SPLIT: "highest lowest tumor dose in a fixed split",
        }[self]


@dataclass(frozen=True)
class Choice:
    """Activities of all infusions, what they give, and which constraints they break."""

    activities_gbq: tuple[float, ...]
    doses_gy: tuple[float | None, ...]
    """The doses of `SHOWN`; None where there is no such line."""
    broken: tuple[Constraint, ...]

    @property
    def is_feasible(self) -> bool:
        """Whether every target and limit is kept; wishes may be broken."""
        return not any(not c.is_wish for c in self.broken)


@dataclass(frozen=True)
class Relaxation:
    """The least by which all targets and limits must give together, as a fraction of each, until some activities do."""

    give_fraction: float
    activities_gbq: tuple[float, ...]
    giving: tuple[Constraint, ...]
    """Those that give all of it; the others are kept with less."""


@dataclass(frozen=True)
class FeasibleSet:
    """All infusions of a session together."""

    labels: tuple[str, ...]
    table: tuple[Choice, ...]
    """A regular grid of activities; empty where there are too many infusions for one."""
    corners_gbq: tuple[tuple[float, float], ...]
    """The corners of the feasible set of two infusions, in order around it; empty otherwise."""
    best: Choice | Missing
    aim: Aim
    conflicts: tuple[Conflict, ...]
    """Pairs of constraints that no activities keep together."""
    relaxation: Relaxation | None
    """Why the set is empty where it is: more than two constraints may exclude each other only together."""


def feasible_set(
    lines: DoseLines,
    constraints: Constraints,
    aim: Aim = Aim.HIGHEST_TUMOR,
    shares: Sequence[float] | None = None,
    points: int = 13,
) -> FeasibleSet:
    """Return the feasible activities of all infusions: a table, corners, and the best choice for an aim."""
    return FeasibleSet(
        lines.labels,
        table(lines, constraints, points),
        _corners(lines, constraints),
        best(lines, constraints, aim, shares),
        aim,
        conflicts(constraints),
        relaxation(constraints),
    )


def relaxation(constraints: Constraints) -> Relaxation | None:
    """Return the least common relaxation of an empty set of activities; None when it is not empty."""
    found: Relaxation | None = None
    for bounds in _alternatives(constraints.hard):
        rows = np.array([[*_row(b)[0], -b.limit_gy] for b in bounds])
        limits = np.array([_row(b)[1] for b in bounds])
        if not len(rows):
            return None
        cost = np.r_[np.zeros(rows.shape[1] - 1), 1.0]
        result = linprog(cost, A_ub=rows, b_ub=limits, bounds=[(0, None)] * len(cost))
        assert result.x is not None, "with enough relaxation any bound is kept"
        give = float(result.x[-1])
        if give <= INSIDE_RELATIVE:
            return None
        tight = limits - rows @ result.x <= INSIDE_RELATIVE * np.array([b.limit_gy for b in bounds])
        giving = tuple(c for c, is_tight in zip(constraints.hard, tight, strict=True) if is_tight)
        if found is None or give < found.give_fraction:
            found = Relaxation(give, tuple(float(a) for a in result.x[:-1]), giving)
    return found


def choice(lines: DoseLines, constraints: Constraints, activities_gbq: Sequence[float]) -> Choice:
    """Return what given activities do."""
    return Choice(
        tuple(activities_gbq),
        tuple(lines.lowest_gy(name, activities_gbq) for name in SHOWN),
        tuple(c for c in constraints.asked if not c.holds(activities_gbq)),
    )


def table(lines: DoseLines, constraints: Constraints, points: int = 13) -> tuple[Choice, ...]:
    """Return choices on a regular grid from 0 to the most any constraint allows each infusion (or twice as entered)."""
    if points < 2 or points ** len(lines.labels) > MOST_POINTS:
        return ()
    axes = [np.linspace(0.0, most_gbq, points) for most_gbq in _most_gbq(lines, constraints)]
    return tuple(choice(lines, constraints, [float(a) for a in at]) for at in product(*axes))


def best(
    lines: DoseLines, constraints: Constraints, aim: Aim = Aim.HIGHEST_TUMOR, shares: Sequence[float] | None = None
) -> Choice | Missing:
    """Return the best feasible activities for an aim, or why there are none.

    Among choices equally good for a tumor dose the one with the least whole-normal-liver dose is taken.

    Raises
    ------
    InputError
        If a fixed split is not one share an infusion.
    """
    if shares is not None and aim is not Aim.FIXED_SPLIT:
        raise InputError("shares are given, but the aim is no fixed split", where="aim", remedy="Choose fixed_split")
    tumors, normal = lines.get(TUMOR), lines.get(WHOLE_NORMAL)
    for found in (tumors, normal):
        if isinstance(found, Measurement):
            return Missing(f"{found.measure.title}: {found.missing_because}", found.needs)
    assert not isinstance(tumors, Measurement) and not isinstance(normal, Measurement)
    split = fixed_split(lines, shares).direction if aim is Aim.FIXED_SPLIT else None
    reasons = Missing("no activities keep every target and limit")
    found_best: tuple[float, NDArray[np.float64]] | None = None
    for bounds in _alternatives(constraints.hard):
        program = _Program(len(lines.labels), bounds, split)
        least = aim is Aim.LEAST_NORMAL
        solved = program.minimize(normal[0]) if least else program.raise_lowest(tumors, normal[0])
        if isinstance(solved, Missing):
            reasons = solved if solved.needs else reasons
        elif found_best is None or solved[0] > found_best[0]:
            found_best = solved
    if found_best is None:
        return reasons
    return choice(lines, constraints, [max(0.0, float(a)) for a in found_best[1]])


class _Program:
    """Linear programs over activities >= 0 that keep some bounds."""

    def __init__(self, count: int, bounds: Sequence[Bound], split: tuple[float, ...] | None) -> None:
        self._count = count
        self._rows = np.array([_row(b)[0] for b in bounds]).reshape(len(bounds), count)
        self._limits = np.array([_row(b)[1] for b in bounds])
        self._equal = None
        if split is not None:  # A_i = s_i sum A
            self._equal = np.eye(count) - np.outer(split, np.ones(count))

    def minimize(self, line: DoseLine) -> tuple[float, NDArray[np.float64]] | Missing:
        """Return minus the least dose of a line, and the activities."""
        cost = np.array(line.per_activity_gy_per_gbq)
        solved = self._solve(cost, self._rows, self._limits)
        return solved if isinstance(solved, Missing) else (-float(cost @ solved), solved)

    def raise_lowest(self, tumors: Sequence[DoseLine], normal: DoseLine) -> tuple[float, NDArray[np.float64]] | Missing:
        """Return the highest possible lowest dose of some lines, and the activities with the least normal dose."""
        n = self._count
        per = np.array([t.per_activity_gy_per_gbq for t in tumors])
        already = np.array([t.already_gy for t in tumors])
        rows = np.block([[self._rows, np.zeros((len(self._rows), 1))], [-per, np.ones((len(tumors), 1))]])
        solved = self._solve(np.r_[np.zeros(n), -1.0], rows, np.r_[self._limits, already])
        if isinstance(solved, Missing):
            return solved
        lowest_gy = float(solved[-1])
        floor = already - lowest_gy + ROUNDING_RELATIVE * max(1.0, abs(lowest_gy))
        again = self._solve(
            np.array(normal.per_activity_gy_per_gbq), np.r_[self._rows, -per], np.r_[self._limits, floor]
        )
        return lowest_gy, solved[:n] if isinstance(again, Missing) else again

    def _solve(
        self, cost: NDArray[np.float64], rows: NDArray[np.float64], limits: NDArray[np.float64]
    ) -> NDArray[np.float64] | Missing:
        equal = self._equal
        if equal is not None and len(cost) > self._count:
            equal = np.c_[equal, np.zeros(self._count)]
        result = linprog(
            cost,
            A_ub=rows if len(rows) else None,
            b_ub=limits if len(rows) else None,
            A_eq=equal,
            b_eq=None if equal is None else np.zeros(self._count),
            bounds=[(0, None)] * len(cost),
        )
        if result.status == 3:
            return Missing("nothing limits the activity upward", ("limits",))
        if result.x is None:
            return Missing("no activities keep every target and limit")
        found: NDArray[np.float64] = result.x
        return found


def conflicts(constraints: Constraints) -> tuple[Conflict, ...]:
    """Return the pairs of a target and a limit that no activities keep together."""
    single = [c for c in constraints.hard if len(c.bounds) == 1]
    lower = [c for c in single if c.bounds[0].side is Side.AT_LEAST]
    upper = [c for c in single if c.bounds[0].side is Side.AT_MOST]
    found = []
    for low, high in product(lower, upper):
        need, cap = low.bounds[0], high.bounds[0]
        count = len(need.line.per_activity_gy_per_gbq)
        cheapest = _Program(count, [need], None).minimize(cap.line)
        if isinstance(cheapest, Missing):
            continue
        gets_gy = cap.line.already_gy - cheapest[0]
        if gets_gy <= cap.limit_gy * (1 + ROUNDING_RELATIVE):
            continue
        reached = _Program(count, [cap], None).raise_lowest([need.line], cap.line)
        reaches_gy = need.line.already_gy if isinstance(reached, Missing) else reached[0]
        found.append(Conflict(low, high, reaches_gy, gets_gy, need.limit_gy - reaches_gy, gets_gy - cap.limit_gy))
    return tuple(found)


def _row(bound: Bound) -> tuple[tuple[float, ...], float]:
    """Return a bound as coefficients and limit of "at most", a little inside where its limit may not be touched."""
    sign = -1.0 if bound.side is Side.AT_LEAST else 1.0
    inside_gy = INSIDE_RELATIVE * bound.limit_gy if bound.is_open else 0.0
    row = tuple(sign * g for g in bound.line.per_activity_gy_per_gbq)
    return row, sign * (bound.limit_gy - bound.line.already_gy) - inside_gy


def _alternatives(constraints: Sequence[Constraint]) -> Iterator[tuple[Bound, ...]]:
    """Yield every way to keep all constraints, one bound of each."""
    return islice(product(*(c.bounds for c in constraints)), MOST_CHOICES)


def _most_gbq(lines: DoseLines, constraints: Constraints) -> list[float]:
    """Return for each infusion the most that any one limit allows it alone, or twice what is entered."""
    found = []
    for index, entered_gbq in enumerate(lines.entered_gbq):
        most = [
            (b.limit_gy - b.line.already_gy) / b.line.per_activity_gy_per_gbq[index]
            for c in constraints.hard
            for b in c.bounds
            if b.side is Side.AT_MOST and b.line.per_activity_gy_per_gbq[index] > 0
        ]
        positive = [m for m in most if m > 0]
        found.append(min(positive) if positive else 2 * entered_gbq)
    return found


def _corners(lines: DoseLines, constraints: Constraints) -> tuple[tuple[float, float], ...]:
    """Return the corners of the feasible polygon of two infusions, by cutting a large square at every bound."""
    if len(lines.labels) != 2:
        return ()
    size = 4 * max([*_most_gbq(lines, constraints), *lines.entered_gbq])
    best_area, best_polygon = 0.0, np.zeros((0, 2))
    for bounds in _alternatives(constraints.hard):
        polygon = np.array([[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]])
        for bound in bounds:
            polygon = _cut(polygon, bound)
        area = _area(polygon)
        if area > best_area:
            best_area, best_polygon = area, polygon
    return tuple((float(x), float(y)) for x, y in best_polygon)


def _cut(polygon: NDArray[np.float64], bound: Bound) -> NDArray[np.float64]:
    """Return what is left of a convex polygon on the allowed side of a line (Sutherland and Hodgman 1974)."""
    row, limit = _row(bound)
    outside = polygon @ np.array(row) - limit if len(polygon) else np.zeros(0)
    kept: list[NDArray[np.float64]] = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if outside[i] <= 0:
            kept.append(polygon[i])
        if (outside[i] <= 0) != (outside[j] <= 0):
            kept.append(polygon[i] + (polygon[j] - polygon[i]) * outside[i] / (outside[i] - outside[j]))
    return np.array(kept).reshape(len(kept), 2)


def _area(polygon: NDArray[np.float64]) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
