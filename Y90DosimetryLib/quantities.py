"""Refuse impossible numbers in one wording, so that every room says the same of the same slip."""

from __future__ import annotations

import math

from .errors import InputError

DENSITY_RANGE_G_ML = (0.05, 5.0)
"""Tool default: from inflated lung to dense bone with a wide margin; outside, the unit is wrong."""


def require_finite(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` when *value* is not a number or infinite."""
    if not math.isfinite(value):
        raise InputError(f"{value} is not a finite number", where=name, remedy=f"Enter {_a_number(unit)}")


def require_not_negative(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` unless *value* is finite and at least 0."""
    require_finite(value, name, unit)
    if value < 0:
        raise InputError(f"{_written(value, unit)} is negative", where=name, remedy=f"Enter {_a_number(unit)}")


def require_positive(value: float, name: str, unit: str = "") -> None:
    """Raise `InputError` unless *value* is finite and above 0."""
    require_finite(value, name, unit)
    if value <= 0:
        raise InputError(f"{_written(value, unit)} is not above 0", where=name, remedy=f"Enter {_a_number(unit)}")


def require_fraction(value: float, name: str) -> None:
    """Raise `InputError` unless *value* lies in [0, 1); a percentage is recognized as such."""
    require_finite(value, name)
    if not 0 <= value < 1:
        remedy = f"Enter a fraction, not a percentage: {value / 100:g} for {value:g} %" if value >= 1 else ""
        raise InputError(
            f"{value:g} lies outside [0, 1)", where=name, remedy=remedy or "Enter a fraction from 0 up to 1"
        )


def require_density(value_g_ml: float, where: str) -> None:
    """Raise `InputError` unless a density is one of tissue: in kg/m3 it would make every dose a thousandth."""
    low, high = DENSITY_RANGE_G_ML
    if not low <= value_g_ml <= high:
        raise InputError(
            f"the density is {value_g_ml:g} g/mL",
            where=where,
            remedy=f"Enter g/mL between {low} and {high}; soft tissue is 1.04, not 1040",
        )


def require_within(value: float, name: str, unit: str, low: float, high: float, remedy: str) -> None:
    """Raise `InputError` with *remedy* unless *value* is positive and lies in [low, high]: nobody has such a value."""
    require_positive(value, name, unit)
    if not low <= value <= high:
        raise InputError(f"{_written(value, unit)} is not possible in a human", where=name, remedy=remedy)


def _written(value: float, unit: str) -> str:
    return f"{value:g} {unit}".rstrip()


def _a_number(unit: str) -> str:
    return f"a number of {unit}" if unit else "a number"
