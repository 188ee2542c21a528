"""The columns of the tables: name, unit, meaning and where each comes from. The data dictionary is made of this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..dosimetry.deposits import Model
from ..facts import Kind
from ..outcome import Necrosis
from ..staging import HepaticVeinInvasion, PortalInvasion
from ..vocabulary import UNITS, VOCABULARY, Each, Measure, Origin, measure

TUMORS, PATIENTS = "tumors", "patients"
LESIONS = "lesions and thrombi at the time points"
OUTCOME = "outcome"
YES_NO = "1 yes, 0 no"
FRACTION = "fraction, 1 is 100 %"
"""Growth may be negative, and a standardized remnant above 1."""
PATHOLOGY = f"{OUTCOME}, pathology"
NECROSES = ", ".join(Necrosis)
TO_RECURRENCE = "From the first treatment to recurrence"
LARGE_MM = 80.0
"""Above, a tumor is large: Meerun et al. 2022, Table 5."""
PAPER = "as in Table 5 of Meerun et al. 2022"
COURSE_OF_TUMORS = ("progression_months", "progressed", "survival_months", "died", "follow_up_months")
"""Columns of the patient that `y90 cohort stats` reads in the rows of the tumors."""
DOSE_MODELS = (Model.MULTI, Model.SINGLE, Model.PARTITION)
BASES = ("planned", "delivered")


@dataclass(frozen=True)
class Column:
    """One column of a table. `unit` is empty where there is none; `source` is a measure's id, or says what it is."""

    table: str
    name: str
    unit: str
    meaning: str
    source: str

    @property
    def values(self) -> tuple[str, ...]:
        """The column as a line of the dictionary."""
        return (self.table, self.name, self.unit, self.meaning, self.source)


DICTIONARY_HEADINGS = ("table", "column", "unit", "meaning", "source")


def column_name(measure_id: str) -> str:
    """Return the column of a measure: its model, if it has one, before the unit that ends the name.

    >>> column_name("ntad_gy.multicompartment")
    'ntad_multicompartment_gy'
    """
    words, _, model = measure_id.partition(".")
    if not model:
        return words
    unit = max((u for u in UNITS if words.endswith(f"_{u}")), key=len)
    return f"{words.removesuffix(f'_{unit}')}_{model}_{unit}"


def dose_column(basis: str, model: Model, volume: str = "") -> str:
    """Return the column of a planned or delivered dose; the multicompartment dose of a tumor needs no more words."""
    middle = f"{volume}_" if volume else ""
    by = "" if model is Model.MULTI and not volume else f"{model.value}_"
    return f"{basis}_{middle}dose_{by}gy"


def patient_measures() -> tuple[Measure, ...]:
    """Return the measures that are columns of the patients: all that exist once a case and are no date."""
    return tuple(
        m
        for m in VOCABULARY.values()
        if m.each is Each.CASE and m.origin is not Origin.FUNCTION and m.kind is not Kind.DATE
    )


TUMOR_MEASURES = ("tumor_volume_ml", "tumor_coverage_fraction", "tumor_dose_gy.multicompartment")
"""Measures that are columns of the tumors, beside those that bear the names of the published table."""


def _of_measure(table: str, entry: Measure) -> Column:
    meaning = entry.title
    if entry.kind is Kind.YES_NO:
        meaning += f" ({YES_NO})"
    elif entry.choices:
        meaning += f" ({', '.join(entry.choices)})"
    elif entry.model:
        meaning += f" ({entry.model.replace('_', ' ')})"
    return Column(table, column_name(entry.id), _unit(entry), meaning, entry.id)


def _unit(entry: Measure) -> str:
    if entry.is_day:
        return "days since calibration"
    return FRACTION if entry.unit is UNITS["fraction"] else entry.unit.screen


def _tumor_columns() -> Iterator[Column]:
    def column(name: str, unit: str, meaning: str, source: str) -> Column:
        return Column(TUMORS, name, unit, meaning, source)

    portal = ", ".join(g.name for g in PortalInvasion if g)
    hepatic = ", ".join(g.name for g in HepaticVeinInvasion if g)
    yield column("tumor_id", "", "Pseudonym of the tumor; key.csv names it", "order in the case file")
    yield column("patient", "", "Pseudonym of the patient; key.csv names the case", "assigned")
    yield column("pvtt", "", f"Portal vein tumor thrombus of the patient (none, {portal})", "pvtt_grade")
    yield column(
        "hvt", "", f"Hepatic vein tumor thrombus of the patient (none, {hepatic})", "hepatic_vein_thrombus_grade"
    )
    yield column("afp_ng_ml", UNITS["ng_ml"].screen, "Alpha-fetoprotein of the patient", "afp_ng_ml")
    yield column("index_tumor_size_mm", "mm", f"Longest diameter of this tumor, {PAPER}", "tumor_diameter_mm")
    yield column(
        "best_mrecist", "", "Best localized mRECIST response of the patient up to surgery", "localized_mrecist"
    )
    yield column(
        "best_change_fraction",
        "fraction",
        "Largest fall of the viable diameter up to surgery: -0.3 is 30 % less",
        LESIONS,
    )
    yield column("necrosis", "", f"Pathological necrosis of this tumor ({NECROSES})", PATHOLOGY)
    yield column("mve", "", f"Microvascular emboli in any tumor of the patient ({YES_NO})", PATHOLOGY)
    yield column("post_dose_gy", "Gy", f"Delivered mean dose, {PAPER}: delivered_dose_gy again", "delivered sessions")
    yield column("tts_months", "months", "From the last treatment to surgery, planned or done", "to_surgery_months")
    yield column("ttr_months", "months", TO_RECURRENCE, OUTCOME)
    yield column("multifocal", "", f"The patient has more than one tumor ({YES_NO})", "tumor_count")
    yield column("large_gt8cm", "", f"This tumor is longer than {LARGE_MM:g} mm ({YES_NO})", "tumor_diameter_mm")
    yield column("is_index_row", "", f"The largest tumor of its patient ({YES_NO})", "tumor_diameter_mm")
    for entry in _course_columns(TUMORS):
        if entry.name in COURSE_OF_TUMORS:
            yield entry
    for basis in BASES:
        for model in DOSE_MODELS:
            meaning = f"Mean dose of the tumor, {basis} ({model.display_name}); all {basis} sessions"
            yield column(dose_column(basis, model), "Gy", meaning, f"{basis} sessions")
    for name in TUMOR_MEASURES:
        yield _of_measure(TUMORS, measure(name))


