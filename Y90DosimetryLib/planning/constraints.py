"""What the rules ask of the doses, as bounds on straight lines; the rules' own data hold every number.

A band of a rule says when the rule is *not* met. With everything known that no activity changes, what remains of
its conditions are comparisons of doses; to keep clear of the band, one of them must not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..guidelines import wording
from ..guidelines.findings import Outcome, judge
from ..guidelines.rule import AnyOf, Band, Comparison, Condition, Requirement, Rule, Rulebook, Severity, all_hold
from ..measures import Known, Measurement, measure, needs_of
from .dose_lines import DoseLine, DoseLines
from .own_numbers import Override as Override
from .own_numbers import Overrides, Unused, is_dose, refused
from .own_numbers import OwnBound as OwnBound
from .own_numbers import Side as Side


@dataclass(frozen=True)
class Bound:
    """One comparison of one dose line with a limit; with `is_open` the limit itself does not do."""

    line: DoseLine
    side: Side
    limit_gy: float
    is_open: bool = False
    printed_gy: float | None = None
    """Of an alternative that another rule prints: its number, where the user put in another one there."""

    @property
    def text(self) -> str:
        """The bound in words."""
        entry = measure(self.line.measure_id)
        words = {Side.AT_LEAST: "more than", Side.AT_MOST: "less than"}[self.side] if self.is_open else str(self.side)
        about = f" ({self.line.about})" if self.line.about else ""
        changed = "" if self.printed_gy is None else f" (not {self.printed_gy:g} Gy, set by the user)"
        return f"{entry.title}{about} {words} {self.limit_gy:g} Gy{changed}"

    def holds(self, activities_gbq: Sequence[float]) -> bool:
        """Return whether given activities keep it, up to rounding."""
        dose_gy = self.line.dose_gy(activities_gbq)
        slack_gy = ROUNDING_RELATIVE * max(abs(self.limit_gy), abs(dose_gy))
        if self.is_open:
            slack_gy = -slack_gy
        if self.side is Side.AT_LEAST:
            return dose_gy >= self.limit_gy - slack_gy
        return dose_gy <= self.limit_gy + slack_gy


ROUNDING_RELATIVE = 1e-9
"""Two doses this close are equal: an activity computed from a limit meets that limit."""


@dataclass(frozen=True)
class Constraint:
    """One target, limit or wish of a rule, or of the user; kept when one of its bounds is."""

    severity: Severity
    bounds: tuple[Bound, ...]
    rule: Rule | None = None
    """None: the user's own."""
    printed_gy: float | None = None
    """What the rule prints where the user put in another number."""

    @property
    def is_wish(self) -> bool:
        """Whether this is asked for only where possible: it does not shut the window."""
        return self.severity is Severity.INFORMATION and not (self.rule is not None and self.rule.is_range)

    @property
    def is_target(self) -> bool:
        """Whether this is what an activity is given for: a target, or the lower end of a recommended range."""
        return not self.is_wish and self.severity in {Severity.TARGET, Severity.INFORMATION}

    @property
    def kind(self) -> str:
        """What it is to the planner."""
        if self.is_wish:
            return "wish"
        return "target" if self.is_target else "limit"

    @property
    def name(self) -> str:
        """Who asks, and what for."""
        return f"{self.rule.id if self.rule else 'your own'}: {self.text}"

    @property
    def text(self) -> str:
        """What is asked, and that the user changed it."""
        asked = " or ".join(bound.text for bound in self.bounds)
        return asked if self.printed_gy is None else f"{asked} (set by the user; the rule says {self.printed_gy:g} Gy)"

    def holds(self, activities_gbq: Sequence[float]) -> bool:
        """Return whether given activities keep it."""
        return any(bound.holds(activities_gbq) for bound in self.bounds)


@dataclass(frozen=True)
class OpenQuestion:
    """What a rule might ask, and what must be known to tell."""

    rule: Rule
    about: str
    severity: Severity
    because: str
    needs: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    """What it asks if it applies."""


@dataclass(frozen=True)
class Constraints:
    """What the rules and the user ask, what can't be told, and what the user set aside."""

    asked: tuple[Constraint, ...]
    open_questions: tuple[OpenQuestion, ...]
    set_aside: tuple[str, ...]
    stopped_by: str = ""
    """Why little else is judged: a gate of the rules that is not met."""
    nothing_to_plan: str = ""
    """Why there is no window: no target is in force. Empty where one is."""
    unused: tuple[Unused, ...] = ()
    """Only where such numbers are kept; else they are refused."""

    @property
    def hard(self) -> tuple[Constraint, ...]:
        """Targets and limits, without wishes."""
        return tuple(c for c in self.asked if not c.is_wish)


