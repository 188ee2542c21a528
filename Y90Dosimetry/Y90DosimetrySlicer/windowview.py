"""How a window of activities is told and drawn: short names, sentences, and where each mark stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slicer.i18n import tr as _

from Y90DosimetryLib.planning import Bound, Constraint, Side
from Y90DosimetryLib.planning.prescription import Allowance, Window

from .prescribing import Prescription, endsGbq

ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
STEP_SIZES = (1.0, 2.0, 5.0, 10.0)
"""Ends and steps of a scale: these, times a power of ten."""
ROOM_RATIO = 1.9
"""The scale reaches so far above the window."""
EMPTY_SCALE_GBQ = 10.0
STEPS = 6
GAP_PX = 6
MOST_LETTERS = 18
"""A name on a mark is cut to so many; sentences have it whole."""


@dataclass(frozen=True)
class Mark:
    """One constraint, or several that say the same, at the activity where it turns."""

    text: str
    tip: str
    atGbq: float
    kind: str
    isBinding: bool


@dataclass(frozen=True)
class Track:
    """What is drawn behind the slider."""

    scaleGbq: float
    allowedGbq: tuple[float, float] | None
    """None where no activity is allowed."""
    marks: tuple[Mark, ...]
    beyond: tuple[Mark, ...]
    """Marks above the scale."""
    pivotGbq: float
    """Names of marks below it extend to the left, those above to the right."""


@dataclass(frozen=True)
class Place:
    """Where the name of a mark is written: the row above the slider, 0 the lowest, and the left edge in pixels."""

    row: int
    leftPx: float


def shortName(measureId: str, about: str = "") -> str:
    """Return what a mark calls a dose."""
    base = measureId.partition(".")[0].replace("_session", "").replace("_total", "")
    names = {
        "perfused_dose_gy": _("Perfused"),
        "thrombus_dose_gy": about or _("Thrombus"),
        "tumor_dose_gy": about or _("Tumor"),
        "tumor_lowest_dose_gy": _("Tumor"),
        "ntad_gy": _("Perfused normal"),
        "whole_normal_liver_dose_gy": _("Normal liver"),
        "whole_liver_dose_gy": _("Whole liver"),
        "segment_dose_gy": _("Segment"),
        "lobe_dose_gy": _("Lobe"),
        "pvtt_dose_gy": _("Thrombus"),
        "hepatic_vein_thrombus_dose_gy": _("Vein thrombus"),
        "lung_dose_gy": _("Lungs"),
    }
    return names.get(base) or base.removesuffix("_gy").replace("_", " ").capitalize()


def signOf(bound: Bound) -> str:
    """Return the sign between a dose and its limit."""
    return {
        (Side.AT_LEAST, False): "≥",
        (Side.AT_LEAST, True): ">",
        (Side.AT_MOST, False): "≤",
        (Side.AT_MOST, True): "<",
    }[bound.side, bound.is_open]


def shortText(bound: Bound) -> str:
    """Return a bound in a few characters, such as "Tumor 2 ≥ 205 Gy"; a long name of a structure is cut."""
    return boundText(bound, MOST_LETTERS)


def boundText(bound: Bound, most: int | None = None) -> str:
    """Return a bound, the name of its dose cut to *most* letters."""
    name = shortName(bound.line.measure_id, bound.line.about)
    if most is not None and len(name) > most:
        name = f"{name[: most - 1].rstrip()}…"
    return f"{name} {signOf(bound)} {bound.limit_gy:g} Gy"


def isYours(constraint: Constraint) -> bool:
    """Whether the user asks for this number, and no rule."""
    return constraint.rule is None or constraint.printed_gy is not None


def reason(constraint: Constraint) -> str:
    """Return a constraint and who asks for it, such as "Tumor 2 ≥ 205 Gy (S2-DOSE-01)"."""
    asked = _(" or ").join(boundText(bound) for bound in constraint.bounds)
    who = constraint.rule.id if constraint.rule else _("your own")
    if constraint.printed_gy is not None:
        who = _("{rule}, changed by you from {printed:g} Gy").format(rule=who, printed=constraint.printed_gy)
    return f"{asked} ({who})"


def allowedText(allowance: Allowance) -> str:
    """Return what a constraint alone allows."""
    if not allowance.is_possible:
        return _("none")
    if allowance.most_gbq < math.inf:
        return _("to {most:.2f} GBq").format(most=math.floor(allowance.most_gbq * 100) / 100)
    if allowance.least_gbq > 0:
        return _("from {least:.2f} GBq").format(least=math.ceil(allowance.least_gbq * 100) / 100)
    return _("any")


def kindName(constraint: Constraint) -> str:
    """Return what a constraint is to the planner."""
    return {"target": _("target"), "limit": _("limit"), "wish": _("wish")}[constraint.kind]


def sentence(allowance: Allowance) -> str:
    """Return a constraint in full: what it is, who asks, what for, and what it alone allows."""
    c = allowance.constraint
    title = f": {c.rule.title}" if c.rule else ""
    return _("{kind} of {rule}{title}. {text}. Alone it allows {allowed}.").format(
        kind=kindName(c).capitalize(),
        rule=c.rule.id if c.rule else _("your own"),
        title=title,
        text=c.text,
        allowed=allowedText(allowance),
    )


# The picture


def trackOf(now: Prescription) -> Track:
    """Return what is drawn behind the slider of an infusion."""
    found = now.window
    marks = _marks(found)
    finite = [gbq for gbq in (found.low_gbq, found.high_gbq) if 0 < gbq < math.inf]
    wanted = ROOM_RATIO * max(finite or [m.atGbq for m in marks] or [EMPTY_SCALE_GBQ])
    scale = niceAbove(max(wanted, now.activityGbq))
    allowed = None if found.is_empty else (found.low_gbq, min(found.high_gbq, scale))
    pivot = sum(finite) / len(finite) if finite else scale
    return Track(
        scale,
        allowed,
        tuple(m for m in marks if m.atGbq <= scale),
        tuple(m for m in marks if m.atGbq > scale),
        pivot,
    )


def niceAbove(value: float, among: Sequence[float] = ENDS) -> float:
    """Return the next round number."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in among if n * power >= value * (1 - 1e-9))


