"""Planar scintigrams: the anterior and the posterior view, both seen from the front."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .dicom_header import Header, code, item, number, numbers, text
from .dicom_pixels import values_of
from .dicom_sort import Series
from .dicom_stack import pixel_mm, require_scale

VIEWS: Mapping[tuple[str, str], str] = {
    ("SCT", "399321004"): "anterior",  # DICOM PS3.16, CID 26
    ("SRT", "G-5215"): "anterior",
    ("SCT", "399001007"): "posterior",
    ("SRT", "G-5216"): "posterior",
}


ANTERIOR, POSTERIOR = "anterior", "posterior"
VIEW_WORDS = (
    (re.compile(r"(?<![a-z])(ant|anterior|a ?-?p)(?![a-z])", re.IGNORECASE), ANTERIOR),
    (re.compile(r"(?<![a-z])(post?|posterior|p ?-?a)(?![a-z])", re.IGNORECASE), POSTERIOR),
)
"""How views are called where their code is a vendor's own."""


def read_planar(series: Series, where: str) -> dict[str, sitk.Image]:
    """Return the views as images of one slice, keyed "_anterior" and "_posterior".

    A posterior view is turned left to right, so that both have the patient's right on the left.

    Raises
    ------
    InputError
        If views can't be told apart, or there are several of one kind (energy windows, time points).
    """
    if series.broken:
        raise InputError("the file is truncated", where=where, remedy="Copy or export it again")
    pixel = pixel_mm(series.header, where)
    require_scale(series.headers, where)
    if (number(series.header, "NumberOfEnergyWindows") or 1) > 1:
        raise InputError(
            "it holds several energy windows", where=where, remedy="Export the photopeak alone, both views"
        )
    arrays = sitk.GetArrayFromImage(values_of(series.frames, where))
    arrays = arrays[None] if arrays.ndim == 2 else arrays
    views: dict[str, sitk.Image] = {}
    for frame, array in zip(series.frames, arrays, strict=True):
        detector = item(frame.header, "DetectorInformationSequence")
        view = _view(detector) or (_told(text(frame.header, "SeriesDescription")) if len(arrays) == 1 else "")
        if not view or f"_{view}" in views:
            raise InputError(
                "its views can't be told apart" if not view else f"it has several {view} views",
                where=where,
                remedy="Export one anterior and one posterior view that say which they are (ViewCodeSequence)",
            )
        row = numbers(detector, "ImageOrientationPatient")
        mirrored = row[0] < 0 if len(row) == 6 else view == POSTERIOR
        made = sitk.GetImageFromArray(np.ascontiguousarray(array[None, :, ::-1] if mirrored else array[None]))
        made.SetSpacing((*pixel, 1.0))
        views[f"_{view}"] = made
    return views


def _view(detector: Header) -> str:
    """Return the view by its code; a vendor's own code, its meaning or ViewPosition may say it in words."""
    scheme, entry, meaning = code(detector, "ViewCodeSequence")
    known = VIEWS.get(("SRT" if scheme in {"SNM3", "99SDM"} else scheme, entry))
    return known or _told(f"{entry} {meaning} {text(detector, 'ViewPosition')}")


def _told(words: str) -> str:
    """Return which view words name; none where they name both or an oblique one."""
    found = {view for pattern, view in VIEW_WORDS if pattern.search(words.replace("_", " "))}
    return found.pop() if len(found) == 1 and "obl" not in words.lower() else ""
