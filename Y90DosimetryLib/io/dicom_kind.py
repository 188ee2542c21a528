"""What a DICOM image is, by several elements of its header together; a contradiction keeps it from use."""

from __future__ import annotations

import re
from enum import StrEnum

from .dicom_facts import ALBUMIN, HALF_LIVES_H, MICROSPHERES, OTHER_DRUG, Tracer, tracer
from .dicom_header import NUCLEAR_MEDICINE, RTSTRUCT, Header, class_uid, code, items, number, numbers, text, words


class Kind(StrEnum):
    """What a series is to a case."""

    CT = "CT"
    CBCT = "cone-beam CT"
    SPECT = "SPECT"
    PET = "PET"
    PLANAR = "planar scintigram"
    MR = "MR"
    SEG = "DICOM segmentation"
    RTSTRUCT = "RT structure set"
    REPORT = "measurement report"
    UNSURE = "unsure"
    OTHER = "not used"


STORAGE = "1.2.840.10008.5.1.4.1.1."  # DICOM PS3.6, annex A: storage classes
CT_CLASSES = {"2", "2.1", "2.2"}
PET_CLASSES = {"128", "130", "128.1"}
MR_CLASSES = {"4", "4.1", "4.3", "4.4"}
XRAY_3D_CLASSES = {"13.1.1", "13.1.2"}
CAPTURE_CLASSES = {"7", "7.1", "7.2", "7.3", "7.4"}
NM_CLASS = NUCLEAR_MEDICINE.removeprefix(STORAGE)
SEG_CLASSES = {"66.4", "66.7"}
REPORT_CLASSES = {"88.22", "88.33", "88.34"}
RTSTRUCT_CLASS = RTSTRUCT.removeprefix(STORAGE)
CONE_BEAM = re.compile(r"dyna ?ct|xper ?ct|cone.?beam|\bcbct\b|innova ?ct|artis|allura|azurion", re.IGNORECASE)
ATTENUATION = re.compile(r"attenuation.?map|att.?map|\b(mu|u|µ|ac|ctac)[ _-]?map\b|\bmumap\b", re.IGNORECASE)
PROJECTIONS = {"REPROJECTION", "PROJECTION", "MIP", "MAX_IP", "MIN_IP", "PROJECTION IMAGE"}
COARSE_PIXEL_MM = 1.5
"""Tool default: a CT that was never shrunk has finer pixels."""
NOT_HOUNSFIELD = {
    "OD": "optical densities",
    "MGML": "mg/mL (of iodine, say)",
    "Z_EFF": "atomic numbers",
    "ED": "electron densities",
    "EDW": "electron densities relative to water",
    "PCT": "percent",
}
"""RescaleType (0028,1054) of material images from several energies, DICOM PS3.3, C.11.1.1.2.1."""
MATERIAL_TYPES = {"MAT_SPECIFIC", "MAT_FRACTIONAL", "MAT_VALUE_BASED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"}
"""Values of ImageType that name an image of several energies without Hounsfield units (PS3.3, C.8.2.1.1.1)."""
TC99M_KEV = 140.5
"""Its gamma line; an energy window without it shows something else."""


def kind_of(header: Header) -> tuple[Kind, str]:
    """Return what an image is, and what speaks against its use."""
    storage = class_uid(header).removeprefix(STORAGE)
    image_type, modality = words(header, "ImageType"), text(header, "Modality").upper()
    if storage in SEG_CLASSES:
        return Kind.SEG, ""
    if storage == RTSTRUCT_CLASS:
        return Kind.RTSTRUCT, ""
    if storage in REPORT_CLASSES and code(header, "ConceptNameCodeSequence")[:2] == ("DCM", "126000"):
        return Kind.REPORT, ""
    if (number(header, "SamplesPerPixel") or 1) > 1:
        return Kind.OTHER, "in color"
    if "LOCALIZER" in image_type:
        return Kind.OTHER, "a localizer"
    if projected := PROJECTIONS & {
        *image_type[2:],
        text(header, "SeriesType").partition("\\")[0],
        *_series_type(header),
    }:
        return Kind.OTHER, f"a projection ({sorted(projected)[0]}), not a volume"
    if storage == NM_CLASS:
        return _kind_of_nm(header, image_type)
    if storage in PET_CLASSES:
        return _kind_of_pet(header)
    if storage in XRAY_3D_CLASSES:
        return Kind.CBCT, ""
    if storage in MR_CLASSES or (storage in CT_CLASSES and modality == "MR"):
        return Kind.MR, ""
    if storage in CT_CLASSES:
        return _kind_of_ct(header, modality, image_type)
    if storage in CAPTURE_CLASSES:
        if modality in {"CT", "NM", "PT", "ST"} and numbers(header, "ImagePositionPatient"):
            return Kind.UNSURE, f"a Secondary Capture labeled {modality}, {_grid(header)}: say what it is"
        return Kind.OTHER, "a screenshot (Secondary Capture)"
    return Kind.OTHER, f"{modality or 'no modality'}, this class of object is not read"


def _series_type(header: Header) -> set[str]:
    return set(words(header, "SeriesType"))


def is_attenuation_map(header: Header, image_type: tuple[str, ...]) -> str:
    """Return by what an image is known as a map of attenuation coefficients; empty when it is none."""
    if "TRANSMISSION" in image_type[2:]:
        return "ImageType says TRANSMISSION"
    if text(header, "Units").upper() == "1CM":
        return "Units says 1/cm"
    told = text(header, "SeriesDescription")
    return "by its description" if ATTENUATION.search(told) else ""


