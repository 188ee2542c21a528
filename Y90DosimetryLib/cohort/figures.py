"""The figures of a cohort as PNG files: every tumor a point, nobody's censoring hidden, no bar where points will do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..report.colors import LineStyle, Rgb
from ..response.terms import PARTIAL_DECREASE_FRACTION, Response
from .agreement import Agreement
from .analysis import Change, CohortStatistics
from .chart import INK, SOFT, Chart, Scale, around, from_zero
from .dose_response import DoseResponse
from .statistics import RankTest, Summary
from .survival import Curve

BLUE, ORANGE, GREEN, VIOLET = (0, 100, 190), (200, 95, 0), (0, 145, 60), (140, 50, 170)
"""As on the report's plots; each series differs in its dashes as well."""
_SERIES = (
    LineStyle(BLUE, BLUE),
    LineStyle(ORANGE, ORANGE, (12.0, 6.0)),
    LineStyle(GREEN, GREEN, (14.0, 5.0, 2.5, 5.0)),
    LineStyle(VIOLET, VIOLET, (2.5, 5.5)),
)
_RESPONSE_COLORS: dict[Response | None, Rgb] = {
    Response.CR: BLUE,
    Response.PR: GREEN,
    Response.SD: ORANGE,
    Response.PD: (179, 0, 27),
    None: SOFT,
}
_LOG_FROM_RATIO = 10.0
"""Doses that differ by more are drawn on a logarithmic axis."""


def figures_of(stats: CohortStatistics) -> dict[str, bytes]:
    """Return every figure that the numbers allow, by caption.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    """
    found: dict[str, bytes] = {}
    drawn: set[object] = set()  # with one tumor a patient, both units of analysis are one picture
    for one in stats.dose_by_necrosis:
        if isinstance(one.test, RankTest) and one.values_gy not in drawn:
            drawn.add(one.values_gy)
            groups = [g for g in one.groups if isinstance(g, Summary)]
            found[f"Delivered dose by necrosis, by {one.by.value}"] = box_plot(
                groups, one.values_gy, "Delivered dose (Gy)", f"Dose by necrosis, by {one.by.value}", one.test.text
            )
    for fit in stats.dose_responses:
        if isinstance(fit.result, DoseResponse) and (fit.outcome, fit.result.doses_gy) not in drawn:
            drawn.add((fit.outcome, fit.result.doses_gy))
            title = f"{fit.outcome.capitalize()}, by {fit.by.value}"
            found[title] = dose_response_plot(fit.result, title)
    if isinstance(stats.agreement, Agreement):
        found["Delivered less planned dose, tumors"] = agreement_plot(stats.agreement)
    if isinstance(stats.agreement_ratio, Agreement):
        found["Delivered / planned dose, tumors"] = agreement_plot(stats.agreement_ratio)
    if isinstance(stats.changes, tuple):
        found["Best change of diameter, tumors"] = waterfall(stats.changes)
    for survival in stats.survivals:
        if isinstance(survival.curves, tuple):
            title = f"{survival.title}, {survival.curves[0].label.lower()}"
            title = title if len(survival.curves) == 1 else survival.title
            found[title] = survival_plot(survival.curves, title)
    return found


def box_plot(
    groups: Sequence[Summary], values: Sequence[Sequence[float]], y_title: str, title: str, result: str = ""
) -> bytes:
    """Draw a box (quartiles, median, whiskers to the extremes) and every value of each group.

    The axis is logarithmic where the values are above 0 and differ by more than a factor of 10.
    """
    lowest, highest = min(g.lowest for g in groups), max(g.highest for g in groups)
    is_log = lowest > 0 and highest / lowest > _LOG_FROM_RATIO
    y = around(y_title, (lowest, highest), is_log=True) if is_log else from_zero(y_title, highest)
    labels = tuple((float(i), f"{g.label} (n = {g.n})") for i, g in enumerate(groups))
    chart = Chart(title, Scale(result, -0.6, len(groups) - 0.4, labels=labels), y)
    for i, (group, points) in enumerate(zip(groups, values, strict=True)):
        color = _SERIES[i % len(_SERIES)].on_light
        chart.bar((i - 0.3, i + 0.3), (group.lower_quartile, group.upper_quartile), color, 0.15)
        chart.frame((i - 0.3, i + 0.3), (group.lower_quartile, group.upper_quartile), color)
        for end, quartile in ((group.lowest, group.lower_quartile), (group.highest, group.upper_quartile)):
            chart.line([i, i], [quartile, end], color, 2.0)
            chart.line([i - 0.1, i + 0.1], [end, end], color, 2.0)
        chart.line([i - 0.3, i + 0.3], [group.median, group.median], color, 4.0)
        for x, value in zip(i + _aside(points, y), sorted(points), strict=True):
            chart.dots(x, value, color)
        chart.note(f"{group.median:.4g}", i + 0.33, group.median, color)
    return chart.png()


