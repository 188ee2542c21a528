"""Recompute every row and say what came out; a computation that breaks is a row that fails, not the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Cancelled
from ..progress import Progress, silent
from . import of_cohort, of_dicom, of_doses, of_images, of_liver, of_physics, of_plans, of_rules, of_site
from .entry import Entry, Group, Value, load_entries


@dataclass(frozen=True)
class Quantity:
    """A function that recomputes something, and the part of the library whose number it checks."""

    part: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Checked:
    """One row recomputed: what came out, or why nothing did; `part` is the part of the library it speaks for."""

    entry: Entry
    part: str
    got: Value | None
    failure: str = ""

    @property
    def passed(self) -> bool:
        """Whether the expected value came out, within its tolerance."""
        return not self.failure and self.entry.allows(self.got)


def quantities() -> Mapping[str, Quantity]:
    """Return everything that a row can ask for, by name."""
    modules = (of_physics, of_images, of_doses, of_liver, of_rules, of_cohort, of_dicom, of_plans, of_site)
    return {
        name: Quantity(part, function)
        for module in modules
        for part, functions in module.QUANTITIES.items()
        for name, function in functions.items()
    }


def verify(
    progress: Progress = silent, groups: Iterable[Group] = tuple(Group), own: Iterable[Entry] = ()
) -> tuple[Checked, ...]:
    """Recompute the rows of some groups, all if none is named, and the site's own, in the order of the protocol.

    Raises
    ------
    Cancelled
        If *progress* says so, between two rows.
    """
    for module in (of_dicom, of_site):
        module.forget()
    wanted = set(groups)
    rows = [e for e in (*load_entries(), *own) if e.group in wanted]
    known = quantities()
    found = []
    for number, entry in enumerate(rows):
        progress(number / len(rows), str(entry.group))
        found.append(checked(entry, known))
    progress(1.0, "done")
    return tuple(found)


def checked(entry: Entry, known: Mapping[str, Quantity]) -> Checked:
    """Recompute one row."""
    quantity = known.get(entry.computes)
    if quantity is None:
        return Checked(entry, "verify", None, f"nothing computes '{entry.computes}'")
    try:
        got = quantity.function(**entry.inputs)
    except Cancelled:
        raise
    except Exception as error:  # whatever breaks here would break a patient's number too: it is a row that fails
        return Checked(entry, quantity.part, None, f"{type(error).__name__}: {error}".splitlines()[0])
    if not isinstance(got, int | float | str):
        return Checked(entry, quantity.part, None, f"no value: {got}")
    return Checked(entry, quantity.part, float(got) if isinstance(got, float) else got)
