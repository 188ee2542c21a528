"""Dose maps as DICOM RT Dose: 16 bits, in Gy, in the frame of reference of the planning CT."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk

from ..errors import DosimetryError
from ..images import Array, DoseMap
from ..structures import Role
from ..terminology import TERMINOLOGY
from .dicom_axes import as_decimal, place, turned
from .dicom_objects import NewSeries, code_item, new_object, shortened
from .dicom_reference import Reference

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"  # DICOM PS3.6, annex A
LARGEST_STORED = 65535
PRECISION_RATIO = 1e-3
"""How much binary rounding may add to half a step, in steps."""
SUMMATION = "PLAN_OVERVIEW"
"""DICOM PS3.3, C.8.8.3: PLAN asks for an RT Plan, RECORD for a treatment record; spheres come with neither."""
SHORT_STRING = 16  # characters of the value representation SH


def rt_dose(dose: DoseMap, name: str, reference: Reference, series: NewSeries, made_at: datetime) -> Any:
    """Return a dose map as an RT Dose object; *name* says of which session or sum.

    The grid is the dose map's own, with axes swapped and flipped to lie along the patient's as nearly as they go;
    nothing is interpolated. Each voxel is stored to half a step of DoseGridScaling.

    Raises
    ------
    DosimetryError
        If the stored values do not give the dose back.
    """
    image = turned(dose.image, np.eye(3))
    values: Array = sitk.GetArrayViewFromImage(image)
    step_gy = as_decimal(grid_scaling_gy(float(values.max(initial=0.0))))
    stored = np.rint(values.astype(np.float64) / float(step_gy))
    error_gy = float(np.abs(stored * float(step_gy) - values).max(initial=0.0))
    if stored.max(initial=0) > LARGEST_STORED or error_gy > (0.5 + PRECISION_RATIO) * step_gy:
        raise DosimetryError(f"the dose can't be stored in 16 bits: {error_gy:g} Gy would be lost")
    dataset = new_object(reference, RT_DOSE, series, made_at)
    dataset.FrameOfReferenceUID = reference.header.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = ""
    dataset.OperatorsName = ""
    place(dataset, image)
    columns, rows, frames = image.GetSize()
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, frames
    dataset.SliceThickness = as_decimal(image.GetSpacing()[2])
    dataset.FrameIncrementPointer = 0x3004000C  # GridFrameOffsetVector
    dataset.GridFrameOffsetVector = [as_decimal(k * image.GetSpacing()[2]) for k in range(frames)]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", SUMMATION
    dataset.DoseComment, dataset.EntityLongLabel = shortened(dose.model), shortened(name)
    dataset.PlanOverviewSequence = [_overview(name)]
    dataset.DoseGridScaling = step_gy
    dataset.PixelData = stored.astype("<u2").tobytes()
    return dataset


def on_grid(dose: DoseMap, image: sitk.Image) -> DoseMap:
    """Return a dose map on the voxels of an image: linear between its own, 0 outside of them."""
    values = sitk.Cast(dose.image, sitk.sitkFloat32)
    return DoseMap(sitk.Resample(values, image, sitk.Transform(), sitk.sitkLinear, 0.0), dose.model)


def grid_scaling_gy(largest_gy: float) -> float:
    """Return the dose of one step of 16 bits, in Gy; 1 where there is no dose at all."""
    return largest_gy / LARGEST_STORED if largest_gy > 0 else 1.0


def _overview(name: str) -> Any:
    dataset = pydicom.Dataset()
    dataset.PlanOverviewIndex, dataset.RTPlanLabel = 1, shortened(name, SHORT_STRING)
    dataset.PrescriptionOverviewSequence = []
    liver = TERMINOLOGY[Role.LIVER].type
    dataset.TreatmentSite, dataset.TreatmentSiteCodeSequence = liver.meaning, [code_item(liver)]
    return dataset
