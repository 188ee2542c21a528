"""A case with its uncertain inputs a little different: what a dose would then have been."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..case import Case, Infusion, Session, Vial
from ..compartments import compartments_of
from ..dosimetry.deposits import Model
from ..dosimetry.doses import LungView, Prepared
from ..dosimetry.regions import regions_of
from ..dosimetry.uptake import Cell, Uptake, uptake_of
from ..engine import Engine
from ..images import ActivityMap, array_of
from ..measurements.absorbed import ABSORBED, ABSORBED_ITEMS
from ..measurements.view import View
from ..measures import measure
from ..missing import Missing
from ..structures import Role
from .dose_lines import Key
from .stated import Recovery, StatedInputs
from .surfaces import Surface, displaced_image, surface_of, voxel_mm

GIVEN_RATIO = "partition_given_ratio"
LARGEST_FRACTION = 0.999
LEAST_RATIO = 0.01
"""Where the tails of a normal distribution are cut: no input is negative or whole."""
RESIDUAL, LUNG_SHUNT = LINEAR = ("residual", "lung shunt")
SMALL_STEP = 1e-3
"""Of a standard deviation, where only the slope is asked for."""
CONTOURED = (Role.LIVER, Role.PERFUSED, Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS)


@dataclass(frozen=True)
class World:
    """How the inputs deviate; the default is the case as it is."""

    calibration_ratio: float = 1.0
    density_ratio: float = 1.0
    tumor_to_normal_ratio: float = 1.0
    residual_fraction: float = 0.0
    """Added to every residual, as `lung_shunt_fraction` to every shunt."""
    lung_shunt_fraction: float = 0.0
    surface_mm: Mapping[str, float] = field(default_factory=dict)
    """By structure."""
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    half_volume_ml: float | None = None
    """The recovery curve's other parameters."""
    exponent: float | None = None


Move = Callable[[World, float], World]
"""Moves one input by so many standard deviations."""


@dataclass(frozen=True)
class Factor:
    """One uncertain input."""

    name: str
    move: Move
    is_linear: bool = False
    """Whether every dose is a straight line in it: a step up then tells all, and a step down may be cut at 0."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A case with what is stated of its uncertainty, ready to be computed in other worlds."""

    engine: Engine
    stated: StatedInputs
    surfaces: Mapping[str, Surface]

    def doses_gy(self, world: World, rng: np.random.Generator | None = None) -> dict[Key, float]:
        """Return every dose in a world; with *rng* the images' counts are drawn anew.

        Raises
        ------
        InputError
            If a structure vanishes or leaves the liver in that world.
        """
        case = _case_in(self.engine.case, world, self.surfaces)
        prepared = self.engine.prepared
        if self.surfaces or any(world.shift_mm):
            compartments = compartments_of(case)
            uptakes = tuple(uptake_of(s, compartments) for s in case.sessions)
            prepared = replace(prepared, compartments=compartments, uptakes=uptakes)
        if rng is not None and self.stated.events_per_value_ratio:
            events = self.stated.events_per_value_ratio
            prepared = replace(prepared, uptakes=tuple(_redrawn(u, events, rng) for u in prepared.uptakes))
        return doses_by_key(self.engine, case, _adjusted(prepared, world, self.stated.recovery))

    def moved_by_counts_gy(self) -> list[dict[Key, float]]:
        """Return how each dose moves, in Gy, when the counts of one cell after another rise by a standard deviation."""
        events = self.stated.events_per_value_ratio
        if not events:
            return []
        found = []
        engine = self.engine
        base = doses_by_key(engine, engine.case, engine.prepared)
        for number, uptake in enumerate(engine.prepared.uptakes):
            for index, cell in enumerate(uptake.cells if uptake else ()):
                assert uptake is not None
                raised = replace(cell, counts=cell.counts + SMALL_STEP * _sd_counts(cell, uptake, events))
                cells = tuple(raised if i == index else c for i, c in enumerate(uptake.cells))
                uptakes = list(engine.prepared.uptakes)
                uptakes[number] = replace(uptake, cells=cells)
                prepared = replace(engine.prepared, uptakes=tuple(uptakes))
                moved = doses_by_key(engine, engine.case, prepared)
                found.append({key: (moved[key] - base[key]) / SMALL_STEP for key in moved if key in base})
        return found


