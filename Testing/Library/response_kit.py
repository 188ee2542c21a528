"""Studies of made-up patients for the tests of response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.response import Course, Response, Scope, response_of

TREATED = date(2026, 1, 10)
BEFORE = date(2026, 1, 2)
MONTH = timedelta(days=30)
CR, PR, SD, PD = Response


@dataclass(frozen=True)
class Study:
    on: date
    lesions: tuple[LesionReading, ...] = ()
    thrombi: tuple[ThrombusReading, ...] = ()
    new_lesions: bool | None = None


def tumor(name: str, viable_mm: float | None, treated: bool | None = True, **more: object) -> LesionReading:
    return LesionReading(name, viable_mm, is_treated=treated, **more)  # type: ignore[arg-type]


def studies(*rows: Sequence[LesionReading]) -> list[Study]:
    """Return one study before the treatment and one every month after it."""
    return [Study(BEFORE if not i else TREATED + i * MONTH, tuple(row)) for i, row in enumerate(rows)]


def course(found: Sequence[Study], scope: Scope = Scope.OVERALL, **more: bool | date) -> Course:
    answer = response_of(found, TREATED, scope, **more)  # type: ignore[arg-type]
    assert isinstance(answer, Course), answer
    return answer


def called(*rows: Sequence[LesionReading], scope: Scope = Scope.OVERALL) -> list[Response | None]:
    """Return the response on each later study; None where it can't be evaluated."""
    return [None if isinstance(s.response, Missing) else s.response for s in course(studies(*rows), scope).studies]


def one(*lengths_mm: float | None) -> list[Response | None]:
    """Return the responses of a single tumor with these lengths, the first before the treatment."""
    return called(*([tumor("T1", mm)] for mm in lengths_mm))


def why(answer: Response | Missing) -> str:
    assert isinstance(answer, Missing), answer
    return answer.because