def stepsOf(scaleGbq: float) -> tuple[float, ...]:
    """Return the activities that a scale names."""
    step = niceAbove(scaleGbq / STEPS, STEP_SIZES)
    return tuple(step * n for n in range(math.floor(scaleGbq / step + 1e-9) + 1))


def _marks(found: Window) -> list[Mark]:
    """Return one mark for each dose and limit: of several tumors that of the strictest; its tip names the others."""
    binding = {id(c) for c in (*found.low_binding, *found.high_binding)}
    groups: dict[tuple, list[Allowance]] = {}
    for a in found.allowances:
        if not a.is_possible or (a.least_gbq <= 0 and a.most_gbq == math.inf):
            continue
        key = (shortName(a.by.line.measure_id), a.by.side, a.by.limit_gy, a.by.is_open, a.constraint.is_wish)
        groups.setdefault(key, []).append(a)
    marks = []
    for some in groups.values():
        some.sort(key=lambda a: (-a.least_gbq, a.most_gbq))
        first = some[0]
        at = first.least_gbq if first.most_gbq == math.inf else first.most_gbq
        tips = "\n".join(dict.fromkeys(sentence(a) for a in some))
        isBinding = any(id(a.constraint) in binding for a in some)
        text = shortText(first.by)
        if any(isYours(a.constraint) for a in some):
            text = _("{bound}, yours").format(bound=text)
        marks.append(Mark(text, tips, at, first.constraint.kind, isBinding))
    return sorted(marks, key=lambda mark: mark.atGbq)


def placesOf(marks: Sequence[Mark], widthsPx: Sequence[float], xPx: Sequence[float], pivotPx: float, roomPx: float):
    """Return where the names of marks are written: none over another, and no line through a name where that can be.

    Names stand away from the pivot, the nearest to it highest, like stairs.
    """
    left = sorted((i for i in range(len(marks)) if xPx[i] <= pivotPx), key=lambda i: xPx[i])
    right = sorted((i for i in range(len(marks)) if xPx[i] > pivotPx), key=lambda i: -xPx[i])
    placed: dict[int, Place] = {}
    for index in (*left, *right):
        wanted = xPx[index] - widthsPx[index] if xPx[index] <= pivotPx else xPx[index]
        start = min(max(0.0, wanted), max(0.0, roomPx - widthsPx[index]))
        row = 0
        while not _isFree(index, row, start, placed, widthsPx, xPx):
            row += 1
        placed[index] = Place(row, start)
    return [placed[i] for i in range(len(marks))]


def _isFree(index: int, row: int, start: float, placed: dict[int, Place], widths, xs) -> bool:
    end = start + widths[index]
    for other, place in placed.items():
        theirEnd = place.leftPx + widths[other]
        if place.row == row and start < theirEnd + GAP_PX and place.leftPx < end + GAP_PX:
            return False
        if place.row > row and start < xs[other] < end:  # the line of a higher name would run through this one
            return False
    return True


# Sentences


def spanText(found: Window) -> str:
    """Return the ends of a window that is not empty."""
    low, high = endsGbq(found)
    return _("{low} to {high} GBq").format(low=low, high=high) if high else _("{low} GBq or more").format(low=low)


