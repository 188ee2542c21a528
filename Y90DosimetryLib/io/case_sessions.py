"""The sessions of a case file: infusions, and the image that shows how they spread, in counts or Bq/mL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import SimpleITK as sitk

from ..case import ActivityDifference, Basis, Infusion, Session, Vial
from ..errors import InputError
from ..images import ActivityMap, CountMap, Zeroed, array_of, without_negatives
from .case_inputs import CaseFiles, located
from .case_keys import FROM_IMAGE, IMAGE_VALUES
from .dicom_image import Quantity
from .volumes import Volume

DICOM_BQ_ML = "BQML"  # DICOM PS3.3 C.8.9.1, Units (0054,1001)


def read_session(values: Mapping[str, Any], files: CaseFiles, ct: Volume | None) -> Session:
    """Return the session that one [[sessions]] table describes; *ct* only to compare frames of reference."""
    where = f"[[sessions]] '{values['label']}'"
    infusions = tuple(_infusion(v, where) for v in values["infusions"])
    image = _session_image(values, files, ct, where)
    reason = values.get("activity_difference")
    return Session(
        values["label"],
        infusions,
        image,
        Basis(values["basis"]),
        values.get("delivers"),
        None if reason is None else ActivityDifference(reason),
        tuple((float(x), float(y), float(z)) for x, y, z in values.get("harmless_foci_mm", ())),
    )


def _session_image(
    values: Mapping[str, Any], files: CaseFiles, ct: Volume | None, where: str
) -> CountMap | ActivityMap | None:
    timed = [key for key in ("image_time", "image_decay_corrected_to") if key in values]
    if "image" not in values:
        for key in ("image_values", "series", *timed):
            if key in values:
                raise InputError(
                    f"'{key}' is given, but no 'image'", where=where, remedy="Name the image, or remove it"
                )
        return None
    if "image_values" not in values:
        words = ", ".join(f'"{word}"' for word in IMAGE_VALUES)
        raise InputError("'image_values' is missing", where=where, remedy=f"Say what the voxels hold: {words}")
    scale_bq_ml = IMAGE_VALUES[values["image_values"]]
    if scale_bq_ml is None and timed:
        raise InputError(
            f"'{timed[0]}' is given for counts", where=where, remedy="Counts are relative: remove it, or give Bq/mL"
        )
    if scale_bq_ml is not None and len(timed) != 1:
        raise InputError(
            f"'{timed[0]}' and '{timed[1]}' are both given" if timed else "the image has no reference time",
            where=where,
            remedy='Give either image_time = 2026-03-05T09:00:00+01:00 or image_decay_corrected_to = "infusion"',
        )
    name = f"image of session '{values['label']}'"
    quantity = Quantity.COUNTS if scale_bq_ml is None else Quantity.ACTIVITY
    corrected_to = values.get("image_time", values.get("image_decay_corrected_to"))
    volume = files.volume(name, values["image"], values.get("series", ""), quantity, corrected_to)
    _note_header(volume, ct, values["image_values"], Basis(values["basis"]), name, files.notes)
    image, count, share_fraction = without_negatives(volume.image, name)
    if count:
        share = f"{share_fraction * 100:.2f} %"
        files.notes.append(Zeroed(f"{name}: {count} negative voxels ({share} of the positive total) set to 0"))
    if scale_bq_ml is None:
        return CountMap(image)
    if scale_bq_ml != 1.0:
        kind = sitk.sitkFloat64 if array_of(image).dtype.itemsize > 4 else sitk.sitkFloat32
        image = sitk.Cast(image, kind) * scale_bq_ml
        files.notes.append(f"{name}: converted to Bq/mL, times {scale_bq_ml:g}")
    return ActivityMap(image, values.get("image_time"))


def _note_header(volume: Volume, ct: Volume | None, unit: str, basis: Basis, name: str, notes: list[str]) -> None:
    """Note what the DICOM header says besides; refuse what contradicts the case file."""
    header = volume.header
    if header is None:
        return
    if header.units == DICOM_BQ_ML and unit not in ("bq_ml", "counts"):
        raise InputError(
            f"its DICOM header says that the values are Bq/mL, the case file says {unit}",
            where=name,
            remedy='Write image_values = "bq_ml"',
        )
    if header.nuclide == "Tc-99m" and basis is Basis.DELIVERED:
        raise InputError(
            "its DICOM header names the nuclide Tc-99m: it shows what is planned, not what was delivered",
            where=name,
            remedy='Write basis = "planned", or name the Y-90 PET or SPECT',
        )
    if header.modality == "CT":
        notes.append(f"{name}: its DICOM header says modality CT; used as the case file says")
    if header.rescale:
        notes.append(f"{name}: stored values times the DICOM rescale slope {header.rescale}")
    frames = {header.frame_of_reference, ct.header.frame_of_reference if ct and ct.header else ""} - {""}
    if len(frames) > 1:
        notes.append(f"{name}: another DICOM frame of reference than the CT; check that both are registered")


def _infusion(values: Mapping[str, Any], session: str) -> Infusion:
    where = f"{session}, infusion '{values['label']}'"
    at_calibration, at_infusion = values.get("activity_gbq"), values.get("activity_at_infusion_gbq")
    calibrated_at = values.get("calibrated_at")
    if (at_calibration is None) == (at_infusion is None):
        raise InputError(
            "the activity is missing" if at_infusion is None else "the activity is given twice",
            where=where,
            remedy="Give activity_gbq with calibrated_at and given_at, or activity_at_infusion_gbq",
        )
    if (at_calibration is None) != (calibrated_at is None):
        raise InputError(
            "activity_gbq is given without calibrated_at"
            if calibrated_at is None
            else "calibrated_at is given with activity_at_infusion_gbq",
            where=where,
            remedy="Give activity_gbq with calibrated_at, or activity_at_infusion_gbq without it",
        )
    shunt = values.get("lung_shunt_fraction")
    with located(session):
        return Infusion(
            values["label"],
            Vial(values.get("activity_gbq", at_infusion), calibrated_at),
            values["perfused"],
            values.get("given_at"),
            values.get("residual_fraction"),
            None if shunt == FROM_IMAGE else shunt,
            shunt == FROM_IMAGE,
            values.get("tumor_to_normal_ratio"),
        )
