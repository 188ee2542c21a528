"""Small images on disk for tests: DICOM series, segmentations, and the real images beside the repository."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
PET_IMAGE = "1.2.840.10008.5.1.4.1.1.128"
NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"
SLOPE_TAG, INTERCEPT_TAG = b"\x28\x00\x53\x10", b"\x28\x00\x52\x10"
NO_NUMBERS = (b"0,25", b"abcd", b"2.5D-1", b"nan ")
"""What stands in decimal strings of real files; ITK reads the first and second as 1, the third as 2.5."""


def shared(name: str) -> Path:
    """A folder of real images; the test skips where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no real images here: {name} lies beside the repository of the project's team only")
    return folder


def image(array: np.ndarray, spacing=(2.0, 3.0, 4.0), origin=(-10.0, 20.0, 30.0), direction=None) -> sitk.Image:
    """An image of the given voxels, shape (z, y, x)."""
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    if direction is not None:
        made.SetDirection(np.asarray(direction, dtype=float).ravel().tolist())
    return made


def center_of_mass_mm(volume: sitk.Image) -> np.ndarray:
    """Where the voxels' values have their center, in LPS mm: depends on every part of the geometry."""
    array = sitk.GetArrayFromImage(volume).astype(float)
    z, y, x = (float((axis * array).sum() / array.sum()) for axis in np.indices(array.shape))
    return np.array(volume.TransformContinuousIndexToPhysicalPoint((x, y, z)))


def dicom_file(path: Path, pixels: np.ndarray, change: Callable[[object], None] = lambda _: None, **elements) -> Path:
    """Write one DICOM image of 16-bit pixels; *elements* are set, *change* has the last word."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")
    dataset = pydicom.Dataset()
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    kind = elements.get("SOPClassUID", CT_IMAGE)
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.file_meta = meta
    dataset.PatientName, dataset.PatientID = "Secret^Name", "007"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    for name, value in {"Modality": "CT", "SeriesInstanceUID": "1.2.3.4", **elements}.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def dicom_series(
    folder: Path, stored: np.ndarray, heights_mm=None, slopes=None, shift_mm=0.0, prefix="slice", **elements
) -> Path:
    """Write a series of axial slices, file names in another order than the slices; *shift_mm* tilts the stack."""
    folder.mkdir(exist_ok=True)
    heights_mm = heights_mm or [4.0 * k for k in range(len(stored))]
    for k, (pixels, height) in enumerate(zip(stored, heights_mm, strict=True)):
        dicom_file(
            folder / f"{prefix}{(7 * k) % 101:03}.dcm",
            pixels,
            **{
                "ImagePositionPatient": [-10.0, 20.0 + shift_mm * k, 30.0 + height],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "PixelSpacing": [3.0, 2.0],
                "SliceThickness": 4.0,
                "RescaleSlope": slopes[k] if slopes else 1,
                "RescaleIntercept": 0,
                **elements,
            },
        )
    return folder


def overwritten(path: Path, tag: bytes, raw: bytes) -> None:
    """Put other bytes into a decimal string (VR DS) of an explicit little endian file: no library writes such ones."""
    held = path.read_bytes()
    at = held.find(tag + b"DS") + 6
    length = int.from_bytes(held[at : at + 2], "little")
    path.write_bytes(held[:at] + len(raw).to_bytes(2, "little") + raw + held[at + 2 + length :])


def spect_file(path: Path, stored: np.ndarray, between_slices_mm=4.0, kind="RECON TOMO", **elements) -> Path:
    """Write a multi-frame nuclear medicine image."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")
    detector = pydicom.Dataset()
    detector.ImageOrientationPatient, detector.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-10.0, 20.0, 30.0]
    known = {"SpacingBetweenSlices": between_slices_mm} if between_slices_mm else {}
    return dicom_file(
        path,
        stored,
        **{
            "SOPClassUID": NM_IMAGE,
            "Modality": "NM",
            "ImageType": ["DERIVED", "PRIMARY", kind, "EMISSION"],
            "NumberOfFrames": len(stored),
            "NumberOfSlices": len(stored),
            "PixelSpacing": [3.0, 2.0],
            "SliceThickness": 4.0,
            "DetectorInformationSequence": pydicom.Sequence([detector]),
            **known,
            **elements,
        },
    )


def segmentation(path: Path, labels: np.ndarray, header: dict[str, str], encoding="gzip") -> Path:
    """Write a .seg.nrrd as Slicer does; *labels* has shape (z, y, x), or (z, y, x, layers) for several layers."""
    layered = labels.ndim == 4
    lines = [
        "NRRD0004",
        "type: unsigned char",
        f"dimension: {labels.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, labels.shape[::-1]))}",
        f"space directions: {'none ' * layered}(2,0,0) (0,3,0) (0,0,4)",
        f"kinds: {'list ' * layered}domain domain domain",
        f"encoding: {encoding}",
        "space origin: (-10,20,30)",
        *(f"{key}:={value}" for key, value in header.items()),
    ]
    voxels = labels.astype(np.uint8).tobytes()
    packed = gzip.compress(voxels) if encoding == "gzip" else voxels
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + packed)
    return path
