"""What a tumor board reads: complete, self-contained, and honest about gaps."""

import csv
import json
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk
from planning_kit import hand_case

from Y90DosimetryLib import assess, write_report
from Y90DosimetryLib.case import Basis, Disease, DoseModel, Intent, Patient
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.guidelines import Outcome
from Y90DosimetryLib.guidelines.verdict import Part, Told
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient
from Y90DosimetryLib.report import as_html, as_json, content_of
from Y90DosimetryLib.report.as_html import POLICY_OFF, WARNED
from Y90DosimetryLib.report.content import NOTICE

COARSE = PhantomSettings(ct_spacing_mm=(2.5, 2.5, 4.0))


@pytest.fixture(scope="module")
def assessment():
    return assess(digital_patient(COARSE).case())


@pytest.fixture(scope="module")
def folder(assessment, tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    write_report(assessment, path, pdf=True)
    return path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(folder):
    return json.loads((folder / "assessment.json").read_text(encoding="utf-8"))


class Reader(HTMLParser):
    """Collects the text of a page and what it would fetch."""

    def __init__(self):
        super().__init__()
        self.words, self.fetched, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in {"src", "href"} and not (v or "").startswith("data:")]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_fetches_nothing_and_runs_only_its_viewer(page):
    reader = Reader()
    reader.feed(page)
    assert not [link for link in reader.fetched if not link.startswith("#")]
    assert reader.tags.count("script") == 2, "the viewer and its data, and the policy lets nothing else run"
    assert "url(" not in page


def test_the_notice_and_the_verdict_stand_before_any_number(page, assessment):
    assert page.index(NOTICE) < page.index("<table")
    assert all(page.index(escape(told.text)) < page.index("<table") for told in assessment.verdict.told)


def test_what_the_checks_warn_of_stands_beside_the_verdict(page):
    """The verdict judges the doses, not whether they can be right."""
    case = digital_patient(COARSE).case()
    content = content_of(assess(replace(case, patient=replace(case.patient, weight_kg=400.0))))
    (warning,) = content.warned
    assert "Weight" in warning
    text = as_html(content, {})
    assert text.index(escape(content.verdict.told[0].text)) < text.index(escape(warning)) < text.index("<table")
    assert WARNED in text and WARNED not in page


def test_every_dose_of_the_table_names_its_model_and_stands_in_the_page(page, data):
    for row in data["doses"]:
        assert row["label"] in page
        assert f"{row['mean_dose_gy']['multicompartment']:,.1f}" in page
    assert "single compartment, Gy" in page and "multicompartment, from the image, Gy" in page
    assert "T:N given" not in page


def test_every_finding_is_in_the_page_with_its_place_and_every_severity_has_a_symbol(page, assessment):
    for finding in assessment.findings:
        assert finding.rule.id in page
    for mark in ("✔", "?"):
        assert mark in page
    assert "scenario 2, dose calculation" in page


def test_each_part_of_the_verdict_can_be_printed(assessment):
    content = content_of(assessment)
    told = tuple(Told(part, f"a sentence of {part}") for part in Part)
    page = as_html(replace(content, verdict=replace(content.verdict, told=told)), {})
    assert all(one.text in page for one in told)


def test_what_is_met_is_folded_and_opens_in_print_while_all_else_stands_open(page, assessment):
    start, end = page.index(">Findings</h2>"), page.index(">Plan</h2>")
    opened, *folded = page[start:end].split("<details>")
    cells = [re.findall(r"<td class=\"soft small\">([A-Z0-9-]+)<br>", part) for part in (opened, *folded)]
    outcomes = {Outcome.NOT_MET: 0, Outcome.NOT_EVALUABLE: 1, Outcome.MET: 2, Outcome.NOT_APPLICABLE: 3}
    for finding in assessment.findings:
        assert finding.rule.id in cells[outcomes[finding.outcome]]
    assert sum(map(len, cells)) == len(assessment.findings)
    met = sum(f.outcome is Outcome.MET for f in assessment.findings)
    assert folded[1].startswith(f"<summary>{met} recommendations met</summary>")
    assert "details::details-content { content-visibility: visible" in page.split("@media print")[1]


