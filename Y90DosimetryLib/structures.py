"""What is outlined on the images: the roles a structure can have, and a structure on its own grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .errors import InputError
from .images import MM3_PER_ML, right_angled, voxel_ml
from .quantities import require_label

OUTSIDE = "outside"
"""Where a typed lesion lies that no infusion reaches."""
UINT8 = NDArray[np.uint8]


class Role(StrEnum):
    """What a structure is to the treatment."""

    LIVER = "liver"
    PERFUSED = "perfused"
    TUMOR = "tumor"
    PVTT = "pvtt"
    HEPATIC_VEIN_THROMBUS = "hepatic_vein_thrombus"
    FLR = "flr"
    LUNGS = "lungs"
    PLANNED_RESECTION = "planned_resection"
    NORMAL_LIVER = "normal_liver"

    @property
    def display_name(self) -> str:
        """The role as a reader of the report sees it."""
        return _TITLES[self]

    @property
    def takes_several(self) -> bool:
        """Whether a case may have more than one structure of this role."""
        return self in {Role.PERFUSED, Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS}


_TITLES = {
    Role.LIVER: "Liver",
    Role.PERFUSED: "Perfused volume",
    Role.TUMOR: "Tumor",
    Role.PVTT: "Portal vein tumor thrombus",
    Role.HEPATIC_VEIN_THROMBUS: "Hepatic vein tumor thrombus",
    Role.FLR: "Future liver remnant",
    Role.LUNGS: "Lungs",
    Role.PLANNED_RESECTION: "Planned resection",
    Role.NORMAL_LIVER: "Normal liver, as drawn",
}

LESION_ROLES = (Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS)
"""Roles that are cut out of the normal liver; where they overlap, the earlier role keeps the voxel."""


@dataclass(frozen=True)
class Box:
    """A block of voxels: first index and size along x, y, z."""

    index: tuple[int, int, int]
    size: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The same block as slices of a numpy array indexed (z, y, x)."""
        z, y, x = (slice(i, i + n) for i, n in zip(reversed(self.index), reversed(self.size), strict=True))
        return z, y, x


@dataclass(frozen=True)
class Structure:
    """An outline with its role, as a mask on its own grid (any integer type; not zero is inside).

    Raises
    ------
    InputError
        If the label is blank, or the mask is not a three-dimensional image of whole numbers.
    """

    role: Role
    label: str
    mask: sitk.Image
    treated_otherwise: bool = False
    """Of a tumor: it is ablated or resected, and no target of the infusions."""
    is_typed: bool = False
    """Whether this is a volume typed in, of a worksheet; its mask is one voxel of that volume, somewhere."""
    inside: str = ""
    """Of a typed volume: the label of the perfused volume that holds it, or `OUTSIDE`; empty where that is plain."""

    @classmethod
    def typed(
        cls, role: Role, label: str, volume_ml: float, inside: str = "", *, treated_otherwise: bool = False
    ) -> Structure:
        """Return a volume without an outline, as a worksheet has it; raises `InputError` unless it is positive."""
        if not 0 < volume_ml < float("inf"):
            raise InputError(
                f"volume_ml is {volume_ml}", where=f"structure '{label}'", remedy="Enter a positive volume"
            )
        mask = sitk.Image(1, 1, 1, sitk.sitkUInt8) + 1
        side_mm = (volume_ml * MM3_PER_ML) ** (1 / 3)
        mask.SetSpacing((side_mm, side_mm, volume_ml * MM3_PER_ML / (side_mm * side_mm)))
        return cls(role, label, mask, treated_otherwise, True, inside)

    def __post_init__(self) -> None:
        where = f"structure '{self.label}'"
        require_label(self.label, f"structure, {self.role.display_name}")
        object.__setattr__(self, "mask", right_angled(self.mask, where))
        if self.mask.GetNumberOfComponentsPerPixel() != 1:
            raise InputError("the mask has several values a voxel", where=where, remedy="Give one mask a structure")
        if "integer" not in self.mask.GetPixelIDTypeAsString():
            raise InputError(
                f"the mask holds {self.mask.GetPixelIDTypeAsString()}, not whole numbers",
                where=where,
                remedy="Save it as a label map (0 outside, 1 inside)",
            )

    @cached_property
    def box(self) -> Box | None:
        """The smallest block of voxels that holds the structure; None when it is empty."""
        array = sitk.GetArrayViewFromImage(self.mask)
        planes = np.flatnonzero([plane.any() for plane in array])
        if not planes.size:
            return None
        z0, z1 = int(planes[0]), int(planes[-1])
        flat = np.zeros(array.shape[1:], dtype=bool)
        for plane in array[z0 : z1 + 1]:
            flat |= plane != 0
        y, x = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        first = (int(x[0]), int(y[0]), z0)
        last = (int(x[-1]), int(y[-1]), z1)
        size = (last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1)
        return Box(first, size)

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is inside."""
        return self.box is None

    def cropped(self) -> UINT8:
        """Return the voxels inside `box`, 1 inside and 0 outside, shape (z, y, x); empty when empty."""
        if self.box is None:
            return np.zeros((0, 0, 0), dtype=np.uint8)
        view = sitk.GetArrayViewFromImage(self.mask)[self.box.slices]
        return np.asarray(view != 0).view(np.uint8)

    @cached_property
    def voxel_count(self) -> int:
        """The number of voxels inside."""
        return int(np.count_nonzero(self.cropped()))

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel of the mask, in mL."""
        return voxel_ml(self.mask)

    @property
    def volume_ml(self) -> float:
        """The volume as drawn, in mL."""
        return self.voxel_count * self.voxel_ml
