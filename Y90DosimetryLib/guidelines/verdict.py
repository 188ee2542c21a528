"""The verdict in sentences: what, how much, against what, in the order in which a tumor board needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..dosimetry.typical import COVERAGE_RATIO
from ..facts import CATALOG
from ..measures import Measurement, written
from .findings import Finding, Outcome
from .rule import ALL_SCENARIOS, Comparison, Condition, Severity
from .wording import lower_first

SCOPE = "GEN-04"
"""The rule that says whether the scenario fits the disease."""
REMNANT = "sflr_fraction"
LUNG_SESSION, LUNGS_IN_ALL = "lung_dose_gy.session", frozenset({"lung_dose_gy.case", "lung_dose_gy.cumulative"})
SESSION_DOSES = frozenset({"ntad_session_gy.multicompartment", "perfused_dose_gy.single_compartment"})
"""Doses of one session beside whose sum another measure is judged."""
NOTED = frozenset({"Child-Pugh", "scope", "hepatic reserve", "extent of invasion", "extrahepatic deposition"})
"""Topics whose information is told with the verdict; other information stands with its finding."""

NAMES = {
    "ntad_gy": "perfused normal liver",
    "ntad_session_gy": "perfused normal liver",
    "whole_normal_liver_dose_gy": "whole normal liver",
    "whole_liver_dose_gy": "whole liver",
    "lung_dose_gy": "lungs",
    "perfused_dose_gy": "perfused volume",
    "perfused_total_dose_gy": "perfused volume",
    "segment_dose_gy": "segment",
    "lobe_dose_gy": "lobe",
    "sflr_fraction": "remnant (sFLR)",
}
"""What a number is of, in the fewest words, where no lesion is named."""

WANTED = {
    "bilirubin_umol_l": "bilirubin",
    "albumin_g_l": "albumin",
    "inr_ratio": "INR",
    "ascites": "ascites",
    "encephalopathy": "encephalopathy",
    "creatinine_umol_l": "creatinine",
    "gfr_ml_min_173m2": "GFR",
    "afp_ng_ml": "AFP",
    "ecog": "ECOG",
    "weight_kg": "weight",
    "height_cm": "height",
    "given_at": "time of infusion",
    "calibrated_at": "calibration time of the vial",
    "image": "image of the distribution, or a T:N ratio",
    "lung_shunt_fraction": "lung shunt fraction",
    "residual_fraction": "residual",
    "tumor_to_normal_ratio": "T:N ratio",
    "scenario": "scenario",
    "intent": "intent",
}
"""Inputs as a reader knows them."""


class Part(StrEnum):
    """What a sentence of the verdict is about, in the order they are told."""

    INPUT = "input"
    SCOPE = "scope"
    CONTRAINDICATION = "contraindication"
    LIMIT = "limit"
    TARGET = "target"
    NOTE = "note"
    MET = "met"
    MISSING = "missing"


@dataclass(frozen=True)
class Told:
    """One sentence, or several that belong together."""

    part: Part
    text: str


@dataclass(frozen=True)
class Verdict:
    """The findings in sentences: never clear while something that was needed is missing."""

    worst: Severity | None
    targets_met: int
    targets_total: int
    not_evaluable: int
    judged_total: int
    told: tuple[Told, ...]
    input_errors: tuple[str, ...] = ()
    """What is wrong with the input and heads the sentences: what it falsifies is withheld."""

    @property
    def sentence(self) -> str:
        """All sentences in one line."""
        return " ".join(t.text for t in self.told)

    @property
    def headline(self) -> str:
        """What stands in the way, in one line; where nothing does, how many targets are met and what is open."""
        told = [t for t in self.told if t.part not in {Part.MET, Part.MISSING}]
        noted = " ".join(t.text for t in told)
        if any(t.part is not Part.NOTE for t in told):
            return noted
        plural = "" if self.not_evaluable == 1 else "s"
        open_ones = f", {self.not_evaluable} recommendation{plural} not judged" if self.not_evaluable else ""
        return f"No limit exceeded, {self.targets_met} of {self.targets_total} targets met{open_ones}. {noted}".rstrip()

    @property
    def is_clear(self) -> bool:
        """Whether everything that applies could be judged, every target is met and nothing warns."""
        return (
            self.judged_total > 0
            and not self.input_errors
            and self.not_evaluable == 0
            and self.targets_met == self.targets_total
            and self.worst in {None, Severity.INFORMATION}
        )


def verdict(findings: Sequence[Finding], input_errors: Sequence[str] = ()) -> Verdict:
    """Return the verdict of a list of findings, headed by what is wrong with the input."""
    applying = [f for f in findings if f.outcome is not Outcome.NOT_APPLICABLE]
    worst = min((f.severity for f in applying if f.severity), key=lambda s: s.rank, default=None)
    targets = [f for f in applying if f.rule.has_target]
    return Verdict(
        worst,
        sum(_meets_target(f) for f in targets),
        len(targets),
        sum(not f.is_complete for f in applying),
        len(applying),
        tuple(_told(findings, applying, input_errors)),
        tuple(input_errors),
    )


def _told(findings: Sequence[Finding], applying: Sequence[Finding], input_errors: Sequence[str]) -> Iterator[Told]:
    if input_errors:
        errors = "; ".join(e.rstrip(".") for e in input_errors)
        yield Told(Part.INPUT, f"Check the input first: {errors}.")
    if not any(f.rule.scenarios != ALL_SCENARIOS for f in findings):
        nothing = "Not judged: no scenario is chosen (1 to 5), so no target and no limit of a scenario is in force."
        yield Told(Part.SCOPE, nothing)
    closed = [f for f in applying if f.rule.gate and f.outcome is Outcome.NOT_MET]
    if closed:
        yield Told(Part.SCOPE, f"Not judged by the recommendations. {_messages(closed)}")
    safety = [f for f in applying if f.severity is not None and f not in closed]
    misfit = [f for f in safety if f.rule.id == SCOPE and f.severity is Severity.WARNING]
    if misfit:
        yield Told(Part.SCOPE, _messages(misfit))
    for part, severity, head in (
        (Part.CONTRAINDICATION, Severity.CONTRAINDICATION, "Contraindication"),
        (Part.LIMIT, Severity.WARNING, "Warning"),
        (Part.TARGET, Severity.TARGET, "Target missed"),
    ):
        chosen = _once(f for f in safety if f.severity is severity and f not in misfit)
        if chosen:
            yield Told(part, f"{head}: {_messages(chosen)}")
    notes = _once(f for f in safety if f.severity is Severity.INFORMATION and f.rule.topic in NOTED)
    if notes:
        yield Told(Part.NOTE, f"Note: {_messages(notes)}")
    yield from _met(applying)
    missing = _missing(applying)
    if missing:
        yield Told(Part.MISSING, missing)


def _messages(findings: Iterable[Finding]) -> str:
    return " ".join(f.message if f.message.endswith(".") else f"{f.message}." for f in findings)


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without those that say the same again: of one measure and item the first is told.

    Published recommendations come before one center's policy, and rules that say more before those that say less.
    """
    ordered = sorted(findings, key=lambda f: f.rule.is_policy)
    told: dict[object, Finding] = {}
    for finding in ordered:
        told.setdefault(_subject(finding), finding)
    return list(told.values())


