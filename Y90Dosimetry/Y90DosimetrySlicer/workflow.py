"""The steps a user takes, from the parameter node to doses and findings; what is slow is computed once.

Two cases of one scene have a parameter node and a `Workflow` each; nothing is shared between them.
"""

from __future__ import annotations

from dataclasses import replace

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Case
from Y90DosimetryLib.checks import CheckResult, run_checks
from Y90DosimetryLib.engine import Assessment, Engine, Live
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.progress import Progress, part, silent
from Y90DosimetryLib.structures import Role

from . import bridge, freshness, imagefacts, lungshunt, outlines, registering
from .cases import Section, Sources, caseOf, labelOf, possibleCase, problemsOf
from .parameters import Parameters, rolesOf


class Workflow:
    """What can be done with one case; every method raises `InputError` with one clear message when it can't."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.assessment: Assessment | None = None
        """What `compute` returned last; None after loading a scene."""
        self._sources = Sources()
        self.registering = registering.Registering(parameters, self._sources)
        self.lungShunt = lungshunt.LungShunt(parameters, self._sources)
        self._fingerprints = freshness.Fingerprints(self._sources)
        self._engine: Engine | None = None

    @property
    def sources(self) -> Sources:
        """The scene's images and segments as the library has them; only what changed is read again."""
        return self._sources

    # Structures

    @property
    def outliner(self) -> outlines.Outliner:
        """The helpers that outline one structure from others."""
        return outlines.Outliner(self.parameters, self._sources)

    def createStructures(self) -> outlines.Undo | None:
        """Make the segments that are missing; return the way back, None where nothing was missing."""
        return outlines.createStructures(self.parameters)

    def roles(self) -> dict[str, Role]:
        """Return the role of each segment that has one."""
        return rolesOf(self.parameters)

    def setRole(self, segmentId: str, role: Role | None) -> None:
        """Give a segment a role, or take it away."""
        outlines.giveRole(self.parameters, segmentId, role)

    def suggestedRoles(self) -> dict[str, Role]:
        """Return what the segments without a role seem to be."""
        return outlines.suggestedRoles(self.parameters)

    def volumesMl(self) -> dict[str, float]:
        """Return the volume of each segment with a role as drawn, in mL; 0 for an empty one."""
        parameters = self.parameters
        if parameters.segmentation is None:
            return {}
        found = self._sources.structures(parameters.segmentation, rolesOf(parameters), parameters.ct)
        return {id_: structure.volume_ml if structure is not None else 0.0 for id_, structure in found.items()}

    # Images

    def suggestImages(self) -> imagefacts.Suggestions:
        """Return which volumes of the scene could be the CT and the images of sessions."""
        return imagefacts.suggestImages()

    def factsOfImage(self, volume) -> imagefacts.ImageFacts:
        """Return what a volume node tells about its values."""
        return imagefacts.factsOfImage(volume)

    # The case

    def case(self) -> Case:
        """Return the case as it is stated now."""
        return caseOf(self.parameters, self._sources)

    def problems(self) -> dict[Section, InputError]:
        """Return what is impossible, by section."""
        return problemsOf(self.parameters, self._sources)

    def checks(self) -> tuple[CheckResult, ...]:
        """Return the technical checks, as many as what is known allows; never slow, never refused."""
        if self.isPrepared():
            return self.live().checks
        case = possibleCase(self.parameters, self._sources)
        return run_checks(case) if case is not None else ()

    # Live

    def isPrepared(self) -> bool:
        """Whether the case is possible, and images and segments are measured already, so that `live` is quick."""
        try:
            return self._engine is not None and self._engine.fits(self.case())
        except InputError:  # `problems` says what is impossible
            return False

    def prepare(self, progress: Progress = silent) -> Engine:
        """Measure images and segments, unless they are measured already."""
        return self._engineOf(self.case(), progress)

    def live(self, progress: Progress = silent) -> Live:
        """Return doses, measurements and findings for the values as they are now."""
        return self.prepare(progress).live()

    def _engineOf(self, case: Case, progress: Progress) -> Engine:
        self._engine = self._engine.at(case, progress) if self._engine else Engine.prepare(case, progress)
        return self._engine

    # Dose

    @property
    def isComputed(self) -> bool:
        """Whether there is a dose volume that was computed here."""
        return self.parameters.doseVolume is not None and bool(self.parameters.computedFrom)

    def compute(self, progress: Progress = silent) -> Assessment:
        """Assess the case and make, or renew, its dose volume; nothing is touched before everything is computed.

        Raises
        ------
        InputError
            If the case is impossible.
        Cancelled
            If *progress* stopped it; the scene is then as it was.
        """
        assessment = self.prepare(part(progress, 0.0, 0.4)).assess(part(progress, 0.4, 1.0))
        stored = freshness.written(self._fingerprints.of(self.parameters))
        with slicer.util.NodeModify(self.parameters):
            self._show(assessment)
            self.parameters.computedFrom = stored
        self.assessment = assessment
        return assessment

    def assessNow(self, progress: Progress = silent) -> Assessment:
        """Assess the case as it is now, for a report: values typed since the dose was computed are in it.

        Raises
        ------
        InputError
            If the dose in the scene is out of date.
        """
        if self.outOfDate():
            raise InputError(
                _("the dose is out of date: {reasons}").format(reasons="; ".join(self.outOfDate())),
                where=_("report"),
                remedy=_("Compute it again first"),
            )
        self.assessment = self.prepare(part(progress, 0.0, 0.4)).assess(part(progress, 0.4, 1.0))
        return self.assessment

    def isAssessed(self, assessment: Assessment, case: Case) -> bool:
        """Whether an assessment was made from what is stated now: patient, disease, settings, studies of other days."""
        return _statements(assessment.case) == _statements(case)

    def isCurrent(self) -> bool:
        """Whether the last assessment still belongs to everything that is drawn and stated."""
        if self.assessment is None or self.outOfDate():
            return False
        try:
            return self.isAssessed(self.assessment, self.case())
        except InputError:
            return False

    def outOfDate(self) -> tuple[str, ...]:
        """Return why the dose volume no longer belongs to what the scene holds; empty when it does or there is none."""
        if not self.isComputed:
            return ()
        try:
            return freshness.reasons(self.parameters.computedFrom, self._fingerprints.of(self.parameters))
        except InputError as error:
            return (str(error),)

    def _show(self, assessment: Assessment) -> None:
        parameters = self.parameters
        volume = parameters.doseVolume
        if isinstance(assessment.dose_map, Missing):
            if volume is not None:
                slicer.mrmlScene.RemoveNode(volume)
            return
        if volume is None:
            name = slicer.mrmlScene.GenerateUniqueName(_("Dose, {case}").format(case=labelOf(parameters)))
            volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
            images = [pack.image for pack in parameters.sessions if pack.image is not None]
            outlines.placeBeside(volume, parameters.ct or (images[-1] if images else parameters.segmentation))
        bridge.writeDose(assessment.dose_map, volume)
        parameters.doseVolume = volume


def _statements(case: Case) -> tuple:
    """Return what is typed of a case; outlines by identity, `Sources` keeps them."""
    studies = tuple(
        (replace(p, structures=(), ct=None, volumes_ml={}), dict(p.volumes_ml), tuple(map(id, p.structures)))
        for p in case.time_points
    )
    return case.label, case.patient, case.disease, case.settings, case.outcome, studies
