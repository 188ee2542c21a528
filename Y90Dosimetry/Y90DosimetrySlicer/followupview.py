"""Follow-up as rows of texts: the time line, what is due, readings, remnant; no widget and no number of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from slicer.i18n import tr as _

from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.followup.remnant import Growth, Remnant, RemnantAt
from Y90DosimetryLib.followup.timeline import EventKind, State, TimeLine, Window
from Y90DosimetryLib.missing import Missing

from .followup import rolesOfPoint
from .parameters import LesionPack, Parameters, ThrombusPack, TimePointPack
from .patients import MEMBERS
from .readings import YES, lengthOf

NOTHING = "–"
BY_LINE = "↔"
BODY = ("weightKg", "heightCm", "ecog")


@dataclass(frozen=True)
class StudyRow:
    """One line of the time line; `index` is that of its study in the parameter node, None for any other event."""

    day: str
    title: str
    since: str
    content: str
    index: int | None
    isTreatment: bool = False


def studyRows(parameters: Parameters, followUp: FollowUp | None) -> tuple[StudyRow, ...]:
    """Return studies, treatments and surgery in order; studies without a day last.

    Without *followUp* (nothing is measured yet) only the studies, and no intervals.
    """
    packs = list(parameters.timePoints)
    indices = {pack.label: index for index, pack in enumerate(packs)}
    rows = []
    if followUp is None:
        dated = sorted((pack.day, index) for index, pack in enumerate(packs) if pack.day)
        rows = [StudyRow(day, packs[i].label, "", contentOf(packs[i]), i) for day, i in dated]
    else:
        since = {at.study.label: sinceText(at) for at in followUp.remnant.at}
        for event in followUp.time_line.events:
            index = indices.get(event.label) if event.kind is EventKind.STUDY else None
            content = contentOf(packs[index]) if index is not None else ""
            if event.kind is EventKind.STUDY and index is None:
                content = _("doses, outlines")
            title = _("Y-90: {label}").format(label=event.label)
            title = title if event.kind is EventKind.TREATMENT else event.label
            after = since.get(event.label, "") if event.kind is EventKind.STUDY else ""
            isTreatment = event.kind is EventKind.TREATMENT
            rows.append(StudyRow(event.on.isoformat(), title, after, content, index, isTreatment))
        if isinstance(followUp.studies.planning.on, Missing):
            label = followUp.studies.planning.label
            rows.insert(0, StudyRow(_("day?"), label, "", followUp.studies.planning.on.because, None))
    undated = [i for i, pack in enumerate(packs) if not pack.day]
    return (*rows, *(StudyRow(_("day?"), packs[i].label, "", contentOf(packs[i]), i) for i in undated))


def sinceText(at: RemnantAt) -> str:
    """Return the time since the treatment, in months and weeks; empty where it is not known."""
    if isinstance(at.months_count, Missing) or isinstance(at.weeks, Missing):
        return ""
    if at.weeks < 0:
        return _("{weeks:.1f} weeks\nbefore").format(weeks=-at.weeks)
    return _("{months:.1f} months\n{weeks:.1f} weeks").format(months=at.months_count, weeks=at.weeks)


def contentOf(pack: TimePointPack) -> str:
    """Return in few words what is there on one study."""
    parts = []
    if pack.ct is not None:
        parts.append(_("CT"))
    outlined = len(rolesOfPoint(pack))
    if outlined:
        parts.append(_("outlines: {count}").format(count=outlined))
    if dict(pack.volumesMl):
        parts.append(_("typed volumes"))
    values = [getattr(pack.patient, member) for member in MEMBERS.values() if member not in BODY]
    if any(value is not None for value in values):
        parts.append(_("labs"))
    if len(pack.lesions):
        parts.append(_("lesions: {count}").format(count=len(pack.lesions)))
    if len(pack.thrombi):
        parts.append(_("thrombi: {count}").format(count=len(pack.thrombi)))
    return ", ".join(parts) or _("nothing yet")


# What is due


@dataclass(frozen=True)
class DueRow:
    """One recommendation of the scenario; `mark` is the library's word for its color."""

    mark: str
    state: str
    title: str
    window: str
    tip: str


def dueRows(line: TimeLine) -> tuple[DueRow, ...]:
    """Return what the rules ask for; of regular visits that were kept only the latest is told."""
    kept: dict[tuple, Window] = {}
    for window in line.windows:
        again = (window.title, window.state) if window.state is State.DONE else (window.title, window.due_from)
        kept[again] = window
    return tuple(_dueRow(w) for w in sorted(kept.values(), key=lambda w: (w.due_from, w.title)))


def _dueRow(window: Window) -> DueRow:
    mark, text = {
        State.DONE: ("met", _("done")),
        State.OPEN: ("target", _("due now")),
        State.AHEAD: ("not_applicable", _("ahead")),
        State.MISSED: ("warning", _("missed")),
    }[window.state]
    until = window.due_to.isoformat() if window.due_to else _("no end named")
    tip = ", ".join(window.rule_ids)
    if window.done_by:
        tip += "\n" + _("Done: {what}").format(what=window.done_by)
    return DueRow(mark, text, window.title, f"{window.due_from.isoformat()}\n– {until}", tip)


