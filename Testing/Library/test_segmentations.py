"""Segments saved by Slicer become structures of the right shape in the right place, with the roles the team gives."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from image_files import center_of_mass_mm, image, segmentation

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.segmentations import read_segments, structures_of, suggested_role
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.terminology import TERMINOLOGY

SHAPE = (10, 11, 12)
LIVER = np.zeros(SHAPE, dtype=bool)
LIVER[2:9, 2:10, 1:8] = True
TUMOR = np.zeros(SHAPE, dtype=bool)
TUMOR[4:6, 5:8, 3:5] = True
PERFUSED = np.zeros(SHAPE, dtype=bool)
PERFUSED[2:9, 2:10, 1:5] = True
LIVER_CODE = "Segmentation category and type~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^"


def segment(number, name, value, layer=0, **more):
    fields = {"ID": f"id_{number}", "Name": name, "LabelValue": value, "Layer": layer, **more}
    return {f"Segment{number}_{key}": str(text) for key, text in fields.items()}


def two_layers(path):
    """Liver and tumor in layer 0 (the tumor is no liver there), the overlapping perfused volume in layer 1."""
    first = np.where(TUMOR, 2, np.where(LIVER, 1, 0))
    header = {
        **segment(0, "Liver", 1, Tags=f"Segmentation.Status:inprogress|TerminologyEntry:{LIVER_CODE}|"),
        **segment(1, "Tumor 1", 2),
        **segment(2, "Perfused right", 1, layer=1),
    }
    return segmentation(path, np.stack([first, PERFUSED], axis=-1), header)


def refused(call, *arguments):
    with pytest.raises(InputError) as told:
        call(*arguments, "segmentation")
    assert told.value.remedy
    return str(told.value)


def assert_is(mask, expected):
    """The mask has the voxels and the place of the expected array on the file's grid."""
    assert int(sitk.GetArrayFromImage(mask).sum()) == expected.sum()
    assert sitk.GetArrayFromImage(mask).max() == 1
    assert center_of_mass_mm(mask) == pytest.approx(center_of_mass_mm(image(expected.astype(np.uint8))), abs=1e-6)


def test_segments_of_several_layers_keep_shape_and_place(tmp_path):
    liver, tumor, perfused = read_segments(two_layers(tmp_path / "a.seg.nrrd"), "segmentation")
    assert [s.name for s in (liver, tumor, perfused)] == ["Liver", "Tumor 1", "Perfused right"]
    assert_is(liver.mask, LIVER & ~TUMOR)
    assert_is(tumor.mask, TUMOR)
    assert_is(perfused.mask, PERFUSED)
    assert tumor.mask.GetSize() == (2, 3, 2), "cut to its bounding box"
    assert (liver.id, liver.terminology, tumor.terminology) == ("id_0", LIVER_CODE, "")


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_segments_of_one_layer_are_told_apart_by_their_label(tmp_path, encoding):
    labels = np.where(TUMOR, 200, np.where(LIVER, 3, 0))
    header = segment(0, "Liver", 3) | segment(1, "Tumor", 200)
    liver, tumor = read_segments(segmentation(tmp_path / "a.seg.nrrd", labels, header, encoding), "segmentation")
    assert_is(liver.mask, LIVER & ~TUMOR)
    assert_is(tumor.mask, TUMOR)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_files_of_older_slicers_have_one_layer_a_segment(tmp_path, count):
    arrays = [LIVER, TUMOR, PERFUSED, LIVER][:count]
    header = {f"Segment{i}_Name": f"Segment {i}" for i in range(count)}
    path = segmentation(tmp_path / "a.seg.nrrd", np.stack(arrays, axis=-1), header)
    for found, expected in zip(read_segments(path, "segmentation"), arrays, strict=True):
        assert_is(found.mask, expected)


def test_eleven_segments_keep_their_order(tmp_path):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[0, 0, :11] = range(1, 12)
    header = {k: v for n in range(11) for k, v in segment(n, f"S{n}", n + 1).items()}
    found = read_segments(segmentation(tmp_path / "a.seg.nrrd", labels, header), "segmentation")
    assert [s.name for s in found] == [f"S{n}" for n in range(11)]
    assert [center_of_mass_mm(s.mask)[0] for s in found] == pytest.approx([-10.0 + 2 * n for n in range(11)])


