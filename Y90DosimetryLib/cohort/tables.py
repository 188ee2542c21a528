"""The tables of a cohort, from the results of its cases; who is who stands in the key alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io.writing import write_json, write_table, write_text
from ..version import __version__
from .dictionary import COLUMNS, DICTIONARY_HEADINGS, PATIENTS, TUMORS, as_markdown, columns_of
from .store import KEY_HEADINGS, Store
from .work import Ending, Outcome

SCHEMA = "y90-cohort/1"
SUMMARY = "cohort.json"
MISSING_HEADINGS = ("case", "tumor", "table", "column", "reason", "needs")
FAILURE_HEADINGS = ("case", "kind", "meaning")
REMOVED = "removed"


@dataclass(frozen=True)
class Entry:
    """A case of the cohort: its pseudonym, its folder, and how it ended."""

    number: str
    name: str
    outcome: Outcome

    @property
    def result(self) -> Mapping[str, Any]:
        """The rows of the case; empty where it failed."""
        return self.outcome.result or {}

    @property
    def label(self) -> str:
        """What the team calls the case; empty where it failed."""
        return str(self.result.get("label", ""))


def write_tables(store: Store, entries: Sequence[Entry], numbers: Mapping[str, str], software: str) -> None:
    """Write the key, the tables and their dictionary for the given cases, in the order of their pseudonyms.

    The summary goes first and comes back last, with the digests of the tables: where it is, they belong together.
    """
    folder = store.folder
    (folder / SUMMARY).unlink(missing_ok=True)
    done = [e for e in entries if e.result]
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        TUMORS: (columns_of(TUMORS), [row for e in done for row in _tumor_rows(e)]),
        PATIENTS: (
            columns_of(PATIENTS),
            [_cells(PATIENTS, {"patient": e.number, **e.result["patient"]}) for e in done],
        ),
        "missing": (MISSING_HEADINGS, [row for e in done for row in _missing_rows(e)]),
        "failures": (
            FAILURE_HEADINGS,
            [(e.number, e.outcome.ending, e.outcome.ending.meaning) for e in _failed(entries)],
        ),
        "dictionary": (DICTIONARY_HEADINGS, [c.values for c in COLUMNS]),
    }
    write_table(store.key_path, KEY_HEADINGS, sorted(_key_rows(entries, numbers)))
    for name, (headings, rows) in tables.items():
        write_table(folder / f"{name}.csv", headings, rows)
    write_text(as_markdown(), folder / "dictionary.md", overwrite=True)
    write_json(
        {
            "schema": SCHEMA,
            "software_version": __version__,
            "software_digest": software,
            "cases": len(entries),
            "endings": dict(sorted(Counter(str(e.outcome.ending) for e in entries).items())),
            "tables": {f"{name}.csv": _sha256(folder / f"{name}.csv") for name in tables},
        },
        folder / SUMMARY,
        overwrite=True,
    )


def tumor_id(case: str, tumor: str) -> str:
    """Return the pseudonym of a tumor, *tumor* being its number in the case; empty for none."""
    return f"{case}-tumor-{tumor}" if tumor else ""


def _failed(entries: Sequence[Entry]) -> Iterator[Entry]:
    return (e for e in entries if e.outcome.ending is not Ending.DONE)


def _tumor_rows(entry: Entry) -> Iterator[tuple[object, ...]]:
    for number, row in enumerate(entry.result["tumors"], start=1):
        ids = {"tumor_id": tumor_id(entry.number, str(number)), "patient": entry.number}
        yield _cells(TUMORS, {**ids, **row})


def _cells(table: str, row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[column] for column in columns_of(table))


def _missing_rows(entry: Entry) -> Iterator[tuple[str, ...]]:
    for gap in entry.result["missing"]:
        yield (
            entry.number,
            tumor_id(entry.number, gap["item"]),
            gap["table"],
            gap["column"],
            gap["reason"],
            gap["needs"],
        )


def _key_rows(entries: Sequence[Entry], numbers: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield a line a case and a line a tumor; cases that are gone keep their pseudonym, should they return."""
    for e in entries:
        yield (e.number, "", e.name, e.label, str(e.outcome.ending), e.outcome.message)
        for number, label in enumerate(e.result.get("items", ()), start=1):
            yield (e.number, tumor_id(e.number, str(number)), e.name, label, "", "")
    here = {e.name for e in entries}
    yield from ((number, "", name, "", REMOVED, "") for name, number in numbers.items() if name not in here)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
