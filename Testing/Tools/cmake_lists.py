"""Rewrite the lists of files in the CMakeLists.txt of every part that Slicer installs.

Slicer's macros want each file named. The lists are made from the disk, sorted; a test compares the two.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Y90DosimetryLib", "Y90Dosimetry")
SCRIPTS, RESOURCES = "MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"


def files_on_disk(folder: Path) -> dict[str, list[str]]:
    """Return the files of a part by the name of their list, as paths inside *folder*."""
    files = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "CMakeLists.txt" and path.suffix != ".pyc" and path.name[0] != "."
    )
    return {
        SCRIPTS: [path.as_posix() for path in files if path.suffix == ".py"],
        RESOURCES: [path.as_posix() for path in files if path.suffix != ".py"],
    }


def with_lists(text: str, lists: dict[str, list[str]]) -> str:
    """Return the text of a CMakeLists.txt with the contents of its lists replaced."""
    for name, files in lists.items():
        body = "".join(f"  {file}\n" for file in files)
        text, found = re.subn(rf"set\({name}\n[^)]*\)", f"set({name}\n{body}  )", text)
        if found != 1:
            raise SystemExit(f"{found} lists are called {name}; there must be one, starting 'set({name}' on a line")
    return text


def main() -> None:
    """Rewrite the files that need it, and say which."""
    for part in PARTS:
        target = ROOT / part / "CMakeLists.txt"
        if not target.exists():
            continue
        before = target.read_text(encoding="utf-8")
        after = with_lists(before, files_on_disk(target.parent))
        target.write_text(after, encoding="utf-8", newline="\n")
        print(f"{target.relative_to(ROOT)}: {'rewritten' if after != before else 'up to date'}")


if __name__ == "__main__":
    main()
