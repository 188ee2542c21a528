"""The CT of the digital patient: organs painted in Hounsfield units, a scanner's sharpness and noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..occupancy import Grid
from . import anatomy as a
from .raster import Float32, Float64, Inside, image_on, slabs
from .solids import Column, Ellipsoid, HalfSpace, Solid, Tube

AIR_HU, FAT_HU, MUSCLE_HU, BONE_HU, CORTEX_HU, WATER_HU = -1000.0, -105.0, 55.0, 190.0, 420.0, 8.0
LUNG_HU, LUNG_VESSEL_HU, LIVER_HU = -750.0, 40.0, 82.0
AORTA_HU, PORTAL_HU, CAVA_HU, HEPATIC_VEIN_HU, THROMBUS_HU = 290.0, 150.0, 110.0, 72.0, 62.0
SHARPNESS_MM = 0.7  # sigma of the scanner's in-plane blur


@dataclass(frozen=True)
class Stripes(Solid):
    """Slabs `period_mm` apart along z that sink toward the front and the sides by the slopes (ribs, disks)."""

    period_mm: float
    thickness_mm: float
    offset_mm: float = 0.0
    front_slope_ratio: float = 0.0
    side_slope_ratio: float = 0.0

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        sunk = np.float32(self.side_slope_ratio) * np.abs(x_mm) - np.float32(self.front_slope_ratio) * y_mm
        height = z_mm + sunk - np.float32(self.offset_mm)
        inside: Inside = np.mod(height, np.float32(self.period_mm)) < self.thickness_mm
        return inside

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """All of space."""
        return np.full(3, -np.inf), np.full(3, np.inf)


def ct_image(body: a.Anatomy, grid: Grid, noise_hu: float, rng: np.random.Generator) -> sitk.Image:
    """Return a late arterial CT in Hounsfield units (16-bit) on *grid*."""
    hu = np.full(grid.size[::-1], AIR_HU, dtype=np.int16)
    for solid, value_hu in paint(body):
        for box, inside in slabs(solid, grid):
            np.copyto(hu[box.slices], np.int16(value_hu), where=inside)
    _scan(hu, grid, noise_hu, rng)
    return image_on(hu, grid)


def lung_mass_g(body: a.Anatomy) -> float:
    """Return the true mass of the lungs and the vessels in them, at a density of 1 + HU/1000 g/mL."""
    mass_g = body.lung_volume_ml * (1 + LUNG_HU / 1000)
    for side in (a.RIGHT_LUNG, a.LEFT_LUNG):
        vessels = reduce(or_, (tube for tube, _ in _LUNG_VESSELS)) & side
        mass_g += vessels.volume_ml * (LUNG_VESSEL_HU - LUNG_HU) / 1000
    return mass_g


def _scan(hu: NDArray[np.int16], grid: Grid, noise_hu: float, rng: np.random.Generator) -> None:
    """Blur each slice in its plane and add noise of the same grain, in place."""
    sigma = [SHARPNESS_MM / s for s in (grid.spacing_mm[1], grid.spacing_mm[0])]
    point = np.zeros((33, 33), dtype=np.float32)
    point[16, 16] = 1
    kept = float(np.sqrt((gaussian_filter(point, sigma) ** 2).sum()))
    for plane in hu:
        grain = rng.standard_normal(plane.shape, dtype=np.float32) * np.float32(noise_hu / kept)
        smooth = gaussian_filter(plane + grain, sigma, mode="nearest")
        plane[:] = np.clip(np.rint(smooth), -1024, 3071).astype(np.int16)


def paint(body: a.Anatomy) -> list[tuple[Solid, float]]:
    """Return solids and their attenuation in HU; later ones cover earlier ones."""
    lesions = [(a.ellipsoid_of(lesion), lesion.attenuation_hu) for lesion in body.settings.lesions]
    thrombus = [(a.THROMBUS, THROMBUS_HU)] if body.settings.thrombus_ratio is not None else []
    return [
        *_WALL,
        *_BELLY,
        *_CHEST,
        (body.lungs, LUNG_HU),
        *_LUNG_VESSELS,
        *_SKELETON,
        *_VESSELS,
        (body.liver, LIVER_HU),
        *((tube & body.liver, hu) for tube, hu in _LIVER_VESSELS),
        *lesions,
        *thrombus,
    ]


def _ring(center: tuple[float, float], outer: tuple[float, float], wall_mm: float, power: float = 2.0) -> Solid:
    return Column(center, outer, power=power) - Column(center, (outer[0] - wall_mm, outer[1] - wall_mm), power=power)


_ABOVE_THE_RIB_MARGIN = HalfSpace((0, -60, 20), (0, 0.5, 1))
_STOMACH = Ellipsoid((66, -26, 14), (46, 40, 50))
_KIDNEYS = (Ellipsoid((-58, 50, -66), (27, 25, 52)), Ellipsoid((60, 52, -48), (27, 25, 54)))
_AT_THE_SPINE = Column((0, 95), (32, 50))
_RIBS = _ring((0, 1), (141, 91), 8.0, 2.35) - _AT_THE_SPINE
_MARROW = _ring((0, 1), (139, 89), 4.0, 2.35) - _AT_THE_SPINE

_WALL: list[tuple[Solid, float]] = [
    (Column((0, 5), (166, 112), power=2.4), FAT_HU),
    (Column((0, 3), (146, 98), power=2.4), MUSCLE_HU),
    (a.CAVITY, FAT_HU),
    (Column((0, 98), (12, 14)), FAT_HU),
    (a.BACK_MUSCLES, MUSCLE_HU),
    (Column((-38, 44), (15, 17), -np.inf, -30) | Column((38, 44), (15, 17), -np.inf, -30), MUSCLE_HU),
]
_BELLY: list[tuple[Solid, float]] = [
    (Ellipsoid((92, 40, 22), (27, 34, 46)), 128.0),
    (_STOMACH, 48.0),
    (_STOMACH.scaled(0.9), WATER_HU + 12),
    (_STOMACH.scaled(0.9) & HalfSpace((0, -34, 0), (0, -1, 0)), AIR_HU),
    *((kidney, 175.0) for kidney in _KIDNEYS),
    *((kidney.scaled(0.66), 95.0) for kidney in _KIDNEYS),
    *((kidney.scaled(0.3), FAT_HU) for kidney in _KIDNEYS),
    (Tube((-22, -4, -38), (60, 28, 4), 10.0), 92.0),
    (Tube((-104, -34, -96), (40, -56, -78), 19.0), 50.0),
    (Tube((-104, -34, -96), (40, -56, -78), 15.0), -850.0),
    (Tube((-32, 4, -110), (-32, 4, -34), 13.0), 45.0),
    (Ellipsoid((-44, -50, -34), (15, 22, 24)), WATER_HU),
]
_CHEST: list[tuple[Solid, float]] = [
    (a.LEFT_DIAPHRAGM & a.CAVITY & HalfSpace((0, 0, 60), (0, 0, 1)), FAT_HU),
    (a.HEART, 95.0),
    (Ellipsoid((32, -34, 106), (30, 26, 28)), 240.0),
    (Ellipsoid((-4, -36, 116), (20, 24, 28)), 190.0),
]
_LUNG_VESSELS: list[tuple[Solid, float]] = [
    (Tube((side * 34, 14, 118), (side * x, y, z), r), LUNG_VESSEL_HU)
    for side in (-1, 1)
    for x, y, z, r in ((96, 40, 70, 4.5), (84, -36, 96, 4.0), (72, 44, 176, 3.5), (92, 4, 140, 3.5), (60, 60, 100, 3.5))
]
_SKELETON: list[tuple[Solid, float]] = [
    (_RIBS & Stripes(34, 11, 0, 0.55, 0.3) & _ABOVE_THE_RIB_MARGIN, CORTEX_HU),
    (_MARROW & Stripes(34, 8, 1.5, 0.55, 0.3) & _ABOVE_THE_RIB_MARGIN, BONE_HU),
    (Column((0, -86), (17, 6), 70), BONE_HU + 60),
    (Column((0, 42), (23, 17)), CORTEX_HU),
    (Column((0, 42), (21.5, 15.5)), BONE_HU),
    (Column((0, 42), (23, 17)) & Stripes(33, 7), 95.0),
    ((Column((0, 66), (38, 5)) | Column((0, 90), (4, 15))) & Stripes(33, 15, 12), BONE_HU + 80),
    (Column((0, 67), (16, 14)), CORTEX_HU),
    (Column((0, 66), (11, 9.5)), 25.0),
]
_VESSELS: list[tuple[Solid, float]] = [
    (Tube((9, 14, -130), (9, 14, 250), 11.0), AORTA_HU),
    (Tube((-20, 18, -130), (-20, 18, 72), 11.5), CAVA_HU),
    (Tube((12, 2, -52), a.HILUM_MM, 7.5), PORTAL_HU),
    (Tube((12, 2, -52), (74, 32, 6), 4.5), PORTAL_HU),
    (Tube((9, 4, -14), (9, -8, -20), 4.0), AORTA_HU),
    (Tube((9, -8, -20), (-22, -12, -14), 3.0), AORTA_HU),
]
_LIVER_VESSELS: list[tuple[Solid, float]] = [
    (Tube(a.HILUM_MM, (-74, -27, 7), 5.5), PORTAL_HU),
    (Tube((-70, -25, 6), (-104, -30, -16), 3.5), PORTAL_HU),
    (Tube((-70, -25, 6), (-98, -42, 40), 3.5), PORTAL_HU),
    (Tube((-30, -6, -8), (-72, 26, -44), 4.0), PORTAL_HU),
    (Tube(a.HILUM_MM, (8, -40, 8), 5.0), PORTAL_HU),
    (Tube((8, -40, 8), (46, -50, 20), 3.0), PORTAL_HU),
    (Tube((8, -40, 8), (-8, -64, 0), 2.5), PORTAL_HU),
    (Tube((-24, 8, 62), (-96, 20, 34), 4.0), HEPATIC_VEIN_HU),
    (Tube((-24, 6, 62), (-48, -50, 30), 4.0), HEPATIC_VEIN_HU),
    (Tube((-22, 4, 62), (20, -44, 40), 4.0), HEPATIC_VEIN_HU),
]
