"""A plan as text for a terminal or a printer."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from ..measures import measure
from ..missing import Missing
from . import calendar
from .compare import Comparison
from .constraints import Constraint
from .infusions import SHOWN, FeasibleSet
from .model_words import model_lines
from .plan import Plan
from .prescription import Allowance, Window, end_text
from .ranking import Ranked
from .uncertainty import COVERAGE_FACTOR_RATIO, Safety, Sampled
from .vials import Schedule, VialTime

OUT_OF_TIME = "t"
NO_LIMIT = "nothing limits the activity upward"


COLUMNS = 100
"""The width of a plan on paper or in a file."""
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_LEAST_GAPS = 4
"""Between the columns of a table row; a range of activities with what allows it has fewer."""
_RANGE = re.compile(r" +\S+ - +\S+ GBq  |  +no activity +|  +(over|under)? *\d+ %  ")
_QUANTITY = re.compile(r"(?<=\d) (?=(?:Gy|GBq|mL|kg|%|J/GBq)(?![a-z]))")
_TIED = "\u00a0"


def as_text(plan: Plan) -> str:
    """Return a plan for a reader: window, binding constraints, vials, week table, comparison, how sure."""
    return "\n".join(_lines(plan)) + "\n"


def folded(text: str, columns: int = COLUMNS) -> str:
    """Return a text with long lines broken between words, what follows indented under what it belongs to.

    Rows of tables stay whole, and a number keeps its unit.
    """
    return "".join(f"{part}\n" for line in text.splitlines() for part in _folded(line, columns))


def _folded(line: str, columns: int) -> list[str]:
    if len(line) <= columns or len(_GAP.findall(line)) >= _LEAST_GAPS:
        return [line]
    start = _RANGE.match(line)
    hang = start.end() if start else len(line) - len(line.lstrip()) + 4
    parts = textwrap.wrap(
        _QUANTITY.sub(_TIED, line),
        max(columns, hang + 20),
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace(_TIED, " ") for part in parts]


_Key = TypeVar("_Key", bound=Hashable)


def together(constraints: Iterable[tuple[Constraint, _Key]]) -> Mapping[tuple[str, _Key], str]:
    """Return constraints by what they ask and a key, each named once with all the rules that ask it."""
    rules: dict[tuple[str, _Key], list[str]] = {}
    for c, key in constraints:
        who = rules.setdefault((c.text, key), [])
        who += [name for name in (c.name.removesuffix(f": {c.text}"),) if name not in who]
    return {found: f"{', '.join(who)}: {found[0]}" for found, who in rules.items()}


def names_of(constraints: Iterable[Constraint]) -> tuple[str, ...]:
    """Return what several constraints ask, each thing once with all the rules that ask it."""
    return tuple(together((c, "") for c in constraints).values())


def week_table(plan: Plan, schedule: Schedule) -> str:
    """Return the printable table of vials by day: the activity at the usual time, * where it meets the plan."""
    singles = [v for v in plan.vials if len(v.vials) == 1]
    days = sorted({calendar.local_date(v.at, schedule.zone) for v in singles})
    rows = sorted({v.vials[0] for v in singles}, key=lambda r: (r[0], r[1].calibrated_at, r[1].activity_gbq))
    cells = {(v.vials[0], calendar.local_date(v.at, schedule.zone)): v for v in singles}
    head = ["vial (GBq at calibration)", *(f"{d:%a %m-%d}" for d in days)]
    table = [head]
    for row in rows:
        label, vial = row
        doubt = "?" if schedule.catalogue.is_unverified(vial.activity_gbq) else ""
        line = [f"{label}: {vial.activity_gbq:g}{doubt}, {vial.calibrated_at:%Y-%m-%d}"]
        for day in days:
            cell = cells.get((row, day))
            activity = None if cell is None else vial.at_gbq(cell.at, schedule.settings.half_life_h)
            line.append("-" if cell is None or activity is None else f"{activity:.2f}{_mark(cell)}")
        table.append(line)
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    starred = (
        "meets every target and limit" if plan.split.has_ceiling else "reaches the target, no upper limit is known"
    )
    title = f"Activity in GBq at {schedule.clock:%H:%M} local time; * {starred}"
    if any(_mark(v) == OUT_OF_TIME for v in singles):
        title += f"; {OUT_OF_TIME} meets the doses, but a timing rule shuts it out"
    if any(schedule.catalogue.is_unverified(v.vials[0][1].activity_gbq) for v in singles):
        title += "; ? custom size, unverified"
    return "\n".join(
        [
            title,
            *(
                "  ".join(
                    [r[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(r[1:], widths[1:], strict=True))]
                ).rstrip()
                for r in table
            ),
        ]
    )


def _mark(cell: VialTime) -> str:
    if cell.meets_plan:
        return "*"
    return OUT_OF_TIME if cell.keeps_doses else " "


def _lines(plan: Plan) -> Iterator[str]:
    yield f"{plan.lines.case.label}, session '{plan.lines.session.label}'"
    if plan.headline:
        yield plan.headline
    shown = list(plan.windows) if len(plan.windows) == 1 else [*plan.windows, plan.split]
    for one in shown:
        yield from _window_lines(one, is_entered=not plan.is_second_session)
    if plan.together is not None:
        yield from _together_lines(plan.together)
    if plan.constraints.open_questions:
        yield "Not evaluable, so not in the window:"
        said = (
            f"  {q.rule.id} ({q.severity}) would ask {'; '.join(b.text for b in q.bounds) or 'a dose'}; {q.because}"
            for q in plan.constraints.open_questions
        )
        yield from dict.fromkeys(said)
    yield from (f"Set aside by the user: {text}" for text in plan.constraints.set_aside)
    if plan.constraints.nothing_to_plan:
        yield "No vials: nothing is planned."
    elif isinstance(plan.schedule, Missing):
        yield f"No vials: {plan.schedule.because}."
    else:
        yield from _vial_lines(plan, plan.schedule)
    if plan.comparison is not None:
        yield from _comparison_lines(plan.comparison)
    yield from _sure_lines(plan)
    if plan.models is not None:
        yield from model_lines(plan.models)
    yield from (f"Note: {note}" for note in plan.notes)


def _sure_lines(plan: Plan) -> Iterator[str]:
    if isinstance(plan.intervals, Missing):
        return
    yield f"How sure (dose with {COVERAGE_FACTOR_RATIO:g} standard deviations, largest cause):"
    for i in plan.intervals:
        cause = f"; mostly {i.contributions[0].factor}" if i.contributions else ""
        drawn = _drawn(plan.sampled, i.measure_id, i.about, i.sd_gy)
        yield f"  {dose_title(i.measure_id, i.about)}: {i.low_gy:.1f} to {i.high_gy:.1f} Gy{cause}{drawn}"
    yield from (f"  Window: {end.text}" for end in plan.ends)
    if plan.nowhere_safe:
        yield f"  {plan.nowhere_safe}"
    when = "With what was delivered" if plan.is_second_session else "At the entered activities"
    yield f"  {when}, each is kept with a probability of:"
    groups = together((s.constraint, _odds(s)) for s in plan.safety)
    yield from (f"    {odds[0]:>9}  {name}{odds[1]}" for (_text, odds), name in groups.items())


def _odds(s: Safety) -> tuple[str, str]:
    flips = f"; {', '.join(s.flipped_by)} alone could turn it" if s.flipped_by else ""
    return probability_words(s.probability_share), flips


def _drawn(sampled: Sampled | None, measure_id: str, about: str, sd_gy: float) -> str:
    """Return the standard deviation of a Monte Carlo beside the first-order one."""
    key = (measure_id, about)
    if sampled is None or key not in sampled.doses_gy:
        return ""
    return f"; standard deviation {sd_gy:.1f} Gy, of {len(sampled.doses_gy[key])} samples {sampled.sd_gy(key):.1f} Gy"


def _window_lines(one: Window, is_entered: bool) -> Iterator[str]:
    if one.is_empty:
        entered = f" (entered: {one.entered_gbq:.3f} GBq)" if is_entered else ""
        yield f"{one.label}: {one.why_empty}{entered}"
        yield from (f"  this activity can't keep {name}" for name in names_of(one.impossible))
        if one.conflict is not None:
            yield f"  {one.conflict.text}"
    else:
        low, most = one.end_texts
        high = f"{most} GBq" if one.high_gbq < math.inf else f"any more ({NO_LIMIT})"
        yield f"{one.label}: {low} GBq to {high} at infusion"
        if is_entered:
            inside = "inside" if one.holds(one.entered_gbq) else "outside"
            yield f"  the entered {one.entered_gbq:.3f} GBq lie {inside}"
        yield from (f"  least bound by {name}" for name in names_of(one.low_binding))
        yield from (f"  most bound by {name}" for name in names_of(one.high_binding))
        yield from (f"  out of reach: {name}" for name in names_of(one.unfulfilled_wishes))
    yield "  each alone allows:"
    groups = together((a.constraint, (_range(a), a.constraint.kind)) for a in one.allowances)
    yield from (f"    {reach}  {kind} {name}" for (_text, (reach, kind)), name in groups.items())


def _range(a: Allowance) -> str:
    if not a.is_possible:
        return "no activity         "
    most = end_text(a.most_gbq, False) if a.most_gbq < math.inf else "any"
    return f"{end_text(a.least_gbq, True):>8} - {most:>8} GBq"


def _together_lines(found: FeasibleSet) -> Iterator[str]:
    if isinstance(found.best, Missing):
        yield f"Together: {found.best.because}"
    else:
        amounts = ", ".join(f"{n} {a:.3f} GBq" for n, a in zip(found.labels, found.best.activities_gbq, strict=True))
        yield f"Best for the {found.aim.display_name}: {amounts}"
        for name, dose in zip(SHOWN, found.best.doses_gy, strict=True):
            yield f"  {measure(name).title}: {'missing' if dose is None else f'{dose:.1f} Gy'}"
    yield from (f"  {c.text}" for c in found.conflicts)
    if found.relaxation is not None:
        names = "; ".join(names_of(found.relaxation.giving))
        yield f"  together they would have to give {found.relaxation.give_fraction * 100:.1f} %: {names}"


def _vial_lines(plan: Plan, schedule: Schedule) -> Iterator[str]:
    catalogue = schedule.catalogue
    unverified = ", ".join(catalogue.doubts)
    yield f"Vials (catalogue: {catalogue.source}{f'; unverified: {unverified}' if unverified else ''})"
    meets = "meets the plan" if plan.split.has_ceiling else "reaches the target (no upper limit is established)"
    if plan.ranked:
        low, _ = plan.split.end_texts
        yield f"  nearest to the prescription of {low} GBq, since no upper limit is established:"
        yield from (f"    {_ranked(r, schedule)}" for r in plan.ranked)
    for o in plan.openings:
        vial = f"{catalogue.size_words(o.vial.activity_gbq)} of {o.vial.calibrated_at:%Y-%m-%d}"
        yield f"  {vial} for {o.infusion} {meets} {o.words}"
        yield f"    {o.why_words}"
    if not plan.openings:
        yield "  no vial of the catalogue meets the plan in these weeks"
    for v in plan.combinations if plan.split.has_ceiling else ():
        if calendar.local_date(v.at, schedule.zone) in plan.days:
            names = " and ".join(
                f"{catalogue.size_words(s.activity_gbq)} of {s.calibrated_at:%Y-%m-%d} for {n}" for n, s in v.vials
            )
            yield f"  {names}: {calendar.words(v.at, schedule.zone)}"
    yield week_table(plan, schedule)


def _ranked(r: Ranked, schedule: Schedule) -> str:
    vial = r.vial.vials[0][1]
    doses = ", ".join(f"{dose_title(line.measure_id, line.about)} {gy:.0f} Gy" for line, gy in r.doses_gy)
    return (
        f"{vial.activity_gbq:g} GBq of {vial.calibrated_at:%Y-%m-%d}, {calendar.words(r.vial.at, schedule.zone)}:"
        f" {r.vial.activities_gbq[0]:.2f} GBq, {r.prescription_ratio * 100:.0f} % of it: {doses}"
    )


def _comparison_lines(c: Comparison) -> Iterator[str]:
    yield f"Planned '{c.planned}' against delivered '{c.delivered}'"
    for r in c.rows:
        yield f"  {r.region.label}: {_gy(r.planned_gy)} planned, {_gy(r.delivered_gy)} delivered"
    yield from (f"  ! {d.message}" for d in c.differences)
    if not c.differences:
        yield "  no difference that matters was found"


def _gy(value: float | Missing) -> str:
    return f"missing ({value.because})" if isinstance(value, Missing) else f"{value:.1f} Gy"


def probability_words(probability_share: float) -> str:
    """Return a probability in words; none is rounded to certainty."""
    if probability_share > 0.99:
        return "over 99 %"
    return "under 1 %" if probability_share < 0.01 else f"{probability_share * 100:.0f} %"


def dose_title(name: str, about: str) -> str:
    """Return a dose by its measure and item as a reader sees it."""
    base, _, model = name.partition(".")
    title = (
        f"{base.replace('_', ' ')} ({model.replace('_', ' ')})"
        if model == "partition_given_ratio"
        else measure(name).title + (" (partition model)" if model == "partition" else "")
    )
    return f"{title}, {about}" if about else title
