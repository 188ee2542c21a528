"""The errors a caller may meet: each says what is wrong, where, and what to do about it."""

from __future__ import annotations


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
        self.what = what
        self.where = where
        self.remedy = remedy
        self.about = about
        text = f"{where}: {what}" if where else what
        super().__init__(f"{text}. {remedy}" if remedy else text)


class GeometryError(InputError):
    """Images or structures do not share space: other frames, grids that never meet, skewed axes."""


class MissingToolError(DosimetryError):
    """An optional package or an offscreen renderer is not there."""


class Cancelled(DosimetryError):
    """The user stopped a long computation; nothing was written."""
