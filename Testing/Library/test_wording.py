"""The sentences of findings: numbers with units, never a value that looks like the limit it misses."""

from __future__ import annotations

from findings_kit import INFO, NOTHING, NTAD_GY, RESERVE, TUMOR_GY, C, T, W, answer, band, book, condition, known, rule

from Y90DosimetryLib.guidelines import wording
from Y90DosimetryLib.guidelines.findings import evaluate, judge
from Y90DosimetryLib.guidelines.loading import load_rules
from Y90DosimetryLib.guidelines.rule import AnyOf, Band
from Y90DosimetryLib.guidelines.verdict import verdict
from Y90DosimetryLib.guidelines.wording import UNREACHED
from Y90DosimetryLib.measures import Each, Known, Measurement

TUMOR_DOSE = rule(
    band(T, condition(TUMOR_GY, "below", 205.0)),
    band(INFO, condition(TUMOR_GY, "at_most", 250.0)),
    when=(condition(RESERVE, "at_least", 0.3),),
)


def test_a_value_never_looks_like_the_limit_it_misses() -> None:
    one = rule(Band((condition(TUMOR_GY, "below", 205.0),), T, "{value}, less than {limit}."))
    assert evaluate(one, known(tumor_gy=204.9996)).message == "204.9996 Gy, less than 205 Gy."
    assert evaluate(one, known(tumor_gy=204.963)).message == "204.96 Gy, less than 205 Gy."
    assert evaluate(one, known(tumor_gy=150.0)).message == "150 Gy, less than 205 Gy."
    assert evaluate(one, known(tumor_gy=205.0)).message == "Lowest mean tumor dose 205 Gy (asked: at least 205 Gy)."
    assert (
        evaluate(one, known(tumor_gy=205.0004)).message
        == "Lowest mean tumor dose 205.0004 Gy (asked: at least 205 Gy)."
    )


def test_a_sentence_may_name_another_measure() -> None:
    one = rule(Band((condition(NTAD_GY, "above", 120.0),), W, "{value} with a reserve of {hepatic_reserve_fraction}."))
    assert evaluate(one, known(ntad_gy=130.0, reserve=0.36)).message == "130 Gy with a reserve of 36 %."
    assert evaluate(one, known(ntad_gy=130.0)).message == "130 Gy with a reserve of unknown."


def test_the_threshold_text_is_the_opposite_of_the_bands() -> None:
    asked = evaluate(TUMOR_DOSE, NOTHING).threshold
    assert asked == "Lowest mean tumor dose: at least 205 Gy (target), above 250 Gy (information)"
    assert load_rules()["S1-TIME-01"].bands and "not before week 1 Wednesday" in wish("S1-TIME-01")
    assert wish("S1-SEL-02") == "UNOS stage: T1 or T2 or T3 (warning)"
    assert wish("S2-DOSE-02") == (
        "Mean dose of the perfused normal liver: at most 120 Gy, as the bands say (warning), "
        "at most 120 Gy (information)"
    )
    assert wish("S1-PLN-04").startswith("Not: largest tumor diameter at least 50 mm or macrovascular invasion: yes")


def wish(rule_id: str) -> str:
    return evaluate(load_rules()[rule_id], NOTHING).threshold


def test_a_limit_never_looks_like_the_value_that_misses_it() -> None:
    one = rule(Band((condition(RESERVE, "below", 0.30004),), W, "{value}, less than {limit}."))
    assert evaluate(one, known(reserve=0.30)).message == "30 %, less than 30.004 %."


def test_one_month_is_one() -> None:
    one = rule(Band((condition("to_surgery_months", "below", 1.0),), W, "{value}, not {limit}."))
    assert evaluate(one, known(to_surgery_months=0.5)).message == "0.5 months, not 1 month."


def test_a_list_of_choices_is_joined_by_or() -> None:
    one = rule(Band((condition("device", "in", ("resin", "other")),), W, "It is {value}, one of {limit}."))
    assert evaluate(one, known(device="resin")).message == "It is resin, one of resin or other."
    days = rule(Band((condition("common_treatment_day", "in", (6, 7)),), W, "On {value}."))
    assert evaluate(days, known(common_treatment_day=6)).message == "On week 1 Saturday."
    assert evaluate(days, known(common_treatment_day=5)).message == (
        "Common day of treatment week 1 Friday (asked: not week 1 Saturday or week 2 Sunday)."
    )


