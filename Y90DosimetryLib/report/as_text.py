"""The answer of an assessment on a terminal of 80 columns: verdict, doses beside what is asked of them, checks."""

from __future__ import annotations

import textwrap

from ..checks import Level
from ..dosimetry.deposits import Model
from ..missing import Missing
from ..planning.text import folded
from .content import Content
from .first_page import LUNGS, judged_doses, together

WIDTH_COLUMNS = 80


def as_text(content: Content) -> str:
    """Return the verdict, a line a volume with its judged dose and limit, and what checks found with the remedy."""
    lines = [*(told.text for told in content.verdict.told), *(f"  {d.message}" for d in content.differences or ()), ""]
    judged = judged_doses(content)
    rows = []
    for row in content.dose_rows:
        dose = row.mean_gy[Model.MULTI]
        known = [(one.value, "; ".join(one.limits), one.word) for one in judged.pop(row.label, ())]
        rows += [(row.label, f"{row.volume_ml:.1f} mL", *one) for one in known or [(_text(dose), "", "not judged")]]
    for label in sorted(judged, key=lambda name: name != LUNGS):
        rows += [(label, "", one.value, "; ".join(one.limits), one.word) for one in together(judged[label])]
    rows = list(dict.fromkeys(rows))
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(5)]
    widths[3] = min(widths[3], max(10, WIDTH_COLUMNS - sum(widths) + widths[3] - 8))
    for label, volume, value, asked, mark in rows:
        first, *more = textwrap.wrap(asked, widths[3]) or [""]
        head = f"{label:<{widths[0]}}  {volume:>{widths[1]}}  {value:>{widths[2]}}"
        lines.append(f"{head}  {first:<{widths[3]}}  {mark}".rstrip())
        lines += [f"{'':<{len(head)}}  {part}" for part in more]
    for check in content.raised:
        if check.check.level is not Level.NOTE:
            lines += ["", f"{check.check.level.capitalize()}: {check.message.rstrip('.')}. {check.check.remedy}"]
    return "\n".join(folded(line, WIDTH_COLUMNS).rstrip("\n") if len(line) > WIDTH_COLUMNS else line for line in lines)


def _text(dose: float | Missing) -> str:
    return "missing" if isinstance(dose, Missing) else f"{dose:.1f} Gy"
