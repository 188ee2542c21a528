"""The report as one self-contained HTML page: nothing to fetch, pictures and the interactive slices inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ..checks import CheckResult
from ..checks import Outcome as CheckOutcome
from ..guidelines import Finding, Outcome, load_references
from ..guidelines.verdict import Part
from ..guidelines.wording import value_text
from ..missing import Missing
from .content import Content, DoseRow, lesion_kinds
from .first_page import ON_PAGE_ONE, first_page, missing_list
from .html_parts import SYMBOLS as SYMBOLS
from .html_parts import Section, bullets, gap, number, page, picture, symbol, table, tag
from .viewer import script

KEY_MEASURES = (
    "liver_volume_ml",
    "tumor_burden_fraction",
    "perfused_fraction",
    "hepatic_reserve_fraction",
    "tumor_free_reserve_fraction",
    "flr_volume_ml",
    "telv_ml",
    "sflr_fraction",
    "flr_measured_fraction",
    "child_pugh_score",
    "child_pugh_class",
    "albi_grade",
    "bilirubin_mg_dl",
)
WARNED = "Technical checks warn (what to do stands with them below):"
POLICY_OFF = (
    "One center's surgical policy is not judged: neither resection nor transplantation is the intent "
    "(judge_cohort_policy turns it on)"
)
REPLACED = " (plan, replaced)"
DVH_DOSES = ("d98_gy", "d95_gy", "d70_gy", "d50_gy", "d2_gy", "mean_gy")
DVH_VOLUMES = ("v100_fraction", "v150_fraction", "v205_fraction", "v250_fraction", "v400_fraction")


def as_html(
    content: Content,
    pictures: Mapping[str, str],
    why_no_pictures: str = "",
    sections: Sequence[Section] = (),
    viewer: str = "",
) -> str:
    """Return the page.

    Parameters
    ----------
    pictures
        SVG files by caption, in their order.
    why_no_pictures
        Said where there are none.
    viewer
        What `viewer_html` returned: the interactive slices; the pictures take their place in print and without script.
    sections
        Further parts of the page, after the findings: plan, follow-up. What else there is stands below them.
    """
    case = content.case
    further = [(f"part-{n}", section.title, section.html) for n, section in enumerate(sections, 1)]
    stills = f'<div class="still">{_pictures(pictures, why_no_pictures)}</div>'
    parts = [
        ("viewer-part" if viewer else "pictures", "Slices and dose-volume histogram", f"{viewer}{stills}"),
        ("findings", "Findings", _findings(content.findings)),
        *further,
        ("doses", "Mean absorbed dose by model", _dose_table(content) + _lung_table(content)),
        (
            "dvh",
            "Dose-volume points",
            f'<p class="soft small">On the dose map: {escape(content.dose_model)}.</p>{_dvh_table(content.dose_rows)}',
        ),
        ("volumes", "Volumes and liver function", _measures(content)),
        ("checks", "Technical checks", _checks(content)),
        ("infusions", "Infusions", _infusions(content)),
        ("methods", "Methods and inputs", _methods(content)),
        ("references", "References", _references(content.findings)),
    ]
    shown = [(name, title, html) for name, title, html in parts if html]
    links = " · ".join(f'<a href="#{name}">{escape(title)}</a>' for name, title, _ in shown)
    body = [
        '<header class="first">',
        first_page(content, pictures, _verdict(content) + _errors(content)),
        "</header>",
        f'<nav aria-label="Contents">{links}</nav>',
        *(f'<h2 id="{name}">{escape(title)}</h2>{html}' for name, title, html in shown),
    ]
    return page(f"Y-90 dosimetry: {case.label}", body, script() if viewer else "")


def mark_of(finding: Finding) -> str:
    """Return the class of a finding: its severity when it is not met, else its outcome."""
    if finding.outcome is Outcome.NOT_MET and finding.severity is not None:
        return finding.severity.value
    return finding.outcome.value


_MARKS: Mapping[Part, str] = {
    Part.INPUT: "error",
    Part.SCOPE: "not_evaluable",
    Part.CONTRAINDICATION: "contraindication",
    Part.LIMIT: "warning",
    Part.TARGET: "target",
    Part.NOTE: "information",
    Part.MET: "met",
    Part.MISSING: "not_evaluable",
}


def _verdict(content: Content) -> str:
    """Return the verdict and, below it, what was delivered otherwise than planned and what checks warn of."""
    verdict = content.verdict
    mark = verdict.worst.value if verdict.worst else ("met" if verdict.is_clear else "not_evaluable")
    said = bullets(d.message for d in content.differences or ())
    told = f"<p>Delivered otherwise than planned:</p>{said}" if said else ""
    warned = f"<p>{WARNED}</p>{bullets(content.warned)}" if content.warned else ""
    lines = "".join(f'<p class="{_MARKS[t.part]}">{symbol(_MARKS[t.part])} {escape(t.text)}</p>' for t in verdict.told)
    return f'<div class="verdict {mark}">{lines}{told}{warned}</div>'


def _errors(content: Content) -> str:
    raised = [c for c in content.raised if c.check.level.value == "error"]
    items = "".join(f"<li>{tag('error')} {escape(c.message)}. {escape(c.check.remedy)}</li>" for c in raised)
    return f"<ul>{items}</ul>" if items else ""


def _dose_table(content: Content) -> str:
    head = ["Volume", "mL", *(f"{escape(m.display_name)}, Gy" for m in content.models)]
    lesions = lesion_kinds()
    rows = [
        f'<tr class="{"lesion" if row.kind in lesions else "other"}"><td>{escape(row.label)}</td>'
        + number(row.volume_ml)
        + "".join(number(row.mean_gy[model]) for model in content.models)
        + "</tr>"
        for row in content.dose_rows
    ]
    counted = sum(r.counted for r in content.infusion_rows)
    note = f"All {counted} counted infusions together. " if counted > 1 else ""
    return table(head, rows, 1) + (
        f'<p class="soft small">{note}Mean over the whole volume after complete decay. Single compartment: activity '
        "spread evenly over each perfused volume, tumor included; a lesion's value there says nothing about its own "
        "uptake.</p>"
    )


def _lung_table(content: Content) -> str:
    rows = [
        f"<tr><td>Lungs, session {escape(label)}{REPLACED if label in content.replaced else ''}</td>{number(dose)}</tr>"
        for label, dose in content.lung_doses_gy
    ]
    return table(["Lungs", "Gy"], rows, 1) if rows else ""


def _pictures(pictures: Mapping[str, str], why_none: str) -> str:
    if not pictures:
        return gap(f"No pictures: {why_none}") if why_none else ""
    images = "".join(picture(caption, svg) for caption, svg in pictures.items() if caption not in ON_PAGE_ONE)
    return f'<div class="pictures">{images}</div>'


def _dvh_table(rows: Sequence[DoseRow]) -> str:
    head = ["Volume", *(f"{n.removesuffix('_gy').replace('d', 'D', 1).replace('mean', 'mean')}, Gy" for n in DVH_DOSES)]
    head += [f"{n.removesuffix('_fraction').upper()}, %" for n in DVH_VOLUMES]
    lines = []
    for row in rows:
        if isinstance(row.dvh, Missing):
            span = len(DVH_DOSES) + len(DVH_VOLUMES)
            cells = f'<td class="missing" colspan="{span}">{escape(row.dvh.because)}</td>'
        else:
            cells = "".join(number(getattr(row.dvh, name)) for name in DVH_DOSES)
            cells += "".join(number(getattr(row.dvh, name), scale_ratio=100) for name in DVH_VOLUMES)
        lines.append(f"<tr><td>{escape(row.label)}</td>{cells}</tr>")
    return table(head, lines, 1)


def _findings(findings: Sequence[Finding]) -> str:
    def row(f: Finding) -> str:
        about = f" <span class='soft'>({escape(f.about)})</span>" if f.about else ""
        extra = "".join(f"<br><span class='soft small'>{escape(r)}</span>" for r in f.remarks)
        need = (
            f"<br><span class='small'>Needed: {escape(', '.join(m.measure.ask for m in f.missing))}</span>"
            if f.missing
            else ""
        )
        judged = (m for m in f.judged if m.measure.is_dose or m.measure.kind.value == "number")
        values = "; ".join(f'<span class="whole">{escape(f.value_text(m))}</span>' for m in judged)
        places = "<br>".join(
            escape(
                f"{load_references()[s.reference].short}: {s.place}"
                + (f" ({', '.join(p for p in (s.degree, s.consensus) if p)})" if s.degree or s.consensus else "")
            )
            for s in f.sources
        )
        return (
            f"<tr><td>{tag(mark_of(f))}</td><td><b>{escape(f.rule.title)}</b>{about}<br>{escape(f.message)}{extra}{need}</td>"
            f'<td class="small">{values}</td><td class="small">{escape(f.threshold)}</td>'
            f'<td class="soft small">{escape(f.rule.id)}<br>{places}</td></tr>'
        )

    if not findings:
        return '<p class="missing">No rule was judged: no scenario is chosen.</p>'
    shown = [f for f in findings if f.outcome is Outcome.NOT_MET]
    policy = [f for f in findings if f.is_policy_off]
    groups = (
        (Outcome.NOT_EVALUABLE, "{} could not be judged"),
        (Outcome.MET, "{} met"),
        (Outcome.NOT_APPLICABLE, "{} not applicable"),
    )
    head = ["", "What was judged", "Value", "Asked", "Source"]
    folded = []
    for outcome, words in groups:
        some = [f for f in findings if f.outcome is outcome and f not in policy]
        if some:
            count = f"{len(some)} recommendation{'' if len(some) == 1 else 's'}"
            folded.append(f"<details><summary>{words.format(count)}</summary>{table(head, map(row, some))}</details>")
    if policy:
        ids = ", ".join(dict.fromkeys(f.rule.id for f in policy))
        folded.append(f"<details><summary>{POLICY_OFF}</summary><p class='soft small'>{escape(ids)}</p></details>")
    gaps = missing_list(findings)
    return (
        (table(head, map(row, shown)) if shown else "<p>None needs attention.</p>")
        + (f"<h3>What is missing, and where to enter it</h3>{gaps}" if gaps else "")
        + "".join(folded)
    )


def _measures(content: Content) -> str:
    by_id = {m.measure_id: m for m in content.measurements if not m.about}
    rules = [f.rule for f in content.findings]
    rows = []
    for name in KEY_MEASURES:
        m = by_id.get(name)
        if m is not None:
            css = "missing" if m.value is None else "number"
            text = escape(value_text(m, rules))
            rows.append(f'<tr><td>{escape(m.measure.title)}</td><td class="{css}">{text}</td></tr>')
    return table(["Measure", "Value"], rows, 1) + _which_study(content)


def _which_study(content: Content) -> str:
    """Say that the remnant is not of the study on which the doses are computed, where that is so."""
    studies = content.follow_up.studies if content.follow_up else None
    if studies is None or studies.present_remnant is studies.planning:
        return ""
    shown = studies.present_remnant
    words = f"Remnant, its shares and the estimated liver are those of '{shown.label}'; all else is of the treatment."
    return f'<p class="soft small">{escape(words)}</p>'


def _checks(content: Content) -> str:
    def row(c: CheckResult) -> str:
        return (
            f"<tr><td>{tag(c.check.level.value)}</td><td>{escape(c.message)}<br>"
            f'<span class="soft small">{escape(c.check.remedy)}</span></td>'
            f'<td class="soft small">{escape(c.check.id)}</td></tr>'
        )

    passed = sum(c.outcome is CheckOutcome.PASSED for c in content.checks)
    open_ = [c for c in content.checks if c.outcome is CheckOutcome.NOT_EVALUABLE]
    words = f"<p>{len(content.raised)} raised, {passed} passed, {len(open_)} could not be made.</p>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in content.case.notes)
    said = f"<p>While reading:</p><ul>{notes}</ul>" if notes else ""
    lines = "".join(f"<li>{escape(c.message)}</li>" for c in open_)
    rest = f"<details><summary>Checks that could not be made</summary><ul>{lines}</ul></details>" if open_ else ""
    found = table(["", "Found", "Check"], map(row, content.raised)) if content.raised else ""
    return words + said + found + rest


def _infusions(content: Content) -> str:
    head = [
        "Infusion",
        "Into",
        "Calibrated",
        "Given",
        "GBq at infusion",
        "Residual, %",
        "Lung shunt, %",
        "GBq in liver",
        "T:N",
    ]
    rows = [
        f"<tr><td>{escape(r.session)}: {escape(r.label)}{'' if r.counted else REPLACED}</td>"
        f"<td>{escape(r.perfused)}</td><td>{r.calibrated_at or 'stated at infusion'}</td>"
        f"<td>{r.given_at or 'not known'}</td>"
        + number(r.activity_gbq, 3)
        + number(r.residual_fraction, 1, 100)
        + number(r.lung_shunt_fraction, 1, 100)
        + number(r.liver_activity_gbq, 3)
        + number(r.tumor_to_normal_ratio, 2)
        + "</tr>"
        for r in content.infusion_rows
    ]
    return table(head, rows, 4) if rows else '<p class="missing">No session is planned.</p>'


def _methods(content: Content) -> str:
    rows = [f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in content.methods]
    rows += [
        f"<tr><td>{escape(i.name)}</td><td>{escape(str(i.path))}<br><code>sha256 {i.sha256}</code></td></tr>"
        for i in content.inputs
    ]
    return table(["", ""], rows)


def _references(findings: Sequence[Finding]) -> str:
    used = dict.fromkeys(s.reference for f in findings for s in f.sources)
    items = "".join(f"<li>{escape(load_references()[name].citation)}</li>" for name in used)
    return f'<ul class="small">{items}</ul>' if items else ""