def _kind_of_nm(header: Header, image_type: tuple[str, ...]) -> tuple[Kind, str]:
    kind = image_type[2] if len(image_type) > 2 else "unknown type"
    if by := is_attenuation_map(header, image_type):
        return Kind.OTHER, f"an attenuation map ({by}), no distribution of a tracer"
    kinds = {"RECON TOMO": Kind.SPECT, "STATIC": Kind.PLANAR, "WHOLE BODY": Kind.PLANAR}
    if len(image_type) < 3 and numbers(header, "ImagePositionPatient"):
        return Kind.UNSURE, "nuclear medicine that does not say what it shows (ImageType): say what it is"
    if kind not in kinds:
        return Kind.OTHER, f"nuclear medicine, {kind.lower()}: not a volume"
    return judged(kinds[kind], header)


def _kind_of_pet(header: Header) -> tuple[Kind, str]:
    if by := is_attenuation_map(header, words(header, "ImageType")):
        return Kind.OTHER, f"an attenuation map ({by}), no distribution of a tracer"
    if tracer(header).nuclide == "Tc-99m":  # as some SPECT/CT scanners store it
        return judged(Kind.SPECT, header)
    return judged(Kind.PET, header)


def judged(kind: Kind, header: Header) -> tuple[Kind, str]:
    """Return a kind, or that its tracer can't serve and why: another nuclide or drug, or a contradiction."""
    of = tracer(header)
    if (why := contradiction(of)) or (why := _window_contradiction(header, of)):
        unsure = of.drug_kind == MICROSPHERES and kind is Kind.PET and of.nuclide != "Tc-99m"
        return (Kind.UNSURE if unsure else Kind.OTHER), f"{why}: say what it is" if unsure else why
    known = ("", "Y-90") if kind is Kind.PET else ("", "Tc-99m", "Y-90")
    if of.nuclide not in known:
        return Kind.OTHER, f"the header names the nuclide {of.nuclide}, not {' or '.join(known[1:])}"
    if of.drug_kind == OTHER_DRUG:
        return Kind.OTHER, f"its radiopharmaceutical is {of.drug}, neither MAA nor Y-90 microspheres"
    if of.drug and not of.drug_kind:
        return Kind.UNSURE, f"its radiopharmaceutical is {of.drug}: say what it is"
    return kind, "stored as PET Image, its nuclide is Tc-99m" if kind is Kind.SPECT and _is_pet(header) else ""


def _is_pet(header: Header) -> bool:
    return class_uid(header).removeprefix(STORAGE) in PET_CLASSES


def contradiction(of: Tracer) -> str:
    """Return what nuclide, half-life and drug of a header say against each other; empty when nothing."""
    usual_h = HALF_LIVES_H.get(of.nuclide)
    if of.nuclide == "Tc-99m" and of.half_life_h and usual_h and abs(of.half_life_h / usual_h - 1) > 0.05:
        return f"the header names the nuclide {of.nuclide} and a half-life of {of.half_life_h:.3g} h"
    wrong = {"Tc-99m": (MICROSPHERES,), "Y-90": (ALBUMIN,)}.get(of.nuclide, (MICROSPHERES, ALBUMIN))
    if of.nuclide and of.drug_kind in wrong:
        return f"the header names the nuclide {of.nuclide} and the radiopharmaceutical {of.drug}"
    return ""


def _window_contradiction(header: Header, of: Tracer) -> str:
    """Return what is wrong with the only energy window of an image that is taken for Tc-99m."""
    windows = [
        (low, high)
        for entry in items(header, "EnergyWindowInformationSequence")
        for part in items(entry, "EnergyWindowRangeSequence")
        if (low := number(part, "EnergyWindowLowerLimit")) and (high := number(part, "EnergyWindowUpperLimit"))
    ]
    if of.nuclide not in ("", "Tc-99m") or not windows or any(low <= TC99M_KEV <= high for low, high in windows):
        return ""
    named = f"the nuclide {of.nuclide}" if of.nuclide else "no nuclide"
    return f"the header names {named} and an energy window of {windows[0][0]:g} to {windows[0][1]:g} keV"


def _kind_of_ct(header: Header, modality: str, image_type: tuple[str, ...]) -> tuple[Kind, str]:
    if (unit := text(header, "RescaleType").upper()) in NOT_HOUNSFIELD:
        return Kind.OTHER, f"its values are {NOT_HOUNSFIELD[unit]}, not Hounsfield units"
    if material := MATERIAL_TYPES & set(image_type):
        return Kind.OTHER, f"ImageType says {sorted(material)[0]}: its values are not Hounsfield units"
    mapped = {code(m, "MeasurementUnitsCodeSequence")[1] for m in items(header, "RealWorldValueMappingSequence")}
    if mapped - {"", "[hnsf'U]"} and "[hnsf'U]" not in mapped:
        return Kind.OTHER, f"its real-world values are {sorted(mapped)[0]}, not Hounsfield units"
    if is_attenuation_map(header, image_type):
        return Kind.OTHER, "an attenuation map, not Hounsfield units"
    scale = number(header, "RescaleSlope")
    fraction = scale is not None and abs(scale - round(scale)) > 1e-9
    coarse = (number(header, "PixelSpacing") or 0.0) >= COARSE_PIXEL_MM
    if modality in {"NM", "PT"} or (fraction and coarse):
        return Kind.UNSURE, f"stored as CT image, labeled {modality}, {_grid(header)}: say what it is"
    told = " ".join(text(header, k) for k in ("ManufacturerModelName", "SeriesDescription", "ProtocolName"))
    if modality == "XA" or CONE_BEAM.search(told):
        return Kind.CBCT, ""
    return Kind.CT, ""


def _grid(header: Header) -> str:
    scale, pixel_mm = number(header, "RescaleSlope"), number(header, "PixelSpacing")
    told = f"pixels of {pixel_mm:g} mm" if pixel_mm else "pixels of unknown size"
    return told if scale is None else f"{told}, slope {scale:g}"
