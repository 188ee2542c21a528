"""What a tumor thrombus makes of the tumors' response.

mRECIST can't measure a thrombus. Source of the rules: Meerun et al. 2022, Methods, baseline imaging and follow-up.
Complete response: tumors complete, thrombus without enhancement, growth or extension. Progression: of the tumors, or
an enhancing thrombus that grows or extends. Partial response and stable disease: the tumors', with no growth and no
extension. The source compares with nothing by name; here growth and extension are against the study before the
treatment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ..lesions import ThrombusReading
from ..missing import Missing, first_missing
from .terms import Response, exceeds, quoted

UNDEFINED_STABLE = "tumors complete, the thrombus enhances and is stable: the source defines no response, taken as PR"

Answer = bool | Missing


@dataclass(frozen=True)
class ThrombusState:
    """One thrombus on one study, compared with the study before the treatment."""

    thrombus: str
    enhances: Answer
    grows: Answer
    extends: Answer
    is_new: bool = False

    @property
    def worsens(self) -> Answer:
        """Whether it grows or extends."""
        return _either(self.grows, self.extends)

    @property
    def progresses(self) -> Answer:
        """Whether it enhances and grows or extends; a new one does both."""
        return _both(self.enhances, self.worsens)


def states(before: Sequence[ThrombusReading], now: Sequence[ThrombusReading], on: date) -> tuple[ThrombusState, ...]:
    """Return each thrombus of either study; one that was not read on *on* is unknown, never gone."""
    first: Mapping[str, ThrombusReading] = {r.thrombus: r for r in before}
    second: Mapping[str, ThrombusReading] = {r.thrombus: r for r in now}
    return tuple(_state(name, first.get(name), second.get(name), on) for name in sorted({*first, *second}))


def combined(
    tumors: Response | Missing, thrombi: Iterable[ThrombusState]
) -> tuple[Response | Missing, tuple[str, ...]]:
    """Return the response of tumors and thrombi together, with what a reader should know about it."""
    found = tuple(thrombi)
    worse = [s.thrombus for s in found if s.progresses is True]
    if tumors is Response.PD or worse:
        notes = (f"thrombus {quoted(worse)} enhances and grows, extends or is new",) if worse else ()
        return Response.PD, notes
    if isinstance(tumors, Missing):
        return tumors, ()
    if unknown := first_missing(*(s.progresses for s in found)):
        return unknown, ()
    old = [s for s in found if not s.is_new]
    bland = [s.thrombus for s in old if s.worsens is True]
    if bland:
        reason = f"thrombus {quoted(bland)} grows or extends without enhancement: the source defines no response"
        return Missing(reason), ()
    if unknown := first_missing(*(s.worsens for s in old)):
        return unknown, ()
    if tumors is not Response.CR:
        return tumors, ()
    if any(s.enhances is True for s in old):
        return Response.PR, (UNDEFINED_STABLE,)
    unknown = first_missing(*(s.enhances for s in old))
    return (unknown or Response.CR), ()


def _state(name: str, before: ThrombusReading | None, now: ThrombusReading | None, on: date) -> ThrombusState:
    if now is None:
        gone = Missing(f"thrombus '{name}' not read on {on}", ("thrombi",))
        return ThrombusState(name, gone, gone, gone)
    vanished = now.diameter_mm == 0 or (now.grade is not None and now.invasion is None)
    unsaid = Missing(f"not stated whether thrombus '{name}' enhances on {on}", ("enhances",))
    enhances: Answer = unsaid if now.enhances is None else now.enhances
    if vanished:
        return ThrombusState(name, now.enhances or False, False, False, is_new=before is None)
    if before is None:
        return ThrombusState(name, enhances, True, True, is_new=True)
    return ThrombusState(name, enhances, _grows(before, now, on), _extends(before, now, on))


def _grows(before: ThrombusReading, now: ThrombusReading, on: date) -> Answer:
    if before.diameter_mm is None or now.diameter_mm is None:
        when = "before the treatment" if before.diameter_mm is None else f"on {on}"
        return Missing(f"diameter of thrombus '{now.thrombus}' not measured {when}", ("diameter_mm",))
    return exceeds(now.diameter_mm, before.diameter_mm)


def _extends(before: ThrombusReading, now: ThrombusReading, on: date) -> Answer:
    first, second = before.invasion, now.invasion
    rises = first is not None and second is not None and type(first) is type(second) and second > first
    if rises and now.extends_proximally is False:
        reason = f"thrombus '{now.thrombus}' is said not to extend on {on}, but went from {before.grade} to {now.grade}"
        return Missing(reason, ("extends_proximally", "grade"))
    if rises or now.extends_proximally:
        return True
    if now.extends_proximally is None:
        return Missing(f"not stated whether thrombus '{now.thrombus}' extends on {on}", ("extends_proximally",))
    return False


def _either(one: Answer, other: Answer) -> Answer:
    if one is True or other is True:
        return True
    return _unknown(one, other) or False


def _both(one: Answer, other: Answer) -> Answer:
    if one is False or other is False:
        return False
    return _unknown(one, other) or True


def _unknown(*answers: Answer) -> Missing | None:
    return first_missing(*(a for a in answers if isinstance(a, Missing)))
