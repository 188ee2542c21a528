"""Recomputed: what the rules make of given numbers, at their thresholds and on both sides of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..guidelines import judge, load_rules, verdict
from ..measures import Measurement

HCC_BY_GLASS: Mapping[str, Any] = {"diagnosis": "hcc", "device": "glass"}
"""Without these no rule is judged."""


def _findings(scenario: int, values: Mapping[str, Any]) -> Any:
    known = [Measurement(name, value) for name, value in {**HCC_BY_GLASS, **values}.items()]
    return judge(load_rules(), known, scenario)


def _outcome(rule: str, scenario: int, values: Mapping[str, Any]) -> str:
    """Return the severity of a rule that is not met, else its outcome."""
    found = [f for f in _findings(scenario, values) if f.rule.id == rule]
    if not found:
        return "not judged"
    return str(found[0].severity or found[0].outcome)


def _worst(scenario: int, values: Mapping[str, Any]) -> str:
    return str(verdict(_findings(scenario, values)).worst or "none")


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "guidelines": {"rule": _outcome, "verdict.worst": _worst},
}
