"""The remnant over time: sFLR and measured share at every study, growth between them, and the dose beside it.

Formulas stand in `volumetry`. Growth is measured against the baseline and from each study to the next, up to surgery:
what an operation leaves regrows for another reason. The kinetic growth rate divides by the weeks in which the remnant
could grow: from the earlier study, or from the last treatment where that was later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .. import volumetry
from ..guidelines.rule import Comparison
from ..missing import Missing, first_missing
from ..studies import Studies, Study
from ..timepoints import calendar_months_count, days_between
from .limits import rule_limit

DOSE_RULE, GROWTH_RULE, RESECTION_RULE = "S2-DOSE-03", "S2-FU-03", "C0-SURG-01"
SAME_WEIGHT_KG = 0.05
"""Weights that are the same as they are written, to a tenth of a kilogram."""


@dataclass(frozen=True)
class RemnantAt:
    """One study and the time since the last treatment before it; negative before the first."""

    study: Study
    days: int | Missing
    months_count: float | Missing
    """Calendar months."""

    @property
    def weeks(self) -> float | Missing:
        """The same time in weeks."""
        return self.days if isinstance(self.days, Missing) else self.days / volumetry.DAYS_PER_WEEK


@dataclass(frozen=True)
class Growth:
    """How the remnant changed from one study to a later one."""

    earlier: Study
    later: Study
    relative_ratio: float | Missing
    """(FLR2 - FLR1) / FLR1."""
    degree_ratio: float | Missing
    """sFLR2 - sFLR1: 0.10 is ten points."""
    weeks: float | Missing
    """The time in which it could grow."""
    kinetic_per_week_ratio: float | Missing
    """Degree of hypertrophy a week."""


@dataclass(frozen=True)
class Remnant:
    """The remnant at all studies, in the order of their days."""

    at: tuple[RemnantAt, ...]
    from_baseline: tuple[Growth, ...]
    """From the baseline to each later study."""
    between: tuple[Growth, ...]
    """From each study to the next, the baseline first."""
    perfused_normal_gy: float | Missing
    """Mean dose of the perfused normal liver by the multicompartment model."""
    notes: tuple[str, ...] = ()

    @property
    def dose_for_growth_gy(self) -> float:
        """Above this dose to the perfused normal liver growth by `least_growth_fraction` is expected (rule data)."""
        return rule_limit(DOSE_RULE, "ntad_session_gy.multicompartment", Comparison.AT_MOST)

    @property
    def least_growth_fraction(self) -> float:
        """Relative growth below this is minimal (rule data)."""
        return rule_limit(GROWTH_RULE, "flr_hypertrophy_fraction", Comparison.BELOW)

    @property
    def sflr_for_resection_fraction(self) -> float:
        """The sFLR that resection asks for (rule data)."""
        return rule_limit(RESECTION_RULE, "sflr_fraction", Comparison.BELOW)

    @property
    def growth_is_expected(self) -> bool | Missing:
        """Whether the perfused normal liver got the dose after which growth was seen; established for Child-Pugh A."""
        dose_gy = self.perfused_normal_gy
        return dose_gy if isinstance(dose_gy, Missing) else dose_gy > self.dose_for_growth_gy

    @property
    def present(self) -> RemnantAt:
        """The latest study."""
        return self.at[-1]


def remnant_of(studies: Studies, perfused_normal_gy: float | Missing) -> Remnant:
    """Return the remnant over time; the dose is that of all sessions that count."""
    series = _series(studies)
    return Remnant(
        tuple(_at(studies, study) for study in studies.all),
        tuple(growth_of(studies, studies.baseline, later) for later in series[1:]),
        tuple(growth_of(studies, first, second) for first, second in pairwise(series)),
        perfused_normal_gy,
        tuple(_notes(studies)),
    )


def _series(studies: Studies) -> list[Study]:
    """Return the baseline and what may show growth by the treatment."""
    return [studies.baseline, *(s for s in studies.later if not studies.is_after_surgery(s))]


def growth_of(studies: Studies, earlier: Study, later: Study) -> Growth:
    """Return how the remnant changed between two studies."""
    before_ml, after_ml = earlier.volumes.flr_ml, later.volumes.flr_ml
    before_ratio, after_ratio = earlier.sflr_ratio, later.sflr_ratio
    relative = _joined(before_ml, after_ml)
    if not isinstance(before_ml, Missing) and not isinstance(after_ml, Missing):
        relative = volumetry.relative_hypertrophy_ratio(before_ml, after_ml)
    degree = _joined(before_ratio, after_ratio)
    if not isinstance(before_ratio, Missing) and not isinstance(after_ratio, Missing):
        degree = volumetry.degree_of_hypertrophy_ratio(before_ratio, after_ratio)
    weeks = _weeks(studies, earlier, later)
    kinetic = _joined(degree, weeks)
    if not isinstance(degree, Missing) and not isinstance(weeks, Missing):
        kinetic = volumetry.kinetic_growth_ratio_per_week(degree, weeks * volumetry.DAYS_PER_WEEK)
    return Growth(earlier, later, relative, degree, weeks, kinetic)


def _joined(first: float | Missing, second: float | Missing) -> float | Missing:
    """Return why one of two numbers is missing; the second where none is."""
    return first_missing(first, second) or second


def _at(studies: Studies, study: Study) -> RemnantAt:
    days = studies.days_since_treatment(study)
    if isinstance(days, Missing) or isinstance(study.on, Missing):
        reason = days if isinstance(days, Missing) else study.on
        assert isinstance(reason, Missing)
        return RemnantAt(study, reason, reason)
    treated = studies.last_treatment(study.on)
    assert not isinstance(treated, Missing), "days since treatment are known"
    return RemnantAt(study, days, calendar_months_count(treated, study.on))


def _weeks(studies: Studies, earlier: Study, later: Study) -> float | Missing:
    if isinstance(later.on, Missing):
        return later.on
    treated = studies.last_treatment(later.on)
    if isinstance(treated, Missing):
        return treated
    start = treated if isinstance(earlier.on, Missing) else max(treated, earlier.on)
    days = days_between(start, later.on)
    if days <= 0:
        return Missing(f"'{later.label}' is not after the treatment", ("given_at",))
    return days / volumetry.DAYS_PER_WEEK


def _notes(studies: Studies) -> Iterator[str]:
    """Say where the estimated liver volume changed with the weight; otherwise it is the same at all studies."""
    series = _series(studies)
    for first, second in pairwise(series):
        if first.weight_kg is None or second.weight_kg is None:
            continue
        if abs(first.weight_kg - second.weight_kg) < SAME_WEIGHT_KG:
            continue
        if isinstance(first.telv_ml, Missing) or isinstance(second.telv_ml, Missing):
            continue
        yield (
            f"{second.label}: the weight changed from {first.weight_kg:g} to {second.weight_kg:g} kg, and with it the"
            f" estimated liver volume from {first.telv_ml:.0f} to {second.telv_ml:.0f} mL. Ascites and edema change"
            " the weight too: compare the mL."
        )
    after = ", ".join(s.label for s in studies.later if studies.is_after_surgery(s))
    if after:
        yield f"{after}: after surgery on {studies.surgery_on}. What was left regrows: no growth by Y-90 is told."
    for study in studies.all:
        if study.volumes.typed:
            names = ", ".join(sorted(role.display_name.lower() for role in study.volumes.typed))
            yield f"{study.label}: typed, not outlined: {names}."
