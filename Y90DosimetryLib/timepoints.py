"""One patient over time: what was seen on one day beside the planning study, and the calendar between two days.

The case's own structures, CT and patient values are the planning study. It is the baseline, unless a time point of
the kind `BASELINE` is given: then that one is what growth and response are measured against, and the planning study
only carries the doses. A baseline without outlines and volumes is the planning study itself, with its day and
readings. The times of treatment are those of the sessions; they are no time points.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from .errors import InputError
from .facts import MODALITIES, TIMED_FACTS, FactValue, check_facts
from .images import CtImage
from .lesions import LesionReading, ThrombusReading, require_once
from .patient import Patient
from .quantities import require_in_calendar, require_label, require_not_negative, require_positive
from .structures import Role, Structure

MONTHS_PER_YEAR = 12


class TimeKind(StrEnum):
    """What a time point is in the course of the patient."""

    BASELINE = "baseline"
    """Before the treatment; what growth and response are measured against."""
    FOLLOW_UP = "follow_up"
    BEFORE_SURGERY = "before_surgery"
    ANY = "any"


TYPED_ROLES = (Role.LIVER, Role.FLR, Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS, Role.PERFUSED)
"""Roles whose volume may be typed where there is no outline; of several structures together."""


@dataclass(frozen=True)
class TimePoint:
    """What is known of one day: images, outlines, readings, body and laboratory values; all but the day optional.

    Raises
    ------
    InputError
        If it contradicts itself: two outlines of one role, a volume both typed and outlined, a remnant larger than
        its liver, a lesion twice, a new lesion where none is said to be there; or for a fact of another time.
    """

    label: str
    on: date
    kind: TimeKind = TimeKind.FOLLOW_UP
    structures: tuple[Structure, ...] = ()
    """As outlined on this day's images."""
    ct: CtImage | None = None
    volumes_ml: Mapping[Role, float] = field(default_factory=dict)
    """Typed, where there is no outline; tumors and thrombi, each all together."""
    patient: Patient = Patient()
    """Weight and laboratory values of this day; None is unknown, not "as before"."""
    lesions: tuple[LesionReading, ...] = ()
    thrombi: tuple[ThrombusReading, ...] = ()
    new_lesions: bool | None = None
    """Whether any lesion is new, for a reading that does not list them."""
    modality: str | None = None
    """One of `facts.MODALITIES`."""
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    """What the team stated for this day, by ids of `facts.TIMED_FACTS`."""

    def __post_init__(self) -> None:
        where = f"time point '{self.label}'"
        require_label(self.label, "time point")
        if isinstance(self.on, datetime):
            raise InputError(f"'{self.on}' has a time of day", where=where, remedy="Give the day alone")
        require_in_calendar(self.on, where)
        if self.modality is not None and self.modality not in MODALITIES:
            known = ", ".join(MODALITIES)
            raise InputError(f"the modality is '{self.modality}'", where=where, remedy=f"Choose one of {known}")
        check_structures(self.structures, f"{where}, structures")
        self._check_volumes(where)
        require_once(self.lesions, self.thrombi, where)
        new = [r.lesion for r in self.lesions if r.is_new]
        if new and self.new_lesions is False:
            raise InputError(
                f"there is no new lesion, but '{new[0]}' is new", where=where, remedy="Change one of the two"
            )
        object.__setattr__(self, "facts", _timed(self.facts, where))

    def _check_volumes(self, where: str) -> None:
        for role, volume_ml in self.volumes_ml.items():
            name = f"{where}, volume of {role.display_name}"
            if role not in TYPED_ROLES:
                known = ", ".join(TYPED_ROLES)
                raise InputError("it is not asked for", where=name, remedy=f"Give the volume of one of {known}")
            if role in (Role.LIVER, Role.FLR):
                require_positive(volume_ml, name, "mL")
            else:
                require_not_negative(volume_ml, name, "mL")
            if any(s.role is role for s in self.structures):
                raise InputError("it is typed and outlined", where=name, remedy="Remove the typed volume")
        liver_ml = self.volumes_ml.get(Role.LIVER)
        for role, volume_ml in self.volumes_ml.items():
            if liver_ml is not None and volume_ml > liver_ml:
                raise InputError(
                    f"the {volume_ml:g} mL of {role.display_name.lower()} are more than the liver's {liver_ml:g} mL",
                    where=where,
                    remedy="Check both volumes and their unit",
                )

    @property
    def has_imaging(self) -> bool:
        """Whether anything was seen on images that day: a CT, an outline, a volume, a reading, or a modality."""
        seen = (self.ct, self.modality, self.new_lesions)
        return any(s is not None for s in seen) or bool(
            self.structures or self.volumes_ml or self.lesions or self.thrombi
        )

    def of_role(self, role: Role) -> tuple[Structure, ...]:
        """Return the outlines of one role."""
        return tuple(s for s in self.structures if s.role is role)

    def one(self, role: Role) -> Structure | None:
        """Return the outline of a role that exists at most once."""
        found = self.of_role(role)
        return found[0] if found else None


