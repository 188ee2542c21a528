"""`y90 calc` prints the numbers of the library, in full precision with --json, and refuses slips of unit."""

import argparse
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Y90DosimetryLib.cli import calc
from Y90DosimetryLib.cli.answer import Answer, Row
from Y90DosimetryLib.dosimetry.mird import mean_dose_gy, net_activities
from Y90DosimetryLib.errors import InputError

INFUSION = "--residual 0.01 --lsf 0.05"
PARTITION = f"partition {INFUSION} --tumor-kg 0.3 --normal-kg 0.9 --tn-ratio 4"
PUBLISHED_S = {  # mGy/(MBq s), Lanconelli et al., Phys Med Biol 2012;57:517, soft tissue of 1.04 g/mL
    "3": (1.59, 0.275, 0.0950, 0.0429),
    "4": (0.858, 0.129, 0.0362, 0.0127),
    "4.8": (0.573, 0.0763, 0.0178, 0.00507),
    "6": (0.342, 0.0380, 0.00686, 0.00145),
}
S_TOLERANCES = (0.005, 0.005, 0.01, 0.03)


def parsed(line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="y90")
    calc.add_parser(parser.add_subparsers(required=True))
    return parser.parse_args(["calc", *line.split()])


def run(line: str) -> None:
    args = parsed(line)
    assert args.run(args) == 0


@pytest.fixture
def printed(capsys):
    def table(line: str) -> str:
        run(line)
        return capsys.readouterr().out

    return table


@pytest.fixture
def found(printed):
    return lambda line: json.loads(printed(f"{line} --json"))


def test_dose_of_the_worked_example(found):
    result = found(f"dose --activity-gbq 3 {INFUSION} --mass-kg 1.2")
    assert result["dose_gy"] == pytest.approx(117.5625, abs=1e-9)
    assert result["lung_dose_gy"] == pytest.approx(7.425, abs=1e-9)
    assert result["liver_activity_gbq"] == pytest.approx(2.8215, abs=1e-12)
    assert result["lung_activity_gbq"] == pytest.approx(0.1485, abs=1e-12)


def test_dose_of_the_example_of_the_consensus(found):
    assert found(f"dose --activity-gbq 2.2 {INFUSION} --mass-kg 1")["dose_gy"] == pytest.approx(103.455, abs=1e-9)


def test_every_dose_names_its_model_and_the_constants_it_used(found):
    line = f"dose --activity-gbq 3 {INFUSION} --mass-kg 1.2"
    assert found(line)["constants"] == {"joule_per_gbq": 50.0, "lung_mass_kg": 1.0}
    other = found(f"{line} --joule-per-gbq 49.38 --lung-mass-kg 0.8")
    assert other["constants"] == {"joule_per_gbq": 49.38, "lung_mass_kg": 0.8}
    assert other["dose_gy"] == pytest.approx(117.5625 * 49.38 / 50)
    assert other["lung_dose_gy"] == pytest.approx(7.425 * 49.38 / 50 / 0.8)
    assert "single compartment" in other["model"]


def test_json_holds_full_precision_and_nothing_but_one_object(found):
    net = net_activities(3.0, 1 / 3, 0.05)
    result = found(f"dose --activity-gbq 3 --residual {1 / 3!r} --lsf 0.05 --mass-kg 1.2")
    assert result["liver_activity_gbq"] == net.liver_gbq
    assert result["dose_gy"] == mean_dose_gy(net.liver_gbq, 1200.0, 50.0)


def test_the_activity_for_a_dose_gives_that_dose(found):
    result = found(f"activity --dose-gy 120 --mass-kg 1.03 {INFUSION}")
    assert result["activity_gbq"] == pytest.approx(120 * 1.03 / (50 * 0.95 * 0.99), rel=1e-12)
    back = found(f"dose --activity-gbq {result['activity_gbq']!r} {INFUSION} --mass-kg 1.03")
    assert back["dose_gy"] == pytest.approx(120, rel=1e-12)
    assert back["lung_dose_gy"] == pytest.approx(result["lung_dose_gy"], rel=1e-12)


def test_without_a_lung_shunt_the_lung_dose_is_0(found):
    assert found("activity --dose-gy 120 --mass-kg 1.03 --residual 0.01 --lsf 0")["lung_dose_gy"] == 0.0


