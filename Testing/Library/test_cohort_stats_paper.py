"""Docs/cohort.md holds what the code computes from the published table, row by row."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import cohort_paper
import pytest

from Y90DosimetryLib.cohort.analysis import By, cohort_statistics
from Y90DosimetryLib.cohort.table import example_table, parse_table
from Y90DosimetryLib.followup.pathology import Necrosis
from Y90DosimetryLib.missing import Missing

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "Docs" / "cohort.md").read_text(encoding="utf-8")


def document_rows(heading: str) -> list[tuple[str, ...]]:
    part = re.split(r"^#+ ", DOCUMENT.split(f"### {heading}\n")[1], flags=re.MULTILINE)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")][1:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|"))[:4] for line in lines]


@pytest.mark.parametrize("heading", ["Dose", *list(cohort_paper.rows())[1:]])
def test_the_document_prints_what_is_computed(heading: str) -> None:
    computed = [(*row, cohort_paper.verdict(row[1], row[2])) for row in cohort_paper.rows()[heading]]
    assert document_rows(heading) == computed


def test_the_document_has_no_other_table_of_numbers() -> None:
    assert re.findall(r"^### (.*)", DOCUMENT, re.MULTILINE)[: len(cohort_paper.rows())] == list(cohort_paper.rows())


def test_agreement_is_rounding_and_nothing_else() -> None:
    assert cohort_paper.agrees("446 [293-1131]", "445.5 [293-1131]")
    assert not cohort_paper.agrees("446 [293-1131]", "445.4 [293-1131]")
    assert not cohort_paper.agrees("0.24", "0.1054")
    assert not cohort_paper.agrees("5/5", "5")


def test_the_published_doses_by_necrosis() -> None:
    by_tumor = cohort_paper.STATS.dose_by_necrosis[0]
    assert by_tumor.by is By.TUMOR
    assert [g.text for g in by_tumor.groups] == ["445.5 [293-1131]", "320 [169-678]", "186.5 [31-340]"]
    assert by_tumor.test.h_statistic == pytest.approx(6.1977, abs=5e-5)
    assert by_tumor.test.p == pytest.approx(0.0451, abs=5e-5)


def test_tumors_and_patients_disagree_and_the_page_says_so() -> None:
    dose, complete = cohort_paper.STATS.disagreements
    assert dose.startswith("Dose by necrosis: p = 0.045 by tumor; p = 0.143 by patient, lowest")
    assert complete.startswith("Dose-response, complete necrosis")


DOSES = {"CPN": (500, 520, 540, 560, 580), "Partial": (100, 120, 140, 160, 180)}


def disagreements(one_patient_of: int, index: str = "1") -> tuple[str, ...]:
    """Of ten tumors whose dose tells their necrosis; as many in a row belong to one patient."""
    lines = ["tumor_id,patient,post_dose_gy,necrosis,is_index_row"]
    for necrosis, doses in DOSES.items():
        lines += [f"{dose},{necrosis}{i // one_patient_of},{dose},{necrosis},{index if not i % one_patient_of else 0}"
                  for i, dose in enumerate(doses)]  # fmt: skip
    return cohort_statistics(parse_table("\n".join(lines), "t")).disagreements


def test_what_can_not_be_judged_contradicts_nothing_but_a_finding_by_tumor_alone() -> None:
    assert disagreements(1) == (), "one tumor a patient: separated doses have no fit, and neither has"
    assert disagreements(1, index="0") == ()
    assert disagreements(2, index="0") == disagreements(2), "that no index tumor is named is no other conclusion"
    (alone,) = disagreements(5)
    assert alone == (
        "Dose by necrosis: p = 0.009 by tumor; not judged by patient, lowest dose of the tumors; "
        "not judged by patient, dose of the index tumor"
    )


def test_survival_is_missing_and_not_made_up() -> None:
    stats = cohort_paper.STATS
    assert isinstance(stats.follow_up, Missing)
    assert len(stats.survivals) == 2
    for survival in stats.survivals:
        assert isinstance(survival.curves, Missing)
    assert "11 of 18" in stats.survivals[0].curves.because
    assert isinstance(stats.agreement, Missing)
    assert isinstance(stats.changes, Missing)


def test_the_printed_survival_has_one_explanation() -> None:
    assert cohort_paper.progression_ways() == [(0, 1, 0)]
    assert cohort_paper.overall_ways() == [(2, 1)]
    exact = cohort_paper.progression_free_at_year(0, 1, 0).surviving_fraction
    assert exact == pytest.approx(17 / 18 * 15 / 16 * 14 / 15)
    assert round(exact, 4) == 0.8264
    assert cohort_paper.overall_at_year(2).surviving_fraction == pytest.approx(15 / 16)


def test_the_example_is_the_table_as_supplied() -> None:
    supplied = ROOT.parent / "shared" / "facts" / "table5.csv"
    if not supplied.is_file():
        pytest.skip("the supplied table is not beside this checkout")
    shipped = ROOT / "Y90DosimetryLib" / "cohort" / "data" / "table5.csv"
    rows = [list(csv.reader(path.read_text("utf-8").splitlines())) for path in (supplied, shipped)]
    assert rows[0] == rows[1]


def test_the_example_says_where_it_is_from() -> None:
    note = (ROOT / "Y90DosimetryLib" / "cohort" / "data" / "table5.md").read_text("utf-8")
    assert "10.21037/hbsn-22-184" in note
    assert "Licence" in note


def test_a_patient_has_the_worst_necrosis_and_the_lowest_dose() -> None:
    eleven = next(p for p in example_table().patients if p.patient == "11")
    assert eleven.worst_necrosis is Necrosis.PARTIAL
    assert (eleven.lowest_dose_gy, eleven.index.post_dose_gy, eleven.largest_mm) == (148, 515, 37)
