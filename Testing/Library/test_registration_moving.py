"""Moving images by a transform, the measures of a registration, and the command."""

import argparse
import json

import numpy as np
import pytest
import SimpleITK as sitk
from registration_kit import hybrid_ct, outline, patient
from shapes import box, ellipsoid, grid, points_mm

from Y90DosimetryLib.cli import register as command
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityMap, CtImage
from Y90DosimetryLib.registration import (
    apply,
    dice_of,
    is_rigid,
)
from Y90DosimetryLib.registration.result import motion_of, volume_ratios
from Y90DosimetryLib.structures import Role, Structure


def rigid(turn_deg=10.0, shift=(5.0, -7.0, 12.0), center=(20.0, 0.0, -30.0)) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter(center)
    transform.SetRotation(0.0, 0.0, np.radians(turn_deg))
    transform.SetTranslation(shift)
    return transform


def scaled(factor: float) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.Scale(factor)
    return transform


def ball(radius_mm=40.0, center_mm=(0.0, 0.0, 0.0), spacing_mm=2.0) -> Structure:
    like = grid((spacing_mm,) * 3, (160.0, 160.0, 160.0))
    return Structure(Role.LIVER, "Liver", ellipsoid(like, center_mm, (radius_mm,) * 3))


def activity() -> ActivityMap:
    like = grid((4.0, 5.0, 6.0), (120.0, 120.0, 120.0), direction=np.diag([-1.0, -1.0, 1.0]))
    blob = np.exp(-(points_mm(like) ** 2).sum(axis=0) / (2 * 15.0**2)).astype(np.float32)
    image = sitk.GetImageFromArray(blob)
    image.CopyInformation(like)
    return ActivityMap(image)


def test_a_rigid_transform_moves_the_geometry_and_leaves_every_voxel():
    was = activity()
    transform = rigid()
    moved = apply(transform, was)
    assert isinstance(moved.moved, ActivityMap) and not moved.resampled and "voxels kept" in moved.note
    now = moved.moved.image
    assert np.array_equal(sitk.GetArrayFromImage(now), sitk.GetArrayFromImage(was.image))
    for index in ((0, 0, 0), (29, 0, 3), (7, 20, 19)):
        there = transform.TransformPoint(now.TransformIndexToPhysicalPoint(index))
        assert there == pytest.approx(was.image.TransformIndexToPhysicalPoint(index), abs=1e-6)
    assert now.GetSpacing() == was.image.GetSpacing()


def test_a_moved_image_shows_the_same_as_one_resampled_by_the_transform():
    was, transform = activity().image, rigid()
    like = grid((6.0, 6.0, 6.0), (60.0, 60.0, 60.0))
    resampled = sitk.Resample(was, like, transform, sitk.sitkLinear)
    read_off = sitk.Resample(apply(transform, was).moved, like, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear)
    assert np.abs(sitk.GetArrayFromImage(resampled) - sitk.GetArrayFromImage(read_off)).max() < 1e-5


def test_moving_there_and_back_ends_where_it_began():
    was, transform = activity().image, rigid()
    back = apply(transform.GetInverse(), apply(transform, was).moved).moved
    assert back.GetOrigin() == pytest.approx(was.GetOrigin(), abs=1e-9)
    assert back.GetDirection() == pytest.approx(was.GetDirection(), abs=1e-12)


def test_an_affine_transform_resamples_and_says_how_the_total_changed():
    was = activity()
    moved = apply(scaled(1.05), was)  # fixed to moving: what is moved shrinks by 5 % along each axis
    total = [sitk.GetArrayFromImage(i).sum() for i in (was.image, moved.moved.image)]
    assert moved.resampled and "not quantitative" in moved.note
    assert total[1] / total[0] == pytest.approx(1.05**-3, rel=0.02)
    assert f"{(total[1] / total[0] - 1) * 100:+.1f} %" in moved.note


def test_a_resampled_outline_stays_an_outline():
    moved = apply(scaled(1.1), ball())
    assert set(np.unique(sitk.GetArrayFromImage(moved.moved.mask))) == {0, 1}
    assert moved.moved.volume_ml == pytest.approx(ball().volume_ml / 1.1**3, rel=0.02)


def test_a_resampled_ct_is_filled_with_air_and_not_with_water():
    ct = CtImage(sitk.Cast(activity().image * 1000 - 1000, sitk.sitkInt16))
    moved = apply(scaled(1.4), ct)
    lowest = int(sitk.GetArrayViewFromImage(ct.image).min())
    assert lowest < -990
    assert sitk.GetArrayFromImage(moved.moved.image)[0, 0, 0] == lowest


def test_only_turning_and_shifting_is_rigid():
    assert is_rigid(rigid()) and is_rigid(sitk.Transform(3, sitk.sitkIdentity))
    assert is_rigid(sitk.CompositeTransform([rigid(), rigid(3.0)]))
    mirror = sitk.AffineTransform(3)
    mirror.SetMatrix(np.diag([-1.0, 1.0, 1.0]).ravel())
    assert not is_rigid(mirror) and not is_rigid(scaled(1.001))
    bent = sitk.BSplineTransformInitializer(activity().image, [3, 3, 3])
    assert not is_rigid(bent)


