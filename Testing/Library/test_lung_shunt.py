"""The lung shunt measured: planar views, SPECT with a margin around the liver, cut lungs, several infusions."""

import argparse
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from shapes import box, constant, filled, grid, points_mm

from Y90DosimetryLib.case import Infusion, Session, Vial
from Y90DosimetryLib.checks import raised
from Y90DosimetryLib.cli import register as command
from Y90DosimetryLib.dosimetry.lung import lung_mass_on_ct_g
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import CountMap, CtImage
from Y90DosimetryLib.lung_shunt import (
    PlanarRegion,
    compare_shunts,
    joint_shunt_fraction,
    planar_region,
    planar_shunt,
    spect_shunt,
)
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient
from Y90DosimetryLib.structures import Role, Structure

SETTINGS = PhantomSettings(ct_spacing_mm=(3.0, 3.0, 3.0))
WITHOUT_BLUR_TOLERANCE = 0.02
BLURRED_TOLERANCE = 0.07
"""Relative, for a SPECT of 12 to 16 mm FWHM: the lungs lose a little more over their edges than the liver."""


@cache
def patient(shunt=0.05, fwhm_mm=12.0, noise=True):
    return digital_patient(replace(SETTINGS, lung_shunt_fraction=shunt, spect_fwhm_mm=fwhm_mm, poisson_noise=noise))


@cache
def outlines() -> tuple[Structure, Structure]:
    case = patient().case()
    liver, lungs = case.one(Role.LIVER), case.one(Role.LUNGS)
    assert liver and lungs
    return liver, lungs


# SPECT of the digital patient


@pytest.mark.parametrize("shunt", [0.02, 0.05, 0.2])
def test_the_true_shunt_comes_back_without_blur(shunt):
    found = spect_shunt(patient(shunt, 0.0, False).maa, *outlines())
    assert found.fraction == pytest.approx(shunt, rel=WITHOUT_BLUR_TOLERANCE)


@pytest.mark.parametrize(("shunt", "fwhm_mm"), [(0.02, 12.0), (0.05, 12.0), (0.05, 16.0), (0.2, 12.0)])
def test_the_true_shunt_comes_back_from_a_blurred_noisy_spect(shunt, fwhm_mm):
    found = spect_shunt(patient(shunt, fwhm_mm).maa, *outlines())
    assert found.fraction == pytest.approx(shunt, rel=BLURRED_TOLERANCE)


def test_without_the_margin_the_dome_of_the_liver_raises_a_small_shunt_by_a_third():
    found = spect_shunt(patient(0.02).maa, *outlines())
    assert found.without_margin_fraction > 0.02 * 1.25
    assert found.fraction < found.without_margin_fraction


def test_counting_only_beyond_the_margin_is_a_lower_bound():
    found = spect_shunt(patient().maa, *outlines())
    assert found.beyond_margin_fraction < found.fraction
    assert found.counted_ml < found.in_view_ml == pytest.approx(outlines()[1].volume_ml, rel=1e-3)


def test_lungs_cut_by_the_field_of_view_are_extrapolated_only_in_a_number_of_its_own():
    image = patient().maa.image
    cut = CountMap(image[:, :, :65])
    whole, found = spect_shunt(patient().maa, *outlines()), spect_shunt(cut, *outlines())
    assert found.outside_view_fraction > 0.15
    assert isinstance(found.fraction, Missing) and "at least" in found.fraction.because
    assert found.least_fraction < whole.fraction * 0.9
    assert found.extrapolated_fraction == pytest.approx(whole.fraction, rel=0.07)
    assert whole.outside_view_fraction < 1e-3
    assert whole.extrapolated_fraction == pytest.approx(whole.fraction, rel=1e-3)


def test_lungs_whose_outline_ends_at_the_edge_of_the_ct_give_a_lower_bound():
    liver, lungs = outlines()
    case = patient().case()
    top = lungs.mask.GetSize()[2] - 20
    cut = Structure(Role.LUNGS, "Lungs", lungs.mask[:, :, :top])
    found = spect_shunt(patient().maa, liver, cut, CtImage(case.ct.image[:, :, :top]))
    assert found.is_lower_bound and isinstance(found.fraction, Missing)
    assert not spect_shunt(patient().maa, liver, lungs, case.ct).is_lower_bound


def test_a_case_and_the_comparison_measure_one_and_the_same_shunt():
    case = patient().case()
    (session,) = case.sessions
    ask = replace(session.infusions[0], lung_shunt_fraction=None, lung_shunt_from_image=True)
    asking = replace(case, sessions=(replace(session, infusions=(ask,)),))
    doses = Engine.prepare(asking).doses
    (row,) = compare_shunts(asking)
    assert doses.sessions[0].infusions[0].lung_shunt_fraction == row.spect.fraction == pytest.approx(0.05, rel=0.07)


