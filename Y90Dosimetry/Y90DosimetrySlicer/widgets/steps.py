"""The steps of the work, what each still needs, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from slicer.i18n import tr as _

from Y90DosimetryLib.checks import Check, CheckResult, Level, Outcome, Room
from Y90DosimetryLib.engine import Assessment
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import Finding, Severity, Verdict
from Y90DosimetryLib.structures import Role

from ..cases import Section as Part
from ..cases import Unfinished
from ..workflow import Live, Workflow
from .marks import State


class Step(StrEnum):
    """The sections of the panel in the order of the work, top to bottom."""

    IMAGES = "images"
    STRUCTURES = "structures"
    PATIENT = "patient"
    TREATMENT = "treatment"
    PRESCRIPTION = "prescription"
    DOSE = "dose"
    FINDINGS = "findings"
    FOLLOW_UP = "followUp"
    REPORT = "report"


def titleOf(step: Step) -> str:
    """Return the number and the name of a section."""
    names = {
        Step.IMAGES: _("Images"),
        Step.STRUCTURES: _("Structures"),
        Step.PATIENT: _("Patient and disease"),
        Step.TREATMENT: _("Treatment"),
        Step.PRESCRIPTION: _("Prescription"),
        Step.DOSE: _("Dose"),
        Step.FINDINGS: _("Findings"),
        Step.FOLLOW_UP: _("Follow-up"),
        Step.REPORT: _("Report"),
    }
    return f"{list(Step).index(step) + 1}  {names[step]}"


PARTS: Mapping[Part, Step] = {
    Part.PATIENT: Step.PATIENT,
    Part.DISEASE: Step.PATIENT,
    Part.IMAGES: Step.IMAGES,
    Part.STRUCTURES: Step.STRUCTURES,
    Part.TREATMENT: Step.TREATMENT,
    Part.SETTINGS: Step.TREATMENT,
    Part.FOLLOW_UP: Step.FOLLOW_UP,
    Part.OUTCOME: Step.FOLLOW_UP,
}
ROOMS: Mapping[Room, Step] = {
    Room.IMAGES: Step.IMAGES,
    Room.STRUCTURES: Step.STRUCTURES,
    Room.PATIENT: Step.PATIENT,
    Room.INPUTS: Step.TREATMENT,
    Room.RESULTS: Step.DOSE,
    Room.FOLLOW_UP: Step.FOLLOW_UP,
}
FEEDING = (Step.IMAGES, Step.STRUCTURES, Step.PATIENT, Step.TREATMENT)
"""Steps that doses and findings follow from."""
FOLLOWING = (Step.PRESCRIPTION, Step.FINDINGS, Step.REPORT)
"""Steps that follow from everything before them."""


def stepOf(check: Check) -> Step:
    """Return the section that a technical check concerns."""
    return ROOMS[check.room]


@dataclass(frozen=True)
class Status:
    """Everything the panel shows that is not typed into it."""

    problems: Mapping[Part, InputError] = field(default_factory=dict)
    typed: Mapping[Step, Sequence[str]] = field(default_factory=dict)
    """What was typed and could not be read, by section."""
    needs: Mapping[Step, str] = field(default_factory=dict)
    """What a section still needs, in words; absent when it has what it needs."""
    checks: tuple[CheckResult, ...] = ()
    live: Live | None = None
    assessment: Assessment | None = None
    isComputed: bool = False
    outOfDate: tuple[str, ...] = ()
    isCurrent: bool = False
    """Whether the last assessment was made from what is stated now."""
    isBlank: bool = False
    """Whether nothing is stated yet."""
    refused: tuple[str, ...] = ()
    """Why no dose can be computed, each with the way out; empty when one can."""
    reported: Assessment | None = None
    """What the last report was written from."""
    reportIsOld: bool = False
    """Whether something was stated otherwise since."""
    prescription: tuple[State, str] = (State.TODO, "")
    """Whether the activity lies in its window, and in words why not."""
    followUp: tuple[State, str] = (State.IDLE, "")
    """Where the studies of other days stand, and why."""

    @property
    def raised(self) -> tuple[CheckResult, ...]:
        """The technical checks that found something, the gravest first."""
        return tuple(c for c in self.checks if c.outcome is Outcome.RAISED)

    def raisedAt(self, step: Step) -> tuple[CheckResult, ...]:
        """Return what was found in one section."""
        return tuple(c for c in self.raised if stepOf(c.check) is step)

    def wrongAt(self, step: Step) -> tuple[str, ...]:
        """Return what is impossible in one section, each with the way out; what is not entered yet is not wrong."""
        impossible = (e for part, e in self.problems.items() if PARTS[part] is step and not isinstance(e, Unfinished))
        return (*self.typed.get(step, ()), *map(str, impossible))

    @property
    def wrong(self) -> Step | None:
        """The first section that holds something impossible and that doses follow from: none is believed then."""
        return next((step for step in FEEDING if self.wrongAt(step)), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the values as they are now; where these can't be had quickly, those of the last dose."""
        source = self.live or self.assessment
        return source.findings if source else ()

    @property
    def verdict(self) -> Verdict | None:
        """The findings in one line."""
        source = self.live or self.assessment
        return source.verdict if source else None

    @property
    def findingsAreOld(self) -> bool:
        """Whether the findings belong to what was, not to what is."""
        return self.live is None and self.assessment is not None and not self.isCurrent


