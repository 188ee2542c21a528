"""What a tumor thrombus makes of the tumors' response, and where the source names none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from response_kit import BEFORE, CR, MONTH, PD, PR, SD, TREATED, Study, course, studies, tumor, why

from Y90DosimetryLib.lesions import ThrombusReading
from Y90DosimetryLib.response import Course, Response, Scope

PORTAL = ThrombusReading("P", enhances=True, diameter_mm=15.0, is_treated=True, grade="VP3")
STABLE = replace(PORTAL, extends_proximally=False)
QUIET = replace(STABLE, enhances=False, diameter_mm=10.0)


def with_thrombus(viable_mm: float | None, now: ThrombusReading | None, **more: bool) -> Course:
    """Return the course of a 50 mm tumor with a portal thrombus, both read again once."""
    after = () if now is None else (now,)
    return course(
        [Study(BEFORE, (tumor("T", 50.0),), (PORTAL,)), Study(TREATED + MONTH, (tumor("T", viable_mm),), after)], **more
    )


@pytest.mark.parametrize(
    ("viable_mm", "thrombus", "response"),
    [
        (0.0, QUIET, CR),
        (0.0, replace(QUIET, diameter_mm=15.0), CR),
        (0.0, STABLE, PR),  # the source does not say
        (30.0, STABLE, PR),
        (30.0, QUIET, PR),
        (50.0, STABLE, SD),
        (50.0, replace(STABLE, enhances=None), SD),
        (60.0, QUIET, PD),
        (0.0, replace(STABLE, diameter_mm=15.1), PD),
        (0.0, replace(STABLE, extends_proximally=True), PD),
        (0.0, replace(STABLE, extends_proximally=None, grade="VP4"), PD),
        (None, replace(STABLE, diameter_mm=16.0), PD),
        (0.0, ThrombusReading("P", diameter_mm=0.0), CR),
        (0.0, ThrombusReading("P", grade="none"), CR),
    ],
)
def test_a_thrombus_has_its_say(viable_mm: float | None, thrombus: ThrombusReading, response: Response) -> None:
    assert with_thrombus(viable_mm, thrombus).present is response


def test_where_the_source_names_no_response_that_is_said() -> None:
    stable = with_thrombus(0.0, STABLE).studies[0]
    assert "the source defines no response, taken as PR" in stable.notes[0]
    assert stable.tumors.response is CR
    bland = with_thrombus(0.0, replace(QUIET, diameter_mm=16.0))
    assert "grows or extends without enhancement: the source defines no response" in why(bland.present)


@pytest.mark.parametrize(
    ("viable_mm", "thrombus", "reason"),
    [
        (0.0, None, "not read"),
        (0.0, replace(QUIET, enhances=None), "enhances"),
        (0.0, replace(QUIET, enhances=None, diameter_mm=16.0), "enhances"),
        (30.0, replace(QUIET, diameter_mm=None), "not measured on"),
        (30.0, replace(STABLE, diameter_mm=None), "not measured on"),
        (30.0, replace(STABLE, extends_proximally=None), "extends"),
        (30.0, replace(STABLE, grade="VP4"), "went from VP3 to VP4"),
    ],
)
def test_what_is_not_known_of_a_thrombus_is_asked(
    viable_mm: float, thrombus: ThrombusReading | None, reason: str
) -> None:
    assert reason in why(with_thrombus(viable_mm, thrombus).present)


def test_a_thrombus_that_is_new_and_enhances_is_progression() -> None:
    rows = studies([tumor("T", 50.0)], [tumor("T", 0.0)])
    new = ThrombusReading("P", enhances=True, is_treated=False)
    assert course([rows[0], replace(rows[1], thrombi=(new,))]).present is PD
    assert course([rows[0], replace(rows[1], thrombi=(new,))], Scope.LOCALIZED).present is CR
    assert course([rows[0], replace(rows[1], thrombi=(replace(new, enhances=False),))]).present is CR


def test_a_thrombus_that_is_known_but_was_not_read_leaves_the_response_open() -> None:
    rows = studies([tumor("T", 50.0)], [tumor("T", 0.0)])
    assert "none was read before" in why(course(rows, expects_thrombus=True).present)
    assert course(rows).present is CR
    assert with_thrombus(0.0, QUIET, expects_thrombus=True).present is CR
    grown = studies([tumor("T", 50.0)], [tumor("T", 60.0)])
    assert course(grown, expects_thrombus=True).present is PD
