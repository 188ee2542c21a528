"""The house keeps its plan: which room may use which, what may be imported, and how numbers are named."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import Y90DosimetryLib

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "Y90DosimetryLib"
SOURCES = sorted(LIBRARY.rglob("*.py"))

# A room uses only what stands above it in this list; within a room, modules use each other without cycles.
FLOORS = (
    "version",  # one number
    "errors",  # what a caller may have to catch
    "progress",  # how long work reports and is stopped
    "missing",  # a number that is not there, and why
    "quantities",  # refusals of impossible numbers, in one wording
    "physics",  # decay and energy; constants with their source
    "images",  # one class a quantity, each with its image
    "structures",  # outlines and their roles
    "terminology",  # the codes that outlines are saved under
    "staging",  # extent of the tumor
    "lesions",  # what a reader measures of tumors and thrombi
    "response",  # from readings over time to mRECIST
    "facts",  # questions to the team that need no image
    "patient",  # body and laboratory values
    "timepoints",  # what was seen on one day, and the calendar
    "outcome",  # what became of the patient
    "case",  # all that is known of one patient
    "occupancy",  # the share of a voxel that an outline fills
    "compartments",  # outlines made disjoint
    "geometry",  # distances measured on outlines
    "outlining",  # outlines made from others
    "volumetry",  # from volumes and body size to sFLR
    "studies",  # the volumes of every study, side by side
    "standing",  # what the studies say instead of the team
    "scores",  # liver function
    "dosimetry",  # doses: one file a model
    "lung_shunt",  # the lung shunt fraction measured
    "checks",  # whether the numbers can be believed
    "vocabulary",  # every number and fact that may be reported or judged
    "measures",  # one of them for a case: its value, or why it is missing
    "measurements",  # all of them for a case
    "guidelines",  # rules and findings
    "followup",  # what happened after the treatment
    "engine",  # the only way from a case to numbers: what may be believed is decided here
    "planning",  # which activity, which vial
    "registration",  # one image moved onto another
    "io",  # files in and out
    "phantom",  # digital patients with known truth
    "draw",  # figures as SVG
    "report",  # pages and tables
    "cohort",  # many patients
    "verify",  # published values recomputed on the user's machine
    "cli",  # the command y90
    "__main__",  # the same as python -m
)

AT_FILE_SCOPE = {"numpy", "scipy", "SimpleITK", "vtk", "vtkmodules"}
OF_DICOM = {"pydicom", "highdicom"}  # at file scope where DICOM is read and written only: they take time to load
DICOM_FILES = tuple(f"Y90DosimetryLib.{name}" for name in ("io.dicom_", "io.pacs", "verify.dicom_", "verify.of_dicom"))
INSIDE_FUNCTIONS = AT_FILE_SCOPE | OF_DICOM | {"distributed", "pynetdicom", "fpdf", "fontTools", "resvg_py"}

# fmt: off
UNITS = (
    "gy", "gy_per_gbq", "mgy_per_mbq_s", "joule_per_gbq", "gbq", "mbq", "bq", "bq_ml", "bq_per_gbq", "ml",
    "ml_min_173m2", "g", "kg", "g_ml", "mm", "cm", "m2", "s", "h", "min", "days", "weeks", "months", "deg", "mev",
    "hu", "umol_l", "mg_dl", "g_l", "g_dl", "ng_ml", "percent", "px", "pt",
)
DIMENSIONLESS = (
    "fraction", "fractions", "ratio", "score", "share", "index", "direction", "normal", "exponent", "power",
    "proportions", "count", "counts", "counts_per_unit", "p", "statistic",
)
# fmt: on
UNIT_NAMED_BESIDE = {"unit", "measure"}  # a sibling that says the unit of a plain `value`
OF_ANY_UNIT = {  # these pass numbers on whose unit is the caller's, or draw axes of any unit
    f"Y90DosimetryLib.{name}"
    for name in (
        "draw.chart",
        "draw.courses",
        "draw.planes",
        "draw.scales",
        "draw.svg",
        "missing",
        "quantities",
    )
}


def name_of(path: Path) -> str:
    """Return a file's dotted module name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in SOURCES}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in NAMES.items()}


def room_of(module: str) -> str:
    """Return the room of a module of the library; the package itself has none."""
    return module.split(".")[1] if "." in module else ""


