"""Published recommendations as data, judged in three-valued logic."""

from .findings import Finding, Outcome, Severity, evaluate, judge
from .loading import load_references, load_rules
from .rule import Basis, Rule, Rulebook, Source
from .verdict import Verdict, verdict

__all__ = [
    "Basis",
    "Finding",
    "Outcome",
    "Rule",
    "Rulebook",
    "Severity",
    "Source",
    "Verdict",
    "evaluate",
    "judge",
    "load_references",
    "load_rules",
    "verdict",
]
