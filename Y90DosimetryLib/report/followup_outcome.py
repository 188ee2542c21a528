"""The outcome in the follow-up section and in the JSON: pathology with the dose of each tumor, and the course."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from html import escape
from typing import Any

from ..case import Case, first_treatment
from ..dosimetry.deposits import Model
from ..followup.pathology import EXTENSIVE_FROM_FRACTION, Necrosis, PatientNecrosis, TumorNecrosis
from ..guidelines import load_references
from ..missing import Missing
from ..timepoints import calendar_months_count
from .follow_up_json import value_or_reason
from .html_parts import gap, number, table

SOURCE, PLACE = "meerun2022", "Methods, pathology analysis"
COURSE = {"recurred_on": "Recurrence", "died_on": "Death", "last_seen_on": "Last seen"}
SURGERY = "surgery_date"


def outcome_html(case: Case, explant: PatientNecrosis | None) -> str:
    """Return what became of the patient; empty where nothing is known."""
    pathology = "" if explant is None else "<h3>Pathology</h3>" + "".join(_pathology(explant))
    course = "".join(_course(case))
    return pathology + (f"<h3>Course</h3>{course}" if course else "")


def outcome_json(case: Case, explant: PatientNecrosis | None) -> dict[str, Any] | None:
    """Return the same as plain JSON values; None where nothing is known."""
    outcome = case.outcome
    if not outcome.is_known:
        return None
    return {
        "pathology": None if explant is None else _pathology_json(explant),
        "recurred": outcome.recurred,
        "died": outcome.died,
        "days": [
            {"what": name, "on": on.isoformat(), **value_or_reason("since_first_treatment_months", _months(case, on))}
            for name, on in _days(case)
        ],
    }


def _pathology(explant: PatientNecrosis) -> Iterator[str]:
    head = ["Tumor", "Necrosis", "Microvascular emboli", "necrotic, %", "planned, Gy", "delivered, Gy"]
    yield table(head, map(_tumor, explant.tumors), 3)
    worst = explant.necrosis
    if isinstance(worst, Missing):
        yield gap(f"Worst of the patient: {worst.because}")
    else:
        decide = ", ".join(t.tumor for t in explant.poorest)
        dose = explant.lowest_dose_gy
        lowest = "" if isinstance(dose, Missing) else f" Lowest delivered dose of a tumor: {dose:.0f} Gy."
        yield f"<p>Worst of the patient: <b>{escape(worst.words)}</b> ({escape(decide)}).{lowest}</p>"
    limit = f"{EXTENSIVE_FROM_FRACTION * 100:.0f} %"
    classes = f"Complete: all is necrotic; extensive: {limit} and more; partial: less. The poorest tumor counts for"
    source = f"the patient ({load_references()[SOURCE].short}: {PLACE})."
    doses = f"Doses are means of the whole treatment, {Model.MULTI.display_name}."
    yield f'<p class="soft small">{escape(f"{classes} {source} {doses}")}</p>'


def _tumor(tumor: TumorNecrosis) -> str:
    found = tumor.necrosis
    necrosis = f'<td class="missing">{escape("not reported")}</td>'
    if isinstance(found, Necrosis):
        necrosis = f"<td><b>{escape(found.words)}</b></td>"
    share = "<td></td>" if tumor.necrosis_fraction is None else number(tumor.necrosis_fraction, 0, 100)
    return (
        f"<tr><td>{escape(tumor.tumor)}</td>{necrosis}<td>{_yes_no(tumor.microvascular_emboli)}</td>{share}"
        f"{number(tumor.planned_dose_gy, 0)}{number(tumor.dose_gy, 0)}</tr>"
    )


def _yes_no(value: bool | None) -> str:
    return "not reported" if value is None else "yes" if value else "no"


def _course(case: Case) -> Iterator[str]:
    outcome = case.outcome
    answers = (("Recurrence", outcome.recurred), ("Death", outcome.died))
    said = [f"{what}: {_yes_no(answer)}." for what, answer in answers if answer is not None]
    days = [(name, on) for name, on in _days(case) if name in COURSE]
    if said:
        yield f"<p>{escape(' '.join(said))}</p>"
    if days:
        rows = (
            f"<tr><td>{COURSE.get(name, 'Surgery')}</td><td>{on.isoformat()}</td>{number(_months(case, on))}</tr>"
            for name, on in _days(case)
        )
        yield table(["", "Day", "months since the first treatment"], rows, 2)


def _days(case: Case) -> Iterator[tuple[str, date]]:
    """Yield surgery, where its day is stated, and the days of the outcome."""
    surgery = case.disease.facts.get(SURGERY)
    if isinstance(surgery, date):
        yield SURGERY, surgery
    yield from case.outcome.days


def _months(case: Case, on: date) -> float | Missing:
    treated_on = first_treatment(case)
    return treated_on if isinstance(treated_on, Missing) else calendar_months_count(treated_on, on)


def _pathology_json(explant: PatientNecrosis) -> dict[str, Any]:
    return {
        "tumors": [
            {
                "label": t.tumor,
                "necrosis_fraction": t.necrosis_fraction,
                **value_or_reason("necrosis", t.necrosis),
                "microvascular_emboli": t.microvascular_emboli,
                **value_or_reason("planned_dose_gy", t.planned_dose_gy),
                **value_or_reason("delivered_dose_gy", t.dose_gy),
            }
            for t in explant.tumors
        ],
        "dose_model": Model.MULTI.value,
        **value_or_reason("worst_necrosis", explant.necrosis),
        "poorest": [t.tumor for t in explant.poorest],
        **value_or_reason("lowest_delivered_dose_gy", explant.lowest_dose_gy),
        **value_or_reason("microvascular_emboli", explant.microvascular_emboli),
        "source": {"reference": SOURCE, "place": PLACE},
    }
