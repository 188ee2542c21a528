"""From the scene to doses and findings: the same numbers as the library alone, quickly, and known when out of date."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from scene_kit import linear, matrix4, turned
from Y90DosimetrySlicer import bridge
from Y90DosimetrySlicer.cases import Section, caseOf
from Y90DosimetrySlicer.parameters import Parameters, newParameters, newSession, rolesOf, segmentName
from Y90DosimetrySlicer.sampledata import parametersOf
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib import assess, engine
from Y90DosimetryLib.checks import run_checks
from Y90DosimetryLib.errors import Cancelled, InputError
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient
from Y90DosimetryLib.structures import Role


def idOf(parameters: Parameters, role: Role) -> str:
    return next(id_ for id_, r in rolesOf(parameters).items() if r is role)


def values(measurements) -> dict:
    return {(m.measure_id, m.about): m.value for m in measurements}


def pierce(parameters: Parameters, segmentId: str) -> None:
    """Make a hole of one voxel in the middle of a segment: its box stays."""
    node = parameters.segmentation
    labelmap = node.GetSegmentation().GetSegment(segmentId).GetRepresentation(bridge.BINARY_LABELMAP)
    array = bridge._voxels(labelmap)
    middle = np.argwhere(array).mean(axis=0).round().astype(int)
    assert array[tuple(middle)]
    array[tuple(middle)] = 0
    labelmap.Modified()


def shave(parameters: Parameters, segmentId: str) -> None:
    """Take one slab off a segment, as a user would with the eraser."""
    node = parameters.segmentation
    labelmap = node.GetSegmentation().GetSegment(segmentId).GetRepresentation(bridge.BINARY_LABELMAP)
    array = bridge._voxels(labelmap)
    array[np.flatnonzero(array.any(axis=(1, 2)))[0]] = 0
    labelmap.Modified()


OBLIQUE = tuple(float(v) for v in (turned(20.0, (1.0, 2.0, 3.0)) @ np.diag([-1.0, 1.0, 1.0])).ravel())


@pytest.mark.parametrize("variant", ["lobectomy", "delivered", "modified_lobectomy", "bilobar"])
def test_the_scene_gives_the_numbers_of_the_library_alone(scene, variant) -> None:
    settings = PhantomSettings(
        ct_spacing_mm=(4.0, 4.0, 6.0),
        spect_spacing_mm=(8.8, 8.8, 8.8),
        pet_spacing_mm=(8.0, 8.0, 6.0),
        emission_direction=OBLIQUE,
    )
    patient = digital_patient(settings, variant)
    alone = assess(patient.case())
    found = Workflow(parametersOf(patient)).compute()
    expected = values(alone.measurements)
    assert expected.keys() == values(found.measurements).keys()
    for key, value in values(found.measurements).items():
        assert value == (pytest.approx(expected[key], rel=1e-6) if isinstance(value, float) else expected[key]), key
    assert [(f.rule.id, f.about, f.outcome) for f in found.findings] == [
        (f.rule.id, f.about, f.outcome) for f in alone.findings
    ]
    theirs, ours = (sitk.GetArrayViewFromImage(a.dose_map.image) for a in (alone, found))
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_everything_moved_together_gives_the_same_doses(workflow) -> None:
    parameters = workflow.parameters
    before = values(workflow.live().measurements)
    move = linear(matrix4(turned(30.0, (1.0, 1.0, 1.0)), origin=(50.0, -20.0, 10.0)))
    for node in (parameters.ct, parameters.segmentation, parameters.sessions[0].image):
        node.SetAndObserveTransformNodeID(move.GetID())
    after = values(workflow.live().measurements)
    for key, value in after.items():
        assert value == (pytest.approx(before[key], rel=2e-3) if isinstance(value, float) else before[key]), key


def test_only_the_image_moved_away_is_refused(workflow) -> None:
    image = workflow.parameters.sessions[0].image
    image.SetAndObserveTransformNodeID(linear(matrix4(origin=(5000.0, 0.0, 0.0))).GetID())
    with pytest.raises(InputError, match="the image and the liver share no space"):
        workflow.live()


def test_a_slider_measures_nothing_again_and_doses_follow_it(workflow, monkeypatch) -> None:
    parameters = workflow.parameters
    first = workflow.live()
    calls = []
    monkeypatch.setattr(engine, "prepare", calls.append)
    monkeypatch.setattr(bridge, "imageOf", lambda *a: calls.append(a))
    activity_gbq = parameters.sessions[0].infusions[0].activityGbq
    parameters.sessions[0].infusions[0].activityGbq = 2 * activity_gbq
    second = workflow.live()
    assert calls == []
    name = next(key for key in values(first.measurements) if key[0].startswith("tumor_lowest_dose_gy.multi"))
    assert values(second.measurements)[name] == pytest.approx(2 * values(first.measurements)[name])


def test_the_checks_of_the_live_step_are_those_of_the_library(workflow) -> None:
    parameters = workflow.parameters
    workflow.live()
    parameters.sessions[0].infusions[0].activityGbq = 30.0
    expected = assess(caseOf(parameters)).checks
    live = workflow.live().checks
    without_maps = {c.check.id for c in live if c.outcome.value == "raised"}
    assert without_maps <= {c.check.id for c in expected if c.outcome.value == "raised"}
    assert without_maps


def test_a_typed_lung_mass_is_used_at_once(workflow) -> None:
    parameters = workflow.parameters
    doses_gy = []
    for mass_g in (1000.0, 500.0):
        parameters.settings.lungMassG = mass_g
        doses_gy.append(workflow.live().doses.lung_doses_gy[0])
    assert doses_gy[1] == pytest.approx(2 * doses_gy[0])
    parameters.settings.lungMassG = None
    assert workflow.live().doses.prepared.lung_mass_g not in (1000.0, 500.0)


def test_the_checks_of_voxels_follow_an_edit_and_a_slider(workflow) -> None:
    parameters = workflow.parameters
    workflow.live()
    pierce(parameters, idOf(parameters, Role.TUMOR))
    parameters.ct = None
    for activity_gbq in (3.0, 4.0):
        parameters.sessions[0].infusions[0].activityGbq = activity_gbq
        live = workflow.live()
        assert set(live.checks) == set(run_checks(live.case, live.doses.prepared, live.doses))


def test_an_edited_segment_is_measured_again(workflow) -> None:
    parameters = workflow.parameters
    before = values(workflow.live().measurements)
    assert workflow.isPrepared()
    shave(parameters, idOf(parameters, Role.TUMOR))
    assert not workflow.isPrepared()
    assert values(workflow.live().measurements) != before


def test_the_dose_volume_is_in_gray_lies_on_the_image_and_under_the_patient(workflow) -> None:
    parameters = workflow.parameters
    assessment = workflow.compute()
    dose, image = parameters.doseVolume, parameters.sessions[0].image
    assert dose.GetVoxelValueUnits().GetCodeValue() == "Gy"
    assert dose.GetVoxelValueQuantity().GetCodeValue() == "128513"
    assert dose.GetAttribute(bridge.MODEL_ATTRIBUTE).startswith("local deposition")
    matrices = [slicer.util.arrayFromVTKMatrix(m) for m in (matrixOf(dose), matrixOf(image))]
    assert matrices[0] == pytest.approx(matrices[1], abs=1e-9)
    expected = sitk.GetArrayViewFromImage(assessment.dose_map.image)
    assert (slicer.util.arrayFromVolume(dose) == expected).all()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = [hierarchy.GetItemByDataNode(node) for node in (dose, parameters.ct)]
    assert hierarchy.GetItemParent(items[0]) == hierarchy.GetItemParent(items[1]) != hierarchy.GetSceneItemID()


def matrixOf(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_computing_touches_no_input_and_a_second_time_reuses_the_volume(workflow) -> None:
    parameters = workflow.parameters
    nodes = [parameters.ct.GetImageData(), parameters.sessions[0].image.GetImageData()]
    segmentation = parameters.segmentation.GetSegmentation()
    nodes += [
        segmentation.GetSegment(i).GetRepresentation(bridge.BINARY_LABELMAP) for i in segmentation.GetSegmentIDs()
    ]
    before = [node.GetMTime() for node in nodes]
    workflow.compute()
    first = parameters.doseVolume
    parameters.sessions[0].infusions[0].activityGbq = 2.0
    workflow.compute()
    assert parameters.doseVolume is first
    assert [node.GetMTime() for node in nodes] == before


def test_a_cancelled_computation_leaves_the_scene_as_it_was(workflow) -> None:
    nodes = slicer.mrmlScene.GetNumberOfNodes()

    def cancel(fraction: float, _doing: str) -> None:
        if fraction > 0.6:
            raise Cancelled("by the user")

    with pytest.raises(Cancelled):
        workflow.compute(cancel)
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert workflow.parameters.doseVolume is None
    assert not workflow.isComputed


def test_a_session_without_an_image_has_doses_but_no_dose_volume(workflow) -> None:
    workflow.compute()
    workflow.parameters.sessions[0].image = None
    assessment = workflow.compute()
    assert workflow.parameters.doseVolume is None
    assert any(m.value is not None for m in assessment.measurements if m.measure_id.endswith("single_compartment"))


def test_voxels_changed_by_a_script_are_read_again(workflow) -> None:
    image = workflow.parameters.sessions[0].image
    before = workflow.case().sessions[0].image
    assert workflow.case().sessions[0].image is before
    slicer.util.arrayFromVolume(image)[:] = 7.0
    slicer.util.arrayFromVolumeModified(image)
    assert sitk.GetArrayViewFromImage(workflow.case().sessions[0].image.image).max() == 7.0


# Out of date


def changed(parameters: Parameters, what: str) -> None:
    tumor = idOf(parameters, Role.TUMOR)
    if what == "edited":
        shave(parameters, tumor)
    elif what == "pierced":
        pierce(parameters, tumor)
    elif what == "other counts":
        image = parameters.sessions[0].image
        slicer.util.arrayFromVolume(image)[0, 0, 0] += 1
        slicer.util.arrayFromVolumeModified(image)
    elif what == "removed":
        parameters.segmentation.GetSegmentation().RemoveSegment(tumor)
    elif what == "role":
        parameters.roles[tumor] = Role.PVTT.value
    elif what == "moved":
        move = linear(matrix4(origin=(3.0, 0.0, 0.0)))
        parameters.sessions[0].image.SetAndObserveTransformNodeID(move.GetID())
    elif what == "image removed":
        slicer.mrmlScene.RemoveNode(parameters.sessions[0].image)
    elif what == "activity":
        parameters.sessions[0].infusions[0].activityGbq = 1.0
    elif what == "settings":
        parameters.settings.liverDensityGMl = 1.05
    elif what == "new":
        id_ = parameters.segmentation.GetSegmentation().AddEmptySegment("", "Tumor 9")
        Workflow(parameters).setRole(id_, Role.TUMOR)
        mask = next(s for s in caseOf(parameters).structures if s.role is Role.TUMOR).mask
        bridge.writeMask(parameters.segmentation, id_, mask)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("edited", "'Tumor 1' was edited or moved"),
        ("pierced", "'Tumor 1' was edited or moved"),
        ("other counts", "the image 'MAA SPECT of the digital patient' of session 'Plan' was changed or removed"),
        ("removed", "'Tumor 1' was removed, emptied or has no role any more"),
        ("role", "'Tumor 1' has another role"),
        ("moved", "the image 'MAA SPECT of the digital patient' of session 'Plan' was changed or removed"),
        ("image removed", "the image 'MAA SPECT of the digital patient' of session 'Plan' was changed or removed"),
        ("activity", "the treatment was changed"),
        ("settings", "the model settings were changed"),
        ("new", "'Tumor 9' is new"),
    ],
)
def test_the_dose_is_out_of_date_and_the_reason_is_said(workflow, what, reason) -> None:
    workflow.compute()
    assert workflow.outOfDate() == ()
    changed(workflow.parameters, what)
    assert reason in workflow.outOfDate()
    if what == "removed" or what == "image removed":
        return
    workflow.compute()
    assert workflow.outOfDate() == ()


def test_what_changes_no_dose_leaves_it_up_to_date(workflow) -> None:
    parameters = workflow.parameters
    workflow.compute()
    segmentation = parameters.segmentation.GetSegmentation()
    segmentation.GetSegment(idOf(parameters, Role.TUMOR)).SetName("Renamed")
    segmentation.GetSegment(idOf(parameters, Role.LIVER)).SetColor(1, 0, 0)
    segmentation.CollapseBinaryLabelmaps(False)
    parameters.patient.weightKg = 50.0
    parameters.display.doseOpacityFraction = 0.1
    assert workflow.outOfDate() == ()
    assert "Renamed" in [r.label for r in workflow.live().regions]


def test_a_scene_loaded_again_has_its_dose_up_to_date_with_units_and_tells_a_later_edit(
    application, workflow, tmp_path
) -> None:
    workflow.compute()
    dose = slicer.util.arrayFromVolume(workflow.parameters.doseVolume).copy()
    application.save(tmp_path / "scene.mrb")
    application.close_scene()
    application.load(tmp_path / "scene.mrb")
    again = Workflow(Parameters(slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")[0]))
    assert again.isComputed
    assert again.outOfDate() == ()
    assert again.parameters.doseVolume.GetVoxelValueUnits().GetCodeValue() == "Gy"
    assert again.parameters.doseVolume.GetVoxelValueQuantity().GetCodeMeaning() == "Absorbed Dose"
    assert (slicer.util.arrayFromVolume(again.parameters.doseVolume) == dose).all()
    shave(again.parameters, idOf(again.parameters, Role.TUMOR))
    assert again.outOfDate() == ("'Tumor 1' was edited or moved",)


def test_a_renamed_perfused_volume_is_followed_and_a_removed_one_is_asked_for(workflow) -> None:
    parameters = workflow.parameters
    lobe = idOf(parameters, Role.PERFUSED)
    parameters.segmentation.GetSegmentation().GetSegment(lobe).SetName("Right side")
    assert workflow.live().case.sessions[0].infusions[0].perfused == "Right side"
    assert segmentName(parameters, lobe) == "Right side"
    parameters.segmentation.GetSegmentation().RemoveSegment(lobe)
    with pytest.raises(InputError, match=r"infusion 'Right vial': its perfused volume is no longer there"):
        workflow.live()
    assert Section.TREATMENT in workflow.problems()


def test_two_cases_in_one_scene_do_not_mix(scene, patient) -> None:
    plan, other = (Workflow(parametersOf(patient)) for _ in range(2))
    plan.compute()
    other.parameters.sessions[0].infusions[0].activityGbq = 1.0
    shave(other.parameters, idOf(other.parameters, Role.TUMOR))
    assert plan.outOfDate() == ()
    assert not other.isComputed
    other.compute()
    assert plan.parameters.doseVolume is not other.parameters.doseVolume
    assert plan.parameters.doseVolume.GetName() != other.parameters.doseVolume.GetName()
    assert plan.outOfDate() == other.outOfDate() == ()


# What is impossible


def test_an_empty_case_has_no_problems_and_its_checks_can_be_asked_for(scene) -> None:
    workflow = Workflow(newParameters())
    assert workflow.problems() == {}
    assert workflow.checks()
    with pytest.raises(InputError, match="no structure has the role liver"):
        workflow.live()


def test_structures_that_are_not_drawn_yet_are_left_out_and_said(workflow) -> None:
    parameters = workflow.parameters
    parameters.segmentation.GetSegmentation().AddEmptySegment("later", "Tumor later")
    workflow.setRole("later", Role.TUMOR)
    case = workflow.case()
    assert "Tumor later" not in [s.label for s in case.structures]
    assert case.notes[-1] == "Left out, as nothing is drawn in them: Tumor later"


@pytest.mark.parametrize(
    ("spoil", "section", "message"),
    [
        (lambda p: setattr(p.patient, "weightKg", -1.0), Section.PATIENT, "weight_kg"),
        (lambda p: p.facts.__setitem__("diagnosis", "flu"), Section.DISEASE, "choose one of hcc"),
        (lambda p: setattr(p, "intent", "bold"), Section.DISEASE, "'bold' is not known here"),
        (lambda p: setattr(p.sessions[0], "values", ""), Section.IMAGES, "not said what the values of"),
        (lambda p: setattr(p.sessions[0], "values", "bq_ml"), Section.IMAGES, "no reference time"),
        (
            lambda p: p.roles.__setitem__(idOf(p, Role.FLR), "liver"),
            Section.STRUCTURES,
            "2 structures are called liver",
        ),
        (
            lambda p: setattr(p.sessions[0].infusions[0], "activityGbq", None),
            Section.TREATMENT,
            "activity is not entered",
        ),
        (
            lambda p: setattr(p.sessions[0].infusions[0], "activityGbq", 0.0),
            Section.TREATMENT,
            "positive number of GBq",
        ),
        (lambda p: setattr(p.sessions[0].infusions[0], "givenAt", "noon"), Section.TREATMENT, "'noon' is no date"),
        (lambda p: setattr(p.sessions[0].infusions[0], "givenAt", ""), Section.TREATMENT, "calibration time but"),
        (lambda p: setattr(p.sessions[0].infusions[0], "perfusedSegmentId", ""), Section.TREATMENT, "is not chosen"),
        (lambda p: p.sessions.append(newSession("Next")), Section.TREATMENT, "no infusion"),
        (lambda p: setattr(p.settings, "halfLifeH", 0.0), Section.SETTINGS, "half_life_h is 0.0"),
    ],
)
def test_what_is_impossible_is_one_clear_message_at_its_section(workflow, spoil, section, message) -> None:
    spoil(workflow.parameters)
    problems = workflow.problems()
    assert message in str(problems[section])
    assert len(problems) == 1
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        workflow.live()
    assert workflow.checks(), "what is possible is checked all the same"
