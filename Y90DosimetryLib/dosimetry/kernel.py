"""The Y-90 dose kernel on voxels of any size, from a Monte Carlo table of energy against distance in water.

A voxel emits uniformly and a voxel absorbs as a whole, so the energy that goes from one voxel to another is the
radial table averaged over all pairs of their points. The overlap of a box with its shifted copy is a product of
triangles ("tents"), one an axis; each point of each shell therefore hands its energy to its eight neighboring
voxels with trilinear weights. The weights add up to 1: energy is conserved to rounding, whatever the quadrature.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import product
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import PchipInterpolator

from ..errors import InputError
from ..images import MM3_PER_ML
from ..physics import DEFAULT_HALF_LIFE_H, DEFAULT_JOULE_PER_GBQ, G_PER_KG, JOULE_PER_MEV, joule_per_gbq_and_mev
from ..progress import Progress, silent
from ..quantities import require_density

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

TABLE_FILE = "y90_water_radial_energy.csv"
SMALLEST_WATER_VOXEL_MM = 0.3
"""Tool default: below this voxel edge (times density) the kernel has millions of voxels and says nothing new."""
MGY_PER_GY = 1e3
DECAYS_PER_MBQ_S = 1e6
POINTS_AT_ONCE = 500_000
SLAB_PLANES = 32
MOST_THREADS = 4  # each needs the memory of two slabs


@dataclass(frozen=True, eq=False)
class RadialEnergy:
    """Energy around a point source in water of 1 g/mL, by shells.

    `outer_radius_mm` holds the outer radius of each shell, `energy_fraction` the share of the emitted energy that
    is absorbed in it, both of shape (shells,). Source: the note beside the table in `Y90DosimetryLib/data`.
    """

    outer_radius_mm: Float64
    energy_fraction: Float64

    @property
    def reach_mm(self) -> float:
        """The radius at which the table ends."""
        return float(self.outer_radius_mm[-1])


@dataclass(frozen=True, eq=False)
class VoxelKernel:
    """The share of the energy emitted in one voxel that each voxel around it absorbs.

    Shape of `fractions` is (z, y, x), odd along each axis, the emitting voxel in the middle; it is even (the same
    in opposite directions) and read-only. Build it with `voxel_kernel`.
    """

    fractions: Float64
    spacing_mm: tuple[float, float, float]
    density_g_ml: float

    @property
    def reach(self) -> tuple[int, int, int]:
        """How many voxels the kernel extends to each side, along z, y, x."""
        z, y, x = (n // 2 for n in self.fractions.shape)
        return z, y, x

    @property
    def energy_fraction(self) -> float:
        """The share of the emitted energy that the kernel deposits anywhere.

        It is the sum of the table. The rest, 0.4 %, is bremsstrahlung absorbed beyond the table's end or never;
        it is left out, so a kernel dose is that much lower than one that counts all emitted energy.
        """
        return float(self.fractions.sum())

    def fraction_at(self, offset: tuple[int, int, int]) -> float:
        """Return the share absorbed by the voxel at *offset* (x, y, z) in voxels; 0 beyond the kernel's reach."""
        index = [r + o for r, o in zip(self.reach, reversed(offset), strict=True)]
        if any(not 0 <= i < n for i, n in zip(index, self.fractions.shape, strict=True)):
            return 0.0
        return float(self.fractions[tuple(index)])


@lru_cache(maxsize=1)
def radial_energy() -> RadialEnergy:
    """Return the table of energy against distance that comes with the library."""
    text = (resources.files("Y90DosimetryLib") / "data" / TABLE_FILE).read_text(encoding="utf-8")
    rows = np.loadtxt(text.splitlines(), delimiter=",", comments="#", usecols=(0, 1), dtype=np.float64)
    return RadialEnergy(_frozen(rows[:, 0].copy()), _frozen(rows[:, 1].copy()))


def voxel_kernel(spacing_mm: tuple[float, float, float], density_g_ml: float) -> VoxelKernel:
    """Return the kernel for voxels of *spacing_mm* (x, y, z) in a uniform medium of *density_g_ml*.

    All distances are multiplied by the density, which is exact for a medium that differs from water in density
    only. The kernel covers the whole table: the time of a convolution hardly depends on its size. Against a
    quadrature refined until it stands still, single fractions differ by less than 1e-5 of the emitted energy.

    Raises
    ------
    InputError
        If a spacing or the density is not positive, or so far off that a unit must be wrong.
    """
    require_density(density_g_ml, "kernel")
    finest_mm = SMALLEST_WATER_VOXEL_MM / density_g_ml
    if len(spacing_mm) != 3 or not all(finest_mm <= s < float("inf") for s in spacing_mm):
        raise InputError(
            f"the voxel size is {' x '.join(f'{s:g}' for s in spacing_mm)} mm",
            where="kernel",
            remedy=f"Give three lengths in mm, each at least {finest_mm:.2g} mm; resample a finer image",
        )
    x, y, z = (float(s) for s in spacing_mm)
    return _built((x, y, z), float(density_g_ml))


