"""Scenes of earlier versions, and damaged ones: what a parameter node lacks or what can't be read is made unknown.

Slicer adds members of a parameter node that are absent, but not members of the packs in it: it can't read these. And
one number that is none would refuse the whole case.
"""

from __future__ import annotations

import types
import typing

import slicer
from slicer.i18n import tr as _

from .parameters import Parameters


def parametersOfNode(node) -> Parameters:
    """Return the typed face of a parameter node, also of one that an earlier version wrote or that is damaged.

    What could not be read is unknown afterwards, and named in the case's `readingNotes`.
    """
    repair = _Repair(node)
    for name, kind in typing.get_type_hints(Parameters).items():
        if any(key.startswith(f"{name}.") for key in node.GetParameterNames()) or node.HasParameter(name):
            repair.find(name, kind, None)
    if repair.texts:
        with slicer.util.NodeModify(node):
            for name, text in repair.texts.items():
                node.SetParameter(name, text) if text is not None else node.UnsetParameter(name)
    parameters = Parameters(node)
    for name, text in repair.refused.items():
        said = _("'{text}' is no value of '{name}': it is unknown now; enter it again").format(text=text, name=name)
        parameters.readingNotes.append(said)
    return parameters


class _Repair:
    """What has to be written so that a parameter node can be read: `texts` by name, None for what has to go."""

    def __init__(self, node) -> None:
        self._node = node
        self.texts: dict[str, str | None] = {}
        self.refused: dict[str, str] = {}

    def find(self, name: str, kind, default) -> None:
        """Find what is absent or unreadable under a name, each with the text of its default."""
        node, origin, parts = self._node, typing.get_origin(kind), typing.get_args(kind)
        if getattr(kind, "_is_parameterPack", False):
            example = default if default is not None else kind()
            for member, inner in typing.get_type_hints(kind).items():
                self.find(f"{name}.{member}", inner, getattr(example, member))
        elif origin in (list, dict):
            length = f"{name}.len"
            if not node.HasParameter(length) or not self._isRead(length, int):
                self.texts[length] = "0"
            elif origin is list:
                for index in range(int(node.GetParameter(length))):
                    self.find(f"{name}.{index}", parts[0], None)
        elif origin in (typing.Union, types.UnionType):
            self._findOptional(name, parts, default)
        elif not node.HasParameter(name) or not self._isRead(name, kind):
            empty = "0" if kind in (int, float) else ""
            self.texts[name] = empty if default is None else str(default)

    def _findOptional(self, name: str, parts, default) -> None:
        written = [index for index in range(len(parts)) if self._node.HasParameter(f"{name}.{index}")]
        unread = [index for index in written if not self._isRead(f"{name}.{index}", parts[index])]
        for index in unread:
            self.texts[f"{name}.{index}"] = None
        if len(unread) == len(written):
            value, index = ("True", parts.index(type(None))) if default is None or unread else (str(default), 0)
            self.texts[f"{name}.{index}"] = value

    def _isRead(self, name: str, kind) -> bool:
        """Whether the text of a number is one; others can always be read."""
        if kind not in (int, float):
            return True
        text = self._node.GetParameter(name)
        try:
            kind(text)
        except ValueError:
            self.refused[name] = text
            return False
        return True