def test_roles_come_from_the_table_and_the_rest_is_left_out(tmp_path):
    segments = read_segments(two_layers(tmp_path / "a.seg.nrrd"), "segmentation")
    structures, left_out = structures_of(segments, {"Liver": Role.LIVER, "Tumor 1": Role.PVTT}, "segmentation")
    assert [(s.label, s.role) for s in structures] == [("Liver", Role.LIVER), ("Tumor 1", Role.PVTT)]
    assert left_out == ("Perfused right",)


def test_roles_come_from_the_names_where_asked(tmp_path):
    segments = read_segments(two_layers(tmp_path / "a.seg.nrrd"), "segmentation")
    structures, left_out = structures_of(segments, None, "segmentation")
    assert [s.role for s in structures] == [Role.LIVER, Role.TUMOR, Role.PERFUSED]
    assert not left_out


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Liver", Role.LIVER),
        ("liver", Role.LIVER),
        ("Whole liver", Role.LIVER),
        ("Tumor 1", Role.TUMOR),
        ("tumor_2", Role.TUMOR),
        ("Tumor3", Role.TUMOR),
        ("Liver tumor", Role.TUMOR),
        ("HCC segment 6", Role.TUMOR),
        ("PVTT", Role.PVTT),
        ("Portal vein tumor thrombus", Role.PVTT),
        ("Portal vein thrombus", Role.PVTT),
        ("Hepatic vein thrombus", Role.HEPATIC_VEIN_THROMBUS),
        ("FLR", Role.FLR),
        ("Future liver remnant", Role.FLR),
        ("Lungs", Role.LUNGS),
        ("Perfused right", Role.PERFUSED),
        ("perfused_liver", Role.PERFUSED),
        ("Planned resection", Role.PLANNED_RESECTION),
        ("Normal liver", Role.NORMAL_LIVER),
        ("Non-tumor liver", Role.NORMAL_LIVER),
        ("Left lung", None),
        ("Peritumoral margin", None),
        ("Spleen", None),
        ("Portal vein", None),
        ("Segment_1", None),
        ("Delivered", None),
    ],
)
def test_a_name_suggests_a_role(name, role):
    assert suggested_role(name) is role


def test_codes_say_the_role_where_the_name_does_not(tmp_path):
    """Saved by Slicer as "Segment_1" and "Segment_2": the terminology alone tells them apart."""

    def coded(role):
        return f"Segmentation.Status:inprogress|TerminologyEntry:{TERMINOLOGY[role].serialized()}|"

    tissue = "TerminologyEntry:List~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Anatomic codes~^^~^^|"
    header = {
        **segment(0, "Segment_1", 1, Tags=coded(Role.LIVER)),
        **segment(1, "Tumor 1", 2, Tags=tissue),
        **segment(2, "Segment_2", 1, layer=1, Tags=coded(Role.PERFUSED)),
        **segment(3, "PVTT", 2, layer=1, Tags=coded(Role.TUMOR)),
        **segment(4, "Segment_3", 3, layer=1, Tags=tissue),
    }
    first = np.where(TUMOR, 2, np.where(LIVER, 1, 0))
    second = np.where(TUMOR, 2, np.where(PERFUSED, 1, 0))
    second[9, 10, 11] = 3
    path = segmentation(tmp_path / "a.seg.nrrd", np.stack([first, second], axis=-1), header)
    structures, left_out = structures_of(read_segments(path, "segmentation"), None, "segmentation")
    assert {s.label: s.role for s in structures} == {
        "Segment_1": Role.LIVER,
        "Tumor 1": Role.TUMOR,
        "Segment_2": Role.PERFUSED,
        "PVTT": Role.PVTT,
    }, "a name that says a role is more specific than codes"
    assert left_out == ("Segment_3",)


def test_an_empty_segment_matters_only_with_a_role(tmp_path):
    header = segment(0, "Liver", 1) | segment(1, "Tumor 2", 2)
    segments = read_segments(segmentation(tmp_path / "a.seg.nrrd", LIVER, header), "segmentation")
    assert segments[1].mask is None
    assert "segment 'Tumor 2' is empty" in refused(structures_of, segments, None)
    structures, left_out = structures_of(segments, {"Liver": Role.LIVER}, "segmentation")
    assert (len(structures), left_out) == (1, ("Tumor 2",))