def dueSentence(line: TimeLine) -> str:
    """Return what is due now, or next."""
    now = [w for w in line.windows if w.state is State.OPEN]
    missed = [w for w in line.windows if w.state is State.MISSED]
    parts = []
    if missed:
        parts.append(_("Missed: {what}.").format(what=", ".join(dict.fromkeys(w.title for w in missed))))
    if now:
        parts.append(_("Due now: {what}.").format(what=", ".join(w.title for w in now)))
    elif line.next:
        first = line.next[0]
        parts.append(_("Next: {what}, from {day}.").format(what=first.title, day=first.due_from.isoformat()))
    if line.as_of is not None:
        parts.append(_("As of {day}, the latest day of this case.").format(day=line.as_of.isoformat()))
    return " ".join(parts) or _("The rules of this scenario ask for nothing on certain days.")


# Readings


def lesionCell(pack: LesionPack | None) -> tuple[str, str]:
    """Return a lesion's cell and its tip."""
    if pack is None:
        return "", _("not read")
    length = lengthOf(pack, "viable")
    if isinstance(length, Missing):
        return "?", length.because
    text = NOTHING if length is None else f"{length:.0f}"
    tip = _("viable length unknown") if length is None else _("{mm:.1f} mm viable").format(mm=length)
    if pack.viableByLine:
        text, tip = f"{text} {BY_LINE}", _("{tip}, measured by a line").format(tip=tip)
    if pack.isNew:
        text, tip = _("{text} new").format(text=text), _("{tip}; new on this study").format(tip=tip)
    return text, tip


def thrombusCell(pack: ThrombusPack | None) -> tuple[str, str]:
    """Return a thrombus's cell and its tip."""
    if pack is None:
        return "", _("not read")
    enhances = {YES: _("enhances"), "": _("enhancement not stated")}.get(pack.enhances, _("no enhancement"))
    diameter = _("diameter unknown") if pack.diameterMm is None else f"{pack.diameterMm:g} mm"
    plus = {YES: "+", "": "?"}.get(pack.enhances, "−")
    return f"{pack.grade or NOTHING} {plus}", f"{pack.grade or _('class unknown')}, {enhances}, {diameter}"


# Remnant


def remnantRows(remnant: Remnant) -> list[tuple[str, ...]]:
    """Return study, remnant in mL, sFLR in percent, growth since the baseline in percent, points of sFLR a week."""
    growth = {g.later.label: g for g in remnant.from_baseline}
    rows = []
    for at in remnant.at:
        typed = "*" if at.study.volumes.typed else ""
        one = growth.get(at.study.label)
        rows.append(
            (
                at.study.label,
                _number(at.study.volumes.flr_ml, 0) + typed,
                _number(at.study.sflr_ratio, 1, 100),
                _number(one.relative_ratio, 1, 100) if one else "",
                _number(one.kinetic_per_week_ratio, 2, 100) if one else "",
            )
        )
    return rows


def remnantTips(remnant: Remnant) -> list[str]:
    """Return for each study what the row leaves out: other ratios, or why a number is missing."""
    growth = {g.later.label: g for g in remnant.from_baseline}
    return ["\n".join(_tips(at, growth.get(at.study.label))) for at in remnant.at]


def _tips(at: RemnantAt, growth: Growth | None) -> Iterator[str]:
    study = at.study
    for title, value, digits, factor, unit in (
        (_("Remnant"), study.volumes.flr_ml, 0, 1, "mL"),
        (_("Estimated liver"), study.telv_ml, 0, 1, "mL"),
        (_("sFLR"), study.sflr_ratio, 1, 100, "%"),
        (_("Of the tumor-free liver"), study.measured_ratio, 1, 100, "%"),
        (_("Degree of hypertrophy"), growth.degree_ratio if growth else None, 1, 100, _("points of sFLR")),
    ):
        if isinstance(value, Missing):
            yield f"{title}: {value.because}"
        elif value is not None:
            yield f"{title}: {factor * value:.{digits}f} {unit}"


def volumeRows(remnant: Remnant) -> list[tuple[str, ...]]:
    """Return study, liver, treated and untreated liver and tumors, in mL."""
    return [
        (
            at.study.label,
            _number(at.study.volumes.liver_ml, 0),
            _number(at.study.volumes.treated_ml, 0),
            _number(at.study.untreated_ml, 0),
            _number(at.study.volumes.tumor_ml, 0),
        )
        for at in remnant.at
    ]


def _number(value: float | Missing, digits: int, factor: float = 1.0) -> str:
    return NOTHING if isinstance(value, Missing) else f"{factor * value:.{digits}f}"


def headOf(followUp: FollowUp) -> str:
    """Return the follow-up in one line of rich text: the present remnant and response."""
    if followUp.studies.present is None:
        return ""
    present = followUp.studies.present
    parts = [f"<b>{escape(present.label)}</b>"]
    if not isinstance(present.sflr_ratio, Missing):
        parts.append(_("sFLR {percent:.0f} %").format(percent=100 * present.sflr_ratio))
    grown = [g for g in followUp.remnant.from_baseline if g.later is present]
    if grown and not isinstance(grown[0].relative_ratio, Missing):
        parts.append(_("remnant {percent:+.0f} %").format(percent=100 * grown[0].relative_ratio))
    response = followUp.response
    if response is not None and not isinstance(response, Missing):
        course = response.overall
        if not isinstance(course, Missing) and not isinstance(course.present, Missing):
            parts.append(_("overall response {response}").format(response=course.present))
    return " · ".join(parts)
