"""PySide6 with the face of PythonQt: properties are attributes, unknown attributes and signals are errors.

As in Slicer: `button.text = "Go"`, `button.connect("clicked(bool)", f)`, `spin.value` (calling it is a TypeError),
writing an attribute that a C++ class does not have is an AttributeError, lists come back as tuples, enumerations are
integers. Other than in Slicer, a signal that does not exist raises; PythonQt prints a line and returns False.
"""

from __future__ import annotations

import enum
import numbers

from PySide6 import QtCore, QtGui, QtWidgets

from . import api

_Signal = QtCore.SignalInstance  # PySide6 keeps them in the instance, through this door
VIRTUAL = ("sizeHint", "minimumSizeHint")  # PySide6 looks them up as methods; the check of the sources knows better
_plain_read = QtCore.QObject.__getattribute__
loading = False  # PySide6's QUiLoader writes every child into the top widget; Slicer's does not
_faces: dict[type, dict[str, QtCore.QMetaProperty]] = {}


def is_cpp(class_: type) -> bool:
    """Tell whether Python sees *class_* as a C++ class: one of Qt's, or a stand-in of one."""
    return class_.__module__.startswith("PySide6.") or "_standin" in vars(class_)


def _face(class_: type) -> dict[str, QtCore.QMetaProperty]:
    """Return the properties of a class. A Python subclass that overrides a virtual method hides the property."""
    if class_ not in _faces:
        meta = class_.staticMetaObject
        found = {meta.property(i).name(): meta.property(i) for i in range(meta.propertyCount())}
        for name in VIRTUAL:
            found.pop(name, None)
        for one in class_.__mro__:
            if is_cpp(one):
                break
            for name in found.keys() & {n for n, v in vars(one).items() if callable(v)}:
                del found[name]
        _faces[class_] = found
    return _faces[class_]


def _read(self, name):
    if name[0] == "_":
        return _plain_read(self, name)
    if name == "name":
        name = "objectName"
    if name in _face(type(self)):
        value = QtCore.QObject.property(self, name)
        return tuple(value) if isinstance(value, list) else value
    if name in _METHODS:
        return _METHODS[name].__get__(self)
    value = _plain_read(self, name)
    return _longest(self, name, value) if isinstance(value, QtCore.SignalInstance) else value


def _longest(obj, name, signal):
    """Return the overload with all arguments: PythonQt passes them to whoever takes them."""
    signatures = [s for s in _meta_signals(obj) if s.startswith(name + "(")]
    if len(signatures) < 2:
        return signal
    arguments = max(signatures, key=len)[len(name) + 1 : -1]
    try:
        return signal[arguments]
    except (KeyError, IndexError, TypeError):
        return signal


def _write(self, name, value):
    class_ = type(self)
    if loading and isinstance(value, QtCore.QObject) and QtCore.QObject.objectName(value) == name:
        return
    if name == "name":
        name = "objectName"
    if isinstance(self, QtCore.QObject) and name in _face(class_):
        _assign(self, _face(class_)[name], value)
        return
    found = next((vars(c)[name] for c in class_.__mro__ if name in vars(c)), None)
    if hasattr(type(found), "__set__"):
        found.__set__(self, value)
    elif not is_cpp(class_) or (name[0] == "_" and "_standin" in vars(class_)) or isinstance(value, _Signal):
        vars(self)[name] = value
    else:
        raise AttributeError(
            f"'{name}' does not exist on {class_.__name__} and creating new attributes on C++ objects is not allowed"
        )


def _assign(obj, meta: QtCore.QMetaProperty, value) -> None:
    kind = f"Property '{meta.name()}' of {type(obj).__name__} object"
    if not meta.isWritable():
        raise AttributeError(f"{kind} is not writable")
    if not QtCore.QObject.setProperty(obj, meta.name(), _converted(meta.typeName(), value)):
        raise AttributeError(f"{kind} of type '{meta.typeName()}' does not accept an object of type {type(value)}")


def _converted(type_name: str, value):
    if type_name == "QString" and not isinstance(value, str):
        if value is None:
            raise AttributeError("None is no text")
        return str(value)
    if isinstance(value, numbers.Number) and not isinstance(value, enum.Enum):
        return {"int": int, "double": float, "bool": bool}.get(type_name, lambda v: v)(value)
    return list(value) if isinstance(value, tuple) else value


