"""Models side by side in the plan's section: one table, and under it the arithmetic of every number."""

from __future__ import annotations

from html import escape

from ..missing import Missing
from ..planning import ModelDose, ModelRow, ModelTable
from .html_parts import bullets, number, table


def models_html(found: ModelTable) -> str:
    """Return the table of models with why they differ and how each number is computed."""
    columns = found.columns
    rows = []
    for one in found.rows:
        doses = (one.doses[c] for c in columns)
        cells = "".join(number(d if isinstance(d, Missing) else d.dose_gy) for d in doses)
        rows.append(f"<tr><td>{escape(one.region.label)}</td>{number(one.volume_ml)}{cells}</tr>")
    head = ["Volume", "mL", *(f"{escape(c.display_name)}, Gy" for c in columns)]
    empiric = [
        f"{e.title}, {e.infusion}: {e.activity_gbq.because if isinstance(e.activity_gbq, Missing) else e.line}"
        for e in found.empiric
    ]
    cautions = dict.fromkeys(e.caution for e in found.empiric)
    return (
        f'<p class="soft">Session {escape(found.session)} alone.</p>'
        + f'<div class="models">{table(head, rows, 1)}</div>'
        + bullets([*found.activity_lines, *found.reasons], "small")
        + (f"<p>Empiric activities</p>{bullets([*empiric, *cautions], 'small')}" if empiric else "")
        + "<details><summary>Why they differ for each volume, and the arithmetic of every number</summary>"
        + "".join(_arithmetic(one, found) for one in found.rows)
        + "</details>"
    )


def _arithmetic(one: ModelRow, found: ModelTable) -> str:
    lines = []
    for column in found.columns:
        dose = one.doses[column]
        if isinstance(dose, ModelDose):
            lines.append(
                f"<tr><td>{escape(column.display_name)}</td><td class='small'><code>{escape(dose.line)}</code></td>"
                f"<td class='small'>{escape(dose.share_words)}</td></tr>"
            )
    head = ["Model", "Dose", "Share"]
    return f"<p><b>{escape(one.region.label)}</b></p>{bullets(one.reasons, 'small')}{table(head, lines)}"
