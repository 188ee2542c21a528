"""One session under every dose model side by side: what each gives for every volume, how, and why they differ.

Every model divides the liver's activity A among volumes, so each number has one line that can be checked by hand:
D = k A s / m, with the share s of the activity (for the kernel: of the energy) that the volume has in that model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..case import DoseModel
from ..dosimetry.deposits import Deposit, Model, SessionDoses
from ..dosimetry.kernel import VoxelKernel, voxel_kernel
from ..dosimetry.maps import SessionMap
from ..dosimetry.regions import Region, RegionKind
from ..dosimetry.voxel import energy_outside_fraction
from ..engine import Engine
from ..errors import InputError
from ..images import ActivityMap, array_of
from ..missing import Missing
from ..occupancy import Occupancy
from ..physics import G_PER_KG
from ..progress import Progress, silent
from .empiric import Empiric, empiric_activities
from .model_shares import share_words

LEAST_SAID_FRACTION = 0.005
"""Tool default: shares below are rounded to nothing in the sentences about differences; tables have every digit."""


class Column(StrEnum):
    """A dose model of the table, in its order."""

    SINGLE = "single_compartment"
    PARTITION_GIVEN = "partition_given_ratio"
    PARTITION = "partition"
    MULTI = "multicompartment"
    LOCAL = "voxel_local"
    KERNEL = "voxel_kernel"

    @property
    def display_name(self) -> str:
        """The model as a reader sees it."""
        if self is Column.LOCAL:
            return "local deposition, mean of the voxels"
        if self is Column.KERNEL:
            return "kernel (research), mean of the voxels"
        return Model(self.value).display_name


@dataclass(frozen=True)
class Term:
    """What one infusion brings into the liver, in GBq, and the share of it that a model puts into a volume."""

    infusion: str
    liver_gbq: float
    share_fraction: float


@dataclass(frozen=True)
class ModelDose:
    """The mean dose of one volume under one model, and the arithmetic that ends in it."""

    dose_gy: float
    joule_per_gbq: float
    terms: tuple[Term, ...]
    mass_kg: float
    share_words: str
    """Where the share comes from, with its numbers."""

    @property
    def line(self) -> str:
        """The dose as a line of arithmetic; enough digits to check it to a tenth of a percent."""
        parts = [f"{t.liver_gbq:.5g} GBq × {t.share_fraction:.5g}" for t in self.terms]
        amount = parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"
        return f"{self.joule_per_gbq:g} J/GBq × {amount} / {self.mass_kg:.5g} kg = {self.dose_gy:.1f} Gy"


@dataclass(frozen=True)
class Why:
    """What makes the models differ for one volume; None where it does not apply."""

    not_perfused_ml: float
    """The part that no infusion of the session perfuses: single compartment and partition leave it without dose."""
    activity_fraction: float | None
    """The share of the liver's activity that the image shows here."""
    volume_fraction: float
    """Its share of the liver's volume."""
    not_imaged_ml: float | None
    """The part outside the image."""
    kernel_out_fraction: float | None
    """Of the energy emitted here, what is absorbed elsewhere."""
    kernel_in_fraction: float | None
    """Energy absorbed here that was emitted elsewhere in the liver, over what is emitted here."""


