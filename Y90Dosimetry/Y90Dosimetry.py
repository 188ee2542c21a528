"""Y90Dosimetry: plan a radioembolization of the liver with yttrium-90 glass microspheres, and check what was delivered.

The module, its widget, its logic and its test; what they do stands in the package Y90DosimetrySlicer, and what is
computed in the library Y90DosimetryLib.
"""

import importlib.util
import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if importlib.util.find_spec("Y90DosimetryLib") is None:  # an unbuilt checkout: the library stands beside this folder
    sys.path.append(str(Path(__file__).resolve().parents[1]))


class Y90Dosimetry(ScriptedLoadableModule):
    """What Slicer's module list shows."""

    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Y90 Dosimetry")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Nuclear Medicine")]
        parent.dependencies = []
        parent.contributors = ["Y90Dosimetry contributors"]
        parent.helpText = _(
            "Plans a radioembolization of the liver with yttrium-90 glass microspheres on CT and SPECT, computes "
            "absorbed doses, checks them against published recommendations, and follows the patient afterwards. "
            "Go from the top section to the bottom; every field says in its tooltip what it means. For research use."
        )
        parent.acknowledgementText = _(
            "Recommendations: Salem et al. 2023 and the other sources named beside each finding."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the sample cases to the Sample Data module, once Slicer has started, and let old scenes open."""
    from Y90DosimetrySlicer import layout, sampledata

    sampledata.register()
    layout.registerOldLayout()


class Y90DosimetryWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The shell of the panel: it passes on what the application says."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        super().setup()
        from Y90DosimetrySlicer.widgets.panel import Panel

        self.logic = Y90DosimetryLogic()
        self.panel = Panel(self)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneEndImport)
        if getattr(self.parent, "isEntered", False):  # Reload sets up again without entering again
            self.enter()

    def onReload(self):
        """Read the module's packages anew too: Slicer's Reload reads this file only."""
        for name in list(sys.modules):
            if name.partition(".")[0] in ("Y90DosimetrySlicer", "Y90DosimetryLib"):
                del sys.modules[name]
        super().onReload()

    def enter(self):
        """Tell the panel that the user opened the module."""
        self.panel.enter()

    def exit(self):
        """Tell the panel that the user left the module."""
        self.panel.exit()

    def cleanup(self):
        """Let go of the scene before the module is unloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()

    def _onSceneStartClose(self, _caller, _event):
        self.panel.sceneAboutToClose()
        self.logic.forget()

    def _onSceneEndClose(self, _caller, _event):
        self.panel.sceneClosed()

    def _onSceneEndImport(self, _caller, _event):
        self.panel.sceneImported()


class Y90DosimetryLogic(ScriptedLoadableModuleLogic):
    """What the module can do without its panel, also from the Python console.

    These lines load a sample case, assess it, and say what was found; each works when pasted:

    >>> from Y90DosimetrySlicer.sampledata import loadSample; nodes = loadSample()  # doctest: +SKIP
    >>> assessment = slicer.util.getModuleLogic("Y90Dosimetry").assess()  # doctest: +SKIP
    >>> print(assessment)  # doctest: +SKIP

    Where a scene holds several cases, `assess("name")` names one; without a name it is the one that is shown.
    """

    def __init__(self, parent=None):
        super().__init__(parent)
        from Y90DosimetrySlicer.zones import findZones

        findZones()
        self.isSingletonParameterNode = False  # a scene may hold several cases
        self._workflows = {}

    def getParameterNode(self, node=None):
        """Return the typed parameters of *node*, else of the first case of the scene, else of a new one."""
        return self.workflow(node if node is not None else super().getParameterNode()).parameters

    def newCase(self, label=""):
        """Add a case of its own to the scene; return its parameters."""
        from Y90DosimetrySlicer.parameters import newParameters

        return self.getParameterNode(newParameters(label).parameterNode)

    def cases(self):
        """Return the parameters of every case in the scene."""
        return [self.getParameterNode(node) for node in self.getAllParameterNodes()]

    def workflow(self, parameters=None):
        """Return the workflow of a case (its parameters or its parameter node), of the first one by default."""
        from Y90DosimetrySlicer.oldscenes import parametersOfNode
        from Y90DosimetrySlicer.workflow import Workflow

        if parameters is None:
            parameters = super().getParameterNode()
        node = getattr(parameters, "parameterNode", parameters)
        kept = self._workflows.get(node.GetID())
        if kept is None or kept.parameters.parameterNode is not node:
            self._workflows = {id_: w for id_, w in self._workflows.items() if slicer.mrmlScene.GetNodeByID(id_)}
            kept = self._workflows[node.GetID()] = Workflow(parametersOfNode(node))
        return kept

    def loadDicomFolder(self, folder, choices=None, progress=None):
        """Make a case from a folder of DICOM files, as `y90 case from-dicom` does; return its parameters.

        Nothing that identifies the patient gets into the scene. What was left out, changed or assumed stands in
        the parameters' `readingNotes`.

        Parameters
        ----------
        choices
            A `Y90DosimetryLib.io.dicom_case.Choices`: which series, where the folder leaves a choice.

        Raises
        ------
        InputError
            If the folder can't be read as one case; the scene is then as it was.
        Cancelled
            If *progress* stopped it; the scene is then as it was.
        """
        from Y90DosimetrySlicer import dicomloading

        from Y90DosimetryLib.io.dicom_case import Choices
        from Y90DosimetryLib.progress import silent

        return self.getParameterNode(
            dicomloading.load(Path(folder), choices or Choices(), progress or silent).parameterNode
        )

    def register(self, case=None, sessionIndex=0, kind="rigid", progress=None):
        """Register a session's image to the CT and show it as a preview; return what was found.

        `workflow(case).registering` has `accept`, `remove` (discard or undo) and `checks`.
        """
        from Y90DosimetryLib.progress import silent
        from Y90DosimetryLib.registration import Kind

        return self.workflow(case).registering.register(sessionIndex, Kind(kind), progress or silent)

    def forget(self):
        """Let go of everything that belongs to the scene."""
        self._workflows = {}

    def assess(self, case=None, progress=None):
        """Return the assessment of a case of the library, or of one in the scene: by its name, else the one shown.

        Raises
        ------
        InputError
            If the case is impossible or there is none of that name: what is wrong, where, and what to do.
        """
        from Y90DosimetryLib import assess
        from Y90DosimetryLib.case import Case
        from Y90DosimetryLib.progress import silent

        if case is None or isinstance(case, str):
            case = self._named(case or "")
        if not isinstance(case, Case):
            case = self.workflow(case).case()
        return assess(case, progress or silent)

    def _named(self, name):
        """Return the parameters of the case of a name; without one of the case that is shown, else of the first."""
        from Y90DosimetrySlicer import views
        from Y90DosimetrySlicer.cases import labelOf

        from Y90DosimetryLib.errors import InputError

        cases = self.cases()
        if not name:
            return views.shownCase(cases) or (cases[0] if cases else None)
        found = [case for case in cases if labelOf(case) == name]
        if len(found) != 1:
            raise InputError(
                f"{len(found)} cases are named '{name}'",
                where=_("scene"),
                remedy=_("Take one of: {names}").format(names=", ".join(map(labelOf, cases))),
            )
        return found[0]


class Y90DosimetryTest(ScriptedLoadableModuleTest):
    """The whole workflow on sample cases, checked against the truth of the digital patient; then the panel."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        tests = [self.test_plan, self.test_delivered, self.test_registration, self.test_old_scene, self.test_dicom]
        if hasattr(slicer.modules, "y90dosimetry"):
            tests.append(self.test_panel)
        for test in tests:
            self.setUp()
            test()

    def test_registration(self):
        """A registration is a preview first, and can be undone."""
        from Y90DosimetrySlicer import selftest

        self.delayDisplay(_("Registering an image"))
        selftest.checkRegistration(self, Y90DosimetryLogic())

    def test_old_scene(self):
        """A scene of an earlier version opens."""
        from Y90DosimetrySlicer import selftest

        selftest.checkOldScene(self, Y90DosimetryLogic())

    def test_dicom(self):
        """A folder that holds no DICOM files is refused, and nothing is left in the scene."""
        from Y90DosimetrySlicer import selftest

        selftest.checkDicom(self, Y90DosimetryLogic())

    def test_panel(self):
        """Every section of the panel opens, draws and follows what is typed; needs the module in the application."""
        from Y90DosimetrySlicer import selftest

        if not hasattr(slicer.modules, "y90dosimetry"):
            self.skipTest("the module is not loaded here")
        self.delayDisplay(_("Using the panel"))
        selftest.checkPanel(self, slicer.util.getModuleWidget("Y90Dosimetry"))

    def test_plan(self):
        """The plan, on a MAA SPECT."""
        self._check("lobectomy")

    def test_delivered(self):
        """What was delivered, on a Y-90 PET."""
        self._check("delivered")

    def _check(self, variant):
        """Compare with the truth; the scanner does not blur, so that only its voxels of 4 mm do."""
        from Y90DosimetrySlicer import sampledata

        from Y90DosimetryLib.dosimetry.deposits import Model
        from Y90DosimetryLib.dosimetry.regions import RegionKind
        from Y90DosimetryLib.phantom import PhantomSettings, digital_patient

        self.delayDisplay(_("Making a digital patient"))
        sharp = PhantomSettings(spect_fwhm_mm=0.0, pet_fwhm_mm=0.0, poisson_noise=False)
        *_images, node = sampledata.loadSample(variant, sharp)
        logic = Y90DosimetryLogic()
        workflow = logic.workflow(node)
        self.assertFalse(workflow.problems())

        self.delayDisplay(_("Computing its doses"))
        assessment = workflow.compute()
        truth = digital_patient(sharp, variant).truth()
        kinds = {
            RegionKind.PERFUSED_NORMAL: truth.perfused_normal_gy,
            RegionKind.WHOLE_NORMAL: truth.whole_normal_gy,
            RegionKind.WHOLE_LIVER: truth.whole_liver_gy,
        }
        compared = []
        for region in assessment.regions:
            dose_gy = assessment.doses.dose_gy(Model.MULTI, region.indices)
            true_gy = truth.tumors_gy.get(region.label, kinds.get(region.kind))
            if true_gy is not None:
                self.assertLess(abs(dose_gy - true_gy), 0.1 * true_gy, region.label)
                compared.append(region.label)
        self.assertEqual(len(compared), len(truth.tumors_gy) + len(kinds))
        self.assertTrue(assessment.findings)

        self.delayDisplay(_("Checking the dose volume"))
        volume = workflow.parameters.doseVolume
        self.assertEqual(volume.GetVoxelValueUnits().GetCodeValue(), "Gy")
        self.assertGreater(volume.GetImageData().GetScalarRange()[1], max(truth.tumors_gy.values()) / 2)
        self.assertEqual(workflow.outOfDate(), ())
        workflow.parameters.sessions[0].infusions[0].activityGbq = 1.0
        self.assertEqual(len(workflow.outOfDate()), 1)
