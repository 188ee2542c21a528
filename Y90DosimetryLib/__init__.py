"""Absorbed dose in Y-90 radioembolization of the liver: from images and outlines to doses, measures and findings.

For research and decision support; not a certified medical device.

A first look, with a digital patient whose doses are known:

>>> from Y90DosimetryLib import assess, case_variant
>>> assessment = assess(case_variant("lobectomy"))  # doctest: +SKIP
>>> print(assessment)  # verdict and mean doses  # doctest: +SKIP
>>> assessment.dose("Tumor 1")  # Gy, or why it is missing  # doctest: +SKIP
>>> assessment.dvh("Tumor 1").d_gy(0.95)  # doctest: +SKIP

From files, and to a report:

>>> case = read_case("my-case/case.toml")  # doctest: +SKIP
>>> write_report(assess(case), Path("an-existing-folder"))  # doctest: +SKIP

What there is
-------------
read_case, write_case
    A case file (TOML) with its images, in and out.
Case, Structure, Role, Session, Basis, Infusion, Vial, CtImage, CountMap, ActivityMap
    A case built by hand. Images are SimpleITK images; a number's name ends in its unit.
assess, Engine, Assessment, Model
    Everything that follows from a case. An `Engine` measures images once: `engine.at(case.with_activity(3.0)).live()`.
plan_of, PlanOptions
    The window of activity and the vials, from an engine.
read_rules, load_rules
    The recommendations; your own TOML files are read alike and given to `assess(case, rules=…)`.
Missing, InputError
    A number that is not there and why; what is wrong, where, and what to do.
write_report, case_variant
    The report's files; the digital patient.

Docs/recipes.md has ten short programs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .case import Basis, Case, Infusion, Session, Vial
    from .dosimetry.deposits import Model
    from .engine import Assessment, Engine, assess
    from .errors import InputError
    from .guidelines import load_rules
    from .guidelines.loading import read_rules
    from .images import ActivityMap, CountMap, CtImage, DoseMap
    from .io.case_file import read_case, write_case
    from .missing import Missing
    from .phantom import case_variant
    from .planning import PlanOptions, plan_of
    from .report import write_report
    from .structures import Role, Structure

_ROOMS = {
    "ActivityMap": "images",
    "Assessment": "engine",
    "Basis": "case",
    "Case": "case",
    "CountMap": "images",
    "CtImage": "images",
    "DoseMap": "images",
    "Engine": "engine",
    "Infusion": "case",
    "InputError": "errors",
    "Missing": "missing",
    "Model": "dosimetry.deposits",
    "PlanOptions": "planning",
    "Role": "structures",
    "Session": "case",
    "Structure": "structures",
    "Vial": "case",
    "assess": "engine",
    "case_variant": "phantom",
    "load_rules": "guidelines",
    "plan_of": "planning",
    "read_case": "io.case_file",
    "read_rules": "guidelines.loading",
    "write_case": "io.case_file",
    "write_report": "report",
}

__all__ = [
    "ActivityMap",
    "Assessment",
    "Basis",
    "Case",
    "CountMap",
    "CtImage",
    "DoseMap",
    "Engine",
    "Infusion",
    "InputError",
    "Missing",
    "Model",
    "PlanOptions",
    "Role",
    "Session",
    "Structure",
    "Vial",
    "__version__",
    "assess",
    "case_variant",
    "load_rules",
    "plan_of",
    "read_case",
    "read_rules",
    "write_case",
    "write_report",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in _ROOMS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    """Return the public names, also those that are not imported yet."""
    return sorted(__all__)
