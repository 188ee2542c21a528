"""A phantom measured at a site: its activities and readings become a calibration factor and a recovery curve.

A cylinder, or the background of the NEMA body phantom, tells the calibration; its spheres tell how much of their
counts is recovered by volume, R(v) = 1 - 1/(1 + (v/b)^c) (Gear et al., Eur J Nucl Med Mol Imaging 2018;45:2456).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import optimize

from ..errors import InputError
from ..io.volumes import digest, read_image
from ..physics import DEFAULT_HALF_LIFE_H, decay_factor, elapsed_h
from ..planning import Recovery
from ..version import __version__
from .site_regions import mean_in_cylinder, mean_in_sphere

HALF_LIFE_H: Mapping[str, float] = {"Y-90 PET": DEFAULT_HALF_LIFE_H, "Tc-99m SPECT": 6.0067}
"""Kinds of measurement, with the half-life of the nuclide; Tc-99m: DDEP/LNHB evaluation."""
BQ_PER_MBQ = 1e6
FEWEST_SPHERES = 3
"""Two parameters and a degree of freedom: fewer leave no uncertainty."""
KEYS = {
    "": {"site", "system", "image", "phantom", "measured_on", "scanned_at", "activity_meter_sd_fraction"},
    "solutions": {"activity_mbq", "volume_ml", "assayed_at"},
    "uniform": {"solution", "measured_sd_fraction", "surrounds_spheres"},
    "spheres": {"solution", "diameter_mm", "measured_sd_fraction"},
}
"""What must be there; where something is measured, also `measured`, or its place on the image of `file`."""
PLACES = {"uniform": {"center_mm", "diameter_mm", "length_mm"}, "spheres": {"center_mm"}}


@dataclass(frozen=True)
class Sphere:
    """What one sphere recovers of its counts, its standard deviation, and what the fitted curve says."""

    volume_ml: float
    recovered_fraction: float
    sd_fraction: float
    fitted_fraction: float | None


@dataclass(frozen=True)
class PhantomResult:
    """What a measurement gives: true over measured concentration, and the recovery by volume."""

    site: str
    system: str
    image: str
    phantom: str
    measured_on: date
    sha256: str
    calibration_ratio: float
    """True over measured: Bq/mL for one unit of the image; 1 for a PET that is right."""
    calibration_sd_fraction: float
    activity_meter_sd_fraction: float
    spheres: tuple[Sphere, ...]
    recovery: Recovery | None

    @property
    def calibration_uncertainty_fraction(self) -> float:
        """What enters the dose intervals as `calibration_fraction`.

        Doses of a PET in Bq/mL are not corrected by the factor: its distance from 1 counts as uncertainty, in
        quadrature. Doses of relative counts do not depend on it: only the activity meter counts.
        """
        if self.image != "Y-90 PET":
            return self.activity_meter_sd_fraction
        return math.hypot(self.calibration_sd_fraction, 1.0 - self.calibration_ratio)

    @property
    def uncertainty(self) -> Mapping[str, float]:
        """The stated inputs that the site's profile holds, by name."""
        found = {"calibration_fraction": self.calibration_uncertainty_fraction}
        curve = self.recovery
        if curve is not None:
            found |= {
                "recovery_half_volume_ml": curve.half_volume_ml,
                "recovery_exponent": curve.exponent,
                "recovery_sd_half_volume_ml": curve.sd_half_volume_ml,
                "recovery_sd_exponent": curve.sd_exponent,
            }
        return found

    @property
    def lines(self) -> tuple[str, ...]:
        """The result in words."""
        unit = "" if self.image == "Y-90 PET" else " Bq/mL for one unit of the image"
        sd = self.calibration_sd_fraction * 100
        told = [f"Calibration, true over measured: {self.calibration_ratio:.5g}{unit} (sd {sd:.2g} %)"]
        told += [
            f"Recovery of {s.volume_ml:.3g} mL: {s.recovered_fraction:.3f} (sd {s.sd_fraction:.3f})"
            + ("" if s.fitted_fraction is None else f", curve {s.fitted_fraction:.3f}")
            for s in self.spheres
        ]
        if self.recovery is None:
            told.append(f"No recovery curve: it takes {FEWEST_SPHERES} spheres")
        return (*told, *(f"{name} = {value:.4g}" for name, value in self.uncertainty.items()))

    def as_toml(self) -> str:
        """Return the site's profile, as `planning.site` reads it."""
        texts: dict[str, str | date] = {
            "site": self.site,
            "system": self.system,
            "image": self.image,
            "phantom": self.phantom,
            "measured_on": self.measured_on,
            "made_with": f"Y90DosimetryLib {__version__}",
            "measurement_sha256": self.sha256,
        }
        lines = ["# Made by `y90 verify --phantom`: measure again rather than edit."]
        lines += [_toml(name, value) for name, value in texts.items()]
        lines += ["", "[calibration]", _toml("factor", self.calibration_ratio)]
        lines += [_toml("sd_fraction", self.calibration_sd_fraction), "", "[uncertainty]"]
        lines += [_toml(name, value) for name, value in self.uncertainty.items()]
        for s in self.spheres:
            lines += ["", "[[spheres]]", _toml("volume_ml", s.volume_ml), _toml("recovered", s.recovered_fraction)]
            lines += [_toml("sd", s.sd_fraction)]
        return "\n".join(lines) + "\n"


