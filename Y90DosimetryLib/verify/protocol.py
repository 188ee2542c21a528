"""The protocol: what was recomputed, where, with what, and how it compares with an earlier one."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..cohort.digests import software_digest
from ..errors import InputError
from ..progress import Progress, silent
from ..version import __version__
from .entry import Entry
from .run import Checked, verify

SCHEMA = "y90-verify/1"
COMPUTING = ("numpy", "scipy", "SimpleITK", "vtk", "pydicom", "highdicom")
"""Packages that compute, read or write a patient's numbers."""
SAME_RATIO = 1e-9
"""Values that differ by less than this share of themselves are the same: the last bits of another processor."""


@dataclass(frozen=True)
class Protocol:
    """All rows as they came out, and what they came out of."""

    rows: tuple[Checked, ...]
    made_at: datetime
    took_s: float
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    software_digest: str
    changes: tuple[str, ...] | None = None
    """What differs from the earlier protocol it was compared with; None where there was none."""

    @property
    def failed(self) -> tuple[Checked, ...]:
        """The rows that did not come out."""
        return tuple(row for row in self.rows if not row.passed)

    @property
    def sentence(self) -> str:
        """The result in one line."""
        total = len(self.rows)
        if not total:
            return "Nothing was recomputed"
        if not self.failed:
            return f"All {total} values came out within their tolerances"
        groups = ", ".join(dict.fromkeys(str(row.entry.group) for row in self.failed))
        return f"{len(self.failed)} of {total} values did NOT come out ({groups}): do not use this installation"


def protocol_of(progress: Progress = silent, own: Iterable[Entry] = ()) -> Protocol:
    """Recompute everything that comes with the library, and the site's own rows, and return the protocol.

    Raises
    ------
    Cancelled
        If *progress* says so.
    """
    began, made_at = time.monotonic(), datetime.now().astimezone()
    rows = verify(progress, own=own)
    return Protocol(rows, made_at, time.monotonic() - began, versions(), machine(), software_digest())


def versions() -> Mapping[str, str]:
    """Return the versions of everything that computes."""
    found = {"Y90DosimetryLib": __version__, "Python": platform.python_version()}
    for name in COMPUTING:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> Mapping[str, str]:
    """Return what the computer is."""
    return {
        "computer": platform.node() or "without name",
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": str(os.cpu_count() or "unknown"),
        "interpreter": sys.executable or "embedded",
    }


def as_json(protocol: Protocol) -> dict[str, Any]:
    """Return the protocol as it is filed."""
    return {
        "schema": SCHEMA,
        "result": protocol.sentence,
        "passed": not protocol.failed,
        "made_at": protocol.made_at.isoformat(timespec="seconds"),
        "took_s": round(protocol.took_s, 1),
        "software_digest": protocol.software_digest,
        "versions": dict(protocol.versions),
        "machine": dict(protocol.machine),
        "rows": [_row(row) for row in protocol.rows],
        **({} if protocol.changes is None else {"changes_since_previous": list(protocol.changes)}),
    }


def read_protocol(path: Path) -> Mapping[str, Any]:
    """Return a protocol as it was filed.

    Raises
    ------
    InputError
        If the file can't be read or is no protocol.
    """
    remedy = "Give the protocol.json of an earlier run"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"it can't be read ({error.strerror})", where=str(path), remedy=remedy) from None
    except ValueError:
        raise InputError("it is not JSON", where=str(path), remedy=remedy) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InputError(f"it is no protocol of the kind {SCHEMA}", where=str(path), remedy=remedy)
    return found


def compared(protocol: Protocol, before: Mapping[str, Any]) -> Protocol:
    """Return the protocol with what changed since an earlier one, as `read_protocol` returns it."""
    changes = [
        f"{name}: {before[kind].get(name, 'none')} before, {now} now"
        for kind, all_now in (("versions", protocol.versions), ("machine", protocol.machine))
        for name, now in all_now.items()
        if before[kind].get(name) != now
    ]
    if before["software_digest"] != protocol.software_digest:
        changes.append("the software is not the same: code, rules, data or packages differ")
    old = {(row["group"], row["what"]): row for row in before["rows"]}
    new = {(str(row.entry.group), row.entry.what): row for row in protocol.rows}
    changes += [f"{_name(key)}: new" for key in new if key not in old]
    changes += [f"{_name(key)}: no longer there" for key in old if key not in new]
    changes += [change for key, row in new.items() if key in old and (change := _changed(key, old[key], row))]
    return replace(protocol, changes=tuple(changes))


def _changed(key: tuple[str, str], old: Mapping[str, Any], row: Checked) -> str:
    parts = []
    if old["expected"] != row.entry.expected:
        parts.append(f"expected {old['expected']} before, {row.entry.expected} now")
    if not _same(old["got"], row.got):
        parts.append(f"gave {old['got']} before, {row.got if row.got is not None else row.failure} now")
    if old["passed"] != row.passed:
        parts.append("passes now" if row.passed else "passed before, does NOT pass now")
    return f"{_name(key)}: {'; '.join(parts)}" if parts else ""


def _same(before: Any, now: Any) -> bool:
    if isinstance(before, int | float) and isinstance(now, int | float) and not isinstance(before, bool):
        return abs(before - now) <= SAME_RATIO * max(abs(before), abs(now))
    return bool(before == now)


def _name(key: tuple[str, str]) -> str:
    return f"{key[0]}, {key[1]}"


def _row(row: Checked) -> dict[str, Any]:
    entry = row.entry
    return {
        "group": str(entry.group),
        "what": entry.what,
        "part": row.part,
        "computes": entry.computes,
        "with": dict(entry.inputs),
        "source": entry.source,
        "place": entry.place,
        "unit": entry.unit,
        "expected": entry.expected,
        "got": row.got,
        "tolerance": entry.tolerance,
        "why_tolerance": entry.why,
        "failure": row.failure,
        "passed": row.passed,
    }
