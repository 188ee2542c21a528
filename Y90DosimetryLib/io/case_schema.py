"""Whether a case file is written as it should be, before anything is read; and the template to start from."""

from __future__ import annotations

import difflib
import math
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ..case import require_aware
from ..errors import InputError
from ..quantities import require_in_calendar, require_in_range, require_text
from .case_keys import TABLES, Form, Key, Table
from .paths import printable


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a question with the known name nearest to *name*; empty when none is near."""
    by_lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"Did you mean '{by_lower[near[0]]}'?" if near else ""


def check_document(document: Mapping[str, Any]) -> None:
    """Check every table, key and type of a case file.

    Raises
    ------
    InputError
        For the first unknown or missing key, or value of another type; the nearest known name is suggested.
    """
    _refuse_unknown(document, [t.name for t in TABLES if "." not in t.name], "the case file", "table")
    if "case" not in document:
        raise InputError("the table [case] is missing", remedy="See `y90 case new` for a template")
    for table in TABLES:
        for where, values in _instances(document, table):
            _check(values, table, where)


_MISTAKES = (
    (r"[-+]?\d+,\d+$", "A decimal point, not a comma: {point}"),
    (
        r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\b|\d{4}[/.]\d|\d{4}-\d{1,2}-\d{1,2}$",
        "Write a date as 2026-03-04, without quotes",
    ),
    (r"(?i)(true|yes)$", "Write true"),
    (r"(?i)(false|no)$", "Write false"),
    (r'"[^"]*\\', "Write a path with / or in single quotes: '{path}'"),
    (r"\d{1,2}:\d\d|\d{4}-\d\d-\d\d[ T]", "Write a time with its date and offset: 2026-03-04T10:30:00+01:00"),
    (r"[-+]?\d[\d.]*\s*[^\W\d_]+", "Write the number alone; its unit is in the key's name"),
    (r"[^\W\d]", 'Put a text in quotes: "{value}"'),
    (r'"[^"]*$|\'[^\']*$', "Close the quotes"),
)
"""How a value that TOML refuses begins, and what was probably meant; the first that fits counts."""
_SHOWN_BEFORE = 36
"""Characters of a line that are shown before the place, and as many after it: a terminal has 80 columns."""


def toml_error(text: str, message: str) -> InputError:
    """Return the error for a *text* that is not TOML: the line, a caret below the place, and the probable cause.

    *message* is Python's, which names the place as "(at line 3, column 7)".
    """
    found = re.search(r"line (\d+), column (\d+)", message)
    if found is None:  # at the end of the document
        return InputError(f"not valid TOML: {message}", remedy="Something that was opened is not closed")
    number, column = int(found[1]), int(found[2])
    line = (text.splitlines() or [""])[min(number, len(text.splitlines())) - 1]
    value = re.split(r"\s#", line.partition("=")[2])[0].strip()
    says = next((says for pattern, says in _MISTAKES if re.match(pattern, value)), "")
    if "overwrite" in message:
        says = "The key or table occurs twice: keep one"
    remedy = says.format(point=value.replace(",", "."), path=value.strip('"').replace("\\\\", "\\"), value=value)
    begin = max(0, column - _SHOWN_BEFORE)
    shown = f"\n  {printable(line[begin : begin + 2 * _SHOWN_BEFORE])}\n  {' ' * (column - 1 - begin)}^\n"
    return InputError(f"not valid TOML at line {number}{shown}{remedy or message}")


def _refuse_unknown(values: Mapping[str, Any], known: Collection[str], where: str, what: str) -> None:
    for name in values:
        if name not in known:
            remedy = did_you_mean(name, known)
            few = f"Known here: {', '.join(known)}" if len(known) < 20 else "See `y90 case new` for the list"
            raise InputError(f"unknown {what} '{printable(name)}'", where=where, remedy=remedy or few)


def _instances(document: Mapping[str, Any], table: Table) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each table of one kind with where it stands."""
    holder, _, name = table.name.rpartition(".")
    holders: list[tuple[str, Mapping[str, Any]]] = [("", document)]
    if holder:
        holders = list(_instances(document, next(t for t in TABLES if t.name == holder)))
    for above, values in holders:
        if name in values:
            found = values[name]
            items = found if table.many and isinstance(found, list) else [found]
            if (isinstance(found, list) and not table.many) or not all(isinstance(item, dict) for item in items):
                raise InputError(f"'{name}' is not written as a table", where=above, remedy=f"Write {table.header}")
            if table.many and not isinstance(found, list):
                raise InputError(f"[{table.name}] may occur several times", remedy=f"Write {table.header}")
            for number, item in enumerate(items, start=1):
                yield _place(above, table, item, number), item


def _place(above: str, table: Table, item: Mapping[str, Any], number: int) -> str:
    label = item.get("label")
    which = f" '{label}'" if isinstance(label, str) else f" number {number}"
    here = table.header + (which if table.many else "")
    return f"{above}, {here}" if above else here


