"""The dose of every voxel of a session's image, from the same shares of counts as the mean doses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..case import DoseModel, Settings
from ..compartments import Compartments
from ..images import ActivityMap, DoseMap, array_of, image_like
from ..missing import Missing, first_missing
from ..occupancy import Occupancy, within
from ..physics import BQ_PER_GBQ, G_PER_KG
from ..progress import Progress, silent
from .deposits import SessionDoses, mean_decay_factor
from .dvh import Dvh, dvh_in_box
from .kernel import voxel_kernel
from .uptake import Uptake
from .voxel import energy_outside_fraction, kernel_dose_gy


@dataclass(frozen=True)
class SessionMap:
    """Dose map of one session, and the share of energy a kernel carries out of the liver (0 for local deposition)."""

    dose: DoseMap
    energy_outside_liver_fraction: float
    known: NDArray[np.bool_] | None = None
    """Voxels whose dose is known, those that the liver touches; None where it is known everywhere (kernel)."""


def session_map(
    doses: SessionDoses,
    compartments: Compartments,
    uptake: Uptake | None,
    settings: Settings,
    progress: Progress = silent,
) -> SessionMap | Missing:
    """Return the absorbed dose of each voxel of the session's image, in Gy after complete decay.

    The map covers the voxels that the liver touches; elsewhere it is 0, because neither the density of the
    tissue nor the meaning of the counts is known there. With the kernel model, energy that leaves the liver is
    deposited where it goes, and its share is reported.
    """
    if uptake is None:
        return Missing(f"session '{doses.session.label}' has no image", ("image",))
    concentration = _concentration_gbq_ml(doses, uptake, settings)
    if isinstance(concentration, Missing):
        return concentration
    liver = uptake.occupancy(compartments.everything)
    box = liver.box.slices
    shape = uptake.grid.size[::-1]
    dose = np.zeros(shape, dtype=np.float32)
    constants = f"{settings.joule_per_gbq:g} J/GBq, {settings.liver_density_g_ml:g} g/mL"
    if settings.dose_model is DoseModel.LOCAL:
        gy_per_gbq_ml = settings.joule_per_gbq * G_PER_KG / settings.liver_density_g_ml
        dose[box] = concentration * gy_per_gbq_ml
        known = np.zeros(shape, dtype=bool)
        known[box] = liver.volume_ml > 0
        return SessionMap(DoseMap(image_like(dose, uptake.image.image), f"local deposition, {constants}"), 0.0, known)
    activity_gbq = np.zeros(shape, dtype=np.float64)
    activity_gbq[box] = concentration * liver.volume_ml
    dose = kernel_dose_gy(
        activity_gbq, uptake.grid.spacing_mm, settings.liver_density_g_ml, settings.joule_per_gbq, progress
    )
    kernel = voxel_kernel(uptake.grid.spacing_mm, settings.liver_density_g_ml)
    lost = energy_outside_fraction(activity_gbq[box], liver.volume_ml / uptake.grid.voxel_ml, kernel)
    return SessionMap(DoseMap(image_like(dose, uptake.image.image), f"kernel (research), {constants}"), lost)


def total_map(maps: list[SessionMap]) -> DoseMap:
    """Return the sum of the sessions' dose maps on the grid of the last one; see `moved_dose_gy`."""
    last = maps[-1].dose
    total = array_of(last.image).astype(np.float64)
    for earlier in maps[:-1]:
        total += moved_dose_gy(earlier, maps[-1])
    names = dict.fromkeys(m.dose.model for m in maps)
    return DoseMap(image_like(total.astype(np.float32), last.image), "; ".join(names))


def moved_dose_gy(earlier: SessionMap, last: SessionMap) -> NDArray[np.float32]:
    """Return the dose of an earlier session in the voxels of a later one, in Gy, shape (z, y, x) of the later.

    Linear interpolation among the voxels whose dose is known: what lies outside of the liver is no dose of 0, and
    must not make the edge of the liver cold.
    """
    target = last.dose.image
    dose: NDArray[np.float32] = sitk.GetArrayFromImage(
        sitk.Resample(earlier.dose.image, target, sitk.Transform(), sitk.sitkLinear, 0.0)
    )
    if earlier.known is None or last.known is None:
        return dose
    known = image_like(earlier.known.astype(np.float32), earlier.dose.image)
    share = sitk.GetArrayFromImage(sitk.Resample(known, target, sitk.Transform(), sitk.sitkLinear, 0.0))
    np.divide(dose, share, out=dose, where=share > 0)
    dose[~last.known] = 0.0
    return dose


def dvh_of_part(dose: DoseMap, where: Occupancy) -> Dvh | Missing:
    """Return the dose-volume histogram of a structure, weighted by its volume in each voxel."""
    if where.total_ml <= 0:
        return Missing("the structure lies outside the image", ("image",))
    return dvh_in_box(array_of(dose.image), where.volume_ml, where.box.slices)


def _concentration_gbq_ml(doses: SessionDoses, uptake: Uptake, settings: Settings) -> NDArray[np.float64] | Missing:
    """Return the activity concentration at infusion in each voxel of the liver's box, in GBq/mL."""
    everything = uptake.occupancy(tuple(range(uptake.compartment_count)))
    values = array_of(uptake.image.image)[everything.box.slices].astype(np.float64)
    if isinstance(uptake.image, ActivityMap):
        factor = mean_decay_factor(doses.session, uptake.image, settings.half_life_h)
        if isinstance(factor, Missing):
            return factor
        return np.where(everything.volume_ml > 0, values * (factor / BQ_PER_GBQ), 0.0)
    gone = first_missing(*(i.net for i in doses.infusions if isinstance(i.net, Missing)))
    if gone:
        return gone
    if isinstance(doses.reference, Missing):
        return doses.reference
    uptake = doses.uptake or uptake
    scale = np.zeros_like(values)
    for infusion in doses.infusions:
        assert not isinstance(infusion.net, Missing)
        label = infusion.infusion.perfused
        own = uptake.owned_occupancy(label)
        per_count = infusion.net.liver_gbq / float(uptake.owned_counts(label).sum())
        scale[within(own.box, everything.box)] += per_count * own.volume_ml
    return values * np.divide(scale, everything.volume_ml, out=np.zeros_like(scale), where=everything.volume_ml > 0)
