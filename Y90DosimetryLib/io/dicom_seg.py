"""Structures as DICOM Segmentation objects: every voxel as drawn, SNOMED codes, one object a grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..structures import UINT8, Structure
from ..terminology import TERMINOLOGY, Code
from ..version import __version__
from .dicom_axes import right_angled, turned
from .dicom_objects import (
    NOTICE,
    SOFTWARE,
    NewSeries,
    code_item,
    highdicom_module,
    muted,
    new_uid,
    shortened,
    slices_of,
    stamp,
)
from .dicom_reference import Reference

CONTENT_LABEL = "Y90_STRUCTURES"
SAME_SPACING_RATIO = 1e-4
PARALLEL_TOLERANCE = 1e-4  # of a direction cosine: 0.05 mm over half a meter
SAME_PLACE_FRACTION = 0.02
"""Tool default: how far, in voxels, rounded headers may move the voxels of one lattice."""


@dataclass(frozen=True)
class Segments:
    """A Segmentation object, and the number and tracking UID of each structure in it by its label."""

    dataset: Any
    numbers: Mapping[str, int]
    tracking_uids: Mapping[str, str]


@dataclass(frozen=True)
class _Block:
    """The voxels of a structure, shape (z, y, x), and the index x, y, z of the first one in a lattice."""

    structure: Structure
    array: UINT8
    first: NDArray[np.int64]

    @property
    def last(self) -> NDArray[np.int64]:
        size = np.array(self.array.shape[::-1], dtype=np.int64)
        return np.add(self.first, size)


def segmentations(
    structures: Iterable[Structure], reference: Reference, series: NewSeries, made_at: datetime
) -> tuple[Segments, ...]:
    """Return one Segmentation for each lattice that structures are drawn on; empty structures are left out.

    Masks stay on their lattice: the CT's where they lie on its voxels, with its rows and columns; else their own,
    with axes flipped and swapped to lie along the patient's. Nothing is resampled. Structures may overlap.

    Raises
    ------
    MissingToolError
        If highdicom is not installed.
    """
    highdicom_module()
    lattices: list[tuple[sitk.Image, list[_Block]]] = [(reference.image, [])]
    for structure in structures:
        if structure.box is None:
            continue
        mask = structure.mask[
            tuple(slice(i, i + n) for i, n in zip(structure.box.index, structure.box.size, strict=True))
        ]
        for lattice, blocks in lattices:
            block = _on(lattice, mask, structure)
            if block is not None:
                blocks.append(block)
                break
        else:
            lattice = turned(mask, np.eye(3))
            lattices.append((lattice, [_Block(structure, _inside(lattice), np.zeros(3, dtype=np.int64))]))
    used = [(lattice, blocks) for lattice, blocks in lattices if blocks]
    sources = slices_of(reference) if used else []
    found = []
    for index, (lattice, blocks) in enumerate(used):
        one = NewSeries(series.modality, series.number + index, series.description)
        found.append(_segmentation(blocks, lattice, sources, reference, one, made_at))
    return tuple(found)


def _on(lattice: sitk.Image, mask: sitk.Image, structure: Structure) -> _Block | None:
    """Return a mask as voxels of a lattice; None when it is drawn on other ones."""
    axes = right_angled(lattice)
    moved = turned(mask, axes)
    spacing = np.asarray(lattice.GetSpacing())
    offset = (np.asarray(moved.GetOrigin()) - np.asarray(lattice.GetOrigin())) @ axes / spacing
    first = np.rint(offset)
    same = (
        np.abs(right_angled(moved) - axes).max() < PARALLEL_TOLERANCE
        and np.allclose(moved.GetSpacing(), spacing, rtol=SAME_SPACING_RATIO)
        and np.abs(offset - first).max() < SAME_PLACE_FRACTION
    )
    return _Block(structure, _inside(moved), first.astype(np.int64)) if same else None


def _inside(mask: sitk.Image) -> UINT8:
    return np.asarray(sitk.GetArrayFromImage(mask) != 0).view(np.uint8)


def _segmentation(
    blocks: Sequence[_Block],
    lattice: sitk.Image,
    sources: list[Any],
    reference: Reference,
    series: NewSeries,
    made_at: datetime,
) -> Segments:
    highdicom = highdicom_module()
    group = [b.structure for b in blocks]
    uids = {s.label: new_uid() for s in group}
    numbers = {s.label: n for n, s in enumerate(group, start=1)}
    with muted():
        dataset = highdicom.seg.Segmentation(
            source_images=sources,
            pixel_array=_volume(blocks, lattice, reference),
            segmentation_type="BINARY",
            segment_descriptions=[_description(s, numbers[s.label], uids[s.label]) for s in group],
            series_instance_uid=new_uid(),
            series_number=series.number,
            sop_instance_uid=new_uid(),
            instance_number=1,
            manufacturer=SOFTWARE,
            manufacturer_model_name=SOFTWARE,
            software_versions=__version__,
            device_serial_number="0",
            content_label=CONTENT_LABEL,
            content_description=NOTICE,
        )
    for structure, item in zip(group, dataset.SegmentSequence, strict=True):
        modifier = TERMINOLOGY[structure.role].type_modifier
        if modifier.value:
            item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [code_item(modifier)]
        item.SegmentDescription = structure.role.display_name
    stamp(dataset, reference, series.description, made_at)
    return Segments(dataset, numbers, uids)


def _description(structure: Structure, number: int, uid: str) -> Any:
    highdicom = highdicom_module()
    entry = TERMINOLOGY[structure.role]
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=shortened(structure.label),
        segmented_property_category=concept(entry.category),
        segmented_property_type=concept(entry.type),
        algorithm_type="MANUAL",  # how an outline was made is not known here; a person answers for it
        tracking_uid=uid,
        tracking_id=shortened(structure.label),
        anatomic_regions=[concept(entry.region)] if entry.region.value else None,
    )


def concept(code: Code) -> Any:
    """Return a code as highdicom takes it."""
    return highdicom_module().sr.CodedConcept(code.value, code.scheme, code.meaning)


def _volume(blocks: Sequence[_Block], lattice: sitk.Image, reference: Reference) -> Any:
    """Return the masks side by side: whole planes of the CT where they lie on it, but only those that one touches."""
    low = np.min([b.first for b in blocks], axis=0)
    high = np.max([b.last for b in blocks], axis=0)
    if lattice is reference.image:
        low[:2] = np.minimum(low[:2], 0)
        high[:2] = np.maximum(high[:2], lattice.GetSize()[:2])
    array = np.zeros((*(high - low)[::-1], len(blocks)), dtype=np.uint8)
    for n, block in enumerate(blocks):
        x, y, z = (slice(int(i), int(j)) for i, j in zip(block.first - low, block.last - low, strict=True))
        array[z, y, x, n] = block.array
    affine = np.eye(4)
    steps = right_angled(lattice) * np.asarray(lattice.GetSpacing())
    affine[:3, :3] = steps[:, ::-1]  # from (slice, row, column)
    affine[:3, 3] = np.asarray(lattice.GetOrigin()) + steps @ low
    return highdicom_module().Volume(
        array,
        affine,
        coordinate_system="PATIENT",
        frame_of_reference_uid=str(reference.header.FrameOfReferenceUID),
        channels={"SegmentNumber": list(range(1, len(blocks) + 1))},
    )
