"""Clinical facts a team may state about a case: one table that the case file, the panel and the rules share.

A fact that is not stated is unknown; nothing here has a default value.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .errors import InputError
from .quantities import FIRST_YEAR, LAST_YEAR

FactValue = bool | int | float | str | date


class Kind(StrEnum):
    """What type of answer a fact takes."""

    YES_NO = "yes_no"
    COUNT = "count"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"


@dataclass(frozen=True)
class Fact:
    """One question to the team: its id (a number's id ends in its unit), wording, type and who needs it."""

    id: str
    title: str
    kind: Kind
    group: str
    scenarios: tuple[int, ...] = (1, 2, 3, 4, 5)
    unit: str = ""
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


GROUPS: Mapping[str, str] = {
    "disease": "Disease",
    "history": "Before this treatment",
    "planning": "Mapping and plan",
    "delivery": "Delivery",
    "follow_up": "Follow-up",
    "surgery": "Surgery and transplantation",
}
"""The groups of facts in the order a team meets them, with their titles."""

LOBES = ("unilobar", "bilobar")
RESPONSES = ("CR", "PR", "SD", "PD")
MODALITIES = ("multiphase_mr", "contrast_ct", "other")
NOT_SEGMENTECTOMY = (2, 3, 4, 5)


def _catalog() -> Iterator[Fact]:
    yes_no, choice, number = Kind.YES_NO, Kind.CHOICE, Kind.NUMBER

    group = "disease"
    yield Fact("diagnosis", "Diagnosis", choice, group, choices=("hcc", "cholangiocarcinoma", "metastases", "other"))
    yield Fact("device", "Microspheres", choice, group, choices=("glass", "resin", "other"))
    yield Fact("within_labeled_indication", "Use lies within the product's label of this country", yes_no, group)
    yield Fact("extrahepatic_disease", "Disease outside the liver", yes_no, group)
    yield Fact("lobes_involved", "Lobes with tumor", choice, group, choices=LOBES)
    yield Fact("pvtt_grade", "Portal vein tumor thrombus", choice, group, choices=("none", "VP1", "VP2", "VP3", "VP4"))
    yield Fact(
        "pvtt_side",
        "Side of the portal vein thrombus",
        choice,
        group,
        choices=("none", "right", "left", "both", "main_trunk"),
    )
    yield Fact(
        "hepatic_vein_thrombus_grade",
        "Hepatic vein tumor thrombus",
        choice,
        group,
        choices=("none", "VV1", "VV2", "VV3"),
    )
    yield Fact("mvi_lobes", "Lobes with macrovascular invasion", choice, group, choices=LOBES)
    yield Fact("microsatellites_suspected", "Microsatellites suspected", yes_no, group, (1,))
    yield Fact("infiltrative_disease", "Tumor and normal liver can't be told apart (infiltrative)", yes_no, group, (5,))
    yield Fact("aggressive_disease", "Highly aggressive bilobar disease", yes_no, group, (4,))
    yield Fact("predominant_in_one_lobe", "Bilobar disease predominates in one lobe", yes_no, group, NOT_SEGMENTECTOMY)
    yield Fact(
        "contralateral_ablation_curative",
        "Thermal ablation can cure the other lobe's disease",
        yes_no,
        group,
        NOT_SEGMENTECTOMY,
    )
    yield Fact(
        "resectability",
        "Resectability",
        choice,
        group,
        NOT_SEGMENTECTOMY,
        choices=("resectable", "borderline", "unresectable"),
    )
    yield Fact(
        "bclc_stage_stated", "BCLC stage, as the team states it", choice, group, choices=("0", "A", "B", "C", "D")
    )

    group = "history"
    yield Fact("previous_hepatectomy", "Previous hepatectomy", yes_no, group, (1,))
    yield Fact("prior_radiation", "Earlier external beam or stereotactic radiation of the liver", yes_no, group, (1,))
    yield Fact("prior_chemoembolization", "Earlier chemoembolization", yes_no, group, (1,))
    yield Fact("arterial_patency_confirmed", "Angiography confirmed the arterial supply", yes_no, group, (1,))
    yield Fact("abutting_organs", "Tumor abuts colon, gallbladder or stomach", yes_no, group, (1,))
    yield Fact("previous_pve", "Earlier portal vein embolization", yes_no, group, (2,))
    yield Fact("comorbidity_precluding_surgery", "Comorbidity that precludes surgery", yes_no, group, NOT_SEGMENTECTOMY)
    yield Fact("previous_y90", "Y-90 treatments before those of this case", yes_no, group)
    yield Fact(
        "earlier_lung_dose_gy",
        "Lung dose of the Y-90 treatments before this case",
        number,
        group,
        unit="Gy",
        at_least=0.0,
        at_most=200.0,
    )

    group = "planning"
    yield Fact("baseline_modality", "Imaging before the treatment", choice, group, (1,), choices=MODALITIES)
    yield Fact("baseline_imaging_date", "Date of the imaging before the treatment", Kind.DATE, group, NOT_SEGMENTECTOMY)
    yield Fact(
        "tumor_board_discussed", "Discussed by a multidisciplinary tumor board", yes_no, group, NOT_SEGMENTECTOMY
    )
    yield Fact("maa_performed", "Tc-99m MAA mapping performed", yes_no, group)
    yield Fact(
        "maa_site",
        "Where the Tc-99m MAA was given",
        choice,
        group,
        choices=("segmental", "lobar", "dominant_lobe", "proper_hepatic", "split_right_left", "two_mappings"),
    )
    yield Fact("maa_same_position", "Catheter position for Y-90 as for the MAA", yes_no, group)
    yield Fact("same_day_mapping", "Mapping and treatment on the same day", yes_no, group, (1,))
    yield Fact("extrahepatic_maa", "MAA outside liver and lungs", yes_no, group)
    yield Fact("extrahepatic_corrected", "Flow outside liver and lungs was corrected", yes_no, group)
    yield Fact(
        "perfused_volume_source",
        "How the perfused volume was found",
        choice,
        group,
        choices=("cone_beam_ct", "angiography", "spect", "anatomy"),
    )
    yield Fact(
        "gastrointestinal_branch", "A gastrointestinal branch leaves beyond the catheter tip", yes_no, group, (1,)
    )
    yield Fact("segments_treated_count", "Couinaud segments treated", Kind.COUNT, group, (1,), at_least=1, at_most=8)
    yield Fact("segments_in_both_lobes", "The treated segments lie in both lobes", yes_no, group, (1,))
    yield Fact("segmental_infusion_possible", "Segmental infusion is possible", yes_no, group, (1,))
    yield Fact("lobectomy_for_small_flr", "Reason: the future liver remnant is too small", yes_no, group, (2,))
    yield Fact("lobectomy_for_test_of_time", "Reason: a test of time before surgery is wanted", yes_no, group, (2,))
    yield Fact(
        "lobectomy_for_retraction", "Reason: tumor should retract from hepatic vein or vena cava", yes_no, group, (2,)
    )
    yield Fact("lobectomy_instead_of_surgery", "Reason: to delay or replace surgery", yes_no, group, (2,))
    yield Fact("segmentectomy_feasible", "A segmental infusion of the tumor is feasible too", yes_no, group, (2,))
    yield Fact("bilobar_strategy", "Strategy for both lobes", choice, group, (4,), choices=("staged", "single_session"))
    yield Fact("treated_lobes", "Lobes treated", choice, group, choices=LOBES)
    yield Fact("systemic_therapy_discussed", "Systemic therapy was part of the discussion", yes_no, group)
    yield Fact(
        "normal_liver_limit",
        "Limit of the normal liver that decides: perfused (120 Gy), whole (50 or 90 Gy), or either",
        choice,
        group,
        (2,),
        choices=("perfused", "whole", "either"),
    )
    yield Fact("judge_cohort_policy", "Judge by the surgical cohort's policy", yes_no, group, NOT_SEGMENTECTOMY)

    group = "delivery"
    yield Fact("microcatheter_french", "Microcatheter size", number, group, (1,), unit="F", at_least=1.0, at_most=4.0)
    yield Fact("contrast_reflux", "Contrast refluxes into a neighboring angiosome", yes_no, group, (1,))
    yield Fact("labs_between_stages", "Liver function was tested before the second stage", yes_no, group, (4,))
    yield Fact(
        "post_treatment_imaging_h",
        "Time from the treatment to the Y-90 PET/CT",
        number,
        group,
        NOT_SEGMENTECTOMY,
        unit="h",
        at_least=0.0,
        at_most=10_000.0,
    )

    group = "follow_up"
    yield Fact("follow_up_date", "Date of this follow-up", Kind.DATE, group)
    yield Fact("follow_up_modality", "Imaging at this follow-up", choice, group, (1,), choices=MODALITIES)
    yield Fact(
        "localized_mrecist", "Response in the treated zone (localized mRECIST)", choice, group, choices=RESPONSES
    )
    yield Fact("mrecist", "Response of the whole disease (mRECIST)", choice, group, choices=RESPONSES)
    yield Fact(
        "last_imaging_age_months",
        "Time since the last follow-up imaging",
        number,
        group,
        NOT_SEGMENTECTOMY,
        unit="months",
        at_least=0.0,
        at_most=1_200.0,
    )
    yield Fact(
        "flr_before_treatment_ml",
        "Future liver remnant before the treatment",
        number,
        group,
        (2,),
        unit="mL",
        at_least=0.0,
        at_most=5000.0,
    )
    for month in FLR_IMAGING_MONTHS:
        yield Fact(f"flr_imaged_month_{month}", f"Remnant imaged around month {month}", yes_no, group, (2,))
    yield Fact("retreatment_planned", "Another locoregional treatment is planned", yes_no, group, (3, 4, 5))
    yield Fact("systemic_therapy_planned", "Systemic therapy is planned", yes_no, group, (3, 4, 5))
    yield Fact("pve_planned", "Portal vein embolization is planned after the treatment", yes_no, group, (2,))
    yield Fact("function_imaging_used", "Scintigraphy or EOB-MR used for liver function", yes_no, group, (2,))

    group = "surgery"
    yield Fact("surgery_planned", "Resection or transplantation is planned", yes_no, group, NOT_SEGMENTECTOMY)
    yield Fact("surgery_date", "Date of surgery, planned or done", Kind.DATE, group, NOT_SEGMENTECTOMY)
    yield Fact(
        "severe_portal_hypertension",
        "Severe portal hypertension that precludes resection",
        yes_no,
        group,
        NOT_SEGMENTECTOMY,
    )
    yield Fact("downstaged", "Downstaged to transplant criteria", yes_no, group, NOT_SEGMENTECTOMY)
    yield Fact(
        "free_of_other_tumor_months",
        "Time without any other tumor since downstaging",
        number,
        group,
        NOT_SEGMENTECTOMY,
        unit="months",
        at_least=0.0,
        at_most=1_200.0,
    )


FLR_IMAGING_MONTHS = (1, 3, 6, 9)
"""When the remnant is imaged after radiation lobectomy: Salem et al. 2023, scenario 2, outcome assessment, 1."""
FLR_IMAGING_TOLERANCE_MONTHS: Mapping[int, float] = {1: 0.46, 3: 1.0, 6: 1.0, 9: 1.0}
"""Tool default: how far from each of these months an image still counts as of it; 0.46 is two weeks."""

TIMED_FACTS = (
    "localized_mrecist",
    "mrecist",
    "pvtt_grade",
    "hepatic_vein_thrombus_grade",
    "extrahepatic_disease",
    "retreatment_planned",
    "systemic_therapy_planned",
    "pve_planned",
    "function_imaging_used",
)
"""Facts that may also be stated for one day of the follow-up; on the last day they count for the case."""

CATALOG: Mapping[str, Fact] = {fact.id: fact for fact in _catalog()}


def check_facts(facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Return *facts* when every id is in the catalog and every value fits it.

    Raises
    ------
    InputError
        For an unknown id (the nearest known one is suggested) or a value of another type or range.
    """
    for name, value in facts.items():
        fact = CATALOG.get(name)
        if fact is None:
            near = difflib.get_close_matches(name, CATALOG, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else "See `y90 case new` for the list"
            raise InputError(f"unknown fact '{name}'", where="facts", remedy=remedy)
        problem = _misfit(fact, value)
        if problem:
            raise InputError(f"'{name}' is {value!r}: {problem}", where="facts", remedy=f"It asks: {fact.title}")
    return dict(facts)


def _misfit(fact: Fact, value: FactValue) -> str:
    if fact.kind is Kind.YES_NO:
        return "" if isinstance(value, bool) else "answer true or false"
    if fact.kind is Kind.CHOICE:
        return "" if value in fact.choices else f"choose one of {', '.join(fact.choices)}"
    if fact.kind is Kind.DATE:
        is_day = isinstance(value, date) and FIRST_YEAR <= value.year <= LAST_YEAR
        return "" if is_day else f"give a date such as 2026-03-04, between {FIRST_YEAR} and {LAST_YEAR}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "give a number"
    if fact.kind is Kind.COUNT and not isinstance(value, int):
        return "give a whole number"
    if not math.isfinite(value):
        return "give a finite number"
    if fact.at_least is not None and value < fact.at_least:
        return f"it can't be below {fact.at_least:g} {fact.unit}".rstrip()
    if fact.at_most is not None and value > fact.at_most:
        return f"it can't be above {fact.at_most:g} {fact.unit}".rstrip()
    return ""
