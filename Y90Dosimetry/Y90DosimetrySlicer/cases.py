"""From the parameter node to a Case of the library, with one clear message when it is impossible."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from slicer.i18n import tr as _

from Y90DosimetryLib.case import (
    Basis,
    Case,
    CountReference,
    Disease,
    DoseModel,
    Infusion,
    Intent,
    Patient,
    Session,
    Settings,
    Vial,
)
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityDifference, CtImage
from Y90DosimetryLib.io.case_keys import IMAGE_VALUES
from Y90DosimetryLib.outcome import Outcome
from Y90DosimetryLib.structures import Role, Structure

from . import bridge, previews
from .followup import timePointsOf
from .outcomes import outcomeOf
from .parameters import Parameters, factsOf, rolesOf, segmentName
from .patients import patientOfPack, wordOf

SETTINGS = {
    "joule_per_gbq": "joulePerGbq",
    "half_life_h": "halfLifeH",
    "liver_density_g_ml": "liverDensityGMl",
    "lung_mass_g": "lungMassG",
    "lung_shunt_margin_mm": "shuntMarginMm",
    "bsa_formula": "bsaFormula",
    "telv_formula": "telvFormula",
    "dose_model": "doseModel",
    "count_reference": "countReference",
    "sphere_activity_bq": "sphereActivityBq",
}
"""Settings by the library's names, and as the pack has them."""


class Section(StrEnum):
    """A part of what the user states; a problem belongs to one of them."""

    PATIENT = "patient"
    DISEASE = "disease"
    IMAGES = "images"
    STRUCTURES = "structures"
    TREATMENT = "treatment"
    SETTINGS = "settings"
    FOLLOW_UP = "followUp"
    OUTCOME = "outcome"


class Unfinished(InputError):
    """Something is not entered yet: no mistake, but no case either."""


class Sources:
    """The scene's images and segments as the library has them; made again only when a node has changed."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[object, object]] = {}

    def ct(self, volume) -> CtImage:
        """Return a volume as CT."""
        return self._fresh(("ct", volume.GetID()), bridge.stampOf(volume), lambda: bridge.ctOf(volume))

    def uptake(self, volume, values: str, referenceTime: datetime | None):
        """Return a volume as counts or Bq/mL, and a note on what was changed."""
        stamp = (bridge.stampOf(volume), values, referenceTime)
        return self._fresh(
            ("uptake", volume.GetID(), values),
            stamp,
            lambda: bridge.uptakeOf(volume, values, referenceTime),
        )

    def structures(self, node, roles: dict[str, Role], reference=None) -> dict[str, Structure | None]:
        """Return the structure of each segment with a role; None for an empty segment."""
        segmentation = node.GetSegmentation()
        stamps = {
            id_: (bridge.segmentStamp(node, id_), segmentation.GetSegment(id_).GetName(), role)
            for id_, role in roles.items()
        }
        keys = {id_: ("segment", node.GetID(), id_) for id_ in roles}
        stale = [id_ for id_ in roles if self._kept.get(keys[id_], (None,))[0] != stamps[id_]]
        made = bridge.structuresOf(node, {id_: roles[id_] for id_ in stale}, reference)
        for id_ in stale:
            self._kept[keys[id_]] = (stamps[id_], made[id_])
        return {id_: self._kept[keys[id_]][1] for id_ in roles}

    def treatedOtherwise(self, segmentId: str, structure: Structure) -> Structure:
        """Return a tumor as one that is no target of the infusions."""
        kept = self._kept.get(("otherwise", segmentId))
        if kept is None or kept[0] is not structure:
            kept = (structure, replace(structure, treated_otherwise=True))
            self._kept["otherwise", segmentId] = kept
        return kept[1]

    def _fresh(self, key, stamp, make):
        if self._kept.get(key, (None,))[0] != stamp:
            self._kept[key] = (stamp, make())
        return self._kept[key][1]


def patientOf(parameters: Parameters) -> Patient:
    """Return the patient."""
    return patientOfPack(parameters.patient, "patient")


def diseaseOf(parameters: Parameters) -> Disease:
    """Return the disease, the chosen scenario and the intent."""
    intent = wordOf(Intent, parameters.intent, "disease, intent")
    return Disease(parameters.scenario or None, intent, factsOf(parameters))


def settingsOf(parameters: Parameters) -> Settings:
    """Return how the doses are to be computed."""
    stored = {name: getattr(parameters.settings, member) for name, member in SETTINGS.items()}
    stored["dose_model"] = wordOf(DoseModel, stored["dose_model"], "settings, dose model")
    stored["count_reference"] = wordOf(CountReference, stored["count_reference"], "settings, count reference")
    return Settings(**stored, hospital_time_zone=parameters.settings.hospitalTimeZone or None)


def fillSettings(parameters: Parameters, settings: Settings) -> None:
    """Write how the doses are to be computed into a parameter node."""
    for name, member in SETTINGS.items():
        value = getattr(settings, name)
        setattr(parameters.settings, member, value.value if isinstance(value, StrEnum) else value)
    parameters.settings.hospitalTimeZone = settings.hospital_time_zone or ""


def structuresOf(parameters: Parameters, sources: Sources) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Return the drawn structures in the segments' order, and the names of those that are still empty."""
    if parameters.segmentation is None:
        return (), ()
    found = sources.structures(parameters.segmentation, rolesOf(parameters), parameters.ct)
    for id_ in parameters.treatedOtherwise:
        if found.get(id_) is not None:
            found[id_] = sources.treatedOtherwise(id_, found[id_])
    empty = tuple(segmentName(parameters, id_) for id_, structure in found.items() if structure is None)
    return tuple(s for s in found.values() if s is not None), empty


