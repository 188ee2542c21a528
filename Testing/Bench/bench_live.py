"""A slider step and a first dose on the large case, each against assessing the case from scratch."""

from __future__ import annotations

from dataclasses import replace

from bench_assess import fresh
from rows import Row, best_of, timed_row

from Y90DosimetryLib.case import Case, Vial
from Y90DosimetryLib.engine import Engine, assess
from Y90DosimetryLib.phantom import LARGE, case_variant


def run() -> list[Row]:
    """Time both on one case."""
    case = case_variant("lobectomy", LARGE)
    engine = Engine.prepare(case)
    activities_gbq = iter([3.0 + 0.01 * step for step in range(1000)])

    def slide() -> None:
        engine.at(_with_activity(case, next(activities_gbq))).live()

    whole_s = best_of(2, lambda: assess(fresh(case)))
    peer = "assess from scratch"
    size = "x".join(str(n) for n in case.ct.image.GetSize()) if case.ct else ""
    slide_s = best_of(50, slide)
    return [
        timed_row(
            f"slider step: activity to findings, CT {size}",
            slide_s,
            peer,
            whole_s,
            note=f"{slide_s * 1000:.1f} ms; aim 16",
        ),
        timed_row(
            "dose map and report numbers, images measured before",
            best_of(2, lambda: replace(engine).assess()),
            peer,
            whole_s,
        ),
    ]


def _with_activity(case: Case, activity_gbq: float) -> Case:
    (session,) = case.sessions
    (infusion,) = session.infusions
    vial = Vial(activity_gbq, infusion.vial.calibrated_at)
    return replace(case, sessions=(replace(session, infusions=(replace(infusion, vial=vial),)),))
