"""Contours as other programs draw them: what is circled is inside, once or several times around."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import circle, contours, ct, pydicom
from export_kit import dicom_ct, lobe, program, small_case
from test_dicom_elsewhere import MIDDLE, ROOM, disk_ml, notes, volumes_ml

from Y90DosimetryLib.io.dicom_case import Choices, case_from_dicom
from Y90DosimetryLib.io.dicom_fill import filled
from Y90DosimetryLib.io.dicom_objects import NewSeries, save
from Y90DosimetryLib.io.dicom_reference import read_reference
from Y90DosimetryLib.io.dicom_rtstruct import keyholed, pixel_edges, structure_set
from Y90DosimetryLib.occupancy import Grid, occupancy_of
from Y90DosimetryLib.structures import Structure


def again(loop, turned=0, backward=False, closed=False):
    moved = np.roll(loop, turned, axis=0)[:: -1 if backward else 1]
    return np.concatenate([moved, moved[:1]]) if closed else moved


@pytest.mark.parametrize(
    "how", [{"closed": True}, {"turned": 40}, {"backward": True}, {"turned": 7, "backward": True, "closed": True}]
)
def test_a_contour_given_twice_counts_once(tmp_path, how):
    ct(tmp_path / "ct", ROOM)
    loop = circle(20, (*MIDDLE, 70.0), 360)
    contours(tmp_path / "rt.dcm", {"Tumor": [loop, again(loop, **how)]})
    assert volumes_ml(tmp_path)["Tumor"] == pytest.approx(disk_ml(20), rel=0.005)
    assert "1 contour is given twice" in notes(tmp_path)


def test_what_a_contour_circles_twice_is_inside(tmp_path):
    ct(tmp_path / "ct", ROOM)
    turn = 3 * np.pi * np.arange(540) / 540
    radius = np.where(turn > 2 * np.pi, 15.0, 20.0)
    x, y = MIDDLE[0] + radius * np.cos(turn), MIDDLE[1] + radius * np.sin(turn)
    contours(tmp_path / "rt.dcm", {"Tumor": [np.stack([x, y, np.full(540, 70.0)], axis=1)]})
    assert volumes_ml(tmp_path)["Tumor"] == pytest.approx(disk_ml(20), rel=0.01)


@pytest.mark.parametrize("step", [1, -1], ids=["same way", "other way"])
def test_a_keyhole_is_a_hole_whichever_way_its_inner_part_runs(tmp_path, step):
    ct(tmp_path / "ct", ROOM)
    outer, inner = circle(30, (*MIDDLE, 70.0), 360), circle(15, (*MIDDLE, 70.0), 360)[::step]
    inner = np.roll(inner, -int(np.argmax(inner[:, 0])), axis=0)
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    contours(tmp_path / "rt.dcm", {"Liver": [keyhole]})
    assert volumes_ml(tmp_path)["Liver"] == pytest.approx(disk_ml(30) - disk_ml(15), rel=0.005)


def test_contours_longer_than_64_kilobytes_are_read(tmp_path):
    """Explicit VR has no room for their length: they are stored with the value representation UN (PS3.5, 6.2.2)."""
    ct(tmp_path / "ct", ROOM)
    loop = circle(30, (*MIDDLE, 70.0), 4000)
    with pytest.warns(UserWarning, match="VR is changed from 'DS' to 'UN'"):
        path = contours(tmp_path / "rt.dcm", {"Liver": [loop], "Tumor": [circle(20, (*MIDDLE, 70.0))]})
    assert b"UN" in path.read_bytes()[-200_000:]
    assert volumes_ml(tmp_path)["Liver"] == pytest.approx(disk_ml(30), rel=0.005)


def test_a_contour_of_fewer_points_than_it_says_is_not_filled(tmp_path):
    ct(tmp_path / "ct", ROOM)
    path = contours(
        tmp_path / "rt.dcm", {"Liver": [circle(30, (*MIDDLE, 70.0))], "Other": [circle(9, (*MIDDLE, 70.0))]}
    )
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 300
    dataset.save_as(path)
    assert volumes_ml(tmp_path)["Liver"] is None and "a contour of 300 points holds 120 points" in notes(tmp_path)


def test_structures_written_as_contours_come_back_to_the_voxel(tmp_path):
    case = small_case(tmp_path / "case")
    reference = read_reference(dicom_ct(tmp_path / "ct", case.ct.image))
    structures = (*case.structures, lobe(case))
    written = structure_set(structures, reference, NewSeries("RTSTRUCT", 9150, "Contours"), datetime.now(UTC))
    save(written, tmp_path / "ct" / "rt.dcm")
    found = case_from_dicom(tmp_path / "ct", Choices(roles={"FLR, left": "flr"})).case
    grid = Grid.of(reference.image)
    for structure in structures:
        inside = occupancy_of(structure, grid)
        true_ml = float((inside.volume_ml >= grid.voxel_ml / 2).sum()) * grid.voxel_ml
        (back,) = [s for s in found.structures if s.label == structure.label]
        assert back.role is structure.role
        assert occupancy_of(back, grid).total_ml == pytest.approx(true_ml, rel=1e-4)


def test_a_hole_and_pixels_that_touch_at_a_corner_are_loops_of_their_own():
    mask = np.zeros((7, 8), dtype=np.uint8)
    mask[1:6, 1:6] = 1
    mask[3, 3] = 0
    mask[6, 6] = 1
    loops = list(pixel_edges(mask))
    ends = [np.roll(o, -1, axis=0) for o in loops]
    areas = sorted(float((o[:, 0] * e[:, 1] - o[:, 1] * e[:, 0]).sum() / 2) for o, e in zip(loops, ends, strict=True))
    assert areas == [-25.0, -1.0, 1.0], "outer loops run one way, the hole the other"
    joined = keyholed(loops)
    assert len(joined) == 2
    assert np.array_equal(filled(joined, 7, 8).inside, mask)


def test_plastimatch_reads_the_contours_with_their_holes(tmp_path):
    case = small_case(tmp_path / "case")
    reference = read_reference(dicom_ct(tmp_path / "ct", case.ct.image))
    save(
        structure_set(case.structures, reference, NewSeries("RTSTRUCT", 9150, "C"), datetime.now(UTC)),
        tmp_path / "rt.dcm",
    )
    subprocess.run(
        [program("plastimatch"), "convert", "--input", str(tmp_path / "rt.dcm"),
         "--referenced-ct", str(tmp_path / "ct"),
         "--output-prefix", str(tmp_path / "out"), "--prefix-format", "nrrd"], capture_output=True, check=True,
    )  # fmt: skip
    for structure in case.structures:
        back = sitk.ReadImage(str(tmp_path / "out" / f"{structure.label}.nrrd"))
        assert Structure(structure.role, "back", back).volume_ml == pytest.approx(structure.volume_ml, rel=0.002)
