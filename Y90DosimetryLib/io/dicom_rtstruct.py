"""Structures as an RT structure set: the edges of the CT's pixels that at least half lie inside, slice by slice.

Holes are joined to the loop around them by a channel (keyhole, DICOM PS3.3, C.8.8.6.3), because programs such as
plastimatch fill a hole that is a contour of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from ..occupancy import Grid, occupancy_of
from ..structures import UINT8, Structure
from ..terminology import NO_CODE, TERMINOLOGY
from .dicom_header import RTSTRUCT, class_uid, instance_uid, text
from .dicom_objects import NewSeries, code_item, new_object, shortened
from .dicom_reference import Reference

HALF = 0.5
STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"  # DICOM PS3.3, C.8.8.5: retired, and what readers expect here
SHORT_STRING = 16
DIGITS = 4
LABEL = "Y90 STRUCTURES"


def structure_set(structures: Sequence[Structure], reference: Reference, series: NewSeries, made_at: datetime) -> Any:
    """Return structures as contours in the slices of the reference CT; of other grids, to its pixels."""
    dataset = new_object(reference, RTSTRUCT, series, made_at)
    frame = text(reference.header, "FrameOfReferenceUID")
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frame, ""
    dataset.OperatorsName = ""
    dataset.StructureSetLabel, dataset.StructureSetName = shortened(LABEL, SHORT_STRING), shortened(LABEL)
    dataset.StructureSetDate, dataset.StructureSetTime = dataset.ContentDate, dataset.ContentTime
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = [_frame(reference, frame)]
    rois, drawn, seen = [], [], []
    for number, structure in enumerate(structures, start=1):
        entry = TERMINOLOGY[structure.role]
        roi, contours, observation = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber, roi.ReferencedFrameOfReferenceUID = number, frame
        roi.ROIName, roi.ROIGenerationAlgorithm = shortened(structure.label), ""
        contours.ReferencedROINumber = number
        loops = list(_contours(structure, reference))
        if loops:  # an outline that fills half of no pixel has none
            contours.ContourSequence = loops
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "", ""
        kind = code_item(entry.type)
        if entry.type_modifier != NO_CODE:
            kind.SegmentedPropertyTypeModifierCodeSequence = [code_item(entry.type_modifier)]
        observation.SegmentedPropertyCategoryCodeSequence = [code_item(entry.category)]
        observation.RTROIIdentificationCodeSequence = [kind]
        if entry.region != NO_CODE:
            observation.AnatomicRegionSequence = [code_item(entry.region)]
        rois.append(roi)
        drawn.append(contours)
        seen.append(observation)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = rois, drawn
    dataset.RTROIObservationsSequence = seen
    return dataset


def _frame(reference: Reference, frame: str) -> Any:
    """Return the images that contours are drawn on, as a structure set lists them."""
    of_frame, study, series = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    of_frame.FrameOfReferenceUID = frame
    study.ReferencedSOPClassUID = STUDY_MANAGEMENT
    study.ReferencedSOPInstanceUID = text(reference.header, "StudyInstanceUID")
    series.SeriesInstanceUID = text(reference.header, "SeriesInstanceUID")
    series.ContourImageSequence = [_image(reference, k) for k in range(len(reference.headers))]
    study.RTReferencedSeriesSequence = [series]
    of_frame.RTReferencedStudySequence = [study]
    return of_frame


def _image(reference: Reference, index: int) -> Any:
    item, header = pydicom.Dataset(), reference.headers[index]
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid(header), instance_uid(header)
    return item


def _contours(structure: Structure, reference: Reference) -> Iterator[Any]:
    """Yield the contours of a structure, a data set each."""
    image = reference.image
    grid = Grid.of(image)
    occupancy = occupancy_of(structure, grid)
    first = occupancy.box.index
    straight = len(reference.headers) == image.GetSize()[2]
    for k, inside in enumerate(occupancy.volume_ml >= HALF * grid.voxel_ml):
        level = first[2] + k
        for loop in keyholed(list(pixel_edges(inside.view(np.uint8)))):
            points = [
                image.TransformContinuousIndexToPhysicalPoint((x + first[0], y + first[1], float(level)))
                for x, y in loop.tolist()
            ]
            contour = pydicom.Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            contour.ContourData = [f"{v + 0.0:.{DIGITS}f}" for point in points for v in point]
            if straight:
                contour.ContourImageSequence = [_image(reference, level)]
            yield contour


def keyholed(loops: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return loops of `pixel_edges` with each hole joined to what lies to its left, along a row there and back."""
    turned = [(_area(loop), [tuple(p) for p in loop.tolist()]) for loop in loops]
    outer = [points for area, points in turned if area < 0]
    for hole in sorted((points for area, points in turned if area > 0), key=min):
        start = hole.index(min(hole))
        x, y = hole[start]
        crossed = [
            (ends[0][0], which, at)
            for which, points in enumerate(outer)
            for at, ends in enumerate(zip(points, [*points[1:], points[0]], strict=True))
            if ends[0][0] == ends[1][0] < x and min(ends[0][1], ends[1][1]) <= y <= max(ends[0][1], ends[1][1])
        ]
        left, which, at = max(crossed)
        around = [*hole[start:], *hole[: start + 1]]
        outer[which][at + 1 : at + 1] = [(left, y), *around, (left, y)]
    return [np.array(points) for points in outer]


def _area(loop: NDArray[np.float64]) -> float:
    ends = np.roll(loop, -1, axis=0)
    return float((loop[:, 0] * ends[:, 1] - loop[:, 1] * ends[:, 0]).sum() / 2)


def pixel_edges(mask: UINT8) -> Iterator[NDArray[np.float64]]:
    """Yield the loops around the pixels of a mask (row, column): corners x, y, with pixel centers at whole numbers.

    The inside lies to the left of each edge as rows go down, so that outer loops and holes run in opposite ways;
    pixels that touch at a corner are parted.
    """
    padded = np.pad(mask.astype(bool), 1)
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for y, x in np.argwhere(padded).tolist():
        for (dy, dx), start, end in (
            ((-1, 0), (x + 1, y), (x, y)),
            ((0, -1), (x, y), (x, y + 1)),
            ((1, 0), (x, y + 1), (x + 1, y + 1)),
            ((0, 1), (x + 1, y + 1), (x + 1, y)),
        ):
            if not padded[y + dy, x + dx]:
                following.setdefault(start, []).append(end)
    while following:
        at = first = next(corner for corner, ends in following.items() if len(ends) == 1)
        way = (0, 0)
        corners: list[tuple[int, int]] = []
        while True:
            ends = following[at]
            turned = [e for e in ends if (e[0] - at[0], e[1] - at[1]) == (way[1], -way[0])]  # around the same pixel
            end = turned[0] if len(ends) > 1 and turned else ends[0]
            ends.remove(end)
            if not ends:
                del following[at]
            step = (end[0] - at[0], end[1] - at[1])
            if step != way:
                corners.append(at)
            at, way = end, step
            if at == first:
                break
        yield np.array(corners, dtype=np.float64) - 1.5
