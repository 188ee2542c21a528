"""The notes on the rules keep up with the rules: every rule has its place in the reading of the sources."""

from __future__ import annotations

import re
from pathlib import Path

from Y90DosimetryLib.guidelines.loading import load_rules

NOTES = Path(__file__).parents[2] / "Docs" / "rules-notes.md"

ITEMS = {
    1: """Treatment intent|Selection 1|Selection 2|Selection 3|Selection 4|Selection 5
        Diagnostic 1|Diagnostic 2|Diagnostic 3|Diagnostic 4|Mapping 1|Mapping 2|Mapping 3
        Dose 1|Dose 2|Dose 3|Dose 4|Delivery 1|Delivery 2|Delivery 3|Delivery 4|Delivery 5|Outcome 1|Outcome 2""",
    2: """Treatment intent|Selection 1, a-d|Selection 2|Diagnostic|Mapping 1|Mapping 2
        Dose 1|Dose 2|Dose 3|Dose 4|Delivery 1|Delivery 2, a-b|Outcome 1|Outcome 2|Outcome 3|Outcome 4|Outcome 5""",
    3: """Treatment intent, a-b|Selection|Mapping
        Dose 1|Dose 2|Dose 3|Delivery 1|Delivery 2|Delivery 3|Outcome|Footnote to the title""",
    4: """Treatment intent, a-b|Selection|Mapping, a-d
        Dose 1|Dose 2|Dose 3|Dose 4|Delivery|Outcome|Asterisk in the title""",
    5: """Treatment intent|Selection 1|Selection 2|Selection 3|Diagnostic|Mapping
        Dose 1|Dose 2|Delivery 1|Delivery 2|Outcome""",
}
"""The numbered items of the consensus, typed from it."""


def mentioned(text: str) -> set[str]:
    """Return the rule ids in a text; "S2-DOSE-04 to -06" and "S2-DOSE-04, -05" name all of them."""
    known = set(load_rules())
    found: set[str] = set()
    for match in re.finditer(r"((?:S\d|C0|GEN|LUNG)(?:-[A-Z]+)?)-(\d\db?)((?:,| and| to)? ?-\d\d)*", text):
        stem, numbers = match.group(1), re.findall(r"(?<=-)\d\db?", match.group(0))
        if " to " in match.group(0) and len(numbers) == 2:
            numbers = [f"{n:02d}" for n in range(int(numbers[0]), int(numbers[1]) + 1)]
        found |= {f"{stem}-{number}" for number in numbers}
    assert found <= known, f"no such rule: {sorted(found - known)}"
    return found


def table(scenario: int) -> dict[str, str]:
    """Return the coverage table of a scenario: item and rules."""
    text = NOTES.read_text("utf-8").split(f"### Scenario {scenario}\n")[1].split("\n#")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {row[0].strip(): row[1].strip() for row in rows[1:]}


def test_every_numbered_item_has_its_line() -> None:
    for scenario, items in ITEMS.items():
        assert list(table(scenario)) == re.split(r"\||\n +", items)
        assert all(table(scenario).values())


def test_every_rule_is_covered_by_an_item_of_its_source() -> None:
    coverage = "\n".join(NOTES.read_text("utf-8").split("## Coverage of the consensus")[1:])
    general = {"GEN-04"}  # from the key definitions, which have no number
    assert mentioned(coverage) | general == set(load_rules())
