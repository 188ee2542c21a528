"""The parameter node: everything a saved scene remembers of one case.

Unknown is None for a number and an empty text for a choice, a time or a name; scenario 0 is not yet chosen.
Choices are the words of the library's enumerations, times are ISO 8601 texts with an offset.
"""

from datetime import date
from typing import Optional

import slicer
from slicer import (
    vtkMRMLMarkupsLineNode,
    vtkMRMLPlotChartNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
)
from slicer.parameterNodeWrapper import parameterNodeWrapper, parameterPack

from Y90DosimetryLib.case import Basis, Settings
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG, FactValue, Kind, check_facts
from Y90DosimetryLib.lung_shunt import DEFAULT_MARGIN_MM
from Y90DosimetryLib.planning import Aim
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.timepoints import TimeKind

# No postponed annotations here: Slicer reads the types of the members. `Optional`, because Slicer 5.10 does not
# read `float | None`.
Number = Optional[float]  # noqa: UP045
WholeNumber = Optional[int]  # noqa: UP045

MODULE = "Y90Dosimetry"
_DEFAULT = Settings()


@parameterPack
class PatientPack:
    """Body and laboratory values, in the library's units."""

    weightKg: Number
    heightCm: Number
    bilirubinUmolL: Number
    albuminGL: Number
    inrRatio: Number
    creatinineUmolL: Number
    gfrMlMin173m2: Number
    ascites: str
    encephalopathy: str
    ecog: WholeNumber
    afpNgMl: Number


@parameterPack
class InfusionPack:
    """One administration; `activityGbq` holds at `calibratedAt`, or at the infusion where that is empty."""

    label: str
    perfusedSegmentId: str
    activityGbq: Number
    calibratedAt: str
    givenAt: str
    residualFraction: Number
    lungShuntFraction: Number
    lungShuntFromImage: bool
    tumorToNormalRatio: Number
    planarLungsAnteriorCounts: Number
    planarLungsPosteriorCounts: Number
    planarLiverAnteriorCounts: Number
    planarLiverPosteriorCounts: Number
    planarBackgroundAnteriorCounts: Number
    planarBackgroundPosteriorCounts: Number
    planarLungsPixels: WholeNumber
    planarLiverPixels: WholeNumber
    planarBackgroundPixels: WholeNumber


@parameterPack
class SessionPack:
    """What is given on one occasion, and the image that shows how it spreads."""

    label: str
    basis: str = Basis.PLANNED.value
    delivers: str
    """Label of the planned session that this one carried out."""
    image: vtkMRMLScalarVolumeNode
    hybridCt: vtkMRMLScalarVolumeNode
    """The CT of the SPECT/CT or PET/CT, where there is one: it is registered, and the image moves with it."""
    hybridLiver: vtkMRMLSegmentationNode
    """An outline of the liver on it."""
    values: str
    """What the image's voxels hold, a key of `bridge.IMAGE_VALUES`; empty until the user has said it."""
    referenceTime: str
    correctedToInfusion: bool
    activityDifference: str
    """Why the activity in the image differs from the one infused; empty where nothing is stated."""
    harmlessFociMm: list[float]
    """Points (LPS) of foci that are called harmless: x, y and z of each."""
    infusions: list[InfusionPack]


@parameterPack
class LesionPack:
    """What was read of one tumor on one study; a length is typed, or is that of a line in the scene.

    A yes or no that may be unknown is "yes", "no" or an empty text.
    """

    lesion: str
    viableMm: Number
    viableByLine: bool
    viableLine: vtkMRMLMarkupsLineNode
    wholeMm: Number
    wholeByLine: bool
    wholeLine: vtkMRMLMarkupsLineNode
    isTreated: str
    isNew: bool
    isTarget: str
    progresses: str


@parameterPack
class ThrombusPack:
    """What was read of one tumor thrombus on one study."""

    thrombus: str
    enhances: str
    diameterMm: Number
    extends: str
    isTreated: str
    grade: str


