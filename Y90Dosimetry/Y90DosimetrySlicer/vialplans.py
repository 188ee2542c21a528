"""Which vial, when: the calendar of one planned session around a day of treatment; no widgets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.measures import DAY_NAMES
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import (
    Opening,
    Schedule,
    StockVial,
    VialTime,
    combinations,
    openings,
    schedule_of,
    vial_times,
)
from Y90DosimetryLib.planning import calendar as clock
from Y90DosimetryLib.planning.infusions import LUNGS, PERFUSED_NORMAL, SHOWN, TUMOR
from Y90DosimetryLib.planning.vials import given

from .ownnumbers import optionsOf
from .parameters import Parameters
from .prescribing import Prescription, Same, infusionPack

DOSES = tuple(SHOWN.index(name) for name in (TUMOR, PERFUSED_NORMAL, LUNGS))
"""The doses of a row: tumor, perfused normal liver, lungs."""
HALF = 0.5
HOURS = (time(8), time(18))
"""A moment between these is proposed before one in the evening or at night."""


@dataclass(frozen=True)
class VialRow:
    """A vial that meets the plan, at one moment within the time it does."""

    vial: StockVial
    chosen: VialTime
    opens: str
    """From when to when it meets the plan, on the hospital's clock."""


@dataclass(frozen=True, eq=False)
class VialPlans:
    """The weeks around the day of treatment."""

    schedule: Schedule
    moment: datetime
    rows: tuple[VialRow, ...]
    week: tuple[VialTime, ...]
    pairs: tuple[VialTime, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The days of the week table."""
        return clock.days(self.schedule.first, self.schedule.last)


def scheduleOf(parameters: Parameters, now: Prescription) -> tuple[Schedule, datetime] | Missing:
    """Return the week of the treatment and its moment, or what must be stated first."""
    options = optionsOf(parameters)
    schedule, days = schedule_of(now.lines, load_rules(), options)
    if isinstance(schedule, Missing):
        return schedule
    givenAt = now.lines.session.infusions[now.index].given_at
    if options.first is not None or givenAt is None:
        return schedule, clock.at_clock(days[0], schedule.clock, schedule.zone)
    own = replace(options, first=clock.local_date(givenAt, schedule.zone))
    return schedule_of(now.lines, load_rules(), own)[0], givenAt


def keyOfVials(parameters: Parameters, now: Prescription) -> tuple:
    """Return what the vials depend on, but for the activity of the infusion they are for."""
    pack = parameters.prescription
    others = tuple(gbq for i, gbq in enumerate(now.lines.entered_gbq) if i != now.index)
    constraints = Same(now.constraints)
    stated = (pack.day, pack.clock, pack.customVials, parameters.settings.hospitalTimeZone)
    return (now.label, constraints, others, *stated)


def vialPlans(parameters: Parameters, now: Prescription) -> VialPlans | Missing:
    """Return the vials that meet the plan in the week of the treatment, and the table of that week."""
    found = scheduleOf(parameters, now)
    if isinstance(found, Missing):
        return found
    schedule, moment = found
    rows = []
    for one in openings(schedule):
        if one.infusion != now.label:
            continue
        at = _within(schedule, one.start, one.end, moment)
        rows.append(VialRow(one.vial, given(schedule, [(now.label, one.vial)], at), spanText(one, schedule)))
    week = tuple(v for v in vial_times(schedule) if v.vials[0][0] == now.label)
    return VialPlans(schedule, moment, tuple(rows), week, combinations(schedule))


def _within(schedule: Schedule, start: datetime, end: datetime, moment: datetime) -> datetime:
    """Return the moment of treatment or the usual clock time where the vial meets the plan then.

    Else the middle of the longest part by day, and where the plan is met at night alone, the middle of it all.
    """
    days, zone = clock.days(schedule.first, schedule.last), schedule.zone
    usual = (clock.at_clock(day, schedule.clock, zone) for day in days)
    inside = [at for at in (moment, *usual) if start < at < end]
    if inside:
        return inside[0]
    hours = ([clock.at_clock(day, at, zone) for at in HOURS] for day in days)
    parts = [(max(start, opens), min(end, closes)) for opens, closes in hours if opens < end and start < closes]
    first, last = max(parts, key=lambda part: part[1] - part[0], default=(start, end))
    return first + (last - first) * HALF


def spanText(opening: Opening, schedule: Schedule) -> str:
    """Return a span in few characters, such as "Tu 3 12:52 – 18:31" or "Su 8 21:04 – Mo 9 02:43"."""
    first = clock.first_minute(opening.start, opening.end)
    start, end = (moment.astimezone(schedule.zone) for moment in (first, opening.end))
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{dayName(end.date())} {end:%H:%M}"
    return f"{dayName(start.date())} {start:%H:%M} – {last}"


def dayName(day: date) -> str:
    """Return a day as a column is headed, such as "Tu 3"."""
    return f"{DAY_NAMES[day.isoweekday() % 7][:2]} {day.day}"


def ticksOf(parameters: Parameters, now: Prescription) -> tuple[tuple[StockVial, float], ...]:
    """Return every usable vial with its activity at the moment of treatment; empty where that is not stated."""
    found = scheduleOf(parameters, now)
    if isinstance(found, Missing):
        return ()
    schedule, moment = found
    halfLifeH = schedule.settings.half_life_h
    return tuple((v, v.at_gbq(moment, halfLifeH)) for v in schedule.stock if schedule.usable(v, moment))


def useVial(parameters: Parameters, session: str, index: int, chosen: VialTime, schedule: Schedule) -> None:
    """Prescribe a vial: its activity, its calibration and the moment it is given at.

    Raises
    ------
    InputError
        If several vials were chosen for the one infusion.
    """
    if len(chosen.vials) != 1:
        raise InputError(_("an infusion holds one vial"), where=_("vials"), remedy=_("Choose a single vial"))
    pack, vial = infusionPack(parameters, session, index), chosen.vials[0][1]
    with slicer.util.NodeModify(parameters):
        pack.activityGbq = vial.activity_gbq
        pack.calibratedAt = vial.calibrated_at.isoformat()
        pack.givenAt = chosen.at.astimezone(schedule.zone).replace(microsecond=0).isoformat()


def vialName(vial: StockVial) -> str:
    """Return a vial by its size and the day of its calibration."""
    return _("{size:g} GBq of {day}").format(size=vial.activity_gbq, day=f"{vial.calibrated_at:%m-%d}")


def weekCells(plans: VialPlans) -> tuple[list[StockVial], dict[tuple[StockVial, date], VialTime]]:
    """Return the rows of the week table, and its cells by vial and day."""
    zone = plans.schedule.zone
    vials = sorted({v.vials[0][1] for v in plans.week}, key=lambda v: (v.calibrated_at, v.activity_gbq))
    return vials, {(v.vials[0][1], clock.local_date(v.at, zone)): v for v in plans.week}


def details(chosen: VialTime, schedule: Schedule) -> list[str]:
    """Return what a vial at a moment does, in sentences."""
    vial = chosen.vials[0][1]
    atGbq = vial.at_gbq(chosen.at, schedule.settings.half_life_h)
    lines = [
        _("{vial}, given {when}: {at:.2f} GBq, {sphere:.0f} Bq a sphere, {count:.1f} million spheres{density}.").format(
            vial=vialName(vial),
            when=clock.words(chosen.at, schedule.zone),
            at=atGbq,
            sphere=chosen.per_sphere_bq[0],
            count=chosen.sphere_counts[0] / 1e6,
            density=_density(chosen.spheres_per_ml),
        )
    ]
    lines += [finding.message for finding in chosen.timing]
    if chosen.broken:
        lines.append(_("Not kept: {what}.").format(what="; ".join(c.text for c in chosen.broken)))
    return lines


def _density(found: Sequence[float | Missing]) -> str:
    if not found or isinstance(found[0], Missing) or not math.isfinite(found[0]):
        return ""
    return _(", {count:.0f} of them in each mL").format(count=found[0])


def catalogueNote(schedule: Schedule) -> str:
    """Return where the sizes come from, and which of the catalogue's numbers no source backs."""
    c = schedule.catalogue
    names = {"custom": _("custom sizes"), "shelf_life": _("shelf life"), "calibration": _("day of calibration")}
    unverified = ", ".join(names.get(name, name) for name in c.unverified)
    text = _("Sizes: {source}.").format(source=c.source)
    if not unverified:
        return text
    return _("{sizes} Not verified, ask the supplier: {what}.").format(sizes=text, what=unverified)
