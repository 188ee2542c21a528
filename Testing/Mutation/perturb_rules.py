"""Spoil every number, comparison, choice, severity and scenario of the rules, one at a time, and see who notices.

Each mutant is written to a temporary copy of the rules. Three independent checks look at it: the hand-typed table,
the outcomes around every threshold, and the stories. `--stories` lists what the stories alone would let pass.
Run: python Testing/Mutation/perturb_rules.py [--stories]. Exit code 1 when a mutant survives all three.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Library")]

import test_rules  # noqa: E402
import test_stories  # noqa: E402
import test_stories_invasion  # noqa: E402
import test_stories_palliative  # noqa: E402

from Y90DosimetryLib.guidelines import loading  # noqa: E402
from Y90DosimetryLib.measures import VOCABULARY  # noqa: E402

GUIDELINES = ROOT / "Y90DosimetryLib" / "guidelines"
COMPARISONS = {
    "below": ("at_most", "above"),
    "at_most": ("below", "at_least"),
    "at_least": ("above", "at_most"),
    "above": ("at_least", "below"),
}
SEVERITIES = ("contraindication", "warning", "target", "information")
CONDITION = re.compile(r'measure = "([^"]+)", (below|at_most|at_least|above|is|in) = (\[[^\]]*\]|"[^"]*"|[\w.]+)')
SEVERITY = re.compile(r'severity = "(\w+)"')
SCENARIOS = re.compile(r"^scenarios = \[([^\]]*)\]", re.MULTILINE)
EACH = re.compile(r'^(each = "\w+"|gate = true)\n', re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the text from `start` to `end` becomes `text`."""

    file: Path
    rule_id: str
    start: int
    end: int
    text: str
    what: str


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield the mutants of one rule file."""
    text = file.read_text("utf-8")
    heads = [(m.start(), m.group(1)) for m in re.finditer(r'^id = "([^"]+)"', text, re.MULTILINE)]

    def at(start: int, end: int, new: str) -> Mutant:
        owner = next((name for place, name in reversed(heads) if place < start), heads[0][1])
        return Mutant(file, owner, start, end, new, f"{file.stem} {owner}: {text[start:end].strip()} -> {new.strip()}")

    for match in CONDITION.finditer(text):
        name, comparison, limit = match.groups()
        for other in COMPARISONS.get(comparison, ()):
            yield at(match.start(2), match.end(2), other)
        for new in _other_limits(name, limit):
            yield at(match.start(3), match.end(3), new)
    for match in SEVERITY.finditer(text):
        for severity in SEVERITIES:
            if severity != match.group(1):
                yield at(match.start(1), match.end(1), severity)
    for match in SCENARIOS.finditer(text):
        numbers = match.group(1).split(", ")
        without = numbers[1:] or [str(int(numbers[0]) % 5 + 1)]
        yield at(match.start(1), match.end(1), ", ".join(without))
    for match in EACH.finditer(text):
        yield at(match.start(), match.end(), "")


def _other_limits(name: str, limit: str) -> Iterator[str]:
    if limit in {"true", "false"}:
        yield "false" if limit == "true" else "true"
    elif limit.startswith('"'):
        yield next(f'"{choice}"' for choice in VOCABULARY[name].choices if f'"{choice}"' != limit)
    elif limit.startswith("["):
        parts = limit[1:-1].split(", ")
        for left_out in parts:
            rest = [part for part in parts if part != left_out]
            if rest:
                yield f"[{', '.join(rest)}]"
    elif "." in limit:
        yield from (f"{float(limit) * factor:.6g}" + ".0" * (float(limit) * factor % 1 == 0) for factor in (0.98, 1.02))
    else:
        yield from (str(int(limit) - 1), str(int(limit) + 1))


def notices(check: Callable[[], None]) -> bool:
    """Whether a check turns red."""
    try:
        check()
    except Exception:  # a test that errors is red as well
        return True
    return False


def stories() -> Iterator[Callable[[], None]]:
    """Yield every story."""
    for module in (test_stories, test_stories_palliative, test_stories_invasion):
        yield from (value for name, value in vars(module).items() if name.startswith("test_"))


def main() -> int:
    """Run every mutant and print how many each check notices, and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", action="store_true", help="also list the mutants that no story notices")
    args = parser.parse_args()
    every_story = list(stories())
    mutants = [m for file in sorted((GUIDELINES / "rules").glob("*.toml")) for m in mutants_of(file)]
    seen = {"table": 0, "outcomes": 0, "stories": 0, "loading": 0}
    survivors: list[str] = []
    past_stories: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "guidelines"
        shutil.copytree(GUIDELINES, copy)
        loading._folder = lambda: copy  # type: ignore[assignment]
        loading.load_rules.cache_clear()
        assert not any(notices(story) for story in every_story), "the stories are red before any change"
        for mutant in mutants:
            original = mutant.file.read_text("utf-8")
            spoiled = copy / "rules" / mutant.file.name
            spoiled.write_text(original[: mutant.start] + mutant.text + original[mutant.end :], "utf-8")
            loading.load_rules.cache_clear()
            found = {
                "loading": notices(lambda: loading.load_rules() and None),  # type: ignore[func-returns-value]
                "table": notices(_each_rule(test_rules.test_every_number_comparison_and_severity_is_as_typed_by_hand)),
                "outcomes": notices(lambda m=mutant: test_rules.test_outcomes_at_and_around_every_threshold(m.rule_id)),
                "stories": any(notices(story) for story in every_story),
            }
            spoiled.write_text(original, "utf-8")
            for check, noticed in found.items():
                seen[check] += noticed
            if not any(found.values()):
                survivors.append(mutant.what)
            if not found["stories"] and not found["loading"]:
                past_stories.append(mutant.what)
    print(
        f"{len(mutants)} mutants; noticed by the table {seen['table']}, by outcomes at thresholds {seen['outcomes']},"
    )
    print(f"by the stories {seen['stories']}, refused while reading {seen['loading']}; survivors: {len(survivors)}")
    for what in survivors:
        print(f"  survives: {what}")
    if args.stories:
        for what in past_stories:
            print(f"  no story notices: {what}")
    return 1 if survivors else 0


def _each_rule(check: Callable[[str], None]) -> Callable[[], None]:
    def every() -> None:
        for rule_id in test_rules.IDS:
            check(rule_id)

    return every


if __name__ == "__main__":
    sys.exit(main())
