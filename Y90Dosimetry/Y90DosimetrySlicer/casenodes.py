"""A case of the library put into the scene: volumes and segments under one patient, and the parameter node filled."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Case, Infusion
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.images import ActivityMap, CountMap
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.timepoints import TimePoint

from . import bridge, outlines
from .cases import fillSettings
from .followup import fillTimePoint
from .outcomes import fillOutcome
from .parameters import Parameters, newInfusion, newSession, setFact
from .patients import fillPatientPack

BQ_ML = (None, ("Bq/ml", "UCUM", "Becquerels/milliliter"))
COUNTS = (None, ("{counts}", "UCUM", "Counts"))
HOUNSFIELD = (("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "UCUM", "Hounsfield unit"))


@dataclass(frozen=True)
class Titles:
    """What the nodes of a case are called."""

    study: str
    ct: str
    counts: str
    activity: str


def fillCase(parameters: Parameters, case: Case, titles: Titles) -> int:
    """Fill an empty parameter node with a case; return the item of its study in the subject hierarchy.

    Raises
    ------
    InputError
        If a volume is typed in: the scene holds outlines; nothing is added then.
    """
    for structure in (*case.structures, *(s for point in case.time_points for s in point.structures)):
        if structure.is_typed:
            raise InputError(
                _("its volume is typed in, and a scene holds outlines"),
                where=f"structure '{structure.label}'",
                remedy=_("Outline it, or compute this case with y90 assess"),
            )
    study = newStudy(case.label, titles.study)
    if case.ct is not None:
        parameters.ct = addVolume(case.ct.image, titles.ct, HOUNSFIELD, study)
    if case.structures:
        outlines.segmentationOf(parameters)
    ids = {}
    for structure in case.structures:
        ids[structure.label] = outlines.addSegment(parameters, structure.role, structure.label)
        bridge.writeMask(parameters.segmentation, ids[structure.label], structure.mask)
    parameters.treatedOtherwise = [ids[s.label] for s in case.structures if s.treated_otherwise]
    _fillPatient(parameters, case)
    for session in case.sessions:
        infusions = [_infusionPack(infusion, ids) for infusion in session.infusions]
        name = titles.activity if isinstance(session.image, ActivityMap) else titles.counts
        addSession(parameters, session.label, session.basis.value, session.image, name, infusions, study)
        pack = parameters.sessions[len(parameters.sessions) - 1]
        pack.delivers, pack.activityDifference = session.delivers or "", session.activity_difference or ""
        pack.harmlessFociMm = [mm for point in session.harmless_foci_mm for mm in point]
    for point in case.time_points:
        addTimePoint(parameters, point, titles, study)
    fillOutcome(parameters.outcome, case.outcome, ids)
    parameters.readingNotes = list(case.notes)
    return study


def addTimePoint(parameters: Parameters, point: TimePoint, titles: Titles, study: int) -> None:
    """Add a study of another day to a parameter node, and its images and outlines to the scene."""
    ct = node = None
    if point.ct is not None:
        ct = addVolume(point.ct.image, f"{titles.ct}, {point.label}", HOUNSFIELD, study)
    roles: dict[str, Role] = {}
    if point.structures:
        node = outlines.newSegmentation(_("Structures, {study}").format(study=point.label), ct)
        outlines.placeUnder(node, study)
        for structure in point.structures:
            segmentId = outlines.newSegment(node, structure.role, structure.label, list(roles.values()))
            roles[segmentId] = structure.role
            bridge.writeMask(node, segmentId, structure.mask)
    stored = {segmentId: role.value for segmentId, role in roles.items()}
    parameters.timePoints.append(fillTimePoint(point, ct=ct, segmentation=node, roles=stored))
    for name, value in point.facts.items():
        setFact(parameters.timePoints[len(parameters.timePoints) - 1], name, value)


def newStudy(subjectTitle: str, studyTitle: str) -> int:
    """Add a subject with a study to the subject hierarchy; return the item of the study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), subjectTitle)
    return hierarchy.CreateStudyItem(subject, studyTitle)


def addVolume(image, name: str, meaning, study: int) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume with an image, what its values mean (None where that is not known), and its place in a study."""
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    bridge.writeImage(image, volume)
    if meaning is not None:
        bridge.setUnits(volume, *meaning)
    volume.CreateDefaultDisplayNodes()
    outlines.placeUnder(volume, study)
    return volume


def addSession(
    parameters: Parameters,
    label: str,
    basis: str,
    image: CountMap | ActivityMap | None,
    name: str,
    infusions: list,
    study: int,
) -> None:
    """Add a session to a parameter node, and its image under a name to the scene."""
    volume, absolute = None, isinstance(image, ActivityMap)
    if image is not None:
        volume = addVolume(image.image, name, BQ_ML if absolute else COUNTS, study)
    parameters.sessions.append(
        newSession(
            label,
            infusions,
            basis=basis,
            image=volume,
            values="" if image is None else "bq_ml" if absolute else "counts",
            referenceTime=isoText(image.reference_time) if absolute else "",
            correctedToInfusion=absolute and image.reference_time is None,
        )
    )


def _infusionPack(infusion: Infusion, ids: dict[str, str]):
    return newInfusion(
        infusion.label,
        ids[infusion.perfused],
        activityGbq=infusion.vial.activity_gbq,
        calibratedAt=isoText(infusion.vial.calibrated_at),
        givenAt=isoText(infusion.given_at),
        residualFraction=infusion.residual_fraction,
        lungShuntFraction=infusion.lung_shunt_fraction,
        lungShuntFromImage=infusion.lung_shunt_from_image,
        tumorToNormalRatio=infusion.tumor_to_normal_ratio,
    )


def _fillPatient(parameters: Parameters, case: Case) -> None:
    fillPatientPack(parameters.patient, case.patient)
    parameters.scenario = case.disease.scenario or 0
    parameters.intent = case.disease.intent.value if case.disease.intent else ""
    for name, value in case.disease.facts.items():
        setFact(parameters, name, value)
    fillSettings(parameters, case.settings)


def isoText(moment) -> str:
    """Return a moment as ISO 8601; empty for none."""
    return moment.isoformat() if moment is not None else ""
