"""Contours as other programs draw them: what is circled is inside, once or several times around."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_kit import circle, contours, ct, pydicom
from test_dicom_elsewhere import MIDDLE, ROOM, disk_ml, notes, volumes_ml


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
