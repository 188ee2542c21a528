"""What is known before there is an image: scores of the liver, and which scenarios fit what is stated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slicer.i18n import tr as _

from Y90DosimetryLib.case import Case, Disease, Patient, Settings
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import Outcome, judge, load_rules
from Y90DosimetryLib.measurements.clinical import CLINICAL
from Y90DosimetryLib.measurements.view import View
from Y90DosimetryLib.measures import VOCABULARY, Known, Measurement, measure, written
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.studies import telv_ml

SCENARIO_RULE = "GEN-04"
"""The library's rule that asks whether a scenario fits the disease."""
SCENARIOS = range(1, 6)
SCORES = ("child_pugh_score", "child_pugh_class", "albi_score", "albi_grade", "meld_score", "bsa_m2", "telv_ml")


def _ofBody(view: View) -> float | Missing:
    """Return the estimated liver volume of the body alone, whatever is known of images and studies."""
    patient = view.case.patient
    return telv_ml(view.case, patient.weight_kg, patient.height_cm)


FUNCTIONS = {**CLINICAL, "telv_ml": _ofBody}


@dataclass(frozen=True)
class Score:
    """One line under the laboratory values: its title, and its value or why there is none."""

    title: str
    text: str
    isKnown: bool


def scoresOf(patient: Patient, settings: Settings) -> tuple[Score, ...]:
    """Return what follows from body and laboratory values alone; impossible values are named, not scored."""
    view = View(Case("case", (), patient=patient, settings=settings), None, None, ())
    return tuple(_score(view, name) for name in SCORES)


def impossibleValues(patient: Patient, settings: Settings) -> tuple[str, ...]:
    """Return the values that no human has, as when typed in another unit; nothing can be judged with them."""
    view, found = View(Case("case", (), patient=patient, settings=settings), None, None, ()), []
    for name in SCORES:
        try:
            FUNCTIONS[name](view)
        except InputError as error:
            found.append(str(error))
    return tuple(dict.fromkeys(found))


def _score(view: View, name: str) -> Score:
    entry = measure(name)
    try:
        value = FUNCTIONS[name](view)
    except InputError:
        return Score(entry.title, _("not with an impossible value"), False)
    if isinstance(value, Missing):
        absent = ", ".join(_titleOf(need) for need in value.needs)
        return Score(entry.title, _("needs {values}").format(values=absent), False)
    return Score(entry.title, written(entry, value), True)


def scenarioTitle(scenario: int) -> str:
    """Return what a scenario is about, in the words of the consensus."""
    return {
        1: _("Radiation segmentectomy"),
        2: _("Radiation lobectomy"),
        3: _("Multifocal, one lobe, no macrovascular invasion"),
        4: _("Multifocal, both lobes, no macrovascular invasion"),
        5: _("Macrovascular invasion"),
    }[scenario]


def scenariosThatFit(disease: Disease) -> tuple[int, ...]:
    """Return the scenarios that the library's rule finds to fit the stated disease; empty while it can't tell."""
    known = [Measurement(name, value) for name, value in disease.facts.items() if name in VOCABULARY]
    invasion = _invasion(disease)
    if invasion is not None:
        known.append(Measurement("macrovascular_invasion", invasion))
    if "lobes_involved" not in disease.facts and invasion is None:
        return ()
    rules = {SCENARIO_RULE: load_rules()[SCENARIO_RULE]}
    return tuple(n for n in SCENARIOS if _fits(rules, known, n))


def _fits(rules, known: list[Measurement], scenario: int) -> bool:
    (finding,) = judge(rules, known, scenario)
    return finding.outcome is not Outcome.NOT_MET


def _invasion(disease: Disease) -> bool | None:
    grades = [disease.facts.get(name) for name in ("pvtt_grade", "hepatic_vein_thrombus_grade")]
    if any(grade not in (None, "none") for grade in grades):
        return True
    return None if None in grades else False


def _titleOf(name: str) -> str:
    return {
        "bilirubin_umol_l": _("bilirubin"),
        "albumin_g_l": _("albumin"),
        "inr_ratio": _("INR"),
        "ascites": _("ascites"),
        "encephalopathy": _("encephalopathy"),
        "creatinine_umol_l": _("creatinine"),
        "weight_kg": _("weight"),
        "height_cm": _("height"),
    }.get(name, name)


@dataclass(frozen=True)
class LiveRow:
    """A volume with its mean dose as text, by the image and by one compartment; empty where there is none."""

    label: str
    multi: str
    single: str
    why: str
    """Why a dose is missing."""


def liveRows(live) -> tuple[LiveRow, ...]:
    """Return the doses that follow the sliders: every reported volume, then the lungs of each session."""
    rows = [
        _liveRow(
            region.label,
            live.doses.dose_gy(Model.MULTI, region.indices),
            live.doses.dose_gy(Model.SINGLE, region.indices),
        )
        for region in live.regions
    ]
    known = Known(live.measurements)
    for about in known.items(["lung_dose_gy.session"]):
        found = known.get("lung_dose_gy.session", about)
        value = found.value if found.value is not None else Missing(found.missing_because)
        row = _liveRow(_("Lungs, session {label}").format(label=about), value, value)
        rows.append(replace(row, multi=""))
    return tuple(rows)


def _liveRow(label: str, multi: float | Missing, single: float | Missing) -> LiveRow:
    reasons = [value.because for value in (multi, single) if isinstance(value, Missing)]
    texts = ["" if isinstance(value, Missing) else f"{value:.1f}" for value in (multi, single)]
    return LiveRow(label, *texts, "; ".join(dict.fromkeys(reasons)))
