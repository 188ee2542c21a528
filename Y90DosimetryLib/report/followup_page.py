"""The follow-up as a section of the page: time line, remnant, response, readiness for surgery, outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from html import escape

from ..draw.courses import best_time, remnant_plot
from ..engine import Assessment
from ..errors import InputError
from ..followup.overview import FollowUp
from ..followup.pathology import explant_of
from ..followup.readiness import Readiness
from ..followup.remnant import DOSE_RULE, GROWTH_RULE, Growth, RemnantAt
from ..followup.timeline import State, TimeLine, Window
from ..guidelines import Finding, Outcome
from ..guidelines.wording import value_text
from ..measures import measure, written
from ..missing import Missing
from ..structures import Role
from ..studies import Studies
from .followup_outcome import outcome_html
from .followup_response import PICTURES as RESPONSE_PICTURES
from .followup_response import response_html, response_pictures
from .html_parts import Section, bullets, gap, number, picture, table, tag

TITLE = "Follow-up"
REMNANT = "Remnant over time"
_STATES = {State.DONE: "met", State.OPEN: "target", State.AHEAD: "not_applicable", State.MISSED: "warning"}


def follow_up_section(assessment: Assessment) -> Section | None:
    """Return the follow-up of a case for its page; None where it has neither time point nor outcome."""
    follow_up = assessment.follow_up
    outcome = outcome_html(assessment.case, explant_of(assessment.case, assessment.doses))
    if follow_up is None:
        return Section(TITLE, outcome, {}) if outcome else None
    pictures = follow_up_pictures(follow_up)
    parts = (*_parts(follow_up, assessment.findings, pictures), outcome)
    return Section(TITLE, "".join(part for part in parts if part), pictures)


def follow_up_pictures(follow_up: FollowUp) -> dict[str, str]:
    """Return the pictures of a follow-up as SVG files by caption; one without anything to show is left out."""
    pictures: dict[str, str] = {}
    with suppress(InputError):  # nothing to draw: the table says why
        pictures[REMNANT] = remnant_plot(follow_up.remnant, follow_up.studies, best_time(follow_up.time_line))
    if follow_up.response is not None and not isinstance(follow_up.response, Missing):
        pictures.update(response_pictures(follow_up.response))
    return pictures


def _parts(follow_up: FollowUp, findings: tuple[Finding, ...], pictures: Mapping[str, str]) -> Iterator[str]:
    yield f'<p class="soft">Baseline: {escape(follow_up.studies.baseline.label)}. {escape(_now(follow_up.studies))}</p>'
    for sentence in follow_up.contradictions:
        yield f"<p>{tag('warning', 'contradiction')} {escape(sentence)}</p>"
    yield "<h3>Time line</h3>" + _time_line(follow_up.time_line)
    yield "<h3>Remnant</h3>" + "".join(_remnant(follow_up, findings))
    yield f'<div class="wide">{picture(REMNANT, pictures[REMNANT])}</div>' if REMNANT in pictures else ""
    if follow_up.response is not None:
        yield "<h3>Response</h3>" + response_html(follow_up.response)
        shown = [name for name in RESPONSE_PICTURES if name in pictures]
        yield f'<div class="pictures">{"".join(picture(n, pictures[n]) for n in shown)}</div>' if shown else ""
    if follow_up.readiness:
        yield "<h3>Readiness for surgery</h3>"
        yield from (_readiness(one) for one in follow_up.readiness)


def _now(studies: Studies) -> str:
    """Say which study is the present one, and what those after surgery are good for."""
    present = studies.present
    if not any(studies.is_after_surgery(s) for s in studies.later):
        return f"Latest study: {present.label}." if present else "No study after the last treatment yet."
    surgery = f"surgery on {studies.surgery_on}"
    found = f"Latest study before {surgery}: {present.label}." if present else f"No study from treatment to {surgery}."
    return f"{found} Later ones tell recurrence; response, growth and readiness are read up to surgery."


def _time_line(line: TimeLine) -> str:
    events = (
        f"<tr><td>{e.on.isoformat()}</td><td>{e.kind.value.capitalize()}</td><td>{escape(e.label)}</td>"
        f"{_interval(e.since_previous_days)}{_interval(e.since_previous_weeks, 1)}"
        f"{_interval(e.since_previous_months_count, 1)}</tr>"
        for e in line.events
    )
    head = ["Day", "", "", "after the one before, days", "weeks", "months"]
    text = table(head, events, 3)
    if line.undated:
        text += gap(f"The day is not known: {', '.join(line.undated)}")
    if line.windows:
        text += f'<p class="soft small">What the rules of the scenario ask for, as of {line.as_of}:</p>'
        text += table(["", "What", "From", "To", "Rule"], map(_window, line.windows))
    return text


def _interval(value: float | None, digits: int = 0) -> str:
    return "<td></td>" if value is None else number(value, digits)


def _window(window: Window) -> str:
    done = f'<br><span class="soft small">{escape(window.done_by)}</span>' if window.done_by else ""
    until = window.due_to.isoformat() if window.due_to else "no end named"
    return (
        f"<tr><td>{tag(_STATES[window.state], window.state.value)}</td><td>{escape(window.title)}{done}</td>"
        f"<td>{window.due_from.isoformat()}</td><td>{until}</td>"
        f'<td class="soft small">{escape(", ".join(window.rule_ids))}</td></tr>'
    )


def _remnant(follow_up: FollowUp, findings: tuple[Finding, ...]) -> Iterator[str]:
    remnant = follow_up.remnant
    head = ["Study", "Months", "Weeks", "Remnant, mL", "Estimated liver, mL", "sFLR, %", "of tumor-free liver, %"]
    head += ["Liver, mL", "treated, mL", "untreated, mL", "Tumors, mL"]
    yield table(head, map(_study, remnant.at), 1)
    yield '<p class="soft small">Months and weeks since the last treatment before the study. * typed, not outlined.</p>'
    if remnant.from_baseline:
        seen = {(g.earlier.label, g.later.label): g for g in (*remnant.from_baseline, *remnant.between)}
        head = ["Growth", "relative, %", "degree (sFLR), points", "weeks", "rate, points a week"]
        yield table(head, map(_growth, seen.values()), 1)
    yield _dose(follow_up)
    for finding in findings:
        if finding.rule.id == GROWTH_RULE and finding.outcome is Outcome.NOT_MET:
            yield f"<p>{tag('information')} {escape(finding.message)} ({GROWTH_RULE})</p>"
    yield bullets(remnant.notes, "small")


def _study(at: RemnantAt) -> str:
    study, volumes = at.study, at.study.volumes
    on = study.on.because if isinstance(study.on, Missing) else study.on.isoformat()

    def volume(value: float | Missing, role: Role) -> str:
        cell = number(value, 0)
        return cell.replace("</td>", " *</td>") if role in volumes.typed else cell

    return (
        f'<tr><td><b>{escape(study.label)}</b><br><span class="soft small">{escape(on)}</span></td>'
        + number(at.months_count)
        + number(at.weeks)
        + volume(volumes.flr_ml, Role.FLR)
        + number(study.telv_ml, 0)
        + number(study.sflr_ratio, 1, 100)
        + number(study.measured_ratio, 1, 100)
        + volume(volumes.liver_ml, Role.LIVER)
        + volume(volumes.treated_ml, Role.PERFUSED)
        + number(study.untreated_ml, 0)
        + volume(volumes.tumor_ml, Role.TUMOR)
        + "</tr>"
    )


def _growth(growth: Growth) -> str:
    return (
        f"<tr><td>{escape(growth.earlier.label)} to {escape(growth.later.label)}</td>"
        + number(growth.relative_ratio, 1, 100)
        + number(growth.degree_ratio, 1, 100)
        + number(growth.weeks)
        + number(growth.kinetic_per_week_ratio, 2, 100)
        + "</tr>"
    )


def _dose(follow_up: FollowUp) -> str:
    remnant = follow_up.remnant
    dose_gy, growth = remnant.perfused_normal_gy, f"{remnant.least_growth_fraction * 100:.0f} %"
    if isinstance(dose_gy, Missing):
        return gap(f"Dose of the perfused normal liver: {dose_gy.because}")
    above = remnant.growth_is_expected is True
    words = f"above the {remnant.dose_for_growth_gy:g} Gy after which growth of at least {growth} was seen"
    if not above:
        words = f"not above {remnant.dose_for_growth_gy:g} Gy: growth of {growth} is not assured"
    mean = written(measure("ntad_gy.multicompartment"), dose_gy, remnant.dose_for_growth_gy)
    return f"<p>The perfused normal liver got a mean of {mean}, {words} ({DOSE_RULE}).</p>"


def _readiness(readiness: Readiness) -> str:
    rows = []
    for answer in readiness.answers:
        mark = "warning" if answer.speaks_against else "not_evaluable" if answer.is_open else "met"
        said = "".join(
            f"<br>{escape(f.message)} <span class='soft small rule'>{f.rule.id}</span>" for f in answer.findings
        )
        rules = [f.rule for f in answer.findings]
        known = [m for m in answer.values if m.value is not None]
        values = "; ".join(f"{m.measure.title}: {value_text(m, rules)}" for m in known)
        title = f"<b>{escape(answer.question.title)}</b>{said}"
        rows.append(f'<tr><td>{tag(mark)}</td><td>{title}</td><td class="small">{escape(values)}</td></tr>')
    supposed = f" Supposed: {'; '.join(readiness.supposed)}." if readiness.supposed else ""
    since = {one.criteria: one.since.isoformat() for one in readiness.lasting if not isinstance(one.since, Missing)}
    criteria = "".join(
        f"<tr><td>{escape(f.criteria.value)}</td>"
        + (f'<td class="missing">{escape(f.within.because)}</td>' if isinstance(f.within, Missing) else "")
        + ("" if isinstance(f.within, Missing) else f"<td>{'fulfilled' if f.within else 'not fulfilled'}</td>")
        + f"<td>{escape(since.get(f.criteria, ''))}</td>"
        + f'<td class="soft small">{escape(f.criteria.source)}</td></tr>'
        for f in readiness.criteria
    )
    return (
        f"<p><b>{escape(readiness.sentence)}</b><span class='soft'>{escape(supposed)}</span></p>"
        + table(["", "What the rules say", "Values"], rows)
        + (
            table(["Criteria", "Viable tumor, latest reading", "without a break since", "Source"], [criteria])
            if criteria
            else ""
        )
    )
