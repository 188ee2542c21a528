"""The outcome in the scene: what the parameter node holds is the library's outcome, or refused with one message."""

from __future__ import annotations

from datetime import date

import pytest
import slicer
from Y90DosimetrySlicer.cases import Section, Sources, caseOf, possibleCase, problemsOf
from Y90DosimetrySlicer.outcomes import (
    fillOutcome,
    forgetPathology,
    isOutcomeStated,
    pathologyMadeFor,
    tumorsOf,
)
from Y90DosimetrySlicer.outcomeview import outcomeTitle, tumorRows
from Y90DosimetrySlicer.parameters import Parameters, newParameters, rolesOf, setFact, setRole
from Y90DosimetrySlicer.workflow import Workflow

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.pathology import explant_of
from Y90DosimetryLib.outcome import Necrosis, Outcome, TumorPathology
from Y90DosimetryLib.structures import Role


def tumor(parameters: Parameters, name: str = "Tumor 1") -> str:
    return parameters.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)


def enter(parameters: Parameters, name: str = "Tumor 1", **values: object) -> None:
    for member, value in values.items():
        setattr(pathologyMadeFor(parameters, tumor(parameters, name)), member, value)


def problem(parameters: Parameters) -> str:
    """Return what is wrong with the outcome, and that nothing else is."""
    found = problemsOf(parameters, Sources())
    assert set(found) <= {Section.OUTCOME}
    return str(found[Section.OUTCOME]) if found else ""


# From the pack to the library


def test_what_nobody_entered_is_unknown(scene, parameters) -> None:
    assert caseOf(newParameters()).outcome == Outcome() and not isOutcomeStated(newParameters())
    pathologyMadeFor(parameters, tumor(parameters))
    assert caseOf(parameters).outcome == Outcome(), "a tumor that was only looked at"


def test_everything_that_is_entered_gets_into_the_case(parameters) -> None:
    enter(parameters, necrosisFraction=0.95, microvascularEmboli="no")
    enter(parameters, "Tumor 2", stated="CPN")
    for member, text in (
        ("recurred", "yes"),
        ("recurredOn", "2027-06-01"),
        ("died", "no"),
        ("lastSeenOn", "2028-05-01"),
    ):
        setattr(parameters.outcome, member, text)
    outcome = caseOf(parameters).outcome
    assert outcome.pathology == (
        TumorPathology("Tumor 1", 0.95, microvascular_emboli=False),
        TumorPathology("Tumor 2", stated=Necrosis.COMPLETE),
    )
    assert (outcome.recurred, outcome.recurred_on) == (True, date(2027, 6, 1))
    assert (outcome.died, outcome.died_on, outcome.last_seen_on) == (False, None, date(2028, 5, 1))


def test_pathology_follows_a_renamed_tumor(parameters) -> None:
    enter(parameters, stated="Partial")
    parameters.segmentation.GetSegmentation().GetSegment(tumor(parameters)).SetName("Segment 6")
    assert [entry.tumor for entry in caseOf(parameters).outcome.pathology] == ["Segment 6"]


@pytest.mark.parametrize(
    ("pathology", "course", "words"),
    [
        ({"necrosisFraction": 1.5}, {}, "outcome, tumor 'Tumor 1': necrosis is 1.5"),
        ({"necrosisFraction": 0.4, "stated": "CPN"}, {}, "is Partial, but CPN is stated"),
        ({"stated": "most"}, {}, "'most' is not known here"),
        ({}, {"recurredOn": "June"}, "recurred_on: 'June' is no day"),
        ({}, {"recurred": "no", "recurredOn": "2027-06-01"}, "recurred is no, but recurred_on is 2027-06-01"),
        ({}, {"diedOn": "2027-06-01", "lastSeenOn": "2027-07-01"}, "after death on 2027-06-01"),
        ({}, {"lastSeenOn": "2025-07-01"}, "before the treatment of 2026-03-04"),
    ],
)
def test_what_is_impossible_is_said_and_the_rest_can_still_be_checked(parameters, pathology, course, words) -> None:
    enter(parameters, **pathology)
    for member, text in course.items():
        setattr(parameters.outcome, member, text)
    with pytest.raises(InputError) as error:
        caseOf(parameters)
    assert words in str(error.value) and words in problem(parameters)
    case = possibleCase(parameters, Sources())
    assert case.outcome == Outcome() and case.sessions


