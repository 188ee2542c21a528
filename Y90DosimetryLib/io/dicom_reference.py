"""The DICOM CT that exported objects belong to: whose patient, study and frame of reference they take over.

Identifiers flow from this series into the exported objects and nowhere else: no message here quotes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..case import Case
from ..errors import InputError
from ..images import Array
from ..progress import Progress, part, silent
from .dicom_header import Header, hushed, text
from .dicom_sort import Kind, Series, Sorting, sort_folder
from .dicom_stack import read_stack

LOWEST_CORRELATION_RATIO = 0.9
"""Tool default: correlation of a case's CT with the reference below which they are not the same scan."""
COMPARED_VOXELS = 40_000
LOWEST_OVERLAP_FRACTION = 0.5
"""Tool default: share of the case's CT that has to lie inside the reference."""


@dataclass(frozen=True)
class Reference:
    """A CT series: its volume, and the header of each slice in the volume's order."""

    image: sitk.Image
    headers: tuple[Header, ...]
    notes: tuple[str, ...]

    @property
    def header(self) -> Header:
        """The header of the first slice."""
        return self.headers[0]


def read_reference(folder: Path, number: int | None = None, progress: Progress = silent) -> Reference:
    """Return the CT of a folder.

    Parameters
    ----------
    number
        Which series, as `sort_folder` numbers them, where the folder holds several CTs.

    Raises
    ------
    InputError
        If there is no CT, or several and none is chosen, if it is not whole, or lacks study or frame of reference.
    """
    sorting = sort_folder(folder, part(progress, 0.0, 0.6))
    where = f"reference CT in '{folder.name}'"
    series = _chosen(sorting, number, where)
    progress(0.6, "reading the reference CT")
    with hushed():
        stack = read_stack(series, where, straighten=True)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            if not text(stack.headers[0], keyword):
                raise InputError(
                    f"it has no {keyword}", where=where, remedy="Export the CT again, with its study and space"
                )
            if len({text(header, keyword) for header in stack.headers}) > 1:
                raise InputError(
                    f"its slices have different values of {keyword}",
                    where=where,
                    remedy="Let the PACS send the series again: a converter made these files, each as its own",
                )
        if any(frame.index is not None for frame in series.frames):
            raise InputError(
                "all slices are in one file", where=where, remedy="Let the PACS send it as single slices (CT Image)"
            )
    return Reference(stack.image, stack.headers, stack.notes)


def _chosen(sorting: Sorting, number: int | None, where: str) -> Series:
    found = sorting.of_kind(Kind.CT, Kind.CBCT)
    if number is not None:
        found = tuple(s for s in found if s.number == number)
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} CT series" + (f" with the number {number}" if number is not None else ""),
            where=where,
            remedy="Choose one by its number in the list of the folder's series",
            about="series",
        )
    return found[0]


def require_same_scan(case: Case, reference: Reference) -> tuple[str, ...]:
    """Refuse a reference that is not the scan the case was made on; return what could not be checked.

    Compared are the gray values at the same places: objects of one patient must not end in another one's study.

    Raises
    ------
    InputError
        If the case's CT lies elsewhere or looks different.
    """
    if case.ct is None:
        return ("the case has no CT: that the reference is of the same patient and space was not checked",)
    mine, its = _gray_values(case.ct.image, reference.image)
    where = "reference CT"
    remedy = "Give the DICOM series the case was made from"
    if mine.size < LOWEST_OVERLAP_FRACTION * _sampled(case.ct.image).GetNumberOfPixels():
        raise InputError("most of the case's CT lies outside of it", where=where, remedy=remedy)
    flat = not np.ptp(mine) or not np.ptp(its)
    same_ratio = float(np.allclose(mine, its)) if flat else float(np.corrcoef(mine, its)[0, 1])
    if same_ratio < LOWEST_CORRELATION_RATIO:
        raise InputError(
            f"it is not the case's CT: their gray values correlate by {same_ratio:.2f} only", where=where, remedy=remedy
        )
    return ()


def _sampled(image: sitk.Image) -> sitk.Image:
    step = max(1, round((image.GetNumberOfPixels() / COMPARED_VOXELS) ** (1 / 3)))
    small: sitk.Image = sitk.Shrink(image, [min(step, n) for n in image.GetSize()])
    return small


def _gray_values(ct: sitk.Image, reference: sitk.Image) -> tuple[Array, Array]:
    """Return the values of both images at voxels of the first that lie inside the second."""
    few = sitk.Cast(_sampled(ct), sitk.sitkFloat64)
    moved = sitk.Resample(sitk.Cast(reference, sitk.sitkFloat64), few, sitk.Transform(), sitk.sitkLinear, float("nan"))
    its: Array = sitk.GetArrayFromImage(moved)
    mine: Array = sitk.GetArrayFromImage(few)
    inside = np.isfinite(its)
    return mine[inside], its[inside]
