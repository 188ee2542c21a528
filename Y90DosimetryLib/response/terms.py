"""The four responses, where they are read, and the numbers that divide them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Protocol

from ..lesions import LesionReading, ThrombusReading

MEASURABLE_MM = 10.0
"""A target enhances over at least this length: mRECIST, as in Choi et al., Abdom Radiol 2018;43:218, Table 4."""
TARGETS_PER_LIVER = 2
"""The most lesions of one organ that are summed: RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228)."""
PARTIAL_DECREASE_FRACTION = 0.30
"""mRECIST (Lencioni and Llovet, Semin Liver Dis 2010;30:52), as printed in Korean J Radiol 2022;23:1126, Table 11."""
PROGRESSION_INCREASE_FRACTION = 0.20
"""Source as `PARTIAL_DECREASE_FRACTION`. The 5 mm that RECIST 1.1 asks for besides are no part of mRECIST."""
SAME_LENGTH_RELATIVE = 1e-9
"""Lengths this close are equal: 30 % of a sum in binary must not decide."""


class Response(StrEnum):
    """Complete, partial, stable, progressive; the best first."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return tuple(Response).index(self)

    @property
    def words(self) -> str:
        """The response in words."""
        return _WORDS[self]

    @property
    def is_objective(self) -> bool:
        """Whether it counts as an objective response: complete or partial."""
        return self in {Response.CR, Response.PR}


_WORDS = {
    Response.CR: "complete response",
    Response.PR: "partial response",
    Response.SD: "stable disease",
    Response.PD: "progressive disease",
}


class Scope(StrEnum):
    """Where the response is read. Source: Meerun et al. 2022, Methods, baseline imaging and follow-up."""

    LOCALIZED = "localized"
    """In the treated zone only."""
    OVERALL = "overall"
    """Everywhere."""

    @property
    def words(self) -> str:
        """The name of the criteria."""
        return "Localized mRECIST" if self is Scope.LOCALIZED else "mRECIST"


class Readings(Protocol):
    """What was read on one day; no lesion and no thrombus means that nothing was read."""

    @property
    def on(self) -> date:
        """The day of the study."""

    @property
    def lesions(self) -> tuple[LesionReading, ...]:
        """One reading a tumor."""

    @property
    def thrombi(self) -> tuple[ThrombusReading, ...]:
        """One reading a tumor thrombus."""

    @property
    def new_lesions(self) -> bool | None:
        """Whether any lesion is new, where the new ones are not among the lesions; None leaves it to them."""


def reaches(length_mm: float, limit_mm: float) -> bool:
    """Whether a length is at least *limit_mm*."""
    return length_mm >= limit_mm or _same(length_mm, limit_mm)


def exceeds(length_mm: float, limit_mm: float) -> bool:
    """Whether a length is above *limit_mm*."""
    return length_mm > limit_mm and not _same(length_mm, limit_mm)


def has_grown(length_mm: float, smallest_mm: float) -> bool:
    """Whether a length passed its smallest by what makes progression; from 0 any length did."""
    if smallest_mm == 0:
        return length_mm > 0
    return reaches(length_mm, (1 + PROGRESSION_INCREASE_FRACTION) * smallest_mm)


def has_shrunk(length_mm: float, before_mm: float) -> bool:
    """Whether a length fell by what makes a partial response."""
    return not exceeds(length_mm, (1 - PARTIAL_DECREASE_FRACTION) * before_mm)


def quoted(names: Iterable[str]) -> str:
    """Return names in quotes, in their order, as a list in a sentence."""
    return ", ".join(f"'{name}'" for name in names)


def _same(one_mm: float, other_mm: float) -> bool:
    return math.isclose(one_mm, other_mm, rel_tol=SAME_LENGTH_RELATIVE)
