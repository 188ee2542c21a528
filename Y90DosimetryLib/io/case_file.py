"""A case from a TOML file: paths, units and times are converted here, once, and everything unknown is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from ..case import (
    Case,
    CountReference,
    Disease,
    DoseModel,
    Encephalopathy,
    Grade,
    Intent,
    Patient,
    Settings,
)
from ..errors import InputError
from ..images import CtImage, array_of
from ..progress import Progress, silent
from ..quantities import require_not_negative
from ..scores import albumin_from_g_dl, bilirubin_from_mg_dl, creatinine_from_mg_dl
from ..structures import Role, Structure
from .case_inputs import CaseFiles, InputFile, located
from .case_keys import BY_NAME, FROM_CT
from .case_schema import check_document, did_you_mean, template
from .case_sessions import read_session
from .case_writer import write_case
from .segmentations import read_segments, structures_of
from .volumes import Volume

__all__ = ["CaseFile", "InputFile", "read_case", "read_case_file", "template", "write_case"]

PATIENT_FIELDS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "bilirubin_mg_dl": ("bilirubin_umol_l", bilirubin_from_mg_dl),
    "albumin_g_dl": ("albumin_g_l", albumin_from_g_dl),
    "creatinine_mg_dl": ("creatinine_umol_l", creatinine_from_mg_dl),
    "inr": ("inr_ratio", float),
}
"""Keys of [patient] that are not called as the field they fill, with the conversion to its unit."""


@dataclass(frozen=True)
class CaseFile:
    """A case with the files it was read from, the case file itself first."""

    case: Case
    inputs: tuple[InputFile, ...]


def read_case(path: Path | str) -> Case:
    """Return the case of a TOML file; see `template` for its keys.

    Raises
    ------
    InputError
        If the file or an image it names is unreadable, or anything in it is unknown, missing or impossible.
    """
    return read_case_file(Path(path)).case


def read_case_file(path: Path, progress: Progress = silent) -> CaseFile:
    """Return what `read_case` does, with the digests of all files it was read from."""
    path = Path(path)
    with located(str(path)):
        document = _parse(path)
        check_document(document)
        files = CaseFiles(path.parent, progress, _count(document))
        files.path("case file", path.name)
        case = document["case"]
        patient, disease = _patient(document.get("patient", {})), _disease(document.get("disease", {}))
        settings = _settings(document.get("settings", {}))
        ct = _ct(document.get("images", {}), files)
        structures = _structures(document, files)
        sessions = tuple(read_session(values, files, ct) for values in document.get("sessions", ()))
        image = CtImage(ct.image) if ct else None
        notes = (*case.get("notes", ()), *files.notes)
        return CaseFile(
            Case(case["label"], structures, sessions, image, patient, disease, settings, notes), tuple(files.inputs)
        )


def _parse(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise InputError("this is a folder", remedy="Give the case file, for example case.toml")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError("there is no such file", remedy="`y90 case new` writes a template") from None
    except OSError as error:
        raise InputError(f"it can't be read ({error.strerror})", remedy="Check the rights") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"this is no UTF-8 text (at line {line})", remedy="Save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"this is not valid TOML: {error}", remedy="Texts stand in quotes, times and numbers do not"
        ) from None


def _count(document: Mapping[str, Any]) -> int:
    images = sum("image" in session for session in document.get("sessions", ()))
    others = 1 + ("images" in document) + ("segmentation" in document)
    return images + others + len(document.get("structures", ()))


def _ct(values: Mapping[str, Any], files: CaseFiles) -> Volume | None:
    if "ct" not in values:
        if "series" in values:
            raise InputError("'series' is given, but no 'ct'", where="[images]", remedy="Name the folder as ct")
        return None
    volume = files.volume("CT", values["ct"], values.get("series", ""))
    array = array_of(volume.image)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"{int(np.count_nonzero(~np.isfinite(array)))} voxels are not a number or infinite",
            where="CT",
            remedy="Export it again",
        )
    if volume.header and volume.header.modality != "CT":
        files.notes.append(f"CT: its DICOM header says modality {volume.header.modality or 'unknown'}")
    return volume


def _structures(document: Mapping[str, Any], files: CaseFiles) -> tuple[Structure, ...]:
    found: list[Structure] = []
    for values in document.get("structures", ()):
        name = f"structure '{values['label']}'"
        mask = files.mask(name, values["file"], values.get("label_value"))
        found.append(Structure(Role(values["role"]), values["label"], mask))
    if "segmentation" in document:
        values = document["segmentation"]
        path = files.path("segmentation", values["file"])
        segments = read_segments(path, f"segmentation, {path}")
        structures, left_out = structures_of(segments, _roles(values["roles"]), f"segmentation, {path}")
        found += structures
        if left_out:
            files.notes.append(f"segmentation: left out, as they have no role: {', '.join(left_out)}")
    return tuple(found)


def _roles(written: str | Mapping[str, str]) -> dict[str, Role] | None:
    if isinstance(written, str):
        assert written == BY_NAME, "the only word the schema lets pass"
        return None
    for segment, role in written.items():
        if role not in list(Role):
            raise InputError(
                f"the role of '{segment}' is '{role}'",
                where="[segmentation] roles",
                remedy=did_you_mean(role, list(Role)) or f"Write one of: {', '.join(Role)}",
            )
    return {segment: Role(role) for segment, role in written.items()}


def _patient(values: Mapping[str, Any]) -> Patient:
    known: dict[str, Any] = {}
    given: dict[str, str] = {}
    for key, value in values.items():
        field, convert = PATIENT_FIELDS.get(key, (key, None))
        if field in known:
            raise InputError(
                f"'{given[field]}' and '{key}' are both given", where="[patient]", remedy="Keep one of them"
            )
        if not isinstance(value, str):
            require_not_negative(value, f"[patient] {key}")
        known[field] = convert(value) if convert else value
        given[field] = key
    for field, words in (("ascites", Grade), ("encephalopathy", Encephalopathy)):
        if field in known:
            known[field] = words(known[field])
    return Patient(**known)


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
