"""Read the rules and their references from TOML, and refuse what does not fit the vocabulary."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from ..errors import InputError
from ..facts import Kind
from ..measures import VOCABULARY, Each
from .named import FUNCTIONS
from .rule import (
    ALL_SCENARIOS,
    AnyOf,
    Band,
    Basis,
    Comparison,
    Condition,
    Remark,
    Requirement,
    Rule,
    Rulebook,
    Severity,
    Source,
)
from .wording import places

_RULE_KEYS = {
    "id", "title", "topic", "scenarios", "each", "gate", "when", "established_for", "bands", "source", "more_sources",
    "every_tumor", "range", "basis", "checked", "function", "remarks", "note", "tool_default", "difference",
}  # fmt: skip
_INHERITED = {"scenarios", "basis", "checked", "every_tumor"}
_COMPARISONS = {str(c) for c in Comparison}


@dataclass(frozen=True)
class Reference:
    """A publication or document that rules cite."""

    id: str
    citation: str
    doi: str
    short: str
    read: str


@lru_cache(maxsize=1)
def load_references() -> Mapping[str, Reference]:
    """Return the references by id."""
    entries = _read(_folder().joinpath("references.toml"))
    return MappingProxyType({name: Reference(id=name, **entry) for name, entry in entries.items()})


@lru_cache(maxsize=1)
def load_rules() -> Rulebook:
    """Return the rules of this package by id: general ones first, then the scenarios, the label and the cohort.

    Raises
    ------
    InputError
        If a file can't be read, or a rule names something that does not exist.
    """
    folder = _folder().joinpath("rules")
    names = ("general", "scenario1", "scenario2", "scenario3", "scenario4", "scenario5", "label", "cohort")
    return read_rules(folder.joinpath(f"{name}.toml") for name in names)


def read_rules(files: Iterable[Traversable]) -> Rulebook:
    """Return the rules of TOML files by id, checked against vocabulary, references and each other."""
    rules: dict[str, Rule] = {}
    for file in files:
        content = _read(file)
        defaults = content.pop("defaults", {})
        for entry in content.pop("rule", []):
            rule = _rule(entry, defaults, f"{file.name}, {entry.get('id', 'a rule without id')}")
            if rule.id in rules:
                raise InputError("the id is used twice", where=f"{file.name}, {rule.id}", remedy="Give it its own id")
            rules[rule.id] = rule
        _refuse_unknown(content, set(), file.name)
    for rule in rules.values():
        for band in rule.bands:
            for name in band.then:
                if name not in rules:
                    raise InputError(f"'then' names '{name}'", where=rule.id, remedy="Name a rule that exists")
    return MappingProxyType(rules)


def _folder() -> Traversable:
    return resources.files(__package__)


def _read(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"it can't be read: {error}", where=file.name, remedy="Correct the file") from error


def _rule(entry: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> Rule:
    _refuse_unknown(entry, _RULE_KEYS, where)
    merged = {**{key: defaults[key] for key in _INHERITED if key in defaults}, **entry}
    for key in ("id", "title", "topic", "scenarios", "basis", "checked", "bands", "source"):
        if not merged.get(key):
            raise InputError(f"'{key}' is missing", where=where, remedy="Every rule says it")
    sources = [merged["source"], *merged.get("more_sources", [])]
    rule = Rule(
        id=merged["id"],
        title=merged["title"],
        topic=merged["topic"],
        scenarios=_scenarios(merged["scenarios"], where),
        bands=tuple(_band(band, where) for band in merged["bands"]),
        sources=tuple(_source({**defaults.get("source", {}), **source}, where) for source in sources),
        basis=_member(Basis, merged["basis"], where),
        checked=_date(merged["checked"], where),
        when=_requirements([*defaults.get("when", []), *merged.get("when", [])], where),
        established_for=_requirements(merged.get("established_for", []), where),
        each=_member(Each, merged.get("each", ""), where),
        gate=merged.get("gate", False),
        every_tumor=merged.get("every_tumor", False),
        is_range=merged.get("range", False),
        function=merged.get("function", ""),
        remarks=tuple(_remark(remark, where) for remark in merged.get("remarks", [])),
        note=merged.get("note", ""),
        tool_default=merged.get("tool_default", ""),
        difference=merged.get("difference", ""),
    )
    _check_items(rule, where)
    _check_function(rule, where)
    return rule


def _check_items(rule: Rule, where: str) -> None:
    for name in rule.measure_ids:
        each = VOCABULARY[name].each
        if each not in {Each.CASE, rule.each}:
            raise InputError(f"'{name}' exists for each {each}", where=where, remedy=f'Say each = "{each}" or drop it')
    for when, says in rule.sentences():
        for name in places(says) - {"value", "limit", "item"}:
            if name not in VOCABULARY or VOCABULARY[name].each not in {Each.CASE, rule.each}:
                raise InputError(f"the sentence names '{name}'", where=where, remedy="Name a measure of the rule")
        if places(says) & {"value", "limit", "item"} and not any(isinstance(r, Condition) for r in when):
            raise InputError("the sentence has no condition to take its value from", where=where, remedy="Add one")


def _check_function(rule: Rule, where: str) -> None:
    if not rule.function:
        return
    if rule.function not in FUNCTIONS:
        raise InputError(f"there is no function '{rule.function}'", where=where, remedy="Name one of FUNCTIONS")
    if FUNCTIONS[rule.function][0] not in rule.measure_ids:
        raise InputError("its function's measure is not judged", where=where, remedy="Judge it in a band")


def _scenarios(value: Any, where: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not set(value) <= set(ALL_SCENARIOS) or value != sorted(set(value)):
        raise InputError(f"scenarios are {value!r}", where=where, remedy="List some of 1 to 5 in order")
    return tuple(value)


def _source(entry: Mapping[str, Any], where: str) -> Source:
    _refuse_unknown(entry, {"reference", "place", "degree", "consensus", "scenarios"}, where)
    if not entry.get("place"):
        raise InputError("the source has no place", where=where, remedy="Say the section and item")
    if entry.get("reference") not in load_references():
        raise InputError(f"no reference '{entry.get('reference')}'", where=where, remedy="Add it to references.toml")
    return Source(**{**entry, "scenarios": tuple(entry.get("scenarios", ()))})


def _band(entry: Mapping[str, Any], where: str) -> Band:
    _refuse_unknown(entry, {"if", "severity", "says", "then"}, where)
    return Band(
        when=_requirements(entry.get("if", []), where),
        severity=_member(Severity, entry.get("severity"), where),
        says=_sentence(entry, where),
        then=tuple(entry.get("then", ())),
    )


def _remark(entry: Mapping[str, Any], where: str) -> Remark:
    _refuse_unknown(entry, {"if", "says"}, where)
    return Remark(_requirements(entry.get("if", []), where), _sentence(entry, where))


def _sentence(entry: Mapping[str, Any], where: str) -> str:
    says = entry.get("says", "")
    if not isinstance(says, str) or not says.endswith("."):
        raise InputError(f"'says' is {says!r}", where=where, remedy="Write one whole sentence")
    return says


def _requirements(entries: Any, where: str) -> tuple[Requirement, ...]:
    return tuple(_requirement(entry, where) for entry in entries)


def _requirement(entry: Mapping[str, Any], where: str) -> Requirement:
    if "any" in entry:
        _refuse_unknown(entry, {"any"}, where)
        return AnyOf(tuple(_condition(alternative, where) for alternative in entry["any"]))
    return _condition(entry, where)


def _condition(entry: Mapping[str, Any], where: str) -> Condition:
    _refuse_unknown(entry, {"measure", *_COMPARISONS}, where)
    name = str(entry.get("measure"))
    if name not in VOCABULARY:
        near = difflib.get_close_matches(name, VOCABULARY, n=1)
        remedy = f"Did you mean '{near[0]}'?" if near else "Use an id of the vocabulary"
        raise InputError(f"there is no measure '{name}'", where=where, remedy=remedy)
    compared = [key for key in entry if key != "measure"]
    if len(compared) != 1:
        raise InputError(f"'{name}' has {len(compared)} comparisons", where=where, remedy="Give it one")
    raw = entry[compared[0]]
    condition = Condition(name, Comparison(compared[0]), tuple(raw) if isinstance(raw, list) else raw)
    problem = _misfit(condition)
    if problem:
        raise InputError(f"'{name}' {compared[0]} {raw!r}: {problem}", where=where, remedy="Correct the rule")
    return condition


def _misfit(condition: Condition) -> str:
    entry = condition.measure
    is_number = entry.kind in {Kind.NUMBER, Kind.COUNT}
    if (condition.comparison is Comparison.IN) != isinstance(condition.limit, tuple):
        return "'in' takes a list, and nothing else does"
    if condition.comparison.is_order and not is_number:
        return "it is not a number"
    if condition.comparison is Comparison.IS and entry.kind is Kind.NUMBER:
        return "a measured number is never compared for equality"
    for choice in condition.choices:
        if entry.kind is Kind.YES_NO and not isinstance(choice, bool):
            return "it takes true or false"
        if entry.kind is Kind.CHOICE and choice not in entry.choices:
            return f"it is one of {', '.join(entry.choices)}"
        if is_number and (isinstance(choice, bool) or not isinstance(choice, int | float)):
            return "it takes a number"
    return ""


def _member(kind: Any, value: Any, where: str) -> Any:
    if value not in set(kind):
        raise InputError(f"'{value}' is none of {', '.join(kind)}", where=where, remedy="Use one of them")
    return kind(value)


def _date(value: Any, where: str) -> date:
    if not isinstance(value, date):
        raise InputError(f"'checked' is {value!r}", where=where, remedy="Write a date such as 2026-03-04")
    return value


def _refuse_unknown(entry: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else "Remove it"
            raise InputError(f"unknown key '{key}'", where=where, remedy=remedy)
