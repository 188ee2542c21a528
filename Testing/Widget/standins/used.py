"""Reads a module's Python and .ui files and reports what they use that Qt, CTK and Slicer do not offer.

Types are followed as far as they are plain to see: constructor calls (`qt.QLabel()`), widgets of .ui files
(`self.ui.name`), annotations (`button: qt.QPushButton`), assignments, loops over tuples, and `slicer.app`'s views.
What cannot be followed is not judged here; it runs in the widget tests.
"""

from __future__ import annotations

import ast
import enum
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from . import api
from .ui_loader import complaints as ui_complaints

UI = "<ui>"  # what childWidgetVariables() returns
TOP = "<top>"  # what loadUI() returns
UNKNOWN = "<unknown>"  # one of several assignments can't be followed
COMMON = {"connect", "disconnect", "name", "className", "delete", "findChild", "findChildren", "exec_", "print", "help"}
NOT_IN_QT5 = {
    "checkStateChanged",
    "colorScheme",
    "colorSchemeChanged",
    "idClicked",
    "idToggled",
    "editingFinishedWithText",
}
RETURNS = {
    "layoutManager": "qSlicerLayoutManager",
    "sliceWidget": "qMRMLSliceWidget",
    "sliceController": "qMRMLSliceControllerWidget",
    "sliceView": "qMRMLSliceView",
    "threeDWidget": "qMRMLThreeDWidget",
    "threeDView": "qMRMLThreeDView",
    "plotWidget": "qMRMLPlotWidget",
    "plotView": "qMRMLPlotView",
    "tableWidget": "qMRMLTableWidget",
    "tableView": "qMRMLTableView",
    "horizontalHeader": "QHeaderView",
    "verticalHeader": "QHeaderView",
    "comboBox": "QComboBox",
}


class Sources:
    """The .ui and .py files of a module."""

    def __init__(self, folder: Path) -> None:
        self.forms = {path: ElementTree.parse(path).getroot() for path in sorted(folder.rglob("*.ui"))}
        self.scripts = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}
        self.widgets: dict[str, set[str]] = {}
        self.tops: set[str] = set()
        for root in self.forms.values():
            for number, widget in enumerate(root.iter("widget")):
                self.widgets.setdefault(widget.get("name"), set()).add(widget.get("class"))
                if number == 0:
                    self.tops.add(widget.get("class"))
            for other in root.iter("action"):  # not layouts: an empty one is false, and Slicer's findChildren skips it
                self.widgets.setdefault(other.get("name"), set()).add("QAction")


def complaints(folder: Path) -> list[str]:
    """Return one line for every use of a name that its class does not offer."""
    sources, found = Sources(folder), []
    for path, root in sources.forms.items():
        found += [f"{path.name}: {text}" for text in ui_complaints(root)]
    for path, tree in sources.scripts.items():
        for class_, functions in _scopes(tree):
            members = _members(sources, functions)
            for function in functions:
                reader = _Reader(sources, members)
                reader.learn(function)
                for line, text in reader.judge(function):
                    found.append(f"{path.name}:{line}: {text}" + (f" (in {class_})" if class_ else ""))
    return sorted(set(found))