def imageOf(pack, sources: Sources):
    """Return the image of a session and a note on what was changed; None and "" when it has no image."""
    if pack.image is None:
        return None, ""
    where = f"session '{pack.label}'"
    previews.refusePreview(pack.image, where)
    if pack.values not in IMAGE_VALUES:
        raise Unfinished(
            _("it is not said what the values of '{name}' are").format(name=pack.image.GetName()),
            where=where,
            remedy=_("Choose counts, Bq/mL, kBq/mL or MBq/mL"),
        )
    at = None
    if IMAGE_VALUES[pack.values] is not None and not pack.correctedToInfusion:
        at = momentOf(pack.referenceTime, f"{where}, reference time")
        if at is None:
            raise Unfinished(
                _("the image has no reference time"),
                where=where,
                remedy=_("Enter the time its activity holds for, or say that it is corrected to the infusion"),
            )
    return sources.uptake(pack.image, pack.values, at)


def infusionOf(pack, parameters: Parameters, where: str) -> Infusion:
    """Return one infusion; its perfused volume is the segment with that ID, under the name it has now."""
    where = f"{where}, infusion '{pack.label}'"
    name = segmentName(parameters, pack.perfusedSegmentId)
    isChosen = bool(name) and parameters.roles.get(pack.perfusedSegmentId) == Role.PERFUSED.value
    remedy = _("Choose the perfused volume it goes into")
    if pack.perfusedSegmentId and not isChosen:
        gone = _("its perfused volume is no longer there or is no perfused volume any more")
        raise InputError(gone, where=where, remedy=remedy)
    infusion = Infusion(  # made also of an unfinished one: what is impossible in it is told first
        pack.label,
        Vial(
            1.0 if pack.activityGbq is None else pack.activityGbq,
            momentOf(pack.calibratedAt, f"{where}, calibrated at"),
        ),
        name or _("not chosen"),
        momentOf(pack.givenAt, f"{where}, given at"),
        pack.residualFraction,
        None if pack.lungShuntFromImage else pack.lungShuntFraction,
        pack.lungShuntFromImage,
        pack.tumorToNormalRatio,
    )
    if not isChosen:
        raise Unfinished(_("its perfused volume is not chosen"), where=where, remedy=remedy)
    if pack.activityGbq is None:
        raise Unfinished(_("the activity is not entered"), where=where, remedy=_("Enter the vial's activity in GBq"))
    return infusion


def infusionsOf(pack, parameters: Parameters, where: str) -> tuple[Infusion, ...]:
    """Return the infusions of a session."""
    if not pack.infusions:
        raise Unfinished(_("no infusion is entered"), where=where, remedy=_("Add one, in Treatment"))
    return tuple(infusionOf(infusion, parameters, where) for infusion in pack.infusions)


def sessionOf(pack, parameters: Parameters, sources: Sources) -> tuple[Session, str]:
    """Return one session, and a note on what was changed in its image."""
    where = f"session '{pack.label}'"
    image, note = imageOf(pack, sources)
    infusions = infusionsOf(pack, parameters, where)
    basis = wordOf(Basis, pack.basis, f"{where}, basis") or Basis.PLANNED
    difference = wordOf(ActivityDifference, pack.activityDifference, f"{where}, activity difference")
    points = iter(pack.harmlessFociMm)
    foci = tuple(zip(points, points, points, strict=True))
    return Session(pack.label, infusions, image, basis, pack.delivers or None, difference, foci), note


def caseOf(parameters: Parameters, sources: Sources | None = None) -> Case:
    """Return the case of a parameter node.

    Parameters
    ----------
    sources
        Keeps images and segments between calls; without it all voxels are read anew.

    Raises
    ------
    InputError
        If something stated is impossible: what, where, and what to do. Unknown values are no error.
    """
    sources = sources or Sources()
    structures, empty = structuresOf(parameters, sources)
    _refuseEmptyPerfused(parameters, empty)
    sessions, notes = [], list(parameters.readingNotes)
    for pack in parameters.sessions:
        session, note = sessionOf(pack, parameters, sources)
        sessions.append(session)
        notes += [note] if note else []
    if empty:
        notes.append(_("Left out, as nothing is drawn in them: {names}").format(names=", ".join(empty)))
    timePoints, leftOut = timePointsOf(parameters, sources)
    return Case(
        labelOf(parameters),
        structures,
        tuple(sessions),
        sources.ct(parameters.ct) if parameters.ct is not None else None,
        patientOf(parameters),
        diseaseOf(parameters),
        settingsOf(parameters),
        (*notes, *leftOut),
        timePoints,
        outcomeOf(parameters, empty),
    )


