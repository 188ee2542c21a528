"""What a site adds: its own cases with expected values, and its phantom as a profile that later intervals use."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from shapes import ellipsoid, filled, grid

from Y90DosimetryLib.cli import main
from Y90DosimetryLib.engine import Engine, assess
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.case_file import read_case, read_case_file, write_case
from Y90DosimetryLib.measures import Known
from Y90DosimetryLib.planning import intervals, stated_from
from Y90DosimetryLib.planning.site import PLACE, read_site_profile, with_site
from Y90DosimetryLib.verify import run
from Y90DosimetryLib.verify.of_site import site_entries
from Y90DosimetryLib.verify.patients import Boxes
from Y90DosimetryLib.verify.site_phantom import read_phantom
from Y90DosimetryLib.verify.site_regions import mean_in_cylinder, mean_in_sphere

# Cases of the site

TUMOR = "tumor_dose_gy.multicompartment"


def boxes(folder: Path) -> Path:
    """A liver of 1000 mL, half of it treated with 2 GBq, on disk."""
    folder.mkdir(parents=True)
    write_case(Boxes().case(), folder)
    return folder / "case.toml"


def own_case(folder: Path, *rows: str) -> Path:
    """A folder with a case and rows of expected values."""
    boxes(folder)
    (folder / "expected.toml").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_own_cases_join_the_protocol_and_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "load_entries", lambda: ())
    own_case(
        tmp_path / "own" / "first",
        'source = "Spreadsheet of 2024"',
        "[[expected]]",
        'measure = "liver_volume_ml"',
        "value = 1000",
        "tolerance = 0.5",
        'why = "the spreadsheet rounds"',
        "[[expected]]",
        'measure = "flr_volume_ml"',
        'value = "missing"',
        "[[expected]]",
        'rule = "GEN-01"',
        'value = "contraindication"',
    )
    assert main(["verify", "--cases", str(tmp_path / "own")]) == 1
    told = capsys.readouterr().out
    assert "The site's own cases: 2 of 3" in told
    assert "Spreadsheet of 2024" in told and "first: liver_volume_ml" in told
    assert "FAIL first: GEN-01" in told


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((), "it expects nothing"),
        (("[[expected]]", 'measure = "liver_volume_ml"', "value = 1.5"), "a number has no tolerance"),
        (("[[expected]]", 'measure = "liver_volume_ml"', "value = 1", "tolerance = 1"), "no reason"),
        (("[[expected]]", 'measure = "liver_size"', "value = 1"), "not in the vocabulary"),
        (("[[expected]]", 'rule = "S9-DOSE-01"', 'value = "met"'), "there is no rule 'S9-DOSE-01'"),
        (("[[expected]]", "value = 1"), "names a measure or a rule"),
        (("[[expect]]", "value = 1"), "unknown: expect"),
        (("[[expected",), "can't be read"),
    ],
)
def test_wrong_expectations_are_refused_before_anything_is_computed(
    rows: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_case(tmp_path / "own", *rows)
    assert main(["verify", "--cases", str(tmp_path / "own")]) == 2
    told = capsys.readouterr()
    assert says in told.err and not told.out


def test_a_folder_without_expectations_is_no_pass(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=r"no expected\.toml"):
            site_entries(folder)


# Its phantom

TRUE_RATIO, HALF_ML, EXPONENT = 1.04, 2.5, 1.1
HOT, AROUND = 2.0e6, 0.25e6  # Bq/mL at the scan
DIAMETERS_MM = (10.0, 13.0, 17.0, 22.0, 28.0, 37.0)
HEAD = """
site = "St. Elsewhere"
system = "Scanner X, liver protocol"
image = "{image}"
phantom = "NEMA body phantom"
measured_on = 2026-03-02
scanned_at = 2026-03-02T12:00:00+01:00
activity_meter_sd_fraction = 0.02
"""


def measurement(folder: Path, image: str = "Y-90 PET", spheres: int = 6, half_life_h: float = 64.1) -> Path:
    """A phantom whose image reads by TRUE_RATIO too little, with a recovery of known parameters."""
    early = 2 ** (3.0 / half_life_h)  # assayed three hours before the scan
    lines = [HEAD.format(image=image)]
    for name, bq_ml, ml in (("hot", HOT, 60.0), ("background", AROUND, 9700.0)):
        lines += [
            f"[solutions.{name}]",
            f"activity_mbq = {bq_ml * ml * early / 1e6!r}",
            f"volume_ml = {ml}",
            "assayed_at = 2026-03-02T09:00:00+01:00",
        ]
    lines += ["[uniform]", 'solution = "background"', f"measured = {AROUND / TRUE_RATIO!r}"]
    lines += ["measured_sd_fraction = 0.01", "surrounds_spheres = true"]
    for mm in DIAMETERS_MM[:spheres]:
        recovered = 1 - 1 / (1 + (math.pi / 6 * (mm / 10) ** 3 / HALF_ML) ** EXPONENT)
        read = (AROUND + recovered * (HOT - AROUND)) / TRUE_RATIO
        lines += ["[[spheres]]", 'solution = "hot"', f"diameter_mm = {mm}", f"measured = {read!r}"]
        lines += ["measured_sd_fraction = 0.05"]
    path = folder / "phantom.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_phantom_gives_back_the_calibration_and_recovery_it_was_made_with(tmp_path: Path) -> None:
    found = read_phantom(measurement(tmp_path))
    assert found.calibration_ratio == pytest.approx(TRUE_RATIO, rel=1e-9)
    assert found.calibration_sd_fraction == pytest.approx(math.hypot(0.01, 0.02))
    assert found.recovery is not None
    assert found.recovery.half_volume_ml == pytest.approx(HALF_ML, rel=1e-4)
    assert found.recovery.exponent == pytest.approx(EXPONENT, rel=1e-4)
    assert 0.01 < found.recovery.sd_half_volume_ml / HALF_ML < 0.3
    assert found.calibration_uncertainty_fraction == pytest.approx(math.sqrt(0.01**2 + 0.02**2 + 0.04**2))


def test_a_spect_decays_as_technetium_and_its_doses_do_not_hang_on_the_calibration(tmp_path: Path) -> None:
    found = read_phantom(measurement(tmp_path, "Tc-99m SPECT", half_life_h=6.0067))
    assert found.calibration_ratio == pytest.approx(TRUE_RATIO, rel=1e-9)
    assert found.calibration_uncertainty_fraction == 0.02


def test_readings_are_taken_from_an_image_where_places_are_given(tmp_path: Path) -> None:
    voxels = grid((2.0, 3.0, 4.0), (120.0, 120.0, 120.0), center_mm=(5.0, 0.0, 0.0))
    inside = ellipsoid(voxels, (5.0, 10.0, 0.0), (14.0, 14.0, 14.0))
    values = np.where(sitk.GetArrayFromImage(inside) > 0, 8.0, 1.0).astype(np.float32)
    image = filled(voxels, values)
    sitk.WriteImage(image, str(tmp_path / "phantom.nrrd"))
    exact = mean_in_sphere(image, (5.0, 10.0, 0.0), 28.0, "sphere")
    assert exact == pytest.approx(8.0 - 7.0 * (1 - share_inside(inside, 14.0, (5.0, 10.0, 0.0))), rel=0.02)
    assert mean_in_cylinder(image, (5.0, -35.0, 0.0), 30.0, 60.0, "cylinder") == 1.0
    path = measurement(tmp_path, spheres=0)
    reading = f"measured = {AROUND / TRUE_RATIO!r}"
    text = path.read_text(encoding="utf-8")
    assert reading in text
    place = "center_mm = [5.0, -35.0, 0.0]\ndiameter_mm = 30.0\nlength_mm = 60.0"
    path.write_text('file = "phantom.nrrd"\n' + text.replace(reading, place), encoding="utf-8")
    assert read_phantom(path).calibration_ratio == pytest.approx(AROUND / 1.0)
    path.write_text(
        'file = "phantom.nrrd"\n' + text.replace(reading, place.replace("-35.0", "-55.0")), encoding="utf-8"
    )
    with pytest.raises(InputError, match="outside of the image"):
        read_phantom(path)


def share_inside(mask: sitk.Image, radius_mm: float, center_mm: tuple[float, float, float]) -> float:
    """The share of a ball that lies in the voxels of a mask, by random points."""
    points = np.random.default_rng(7).uniform(-radius_mm, radius_mm, (20_000, 3))
    points = points[(points**2).sum(axis=1) <= radius_mm**2] + np.array(center_mm)
    return float(np.mean([mask[mask.TransformPhysicalPointToIndex(p.tolist())] for p in points]))


def test_two_spheres_leave_no_recovery_curve(tmp_path: Path) -> None:
    found = read_phantom(measurement(tmp_path, spheres=2))
    assert found.recovery is None and set(found.uncertainty) == {"calibration_fraction"}
    assert "No recovery curve" in " ".join(found.lines)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Y-90 PET", "Y-90 SPECT", "'Y-90 SPECT' is not known"),
        ("volume_ml = 60.0", "volume_ml = 0", "volume_ml is 0"),
        ("measured_sd_fraction = 0.01", "measured_sd_fraction = 5", "0.05 for 5 %"),
        ('solution = "hot"', 'solution = "hott"', "there is no solution 'hott'"),
        ("surrounds_spheres = true", "surrounds = true", "unknown: surrounds"),
        ("T09:00:00+01:00", "T09:00:00", "offset"),
        ('site = "St. Elsewhere"', "", "missing: site"),
        ('solution = "hot"', 'solution = "background"', "no more than those around it"),
        ("[uniform]", "[uniform", "can't be read"),
    ],
)
def test_an_impossible_measurement_is_refused_in_one_message(old: str, new: str, says: str, tmp_path: Path) -> None:
    path = measurement(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=says.replace("%", "%")) as told:
        read_phantom(path)
    assert "\n" not in str(told.value)


def test_the_profile_is_used_by_every_later_interval_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--phantom", str(measurement(tmp_path)), "--out", str(tmp_path / "out")]) == 0
    assert "Calibration, true over measured: 1.04" in capsys.readouterr().out
    profile = read_site_profile(tmp_path / "out" / "site_profile.toml")
    path = boxes(tmp_path / "case")
    case = read_case(path)
    assert read_case_file(path).stated.is_empty
    monkeypatch.setenv(PLACE, str(tmp_path / "out" / "site_profile.toml"))
    stated = read_case_file(path).stated
    assert stated.calibration_fraction == pytest.approx(math.sqrt(0.01**2 + 0.02**2 + 0.04**2))
    assert any("St. Elsewhere, Scanner X, liver protocol, 2026-03-02" in note for note in stated.notes)
    found = intervals(Engine.prepare(case), stated)
    known = Known(assess(case).measurements)
    dose = known.get("whole_liver_dose_gy.single_compartment").value
    (interval,) = (i for i in found if i.measure_id == "whole_liver_dose_gy.single_compartment")  # type: ignore[union-attr]
    assert interval.sd_gy == pytest.approx(float(dose) * stated.calibration_fraction, rel=1e-6)  # type: ignore[arg-type, operator]
    assert profile.stated.by_name() == stated.by_name()


def test_what_a_case_states_itself_goes_before_the_site(tmp_path: Path) -> None:
    main(["verify", "--phantom", str(measurement(tmp_path)), "--out", str(tmp_path / "out")])
    profile = read_site_profile(tmp_path / "out" / "site_profile.toml")
    own = stated_from({"calibration_fraction": 0.1, "recovery_half_volume_ml": 4.0, "recovery_exponent": 1.0})
    assert with_site(own, profile) == own
    partly = with_site(stated_from({"calibration_fraction": 0.1}), profile)
    assert partly.calibration_fraction == 0.1 and partly.recovery == profile.stated.recovery
    assert "calibration_fraction" not in partly.site and "recovery_exponent" in partly.site
    assert with_site(own, None) == own


def test_a_profile_that_is_named_and_absent_or_broken_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = boxes(tmp_path / "case")
    monkeypatch.setenv(PLACE, str(tmp_path / "site.toml"))
    with pytest.raises(InputError, match="site profile"):
        read_case_file(path)
    (tmp_path / "site.toml").write_text('site = "A"\n', encoding="utf-8")
    with pytest.raises(InputError, match="'system' is missing"):
        read_case_file(path)
