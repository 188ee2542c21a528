"""Segments of the treatment: names, colors, codes, layers of their own; helpers that can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from scene_kit import matrix4, segment
from Y90DosimetrySlicer import outlines
from Y90DosimetrySlicer.cases import Sources
from Y90DosimetrySlicer.outcomes import pathologyMadeFor
from Y90DosimetrySlicer.parameters import newParameters, rolesOf
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role


def tag(node, segmentId: str, name: str) -> str:
    value = vtk.reference("")
    node.GetSegmentation().GetSegment(segmentId).GetTag(name, value)
    return str(value)


def idOf(parameters, role: Role) -> str:
    return next(id_ for id_, r in rolesOf(parameters).items() if r is role)


def test_create_the_structures_makes_seven_empty_segments_each_in_its_own_layer(scene) -> None:
    workflow = Workflow(newParameters())
    workflow.createStructures()
    node, ids = workflow.parameters.segmentation, list(workflow.roles())
    segmentation = node.GetSegmentation()
    names = [segmentation.GetSegment(id_).GetName() for id_ in ids]
    assert names == ["Liver", "Perfused right", "Perfused left", "Tumor 1", "PVTT", "FLR", "Lungs"]
    assert segmentation.GetNumberOfLayers() == 7
    assert len({segmentation.GetSegment(id_).GetColor() for id_ in ids}) == 7
    assert "SCT^10200004^Liver" in tag(node, ids[0], "TerminologyEntry")
    assert set(workflow.volumesMl().values()) == {0.0}


def test_create_the_structures_again_adds_nothing_and_keeps_what_is_drawn(workflow) -> None:
    before = workflow.volumesMl()
    assert workflow.createStructures() is None
    assert workflow.volumesMl() == before


def test_create_the_structures_uses_what_is_there_and_can_be_undone(scene) -> None:
    workflow = Workflow(newParameters())
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name in ("Liver", "Lungs", "Margin"):
        node.GetSegmentation().AddEmptySegment("", name)
    workflow.parameters.segmentation = node
    undo = workflow.createStructures()
    names = [
        node.GetSegmentation().GetNthSegment(i).GetName() for i in range(node.GetSegmentation().GetNumberOfSegments())
    ]
    assert names.count("Liver") == names.count("Lungs") == 1 and len(names) == 3 + 5
    assert set(workflow.roles().values()) == {Role.LIVER, Role.LUNGS, Role.PERFUSED, Role.TUMOR, Role.PVTT, Role.FLR}
    undo.restore()
    assert node.GetSegmentation().GetNumberOfSegments() == 3 and workflow.roles() == {}


def test_the_new_segments_lie_on_the_grid_of_the_ct_under_the_same_patient(parameters) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(parameters.segmentation)
    assert hierarchy.GetItemParent(item) == hierarchy.GetItemParent(hierarchy.GetItemByDataNode(parameters.ct))
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    assert parameters.segmentation.GetSegmentation().GetConversionParameter(name)


def test_roles_are_suggested_by_codes_and_names_but_never_taken(scene) -> None:
    workflow = Workflow(newParameters())
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    workflow.parameters.segmentation = node
    ids = {
        n: segment(node, np.ones((2, 2, 2)), matrix4(), n) for n in ("liver", "Segment_2", "tumor1", "spleen", "PVTT")
    }
    neoplasm = "x~SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^~y~SCT^10200004^Liver~^^"
    node.GetSegmentation().GetSegment(ids["Segment_2"]).SetTag("TerminologyEntry", neoplasm)
    suggested = {node.GetSegmentation().GetSegment(i).GetName(): role for i, role in workflow.suggestedRoles().items()}
    assert suggested == {"liver": Role.LIVER, "Segment_2": Role.TUMOR, "tumor1": Role.TUMOR, "PVTT": Role.PVTT}
    assert workflow.roles() == {}


def test_a_role_that_exists_once_is_suggested_once(scene) -> None:
    workflow = Workflow(newParameters())
    node = workflow.parameters.segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    first, second = (segment(node, np.ones((2, 2, 2)), matrix4(), name) for name in ("Liver", "Whole liver"))
    assert workflow.suggestedRoles() == {first: Role.LIVER}
    workflow.setRole(second, Role.LIVER)
    assert workflow.suggestedRoles() == {}


def test_a_role_travels_with_the_segmentation_into_another_scene(parameters) -> None:
    other = Workflow(newParameters("Other"))
    other.parameters.segmentation = parameters.segmentation
    assert other.suggestedRoles() == rolesOf(parameters)


def test_a_tumor_by_threshold_lies_in_the_liver_and_above_the_threshold(workflow) -> None:
    parameters = workflow.parameters
    before = workflow.volumesMl()
    undo = workflow.outliner.tumorByThreshold(0.5)
    drawn = Sources().structures(parameters.segmentation, rolesOf(parameters))
    tumor, liver = drawn[undo.segmentId], drawn[idOf(parameters, Role.LIVER)]
    inside = sitk.Resample(liver.mask, tumor.mask, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert sitk.GetArrayViewFromImage(inside)[sitk.GetArrayViewFromImage(tumor.mask) != 0].all()
    assert 0 < tumor.volume_ml < 0.3 * liver.volume_ml
    others = {id_: ml for id_, ml in workflow.volumesMl().items() if id_ != undo.segmentId}
    assert others == before


def test_a_new_segment_taken_back_is_gone(workflow) -> None:
    before = workflow.volumesMl()
    undo = workflow.outliner.tumorByThreshold(0.5)
    undo.restore()
    assert workflow.volumesMl() == before
    assert undo.segmentId not in workflow.roles()
    assert workflow.parameters.segmentation.GetSegmentation().GetSegment(undo.segmentId) is None


def test_a_changed_segment_taken_back_is_as_it_was(workflow) -> None:
    parameters = workflow.parameters
    lobe = idOf(parameters, Role.PERFUSED)
    before = workflow.volumesMl()
    undo = workflow.outliner.perfusedByThreshold(0.3, lobe)
    assert workflow.volumesMl()[lobe] != before[lobe]
    undo.restore()
    assert workflow.volumesMl() == before
    undo.restore()
    assert workflow.volumesMl() == before


def test_the_remnant_is_the_liver_without_the_resection(workflow) -> None:
    parameters = workflow.parameters
    undo = workflow.outliner.flrFromResection()
    ml = workflow.volumesMl()
    assert undo.segmentId == idOf(parameters, Role.FLR)
    parts = ml[undo.segmentId] + ml[idOf(parameters, Role.PLANNED_RESECTION)]
    assert parts == pytest.approx(ml[idOf(parameters, Role.LIVER)], rel=1e-9)


def test_normal_is_the_perfused_volume_without_lesions_and_a_thrombus_can_leave_the_tumor(workflow) -> None:
    parameters = workflow.parameters
    ml = workflow.volumesMl()
    normal = workflow.outliner.normalFromPerfused()
    assert workflow.roles()[normal.segmentId] is Role.NORMAL_LIVER
    assert 0.8 * ml[idOf(parameters, Role.PERFUSED)] < workflow.volumesMl()[normal.segmentId]
    assert workflow.volumesMl()[normal.segmentId] < ml[idOf(parameters, Role.PERFUSED)]
    thrombus = workflow.outliner.thrombusOutsideTumors()
    assert workflow.volumesMl()[thrombus.segmentId] <= ml[thrombus.segmentId]


def test_a_helper_without_what_it_needs_says_so_and_changes_nothing(scene) -> None:
    workflow = Workflow(newParameters())
    workflow.createStructures()
    before = workflow.parameters.segmentation.GetSegmentation().GetNumberOfSegments()
    with pytest.raises(InputError, match="no liver is outlined"):
        workflow.outliner.flrFromResection()
    with pytest.raises(InputError, match="there is no image of uptake"):
        workflow.outliner.tumorByThreshold(0.4)
    with pytest.raises(InputError, match="'PVTT' is empty"):
        workflow.outliner.thrombusOutsideTumors()
    assert workflow.parameters.segmentation.GetSegmentation().GetNumberOfSegments() == before


def test_the_colors_tell_two_perfused_volumes_apart(scene) -> None:
    parameters = newParameters()
    outlines.createStructures(parameters)
    segmentation = parameters.segmentation.GetSegmentation()
    colors = [segmentation.GetSegment(i).GetColor() for i, r in rolesOf(parameters).items() if r is Role.PERFUSED]
    assert colors[0] != colors[1]


def test_another_segmentation_takes_over_by_names_and_never_by_ids_that_repeat(parameters) -> None:
    before = parameters.segmentation.GetSegmentation()
    perfused = next(id_ for id_, role in rolesOf(parameters).items() if role is Role.PERFUSED)
    tumor = idOf(parameters, Role.TUMOR)
    pathologyMadeFor(parameters, tumor).necrosisFraction = 0.5
    pathologyMadeFor(parameters, idOf(parameters, Role.LIVER)).necrosisFraction = 0.9
    other = outlines.newSegmentation("From another program", parameters.ct)
    content = other.GetSegmentation()
    for id_ in before.GetSegmentIDs():
        name = "Liver" if id_ == tumor else before.GetSegment(tumor).GetName() if id_ == perfused else f"Contour {id_}"
        content.AddEmptySegment(id_, name)
    outlines.useSegmentation(parameters, other)
    assert parameters.segmentation is other
    assert rolesOf(parameters) == {tumor: Role.LIVER, perfused: Role.TUMOR}
    assert parameters.sessions[0].infusions[0].perfusedSegmentId == ""
    stored = {one.segmentId: one.necrosisFraction for one in parameters.outcome.pathology}
    assert stored == {perfused: 0.5, tumor: 0.9}


def test_roles_of_a_deleted_segmentation_do_not_come_back_with_the_next_one(workflow) -> None:
    parameters = workflow.parameters
    outlines.addSegment(parameters, Role.TUMOR, "Late tumor")
    last = list(parameters.segmentation.GetSegmentation().GetSegmentIDs())[-1]
    slicer.mrmlScene.RemoveNode(parameters.segmentation)
    workflow.createStructures()
    assert last not in parameters.segmentation.GetSegmentation().GetSegmentIDs()
    parameters.segmentation.GetSegmentation().AddEmptySegment(last, "A margin")
    assert last not in rolesOf(parameters)
