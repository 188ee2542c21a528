"""Studies of other days in the scene: what the parameter node holds becomes the library's time points, no more."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import slicer
from followup_kit import block, line_of, read
from scene_kit import matrix4, volume
from Y90DosimetrySlicer import bridge, followup, followupview, imagefacts, outlines
from Y90DosimetrySlicer.cases import Section, Sources, caseOf, problemsOf
from Y90DosimetrySlicer.parameters import (
    LesionPack,
    Parameters,
    ThrombusPack,
    newParameters,
    newTimePoint,
    rolesOf,
    setFact,
)
from Y90DosimetrySlicer.watch import Change, SceneWatch
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib import engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.phantom.followup import STEPS
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.timepoints import TimeKind

# From packs to time points


def test_without_a_study_the_case_has_no_time_point(scene) -> None:
    assert caseOf(newParameters()).time_points == ()


def test_everything_of_a_study_gets_into_the_case(scene) -> None:
    p = newParameters()
    node, liver = block("Liver")
    pack = newTimePoint(
        "Month 3",
        "2026-06-04",
        segmentation=node,
        roles={liver: "liver"},
        volumesMl={"flr": "2.5"},
        lesions=[LesionPack(lesion="Tumor 1", viableMm=12.0, wholeMm=30.0, isTreated="yes", isTarget="no")],
        thrombi=[ThrombusPack(thrombus="PVTT", enhances="no", diameterMm=9.0, extends="no", grade="VP3")],
        newLesions="no",
    )
    p.timePoints.append(pack)
    p.timePoints[0].patient.weightKg = 70.0
    p.timePoints[0].patient.ascites = "slight"
    setFact(p.timePoints[0], "extrahepatic_disease", False)
    (point,) = caseOf(p).time_points
    assert (point.label, point.on, point.kind) == ("Month 3", date(2026, 6, 4), TimeKind.FOLLOW_UP)
    assert point.one(Role.LIVER).volume_ml == pytest.approx(8.0)
    assert point.volumes_ml == {Role.FLR: 2.5}
    assert (point.patient.weight_kg, point.patient.ascites.value, point.patient.height_cm) == (70.0, "slight", None)
    (lesion,), (thrombus,) = point.lesions, point.thrombi
    assert (lesion.viable_mm, lesion.longest_mm, lesion.is_treated, lesion.is_target) == (12.0, 30.0, True, False)
    assert lesion.progresses is None and not lesion.is_new
    assert (thrombus.enhances, thrombus.extends_proximally, thrombus.grade) == (False, False, "VP3")
    assert thrombus.is_treated is None
    assert point.new_lesions is False and point.facts == {"extrahepatic_disease": False}


def test_studies_stand_in_the_order_of_their_days_however_they_were_added(scene) -> None:
    p = newParameters()
    for label, day in (("B", "2026-09-01"), ("A", "2026-04-01")):
        p.timePoints.append(newTimePoint(label, day))
    assert [point.label for point in caseOf(p).time_points] == ["A", "B"]


def test_a_study_without_a_day_is_left_out_and_named(scene) -> None:
    p = newParameters()
    p.timePoints.append(newTimePoint("Some day"))
    case = caseOf(p)
    assert case.time_points == ()
    assert "Left out, as it has no day: study 'Some day'" in case.notes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"day": "June"}, "study 'A': 'June' is no day"),
        ({"volumesMl": {"flr": "900", "liver": "800"}}, "more than the liver's 800 mL"),
        ({"volumesMl": {"lungs": "900"}}, "volume of Lungs: it is not asked for"),
        ({"lesions": [LesionPack(lesion="T", viableMm=31.0, wholeMm=30.0)]}, "study 'A', lesion 'T': 31 mm are viable"),
        ({"lesions": [LesionPack(lesion="T", viableMm=-1.0)]}, "study 'A', lesion 'T', viable_mm"),
        ({"lesions": [LesionPack(lesion="T"), LesionPack(lesion="T")]}, "lesion 'T' is read twice"),
        ({"thrombi": [ThrombusPack(thrombus="P", grade="VP9")]}, "VP9"),
        ({"modality": "radar"}, "the modality is 'radar'"),
        ({"kind": "someday"}, "'someday' is not known here"),
    ],
)
def test_what_is_impossible_is_said_with_its_study(scene, values, words) -> None:
    p = newParameters()
    p.timePoints.append(newTimePoint(**{"label": "A", "day": "2026-06-04", **values}))
    with pytest.raises(InputError) as error:
        caseOf(p)
    assert words in str(error.value)
    found = problemsOf(p, Sources())
    assert list(found) == [Section.FOLLOW_UP] and words in str(found[Section.FOLLOW_UP])


def test_two_studies_of_one_name_and_two_baselines_are_refused(scene) -> None:
    p = newParameters()
    for label in ("A", "A"):
        p.timePoints.append(newTimePoint(label, "2026-06-04"))
    assert "two are named 'A'" in str(problemsOf(p, Sources())[Section.FOLLOW_UP])
    p.timePoints[1].label = "B"
    for pack in p.timePoints:
        pack.kind = "baseline"
    assert "2 are the baseline: A, B" in str(problemsOf(p, Sources())[Section.FOLLOW_UP])


def test_a_volume_is_typed_or_outlined_and_never_both(scene) -> None:
    p = newParameters()
    node, liver = block("Liver")
    p.timePoints.append(newTimePoint("A", "2026-06-04", segmentation=node, roles={liver: "liver"}))
    followup.setVolume(p.timePoints[0], Role.LIVER, 1200.0)
    assert "typed and outlined" in str(problemsOf(p, Sources())[Section.FOLLOW_UP])
    followup.setVolume(p.timePoints[0], Role.LIVER, None)
    assert not problemsOf(p, Sources())


def test_a_baseline_after_the_treatment_is_refused(course) -> None:
    read(course, "Before treatment").day = "2026-05-01"
    assert "lies after the last infusion" in str(problemsOf(course, Sources())[Section.FOLLOW_UP])


# Outlines


def test_a_role_comes_from_the_codes_unless_the_user_says_otherwise(scene) -> None:
    p = newParameters()
    node, cube = block("Cube")
    node.GetSegmentation().GetSegment(cube).SetTag(
        outlines.TERMINOLOGY_TAG, outlines.TERMINOLOGY[Role.FLR].serialized()
    )
    p.timePoints.append(newTimePoint("A", "2026-06-04", segmentation=node))
    assert followup.rolesOfPoint(p.timePoints[0]) == {cube: Role.FLR}
    p.timePoints[0].roles[cube] = "tumor"
    assert followup.rolesOfPoint(p.timePoints[0]) == {cube: Role.TUMOR}
    p.timePoints[0].roles[cube] = followup.NO_ROLE
    assert followup.rolesOfPoint(p.timePoints[0]) == {}


def test_a_name_alone_gives_no_role(scene) -> None:
    p = newParameters()
    node, _liver = block("Liver")
    p.timePoints.append(newTimePoint("A", "2026-06-04", segmentation=node))
    assert caseOf(p).time_points[0].structures == ()


def test_an_empty_segment_is_left_out_and_named(scene) -> None:
    p = newParameters()
    node, liver = block("Liver")
    tumor = outlines.newSegment(node, Role.TUMOR, "Tumor 1", [])
    p.timePoints.append(newTimePoint("A", "2026-06-04", segmentation=node, roles={liver: "liver", tumor: "tumor"}))
    case = caseOf(p)
    assert [s.label for s in case.time_points[0].structures] == ["Liver"]
    assert "Study 'A': left out, as nothing is drawn in them: Tumor 1" in case.notes


def test_made_structures_have_the_names_and_roles_of_the_planning_study(course) -> None:
    course.timePoints.append(newTimePoint("Month 9", "2026-12-04"))
    index = len(course.timePoints) - 1
    outlines.createStudyOutlines(course, index)
    pack = course.timePoints[index]
    segments = pack.segmentation.GetSegmentation()
    made = {segments.GetSegment(id_).GetName(): role for id_, role in followup.rolesOfPoint(pack).items()}
    planned = course.segmentation.GetSegmentation()
    wanted = {
        planned.GetSegment(id_).GetName(): role
        for id_, role in rolesOf(course).items()
        if role not in outlines.NOT_FOLLOWED
    }
    assert made == wanted and Role.TUMOR in made.values() and Role.LUNGS not in made.values()
    assert caseOf(course).time_points[-1].structures == ()


def test_only_what_changed_is_measured_again(course, monkeypatch) -> None:
    workflow = Workflow(course)
    workflow.prepare()
    made, drawn = [], []
    original, volumes = bridge.structuresOf, engine.volumes_of_point

    def structuresOf(node, roles, reference=None):
        drawn.extend(roles)
        return original(node, roles, reference)

    monkeypatch.setattr(bridge, "structuresOf", structuresOf)
    monkeypatch.setattr(engine, "volumes_of_point", lambda point: made.append(point.label) or volumes(point))
    course.timePoints[1].patient.weightKg = 80.0
    workflow.live()
    assert (made, drawn) == ([], []), "a weight needs no outline"
    segments = read(course, "Month 3").segmentation
    liver = segments.GetSegmentation().GetNthSegmentID(0)
    segments.GetSegmentation().GetSegment(liver).GetRepresentation(bridge.BINARY_LABELMAP).Modified()
    workflow.live()
    assert (made, drawn) == (["Month 3"], [liver])


def test_a_study_that_changes_leaves_the_planning_study_measured(course, monkeypatch) -> None:
    workflow = Workflow(course)
    workflow.prepare()
    monkeypatch.setattr(engine, "prepare", None)
    followup.setVolume(read(course, "Before treatment"), Role.LIVER, 1500.0)
    del course.timePoints[3]
    assert workflow.isPrepared()
    assert [s.label for s in workflow.live().follow_up.studies.later] == ["Month 1", "Month 3"]


# Scene


def test_a_saved_scene_brings_back_studies_readings_and_lines(application, tmp_path, course) -> None:
    line_of(course, "Month 3", 17.0)
    setFact(course.timePoints[2], "pve_planned", True)
    followup.setVolume(course.timePoints[0], Role.FLR, 555.5)
    before = followupview.remnantRows(Workflow(course).live().follow_up.remnant)
    application.save(tmp_path / "scene.mrb")
    application.close_scene()
    application.load(tmp_path / "scene.mrb")
    (node,) = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    after = Parameters(node)
    points = caseOf(after).time_points
    assert [point.label for point in points] == ["Before treatment", "Month 1", "Month 3", "Month 6"]
    assert points[2].lesions[0].viable_mm == pytest.approx(17.0)
    assert points[2].facts == {"pve_planned": True} and points[0].volumes_ml == {Role.FLR: 555.5}
    assert points[1].patient == STEPS[0].patient
    assert followupview.remnantRows(Workflow(after).live().follow_up.remnant) == before


def test_changes_of_a_study_are_told(course) -> None:
    line = line_of(course, "Month 3", 17.0)
    told: list[Change] = []
    watch = SceneWatch(course, told.append)
    line.SetNthControlPointPosition(1, 0.0, 0.0, 5.0)
    assert set(told) == {Change.VALUES}
    told.clear()
    node = read(course, "Month 6").segmentation
    node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").Modified()
    assert set(told) == {Change.STRUCTURES}
    told.clear()
    slicer.mrmlScene.RemoveNode(line)
    assert Change.VALUES in told
    told.clear()
    other = line_of(course, "Month 6", 5.0)
    told.clear()
    other.SetNthControlPointPosition(1, 0.0, 0.0, 5.0)
    assert Change.VALUES in told, "a line that was added later is followed as well"
    watch.stop()


def test_cts_with_a_day_are_suggested_as_studies_and_those_in_use_are_not(scene, monkeypatch) -> None:
    p = newParameters()
    p.ct = volume(np.full((3, 3, 3), -1000, np.int16), matrix4(), "Planning CT")
    later = volume(np.full((3, 3, 3), -1000, np.int16), matrix4(), "CT month 3")
    sooner = volume(np.full((3, 3, 3), -1000, np.int16), matrix4(), "CT month 1")
    spect = volume(np.ones((3, 3, 3), np.float32), matrix4(), "SPECT")
    volume(np.full((3, 3, 3), -1000, np.int16), matrix4(), "CT of unknown day")
    days = {later: "2026-06-04T10:00:00", sooner: "2026-04-04T10:00:00+02:00", spect: "2026-03-04T10:00:00"}
    original = imagefacts.factsOfImage
    facts = {node: imagefacts.replace(original(node), acquiredAt=text) for node, text in days.items()}
    monkeypatch.setattr(imagefacts, "factsOfImage", lambda node: facts.get(node) or original(node))
    found = followup.suggestions(followup.unusedVolumes(p))
    assert [(s.ct.GetName(), s.day) for s in found] == [
        ("CT month 1", date(2026, 4, 4)),
        ("CT month 3", date(2026, 6, 4)),
    ]
    followup.addTimePoint(p, found[0].day.isoformat(), found[0].ct)
    assert [s.ct for s in followup.suggestions(followup.unusedVolumes(p))] == [later]
    (point,) = caseOf(p).time_points
    assert (point.on, point.modality, point.ct is not None) == (date(2026, 4, 4), "contrast_ct", True)


def test_the_baseline_takes_the_stated_day_of_imaging(scene) -> None:
    p = newParameters()
    setFact(p, "baseline_imaging_date", date(2026, 2, 16))
    followup.addBaseline(p, {"baseline_imaging_date": date(2026, 2, 16)})
    (point,) = caseOf(p).time_points
    assert (point.on, point.kind) == (date(2026, 2, 16), TimeKind.BASELINE)


def test_removing_a_study_leaves_the_others_whole(course) -> None:
    line_of(course, "Month 6", 4.0)
    del course.timePoints[1]
    points = caseOf(course).time_points
    assert [point.label for point in points] == ["Before treatment", "Month 3", "Month 6"]
    assert points[2].lesions[0].viable_mm == pytest.approx(4.0)
    assert points[1].structures and not [
        name for name in course.parameterNode.GetParameterNames() if name.startswith("timePoints.3")
    ]
