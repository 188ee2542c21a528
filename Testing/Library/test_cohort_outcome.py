"""Outcomes of digital patients through the cohort's two commands: tables without a day, box plot, survival curves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date

import pytest
from cohort_kit import number_of, rows

from Y90DosimetryLib.case import Basis, Case, TimePoint
from Y90DosimetryLib.cli import OK, main
from Y90DosimetryLib.cohort.analysis import cohort_statistics
from Y90DosimetryLib.cohort.rows import rows_of
from Y90DosimetryLib.cohort.table import read_table
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.io.case_file import write_case
from Y90DosimetryLib.outcome import Necrosis, Outcome, TumorPathology
from Y90DosimetryLib.phantom import PhantomSettings, case_variant
from Y90DosimetryLib.structures import Role

COARSE = PhantomSettings(ct_spacing_mm=(8.0, 8.0, 8.0), spect_spacing_mm=(9.0, 9.0, 9.0))
SURGERY = date(2026, 8, 4)


@dataclass(frozen=True)
class Story:
    """One patient: how much of the usual activity was given, the explant, and the course after March 4, 2026."""

    activity_ratio: float
    necrosis: tuple[Necrosis, Necrosis]
    outcome: Outcome


CPN, EXTENSIVE, PARTIAL = Necrosis
ALIVE = {"recurred": False, "died": False}
STORIES = {
    "a": Story(2.0, (CPN, CPN), Outcome(**ALIVE, last_seen_on=date(2029, 3, 4))),  # 36 months
    "b": Story(1.7, (CPN, CPN), Outcome(**ALIVE, last_seen_on=date(2028, 3, 4))),  # 24
    "c": Story(1.3, (CPN, EXTENSIVE), Outcome(recurred_on=date(2027, 3, 4), died=False, last_seen_on=date(2028, 9, 4))),
    "d": Story(1.1, (EXTENSIVE, EXTENSIVE), Outcome(recurred=False, died_on=date(2027, 9, 4))),  # 18
    "e": Story(0.7, (EXTENSIVE, PARTIAL), Outcome(recurred_on=date(2026, 9, 4), died_on=date(2027, 3, 4))),  # 6, 12
    "f": Story(0.5, (PARTIAL,) * 2, Outcome(recurred_on=date(2026, 12, 4), died=False, last_seen_on=date(2027, 12, 4))),
}  # fmt: skip


@pytest.fixture(scope="module")
def base() -> Case:
    return case_variant("lobectomy", COARSE)


def delivered(base: Case, activity_ratio: float = 1.0, **changes) -> Case:
    """The lobectomy as delivered by another activity, the counts being those of the MAA."""
    [session] = base.sessions
    [infusion] = session.infusions
    vial = replace(infusion.vial, activity_gbq=infusion.vial.activity_gbq * activity_ratio)
    given = replace(session, infusions=(replace(infusion, vial=vial),), basis=Basis.DELIVERED)
    return replace(base, sessions=(given,), **changes)


def told(base: Case, name: str) -> Case:
    story = STORIES[name]
    tumors = [s.label for s in base.of_role(Role.TUMOR)]
    pathology = tuple(
        TumorPathology(label, stated=necrosis, microvascular_emboli=name == "e" and necrosis is PARTIAL)
        for label, necrosis in zip(tumors, story.necrosis, strict=True)
    )
    facts = {**base.disease.facts, "surgery_date": SURGERY}
    return delivered(
        base,
        story.activity_ratio,
        outcome=replace(story.outcome, pathology=pathology),
        disease=replace(base.disease, facts=facts),
    )


@pytest.fixture(scope="module")
def out(base, tmp_path_factory):
    """The tables of the six, by the command itself."""
    folder = tmp_path_factory.mktemp("outcomes")
    for name in STORIES:
        write_case(told(base, name), folder / "cases" / name)
    assert main(["cohort", str(folder / "cases"), "--out", str(folder / "out"), "--jobs", "2"]) == OK
    return folder / "out"


def of(out, name: str, table: str = "patients") -> list[dict[str, str]]:
    return [row for row in rows(out, table) if row["patient"] == number_of(out, name)]


def test_the_tables_hold_the_outcome_as_intervals(out):
    expected = {  # recurrence, progression, months, death, months, follow-up
        "a": ("", "0", "36.0", "0", "36.0", "36.0"),
        "b": ("", "0", "24.0", "0", "24.0", "24.0"),
        "c": ("12.0", "1", "12.0", "0", "30.0", "30.0"),
        "d": ("", "0", "18.0", "1", "18.0", "18.0"),
        "e": ("6.0", "1", "6.0", "1", "12.0", "12.0"),
        "f": ("9.0", "1", "9.0", "0", "21.0", "21.0"),
    }
    columns = ("ttr_months", "progressed", "progression_months", "died", "survival_months", "follow_up_months")
    for name, values in expected.items():
        for row in (*of(out, name), *of(out, name, "tumors")):
            assert tuple(row[c] for c in columns) == values, name


def test_each_tumor_has_its_own_necrosis_and_the_patient_the_worst(out):
    for name, story in STORIES.items():
        tumors, [patient] = of(out, name, "tumors"), of(out, name)
        assert [row["necrosis"] for row in tumors] == list(story.necrosis)
        assert patient["worst_necrosis"] == max(story.necrosis, key=lambda n: n.rank)
        emboli = "1" if name == "e" else "0"
        assert patient["mve"] == emboli
        assert [row["mve"] for row in tumors] == [emboli, emboli], "emboli belong to the patient"
        assert {row["tts_months"] for row in tumors} == {"5.0"}


def test_no_table_holds_a_day(out):
    shared = [p for p in out.rglob("*") if p.is_file() and "identifying" not in p.parts]
    assert shared
    for path in shared:
        assert not re.search(r"20\d\d-\d\d-\d\d", path.read_text(encoding="utf-8")), path.name


def test_the_statistics_take_necrosis_and_survival_from_the_cohort(out, tmp_path, capsys):
    """Progression or death at 6, 9, 12 and 18 months; death at 12 of six and at 18 of five who were still seen."""
    stats = cohort_statistics(read_table(out / "tumors.csv"))
    free, alive = (
        next(s.curves[0] for s in stats.survivals if s.title == title)
        for title in ("Progression-free survival", "Overall survival")
    )
    assert [free.at(m).surviving_fraction for m in (6, 9, 12, 18)] == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6])
    assert (free.median_months, free.event_count, alive.event_count) == (12.0, 4, 2)
    assert alive.at(20).surviving_fraction == pytest.approx(5 / 6 * 4 / 5)
    by_tumor, by_patient, *_ = stats.dose_by_necrosis
    assert [len(group) for group in by_tumor.values_gy] == [5, 4, 3]
    assert [len(group) for group in by_patient.values_gy] == [2, 2, 2]
    assert by_tumor.test.p < 0.05, "whoever got more lost more of the tumor"

    page = tmp_path / "page"
    assert main(["cohort", "stats", str(out / "tumors.csv"), "--out", str(page), "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["patient_count"] == 6
    html = (page / "cohort.html").read_text(encoding="utf-8")
    pictures = {path.name for path in page.rglob("*.svg")}
    for start in ("delivered-dose-by-necrosis", "progression-free-survival", "overall-survival"):
        assert any(name.startswith(start) for name in pictures), (start, pictures)
    assert html.count("<svg") >= 3


# What counts where several say when


def row_of(base: Case, *points: TimePoint, facts=None, **outcome) -> dict:
    disease = replace(base.disease, facts={**base.disease.facts, **(facts or {})})
    return rows_of(assess(delivered(base, outcome=Outcome(**outcome), time_points=points, disease=disease)))


def reason(found: dict, column: str) -> str:
    return next(gap["reason"] for gap in found["missing"] if gap["column"] == column and gap["table"] == "patients")


def ct(on: date, response: str) -> TimePoint:
    return TimePoint(on.isoformat(), on, facts={"mrecist": response})


def test_the_first_of_recurrence_and_progression_on_images_counts(base):
    early = ct(date(2026, 6, 4), "PD")
    both = row_of(base, early, recurred_on=date(2026, 9, 4))["patient"]
    assert (both["progression_months"], both["ttr_months"]) == (3.0, 6.0)
    later = row_of(base, ct(date(2026, 6, 4), "SD"), ct(date(2026, 12, 4), "PD"), recurred_on=date(2026, 9, 4))
    assert later["patient"]["progression_months"] == 6.0
    seen = row_of(base, early, recurred=False, last_seen_on=date(2027, 3, 4))["patient"]
    assert (seen["progressed"], seen["progression_months"]) == (True, 3.0), "what was seen counts"


def test_without_a_word_on_recurrence_the_last_study_ends_what_is_known(base):
    found = row_of(base, ct(date(2026, 6, 4), "SD"), died=False, last_seen_on=date(2027, 3, 4))["patient"]
    assert (found["progressed"], found["progression_months"]) == (False, 3.0)
    assert (found["survival_months"], found["follow_up_months"]) == (12.0, 12.0)


def test_an_event_without_its_day_is_a_gap_and_no_event(base):
    found = row_of(base, recurred=True, died=True, last_seen_on=date(2027, 3, 4))
    assert [found["patient"][c] for c in ("progressed", "progression_months", "died", "survival_months")] == [None] * 4
    assert reason(found, "died") == "the day of death is not entered"
    assert reason(found, "progressed") == "the day of the recurrence is not entered"
    assert found["patient"]["follow_up_months"] == 12.0


def test_the_latest_day_is_the_last_contact_and_death_ends_it(base):
    stated = {"follow_up_date": date(2027, 6, 4)}
    assert row_of(base, facts=stated, last_seen_on=date(2027, 3, 4))["patient"]["follow_up_months"] == 15.0
    assert row_of(base, facts=stated, died_on=date(2027, 3, 4))["patient"]["follow_up_months"] == 12.0


def test_a_patient_of_whom_nothing_is_entered_has_reasons(base):
    found = row_of(base)
    assert reason(found, "worst_necrosis") == reason(found, "mve") == "no pathology is entered"
    assert reason(found, "died") == "whether the patient died is not entered"
    assert "recurred" in reason(found, "ttr_months")
    none = row_of(base, recurred=False, died=False, last_seen_on=date(2027, 3, 4))
    assert reason(none, "ttr_months") == "no recurrence until the patient was last seen"
