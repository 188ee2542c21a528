"""Courses over the months: the remnant's shares, the lesions' lengths, and how much each lesion changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ..errors import InputError
from ..followup.remnant import RESECTION_RULE, Remnant
from ..followup.response import LesionTrack
from ..followup.timeline import SURGERY_RULE, TimeLine
from ..missing import Missing
from ..response.terms import PARTIAL_DECREASE_FRACTION, PROGRESSION_INCREASE_FRACTION
from ..studies import Studies, Study
from ..timepoints import calendar_months_count
from .chart import SERIES, SIZE_PX, TEXT, Chart, pen_of
from .colors import LineStyle, Rgb
from .scales import Scale, from_zero, round_up
from .svg import LIGHT, Pen, Theme, shortened, text_width_px

_LIMIT = LineStyle((255, 120, 120), (179, 0, 27), (7.0, 4.0), 1.8)
_SFLR = LineStyle((110, 195, 255), (0, 100, 190), (), 2.6)
_MEASURED = LineStyle((255, 176, 80), (190, 85, 0), (9.0, 4.5), 2.0)
_BAND: Rgb = (27, 120, 55)
_LEAST_MONTHS, _LEAST_PERCENT = 6.0, 60.0
"""The axes reach at least this far."""
_MARGIN_MONTHS = 0.5
SFLR, MEASURED = "Standardized (sFLR)", "Of the tumor-free liver"
LESS, SAME, MORE = (0, 100, 190), (150, 150, 150), (190, 85, 0)
"""Colors of a change that is a partial response, neither, or progression."""
_HIGHEST_PERCENT = 150.0
"""A bar ends here, with its number above it; a lesion may grow by more."""
_BAR_RATIO, _WIDEST_BAR_PX, _NARROWEST_NAME_PX = 0.64, 80.0, 26.0


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
    size_px: tuple[float, float] = SIZE_PX,
    theme: Theme = LIGHT,
) -> str:
    """Draw the remnant's shares against the months since the last treatment and return an SVG file.

    Treatments and the day of surgery are vertical lines; *surgery* is the best time for it, drawn as a band. A study
    whose day is not known, whose share is missing, or that is later than surgery has no point.

    Raises
    ------
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
    marked = [(calendar_months_count(zero, day), text) for day, text in marks]
    band = None if surgery is None else tuple(calendar_months_count(zero, day) for day in surgery)
    ends = [*months, *(month for month, _ in marked)]
    x = Scale(
        "Months since the last treatment",
        min(ends) - _MARGIN_MONTHS,
        max([*ends, _LEAST_MONTHS, *(band or ())]) + _MARGIN_MONTHS,
    )
    y = from_zero("Remnant (%)", max([_LEAST_PERCENT, *(p * 1.05 for s in series for p in s.percent)]))
    chart = Chart(x, y, title=title, size_px=size_px, theme=theme, rows_above=2, grid_across=False)
    if band:
        words = "Best time for surgery"
        with chart.drawing.named(words):
            chart.bar((band[0], band[1]), (0.0, y.high), _BAND, 0.18)
        half = text_width_px(words, TEXT) / 2
        middle = float(chart.placed((band[0] + band[1]) / 2, 0.0)[0])
        middle = max(chart.area[0] + half, min(middle, chart.area[2] - half))
        ink = theme.ink if theme.is_dark else _BAND
        chart.drawing.text(words, middle, chart.area[3] - 12, TEXT, ink, across="center", chip=True)
    for month, text in sorted(marked):
        chart.marker(month, text)
    chart.curve(f"{limit:g} % ({RESECTION_RULE})", [x.low, x.high], [limit, limit], pen_of(_LIMIT, theme))
    for index, one in enumerate(series):
        pen = pen_of(one.style, theme)
        chart.curve(one.label, one.months_count, one.percent, pen)
        chart.dots(one.months_count, one.percent, pen.color, hollow=index > 0)
        for month, percent in zip(one.months_count, one.percent, strict=True):
            if index == 0:
                chart.value(f"{percent:.0f} %", month, percent, pen.color)
    return chart.svg()


def best_time(line: TimeLine) -> tuple[date, date] | None:
    """Return from when until when surgery is best; None where no rule says it, or only since when."""
    found = next((w for w in line.windows if SURGERY_RULE in w.rule_ids), None)
    return None if found is None or found.due_to is None else (found.due_from, found.due_to)


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


