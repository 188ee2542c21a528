"""A digital patient over time: the left lobe grows, the tumors shrink, and the truth of every study is known.

Growth and response are invented, in the range of what the surgical cohort saw (relative growth 4 to 81 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ..case import Case, Patient, Settings, TimeKind, TimePoint
from ..errors import InputError
from ..lesions import LesionReading, ThrombusReading
from ..progress import Progress, part, silent
from ..quantities import require_not_negative, require_positive
from ..structures import LESION_ROLES, Role
from ..timepoints import after_months
from .anatomy import THROMBUS, THROMBUS_LABEL, ellipsoid_of
from .patient import DigitalPatient, digital_patient
from .settings import Lesion, PhantomSettings
from .treatments import PATIENT, WEDNESDAY, Variant

BASELINE_LABEL = "Before treatment"
LEFT_OUT = (Role.LUNGS, Role.PLANNED_RESECTION)
"""Not outlined again at follow-up."""


@dataclass(frozen=True)
class Step:
    """One study so many calendar months after the treatment, relative to the day of treatment.

    Raises
    ------
    InputError
        If a ratio is not possible, or more of a tumor is viable than there is.
    """

    months_count: int
    flr_growth_ratio: float = 1.0
    """Times the volume of the left lobe."""
    tumor_volume_ratio: float = 1.0
    """Times the volume of each tumor."""
    viable_fraction: float = 1.0
    """Of each tumor's longest diameter."""
    patient: Patient = Patient()

    def __post_init__(self) -> None:
        where = f"digital patient, month {self.months_count}"
        require_positive(self.flr_growth_ratio, f"{where}, flr_growth_ratio")
        require_positive(self.tumor_volume_ratio, f"{where}, tumor_volume_ratio")
        require_not_negative(self.viable_fraction, f"{where}, viable_fraction")
        if self.viable_fraction > 1:
            raise InputError(f"{self.viable_fraction} of a tumor is viable", where=where, remedy="Give at most 1")

    @property
    def label(self) -> str:
        """The name of the study."""
        return f"Month {self.months_count}"


STEPS = (
    Step(1, 1.08, 0.90, 0.80, Patient(bilirubin_umol_l=15.0, albumin_g_l=39.0, inr_ratio=1.08, afp_ng_ml=120.0)),
    Step(3, 1.22, 0.65, 0.40, Patient(bilirubin_umol_l=14.0, albumin_g_l=40.0, inr_ratio=1.06, afp_ng_ml=20.0)),
    Step(6, 1.36, 0.45, 0.0, replace(PATIENT, afp_ng_ml=6.0)),
)
"""A good course: growth by 36 %, complete response at month 6."""


@dataclass(frozen=True)
class TrueVolumes:
    """The volumes of one study as the solids have them, in mL."""

    label: str
    liver_ml: float
    flr_ml: float
    tumors_ml: Mapping[str, float]


@dataclass(frozen=True)
class PatientOverTime:
    """A digital patient before the treatment, and the same at each step after it."""

    before: DigitalPatient
    steps: tuple[Step, ...]

    def at(self, step: Step) -> DigitalPatient:
        """Return the patient as of a step, on the same grids."""
        settings = self.before.settings
        grown = replace(
            settings,
            flr_growth_ratio=settings.flr_growth_ratio * step.flr_growth_ratio,
            lesions=tuple(replace(x, volume_ml=x.volume_ml * step.tumor_volume_ratio) for x in settings.lesions),
        )
        return replace(self.before, settings=grown)

    def truth(self) -> tuple[TrueVolumes, ...]:
        """Return the true volumes before the treatment and at each step."""
        found = [(BASELINE_LABEL, self.before), *((step.label, self.at(step)) for step in self.steps)]
        return tuple(
            TrueVolumes(
                label,
                patient.anatomy.liver_volume_ml,
                patient.anatomy.left_lobe.volume_ml,
                {lesion.label: lesion.volume_ml for lesion in patient.settings.lesions},
            )
            for label, patient in found
        )

    def case(self, settings: Settings | None = None, *, with_ct: bool = False, progress: Progress = silent) -> Case:
        """Return the case with its time points: readings before the treatment, outlines and readings after it.

        Raises
        ------
        Cancelled
            If *progress* stopped it.
        """
        case = self.before.case(settings, progress=part(progress, 0.0, 0.3))
        points = [self._baseline()]
        for number, step in enumerate(self.steps):
            progress(0.3 + 0.7 * number / len(self.steps), "simulating the studies after the treatment")
            points.append(self._point(step, with_ct))
        return replace(case, label=f"{case.label}, over time", time_points=tuple(points))

    def _baseline(self) -> TimePoint:
        """Return the readings of the study before the treatment, whose outlines are the case's own."""
        on = self.before.treatment.disease.facts["baseline_imaging_date"]
        assert isinstance(on, date)
        return TimePoint(
            BASELINE_LABEL,
            on,
            TimeKind.BASELINE,
            patient=PATIENT,
            lesions=self._lesions(Step(0)),
            thrombi=self._thrombi(enhances=True),
            modality="contrast_ct",
            new_lesions=False,
        )

    def _point(self, step: Step, with_ct: bool) -> TimePoint:
        patient = self.at(step)
        return TimePoint(
            step.label,
            after_months(WEDNESDAY, step.months_count),
            structures=tuple(s for s in patient.structures if s.role not in LEFT_OUT),
            ct=patient.ct if with_ct else None,
            patient=step.patient,
            lesions=self._lesions(step),
            thrombi=self._thrombi(enhances=step.viable_fraction > 0),
            modality="contrast_ct",
            new_lesions=False,
        )

    def _lesions(self, step: Step) -> tuple[LesionReading, ...]:
        return tuple(
            LesionReading(lesion.label, longest_mm * step.viable_fraction, longest_mm, is_treated=True)
            for lesion in self.at(step).settings.lesions
            for longest_mm in (_longest_mm(lesion),)
        )

    def _thrombi(self, *, enhances: bool) -> tuple[ThrombusReading, ...]:
        if not any(role in LESION_ROLES[1:] for role, *_ in self.before.anatomy.lesions):
            return ()
        return (
            ThrombusReading(
                THROMBUS_LABEL,
                enhances,
                2 * THROMBUS.radius_mm,
                extends_proximally=False,
                is_treated=True,
                grade=str(self.before.treatment.disease.facts["pvtt_grade"]),
            ),
        )


def patient_over_time(
    settings: PhantomSettings | None = None,
    steps: Sequence[Step] = STEPS,
    variant: Variant | str = Variant.DELIVERED,
) -> PatientOverTime:
    """Return a digital patient with studies after the treatment; 3 calendar months are the same day of the month.

    Raises
    ------
    InputError
        If a step is not possible or two are of one month.
    """
    months = [step.months_count for step in steps]
    if sorted(set(months)) != months or any(m <= 0 for m in months):
        raise InputError(
            f"studies at months {months}", where="digital patient", remedy="Give rising months after the treatment"
        )
    return PatientOverTime(digital_patient(settings, variant), tuple(steps))


def _longest_mm(lesion: Lesion) -> float:
    return 2 * max(ellipsoid_of(lesion).semi_axes_mm)
