"""Page one of the report: the whole answer on one A4, from what was given over the verdict to dose and limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

from ..case import SCENARIOS, Basis
from ..dosimetry.deposits import Model
from ..dosimetry.regions import RegionKind
from ..dosimetry.typical import COVERAGE_RATIO
from ..guidelines import Finding, Outcome
from ..guidelines.rule import Comparison, Condition
from ..guidelines.wording import value_text
from ..measures import Measurement
from ..missing import Missing
from .content import NOTICE, Content, DoseRow, InfusionRow
from .html_parts import gap, picture, symbol, table

LUNGS, UNSURE = "Lungs", "met, not surely"
_OF_KIND: Mapping[str, RegionKind] = {
    "ntad_gy": RegionKind.PERFUSED_NORMAL,
    "ntad_session_gy": RegionKind.PERFUSED_NORMAL,
    "whole_normal_liver_dose_gy": RegionKind.WHOLE_NORMAL,
    "whole_liver_dose_gy": RegionKind.WHOLE_LIVER,
}
"""Measures of a dose that exist once a case, by the volume they are of; those of a tumor name it themselves."""
_ASKED = {
    Comparison.BELOW: "≥",
    Comparison.AT_MOST: ">",
    Comparison.ABOVE: "≤",
    Comparison.AT_LEAST: "<",
}
"""What a band that is not to hold asks for instead."""
ON_PAGE_ONE = ("Axial", "DVH")
"""Captions of the pictures of page one."""
REMNANT = ("flr_volume_ml", "telv_ml", "sflr_fraction", "hepatic_reserve_fraction")


@dataclass(frozen=True)
class Judged:
    """A dose beside what is asked of it: value, interval and limits as text, its model, and the gravest mark."""

    value: str
    interval: str
    model: str
    limits: tuple[str, ...]
    mark: str

    @property
    def word(self) -> str:
        """The mark as page and terminal name it."""
        return {"target": "missed", "warning": "not kept", "information": "note"}.get(self.mark, self.mark)


def judged_doses(content: Content) -> dict[str, tuple[Judged, ...]]:
    """Return what was judged of each reported volume, by its label, and of the lungs under `LUNGS`; one a model."""
    found: dict[tuple[str, str], list[tuple[Finding, Measurement, tuple[Condition, ...]]]] = {}
    for finding in content.findings:
        if finding.outcome in {Outcome.MET, Outcome.NOT_MET}:
            for measurement, asked in finding.asked_of():
                label = _label(measurement, content.dose_rows, content.infusion_rows)
                if measurement.measure.is_dose and label:
                    found.setdefault((label, measurement.measure_id), []).append((finding, measurement, asked))
    rows: dict[str, tuple[Judged, ...]] = {}
    for (label, _), judged in found.items():
        measurement = judged[0][1]
        limits = dict.fromkeys(_limit(m, c) for _, m, asked in judged for c in asked)
        grave = [f.severity for f, m, asked in judged if f.severity and any(_is_broken(m, c) for c in asked)]
        mark = min(grave, key=lambda s: s.rank).value if grave else Outcome.MET.value
        if mark == Outcome.MET.value and any(_is_unsure(m, c) for _, m, asked in judged for c in asked):
            mark = UNSURE
        value = value_text(measurement, [f.rule for f, _, _ in judged])
        one = Judged(value, _interval(measurement), _model(measurement), tuple(limits), mark)
        rows[label] = (*rows.get(label, ()), one)
    return rows


def first_page(content: Content, pictures: Mapping[str, str], verdict: str) -> str:
    """Return page one as HTML: who, what was given, *verdict* (HTML), volumes with dose and limit, two pictures."""
    case = content.case
    bases = {s.basis for s in case.sessions if s.label not in content.replaced}
    state = "Delivered" if Basis.DELIVERED in bases else "Planned" if bases else "Nothing planned yet"
    chosen = case.disease.scenario
    scenario = f"Scenario {chosen}: {SCENARIOS[chosen]}" if chosen else "No scenario chosen"
    shown = [pictures[name] for name in ON_PAGE_ONE if name in pictures]
    return "".join(
        [
            f"<h1>{escape(case.label)}: Y-90 radioembolization, {state.lower()}</h1>",
            f'<p class="soft">{escape(scenario)} · {content.created_at:%Y-%m-%d %H:%M} UTC · '
            f'Y90Dosimetry {content.version} <span class="name">Name (on paper only): ____________________</span></p>',
            f'<p class="notice small">{escape(NOTICE)}</p>',
            _given(content),
            verdict,
            _structures(content),
            _remnant(content),
            f'<div class="pair">{"".join(picture(c, s) for c, s in zip(ON_PAGE_ONE, shown, strict=False))}</div>'
            if shown
            else "",
        ]
    )


def missing_list(findings: Sequence[Finding]) -> str:
    """Return what is missing as one table: what to enter, where, and how much waits for it; empty where nothing is."""
    waiting: dict[str, tuple[Measurement, list[Finding]]] = {}
    for finding in findings:
        for measurement in finding.missing:
            waiting.setdefault(measurement.measure_id, (measurement, []))[1].append(finding)
    rows = [
        f"<tr><td>{escape(m.measure.title)}</td><td>{escape(m.measure.ask)}</td>"
        f'<td class="small">{escape("; ".join(dict.fromkeys(f.rule.title for f in some)))}</td></tr>'
        for m, some in waiting.values()
    ]
    return table(["Missing", "Where it comes from", "What waits for it"], rows) if rows else ""


def _label(measurement: Measurement, rows: Sequence[DoseRow], infusions: Sequence[InfusionRow]) -> str:
    """Return the label of the reported volume that a dose is of; empty where there is none."""
    base = measurement.measure_id.partition(".")[0]
    labels = {row.label for row in rows}
    if base.startswith("lung_dose_gy"):
        return LUNGS
    if base in _OF_KIND:
        return next((r.label for r in rows if r.kind == _OF_KIND[base]), "")
    named = measurement.item or measurement.about
    if named in labels:
        return named
    perfused = {i.label: i.perfused for i in infusions if i.counted}
    if named in perfused:
        return perfused[named]
    if base in {"segment_dose_gy", "lobe_dose_gy"}:
        return f"{base.partition('_')[0].capitalize()}, by its own vial"
    return ""


def _is_broken(measurement: Measurement, condition: Condition) -> bool:
    return measurement.value is not None and condition.holds_for(measurement.value)


def _limit(measurement: Measurement, condition: Condition) -> str:
    """Return what a condition that is not to hold asks for, and whether it is kept."""
    assert isinstance(measurement.value, float | int)
    is_limit = condition.comparison in {Comparison.ABOVE, Comparison.AT_LEAST}
    said = ", exceeded" if is_limit else ", not reached"
    broken = said if condition.holds_for(measurement.value) else ""
    return f"{_ASKED[condition.comparison]} {condition.choices[0]:g} Gy{broken}"


def _ends_gy(measurement: Measurement) -> tuple[float, float] | None:
    """Return the dose minus and plus two standard deviations, in Gy; None where none is known."""
    if not measurement.sd_ratio or not isinstance(measurement.value, float | int):
        return None
    spread = COVERAGE_RATIO * measurement.sd_ratio
    return max(0.0, measurement.value * (1 - spread)), measurement.value * (1 + spread)


def _interval(measurement: Measurement) -> str:
    ends_gy = _ends_gy(measurement)
    return f"{ends_gy[0]:.0f} to {ends_gy[1]:.0f} Gy" if ends_gy else ""


def _is_unsure(measurement: Measurement, condition: Condition) -> bool:
    """Return whether the interval of a dose reaches over a limit that its mean keeps."""
    ends_gy = _ends_gy(measurement)
    return ends_gy is not None and any(condition.holds_for(end) for end in ends_gy)


def _model(measurement: Measurement) -> str:
    return measurement.measure_id.partition(".")[2].replace("_", " ").replace("multicompartment", "by compartment")


def _given(content: Content) -> str:
    """Return a line an infusion: what is or was given, into which territory, when, and what it rests on."""
    lines = []
    for r in content.infusion_rows:
        if not r.counted:
            continue
        calibrated = f" (calibrated {_when(r.calibrated_at)})" if r.calibrated_at else ""
        given = f"on {_when(r.given_at)}" if r.given_at else "day not set"
        known = f"residual {_percent(r.residual_fraction)}, lung shunt {_percent(r.lung_shunt_fraction)}"
        if not isinstance(r.tumor_to_normal_ratio, Missing):
            known += f", T:N {r.tumor_to_normal_ratio:.1f}"
        words = f"{r.activity_gbq:.2f} GBq at infusion{calibrated}, {given}; {known}"
        lines.append(f"<p><b>{escape(r.label)}</b> into {escape(r.perfused)}: {escape(words)}</p>")
    return "".join(lines) or gap("No infusion is planned.")


def _when(instant: datetime) -> str:
    return f"{instant:%a %Y-%m-%d %H:%M}"


def _percent(fraction: float | Missing | None) -> str:
    return f"{fraction * 100:.1f} %" if isinstance(fraction, float | int) else "not known"


def _structures(content: Content) -> str:
    judged = judged_doses(content)
    lowest = any(row.label in judged for row in content.dose_rows if row.kind == RegionKind.TUMOR)
    rows: list[str] = []
    for row in content.dose_rows:
        why = "above the lowest, which is judged" if lowest and row.kind == RegionKind.TUMOR else "not judged"
        rows += _rows_of(row.label, f"{row.volume_ml:,.1f}", judged.pop(row.label, ()), row.mean_gy[Model.MULTI], why)
    lungs = [dose for label, dose in content.lung_doses_gy if label not in content.replaced]
    if lungs:
        gone = next((dose for dose in lungs if isinstance(dose, Missing)), None)
        dose_gy = gone or sum(dose for dose in lungs if not isinstance(dose, Missing))
        rows += _rows_of(LUNGS, "", together(judged.pop(LUNGS, ())), dose_gy, "not judged")
    for label, some in judged.items():
        rows += _rows_of(label, "", some, Missing(""), "")
    return table(["Volume", "mL", "Absorbed dose", "Interval", "Asked", ""], rows, 1, 2)


def together(judged: Sequence[Judged]) -> tuple[Judged, ...]:
    """Return what was judged alike as one: a session's lung dose is that of the case where there is one session."""
    found: dict[tuple[str, str], Judged] = {}
    for one in judged:
        before = found.get((one.value, one.mark))
        limits = one.limits if before is None else tuple(dict.fromkeys((*before.limits, *one.limits)))
        found[one.value, one.mark] = replace(one, model="" if before else one.model, limits=limits)
    return tuple(found.values())


