"""A connection to a PACS: whom to ask, how long to wait, and why it did not come about; silent about the patient."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..errors import InputError, MissingToolError
from .dicom_objects import muted

OUR_TITLE = "Y90DOSIMETRY"
ANY_TITLE = "ANY-SCP"
DEFAULT_TIMEOUT_S = 30.0
LARGEST_PORT = 65535
LONGEST_TITLE = 16  # characters of the value representation AE, DICOM PS3.5, 6.2
MOST_CONTEXTS = 128
"""An association has no more presentation contexts: their odd numbers fit one byte (DICOM PS3.8, 9.3.2.2)."""
UNCOMPRESSED = ("ExplicitVRLittleEndian", "ImplicitVRLittleEndian")
SUCCESS, CANCELED = 0x0000, 0xFE00
PENDING = {0xFF00, 0xFF01}
COERCED, DISCARDED, MISMATCH = 0xB000, 0xB006, 0xB007
WARNINGS = {COERCED, DISCARDED, MISMATCH}
"""Stored all the same, DICOM PS3.4, B.2.3."""


@dataclass(frozen=True)
class Peer:
    """A PACS and the names by which both sides call each other.

    Raises
    ------
    InputError
        If port, timeout or a title is impossible.
    """

    host: str
    port: int
    called_title: str = ANY_TITLE
    own_title: str = OUR_TITLE
    timeout_s: float = DEFAULT_TIMEOUT_S
    """How long to wait for the connection, and for each answer."""

    def __post_init__(self) -> None:
        if not self.host or not 0 < self.port <= LARGEST_PORT:
            raise InputError(
                f"'{self.address}' is no host and port", where="PACS", remedy="Write HOST:PORT, for example pacs:104"
            )
        for name, title in (("called AE title", self.called_title), ("own AE title", self.own_title)):
            if not re.fullmatch(rf"[\x20-\x5b\x5d-\x7e]{{1,{LONGEST_TITLE}}}", title) or not title.strip():
                raise InputError(
                    f"the {name} '{title}' is impossible",
                    where="PACS",
                    remedy=f"An AE title has 1 to {LONGEST_TITLE} plain characters",
                )
        if not 0 < self.timeout_s < float("inf"):
            raise InputError(f"a timeout of {self.timeout_s:g} s", where="PACS", remedy="Give seconds above 0")

    @property
    def address(self) -> str:
        """Host and port, as one writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"PACS {self.called_title} at {self.address}"


def host_and_port(written: str) -> tuple[str, int]:
    """Return the parts of "pacs.hospital:104" or "[fd00::1]:104".

    Raises
    ------
    InputError
        If it is not of that form.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})", written.strip())
    if not found:
        raise InputError(
            f"'{written}' is no host and port", where="PACS", remedy="Write HOST:PORT, for example pacs:104"
        )
    return found[1] or found[2], int(found[3])


def pynetdicom_module() -> ModuleType:
    """Return pynetdicom, or say how to get it."""
    try:
        import pynetdicom
        import pynetdicom.sop_class
    except ImportError:
        raise MissingToolError("Talking to a PACS needs pynetdicom: install it with `pip install pynetdicom`") from None
    module: ModuleType = pynetdicom
    return module


def echo(peer: Peer) -> None:
    """Ask the PACS whether it is there and talks to us (C-ECHO).

    Raises
    ------
    InputError
        If it does not answer, or refuses us.
    """
    module = pynetdicom_module()
    with association(peer, [module.build_context(module.sop_class.Verification)]) as connected:
        check_answer(connected.send_c_echo(), "the question whether it is there (C-ECHO)", peer)


@contextmanager
def association(
    peer: Peer, contexts: Sequence[Any], roles: Sequence[Any] = (), handlers: Sequence[tuple[Any, Any]] = ()
) -> Iterator[Any]:
    """Yield an association of pynetdicom; it is released at the end, and aborted when the block fails.

    Raises
    ------
    InputError
        If the PACS can't be reached or refuses us.
    """
    module = pynetdicom_module()
    with muted("pynetdicom"):
        entity = module.AE(ae_title=peer.own_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = peer.timeout_s
        entity.connection_timeout = peer.timeout_s
        try:
            connected = entity.associate(
                peer.host,
                peer.port,
                contexts=list(contexts),
                ae_title=peer.called_title,
                ext_neg=list(roles),
                evt_handlers=list(handlers),
            )
        except (OSError, UnicodeError) as error:
            raise _unreachable(peer, str(error)) from None
        if not connected.is_established:
            raise _why_not(peer, connected)
        try:
            yield connected
        except BaseException:
            connected.abort()
            raise
        connected.release()


def check_answer(status: Any, asked: str, peer: Peer) -> int:
    """Return the status of an answer when it is no failure.

    Raises
    ------
    InputError
        If there was no answer in time, or the answer is a failure.
    """
    code = getattr(status, "Status", None)
    if code is None:
        raise InputError(
            f"no answer to {asked} within {peer.timeout_s:g} s, or the connection was cut",
            where=peer.where,
            remedy="Try again, with a longer --timeout; its log may say why",
        )
    found = int(code)
    if found != SUCCESS and found not in PENDING | WARNINGS:
        raise InputError(f"it refused {asked}: {meaning_of(found)}", where=peer.where, remedy="Its log may say why")
    return found


def meaning_of(code: int) -> str:
    """Return what a DIMSE status means, with its number (DICOM PS3.7, annex C; PS3.4, B.2.3 and C.4)."""
    ranges = (
        (0xA700, 0xA7FF, "out of resources"),
        (0xA800, 0xA8FF, "move destination unknown"),
        (0xA900, 0xA9FF, "the data does not fit its class"),
        (0xC000, 0xCFFF, "it can't be processed or understood"),
    )
    known = {
        COERCED: "with some elements changed, or some objects failed",
        DISCARDED: "with some elements dropped",
        MISMATCH: "although the data does not fit its class",
        0x0110: "processing failed",
        0x0111: "it is there already",
        0x0117: "the object is invalid",
        0x0122: "the class of object is not taken",
        0x0124: "not authorized",
        CANCELED: "canceled",
    }
    words = known.get(code) or next((told for low, high, told in ranges if low <= code <= high), "no known reason")
    return f"{words} (status {code:04X})"


def _why_not(peer: Peer, connected: Any) -> InputError:
    if connected.is_rejected:
        told = str(getattr(connected.acceptor.primitive, "reason_str", "")).lower()
        remedies = {
            "called ae title not recognised": "Give the title that the PACS has: --called-aet",
            "calling ae title not recognised": "Let the PACS know our title, or give one it knows: --aet",
        }
        return InputError(
            f"it refuses the connection: {told or 'no reason given'}",
            where=peer.where,
            remedy=remedies.get(told, "Ask who runs the PACS to let this computer in"),
        )
    try:
        socket.create_connection((peer.host, peer.port), peer.timeout_s).close()
    except OSError as error:
        return _unreachable(peer, error.strerror or str(error) or "no answer")
    return InputError(
        f"it closed the connection or did not answer within {peer.timeout_s:g} s",
        where=peer.where,
        remedy="Check that this port speaks DICOM, and both AE titles",
    )


def _unreachable(peer: Peer, told: str) -> InputError:
    return InputError(
        f"it can't be reached ({told})", where=peer.where, remedy="Check host and port, and that the PACS runs"
    )
