"""Rule files: a good one is read, and each way of spoiling it is refused with its reason."""

from __future__ import annotations

import pytest

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines.loading import load_references, read_rules
from Y90DosimetryLib.guidelines.rule import Rulebook


class File:
    """A rule file in memory."""

    name = "made.toml"

    def __init__(self, text: str) -> None:
        self.text = text

    def read_text(self, _encoding: str) -> str:
        return self.text


GOOD = """
[[rule]]
id = "X-1"
title = "Title"
topic = "topic"
scenarios = [3]
basis = "consensus"
checked = 2026-01-01
bands = [{ if = [{ measure = "ecog", above = 1 }], severity = "warning", says = "ECOG {value}." }]
source = { reference = "salem2023", place = "scenario 3" }
"""


def read(text: str) -> Rulebook:
    return read_rules([File(text)])  # type: ignore[list-item]


def test_a_good_file_is_read() -> None:
    assert set(read(GOOD)) == {"X-1"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Title"\n', "", "'title' is missing"),
        ("scenarios = [3]", "scenarios = [6]", "some of 1 to 5"),
        ("scenarios = [3]", "scenarios = [4, 3]", "some of 1 to 5"),
        ("2026-01-01", '"lately"', "'checked' is 'lately'"),
        ("consensus", "rumor", "'rumor' is none of"),
        ('"warning"', '"alarm"', "'alarm' is none of"),
        ("ecog", "ecgo", "Did you mean 'ecog'"),
        ("above = 1", "above = 1, below = 0", "2 comparisons"),
        ("above = 1", "exceeds = 1", "unknown key 'exceeds'"),
        ("above = 1", 'above = "1"', "it takes a number"),
        ("above = 1", "above = true", "it takes a number"),
        ("above = 1", "in = 1", "'in' takes a list"),
        ("above = 1", "above = [1]", "'in' takes a list"),
        ('"ecog", above = 1', '"device", above = 1', "it is not a number"),
        ('"ecog", above = 1', '"device", is = "plastic"', "it is one of glass"),
        ('"ecog", above = 1', '"previous_pve", is = "yes"', "it takes true or false"),
        ('"ecog", above = 1', '"hepatic_reserve_fraction", is = 0.3', "never compared for equality"),
        ('"ecog", above = 1', '"treatment_day", above = 1', "exists for each infusion"),
        ("ECOG {value}.", "ECOG {value}", "one whole sentence"),
        ("ECOG {value}.", "ECOG {ecgo}.", "the sentence names 'ecgo'"),
        ("ECOG {value}.", "On {treatment_day}.", "the sentence names 'treatment_day'"),
        ('{ measure = "ecog", above = 1 }', '{ any = [{ measure = "ecog", above = 1 }] }', "no condition to take"),
        (', place = "scenario 3"', "", "no place"),
        ("salem2023", "salem2032", "no reference 'salem2032'"),
        ('topic = "topic"', 'topic = "topic"\ntipic = "topic"', "Did you mean 'topic'"),
        ('topic = "topic"', 'topic = "topic"\nfunction = "magic"', "no function 'magic'"),
        ('topic = "topic"', 'topic = "topic"\nfunction = "cumulative_lung_dose"', "measure is not judged"),
        ('topic = "topic"', 'topic = "topic"\neach = "lobe"', "'lobe' is none of"),
        ('says = "ECOG {value}."', 'says = "ECOG {value}.", then = ["X-2"]', "'then' names 'X-2'"),
        ("[[rule]]", "[[rules]]", "unknown key 'rules'"),
        ("[[rule]]", "[[rule]", "can't be read"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=complaint.replace("[", r"\[")):
        read(GOOD.replace(old, new))


def test_two_rules_may_not_share_an_id() -> None:
    with pytest.raises(InputError, match="used twice"):
        read(GOOD + GOOD)


def test_references_can_be_looked_up() -> None:
    for reference in load_references().values():
        assert reference.citation and reference.short and reference.read
