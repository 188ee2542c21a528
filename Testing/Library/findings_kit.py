"""Small rules and measurements for the tests of the rule engine."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from Y90DosimetryLib.guidelines.rule import (
    Band,
    Basis,
    Comparison,
    Condition,
    Requirement,
    Rule,
    Rulebook,
    Severity,
    Source,
)
from Y90DosimetryLib.measures import Known, Measurement

C, W, T, INFO = Severity.CONTRAINDICATION, Severity.WARNING, Severity.TARGET, Severity.INFORMATION
TUMOR_GY, NTAD_GY, RESERVE = (
    "tumor_lowest_dose_gy.multicompartment",
    "ntad_gy.multicompartment",
    "hepatic_reserve_fraction",
)
NOTHING = Known(())


def known(**values: object) -> Known:
    """Return measurements by short names."""
    ids = {"tumor_gy": TUMOR_GY, "ntad_gy": NTAD_GY, "reserve": RESERVE}
    return Known(Measurement(ids.get(name, name), value) for name, value in values.items())  # type: ignore[arg-type]


def condition(name: str, comparison: str, limit: object) -> Condition:
    return Condition(name, Comparison(comparison), limit)  # type: ignore[arg-type]


def answer(name: str) -> Condition:
    return condition(name, "is", True)


def rule(*bands: Band, rule_id: str = "X-1", **fields: object) -> Rule:
    return Rule(  # type: ignore[arg-type]
        id=rule_id,
        title="A rule",
        topic="a topic",
        scenarios=fields.pop("scenarios", (3,)),
        bands=bands,
        sources=(Source("salem2023", "somewhere"),),
        basis=Basis.CONSENSUS,
        checked=date(2026, 1, 1),
        **fields,
    )


def band(severity: Severity, *when: Requirement, then: tuple[str, ...] = ()) -> Band:
    return Band(when, severity, f"{severity} said.", then)


def book(*rules: Rule) -> Rulebook:
    return MappingProxyType({r.id: r for r in rules})
