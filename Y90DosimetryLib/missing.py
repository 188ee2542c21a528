"""A number that could not be computed, and why: it is shown as missing, never as 0."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """The reason a value is missing, and the inputs (as named in the case file) that would supply it."""

    because: str
    needs: tuple[str, ...] = ()
    possible: tuple[bool | int | float | str, ...] = ()
    """The values it can still take, where those are known to be few; empty where anything is possible."""


def known(value: float | Missing | None) -> float | None:
    """Return the number, or None where it is missing."""
    return None if value is None or isinstance(value, Missing) else value


def first_missing(*values: float | Missing) -> Missing | None:
    """Return one `Missing` that joins the reasons and needs of those that are missing; None when all are known."""
    gone = [v for v in values if isinstance(v, Missing)]
    if not gone:
        return None
    because = "; ".join(dict.fromkeys(m.because for m in gone))
    return Missing(because, tuple(dict.fromkeys(n for m in gone for n in m.needs)))
