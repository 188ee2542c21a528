"""The measurement report and the PDF: numbers with codes and UCUM units, tied to the outlines they belong to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from export_kit import STUDY, Written, dicom_ct, lobe, numbers_of, program, small_case

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.engine import Assessment, assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.dicom_export import Exported, Wanted, export_objects
from Y90DosimetryLib.io.dicom_measures import ADMINISTERED, LUNG_SHUNT, METHODS, groups_of
from Y90DosimetryLib.io.dicom_reference import read_reference
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role

pydicom = pytest.importorskip("pydicom", reason="pydicom writes the DICOM files of these tests")
highdicom = pytest.importorskip("highdicom", reason="highdicom writes DICOM structured reports")

VOLUME, DOSE = "118565006", "128513"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case of two sessions with a remnant on a grid of its own."""
    found = small_case(tmp_path / "case", sessions=2)
    return replace(found, structures=(*found.structures, lobe(found)))


@pytest.fixture
def assessed(case: Case) -> Assessment:
    """It, assessed."""
    return assess(case)


def exported(assessed: Assessment, folder: Path, wanted: Wanted | None = None) -> Exported:
    """Its objects."""
    assert assessed.case.ct is not None
    return export_objects(assessed, read_reference(dicom_ct(folder / "ct", assessed.case.ct.image)), wanted or Wanted())


def report_of(found: Exported):
    """The measurement report, written and read again."""
    dataset = dict(found.objects)["sr.dcm"]
    return pydicom.dcmread(stored(dataset))


