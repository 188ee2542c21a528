"""All statistics of one table of tumors, each with its unit of analysis: the tumor or the patient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..followup.pathology import Necrosis
from ..missing import Missing
from ..response.terms import Response
from .agreement import Agreement, bland_altman
from .dose_response import DoseResponse, dose_response
from .endpoints import Survival, follow_up, survivals
from .statistics import CrossTable, Pair, RankTest, Summary, cross_table, kruskal_wallis, pairwise, summary_of
from .survival import Curve
from .table import PatientRows, TumorTable


class By(StrEnum):
    """What is counted once, and which dose a patient with several tumors has."""

    TUMOR = "tumor"
    LOWEST = "patient, lowest dose of the tumors"
    """With the worst necrosis; the rule of Meerun et al. 2022, Methods, pretreatment and pathology."""
    INDEX = "patient, dose of the index tumor"
    """With the worst necrosis of any tumor."""

    @property
    def is_tumor(self) -> bool:
        """Whether tumors are counted."""
        return self is By.TUMOR


@dataclass(frozen=True)
class Described:
    """One quantity in few words: of `by`, tumors or patients."""

    title: str
    by: str
    result: Summary | Missing


@dataclass(frozen=True)
class DoseByNecrosis:
    """Delivered dose in the groups of necrosis; `pairs` are an extra that the test does not need."""

    by: By
    left_out_count: int
    groups: tuple[Summary | Missing, ...]
    values_gy: tuple[tuple[float, ...], ...]
    """Of each group that has any."""
    test: RankTest | Missing
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Fitted:
    """A dose-response of tumors or patients."""

    by: By
    outcome: str
    left_out_count: int
    result: DoseResponse | Missing


@dataclass(frozen=True)
class Change:
    """The best change of one tumor's diameter, and the response of its patient."""

    tumor_id: str
    change_fraction: float
    response: Response | None


@dataclass(frozen=True)
class CohortStatistics:
    """Everything that is computed from one table."""

    name: str
    notes: tuple[str, ...]
    tumor_count: int
    patient_count: int
    described: tuple[Described, ...]
    necrosis_counts: tuple[CrossTable, ...]
    """Necrosis by tumor, then worst necrosis by patient."""
    response_by_necrosis: CrossTable
    """Worst necrosis of each patient, and the best response."""
    dose_by_necrosis: tuple[DoseByNecrosis, ...]
    dose_responses: tuple[Fitted, ...]
    agreement: Agreement | Missing
    """Delivered less planned."""
    agreement_ratio: Agreement | Missing
    """Delivered divided by planned."""
    changes: tuple[Change, ...] | Missing
    follow_up: Curve | Missing
    survivals: tuple[Survival, ...]
    disagreements: tuple[str, ...]
    """Where tumors and patients lead to different conclusions."""


OUTCOMES: tuple[tuple[str, frozenset[Necrosis]], ...] = (
    ("complete necrosis", frozenset({Necrosis.COMPLETE})),
    ("complete or extensive necrosis", frozenset({Necrosis.COMPLETE, Necrosis.EXTENSIVE})),
)


def cohort_statistics(table: TumorTable, *, log_dose: bool = True) -> CohortStatistics:
    """Compute all statistics of a table; `log_dose` fits the dose-response to the logarithm of the dose."""
    by_necrosis = tuple(_dose_by_necrosis(table, by) for by in By)
    fits = tuple(_fit(table, by, outcome, good, log_dose) for outcome, good in OUTCOMES for by in (By.TUMOR, By.LOWEST))
    necrosis, responses = [n.value for n in Necrosis], [r.value for r in Response]
    both = [(t.planned_dose_gy, t.post_dose_gy) for t in table.tumors]
    pairs = [(p, d) for p, d in both if p is not None and d is not None]
    planned, delivered = [p for p, _ in pairs], [d for _, d in pairs]
    no_pairs = Missing("no tumor has a planned and a delivered dose", ("planned_dose_gy", "post_dose_gy"))
    return CohortStatistics(
        table.name,
        table.notes,
        len(table.tumors),
        len(table.patients),
        tuple(_described(table)),
        (
            cross_table(((t.necrosis or "", "tumors") for t in table.tumors), necrosis, ("tumors",)),
            cross_table(((p.worst_necrosis or "", "patients") for p in table.patients), necrosis, ("patients",)),
        ),
        cross_table(
            ((p.worst_necrosis or "", p.of("best_mrecist") or "") for p in table.patients), necrosis, responses
        ),
        by_necrosis,
        fits,
        bland_altman(planned, delivered, "Gy") if pairs else no_pairs,
        bland_altman(planned, delivered, "Gy", ratio=True) if pairs else no_pairs,
        _changes(table),
        follow_up(table),
        survivals(table),
        tuple(_disagreements(by_necrosis, fits)),
    )


