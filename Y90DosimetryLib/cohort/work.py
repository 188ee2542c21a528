"""One case from file to rows: what a worker does, here or on another machine, and every way in which it may end."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..engine import assess
from ..errors import DosimetryError
from ..io.case_file import read_case_file
from .digests import software_digest
from .rows import rows_of

SCHEMA = "y90-cohort-case/1"


class Ending(StrEnum):
    """How the work on a case ended."""

    DONE = "done"
    BAD_INPUT = "bad_input"
    FAULT = "fault"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OTHER_VERSION = "other_version"
    NOT_RUN = "not_run"

    @property
    def meaning(self) -> str:
        """The same in words that name no patient and no file."""
        return {
            Ending.DONE: "in the tables",
            Ending.BAD_INPUT: "the case file, or a file it names, is unreadable, impossible or contradictory",
            Ending.FAULT: "a fault of the software",
            Ending.OUT_OF_MEMORY: "more memory was needed than there is",
            Ending.CRASHED: "the process ended twice without a result, the second time with no other case beside it",
            Ending.TIMED_OUT: "the time limit ran out",
            Ending.OTHER_VERSION: "the worker runs another version of the software",
            Ending.NOT_RUN: "the run was stopped before this case was done",
        }[self]


@dataclass(frozen=True)
class Outcome:
    """How one case ended: with a result (plain JSON values), or with a message of one line."""

    ending: Ending
    message: str = ""
    result: Mapping[str, Any] | None = None


Work = Callable[[str, str], Outcome]
"""Takes the path of a case file and the digest of the software that asks; never raises for a bad case."""


def assess_file(path: str, software: str) -> Outcome:
    """Assess the case of a file and return its rows, with the digests of the files they came from."""
    if software != software_digest():
        return Outcome(Ending.OTHER_VERSION, "install the same version of the library on all workers")
    if in_one_line(path) != " ".join(path.split()):  # the readers of images don't survive such a name
        return Outcome(Ending.BAD_INPUT, f"{in_one_line(path)}: the name is no UTF-8 text. Rename the folder")
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # the cases run side by side; and sums keep their order
    try:
        file = read_case_file(Path(path))
        rows = rows_of(assess(file.case))
        json.dumps(rows, allow_nan=False)  # what can't be stored is a fault of this case alone
    except DosimetryError as error:
        return Outcome(Ending.BAD_INPUT, in_one_line(str(error)))
    except MemoryError:
        return Outcome(Ending.OUT_OF_MEMORY, Ending.OUT_OF_MEMORY.meaning)
    except Exception as error:  # a fault in one case must not stop the others
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = in_one_line(str(error))
        return Outcome(Ending.FAULT, f"{type(error).__name__}: {said} ({Path(last.filename).name}, line {last.lineno})")
    inputs = [{"path": i.path, "sha256": i.sha256} for i in file.inputs]
    head = {"schema": SCHEMA, "software": software, "label": file.case.label, "inputs": inputs}
    return Outcome(Ending.DONE, result={**head, **rows})


def in_one_line(text: str) -> str:
    """Return a message as one line that can be written; bytes of a file's name that are no UTF-8 become escapes."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())
