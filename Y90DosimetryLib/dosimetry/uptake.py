"""What one session's image says of each compartment: its counts, and which infusion they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..case import Session
from ..compartments import Compartments
from ..errors import GeometryError, InputError
from ..images import ActivityMap, CountMap, array_of
from ..occupancy import Grid, Occupancy, occupancy, union
from ..structures import UINT8


@dataclass(frozen=True)
class Cell:
    """A compartment, or the part of it that belongs to one infusion's territory.

    `counts` is the integral of the image over the cell: its values times mL (Bq for an activity map).
    """

    compartment: int
    owners: frozenset[str]
    """The perfused volumes whose infusions the counts stand for."""
    occupancy: Occupancy
    counts: float


@dataclass(frozen=True)
class Uptake:
    """The counts of one image, divided by compartment and by infusion."""

    image: CountMap | ActivityMap
    grid: Grid
    cells: tuple[Cell, ...]
    compartment_count: int

    @cached_property
    def image_total(self) -> float:
        """The integral of the whole image, inside and outside of the liver: its values times mL."""
        return float(array_of(self.image.image).sum(dtype=np.float64)) * self.grid.voxel_ml

    @property
    def counts(self) -> NDArray[np.float64]:
        """Counts of each compartment, shape (compartments,)."""
        total = np.zeros(self.compartment_count)
        for cell in self.cells:
            total[cell.compartment] += cell.counts
        return total

    def owned_counts(self, perfused: str) -> NDArray[np.float64]:
        """Return the counts of each compartment that stand for infusions into one perfused volume."""
        total = np.zeros(self.compartment_count)
        for cell in self.cells:
            if perfused in cell.owners:
                total[cell.compartment] += cell.counts
        return total

    def within(self, compartments: Compartments) -> Uptake:
        """Return the same with counts outside an infusion's own perfused volume standing for nothing."""
        cells = tuple(replace(c, owners=c.owners & compartments.items[c.compartment].perfused) for c in self.cells)
        return replace(self, cells=cells)

    def occupancy(self, indices: tuple[int, ...]) -> Occupancy:
        """Return where some compartments lie on the image."""
        wanted = set(indices)
        return union([cell.occupancy for cell in self.cells if cell.compartment in wanted])

    def owned_occupancy(self, perfused: str) -> Occupancy:
        """Return where the territory of one perfused volume lies on the image."""
        return union([cell.occupancy for cell in self.cells if perfused in cell.owners])


def uptake_of(session: Session, compartments: Compartments) -> Uptake | None:
    """Integrate a session's image over the compartments; None when the session has no image.

    Every part of the liver belongs to the perfused volume that covers it or, where none does, to the nearest one of
    this session; `Uptake.within` leaves the latter out.

    Raises
    ------
    GeometryError
        If image and liver share no space.
    InputError
        If the image holds no counts in one of the session's perfused volumes.
    """
    if session.image is None:
        return None
    grid = Grid.of(session.image.image)
    array = array_of(session.image.image)
    where = f"image of session '{session.label}'"
    treated = tuple(dict.fromkeys(i.perfused for i in session.infusions))
    cells: list[Cell] = []
    for index, owners, mask_occupancy in _pieces(compartments, treated, grid):
        cells.append(Cell(index, owners, mask_occupancy, mask_occupancy.integral(array)))
    uptake = Uptake(session.image, grid, tuple(cells), len(compartments.items))
    if sum(cell.occupancy.total_ml for cell in cells) <= 0:
        raise GeometryError(
            "the image and the liver share no space",
            where=where,
            remedy="Check that both belong to this patient and frame of reference, or register them first",
        )
    for label in treated:
        inside = sum(uptake.counts[i] for i in compartments.inside([label]))
        if inside <= 0:
            raise InputError(
                f"there are no counts inside the perfused volume '{label}'",
                where=where,
                remedy="Check the outline, the registration and which series was chosen",
            )
    return uptake


def _pieces(
    compartments: Compartments, treated: tuple[str, ...], grid: Grid
) -> list[tuple[int, frozenset[str], Occupancy]]:
    pieces = []
    nearest: UINT8 | None = None
    for index, part in zip(compartments.everything, compartments.occupancies(grid), strict=True):
        owners = compartments.items[index].perfused & frozenset(treated)
        if owners:
            pieces.append((index, owners, part))
        elif len(treated) == 1:
            pieces.append((index, frozenset(treated), part))
        else:
            nearest = _nearest(compartments, treated) if nearest is None else nearest
            own = compartments.mask([index])
            for number, label in enumerate(treated):
                split = own & (nearest == number)
                if split.any():
                    pieces.append((index, frozenset([label]), occupancy(split, compartments.grid, grid)))
    return pieces


def _nearest(compartments: Compartments, treated: tuple[str, ...]) -> UINT8:
    """Return, for each voxel, the number of the nearest treated perfused volume (the first on a tie)."""
    best: NDArray[np.float32] | None = None
    winner: UINT8 = np.zeros(compartments.codes.shape, dtype=np.uint8)
    for number, label in enumerate(treated):
        mask = sitk.GetImageFromArray(compartments.mask(compartments.inside([label])))
        mask.SetSpacing(compartments.grid.spacing_mm)
        far = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(mask, False, False, True))
        if best is None:
            best = far
            continue
        closer = far < best
        winner[closer] = number
        np.copyto(best, far, where=closer)
    return winner
