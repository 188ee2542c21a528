"""Cases on images of real patients, outlined and simulated by rule; the images are no part of this project."""

from __future__ import annotations

import tarfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from shapes import filled, points_mm

from Y90DosimetryLib.case import Case, Disease, Infusion, Patient, Session, Settings, Vial
from Y90DosimetryLib.images import CountMap, CtImage
from Y90DosimetryLib.io.volumes import read_image, read_volume
from Y90DosimetryLib.occupancy import Grid, occupancy_of
from Y90DosimetryLib.structures import Role, Structure

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

needs_real_images = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real images are not beside the checkout: they may not be distributed with it"
)

CALIBRATED = datetime.fromisoformat("2026-03-01T12:00:00-05:00")
GIVEN = datetime.fromisoformat("2026-03-04T09:30:00+01:00")


def structure(role: Role, label: str, like: sitk.Image, inside: np.ndarray) -> Structure:
    """A structure from a boolean array on the grid of *like*."""
    return Structure(role, label, filled(like, inside.astype(np.uint8)))


def ball(points: np.ndarray, center_mm, radius_mm: float) -> np.ndarray:
    """Where points lie in a ball."""
    return sum((points[i] - center_mm[i]) ** 2 for i in range(3)) <= radius_mm**2


def read_mask_of_upper_slices(path: Path, ct: sitk.Image) -> sitk.Image:
    """The masks hold the CT's last 30 slices, but their header gives the place of its first ones."""
    mask = sitk.ReadImage(str(path))
    skipped = ct.GetSize()[2] - mask.GetSize()[2]
    mask.SetOrigin(ct.TransformIndexToPhysicalPoint((0, 0, skipped)))
    return mask


def torso_case(fwhm_mm: float = 12.0) -> Case:
    """A patient's CT and liver; tumor, lobe and remnant drawn in it, the SPECT simulated from them."""
    folder = DATA / "torso_ct"
    ct = CtImage(read_image(folder / "ct.nii.gz", "CT"))
    whole = read_mask_of_upper_slices(folder / "liver.nii.gz", ct.image)
    liver = Structure(Role.LIVER, "Liver", whole)
    points, inside = points_mm(whole), sitk.GetArrayFromImage(whole) > 0
    middle = points[:, inside].mean(axis=1)
    right = points[0] < middle[0] + 20
    tumor = ball(points, middle + [-35, 0, 0], 22) & inside
    parts = (
        liver,
        structure(Role.PERFUSED, "Right lobe", whole, inside & right),
        structure(Role.TUMOR, "Tumor 1", whole, tumor),
        structure(Role.FLR, "Left lobe", whole, inside & ~right),
    )
    spect = sitk.Image([110, 90, 60], sitk.sitkFloat32)
    spect.SetSpacing((4.4, 4.4, 4.4))
    spect.SetOrigin(middle - 4.4 * (np.array([110, 90, 60]) - 1) / 2)
    counts = np.zeros(spect.GetSize()[::-1])
    for part, concentration in ((parts[1], 1.0), (parts[2], 3.0)):  # tumor: 1 + 3 = 4 times normal liver
        share = occupancy_of(part, Grid.of(spect))
        counts[share.box.slices] += concentration * share.volume_ml
    image = filled(spect, counts.astype(np.float32))
    if fwhm_mm:
        image = sitk.SmoothingRecursiveGaussian(image, fwhm_mm / 2.3548)
        noisy = np.random.default_rng(7).poisson(np.clip(sitk.GetArrayFromImage(image), 0, None) * 2e6 / counts.sum())
        image = filled(spect, noisy.astype(np.float32))
    infusion = Infusion("Right vial", Vial(5.0, CALIBRATED), "Right lobe", GIVEN, 0.01, 0.04)
    return Case(
        "Torso CT, simulated SPECT",
        parts,
        (Session("Plan", (infusion,), CountMap(image)),),
        ct,
        Patient(weight_kg=75.0, height_cm=172.0, bilirubin_umol_l=14.0, albumin_g_l=40.0),
        Disease(scenario=2),
        Settings(hospital_time_zone="Europe/Paris"),
    )


def unpacked_spect_ct(folder: Path) -> Path:
    """Unpack the CT and SPECT series and return their folder."""
    with tarfile.open(DATA / "spect_ct" / "dicoms.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def spect_ct_case(folder: Path) -> Case:
    """A real CT and SPECT; the liver outlined by a threshold of the smoothed SPECT, lobe and tumor inside it."""
    ct = CtImage(read_image(folder / "CT", "CT"))
    volume = read_volume(folder / "SPECT", "SPECT")
    smooth = sitk.SmoothingRecursiveGaussian(sitk.Median(volume.image, (2, 2, 2)), 6.0)
    warm = sitk.RelabelComponent(
        sitk.ConnectedComponent(smooth > 0.4 * float(sitk.GetArrayViewFromImage(smooth).max()))
    )
    liver = sitk.GetArrayFromImage(warm) == 1
    points, values = points_mm(volume.image), sitk.GetArrayFromImage(smooth)
    right = points[0] < points[0][liver].mean() + 20
    hottest = liver & right & (values >= np.quantile(values[liver & right], 0.95))
    tumor = sitk.RelabelComponent(sitk.ConnectedComponent(filled(volume.image, hottest.astype(np.uint8))))
    parts = (
        structure(Role.LIVER, "Liver", volume.image, liver),
        structure(Role.PERFUSED, "Right part", volume.image, liver & right),
        structure(Role.TUMOR, "Hottest part", volume.image, sitk.GetArrayFromImage(tumor) == 1),
        structure(Role.FLR, "Left part", volume.image, liver & ~right),
    )
    infusion = Infusion("Vial", Vial(3.0, CALIBRATED), "Right part", GIVEN, 0.01, 0.05)
    return Case(
        "Real CT and SPECT",
        parts,
        (Session("Image", (infusion,), CountMap(volume.image)),),
        ct,
        disease=Disease(scenario=3, facts={"maa_same_position": True}),
    )
