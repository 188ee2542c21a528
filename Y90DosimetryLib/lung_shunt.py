"""The lung shunt fraction measured: opposed planar views, SPECT/CT with a margin around the liver, side by side.

No number here is filled in: what lies outside the field of view or inside the margin is left out of what was
counted, and estimates that stand in for it are separate numbers with names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .case import Case
from .dosimetry.lung import DEFAULT_MARGIN_MM as DEFAULT_MARGIN_MM
from .dosimetry.lung import SpectShunt as SpectShunt
from .dosimetry.lung import geometric_mean_counts, lung_shunt_fraction
from .dosimetry.lung import spect_shunt as spect_shunt
from .errors import InputError
from .images import array_of
from .missing import Missing
from .quantities import require_fraction, require_not_negative, require_positive
from .structures import Role


@dataclass(frozen=True)
class PlanarRegion:
    """Counts of one region on both views; the same pixels on each, the posterior view mirrored."""

    anterior_counts: float
    posterior_counts: float
    pixel_count: int = 0
    """Needed only where a background is subtracted."""

    def __post_init__(self) -> None:
        require_not_negative(self.anterior_counts, "anterior counts")
        require_not_negative(self.posterior_counts, "posterior counts")
        require_not_negative(self.pixel_count, "pixels of the region")


@dataclass(frozen=True)
class PlanarShunt:
    """The lung shunt of opposed planar views by their geometric means."""

    fraction: float | Missing
    """With the background subtracted; missing where none was given, or where it leaves nothing."""
    uncorrected_fraction: float
    """As counted."""

    @property
    def best_fraction(self) -> float:
        """With the background subtracted where that is known, else as counted."""
        return self.uncorrected_fraction if isinstance(self.fraction, Missing) else self.fraction


@dataclass(frozen=True)
class ShuntComparison:
    """Both methods for one infusion."""

    session: str
    infusion: str
    entered_fraction: float | None
    planar: PlanarShunt | Missing
    spect: SpectShunt | Missing
    note: str = ""

    @property
    def difference_fraction(self) -> float | Missing:
        """Planar minus SPECT, in points of fraction; planar is usually the higher (attenuation, overlap)."""
        for one in (self.planar, self.spect):
            if isinstance(one, Missing):
                return one
        assert isinstance(self.planar, PlanarShunt) and isinstance(self.spect, SpectShunt)
        measured = self.spect.fraction
        return measured if isinstance(measured, Missing) else self.planar.best_fraction - measured


def planar_region(anterior: sitk.Image, posterior: sitk.Image, region: sitk.Image) -> PlanarRegion:
    """Return the counts of one region (not zero is inside) on both views; the posterior one mirrored already.

    Raises
    ------
    InputError
        If the three differ in size, the region is empty, or counts are negative or not numbers.
    """
    inside = array_of(region) != 0
    counts = []
    for name, view in (("anterior", anterior), ("posterior", posterior)):
        array = array_of(view)
        if array.shape != inside.shape:
            raise InputError(
                f"{array.shape[::-1]} pixels, and the region {inside.shape[::-1]}",
                where=f"{name} view",
                remedy="Draw the region on this image",
            )
        if not np.isfinite(array).all() or float(array.min()) < 0:
            raise InputError(
                "a pixel is negative or not a number", where=f"{name} view", remedy="Give the counts as acquired"
            )
        counts.append(float(array[inside].sum(dtype=np.float64)))
    if not inside.any():
        raise InputError("the region is empty", where="planar views", remedy="Draw it")
    return PlanarRegion(counts[0], counts[1], int(np.count_nonzero(inside)))


def planar_shunt(lungs: PlanarRegion, liver: PlanarRegion, background: PlanarRegion | None = None) -> PlanarShunt:
    """Return the lung shunt of opposed planar views, with and without a background of equal size subtracted.

    Raises
    ------
    InputError
        If a view of lungs or liver holds no counts (a zero is no measurement), or a background comes with regions of
        unknown size.
    """
    for name, region in (("lungs", lungs), ("liver", liver)):
        for view, counts in (("anterior", region.anterior_counts), ("posterior", region.posterior_counts)):
            if counts == 0:
                raise InputError(
                    f"the {view} view holds 0 counts over the {name}",
                    where="planar views",
                    remedy="No shunt follows from a zero: enter the counts of both views",
                )
    uncorrected = lung_shunt_fraction(_mean(lungs), _mean(liver))
    if background is None:
        return PlanarShunt(Missing("no background region was given", ("background",)), uncorrected)
    if 0 in (lungs.pixel_count, liver.pixel_count, background.pixel_count):
        raise InputError(
            "a background can be subtracted only from regions whose pixels are counted",
            where="planar views",
            remedy="Give the number of pixels of lungs, liver and background",
        )
    net_lungs, used_up = _net(lungs, background)
    net_liver, liver_used_up = _net(liver, background)
    if used_up or liver_used_up:  # 0 is no shunt that was measured
        over = "lungs" if used_up else "liver"
        because = f"the background is as high as the {over}: no shunt can be told from it"
        return PlanarShunt(Missing(because, ("background",)), uncorrected)
    return PlanarShunt(lung_shunt_fraction(_mean(net_lungs), _mean(net_liver)), uncorrected)


def compare_shunts(
    case: Case,
    planar: Mapping[tuple[str, str], PlanarShunt] | None = None,
    *,
    margin_mm: float = DEFAULT_MARGIN_MM,
) -> tuple[ShuntComparison, ...]:
    """Return both methods for every infusion of a case.

    Parameters
    ----------
    planar
        Planar measurements by the labels of session and infusion.

    Raises
    ------
    InputError
        If a planar measurement names no infusion of the case; see `spect_shunt`.
    """
    given = planar or {}
    known = {(s.label, i.label) for s in case.sessions for i in s.infusions}
    for session_label, infusion_label in given:
        if (session_label, infusion_label) not in known:
            raise InputError(
                f"there is no infusion '{infusion_label}' in a session '{session_label}'",
                where="planar lung shunt",
                remedy="Name the session and infusion as in the case",
            )
    liver, lungs = case.one(Role.LIVER), case.one(Role.LUNGS)
    rows = []
    for session in case.sessions:
        spect: SpectShunt | Missing
        if session.image is None:
            spect = Missing("there is no image to measure the lungs on", ("image",))
        elif liver is None or lungs is None or lungs.is_empty:
            spect = Missing("liver or lungs are not outlined", ("structures",))
        else:
            spect = spect_shunt(session.image, liver, lungs, case.ct, margin_mm=margin_mm)
        together = len(session.infusions) > 1 and session.image is not None
        note = "One image shows all infusions of the session: the SPECT's shunt is that of all together"
        for infusion in session.infusions:
            key = (session.label, infusion.label)
            measured = given.get(key, Missing("no planar views were measured", ("planar",)))
            rows.append(ShuntComparison(*key, infusion.lung_shunt_fraction, measured, spect, note if together else ""))
    return tuple(rows)


def joint_shunt_fraction(activities_gbq: Sequence[float], shunt_fractions: Sequence[float]) -> float:
    """Return the lung shunt of several infusions together: the mean of their own, weighted by infused activity.

    Raises
    ------
    InputError
        If there is none, the numbers differ in length, or one is impossible.
    """
    if not activities_gbq or len(activities_gbq) != len(shunt_fractions):
        raise InputError(
            f"{len(activities_gbq)} activities and {len(shunt_fractions)} lung shunt fractions",
            where="infusions",
            remedy="Give both for each infusion",
        )
    for activity, shunt in zip(activities_gbq, shunt_fractions, strict=True):
        require_positive(activity, "infused activity", "GBq")
        require_fraction(shunt, "lung shunt fraction")
    weights = np.asarray(activities_gbq, dtype=np.float64)
    return float(np.average(np.asarray(shunt_fractions, dtype=np.float64), weights=weights))


def _mean(region: PlanarRegion) -> float:
    return geometric_mean_counts(region.anterior_counts, region.posterior_counts)


def _net(region: PlanarRegion, background: PlanarRegion) -> tuple[PlanarRegion, bool]:
    """Return a region without its background, and whether the background was as high as the region."""
    share = region.pixel_count / background.pixel_count
    net = [
        region.anterior_counts - share * background.anterior_counts,
        region.posterior_counts - share * background.posterior_counts,
    ]
    return PlanarRegion(max(0.0, net[0]), max(0.0, net[1]), region.pixel_count), min(net) <= 0
