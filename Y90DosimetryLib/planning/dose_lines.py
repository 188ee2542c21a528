"""Every dose of a case as a straight line in the activities of one planned session.

The lines are read off the library's own measures: the case is measured at the entered activities and once more
for each infusion with another activity. So a dose means here what it means in every report, and what earlier
sessions gave stands in the constant of each line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..case import Basis, Case, Infusion, Session, Vial
from ..compartments import Compartments
from ..dosimetry.doses import counted_sessions
from ..engine import Engine
from ..errors import InputError
from ..guidelines.named import derived
from ..guidelines.rule import Rulebook
from ..measures import Known, Measurement
from ..physics import decay_factor

LOWEST: Mapping[str, str] = {"tumor_lowest_dose_gy.multicompartment": "tumor_session_dose_gy.multicompartment"}
"""Doses that are the smallest of several: each of those is a line, their minimum is not."""

OF_LESIONS = frozenset({"tumor_session_dose_gy.multicompartment", "thrombus_session_dose_gy.multicompartment"})
OF_ONE_SESSION = OF_LESIONS | {"ntad_session_gy.multicompartment", "perfused_dose_gy.single_compartment"}
"""Doses that targets are judged on: those of the planned session alone, whatever others gave or will give."""
REACHED_FRACTION = 0.5
"""Tool default: a session is planned for a lesion when so much of it lies in what the session perfuses."""

NOT_DOSES = frozenset({"earlier_lung_dose_gy"})
"""Doses the team states: no activity of this case changes them."""

LITTLE = 1e-6
"""Of an activity that must not be 0: what the other infusions keep while one is looked at."""

LINEAR_RELATIVE = 1e-9
"""How far a dose may lie from its line before it is called not linear (rounding only)."""

Key = tuple[str, str]
"""A measure and the item it is about."""


@dataclass(frozen=True)
class DoseLine:
    """A dose in Gy: what other sessions give, plus so many Gy for each GBq of each infusion."""

    measure_id: str
    about: str
    already_gy: float
    per_activity_gy_per_gbq: tuple[float, ...]
    """One for each infusion of the session; activities are those at infusion, before the residual."""

    def dose_gy(self, activities_gbq: Sequence[float]) -> float:
        """Return the dose at given activities."""
        return self.already_gy + sum(g * a for g, a in zip(self.per_activity_gy_per_gbq, activities_gbq, strict=True))


@dataclass(frozen=True)
class DoseLines:
    """One planned session: its infusions, what is known of the case, and the lines of its doses."""

    case: Case
    session: Session
    labels: tuple[str, ...]
    """The infusions as the measures call them."""
    entered_gbq: tuple[float, ...]
    """Activities at infusion as the case states them."""
    known: Known
    lines: Mapping[Key, DoseLine]
    not_planned_for: tuple[str, ...] = ()
    """Tumors and thrombi that the session does not reach."""

    def plans_for(self, measure_id: str, about: str) -> bool:
        """Return whether a target on a dose is one of this session: not of another's infusion, or of what it leaves."""
        if measure_id in OF_LESIONS:
            return about not in self.not_planned_for
        return measure_id not in OF_ONE_SESSION or not about or about in self.labels

    def get(self, measure_id: str, about: str = "") -> tuple[DoseLine, ...] | Measurement:
        """Return the line of a dose (several where it is the smallest of several), or why there is none."""
        each = LOWEST.get(measure_id)
        if each is None:
            line = self.lines.get((measure_id, about)) or self.lines.get((measure_id, ""))
            return (line,) if line else self._why_not(measure_id, about)
        found = tuple(line for (name, _), line in self.lines.items() if name == each)
        if not found and self.known.get(measure_id).value is not None:
            reason = "the session reaches no tumor that is to be treated by it"
            return Measurement(measure_id, missing_because=reason, needs=("sessions",))
        return found or self._why_not(measure_id, about)

    def lowest_gy(self, measure_id: str, activities_gbq: Sequence[float]) -> float | None:
        """Return a dose at given activities; the smallest where it is the smallest of several; None without a line."""
        found = self.get(measure_id)
        return None if isinstance(found, Measurement) else min(line.dose_gy(activities_gbq) for line in found)

    def _why_not(self, measure_id: str, about: str) -> Measurement:
        found = self.known.get(measure_id, about)
        if found.value is None:
            return found
        return Measurement(measure_id, missing_because="it is not proportional to the activity", about=found.about)


def planned_session(case: Case, label: str | None = None) -> Session:
    """Return the session to plan: the one named, or the last planned one that was not delivered yet.

    Raises
    ------
    InputError
        If there is none.
    """
    open_plans = [s for s in counted_sessions(case) if s.basis is Basis.PLANNED]
    if label is not None:
        open_plans = [s for s in open_plans if s.label == label]
    if not open_plans:
        named = f"'{label}' is" if label is not None else "there is"
        known = ", ".join(s.label for s in case.sessions) or "none"
        raise InputError(
            f"{named} no planned session that still counts" if label is None else f"{named} not a plan still open",
            where="sessions",
            remedy=f"Add a session with basis planned that no other delivers (sessions here: {known})",
        )
    return open_plans[-1]


def with_activities(case: Case, session: str, activities_gbq: Sequence[float]) -> Case:
    """Return the case with other activities at infusion in one session; vials keep their calibration times."""
    sessions = tuple(
        replace(
            s,
            infusions=tuple(
                _with_activity(i, a, case.settings.half_life_h)
                for i, a in zip(s.infusions, activities_gbq, strict=True)
            ),
        )
        if s.label == session
        else s
        for s in case.sessions
    )
    return replace(case, sessions=sessions)


