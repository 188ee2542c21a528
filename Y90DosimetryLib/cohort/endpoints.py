"""From the rows of a table to survival: progression-free and overall, whole and by response, and follow-up.

Progression-free survival ends with the first of recurrence and death, overall survival with death of any cause; both
start at the treatment (Meerun et al. 2022, Methods, statistical analysis).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..followup.pathology import Necrosis
from ..missing import Missing
from ..response.terms import Response
from .survival import Curve, LogRank, Times, compared, kaplan_meier, median_follow_up
from .table import PatientRows, TumorTable

PFS, OS = "Progression-free survival", "Overall survival"
WARNING_GROUPED = (
    "The groups are known only after the treatment: whoever is in the better one stayed long enough to get there, "
    "which favors it (Anderson, Cain and Gelber, J Clin Oncol 1983;1:710)."
)


@dataclass(frozen=True)
class Survival:
    """One endpoint: curves (one, or one a group), and their comparison; the unit of analysis is the patient."""

    title: str
    curves: tuple[Curve, ...] | Missing
    test: LogRank | Missing | None = None
    notes: tuple[str, ...] = ()


Outcome = tuple[float, bool]
"""Months observed, and whether the event ended them."""


def survivals(table: TumorTable) -> tuple[Survival, ...]:
    """Return both endpoints, each for all patients, by complete response and by complete necrosis."""
    found = []
    for title, outcome in ((PFS, _progression_free), (OS, _overall)):
        outcomes = _outcomes(table, outcome)
        if isinstance(outcomes, Missing):
            found.append(Survival(title, outcomes))
            continue
        known = list(zip(table.patients, outcomes, strict=True))
        found.append(Survival(title, (kaplan_meier(_times("All patients", [o for _, o in known])),)))
        found += [_grouped(f"{title} {by}", known, group) for by, group in GROUPS]
    return tuple(found)


def follow_up(table: TumorTable) -> Curve | Missing:
    """Return the curve of follow-up by the reverse Kaplan-Meier method."""
    outcomes = _outcomes(table, _overall)
    return outcomes if isinstance(outcomes, Missing) else median_follow_up(_times("All patients", outcomes))


def _by_response(patient: PatientRows) -> str:
    response = patient.of("best_mrecist")
    return "" if response is None else "Complete response" if response is Response.CR else "Other response"


def _by_necrosis(patient: PatientRows) -> str:
    necrosis = patient.worst_necrosis
    return "" if necrosis is None else "Complete necrosis" if necrosis is Necrosis.COMPLETE else "Other necrosis"


GROUPS: tuple[tuple[str, Callable[[PatientRows], str]], ...] = (
    ("by best response", _by_response),
    ("by worst necrosis", _by_necrosis),
)


def _grouped(title: str, known: Sequence[tuple[PatientRows, Outcome]], group: Callable[[PatientRows], str]) -> Survival:
    groups: dict[str, list[Outcome]] = {}
    for patient, outcome in known:
        groups.setdefault(group(patient), []).append(outcome)
    left_out = len(groups.pop("", []))
    notes = (f"{left_out} patients are in no group.",) if left_out else ()
    times = [_times(label, groups[label]) for label in sorted(groups)]
    if len(times) < 2:
        return Survival(title, Missing("there is one group: nothing to compare"))
    return Survival(title, tuple(map(kaplan_meier, times)), compared(times), notes)


def _times(label: str, outcomes: Sequence[Outcome]) -> Times:
    return Times(label, tuple(m for m, _ in outcomes), tuple(h for _, h in outcomes))


def _outcomes(
    table: TumorTable, outcome: Callable[[PatientRows, TumorTable], Outcome | Missing]
) -> list[Outcome] | Missing:
    """Return the outcome of every patient; missing where one is: leaving patients out would bend the curve."""
    found = [outcome(p, table) for p in table.patients]
    gaps = [f for f in found if isinstance(f, Missing)]
    if gaps:
        because = "; ".join(dict.fromkeys(g.because for g in gaps))
        needs = tuple(dict.fromkeys(n for g in gaps for n in g.needs))
        return Missing(f"{because} ({len(gaps)} of {len(found)} patients)", needs)
    return [f for f in found if not isinstance(f, Missing)]


def _last_seen(patient: PatientRows, *columns: str) -> float | Missing:
    seen = [m for c in columns if (m := patient.of(c)) is not None]
    if not seen:
        return Missing("the table does not say how long they were followed", ("follow_up_months",))
    return float(max(seen))


def _progression_free(patient: PatientRows, table: TumorTable) -> Outcome | Missing:
    died, progressed = patient.of("died"), patient.of("progressed")
    if progressed is None:
        recurred = patient.of("ttr_months") is not None
        if recurred or ("ttr_months" in table.columns and "progressed" not in table.columns):
            progressed = recurred  # without a column that says it, an empty time is "did not recur", as in Table 5
    if progressed is None:
        return Missing("the table does not say who progressed", ("progressed", "progression_months"))
    if progressed:
        months = patient.of("progression_months")
        return float(patient.of("ttr_months") if months is None else months), True
    if died is None:
        if not isinstance(_last_seen(patient, "follow_up_months", "progression_months"), Missing):
            return Missing("the table does not say who died", ("died", "survival_months"))
        return Missing("the table does not say how long they were followed, or who died", ("follow_up_months", "died"))
    if died:
        return float(patient.of("survival_months")), True
    last = patient.of("progression_months")
    last_seen = _last_seen(patient, "follow_up_months", "survival_months") if last is None else float(last)
    return last_seen if isinstance(last_seen, Missing) else (last_seen, False)


def _overall(patient: PatientRows, table: TumorTable) -> Outcome | Missing:
    died = patient.of("died")
    if died is None:
        return Missing("the table does not say who died", ("died", "survival_months"))
    if died:
        return float(patient.of("survival_months")), True
    last_seen = _last_seen(patient, "survival_months", "follow_up_months")
    return last_seen if isinstance(last_seen, Missing) else (last_seen, False)