def constraints_of(
    lines: DoseLines,
    rules: Rulebook,
    known: Known | None = None,
    overrides: Sequence[Override] = (),
    own: Sequence[OwnBound] = (),
    keeps_unused: bool = False,
) -> Constraints:
    """Return what the rules of the case's scenario ask of the doses.

    Parameters
    ----------
    known
        Measurements to judge with in place of those of *lines* (another day of treatment).
    keeps_unused
        Whether numbers of the user's that ask nothing here (another scenario or day, a dose that is missing) are
        listed as `Constraints.unused` in place of being refused.

    Raises
    ------
    InputError
        If an override names a rule, or a number in it, that asks nothing here, or a bound a dose that is missing.
    """
    known = known or lines.known
    findings = judge(rules, known, lines.case.disease.scenario)
    gate = next((f for f in findings if f.rule.gate and f.outcome is Outcome.NOT_MET), None)
    asked: list[Constraint] = []
    questions: list[OpenQuestion] = []
    used = Overrides(overrides, rules)
    for finding in findings:
        if finding.outcome is Outcome.NOT_APPLICABLE and gate and not finding.rule.every_tumor:
            continue
        for found in _of_rule(finding.rule, finding.about, lines, known, used):
            if isinstance(found, OpenQuestion):
                questions.append(found)
            elif found not in asked:
                asked.append(found)
    unused = used.unused(rules)
    for bound in own:
        of_bound = _own(bound, lines)
        if isinstance(of_bound, Unused):
            unused.append(of_bound)
        else:
            asked += of_bound
    if unused and not keeps_unused:
        raise refused(unused[0])
    reason = gate.message if gate else ""
    unknown = next((f for f in findings if f.rule.gate and f.outcome is Outcome.NOT_EVALUABLE), None)
    nothing = "" if any(c.is_target for c in asked) else _no_target(lines, questions, reason)
    if unknown is not None:
        nothing = f"it is not known whether these sources apply. {unknown.message}"
    return Constraints(tuple(asked), tuple(questions), tuple(used.set_aside), reason, nothing, tuple(unused))


def _no_target(lines: DoseLines, questions: Sequence[OpenQuestion], reason: str) -> str:
    """Return why no target is in force, and what would bring one."""
    if reason:
        return f"no target of these sources applies: {reason}"
    if lines.case.disease.scenario is None:
        return "nothing is judged, since no scenario is chosen: choose the clinical scenario, 1 to 5"
    open_targets = [q for q in questions if q.severity is Severity.TARGET]
    if open_targets:
        named = dict.fromkeys(q.because for q in open_targets if q.because)
        return f"no target can be told: {'; '.join(named)}"
    return "no target of the scenario applies here"


def _of_rule(
    rule: Rule, about: str, lines: DoseLines, known: Known, used: Overrides
) -> Iterator[Constraint | OpenQuestion]:
    passed: list[Condition] = []
    asked_before: list[Condition] = []
    established = all_hold(rule.established_for, known, about)
    for band in rule.bands:
        principal = band.principal
        if principal is not None and is_dose(principal) and not lines.plans_for(principal.measure_id, about):
            continue
        rest = _what_remains(rule, band, known, about)
        if rest is None:
            continue
        doses, unknown = rest
        if band.severity is Severity.INFORMATION and len(doses) == 1 and any(c in asked_before for c in doses[0]):
            continue  # a graver band of the same rule says when this number binds
        asked_before += [c for group in doses for c in group]
        if not doses or any(_implies(c, earlier) for group in doses for c in group for earlier in passed):
            continue
        if not unknown and len(doses) == 1 and len(doses[0]) == 1:
            passed.append(doses[0][0])  # a later band is not judged then, even where this one does not count
        if not band.guards:
            if established is False:
                continue
            unknown += [m for r in rule.established_for for m in r.unknown(known, about)]
        if unknown:
            yield _question(rule, band, about, unknown, _ways(rule, doses, about, lines, used, visible=False))
            continue
        yield from _asked(rule, band, about, doses, lines, used)


def _what_remains(
    rule: Rule, band: Band, known: Known, about: str
) -> tuple[list[tuple[Condition, ...]], list[Measurement]] | None:
    """Return the dose comparisons that would end in a band, and what is unknown; None when it can't be reached.

    Each group of comparisons is joined by "or", the groups by "and".
    """
    requirements: list[Requirement] = [*rule.when, *band.when]
    doses: list[tuple[Condition, ...]] = []
    unknown: list[Measurement] = []
    for requirement in requirements:
        parts = list(requirement.conditions())
        of_doses = tuple(c for c in parts if is_dose(c))
        others = [c for c in parts if not is_dose(c)]
        held = [c.holds(known, about) for c in others]
        if True in held and (isinstance(requirement, AnyOf) or not of_doses):
            continue
        if None in held:
            unknown += [m for c in others for m in c.unknown(known, about)]
        elif not of_doses:
            return None
        if of_doses:
            doses.append(of_doses)
    return doses, unknown