def test_partition_of_the_worked_example(found):
    result = found(f"{PARTITION} --activity-gbq 3")
    assert result["tumor_dose_gy"] == pytest.approx(268.714, abs=5e-4)
    assert result["normal_dose_gy"] == pytest.approx(67.179, abs=5e-4)
    assert result["perfused_dose_gy"] == pytest.approx(117.562, abs=6e-4)
    assert result["lung_dose_gy"] == pytest.approx(7.425, abs=1e-9)


def test_the_inverse_partition_gives_the_activity_and_the_doses_at_it(found):
    forward = found(f"{PARTITION} --activity-gbq 3")
    inverse = found(f"{PARTITION} --tumor-dose-gy {forward['tumor_dose_gy']!r}")
    assert inverse["activity_gbq"] == pytest.approx(3.0, rel=1e-12)
    for key in ("tumor_dose_gy", "normal_dose_gy", "perfused_dose_gy", "lung_dose_gy"):
        assert inverse[key] == pytest.approx(forward[key], rel=1e-12)


def test_without_tumor_the_partition_model_has_no_tumor_dose(found, printed):
    line = f"partition --activity-gbq 3 {INFUSION} --tumor-kg 0 --normal-kg 1.2 --tn-ratio 4"
    result = found(line)
    assert result["tumor_dose_gy"] is None
    assert result["normal_dose_gy"] == result["perfused_dose_gy"] == pytest.approx(117.5625)
    assert "Mean tumor dose" in printed(line)
    assert "none" in printed(line)


def test_sflr_of_the_worked_example(found):
    result = found("sflr --flr-ml 650 --weight-kg 70 --height-cm 170")
    assert result["bsa_m2"] == pytest.approx(1.8097, abs=5e-5)
    assert result["telv_ml"] == pytest.approx(1499.0, abs=0.05)
    assert result["sflr"] == pytest.approx(0.4336, abs=5e-5)


def test_sflr_with_other_formulas(found):
    line = "sflr --flr-ml 650 --weight-kg 70 --height-cm 170 --bsa-formula mosteller --telv-formula urata"
    result = found(line)
    assert result["bsa_m2"] == pytest.approx(1.8181, abs=5e-5)
    assert result["telv_ml"] == pytest.approx(706.2 * result["bsa_m2"] + 2.4)
    assert "mosteller" in result["model"]
    assert "urata" in result["model"]


@pytest.mark.parametrize("bilirubin", ["--bilirubin-umol-l 10.5", f"--bilirubin-mg-dl {10.5 / 17.1!r}"])
@pytest.mark.parametrize("albumin", ["--albumin-g-l 43", "--albumin-g-dl 4.3"])
def test_albi_in_either_unit(found, bilirubin, albumin):
    result = found(f"albi {bilirubin} {albumin}")
    assert result["albi"] == pytest.approx(-2.981, abs=5e-4)
    assert result["grade"] == 1


def test_child_pugh_on_its_boundaries_in_either_unit(found):
    for values in ("--bilirubin-mg-dl 3 --albumin-g-dl 2.8", "--bilirubin-umol-l 51.3 --albumin-g-l 28"):
        result = found(f"child-pugh {values} --inr 2.3 --ascites slight --encephalopathy grade_1_2")
        assert (result["score"], result["class"]) == (10, "C")
        assert set(result["points"].values()) == {2}


def test_child_pugh_of_good_and_bad_liver_function(found):
    good = found("child-pugh --bilirubin-mg-dl 0.8 --albumin-g-l 42 --inr 1 --ascites none --encephalopathy none")
    assert (good["score"], good["class"]) == (5, "A")
    bad = found("child-pugh --bilirubin-mg-dl 9 --albumin-g-l 20 --inr 3 --ascites moderate --encephalopathy grade_3_4")
    assert (bad["score"], bad["class"]) == (15, "C")


def test_meld_in_either_unit(found):
    american = found("meld --bilirubin-mg-dl 2 --inr 1.5 --creatinine-mg-dl 1.2")["meld"]
    assert american == pytest.approx(15.34, abs=0.005)
    assert found("meld --bilirubin-umol-l 34.2 --inr 1.5 --creatinine-umol-l 106.08")["meld"] == pytest.approx(american)


def test_decay_of_the_worked_example(found):
    result = found("decay --activity-gbq 3 --hours 72")
    assert result["fraction"] == pytest.approx(0.45906, abs=5e-6)
    assert result["activity_gbq"] == pytest.approx(3 * result["fraction"], rel=1e-15)


