"""The lungs: the share of the activity that is shunted there, their mass, and their dose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import GeometryError, InputError
from ..images import ActivityMap, CountMap, CtImage, array_of
from ..missing import Missing
from ..occupancy import Grid, excluding, occupancy_of, physical_margins_mm
from ..physics import G_PER_KG
from ..quantities import require_fraction, require_not_negative, require_positive
from ..structures import Structure
from .mird import mean_dose_gy

AIR_HU = -1000.0  # definition of the Hounsfield scale: air -1000, water 0
WATER_DENSITY_G_ML = 1.0
LARGEST_LUNG_DENSITY_G_ML = 1.1
"""Voxels above it (bone, contrast, metal caught in the outline) count as this much."""
DEFAULT_MARGIN_MM = 20.0
"""Tool default: breathing and the blur of a SPECT carry liver counts this far into the lungs above the dome."""
WHOLE_LIVER_FRACTION = 0.999
"""Tool default: with less of it inside an image, the image cuts the liver."""
CUT_MM = 0.5
"""An outline whose outermost voxels lie no further from the edge of an image is cut by it."""
COARSE_MM = 3.0
SHUNT_UNCERTAINTY_FRACTION, SHUNT_UNCERTAINTY_RATIO = 0.02, 0.2
"""Tool default: outlines, scatter and the margin leave a measured lung shunt two points or a fifth of it uncertain."""
WHOLE_LUNGS_FRACTION = 0.99
"""Tool default: with less of them inside a CT, it cuts them, and their mass is unknown."""


def lung_dose_gy(lung_gbq: float, lung_mass_g: float, joule_per_gbq: float) -> float:
    """Return the mean lung dose in Gy: k A_infused F / m_lung; a shunt of 0 gives a true 0.

    Raises
    ------
    InputError
        If the activity is negative, or mass or k are not positive.
    """
    return mean_dose_gy(lung_gbq, lung_mass_g, joule_per_gbq)


def activity_for_lung_dose_gbq(
    dose_gy: float,
    lung_mass_g: float,
    residual_fraction: float,
    lung_shunt_fraction: float,
    joule_per_gbq: float,
) -> float:
    """Return the vial activity, in GBq at infusion, at which the lungs reach a mean dose.

    A0 = D m / [k F (1-R)]; infinity when the shunt is 0: the lungs then set no limit.

    Raises
    ------
    InputError
        Unless dose, mass and k are positive and both fractions lie in [0, 1).
    """
    require_positive(dose_gy, "lung dose", "Gy")
    require_positive(lung_mass_g, "lung mass", "g")
    require_positive(joule_per_gbq, "energy per activity", "J/GBq")
    require_fraction(residual_fraction, "residual fraction")
    require_fraction(lung_shunt_fraction, "lung shunt fraction")
    if lung_shunt_fraction == 0:
        return math.inf
    return dose_gy * (lung_mass_g / G_PER_KG) / (joule_per_gbq * lung_shunt_fraction * (1.0 - residual_fraction))


def lung_mass_from_ct_g(attenuation_hu: NDArray[np.generic], occupied_ml: NDArray[np.floating]) -> float:
    """Return the lung mass in g from CT: the sum of v (1 + HU/1000) g/mL, density held in [0, 1.1].

    Parameters
    ----------
    attenuation_hu
        Hounsfield units, any shape.
    occupied_ml
        The volume v of each voxel that lies inside the lungs, in mL, same shape.

    Raises
    ------
    InputError
        If shapes differ, values are not finite, a volume is negative, or the mass would be 0.
    """
    hu = np.asarray(attenuation_hu, dtype=np.float64)
    volume_ml = np.asarray(occupied_ml, dtype=np.float64)
    if hu.shape != volume_ml.shape:
        raise InputError(
            f"CT {hu.shape} and lung volumes {volume_ml.shape} differ in shape",
            where="lung mass",
            remedy="Bring the lungs to the grid of the CT first",
        )
    if not (np.isfinite(hu).all() and np.isfinite(volume_ml).all() and (volume_ml >= 0).all()):
        raise InputError(
            "a value is not finite, or a volume negative", where="lung mass", remedy="Export the CT and outline again"
        )
    density_g_ml = np.clip(WATER_DENSITY_G_ML * (1.0 - hu / AIR_HU), 0.0, LARGEST_LUNG_DENSITY_G_ML)
    mass_g = float(np.sum(density_g_ml * volume_ml))
    if mass_g <= 0:
        raise InputError(
            "the outline holds no tissue, only air or nothing",
            where="lung mass",
            remedy="Check the outline of the lungs and that the CT is in Hounsfield units",
        )
    return mass_g


def lung_mass_on_ct_g(lungs: Structure, ct: CtImage) -> float | Missing:
    """Return the mass of both lungs from a CT, in g; missing where nothing is outlined or the CT cuts them."""
    if lungs.is_empty:
        return Missing("the lungs are not outlined", ("lung_mass_g",))
    part = occupancy_of(lungs, Grid.of(ct.image))
    if part.total_ml < WHOLE_LUNGS_FRACTION * lungs.volume_ml:
        shown = f"{part.total_ml / lungs.volume_ml * 100:.0f} %"
        return Missing(f"the CT shows only {shown} of the lungs", ("lung_mass_g",))
    return lung_mass_from_ct_g(array_of(ct.image)[part.box.slices], part.volume_ml)


def lung_shunt_fraction(lung_counts: float, liver_counts: float) -> float:
    """Return the lung shunt fraction C_lung/(C_lung + C_liver), from a SPECT/CT or planar counts.

    Raises
    ------
    InputError
        If counts are negative or the liver holds none.
    """
    require_not_negative(lung_counts, "lung counts")
    require_positive(liver_counts, "liver counts")
    return lung_counts / (lung_counts + liver_counts)


def geometric_mean_counts(anterior_counts: float, posterior_counts: float) -> float:
    """Return the geometric mean of opposed planar views, to first order independent of the source's depth.

    Raises
    ------
    InputError
        If counts are negative.
    """
    require_not_negative(anterior_counts, "anterior counts")
    require_not_negative(posterior_counts, "posterior counts")
    return math.sqrt(anterior_counts) * math.sqrt(posterior_counts)


def planar_lung_shunt_fraction(
    lung_anterior_counts: float,
    lung_posterior_counts: float,
    liver_anterior_counts: float,
    liver_posterior_counts: float,
) -> float:
    """Return the lung shunt fraction of opposed planar views by their geometric means.

    Raises
    ------
    InputError
        If counts are negative or a view of the liver holds none.
    """
    return lung_shunt_fraction(
        geometric_mean_counts(lung_anterior_counts, lung_posterior_counts),
        geometric_mean_counts(liver_anterior_counts, liver_posterior_counts),
    )


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
    is_cut: bool = False
    """Whether the outline of the lungs ends at the edge of the CT or of the image."""

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
        """The concentration beyond the margin taken for all lungs; missing where only a part of them is seen.

        Blur moves counts over the edges of both outlines alike, so that their ratio is nearly kept: about a
        twentieth too low on the digital patient.
        """
        least = self.least_fraction
        if isinstance(least, Missing) or not self.is_lower_bound:
            return least
        cut = "the outline of the lungs ends at the edge of the CT or image"
        if self.outside_view_fraction > 1.0 - WHOLE_LUNGS_FRACTION:
            cut = f"the image shows only {100 * (1.0 - self.outside_view_fraction):.0f} % of the lungs"
        return Missing(f"{cut}: the lung shunt is at least {least * 100:.3g} %", ("lung_shunt_fraction",))

    @property
    def is_lower_bound(self) -> bool:
        """Whether a part of the lungs is not seen, so that the shunt is higher than what is counted."""
        return self.is_cut or self.outside_view_fraction > 1.0 - WHOLE_LUNGS_FRACTION

    @property
    def least_fraction(self) -> float | Missing:
        """The concentration beyond the margin taken for all lungs in view: a lower bound where some are not."""
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


def spect_shunt(
    image: CountMap | ActivityMap,
    liver: Structure,
    lungs: Structure,
    ct: CtImage | None = None,
    *,
    margin_mm: float = DEFAULT_MARGIN_MM,
) -> SpectShunt:
    """Return the lung shunt of a SPECT or PET from outlines of liver and both lungs; *ct* tells whether it cuts them.

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
        any(physical_margins_mm(lungs, i) < CUT_MM for i in (image.image, None if ct is None else ct.image) if i),
    )