@parameterPack
class TimePointPack:
    """One study of another day than the planning study; an empty day is not known yet."""

    label: str
    day: str
    kind: str = TimeKind.FOLLOW_UP.value
    modality: str
    ct: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    roles: dict[str, str]
    """By segment ID; "none" for a segment that has no role whatever its codes say."""
    volumesMl: dict[str, str]
    """Typed volumes by role."""
    patient: PatientPack
    lesions: list[LesionPack]
    thrombi: list[ThrombusPack]
    newLesions: str
    facts: dict[str, str]


@parameterPack
class PathologyPack:
    """What the pathologist found in one tumor: the fraction that is necrotic, or the class where only that is known."""

    segmentId: str
    necrosisFraction: Number
    stated: str
    """A class, one of `outcome.Necrosis`; empty where the fraction says it."""
    microvascularEmboli: str


@parameterPack
class OutcomePack:
    """What became of the patient; yes or no as in the readings, days as in the studies."""

    pathology: list[PathologyPack]
    recurred: str
    recurredOn: str
    died: str
    diedOn: str
    lastSeenOn: str


@parameterPack
class SettingsPack:
    """How things are computed; a lung mass of None is measured on the CT."""

    joulePerGbq: float = _DEFAULT.joule_per_gbq
    halfLifeH: float = _DEFAULT.half_life_h
    liverDensityGMl: float = _DEFAULT.liver_density_g_ml
    lungMassG: Number = _DEFAULT.lung_mass_g
    bsaFormula: str = _DEFAULT.bsa_formula
    telvFormula: str = _DEFAULT.telv_formula
    doseModel: str = _DEFAULT.dose_model.value
    countReference: str = _DEFAULT.count_reference.value
    sphereActivityBq: float = _DEFAULT.sphere_activity_bq
    shuntMarginMm: float = DEFAULT_MARGIN_MM
    hospitalTimeZone: str


@parameterPack
class PrescriptionPack:
    """What the planner chose; an empty day is the day of the infusion."""

    day: str
    clock: str = "10:00"
    customVials: bool
    aim: str = Aim.HIGHEST_TUMOR.value


@parameterPack
class DisplayPack:
    """What is shown, and how; nothing here changes a number."""

    doseOpacityFraction: float = 0.5
    doseMaximumGy: Number
    doseThresholdGy: float = 1.0
    showDose: bool = True
    showIsodoses: bool = True
    showLegend: bool = True
    showFused: bool = True
    bilirubinInMgDl: bool
    tumorThresholdFraction: float = 0.4
    perfusedThresholdFraction: float = 0.1


@parameterNodeWrapper
class Parameters:
    """The typed face of one parameter node."""

    caseLabel: str
    readingNotes: list[str]
    """What was changed or assumed while the case was read from files."""
    ct: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    patient: PatientPack
    scenario: int
    intent: str
    facts: dict[str, str]
    roles: dict[str, str]
    treatedOtherwise: list[str]
    """IDs of the segments of tumors that are no target of the infusions."""
    sessions: list[SessionPack]
    timePoints: list[TimePointPack]
    outcome: OutcomePack
    settings: SettingsPack
    prescription: PrescriptionPack
    limits: dict[str, str]
    """Numbers in place of the rules' ("S2-DOSE-02:120" to a dose in Gy as text, or to "off") and bounds of the user's
    own ("ntad_gy.multicompartment<=" to a dose in Gy)."""
    stated: dict[str, str]
    """Standard deviations of uncertain inputs, by the library's names; what is absent is not stated."""
    display: DisplayPack
    isodosesGy: list[float] = [50.0, 120.0, 205.0, 400.0]
    doseVolume: vtkMRMLScalarVolumeNode
    doseTable: vtkMRMLTableNode
    dvhTable: vtkMRMLTableNode
    dvhChart: vtkMRMLPlotChartNode
    computedFrom: str
    """What the dose was computed from, as `freshness` writes it."""


