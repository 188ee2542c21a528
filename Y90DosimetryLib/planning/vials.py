"""Which vial, when: every size of the catalogue at every hour against the window of its day.

How long each of them meets the plan is in `opening_times`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from functools import cached_property
from itertools import combinations_with_replacement, product

from ..case import Settings
from ..guidelines.findings import Finding, Outcome, evaluate, judge
from ..guidelines.rule import Rule, Rulebook
from ..measures import Known, Measurement, measure
from ..missing import Missing
from ..physics import BQ_PER_GBQ, decay_factor, elapsed_h
from . import calendar
from .catalogue import Catalogue, StockVial
from .constraints import Constraint, Constraints, Override, OwnBound, constraints_of
from .dose_lines import DoseLines
from .infusions import SHOWN
from .prescription import Window, one_infusion, window

TIMED = frozenset({"treatment_day", "common_treatment_day", "activity_per_sphere_bq", "vial_calibration_activity_gbq"})
"""What depends on vial and time alone; rules about these are the timing rules."""

MOST_COMBINATIONS = 3000


@dataclass(frozen=True)
class VialTime:
    """One vial, or several, given at one moment: what each infusion gets, and what that does."""

    vials: tuple[tuple[str, StockVial], ...]
    """Each with the infusion it is for."""
    at: datetime
    activities_gbq: tuple[float, ...]
    """At infusion, for each infusion of the session."""
    per_sphere_bq: tuple[float, ...]
    """For each vial."""
    sphere_counts: tuple[float, ...]
    """For each vial."""
    spheres_per_ml: tuple[float | Missing, ...]
    """Spheres that reach each infusion's perfused volume (without residual and lung shunt), for each mL of it."""
    doses_gy: tuple[float | None, ...]
    """The doses of `infusions.SHOWN`."""
    broken: tuple[Constraint, ...]
    timing: tuple[Finding, ...]
    is_planned: bool = True
    """Whether a target is in force: without one no vial meets anything."""

    @property
    def keeps_doses(self) -> bool:
        """Whether a target is in force, and every target and limit is kept."""
        return self.is_planned and not any(not c.is_wish for c in self.broken)

    @property
    def out_of_time(self) -> tuple[Finding, ...]:
        """The timing rules that shut the vial out at this moment."""
        return tuple(f for f in self.timing if shuts(f))

    @property
    def meets_plan(self) -> bool:
        """Whether every target and limit is kept and no timing rule shuts the vial out."""
        return self.keeps_doses and not self.out_of_time


