"""How much: the window of one planned infusion, what limits it, and the user's own numbers; no widgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import slicer

from Y90DosimetryLib.case import Basis, Case, Vial
from Y90DosimetryLib.dosimetry.doses import counted_sessions
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.physics import decay_factor, elapsed_h
from Y90DosimetryLib.planning import (
    Aim,
    Comparison,
    Constraint,
    Constraints,
    DoseInterval,
    DoseLines,
    FeasibleSet,
    Window,
    compare,
    constraints_of,
    dose_lines,
    feasible_set,
    intervals,
    window,
)
from Y90DosimetryLib.planning.compare import delivered_pairs
from Y90DosimetryLib.planning.prescription import one_infusion

from .cases import momentOf
from .ownnumbers import nameOf, numbersOf, statedOf
from .parameters import Parameters

LEAST_GBQ = 0.01
"""No vial holds less; an activity of 0 is no treatment."""
MEASURED = {"label", "structures", "sessions", "ct", "notes"}
UNCHANGED = Vial(1.0)
"""Stands for the activities that are varied, where everything else is compared."""


@dataclass(frozen=True, eq=False)
class Prescription:
    """One planned infusion at the activities as they are now."""

    case: Case
    lines: DoseLines
    constraints: Constraints
    window: Window
    index: int

    @property
    def notUsed(self) -> tuple[str, ...]:
        """Numbers of the user's own that ask nothing here, by the names under which they are stored."""
        return tuple(nameOf(unused.number) for unused in self.constraints.unused)

    @property
    def label(self) -> str:
        """The infusion's name."""
        return self.lines.labels[self.index]

    @property
    def activityGbq(self) -> float:
        """What is prescribed, at infusion."""
        return self.lines.entered_gbq[self.index]

    @property
    def broken(self) -> tuple[Constraint, ...]:
        """Targets and limits that the activities do not keep."""
        return tuple(c for c in self.constraints.hard if not c.holds(self.lines.entered_gbq))


class Prescriber:
    """Keeps what does not change with the activities of the planned session, so that a slider is quick."""

    def __init__(self) -> None:
        self._lines: tuple[tuple, DoseLines] | None = None
        self._constraints: tuple[tuple, Constraints] | None = None
        self._slow: dict[str, tuple[tuple, object]] = {}

    def prescription(self, engine: Engine, session: str, index: int, limits: Mapping[str, str]) -> Prescription:
        """Return the prescription of one infusion of a planned session.

        Raises
        ------
        InputError
            If the session is no open plan, or what went into its doses may not be believed.
        """
        engine.require_belief()
        lines = self._linesOf(engine, session)
        constraints = self._constraintsOf(lines, limits)
        found = window(lines, constraints, one_infusion(lines, index), lines.labels[index])
        return Prescription(engine.case, lines, constraints, found, index)

    def _linesOf(self, engine: Engine, session: str) -> DoseLines:
        key, case = (session, keyOf(engine, session)), engine.case
        if self._lines is None or self._lines[0] != key:
            self._lines = (key, dose_lines(engine, load_rules(), session))
        kept = self._lines[1]
        planned = next(s for s in case.sessions if s.label == session)
        enteredGbq = tuple(i.activity_at_infusion_gbq(case.settings.half_life_h) for i in planned.infusions)
        return replace(kept, case=case, session=planned, entered_gbq=enteredGbq)

    def _constraintsOf(self, lines: DoseLines, limits: Mapping[str, str]) -> Constraints:
        key = (self._lines[0], tuple(sorted(limits.items())))
        if self._constraints is None or self._constraints[0] != key:
            found = constraints_of(lines, load_rules(), None, *numbersOf(limits), keeps_unused=True)
            self._constraints = (key, found)
        return self._constraints[1]

    # What takes longer: asked for when it is looked at

    def together(self, now: Prescription, aim: Aim) -> FeasibleSet | None:
        """Return the feasible activities of all infusions, or None for a single one."""
        if len(now.lines.labels) < 2:
            return None
        shares = now.lines.entered_gbq if aim is Aim.FIXED_SPLIT else None
        return self._once(
            "together",
            (self._constraints[0], aim, shares),
            lambda: feasible_set(now.lines, now.constraints, aim),
        )

    def comparison(self, engine: Engine) -> Comparison | None:
        """Return planned against delivered; None when no session delivers a plan."""
        if not delivered_pairs(engine.case):
            return None
        engine.require_belief()
        return self._once("comparison", keyOf(engine, ""), lambda: compare(engine, load_rules()))

    def intervals(
        self, engine: Engine, stated: Mapping[str, str], onlyKept: bool = False
    ) -> tuple[DoseInterval, ...] | Missing | None:
        """Return every dose with its interval from the stated inputs; missing when nothing is stated.

        With *onlyKept* nothing is computed: None is returned where it would have to be.
        """
        inputs = statedOf(stated)
        key = (keyOf(engine, ""), tuple(sorted(stated.items())))
        isKept = "intervals" in self._slow and self._slow["intervals"][0] == key
        if onlyKept and not isKept and not inputs.is_empty:
            return None
        return self._once("intervals", key, lambda: intervals(engine, inputs))

    def _once(self, name: str, key: tuple, make: Callable[[], object]):
        """Return what was made before for the same key."""
        if name not in self._slow or self._slow[name][0] != key:
            self._slow[name] = (key, make())
        return self._slow[name][1]


