"""What became of the patient: from what the parameter node holds to the library's outcome, and back.

Pathology belongs to a tumor's segment and follows its name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.outcome import Necrosis, Outcome, TumorPathology
from Y90DosimetryLib.structures import Role

from .parameters import OutcomePack, Parameters, PathologyPack, rolesOf, segmentName
from .patients import wordOf
from .readings import textOf, truthOf

DAYS = {"recurred_on": "recurredOn", "died_on": "diedOn", "last_seen_on": "lastSeenOn"}
"""The days of an outcome by the library's names, and as the pack has them."""


def outcomeOf(parameters: Parameters, empty: Collection[str] = ()) -> Outcome:
    """Return what became of the patient; *empty* are the names of segments in which nothing is drawn.

    Raises
    ------
    InputError
        If it contradicts itself, or for pathology of what is no drawn tumor.
    """
    pack = parameters.outcome
    days = {name: _dayOf(getattr(pack, member), name) for name, member in DAYS.items()}
    pathology = tuple(_pathologyOf(one, parameters, empty) for one in pack.pathology if isReported(one))
    return Outcome(pathology, truthOf(pack.recurred), died=truthOf(pack.died), **days)


def isReported(pack: PathologyPack) -> bool:
    """Whether anything is entered for a tumor."""
    return pack.necrosisFraction is not None or bool(pack.stated or pack.microvascularEmboli)


def isOutcomeStated(parameters: Parameters) -> bool:
    """Whether anything is entered, be it possible or not."""
    pack = parameters.outcome
    return bool(
        pack.recurred
        or pack.died
        or any(getattr(pack, member) for member in DAYS.values())
        or any(isReported(one) for one in pack.pathology)
    )


def tumorsOf(parameters: Parameters) -> dict[str, str]:
    """Return the names of the tumors by segment ID, and of what has pathology and is none ("" for one that is gone)."""
    tumors = [id_ for id_, role in rolesOf(parameters).items() if role is Role.TUMOR]
    lost = [one.segmentId for one in parameters.outcome.pathology if isReported(one) and one.segmentId not in tumors]
    return {id_: segmentName(parameters, id_) for id_ in [*tumors, *lost]}


def pathologyOf(parameters: Parameters, segmentId: str) -> PathologyPack | None:
    """Return what is entered for a tumor; None where nothing was yet."""
    return next((one for one in parameters.outcome.pathology if one.segmentId == segmentId), None)


def pathologyMadeFor(parameters: Parameters, segmentId: str) -> PathologyPack:
    """Return the pathology of a tumor to write into, made where there is none."""
    if pathologyOf(parameters, segmentId) is None:
        parameters.outcome.pathology.append(PathologyPack(segmentId=segmentId))
    return pathologyOf(parameters, segmentId)


def forgetPathology(parameters: Parameters, segmentId: str) -> None:
    """Take away what is entered for a tumor."""
    stored = parameters.outcome.pathology
    for index in reversed([i for i, one in enumerate(stored) if one.segmentId == segmentId]):
        del stored[index]


def fillOutcome(pack: OutcomePack, outcome: Outcome, segmentIds: Mapping[str, str]) -> None:
    """Write an outcome of the library into a pack; *segmentIds* are those of the tumors by name."""
    pack.recurred, pack.died = textOf(outcome.recurred), textOf(outcome.died)
    days = dict(outcome.days)
    for name, member in DAYS.items():
        setattr(pack, member, days[name].isoformat() if name in days else "")
    pack.pathology = [
        PathologyPack(
            segmentId=segmentIds[entry.tumor],
            necrosisFraction=entry.necrosis_fraction,
            stated=entry.stated.value if entry.stated else "",
            microvascularEmboli=textOf(entry.microvascular_emboli),
        )
        for entry in outcome.pathology
    ]


def _pathologyOf(pack: PathologyPack, parameters: Parameters, empty: Collection[str]) -> TumorPathology:
    name = segmentName(parameters, pack.segmentId)
    if not name or rolesOf(parameters).get(pack.segmentId) is not Role.TUMOR:
        gone = _("'{name}' has pathology and is no tumor any more").format(name=name)
        raise InputError(
            gone if name else _("a tumor that has pathology was deleted"),
            where=_("outcome"),
            remedy=_("Remove its pathology, or make it a tumor again") if name else _("Remove its pathology"),
        )
    where = _("outcome, tumor '{name}'").format(name=name)
    if name in empty:
        raise InputError(
            _("nothing is drawn in it"), where=where, remedy=_("Outline the tumor, or remove its pathology")
        )
    stated = wordOf(Necrosis, pack.stated, where)
    try:
        return TumorPathology(
            name, pack.necrosisFraction, stated, microvascular_emboli=truthOf(pack.microvascularEmboli)
        )
    except InputError as error:
        raise InputError(error.what, where=where, remedy=error.remedy) from None


def _dayOf(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            _("{name}: '{text}' is no day").format(name=name, text=text),
            where=_("outcome"),
            remedy=_("Write it like 2026-03-04"),
        ) from None
