"""`y90 plan`: what it says and writes, in full precision, and what it refuses in one message."""

from __future__ import annotations

import argparse
import json
import math
import re

import pytest
from planning_kit import COARSE, phantom_case

from Y90DosimetryLib.cli import plan as command
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import write_case
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.planning import PlanOptions, plan_of, stated_from
from Y90DosimetryLib.planning.document import as_json
from Y90DosimetryLib.planning.text import as_text, folded


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("cases")
    for variant in ("two_tumors", "bilobar"):
        (found / variant).mkdir()
        write_case(digital_patient(COARSE, variant).case(), found / variant)
    return found


def run(*arguments) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["plan", *(str(a) for a in arguments)])
    return args.run(args)


def test_json_says_in_full_precision_what_python_says(folder, capsys) -> None:
    assert run(folder / "two_tumors" / "case.toml", "--json", "--date", "2026-03-04") == 0
    data = json.loads(capsys.readouterr().out)
    assert {"window", "binding", "vials", "intervals", "notice"} <= set(data)
    (one,) = plan_of(phantom_case()).windows
    assert (data["window"]["low_gbq"], data["window"]["high_gbq"]) == (
        pytest.approx(one.low_gbq, rel=1e-6),  # the images on disk are those of memory but for their type
        pytest.approx(one.high_gbq, rel=1e-6),
    )
    digits = repr(data["window"]["low_gbq"]).replace(".", "").lstrip("0")
    assert len(digits) >= 14, "numbers are not rounded"
    assert {c["rule"] for c in data["binding"]["low"]} == {"S2-DOSE-01", "C0-DOSE-01"}
    assert {b["limit_gy"] for b in data["binding"]["high"][0]["bounds"]} == {90.0, 120.0}, "one of the two suffices"
    assert data["intervals"] == {"missing_because": "no uncertainty of an input is stated", "needs": ["uncertainty"]}
    assert data["vials"]["days"] == ["2026-03-04"] and data["vials"]["openings"] and len(data["vials"]["at"]) == 12


def test_the_arithmetic_of_json_can_be_checked_by_hand() -> None:
    data = as_json(plan_of(phantom_case()))
    for row in data["constraints"]:
        if len(row["bounds"]) > 1:
            continue
        (bound,) = row["bounds"]
        activity_gbq = (bound["limit_gy"] - bound["already_gy"]) / bound["gy_per_gbq"][0]
        key = "least_gbq" if bound["side"] == "at least" else "most_gbq"
        assert row[key] == pytest.approx(activity_gbq, rel=1e-12)


def test_the_text_names_window_binding_vials_and_the_gap(folder, capsys) -> None:
    assert run(folder / "two_tumors" / "case.toml") == 0
    text = capsys.readouterr().out
    for part in ("GBq at infusion", "least bound by C0-DOSE-01, S2-DOSE-01", "most bound by S2-DOSE-02",
                 "meets the plan from", "* meets every target and limit", "unverified: custom",
                 "No dose has an interval"):  # fmt: skip
        assert part in text


def test_uncertainties_give_intervals_probabilities_and_a_monte_carlo(folder, capsys) -> None:
    case = folder / "two_tumors" / "case.toml"
    assert run(case, "--json", "--uncertain", "calibration_fraction=0.05", "--samples", "40") == 0
    data = json.loads(capsys.readouterr().out)
    tumor = next(i for i in data["intervals"] if i["about"] == "Tumor 1" and i["measure"].startswith("tumor_dose"))
    assert tumor["sd_gy"] == pytest.approx(0.05 * tumor["dose_gy"], rel=1e-6)
    assert tumor["monte_carlo_sd_gy"] == pytest.approx(tumor["sd_gy"], rel=0.05)
    assert data["safety"] and all(0 <= s["probability"] <= 1 for s in data["safety"])
    assert run(case, "--uncertain", "calibration_fraction=0.05") == 0
    assert "kept with a probability of" in capsys.readouterr().out


def test_limits_of_the_user_are_marked_in_every_form(folder, capsys) -> None:
    case = folder / "two_tumors" / "case.toml"
    limits = ("--limit", "S2-DOSE-02=110", "--limit", "C0-DOSE-01:250=off", "--limit", "lung_dose_gy.case<=6")
    assert run(case, "--json", *limits) == 0
    data = json.loads(capsys.readouterr().out)
    marked = [c for c in data["constraints"] if c["set_by_user"]]
    assert [c["rule"] for c in marked] == ["S2-DOSE-02", None] and marked[0]["printed_gy"] == 120.0
    assert data["set_aside_by_user"] and data["window"]["is_empty"] and data["binding"]["conflict"]
    assert run(case, *limits) == 0
    text = capsys.readouterr().out
    assert "set by the user; the rule says 120 Gy" in text and "Set aside by the user: C0-DOSE-01" in text
    assert "exclude each other" in text