def setting_of(engine: Engine, stated: StatedInputs) -> Setting:
    """Return a case ready to be computed in other worlds."""
    surfaces = {}
    for structure in engine.case.structures:
        sd_mm = stated.surface_mm(voxel_mm(structure))
        if structure.role in CONTOURED and sd_mm > 0:
            surfaces[structure.label] = surface_of(structure, sd_mm)
    return Setting(engine, stated, surfaces)


def factors_of(setting: Setting) -> tuple[Factor, ...]:
    """Return the stated inputs one by one, counting noise apart."""
    stated = setting.stated
    recovery = stated.recovery
    moves: list[tuple[str, float | None, Move]] = [
        ("calibration", stated.calibration_fraction, lambda w, by: replace(w, calibration_ratio=_positive(1 + by))),
        ("density", stated.density_fraction, lambda w, by: replace(w, density_ratio=_positive(1 + by))),
        (
            "tumor to normal ratio",
            stated.tumor_to_normal_fraction,
            lambda w, by: replace(w, tumor_to_normal_ratio=_positive(1 + by)),
        ),
        (RESIDUAL, stated.residual_fraction, lambda w, by: replace(w, residual_fraction=by)),
        (LUNG_SHUNT, stated.lung_shunt_fraction, lambda w, by: replace(w, lung_shunt_fraction=by)),
    ]
    if recovery is not None:
        b, c = recovery.half_volume_ml, recovery.exponent
        moves += [
            (
                "recovery, half volume",
                recovery.sd_half_volume_ml,
                lambda w, by: replace(w, half_volume_ml=b * _positive(1 + by / b)),
            ),
            ("recovery, exponent", recovery.sd_exponent, lambda w, by: replace(w, exponent=c * _positive(1 + by / c))),
        ]
    found = [Factor(name, _scaled(move, sd), name in LINEAR) for name, sd, move in moves if sd]
    found += [_contour(label, s, stated) for label, s in setting.surfaces.items()]
    if stated.registration_mm:
        found += [_registration(axis, name, stated.registration_mm) for axis, name in enumerate("xyz")]
    return tuple(found)


def _positive(ratio: float) -> float:
    """Return a ratio that a far deviate can't turn to nothing."""
    return max(LEAST_RATIO, ratio)


def _scaled(move: Move, sd: float) -> Move:
    """Return a move by standard deviations from one in the input's own unit."""
    return lambda world, z: move(world, sd * z)


def doses_by_key(engine: Engine, case: Case, prepared: Prepared) -> dict[Key, float]:
    """Return every known dose by its measure and item, those of the partition model with a given ratio too."""
    doses = engine.doses_in(case, prepared)
    view = View(case, prepared, doses, regions_of(case, prepared.compartments))
    found: dict[Key, float] = {}
    for name, function in ABSORBED.items():
        if measure(name).is_dose and isinstance(value := function(view), int | float):
            found[name, ""] = float(value)
    for name, items in ABSORBED_ITEMS.items():
        for about, value in items(view).items():
            if isinstance(value, int | float):
                found[name, about] = float(value)
    for label, (session, infusion) in view.infusions.items():
        deposit = session.deposits[Model.PARTITION_GIVEN]
        for role, name in ((Role.TUMOR, "tumor_dose_gy"), (Role.NORMAL_LIVER, "normal_dose_gy")):
            inside = set(view.compartments.of_role(role)) & set(infusion.indices)
            if not isinstance(deposit, Missing) and inside:
                dose_gy = deposit.dose_gy(sorted(inside))
                assert not isinstance(dose_gy, Missing)
                found[f"{name}.{GIVEN_RATIO}", label] = dose_gy
    return found


def _contour(label: str, surface: Surface, stated: StatedInputs) -> Factor:
    sd_mm = stated.surface_mm(voxel_mm(surface.structure))
    return Factor(f"contour of {label}", lambda w, z: replace(w, surface_mm={**w.surface_mm, label: sd_mm * z}))


def _registration(axis: int, name: str, sd_mm: float) -> Factor:
    def move(world: World, z: float) -> World:
        shift = list(world.shift_mm)
        shift[axis] += sd_mm * z
        return replace(world, shift_mm=(shift[0], shift[1], shift[2]))

    return Factor(f"registration along {name}", move)


