"""Opens a scripted module as the module manager does: module class, container, widget class, setup(), enter()."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import slicer

from . import mrml_widgets
from .application import qSlicerScriptedLoadableModule, qSlicerScriptedLoadableModuleWidget
from .pythonqt import QtCore, QtWidgets


class OpenModule:
    """A module whose panel stands in a window of its own."""

    def __init__(self, file: Path) -> None:
        self.name, self.folder = file.stem, str(file.parent)
        if self.folder not in sys.path:
            sys.path.insert(0, self.folder)
        self.module = qSlicerScriptedLoadableModule(self.name, str(file))
        slicer.app.moduleManager()._modules[self.name] = self.module
        setattr(slicer.modules, self.name.lower(), self.module)
        self.python = importlib.import_module(self.name)
        self.instance = getattr(self.python, self.name)(self.module)
        setattr(slicer.modules, self.name + "Instance", self.instance)
        slicer.app.startupCompleted.emit()
        self.open()

    def open(self) -> None:
        """Make the panel, show it and enter the module."""
        self.container = qSlicerScriptedLoadableModuleWidget()
        self.container.setMRMLScene(slicer.mrmlScene)
        self.widget = getattr(self.python, self.name + "Widget")(self.container)
        self.container._self = self.widget
        self.module._representation = self.container
        setattr(slicer.modules, self.name + "Widget", self.widget)
        self.widget.setup()
        self.container.resize(400, 900)
        self.container.show()
        if hasattr(self.widget, "enter"):
            self.container.enter()
        else:
            self.container.isEntered = True
        slicer.app.processEvents()
        plain = (mrml_widgets.qMRMLWidget, mrml_widgets.qSlicerWidget)
        children = [w for w in self.container.findChildren() if w.name and type(w) not in plain]
        without = [w.name for w in children if hasattr(w, "_scene") and w._scene is None]
        if without:
            raise RuntimeError(f"widgets without a scene (setMRMLScene was not called or connected): {without}")

    def close(self) -> None:
        """Leave and unload the module, as when the application ends or reloads it."""
        if self.container is None:
            return
        if self.container.isEntered and hasattr(self.widget, "exit"):
            self.container.exit()
        slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(self.name)
        if not _cleans_itself_up(self.widget):
            self.widget.cleanup()
        self.container.hide()
        self.container.deleteLater()
        self.container = None
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def reload(self) -> None:
        """Close and open the panel again on the same scene."""
        self.close()
        self.open()

    def __getattr__(self, name):
        """Find a child of the panel by its object name: `panel.computeButton`."""
        if name.startswith("_") or name == "container":
            raise AttributeError(name)
        found = self.container.findChildren(QtWidgets.QWidget, name)
        if len(found) != 1:
            raise AttributeError(f"the panel has {len(found)} widgets named {name}")
        return found[0]


def _cleans_itself_up(widget) -> bool:
    """Slicer's own base class calls cleanup() at moduleAboutToBeUnloaded; the minimal stand-in does not."""
    return hasattr(widget, "_onModuleAboutToBeUnloaded")
