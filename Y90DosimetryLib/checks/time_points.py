"""Checks of the time points: whether they agree with what the team stated."""

from __future__ import annotations

from collections.abc import Iterator

from ..case import Case
from ..dosimetry.doses import Doses
from ..missing import Missing
from ..standing import contradictions
from ..studies import studies_of
from .check import Observation


def observed(case: Case, doses: Doses | None) -> Iterator[Observation]:
    """Compare the facts with the time points; nothing where there is none."""
    if not case.time_points:
        return
    found: str | Missing | None = Missing("the volumes are not measured yet", ("structures",))
    if doses is not None:
        prepared = doses.prepared
        found = "; ".join(contradictions(case, studies_of(case, prepared.compartments, prepared.time_points))) or None
    yield Observation("time_points_contradict", "", found)
