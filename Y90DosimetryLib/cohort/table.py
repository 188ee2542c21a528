"""A table of tumors, one row each, read from CSV: whose columns are understood, and whose values are possible."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError
from ..followup.pathology import Necrosis
from ..quantities import require_label
from ..response.terms import Response
from ..staging import LARGEST_DIAMETER_MM, HepaticVeinInvasion, PortalInvasion

LONGEST_MONTHS = 600.0
"""Fifty years: a longer time was surely typed in another unit."""
UNIT_ENDINGS = ("gy", "cgy", "mgy", "mm", "cm", "months", "days", "weeks", "years", "ng_ml", "ug_l", "iu_ml", "ui_ml",
                "fraction", "percent")  # fmt: skip
OTHER_NAMES = {"delivered_dose_gy": "post_dose_gy"}
"""Columns that mean the same; both may be there where they agree."""

Read = TypeVar("Read")


@dataclass(frozen=True)
class Tumor:
    """One row. None is unknown, never 0; what belongs to the patient is the same in all rows of the patient."""

    tumor_id: str
    patient: str
    pvtt: PortalInvasion | None = None
    hvt: HepaticVeinInvasion | None = None
    afp_ng_ml: float | None = None
    index_tumor_size_mm: float | None = None
    """Longest diameter of this tumor."""
    best_mrecist: Response | None = None
    necrosis: Necrosis | None = None
    mve: bool | None = None
    post_dose_gy: float | None = None
    """Delivered mean dose of this tumor."""
    planned_dose_gy: float | None = None
    best_change_fraction: float | None = None
    """Largest fall of this tumor's diameter: -0.3 is 30 % less."""
    tts_months: float | None = None
    """From the treatment to surgery."""
    ttr_months: float | None = None
    """From the treatment to recurrence."""
    multifocal: bool | None = None
    large_gt8cm: bool | None = None
    is_index_row: bool | None = None
    progression_months: float | None = None
    """From the treatment to progression, or to when the patient was last seen without."""
    progressed: bool | None = None
    survival_months: float | None = None
    """From the treatment to death, or to when the patient was last known alive."""
    died: bool | None = None
    follow_up_months: float | None = None
    """From the treatment to the last contact."""


@dataclass(frozen=True)
class PatientRows:
    """The tumors of one patient."""

    patient: str
    tumors: tuple[Tumor, ...]

    def of(self, column: str) -> Any:
        """Return what the rows say of the patient in a column; None where none says anything."""
        for tumor in self.tumors:
            value = getattr(tumor, column)
            if value is not None:
                return value
        return None

    @cached_property
    def index(self) -> Tumor | None:
        """The index tumor: the row marked so, or the only one; None where that is not known."""
        marked = [t for t in self.tumors if t.is_index_row]
        return marked[0] if marked else self.tumors[0] if len(self.tumors) == 1 else None

    @cached_property
    def worst_necrosis(self) -> Necrosis | None:
        """The least necrosis of any tumor; None unless all are known."""
        found = [t.necrosis for t in self.tumors if t.necrosis is not None]
        return max(found, key=lambda n: n.rank) if len(found) == len(self.tumors) else None

    @cached_property
    def lowest_dose_gy(self) -> float | None:
        """The lowest dose of any tumor; None unless all are known."""
        found = [t.post_dose_gy for t in self.tumors if t.post_dose_gy is not None]
        return min(found) if len(found) == len(self.tumors) else None

    @property
    def largest_mm(self) -> float | None:
        """The diameter of the largest tumor; None unless all are known."""
        found = [t.index_tumor_size_mm for t in self.tumors if t.index_tumor_size_mm is not None]
        return max(found) if len(found) == len(self.tumors) else None


@dataclass(frozen=True)
class TumorTable:
    """Tumors, the columns they came with, and what was said about the others."""

    name: str
    tumors: tuple[Tumor, ...]
    columns: frozenset[str]
    notes: tuple[str, ...] = ()

    @cached_property
    def patients(self) -> tuple[PatientRows, ...]:
        """The tumors by patient, in the order of the table."""
        found: dict[str, list[Tumor]] = {}
        for tumor in self.tumors:
            found.setdefault(tumor.patient, []).append(tumor)
        return tuple(PatientRows(name, tuple(tumors)) for name, tumors in found.items())