def test_one_center_s_surgical_policy_is_one_line_where_surgery_is_not_meant(assessment):
    case = assessment.case
    disease = replace(case.disease, scenario=3, intent=Intent.PALLIATIVE)
    page = as_html(content_of(assess(replace(case, disease=disease))), {})
    findings = page[page.index(">Findings</h2>") :].split("<h2")[0]
    assert findings.count(POLICY_OFF) == 1 and "C0-SEL-01" in findings
    assert '<td class="soft small">C0-' not in findings


def test_percentages_have_one_style(page):
    assert not re.findall(
        r"[0-9.]+%", re.sub(r"<style>.*?</style>|<script.*?</script>|data:[^\"]*|<[^>]*>", "", page, flags=re.DOTALL)
    )


def test_what_is_missing_says_why(page, assessment):
    missing = [f for f in assessment.findings if f.outcome is Outcome.NOT_EVALUABLE]
    assert missing
    assert page.count("Needed:") >= len(missing)


def test_the_pdf_is_written_beside_the_page_when_asked_for(folder):
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_pictures_and_curves_are_inside_the_page_and_beside_it(page, folder):
    assert page.count("<svg ") == 5 and page.count("data:image/png;base64,") == 6, "CT with dose, and its color bar"
    names = sorted(p.name for p in (folder / "pictures").iterdir())
    assert names == ["axial.svg", "coronal.svg", "dvh.svg", "sagittal.svg", "window.svg"]


def test_json_carries_full_precision_units_and_reasons(data, assessment):
    by_label = {row["label"]: row for row in data["doses"]}
    (region,) = [r for r in assessment.regions if r.label == "Tumor 1"]
    from Y90DosimetryLib.dosimetry.deposits import Model

    assert by_label["Tumor 1"]["mean_dose_gy"]["multicompartment"] == assessment.doses.dose_gy(
        Model.MULTI, region.indices
    )
    given = by_label["Tumor 1"]["mean_dose_gy"]
    assert given["partition_given_ratio"] is None
    assert "T:N" in given["partition_given_ratio_missing_because"]
    units = {m["id"]: m.get("ucum") for m in data["measurements"]}
    assert units["ntad_gy.multicompartment"] == "Gy"
    assert data["settings"]["joule_per_gbq"] == 50.0
    assert data["schema"] == "y90-assessment/1"


def test_every_key_of_the_json_is_documented(data):
    from pathlib import Path

    text = (Path(__file__).parents[2] / "Docs" / "assessment-json.md").read_text(encoding="utf-8")
    for key in data:
        assert f"`{key}" in text, key


def test_json_never_holds_nan(assessment):
    content = content_of(assessment)
    json.dumps(as_json(content), allow_nan=False)


def test_the_dose_file_is_in_gray_on_the_grid_of_the_image(folder, assessment):
    dose = sitk.ReadImage(str(folder / "dose.nrrd"))
    image = assessment.case.sessions[0].image.image
    assert dose.GetSize() == image.GetSize() and dose.GetOrigin() == pytest.approx(image.GetOrigin())
    assert "Gy" in {dose.GetMetaData(k) for k in dose.GetMetaDataKeys()}
    assert sitk.GetArrayFromImage(dose).max() == pytest.approx(
        sitk.GetArrayFromImage(assessment.dose_map.image).max(), rel=1e-6
    )


def test_text_of_the_user_cannot_break_the_page():
    case = digital_patient(COARSE).case()
    nasty = replace(case, label='<script>alert("x")</script>')
    content = content_of(assess(nasty))
    text = as_html(content, {})
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_lung_dose_of_a_plan_that_was_delivered_is_marked_lest_it_be_added():
    plan = hand_case()
    given = replace(plan.sessions[0], label="Given", basis=Basis.DELIVERED, delivers="Plan")
    content = content_of(assess(replace(plan, sessions=(*plan.sessions, given))))
    text = as_html(content, {})
    assert "Lungs, session Plan (plan, replaced)</td>" in text
    assert "Lungs, session Given</td>" in text
    assert [row["counted_in_totals"] for row in as_json(content)["lung_doses"]] == [False, True]


