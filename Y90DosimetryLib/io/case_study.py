"""What one study of a case file holds: CT, outlines, body and laboratory values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..case import Encephalopathy, Grade, Patient, Settings
from ..errors import InputError
from ..images import array_of
from ..quantities import require_not_negative
from ..scores import albumin_from_g_dl, bilirubin_from_mg_dl, creatinine_from_mg_dl
from ..structures import Role, Structure
from .case_inputs import CaseFiles
from .case_keys import BY_NAME
from .case_schema import did_you_mean
from .dicom_image import Quantity
from .segmentations import structures_of
from .volumes import Volume

LIVER_DENSITY_G_ML = Settings().liver_density_g_ml
PATIENT_FIELDS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "bilirubin_mg_dl": ("bilirubin_umol_l", bilirubin_from_mg_dl),
    "albumin_g_dl": ("albumin_g_l", albumin_from_g_dl),
    "creatinine_mg_dl": ("creatinine_umol_l", creatinine_from_mg_dl),
    "inr": ("inr_ratio", float),
}
"""Keys of [patient] that are not called as the field they fill, with the conversion to its unit."""


def files_of_study(study: Mapping[str, Any]) -> int:
    """Return how many files of CT and outlines a study names."""
    named = sum(key in study for key in ("images", "ct", "segmentation"))
    return named + len(study.get("structures", ()))


def read_ct(values: Mapping[str, Any], files: CaseFiles, of: str = "") -> Volume | None:
    """Return the CT of a study, with its DICOM header where it has one; None where none is named."""
    name = f"CT{of}"
    if "ct" not in values:
        if "series" in values:
            place = name if of else "[images]"
            raise InputError("'series' is given, but no 'ct'", where=place, remedy="Name the folder as ct")
        return None
    volume = files.volume(name, values["ct"], values.get("series", ""), Quantity.HOUNSFIELD)
    array = array_of(volume.image)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"{int(np.count_nonzero(~np.isfinite(array)))} voxels are not a number or infinite",
            where=name,
            remedy="Export it again",
        )
    if volume.header and volume.header.modality != "CT":
        files.notes.append(f"{name}: its DICOM header says modality {volume.header.modality or 'unknown'}")
    return volume


def read_structures(
    study: Mapping[str, Any], files: CaseFiles, of: str = "", density_g_ml: float = LIVER_DENSITY_G_ML
) -> tuple[Structure, ...]:
    """Return the outlines of a study: its own masks and those of a segmentation; *of* ends the names of its files.

    A mass that is typed in place of a volume is divided by *density_g_ml*.
    """
    found: list[Structure] = []
    for values in study.get("structures", ()):
        name = f"structure '{values['label']}'{of}"
        sizes = [key for key in ("file", "volume_ml", "mass_g") if key in values]
        if len(sizes) != 1:
            raise InputError(
                f"{' and '.join(sizes)} are both given" if sizes else "neither file, volume_ml nor mass_g is given",
                where=name,
                remedy="Give one of them",
            )
        role, label, otherwise = Role(values["role"]), values["label"], values.get("treated_otherwise", False)
        if "file" in values:
            mask = files.mask(name, values["file"], values.get("label_value"))
            found.append(Structure(role, label, mask, otherwise))
        else:
            volume_ml = values["volume_ml"] if "volume_ml" in values else values["mass_g"] / density_g_ml
            found.append(Structure.typed(role, label, volume_ml, values.get("inside", ""), treated_otherwise=otherwise))
    if "segmentation" in study:
        values = study["segmentation"]
        name = f"segmentation{of}"
        segments = files.segments(name, values["file"])
        structures, left_out = structures_of(segments, _roles(values["roles"], of), f"{name}, {values['file']}")
        found += structures
        if left_out:
            files.notes.append(f"{name}: left out, as they have no role: {', '.join(left_out)}")
    return tuple(found)


def _roles(written: str | Mapping[str, str], of: str) -> dict[str, Role] | None:
    if isinstance(written, str):
        assert written == BY_NAME, "the only word the schema lets pass"
        return None
    for segment, role in written.items():
        if role not in list(Role):
            raise InputError(
                f"the role of '{segment}' is '{role}'",
                where=f"[segmentation]{of} roles",
                remedy=did_you_mean(role, list(Role)) or f"Write one of: {', '.join(Role)}",
            )
    return {segment: Role(role) for segment, role in written.items()}


def read_patient(values: Mapping[str, Any], where: str = "[patient]") -> Patient:
    """Return body and laboratory values, in the units of `Patient`."""
    known: dict[str, Any] = {}
    given: dict[str, str] = {}
    for key, value in values.items():
        field, convert = PATIENT_FIELDS.get(key, (key, None))
        if field in known:
            raise InputError(f"'{given[field]}' and '{key}' are both given", where=where, remedy="Keep one of them")
        if not isinstance(value, str):
            require_not_negative(value, f"{where} {key}")
        known[field] = convert(value) if convert else value
        given[field] = key
    for field, words in (("ascites", Grade), ("encephalopathy", Encephalopathy)):
        if field in known:
            known[field] = words(known[field])
    return Patient(**known)
