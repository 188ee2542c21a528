"""The module itself: its logic from the Python console, its sample data, and the test the application runs."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import slicer
from Y90DosimetrySlicer import sampledata

import Y90Dosimetry as module
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.phantom import PhantomSettings

COARSE = PhantomSettings(
    ct_spacing_mm=(4.0, 4.0, 6.0), spect_spacing_mm=(8.8, 8.8, 8.8), pet_spacing_mm=(8.0, 8.0, 6.0)
)


def test_the_test_of_the_application_passes_here_too(application) -> None:
    module.Y90DosimetryTest().runTest()


def test_the_logic_assesses_what_the_parameter_node_holds_or_any_case(parameters, patient) -> None:
    logic = module.Y90DosimetryLogic()
    held = logic.assess()
    given = logic.assess(patient.case())
    assert [m.value for m in held.measurements] == [m.value for m in given.measurements]
    assert [m.value for m in logic.assess(parameters).measurements] == [m.value for m in given.measurements]


def test_an_empty_scene_gives_one_clear_message(scene) -> None:
    with pytest.raises(InputError, match="no structure has the role liver"):
        module.Y90DosimetryLogic().assess()


def test_the_lines_of_the_docstring_work(scene, monkeypatch) -> None:
    logic = module.Y90DosimetryLogic()
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda name: {"Y90Dosimetry": logic}[name])
    lines = [
        line.split(">>> ", 1)[1].split("  # doctest")[0]
        for line in module.Y90DosimetryLogic.__doc__.splitlines()
        if ">>>" in line
    ]
    assert len(lines) == 3
    said: list[str] = []
    names = {"slicer": slicer, "print": lambda told: said.append(str(told))}
    for line in lines:
        exec(line, names)
    assert "Perfused normal liver" in said[0] and len(said[0].splitlines()) < 20


def test_a_case_is_assessed_by_its_name(parameters) -> None:
    logic = module.Y90DosimetryLogic()
    logic.newCase("Second")
    assert logic.assess(parameters.caseLabel).case.label == logic.assess().case.label == parameters.caseLabel
    with pytest.raises(InputError, match="0 cases are named 'Third'"):
        logic.assess("Third")


@pytest.mark.parametrize("sample", sampledata.SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_is_complete_and_its_nodes_lie_under_one_patient(scene, sample) -> None:
    ct, image, segmentation, *later, node = sampledata.loadSample(sample.variant, COARSE, sample.isOverTime)
    workflow = module.Y90DosimetryLogic().workflow(node)
    assert workflow.problems() == {}
    assert workflow.parameters.ct is ct
    assert workflow.live().findings
    assert (workflow.live().follow_up is not None) is sample.isOverTime and len(later) == 3 * sample.isOverTime
    assert workflow.factsOfImage(ct).values == "hu"
    assert workflow.factsOfImage(image).values == workflow.parameters.sessions[0].values
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    studies = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(n)) for n in (ct, image, segmentation, *later)}
    assert len(studies) == 1
    assert hierarchy.GetItemParent(studies.pop()) != hierarchy.GetSceneItemID()


def test_the_samples_are_registered_with_and_without_titles_of_categories(scene, monkeypatch) -> None:
    registered: list[dict] = []

    class Old:
        @staticmethod
        def registerCustomSampleDataSource(**values):
            registered.append(values)

    class New(Old):
        @staticmethod
        def registerCustomSampleDataCategory(category, title):
            registered.append({"category": category, "title": title})

    count = len(sampledata.SAMPLES)
    for logic, entries in ((Old, count), (New, count + 1)):
        registered.clear()
        monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
        module.registerSampleData()
        assert len(registered) == entries
        assert {entry["category"] for entry in registered} == {"Y90Dosimetry"}
    monkeypatch.setattr(sampledata, "loadSample", lambda variant, _settings, over, _progress: [(variant, over)])
    monkeypatch.setattr(sampledata, "parametersOfNode", lambda node: node)
    shown: list[tuple] = []
    monkeypatch.setattr(sampledata.views, "showCase", shown.append)
    made = [entry["customDownloader"](None)[0] for entry in registered if "customDownloader" in entry]
    assert made == shown == [(sample.variant, sample.isOverTime) for sample in sampledata.SAMPLES]


def test_a_second_case_is_a_node_of_its_own_and_the_first_stays_the_default(parameters) -> None:
    logic = module.Y90DosimetryLogic()
    second = logic.newCase("Second")
    assert [p.caseLabel for p in logic.cases()] == ["Digital patient, lobectomy", "Second"]
    assert logic.getParameterNode().parameterNode is parameters.parameterNode
    assert logic.workflow(second) is logic.workflow(second.parameterNode)
    assert logic.workflow(second) is not logic.workflow()


def test_after_closing_the_scene_a_new_case_starts_empty(application, parameters) -> None:
    logic = module.Y90DosimetryLogic()
    first = logic.workflow()
    first.live()
    application.close_scene()
    assert logic.cases() == []
    after = logic.workflow()
    assert after is not first
    assert after.parameters.ct is None
    assert len(after.parameters.sessions) == 0


def test_the_module_tells_its_category_and_waits_for_the_start(scene, monkeypatch) -> None:
    waiting: list = []
    monkeypatch.setattr(slicer.app, "connect", lambda *pair: waiting.append(pair))
    parent = SimpleNamespace(path=module.__file__)
    module.Y90Dosimetry(parent)
    assert parent.categories == ["Nuclear Medicine"]
    assert parent.title == "Y90 Dosimetry"
    assert waiting == [("startupCompleted()", module.registerSampleData)]