def test_what_several_rules_ask_is_told_once_with_all_of_them() -> None:
    engine = phantom_case()
    text = as_text(plan_of(engine, PlanOptions(stated=stated_from({"calibration_fraction": 0.05}))))
    assert "target C0-DOSE-01, S2-DOSE-01: Mean tumor dose (Tumor 1) at least 205 Gy" in text
    told = [line for line in text.splitlines() if "Mean tumor dose (Tumor 1) at least 205 Gy" in line]
    assert len(told) == 2, "once with what it allows, once with its probability"
    assert "Mean dose of the perfused normal liver (partition model), Right vial" in text


def test_a_monte_carlo_that_was_asked_for_stands_beside_the_first_order(folder, capsys) -> None:
    arguments = ("--uncertain", "calibration_fraction=0.05", "--samples", "40")
    assert run(folder / "two_tumors" / "case.toml", *arguments) == 0
    (line,) = [
        x for x in capsys.readouterr().out.splitlines() if x.startswith("  Mean dose of the whole normal liver:")
    ]
    first, sampled = re.search(r"standard deviation ([\d.]+) Gy, of 40 samples ([\d.]+) Gy", line).groups()  # type: ignore[union-attr]
    assert float(sampled) == pytest.approx(float(first), rel=0.15)


@pytest.mark.parametrize("columns", [60, 100])
def test_long_lines_break_between_words_and_nothing_is_lost(columns) -> None:
    text = as_text(plan_of(phantom_case(), PlanOptions(models=True)))
    broken = folded(text, columns)
    assert broken.split() == text.split()
    long = [line for line in broken.splitlines() if len(line) > columns]
    assert all(line.startswith(("Right vial: ", "vial (GBq", " ")) and "  " in line.strip() for line in long), "tables"
    assert any("Right vial: 10, 2026-03-01" in line and "2.98*" in line for line in broken.splitlines())
    assert not any(re.match(r" *(Gy|GBq)\b", line) for line in broken.splitlines()), "a number keeps its unit"


def test_out_writes_text_json_and_pictures_whole(folder, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert run(folder / "bilobar" / "case.toml", "--out", out, "--limit", "S4-DOSE-01:70=75") == 0
    assert "Best for the highest lowest tumor dose" in capsys.readouterr().out
    data = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert len(data["window"]["together"]["corners_gbq"]) >= 3
    assert (out / "plan.txt").exists()
    for name in ("two-infusions-together.svg", "window-right-vial.svg"):
        assert (out / name).read_text(encoding="utf-8").startswith("<svg ")
    page = (out / "plan.html").read_text(encoding="utf-8")
    assert "Best for the highest lowest tumor dose" in page and "GBq at calibration" in page


def test_models_are_added_where_asked_for_and_empiric_activities_only_then(folder, capsys) -> None:
    case = folder / "two_tumors" / "case.toml"
    assert run(case, "--json") == 0
    assert json.loads(capsys.readouterr().out)["models"] is None
    assert run(case, "--json", "--models") == 0
    data = json.loads(capsys.readouterr().out)["models"]
    tumor = next(s for s in data["structures"] if s["label"] == "Tumor 1")
    assert set(tumor["models"]) == {
        "single_compartment", "partition_given_ratio", "partition", "multicompartment", "voxel_local", "voxel_kernel",
    }  # fmt: skip
    assert tumor["models"]["partition_given_ratio"]["missing_because"] and data["empiric"] == []
    assert run(case, "--empiric") == 0
    text = capsys.readouterr().out
    assert "Models side by side" in text and "Body surface method, Right vial" in text and "for comparison only" in text


def test_nothing_infinite_is_written_as_a_number() -> None:
    text = json.dumps(as_json(plan_of(phantom_case())), allow_nan=False)
    assert "Infinity" not in text and math.isfinite(json.loads(text)["window"]["low_gbq"])
    assert "inf" not in as_text(plan_of(phantom_case())).replace("infusion", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--date", "4.3.2026"), "is no date"),
        (("--at", "25:00"), "is no time of day"),
        (("--limit", "S2-DOSE-02"), "is no limit"),
        (("--limit", "S2-DOSE-02=a lot"), "is no number"),
        (("--limit", "S2-DOSE-99=100"), "there is no such rule"),
        (("--limit", "tumor_gy<=100"), "not in the vocabulary"),
        (("--uncertain", "calibration"), "has no value"),
        (("--uncertain", "calibratoin_fraction=0.1"), "Did you mean calibration_fraction"),
        (("--session", "Nobody"), "'Nobody' is not a plan"),
        (("--to", "2026-03-01"), "first and a later last day"),
    ],
)
def test_wrong_options_are_refused_in_one_clear_message(folder, arguments, says) -> None:
    with pytest.raises(InputError, match=says) as told:
        run(folder / "two_tumors" / "case.toml", *arguments)
    assert "\n" not in str(told.value)


def test_options_have_visible_defaults() -> None:
    options = PlanOptions()
    assert options.clock.hour == 10 and options.stated.is_empty and options.samples == 0