def _meta_signals(obj) -> frozenset[str]:
    return api.meta_signals(type(obj))


def signal_of(obj, specification: str) -> QtCore.SignalInstance:
    """Return the signal that a string like `valueChanged(double)` names; raise ValueError if there is none."""
    signature = QtCore.QMetaObject.normalizedSignature(specification)
    signature = (
        str(getattr(signature, "data", lambda: signature)(), "ascii") if not isinstance(signature, str) else signature
    )
    name, arguments = signature[:-1].split("(") if signature.endswith(")") else (signature, "")
    standin = next((vars(c)["_standin"] for c in type(obj).__mro__ if "_standin" in vars(c)), None)
    if signature in _meta_signals(obj):
        signal = _plain_read(obj, name)
        return signal[arguments] if arguments and any(s == f"{name}()" for s in _meta_signals(obj)) else signal
    if standin and signature in api.signals(standin):
        overload = "_" + name + "_" + arguments
        return _plain_read(obj, overload if hasattr(type(obj), overload) else name)
    like = sorted(s for s in _meta_signals(obj) if s.startswith(name))
    raise ValueError(f"Signal '{specification}' does not exist on {type(obj).__name__}; similar: {like}")


def _ends(arguments):
    """Return the callable at the end of connect()'s arguments: a function, or a slot of an object."""
    if len(arguments) == 1:
        target = arguments[0]
    else:
        receiver, slot = arguments
        target = getattr(receiver, slot.split("(")[0])
    if not callable(target):
        raise TypeError(f"{target!r} is not callable")
    return target


def _connect(self, specification, *arguments):
    signal_of(self, specification).connect(_ends(arguments))
    return True


def _disconnect(self, specification, *arguments):
    signal = signal_of(self, specification)
    signal.disconnect(_ends(arguments)) if arguments else signal.disconnect()
    return True


def _children_of(self, wanted=QtCore.QObject, name=None):
    """Return all descendants of a class, given as class or by its name."""
    found = []
    for child in QtCore.QObject.children(self):
        if child.inherits(wanted) if isinstance(wanted, str) else isinstance(child, wanted):
            found.append(child)
        found.extend(_children_of(child, wanted))
    return [c for c in found if name is None or QtCore.QObject.objectName(c) == name]


def _inherits(self, class_name):
    return any(c.__name__ == class_name for c in type(self).__mro__)


FALSE_WHEN = (("isEmpty", True), ("isNull", True), ("isValid", False))
"""What makes an object of a class false in PythonQt: the first of these methods that the class has."""


def _give_truth(class_: type) -> None:
    method, false = next(((m, f) for m, f in FALSE_WHEN if hasattr(class_, m)), ("", None))
    if method:
        class_.__bool__ = lambda self: getattr(self, method)() is not false


_METHODS = {
    "connect": _connect,
    "disconnect": _disconnect,
    "findChildren": lambda self, *a: tuple(_children_of(self, *a)),
    "findChild": lambda self, *a: next(iter(_children_of(self, *a)), None),
    "inherits": _inherits,
    "className": lambda self: type(self).__name__,
    "delete": lambda self: QtCore.QObject.deleteLater(self),
}


_CLOSED = (enum.Enum, QtCore.Signal, QtCore.SignalInstance, QtCore.Property)


def install(*modules) -> None:
    """Put the face on every class of *modules*; once a process."""
    if QtCore.QObject.__getattribute__ is _read:
        return
    for module in modules:
        for name in dir(module):
            class_ = getattr(module, name)
            if (
                isinstance(class_, type)
                and class_.__module__.startswith("PySide6.")
                and not issubclass(class_, _CLOSED)
            ):
                _make_strict(class_)
                if issubclass(class_, QtCore.QObject):  # now: PySide6 drops a meta object that an instance has shown
                    api.meta_properties(class_), api.meta_signals(class_)
    QtCore.QObject.__getattribute__ = _read


def _make_strict(class_: type) -> None:
    try:
        _give_truth(class_)
        class_.__setattr__ = _write
    except TypeError:  # a few helper types of PySide6 are closed; PythonQt does not have them
        return


__all__ = ["QtCore", "QtGui", "QtWidgets", "install", "is_cpp", "signal_of"]
