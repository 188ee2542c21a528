"""The sentences of findings: plain, with every number in its unit, never a number that is not in the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..facts import FactValue, Kind
from ..measures import NOT_KNOWN, Known, Measurement, written
from .rule import AnyOf, Band, Comparison, Condition, Requirement, Rule, Severity, all_hold

_PLACE = re.compile(r"\{([a-z0-9_.]+)\}")

UNREACHED = "No session reaches it: plan its session, or mark it as treated otherwise."

_NAMES = {"Couinaud", "Tc-99m", "Y-90"}

_WORDS = {
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at most",
    Comparison.AT_LEAST: "at least",
    Comparison.ABOVE: "above",
}
_DAY_WORDS = {
    Comparison.BELOW: "before",
    Comparison.AT_MOST: "not after",
    Comparison.AT_LEAST: "not before",
    Comparison.ABOVE: "after",
}
_OPPOSITE = {
    Comparison.BELOW: Comparison.AT_LEAST,
    Comparison.AT_MOST: Comparison.ABOVE,
    Comparison.AT_LEAST: Comparison.BELOW,
    Comparison.ABOVE: Comparison.AT_MOST,
}


def places(says: str) -> set[str]:
    """Return the names in braces of a sentence."""
    return set(_PLACE.findall(says))


def limit_text(condition: Condition, apart_from: FactValue | None = None) -> str:
    """Return the limit or the accepted values of a condition."""
    return " or ".join(written(condition.measure, choice, apart_from) for choice in condition.choices)


def condition_text(condition: Condition) -> str:
    """Return the condition in words, such as "hepatic reserve at least 30 %"."""
    title = lower_first(condition.measure.title)
    if condition.measure.kind is Kind.YES_NO:
        return f"{title}: {limit_text(condition)}"
    if not condition.comparison.is_order:
        return f"{title} is {limit_text(condition)}"
    return f"{title} {_word(condition, condition.comparison)} {limit_text(condition)}"


def requirements_text(requirements: Iterable[Requirement]) -> str:
    """Return what must hold together, in words."""
    return "; ".join(_requirement(r) for r in requirements)


def asked(rule: Rule) -> str:
    """Return what a rule asks for: the opposite of each band, by measure, with the severity of missing it."""
    always = {(part.principal, part.severity) for part in rule.bands if len(part.when) == 1}
    kinds = [(part.principal, part.severity) for part in rule.bands]
    wishes: dict[str, list[str]] = {}
    for number, part in enumerate(rule.bands):
        principal = part.principal
        repeated = principal is not None and kinds.count((principal, part.severity)) > 1
        if not part.when or (len(part.when) > 1 and (principal, part.severity) in always):
            continue
        if repeated and (principal, part.severity) in kinds[:number]:
            continue
        others = requirements_text(r for r in part.when if r is not principal)
        condition = f" if {others}" if principal and others else ""
        if repeated and condition:
            condition = ", as the bands say"
        title = principal.measure.title if principal else "Not"
        wish = _wish(part, principal) if principal else others
        wishes.setdefault(title, []).append(f"{wish}{condition} ({part.severity})")
    return "; ".join(f"{title}: {', '.join(parts)}" for title, parts in wishes.items())


def band(chosen: Band, known: Known, about: str = "") -> str:
    """Return the sentence of a band that holds; of a target that no infusion reaches, also what to do."""
    says, principal = fill(chosen.says, chosen.when, known, about), chosen.principal
    if chosen.severity is Severity.TARGET and principal and principal.measure.is_dose:
        return f"{says} {UNREACHED}" if known.get(principal.measure_id, about).value == 0 else says
    return says


def fill(says: str, requirements: Iterable[Requirement], known: Known, about: str = "") -> str:
    """Return *says* with `{value}` and `{limit}` of the first condition, and measures by their id, filled in."""
    principal = next((c for c in requirements if isinstance(c, Condition)), None)

    def text(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in {"value", "limit", "item"}:
            assert principal is not None
            judged = known.get(principal.measure_id, about)
            if name == "item":
                return judged.item or about or f"the {lower_first(principal.measure.title)}"
            if name == "limit":
                return limit_text(principal, judged.value)
            limit = principal.limit if not isinstance(principal.limit, tuple) else None
            return judged.shown if judged.value is None else written(principal.measure, judged.value, limit)
        return known.get(name, about).shown

    filled = _PLACE.sub(text, says)
    return f"{filled[0].upper()}{filled[1:]}" if says.startswith("{") else filled


def in_general(says: str, requirements: Iterable[Requirement]) -> str:
    """Return *says* with its limit filled in and "…" for what a case would say."""
    principal = next((c for c in requirements if isinstance(c, Condition)), None)
    limit = limit_text(principal) if principal else ""
    return _PLACE.sub(lambda match: limit if match.group(1) == "limit" else "…", says)


def value_text(measurement: Measurement, rules: Iterable[Rule]) -> str:
    """Return a value with as many decimals as it takes to differ from every limit that *rules* set for it."""
    limits = [
        choice
        for rule in rules
        for requirement in rule.requirements()
        for c in requirement.conditions()
        if c.measure_id == measurement.measure_id and c.comparison.is_order
        for choice in c.choices
    ]
    if measurement.value is None:
        return measurement.text
    texts = [measurement.text, *(written(measurement.measure, measurement.value, limit) for limit in limits)]
    return max(texts, key=len)


def met(rule: Rule, known: Known, about: str = "") -> str:
    """Return the sentence of a rule that is met: what was found, and what was asked."""
    asked_of: dict[str, list[Condition]] = {}
    for part in rule.bands:
        if part.principal:
            asked = asked_of.setdefault(part.principal.measure_id, [])
            applies = all_hold([r for r in part.when if r is not part.principal], known, about) is not False
            asked += [part.principal] if _is_wish(part) and applies else []
    parts = []
    for name, conditions in asked_of.items():
        found = known.get(name, about)
        if found.value is not None:
            limits = [c.limit for c in conditions if c.comparison.is_order and c.limit != found.value]
            nearest = limits[0] if limits and not isinstance(limits[0], tuple) else None
            wishes = ", ".join(dict.fromkeys(_opposite(c) for c in conditions))
            is_answer = found.measure.kind is Kind.YES_NO
            parts.append(_stated(found, nearest) + ("" if is_answer or not wishes else f" (asked: {wishes})"))
    text = "; ".join(parts) or "nothing speaks against it"
    return f"{text[0].upper()}{text[1:]}."


def not_applicable(requirements: Iterable[Requirement], known: Known, about: str = "") -> str:
    """Return which condition keeps a rule from applying, and what was found instead."""
    failed = next((r for r in requirements if r.holds(known, about) is False), None)
    if failed is None:
        return "Does not apply."
    found = [known.get(name, about) for name in dict.fromkeys(c.measure_id for c in failed.conditions())]
    here = ", ".join(_stated(m) for m in found)
    return f"Applies only when {_requirement(failed)}; here {here}."


def not_established(requirements: Iterable[Requirement]) -> str:
    """Return for whom the source established the rule."""
    return f"The source established this only for: {requirements_text(requirements)}."


def not_evaluable(missing: Sequence[Measurement]) -> str:
    """Return what is missing and how to supply it."""
    return f"Cannot be judged: {_missing(missing)}."


def one_of(messages: Sequence[str], missing: Sequence[Measurement]) -> str:
    """Return the sentence of a rule that is surely not met, but not how gravely."""
    return f"Not met, in one of {len(messages)} ways: {' / '.join(messages)} To tell: {_missing(missing)}."


def _stated(measurement: Measurement, apart_from: FactValue | None = None) -> str:
    title = lower_first(measurement.measure.title)
    if measurement.value is None:
        return f"{title} ({measurement.missing_because})"
    colon = ":" if measurement.measure.kind is Kind.YES_NO else ""
    return f"{title}{colon} {written(measurement.measure, measurement.value, apart_from)}"


def _missing(missing: Sequence[Measurement]) -> str:
    by_ask: dict[str, list[str]] = {}
    for item in missing:
        reason = "" if item.missing_because == NOT_KNOWN else f" ({item.missing_because})"
        by_ask.setdefault(item.measure.ask, []).append(f"{lower_first(item.measure.title)}{reason}")
    return "; ".join(f"{', '.join(dict.fromkeys(titles))}: {ask}" for ask, titles in by_ask.items())


def _is_wish(part: Band) -> bool:
    """Whether the opposite of a band is what the source asks for, and the band not just a note on one answer."""
    principal = part.principal
    return principal is not None and (part.severity is not Severity.INFORMATION or principal.comparison.is_order)


def _wish(part: Band, principal: Condition) -> str:
    return _opposite(principal) if _is_wish(part) else f"noted when {limit_text(principal)}"


def _opposite(condition: Condition) -> str:
    entry = condition.measure
    if entry.kind is Kind.YES_NO:
        return written(entry, not condition.limit)
    if condition.comparison.is_order:
        return f"{_word(condition, _OPPOSITE[condition.comparison])} {limit_text(condition)}"
    others = [choice for choice in entry.choices if choice not in condition.choices]
    return " or ".join(written(entry, other) for other in others) or f"not {limit_text(condition)}"


def _word(condition: Condition, comparison: Comparison) -> str:
    return (_DAY_WORDS if condition.measure.is_day else _WORDS)[comparison]


def _requirement(requirement: Requirement) -> str:
    if isinstance(requirement, AnyOf):
        return " or ".join(condition_text(c) for c in requirement.alternatives)
    return condition_text(requirement)


def lower_first(title: str) -> str:
    """Return *title* for the middle of a sentence: names and abbreviations keep their capital."""
    first, _, rest = title.partition(" ")
    keeps = first in _NAMES or first[1:] != first[1:].lower()
    return title if keeps else f"{first.lower()} {rest}".rstrip()
