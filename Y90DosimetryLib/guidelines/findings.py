"""Judge measurements by sourced rules in three-valued logic: what is unknown is never a pass.

A rule whose conditions are partly unknown may have several outcomes. All of them are followed: when they agree,
the finding is certain; when all break the rule but not equally, the mildest is certain and the gravest is named;
otherwise the rule can't be judged, and the finding says what is missing and what is at stake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from ..measures import Each, Known, Measurement, needs_of
from . import wording
from .named import derived
from .rule import (
    ALL_SCENARIOS,
    AnyOf,
    Band,
    Basis,
    Comparison,
    Condition,
    Remark,
    Rule,
    Rulebook,
    Severity,
    Source,
    all_hold,
)

__all__ = [
    "AnyOf",
    "Band",
    "Basis",
    "Comparison",
    "Condition",
    "Finding",
    "Outcome",
    "Remark",
    "Rule",
    "Severity",
    "Source",
    "all_hold",
    "evaluate",
    "judge",
]


class Outcome(StrEnum):
    """What became of a rule."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True)
class Finding:
    """One rule judged, for the case or for one item (`about`).

    `severity` is certain and only there when the rule is not met; `at_stake` is the gravest severity that the
    missing measurements leave possible. `judged` are the known measurements it looked at; `via` names the rule
    that brought this one in from another scenario.
    """

    rule: Rule
    outcome: Outcome
    message: str
    severity: Severity | None = None
    about: str = ""
    judged: tuple[Measurement, ...] = ()
    missing: tuple[Measurement, ...] = ()
    at_stake: Severity | None = None
    remarks: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    then: tuple[str, ...] = ()
    via: str = ""
    principal: Condition | None = None
    """The comparison of the band that holds; None where none does."""
    asked: tuple[Condition, ...] = ()
    """The comparisons that this case is held against: those of bands whose other conditions hold."""

    def asked_of(self) -> Iterator[tuple[Measurement, tuple[Condition, ...]]]:
        """Yield each number judged with the comparisons that it is held against."""
        for measurement in self.judged:
            conditions = tuple(c for c in self.asked if c.measure_id == measurement.measure_id)
            if conditions:
                yield measurement, conditions

    def asked_doses(self) -> Iterator[Measurement]:
        """Yield each dose that is held against a number."""
        yield from (m for m, _ in self.asked_of() if m.measure.is_dose)

    @property
    def threshold(self) -> str:
        """What the rule asks for, with its numbers and units."""
        return wording.asked(self.rule)

    def value_text(self, measurement: Measurement) -> str:
        """Return one of the judged values as a reader sees it, never rounded to a limit of the rule."""
        return wording.value_text(measurement, [self.rule])

    @property
    def needs(self) -> tuple[str, ...]:
        """The facts or fields that would supply what is missing."""
        return needs_of(self.missing)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more would be learned from the missing measurements."""
        return not self.missing

    @property
    def is_policy_off(self) -> bool:
        """Whether this is one center's policy and the case is not judged by it."""
        return self.rule.is_policy and any(m.measure_id == "cohort_policy" and m.value is False for m in self.judged)

    @property
    def rank(self) -> int:
        """Where the finding stands in a list: 0 for a certain contraindication."""
        gravest = min((s.rank for s in (self.severity, self.at_stake) if s), default=None)
        last = 2 * len(Severity)
        if gravest is not None:
            return 2 * gravest + (0 if self.at_stake is None else 1)
        order = (Outcome.NOT_EVALUABLE, Outcome.MET, Outcome.NOT_APPLICABLE)
        return last + order.index(self.outcome)


@dataclass(frozen=True)
class _Possible:
    outcome: Outcome
    band: Band | None = None


def evaluate(rule: Rule, known: Known, about: str = "", scenario: int | None = None) -> Finding:
    """Return the finding of one rule for one item (the case when *about* is empty)."""
    sources = rule.sources_for(scenario)
    judged = tuple(m for name in rule.measure_ids if (m := known.get(name, about)).value is not None)
    base = Finding(rule, Outcome.MET, "", about=about, judged=judged, sources=sources)

    applies = all_hold(rule.when, known, about)
    if applies is False:
        return replace(base, outcome=Outcome.NOT_APPLICABLE, message=wording.not_applicable(rule.when, known, about))
    established = all_hold(rule.established_for, known, about)
    followed = _follow(rule.bands, known, about)
    possible = [] if established is False else list(followed)
    if established is not True:
        possible += [_beyond_its_patients(p) for p in followed]
    if applies is None:
        possible.append(_Possible(Outcome.NOT_APPLICABLE))
    base = replace(base, remarks=_remarks(rule, known, about, established), asked=tuple(_asked(rule, known, about)))

    outcomes = {p.outcome for p in possible}
    severities = sorted({p.band.severity for p in possible if p.band}, key=lambda s: s.rank)
    certain = _certain_band(possible, known, about)
    if outcomes == {Outcome.NOT_MET} and certain and len(severities) == 1:
        return replace(
            base,
            outcome=Outcome.NOT_MET,
            severity=certain.severity,
            message=wording.band(certain, known, about),
            then=certain.then,
            principal=certain.principal,
        )
    if len(outcomes) == 1 and not severities:
        outcome = possible[0].outcome
        if outcome is Outcome.MET:
            return replace(base, message=wording.met(rule, known, about))
        return replace(base, outcome=outcome, message=wording.not_applicable(rule.established_for, known, about))

    missing = _open(rule, known, about)
    if outcomes == {Outcome.NOT_MET}:
        messages = [wording.band(band, known, about) for band in dict.fromkeys(p.band for p in possible) if band]
        return replace(
            base,
            outcome=Outcome.NOT_MET,
            severity=severities[-1],
            at_stake=severities[0],
            missing=missing,
            message=wording.one_of(messages, missing),
        )
    at_stake = severities[0] if severities else None
    return replace(
        base,
        outcome=Outcome.NOT_EVALUABLE,
        at_stake=at_stake,
        missing=missing,
        message=wording.not_evaluable(missing),
    )