def shunt_difference_ratio(one_fraction: float, other_fraction: float) -> float:
    """Return by how many times its uncertainty one lung shunt differs from another."""
    higher = max(one_fraction, other_fraction)
    uncertainty = max(SHUNT_UNCERTAINTY_FRACTION, SHUNT_UNCERTAINTY_RATIO * higher)
    return abs(one_fraction - other_fraction) / uncertainty


def _grown(structure: Structure, margin_mm: float) -> Structure:
    """Return a structure with all voxels whose center lies no further than *margin_mm* from one of its own."""
    if margin_mm == 0 or structure.box is None:
        return structure
    whole = _coarsened(structure)
    if whole.box is None:
        return structure
    own = Grid.of(whole.mask).cropped(whole.box)
    room = [int(np.ceil(margin_mm / s)) + 1 for s in own.spacing_mm]
    block = sitk.GetImageFromArray(np.pad(whole.cropped(), [(r, r) for r in reversed(room)]))
    block.SetSpacing(own.spacing_mm)
    block.SetDirection(own.direction)
    block.SetOrigin([float(v) for v in own.point_mm((-room[0], -room[1], -room[2]))])
    far = sitk.SignedMaurerDistanceMap(block, False, False, True)
    return Structure(structure.role, structure.label, sitk.Cast(far <= margin_mm, sitk.sitkUInt8))


def _coarsened(structure: Structure) -> Structure:
    """Return a structure on voxels of at least about `COARSE_MM`: a margin needs no finer ones."""
    steps = [max(1, int(COARSE_MM // s)) for s in structure.mask.GetSpacing()]
    if max(steps) == 1 or structure.box is None:
        return structure
    part = sitk.RegionOfInterest(structure.mask, structure.box.size, structure.box.index)
    return Structure(structure.role, structure.label, sitk.Shrink(part, steps))