def test_an_open_band_says_unknown_for_its_value() -> None:
    three = rule(Band((condition(NTAD_GY, "above", 120.0),), C, "High: {value}."), Band((), W, "Anyway."))
    message = evaluate(three, NOTHING).message
    assert message == (
        "Not met, in one of 2 ways: High: unknown. / Anyway. To tell: mean dose of the perfused normal liver: "
        "outline the structures and give an image of the distribution, or a T:N ratio."
    )


def test_a_rule_that_is_met_says_what_was_found() -> None:
    several = rule(
        band(C, condition("child_pugh_score", "at_least", 8)),
        band(W, condition("child_pugh_score", "at_least", 7)),
        band(W, answer("previous_hepatectomy")),
        band(INFO, condition("device", "is", "other")),
    )
    assert evaluate(several, known(child_pugh_score=6, previous_hepatectomy=False, device="glass")).message == (
        "Child-Pugh score 6 (asked: below 8, below 7); previous hepatectomy: no; microspheres glass."
    )
    exact = rule(band(W, condition(NTAD_GY, "above", 120.0)), band(INFO, condition(NTAD_GY, "below", 120.0)))
    assert evaluate(exact, known(ntad_gy=120.0)).message == (
        "Mean dose of the perfused normal liver 120 Gy (asked: at most 120 Gy, at least 120 Gy)."
    )
    guarded = rule(band(W, AnyOf((answer("previous_hepatectomy"), answer("prior_radiation")))))
    free = known(previous_hepatectomy=False, prior_radiation=False)
    assert evaluate(guarded, free).message == "Nothing speaks against it."


def test_conditions_are_put_in_words() -> None:
    when = (
        condition(RESERVE, "at_least", 0.3),
        AnyOf((condition("pvtt_grade", "in", ("VP3", "VP4")), answer("previous_pve"))),
        condition("common_treatment_day", "below", 3),
    )
    assert wording.requirements_text(when) == (
        "hepatic reserve at least 30 %; portal vein tumor thrombus is VP3 or VP4 or earlier portal vein embolization: "
        "yes; common day of treatment before week 1 Wednesday"
    )
    finding = evaluate(rule(band(W), when=when), known(reserve=0.4, pvtt_grade="VP1", previous_pve=False))
    assert finding.message == (
        "Applies only when portal vein tumor thrombus is VP3 or VP4 or earlier portal vein embolization: yes; "
        "here portal vein tumor thrombus VP1, earlier portal vein embolization: no."
    )
    assert wording.not_applicable((), NOTHING) == "Does not apply."


def test_what_is_missing_is_grouped_by_where_it_is_supplied() -> None:
    reason = Measurement(TUMOR_GY, missing_because="no image is given")
    asking = rule(
        band(W, answer("previous_hepatectomy")),
        band(W, answer("prior_radiation")),
        band(W, condition(TUMOR_GY, "below", 205.0)),
        band(W, condition("maa_site", "is", "lobar")),
    )
    assert evaluate(asking, Known([reason])).message == (
        "Cannot be judged: previous hepatectomy, earlier external beam or stereotactic radiation of the liver: "
        "state it (before this treatment); lowest mean tumor dose (no image is given): outline the structures and give "
        "an image of the distribution, or a T:N ratio; where the Tc-99m MAA was given: state it (mapping and plan)."
    )


