"""Vials in the plan's section: when each meets the plan, and the week table, made to be printed."""

from __future__ import annotations

from html import escape

from ..missing import Missing
from ..planning import Plan, Schedule, StockVial, VialTime, calendar
from .html_parts import bullets, gap, table


def day_words(plan: Plan) -> str:
    """Return the first day of treatment with the usual time; empty where there is none."""
    schedule = plan.schedule
    if isinstance(schedule, Missing) or not plan.days:
        return ""
    return calendar.words(calendar.at_clock(plan.days[0], schedule.clock, schedule.zone), schedule.zone)


def vials_html(plan: Plan) -> str:
    """Return the openings, the sets of two vials and the week table."""
    schedule = plan.schedule
    if isinstance(schedule, Missing):
        return gap(f"No vials: {schedule.because}.")
    return _openings(plan, schedule) + _combinations(plan, schedule) + _week(plan, schedule) + _doubts(schedule)


def _name(schedule: Schedule, vial: StockVial) -> str:
    size = schedule.catalogue.size_words(vial.activity_gbq)
    return f"{size}, calibrated {vial.calibrated_at:%Y-%m-%d}"


def _openings(plan: Plan, schedule: Schedule) -> str:
    if not plan.openings:
        return '<p class="answer"><b>No single vial of the catalogue meets the plan in these weeks.</b></p>'
    rows = (
        f"<tr><td>{escape(_name(schedule, o.vial))}</td><td>{escape(o.infusion)}</td>"
        f"<td><b>{escape(o.words)}</b></td><td class='small'>{escape(o.opened_by.text)}</td>"
        f"<td class='small'>{escape(o.shut_by.text)}</td></tr>"
        for o in plan.openings
    )
    return table(["Vial", "For", "Meets the plan", "before that", "after that"], rows)


def _combinations(plan: Plan, schedule: Schedule) -> str:
    chosen = [v for v in plan.combinations if calendar.local_date(v.at, schedule.zone) in plan.days]
    if not chosen:
        return ""
    lines = (
        " and ".join(f"{_name(schedule, vial)}, for {label}" for label, vial in v.vials)
        + f": {calendar.words(v.at, schedule.zone)}"
        for v in chosen
    )
    return "<p>Two vials that meet the plan together:</p>" + bullets(lines, "small")


def _week(plan: Plan, schedule: Schedule) -> str:
    """Return the week table: every usable vial at the usual time of each day."""
    singles = [v for v in plan.vials if len(v.vials) == 1]
    if not singles:
        return gap("No vial of the catalogue is usable in these weeks.")
    days = sorted({calendar.local_date(v.at, schedule.zone) for v in singles})
    cells = {(v.vials[0], calendar.local_date(v.at, schedule.zone)): v for v in singles}
    vials = sorted({v.vials[0] for v in singles}, key=lambda r: (r[0], r[1].calibrated_at, r[1].activity_gbq))
    several = len(plan.windows) > 1
    rows = []
    for label, vial in vials:
        doubt = " ?" if schedule.catalogue.is_unverified(vial.activity_gbq) else ""
        name = f"{vial.activity_gbq:g}{doubt}"
        head = f"<td>{escape(label)}</td>" if several else ""
        shown = "".join(_cell(cells.get(((label, vial), day)), vial, schedule) for day in days)
        rows.append(f"<tr>{head}<td>{name}</td><td>{vial.calibrated_at:%a %m-%d}</td>{shown}</tr>")
    head_cells = [*(["For"] if several else []), "GBq at calibration", "Calibrated"]
    head_cells += [f"{d:%a}<br>{d:%m-%d}" for d in days]
    words = f"Activity in GBq at {schedule.clock:%H:%M} on the hospital's clock. ✔ meets every target and limit"
    if any(v.keeps_doses and not v.meets_plan for v in singles):
        words += "; ◷ meets the doses, but a timing rule shuts it out"
    if any(schedule.catalogue.is_unverified(v.vials[0][1].activity_gbq) for v in singles):
        words += "; ? custom size, unverified"
    return f'<div class="week">{table(head_cells, rows, 3 if several else 2)}<p class="soft small">{words}.</p></div>'


def _cell(found: VialTime | None, vial: StockVial, schedule: Schedule) -> str:
    if found is None:
        return '<td class="number soft">–</td>'
    activity = f"{vial.at_gbq(found.at, schedule.settings.half_life_h):.2f}"
    if found.meets_plan:
        return f'<td class="number meets"><b>{activity} ✔</b></td>'
    return f'<td class="number">{activity}{" ◷" if found.keeps_doses else ""}</td>'


def _doubts(schedule: Schedule) -> str:
    doubts = schedule.catalogue.doubts
    if not doubts:
        return ""
    said = "".join(f"<li><b>Unverified:</b> {escape(d)}</li>" for d in doubts)
    return (
        f'<ul class="small">{said}</ul><p class="soft small">Catalogue: {escape(schedule.catalogue.source)}. What is'
        " unverified was found in no source that was read: check it with the supplier.</p>"
    )
