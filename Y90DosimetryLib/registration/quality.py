"""Technical checks of a registration: whether it can be believed, and what it does to quantitative data.

The shape is that of all technical checks; the table can be joined to `checks.CATALOG` as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import SimpleITK as sitk

from ..checks.check import Check, CheckResult, Comparison, Level, Observation, Room, judged, with_thresholds
from ..missing import Missing
from .result import Guide, Kind, Registration, fingerprint

_FOUND, _ABOVE, _BELOW = Comparison.FOUND, Comparison.ABOVE, Comparison.BELOW
_WARNING, _NOTE, _IMAGES = Level.WARNING, Level.NOTE, Room.IMAGES

# fmt: off
_TABLE = (
    Check("registration_missing", _IMAGES, _NOTE, "Image not registered to the CT",
          _FOUND, None, "", "Right where one scanner made both; otherwise register them, or compare them by eye"),
    Check("registration_stale", _IMAGES, _WARNING, "Registration older than its image",
          _FOUND, None, "", "Register again: the transform was found on another image"),
    Check("registration_moved", _IMAGES, _WARNING, "Distance that the registration moves the liver",
          _ABOVE, 20.0, "mm", "Compare both livers by eye before the transform is accepted"),
    Check("registration_turned", _IMAGES, _WARNING, "Angle that the registration turns the liver",
          _ABOVE, 10.0, "deg", "Compare both livers by eye before the transform is accepted"),
    Check("registration_not_improved", _IMAGES, _WARNING, "Gain of mutual information by the registration",
          _BELOW, 0.0, "nats", "The images match better as they lie: leave the transform out, or begin elsewhere"),
    Check("registration_dice", _IMAGES, _WARNING, "Dice coefficient of the two liver outlines",
          _BELOW, 0.85, "", "Check both outlines and the registration"),
    Check("registration_not_rigid", _IMAGES, _WARNING, "Counts moved by a transform that is not rigid",
          _FOUND, None, "", "They are resampled: activity and volumes are no longer kept. Use the rigid transform"),
    Check("registration_volume", _IMAGES, _WARNING, "Change of the liver's volume by the registration",
          _ABOVE, 0.10, "fraction", "A liver of the same day keeps its volume: use the rigid transform"),
    Check("registration_folded", _IMAGES, _WARNING, "Lowest Jacobian in the liver",
          _BELOW, 0.2, "", "Tissue is folded or crushed: use the rigid transform"),
    Check("registration_by_counts", _IMAGES, _NOTE, "Counts registered without a CT of their own",
          _FOUND, None, "", "Compare the edges of liver and uptake by eye; prefer the CT of the SPECT/CT or PET/CT"),
)
# fmt: on

REGISTRATION_CHECKS: Mapping[str, Check] = {check.id: check for check in _TABLE}

DEFAULT_THRESHOLDS: Mapping[str, float] = {}


def check_registration(
    found: Registration | None,
    *,
    about: str = "",
    fixed: sitk.Image | None = None,
    moving: sitk.Image | None = None,
    quantitative: bool = True,
    thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS,
) -> tuple[CheckResult, ...]:
    """Check one registration; None says that there is none.

    Parameters
    ----------
    about
        The session it belongs to.
    fixed, moving
        The images as they are now, to see whether the registration is stale; None leaves that out.
    quantitative
        Whether counts or activity are moved with it.
    """
    catalog = with_thresholds(REGISTRATION_CHECKS, thresholds)
    return judged(observed(found, about, fixed, moving, quantitative), catalog)


def observed(
    found: Registration | None,
    about: str,
    fixed: sitk.Image | None,
    moving: sitk.Image | None,
    quantitative: bool,
) -> Iterator[Observation]:
    """Measure one registration."""
    yield Observation("registration_missing", about, None if found else "the images lie where their headers place them")
    if found is None:
        return
    changed = [
        name
        for name, image, was in (
            ("fixed", fixed, found.fixed_fingerprint),
            ("moving", moving, found.moving_fingerprint),
        )
        if image is not None and fingerprint(image) != was
    ]
    if fixed is not None or moving is not None:
        says = f"the {' and the '.join(changed)} image changed"
        yield Observation("registration_stale", about, says if changed else None)
    along = ", ".join(f"{v:+.1f}" for v in found.moved_mm)
    yield Observation("registration_moved", about, found.distance_mm, f"{along} mm toward left, back and head")
    yield Observation("registration_turned", about, found.rotation_deg)
    yield Observation("registration_not_improved", about, _gain(found))
    yield Observation("registration_dice", about, found.dice_after_fraction)
    bent = found.kind is not Kind.RIGID
    yield Observation("registration_not_rigid", about, f"it is {found.kind.value}" if bent and quantitative else None)
    yield Observation("registration_volume", about, abs(found.volume_ratio - 1.0))
    yield Observation("registration_folded", about, found.lowest_jacobian_ratio)
    by_counts = found.guide is not Guide.CT_TO_CT
    yield Observation("registration_by_counts", about, found.guide.value.replace("_", " ") if by_counts else None)


def _gain(found: Registration) -> float | Missing:
    before = found.mutual_information_before_score
    return before if isinstance(before, Missing) else found.mutual_information_after_score - before
