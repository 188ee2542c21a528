"""Cumulative dose-volume histograms, one plan's or a plan's beside its delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dosimetry.regions import RegionKind
from ..errors import InputError
from ..missing import Missing
from ..planning import Comparison
from ..structures import Role
from .chart import SERIES, SIZE_PX, Chart, pen_of
from .colors import LineStyle, structure_styles
from .scales import Scale, round_up
from .svg import LIGHT, Theme

_LEAST_SHOWN_PERCENT = 0.5
"""The dose axis of a histogram ends where every curve is below."""
_ROLES = {
    RegionKind.TUMOR: Role.TUMOR,
    RegionKind.PVTT: Role.PVTT,
    RegionKind.HEPATIC_VEIN_THROMBUS: Role.HEPATIC_VEIN_THROMBUS,
    RegionKind.PERFUSED: Role.PERFUSED,
    RegionKind.PERFUSED_NORMAL: Role.NORMAL_LIVER,
    RegionKind.WHOLE_LIVER: Role.LIVER,
}


def role_of(kind: str) -> Role | None:
    """Return the role whose colors a row of the dose table takes in figures."""
    return _ROLES.get(RegionKind(kind))


@dataclass(frozen=True)
class Curve:
    """A cumulative dose-volume histogram: the fraction of the volume (0 to 1) that has at least each dose (rising).

    Its line has `style`, or that of its role: the colors of the pictures.
    """

    label: str
    dose_gy: NDArray[np.float64]
    volume_fraction: NDArray[np.float64]
    role: Role | None = None
    style: LineStyle | None = None

    def __post_init__(self) -> None:
        dose_gy, fraction = np.asarray(self.dose_gy, np.float64), np.asarray(self.volume_fraction, np.float64)
        where = f"dose-volume histogram of '{self.label}'"
        if dose_gy.ndim != 1 or dose_gy.shape != fraction.shape or not dose_gy.size:
            raise InputError(
                f"doses have shape {dose_gy.shape}, volumes {fraction.shape}",
                where=where,
                remedy="Give as many of each",
            )
        if not (np.diff(dose_gy) >= 0).all() or not (np.diff(fraction) <= 1e-9).all():
            raise InputError("doses must rise and volumes fall", where=where, remedy="Sort by dose")
        if not (fraction.min() >= -1e-9 and fraction.max() <= 1 + 1e-9):
            raise InputError(
                f"volumes run from {fraction.min():g} to {fraction.max():g}",
                where=where,
                remedy="Give fractions from 0 to 1, not percentages",
            )
        object.__setattr__(self, "dose_gy", dose_gy)
        object.__setattr__(self, "volume_fraction", fraction)


def dvh_plot(
    curves: Sequence[Curve],
    *,
    marker_doses_gy: Sequence[float] = (),
    highest_dose_gy: float | None = None,
    title: str = "",
    size_px: tuple[float, float] = SIZE_PX,
    theme: Theme = LIGHT,
) -> str:
    """Draw cumulative dose-volume histograms, each named beside its curve, and return them as an SVG file.

    `marker_doses_gy` are marked by vertical lines; `highest_dose_gy` ends the dose axis, None fits it to the curves.

    Raises
    ------
    InputError
        If there is no curve.
    """
    if not curves:
        raise InputError("there is no curve to draw", where="plot", remedy="Give at least one")
    by_role = iter(structure_styles(c.role for c in curves if c.role is not None and c.style is None))
    styles = [
        c.style or (next(by_role) if c.role is not None else SERIES[i % len(SERIES)]) for i, c in enumerate(curves)
    ]
    if highest_dose_gy is None:
        seen = [c.dose_gy[c.volume_fraction * 100 >= _LEAST_SHOWN_PERCENT] for c in curves]
        highest_dose_gy = round_up(max([1.0, *marker_doses_gy, *(float(x.max()) for x in seen if x.size)]))
    chart = Chart(
        Scale("Absorbed dose (Gy)", 0.0, highest_dose_gy),
        Scale("Volume (%)", 0.0, 100.0),
        title=title,
        size_px=size_px,
        theme=theme,
        rows_above=min(2, len(marker_doses_gy) // 2),
    )
    for dose_gy in sorted(marker_doses_gy):
        chart.marker(dose_gy, f"{dose_gy:g} Gy")
    for curve, style in zip(curves, styles, strict=True):
        x = np.concatenate([[0.0], curve.dose_gy, curve.dose_gy[-1:]])
        y = np.concatenate([curve.volume_fraction[:1], curve.volume_fraction, [0.0]])
        chart.curve(curve.label, x, y * 100, pen_of(style, theme))
    return chart.svg()


def overlay_picture(comparison: Comparison) -> str | Missing:
    """Return the lesions' histograms as planned (dotted) and as delivered (solid) as an SVG file, with the targets."""
    curves = list(_curves(comparison))
    if not curves:
        return Missing("no lesion lies on a planned or delivered dose map", ("image",))
    targets = tuple(sorted({lesion.target.dose_gy for lesion in comparison.lesions}))
    return dvh_plot(curves, marker_doses_gy=targets, title="Planned (dotted) and delivered (solid)")


def _curves(comparison: Comparison) -> Iterator[Curve]:
    roles = [role_of(lesion.region.kind.value) or Role.TUMOR for lesion in comparison.lesions]
    for lesion, style in zip(comparison.lesions, structure_styles(roles), strict=True):
        plain = LineStyle(style.on_dark, style.on_light, (), 2.6)
        dotted = LineStyle(style.on_dark, style.on_light, (2.5, 4.5), 2.0)
        for name, dvh, how in (("planned", lesion.planned, dotted), ("delivered", lesion.delivered, plain)):
            if not isinstance(dvh, Missing):
                yield Curve(f"{lesion.region.label}, {name}", *dvh.curve(), style=how)
