"""The prescription: how much, which vial, when, how sure."""

from .catalogue import Catalogue, StockVial, delivered_activity_gbq, load_catalogue, residual_fraction
from .compare import Comparison, DifferenceKind, compare
from .constraints import Bound, Constraint, Constraints, Override, OwnBound, Side, constraints_of
from .dose_lines import DoseLine, DoseLines, dose_lines
from .infusions import Aim, FeasibleSet, feasible_set
from .plan import Plan, PlanOptions, plan_of
from .prescription import Window, window, windows
from .stated import Recovery, StatedInputs, stated_from
from .uncertainty import DoseInterval, Safety, intervals, monte_carlo, safety_of
from .vials import Schedule, VialTime, combinations, openings, vial_times

__all__ = [
    "Aim",
    "Bound",
    "Catalogue",
    "Comparison",
    "Constraint",
    "Constraints",
    "DifferenceKind",
    "DoseInterval",
    "DoseLine",
    "DoseLines",
    "FeasibleSet",
    "Override",
    "OwnBound",
    "Plan",
    "PlanOptions",
    "Recovery",
    "Safety",
    "Schedule",
    "Side",
    "StatedInputs",
    "StockVial",
    "VialTime",
    "Window",
    "combinations",
    "compare",
    "constraints_of",
    "delivered_activity_gbq",
    "dose_lines",
    "feasible_set",
    "intervals",
    "load_catalogue",
    "monte_carlo",
    "openings",
    "plan_of",
    "residual_fraction",
    "safety_of",
    "stated_from",
    "vial_times",
    "window",
    "windows",
]
