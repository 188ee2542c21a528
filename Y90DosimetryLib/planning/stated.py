"""The uncertain inputs of a dose, as the user states them: one standard deviation each, nothing assumed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import InputError
from ..quantities import require_in_range, require_not_negative, require_positive

STATED_RANGES: Mapping[str, tuple[float, float]] = {
    "contour_voxel_fraction": (1e-6, 10.0),
    "contour_resolution_fraction": (1e-6, 10.0),
    "resolution_mm": (0.1, 100.0),
    "events_per_value_ratio": (1e-12, 1e12),
    "lung_shunt_fraction": (1e-6, 1.0),
    "residual_fraction": (1e-6, 1.0),
    "tumor_to_normal_fraction": (1e-6, 1.0),
    "calibration_fraction": (1e-6, 1.0),
    "density_fraction": (1e-6, 1.0),
    "registration_mm": (1e-3, 100.0),
    "recovery_half_volume_ml": (1e-3, 1e4),
    "recovery_exponent": (0.01, 10.0),
    "recovery_sd_half_volume_ml": (0.0, 1e4),
    "recovery_sd_exponent": (0.0, 10.0),
}
"""Tool default: what can be computed with. Wider than any real uncertainty; what is certain is left out, not 0."""


@dataclass(frozen=True)
class Recovery:
    """Recovery of counts by size, R(v) = 1 - 1/(1 + (v/b)^c), with the standard deviations of its fit.

    The form is that of Gear et al. 2018; b is the volume whose counts are recovered by half. The doses themselves
    are not corrected: the thresholds of the rules were derived without.
    """

    half_volume_ml: float
    exponent: float
    sd_half_volume_ml: float = 0.0
    sd_exponent: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self.half_volume_ml, "uncertainty, recovery_half_volume_ml", "mL")
        require_positive(self.exponent, "uncertainty, recovery_exponent")
        require_not_negative(self.sd_half_volume_ml, "uncertainty, recovery_sd_half_volume_ml", "mL")
        require_not_negative(self.sd_exponent, "uncertainty, recovery_sd_exponent")

    def fraction(self, volume_ml: float, half_volume_ml: float | None = None, exponent: float | None = None) -> float:
        """Return the recovered fraction of a volume's counts, with other parameters if they are given."""
        b, c = half_volume_ml or self.half_volume_ml, exponent or self.exponent
        return 1.0 - 1.0 / (1.0 + math.pow(volume_ml / b, c))


