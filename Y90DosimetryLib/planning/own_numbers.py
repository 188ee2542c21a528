"""The user's own numbers: in place of a rule's, or a bound of their own; and those that ask nothing here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InputError
from ..guidelines.rule import Condition, Rule, Rulebook
from ..measures import measure
from ..quantities import require_positive
from .dose_lines import NOT_DOSES


class Side(StrEnum):
    """Whether a dose must reach a limit or stay within it."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True)
class Override:
    """Another number in place of a rule's, or None to set it aside; `printed_gy` says which where there are several."""

    rule_id: str
    limit_gy: float | None
    printed_gy: float | None = None

    def __post_init__(self) -> None:
        if self.limit_gy is not None:
            require_positive(self.limit_gy, f"limit for {self.rule_id}", "Gy")

    @property
    def title(self) -> str:
        """The rule, and which of its numbers is meant."""
        return self.rule_id if self.printed_gy is None else f"{self.rule_id} ({self.printed_gy:g} Gy)"


@dataclass(frozen=True)
class OwnBound:
    """A bound of the user's own on any dose of the vocabulary."""

    measure_id: str
    side: Side
    limit_gy: float

    def __post_init__(self) -> None:
        require_positive(self.limit_gy, f"limit for {self.measure_id}", "Gy")
        if not measure(self.measure_id).is_dose or self.measure_id in NOT_DOSES:
            raise InputError(f"'{self.measure_id}' is no computed dose", where="limits", remedy="Name a dose in Gy")

    @property
    def title(self) -> str:
        """The bound in words."""
        return f"{measure(self.measure_id).title} {self.side} {self.limit_gy:g} Gy"


@dataclass(frozen=True)
class Unused:
    """A number of the user's that asks nothing here, and why."""

    number: Override | OwnBound
    because: str

    @property
    def text(self) -> str:
        """Which number does not count, and why, in one sentence."""
        return f"Your own number for {self.number.title} does not count here: {self.because}."


class Overrides:
    """The user's overrides, and which of them met a rule."""

    def __init__(self, overrides: Sequence[Override], rules: Rulebook) -> None:
        self._overrides = overrides
        self._rules = rules
        self._met: set[Override] = set()
        self.set_aside: list[str] = []
        """What was set aside, in words."""

    def of(self, rule: Rule, limit_gy: float) -> Override | None:
        """Return what the user put in place of a number of a rule.

        Raises
        ------
        InputError
            If the rule has several numbers and the override does not say which.
        """
        for override in self._overrides:
            several = _printed_gy(rule)
            named = override.printed_gy == limit_gy or (override.printed_gy is None and limit_gy in several)
            if override.rule_id == rule.id and named:
                self._met.add(override)
                if override.printed_gy is None and len(several) > 1:
                    raise InputError(
                        f"{rule.id} has several numbers: {', '.join(f'{x:g}' for x in several)} Gy",
                        where="limits",
                        remedy=f"Say which, for example {rule.id}:{several[0]:g}=...",
                    )
                return override
        return None

    def of_alternative(self, condition: Condition) -> float | None:
        """Return what the user put in place of a number of another rule, which is an alternative in this one."""
        for override in self._overrides:
            bands = self._rules[override.rule_id].bands if override.rule_id in self._rules else ()
            asked = [(p.measure_id, p.limit) for band in bands if (p := band.principal) is not None]
            is_meant = override.printed_gy in (None, condition.limit)
            if is_meant and (condition.measure_id, condition.limit) in asked:
                return override.limit_gy
        return None

    def unused(self, rules: Rulebook) -> list[Unused]:
        """Return those that met no rule."""
        return [
            Unused(o, "that rule asks for no such dose here" if o.rule_id in rules else "there is no such rule")
            for o in self._overrides
            if o not in self._met
        ]


def refused(unused: Unused) -> InputError:
    """Return the error of a number that asks nothing here."""
    number = unused.number
    if isinstance(number, OwnBound):
        return InputError(
            f"{number.measure_id} {unused.because}", where="limits", remedy=measure(number.measure_id).ask
        )
    return InputError(
        f"{number.rule_id}: {unused.because}", where="limits", remedy="`y90 plan` lists the constraints by name"
    )


def _printed_gy(rule: Rule) -> list[float]:
    """Return the dose limits that a rule's bands are about, each once; not those of an alternative beside them."""
    found = [
        float(c.limit)
        for band in rule.bands
        if (c := band.principal) is not None and is_dose(c) and isinstance(c.limit, int | float)
    ]
    return list(dict.fromkeys(found))


def is_dose(condition: Condition) -> bool:
    """Return whether a condition compares a dose that the activity changes."""
    return condition.comparison.is_order and condition.measure.is_dose and condition.measure_id not in NOT_DOSES