def example_table() -> TumorTable:
    """Return the 22 tumors of Meerun et al. 2022, Table 5."""
    text = resources.files(__package__).joinpath("data/table5.csv").read_text("utf-8")
    return parse_table(text, "Meerun et al. 2022, Table 5")


def read_table(path: Path) -> TumorTable:
    """Read a table of tumors.

    Raises
    ------
    InputError
        If the file can't be read, a column is missing, doubled or in another unit, or a value is impossible.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"it can't be read ({error.strerror})", where=str(path), remedy="Check the path") from None
    except UnicodeDecodeError:
        raise InputError("it is not UTF-8 text", where=str(path), remedy="Save it as CSV, UTF-8") from None
    return parse_table(text, path.name)


def parse_table(text: str, name: str) -> TumorTable:
    """Return the tumors of a CSV text; errors as `read_table`, and name where they were found."""
    try:
        lines = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except csv.Error as error:  # a field beyond the module's limit, a null character
        raise InputError(
            f"it is not a table ({error})", where=name, remedy="Save it as CSV; an open quote swallows what follows"
        ) from None
    if len(lines) < 2:
        raise InputError("it holds no tumor", where=name, remedy="Give a line of columns, then a line a tumor")
    head = [cell.strip() for cell in lines[0]]
    notes = _check_head(head, name)
    tumors = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(head):
            remedy = "Separate by commas, write 0.5 for a half, and put text with commas in quotes"
            raise InputError(
                f"{len(cells)} cells for {len(head)} columns", where=f"{name}, line {number}", remedy=remedy
            )
        tumors.append(_tumor(dict(zip(head, cells, strict=True)), f"{name}, line {number}"))
    known = frozenset(OTHER_NAMES.get(c, c) for c in head) & READERS.keys()
    table = TumorTable(name, tuple(tumors), known, notes)
    _check_rows(table)
    return table


def _check_head(head: Sequence[str], name: str) -> tuple[str, ...]:
    if len(head) == 1 and (";" in head[0] or "\t" in head[0]):
        raise InputError("it is not separated by commas", where=name, remedy="Save it as CSV with commas")
    known = [*READERS, *OTHER_NAMES]
    notes = []
    for column in dict.fromkeys(head):
        if head.count(column) > 1:
            raise InputError(f"the column '{column}' is there twice", where=name, remedy="Keep one of them")
        if column in known:
            continue
        stem = _stem(column)
        same = [k for k in known if _stem(k) == stem != k]
        if same and stem != column:
            raise InputError(f"the column '{column}' has another unit", where=name, remedy=f"Convert it to '{same[0]}'")
        near = same or difflib.get_close_matches(column, known, n=1, cutoff=0.8)
        notes.append(f"column '{column}' is ignored" + (f" (is '{near[0]}' meant?)" if near else ""))
    for column in ("tumor_id", "patient"):
        if column not in head:
            raise InputError(
                f"the column '{column}' is missing",
                where=name,
                remedy="Number the tumors, and say whose they are: tumors of one patient are not independent",
            )
    return tuple(notes)


def _stem(column: str) -> str:
    """Return a column's name without its unit."""
    ending = next((u for u in sorted(UNIT_ENDINGS, key=len, reverse=True) if column.endswith(f"_{u}")), "")
    return column.removesuffix(f"_{ending}") if ending else column


def _tumor(cells: Mapping[str, str], where: str) -> Tumor:
    found: dict[str, Any] = {}
    for column, cell in cells.items():
        own = OTHER_NAMES.get(column, column)
        text = cell.strip()
        if own not in READERS or not text:
            continue
        try:
            value = READERS[own](text)
        except InputError as error:
            raise InputError(error.what, where=f"{where}, column '{column}'", remedy=error.remedy) from None
        if own in found and found[own] != value:
            raise InputError(
                f"post_dose_gy and delivered_dose_gy are {found[own]:g} and {value:g}",
                where=where,
                remedy="They are two names of one dose: keep one",
            )
        found[own] = value
    for column in ("tumor_id", "patient"):
        if column not in found:
            raise InputError(f"'{column}' is empty", where=where, remedy="Fill it in")
    return Tumor(**found)


OF_THE_PATIENT = ("pvtt", "hvt", "afp_ng_ml", "best_mrecist", "mve", "tts_months", "ttr_months", "multifocal",
                  "progression_months", "progressed", "survival_months", "died", "follow_up_months")  # fmt: skip


