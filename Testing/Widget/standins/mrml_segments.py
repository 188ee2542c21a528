"""Stand-ins of Slicer's segment editor and segments table, on a real segmentation node."""

from __future__ import annotations

import slicer
import vtk

from . import api
from .mrml_widgets import Watch, qMRMLWidget
from .pythonqt import QtCore, QtGui, QtWidgets

EFFECTS = ("Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices", "Threshold", "Margin")
EFFECTS += ("Hollow", "Smoothing", "Scissors", "Islands", "Logical operators", "Mask volume")


def _segmentation_events():
    names = ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SegmentsOrderModified")
    return [getattr(slicer.vtkSegmentation, name) for name in names]


class qMRMLSegmentsTableView(qMRMLWidget):
    """One row a segment: visibility, color, opacity, name."""

    api.fill(locals(), "qMRMLSegmentsTableView", without=("segmentCount",))

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._watch, self._hidden = None, Watch(self), set()
        self._table = QtWidgets.QTableWidget(0, 4, self)
        self._table.setHorizontalHeaderLabels(["", "", "Opacity", "Name"])
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().setVisible(False)
        for column, width in enumerate((28, 28, 60)):
            self._table.setColumnWidth(column, width)
        inside = QtWidgets.QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._table)
        selection = self._table.selectionModel()
        selection.connect("selectionChanged(QItemSelection,QItemSelection)", self.selectionChanged.emit)

    segmentCount = QtCore.Property(int, lambda self: len(self.displayedSegmentIDs()))

    def segmentationNode(self):
        return self._node

    def setSegmentationNode(self, node):
        self._node = node
        self._watch.stop()
        if node is not None:
            self._watch.on(node.GetSegmentation(), _segmentation_events(), "_refresh")
        self._refresh()

    def displayedSegmentIDs(self):
        identifiers = self._node.GetSegmentation().GetSegmentIDs() if self._node else ()
        return tuple(i for i in identifiers if i not in self._hidden)

    def _refresh(self):
        selected = self.selectedSegmentIDs()
        self._table.rowCount = self.segmentCount
        for row, identifier in enumerate(self.displayedSegmentIDs()):
            segment = self._node.GetSegmentation().GetSegment(identifier)
            display = self._node.GetDisplayNode()
            shown = "◉" if display is None or display.GetSegmentVisibility(identifier) else "○"
            opacity = display.GetSegmentOpacity3D(identifier) if display else 1.0
            for column, text in enumerate((shown, "", f"{opacity:.2f}", segment.GetName())):
                item = QtWidgets.QTableWidgetItem(text)
                item.setData(QtCore.Qt.UserRole, identifier)
                if column == 1:
                    item.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
                self._table.setItem(row, column, item)
        self.setSelectedSegmentIDs(selected)

    def segmentIDForRow(self, row):
        return self._table.item(row, 3).data(QtCore.Qt.UserRole)

    def rowForSegmentID(self, identifier):
        shown = self.displayedSegmentIDs()
        return shown.index(identifier) if identifier in shown else -1

    def selectedSegmentIDs(self):
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return tuple(self.segmentIDForRow(row) for row in rows if self._table.item(row, 3))

    def setSelectedSegmentIDs(self, identifiers):
        self._table.clearSelection()
        for identifier in identifiers:
            if self.rowForSegmentID(identifier) >= 0:
                self._table.selectRow(self.rowForSegmentID(identifier))

    def clearSelection(self):
        self._table.clearSelection()

    def setHideSegments(self, identifiers):
        self._hidden = set(identifiers)
        self._refresh()

    def tableWidget(self):
        return self._table


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The segment editor without its effects: nodes, current segment, table, and which tool is on."""

    api.fill(locals(), "qMRMLSegmentEditorWidget")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._editor, self._watch, self._effect, self._interaction = None, Watch(self), "", None
        self._table, self._title = qMRMLSegmentsTableView(self), QtWidgets.QLabel("Segment Editor", self)
        inside = QtWidgets.QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._title)
        inside.addWidget(self._table)
        tools = QtWidgets.QGridLayout()
        inside.addLayout(tools)
        for index, name in enumerate(EFFECTS):
            button = QtWidgets.QToolButton(self)
            button.text, button.checkable = name, True
            button.connect("clicked()", lambda name=name: self.setActiveEffectByName(name))
            tools.addWidget(button, index // 3, index % 3)
        self._table.connect("selectionChanged(QItemSelection,QItemSelection)", self._row_chosen)

    def mrmlSegmentEditorNode(self):
        return self._editor

    def setMRMLSegmentEditorNode(self, node):
        self._editor = node
        self._watch.stop()
        if node is not None:
            self._watch.on(node, vtk.vtkCommand.ModifiedEvent, "updateWidgetFromMRML")
        self.updateWidgetFromMRML()

    def updateWidgetFromMRML(self):
        if self._table.segmentationNode() is not self.segmentationNode():
            self._table.setSegmentationNode(self.segmentationNode())
        if self._table.selectedSegmentIDs() != (self.currentSegmentID(),):
            self._table.setSelectedSegmentIDs([self.currentSegmentID()])

    def _row_chosen(self, *selection):
        chosen = self._table.selectedSegmentIDs()
        if chosen and chosen[0] != self.currentSegmentID():
            self.setCurrentSegmentID(chosen[0])

    def segmentationNode(self):
        return self._editor.GetSegmentationNode() if self._editor else None

    def segmentationNodeID(self):
        return self.segmentationNode().GetID() if self.segmentationNode() else ""

    def setSegmentationNode(self, node):
        self._needs_editor()
        if node is not self.segmentationNode():
            self._editor.SetAndObserveSegmentationNode(node)
            self.updateWidgetFromMRML()
            self.segmentationNodeChanged.emit(node)

    def setSegmentationNodeID(self, identifier):
        self.setSegmentationNode(self._scene.GetNodeByID(identifier) if identifier else None)

    def sourceVolumeNode(self):
        return self._editor.GetSourceVolumeNode() if self._editor else None

    def sourceVolumeNodeID(self):
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() else ""

    def setSourceVolumeNode(self, node):
        self._needs_editor()
        if node is not self.sourceVolumeNode():
            self._editor.SetAndObserveSourceVolumeNode(node)
            self.sourceVolumeNodeChanged.emit(node)

    def setSourceVolumeNodeID(self, identifier):
        self.setSourceVolumeNode(self._scene.GetNodeByID(identifier) if identifier else None)

    def _needs_editor(self):
        if self._editor is None or self._scene is None:
            raise RuntimeError("the segment editor needs a scene and a vtkMRMLSegmentEditorNode first")

    def currentSegmentID(self):
        return (self._editor.GetSelectedSegmentID() if self._editor else "") or ""

    def setCurrentSegmentID(self, identifier):
        if identifier != self.currentSegmentID():
            self._editor.SetSelectedSegmentID(identifier)
            self.currentSegmentIDChanged.emit(identifier)

    def availableEffectNames(self):
        return EFFECTS

    def setActiveEffectByName(self, name):
        if name and name not in EFFECTS:
            raise ValueError(f"the segment editor has no effect {name}")
        self._effect = name
        for button in self.findChildren("QToolButton"):
            button.checked = button.text == name
        if self._editor is not None:
            self._editor.SetActiveEffectName(name)

    def setActiveEffect(self, effect):
        if effect is not None:
            raise NotImplementedError("effects are part of the application")
        self.setActiveEffectByName("")

    def activeEffect(self):
        if self._effect:
            raise NotImplementedError("effects are part of the application")

    def interactionNode(self):
        return self._interaction

    def setInteractionNode(self, node):
        self._interaction = node

    def _accepted(self, *arguments):
        """Do nothing, as far as a test can see."""

    setEffectNameOrder = setupViewObservations = removeViewObservations = updateEffectList = _accepted
    saveStateForUndo = undo = redo = _accepted
    _keys = False

    def installKeyboardShortcuts(self, parent=None):
        """In Slicer: for the whole main window, whatever is shown in it."""
        self._keys = True

    def uninstallKeyboardShortcuts(self):
        self._keys = False

    rotateSliceViewsToSegmentation = jumpSlices = turnOffLightboxes = _accepted
