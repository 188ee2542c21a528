"""Outlines that overlap become compartments that do not: set algebra on one fine lattice.

The whole liver is the outline of the liver together with the tumors and thrombi drawn over its edge. Each of
its voxels has one tissue (a tumor, a thrombus, or normal liver) and belongs to any number of perfused
volumes; voxels alike in both form a `Compartment`. Where lesions overlap, a tumor keeps the voxel before a
thrombus does, and the smaller of two tumors before the larger: the result does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .case import Case
from .errors import GeometryError, InputError
from .images import MM3_PER_ML
from .occupancy import Grid, Occupancy, occupancy, union
from .structures import LESION_ROLES, OUTSIDE, UINT8, Box, Role, Structure

MAX_PERFUSED = 16
MAX_LESIONS = 250
LATTICE_TOLERANCE = 0.01  # of a voxel
ROUNDING_ML = 1e-6
LARGEST_LATTICE_COUNT = 200_000_000
"""Tool default: voxels of the block around the liver, 2 GB in all; a liver of 250 x 200 x 200 mm on 0.37 mm."""
THROMBUS_GAP_MM = 20.0
"""Tool default: a thrombus of the portal or hepatic trunk may lie this far from the outline of the liver."""


@dataclass(frozen=True)
class Compartment:
    """Voxels of one tissue that the same perfused volumes cover; compartments never overlap."""

    role: Role
    """TUMOR, PVTT, HEPATIC_VEIN_THROMBUS or NORMAL_LIVER."""
    label: str
    """The lesion's label; empty for normal liver."""
    perfused: frozenset[str]
    """Labels of the perfused volumes that cover it; empty where no infusion reaches."""
    volume_ml: float

    @property
    def is_lesion(self) -> bool:
        """Whether it is a tumor or a thrombus."""
        return self.role is not Role.NORMAL_LIVER


@dataclass(frozen=True)
class Compartments:
    """The disjoint parts of one liver, and the block of voxels that shows where each one lies."""

    items: tuple[Compartment, ...]
    codes: NDArray[np.uint16]
    """Shape (z, y, x): 0 outside the liver, n + 1 in the compartment of index n."""
    grid: Grid

    @property
    def whole_ml(self) -> float:
        """The volume of the whole liver, in mL."""
        return sum(c.volume_ml for c in self.items)

    def volume_ml(self, indices: Iterable[int]) -> float:
        """Return the volume of some compartments together, in mL."""
        return sum(self.items[i].volume_ml for i in indices)

    def lesion(self, label: str) -> tuple[int, ...]:
        """Return the indices of the compartments of one tumor or thrombus."""
        return tuple(i for i, c in enumerate(self.items) if c.is_lesion and c.label == label)

    def of_role(self, role: Role) -> tuple[int, ...]:
        """Return the indices of the compartments of one tissue."""
        return tuple(i for i, c in enumerate(self.items) if c.role is role)

    def inside(self, perfused: Iterable[str]) -> tuple[int, ...]:
        """Return the indices of the compartments that at least one of these perfused volumes covers."""
        wanted = set(perfused)
        return tuple(i for i, c in enumerate(self.items) if c.perfused & wanted)

    @property
    def everything(self) -> tuple[int, ...]:
        """The indices of all compartments: the whole liver."""
        return tuple(range(len(self.items)))

    @cached_property
    def lesion_labels(self) -> tuple[tuple[Role, str], ...]:
        """Role and label of every lesion that holds a voxel, tumors first."""
        found = dict.fromkeys((c.role, c.label) for c in self.items if c.is_lesion)
        return tuple(sorted(found, key=lambda pair: LESION_ROLES.index(pair[0])))

    def mask(self, indices: Iterable[int]) -> UINT8:
        """Return the voxels of some compartments, 1 inside, shape (z, y, x) of `codes`."""
        table = np.zeros(len(self.items) + 1, dtype=np.uint8)
        table[[i + 1 for i in indices]] = 1
        mask: UINT8 = table[self.codes]
        return mask

    def occupancies(self, target: Grid) -> tuple[Occupancy, ...]:
        """Return where each compartment lies on the voxels of an image."""
        parts = []
        for index in self.everything:
            mask = self.mask([index])
            box = _bounds(mask)
            parts.append(occupancy(mask[box.slices], self.grid.cropped(box), target))
        return tuple(parts)


def occupancy_of_several(parts: tuple[Occupancy, ...], indices: Iterable[int]) -> Occupancy:
    """Return the sum of the occupancies of some compartments."""
    return union([parts[i] for i in indices])


