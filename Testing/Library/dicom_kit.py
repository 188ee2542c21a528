"""Synthetic DICOM folders for tests: Y-90 PET, segmentations, contours, other transfer syntaxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import PET_IMAGE, dicom_series

from Y90DosimetryLib.io.dicom_sort import Sorting, sort_folder

pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")

FRAME = "1.2.826.0.1.5"
OTHER_FRAME = "1.2.826.0.1.6"
CT_SERIES, PET_SERIES = "1.2.826.0.1.100", "1.2.826.0.1.200"
SEG_CLASS, RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3"
CT_HU = np.random.default_rng(1).integers(0, 1200, (6, 20, 24))
"""Stored values: 1024 less are Hounsfield units."""


def ct(folder: Path, stored=CT_HU, **elements) -> Path:
    """A CT in its frame of reference."""
    known = {"RescaleIntercept": -1024, "SeriesInstanceUID": CT_SERIES, "FrameOfReferenceUID": FRAME}
    return dicom_series(folder, stored, **{"prefix": "ct", **known, **elements})


def coded(scheme: str, value: str, meaning: str):
    """A sequence of one coded entry."""
    item = pydicom.Dataset()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = scheme, value, meaning
    return pydicom.Sequence([item])


def spheres(**elements):
    """A radiopharmaceutical sequence: 3 GBq of Y-90 given at 10:30."""
    item = pydicom.Dataset()
    item.RadionuclideCodeSequence = coded("SCT", "14691008", "^90^Yttrium")
    known = {
        "RadionuclideHalfLife": 230760.0,
        "RadionuclidePositronFraction": 3.186e-5,
        "RadionuclideTotalDose": 3.0e9,
        "RadiopharmaceuticalStartDateTime": "20260304103000",
    }
    for name, value in {**known, **elements}.items():
        if value is not None:
            setattr(item, name, value)
        elif name in item:
            delattr(item, name)
    return pydicom.Sequence([item])


PET = np.random.default_rng(2).integers(0, 20000, (5, 7, 8))


def pet(folder: Path, stored=PET, tracer=None, **elements) -> Path:
    """A Y-90 PET in Bq/mL that began at 14:00, decay-corrected to its start."""
    known = {
        "SOPClassUID": PET_IMAGE,
        "Modality": "PT",
        "SeriesInstanceUID": PET_SERIES,
        "FrameOfReferenceUID": FRAME,
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "RAN", "NORM"],
        "SeriesDate": "20260304",
        "SeriesTime": "140000",
        "AcquisitionDate": "20260304",
        "AcquisitionTime": "140000",
        "ActualFrameDuration": 1200000,
        "RadiopharmaceuticalInformationSequence": spheres() if tracer is None else tracer,
        "PatientWeight": 80.0,
        "PatientSize": 1.75,
    }
    chosen = {k: v for k, v in {**known, **elements}.items() if v is not None}
    return dicom_series(folder, stored, **{"prefix": "pet", **chosen})


def sorted_(folder: Path) -> Sorting:
    """Sort a folder."""
    return sort_folder(folder)


def rewritten(path: Path, syntax: str) -> None:
    """Store a file's pixels in another transfer syntax."""
    dataset = pydicom.dcmread(path)
    uid = getattr(pydicom.uid, syntax)
    if syntax in ("JPEG2000Lossless", "JPEGLosslessSV1"):
        picture = path.with_suffix(".encoded.dcm")
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(picture))
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG2000" if syntax == "JPEG2000Lossless" else "JPEG")
        writer.Execute(sitk.GetImageFromArray(dataset.pixel_array[None]))
        encoded = pydicom.dcmread(picture)
        picture.unlink()
        assert encoded.file_meta.TransferSyntaxUID == uid
        dataset.PixelData = encoded.PixelData
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif syntax == "RLELossless":
        dataset.compress(uid)
    elif syntax == "ExplicitVRBigEndian":
        dataset.PixelData = dataset.pixel_array.astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = uid
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False, force_encoding=True)
        return
    dataset.file_meta.TransferSyntaxUID = uid
    dataset.save_as(path, enforce_file_format=True)


def _object(path: Path, kind: str, modality: str, frame: str, uid: str):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = kind
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.PatientName, dataset.PatientID = "Secret^Name", "007"
    dataset.Modality, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = modality, uid, frame
    path.parent.mkdir(exist_ok=True)
    return dataset