def _scopes(tree: ast.Module):
    """Yield each class with its functions, and the functions outside of classes."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, [n for n in node.body if isinstance(n, functions)]
        elif isinstance(node, functions):
            yield "", [node]


def _members(sources: Sources, functions) -> dict[str, set[str]]:
    """Return the types of `self.x`, as assigned anywhere in the class."""
    members: dict[str, set[str]] = {}
    for _ in range(2):  # a member may be made from another one
        readers = [_Reader(sources, members) for _ in functions]
        for reader, function in zip(readers, functions, strict=True):
            reader.learn(function)
        members = {}
        for reader in readers:
            for name, types in reader.assigned.items():
                members.setdefault(name, set()).update(types)
    return members


class _Reader:
    """Types of names within one function, given those of the class's members."""

    def __init__(self, sources: Sources, members: dict[str, set[str]]) -> None:
        self.sources, self.members, self.names, self.assigned = sources, members, {}, {}

    def learn(self, function: ast.AST) -> None:
        for _ in range(2):  # a name may be made from one that is read later
            self._new: dict[str, set[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.arg):
                    self._give(ast.Name(node.arg), self._annotated(node.annotation) if node.annotation else set())
                elif isinstance(node, ast.Assign):
                    for target in node.targets:
                        self._assign(target, node.value)
                elif isinstance(node, ast.For | ast.comprehension):
                    values = node.iter.elts if isinstance(node.iter, ast.Tuple | ast.List) else []
                    self._give(node.target, set().union(*(self.types(v) or {UNKNOWN} for v in values)))
            self.names = self._new

    def _assign(self, target, value) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                self._assign(one, part)
        elif not (isinstance(value, ast.Constant) and value.value is None):
            self._give(target, self.types(value))

    def _give(self, target, types: set[str]) -> None:
        if isinstance(target, ast.Name):
            self._new.setdefault(target.id, set()).update(types or {UNKNOWN})
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            self.assigned.setdefault(target.attr, set()).update(types or {UNKNOWN})

    def _annotated(self, annotation) -> set[str]:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        return {name} if (name := _class_name(annotation)) else set()

    def types(self, node) -> set[str]:
        """Return the classes that an expression may be of; empty when unknown."""
        found = self._types(node)
        return set() if UNKNOWN in found else found

    def _types(self, node) -> set[str]:
        if isinstance(node, ast.Name):
            return self.names.get(node.id, {UI} if node.id == "ui" else set())
        if isinstance(node, ast.Call):
            if name := _class_name(node.func):
                return {name}
            if isinstance(node.func, ast.Attribute):
                method = node.func.attr
                marker = {"childWidgetVariables": UI, "loadUI": TOP}.get(method, RETURNS.get(method))
                known = self.types(node.func.value)
                offered = any(method in _offers(t) for t in known if t not in (UI, TOP))
                return {marker} if marker and (marker in (UI, TOP) or offered) else set()
        if isinstance(node, ast.Attribute):
            if ast.unparse(node) == "slicer.app":
                return {"qSlicerApplication"}
            owners = self.types(node.value)
            if UI in owners:
                return self.sources.widgets.get(node.attr, set())
            if node.attr == "ui":
                return {UI}
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                return self.members.get(node.attr, set())
        if isinstance(node, ast.IfExp):
            return self.types(node.body) | self.types(node.orelse)
        return set()

    def judge(self, function: ast.AST):
        """Yield (line, complaint)."""
        for node in ast.walk(function):
            for tested in _tested(node):
                if kinds := self.types(tested) - {UI, TOP} or _value_class(tested):
                    yield tested.lineno, f"truth of {_either(kinds)}: an empty, null or invalid one is false"
            if isinstance(node, ast.Attribute):
                yield from self._attribute(node)
            elif isinstance(node, ast.Call):
                yield from self._call(node)

    def _attribute(self, node: ast.Attribute):
        spelled = ast.unparse(node)
        if spelled.startswith(("qt.", "ctk.", "slicer.qMRML", "slicer.qSlicer")):
            yield from ((node.lineno, text) for text in _module_name(spelled))
        if node.attr in NOT_IN_QT5:
            yield node.lineno, f"{node.attr} does not exist in Qt 5"
        classes = self.types(node.value)
        if UI in classes:
            if node.attr not in self.sources.widgets:
                yield node.lineno, f"no .ui file has a widget named {node.attr}"
            return
        classes = self.sources.tops if TOP in classes else classes
        if classes and not any(node.attr in _offers(c) for c in classes):
            yield node.lineno, f"{_either(classes)} has no {node.attr}"
            return
        written = classes and isinstance(node.ctx, ast.Store)
        if written and not any(node.attr in api.properties(c) | {"name"} for c in classes):
            yield node.lineno, f"{node.attr} of {_either(classes)} is no property: it can't be assigned"

    def _call(self, node: ast.Call):
        class_ = _class_name(node.func)
        if class_ and node.keywords:
            yield node.lineno, f"{class_}(): PythonQt's constructors take no keyword arguments"
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
            for kind in filter(_class_name, kinds):
                yield node.lineno, f"PythonQt's classes do not inherit: only a plain {_class_name(kind)} is an instance"
        if not isinstance(node.func, ast.Attribute):
            return
        called, classes = node.func.attr, self.types(node.func.value) - {UI, TOP}
        if classes and all(called in api.properties(c) and called not in _methods(c) for c in classes):
            yield node.lineno, f"{called} of {_either(classes)} is a property: no parentheses"
        literal = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if called in ("connect", "disconnect") and isinstance(literal, str) and classes:
            signature = literal.replace(" ", "").replace("const", "").replace("&", "")
            if not any(signature in api.signals(c) for c in classes):
                yield node.lineno, f"{_either(classes)} has no signal {literal}"


def _tested(node: ast.AST) -> list[ast.AST]:
    """Return what a piece of Python asks for its truth."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [node.operand]
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _value_class(node) -> set[str]:
    """Return the class of a value (a rectangle, a color, a day) that is made on the spot."""
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return {called} if called.startswith("qt.Q") and called.count(".") == 1 else set()


def _class_name(node) -> str | None:
    """Return the class that `qt.QLabel`, `ctk.ctkComboBox` or `slicer.qMRMLWidget` names."""
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("qt", "ctk", "slicer")
    ):
        name = node.attr
        if name in api.classes() or (
            node.value.id == "qt" and isinstance(getattr(sys.modules["qt"], name, None), type)
        ):
            return name if name in api.classes() or hasattr(api.qt_class(name), "staticMetaObject") else None
    return None


def _module_name(spelled: str) -> list[str]:
    module, *path = spelled.split(".")
    if module in ("ctk", "slicer"):
        known = path[0] in api.classes()
        return [] if known else [f"{module}.{path[0]} is not in qt_api_extract.json"]
    value = sys.modules["qt"]
    for index, name in enumerate(path):
        if not name.isidentifier():
            return []
        if not hasattr(value, name):
            return (
                []
                if callable(value) and not isinstance(value, type)
                else [f"qt.{'.'.join(path[: index + 1])} does not exist"]
            )
        value = getattr(value, name)
        if isinstance(value, type) and issubclass(value, enum.Enum) and index < len(path) - 1:
            return [f"{spelled}: not every PythonQt knows scoped enumerations"]
        if not isinstance(value, type):
            return []
    return []


def _either(classes: set[str]) -> str:
    return " or ".join(sorted(classes))


def _offers(class_: str) -> set[str]:
    return api.names(class_) | COMMON


def _methods(class_: str) -> set[str]:
    return {m for one in api.lineage(class_) for m in api.classes()[one]["methods"]}