@pytest.mark.parametrize(("typed", "judged"), [(0.03, 0.05), (0.045, 0.045), (0.09, 0.09)])
def test_of_a_typed_and_a_measured_shunt_that_contradict_each_other_the_higher_is_judged(typed, judged):
    """The image shows 5 %; two points or a fifth are uncertain, so 3 and 9 % contradict it and 4.5 % does not."""
    case = patient().case()
    (session,) = case.sessions
    other = replace(session.infusions[0], lung_shunt_fraction=typed - (typed == 0.03) * 0.005)
    live = Engine.prepare(replace(case, sessions=(replace(session, infusions=(other,)),))).live()
    net = live.doses.sessions[0].infusions[0].net
    assert live.doses.lung_doses_gy[0] == pytest.approx(net.infused_gbq * judged * 50.0 / 1.0, rel=0.08)
    told = [c.message for c in raised(live.checks) if c.check.id == "lung_shunt_differs"]
    assert bool(told) is (typed != 0.045)
    assert all("Gy to the lungs) typed" in m and "the higher is judged" in m for m in told)


# SPECT of boxes, by hand

WORLD = grid((5.0, 5.0, 5.0), (200.0, 200.0, 300.0))
LIVER = Structure(Role.LIVER, "Liver", box(WORLD, (-50, -50, -100), (50, 50, 0)))
LUNGS = Structure(Role.LUNGS, "Lungs", box(WORLD, (-50, -50, 0), (50, 50, 100)))


def spect(shine=0.0, lungs=0.1) -> CountMap:
    """Liver 1 per mL, lungs *lungs*; the lowest 15 mm of the lungs also hold *shine*."""
    points = points_mm(WORLD)
    values = sitk.GetArrayFromImage(LIVER.mask) + lungs * sitk.GetArrayFromImage(LUNGS.mask)
    values = values + shine * ((points[2] < 15) & (sitk.GetArrayFromImage(LUNGS.mask) > 0))
    return CountMap(filled(WORLD, values.astype(np.float32)))


def test_boxes_by_hand():
    found = spect_shunt(spect(shine=0.4), LIVER, LUNGS)
    assert found.fraction == pytest.approx(0.1 / 1.1, rel=1e-6)
    assert found.without_margin_fraction == pytest.approx(0.16 / 1.16, rel=1e-6)
    assert found.beyond_margin_fraction == pytest.approx(0.08 / 1.08, rel=1e-6)
    assert found.counted_ml == pytest.approx(800.0, rel=1e-6)


@pytest.mark.parametrize(("margin_mm", "excluded_mm"), [(0.0, 0.0), (10.0, 10.0), (20.0, 20.0), (40.0, 40.0)])
def test_the_margin_is_as_wide_as_it_says(margin_mm, excluded_mm):
    found = spect_shunt(spect(), LIVER, LUNGS, margin_mm=margin_mm)
    assert found.counted_ml == pytest.approx(10.0 * (100 - excluded_mm), rel=1e-6)
    assert found.fraction == pytest.approx(0.1 / 1.1, rel=1e-6)


def test_lungs_wholly_inside_the_margin_give_a_reason_and_not_0():
    found = spect_shunt(spect(), LIVER, LUNGS, margin_mm=150.0)
    assert isinstance(found.fraction, Missing) and "150 mm" in found.fraction.because
    assert isinstance(found.extrapolated_fraction, Missing)
    assert found.without_margin_fraction == pytest.approx(0.1 / 1.1, rel=1e-6)


def test_a_cut_liver_and_outlines_elsewhere_are_refused():
    with pytest.raises(GeometryError, match="only 50 % of the liver"):
        spect_shunt(CountMap(spect().image[:, :, 20:]), LIVER, LUNGS)
    away = sitk.Image(LUNGS.mask)
    away.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="'Lungs': it lies outside the image"):
        spect_shunt(spect(), LIVER, Structure(Role.LUNGS, "Lungs", away))
    with pytest.raises(InputError, match="'Lungs': it is empty"):
        spect_shunt(spect(), LIVER, Structure(Role.LUNGS, "Lungs", LUNGS.mask * 0))
    with pytest.raises(InputError, match="margin around the liver"):
        spect_shunt(spect(), LIVER, LUNGS, margin_mm=-1.0)
    with pytest.raises(InputError, match="liver counts"):
        spect_shunt(CountMap(constant(WORLD, 0.0)), LIVER, LUNGS)


# Planar views


@pytest.mark.parametrize(
    "zero", [(0.0, 9.0, 9.0, 9.0), (9.0, 0.0, 9.0, 9.0), (9.0, 9.0, 0.0, 9.0), (9.0, 9.0, 9.0, 0.0)]
)
def test_a_view_without_counts_is_no_measurement(zero):
    with pytest.raises(InputError, match="view holds 0 counts over the (lungs|liver)"):
        planar_shunt(PlanarRegion(*zero[:2]), PlanarRegion(*zero[2:]))


