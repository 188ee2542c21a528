"""Studies of other days: from what the parameter node holds to time points of the library, and back.

A study without a day is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import FactValue
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.terminology import role_of_terminology
from Y90DosimetryLib.timepoints import TimeKind, TimePoint

from . import imagefacts
from .parameters import (
    LesionPack,
    Parameters,
    PatientPack,
    ThrombusPack,
    TimePointPack,
    factsOf,
    newTimePoint,
    nextLabel,
)
from .patients import fillPatientPack, patientOfPack, wordOf
from .readings import lostLines, readingsOf, textOf, truthOf

NO_ROLE = "none"
"""Stored for a segment that has no role, whatever its codes say."""
CT_MODALITY = "contrast_ct"


def timePointsOf(parameters: Parameters, sources) -> tuple[tuple[TimePoint, ...], tuple[str, ...]]:
    """Return the studies that have a day, and notes on what was left out.

    Raises
    ------
    InputError
        If one contradicts itself; it says which study, what, and what to do.
    """
    points, notes = [], []
    for pack in parameters.timePoints:
        if not pack.day:
            notes.append(_("Left out, as it has no day: study '{label}'").format(label=pack.label))
            continue
        point, empty = timePointOf(pack, sources)
        points.append(point)
        if empty:
            text = _("Study '{label}': left out, as nothing is drawn in them: {names}")
            notes.append(text.format(label=pack.label, names=", ".join(empty)))
        notes += lostLines(pack)
    return tuple(points), tuple(notes)


def timePointOf(pack: TimePointPack, sources) -> tuple[TimePoint, tuple[str, ...]]:
    """Return one study and the names of its empty segments; *sources* reads only what changed."""
    where = _("study '{label}'").format(label=pack.label)
    structures, empty = structuresOf(pack, sources)
    point = TimePoint(
        pack.label,
        dayOf(pack, where),
        wordOf(TimeKind, pack.kind, where) or TimeKind.FOLLOW_UP,
        structures,
        sources.ct(pack.ct) if pack.ct is not None else None,
        volumesOf(pack, where),
        patientOfPack(pack.patient, where),
        *readingsOf(pack, where),
        truthOf(pack.newLesions),
        pack.modality or (CT_MODALITY if pack.ct is not None else None),
        factsOf(pack),
    )
    return point, empty


def dayOf(pack: TimePointPack, where: str = "") -> date:
    """Return the day of a study."""
    try:
        return date.fromisoformat(pack.day)
    except ValueError:
        raise InputError(
            _("'{text}' is no day").format(text=pack.day), where=where, remedy=_("Write it like 2026-03-04")
        ) from None


# Outlines and volumes


def rolesOfPoint(pack: TimePointPack) -> dict[str, Role]:
    """Return the role of each segment of a study: as the user said, else as its codes say; by segment ID."""
    if pack.segmentation is None:
        return {}
    stated, found = dict(pack.roles), {}
    segmentation = pack.segmentation.GetSegmentation()
    for id_ in segmentation.GetSegmentIDs():
        if id_ in stated:
            if stated[id_] in list(Role):
                found[id_] = Role(stated[id_])
            continue
        codes = vtk.reference("")
        if segmentation.GetSegment(id_).GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), codes):
            role = role_of_terminology(str(codes))
            if role is not None:
                found[id_] = role
    return found


def structuresOf(pack: TimePointPack, sources) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Return the outlines of a study in the segments' order, and the names of its empty segments."""
    if pack.segmentation is None:
        return (), ()
    found = sources.structures(pack.segmentation, rolesOfPoint(pack), pack.ct)
    segmentation = pack.segmentation.GetSegmentation()
    empty = tuple(segmentation.GetSegment(id_).GetName() for id_, structure in found.items() if structure is None)
    return tuple(s for s in found.values() if s is not None), empty


def volumesOf(pack: TimePointPack, where: str) -> dict[Role, float]:
    """Return the typed volumes in mL by role."""
    found = {}
    for role, text in pack.volumesMl.items():
        try:
            found[Role(role)] = float(text)
        except ValueError:
            raise InputError(
                _("the volume of '{role}' is stored as '{text}'").format(role=role, text=text),
                where=where,
                remedy=_("Type it again"),
            ) from None
    return found


