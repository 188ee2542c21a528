"""The outcome in a case file: [outcome], and one [[outcome.pathology]] for each tumor of the explant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ..outcome import Necrosis, Outcome, TumorPathology

PATHOLOGY = "pathology"


def read_outcome(values: Mapping[str, Any]) -> Outcome:
    """Return the outcome that the [outcome] table describes."""
    course = {key: value for key, value in values.items() if key != PATHOLOGY}
    return Outcome(tuple(_pathology(entry) for entry in values.get(PATHOLOGY, ())), **course)


def outcome_tables(outcome: Outcome) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each table that describes an outcome: its header, and its keys with their values."""
    yield "[outcome]", {f.name: getattr(outcome, f.name) for f in fields(Outcome) if f.name != PATHOLOGY}
    for entry in outcome.pathology:
        yield (
            f"[[outcome.{PATHOLOGY}]]",
            {
                "label": entry.tumor,
                "necrosis_fraction": entry.necrosis_fraction,
                "necrosis": entry.stated,
                "microvascular_emboli": entry.microvascular_emboli,
            },
        )


def _pathology(values: Mapping[str, Any]) -> TumorPathology:
    fraction, stated = values.get("necrosis_fraction"), values.get("necrosis")
    return TumorPathology(
        values["label"],
        None if fraction is None else float(fraction),
        None if stated is None else Necrosis(stated),
        microvascular_emboli=values.get("microvascular_emboli"),
    )
