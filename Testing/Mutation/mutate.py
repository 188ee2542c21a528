"""Change one number, comparison, `and` or `or` of the library at a time, and see whether a test notices.

A mutant lives in a temporary copy of the library. The tests that import its module are run on it, first alone to see
that they pass. What survives must stand in survivors.toml with its reason; anything else is an error.
Run: python Testing/Mutation/mutate.py [--sample N] [--minutes M] [--seed S] [MODULE ...]; exit code 1 for a survivor
that is not listed, or a listed one that is gone.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY, TESTS = ROOT / "Y90DosimetryLib", ROOT / "Testing" / "Library"
LISTED = Path(__file__).with_name("survivors.toml")
DRAWN = ("draw", "report", "tell", "cli", "phantom", "verify", "version.py", "__init__.py", "__main__.py")
"""Rooms that show numbers or make test patients: pictures and layouts are looked at, not counted."""
MOST_TESTS = 3
"""Files of tests that are run on one mutant, those that name its module most often first."""
LONGEST_S = 300
SWAPPED: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
NO_LIMITS = (0, 1, -1, 2)
"""Whole numbers that count, index or square in nearly every line; the comparisons around them are changed instead."""


@dataclass(frozen=True)
class Mutant:
    """One change: the characters from `start` to `end` of a file become `text`."""

    file: Path
    where: str
    """Module and function."""
    was: str
    """The line, as it is."""
    start: int
    end: int
    text: str

    @property
    def name(self) -> str:
        """What a survivor is listed under: it stays when lines move."""
        return f"{self.where}: {self.was} -> {self.text}"


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield every mutant of one file."""
    text = file.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line))

    def place(line: int, column: int) -> int:  # columns count bytes
        return begins[line - 1] + len(lines[line - 1].encode()[:column].decode())

    module = ".".join(file.relative_to(LIBRARY).with_suffix("").parts)
    for node, function in _walk(ast.parse(text)):
        for start, end, new in _changes(node, text, place):
            line = text.count("\n", 0, start)
            yield Mutant(file, f"{module}.{function}".rstrip("."), lines[line].strip(), start, end, new)


def _walk(tree: ast.AST, function: str = "", kept: bool = True) -> Iterator[tuple[ast.AST, str]]:
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                inner = f"{function}.{node.name}".lstrip(".") if hasattr(node, "name") and node.name else function
                if not isinstance(node, ast.JoinedStr | ast.Raise):  # words of messages
                    yield node, inner
                    yield from _walk(node, inner, kept)


def _changes(node: ast.AST, text: str, place) -> Iterator[tuple[int, int, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        if isinstance(node.value, float) or node.value not in NO_LIMITS:
            new = repr(node.value + 1) if isinstance(node.value, int) else repr(node.value * 1.2 if node.value else 0.1)
            yield place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset), new
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if type(operator) in SWAPPED:
                yield from _between(left, right, text, place, *SWAPPED[type(operator)])
    elif isinstance(node, ast.BoolOp):
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from _between(left, right, text, place, word, other)


def _between(left: ast.expr, right: ast.expr, text: str, place, was: str, new: str) -> Iterator[tuple[int, int, str]]:
    begin, end = place(left.end_lineno, left.end_col_offset), place(right.lineno, right.col_offset)
    found = re.search(rf"(?<![<>=!\w]){re.escape(was)}(?![<>=\w])", text[begin:end])
    if found:
        yield begin + found.start(), begin + found.end(), new


def tests_of(module: str) -> list[str]:
    """Return the files of tests that import a module, those that name it most often first."""
    dotted = f"Y90DosimetryLib.{module}"
    package, _, last = dotted.rpartition(".")
    patterns = [rf"\b{re.escape(dotted)}\b", rf"from {re.escape(package)} import [^\n]*\b{re.escape(last)}\b"]
    counts = {}
    for file in sorted(TESTS.glob("test_*.py")):
        text = file.read_text("utf-8")
        if any(re.search(pattern, text) for pattern in patterns):
            counts[file.name] = text.count(last)
    return sorted(counts, key=lambda name: -counts[name])[:MOST_TESTS]


def passes(copy: Path, tests: Sequence[str]) -> bool:
    """Return whether tests pass on the copy of the library; one that does not end does not."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *(str(TESTS / t) for t in tests)]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_SEED": "0"}
    try:
        return (
            subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LONGEST_S).returncode == 0
        )
    except subprocess.TimeoutExpired:
        return False


def main() -> int:
    """Run the mutants and tell which survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as occupancy or planning.stated; all without")
    parser.add_argument("--sample", type=int, help="so many mutants, chosen at random")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    args = parser.parse_args()
    files = [
        f
        for f in sorted(LIBRARY.rglob("*.py"))
        if f.relative_to(LIBRARY).parts[0] not in DRAWN
        and (not args.modules or ".".join(f.relative_to(LIBRARY).with_suffix("").parts) in args.modules)
    ]
    mutants = [m for file in files for m in mutants_of(file)]
    random.Random(args.seed).shuffle(mutants)
    mutants = mutants[: args.sample]
    if args.list:
        print(*sorted(m.name for m in mutants), f"{len(mutants)} mutants", sep="\n")
        return 0
    listed = {s["mutant"]: s["because"] for s in tomllib.loads(LISTED.read_text("utf-8")).get("survivor", ())}
    with tempfile.TemporaryDirectory(prefix="y90-mutants-") as folder:
        return _run(mutants, Path(folder), listed, time.monotonic() + 60 * args.minutes)


def _run(mutants: Sequence[Mutant], copy: Path, listed: Mapping[str, str], end_s: float) -> int:
    shutil.copytree(LIBRARY, copy / "Y90DosimetryLib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Docs", "Testing", "Resources", "Y90Dosimetry", "README.md", "pyproject.toml"):
        (copy / name).symlink_to(ROOT / name)  # what tests read beside the library
    killed, unlisted, untested = 0, [], set()
    clean: dict[str, list[str]] = {}
    for number, mutant in enumerate(mutants):
        if time.monotonic() > end_s:
            print(f"{len(mutants) - number} of {len(mutants)} mutants were not reached in time")
            break
        module = ".".join(mutant.file.relative_to(LIBRARY).with_suffix("").parts)
        if module not in clean:
            clean[module] = [t for t in tests_of(module) if passes(copy, [t])]
        if not clean[module]:
            untested.add(module)
            continue
        target = copy / "Y90DosimetryLib" / mutant.file.relative_to(LIBRARY)
        whole = mutant.file.read_text("utf-8")
        target.write_text(whole[: mutant.start] + mutant.text + whole[mutant.end :], "utf-8")
        survives = passes(copy, clean[module])
        target.write_text(whole, "utf-8")
        killed += not survives
        if survives and mutant.name not in listed:
            unlisted.append(mutant.name)
            print(f"SURVIVES {mutant.name}", flush=True)
    print(f"{killed} mutants killed, {len(unlisted)} survive without a reason in {LISTED.name}")
    if untested:
        print(f"No test imports {', '.join(sorted(untested))}")
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
