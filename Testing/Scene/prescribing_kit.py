"""What the tests of the prescription share: the library's plan of the scene, and windows that are the same."""

from __future__ import annotations

import pytest

from Y90DosimetryLib.planning import PlanOptions, Window, plan_of

PLAN, LIMIT = "Plan", "S2-DOSE-02:120"


def as_planned_by_the_library(workflow, overrides=()):
    return plan_of(workflow.prepare(), PlanOptions(overrides=overrides))


def names(constraints) -> list[str]:
    return sorted(constraint.name for constraint in constraints)


def same(found: Window, expected: Window) -> None:
    assert found.low_gbq == pytest.approx(expected.low_gbq)
    assert found.high_gbq == pytest.approx(expected.high_gbq)
    assert names(found.low_binding) == names(expected.low_binding)
    assert names(found.high_binding) == names(expected.high_binding)
    assert found.is_empty == expected.is_empty
