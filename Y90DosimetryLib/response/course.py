"""The response of one patient over time: localized or overall, with the best one and the day of progression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from ..errors import InputError
from ..lesions import LesionReading, ThrombusReading, require_once
from ..missing import Missing, first_missing
from . import thrombi as thrombus_rules
from .terms import Readings, Response, Scope, quoted
from .tumors import Followed, TumorStudy, choose, follow


@dataclass(frozen=True)
class StudyResponse:
    """The response on one study; `tumors` is what it would be without the thrombi."""

    on: date
    response: Response | Missing
    tumors: TumorStudy
    thrombi: tuple[thrombus_rules.ThrombusState, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """All studies after the treatment against the last one before it."""

    scope: Scope
    treated_on: date
    baseline_on: date
    followed: Followed
    studies: tuple[StudyResponse, ...]
    surgery_on: date | None = None

    @property
    def before_surgery(self) -> tuple[StudyResponse, ...]:
        """The studies up to the day of surgery: a tumor that was cut out has not responded."""
        return tuple(s for s in self.studies if self.surgery_on is None or s.on <= self.surgery_on)

    @property
    def present(self) -> Response | Missing:
        """The response on the latest study up to surgery; none before it stands in where that can't be evaluated."""
        if not self.before_surgery:
            until = " and before surgery" if self.studies else ""
            return Missing(f"nothing was read after the treatment{until}", ("lesions",))
        return self.before_surgery[-1].response

    @property
    def best(self) -> StudyResponse | Missing:
        """The first study with the best response between the treatment and surgery, or the latest study without it.

        Source: Meerun et al. 2022, Methods, baseline imaging and follow-up.
        """
        known = [s for s in self.before_surgery if not isinstance(s.response, Missing)]
        if not known:
            return self.present if isinstance(self.present, Missing) else Missing("no study can be evaluated")
        return min(known, key=_rank)

    @property
    def progression(self) -> StudyResponse | None:
        """The first study with progression; None where none was seen."""
        return next((s for s in self.studies if s.response is Response.PD), None)

    @property
    def nadir_mm(self) -> float | Missing:
        """The smallest sum so far, the one before the treatment included."""
        sums = [s.tumors.sum_mm for s in self.studies if not isinstance(s.tumors.sum_mm, Missing)]
        before_mm = self.followed.baseline_mm
        return before_mm if isinstance(before_mm, Missing) else min([before_mm, *sums])


def response_of(
    studies: Iterable[Readings],
    treated_on: date,
    scope: Scope,
    *,
    baseline: Readings | None = None,
    expects_thrombus: bool = False,
    surgery_on: date | None = None,
) -> Course | Missing:
    """Return the response over time, against *baseline* or else the latest study up to the day of the treatment.

    With several treatments *treated_on* is the day of the first. `expects_thrombus` says that there is a tumor
    thrombus: readings that leave it out are then missing, not free of it. Studies without any reading are skipped.
    Those after *surgery_on* tell progression, and neither the present nor the best response.
    A new lesion that a study reports without listing it can't be followed: progression then stays.

    Raises
    ------
    InputError
        If two studies have the same day, or a study reads a lesion or thrombus twice.
    """
    read = sorted((s for s in studies if s.lesions or s.thrombi or s.new_lesions), key=lambda s: s.on)
    _check(read)
    before = [s for s in read if s.on <= treated_on] if baseline is None else [baseline]
    later = [s for s in read if s.on > treated_on]
    if not before:
        return Missing("nothing was read before the treatment", ("lesions",))
    first = before[-1]
    zones = _Zones.of([*read, first], scope)
    start = zones.within(first)
    if isinstance(start, Missing):
        return start
    lesions, thrombi = start
    if not lesions:
        where = " in the treated zone" if scope is Scope.LOCALIZED else ""
        return Missing(f"no tumor was read{where} on {first.on}", ("lesions",))
    followed = choose(lesions)
    tumors = follow(followed, lesions, [(s.on, zones.sure_lesions(s)) for s in later])
    unread = Missing("there is a tumor thrombus, but none was read before the treatment", ("thrombi",))
    unlisted_on = next((s.on for s in later if s.new_lesions and not any(r.is_new for r in s.lesions)), None)
    found = []
    for study, tumor in zip(later, tumors, strict=True):
        unsure = [m for m in [zones.within(study)] if isinstance(m, Missing)]
        if expects_thrombus and not first.thrombi:
            unsure.append(unread)
        if unlisted_on is not None and unlisted_on <= study.on:
            if scope is Scope.OVERALL:
                notes = (*tumor.notes, f"a new lesion, seen on {unlisted_on}")
                tumor = replace(tumor, response=Response.PD, notes=notes)
            else:
                reason = f"a new lesion seen on {unlisted_on} is not listed: it may lie in the treated zone"
                unsure.append(Missing(reason, ("lesions",)))
        states = thrombus_rules.states(thrombi, zones.sure_thrombi(study), study.on)
        response, notes = thrombus_rules.combined(tumor.response, states)
        if response is not Response.PD and (gone := first_missing(*unsure)):
            response, notes = gone, ()
        found.append(StudyResponse(study.on, response, tumor, states, (*tumor.notes, *notes)))
    return Course(scope, treated_on, first.on, followed, tuple(found), surgery_on)


