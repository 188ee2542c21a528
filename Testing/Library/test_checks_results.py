"""Doses that lose energy, contradict each other or rest on too little are noticed at the threshold of their check."""

from __future__ import annotations

from dataclasses import replace

import pytest
import SimpleITK as sitk
from check_cases import (
    LEFT,
    Edge,
    assert_edge,
    case,
    checked,
    computed,
    delivered,
    edge,
    infusion,
    of_volume,
    outline,
    plan,
)

from Y90DosimetryLib.case import Basis, DoseModel, Session, Settings
from Y90DosimetryLib.checks import Outcome, check_results, raised, run_checks
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role

KERNEL = Settings(dose_model=DoseModel.KERNEL)


def maps_times(factor: float):
    """All checks, with every voxel dose wrong by a factor."""
    the_case = case()
    prepared, doses, maps = computed(the_case)
    wrong = [replace(m, dose=replace(m.dose, image=sitk.Multiply(m.dose.image, factor))) for m in maps]
    return run_checks(the_case, prepared, doses, wrong)


def lost_energy(fraction: float):
    """All checks, with maps that report this share of the energy outside the liver."""
    the_case = case()
    prepared, doses, maps = computed(the_case)
    return run_checks(the_case, prepared, doses, [replace(m, energy_outside_liver_fraction=fraction) for m in maps])


def deposit_times(factor: float, model=Model.PARTITION):
    """All checks, with one model's activities wrong by a factor."""
    the_case = case()
    prepared, doses, maps = computed(the_case)

    def wrong(session):
        deposit = session.deposits[model]
        return replace(
            session, deposits={**session.deposits, model: replace(deposit, activity_gbq=deposit.activity_gbq * factor)}
        )

    return run_checks(the_case, prepared, replace(doses, sessions=tuple(map(wrong, doses.sessions))), maps)


def tumor_of(volume_ml: int):
    return case(tumor=of_volume(Role.TUMOR, "Tumor", volume_ml))


EDGES = {
    "tn_low": edge(lambda: case(plan(tumor=1.49)), lambda: case(plan(tumor=1.5))),
    "tn_inverted": edge(lambda: case(plan(tumor=0.99)), lambda: case(plan(tumor=1.001))),
    # the liver holds 95 % of the activity
    "energy_deposits": Edge(lambda: deposit_times(1.00107), lambda: deposit_times(1.00103)),
    "energy_map": Edge(lambda: maps_times(1.0011), lambda: maps_times(1.0009)),
    # 992 counts in the right lobe, and 800 times the value in the left
    "voxel_mean": edge(lambda: case(plan(left=0.0266)), lambda: case(plan(left=0.0240))),
    "kernel_used": edge(lambda: case(settings=KERNEL)),
    "energy_outside_liver": Edge(lambda: lost_energy(0.101), lambda: lost_energy(0.099)),
    "energy_outside_perfused": Edge(lambda: maps_times(0.899), lambda: maps_times(0.901)),
    "few_voxels": edge(lambda: tumor_of(29), lambda: tumor_of(30)),
    "planned_delivered": edge(
        lambda: case(plan(), delivered(scale=1.21, delivers="plan")),
        lambda: case(plan(), delivered(scale=1.19, delivers="plan")),
    ),
}


@pytest.mark.parametrize("check_id", EDGES)
def test_a_result_check_is_raised_just_beyond_its_threshold_and_not_before(check_id):
    assert_edge(check_id, EDGES[check_id])


def by_id(results, check_id):
    return [r for r in results if r.check.id == check_id]


@pytest.mark.parametrize("model", [Model.SINGLE, Model.PARTITION, Model.MULTI])
def test_activity_lost_by_any_model_is_an_error_that_names_it(model):
    found = by_id(raised(deposit_times(0.9, model)), "energy_deposits")
    assert found and all(model.display_name in r.message for r in found)
    # what an absolute image shows is measured, not divided: it can't lose what it never had
    assert len(found) == (1 if model is Model.MULTI else 2)


def test_a_dose_map_with_too_little_energy_is_as_wrong_as_one_with_too_much():
    assert by_id(raised(maps_times(0.998)), "energy_map")


def test_an_uptake_below_that_of_normal_liver_is_reported_once():
    found = [r.check.id for r in raised(checked(case(plan(tumor=0.5)))) if r.check.id.startswith("tn_")]
    assert found == ["tn_inverted"]


def test_a_given_ratio_is_judged_beside_the_measured_one():
    found = by_id(raised(checked(case(plan(infusion(tumor_to_normal_ratio=1.2))))), "tn_low")
    assert [r.about for r in found] == ["infusion '1', session 'plan', given"]


def test_the_kernel_reports_the_energy_that_leaves_the_liver_and_the_perfused_volume():
    results = checked(case(settings=KERNEL))
    (liver, _), (perfused, _) = by_id(results, "energy_outside_liver"), by_id(results, "energy_outside_perfused")
    assert 0 < liver.measured < perfused.measured < 0.2
    assert not by_id(raised(results), "energy_map")


def test_plan_and_delivery_are_compared_with_one_model_for_both():
    without = Session("given", (infusion(activity_gbq=8.0),), None, Basis.DELIVERED, delivers="plan")
    found = by_id(raised(checked(case(plan(), without))), "planned_delivered")
    assert found and all("single compartment" in r.message and r.measured == pytest.approx(1.0) for r in found)


def test_a_volume_that_neither_plan_nor_delivery_reaches_is_not_compared():
    left = outline(Role.PERFUSED, "Left lobe", LEFT)
    third = plan(infusion("3", "Left lobe"), label="third", left=1.0)
    results = checked(case(plan(), delivered(delivers="plan"), third, extra=(left,)))
    assert "Left lobe, session 'given'" not in {r.about for r in by_id(results, "planned_delivered")}
    assert {r.outcome for r in by_id(results, "planned_delivered")} == {Outcome.PASSED}


def test_a_plan_without_a_known_dose_leaves_the_comparison_unjudged():
    unknown = plan(infusion(residual_fraction=None))
    results = checked(case(unknown, delivered(delivers="plan")))
    assert {r.outcome for r in by_id(results, "planned_delivered")} == {Outcome.NOT_EVALUABLE}
    assert {r.outcome for r in by_id(results, "energy_deposits") if "plan" in r.about} == {Outcome.NOT_EVALUABLE}


def test_without_dose_maps_voxel_doses_are_not_passed():
    the_case = case()
    _, doses, _ = computed(the_case)
    for maps in ((), (Missing("no renderer"), Missing("no renderer"))):
        results = check_results(the_case, doses, maps)
        for check_id in ("energy_map", "voxel_mean", "energy_outside_liver", "energy_outside_perfused"):
            assert {r.outcome for r in by_id(results, check_id)} == {Outcome.NOT_EVALUABLE}, check_id
