"""Registration in the scene: the image comes to lie where it belongs, previews are not computed with, reversible."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from scene_kit import bending, linear, matrix4, turned, worldOf
from Y90DosimetrySlicer import bridge
from Y90DosimetrySlicer.cases import Section
from Y90DosimetrySlicer.parameters import Parameters
from Y90DosimetrySlicer.previews import State, stateOf, transformOf
from Y90DosimetrySlicer.registering import foundOf, reasonAgainstAccepting

from Y90DosimetryLib.checks import Outcome
from Y90DosimetryLib.errors import Cancelled, InputError
from Y90DosimetryLib.registration import Kind
from Y90DosimetryLib.structures import Role

TURN, SHIFT = turned(4.0, (0.2, 0.3, 1.0)), np.array([6.0, -9.0, 14.0])
"""How the body lay on the other scanner, in RAS."""


def displaced(volume) -> None:
    """Let a volume have been made of the body as it lay on the other scanner: its header says so."""
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = TURN, SHIFT
    matrix = matrix4()
    volume.GetIJKToRASMatrix(matrix)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(move @ slicer.util.arrayFromVTKMatrix(matrix)))


def corners(volume) -> np.ndarray:
    """Where Slicer shows the middle of a volume and points around it."""
    nx, ny, nz = volume.GetImageData().GetDimensions()
    return np.array(
        [worldOf(volume, (i * nx, j * ny, k * nz)) for i in (0.3, 0.7) for j in (0.3, 0.7) for k in (0.3, 0.7)]
    )


@pytest.fixture
def image(parameters):
    return parameters.sessions[0].image


@pytest.fixture
def hybrid(parameters, image):
    """A hybrid CT: a copy of the CT; it and the SPECT lie where the other scanner saw them."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT of the SPECT/CT")
    bridge.writeImage(bridge.imageOf(parameters.ct), node)
    parameters.sessions[0].hybridCt = node
    return node


@pytest.fixture
def apart(image, hybrid):
    """Where both should come to lie; then they are displaced."""
    where = corners(image)
    for node in (image, hybrid):
        displaced(node)
    return where


@pytest.fixture
def previewed(workflow, apart):
    """Registered, not accepted yet."""
    workflow.registering.register()
    return workflow


def raised(workflow) -> set[str]:
    return {r.check.id for r in workflow.registering.checks() if r.outcome is Outcome.RAISED}


def snapshot(*volumes) -> list:
    """The voxels and the own geometry of volumes."""
    return [
        (slicer.util.arrayFromVolume(v).copy(), slicer.util.arrayFromVTKMatrix(_ijkToRas(v)), v.GetTransformNodeID())
        for v in volumes
    ]


def _ijkToRas(volume):
    matrix = matrix4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def assert_same(before: list, after: list) -> None:
    for (voxels, matrix, parent), (voxels2, matrix2, parent2) in zip(before, after, strict=True):
        assert np.array_equal(voxels, voxels2) and np.array_equal(matrix, matrix2) and parent == parent2


def test_the_image_comes_to_lie_where_it_belongs_and_its_voxels_stay(workflow, image, hybrid, apart) -> None:
    before = snapshot(image, hybrid)
    found = workflow.registering.register()
    assert np.abs(corners(image) - apart).max() < 2.0
    assert found.distance_mm > 8.0 and found.rotation_deg == pytest.approx(4.0, abs=0.5)
    node = transformOf(image)
    assert node.GetClassName() == "vtkMRMLLinearTransformNode" and hybrid.GetParentTransformNode() is node
    assert "PREVIEW, not accepted" in node.GetName()
    for (voxels, matrix, _), (voxels2, matrix2, _) in zip(before, snapshot(image, hybrid), strict=True):
        assert np.array_equal(voxels, voxels2) and np.array_equal(matrix, matrix2), "nothing is hardened"


