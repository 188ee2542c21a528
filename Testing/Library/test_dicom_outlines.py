"""Outlines from DICOM keep volume and place, holes stay holes, and other frames of reference are refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_kit import FRAME, OTHER_FRAME, circle, contours, ct, pydicom, segmentation_object, sorted_
from image_files import center_of_mass_mm, image, shared

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import voxel_ml
from Y90DosimetryLib.io.dicom_outlines import read_outlines
from Y90DosimetryLib.io.dicom_sort import Kind
from Y90DosimetryLib.io.dicom_stack import read_stack
from Y90DosimetryLib.structures import Role

SCT_LIVER, SRT_LIVER = ("SCT", "10200004", "Liver"), ("SRT", "T-62000", "Liver")
ROOM = np.zeros((30, 60, 90), dtype=np.int64)
"""A CT of 180 x 180 x 120 mm from (-10, 20, 30)."""


def outlines(folder):
    sorting = sorted_(folder)
    (target,) = sorting.of_kind(Kind.CT)
    (drawn,) = sorting.of_kind(Kind.SEG, Kind.RTSTRUCT)
    return read_outlines(drawn, sorting, target, "outlines")


def refused(folder, error=InputError):
    with pytest.raises(error) as told:
        outlines(folder)
    assert told.value.remedy
    return str(told.value)


def volume_ml(mask) -> float:
    return float(sitk.GetArrayViewFromImage(mask).sum()) * voxel_ml(mask)


def on_grid(mask, array) -> np.ndarray:
    """The mask on the whole grid of the CT."""
    return sitk.GetArrayFromImage(sitk.Resample(mask, image(array), sitk.Transform(), sitk.sitkNearestNeighbor))


def some(low, high, shape=(6, 20, 24)):
    array = np.zeros(shape, dtype=np.uint8)
    array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return array


# DICOM SEG


def test_overlapping_segments_come_back_to_the_voxel(tmp_path):
    ct(tmp_path / "ct")
    liver, tumor = some((1, 2, 3), (5, 15, 20)), some((2, 4, 6), (3, 7, 9))
    tumor[4, 10, 10] = 1  # an island: the plane between holds nothing and is not stored
    masks = {"Liver": (*SCT_LIVER, liver), "Tumor 1": ("SCT", "108369006", "Neoplasm", tumor)}
    segmentation_object(tmp_path / "seg.dcm", masks)
    found = outlines(tmp_path)
    assert found.roles == {"Liver": Role.LIVER, "Tumor 1": Role.TUMOR}
    for segment, array in zip(found.segments, (liver, tumor), strict=True):
        assert np.array_equal(on_grid(segment.mask, array), array)


def test_planes_a_fraction_of_a_millimeter_apart_do_not_drift_along_the_body(tmp_path):
    ct(tmp_path / "ct")
    step_mm, planes = 0.488281, 400
    path = segmentation_object(tmp_path / "seg.dcm", {"Liver": (*SCT_LIVER, np.ones((planes, 20, 24), dtype=np.uint8))})
    dataset = pydicom.dcmread(path)
    for item in dataset.PerFrameFunctionalGroupsSequence:
        place = item.PlanePositionSequence[0]
        x, y, z = place.ImagePositionPatient
        place.ImagePositionPatient = [x, y, 30.0 + step_mm * round((z - 30.0) / 4.0)]
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = step_mm
    dataset.save_as(path)
    mask = outlines(tmp_path).segments[0].mask
    assert mask.GetSize()[2] == planes
    assert mask.GetSpacing()[2] == pytest.approx(step_mm, rel=1e-9)


@pytest.mark.parametrize(
    ("coding", "region", "role"),
    [
        (SRT_LIVER, None, Role.LIVER),
        (SCT_LIVER, None, Role.LIVER),
        (("SRT", "M-8FFFF", "Neoplasm"), ("SRT", "T-62000", "Liver"), Role.TUMOR),
        (("SRT", "M-8FFFF", "Neoplasm"), ("SRT", "T-28000", "Lung"), None),
        (("SRT", "M-35001", "Thrombus"), ("SRT", "T-48810", "Portal vein"), Role.PVTT),
        (("SCT", "396339007", "Thrombus"), ("SCT", "8993003", "Hepatic vein"), Role.HEPATIC_VEIN_THROMBUS),
        (("SCT", "39607008", "Lung"), None, None),
        (("SRT", "T-12345", "Bone"), None, None),
    ],
)
def test_codes_old_and_new_suggest_the_role_where_the_name_does_not(tmp_path, coding, region, role):
    ct(tmp_path / "ct")
    segmentation_object(tmp_path / "seg.dcm", {"A": (*coding, some((1, 1, 1), (2, 2, 2)))}, region=region)
    assert outlines(tmp_path).roles.get("A") is role


def test_a_name_is_more_specific_than_its_codes(tmp_path):
    ct(tmp_path / "ct")
    segmentation_object(tmp_path / "seg.dcm", {"FLR": (*SCT_LIVER, some((1, 1, 1), (3, 3, 3)))})
    assert outlines(tmp_path).roles == {"FLR": Role.FLR}


def test_a_fractional_segment_is_cut_at_one_half_and_says_so(tmp_path):
    ct(tmp_path / "ct")
    fractions = some((1, 2, 3), (5, 15, 20)) * 255
    fractions[:, 2] = fractions[:, 2] // 5
    segmentation_object(tmp_path / "seg.dcm", {"Liver": (*SCT_LIVER, fractions)}, kind="FRACTIONAL")
    found = outlines(tmp_path)
    assert np.array_equal(on_grid(found.segments[0].mask, fractions), fractions > 127)
    assert "fractional; cut at one half, its volume times 0.984" in found.notes[0]


def test_a_voxel_that_is_filled_by_exactly_one_half_is_inside(tmp_path):
    ct(tmp_path / "ct")
    fractions = some((1, 2, 3), (5, 15, 20)) * 254
    fractions[:, 2], fractions[:, 3] = fractions[:, 2] // 2, fractions[:, 3] // 254 * 126
    masks = {"Liver": (*SCT_LIVER, fractions)}
    segmentation_object(tmp_path / "seg.dcm", masks, kind="FRACTIONAL", MaximumFractionalValue=254)
    assert np.array_equal(on_grid(outlines(tmp_path).segments[0].mask, fractions), fractions >= 127)


def test_a_label_map_holds_one_number_a_voxel(tmp_path):
    """Label Map Segmentation Storage: 0 where nothing is; a label that no voxel has stays empty."""
    labels = np.zeros((6, 20, 24), dtype=np.uint8)
    labels[1:5, 2:18, 2:20] = 1
    labels[2:4, 5:9, 5:9] = 7
    masks = {"Liver": (*SCT_LIVER, labels), "B": (*SCT_LIVER, labels * 0), "Tumor 1": (*SCT_LIVER, labels * 0)}
    ct(tmp_path / "ct")
    path = segmentation_object(tmp_path / "seg.dcm", masks, kind="LABELMAP")
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    for segment, number in zip(dataset.SegmentSequence, (1, 2, 7), strict=True):
        segment.SegmentNumber = number
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.SegmentIdentificationSequence
    dataset.save_as(path)
    found = outlines(tmp_path)
    liver, empty, tumor = found.segments
    assert np.array_equal(on_grid(liver.mask, labels), labels == 1)
    assert np.array_equal(on_grid(tumor.mask, labels), labels == 7)
    assert empty.mask is None
    assert found.roles["Tumor 1"] is Role.TUMOR
    dataset.SegmentSequence[1].SegmentNumber = 0
    dataset.save_as(path)
    assert [s.name for s in outlines(tmp_path).segments] == ["Liver", "Tumor 1"], "0 is the background"


def test_another_frame_of_reference_is_refused_with_the_reason(tmp_path):
    ct(tmp_path / "ct")
    masks = {"Liver": (*SCT_LIVER, some((1, 1, 1), (2, 2, 2)))}
    segmentation_object(tmp_path / "seg.dcm", masks, frame=OTHER_FRAME)
    assert "not drawn in the frame of reference of series 1 (CT)" in refused(tmp_path, GeometryError)
    contours(tmp_path / "seg.dcm", {"Liver": [circle(9, (20, 50, 34))]}, frame=OTHER_FRAME)
    assert "register that image first and draw on the registered one" in refused(tmp_path, GeometryError)
    assert FRAME not in refused(tmp_path, GeometryError)


@pytest.mark.parametrize(
    ("group", "keyword", "other"),
    [("PlaneOrientation", "ImageOrientationPatient", [0, 1, 0, 0, 0, -1]), ("PixelMeasures", "PixelSpacing", [1.0, 1])],
)
def test_a_segment_with_frames_of_several_grids_is_left_out_and_the_others_stay(tmp_path, group, keyword, other):
    ct(tmp_path / "ct")
    masks = {name: (*SCT_LIVER, some((1, 1, 1), (4, 4, 4))) for name in ("Bad", "Liver")}
    path = segmentation_object(tmp_path / "seg.dcm", masks)
    dataset = pydicom.dcmread(path)
    one = pydicom.Dataset()
    setattr(one, keyword, other)
    setattr(dataset.PerFrameFunctionalGroupsSequence[1], f"{group}Sequence", pydicom.Sequence([one]))
    dataset.save_as(path)
    found = outlines(tmp_path)
    assert found.segments[0].mask is None and "differ in orientation or pixel size" in found.segments[0].doubt
    assert np.array_equal(on_grid(found.segments[1].mask, masks["Liver"][3]), masks["Liver"][3])
    assert "'Bad' is left out" in found.notes[0]


def test_a_segmentation_that_highdicom_wrote_comes_back(tmp_path):
    hd = pytest.importorskip("highdicom", reason="highdicom writes the segmentation of this test")
    ct(tmp_path / "ct", StudyInstanceUID="1.2.3", PatientBirthDate="", PatientSex="", AccessionNumber="", StudyID="")
    sources = sorted((pydicom.dcmread(p) for p in (tmp_path / "ct").iterdir()), key=lambda d: d.ImagePositionPatient[2])
    for source in sources:
        source.StudyDate = source.StudyTime = source.ReferringPhysicianName = ""
    mask = some((1, 2, 3), (5, 15, 20))
    of = hd.seg.SegmentDescription(
        1,
        "Leber",
        hd.sr.CodedConcept("123037004", "SCT", "Anatomical structure"),
        hd.sr.CodedConcept("10200004", "SCT", "Liver"),
        hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    uid = pydicom.uid.generate_uid
    hd.seg.Segmentation(sources, mask, "BINARY", [of], uid(), 9, uid(), 1, "maker", "model", "1", "serial").save_as(
        tmp_path / "seg.dcm"
    )
    found = outlines(tmp_path)
    assert found.roles == {"Leber": Role.LIVER}
    assert np.array_equal(on_grid(found.segments[0].mask, mask), mask)


def test_the_real_segmentation_reads_back_its_liver():
    found = outlines(shared("ct_with_seg"))
    (liver,) = found.segments
    assert found.roles == {"Liver": Role.LIVER}
    stored = pydicom.dcmread(shared("ct_with_seg") / "liver_seg.dcm").pixel_array
    assert sitk.GetArrayViewFromImage(liver.mask).sum() == stored.sum()
    series = sorted_(shared("ct_with_seg")).of_kind(Kind.CT)[0]
    assert liver.mask.GetSpacing() == pytest.approx(read_stack(series, "CT").image.GetSpacing(), abs=1e-4)


# RT structure sets


def sphere(radius_mm, center_mm, step_mm=4.0, first_mm=30.0):
    """The contours of a sphere on slices of the CT."""
    x, y, z = center_mm
    heights = first_mm + step_mm * np.arange(200)
    return [circle(np.sqrt(radius_mm**2 - (h - z) ** 2), (x, y, h)) for h in heights if abs(h - z) < radius_mm]


@pytest.mark.parametrize("shift_mm", [0.0, 0.3, 1.1, 2.0])
def test_a_sphere_of_10_ml_keeps_its_volume_and_place_on_coarse_pixels(tmp_path, shift_mm):
    """Pixels of 2 x 3 mm and slices of 4 mm; the sphere of radius 13.365 mm has 10.00 mL."""
    ct(tmp_path / "ct", ROOM)
    center = np.array([60.0, 80.0, 90.0]) + shift_mm
    contours(tmp_path / "rt.dcm", {"Tumor 1": sphere(13.365, center)})
    (tumor,) = outlines(tmp_path).segments
    assert volume_ml(tumor.mask) == pytest.approx(10.0, rel=0.02)
    assert center_of_mass_mm(tumor.mask) == pytest.approx(center, abs=0.15)
    from_corner = np.subtract(tumor.mask.GetOrigin()[:2], (-11.0, 18.5))
    assert from_corner % 1 == pytest.approx(0.5), "pixels of 1 mm that divide those of the CT"


def test_a_contour_within_another_is_a_hole_and_one_in_the_hole_an_island(tmp_path):
    ct(tmp_path / "ct", ROOM)
    middle = (60.0, 80.0, 70.0)
    rings = [circle(r, middle, 720) for r in (30, 20, 10)] + [circle(8, (120.0, 80.0, 70.0), 720)]
    contours(tmp_path / "rt.dcm", {"Liver": rings, "Doubled": [rings[2], rings[2]]})
    found = outlines(tmp_path)
    area_mm2 = np.pi * (30**2 - 20**2 + 10**2 + 8**2)
    assert volume_ml(found.segments[0].mask) == pytest.approx(area_mm2 * 4 / 1000, rel=0.005)
    assert volume_ml(found.segments[1].mask) == pytest.approx(np.pi * 10**2 * 4 / 1000, rel=0.01)
    assert "1 contour is given twice, or nearly so; used once" in found.notes[0]


def test_contours_that_overlap_are_joined_and_told(tmp_path):
    ct(tmp_path / "ct", ROOM)
    two = [circle(20, (60.0, 80.0, 70.0)), circle(20, (75.0, 80.0, 70.0))]
    apart = [circle(20, (60.0, 80.0, 70.0)), circle(20, (101.0, 80.0, 70.0))]
    contours(tmp_path / "rt.dcm", {"Tumor 1": two, "Tumor 2": apart})
    found = outlines(tmp_path)
    assert found.notes == ("outlines, 'Tumor 1': 1 slice has contours that overlap in part; they are joined: check it",)
    lens_mm2 = 2 * 20**2 * np.arccos(7.5 / 20) - 7.5 * np.sqrt(4 * 20**2 - 15**2)
    assert volume_ml(found.segments[0].mask) == pytest.approx((2 * np.pi * 20**2 - lens_mm2) * 4 / 1000, rel=0.01)


def test_a_hole_reached_through_a_keyhole_stays_open(tmp_path):
    ct(tmp_path / "ct", ROOM)
    middle = (60.0, 80.0, 70.0)
    outer, inner = circle(30, middle, 360), circle(15, middle, 360)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner[-1:], inner])
    contours(tmp_path / "rt.dcm", {"Liver": [keyhole]})
    assert volume_ml(outlines(tmp_path).segments[0].mask) == pytest.approx(
        np.pi * (30**2 - 15**2) * 4 / 1000, rel=0.005
    )


def test_contours_on_every_second_slice_stand_for_both(tmp_path):
    ct(tmp_path / "ct", ROOM)
    contours(tmp_path / "rt.dcm", {"Liver": sphere(40, (60.0, 80.0, 90.0), step_mm=8.0)})
    found = outlines(tmp_path)
    assert volume_ml(found.segments[0].mask) == pytest.approx(4 / 3 * np.pi * 40**3 / 1000, rel=0.02)
    assert "drawn on one slice in 2; each contour stands for 8 mm" in found.notes[0]


def test_slices_left_out_between_contours_stay_empty_and_are_counted(tmp_path):
    ct(tmp_path / "ct", ROOM)
    loops = [circle(10, (60.0, 80.0, h)) for h in (30.0, 34.0, 38.0, 50.0)]
    contours(tmp_path / "rt.dcm", {"Tumor": loops})
    found = outlines(tmp_path)
    assert "2 slices between its contours have none" in found.notes[0]
    assert volume_ml(found.segments[0].mask) == pytest.approx(4 * np.pi * 100 * 4 / 1000, rel=0.02)


def test_a_sagittal_roi_and_points_are_left_out_and_the_others_stay(tmp_path):
    ct(tmp_path / "ct", ROOM)
    upright = circle(10, (60.0, 80.0, 70.0))[:, [2, 0, 1]]
    contours(tmp_path / "rt.dcm", {"Ruler": [upright], "Liver": [circle(10, (60.0, 80.0, 70.0))]})
    ruler, liver = outlines(tmp_path).segments
    assert ruler.mask is None and "does not lie in a slice" in ruler.doubt
    assert volume_ml(liver.mask) == pytest.approx(np.pi * 100 * 4 / 1000, rel=0.02)
    contours(tmp_path / "rt.dcm", {"Marker": [np.array([[60.0, 80.0, 70.0]])], "Empty": []})
    found = outlines(tmp_path)
    assert [s.mask for s in found.segments] == [None, None]
    assert "1 contour of type CLOSED_PLANAR of fewer than 3 points is left out" in found.notes[0]


def test_a_damaged_size_asks_for_no_room(tmp_path):
    """Contours a micrometer apart, or on pixels of a micrometer, would fill the memory."""
    ct(tmp_path / "ct")
    contours(tmp_path / "rt.dcm", {"Liver": [circle(900, (20, 50, 30 + z)) for z in (0, 0.001, 2900)]})
    assert "voxels" in outlines(tmp_path).segments[0].doubt
    shutil.rmtree(tmp_path / "ct")
    ct(tmp_path / "ct", PixelSpacing=[1e-6, 1e-6])
    assert "pixel size (PixelSpacing) is impossible (1e-06 x 1e-06 mm)" in refused(tmp_path, GeometryError)


def test_a_name_of_the_patient_does_not_become_a_structure(tmp_path):
    ct(tmp_path / "ct", ROOM)
    contours(tmp_path / "rt.dcm", {"Liver SECRET": [circle(10, (60.0, 80.0, 70.0))]})
    assert outlines(tmp_path).segments[0].name == "Liver ***"


def test_a_truncated_object_is_refused(tmp_path):
    ct(tmp_path / "ct")
    path = segmentation_object(tmp_path / "seg.dcm", {"Liver": (*SCT_LIVER, some((1, 1, 1), (5, 9, 9)))})
    path.write_bytes(path.read_bytes()[:-100])
    assert "truncated" in refused(tmp_path)
