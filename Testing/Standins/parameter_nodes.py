"""Stand-in of `slicer.parameterNodeWrapper`: the types the module stores, under the same keys as the real one.

Missing on purpose: widget bindings, validators, enumerations, tuples, paths and colors.
"""

from __future__ import annotations

import collections.abc
import copy
import typing

import slicer

__all__ = ["isParameterPack", "parameterNodeWrapper", "parameterPack"]


class _Plain:
    """A text, number or truth value; one parameter, a string."""

    def __init__(self, type_):
        self.type = type_
        self.default = {str: "", bool: False}.get(type_, 0)

    def check(self, value):
        accepted = (int, float) if self.type is float else self.type
        if not isinstance(value, accepted):
            raise ValueError(f"Value of type {type(value)} is not {self.type}")

    def isIn(self, node, name):
        return node.HasParameter(name)

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, str(value))

    def read(self, node, name):
        text = node.GetParameter(name)
        return text == "True" if self.type is bool else self.type(text)

    def remove(self, node, name):
        node.UnsetParameter(name)


class _Node(_Plain):
    """A node of the scene: a reference, which follows its node and vanishes with it."""

    def __init__(self, type_):
        self.type = type_
        self.default = None

    def check(self, value):
        if value is not None and not isinstance(value, self.type):
            raise ValueError(f"{value!r} is no {self.type.__name__}")

    def write(self, node, name, value):
        self.check(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class _Optional:
    """A value or None: the key says which."""

    default = None

    def __init__(self, inner):
        self.inner = inner

    def check(self, value):
        if value is not None:
            if type(value) not in (int, float, str, bool):
                raise TypeError(f"Unable to write value '{value}' of type '{type(value)}'")
            self.inner.check(value)

    def isIn(self, node, name):
        return node.HasParameter(f"{name}.0") or node.HasParameter(f"{name}.1")

    def write(self, node, name, value):
        self.check(value)
        self.remove(node, name)
        if value is None:
            node.SetParameter(f"{name}.1", "True")
        else:
            self.inner.write(node, f"{name}.0", value)

    def read(self, node, name):
        return self.inner.read(node, f"{name}.0") if node.HasParameter(f"{name}.0") else None

    def remove(self, node, name):
        node.UnsetParameter(f"{name}.0")
        node.UnsetParameter(f"{name}.1")


class _List:
    """A list; its length and each item have keys of their own."""

    def __init__(self, item):
        self.item = item
        self.default = []

    def check(self, value):
        for one in value:
            self.item.check(one)

    def isIn(self, node, name):
        return node.HasParameter(f"{name}.len")

    def _length(self, node, name):
        return int(node.GetParameter(f"{name}.len")) if self.isIn(node, name) else 0

    def write(self, node, name, values):
        values = list(values)
        self.check(values)
        before = self._length(node, name)
        with slicer.util.NodeModify(node):
            for index, value in enumerate(values):
                self.item.write(node, f"{name}.{index}", value)
            node.SetParameter(f"{name}.len", str(len(values)))
            for index in range(len(values), before):
                self.item.remove(node, f"{name}.{index}")

    def read(self, node, name):
        items = [self.item.read(node, f"{name}.{i}") for i in range(self._length(node, name))]
        return ObservedList(lambda values: self.write(node, name, values), lambda: self.read(node, name)._items, items)

    def remove(self, node, name):
        for index in range(self._length(node, name)):
            self.item.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class _Pair:
    """One entry of a dictionary."""

    def __init__(self, key, value):
        self.parts = (key, value)

    def check(self, value):
        for part, one in zip(self.parts, value, strict=True):
            part.check(one)

    def write(self, node, name, value):
        for index, (part, one) in enumerate(zip(self.parts, value, strict=True)):
            part.write(node, f"{name}.{index}", one)

    def read(self, node, name):
        return tuple(part.read(node, f"{name}.{index}") for index, part in enumerate(self.parts))

    def remove(self, node, name):
        for index, part in enumerate(self.parts):
            part.remove(node, f"{name}.{index}")


class _Dict:
    """A dictionary: a list of pairs."""

    def __init__(self, key, value):
        self.list = _List(_Pair(key, value))
        self.default = {}

    def check(self, value):
        self.list.check(value.items())

    def isIn(self, node, name):
        return self.list.isIn(node, name)

    def write(self, node, name, value):
        self.list.write(node, name, value.items())

    def read(self, node, name):
        pairs = dict(self.list.read(node, name))
        return ObservedDict(lambda values: self.write(node, name, values), pairs)

    def remove(self, node, name):
        self.list.remove(node, name)


class _Pack:
    """A pack: each member under its dotted name."""

    def __init__(self, type_):
        self.type = type_

    @property
    def default(self):
        return self.type()

    def check(self, value):
        if not isinstance(value, self.type):
            raise ValueError(f"{value!r} is no {self.type.__name__}")

    def isIn(self, node, name):
        first, (serializer, _) = next(iter(self.type.allParameters.items()))
        return serializer.isIn(node, f"{name}.{first}")

    def write(self, node, name, value):
        self.check(value)
        with slicer.util.NodeModify(node):
            for member, (serializer, _) in self.type.allParameters.items():
                serializer.write(node, f"{name}.{member}", getattr(value, member))

    def read(self, node, name):
        members = self.type.allParameters.items()
        values = {member: serializer.read(node, f"{name}.{member}") for member, (serializer, _) in members}
        pack = self.type(**values)
        object.__setattr__(pack, "_save", lambda: self.write(node, name, pack))
        return pack

    def remove(self, node, name):
        for member, (serializer, _) in self.type.allParameters.items():
            serializer.remove(node, f"{name}.{member}")


class ObservedList(collections.abc.MutableSequence):
    """A list that writes itself into the parameter node whenever it changes."""

    def __init__(self, write, read, items):
        self._write, self._read, self._items = write, read, items

    def _save(self):
        try:
            self._write(self._items)
        finally:
            self._items = self._read()

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, value):
        self._items[index] = value
        self._save()

    def __delitem__(self, index):
        del self._items[index]
        self._save()

    def insert(self, index, value):
        self._items.insert(index, value)
        self._save()

    def __eq__(self, other):
        return self._items == (other._items if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __repr__(self):
        return f"ObservedList({self._items})"


class ObservedDict(collections.abc.MutableMapping):
    """A dictionary that writes itself into the parameter node whenever it changes."""

    def __init__(self, write, items):
        self._write, self._items = write, items

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __getitem__(self, key):
        return self._items[key]

    def __setitem__(self, key, value):
        self._items[key] = value
        self._write(self._items)

    def __delitem__(self, key):
        del self._items[key]
        self._write(self._items)

    def get(self, key):
        return self._items.get(key)  # the real one takes no default

    def pop(self, key):
        value = self._items.pop(key)
        self._write(self._items)
        return value

    def __repr__(self):
        return f"ObservedDict({self._items})"


def _serializer(type_):
    if type_ in (str, int, float, bool):
        return _Plain(type_)
    if isinstance(type_, type) and issubclass(type_, slicer.vtkMRMLNode):
        return _Node(type_)
    if isParameterPack(type_):
        return _Pack(type_)
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is list:
        return _List(_serializer(arguments[0]))
    if origin is dict:
        return _Dict(*(_serializer(a) for a in arguments))
    if origin is typing.Union and len(arguments) == 2 and arguments[1] is type(None):
        return _Optional(_serializer(arguments[0]))
    raise TypeError(f"Unable to create serializer for type: {type_}")


def _members(class_):
    found = {}
    for name, type_ in typing.get_type_hints(class_).items():
        serializer = _serializer(type_)
        found[name] = (serializer, getattr(class_, name, serializer.default))
        serializer.check(found[name][1])
    return found


def isParameterPack(class_):
    return getattr(class_, "_is_parameterPack", False)


def parameterPack(class_):
    """Make a class a group of typed values; one that was read from a node writes itself back when it changes."""
    members = _members(class_)

    def initialize(self, **values):
        object.__setattr__(self, "_save", lambda: None)
        for name in values:
            if name not in members:
                raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")
        for name, (serializer, default) in members.items():
            value = values.get(name, default)
            serializer.check(value)
            object.__setattr__(self, name, value)

    def assign(self, name, value):
        if name not in members:
            raise AttributeError(f"'{class_.__name__}' has no attribute '{name}'")
        members[name][0].check(value)
        object.__setattr__(self, name, value)
        self._save()

    def equal(self, other):
        return isinstance(other, class_) and all(getattr(self, n) == getattr(other, n) for n in members)

    for name in members:
        if name in class_.__dict__:
            delattr(class_, name)
    class_.__init__, class_.__setattr__, class_.__eq__, class_.__hash__ = initialize, assign, equal, None
    class_.__repr__ = lambda self: f"{class_.__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in members)})"
    class_.allParameters, class_._is_parameterPack = members, True
    return class_


def parameterNodeWrapper(class_):
    """Make a class the typed face of a vtkMRMLScriptedModuleNode."""
    members = _members(class_)

    def initialize(self, parameterNode):
        self.parameterNode = parameterNode
        for name, (serializer, default) in members.items():
            if not serializer.isIn(parameterNode, name):
                serializer.write(parameterNode, name, copy.copy(default))

    def member(name, serializer):
        return property(
            lambda self: serializer.read(self.parameterNode, name),
            lambda self, value: serializer.write(self.parameterNode, name, value),
        )

    for name, (serializer, _) in members.items():
        setattr(class_, name, member(name, serializer))
    class_.__init__, class_.allParameters = initialize, members
    class_.StartModify = lambda self: self.parameterNode.StartModify()
    class_.EndModify = lambda self, wasModified: self.parameterNode.EndModify(wasModified)
    class_.Modified = lambda self: self.parameterNode.Modified()
    class_.AddObserver = lambda self, event, f, priority=0.0: self.parameterNode.AddObserver(event, f, priority)
    class_.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return class_
