"""What the tables say of one assessed case: a row a patient, a row a tumor, and the reason of every empty cell.

Nothing here may name a person: tumors are numbered, dates become intervals, and what the team typed as a name does
not appear in a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ..case import Basis, Case
from ..checks import CheckResult, Level, raised
from ..dosimetry.deposits import Model
from ..dosimetry.regions import RegionKind
from ..dosimetry.whole_treatment import dose_of_basis_gy
from ..engine import Assessment
from ..followup.pathology import PatientNecrosis, explant_of
from ..guidelines import Outcome, Severity
from ..measures import Known
from ..missing import Missing, first_missing
from ..structures import Role
from ..version import __version__
from .course import Cell, best_change, course_cells
from .dictionary import (
    COURSE_OF_TUMORS,
    DOSE_MODELS,
    LARGE_MM,
    PATIENTS,
    TUMOR_MEASURES,
    TUMORS,
    column_name,
    dose_column,
    patient_measures,
)

Row = dict[str, Cell]

NO_PATHOLOGY = Missing("no pathology is entered", ("pathology",))

WORD = re.compile(r"[a-z][a-z0-9_.]*")
QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\S*")
NUMBER = re.compile(r"\s*\d*$")
ROLE_NAMES = frozenset(text.lower() for role in Role for text in (role.value, role.display_name))


def rows_of(assessment: Assessment) -> dict[str, Any]:
    """Return the rows of a case as plain JSON values.

    `patient` and each of `tumors` map columns to values (None where missing), `missing` lists item, table, column,
    reason and needs of each empty cell, and `items` are the labels of the tumors, for the key alone.
    """
    case = assessment.case
    known = Known(assessment.measurements)
    tumors = [s.label for s in case.of_role(Role.TUMOR)]
    explant = explant_of(case, assessment.doses)
    patient = _patient(assessment, known, explant)
    rows = [_tumor(assessment, known, label, patient, explant) for label in tumors]
    index = _index_of(rows)
    for number, row in enumerate(rows):
        row["multifocal"] = len(rows) > 1
        row["is_index_row"] = number == index
    names = _names(case)
    gaps = list(_gaps(PATIENTS, "", patient, names))
    for number, row in enumerate(rows, start=1):
        gaps += _gaps(TUMORS, str(number), row, names)
    return {"items": tumors, "patient": _plain(patient), "tumors": [_plain(row) for row in rows], "missing": gaps}


# The patient


def _patient(assessment: Assessment, known: Known, explant: PatientNecrosis | None) -> Row:
    findings, verdict = assessment.findings, assessment.verdict
    row: Row = {"software_version": __version__}
    row |= {column_name(m.id): _measured(known, m.id) for m in patient_measures()}
    row["liver_activity_total_gbq"] = _over_infusions(known, "liver_activity_gbq", sum)
    row["residual_highest_fraction"] = _over_infusions(known, "residual_fraction", max)
    row["lung_shunt_highest_fraction"] = _over_infusions(known, "lung_shunt_fraction", max)
    normal = next((r.indices for r in assessment.regions if r.kind is RegionKind.PERFUSED_NORMAL), ())
    for basis in Basis:
        dose = dose_of_basis_gy(assessment.doses, basis, Model.MULTI, normal)
        row[dose_column(basis.value, Model.MULTI, "normal_liver")] = dose
    broken = [f for f in findings if f.outcome is Outcome.NOT_MET]
    row |= {
        "verdict_worst_severity": verdict.worst.value if verdict.worst else "none",
        "verdict_targets_met_count": verdict.targets_met,
        "verdict_targets_count": verdict.targets_total,
        "verdict_not_evaluable_count": verdict.not_evaluable,
        "verdict_judged_count": verdict.judged_total,
        **{f"{s.value}_count": sum(f.severity is s for f in broken) for s in Severity},
        "rules_not_met": ";".join(sorted({f.rule.id for f in broken})),
    }
    return row | _checked(assessment.checks) | course_cells(assessment) | _worst(explant)


def _checked(checks: Sequence[CheckResult]) -> Row:
    errors, warnings = raised(checks, Level.ERROR), raised(checks, Level.WARNING)
    return {
        "checks_error_count": len(errors),
        "checks_warning_count": len(warnings),
        "checks_raised": ";".join(sorted({r.check.id for r in (*errors, *warnings)})),
    }


def _over_infusions(known: Known, name: str, together: Callable[[list[float]], float]) -> Cell:
    values = [_measured(known, name, about) for about in known.items([name])]
    numbers = [float(v) for v in values if isinstance(v, int | float)]
    if len(numbers) < len(values):
        return first_missing(*(v for v in values if isinstance(v, Missing))) or Missing("not known", (name,))
    return together(numbers) if numbers else Missing("no session is planned", ("sessions",))


# The tumors


def _tumor(assessment: Assessment, known: Known, label: str, patient: Row, explant: PatientNecrosis | None) -> Row:
    size = _measured(known, "tumor_diameter_mm", label)
    row: Row = {
        "pvtt": _measured(known, "pvtt_grade"),
        "hvt": _measured(known, "hepatic_vein_thrombus_grade"),
        "afp_ng_ml": _measured(known, "afp_ng_ml"),
        "index_tumor_size_mm": size,
        "best_mrecist": patient["best_localized_mrecist"],
        "best_change_fraction": best_change(assessment, label),
        **{column: patient[column] for column in COURSE_OF_TUMORS},
        **_pathology(explant, label),
        "tts_months": _measured(known, "to_surgery_months"),
        "ttr_months": patient["ttr_months"],
        "large_gt8cm": size if isinstance(size, Missing) else float(str(size)) > LARGE_MM,
    }
    own = assessment.doses.prepared.compartments.lesion(label)
    for basis in Basis:
        for model in DOSE_MODELS:
            row[dose_column(basis.value, model)] = dose_of_basis_gy(assessment.doses, basis, model, own)
    row["post_dose_gy"] = row[dose_column(Basis.DELIVERED.value, Model.MULTI)]
    return row | {column_name(name): _measured(known, name, label) for name in TUMOR_MEASURES}


def _pathology(explant: PatientNecrosis | None, label: str) -> Row:
    """Return the class of one tumor; emboli are the patient's, as in the published table."""
    own = NO_PATHOLOGY if explant is None else next(t.necrosis for t in explant.tumors if t.tumor == label)
    return {"necrosis": own, "mve": NO_PATHOLOGY if explant is None else explant.microvascular_emboli}


