"""Structures as DICOM segmentations: identical to the voxel, with codes from which the role comes back."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from export_kit import (
    FLIPPED,
    FRAME,
    IDENTITY,
    OBLIQUE,
    UPSIDE_DOWN,
    centers_in_segments,
    centers_of,
    dicom_ct,
    lobe,
    program,
    small_case,
)
from image_files import image

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.io.dicom_objects import NewSeries, save
from Y90DosimetryLib.io.dicom_outlines import read_outlines
from Y90DosimetryLib.io.dicom_reference import read_reference
from Y90DosimetryLib.io.dicom_seg import Segments, segmentations
from Y90DosimetryLib.io.dicom_sort import Kind, sort_folder
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.terminology import TERMINOLOGY

pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")
highdicom = pytest.importorskip("highdicom", reason="highdicom writes DICOM segmentations")

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DIRECTIONS = {"as scanned": IDENTITY, "flipped": FLIPPED, "upside down": UPSIDE_DOWN, "oblique": OBLIQUE}


def exported(case: Case, folder: Path) -> tuple[Segments, ...]:
    """The segmentations of a case on its CT, written as files too."""
    assert case.ct is not None
    reference = read_reference(dicom_ct(folder / "ct", case.ct.image))
    found = segmentations(case.structures, reference, NewSeries("SEG", 9100, "Y-90 structures"), NOON)
    for n, one in enumerate(found):
        save(one.dataset, folder / f"seg{n}.dcm")
    return found


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_every_voxel_comes_back_at_its_place_read_frame_by_frame(direction, tmp_path: Path) -> None:
    case = small_case(tmp_path / "case", direction)
    case = replace(case, structures=(*case.structures, lobe(case, UPSIDE_DOWN)))
    found = exported(case, tmp_path)
    assert len(found) == 2, "one on the CT's voxels, one on the remnant's own"
    read: dict[str, np.ndarray] = {}
    for n in range(len(found)):
        read |= centers_in_segments(pydicom.dcmread(tmp_path / f"seg{n}.dcm"))
    assert read.keys() == {s.label for s in case.structures}
    for structure in case.structures:
        truth = centers_of(structure.mask)
        assert len(read[structure.label]) == len(truth)
        assert np.abs(read[structure.label] - truth).max() < 1e-3


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_highdicom_reads_the_same_voxels(direction, tmp_path: Path) -> None:
    case = small_case(tmp_path / "case", direction)
    (one,) = exported(case, tmp_path)
    volume = highdicom.seg.segread(tmp_path / "seg0.dcm").get_volume(combine_segments=False)
    for structure in case.structures:
        array = volume.array[..., one.numbers[structure.label] - 1]
        index = np.argwhere(array)
        points = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        truth = centers_of(structure.mask)
        assert len(points) == len(truth) == structure.voxel_count
        assert {tuple(p) for p in np.round(points, 2)} == {tuple(p) for p in np.round(truth, 2)}


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_dcmqi_reads_the_same_voxels_and_roles(direction, tmp_path: Path) -> None:
    reader = program("segimage2itkimage")
    case = small_case(tmp_path / "case", direction)
    case = replace(case, structures=(*case.structures, lobe(case, UPSIDE_DOWN)))
    for n, one in enumerate(exported(case, tmp_path)):
        words = [reader, "--inputDICOM", tmp_path / f"seg{n}.dcm", "--outputDirectory", tmp_path, "--prefix", f"seg{n}"]
        subprocess.run([*words, "--outputType", "nrrd"], check=True, capture_output=True)
        told = json.loads((tmp_path / f"seg{n}-meta.json").read_text())
        described = {s[0]["SegmentLabel"]: s[0] for s in told["segmentAttributes"]}
        assert set(described) == set(one.numbers)
        for structure in (s for s in case.structures if s.label in one.numbers):
            mask = sitk.ReadImage(str(tmp_path / f"seg{n}-{one.numbers[structure.label]}.nrrd"))
            found, truth = centers_of(mask), centers_of(structure.mask)
            assert len(found) == len(truth)
            assert np.abs(found - truth).max() < 1e-3
            entry = TERMINOLOGY[structure.role]
            assert described[structure.label]["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == entry.type.value


def test_frames_are_planes_of_the_ct_so_that_viewers_lay_them_over_it(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case", FLIPPED)
    (one,) = exported(case, tmp_path)
    assert (one.dataset.Rows, one.dataset.Columns) == (12, 14)
    slices = {pydicom.dcmread(p).SOPInstanceUID for p in (tmp_path / "ct").iterdir()}
    for frame in one.dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID in slices
    assert one.dataset.FrameOfReferenceUID == FRAME


def test_structures_overlap_and_keep_all_their_voxels(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    (one,) = exported(case, tmp_path)
    read = centers_in_segments(one.dataset)
    liver, tumor = ({tuple(p) for p in np.round(read[name], 2)} for name in ("Liver", "Tumor 1"))
    drawn = {s.label: s for s in case.structures}
    inside = {tuple(p) for p in np.round(centers_of(drawn["Liver"].mask), 2)}
    assert liver == inside
    assert len(tumor) == drawn["Tumor 1"].voxel_count


def test_each_role_comes_back_from_its_codes_alone(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    shape = (10, 12, 14)
    structures = []
    for n, role in enumerate(Role):
        array = np.zeros(shape, dtype=np.uint8)
        array[2:7, 3:8, n : n + 4] = 1
        structures.append(Structure(role, f"Region {n}", image(array)))  # the name says nothing
    (one,) = exported(replace(case, structures=tuple(structures), sessions=()), tmp_path)
    sorting = sort_folder(tmp_path)
    (seg,) = sorting.of_kind(Kind.SEG)
    (ct,) = sorting.of_kind(Kind.CT)
    outlines = read_outlines(seg, sorting, ct, "SEG")
    assert outlines.roles == {s.label: s.role for s in structures}
    for segment, structure in zip(outlines.segments, structures, strict=True):
        assert np.allclose(centers_of(segment.mask), centers_of(structure.mask), atol=1e-3)
    for item, role in zip(one.dataset.SegmentSequence, Role, strict=True):
        entry = TERMINOLOGY[role]
        code = item.SegmentedPropertyTypeCodeSequence[0]
        assert (code.CodingSchemeDesignator, code.CodeValue) == (entry.type.scheme, entry.type.value)
        assert item.SegmentAlgorithmType == "MANUAL"
        assert "SegmentationAlgorithmIdentificationSequence" not in item


def test_an_empty_structure_is_left_out(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    nothing = Structure(Role.FLR, "FLR", image(np.zeros((4, 4, 4), np.uint8)))
    (one,) = exported(replace(case, structures=(*case.structures, nothing)), tmp_path)
    assert "FLR" not in one.numbers


def test_a_mask_finer_than_the_ct_stays_as_fine(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    fine = sitk.Image(20, 20, 20, sitk.sitkUInt8)
    fine.SetSpacing((0.5, 0.5, 0.5))
    fine.SetOrigin((0.0, 30.0, 40.0))
    fine[3:9, 4:12, 5:7] = 1
    (one,) = exported(replace(case, structures=(Structure(Role.TUMOR, "T", fine),), sessions=()), tmp_path)
    assert np.allclose(centers_in_segments(one.dataset)["T"], centers_of(fine), atol=1e-3)
    assert one.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing == [0.5, 0.5]


def test_a_long_name_is_cut_and_an_odd_one_made_fit(tmp_path: Path) -> None:
    case = small_case(tmp_path / "case")
    names = ("Läsion " * 13, "left\\right lobe")
    mask = case.structures[0].mask
    structures = tuple(Structure(Role.TUMOR, name, mask) for name in names)
    (one,) = exported(replace(case, structures=structures, sessions=()), tmp_path)
    labels = [s.SegmentLabel for s in pydicom.dcmread(tmp_path / "seg0.dcm").SegmentSequence]
    assert labels[1] == "left right lobe"
    assert labels[0].startswith("Läsion Läsion") and len(labels[0].encode()) <= 64
    assert len(one.numbers) == 2
