"""Planned against delivered: the two patients of the surgical cohort, rebuilt on the digital patient and found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import COARSE, phantom_case
from shapes import box, constant, grid

from Y90DosimetryLib.case import Basis, Case, Infusion, Session, Vial
from Y90DosimetryLib.dosimetry.regions import RegionKind
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.planning import Comparison, DifferenceKind, compare, plan_of
from Y90DosimetryLib.planning.compare import target_of, under_target_ml
from Y90DosimetryLib.structures import Role, Structure

RULES = load_rules()
THROMBUS_LABEL = "Portal vein thrombus"


@cache
def as_planned() -> Engine:
    """The lobectomy planned on the MAA, and the PET of just that."""
    case = phantom_case().case
    (plan,) = case.sessions
    pet = digital_patient(COARSE).pet()
    both = replace(case, sessions=(plan, Session("Delivered", plan.infusions, pet, Basis.DELIVERED, plan.label)))
    return Engine.prepare(both)


@cache
def vasospasm() -> Engine:
    """The tumors' artery is in spasm: they take up no more than the liver around them."""
    return phantom_case("vasospasm")


@cache
def proximal_thrombus() -> Engine:
    """Less flow reaches the proximal half of the thrombus, more the distal one."""
    return phantom_case("proximal_thrombus")


@cache
def compared(which) -> Comparison:
    return compare(which(), RULES)


def found(comparison: Comparison, kind: DifferenceKind) -> dict[str, str]:
    return {d.about: d.message for d in comparison.differences if d.kind is kind}


def test_a_treatment_that_went_as_planned_has_no_difference_that_matters() -> None:
    assert compared(as_planned).differences == ()


def test_the_patient_with_vasospasm_is_found() -> None:
    told = compared(vasospasm)
    under = found(told, DifferenceKind.UNDER_TARGET)
    assert {"Tumor 1", "Tumor 2"} <= set(under)
    assert "205 Gy of S2-DOSE-01" in under["Tumor 1"]
    assert "Perfused normal liver" in found(told, DifferenceKind.FLOW_ELSEWHERE)


def test_the_patient_with_the_underdosed_proximal_thrombus_is_found_though_its_mean_is_above_target() -> None:
    told = compared(proximal_thrombus)
    row = next(r for r in told.rows if r.region.label == THROMBUS_LABEL)
    assert row.delivered_gy > 205
    assert THROMBUS_LABEL not in found(told, DifferenceKind.UNDER_TARGET)
    message = found(told, DifferenceKind.PART_MISSED)[THROMBUS_LABEL]
    assert "mm left" in message, "the main portal vein lies to the patient's left of the thrombus"
    assert set(found(told, DifferenceKind.PART_MISSED)) == {THROMBUS_LABEL}


def test_doses_side_by_side_are_those_of_the_two_sessions() -> None:
    doses = vasospasm().doses
    for row in compared(vasospasm).rows:
        for session, gy in zip(doses.sessions, (row.planned_gy, row.delivered_gy), strict=True):
            assert gy == session.deposits["multicompartment"].dose_gy(row.region.indices)
    whole = next(r for r in compared(vasospasm).rows if r.region.kind is RegionKind.WHOLE_LIVER)
    assert whole.planned_share == pytest.approx(1.0) and whole.delivered_share == pytest.approx(1.0)


def test_the_histograms_have_the_mean_doses_of_the_table() -> None:
    told = compared(proximal_thrombus)
    for lesion in told.lesions:
        row = next(r for r in told.rows if r.region == lesion.region)
        assert lesion.planned.mean_gy == pytest.approx(row.planned_gy, rel=1e-4)
        assert lesion.delivered.mean_gy == pytest.approx(row.delivered_gy, rel=1e-4)


