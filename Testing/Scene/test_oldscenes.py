"""A scene that was saved before there were studies of other days, prescriptions and registrations opens as it was."""

from __future__ import annotations

import re

import pytest
import slicer
from Y90DosimetrySlicer.oldscenes import parametersOfNode
from Y90DosimetrySlicer.parameters import SettingsPack

import Y90Dosimetry as module

YOUNGER = re.compile(
    r"(readingNotes|timePoints|outcome|prescription|limits|stated)\..*"
    r"|settings\.shuntMarginMm|sessions\.\d+\.hybrid\w+|sessions\.\d+\.infusions\.\d+\.planar\w+\.\d"
)
"""What the first version did not store."""


def parametersIn(node) -> dict[str, str]:
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


@pytest.fixture
def old(parameters):
    """The parameter node of the digital patient as the first version wrote it, and what it held."""
    parameters.settings.liverDensityGMl = 1.1
    parameters.settings.lungMassG = 900.0
    parameters.sessions[0].infusions[0].lungShuntFraction = 0.031
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.Copy(parameters.parameterNode)
    young = [name for name in node.GetParameterNames() if YOUNGER.fullmatch(name)]
    assert len(young) > 9 * len(list(parameters.sessions[0].infusions))
    for name in young:
        node.UnsetParameter(name)
    return node, parametersIn(node)


def test_what_an_old_scene_holds_is_kept_and_what_it_lacks_is_unknown(old) -> None:
    node, before = old
    found = parametersOfNode(node)
    assert found.settings.liverDensityGMl == 1.1
    assert found.settings.shuntMarginMm == 20.0
    assert list(found.timePoints) == [] and dict(found.limits) == {}
    assert list(found.outcome.pathology) == [] and found.outcome.diedOn == ""
    infusion = found.sessions[0].infusions[0]
    assert infusion.lungShuntFraction == 0.031
    assert infusion.planarLungsAnteriorCounts is None and infusion.planarLungsPixels is None
    assert found.sessions[0].hybridCt is None
    after = parametersIn(node)
    assert {name: after[name] for name in before} == before


def test_an_old_scene_can_be_worked_with(old) -> None:
    node, _before = old
    workflow = module.Y90DosimetryLogic().workflow(node)
    assert workflow.problems() == {}
    workflow.parameters.sessions[0].infusions[0].planarLungsPixels = 400
    workflow.parameters.settings.shuntMarginMm = 10.0
    assert workflow.parameters.sessions[0].infusions[0].planarLungsPixels == 400
    assert workflow.live().findings


def test_a_pack_whose_first_member_is_younger_keeps_the_others(old) -> None:
    node, _before = old
    for name in ("settings.joulePerGbq", "sessions.0.label"):
        node.UnsetParameter(name)
    found = parametersOfNode(node)
    assert found.settings.liverDensityGMl == 1.1
    assert found.settings.joulePerGbq == SettingsPack().joulePerGbq
    assert found.sessions[0].label == ""
    assert found.sessions[0].infusions[0].lungShuntFraction == 0.031


def test_a_scene_of_today_is_not_touched(parameters) -> None:
    node = parameters.parameterNode
    events: list[str] = []
    node.AddObserver("ModifiedEvent", lambda _caller, event: events.append(event))
    parametersOfNode(node)
    assert events == []


def test_a_number_that_is_none_makes_only_its_own_field_unknown(parameters) -> None:
    parameters.patient.weightKg, parameters.patient.heightCm = 70.0, 174.0
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.Copy(parameters.parameterNode)
    weight = next(name for name in node.GetParameterNames() if name.startswith("patient.weightKg"))
    for name, text in ((weight, "seventy"), ("scenario", "two"), ("settings.halfLifeH", "long")):
        node.SetParameter(name, text)
    found = parametersOfNode(node)
    assert found.patient.weightKg is None and found.patient.heightCm == 174.0
    assert found.scenario == 0 and found.settings.halfLifeH == SettingsPack().halfLifeH
    assert len(list(found.sessions)) == len(list(parameters.sessions))
    said = " ".join(found.readingNotes)
    assert all(f"'{text}'" in said for text in ("seventy", "two", "long")), said