def test_nothing_is_computed_from_a_preview_and_it_says_why(previewed) -> None:
    with pytest.raises(InputError, match="is a preview.*Accept or discard it, in Images"):
        previewed.compute()
    assert "is a preview" in str(previewed.problems()[Section.IMAGES])
    previewed.registering.accept()
    assert previewed.problems() == {}
    assert previewed.compute().dose_map is not None
    assert previewed.parameters.doseVolume.GetParentTransformNode() is None


def test_doses_with_an_accepted_registration_are_those_of_an_image_that_never_lay_elsewhere(
    parameters, workflow, hybrid
):
    def lowest_gy():
        values = {m.measure_id: m.value for m in workflow.live().measurements}
        return values["tumor_lowest_dose_gy.multicompartment"]

    image = parameters.sessions[0].image
    right_gy = lowest_gy()
    for node in (image, hybrid):
        displaced(node)
    wrong_gy = lowest_gy()
    workflow.registering.register()
    workflow.registering.accept()
    assert abs(lowest_gy() / right_gy - 1) < 0.05 < abs(wrong_gy / right_gy - 1)


@pytest.mark.parametrize(
    ("accepted", "above"), [(False, False), (True, True)], ids=["discarded", "undone, under a transform of the user"]
)
def test_discard_and_undo_restore_the_transforms_exactly(workflow, image, hybrid, apart, accepted, above) -> None:
    if above:
        parent = linear(matrix4(turned(25.0, (1, 1, 0)), origin=(30.0, 5.0, -12.0)), "Mine")
        for node in (image, hybrid, workflow.parameters.ct, workflow.parameters.segmentation):
            node.SetAndObserveTransformNodeID(parent.GetID())
        apart = np.array([parent_point(parent, p) for p in apart])
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    before = snapshot(image, hybrid)
    workflow.registering.register()
    assert np.abs(corners(image) - apart).max() < 2.0, "also where everything lies under a transform"
    if accepted:
        workflow.registering.accept()
    workflow.registering.remove()
    assert_same(before, snapshot(image, hybrid))
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes and stateOf(image) is State.NONE


def parent_point(node, point) -> np.ndarray:
    matrix = matrix4()
    node.GetMatrixTransformToWorld(matrix)
    return np.array(matrix.MultiplyPoint((*point, 1.0))[:3])


def test_a_registration_is_saved_with_the_scene_and_undone_after_loading(
    application, previewed, image, tmp_path
) -> None:
    previewed.registering.accept()
    shown, found = corners(image), foundOf(image)
    application.save(tmp_path / "case.mrb")
    application.close_scene()
    application.load(tmp_path / "case.mrb")
    node = next(n for n in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode") if n.GetAttribute("ModuleName"))
    from Y90DosimetrySlicer.workflow import Workflow

    loaded = Workflow(Parameters(node))
    pack = loaded.parameters.sessions[0]
    assert pack.hybridCt.GetName() == "CT of the SPECT/CT"
    assert stateOf(pack.image) is State.ACCEPTED
    assert np.abs(corners(pack.image) - shown).max() < 1e-3
    again = foundOf(pack.image)
    assert (again.moved_mm, again.kind, again.dice_after_fraction) == (
        found.moved_mm,
        found.kind,
        found.dice_after_fraction,
    )
    assert "registration_stale" not in raised(loaded), "a file rounds, and this is no change"
    loaded.registering.remove()
    assert pack.image.GetParentTransformNode() is None and pack.hybridCt.GetParentTransformNode() is None


def test_cancel_leaves_the_scene_as_it_was(workflow, image, hybrid, apart) -> None:
    def stop(fraction, _doing):
        if fraction > 0.4:
            raise Cancelled("registration")

    before, nodes = snapshot(image, hybrid), slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(Cancelled):
        workflow.registering.register(progress=stop)
    assert_same(before, snapshot(image, hybrid))
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_a_change_of_an_image_makes_it_stale_and_a_missing_one_is_a_note(workflow, image, apart) -> None:
    assert raised(workflow) == {"registration_missing"}
    workflow.registering.register()
    workflow.registering.accept()
    assert raised(workflow) == set()
    move = transformOf(image)
    matrix = matrix4()
    move.GetMatrixTransformToParent(matrix)
    matrix.SetElement(0, 3, matrix.GetElement(0, 3) + 3.0)
    move.SetMatrixTransformToParent(matrix)
    assert raised(workflow) == {"registration_stale"}, "the user moved it by hand"


def test_a_liver_on_the_hybrid_ct_gives_dice_and_moves_along(workflow, hybrid, image, apart) -> None:
    parameters = workflow.parameters
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "On the hybrid CT")
    own.CreateDefaultDisplayNodes()
    liver = next(s for s in workflow.case().structures if s.role is Role.LIVER)
    bridge.writeMask(own, own.GetSegmentation().AddEmptySegment("", "Liver"), liver.mask)
    placed = linear(slicer.util.vtkMatrixFromArray(np.vstack([np.c_[TURN, SHIFT], [0, 0, 0, 1]])))
    own.SetAndObserveTransformNodeID(placed.GetID())
    own.HardenTransform()
    parameters.sessions[0].hybridLiver = own
    found = workflow.registering.register()
    assert found.dice_before_fraction < 0.9 < 0.95 < found.dice_after_fraction
    assert own.GetParentTransformNode() is transformOf(image)


