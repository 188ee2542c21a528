"""Solids with known volume: ellipsoids, tubes, half spaces and what can be cut and joined from them.

Everything is in patient coordinates (LPS, millimeters).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import pi, prod

import numpy as np

from ..images import MM3_PER_ML
from .raster import Float32, Float64, Inside, Vector, sampled_volume_ml


class Solid(ABC):
    """A set of points; `&` intersects, `|` joins, `-` cuts away."""

    @abstractmethod
    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside; the coordinates broadcast against each other."""

    @property
    @abstractmethod
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """Lowest and highest corner of a box that holds the solid; infinite where it is."""

    @cached_property
    def volume_ml(self) -> float:
        """The volume: from its formula where there is one, else by a fine midpoint sum."""
        return sampled_volume_ml(self)

    def __and__(self, other: Solid) -> Solid:
        return Both(self, other)

    def __or__(self, other: Solid) -> Solid:
        return Either(self, other)

    def __sub__(self, other: Solid) -> Solid:
        return Without(self, other)


@dataclass(frozen=True)
class Ellipsoid(Solid):
    """An ellipsoid with axes along x, y, z."""

    center_mm: Vector
    semi_axes_mm: Vector

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        (cx, cy, cz), (ax, ay, az) = self.center_mm, self.semi_axes_mm
        inside: Inside = ((x_mm - cx) / ax) ** 2 + ((y_mm - cy) / ay) ** 2 + ((z_mm - cz) / az) ** 2 <= 1
        return inside

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box around it."""
        return np.subtract(self.center_mm, self.semi_axes_mm), np.add(self.center_mm, self.semi_axes_mm)

    @cached_property
    def volume_ml(self) -> float:
        """4/3 pi a b c."""
        return 4 / 3 * pi * prod(self.semi_axes_mm) / MM3_PER_ML

    def scaled(self, ratio: float) -> Ellipsoid:
        """Return it larger or smaller around the same center."""
        x, y, z = (ratio * s for s in self.semi_axes_mm)
        return Ellipsoid(self.center_mm, (x, y, z))


@dataclass(frozen=True)
class Column(Solid):
    """A cylinder along z on a superellipse: |x/a|^p + |y/b|^p <= 1 (p = 2 is an ellipse, more is boxier)."""

    center_mm: tuple[float, float]
    semi_axes_mm: tuple[float, float]
    low_mm: float = -np.inf
    high_mm: float = np.inf
    power: float = 2.0

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        x = np.abs((x_mm - self.center_mm[0]) / self.semi_axes_mm[0])
        y = np.abs((y_mm - self.center_mm[1]) / self.semi_axes_mm[1])
        inside: Inside = x**self.power + y**self.power <= 1
        if np.isfinite(self.low_mm) or np.isfinite(self.high_mm):
            inside = inside & (z_mm >= self.low_mm) & (z_mm < self.high_mm)
        return inside

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box around it."""
        low, high = np.subtract(self.center_mm, self.semi_axes_mm), np.add(self.center_mm, self.semi_axes_mm)
        return np.append(low, self.low_mm), np.append(high, self.high_mm)


@dataclass(frozen=True)
class Tube(Solid):
    """A straight circular cylinder with flat ends."""

    start_mm: Vector
    end_mm: Vector
    radius_mm: float

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        ux, uy, uz = (float(v) for v in self._axis)
        x, y, z = (c - s for c, s in zip((x_mm, y_mm, z_mm), self.start_mm, strict=True))
        along = ux * x + uy * y + uz * z
        away = x * x + y * y + z * z - along * along
        inside: Inside = (along >= 0) & (along <= self.length_mm) & (away <= self.radius_mm**2)
        return inside

    @property
    def length_mm(self) -> float:
        """Distance between the centers of the two ends."""
        return float(np.linalg.norm(np.subtract(self.end_mm, self.start_mm)))

    @property
    def _axis(self) -> Float64:
        return np.subtract(self.end_mm, self.start_mm) / self.length_mm

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box around it."""
        reach = self.radius_mm * np.sqrt(np.clip(1 - self._axis**2, 0, None))
        return np.minimum(self.start_mm, self.end_mm) - reach, np.maximum(self.start_mm, self.end_mm) + reach

    @cached_property
    def volume_ml(self) -> float:
        """pi r^2 l."""
        return pi * self.radius_mm**2 * self.length_mm / MM3_PER_ML


@dataclass(frozen=True)
class HalfSpace(Solid):
    """All points on the side of a plane that its unit normal points to."""

    point_mm: Vector
    normal: Vector

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        nx, ny, nz = self.normal
        inside: Inside = nx * x_mm + ny * y_mm + nz * z_mm >= float(np.dot(self.normal, self.point_mm))
        return inside

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """All of space."""
        return np.full(3, -np.inf), np.full(3, np.inf)


@dataclass(frozen=True)
class Both(Solid):
    """What two solids share."""

    first: Solid
    second: Solid

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        return self.first.inside(x_mm, y_mm, z_mm) & self.second.inside(x_mm, y_mm, z_mm)

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box that both boxes share."""
        (low1, high1), (low2, high2) = self.first.bounds_mm, self.second.bounds_mm
        return np.maximum(low1, low2), np.minimum(high1, high2)


@dataclass(frozen=True)
class Either(Solid):
    """What lies in one of two solids or in both."""

    first: Solid
    second: Solid

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        return self.first.inside(x_mm, y_mm, z_mm) | self.second.inside(x_mm, y_mm, z_mm)

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box around both."""
        (low1, high1), (low2, high2) = self.first.bounds_mm, self.second.bounds_mm
        return np.minimum(low1, low2), np.maximum(high1, high2)


@dataclass(frozen=True)
class Without(Solid):
    """What lies in the first solid but not in the second."""

    first: Solid
    second: Solid

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        return self.first.inside(x_mm, y_mm, z_mm) & ~self.second.inside(x_mm, y_mm, z_mm)

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The box around the first."""
        return self.first.bounds_mm


@dataclass(frozen=True)
class Stretched(Solid):
    """A solid stretched along z, away from a level that stays: its volume grows by the ratio exactly."""

    solid: Solid
    level_mm: float
    ratio: float

    def inside(self, x_mm: Float32, y_mm: Float32, z_mm: Float32) -> Inside:
        """Return which points are inside."""
        return self.solid.inside(
            x_mm, y_mm, (z_mm - np.float32(self.level_mm)) / np.float32(self.ratio) + self.level_mm
        )

    @property
    def bounds_mm(self) -> tuple[Float64, Float64]:
        """The stretched box of the solid."""
        low, high = (bound.copy() for bound in self.solid.bounds_mm)
        for bound in (low, high):
            bound[2] = self.level_mm + self.ratio * (bound[2] - self.level_mm)
        return low, high

    @cached_property
    def volume_ml(self) -> float:
        """The ratio times the volume of the solid."""
        return self.ratio * self.solid.volume_ml
