"""The hand-typed table of rules, and a plain two-valued evaluator of it that shares nothing with the engine."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from Y90DosimetryLib.facts import Kind
from Y90DosimetryLib.guidelines.rule import AnyOf, Condition, Requirement, Rule
from Y90DosimetryLib.measures import VOCABULARY

Term = tuple[str, str, object]
Clause = tuple[tuple[Term, ...], ...]
"""All of these; each holds when any of its terms does."""

ORDER = {"below": operator.lt, "at_most": operator.le, "at_least": operator.ge, "above": operator.gt}
SAFETY = {"contraindication", "warning"}


@dataclass
class Row:
    """One block of the table."""

    id: str
    scenarios: tuple[int, ...]
    words: tuple[str, ...]
    when: Clause = ()
    established: Clause = ()
    bands: list[tuple[str, Clause, tuple[str, ...]]] = field(default_factory=list)
    remarks: list[Clause] = field(default_factory=list)

    def outcome(self, values: Mapping[str, object]) -> tuple[str, str]:
        """Return the outcome and the severity when every value is known."""
        if not holds(self.when, values):
            return "not_applicable", ""
        established = holds(self.established, values)
        for severity, clause, _ in self.bands:
            if holds(clause, values):
                guards = severity in SAFETY or (bool(clause) and _is_too_high(clause))
                return ("not_met", severity) if established or guards else ("not_applicable", "")
        return ("met", "") if established else ("not_applicable", "")


def _is_too_high(clause: Clause) -> bool:
    """Return whether a band's first comparison that stands alone is a dose above a limit."""
    name, test, _ = next((terms[0] for terms in clause if len(terms) == 1), ("", "", None))
    return "_gy." in name and test in {"above", "at_least"}


def holds(clause: Clause, values: Mapping[str, object]) -> bool:
    """Return whether a clause holds."""
    return all(any(_term(term, values) for term in terms) for terms in clause)


def _term(term: Term, values: Mapping[str, object]) -> bool:
    name, test, limit = term
    if test in ORDER:
        return bool(ORDER[test](values[name], limit))
    return values[name] in limit if test == "in" else values[name] == limit  # type: ignore[operator]


def read_table() -> dict[str, Row]:
    """Return the table by rule id."""
    rows: dict[str, Row] = {}
    row: Row | None = None
    for line in Path(__file__).with_name("rules_by_hand.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            row = None
        elif row is None:
            name, scenarios, *words = line.split()
            row = rows[name] = Row(name, tuple(int(s) for s in scenarios), tuple(words))
        else:
            key, _, text = line.partition(":")
            text, _, then = text.partition("->")
            clause = _clause(text.strip())
            if key == "when":
                row.when = clause
            elif key == "established":
                row.established = clause
            elif key == "remark":
                row.remarks.append(clause)
            else:
                row.bands.append((key, clause, tuple(then.strip().split(",")) if then else ()))
    return rows


def _clause(text: str) -> Clause:
    if not text:
        return ()
    return tuple(tuple(_parse(term) for term in part.strip("() ").split(" | ")) for part in text.split(" & "))


def _parse(text: str) -> Term:
    name, test, limit = text.split()
    if test == "in":
        return name, test, tuple(_value(name, one) for one in limit.split(","))
    return name, test, _value(name, limit)


def _value(name: str, text: str) -> object:
    kind = VOCABULARY[name].kind
    if kind is Kind.YES_NO:
        return {"true": True, "false": False}[text]
    return text if kind is Kind.CHOICE else float(text)


def row_of(rule: Rule) -> Row:
    """Return a rule of the library in the table's form."""
    words = [w for w, said in (("gate", rule.gate), ("every", rule.every_tumor), ("range", rule.is_range)) if said]
    words += ["function", rule.function] if rule.function else []
    return Row(
        rule.id,
        rule.scenarios,
        tuple(words + ([str(rule.each)] if rule.each else [])),
        when=_as_clause(rule.when),
        established=_as_clause(rule.established_for),
        bands=[(str(band.severity), _as_clause(band.when), band.then) for band in rule.bands],
        remarks=[_as_clause(remark.when) for remark in rule.remarks],
    )


def _as_clause(requirements: tuple[Requirement, ...]) -> Clause:
    return tuple(tuple(_as_term(c) for c in (r.alternatives if isinstance(r, AnyOf) else (r,))) for r in requirements)


def _as_term(condition: Condition) -> Term:
    return condition.measure_id, str(condition.comparison), condition.limit


def edge_values(row: Row) -> dict[str, list[object]]:
    """Return for every measure of a row the values worth trying: around each limit, and every choice."""
    limits: dict[str, set[float]] = {}
    clauses = [row.when, row.established, *(clause for _, clause, _ in row.bands)]
    for name, _, limit in itertools.chain.from_iterable(itertools.chain.from_iterable(clauses)):
        limits.setdefault(name, set())
        if VOCABULARY[name].kind in {Kind.NUMBER, Kind.COUNT}:
            limits[name] |= set(limit) if isinstance(limit, tuple) else {limit}
    return {name: list(_around(name, sorted(found))) for name, found in limits.items()}


def _around(name: str, limits: list[float]) -> Iterator[object]:
    entry = VOCABULARY[name]
    if entry.kind is Kind.YES_NO:
        yield from (True, False)
    elif entry.kind is Kind.CHOICE:
        yield from entry.choices
    elif entry.kind is Kind.COUNT:
        yield from sorted({int(limit) + step for limit in limits for step in (-1, 0, 1)})
    else:
        yield from sorted({limit + step for limit in limits for step in (-limit * 1e-6, 0.0, limit * 1e-6)})