@dataclass(frozen=True)
class StatedInputs:
    """Standard deviations; None or left out: not stated, and not part of any interval."""

    contour_voxel_fraction: float | None = None
    """Of the position of each outline's surface, as a fraction of its own voxel (cube root of the volume)."""
    contour_resolution_fraction: float | None = None
    """The same as a fraction of `resolution_mm`; both may be stated and then add in quadrature."""
    resolution_mm: float | None = None
    """FWHM of the emission image: what `contour_resolution_fraction` refers to; no uncertainty itself."""
    events_per_value_ratio: float | None = None
    """Detected events for each unit of a voxel's value (1 for raw counts): the noise is theirs, Poisson."""
    recovery: Recovery | None = None
    lung_shunt_fraction: float | None = None
    """Of the lung shunt fraction, absolute."""
    residual_fraction: float | None = None
    """Of the residual, absolute."""
    tumor_to_normal_fraction: float | None = None
    """Of a T:N ratio that was entered, relative."""
    calibration_fraction: float | None = None
    """Of every activity (dose calibrator; scanner for an absolute image), relative."""
    density_fraction: float | None = None
    """Of the density of the liver, relative."""
    registration_mm: float | None = None
    """Of the position of the emission image along each axis."""
    site: str = ""
    """Which of these the site's profile gave, in words; empty where none."""

    def __post_init__(self) -> None:
        for name, value in self.by_name().items():
            require_not_negative(value, f"uncertainty, {name}")
            if name.endswith("_fraction") and not name.startswith("contour") and value >= 1:
                raise InputError(
                    f"{value:g} is no fraction below 1", where=f"uncertainty, {name}", remedy="Enter 0.05 for 5 %"
                )
            require_in_range(value, f"uncertainty, {name}", *STATED_RANGES[name])
        if self.contour_resolution_fraction is not None and self.resolution_mm is None:
            raise InputError(
                "contour_resolution_fraction needs the resolution",
                where="uncertainty",
                remedy="State resolution_mm, the FWHM of the emission image",
            )

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return every name that `stated_from` takes."""
        return (*(f.name for f in fields(StatedInputs) if f.name not in NO_NUMBERS), *RECOVERY_NAMES)

    def numbers(self) -> Mapping[str, float]:
        """Return what is stated as single numbers, by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NO_NUMBERS}
        return {name: float(value) for name, value in found.items() if value is not None}

    def by_name(self) -> Mapping[str, float]:
        """Return everything stated by the names that `stated_from` takes."""
        recovery = self.recovery
        of_recovery = {} if recovery is None else {n: float(getattr(recovery, f)) for n, f in RECOVERY_NAMES.items()}
        return {**self.numbers(), **of_recovery}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is stated, to be told beside the intervals; none where nothing uncertain is."""
        stated = ", ".join(f"{name} = {value:g}" for name, value in self.by_name().items())
        return () if self.is_empty else (f"Stated uncertainty of inputs: {stated}.", *filter(None, [self.site]))

    @property
    def is_empty(self) -> bool:
        """Whether nothing uncertain is stated."""
        return self.recovery is None and not (set(self.numbers()) - {"resolution_mm"})

    def surface_mm(self, voxel_mm: float) -> float:
        """Return the standard deviation of a surface's position for an outline with voxels of this size."""
        of_voxel_mm = (self.contour_voxel_fraction or 0.0) * voxel_mm
        of_resolution_mm = (self.contour_resolution_fraction or 0.0) * (self.resolution_mm or 0.0)
        return float((of_voxel_mm**2 + of_resolution_mm**2) ** 0.5)


NO_NUMBERS = {"recovery", "site"}
RECOVERY_NAMES = {f"recovery_{f.name}": f.name for f in fields(Recovery)}


def stated_from(values: Mapping[str, float]) -> StatedInputs:
    """Return stated inputs from plain names, those of a recovery curve with "recovery_" before them.

    Raises
    ------
    InputError
        If a name is unknown, or a recovery curve is incomplete.
    """
    names = StatedInputs.names()
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Choose from: {', '.join(names)}"
            raise InputError(f"unknown input '{name}'", where="uncertainty", remedy=remedy)
    of_recovery = {RECOVERY_NAMES[name]: value for name, value in values.items() if name in RECOVERY_NAMES}
    if of_recovery and not {"half_volume_ml", "exponent"} <= set(of_recovery):
        raise InputError(
            "the recovery curve is incomplete",
            where="uncertainty",
            remedy="State recovery_half_volume_ml and recovery_exponent",
        )
    recovery = Recovery(**of_recovery) if of_recovery else None
    numbers: dict[str, Any] = {n: v for n, v in values.items() if n not in RECOVERY_NAMES}
    return StatedInputs(recovery=recovery, **numbers)


def with_typed(written: StatedInputs, typed: Mapping[str, float]) -> tuple[StatedInputs, tuple[str, ...]]:
    """Return the inputs of a case file with those typed for one plan in their place, and what was replaced.

    Raises
    ------
    InputError
        As `stated_from` does, of both together.
    """
    before = written.by_name()
    replaced = (
        f"{name} = {value:g} was typed for this plan in place of the case file's {before[name]:g}."
        for name, value in typed.items()
        if name in before and before[name] != value
    )
    return replace(stated_from({**before, **typed}), site=written.site), tuple(replaced)
