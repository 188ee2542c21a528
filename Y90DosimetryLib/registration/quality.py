"""Technical checks of a registration: whether it can be believed, and what it does to quantitative data.

Their thresholds stand with all others in `checks.CATALOG`; `run_checks` leaves them out, because a case does not
know how its images were registered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import SimpleITK as sitk

from ..checks.catalog import CATALOG
from ..checks.check import CheckResult, Observation, Subject, judged, with_thresholds
from ..missing import Missing
from .result import Guide, Kind, Registration, directions, fingerprint

DEFAULT_THRESHOLDS: Mapping[str, float] = {}


def check_registration(
    found: Registration | None,
    *,
    about: str = "",
    fixed: sitk.Image | str | None = None,
    moving: sitk.Image | str | None = None,
    quantitative: bool = True,
    thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS,
) -> tuple[CheckResult, ...]:
    """Check one registration; None says that there is none.

    Parameters
    ----------
    about
        The session it belongs to.
    fixed, moving
        The images as they are now, or their fingerprints, to see whether the registration is stale; None leaves
        that out.
    quantitative
        Whether counts or activity are moved with it.
    """
    return judged(observed(found, Subject(about), fixed, moving, quantitative), with_thresholds(CATALOG, thresholds))


def observed(
    found: Registration | None,
    about: Subject,
    fixed: sitk.Image | str | None,
    moving: sitk.Image | str | None,
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
        if image is not None and (image if isinstance(image, str) else fingerprint(image)) != was
    ]
    if fixed is not None or moving is not None:
        says = f"the {' and the '.join(changed)} image changed"
        yield Observation("registration_stale", about, says if changed else None)
    yield Observation("registration_moved", about, found.distance_mm, directions(found.moved_mm))
    yield Observation("registration_turned", about, found.rotation_deg)
    yield Observation("registration_not_improved", about, _gain(found))
    if found.guide is Guide.CT_TO_CT:  # counts share little with a CT even where they match
        yield Observation("registration_poor", about, found.mutual_information_after_score)
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
