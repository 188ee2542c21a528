"""The vocabulary: every number and fact that may be reported or judged, with its unit, model and way to supply it.

An id says the unit (its last word) and, after a dot, the dose model or the sum it stands for, so that a threshold
for one model never meets a number of another. "Multicompartment" doses come from the image by local deposition,
or, without an image, from a T:N ratio that was given;
"single compartment" is the mean over one perfused volume, tumor included. Doses add up over all sessions of the
case (what limits are judged on) unless the title says one session (what targets are judged on).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from .case import Intent
from .errors import InputError
from .facts import CATALOG, GROUPS, Kind


class Origin(StrEnum):
    """Who supplies a measure: the team states a fact, a case is computed, or a named rule function derives it."""

    FACT = "fact"
    CASE = "case"
    FUNCTION = "function"


class Each(StrEnum):
    """What a measure exists once for; `Measurement.about` then names the item."""

    CASE = ""
    TUMOR = "tumor"
    THROMBUS = "thrombus"
    INFUSION = "infusion"
    SESSION = "session"
    FOCUS = "focus"


@dataclass(frozen=True)
class Unit:
    """How a quantity is written on screen, its UCUM code, and how many decimals a reader wants."""

    screen: str
    ucum: str
    decimals: int


UNITS: Mapping[str, Unit] = {
    "gy": Unit("Gy", "Gy", 1),
    "gbq": Unit("GBq", "GBq", 2),
    "bq": Unit("Bq", "Bq", 0),
    "ml": Unit("mL", "mL", 0),
    "g": Unit("g", "g", 0),
    "mm": Unit("mm", "mm", 1),
    "m2": Unit("m2", "m2", 2),
    "h": Unit("h", "h", 1),
    "d": Unit("days", "d", 1),
    "months": Unit("months", "mo", 1),
    "fraction": Unit("%", "1", 1),
    "ratio": Unit("", "1", 2),
    "score": Unit("", "{score}", 2),
    "french": Unit("F", "[Ch]", 1),
    "mg_dl": Unit("mg/dL", "mg/dL", 2),
    "ng_ml": Unit("ng/mL", "ng/mL", 1),
    "ml_min_173m2": Unit("mL/min/1.73 m2", "mL/min/{1.73_m2}", 0),
}
"""By the last word of a number's id; fractions are shown in percent."""

COUNTED = Unit("", "1", 0)


@dataclass(frozen=True)
class Measure:
    """One entry of the vocabulary; `ask` says what to supply when it is missing."""

    id: str
    title: str
    kind: Kind
    ask: str
    each: Each = Each.CASE
    choices: tuple[str, ...] = ()
    origin: Origin = Origin.CASE

    @cached_property
    def unit(self) -> Unit:
        """The unit, read from the id; without unit for what is not a number."""
        if self.kind is not Kind.NUMBER:
            return COUNTED
        words = self.id.partition(".")[0]
        fitting = [suffix for suffix in UNITS if words.endswith(f"_{suffix}")]
        return UNITS[max(fitting, key=len)]

    @property
    def model(self) -> str:
        """The dose model or the sum after the dot of the id; empty where there is one meaning only."""
        return self.id.partition(".")[2]

    @cached_property
    def is_dose(self) -> bool:
        """Whether this is an absorbed dose."""
        return self.kind is Kind.NUMBER and self.unit is UNITS["gy"]

    @property
    def is_day(self) -> bool:
        """Whether this counts calendar days since calibration, so that it has a weekday."""
        return self.id.endswith("_day")


_OUTLINES = "outline the structures and give an image of the distribution"
_BY_COMPARTMENT = "outline the structures and give an image of the distribution, or a T:N ratio"
_LABS = "enter bilirubin, albumin, INR, ascites and encephalopathy"
_SINGLE = "outline the perfused volume; enter activity, residual and lung shunt fraction"
_TIMES = "enter the vial's calibration time and the time of infusion, both with their time zone"
_THROMBUS = "outline the thrombus and give an image of the distribution"


