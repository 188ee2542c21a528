"""The steps a user takes, from the parameter node to doses and findings; what is slow is computed once.

Two cases of one scene have a parameter node and a `Workflow` each; nothing is shared between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.assessment import Assessment, assess
from Y90DosimetryLib.case import Case
from Y90DosimetryLib.checks import CheckResult, check_images, check_inputs, check_results, check_structures, run_checks
from Y90DosimetryLib.checks.check import in_order
from Y90DosimetryLib.dosimetry.doses import Doses, Prepared, counted_sessions, doses_of, prepare
from Y90DosimetryLib.dosimetry.regions import Region, regions_of
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.overview import FollowUp, follow_up_of
from Y90DosimetryLib.guidelines import Finding, Verdict, judge, load_rules, verdict
from Y90DosimetryLib.images import ActivityMap
from Y90DosimetryLib.measurements import measure
from Y90DosimetryLib.measures import Measurement
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.progress import Progress, part, silent
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.studies import StudyVolumes, volumes_of_point
from Y90DosimetryLib.timepoints import TimePoint

from . import bridge, freshness, imagefacts, lungshunt, outlines, registering
from .cases import Section, Sources, caseOf, labelOf, possibleCase, problemsOf
from .parameters import Parameters, rolesOf


@dataclass(frozen=True)
class Live:
    """What follows from the sliders at once: everything but dose maps and histograms."""

    case: Case
    doses: Doses
    regions: tuple[Region, ...]
    measurements: tuple[Measurement, ...]
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict

    @cached_property
    def followUp(self) -> FollowUp | None:
        """The studies of other days and what follows from them, made when first asked for; None without any."""
        return follow_up_of(self.case, self.doses.prepared, self.doses, self.measurements)


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
        self._prepared: tuple[tuple, Prepared, Case] | None = None
        """The key, what it stands for, and the case: it keeps the objects whose identities are in the key."""
        self._volumes: dict[tuple, tuple[TimePoint, StudyVolumes]] = {}
        """The volumes of the studies of other days; each keeps its study, whose outlines are in the key."""
        self._checked: tuple[tuple, tuple[CheckResult, ...], Case] | None = None

    @property
    def sources(self) -> Sources:
        """The scene's images and segments as the library has them; only what changed is read again."""
        return self._sources

    # Structures

    @property
    def outliner(self) -> outlines.Outliner:
        """The helpers that outline one structure from others."""
        return outlines.Outliner(self.parameters, self._sources)

    def createStructures(self) -> list[str]:
        """Make the segments that are missing; return their IDs."""
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
        try:
            if self.isPrepared():
                return self.live().checks
        except InputError:
            pass  # what is possible is checked all the same
        case = possibleCase(self.parameters, self._sources)
        return run_checks(case) if case is not None else ()

    def _quickChecks(self, case: Case, prepared: Prepared, doses: Doses) -> tuple[CheckResult, ...]:
        """Return all checks; those that look at voxels are done again only when what they look at changed."""
        absolute = [s.infusions for s in case.sessions if isinstance(s.image, ActivityMap)]
        key = (self._prepared[0], id(case.ct), case.notes, absolute, case.settings.half_life_h)
        if self._checked is None or self._checked[0] != key:
            found = (*check_images(case, prepared), *check_structures(case, prepared.compartments))
            self._checked = (key, found, case)
        return in_order([*self._checked[1], *check_inputs(case, doses), *check_results(case, doses)])

    # Live

    def isPrepared(self) -> bool:
        """Whether images and segments are measured already, so that `live` is quick."""
        try:
            return self._prepared is not None and self._prepared[0] == _preparationKey(self.case())
        except InputError:
            return False

    def prepare(self, progress: Progress = silent) -> Prepared:
        """Measure images and segments, unless they are measured already."""
        return self._preparedFor(self.case(), progress)

    def live(self, progress: Progress = silent) -> Live:
        """Return doses, measurements and findings for the values as they are now."""
        case = self.case()
        prepared = self._preparedFor(case, progress)
        doses = doses_of(case, prepared)
        regions = regions_of(case, prepared.compartments)
        measurements = measure(case, prepared, doses, regions)
        findings = judge(load_rules(), measurements, case.disease.scenario)
        checks = self._quickChecks(case, prepared, doses)
        return Live(case, doses, regions, measurements, checks, findings, verdict(findings))

    def _preparedFor(self, case: Case, progress: Progress) -> Prepared:
        key = _preparationKey(case)
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = (key, prepare(replace(case, time_points=()), progress), case)
        prepared = replace(self._prepared[1], time_points=self._volumesOf(case))
        mass_g = case.settings.lung_mass_g
        return prepared if mass_g is None else replace(prepared, lung_mass_g=mass_g)

    def _volumesOf(self, case: Case) -> tuple[StudyVolumes, ...]:
        """Return the volumes of the studies of other days; only what was outlined or typed anew is measured."""
        keys = [(p.label, tuple(map(id, p.structures)), tuple(p.volumes_ml.items())) for p in case.time_points]
        found = {
            key: self._volumes.get(key) or (point, volumes_of_point(point))
            for key, point in zip(keys, case.time_points, strict=True)
        }
        self._volumes = found
        return tuple(found[key][1] for key in keys)

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
        case = self.case()
        prepared = self._preparedFor(case, part(progress, 0.0, 0.4))
        assessment = assess(case, part(progress, 0.4, 1.0), prepared)
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
        case = self.case()
        self.assessment = assess(case, part(progress, 0.4, 1.0), self._preparedFor(case, part(progress, 0.0, 0.4)))
        return self.assessment

    def isAssessed(self, assessment: Assessment, live: Live) -> bool:
        """Whether an assessment was made from what is stated now: patient, disease, settings, studies of other days."""
        return _statements(assessment.case) == _statements(live.case)

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


def _preparationKey(case: Case) -> tuple:
    """Return what `prepare` depends on; images and structures are compared by identity, `Sources` keeps them."""
    sessions = tuple((s.label, id(s.image), s.delivers, tuple(i.perfused for i in s.infusions)) for s in case.sessions)
    lungs = None if case.settings.lung_mass_g is not None else id(case.ct)
    counted = tuple(s.label for s in counted_sessions(case))
    return (tuple(map(id, case.structures)), sessions, counted, case.settings.count_reference, lungs)
