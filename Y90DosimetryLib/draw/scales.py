"""Axes: round numbers for them, and where on them a value lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TICK_STEPS = (1.0, 2.0, 5.0)
_END_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SLACK_RATIO = 1e-9  # a value meant to be round may miss it by rounding error


def _power_of_ten(value: float) -> float:
    return float(10.0 ** math.floor(math.log10(value) + _SLACK_RATIO))


def round_up(value: float) -> float:
    """Return the nearest round number not below a positive value: an end for an axis."""
    power = _power_of_ten(value)
    return min(step * power for step in _END_STEPS if step * power >= value * (1 - _SLACK_RATIO))


def round_down(value: float) -> float:
    """Return the nearest of 1, 2, 5 times a power of ten not above a positive value: a length for a scale bar."""
    power = _power_of_ten(value)
    return max(step * power for step in _TICK_STEPS if step * power <= value * (1 + _SLACK_RATIO))


def ticks(low: float, high: float, at_most: int) -> list[float]:
    """Return round numbers from low to high, evenly spaced by 1, 2 or 5 times a power of ten, about *at_most*."""
    power = _power_of_ten((high - low) / at_most) / 10
    for step in (base * power * decade for decade in (1, 10, 100) for base in _TICK_STEPS):
        first, last = math.ceil(low / step - _SLACK_RATIO), math.floor(high / step + _SLACK_RATIO)
        if last - first <= at_most:
            break
    return [float(number) for number in np.arange(first, last + 1) * step]


@dataclass(frozen=True)
class Scale:
    """An axis: title with unit, the values at its ends, and what is written along it.

    `labels` are places with their words; without them round numbers are written.
    """

    title: str
    low: float
    high: float
    is_log: bool = False
    labels: tuple[tuple[float, str], ...] = ()

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return how far along the axis values lie, 0 to 1 between its ends."""
        given = np.asarray(values, dtype=np.float64)
        if self.is_log:
            return np.asarray(np.log(given / self.low) / math.log(self.high / self.low))
        return np.asarray((given - self.low) / (self.high - self.low))

    def marks(self, at_most: int) -> list[tuple[float, str]]:
        """Return where numbers are written, and the numbers."""
        if self.labels:
            return list(self.labels)
        if not self.is_log or self.high / self.low < 10:
            return [(v, f"{v:g}") for v in ticks(self.low, self.high, at_most)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
        return [(v, f"{v:g}") for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]


def from_zero(title: str, highest: float) -> Scale:
    """Return a linear axis from 0 to a round number."""
    return Scale(title, 0.0, round_up(highest) if highest > 0 else 1.0)


def around(title: str, values: Sequence[float], *, is_log: bool = False) -> Scale:
    """Return an axis that holds values with some room at both ends; logarithmic only for values above 0."""
    low, high = min(values), max(values)
    if is_log:
        room = (high / low) ** 0.08 if high > low else 2.0
        return Scale(title, low / room, high * room, is_log=True)
    room = (high - low) * 0.08 or max(abs(high), 1.0) * 0.1
    return Scale(title, low - room, high + room)
