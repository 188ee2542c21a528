"""The plan in the report: there only where there is one, complete, and honest about each gap."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html import escape

import numpy as np
import pytest
from pictures import Figure
from planning_kit import COARSE

from Y90DosimetryLib.case import Vial
from Y90DosimetryLib.draw import windows
from Y90DosimetryLib.draw.svg import text_width_px
from Y90DosimetryLib.engine import Assessment, Engine, assess
from Y90DosimetryLib.images import ActivityMap
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.planning import Override, PlanOptions, StatedInputs, plan_of
from Y90DosimetryLib.report import as_html, as_json, content_of, sections_of
from Y90DosimetryLib.report.html_parts import Section, file_name
from Y90DosimetryLib.report.plan_page import OVERLAY, TOGETHER, UNDER, WINDOW, plan_html, plan_section

SURE = PlanOptions(models=True, stated=StatedInputs(calibration_fraction=0.05))


@cache
def assessed(variant: str) -> Assessment:
    return assess(digital_patient(COARSE, variant).case())


@cache
def section(variant: str, options: PlanOptions | None = None) -> Section:
    found = plan_section(assessed(variant), options)
    assert found is not None
    return found


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_window_stands_first_with_what_binds_it_and_the_numbers_of_the_plan() -> None:
    one = assessed("lobectomy")
    (window,) = plan_of(one.engine).windows
    text = words(section("lobectomy").html)
    assert " GBq to ".join(window.end_texts) + " GBq" in text
    assert text.index("least: S5-DOSE-04") < text.index("Meets the plan") < text.index("Models side by side")
    assert "most: S2-DOSE-02" in text


def test_the_week_table_has_every_vial_and_marks_those_that_meet_the_plan() -> None:
    """205 Gy to the thrombus ask for 2.950 GBq, 120 Gy to the perfused or 90 Gy to all normal liver allow 3.820."""
    html = section("lobectomy").html
    week = html[html.index('<div class="week">') :]
    rows = re.findall(r"<tr><td>(\d+)</td><td>(\w+ \d\d-\d\d)</td>", week)
    assert len(rows) == 12 and ("10", "Sun 03-01") in rows
    met = re.findall(r'<td class="number meets"><b>([\d.]+) ✔</b>', week)
    assert sorted(met) == ["2.98", "3.45", "3.50", "3.55"] and all(2.950 <= float(v) <= 3.820 for v in met)
    assert "Unverified:" in week and "shelf life of 12 days" in week


def test_openings_are_told_with_their_dates() -> None:
    """Vials of two weeks may meet the plan on two Sundays."""
    found = re.findall(r"from \w+day (\d{4}-\d\d-\d\d) \d\d:\d\d to \w+day \d{4}-\d\d-\d\d", section("lobectomy").html)
    assert {"2026-03-01", "2026-03-08"} <= set(found)


def test_what_is_stated_stands_beside_the_intervals() -> None:
    assert "Stated uncertainty of inputs: calibration_fraction = 0.05." in words(section("lobectomy", SURE).html)
    assert "Stated uncertainty" not in words(section("lobectomy").html)


def test_gaps_say_why() -> None:
    text = words(section("lobectomy").html)
    assert "No interval: no uncertainty of an input is stated" in text and "lung_shunt_fraction" in text
    one = assessed("lobectomy")
    (plan,) = one.case.sessions
    (infusion,) = plan.infusions
    now = replace(infusion, vial=Vial(infusion.activity_at_infusion_gbq(64.1)), given_at=None)
    undated = (replace(plan, infusions=(now,)),)
    found = plan_section(assess(replace(one.case, sessions=undated)))
    assert found is not None and "No vials: no day of treatment is given" in words(found.html)


def test_stated_inputs_bring_intervals_probabilities_and_the_ends_of_the_window() -> None:
    text = words(section("lobectomy", SURE).html)
    assert "Ends of the window" in text and "safely kept (97.7 %)" in text
    assert "Probability that it is kept, at the entered activities" in text and "calibration" in text
    assert "No interval" not in text


def test_a_report_says_once_that_no_activity_is_safely_inside() -> None:
    """The window of the lobectomy ends 13 % beside its middle: a calibration known to 10 % is safe on neither side."""
    text = words(section("lobectomy", replace(SURE, stated=StatedInputs(calibration_fraction=0.1))).html)
    assert text.count("No activity is safely inside") == 1
    assert "calibration known to" in text and "No activity is safely inside" not in words(section("lobectomy").html)


def test_models_stand_side_by_side_with_their_arithmetic() -> None:
    html = section("lobectomy").html
    assert "kernel (research), mean of the voxels, Gy" in html and "J/GBq ×" in html
    assert "of the liver&#x27;s activity" in html


def test_pictures_are_in_the_page_once_and_handed_over_to_be_written() -> None:
    found = section("lobectomy")
    assert list(found.pictures) == [WINDOW] and found.html.count("<svg") == 1
    both = section("bilobar")
    assert {"Window Right vial", "Window Left vial"} <= set(both.pictures)
    assert all(Figure(svg).overlaps() == [] for svg in both.pictures.values())
    told = section("vasospasm")
    assert OVERLAY in told.pictures and f"{UNDER} axial" in told.pictures
    assert told.html.count("<svg") == len(told.pictures)


def test_several_infusions_have_a_picture_of_what_is_feasible_together() -> None:
    options = PlanOptions(overrides=(Override("S4-DOSE-01", 75.0, 70.0),))
    found = section("bilobar", options)
    assert TOGETHER in found.pictures and "Best for the highest lowest tumor dose" in words(found.html)


@pytest.mark.parametrize("limit_gy", [70.0, 65.0])
def test_the_borders_drawn_for_two_infusions_are_where_a_dose_is_just_its_limit(limit_gy) -> None:
    """At the rule's own 70 Gy the set has corners, at 65 Gy it is empty and those that would have to give are drawn.

    S4-DOSE-03 asks for the dose of the single compartment: with doses by compartment it binds nothing.
    """
    one = assessed("bilobar")
    plan = plan_of(one.engine, PlanOptions(overrides=(Override("S4-DOSE-01", limit_gy, 70.0),)))
    assert (len(plan.together.corners_gbq) >= 3) == (limit_gy == 70.0)
    borders = list(windows._borders(plan.together, plan.constraints.asked))
    assert {name.split(",")[0].split(" ")[0] for _, name in borders} == {"S4-DOSE-01", "S4-DOSE-02"}
    for bound, _ in borders:
        x, y = windows._border(bound, np.array([1.0, 0.5]), np.array([2.0, 1.5]))
        assert [bound.line.dose_gy(at) for at in zip(x, y, strict=True)] == pytest.approx([bound.limit_gy] * 2)
        (shown,) = windows._nearest(bound, (1.0, 1.0))
        assert bound.line.dose_gy(shown) == pytest.approx(bound.limit_gy), "the picture reaches to the border"


def test_two_patients_of_the_paper_are_told_before_their_second_session() -> None:
    for variant, what in (
        ("vasospasm", "Tumor 1 was planned with"),
        ("proximal_thrombus", "of Portal vein thrombus lie"),
    ):
        text = words(section(variant).html)
        assert what in text and text.index(what) < text.index("A second session")
        assert "a second session that spreads as it did, with all that was delivered counted" in text
        assert "the entered" not in text, "nothing is entered for a second session"
        assert text.count("exclude each other") <= 1, "the second session's bounds are told once"


def test_what_was_delivered_otherwise_stands_in_the_verdict_in_the_words_of_the_plan() -> None:
    for variant in ("vasospasm", "proximal_thrombus"):
        one = assessed(variant)
        content = content_of(one)
        page = as_html(content, {}, sections=(section(variant),))
        box = page[page.index('<div class="verdict') : page.index("<table")]
        plan = plan_of(one.engine)
        told = [escape(d.message) for d in plan.comparison.differences]
        assert told and all(page.count(message) == 2 and message in box for message in told)
        assert [d["message"] for d in as_json(content)["planned_against_delivered"]] == [
            d.message for d in plan.comparison.differences
        ]
    assert as_json(content_of(assessed("lobectomy")))["planned_against_delivered"] is None


def test_a_comparison_that_an_error_falsifies_is_not_told() -> None:
    """The planned image of the vasospasm, read as Bq/mL: tracer taken for Y-90."""
    engine = assessed("vasospasm").engine
    plan, given = engine.case.sessions
    wrong = replace(engine.case, sessions=(replace(plan, image=ActivityMap(plan.image.image)), given))
    content = content_of(Engine.prepare(wrong).assess())
    assert content.differences is None and "Delivered otherwise" not in as_html(content, {})


def test_long_constraints_are_told_whole_and_nothing_is_entered_for_a_second_session() -> None:
    one = assessed("vasospasm")
    (window,) = plan_of(one.engine).windows
    told = Figure(windows.window_picture(window, is_entered=False)).words
    assert not any(words.startswith("entered") for words in told) and not any(words.endswith("…") for words in told)
    for allowance in window.allowances:
        assert windows._short(allowance.constraint) in " ".join(told)
        assert all(
            text_width_px(line, windows._TEXT) <= windows._ROOM_PX for line in windows._name_lines("", allowance)
        )
    figure = Figure(windows.window_picture(window))
    assert f"entered {window.entered_gbq:.3f}" in figure.words and figure.overlaps() == []


def test_the_window_lies_on_its_axis_between_its_ends() -> None:
    one = assessed("lobectomy")
    (window,) = plan_of(one.engine).windows
    vial = windows.VialTick("3 GBq, Mar 1", 1.5, True)
    figure = Figure(windows.window_picture(window, [vial], "given on some day"))
    first, second = (figure.text(number).middle[0] for number in ("1", "2"))
    (box,) = figure.rects("Window")
    assert (box[0] - first) / (second - first) + 1 == pytest.approx(window.low_gbq, abs=0.002)
    assert (box[2] - first) / (second - first) + 1 == pytest.approx(window.high_gbq, abs=0.002)
    (tick,) = figure.rects(vial.label)
    assert (tick[0] + tick[2]) / 2 == pytest.approx((first + second) / 2, abs=0.1)
    assert figure.text(vial.label).is_bold, "what meets the plan is bold as well as green"


def test_a_plan_that_is_open_is_told_before_anything_delivered() -> None:
    text = words(section("lobectomy").html)
    assert "A second session" not in text and "Planned against delivered" not in text


def test_there_is_no_section_without_a_plan_to_make_or_one_delivered() -> None:
    assert plan_section(assessed("delivered")) is None
    case = assessed("lobectomy").case
    assert sections_of(assess(replace(case, sessions=()))) == ()


def test_a_plan_that_is_refused_says_what_is_wrong() -> None:
    case = assessed("lobectomy").case
    found = plan_section(assess(case), PlanOptions(session="Nobody"))
    assert found is not None and found.html.startswith('<p class="missing">No plan: ') and "Nobody" in found.html


def test_further_sections_stand_after_the_findings() -> None:
    one = assessed("lobectomy")
    more = Section("Another part", "<p>with its text</p>", {})
    page = as_html(content_of(one), {}, sections=(section("lobectomy"), more))
    names = (
        "Findings",
        "Plan",
        "Another part",
        "Mean absorbed dose by model",
        "Dose-volume points",
        "Technical checks",
    )
    places = [page.index(f">{name}</h2>") for name in names]
    assert places == sorted(places) and "with its text" in more.html


def test_a_plan_is_also_a_page_of_its_own() -> None:
    one = assessed("lobectomy")
    page = plan_html(plan_of(one.engine))
    assert page.startswith("<!DOCTYPE html>") and "For research and decision support" in page
    assert "<script" not in page and 'href="' not in page


def test_names_of_files_have_letters_digits_and_hyphens_only() -> None:
    assert file_name("DVH") == "dvh.svg"
    assert file_name("Window Second session: Right vial") == "window-second-session-right-vial.svg"
    assert re.fullmatch(r"[\w-]+\.svg", file_name("a/../b 1"))


def test_a_comparison_without_an_image_of_the_delivery_says_so() -> None:
    case = assessed("vasospasm").case
    plan, delivered = case.sessions
    found = plan_section(assess(replace(case, sessions=(plan, replace(delivered, image=None)))))
    assert found is not None
    text = words(found.html)
    assert "has no image" in text or "there is no image" in text
    assert "No map of what is underdosed" in text
