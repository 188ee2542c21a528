"""A saved scene remembers every choice; what is unknown stays unknown; two cases do not mix."""

from __future__ import annotations

from datetime import date

import pytest
import slicer
from Y90DosimetrySlicer.parameters import (
    Parameters,
    factsOf,
    newInfusion,
    newParameters,
    newSession,
    rolesOf,
    segmentName,
    setFact,
    setRole,
)

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role


def filled(label: str = "Case A") -> Parameters:
    p = newParameters(label)
    p.ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    p.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Structures")
    p.segmentation.GetSegmentation().AddEmptySegment("lobe", "Right lobe")
    setRole(p, "lobe", Role.PERFUSED)
    p.patient.weightKg = 74.5
    p.patient.ecog = 1
    p.patient.ascites = "slight"
    p.scenario, p.intent = 3, "palliative"
    for name, value in (("diagnosis", "hcc"), ("previous_y90", False), ("baseline_imaging_date", date(2026, 2, 16))):
        setFact(p, name, value)
    image = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "SPECT")
    p.sessions.append(newSession("Plan", (newInfusion("Right vial", "lobe", activityGbq=3.25),), image=image))
    p.sessions[0].infusions.append(newInfusion('Left "vial" & <more>; 50 %', lungShuntFraction=0.04))
    p.sessions.append(newSession("Delivered", (newInfusion("Right vial", "lobe"),), basis="delivered", delivers="Plan"))
    p.settings.lungMassG = None
    p.display.doseMaximumGy = 400.0
    p.isodosesGy = [100.0, 205.0]
    p.computedFrom = '{"treatment": {"name": "", "print": "ab cd"}}'
    return p


def stored(parameters: Parameters) -> dict[str, str]:
    node = parameters.parameterNode
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_what_nobody_entered_is_unknown(scene) -> None:
    p = newParameters()
    assert p.patient.weightKg is None
    assert p.patient.ascites == ""
    assert p.scenario == 0
    assert factsOf(p) == {}
    assert p.ct is None
    assert len(p.sessions) == 0
    assert p.settings.joulePerGbq == 50.0
    assert list(p.isodosesGy) == [50.0, 120.0, 205.0, 400.0]


def test_a_value_can_be_made_unknown_again_and_zero_is_not_unknown(scene) -> None:
    p = newParameters()
    p.patient.bilirubinUmolL = 0.0
    assert p.patient.bilirubinUmolL == 0.0
    p.patient.bilirubinUmolL = None
    assert p.patient.bilirubinUmolL is None
    setFact(p, "previous_y90", False)
    assert factsOf(p) == {"previous_y90": False}
    setFact(p, "previous_y90", None)
    assert factsOf(p) == {}


def test_a_fact_that_does_not_exist_or_does_not_fit_is_refused(scene) -> None:
    p = newParameters()
    with pytest.raises(InputError, match="unknown fact 'diagnoses'. Did you mean 'diagnosis'"):
        setFact(p, "diagnoses", "hcc")
    with pytest.raises(InputError, match="answer true or false"):
        setFact(p, "previous_y90", "no")
    assert factsOf(p) == {}


def test_a_saved_scene_brings_back_every_choice(application, tmp_path) -> None:
    before = filled()
    texts, facts = stored(before), factsOf(before)
    application.save(tmp_path / "scene.mrb")
    application.close_scene()
    assert not slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    application.load(tmp_path / "scene.mrb")
    (node,) = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    after = Parameters(node)
    assert stored(after) == texts
    assert factsOf(after) == facts
    assert after.ct.GetName() == "CT"
    assert after.sessions[0].image.GetName() == "SPECT"
    assert after.sessions[0].infusions[1].label == 'Left "vial" & <more>; 50 %'
    assert after.sessions[1].infusions[0].activityGbq is None
    assert after.settings.lungMassG is None
    assert rolesOf(after) == {"lobe": Role.PERFUSED}


def test_loading_a_scene_into_one_that_has_a_case_keeps_both_apart(application, tmp_path) -> None:
    first = filled("Case A")
    application.save(tmp_path / "scene.mrb")
    first.patient.weightKg = 90.0
    application.load(tmp_path / "scene.mrb")
    old, new = (Parameters(n) for n in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"))
    assert (old.patient.weightKg, new.patient.weightKg) == (90.0, 74.5)
    assert old.ct is not new.ct
    assert old.sessions[0].image is not new.sessions[0].image
    new.sessions[0].infusions[0].activityGbq = 9.0
    assert old.sessions[0].infusions[0].activityGbq == 3.25


def test_two_sessions_made_without_infusions_do_not_share_a_list(scene) -> None:
    p = newParameters()
    p.sessions.append(newSession("A"))
    p.sessions.append(newSession("B"))
    p.sessions[0].infusions.append(newInfusion("only in A"))
    assert [len(s.infusions) for s in p.sessions] == [1, 0]
    loose = newSession("C")
    loose.infusions.append(newInfusion("only in C"))
    assert not newSession("D").infusions


def test_a_removed_node_becomes_none_and_the_rest_stays(scene) -> None:
    p = filled()
    scene.RemoveNode(p.sessions[0].image)
    scene.RemoveNode(p.ct)
    assert p.ct is None
    assert p.sessions[0].image is None
    assert p.sessions[0].infusions[0].activityGbq == 3.25


def test_roles_follow_a_renamed_segment_and_ignore_a_removed_one(scene) -> None:
    p = filled()
    segmentation = p.segmentation.GetSegmentation()
    segmentation.GetSegment("lobe").SetName("Whole right side")
    assert rolesOf(p) == {"lobe": Role.PERFUSED}
    assert segmentName(p, "lobe") == "Whole right side"
    segmentation.RemoveSegment("lobe")
    assert rolesOf(p) == {}
    assert segmentName(p, "lobe") == ""


def test_taking_a_session_away_leaves_the_others_whole(scene) -> None:
    p = filled()
    del p.sessions[0]
    assert [s.label for s in p.sessions] == ["Delivered"]
    assert p.sessions[0].image is None
    assert not [name for name in p.parameterNode.GetParameterNames() if name.startswith("sessions.1")]


@pytest.mark.parametrize("value", ["heavy", [1.0]])
def test_a_value_of_another_type_is_refused_and_changes_nothing(scene, value) -> None:
    p = filled()
    with pytest.raises((TypeError, ValueError)):
        p.patient.weightKg = value
    assert p.patient.weightKg == 74.5
