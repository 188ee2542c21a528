"""Stand-in of `slicer.i18n`: every text is its own translation."""

from __future__ import annotations

__all__ = ["tr", "translate"]


def translate(context, text):
    """Return *text*."""
    return text


def tr(text):
    """Return *text*."""
    return text
