"""DICOM files made for the protocol: a CT of the patient of boxes, and a Y-90 PET with headers as a row asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

CT_IMAGE, PET_IMAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"
ROOT = "1.2.826.0.1.3680043.8.498.90"
STUDY, FRAME = f"{ROOT}.1", f"{ROOT}.2"
AIR_HU = 1024
"""Subtracted from stored values."""
PATIENT: Mapping[str, Any] = {
    "PatientName": "Commissioning^Protocol",
    "PatientID": "VERIFY",
    "PatientBirthDate": "19600101",
    "PatientSex": "F",
    "PatientWeight": 80.0,
    "PatientSize": 1.75,
    "StudyInstanceUID": STUDY,
    "StudyDate": "20260304",
    "StudyTime": "080000",
    "StudyID": "1",
    "AccessionNumber": "1",
    "ReferringPhysicianName": "",
    "FrameOfReferenceUID": FRAME,
    "PositionReferenceIndicator": "",
    "Manufacturer": "",
}
SPHERES: Mapping[str, Any] = {
    "RadionuclideHalfLife": 64.1 * 3600.0,
    "RadionuclidePositronFraction": 3.186e-5,
    "RadionuclideTotalDose": 3.0e9,
}
PET: Mapping[str, Any] = {
    "SOPClassUID": PET_IMAGE,
    "Modality": "PT",
    "SeriesInstanceUID": f"{ROOT}.200",
    "Units": "BQML",
    "DecayCorrection": "START",
    "CorrectedImage": ["DECY", "ATTN", "SCAT", "RAN", "NORM"],
    "ActualFrameDuration": 1200000,
}


def write_ct(folder: Path, ct: sitk.Image) -> Path:
    """Write a CT in Hounsfield units as a series into a new folder, and return the folder."""
    spacing = ct.GetSpacing()
    elements = {
        "SOPClassUID": CT_IMAGE,
        "Modality": "CT",
        "SeriesInstanceUID": f"{ROOT}.100",
        "SeriesNumber": 2,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "AcquisitionNumber": 1,
        "KVP": 120,
        "PixelSpacing": [spacing[1], spacing[0]],
        "SliceThickness": spacing[2],
        "RescaleIntercept": -AIR_HU,
        "RescaleSlope": 1,
    }
    return _slices(folder, sitk.GetArrayFromImage(ct) + AIR_HU, ct, elements)


def write_pet(folder: Path, stored: NDArray[np.integer], slopes: list[float], headers: Mapping[str, Any]) -> Path:
    """Write a Y-90 PET of stored values, shape (z, y, x), with a rescale slope for each slice; return its folder.

    *headers* replace those of a plain PET; "given" among them is the time of infusion.
    """
    spheres, nuclide = pydicom.Dataset(), pydicom.Dataset()
    nuclide.CodingSchemeDesignator, nuclide.CodeValue, nuclide.CodeMeaning = "SCT", "14691008", "^90^Yttrium"
    spheres.RadionuclideCodeSequence = [nuclide]
    own = dict(headers)
    for name, value in {**SPHERES, "RadiopharmaceuticalStartDateTime": own.pop("given")}.items():
        setattr(spheres, name, value)
    grid = sitk.Image([*reversed(stored.shape)], sitk.sitkUInt8)
    grid.SetSpacing((2.0, 3.0, 4.0))
    sizes = {"PixelSpacing": [3.0, 2.0], "SliceThickness": 4.0, "RescaleIntercept": 0}
    elements = {**PET, **sizes, "RadiopharmaceuticalInformationSequence": [spheres], **own}
    return _slices(folder, stored, grid, elements, [{"RescaleSlope": s} for s in slopes])


def _slices(
    folder: Path,
    stored: NDArray[Any],
    grid: sitk.Image,
    elements: Mapping[str, Any],
    of_each: list[dict[str, Any]] | None = None,
) -> Path:
    folder.mkdir()
    axes = np.reshape(grid.GetDirection(), (3, 3))
    for k, pixels in enumerate(stored):
        place = {
            "InstanceNumber": k + 1,
            "SOPInstanceUID": f"{elements['SeriesInstanceUID']}.{k + 1}",
            "ImagePositionPatient": [f"{v:.6f}" for v in grid.TransformIndexToPhysicalPoint((0, 0, k))],
            "ImageOrientationPatient": [f"{v:.9f}" for v in (*axes[:, 0], *axes[:, 1])],
        }
        own = of_each[k] if of_each else {}
        _write(folder / f"{k:03}.dcm", pixels, {**PATIENT, **elements, **place, **own})
    return folder


def _write(path: Path, pixels: NDArray[Any], elements: Mapping[str, Any]) -> None:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = elements["SOPClassUID"]
    dataset.file_meta.MediaStorageSOPInstanceUID = elements["SOPInstanceUID"]
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
