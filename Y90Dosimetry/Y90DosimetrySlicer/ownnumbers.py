"""The user's own numbers, as the scene keeps them and as the library takes them; no widgets.

`limits` of a scene holds a dose in Gy (as text) under a rule with the number it prints, "S2-DOSE-02:120", or under a
dose with the side it is bound on, "ntad_gy.multicompartment<=".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from functools import lru_cache

from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.planning import (
    Aim,
    Catalogue,
    Constraint,
    DoseLines,
    Override,
    OwnBound,
    PlanOptions,
    Side,
    StatedInputs,
    load_catalogue,
    site_profile,
    stated_from,
    with_site,
)
from Y90DosimetryLib.planning.dose_lines import LOWEST
from Y90DosimetryLib.planning.text import dose_title

from .parameters import Parameters

ASIDE = "off"
SIGNS = {Side.AT_MOST: "<=", Side.AT_LEAST: ">="}


@lru_cache
def catalogue() -> Catalogue:
    """Return the vials of the library's catalogue, read once."""
    return load_catalogue()


def optionsOf(parameters: Parameters) -> PlanOptions:
    """Return what the scene states of window and vials, so that panel and report show the same.

    Raises
    ------
    InputError
        If one of the numbers is impossible.
    """
    pack = parameters.prescription
    overrides, own = numbersOf(dict(parameters.limits))
    return PlanOptions(
        first=date.fromisoformat(pack.day) if pack.day else None,
        clock=time.fromisoformat(pack.clock),
        catalogue=catalogue(),
        custom_vials=pack.customVials,
        overrides=overrides,
        own=own,
        keeps_unused=True,
        aim=Aim(pack.aim),
    )


def reportOptionsOf(parameters: Parameters) -> PlanOptions:
    """Return how a report plans: as the panel does, with what is stated of the inputs' uncertainty, and every model.

    Raises
    ------
    InputError
        If one of the numbers is impossible.
    """
    return replace(optionsOf(parameters), stated=statedOf(dict(parameters.stated)), models=True)


def statedOf(stated: Mapping[str, str]) -> StatedInputs:
    """Return the stated uncertainties of a scene as the library takes them; the site's where none of its own is."""
    return with_site(stated_from({name: float(text) for name, text in stated.items()}), site_profile())


def numbersOf(limits: Mapping[str, str]) -> tuple[tuple[Override, ...], tuple[OwnBound, ...]]:
    """Return the numbers in place of the rules', and the bounds of the user's own.

    Raises
    ------
    InputError
        If one is no positive number.
    """
    found = [numberOf(name, text) for name, text in limits.items()]
    return tuple(x for x in found if isinstance(x, Override)), tuple(x for x in found if isinstance(x, OwnBound))


def numberOf(name: str, text: str) -> Override | OwnBound:
    """Return a stored number as the library takes it.

    Raises
    ------
    InputError
        If it is no positive number.
    """
    side = next((side for side, sign in SIGNS.items() if name.endswith(sign)), None)
    rule, _sep, printed = name.rpartition(":")
    try:
        if side is not None:
            return OwnBound(name.removesuffix(SIGNS[side]), side, float(text))
        return Override(rule, None if text == ASIDE else float(text), float(printed))
    except ValueError:
        raise InputError(
            _("'{text}' is no dose in Gy").format(text=text), where=name, remedy=_("Enter a number, or reset it")
        ) from None


def ownDoses(lines: DoseLines) -> tuple[tuple[str, str], ...]:
    """Return the doses that can be bound, by what they are called and by their measure; one bound is for all items."""
    names = dict.fromkeys(name for name, _about in lines.lines if name not in LOWEST)
    return tuple((dose_title(name, ""), name) for name in names)


def presentGy(lines: DoseLines, measureId: str, side: Side) -> float:
    """Return a whole number of Gy that the present activities just keep, at least 1: where a new bound starts."""
    doses = [line.dose_gy(lines.entered_gbq) for (name, _about), line in lines.lines.items() if name == measureId]
    return max(1.0, float(math.ceil(max(doses)) if side is Side.AT_MOST else math.floor(min(doses))))


def isOwn(name: str) -> bool:
    """Whether a name is that of a bound of the user's own."""
    return name.endswith(tuple(SIGNS.values()))


def nameOf(number: Override | OwnBound) -> str:
    """Return the name under which a number is stored."""
    if isinstance(number, OwnBound):
        return ownKey(number.measure_id, number.side)
    return f"{number.rule_id}:{number.printed_gy:g}"


def ownKey(measureId: str, side: Side) -> str:
    """Return the name under which a bound of the user's own is stored: one for each dose and side."""
    return f"{measureId}{SIGNS[side]}"


def keyOfConstraint(constraint: Constraint) -> str:
    """Return the name under which a constraint's number can be changed."""
    bound = constraint.bounds[0]
    if constraint.rule is None:
        return ownKey(bound.line.measure_id, bound.side)
    printed = constraint.printed_gy if constraint.printed_gy is not None else bound.limit_gy
    return f"{constraint.rule.id}:{printed:g}"


def setLimit(parameters: Parameters, name: str, limitGy: float | str | None) -> None:
    """Put a number (or `ASIDE`) under a name; None, or the rule's own number, takes it away.

    Raises
    ------
    InputError
        If it is no positive number.
    """
    printedGy = None if isOwn(name) else float(name.rpartition(":")[2])
    if limitGy is None or limitGy == printedGy:
        if name in parameters.limits:
            del parameters.limits[name]
        return
    text = ASIDE if limitGy == ASIDE else f"{limitGy:g}"
    numberOf(name, text)
    parameters.limits[name] = text
