"""Pieces that every section of the page is made of: tables, numbers with their gaps, tags, pictures."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

from ..missing import Missing

SYMBOLS = {
    "contraindication": "✖",
    "error": "✖",
    "warning": "▲",
    "target": "◎",
    "information": "ℹ",
    "note": "ℹ",
    "met": "✔",
    "not_evaluable": "?",
    "not_applicable": "–",
}
"""A symbol beside each color, for readers who do not tell colors apart."""


Number = float | Missing | None
"""A number of any unit, or why there is none."""


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own, made elsewhere."""

    title: str
    html: str
    """What stands below the heading."""
    pictures: Mapping[str, str]
    """Its SVG files by caption, which are also written beside the page; they stand in `html` already."""


def page(title: str, body: Iterable[str], script: str = "") -> str:
    """Return a whole page of parts that are HTML already; nothing may be fetched, and no script run but *script*."""
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title>"
        f"<style>{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + (f"\n<script>{script}</script>" if script else "")
        + "\n</body></html>\n"
    )


def file_name(caption: str) -> str:
    """Return the name of a picture's file: its caption in lower case, letters and digits joined by hyphens."""
    return "-".join(re.findall(r"\w+", caption.lower())) + ".svg"


def symbol(mark: str) -> str:
    """Return the symbol of a mark, colored."""
    return f'<span class="tag {mark}" aria-hidden="true">{SYMBOLS[mark]}</span>'


def tag(mark: str, words: str = "") -> str:
    """Return a mark with its symbol and its name, or other words."""
    return f'<span class="tag {mark}">{SYMBOLS[mark]} {escape(words or mark.replace("_", " "))}</span>'


def table(head: Sequence[str], rows: Iterable[str], numbers_from: int = 99, numbers_before: int = 99) -> str:
    """Return a table of rows that are HTML already; columns from *numbers_from* to *numbers_before* hold numbers."""
    cells = "".join(
        f'<th class="number">{h}</th>' if numbers_from <= i < numbers_before else f"<th>{h}</th>"
        for i, h in enumerate(head)
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def number(value: Number, digits: int = 1, scale_ratio: float = 1.0) -> str:
    """Return the cell of a number times *scale_ratio*, or of the reason why there is none."""
    if value is None:
        return '<td class="missing">not known</td>'
    if isinstance(value, Missing):
        return f'<td class="missing">{escape(value.because)}</td>'
    return f'<td class="number">{value * scale_ratio:,.{digits}f}</td>'


def row(*cells: str, css: str = "") -> str:
    """Return a row of plain texts, escaped."""
    return (f'<tr class="{css}">' if css else "<tr>") + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"


def picture(caption: str, svg: str) -> str:
    """Return a figure that stands in the page itself."""
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(caption)}" ', 1)


def bullets(items: Iterable[str], css: str = "") -> str:
    """Return a list of plain texts, escaped; nothing where there is none."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return (f'<ul class="{css}">{lines}</ul>' if css else f"<ul>{lines}</ul>") if lines else ""


def gap(because: str) -> str:
    """Return the reason why something is not there."""
    return f'<p class="missing">{escape(because)}</p>'
