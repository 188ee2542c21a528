"""Recomputed: constants, decay, the kernel of Y-90, and what is read from a dose for research."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import physics
from ..case import Infusion, Settings, Vial
from ..dosimetry.kernel import mean_energy_mev, radial_energy, s_value_mgy_per_mbq_s, voxel_kernel
from ..dosimetry.radiobiology import (
    NORMAL_LIVER,
    TUMOR,
    LymanParameters,
    bed_gy,
    bed_of_voxels_gy,
    geud_gy,
    lyman_ntcp_fraction,
)
from ..dosimetry.voxel import energy_outside_fraction, kernel_dose_gy, local_dose_gy

NUCLIDES = {"label": physics.Y90_LABEL, "DDEP": physics.Y90_DDEP, "ICRP": physics.Y90_ICRP}
TISSUES = {"tumor": TUMOR, "liver": NORMAL_LIVER}


def _energy(half_life_h: float, energy_mev: float) -> float:
    return physics.Radionuclide("Y-90", half_life_h, energy_mev, "given").joule_per_gbq


def _at_infusion(activity_gbq: float, calibrated: str, given: str) -> float:
    vial = Vial(activity_gbq, datetime.fromisoformat(calibrated))
    infusion = Infusion("I", vial, "P", datetime.fromisoformat(given))
    return infusion.activity_at_infusion_gbq(Settings().half_life_h)


def _energy_within(radius_mm: float) -> float:
    table = radial_energy()
    reached = np.concatenate([[0.0], np.cumsum(table.energy_fraction)])
    return float(np.interp(radius_mm, np.concatenate([[0.0], table.outer_radius_mm]), reached))


def _radius_of(energy_fraction: float) -> float:
    table = radial_energy()
    reached = np.cumsum(table.energy_fraction)
    return float(np.interp(energy_fraction, reached / reached[-1], table.outer_radius_mm))


def _s_value(voxel_mm: float, offset: list[int], density_g_ml: float, energy_mev: float | None = None) -> float:
    kernel = voxel_kernel((voxel_mm, voxel_mm, voxel_mm), density_g_ml)
    x, y, z = offset
    return s_value_mgy_per_mbq_s(kernel, (x, y, z), energy_mev)


def _share(voxel_mm: list[float], offset: list[int], density_g_ml: float) -> float:
    x, y, z = voxel_mm
    i, j, k = offset
    return voxel_kernel((x, y, z), density_g_ml).fraction_at((i, j, k))


def _spread_of_neighbors(voxel_mm: float) -> float:
    kernel = voxel_kernel((voxel_mm, voxel_mm, voxel_mm), 1.0)
    sides = [kernel.fraction_at(o) for o in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1))]
    return max(sides) - min(sides)


def _scaled_by_density(voxel_mm: float, density_g_ml: float) -> float:
    dense = voxel_kernel((voxel_mm, voxel_mm, voxel_mm), density_g_ml).fractions
    scaled = voxel_kernel((voxel_mm * density_g_ml,) * 3, 1.0).fractions
    return float(np.abs(dense - scaled).max())


def _uniform_interior(voxel_mm: float, activity_bq_ml: float) -> float:
    """Return the dose in the middle of a large uniform source over that of local deposition of what is absorbed."""
    size = (voxel_mm, voxel_mm, voxel_mm)
    voxel_ml = voxel_mm**3 / 1000.0
    activity_gbq = np.full((21, 21, 21), activity_bq_ml * voxel_ml / 1e9, dtype=np.float32)
    spread = kernel_dose_gy(activity_gbq, size, 1.03, 50.0)[10, 10, 10]
    local = local_dose_gy(activity_gbq, voxel_ml, 1.03, 50.0)[10, 10, 10]
    return float(spread / local) / voxel_kernel(size, 1.03).energy_fraction


def _half_space(voxel_mm: float) -> float:
    """Return the mean dose of the two voxels on either side of a flat edge of a source, over that deep inside."""
    activity_gbq = np.zeros((21, 21, 41), dtype=np.float32)
    activity_gbq[:, :, :20] = 1.0
    dose = kernel_dose_gy(activity_gbq, (voxel_mm, voxel_mm, voxel_mm), 1.0, 50.0)[10, 10]
    return float((dose[19] + dose[20]) / 2 / dose[10])


def _one_hot_voxel(voxel_mm: float) -> float:
    """Return how far the dose around one voxel of 1000 is from the kernel, at most."""
    kernel = voxel_kernel((voxel_mm, voxel_mm, voxel_mm), 1.0)
    reach = kernel.reach[0]
    activity_gbq = np.zeros((2 * reach + 1,) * 3, dtype=np.float32)
    activity_gbq[reach, reach, reach] = 1000.0
    voxel_kg = voxel_mm**3 / 1e6
    dose = kernel_dose_gy(activity_gbq, (voxel_mm, voxel_mm, voxel_mm), 1.0, 1.0)
    return float(np.abs(dose * voxel_kg - 1000.0 * kernel.fractions).max())


def _leaving_sphere(volume_ml: float, voxel_mm: float) -> float:
    radius_mm = (3.0 * volume_ml * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    inside = _sphere(radius_mm, voxel_mm)
    return energy_outside_fraction(inside, inside, voxel_kernel((voxel_mm, voxel_mm, voxel_mm), 1.0))


def _sphere(radius_mm: float, voxel_mm: float) -> NDArray[np.float32]:
    """Return 1 in the voxels whose center lies in a sphere around the middle one, shape (z, y, x)."""
    half = int(np.ceil(radius_mm / voxel_mm)) + 1
    square = (np.arange(-half, half + 1) * voxel_mm) ** 2
    inside: NDArray[np.float32] = (square[:, None, None] + square[:, None] + square <= radius_mm**2).astype(np.float32)
    return inside


def _local_dose(concentration_bq_ml: float, density_g_ml: float, joule_per_gbq: float) -> float:
    activity_gbq = np.full((2, 2, 2), concentration_bq_ml * 0.064 / 1e9)
    return float(local_dose_gy(activity_gbq, 0.064, density_g_ml, joule_per_gbq)[0, 0, 0])


def _bed(dose_gy: float, tissue: str) -> float:
    return bed_gy(dose_gy, TISSUES[tissue])


def _bed_of_voxels(doses_gy: list[float], tissue: str) -> float:
    return float(bed_of_voxels_gy(np.array(doses_gy), TISSUES[tissue]).mean())


def _geud(doses_gy: list[float], shares: list[float], exponent: float) -> float:
    return geud_gy(np.array(doses_gy), np.array(shares), exponent)


def _ntcp(dose_gy: float, td50_gy: float, slope: float) -> float:
    return lyman_ntcp_fraction(dose_gy, LymanParameters(td50_gy, slope, 1.0))


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "physics": {
        "energy.joule_per_gbq": _energy,
        "energy.of_nuclide": lambda name: NUCLIDES[name].joule_per_gbq,
        "energy.mean_mev": lambda name: NUCLIDES[name].mean_energy_mev,
        "energy.half_life_h": lambda name: NUCLIDES[name].half_life_h,
        "energy.joule_per_mev": lambda: physics.JOULE_PER_MEV,
        "decay.fraction": physics.decay_factor,
        "decay.hours": lambda start, end: physics.elapsed_h(datetime.fromisoformat(start), datetime.fromisoformat(end)),
        "lung.label_mass_g": lambda: physics.LABEL_LUNG_MASS_G,
    },
    "case": {
        "setting": lambda name: getattr(Settings(), name),
        "decay.at_infusion_gbq": _at_infusion,
    },
    "dosimetry.kernel": {
        "kernel.mean_energy_mev": mean_energy_mev,
        "kernel.energy_within": _energy_within,
        "kernel.radius_mm": _radius_of,
        "kernel.s_value": _s_value,
        "kernel.share": _share,
        "kernel.spread_of_neighbors": _spread_of_neighbors,
        "kernel.scaled_by_density": _scaled_by_density,
    },
    "dosimetry.voxel": {
        "voxel.uniform_interior": _uniform_interior,
        "voxel.half_space": _half_space,
        "voxel.one_hot": _one_hot_voxel,
        "voxel.leaving_sphere": _leaving_sphere,
        "voxel.local_dose_gy": _local_dose,
    },
    "dosimetry.radiobiology": {
        "bed_gy": _bed,
        "bed_of_voxels_gy": _bed_of_voxels,
        "geud_gy": _geud,
        "ntcp": _ntcp,
    },
}
