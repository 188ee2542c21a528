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
from .dosimetry.lung import geometric_mean_counts, lung_shunt_fraction
from .errors import GeometryError, InputError
from .images import ActivityMap, CountMap, array_of
from .missing import Missing
from .occupancy import Grid, excluding, occupancy_of
from .quantities import require_fraction, require_not_negative, require_positive
from .structures import Role, Structure

DEFAULT_MARGIN_MM = 20.0
"""Tool default: breathing and the blur of a SPECT carry liver counts this far into the lungs above the dome."""
WHOLE_LIVER_FRACTION = 0.999
"""Tool default: with less of it inside an image, the image cuts the liver."""


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
class SpectShunt:
    """The lung shunt of a SPECT or PET with outlines. Counts are the image's values times mL."""

    margin_mm: float
    liver_counts: float
    """Inside the outline of the liver, as doses count them."""
    lung_counts: float
    """Inside the lungs, voxels that the liver touches left out."""
    beyond_margin_counts: float | Missing
    lung_volume_ml: float
    in_view_ml: float
    counted_ml: float
    """Lungs in view, further from the liver than the margin."""

    def __post_init__(self) -> None:
        require_positive(self.liver_counts, "liver counts")

    @property
    def outside_view_fraction(self) -> float:
        """The share of the lungs that the image does not show."""
        return max(0.0, 1.0 - self.in_view_ml / self.lung_volume_ml)

    @property
    def without_margin_fraction(self) -> float:
        """Everything inside the lungs counted, activity of the liver that shines into them included."""
        return lung_shunt_fraction(self.lung_counts, self.liver_counts)

    @property
    def beyond_margin_fraction(self) -> float | Missing:
        """Only lungs beyond the margin counted, nothing put in for the rest: a lower bound."""
        beyond = self.beyond_margin_counts
        return beyond if isinstance(beyond, Missing) else lung_shunt_fraction(beyond, self.liver_counts)

    @property
    def fraction(self) -> float | Missing:
        """The concentration beyond the margin taken for all lungs in view.

        Blur moves counts over the edges of both outlines alike, so that their ratio is nearly kept.
        """
        return self._from_concentration(self.in_view_ml)

    @property
    def extrapolated_fraction(self) -> float | Missing:
        """An estimate: the same concentration also taken for the lungs outside the field of view."""
        return self._from_concentration(max(self.in_view_ml, self.lung_volume_ml))

    def _from_concentration(self, volume_ml: float) -> float | Missing:
        beyond = self.beyond_margin_counts
        if isinstance(beyond, Missing):
            return beyond
        return lung_shunt_fraction(beyond / self.counted_ml * volume_ml, self.liver_counts)


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
        If the liver holds no counts, or a background comes with regions of unknown size.
    """
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


def spect_shunt(
    image: CountMap | ActivityMap, liver: Structure, lungs: Structure, *, margin_mm: float = DEFAULT_MARGIN_MM
) -> SpectShunt:
    """Return the lung shunt of a SPECT or PET from outlines of liver and both lungs.

    Raises
    ------
    InputError
        If an outline is empty, the liver holds no counts, or the margin is negative.
    GeometryError
        If liver or lungs lie outside the image, or a part of the liver does.
    """
    require_not_negative(margin_mm, "margin around the liver", "mm")
    for structure in (liver, lungs):
        if structure.is_empty:
            raise InputError("it is empty", where=f"structure '{structure.label}'", remedy="Outline it")
    grid, array = Grid.of(image.image), array_of(image.image)
    in_liver, in_lungs = occupancy_of(liver, grid), occupancy_of(lungs, grid)
    for structure, part in ((liver, in_liver), (lungs, in_lungs)):
        if part.total_ml <= 0:
            raise GeometryError(
                "it lies outside the image",
                where=f"structure '{structure.label}'",
                remedy="Check that both belong to this patient and frame of reference, or register them first",
            )
    if in_liver.total_ml < WHOLE_LIVER_FRACTION * liver.volume_ml:
        raise GeometryError(
            f"the image shows only {in_liver.total_ml / liver.volume_ml * 100:.0f} % of the liver",
            where=f"structure '{liver.label}'",
            remedy="A shunt needs the counts of the whole liver: use another image, or register it first",
        )
    beyond = excluding(in_lungs, occupancy_of(_grown(liver, margin_mm), grid))
    counts_beyond: float | Missing = beyond.integral(array)
    if beyond.total_ml <= 0:
        counts_beyond = Missing(f"no lung in view lies further than {margin_mm:g} mm from the liver", ("image",))
    return SpectShunt(
        margin_mm,
        in_liver.integral(array),
        excluding(in_lungs, in_liver).integral(array),
        counts_beyond,
        lungs.volume_ml,
        in_lungs.total_ml,
        beyond.total_ml,
    )


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
            spect = spect_shunt(session.image, liver, lungs, margin_mm=margin_mm)
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


def _grown(structure: Structure, margin_mm: float) -> Structure:
    """Return a structure with all voxels whose center lies no further than *margin_mm* from one of its own."""
    if margin_mm == 0 or structure.box is None:
        return structure
    own = Grid.of(structure.mask).cropped(structure.box)
    room = [int(np.ceil(margin_mm / s)) + 1 for s in own.spacing_mm]
    block = sitk.GetImageFromArray(np.pad(structure.cropped(), [(r, r) for r in reversed(room)]))
    block.SetSpacing(own.spacing_mm)
    block.SetDirection(own.direction)
    block.SetOrigin([float(v) for v in own.point_mm((-room[0], -room[1], -room[2]))])
    far = sitk.SignedMaurerDistanceMap(block, False, False, True)
    return Structure(structure.role, structure.label, sitk.Cast(far <= margin_mm, sitk.sitkUInt8))
