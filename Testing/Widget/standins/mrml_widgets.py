"""Stand-ins of Slicer's MRML widgets that follow the real scene: node selectors, segments, numbers with units."""

from __future__ import annotations

import weakref

import shiboken6
import slicer
import vtk

from . import api, ctk_numbers
from .pythonqt import QtCore, QtWidgets

Property, Signal = QtCore.Property, QtCore.Signal


class Watch:
    """Observers of VTK objects on behalf of a widget; silent once the widget is gone."""

    def __init__(self, widget) -> None:
        self._widget = weakref.ref(widget)
        self._tags: list[tuple[object, int]] = []

    def on(self, subject, events, method: str) -> None:
        """Call *method* of the widget when one of *events* happens."""
        if subject is None:
            return
        for event in events if isinstance(events, tuple | list) else (events,):
            self._tags.append((subject, subject.AddObserver(event, self._forward(method))))

    def _forward(self, method):
        def call(caller, event):
            widget = self._widget()
            if widget is not None and shiboken6.isValid(widget):
                getattr(widget, method)()

        return call

    def stop(self) -> None:
        """Remove all observers."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags = []


class _Scene:
    """What every MRML widget knows: its scene."""

    _scene = None

    def setMRMLScene(self, scene):
        self._scene = scene
        self._scene_set()
        if hasattr(self, "mrmlSceneChanged"):
            self.mrmlSceneChanged.emit(scene)

    def _scene_set(self):
        pass


def _its_scene(self):
    return self._scene


class qMRMLWidget(_Scene, QtWidgets.QWidget):
    """A widget with a scene."""

    api.fill(locals(), "qMRMLWidget")
    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene


class qSlicerWidget(_Scene, QtWidgets.QWidget):
    """A widget with a scene."""

    api.fill(locals(), "qSlicerWidget")
    setMRMLScene = _Scene.setMRMLScene


class qMRMLNodeComboBox(_Scene, QtWidgets.QWidget):
    """The nodes of some classes; one of them is current."""

    api.fill(locals(), "qMRMLNodeComboBox", without=("currentNodeID", "currentNodeId"))
    currentNodeChanged, _currentNodeChanged_bool = Signal(object), Signal(bool)
    nodeTypes = api.remembered("QStringList", changed="_refresh")
    hideChildNodeTypes = api.remembered("QStringList", changed="_refresh")
    showHidden = api.remembered(bool, False, changed="_refresh")
    showChildNodeTypes = api.remembered(bool, True, changed="_refresh")
    noneEnabled = api.remembered(bool, False, changed="_refresh")
    noneDisplay = api.remembered(str, "None", changed="_refresh")
    addEnabled, removeEnabled = api.remembered(bool, True), api.remembered(bool, True)
    selectNodeUponCreation = api.remembered(bool, True)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._current, self._attributes, self._listed = None, {}, []
        self._watch, self._names = Watch(self), Watch(self)
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._combo)
        self._combo.connect("activated(int)", lambda index: self.setCurrentNodeID(self._combo.itemData(index)))

    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene

    def _scene_set(self):
        self._watch.stop()
        scene = self._scene
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent)
            self._watch.on(scene, (*events, scene.EndCloseEvent, scene.EndImportEvent), "_refresh")
        self._refresh()

    def _offers(self, node):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if not any(node.IsA(t) if self.showChildNodeTypes else node.GetClassName() == t for t in self.nodeTypes):
            return False
        if any(node.IsA(t) and node.GetClassName() not in self.nodeTypes for t in self.hideChildNodeTypes):
            return False
        wanted = [(name, value) for (type_, name), value in self._attributes.items() if node.IsA(type_)]
        return all(node.GetAttribute(n) is not None if v is None else node.GetAttribute(n) == str(v) for n, v in wanted)

    def _refresh(self):
        scene = self._scene
        if scene is not None and scene.IsBatchProcessing() and not scene.IsClosing():
            return
        nodes = [] if scene is None else [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        self._listed = [node for node in nodes if self._offers(node)]
        self._names.stop()
        for node in self._listed:
            self._names.on(node, vtk.vtkCommand.ModifiedEvent, "_rename")
        self._rename()
        if self._current is not None and self._current not in self._listed:
            self._select(None)
        if self._current is None and not self.noneEnabled and self._listed:
            self._select(self._listed[0])
        self._show_current()

    def _rename(self):
        texts = [self.noneDisplay] * self.noneEnabled + [node.GetName() or "" for node in self._listed]
        data = [""] * self.noneEnabled + [node.GetID() for node in self._listed]
        if texts == [self._combo.itemText(i) for i in range(self._combo.count)] and data == [
            self._combo.itemData(i) for i in range(self._combo.count)
        ]:
            return
        self._combo.blockSignals(True)
        before = self._combo.currentText
        self._combo.clear()
        for text, identifier in zip(texts, data, strict=True):
            self._combo.addItem(text, identifier)
        self._show_current()
        self._combo.blockSignals(False)
        if self._current in self._listed and before not in ("", self._combo.currentText):
            self.currentNodeRenamed.emit(self._current.GetName())

    def _show_current(self):
        self._combo.currentIndex = self._combo.findData(self._current.GetID() if self._current else "")

    def _select(self, node):
        if node is self._current:
            return
        self._current = node
        self._show_current()
        self.currentNodeChanged.emit(node)
        self._currentNodeChanged_bool.emit(node is not None)
        self.currentNodeIDChanged.emit(self.currentNodeID)

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node):
        if isinstance(node, str):
            node = self._scene.GetNodeByID(node) if self._scene and node else None
        if self._scene is not None:
            self._select(node if node in self._listed else None)

    def setCurrentNodeID(self, identifier):
        self.setCurrentNode(identifier or "")

    currentNodeID = Property(str, lambda self: self._current.GetID() if self._current else "", setCurrentNodeID)
    currentNodeId = currentNodeID

    def setCurrentNodeIndex(self, index):
        self._select(self._listed[index] if 0 <= index < len(self._listed) else None)

    def nodeCount(self):
        return len(self._listed)

    def nodeFromIndex(self, index):
        return self._listed[index]

    def addAttribute(self, node_type, name, value=None):
        self._attributes[node_type, name] = value
        self._refresh()

    def removeAttribute(self, node_type, name):
        self._attributes.pop((node_type, name), None)
        self._refresh()

    def addNode(self, node_type=None):
        node = self._scene.AddNewNodeByClass(node_type or self.nodeTypes[0], self.baseName)
        if self.selectNodeUponCreation:
            self._select(node)
        self.nodeAddedByUser.emit(node)

    def removeCurrentNode(self):
        if self._current is not None:
            self._scene.RemoveNode(self._current)


class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """A segmentation and one of its segments."""

    api.fill(locals(), "qMRMLSegmentSelectorWidget")
    currentNodeChanged, _currentNodeChanged_bool = Signal(object), Signal(bool)
    noneEnabled = api.remembered(bool, False, changed="_refresh")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._watch = Watch(self)
        self._nodes, self._segments = qMRMLNodeComboBox(self), QtWidgets.QComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        inside = QtWidgets.QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._nodes)
        inside.addWidget(self._segments)
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._node_changed)
        self._segments.connect(
            "currentIndexChanged(int)", lambda i: self.currentSegmentChanged.emit(self.currentSegmentID())
        )

    segmentationNodeSelectorVisible = Property(
        bool, lambda self: not self._nodes.isHidden(), lambda self, value: self._nodes.setVisible(value)
    )

    def _scene_set(self):
        self._nodes.setMRMLScene(self._scene)

    def _node_changed(self, node):
        self._watch.stop()
        if node is not None:
            events = [getattr(slicer.vtkSegmentation, f"Segment{e}") for e in ("Added", "Removed", "Modified")]
            self._watch.on(node.GetSegmentation(), events, "_refresh")
        self._refresh()
        self.currentNodeChanged.emit(node)
        self._currentNodeChanged_bool.emit(node is not None)

    def _refresh(self):
        before = self.currentSegmentID()
        self._segments.clear()
        if self.noneEnabled:
            self._segments.addItem("None", "")
        for identifier in self.segmentIDs():
            segment = self.currentNode().GetSegmentation().GetSegment(identifier)
            self._segments.addItem(segment.GetName(), identifier)
        self.setCurrentSegmentID(before)

    def currentNode(self):
        return self._nodes.currentNode()

    def currentNodeID(self):
        return self._nodes.currentNodeID

    def setCurrentNode(self, node):
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, identifier):
        self._nodes.setCurrentNodeID(identifier)

    def segmentIDs(self):
        node = self.currentNode()
        return tuple(node.GetSegmentation().GetSegmentIDs()) if node else ()

    def currentSegmentID(self):
        return self._segments.currentData or ""

    def setCurrentSegmentID(self, identifier):
        self._segments.currentIndex = self._segments.findData(identifier)


class qMRMLColorTableComboBox(qMRMLNodeComboBox):
    """The color tables of the scene."""

    api.fill(locals(), "qMRMLColorTableComboBox")

    def __init__(self, parent=None):
        super().__init__(parent)
        self.nodeTypes = ["vtkMRMLColorNode"]
        self.addEnabled = self.removeEnabled = False


class qMRMLSliderWidget(_Scene, ctk_numbers.ctkSliderWidget):
    """A slider that may take its unit from the scene."""

    api.fill(locals(), "qMRMLSliderWidget")
    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene


class qMRMLSpinBox(_Scene, ctk_numbers.ctkDoubleSpinBox):
    """A number field that may take its unit from the scene."""

    api.fill(locals(), "qMRMLSpinBox")
    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene


class qMRMLRangeWidget(_Scene, ctk_numbers.ctkRangeWidget):
    """A range that may take its unit from the scene."""

    api.fill(locals(), "qMRMLRangeWidget", without=("mrmlScene",))
    setMRMLScene = _Scene.setMRMLScene


class qMRMLSubjectHierarchyTreeView(_Scene, QtWidgets.QTreeView):
    """The subject hierarchy; an empty tree that knows the scene and the current item."""

    api.fill(locals(), "qMRMLSubjectHierarchyTreeView")
    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene
    _item = 0

    def subjectHierarchyNode(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene) if self._scene else None

    def currentItem(self):
        return self._item

    def setCurrentItem(self, item):
        if item != self._item:
            self._item = item
            self.currentItemChanged.emit(item)

    def currentNode(self):
        return self.subjectHierarchyNode().GetItemDataNode(self._item) if self._item else None

    def setCurrentNode(self, node):
        self.setCurrentItem(self.subjectHierarchyNode().GetItemByDataNode(node))


class qMRMLSubjectHierarchyComboBox(_Scene, QtWidgets.QComboBox):
    """Named by Slicer's parameter node wrapper."""

    api.fill(locals(), "qMRMLSubjectHierarchyComboBox")
    setMRMLScene = _Scene.setMRMLScene


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Named by Slicer's parameter node wrapper."""

    api.fill(locals(), "qMRMLCheckableNodeComboBox")