@dataclass(frozen=True)
class ModelRow:
    """One volume under every model."""

    region: Region
    volume_ml: float
    doses: Mapping[Column, ModelDose | Missing]
    why: Why
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ModelTable:
    """One session under every model."""

    session: str
    activity_lines: tuple[str, ...]
    """How much of each vial reaches the liver, by hand."""
    rows: tuple[ModelRow, ...]
    reasons: tuple[str, ...]
    """Why the models differ, for the whole session."""
    outside_fraction: float | None
    """The share of the liver's activity that the image shows outside every perfused volume."""
    energy_outside_liver_fraction: float | None
    """The share of the energy that a kernel carries out of the liver."""
    empiric: tuple[Empiric, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The models that have a number for some volume."""
        return tuple(c for c in Column if any(not isinstance(r.doses[c], Missing) for r in self.rows))


def models_side_by_side(
    engine: Engine, session: str | None = None, empiric: bool = False, progress: Progress = silent
) -> ModelTable:
    """Return the doses of one session, of the last one unless it is named, under every model.

    Earlier sessions are not in it. Empiric activities, which stem from resin microspheres, only where asked for.

    Raises
    ------
    InputError
        If there is no such session.
    """
    case = engine.case
    labels = [s.label for s in case.sessions]
    if not labels or session not in {None, *labels}:
        raise InputError(
            f"there is no session '{session}'" if session else "there is no session",
            where="models",
            remedy=f"Choose from: {', '.join(labels) or 'add a session first'}",
        )
    index = labels.index(session) if session is not None else len(labels) - 1
    table = _Table(engine, index, progress)
    return ModelTable(
        labels[index],
        tuple(table.activity_lines()),
        tuple(table.row(region) for region in engine.regions),
        tuple(table.reasons()),
        table.outside_fraction,
        None if isinstance(table.kernel, Missing) else table.kernel.energy_outside_liver_fraction,
        empiric_activities(case, engine.prepared, case.sessions[index]) if empiric else (),
    )


class _Table:
    """One session measured under every model."""

    def __init__(self, engine: Engine, index: int, progress: Progress) -> None:
        case, prepared = engine.case, engine.prepared
        self._case, self._parts = case, prepared.compartments
        self._doses = engine.doses.sessions[index]
        self._uptake = self._doses.uptake
        self._alone = engine.alone(index)
        self._inside = frozenset(self._parts.inside(i.infusion.perfused for i in self._doses.infusions))
        self._local, self.kernel = (
            engine.map_of(index, model, progress) for model in (DoseModel.LOCAL, DoseModel.KERNEL)
        )
        multi = self._doses.deposits[Model.MULTI]
        self._multi: NDArray[np.float64] | None = None if isinstance(multi, Missing) else multi.activity_gbq
        self._kernel_spread: VoxelKernel | None = (
            None if self._uptake is None else voxel_kernel(self._uptake.grid.spacing_mm, self._density)
        )

    @property
    def _density(self) -> float:
        return self._case.settings.liver_density_g_ml

    @property
    def outside_fraction(self) -> float | None:
        if self._multi is None:
            return None
        outside = [i for i in self._parts.everything if i not in self._inside]
        return float(self._multi[outside].sum() / self._multi.sum())

    def activity_lines(self) -> Iterator[str]:
        for doses in self._doses.infusions:
            infusion, net = doses.infusion, doses.net
            if isinstance(net, Missing):
                yield f"{infusion.label}: {net.because}"
                continue
            yield (
                f"{infusion.label}: {doses.activity_gbq:.5g} GBq × (1 − {infusion.residual_fraction:g}) ×"
                f" (1 − {doses.lung_shunt_fraction:.4g}) = {net.liver_gbq:.5g} GBq in the liver"
            )
        seen = self._doses.image_activity_gbq
        if not isinstance(seen, Missing):
            yield f"The image itself shows {seen:.5g} GBq in the liver at infusion."

    def row(self, region: Region) -> ModelRow:
        doses: dict[Column, ModelDose | Missing] = {}
        for column in Column:
            if column is Column.LOCAL:
                doses[column] = self._of_map(region, self._local, column)
            elif column is Column.KERNEL:
                doses[column] = self._of_map(region, self.kernel, column)
            else:
                doses[column] = self._of_deposit(region, Model(column.value))
        why = self._why(region, doses)
        return ModelRow(
            region, self._parts.volume_ml(region.indices), doses, why, tuple(self._row_reasons(region, why, doses))
        )

    def _of_deposit(self, region: Region, model: Model) -> ModelDose | Missing:
        whole = self._doses.deposits[model]
        if isinstance(whole, Missing):
            return whole
        dose_gy = whole.dose_gy(region.indices)
        if isinstance(dose_gy, Missing):
            return dose_gy
        found: list[tuple[SessionDoses | None, Deposit]] = [(None, whole)]
        if model is not Model.MULTI or not isinstance(self._doses.session.image, ActivityMap):
            found = [
                (alone, deposit) for alone in self._alone if not isinstance(deposit := alone.deposits[model], Missing)
            ]
        parts = [
            (_term("image" if alone is None else alone.infusions[0].infusion.label, deposit, region.indices),
             self._words(model, alone, deposit, region))
            for alone, deposit in found
        ]  # fmt: skip
        parts = [p for p in parts if p[0].share_fraction > 0] or parts[:1]
        terms, words = zip(*parts, strict=True)
        return ModelDose(dose_gy, whole.joule_per_gbq, terms, self._mass_kg(region), "; ".join(dict.fromkeys(words)))

    def _words(self, model: Model, alone: SessionDoses | None, deposit: Deposit, region: Region) -> str:
        uptake = self._uptake
        if alone is None:
            counts = None if uptake is None else uptake.counts
            return share_words(model, self._parts, deposit, (), region.indices, counts, "Bq")
        infusion = alone.infusions[0]
        counts = None if uptake is None else uptake.owned_counts(infusion.infusion.perfused)
        return share_words(model, self._parts, deposit, infusion.indices, region.indices, counts)

    def _of_map(self, region: Region, found: SessionMap | Missing, column: Column) -> ModelDose | Missing:
        if isinstance(found, Missing):
            return found
        part = self._part(region)
        if part is None or part.total_ml <= 0:
            return Missing("the structure lies outside the image", ("image",))
        if self._multi is None:
            return Missing("the session has no multicompartment dose", ("image",))
        dose_gy = part.integral(array_of(found.dose.image)) / part.total_ml
        liver_gbq, k = float(self._multi.sum()), self._case.settings.joule_per_gbq
        mass_kg = part.total_ml * self._density / G_PER_KG
        words = "activity of the voxels, each by the part of it that lies inside"
        if column is Column.KERNEL:
            words = "energy absorbed inside, wherever in the liver it was emitted"
        term = Term("all", liver_gbq, dose_gy * mass_kg / (k * liver_gbq))
        return ModelDose(dose_gy, k, (term,), mass_kg, words)

    def _part(self, region: Region) -> Occupancy | None:
        return None if self._uptake is None else self._uptake.occupancy(region.indices)

    def _mass_kg(self, region: Region) -> float:
        return self._parts.volume_ml(region.indices) * self._density / G_PER_KG

    def _why(self, region: Region, doses: Mapping[Column, ModelDose | Missing]) -> Why:
        volume_ml = self._parts.volume_ml(region.indices)
        part = self._part(region)
        share = None
        if self._multi is not None:
            share = float(self._multi[list(region.indices)].sum() / self._multi.sum())
        out, come = self._kernel_flow(part, doses)
        return Why(
            self._parts.volume_ml([i for i in region.indices if i not in self._inside]),
            share,
            volume_ml / self._parts.volume_ml(self._parts.everything),
            None if part is None else max(0.0, volume_ml - part.total_ml),
            out,
            come,
        )

    def _kernel_flow(
        self, part: Occupancy | None, doses: Mapping[Column, ModelDose | Missing]
    ) -> tuple[float | None, float | None]:
        local, kernel = doses[Column.LOCAL], doses[Column.KERNEL]
        if isinstance(local, Missing) or isinstance(kernel, Missing) or local.dose_gy <= 0 or part is None:
            return None, None
        assert not isinstance(self._local, Missing) and self._uptake is not None and self._kernel_spread is not None
        emitted = array_of(self._local.dose.image)[part.box.slices] * part.volume_ml
        out = energy_outside_fraction(emitted, part.volume_ml / self._uptake.grid.voxel_ml, self._kernel_spread)
        return out, max(0.0, kernel.dose_gy / local.dose_gy - (1 - out))

    def _row_reasons(self, region: Region, why: Why, doses: Mapping[Column, ModelDose | Missing]) -> Iterator[str]:
        volume_ml = self._parts.volume_ml(region.indices)
        whole = region.kind in {RegionKind.WHOLE_LIVER, RegionKind.WHOLE_NORMAL, RegionKind.UNPERFUSED_NORMAL}
        if not whole and why.not_perfused_ml > LEAST_SAID_FRACTION * volume_ml:
            yield (
                f"{why.not_perfused_ml:.1f} of {volume_ml:.1f} mL lie outside the perfused volume: single compartment"
                " and partition model leave them without dose"
            )
        own, mean = doses[Column.MULTI], doses[Column.PARTITION]
        if region.kind is RegionKind.TUMOR and isinstance(own, ModelDose) and isinstance(mean, ModelDose):
            other_fraction = own.dose_gy / mean.dose_gy - 1 if mean.dose_gy > 0 else 0.0
            if abs(other_fraction) > LEAST_SAID_FRACTION:
                yield (
                    "the partition model gives all tumors of a perfused volume one ratio; this one's own counts give"
                    f" {other_fraction * 100:+.1f} %"
                )
        if why.not_imaged_ml is not None and why.not_imaged_ml > LEAST_SAID_FRACTION * volume_ml:
            yield f"{why.not_imaged_ml:.1f} mL lie outside the image: the voxel means leave them out"
        if why.kernel_out_fraction is not None and why.kernel_in_fraction is not None:
            yield (
                f"the kernel carries {why.kernel_out_fraction * 100:.1f} % of the energy emitted here out and brings"
                f" {why.kernel_in_fraction * 100:.1f} % in"
            )

    def reasons(self) -> Iterator[str]:
        outside = self.outside_fraction
        if outside is not None and self._multi is not None:
            yield (
                f"The image shows {outside * 100:.1f} % of the liver's activity ({outside * self._multi.sum():.3f} GBq)"
                " outside the perfused volumes; single compartment and partition model put that inside them."
            )
        ratios = [
            f"{i.infusion.perfused} {i.tumor_to_normal_ratio:.2f}"
            + ("" if i.infusion.tumor_to_normal_ratio is None else f" (given: {i.infusion.tumor_to_normal_ratio:g})")
            for i in self._doses.infusions
            if not isinstance(i.tumor_to_normal_ratio, Missing)
        ]
        if ratios:
            yield f"Ratio of the concentration in tumor to that in normal liver, on the image: {', '.join(ratios)}."
        if not isinstance(self.kernel, Missing):
            lost = f"{self.kernel.energy_outside_liver_fraction * 100:.1f} %"
            yield f"The kernel carries up to {lost} of the energy out of the liver (voxels at its edge count as even)."


def _term(label: str, deposit: Deposit, indices: Sequence[int]) -> Term:
    total_gbq = float(deposit.activity_gbq.sum())
    return Term(label, total_gbq, float(deposit.activity_gbq[list(indices)].sum()) / total_gbq)
