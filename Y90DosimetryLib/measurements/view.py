"""What the measuring functions look at, and the shape of what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from ..case import Case
from ..compartments import Compartments
from ..dosimetry.deposits import InfusionDoses, Model, SessionDoses
from ..dosimetry.doses import Doses, Prepared
from ..dosimetry.foci import Focus
from ..dosimetry.regions import Region, RegionKind
from ..facts import FactValue
from ..missing import Missing
from ..standing import fact_of
from ..structures import Role
from ..studies import Studies, Study, studies_of
from ..timepoints import calendar_months_count

Value = FactValue | Missing
Function = Callable[["View"], Value]
ItemFunction = Callable[["View"], Mapping[str, Value]]

BEYOND_FRACTION = 0.05
"""Tool default: a tumor with no more of its volume inside the perfused volumes lies beyond them."""


class OfItem(float):
    """A number that is the lowest of several, with the name of the one it belongs to."""

    item: str

    def __new__(cls, value: float, item: str) -> OfItem:
        """Return *value* of *item*."""
        found = super().__new__(cls, value)
        found.item = item
        return found

    def __reduce__(self) -> tuple[type[OfItem], tuple[float, str]]:
        """Return how it is made again when a worker sends it."""
        return OfItem, (float(self), self.item)


class TextOf(str):
    """A choice, with what it was seen on."""

    __slots__ = ("item",)
    item: str

    def __new__(cls, value: str, item: str) -> TextOf:
        """Return *value*, seen on *item*."""
        found = super().__new__(cls, value)
        found.item = item
        return found

    def __reduce__(self) -> tuple[type[TextOf], tuple[str, str]]:
        """Return how it is made again when a worker sends it."""
        return TextOf, (str(self), self.item)


@dataclass(frozen=True)
class View:
    """One case with everything that was computed from it."""

    case: Case
    prepared: Prepared
    doses: Doses
    regions: tuple[Region, ...]

    @property
    def compartments(self) -> Compartments:
        """The disjoint parts of the liver."""
        return self.prepared.compartments

    @property
    def sessions(self) -> tuple[SessionDoses, ...]:
        """The sessions that count: a plan that was delivered does not."""
        return tuple(self.doses.sessions[i] for i in self.doses.counted)

    @cached_property
    def treated(self) -> frozenset[str]:
        """The perfused volumes of all counted sessions."""
        return frozenset(i.infusion.perfused for s in self.sessions for i in s.infusions)

    @cached_property
    def infusions(self) -> Mapping[str, tuple[SessionDoses, InfusionDoses]]:
        """Every counted infusion by its label, with its session's label before it where two share one."""
        pairs = [(s, i) for s in self.sessions for i in s.infusions]
        labels = [i.infusion.label for _, i in pairs]
        return {
            i.infusion.label if labels.count(i.infusion.label) == 1 else f"{s.session.label}: {i.infusion.label}": (
                s,
                i,
            )
            for s, i in pairs
        }

    @cached_property
    def treated_otherwise(self) -> frozenset[str]:
        """Tumors that are no target: marked so, or beyond every perfused volume where ablation cures the other lobe."""
        marked = {s.label for s in self.case.of_role(Role.TUMOR) if s.treated_otherwise}
        if self.fact("contralateral_ablation_curative") is not True:
            return frozenset(marked)
        perfused = [s.label for s in self.case.of_role(Role.PERFUSED)]
        parts = self.compartments
        for structure in self.case.of_role(Role.TUMOR):
            own_ml = parts.volume_ml(parts.lesion(structure.label))
            inside_ml = parts.volume_ml(set(parts.lesion(structure.label)) & set(parts.inside(perfused)))
            if own_ml > 0 and inside_ml <= BEYOND_FRACTION * own_ml:
                marked.add(structure.label)
        return frozenset(marked)

    @cached_property
    def foci(self) -> Mapping[str, tuple[SessionDoses, Focus]]:
        """Every focus outside liver and lungs on the images of counted sessions, with its session's name."""
        found = {}
        several = len(self.sessions) > 1
        for index in self.doses.counted:
            session = self.doses.sessions[index]
            for focus in self.prepared.foci[index] if index < len(self.prepared.foci) else ():
                label = f"{session.session.label}: {focus.label}" if several else focus.label
                found[label] = (session, focus)
        return found

    @staticmethod
    def is_harmless(session: SessionDoses, focus: Focus) -> bool:
        """Whether the team named a focus harmless."""
        return any(focus.holds(point) for point in session.session.harmless_foci_mm)

    @staticmethod
    def rests_on_given_ratio(session: SessionDoses) -> bool:
        """Whether the doses by compartment of a session come from a T:N ratio that was typed in."""
        given = session.deposits[Model.PARTITION_GIVEN]
        return session.session.image is None and not isinstance(given, Missing)

    @cached_property
    def last_given_at(self) -> datetime | Missing:
        """When the last infusion of the counted sessions is given."""
        times = [i.infusion.given_at for s in self.sessions for i in s.infusions]
        known = [t for t in times if t is not None]
        if not known or len(known) < len(times):
            return Missing("an infusion has no time", ("given_at",))
        return max(known)

    def region(self, kind: RegionKind) -> Region | Missing:
        """Return the one region of a kind."""
        found = [r for r in self.regions if r.kind is kind]
        return found[0] if found else Missing(f"there is no {kind.value.replace('_', ' ')}", ("structures",))

    @cached_property
    def studies(self) -> Studies:
        """The studies of all days; the planning study alone where there is no time point."""
        return studies_of(self.case, self.compartments, self.prepared.time_points, self.doses.withheld.everything)

    @property
    def remnant(self) -> Study:
        """The study whose remnant counts now."""
        return self.studies.present_remnant

    def fact(self, name: str) -> Value:
        """Return what the time points or the team say, or that neither does."""
        return fact_of(self.case, self.studies if self.case.time_points else None, name)


def stated(value: FactValue | None, name: str) -> Value:
    """Return a field of the case, or that it is not entered."""
    return Missing("not entered", (name,)) if value is None else value


def number(value: Value) -> float:
    """Return a known value as a number."""
    assert isinstance(value, int | float), f"{value!r} is no number"
    return float(value)


def months_between(earlier: Value | datetime, later: Value | datetime) -> Value:
    """Return the calendar months between two dates; missing when one of them is."""
    for value in (earlier, later):
        if isinstance(value, Missing):
            return value
    assert isinstance(earlier, date) and isinstance(later, date)
    return calendar_months_count(earlier, later)
