"""The command: what it writes, what it refuses, and with which exit code."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Y90DosimetryLib import assess, read_case
from Y90DosimetryLib.cli import FAULT, OK, STOPPED, WRONG_INPUT, main, planner
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.errors import Cancelled
from Y90DosimetryLib.io.case_file import write_case
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient

COARSE = PhantomSettings(ct_spacing_mm=(3.0, 3.0, 4.0))


@pytest.fixture(scope="module")
def case_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "case"
    folder.mkdir()
    write_case(digital_patient(COARSE).case(), folder)
    return folder


@pytest.fixture
def case_path(case_folder, tmp_path):
    """A copy whose text may be changed; the images stay where they are."""
    for item in case_folder.iterdir():
        (tmp_path / item.name).symlink_to(item)
    (tmp_path / "case.toml").unlink()
    path = tmp_path / "case.toml"
    path.write_text((case_folder / "case.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"the case file has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refused(capsys, *arguments) -> str:
    """Run a command that must be refused, and return its one line."""
    assert main([str(a) for a in arguments]) == WRONG_INPUT
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("y90: ")]
    assert len(said) == 1
    return said[0]


def test_assess_writes_a_whole_report_that_says_what_python_says(case_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["assess", str(case_folder / "case.toml"), "--out", str(out)]) == OK
    said = capsys.readouterr().out
    for name in ("report.html", "assessment.json", "dose.nrrd", "pictures"):
        assert (out / name).exists()
        assert str(out / name) in said
    data = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    assessment = assess(read_case(case_folder / "case.toml"))
    assert " ".join(assessment.verdict.sentence.split()) in " ".join(said.split())
    assert f"{assessment.dose('Tumor 1'):.1f} Gy" in said and "≤ 120 Gy" in said, "doses stand beside their limits"
    assert max(len(line) for line in said.splitlines() if str(out) not in line) <= 80
    for row, region in zip(data["doses"], assessment.regions, strict=True):
        assert row["mean_dose_gy"]["multicompartment"] == assessment.doses.dose_gy(Model.MULTI, region.indices)
    assert all(len(i["sha256"]) == 64 for i in data["inputs"])
    assert len(data["inputs"]) >= 4


def test_assess_tells_what_was_delivered_otherwise_than_planned(tmp_path, capsys):
    (tmp_path / "case").mkdir()
    write_case(digital_patient(COARSE, "vasospasm").case(), tmp_path / "case")
    assert main(["assess", str(tmp_path / "case" / "case.toml"), "--out", str(tmp_path / "out")]) == OK
    told = " ".join(capsys.readouterr().out.split())
    data = json.loads((tmp_path / "out" / "assessment.json").read_text(encoding="utf-8"))
    messages = [d["message"] for d in data["planned_against_delivered"]]
    assert any(m.startswith("Tumor 1 was planned with") for m in messages)
    assert all(m in told for m in messages)


def test_quiet_writes_and_prints_nothing(case_folder, tmp_path, capsys):
    assert main(["assess", str(case_folder / "case.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == OK
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "out" / "doses.csv").exists()


def test_what_was_written_is_never_overwritten(case_folder, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep", encoding="utf-8")
    assert "not empty" in refused(capsys, "assess", case_folder / "case.toml", "--out", out)
    assert (out / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_a_stopped_or_failed_run_leaves_nothing_behind(case_folder, tmp_path, capsys, monkeypatch):
    def stop(*_args, **_more):
        raise Cancelled

    def fail(*_args, **_more):
        raise RuntimeError("a fault")

    for broken, code in ((stop, STOPPED), (fail, FAULT)):
        monkeypatch.setattr(planner, "write_report", broken)
        assert main(["assess", str(case_folder / "case.toml"), "--out", str(tmp_path / "out")]) == code
        assert list(tmp_path.iterdir()) == []
    assert "please report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lung_shunt_fraction = 0.05", "lung_shunt_fraction = 5", "lung_shunt_fraction is 5"),
        ("lung_shunt_fraction = 0.05", "lung_shunt_fraction = 1.0", "outside [0, 1)"),
        ("residual_fraction = 0.01", "residual_fraction = -0.01", "outside [0, 1)"),
        ("09:30:00+01:00", "09:30:00", "time zone"),
        ("weight_kg = ", "wieght_kg = ", "weight_kg"),
        ('image_values = "counts"', "", "image_values"),
        ('image_values = "counts"', 'image_values = "suv"', "image_values"),
        ('perfused = "Right lobe"', 'perfused = "Right lobbe"', "Right lobbe"),
        ('role = "liver"', 'role = "livre"', "liver"),
        ("scenario = 2", "scenario = 7", "scenario"),
        ("activity_gbq = 6.0", "activity_gbq = 0.0", "0.0 GBq"),
        ("activity_gbq = 6.0", "activity_gbq = nan", "nan"),
        ("[case]", "[case", "line 1"),
        ('file = "structures/01_liver.nrrd"', 'file = "structures/nothing.nrrd"', "nothing.nrrd"),
        ('role = "tumor"', 'role = "liver"', "liver"),
    ],
)
def test_a_wrong_case_file_gets_one_message_that_says_where(case_path, tmp_path, capsys, old, new, says):
    change(case_path, old, new)
    message = refused(capsys, "assess", case_path, "--out", tmp_path / "out")
    assert says in message
    assert not (tmp_path / "out").exists()


def rewritten_image(case_path: Path, work) -> None:
    """Replace the session's image by one that was changed."""
    path = case_path.parent / "session_01.nrrd"
    image = sitk.ReadImage(str(path))
    path.unlink()
    sitk.WriteImage(work(image), str(path))


