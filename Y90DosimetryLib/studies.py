"""One patient's studies side by side: the volumes of each day, its sFLR, and which of them is baseline and present.

The planning study (the case's own outlines) is the baseline unless a time point of that kind is given; one without
outlines and volumes holds readings of the planning study itself, and both are one study. The present study is the
latest other time point. Only volumes of one study are ever divided by each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from . import volumetry
from .case import Case, Session, TimeKind, TimePoint, counted_sessions
from .compartments import Compartments, compartments_of
from .errors import InputError
from .missing import Missing, first_missing
from .structures import LESION_ROLES, Role, Structure
from .timepoints import day_of, days_between

PLANNING = "Planning study"
NO_TREATMENT = Missing("no session is planned", ("sessions",))


@dataclass(frozen=True)
class StudyVolumes:
    """The volumes of one study in mL, each as outlined, as typed, or missing.

    The liver holds its tumors and thrombi, also where they were cut out of its outline; `treated_ml` is all perfused
    volumes together inside it; lesions are tumors and thrombi together, 0 only where an outline or a number says so.
    """

    liver_ml: float | Missing
    flr_ml: float | Missing
    tumor_ml: float | Missing
    lesions_ml: float | Missing
    treated_ml: float | Missing
    typed: frozenset[Role] = frozenset()
    """Roles whose volume was typed and not outlined."""


@dataclass(frozen=True)
class Study:
    """One study: its day, its volumes, and the size that the liver should have for the body of that day."""

    label: str
    on: date | Missing
    volumes: StudyVolumes
    weight_kg: float | None
    """The latest known on or before that day."""
    telv_ml: float | Missing
    point: TimePoint | None = None
    """None for the planning study."""

    @property
    def sflr_ratio(self) -> float | Missing:
        """FLR / TELV."""
        flr_ml, telv_ml = self.volumes.flr_ml, self.telv_ml
        if isinstance(flr_ml, Missing) or isinstance(telv_ml, Missing):
            return first_missing(flr_ml, telv_ml) or NO_TREATMENT
        ratio = volumetry.standardized_flr_ratio(flr_ml, telv_ml)
        if ratio > volumetry.LARGEST_SFLR_RATIO:
            because = f"withheld: {ratio * 100:.0f} % of the estimated liver is no remnant. Check outline and body size"
            return Missing(because, ("weight_kg", "height_cm", "structures"))
        return ratio

    @property
    def measured_ratio(self) -> float | Missing:
        """FLR / (liver - tumors and thrombi), all of this study."""
        flr_ml, liver_ml, lesions_ml = self.volumes.flr_ml, self.volumes.liver_ml, self.volumes.lesions_ml
        if isinstance(flr_ml, Missing) or isinstance(liver_ml, Missing) or isinstance(lesions_ml, Missing):
            return first_missing(flr_ml, liver_ml, lesions_ml) or NO_TREATMENT
        if lesions_ml >= liver_ml:
            return Missing(f"the tumors of '{self.label}' leave nothing of its liver", ("structures",))
        return volumetry.measured_flr_ratio(flr_ml, liver_ml, lesions_ml)

    @property
    def untreated_ml(self) -> float | Missing:
        """The liver outside every perfused volume, tumor included."""
        liver_ml, treated_ml = self.volumes.liver_ml, self.volumes.treated_ml
        if isinstance(liver_ml, Missing) or isinstance(treated_ml, Missing):
            return first_missing(liver_ml, treated_ml) or NO_TREATMENT
        if treated_ml > liver_ml * (1 + volumetry.ROUNDING_RATIO):
            return Missing(f"the treated volume of '{self.label}' is larger than its liver", ("structures",))
        return liver_ml - treated_ml


@dataclass(frozen=True)
class Studies:
    """All studies in the order of their days; a planning study of unknown day stands first."""

    all: tuple[Study, ...]
    baseline: Study
    planning: Study
    treated_on: tuple[date, ...] | Missing
    """The days of all infusions that count, each once, in order."""
    surgery_on: date | None = None
    """The stated day of surgery after the last treatment, planned or done."""

    @property
    def later(self) -> tuple[Study, ...]:
        """The time points that are not the baseline."""
        return tuple(s for s in self.all if s.point is not None and s is not self.baseline)

    @property
    def follow_up(self) -> tuple[Study, ...]:
        """The time points after the day of the last treatment; all later ones where its day is unknown."""
        if isinstance(self.treated_on, Missing) or not self.treated_on:
            return self.later
        last = self.treated_on[-1]
        return tuple(s for s in self.later if not isinstance(s.on, Missing) and s.on > last)

    @property
    def before_surgery(self) -> tuple[Study, ...]:
        """The follow-up up to the day of surgery: what response, growth and readiness for it are read from."""
        return tuple(s for s in self.follow_up if not self.is_after_surgery(s))

    def is_after_surgery(self, study: Study) -> bool:
        """Whether surgery lies before a study: what was cut out has not responded, and what is left regrows."""
        return self.surgery_on is not None and not isinstance(study.on, Missing) and study.on > self.surgery_on

    @property
    def present(self) -> Study | None:
        """The latest time point of the follow-up, up to surgery."""
        return self.before_surgery[-1] if self.before_surgery else None

    @property
    def present_remnant(self) -> Study:
        """The study whose remnant counts now: the latest of the follow-up, up to surgery, that has one.

        Where there is such a follow-up but none with a remnant, its latest, whose remnant is missing; without any,
        the planning study or the baseline.
        """
        measured = [s for s in self.before_surgery if not isinstance(s.volumes.flr_ml, Missing)]
        if measured or self.present is not None:
            return measured[-1] if measured else self.before_surgery[-1]
        return self.planning if not isinstance(self.planning.volumes.flr_ml, Missing) else self.baseline

    def last_treatment(self, on: date) -> date | Missing:
        """Return the day of the last treatment on or before a day; before all treatments, that of the first."""
        if isinstance(self.treated_on, Missing):
            return self.treated_on
        if not self.treated_on:
            return NO_TREATMENT
        before = [day for day in self.treated_on if day <= on]
        return before[-1] if before else self.treated_on[0]

    def days_since_treatment(self, study: Study) -> int | Missing:
        """Return the days from the last treatment to a study; negative before the first."""
        if isinstance(study.on, Missing):
            return study.on
        treated = self.last_treatment(study.on)
        return treated if isinstance(treated, Missing) else days_between(treated, study.on)


def volumes_of_point(point: TimePoint) -> StudyVolumes:
    """Return the volumes of a time point, outlined or typed.

    Outlines that are impossible together leave the volumes they would give missing, with the reason.
    """
    drawn = tuple(s for s in point.structures if not s.is_empty)
    parts = _parts(point.label, drawn)
    typed = dict(point.volumes_ml)

    def whole_ml() -> float | Missing:
        return parts if isinstance(parts, Missing) else parts.whole_ml

    def lesions_ml(*roles: Role) -> float | Missing:
        mine = [s for s in point.structures if s.role in roles]
        if mine and not isinstance(parts, Missing):
            return sum(c.volume_ml for c in parts.items if c.role in roles)
        known = [typed[r] for r in roles if r in typed] + [s.volume_ml for s in mine]
        return sum(known) if known else Missing(f"no tumor is outlined on '{point.label}'", ("structures",))

    def treated_ml() -> float | Missing:
        mine = [s.label for s in drawn if s.role is Role.PERFUSED]
        if not mine:
            return Missing(f"the treated volume is not outlined on '{point.label}'", ("structures",))
        return parts if isinstance(parts, Missing) else parts.volume_ml(parts.inside(mine))

    return StudyVolumes(
        liver_ml=typed.get(Role.LIVER, whole_ml()),
        flr_ml=typed.get(Role.FLR, _flr_ml(drawn, f" on '{point.label}'")),
        tumor_ml=lesions_ml(Role.TUMOR),
        lesions_ml=lesions_ml(*LESION_ROLES),
        treated_ml=typed.get(Role.PERFUSED, treated_ml()),
        typed=frozenset(typed),
    )


def studies_of(
    case: Case, parts: Compartments, points: Iterable[StudyVolumes], withheld: Missing | None = None
) -> Studies:
    """Return the studies of a case.

    Parameters
    ----------
    points
        The volumes of its time points, in their order.
    withheld
        Why the outlines of the planning study may not be believed; None where they may.
    """
    counted = counted_sessions(case)
    volumes = _planning_volumes(case, parts, frozenset(i.perfused for s in counted for i in s.infusions))
    if withheld is not None:
        volumes = StudyVolumes(withheld, withheld, withheld, withheld, withheld, volumes.typed)
    planning = Study(
        PLANNING,
        _planning_day(case),
        volumes,
        case.patient.weight_kg,
        telv_ml(case, case.patient.weight_kg, case.patient.height_cm),
    )
    found: list[Study] = []
    weight_kg, height_cm = case.patient.weight_kg, case.patient.height_cm
    for point, measured in zip(case.time_points, points, strict=True):
        own_kg, own_cm = point.patient.weight_kg, point.patient.height_cm
        weight_kg = weight_kg if own_kg is None else own_kg
        height_cm = height_cm if own_cm is None else own_cm
        study = Study(point.label, point.on, measured, weight_kg, telv_ml(case, weight_kg, height_cm), point)
        if point.kind is TimeKind.BASELINE and not point.structures and not point.volumes_ml:
            study = planning = replace(study, volumes=planning.volumes)
        found.append(study)
    baseline = next((s for s in found if s.point and s.point.kind is TimeKind.BASELINE), planning)
    if not any(study is planning for study in found):
        found.insert(0, planning)
    ordered = sorted(found, key=lambda s: date.min if isinstance(s.on, Missing) else s.on)
    treated_on = _treatment_days(counted)
    return Studies(tuple(ordered), baseline, planning, treated_on, _surgery_after(case, treated_on))


def telv_ml(case: Case, weight_kg: float | None, height_cm: float | None) -> float | Missing:
    """Return the estimated liver volume for a body by the formulas of the case's settings."""
    absent = tuple(n for n, v in (("weight_kg", weight_kg), ("height_cm", height_cm)) if v is None)
    if absent or weight_kg is None or height_cm is None:
        return Missing(f"{', '.join(absent)} not entered", absent)
    formulas = volumetry.Telv(case.settings.telv_formula), volumetry.Bsa(case.settings.bsa_formula)
    try:
        return volumetry.estimated_liver_ml(weight_kg, height_cm, *formulas)
    except InputError as error:  # a body of this size is an error of the checks
        return Missing(f"withheld: {error}", ("weight_kg", "height_cm"))


