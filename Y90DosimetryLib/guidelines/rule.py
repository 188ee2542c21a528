"""What a rule is made of: conditions in a closed vocabulary, bands with a severity, and a source with a place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

from ..facts import FactValue
from ..measures import Each, Known, Measure, Measurement, measure

ALL_SCENARIOS = (1, 2, 3, 4, 5)

SAME_NUMBER_RELATIVE = 1e-12
"""Two numbers this close are equal: a unit conversion in binary must not decide (18.81 umol/L is 1.1 mg/dL)."""


class Severity(StrEnum):
    """How much it matters that a rule is not met; the gravest first."""

    CONTRAINDICATION = "contraindication"
    WARNING = "warning"
    TARGET = "target"
    INFORMATION = "information"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return tuple(Severity).index(self)

    @property
    def is_safety(self) -> bool:
        """Whether this guards against harm; targets and notes aim at benefit."""
        return self in {Severity.CONTRAINDICATION, Severity.WARNING}


class Basis(StrEnum):
    """What kind of statement a rule rests on."""

    CONSENSUS = "consensus"
    COHORT = "cohort"
    LABEL = "label"
    PRACTICE = "practice"
    TOOL_DEFAULT = "tool_default"


class Comparison(StrEnum):
    """The closed vocabulary of conditions."""

    BELOW = "below"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    ABOVE = "above"
    IS = "is"
    IN = "in"

    @property
    def is_order(self) -> bool:
        """Whether this compares numbers by size."""
        return self not in {Comparison.IS, Comparison.IN}


Limit = FactValue | tuple[FactValue, ...]


@dataclass(frozen=True)
class Condition:
    """One comparison of one measure with a limit."""

    measure_id: str
    comparison: Comparison
    limit: Limit

    @property
    def measure(self) -> Measure:
        """The vocabulary's entry of what is compared."""
        return measure(self.measure_id)

    @property
    def choices(self) -> tuple[FactValue, ...]:
        """The accepted values of `is` and `in`; the one limit of the others."""
        return self.limit if isinstance(self.limit, tuple) else (self.limit,)

    def holds(self, known: Known, about: str = "") -> bool | None:
        """Return True, False, or None when the value is missing."""
        found = known.get(self.measure_id, about)
        if found.value is not None:
            return self.holds_for(found.value)
        held = {self.holds_for(value) for value in found.possible}
        return held.pop() if len(held) == 1 else None

    def holds_for(self, value: FactValue) -> bool:
        """Return whether *value* fulfills the comparison."""
        if not self.comparison.is_order:
            return any(value == choice for choice in self.choices)
        number, limit = _number(value), _number(self.choices[0])
        if math.isclose(number, limit, rel_tol=SAME_NUMBER_RELATIVE):
            return self.comparison in {Comparison.AT_MOST, Comparison.AT_LEAST}
        is_below = self.comparison in {Comparison.BELOW, Comparison.AT_MOST}
        return number < limit if is_below else number > limit

    def conditions(self) -> Iterator[Condition]:
        """Yield this condition."""
        yield self

    def unknown(self, known: Known, about: str = "") -> Iterator[Measurement]:
        """Yield the missing measurement that leaves this condition open."""
        if self.holds(known, about) is None:
            yield known.get(self.measure_id, about)


@dataclass(frozen=True)
class AnyOf:
    """Alternatives: holds when one of them does."""

    alternatives: tuple[Condition, ...]

    def holds(self, known: Known, about: str = "") -> bool | None:
        """Return the Kleene disjunction: one True decides, otherwise one unknown leaves it open."""
        held = [c.holds(known, about) for c in self.alternatives]
        return True if True in held else None if None in held else False

    def conditions(self) -> Iterator[Condition]:
        """Yield the alternatives."""
        yield from self.alternatives

    def unknown(self, known: Known, about: str = "") -> Iterator[Measurement]:
        """Yield the missing measurements that leave this open."""
        if self.holds(known, about) is None:
            for condition in self.alternatives:
                yield from condition.unknown(known, about)


Requirement = Condition | AnyOf


def all_hold(requirements: Iterable[Requirement], known: Known, about: str = "") -> bool | None:
    """Return the Kleene conjunction: one False decides, otherwise one unknown leaves it open; True when empty."""
    held = [r.holds(known, about) for r in requirements]
    return False if False in held else None if None in held else True


