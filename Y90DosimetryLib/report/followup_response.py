"""The response over time for the follow-up section: both scopes, each lesion's lengths, and two pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from html import escape
from itertools import groupby

from ..draw.courses import lesion_plot, waterfall_plot
from ..followup.response import InvasionSeen, LesionTrack, ResponseOverTime, Seen
from ..missing import Missing
from ..response import Course, Scope, TumorStudy
from .html_parts import gap, number, table

LENGTHS, CHANGES = "Viable lengths over time", "Change of viable length"
PICTURES = (LENGTHS, CHANGES)
"""Captions in their order."""


def response_pictures(response: ResponseOverTime) -> dict[str, str]:
    """Return the pictures of the response by caption; none where no lesion was measured."""
    if not response.tracks:
        return {}
    return {
        LENGTHS: lesion_plot(response.tracks, response.treated_on),
        CHANGES: waterfall_plot(response.tracks),
    }


def response_html(response: ResponseOverTime | Missing) -> str:
    """Return the tables of the response, or why there is none."""
    if isinstance(response, Missing):
        return gap(f"No response: {response.because}")
    return "".join(_parts(response))


def _parts(response: ResponseOverTime) -> Iterator[str]:
    for scope in Scope:
        course = response.course(scope)
        if isinstance(course, Missing):
            yield gap(f"{scope.words}: {course.because}")
    rows = {s.on: "" for scope in Scope for s in response.seen(scope)}
    by_day = {(scope, s.on): s for scope in Scope for s in response.seen(scope)}
    months = {s.on: s.months_count for s in by_day.values()}
    courses = {scope: c for scope in Scope if isinstance(c := response.course(scope), Course)}
    sums = {(scope, s.on): _sum(s.tumors) for scope, course in courses.items() for s in course.studies}
    lines = (
        f"<tr><td>{on.isoformat()}{_after(response, on)}</td>{number(months[on])}"
        + "".join(_cell(by_day.get((scope, on)), sums.get((scope, on), "")) for scope in Scope)
        + "</tr>"
        for on in sorted(rows)
    )
    if rows:
        yield table(["Study", "Months", *(scope.words for scope in Scope)], lines, 1, 2)
    best = [(scope, response.best(scope)) for scope in Scope]
    said = [
        f"{scope.words}: best response {b.response}, first seen {b.months_count:.1f} months after the treatment"
        for scope, b in best
        if not isinstance(b, Missing)
    ]
    yield "".join(f"<p>{escape(text)}.</p>" for text in said)
    yield "".join(f"<p>{escape(text)}.</p>" for text in _invasion(response.invasion))
    if response.tracks:
        head = ["Lesion", "before, viable mm", "latest, viable mm", "change, %"]
        yield table(head, map(_track, response.tracks), 1)


def _after(response: ResponseOverTime, on: date) -> str:
    later = response.surgery_on is not None and on > response.surgery_on
    return '<br><span class="soft small">after surgery</span>' if later else ""


def _sum(tumors: TumorStudy) -> str:
    """Return the sum of the targets and its changes, which make the response; empty where it was not measured."""
    if isinstance(tumors.sum_mm, Missing):
        return ""
    changes = ((tumors.change_fraction, "from before"), (tumors.from_nadir_fraction, "from the smallest so far"))
    said = [f"{100 * change:+.0f} % {since}" for change, since in changes if not isinstance(change, Missing)]
    return ", ".join([f"targets {tumors.sum_mm:.0f} mm", *said])


def _invasion(seen: Iterable[InvasionSeen]) -> Iterator[str]:
    """Yield the classes of vascular invasion, studies of the same class in one line."""
    for said, same in groupby(seen, _classes):
        days = [one.on.isoformat() for one in same]
        yield f"Vascular invasion, {' to '.join(dict.fromkeys((days[0], days[-1])))}: {said}"


def _classes(seen: InvasionSeen) -> str:
    grades = (seen.portal, seen.hepatic)
    known = [g.name for g in grades if not isinstance(g, Missing) and g]
    reasons = dict.fromkeys(g.because for g in grades if isinstance(g, Missing))
    return ", ".join([*known, *reasons]) or "none"


def _cell(seen: Seen | None, total: str) -> str:
    if seen is None:
        return "<td></td>"
    if isinstance(seen.response, Missing):
        return f'<td class="missing">{escape(seen.response.because)}</td>'
    notes = "".join(f'<br><span class="soft small">{escape(note)}</span>' for note in (total, *seen.notes) if note)
    return f"<td><b>{seen.response}</b> {escape(seen.response.words)}{notes}</td>"


def _track(track: LesionTrack) -> str:
    kind = "" if track.is_target else " (new)" if track.is_new else " (no target)"
    return (
        f"<tr><td>{escape(track.lesion + kind)}</td>{number(track.baseline_mm, 0)}{number(track.latest_mm, 0)}"
        f"{number(track.latest_change_fraction, 0, 100)}</tr>"
    )
