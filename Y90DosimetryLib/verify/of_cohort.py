"""Recomputed: the statistics of a cohort, on the published table and on data whose answers are printed elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..cohort.agreement import Agreement, bland_altman
from ..cohort.analysis import cohort_statistics
from ..cohort.dose_response import DoseResponse, dose_response
from ..cohort.statistics import Summary, holm, kruskal_wallis, summary_of
from ..cohort.survival import LogRank, Times, kaplan_meier, log_rank, median_follow_up
from ..cohort.table import example_table
from ..outcome import Necrosis


def _number(value: object) -> Any:
    """Return a number of a result, the value of an estimate, or why it is missing."""
    return getattr(value, "value", getattr(value, "because", value))


def _times(months: Sequence[float], censored: Sequence[int] = ()) -> Times:
    """Return times; *censored* are the places, from 0, of those who were only seen so long."""
    return Times("all", tuple(months), tuple(i not in set(censored) for i in range(len(months))))


def _dose_summary(point: str, necrosis: str = "") -> Any:
    doses = [t.post_dose_gy for t in example_table().tumors if not necrosis or t.necrosis == Necrosis(necrosis)]
    found = summary_of([d for d in doses if d is not None], necrosis, "Gy")
    return getattr(found, point) if isinstance(found, Summary) else found.because


def _median_of(column: str) -> Any:
    known = [v for p in example_table().patients if isinstance(v := p.of(column), int | float)]
    found = summary_of(known, column, "")
    return found.median if isinstance(found, Summary) else found.because


def _by_necrosis(what: str) -> Any:
    test = cohort_statistics(example_table()).dose_by_necrosis[0].test
    return _number(getattr(test, what, test))


def _table_4(necrosis: str, response: str) -> int:
    cross = cohort_statistics(example_table()).response_by_necrosis
    return cross.counts[cross.rows.index(necrosis)][cross.columns.index(response)]


def _patients(column: str, value: Any = None) -> int:
    found = [p.of(column) for p in example_table().patients]
    return sum(v is not None if value is None else str(getattr(v, "value", v)) == str(value) for v in found)


def _kruskal(what: str, groups: Mapping[str, list[float]]) -> Any:
    test = kruskal_wallis(groups, "")
    return _number(getattr(test, what, test))


def _survival(at_months: float, what: str, months: list[float], censored: Sequence[int] = ()) -> Any:
    point = kaplan_meier(_times(months, censored)).at(at_months)
    return _number(getattr(point, what, point))


def _median_survival(months: list[float], censored: Sequence[int] = ()) -> Any:
    return _number(kaplan_meier(_times(months, censored)).median_months)


def _median_follow_up(months: list[float], censored: Sequence[int] = ()) -> Any:
    return _number(median_follow_up(_times(months, censored)).median_months)


def _log_rank(first: list[float], second: list[float], first_censored: Sequence[int] = ()) -> float | str:
    found = log_rank([_times(first, first_censored), _times(second)])
    return found.chi2_statistic if isinstance(found, LogRank) else found.because


def _agreement(what: str, first: list[float], second: list[float], ratio: bool = False) -> Any:
    found = bland_altman(first, second, "Gy", ratio=ratio)
    return _number(getattr(found, what)) if isinstance(found, Agreement) else found.because


def _dose_response(what: str, doses_gy: list[float], responded: list[bool], log_dose: bool = False) -> Any:
    found = dose_response(doses_gy, responded, "response", log_dose=log_dose)
    return _number(getattr(found, what)) if isinstance(found, DoseResponse) else found.because


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "cohort.table": {"table5.dose_gy": _dose_summary, "table5.patients": _patients, "table5.median": _median_of},
    "cohort.analysis": {"table5.dose_by_necrosis": _by_necrosis, "table4": _table_4},
    "cohort.statistics": {
        "kruskal_wallis": _kruskal,
        "holm": lambda p_values, index: holm(p_values)[index],
    },
    "cohort.survival": {
        "survival": _survival,
        "survival.median_months": _median_survival,
        "follow_up.median_months": _median_follow_up,
        "log_rank": _log_rank,
    },
    "cohort.agreement": {"bland_altman": _agreement},
    "cohort.dose_response": {"dose_response": _dose_response},
}