def _aside(points: Sequence[float], y: Scale) -> NDArray[np.float64]:
    """Return how far each of the sorted points steps aside so that close ones do not cover each other."""
    shares = y.share(sorted(points))
    steps = np.zeros(len(shares))
    pattern = (0.0, 0.075, -0.075, 0.15, -0.15, 0.225, -0.225)
    for i in range(len(shares)):
        taken = {steps[j] for j in range(i) if shares[i] - shares[j] < 0.024}
        steps[i] = next((p for p in pattern if p not in taken), 0.0)
    return steps


def months_axis(longest_months: float) -> Scale:
    """Return an axis from 0 marked at quarters, halves or whole years, where survival and numbers at risk are read."""
    step = next(s for s in (1, 3, 6, 12, 24, 60, 120) if longest_months <= 8 * s)
    marks = range(0, step * max(1, math.ceil(longest_months / step)) + 1, step)
    return Scale("Months", 0.0, float(marks[-1]), labels=tuple((float(m), str(m)) for m in marks))


def survival_plot(curves: Sequence[Curve], title: str) -> bytes:
    """Draw Kaplan-Meier curves with their intervals, a tick for each patient cut short, and the numbers at risk."""
    x = months_axis(max(c.steps[-1].point.months for c in curves))
    chart = Chart(title, x, Scale("Without the event (%)", 0.0, 100.0), rows_below=len(curves) + 1)
    left, top, right, bottom = chart.area
    marks = [v for v, _ in x.marks(8)]
    first_row = bottom + 84
    chart.words("At risk", 10, first_row, SOFT)
    for i, (curve, style) in enumerate(zip(curves, _SERIES, strict=False)):
        points = [s.point for s in curve.steps]
        months = np.repeat([0.0, *(p.months for p in points)], 2)[1:]
        fraction = np.repeat([1.0, *(p.surviving_fraction for p in points)], 2)[:-1]
        low = np.repeat([1.0, *(_or(p.low_fraction, p.surviving_fraction) for p in points)], 2)[:-1]
        high = np.repeat([1.0, *(_or(p.high_fraction, p.surviving_fraction) for p in points)], 2)[:-1]
        if len(curves) <= 2:
            chart.band(months.tolist(), (low * 100).tolist(), (high * 100).tolist(), style.on_light)
        chart.line(months, fraction * 100, style.on_light, 3.0, style.dashes_px)
        for step in curve.steps:
            if step.censored_count:
                (column, row) = chart.placed(step.point.months, step.point.surviving_fraction * 100)
                tick = np.array([[column, row - 8], [column, row + 8]])
                chart.canvas.lines([tick], style.on_light, 2.0)
        row_px = first_row + (i + 1) * chart.row_px
        for mark in marks:
            chart.words(
                str(curve.at_risk(mark)), float(chart.placed(mark, 0.0)[0]), row_px, style.on_light, across="center"
            )
        chart.canvas.lines([np.array([[14.0, row_px], [56.0, row_px]])], style.on_light, 3.0, dashes_px=style.dashes_px)
        chart.words(f"{curve.label} (n = {curve.n})", right - 8, top + 12 + i * chart.row_px, style.on_light,
                    across="right")  # fmt: skip
    return chart.png()


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def dose_response_plot(fit: DoseResponse, title: str) -> bytes:
    """Draw the fitted chance of response with its interval, and each tumor or patient at 0 or 100 %."""
    if fit.is_log:
        x = around("Delivered dose (Gy)", fit.doses_gy, is_log=True)
    else:
        x = from_zero("Delivered dose (Gy)", max(fit.doses_gy))
    chart = Chart(title, x, Scale("Chance of response (%)", -8.0, 108.0, labels=_PERCENTS))
    band = fit.band
    chart.band(band.dose_gy, [100 * f for f in band.low_fraction], [100 * f for f in band.high_fraction], BLUE)
    chart.line(band.dose_gy, [100 * f for f in band.response_fraction], BLUE, 3.0)
    for rank, (dose, responded) in enumerate(sorted(zip(fit.doses_gy, fit.responded, strict=True))):
        aside = 1.6 * (rank % 3 - 1)
        chart.dots(dose, (100.0 if responded else 0.0) + aside, GREEN if responded else ORANGE, hollow=not responded)
    words = f"n = {fit.n}, {fit.responded_count} responded, p = {fit.p:.3f}"
    chart.words(words, chart.area[0] + 12, chart.area[1] + 52, SOFT)
    return chart.png()


