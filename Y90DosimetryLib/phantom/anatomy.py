"""The liver and lungs of the digital patient as solids with known volumes.

Patient coordinates (LPS, mm): +x is the patient's left, +y the back, +z the head; z = 0 lies in the middle of
the liver. Sizes are those of a slim adult.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import pi, prod

from ..errors import InputError
from ..images import MM3_PER_ML
from ..structures import Role
from .raster import share_inside
from .settings import Lesion, PhantomSettings, Zone
from .solids import Column, Ellipsoid, HalfSpace, Solid, Stretched, Tube

CAVITY = Column((0, -2), (130, 81), power=2.3)
RIGHT_DOME = Ellipsoid((-58, -4, 3), (68, 78, 77))
LEFT_DOME = Ellipsoid((-5, -34, 23), (90, 43, 47))
LEFT_DIAPHRAGM = Ellipsoid((70, -2, 5), (66, 84, 64))
HEART = Ellipsoid((24, -32, 108), (54, 44, 46))
MEDIASTINUM = Ellipsoid((0, 10, 100), (46, 100, 400))
UNDER_THE_RIBS = Column((0, -2), (126, 77), power=2.3)
ABOVE_THE_VISCERA = HalfSpace((-60, 0, -46), (-0.4988, -0.3392, 0.7981))
BEFORE_THE_SPINE = Ellipsoid((6, 48, 0), (52, 54, 300))
KIDNEY_BED = Ellipsoid((-60, 58, -58), (38, 42, 66))
BACK_MUSCLES = Column((-38, 74), (34, 20)) | Column((38, 74), (34, 20))
CANTLIE_PLANE = HalfSpace((-24, 24, 0), (0.9585, -0.2851, 0.0))
"""Through the inferior vena cava and the gallbladder's fossa; its normal points to the left lobe."""
RIGHT_VEIN_PLANE = HalfSpace((-82, -8, 0), (-0.3, 0.954, 0.0))
"""Along the right hepatic vein; its normal points to the posterior segments."""
ABOVE_THE_HILUM = HalfSpace((-82, 20, 6), (0.2, -0.2, 0.9592))
GROWTH_LEVEL_MM = 70.0
"""The top of the left lobe, under the diaphragm: it grows downward, along the Cantlie plane."""

HILUM_MM = (-26.0, -6.0, -10.0)
THROMBUS = Tube((-43.0, -14.0, -4.0), (-84.0, -29.0, 8.0), 6.5)
"""The first centimeters of the right portal vein, filled and widened by tumor."""
THROMBUS_LABEL = "Portal vein thrombus"
PROXIMAL = HalfSpace((-63.5, -21.5, 2.0), (0.905, 0.331, -0.265))
"""Through the middle of the thrombus, across it; its normal points to the main portal vein."""


@dataclass(frozen=True)
class Tissue:
    """A part of the liver with one uptake, disjoint from all others; `zones` are those that perfuse it."""

    role: Role
    label: str
    solid: Solid
    volume_ml: float
    concentration_ratio: float
    zones: frozenset[Zone]


