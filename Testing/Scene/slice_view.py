"""One slice view of the real MRML displayable managers, drawn without a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)


class SliceView:
    """A view of *size* pixels; add it before the nodes it is to show, as the legend's manager asks for."""

    def __init__(self, application, name: str = "Red", orientation: str = "Axial", size=(500, 420)) -> None:
        logic, scene = application.logic, application.scene
        self.application = application
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        over = vtk.vtkRenderer()
        over.GetActiveCamera().ParallelProjectionOn()
        over.SetLayer(1)
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.ShowWindowOff()
        self.window.SetMultiSamples(0)
        self.window.SetNumberOfLayers(2)
        self.window.AddRenderer(self.renderer)
        self.window.AddRenderer(over)
        self.window.SetSize(*size)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        self.corner = vtk.vtkCornerAnnotation()
        self.renderer.AddViewProp(self.corner)
        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self.mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(logic)
        for manager in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.group.Initialize(factory, self.renderer)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(logic)
        if logic.GetSliceLogics() is None:
            logic.SetSliceLogics(vtk.vtkCollection())
        logic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetOrientation(orientation)
        self.group.SetMRMLDisplayableNode(self.node)
        self.logic.ResizeSliceNode(*size)
        self.size = size

    def close(self) -> None:
        """Let go of the scene, before its application dies: VTK would call into it otherwise."""
        self.group.SetMRMLDisplayableNode(None)
        self.application.logic.GetSliceLogics().RemoveItem(self.logic)
        self.mapper.RemoveAllInputConnections(0)
        self.logic.SetMRMLScene(None)
        self.logic.SetMRMLApplicationLogic(None)
        self.group = None
        self.window.Finalize()

    def fit(self) -> None:
        """Show the whole background."""
        self.logic.FitSliceToAll()

    def pixels(self) -> np.ndarray:
        """Return the picture, shape (rows, columns, 3), first row on top."""
        self.mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.SetInputBufferTypeToRGB()
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()

    def pixel_of(self, ras) -> tuple[int, int]:
        """Return row and column of a point in world RAS."""
        toXy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), toXy)
        x, y, _, _ = toXy.MultiplyPoint([*ras, 1.0])
        return round(self.size[1] - 1 - y), round(x)

    def save(self, path: Path) -> None:
        """Write the picture as PNG."""
        picture = self.pixels()[::-1]
        image = vtk.vtkImageData()
        image.SetDimensions(picture.shape[1], picture.shape[0], 1)
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture).reshape(-1, 3), deep=True))
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputData(image)
        writer.Write()
