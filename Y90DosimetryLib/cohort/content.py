"""What the page and the command line say of a cohort's statistics, in sections of sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from ..missing import Missing
from .agreement import Agreement, Estimate
from .analysis import CohortStatistics, DoseByNecrosis, Fitted
from .dose_response import DoseResponse
from .endpoints import WARNING_GROUPED, Survival
from .statistics import Summary, p_text
from .survival import Curve

DEPENDENT = (
    "Tumors of one patient are not independent; tests and intervals by tumor take them as if they were, and are too "
    "sure of themselves. Tests by patient are free of this."
)
SAME = "Each patient has one tumor: what is said by tumor holds by patient."
CAUTION = "No p value is corrected for the number of tests on this page, and none of them proves a cause."
_T = TypeVar("_T", DoseByNecrosis, Fitted)

BEYOND_RATIO = 10.0
"""An end of a dose interval so many times above the highest dose seen is not written as a number."""
MONTHS_SHOWN = (12.0, 24.0, 36.0, 60.0)


@dataclass(frozen=True)
class Grid:
    """A table of text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading, sentences, tables, and the beginnings of the captions of its figures."""

    title: str
    sentences: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    figures: tuple[str, ...] = ()


def sections_of(stats: CohortStatistics) -> tuple[Section, ...]:
    """Return the sections in their order."""
    return (
        _overview(stats),
        _by_necrosis(stats),
        _dose_responses(stats),
        _agreement(stats),
        _change(stats),
        _survival(stats),
    )


def as_text(stats: CohortStatistics) -> str:
    """Return the sections as plain text, tables aligned."""
    lines: list[str] = []
    for section in sections_of(stats):
        lines += ["", section.title, "-" * len(section.title), *section.sentences]
        for grid in section.grids:
            lines += ["", *_aligned(grid)]
    return "\n".join(lines[1:]) + "\n"


def as_json(stats: CohortStatistics) -> dict[str, Any]:
    """Return every number as plain JSON values; what is missing is an object with `missing_because` and `needs`."""
    return {
        "schema": "y90-cohort-statistics/1",
        "caution": f"{SAME if _one_each(stats) else DEPENDENT} {CAUTION}",
        **_plain(stats),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Missing):
        return {"missing_because": value.because, "needs": list(value.needs)}
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _aligned(grid: Grid) -> Iterator[str]:
    widths = [max(len(row[i]) for row in (grid.head, *grid.rows)) for i in range(len(grid.head))]
    for row in (grid.head, *grid.rows):
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Grid:
    return Grid(tuple(head), tuple(tuple(row) for row in rows))


def _one_each(stats: CohortStatistics) -> bool:
    return stats.tumor_count == stats.patient_count


def _shown(stats: CohortStatistics, units: Sequence[_T]) -> list[_T]:
    """Return the analyses by tumor and by patient, or by tumor alone where both are one."""
    return [u for u in units if u.by.is_tumor or not _one_each(stats)]


def _overview(stats: CohortStatistics) -> Section:
    rows = [
        (d.title, d.by, "0", "missing", "no value in the table")
        if isinstance(d.result, Missing)
        else (d.title, d.by, str(d.result.n), f"{d.result.text} {d.result.unit}",
              f"{d.result.lower_quartile:.6g} to {d.result.upper_quartile:.6g}")
        for d in stats.described
    ]  # fmt: skip
    sentences = [
        f"{stats.tumor_count} tumors of {stats.patient_count} patients.",
        SAME if _one_each(stats) else DEPENDENT,
        CAUTION,
    ]
    if stats.disagreements:
        sentences.append("Tumors and patients lead to different conclusions:")
        sentences += [f"▲ {_capital(d)}." for d in stats.disagreements]
    sentences += [f"While reading: {note}." for note in stats.notes]
    grid = _grid(("Quantity", "Of", "n", "Median [range]", "Quartiles"), rows)
    return Section("The cohort", tuple(sentences), (grid,))


def _by_necrosis(stats: CohortStatistics) -> Section:
    rows, tests = [], []
    for one in _shown(stats, stats.dose_by_necrosis):
        for group in one.groups:
            cells = ("0", "missing", group.because) if isinstance(group, Missing) else _group_cells(group)
            rows.append((_capital(one.by.value), group.label if isinstance(group, Summary) else "", *cells))
        tests.append((_capital(one.by.value), *_test_cells(one)))
    pairs = [
        (_capital(one.by.value), f"{p.first} and {p.second}", f"{p.u_statistic:g}", p_text(p.p), p_text(p.holm_p))
        for one in _shown(stats, stats.dose_by_necrosis)
        for p in one.pairs
    ]
    counts = stats.response_by_necrosis
    crossed = [(row, *map(str, cells)) for row, cells in zip(counts.rows, counts.counts, strict=True)]
    sentences = (
        "Kruskal-Wallis test, corrected for ties, p from the chi-square distribution.",
        "A patient has the worst necrosis of any tumor.",
        "Last tables: pairs by Mann-Whitney, an extra to the test above; patients by worst necrosis and best mRECIST.",
    )
    grids = (
        _grid(("By", "Necrosis", "n", "Dose, Gy: median [range]", "Quartiles"), rows),
        _grid(("By", "Kruskal-Wallis", "Notes"), tests),
        *((_grid(("Extra, by", "Pair", "U", "p", "p after Holm"), pairs),) if pairs else ()),
        _grid(("Patients, worst necrosis", *counts.columns), crossed),
    )
    return Section("Dose by necrosis", sentences, grids, ("Delivered dose by necrosis",))


def _group_cells(group: Summary) -> tuple[str, str, str]:
    return str(group.n), group.text, f"{group.lower_quartile:.6g} to {group.upper_quartile:.6g}"


def _test_cells(one: DoseByNecrosis) -> tuple[str, str]:
    left_out = [f"{one.left_out_count} left out: dose or necrosis not known"] if one.left_out_count else []
    if isinstance(one.test, Missing):
        return f"not judged: {one.test.because}", "; ".join(left_out)
    return one.test.text, "; ".join([*one.test.notes, *left_out])


def _dose_responses(stats: CohortStatistics) -> Section:
    fitted = [f.result for f in stats.dose_responses if isinstance(f.result, DoseResponse)]
    axis = "the logarithm of the dose" if any(f.is_log for f in fitted) else "the dose"
    sentences = (
        f"Logistic regression on {axis} by maximum likelihood; p by likelihood ratio, intervals by profile "
        "likelihood, the band by the standard error of the logit. D50 and D90 are the doses at which the fitted "
        "chance is 50 and 90 %.",
    )
    rows = [(f.outcome, _capital(f.by.value), *_fit_cells(f)) for f in _shown(stats, stats.dose_responses)]
    head = ("Outcome", "By", "n", "Odds ratio", "p", "D50, Gy", "D90, Gy", "Notes")
    captions = tuple(dict.fromkeys(_capital(f.outcome) for f in stats.dose_responses))
    return Section("Dose-response", sentences, (_grid(head, rows),), captions)


def _fit_cells(fit: Fitted) -> tuple[str, ...]:
    left_out = [f"{fit.left_out_count} left out"] if fit.left_out_count else []
    if isinstance(fit.result, Missing):
        return ("", "", "", "", "", "; ".join([fit.result.because, *left_out]))
    r = fit.result
    highest_gy = max(r.doses_gy)
    return (
        f"{r.responded_count} of {r.n}",
        f"{r.odds_ratio.text}, {r.odds_step}",
        p_text(r.p),
        dose_text(r.d50, highest_gy),
        dose_text(r.d90, highest_gy),
        "; ".join([*r.notes, *left_out]),
    )


def dose_text(dose: Estimate | Missing, highest_gy: float) -> str:
    """Return a dose and its interval; an end below 0 Gy or far above the highest dose seen is said in words."""
    if isinstance(dose, Missing):
        return f"not judged: {dose.because}"

    def written(value_gy: float) -> str:
        if value_gy < 0:
            return "below 0"
        return f"{value_gy:.0f}" if value_gy <= BEYOND_RATIO * highest_gy else f"above {BEYOND_RATIO * highest_gy:.0f}"

    return f"{written(dose.value)} (95 % CI {written(dose.low)} to {written(dose.high)})"


def _agreement(stats: CohortStatistics) -> Section:
    title = "Planned against delivered"
    both = (stats.agreement, stats.agreement_ratio)
    found = [a for a in both if isinstance(a, Agreement)]
    if not found:
        return Section(title, tuple(f"Not judged: {a.because}." for a in both[:1] if isinstance(a, Missing)))
    grow = found[0].differences_grow and not found[0].is_ratio
    sentences = [
        "By tumor. Delivered less planned, and delivered / planned; limits of agreement hold 95 % of the differences "
        "if these are normal.",
        *(("The differences grow with the dose: read the ratios.",) if grow else ()),
        *(f"{_capital(note)}." for note in found[0].notes),
        *(f"Not judged: {a.because}." for a in both if isinstance(a, Missing)),
    ]
    rows = [
        (f"Delivered / planned, n = {a.n}" if a.is_ratio else f"Delivered - planned, {a.unit}, n = {a.n}",
         a.bias.text, a.lower_limit.text, a.upper_limit.text)
        for a in found
    ]  # fmt: skip
    grid = _grid(("Difference", "Bias", "Lower limit", "Upper limit"), rows)
    return Section(title, tuple(sentences), (grid,), ("Delivered less planned", "Delivered / planned"))


def _change(stats: CohortStatistics) -> Section:
    title = "Best change of diameter"
    if isinstance(stats.changes, Missing):
        return Section(title, (f"Not drawn: {stats.changes.because}.",))
    return Section(title, (f"By tumor, {len(stats.changes)} tumors.",), figures=(title,))


def _survival(stats: CohortStatistics) -> Section:
    sentences = [
        "By patient. Kaplan-Meier, intervals on the log(-log) scale; a patient lost in the month of an event counts "
        "as at risk for it.",
        f"Median follow-up by the reverse method: {_median(stats.follow_up)}.",
    ]
    rows: list[tuple[str, ...]] = []
    captions = []
    for survival in stats.survivals:
        if isinstance(survival.curves, Missing):
            sentences.append(f"{survival.title}: not judged, because {survival.curves.because}.")
            continue
        captions.append(survival.title)
        rows += _curve_rows(survival, survival.curves)
        sentences += [f"{survival.title}: {note}" for note in survival.notes]
        sentences += [f"{survival.title}, {c.label.lower()}: {note}." for c in survival.curves for note in c.notes]
    if any(isinstance(s.curves, tuple) and s.test is not None for s in stats.survivals):
        sentences.append(WARNING_GROUPED)
    head = ("Endpoint", "Group", "Events / n", "Median, months", *(f"{m:g} months" for m in MONTHS_SHOWN), "Log-rank")
    return Section("Survival", tuple(sentences), (_grid(head, rows),) if rows else (), tuple(captions))


def _median(curve: Curve | Missing) -> str:
    return f"not judged, because {curve.because}" if isinstance(curve, Missing) else f"{curve.median_text} months"


def _curve_rows(survival: Survival, curves: Sequence[Curve]) -> Iterator[tuple[str, ...]]:
    test = survival.test
    words = "" if test is None else test.because if isinstance(test, Missing) else test.text
    for number, curve in enumerate(curves):
        points = [curve.at(months) for months in MONTHS_SHOWN]
        shown = [p.because if isinstance(p, Missing) else p.text for p in points]
        events = f"{curve.event_count} / {curve.n}"
        yield (survival.title, curve.label, events, curve.median_text, *shown, words if number == 0 else "")