def in_order(time_points: Iterable[TimePoint]) -> tuple[TimePoint, ...]:
    """Return time points in the order of their days; those of one day stay as they were.

    Raises
    ------
    InputError
        If two have one name, or more than one is the baseline.
    """
    found = tuple(sorted(time_points, key=lambda point: point.on))
    require_unique((p.label for p in found), "time points")
    baselines = [p.label for p in found if p.kind is TimeKind.BASELINE]
    if len(baselines) > 1:
        names = ", ".join(baselines)
        raise InputError(
            f"{len(baselines)} are the baseline: {names}", where="time points", remedy="Keep one; the others are any"
        )
    return found


def check_structures(structures: Iterable[Structure], where: str) -> None:
    """Raise `InputError` when two structures share a name, or a role that exists once."""
    structures = tuple(structures)
    require_unique((s.label for s in structures), where)
    for role in Role:
        found = [s.label for s in structures if s.role is role]
        if len(found) > 1 and not role.takes_several:
            raise InputError(
                f"{len(found)} structures are called {role.display_name.lower()}: {', '.join(found)}",
                where=where,
                remedy="Keep one, or give the others another role",
            )


def require_unique(labels: Iterable[str], where: str) -> None:
    """Raise `InputError` when a name occurs twice."""
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise InputError(f"two are named '{label}'", where=where, remedy="Give each its own name")
        seen.add(label)


# The calendar


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises
    ------
    InputError
        If the zone is not known on this machine.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise InputError(
            f"time zone '{name}' is not known here",
            where="settings, hospital_time_zone",
            remedy="Use an IANA name such as Europe/Paris; where the system has no zone data, install 'tzdata'",
        ) from None


def on_clock(moment: datetime, zone: tzinfo) -> datetime:
    """Return an instant with the offset from UTC that the clocks of a zone have then.

    The offset is fixed: two times that share a zone with changing clocks would be compared as its clock shows them.
    """
    here = moment.astimezone(zone)
    offset = here.utcoffset()
    assert offset is not None
    return here.replace(tzinfo=timezone(offset), fold=0)


def day_of(moment: date | datetime) -> date:
    """Return the calendar day of an instant on its own clock, which `Case` has set; a day stays as it is."""
    return moment.date() if isinstance(moment, datetime) else moment


def days_between(earlier: date | datetime, later: date | datetime) -> int:
    """Return the calendar days from one day to another; negative when the second is before the first."""
    return (day_of(later) - day_of(earlier)).days


def after_months(start: date | datetime, months_count: int) -> date:
    """Return the same day of the month so many months later, or the month's last where it has no such day."""
    first = day_of(start)
    year, month = divmod(first.year * MONTHS_PER_YEAR + first.month - 1 + months_count, MONTHS_PER_YEAR)
    return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))


def calendar_months_count(earlier: date | datetime, later: date | datetime) -> float:
    """Return the calendar months between two days: 3 exactly on the same day of the third month after.

    Whole months, and the days left as a share of the month they are in; negative when the second is before the
    first.
    """
    first, second = day_of(earlier), day_of(later)
    if second < first:
        return -calendar_months_count(second, first)
    whole = (second.year - first.year) * MONTHS_PER_YEAR + second.month - first.month
    if after_months(first, whole) > second:
        whole -= 1
    begins, ends = after_months(first, whole), after_months(first, whole + 1)
    return whole + (second - begins).days / (ends - begins).days


def _timed(facts: Mapping[str, FactValue], where: str) -> dict[str, FactValue]:
    for name in facts:
        if name not in TIMED_FACTS:
            known = ", ".join(TIMED_FACTS)
            raise InputError(f"'{name}' is no fact of one day", where=where, remedy=f"Known here: {known}")
    return check_facts(facts)