@dataclass(frozen=True)
class Schedule:
    """A planning problem with a clock: whose doses, which rules, which vials, on which days."""

    lines: DoseLines
    rules: Rulebook
    zone: tzinfo
    first: date
    last: date
    catalogue: Catalogue
    clock: time = time(10)
    """The usual time of treatment, for tables."""
    custom: bool = False
    overrides: tuple[Override, ...] = ()
    own: tuple[OwnBound, ...] = ()

    @cached_property
    def _constraints(self) -> dict[tuple[tuple[str, int], ...], Constraints]:
        return {}

    @property
    def settings(self) -> Settings:
        """The case's settings."""
        return self.lines.case.settings

    @cached_property
    def stock(self) -> tuple[StockVial, ...]:
        """Every vial that is calibrated and not expired at some moment of the days."""
        c, zone = self.catalogue, calendar.zone_of(self.catalogue.calibration_zone)
        start = calendar.at_clock(self.first, time(), self.zone)
        end = calendar.at_clock(self.last + calendar.ONE_DAY, time(), self.zone)
        earliest = calendar.after_h(start, -c.shelf_life_h)
        moments = calendar.calibrations(c.calibration_weekday, c.calibration_clock, zone, earliest, end)
        return tuple(StockVial(a, m) for m in moments for a in c.sizes_gbq(self.custom))

    def usable(self, vial: StockVial, moment: datetime) -> bool:
        """Return whether a vial is calibrated and not expired."""
        return 0 <= elapsed_h(vial.calibrated_at, moment) <= self.catalogue.shelf_life_h

    def known_with(self, vials: Sequence[tuple[str, StockVial]], moment: datetime) -> Known:
        """Return what is known of the case when these vials are given at a moment."""
        found: dict[tuple[str, str], Measurement] = {}
        days = []
        for label, vial in vials:
            hours = elapsed_h(vial.calibrated_at, moment)
            days.append(calendar.treatment_day(vial.calibrated_at, moment, self.zone))
            sphere_bq = self.settings.sphere_activity_bq * decay_factor(hours, self.settings.half_life_h)
            for name, value in (
                ("treatment_day", days[-1]),
                ("hours_since_calibration_h", hours),
                ("activity_per_sphere_bq", sphere_bq),
                ("vial_calibration_activity_gbq", vial.activity_gbq),
            ):
                found[name, label] = Measurement(name, value, about=label)
        others = [self.lines.known.get("treatment_day", i) for i in self.lines.labels if i not in dict(vials)]
        if len({*days, *(m.value for m in others)}) == 1:
            found["common_treatment_day", ""] = Measurement("common_treatment_day", days[0])
        else:
            found["common_treatment_day", ""] = Measurement(
                "common_treatment_day", missing_because="infusions are given on different days", needs=("given_at",)
            )
        return self.lines.known.updated(found.values())

    def constraints_with(self, vials: Sequence[tuple[str, StockVial]], moment: datetime) -> Constraints:
        """Return what the rules ask of the doses on the day of a moment."""
        key = tuple((label, calendar.treatment_day(v.calibrated_at, moment, self.zone)) for label, v in vials)
        if key not in self._constraints:
            known = self.known_with(vials, moment)
            self._constraints[key] = constraints_of(
                self.lines, self.rules, known, self.overrides, self.own, keeps_unused=True
            )
        return self._constraints[key]

    def window_with(self, infusion: int, vial: StockVial, moment: datetime) -> Window:
        """Return the window of one infusion on the day of a moment, the others as entered."""
        label = self.lines.labels[infusion]
        return window(
            self.lines, self.constraints_with([(label, vial)], moment), one_infusion(self.lines, infusion), label
        )

    @cached_property
    def timing_rules(self) -> tuple[tuple[Rule, str], ...]:
        """The rules about day and specific activity that the scenario judges, with the item each is about."""
        found = []
        for finding in judge(self.rules, self.lines.known, self.lines.case.disease.scenario):
            principals = [band.principal for band in finding.rule.bands]
            if principals and all(p is not None and p.measure_id in TIMED for p in principals):
                found.append((finding.rule, finding.about))
        return tuple(found)


def vial_times(schedule: Schedule) -> tuple[VialTime, ...]:
    """Return every usable vial of the catalogue at the usual clock time of each day, for each infusion.

    Other infusions of the session keep their entered activity.
    """
    found = []
    for day in calendar.days(schedule.first, schedule.last):
        moment = calendar.at_clock(day, schedule.clock, schedule.zone)
        for label in schedule.lines.labels:
            found += [
                given(schedule, [(label, vial)], moment) for vial in schedule.stock if schedule.usable(vial, moment)
            ]
    return tuple(found)


def combinations(schedule: Schedule) -> tuple[VialTime, ...]:
    """Return the sets of vials that meet the plan at the usual clock time of each day.

    One infusion: two vials of one calibration, given one after the other. Several: one vial for each, where there
    are few enough to try all.
    """
    labels = schedule.lines.labels
    found = []
    for day in calendar.days(schedule.first, schedule.last):
        moment = calendar.at_clock(day, schedule.clock, schedule.zone)
        vials = [v for v in schedule.stock if schedule.usable(v, moment)]
        sets: Iterable[tuple[StockVial, ...]]
        names: tuple[str, ...]
        if len(labels) == 1:
            pairs = combinations_with_replacement(vials, 2)
            sets = (p for p in pairs if p[0].calibrated_at == p[1].calibrated_at)
            names = (labels[0], labels[0])
        elif len(vials) ** len(labels) <= MOST_COMBINATIONS:
            sets, names = product(vials, repeat=len(labels)), labels
        else:
            continue
        tried = (_if_it_meets(schedule, list(zip(names, some, strict=True)), moment) for some in sets)
        found += [one for one in tried if one is not None]
    return tuple(found)


