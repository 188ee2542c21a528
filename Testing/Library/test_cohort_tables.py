"""What the tables of a cohort say: the numbers of the assessment, intervals, reasons for gaps, and nobody's name."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import date

import pytest
from case_folder import case_file
from cohort_kit import make_cases, number_of, rows, run_inline

from Y90DosimetryLib.case import Basis, Case
from Y90DosimetryLib.cohort.dictionary import COLUMNS, FRACTION, column_name, columns_of
from Y90DosimetryLib.cohort.rows import rows_of, without_names
from Y90DosimetryLib.cohort.store import KEY_HEADINGS, Store
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.io.case_file import read_case, write_case
from Y90DosimetryLib.io.writing import write_table
from Y90DosimetryLib.measures import Known
from Y90DosimetryLib.phantom import PhantomSettings, case_variant
from Y90DosimetryLib.physics import G_PER_KG
from Y90DosimetryLib.structures import Role

COARSE = PhantomSettings(
    ct_spacing_mm=(6.0, 6.0, 8.0), spect_spacing_mm=(9.0, 9.0, 9.0), pet_spacing_mm=(9.0, 9.0, 9.0)
)


@pytest.fixture(scope="module")
def lobectomy() -> Case:
    return case_variant("lobectomy", COARSE)


@pytest.fixture(scope="module")
def delivered() -> Case:
    return case_variant("delivered", COARSE)


@pytest.fixture(scope="module")
def both(lobectomy, delivered) -> Case:
    """The plan, and the same treatment as the PET saw it."""
    carried_out = replace(delivered.sessions[0], label="Given", delivers=lobectomy.sessions[0].label)
    return replace(lobectomy, sessions=(*lobectomy.sessions, carried_out))


@pytest.fixture
def written(tmp_path, monkeypatch, both):
    """The tables of one digital patient, planned and delivered."""
    (tmp_path / "cases").mkdir()
    write_case(both, tmp_path / "cases" / "one")
    run_inline(monkeypatch, tmp_path / "cases", tmp_path / "out")
    return tmp_path / "out"


def test_each_number_is_the_one_of_the_assessment_to_the_last_digit(written, both):
    assessment = assess(both)
    known = Known(assessment.measurements)
    [patient] = rows(written, "patients")
    for name in ("sflr_fraction", "albi_score", "liver_volume_ml", "ntad_gy.multicompartment", "lung_dose_gy.case"):
        assert float(patient[column_name(name)]) == known.get(name).value
    for row, tumor in zip(rows(written, "tumors"), both.of_role(Role.TUMOR), strict=True):
        assert float(row["index_tumor_size_mm"]) == known.get("tumor_diameter_mm", tumor.label).value
        assert float(row["tumor_volume_ml"]) == known.get("tumor_volume_ml", tumor.label).value


def test_planned_and_delivered_doses_are_those_of_their_own_sessions(written, both):
    doses = assess(both).doses
    for row, tumor in zip(rows(written, "tumors"), both.of_role(Role.TUMOR), strict=True):
        own = doses.prepared.compartments.lesion(tumor.label)
        plan, given = (s.deposits[Model.MULTI].dose_gy(own) for s in doses.sessions)
        assert float(row["planned_dose_gy"]) == plan
        assert float(row["delivered_dose_gy"]) == given == float(row["post_dose_gy"])
        assert plan != given


def test_the_single_compartment_dose_of_a_tumor_is_that_of_its_perfused_volume(lobectomy):
    """One vial into one lobe: activity in the liver times 50 J/GBq over the mass of the lobe, for every tumor."""
    assessment = assess(lobectomy)
    lobe_g = Known(assessment.measurements).get("perfused_volume_ml", "Right vial").value
    lobe_g *= lobectomy.settings.liver_density_g_ml
    found = rows_of(assessment)
    gbq = found["patient"]["liver_activity_total_gbq"]
    by_hand_gy = lobectomy.settings.joule_per_gbq * gbq * G_PER_KG / lobe_g
    for tumor in found["tumors"]:
        assert tumor["planned_dose_single_compartment_gy"] == pytest.approx(by_hand_gy, rel=1e-9)
        assert tumor["delivered_dose_single_compartment_gy"] is None


def reason(found: dict, column: str) -> str:
    return next(gap["reason"] for gap in found["missing"] if gap["column"] == column)


def test_a_dose_of_half_the_treatment_is_no_dose_of_the_treatment(both, lobectomy):
    second = replace(lobectomy.sessions[0], label="Second plan")
    staged = rows_of(assess(replace(both, sessions=(*both.sessions, second))))
    assert staged["tumors"][0]["planned_dose_gy"] is not None
    assert staged["tumors"][0]["delivered_dose_gy"] is None
    assert "not delivered yet" in reason(staged, "delivered_dose_gy")
    unplanned = replace(both.sessions[1], label="Emergency", delivers=None)
    more = rows_of(assess(replace(both, sessions=(*both.sessions, unplanned))))
    assert more["tumors"][0]["delivered_dose_gy"] is not None
    assert more["tumors"][0]["planned_dose_gy"] is None
    assert "names no plan" in reason(more, "planned_dose_gy")


def test_the_index_tumor_is_the_largest_and_a_patient_has_one():
    found = rows_of(assess(case_variant("bilobar", COARSE)))
    sizes = [row["index_tumor_size_mm"] for row in found["tumors"]]
    assert [row["is_index_row"] for row in found["tumors"]] == [size == max(sizes) for size in sizes]
    assert all(row["multifocal"] for row in found["tumors"])
    [alone] = rows_of(assess(case_variant("modified_lobectomy", COARSE)))["tumors"]
    assert alone["is_index_row"]
    assert not alone["multifocal"]


@pytest.mark.parametrize(("size_mm", "large"), [(79.9, False), (80.0, False), (80.1, True)])
def test_a_tumor_is_large_above_80_mm(lobectomy, monkeypatch, size_mm, large):
    assessment = assess(lobectomy)
    measured = tuple(
        replace(m, value=size_mm) if m.measure_id == "tumor_diameter_mm" else m for m in assessment.measurements
    )
    assert rows_of(replace(assessment, measurements=measured))["tumors"][0]["large_gt8cm"] is large


def test_counts_of_findings_are_those_of_the_verdict(written, both):
    assessment = assess(both)
    [row] = rows(written, "patients")
    broken = [f for f in assessment.findings if f.outcome == "not_met"]
    assert broken, "this patient breaks some rule"
    assert set(row["rules_not_met"].split(";")) == {f.rule.id for f in broken}
    assert int(row["verdict_judged_count"]) == assessment.verdict.judged_total
    kinds = ("contraindication", "warning", "target", "information")
    assert sum(int(row[f"{kind}_count"]) for kind in kinds) == len(broken)


def test_a_time_to_surgery_is_an_interval_of_months(both):
    facts = {**both.disease.facts, "surgery_date": date(2026, 9, 4)}  # the treatment was on March 4
    [row, *_] = rows_of(assess(replace(both, disease=replace(both.disease, facts=facts))))["tumors"]
    assert row["tts_months"] == pytest.approx(6.0)


def test_a_spreadsheet_computes_no_label_and_the_key_is_read_as_it_was(tmp_path):
    store = Store(tmp_path)
    with store.locked():
        numbers = store.numbered(["=HYPERLINK(1)", "@b", "'c", "-d", "e"])
        lines = [(number, "", name, "+1", "done", "") for name, number in numbers.items()]
        write_table(store.key_path, KEY_HEADINGS, lines)
        assert store.numbered(["e", "f", "=HYPERLINK(1)"]) == {**numbers, "f": "case-0006"}
    with store.key_path.open(encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert {row["path"] for row in written} == {"'=HYPERLINK(1)", "'@b", "''c", "'-d", "e", "f"}
    write_table(tmp_path / "t.csv", ("a", "b", "c"), [(-0.3, True, None)])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "a,b,c\n-0.3,1,\n", "a number stays one"


# The dictionary


def test_every_column_is_in_the_dictionary_once_with_a_meaning_and_a_source(written):
    entries = rows(written, "dictionary")
    for table in ("tumors", "patients"):
        named = [e["column"] for e in entries if e["table"] == table]
        assert list(rows(written, table)[0]) == named == list(columns_of(table))
        assert len(named) == len(set(named))
    assert all(e["meaning"] and e["source"] for e in entries)
    page = (written / "dictionary.md").read_text(encoding="utf-8")
    assert all(f"| {c.name} |" in page for c in COLUMNS)


def test_a_column_with_a_unit_ends_in_it():
    ends = {"Gy": "gy", "mm": "mm", "mL": "ml", "months": "months", "GBq": "gbq", FRACTION: "fraction"}
    for column in COLUMNS:
        if column.unit in ends:
            assert column.name.endswith(f"_{ends[column.unit]}"), column.name
        if column.unit == "":
            assert not re.search("_(gy|mm|ml|gbq|months|h|g)$", column.name), column.name


def test_no_fraction_is_said_to_end_at_one_where_growth_and_a_large_remnant_do_not():
    units = {c.name: c.unit for c in COLUMNS}
    assert units["flr_hypertrophy_fraction"] == units["sflr_fraction"] == FRACTION == "fraction, 1 is 100 %"


def test_an_empty_cell_has_a_reason_and_a_filled_one_none(written):
    gaps = {(g["case"], g["tumor"], g["table"], g["column"]) for g in rows(written, "missing") if g["reason"]}
    empty = set()
    for table in ("tumors", "patients"):
        for row in rows(written, table):
            item = row.get("tumor_id", "")
            empty |= {(row["patient"], item, table, c) for c, v in row.items() if not v and c not in TEXT_LISTS}
    assert gaps == empty


TEXT_LISTS = ("rules_not_met", "checks_raised")
"""Empty where the list is: that is an answer."""


# Nobody's name


def test_nothing_that_may_be_shared_names_a_person_a_folder_or_a_day(tmp_path, monkeypatch):
    folder = make_cases(tmp_path / "Hospital_Nowhere", ["Doe_Jane_1957-03-04", "plain"])
    path = case_file(folder / "Doe_Jane_1957-03-04", 'label = "Case 1"', 'label = "Jane Doe"')
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ('"Tumor 1"', '"Metastasis of Doe"'),
        ('"Right lobe"', '"O\'Doe lobe"'),
        ('label = "Plan"', 'label = "Doe 4 March"'),
        ('label = "Right"', 'label = "Jane right"'),
        ("residual_fraction = 0.01\n", ""),
        ("calibrated_at = 2026-03-01T12:00:00-05:00\n", ""),
        ("activity_gbq", "activity_at_infusion_gbq"),
        ('label = "Jane Doe"', 'label = "Jane Doe"\nnotes = ["born 1957-03-04"]'),
    ):
        assert old in text
        text = text.replace(old, new)
    second = text[text.index("[[sessions]]") : text.index("[settings]")].replace("Doe 4 March", "Doe 5 March")
    path.write_text(f"{text}\n{second}", encoding="utf-8")
    make_cases(folder, ["Doe_broken"])
    case_file(folder / "Doe_broken", '"liver"', '"livre of Doe"')
    out = tmp_path / "out"
    done = run_inline(monkeypatch, folder, out)
    assert len(done.failures) == 1
    assert "Jane Doe" in (out / "identifying" / "key.csv").read_text(encoding="utf-8")
    shared = [p for p in out.rglob("*") if p.is_file() and "identifying" not in p.parts]
    assert len(shared) >= 8
    for file in shared:
        found = f"{file.name}\n{file.read_text(encoding='utf-8')}"
        assert not re.search(r"doe(?!s)|jane|hospital|\d{4}-\d\d-\d\d|cases/", found, re.IGNORECASE), file.name
    gone = {g["reason"] for g in rows(out, "missing") if g["case"] == number_of(out, "Doe_Jane_1957-03-04")}
    assert "the residual is unknown" in gone and any(reason.startswith("session [name]: ") for reason in gone)


def test_a_reason_keeps_its_sense_and_loses_its_names():
    names = ("Doe's tumor", "Doe")
    assert without_names("withheld: outlines 'Doe's tumor' and 'x' of Doe can't be", names) == (
        "withheld: outlines [name] and [name] of [name] can't be"
    )
    assert without_names("no CT since 2026-03-04T10:00 in Does", names) == "no CT since [date] in Does"


def test_a_session_called_plan_takes_no_word_from_a_reason():
    assert without_names("a delivered session names no plan", ("Plan",)) == "a delivered session names no plan"


def test_labels_that_name_a_role_stay_in_reasons(tmp_path):
    case = read_case(case_file(tmp_path))
    found = rows_of(assess(replace(case, sessions=())))
    assert reason(found, "planned_dose_gy") == "no session is planned"
    assert {gap["reason"] for gap in found["missing"] if "[name]" in gap["reason"]} == set()
    assert all(basis in str(columns_of("tumors")) for basis in Basis)
