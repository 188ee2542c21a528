"""Whose images a folder holds: patients are told apart by ID, name, birth date, sex and age together."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields, replace

from .dicom_header import Header, number, text

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
SEXES = frozenset("MF")
AGE_SLACK_YEARS = 3
"""Tool default: how far apart two headers may put the year of birth; anonymizers round ages and shift dates."""
HEIGHT_SLACK_M = 0.15
WEIGHT_SLACK_RATIO = 0.25
"""Tool default: what changes or is mistyped between two examinations of one patient."""


@dataclass(frozen=True)
class Person:
    """What one header says of the patient; None and empty where it says nothing. Not to be shown."""

    id: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    born_year: int | None = None
    """The year of the study less the age."""

    def merged(self, other: Person) -> Person:
        """Return what both together say."""
        return replace(self, **{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})

    def may_be(self, other: Person) -> bool:
        """Whether nothing that both headers state sets the two apart."""
        alike = all(not a or not b or a == b for a, b in ((self.id, other.id), (self.sex, other.sex)))
        named = not self.name or not other.name or self.name == other.name
        named |= bool(self.id) and self.id == other.id and _spelled_otherwise(self.name, other.name)
        born = not self.birth_date or not other.birth_date or self.birth_date == other.birth_date
        if not (self.birth_date and other.birth_date) and self.born_year is not None and other.born_year is not None:
            born &= abs(self.born_year - other.born_year) <= AGE_SLACK_YEARS
        return alike and named and born


def person_of(header: Header) -> Person:
    """Return what a header says of the patient."""
    sex = text(header, "PatientSex").upper()
    return Person(
        text(header, "PatientID").casefold(),
        re.sub(r"[\^\s=]+", " ", text(header, "PatientName")).strip().casefold(),
        text(header, "PatientBirthDate"),
        sex if sex in SEXES else "",
        _born_year(header),
    )


def _born_year(header: Header) -> int | None:
    day, age = re.match(r"\d{4}", text(header, "StudyDate")), re.fullmatch(r"(\d{3})Y", text(header, "PatientAge"))
    return int(day[0]) - int(age[1]) if day and age else None


def numbered(header: Header, people: list[Person]) -> int:
    """Return the number of the patient, a new one where what is known contradicts all others."""
    own = person_of(header)
    for at, other in enumerate(people):
        if own.may_be(other):
            people[at] = other.merged(own)
            return at + 1
    people.append(own)
    return len(people)


def body_doubts(headers: tuple[Header, ...]) -> tuple[str, ...]:
    """Return where height or weight of two images are those of two people, though their names are not."""
    told = []
    heights_m = [h for header in headers if (h := number(header, "PatientSize"))]
    weights_kg = [w for header in headers if (w := number(header, "PatientWeight"))]
    if heights_m and max(heights_m) - min(heights_m) > HEIGHT_SLACK_M:
        told.append(f"heights of {min(heights_m):g} and {max(heights_m):g} m")
    if weights_kg and min(weights_kg) > 0 and max(weights_kg) / min(weights_kg) - 1 > WEIGHT_SLACK_RATIO:
        told.append(f"weights of {min(weights_kg):g} and {max(weights_kg):g} kg")
    return tuple(told)


def _spelled_otherwise(name: str, other: str) -> bool:
    """Whether two names differ in titles, further given names, accents and umlauts only ("müller", "mueller")."""
    for told in ((name, other), (name.translate(UMLAUTS), other.translate(UMLAUTS))):
        one, two = ({re.sub(r"\W", "", unicodedata.normalize("NFKD", w)) for w in words.split()} for words in told)
        if one <= two or two <= one:
            return True
    return False