def agreed(stated: str | None, read: Response | Missing | None, name: str) -> str | Missing:
    """Return a response that is typed, read, or both; where they differ it is missing and both are named.

    *name* is the fact's id; None for *read* says that there are no readings at all.
    """
    if stated is None:
        return Missing("not stated", (name,)) if read is None else read if isinstance(read, Missing) else str(read)
    if read is None or isinstance(read, Missing) or read == stated:
        return stated
    return Missing(f"{stated} is stated, but the measured diameters give {read}: correct one", (name,))


@dataclass(frozen=True)
class _Zones:
    """Which lesions and thrombi count in a scope: True, False, or why that is not known."""

    of_lesions: Mapping[str, bool | Missing]
    of_thrombi: Mapping[str, bool | Missing]

    @classmethod
    def of(cls, studies: Iterable[Readings], scope: Scope) -> _Zones:
        """Read the zones from all studies: what one of them says holds for all."""
        lesions: dict[str, set[bool]] = {}
        thrombi: dict[str, set[bool]] = {}
        for study in studies:
            for lesion in study.lesions:
                lesions.setdefault(lesion.lesion, set()).update(_said(lesion.is_treated))
            for thrombus in study.thrombi:
                thrombi.setdefault(thrombus.thrombus, set()).update(_said(thrombus.is_treated))
        if scope is Scope.OVERALL:
            return cls(dict.fromkeys(lesions, True), dict.fromkeys(thrombi, True))
        return cls(
            {name: _zone(name, said) for name, said in lesions.items()},
            {name: _zone(name, said) for name, said in thrombi.items()},
        )

    def sure_lesions(self, study: Readings) -> tuple[LesionReading, ...]:
        """Return the readings of lesions that surely count."""
        return tuple(r for r in study.lesions if self.of_lesions[r.lesion] is True)

    def sure_thrombi(self, study: Readings) -> tuple[ThrombusReading, ...]:
        """Return the readings of thrombi that surely count."""
        return tuple(r for r in study.thrombi if self.of_thrombi[r.thrombus] is True)

    def within(self, study: Readings) -> tuple[tuple[LesionReading, ...], tuple[ThrombusReading, ...]] | Missing:
        """Return the readings that count, or which of them nobody placed."""
        zones = [self.of_lesions[r.lesion] for r in study.lesions]
        zones += [self.of_thrombi[r.thrombus] for r in study.thrombi]
        unplaced = [z for z in zones if isinstance(z, Missing)]
        if unplaced:
            return Missing("; ".join(z.because for z in unplaced), ("is_treated",))
        return self.sure_lesions(study), self.sure_thrombi(study)


def _said(answer: bool | None) -> set[bool]:
    return set() if answer is None else {answer}


def _zone(name: str, said: set[bool]) -> bool | Missing:
    if len(said) == 1:
        return next(iter(said))
    what = "not stated whether" if not said else "studies differ on whether"
    return Missing(f"{what} {quoted([name])} lies in the treated zone", ("is_treated",))


def _check(studies: list[Readings]) -> None:
    for one, other in zip(studies, studies[1:], strict=False):
        if one.on == other.on:
            raise InputError("two studies have this day", where=str(one.on), remedy="Join their readings in one")
    for study in studies:
        require_once(study.lesions, study.thrombi, str(study.on))


def _rank(study: StudyResponse) -> int:
    assert not isinstance(study.response, Missing)
    return study.response.rank
