"""The follow-up in the report: only where there is one, every number in it, and a picture of the remnant."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from over_time import LIVER, MONTH_DAYS, RIGHT, case, infusion, point, session
from pictures import Figure

from Y90DosimetryLib.case import Intent, Patient, TimeKind
from Y90DosimetryLib.draw.courses import MEASURED, SFLR, remnant_plot, series_of
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.remnant import RESECTION_RULE
from Y90DosimetryLib.guidelines import Outcome
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.report import as_html, as_json, content_of, sections_of
from Y90DosimetryLib.report.followup_page import REMNANT, follow_up_section


def reading(mm, **more):
    return (LesionReading("Tumor", mm, is_treated=True, **more),)


@pytest.fixture(scope="module")
def followed():
    before = point("MR before", date(2026, 2, 20), TimeKind.BASELINE, lesions=reading(40.0))
    month_1 = point("Month 1", MONTH_DAYS[1], flr=520, liver=1000, tumor=12, lesions=reading(38.0))
    month_3 = point("Month 3", MONTH_DAYS[3], flr=540, lesions=reading(20.0), patient=Patient(weight_kg=66.0))
    facts = {"follow_up_date": date(2026, 6, 1)}
    return assess(case(before, month_1, month_3, facts=facts, intent=Intent.BRIDGE_TO_RESECTION))


def text_of(section):
    return re.sub(r"<[^>]+>", " ", re.sub(r"<img[^>]*>", "", section.html))


def test_without_time_points_the_report_has_no_follow_up():
    assert follow_up_section(assess(case())) is None


def test_the_section_says_what_was_seen_what_is_due_and_what_contradicts(followed):
    text = text_of(follow_up_section(followed))
    for words in (
        "Baseline: MR before. Latest study: Month 3.",
        "follow_up_date is stated as 2026-06-01, the time points say 2026-06-04",
        "2026-03-04  Treatment  Delivered",
        "Imaging of the remnant, month 6",
        "S2-FU-01",
        "MR before to Month 3",
        "Month 1 to Month 3",
        "The remnant has grown by 5.5 %, less than 10 %: consider another treatment. (S2-FU-03)",
        "the weight changed from 70 to 66 kg",
        "typed, not outlined: future liver remnant, liver, tumor",
        "PR  partial response",
        "Localized mRECIST: best response PR, first seen 3.0 months after the treatment.",
        "Readiness for surgery",
        "(S2-DOSE-03)",
    ):
        assert words in re.sub(r" {3,}", "  ", text), words


def test_every_number_of_the_remnant_stands_in_its_table(followed):
    text = text_of(follow_up_section(followed))
    for growth in followed.follow_up.remnant.from_baseline:
        assert f"{growth.relative_ratio * 100:.1f}" in text
        assert f"{growth.kinetic_per_week_ratio * 100:.2f}" in text
    for at in followed.follow_up.remnant.at:
        assert f"{at.study.sflr_ratio * 100:.1f}" in text
        assert f"{at.study.volumes.flr_ml:.0f}" in text
    assert "the treated volume is not outlined on &#x27;Month 1&#x27;" in text


def test_a_label_is_text_and_not_html():
    made = case(point("<b>Month 3</b>", MONTH_DAYS[3], flr=540))
    section = follow_up_section(assess(made))
    assert "<b>Month 3</b>" not in section.html.replace("<b>&lt;", "")
    assert "&lt;b&gt;Month 3&lt;/b&gt;" in section.html


def test_the_page_says_of_which_study_its_remnant_is(followed):
    words = "are those of &#x27;Month 3&#x27;"
    assert words in as_html(content_of(followed), {})
    assert "are those of" not in as_html(content_of(assess(case())), {})


@pytest.fixture(scope="module")
def operated():
    """Growing tumor and a small remnant before surgery in July; nothing left and a large one in September."""
    before = point("MR before", date(2026, 2, 20), TimeKind.BASELINE, flr=500, lesions=reading(40.0))
    month_3 = point("Month 3", MONTH_DAYS[3], flr=540, lesions=reading(70.0), patient=Patient(bilirubin_umol_l=20.0))
    late = point("Month 6", MONTH_DAYS[6], TimeKind.BEFORE_SURGERY, flr=900, lesions=reading(0.0),
                 patient=Patient(bilirubin_umol_l=51.0))  # fmt: skip
    facts = {"surgery_planned": True, "surgery_date": date(2026, 7, 4)}
    return assess(case(before, month_3, late, facts=facts, intent=Intent.BRIDGE_TO_RESECTION))


def test_after_surgery_nothing_makes_good_what_spoke_against_it(operated):
    text = text_of(follow_up_section(operated))
    assert "Latest study before surgery on 2026-07-04: Month 3. Later ones tell recurrence" in text
    assert "Localized mRECIST: best response PD, first seen 3.0 months after the treatment." in text
    assert "targets 70 mm, +75 % from before, +75 % from the smallest so far" in text
    assert re.search(r"2026-09-04\s+after surgery", text)
    assert "MR before to Month 3" in text
    assert "to Month 6" not in text
    assert "Month 6: after surgery on 2026-07-04. What was left regrows" in text
    judged = {f.rule.id: f.outcome for f in operated.findings}
    assert judged["C0-SURG-01"] is judged["C0-SURG-03"] is Outcome.NOT_MET
    assert operated.follow_up.patient.bilirubin_umol_l == 20.0, "as it was before surgery"
    assert operated.follow_up.readiness[0].sentence.startswith("Speaks against resection now: remnant, tumor control")
    assert "not fulfilled" in text, "nothing viable after surgery is no downstaging"
    (sentence,) = operated.follow_up.contradictions
    assert sentence == "surgery_date is stated as 2026-07-04, 'Month 6' of 2026-09-04 is said to be before surgery"


def test_an_operation_before_the_treatment_hides_no_study():
    made = case(point("Month 3", MONTH_DAYS[3], flr=540), facts={"surgery_date": date(2025, 1, 8)})
    assert assess(made).follow_up.studies.present.label == "Month 3"


def test_the_page_and_the_json_tell_the_class_of_a_thrombus_once_for_studies_alike():
    seen = [
        point(label, on, kind, lesions=reading(40.0), thrombi=(ThrombusReading("Thrombus", True, 12.0, grade=grade),))
        for label, on, kind, grade in (
            ("MR", date(2026, 2, 20), TimeKind.BASELINE, "VP3"),
            ("Month 1", MONTH_DAYS[1], TimeKind.FOLLOW_UP, "VP3"),
            ("Month 3", MONTH_DAYS[3], TimeKind.FOLLOW_UP, "VP2"),
        )
    ]
    made = assess(case(*seen))
    text = text_of(follow_up_section(made))
    assert "Vascular invasion, 2026-02-20 to 2026-04-04: VP3." in text
    assert "Vascular invasion, 2026-06-04: VP2." in text
    last = as_json(content_of(made))["follow_up"]["response"]["invasion"][-1]
    assert last == {"on": "2026-06-04", "portal_vein": "VP2", "hepatic_vein": "none"}


def test_the_json_holds_the_follow_up_with_reasons_for_its_gaps(followed):
    data = json.loads(json.dumps(as_json(content_of(followed)), allow_nan=False))["follow_up"]
    assert (data["baseline"], data["present"]) == ("MR before", "Month 3")
    month_1, month_3 = data["remnant"]["studies"][1:]
    assert month_1["flr_ml"] == 520
    assert month_1["since_treatment_months"] == 1
    assert month_1["typed"] == ["flr", "liver", "tumor"]
    assert month_3["liver_ml"] is None
    assert "not outlined on 'Month 3'" in month_3["liver_ml_missing_because"]
    assert data["remnant"]["growth_from_baseline"][1]["relative_hypertrophy_fraction"] == pytest.approx(540 / 512 - 1)
    assert {w["state"] for w in data["time_line"]["windows"]} <= {"done", "open", "ahead", "missed"}
    assert data["response"]["localized"]["studies"][-1]["response"] == "PR"
    assert data["readiness"][0]["operation"] == "resection"
    assert as_json(content_of(assess(case())))["follow_up"] is None


def test_the_picture_is_in_the_section_and_beside_the_page(followed):
    (section,) = [s for s in sections_of(followed) if s.title == "Follow-up"]
    assert REMNANT in section.pictures
    assert section.html.count("<svg") == len(section.pictures)


def series_until(follow_up, surgery_on):
    return len(next(series_of(follow_up.remnant, date(2026, 3, 4), surgery_on)).percent)


def test_the_curves_have_one_point_a_study_that_has_the_share(followed):
    follow_up = followed.follow_up
    sflr, measured = series_of(follow_up.remnant, date(2026, 3, 4))
    assert (sflr.label, measured.label) == (SFLR, MEASURED)
    assert sflr.months_count[1:] == (1, 3)
    assert sflr.months_count[0] < 0
    assert series_until(follow_up, MONTH_DAYS[1]) == 2, "up to surgery at month 1"
    assert sflr.percent[1] == pytest.approx(follow_up.remnant.at[1].study.sflr_ratio * 100)
    assert len(measured.percent) == 2, "month 3 has no liver volume"


def test_the_line_of_forty_percent_lies_between_what_is_below_and_above():
    made = case(point("Before", date(2026, 2, 20), TimeKind.BASELINE, flr=450), point("M 6", MONTH_DAYS[6], flr=900))
    follow_up = assess(made).follow_up
    figure = Figure(remnant_plot(follow_up.remnant, follow_up.studies))
    level = figure.line(f"40 % ({RESECTION_RULE})")[0, 1]
    (_, first), (_, last) = figure.line(SFLR)
    assert first > level > last, "30 % lies below, 60 % above; rows count down"
    low, high = (figure.text(number).middle[1] for number in ("20", "40"))
    assert level == pytest.approx(high, abs=2)
    before = follow_up.remnant.at[1].study.sflr_ratio
    assert first == pytest.approx(low + (high - low) * (before - 0.2) / 0.2, abs=2)
    assert figure.overlaps() == [] and f"{before * 100:.0f} %" in figure.words


def test_nothing_to_draw_is_refused_with_what_to_enter():
    nothing = assess(case(point("MR", MONTH_DAYS[3], modality="multiphase_mr"), structures=(LIVER, RIGHT))).follow_up
    with pytest.raises(InputError, match="no study has a remnant"):
        remnant_plot(nothing.remnant, nothing.studies)
    unknown = assess(case(point("CT", MONTH_DAYS[3], flr=500), sessions=(session(infusion(given_at=None)),))).follow_up
    with pytest.raises(InputError, match="Enter the time of infusion"):
        remnant_plot(unknown.remnant, unknown.studies)
