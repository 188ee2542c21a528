"""The remnant over the months: standardized and measured share at every study, and the line that resection asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from ..errors import InputError
from ..followup.remnant import RESECTION_RULE, Remnant
from ..missing import Missing
from ..studies import Studies, Study
from ..timepoints import calendar_months_count
from .colors import LineStyle, Rgb
from .legend import GAP, SWATCH, TEXT, Entry, draw_entries
from .rendering import Box, Canvas, text_width_px
from .scales import round_up, ticks

_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (25, 25, 25)
_GRID: Rgb = (222, 222, 222)
_MARK: Rgb = (90, 90, 90)
_BAND: Rgb = (214, 238, 220)
_LIMIT = LineStyle((255, 120, 120), (179, 0, 27), (9.0, 5.0), 2.0)
_SFLR = LineStyle((110, 195, 255), (0, 100, 190), (), 3.0)
_MEASURED = LineStyle((255, 176, 80), (200, 95, 0), (12.0, 6.0), 2.0)
_NUMBER, _NAME, _TITLE, _MARKER = 17.0, 19.0, 22.0, 15.0
_POINT = 5.0
_LEAST_MONTHS, _LEAST_PERCENT = 6.0, 60.0
"""The axes reach at least this far."""
_MARGIN_MONTHS = 0.5
SFLR, MEASURED = "Standardized (sFLR)", "Of the tumor-free liver"


@dataclass(frozen=True)
class Series:
    """One share over the months since the last treatment, in percent; studies without it are left out."""

    label: str
    months_count: tuple[float, ...]
    percent: tuple[float, ...]
    style: LineStyle


def remnant_plot(
    remnant: Remnant,
    studies: Studies,
    surgery: tuple[date, date] | None = None,
    *,
    title: str = "",
    size_px: tuple[int, int] = (1100, 560),
) -> bytes:
    """Draw the remnant's shares against the months since the last treatment and return a PNG file.

    Treatments and the day of surgery are vertical lines; *surgery* is the best time for it, drawn as a band. A study
    whose day is not known, whose share is missing, or that is later than surgery has no point.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    InputError
        If no study has a share and a day, or the day of the treatment is not known.
    """
    if isinstance(studies.treated_on, Missing) or not studies.treated_on:
        raise InputError("the day of the treatment is not known", where="plot", remedy="Enter the time of infusion")
    zero = studies.treated_on[-1]
    series = tuple(series_of(remnant, zero, studies.surgery_on))
    if not series:
        raise InputError("no study has a remnant and a day", where="plot", remedy="Outline it, or type its volume")
    limit = remnant.sflr_for_resection_fraction * 100
    months = [m for s in series for m in s.months_count]
    marks = [(day, f"Y-90, {day}") for day in studies.treated_on]
    if studies.surgery_on:
        marks.append((studies.surgery_on, f"Surgery, {studies.surgery_on}"))
    marked = [calendar_months_count(zero, day) for day, _ in marks]
    band = None if surgery is None else tuple(calendar_months_count(zero, day) for day in surgery)
    x_ends = (
        min([*months, *marked]) - _MARGIN_MONTHS,
        max([*months, *marked, _LEAST_MONTHS, *(band or ())]) + _MARGIN_MONTHS,
    )
    y_ends = 0.0, round_up(max([_LEAST_PERCENT, *(p * 1.05 for s in series for p in s.percent)]))
    canvas = Canvas(size_px, _PAPER)
    entries = [Entry(s.label, s.style.on_light, s.style.dashes_px, s.style.width_px) for s in series]
    entries.append(Entry(f"{limit:g} % ({RESECTION_RULE})", _LIMIT.on_light, _LIMIT.dashes_px, _LIMIT.width_px))
    if band:
        entries.append(Entry("Best time for surgery", _BAND, (), 14.0))
    area = _area(canvas, [e.label for e in entries], bool(title))
    column, row = _along(area[0], area[2], x_ends), _along(area[3], area[1], y_ends)
    if band:
        canvas.fill((round(column(band[0])), area[1], round(column(band[1])), area[3]), _BAND)
    _axes(canvas, area, (x_ends, column), (y_ends, row))
    _marks(canvas, area, [(column(m), text) for m, (_, text) in zip(marked, marks, strict=True)])
    level = row(limit)
    across = np.array([[area[0], level], [area[2], level]], dtype=np.float64)
    canvas.lines([across], _LIMIT.on_light, _LIMIT.width_px, dashes_px=_LIMIT.dashes_px)
    for one in reversed(series):
        places = np.array([[column(m), row(p)] for m, p in zip(one.months_count, one.percent, strict=True)])
        canvas.lines([places], one.style.on_light, one.style.width_px, dashes_px=one.style.dashes_px)
        point = canvas.px(_POINT)
        for x, y in places:
            canvas.fill((round(x) - point, round(y) - point, round(x) + point, round(y) + point), one.style.on_light)
    _values(canvas, series, column, row)
    if title:
        canvas.text(title, area[0], canvas.px(8), canvas.font_px(_TITLE), _INK, down="top", bold=True)
    draw_entries(canvas, (area[2] + canvas.px(22), area[1], size_px[0] - canvas.px(6), area[3]), entries, _INK)
    return canvas.png()


def series_of(remnant: Remnant, zero: date, until: date | None = None) -> Iterator[Series]:
    """Yield the standardized and the measured share up to a day; one without any point is left out."""
    shares: tuple[tuple[str, Callable[[Study], float | Missing], LineStyle], ...] = (
        (SFLR, lambda study: study.sflr_ratio, _SFLR),
        (MEASURED, lambda study: study.measured_ratio, _MEASURED),
    )
    for label, read, style in shares:
        points = [
            (calendar_months_count(zero, at.study.on), share * 100)
            for at in remnant.at
            for share in (read(at.study),)
            if not isinstance(share, Missing) and not isinstance(at.study.on, Missing)
            if until is None or at.study.on <= until
        ]
        if points:
            months, percent = zip(*points, strict=True)
            yield Series(label, months, percent, style)


def _area(canvas: Canvas, labels: Sequence[str], has_title: bool) -> Box:
    _, _, width, height = canvas.box
    name, number = canvas.font_px(_NAME), canvas.font_px(_NUMBER)
    legend = max(text_width_px(label, canvas.font_px(TEXT)) for label in labels) + canvas.px(SWATCH + GAP + 36)
    top = canvas.px(20) + (canvas.font_px(_TITLE) + canvas.px(12)) * has_title + 2 * (number + 2)
    return name + canvas.px(22) + 3 * number, top, width - legend, height - name - number - canvas.px(38)


def _along(first_px: float, last_px: float, ends: tuple[float, float]) -> Callable[[float], float]:
    """Return the function from a value to its place between two pixels."""
    return lambda value: first_px + (value - ends[0]) / (ends[1] - ends[0]) * (last_px - first_px)


def _axes(
    canvas: Canvas,
    area: Box,
    across: tuple[tuple[float, float], Callable[[float], float]],
    up: tuple[tuple[float, float], Callable[[float], float]],
) -> None:
    left, top, right, bottom = area
    font, name = canvas.font_px(_NUMBER), canvas.font_px(_NAME)
    for mark in ticks(*up[0], max(2, (bottom - top) // (3 * font))):
        y = round(up[1](mark))
        canvas.fill((left, y, right, y + 1), _GRID)
        canvas.text(f"{mark:g}", left - canvas.px(9), y, font, _INK, across="right")
    for mark in ticks(*across[0], max(2, (right - left) // (4 * font))):
        x = round(across[1](mark))
        canvas.fill((x, bottom, x + 1, bottom + canvas.px(6)), _INK)
        canvas.text(f"{mark:g}", x, bottom + canvas.px(8), font, _INK, across="center", down="top")
    canvas.fill((left - 1, top, left + 1, bottom + 1), _INK)
    canvas.fill((left - 1, bottom - 1, right, bottom + 1), _INK)
    canvas.text("Remnant (%)", canvas.px(8), (top + bottom) / 2, name, _INK, bold=True, upward=True)
    lowest, middle = canvas.box[3] - canvas.px(10), (left + right) / 2
    words = "Months since the last treatment"
    canvas.text(words, middle, lowest, name, _INK, across="center", down="bottom", bold=True)


def _marks(canvas: Canvas, area: Box, places: Sequence[tuple[float, str]]) -> None:
    font = canvas.font_px(_MARKER)
    free_from = [-np.inf, -np.inf]
    for x, text in places:
        line = np.array([[x, area[1]], [x, area[3]]], dtype=np.float64)
        canvas.lines([line], _MARK, 1.6, dashes_px=(5.0, 4.0))
        half = text_width_px(text, font) / 2
        x = max(x, area[0] + half)
        step = 0 if x - half >= free_from[0] else 1
        free_from[step] = x + half + canvas.px(8)
        canvas.text(text, x, area[1] - 2 - step * (font + 2), font, _MARK, across="center", down="bottom")


def _values(
    canvas: Canvas, series: Sequence[Series], column: Callable[[float], float], row: Callable[[float], float]
) -> None:
    """Write the values of the first series, below its points where another one's lie above them."""
    first, *others = series
    font, away = canvas.font_px(_NUMBER), canvas.px(_POINT + 4)
    taken = {
        month: percent for other in others for month, percent in zip(other.months_count, other.percent, strict=True)
    }
    for month, percent in zip(first.months_count, first.percent, strict=True):
        below = taken.get(month, percent) > percent
        y = row(percent) + away if below else row(percent) - away
        canvas.text(
            f"{percent:.0f} %",
            column(month),
            y,
            font,
            first.style.on_light,
            across="center",
            down="top" if below else "bottom",
            bold=True,
            halo=_PAPER,
        )