def _course_columns(table: str) -> Iterator[Column]:
    def column(name: str, unit: str, meaning: str, source: str = LESIONS) -> Column:
        return Column(table, name, unit, meaning, source)

    months, watched = "months", f"{OUTCOME}, time points, follow_up_date"
    studies = f"{LESIONS}, {OUTCOME}"
    for name, scope in (("localized", "in the treated zone"), ("overall", "of the whole disease")):
        fact = "localized_mrecist" if name == "localized" else "mrecist"
        meaning = f"Best mRECIST response up to surgery, {scope} (CR, PR, SD, PD)"
        yield column(f"best_{name}_mrecist", "", meaning, f"{LESIONS}, {fact}")
        yield column(f"best_{name}_mrecist_months", months, "From the first treatment to that response")
    yield column("progressed", "", f"Progression of the whole disease or recurrence was seen ({YES_NO})", studies)
    until = "From the first treatment to the first of both, or to the last day that is known to be without"
    yield column("progression_months", months, until, studies)
    yield column("follow_up_months", months, "From the first treatment to the last day that is known", watched)
    yield column("died", "", f"The patient died ({YES_NO})", OUTCOME)
    yield column("survival_months", months, "From the first treatment to death, or last known alive", watched)
    growth = "remnant at the baseline and now"
    yield column(
        "flr_degree_of_hypertrophy_fraction", "fraction", "Growth of the remnant: sFLR now less before", growth
    )
    yield column("flr_kinetic_growth_per_week_fraction", "fraction a week", "The same for each week", growth)


def _patient_columns() -> Iterator[Column]:
    def column(name: str, meaning: str, source: str, unit: str = "") -> Column:
        return Column(PATIENTS, name, unit, meaning, source)

    yield column("patient", "Pseudonym of the patient; key.csv names the case", "assigned")
    yield column("software_version", "Version of the software", "version")
    for entry in patient_measures():
        yield _of_measure(PATIENTS, entry)
    yield column("liver_activity_total_gbq", "Activity in the liver, all infusions", "liver_activity_gbq", "GBq")
    yield column("residual_highest_fraction", "Highest residual of an infusion", "residual_fraction", FRACTION)
    yield column("lung_shunt_highest_fraction", "Highest lung shunt of an infusion", "lung_shunt_fraction", FRACTION)
    for basis in BASES:
        meaning = f"Mean dose of the perfused normal liver, {basis} (multicompartment); all {basis} sessions"
        yield column(dose_column(basis, Model.MULTI, "normal_liver"), meaning, f"{basis} sessions", "Gy")
    yield column("verdict_worst_severity", "Gravest severity of a rule that is not met (none if all are)", "verdict")
    yield column("verdict_targets_met_count", "Targets met", "verdict")
    yield column("verdict_targets_count", "Targets that apply", "verdict")
    yield column("verdict_not_evaluable_count", "Rules that apply and need data", "verdict")
    yield column("verdict_judged_count", "Rules that apply", "verdict")
    for severity in ("contraindication", "warning", "target", "information"):
        yield column(f"{severity}_count", f"Findings of the severity {severity}", "findings")
    yield column("rules_not_met", "Ids of the rules that are not met, with ; between", "findings")
    yield column("checks_error_count", "Technical checks that raised an error", "checks")
    yield column("checks_warning_count", "Technical checks that raised a warning", "checks")
    yield column("checks_raised", "Ids of these checks, with ; between", "checks")
    yield from _course_columns(PATIENTS)
    yield column("ttr_months", TO_RECURRENCE, OUTCOME, "months")
    yield column("worst_necrosis", f"The poorest necrosis of any tumor ({NECROSES})", PATHOLOGY)
    yield column("mve", f"Microvascular emboli in any tumor ({YES_NO})", PATHOLOGY)


COLUMNS: tuple[Column, ...] = (*_tumor_columns(), *_patient_columns())


def columns_of(table: str) -> tuple[str, ...]:
    """Return the names of the columns of one table, in order."""
    return tuple(c.name for c in COLUMNS if c.table == table)


def as_markdown() -> str:
    """Return the dictionary as a page."""
    lines = [
        "# Columns of the cohort's tables",
        "",
        "An empty cell is a value that is missing; missing.csv says why. Yes is 1, no is 0. Times are intervals.",
    ]
    for table in (TUMORS, PATIENTS):
        lines += ["", f"## {table}.csv", "", "| column | unit | meaning | source |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(c.values[1:])} |" for c in COLUMNS if c.table == table]
    return "\n".join(lines) + "\n"
