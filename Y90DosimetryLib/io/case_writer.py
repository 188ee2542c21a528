"""A case to a folder: case.toml with its images and masks as NRRD, such that reading it gives the same case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path

import SimpleITK as sitk

from ..case import Case, Infusion, Patient, Session, Settings, TimePoint
from ..images import ActivityMap
from ..lesions import LesionReading, ThrombusReading
from ..planning import StatedInputs
from ..structures import Structure
from .case_keys import AT_INFUSION, FROM_CT, FROM_IMAGE
from .case_outcome import outcome_tables
from .writing import output_folder, write_image, write_text

PATIENT_KEYS: Mapping[str, str] = {"inr_ratio": "inr"}
"""Fields of `Patient` that are called otherwise in the file."""


def write_case(case: Case, folder: Path, stated: StatedInputs | None = None) -> None:
    """Write a case into a new folder: `case.toml`, the CT, one mask a structure, one image a session.

    *stated* is how uncertain the inputs are; nothing is written about that where it is not given.

    Raises
    ------
    InputError
        If the folder has something in it or can't be written.
    """
    with output_folder(folder) as temporary:
        lines = [*_table("[case]", {"label": case.label, "notes": list(case.notes) or None})]
        if case.ct:
            write_image(case.ct.image, temporary / "ct.nrrd")
            lines += _table("[images]", {"ct": "ct.nrrd"})
        for number, structure in enumerate(case.structures, start=1):
            lines += _structure(structure, f"structures/{number:02}_{_plain(structure.label)}.nrrd", temporary)
        lines += _patient("[patient]", case.patient)
        disease = case.disease
        lines += _table("[disease]", {"scenario": disease.scenario, "intent": disease.intent, **disease.facts})
        for number, session in enumerate(case.sessions, start=1):
            lines += _session(session, f"session_{number:02}.nrrd", temporary)
        for number, point in enumerate(case.time_points, start=1):
            lines += _time_point(point, f"time_point_{number:02}", temporary)
        for header, values in outcome_tables(case.outcome):
            lines += _table(header, values)
        lines += _table("[uncertainty]", stated.by_name() if stated else {})
        lines += _settings(case.settings)
        write_text("\n".join(lines[1:]) + "\n", temporary / "case.toml")


def _patient(header: str, patient: Patient) -> Iterator[str]:
    return _table(header, {PATIENT_KEYS.get(f.name, f.name): getattr(patient, f.name) for f in fields(Patient)})


def _structure(structure: Structure, name: str, folder: Path, table: str = "structures") -> Iterator[str]:
    said: dict[str, object] = {"label": structure.label, "role": structure.role}
    if structure.treated_otherwise:
        said["treated_otherwise"] = True
    if structure.is_typed:
        inside = structure.inside or None
        return _table(f"[[{table}]]", {**said, "volume_ml": structure.volume_ml, "inside": inside})
    write_image(sitk.Cast(structure.mask != 0, sitk.sitkUInt8), folder / name)
    return _table(f"[[{table}]]", {**said, "file": name})


def _session(session: Session, name: str, folder: Path) -> Iterator[str]:
    image: dict[str, object] = {}
    if session.image is not None:
        write_image(session.image.image, folder / name)
        image = {"image": name, "image_values": "counts"}
        if isinstance(session.image, ActivityMap):
            at = session.image.reference_time
            image |= {"image_values": "bq_ml"}
            image |= {"image_decay_corrected_to": AT_INFUSION} if at is None else {"image_time": at}
    image |= {"activity_difference": session.activity_difference}
    harmless = {"harmless_foci_mm": [list(p) for p in session.harmless_foci_mm]} if session.harmless_foci_mm else {}
    yield from _table(
        "[[sessions]]",
        {"label": session.label, "basis": session.basis, "delivers": session.delivers, **image, **harmless},
    )
    for infusion in session.infusions:
        yield from _infusion(infusion)


def _infusion(infusion: Infusion) -> Iterator[str]:
    vial = infusion.vial
    activity = "activity_at_infusion_gbq" if vial.calibrated_at is None else "activity_gbq"
    return _table(
        "[[sessions.infusions]]",
        {
            "label": infusion.label,
            "perfused": infusion.perfused,
            activity: vial.activity_gbq,
            "calibrated_at": vial.calibrated_at,
            "given_at": infusion.given_at,
            "residual_fraction": infusion.residual_fraction,
            "lung_shunt_fraction": FROM_IMAGE if infusion.lung_shunt_from_image else infusion.lung_shunt_fraction,
            "tumor_to_normal_ratio": infusion.tumor_to_normal_ratio,
        },
    )


def _time_point(point: TimePoint, folder_name: str, folder: Path) -> Iterator[str]:
    values: dict[str, object] = {"label": point.label, "date": point.on, "kind": point.kind}
    values |= {"modality": point.modality, "new_lesions": point.new_lesions, **point.facts}
    if point.ct:
        (folder / folder_name).mkdir()
        write_image(point.ct.image, folder / folder_name / "ct.nrrd")
        values["ct"] = f"{folder_name}/ct.nrrd"
    yield from _table("[[time_points]]", values)
    yield from _table("[time_points.volumes_ml]", {str(role): ml for role, ml in point.volumes_ml.items()})
    yield from _patient("[time_points.patient]", point.patient)
    for number, structure in enumerate(point.structures, start=1):
        name = f"{folder_name}/{number:02}_{_plain(structure.label)}.nrrd"
        yield from _structure(structure, name, folder, "time_points.structures")
    for lesion in point.lesions:
        yield from _reading(lesion)
    for thrombus in point.thrombi:
        yield from _reading(thrombus)


def _reading(reading: LesionReading | ThrombusReading) -> Iterator[str]:
    values = {f.name: getattr(reading, f.name) for f in fields(reading)}
    is_lesion = isinstance(reading, LesionReading)
    label = values.pop("lesion" if is_lesion else "thrombus")
    return _table(f"[[time_points.{'lesions' if is_lesion else 'thrombi'}]]", {"label": label, **values})


def _settings(settings: Settings) -> Iterator[str]:
    values = {f.name: getattr(settings, f.name) for f in fields(Settings)}
    return _table(
        "[settings]", values | {"lung_mass_g": FROM_CT if settings.lung_mass_g is None else settings.lung_mass_g}
    )


def _table(header: str, values: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a table; what is None is unknown and left out, and so is a table without keys."""
    known = {key: value for key, value in values.items() if value is not None}
    if known:
        yield from ("", header)
        yield from (f"{key} = {toml_text(value)}" for key, value in known.items())


def toml_text(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, str):  # also the words of an enumeration
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):  # also date and time
        return value.isoformat()
    if isinstance(value, Iterable):
        return f"[{', '.join(toml_text(v) for v in value)}]"
    return repr(value)


def _plain(label: str) -> str:
    return re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_").lower() or "structure"
