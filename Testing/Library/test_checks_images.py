"""Images of the wrong quantity, time, place or patient are noticed at the threshold of their check."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import SimpleITK as sitk
from check_cases import (
    GIVEN_AT,
    STRUCTURES,
    WORLD,
    assert_edge,
    case,
    checked,
    counts,
    ct,
    delivered,
    edge,
    infusion,
    outline,
    plan,
)
from shapes import FLIPPED, IDENTITY, grid, points_mm, rotation

from Y90DosimetryLib.case import Basis, CountReference, Session, Settings
from Y90DosimetryLib.checks import Level, Outcome, check_images, raised
from Y90DosimetryLib.checks.images import FROM_STRUCTURES
from Y90DosimetryLib.checks.outlines import mean_of_samples
from Y90DosimetryLib.images import CountMap, Zeroed
from Y90DosimetryLib.structures import Role


def seen_from(low_x_mm: float):
    """A plan whose image begins there, to the right of the patient, and holds all else."""
    like = grid((10.0, 10.0, 10.0), (400.0, 300.0, 400.0), (low_x_mm + 200.0, 0.0, 0.0))
    return case(plan(like=like))


def seen_up_to(high_z_mm: float):
    like = grid((10.0, 10.0, 10.0), (400.0, 300.0, 400.0), (0.0, 0.0, high_z_mm - 200.0))
    return case(plan(like=like))


def voxels(x_mm: float, z_mm: float):
    return case(plan(like=grid((x_mm, x_mm, z_mm), (400.0, 300.0, 400.0))))


def as_plan(session: Session) -> Session:
    return Session("plan", session.infusions, session.image)


def counted(session: Session) -> Session:
    """The delivered session with its image read as counts."""
    return Session("given", session.infusions, CountMap(session.image.image), Basis.DELIVERED)


def both_from_one_image():
    one = plan()
    return case(one, Session("second", (infusion(),), CountMap(sitk.Image(one.image.image))))


EDGES = {
    "ct_missing": edge(lambda: case(ct=None)),
    "session_without_image": edge(lambda: case(Session("plan", (infusion(),)))),
    "planned_image_absolute": edge(lambda: case(as_plan(delivered()))),
    "delivered_image_relative": edge(lambda: case(counted(delivered()))),
    "negative_voxels": edge(lambda: case(notes=(Zeroed("image of session 'plan': 7 voxels were set to 0"),))),
    "changed_on_reading": edge(lambda: case(notes=("a rescale slope of 0.5 was applied",))),
    "image_twice": edge(both_from_one_image),
    "anisotropic_voxels": edge(lambda: voxels(4.0, 8.1), lambda: voxels(4.0, 8.0)),
    # 200 mm of liver, of which 1.2 or 0.8 mm lie outside
    "liver_in_view": edge(lambda: seen_from(-148.8), lambda: seen_from(-149.2)),
    # 140 mm of lungs, of which 118 or 120 mm are seen
    "lungs_in_view": edge(lambda: seen_up_to(118.0), lambda: seen_up_to(120.0)),
    # 992 counts in the liver, and in 10 mL far away 10 times the value
    "counts_outside": edge(lambda: case(plan(spot=25.0)), lambda: case(plan(spot=24.5))),
    # 992 counts in the right lobe, and 800 times the value in the left
    "counts_outside_perfused": edge(lambda: case(plan(left=0.14)), lambda: case(plan(left=0.135))),
    "counts_far_outside_perfused": edge(lambda: case(plan(left=0.315)), lambda: case(plan(left=0.305))),
    "image_activity": edge(lambda: case(delivered(scale=1.101)), lambda: case(delivered(scale=1.099))),
    "image_activity_scale": edge(lambda: case(delivered(scale=3.01)), lambda: case(delivered(scale=2.99))),
    "image_activity_apart": edge(lambda: case(delivered(scale=1.251)), lambda: case(delivered(scale=1.249))),
    "image_before_infusion": edge(lambda: case(delivered(hours=-0.26)), lambda: case(delivered(hours=-0.24))),
    "image_at_infusion": edge(lambda: case(delivered(hours=0.049)), lambda: case(delivered(hours=0.051))),
    "image_late": edge(lambda: case(delivered(hours=201.0)), lambda: case(delivered(hours=200.0))),
    "image_too_late": edge(lambda: case(delivered(hours=673.0)), lambda: case(delivered(hours=671.0))),
    "image_time_unknown": edge(lambda: case(delivered(hours=0.0, reference_time=None))),
    "liver_density_low_on_ct": edge(lambda: case(ct=ct(liver=-51.0)), lambda: case(ct=ct(liver=-50.0))),
    "liver_density_high_on_ct": edge(lambda: case(ct=ct(liver=301.0)), lambda: case(ct=ct(liver=300.0))),
    "ct_foreign": edge(
        lambda: case(ct=ct(liver=0.0, lungs=-99.0), lungs=None),
        lambda: case(ct=ct(liver=0.0, lungs=-100.0), lungs=None),
    ),
    "lungs_density_on_ct": edge(lambda: case(ct=ct(lungs=-399.0)), lambda: case(ct=ct(lungs=-400.0))),
}


@pytest.mark.parametrize("check_id", EDGES)
def test_an_image_check_is_raised_just_beyond_its_threshold_and_not_before(check_id):
    assert_edge(check_id, EDGES[check_id])


def by_id(results, check_id):
    return [r for r in results if r.check.id == check_id]


def test_a_cold_image_is_as_suspect_as_a_hot_one():
    for scale in (0.899, 1.0 / 3.01):
        found = {r.check.id for r in raised(checked(case(delivered(scale=scale))))}
        assert {"image_activity", "image_activity_scale"} & found, scale


def test_an_image_in_kbq_is_an_error_and_not_also_a_small_difference():
    found = raised(checked(case(delivered(scale=0.001))))
    assert [r.check.id for r in found if r.check.id.startswith("image_activity")] == ["image_activity_scale"]
    assert found[0].check.level is Level.ERROR
    assert "1000, above 3" in found[0].message and "GBq infused" in found[0].message


def test_the_graver_of_two_limits_stands_alone():
    found = [r.check.id for r in raised(checked(case(plan(left=0.5)))) if "perfused" in r.check.id]
    assert found == ["counts_far_outside_perfused"]
    early = [r.check.id for r in raised(checked(case(delivered(hours=-2.0))))]
    assert "image_before_infusion" in early and "image_at_infusion" not in early


def test_counts_outside_a_perfused_volume_name_the_setting_for_a_tracer_given_upstream():
    upstream = case(plan(left=1.0), settings=Settings(count_reference=CountReference.PERFUSED))
    (found,) = by_id(raised(checked(upstream)), "counts_far_outside_perfused")
    assert "maa_site" in found.check.remedy


def test_counts_elsewhere_may_lie_in_lungs_that_nobody_outlined():
    (unknown,) = by_id(checked(case(plan(spot=25.0), lungs=None)), "counts_outside")
    assert unknown.outcome is Outcome.NOT_EVALUABLE and "lungs are not outlined" in unknown.message
    (passed,) = by_id(checked(case(plan(spot=24.5), lungs=None)), "counts_outside")
    assert passed.outcome is Outcome.PASSED


def test_counts_in_the_lungs_are_not_elsewhere():
    results = checked(case(plan(lungs=0.1)))  # 403 of 1395
    assert by_id(results, "counts_outside")[0].measured == pytest.approx(0.0, abs=1e-6)


def test_the_view_of_lungs_that_nobody_outlined_is_not_judged():
    (unknown,) = by_id(checked(case(plan(), lungs=None)), "lungs_in_view")
    assert unknown.outcome is Outcome.NOT_EVALUABLE


def test_lungs_wholly_outside_the_image_are_seen_to_0_percent():
    (found,) = by_id(checked(seen_up_to(-5.0)), "lungs_in_view")
    assert found.outcome is Outcome.RAISED and found.measured == 0.0


def test_without_the_residual_or_the_times_the_activity_of_an_image_is_not_judged():
    no_residual = infusion(residual_fraction=None)
    (unknown,) = by_id(check_images(case(delivered(no_residual))), "image_activity")
    assert unknown.outcome is Outcome.NOT_EVALUABLE and "residual of infusion '1'" in unknown.message
    no_time = infusion(calibrated_at=None, given_at=None)
    results = check_images(case(delivered(no_time)))
    for check_id in ("image_activity", "image_activity_scale", "image_late"):
        assert by_id(results, check_id)[0].outcome is Outcome.NOT_EVALUABLE


def test_of_several_infusions_the_last_decides_what_is_early_and_the_first_what_is_late():
    later = infusion("2", given_at=GIVEN_AT + timedelta(hours=30))
    found = {r.check.id for r in raised(check_images(case(delivered(infusion(), later, hours=201.0))))}
    assert "image_late" in found
    found = {r.check.id for r in raised(check_images(case(delivered(infusion(), later, hours=24.0))))}
    assert "image_before_infusion" in found


def test_what_needs_the_structures_on_the_image_is_not_passed_without_them():
    results = check_images(case(plan()))
    assert {r.check.id for r in results if r.outcome is Outcome.NOT_EVALUABLE} == set(FROM_STRUCTURES)


@pytest.mark.parametrize("direction", [IDENTITY, FLIPPED, rotation(15, 5)])
def test_the_mean_ct_value_is_taken_where_the_outline_lies(direction):
    like = grid((5.0, 5.0, 5.0), (700.0, 700.0, 700.0), direction=direction)
    image = sitk.GetImageFromArray(points_mm(like)[0].astype(np.float32))  # each voxel holds its own x
    image.CopyInformation(like)
    assert mean_of_samples(STRUCTURES["liver"], image, samples=500) == pytest.approx(-50.0, abs=6.0)
    assert mean_of_samples(outline(Role.LUNGS, "far", (150, 190, 0, 10, 0, 10)), WORLD[:10, :10, :10]) is None


def test_counts_do_not_depend_on_the_voxels_of_the_image():
    fine = counts(left=0.14, like=grid((5.0, 5.0, 5.0), (400.0, 300.0, 400.0)))
    session = Session("plan", (infusion(),), CountMap(fine))
    results = checked(case(session))
    (beyond,), (outside,) = by_id(results, "counts_outside_perfused"), by_id(results, "counts_outside")
    assert beyond.measured == pytest.approx(112 / (112 + 992), rel=1e-6)
    assert outside.measured == pytest.approx(0.0, abs=1e-6)
