"""The site's own cases: folders with a case file and an `expected.toml`, whose rows join the protocol.

case = "case.toml"                     # beside it; this is the default
source = "Spreadsheet of 2024, checked by A. B."

[[expected]]
measure = "tumor_dose_gy.multicompartment"
about = "T1"                           # tumor, infusion or session, where the measure has one
value = 212.0                          # or "missing"
tolerance = 2.0
why = "the spreadsheet rounds volumes to 1 mL"

[[expected]]
rule = "S2-DOSE-01"
value = "met"                          # or not_applicable, not_evaluable, target, warning, ...
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..engine import Assessment, assess
from ..errors import InputError
from ..guidelines import load_rules
from ..io.case_file import read_case
from ..measures import Known, measure
from .entry import Entry, Group, entry_of

FILE = "expected.toml"
MISSING = "missing"
ROW_KEYS = {"measure", "rule", "about", "value", "tolerance", "why", "source", "place"}


def site_entries(folder: Path) -> tuple[Entry, ...]:
    """Return the rows of all `expected.toml` in a folder and below it, in the order of their paths.

    Raises
    ------
    InputError
        If there is none, one can't be read, or a row is impossible.
    """
    files = sorted(folder.rglob(FILE)) if folder.is_dir() else []
    if not files:
        remedy = f"Give a folder with case files and an {FILE} beside each; see Docs/commissioning.md"
        raise InputError(f"there is no {FILE}", where=f"folder '{folder}'", remedy=remedy)
    found: dict[str, Entry] = {}
    for file in files:
        for entry in _entries(file, file.parent.relative_to(folder).as_posix()):
            if entry.what in found:
                raise InputError(f"'{entry.what}' is there twice", where=str(file), remedy="Keep one")
            found[entry.what] = entry
    return tuple(found.values())


def _entries(file: Path, name: str) -> list[Entry]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        told = getattr(error, "strerror", None) or error
        raise InputError(f"it can't be read: {told}", where=str(file), remedy="Correct the file") from None
    unknown = set(document) - {"case", "source", "expected"}
    if unknown or not document.get("expected"):
        wrong = f"unknown: {', '.join(sorted(unknown))}" if unknown else "it expects nothing"
        raise InputError(wrong, where=str(file), remedy="It holds case, source and rows [[expected]]")
    case = file.parent / str(document.get("case", "case.toml"))
    source = str(document.get("source", f"expected values of the site, {name}"))
    return [
        _entry(raw, n, case, name if name != "." else case.stem, source, str(file))
        for n, raw in enumerate(document["expected"], 1)
    ]


def _entry(raw: Mapping[str, Any], number: int, case: Path, name: str, source: str, file: str) -> Entry:
    where = f"{file}, row {number}"
    if set(raw) - ROW_KEYS or "value" not in raw or ("measure" in raw) is ("rule" in raw):
        raise InputError(
            "a row names a measure or a rule, and its value",
            where=where,
            remedy=f"It may hold {', '.join(sorted(ROW_KEYS))}",
        )
    about, asked = str(raw.get("about", "")), str(raw.get("measure", raw.get("rule")))
    unit = ""
    if "measure" in raw:
        unit = measure(asked).unit.screen if not isinstance(raw["value"], str) else ""
    elif asked not in load_rules():
        raise InputError(f"there is no rule '{asked}'", where=where, remedy="`y90 rules` lists them")
    value = raw["value"]
    row = {
        "what": f"{name}: {asked}{f', {about}' if about else ''}",
        "computes": "site.measure" if "measure" in raw else "site.finding",
        "with": {"case": str(case), "asked": asked, "about": about},
        "expected": float(value) if type(value) is int and "tolerance" in raw else value,
        "unit": "" if unit == "%" else unit,
        "source": "site",
        "place": str(raw.get("place", f"row {number}")),
        **{key: raw[key] for key in ("tolerance", "why") if key in raw},
    }
    try:
        return entry_of(row, Group.SITE, {"site": {"citation": str(raw.get("source", source))}})
    except InputError as error:
        raise InputError(error.what, where=where, remedy=error.remedy) from None


@lru_cache(maxsize=1)
def _assessed(case: str) -> Assessment:
    return assess(read_case(Path(case)))


def forget() -> None:
    """Make the next row read its case again: each is assessed once for a protocol."""
    _assessed.cache_clear()


def _measured(case: str, asked: str, about: str) -> Any:
    found = Known(_assessed(case).measurements).get(asked, about)
    return MISSING if found.value is None else found.value


def _found(case: str, asked: str, about: str) -> str:
    found = [f for f in _assessed(case).findings if f.rule.id == asked and (not about or f.about == about)]
    return str(found[0].severity or found[0].outcome) if found else "not judged"


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "a whole case": {"site.measure": _measured, "site.finding": _found},
}
