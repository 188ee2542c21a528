"""What a team states of its uncertainty stands in the case file, reaches report and plan, and is never assumed."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from case_folder import case_file, refused
from planning_kit import COARSE

from Y90DosimetryLib.cli import OK, main
from Y90DosimetryLib.io.case_file import read_case_file, template, write_case
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.planning import Recovery, StatedInputs, stated_from, with_typed

SETTINGS = "[settings]"
STATED = StatedInputs(calibration_fraction=0.05, lung_shunt_fraction=0.01)
"""Doses scale with the calibration and with 1 - F: both deviations can be had by hand."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = tmp_path_factory.mktemp("cases")
    case = digital_patient(COARSE).case()
    write_case(case, found / "bare")
    write_case(case, found / "stated", STATED)
    return found


def stated(folder, lines: str) -> StatedInputs:
    return read_case_file(case_file(folder, SETTINGS, f"[uncertainty]\n{lines}\n{SETTINGS}")).stated


def planned(capsys, *arguments) -> dict:
    assert main(["plan", *(str(a) for a in arguments), "--json"]) == OK
    return json.loads(capsys.readouterr().out)


def tumor(data: dict) -> dict:
    return next(
        i for i in data["intervals"] if i["about"] == "Tumor 1" and i["measure"] == "tumor_dose_gy.multicompartment"
    )


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_what_is_stated_is_read(tmp_path):
    assert stated(tmp_path, "calibration_fraction = 0.05\nregistration_mm = 3") == StatedInputs(
        calibration_fraction=0.05, registration_mm=3.0
    )
    lines = "recovery_half_volume_ml = 3\nrecovery_exponent = 1\nrecovery_sd_exponent = 0.1"
    assert stated(tmp_path, lines).recovery == Recovery(3.0, 1.0, 0.0, 0.1)


def test_nothing_is_assumed(tmp_path):
    assert read_case_file(case_file(tmp_path)).stated == StatedInputs()
    assert stated(tmp_path, "").is_empty
    assert tomllib.loads(template())["uncertainty"] == {}, "the template's lines are examples and stand as comments"


def test_the_template_has_every_input_of_the_plan_with_an_example_that_can_be_stated():
    block = template().split("[uncertainty]\n")[1].split("\n\n")[0]
    shown = tomllib.loads(re.sub(r"^# ", "", block, flags=re.MULTILINE))
    assert set(shown) == set(StatedInputs.names())
    assert stated_from(shown).by_name() == shown


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("calibratoin_fraction = 0.05", "Did you mean 'calibration_fraction'?"),
        ('calibration_fraction = "5 %"', "Give a number"),
        ("calibration_fraction = true", "Give a number"),
        ("calibration_fraction = nan", "Give a finite number"),
        ("calibration_fraction = 5", "Enter 0.05 for 5 %"),
        ("registration_mm = -1", "negative"),
        ("contour_resolution_fraction = 0.1", "State resolution_mm"),
        ("recovery_exponent = 1", "recovery curve is incomplete"),
        ("recovery_half_volume_ml = 0\nrecovery_exponent = 1", "half_volume_ml"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path, lines, says):
    message = refused(tmp_path, SETTINGS, f"[uncertainty]\n{lines}\n{SETTINGS}")
    assert says in message and "uncertainty" in message


def test_two_tables_of_it_are_refused(tmp_path):
    assert "Write [uncertainty]" in refused(tmp_path, SETTINGS, f"[[uncertainty]]\n{SETTINGS}")


def test_what_is_written_is_read_again(tmp_path):
    every = StatedInputs(
        0.3, 0.1, 12.0, 0.5, Recovery(3.0, 1.1, 0.5, 0.1), 0.01, 0.005, 0.2, 0.05, 0.02, 3.0
    )  # fmt: skip
    assert set(every.by_name()) == set(StatedInputs.names()), "nothing is left out here"
    write_case(digital_patient(COARSE).case(), tmp_path / "case", every)
    assert read_case_file(tmp_path / "case" / "case.toml").stated == every


def test_the_plan_takes_the_deviations_of_the_file(folders, capsys):
    data = planned(capsys, folders / "stated" / "case.toml")
    row = tumor(data)
    # the multicompartment dose is D = k A (1 - F) f/m, so u/D has 0.05 and 0.01/(1 - F), independent
    assert row["sd_gy"] / row["dose_gy"] == pytest.approx((0.05**2 + (0.01 / 0.95) ** 2) ** 0.5, rel=1e-6)
    assert any("lung_shunt_fraction = 0.01, calibration_fraction = 0.05" in note for note in data["notes"])
    assert not any("typed" in note for note in data["notes"])


def test_what_is_typed_wins_and_is_told(folders, capsys):
    case = folders / "stated" / "case.toml"
    data = planned(capsys, case, "--uncertain", "calibration_fraction=0.10", "--uncertain", "density_fraction=0.02")
    row = tumor(data)
    expected = 0.10**2 + 0.02**2 + (0.01 / 0.95) ** 2
    assert row["sd_gy"] / row["dose_gy"] == pytest.approx(expected**0.5, rel=2e-3), "the density's term is curved"
    (told,) = (note for note in data["notes"] if "typed" in note)
    assert told == "calibration_fraction = 0.1 was typed for this plan in place of the case file's 0.05."
    assert main(["plan", str(case), "--uncertain", "calibration_fraction=0.10"]) == OK
    assert told in capsys.readouterr().out


def test_the_same_number_typed_again_is_no_news():
    both, replaced = with_typed(STATED, {"calibration_fraction": 0.05, "density_fraction": 0.02})
    assert both == StatedInputs(calibration_fraction=0.05, lung_shunt_fraction=0.01, density_fraction=0.02)
    assert replaced == ()


def test_an_input_typed_may_complete_one_of_the_file():
    both, _ = with_typed(StatedInputs(resolution_mm=12.0), {"contour_resolution_fraction": 0.1})
    assert both.surface_mm(1.0) == pytest.approx(1.2)


def test_the_report_has_intervals_only_where_something_is_stated(folders, tmp_path, capsys):
    pages = {}
    for name in ("bare", "stated"):
        assert main(["assess", str(folders / name / "case.toml"), "--out", str(tmp_path / name)]) == OK
        pages[name] = words((tmp_path / name / "report.html").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert "No interval: no uncertainty of an input is stated" in pages["bare"]
    assert "[uncertainty] in the case file" in pages["bare"] and "Probability that it is kept" not in pages["bare"]
    assert "Probability that it is kept" in pages["stated"] and "No interval" not in pages["stated"]
    assert "Stated uncertainty of inputs: lung_shunt_fraction = 0.01, calibration_fraction = 0.05." in pages["stated"]
    row = tumor(planned(capsys, folders / "stated" / "case.toml"))
    interval = f"{row['low_gy']:.1f} to {row['high_gy']:.1f}"
    assert interval in pages["stated"], "report and plan say the same interval"
