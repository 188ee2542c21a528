"""What the pages show is what the software answers, and every page is reached from the index."""

import re
import shlex
from pathlib import Path

import pytest

from Y90DosimetryLib.cli import OK, main

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "Docs").glob("*.md"))
TRANSCRIPT = re.compile(r"^\$ y90 (.+)\n((?:(?!```|\$ ).*\n)*)", re.MULTILINE)
SHOWN = [(page.name, *found) for page in DOCS for found in TRANSCRIPT.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "words", "answer"), SHOWN, ids=[f"{page}: {words[:30]}" for page, words, _ in SHOWN])
def test_a_command_of_a_page_answers_as_printed(page, words, answer, capsys):
    assert main(shlex.split(words)) == OK
    assert capsys.readouterr().out.strip() == answer.strip()


def test_commands_are_found_on_the_pages():
    assert len(SHOWN) >= 5


def test_every_page_stands_in_the_index_and_the_readme_leads_there():
    index = (ROOT / "Docs" / "README.md").read_text(encoding="utf-8")
    assert {p.name for p in DOCS} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert "Docs/README.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_links_between_files_lead_somewhere():
    pages = [*DOCS, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_recipes_run_and_their_answers_are_right(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "Docs" / "recipes.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(programs) == 10
    names: dict[str, object] = {"__name__": "recipes"}
    for number, program in enumerate(programs, 1):
        exec(compile(program, f"recipe {number}", "exec"), names)
    said = capsys.readouterr().out
    # by hand: k A / (m_normal + r m_tumor), with r = 4 by the counts, 0.064 mL a voxel and 1.03 g/mL
    voxel_kg, voxels, tumor = 0.064 * 1.03 / 1000, 30**3, 7**3
    dose_gy = 4 * 50 * 2.0 * 0.99 * 0.95 / ((voxels - tumor) * voxel_kg + 4 * tumor * voxel_kg)
    assert float(said.splitlines()[-1]) == pytest.approx(dose_gy, rel=1e-3)
    assert len(repr(names["assessment"])) < 1000
    assert "<table>" in names["assessment"]._repr_html_()
