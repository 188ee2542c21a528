"""Rules that are judged for each tumor or infusion: every part of a finding is about its own item."""

from __future__ import annotations

from dataclasses import replace

from findings_kit import INFO, NTAD_GY, C, T, W, answer, band, book, condition, rule

from Y90DosimetryLib.guidelines.findings import Finding, Outcome, evaluate, judge
from Y90DosimetryLib.guidelines.rule import AnyOf, Band, Remark, Source
from Y90DosimetryLib.measures import Each, Known, Measurement

PERFUSED = "perfused_dose_gy.single_compartment"
EACH_INFUSION = rule(band(T, condition(PERFUSED, "below", 400.0)), each=Each.INFUSION)


def test_a_rule_for_each_infusion_gives_one_finding_each() -> None:
    doses = [Measurement(PERFUSED, 350.0, about="Segment 6"), Measurement(PERFUSED, 500.0, about="Segment 2")]
    findings = judge(book(EACH_INFUSION), doses, 3)
    assert [(f.about, f.outcome) for f in findings] == [("Segment 6", "not_met"), ("Segment 2", "met")]
    assert [m.value for m in findings[0].judged] == [350.0]


def test_without_any_infusion_there_is_one_finding_that_says_what_is_missing() -> None:
    findings = judge(book(EACH_INFUSION), [], 3)
    assert [(f.about, f.outcome) for f in findings] == [("", Outcome.NOT_EVALUABLE)]
    reason = Measurement(PERFUSED, missing_because="no infusion yet")
    assert "no infusion yet" in judge(book(EACH_INFUSION), [reason], 3)[0].message


DAY = "treatment_day"
TWO = Known(
    [
        Measurement(PERFUSED, 350.0, about="Right"),
        Measurement(PERFUSED, 500.0, about="Left"),
        Measurement(DAY, 3, about="Right"),
        Measurement(DAY, 9, about="Left"),
        Measurement(NTAD_GY, 100.0),
    ]
)
EARLY, LATE = condition(DAY, "at_most", 3), condition(DAY, "above", 3)


def of(item: str, *bands: Band, **fields: object) -> Finding:
    return evaluate(rule(*bands, each=Each.INFUSION, **fields), TWO, item)


LOW = band(T, condition(PERFUSED, "below", 400.0))


def test_conditions_remarks_and_sentences_are_about_the_item() -> None:
    assert of("Right", LOW, when=(EARLY,)).outcome is Outcome.NOT_MET
    left_out = of("Left", LOW, when=(EARLY,))
    assert left_out.outcome is Outcome.NOT_APPLICABLE
    assert left_out.message.endswith("here day of treatment week 2 Tuesday.")
    assert of("Right", LOW, established_for=(LATE,)).outcome is Outcome.NOT_APPLICABLE
    assert of("Right", LOW, established_for=(LATE,)).message.endswith("here day of treatment week 1 Wednesday.")
    assert of("Left", LOW, established_for=(LATE,)).outcome is Outcome.MET
    assert of("Left", LOW).message == "Mean dose of the perfused volume 500 Gy (asked: at least 400 Gy)."
    remark = Remark((LATE,), "Late, on {value}.")
    assert of("Left", LOW, remarks=(remark,)).remarks == ("Late, on week 2 Tuesday.",)
    assert of("Right", LOW, remarks=(remark,)).remarks == ()


def test_a_sentence_may_name_another_measure_of_the_item() -> None:
    said = Band((condition(PERFUSED, "below", 900.0),), T, "{value} on {treatment_day}.")
    assert [of(item, said).message for item in ("Right", "Left")] == [
        "350 Gy on week 1 Wednesday.",
        "500 Gy on week 2 Tuesday.",
    ]


def test_a_limit_beyond_its_patients_is_about_the_item() -> None:
    hot = band(W, condition(PERFUSED, "above", 450.0))
    assert of("Left", hot, established_for=(EARLY,)).severity is W
    assert of("Right", hot, established_for=(LATE,)).outcome is Outcome.NOT_APPLICABLE