def test_planar_views_by_hand():
    found = planar_shunt(PlanarRegion(400.0, 900.0), PlanarRegion(10_000.0, 3600.0))
    assert found.uncorrected_fraction == pytest.approx(600.0 / 6600.0)
    assert isinstance(found.fraction, Missing) and found.best_fraction == found.uncorrected_fraction


def test_a_background_of_equal_size_is_subtracted_from_each_view():
    lungs, liver = PlanarRegion(400.0 + 200, 900.0 + 100, 100), PlanarRegion(10_000.0 + 100, 3600.0 + 50, 50)
    found = planar_shunt(lungs, liver, PlanarRegion(20.0, 10.0, 10))
    assert found.fraction == pytest.approx(600.0 / 6600.0) == found.best_fraction
    assert found.uncorrected_fraction > found.fraction


@given(st.floats(0.01, 0.99), st.floats(0.0, 100.0))
def test_any_background_comes_off_again(shunt, per_pixel):
    lungs, liver = (
        PlanarRegion(1e5 * share + 500 * per_pixel, 8e4 * share + 500 * per_pixel, 500) for share in (shunt, 1 - shunt)
    )
    background = PlanarRegion(40 * per_pixel, 40 * per_pixel, 40)
    assert planar_shunt(lungs, liver, background).fraction == pytest.approx(shunt, rel=1e-9)


def test_lungs_no_brighter_than_the_background_have_no_shunt_and_not_one_of_0():
    found = planar_shunt(PlanarRegion(100.0, 100.0, 10), PlanarRegion(9e3, 9e3, 10), PlanarRegion(100.0, 90.0, 10))
    assert isinstance(found.fraction, Missing) and "as high as the lungs" in found.fraction.because
    assert found.best_fraction == pytest.approx(100.0 / 9100.0), "as counted"
    found = planar_shunt(PlanarRegion(200.0, 200.0, 10), PlanarRegion(90.0, 900.0, 10), PlanarRegion(100.0, 90.0, 10))
    assert isinstance(found.fraction, Missing) and "as high as the liver" in found.fraction.because


def test_planar_regions_count_the_same_pixels_of_both_views():
    like = grid((2.0, 2.0, 1.0), (20.0, 10.0, 1.0))
    region = box(like, (-20, -20, -1), (0, 20, 1))
    found = planar_region(constant(like, 3.0), constant(like, 2.0), region)
    assert (found.anterior_counts, found.posterior_counts, found.pixel_count) == (75.0, 50.0, 25)


def test_planar_input_that_can_not_be_is_refused():
    like, small = grid((2.0, 2.0, 1.0), (20.0, 10.0, 1.0)), grid((2.0, 2.0, 1.0), (10.0, 10.0, 1.0))
    region = box(like, (-20, -20, -1), (0, 20, 1))
    with pytest.raises(InputError, match="posterior view: .*pixels"):
        planar_region(constant(like, 1.0), constant(small, 1.0), region)
    with pytest.raises(InputError, match="anterior view: a pixel is negative"):
        planar_region(constant(like, -1.0), constant(like, 1.0), region)
    with pytest.raises(InputError, match="region is empty"):
        planar_region(constant(like, 1.0), constant(like, 1.0), region * 0)
    with pytest.raises(InputError, match="0 counts over the liver"):
        planar_shunt(PlanarRegion(1.0, 1.0), PlanarRegion(0.0, 5.0))
    with pytest.raises(InputError, match="pixels are counted"):
        planar_shunt(PlanarRegion(1.0, 1.0), PlanarRegion(5.0, 5.0), PlanarRegion(1.0, 1.0, 10))
    with pytest.raises(InputError, match="negative"):
        PlanarRegion(-1.0, 1.0)


# Side by side, several infusions, lung mass


def test_both_methods_stand_side_by_side_with_their_difference():
    case = patient().case()
    key = (case.sessions[0].label, case.sessions[0].infusions[0].label)
    row, *rest = compare_shunts(case, {key: planar_shunt(PlanarRegion(80.0, 80.0), PlanarRegion(920.0, 920.0))})
    assert not rest and row.note == ""
    assert row.planar.best_fraction == pytest.approx(0.08)
    assert row.difference_fraction == pytest.approx(0.08 - row.spect.fraction)
    (alone,) = compare_shunts(case)
    assert isinstance(alone.difference_fraction, Missing) and "no planar views" in alone.difference_fraction.because