def mean_energy_mev(joule_per_gbq: float = DEFAULT_JOULE_PER_GBQ, half_life_h: float = DEFAULT_HALF_LIFE_H) -> float:
    """Return the energy a decay, in MeV, that goes with an energy of *joule_per_gbq* until complete decay."""
    return joule_per_gbq / joule_per_gbq_and_mev(half_life_h)


def s_value_mgy_per_mbq_s(kernel: VoxelKernel, offset: tuple[int, int, int], energy_mev: float | None = None) -> float:
    """Return the dose to the voxel at *offset* (x, y, z) for each decay in the middle voxel, in mGy/(MBq s).

    *energy_mev* is the mean energy of a decay; None takes the one that belongs to the default J/GBq and half-life.
    """
    energy = mean_energy_mev() if energy_mev is None else energy_mev
    mass_kg = prod(kernel.spacing_mm) / MM3_PER_ML * kernel.density_g_ml / G_PER_KG
    gray_a_decay = kernel.fraction_at(offset) * energy * JOULE_PER_MEV / mass_kg
    return gray_a_decay * DECAYS_PER_MBQ_S * MGY_PER_GY


def convolve(activity: NDArray[np.number], kernel: VoxelKernel, *, progress: Progress = silent) -> Float32:
    """Return the energy absorbed in each voxel, in the unit of *activity* (any linear unit a voxel), shape (z, y, x).

    Nothing lies outside the array: what is emitted there is unknown, and what is deposited there is lost (the sum
    of the result, divided by that of *activity* times `kernel.energy_fraction`, says how much stays). Computed by
    real FFT in single precision on the block that holds activity, slab by slab on a few threads, so that the memory
    beyond the result is that of a few slabs. Rounding is about 5e-7 of the highest value; what it makes negative is
    set to 0. *progress* is called in the caller's thread.

    Raises
    ------
    InputError
        If *activity* is not three-dimensional.
    """
    if activity.ndim != 3:
        raise InputError(
            f"the activity has {activity.ndim} dimensions, not 3", where="kernel convolution", remedy="Give one volume"
        )
    result = np.zeros(activity.shape, dtype=np.float32)
    block = _block_with_activity(activity)
    if block is None:
        return result
    spans = [_Span.of(part, n, r) for part, n, r in zip(block, activity.shape, kernel.reach, strict=True)]
    depth, height, width = spans
    count = ceil((depth.stop - depth.start) / max(SLAB_PLANES, 4 * depth.reach))
    planes = ceil((depth.stop - depth.start) / count)
    starts = range(depth.start, depth.stop, planes)
    shape = (
        int(fft.next_fast_len(planes + 2 * depth.reach)),
        int(fft.next_fast_len(height.padded)),
        int(fft.next_fast_len(width.padded, real=True)),
    )
    transform = _transform(kernel, (depth.reach, height.reach, width.reach), shape)

    def spread(start: int) -> None:
        stop = min(start + planes, depth.stop)
        low, high = max(start - depth.reach, block[0].start), min(stop + depth.reach, block[0].stop)
        first = low - (start - depth.reach)
        slab = np.zeros(shape, dtype=np.float32)
        slab[first : first + high - low, height.placed, width.placed] = activity[low:high, block[1], block[2]]
        spectrum = fft.rfftn(slab, overwrite_x=True)
        del slab  # each thread holds two arrays at a time, not three
        spectrum *= transform
        slab = fft.irfftn(spectrum, shape, overwrite_x=True)
        target = result[start:stop, height.start : height.stop, width.start : width.stop]
        depth_here, rows, columns = target.shape
        np.maximum(slab[depth.reach : depth.reach + depth_here, :rows, :columns], 0.0, out=target)

    doing = "spreading the energy by the beta kernel"
    progress(0.0, doing)
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(spread, starts), start=1):
            progress(done / len(starts), doing)
    return result


@dataclass(frozen=True)
class _Span:
    """One axis of a convolution: which voxels of the grid are wanted, and how the source lies in the FFT's array."""

    start: int
    stop: int
    reach: int
    placed: slice
    padded: int
    """Shortest cyclic length for which nothing wraps into a wanted voxel."""

    @classmethod
    def of(cls, source: slice, size: int, reach: int) -> _Span:
        length = source.stop - source.start
        before, after = min(reach, source.start), min(reach, size - source.stop)
        margin = max(before, after)
        needed = min(reach, length - 1 + margin)
        return cls(
            source.start - before,
            source.stop + after,
            needed,
            slice(before, before + length),
            length + needed + margin,
        )


def _block_with_activity(activity: NDArray[np.number]) -> tuple[slice, slice, slice] | None:
    planes = np.flatnonzero([bool(plane.any()) for plane in activity])
    if not planes.size:
        return None
    seen = np.zeros(activity.shape[1:], dtype=bool)
    for plane in activity[planes[0] : planes[-1] + 1]:
        seen |= plane != 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    z, y, x = (slice(int(found[0]), int(found[-1]) + 1) for found in (planes, rows, columns))
    return z, y, x