def imports_of(name: str, tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield each module that *name* imports, absolute, and whether it does so at file scope."""
    inside = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.walk(node)
    }
    package = name if NAMES.get(name, Path()).name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in inside
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield deeper if deeper in NAMES else base, node not in inside


IMPORTS = {name: sorted(set(imports_of(name, tree))) for name, tree in TREES.items()}
OWN = {name: [module for module, _ in found if module in NAMES] for name, found in IMPORTS.items()}


def test_every_room_stands_on_one_floor() -> None:
    rooms = {room_of(name) for name in NAMES} - {""}
    assert rooms <= set(FLOORS), f"without a floor: {sorted(rooms - set(FLOORS))}"
    assert len(FLOORS) == len(set(FLOORS))


def test_a_room_uses_only_what_stands_above_it() -> None:
    floors = {room: height for height, room in enumerate((*FLOORS, ""))}  # the package itself may show all of it
    below = [
        f"{name} uses {module}"
        for name, modules in OWN.items()
        for module in modules
        if floors.get(room_of(module), -1) > floors.get(room_of(name), -1)
    ]
    assert not below


OF_THE_ENGINE = {"doses_of", "session_doses", "session_map", "total_map", "total_deposit", "prepare"}
"""What makes doses of a case, whether they may be believed or not."""


def test_nobody_but_the_engine_asks_for_doses() -> None:
    folders = {name: tree for name, tree in TREES.items() if room_of(name) not in {"dosimetry", "engine"}}
    for path in (ROOT / "Y90Dosimetry").rglob("*.py"):
        folders[str(path.relative_to(ROOT))] = ast.parse(path.read_text(encoding="utf-8"))
    asking = [
        f"{name} imports {alias.name}"
        for name, tree in folders.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and "dosimetry" in (node.module or "").split(".")
        for alias in node.names
        if alias.name in OF_THE_ENGINE
    ]
    assert not asking


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for module in OWN[name]:
                if module != name:
                    walk(module, (*path, name))
            done.add(name)

    for name in NAMES:
        walk(name, ())


def _dicom_at_file_scope(name: str) -> set[str]:
    return OF_DICOM if name.startswith(DICOM_FILES) else set()


def test_only_packages_that_slicer_bundles_are_needed() -> None:
    foreign = [
        f"{name} imports {module} {'at file scope' if at_file_scope else 'in a function'}"
        for name, found in IMPORTS.items()
        for module, at_file_scope in found
        if (package := module.split(".")[0]) not in sys.stdlib_module_names | {"Y90DosimetryLib"}
        and package not in (INSIDE_FUNCTIONS if not at_file_scope else AT_FILE_SCOPE | _dicom_at_file_scope(name))
    ]
    assert not foreign


def test_nothing_happens_at_import() -> None:
    acting = [
        f"{name}, line {node.lineno}"
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.Expr | ast.For | ast.While | ast.With | ast.Assert)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))  # a docstring
    ]
    assert not acting


def test_only_the_command_line_prints() -> None:
    prints = [
        f"{name}, line {node.lineno}"
        for name, tree in TREES.items()
        if room_of(name) != "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not prints


def test_no_python_file_has_more_than_400_lines() -> None:
    folders = (LIBRARY, ROOT / "Y90Dosimetry", ROOT / "Testing", ROOT / "Resources")
    files = [path for folder in folders for path in folder.rglob("*.py")]
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {str(path): length for path, length in lengths.items() if length > 400}


# Numbers and their units


def modules() -> list[types.ModuleType]:
    """Import and return every module of the library."""
    names = [m.name for m in pkgutil.walk_packages(Y90DosimetryLib.__path__, "Y90DosimetryLib.")]
    return [importlib.import_module(name) for name in names]


def holds_floats(hint: object) -> bool:
    """Whether a type hint is a float, or an optional, tuple, list, mapping or array of floats."""
    if hint is float:
        return True
    if isinstance(hint, type) and issubclass(hint, np.floating):
        return True
    parts = typing.get_args(hint)
    if str in parts and typing.get_origin(hint) in (typing.Union, types.UnionType):
        return False  # any value of a table, not a number
    if typing.get_origin(hint) is dict or getattr(typing.get_origin(hint), "__name__", "") == "Mapping":
        return holds_floats(parts[-1])
    if getattr(typing.get_origin(hint), "__name__", "") == "Callable":
        return False
    return any(holds_floats(part) for part in parts)


def says_its_unit(name: str) -> bool:
    """Whether a name ends in a unit or in a word for a number without one."""
    return any(name == end or name.endswith(f"_{end}") for end in (*UNITS, *DIMENSIONLESS))


def own_classes(module: types.ModuleType) -> list[type]:
    """Return the classes that a module defines."""
    return [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]


def test_float_fields_say_their_unit() -> None:
    silent = [
        f"{module.__name__}.{cls.__name__}.{name}"
        for module in modules()
        for cls in own_classes(module)
        if dataclasses.is_dataclass(cls) and cls.__name__[0] != "_" and module.__name__ not in OF_ANY_UNIT
        if not UNIT_NAMED_BESIDE & (hints := typing.get_type_hints(cls)).keys()
        for name, hint in hints.items()
        if holds_floats(hint) and not says_its_unit(name)
    ]
    assert not silent, "end the name in a unit: " + ", ".join(silent)


def public_functions(module: types.ModuleType) -> Iterator[types.FunctionType]:
    """Yield the public functions and methods that a module defines."""
    scopes: list[object] = [module, *own_classes(module)]
    for scope in scopes:
        for name, value in vars(scope).items():
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and not name.startswith("_"):
                yield function


def is_one_float(annotation: str) -> bool:
    """Whether an annotation, as written, is a float or perhaps one; arrays of any quantity are left alone."""
    words = re.findall(r"\w+", annotation)
    return "float" in words and "str" not in words and "[" not in annotation


def test_float_parameters_of_public_functions_say_their_unit() -> None:
    silent = [
        f"{module.__name__}.{function.__qualname__}({name})"
        for module in modules()
        if module.__name__ not in OF_ANY_UNIT
        for function in public_functions(module)
        if not UNIT_NAMED_BESIDE & function.__annotations__.keys()
        for name, annotation in function.__annotations__.items()
        if name != "return" and is_one_float(annotation) and not says_its_unit(name)
    ]
    assert not silent, "end the name in a unit: " + ", ".join(silent)


def test_dataclasses_are_frozen() -> None:
    loose = [
        cls.__qualname__
        for module in modules()
        for cls in own_classes(module)
        if dataclasses.is_dataclass(cls) and not cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    ]
    assert not loose


# Rules and texts


def rules() -> list[tuple[str, dict[str, typing.Any]]]:
    """Return every rule with the name of its file."""
    files = sorted((LIBRARY / "guidelines" / "rules").glob("*.toml"))
    return [(f.name, rule) for f in files for rule in tomllib.loads(f.read_text(encoding="utf-8")).get("rule", [])]


def test_every_rule_says_where_it_comes_from() -> None:
    found = rules()
    assert found, "no rule was found"
    references = tomllib.loads((LIBRARY / "guidelines" / "references.toml").read_text(encoding="utf-8"))
    for file, rule in found:
        source = rule.get("source", {})
        assert source.get("place"), f"{file}: rule {rule.get('id')} has no place in its source"
        assert source.get("reference") in references, f"{file}: rule {rule.get('id')} cites an unknown reference"


MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)\b|\.\./shared")
TITLES_OF_PAPERS = re.compile(r"doi:|arXiv:")
BRITISH = re.compile(r"\b(?:tumour|colour|centre|grey|behaviour|haemorrhag\w+|oedema|visualis\w+|normalis\w+)", re.I)


def texts() -> list[Path]:
    """Return the text files that users get: the library, the module and the documents."""
    suffixes = {".py", ".toml", ".csv", ".html", ".css", ".md", ".txt", ".ui", ".cmake"}
    files = [p for folder in ("Y90DosimetryLib", "Y90Dosimetry", "Docs") for p in (ROOT / folder).rglob("*")]
    return [p for p in [*files, *ROOT.glob("*.md")] if p.suffix in suffixes]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return where a pattern occurs in the texts that users get."""
    return [
        f"{path.relative_to(ROOT)}, line {number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_text_names_a_path_of_one_machine() -> None:
    assert not lines_with(MACHINE_PATH)


def test_texts_are_written_in_american_spelling() -> None:
    assert not [line for line in lines_with(BRITISH) if not TITLES_OF_PAPERS.search(line)]
