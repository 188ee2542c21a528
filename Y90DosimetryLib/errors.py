"""The errors a caller may meet: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that draw nothing but move, turn or break the text around them, or are no text at all."""
JOINERS = "\u200c\u200d"
"""Written inside words of several languages; they reorder nothing."""


def is_hidden(character: str) -> bool:
    """Return whether a character can't be seen but changes how a terminal or a page shows what is around it."""
    return unicodedata.category(character) in HIDDEN and character not in JOINERS


def printable(text: str) -> str:
    """Return text that can be shown anywhere on one line: hidden characters and bytes of no text become escapes."""
    return "".join(c.encode("unicode_escape").decode() if is_hidden(c) else c for c in text)


class DosimetryError(Exception):
    """Base of everything this library raises on purpose."""


class InputError(DosimetryError):
    """What the user supplied is impossible, contradictory or unreadable.

    Parameters
    ----------
    what
        What is wrong, with the offending value.
    where
        The file, table, field or structure it was found in; empty where the text says so already.
    remedy
        What to do about it.
    about
        The input that would settle it, by the name of its parameter or field ("ct", "time_zone"); each front end
        words how to give it. Empty where there is none.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", about: str = "") -> None:
        self.what = "\n".join(map(printable, what.split("\n")))
        self.where = printable(where)
        self.remedy = "\n".join(map(printable, remedy.split("\n")))
        self.about = about
        text = f"{self.where}: {self.what}" if where else self.what
        super().__init__(f"{text}. {self.remedy}" if remedy else text)

    def at(self, where: str) -> InputError:
        """Return the same error, found at another place."""
        return type(self)(self.what, where=where, remedy=self.remedy, about=self.about)


class GeometryError(InputError):
    """Images or structures do not share space: other frames, grids that never meet, skewed axes."""


class MissingToolError(DosimetryError):
    """An optional package or an offscreen renderer is not there."""


class Cancelled(DosimetryError):
    """The user stopped a long computation; nothing was written."""
