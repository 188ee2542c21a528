"""Body and laboratory values of a pack as the library has them, of the case or of one study."""

from __future__ import annotations

from enum import StrEnum

from slicer.i18n import tr as _

from Y90DosimetryLib.case import Encephalopathy, Grade, Patient
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.quantities import require_not_negative

from .parameters import PatientPack

MEMBERS = {
    "weight_kg": "weightKg",
    "height_cm": "heightCm",
    "bilirubin_umol_l": "bilirubinUmolL",
    "albumin_g_l": "albuminGL",
    "inr_ratio": "inrRatio",
    "creatinine_umol_l": "creatinineUmolL",
    "gfr_ml_min_173m2": "gfrMlMin173m2",
    "ecog": "ecog",
    "afp_ng_ml": "afpNgMl",
}
"""The numbers of a patient by the library's names, and as the pack has them."""


def patientOfPack(pack: PatientPack, where: str) -> Patient:
    """Return what a pack holds; what is not entered is unknown.

    Raises
    ------
    InputError
        If a number is negative or a word is not known.
    """
    numbers = {name: getattr(pack, member) for name, member in MEMBERS.items()}
    for name, value in numbers.items():
        if value is not None:
            require_not_negative(value, f"{where}, {name}")
    return Patient(
        ascites=wordOf(Grade, pack.ascites, f"{where}, ascites"),
        encephalopathy=wordOf(Encephalopathy, pack.encephalopathy, f"{where}, encephalopathy"),
        **numbers,
    )


def fillPatientPack(pack: PatientPack, patient: Patient) -> None:
    """Write a patient into a pack."""
    for name, member in MEMBERS.items():
        setattr(pack, member, getattr(patient, name))
    pack.ascites = patient.ascites.value if patient.ascites else ""
    pack.encephalopathy = patient.encephalopathy.value if patient.encephalopathy else ""


def wordOf(words: type[StrEnum], text: str, where: str):
    """Return a word of an enumeration, None for an empty text."""
    if not text:
        return None
    if text not in list(words):
        raise InputError(
            _("'{text}' is not known here").format(text=text),
            where=where,
            remedy=_("Choose one of: {words}").format(words=", ".join(words)),
        )
    return words(text)
