"""A case goes into the scene and comes out of it whole: every field of it, whatever is added to a case later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from followup_kit import COARSE
from Y90DosimetrySlicer.casenodes import Titles, fillCase
from Y90DosimetrySlicer.cases import caseOf
from Y90DosimetrySlicer.parameters import Parameters, newParameters
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib.case import Case, CountReference, DoseModel, Encephalopathy, Grade, Patient, Settings
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityDifference
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.outcome import Necrosis, Outcome, TumorPathology
from Y90DosimetryLib.phantom import Variant
from Y90DosimetryLib.phantom.followup import patient_over_time
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.timepoints import TimeKind

TITLES = Titles("Study", "CT", "SPECT", "PET")
PATIENT = Patient(70.0, 171.0, 12.0, 41.0, 1.1, 80.0, 90.0, Grade.SLIGHT, Encephalopathy.GRADE_1_2, 1, 35.5)
SETTINGS = Settings(
    49.67,
    64.05,
    1.06,
    950.0,
    "mosteller",
    "urata",
    DoseModel.KERNEL,
    CountReference.PERFUSED,
    1800.0,
    "Europe/Paris",
    15.0,
)
OUTCOME = Outcome(
    (
        TumorPathology("Tumor 1", 0.95, Necrosis.EXTENSIVE, microvascular_emboli=False),
        TumorPathology("Tumor 2", stated=Necrosis.COMPLETE),
    ),
    True,
    date(2027, 6, 1),
    True,
    date(2028, 3, 4),
    date(2028, 3, 4),
)


@lru_cache
def rich() -> Case:
    """Return a plan and its delivery with studies before and after, and a value in every field there is."""
    case = patient_over_time(COARSE, variant=Variant.VASOSPASM).case(SETTINGS, with_ct=True)
    plan, delivered = case.sessions
    plan = replace(
        plan,
        infusions=(
            *(replace(i, tumor_to_normal_ratio=3.5) for i in plan.infusions),
            replace(plan.infusions[0], label="Second vial", lung_shunt_fraction=None, lung_shunt_from_image=True),
        ),
    )
    *others, last = case.time_points
    last = replace(
        last,
        kind=TimeKind.BEFORE_SURGERY,
        patient=PATIENT,
        structures=tuple(s for s in last.structures if s.role is not Role.FLR),
        volumes_ml={Role.FLR: 812.5},
        modality="multiphase_mr",
        lesions=(
            LesionReading("Tumor 1", 11.0, 40.0, True, False, True, False),
            LesionReading("New", 8.0, is_new=True),
        ),
        thrombi=(ThrombusReading("PVTT", True, 9.5, True, False, "VP3"),),
        new_lesions=True,
        facts={"pve_planned": True, "mrecist": "PD"},
    )
    delivered = replace(
        delivered,
        activity_difference=ActivityDifference.OUTSIDE_FIELD,
        harmless_foci_mm=((-20.0, 10.0, 85.0), (4.5, -3.0, 80.0)),
    )
    others_treated = tuple(replace(s, treated_otherwise=s.label == "Tumor 2") for s in case.structures)
    return replace(
        case,
        label="Everything",
        structures=others_treated,
        sessions=(plan, delivered),
        patient=PATIENT,
        disease=replace(case.disease, facts={**case.disease.facts, "surgery_date": date(2026, 10, 1)}),
        notes=("A rescale was applied", "Something was assumed"),
        time_points=(*others, last),
        outcome=OUTCOME,
    )


def put(case: Case) -> Parameters:
    parameters = newParameters(case.label)
    with slicer.util.NodeModify(parameters):
        fillCase(parameters, case, TITLES)
    return parameters


def differences(before, after, where: str = "case") -> Iterator[str]:
    """Yield what is not the same in two values, however deep: images by voxel and place, numbers within rounding."""
    if isinstance(before, sitk.Image):
        pair = (before, after)
        yield from _of_images(*(map(drawn, pair) if where.endswith(".mask") else pair), where)
    elif type(before) is not type(after):
        yield f"{where}: {before!r} became {after!r}"
    elif is_dataclass(before):
        for f in fields(before):
            yield from differences(getattr(before, f.name), getattr(after, f.name), f"{where}.{f.name}")
    elif isinstance(before, Mapping):
        if dict(before) != dict(after):
            yield f"{where}: {dict(before)} became {dict(after)}"
    elif isinstance(before, tuple):
        if len(before) != len(after):
            yield f"{where}: {len(before)} became {len(after)}"
        for index, pair in enumerate(zip(before, after, strict=False)):
            yield from differences(*pair, f"{where}[{index}]")
    elif isinstance(before, float):
        if before != pytest.approx(after, rel=1e-12):
            yield f"{where}: {before} became {after}"
    elif before != after:
        yield f"{where}: {before!r} became {after!r}"


def drawn(mask: sitk.Image) -> sitk.Image:
    """Return the part of a mask in which something is drawn: a segment keeps no more."""
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    *index, a, b, c = statistics.GetBoundingBox(1)
    return sitk.RegionOfInterest(mask, (a, b, c), index)


def _of_images(before: sitk.Image, after: sitk.Image, where: str) -> Iterator[str]:
    for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        one, other = getattr(before, name)(), getattr(after, name)()
        if one != pytest.approx(other, abs=1e-6):
            yield f"{where}, {name}: {one} became {other}"
            return
    if not np.array_equal(sitk.GetArrayViewFromImage(before), sitk.GetArrayViewFromImage(after)):
        yield f"{where}: other voxels"


def unset(value, known: dict[tuple[type, str], bool]) -> dict[tuple[type, str], bool]:
    """Return for each field of each class in a value whether it is anywhere other than its default."""
    if isinstance(value, tuple):
        for one in value:
            unset(one, known)
    elif is_dataclass(value) and not isinstance(value, sitk.Image):
        for f in fields(value):
            found = getattr(value, f.name)
            default = f.default_factory() if f.default_factory is not MISSING else f.default
            isOther = default is MISSING or isinstance(found, sitk.Image) or found != default
            known[type(value), f.name] = known.get((type(value), f.name), False) or isOther
            unset(found, known)
    return known


def test_the_richest_case_has_a_value_in_every_field() -> None:
    left = [f"{kind.__name__}.{name}" for (kind, name), isSet in unset(rich(), {}).items() if not isSet]
    left = [field for field in left if field not in ("Structure.is_typed", "Structure.inside")]  # refused, see below
    assert left == [], "a field that was added to the library: give it a value here, and bring it into the scene"


def test_nothing_of_the_richest_case_is_lost_in_the_scene(scene) -> None:
    assert list(differences(rich(), caseOf(put(rich())))) == []


def test_a_volume_that_is_typed_in_is_refused_and_nothing_is_added(scene) -> None:
    case = rich()
    liver, *others = case.structures
    typed = replace(case, structures=(Structure.typed(liver.role, liver.label, 1500.0), *others))
    before = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    with pytest.raises(InputError, match="'Liver': its volume is typed in"):
        put(typed)
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == before


def test_a_tumor_that_turns_out_to_be_treated_otherwise_makes_the_dose_old(scene) -> None:
    parameters = put(rich())
    workflow = Workflow(parameters)
    workflow.compute()
    assert workflow.outOfDate() == ()
    parameters.treatedOtherwise = []
    assert workflow.outOfDate() == ("'Tumor 2' was edited or moved",)
    assert not any(s.treated_otherwise for s in caseOf(parameters, workflow.sources).structures)


def test_nothing_is_lost_in_a_saved_scene(application, tmp_path) -> None:
    put(rich())
    application.save(tmp_path / "scene.mrb")
    application.close_scene()
    application.load(tmp_path / "scene.mrb")
    (node,) = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    assert list(differences(rich(), caseOf(Parameters(node)))) == []


def test_an_image_without_a_time_is_corrected_to_the_infusion_also_in_the_scene(scene) -> None:
    plan, delivered = rich().sessions
    case = replace(rich(), sessions=(plan, replace(delivered, image=replace(delivered.image, reference_time=None))))
    assert list(differences(case, caseOf(put(case)))) == []


def test_a_delivered_plan_does_not_count_twice_in_the_scene(scene) -> None:
    case = patient_over_time(COARSE, variant=Variant.VASOSPASM).case()
    own, here = assess(case), Workflow(put(case)).compute()
    assert [s.delivers for s in here.case.sessions] == [None, "Plan"]
    for one, other in zip(own.measurements, here.measurements, strict=True):
        assert (one.measure_id, one.about) == (other.measure_id, other.about)
        assert one.value == (pytest.approx(other.value, rel=1e-6) if isinstance(one.value, float) else other.value)
