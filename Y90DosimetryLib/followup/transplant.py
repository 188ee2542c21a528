"""Criteria for liver transplantation on any one study, of what is viable or of the whole lesions, and since when.

Numbers and sources of the criteria stand in `staging`. Before treatment whole lesions count. After it only what is
viable does, necrosis left out: downstaging of the United Network for Organ Sharing, as in Singal et al., Hepatology
2023;78:1922, Table 4. That table takes the whole lesion where it enhances in several places: the reader enters that
length as viable. That a thrombus without enhancement no longer counts is this project's reading of the same idea; the
table itself excludes invasion of major vessels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .. import staging
from ..lesions import LesionReading, ThrombusReading
from ..missing import Missing, first_missing
from ..timepoints import calendar_months_count

FREE_OF_OTHER_TUMOR_RULE = "C0-SURG-04"
"""The rule that judges how long a patient must have been without other tumor."""

Answer = bool | Missing


class Counted(StrEnum):
    """Which length of a lesion counts."""

    VIABLE = "viable"
    WHOLE = "whole"


class Criteria(StrEnum):
    """The four sets of criteria."""

    MILAN = "Milan"
    UCSF = "UCSF"
    UP_TO_7 = "up-to-7"
    AFP_MODEL = "AFP model"

    @property
    def source(self) -> str:
        """Where the numbers are published."""
        return _SOURCES[self]


_SOURCES = {
    Criteria.MILAN: "Mazzaferro et al., N Engl J Med 1996;334:693",
    Criteria.UCSF: "Yao et al., Hepatology 2001;33:1394",
    Criteria.UP_TO_7: "Mazzaferro et al., Lancet Oncol 2009;10:35",
    Criteria.AFP_MODEL: "Duvoux et al., Gastroenterology 2012;143:986",
}

_BY_SIZE: dict[Criteria, Callable[[staging.Extent], bool]] = {
    Criteria.MILAN: staging.within_milan,
    Criteria.UCSF: staging.within_ucsf,
    Criteria.UP_TO_7: staging.within_up_to_7,
}


@dataclass(frozen=True)
class Spread:
    """What the criteria look at on one day. None is unknown, never none.

    `macrovascular_invasion` is needed where no thrombus was read; readings of thrombi speak for themselves.
    """

    on: date
    lesions: tuple[LesionReading, ...]
    thrombi: tuple[ThrombusReading, ...] = ()
    macrovascular_invasion: bool | None = None
    extrahepatic_disease: bool | None = None
    afp_ng_ml: float | None = None


@dataclass(frozen=True)
class Fulfilled:
    """Whether one set of criteria is fulfilled, and the points where it gives points."""

    criteria: Criteria
    within: Answer
    points: int | Missing | None = None


@dataclass(frozen=True)
class Lasting:
    """Since when a set of criteria is fulfilled without a break, up to the latest study."""

    criteria: Criteria
    since: date | Missing
    months_count: float | Missing
    """Calendar months from then to the latest study."""
    other_tumor: str = ""
    """A lesion that was new in that time."""


def transplant_criteria(spread: Spread, counted: Counted = Counted.VIABLE) -> tuple[Fulfilled, ...]:
    """Return each set of criteria: fulfilled, not, or what must be known.

    All of them only get worse with more or larger tumors, so what is known may be too much already.
    """
    sizes_mm, unknown = _sizes(spread.lesions, counted)
    confined = _confined(spread, counted)
    found = [Fulfilled(name, _within(test, sizes_mm, unknown, confined)) for name, test in _BY_SIZE.items()]
    return (*found, _afp_model(spread, sizes_mm, unknown, confined))


def lasting(studies: Iterable[Spread], counted: Counted = Counted.VIABLE) -> tuple[Lasting, ...]:
    """Return for each set of criteria since which study it is fulfilled on every study up to the latest.

    A study that can't be evaluated breaks the time. The source asks for six months without other tumor
    (Meerun et al. 2022, Methods, patient selection); how long is enough is judged by `FREE_OF_OTHER_TUMOR_RULE`.
    """
    ordered = sorted(studies, key=lambda s: s.on)
    if not ordered:
        gone = Missing("nothing was read", ("lesions",))
        return tuple(Lasting(name, gone, gone) for name in Criteria)
    answers = [{f.criteria: f.within for f in transplant_criteria(s, counted)} for s in ordered]
    return tuple(_lasting(name, ordered, [a[name] for a in answers]) for name in Criteria)


def _lasting(name: Criteria, ordered: list[Spread], answers: list[Answer]) -> Lasting:
    latest = answers[-1]
    if isinstance(latest, Missing):
        return Lasting(name, latest, latest)
    if not latest:
        gone = Missing(f"{name} not fulfilled on {ordered[-1].on}")
        return Lasting(name, gone, gone)
    first = len(answers) - 1
    while first > 0 and answers[first - 1] is True:
        first -= 1
    since = ordered[first].on
    new = [r.lesion for s in ordered[first:] for r in s.lesions if r.is_new and r.viable_mm != 0]
    months_count = calendar_months_count(since, ordered[-1].on)
    return Lasting(name, since, months_count, ", ".join(new))


def _sizes(lesions: Iterable[LesionReading], counted: Counted) -> tuple[list[float], Missing | None]:
    """Return the known lengths above 0, and why others are not known."""
    name = "viable_mm" if counted is Counted.VIABLE else "longest_mm"
    found = {r.lesion: getattr(r, name) for r in lesions}
    if not found:
        return [], Missing("no tumor was read", ("lesions",))
    gone = [lesion for lesion, length_mm in found.items() if length_mm is None]
    unknown = Missing(f"{counted} length of {', '.join(gone)} not measured", (name,)) if gone else None
    return [length_mm for length_mm in found.values() if length_mm], unknown


def _confined(spread: Spread, counted: Counted) -> Answer:
    """Return whether no vessel is invaded and nothing lies outside the liver."""
    invaded = _invaded(spread, counted)
    outside: Answer = Missing("disease outside the liver is not stated", ("extrahepatic_disease",))
    if spread.extrahepatic_disease is not None:
        outside = spread.extrahepatic_disease
    if invaded is True or outside is True:
        return False
    return first_missing(*(a for a in (invaded, outside) if isinstance(a, Missing))) or True


def _invaded(spread: Spread, counted: Counted) -> Answer:
    there = [r for r in spread.thrombi if r.diameter_mm != 0 and (r.grade is None or r.invasion is not None)]
    if counted is Counted.WHOLE and there:
        return True
    if any(r.enhances for r in there):
        return True
    silent = [r.thrombus for r in there if r.enhances is None]
    if silent:
        return Missing(f"not stated whether thrombus {', '.join(silent)} enhances", ("enhances",))
    if spread.thrombi:
        return False
    if spread.macrovascular_invasion is None:
        return Missing("vascular invasion is not stated", ("pvtt_grade", "hepatic_vein_thrombus_grade"))
    return spread.macrovascular_invasion


def _within(
    test: Callable[[staging.Extent], bool], sizes_mm: list[float], unknown: Missing | None, confined: Answer
) -> Answer:
    fits = not sizes_mm or test(staging.Extent(tuple(sizes_mm), False, False))
    if confined is False or not fits:
        return False
    return first_missing(*(a for a in (unknown, confined) if isinstance(a, Missing))) or True


def _afp_model(spread: Spread, sizes_mm: list[float], unknown: Missing | None, confined: Answer) -> Fulfilled:
    marker = Missing("AFP not entered", ("afp_ng_ml",)) if spread.afp_ng_ml is None else None
    least = staging.afp_model_points(max(sizes_mm, default=0.0), len(sizes_mm), spread.afp_ng_ml or 0.0)
    gone = first_missing(*(a for a in (unknown, marker) if a is not None))
    points: int | Missing = gone or least
    if confined is False or least > staging.AFP_LOW_RISK_UP_TO:
        return Fulfilled(Criteria.AFP_MODEL, False, points)
    open_answers = [a for a in (gone, confined) if isinstance(a, Missing)]
    return Fulfilled(Criteria.AFP_MODEL, first_missing(*open_answers) or True, points)