def test_pathology_of_what_is_no_drawn_tumor_is_refused_until_it_is_removed(parameters) -> None:
    enter(parameters, necrosisFraction=0.6)
    id_ = tumor(parameters)
    setRole(parameters, id_, None)
    assert "'Tumor 1' has pathology and is no tumor any more" in problem(parameters)
    assert tumorsOf(parameters)[id_] == "Tumor 1", "it stays reachable"
    setRole(parameters, id_, Role.TUMOR)
    assert problem(parameters) == ""
    segmentation = parameters.segmentation.GetSegmentation()
    segmentation.GetSegment(id_).GetRepresentation("Binary labelmap").GetPointData().GetScalars().Fill(0)
    segmentation.GetSegment(id_).GetRepresentation("Binary labelmap").Modified()
    assert "outcome, tumor 'Tumor 1': nothing is drawn in it" in problem(parameters)
    segmentation.RemoveSegment(id_)
    assert "a tumor that has pathology was deleted" in problem(parameters) and tumorsOf(parameters)[id_] == ""
    forgetPathology(parameters, id_)
    assert problem(parameters) == "" and id_ not in tumorsOf(parameters)


def test_impossible_structures_are_not_blamed_on_the_outcome(parameters) -> None:
    enter(parameters, stated="CPN")
    parameters.outcome.lastSeenOn = "2028-05-01"
    for id_ in list(rolesOf(parameters))[:2]:
        setRole(parameters, id_, Role.LIVER)
    found = problemsOf(parameters, Sources())
    assert Section.STRUCTURES in found and Section.OUTCOME not in found


def test_a_study_after_death_is_said_of_the_outcome(course) -> None:
    course.outcome.diedOn = "2026-07-01"
    assert "time point 'Month 6' is of 2026-09-04, after death on 2026-07-01" in problem(course)


# What follows


def test_the_row_of_a_tumor_has_its_class_and_its_delivered_dose(course) -> None:
    enter(course, necrosisFraction=0.95)
    live = Workflow(course).live()
    explant = explant_of(live.case, live.doses)
    first, second = tumorRows(course, explant)
    assert first.cells == ("Tumor 1", "extensive, 95 %", "–", f"{explant.tumors[0].dose_gy:.0f}")
    assert "Planned: unknown" in first.tip and second.necrosis == "–"
    assert outcomeTitle(course, explant) == "Outcome"
    enter(course, "Tumor 2", stated="Partial")
    course.outcome.died = "no"
    live = Workflow(course).live()
    assert outcomeTitle(course, explant_of(live.case, live.doses)) == "Outcome: partial necrosis, alive"


def test_an_outcome_leaves_the_dose_and_makes_the_report_old(course) -> None:
    workflow = Workflow(course)
    assessment = workflow.compute()
    enter(course, necrosisFraction=0.95)
    assert workflow.outOfDate() == ()
    assert not workflow.isAssessed(assessment, workflow.live().case)
    assert workflow.assessNow().case.outcome.of_tumor("Tumor 1").necrosis_fraction == 0.95


def test_a_surgery_after_death_raises_a_check(course) -> None:
    course.outcome.diedOn = "2026-10-01"
    setFact(course, "surgery_date", date(2026, 11, 1))
    raised = {c.check.id for c in Workflow(course).live().checks if c.outcome.value == "raised"}
    assert "outcome_contradicts" in raised


def test_a_saved_scene_brings_the_outcome_back(application, tmp_path, course) -> None:
    enter(course, necrosisFraction=0.6, microvascularEmboli="yes")
    course.outcome.diedOn = "2028-03-04"
    before = caseOf(course).outcome
    application.save(tmp_path / "scene.mrb")
    application.close_scene()
    application.load(tmp_path / "scene.mrb")
    (node,) = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
    assert caseOf(Parameters(node)).outcome == before and before.died is True


def test_an_outcome_of_the_library_replaces_what_was_there(parameters) -> None:
    enter(parameters, "Tumor 2", stated="Partial")
    parameters.outcome.diedOn = "2028-03-04"
    fillOutcome(parameters.outcome, Outcome((TumorPathology("Tumor 1", 1.0),), False), {"Tumor 1": tumor(parameters)})
    assert caseOf(parameters).outcome == Outcome((TumorPathology("Tumor 1", 1.0),), False)
