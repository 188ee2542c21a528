"""Outlines made from others have the volumes geometry says, on grids that need not agree."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.outlining import above_threshold, without
from Y90DosimetryLib.structures import Role, Structure


def image(array: np.ndarray, spacing_mm: float, origin_mm: float = 0.0) -> sitk.Image:
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((spacing_mm,) * 3)
    made.SetOrigin((origin_mm,) * 3)
    return made


def ball(
    radius_mm: float, label: str, spacing_mm: float, center_mm: float = 30.0, role: Role = Role.TUMOR
) -> Structure:
    axis = np.arange(round(60 / spacing_mm)) * spacing_mm - center_mm
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return Structure(role, label, image((x**2 + y**2 + z**2 <= radius_mm**2).astype(np.uint8), spacing_mm))


def volume_ml(mask: sitk.Image) -> float:
    return float(sitk.GetArrayViewFromImage(mask).sum()) * np.prod(mask.GetSpacing()) / 1000


def ramp(spacing_mm: float = 5.0) -> CountMap:
    """Counts that grow along x as the position in mm, 0 at x = 0."""
    n = round(60 / spacing_mm) + 1
    return CountMap(image(np.broadcast_to(np.arange(n) * spacing_mm, (n, n, n)).astype(np.float32), spacing_mm))


def test_half_of_the_largest_value_on_a_ramp_is_a_plane() -> None:
    liver = Structure(Role.LIVER, "Liver", image(np.ones((10, 10, 41), np.uint8), 1.0))
    mask = above_threshold(ramp(), liver, 0.5)
    columns = np.flatnonzero(sitk.GetArrayViewFromImage(mask).all(axis=(0, 1)))
    assert columns.tolist() == list(range(20, 41))


def test_only_voxels_inside_the_structure_count_and_are_taken() -> None:
    liver = ball(15.0, "Liver", 1.0, role=Role.LIVER)
    mask = above_threshold(ramp(), liver, 0.9)
    at = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, 2].min() * 1.0 + mask.GetOrigin()[0]
    assert at == pytest.approx(0.9 * 45.0, abs=1.0), "the largest value is that at the liver's edge, x = 45 mm"


@pytest.mark.parametrize("share_fraction", [0.0, 1.0, 40.0, -0.1])
def test_a_threshold_that_is_no_fraction_is_refused(share_fraction: float) -> None:
    with pytest.raises(InputError, match="Give a fraction between 0 and 1"):
        above_threshold(ramp(), ball(15.0, "Liver", 1.0), share_fraction)


def test_an_image_elsewhere_is_refused() -> None:
    far = CountMap(image(np.ones((5, 5, 5), np.float32), 5.0, origin_mm=500.0))
    with pytest.raises(InputError, match="the image holds nothing inside 'Liver'"):
        above_threshold(far, ball(15.0, "Liver", 1.0), 0.5)


def test_a_ball_without_its_core_is_a_shell_also_when_the_core_is_on_another_grid() -> None:
    for spacing_mm in (1.0, 1.7):
        shell = without(ball(20.0, "Outer", 1.0), [ball(12.0, "Core", spacing_mm)])
        expected_ml = 4 / 3 * np.pi * (20**3 - 12**3) / 1000
        assert volume_ml(shell) == pytest.approx(expected_ml, rel=0.02)


def test_what_lies_elsewhere_or_is_empty_takes_nothing_away() -> None:
    whole = ball(8.0, "Tumor", 1.0, center_mm=15.0)
    empty = Structure(Role.TUMOR, "Empty", image(np.zeros((3, 3, 3), np.uint8), 1.0))
    assert volume_ml(without(whole, [ball(8.0, "Other", 1.0, center_mm=45.0), empty])) == whole.volume_ml


def test_nothing_left_and_nothing_there_are_refused() -> None:
    with pytest.raises(InputError, match="nothing of 'Core' is left"):
        without(ball(5.0, "Core", 1.0), [ball(20.0, "Outer", 1.0)])
    empty = Structure(Role.LIVER, "Empty", image(np.zeros((3, 3, 3), np.uint8), 1.0))
    with pytest.raises(InputError, match="'Empty' is empty"):
        without(empty, [])
