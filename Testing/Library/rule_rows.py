"""The thresholds of the protocol of commissioning, from the table of rules typed by hand.

`python Testing/Library/rule_rows.py` writes Y90DosimetryLib/verify/data/thresholds.toml: for each numeric limit of the
table the values at it and beside it between which the outcome changes, as the table's own evaluator says, which shares
nothing with the engine. Only the places in the sources are the rules' own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rule_table import Clause, Row, edge_values, read_table

from Y90DosimetryLib.facts import Kind
from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.measures import VOCABULARY
from Y90DosimetryLib.vocabulary import Origin

FILE = Path(__file__).resolve().parents[2] / "Y90DosimetryLib" / "verify" / "data" / "thresholds.toml"
HEAD = """# Made by Testing/Library/rule_rows.py from the table of rules typed by hand: change that table, and run it.

"""
TAIL = """
[defaults]
computes = "rule"
"""
BESIDE = 1e-3
"""Values beside a limit lie so far from it, relative to it."""
TRIES = 4000
GATE = {"diagnosis", "device"}
SOURCES = {"salem2023": "consensus", "meerun2022": "cohort", "therasphere_label": "label", "resin_practice": "resin"}


def text() -> str:
    """Return the whole file."""
    lines = []
    for row in read_table().values():
        found: dict[str, list[str]] = {}
        for what, scenario, values, expected in _rows(row):
            inputs = _inputs(row, scenario, values)
            again = found.setdefault(what, [])
            if inputs not in again:
                again.append(inputs)
                name = what if len(again) == 1 else f"{what} ({len(again)})"
                lines.append(_line(row, name, scenario, inputs, expected))
    return HEAD + "row = [\n" + "".join(lines) + "]\n" + TAIL


def _rows(row: Row) -> Iterator[tuple[str, int, dict[str, object], str]]:
    if GATE & set(edge_values(row)):
        return
    pick = random.Random(row.id)
    for name, limit, without in _limits(row):
        entry = VOCABULARY[name]
        step = 1 if entry.kind is Kind.COUNT else limit * BESIDE
        beside = [limit - step, limit, limit + step]
        if entry.kind is Kind.COUNT:
            beside = [int(v) for v in beside]
        for scenario in row.scenarios:
            found = _decisive(row, without, name, beside, scenario, pick)
            if found is None:
                continue
            values, outcomes = found
            for k in (0, 1):
                if outcomes[k] != outcomes[k + 1]:
                    for one, outcome in ((beside[k], outcomes[k]), (beside[k + 1], outcomes[k + 1])):
                        what = f"{row.id}, {entry.title.lower()} {one:.6g}, scenario {scenario}"
                        yield f"{what}: {outcome}", scenario, {**values, name: one}, outcome
            break


def _limits(row: Row) -> list[tuple[str, float, Row | None]]:
    """Return each numeric limit of a rule, with the rule as it would be without the band that the limit is part of."""
    parts: list[tuple[Clause, Row | None]] = [(row.when, None), (row.established, None)]
    for number, (_, clause, _) in enumerate(row.bands):
        parts.append((clause, replace(row, bands=[b for k, b in enumerate(row.bands) if k != number])))
    found = []
    for clause, without in parts:
        for name, _, limit in (term for terms in clause for term in terms):
            entry = VOCABULARY[name]
            is_number = entry.kind in {Kind.NUMBER, Kind.COUNT} and name != "scenario"
            if is_number and entry.origin is not Origin.FUNCTION:
                limits = limit if isinstance(limit, tuple) else (limit,)
                found += [(name, float(v), without) for v in limits]  # type: ignore[arg-type]
    return found


def _decisive(
    row: Row, without: Row | None, name: str, beside: list[float], scenario: int, pick: random.Random
) -> tuple[dict[str, object], list[str]] | None:
    """Return values of all other measures with which the outcome hangs on one, and the outcomes beside its limit.

    Where *without* is given, its band has to make the difference.
    """
    edges = {n: v for n, v in edge_values(row).items() if n not in {name, "scenario"}}
    for _ in range(TRIES):
        values = {n: pick.choice(v) for n, v in edges.items()}
        known = [{**values, "scenario": float(scenario), name: one} for one in beside]
        outcomes = [_outcome(row, one) for one in known]
        if len(set(outcomes)) > 1 and (without is None or outcomes != [_outcome(without, one) for one in known]):
            return values, outcomes
    return None


def _outcome(row: Row, values: Mapping[str, object]) -> str:
    outcome, severity = row.outcome(values)
    return severity or outcome


def _inputs(row: Row, scenario: int, values: Mapping[str, object]) -> str:
    known = ", ".join(f'"{name}" = {_value(name, value)}' for name, value in values.items())
    return f'{{ rule = "{row.id}", scenario = {scenario}, values = {{ {known} }} }}'


def _line(row: Row, what: str, scenario: int, inputs: str, expected: str) -> str:
    source = load_rules()[row.id].sources_for(scenario)[0]
    return (
        f'    {{ what = "{what}", with = {inputs}, expected = "{expected}", '
        f'source = "{SOURCES[source.reference]}", place = "{source.place}" }},\n'
    )


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(int(value)) if VOCABULARY[name].kind is Kind.COUNT else repr(round(float(value), 9))  # type: ignore[call-overload, arg-type]


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
