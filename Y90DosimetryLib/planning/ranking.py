"""Vials by nearness to the prescription, where a target has no upper limit: each with what it gives to every volume."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from . import calendar
from .dose_lines import DoseLine, DoseLines
from .prescription import Window
from .vials import Schedule, VialTime, vial_times

SHOWN = (
    "perfused_dose_gy.single_compartment",
    "tumor_session_dose_gy.multicompartment",
    "thrombus_session_dose_gy.multicompartment",
    "ntad_gy.multicompartment",
    "whole_normal_liver_dose_gy.multicompartment",
    "lung_dose_gy.case",
)
"""The doses told of each vial."""
MOST = 5


@dataclass(frozen=True)
class Ranked:
    """A vial on one of the days asked for, and how its activity compares with the prescription."""

    vial: VialTime
    prescription_ratio: float
    """Its activity over the least that reaches the target."""
    doses_gy: tuple[tuple[DoseLine, float], ...]
    """Each dose line with its dose in Gy."""


def ranked(lines: DoseLines, found: Window, schedule: Schedule, days: Sequence[date]) -> Iterator[Ranked]:
    """Yield the vials of one infusion nearest to the prescription, those that reach it first.

    Nothing where the session has several infusions, or where a limit of a dose tells what is too much.
    """
    if found.is_empty or found.has_ceiling or found.low_gbq <= 0 or len(lines.labels) != 1:
        return
    at_days = [v for v in vial_times(schedule) if calendar.local_date(v.at, schedule.zone) in days]

    def order(vial: VialTime) -> tuple[bool, float]:
        ratio = vial.activities_gbq[0] / found.low_gbq
        return ratio < 1, abs(math.log(ratio))

    for vial in sorted(at_days, key=order)[:MOST]:
        of_vial = [line for name in SHOWN for (measure_id, _), line in lines.lines.items() if measure_id == name]
        doses = tuple((line, line.dose_gy(vial.activities_gbq)) for line in of_vial)
        yield Ranked(vial, vial.activities_gbq[0] / found.low_gbq, doses)