def segmentation_object(path: Path, masks: dict, kind="BINARY", frame=FRAME, region=None, **elements) -> Path:
    """A DICOM SEG on the grid of `ct`; *masks*: label -> (scheme, code, meaning, array (z, y, x))."""
    dataset = _object(path, SEG_CLASS, "SEG", frame, "1.2.826.0.1.300")
    dataset.SegmentationType = kind
    dataset.SegmentSequence, frames, planes = pydicom.Sequence(), pydicom.Sequence(), []
    for number, (label, (scheme, value, meaning, array)) in enumerate(masks.items(), start=1):
        segment = pydicom.Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, label
        segment.SegmentedPropertyCategoryCodeSequence = coded(scheme, "T-D000A", "Anatomical Structure")
        segment.SegmentedPropertyTypeCodeSequence = coded(scheme, value, meaning)
        if region:
            segment.AnatomicRegionSequence = coded(*region)
        dataset.SegmentSequence.append(segment)
        for k in np.flatnonzero(array.any(axis=(1, 2)))[::-1]:  # from the top, and empty planes left out
            frame_item, place, of = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
            place.ImagePositionPatient = [-10.0, 20.0, 30.0 + 4.0 * int(k)]
            of.ReferencedSegmentNumber = number
            frame_item.PlanePositionSequence = pydicom.Sequence([place])
            frame_item.SegmentIdentificationSequence = pydicom.Sequence([of])
            frames.append(frame_item)
            planes.append(array[k])
    shared, axes, size = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    axes.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    size.PixelSpacing, size.SliceThickness, size.SpacingBetweenSlices = [3.0, 2.0], 4.0, 4.0
    shared.PlaneOrientationSequence = pydicom.Sequence([axes])
    shared.PixelMeasuresSequence = pydicom.Sequence([size])
    dataset.SharedFunctionalGroupsSequence = pydicom.Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = frames
    pixels = np.array(planes, dtype=np.uint8)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    if kind == "FRACTIONAL":
        dataset.MaximumFractionalValue = 255
    packed = np.packbits(pixels.ravel(), bitorder="little") if bits == 1 else pixels
    dataset.PixelData = packed.tobytes() + b"\0" * (packed.size % 2)
    for name, element in elements.items():
        setattr(dataset, name, element)
    dataset.save_as(path, enforce_file_format=True)
    return path


def contours(path: Path, rois: dict, frame=FRAME, series=CT_SERIES, **elements) -> Path:
    """An RT structure set; *rois*: name -> list of loops, each of shape (points, 3)."""
    dataset = _object(path, RTSTRUCT_CLASS, "RTSTRUCT", frame, "1.2.826.0.1.400")
    del dataset.FrameOfReferenceUID
    of_series, study, of_frame = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    of_series.SeriesInstanceUID = series
    study.RTReferencedSeriesSequence = pydicom.Sequence([of_series])
    of_frame.FrameOfReferenceUID = frame
    of_frame.RTReferencedStudySequence = pydicom.Sequence([study])
    dataset.ReferencedFrameOfReferenceSequence = pydicom.Sequence([of_frame])
    dataset.StructureSetROISequence, dataset.ROIContourSequence = pydicom.Sequence(), pydicom.Sequence()
    for number, (name, loops) in enumerate(rois.items(), start=1):
        roi, drawn = pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber = drawn.ReferencedROINumber = number
        roi.ROIName, roi.ReferencedFrameOfReferenceUID = name, frame
        drawn.ContourSequence = pydicom.Sequence()
        for loop in loops:
            contour = pydicom.Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(loop)
            contour.ContourData = [f"{v:.4f}" for v in np.asarray(loop).ravel()]
            drawn.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
    for name, element in elements.items():
        setattr(dataset, name, element)
    dataset.save_as(path, enforce_file_format=True)
    return path


def circle(radius_mm: float, center_mm, points=120) -> np.ndarray:
    """A circle in a transverse plane."""
    turn = 2 * np.pi * np.arange(points) / points
    x, y, z = center_mm
    return np.stack([x + radius_mm * np.cos(turn), y + radius_mm * np.sin(turn), np.full(points, z)], axis=1)