def _check_rows(table: TumorTable) -> None:
    seen: set[str] = set()
    for tumor in table.tumors:
        if tumor.tumor_id in seen:
            raise InputError(
                f"tumor_id {tumor.tumor_id} is there twice", where=table.name, remedy="Number every tumor once"
            )
        seen.add(tumor.tumor_id)
    for patient in table.patients:
        where = f"{table.name}, patient {patient.patient}"
        for column in OF_THE_PATIENT if len(patient.tumors) > 1 else ():
            values = {v for t in patient.tumors if (v := getattr(t, column)) is not None}
            if len(values) > 1:
                said = " and ".join(sorted(str(v) for v in values))
                raise InputError(
                    f"'{column}' is {said}", where=where, remedy="It belongs to the patient: the same in all rows"
                )
        if sum(bool(t.is_index_row) for t in patient.tumors) > 1:
            raise InputError("several rows are index tumors", where=where, remedy="Mark one by is_index_row = 1")
        _check_course(patient, where)


def _check_course(patient: PatientRows, where: str) -> None:
    died, end = patient.of("died"), patient.of("survival_months")
    for flag, time in (("progressed", "progression_months"), ("died", "survival_months")):
        if patient.of(flag) and patient.of(time) is None and not (flag == "progressed" and patient.of("ttr_months")):
            raise InputError(f"'{flag}' is 1 without '{time}'", where=where, remedy=f"Give '{time}'")
    if patient.of("progressed") is False and patient.of("ttr_months") is not None:
        raise InputError("'progressed' is 0 with a time to recurrence", where=where, remedy="Correct one of them")
    for time in ("progression_months", "ttr_months", "follow_up_months"):
        value = patient.of(time)
        if died and end is not None and value is not None and value > end:
            raise InputError(
                f"'{time}' is {value:g}, after death at {end:g} months", where=where, remedy="Correct one of them"
            )


# Cells


def _number(low: float, high: float, remedy: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            hint = "Write the decimal point as a point" if "," in text else "Leave the cell empty where it is unknown"
            raise InputError(f"'{text}' is not a number", remedy=hint)
        if not low <= value <= high:
            least = "what is above 0, up" if low == _ABOVE_ZERO else f"{low:g}"
            raise InputError(f"{value:g} lies outside {least} to {high:g}", remedy=remedy)
        return value

    return read


def _name(text: str) -> str:
    require_label(text, "")
    return text


def _choice(choices: Mapping[str, Read]) -> Callable[[str], Read]:
    by_text = {name.casefold(): value for name, value in choices.items()}

    def read(text: str) -> Read:
        if text.casefold() not in by_text:
            raise InputError(f"'{text}' is none of its values", remedy=f"Write one of {', '.join(choices)}")
        return by_text[text.casefold()]

    return read


_YES_NO = _choice({"1": True, "0": False, "yes": True, "no": False, "true": True, "false": False})
_DOSE = _number(0.0, 1e5, "Give the mean dose in Gy")
_MONTHS = _number(0.0, LONGEST_MONTHS, "Give months")
_ABOVE_ZERO = math.ulp(0.0)

READERS: Mapping[str, Callable[[str], object]] = {
    "tumor_id": _name,
    "patient": _name,
    "pvtt": _choice({p.name.replace("NONE", "none"): p for p in PortalInvasion}),
    "hvt": _choice({h.name.replace("NONE", "none"): h for h in HepaticVeinInvasion}),
    "afp_ng_ml": _number(0.0, 1e8, "Give ng/mL"),
    "index_tumor_size_mm": _number(_ABOVE_ZERO, LARGEST_DIAMETER_MM, "Give the longest diameter in mm"),
    "best_mrecist": _choice({r.value: r for r in Response}),
    "necrosis": _choice({**{n.value: n for n in Necrosis}, "complete": Necrosis.COMPLETE}),
    "mve": _YES_NO,
    "post_dose_gy": _DOSE,
    "planned_dose_gy": _DOSE,
    "best_change_fraction": _number(-1.0, 10.0, "Give a fraction, not a percentage: -0.3 is 30 % less"),
    "tts_months": _MONTHS,
    "ttr_months": _MONTHS,
    "multifocal": _YES_NO,
    "large_gt8cm": _YES_NO,
    "is_index_row": _YES_NO,
    "progression_months": _MONTHS,
    "progressed": _YES_NO,
    "survival_months": _MONTHS,
    "died": _YES_NO,
    "follow_up_months": _MONTHS,
}
"""How each column is read; its name is the field of `Tumor`."""