def _asked(rule: Rule, known: Known, about: str) -> Iterator[Condition]:
    """Yield what the case is held against: numbers of bands whose other conditions hold."""
    for part in rule.bands:
        principal = part.principal
        if principal is None or not principal.comparison.is_order:
            continue
        if all_hold([r for r in part.when if r is not principal], known, about):
            yield principal


def _follow(bands: Iterable[Band], known: Known, about: str) -> list[_Possible]:
    """Return what the bands may end in, in their order: every open one, then the first that certainly holds."""
    possible: list[_Possible] = []
    for band in bands:
        holds = all_hold(band.when, known, about)
        if holds is not False:
            possible.append(_Possible(Outcome.NOT_MET, band))
        if holds:
            return possible
    return [*possible, _Possible(Outcome.MET)]


def _beyond_its_patients(possible: _Possible) -> _Possible:
    """Return what is left of an outcome where the source never showed the rule: only what guards against harm."""
    return possible if possible.band and possible.band.guards else _Possible(Outcome.NOT_APPLICABLE)


def _certain_band(possible: Iterable[_Possible], known: Known, about: str) -> Band | None:
    return next((p.band for p in possible if p.band and all_hold(p.band.when, known, about)), None)


def _open(rule: Rule, known: Known, about: str) -> tuple[Measurement, ...]:
    """Return the missing measurements that leave the rule open."""
    groups = [rule.when, rule.established_for]
    for band in rule.bands:
        holds = all_hold(band.when, known, about)
        if holds is None:
            groups.append(band.when)
        if holds:
            break
    return tuple(
        dict.fromkeys(m for group in groups for requirement in group for m in requirement.unknown(known, about))
    )


def _remarks(rule: Rule, known: Known, about: str, established: bool | None) -> tuple[str, ...]:
    says = [wording.fill(r.says, r.when, known, about) for r in rule.remarks if all_hold(r.when, known, about)]
    if established is False:
        says.append(wording.not_established(rule.established_for))
    return tuple(says)


def judge(rules: Rulebook, measurements: Iterable[Measurement], scenario: int | None) -> tuple[Finding, ...]:
    """Return the findings of the rules of *scenario*, the gravest first.

    Without a scenario only the rules that hold in every scenario are judged, and no target. A rule with `each` yields
    one finding an item. A finding may bring in rules of another scenario (`Band.then`). When a gate is not met,
    every other rule is not applicable, but those that hold for every tumor.
    """
    known = Known(measurements)
    if scenario is not None and known.get("scenario").value is None:
        known = known.updated([Measurement("scenario", scenario)])
    known = known.updated(derived(known, rules))
    chosen = [r for r in rules.values() if _is_in_force(r, scenario)]
    findings = [f for rule in chosen for f in _for_items(rule, known, scenario)]
    closed = next((f for f in findings if f.rule.gate and f.outcome is Outcome.NOT_MET), None)
    if closed:
        findings = [f if f.rule.gate or f.rule.every_tumor else _behind(closed, f) for f in findings]
    else:
        present = {f.rule.id for f in findings}
        for finding in list(findings):
            for rule_id in (r for r in finding.then if r not in present):
                present.add(rule_id)
                routed = _for_items(rules[rule_id], known, scenario)
                findings += [replace(f, via=finding.rule.id) for f in routed]
    return tuple(sorted((_with_source_of_doses(f, known) for f in findings), key=lambda f: f.rank))


def _is_in_force(rule: Rule, scenario: int | None) -> bool:
    """Return whether a rule is judged: without a scenario what holds in every one, but no target, which would grant."""
    if scenario is None:
        return rule.scenarios == ALL_SCENARIOS and not rule.has_target
    return scenario in rule.scenarios


def _with_source_of_doses(finding: Finding, known: Known) -> Finding:
    """Return a finding on doses by compartment with a remark where a T:N ratio was given for them."""
    source = known.get("multicompartment_source")
    by_compartment = any(m.measure.model == "multicompartment" for m in finding.judged)
    if not by_compartment or source.value not in {"given_ratio", "both"}:
        return finding
    says = "The doses by compartment rest on the T:N ratio that was given, one for all tumors, not on an image."
    return replace(finding, remarks=(*finding.remarks, says))


def _for_items(rule: Rule, known: Known, scenario: int | None) -> list[Finding]:
    if rule.each is Each.CASE:
        return [evaluate(rule, known, scenario=scenario)]
    items = known.items(rule.measure_ids)
    return [evaluate(rule, known, about, scenario) for about in items or ("",)]


def _behind(gate: Finding, finding: Finding) -> Finding:
    return Finding(
        finding.rule,
        Outcome.NOT_APPLICABLE,
        f"Not judged, because {gate.rule.id} is not met: {gate.message}",
        about=finding.about,
        sources=finding.sources,
    )
