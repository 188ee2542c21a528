"""A small case on disk for tests: a liver, a perfused half, a tumor, and a MAA image on another grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import image

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import read_case

CASE = """
[case]
label = "Case 1"

[images]
ct = "ct.nrrd"

[[structures]]
label = "Liver"
role = "liver"
file = "labels.nrrd"
label_value = 1

[[structures]]
label = "Tumor 1"
role = "tumor"
file = "labels.nrrd"
label_value = 2

[[structures]]
label = "Right lobe"
role = "perfused"
file = "perfused.nii.gz"

[patient]
weight_kg = 70
bilirubin_umol_l = 10.5

[disease]
scenario = 2
diagnosis = "hcc"
surgery_date = 2026-09-01

[[sessions]]
label = "Plan"
basis = "planned"
image = "maa.nrrd"
image_values = "counts"

[[sessions.infusions]]
label = "Right"
perfused = "Right lobe"
activity_gbq = 3.0
calibrated_at = 2026-03-01T12:00:00-05:00
given_at = 2026-03-04T10:30:00+01:00
residual_fraction = 0.01
lung_shunt_fraction = 0.05

[settings]
liver_density_g_ml = 1.06
"""


SPACING_MM, MAA_SPACING_MM = (6.0, 9.0, 12.0), (13.2, 18.0, 24.0)
"""Large enough for a liver of 360 mL."""


def counts() -> np.ndarray:
    """The voxels of the MAA image."""
    array = np.zeros((5, 6, 7), dtype=np.float32)
    array[1:4, 1:5, 1:6] = 100.0
    return array


def fill(folder: Path) -> None:
    """Write the images of the case into *folder*."""
    labels = np.zeros((10, 12, 14), dtype=np.uint8)
    labels[2:9, 2:10, 2:12] = 1
    perfused = labels.copy()
    perfused[:, :, :7] = 0
    labels[4:6, 5:8, 8:10] = 2
    attenuation = np.full(labels.shape, 50, np.int16)
    attenuation[0] = -1000  # air
    sitk.WriteImage(image(attenuation, SPACING_MM), str(folder / "ct.nrrd"))
    sitk.WriteImage(image(labels, SPACING_MM), str(folder / "labels.nrrd"))
    sitk.WriteImage(image(perfused, SPACING_MM), str(folder / "perfused.nii.gz"))
    sitk.WriteImage(image(counts(), MAA_SPACING_MM), str(folder / "maa.nrrd"))


def case_file(folder: Path, old: str = "", new: str = "") -> Path:
    """Write the case into *folder*, with *old* replaced by *new*, and return its case file."""
    assert old in CASE, "the test changes something that is there"
    if not (folder / "case.toml").exists():
        fill(folder)
    path = folder / "case.toml"
    path.write_text(CASE.replace(old, new) if old else CASE, encoding="utf-8")
    return path


def read(folder: Path, old: str = "", new: str = "") -> Case:
    """Return the case with *old* replaced by *new*."""
    return read_case(case_file(folder, old, new))


def refused(folder: Path, old: str = "", new: str = "", error: type[InputError] = InputError) -> str:
    """Return the message with which the changed case is refused; it names the case file and is one line."""
    path = case_file(folder, old, new)
    with pytest.raises(error) as told:
        read_case(path)
    message = str(told.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path)).lstrip(":, ")
