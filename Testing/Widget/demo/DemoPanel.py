"""A small module that uses what the real panel uses; the tests of the stand-ins click through it."""

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


@parameterNodeWrapper
class DemoParameters:
    volume: vtkMRMLScalarVolumeNode
    inverted: bool = False
    weightKg: float = 70.0
    label: str = ""


class DemoPanel(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Demo"


class DemoPanelWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        ui = slicer.util.loadUI(self.resourcePath("UI/DemoPanel.ui"))
        self.layout.addWidget(ui)
        self.ui = slicer.util.childWidgetVariables(ui)
        ui.setMRMLScene(slicer.mrmlScene)
        self.logic = ScriptedLoadableModuleLogic()
        self.logic.moduleName = "DemoPanel"
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.parameters = None
        self.bind()
        self.status = qt.QLabel("ready")
        self.layout.addWidget(self.status)

    def bind(self):
        self.parameters = DemoParameters(self.logic.getParameterNode())
        self.tag = self.parameters.connectGui(self.ui)
        node = self.parameters.parameterNode
        self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.onParametersModified()

    def unbind(self):
        if self.parameters is not None:
            self.parameters.disconnectGui(self.tag)
            node = self.parameters.parameterNode
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.parameters = None

    def onParametersModified(self, caller=None, event=None):
        self.ui.applyButton.enabled = self.parameters.volume is not None

    def onSceneStartClose(self, caller, event):
        self.unbind()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.bind()

    def onApply(self, checked):
        with slicer.util.tryWithErrorDisplay("It did not work."):
            if not self.parameters.label:
                raise ValueError("no label")
            self.status.text = f"{self.parameters.volume.GetName()}: {self.parameters.weightKg:g} kg"

    def enter(self):
        pass

    def exit(self):
        pass

    def cleanup(self):
        self.unbind()
        self.removeObservers()