def with_array(work):
    def change_image(image):
        array = sitk.GetArrayFromImage(image).astype(np.float32)
        work(array)
        copy = sitk.GetImageFromArray(array)
        copy.CopyInformation(image)
        return copy

    return change_image


def set_nan(array):
    array[5, 5, 5] = np.nan


def set_zero(array):
    array[:] = 0


def set_hounsfield(array):
    array[:] = -1000
    array[20:30, 20:30, 20:30] = 60


def elsewhere(image):
    image.SetOrigin((5000.0, 5000.0, 5000.0))
    return image


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (with_array(set_nan), "not a number"),
        (with_array(set_zero), "no counts"),
        (with_array(set_hounsfield), "CT"),
        (elsewhere, "share no space"),
    ],
)
def test_an_image_that_cannot_be_right_gets_one_message(case_path, tmp_path, capsys, work, says):
    rewritten_image(case_path, work)
    assert says in refused(capsys, "assess", case_path, "--out", tmp_path / "out")


def test_few_negative_counts_are_set_to_zero_in_a_copy_and_said_so(case_path, tmp_path):
    def few(array):
        array[0, 0, :4] = -0.5

    rewritten_image(case_path, with_array(few))
    assert main(["assess", str(case_path), "--out", str(tmp_path / "out")]) == OK
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "4 negative voxels" in page and "set to 0" in page


def test_a_truncated_image_is_refused(case_path, tmp_path, capsys):
    path = case_path.parent / "session_01.nrrd"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    message = refused(capsys, "assess", case_path, "--out", tmp_path / "out")
    assert "session_01.nrrd" in message and "truncated" in message


def test_the_template_is_a_case_file_that_asks_for_files(tmp_path, capsys):
    assert main(["case", "new", str(tmp_path / "new")]) == OK
    message = refused(capsys, "assess", tmp_path / "new" / "case.toml", "--out", tmp_path / "out")
    assert "no such file" in message or "missing" in message


def test_the_template_is_written_beside_images_and_never_over_a_case(tmp_path, capsys):
    (tmp_path / "ct.nrrd").write_bytes(b"an image")
    assert main(["case", "new", str(tmp_path)]) == OK
    assert (tmp_path / "ct.nrrd").read_bytes() == b"an image"
    (tmp_path / "case.toml").write_text("mine", encoding="utf-8")
    assert "exists already" in refused(capsys, "case", "new", tmp_path)
    assert (tmp_path / "case.toml").read_text(encoding="utf-8") == "mine"


def image_file(tmp_path, values=None):
    array = np.zeros((12, 12, 12), dtype=np.float32) if values is None else values
    if values is None:
        array[4:8, 4:8, 4:8] = 3.0
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((4.0, 4.0, 4.0))
    sitk.WriteImage(image, str(tmp_path / "counts.nrrd"))
    return tmp_path / "counts.nrrd"


@pytest.mark.parametrize("model", ["local", "kernel"])
def test_the_dose_of_an_image_holds_the_energy_of_its_activity(tmp_path, model):
    out = tmp_path / "dose.nrrd"
    assert main(["dose", str(image_file(tmp_path)), "--model", model, "--total-gbq", "1", "--out", str(out)]) == OK
    dose = sitk.GetArrayFromImage(sitk.ReadImage(str(out)))
    joule = dose.sum() * 0.064 * 1.04 / 1000
    assert joule == pytest.approx(50.0, rel=1e-5 if model == "local" else 0.02)
    local_gy = 50 / (64 * 0.064 * 1.04 / 1000)
    assert dose.max() == pytest.approx(local_gy, rel=1e-5) if model == "local" else dose.max() < local_gy


