"""Planar scintigrams: the anterior and the posterior view, both seen from the front."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..images import Array
from .dicom_header import Header, code, items, number, numbers, pydicom_module, text
from .dicom_sort import Series
from .dicom_stack import decoded, pixel_mm, require_scale

VIEWS: Mapping[tuple[str, str], str] = {
    ("SCT", "399321004"): "anterior",  # DICOM PS3.16, CID 26
    ("SRT", "G-5215"): "anterior",
    ("SCT", "399001007"): "posterior",
    ("SRT", "G-5216"): "posterior",
}


def read_planar(series: Series, where: str) -> dict[str, sitk.Image]:
    """Return the views as images of one slice, keyed "_anterior" and "_posterior".

    A posterior view is turned left to right, so that both have the patient's right on the left.

    Raises
    ------
    InputError
        If views can't be told apart, or there are several of one kind (energy windows, time points).
    """
    header = series.header
    if series.broken:
        raise InputError("the file is truncated", where=where, remedy="Copy or export it again")
    pixel = pixel_mm(header, where)
    require_scale((header,), where)
    frames = _frames(series, where)
    detectors = items(header, "DetectorInformationSequence")
    vector = numbers(header, "DetectorVector") or tuple(range(1, len(frames) + 1))
    if (number(header, "NumberOfEnergyWindows") or 1) > 1 or len(vector) != len(frames):
        raise InputError(
            "it holds several energy windows", where=where, remedy="Export the photopeak alone, both views"
        )
    views: dict[str, sitk.Image] = {}
    for frame, at in zip(frames, vector, strict=True):
        detector = detectors[int(at) - 1] if 0 < at <= len(detectors) else {}
        view = _view(detector)
        if not view or f"_{view}" in views:
            raise InputError(
                "its views can't be told apart" if not view else f"it has several {view} views",
                where=where,
                remedy="Export one anterior and one posterior view that say which they are (ViewCodeSequence)",
            )
        row = numbers(detector, "ImageOrientationPatient")
        mirrored = row[0] < 0 if len(row) == 6 else view == "posterior"
        made = sitk.GetImageFromArray(np.ascontiguousarray(frame[None, :, ::-1] if mirrored else frame[None]))
        made.SetSpacing((*pixel, 1.0))
        views[f"_{view}"] = made
    return views


def _frames(series: Series, where: str) -> Array:
    """Return the rescaled frames; GDCM refuses views whose detector has no position, pydicom those it can't unpack."""
    try:
        whole = pydicom_module().dcmread(series.files[0], force=True)
        stored = np.asarray(whole.pixel_array, dtype=np.float32)
        slope, intercept = number(whole, "RescaleSlope"), number(whole, "RescaleIntercept")
        frames = stored * np.float32(1.0 if slope is None else slope) + np.float32(intercept or 0.0)
    except Exception:  # pydicom raises many kinds: no decoder, too short, no pixels
        frames = sitk.GetArrayFromImage(decoded([str(series.files[0])], where, sitk.sitkFloat32))
    read: Array = frames.reshape(-1, *frames.shape[-2:])
    return read


def _view(detector: Header) -> str:
    scheme, entry, meaning = code(detector, "ViewCodeSequence")
    known = VIEWS.get(("SRT" if scheme in {"SNM3", "99SDM"} else scheme, entry))
    told = f"{meaning} {text(detector, 'ViewPosition')}".lower()
    if known is None and "oblique" not in told:  # left anterior oblique is neither
        return next((v for v in ("anterior", "posterior") if v in told), "")
    return known or ""
