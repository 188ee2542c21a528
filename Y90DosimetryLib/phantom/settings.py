"""What can be chosen about a digital patient, in units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ..errors import InputError
from ..quantities import require_fraction, require_not_negative, require_positive
from .raster import Vector

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
LARGEST_GROWTH_RATIO = 1.5


def _where(name: str) -> str:
    return f"digital patient, {name}"


def _require_axes(direction: tuple[float, ...], where: str) -> None:
    if len(direction) == 9:
        axes = np.asarray(direction).reshape(3, 3)
        if np.allclose(axes @ axes.T, np.eye(3), atol=1e-6):
            return
    raise InputError(
        f"{direction} are not three perpendicular unit vectors",
        where=where,
        remedy="Give a direction matrix, row by row",
    )


class Zone(StrEnum):
    """What one catheter position can perfuse, by its name among the structures."""

    RIGHT_LOBE = "Right lobe"
    LEFT_LOBE = "Left lobe"
    SEGMENT_7 = "Segment 7"


@dataclass(frozen=True)
class Lesion:
    """An ellipsoidal tumor: place, size, uptake relative to perfused normal liver, and look on the CT."""

    label: str
    center_mm: Vector
    volume_ml: float
    concentration_ratio: float
    attenuation_hu: float
    proportions: Vector = (1.0, 1.0, 1.0)
    """Relative lengths of the axes along x, y, z; the volume stays as given."""

    def __post_init__(self) -> None:
        where = _where(self.label)
        require_positive(self.volume_ml, f"{where}, volume_ml", "mL")
        require_not_negative(self.concentration_ratio, f"{where}, concentration_ratio")
        for share in self.proportions:
            require_positive(share, f"{where}, proportions")


TUMOR_1 = Lesion("Tumor 1", (-80.0, 14.0, 15.0), 80.0, 4.0, 122.0, (1.0, 0.95, 1.1))
TUMOR_2 = Lesion("Tumor 2", (-66.0, -48.0, 26.0), 15.0, 2.5, 52.0)
SEGMENT_TUMOR = Lesion("Tumor 1", (-82.0, 20.0, 33.0), 28.0, 4.0, 122.0)
BILOBAR_TUMORS = (
    replace(TUMOR_1, concentration_ratio=5.0),
    replace(TUMOR_2, concentration_ratio=4.0),
    Lesion("Tumor 3", (14.0, -44.0, 26.0), 12.0, 4.5, 118.0),
)


@dataclass(frozen=True)
class PhantomSettings:
    """Grids, scanners, uptake and growth of a digital patient.

    A field of view (`_field_mm`) is a box along the patient's axes around the body's center; the grid of the
    chosen direction matrix (columns are the image's axes, as in SimpleITK) encloses it. `shift_mm` and
    `rotation_deg` (about x, then y, then z, about the point 0, 0, 0) displace the body in the emission images
    against the CT. `concentration_ratio` of a lesion and `thrombus_ratio` are relative to perfused normal liver;
    a `thrombus_ratio` of None leaves the thrombus out, a `thrombus_proximal_ratio` gives its half toward the main
    portal vein an uptake of its own. `flr_growth_ratio` multiplies the left lobe's volume.
    """

    ct_spacing_mm: Vector = (1.5, 1.5, 3.0)
    ct_field_mm: Vector = (384.0, 288.0, 360.0)
    ct_direction: tuple[float, ...] = IDENTITY
    ct_noise_hu: float = 12.0
    emission_field_mm: Vector = (422.4, 352.0, 422.4)
    emission_direction: tuple[float, ...] = IDENTITY
    spect_spacing_mm: Vector = (4.4, 4.4, 4.4)
    spect_fwhm_mm: float = 12.0
    spect_counts: int = 2_000_000
    pet_spacing_mm: Vector = (4.0, 4.0, 3.0)
    pet_fwhm_mm: float = 6.0
    pet_counts: int = 1_000_000
    poisson_noise: bool = True
    shift_mm: Vector = (0.0, 0.0, 0.0)
    rotation_deg: Vector = (0.0, 0.0, 0.0)
    lesions: tuple[Lesion, ...] = (TUMOR_1, TUMOR_2)
    thrombus_ratio: float | None = 3.0
    thrombus_proximal_ratio: float | None = None
    lung_shunt_fraction: float = 0.05
    flr_growth_ratio: float = 1.0
    seed: int = 90

    def __post_init__(self) -> None:
        for name in ("ct_spacing_mm", "ct_field_mm", "emission_field_mm", "spect_spacing_mm", "pet_spacing_mm"):
            for length_mm in getattr(self, name):
                require_positive(length_mm, _where(name), "mm")
        for name in ("ct_direction", "emission_direction"):
            _require_axes(getattr(self, name), _where(name))
        require_not_negative(self.ct_noise_hu, _where("ct_noise_hu"), "HU")
        for name in ("spect_fwhm_mm", "pet_fwhm_mm"):
            require_not_negative(getattr(self, name), _where(name), "mm")
        for name in ("spect_counts", "pet_counts"):
            require_positive(getattr(self, name), _where(name))
        for name in ("thrombus_ratio", "thrombus_proximal_ratio"):
            require_not_negative(getattr(self, name) or 0.0, _where(name))
        require_fraction(self.lung_shunt_fraction, _where("lung_shunt_fraction"))
        if not 1 <= self.flr_growth_ratio <= LARGEST_GROWTH_RATIO:
            raise InputError(
                f"{self.flr_growth_ratio} is outside [1, {LARGEST_GROWTH_RATIO}]",
                where=_where("flr_growth_ratio"),
                remedy="A lobe can't shrink here, and one grown further leaves the CT",
            )


LARGE = PhantomSettings(
    ct_spacing_mm=(0.75, 0.75, 1.2),
    ct_field_mm=(384.0, 384.0, 360.0),
    emission_field_mm=(563.2, 563.2, 563.2),
)
"""A CT of 512 x 512 x 300 and a SPECT of 128 x 128 x 128 voxels, for benchmarks."""
