"""Checks of time points and outcome: whether they agree with what the team stated, and with each other."""

from __future__ import annotations

from collections.abc import Iterator

from ..case import Case
from ..dosimetry.doses import Doses
from ..missing import Missing
from ..standing import contradictions, outcome_contradictions
from ..studies import studies_of
from .check import CASE, Observation


def observed(case: Case, doses: Doses | None) -> Iterator[Observation]:
    """Compare the facts with the time points and the outcome; nothing where there is none."""
    compared = (
        ("time_points_contradict", bool(case.time_points), contradictions),
        ("outcome_contradicts", case.outcome.is_known, outcome_contradictions),
    )
    for check_id, is_there, compare in compared:
        if not is_there:
            continue
        found: str | Missing | None = Missing("the volumes are not measured yet", ("structures",))
        if doses is not None:
            prepared = doses.prepared
            found = "; ".join(compare(case, studies_of(case, prepared.compartments, prepared.time_points))) or None
        yield Observation(check_id, CASE, found)