def lesion_plot(
    tracks: Sequence[LesionTrack],
    treated_on: date,
    *,
    title: str = "",
    size_px: tuple[float, float] = SIZE_PX,
    theme: Theme = LIGHT,
) -> str:
    """Draw the viable length of each lesion against the months since the treatment and return an SVG file.

    A length before the treatment stands left of month 0. Studies on which a lesion was not measured have no point;
    the line joins those on either side, and ends with surgery.

    Raises
    ------
    InputError
        If there is no lesion.
    """
    _require(tracks)
    months = [[calendar_months_count(treated_on, day) for day, _ in t.followed] for t in tracks]
    every = [m for row in months for m in row]
    x = Scale("Months since treatment", min([0.0, *every]), round_up(max([1.0, *every])))
    y = from_zero("Viable length (mm)", max([1.0, *(mm for t in tracks for _, mm in t.followed)]))
    chart = Chart(x, y, title=title, size_px=size_px, theme=theme, rows_above=1, grid_across=False)
    chart.marker(0.0, "Y-90")
    for index, (track, when) in enumerate(zip(tracks, months, strict=True)):
        pen = pen_of(SERIES[index % len(SERIES)], theme, 2.2)
        lengths = [mm for _, mm in track.followed]
        chart.curve(_named(track), when, lengths, pen)
        chart.dots(when, lengths, pen.color, 4.0)
    return chart.svg()


def waterfall_plot(
    tracks: Sequence[LesionTrack],
    *,
    title: str = "",
    size_px: tuple[float, float] = SIZE_PX,
    theme: Theme = LIGHT,
) -> str:
    """Draw how much each lesion changed from before the treatment to its last measurement and return an SVG file.

    The lines are those of a partial response and of progression; they are rules for sums of targets against the
    baseline and the nadir, shown here for orientation. A lesion without a change is named below.

    Raises
    ------
    InputError
        If there is no lesion.
    """
    _require(tracks)
    less, more = -100 * PARTIAL_DECREASE_FRACTION, 100 * PROGRESSION_INCREASE_FRACTION
    bars = []
    for track in tracks:
        if not isinstance(change := track.latest_change_fraction, Missing):
            percent = 100 * change
            color = LESS if percent <= less + 1e-9 else MORE if percent >= more - 1e-9 else SAME
            bars.append((track.lesion, percent, color))
    bars.sort(key=lambda b: (-b[1], b[0]))
    left_out = [t.lesion for t in tracks if isinstance(t.latest_change_fraction, Missing)]
    below = f"No change known: {', '.join(left_out)}" if left_out else "Lesion"
    return waterfall(
        bars, "Change of viable length (%)", below, (less, more), title=title, size_px=size_px, theme=theme
    ).svg()


def waterfall(
    bars: Sequence[tuple[str, float, Rgb]],
    y_title: str,
    x_title: str,
    levels_percent: Sequence[float],
    *,
    title: str = "",
    size_px: tuple[float, float] = SIZE_PX,
    theme: Theme = LIGHT,
) -> Chart:
    """Return a chart of changes in percent as bars in the order given, each with its name (lines) and number.

    Dashed lines show the changes *levels_percent*.
    """
    top = min(_HIGHEST_PERCENT, max([*(2 * level for level in levels_percent), 25.0, *(p * 1.1 for _, p, _ in bars)]))
    count = max(1, len(bars))
    wide = (size_px[0] - 70) / count
    names = tuple(
        (float(i), "\n".join(shortened(part, TEXT, wide - 4) for part in name.split("\n")))
        for i, (name, _, _) in enumerate(bars)
    )
    names = names if wide >= _NARROWEST_NAME_PX and names else ((0.0, ""),)
    chart = Chart(
        Scale(shortened(x_title, TEXT, size_px[0] - 80), -0.5, count - 0.5, labels=names),
        Scale(y_title, -115.0, top * 1.15),
        title=title,
        size_px=size_px,
        theme=theme,
    )
    half = min(_BAR_RATIO, _WIDEST_BAR_PX / wide) / 2
    for level in levels_percent:
        chart.line([-0.5, count - 0.5], [level, level], Pen(theme.soft, 1.2, (4.0, 3.0)))
    for place, (name, percent, color) in enumerate(bars):
        with chart.drawing.named(f"{name.replace(chr(10), ', ')}: {percent:+.0f} %"):
            chart.bar((place - half, place + half), (0.0, min(percent, _HIGHEST_PERCENT) or 0.4), color)
        text = f"{percent:+.0f}" if round(percent) else "0"
        if wide >= text_width_px(text, TEXT):
            at = min(percent, _HIGHEST_PERCENT)
            y = float(chart.placed(place, at)[1]) + (-3 if at >= 0 else 3)
            chart.drawing.text(
                text, float(chart.placed(place, 0)[0]), y, TEXT, across="center", down="bottom" if at >= 0 else "top"
            )
    chart.line([-0.5, count - 0.5], [0.0, 0.0], Pen(theme.ink, 1.6))
    for level in levels_percent:
        chart.value(f"{level:+.0f} %", count - 0.5 if level > 0 else -0.5, level, theme.soft)
    return chart


def _named(track: LesionTrack) -> str:
    if track.is_target:
        return track.lesion
    return f"{track.lesion} (new)" if track.is_new else f"{track.lesion} (no target)"


def _require(tracks: Sequence[LesionTrack]) -> None:
    if not tracks:
        raise InputError("there is no lesion to draw", where="plot", remedy="Read at least one")
