"""The values of all measures for one case: one function a measure, in tables by subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..case import Case, Patient
from ..dosimetry.doses import Doses, Prepared
from ..dosimetry.regions import Region
from ..facts import CATALOG
from ..measures import Measurement
from ..missing import Missing
from .absorbed import ABSORBED, ABSORBED_ITEMS
from .clinical import CLINICAL, CLINICAL_ITEMS, OF_PATIENT
from .sureness import sd_ratio
from .treatment import BY_VOLUME, TREATMENT, TREATMENT_ITEMS
from .view import Function, ItemFunction, OfItem, TextOf, Value, View
from .volumes import VOLUME_ITEMS, VOLUMES

FUNCTIONS: Mapping[str, Function] = {**CLINICAL, **VOLUMES, **TREATMENT, **ABSORBED}
ITEM_FUNCTIONS: Mapping[str, ItemFunction] = {**CLINICAL_ITEMS, **VOLUME_ITEMS, **TREATMENT_ITEMS, **ABSORBED_ITEMS}

ON_OUTLINES = {*VOLUMES, *VOLUME_ITEMS, *ABSORBED, *ABSORBED_ITEMS, *BY_VOLUME}
"""What is measured on the outlines or divided by their mass: wrong where they are."""


def measure(case: Case, prepared: Prepared, doses: Doses, regions: tuple[Region, ...]) -> tuple[Measurement, ...]:
    """Return every measure of a case: its value, or the reason it is missing."""
    view = View(case, prepared, doses, regions)
    return tuple(_with_sureness(view, m) for m in _measurements(view))


def measure_patient(case: Case, patient: Patient, prepared: Prepared, doses: Doses) -> tuple[Measurement, ...]:
    """Return the measures of body and liver function for other values than the case's, such as those of today."""
    view = View(replace(case, patient=patient), prepared, doses, ())
    return tuple(_measurement(name, CLINICAL[name](view), "") for name in OF_PATIENT)


def _measurements(view: View) -> Iterator[Measurement]:
    gone = view.doses.withheld.everything
    for name, function in FUNCTIONS.items():
        yield _measurement(name, gone if gone and name in ON_OUTLINES else function(view), "")
    for name, item_function in ITEM_FUNCTIONS.items():
        for about, value in item_function(view).items():
            yield _measurement(name, gone if gone and name in ON_OUTLINES else value, about)
    for name in CATALOG:
        yield _measurement(name, view.fact(name), "")


def _with_sureness(view: View, found: Measurement) -> Measurement:
    """Return a dose with its typical uncertainty: by the size of its volume, and the model that it comes from."""
    if not found.measure.is_dose or not isinstance(found.value, int | float) or not found.value > 0:
        return found
    ratio = sd_ratio(view, found.measure_id, found.item or found.about)
    return found if ratio is None else replace(found, sd_ratio=ratio)


def _measurement(name: str, value: Value, about: str) -> Measurement:
    if isinstance(value, Missing):
        return Measurement(name, missing_because=value.because, about=about, needs=value.needs, possible=value.possible)
    return Measurement(name, value, about=about, item=value.item if isinstance(value, OfItem | TextOf) else "")
