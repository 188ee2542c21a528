"""Tool defaults at their boundaries: a number that could be another one without a test's notice is no decision."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import hand_case
from shapes import box, grid

from Y90DosimetryLib.case import Case, Infusion, Session, Vial
from Y90DosimetryLib.compartments import compartments_of
from Y90DosimetryLib.dosimetry.lung import lung_mass_on_ct_g
from Y90DosimetryLib.dosimetry.regions import ablative_perfused
from Y90DosimetryLib.dosimetry.tissue import tissue_on
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import CtImage, without_negatives
from Y90DosimetryLib.io.dicom_facts import Y90_POSITRON_FRACTION
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning.compare import MISSED_RATIO, PART_MISSED_FRACTION
from Y90DosimetryLib.planning.empiric import empiric_activities
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
