"""The wheel carries every file the library needs, its license and its command, and works away from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the sources, without the network."""
    pytest.importorskip("setuptools", "77", reason="setuptools 77 or newer builds the wheel")
    sources = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]):
        shutil.copy(ROOT / name, sources)
    shutil.copytree(ROOT / "Y90DosimetryLib", sources / "Y90DosimetryLib", ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", build], cwd=sources, check=True, capture_output=True)
    (path,) = (sources / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_library_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    library = ROOT / "Y90DosimetryLib"
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for path in library.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "CMakeLists.txt"
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == on_disk


def test_the_wheel_says_its_version_license_and_command(wheel: zipfile.ZipFile) -> None:
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    version = (ROOT / "Y90DosimetryLib" / "version.py").read_text(encoding="utf-8").split('"')[-2]
    metadata = wheel.read(f"{folder}/METADATA").decode()
    assert folder == f"y90dosimetry-{version}.dist-info"
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "Apache License" in wheel.read(f"{folder}/licenses/LICENSE.txt").decode()
    assert "y90 = Y90DosimetryLib.cli:main" in wheel.read(f"{folder}/entry_points.txt").decode()


def test_the_wheel_works_away_from_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "unpacked")
    script = (
        "import sys, Y90DosimetryLib; from Y90DosimetryLib.cli import main; print(Y90DosimetryLib.__file__); "
        "sys.exit(main(['calc', 'kernel', '--voxel-mm', '4', '--density-g-ml', '1.04', '--json']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "unpacked")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert str(tmp_path / "unpacked") in run.stdout
    assert "energy_fraction" in run.stdout


def test_the_changelog_and_the_citation_know_the_version() -> None:
    version = (ROOT / "Y90DosimetryLib" / "version.py").read_text(encoding="utf-8").split('"')[-2]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
