"""The digital patient on two scanners: what is known of where it lay, and how far a registration misses it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import SimpleITK as sitk

from Y90DosimetryLib.images import CtImage
from Y90DosimetryLib.occupancy import Grid
from Y90DosimetryLib.phantom import DigitalPatient, PhantomSettings, digital_patient
from Y90DosimetryLib.phantom.ct import ct_image
from Y90DosimetryLib.phantom.emission import displaced, rotation_matrix
from Y90DosimetryLib.phantom.raster import filled, image_on
from Y90DosimetryLib.structures import Role, Structure

IDENTITY = tuple(np.eye(3).ravel())
SETTINGS = PhantomSettings(ct_spacing_mm=(3.0, 3.0, 4.0))
HYBRID_GRID = Grid((100, 75, 72), (4.0, 4.0, 5.0), (-198.0, -143.0, -125.5), IDENTITY)
HYBRID_NOISE_HU = 40.0  # low dose: more than three times the planning CT's


@cache
def patient(rotation_deg=(0.0, 0.0, 0.0), shift_mm=(0.0, 0.0, 0.0)) -> DigitalPatient:
    """The patient whose emission images are displaced against the CT."""
    return digital_patient(replace(SETTINGS, rotation_deg=rotation_deg, shift_mm=shift_mm))


def outline(role: Role, label: str = "") -> Structure:
    """A structure on the planning CT."""
    return next(s for s in patient().structures if s.role is role and label in s.label)


def hybrid_ct(rotation_deg, shift_mm, grid: Grid = HYBRID_GRID) -> CtImage:
    """The coarse, noisy CT that was made with the SPECT."""
    seen = ct_image(
        patient().anatomy, displaced(grid, rotation_deg, shift_mm), HYBRID_NOISE_HU, np.random.default_rng(3)
    )
    return CtImage(image_on(sitk.GetArrayFromImage(seen), grid))


def hybrid_liver(rotation_deg, shift_mm) -> Structure:
    """The liver as it lies on the hybrid CT."""
    mask = filled(patient().anatomy.liver, displaced(HYBRID_GRID, rotation_deg, shift_mm))
    return Structure(Role.LIVER, "Liver", image_on(mask, HYBRID_GRID))


def truth(rotation_deg, shift_mm) -> sitk.Transform:
    """The transform from the planning CT to the displaced body."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(rotation_matrix(rotation_deg).ravel())
    transform.SetTranslation(shift_mm)
    return transform


def errors_mm(found: sitk.Transform, true: sitk.Transform) -> tuple[float, float]:
    """Mean and largest target registration error over the liver."""
    mask = outline(Role.LIVER).mask
    index = np.argwhere(sitk.GetArrayViewFromImage(mask))[::499, ::-1]
    points = [mask.TransformIndexToPhysicalPoint([int(v) for v in i]) for i in index]
    miss = [np.linalg.norm(np.subtract(found.TransformPoint(p), true.TransformPoint(p))) for p in points]
    return float(np.mean(miss)), float(np.max(miss))