def _case_measures() -> Iterator[Measure]:
    number, count, yes_no, choice = Kind.NUMBER, Kind.COUNT, Kind.YES_NO, Kind.CHOICE
    tumor, infusion = Each.TUMOR, Each.INFUSION

    yield Measure("scenario", "Clinical scenario", count, "choose the scenario, 1 to 5")
    yield Measure("intent", "Intent", choice, "state the intent", choices=tuple(Intent))
    yield Measure(
        "case_stage",
        "Stage of the case",
        choice,
        "the sessions and the follow-up date say it",
        choices=("planning", "treated", "follow_up"),
    )
    yield Measure(
        "dose_basis", "Doses are", choice, "give an image to a session", choices=("planned", "delivered", "mixed")
    )

    yield Measure("bilirubin_mg_dl", "Bilirubin", number, "enter bilirubin")
    yield Measure("child_pugh_score", "Child-Pugh score", number, _LABS)
    yield Measure("child_pugh_class", "Child-Pugh class", choice, _LABS, choices=("A", "B", "C"))
    yield Measure("albi_score", "ALBI score", number, "enter bilirubin and albumin")
    yield Measure("albi_grade", "ALBI grade", count, "enter bilirubin and albumin")
    yield Measure("meld_score", "MELD score", number, "enter bilirubin, INR and creatinine")
    yield Measure("gfr_ml_min_173m2", "Glomerular filtration rate", number, "enter the GFR")
    yield Measure("ecog", "ECOG performance status", count, "enter the performance status")
    yield Measure("afp_ng_ml", "Alpha-fetoprotein", number, "enter the AFP")
    yield Measure("bsa_m2", "Body surface area", number, "enter weight and height")

    outline = "outline every tumor"
    spread = "outline every tumor; state vascular invasion and disease outside the liver"
    yield Measure("tumor_count", "Number of tumors", count, outline)
    yield Measure("tumor_diameter_mm", "Longest diameter", number, outline, tumor)
    yield Measure("largest_tumor_diameter_mm", "Largest tumor diameter", number, outline)
    yield Measure("smallest_tumor_diameter_mm", "Smallest tumor diameter", number, outline)
    yield Measure("tumor_volume_ml", "Tumor volume", number, outline, tumor)
    yield Measure("all_tumors_volume_ml", "Volume of all tumors and thrombi", number, outline)
    yield Measure("tumor_burden_fraction", "Tumor burden", number, "outline liver and tumors")
    yield Measure("macrovascular_invasion", "Macrovascular invasion", yes_no, "state the grade of both thrombi")
    yield Measure(
        "invasion_extent",
        "Extent of macrovascular invasion",
        choice,
        "state the grade of both thrombi",
        choices=("none", "segmental", "beyond"),
    )
    yield Measure(
        "extrahepatic_deposition",
        "Activity outside liver and lungs",
        choice,
        "state whether MAA went outside liver and lungs",
        choices=("none", "corrected", "present"),
    )
    focus = "correct the flow, or name the focus harmless"
    yield Measure("focus_volume_ml", "Focus outside liver and lungs", number, focus, Each.FOCUS)
    yield Measure("focus_counts_fraction", "Counts in a focus outside liver and lungs", number, focus, Each.FOCUS)
    yield Measure(
        "focus_dose_gy.multicompartment", "Mean dose of a focus outside liver and lungs", number, focus, Each.FOCUS
    )
    yield Measure("focus_harmless", "Focus named harmless", yes_no, focus, Each.FOCUS)
    yield Measure(
        "other_tumors_treated_otherwise", "Some tumors are treated otherwise", yes_no, "state how they are treated"
    )
    yield Measure("tumor_treated_otherwise", "Treated otherwise, no target of the infusions", yes_no, outline, tumor)
    yield Measure("unos_stage", "UNOS stage", choice, spread, choices=("T1", "T2", "T3", "T4a", "T4b"))
    yield Measure("within_milan", "Within the Milan criteria", yes_no, spread)
    yield Measure("within_ucsf", "Within the UCSF criteria", yes_no, spread)
    yield Measure("within_up_to_7", "Within the up-to-7 criteria", yes_no, spread)
    yield Measure("afp_model_score", "AFP model", number, f"{spread}; enter the AFP")
    yield Measure(
        "bclc_stage", "BCLC stage", choice, f"state it, or {spread} and ECOG", choices=("0", "A", "B", "C", "D")
    )

    volumes = "outline liver and perfused volumes"
    remnant = "outline the future liver remnant"
    yield Measure("liver_volume_ml", "Liver", number, "outline the liver")
    yield Measure("normal_liver_volume_ml", "Normal liver", number, "outline liver and tumors")
    yield Measure("perfused_volume_ml", "Perfused volume", number, "outline the perfused volume", infusion)
    yield Measure("perfused_normal_volume_ml", "Perfused normal liver", number, volumes)
    yield Measure("perfused_fraction", "Perfused share of the liver", number, volumes)
    yield Measure("hepatic_reserve_fraction", "Hepatic reserve", number, volumes)
    yield Measure("session_reserve_fraction", "Hepatic reserve of a session", number, volumes, Each.SESSION)
    yield Measure(
        "tumor_free_reserve_fraction",
        "Hepatic reserve without tumor",
        number,
        "outline liver, tumors, perfused volumes",
    )
    yield Measure("flr_volume_ml", "Future liver remnant", number, remnant)
    yield Measure("flr_study_liver_volume_ml", "Liver of the study that shows the remnant", number, "outline the liver")
    yield Measure(
        "flr_study_tumors_volume_ml", "Tumors and thrombi of the study that shows the remnant", number, outline
    )
    yield Measure("telv_ml", "Estimated total liver volume", number, "enter weight and height")
    yield Measure("sflr_fraction", "Standardized remnant (sFLR)", number, f"{remnant}; enter weight and height")
    yield Measure("flr_measured_fraction", "Remnant of the tumor-free liver", number, f"{remnant}, liver and tumors")
    yield Measure("lung_mass_g", "Lung mass", number, "enter it, or outline the lungs on a CT")
    coverage = "outline tumors and perfused volumes"
    yield Measure("tumor_coverage_fraction", "Tumor inside the perfused volume", number, coverage, tumor)
    yield Measure("tumor_lowest_coverage_fraction", "Lowest tumor coverage", number, coverage)
    yield Measure("thrombus_lowest_coverage_fraction", "Lowest thrombus coverage", number, f"{coverage} and thrombi")
    yield Measure("perfused_margin_mm", "Smallest margin around a tumor, liver capsule excluded", number, coverage)
    yield Measure("thrombus_targeting_ratio", "Lowest uptake of a thrombus over normal liver", number, _THROMBUS)

    yield Measure("session_count", "Sessions", count, "add a session")
    yield Measure("infusion_count", "Infusions of the last session", count, "add a session")
    yield Measure(
        "modified_lobectomy", "Segment and lobe infused in one session", yes_no, "outline the perfused volumes"
    )
    yield Measure("repeated_volume", "A volume is perfused in several sessions", yes_no, "outline the perfused volumes")
    yield Measure("multicompartment_available", "Doses by compartment are available", yes_no, _BY_COMPARTMENT)
    yield Measure(
        "multicompartment_source",
        "Doses by compartment come from",
        choice,
        f"{_OUTLINES}, or enter a T:N ratio",
        choices=("none", "image", "given_ratio", "both"),
    )
    yield Measure(
        "normal_liver_criterion",
        "Limit of the normal liver that decides",
        choice,
        "state which limit decides",
        choices=("perfused", "whole", "either"),
    )
    yield Measure("cohort_policy", "The surgical cohort's policy is judged", yes_no, "state the intent")
    yield Measure("stage_interval_d", "Shortest time between two sessions", number, "enter the times of all infusions")
    yield Measure(
        "larger_burden_first",
        "The lobe with more tumor is treated first",
        yes_no,
        "outline tumors and perfused volumes",
    )
    yield Measure(
        "baseline_imaging_age_months", "Imaging before the treatment", number, "enter its date and the time of infusion"
    )
    yield Measure(
        "since_treatment_months", "Time since the last treatment", number, "enter the times of infusion and follow-up"
    )
    yield Measure("to_surgery_months", "Time from the last treatment to surgery", number, "enter the date of surgery")
    growth = "enter the remnant before the treatment and outline it at follow-up"
    yield Measure("flr_hypertrophy_fraction", "Relative growth of the remnant", number, growth)

    yield Measure("vial_calibration_activity_gbq", "Vial, at calibration", number, _TIMES, infusion)
    yield Measure("liver_activity_gbq", "Activity in the liver", number, _SINGLE, infusion)
    yield Measure("residual_fraction", "Residual", number, "enter the residual", infusion)
    yield Measure("lung_shunt_fraction", "Lung shunt fraction", number, "enter it or outline the lungs", infusion)
    yield Measure("tumor_to_normal_ratio", "Tumor to normal ratio", number, _OUTLINES, infusion)
    yield Measure("hours_since_calibration_h", "Time since calibration", number, _TIMES, infusion)
    yield Measure("treatment_day", "Day of treatment", count, _TIMES, infusion)
    yield Measure("common_treatment_day", "Common day of treatment", count, _TIMES)
    yield Measure("activity_per_sphere_bq", "Activity of one sphere", number, _TIMES, infusion)

    multi, single = "multicompartment", "single_compartment"
    yield Measure(f"tumor_dose_gy.{multi}", "Mean tumor dose, all sessions", number, _BY_COMPARTMENT, tumor)
    yield Measure(f"tumor_session_dose_gy.{multi}", "Mean tumor dose", number, _BY_COMPARTMENT, tumor)
    yield Measure(f"tumor_lowest_dose_gy.{multi}", "Lowest mean tumor dose", number, _BY_COMPARTMENT)
    yield Measure(f"pvtt_dose_gy.{multi}", "Mean dose of a portal vein thrombus", number, _THROMBUS, Each.THROMBUS)
    yield Measure(
        f"hepatic_vein_thrombus_dose_gy.{multi}",
        "Mean dose of a hepatic vein thrombus",
        number,
        _THROMBUS,
        Each.THROMBUS,
    )
    yield Measure(f"thrombus_session_dose_gy.{multi}", "Mean thrombus dose", number, _THROMBUS, Each.THROMBUS)
    yield Measure(f"ntad_gy.{multi}", "Mean dose of the perfused normal liver", number, _BY_COMPARTMENT)
    yield Measure(
        f"ntad_session_gy.{multi}", "Mean dose of the perfused normal liver, one session", number, _BY_COMPARTMENT
    )
    yield Measure(f"whole_normal_liver_dose_gy.{multi}", "Mean dose of the whole normal liver", number, _BY_COMPARTMENT)
    yield Measure(f"perfused_dose_gy.{single}", "Mean dose of the perfused volume", number, _SINGLE, infusion)
    yield Measure(
        f"perfused_total_dose_gy.{single}", "Mean dose of the perfused volume, all sessions", number, _SINGLE, infusion
    )
    yield Measure(f"segment_dose_gy.{single}", "Segment, by its own vial", number, _SINGLE)
    yield Measure(f"lobe_dose_gy.{single}", "Whole lobe, by the lobar vial alone", number, _SINGLE)
    yield Measure(f"whole_liver_dose_gy.{single}", "Mean dose of the whole liver, tumor included", number, _SINGLE)
    for volume, title in (("tumor", "tumor"), ("normal", "perfused normal liver")):
        yield Measure(f"{volume}_dose_gy.partition", f"Mean dose of the {title}", number, _OUTLINES, infusion)
    yield Measure("lung_dose_gy.session", "Lung dose of one session", number, _SINGLE, Each.SESSION)
    yield Measure("lung_dose_gy.case", "Lung dose of all sessions of this case", number, _SINGLE)


