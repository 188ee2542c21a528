"""An assessment as DICOM objects that a PACS takes: RT Dose, Segmentation, measurement report, encapsulated PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..images import DoseMap
from ..missing import Missing
from ..progress import Progress, silent
from .dicom_dose import on_grid, rt_dose
from .dicom_measures import Assessed, groups_of
from .dicom_objects import NewSeries, highdicom_module, save
from .dicom_pdf import encapsulated_pdf, read_pdf
from .dicom_reference import Reference, read_reference, require_same_scan
from .dicom_rtstruct import structure_set
from .dicom_seg import Segments, segmentations
from .dicom_sr import measurement_report
from .writing import output_folder

DOSE_SERIES, SEG_SERIES, CONTOUR_SERIES, SR_SERIES, PDF_SERIES = 9000, 9100, 9150, 9200, 9300
"""Series numbers, above those of scanners."""
REPORT_TITLE = "Y-90 dosimetry report"


@dataclass(frozen=True)
class Exported:
    """The objects of one export by file name, and what was left out or could not be checked."""

    objects: tuple[tuple[str, Any], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What is exported beside the dose maps; the report is a PDF, or the name of its file."""

    outlines: bool = True
    measurements: bool = True
    pdf: Path | bytes | None = None
    dose_on_ct_grid: bool = False
    """Whether doses are interpolated to the voxels of the reference CT, for viewers that can't place another grid."""
    contours: bool = True
    """Whether outlines are also written as an RT structure set."""


def export(
    assessed: Assessed,
    reference_folder: Path,
    folder: Path,
    wanted: Wanted = Wanted(),
    *,
    series: int | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Write an assessment as DICOM files into a new folder, whole or not at all; return what was noted.

    Parameters
    ----------
    reference_folder
        The DICOM CT of the case: its patient, study and frame of reference go into the objects, and nowhere else.
    series
        Number of the CT, where the folder holds several.

    Raises
    ------
    InputError
        If the reference is not the case's CT, something is in the folder, or there is nothing to export.
    MissingToolError
        If pydicom, or highdicom for outlines and measurements, is not installed.
    """
    with output_folder(folder) as temporary:
        reference = read_reference(reference_folder, series, progress)
        progress(0.7, "making DICOM objects")
        exported = export_objects(assessed, reference, wanted)
        progress(0.9, "writing DICOM files")
        for name, dataset in exported.objects:
            save(dataset, temporary / name)
    progress(1.0, "done")
    return exported.notes


def export_objects(
    assessed: Assessed, reference: Reference, wanted: Wanted = Wanted(), made_at: datetime | None = None
) -> Exported:
    """Return an assessment as DICOM objects, with new UIDs each time.

    Raises
    ------
    InputError, MissingToolError
        As `export`.
    """
    if wanted.outlines or wanted.measurements:
        highdicom_module()
    pdf = read_pdf(wanted.pdf) if isinstance(wanted.pdf, Path) else wanted.pdf
    made_at = made_at or datetime.now(UTC)
    notes = [*reference.notes, *require_same_scan(assessed.case, reference)]
    objects = _doses(assessed, reference, made_at, notes, wanted.dose_on_ct_grid)
    doses = [dataset for _, dataset in objects]
    segments: tuple[Segments, ...] = ()
    if wanted.outlines:
        outlined = NewSeries("SEG", SEG_SERIES, "Y-90 structures")
        segments = segmentations(assessed.case.structures, reference, outlined, made_at)
        empty = [s.label for s in assessed.case.structures if s.is_empty]
        notes += [f"structure '{label}' is empty and left out" for label in empty]
        objects += [(f"seg_{n:02}.dcm", s.dataset) for n, s in enumerate(segments, start=1)]
        drawn = [s for s in assessed.case.structures if not s.is_empty]
        if wanted.contours and drawn:
            one = NewSeries("RTSTRUCT", CONTOUR_SERIES, "Y-90 structures")
            contoured = structure_set(drawn, reference, one, made_at)
            objects.append(("rtstruct.dcm", contoured))
            for structure, roi in zip(drawn, contoured.ROIContourSequence, strict=True):
                if "ContourSequence" not in roi:
                    told = "no pixel of the CT is half inside it: it has no contour, and is in the segmentation only"
                    notes.append(f"structure '{structure.label}': {told}")
    if wanted.measurements:
        groups = groups_of(assessed)
        if not (segments or doses):
            notes.append("no measurement report: there is neither outline nor dose to refer to")
        else:
            one = NewSeries("SR", SR_SERIES, "Y-90 doses and volumes")
            objects.append(("sr.dcm", measurement_report(groups, segments, doses, reference, one, made_at)))
    if pdf is not None:
        one = NewSeries("DOC", PDF_SERIES, REPORT_TITLE)
        objects.append(("report.dcm", encapsulated_pdf(pdf, REPORT_TITLE, reference, one, made_at)))
    if not objects:
        raise InputError(
            "there is nothing to export", where="DICOM export", remedy="Outline structures, or give sessions an image"
        )
    return Exported(tuple(objects), tuple(notes))


def _doses(
    assessed: Assessed, reference: Reference, made_at: datetime, notes: list[str], on_ct_grid: bool
) -> list[tuple[str, Any]]:
    """Return the total dose, and that of each session where there are several."""
    maps: list[tuple[str, str, DoseMap | Missing]] = [("dose_total.dcm", "all counted sessions", assessed.dose_map)]
    several = len(assessed.maps) > 1
    for number, (one, found) in enumerate(zip(assessed.doses.sessions, assessed.maps, strict=True), start=1):
        dose = found if isinstance(found, Missing) else found.dose
        name = f"{one.session.label}, {one.session.basis.value}"
        maps += [(f"dose_session_{number:02}.dcm", name, dose)] * several
    objects = []
    for index, (file, name, dose) in enumerate(maps):
        if isinstance(dose, Missing):
            notes.append(f"{name}: no dose map, because {dose.because}")
            continue
        if on_ct_grid:
            dose = on_grid(dose, reference.image)
            notes.append(f"{name}: the dose is interpolated to the voxels of the CT, and 0 outside of its own")
        series = NewSeries("RTDOSE", DOSE_SERIES + index, f"Y-90 dose, {name}")
        objects.append((file, rt_dose(dose, name, reference, series, made_at)))
    return objects
