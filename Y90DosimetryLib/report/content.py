"""What a report says, before it is JSON or HTML: rows of numbers with unit, model and the reason for each gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..case import Case, Session
from ..checks import CheckResult, Level
from ..checks import Outcome as CheckOutcome
from ..dosimetry.deposits import Model
from ..dosimetry.dvh import Dvh, DvhSummary
from ..dosimetry.regions import RegionKind
from ..dosimetry.typical import CALIBRATION_FRACTION, PRESET, SURFACE_MM
from ..dosimetry.voxel import MODEL_TITLES
from ..engine import Assessment
from ..followup.overview import FollowUp
from ..followup.pathology import PatientNecrosis, explant_of
from ..guidelines import Finding, Verdict
from ..guidelines.document import AGE
from ..images import ActivityMap
from ..io.case_file import InputFile
from ..measures import Measurement
from ..missing import Missing
from ..planning import Difference, comparison_of
from ..version import __version__

NOTICE = "For research and decision support. Not a certified medical device: verify every number before clinical use."

MODELS = (Model.SINGLE, Model.PARTITION, Model.PARTITION_GIVEN, Model.MULTI)


@dataclass(frozen=True)
class DoseRow:
    """One reported volume: its size, its mean dose under each model, and its DVH on the dose map."""

    label: str
    kind: str
    volume_ml: float
    mass_g: float
    mean_gy: Mapping[Model, float | Missing]
    dvh: DvhSummary | Missing


@dataclass(frozen=True)
class InfusionRow:
    """One infusion: its vial, its times, and where its activity goes."""

    session: str
    label: str
    perfused: str
    basis: str
    calibrated_at: datetime | None
    given_at: datetime | None
    activity_gbq: float
    residual_fraction: float | None
    lung_shunt_fraction: float | Missing
    liver_activity_gbq: float | Missing
    lung_activity_gbq: float | Missing
    tumor_to_normal_ratio: float | Missing
    counted: bool


@dataclass(frozen=True)
class Content:
    """Everything a report says about one assessment."""

    case: Case
    verdict: Verdict
    dose_rows: tuple[DoseRow, ...]
    infusion_rows: tuple[InfusionRow, ...]
    lung_doses_gy: tuple[tuple[str, float | Missing], ...]
    flr_dvh: Dvh | Missing
    dose_model: str
    lost_by_session_fraction: tuple[tuple[str, float], ...]
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    methods: tuple[tuple[str, str], ...]
    inputs: tuple[InputFile, ...]
    created_at: datetime
    version: str = __version__
    follow_up: FollowUp | None = None
    explant: PatientNecrosis | None = None
    """None without any pathology."""
    differences: tuple[Difference, ...] | None = None
    """What was delivered otherwise than planned; None where no plan was delivered, or an error falsifies every dose."""

    @property
    def raised(self) -> tuple[CheckResult, ...]:
        """The technical checks that found something."""
        return tuple(c for c in self.checks if c.outcome is CheckOutcome.RAISED)

    @property
    def warned(self) -> tuple[str, ...]:
        """What the technical checks warn of, beside the verdict: it judges doses and not whether they can be right."""
        return tuple(dict.fromkeys(c.message for c in self.raised if c.check.level is Level.WARNING))

    @property
    def replaced(self) -> frozenset[str]:
        """Plans that a later session delivered: shown, and in no total."""
        return frozenset(r.session for r in self.infusion_rows if not r.counted)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models worth a column: a given T:N ratio only where one is given."""
        asked = any(
            r.mean_gy[Model.PARTITION_GIVEN] for r in self.dose_rows if _is_number(r.mean_gy[Model.PARTITION_GIVEN])
        )
        return tuple(m for m in MODELS if m is not Model.PARTITION_GIVEN or asked)


