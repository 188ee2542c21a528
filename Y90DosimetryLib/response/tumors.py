"""Response of the tumors alone: sums of the longest viable diameters, lesions that are no target, new ones.

Source: mRECIST as cited in `terms`; what to do with unread lesions follows RECIST 1.1 (Eisenhauer et al. 2009):
a study with an unread target can't be evaluated unless the rest shows progression already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ..lesions import LesionReading
from ..missing import Missing, first_missing
from .terms import MEASURABLE_MM, TARGETS_PER_LIVER, Response, has_grown, has_shrunk, quoted, reaches


@dataclass(frozen=True)
class Followed:
    """Which lesions are summed, and which are only looked at."""

    targets: tuple[str, ...]
    others: tuple[str, ...]
    baseline_mm: float | Missing
    """The sum before the treatment."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TumorStudy:
    """The tumors on one study; fractions are changes, negative where it shrank."""

    on: date
    sum_mm: float | Missing
    change_fraction: float | Missing
    from_nadir_fraction: float | Missing
    response: Response | Missing
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Lengths:
    """What is known before a study: the smallest sum, each lesion's smallest length, and what was called new."""

    nadir_mm: float | Missing
    smallest_mm: Mapping[str, float]
    new: frozenset[str]


def choose(baseline: Sequence[LesionReading]) -> Followed:
    """Return what is followed: the reader's targets, else the two largest; equal ones by name."""
    measured = {r.lesion: r.viable_mm for r in baseline if r.viable_mm is not None}
    fit = {name for name, mm in measured.items() if reaches(mm, MEASURABLE_MM)}
    wanted = [r.lesion for r in baseline if r.is_target]
    notes = []
    if small := sorted(set(wanted) - fit):
        notes.append(f"{quoted(small)}: no target, because less than {MEASURABLE_MM:g} mm was measured viable")
    picked = sorted(fit & set(wanted), key=lambda name: (-measured[name], name))
    if len(picked) > TARGETS_PER_LIVER:
        notes.append(f"{len(picked)} targets by the reader's choice; RECIST 1.1 sums {TARGETS_PER_LIVER} of one organ")
    if not picked:
        free = fit - {r.lesion for r in baseline if r.is_target is False}
        picked = sorted(free, key=lambda name: (-measured[name], name))[:TARGETS_PER_LIVER]
    if unread := sorted({r.lesion for r in baseline} - measured.keys()):
        notes.append(f"{quoted(unread)}: no target, because nothing was measured before the treatment")
    none = Missing(f"no tumor of {MEASURABLE_MM:g} mm or more was measured before the treatment", ("viable_mm",))
    baseline_mm = math.fsum(measured[name] for name in picked) if picked else none
    others = sorted({r.lesion for r in baseline} - set(picked))
    return Followed(tuple(picked), tuple(others), baseline_mm, tuple(notes))


def follow(
    followed: Followed, baseline: Sequence[LesionReading], later: Iterable[tuple[date, Sequence[LesionReading]]]
) -> Iterator[TumorStudy]:
    """Yield the response on each later study, in the order of time that *later* has."""
    known = _Lengths(followed.baseline_mm, _smallest({}, baseline), frozenset())
    for on, lesions in later:
        known = _Lengths(
            known.nadir_mm, known.smallest_mm, known.new | {r.lesion for r in lesions if _is_new(r, followed)}
        )
        study = _study(followed, known, on, {r.lesion: r for r in lesions})
        yield study
        known = _Lengths(_lower(known.nadir_mm, study.sum_mm), _smallest(known.smallest_mm, lesions), known.new)


def _study(followed: Followed, known: _Lengths, on: date, read: Mapping[str, LesionReading]) -> TumorStudy:
    viable = {name: read[name].viable_mm for name in followed.targets if name in read}
    unread = [name for name in followed.targets if viable.get(name) is None]
    part_mm = math.fsum(mm for mm in viable.values() if mm is not None)
    sum_mm: float | Missing = followed.baseline_mm if isinstance(followed.baseline_mm, Missing) else part_mm
    if unread:
        sum_mm = Missing(f"{quoted(unread)} not measured on {on}", ("viable_mm",))
    progress = list(_progress(followed, known, part_mm, read))
    doubts = list(_doubts(followed, known, on, read))
    response: Response | Missing
    notes: list[str] = []
    if progress:
        response, notes = Response.PD, progress
    elif doubts:
        response = first_missing(*doubts) or doubts[0]
    elif unread:
        assert isinstance(sum_mm, Missing)
        response = sum_mm
    else:
        response, notes = _without_progress(followed, sum_mm, on, read)
    return TumorStudy(
        on, sum_mm, _change(sum_mm, followed.baseline_mm), _change(sum_mm, known.nadir_mm), response, tuple(notes)
    )


