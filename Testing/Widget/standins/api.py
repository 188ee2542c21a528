"""What Slicer's and CTK's widget classes really offer, as listed in qt_api_extract.json."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

EXTRACT = Path(__file__).parents[1] / "qt_api_extract.json"
PYTHON_TYPES = {
    "bool": bool,
    "int": int,
    "double": float,
    "QString": str,
    "QStringList": "QStringList",
    "QColor": QtGui.QColor,
    "QIcon": QtGui.QIcon,
    "Qt::Orientation": QtCore.Qt.Orientation,
}
FLAGS_FROM = {"Filter": QtCore.QDir, "Option": QtWidgets.QFileDialog}  # CTK repeats these enumerations of Qt


@cache
def classes() -> dict[str, dict]:
    """Return what is known, by class name."""
    return json.loads(EXTRACT.read_text(encoding="utf-8"))


def qt_class(name: str) -> type | None:
    """Return Qt's own class of this name."""
    name = "QWidget" if name == "QVTKWidget" else name
    return next((getattr(m, name) for m in (QtWidgets, QtGui, QtCore) if hasattr(m, name)), None)


def lineage(name: str) -> list[str]:
    """Return the Slicer and CTK classes that *name* is, itself first."""
    found = []
    while name in classes():
        found.append(name)
        name = classes()[name]["base"]
    return found


def qt_base(name: str) -> type:
    """Return the class of Qt's own that *name* is."""
    return qt_class(classes()[lineage(name)[-1]]["base"])


@cache
def meta_properties(qt_type: type) -> frozenset[str]:
    """Return the names of all Qt properties of a class of Qt's own."""
    meta = qt_type.staticMetaObject
    return frozenset(meta.property(i).name() for i in range(meta.propertyCount()))


@cache
def meta_signals(qt_type: type) -> frozenset[str]:
    """Return the signatures of all signals of a class of Qt's own."""
    meta = qt_type.staticMetaObject
    methods = (meta.method(i) for i in range(meta.methodCount()))
    return frozenset(str(m.methodSignature(), "ascii") for m in methods if m.methodType() == QtCore.QMetaMethod.Signal)


def properties(name: str) -> frozenset[str]:
    """Return the properties of a Slicer, CTK or Qt class."""
    own = {p for one in lineage(name) for p in classes()[one]["properties"]}
    return meta_properties(qt_base(name) if own or lineage(name) else qt_class(name)) | own


def signals(name: str) -> frozenset[str]:
    """Return the signals of a Slicer, CTK or Qt class, as normalized signatures."""
    own = {s for one in lineage(name) for s in classes()[one]["signals"]}
    return meta_signals(qt_base(name) if lineage(name) else qt_class(name)) | own


def own_names(name: str) -> set[str]:
    """Return every public name that a Slicer or CTK class adds to Qt's."""
    names = set()
    for one in lineage(name):
        entry = classes()[one]
        names |= set(entry["properties"]) | set(entry["methods"]) | set(entry["enums"])
        names |= {value for values in entry["enums"].values() for value in values}
        names |= {signature.split("(")[0] for signature in entry["signals"]}
    return names


def names(name: str) -> set[str]:
    """Return every public name of a Slicer, CTK or Qt class."""
    plain = qt_base(name) if lineage(name) else qt_class(name)
    return own_names(name) | {n for n in dir(plain) if not n.startswith("__")} | meta_properties(plain)


def enumerations(name: str) -> dict[str, int]:
    """Return the unscoped values of a class's enumerations."""
    values = {}
    for title, members in classes()[name]["enums"].items():
        for index, member in enumerate(members):
            found = getattr(FLAGS_FROM.get(title), member, None)
            values[member] = index if found is None else found
    return values


def fill(namespace: dict, name: str, without: tuple[str, ...] = ()) -> None:
    """Give a class body everything the real class offers: properties that only remember, signals nobody emits.

    What the body defines afterwards takes their place. Properties written in Python for an enumeration are integers.
    """
    entry = classes()[name]
    namespace["_standin"] = name
    for property_name, type_ in entry["properties"].items():
        if property_name not in without:
            namespace[property_name] = remembered(PYTHON_TYPES.get(type_, int if type_[0] != "v" else object))
    for signature in entry["signals"]:
        signal_name, arguments = signature[:-1].split("(")
        if signal_name not in namespace and signal_name not in without:
            namespace[signal_name] = QtCore.Signal(*(_signal_type(a) for a in arguments.split(",") if a))
    for method in entry["methods"]:
        if method.startswith("set") and method[3:4].isupper():
            target = method[3].lower() + method[4:]
            if target in entry["properties"] and target not in without:
                namespace[method] = _setter(target)
    namespace.update({n: v for n, v in enumerations(name).items() if n.isidentifier() and n != "None"})


def _signal_type(cpp: str) -> type | str:
    if cpp in ("bool", "int", "double", "QString"):
        return PYTHON_TYPES[cpp]
    return "QStringList" if cpp == "QStringList" else QtGui.QColor if cpp == "QColor" else object


def _setter(property_name: str):
    def assign(self, value):
        setattr(self, property_name, value)

    return assign


def remembered(type_, default=None, notify: str | None = None, changed: str | None = None) -> QtCore.Property:
    """Return a property that keeps its value, emits *notify* with it and calls the method *changed*."""
    if default is None:
        default = _DEFAULTS[type_] if type_ in _DEFAULTS else type_()
    key = f"_kept{next(_keys)}"

    def read(self):
        return vars(self).get(key, default)

    def write(self, value):
        value = list(value) if type_ == "QStringList" else value
        if read(self) == value:
            return
        vars(self)[key] = value
        if changed:
            getattr(self, changed)()
        if notify:
            getattr(self, notify).emit(value)

    return QtCore.Property(type_, read, write)


_keys = iter(range(1_000_000))
_DEFAULTS = {"QStringList": [], QtCore.Qt.Orientation: QtCore.Qt.Horizontal, object: None}