def test_a_tumor_at_the_surface_is_missed_whole_when_all_of_it_got_two_fifths_of_the_plan() -> None:
    """On an image shifted by half a voxel; what lies outside of the liver is no planned dose of 0."""
    ct = grid((2.0, 2.0, 2.0), (200.0, 120.0, 120.0))
    liver = box(ct, (-80, -40, -40), (80, 40, 40))
    tumor = Structure(Role.TUMOR, "Tumor", box(ct, (-80, -40, -40), (-72, -32, -32)))
    structures = (Structure(Role.LIVER, "Liver", liver), Structure(Role.PERFUSED, "All", liver), tumor)
    sessions = [
        Session(label, (Infusion("Vial", Vial(gbq), "All", None, 0.0, 0.0),),
                CountMap(constant(grid((4.0, 4.0, 4.0), (200.0, 120.0, 120.0), (shift_mm,) * 3), 1.0)), basis, delivers)
        for label, gbq, shift_mm, basis, delivers in (
            ("Plan", 6.0, 0.0, Basis.PLANNED, None), ("Given", 2.4, 2.0, Basis.DELIVERED, "Plan"))
    ]  # fmt: skip
    case = Case("At the surface", structures, tuple(sessions))
    (lesion,) = compare(Engine.prepare(case), RULES).lesions
    assert lesion.missed_ml == pytest.approx(tumor.volume_ml, rel=1e-5)


def test_the_map_of_what_is_underdosed_lies_in_the_lesions_and_has_their_volume() -> None:
    told = compared(vasospasm)
    engine = vasospasm()
    mask = sitk.GetArrayFromImage(told.under_target) > 0
    lesions = sum(x.delivered_under_ml for x in told.lesions)
    assert under_target_ml(told) == pytest.approx(lesions, rel=0.12)  # whole voxels against shares of voxels
    uptake = engine.prepared.uptakes[1]
    inside = np.zeros(mask.shape)
    for x in told.lesions:
        part = uptake.occupancy(x.region.indices)
        inside[part.box.slices] += part.volume_ml
    assert not (mask & (inside <= 0)).any()
    assert told.under_target.GetSize() == engine.case.sessions[1].image.image.GetSize()


def test_a_second_session_brings_the_lowest_tumor_just_to_its_target() -> None:
    told = compared(vasospasm)
    (again,) = told.second
    lines = told.second_lines
    needed = max(a.least_gbq for a in again.allowances if a.constraint.rule and a.constraint.rule.id == "S2-DOSE-01")
    assert lines.lowest_gy("tumor_lowest_dose_gy.multicompartment", [needed]) == pytest.approx(205.0)
    targets = lines.get("tumor_lowest_dose_gy.multicompartment")
    assert {x.already_gy for x in targets} == {0.0}, "a target is judged on what one session gives"
    before = next(r for r in told.rows if r.region.label == "Tumor 1").delivered_gy
    (total,) = lines.get("tumor_dose_gy.multicompartment", "Tumor 1")
    assert total.already_gy == pytest.approx(before, rel=1e-9), "and the sum stands beside it"


def test_a_second_session_is_not_possible_when_the_first_used_up_the_normal_livers_dose() -> None:
    told = compared(vasospasm)
    (again,) = told.second
    normal = next(r for r in told.rows if r.region.kind is RegionKind.PERFUSED_NORMAL).delivered_gy
    assert normal > 120 and again.is_empty
    assert again.conflict is not None and again.conflict.upper.rule.id in {"S2-DOSE-02", "S2-DOSE-04"}


def test_the_plan_of_a_delivered_case_is_that_of_a_second_session() -> None:
    plan = plan_of(vasospasm())
    assert plan.comparison is not None and plan.lines.session.label == "Second session"
    assert any("second session" in note for note in plan.notes)


def test_targets_are_the_rules_numbers_for_each_lesion() -> None:
    assert (target_of(RULES, 5, RegionKind.PVTT).dose_gy, target_of(RULES, 5, RegionKind.PVTT).rule.id) == (
        205.0,
        "S5-DOSE-04",
    )
    assert target_of(RULES, 2, RegionKind.PVTT).rule.id == "S5-DOSE-04", "rules follow the disease"
    assert target_of(RULES, 1, RegionKind.TUMOR).rule.id.endswith("DOSE-01")


def test_a_case_without_a_delivered_plan_is_refused() -> None:
    with pytest.raises(InputError, match="no session delivers a plan"):
        compare(phantom_case(), RULES)
    with pytest.raises(InputError, match="'Plan' delivers no plan"):
        compare(vasospasm(), RULES, "Plan")


def test_without_an_image_of_the_delivery_nothing_is_compared_but_the_reason_is_there() -> None:
    case = phantom_case().case
    (plan,) = case.sessions
    blind = replace(case, sessions=(plan, Session("Delivered", plan.infusions, None, Basis.DELIVERED, "Plan")))
    told = compare(Engine.prepare(blind), RULES)
    assert all(isinstance(r.delivered_gy, Missing) for r in told.rows)
    assert isinstance(told.under_target, Missing) and told.differences == ()
