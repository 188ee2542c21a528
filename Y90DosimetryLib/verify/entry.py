"""What is expected: one value a row, with its source, the place in it, and why so much deviation is tolerated.

The rows lie in `data`, one file a group; those of most thresholds are made from a table typed by hand. An expected
value is printed in a publication, belongs to a definition, or follows from a closed formula that the row states; none
is what this library once returned.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from ..errors import InputError

Value = float | int | str | bool
KEYS = {"what", "computes", "with", "expected", "tolerance", "unit", "why", "source", "place"}
EXACT = "exact"
"""Why words, yes and no, and whole numbers have no tolerance."""


class Group(StrEnum):
    """What a row is about, in the order of the protocol; each name is that of a file in `data`."""

    CONSTANTS = "constants and decay"
    VOLUMES = "mass and volume"
    SINGLE = "single compartment"
    PARTITION = "partition"
    KERNEL = "voxel kernel"
    DVH = "DVH"
    SCORES = "sFLR and scores"
    SHUNT = "lung shunt"
    RULES = "rules at their thresholds"
    COHORT = "statistics of the cohort"
    DICOM = "DICOM round trip"
    VIALS = "planned vials"
    SITE = "the site's own cases"


MORE: Mapping[Group, tuple[str, ...]] = {Group.RULES: ("thresholds",)}
"""Further files of a group."""


@dataclass(frozen=True)
class Entry:
    """One row: what is computed from which inputs, and what must come out."""

    group: Group
    what: str
    """Unique within the group: by it a protocol is compared with an earlier one."""
    computes: str
    inputs: Mapping[str, Any]
    expected: Value
    tolerance: float
    """In `unit`, either way."""
    unit: str
    why: str
    """Why so much is tolerated."""
    source: str
    place: str

    def allows(self, got: object) -> bool:
        """Return whether a recomputed value is the expected one, within the tolerance."""
        if isinstance(self.expected, bool | str):
            return type(got) is type(self.expected) and got == self.expected
        if isinstance(got, bool) or not isinstance(got, int | float):
            return False
        return abs(got - self.expected) <= self.tolerance  # False for a value that is not a number


@lru_cache(maxsize=1)
def load_entries() -> tuple[Entry, ...]:
    """Return all rows that come with the library, group by group.

    Raises
    ------
    InputError
        If a file can't be read, or a row lacks something or stands there twice.
    """
    sources = _read("sources")
    found: dict[tuple[Group, str], Entry] = {}
    for group in Group:
        if group is Group.SITE:
            continue
        files = [_read(name) for name in (group.name.lower(), *MORE.get(group, ()))]
        for raw in ({**file.get("defaults", {}), **row} for file in files for row in file["row"]):
            entry = entry_of(raw, group, sources)
            if (group, entry.what) in found:
                raise InputError(f"'{entry.what}' is there twice", where=str(group), remedy="Name each row differently")
            found[group, entry.what] = entry
    return tuple(found.values())


def entry_of(raw: Mapping[str, Any], group: Group, sources: Mapping[str, Any]) -> Entry:
    """Return a row as it is written in a file; *sources* are the citations by their short names."""
    where = f"{group}, {raw.get('what', 'a row without name')}"
    unknown, lacking = set(raw) - KEYS, {"what", "computes", "expected", "source", "place"} - set(raw)
    if unknown or lacking:
        wrong = f"unknown: {', '.join(sorted(unknown))}" if unknown else f"missing: {', '.join(sorted(lacking))}"
        raise InputError(wrong, where=where, remedy=f"A row has {', '.join(sorted(KEYS))}")
    if raw["source"] not in sources:
        raise InputError(f"source '{raw['source']}' is not listed", where=where, remedy="Add it to sources.toml")
    expected = raw["expected"]
    is_exact = isinstance(expected, str | bool) or "tolerance" not in raw
    if is_exact and isinstance(expected, float):
        raise InputError("a number has no tolerance", where=where, remedy="State how far it may be off, and why")
    why = raw.get("why", "")
    if not is_exact and not why:
        raise InputError("the tolerance has no reason", where=where, remedy="State why so much is tolerated")
    return Entry(
        group,
        raw["what"],
        raw["computes"],
        MappingProxyType(dict(raw.get("with", {}))),
        expected,
        0.0 if is_exact else float(raw["tolerance"]),
        raw.get("unit", ""),
        EXACT if is_exact else why,
        sources[raw["source"]]["citation"],
        raw["place"],
    )


def _read(name: str) -> dict[str, Any]:
    file = resources.files(__package__).joinpath("data", f"{name}.toml")
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"it can't be read: {error}", where=str(file), remedy="Install the library again") from error