def test_what_is_missing_is_about_the_item() -> None:
    sphere = condition("activity_per_sphere_bq", "below", 297.0)
    known = TWO.updated([Measurement("activity_per_sphere_bq", 500.0, about="Left")])
    one = rule(band(W, AnyOf((sphere, condition(PERFUSED, "above", 900.0)))), each=Each.INFUSION)
    assert evaluate(one, known, "Left").outcome is Outcome.MET
    gone = evaluate(one, known, "Right")
    assert [(m.measure_id, m.about) for m in gone.missing] == [("activity_per_sphere_bq", "Right")]
    plain = evaluate(rule(band(W, sphere), each=Each.INFUSION), known, "Right")
    assert [(m.measure_id, m.about) for m in plain.missing] == [("activity_per_sphere_bq", "Right")]


def test_an_alternative_that_holds_for_the_item_asks_for_nothing() -> None:
    either = AnyOf((LATE, answer("contrast_reflux")))
    gone = of("Left", LOW, when=(either, answer("abutting_organs")))
    assert gone.needs == ("abutting_organs",)
    assert of("Right", LOW, when=(either, answer("abutting_organs"))).needs == ("contrast_reflux", "abutting_organs")


def test_a_partly_certain_finding_is_about_the_item() -> None:
    low = Band((condition(PERFUSED, "below", 400.0), answer("contrast_reflux")), C, "Only {value}.")
    late = Band((condition(PERFUSED, "below", 450.0),), W, "Still {value}.")
    finding = of("Right", low, late)
    assert (finding.severity, finding.at_stake) == (W, C)
    assert "Only 350 Gy. / Still 350 Gy." in finding.message
    assert finding.needs == ("contrast_reflux",)


def test_open_parts_before_the_first_certain_band_are_asked_for_and_none_behind_it() -> None:
    sphere = condition("activity_per_sphere_bq", "below", 297.0)
    finding = of("Right", band(C, sphere), band(W, EARLY), band(INFO, answer("contrast_reflux")))
    assert finding.needs == ("activity_per_sphere_bq",)


def test_behind_a_closed_gate_findings_keep_their_item_and_source() -> None:
    gate = rule(band(C, condition("device", "is", "resin")), rule_id="G", gate=True)
    closed = judge(book(gate, EACH_INFUSION), [*TWO, Measurement("device", "resin")], 3)
    assert [(f.about, f.outcome) for f in closed[1:]] == [("Right", "not_applicable"), ("Left", "not_applicable")]
    assert all(f.sources == EACH_INFUSION.sources for f in closed)


def test_items_of_routed_rules_speak_for_the_scenario_at_hand() -> None:
    places = (Source("salem2023", "two", scenarios=(2,)), Source("salem2023", "five", scenarios=(5,)))
    route = rule(band(INFO, then=("X-1",)), rule_id="R", scenarios=(5,))
    lobar = replace(EACH_INFUSION, scenarios=(2,), sources=places)
    findings = judge(book(route, lobar), TWO, 5)
    assert [f.sources[0].place for f in findings if f.via] == ["five", "five"]
    own = judge(book(replace(lobar, scenarios=(2, 5))), TWO, 2)
    assert [f.sources[0].place for f in own] == ["two", "two"]


def test_a_score_bounded_by_its_known_points_decides() -> None:
    """At least 9 whatever the albumin is beyond 8 for certain; 5 to 7 can't be, and is not called possible."""
    at_least = rule(
        band(C, condition("child_pugh_score", "at_least", 8)), band(W, condition("child_pugh_score", "at_least", 7))
    )
    for possible, expected in (
        ((9.0, 10.0, 11.0), (C, None)),
        ((5.0, 6.0, 7.0), (None, W)),
        ((5.0, 6.0), (None, None)),
    ):
        score = Measurement("child_pugh_score", missing_because="albumin not entered", possible=possible)
        found = evaluate(at_least, Known([score]))
        assert (found.severity, found.at_stake) == expected
    assert found.outcome is Outcome.MET
