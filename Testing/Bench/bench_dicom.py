"""A DICOM CT of 300 slices to a case folder, against SimpleITK reading the series and writing it compressed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from rows import Row, best_in_turn, peak_bytes, timed_row

from Y90DosimetryLib.io.dicom_case import case_from_dicom, write_dicom_case

SLICES, SIDE = 300, 512
AIM = "at least 0.5"


def run() -> list[Row]:
    """Return the rows of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _write_ct(here / "ct")

        def ours() -> None:
            shutil.rmtree(here / "case", ignore_errors=True)
            write_dicom_case(case_from_dicom(here / "ct"), here / "case")

        def peer() -> None:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(here / "ct")))
            sitk.WriteImage(reader.Execute(), str(here / "ct.nrrd"), True)

        ours_s, peer_s = best_in_turn(2, ours, peer)
        held_mb = peak_bytes(ours) / 1e6
        what = f"DICOM CT of {SLICES} slices to a case"
        note = f"Python and numpy hold {held_mb:.0f} MB at most; the voxels are {SLICES * SIDE * SIDE * 2 / 1e6:.0f} MB"
        return [timed_row(what, ours_s, "SimpleITK, read and written", peer_s, AIM, note)]


def _write_ct(folder: Path) -> None:
    folder.mkdir()
    noise = np.random.default_rng(90).integers(0, 40, (SIDE, SIDE))
    middle = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE / 2)) < SIDE / 3
    for k in range(SLICES):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = "1.2.4", "1.2.5", "CT"
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 2.0 * k], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [0.8, 0.8], 2.0
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.Rows = dataset.Columns = SIDE
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.PixelData = (noise + middle * (1050 + k % 7)).astype(np.uint16).tobytes()
        dataset.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)
