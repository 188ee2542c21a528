"""What the module's test does inside the application; *test* is a unittest.TestCase."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from unittest import mock

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.phantom import PhantomSettings

from . import sampledata
from .previews import State, stateOf

COARSE = PhantomSettings(ct_spacing_mm=(4.0, 4.0, 6.0), spect_spacing_mm=(8.8, 8.8, 8.8))
YOUNG = ("prescription.", "limits.", "stated.", "timePoints.", "readingNotes.", "settings.shuntMarginMm")
"""How the names of some parameters begin that the first version did not store."""


def sampleNode(variant: str = "lobectomy"):
    """Put a digital patient of coarse voxels into the scene; return its parameter node."""
    return sampledata.loadSample(variant, COARSE)[-1]


def checkRegistration(test, logic) -> None:
    """A preview is not computed with; what is removed leaves everything where it lay."""
    workflow = logic.workflow(sampleNode())
    image = workflow.parameters.sessions[0].image
    before = image.GetTransformNodeID()
    logic.register(workflow.parameters)
    test.assertIs(stateOf(image), State.PREVIEW)
    with test.assertRaises(InputError):
        workflow.compute()
    workflow.registering.accept()
    test.assertIs(stateOf(image), State.ACCEPTED)
    test.assertFalse(workflow.problems())
    workflow.registering.remove()
    test.assertEqual(image.GetTransformNodeID(), before)


def checkOldScene(test, logic) -> None:
    """Parameters that an earlier version did not store are unknown, and the others stay."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.Copy(sampleNode())
    for name in node.GetParameterNames():
        if name.startswith(YOUNG) or ".planar" in name or ".hybrid" in name:
            node.UnsetParameter(name)
    workflow = logic.workflow(node)
    test.assertFalse(workflow.problems())
    test.assertIsNone(workflow.parameters.sessions[0].infusions[0].planarLungsPixels)
    test.assertIsNotNone(workflow.parameters.sessions[0].infusions[0].activityGbq)


def checkDicom(test, logic) -> None:
    """What can't be read changes nothing."""
    before = slicer.mrmlScene.GetNumberOfNodes()
    with tempfile.TemporaryDirectory() as folder, test.assertRaises(InputError):
        logic.loadDicomFolder(folder)
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)


@contextmanager
def _nothingRaised(test):
    """Fail where a slot or an event filter raised: the application only prints it."""
    raised: list[str] = []

    def hook(_kind, error, _traceback) -> None:
        raised.append(repr(error))

    def shown(text, *_arguments, **_options) -> None:
        raised.append(text)

    with mock.patch.object(sys, "excepthook", hook), mock.patch.object(slicer.util, "errorDisplay", shown):
        yield
    test.assertEqual(raised, [])


def checkPanel(test, widget) -> None:
    """Open every section and box, prescribe and undo, type, register and discard."""
    with _nothingRaised(test):
        window = slicer.util.mainWindow()
        if hasattr(window, "moduleSelector"):
            slicer.util.selectModule("Y90Dosimetry")
        else:
            widget.enter()
        panel = widget.panel
        panel.setParameters(panel.logic.getParameterNode(sampleNode()))
        panel.workflow.prepare()
        for step in panel.sections:
            panel.goTo(step)
        panel.refresh()
        _checkPrescription(test, panel)
        _checkLungShunt(test, panel)
        _checkRegistrationBox(test, panel)
        _checkTogether(test, panel)
        slicer.mrmlScene.Clear()
        test.assertIsNotNone(panel.parameters)
        widget.exit()


def _section(panel, name: str):
    return next(section for step, section in panel.sections.items() if step.value == name)


def _checkPrescription(test, panel) -> None:
    section = _section(panel, "prescription")
    panel.openOnly(section.step)
    ui = section.ui
    for box in (ui.limitsBox, ui.vialsBox, ui.comparisonBox, ui.sureBox):
        box.collapsed = False
    section.catchUp()
    test.assertGreater(ui.limitsTable.rowCount, 0)
    test.assertTrue(ui.vialsLabel.text)
    test.assertIn("0", section._picture.names.texts)
    before = section.now.activityGbq
    ui.prescribedSlider.value = before + 0.5
    panel.refresh()
    test.assertLess(abs(section.now.activityGbq - before - 0.5), ui.prescribedSlider.singleStep)
    ui.limitsTable.selectRow(0)
    ui.limitEdit.text = "77"
    panel.refresh()
    test.assertEqual(list(panel.parameters.limits.values()), ["77"])
    for _change in range(2):
        ui.undoPrescriptionButton.click()
    test.assertEqual(len(panel.parameters.limits), 0)
    test.assertAlmostEqual(section.now.activityGbq, before, 6)
    ui.calibrationSdEdit.text = "5"
    panel.refresh()
    ui.sureButton.click()
    test.assertGreater(ui.sureTable.rowCount, 0)


def _checkTogether(test, panel) -> None:
    """Two infusions in one session: their set is drawn."""
    panel.setParameters(panel.logic.getParameterNode(sampleNode("modified_lobectomy")))
    panel.workflow.prepare()
    panel.refresh()
    section = _section(panel, "prescription")
    panel.openOnly(section.step)
    section.ui.togetherBox.collapsed = False
    section.catchUp()
    test.assertIn(_("now"), section.together._picture._names.texts)
    test.assertTrue(section.ui.togetherLabel.text)


def _checkLungShunt(test, panel) -> None:
    panel.openOnly(_section(panel, "treatment").step)
    ui = _section(panel, "treatment").lungShunt.ui
    ui.lungShuntBox.collapsed = False
    for name, text in (("Lungs", "100"), ("Liver", "900")):
        for view in ("Anterior", "Posterior"):
            getattr(ui, f"planar{name}{view}Edit").text = text
    panel.refresh()
    test.assertEqual(ui.planarShuntLabel.text, "10 %")
    ui.planarShuntButton.click()
    test.assertAlmostEqual(panel.parameters.sessions[0].infusions[0].lungShuntFraction, 0.1, 6)


def _checkRegistrationBox(test, panel) -> None:
    panel.openOnly(_section(panel, "images").step)
    ui = _section(panel, "images").registration.ui
    image = panel.parameters.sessions[0].image
    ui.registrationBox.collapsed = False
    ui.registerButton.click()
    test.assertIs(stateOf(image), State.PREVIEW)
    test.assertTrue(ui.registrationResultLabel.text)
    ui.removeRegistrationButton.click()
    test.assertIs(stateOf(image), State.NONE)