def test_a_transform_that_can_not_be_undone_is_refused():
    with pytest.raises(InputError, match="too much to be undone"):
        apply(scaled(3.5), activity())


def test_the_motion_is_that_of_the_moving_image():
    points = np.random.default_rng(1).normal(0, 40, (500, 3))
    shift_mm, rotation_deg = motion_of(rigid(8.0, (5.0, -7.0, 12.0), tuple(points.mean(axis=0))), points)
    assert shift_mm == pytest.approx([-5.0, 7.0, -12.0], abs=1e-9)
    assert rotation_deg == pytest.approx(8.0, abs=1e-6)


def test_dice_of_balls_is_that_of_geometry():
    identity = sitk.Transform(3, sitk.sitkIdentity)
    assert dice_of(ball(), ball(spacing_mm=3.0), identity) == pytest.approx(1.0, abs=0.03)
    r, d = 40.0, 20.0
    lens = (4 * r + d) * (2 * r - d) ** 2 / (16 * r**3)  # shared volume of two equal balls over one
    assert dice_of(ball(), ball(center_mm=(d, 0, 0)), identity) == pytest.approx(lens, abs=0.01)
    back = sitk.TranslationTransform(3, (d, 0.0, 0.0))
    assert dice_of(ball(), ball(center_mm=(d, 0, 0)), back) == pytest.approx(1.0, abs=0.01)


def test_a_mask_cut_to_its_bounding_box_has_the_same_dice():
    whole = ball(center_mm=(10.0, 0.0, 0.0))
    cut = Structure(Role.LIVER, "Liver", sitk.RegionOfInterest(whole.mask, whole.box.size, whole.box.index))
    identity = sitk.Transform(3, sitk.sitkIdentity)
    assert dice_of(ball(), cut, identity) == pytest.approx(dice_of(ball(), whole, identity), abs=0.002)
    assert dice_of(cut, ball(), identity) == pytest.approx(dice_of(whole, ball(), identity), abs=0.01)


def test_the_change_of_volume_is_that_of_the_moved_liver():
    ratio, lowest = volume_ratios(ball(), scaled(1.1))
    assert ratio == pytest.approx(1.1**-3, rel=1e-3)
    assert lowest == pytest.approx(1.1**3, rel=1e-3)
    assert volume_ratios(ball(), rigid()) == (1.0, 1.0)


# The command


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(arguments)
    return int(args.run(args))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    place = ((4.0, 0.0, 0.0), (5.0, 0.0, 10.0))
    sitk.WriteImage(patient().ct.image, str(folder / "ct.nrrd"))
    sitk.WriteImage(hybrid_ct(*place).image, str(folder / "hybrid.nrrd"))
    sitk.WriteImage(outline(Role.LIVER).mask * 5, str(folder / "labels.nrrd"))
    sitk.WriteImage(patient(*place).maa.image, str(folder / "spect.nrrd"))
    return folder


def test_the_command_writes_the_transform_and_moves_the_spect_with_its_ct(files, tmp_path, capsys):
    out, moved = tmp_path / "t.tfm", tmp_path / "moved.nrrd"
    arguments = ["register", str(files / "hybrid.nrrd"), str(files / "ct.nrrd"), "--out", str(out), "--json"]
    arguments += ["--liver", f"{files / 'labels.nrrd'}=5", "--move", str(files / "spect.nrrd"), str(moved)]
    assert run(*arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rotation_deg"] == pytest.approx(4.0, abs=0.5)
    assert told["moved_mm"]["head"] == pytest.approx(-10.0, abs=4.0)
    assert told["compared"] == "ct_to_ct" and told["dice_after"] is None and told["dice_after_missing_because"]
    transform = sitk.ReadTransform(str(out))
    expected = apply(transform, sitk.ReadImage(str(files / "spect.nrrd"))).moved
    written = sitk.ReadImage(str(moved))
    assert written.GetOrigin() == pytest.approx(expected.GetOrigin(), abs=1e-4)
    assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(expected))


def test_the_command_refuses_what_it_would_overwrite_before_it_works(files, tmp_path):
    there = tmp_path / "t.tfm"
    there.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        run("register", str(files / "hybrid.nrrd"), str(files / "ct.nrrd"), "--out", str(there))
    assert there.read_text() == "mine"
    with pytest.raises(InputError, match="no name of a transform"):
        run("register", str(files / "hybrid.nrrd"), str(files / "ct.nrrd"), "--out", str(tmp_path / "t.nrrd"))


def test_boxes_far_apart_do_not_overlap():
    like = grid((5.0, 5.0, 5.0), (100.0, 100.0, 100.0))
    one = Structure(Role.LIVER, "Liver", box(like, (-40, -40, -40), (-10, -10, -10)))
    two = Structure(Role.LIVER, "Liver", box(like, (10, 10, 10), (40, 40, 40)))
    assert dice_of(one, two, sitk.Transform(3, sitk.sitkIdentity)) == 0.0