def dose_lines(engine: Engine, rules: Rulebook, session: str | None = None) -> DoseLines:
    """Return the lines of every dose of a case in the activities of its planned session.

    Raises
    ------
    InputError
        If the session is no open plan, or what went into its doses may not be believed.
    """
    engine.require_belief()
    case = engine.case
    planned = planned_session(case, session)
    entered_gbq = tuple(i.activity_at_infusion_gbq(case.settings.half_life_h) for i in planned.infusions)
    known = known_at(engine, case, rules)
    base = _doses(known)
    steps = []
    for index in range(len(entered_gbq)):
        moved_gbq = [a * 2 if i == index else a for i, a in enumerate(entered_gbq)]
        steps.append(_doses(known_at(engine, with_activities(case, planned.label, moved_gbq), rules)))
    elsewhere_gbq = [a * (3 + i) for i, a in enumerate(entered_gbq)]
    check = _doses(known_at(engine, with_activities(case, planned.label, elsewhere_gbq), rules))
    lines = {}
    for key, dose_gy in base.items():
        per = tuple((step[key] - dose_gy) / a for step, a in zip(steps, entered_gbq, strict=True))
        already_gy = dose_gy - sum(g * a for g, a in zip(per, entered_gbq, strict=True))
        scale_gy = max(abs(dose_gy), abs(check[key]))
        if abs(already_gy) <= LINEAR_RELATIVE * scale_gy:
            already_gy = 0.0
        line = DoseLine(*key, already_gy, per)
        if abs(line.dose_gy(elsewhere_gbq) - check[key]) <= LINEAR_RELATIVE * scale_gy:
            lines[key] = line
    labels = _labels(case, planned)
    left = _not_reached(case, engine.prepared.compartments, planned)
    alone = _of_one_session(engine, rules, planned, labels, entered_gbq)
    lines = {key: line for key, line in lines.items() if key[0] not in OF_ONE_SESSION}
    lines |= {key: line for key, line in alone.items() if key[0] not in OF_LESIONS or key[1] not in left}
    return DoseLines(case, planned, labels, entered_gbq, known, lines, left)


def _of_one_session(
    engine: Engine, rules: Rulebook, planned: Session, labels: tuple[str, ...], entered_gbq: tuple[float, ...]
) -> dict[Key, DoseLine]:
    """Return the lines of the doses that one session gives, without any other; they start at 0."""
    alone = engine.only(planned.label)
    steps = []
    for number in range(len(entered_gbq)):
        only_gbq = [a if i == number else a * LITTLE for i, a in enumerate(entered_gbq)]
        steps.append(_doses(known_at(alone, with_activities(alone.case, planned.label, only_gbq), rules)))
    full = _doses(known_at(alone, alone.case, rules))
    names = dict(zip((i.label for i in planned.infusions), labels, strict=True))
    found = {}
    for (name, about), dose_gy in full.items():
        if name not in OF_ONE_SESSION:
            continue
        rest = [step[name, about] for step in steps]
        # each step is its own infusion in full and a little of all others: step = own + little (dose - own)
        own_gy = [(r - LITTLE * dose_gy) / (1.0 - LITTLE) for r in rest] if len(rest) > 1 else [dose_gy]
        per = tuple(
            0.0 if abs(gy) <= LINEAR_RELATIVE * dose_gy else gy / a for gy, a in zip(own_gy, entered_gbq, strict=True)
        )
        key = (name, names.get(about, about) if name not in OF_LESIONS else about)
        found[key] = DoseLine(*key, 0.0, per)
    return found


def _not_reached(case: Case, parts: Compartments, planned: Session) -> tuple[str, ...]:
    """Return the tumors and thrombi that a session is not planned for: treated otherwise, or beyond its territory."""
    inside = set(parts.inside(i.perfused for i in planned.infusions))
    left = []
    for _, label in parts.lesion_labels:
        own = parts.lesion(label)
        if parts.volume_ml(set(own) & inside) < REACHED_FRACTION * parts.volume_ml(own):
            left.append(label)
    marked = [s.label for s in case.structures if s.treated_otherwise]
    return tuple(dict.fromkeys([*left, *marked]))


def known_at(engine: Engine, case: Case, rules: Rulebook) -> Known:
    """Return every measurement of the engine's case at other activities, with what the rules derive."""
    known = Known(engine.measurements_at(case))
    if case.disease.scenario is not None:
        known = known.updated([Measurement("scenario", case.disease.scenario)])
    return known.updated(derived(known, rules))


def _with_activity(infusion: Infusion, activity_gbq: float, half_life_h: float) -> Infusion:
    left = decay_factor(infusion.hours_since_calibration_h or 0.0, half_life_h)
    return replace(infusion, vial=Vial(activity_gbq / left, infusion.vial.calibrated_at))


def _labels(case: Case, session: Session) -> tuple[str, ...]:
    """Return the infusions by the names of the measures: with the session's where two sessions share one."""
    all_labels = [i.label for s in counted_sessions(case) for i in s.infusions]
    return tuple(
        i.label if all_labels.count(i.label) == 1 else f"{session.label}: {i.label}" for i in session.infusions
    )


def _doses(measurements: Iterable[Measurement]) -> dict[Key, float]:
    return {
        (m.measure_id, m.about): float(m.value)
        for m in measurements
        if m.measure.is_dose and m.measure_id not in NOT_DOSES and isinstance(m.value, int | float)
    }