def compartments_of(case: Case) -> Compartments:
    """Divide the whole liver of a case into disjoint compartments.

    Raises
    ------
    InputError
        If there is no liver outline, or a structure of the treatment is empty or lies wholly outside the liver.
    GeometryError
        If a structure shares no space with the liver.
    """
    liver = case.one(Role.LIVER)
    if liver is None:
        raise InputError(
            "no structure has the role liver", where="structures", remedy="Outline the liver, tumors included"
        )
    lesions = [s for role in LESION_ROLES for s in sorted(case.of_role(role), key=lambda s: (s.volume_ml, s.label))]
    perfused = case.of_role(Role.PERFUSED)
    if any(s.is_typed for s in (liver, *lesions, *perfused)):
        return _typed(case, liver, lesions, perfused)
    _refuse(liver, *lesions, *perfused)
    lattice, box = _common_lattice(liver, [*lesions, *perfused])
    in_liver = np.zeros(box.size[::-1], dtype=bool)
    window, inside = _on_lattice(liver, lattice, box)
    in_liver[window] = inside != 0
    tissue = in_liver.astype(np.uint8)
    for number, lesion in reversed(list(enumerate(lesions, start=2))):
        window, inside = _on_lattice(lesion, lattice, box)
        if not np.any(in_liver[window] & (inside != 0)):
            _refuse_distant(lesion, in_liver, window, inside, lattice.spacing_mm)
        tissue[window][inside != 0] = number
    cover = np.zeros(tissue.shape, dtype=np.uint16)
    for bit, volume in enumerate(perfused):
        window, inside = _on_lattice(volume, lattice, box)
        reached = (inside != 0) & (tissue[window] != 0)
        if not reached.any():
            _refuse_outside(volume)
        cover[window] |= np.where(reached, np.uint16(1 << bit), np.uint16(0))
    return _coded(tissue, cover, lesions, perfused, lattice.cropped(box))


def _typed(case: Case, liver: Structure, lesions: list[Structure], perfused: tuple[Structure, ...]) -> Compartments:
    """Return the compartments of volumes typed in: arithmetic in place of set algebra, with no place of their own.

    A perfused volume holds its tumors, and so does the liver; one inside another is part of it.
    """
    outlined = [s.label for s in (liver, *lesions, *perfused) if not s.is_typed]
    shown = [s.label for s in case.sessions if s.image is not None]
    if outlined or shown:
        raise InputError(
            f"{', '.join(outlined or shown)} comes from images, other volumes are typed in",
            where="structures",
            remedy="Outline all of liver, tumors and perfused volumes, or type all of them and leave out the images",
        )
    held = {s.label: _holder(s, perfused) for s in (*perfused, *lesions)}
    items: list[Compartment] = []
    for volume in (*perfused, None):
        label = volume.label if volume else OUTSIDE
        own_ml = volume.volume_ml if volume else liver.volume_ml
        chain = _chain(label, held)
        for part in (s for s in (*perfused, *lesions) if held[s.label] == label):
            own_ml -= part.volume_ml
            if part.role is not Role.PERFUSED:
                items.append(Compartment(part.role, part.label, chain, part.volume_ml))
        if own_ml < -ROUNDING_ML:
            raise InputError(
                f"what lies in it is {-own_ml:.1f} mL larger than itself",
                where=label if volume else liver.label,
                remedy="The volume includes its tumors: correct the volumes, or say what each lies inside",
            )
        if own_ml > ROUNDING_ML:
            items.append(Compartment(Role.NORMAL_LIVER, "", chain, own_ml))
    return Compartments(tuple(items), np.zeros((1, 1, 1), dtype=np.uint16), Grid.of(liver.mask))


def _holder(structure: Structure, perfused: tuple[Structure, ...]) -> str:
    """Return what a typed volume lies inside: as said, else the only perfused volume for a lesion."""
    known = {p.label for p in perfused if p is not structure} | {OUTSIDE}
    if structure.inside and structure.inside not in known:
        raise InputError(
            f"it is said to lie inside '{structure.inside}'",
            where=f"structure '{structure.label}'",
            remedy=f"Name one of: {', '.join(sorted(known))}",
        )
    if structure.inside or structure.role is Role.PERFUSED:
        return structure.inside or OUTSIDE
    if len(perfused) != 1:
        raise InputError(
            "there are several perfused volumes, or none",
            where=f"structure '{structure.label}'",
            remedy=f"Say what it lies inside: {', '.join(sorted(known))}",
        )
    return perfused[0].label


