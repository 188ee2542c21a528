"""A case file says what is known: units are converted once, times carry their zone, no key is read past in silence."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, timedelta, timezone

import pytest
from case_folder import CASE, case_file, read, refused

from Y90DosimetryLib.case import Basis, CountReference, DoseModel, Encephalopathy, Grade, Intent, Patient, Settings
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG
from Y90DosimetryLib.io.case_file import read_case, template
from Y90DosimetryLib.io.case_keys import TABLES
from Y90DosimetryLib.io.case_schema import check_document
from Y90DosimetryLib.structures import Role

WEIGHT = "weight_kg = 70\n"
BILIRUBIN = "bilirubin_umol_l = 10.5\n"
SHUNT = "lung_shunt_fraction = 0.05\n"
CALIBRATION = "activity_gbq = 3.0\ncalibrated_at = 2026-03-01T12:00:00-05:00\n"
SETTINGS = "liver_density_g_ml = 1.06\n"
FACT = 'diagnosis = "hcc"\n'


def test_a_case_is_read_as_it_is_written(tmp_path):
    case = read(tmp_path)
    assert case.label == "Case 1"
    assert [(s.label, s.role) for s in case.structures] == [
        ("Liver", Role.LIVER),
        ("Tumor 1", Role.TUMOR),
        ("Right lobe", Role.PERFUSED),
    ]
    assert case.patient == Patient(weight_kg=70, bilirubin_umol_l=10.5)
    assert (case.disease.scenario, case.disease.intent) == (2, None)
    assert case.disease.facts == {"diagnosis": "hcc", "surgery_date": date(2026, 9, 1)}
    (session,) = case.sessions
    (infusion,) = session.infusions
    assert (session.label, session.basis, infusion.perfused) == ("Plan", Basis.PLANNED, "Right lobe")
    assert infusion.vial.activity_gbq == 3.0
    assert infusion.vial.calibrated_at == datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-5)))
    assert infusion.hours_since_calibration_h == pytest.approx(64.5)
    assert (infusion.residual_fraction, infusion.lung_shunt_fraction) == (0.01, 0.05)
    assert case.settings == Settings(liver_density_g_ml=1.06)
    assert case.notes == ()


def test_what_is_not_written_is_unknown(tmp_path):
    case = read(tmp_path, CASE, '[case]\nlabel = "Bare"')
    assert case.patient == Patient()
    assert case.disease.facts == {}
    assert (case.ct, case.structures, case.sessions) == (None, (), ())
    infusion = read(tmp_path, "residual_fraction = 0.01\n" + SHUNT, "").sessions[0].infusions[0]
    assert (infusion.residual_fraction, infusion.lung_shunt_fraction) == (None, None)


def test_laboratory_values_of_the_other_unit_are_converted_once(tmp_path):
    patient = read(
        tmp_path,
        BILIRUBIN,
        "bilirubin_mg_dl = 2\nalbumin_g_dl = 3.5\ncreatinine_mg_dl = 1\ninr = 1.2\necog = 1\n"
        'ascites = "slight"\nencephalopathy = "grade_1_2"\n',
    ).patient
    assert patient.bilirubin_umol_l == pytest.approx(34.2)
    assert patient.albumin_g_l == pytest.approx(35)
    assert patient.creatinine_umol_l == pytest.approx(88.4)
    assert (patient.inr_ratio, patient.ecog) == (1.2, 1)
    assert (patient.ascites, patient.encephalopathy) == (Grade.SLIGHT, Encephalopathy.GRADE_1_2)


def test_an_activity_stated_at_infusion_does_not_decay(tmp_path):
    infusion = read(tmp_path, CALIBRATION, "activity_at_infusion_gbq = 2.5\n").sessions[0].infusions[0]
    assert infusion.activity_at_infusion_gbq(half_life_h=64.1) == 2.5


def test_a_lung_shunt_can_be_left_to_the_image(tmp_path):
    infusion = read(tmp_path, SHUNT, 'lung_shunt_fraction = "from_image"\n').sessions[0].infusions[0]
    assert infusion.lung_shunt_from_image
    assert infusion.lung_shunt_fraction is None


def test_a_liver_density_in_kilograms_a_cubic_meter_is_refused(tmp_path):
    """It would make every dose a thousandth, and every limit met."""
    assert "soft tissue is 1.04, not 1040" in refused(tmp_path, SETTINGS, "liver_density_g_ml = 1060\n")


def test_settings_and_intent_take_their_words(tmp_path):
    more = 'lung_mass_g = "from_ct"\ndose_model = "kernel"\ncount_reference = "perfused"\nbsa_formula = "mosteller"\n'
    settings = read(tmp_path, SETTINGS, more + 'hospital_time_zone = "Europe/Paris"\n').settings
    assert (settings.lung_mass_g, settings.dose_model) == (None, DoseModel.KERNEL)
    assert (settings.count_reference, settings.bsa_formula) == (CountReference.PERFUSED, "mosteller")
    assert settings.hospital_time_zone == "Europe/Paris"
    assert read(tmp_path, FACT, 'intent = "downstaging"\n').disease.intent is Intent.DOWNSTAGING


def test_a_delivered_session_names_the_plan_it_carried_out(tmp_path):
    delivered = CASE[CASE.index("[[sessions]]") : CASE.index("[settings]")]
    delivered = delivered.replace('"Plan"', '"PET"').replace(
        'basis = "planned"', 'basis = "delivered"\ndelivers = "Plan"'
    )
    plan, pet = read(tmp_path, "[settings]", delivered + "[settings]").sessions
    assert (pet.basis, pet.delivers, plan.label) == (Basis.DELIVERED, "Plan", "Plan")


def test_a_file_saved_on_windows_is_read(tmp_path):
    path = case_file(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_case(path).label == "Case 1"
    assert read_case(str(path)).label == "Case 1"


# What is refused, and what the message says


@pytest.mark.parametrize(
    ("old", "new", "place", "near"),
    [
        (WEIGHT, "wieght_kg = 70\n", "[patient]", "weight_kg"),
        (WEIGHT, "weight = 70\n", "[patient]", "weight_kg"),
        (SHUNT, "lung_shunt = 0.05\n", "[[sessions]] 'Plan', [[sessions.infusions]] 'Right'", "lung_shunt_fraction"),
        (SETTINGS, "joule_per_gbk = 50.0\n", "[settings]", "joule_per_gbq"),
        (FACT, 'diagnose = "hcc"\n', "[disease]", "diagnosis"),
        ("[patient]", "[patients]", "the case file", "patient"),
        ('ct = "ct.nrrd"', 'CT = "ct.nrrd"', "[images]", "ct"),
        ("label_value = 1\n", "label_valu = 1\n", "[[structures]] 'Liver'", "label_value"),
        ('basis = "planned"', 'bases = "planned"', "[[sessions]] 'Plan'", "basis"),
        ('label = "Case 1"', 'lable = "Case 1"', "[case]", "label"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path, old, new, place, near):
    message = refused(tmp_path, old, new)
    assert message.startswith(place)
    assert "unknown" in message
    assert f"Did you mean '{near}'?" in message


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ('label = "Case 1"\n', "label"),
        ('role = "tumor"\n', "role"),
        ('basis = "planned"\n', "basis"),
        ('perfused = "Right lobe"\n', "perfused"),
        ('image_values = "counts"\n', "image_values"),
        (CASE[CASE.index("[[sessions.infusions]]") : CASE.index("[settings]")], "infusions"),
    ],
)
def test_a_missing_key_is_named(tmp_path, old, name):
    assert f"'{name}' is missing" in refused(tmp_path, old, "")


def test_a_structure_needs_a_file_a_volume_or_a_mass(tmp_path):
    message = refused(tmp_path, 'file = "perfused.nii.gz"\n', "")
    assert message == "structure 'Right lobe': neither file, volume_ml nor mass_g is given. Give one of them"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (WEIGHT, 'weight_kg = "70"\n', "Give a number"),
        (WEIGHT, "weight_kg = true\n", "Give a number"),
        (WEIGHT, "weight_kg = nan\n", "Give a finite number"),
        (WEIGHT, "weight_kg = -70\n", "negative"),
        (WEIGHT, "ecog = 1.5\n", "Give a whole number"),
        (WEIGHT, 'ascites = "mild"\n', "Write one of: none, slight, moderate"),
        ('label = "Case 1"', "label = 1", "text in"),
        ('label = "Case 1"', 'label = " "', "text in"),
        ('role = "tumor"', 'role = "tumour"', "Did you mean 'tumor'?"),
        ('basis = "planned"', 'basis = "maa"', "Write one of: planned, delivered"),
        ("scenario = 2", "scenario = 6", "Choose 1, 2, 3, 4 or 5"),
        (FACT, 'diagnosis = "hepatoma"\n', "Write one of: hcc"),
        (FACT, "extrahepatic_disease = 1\n", "true or false"),
        (FACT, "segments_treated_count = 9\n", "above 8"),
        ("surgery_date = 2026-09-01", 'surgery_date = "2026-09-01"', "without quotes"),
        ("surgery_date = 2026-09-01", "surgery_date = 2026-09-01T10:00:00Z", "a date without quotes"),
        (SHUNT, "lung_shunt_fraction = 5\n", "not a percentage"),
        (SHUNT, 'lung_shunt_fraction = "from_maa"\n', "Did you mean 'from_image'?"),
        ("residual_fraction = 0.01", "residual_fraction = 1.0", "not a percentage"),
        ("residual_fraction = 0.01", "residual_fraction = -0.01", "from 0 up to 1"),
        ("activity_gbq = 3.0", "activity_gbq = 0", "positive number of GBq"),
        ("given_at = 2026-03-04T10:30:00+01:00", "given_at = 2026-03-04T10:30:00", "with its offset"),
        ("given_at = 2026-03-04T10:30:00+01:00", "given_at = 2026-03-04", "a date and time"),
        (CALIBRATION, "activity_gbq = 3.0\ncalibrated_at = 2026-03-01T12:00:00\n", "has no time zone"),
        (SETTINGS, "half_life_h = 0\n", "positive number"),
        (SETTINGS, 'bsa_formula = "duboi"\n', "Did you mean 'dubois'?"),
        (SETTINGS, 'lung_mass_g = "ct"\n', "from_ct"),
        (SETTINGS, 'hospital_time_zone = "Europe/Pariss"\n', "Did you mean 'Europe/Paris'?"),
        ("[patient]", "[[patient]]", "Write [patient]"),
        ('[[structures]]\nlabel = "Liver"', '[[structures]]\n[[structures]]\nlabel = "Liver"', "is missing"),
        ("[[sessions.infusions]]", "[sessions.infusions]", "Write [[sessions.infusions]]"),
        ('perfused = "Right lobe"', 'perfused = "Left lobe"', "Name one of: Right lobe"),
        ('label = "Tumor 1"', 'label = "Liver"', "two are named 'Liver'"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_what_to_write(tmp_path, old, new, says):
    assert says in refused(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (BILIRUBIN, BILIRUBIN + "bilirubin_mg_dl = 0.6\n", "'bilirubin_umol_l' and 'bilirubin_mg_dl' are both given"),
        (CALIBRATION, CALIBRATION + "activity_at_infusion_gbq = 2\n", "the activity is given twice"),
        (CALIBRATION, "", "the activity is missing"),
        (CALIBRATION, "activity_gbq = 3.0\n", "without calibrated_at"),
        (CALIBRATION, CALIBRATION.replace("activity_gbq", "activity_at_infusion_gbq"), "calibrated_at is given with"),
        ("given_at = 2026-03-04T10:30:00+01:00\n", "", "the infusion has no time"),
        ('image = "maa.nrrd"\n', "", "'image_values' is given, but no 'image'"),
        ('ct = "ct.nrrd"', 'series = "1.2.3"', "'series' is given, but no 'ct'"),
    ],
)
def test_two_statements_that_contradict_or_need_each_other_are_refused(tmp_path, old, new, says):
    assert says in refused(tmp_path, old, new)


def test_a_single_table_where_several_may_stand_is_explained(tmp_path):
    text = '[case]\nlabel = "A"\n[structures]\nlabel = "Liver"\nrole = "liver"\nfile = "labels.nrrd"\n'
    assert "Write [[structures]]" in refused(tmp_path, CASE, text)
    assert "'patient' is not written as a table" in refused(tmp_path, CASE, 'patient = 3\n[case]\nlabel = "A"\n')
    assert "[case] is missing" in refused(tmp_path, CASE, "[patient]\nweight_kg = 70\n")


def test_broken_toml_is_refused_with_the_line(tmp_path):
    with pytest.raises(InputError, match="not valid TOML at line 12\n"):
        read_case(case_file(tmp_path, "label_value = 1", "label_value = "))
    path = case_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Case 1", b"L\xe4sion"))
    with pytest.raises(InputError, match="not UTF-8 text .at line 3"):
        read_case(path)


@pytest.mark.parametrize(
    ("line", "place", "remedy"),
    [
        ("activity_gbq = 3,0", ",0", "A decimal point, not a comma: 3.0"),
        ("day = 03/01/2026", "3/01", "Write a date as 2026-03-04"),
        ('file = "C:\\Users\\ct.nrrd"', "sers", r"single quotes: 'C:\Users\ct.nrrd'"),
        ("yes = False", "False", "Write false"),
        ("label = Liver", "Liver", 'Put a text in quotes: "Liver"'),
        ("weight_kg = 70 kg", "kg", "Write the number alone"),
        ("at = 2026-03-04 10:00 CET", "10:00 CET", "Write a time with its date and offset"),
        ('label = "Liver', "", "Close the quotes"),
        ("x = 1\nx = 2", "", "occurs twice"),
    ],
)
def test_a_mistake_in_toml_is_shown_with_a_caret_and_its_cause(tmp_path, line, place, remedy):
    (tmp_path / "case.toml").write_text(f"[case]\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_case(tmp_path / "case.toml")
    _, shown, caret, cause = str(error.value).split("\n")
    assert shown.strip() == line.split("\n")[-1]
    assert line.split("\n")[-1][len(caret) - 3 :].startswith(place)
    assert remedy in cause


def test_a_missing_case_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no such file.*y90 case new"):
        read_case(tmp_path / "case.toml")
    with pytest.raises(InputError, match="this is a folder"):
        read_case(tmp_path)


# The template


def test_the_template_is_a_case_file_that_only_lacks_its_images(tmp_path):
    check_document(tomllib.loads(template()))
    (tmp_path / "case.toml").write_text(template(), encoding="utf-8")
    with pytest.raises(InputError, match=r"CT, .*ct\.nrrd: there is no such file"):
        read_case(tmp_path / "case.toml")


def test_the_template_shows_every_key_and_fact_with_a_valid_example():
    everything = tomllib.loads(re.sub(r"^# (\[|\w+ = )", r"\1", template(), flags=re.MULTILINE))
    check_document(everything)
    for table in TABLES:
        holder, _, name = table.name.rpartition(".")
        above = everything[holder] if holder else everything
        shown = (above[0] if isinstance(above, list) else above)[name]
        assert {key.name for key in table.keys} <= set(shown[0] if table.many else shown)
    assert set(CATALOG) <= set(everything["disease"])


def test_the_template_prescribes_nothing():
    def numbers(value):
        if isinstance(value, dict | list):
            return [n for v in (value.values() if isinstance(value, dict) else value) for n in numbers(v)]
        return [value] if not isinstance(value, str) else []

    live = {name: table for name, table in tomllib.loads(template()).items() if name != "settings"}
    assert not numbers(live), "no activity, shunt, residual or time is filled in"


def test_the_template_shows_the_defaults():
    settings = tomllib.loads(re.sub(r"^# ", "", template().split("[settings]\n")[1], flags=re.MULTILINE))
    settings["hospital_time_zone"] = None  # an example; there is no default
    assert Settings(**settings) == Settings()
