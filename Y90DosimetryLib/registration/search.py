"""One search for the best match on one resolution, and the match at one position."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk

from ..errors import InputError
from ..progress import Progress

BINS = 32
"""Of each axis of the joint histogram."""
THREADS = 2
"""Fixed, so that speed and sums depend little on the machine: runs agree to about a millionth of a millimeter."""
SMALLEST_STEP_MM = 0.005
RELAXATION = 0.5


@dataclass(frozen=True)
class Level:
    """One resolution of the search."""

    shrink: int
    """Voxels of the images that become one, along each axis."""
    sigma_mm: float
    sampled_fraction: float
    first_step_mm: float
    most_steps: int


@dataclass(frozen=True)
class Pair:
    """Two images on one resolution, and the voxels of the fixed one that are compared."""

    fixed: sitk.Image
    moving: sitk.Image
    mask: sitk.Image
    level: Level


def pair_of(fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image, level: Level) -> Pair:
    """Return two images smoothed and with fewer voxels."""
    return Pair(
        _smaller(_smoothed(fixed, level.sigma_mm), level.shrink),
        _smaller(_smoothed(moving, level.sigma_mm), max(1, level.shrink // 2)),  # it is interpolated
        mask,
        level,
    )


def optimized(
    begin: sitk.Transform,
    pair: Pair,
    seed: int,
    doing: str,
    progress: Progress,
    first: sitk.Transform | None = None,
) -> sitk.Transform:
    """Return a copy of *begin* moved to the best match near it; *first* is applied to its result and stays.

    Raises
    ------
    InputError
        If the images lose each other on the way.
    Cancelled
        Whatever *progress* raises ends the search.
    """
    level = pair.level
    method = _method(pair.mask)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(level.sampled_fraction, seed)
    method.SetOptimizerAsRegularStepGradientDescent(
        level.first_step_mm, SMALLEST_STEP_MM, level.most_steps, RELAXATION, 1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    transform = type(begin)(begin)
    if first is not None:
        method.SetMovingInitialTransform(first)
    method.SetInitialTransform(transform, True)
    stopped: list[BaseException] = []

    def report() -> None:
        if stopped:
            return
        try:
            progress(min(1.0, method.GetOptimizerIteration() / level.most_steps), doing)
        except BaseException as stop:  # must not pass through ITK: it is raised again below
            stopped.append(stop)
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, report)
    try:
        method.Execute(pair.fixed, pair.moving)
    except RuntimeError:
        if not stopped:
            raise InputError(
                "the two images lost each other during the search",
                where="registration",
                remedy="Check that both show the liver, outline it on both, or place them by hand first",
            ) from None
    if stopped:
        raise stopped[0]
    return transform


def evaluated(transform: sitk.Transform, pair: Pair) -> float | None:
    """Return the mutual information at one position, in nats; None where the images do not meet."""
    method = _method(pair.mask)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(pair.fixed, pair.moving))
    except RuntimeError:
        return None


def _method(mask: sitk.Image) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _smoothed(image: sitk.Image, sigma_mm: float) -> sitk.Image:
    return sitk.SmoothingRecursiveGaussian(image, sigma_mm) if sigma_mm > 0 else image


def _smaller(image: sitk.Image, shrink: int) -> sitk.Image:
    """Return means of blocks of voxels: single voxels (sitk.Shrink) would lie half a voxel off their place."""
    smaller: sitk.Image = sitk.BinShrink(image, [max(1, min(shrink, n // 8)) for n in image.GetSize()])
    return smaller