def test_a_spline_is_shown_and_can_not_be_accepted(workflow, hybrid, image, apart) -> None:
    found = workflow.registering.register(kind=Kind.BSPLINE)
    node = transformOf(image)
    assert node.GetClassName() == "vtkMRMLTransformNode" and not node.IsTransformToWorldLinear()
    assert np.abs(corners(image) - apart).max() < 6.0
    liver = workflow.parameters.ct
    for index in ((30, 30, 20), (50, 40, 25)):
        point = worldOf(liver, index)
        lps = (-point[0], -point[1], point[2])
        there = found.transform.TransformPoint(lps)
        back = [0.0, 0.0, 0.0]
        node.GetTransformFromParent().TransformPoint(point, back)
        assert np.abs(np.array([-there[0], -there[1], there[2]]) - back).max() < 0.3, "the node is the library's"
    assert "only a rigid registration keeps counts" in reasonAgainstAccepting(image)
    with pytest.raises(InputError, match="Discard it and register rigidly"):
        workflow.registering.accept()
    assert "registration_not_rigid" in raised(workflow)
    workflow.registering.remove()
    assert image.GetParentTransformNode() is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda p: setattr(p, "ct", None), "CT or image are not chosen"),
        (lambda p: setattr(p.sessions[0], "hybridCt", p.ct), "can't be registered to themselves"),
        (lambda p: setattr(p.sessions[0], "hybridLiver", p.segmentation), "can't be registered to themselves"),
        (lambda p: p.sessions[0].image.SetAndObserveTransformNodeID(linear(matrix4()).GetID()), "different transforms"),
        (lambda p: p.sessions.clear(), "no image to register"),
    ],
)
def test_what_can_not_be_registered_is_refused_beforehand(workflow, hybrid, wrong, says) -> None:
    wrong(workflow.parameters)
    assert says in workflow.registering.reasonAgainst(0)
    with pytest.raises(InputError, match=says):
        workflow.registering.register()


def test_what_lies_under_a_bending_transform_is_refused_as_everywhere(workflow, image) -> None:
    image.SetAndObserveTransformNodeID(bending().GetID())
    with pytest.raises(InputError, match="which bends"):
        workflow.registering.register()


def test_without_a_hybrid_ct_the_counts_are_matched_and_this_is_said(workflow, image) -> None:
    found = workflow.registering.register()
    assert found.guide.value == "counts_to_ct"
    assert "registration_by_counts" in raised(workflow)
    assert sitk.GetArrayFromImage(bridge.imageOf(image)).sum() == pytest.approx(
        slicer.util.arrayFromVolume(image).sum(), rel=1e-9
    )
