"""How a state is shown: by a symbol, by a color and in words, so that nothing depends on color alone.

Marks are painted as light text on a colored ground: they read the same in the light and in the dark style.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from html import escape

from slicer.i18n import tr as _

from Y90DosimetryLib.report.as_html import SYMBOLS

RED, ORANGE, BLUE, GREEN, VIOLET, GRAY = "#b3001b", "#a85200", "#0b5cad", "#1b7837", "#7a4fa3", "#5b6573"
"""The report's colors; white text on each has a contrast of 4.5 or more."""
LINK = "#2a82da"
"""Reads on light and on dark ground."""


class State(StrEnum):
    """Where a step of the work stands."""

    IDLE = "idle"
    """Nobody asked for it."""
    TODO = "todo"
    DONE = "done"
    WARNINGS = "warnings"
    STALE = "stale"
    WRONG = "wrong"


@dataclass(frozen=True)
class Mark:
    """Symbol, color of the ground, words."""

    symbol: str
    color: str
    words: str


def markOfState(state: State) -> Mark:
    """Return how the state of a step looks."""
    return {
        State.IDLE: Mark("○", GRAY, _("add a study when there is one")),
        State.TODO: Mark("○", GRAY, _("to do")),
        State.DONE: Mark("✔", GREEN, _("done")),
        State.WARNINGS: Mark("▲", ORANGE, _("done, with warnings")),
        State.STALE: Mark("↻", VIOLET, _("out of date")),
        State.WRONG: Mark("✖", RED, _("wrong")),
    }[state]


def iconOf(state: State) -> str:
    """Return the file of a state's icon, drawn by Resources/draw_module_icons.py."""
    shown = State.TODO if state is State.IDLE else state
    return f"Y90Dosimetry{shown.value.capitalize()}.png"


def markOf(name: str) -> Mark:
    """Return how a severity, an outcome or a check's level looks; *name* is the library's word for it."""
    color, words = {
        "contraindication": (RED, _("contraindication")),
        "error": (RED, _("error")),
        "warning": (ORANGE, _("warning")),
        "target": (BLUE, _("target missed")),
        "information": (GRAY, _("information")),
        "note": (GRAY, _("note")),
        "met": (GREEN, _("met")),
        "not_evaluable": (VIOLET, _("needs data")),
        "not_applicable": (GRAY, _("does not apply")),
    }[name]
    return Mark(SYMBOLS[name], color, words)


def badge(mark: Mark, text: str = "") -> str:
    """Return rich text of a mark: its symbol and *text* (its words when there is none) on its color."""
    said = f"{mark.symbol} {text or mark.words}"
    return f'<span style="background-color:{mark.color}; color:#ffffff;">&nbsp;{escape(said)}&nbsp;</span>'


def paint(label, mark: Mark, text: str) -> None:
    """Show a line of text on the color of a mark, with its symbol."""
    label.text = f"{mark.symbol}  {text}"
    label.styleSheet = f"background-color: {mark.color}; color: white; padding: 5px; border-radius: 3px;"


def paragraphs(lines: list[str]) -> str:
    """Return rich text of one paragraph a line."""
    return "".join(f'<p style="margin:3px 0;">{line}</p>' for line in lines)