def _implies(condition: Condition, other: Condition) -> bool:
    """Whether *condition* can't hold without *other*: an earlier band then speaks first."""
    above = {Comparison.ABOVE, Comparison.AT_LEAST}
    if condition.measure_id != other.measure_id or (condition.comparison in above) != (other.comparison in above):
        return False
    own, its = _limit_gy(condition), _limit_gy(other)
    if own == its:
        return other.comparison in {Comparison.AT_LEAST, Comparison.AT_MOST} or condition.comparison is other.comparison
    return own > its if condition.comparison in above else own < its


def _limit_gy(condition: Condition) -> float:
    assert isinstance(condition.limit, int | float)
    return float(condition.limit)


def _asked(
    rule: Rule, band: Band, about: str, doses: list[tuple[Condition, ...]], lines: DoseLines, used: Overrides
) -> Iterator[Constraint | OpenQuestion]:
    ways = _ways(rule, doses, about, lines, used)
    if isinstance(ways, Measurement):
        yield _question(rule, band, about, [ways], ())
        return
    changed = next((printed for _, printed in ways if printed is not None), None)
    if not ways:
        return
    if len(ways) == 1:
        for bound in ways[0][0]:
            yield Constraint(band.severity, (bound,), rule, changed)
    elif all(len(bounds) == 1 for bounds, _ in ways):
        yield Constraint(band.severity, tuple(bounds[0] for bounds, _ in ways), rule, changed)
    else:
        yield OpenQuestion(rule, about, band.severity, "it can't be written as bounds on single doses", ())


def _ways(
    rule: Rule,
    doses: list[tuple[Condition, ...]],
    about: str,
    lines: DoseLines,
    used: Overrides,
    visible: bool = True,
) -> list[tuple[tuple[Bound, ...], float | None]] | Measurement:
    """Return the ways to keep clear of a band: the bounds that each takes together, and the number it replaces."""
    ways: list[tuple[tuple[Bound, ...], float | None]] = []
    for group in doses:
        bounds: list[Bound] = []
        printed_gy: float | None = None
        for condition in group:
            found = lines.get(condition.measure_id, about)
            if isinstance(found, Measurement):
                return found
            limit_gy = _limit_gy(condition)
            override = used.of(rule, limit_gy)
            if override and override.limit_gy is None:
                if visible:
                    used.set_aside.append(f"{rule.id}: {wording.condition_text(condition)}")
                return []
            if override and override.limit_gy is not None:
                printed_gy, limit_gy = limit_gy, override.limit_gy
            alternative_gy = None if override else used.of_alternative(condition)
            if alternative_gy is None:
                bounds += [_opposite(condition, line, limit_gy) for line in found]
            else:
                bounds += [replace(_opposite(condition, line, alternative_gy), printed_gy=limit_gy) for line in found]
        ways.append((tuple(bounds), printed_gy))
    return ways


def _opposite(condition: Condition, line: DoseLine, limit_gy: float) -> Bound:
    """Return what keeps a comparison from holding."""
    side = Side.AT_LEAST if condition.comparison in {Comparison.BELOW, Comparison.AT_MOST} else Side.AT_MOST
    is_open = condition.comparison in {Comparison.AT_MOST, Comparison.AT_LEAST}
    return Bound(line, side, limit_gy, is_open)


def _question(
    rule: Rule,
    band: Band,
    about: str,
    unknown: Iterable[Measurement],
    ways: list[tuple[tuple[Bound, ...], float | None]] | Measurement | tuple[()],
) -> OpenQuestion:
    unknown = tuple(dict.fromkeys(unknown))
    because = "; ".join(dict.fromkeys(f"{m.measure.title}: {m.missing_because}" for m in unknown))
    bounds = () if isinstance(ways, Measurement) else tuple(b for some, _ in ways for b in some)
    return OpenQuestion(rule, about, band.severity, because, needs_of(unknown), bounds)


def _own(own: OwnBound, lines: DoseLines) -> list[Constraint] | Unused:
    severity = Severity.TARGET if own.side is Side.AT_LEAST else Severity.WARNING
    items = lines.known.items([own.measure_id]) or ("",)
    found: list[Constraint] = []
    for about in items:
        of_item = lines.get(own.measure_id, about)
        if isinstance(of_item, Measurement):
            return Unused(own, f"is missing: {of_item.missing_because}")
        found += [Constraint(severity, (Bound(line, own.side, own.limit_gy),)) for line in of_item]
    return found
