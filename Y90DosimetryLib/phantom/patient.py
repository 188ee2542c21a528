"""The digital patient: one object with its images, structures, case and true doses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import ceil

import numpy as np

from ..case import Basis, Case, Session, Settings
from ..errors import InputError
from ..images import ActivityMap, CountMap, CtImage
from ..occupancy import Grid
from ..physics import BQ_PER_GBQ
from ..progress import Progress, silent
from ..structures import Role, Structure
from .anatomy import Anatomy, Tissue
from .ct import ct_image, lung_mass_g
from .emission import concentration, detected, displaced
from .raster import Float32, Vector, filled, image_on
from .settings import PhantomSettings, Zone
from .solids import Solid
from .treatments import (
    PATIENT,
    PET_AT,
    PLANNED_OTHERWISE,
    TIME_ZONE,
    Treatment,
    Variant,
    lesions_of,
    treatment_of,
)
from .truth import TrueDoses, concentrations_gbq_ml, lung_activity_gbq, true_doses

PLAN, DELIVERED = "Plan", "Delivered"
"""The sessions' names."""
CENTER_MM = (0.0, 5.0, 52.0)
"""The middle of every field of view."""


@dataclass(frozen=True)
class Outline:
    """A structure before it is put on a grid, with its true volume."""

    role: Role
    label: str
    solid: Solid
    volume_ml: float


@dataclass(frozen=True)
class DigitalPatient:
    """A simulated patient; images and structures are made when first asked for and then kept.

    The same settings give the same voxels. Nothing about it belongs to a real person.
    """

    settings: PhantomSettings
    treatment: Treatment
    label: str = "Digital patient"
    planned: PhantomSettings | None = None
    """What the plan's MAA SPECT showed, where the delivery went otherwise; None: there is one session."""

    @cached_property
    def anatomy(self) -> Anatomy:
        """The solids."""
        return Anatomy(self.settings)

    @cached_property
    def zones(self) -> tuple[Zone, ...]:
        """The volumes that are infused, each once."""
        return tuple(dict.fromkeys(Zone(infusion.perfused) for infusion in self.treatment.infusions))

    @cached_property
    def tissues(self) -> tuple[Tissue, ...]:
        """The disjoint parts of the liver with their true volumes and uptakes."""
        return self.anatomy.tissues(self.zones)

    @cached_property
    def ct(self) -> CtImage:
        """The CT."""
        s = self.settings
        return CtImage(ct_image(self.anatomy, self.ct_grid, s.ct_noise_hu, self._random("ct")))

    @property
    def ct_grid(self) -> Grid:
        """The grid of the CT and of the structures."""
        s = self.settings
        return _grid(s.ct_spacing_mm, s.ct_field_mm, s.ct_direction)

    @cached_property
    def outlines(self) -> tuple[Outline, ...]:
        """What is drawn, with true volumes."""
        body = self.anatomy
        found = [Outline(Role.LIVER, "Liver", body.liver, body.liver_volume_ml)]
        found += [Outline(Role.PERFUSED, z.value, body.zone(z), body.zone(z).volume_ml) for z in self.zones]
        found += [Outline(role, label, solid, solid.volume_ml) for role, label, solid, _ in body.lesions]
        if self.treatment.resection:
            left, right = body.left_lobe, body.right_lobe
            found.append(Outline(Role.FLR, "Future liver remnant", left, left.volume_ml))
            found.append(Outline(Role.PLANNED_RESECTION, "Planned resection", right, right.volume_ml))
        found.append(Outline(Role.LUNGS, "Lungs", body.lungs, body.lung_volume_ml))
        return tuple(found)

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """The outlines as masks on the CT's grid."""
        return tuple(self.structure(o.role, o.label, o.solid) for o in self.outlines)

    def structure(self, role: Role, label: str, solid: Solid) -> Structure:
        """Return any solid as a structure on the CT's grid."""
        return Structure(role, label, image_on(filled(solid, self.ct_grid), self.ct_grid))

    @cached_property
    def maa(self) -> CountMap:
        """A Tc-99m MAA SPECT of the infused volumes, in counts."""
        s = self.settings
        tissues = [(t.solid, t.volume_ml, t.concentration_ratio if t.zones else 0.0) for t in self.tissues]
        liver = sum(volume_ml * per_ml for _, volume_ml, per_ml in tissues)
        lungs = liver * s.lung_shunt_fraction / (1 - s.lung_shunt_fraction)
        parts = [(solid, per_ml) for solid, _, per_ml in tissues]
        parts.append((self.anatomy.lungs, lungs / self.anatomy.lung_volume_ml))
        grid = _grid(s.spect_spacing_mm, s.emission_field_mm, s.emission_direction)
        counts = self._emission(parts, grid) * np.float32(s.spect_counts * grid.voxel_ml / (liver + lungs))
        per_count = 1.0 if s.poisson_noise else None
        return CountMap(
            image_on(detected(counts, grid.spacing_mm, s.spect_fwhm_mm, per_count, self._random("spect")), grid)
        )

    def pet(self, at: datetime = PET_AT, settings: Settings | None = None) -> ActivityMap:
        """Return a Y-90 PET of what was infused, in Bq/mL at the moment *at*."""
        s, half_life_h = self.settings, (settings or Settings()).half_life_h
        infusions = self.treatment.infusions
        per_ml = concentrations_gbq_ml(self.tissues, infusions, half_life_h, at)
        lungs_gbq = lung_activity_gbq(infusions, half_life_h, at)
        total_gbq = lungs_gbq + sum(per_ml[t.label] * t.volume_ml for t in self.tissues)
        parts = [(t.solid, per_ml[t.label] * BQ_PER_GBQ) for t in self.tissues]
        parts.append((self.anatomy.lungs, lungs_gbq * BQ_PER_GBQ / self.anatomy.lung_volume_ml))
        grid = _grid(s.pet_spacing_mm, s.emission_field_mm, s.emission_direction)
        per_unit = s.pet_counts * grid.voxel_ml / (total_gbq * BQ_PER_GBQ) if s.poisson_noise else None
        bq_ml = detected(self._emission(parts, grid), grid.spacing_mm, s.pet_fwhm_mm, per_unit, self._random("pet"))
        return ActivityMap(image_on(bq_ml, grid), at)

    def truth(self, settings: Settings | None = None) -> TrueDoses:
        """Return the true doses for the constants of *settings*; a lung mass of None is taken from the CT's truth."""
        settings = settings or Settings()
        mass_g = lung_mass_g(self.anatomy) if settings.lung_mass_g is None else settings.lung_mass_g
        return true_doses(self.tissues, self.treatment.infusions, settings, mass_g)

    def case(self, settings: Settings | None = None, *, progress: Progress = silent) -> Case:
        """Return the case: a session with the plan's MAA SPECT, or the PET of what was delivered, or both.

        Raises
        ------
        Cancelled
            If *progress* stopped it.
        """
        delivered = self.treatment.basis is Basis.DELIVERED
        infusions = self.treatment.infusions
        sessions: tuple[Session, ...] = ()
        if self.planned is not None:
            before = DigitalPatient(self.planned, self.treatment)
            sessions = (Session(PLAN, infusions, before.maa, Basis.PLANNED),)
        progress(0.1, "simulating the images")
        image = self.pet(settings=settings) if delivered else self.maa
        progress(0.6, "simulating the CT and the outlines")
        label, delivers = (DELIVERED if delivered else PLAN), (PLAN if sessions else None)
        sessions += (Session(label, infusions, image, self.treatment.basis, delivers),)
        return Case(
            self.label,
            self.structures,
            sessions,
            self.ct,
            PATIENT,
            self.treatment.disease,
            settings or Settings(hospital_time_zone=TIME_ZONE),
            ("Simulated patient: images and values belong to no real person",),
        )

    def _emission(self, parts: list[tuple[Solid, float]], grid: Grid) -> Float32:
        return concentration(parts, displaced(grid, self.settings.rotation_deg, self.settings.shift_mm))

    def _random(self, image: str) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, ("ct", "spect", "pet").index(image)])