def test_the_threshold_text_names_notes_and_exceptions() -> None:
    one = rule(
        band(W, condition(NTAD_GY, "above", 120.0), condition(RESERVE, "below", 0.3)),
        band(INFO, condition(NTAD_GY, "above", 110.0), answer("previous_pve")),
        band(INFO, condition("device", "in", ("resin", "other"))),
        band(INFO, answer("prior_radiation")),
        band(W, answer("abutting_organs")),
        band(W, condition("child_pugh_class", "is", "C")),
        band(W, AnyOf((answer("previous_pve"), answer("prior_radiation")))),
        band(INFO),
    )
    assert evaluate(one, NOTHING).threshold == (
        "Mean dose of the perfused normal liver: at most 120 Gy if hepatic reserve below 30 % (warning), "
        "at most 110 Gy if earlier portal vein embolization: yes (information); "
        "Microspheres: noted when resin or other (information); "
        "Earlier external beam or stereotactic radiation of the liver: noted when yes (information); "
        "Tumor abuts colon, gallbladder or stomach: no (warning); "
        "Child-Pugh class: A or B (warning); "
        "Not: earlier portal vein embolization: yes or earlier external beam or stereotactic radiation of the liver: "
        "yes (warning)"
    )


def test_a_sentence_in_general_keeps_its_limit() -> None:
    when = (condition(TUMOR_GY, "below", 205.0),)
    text = wording.in_general("{value} of {tumor_count}, less than {limit}.", when)
    assert text == "… of …, less than 205 Gy."
    assert wording.in_general("Always {limit}.", ()) == "Always ."


# Sentences of the verdict


def test_a_remnant_too_small_to_resect_is_told_beside_what_is_met_and_not_within_it() -> None:
    resectable = rule(band(INFO, condition("sflr_fraction", "below", 0.40)), rule_id="R")
    done = evaluate(TUMOR_DOSE, known(tumor_gy=300.0, reserve=0.4))
    too_small, enough = (evaluate(resectable, known(sflr_fraction=share)) for share in (0.355, 0.42))
    note, met = verdict([too_small, done]).told
    assert (note.part, note.text) == ("note", "Remnant (sFLR) 35.5 %, resection asks for 40 %.")
    assert met.text.startswith("Met: lowest mean tumor dose 300 Gy") and "sFLR" not in met.text
    assert verdict([too_small, done]).headline == f"No limit exceeded, 1 of 1 targets met. {note.text}"
    (met,) = verdict([enough]).told
    assert met.text.startswith("Met: remnant (sFLR) 42 % (resection asks for 40 %)")


def test_the_lung_dose_of_the_only_session_stands_once_with_both_limits() -> None:
    one = rule(band(C, condition("lung_dose_gy.session", "above", 30.0)), rule_id="ONE", each=Each.SESSION)
    total = rule(band(C, condition("lung_dose_gy.case", "above", 50.0)), rule_id="ALL")

    def told(*gy: float) -> str:
        session = [Measurement("lung_dose_gy.session", dose, about=f"Stage {n}") for n, dose in enumerate(gy, 1)]
        return verdict(judge(book(one, total), [*session, Measurement("lung_dose_gy.case", sum(gy))], 3)).sentence

    assert told(7.5) == "Met: lungs 7.5 Gy (limit 30 Gy, limit 50 Gy in all)."
    both = (
        "lungs (Stage 1) 7.5 Gy (limit 30 Gy); lungs (Stage 2) 7 Gy (limit 30 Gy); lungs 14.5 Gy (limit 50 Gy in all)"
    )
    assert told(7.5, 7.0) == f"Met: {both}."


def test_a_target_that_no_session_reaches_says_to_plan_its_session() -> None:
    cold, low = (evaluate(TUMOR_DOSE, known(tumor_gy=dose, reserve=0.4)) for dose in (0.0, 42.0))
    assert cold.severity is low.severity is T
    assert cold.message.endswith(UNREACHED) and UNREACHED not in low.message


def test_a_dose_above_its_limit_is_not_told_again_as_met() -> None:
    limit = evaluate(rule(band(W, condition(NTAD_GY, "above", 120.0)), rule_id="L"), known(ntad_gy=184.0))
    grown = rule(band(T, condition("ntad_session_gy.multicompartment", "at_most", 88.0)), rule_id="G")
    session = evaluate(grown, Known([Measurement("ntad_session_gy.multicompartment", 184.0)]))
    assert [t.part for t in verdict([limit, session]).told] == ["limit"]
    (met,) = verdict([session]).told
    assert met.text == "Met: perfused normal liver 184 Gy (at least 88 Gy reached)."
