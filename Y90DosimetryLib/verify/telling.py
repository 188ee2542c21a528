"""The protocol told: as text for a terminal, and as pages to be signed and filed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path

from ..errors import MissingToolError
from ..io.writing import output_folder, write_json, write_text
from ..report.as_pdf import as_pdf
from ..report.content import NOTICE
from ..report.html_parts import bullets, page, row, table
from .protocol import Protocol, as_json
from .run import Checked

WIDTH = 80
WHAT, NUMBER, INDENT = 38, 11, " " * 5
TITLE = "Y-90 dosimetry: protocol of commissioning"
SIGNED = ("Performed by", "Function", "Date", "Signature", "Accepted for clinical use by", "Date", "Signature")


def as_text(protocol: Protocol) -> str:
    """Return the whole table, 80 columns wide, with the result at its end."""
    lines = [f"{INDENT}{'What':<{WHAT}}{'Expected':>{NUMBER + 1}}{'Got':>{NUMBER + 1}}{'Tolerance':>{NUMBER + 1}}"]
    for group, found in groupby(protocol.rows, key=lambda checked: checked.entry.group):
        rows = list(found)
        passed = sum(checked.passed for checked in rows)
        lines += ["", f"{_heading(group)}: {passed} of {len(rows)}"]
        for checked in rows:
            lines += _lines(checked)
    lines += ["", *(line for fact in _facts(protocol) for line in _wrapped(fact, ""))]
    for change in protocol.changes or ():
        lines += _wrapped(f"Changed: {change}", "")
    if protocol.changes == ():
        lines.append("Nothing has changed since the previous protocol.")
    return "\n".join([*lines, "", *_wrapped(f"{protocol.sentence}.", "")])


def failures_as_text(protocol: Protocol) -> str:
    """Return only the rows that did not come out; empty where there are none."""
    return "\n".join(line for checked in protocol.failed for line in _lines(checked))


def as_page(protocol: Protocol) -> str:
    """Return the protocol as an HTML page; folded nowhere, so that it prints whole."""
    body = [f"<h1>{TITLE}</h1>", f'<p class="verdict">{escape(protocol.sentence)}.</p>', f"<p>{escape(NOTICE)}</p>"]
    body.append(bullets(_facts(protocol)))
    if protocol.changes is not None:
        body += ["<h2>Since the previous protocol</h2>", bullets(protocol.changes) or "<p>Nothing has changed.</p>"]
    if protocol.failed:
        body += ["<h2>What did not come out</h2>", _table(list(protocol.failed))]
    for group, found in groupby(protocol.rows, key=lambda checked: checked.entry.group):
        body += [f"<h2>{escape(_heading(group))}</h2>", _table(list(found))]
    body += ["<h2>Signatures</h2>", table(("", ""), (row(line, "_" * 40) for line in SIGNED))]
    return page(TITLE, body)


def pdf_of(protocol: Protocol) -> bytes:
    """Return the protocol as a PDF file."""
    return as_pdf(as_page(protocol), TITLE)


def write_protocol(protocol: Protocol, folder: Path) -> str:
    """Write the protocol as JSON, HTML and PDF into a new folder; return why there is no PDF, where there is none.

    Raises
    ------
    InputError
        If something is in the folder, or it can't be made.
    """
    why_none = ""
    with output_folder(folder) as temporary:
        write_json(as_json(protocol), temporary / "protocol.json")
        write_text(as_page(protocol), temporary / "protocol.html")
        try:
            (temporary / "protocol.pdf").write_bytes(pdf_of(protocol))
        except MissingToolError as error:
            why_none = f"{error}".replace("report.html", "protocol.html")
    return why_none


def _table(rows: list[Checked]) -> str:
    head = ("Passed", "What", "Expected", "Got", "Tolerance, and why", "Source, and place")
    return table(head, (row(*_cells(checked)) for checked in rows))


def _cells(checked: Checked) -> tuple[str, ...]:
    entry = checked.entry
    expected, got = _values(checked)
    what = f"{entry.what} ({entry.unit})" if entry.unit else entry.what
    tolerance = entry.why if not entry.tolerance else f"+/- {entry.tolerance:g}: {entry.why}"
    return ("yes" if checked.passed else "NO", what, expected, got, tolerance, f"{entry.source}: {entry.place}")


def _heading(group: str) -> str:
    return group[:1].upper() + group[1:] if group.islower() else group


def _values(checked: Checked) -> tuple[str, str]:
    """Return expected and got; with all digits where fewer would hide that they differ."""
    expected, got = _text(checked.entry.expected), _text(checked.got) or checked.failure
    if not checked.passed and expected == got:
        return repr(checked.entry.expected), repr(checked.got)
    return expected, got


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def _lines(checked: Checked) -> Iterator[str]:
    passed, what, expected, got, tolerance, source = _cells(checked)
    first, *more = textwrap.wrap(what, WHAT - 1)
    mark = "ok" if passed == "yes" else "FAIL"
    number = f"{checked.entry.tolerance:g}" if checked.entry.tolerance else "exact"
    is_short = max(len(expected), len(got), len(number)) <= NUMBER
    shown = f"{expected:>{NUMBER + 1}}{got:>{NUMBER + 1}}{number:>{NUMBER + 1}}" if is_short else ""
    yield f"{mark:<5}{first:<{WHAT}}{shown}".rstrip()
    yield from (f"{INDENT}{line}" for line in more)
    if not is_short:
        yield from _wrapped(f"Expected: {expected}", INDENT)
        yield from _wrapped(f"Got: {got}", INDENT)
    if checked.entry.tolerance:
        yield from _wrapped(tolerance, INDENT)
    yield from _wrapped(source, INDENT)
    if not checked.passed:
        yield from _wrapped(f"This is the part '{checked.part}' of the library.", INDENT)


def _facts(protocol: Protocol) -> list[str]:
    return [
        f"Made: {protocol.made_at:%Y-%m-%d %H:%M %z}, in {protocol.took_s:.0f} s",
        f"Software: {', '.join(f'{name} {version}' for name, version in protocol.versions.items())}",
        f"Digest of the software: {protocol.software_digest}",
        f"Machine: {', '.join(f'{name} {value}' for name, value in protocol.machine.items())}",
    ]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False
    )