def test_decay_looks_back_and_takes_another_half_life(found):
    assert found("decay --activity-gbq 3 --hours -50 --half-life-h 50")["activity_gbq"] == 6.0


def test_published_biologically_effective_doses(found):
    assert found("bed --dose-gy 205 --tissue tumor")["bed_gy"] == pytest.approx(301.1, abs=0.05)
    assert found("bed --dose-gy 90 --tissue liver")["bed_gy"] == pytest.approx(211.6, abs=0.05)
    own = found("bed --dose-gy 90 --tissue tumor --alpha-beta-gy 2.5 --repair-half-time-h 2.5")
    assert own["bed_gy"] == pytest.approx(211.6, abs=0.05)
    assert "Research use" in own["model"]


@pytest.mark.parametrize("size", PUBLISHED_S)
def test_published_s_values_of_voxels(found, size):
    result = found(f"kernel --voxel-mm {size} --density-g-ml 1.04")
    values = result["s_mgy_per_mbq_s"]
    assert list(values) == ["000", "100", "110", "111", "200"]
    for published, value, tolerance in zip(PUBLISHED_S[size], values.values(), S_TOLERANCES, strict=False):
        assert value == pytest.approx(published, rel=tolerance)
    assert result["energy_fraction"] == pytest.approx(0.996, abs=0.001)


def test_a_kernel_of_three_voxel_sizes_names_its_offsets_along_x_y_z(found):
    flat = found("kernel --voxel-mm 4 4 8 --density-g-ml 1.04")
    assert flat["constants"]["voxel_mm"] == {"x": 4.0, "y": 4.0, "z": 8.0}
    tall = found("kernel --voxel-mm 8 4 4 --density-g-ml 1.04")
    assert tall["s_mgy_per_mbq_s"]["000"] == pytest.approx(flat["s_mgy_per_mbq_s"]["000"], rel=1e-6)
    assert tall["s_mgy_per_mbq_s"]["100"] < flat["s_mgy_per_mbq_s"]["100"]
    with pytest.raises(InputError, match="one edge, or x, y and z"):
        run("kernel --voxel-mm 4 4")


def test_s_values_are_proportional_to_the_energy_of_a_decay(found):
    label, other = (found(f"kernel --voxel-mm 4 --density-g-ml 1.04 --joule-per-gbq {k}") for k in (50, 25))
    assert other["s_mgy_per_mbq_s"]["110"] == pytest.approx(label["s_mgy_per_mbq_s"]["110"] / 2)


def test_the_table_aligns_label_value_and_unit_and_states_model_and_constants(printed):
    lines = printed(f"dose --activity-gbq 3 {INFUSION} --mass-kg 1.2").splitlines()
    assert lines[:2] == ["Mean dose of the perfused volume  117.56  Gy", "Mean lung dose                     7.425  Gy"]
    assert lines[-2].startswith("Model: single compartment")
    assert lines[-1] == "Constants: energy of complete decay 50 J/GBq (= Gy kg/GBq), lung mass 1 kg"


