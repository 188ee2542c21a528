"""The response over time as a reader wants to see it: both scopes, months, each lesion's lengths, classes of invasion.

The arithmetic is that of the room `response`; this view only arranges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ..missing import Missing
from ..response import Course, Readings, Response, Scope, StudyResponse, response_of
from ..staging import HepaticVeinInvasion, PortalInvasion
from ..timepoints import calendar_months_count


@dataclass(frozen=True)
class Seen:
    """A response, the day, and how many calendar months after the treatment that is."""

    on: date
    months_count: float
    response: Response | Missing
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LesionTrack:
    """One lesion over time: the days on which it was measured, and its viable lengths in mm."""

    lesion: str
    days: tuple[date, ...]
    viable_mm: tuple[float, ...]
    baseline_mm: float | Missing
    is_target: bool
    is_new: bool = False
    """Whether it was called new on any study."""
    surgery_on: date | None = None

    @property
    def latest_mm(self) -> float:
        """The last of `followed`."""
        return self.followed[-1][1]

    @property
    def measured(self) -> tuple[tuple[date, float], ...]:
        """Each day with the viable length in mm."""
        return tuple(zip(self.days, self.viable_mm, strict=True))

    @property
    def followed(self) -> tuple[tuple[date, float], ...]:
        """What was measured up to surgery; all where the lesion was seen only after it."""
        until = self.surgery_on or date.max
        return tuple((on, mm) for on, mm in self.measured if on <= until) or self.measured

    @property
    def latest_change_fraction(self) -> float | Missing:
        """The change from before the treatment to `latest_mm`; -1 where nothing enhances any more."""
        if isinstance(self.baseline_mm, Missing):
            return self.baseline_mm
        if self.baseline_mm == 0:
            return Missing(f"'{self.lesion}' did not enhance before the treatment: no relative change")
        return self.latest_mm / self.baseline_mm - 1


@dataclass(frozen=True)
class InvasionSeen:
    """The classes of vascular invasion on one study; `Missing` where a thrombus has no class."""

    on: date
    portal: PortalInvasion | Missing
    hepatic: HepaticVeinInvasion | Missing
    portal_change: int | Missing
    """How many classes nearer to the main trunk than before the treatment; negative when it drew back."""
    hepatic_change: int | Missing


@dataclass(frozen=True)
class ResponseOverTime:
    """Both scopes and what was measured; every list in the order of time."""

    treated_on: date
    localized: Course | Missing
    overall: Course | Missing
    tracks: tuple[LesionTrack, ...]
    invasion: tuple[InvasionSeen, ...]
    surgery_on: date | None = None

    def course(self, scope: Scope) -> Course | Missing:
        """Return the course of a scope."""
        return self.localized if scope is Scope.LOCALIZED else self.overall

    def seen(self, scope: Scope) -> tuple[Seen, ...]:
        """Return the response on each study after the treatment; none where the scope can't be followed."""
        course = self.course(scope)
        return () if isinstance(course, Missing) else tuple(self._seen(s) for s in course.studies)

    def best(self, scope: Scope) -> Seen | Missing:
        """Return the best response up to surgery, and when it was first seen."""
        course = self.course(scope)
        found = course if isinstance(course, Missing) else course.best
        return found if isinstance(found, Missing) else self._seen(found)

    def progression(self, scope: Scope) -> Seen | None:
        """Return when progression was first seen; None where it was not, or the scope can't be followed."""
        course = self.course(scope)
        found = None if isinstance(course, Missing) else course.progression
        return None if found is None else self._seen(found)

    def _seen(self, study: StudyResponse) -> Seen:
        months = calendar_months_count(self.treated_on, study.on)
        return Seen(study.on, months, study.response, study.notes)


