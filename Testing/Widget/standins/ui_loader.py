"""`qt.QUiLoader` with Slicer's widgets, as strict about a .ui file as designer's plugins are.

Refused: a class that no designer plugin provides, a property that a class does not have (unless it is dynamic:
`stdset="0"`), a connection to a signal or slot that does not exist.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import cache

from . import api, pythonqt
from .pythonqt import QtCore, QtWidgets, signal_of

from PySide6 import QtUiTools  # isort: skip


def install(qt, classes: dict[str, type]) -> None:
    """Make `qt.QUiLoader` know *classes*, by name."""

    @cache
    def informed() -> QtUiTools.QUiLoader:
        """One for all: registering is kept for the whole process, and takes longer each time it is repeated."""
        loader = QtUiTools.QUiLoader()
        for class_ in classes.values():
            loader.registerCustomWidget(class_)
        return loader

    class QUiLoader(QtUiTools.QUiLoader):
        def load(self, file, parent=None):
            path = QtCore.QFile.fileName(file)
            root = ElementTree.fromstring(bytes(file.readAll()))
            problems = complaints(root)
            if problems:
                raise RuntimeError(f"{path}: " + "; ".join(problems))
            connections = root.find("connections")
            if connections is not None:
                root.remove(connections)
            buffer = QtCore.QBuffer()
            buffer.setData(ElementTree.tostring(root, encoding="utf-8"))
            pythonqt.loading = True
            try:
                widget = informed().load(buffer, parent)
            finally:
                pythonqt.loading = False
            if widget is not None:
                _connect(widget, connections if connections is not None else [], path)
            return widget

    qt.QUiLoader = QUiLoader


def _connect(top, connections, path: str) -> None:
    named = {child.name: child for child in top.findChildren(QtWidgets.QWidget)} | {top.name: top}
    for one in connections:
        sender, signal, receiver, slot = (one.findtext(k) for k in ("sender", "signal", "receiver", "slot"))
        for name in (sender, receiver):
            if name not in named:
                raise RuntimeError(f"{path}: a connection names {name}, which is not there")
        signal_of(named[sender], signal).connect(getattr(named[receiver], slot.split("(")[0]))


def complaints(root: ElementTree.Element) -> list[str]:
    """Return what Slicer would not understand in a .ui file."""
    found = []
    for widget in root.iter("widget"):
        class_, name = widget.get("class"), widget.get("name")
        if class_ in api.classes():
            if not api.classes()[class_]["in_designer"]:
                found.append(f"{name}: {class_} has no designer plugin")
        elif api.qt_class(class_) is None:
            found.append(f"{name}: {class_} is not known")
            continue
        known = api.properties(class_)
        for property_ in widget.findall("property"):
            if property_.get("name") not in known and property_.get("stdset") != "0":
                found.append(f"{name}: {class_} has no property {property_.get('name')}")
    for one in root.iter("connection"):
        found += _about_connection(root, one)
    return found


def _about_connection(root: ElementTree.Element, connection: ElementTree.Element) -> list[str]:
    classes = {w.get("name"): w.get("class") for w in root.iter("widget")}
    sender, signal, receiver, slot = (connection.findtext(k) for k in ("sender", "signal", "receiver", "slot"))
    found = []
    if sender in classes and signal not in api.signals(classes[sender]):
        found.append(f"{sender}: {classes[sender]} has no signal {signal}")
    if receiver in classes and slot.split("(")[0] not in api.names(classes[receiver]):
        found.append(f"{receiver}: {classes[receiver]} has no slot {slot}")
    return found
