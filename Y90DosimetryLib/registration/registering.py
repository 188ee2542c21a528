"""Find the transform: several starts on coarse voxels, the best of them refined, then affine or bent on request.

Mattes mutual information (Mattes et al. 2003, IEEE Trans Med Imaging 22:120) of seeded samples, so that the same
images give the same transform (but for rounding).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, InputError
from ..geometry import center_mm
from ..images import ActivityMap, CountMap, CtImage, array_of
from ..missing import Missing
from ..progress import Progress, part, silent
from ..structures import Structure
from .preparing import (
    NEAR_MM,
    ROOM_MM,
    Compared,
    blurred_outline,
    everywhere,
    near,
    prepared_counts,
    prepared_ct,
    region_of,
)
from .result import Guide, Kind, Points, Registration, Start, dice_of, fingerprint, motion_of, points_of, volume_ratios
from .search import Level, Pair, evaluated, optimized, pair_of

COARSE, MIDDLE, FINE = Level(4, 4.0, 1.0, 4.0, 100), Level(2, 2.0, 0.6, 2.0, 150), Level(1, 1.0, 0.3, 1.0, 150)
COARSE_COUNTS, FINE_COUNTS = Level(4, 6.0, 1.0, 4.0, 100), Level(2, 3.0, 0.6, 2.0, 150)
STRETCHING = Level(1, 1.0, 0.2, 0.5, 80)
BENDING = Level(1, 1.0, 0.1, 1.0, 20)
CONTROL_POINTS_MM = 60.0
"""Tool default: distance of the control points of a B-spline; breathing bends a liver over such lengths."""
OUTLINE_SIGMA_MM = 4.0
"""Tool default: blur of an outline that counts are compared with, about that of a SPECT after smoothing."""
STEPS_MM = (0.0, -30.0, 30.0, -60.0, 60.0, -90.0, 90.0, -120.0, 120.0)
"""Along the body: fields of view differ most in length, so their middles do not fit."""
LEAST_OVERLAP_FRACTION = 0.5
SAME_START_MM = 5.0
SEED = 90


@dataclass(frozen=True)
class _Begun:
    start: Start
    transform: sitk.Transform
    match_score: float


def register(
    fixed: CtImage,
    moving: CtImage | CountMap | ActivityMap,
    *,
    liver: Structure | None = None,
    moving_liver: Structure | None = None,
    territory: Structure | None = None,
    kind: Kind = Kind.RIGID,
    seed: int = SEED,
    progress: Progress = silent,
) -> Registration:
    """Register an image to the planning CT around the liver.

    Parameters
    ----------
    moving
        The CT of the SPECT/CT or PET/CT wherever there is one: counts alone are far less exact.
    liver
        The liver on the fixed CT: what is compared, and what the reported motion is of. None compares everything.
    moving_liver
        The liver on the moving image; gives one more start, and the Dice coefficient.
    territory
        An outline on the fixed CT that the tracer is taken to fill evenly (the perfused volume); counts are then
        compared with it and not with the CT. It says nothing about whether the tracer did go there.
    kind
        Affine and B-spline, each after those before it, are for CT to CT.

    Raises
    ------
    InputError, GeometryError
        If an image or outline is empty, shows nothing to match, or no start lays the two on each other.
    Cancelled
        If *progress* stops the work.
    """
    guide = _guide(moving, territory, kind)
    if moving_liver is not None and moving_liver.is_empty:
        raise InputError("it is empty", where=f"structure '{moving_liver.label}'", remedy="Outline it, or leave it out")
    progress(0.0, "preparing the images")
    compared = _compared(fixed, moving, liver, territory)
    points = points_of(liver) if liver is not None else _corners_and_middle(compared.fixed)
    center = np.asarray(center_mm(liver)) if liver is not None else points.mean(axis=0)
    levels = (COARSE, MIDDLE, FINE) if guide is Guide.CT_TO_CT else (COARSE_COUNTS, FINE_COUNTS)
    share = 0.5 if kind is Kind.RIGID else 0.3 if kind is Kind.AFFINE else 0.2
    coarse = pair_of(compared.fixed, compared.moving, compared.box, levels[0])
    best = _best_start(compared, coarse, center, _liver_shift(moving_liver, center), seed, part(progress, 0.05, share))
    transform = best.transform
    for number, level in enumerate(levels[1:]):
        own = part(progress, share + (0.3 * number) / len(levels[1:]), share + 0.3 * (number + 1) / len(levels[1:]))
        transform = optimized(transform, _pair(compared, level), seed, "matching finely", own)
    if kind is not Kind.RIGID:
        own = part(progress, share + 0.3, 0.7)
        transform = optimized(_affine_from(transform), _pair(compared, STRETCHING), seed, "stretching", own)
    if kind is Kind.BSPLINE:
        transform = _bent(transform, compared, seed, part(progress, 0.7, 0.95))
    progress(0.95, "measuring the match")
    mean_ratio, lowest = volume_ratios(liver, transform) if liver is not None else _ratios(transform)
    shift_mm, rotation_deg = motion_of(transform, points)
    headers = sitk.Transform(3, sitk.sitkIdentity)
    after = _information(compared, transform)
    if isinstance(after, Missing):
        raise _nothing_shared()
    return Registration(
        kind,
        guide,
        best.start,
        transform,
        (float(shift_mm[0]), float(shift_mm[1]), float(shift_mm[2])),
        rotation_deg,
        _information(compared, headers),
        after,
        _dice(liver, moving_liver, headers),
        _dice(liver, moving_liver, transform),
        mean_ratio,
        lowest,
        fingerprint(fixed.image),
        fingerprint(moving.image),
        _notes(guide, liver),
    )


def _guide(moving: CtImage | CountMap | ActivityMap, territory: Structure | None, kind: Kind) -> Guide:
    if isinstance(moving, CtImage):
        if territory is not None:
            raise InputError(
                "an outline of the territory guides counts, and the moving image is a CT",
                where="registration",
                remedy="Leave the territory out",
            )
        return Guide.CT_TO_CT
    if kind is not Kind.RIGID:
        raise InputError(
            f"counts are too blurred for {kind.value} registration",
            where="registration",
            remedy="Choose rigid, or register the CT of the SPECT/CT or PET/CT and move the counts with it",
        )
    return Guide.COUNTS_TO_CT if territory is None else Guide.COUNTS_TO_OUTLINE


def _compared(
    fixed: CtImage, moving: CtImage | CountMap | ActivityMap, liver: Structure | None, territory: Structure | None
) -> Compared:
    image = prepared_ct(region_of(fixed, liver if liver is not None else territory))
    everything = everywhere(image)
    if isinstance(moving, CtImage):
        decides = everything if liver is None else near(image, liver, NEAR_MM)
        return Compared(image, prepared_ct(moving), everything, decides)
    if territory is not None:
        outline = blurred_outline(image, territory, OUTLINE_SIGMA_MM)
        return Compared(outline, prepared_counts(moving), everything, near(image, territory, ROOM_MM))
    return Compared(image, prepared_counts(moving), everything, everything)


def _best_start(
    compared: Compared,
    coarse: Pair,
    center: Points,
    liver_shift: Points | None,
    seed: int,
    progress: Progress,
) -> _Begun:
    """Return the start whose coarse match is best, once it was followed."""
    tried: list[Points] = []
    found: list[_Begun] = []
    starts = _starts(compared, center, liver_shift)
    for number, (start, shift) in enumerate(starts.items()):
        own = part(progress, number / len(starts), (number + 1) / len(starts))
        begin = _along_the_body(compared, coarse, center, shift)
        if begin is None or any(np.linalg.norm(begin - other) < SAME_START_MM for other in tried):
            continue
        tried.append(begin)
        moved = optimized(_rigid(center, begin), coarse, seed, f"matching from {start.value}", own)
        match = evaluated(moved, coarse)
        if match is not None and _overlap_fraction(compared, moved) >= LEAST_OVERLAP_FRACTION:
            found.append(_Begun(start, moved, match))
    if not found:
        raise _nothing_shared()
    return max(found, key=lambda begun: begun.match_score)


def _starts(compared: Compared, center: Points, liver_shift: Points | None) -> dict[Start, Points]:
    """Return by how much each start shifts points of the fixed image to the moving one."""
    starts = {
        Start.HEADERS: np.zeros(3),
        Start.GEOMETRY: _middle(compared.moving) - _middle(compared.fixed),
        Start.MOMENTS: _center_of_mass(compared.moving) - _center_of_mass(compared.fixed),
    }
    return starts if liver_shift is None else {Start.LIVERS: liver_shift, **starts}


def _along_the_body(compared: Compared, coarse: Pair, center: Points, shift: Points) -> Points | None:
    """Return the shift, or one further along the body, at which the coarse match is best; None where none overlaps."""
    best: tuple[float, Points] | None = None
    for step_mm in STEPS_MM:
        there = shift + np.array([0.0, 0.0, step_mm])
        transform = _rigid(center, there)
        if _overlap_fraction(compared, transform) < LEAST_OVERLAP_FRACTION:
            continue
        match = evaluated(transform, coarse)
        if match is not None and (best is None or match > best[0]):
            best = match, there
    return None if best is None else best[1]


def _overlap_fraction(compared: Compared, transform: sitk.Transform) -> float:
    """Return the share of a lattice of points of the fixed box that lie in the moving image."""
    box, moving = compared.fixed, compared.moving
    index = np.stack(np.meshgrid(*[np.linspace(0, n - 1, 7) for n in box.GetSize()], indexing="ij")).reshape(3, -1).T
    inside = 0
    for point in index:
        there = transform.TransformPoint(box.TransformContinuousIndexToPhysicalPoint([float(v) for v in point]))
        at = np.asarray(moving.TransformPhysicalPointToContinuousIndex(there))
        inside += bool((at >= 0).all() and (at <= np.asarray(moving.GetSize()) - 1).all())
    return inside / len(index)


def _rigid(center: Points, shift: Points) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter([float(v) for v in center])
    transform.SetTranslation([float(v) for v in shift])
    return transform


def _affine_from(rigid: sitk.Transform) -> sitk.AffineTransform:
    own = sitk.Euler3DTransform(rigid)
    affine = sitk.AffineTransform(3)
    affine.SetCenter(own.GetCenter())
    affine.SetMatrix(own.GetMatrix())
    affine.SetTranslation(own.GetTranslation())
    return affine


def _bent(affine: sitk.Transform, compared: Compared, seed: int, progress: Progress) -> sitk.Transform:
    fixed = compared.fixed
    mesh = [max(1, round(n * s / CONTROL_POINTS_MM)) for n, s in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)]
    bending = sitk.BSplineTransformInitializer(fixed, mesh, order=3)
    bent = optimized(bending, _pair(compared, BENDING), seed, "bending", progress, first=affine)
    return sitk.CompositeTransform([affine, bent])


def _pair(compared: Compared, level: Level) -> Pair:
    return pair_of(compared.fixed, compared.moving, compared.near, level)


def _information(compared: Compared, transform: sitk.Transform) -> float | Missing:
    match = None
    if _overlap_fraction(compared, transform) >= LEAST_OVERLAP_FRACTION:
        match = evaluated(transform, _pair(compared, FINE))
    return Missing("the images do not meet where their headers place them") if match is None else match


def _liver_shift(moving_liver: Structure | None, center: Points) -> Points | None:
    return None if moving_liver is None else np.asarray(center_mm(moving_liver)) - center


def _dice(liver: Structure | None, moving_liver: Structure | None, transform: sitk.Transform) -> float | Missing:
    if liver is None or moving_liver is None:
        return Missing("the liver is not outlined on both images", ("structures",))
    return dice_of(liver, moving_liver, transform)


def _ratios(transform: sitk.Transform) -> tuple[float, float]:
    """Return what `volume_ratios` does where no liver is outlined: of a linear transform."""
    ratio = 1.0
    if transform.IsLinear():
        origin = np.asarray(transform.TransformPoint((0.0, 0.0, 0.0)))
        ends = [np.asarray(transform.TransformPoint(tuple(float(v) for v in e))) - origin for e in np.eye(3)]
        ratio = float(np.linalg.det(np.stack(ends, axis=1)))
    return 1.0 / ratio, ratio


def _middle(image: sitk.Image) -> Points:
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))


def _center_of_mass(image: sitk.Image) -> Points:
    weights = array_of(image) - float(array_of(image).min())
    index = [
        float(np.average(np.arange(n), weights=weights.sum(axis=axes, dtype=np.float64)))
        for n, axes in zip(reversed(weights.shape), ((0, 1), (0, 2), (1, 2)), strict=True)
    ]
    return np.asarray(image.TransformContinuousIndexToPhysicalPoint(index))


def _corners_and_middle(image: sitk.Image) -> Points:
    ends = np.stack(np.meshgrid(*[(0.25 * n, 0.75 * n) for n in image.GetSize()], indexing="ij")).reshape(3, -1).T
    return np.array([image.TransformContinuousIndexToPhysicalPoint([float(v) for v in e]) for e in ends])


def _notes(guide: Guide, liver: Structure | None) -> tuple[str, ...]:
    notes = [] if liver is not None else ["No liver was outlined: the whole field of view was matched"]
    if guide is Guide.COUNTS_TO_CT:
        notes.append("Counts were matched to the CT directly: expect errors of several millimeters")
    if guide is Guide.COUNTS_TO_OUTLINE:
        notes.append("The outlined territory was laid on the counts: this can't show whether the tracer went there")
    return tuple(notes)


def _nothing_shared() -> GeometryError:
    return GeometryError(
        "no position was found at which the two images show the same region",
        where="registration",
        remedy="Check that both belong to this patient and show the liver, or outline it, at least on the fixed one",
    )
