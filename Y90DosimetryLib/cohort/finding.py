"""The cases of a folder: every case.toml in it, each once, whatever links lead to it."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

CASE_NAME = "case.toml"


@dataclass(frozen=True)
class FoundCase:
    """A case file, and its folder relative to the searched one: the name under which the cohort knows it."""

    name: str
    path: Path


@dataclass(frozen=True)
class Search:
    """What a folder holds: the cases in the order of their names, and the folders that could not be opened."""

    cases: tuple[FoundCase, ...]
    closed: tuple[str, ...]


def find_cases(folder: Path, out: Path) -> Search:
    """Return the cases of *folder* and all folders in it; *out*, and what begins with a dot, is left out.

    Links to folders are followed, but a folder that is reached in several ways counts once, under its own name
    where it lies in *folder*.

    Raises
    ------
    InputError
        If *folder* is no folder, holds no case, or lies in *out*.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), remedy="Give the folder that holds the cases")
    top, results = folder.resolve(), out.resolve()
    if top == results or results in top.parents:
        raise InputError(
            "the cases lie in the folder of the results", where=str(folder), remedy="Choose another folder with --out"
        )
    cases: list[FoundCase] = []
    closed: list[str] = []
    seen = {results}
    waiting, links = deque([(top, "")]), deque[tuple[Path, str]]()
    while waiting or links:  # links wait until every folder itself was seen
        place, name = waiting.popleft() if waiting else links.popleft()
        try:
            real = place.resolve(strict=True)
            if real in seen:
                continue
            seen.add(real)
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except (OSError, RuntimeError):  # a link that leads nowhere or to itself, or no right to look
            closed.append(name or ".")
            continue
        for entry in entries:
            below = f"{name}/{entry.name}" if name else entry.name
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                (links if entry.is_symlink() else waiting).append((place / entry.name, below))
            elif entry.name == CASE_NAME:
                cases.append(FoundCase(_readable(name or "."), place / entry.name))
            elif entry.is_symlink() and not Path(entry.path).exists():
                closed.append(below)
    if not cases:
        raise InputError(
            f"no {CASE_NAME} is in it",
            where=str(folder),
            remedy="Write one with `y90 case new`, or give another folder",
        )
    return Search(tuple(sorted(cases, key=lambda c: c.name)), tuple(sorted(map(_readable, closed))))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _readable(name: str) -> str:
    """Return a file's name as text that can be written: bytes that are no UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