_PERCENTS = tuple((float(v), str(v)) for v in (0, 20, 40, 60, 80, 100))


def agreement_plot(agreement: Agreement) -> bytes:
    """Draw the differences (or ratios) against the mean, with bias and limits of agreement and their intervals."""
    ratio = agreement.is_ratio
    lines = (agreement.upper_limit, agreement.bias, agreement.lower_limit)
    ends = [v for e in lines for v in (e.low, e.high)] + list(agreement.differences)
    y_title = "Delivered / planned" if ratio else f"Delivered - planned ({agreement.unit})"
    x_title = "Geometric mean of both (Gy)" if ratio else f"Mean of both ({agreement.unit})"
    x = around(x_title, agreement.means, is_log=ratio)
    chart = Chart(
        "Planned against delivered dose, tumors", x, around(y_title, [*ends, 1.0 if ratio else 0.0], is_log=ratio)
    )
    zero = 1.0 if ratio else 0.0
    chart.line([x.low, x.high], [zero, zero], INK, 1.2)
    for estimate, name, color in zip(lines, ("upper limit", "bias", "lower limit"), (ORANGE, BLUE, ORANGE),
                                     strict=True):  # fmt: skip
        chart.bar((x.low, x.high), (estimate.low, estimate.high), color, 0.12)
        chart.line([x.low, x.high], [estimate.value] * 2, color, 2.4, () if name == "bias" else (12.0, 6.0))
        chart.note(f"{name} {estimate.value:.3g}", x.high, estimate.value, color, across="right", down="bottom")
    chart.dots(agreement.means, agreement.differences, INK, 9.0)
    return chart.png()


def waterfall(changes: Sequence[Change]) -> bytes:
    """Draw the best change of each tumor's diameter as a bar, the largest growth first, colored by response."""
    highest = max(0.0, *(c.change_fraction for c in changes))
    y = Scale("Best change of diameter (%)", -105.0, max(25.0, math.ceil(highest * 10 + 0.5) * 10.0))
    chart = Chart("Best change of each tumor", Scale("Tumors", -0.6, len(changes) - 0.4, labels=((-1e-9, ""),)), y)
    for i, change in enumerate(changes):
        color = _RESPONSE_COLORS[change.response]
        end = 100 * change.change_fraction
        chart.bar((i - 0.4, i + 0.4), (0.0, end), color, 0.85)
        if not end:
            chart.line([i - 0.4, i + 0.4], [0.0, 0.0], color, 4.0)
        if len(changes) <= 40:
            chart.note(change.tumor_id, i, min(end, 0.0), color, across="center", down="top")
    level = -100 * PARTIAL_DECREASE_FRACTION
    chart.line([-0.6, len(changes) - 0.4], [level, level], INK, 1.4, (5.0, 4.0))
    chart.line([-0.6, len(changes) - 0.4], [0.0, 0.0], INK, 1.4)
    seen = [r for r in (*Response, None) if r in {c.response for c in changes}]
    for i, response in enumerate(seen):
        words = response.words if response else "response not known"
        place = chart.area[2] - 10, chart.area[1] + 12 + i * chart.row_px
        chart.words(words, *place, _RESPONSE_COLORS[response], across="right")
    return chart.png()
