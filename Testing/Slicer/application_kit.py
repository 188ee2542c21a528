"""What the tests inside 3D Slicer share: the module opened in the real window, samples, and what the views show."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import qt
import SimpleITK as sitk
import slicer

ROOT = Path(__file__).resolve().parents[2]
SETTLE_MS = 300


class ApplicationTest(unittest.TestCase):
    """A test with an empty scene and the module open; an error in a slot or observer fails it."""

    maxDiff = None

    def setUp(self) -> None:
        self.raised: list[str] = []
        for patch in (
            mock.patch.object(sys, "excepthook", lambda _kind, error, _trace: self.raised.append(repr(error))),
            mock.patch.object(slicer.util, "errorDisplay", lambda text, *_a, **_k: self.raised.append(text)),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        slicer.mrmlScene.Clear(0)
        slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        slicer.util.selectModule("Y90Dosimetry")
        self.widget = slicer.modules.y90dosimetry.widgetRepresentation().self()
        self.panel = self.widget.panel
        self.folder = Path(tempfile.mkdtemp(prefix="y90-"))
        settle()

    def tearDown(self) -> None:
        settle()
        self.assertEqual(self.raised, [], "errors in slots, observers or dialogs")

    def step(self, name: str):
        """Return a step by its name."""
        return next(step for step in self.panel.sections if step.value == name)

    def ui(self, name: str):
        """Open a section as a click does; return its widgets."""
        self.panel.openOnly(self.step(name))
        settle()
        return self.panel.sections[self.step(name)].ui

    def sample(self, variant: str = "lobectomy", over_time: bool = False):
        """Load a sample in coarse voxels and show it; return its parameters."""
        from Y90DosimetrySlicer import sampledata, selftest

        node = sampledata.loadSample(variant, selftest.COARSE, over_time)[-1]
        self.panel.setParameters(self.panel.logic.getParameterNode(node))
        settle()
        return self.panel.parameters

    def computed(self, variant: str = "lobectomy"):
        """Load a sample and compute its dose."""
        self.sample(variant)
        self.ui("dose").computeButton.click()
        settle()
        self.assertIsNotNone(self.panel.parameters.doseVolume, self.panel.ui.messageLabel.text)
        return self.panel.parameters

    def state(self, name: str) -> str:
        """Return the state of a section, as its button says it."""
        from Y90DosimetrySlicer.widgets.steps import stateOf

        return stateOf(self.step(name), self.panel.status)[0].value


def settle(milliseconds: int = SETTLE_MS) -> None:
    """Let the application work off what is due, and what is due soon."""
    loop = qt.QEventLoop()
    qt.QTimer.singleShot(milliseconds, loop.quit)
    loop.exec_()
    slicer.app.processEvents()


def shown_in(case) -> dict[str, object]:
    """Return what the views show of a case: what must be the same after it was left and chosen again."""
    from Y90DosimetrySlicer import display

    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    legend = None
    if case.doseVolume is not None:
        legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(case.doseVolume)
    segmentation = case.segmentation.GetDisplayNode() if case.segmentation is not None else None
    charts = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    tables = slicer.util.getNodesByClass("vtkMRMLTableViewNode")
    return {
        "ct": case.ct is not None and {view.GetBackgroundVolumeID() for view in views} == {case.ct.GetID()},
        "dose": case.doseVolume is not None
        and {view.GetForegroundVolumeID() for view in views} == {case.doseVolume.GetID()},
        "isodoses": sum(bool(m.GetDisplayNode().GetVisibility()) for m in display.isodoseModels(case)),
        "legend": legend is not None and bool(legend.GetVisibility()),
        "outlines": segmentation is not None and bool(segmentation.GetVisibility()),
        "chart": case.dvhChart is not None and {v.GetPlotChartNodeID() for v in charts} == {case.dvhChart.GetID()},
        "table": case.doseTable is not None and {v.GetTableNodeID() for v in tables} == {case.doseTable.GetID()},
    }


class Renders:
    """Counts how often each slice view is drawn inside a block."""

    def __enter__(self):
        self.counts: dict[str, int] = {}
        self._tags = []
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            window = manager.sliceWidget(name).sliceView().renderWindow()
            if manager.sliceWidget(name).visible:
                self.counts[name] = 0
                self._tags.append((window, window.AddObserver("EndEvent", self._counting(name))))
        return self

    def _counting(self, name: str):
        def count(_caller, _event) -> None:
            self.counts[name] += 1

        return count

    def __exit__(self, *_error) -> None:
        settle()
        for window, tag in self._tags:
            window.RemoveObserver(tag)


def cramped(widget) -> list[str]:
    """Return the visible widgets below *widget* that are smaller than their text; those inside Slicer's own are its."""
    found = []
    editors = {
        child.name for one in widget.findChildren("qMRMLSegmentEditorWidget") for child in one.findChildren("QWidget")
    }
    for child in widget.findChildren("QWidget"):
        if not child.visible or child.parentWidget() is None or child.className() in ("QScrollBar", "QHeaderView"):
            continue
        name = f"{child.className()} {child.name or child.parentWidget().name}"
        if child.className() == "QLabel" and child.wordWrap and child.text:
            if child.heightForWidth(child.width) > child.height + 1:
                found.append(f"{name}: {child.height} px for {child.heightForWidth(child.width)}")
        elif child.className() in ("QPushButton", "QToolButton", "QComboBox", "QLineEdit", "QCheckBox"):
            wanted = child.minimumSizeHint
            own = child.name and not child.name.startswith("qt_") and child.name not in editors
            if own and child.height < wanted.height() - 1:
                found.append(f"{name}: {child.height} px high for {wanted.height()}")
    return found


def write_ct(folder: Path) -> None:
    """Write a CT of 8 slices as DICOM files: a body of 50 HU in air, 4 mm apart."""
    folder.mkdir(parents=True)
    voxels = np.full((8, 48, 48), -1000, dtype=np.int16)
    voxels[:, 12:36, 12:36] = 50
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((3.0, 3.0, 4.0))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    root = "1.2.826.0.1.3680043.8.498.1"
    for k in range(voxels.shape[0]):
        one = image[:, :, k]
        known = {
            "0008|0060": "CT",
            "0010|0020": "simulated",
            "0018|0050": "4",
            "0020|000d": f"{root}.1",
            "0020|000e": f"{root}.2",
            "0020|0052": f"{root}.3",
            "0008|0018": f"{root}.4.{k + 1}",
            "0020|0013": str(k + 1),
            "0020|0032": f"0\\0\\{4 * k}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        for tag, text in known.items():
            one.SetMetaData(tag, text)
        writer.SetFileName(str(folder / f"{k}.dcm"))
        writer.Execute(one)


def launch(script: str, *arguments: str) -> list[str]:
    """Return the command that runs a script of this folder in a fresh application with the module."""
    launcher = os.environ.get("Y90_SLICER") or slicer.app.launcherExecutableFilePath or slicer.app.applicationFilePath
    if callable(launcher):
        launcher = launcher()
    modules = str(ROOT / "Y90Dosimetry") if (ROOT / "Y90Dosimetry").is_dir() else ""
    paths = ["--additional-module-paths", os.environ.get("Y90_MODULE_PATH") or modules]
    return [
        launcher,
        "--no-splash",
        "--testing",
        *paths,
        "--python-script",
        str(ROOT / "Testing/Slicer" / script),
        *arguments,
    ]
