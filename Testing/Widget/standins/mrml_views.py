"""Stand-ins of Slicer's views (slices, 3D, plots, tables) and of its layout manager, on real view nodes."""

from __future__ import annotations

from functools import cached_property

import slicer
import vtk

from . import api
from .mrml_widgets import Watch, _its_scene, _Scene, qMRMLWidget
from .pythonqt import QtCore, QtGui, QtWidgets


class qMRMLTableView(_Scene, QtWidgets.QTableView):
    """The cells of a table node."""

    api.fill(locals(), "qMRMLTableView", without=("selectionChanged",))  # PySide6 needs the method of this name
    _selectionChanged_ = QtCore.Signal()
    mrmlScene, setMRMLScene = _its_scene, _Scene.setMRMLScene

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._watch = None, Watch(self)
        self.setModel(QtGui.QStandardItemModel(self))
        selection = self.selectionModel()
        selection.connect("selectionChanged(QItemSelection,QItemSelection)", lambda *a: self._selectionChanged_.emit())

    def mrmlTableNode(self):
        return self._node

    def setMRMLTableNode(self, node):
        self._node = node
        self._watch.stop()
        self._watch.on(node, vtk.vtkCommand.ModifiedEvent, "_refresh")
        self._refresh()

    def _refresh(self):
        model, table = self.model(), self._node.GetTable() if self._node else vtk.vtkTable()
        model.clear()
        model.setHorizontalHeaderLabels([table.GetColumnName(c) or "" for c in range(table.GetNumberOfColumns())])
        for row in range(table.GetNumberOfRows()):
            cells = [table.GetValue(row, c).ToString() for c in range(table.GetNumberOfColumns())]
            model.appendRow([QtGui.QStandardItem(text) for text in cells])


class _View(QtWidgets.QWidget):
    """A view that paints its name; a render window exists when somebody asks for it."""

    def forceRender(self):
        pass

    scheduleRender = pauseRender = resumeRender = forceRender

    @cached_property
    def _window(self):
        window = vtk.vtkRenderWindow()
        window.SetOffScreenRendering(1)
        window.AddRenderer(vtk.vtkRenderer())
        return window

    @cached_property
    def _annotation(self):
        return vtk.vtkCornerAnnotation()

    def renderWindow(self):
        return self._window

    def cornerAnnotation(self):
        return self._annotation

    def setCornerAnnotationText(self, text):
        self._annotation.SetText(vtk.vtkCornerAnnotation.UpperLeft, text)

    def paintEvent(self, event):
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor("black"))
        painter.setPen(QtGui.QColor("white"))
        painter.drawText(self.rect, QtCore.Qt.AlignCenter, self.objectName)


class qMRMLSliceView(_View):
    """The picture of a slice."""

    api.fill(locals(), "qMRMLSliceView")


class qMRMLThreeDView(_View):
    """The 3D picture."""

    api.fill(locals(), "qMRMLThreeDView")

    def resetFocalPoint(self):
        pass

    def resetCamera(self, resetRotation=True, resetTranslation=True, resetDistance=True):
        pass


