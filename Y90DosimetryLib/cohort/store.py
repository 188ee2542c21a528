"""The folder of a cohort: one result a case, the key to the pseudonyms, and the tables; each file whole or absent.

What names a person lies in one folder inside, `identifying`; everything beside it may be shared.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import InputError
from ..io.writing import FORMULAS, write_json, write_table, write_text
from .work import SCHEMA

LOCK_NAME = ".y90-cohort"
PRIVATE = "identifying"
KEY_HEADINGS = ("case", "tumor", "path", "label", "status", "message")
WARNING = (
    "This folder names patients: key.csv holds their folders and labels, results/ what was computed of each.\n"
    "Do not share it. The files beside it hold pseudonyms only.\n"
)
UNFINISHED = re.compile(r"\..+-[0-9a-f]{8}\.\w+")
"""How `io.writing` names a file until it is whole."""


@dataclass(frozen=True)
class Store:
    """The folder that a cohort's run writes into."""

    folder: Path

    @property
    def key_path(self) -> Path:
        """Which pseudonym is which case."""
        return self.folder / PRIVATE / "key.csv"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep other runs out of it as long as the block lasts.

        Raises
        ------
        InputError
            If another run is writing into it, it holds something else, or it can't be made.
        """
        lock = self.folder / LOCK_NAME
        if self.folder.is_dir() and any(self.folder.iterdir()) and not lock.exists():
            raise InputError(
                "the folder holds something else", where=str(self.folder), remedy="Choose a new one with --out"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = lock.open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"it can't be written ({error.strerror or error})",
                where=str(self.folder),
                remedy="Choose a folder you may write to",
            ) from None
        with stream:
            if not _taken(stream):
                raise InputError(
                    "another run is writing into it",
                    where=str(self.folder),
                    remedy="Wait for it, or choose another --out",
                )
            write_text(WARNING, self.folder / PRIVATE / "DO-NOT-SHARE.txt", overwrite=True)
            self._sweep()
            yield

    # Pseudonyms

    def numbered(self, names: Sequence[str]) -> dict[str, str]:
        """Return the pseudonym of each case, and write the key; a case keeps what it once got, also when it returns.

        New cases are numbered in the order of a digest of their names, which says nothing of the alphabet.
        """
        known = {row["path"]: row["case"] for row in self._key_rows()}
        last = max((int(case.removeprefix("case-")) for case in known.values()), default=0)
        for name in sorted(set(names) - known.keys(), key=_digest):
            last += 1
            known[name] = f"case-{last:04}"
        lines = [(case, "", name, "", "", "") for name, case in known.items()]
        write_table(self.key_path, KEY_HEADINGS, sorted(lines))
        return known

    def _key_rows(self) -> list[dict[str, str]]:
        if not self.key_path.exists():
            return []
        with self.key_path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        for row in rows:
            if not re.fullmatch(r"case-\d+", row.get("case") or "") or not row.get("path"):
                raise InputError(
                    "a line has no case or no path",
                    where=str(self.key_path),
                    remedy="Mend the line, or remove the file",
                )
        return [{**row, "path": _typed(row["path"])} for row in rows if not row["tumor"]]

    # Results

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the stored result of a case; None where there is none that can be believed."""
        try:
            found = json.loads(self._result_path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None

    def save(self, name: str, result: Mapping[str, Any]) -> None:
        """Store the result of a case."""
        write_json(result, self._result_path(name), overwrite=True)

    def keep_only(self, names: Iterable[str]) -> None:
        """Remove the results of all other cases: of a case that is gone, only its pseudonym stays."""
        wanted = {self._result_path(name) for name in names}
        for path in self._results.glob("*.json"):
            if path not in wanted:
                path.unlink()

    @property
    def _results(self) -> Path:
        return self.folder / PRIVATE / "results"

    def _result_path(self, name: str) -> Path:
        return self._results / f"{_digest(name)}.json"

    def _sweep(self) -> None:
        """Remove what a run that was killed had begun to write."""
        for folder in (self.folder, self.folder / PRIVATE, self._results):
            for path in list(folder.iterdir()) if folder.is_dir() else ():
                if UNFINISHED.fullmatch(path.name):
                    path.unlink()


def _typed(cell: str) -> str:
    """Return a text as it was before `write_table` kept it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULAS) else cell


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:32]


def _taken(stream: IO[str]) -> bool:
    """Return whether the lock could be taken; the system gives it back when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