def response_over_time(
    studies: Iterable[Readings],
    treated_on: date,
    *,
    baseline: Readings | None = None,
    expects_thrombus: bool = False,
    surgery_on: date | None = None,
) -> ResponseOverTime:
    """Return the view of all readings; the arguments are those of `response.response_of`.

    Raises
    ------
    InputError
        As `response.response_of`.
    """
    ordered = sorted(studies, key=lambda s: s.on)
    localized, overall = (
        response_of(
            ordered, treated_on, scope, baseline=baseline, expects_thrombus=expects_thrombus, surgery_on=surgery_on
        )
        for scope in (Scope.LOCALIZED, Scope.OVERALL)
    )
    start_on = treated_on if isinstance(overall, Missing) else overall.baseline_on
    first = baseline or next((s for s in ordered if s.on == start_on and (s.lesions or s.thrombi)), None)
    later = [s for s in ordered if s.on > treated_on]
    shown = [first, *later] if first is not None else later
    targets = () if isinstance(overall, Missing) else overall.followed.targets
    tracks = _tracks(first, later, targets, surgery_on)
    return ResponseOverTime(treated_on, localized, overall, tracks, tuple(_invasion(first, shown)), surgery_on)


def _tracks(
    first: Readings | None, later: Sequence[Readings], targets: Sequence[str], surgery_on: date | None
) -> tuple[LesionTrack, ...]:
    shown = [first, *later] if first is not None else list(later)
    names = dict.fromkeys(r.lesion for s in shown for r in s.lesions)
    before = {r.lesion: r.viable_mm for r in first.lesions} if first is not None else {}
    tracks = (_track(name, shown, before.get(name), name in targets) for name in names)
    return tuple(replace(track, surgery_on=surgery_on) for track in tracks if track is not None)


def _track(name: str, shown: Sequence[Readings], before_mm: float | None, is_target: bool) -> LesionTrack | None:
    readings = [(s.on, r) for s in shown for r in s.lesions if r.lesion == name]
    points = [(on, r.viable_mm) for on, r in readings if r.viable_mm is not None]
    if not points:
        return None
    days, lengths_mm = zip(*points, strict=True)
    gone = Missing(f"'{name}' was not measured before the treatment", ("viable_mm",))
    baseline_mm = gone if before_mm is None else before_mm
    return LesionTrack(name, days, lengths_mm, baseline_mm, is_target, any(r.is_new for _, r in readings))


def _invasion(first: Readings | None, shown: Sequence[Readings]) -> Iterable[InvasionSeen]:
    """Yield the highest class of each vein on every study that reads a thrombus."""
    veins: dict[str, set[type]] = {}
    for study in shown:
        for reading in study.thrombi:
            veins.setdefault(reading.thrombus, set())
            if reading.invasion is not None:
                veins[reading.thrombus].add(type(reading.invasion))
    start = _classes(first, veins) if first is not None and first.thrombi else None
    unread = Missing("no thrombus was read before the treatment", ("thrombi",))
    for study in shown:
        if not study.thrombi:
            continue
        portal, hepatic = _classes(study, veins)
        before = start or (unread, unread)
        yield InvasionSeen(study.on, portal, hepatic, _steps(before[0], portal), _steps(before[1], hepatic))


def _classes(
    study: Readings, veins: dict[str, set[type]]
) -> tuple[PortalInvasion | Missing, HepaticVeinInvasion | Missing]:
    highest = {PortalInvasion: 0, HepaticVeinInvasion: 0}
    unknown: dict[type, list[str]] = {PortalInvasion: [], HepaticVeinInvasion: []}
    for reading in study.thrombi:
        if reading.grade is None:
            for vein in veins[reading.thrombus] or {PortalInvasion, HepaticVeinInvasion}:
                unknown[vein].append(reading.thrombus)
        elif reading.invasion is not None:
            vein = type(reading.invasion)
            highest[vein] = max(highest[vein], int(reading.invasion))
    portal, hepatic = (
        Missing(f"class of thrombus {', '.join(names)} not stated on {study.on}", ("grade",)) if names else None
        for names in unknown.values()
    )
    return (
        portal or PortalInvasion(highest[PortalInvasion]),
        hepatic or HepaticVeinInvasion(highest[HepaticVeinInvasion]),
    )


def _steps(
    before: PortalInvasion | HepaticVeinInvasion | Missing, now: PortalInvasion | HepaticVeinInvasion | Missing
) -> int | Missing:
    if isinstance(before, Missing):
        return before
    return now if isinstance(now, Missing) else int(now) - int(before)
