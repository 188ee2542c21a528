"""What the small charts of the follow-up show: the remnant's shares and the lesions' lengths over the months."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from Y90DosimetryLib.draw.courses import SFLR, series_of
from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.followup.remnant import RESECTION_RULE
from Y90DosimetryLib.followup.response import ResponseOverTime
from Y90DosimetryLib.followup.timeline import SURGERY_RULE
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.timepoints import calendar_months_count

LEAST_MONTHS, LEAST_PERCENT, LEAST_MM = 6.0, 60.0, 20.0
"""The axes reach at least this far."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart; the first one has its values written beside its points."""

    name: str
    months: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Curves over the months since the treatment; a limit across, a band of months, days of treatment."""

    curves: tuple[Curve, ...]
    title: str
    unit: str
    highest: float
    lastMonth: float
    firstMonth: float
    treated: tuple[float, ...]
    limit: float | None = None
    limitName: str = ""
    band: tuple[float, float] | None = None
    bandName: str = ""


def remnantChart(followUp: FollowUp) -> Chart | None:
    """Return standardized and measured share in percent; None where no study has a share and a day."""
    treated = followUp.studies.treated_on
    if isinstance(treated, Missing) or not treated:
        return None
    zero = treated[-1]
    series = list(series_of(followUp.remnant, zero))
    if not series:
        return None
    names = {SFLR: _("sFLR")}
    curves = tuple(Curve(names.get(s.label, _("of the tumor-free liver")), s.months_count, s.percent) for s in series)
    best = next((w for w in followUp.time_line.windows if SURGERY_RULE in w.rule_ids), None)
    band = None
    if best is not None and best.due_to is not None:
        band = calendar_months_count(zero, best.due_from), calendar_months_count(zero, best.due_to)
    days = tuple(calendar_months_count(zero, day) for day in treated)
    limit = 100 * followUp.remnant.sflr_for_resection_fraction
    months = [m for c in curves for m in c.months]
    return Chart(
        curves,
        _("Remnant, %"),
        "%",
        max(LEAST_PERCENT, *(1.1 * v for c in curves for v in c.values)),
        max(LEAST_MONTHS, *months, *(band or ())),
        min(*months, *days, 0.0),
        days,
        limit,
        _("{limit:g} % ({rule})").format(limit=limit, rule=RESECTION_RULE),
        band,
        _("best time for surgery"),
    )


def lesionChart(response: ResponseOverTime | Missing | None) -> Chart | None:
    """Return the viable length of each lesion in mm; None where none was measured."""
    if response is None or isinstance(response, Missing) or not response.tracks:
        return None
    zero = response.treated_on
    curves = tuple(
        Curve(t.lesion, tuple(calendar_months_count(zero, day) for day in t.days), t.viable_mm) for t in response.tracks
    )
    months = [m for c in curves for m in c.months]
    return Chart(
        curves,
        _("Viable, mm"),
        "mm",
        max(LEAST_MM, *(1.15 * v for c in curves for v in c.values)),
        max(LEAST_MONTHS, *months),
        min(*months, 0.0),
        (0.0,),
    )