def test_percent_appears_on_screen_only(printed, found):
    assert "43.362  %" in printed("sflr --flr-ml 650 --weight-kg 70 --height-cm 170")
    assert found("sflr --flr-ml 650 --weight-kg 70 --height-cm 170")["sflr"] < 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dose --activity-gbq 3 --residual 0.01 --lsf 5 --mass-kg 1.2", "not a percentage: 0.05 for 5 %"),
        ("dose --activity-gbq 3 --residual 1 --lsf 0.05 --mass-kg 1.2", "not a percentage: 0.01 for 1 %"),
        ("dose --activity-gbq 3 --residual 0.01 --lsf -0.05 --mass-kg 1.2", "lung shunt fraction"),
        (f"dose --activity-gbq 3000 {INFUSION} --mass-kg 1.2", "Enter GBq, not MBq"),
        (f"dose --activity-gbq 0 {INFUSION} --mass-kg 1.2", "activity"),
        (f"dose --activity-gbq nan {INFUSION} --mass-kg 1.2", "nan is not a finite number"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg inf", "--mass-kg: inf"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg 1200", "--mass-kg: .* kilograms, not grams"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg 0", "mass"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg 1 --lung-mass-kg 0", "mass"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg 1 --joule-per-gbq -50", "energy per activity"),
        (f"dose --activity-gbq 3 {INFUSION} --mass-kg 1e-320", "too large"),
        (f"activity --dose-gy nan --mass-kg 1.2 {INFUSION}", "dose"),
        (f"{PARTITION} --tumor-dose-gy -1", "dose"),
        (f"partition --tumor-dose-gy 250 {INFUSION} --tumor-kg 0 --normal-kg 0.9 --tn-ratio 4", "tumor mass"),
        (f"partition --activity-gbq 3 {INFUSION} --tumor-kg 300 --normal-kg 0.9 --tn-ratio 4", "--tumor-kg"),
        (f"partition --activity-gbq 3 {INFUSION} --tumor-kg 0.3 --normal-kg 0.9 --tn-ratio 0", "tumor-to-normal"),
        ("sflr --flr-ml 650 --weight-kg 70 --height-cm 1.70", "as meters it would be 70 kg and 170 cm"),
        ("sflr --flr-ml 650 --weight-kg 154 --height-cm 67", "as pounds and inches it would be 69.9 kg and 170 cm"),
        ("sflr --flr-ml 2600 --weight-kg 70 --height-cm 170", "is no remnant"),
        ("sflr --flr-ml -1 --weight-kg 70 --height-cm 170", "future liver remnant"),
        ("albi --bilirubin-umol-l 10.5 --albumin-g-l 4.3", "4.3 g/dL = 43 g/L"),
        ("meld --bilirubin-mg-dl 300 --inr 1.5 --creatinine-mg-dl 1.2", "bilirubin"),
        ("decay --activity-gbq 3 --hours inf", "hours"),
        ("decay --activity-gbq -3 --hours 72", "activity"),
        ("decay --activity-gbq 3 --hours=-1e9", "too large"),
        ("decay --activity-gbq 3 --hours 72 --half-life-h 0", "half-life"),
        ("bed --dose-gy 205 --tissue tumor --alpha-beta-gy 0", "alpha/beta"),
        ("kernel --voxel-mm 0 --density-g-ml 1.04", "voxel"),
        ("kernel --voxel-mm nan --density-g-ml 1.04", "voxel"),
        ("kernel --voxel-mm 4 --density-g-ml 0", "density"),
    ],
)
def test_impossible_input_is_refused_before_anything_is_printed(capsys, line, message):
    with pytest.raises(InputError, match=message):
        run(line)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dose --activity-gbq 3 --residual 0.01 --mass-kg 1.2", "--lsf"),
        ("dose --activity-gbq 3 --lsf 0.05 --mass-kg 1.2", "--residual"),
        ("dose --activity-gbq 3 --residual 0.01 --lsf 0,05 --mass-kg 1.2", "write 0.05, not 0,05"),
        ("dose --activity-gbq 3 --residual 0.01 --lsf 5% --mass-kg 1.2", "not a number"),
        ("dose --activity 3 --residual 0.01 --lsf 0.05 --mass-kg 1.2", "--activity-gbq"),
        (PARTITION, "--activity-gbq --tumor-dose-gy"),
        (f"{PARTITION} --activity-gbq 3 --tumor-dose-gy 250", "not allowed with"),
        ("albi --bilirubin-umol-l 10 --bilirubin-mg-dl 1 --albumin-g-l 40", "not allowed with"),
        ("child-pugh --bilirubin-mg-dl 1 --albumin-g-l 40 --inr 1 --ascites none", "--encephalopathy"),
        ("child-pugh --bilirubin-mg-dl 1 --albumin-g-l 40 --inr 1 --ascites some --encephalopathy none", "some"),
        ("sflr --flr-ml 650 --weight-kg 70 --height-cm 170 --telv-formula chouker", "chouker"),
        ("", "FORMULA"),
    ],
)
def test_a_missing_or_unreadable_option_stops_with_code_2_and_its_name(capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        parsed(line)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@given(st.floats(0.1, 20), st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.1, 5))
def test_the_command_computes_what_the_library_computes(activity_gbq, residual, shunt, mass_kg):
    line = f"dose --activity-gbq {activity_gbq!r} --residual {residual!r} --lsf {shunt!r} --mass-kg {mass_kg!r}"
    result = calc.dose(parsed(line)).json_object()
    net = net_activities(activity_gbq, residual, shunt)
    assert result["dose_gy"] == mean_dose_gy(net.liver_gbq, mass_kg * 1000, 50.0)
    assert result["lung_activity_gbq"] == net.lung_gbq


def test_an_infinite_number_is_never_an_answer():
    with pytest.raises(InputError, match="too large"):
        Answer("test", (Row("values", "Values", {"a": 1.0, "b": float("inf")}),))
