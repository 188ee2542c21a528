"""Starts what the module needs of Slicer without the application: scene, logics, and Slicer's Python bases.

When the variable SLICER_SOURCE names a checkout of Slicer's sources, its real Python files take the place of
the stand-ins.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import slicer

STANDINS = {
    "ScriptedLoadableModule": "scripted",
    "parameterNodeWrapper": "parameter_nodes",
    "i18n": "translation",
}
WIDGETS_NAMED_BY_THE_WRAPPER = (
    "qMRMLCheckableNodeComboBox",
    "qMRMLNodeComboBox",
    "qMRMLRangeWidget",
    "qMRMLSliderWidget",
    "qMRMLSpinBox",
    "qMRMLSubjectHierarchyComboBox",
    "qMRMLSubjectHierarchyTreeView",
    "qMRMLWidget",
)
LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
}


class _AnyClass(ModuleType):
    """A Qt module for code that only names its classes."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, type(name, (), {"__init__": lambda self, *_arguments: None}))
        return getattr(self, name)


def real_sources() -> Path | None:
    """Return the folder of Slicer's own Python files, None without a checkout."""
    root = os.environ.get("SLICER_SOURCE")
    return Path(root) / "Base" / "Python" / "slicer" if root else None


def install_bases(qt: ModuleType | None = None, ctk: ModuleType | None = None) -> None:
    """Give `slicer` its ScriptedLoadableModule, parameterNodeWrapper and i18n; may be called again.

    *qt* and *ctk* are the modules that Slicer's real files import; without them, empty classes are enough
    outside of widgets.
    """
    sys.modules.setdefault("qt", qt or _AnyClass("qt"))
    sys.modules.setdefault("ctk", ctk or _AnyClass("ctk"))
    for name in WIDGETS_NAMED_BY_THE_WRAPPER:
        if not hasattr(slicer, name):
            setattr(slicer, name, type(name, (), {}))
    folder = real_sources()
    if folder is not None and str(folder) not in slicer.__path__:
        slicer.__path__.append(str(folder))
    for name, file in STANDINS.items():
        if folder is None:
            module = importlib.import_module(f"Standins.{file}")
            sys.modules[f"slicer.{name}"] = module
        else:
            module = importlib.import_module(f"slicer.{name}")
        setattr(slicer, name, module)


class Application:
    """Scene and logics together: VTK does not keep the application logic alive, and dies without it."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="scene_")
        self.scene = slicer.vtkMRMLScene()
        self.logic = slicer.vtkSlicerApplicationLogic()
        Path(self.folder.name, "share", "ColorFiles").mkdir(parents=True)
        self.logic.SetHomeDirectory(self.folder.name)
        self.logic.SetShareDirectory("share")
        self.logic.SetMRMLScene(self.scene)
        self.cache = slicer.vtkCacheManager()
        self.cache.SetRemoteCacheDirectory(self.folder.name)
        self.cache.SetMRMLScene(self.scene)
        self.scene.SetCacheManager(self.cache)
        self.data = slicer.vtkDataIOManager()
        self.data.SetCacheManager(self.cache)
        self.scene.SetDataIOManager(self.data)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self.logics = {}
        modules = ModuleType("slicer.modules")
        for name, class_ in LOGICS.items():
            logic = getattr(slicer, class_)()
            logic.SetMRMLApplicationLogic(self.logic)
            logic.SetMRMLScene(self.scene)
            self.logic.SetModuleLogic(name, logic)
            self.logics[name] = logic
            setattr(modules, name.lower(), SimpleNamespace(name=name, logic=lambda logic=logic: logic))
        slicer.mrmlScene = self.scene
        slicer.modules = sys.modules["slicer.modules"] = modules
        slicer.app = HeadlessApp(self.logic, self.folder.name)

    def save(self, path: Path) -> None:
        """Save the scene as .mrb."""
        if not self.scene.WriteToMRB(str(path)):
            raise OSError(f"{path} can't be written")

    def load(self, path: Path) -> None:
        """Add a saved scene to this one."""
        if not self.scene.ReadFromMRB(str(path), False):
            raise OSError(f"{path} can't be read")

    def close_scene(self) -> None:
        """Close the scene, as the menu does."""
        self.scene.Clear(False)


class HeadlessApp:
    """`slicer.app`, as far as code without widgets asks it."""

    def __init__(self, logic, folder: str) -> None:
        self._logic = logic
        self.temporaryPath = folder

    def applicationLogic(self):
        return self._logic

    def testingEnabled(self):
        return True

    def connect(self, signal, slot):
        return True

    def processEvents(self):
        pass

    def translate(self, context, text):
        return text