class qMRMLPlotView(_Scene, QtWidgets.QWidget):
    """The chart of a plot view node, as plain lines."""

    api.fill(locals(), "qMRMLPlotView")
    setMRMLScene = _Scene.setMRMLScene
    _node = None

    def setMRMLPlotViewNode(self, node):
        self._node = node

    def fitToContent(self):
        pass

    def paintEvent(self, event):
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor("white"))
        chart = self._node.GetPlotChartNode() if self._node else None
        painter.drawText(8, 16, chart.GetTitle() or "" if chart else "no chart")
        curves = (
            [] if chart is None else [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
        )
        points = [(series, _points(series)) for series in curves if series is not None]
        everything = [p for _, line in points for p in line]
        if not everything:
            return
        right, top = max(x for x, _ in everything) or 1.0, max(y for _, y in everything) or 1.0
        size = self.size
        for series, line in points:
            pen = QtGui.QPen(QtGui.QColor.fromRgbF(*series.GetColor()))
            pen.setWidth(2)
            painter.setPen(pen)
            scaled = [
                QtCore.QPointF(
                    20 + x / right * (size.width() - 30), size.height() - 10 - y / top * (size.height() - 40)
                )
                for x, y in line
            ]
            painter.drawPolyline(scaled)


def _points(series) -> list[tuple[float, float]]:
    table = series.GetTableNode().GetTable() if series.GetTableNode() else None
    columns = (
        [table.GetColumnByName(n or "") for n in (series.GetXColumnName(), series.GetYColumnName())] if table else []
    )
    if not columns or None in columns:
        return []
    return [tuple(c.GetVariantValue(row).ToDouble() for c in columns) for row in range(table.GetNumberOfRows())]


class _ViewWidget(qMRMLWidget):
    """A view with its node; the layout manager makes it."""

    def __init__(self, parent=None, view=None, node=None, logic=None):
        super().__init__(parent)
        self._view, self._node, self._logic = view, node, logic
        inside = QtWidgets.QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        if view is not None:
            view.name = node.GetName() or ""
            inside.addWidget(view)

    def viewWidget(self):
        return self._view

    def mrmlAbstractViewNode(self):
        return self._node


class qMRMLSliceControllerWidget(qMRMLWidget):
    """The bar over a slice view."""

    api.fill(locals(), "qMRMLSliceControllerWidget")
    _logic = None

    def sliceLogic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

    def setSliceVisible(self, visible):
        self.mrmlSliceNode().SetSliceVisible(visible)

    def setSliceOffsetValue(self, offset):
        self._logic.SetSliceOffset(offset)


class qMRMLSliceWidget(_ViewWidget):
    """A slice view with its controller."""

    api.fill(locals(), "qMRMLSliceWidget")

    def sliceView(self):
        return self._view

    def sliceLogic(self):
        return self._logic

    logic = sliceLogic

    def mrmlSliceNode(self):
        return self._node

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

    def overlayCornerAnnotation(self):
        return self._view.cornerAnnotation()

    @cached_property
    def _controller(self):
        controller = qMRMLSliceControllerWidget()
        controller._logic = self._logic
        return controller

    def sliceController(self):
        return self._controller


class qMRMLThreeDWidget(_ViewWidget):
    """A 3D view."""

    api.fill(locals(), "qMRMLThreeDWidget")

    def threeDView(self):
        return self._view

    def mrmlViewNode(self):
        return self._node


class qMRMLPlotWidget(_ViewWidget):
    """A plot view; in a panel it makes its own view."""

    api.fill(locals(), "qMRMLPlotWidget")

    def __init__(self, parent=None, view=None, node=None, logic=None):
        super().__init__(parent, view, node, logic)
        if view is None:
            self._view = qMRMLPlotView(self)
            self.layout().addWidget(self._view)

    def plotView(self):
        return self._view

    def mrmlPlotViewNode(self):
        return self._node

    def setMRMLPlotViewNode(self, node):
        self._node = node
        self._view.setMRMLPlotViewNode(node)


class qMRMLTableWidget(_ViewWidget):
    """A table view."""

    api.fill(locals(), "qMRMLTableWidget")

    def tableView(self):
        return self._view

    def mrmlTableViewNode(self):
        return self._node


class qSlicerLayoutManager(QtCore.QObject):
    """The views of the current layout: real nodes made by Slicer's layout logic, widgets when asked for."""

    api.fill(locals(), "qMRMLLayoutManager", without=("layout", "plotViewCount", "tableViewCount", "threeDViewCount"))
    _standin = "qSlicerLayoutManager"

    def __init__(self, application_logic, scene):
        super().__init__()
        self._application, self._scene, self._widgets, self._slices = application_logic, scene, {}, vtk.vtkCollection()
        application_logic.SetSliceLogics(self._slices)
        application_logic.SetViewLogics(vtk.vtkCollection())
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def mrmlScene(self):
        return self._scene

    def layoutLogic(self):
        return self._logic

    def setLayout(self, layout):
        node = self._logic.GetLayoutNode()
        if layout != slicer.vtkMRMLLayoutNode.SlicerLayoutNone and not node.IsLayoutDescription(layout):
            raise ValueError(f"layout {layout} has no description")
        node.SetViewArrangement(layout)
        self._slice_widgets()
        self.layoutChanged.emit(layout)

    layout = QtCore.Property(int, lambda self: self._logic.GetLayoutNode().GetViewArrangement(), setLayout)

    def _nodes(self, class_name):
        views = self._logic.GetViewNodes()
        nodes = [views.GetItemAsObject(i) for i in range(views.GetNumberOfItems())]
        return [node for node in nodes if node is not None and node.IsA(class_name)]

    def _slice_widgets(self):
        return {node.GetLayoutName(): self._widget(node) for node in self._nodes("vtkMRMLSliceNode")}

    def _widget(self, node):
        if node.GetID() not in self._widgets:
            kind = node.GetClassName()
            classes = {
                "vtkMRMLSliceNode": (qMRMLSliceWidget, qMRMLSliceView),
                "vtkMRMLViewNode": (qMRMLThreeDWidget, qMRMLThreeDView),
                "vtkMRMLPlotViewNode": (qMRMLPlotWidget, qMRMLPlotView),
                "vtkMRMLTableViewNode": (qMRMLTableWidget, qMRMLTableView),
            }
            widget, view = classes[kind]
            logic = self._slice_logic(node) if kind == "vtkMRMLSliceNode" else None
            self._widgets[node.GetID()] = widget(None, view(), node, logic)
            if kind == "vtkMRMLPlotViewNode":
                self._widgets[node.GetID()].setMRMLPlotViewNode(node)
        return self._widgets[node.GetID()]

    def _slice_logic(self, node):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._application)
        logic.SetMRMLScene(self._scene)
        logic.SetSliceNode(node)
        self._slices.AddItem(logic)
        return logic

    def sliceViewNames(self):
        return tuple(self._slice_widgets())

    def sliceWidget(self, name):
        return self._slice_widgets().get(name)

    def mrmlSliceLogics(self):
        return self._slices

    def _nth(self, class_name, which):
        nodes = self._nodes(class_name)
        if isinstance(which, str):
            return next((self._widget(n) for n in nodes if which in (n.GetLayoutName(), n.GetName())), None)
        return self._widget(nodes[which]) if 0 <= which < len(nodes) else None

    def threeDWidget(self, which):
        return self._nth("vtkMRMLViewNode", which)

    def plotWidget(self, which):
        return self._nth("vtkMRMLPlotViewNode", which)

    def tableWidget(self, which):
        return self._nth("vtkMRMLTableViewNode", which)

    threeDViewCount = QtCore.Property(int, lambda self: len(self._nodes("vtkMRMLViewNode")))
    plotViewCount = QtCore.Property(int, lambda self: len(self._nodes("vtkMRMLPlotViewNode")))
    tableViewCount = QtCore.Property(int, lambda self: len(self._nodes("vtkMRMLTableViewNode")))

    @cached_property
    def _viewport(self):
        return QtWidgets.QWidget()

    def viewport(self, name=""):
        return self._viewport

    def resetSliceViews(self):
        for widget in self._slice_widgets().values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self):
        pass

    pauseRender = resumeRender = resetThreeDViews