def headline(now: Prescription) -> str:
    """Return in one line whether the activity lies in the window."""
    shown = f"{now.activityGbq:.2f}"
    if now.window.nothing_to_plan:
        return _("Not planned: {why}").format(why=now.window.nothing_to_plan)
    if now.window.is_empty:
        return _("No activity keeps every target and limit")
    span = spanText(now.window)
    if now.window.holds(now.activityGbq):
        return _("{now} GBq lies in the window {span}").format(now=shown, span=span)
    side = _("below") if now.activityGbq < now.window.low_gbq else _("above")
    return _("{now} GBq lies {side} the window {span}").format(now=shown, side=side, span=span)


def explanation(now: Prescription) -> list[str]:
    """Return what makes the ends of the window, or why it is empty and what would have to give."""
    found = now.window
    lines = []
    if found.conflict is not None:
        lines += _conflictLines(found)
    elif not found.is_empty:
        ends = (
            (_("Lower end"), found.low_binding, _("nothing asks for more than 0")),
            (_("Upper end"), found.high_binding, _("nothing limits the activity upward")),
        )
        lines += [f"{title}: {joined(some) or none}." for title, some, none in ends]
    lines += [
        _("No activity of this infusion alone keeps {what}.").format(what=reason(c)) for c in _unlike(found.impossible)
    ]
    if found.unfulfilled_wishes and not found.is_empty:
        lines.append(_("Out of reach: {what}.").format(what=joined(found.unfulfilled_wishes)))
    broken = [c for c in now.broken if c not in found.impossible]
    if broken and not found.is_empty:
        lines.append(_("Not kept now: {what}.").format(what=joined(broken)))
    return lines


def _conflictLines(found: Window) -> list[str]:
    conflict, most = found.conflict, max(0.0, found.high_gbq)
    needs, allows = reason(conflict.lower), reason(conflict.upper)
    return [
        _("{allows} allows {most:.2f} GBq: with it {asked} gets {dose:.1f} Gy, {gives:.1f} Gy too little.").format(
            allows=allows,
            most=most,
            asked=_askedOf(conflict.lower),
            dose=conflict.lower_reaches_gy,
            gives=conflict.lower_gives_gy,
        ),
        _("{needs} needs {least:.2f} GBq: with it {limited} gets {dose:.1f} Gy, {gives:.1f} Gy too much.").format(
            needs=needs,
            least=found.low_gbq,
            limited=_askedOf(conflict.upper),
            dose=conflict.upper_gets_gy,
            gives=conflict.upper_gives_gy,
        ),
    ]


def _askedOf(constraint: Constraint) -> str:
    names = [shortName(bound.line.measure_id, bound.line.about) for bound in constraint.bounds]
    asked = _(" or ").join(names)
    return f"'{asked}'"


def joined(constraints: Iterable[Constraint]) -> str:
    """Return several constraints as one text; the same asked by several rules is named once, with all of them."""
    rules: dict[str, list[str]] = {}
    for constraint in constraints:
        asked, _sep, who = reason(constraint).rpartition(" (")
        rules.setdefault(asked, []).append(who.rstrip(")"))
    return _(" and ").join(f"{asked} ({', '.join(dict.fromkeys(who))})" for asked, who in rules.items())


def _unlike(constraints: Iterable[Constraint]) -> list[Constraint]:
    return list({reason(c): c for c in constraints}.values())


def lineWithin(perGbq, wantedGy: float, scales) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return where the line g0 A0 + g1 A1 = D crosses the box of a picture; None where it does not."""
    g0, g1 = perGbq
    found = []
    if g1 > 0:
        found += [(a, (wantedGy - g0 * a) / g1) for a in (0.0, scales[0])]
    if g0 > 0:
        found += [((wantedGy - g1 * a) / g0, a) for a in (0.0, scales[1])]
    inside = [p for p in found if 0 <= p[0] <= scales[0] and 0 <= p[1] <= scales[1]]
    unlike = list(dict.fromkeys((round(a, 9), round(b, 9)) for a, b in inside))
    return (unlike[0], unlike[1]) if len(unlike) > 1 else None


def edgesOf(bounds: Sequence[Bound], corners: Sequence[tuple[float, float]]) -> list[Bound]:
    """Return the bounds that make an edge of a set: two of its corners lie on them."""

    def isOn(bound: Bound, corner: tuple[float, float]) -> bool:
        return math.isclose(bound.line.dose_gy(corner), bound.limit_gy, rel_tol=1e-5)

    return [bound for bound in bounds if sum(isOn(bound, corner) for corner in corners) > 1]


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def freeBox(candidates: Sequence[Box], taken: Sequence[Box]) -> Box:
    """Return the first box that touches none of those taken; the first of all where each does."""

    def touches(a: Box, b: Box) -> bool:
        return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

    return next((box for box in candidates if not any(touches(box, other) for other in taken)), candidates[0])
