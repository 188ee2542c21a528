"""Segmentations saved by 3D Slicer (.seg.nrrd): named segments, in one or several layers, and the roles they take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import InputError
from ..structures import Role, Structure
from ..terminology import role_of_terminology
from .case_schema import did_you_mean
from .nrrd import VOLUMES
from .volumes import cut_out, read_segmentation_image

FIELD = re.compile(r"Segment(\d+)_(\w+)$")
"""Header fields of a segment: https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html"""

LARGEST_LABEL = 65535


@dataclass(frozen=True)
class Segment:
    """One named outline of a segmentation file; `mask` (0 and 1, cut to its bounding box) is None when empty."""

    name: str
    id: str
    terminology: str
    """Coded category and type, as Slicer writes it; empty when none was chosen."""
    mask: sitk.Image | None
    doubt: str = ""
    """Why it can't be read; empty where it was."""

    @property
    def suggested_role(self) -> Role | None:
        """The role that name and codes suggest: none where they contradict each other, or the name says more.

        A name says more than "Neoplasm" or Slicer's "Tissue"; codes alone count where it is none of the field's.
        """
        by_name, by_code = suggested_role(self.name), role_of_terminology(self.terminology)
        if by_name is None:
            return None if _CORE.search(_plain(self.name)) else by_code
        contradicted = by_name in _WHOLE_ORGANS and by_code not in (None, by_name)
        return None if contradicted or _OTHER_ORGAN.search(self.terminology) else by_name


_CORES = (
    (r"pvtt|portal vein (tumou?r )?thromb\w+|portal vein invasion", Role.PVTT),
    (r"hvtt|hepatic vein (tumou?r )?thromb\w+|vena cava (tumou?r )?thromb\w+", Role.HEPATIC_VEIN_THROMBUS),
    (r"flr|(future )?(liver )?remnant", Role.FLR),
    (r"(planned )?resection", Role.PLANNED_RESECTION),
    (r"normal|healthy|non ?tumou?r(al|ous)?", Role.NORMAL_LIVER),
    (r"perfused|perfusion|treated|angiosome", Role.PERFUSED),
    (r"tumou?rs?|lesions?|hcc|icc|gtv|metastas[ie]s", Role.TUMOR),
    (r"(both )?lungs", Role.LUNGS),
    (r"liver", Role.LIVER),
)
"""The word of each role, the first that is found; one lung alone is none."""
_WHOLE_ORGANS = {Role.LIVER, Role.LUNGS}
"""Roles that no other code fits; the others are often coded as the organ they lie in."""
_CORE = re.compile("|".join(rf"\b({pattern})\b" for pattern, _ in _CORES))
_BESIDE = re.compile(
    r"\d+|[a-h]|[ivx]+|left|right|whole|total|lobes?|segments?|seg|s|sector|section|volume|vol|roi|liver|hepatic|of|the|"
    r"in|dominant|index|target|largest|main|portal|vein|branch|trunk|territory|artery|infusion|parenchyma|no|nr|part"
)
"""Words that say where or which one, and leave the role as it is."""
_BESIDE_LIVER = re.compile(r"whole|total|parenchyma|volume|roi|the")
_BESIDE_LUNGS = re.compile(r"whole|total|volume|roi|the|left|right")
_OTHER_ORGAN = re.compile(
    r"~[^~]*\^(spleen|kidney|stomach|heart|pancreas|bowel|colon|duodenum|gallbladder|urinary bladder|bone|vertebra|"
    r"muscle|fat|aorta|brain|thyroid|bile duct)",
    re.IGNORECASE,
)


def suggested_role(name: str) -> Role | None:
    """Return the role that a segment's name says ("Tumor 1", "Perfused right", "PVTT").

    None where the name says none, or something else besides: "Tumor + 10 mm", "Tumor shell", "Normal lung".
    """
    plain = _plain(name)
    if re.search(r"[+<>&=]", name):
        return None
    for pattern, role in _CORES:
        if re.search(rf"\b({pattern})\b", plain):
            rest = re.sub(rf"\b({pattern})\b", " ", plain).split()
            beside = {Role.LIVER: _BESIDE_LIVER, Role.LUNGS: _BESIDE_LUNGS}.get(role, _BESIDE)
            return role if all(beside.fullmatch(word) for word in rest) else None
    return None


def _plain(name: str) -> str:
    plain = re.sub(r"[\W_]+", " ", name).strip().lower()
    return re.sub(r"(?<=[a-z])(?=\d)", " ", plain)


