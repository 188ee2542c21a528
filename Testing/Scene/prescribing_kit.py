"""What the tests of the prescription share: a patient with a window, the library's plan, and same windows."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pytest

from Y90DosimetryLib.phantom import DigitalPatient, PhantomSettings, Variant, digital_patient
from Y90DosimetryLib.planning import PlanOptions, Window, plan_of

PLAN, LIMIT = "Plan", "S2-DOSE-02:120"


COARSE = PhantomSettings(ct_spacing_mm=(4.0, 4.0, 6.0), spect_spacing_mm=(8.8, 8.8, 8.8))


@lru_cache
def in_its_window() -> DigitalPatient:
    """Return a patient whose perfused normal liver decides; the activity that is entered lies in the window."""
    patient = digital_patient(COARSE, Variant.TWO_TUMORS)
    disease = patient.treatment.disease
    decided = replace(disease, facts={**disease.facts, "normal_liver_limit": "perfused"})
    return replace(patient, treatment=replace(patient.treatment, disease=decided))


@lru_cache
def of_alternatives() -> DigitalPatient:
    """Return a patient with a thrombus, in whom one of two limits of the normal liver suffices."""
    return digital_patient(COARSE, Variant.LOBECTOMY)


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
