"""Commissioning: published and independent values, recomputed on the user's machine by what computes a patient's."""

from .entry import Entry, Group, load_entries
from .protocol import Protocol, compared, protocol_of, read_protocol
from .run import Checked, verify
from .telling import as_text, write_protocol

__all__ = [
    "Checked",
    "Entry",
    "Group",
    "Protocol",
    "as_text",
    "compared",
    "load_entries",
    "protocol_of",
    "read_protocol",
    "verify",
    "write_protocol",
]
