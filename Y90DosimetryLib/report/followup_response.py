"""The response over time for the follow-up section: both scopes, each lesion's lengths, and two pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..followup.response import LesionTrack, ResponseOverTime, Seen
from ..missing import Missing
from ..response import Scope
from .html_parts import gap, number, table
from .response_plots import lesion_plot, waterfall_plot

LENGTHS, CHANGES = "Viable lengths over time", "Change of viable length"
PICTURES = (LENGTHS, CHANGES)
"""Captions in their order."""


def response_pictures(response: ResponseOverTime) -> dict[str, bytes]:
    """Return the pictures of the response by caption; none where no lesion was measured.

    Raises
    ------
    MissingToolError
        If pictures can't be drawn here.
    """
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
    lines = (
        f"<tr><td>{on.isoformat()}</td>{number(months[on])}"
        + "".join(_cell(by_day.get((scope, on))) for scope in Scope)
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
    if response.tracks:
        head = ["Lesion", "before, viable mm", "latest, viable mm", "change, %"]
        yield table(head, map(_track, response.tracks), 1)


def _cell(seen: Seen | None) -> str:
    if seen is None:
        return "<td></td>"
    if isinstance(seen.response, Missing):
        return f'<td class="missing">{escape(seen.response.because)}</td>'
    notes = "".join(f'<br><span class="soft small">{escape(note)}</span>' for note in seen.notes)
    return f"<td><b>{seen.response}</b> {escape(seen.response.words)}{notes}</td>"


def _track(track: LesionTrack) -> str:
    kind = "" if track.is_target else " (new)" if track.is_new else " (no target)"
    return (
        f"<tr><td>{escape(track.lesion + kind)}</td>{number(track.baseline_mm, 0)}{number(track.viable_mm[-1], 0)}"
        f"{number(track.latest_change_fraction, 0, 100)}</tr>"
    )
