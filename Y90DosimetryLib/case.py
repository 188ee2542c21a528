"""What the team knows: the patient, the disease, the treatment, and how it is to be computed.

Every clinical fact may be None: unknown. Unknown is never filled in; what needs it is reported as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum

from .errors import InputError
from .facts import FactValue, check_facts
from .images import ActivityDifference as ActivityDifference
from .images import ActivityMap, CountMap, CtImage
from .missing import Missing
from .outcome import Outcome, check_outcome
from .patient import Encephalopathy as Encephalopathy
from .patient import Grade as Grade
from .patient import Patient as Patient
from .physics import (
    DEFAULT_HALF_LIFE_H,
    DEFAULT_JOULE_PER_GBQ,
    LABEL_LUNG_MASS_G,
    decay_factor,
    elapsed_h,
)
from .quantities import (
    LEAST,
    MOST,
    convert_words,
    require_density,
    require_in_calendar,
    require_label,
    require_not_negative,
    require_text,
)
from .structures import Role, Structure
from .timepoints import TimeKind as TimeKind
from .timepoints import TimePoint as TimePoint
from .timepoints import check_structures, day_of, in_order, on_clock, require_unique, zone_of

SCENARIOS: Mapping[int, str] = {
    1: "Radiation segmentectomy",
    2: "Radiation lobectomy",
    3: "Multifocal unilobar disease without macrovascular invasion",
    4: "Multifocal bilobar disease without macrovascular invasion",
    5: "Macrovascular invasion",
}
"""The clinical scenarios of the consensus (Salem et al. 2023) by their number."""


class Intent(StrEnum):
    """What the treatment is for."""

    CURATIVE = "curative"
    BRIDGE_TO_TRANSPLANT = "bridge_to_transplant"
    DOWNSTAGING = "downstaging"
    BRIDGE_TO_RESECTION = "bridge_to_resection"
    PALLIATIVE = "palliative"


class Basis(StrEnum):
    """Whether an image shows the plan (MAA SPECT) or what was delivered (Y-90 PET or SPECT)."""

    PLANNED = "planned"
    DELIVERED = "delivered"


class DoseModel(StrEnum):
    """How a voxel dose is computed; only local deposition may feed a consensus rule."""

    LOCAL = "local"
    KERNEL = "kernel"


class CountReference(StrEnum):
    """Over which counts an infusion's activity is spread when the image is relative.

    LIVER: the liver (each part of it belongs to the nearest perfused volume), unless it is known that the tracer was
    given upstream of the treatment (`dosimetry.reference`). PERFUSED: always the perfused volume only.
    """

    LIVER = "liver"
    PERFUSED = "perfused"


@dataclass(frozen=True)
class Disease:
    """The disease and the intent; all optional but the scenario, which the user decides (1 to 5)."""

    scenario: int | None = None
    intent: Intent | None = None
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    """Further facts by their id in `facts.CATALOG`, as the user stated them; absent means unknown."""

    def __post_init__(self) -> None:
        convert_words(self, "disease")
        if self.scenario is not None and self.scenario not in SCENARIOS:
            raise InputError(f"scenario is {self.scenario}", where="disease", remedy="Choose 1, 2, 3, 4 or 5")
        object.__setattr__(self, "facts", check_facts(self.facts))


@dataclass(frozen=True)
class Vial:
    """A vial as assayed: its activity, and the instant (aware) for which that number holds."""

    activity_gbq: float
    calibrated_at: datetime | None = None
    """None: the activity is the one at the time of infusion."""

    def __post_init__(self) -> None:
        if not LEAST <= self.activity_gbq <= MOST:
            raise InputError(
                f"the activity is {self.activity_gbq} GBq", where="vial", remedy="Enter a positive number of GBq"
            )
        require_aware(self.calibrated_at, "vial, calibrated_at")


@dataclass(frozen=True)
class Infusion:
    """One administration into one perfused volume.

    `residual_fraction` is what stayed in vial, lines and gauze, as a fraction of the activity; both it and
    `lung_shunt_fraction` lie in [0, 1). None is unknown: doses that need it are then missing, never guessed.
    """

    label: str
    vial: Vial
    perfused: str
    given_at: datetime | None = None
    residual_fraction: float | None = None
    lung_shunt_fraction: float | None = None
    lung_shunt_from_image: bool = False
    tumor_to_normal_ratio: float | None = None
    """A T:N ratio given by the user, for the partition model; None takes the image's."""

    def __post_init__(self) -> None:
        require_label(self.label, "infusion")
        where = f"infusion '{self.label}'"
        require_aware(self.given_at, f"{where}, given_at")
        for name in ("residual_fraction", "lung_shunt_fraction"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                hint = "Enter a fraction, not a percentage" if value >= 1 else "Enter a fraction from 0 up to 1"
                raise InputError(f"{name} is {value}, outside [0, 1)", where=where, remedy=hint)
        ratio = self.tumor_to_normal_ratio
        if ratio is not None and not LEAST <= ratio <= MOST:
            raise InputError(f"tumor_to_normal_ratio is {ratio}", where=where, remedy="Enter a positive ratio")
        if self.lung_shunt_from_image and self.lung_shunt_fraction is not None:
            raise InputError(
                "a lung shunt fraction is typed and also to be measured", where=where, remedy="Choose one of the two"
            )
        if self.vial.calibrated_at and self.given_at is None:
            raise InputError(
                "the vial has a calibration time but the infusion has no time",
                where=where,
                remedy="Enter given_at, or the activity at the time of infusion without a calibration time",
            )

    @property
    def hours_since_calibration_h(self) -> float | None:
        """Hours from the vial's calibration to the infusion; None when the activity is stated at infusion."""
        if self.vial.calibrated_at is None or self.given_at is None:
            return None
        return elapsed_h(self.vial.calibrated_at, self.given_at)

    def activity_at_infusion_gbq(self, half_life_h: float) -> float:
        """Return the vial's activity at the moment of infusion, before any residual, in GBq."""
        return self.vial.activity_gbq * decay_factor(self.hours_since_calibration_h or 0.0, half_life_h)


@dataclass(frozen=True)
class Session:
    """What is given on one occasion, and the one image that shows how it spreads.

    `image` may be None: then only models that need no image are computed. Session order is time order.
    """

    label: str
    infusions: tuple[Infusion, ...]
    image: CountMap | ActivityMap | None = None
    basis: Basis = Basis.PLANNED
    delivers: str | None = None
    """Label of the planned session this one carried out; that plan then no longer counts in totals."""
    activity_difference: ActivityDifference | None = None
    """Why the activity in the image differs from the one infused; None where nothing is stated."""
    harmless_foci_mm: tuple[tuple[float, float, float], ...] = ()
    """Points (LPS) of foci outside liver and lungs that the team calls harmless: free technetium in stomach, thyroid,
    kidneys or bladder."""

    def __post_init__(self) -> None:
        require_label(self.label, "session")
        convert_words(self, f"session '{self.label}'")
        if not self.infusions:
            raise InputError("no infusion", where=f"session '{self.label}'", remedy="Add at least one infusion")
        require_unique((i.label for i in self.infusions), f"session '{self.label}', infusions")


@dataclass(frozen=True)
class Settings:
    """How things are computed. Sources of the defaults: `physics`, facts of the product label, Docs/methods.md."""

    joule_per_gbq: float = DEFAULT_JOULE_PER_GBQ
    half_life_h: float = DEFAULT_HALF_LIFE_H
    liver_density_g_ml: float = 1.03
    lung_mass_g: float | None = LABEL_LUNG_MASS_G
    """None: measured from the CT inside the lungs."""
    bsa_formula: str = "dubois"
    telv_formula: str = "vauthey"
    dose_model: DoseModel = DoseModel.LOCAL
    count_reference: CountReference = CountReference.LIVER
    sphere_activity_bq: float = 2500.0
    hospital_time_zone: str | None = None
    """IANA name: the clock whose days count. None takes the offset with which each infusion's time is written."""
    lung_shunt_margin_mm: float = 20.0
    """Lungs no further from the liver are left out where a lung shunt is measured on an image."""

    def __post_init__(self) -> None:
        for name in ("joule_per_gbq", "half_life_h", "liver_density_g_ml", "lung_mass_g", "sphere_activity_bq"):
            value = getattr(self, name)
            if value is not None and not LEAST <= value <= MOST:
                raise InputError(f"{name} is {value}", where="settings", remedy="Enter a positive number")
        convert_words(self, "settings")
        require_not_negative(self.lung_shunt_margin_mm, "settings, lung_shunt_margin_mm", "mm")
        require_density(self.liver_density_g_ml, "settings, liver_density_g_ml")


@dataclass(frozen=True, repr=False)
class Case:
    """One patient: the planning study, the sessions in the order of time, what came after them, and the settings.

    `structures`, `ct` and `patient` are the planning study, on which the doses are computed. It is the baseline of
    everything later, unless `time_points` holds one of the kind baseline.

    Instants are put on the hospital's clock here, once: a day never depends on the offset they were written with.
    """

    label: str
    structures: tuple[Structure, ...]
    sessions: tuple[Session, ...] = ()
    ct: CtImage | None = None
    patient: Patient = Patient()
    disease: Disease = Disease()
    settings: Settings = field(default_factory=Settings)
    notes: tuple[str, ...] = ()
    """What was changed or assumed while reading (negative voxels set to 0, a rescale applied, …)."""
    time_points: tuple[TimePoint, ...] = ()
    """Studies on other days, before or after the treatment; kept in the order of their days."""
    outcome: Outcome = Outcome()
    """Pathology, recurrence, death, last contact."""

    def __post_init__(self) -> None:
        require_label(self.label, "case")
        for note in self.notes:
            require_text(note, "case, notes")
        if self.settings.hospital_time_zone is not None:
            zone = zone_of(self.settings.hospital_time_zone)
            object.__setattr__(self, "sessions", tuple(_on_clock(s, zone) for s in self.sessions))
        check_structures(self.structures, "structures")
        require_unique((s.label for s in self.sessions), "sessions")
        perfused = {s.label for s in self.structures if s.role is Role.PERFUSED}
        for session in self.sessions:
            for infusion in session.infusions:
                if infusion.perfused not in perfused:
                    raise InputError(
                        f"perfused volume '{infusion.perfused}' is not among the structures",
                        where=f"session '{session.label}', infusion '{infusion.label}'",
                        remedy=f"Name one of: {', '.join(sorted(perfused)) or 'none is outlined yet'}",
                    )
        self._check_delivered_plans()
        object.__setattr__(self, "time_points", in_order(self.time_points))
        self._check_baseline()
        self._check_outcome()

    def _check_delivered_plans(self) -> None:
        plans = {s.label for s in self.sessions if s.basis is Basis.PLANNED}
        for session in self.sessions:
            if session.delivers is not None and (session.delivers not in plans or session.basis is Basis.PLANNED):
                raise InputError(
                    f"it delivers '{session.delivers}', which is no planned session, or it is itself a plan",
                    where=f"session '{session.label}'",
                    remedy="Name a planned session, and set basis to delivered",
                )

    def _check_baseline(self) -> None:
        given = [i.given_at for s in self.sessions for i in s.infusions if i.given_at is not None]
        for point in self.time_points:
            if point.kind is TimeKind.BASELINE and given and point.on > max(day_of(g) for g in given):
                raise InputError(
                    f"{point.on.isoformat()} lies after the last infusion",
                    where=f"baseline '{point.label}'",
                    remedy="Correct the date, or make it a follow_up",
                )

    def _check_outcome(self) -> None:
        treated_on = first_treatment(self)
        given = [
            (f"infusion '{i.label}'", day_of(i.given_at))
            for s in self.sessions
            for i in s.infusions
            if s.basis is Basis.DELIVERED and i.given_at is not None
        ]
        check_outcome(
            self.outcome,
            {s.label for s in self.of_role(Role.TUMOR)},
            None if isinstance(treated_on, Missing) else treated_on,
            (*given, *((f"time point '{p.label}'", p.on) for p in self.time_points)),
        )

    def __repr__(self) -> str:
        """Return one line: images and outlines are long."""
        return f"<Case '{self.label}': {len(self.structures)} structures, {len(self.sessions)} sessions>"

    def with_activity(self, activity_gbq: float, infusion: str = "", session: str = "") -> Case:
        """Return the case with another activity of a vial, in GBq at the instant for which the vial's number holds.

        Raises
        ------
        InputError
            Unless exactly one infusion has the labels given; left out, a label fits every one.
        """
        chosen = [
            (s, i) for s in self.sessions for i in s.infusions if session in ("", s.label) and infusion in ("", i.label)
        ]
        if len(chosen) != 1:
            known = ", ".join(f"'{i.label}' of session '{s.label}'" for s in self.sessions for i in s.infusions)
            raise InputError(
                f"{len(chosen)} infusions fit", where=f"case '{self.label}'", remedy=f"Name one: {known or 'none'}"
            )
        [(held, old)] = chosen
        new = replace(old, vial=replace(old.vial, activity_gbq=activity_gbq))
        changed = replace(held, infusions=tuple(new if i is old else i for i in held.infusions))
        return replace(self, sessions=tuple(changed if s is held else s for s in self.sessions))

    def of_role(self, role: Role) -> tuple[Structure, ...]:
        """Return the structures of one role, in the case's order."""
        return tuple(s for s in self.structures if s.role is role)

    def one(self, role: Role) -> Structure | None:
        """Return the structure of a role that exists at most once."""
        found = self.of_role(role)
        return found[0] if found else None


def counted_sessions(case: Case) -> tuple[Session, ...]:
    """Return the sessions that count in totals: a plan that was delivered does not."""
    replaced = {s.delivers for s in case.sessions}
    return tuple(s for s in case.sessions if s.label not in replaced)


def first_treatment(case: Case) -> date | Missing:
    """Return the day of the first infusion that counts."""
    given = [i.given_at for s in counted_sessions(case) for i in s.infusions]
    known = [g for g in given if g is not None]
    if not known or len(known) < len(given):
        return Missing("an infusion has no time", ("given_at",)) if given else Missing("no session", ("sessions",))
    return day_of(min(known))


def _on_clock(session: Session, zone: tzinfo) -> Session:
    """Return a session with its instants on the clock of a zone; the same object where they already are."""
    infusions = tuple(_infusion_on_clock(i, zone) for i in session.infusions)
    image = session.image
    if isinstance(image, ActivityMap) and _is_off(image.reference_time, zone):
        image = replace(image, reference_time=_moved(image.reference_time, zone))
    if image is session.image and all(a is b for a, b in zip(infusions, session.infusions, strict=True)):
        return session
    return replace(session, infusions=infusions, image=image)


def _infusion_on_clock(infusion: Infusion, zone: tzinfo) -> Infusion:
    given_at, calibrated_at = infusion.given_at, infusion.vial.calibrated_at
    if not (_is_off(given_at, zone) or _is_off(calibrated_at, zone)):
        return infusion
    vial = replace(infusion.vial, calibrated_at=_moved(calibrated_at, zone))
    return replace(infusion, given_at=_moved(given_at, zone), vial=vial)


def _moved(moment: datetime | None, zone: tzinfo) -> datetime | None:
    return None if moment is None else on_clock(moment, zone)


def _is_off(moment: datetime | None, zone: tzinfo) -> bool:
    return moment is not None and on_clock(moment, zone).tzinfo != moment.tzinfo


def require_aware(moment: datetime | None, where: str) -> None:
    """Raise `InputError` when *moment* has no time zone, or lies outside of the years that can be."""
    if moment is not None and moment.tzinfo is None:
        raise InputError(
            f"the time {moment.isoformat()} has no time zone",
            where=where,
            remedy="Write it with its offset, for example 2026-03-04T10:00:00+01:00",
        )
    if moment is not None:
        require_in_calendar(moment, where)
