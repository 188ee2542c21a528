"""Whether a volume lies under a registration, and whether that was accepted: a preview is never computed with."""

from __future__ import annotations

from enum import StrEnum

from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError

STATE_ATTRIBUTE = "Y90Dosimetry.Registration"


class State(StrEnum):
    """Where the registration of a session stands."""

    NONE = "none"
    PREVIEW = "preview"
    ACCEPTED = "accepted"


def transformOf(volume):
    """Return the registration's transform node that a volume lies directly under, None where there is none."""
    node = volume.GetParentTransformNode() if volume is not None else None
    return node if node is not None and node.GetAttribute(STATE_ATTRIBUTE) in list(State) else None


def stateOf(volume) -> State:
    """Return where the registration of a volume stands."""
    node = transformOf(volume)
    return State.NONE if node is None else State(node.GetAttribute(STATE_ATTRIBUTE))


def refusePreview(volume, where: str) -> None:
    """Refuse to compute with a volume whose registration is not accepted.

    Raises
    ------
    InputError
        If it is a preview.
    """
    if stateOf(volume) is State.PREVIEW:
        raise InputError(
            _("the registration of '{name}' is a preview").format(name=volume.GetName()),
            where=where,
            remedy=_("Accept or discard it, in Images"),
        )
