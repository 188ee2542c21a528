"""Commissioning: published and independent values, recomputed on the user's machine by what computes a patient's."""

from .entry import Entry, Group, load_entries
from .of_site import site_entries
from .protocol import Protocol, compared, protocol_of, read_protocol
from .run import Checked, verify
from .site_phantom import PhantomResult, read_phantom
from .telling import as_text, write_protocol

__all__ = [
    "Checked",
    "Entry",
    "Group",
    "PhantomResult",
    "Protocol",
    "as_text",
    "compared",
    "load_entries",
    "protocol_of",
    "read_phantom",
    "read_protocol",
    "site_entries",
    "verify",
    "write_protocol",
]
