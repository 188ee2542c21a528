"""Run by `bench_dvh` in an environment of its own: time dicompyler-core on the same dose and structures.

Reads dose.npy and balls.json in the folder given, makes an RT Dose and an RT Structure Set of them in memory,
and prints the seconds that the histograms took and the mean doses as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from dicompylercore import dvhcalc
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

CORNERS = 120


def rt_dose(dose_gy: np.ndarray, spacing_mm: float) -> Dataset:
    """Return the dose as RT Dose with 32 bits a voxel."""
    data = _dataset("RTDOSE", "1.2.840.10008.5.1.4.1.1.481.2")
    scaling = float(dose_gy.max()) / 2e9
    data.NumberOfFrames, data.Rows, data.Columns = dose_gy.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = 32
    data.HighBit = 31
    data.PixelSpacing = [spacing_mm, spacing_mm]
    data.ImagePositionPatient = [0, 0, 0]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.GridFrameOffsetVector = [n * spacing_mm for n in range(dose_gy.shape[0])]
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.DoseGridScaling = f"{scaling:.9e}"
    data.PixelData = np.rint(dose_gy / float(data.DoseGridScaling)).astype("<u4").tobytes()
    return data


def rt_structures(centers: list[list[int]], radius: int, spacing_mm: float) -> Dataset:
    """Return one ball a center as contours in every slice."""
    data = _dataset("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3")
    data.StructureSetROISequence, data.ROIContourSequence, data.RTROIObservationsSequence = [], [], []
    angles = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
    for number, (z, y, x) in enumerate(centers, start=1):
        roi, contours, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, f"ball{number}"
        observation.ReferencedROINumber, observation.RTROIInterpretedType = number, ""
        contours.ReferencedROINumber, contours.ROIDisplayColor, contours.ContourSequence = number, [255, 0, 0], []
        for step in range(1 - radius, radius):
            across = (radius**2 - step**2) ** 0.5
            points = np.empty((CORNERS, 3))
            points[:, 0] = (x + across * np.cos(angles)) * spacing_mm
            points[:, 1] = (y + across * np.sin(angles)) * spacing_mm
            points[:, 2] = (z + step) * spacing_mm
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", CORNERS
            contour.ContourData = [f"{value:.6f}" for value in points.ravel()]
            contours.ContourSequence.append(contour)
        data.StructureSetROISequence.append(roi)
        data.ROIContourSequence.append(contours)
        data.RTROIObservationsSequence.append(observation)
    return data


def main(folder: Path) -> None:
    """Time the histograms and print the result."""
    plan = json.loads((folder / "balls.json").read_text())
    dose = rt_dose(np.load(folder / "dose.npy"), plan["spacing_mm"])
    structures = rt_structures(plan["centers"], plan["radius"], plan["spacing_mm"])
    numbers = range(1, len(plan["centers"]) + 1)
    start = time.perf_counter()
    means = [float(dvhcalc.get_dvh(structures, dose, number).mean) for number in numbers]
    print(json.dumps({"seconds": time.perf_counter() - start, "mean_gy": means}))


def _dataset(modality: str, kind: str) -> Dataset:
    data = Dataset()
    data.Modality, data.SOPClassUID, data.SOPInstanceUID = modality, kind, generate_uid()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data.is_little_endian, data.is_implicit_VR = True, True
    return data


if __name__ == "__main__":
    main(Path(sys.argv[1]))