@dataclass(frozen=True, eq=False)
class Same:
    """Something large in a key: equal to itself alone, and kept, so that nothing else takes its place."""

    kept: object

    def __eq__(self, other: object) -> bool:
        """Whether both hold one and the same thing."""
        return isinstance(other, Same) and self.kept is other.kept

    def __hash__(self) -> int:
        """Return a number that equal ones share."""
        return hash(type(self.kept))


def keyOf(engine: Engine, session: str) -> tuple:
    """Return what doses depend on, but for the activities of one session.

    What was measured stands for images and structures; it is compared by identity, as are other lists of the case.
    """
    case, prepared = engine.case, engine.prepared
    sessions = tuple(
        (
            s.label,
            s.basis,
            s.delivers,
            tuple(
                replace(i, vial=replace(UNCHANGED, calibrated_at=i.vial.calibrated_at)) if s.label == session else i
                for i in s.infusions
            ),
        )
        for s in case.sessions
    )
    stated = [getattr(case, f.name) for f in fields(case) if f.name not in MEASURED]
    others = tuple(tuple(map(Same, value)) if isinstance(value, tuple) else value for value in stated)
    return (sessions, others, Same(prepared.compartments), prepared.lung_mass_g)


def openPlans(case: Case) -> tuple[str, ...]:
    """Return the labels of the planned sessions with infusions that none has delivered yet."""
    return tuple(s.label for s in counted_sessions(case) if s.basis is Basis.PLANNED and s.infusions)


# Activities


def infusionPack(parameters: Parameters, session: str, index: int):
    """Return where the scene keeps an infusion."""
    pack = next(s for s in parameters.sessions if s.label == session)
    return pack.infusions[index]


def setActivity(parameters: Parameters, session: str, index: int, atInfusionGbq: float) -> None:
    """Prescribe an activity at infusion; the vial's, at its calibration, follows."""
    pack = infusionPack(parameters, session, index)
    left = leftFraction(pack, parameters.settings.halfLifeH)
    pack.activityGbq = max(LEAST_GBQ, atInfusionGbq) / left


def leftFraction(pack, halfLifeH: float) -> float:
    """Return what is left at the infusion of the activity at calibration; 1 where one of the times is not stated."""
    times = [momentOf(text, pack.label) for text in (pack.calibratedAt, pack.givenAt)]
    return 1.0 if None in times else decay_factor(elapsed_h(*times), halfLifeH)


@dataclass(frozen=True)
class Snapshot:
    """What a prescription may change."""

    infusions: tuple[tuple[str, str, float | None, str, str], ...]
    limits: tuple[tuple[str, str], ...]


class History:
    """What to go back to. Changes of one gesture (a slider that is dragged) are undone together."""

    MOST = 50

    def __init__(self) -> None:
        self._kept: list[Snapshot] = []
        self._gesture = ""

    @property
    def isEmpty(self) -> bool:
        """Whether there is nothing to undo."""
        return not self._kept

    def remember(self, parameters: Parameters, gesture: str) -> None:
        """Remember what is, before something changes; nothing while the same gesture goes on."""
        if gesture != self._gesture:
            self._kept = [*self._kept[-self.MOST + 1 :], snapshotOf(parameters)]
        self._gesture = gesture

    def pause(self) -> None:
        """Whatever comes next is another gesture."""
        self._gesture = ""

    def undo(self, parameters: Parameters) -> None:
        """Go back by one gesture; infusions that are gone by now stay gone."""
        self.pause()
        if not self._kept:
            return
        before = self._kept.pop()
        values = {(session, label): rest for session, label, *rest in before.infusions}
        with slicer.util.NodeModify(parameters):
            for session in parameters.sessions:
                for infusion in session.infusions:
                    found = values.get((session.label, infusion.label))
                    if found is not None:
                        infusion.activityGbq, infusion.calibratedAt, infusion.givenAt = found
            parameters.limits = dict(before.limits)


def snapshotOf(parameters: Parameters) -> Snapshot:
    """Return what a prescription may change, as it is now."""
    infusions = tuple(
        (session.label, i.label, i.activityGbq, i.calibratedAt, i.givenAt)
        for session in parameters.sessions
        for i in session.infusions
    )
    return Snapshot(infusions, tuple(parameters.limits.items()))


def endsGbq(found: Window) -> tuple[str, str]:
    """Return the ends of a window as text, rounded inward: what is read lies in it. The upper is empty without one."""
    for digits in range(2, 6):
        scale = 10**digits
        low, high = math.ceil(found.low_gbq * scale - 1e-6) / scale, math.inf
        if found.high_gbq < math.inf:
            high = math.floor(found.high_gbq * scale + 1e-6) / scale
        if low < high:
            break
    return f"{low:.{digits}f}", "" if high == math.inf else f"{high:.{digits}f}"
