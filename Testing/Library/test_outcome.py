"""The outcome of a patient: refused where it contradicts itself or the case, kept in the file, shown in the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime

import pytest
from case_folder import read, refused
from check_cases import assert_edge, edge
from over_time import CT, FLR, LIVER, MONTH_DAYS, RIGHT, TREATED, TUMOR, case, infusion, point, session
from shapes import box

from Y90DosimetryLib.case import Basis
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.pathology import explant_of
from Y90DosimetryLib.io.case_file import read_case, write_case
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.outcome import Necrosis, Outcome, TumorPathology
from Y90DosimetryLib.report import as_json, content_of
from Y90DosimetryLib.report.followup_page import follow_up_section
from Y90DosimetryLib.structures import Role, Structure

SECOND = Structure(Role.TUMOR, "Second", box(CT, (-60, 16, -12), (-44, 32, 12)))
TUMORS = (LIVER, RIGHT, TUMOR, SECOND, FLR)
DIED = date(2028, 3, 4)
BOTH = (
    TumorPathology("Tumor", 1.0, microvascular_emboli=False),
    TumorPathology("Second", 0.6, microvascular_emboli=True),
)


def with_outcome(*points, **outcome):
    return case(*points, structures=TUMORS, outcome=Outcome(**outcome))


def planned_and_delivered(facts=(), **more):
    """2 GBq were planned and 3 GBq given, both spread evenly: every delivered dose is 1.5 times the planned one.

    The MAA was given where the treatment was: its counts beyond the perfused volume stand for the planned dose too.
    """
    plan = session(infusion(gbq=2.0), label="Plan", basis=Basis.PLANNED)
    given = replace(session(infusion(gbq=3.0)), delivers="Plan")
    return case(structures=TUMORS, sessions=(plan, given), facts={"maa_same_position": True, **dict(facts)}, **more)


# What can not be


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ({"died": False, "died_on": DIED}, "died is no, but died_on is 2028-03-04"),
        ({"recurred": False, "recurred_on": DIED}, "recurred is no"),
        ({"died_on": DIED, "last_seen_on": date(2028, 3, 3)}, "last seen on 2028-03-03, before death on 2028-03-04"),
        ({"died_on": DIED, "last_seen_on": date(2028, 3, 5)}, "after death"),
        ({"died_on": DIED, "recurred_on": date(2028, 3, 5)}, "recurrence on 2028-03-05 lies after death"),
        ({"last_seen_on": DIED, "recurred_on": date(2028, 3, 5)}, "after the patient was last seen"),
        ({"last_seen_on": datetime(2028, 3, 5)}, "time of day"),
        ({"pathology": (TumorPathology("A"), TumorPathology("A", 0.5))}, "tumor 'A' is there twice"),
    ],
)
def test_an_outcome_that_contradicts_itself_is_refused(outcome, says):
    with pytest.raises(InputError, match=says):
        Outcome(**outcome)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ({"died_on": date(2026, 3, 3)}, "died_on is 2026-03-03, before the treatment of 2026-03-04"),
        ({"recurred_on": date(2026, 3, 3)}, "before the treatment"),
        ({"last_seen_on": date(2026, 3, 3)}, "before the treatment"),
        ({"died_on": date(2026, 6, 3)}, "time point 'Month 3' is of 2026-06-04, after death on 2026-06-03"),
        ({"pathology": (TumorPathology("tumor"),)}, "tumor 'tumor' is not among the structures.*Second, Tumor"),
        ({"pathology": (TumorPathology("Liver"),)}, "'Liver' is not among"),
    ],
)
def test_an_outcome_that_contradicts_its_case_is_refused(outcome, says):
    with pytest.raises(InputError, match=says):
        with_outcome(point("Month 3", MONTH_DAYS[3], flr=540), **outcome)


def test_the_days_themselves_are_possible():
    """Death on the day of treatment, recurrence found on the day of death, a last contact on it."""
    made = with_outcome(died_on=TREATED, recurred_on=TREATED, last_seen_on=TREATED)
    assert (made.outcome.died, made.outcome.recurred) == (True, True), "a day answers its question"


def test_nobody_is_treated_after_death_but_a_second_stage_may_have_been_planned():
    second = infusion("2026-04-20T09:30:00+02:00", label="2")
    died = Outcome(died_on=date(2026, 4, 1))
    staged = case(sessions=(session(), session(second, label="Stage 2", basis=Basis.PLANNED)), outcome=died)
    assert staged.outcome.died
    with pytest.raises(InputError, match="infusion '2' is of 2026-04-20, after death"):
        case(sessions=(session(), session(second, label="Stage 2")), outcome=died)


# The case file


def test_an_outcome_is_written_and_read_without_loss(tmp_path):
    pathology = (*BOTH[:1], TumorPathology("Second", stated=Necrosis.PARTIAL))
    made = with_outcome(pathology=pathology, recurred_on=date(2027, 9, 4), died_on=DIED)
    write_case(made, tmp_path / "full")
    assert read_case(tmp_path / "full" / "case.toml").outcome == made.outcome
    alive = with_outcome(recurred=False, died=False, last_seen_on=DIED)
    write_case(alive, tmp_path / "alive")
    assert read_case(tmp_path / "alive" / "case.toml").outcome == alive.outcome
    write_case(case(), tmp_path / "none")
    assert "outcome" not in (tmp_path / "none" / "case.toml").read_text(encoding="utf-8")
    assert not read_case(tmp_path / "none" / "case.toml").outcome.is_known


END = "[settings]"
ENTRY = '[[outcome.pathology]]\nlabel = "Tumor 1"\n'


def test_a_whole_number_of_necrosis_is_read_as_a_fraction(tmp_path):
    (entry,) = read(tmp_path, END, f"{ENTRY}necrosis_fraction = 1\n{END}").outcome.pathology
    assert (entry.necrosis_fraction, type(entry.necrosis_fraction)) == (1.0, float)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[outcome]\ndead = true\n", r"\[outcome\].*unknown key 'dead'"),
        ('[outcome]\ndied_on = "2028-03-04"\n', "a date without quotes"),
        ("[[outcome.pathology]]\nnecrosis_fraction = 0.5\n", "'label' is missing"),
        (f'{ENTRY}necrosis = "full"\n', r"\[\[outcome.pathology\]\] 'Tumor 1'.*'necrosis' is 'full'.*CPN, Extensive"),
        (f"{ENTRY}necrosis_fraction = 95\n", "tumor 'Tumor 1'.*0.95 for 95 %"),
        (f'{ENTRY}necrosis_fraction = 0.8\nnecrosis = "CPN"\n', "80 % is Extensive, but CPN is stated"),
        (f"{ENTRY}{ENTRY}", "tumor 'Tumor 1' is there twice"),
        ('[[outcome.pathology]]\nlabel = "Tumor 7"\n', "tumor 'Tumor 7' is not among the structures.*Tumor 1"),
        ("[outcome]\ndied_on = 2026-01-01\n", "before the treatment of 2026-03-04"),
    ],
)
def test_what_is_wrong_in_a_case_file_is_said_with_its_place(tmp_path, table, says):
    assert re.search(says, refused(tmp_path, END, f"{table}{END}"))


# The explant


def test_every_tumor_has_its_doses_planned_and_delivered_and_the_poorest_counts_for_the_patient():
    made = planned_and_delivered(outcome=Outcome(pathology=BOTH))
    doses = doses_of(made, prepare(made))
    explant = explant_of(made, doses)
    for tumor in explant.tumors:
        own = doses.prepared.compartments.lesion(tumor.tumor)
        assert tumor.dose_gy == doses.dose_gy(Model.MULTI, own)
        assert tumor.dose_gy / tumor.planned_dose_gy == pytest.approx(1.5)
    assert (explant.necrosis, [t.tumor for t in explant.poorest]) == (Necrosis.EXTENSIVE, ["Second"])
    assert explant.microvascular_emboli is True
    assert explant_of(case(), doses) is None


def test_a_tumor_that_the_pathologist_does_not_name_leaves_the_patient_open():
    made = planned_and_delivered(outcome=Outcome(pathology=BOTH[:1]))
    explant = explant_of(made, doses_of(made, prepare(made)))
    assert [t.tumor for t in explant.tumors] == ["Tumor", "Second"]
    assert isinstance(explant.necrosis, Missing)
    assert "'Second'" in explant.microvascular_emboli.because, "no emboli in one tumor are not none in both"


# The report


@pytest.fixture(scope="module")
def reported():
    outcome = Outcome(BOTH, recurred_on=date(2027, 9, 4), died=False, last_seen_on=DIED)
    return assess(planned_and_delivered(outcome=outcome, facts={"surgery_date": date(2026, 9, 4)}))


def text_of(section):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section.html))


def test_the_page_shows_each_tumor_with_its_doses_and_the_worst_with_the_source(reported):
    assert reported.follow_up is None, "there is no time point, only an outcome"
    text = text_of(follow_up_section(reported))
    explant = explant_of(reported.case, reported.doses)
    for tumor, words in zip(explant.tumors, ("complete no 100", "extensive yes 60"), strict=True):
        assert f"{tumor.tumor} {words} {tumor.planned_dose_gy:,.0f} {tumor.dose_gy:,.0f}" in text
    for words in (
        "Worst of the patient: extensive (Second).",
        "Meerun et al. 2022): Methods, pathology analysis",
        "extensive: 50 % and more",
        "Recurrence: yes. Death: no.",
        "Surgery 2026-09-04 6.0",
        "Recurrence 2027-09-04 18.0",
        "Last seen 2028-03-04 24.0",
    ):
        assert words in text, words


def test_the_outcome_stands_below_a_follow_up_and_nowhere_without_one():
    followed = case(point("Month 3", MONTH_DAYS[3], flr=540), outcome=Outcome((TumorPathology("Tumor", 0.2),)))
    text = text_of(follow_up_section(assess(followed)))
    assert text.index("Readiness for surgery") < text.index("Pathology") < text.index("partial")
    assert "no session is planned" in text, "the reason of the dose that is not there"
    plain = follow_up_section(assess(replace(followed, outcome=Outcome())))
    assert "Pathology" not in plain.html
    assert "Course" not in plain.html
    assert follow_up_section(assess(case())) is None


def test_the_json_says_the_same(reported):
    data = json.loads(json.dumps(as_json(content_of(reported)), allow_nan=False))
    outcome, explant = data["outcome"], explant_of(reported.case, reported.doses)
    pathology = outcome["pathology"]
    assert [t["delivered_dose_gy"] for t in pathology["tumors"]] == [t.dose_gy for t in explant.tumors]
    assert [t["necrosis"] for t in pathology["tumors"]] == ["CPN", "Extensive"]
    assert (pathology["worst_necrosis"], pathology["poorest"]) == ("Extensive", ["Second"])
    assert pathology["source"]["reference"] in data["references"]
    assert (outcome["recurred"], outcome["died"]) == (True, False)
    assert {d["what"]: d["since_first_treatment_months"] for d in outcome["days"]} == {
        "surgery_date": 6.0, "recurred_on": 18.0, "last_seen_on": 24.0,
    }  # fmt: skip
    assert as_json(content_of(assess(case())))["outcome"] is None


# Stated facts beside it


def stated(outcome, *points, **facts):
    return case(*points, facts=facts, outcome=outcome)


def progressive(on):
    return point("CT", on, facts={"mrecist": "PD"})


EDGES = {
    "outcome_contradicts": edge(
        lambda: stated(Outcome(died_on=DIED), follow_up_date=date(2028, 3, 5)),
        lambda: stated(Outcome(died_on=DIED), follow_up_date=DIED),
    )
}


def test_a_fact_that_the_outcome_contradicts_is_raised_and_not_without():
    assert_edge("outcome_contradicts", EDGES["outcome_contradicts"])


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: stated(Outcome(died_on=DIED), surgery_date=date(2028, 4, 1)), "surgery_date is stated as 2028-04-01"),
        (lambda: stated(Outcome(recurred_on=MONTH_DAYS[3]), surgery_date=MONTH_DAYS[6]), "recurrence on 2026-06-04"),
        (lambda: stated(Outcome(recurred_on=MONTH_DAYS[6]), surgery_date=MONTH_DAYS[6]), ""),
        (lambda: stated(Outcome(recurred=False), progressive(MONTH_DAYS[3])), "the study of 2026-06-04 shows"),
        (
            lambda: stated(Outcome(recurred=False), progressive(MONTH_DAYS[9]), surgery_date=MONTH_DAYS[6]),
            "the study of 2026-12-04 shows progression",
        ),
        (lambda: stated(Outcome(recurred=False), progressive(MONTH_DAYS[3]), surgery_date=MONTH_DAYS[6]), ""),
    ],
)
def test_what_is_stated_twice_and_differs_is_said(made, says):
    raised = [r.measured for r in assess(made()).checks if r.check.id == "outcome_contradicts"]
    assert says in (raised[0] or "")
    assert bool(raised[0]) is bool(says)