def test_the_methods_say_how_the_voxels_were_computed_and_where_the_lung_mass_comes_from():
    case = hand_case()
    words = dict(content_of(assess(case)).methods)
    assert (words["Voxel dose"], words["Lung mass"]) == ("local deposition", "1000 g, as set")
    other = replace(case.settings, dose_model=DoseModel.KERNEL, lung_mass_g=None)
    words = dict(content_of(assess(replace(case, settings=other))).methods)
    assert "not for consensus thresholds" in words["Voxel dose"]
    assert words["Lung mass"] == "the lung mass is to be measured, but lungs or CT are missing"


def test_nobody_is_identified_and_nothing_is_invented_where_facts_are_unknown():
    case = replace(digital_patient(COARSE).case(), patient=Patient(), disease=Disease())
    content = content_of(assess(case))
    text = as_html(content, {}, "no pictures wanted")
    assert "No scenario chosen" in text
    assert re.search(r"Child-Pugh score</td><td class=\"missing\">", text)
    assert not np.isnan([m["value"] for m in as_json(content)["measurements"] if isinstance(m["value"], float)]).any()


def test_the_tables_hold_the_doses_and_curves_of_the_page(folder, assessment):
    with (folder / "doses.csv").open(encoding="utf-8", newline="") as stream:
        doses = {row["volume"]: row for row in csv.DictReader(stream)}
    with (folder / "dvh.csv").open(encoding="utf-8", newline="") as stream:
        curve = [row for row in csv.DictReader(stream) if row["volume"] == "Tumor 1"]
    own = next(d for d in assessment.dvhs if d.region.label == "Tumor 1")
    mean_gy = assessment.doses.dose_gy(Model.MULTI, own.region.indices)
    assert float(doses["Tumor 1"]["mean_gy.multicompartment"]) == pytest.approx(mean_gy, rel=1e-12)
    assert float(doses["Tumor 1"]["d95_gy"]) == pytest.approx(own.dvh.d_gy(0.95), rel=1e-12)
    volume = [float(row["volume_fraction"]) for row in curve]
    assert volume[0] == 1.0 and volume == sorted(volume, reverse=True)
    assert float(curve[-1]["dose_gy"]) == pytest.approx(own.dvh.max_gy)


def test_page_one_shows_each_judged_dose_beside_what_is_asked_of_it(page, assessment):
    first = page[page.index('<header class="first">') : page.index("</header>")]
    rows = dict(re.findall(r"<tr><td>([^<]+)</td>(.*?)</tr>", first))
    tumors = {d.region.label: assessment.dose(d.region.label) for d in assessment.dvhs if d.region.kind == "tumor"}
    lowest = min(tumors, key=tumors.get)
    assert f"{tumors[lowest]:.1f} Gy" in rows[lowest] and "≥ 205 Gy" in rows[lowest]
    assert "above the lowest" in rows[max(tumors, key=tumors.get)]
    assert "≤ 120 Gy" in rows["Perfused normal liver"] and "met, not surely" in rows["Perfused normal liver"]
    assert "met</td>" in rows["Whole normal liver"] and " to " in rows["Whole normal liver"], "an interval below 90 Gy"
    assert "≤ 30 Gy" in rows["Lungs"] and "≤ 50 Gy" in rows["Lungs"]
    assert "3.02 GBq at infusion" in first and "lung shunt 5.0 %" in first and "Standardized remnant" in first


def test_what_is_missing_is_one_list_with_the_place_to_enter_it(page, assessment):
    missing = {m.measure.title for f in assessment.findings for m in f.missing}
    gaps = page[page.index("What is missing, and where to enter it") : page.index("could not be judged")]
    assert missing and all(gaps.count(f"<td>{escape(title)}</td>") == 1 for title in missing)
