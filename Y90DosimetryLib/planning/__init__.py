"""The prescription: how much, which vial, when, how sure."""

from .catalogue import Catalogue, StockVial, delivered_activity_gbq, load_catalogue, residual_fraction
from .compare import Comparison, Difference, DifferenceKind, compare
from .constraints import Bound, Constraint, Constraints, Override, OwnBound, Side, constraints_of
from .dose_lines import DoseLine, DoseLines, dose_lines
from .empiric import Empiric
from .ends import WindowEnd, window_ends
from .infusions import Aim, FeasibleSet, feasible_set
from .models import Column, ModelDose, ModelRow, ModelTable, models_side_by_side
from .opening_times import Edge, EdgeCause, Opening, openings
from .own_numbers import Unused
from .plan import Plan, PlanOptions, comparison_of, plan_of, schedule_of
from .prescription import Window, window, windows
from .site import SiteProfile, read_site_profile, site_profile, with_site
from .stated import Recovery, StatedInputs, stated_from, with_typed
from .uncertainty import DoseInterval, Safety, intervals, monte_carlo, safety_of
from .vials import Schedule, VialTime, combinations, vial_times

__all__ = [
    "Aim",
    "Bound",
    "Catalogue",
    "Column",
    "Comparison",
    "Constraint",
    "Constraints",
    "Difference",
    "DifferenceKind",
    "DoseInterval",
    "DoseLine",
    "DoseLines",
    "Edge",
    "EdgeCause",
    "Empiric",
    "FeasibleSet",
    "ModelDose",
    "ModelRow",
    "ModelTable",
    "Opening",
    "Override",
    "OwnBound",
    "Plan",
    "PlanOptions",
    "Recovery",
    "Safety",
    "Schedule",
    "Side",
    "SiteProfile",
    "StatedInputs",
    "StockVial",
    "Unused",
    "VialTime",
    "Window",
    "WindowEnd",
    "combinations",
    "compare",
    "comparison_of",
    "constraints_of",
    "delivered_activity_gbq",
    "dose_lines",
    "feasible_set",
    "intervals",
    "load_catalogue",
    "models_side_by_side",
    "monte_carlo",
    "openings",
    "plan_of",
    "read_site_profile",
    "residual_fraction",
    "safety_of",
    "schedule_of",
    "site_profile",
    "stated_from",
    "vial_times",
    "window",
    "window_ends",
    "windows",
    "with_site",
    "with_typed",
]