def test_absolute_values_need_no_total(tmp_path):
    out = tmp_path / "dose.nrrd"
    arguments = ["dose", str(image_file(tmp_path)), "--unit", "bq-ml", "--density-g-ml", "1.0", "--out", str(out)]
    assert main([*arguments, "--joule-per-gbq", "49.67"]) == OK
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(out))).max() == pytest.approx(3e-9 * 49.67 * 1000, rel=1e-5)


def test_the_dose_command_refuses_what_it_cannot_mean(tmp_path, capsys):
    image = image_file(tmp_path)
    out = tmp_path / "dose.nrrd"
    assert main(["dose", str(image), "--out", str(out)]) == WRONG_INPUT
    assert "--total-gbq" in capsys.readouterr().err
    out.write_text("mine", encoding="utf-8")
    assert "exists" in refused(capsys, "dose", image, "--total-gbq", "1", "--out", out)
    assert "-1" in refused(capsys, "dose", image, "--total-gbq", "-1", "--out", tmp_path / "other.nrrd")
    (tmp_path / "text.nrrd").write_text("no image", encoding="utf-8")
    assert "text.nrrd" in refused(
        capsys, "dose", tmp_path / "text.nrrd", "--total-gbq", "1", "--out", tmp_path / "o.nrrd"
    )


def test_the_package_run_by_python_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "Y90DosimetryLib", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("y90 ")


def test_the_demo_says_where_to_look(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "demo")]) == OK
    said = capsys.readouterr().out
    assert str(tmp_path / "demo" / "report.html") in said
    assert (tmp_path / "demo" / "case" / "case.toml").exists()
    assert main(["assess", str(tmp_path / "demo" / "case" / "case.toml"), "--out", str(tmp_path / "again")]) == OK


def test_an_unknown_command_or_option_is_answered_by_the_nearest_known_one(capsys):
    for words, near in (
        (["asses", "case.toml"], "Did you mean 'assess'?"),
        (["calc", "activty"], "Did you mean 'activity'?"),
        (["calc", "dose", "--activity-mbq", "3"], "unknown option '--activity-mbq'. Did you mean '--activity-gbq'?"),
        (["asess", "--out", "x"], "Did you mean 'assess'?"),
    ):
        assert main(words) == WRONG_INPUT
        assert near in capsys.readouterr().err


def test_a_command_imports_no_other_and_no_statistics():
    code = (
        "import sys; from Y90DosimetryLib.cli import main; main(sys.argv[1:]); "
        "heavy = [m for m in sys.modules if m.startswith(('scipy', 'vtk', 'Y90DosimetryLib.cohort'))]"
        "; assert not heavy, heavy"
    )
    for words in (["--version"], ["calc", "decay", "--activity-gbq", "3", "--hours", "72"]):
        assert subprocess.run([sys.executable, "-c", code, *words], check=False).returncode == 0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/out/dose.nrrd"),
            "/out/dose.nrrd: no space left on device. Free",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/case/ct.nrrd"), "Check that it is still there"),
        (PermissionError(errno.EACCES, "Permission denied", "/out"), "/out: permission denied. Check the permissions"),
        (TimeoutError("timed out"), "timed out. Check the disk and the network"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_and_no_fault_of_the_software(
    case_folder, tmp_path, capsys, monkeypatch, error, says
):
    def fails(*_args, **_more):
        raise error

    monkeypatch.setattr(planner, "write_report", fails)
    assert says in refused(capsys, "assess", case_folder / "case.toml", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_reader_that_has_enough_ends_the_command_without_a_word(case_folder):
    command = f"{sys.executable} -m Y90DosimetryLib rules | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout.count("\n") == 1


def test_an_image_in_bq_ml_says_its_activity_and_suspects_counts(tmp_path, capsys):
    """27 voxels of 1 mL with 0.1 GBq/mL make 2.7 GBq; counts of 500, taken for Bq/mL, make 13.5 kBq."""
    for value, activity, suspects in ((1e8, "activity in the image 2.7 GBq", False), (500.0, "1.35e-05 GBq", True)):
        image = sitk.GetImageFromArray(np.full((3, 3, 3), value, np.float32))
        image.SetSpacing((10.0, 10.0, 10.0))
        sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
        out = tmp_path / f"dose-{value:g}.nrrd"
        assert main(["dose", str(tmp_path / "image.nrrd"), "--unit", "bq-ml", "--out", str(out)]) == OK
        said = capsys.readouterr().err
        assert activity in said and "maximum" in said
        assert ("Check" in said) is suspects