def test_a_role_for_a_segment_that_is_not_there_suggests_the_nearest(tmp_path):
    segments = read_segments(two_layers(tmp_path / "a.seg.nrrd"), "segmentation")
    assert "Did you mean 'Tumor 1'?" in refused(structures_of, segments, {"tumour1": Role.TUMOR})
    assert "There are: Liver, Tumor 1" in refused(structures_of, segments, {"xyz": Role.TUMOR})


def test_a_segmentation_without_any_role_is_refused(tmp_path):
    segments = read_segments(segmentation(tmp_path / "a.seg.nrrd", LIVER, segment(0, "Spleen", 1)), "segmentation")
    assert "no segment has a role" in refused(structures_of, segments, None)


def test_two_segments_of_one_name_are_refused(tmp_path):
    header = segment(0, "Tumor", 1) | segment(1, "Tumor", 2)
    path = segmentation(tmp_path / "a.seg.nrrd", np.where(TUMOR, 2, LIVER * 1), header)
    assert "two segments are named 'Tumor'" in refused(read_segments, path)


def test_a_label_map_without_names_is_no_segmentation(tmp_path):
    assert "no named segments" in refused(read_segments, segmentation(tmp_path / "a.seg.nrrd", LIVER, {}))


def test_another_format_is_no_segmentation(tmp_path):
    sitk.WriteImage(image(LIVER.astype(np.uint8)), str(tmp_path / "liver.nii.gz"))
    assert "not a Slicer segmentation" in refused(read_segments, tmp_path / "liver.nii.gz")
    assert "not a Slicer segmentation" in refused(read_segments, tmp_path)
    assert "no such file" in refused(read_segments, tmp_path / "b.seg.nrrd")


def test_a_segmentation_cut_short_is_refused(tmp_path):
    path = two_layers(tmp_path / "a.seg.nrrd")
    path.write_bytes(path.read_bytes()[:-5])
    assert "truncated" in refused(read_segments, path)


def test_letters_that_are_no_utf8_do_not_stop_the_reader(tmp_path):
    path = two_layers(tmp_path / "a.seg.nrrd")
    path.write_bytes(path.read_bytes().replace(b"Segment2_ID", b"S\xe9gm\x802_ID").replace(b"right", b"r\xe9ght"))
    found = read_segments(path, "segmentation")
    assert [s.name for s in found] == ["Liver", "Tumor 1", "Perfused r\ufffdght"]


def test_fractional_segments_are_refused(tmp_path):
    header = segment(0, "Liver", 1) | {"Segmentation_MasterRepresentation": "Fractional labelmap"}
    assert "fractional" in refused(read_segments, segmentation(tmp_path / "a.seg.nrrd", LIVER, header))


@pytest.mark.parametrize("header", [segment(0, "A", "x"), segment(0, "A", 0), segment(0, "A", 1, layer=2)])
def test_a_segment_in_no_layer_or_label_is_refused(tmp_path, header):
    path = segmentation(tmp_path / "a.seg.nrrd", LIVER, header)
    assert "layer" in refused(read_segments, path)


@pytest.mark.parametrize("last", ["(0,0,0,1)", "none"])
def test_overlapping_segments_of_old_slicer_are_read(tmp_path, last):
    """Until 4.10 a file had four axes, the last one a volume a segment, without Layer and LabelValue."""
    of_space = last != "none"
    vectors = "(2,0,0,0) (0,3,0,0) (0,0,4,0)" if of_space else "(2,0,0) (0,3,0) (0,0,4)"
    lines = [
        "NRRD0005", "type: unsigned char", "dimension: 4",
        "space dimension: 4" if of_space else "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, SHAPE[::-1]))} 2", f"space directions: {vectors} {last}",
        f"kinds: domain domain domain {'domain' if of_space else 'list'}", "encoding: raw",
        f"space origin: (-10,20,30{',0' if of_space else ''})",
        "Segment0_ID:=a", "Segment0_Name:=Liver", "Segment1_ID:=b", "Segment1_Name:=Perfused right",
    ]  # fmt: skip
    path = tmp_path / "old.seg.nrrd"
    voxels = np.stack([LIVER, PERFUSED]).astype(np.uint8).tobytes()
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + voxels)
    liver, perfused = read_segments(path, "segmentation")
    assert_is(liver.mask, LIVER)
    assert_is(perfused.mask, PERFUSED)