def setVolume(pack: TimePointPack, role: Role, volumeMl: float | None) -> None:
    """Type the volume of a role in mL, or make it unknown again with None."""
    if volumeMl is not None:
        pack.volumesMl[role.value] = repr(float(volumeMl))
    elif role.value in pack.volumesMl:
        del pack.volumesMl[role.value]


# Adding and suggesting


@dataclass(frozen=True)
class Suggestion:
    """A CT of the scene that could be a study of its own."""

    ct: object
    day: date


def unusedVolumes(parameters: Parameters) -> list:
    """Return the volumes of the scene that are no CT of any study."""
    used = [parameters.ct, *(pack.ct for pack in parameters.timePoints)]
    used += [session.hybridCt for session in parameters.sessions]
    taken = {node.GetID() for node in used if node is not None}
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [v for v in volumes if v.GetID() not in taken and v.GetImageData() is not None]


def suggestions(volumes: Iterable) -> tuple[Suggestion, ...]:
    """Return of some volumes the CTs with a day of acquisition, in the order of their days; headers are read."""
    found = []
    for volume in volumes:
        facts = imagefacts.factsOfImage(volume)
        if (facts.modality == "CT" or facts.values == "hu") and facts.acquiredAt:
            found.append(Suggestion(volume, date.fromisoformat(facts.acquiredAt[:10])))
    return tuple(sorted(found, key=lambda s: s.day))


def addTimePoint(parameters: Parameters, day: str = "", ct=None) -> int:
    """Add a study after the treatment; return its index."""
    taken = [pack.label for pack in parameters.timePoints]
    parameters.timePoints.append(newTimePoint(nextLabel(taken, _("Study")), day, ct=ct))
    return len(taken)


def addBaseline(parameters: Parameters, facts: Mapping[str, FactValue]) -> int:
    """Add the readings of the planning study, on its stated day; return its index."""
    day = facts.get("baseline_imaging_date")
    taken = [pack.label for pack in parameters.timePoints]
    label = _("Before treatment")
    label = label if label not in taken else nextLabel(taken, label)
    stored = day.isoformat() if isinstance(day, date) else ""
    parameters.timePoints.append(newTimePoint(label, stored, kind=TimeKind.BASELINE.value))
    return len(taken)


def fillTimePoint(point: TimePoint, **nodes: object) -> TimePointPack:
    """Return a study of the library as a pack; its images and outlines are *nodes* of the scene."""
    lesions = [
        LesionPack(
            lesion=r.lesion,
            viableMm=r.viable_mm,
            wholeMm=r.longest_mm,
            isTreated=textOf(r.is_treated),
            isNew=r.is_new,
            isTarget=textOf(r.is_target),
            progresses=textOf(r.progresses),
        )
        for r in point.lesions
    ]
    thrombi = [
        ThrombusPack(
            thrombus=r.thrombus,
            enhances=textOf(r.enhances),
            diameterMm=r.diameter_mm,
            extends=textOf(r.extends_proximally),
            isTreated=textOf(r.is_treated),
            grade=r.grade or "",
        )
        for r in point.thrombi
    ]
    pack = newTimePoint(
        point.label,
        point.on.isoformat(),
        kind=point.kind.value,
        modality=point.modality or "",
        volumesMl={role.value: repr(float(ml)) for role, ml in point.volumes_ml.items()},
        lesions=lesions,
        thrombi=thrombi,
        newLesions=textOf(point.new_lesions),
        **nodes,
    )
    fillPatientPack(pack.patient, point.patient)
    return pack


def isUnread(pack) -> bool:
    """Whether a study holds nothing yet that growth or response could be told from."""
    read = [value for name in PatientPack.__annotations__ if (value := getattr(pack.patient, name)) not in (None, "")]
    lists = (pack.volumesMl, pack.lesions, pack.thrombi, pack.facts, read)
    return pack.segmentation is None and not any(map(len, lists)) and not pack.newLesions