def _planning_volumes(case: Case, parts: Compartments, treated: frozenset[str]) -> StudyVolumes:
    flr_ml = _flr_ml(case.structures, "")
    typed = frozenset[Role]()
    stated = case.disease.facts.get("flr_before_treatment_ml")
    if isinstance(flr_ml, Missing) and isinstance(stated, int | float):
        flr_ml, typed = float(stated), frozenset({Role.FLR})
    no_tumor = Missing("no tumor is outlined", ("structures",))
    return StudyVolumes(
        liver_ml=parts.whole_ml,
        flr_ml=flr_ml,
        tumor_ml=parts.volume_ml(parts.of_role(Role.TUMOR)) if case.of_role(Role.TUMOR) else no_tumor,
        lesions_ml=sum(c.volume_ml for c in parts.items if c.is_lesion),
        treated_ml=parts.volume_ml(parts.inside(treated)) if treated else NO_TREATMENT,
        typed=typed,
    )


def _planning_day(case: Case) -> date | Missing:
    day = case.disease.facts.get("baseline_imaging_date")
    if isinstance(day, date):
        return day_of(day)
    return Missing("the date of the planning study is not stated", ("baseline_imaging_date",))


def _parts(label: str, drawn: tuple[Structure, ...]) -> Compartments | Missing:
    if not any(s.role is Role.LIVER for s in drawn):
        return Missing(f"the liver is not outlined on '{label}'", ("structures",))
    try:
        return compartments_of(Case(label, drawn))
    except InputError as error:
        return Missing(f"on '{label}': {error.what}", ("structures",))


def _flr_ml(structures: Iterable[Structure], where: str) -> float | Missing:
    flr = next((s for s in structures if s.role is Role.FLR and not s.is_empty), None)
    return flr.volume_ml if flr else Missing(f"no future liver remnant is outlined{where}", ("structures",))


def _surgery_after(case: Case, treated_on: tuple[date, ...] | Missing) -> date | None:
    day = case.disease.facts.get("surgery_date")
    if not isinstance(day, date):
        return None
    earlier = not isinstance(treated_on, Missing) and treated_on and day_of(day) <= treated_on[-1]
    return None if earlier else day_of(day)


def _treatment_days(sessions: Iterable[Session]) -> tuple[date, ...] | Missing:
    times = [i.given_at for s in sessions for i in s.infusions]
    if None in times:
        return Missing("an infusion has no time", ("given_at",))
    return tuple(sorted({day_of(t) for t in times if t is not None}))