def read_phantom(path: Path) -> PhantomResult:
    """Return what a measurement file gives; Docs/commissioning.md shows its keys.

    Raises
    ------
    InputError
        If it can't be read, lacks something, or holds what can't be.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        told = getattr(error, "strerror", None) or error
        raise InputError(f"it can't be read: {told}", where=str(path), remedy="See Docs/commissioning.md") from None
    try:
        file = document.pop("file", None)
        image = None if file is None else read_image(path.parent / str(file), f"file '{file}'")
        return _result(document, digest(path), image)
    except InputError as error:
        raise InputError(error.what, where=f"{path}, {error.where}", remedy=error.remedy) from None


def _result(document: Mapping[str, Any], sha256: str, image: sitk.Image | None) -> PhantomResult:
    head = _checked({k: v for k, v in document.items() if k not in KEYS}, "", "the file")
    if head["image"] not in HALF_LIFE_H:
        raise InputError(f"'{head['image']}' is not known", where="image", remedy=f"Write {' or '.join(HALF_LIFE_H)}")
    true = {
        name: _concentration(_checked(values, "solutions", f"solution '{name}'"), head, name)
        for name, values in document.get("solutions", {}).items()
    }
    uniform = _read({"surrounds_spheres": False, **document.get("uniform", {})}, "uniform", "[uniform]", image)
    true_bq_ml = _of(true, uniform["solution"], "[uniform]")
    ratio = true_bq_ml / _number(uniform, "measured", "[uniform]")
    read_sd, meter_sd = (
        _number(values, name, where, smallest=0.0, below=1.0)
        for values, name, where in (
            (uniform, "measured_sd_fraction", "[uniform]"),
            (head, "activity_meter_sd_fraction", "the file"),
        )
    )
    around_bq_ml = true_bq_ml if uniform["surrounds_spheres"] else 0.0
    measured = [
        _sphere(_read(s, "spheres", f"sphere {n}", image), n, true, ratio, read_sd, around_bq_ml)
        for n, s in enumerate(document.get("spheres", ()), start=1)
    ]
    recovery = _fitted(measured)
    return PhantomResult(
        str(head["site"]),
        str(head["system"]),
        head["image"],
        str(head["phantom"]),
        head["measured_on"],
        sha256,
        ratio,
        math.hypot(read_sd, meter_sd),
        meter_sd,
        tuple(Sphere(v, r, sd, recovery.fraction(v) if recovery else None) for v, r, sd in measured),
        recovery,
    )


def _sphere(
    values: Mapping[str, Any], number: int, true: Mapping[str, float], ratio: float, uniform_sd: float, around: float
) -> tuple[float, float, float]:
    """Return volume in mL, recovered fraction and its standard deviation; the meter's error cancels."""
    where = f"sphere {number}"
    inside_bq_ml = _of(true, values["solution"], where)
    if inside_bq_ml <= around:
        raise InputError(
            f"its {inside_bq_ml:g} Bq/mL are no more than those around it ({around:g})",
            where=where,
            remedy="Only hot spheres tell a recovery",
        )
    read_bq_ml = ratio * _number(values, "measured", where)
    sd = _number(values, "measured_sd_fraction", where, smallest=0.0, below=1.0)
    volume_ml = math.pi / 6.0 * (_number(values, "diameter_mm", where) / 10.0) ** 3
    contrast_bq_ml = inside_bq_ml - around
    own_sd, common_sd = sd * read_bq_ml, uniform_sd * read_bq_ml
    return volume_ml, (read_bq_ml - around) / contrast_bq_ml, math.hypot(own_sd, common_sd) / contrast_bq_ml


