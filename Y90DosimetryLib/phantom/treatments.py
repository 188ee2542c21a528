"""Who the digital patient is, and the treatments it can have: invented, but as a tumor board would see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

from ..case import Basis, Disease, Encephalopathy, Grade, Infusion, Intent, Patient, Vial
from ..facts import FactValue
from .settings import BILOBAR_TUMORS, SEGMENT_TUMOR, PhantomSettings, Zone

_EASTERN = timezone(timedelta(hours=-5))
_PARIS = timezone(timedelta(hours=1))
CALIBRATED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=_EASTERN)
"""A Sunday noon."""
WEDNESDAY = datetime(2026, 3, 4, 9, 30, tzinfo=_PARIS)
FRIDAY = datetime(2026, 3, 6, 9, 30, tzinfo=_PARIS)
PET_AT = datetime(2026, 3, 5, 8, 0, tzinfo=_PARIS)
"""The morning after the Wednesday."""
TIME_ZONE = "Europe/Paris"
RESIDUAL_FRACTION = 0.01

PATIENT = Patient(
    weight_kg=74.0,
    height_cm=174.0,
    bilirubin_umol_l=12.0,
    albumin_g_l=41.0,
    inr_ratio=1.05,
    creatinine_umol_l=78.0,
    gfr_ml_min_173m2=88.0,
    ascites=Grade.NONE,
    encephalopathy=Encephalopathy.NONE,
    ecog=0,
    afp_ng_ml=180.0,
)


class Variant(StrEnum):
    """The treatments a digital patient can have.

    TWO_TUMORS: one vial into the right lobe, planned on the MAA SPECT as a lobectomy. LOBECTOMY: with a thrombus
    of the portal vein too, so that the scenario does not fit the disease. DELIVERED: the latter, seen by the Y-90 PET.
    MODIFIED_LOBECTOMY: a small tumor's segment 7 and then the whole right lobe that holds it, without thrombus.
    BILOBAR: both lobes in one session, a tumor on the left too, without thrombus.

    Two patients of Meerun et al. 2022 in whom the delivery differed from the plan, each the planned lobectomy and the
    PET of what happened. VASOSPASM: the tumors' arteries are in spasm, and the flow goes to the liver around them.
    PROXIMAL_THROMBUS: hardly any reaches the half of the thrombus toward the main portal vein.
    """

    TWO_TUMORS = "two_tumors"
    LOBECTOMY = "lobectomy"
    DELIVERED = "delivered"
    MODIFIED_LOBECTOMY = "modified_lobectomy"
    BILOBAR = "bilobar"
    VASOSPASM = "vasospasm"
    PROXIMAL_THROMBUS = "proximal_thrombus"


PLANNED_OTHERWISE = frozenset({Variant.VASOSPASM, Variant.PROXIMAL_THROMBUS})
"""Variants that were planned as the lobectomy and went otherwise."""
SPASM_RATIO = 0.9
"""Uptake of tumors behind a spasm, relative to normal liver: design choice, about none of their own."""
PROXIMAL_RATIO, DISTAL_RATIO = 0.1, 7.0
"""Uptake of the thrombus' halves: design choice, so that its mean dose stays above the target."""


@dataclass(frozen=True)
class Treatment:
    """What is given where and why, how it is seen, and whether the right lobe is to be resected later."""

    infusions: tuple[Infusion, ...]
    disease: Disease
    basis: Basis = Basis.PLANNED
    resection: bool = True


def lesions_of(variant: Variant, settings: PhantomSettings) -> PhantomSettings:
    """Return *settings* with the lesions, or their uptake, that a variant brings along, if it does."""
    if variant is Variant.MODIFIED_LOBECTOMY:
        return replace(settings, lesions=(SEGMENT_TUMOR,), thrombus_ratio=None)
    if variant is Variant.TWO_TUMORS:
        return replace(settings, thrombus_ratio=None)
    if variant is Variant.BILOBAR:
        return replace(settings, lesions=BILOBAR_TUMORS, thrombus_ratio=None)
    if variant is Variant.VASOSPASM:
        return replace(settings, lesions=tuple(replace(x, concentration_ratio=SPASM_RATIO) for x in settings.lesions))
    if variant is Variant.PROXIMAL_THROMBUS:
        return replace(settings, thrombus_ratio=DISTAL_RATIO, thrombus_proximal_ratio=PROXIMAL_RATIO)
    return settings


def treatment_of(variant: Variant, settings: PhantomSettings) -> Treatment:
    """Return the infusions and the disease of a variant."""

    def infusion(label: str, activity_gbq: float, zone: Zone, given_at: datetime) -> Infusion:
        return Infusion(
            label,
            Vial(activity_gbq, CALIBRATED_AT),
            zone.value,
            given_at,
            RESIDUAL_FRACTION,
            settings.lung_shunt_fraction,
        )

    if variant is Variant.BILOBAR:
        infusions: tuple[Infusion, ...] = (
            infusion("Right vial", 6.0, Zone.RIGHT_LOBE, FRIDAY),
            infusion("Left vial", 3.0, Zone.LEFT_LOBE, FRIDAY + timedelta(minutes=40)),
        )
        return Treatment(infusions, Disease(4, Intent.PALLIATIVE, _BILOBAR_FACTS), resection=False)
    if variant is Variant.MODIFIED_LOBECTOMY:
        infusions = (
            infusion("Segment vial", 5.0, Zone.SEGMENT_7, WEDNESDAY),
            infusion("Lobe vial", 4.0, Zone.RIGHT_LOBE, WEDNESDAY + timedelta(minutes=40)),
        )
        return Treatment(infusions, Disease(2, Intent.BRIDGE_TO_RESECTION, {**_LOBAR_FACTS, "pvtt_grade": "none"}))
    grade = "none" if settings.thrombus_ratio is None else "VP3"
    return Treatment(
        (infusion("Right vial", 6.0, Zone.RIGHT_LOBE, WEDNESDAY),),
        Disease(2, Intent.BRIDGE_TO_RESECTION, {**_LOBAR_FACTS, "pvtt_grade": grade}),
        Basis.DELIVERED if variant in {Variant.DELIVERED, *PLANNED_OTHERWISE} else Basis.PLANNED,
    )


_COMMON_FACTS: Mapping[str, FactValue] = {
    "diagnosis": "hcc",
    "device": "glass",
    "extrahepatic_disease": False,
    "hepatic_vein_thrombus_grade": "none",
    "previous_y90": False,
    "maa_performed": True,
    "extrahepatic_maa": False,
    "tumor_board_discussed": True,
    "baseline_imaging_date": date(2026, 2, 16),
}
_LOBAR_FACTS: Mapping[str, FactValue] = {
    **_COMMON_FACTS,
    "lobes_involved": "unilobar",
    "resectability": "borderline",
    "lobectomy_for_small_flr": True,
    "lobectomy_for_test_of_time": True,
    "comorbidity_precluding_surgery": False,
    "maa_site": "lobar",
    "maa_same_position": True,
    "perfused_volume_source": "cone_beam_ct",
}
_BILOBAR_FACTS: Mapping[str, FactValue] = {
    **_COMMON_FACTS,
    "lobes_involved": "bilobar",
    "pvtt_grade": "none",
    "aggressive_disease": True,
    "bilobar_strategy": "single_session",
    "maa_site": "proper_hepatic",
}