def doses_of(table: TumorTable, by: By) -> list[tuple[float, Necrosis]]:
    """Return dose in Gy and necrosis of each tumor or patient of whom both are known."""
    if by.is_tumor:
        found = [(t.post_dose_gy, t.necrosis) for t in table.tumors]
    else:
        found = [(_patient_dose(p, by), p.worst_necrosis) for p in table.patients]
    return [(dose, necrosis) for dose, necrosis in found if dose is not None and necrosis is not None]


def _patient_dose(patient: PatientRows, by: By) -> float | None:
    if by is By.LOWEST:
        return patient.lowest_dose_gy
    return patient.index.post_dose_gy if patient.index else None


def _all(table: TumorTable, by: By) -> int:
    return len(table.tumors) if by.is_tumor else len(table.patients)


def _dose_by_necrosis(table: TumorTable, by: By) -> DoseByNecrosis:
    known = doses_of(table, by)
    groups = {n.value: [dose for dose, necrosis in known if necrosis is n] for n in Necrosis}
    return DoseByNecrosis(
        by,
        _all(table, by) - len(known),
        tuple(summary_of(values, label, "Gy") for label, values in groups.items()),
        tuple(tuple(values) for values in groups.values() if values),
        kruskal_wallis(groups, "Gy"),
        pairwise(groups),
    )


def _fit(table: TumorTable, by: By, outcome: str, good: frozenset[Necrosis], log_dose: bool) -> Fitted:
    known = doses_of(table, by)
    zero = log_dose and any(dose == 0 for dose, _ in known)
    result = (
        Missing("a dose is 0 Gy and has no logarithm: fit the dose itself")
        if zero
        else dose_response([d for d, _ in known], [n in good for _, n in known], outcome, log_dose=log_dose)
    )
    return Fitted(by, outcome, _all(table, by) - len(known), result)


def _described(table: TumorTable) -> Iterable[Described]:
    def one(title: str, unit: str, by: str, values: Iterable[float | None]) -> Described:
        return Described(title, by, summary_of((v for v in values if v is not None), title, unit))

    def of(column: str) -> list[float | None]:
        return [p.of(column) for p in table.patients]

    yield one("Delivered dose", "Gy", "tumors", (t.post_dose_gy for t in table.tumors))
    yield one("Planned dose", "Gy", "tumors", (t.planned_dose_gy for t in table.tumors))
    yield one("Lowest delivered dose", "Gy", "patients", (p.lowest_dose_gy for p in table.patients))
    yield one("Longest diameter", "mm", "tumors", (t.index_tumor_size_mm for t in table.tumors))
    yield one("Longest diameter of the largest tumor", "mm", "patients", (p.largest_mm for p in table.patients))
    yield one("Alpha-fetoprotein", "ng/mL", "patients", of("afp_ng_ml"))
    yield one("Time to surgery", "months", "patients", of("tts_months"))
    yield one("Time to recurrence, of those who had one", "months", "patients", of("ttr_months"))


def _changes(table: TumorTable) -> tuple[Change, ...] | Missing:
    found = [
        Change(t.tumor_id, t.best_change_fraction, t.best_mrecist)
        for t in table.tumors
        if t.best_change_fraction is not None
    ]
    if not found:
        return Missing("the table has no change of diameter", ("best_change_fraction",))
    return tuple(sorted(found, key=lambda c: -c.change_fraction))


def _disagreements(by_necrosis: Sequence[DoseByNecrosis], fits: Sequence[Fitted]) -> Iterable[str]:
    tests = [(d.by, d.test) for d in by_necrosis]
    yield from _differing(
        "Dose by necrosis", tests, lambda t: t.is_significant if isinstance(t, RankTest) else None, _p_of
    )
    for outcome in dict.fromkeys(f.outcome for f in fits):
        results = [(f.by, f.result) for f in fits if f.outcome == outcome]
        yield from _differing(
            f"Dose-response, {outcome}",
            results,
            lambda r: not isinstance(r.d50, Missing) if isinstance(r, DoseResponse) else None,
            _p_of,
        )


def _p_of(result: RankTest | DoseResponse | Missing) -> str:
    return "not judged" if isinstance(result, Missing) else f"p = {result.p:.3f}"


def _differing(
    title: str,
    results: Sequence[tuple[By, RankTest | DoseResponse | Missing]],
    verdict: Callable[[RankTest | DoseResponse | Missing], bool | None],
    words: Callable[[RankTest | DoseResponse | Missing], str],
) -> Iterable[str]:
    """Yield one sentence where a conclusion by tumor is not that by patient, or can't be drawn by patient at all.

    What is not judged by itself contradicts nothing: a dose of the index tumor that the table does not name, say.
    """
    by_tumor, *others = (verdict(result) for _, result in results)
    by_patient = {v for v in others if v is not None}
    if by_tumor is not None and by_patient != {by_tumor} and (by_patient or by_tumor):
        yield f"{title}: " + "; ".join(f"{words(result)} by {by.value}" for by, result in results)
