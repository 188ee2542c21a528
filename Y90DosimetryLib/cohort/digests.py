"""Whether a stored result still holds: the content of every file it came from, and the software that made it."""

from __future__ import annotations

import hashlib
import platform
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import SimpleITK as sitk

from ..errors import InputError
from ..io.paths import relative
from ..io.volumes import digest
from ..version import __version__

LIBRARY = Path(__file__).resolve().parents[1]
PARTS_OF_A_RESULT = (".py", ".toml", ".csv")
"""Code, rules and tables of data: what a number can depend on."""
NOT_OF_A_RESULT = ("cli", "report")
"""Rooms that show results and make none."""


@lru_cache(maxsize=1)
def software_digest() -> str:
    """Return a digest of all that makes a result: version, code, rules, data, and the packages that compute."""
    sha = hashlib.sha256()
    for word in (
        __version__,
        platform.python_version(),
        np.__version__,
        scipy.__version__,
        sitk.Version.VersionString(),
    ):
        sha.update(f"{word}\n".encode())
    for path in sorted(LIBRARY.rglob("*")):
        inside = path.relative_to(LIBRARY)
        if path.suffix in PARTS_OF_A_RESULT and inside.parts[0] not in NOT_OF_A_RESULT and path.name[0] != ".":
            sha.update(f"{inside.as_posix()}\n".encode())
            sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def is_unchanged(case_path: Path, inputs: Sequence[Mapping[str, str]]) -> bool:
    """Return whether every file that a result was computed from still has the content it had.

    *inputs* are the paths as the case file writes them, with their SHA-256, the case file first. The same case file
    names the same files, so no other file can have come into play. Contents are read, not dates: a copy may keep
    the date and the size of what it replaces.
    """
    if not inputs or inputs[0]["path"] != case_path.name:
        return False
    try:
        if digest(case_path) != inputs[0]["sha256"]:
            return False
        series = _series(tomllib.loads(case_path.read_bytes().decode("utf-8-sig")), case_path.parent)
        return all(_is_same(case_path.parent, one["path"], one["sha256"], series) for one in inputs[1:])
    except (InputError, OSError, ValueError):
        return False


def _is_same(folder: Path, path: str, sha256: str, series: Mapping[str, set[str]]) -> bool:
    return any(digest(folder / path, uid, within=folder) == sha256 for uid in sorted(series.get(path, {""})))


def _series(document: Mapping[str, Any], folder: Path) -> dict[str, set[str]]:
    """Return the DICOM series chosen for each path of a case file, from its folder on; '' where none is."""
    found: dict[str, set[str]] = {}
    for table in _tables(document):
        uid = table.get("series", "")
        for value in table.values():
            if isinstance(value, str) and isinstance(uid, str):
                found.setdefault(relative(value, folder), set()).add(uid)
    return found


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _tables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tables(inner)
