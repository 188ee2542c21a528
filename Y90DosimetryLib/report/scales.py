"""Round numbers for axes, color bars and scale bars."""

from __future__ import annotations

import math

import numpy as np

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