def stored(dataset):
    """An object as a file in memory."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return stream


def one(numbers: Iterable[Written], label: str, concept: str, method: str) -> Written:
    """The only number of this label, concept and method."""
    (found,) = [n for n in numbers if (n.label, n.concept, n.method) == (label, concept, method)]
    return found


def test_each_outline_has_its_volume_as_drawn_in_milliliters(assessed: Assessment, tmp_path: Path) -> None:
    numbers = numbers_of(report_of(exported(assessed, tmp_path)))
    for structure in assessed.case.structures:
        found = one(numbers, structure.label, VOLUME, "AS_DRAWN")
        assert (found.value, found.unit) == (pytest.approx(structure.volume_ml, rel=1e-12), "mL")


def test_dcmqi_reads_each_outline_with_its_volumes_and_doses(assessed: Assessment, tmp_path: Path) -> None:
    reader = program("tid1500reader")
    dataset = report_of(exported(assessed, tmp_path))
    (tmp_path / "sr.dcm").write_bytes(stored(dataset).getvalue())
    words = [reader, "--inputDICOM", tmp_path / "sr.dcm", "--outputMetadata", tmp_path / "sr.json"]
    subprocess.run(words, check=True, capture_output=True)
    found = {g["TrackingIdentifier"]: g for g in json.loads((tmp_path / "sr.json").read_text())["Measurements"]}
    assert set(found) >= {s.label for s in assessed.case.structures}
    written = numbers_of(dataset)
    for structure in assessed.case.structures:
        items = found[structure.label]["measurementItems"]
        read = sorted((i["quantity"]["CodeValue"], float(i["value"]), i["units"]["CodeValue"]) for i in items)
        ours = sorted((n.concept, n.value, n.unit) for n in written if n.label == structure.label)
        assert [(c, u) for c, _, u in read] == [(c, u) for c, _, u in ours]
        assert [v for _, v, _ in read] == pytest.approx([v for _, v, _ in ours], rel=1e-12)
        assert found[structure.label]["ReferencedSegment"] in (1, 2, 3, 4)


def test_doses_are_those_of_the_assessment_each_with_its_model_in_gray(assessed: Assessment, tmp_path: Path) -> None:
    numbers = numbers_of(report_of(exported(assessed, tmp_path)))
    judged = 0
    for region in assessed.regions:
        label = "Liver" if region.kind == "whole_liver" else region.label
        for model, method in METHODS.items():
            truth = assessed.doses.dose_gy(model, region.indices)
            told = [n for n in numbers if (n.label, n.concept, n.method) == (label, DOSE, method.value)]
            if isinstance(truth, Missing):
                assert not told, "what is missing is not written as a number"
                continue
            (found,) = told
            assert (found.value, found.unit) == (pytest.approx(truth, rel=1e-12), "Gy")
            judged += 1
    assert judged > 8


def test_points_of_the_histogram_are_written_for_tumor_and_remnant(assessed: Assessment, tmp_path: Path) -> None:
    numbers = numbers_of(report_of(exported(assessed, tmp_path)))
    dvh = next(d.dvh for d in assessed.dvhs if d.region.label == "Tumor 1")
    assert not isinstance(dvh, Missing)
    assert one(numbers, "Tumor 1", "D95", "LOCAL").value == pytest.approx(dvh.summary().d95_gy)
    assert not isinstance(assessed.flr_dvh, Missing)
    remnant = one(numbers, "FLR, left", DOSE, "LOCAL")
    assert remnant.value == pytest.approx(assessed.flr_dvh.summary().mean_gy)


def test_lungs_and_infusions_have_their_numbers(assessed: Assessment, tmp_path: Path) -> None:
    numbers = numbers_of(report_of(exported(assessed, tmp_path)))
    sessions = assessed.doses.lung_doses_gy
    for session, truth in zip(assessed.case.sessions, sessions, strict=True):
        found = one(numbers, f"Lungs, session {session.label}", DOSE, "LUNG_SHUNT_DOSE")
        assert found.value == pytest.approx(truth)
    assert one(numbers, "Lungs, all sessions", DOSE, "LUNG_SHUNT_DOSE").value == pytest.approx(sum(sessions))
    infusion = "Infusion Right again, session Second"
    given = one(numbers, infusion, ADMINISTERED.value, "")
    assert (given.value, given.unit) == (pytest.approx(1.0 * (1 - 0.02)), "GBq")
    shunt = one(numbers, infusion, LUNG_SHUNT.value, "")
    assert (shunt.value, shunt.unit) == (0.04, "1")


def test_a_group_refers_to_the_segment_of_its_outline(assessed: Assessment, tmp_path: Path) -> None:
    found = exported(assessed, tmp_path)
    segments = {
        (d.SOPInstanceUID, s.SegmentNumber): s
        for name, d in found.objects
        if name.startswith("seg")
        for s in d.SegmentSequence
    }
    report = highdicom.sr.srread(stored(dict(found.objects)["sr.dcm"]))
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert {g.tracking_identifier for g in groups} == {s.label for s in assessed.case.structures}
    for group in groups:
        place = group.referenced_segment
        segment = segments[place.referenced_sop_instance_uid, place.referenced_segment_numbers[0]]
        assert segment.SegmentLabel == group.tracking_identifier
        assert segment.TrackingUID == group.tracking_uid
        assert group.finding_type.value == segment.SegmentedPropertyTypeCodeSequence[0].CodeValue


def test_without_outlines_the_numbers_stay(assessed: Assessment, tmp_path: Path) -> None:
    found = exported(assessed, tmp_path, Wanted(outlines=False))
    assert not [name for name, _ in found.objects if name.startswith("seg")]
    numbers = numbers_of(report_of(found))
    assert one(numbers, "Tumor 1", VOLUME, "AS_DRAWN").value > 0


def test_an_unknown_lung_shunt_leaves_its_numbers_out(case: Case) -> None:
    session = case.sessions[0]
    infusion = replace(session.infusions[0], lung_shunt_fraction=None)
    unknown = replace(case, sessions=(replace(session, infusions=(infusion,)),))
    groups = groups_of(assess(unknown))
    assert not [g for g in groups if g.label.startswith("Lungs")]
    (given,) = [g for g in groups if g.label.startswith("Infusion")]
    assert LUNG_SHUNT not in [q.concept for q in given.quantities]
    assert ADMINISTERED not in [q.concept for q in given.quantities]


def test_a_volume_says_whether_overlaps_are_taken_out(case: Case) -> None:
    tumor = case.of_role(Role.TUMOR)[0]
    twin = replace(tumor, label="Tumor 2")
    groups = {g.label: g for g in groups_of(assess(replace(case, structures=(*case.structures, twin))))}
    drawn = [q.value for q in groups["Tumor 2"].quantities if q.method.value == "AS_DRAWN"]
    disjoint = [q.value for q in groups["Tumor 2"].quantities if q.method.value == "DISJOINT"]
    assert drawn == [pytest.approx(tumor.volume_ml)]
    assert disjoint == [], "every voxel of it belongs to the first tumor, so it has no doses of its own"


def test_a_report_in_pdf_is_carried_byte_for_byte(assessed: Assessment, tmp_path: Path) -> None:
    for length in (40, 41):
        pdf = tmp_path / f"{length}.pdf"
        pdf.write_bytes(b"%PDF-1.7\n".ljust(length, b"x"))
        (tmp_path / pdf.stem).mkdir()
        found = exported(assessed, tmp_path / pdf.stem, Wanted(False, False, pdf))
        dataset = pydicom.dcmread(stored(dict(found.objects)["report.dcm"]))
        assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == pdf.read_bytes()
        assert len(dataset.EncapsulatedDocument) % 2 == 0
        assert dataset.StudyInstanceUID == STUDY


def test_what_is_no_pdf_is_refused(assessed: Assessment, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<html>")
    with pytest.raises(InputError, match="this is no PDF. Open report.html in a browser"):
        exported(assessed, tmp_path, Wanted(pdf=page))


def test_every_code_fits_its_element(assessed: Assessment) -> None:
    for group in groups_of(assessed):
        for quantity in group.quantities:
            for code in (quantity.concept, quantity.method, quantity.derivation):
                assert len(code.value) <= 16
                assert len(code.meaning) <= 64
