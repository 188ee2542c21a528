"""Readiness for surgery: what the rules already say about it, gathered under the questions a surgeon asks.

Nothing is judged here: every threshold is that of a rule. What is gathered is judged for the operation that is asked
about, as if it were on the day of the latest study where none is planned; what was supposed is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..case import Intent
from ..guidelines.findings import Finding, Outcome, Severity, judge
from ..guidelines.rule import Rulebook
from ..measures import Known, Measurement
from .transplant import FREE_OF_OTHER_TUMOR_RULE, Fulfilled, Lasting

WINDOW_RULE = "C0-SURG-02"
"""Says when surgery is too soon and until when it is best."""
EARLY_VOLUME_RULE = "C0-SURG-06"
"""Warns that a volume that is large enough overestimates function in the first months."""


class Operation(StrEnum):
    """What is asked about."""

    RESECTION = "resection"
    TRANSPLANTATION = "transplantation"


@dataclass(frozen=True)
class Question:
    """One question, the rules that answer it, and the numbers a reader wants beside them."""

    title: str
    rules: tuple[str, ...]
    shown: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = tuple(Operation)


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Remnant",
        ("C0-SURG-01", EARLY_VOLUME_RULE),
        ("sflr_fraction", "flr_volume_ml", "telv_ml", "flr_hypertrophy_fraction"),
        (Operation.RESECTION,),
    ),
    Question("Tumor control", ("C0-SURG-03", "C0-SURG-09", "C0-SURG-05"), ("localized_mrecist", "mrecist")),
    Question("Time since treatment", (WINDOW_RULE, "S2-FU-02"), ("since_treatment_months", "to_surgery_months")),
    Question(
        "Liver function",
        ("C0-SURG-08", "C0-SEL-04"),
        ("child_pugh_score", "child_pugh_class", "albi_score", "albi_grade", "bilirubin_mg_dl", "meld_score"),
        (Operation.RESECTION,),
    ),
    Question(
        "Eligibility",
        ("C0-SEL-06", "C0-SURG-07", "S2-SEL-03", "C0-SEL-03", "C0-SEL-05"),
        ("extrahepatic_disease", "ecog", "gfr_ml_min_173m2", "resectability"),
    ),
    Question(
        "Downstaging",
        (FREE_OF_OTHER_TUMOR_RULE,),
        ("downstaged", "free_of_other_tumor_months", "afp_ng_ml"),
        (Operation.TRANSPLANTATION,),
    ),
)
"""In the order of a discussion with the surgeons."""


@dataclass(frozen=True)
class Answer:
    """One question answered: the findings that apply, and the numbers."""

    question: Question
    findings: tuple[Finding, ...]
    values: tuple[Measurement, ...]

    @property
    def worst(self) -> Severity | None:
        """The gravest certain severity; None where nothing speaks against it for certain."""
        return min((f.severity for f in self.findings if f.severity), key=lambda s: s.rank, default=None)

    @property
    def is_open(self) -> bool:
        """Whether something must be known first, or no rule of this scenario asks the question."""
        return not self.findings or any(not f.is_complete for f in self.findings)

    @property
    def speaks_against(self) -> bool:
        """Whether a rule warns."""
        return self.worst is not None and self.worst.is_safety


@dataclass(frozen=True)
class Readiness:
    """All questions of one operation, what was supposed, and the criteria for a transplant."""

    operation: Operation
    answers: tuple[Answer, ...]
    supposed: tuple[str, ...] = ()
    criteria: tuple[Fulfilled, ...] = ()
    lasting: tuple[Lasting, ...] = ()

    @property
    def is_ready(self) -> bool | None:
        """Whether nothing warns; None as long as nothing warns but something is not known."""
        if any(a.speaks_against for a in self.answers):
            return False
        return None if any(a.is_open for a in self.answers) else True

    @property
    def sentence(self) -> str:
        """The answer in one line; the decision stays with the surgeons."""
        against = [a.question.title.lower() for a in self.answers if a.speaks_against]
        unknown = [a.question.title.lower() for a in self.answers if a.is_open and not a.speaks_against]
        more = f"; not known yet: {', '.join(unknown)}" if unknown else ""
        if against:
            return f"Speaks against {self.operation} now: {', '.join(against)}{more}."
        if unknown:
            return f"Nothing speaks against {self.operation} so far{more}."
        return f"By these rules nothing speaks against {self.operation}; the surgeons decide."


def readiness(
    measurements: Iterable[Measurement],
    rules: Rulebook,
    scenario: int | None,
    operation: Operation = Operation.RESECTION,
    *,
    criteria: Sequence[Fulfilled] = (),
    lasting: Sequence[Lasting] = (),
) -> Readiness:
    """Return the findings of the rules about surgery for one operation, from the case's measurements.

    Where it is not stated that surgery is planned, or for when, it is supposed to be on the day of the latest study;
    another intent than this operation's is replaced. Both are said in `supposed`.
    """
    known, supposed = _supposing(Known(measurements), operation)
    findings = judge(rules, known, scenario)
    asked = [q for q in QUESTIONS if operation in q.operations]
    answers = tuple(Answer(q, tuple(_applying(q, findings)), tuple(known.get(name) for name in q.shown)) for q in asked)
    for_transplant = operation is Operation.TRANSPLANTATION
    return Readiness(
        operation,
        answers,
        supposed,
        tuple(criteria) if for_transplant else (),
        tuple(lasting) if for_transplant else (),
    )


def _supposing(known: Known, operation: Operation) -> tuple[Known, tuple[str, ...]]:
    put = [Measurement("cohort_policy", True)]  # the surgical cohort's policy is what is asked here
    said: list[str] = []
    if known.get("surgery_planned").value is not True:
        put.append(Measurement("surgery_planned", True))
        said.append(f"{operation} is planned")
    since = known.get("since_treatment_months").value
    if known.get("to_surgery_months").value is None and since is not None:
        put.append(Measurement("to_surgery_months", since))
        said.append("it is on the day of the latest study")
    intent = known.get("intent").value
    fitting = _INTENTS[operation]
    if intent not in fitting:
        put.append(Measurement("intent", fitting[0]))
        said.append("the intent is to operate")
    return known.updated(put), tuple(said)


_INTENTS: dict[Operation, tuple[Intent, ...]] = {
    Operation.RESECTION: (Intent.BRIDGE_TO_RESECTION, Intent.DOWNSTAGING, Intent.CURATIVE),
    Operation.TRANSPLANTATION: (Intent.BRIDGE_TO_TRANSPLANT,),
}


def _applying(question: Question, findings: Iterable[Finding]) -> Iterable[Finding]:
    order = {rule_id: place for place, rule_id in enumerate(question.rules)}
    found = [f for f in findings if f.rule.id in order and f.outcome is not Outcome.NOT_APPLICABLE]
    return sorted(found, key=lambda f: order[f.rule.id])
