"""The table of models as text for a terminal, and as JSON in full precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..missing import Missing
from .empiric import Empiric
from .models import Column, ModelDose, ModelRow, ModelTable


def model_lines(table: ModelTable) -> Iterator[str]:
    """Yield the table line by line: doses, how each is computed, and why they differ."""
    yield f"Models side by side, session '{table.session}' alone (mean dose in Gy)"
    columns = table.columns
    head = ["", *(c.value.replace("_", " ") for c in columns)]
    rows = [head, *([r.region.label, *(_cell(r.doses[c]) for c in columns)] for r in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join([row[0].ljust(widths[0]), *cells])
    yield from (f"  {line}" for line in table.activity_lines)
    for one in table.rows:
        yield f"  {one.region.label} ({one.volume_ml:.1f} mL)"
        for column in columns:
            dose = one.doses[column]
            if isinstance(dose, ModelDose):
                yield f"    {column.display_name}: {dose.line}; share: {dose.share_words}"
        yield from (f"    {reason}" for reason in one.reasons)
    for column in Column:
        gap = table.rows[0].doses[column] if table.rows else None
        if column not in columns and isinstance(gap, Missing):
            yield f"  No {column.display_name}: {gap.because}"
    yield from (f"  {reason}" for reason in table.reasons)
    for e in table.empiric:
        yield f"  {e.title}, {e.infusion}: {e.activity_gbq.because if isinstance(e.activity_gbq, Missing) else e.line}"
    yield from dict.fromkeys(f"  {e.caution}" for e in table.empiric)


def models_json(table: ModelTable) -> dict[str, Any]:
    """Return the table as plain JSON values; a number that is missing is null with its reason."""
    return {
        "session": table.session,
        "activity_lines": list(table.activity_lines),
        "activity_outside_perfused_fraction": table.outside_fraction,
        "energy_outside_liver_fraction": table.energy_outside_liver_fraction,
        "structures": [_row(row) for row in table.rows],
        "reasons": list(table.reasons),
        "empiric": [_empiric(e) for e in table.empiric],
    }


def _cell(dose: ModelDose | Missing) -> str:
    return "missing" if isinstance(dose, Missing) else f"{dose.dose_gy:.1f}"


def _row(row: ModelRow) -> dict[str, Any]:
    why = row.why
    return {
        "label": row.region.label,
        "kind": row.region.kind.value,
        "volume_ml": row.volume_ml,
        "models": {column.value: _dose(dose) for column, dose in row.doses.items()},
        "why": {
            "not_perfused_ml": why.not_perfused_ml,
            "activity_fraction": why.activity_fraction,
            "volume_fraction": why.volume_fraction,
            "not_imaged_ml": why.not_imaged_ml,
            "kernel_out_fraction": why.kernel_out_fraction,
            "kernel_in_fraction": why.kernel_in_fraction,
            "text": list(row.reasons),
        },
    }


def _dose(dose: ModelDose | Missing) -> dict[str, Any]:
    if isinstance(dose, Missing):
        return {"dose_gy": None, "missing_because": dose.because, "needs": list(dose.needs)}
    return {
        "dose_gy": dose.dose_gy,
        "joule_per_gbq": dose.joule_per_gbq,
        "terms": [
            {"infusion": t.infusion, "liver_gbq": t.liver_gbq, "share_fraction": t.share_fraction} for t in dose.terms
        ],
        "mass_kg": dose.mass_kg,
        "line": dose.line,
        "share": dose.share_words,
    }


def _empiric(e: Empiric) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for name, value in (("activity_gbq", e.activity_gbq), ("dose_gy", e.dose_gy)):
        numbers[name] = None if isinstance(value, Missing) else value
        if isinstance(value, Missing):
            numbers |= {"missing_because": value.because, "needs": list(value.needs)}
    return {"title": e.title, "infusion": e.infusion, **numbers, "line": e.line, "caution": e.caution}