def test_each_infusion_keeps_its_own_value_and_a_shared_image_is_told():
    case = patient().case()
    perfused = case.sessions[0].infusions[0].perfused
    two = tuple(Infusion(n, Vial(1.0), perfused, lung_shunt_fraction=f) for n, f in (("a", 0.03), ("b", 0.12)))
    later = Session("later", (Infusion("c", Vial(1.0), perfused),))
    case = replace(case, sessions=(Session("first", two, case.sessions[0].image), later))
    planar = {("first", "b"): planar_shunt(PlanarRegion(10.0, 10.0), PlanarRegion(90.0, 90.0))}
    rows = compare_shunts(case, planar)
    assert [(r.session, r.infusion, r.entered_fraction) for r in rows] == [
        ("first", "a", 0.03), ("first", "b", 0.12), ("later", "c", None)
    ]  # fmt: skip
    assert isinstance(rows[0].planar, Missing) and rows[1].planar.best_fraction == pytest.approx(0.1)
    assert "all together" in rows[0].note and rows[2].note == ""
    assert isinstance(rows[2].spect, Missing)
    with pytest.raises(InputError, match="no infusion 'd'"):
        compare_shunts(case, {("first", "d"): planar[("first", "b")]})


def test_infusions_together_shunt_what_they_shunt_one_by_one():
    together = joint_shunt_fraction([3.0, 1.0], [0.04, 0.2])
    assert together * 4.0 == pytest.approx(3.0 * 0.04 + 1.0 * 0.2)
    with pytest.raises(InputError, match="2 activities and 1"):
        joint_shunt_fraction([3.0, 1.0], [0.04])
    with pytest.raises(InputError, match="not a percentage"):
        joint_shunt_fraction([3.0], [4.0])


def test_the_lung_mass_is_the_one_of_the_ct_and_missing_where_the_ct_cuts_them():
    ct = CtImage(constant(WORLD, -700.0))
    assert lung_mass_on_ct_g(LUNGS, ct) == pytest.approx(300.0, rel=1e-6)
    cut = lung_mass_on_ct_g(LUNGS, CtImage(ct.image[:, :, :40]))
    assert isinstance(cut, Missing) and "50 %" in cut.because


# The command


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(arguments)
    return int(args.run(args))


@pytest.fixture
def files(tmp_path):
    sitk.WriteImage(spect(shine=0.4).image, str(tmp_path / "spect.nrrd"))
    sitk.WriteImage(LIVER.mask + 2 * LUNGS.mask, str(tmp_path / "labels.nrrd"))
    sitk.WriteImage(constant(WORLD, -700.0), str(tmp_path / "ct.nrrd"))
    return tmp_path


def test_the_command_prints_both_methods(files, capsys):
    labels = files / "labels.nrrd"
    given = ["lsf", "--spect", str(files / "spect.nrrd"), "--liver", f"{labels}=1", "--lungs", f"{labels}=2"]
    given += ["--ct", str(files / "ct.nrrd"), "--planar", "400", "900", "10000", "3600"]
    assert run(*given, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    row = told["infusions"][0]
    assert row["spect_fraction"] == pytest.approx(0.1 / 1.1, rel=1e-6)
    assert row["planar_fraction"] is None and row["planar_uncorrected_fraction"] == pytest.approx(600 / 6600)
    assert row["planar_minus_spect_fraction"] == pytest.approx(0.0, abs=1e-7)
    assert told["lung_mass_g"] == pytest.approx(300.0, rel=1e-6)
    assert run(*given) == 0
    text = capsys.readouterr().out
    assert "SPECT, lungs in view" in text and "9.09 %" in text and "13.79 %" in text and "300 g" in text


def test_the_command_counts_regions_on_planar_images(tmp_path, capsys):
    like = grid((2.0, 2.0, 1.0), (20.0, 10.0, 1.0))
    lungs, liver = box(like, (-20, -20, -1), (0, 20, 1)), box(like, (0, -20, -1), (20, 20, 1))
    view = sitk.Cast(lungs, sitk.sitkFloat32) + 9.0 * sitk.Cast(liver, sitk.sitkFloat32)
    for name, image in {"a": view, "p": view, "lungs": lungs, "liver": liver}.items():
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    paths = {n: str(tmp_path / f"{n}.nrrd") for n in ("a", "p", "lungs", "liver")}
    given = ["--anterior", paths["a"], "--posterior", paths["p"], "--lung-region", paths["lungs"]]
    assert run("lsf", *given, "--liver-region", paths["liver"], "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["infusions"][0]["planar_uncorrected_fraction"] == pytest.approx(0.1)
    with pytest.raises(InputError, match="a view or a region is missing"):
        run("lsf", *given)


def test_the_command_says_what_is_missing():
    with pytest.raises(InputError, match="nothing to measure"):
        run("lsf")
    with pytest.raises(InputError, match="--background and --pixels together"):
        run("lsf", "--planar", "1", "1", "9", "9", "--background", "1", "1")