def _chain(label: str, held: dict[str, str]) -> frozenset[str]:
    """Return a perfused volume and all that hold it."""
    found: list[str] = []
    while label != OUTSIDE:
        if label in found:
            raise InputError("it lies inside itself", where=f"structure '{label}'", remedy="Correct 'inside'")
        found.append(label)
        label = held[label]
    return frozenset(found)


def _coded(
    tissue: UINT8,
    cover: NDArray[np.uint16],
    lesions: list[Structure],
    perfused: tuple[Structure, ...],
    grid: Grid,
) -> Compartments:
    codes = np.zeros(tissue.shape, dtype=np.uint16)
    items: list[Compartment] = []
    covers = [int(v) for v in np.flatnonzero(np.bincount(cover.ravel(), minlength=1))]
    for bits in covers:
        here = cover == bits if len(covers) > 1 else None
        counts = np.bincount(tissue.ravel() if here is None else tissue[here])
        table = np.zeros(256, dtype=np.uint16)
        for number in np.flatnonzero(counts):
            if number == 0:
                continue
            lesion = lesions[number - 2] if number > 1 else None
            items.append(
                Compartment(
                    lesion.role if lesion else Role.NORMAL_LIVER,
                    lesion.label if lesion else "",
                    frozenset(s.label for bit, s in enumerate(perfused) if bits >> bit & 1),
                    float(counts[number]) * grid.voxel_ml,
                )
            )
            table[number] = len(items)
        if here is None:
            codes = table[tissue]
        else:
            np.copyto(codes, table[tissue], where=here)
    return Compartments(tuple(items), codes, grid)


def _refuse(*structures: Structure) -> None:
    for structure in structures:
        if structure.is_empty:
            raise InputError(
                f"'{structure.label}' is empty",
                where=structure.role.display_name,
                remedy="Outline it, or remove it from the case",
            )
    if sum(s.role is Role.PERFUSED for s in structures) > MAX_PERFUSED:
        raise InputError(f"more than {MAX_PERFUSED} perfused volumes", where="structures", remedy="Join some")
    if sum(s.role in LESION_ROLES for s in structures) > MAX_LESIONS:
        raise InputError(f"more than {MAX_LESIONS} lesions", where="structures", remedy="Join the small ones")


def _refuse_distant(
    lesion: Structure,
    in_liver: NDArray[np.bool_],
    window: tuple[slice, slice, slice],
    inside: UINT8,
    spacing_mm: tuple[float, float, float],
) -> None:
    """Refuse a lesion that shares no voxel with the liver, unless it touches it or is a thrombus near its hilum.

    A tumor cut out of the liver's outline (labels that exclude each other) touches it on every side.
    """
    image = sitk.GetImageFromArray(in_liver.view(np.uint8))
    image.SetSpacing(spacing_mm)
    far_mm = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, False, False, True))
    gap_mm = float(far_mm[window][inside != 0].min())
    allowed_mm = float(np.linalg.norm(spacing_mm)) if lesion.role is Role.TUMOR else THROMBUS_GAP_MM
    if gap_mm > allowed_mm:
        _refuse_outside(lesion)


def _refuse_outside(structure: Structure) -> None:
    raise GeometryError(
        f"'{structure.label}' ({structure.volume_ml:.1f} mL) lies wholly outside the liver",
        where=structure.role.display_name,
        remedy="Check that it belongs to this image, that left and right are not swapped, and that the liver was"
        " outlined whole: segments drawn without overlap cut each other out",
    )


def _common_lattice(liver: Structure, others: list[Structure]) -> tuple[Grid, Box]:
    """Return the finest lattice among the structures and the block of it that holds all lesions and the liver."""
    finest = min([liver, *others], key=lambda s: (round(s.voxel_ml, 9), s is not liver))
    lattice = Grid.of(finest.mask)
    low, high = np.full(3, np.iinfo(np.int64).max), np.full(3, np.iinfo(np.int64).min)
    for structure in [liver, *(s for s in others if s.role in LESION_ROLES)]:
        box = _box_on(structure, lattice)
        low = np.minimum(low, box.index)
        high = np.maximum(high, np.add(box.index, box.size))
    count = int(np.prod(high - low))
    if count > LARGEST_LATTICE_COUNT:
        spacing = " x ".join(f"{s:.3g}" for s in lattice.spacing_mm)
        coarser_mm = (count * lattice.voxel_ml * MM3_PER_ML / LARGEST_LATTICE_COUNT) ** (1 / 3)
        raise InputError(
            f"on its voxels of {spacing} mm the liver takes {count / 1e6:,.0f} million voxels; the limit is "
            f"{LARGEST_LATTICE_COUNT / 1e6:,.0f} million",
            where=f"structure '{finest.label}'",
            remedy=f"Resample this outline to voxels of {ceil(coarser_mm * 20) / 20:g} mm or more",
        )
    index, size = (int(v) for v in low), (int(v) for v in high - low)
    return lattice, Box(tuple(index), tuple(size))  # type: ignore[arg-type]