@dataclass(frozen=True)
class Band:
    """What holds when a rule is not met, how much that matters, and what is then said.

    `says` may name `{value}` and `{limit}` of its first condition and any measure by its id in braces; `then`
    names rules of other scenarios that are judged as well.
    """

    when: tuple[Requirement, ...]
    severity: Severity
    says: str
    then: tuple[str, ...] = ()

    @property
    def principal(self) -> Condition | None:
        """The condition the band is about: the first that stands alone."""
        return next((c for c in self.when if isinstance(c, Condition)), None)

    @property
    def guards(self) -> bool:
        """Whether this guards against harm: by its severity, or because a dose is too high."""
        principal = self.principal
        return self.severity.is_safety or (
            principal is not None
            and principal.measure.is_dose
            and principal.comparison in {Comparison.ABOVE, Comparison.AT_LEAST}
        )


@dataclass(frozen=True)
class Remark:
    """A sentence that stands beside a finding when its conditions hold, without changing it."""

    when: tuple[Requirement, ...]
    says: str


@dataclass(frozen=True)
class Source:
    """A place that a reader can open, with degree and strength of consensus exactly as printed there.

    `scenarios` is empty when the place speaks for every scenario of the rule.
    """

    reference: str
    place: str
    degree: str = ""
    consensus: str = ""
    scenarios: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One recommendation.

    It applies `when` all conditions hold. The first band that holds is the finding; none holding is "met".
    Where `established_for` does not hold, the source never showed the rule: a band that guards against harm counts
    all the same, a target, a dose too low and a pass do not.
    """

    id: str
    title: str
    topic: str
    scenarios: tuple[int, ...]
    bands: tuple[Band, ...]
    sources: tuple[Source, ...]
    basis: Basis
    checked: date
    when: tuple[Requirement, ...] = ()
    established_for: tuple[Requirement, ...] = ()
    each: Each = Each.CASE
    gate: bool = False
    """Whether nothing else may be judged when this is not met, except what holds for every tumor."""
    every_tumor: bool = False
    """Whether this holds whatever the tumor and the device: limits of the label."""
    is_range: bool = False
    """Whether a plan is made for the range that this recommends: its lower end is more than a wish then."""
    function: str = ""
    """The named function that derives the judged measure, where a comparison alone can't say it."""
    remarks: tuple[Remark, ...] = ()
    note: str = ""
    """What a reader of the rule should know: observed values, how an unclear sentence was read."""
    tool_default: str = ""
    """Which number is this project's own choice because the source gives none."""
    difference: str = ""
    """How this differs from another source on the same topic."""

    @property
    def severities(self) -> tuple[Severity, ...]:
        """The severities of the bands, the gravest first."""
        return tuple(sorted({band.severity for band in self.bands}, key=lambda s: s.rank))

    @property
    def is_policy(self) -> bool:
        """Whether this is one center's policy, which is judged only where surgery is meant or the user asks."""
        return self.basis is Basis.COHORT

    @property
    def has_target(self) -> bool:
        """Whether one of the bands is a target."""
        return Severity.TARGET in self.severities

    def requirements(self) -> Iterator[Requirement]:
        """Yield every requirement: of `when`, `established_for`, the bands and the remarks."""
        yield from (*self.when, *self.established_for)
        for when, _ in self.sentences():
            yield from when

    def sentences(self) -> Iterator[tuple[tuple[Requirement, ...], str]]:
        """Yield the requirements and the sentence of every band and remark."""
        yield from ((band.when, band.says) for band in self.bands)
        yield from ((remark.when, remark.says) for remark in self.remarks)

    @cached_property
    def measure_ids(self) -> tuple[str, ...]:
        """Return every measure the rule reads, each once."""
        ids = (c.measure_id for requirement in self.requirements() for c in requirement.conditions())
        return tuple(dict.fromkeys(ids))

    def sources_for(self, scenario: int | None) -> tuple[Source, ...]:
        """Return the sources that speak for *scenario*; all of them when none does so alone."""
        fitting = tuple(s for s in self.sources if not s.scenarios or scenario in s.scenarios)
        return fitting or self.sources


Rulebook = Mapping[str, Rule]
"""Rules by id, in the order of their files."""


def _number(value: FactValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{value!r} is not a number"
        raise TypeError(msg)
    return float(value)
