"""connectGui() for the stand-in of parameterNodeWrapper: the widgets that Slicer's own wrapper binds."""

from __future__ import annotations

import functools
import typing

import slicer
import vtk

from .pythonqt import QtCore, QtWidgets

PROPERTY = "SlicerParameterName"


def _attribute(name):
    return (lambda widget: getattr(widget, name)), (lambda widget, value: setattr(widget, name, value))


def _kinds() -> dict[type, tuple]:
    """Return by widget class: the types it can show, its signal, how to read and how to write it."""
    import ctk

    numbers, value = (float, int), _attribute("value")
    kinds = {QtWidgets.QSpinBox: ((int,), "valueChanged", *value), QtWidgets.QSlider: ((int,), "valueChanged", *value)}
    number_fields = (ctk.ctkSliderWidget, ctk.ctkDoubleSlider, ctk.ctkDoubleSpinBox, slicer.qMRMLSpinBox)
    for class_ in (QtWidgets.QDoubleSpinBox, slicer.qMRMLSliderWidget, *number_fields):
        kinds[class_] = (numbers, "valueChanged", *value)
    kinds[QtWidgets.QCheckBox] = ((bool,), "stateChanged", *_attribute("checked"))
    kinds[ctk.ctkCheckBox] = kinds[QtWidgets.QCheckBox]
    kinds[QtWidgets.QPushButton] = ((bool,), "toggled", *_attribute("checked"))
    kinds[QtWidgets.QLineEdit] = ((str,), "textChanged", *_attribute("text"))
    kinds[QtWidgets.QLabel] = ((str,), "", *_attribute("text"))
    kinds[QtWidgets.QTextEdit] = ((str,), "textChanged", lambda w: w.toPlainText(), lambda w, v: w.setPlainText(v))
    nodes = (slicer.vtkMRMLNode,)
    kinds[slicer.qMRMLNodeComboBox] = (nodes, "currentNodeChanged", lambda w: w.currentNode(), _choose_node)
    return kinds


def _choose_node(widget, node):
    widget.setCurrentNode(node)


def _type_of(class_: type, dotted: str) -> type:
    for name in dotted.split("."):
        class_ = typing.get_type_hints(class_)[name]
    return class_


def _owner(parameters, dotted: str):
    *path, last = dotted.split(".")
    return functools.reduce(getattr, path, parameters), last


class Binding:
    """One widget and one parameter, each following the other."""

    def __init__(self, parameters, dotted: str, widget) -> None:
        type_ = _type_of(type(parameters), dotted)
        kinds = _kinds()
        if type(widget) not in kinds or not _shows(kinds[type(widget)][0], type_):
            raise RuntimeError(f"Unable to create GUI connector from datatype '{type_}' to '{type(widget)}'.")
        self.parameters, self.dotted, self.widget = parameters, dotted, widget
        _, self.signal, self.read, self.write = kinds[type(widget)]
        if type_ is int and hasattr(widget, "decimals"):
            widget.decimals = 0
        if self.signal:
            getattr(widget, self.signal).connect(self.to_parameter)

    def to_parameter(self, *ignored) -> None:
        owner, name = _owner(self.parameters, self.dotted)
        setattr(owner, name, self.read(self.widget))

    def to_widget(self) -> None:
        owner, name = _owner(self.parameters, self.dotted)
        value = getattr(owner, name)
        if value != self.read(self.widget):
            self.write(self.widget, value)

    def stop(self) -> None:
        if self.signal:
            getattr(self.widget, self.signal).disconnect(self.to_parameter)


def _shows(accepted: tuple, type_) -> bool:
    return isinstance(type_, type) and (
        type_ in accepted or any(a is slicer.vtkMRMLNode for a in accepted) and issubclass(type_, slicer.vtkMRMLNode)
    )


def connect_gui(parameters, gui):
    """Bind every widget of *gui* (a widget, or what childWidgetVariables returned) that names a parameter."""
    widgets = gui.findChildren(QtWidgets.QWidget) if isinstance(gui, QtCore.QObject) else vars(gui).values()
    named = [w for w in widgets if isinstance(w, QtWidgets.QWidget) and w.property(PROPERTY)]
    bindings = [Binding(parameters, widget.property(PROPERTY), widget) for widget in named]
    for binding in bindings:
        binding.to_widget()

    def update(caller, event):
        for binding in bindings:
            binding.to_widget()

    tag = parameters.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
    vars(parameters).setdefault("_bound", {})[tag] = bindings
    return tag


def disconnect_gui(parameters, tag) -> None:
    """Undo connect_gui()."""
    parameters.parameterNode.RemoveObserver(tag)
    for binding in vars(parameters)["_bound"].pop(tag):
        binding.stop()


def add_to(module) -> None:
    """Give the classes that the stand-in *module* wraps connectGui() and disconnectGui()."""
    wrap = module.parameterNodeWrapper
    if hasattr(wrap, "__wrapped__"):
        return

    @functools.wraps(wrap)
    def parameterNodeWrapper(class_):
        class_ = wrap(class_)
        class_.connectGui, class_.disconnectGui = connect_gui, disconnect_gui
        return class_

    module.parameterNodeWrapper = parameterNodeWrapper
