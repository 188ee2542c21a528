"""One call for a whole plan: window, vials, several infusions, planned against delivered, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, time, timedelta, tzinfo

from ..dosimetry.doses import counted_sessions
from ..engine import Engine
from ..guidelines import Rulebook, load_rules
from ..missing import Missing
from ..progress import Progress, silent
from . import calendar
from .catalogue import Catalogue, load_catalogue
from .compare import Comparison, compare, delivered_pairs
from .constraints import Constraints, Override, OwnBound, constraints_of
from .dose_lines import DoseLines, dose_lines, planned_session
from .ends import WindowEnd, nowhere_safe, window_ends, with_all_lung_doses
from .infusions import Aim, FeasibleSet, feasible_set
from .models import ModelTable, models_side_by_side
from .opening_times import Opening, openings
from .prescription import Window, fixed_split, window, windows
from .ranking import Ranked, ranked
from .stated import StatedInputs
from .uncertainty import DoseInterval, Safety, Sampled, intervals, monte_carlo, safety_of
from .vials import Schedule, VialTime, combinations, vial_times

NO_CEILING = Missing("no upper limit of a dose is established, so none of the activities is the best", ("scenario",))


@dataclass(frozen=True)
class PlanOptions:
    """What a planner may choose; every default is visible in the plan."""

    session: str | None = None
    """The planned session; None takes the last one that is not delivered yet."""
    first: date | None = None
    """The day of treatment, or the first of several; None takes the day of the session's first infusion."""
    last: date | None = None
    clock: time = time(10)
    """The hospital's usual time of treatment, for tables."""
    catalogue: Catalogue | None = None
    custom_vials: bool = False
    overrides: tuple[Override, ...] = ()
    own: tuple[OwnBound, ...] = ()
    aim: Aim = Aim.HIGHEST_TUMOR
    split_fractions: tuple[float, ...] | None = None
    """Shares of the infusions, for the aim of a fixed split."""
    stated: StatedInputs = StatedInputs()
    samples: int = 0
    """Of a Monte Carlo beside the first-order intervals; 0 for none."""
    seed: int = 0
    models: bool = False
    """Whether to add the table of models."""
    empiric: bool = False
    """Whether that table adds the empiric activities, which stem from resin."""
    keeps_unused: bool = False
    """Whether numbers of the user's that ask nothing here become notes of the plan; else they are refused."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything a planner decides with; each gap says why it is one."""

    lines: DoseLines
    constraints: Constraints
    windows: tuple[Window, ...]
    """One for each infusion, the others as entered."""
    split: Window
    """All infusions in a fixed split; the same as the first window for one infusion."""
    together: FeasibleSet | None
    """Several infusions at once; None for one."""
    schedule: Schedule | Missing
    days: tuple[date, ...]
    """The days of treatment asked for."""
    vials: tuple[VialTime, ...]
    """Every vial at the usual time of every day of the weeks that hold those days."""
    openings: tuple[Opening, ...]
    combinations: tuple[VialTime, ...]
    comparison: Comparison | None
    intervals: tuple[DoseInterval, ...] | Missing
    safety: tuple[Safety, ...]
    sampled: Sampled | None
    notes: tuple[str, ...]
    ends: tuple[WindowEnd, ...] = ()
    """The ends of `split` with their intervals; empty where no dose has one."""
    models: ModelTable | None = None
    headline: str = ""
    """What the verdict says first: errors of the input, contraindications, limits exceeded, targets missed."""
    ranked: tuple[Ranked, ...] = ()
    """The vials nearest to the prescription, where nothing but the lungs limits the activity."""
    nowhere_safe: str = ""
    """Where the safe ends of `split` cross: that no activity is safely inside, and what would have to be better."""

    @property
    def is_second_session(self) -> bool:
        """Whether this plans a session after one that was delivered, made from its plan."""
        return self.comparison is not None and self.lines is self.comparison.second_lines