def given(schedule: Schedule, vials: Sequence[tuple[str, StockVial]], moment: datetime) -> VialTime:
    """Return what some vials do when they are given at a moment."""
    lines, settings = schedule.lines, schedule.settings
    at_gbq = _activities(schedule, vials, moment)
    constraints = schedule.constraints_with(vials, moment)
    counts = tuple(v.activity_gbq * BQ_PER_GBQ / settings.sphere_activity_bq for _, v in vials)
    labels = {label for label, _ in vials}
    return VialTime(
        tuple(vials),
        moment,
        at_gbq,
        tuple(
            settings.sphere_activity_bq * decay_factor(elapsed_h(v.calibrated_at, moment), settings.half_life_h)
            for _, v in vials
        ),
        counts,
        tuple(
            _density(lines, label, sum(n for n, (name, _) in zip(counts, vials, strict=True) if name == label))
            for label in lines.labels
            if label in labels
        ),
        tuple(lines.lowest_gy(name, at_gbq) for name in SHOWN),
        tuple(c for c in constraints.asked if not c.holds(at_gbq)),
        timing_findings(schedule, vials, moment),
        not constraints.nothing_to_plan,
    )


def shuts(finding: Finding) -> bool:
    """Return whether a timing rule shuts a vial out: a warning or worse; information does not."""
    return finding.outcome is Outcome.NOT_MET and finding.severity is not None and finding.severity.is_safety


def timing_findings(
    schedule: Schedule, vials: Sequence[tuple[str, StockVial]], moment: datetime
) -> tuple[Finding, ...]:
    """Return what the timing rules say of vials given at a moment."""
    known, labels = schedule.known_with(vials, moment), {label for label, _ in vials}
    return tuple(
        evaluate(rule, known, about, schedule.lines.case.disease.scenario)
        for rule, about in schedule.timing_rules
        if not about or about in labels
    )


def shut_by(schedule: Schedule, vials: Sequence[tuple[str, StockVial]], moment: datetime) -> Finding | None:
    """Return the first timing rule that shuts vials out at a moment; None where none does."""
    return next((f for f in timing_findings(schedule, vials, moment) if shuts(f)), None)


def _activities(schedule: Schedule, vials: Sequence[tuple[str, StockVial]], moment: datetime) -> tuple[float, ...]:
    by_label: dict[str, float] = {}
    for label, vial in vials:
        by_label[label] = by_label.get(label, 0.0) + vial.at_gbq(moment, schedule.settings.half_life_h)
    entered = zip(schedule.lines.labels, schedule.lines.entered_gbq, strict=True)
    return tuple(by_label.get(label, entered_gbq) for label, entered_gbq in entered)


def _if_it_meets(schedule: Schedule, vials: list[tuple[str, StockVial]], moment: datetime) -> VialTime | None:
    at_gbq = _activities(schedule, vials, moment)
    kept = all(c.holds(at_gbq) for c in schedule.constraints_with(vials, moment).hard)
    if kept and shut_by(schedule, vials, moment) is None:
        return given(schedule, vials, moment)
    return None


def _density(lines: DoseLines, label: str, sphere_count: float) -> float | Missing:
    values = []
    for name in ("perfused_volume_ml", "residual_fraction", "lung_shunt_fraction"):
        found = lines.known.get(name, label)
        if not isinstance(found.value, int | float):
            return Missing(f"{measure(name).title}: {found.missing_because}", found.needs)
        values.append(float(found.value))
    volume_ml, residual, shunt = values
    return sphere_count * (1 - residual) * (1 - shunt) / volume_ml