def _subject(finding: Finding) -> object:
    if finding.principal is None:
        return finding.rule.id, finding.about
    judged = next((m for m in finding.judged if m.measure_id == finding.principal.measure_id), None)
    item = (judged.item or judged.about) if judged else finding.about
    return finding.principal.measure_id, item


def _met(applying: Sequence[Finding]) -> Iterator[Told]:
    """Yield what is asked for but not needed and not reached, then what is met in one sentence.

    Doses and the remnant stand with what they are held against, the rest is counted.
    """
    done = [f for f in applying if f.is_complete and f.severity in {None, Severity.INFORMATION}]
    sessions = {f.about for f in applying if LUNG_SESSION in f.rule.measure_ids}
    found: dict[str, tuple[Measurement, list[Condition]]] = {}
    exceeded = {
        _what(m)
        for f in applying
        if f.severity in {Severity.CONTRAINDICATION, Severity.WARNING}
        for m, asked in f.asked_of()
        if m.value is not None and any(c.holds_for(m.value) for c in asked)
    }
    for finding in sorted(done, key=lambda f: f.rule.is_policy):
        for measurement, conditions in finding.asked_of():
            is_told = measurement.measure.is_dose or measurement.measure_id == REMNANT
            if is_told and _what(measurement) not in exceeded:
                is_lung, is_summed = measurement.measure_id == LUNG_SESSION, len(sessions) > 1
                said = _value(replace(measurement, about="") if is_lung and not is_summed else measurement, conditions)
                said += " in one session" if is_summed and measurement.measure_id in SESSION_DOSES else ""
                asked = found.setdefault(said, (measurement, []))[1]
                asked += [c for c in conditions if c not in asked]
    kept = {said: of_value for said, of_value in found.items() if _is_kept(*of_value)}
    short = [f"{said}, {_against(*of_value)}" for said, of_value in found.items() if said not in kept]
    if short:
        yield Told(Part.NOTE, " ".join(f"{text[0].upper()}{text[1:]}." for text in short))
    parts = [f"{said} ({_against(*of_value)})" for said, of_value in kept.items()]
    others = sum(f.outcome is Outcome.MET and not any(True for _ in f.asked_doses()) for f in done)
    if others:
        parts.append(f"{others} further recommendation{'s' if others > 1 else ''}")
    if parts:
        yield Told(Part.MET, f"Met: {'; '.join(parts)}.")


