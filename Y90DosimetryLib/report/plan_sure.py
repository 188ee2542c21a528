"""How sure the plan is, in its section: intervals, the ends of the window, how safely each rule is kept."""

from __future__ import annotations

from html import escape

from ..missing import Missing
from ..planning import Plan
from ..planning.stated import StatedInputs
from ..planning.text import dose_title, probability_words
from ..planning.uncertainty import COVERAGE_FACTOR_RATIO
from .html_parts import bullets, gap, table


def sure_html(plan: Plan) -> str:
    """Return intervals and safety, or why there are none and what to state."""
    found = plan.intervals
    if isinstance(found, Missing):
        names = ", ".join(StatedInputs.names())
        return gap(
            f"No interval: {found.because}. With [uncertainty] in the case file, or `y90 plan CASE.toml --uncertain"
            f" NAME=SD`, every dose and both ends of the window get one; inputs: {names}."
        )
    when = "with what was delivered, before a second session" if plan.is_second_session else "at the entered activities"
    ends = bullets(end.text for end in plan.ends)
    rows = (
        f"<tr><td>{escape(dose_title(i.measure_id, i.about))}</td><td class='number'>{i.dose_gy:.1f}</td>"
        f"<td class='number'>{i.low_gy:.1f} to {i.high_gy:.1f}</td>"
        f"<td class='small'>{escape(', '.join(c.factor for c in i.contributions[:2]))}</td></tr>"
        for i in found
    )
    safe = (
        f"<tr><td>{escape(s.constraint.name)}</td>"
        f"<td class='number'>{escape(probability_words(s.probability_share))}</td>"
        f"<td class='small'>{escape(', '.join(s.flipped_by) or 'none alone')}</td></tr>"
        for s in plan.safety
    )
    return (
        f'<p class="soft small">Doses with {COVERAGE_FACTOR_RATIO:g} standard deviations of the stated inputs.</p>'
        + (f"<p>Ends of the window:</p>{ends}" if ends else "")
        + (f"<p><b>{escape(plan.nowhere_safe)}</b></p>" if plan.nowhere_safe else "")
        + table(["Asked", f"Probability that it is kept, {when}", "Inputs that alone could turn it"], safe, 1, 2)
        + "<details><summary>Every dose with its interval</summary>"
        + table(["Dose", "Gy", "interval, Gy", "mostly from"], rows, 1, 3)
        + "</details>"
    )