def _rows_of(label: str, volume: str, judged: Sequence[Judged], dose_gy: float | Missing, why: str) -> Iterator[str]:
    """Yield the rows of one volume: what was judged, or the dose and *why* nothing judges it."""
    if not judged:
        dose = gap_cell(dose_gy.because) if isinstance(dose_gy, Missing) else f"<td>{dose_gy:.1f} Gy</td>"
        volume_cell = f'<td class="number">{volume}</td>'
        yield f'<tr><td>{escape(label)}</td>{volume_cell}{dose}<td></td><td class="soft">{why}</td><td></td></tr>'
    for n, one in enumerate(judged):
        first = (escape(label), volume) if n == 0 else ("", "")
        yield (
            f'<tr><td>{first[0]}</td><td class="number">{first[1]}</td><td><b>{escape(one.value)}</b> '
            f'<span class="soft small">{escape(one.model)}</span></td><td class="soft">{one.interval}</td>'
            f"<td>{escape('; '.join(one.limits))}</td>"
            f"<td>{symbol('met' if one.mark == UNSURE else one.mark)} {one.word}</td></tr>"
        )


def gap_cell(because: str) -> str:
    """Return the cell of a number that is missing."""
    return f'<td class="missing">{escape(because)}</td>'


def _remnant(content: Content) -> str:
    by_id = {m.measure_id: m for m in content.measurements if not m.about}
    rules = [f.rule for f in content.findings]
    known = [by_id[name] for name in REMNANT if name in by_id and by_id[name].value is not None]
    words = " · ".join(f"{escape(m.measure.title)} <b>{escape(value_text(m, rules))}</b>" for m in known)
    return f"<p>{words}</p>" if words else ""