def digital_patient(
    settings: PhantomSettings | None = None, variant: Variant | str = Variant.LOBECTOMY
) -> DigitalPatient:
    """Return the digital patient; `PhantomSettings()` and the lobectomy unless said otherwise.

    Raises
    ------
    InputError
        If there is no variant of that name.
    """
    chosen = _variant(variant)
    planned = settings or PhantomSettings()
    settings = lesions_of(chosen, planned)
    label = f"Digital patient, {chosen.replace('_', ' ')}"
    return DigitalPatient(
        settings, treatment_of(chosen, settings), label, planned if chosen in PLANNED_OTHERWISE else None
    )


def case_variant(name: Variant | str, settings: PhantomSettings | None = None) -> Case:
    """Return the case of one variant of the digital patient, ready to be assessed."""
    return digital_patient(settings, name).case()


def _variant(name: Variant | str) -> Variant:
    if name not in list(Variant):
        raise InputError(
            f"there is no variant '{name}'", where="digital patient", remedy=f"Choose one of: {', '.join(Variant)}"
        )
    return Variant(name)


def _grid(spacing_mm: Vector, field_mm: Vector, direction: tuple[float, ...]) -> Grid:
    """Return the grid with these axes that encloses the field of view around `CENTER_MM`."""
    axes = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    extent = np.abs(axes).T @ np.asarray(field_mm)
    nx, ny, nz = (max(1, ceil(e / s - 1e-6)) for e, s in zip(extent, spacing_mm, strict=True))
    half = (np.array([nx, ny, nz]) - 1) / 2 * np.asarray(spacing_mm)
    x, y, z = (float(v) for v in np.asarray(CENTER_MM) - axes @ half)
    return Grid((nx, ny, nz), spacing_mm, (x, y, z), tuple(direction))
