"""The figures of a cohort as SVG files: every tumor a point, nobody's censoring hidden, no bar where points will do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..draw.chart import LINE_PX, SERIES, TEXT, Chart
from ..draw.colors import Rgb
from ..draw.courses import waterfall
from ..draw.scales import Scale, around, from_zero
from ..draw.svg import LIGHT, Pen, text_width_px
from ..response.terms import PARTIAL_DECREASE_FRACTION, Response
from .agreement import Agreement
from .analysis import Change, CohortStatistics
from .dose_response import DoseResponse
from .statistics import RankTest, Summary
from .survival import Curve

INK, SOFT = LIGHT.ink, LIGHT.soft
BLUE, ORANGE, GREEN, VIOLET = (style.on_light for style in SERIES[:4])
_DASHED = SERIES[1].dashes_px
_RESPONSE_COLORS: dict[Response | None, Rgb] = {
    Response.CR: BLUE,
    Response.PR: GREEN,
    Response.SD: ORANGE,
    Response.PD: (179, 0, 27),
    None: SOFT,
}
_LOG_FROM_RATIO = 10.0
"""Doses that differ by more are drawn on a logarithmic axis."""


def figures_of(stats: CohortStatistics) -> dict[str, str]:
    """Return every figure that the numbers allow, by caption."""
    found: dict[str, str] = {}
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
        found["Best change of diameter, tumors"] = change_plot(stats.changes)
    for survival in stats.survivals:
        if isinstance(survival.curves, tuple):
            title = f"{survival.title}, {survival.curves[0].label.lower()}"
            title = title if len(survival.curves) == 1 else survival.title
            found[title] = survival_plot(survival.curves, title)
    return found


def box_plot(
    groups: Sequence[Summary], values: Sequence[Sequence[float]], y_title: str, title: str, result: str = ""
) -> str:
    """Draw a box (quartiles, median, whiskers to the extremes) and every value of each group.

    The axis is logarithmic where the values are above 0 and differ by more than a factor of 10.
    """
    lowest, highest = min(g.lowest for g in groups), max(g.highest for g in groups)
    is_log = lowest > 0 and highest / lowest > _LOG_FROM_RATIO
    y = around(y_title, (lowest, highest), is_log=True) if is_log else from_zero(y_title, highest)
    labels = tuple((float(i), f"{g.label} (n = {g.n})") for i, g in enumerate(groups))
    chart = Chart(Scale(result, -0.6, len(groups) - 0.4, labels=labels), y, title=title)
    for i, (group, points) in enumerate(zip(groups, values, strict=True)):
        color = SERIES[i % len(SERIES)].on_light
        pen = Pen(color, 1.6)
        with chart.drawing.named(group.label):
            chart.bar((i - 0.3, i + 0.3), (group.lower_quartile, group.upper_quartile), color, 0.15, pen)
            for end, quartile in ((group.lowest, group.lower_quartile), (group.highest, group.upper_quartile)):
                chart.line([i, i], [quartile, end], pen)
                chart.line([i - 0.1, i + 0.1], [end, end], pen)
            chart.line([i - 0.3, i + 0.3], [group.median, group.median], Pen(color, 3.2))
            for x, value in zip(i + _aside(points, y), sorted(points), strict=True):
                chart.dots(x, value, color)
        chart.note(f"{group.median:.4g}", i + 0.33, group.median, color)
    return chart.svg()


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


def survival_plot(curves: Sequence[Curve], title: str) -> str:
    """Draw Kaplan-Meier curves with their intervals, a tick for each patient cut short, and the numbers at risk."""
    x = months_axis(max(c.steps[-1].point.months for c in curves))
    rows = len(curves) + 1
    chart = Chart(
        x,
        Scale("Without the event (%)", 0.0, 100.0),
        title=title,
        size_px=(640.0, 410.0 + LINE_PX * rows),
        rows_below=rows,
    )
    bottom = chart.area[3]
    first_row = bottom + 2 * LINE_PX + 20
    chart.words("At risk", 4, first_row, SOFT)
    for i, (curve, style) in enumerate(zip(curves, SERIES, strict=False)):
        pen = Pen(style.on_light, 2.4, style.dashes_px)
        points = [s.point for s in curve.steps]
        months = np.repeat([0.0, *(p.months for p in points)], 2)[1:]
        fraction = np.repeat([1.0, *(p.surviving_fraction for p in points)], 2)[:-1]
        low = np.repeat([1.0, *(_or(p.low_fraction, p.surviving_fraction) for p in points)], 2)[:-1]
        high = np.repeat([1.0, *(_or(p.high_fraction, p.surviving_fraction) for p in points)], 2)[:-1]
        if len(curves) <= 2:
            chart.band(months, low * 100, high * 100, pen.color)
        chart.curve(f"{curve.label} (n = {curve.n})", months, fraction * 100, pen)
        for step in curve.steps:
            if step.censored_count:
                column, row = chart.placed(step.point.months, step.point.surviving_fraction * 100)
                chart.drawing.lines([[(column, row - 6), (column, row + 6)]], Pen(pen.color, 1.6))
        row_px = first_row + (i + 1) * LINE_PX
        for mark, _ in x.marks(8):
            count = str(curve.at_risk(mark))
            chart.words(count, float(chart.placed(mark, 0.0)[0]), row_px, pen.color, across="center")
        chart.drawing.lines([[(4.0, row_px), (27.0, row_px)]], pen)
    return chart.svg()


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def dose_response_plot(fit: DoseResponse, title: str) -> str:
    """Draw the fitted chance of response with its interval, and each tumor or patient at 0 or 100 %."""
    if fit.is_log:
        x = around("Delivered dose (Gy)", fit.doses_gy, is_log=True)
    else:
        x = from_zero("Delivered dose (Gy)", max(fit.doses_gy))
    chart = Chart(x, Scale("Chance of response (%)", -8.0, 108.0, labels=_PERCENTS), title=title)
    band = fit.band
    chart.band(band.dose_gy, [100 * f for f in band.low_fraction], [100 * f for f in band.high_fraction], BLUE)
    with chart.drawing.named("Chance of response"):
        chart.line(band.dose_gy, [100 * f for f in band.response_fraction], Pen(BLUE, 2.6))
    for rank, (dose, responded) in enumerate(sorted(zip(fit.doses_gy, fit.responded, strict=True))):
        aside = 1.6 * (rank % 3 - 1)
        chart.dots(dose, (100.0 if responded else 0.0) + aside, GREEN if responded else ORANGE, hollow=not responded)
    words = f"n = {fit.n}, {fit.responded_count} responded, p = {fit.p:.3f}"
    chart.words(words, chart.area[2], chart.area[1] - 16, SOFT, across="right")
    return chart.svg()


_PERCENTS = tuple((float(v), str(v)) for v in (0, 20, 40, 60, 80, 100))


def agreement_plot(agreement: Agreement) -> str:
    """Draw the differences (or ratios) against the mean, with bias and limits of agreement and their intervals."""
    ratio = agreement.is_ratio
    lines = (agreement.upper_limit, agreement.bias, agreement.lower_limit)
    ends = [v for e in lines for v in (e.low, e.high)] + list(agreement.differences)
    y_title = "Delivered / planned" if ratio else f"Delivered - planned ({agreement.unit})"
    x_title = "Geometric mean of both (Gy)" if ratio else f"Mean of both ({agreement.unit})"
    x = around(x_title, agreement.means, is_log=ratio)
    zero = 1.0 if ratio else 0.0
    y = around(y_title, [*ends, zero], is_log=ratio)
    chart = Chart(x, y, title="Planned against delivered dose, tumors")
    chart.line([x.low, x.high], [zero, zero], Pen(INK, 1.2))
    chart.dots(agreement.means, agreement.differences, INK, 4.0)
    for estimate, name, color in zip(
        lines, ("upper limit", "bias", "lower limit"), (ORANGE, BLUE, ORANGE), strict=True
    ):
        chart.bar((x.low, x.high), (estimate.low, estimate.high), color, 0.12)
        pen = Pen(color, 2.0, () if name == "bias" else _DASHED)
        chart.curve(f"{name} {estimate.value:.3g}", [x.low, x.high], [estimate.value] * 2, pen)
    return chart.svg()


def change_plot(changes: Sequence[Change]) -> str:
    """Draw the best change of each tumor's diameter as a bar, the largest growth first, colored by response."""
    bars = [
        (
            f"{c.tumor_id}\n{c.response.name if c.response else '?'}",
            100 * c.change_fraction,
            _RESPONSE_COLORS[c.response],
        )
        for c in changes
    ]
    less = -100 * PARTIAL_DECREASE_FRACTION
    chart = waterfall(bars, "Best change of diameter (%)", "Tumors", (less,), title="Best change of each tumor")
    seen = [r for r in (*Response, None) if r in {c.response for c in changes}]
    x, y = chart.area[2], chart.area[1] - 16
    for response in reversed(seen):
        words = response.words if response else "response not known"
        chart.words(words, x, y, _RESPONSE_COLORS[response], across="right", bold=True)
        x -= text_width_px(words, TEXT, bold=True) + 14
    return chart.svg()
