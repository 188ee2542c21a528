"""Two cases for the Sample Data module: digital patients, computed on this machine when asked for."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.images import ActivityMap
from Y90DosimetryLib.phantom import DigitalPatient, PhantomSettings, Variant, digital_patient

from . import bridge, outlines
from .parameters import MODULE, Parameters, newInfusion, newParameters, newSession, setFact

BQ_ML = (None, ("Bq/ml", "UCUM", "Becquerels/milliliter"))
COUNTS = (None, ("{counts}", "UCUM", "Counts"))
HOUNSFIELD = (("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "UCUM", "Hounsfield unit"))


@dataclass(frozen=True)
class Sample:
    """One entry of the Sample Data module."""

    name: str
    variant: Variant


SAMPLES = (
    Sample("Y90DigitalPatientPlan", Variant.LOBECTOMY),
    Sample("Y90DigitalPatientDelivered", Variant.DELIVERED),
)


def titled() -> dict[str, Sample]:
    """Return the samples by the titles that the Sample Data module shows."""
    titles = (_("Y-90 digital patient, plan"), _("Y-90 digital patient, delivered"))
    return dict(zip(titles, SAMPLES, strict=True))


def register() -> None:
    """Add the samples to the Sample Data module."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # since Slicer 5.12
        logic.registerCustomSampleDataCategory(MODULE, title=_("Y90 Dosimetry"))
    for title, sample in titled().items():
        logic.registerCustomSampleDataSource(
            category=MODULE,
            sampleName=title,
            uris="",  # nothing is downloaded; Slicer asks for as many addresses as names
            fileNames="",
            nodeNames=sample.name,
            customDownloader=lambda _source, sample=sample: loadSample(sample.variant),
        )


def loadSample(variant: Variant = Variant.LOBECTOMY, settings: PhantomSettings | None = None) -> list:
    """Put a digital patient into the scene with everything filled in; return its nodes."""
    parameters = parametersOf(digital_patient(settings, variant))
    images = [pack.image for pack in parameters.sessions]
    return [parameters.ct, *images, parameters.segmentation, parameters.parameterNode]


def parametersOf(patient: DigitalPatient) -> Parameters:
    """Return a new parameter node with the case of a digital patient, its images and its segments."""
    case = patient.case()
    parameters = newParameters(patient.label)
    with slicer.util.NodeModify(parameters):
        _fill(parameters, case)
    return parameters


def _fill(parameters: Parameters, case: Case) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), case.label)
    study = hierarchy.CreateStudyItem(subject, _("Simulated: belongs to no real person"))
    if case.ct is not None:
        parameters.ct = _volume(case.ct.image, _("CT of the digital patient"), HOUNSFIELD, study)
    outlines.segmentationOf(parameters)
    ids = {}
    for structure in case.structures:
        ids[structure.label] = outlines.addSegment(parameters, structure.role, structure.label)
        bridge.writeMask(parameters.segmentation, ids[structure.label], structure.mask)
    _fillPatient(parameters, case)
    for session in case.sessions:
        absolute = isinstance(session.image, ActivityMap)
        name = _("Y-90 PET of the digital patient") if absolute else _("MAA SPECT of the digital patient")
        infusions = [
            newInfusion(
                infusion.label,
                ids[infusion.perfused],
                activityGbq=infusion.vial.activity_gbq,
                calibratedAt=_iso(infusion.vial.calibrated_at),
                givenAt=_iso(infusion.given_at),
                residualFraction=infusion.residual_fraction,
                lungShuntFraction=infusion.lung_shunt_fraction,
            )
            for infusion in session.infusions
        ]
        parameters.sessions.append(
            newSession(
                session.label,
                infusions,
                basis=session.basis.value,
                image=_volume(session.image.image, name, BQ_ML if absolute else COUNTS, study),
                values="bq_ml" if absolute else "counts",
                referenceTime=_iso(session.image.reference_time) if absolute else "",
            )
        )


def _fillPatient(parameters: Parameters, case: Case) -> None:
    patient, pack = case.patient, parameters.patient
    pack.weightKg, pack.heightCm = patient.weight_kg, patient.height_cm
    pack.bilirubinUmolL, pack.albuminGL = patient.bilirubin_umol_l, patient.albumin_g_l
    pack.inrRatio = patient.inr_ratio
    pack.creatinineUmolL, pack.gfrMlMin173m2 = patient.creatinine_umol_l, patient.gfr_ml_min_173m2
    pack.ascites = patient.ascites.value if patient.ascites else ""
    pack.encephalopathy = patient.encephalopathy.value if patient.encephalopathy else ""
    pack.ecog, pack.afpNgMl = patient.ecog, patient.afp_ng_ml
    parameters.scenario = case.disease.scenario or 0
    parameters.intent = case.disease.intent.value if case.disease.intent else ""
    for name, value in case.disease.facts.items():
        setFact(parameters, name, value)
    parameters.settings.hospitalTimeZone = case.settings.hospital_time_zone or ""


def _volume(image, name: str, meaning, study: int) -> slicer.vtkMRMLScalarVolumeNode:
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    bridge.writeImage(image, volume)
    bridge.setUnits(volume, *meaning)
    volume.CreateDefaultDisplayNodes()
    outlines.placeUnder(volume, study)
    return volume


def _iso(moment) -> str:
    return moment.isoformat() if moment is not None else ""
