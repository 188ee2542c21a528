"""Technical checks: whether the numbers of a case can be believed, apart from whether a plan is a good one.

They warn and never stop anything by themselves; a caller withholds what a raised error falsifies. What is
impossible never gets here: it is refused where it is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..case import Case
from ..compartments import Compartments
from ..dosimetry.doses import Doses, Prepared
from ..dosimetry.maps import SessionMap
from ..missing import Missing
from . import images, inputs, results, structures, time_points
from .catalog import CATALOG
from .check import (
    CASE,
    Check,
    CheckResult,
    Comparison,
    Level,
    Outcome,
    Part,
    Room,
    Subject,
    in_order,
    judged,
    limit_of,
    with_thresholds,
)

__all__ = [
    "CASE",
    "CATALOG",
    "Check",
    "CheckResult",
    "Comparison",
    "Level",
    "Outcome",
    "Part",
    "Room",
    "Subject",
    "check_images",
    "check_inputs",
    "check_believed",
    "check_measured",
    "check_results",
    "check_stated",
    "in_order",
    "check_structures",
    "limit_of",
    "of_room",
    "raised",
    "run_checks",
]

DEFAULT_THRESHOLDS: Mapping[str, float] = {}
"""No threshold changed."""


def check_measured(case: Case, prepared: Prepared) -> tuple[CheckResult, ...]:
    """Check what no typed value changes: images, outlines, and how they lie on each other. It looks at voxels."""
    drawn = () if any(s.is_typed for s in case.structures) else structures.observed(case, prepared.compartments)
    return judged((*images.seen(case, prepared), *drawn), CATALOG)


def check_stated(case: Case, prepared: Prepared, doses: Doses) -> tuple[CheckResult, ...]:
    """Check what is typed, also against images measured before; *doses* with nothing withheld. Arithmetic only."""
    found = (*images.stated(case, prepared), *inputs.observed(case, doses), *time_points.observed(case, doses))
    return judged((*found, *results.balanced(doses)), CATALOG)


def check_believed(
    case: Case, doses: Doses, maps: Sequence[SessionMap | Missing] = (), *, catalog: Mapping[str, Check] = CATALOG
) -> tuple[CheckResult, ...]:
    """Check the doses that are shown, whose activities are balanced; see `check_results`."""
    return judged(results.observed(case, doses, maps), catalog)


def check_images(
    case: Case, prepared: Prepared | None = None, *, thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS
) -> tuple[CheckResult, ...]:
    """Check the images; without *prepared*, what compares them with the structures can't be judged."""
    return judged((*images.seen(case, prepared), *images.stated(case, prepared)), with_thresholds(CATALOG, thresholds))


def check_structures(
    case: Case, compartments: Compartments | None = None, *, thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS
) -> tuple[CheckResult, ...]:
    """Check the structures; without *compartments*, what needs the divided liver can't be judged."""
    return judged(structures.observed(case, compartments), with_thresholds(CATALOG, thresholds))


def check_inputs(
    case: Case, doses: Doses | None = None, *, thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS
) -> tuple[CheckResult, ...]:
    """Check the typed values; without *doses*, a lung shunt or lung mass from the image can't be judged."""
    observations = (*inputs.observed(case, doses), *time_points.observed(case, doses))
    return judged(observations, with_thresholds(CATALOG, thresholds))


def check_results(
    case: Case,
    doses: Doses,
    maps: Sequence[SessionMap | Missing] = (),
    *,
    thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS,
) -> tuple[CheckResult, ...]:
    """Check the doses; *maps* has one entry for each session, and without it voxel doses can't be judged."""
    found = (*results.balanced(doses), *results.observed(case, doses, maps))
    return judged(found, with_thresholds(CATALOG, thresholds))


def run_checks(
    case: Case,
    prepared: Prepared | None = None,
    doses: Doses | None = None,
    maps: Sequence[SessionMap | Missing] = (),
    *,
    thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS,
) -> tuple[CheckResult, ...]:
    """Run every check that what is known allows.

    Parameters
    ----------
    thresholds
        Other thresholds by the ids of their checks, in the unit that `CATALOG` names.

    Returns
    -------
    Raised checks first, errors before warnings before notes; then what could not be judged and why; then what
    passed. Later steps that failed (None) hide nothing of the earlier ones.

    Raises
    ------
    InputError
        If a threshold names no check that compares a number.
    """
    found = [
        *check_images(case, prepared, thresholds=thresholds),
        *check_structures(case, prepared.compartments if prepared else None, thresholds=thresholds),
        *check_inputs(case, doses, thresholds=thresholds),
    ]
    if doses is not None:
        found += check_results(case, doses, maps, thresholds=thresholds)
    return in_order(found)


def raised(found: Iterable[CheckResult], level: Level | None = None) -> tuple[CheckResult, ...]:
    """Return the raised results, all or those of one level."""
    return tuple(r for r in found if r.outcome is Outcome.RAISED and (level is None or r.check.level is level))


def of_room(found: Iterable[CheckResult], room: Room) -> tuple[CheckResult, ...]:
    """Return the results that belong to one step of the work."""
    return tuple(r for r in found if r.check.room is room)