def _function_measures() -> Iterator[Measure]:
    by = Origin.FUNCTION
    yield Measure(
        "lung_dose_gy.cumulative",
        "Lung dose, earlier treatments included",
        Kind.NUMBER,
        "state earlier Y-90 treatments and their lung dose",
        origin=by,
    )
    yield Measure(
        "scenario_5_route",
        "Approach to macrovascular invasion",
        Kind.CHOICE,
        "state the lobes with macrovascular invasion; enter what Child-Pugh needs",
        choices=("like_lobectomy", "like_bilobar", "not_named"),
        origin=by,
    )
    yield Measure(
        "good_maa_targeting", "High tumor and low normal-liver dose in the plan", Kind.YES_NO, _OUTLINES, origin=by
    )


def _fact_measures() -> Iterator[Measure]:
    for fact in CATALOG.values():
        ask = f"state it ({GROUPS[fact.group].lower()})"
        yield Measure(fact.id, fact.title, fact.kind, ask, choices=fact.choices, origin=Origin.FACT)


VOCABULARY: Mapping[str, Measure] = {
    measure.id: measure for measure in (*_case_measures(), *_function_measures(), *_fact_measures())
}


def measure(measure_id: str) -> Measure:
    """Return the vocabulary's entry; raises `InputError` for an id that is not in it."""
    try:
        return VOCABULARY[measure_id]
    except KeyError:
        raise InputError(
            f"'{measure_id}' is not in the vocabulary", where="measures", remedy="Use an id of VOCABULARY"
        ) from None