def _what(measurement: Measurement) -> tuple[object, ...]:
    """Return what a value is of: the dose of one session is that of all where there is but one."""
    base = measurement.measure_id.partition(".")[0]
    return NAMES.get(base, base), measurement.about, measurement.value


def _is_kept(measurement: Measurement, conditions: Sequence[Condition]) -> bool:
    """Return whether a value keeps or reaches something of what is asked; a remnant, all of it."""
    holds = [c.holds_for(measurement.value) for c in conditions if measurement.value is not None]
    return not any(holds) if measurement.measure_id == REMNANT else not all(holds)


def _value(measurement: Measurement, conditions: Iterable[Condition]) -> str:
    name = measurement.item or (measurement.about if measurement.measure_id.startswith("thrombus") else "")
    if not name:
        base = measurement.measure_id.partition(".")[0]
        name = NAMES.get(base, lower_first(measurement.measure.title))
        if measurement.about:
            name = f"{name} ({measurement.about})"
    assert measurement.value is not None
    limits = [c.limit for c in conditions if isinstance(c.limit, int | float)]
    texts = [written(measurement.measure, measurement.value, limit) for limit in limits]
    return f"{name} {max(texts, key=len, default=measurement.text)}"


def _against(measurement: Measurement, conditions: Sequence[Condition]) -> str:
    """Return what a value was held against: limits kept or not, targets reached and not."""
    limits: list[str] = []
    reached: list[str] = []
    missed: list[str] = []
    unsure: list[str] = []
    value, spread = measurement.value, COVERAGE_RATIO * measurement.sd_ratio
    assert isinstance(value, int | float)
    for c in conditions:
        assert isinstance(c.limit, int | float)
        limit, is_broken = written(c.measure, c.limit), c.holds_for(value)
        if c.measure_id == REMNANT:
            limits.append(f"resection asks for {limit}")
        elif c.comparison in {Comparison.ABOVE, Comparison.AT_LEAST}:
            sure = "" if not c.holds_for(value * (1 + spread)) else ", kept by the mean, not surely"
            where = " in all" if c.measure_id in LUNGS_IN_ALL else ""
            limits.append(f"above {limit}, which is only noted" if is_broken else f"limit {limit}{where}{sure}")
        elif is_broken:
            missed.append(limit)
        else:
            (unsure if c.holds_for(value * (1 - spread)) else reached).append(limit)
    words = [*dict.fromkeys(limits)]
    words += [f"at least {' and '.join(dict.fromkeys(reached))} reached"] if reached else []
    if unsure:
        low, high = (written(measurement.measure, value * (1 + sign * spread)) for sign in (-1, 1))
        words.append(f"at least {' and '.join(dict.fromkeys(unsure))} reached by the mean, not surely: {low} to {high}")
    words += [f"{' and '.join(dict.fromkeys(missed))} not reached"] if missed else []
    return ", ".join(words)


def _missing(applying: Sequence[Finding]) -> str:
    """Return what could not be judged as one list of the inputs that are missing."""
    open_ones = [f for f in applying if not f.is_complete]
    if not open_ones:
        return ""
    wanted = dict.fromkeys(word for f in open_ones for m in f.missing for word in _wanted(m))
    grave = sum(f.at_stake is Severity.CONTRAINDICATION for f in open_ones)
    could = f", {grave} of which could be a contraindication" if grave else ""
    return f"Not judged ({len(open_ones)} recommendation{'s' if len(open_ones) > 1 else ''}{could}) for want of: " + (
        f"{'; '.join(wanted)}."
    )


def _wanted(missing: Measurement) -> Iterator[str]:
    for need in missing.needs or (missing.measure_id,):
        if need in WANTED:
            yield WANTED[need]
        elif need in CATALOG:
            yield lower_first(CATALOG[need].title)
        else:
            yield lower_first(missing.measure.title)


def _meets_target(finding: Finding) -> bool:
    return finding.outcome is Outcome.MET or (
        finding.outcome is Outcome.NOT_MET and finding.severity is Severity.INFORMATION and finding.at_stake is None
    )