def _box_on(structure: Structure, lattice: Grid) -> Box:
    """Return the block of *lattice* that holds a structure; indices may lie outside the lattice's own image."""
    assert structure.box is not None
    own = Grid.of(structure.mask).cropped(structure.box)
    corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in own.size], indexing="ij")).reshape(3, -1)
    points = np.asarray(own.origin_mm)[:, None] + own.axes @ (np.asarray(own.spacing_mm)[:, None] * corners)
    index = (lattice.axes.T @ (points - np.asarray(lattice.origin_mm)[:, None])) / np.asarray(lattice.spacing_mm)[
        :, None
    ]
    low = np.floor(index.min(axis=1) + 0.5 + LATTICE_TOLERANCE).astype(int)
    high = np.ceil(index.max(axis=1) + 0.5 - LATTICE_TOLERANCE).astype(int)
    x, y, z = (int(v) for v in low)
    nx, ny, nz = (int(v) for v in high - low)
    return Box((x, y, z), (nx, ny, nz))


def _on_lattice(structure: Structure, lattice: Grid, box: Box) -> tuple[tuple[slice, slice, slice], NDArray[np.uint8]]:
    """Return the part of *box* a structure reaches (as slices of the block) and its voxels there."""
    own_box = _box_on(structure, lattice)
    low = np.maximum(own_box.index, box.index)
    high = np.minimum(np.add(own_box.index, own_box.size), np.add(box.index, box.size))
    size = np.maximum(high - low, 0)
    x, y, z = (int(v) for v in low - np.asarray(box.index))
    window = (slice(z, z + int(size[2])), slice(y, y + int(size[1])), slice(x, x + int(size[0])))
    if not size.all():
        return (slice(0, 0),) * 3, np.zeros((0, 0, 0), dtype=np.uint8)
    assert structure.box is not None
    own = Grid.of(structure.mask)
    if _same_lattice(own, lattice):
        offset = np.rint(_index_of(own, lattice)).astype(int)
        start = low - offset
        slices = tuple(slice(int(a), int(a + n)) for a, n in zip(start[::-1], size[::-1], strict=True))
        return window, sitk.GetArrayViewFromImage(structure.mask)[slices]
    part = Box(tuple(int(v) for v in low), tuple(int(v) for v in size))  # type: ignore[arg-type]
    block = sitk.GetImageFromArray(structure.cropped())
    crop = own.cropped(structure.box)
    block.SetSpacing(crop.spacing_mm)
    block.SetOrigin(crop.origin_mm)
    block.SetDirection(crop.direction)
    target = lattice.cropped(part)
    resampled = sitk.Resample(block, target.image(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return window, sitk.GetArrayFromImage(resampled)


def _index_of(own: Grid, lattice: Grid) -> NDArray[np.float64]:
    """Return the index on *lattice* of the first voxel of *own*."""
    shift = np.asarray(own.origin_mm) - np.asarray(lattice.origin_mm)
    index: NDArray[np.float64] = (lattice.axes.T @ shift) / np.asarray(lattice.spacing_mm)
    return index


def _same_lattice(own: Grid, lattice: Grid) -> bool:
    """Whether the voxels of two grids coincide, up to a shift by whole voxels."""
    if not np.allclose(own.direction, lattice.direction, atol=1e-5):
        return False
    reach = max(*own.size, *lattice.size)
    if not np.allclose(own.spacing_mm, lattice.spacing_mm, rtol=LATTICE_TOLERANCE / reach):
        return False
    index = _index_of(own, lattice)
    return bool(np.abs(index - np.rint(index)).max() < LATTICE_TOLERANCE)


def _bounds(mask: UINT8) -> Box:
    z, y, x = (np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    size = (int(x[-1] - x[0]) + 1, int(y[-1] - y[0]) + 1, int(z[-1] - z[0]) + 1)
    return Box((int(x[0]), int(y[0]), int(z[0])), size)