@dataclass(frozen=True)
class Anatomy:
    """The solids of one digital patient."""

    settings: PhantomSettings

    @cached_property
    def right_lobe(self) -> Solid:
        """The liver to the right of the Cantlie plane."""
        return _RIGHT_LOBE

    @cached_property
    def left_lobe(self) -> Solid:
        """The rest of the liver, grown downward by `flr_growth_ratio`."""
        ratio = self.settings.flr_growth_ratio
        return _LEFT_LOBE if ratio == 1 else Stretched(_LEFT_LOBE, GROWTH_LEVEL_MM, ratio)

    @cached_property
    def liver(self) -> Solid:
        """Both lobes, lesions included."""
        return self.right_lobe | self.left_lobe

    @cached_property
    def lungs(self) -> Solid:
        """Both lungs."""
        return RIGHT_LUNG | LEFT_LUNG

    @property
    def lung_volume_ml(self) -> float:
        """True volume of both lungs."""
        return RIGHT_LUNG.volume_ml + LEFT_LUNG.volume_ml

    def zone(self, zone: Zone) -> Solid:
        """Return the perfused volume of that name, lesions included."""
        if zone is Zone.SEGMENT_7:
            return _SEGMENT_7
        return self.right_lobe if zone is Zone.RIGHT_LOBE else self.left_lobe

    @property
    def liver_volume_ml(self) -> float:
        """True volume of the liver: that of its two disjoint lobes."""
        return self.right_lobe.volume_ml + self.left_lobe.volume_ml

    @cached_property
    def lesions(self) -> tuple[tuple[Role, str, Solid, float], ...]:
        """Role, name, solid and concentration ratio of each tumor and of the thrombus.

        Raises
        ------
        InputError
            If one is not wholly inside the liver, or two overlap.
        """
        found: list[tuple[Role, str, Solid, float]] = [
            (Role.TUMOR, lesion.label, ellipsoid_of(lesion), lesion.concentration_ratio)
            for lesion in self.settings.lesions
        ]
        if self.settings.thrombus_ratio is not None:
            found.append((Role.PVTT, THROMBUS_LABEL, THROMBUS, self.settings.thrombus_ratio))
        for index, (_, label, solid, _) in enumerate(found):
            if share_inside(self.liver, solid) < 1:
                raise InputError("a part lies outside the liver", where=_where(label), remedy="Move it inside")
            for _, other_label, other, _ in found[:index]:
                if share_inside(other, solid) > 0:
                    raise InputError(f"it overlaps {other_label}", where=_where(label), remedy="Move them apart")
        return tuple(found)

    def tissues(self, zones: Iterable[Zone]) -> tuple[Tissue, ...]:
        """Return the disjoint parts of the liver that matter when *zones* are perfused.

        Raises
        ------
        InputError
            If a lesion crosses the border of a zone: its dose would not have one value.
        """
        wanted = frozenset(zones)
        lesions = [
            part
            for role, label, solid, ratio in self.lesions
            for part in self._halves(
                Tissue(role, label, solid, solid.volume_ml, ratio, self._zones_around(label, solid, wanted))
            )
        ]
        normal = []
        for inside, (part, volume_ml) in self._cells(wanted).items():
            for lesion in lesions:
                if lesion.zones == inside:
                    part, volume_ml = part - lesion.solid, volume_ml - lesion.volume_ml
            name = f"Normal liver: {' and '.join(sorted(inside)) or 'not perfused'}"
            normal.append(Tissue(Role.NORMAL_LIVER, name, part, volume_ml, 1.0, inside))
        return (*lesions, *normal)

    def _halves(self, lesion: Tissue) -> tuple[Tissue, ...]:
        """Return a thrombus whose proximal half has an uptake of its own as two tissues, anything else as it is."""
        ratio = self.settings.thrombus_proximal_ratio
        if lesion.role is not Role.PVTT or ratio is None:
            return (lesion,)
        near, far = lesion.solid & PROXIMAL, lesion.solid - PROXIMAL
        near_ml = near.volume_ml
        return (
            replace(
                lesion, label=f"{lesion.label}, proximal", solid=near, volume_ml=near_ml, concentration_ratio=ratio
            ),
            replace(lesion, label=f"{lesion.label}, distal", solid=far, volume_ml=lesion.volume_ml - near_ml),
        )

    def _cells(self, wanted: frozenset[Zone]) -> dict[frozenset[Zone], tuple[Solid, float]]:
        """Return the parts of the liver by the zones that hold them, with their volumes in mL."""
        right = self.right_lobe
        parts: list[tuple[set[Zone], Solid, float]] = [
            ({Zone.LEFT_LOBE}, self.left_lobe, self.left_lobe.volume_ml),
            ({Zone.RIGHT_LOBE}, right, right.volume_ml),
        ]
        if Zone.SEGMENT_7 in wanted:
            segment = self.zone(Zone.SEGMENT_7)
            parts[1:] = [
                ({Zone.RIGHT_LOBE, Zone.SEGMENT_7}, segment, segment.volume_ml),
                ({Zone.RIGHT_LOBE}, right - segment, right.volume_ml - segment.volume_ml),
            ]
        cells: dict[frozenset[Zone], tuple[Solid, float]] = {}
        for zones, solid, volume_ml in parts:
            inside = wanted & zones
            if inside in cells:
                other, other_ml = cells[inside]
                cells[inside] = (other | solid, other_ml + volume_ml)
            else:
                cells[inside] = (solid, volume_ml)
        return cells

    def _zones_around(self, label: str, solid: Solid, wanted: frozenset[Zone]) -> frozenset[Zone]:
        share_fractions = {zone: share_inside(self.zone(zone), solid) for zone in wanted}
        for zone, share_fraction in share_fractions.items():
            if 0 < share_fraction < 1:
                raise InputError(
                    f"{share_fraction * 100:.0f} % of it lie inside {zone}",
                    where=_where(label),
                    remedy="Move it in or out",
                )
        return frozenset(zone for zone, share_fraction in share_fractions.items() if share_fraction == 1)


def ellipsoid_of(lesion: Lesion) -> Ellipsoid:
    """Return the solid of a tumor."""
    scale = (lesion.volume_ml * MM3_PER_ML * 3 / (4 * pi * prod(lesion.proportions))) ** (1 / 3)
    x, y, z = (scale * p for p in lesion.proportions)
    return Ellipsoid(lesion.center_mm, (x, y, z))


def _where(label: str) -> str:
    return f"digital patient, {label}"


_LIVER = ((RIGHT_DOME | LEFT_DOME) & UNDER_THE_RIBS & ABOVE_THE_VISCERA) - BEFORE_THE_SPINE - KIDNEY_BED
_LEFT_LOBE = _LIVER & CANTLIE_PLANE
_RIGHT_LOBE = _LIVER - CANTLIE_PLANE
_SEGMENT_7 = _RIGHT_LOBE & RIGHT_VEIN_PLANE & ABOVE_THE_HILUM
_LUNG_FLOOR = HalfSpace((0, 0, 6), (0, 0, 1))
_CHEST = (CAVITY & _LUNG_FLOOR) - MEDIASTINUM - BACK_MUSCLES
RIGHT_LUNG = (_CHEST & Ellipsoid((-70, 0, 55), (64, 88, 165))) - RIGHT_DOME - LEFT_DOME
LEFT_LUNG = (_CHEST & Ellipsoid((70, 0, 55), (64, 88, 165))) - LEFT_DIAPHRAGM - HEART - LEFT_DOME