def _check(values: Mapping[str, Any], table: Table, where: str) -> None:
    keys = {key.name: key for key in table.keys}
    _refuse_unknown(values, list(keys), where, "key")
    for name, value in values.items():
        _check_value(keys[name], value, where)
    for key in table.keys:
        if key.required and key.name not in values:
            example = f"{key.name} = {key.example}" if key.example else f"[[{table.name}.{key.name}]]"
            raise InputError(f"'{key.name}' is missing", where=where, remedy=f"Write it, for example: {example}")


def _check_value(key: Key, value: object, where: str) -> None:
    if isinstance(value, str) and key.words:
        if value not in key.words:
            words = f"Write one of: {', '.join(key.words)}"
            words += "" if key.form is Form.TEXT else f"; or give {key.form.value}"
            raise InputError(f"'{key.name}' is '{value}'", where=where, remedy=did_you_mean(value, key.words) or words)
        return
    if not _fits(key.form, value):
        raise InputError(
            f"'{key.name}' is {_shown(value)}", where=where, remedy=f"Give {key.form.value} ({key.name}: {key.says})"
        )
    if not all(map(math.isfinite, _numbers(value))):
        raise InputError(f"'{key.name}' is {value}", where=where, remedy="Give a finite number, or leave it out")
    for number in _numbers(value):
        require_in_range(number, f"{where}, {key.name}", *key.bounds)
    if isinstance(value, date):
        require_in_calendar(value, f"{where}, {key.name}")
    for text in _texts(value):
        require_text(text, f"{where}, {key.name}")
    if isinstance(value, datetime):
        require_aware(value, f"{where}, {key.name}")


def _numbers(value: object) -> tuple[int | float, ...]:
    """Return a number, or all numbers of a list and of the lists in it."""
    if isinstance(value, list):
        return tuple(number for item in value for number in _numbers(item))
    return (value,) if isinstance(value, int | float) else ()


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    held = value if isinstance(value, list) else (*value, *value.values()) if isinstance(value, dict) else ()
    return tuple(text for text in held if isinstance(text, str))


def _fits(form: Form, value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match form:
        case Form.TEXT:
            return isinstance(value, str) and bool(value.strip())
        case Form.TEXTS:
            return isinstance(value, list) and all(isinstance(v, str) for v in value)
        case Form.NUMBER:
            return number
        case Form.WHOLE:
            return number and isinstance(value, int)
        case Form.YES_NO:
            return isinstance(value, bool)
        case Form.DATE:
            return isinstance(value, date) and not isinstance(value, datetime)
        case Form.TIME:
            return isinstance(value, datetime)
        case Form.TRIPLE:
            return isinstance(value, list) and len(value) == 3 and all(_fits(Form.NUMBER, v) for v in value)
        case Form.POINTS:
            return isinstance(value, list) and all(_fits(Form.TRIPLE, point) for point in value)
        case Form.ROLES:
            return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        case Form.TABLES:
            return True  # looked into as tables of their own


def _shown(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else reprlib.repr(value)


LAST_OF_SESSIONS = "sessions.infusions"


def template(known: Mapping[str, Sequence[Mapping[str, str]]] | None = None, sessions_in_comments: str = "") -> str:
    """Return a case file to start from: names are filled in; every value is an example in a comment, for the user.

    Parameters
    ----------
    known
        Values to fill in instead, as TOML, by the name of their table; a row for each table of that name.
    sessions_in_comments
        Sessions that lack something, to be completed; written as comments.
    """
    blocks = [
        "# A case for `y90 assess`. Lines that begin with # are not read: they hold examples.\n"
        "# Remove the # and enter your own value; what is left out is reported as missing.\n"
        "# Times carry their offset from UTC: 2026-03-04T10:30:00+01:00. Fractions run from 0 to 1."
    ]
    for table in TABLES:
        rows = table.filled if known is None else known.get(table.name, ())
        drafted = bool(sessions_in_comments) and table.name.startswith("sessions")
        if not drafted or rows or table.name == "sessions":
            blocks.append(f"# {table.says}")
        for number, filled in enumerate(rows or () if drafted else rows or ({},)):
            blocks[-1] += ("" if number == 0 else "\n") + "\n" + _block(table, filled, brief=number > 0)
        if sessions_in_comments and table.name == LAST_OF_SESSIONS:
            blocks.append("\n".join(f"# {line}".rstrip() for line in sessions_in_comments.splitlines()))
    return "\n\n".join(blocks) + "\n"


def _block(table: Table, filled: Mapping[str, str], *, brief: bool) -> str:
    lacks = any(key.required and key.name not in filled for key in table.keys if key.form is not Form.TABLES)
    holder = next((t for t in TABLES if t.name == table.name.rpartition(".")[0]), None)
    optional = lacks or (holder is not None and not holder.filled)
    lines = [f"# {table.header}" if optional else table.header]
    group = ""
    for key in table.keys:
        if key.form is Form.TABLES or (brief and key.name not in filled):
            continue
        if key.group != group:
            group = key.group
            lines.append(f"# {group}:")
        line = f"{key.name} = {filled.get(key.name, key.example)}"
        lines.append((line if key.name in filled else f"# {line}") + ("" if brief else f"  # {key.says}"))
    return "\n".join(lines)