def newParameters(label: str = "") -> Parameters:
    """Add a parameter node to the scene: a case of its own, with everything unknown."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
    node.UnRegister(None)
    node.SetAttribute("ModuleName", MODULE)
    node.SetName(slicer.mrmlScene.GenerateUniqueName(label or MODULE))
    parameters = Parameters(slicer.mrmlScene.AddNode(node))
    parameters.caseLabel = label
    return parameters


def isUnstated(parameters: Parameters) -> bool:
    """Whether nothing is stated of a case yet but, perhaps, its name."""
    pack = parameters.patient
    body = [value for name in PatientPack.__annotations__ if (value := getattr(pack, name)) not in (None, "")]
    chosen = (parameters.ct, parameters.segmentation, parameters.doseVolume)
    lists = (parameters.sessions, parameters.timePoints, parameters.facts, body)
    return not any(node is not None for node in chosen) and not any(map(len, lists)) and not parameters.scenario


def newInfusion(label: str, perfusedSegmentId: str = "", **values: object) -> InfusionPack:
    """Return an infusion with everything else unknown."""
    return InfusionPack(label=label, perfusedSegmentId=perfusedSegmentId, **values)


def newSession(label: str, infusions: tuple = (), **values: object) -> SessionPack:
    """Return a session with lists of its own: the default list of a pack is shared by all of them."""
    return SessionPack(label=label, infusions=list(infusions), **{"harmlessFociMm": [], **values})


def newTimePoint(label: str, day: str = "", **values: object) -> TimePointPack:
    """Return a study with everything else unknown, and lists and dictionaries of its own."""
    own = {"roles": {}, "volumesMl": {}, "lesions": [], "thrombi": [], "facts": {}}
    return TimePointPack(label=label, day=day, patient=PatientPack(), **{**own, **values})


def nextLabel(taken: list[str], base: str) -> str:
    """Return "base 1", "base 2", …: the first that is not taken."""
    number = 1
    while f"{base} {number}" in taken:
        number += 1
    return f"{base} {number}"


def factsOf(parameters: Parameters) -> dict[str, FactValue]:
    """Return the facts that are stated, typed; what a newer version stored and this one does not know is left out."""
    return {name: _read(name, text) for name, text in parameters.facts.items() if name in CATALOG}


def setFact(parameters: Parameters, name: str, value: FactValue | None) -> None:
    """State a fact, or make it unknown again with None.

    Raises
    ------
    InputError
        If the fact does not exist or does not take this value.
    """
    if value is None:
        if name in parameters.facts:
            del parameters.facts[name]
        return
    check_facts({name: value})
    parameters.facts[name] = _written(value)


def rolesOf(parameters: Parameters) -> dict[str, Role]:
    """Return the role of each segment that is there and has one, by segment ID, in the segments' order."""
    node = parameters.segmentation
    if node is None:
        return {}
    stored = {id_: role for id_, role in parameters.roles.items() if role in list(Role)}
    return {id_: Role(stored[id_]) for id_ in node.GetSegmentation().GetSegmentIDs() if id_ in stored}


def setRole(parameters: Parameters, segmentId: str, role: Role | None) -> None:
    """Give a segment a role, or take it away with None."""
    if role is not None:
        parameters.roles[segmentId] = role.value
    elif segmentId in parameters.roles:
        del parameters.roles[segmentId]


def segmentName(parameters: Parameters, segmentId: str) -> str:
    """Return a segment's name as it is now; empty when the segment is gone."""
    node = parameters.segmentation
    segment = node.GetSegmentation().GetSegment(segmentId) if node is not None and segmentId else None
    return segment.GetName() if segment is not None else ""


def _written(value: FactValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _read(name: str, text: str) -> FactValue:
    kind = CATALOG[name].kind
    try:
        if kind is Kind.YES_NO:
            return text == "true"
        if kind is Kind.COUNT:
            return int(text)
        if kind is Kind.NUMBER:
            return float(text)
        return date.fromisoformat(text) if kind is Kind.DATE else text
    except ValueError:
        raise InputError(
            f"'{name}' is stored as '{text}'", where="facts", remedy="Answer this question again"
        ) from None