def content_of(assessment: Assessment, inputs: Sequence[InputFile] = (), created_at: datetime | None = None) -> Content:
    """Gather what a report says."""
    case, doses = assessment.case, assessment.doses
    parts = doses.prepared.compartments
    rows = []
    for region, histogram in zip(assessment.regions, assessment.dvhs, strict=True):
        volume_ml = parts.volume_ml(region.indices)
        rows.append(
            DoseRow(
                region.label,
                region.kind.value,
                volume_ml,
                volume_ml * case.settings.liver_density_g_ml,
                {model: doses.dose_gy(model, region.indices) for model in MODELS},
                histogram.dvh if isinstance(histogram.dvh, Missing) else histogram.dvh.summary(),
            )
        )
    dose_map = assessment.dose_map
    return Content(
        case=case,
        verdict=assessment.verdict,
        dose_rows=tuple(rows),
        infusion_rows=tuple(_infusion_rows(assessment)),
        lung_doses_gy=tuple(
            (s.session.label, dose) for s, dose in zip(doses.sessions, doses.lung_doses_gy, strict=True)
        ),
        flr_dvh=assessment.flr_dvh,
        dose_model=dose_map.because if isinstance(dose_map, Missing) else dose_map.model,
        lost_by_session_fraction=tuple(
            (s.session.label, m.energy_outside_liver_fraction)
            for s, m in zip(doses.sessions, assessment.maps, strict=True)
            if not isinstance(m, Missing)
        ),
        measurements=assessment.measurements,
        findings=assessment.findings,
        checks=assessment.checks,
        methods=tuple(_methods(assessment)),
        inputs=tuple(inputs),
        created_at=created_at or datetime.now(UTC).replace(microsecond=0),
        follow_up=assessment.follow_up,
        explant=explant_of(case, doses),
        differences=_differences(assessment),
    )


def _differences(assessment: Assessment) -> tuple[Difference, ...] | None:
    if assessment.engine.errors:  # a check says so in the report, and the plan refuses
        return None
    comparison = comparison_of(assessment.engine)
    return None if comparison is None else comparison.differences


def _infusion_rows(assessment: Assessment) -> list[InfusionRow]:
    rows = []
    for index, session in enumerate(assessment.doses.sessions):
        for doses in session.infusions:
            infusion, net = doses.infusion, doses.net
            rows.append(
                InfusionRow(
                    session.session.label,
                    infusion.label,
                    infusion.perfused,
                    session.session.basis.value,
                    infusion.vial.calibrated_at,
                    infusion.given_at,
                    doses.activity_gbq,
                    infusion.residual_fraction,
                    doses.lung_shunt_fraction,
                    net if isinstance(net, Missing) else net.liver_gbq,
                    net if isinstance(net, Missing) else net.lung_gbq,
                    doses.tumor_to_normal_ratio,
                    index in assessment.doses.counted,
                )
            )
    return rows


def _methods(assessment: Assessment) -> list[tuple[str, str]]:
    settings = assessment.case.settings
    rows = [
        ("Recommendations", AGE),
        (
            "Uncertainty in the verdict",
            f"preset '{PRESET}': recovery by volume (D'Arienzo 2017), outline {SURFACE_MM:g} mm, activity"
            f" {CALIBRATION_FRACTION * 100:g} %, shunt and residual 1 % absolute; two standard deviations",
        ),
        ("Energy per activity", f"{settings.joule_per_gbq:g} J/GBq"),
        ("Half-life", f"{settings.half_life_h:g} h"),
        ("Liver density", f"{settings.liver_density_g_ml:g} g/mL, tumor included"),
        ("Lung mass", _lung_mass_words(assessment)),
        ("Body surface area, estimated liver volume", f"{settings.bsa_formula}, {settings.telv_formula}"),
        ("Voxel dose", MODEL_TITLES[settings.dose_model]),
        ("Hospital time zone", settings.hospital_time_zone or "that of the infusion's own time"),
    ]
    for session in assessment.case.sessions:
        rows.append((f"Image of session '{session.label}'", _image_words(session)))
    for doses in assessment.doses.sessions:
        if doses.session.image is not None and not isinstance(doses.session.image, ActivityMap):
            reference = doses.reference
            words = f"not used: {reference.because}" if isinstance(reference, Missing) else reference.text
            rows.append((f"Counts of session '{doses.session.label}'", words))
    return rows


def _lung_mass_words(assessment: Assessment) -> str:
    mass_g = assessment.doses.prepared.lung_mass_g
    if isinstance(mass_g, Missing):
        return mass_g.because
    return f"{mass_g:.0f} g, {'measured on the CT' if assessment.case.settings.lung_mass_g is None else 'as set'}"


def _image_words(session: Session) -> str:
    if session.image is None:
        return "none: no multicompartment dose"
    image = session.image.image
    spacing = " x ".join(f"{s:.3g}" for s in image.GetSpacing())
    if not isinstance(session.image, ActivityMap):
        return f"counts, relative, {spacing} mm"
    moment = session.image.reference_time
    return f"Bq/mL at {moment.isoformat() if moment else 'infusion'}, {spacing} mm"


def lesion_kinds() -> frozenset[str]:
    """Return the kinds of rows that are tumors or thrombi."""
    return frozenset({RegionKind.TUMOR, RegionKind.PVTT, RegionKind.HEPATIC_VEIN_THROMBUS})


def _is_number(value: float | Missing) -> bool:
    return not isinstance(value, Missing)