def _case_in(case: Case, world: World, surfaces: Mapping[str, Surface]) -> Case:
    settings = replace(case.settings, liver_density_g_ml=case.settings.liver_density_g_ml * world.density_ratio)
    structures = case.structures
    if surfaces:
        structures = tuple(
            surfaces[s.label].moved(world.surface_mm.get(s.label, 0.0)) if s.label in surfaces else s
            for s in structures
        )
    sessions = tuple(_session_in(s, world) for s in case.sessions)
    return replace(case, structures=structures, sessions=sessions, settings=settings)


def _session_in(session: Session, world: World) -> Session:
    image = session.image
    if image is not None and any(world.shift_mm):
        image = replace(image, image=displaced_image(image.image, world.shift_mm))
    return replace(session, image=image, infusions=tuple(_infusion_in(i, world) for i in session.infusions))


def _infusion_in(infusion: Infusion, world: World) -> Infusion:
    def moved(value: float | None, by: float) -> float | None:
        return None if value is None else float(np.clip(value + by, 0.0, LARGEST_FRACTION))

    ratio = infusion.tumor_to_normal_ratio
    return replace(
        infusion,
        vial=Vial(infusion.vial.activity_gbq * world.calibration_ratio, infusion.vial.calibrated_at),
        residual_fraction=moved(infusion.residual_fraction, world.residual_fraction),
        lung_shunt_fraction=moved(infusion.lung_shunt_fraction, world.lung_shunt_fraction),
        tumor_to_normal_ratio=None if ratio is None else ratio * world.tumor_to_normal_ratio,
    )


def _adjusted(prepared: Prepared, world: World, recovery: Recovery | None) -> Prepared:
    """Return the counts as another calibration of an absolute image, recovery or lung shunt would have them."""
    lungs = tuple(_lungs_in(view, world) for view in prepared.lungs)
    prepared = replace(prepared, lungs=lungs)
    if recovery is None and world.calibration_ratio == 1:
        return prepared
    items = prepared.compartments.items
    volume_ml = {c.label: sum(o.volume_ml for o in items if o.label == c.label) for c in items if c.is_lesion}
    ratio = {
        label: recovery.fraction(ml) / recovery.fraction(ml, world.half_volume_ml, world.exponent)
        for label, ml in volume_ml.items()
        if recovery is not None
    }

    def scaled(uptake: Uptake | None) -> Uptake | None:
        if uptake is None:
            return None
        of_all = world.calibration_ratio if isinstance(uptake.image, ActivityMap) else 1.0
        cells = tuple(
            replace(c, counts=c.counts * of_all * ratio.get(items[c.compartment].label, 1.0)) for c in uptake.cells
        )
        return replace(uptake, cells=cells)

    return replace(prepared, uptakes=tuple(scaled(u) for u in prepared.uptakes))


def _lungs_in(view: LungView | Missing, world: World) -> LungView | Missing:
    if isinstance(view, Missing) or isinstance(view.shunt_fraction, Missing):
        return view
    moved = float(np.clip(view.shunt_fraction + world.lung_shunt_fraction, 0.0, LARGEST_FRACTION))
    return replace(view, shunt_fraction=moved, least_fraction=moved)


def _sd_counts(cell: Cell, uptake: Uptake, events: float) -> float:
    """Return the standard deviation of a cell's counts: each voxel's events vary as a Poisson number."""
    values = array_of(uptake.image.image)[cell.occupancy.box.slices].astype(np.float64)
    variance = float(np.sum(cell.occupancy.volume_ml.astype(np.float64) ** 2 * np.maximum(values, 0))) / events
    return math.sqrt(variance)


def _redrawn(uptake: Uptake | None, events: float, rng: np.random.Generator) -> Uptake | None:
    if uptake is None:
        return None
    values = array_of(uptake.image.image)
    drawn: NDArray[np.float64] = rng.poisson(np.maximum(values, 0).astype(np.float64) * events) / events
    cells = tuple(replace(c, counts=c.occupancy.integral(drawn)) for c in uptake.cells)
    return replace(uptake, cells=cells)