def plan_of(engine: Engine, options: PlanOptions | None = None, progress: Progress = silent) -> Plan:
    """Return the plan of a case.

    Without an open plan, but with one that was delivered, this is the plan of a second session.

    Raises
    ------
    InputError
        If there is nothing to plan, an option is impossible, or a technical check finds an error that would make
        every dose wrong.
    """
    engine.require_belief()
    options, case = options or PlanOptions(), engine.case
    rules = load_rules()
    notes: list[str] = []
    progress(0.0, "comparing planned and delivered")
    comparison = comparison_of(engine)
    progress(0.2, "finding the window")
    lines = _lines(engine, rules, options, comparison, notes)
    constraints = constraints_of(lines, rules, None, options.overrides, options.own, options.keeps_unused)
    several = len(lines.labels) > 1
    shares = fixed_split(lines, options.split_fractions if several else None)
    split = window(lines, constraints, shares, "all infusions together" if several else lines.labels[0])
    planned = several and not constraints.nothing_to_plan
    together = feasible_set(lines, constraints, options.aim, options.split_fractions) if planned else None
    if together is not None and not split.has_ceiling:
        together = replace(together, best=NO_CEILING)
    progress(0.4, "trying vials")
    schedule, days = schedule_of(lines, rules, options)
    dated = schedule if isinstance(schedule, Schedule) and not constraints.nothing_to_plan else None
    progress(0.6, "propagating uncertainties")
    found = intervals(engine, options.stated)
    if not isinstance(found, Missing):
        found = with_all_lung_doses(found, lines)
    sampled = monte_carlo(engine, options.stated, options.samples, options.seed) if options.samples else None
    if isinstance(found, Missing):
        notes.append(f"No dose has an interval of this case's own: {found.because}. Those of the verdict are typical.")
    if lines.not_planned_for:
        notes.append(f"Not planned for, since this session does not treat them: {', '.join(lines.not_planned_for)}.")
    notes += [unused.text for unused in constraints.unused]
    given_gbq = lines.entered_gbq if lines.case is case else (0.0,) * len(lines.labels)
    table = None
    if options.models:
        progress(0.8, "setting the models side by side")
        shown = lines.session.label if lines.case is case or comparison is None else comparison.delivered
        table = models_side_by_side(engine, shown, options.empiric)
    return Plan(
        lines,
        constraints,
        windows(lines, constraints),
        split,
        together,
        schedule,
        days,
        vial_times(dated) if dated else (),
        openings(dated) if dated else (),
        combinations(dated) if dated else (),
        comparison,
        found,
        () if isinstance(found, Missing) else safety_of(constraints.asked, found, given_gbq),
        None if isinstance(sampled, Missing) else sampled,
        tuple(notes),
        () if isinstance(found, Missing) else window_ends(split, found, shares),
        table,
        headline=engine.live().verdict.headline,
        ranked=tuple(ranked(lines, split, dated, days)) if dated else (),
        nowhere_safe="" if isinstance(found, Missing) else nowhere_safe(split, found, shares),
    )


def comparison_of(engine: Engine) -> Comparison | None:
    """Return what became of the last plan that was delivered; None where none was.

    Raises
    ------
    InputError
        If a technical check finds an error that would make every dose wrong.
    """
    return compare(engine, load_rules()) if delivered_pairs(engine.case) else None


def _lines(
    engine: Engine,
    rules: Rulebook,
    options: PlanOptions,
    comparison: Comparison | None,
    notes: list[str],
) -> DoseLines:
    case = engine.case
    is_open = any(s.basis == "planned" for s in counted_sessions(case))
    if options.session is None and not is_open and comparison is not None and comparison.second_lines is not None:
        notes.append(
            f"'{comparison.planned}' was delivered: this plans a second session that spreads as it did, with all that"
            " was delivered counted in every limit."
        )
        return comparison.second_lines
    planned_session(case, options.session)
    return dose_lines(engine, rules, options.session)


def schedule_of(lines: DoseLines, rules: Rulebook, options: PlanOptions) -> tuple[Schedule | Missing, tuple[date, ...]]:
    """Return the schedule of the whole weeks that hold the days of treatment, and these days.

    Missing where the day of treatment or the hospital's time zone is.

    Raises
    ------
    InputError
        If the days are in the wrong order or more than a year.
    """
    zone = _zone(lines)
    if isinstance(zone, Missing):
        return zone, ()
    moments = [i.given_at for i in lines.session.infusions if i.given_at is not None]
    first = options.first or (calendar.local_date(min(moments), zone) if moments else None)
    if first is None:
        return Missing("no day of treatment is given", ("given_at", "--date")), ()
    days = calendar.days(first, options.last or first)
    monday = first - timedelta(days=first.weekday())
    sunday = days[-1] + timedelta(days=6 - days[-1].weekday())
    catalogue = options.catalogue or load_catalogue()
    return (
        Schedule(
            lines,
            rules,
            zone,
            monday,
            sunday,
            catalogue,
            options.clock,
            options.custom_vials,
            options.overrides,
            options.own,
        ),
        days,
    )


def _zone(lines: DoseLines) -> tzinfo | Missing:
    name = lines.case.settings.hospital_time_zone
    if name is not None:
        return calendar.zone_of(name)
    for infusion in lines.session.infusions:
        if infusion.given_at is not None and infusion.given_at.tzinfo is not None:
            return infusion.given_at.tzinfo
    return Missing("the hospital's time zone is not stated", ("hospital_time_zone",))