def _fitted(spheres: Sequence[tuple[float, float, float]]) -> Recovery | None:
    """Return the curve of least squares, weighted; its standard deviations grow where the points scatter more."""
    if len({volume_ml for volume_ml, _, _ in spheres}) < FEWEST_SPHERES:
        return None
    volumes, recovered, sds = (np.array(values, dtype=np.float64) for values in zip(*spheres, strict=True))
    weights = np.maximum(sds, 1e-6)

    def curve(v: Any, log_b: float, log_c: float) -> Any:
        return 1.0 - 1.0 / (1.0 + np.exp(math.exp(log_c) * (np.log(v) - log_b)))

    start = (math.log(float(np.median(volumes))), 0.0)
    try:
        found, covariance = optimize.curve_fit(curve, volumes, recovered, start, weights, absolute_sigma=True)
    except RuntimeError:
        raise InputError(
            "no recovery curve fits the spheres", where="[[spheres]]", remedy="Check diameters and readings"
        ) from None
    chi2 = float((((curve(volumes, *found) - recovered) / weights) ** 2).sum())
    scatter = max(1.0, chi2 / (len(volumes) - 2))
    b, c = (math.exp(float(v)) for v in found)
    sd_b, sd_c = (v * math.sqrt(float(s2) * scatter) for v, s2 in zip((b, c), np.diag(covariance), strict=True))
    if not all(math.isfinite(v) for v in (b, c, sd_b, sd_c)):
        raise InputError("no recovery curve fits the spheres", where="[[spheres]]", remedy="Check the readings")
    return Recovery(b, c, sd_b, sd_c)


def _concentration(values: Mapping[str, Any], head: Mapping[str, Any], name: str) -> float:
    """Return the true concentration at the scan, in Bq/mL."""
    where = f"solution '{name}'"
    moments = values["assayed_at"], head["scanned_at"]
    if not all(isinstance(m, datetime) and m.tzinfo is not None for m in moments):
        raise InputError(
            "assayed_at and scanned_at need day, time and offset",
            where=where,
            remedy="Write them as 2026-03-02T09:00:00+01:00",
        )
    left = decay_factor(elapsed_h(*moments), HALF_LIFE_H[head["image"]])
    return _number(values, "activity_mbq", where) * BQ_PER_MBQ * left / _number(values, "volume_ml", where)


def _of(true: Mapping[str, float], name: str, where: str) -> float:
    if name not in true:
        raise InputError(f"there is no solution '{name}'", where=where, remedy=f"Known: {', '.join(true) or 'none'}")
    return true[name]


def _read(values: Any, kind: str, where: str, image: sitk.Image | None) -> Mapping[str, Any]:
    """Return a table with what was measured: as it is written, or on the image at its place."""
    if isinstance(values, dict) and "measured" in values:
        return _checked(values, kind, where, {"measured"})
    if image is None:
        raise InputError("missing: measured", where=where, remedy="Write the reading, or name the image as file")
    found = _checked(values, kind, where, PLACES[kind])
    center_mm, diameter_mm = found["center_mm"], _number(found, "diameter_mm", where)
    if kind == "uniform":
        length_mm = _number(found, "length_mm", where)
        return {**found, "measured": mean_in_cylinder(image, center_mm, diameter_mm, length_mm, where)}
    return {**found, "measured": mean_in_sphere(image, center_mm, diameter_mm, where)}


def _checked(values: Any, kind: str, where: str, more: Set[str] = frozenset()) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise InputError("it is no table", where=where, remedy="See Docs/commissioning.md")
    wanted = KEYS[kind] | more
    for wrong, told in ((set(values) - wanted, "unknown"), (wanted - set(values), "missing")):
        if wrong:
            raise InputError(f"{told}: {', '.join(sorted(wrong))}", where=where, remedy="See Docs/commissioning.md")
    if kind == "" and not isinstance(values["measured_on"], date):
        raise InputError("measured_on is no date", where=where, remedy="Write it as 2026-03-02")
    return values


def _number(
    values: Mapping[str, Any], name: str, where: str, smallest: float | None = None, below: float = math.inf
) -> float:
    found = values[name]
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    if not is_number or not (found > 0 or found == smallest) or not found < below:
        remedy = "Write a fraction, 0.05 for 5 %" if below == 1.0 else "Write a number above 0"
        raise InputError(f"{name} is {found}", where=where, remedy=remedy)
    return float(found)


def _toml(name: str, value: str | float | date) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name} = "{escaped}"'
    return f"{name} = {value.isoformat() if isinstance(value, date) else repr(float(value))}"
