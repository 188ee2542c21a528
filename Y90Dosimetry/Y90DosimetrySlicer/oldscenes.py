"""Scenes of earlier versions: what their parameter nodes do not have yet is added, as unknown or by default.

Slicer adds members of a parameter node that are absent, but not members of the packs in it: it can't read these.
"""

from __future__ import annotations

import types
import typing

import slicer

from .parameters import Parameters


def parametersOfNode(node) -> Parameters:
    """Return the typed face of a parameter node, also of one that an earlier version wrote."""
    absent: dict[str, str] = {}
    for name, kind in typing.get_type_hints(Parameters).items():
        if any(key.startswith(f"{name}.") for key in node.GetParameterNames()):
            _find(node, name, kind, None, absent)
    if absent:
        with slicer.util.NodeModify(node):
            for name, text in absent.items():
                node.SetParameter(name, text)
    return Parameters(node)


def _find(node, name: str, kind, default, absent: dict[str, str]) -> None:
    """Find the parameters that are absent under a name, each with the text of its default."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if getattr(kind, "_is_parameterPack", False):
        example = default if default is not None else kind()
        for member, inner in typing.get_type_hints(kind).items():
            _find(node, f"{name}.{member}", inner, getattr(example, member), absent)
    elif origin in (list, dict):
        length = f"{name}.len"
        if not node.HasParameter(length):
            absent[length] = "0"
        elif origin is list:
            for index in range(int(node.GetParameter(length))):
                _find(node, f"{name}.{index}", parts[0], None, absent)
    elif origin in (typing.Union, types.UnionType):
        if not any(node.HasParameter(f"{name}.{index}") for index in range(len(parts))):
            value, index = ("True", parts.index(type(None))) if default is None else (str(default), 0)
            absent[f"{name}.{index}"] = value
    elif not node.HasParameter(name):
        absent[name] = "" if default is None else str(default)
