"""Typed values that are impossible, forgotten or in another unit are noticed at the threshold of their check."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from check_cases import (
    EASTERN,
    GIVEN_AT,
    PATIENT,
    SUNDAY_NOON,
    assert_edge,
    case,
    checked,
    delivered,
    edge,
    infusion,
    of_volume,
    plan,
)

from Y90DosimetryLib.case import Patient, Settings
from Y90DosimetryLib.checks import CATALOG, Level, Outcome, check_inputs, raised
from Y90DosimetryLib.checks.inputs import FROM_CALIBRATION, HALF_LIVES_H
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.volumetry import estimated_liver_ml

WINTER = timezone(timedelta(hours=1))
TELV_ML = estimated_liver_ml(75.0, 175.0)


def given(**facts):
    return case(plan(infusion(**facts)))


def body(**values):
    return case(patient=replace(PATIENT, **values))


def constants(**values):
    return case(settings=Settings(**values))


def hours_after_calibration(hours: float):
    return given(given_at=SUNDAY_NOON + timedelta(hours=hours))


def sessions_apart(hours: float):
    second = infusion(given_at=GIVEN_AT + timedelta(hours=hours))
    return case(plan(), plan(second, label="second", left=0.01))


def in_one_image(hours: float, **more):
    later = infusion("2", given_at=GIVEN_AT - timedelta(hours=hours))
    return case(delivered(infusion(), later, **more))


def measured_shunt(fraction: float):
    """5 % typed, and an image whose lungs hold another fraction beside the 992 counts of the liver."""
    return case(plan(lungs=992 * fraction / (1 - fraction) / 4032))


def remnant(volume_ml: float):
    return case(flr=of_volume(Role.FLR, "FLR", round(volume_ml)))


BODY_EDGES = {
    "weight": ("weight_kg", 29.9, 30.0, 250.0, 251.0),
    "height": ("height_cm", 119.0, 120.0, 220.0, 221.0),
    "bilirubin": ("bilirubin_umol_l", 1.9, 2.0, 170.0, 171.0),
    "albumin": ("albumin_g_l", 9.9, 10.0, 60.0, 61.0),
    "inr": ("inr_ratio", 0.69, 0.7, 8.0, 8.1),
    "creatinine": ("creatinine_umol_l", 19.0, 20.0, 1500.0, 1501.0),
    "gfr": ("gfr_ml_min_173m2", 4.9, 5.0, 200.0, 201.0),
    "afp": ("afp_ng_ml", -0.1, 0.0, 1e6, 1.01e6),
    "ecog": ("ecog", -1, 0, 4, 5),
}


def body_edge(name: str, end: str):
    field, below, lowest, highest, above = BODY_EDGES[name]
    inside, outside = (lowest, below) if end == "low" else (highest, above)
    return edge(lambda: body(**{field: outside}), lambda: body(**{field: inside}), step=1.0 if name == "ecog" else 0.1)


EDGES = {
    "half_life": edge(lambda: constants(half_life_h=64.1 * 1.0051), lambda: constants(half_life_h=64.1 * 1.0049)),
    "joule_per_gbq": edge(lambda: constants(joule_per_gbq=50.03), lambda: constants(joule_per_gbq=50.02)),
    "joule_per_gbq_far": edge(lambda: constants(joule_per_gbq=51.01), lambda: constants(joule_per_gbq=50.99)),
    "liver_density": edge(lambda: constants(liver_density_g_ml=1.062), lambda: constants(liver_density_g_ml=1.06)),
    "lung_mass": edge(lambda: constants(lung_mass_g=1011.0), lambda: constants(lung_mass_g=1009.0)),
    "lung_mass_low": edge(lambda: constants(lung_mass_g=399.0), lambda: constants(lung_mass_g=400.0)),
    "lung_mass_high": edge(lambda: constants(lung_mass_g=2001.0), lambda: constants(lung_mass_g=2000.0)),
    "lung_shunt_unknown": edge(lambda: given(lung_shunt_fraction=None)),
    "lung_shunt_zero": edge(lambda: given(lung_shunt_fraction=0.0)),
    "lung_shunt_high": edge(lambda: given(lung_shunt_fraction=0.101), lambda: given(lung_shunt_fraction=0.10)),
    "lung_shunt_very_high": edge(lambda: given(lung_shunt_fraction=0.201), lambda: given(lung_shunt_fraction=0.20)),
    "lung_shunt_differs": edge(lambda: measured_shunt(0.0701), lambda: measured_shunt(0.0699)),
    "residual_unknown": edge(lambda: given(residual_fraction=None)),
    "residual_high": edge(lambda: given(residual_fraction=0.051), lambda: given(residual_fraction=0.05)),
    "vial_small": edge(lambda: given(activity_gbq=2.99), lambda: given(activity_gbq=3.0)),
    "vial_large": edge(lambda: given(activity_gbq=20.1), lambda: given(activity_gbq=20.0)),
    "infusion_before_calibration": edge(
        lambda: hours_after_calibration(-0.1), lambda: hours_after_calibration(0.0), step=0.1
    ),
    "infusion_late": edge(lambda: hours_after_calibration(12.1 * 24), lambda: hours_after_calibration(12.0 * 24)),
    "infusion_too_late": edge(lambda: hours_after_calibration(28.1 * 24), lambda: hours_after_calibration(28.0 * 24)),
    "calibration_weekday": edge(
        lambda: given(calibrated_at=datetime(2026, 3, 2, 1, tzinfo=EASTERN)),
        lambda: given(calibrated_at=datetime(2026, 3, 1, 23, tzinfo=EASTERN)),
    ),
    "infusions_apart": edge(lambda: in_one_image(4.1), lambda: in_one_image(4.0), step=0.1),
    "session_order": edge(lambda: sessions_apart(-0.1), lambda: sessions_apart(0.1), step=0.1),
    "sflr_high": edge(lambda: remnant(1.101 * TELV_ML), lambda: remnant(1.099 * TELV_ML)),
    "sflr_impossible": edge(lambda: remnant(1.501 * TELV_ML), lambda: remnant(1.499 * TELV_ML)),
    # 200 cm: 4 m2
    "bmi_low": edge(lambda: body(weight_kg=47.9, height_cm=200.0), lambda: body(weight_kg=48.1, height_cm=200.0)),
    "bmi_high": edge(lambda: body(weight_kg=240.1, height_cm=200.0), lambda: body(weight_kg=239.9, height_cm=200.0)),
    "bmi_unusual": edge(lambda: body(weight_kg=180.1, height_cm=200.0), lambda: body(weight_kg=179.9, height_cm=200.0)),
    **{f"{name}_{end}": body_edge(name, end) for name in BODY_EDGES for end in ("low", "high")},
}


@pytest.mark.parametrize("check_id", EDGES)
def test_an_input_check_is_raised_just_beyond_its_threshold_and_not_before(check_id):
    assert_edge(check_id, EDGES[check_id])


def message_of(the_case, check_id):
    (found,) = [r.message for r in raised(check_inputs(the_case)) if r.check.id == check_id]
    return found


@pytest.mark.parametrize(
    ("half_life_h", "words"),
    [
        (26.8, "26.8 h fits holmium-166"),
        (6.0, "6 h fits technetium-99m"),
        (159.5, "159.5 h fits lutetium-177"),
        (17.0, "17 h fits rhenium-188"),
        (2.67, "2.67 h fits yttrium-90 in days"),
        (3846.0, "fits yttrium-90 in minutes"),
        (50.0, "; 50 h"),
    ],
)
def test_another_half_life_is_named_after_the_nuclide_or_unit_it_fits(half_life_h, words):
    assert words in message_of(constants(half_life_h=half_life_h), "half_life")


def test_every_published_half_life_of_yttrium_90_passes_and_no_other_nuclide_does():
    for half_life_h in (64.0, 64.042, 64.1, 64.2):
        assert "half_life" not in {r.check.id for r in raised(check_inputs(constants(half_life_h=half_life_h)))}
    for half_life_h in HALF_LIVES_H.values():
        assert message_of(constants(half_life_h=half_life_h), "half_life")


@pytest.mark.parametrize(
    ("joule_per_gbq", "origin"), [(49.38, "DDEP/LNHB"), (49.80, "ICRP"), (49.96, "package insert")]
)
def test_a_published_energy_constant_is_a_note_that_names_its_source(joule_per_gbq, origin):
    message = message_of(constants(joule_per_gbq=joule_per_gbq), "joule_per_gbq")
    assert origin in message and f"{joule_per_gbq:g} J/GBq" in message
    assert CATALOG["joule_per_gbq"].level is Level.NOTE


@pytest.mark.parametrize(
    ("field", "value", "check_id", "hint"),
    [
        ("bilirubin_umol_l", 0.3, "bilirubin_low", "as mg/dL it would be 5.13 umol/L"),
        ("bilirubin_umol_l", 18 * 17.1, "bilirubin_high", "this is 18 mg/dL: were umol/L entered as mg/dL?"),
        ("albumin_g_l", 4.1, "albumin_low", "as g/dL it would be 41 g/L"),
        ("creatinine_umol_l", 0.9, "creatinine_low", "as mg/dL it would be 79.6 umol/L"),
        ("height_cm", 1.75, "height_low", "as meters it would be 175 cm"),
        ("height_cm", 1750.0, "height_high", "as millimeters it would be 175 cm"),
        ("weight_kg", 75000.0, "weight_high", "as grams it would be 75 kg"),
        ("inr_ratio", 85.0, "inr_high", "a prothrombin time in percent is no INR"),
    ],
)
def test_a_value_in_another_unit_says_what_it_would_be(field, value, check_id, hint):
    assert message_of(body(**{field: value}), check_id).endswith(hint)


def test_a_value_that_is_not_a_number_is_raised_and_stays_out_of_the_results():
    (found,) = [r for r in raised(check_inputs(body(weight_kg=float("nan")))) if r.check.id == "weight_low"]
    assert found.measured == "not a number"


def test_what_was_not_entered_has_no_unit_to_mistake_and_is_never_passed():
    results = check_inputs(case(patient=Patient()))
    assert not {f"{name}_{end}" for name in BODY_EDGES for end in ("low", "high")} & {r.check.id for r in results}
    (unknown,) = [r for r in results if r.check.id == "sflr_high"]
    assert unknown.outcome is Outcome.NOT_EVALUABLE and "weight or height is not known" in unknown.message


def test_an_impossible_body_size_leaves_the_sflr_unjudged_with_the_reason():
    (found,) = [r for r in check_inputs(body(height_cm=1.75)) if r.check.id == "sflr_high"]
    assert found.outcome is Outcome.NOT_EVALUABLE and "75 kg and 1.75 cm" in found.message


@pytest.mark.parametrize(
    ("weight_kg", "height_cm", "check_id", "meant"),
    [
        (154.0, 170.0, "bmi_unusual", "as pounds it would be 69.9 kg and 170 cm"),
        (154.0, 67.0, "bmi_high", "as pounds and inches it would be 69.9 kg and 170 cm"),
        (70.0, 67.0, "bmi_high", "as inches it would be 70 kg and 170 cm"),
        (170.0, 70.0, "bmi_high", "as height and weight it would be 70 kg and 170 cm"),
    ],
)
def test_a_body_in_pounds_inches_or_swapped_is_named(weight_kg, height_cm, check_id, meant):
    assert meant in message_of(body(weight_kg=weight_kg, height_cm=height_cm), check_id)


def test_a_shunt_to_be_measured_is_judged_as_soon_as_it_is():
    ask = infusion(lung_shunt_fraction=None, lung_shunt_from_image=True)
    before = {r.check.id: r.outcome for r in check_inputs(case(plan(ask)))}
    assert before["lung_shunt_unknown"] is before["lung_shunt_very_high"] is Outcome.NOT_EVALUABLE
    after = raised(checked(case(plan(ask, lungs=0.1))))  # 4032 mL x 0.1 against 992 in the liver
    (found,) = [r for r in after if r.check.id == "lung_shunt_very_high"]
    assert found.measured == pytest.approx(403.2 / 1395.2, rel=0.01)
    without = raised(checked(case(plan(ask), lungs=None)))
    (found,) = [r for r in without if r.check.id == "lung_shunt_unknown"]
    assert "lungs are not outlined" in found.message


def test_a_lung_mass_to_be_measured_is_judged_as_soon_as_it_is():
    measured = constants(lung_mass_g=None)
    assert {r.outcome for r in check_inputs(measured) if "lung_mass" in r.check.id} == {Outcome.NOT_EVALUABLE}
    (found,) = [r for r in checked(measured) if r.check.id == "lung_mass_low"]  # 4032 mL of -800 HU
    assert found.measured == pytest.approx(4032 * 0.2, rel=1e-6)


def test_an_activity_stated_at_infusion_has_no_calibration_to_judge():
    results = check_inputs(given(calibrated_at=None))
    unknown = {r.check.id for r in results if r.outcome is Outcome.NOT_EVALUABLE}
    assert set(FROM_CALIBRATION) <= unknown


def test_a_plan_and_its_delivery_have_no_order():
    earlier = infusion(given_at=GIVEN_AT - timedelta(hours=5))
    results = check_inputs(case(plan(), delivered(earlier, delivers="plan")))
    assert not [r for r in results if r.check.id == "session_order"]


@pytest.mark.parametrize("image", [{"reference_time": None}, {"image": plan().image}])
def test_infusions_may_be_apart_where_the_image_needs_no_decay(image):
    """Corrected to the infusion already, or relative: nothing decays as one."""
    assert not [r for r in check_inputs(in_one_image(24.0, **image)) if r.check.id == "infusions_apart"]


def test_the_first_infusion_of_a_session_decides_its_place_in_time():
    later = infusion("2", given_at=GIVEN_AT + timedelta(hours=3))
    second = plan(infusion(given_at=GIVEN_AT + timedelta(hours=1)), label="second", left=0.01)
    (found,) = [r for r in check_inputs(case(plan(infusion(), later), second)) if r.check.id == "session_order"]
    assert found.measured == pytest.approx(1.0)
    (unknown,) = [
        r
        for r in check_inputs(case(plan(infusion(calibrated_at=None, given_at=None)), second))
        if r.check.id == "session_order"
    ]
    assert unknown.outcome is Outcome.NOT_EVALUABLE


def test_sunday_noon_in_new_york_stays_a_sunday_wherever_it_is_written():
    tokyo = timezone(timedelta(hours=9))
    for zone in (tokyo, WINTER, timezone.utc):  # noqa: UP017
        results = check_inputs(given(calibrated_at=SUNDAY_NOON.astimezone(zone)))
        assert "calibration_weekday" not in {r.check.id for r in raised(results)}
