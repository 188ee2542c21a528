"""The structures of a DICOM folder: every object and outline that can be read, with the role it takes or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from ..images import voxel_ml
from ..structures import Role, Structure
from .case_schema import did_you_mean
from .dicom_choices import Choices, Note, StructureLine
from .dicom_outlines import Outlines, read_outlines
from .dicom_sort import Kind, Series, Sorting

KINDS = (Kind.SEG, Kind.RTSTRUCT)
SAME_DICE = 0.9
"""Tool default: two outlines of one name and role that agree so well are one, written as voxels and as contours.

Contours follow the pixels of the CT, and voxels a finer or oblique grid of their own.
"""


@dataclass(frozen=True)
class FolderStructures:
    """What the outlines of a folder gave."""

    structures: tuple[Structure, ...]
    lines: tuple[StructureLine, ...]
    notes: tuple[Note, ...]
    taken: Mapping[int, str]
    """What each series was taken as, by its number."""


def structures_of_folder(sorting: Sorting, choices: Choices, images: list[Series]) -> FolderStructures:
    """Return the outlines that are drawn on one of the chosen images, the first that fits.

    Raises
    ------
    InputError
        If an object that the user named can't be read, or a role is given to a segment that is not there.
    """
    named = choices.outlines is not None
    sets = [sorting.numbered(n, "outlines") for n in choices.outlines or ()]
    if not named:
        sets = [series for kind in KINDS for series in sorting.of_kind(kind)]  # contours after the voxels they repeat
    structures: list[Structure] = []
    lines: list[StructureLine] = []
    notes: list[Note] = []
    taken: dict[int, str] = {}
    roles = dict(choices.roles)
    for series in sets:
        where = f"{series.kind.value} (series {series.number})"
        if series.kind not in KINDS:
            raise InputError("it holds no outlines", where=where, remedy="Choose a segmentation or structure set")
        try:
            found = _read(series, sorting, images, where)
        except InputError as error:
            if named:
                raise
            notes.append(Note(f"left out: {error}", "outlines", str(series.number)))
            continue
        notes += [Note(note) for note in found.notes]
        taken[series.number] = "outlines"
        repeated: list[str] = []
        for segment in found.segments:
            role = _role(roles.pop(segment.name, None), segment.name, found.roles.get(segment.name))
            volume_ml = None if segment.mask is None else _ml(segment.mask)
            if role is None or segment.mask is None:
                why = segment.doubt or ("empty" if segment.mask is None else "no role")
                lines.append(StructureLine(segment.name, None, volume_ml, why))
                continue
            twin = next((s for s in structures if s.label == segment.name and s.role is role), None)
            if twin is not None and _dice(twin.mask, segment.mask) >= SAME_DICE:
                repeated.append(segment.name)
                continue
            same = sum(s.label == segment.name or s.label.startswith(f"{segment.name} (") for s in structures)
            label = f"{segment.name} ({same + 1})" if same else segment.name
            structures.append(Structure(role, label, segment.mask))
            lines.append(StructureLine(label, role, volume_ml))
        if repeated:
            notes.append(Note(f"{where} repeats {', '.join(repeated)}: each is taken once"))
    if roles:
        known = [line.name for line in lines]
        name = next(iter(roles))
        remedy = did_you_mean(name, known) or f"There are: {', '.join(known)}"
        raise InputError(f"there is no segment '{name}'", where="roles", remedy=remedy, about="roles")
    left_out = [line for line in lines if line.role is None]
    if left_out:
        told = ", ".join(
            f"{line.name} ({line.why_not})" if line.why_not != "no role" else line.name for line in left_out
        )
        without = next((line.name for line in left_out if line.why_not == "no role"), "")
        note = Note(f"outlines left out, without a role or empty: {told}", "roles" if without else "", without)
        notes.append(note)
    return FolderStructures(tuple(structures), tuple(lines), tuple(notes), taken)


def _read(series: Series, sorting: Sorting, images: list[Series], where: str) -> Outlines:
    """Return the outlines as drawn on the first image whose frame of reference they share."""
    if not images:
        raise InputError("there is no image that it was drawn on", where=where, remedy="Add the CT to the folder")
    problems: list[InputError] = []
    for target in images:
        try:
            return read_outlines(series, sorting, target, where)
        except InputError as error:
            problems.append(error)
    raise problems[0]


def _ml(mask: sitk.Image) -> float:
    return float(np.count_nonzero(sitk.GetArrayViewFromImage(mask))) * voxel_ml(mask)


def _dice(one: sitk.Image, other: sitk.Image) -> float:
    """Return how well two masks agree, on the voxels of the first."""
    moved = sitk.Resample(other, one, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    both = (sitk.GetArrayViewFromImage(one) != 0) & (sitk.GetArrayViewFromImage(moved) != 0)
    return 2.0 * float(np.count_nonzero(both)) * voxel_ml(one) / (_ml(one) + _ml(other))


def _role(written: str | None, name: str, suggested: Role | None) -> Role | None:
    if written is None:
        return suggested
    if written == "none":
        return None
    if written not in list(Role):
        raise InputError(
            f"the role of '{name}' is '{written}'",
            where="roles",
            remedy=did_you_mean(written, list(Role)) or f"Write one of: {', '.join(Role)}, none",
            about="roles",
        )
    return Role(written)


def beyond_mm(mask: sitk.Image, image: sitk.Image) -> float:
    """Return how far a mask reaches beyond an image along the image's slices, in mm."""
    size = mask.GetSize()
    corners = [
        [i * (n - 1) for i, n in zip(at, size, strict=True)] for at in ((0, 0, 0), (1, 1, 1), (0, 0, 1), (1, 1, 0))
    ]
    heights = [image.TransformPhysicalPointToContinuousIndex(mask.TransformIndexToPhysicalPoint(c))[2] for c in corners]
    beyond = max(-0.5 - min(heights), max(heights) - (image.GetSize()[2] - 0.5), 0.0)
    return float(beyond * image.GetSpacing()[2])
