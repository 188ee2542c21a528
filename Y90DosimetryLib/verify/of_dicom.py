"""Recomputed through files: what DICOM and NRRD give back of doses, outlines, activities and instants."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk

from ..case import Case
from ..engine import assess
from ..images import DoseMap
from ..io.case_file import read_case, write_case
from ..io.dicom_activity import Activity, activity_of
from ..io.dicom_case import case_from_dicom
from ..io.dicom_export import export
from ..io.dicom_sort import sort_folder
from ..io.dicom_stack import read_stack
from ..io.writing import write_dose
from ..measures import Known
from ..physics import elapsed_h
from ..structures import Role
from .dicom_files import write_ct, write_pet
from .patients import Boxes

PLAN: Mapping[str, Any] = {"parts": ("Right", "T1"), "orders": ({},), "counts": {"Right": 1.0, "T1": 4.0}}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="y90-verify-") as name:
        yield Path(name)


def _pet(stored: int, slopes: list[float], headers: Mapping[str, Any]) -> Activity:
    """Return the activity that a PET of one stored value gives."""
    with _folder() as folder:
        values = np.full((len(slopes), 4, 5), stored, dtype=np.uint16)
        sorting = sort_folder(write_pet(folder / "pet", values, slopes, headers))
        (series,) = sorting.series
        return activity_of(read_stack(series, "PET"), UTC, "PET")


def _pet_hours(infused: str, headers: Mapping[str, Any]) -> float:
    """Return the hours from the infusion to the instant for which the values of a PET hold."""
    given = datetime.strptime(infused, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    reference = _pet(1000, [1.0, 1.0], {"given": infused, **headers}).reference_time
    return 0.0 if reference is None else elapsed_h(given, reference)


def _pet_bq_ml(stored: int, slopes: list[float], infused: str, plane: int, headers: Mapping[str, Any]) -> float:
    found = _pet(stored, slopes, {"given": infused, **headers})
    return float(sitk.GetArrayFromImage(found.image)[plane, 1, 2])


@dataclass(frozen=True)
class _Trip:
    """What came back of the patient of boxes, assessed and exported: the case read, the stored dose, the report."""

    case: Case
    dose: sitk.Image
    scaling_gy: float
    report: Any


@lru_cache(maxsize=1)
def _trip() -> _Trip:
    assessment = assess(Boxes(**PLAN).case())
    ct = assessment.case.ct
    assert ct is not None
    with _folder() as folder:
        out = folder / "out"
        export(assessment, write_ct(folder / "ct", ct.image), out)
        dose, report = out / "dose_total.dcm", out / "sr.dcm"
        scaling_gy = float(pydicom.dcmread(dose).DoseGridScaling)
        found = sitk.ReadImage(str(dose)), scaling_gy, pydicom.dcmread(report)
        dose.unlink()
        report.unlink()
        return _Trip(case_from_dicom(folder).case, *found)


def forget() -> None:
    """Make the next row go through the files again: they are written once for a protocol, which takes seconds."""
    _trip.cache_clear()


def _outline_back(what: str) -> float:
    """Return a number of the tumor's outline after it went through a DICOM segmentation."""
    (tumor,) = _trip().case.of_role(Role.TUMOR)
    points = np.argwhere(sitk.GetArrayFromImage(tumor.mask))[:, ::-1]
    middle = tumor.mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in points.mean(axis=0)])
    found: dict[str, float] = dict(zip(("x_mm", "y_mm", "z_mm"), middle, strict=True))
    return {**found, "volume_ml": tumor.volume_ml}[what]


def _ct_back(point_mm: list[float]) -> float:
    """Return the Hounsfield units at a place after the CT went through DICOM."""
    with _folder() as folder:
        ct = Boxes(**PLAN).case().ct
        assert ct is not None
        write_ct(folder / "ct", ct.image)
        (series,) = sort_folder(folder).series
        back = read_stack(series, "CT").image
    return float(back[back.TransformPhysicalPointToIndex(point_mm)])


def _dose_back(point_mm: list[float]) -> float:
    """Return the dose at a place of the exported RT Dose, by its stored value and scaling alone."""
    stored = _trip().dose
    return float(stored[stored.TransformPhysicalPointToIndex(point_mm)]) * _trip().scaling_gy


def _report_back(label: str, name: str, method: str) -> float | str:
    """Return a number of the exported measurement report: by the label of its group, its name and its method."""
    for group in _items(_trip().report):
        if label not in {str(i.get("TextValue", "")) for i in group.get("ContentSequence", ())}:
            continue
        for number in (i for i in group.ContentSequence if i.ValueType == "NUM"):
            told = [
                c.ConceptCodeSequence[0].CodeMeaning
                for c in number.get("ContentSequence", ())
                if "ConceptCodeSequence" in c
            ]
            if number.ConceptNameCodeSequence[0].CodeMeaning == name and any(method in t for t in told):
                return float(number.MeasuredValueSequence[0].NumericValue)
    return "not in the report"


def _items(item: Any) -> Iterator[Any]:
    yield item
    for inner in item.get("ContentSequence", ()):
        yield from _items(inner)


def _nrrd_back(highest_gy: float) -> float:
    """Return the highest value of a dose map after it went through a file."""
    with _folder() as folder:
        image = sitk.GetImageFromArray(np.linspace(0.0, highest_gy, 24, dtype=np.float32).reshape(2, 3, 4))
        write_dose(DoseMap(image, "local"), folder / "dose.nrrd")
        return float(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "dose.nrrd"))).max())


def _case_file_back(measure: str, about: str = "") -> Any:
    """Return a measure of the patient of boxes after the whole case was written and read."""
    with _folder() as folder:
        write_case(Boxes(**PLAN).case(), folder)
        return Known(assess(read_case(folder / "case.toml")).measurements).get(measure, about).value


QUANTITIES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "io.dicom_activity": {"dicom.pet_hours": _pet_hours, "dicom.pet_bq_ml": _pet_bq_ml},
    "io.dicom_stack": {"dicom.ct_hu": _ct_back},
    "io.dicom_seg": {"dicom.outline": _outline_back},
    "io.dicom_dose": {"dicom.dose_gy": _dose_back},
    "io.dicom_sr": {"dicom.report": _report_back},
    "io.writing": {"nrrd.highest_gy": _nrrd_back},
    "io.case_file": {"case_file.measure": _case_file_back},
}
