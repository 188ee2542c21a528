"""A case from a TOML file: paths, units and times are converted here, once, and everything unknown is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from ..case import Case, CountReference, Disease, DoseModel, Intent, Settings
from ..errors import InputError
from ..images import CtImage
from ..planning import StatedInputs, site_profile, stated_from, with_site
from ..progress import Progress, silent
from .case_inputs import CaseFiles, InputFile, located
from .case_keys import FROM_CT
from .case_outcome import read_outcome
from .case_schema import check_document, did_you_mean, template, toml_error
from .case_sessions import read_session
from .case_study import files_of_study, read_ct, read_patient, read_structures
from .case_time_points import read_time_point
from .case_writer import write_case
from .paths import printable, require_file

__all__ = ["CaseFile", "InputFile", "read_case", "read_case_file", "template", "write_case"]


@dataclass(frozen=True)
class CaseFile:
    """A case with the files it was read from, the case file itself first, and how uncertain its inputs are stated."""

    case: Case
    inputs: tuple[InputFile, ...]
    stated: StatedInputs = StatedInputs()


def read_case(path: Path | str) -> Case:
    """Return the case of a TOML file; see `template` for its keys.

    Raises
    ------
    InputError
        If the file or an image it names is unreadable, or anything in it is unknown, missing or impossible.
    """
    return read_case_file(Path(path)).case


def read_case_file(path: Path, progress: Progress = silent) -> CaseFile:
    """Return what `read_case` does, with the digests of all files it was read from and the stated uncertainty."""
    path = Path(path)
    with located(printable(str(path))):
        document = _parse(path)
        check_document(document)
        files = CaseFiles(path.parent, progress, _count(document), document.get("geometry", ()))
        files.path("case file", path.name)
        case, uncertainty = document["case"], document.get("uncertainty", {})
        stated = with_site(stated_from({name: float(v) for name, v in uncertainty.items()}), site_profile())
        patient, disease = read_patient(document.get("patient", {})), _disease(document.get("disease", {}))
        settings = _settings(document.get("settings", {}))
        ct = read_ct(document.get("images", {}), files)
        structures = read_structures(document, files, density_g_ml=settings.liver_density_g_ml)
        sessions = tuple(read_session(values, files, ct) for values in document.get("sessions", ()))
        image = CtImage(ct.image) if ct else None
        points = tuple(read_time_point(values, files) for values in document.get("time_points", ()))
        files.require_all_placed()
        notes = (*case.get("notes", ()), *files.notes)
        outcome = read_outcome(document.get("outcome", {}))
        return CaseFile(
            Case(case["label"], structures, sessions, image, patient, disease, settings, notes, points, outcome),
            tuple(files.inputs),
            stated,
        )


def _parse(path: Path) -> dict[str, Any]:
    require_file(path, "", "Give the case file, for example case.toml; `y90 case new` writes a template")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"not UTF-8 text (at line {line})", remedy="Save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise toml_error(text, str(error)) from None


def _count(document: Mapping[str, Any]) -> int:
    images = sum("image" in session for session in document.get("sessions", ()))
    return 1 + images + sum(files_of_study(study) for study in (document, *document.get("time_points", ())))


def _disease(values: Mapping[str, Any]) -> Disease:
    facts = {key: value for key, value in values.items() if key not in ("scenario", "intent")}
    intent = values.get("intent")
    return Disease(values.get("scenario"), Intent(intent) if intent else None, facts)


def _settings(values: Mapping[str, Any]) -> Settings:
    chosen = dict(values)
    if chosen.get("lung_mass_g") == FROM_CT:
        chosen["lung_mass_g"] = None
    for key, words in (("dose_model", DoseModel), ("count_reference", CountReference)):
        if key in chosen:
            chosen[key] = words(chosen[key])
    if "hospital_time_zone" in chosen:
        _check_zone(chosen["hospital_time_zone"])
    return Settings(**chosen)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        known = available_timezones()
        if known:  # else this computer has no list, and nothing can be said
            raise InputError(
                f"hospital_time_zone '{name}' is unknown",
                where="[settings]",
                remedy=did_you_mean(name, known) or "Write an IANA name such as Europe/Paris",
            ) from None
