"""Absorbed dose in each voxel for complete decay: local deposition, or convolution with the dose kernel.

Both models need only the spacing of the grid: in a uniform medium the energy goes the same way in all directions,
so the image may lie obliquely in the patient. A CT, where given, tells the mass of each voxel.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..case import DoseModel
from ..errors import InputError
from ..images import MM3_PER_ML, CountMap, CtImage, DoseMap, array_of, image_like, voxel_ml
from ..physics import BQ_PER_GBQ, G_PER_KG
from ..progress import Progress, silent
from ..quantities import require_density, word_of
from .kernel import VoxelKernel, convolve, voxel_kernel
from .tissue import tissue_on

Float32 = NDArray[np.float32]

MODEL_TITLES = {
    DoseModel.LOCAL: "local deposition",
    DoseModel.KERNEL: "kernel convolution (research; not for consensus thresholds)",
}


def local_dose_gy(
    activity_gbq: NDArray[np.floating], voxel_ml: float, density_g_ml: float, joule_per_gbq: float
) -> Float32:
    """Return the dose in Gy if each voxel absorbs all that it emits: activity times J/GBq over mass.

    *activity_gbq* is the activity of each voxel; the result has its shape.
    """
    return _scaled(activity_gbq, _gy_per_gbq(voxel_ml, density_g_ml, joule_per_gbq))


def kernel_dose_gy(
    activity_gbq: NDArray[np.floating],
    spacing_mm: tuple[float, float, float],
    density_g_ml: float,
    joule_per_gbq: float,
    progress: Progress = silent,
) -> Float32:
    """Return the dose in Gy if energy spreads from voxel to voxel as in a uniform medium.

    *activity_gbq* is the activity of each voxel, shape (z, y, x), *spacing_mm* the voxel size (x, y, z). The share
    of the energy that goes further than the kernel's table or leaves the array is in no voxel.
    """
    energy_gbq = convolve(activity_gbq, voxel_kernel(spacing_mm, density_g_ml), progress=progress)
    voxel = float(np.prod(spacing_mm)) / MM3_PER_ML
    return _scaled(energy_gbq, _gy_per_gbq(voxel, density_g_ml, joule_per_gbq), into=energy_gbq)


def energy_outside_fraction(
    activity: NDArray[np.floating],
    inside_fraction: NDArray[np.floating],
    kernel: VoxelKernel,
    progress: Progress = silent,
) -> float:
    """Return the share of the energy emitted by *activity* that is not absorbed inside a region.

    *activity* (any linear unit a voxel) and *inside_fraction*, the share of each voxel that lies in the region,
    cover the same block of voxels, shape (z, y, x), which needs no margin around them. For the energy that leaves
    an organ, *activity* is that of the organ alone. Bremsstrahlung beyond the kernel's table counts as outside.
    A voxel at the edge counts as evenly filled with what lies inside, which makes this an upper estimate: on voxels of
    4 mm 12 % for a sphere of 100 mL that loses 7 %.

    Raises
    ------
    InputError
        If the shapes differ, or nothing is emitted.
    """
    if activity.shape != inside_fraction.shape:
        raise InputError(
            f"the activity has the shape {activity.shape}, the region {inside_fraction.shape}",
            where="energy leaving a region",
            remedy="Give both on the same block of voxels",
        )
    emitted = float(activity.sum(dtype=np.float64))
    if not emitted > 0:
        raise InputError(
            "there is no activity",
            where="energy leaving a region",
            remedy="Check the outline and the registration of the image",
        )
    absorbed = convolve(activity, kernel, progress=progress)
    return 1.0 - float(np.einsum("zyx,zyx->", absorbed, inside_fraction, dtype=np.float64)) / emitted


def dose_image(
    image: sitk.Image,
    *,
    model: DoseModel,
    density_g_ml: float,
    joule_per_gbq: float,
    total_gbq: float | None = None,
    concentration_bq_ml: bool = False,
    ct: CtImage | None = None,
    progress: Progress = silent,
) -> DoseMap:
    """Return the dose in Gy on the grid of *image* for complete decay of the activity that it shows.

    Either the whole image is scaled to *total_gbq* in tissue, or its values are absolute activity concentrations
    (*concentration_bq_ml*), valid for the moment of infusion. Without *ct* all voxels have the one density: in lung
    and bone the dose is that of a tissue which is not there. With *ct*, registered to the image, the energy of a voxel
    is divided by its own mass, and air gets no dose; the kernel still spreads the energy as in one tissue.

    Raises
    ------
    InputError
        If not exactly one of the two is given, a number is not positive, the density is none of tissue, the image
        is empty, holds negative values or values that are not numbers, or the CT does not fit (see `tissue_on`).
    """
    if (total_gbq is None) is not concentration_bq_ml:
        raise InputError(
            "the activity is given both as a total and in Bq/mL" if concentration_bq_ml else "no activity is given",
            where="dose of an image",
            remedy="Give the total activity in GBq, or say that the image is in Bq/mL, and not both",
        )
    model = word_of(DoseModel, model, "dose of an image, model")
    require_density(density_g_ml, "dose of an image")
    for name, value in (("J/GBq", joule_per_gbq), ("activity in GBq", total_gbq)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"the {name} is {value}", where="dose of an image", remedy="Enter a positive number")
    values = array_of(CountMap(image).image)
    total = float(values.sum(dtype=np.float64))
    if not total > 0:
        raise InputError(
            "no voxel is above zero", where="dose of an image", remedy="Check that the right series was chosen"
        )
    voxel = voxel_ml(image)
    gbq_per_unit = voxel / BQ_PER_GBQ if total_gbq is None else total_gbq / total
    gy_per_unit = gbq_per_unit * _gy_per_gbq(voxel, density_g_ml, joule_per_gbq)
    if model is DoseModel.LOCAL:
        dose_gy, lost = _scaled(values, gy_per_unit), ""
    else:
        energy = convolve(values, voxel_kernel(image.GetSpacing(), density_g_ml), progress=progress)
        lost_fraction = max(0.0, 1.0 - float(energy.sum(dtype=np.float64)) / total)
        dose_gy = _scaled(energy, gy_per_unit, into=energy)
        lost = f", {lost_fraction * 100:.1f} % of the energy leaves the image"
    density = f"{density_g_ml:g} g/mL"
    if ct is not None:
        density = _share_by_mass(dose_gy, values, image, ct, density_g_ml)
    text = f"{MODEL_TITLES[model]}, {joule_per_gbq:g} J/GBq, {density}, complete decay{lost}"
    return DoseMap(image_like(dose_gy, image), text)


def _share_by_mass(
    dose_gy: Float32, values: NDArray[np.floating], image: sitk.Image, ct: CtImage, density_g_ml: float
) -> str:
    """Turn doses of one density into those of the tissue that a CT shows, in place; return what was done, in words."""
    tissue = tissue_on(image, ct, density_g_ml)
    air = tissue.density_g_ml == 0
    np.divide(dose_gy * np.float32(density_g_ml), tissue.density_g_ml, out=dose_gy, where=~air)
    dose_gy[air] = 0.0
    total = float(values.sum(dtype=np.float64))
    beyond, in_air = (float(values[where].sum(dtype=np.float64)) / total * 100 for where in (~tissue.seen, air))
    spread = f"densities from the CT ({in_air:.1f} % of the activity lies in air and gives no dose)"
    return f"{spread}, {density_g_ml:g} g/mL for {beyond:.1f} % of the activity beyond the CT" if beyond else spread


def _gy_per_gbq(voxel_ml: float, density_g_ml: float, joule_per_gbq: float) -> float:
    return joule_per_gbq / (voxel_ml * density_g_ml / G_PER_KG)


def _scaled(values: NDArray[np.floating], factor: float, into: Float32 | None = None) -> Float32:
    """Return *values* times *factor*, multiplied in double and stored in single precision."""
    result = np.empty(values.shape, dtype=np.float32) if into is None else into
    np.multiply(values, factor, out=result, dtype=np.float64, casting="same_kind")
    return result
