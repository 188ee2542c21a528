"""Cases for the Sample Data module: digital patients, computed on this machine when asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import Cancelled
from Y90DosimetryLib.phantom import DigitalPatient, PhantomSettings, Variant, digital_patient
from Y90DosimetryLib.phantom.followup import PatientOverTime, patient_over_time
from Y90DosimetryLib.progress import Progress, part, silent

from . import views
from .casenodes import Titles, fillCase
from .oldscenes import parametersOfNode
from .parameters import MODULE, Parameters, newParameters


@dataclass(frozen=True)
class Sample:
    """One entry of the Sample Data module."""

    name: str
    variant: Variant
    isOverTime: bool = False
    """With studies after the treatment."""


SAMPLES = (
    Sample("Y90DigitalPatientPlan", Variant.TWO_TUMORS),
    Sample("Y90DigitalPatientMisfit", Variant.LOBECTOMY),
    Sample("Y90DigitalPatientDelivered", Variant.DELIVERED),
    Sample("Y90DigitalPatientFollowUp", Variant.DELIVERED, True),
)


def titled() -> dict[str, Sample]:
    """Return the samples by the titles that the Sample Data module shows."""
    titles = (
        _("Y-90 digital patient, plan"),
        _("Y-90 digital patient, scenario that does not fit"),
        _("Y-90 digital patient, delivered"),
        _("Y-90 digital patient, follow-up"),
    )
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
            customDownloader=lambda _source, sample=sample: loadAndShow(sample),
        )


def loadAndShow(sample: Sample) -> list:
    """Do what a click in the Sample Data module asks for: the case in the scene, shown, with progress and Cancel."""
    nodes: list = []
    hasWindow = hasattr(slicer.app, "setOverrideCursor")
    with slicer.util.tryWithErrorDisplay(_("The sample could not be made.")), suppress(Cancelled):
        dialog = slicer.util.createProgressDialog(maximum=100, windowTitle=_("Sample case")) if hasWindow else None

        def progress(fraction: float, doing: str) -> None:
            if dialog is not None:
                dialog.value, dialog.labelText = int(99 * fraction), _(doing)
                slicer.app.processEvents()
                if dialog.wasCanceled:
                    raise Cancelled(doing)

        try:
            nodes = loadSample(sample.variant, None, sample.isOverTime, progress)
        finally:
            if dialog is not None:
                dialog.close()
        views.showCase(parametersOfNode(nodes[-1]))
        panel = getattr(getattr(slicer.modules, f"{MODULE}Widget", None), "panel", None)
        if panel is not None and panel.isEntered:
            panel.enter()
    return nodes


def loadSample(
    variant: Variant = Variant.LOBECTOMY,
    settings: PhantomSettings | None = None,
    isOverTime: bool = False,
    progress: Progress = silent,
) -> list:
    """Put a digital patient into the scene with everything filled in; return its nodes.

    Raises
    ------
    Cancelled
        If *progress* stopped it; the scene is then as it was.
    """
    make = patient_over_time if isOverTime else digital_patient
    parameters = parametersOf(make(settings, variant=variant), progress)
    images = [pack.image for pack in parameters.sessions]
    outlines = [parameters.segmentation, *(pack.segmentation for pack in parameters.timePoints)]
    return [parameters.ct, *images, *(node for node in outlines if node is not None), parameters.parameterNode]


def parametersOf(patient: DigitalPatient | PatientOverTime, progress: Progress = silent) -> Parameters:
    """Return a new parameter node with the case of a digital patient, its images and its segments."""
    progress(0.0, "simulating the patient")
    case = patient.case(progress=part(progress, 0.0, 0.9))
    progress(0.9, "putting the case into the scene")
    parameters = newParameters(case.label)
    titles = Titles(
        _("Simulated: belongs to no real person"),
        _("CT of the digital patient"),
        _("MAA SPECT of the digital patient"),
        _("Y-90 PET of the digital patient"),
    )
    with slicer.util.NodeModify(parameters):
        fillCase(parameters, case, titles)
    return parameters