def stateOf(step: Step, status: Status) -> tuple[State, str]:
    """Return where a step stands, and why in words (empty when there is nothing to add)."""
    wrong = status.wrongAt(step)
    if wrong:
        return State.WRONG, "; ".join(wrong)
    if step is Step.DOSE and status.isComputed and status.outOfDate:
        return State.STALE, "; ".join(status.outOfDate)
    if step is Step.FINDINGS and status.findingsAreOld:
        return State.STALE, _("compute the dose again, or press Measure in Treatment")
    if step in FOLLOWING and status.wrong is not None:
        return State.TODO, _("correct {step} first").format(step=titleOf(status.wrong)[3:])
    if step is Step.REPORT and status.reported is not None:
        if status.reported is not status.assessment or status.outOfDate or status.reportIsOld:
            return State.STALE, _("written before the last change")
        return State.DONE, ""
    if step is Step.PRESCRIPTION:
        return status.prescription
    if step is Step.FOLLOW_UP:
        return status.followUp
    raised = status.raisedAt(step)
    errors = [c for c in raised if c.check.level is Level.ERROR]
    if errors:
        return State.WRONG, "; ".join(c.message for c in errors)
    if step in status.needs:
        return State.TODO, status.needs[step]
    if step is Step.FINDINGS:
        return _stateOfFindings(status)
    if any(c.check.level is Level.WARNING for c in raised):
        return State.WARNINGS, ""
    return State.DONE, ""


def _stateOfFindings(status: Status) -> tuple[State, str]:
    """Return what the verdict above says, so that both are one."""
    verdict = status.verdict
    if verdict is None:
        return State.TODO, _("nothing is judged yet")
    if verdict.worst is Severity.CONTRAINDICATION:
        return State.CONTRAINDICATED, ""
    if verdict.is_clear or verdict.worst in (None, Severity.INFORMATION) and not verdict.not_evaluable:
        return State.DONE, ""
    if verdict.worst in (None, Severity.INFORMATION):
        return State.WARNINGS, _("{count} recommendations need data").format(count=verdict.not_evaluable)
    return State.WARNINGS, ""


def needsOf(parameters, workflow: Workflow, isComputed: bool) -> dict[Step, str]:
    """Return what each section still needs before the next can use it; nothing of it stops the user."""
    found: dict[Step, str] = {}
    if not parameters.scenario:
        found[Step.PATIENT] = _("choose the scenario")
    sessions = list(parameters.sessions)
    if not any(session.image is not None for session in sessions):
        found[Step.IMAGES] = _("choose the SPECT or PET")
    elif any(session.image is not None and not session.values for session in sessions):
        found[Step.IMAGES] = _("say what the values of the image are")
    drawn = drawnRoles(workflow)
    missing = [role.display_name.lower() for role in (Role.LIVER, Role.PERFUSED, Role.TUMOR) if role not in drawn]
    if missing:
        found[Step.STRUCTURES] = _("outline {structures}").format(structures=", ".join(missing))
    infusions = [infusion for session in sessions for infusion in session.infusions]
    if not infusions:
        found[Step.TREATMENT] = _("add an infusion")
    elif any(infusion.activityGbq is None or not infusion.perfusedSegmentId for infusion in infusions):
        found[Step.TREATMENT] = _("enter activity and perfused volume of every infusion")
    if not isComputed:
        found[Step.DOSE] = _("compute the dose")
        found[Step.REPORT] = _("compute the dose first")
    else:
        found[Step.REPORT] = _("not written yet")
    if not parameters.scenario:
        found[Step.FINDINGS] = _("choose the scenario in Patient and disease")
    return found


def drawnRoles(workflow: Workflow) -> set[Role]:
    """Return the roles that have a segment with something drawn in it."""
    try:
        volumesMl = workflow.volumesMl()
    except InputError:
        return set()
    return {role for id_, role in workflow.roles().items() if volumesMl.get(id_)}


def refusalsOf(
    parameters, workflow: Workflow, problems: Mapping[Part, InputError], typed: Mapping[Step, Sequence[str]]
) -> tuple[str, ...]:
    """Return why a dose would be impossible or wrong; what is only unknown stops nothing."""
    found = [str(error) for error in problems.values()]
    found += [problem for step in typed.values() for problem in step]
    if Role.LIVER not in drawnRoles(workflow):
        found.append(_("outline the liver, in Structures"))
    if not any(session.infusions for session in parameters.sessions):
        found.append(_("add an infusion, in Treatment"))
    return tuple(found)