def _progress(followed: Followed, known: _Lengths, part_mm: float, read: Mapping[str, LesionReading]) -> Iterator[str]:
    """Yield each reason for progression that is certain, whatever was not read."""
    if not isinstance(known.nadir_mm, Missing) and has_grown(part_mm, known.nadir_mm):
        yield f"targets measure {part_mm:g} mm, {known.nadir_mm:g} mm at the smallest"
    for name, reading in read.items():
        if name in known.new and reading.viable_mm != 0:
            yield f"'{name}' is new"
        if name in followed.others and reading.progresses:
            yield f"'{name}' progresses, as the reader says"


def _doubts(followed: Followed, known: _Lengths, on: date, read: Mapping[str, LesionReading]) -> Iterator[Missing]:
    """Yield what a reader must say before anything but progression can be told."""
    before = {*followed.targets, *followed.others}
    for name, reading in read.items():
        if name not in before and name not in known.new:
            yield Missing(f"'{name}' on {on} was not read before the treatment and is not called new", ("is_new",))
        smallest_mm = known.smallest_mm.get(name)
        if name not in followed.others or reading.progresses is not None or smallest_mm is None:
            continue
        length_mm = reading.viable_mm
        if length_mm is not None and reaches(length_mm, MEASURABLE_MM) and has_grown(length_mm, smallest_mm):
            grew = f"'{name}', which is no target, grew from {smallest_mm:g} to {length_mm:g} mm"
            yield Missing(f"{grew}: say whether that is unequivocal progression", ("progresses",))


def _without_progress(
    followed: Followed, sum_mm: float | Missing, on: date, read: Mapping[str, LesionReading]
) -> tuple[Response | Missing, list[str]]:
    viable = {name: read[name].viable_mm if name in read else None for name in followed.others}
    left = [name for name, mm in viable.items() if mm]
    unread = [name for name, mm in viable.items() if mm is None]
    if isinstance(sum_mm, Missing):
        if not left and not unread and followed.others:
            return Response.CR, []
        return Missing(f"{sum_mm.because}: no change of size can be told", sum_mm.needs), []
    if sum_mm == 0:
        if left:
            return Response.PR, [f"targets no longer enhance, but {quoted(left)} does"]
        if unread:
            return Response.PR, [f"targets no longer enhance, but {quoted(unread)} was not read on {on}"]
        return Response.CR, []
    assert not isinstance(followed.baseline_mm, Missing)
    return Response.PR if has_shrunk(sum_mm, followed.baseline_mm) else Response.SD, []


def _is_new(reading: LesionReading, followed: Followed) -> bool:
    return reading.is_new and reading.lesion not in {*followed.targets, *followed.others}


def _smallest(before_mm: Mapping[str, float], lesions: Iterable[LesionReading]) -> Mapping[str, float]:
    now = {r.lesion: r.viable_mm for r in lesions if r.viable_mm is not None}
    return {**before_mm, **{name: min(mm, before_mm.get(name, mm)) for name, mm in now.items()}}


def _lower(nadir_mm: float | Missing, sum_mm: float | Missing) -> float | Missing:
    if isinstance(nadir_mm, Missing) or isinstance(sum_mm, Missing):
        return nadir_mm
    return min(nadir_mm, sum_mm)


def _change(length_mm: float | Missing, before_mm: float | Missing) -> float | Missing:
    if isinstance(length_mm, Missing):
        return length_mm
    if isinstance(before_mm, Missing):
        return before_mm
    if before_mm == 0:
        return 0.0 if length_mm == 0 else Missing("the length before was 0 mm: no relative change")
    return length_mm / before_mm - 1
