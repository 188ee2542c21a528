"""Tool defaults at their boundaries: a number that could be another one without a test's notice is no decision."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import hand_case
from shapes import box, grid

from Y90DosimetryLib.case import Case, Infusion, Session, Vial
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.dosimetry.deposits import concentration_ratio
from Y90DosimetryLib.dosimetry.lung import lung_mass_on_ct_g
from Y90DosimetryLib.dosimetry.regions import ablative_perfused
from Y90DosimetryLib.dosimetry.tissue import tissue_on
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup import remnant
from Y90DosimetryLib.guidelines.findings import Finding, Outcome
from Y90DosimetryLib.guidelines.rule import Severity
from Y90DosimetryLib.guidelines.verdict import _meets_target
from Y90DosimetryLib.images import CtImage, without_negatives
from Y90DosimetryLib.io import dicom_seg
from Y90DosimetryLib.io.dicom_facts import Y90_POSITRON_FRACTION, Tracer, require_y90
from Y90DosimetryLib.io.dicom_image import require_hounsfield
from Y90DosimetryLib.io.dicom_reference import require_same_scan
from Y90DosimetryLib.io.dicom_stack import Stack
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import opening_times, worlds
from Y90DosimetryLib.planning.catalogue import StockVial
from Y90DosimetryLib.planning.compare import MISSED_RATIO, PART_MISSED_FRACTION
from Y90DosimetryLib.planning.empiric import empiric_activities
from Y90DosimetryLib.planning.opening_times import EdgeCause
from Y90DosimetryLib.planning.vials import Schedule
from Y90DosimetryLib.planning.worlds import World
from Y90DosimetryLib.structures import Role, Structure


def line_of(values, kind=np.float32) -> sitk.Image:
    return sitk.GetImageFromArray(np.asarray(values, dtype=kind).reshape(1, 1, -1))


@pytest.mark.parametrize(("below", "is_image"), [(4.999, True), (5.0, True), (5.001, False)])
def test_negative_voxels_may_hold_5_percent_of_the_positive_total(below, is_image):
    image = line_of([100.0, -below])
    if is_image:
        assert without_negatives(image, "SPECT")[1] == 1
        return
    with pytest.raises(InputError, match="negative voxels"):
        without_negatives(image, "SPECT")


@pytest.mark.parametrize(("lowest_hu", "is_ct"), [(-1.0, True), (-0.001, True), (0.0, False), (1.0, False)])
def test_a_ct_without_a_value_below_0_is_none(lowest_hu, is_ct):
    """Fat and air are in every field of view; their values are below 0 by the definition of the scale."""
    like = grid((4, 4, 4), (40, 40, 40))
    array = np.full(like.GetSize()[::-1], 50.0, dtype=np.float32)
    array[0, 0, 0] = lowest_hu
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(like)
    if is_ct:
        assert tissue_on(like, CtImage(image), 1.0).seen.any()
        return
    with pytest.raises(InputError, match="no Hounsfield units"):
        tissue_on(like, CtImage(image), 1.0)


@pytest.mark.parametrize(("inside_voxels", "is_whole"), [(98, False), (99, True), (100, True)])
def test_99_percent_of_the_lungs_on_the_ct_are_whole_lungs(inside_voxels, is_whole):
    lungs = Structure(Role.LUNGS, "Lungs", line_of(np.ones(100), np.uint8))
    ct = CtImage(line_of(np.full(inside_voxels, -700.0)))
    assert isinstance(lung_mass_on_ct_g(lungs, ct), Missing) is not is_whole


def nested_case(inside_mm: float) -> Case:
    """Two infusions of one session: a volume 100 mm long, and one of 20 mm of which so much lies within."""
    like = grid((1.0, 4.0, 4.0), (160.0, 40.0, 40.0))

    def part(role, label, first_mm, last_mm):
        return Structure(role, label, box(like, (first_mm, -20, -20), (last_mm, 20, 20)))

    structures = (
        part(Role.LIVER, "Liver", -80, 80),
        part(Role.PERFUSED, "Large", -80, 20),
        part(Role.PERFUSED, "Small", 20 - inside_mm, 40 - inside_mm),
    )
    infusions = tuple(Infusion(name, Vial(1.0), name) for name in ("Large", "Small"))
    return Case("c", structures, (Session("s", infusions),))


@pytest.mark.parametrize(("inside_mm", "is_nested"), [(18.0, False), (19.0, True), (20.0, True)])
def test_a_volume_is_nested_with_95_percent_of_it_inside_a_larger_one(inside_mm, is_nested):
    case = nested_case(inside_mm)
    assert ablative_perfused(case, compartments_of(case)) == (frozenset({"Small"}) if is_nested else frozenset())


def test_two_volumes_of_one_size_are_not_nested_in_each_other():
    case = nested_case(20.0)
    small = next(s for s in case.structures if s.label == "Small")
    twins = (*case.structures[:1], replace(small, label="Large"), small)
    assert ablative_perfused(case, compartments_of(replace(case, structures=twins))) == frozenset()


@pytest.mark.parametrize(
    ("tumor_ml", "whole_gbq"), [(10.0, 2.0), (25.0, 2.0), (26.0, 2.5), (50.0, 2.5), (51.0, 3.0), (100.0, 3.0)]
)
def test_the_empiric_activity_by_involvement_is_2_2_5_or_3_gbq(tumor_ml, whole_gbq):
    """Up to 25 %, up to 50 %, above: Bastiaannet et al. 2018."""
    case = hand_case()
    parts = SimpleNamespace(
        inside=lambda _: (0, 1),
        of_role=lambda _: (0,),
        everything=(0, 1),
        volume_ml=lambda indices: sum((tumor_ml, 100.0 - tumor_ml)[i] for i in indices),
    )
    found = empiric_activities(case, SimpleNamespace(compartments=parts), case.sessions[0])
    assert found[1].activity_gbq == pytest.approx(whole_gbq)


def test_a_part_of_a_lesion_is_missed_below_half_of_the_plan_and_from_a_fifth_of_it():
    assert (MISSED_RATIO, PART_MISSED_FRACTION) == (0.5, 0.2), "as Docs/planning.md says"


def test_the_positron_fraction_of_y90_is_31_9_in_a_million():
    """Selwyn et al. 2007: (31.86 +- 0.47) 10^-6."""
    assert pytest.approx(31.86e-6, abs=0.47e-6) == Y90_POSITRON_FRACTION


@pytest.mark.parametrize(("ratio", "is_y90"), [(0.91, True), (1.09, True), (0.89, False), (1.11, False)])
def test_the_positron_fraction_of_a_header_may_be_off_by_a_tenth(ratio, is_y90):
    told = Tracer("Y-90", positron_fraction=ratio * Y90_POSITRON_FRACTION)
    with nullcontext() if is_y90 else pytest.raises(InputError, match="positron fraction"):
        require_y90(told, "PET")


@pytest.mark.parametrize(("lowest_hu", "is_ct"), [(-50.0, True), (-49.0, False), (-6.0, False)])
def test_a_dicom_ct_holds_a_voxel_as_low_as_fat(lowest_hu, is_ct):
    with nullcontext() if is_ct else pytest.raises(InputError, match="these are not Hounsfield units"):
        require_hounsfield(Stack(line_of([lowest_hu, 100.0]), ()), "CT")


@pytest.mark.parametrize(("share", "is_same"), [(0.93, True), (0.87, False), (0.5, False)])
def test_the_reference_is_the_case_s_ct_from_a_correlation_of_9_tenths(share, is_same):
    mine, other = np.random.default_rng(1).normal(size=(2, 20, 20, 20))
    its = share * mine + np.sqrt(1 - share**2) * other
    case = SimpleNamespace(ct=CtImage(sitk.GetImageFromArray(mine)))
    with nullcontext() if is_same else pytest.raises(InputError, match="correlate by"):
        require_same_scan(case, SimpleNamespace(image=sitk.GetImageFromArray(its)))


@pytest.mark.parametrize(("off_voxels", "is_on"), [(0.0, True), (0.018, True), (0.022, False), (0.3, False)])
def test_a_mask_shares_the_voxels_of_a_segmentation_to_a_fiftieth(off_voxels, is_on):
    lattice, mask = grid((2, 3, 4), (40, 60, 80)), grid((2, 3, 4), (40, 60, 80))
    mask.SetOrigin(lattice.TransformContinuousIndexToPhysicalPoint([3.0, 2.0 + off_voxels, 1.0]))
    assert (dicom_seg._on(lattice, mask, None) is not None) is is_on


def test_a_target_that_is_off_for_information_alone_is_met_unless_more_is_at_stake():
    finding = Finding(None, Outcome.NOT_MET, "", Severity.INFORMATION)
    assert _meets_target(finding)
    assert not _meets_target(replace(finding, at_stake=Severity.CONTRAINDICATION))
    assert not _meets_target(replace(finding, severity=Severity.CONTRAINDICATION))


def test_a_vial_may_be_given_at_the_moment_it_expires_and_not_later(monkeypatch):
    calibrated_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    schedule = SimpleNamespace(
        catalogue=SimpleNamespace(shelf_life_h=288.0, unverified=()), lines=SimpleNamespace(labels=("I",))
    )
    vial, last = StockVial(3.0, calibrated_at), calibrated_at + timedelta(hours=288)
    rule = SimpleNamespace(rule=SimpleNamespace(id="X"), message="")
    monkeypatch.setattr(opening_times, "shut_by", lambda *_: rule)
    for at, is_usable in ((calibrated_at, True), (last, True), (last + timedelta(seconds=1), False)):
        assert Schedule.usable(schedule, vial, at) is is_usable
        assert (opening_times._edge(schedule, 0, vial, at).cause is EdgeCause.SHELF_LIFE) is not is_usable
    assert not Schedule.usable(schedule, vial, calibrated_at - timedelta(seconds=1))


def test_a_fraction_that_is_perturbed_stays_below_1():
    """At 1 nothing would reach the liver: no dose, not a small one."""
    infusion = Infusion("I", Vial(3.0), "Right", residual_fraction=0.9, lung_shunt_fraction=0.2)
    moved = worlds._infusion_in(infusion, World(residual_fraction=0.5, lung_shunt_fraction=-0.5))
    assert (moved.residual_fraction, moved.lung_shunt_fraction) == (0.999, 0.0)
    assert worlds._infusion_in(infusion, World(residual_fraction=0.098)).residual_fraction == pytest.approx(0.998)


def test_growth_of_the_remnant_is_counted_from_the_day_after_the_treatment():
    day = date(2026, 3, 4)
    studies, before = SimpleNamespace(last_treatment=lambda _: day), SimpleNamespace(on=date(2026, 2, 1))
    weeks = [
        remnant._weeks(studies, before, SimpleNamespace(on=day + timedelta(days=n), label="CT")) for n in (-1, 0, 1)
    ]
    assert isinstance(weeks[0], Missing) and isinstance(weeks[1], Missing) and weeks[2] == pytest.approx(1 / 7)


@pytest.mark.parametrize(
    ("normal_ml", "normal_counts", "ratio"), [(100.0, 50.0, 4.0), (100.0, 0.0, None), (0.0, 50.0, None)]
)
def test_tumor_to_normal_needs_volume_and_counts_of_normal_liver(normal_ml, normal_counts, ratio):
    parts = SimpleNamespace(
        of_role=lambda role: (0,) if role is Role.TUMOR else (1,),
        volume_ml=lambda indices: sum((10.0, normal_ml)[i] for i in indices),
    )
    uptake = SimpleNamespace(counts=np.array([20.0, normal_counts]))
    found = concentration_ratio(parts, uptake, (0, 1), Role.TUMOR)
    assert isinstance(found, Missing) if ratio is None else found == pytest.approx(ratio)


@pytest.mark.parametrize(("residual", "shunt"), [(None, 0.05), (0.01, None), (None, None)])
def test_activities_need_residual_and_lung_shunt(residual, shunt):
    case = hand_case()
    session = case.sessions[0]
    infusion = replace(session.infusions[0], residual_fraction=residual, lung_shunt_fraction=shunt)
    changed = replace(case, sessions=(replace(session, infusions=(infusion,)),))
    doses = Engine.prepare(changed).doses.sessions[0]
    assert isinstance(doses.infusions[0].net, Missing)