def read_segments(path: Path, where: str, *, within: Path | None = None) -> tuple[Segment, ...]:
    """Return the segments of a .seg.nrrd file in their order, each cut to its bounding box.

    Raises
    ------
    InputError
        If the file is unreadable, has no named segments, or two of one name.
    """
    image, keys = read_segmentation_image(path, where, within=within)
    representation = keys.get("Segmentation_MasterRepresentation") or keys.get("Segmentation_SourceRepresentation", "")
    if "fractional" in representation.lower():
        raise InputError("the segments are fractional", where=where, remedy="Convert them to a binary labelmap first")
    fields: dict[int, dict[str, str]] = {}
    for key, text in keys.items():
        if found := FIELD.match(key):
            fields.setdefault(int(found[1]), {})[found[2]] = text
    if not fields:
        raise InputError(
            "no named segments in the header",
            where=where,
            remedy="Give each mask as [[structures]] with file and label_value",
        )
    names = [_name(number, fields[number]) for number in sorted(fields)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two segments are named '{name}'", where=where, remedy="Give each its own name in Slicer")
    places = [_place(number, fields[number], where) for number in sorted(fields)]
    masks = _masks(image, places, int(keys.get(VOLUMES, "1")), where)
    return tuple(
        Segment(name, of.get("ID", ""), _terminology(of.get("Tags", "")), mask)
        for name, of, mask in zip(names, (fields[number] for number in sorted(fields)), masks, strict=True)
    )


def structures_of(
    segments: tuple[Segment, ...], roles: Mapping[str, Role] | None, where: str
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Return the structures among *segments*, and the names of the segments that were left out.

    Parameters
    ----------
    roles
        The role of each segment that counts, by its name; None takes what names and codes suggest.

    Raises
    ------
    InputError
        If a role is given to a segment that does not exist, or a segment with a role is empty.
    """
    names = [segment.name for segment in segments]
    for name in roles or ():
        if name not in names:
            remedy = did_you_mean(name, names) or f"There are: {', '.join(names)}"
            raise InputError(f"there is no segment '{name}'", where=where, remedy=remedy)
    structures: list[Structure] = []
    for segment in segments:
        role = segment.suggested_role if roles is None else roles.get(segment.name)
        if role is None:
            continue
        if segment.mask is None:
            raise InputError(
                f"segment '{segment.name}' is empty", where=where, remedy="Draw it, or take it out of the file"
            )
        structures.append(Structure(role, segment.name, segment.mask))
    if not structures:
        raise InputError(
            "no segment has a role",
            where=where,
            remedy=f"Name the roles in [segmentation.roles]; there are: {', '.join(names)}",
        )
    taken = {structure.label for structure in structures}
    return tuple(structures), tuple(name for name in names if name not in taken)


def _name(number: int, of: Mapping[str, str]) -> str:
    return of.get("Name", "").strip() or of.get("ID", "").strip() or f"Segment {number + 1}"


def _place(number: int, of: Mapping[str, str], where: str) -> tuple[int, int]:
    """Return layer and label of a segment; files older than Slicer 4.11 have one layer a segment and no such fields."""
    layer, label = ("0", of["LabelValue"]) if "LabelValue" in of else (str(number), "1")
    layer = of.get("Layer", layer)
    if not (layer.isdecimal() and label.isdecimal() and 0 < int(label) <= LARGEST_LABEL):
        raise InputError(
            f"segment '{_name(number, of)}' has layer '{layer}' and label '{label}'",
            where=where,
            remedy="Save the segmentation again in 3D Slicer",
        )
    return int(layer), int(label)


def _masks(image: sitk.Image, places: list[tuple[int, int]], volumes_count: int, where: str) -> list[sitk.Image | None]:
    layers: NDArray[np.integer] = sitk.GetArrayViewFromImage(image)
    if layers.dtype.kind not in "iu":
        raise InputError(
            f"the segments are stored as {layers.dtype}, not labels", where=where, remedy="Save them again"
        )
    if volumes_count > 1:
        layers = np.moveaxis(layers.reshape(volumes_count, -1, *layers.shape[1:]), 0, -1)
    layers = layers.reshape(*layers.shape[:3], -1)
    if max(layer for layer, _ in places) >= layers.shape[3]:
        raise InputError(
            f"a segment lies in a layer that the file does not have ({layers.shape[3]} in all)",
            where=where,
            remedy="Save the segmentation again in 3D Slicer",
        )
    masks: list[sitk.Image | None] = [None] * len(places)
    for layer in sorted({layer for layer, _ in places}):
        labels = layers[..., layer]
        boxes = ndimage.find_objects(labels, max_label=max(label for at, label in places if at == layer))
        for i, (at, label) in enumerate(places):
            box = boxes[label - 1] if at == layer else None
            if box is not None:
                masks[i] = cut_out((labels[box] == label).view(np.uint8), box, image)
    return masks


def _terminology(tags: str) -> str:
    entries = (entry.partition(":") for entry in tags.split("|"))
    return next((text for key, _, text in entries if key == "TerminologyEntry"), "")