def labelOf(parameters: Parameters) -> str:
    """Return what a case is called: as the user says, or as its parameter node."""
    return parameters.caseLabel or parameters.parameterNode.GetName()


def problemsOf(parameters: Parameters, sources: Sources) -> dict[Section, InputError]:
    """Return what is impossible, one message a section; what is fine or only unknown is absent."""

    def images() -> None:
        if parameters.ct is not None:
            sources.ct(parameters.ct)
        for pack in parameters.sessions:
            imageOf(pack, sources)

    def structures() -> None:
        Case(labelOf(parameters), structuresOf(parameters, sources)[0])

    def treatment() -> None:
        _refuseEmptyPerfused(parameters, structuresOf(parameters, sources)[1])
        sessions = []
        for pack in parameters.sessions:
            where = f"session '{pack.label}'"
            infusions = infusionsOf(pack, parameters, where)
            basis = wordOf(Basis, pack.basis, where) or Basis.PLANNED
            sessions.append(Session(pack.label, infusions, None, basis, pack.delivers or None))
        Case(labelOf(parameters), structuresOf(parameters, sources)[0], tuple(sessions))

    def followUp() -> None:
        timePoints, _notes = timePointsOf(parameters, sources)
        case = Case(labelOf(parameters), ())
        with suppress(InputError):  # said of structures and treatment
            sessions = tuple(sessionOf(pack, parameters, sources)[0] for pack in parameters.sessions)
            case = Case(labelOf(parameters), structuresOf(parameters, sources)[0], sessions)
        replace(case, time_points=timePoints)

    def outcome() -> None:
        found = _outcomeOf(parameters, sources)
        case = _caseWithoutOutcome(parameters, sources) if found.is_known else None
        if case is not None:
            replace(case, outcome=found if case.structures else replace(found, pathology=()))

    attempts = {
        Section.PATIENT: lambda: patientOf(parameters),
        Section.DISEASE: lambda: diseaseOf(parameters),
        Section.IMAGES: images,
        Section.STRUCTURES: structures,
        Section.TREATMENT: treatment,
        Section.SETTINGS: lambda: settingsOf(parameters),
        Section.FOLLOW_UP: followUp,
        Section.OUTCOME: outcome,
    }
    found = {}
    for section, attempt in attempts.items():
        try:
            attempt()
        except InputError as error:
            found[section] = error
    if Section.STRUCTURES in found and str(found.get(Section.TREATMENT)) == str(found[Section.STRUCTURES]):
        del found[Section.TREATMENT]
    return found


def possibleCase(parameters: Parameters, sources: Sources) -> Case | None:
    """Return the case without the sections and sessions that are impossible; None when nothing is left to check."""
    case = _caseWithoutOutcome(parameters, sources)
    if case is None:
        return None
    try:
        return replace(case, outcome=_outcomeOf(parameters, sources))
    except InputError:
        return case


def _outcomeOf(parameters: Parameters, sources: Sources) -> Outcome:
    empty: tuple[str, ...] = ()
    with suppress(InputError):  # said of structures
        empty = structuresOf(parameters, sources)[1]
    return outcomeOf(parameters, empty)


def _caseWithoutOutcome(parameters: Parameters, sources: Sources) -> Case | None:
    def attempt(make, otherwise):
        try:
            return make()
        except InputError:
            return otherwise

    structures, _empty = attempt(lambda: structuresOf(parameters, sources), ((), ()))
    sessions = [attempt(lambda p=pack: sessionOf(p, parameters, sources)[0], None) for pack in parameters.sessions]
    ct = attempt(lambda: sources.ct(parameters.ct), None) if parameters.ct is not None else None
    patient = attempt(lambda: patientOf(parameters), Patient())
    disease = attempt(lambda: diseaseOf(parameters), Disease())
    settings = attempt(lambda: settingsOf(parameters), Settings())
    known = tuple(s for s in sessions if s is not None)
    points, _notes = attempt(lambda: timePointsOf(parameters, sources), ((), ()))
    label = labelOf(parameters)
    for *parts, later in ((structures, known, points), (structures, known, ()), (structures, (), ()), ((), (), ())):
        case = attempt(
            lambda parts=parts, later=later: Case(label, *parts, ct, patient, disease, settings, (), later), None
        )
        if case is not None:
            return case
    return None


def momentOf(text: str, where: str) -> datetime | None:
    """Return an ISO 8601 text as a moment, None for an empty one; the library refuses one without an offset."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            _("'{text}' is no date and time").format(text=text),
            where=where,
            remedy=_("Write it like 2026-03-04T10:00:00+01:00"),
        ) from None


def _refuseEmptyPerfused(parameters: Parameters, empty: tuple[str, ...]) -> None:
    for pack in parameters.sessions:
        for infusion in pack.infusions:
            name = segmentName(parameters, infusion.perfusedSegmentId)
            if name in empty:
                raise InputError(
                    _("the perfused volume '{name}' is empty").format(name=name),
                    where=f"session '{pack.label}', infusion '{infusion.label}'",
                    remedy=_("Outline it, or choose another one"),
                )
