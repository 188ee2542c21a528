"""The statistics of a cohort as one self-contained HTML page, as a folder, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib import resources
from pathlib import Path

from ..io.writing import write_json, write_text
from ..report.content import NOTICE
from ..report.html_parts import file_name, picture
from ..version import __version__
from .analysis import CohortStatistics
from .content import Grid, Section, as_json, sections_of
from .figures import figures_of

_UNBROKEN = 16
"""A cell of no more letters stays on one line."""
_STYLE = (
    "table { font-size: 13px; margin: 0 0 14px; } td.short { white-space: nowrap; }"
    " .pictures svg { border: 1px solid var(--line); max-width: 640px; }"
)


def as_page(stats: CohortStatistics, pictures: Mapping[str, str]) -> str:
    """Return the page; *pictures* are SVG files by caption."""
    style = resources.files("Y90DosimetryLib.report").joinpath("report.css").read_text("utf-8") + _STYLE
    title = f"Cohort: {stats.name}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">Y90Dosimetry {escape(__version__)}</p>',
        f'<p class="notice">{escape(NOTICE)}</p>',
        *(_section(section, pictures) for section in sections_of(stats)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def write_cohort(stats: CohortStatistics, folder: Path) -> None:
    """Write cohort.html, statistics.json and the figures into an existing folder."""
    pictures = figures_of(stats)
    if pictures:
        (folder / "figures").mkdir()
    for caption, svg in pictures.items():
        write_text(svg, folder / "figures" / file_name(caption))
    write_text(as_page(stats, pictures), folder / "cohort.html")
    write_json({"notice": NOTICE, "software_version": __version__, **as_json(stats)}, folder / "statistics.json")


def _section(section: Section, pictures: Mapping[str, str]) -> str:
    shown = [c for c in pictures if any(_belongs(c, start) for start in section.figures)]
    images = "".join(picture(caption, pictures[caption]) for caption in shown)
    parts = [
        f"<h2>{escape(section.title)}</h2>",
        *(f"<p>{escape(sentence)}</p>" for sentence in section.sentences),
        *(_table(grid) for grid in section.grids),
        f'<div class="pictures">{images}</div>' if images else "",
    ]
    return "\n".join(part for part in parts if part)


def _belongs(caption: str, start: str) -> bool:
    return caption == start or caption.startswith((f"{start},", f"{start} "))


def _table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in grid.head)
    rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in grid.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(text: str) -> str:
    missing = text == "missing" or text.startswith(("not judged", "not estimable", "nobody"))
    css = "missing" if missing else "short" if len(text) <= _UNBROKEN else ""
    return f'<td class="{css}">{escape(text)}</td>' if css else f"<td>{escape(text)}</td>"