def _worst(explant: PatientNecrosis | None) -> Row:
    return {
        "worst_necrosis": NO_PATHOLOGY if explant is None else explant.necrosis,
        "mve": NO_PATHOLOGY if explant is None else explant.microvascular_emboli,
    }


def _index_of(rows: Sequence[Row]) -> int:
    """Return which tumor is the largest; by volume, then by order, where diameters are equal."""

    def size(number: int) -> tuple[float, float]:
        row = rows[number]
        return _or_zero(row["index_tumor_size_mm"]), _or_zero(row["tumor_volume_ml"])

    return max(range(len(rows)), key=lambda n: (*size(n), -n), default=0)


def _or_zero(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


# Cells


def _measured(known: Known, name: str, about: str = "") -> Cell:
    found = known.get(name, about)
    return Missing(found.missing_because, found.needs) if found.value is None else found.value


def _plain(row: Row) -> dict[str, Any]:
    assert not any(isinstance(v, date) for v in row.values()), "a date is no interval"
    return {column: None if isinstance(v, Missing) else v for column, v in row.items()}


def _gaps(table: str, item: str, row: Row, names: Sequence[str]) -> Iterator[Mapping[str, str]]:
    for column, value in row.items():
        if isinstance(value, Missing):
            yield {
                "item": item,
                "table": table,
                "column": column,
                "reason": without_names(value.because, names),
                "needs": ";".join(n for n in value.needs if WORD.fullmatch(n)),
            }


def _names(case: Case) -> tuple[str, ...]:
    """Return every text of a case that the team chose freely, the longest first; "Tumor 2" tells nothing."""
    found = [case.label, *case.notes, *(s.label for s in case.structures)]
    for session in case.sessions:
        found += [session.label, *(text for i in session.infusions for text in (i.label, i.perfused))]
    for point in case.time_points:
        found += [point.label, *(s.label for s in point.structures)]
        found += [*(r.lesion for r in point.lesions), *(r.thrombus for r in point.thrombi)]
    telling = {name for name in found if NUMBER.sub("", name).lower() not in ROLE_NAMES}
    return tuple(sorted(filter(None, telling), key=lambda name: (-len(name), name)))


def without_names(reason: str, names: Sequence[str]) -> str:
    """Return a reason in which no name (as it was typed), no quotation and no date is left."""
    for name in names:
        reason = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", reason)
    return DAY.sub("[date]", QUOTED.sub("[name]", reason))