def _transform(kernel: VoxelKernel, reach: tuple[int, int, int], shape: tuple[int, int, int]) -> Float32:
    """Return the spectrum of the kernel centered on voxel 0; it is real, because the kernel is even."""
    cut = tuple(slice(r - n, r + n + 1) for r, n in zip(kernel.reach, reach, strict=True))
    centered = np.zeros(shape, dtype=np.float32)
    centered[tuple(slice(0, 2 * n + 1) for n in reach)] = kernel.fractions[cut]
    centered = np.roll(centered, tuple(-n for n in reach), axis=(0, 1, 2))
    spectrum: Float32 = fft.rfftn(centered).real.copy()
    return spectrum


@lru_cache(maxsize=16)
def _built(spacing_mm: tuple[float, float, float], density_g_ml: float) -> VoxelKernel:
    x, y, z = spacing_mm
    water_mm = (z * density_g_ml, y * density_g_ml, x * density_g_ml)
    octant = _octant(water_mm)
    mirrored = [np.abs(np.arange(1 - n, n)) for n in octant.shape]
    return VoxelKernel(_frozen(octant[np.ix_(*mirrored)]), spacing_mm, density_g_ml)


def _octant(water_mm: tuple[float, float, float]) -> Float64:
    """Return the fractions for offsets that are not negative, shape as *water_mm*, the voxel size in water."""
    table = radial_energy()
    size = tuple(ceil(table.reach_mm / step) + 1 for step in water_mm)
    total = np.zeros(prod(size), dtype=np.float64)
    for distances, energy in _points(min(water_mm)):
        cells, rests = [], []
        for distance, step in zip(distances, water_mm, strict=True):
            place = distance / step
            cell = place.astype(np.intp)
            cells.append(cell)
            rests.append(place - cell)
        for corner in product((0, 1), repeat=3):
            index = ((cells[0] + corner[0]) * size[1] + cells[1] + corner[1]) * size[2] + cells[2] + corner[2]
            weight = energy.copy()
            for rest, upper in zip(rests, corner, strict=True):
                weight *= rest if upper else 1.0 - rest
            total += np.bincount(index, weight, minlength=total.size)
    octant = total.reshape(size)
    for axis in range(3):  # off the middle plane, half of the directions go to the mirrored voxel
        octant = np.moveaxis(octant, axis, 0)
        octant[1:] /= 2.0
        octant = np.moveaxis(octant, 0, axis)
    return octant


def _points(smallest_mm: float) -> Iterator[tuple[Float64, Float64]]:
    """Yield points of one octant around the source, shape (3, points) in mm, and the energy that each stands for.

    Fine enough for voxels of *smallest_mm*: shells a fortieth of a millimeter thick or thinner, and at least
    16 x 16 Gauss-Legendre directions on each third of the octant.
    """
    table = radial_energy()
    finer = max(4, ceil(4 / smallest_mm))
    edges = np.concatenate([[0.0], table.outer_radius_mm])
    within = PchipInterpolator(edges, np.concatenate([[0.0], np.cumsum(table.energy_fraction)]))
    fine = np.linspace(0.0, table.reach_mm, finer * len(table.outer_radius_mm) + 1)
    radii, energies = (fine[1:] + fine[:-1]) / 2.0, np.diff(within(fine))
    directions, weights = _directions(max(16, ceil(24 / smallest_mm)))
    shells = max(1, POINTS_AT_ONCE // len(weights))
    for start in range(0, len(radii), shells):
        part = slice(start, start + shells)
        distances = np.einsum("r,an->arn", radii[part], directions).reshape(3, -1)
        yield distances, np.outer(energies[part], weights).ravel()


def _directions(order: int) -> tuple[Float64, Float64]:
    """Return unit vectors of the positive octant, shape (3, n), and weights that sum to 1.

    The octant is cut into the three parts that lie nearest to one axis (the "cubed sphere"), so the rule is
    symmetric under any exchange of axes, and so is a kernel of cubic voxels.
    """
    nodes, gauss = np.polynomial.legendre.leggauss(order)
    tangent = np.tan((nodes + 1.0) * np.pi / 8.0)
    first, second = (axis.ravel() for axis in np.meshgrid(tangent, tangent, indexing="ij"))
    length = np.sqrt(1.0 + first**2 + second**2)
    patch = np.stack([1.0 / length, first / length, second / length])
    angle = gauss * (1.0 + tangent**2)  # d(tangent) = (1 + tangent²) d(angle)
    weight = np.outer(angle, angle).ravel() / length**3
    directions = np.concatenate([np.roll(patch, turn, axis=0) for turn in range(3)], axis=1)
    weights = np.tile(weight, 3)
    return directions, weights / weights.sum()


def _frozen(array: Float64) -> Float64:
    array.flags.writeable = False
    return array
