"""Response, notes on the remnant and readiness for surgery as rich text, every finding with its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from slicer.i18n import tr as _

from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.followup.readiness import Answer, Readiness
from Y90DosimetryLib.followup.remnant import DOSE_RULE, GROWTH_RULE
from Y90DosimetryLib.followup.response import ResponseOverTime, Seen
from Y90DosimetryLib.guidelines import Finding, Outcome
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.response import Scope

from .tables import findingRows

LINE = "\n"
CELL = 'style="padding:1px 6px 1px 0;"'


def remnantText(followUp: FollowUp, findings: Sequence[Finding], badge) -> str:
    """Return the dose beside the growth, the note on retreatment, and what a reader should know of the volumes."""
    remnant, lines = followUp.remnant, []
    doseGy, growth = remnant.perfused_normal_gy, 100 * remnant.least_growth_fraction
    if isinstance(doseGy, Missing):
        lines.append(_("Dose of the perfused normal liver: {why}").format(why=doseGy.because))
    elif remnant.growth_is_expected:
        text = _("Perfused normal liver {dose:.0f} Gy: above the {limit:g} Gy that predict growth of {growth:.0f} %")
        lines.append(text.format(dose=doseGy, limit=remnant.dose_for_growth_gy, growth=growth) + f" ({DOSE_RULE}).")
    else:
        text = _("Perfused normal liver {dose:.0f} Gy: not above {limit:g} Gy, growth of {growth:.0f} % is not assured")
        lines.append(text.format(dose=doseGy, limit=remnant.dose_for_growth_gy, growth=growth) + f" ({DOSE_RULE}).")
    lines = [escape(line) for line in lines]
    for finding in findings:
        if finding.rule.id == GROWTH_RULE and finding.outcome is Outcome.NOT_MET:
            lines.append(f"{badge('information')} {escape(finding.message)} ({GROWTH_RULE})")
    lines += [escape(note) for note in remnant.notes]
    return _paragraphs(lines)


def responseText(response: ResponseOverTime | Missing | None) -> str:
    """Return localized and overall response on each study, the best, progression, and classes of invasion."""
    if response is None:
        return escape(_("No lesion was read. Read them on the study before the treatment and after it."))
    if isinstance(response, Missing):
        return escape(_("No response: {why}.").format(why=response.because))
    return "".join(_response(response))


def _response(response: ResponseOverTime) -> Iterator[str]:
    titles = {Scope.LOCALIZED: _("Treated zone"), Scope.OVERALL: _("Overall")}
    seen = {(scope, s.on): s for scope in Scope for s in response.seen(scope)}
    days = sorted({on for _scope, on in seen})
    if days:
        head = "".join(f"<th align='left' {CELL}>{escape(t)}</th>" for t in (_("Study"), *titles.values()))
        rows = []
        for on in days:
            months = next(s.months_count for (_s, day), s in seen.items() if day == on)
            first = f"{on.isoformat()}<br>{escape(_('{months:.1f} months').format(months=months))}"
            if response.surgery_on is not None and on > response.surgery_on:
                first += f"<br><small>{escape(_('after surgery'))}</small>"
            cells = "".join(f"<td {CELL}>{_seen(seen.get((scope, on)))}</td>" for scope in titles)
            rows.append(f"<tr><td {CELL}>{first}</td>{cells}</tr>")
        yield f"<table>{'<tr>' + head + '</tr>'}{''.join(rows)}</table>"
    lines = []
    for scope, title in titles.items():
        course, best = response.course(scope), response.best(scope)
        if isinstance(course, Missing):
            lines.append(f"{title}: {course.because}")
        elif isinstance(best, Missing):
            lines.append(_("{title}: no best response, {why}").format(title=title, why=best.because))
        else:
            text = _("{title}: best {response}, first seen after {months:.1f} months")
            lines.append(text.format(title=title, response=best.response, months=best.months_count))
        progression = response.progression(scope)
        if progression is not None:
            text = _("{title}: progression after {months:.1f} months")
            lines.append(text.format(title=title, months=progression.months_count))
    lines += _invasion(response)
    yield _paragraphs([escape(line) for line in lines])


def _invasion(response: ResponseOverTime) -> list[str]:
    """Return the classes of invasion, studies of the same class in one line."""
    runs: list[tuple[str, list[str]]] = []
    for one in response.invasion:
        classes = [c.name for c in (one.portal, one.hepatic) if not isinstance(c, Missing) and c.value]
        reasons = [c.because for c in (one.portal, one.hepatic) if isinstance(c, Missing)]
        said = ", ".join([*classes, *dict.fromkeys(reasons)]) or _("no thrombus")
        if not runs or runs[-1][0] != said:
            runs.append((said, []))
        runs[-1][1].append(one.on.isoformat())
    return [
        _("{days}: {classes}").format(days=_(" to ").join(dict.fromkeys((days[0], days[-1]))), classes=said)
        for said, days in runs
    ]


def _seen(seen: Seen | None) -> str:
    if seen is None:
        return ""
    if isinstance(seen.response, Missing):
        return f"<i>{escape(seen.response.because)}</i>"
    notes = "".join(f"<br><small>{escape(note)}</small>" for note in seen.notes)
    return f"<b>{escape(str(seen.response))}</b>{notes}"


def readinessText(readiness: Sequence[Readiness], badge) -> str:
    """Return for each operation what speaks against it, question by question; *badge* paints a mark by its name."""
    if not readiness:
        return escape(_("No study after the last treatment yet, or only after surgery."))
    return "<hr>".join("".join(_operation(one, badge)) for one in readiness)


def _operation(readiness: Readiness, badge) -> Iterator[str]:
    yield f"<p><b>{escape(readiness.sentence)}</b></p>"
    if readiness.supposed:
        yield f"<p><small>{escape(_('Supposed: {what}.').format(what='; '.join(readiness.supposed)))}</small></p>"
    for answer in readiness.answers:
        yield _answer(answer, badge)
    if readiness.criteria:
        since = {one.criteria: one for one in readiness.lasting}
        for criterion in readiness.criteria:
            found, lasts = criterion.within, since.get(criterion.criteria)
            if isinstance(found, Missing):
                mark, text = "not_evaluable", found.because
            else:
                mark, text = ("met", _("fulfilled")) if found else ("not_applicable", _("not fulfilled"))
            if lasts is not None and not isinstance(lasts.since, Missing):
                text = _("{text}, without a break since {day}").format(text=text, day=lasts.since.isoformat())
            source = criterion.criteria.source
            yield (
                f'<p style="margin:3px 0;">{badge(mark)} {escape(criterion.criteria.value)}: {escape(text)}'
                f"<br><small>{escape(source)}</small></p>"
            )


def _answer(answer: Answer, badge) -> str:
    mark = "warning" if answer.speaks_against else "not_evaluable" if answer.is_open else "met"
    values = "; ".join(f"{_(m.measure.title)}: {m.text}" for m in answer.values if m.value is not None)
    said = "".join(
        f"<br>{escape(row.message)} <small>[{row.finding.rule.id}: {escape(row.source).replace(LINE, '; ')}]</small>"
        for row in findingRows(answer.findings)
    )
    title = f"{badge(mark)} <b>{escape(_(answer.question.title))}</b>"
    return f'<p style="margin:5px 0;">{title}{"<br><i>" + escape(values) + "</i>" if values else ""}{said}</p>'


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f'<p style="margin:3px 0;">{line}</p>' for line in lines)
