"""From counts to doses: energy is conserved, ratios come back, sessions add up."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import FLIPPED, IDENTITY, box, constant, ellipsoid, filled, grid, points_mm, rotation

from Y90DosimetryLib.case import (
    Basis,
    Case,
    CountReference,
    Disease,
    Infusion,
    Session,
    Settings,
    Vial,
)
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.dosimetry.maps import session_map, total_map
from Y90DosimetryLib.dosimetry.regions import RegionKind, regions_of
from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import ActivityMap, CountMap, array_of
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role, Structure

# Boxes whose edges fall on voxel edges of both grids, so that every number below is exact.
CT = grid((2.0, 2.0, 2.0), (240.0, 160.0, 160.0))
SPECT_SPACING = (4.0, 4.0, 4.0)
LIVER = Structure(Role.LIVER, "Liver", box(CT, (-80, -40, -40), (80, 40, 40)))
RIGHT = Structure(Role.PERFUSED, "Right", box(CT, (-120, -80, -80), (0, 80, 80)))
LEFT = Structure(Role.PERFUSED, "Left", box(CT, (0, -80, -80), (120, 80, 80)))
SEGMENT = Structure(Role.PERFUSED, "Segment", box(CT, (-80, -40, -40), (-40, 0, 0)))
TUMOR = Structure(Role.TUMOR, "Tumor", box(CT, (-80, -40, -40), (-60, 0, 0)))
THROMBUS = Structure(Role.PVTT, "PVTT", box(CT, (-40, 8, 8), (-20, 16, 16)))
LUNGS = Structure(Role.LUNGS, "Lungs", box(CT, (-80, -40, 60), (80, 40, 76)))
EXACT = Settings(joule_per_gbq=50.0, liver_density_g_ml=1.0)


def spect(tumor=4.0, thrombus=2.0, right=1.0, left=0.0, lungs=0.0, spacing=SPECT_SPACING, direction=IDENTITY):
    """Concentration by compartment, without blur or noise."""
    like = grid(spacing, (240.0, 160.0, 160.0), direction=direction)
    x, y, z = points_mm(like)
    inside = (abs(x) < 80) & (abs(y) < 40) & (abs(z) < 40)
    values = np.where(inside, np.where(x < 0, right, left), 0.0)
    values[(x > -80) & (x < -60) & (y > -40) & (y < 0) & (z > -40) & (z < 0)] = tumor
    values[(x > -40) & (x < -20) & (y > 8) & (y < 16) & (z > 8) & (z < 16)] = thrombus
    values[(abs(x) < 80) & (abs(y) < 40) & (z > 60)] = lungs
    return filled(like, values.astype(np.float32))


def infusion(perfused="Right", gbq=3.0, label="1", residual=0.01, shunt=0.05, **more):
    return Infusion(label, Vial(gbq), perfused, None, residual, shunt, **more)


def case(*sessions, structures=(LIVER, RIGHT, TUMOR, THROMBUS), settings=EXACT):
    same_place = Disease(facts={"maa_same_position": True})
    return Case("test", tuple(structures), sessions, disease=same_place, settings=settings)


def planned(image=None, *infusions, label="plan"):
    return Session(label, infusions or (infusion(),), CountMap(image if image is not None else spect()))


def doses(the_case):
    return doses_of(the_case, prepare(the_case))


def region(the_case, kind, label=None):
    parts = prepare(the_case).compartments
    (found,) = [r for r in regions_of(the_case, parts) if r.kind is kind and label in (None, r.label)]
    return found.indices


def test_the_worked_example_of_the_consensus_gives_103_455_gy():
    kilogram = Structure(Role.PERFUSED, "All", LIVER.mask)  # 160 x 80 x 80 mm = 1.024 L
    only = Case("example", (LIVER, kilogram), (Session("s", (infusion("All", 2.2),)),), settings=EXACT)
    dose = doses(only).dose_gy(Model.SINGLE, region(only, RegionKind.PERFUSED))
    assert dose == pytest.approx(103.455 / 1.024, rel=1e-9)


@pytest.mark.parametrize("model", [Model.SINGLE, Model.PARTITION, Model.MULTI])
def test_the_energy_of_all_compartments_and_lungs_is_that_of_the_infused_activity(model):
    result = doses(case(planned()))
    liver_gbq = result.total(model).activity_gbq.sum()
    assert liver_gbq + result.sessions[0].lung_activity_gbq == pytest.approx(3.0 * 0.99, rel=1e-9)


def test_doses_follow_the_partition_formula_on_exact_counts():
    the_case = case(planned())
    result = doses(the_case)
    parts = result.prepared.compartments
    tumor_ml, thrombus_ml = (parts.volume_ml(parts.lesion(label)) for label in ("Tumor", "PVTT"))
    normal_ml = parts.volume_ml(region(the_case, RegionKind.PERFUSED_NORMAL))
    liver_gbq = 3.0 * 0.99 * 0.95
    normal_gy = 50 * liver_gbq / ((normal_ml + 4 * tumor_ml + 2 * thrombus_ml) / 1000)
    for model in (Model.MULTI, Model.PARTITION):
        assert result.dose_gy(model, parts.lesion("Tumor")) == pytest.approx(4 * normal_gy, rel=1e-5)
        assert result.dose_gy(model, parts.lesion("PVTT")) == pytest.approx(2 * normal_gy, rel=1e-5)
        assert result.dose_gy(model, region(the_case, RegionKind.PERFUSED_NORMAL)) == pytest.approx(normal_gy, rel=1e-5)
    assert result.sessions[0].infusions[0].tumor_to_normal_ratio == pytest.approx(4.0, rel=1e-5)


def test_compartments_on_images_follow_the_scalar_partition_model():
    the_case = case(planned())
    result, parts = doses(the_case), prepare(the_case).compartments
    normal_g = parts.volume_ml(region(the_case, RegionKind.PERFUSED_NORMAL))  # density 1
    tumor, thrombus = parts.lesion("Tumor"), parts.lesion("PVTT")
    liver_gbq, tumor_g, thrombus_g = (
        result.sessions[0].infusions[0].net.liver_gbq,
        parts.volume_ml(tumor),
        parts.volume_ml(thrombus),
    )
    unit_gy = 50.0 * liver_gbq * 1000.0 / (normal_g + 4.0 * tumor_g + 2.0 * thrombus_g)  # of normal liver
    found = [result.dose_gy(Model.PARTITION, i) for i in (tumor, thrombus)]
    assert found == pytest.approx([4.0 * unit_gy, 2.0 * unit_gy], rel=1e-5)
    assert result.dose_gy(Model.PARTITION, region(the_case, RegionKind.PERFUSED)) == pytest.approx(
        50.0 * liver_gbq * 1000.0 / (normal_g + tumor_g + thrombus_g), rel=1e-9
    )


def test_a_uniform_source_makes_every_model_the_single_compartment():
    the_case = case(planned(spect(1.0, 1.0, 1.0)))
    result = doses(the_case)
    expected = result.dose_gy(Model.SINGLE, region(the_case, RegionKind.PERFUSED))
    for model in (Model.MULTI, Model.PARTITION):
        for index in result.prepared.compartments.inside(["Right"]):
            assert result.dose_gy(model, [index]) == pytest.approx(expected, rel=1e-5)


def test_the_three_normal_livers_are_three_numbers():
    the_case = case(planned())
    result = doses(the_case)
    perfused, whole, unperfused = (
        result.dose_gy(Model.MULTI, region(the_case, kind))
        for kind in (RegionKind.PERFUSED_NORMAL, RegionKind.WHOLE_NORMAL, RegionKind.UNPERFUSED_NORMAL)
    )
    parts = result.prepared.compartments
    share = parts.volume_ml(region(the_case, RegionKind.PERFUSED_NORMAL)) / parts.volume_ml(
        region(the_case, RegionKind.WHOLE_NORMAL)
    )
    assert unperfused == 0.0
    assert whole == pytest.approx(perfused * share)


def test_a_given_ratio_replaces_the_measured_one_in_the_partition_model_only():
    the_case = case(planned(None, infusion(tumor_to_normal_ratio=6.0)))
    result = doses(the_case)
    tumor = result.prepared.compartments.lesion("Tumor")
    normal = region(the_case, RegionKind.PERFUSED_NORMAL)
    given = result.dose_gy(Model.PARTITION_GIVEN, tumor) / result.dose_gy(Model.PARTITION_GIVEN, normal)
    measured = result.dose_gy(Model.PARTITION, tumor) / result.dose_gy(Model.PARTITION, normal)
    assert (given, measured) == pytest.approx((6.0, 4.0), rel=1e-5)


def test_unknown_shunt_or_residual_leaves_doses_missing_and_names_what_to_enter():
    for field, needed in (("shunt", "lung_shunt_fraction"), ("residual", "residual_fraction")):
        result = doses(case(planned(None, infusion(**{field: None}))))
        for value in (result.total(Model.SINGLE), result.total(Model.MULTI), result.lung_doses_gy[0]):
            assert isinstance(value, Missing)
            assert needed in value.needs


def test_the_lung_shunt_is_read_from_the_image_when_asked():
    the_case = case(
        planned(spect(lungs=0.25), infusion(shunt=None, lung_shunt_from_image=True)),
        structures=(LIVER, RIGHT, TUMOR, THROMBUS, LUNGS),
    )
    result = doses(the_case)
    lung_counts, liver_counts = 0.25 * LUNGS.volume_ml, result.prepared.uptakes[0].counts.sum()
    expected = lung_counts / (lung_counts + liver_counts)
    assert result.sessions[0].infusions[0].lung_shunt_fraction == pytest.approx(expected, rel=1e-5)
    assert result.lung_doses_gy[0] == pytest.approx(50 * 2.97 * expected, rel=1e-5)


def test_lung_voxels_that_the_liver_touches_do_not_count_as_shunt():
    overlapping = Structure(Role.LUNGS, "Lungs", box(CT, (-80, -40, 20), (80, 40, 76)))
    the_case = case(
        planned(spect(lungs=0.25), infusion(shunt=None, lung_shunt_from_image=True)),
        structures=(LIVER, RIGHT, TUMOR, THROMBUS, overlapping),
    )
    prepared = prepare(the_case)
    assert prepared.lungs[0].counts == pytest.approx(0.25 * LUNGS.volume_ml, rel=1e-5)


def test_two_lobes_share_one_image_each_by_the_counts_of_its_own_volume():
    both = (infusion("Right", 3.0, "right"), infusion("Left", 1.0, "left", shunt=0.02))
    the_case = case(planned(spect(left=0.5), *both), structures=(LIVER, RIGHT, LEFT, TUMOR, THROMBUS))
    deposit = doses(the_case).total(Model.MULTI)
    parts = prepare(the_case).compartments
    left_gbq = deposit.activity_gbq[list(parts.inside(["Left"]))].sum()
    right_gbq = deposit.activity_gbq[list(parts.inside(["Right"]))].sum()
    assert (right_gbq, left_gbq) == pytest.approx((3 * 0.99 * 0.95, 0.99 * 0.98), rel=1e-6)


def test_counts_outside_every_perfused_volume_belong_to_the_nearest_one():
    far = Structure(Role.PERFUSED, "Far left", box(CT, (60, -80, -80), (120, 80, 80)))
    both = (infusion("Right", 3.0, "right"), infusion("Far left", 1.0, "left"))
    the_case = case(planned(spect(left=1.0), *both), structures=(LIVER, RIGHT, far, TUMOR, THROMBUS))
    deposit = doses(the_case).total(Model.MULTI)
    parts = prepare(the_case).compartments
    between = [i for i, c in enumerate(parts.items) if not c.perfused]
    # 0 < x < 60 at concentration 1: half of it lies nearer to the right volume, half to the left one
    half_ml = 30 * 80 * 80 / 1000
    right_counts = 80 * 80 * 80 / 1000 + 3 * TUMOR.volume_ml + THROMBUS.volume_ml + half_ml
    left_counts = 20 * 80 * 80 / 1000 + half_ml
    expected = 0.99 * 0.95 * (3 * half_ml / right_counts + half_ml / left_counts)
    assert deposit.activity_gbq[between].sum() == pytest.approx(expected, rel=1e-3)


def test_a_voxel_outside_takes_the_scale_of_the_volume_it_is_nearest_to():
    far = Structure(Role.PERFUSED, "Far left", box(CT, (60, -80, -80), (120, 80, 80)))
    both = (infusion("Right", 3.0, "right"), infusion("Far left", 0.1, "left"))
    the_case = case(planned(spect(left=1.0), *both), structures=(LIVER, RIGHT, far, TUMOR, THROMBUS))
    prepared = prepare(the_case)
    dose = session_map(
        doses(the_case).sessions[0], prepared.compartments, prepared.uptakes[0], the_case.settings
    ).dose.image
    near_right, near_left = (dose.EvaluateAtPhysicalPoint(p) for p in ((14.0, 0.0, 0.0), (46.0, 0.0, 0.0)))
    assert near_right > 5 * near_left > 0


def test_a_tracer_given_upstream_is_counted_in_the_perfused_volume_only_when_asked():
    def segment_gbq(reference):
        the_case = case(
            planned(spect(), infusion("Segment")),
            structures=(LIVER, SEGMENT, TUMOR),
            settings=Settings(count_reference=reference),
        )
        parts = prepare(the_case).compartments
        return doses(the_case).total(Model.MULTI).activity_gbq[list(parts.inside(["Segment"]))].sum()

    assert segment_gbq(CountReference.PERFUSED) == pytest.approx(3 * 0.99 * 0.95)
    assert segment_gbq(CountReference.LIVER) < 0.5 * 3 * 0.99 * 0.95


def test_modified_lobectomy_adds_both_vials_in_the_segment_and_judges_the_rest_of_the_lobe():
    both = (infusion("Segment", 1.0, "segment"), infusion("Right", 2.0, "lobe"))
    the_case = case(planned(spect(), *both), structures=(LIVER, RIGHT, SEGMENT, TUMOR))
    result = doses(the_case)
    single = result.total(Model.SINGLE)
    lobe = region(the_case, RegionKind.PERFUSED, "Right")
    segment = region(the_case, RegionKind.PERFUSED, "Segment")
    liver = 0.99 * 0.95
    parts = result.prepared.compartments
    assert single.dose_gy(segment) == pytest.approx(
        50 * liver * (1.0 / parts.volume_ml(segment) + 2.0 / parts.volume_ml(lobe)) * 1000
    )
    rest = region(the_case, RegionKind.PERFUSED_NORMAL)
    assert not set(rest) & set(segment)
    assert single.dose_gy(rest) == pytest.approx(50 * liver * 2.0 / parts.volume_ml(lobe) * 1000)


INFUSED_AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("hours_later", [0.0, 20.0])
def test_an_absolute_image_is_decay_corrected_to_the_infusion(hours_later):
    bq_ml = 3e6 * 2 ** (-hours_later / 64.1)
    image = ActivityMap(spect(4 * bq_ml, 2 * bq_ml, bq_ml), INFUSED_AT + timedelta(hours=hours_later))
    given = Infusion("1", Vial(3.0), "Right", INFUSED_AT)
    the_case = case(Session("pet", (given,), image, Basis.DELIVERED))
    result = doses(the_case)
    tumor = result.prepared.compartments.lesion("Tumor")
    assert result.dose_gy(Model.MULTI, tumor) == pytest.approx(50 * 4 * 3e6 / 1e9 * 1000, rel=1e-5)
    assert isinstance(result.total(Model.SINGLE), Missing)


def test_earlier_sessions_add_up_and_a_delivered_plan_is_not_counted_twice():
    one = case(planned())
    two = case(planned(label="first"), planned(label="second"))
    plan_and_delivery = case(
        planned(label="plan"),
        Session("done", (infusion(),), CountMap(spect()), Basis.DELIVERED, delivers="plan"),
    )
    tumor = prepare(one).compartments.lesion("Tumor")
    dose = doses(one).dose_gy(Model.MULTI, tumor)
    assert doses(two).dose_gy(Model.MULTI, tumor) == pytest.approx(2 * dose)
    assert doses(plan_and_delivery).dose_gy(Model.MULTI, tumor) == pytest.approx(dose)


@pytest.mark.parametrize(("shift_mm", "direction"), [(0.0, IDENTITY), (2.0, IDENTITY), (1.0, rotation(20, 10))])
def test_two_even_doses_on_shifted_voxels_add_up_to_an_even_dose_up_to_the_surface_of_the_liver(shift_mm, direction):
    on_grids = [
        grid(SPECT_SPACING, (240.0, 160.0, 160.0), (shift_mm,) * 3, direction),
        grid((3.0, 3.0, 3.0), (240.0, 160.0, 160.0)),
    ]
    both = case(
        *(Session(str(n), (infusion(),), CountMap(constant(like, 1.0))) for n, like in enumerate(on_grids)),
        structures=(LIVER, RIGHT),
    )
    prepared = prepare(both)
    doses = doses_of(both, prepared)
    maps = [
        session_map(session, prepared.compartments, uptake, EXACT)
        for session, uptake in zip(doses.sessions, prepared.uptakes, strict=True)
    ]
    total = total_map(maps)
    total_gy, inside = array_of(total.image), array_of(maps[-1].dose.image) > 0
    expected_gy = doses.dose_gy(Model.MULTI, prepared.compartments.everything)
    assert total_gy[inside] == pytest.approx(expected_gy, rel=1e-5)
    assert not total_gy[~inside].any()


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.05, 20.0), ratio=st.floats(0.1, 20.0))
def test_doses_are_linear_in_activity_and_do_not_care_for_the_unit_of_counts(factor, ratio):
    base, scaled = case(planned(spect(ratio))), case(planned(spect(ratio) * 17.0, infusion(gbq=3.0 * factor)))
    a, b = doses(base).total(Model.MULTI).activity_gbq, doses(scaled).total(Model.MULTI).activity_gbq
    assert b == pytest.approx(a * factor, rel=1e-5)


@pytest.mark.parametrize("direction", [FLIPPED, rotation(15), rotation(40, 20)])
def test_the_orientation_of_the_image_grid_does_not_matter(direction):
    def tumor_gy(image):
        the_case = case(planned(image))
        return doses(the_case).dose_gy(Model.MULTI, prepare(the_case).compartments.lesion("Tumor"))

    fine = (2.0, 2.0, 2.0)
    assert tumor_gy(spect(spacing=fine, direction=direction)) == pytest.approx(tumor_gy(spect(spacing=fine)), rel=0.03)


def test_splitting_a_tumor_in_two_changes_no_dose():
    halves = tuple(
        Structure(Role.TUMOR, name, TUMOR.mask * box(CT, low, high))
        for name, low, high in (("a", (-99, -99, -99), (-70, 99, 99)), ("b", (-70, -99, -99), (99, 99, 99)))
    )
    whole = case(planned())
    split = case(planned(), structures=(LIVER, RIGHT, *halves, THROMBUS))
    for kind in (RegionKind.PERFUSED_NORMAL, RegionKind.WHOLE_LIVER):
        for model in (Model.MULTI, Model.PARTITION):
            assert doses(split).dose_gy(model, region(split, kind)) == pytest.approx(
                doses(whole).dose_gy(model, region(whole, kind)), rel=1e-5
            )
    first = prepare(split).compartments.lesion("a")
    tumor = prepare(whole).compartments.lesion("Tumor")
    assert doses(split).dose_gy(Model.MULTI, first) == pytest.approx(doses(whole).dose_gy(Model.MULTI, tumor), rel=1e-5)


def test_images_that_cannot_be_right_are_refused():
    with pytest.raises(InputError, match="no counts inside the perfused volume 'Right'"):
        doses(case(planned(spect(0.0, 0.0, 0.0, left=1.0))))
    away = spect()
    away.SetOrigin((4000.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match=r"image of session 'plan'.*share no space.*register"):
        doses(case(planned(away)))


def test_lesions_of_any_shape_keep_their_counts_on_coarse_voxels():
    sphere = Structure(Role.TUMOR, "Sphere", ellipsoid(CT, (-40, 0, 0), (13.4, 13.4, 13.4)))
    the_case = case(planned(spect(1.0, 1.0, 1.0, spacing=(4.4, 4.4, 4.4))), structures=(LIVER, RIGHT, sphere))
    uptake = prepare(the_case).uptakes[0]
    index = prepare(the_case).compartments.lesion("Sphere")
    assert uptake.counts[list(index)].sum() == pytest.approx(sphere.volume_ml, rel=0.01)
