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

OVER_SLICES = {
    "contraindication": (1.0, 0.45, 0.45),
    "error": (1.0, 0.45, 0.45),
    "warning": (1.0, 0.72, 0.3),
    "target": (0.5, 0.75, 1.0),
    "met": (0.5, 0.95, 0.6),
    "not_evaluable": (0.85, 0.75, 1.0),
    "stale": (1.0, 0.6, 1.0),
}
"""Light colors of text on the dark ground that it has over the slices, parts 0 to 1."""


class State(StrEnum):
    """Where a step of the work stands."""

    IDLE = "idle"
    """Nobody asked for it."""
    TODO = "todo"
    DONE = "done"
    WARNINGS = "warnings"
    OUTSIDE = "outside"
    """The activity lies outside its window."""
    CONTRAINDICATED = "contraindicated"
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
        State.OUTSIDE: Mark("▲", ORANGE, _("outside the window")),
        State.CONTRAINDICATED: Mark("✖", RED, _("contraindication")),
        State.STALE: Mark("↻", VIOLET, _("out of date")),
        State.WRONG: Mark("✖", RED, _("wrong")),
    }[state]


def iconOf(state: State) -> str:
    """Return the file of a state's icon, drawn by Resources/draw_module_icons.py."""
    like = {State.IDLE: State.TODO, State.OUTSIDE: State.WARNINGS, State.CONTRAINDICATED: State.WRONG}
    shown = like.get(state, state)
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
