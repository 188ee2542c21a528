"""Recomputed on images: volumes, what an outline fills of coarse voxels, masses from CT, histograms, lung shunt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..dosimetry.dvh import Dvh, dvh_of
from ..dosimetry.lung import lung_mass_from_ct_g, lung_shunt_fraction, planar_lung_shunt_fraction
from ..dosimetry.tissue import density_of
from ..geometry import longest_diameter_mm
from ..images import CountMap
from ..lung_shunt import PlanarRegion, joint_shunt_fraction, planar_shunt, spect_shunt
from ..occupancy import Grid, occupancy_of
from ..structures import Role, Structure

UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)
"""Turned about the long axis of the body by 16.26 degrees, exactly."""


def _image(array: NDArray[Any], spacing_mm: Sequence[float], direction: Sequence[float] = UPRIGHT) -> sitk.Image:
    """Return an image whose middle lies at the origin of the patient's space."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_mm)
    image.SetDirection(direction)
    middle = (np.array(array.shape[::-1]) - 1) / 2 * np.array(spacing_mm)
    image.SetOrigin((-np.reshape(direction, (3, 3)) @ middle).tolist())
    return image


def _ball(radius_mm: float, spacing_mm: Sequence[float], direction: Sequence[float] = UPRIGHT) -> Structure:
    half = [int(np.ceil(radius_mm / s)) + 1 for s in reversed(spacing_mm)]
    z, y, x = np.meshgrid(*(np.arange(-h, h + 1) for h in half), indexing="ij")
    squared = (x * spacing_mm[0]) ** 2 + (y * spacing_mm[1]) ** 2 + (z * spacing_mm[2]) ** 2
    return Structure(Role.TUMOR, "Ball", _image((squared <= radius_mm**2).astype(np.uint8), spacing_mm, direction))


def _ball_ml(radius_mm: float, spacing_mm: list[float]) -> float:
    return _ball(radius_mm, spacing_mm).volume_ml


def _ball_diameter_mm(radius_mm: float, spacing_mm: list[float]) -> float:
    return longest_diameter_mm(_ball(radius_mm, spacing_mm))


def _on_coarse_voxels(radius_mm: float, voxel_mm: float, oblique: bool) -> float:
    """Return the volume of an outline on the coarse voxels of a SPECT over its volume on its own."""
    ball = _ball(radius_mm, (1.0, 1.0, 1.0))
    n = int(np.ceil(2 * radius_mm / voxel_mm)) + 6
    grid = _image(np.zeros((n, n, n), np.float32), (voxel_mm,) * 3, OBLIQUE if oblique else UPRIGHT)
    return occupancy_of(ball, Grid.of(grid)).total_ml / ball.volume_ml


def _mean_inside(edge_mm: float, voxel_mm: float) -> float:
    """Return the mean over a box of an image that is 1 in the half space x < 0, a quarter of the box, and 0 elsewhere.

    The box reaches from -edge/4 to 3 edge/4 along x, its faces inside the voxels of the image.
    """
    fine = np.zeros((40, 40, 80), np.uint8)
    step_mm = edge_mm / 20.0
    fine[10:30, 10:30, 35:55] = 1
    box = Structure(Role.TUMOR, "Box", _image(fine, (step_mm,) * 3))
    n = 2 * int(np.ceil(2 * edge_mm / voxel_mm))
    values = np.zeros((n, n, n), np.float32)
    values[:, :, : n // 2] = 1.0
    return occupancy_of(box, Grid.of(_image(values, (voxel_mm,) * 3))).mean(values)


def _lung_mass_g(hu: list[float], volumes_ml: list[float]) -> float:
    return lung_mass_from_ct_g(np.array(hu), np.array(volumes_ml))


def _tissue_g_ml(attenuation_hu: float) -> float:
    return float(density_of(np.array([attenuation_hu]))[0])


def _ramp(point: str, voxels: int, highest_gy: float) -> float:
    """Return a point of the histogram of doses that rise evenly from 0 to *highest_gy*."""
    doses = (np.arange(voxels) + 0.5) / voxels * highest_gy
    return _point(dvh_of(doses, np.full(voxels, 100.0 / voxels)), point)


def _listed(point: str, doses_gy: list[float], weights_ml: list[float]) -> float:
    return _point(dvh_of(np.array(doses_gy), np.array(weights_ml)), point)


def _point(dvh: Dvh, point: str) -> float:
    """Return D98 and the like in Gy, V205 and the like as a fraction, or another number of the summary."""
    kind, number = point[0], point[1:]
    if number.isdigit():
        return dvh.d_gy(int(number) / 100.0) if kind == "D" else dvh.v_fraction(float(number))
    return float(getattr(dvh.summary(), point))


def _planar(lungs: list[float], liver: list[float], background: list[float] | None = None) -> float | str:
    """Return the shunt of anterior and posterior counts, each with the number of pixels where a background is given."""
    of_lungs, of_liver = (PlanarRegion(a, p, int(n)) for a, p, n in (lungs, liver))
    if background is None:
        return planar_shunt(of_lungs, of_liver).uncorrected_fraction
    anterior, posterior, pixels = background
    found = planar_shunt(of_lungs, of_liver, PlanarRegion(anterior, posterior, int(pixels))).fraction
    return found if isinstance(found, float) else found.because


def _spect(what: str, liver_value: float, lung_value: float) -> float | str:
    """Return a shunt from boxes: liver 10 x 10 x 10 cm, lungs 20 cm above it, of 20 x 10 x 10 cm."""
    values = np.zeros((34, 12, 12), np.float32)
    masks = {role: np.zeros((34, 12, 12), np.uint8) for role in (Role.LIVER, Role.LUNGS)}
    for role, span, value in ((Role.LIVER, (1, 11), liver_value), (Role.LUNGS, (11, 31), lung_value)):
        masks[role][span[0] : span[1], 1:11, 1:11] = 1
        values[span[0] : span[1], 1:11, 1:11] = value
    liver, lungs = (Structure(role, role.value, _image(mask, (10.0,) * 3)) for role, mask in masks.items())
    found = getattr(spect_shunt(CountMap(_image(values, (10.0,) * 3)), liver, lungs), what)
    return float(found) if isinstance(found, int | float) else str(found.because)


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "structures": {"ball.volume_ml": _ball_ml},
    "geometry": {"ball.diameter_mm": _ball_diameter_mm},
    "occupancy": {"coarse.volume_ratio": _on_coarse_voxels, "coarse.mean": _mean_inside},
    "dosimetry.lung": {
        "lung.mass_from_ct_g": _lung_mass_g,
        "shunt.of_counts": lung_shunt_fraction,
        "shunt.of_planar": planar_lung_shunt_fraction,
    },
    "dosimetry.tissue": {"tissue.density_g_ml": _tissue_g_ml},
    "dosimetry.dvh": {"dvh.ramp": _ramp, "dvh.of": _listed},
    "lung_shunt": {"shunt.planar": _planar, "shunt.spect": _spect, "shunt.joint": joint_shunt_fraction},
}
