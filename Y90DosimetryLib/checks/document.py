"""The page of all technical checks, written from the catalog."""

from __future__ import annotations

from .catalog import CATALOG
from .check import Check, Comparison, Room, limit_of

_INTRODUCTION = """# Technical checks

Written from `Y90DosimetryLib/checks/catalog.py`; do not edit by hand.

Clinical rules say whether a plan follows the recommendations. These checks say whether its numbers can be believed.
They warn and stop nothing by themselves; an *error* says that the results it names would be wrong. What could not be
measured is reported as not judged, with the reason, and never as passed. Impossible input (no liver, an empty tumor,
a lung shunt of 1) is no check: it is refused with a message.

The checks of a registration (`registration_…`) are run on what `register` returned, by `check_registration`; all
others by `run_checks` on a case.

Thresholds are defaults of this tool, not recommendations, unless a source is named. Each can be changed by the id of
its check: `run_checks(…, thresholds={"tumor_burden": 0.6})`, fractions from 0 to 1."""


def markdown() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    for room in Room:
        checks = [check for check in CATALOG.values() if check.room is room]
        parts.append(f"\n## {room.value.replace('_', '-').capitalize()} ({len(checks)})\n")
        parts.append("| id | level | what is measured or found | raised | what to do |")
        parts.append("|---|---|---|---|---|")
        parts += [_row(check) for check in checks]
    return "\n".join(parts) + "\n"


def _row(check: Check) -> str:
    when = "when found"
    if check.comparison is not Comparison.FOUND:
        when = f"{check.comparison.value} {limit_of(check)}"
    if check.unless:
        when += f", unless `{check.unless}`"
    if check.source != Check.source:
        when += f" ({check.source})"
    return f"| `{check.id}` | {check.level.value} | {check.title} | {when} | {check.remedy} |"
