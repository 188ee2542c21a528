"""Numbers of the follow-up as the rules' data have them: none is written a second time."""

from __future__ import annotations

from ..errors import InputError
from ..guidelines import load_rules
from ..guidelines.rule import Comparison


def rule_limit(rule_id: str, measure_id: str, comparison: Comparison) -> float:
    """Return the number a rule compares a measure with in this way, in its conditions or its bands.

    Raises
    ------
    InputError
        If the rule does not compare it so, or with more than one number.
    """
    rule = load_rules()[rule_id]
    found = {
        condition.limit
        for requirement in rule.requirements()
        for condition in requirement.conditions()
        if condition.measure_id == measure_id and condition.comparison is comparison
    }
    numbers = [float(limit) for limit in found if isinstance(limit, int | float) and not isinstance(limit, bool)]
    if len(numbers) != 1:
        raise InputError(
            f"it compares {measure_id} '{comparison}' with {len(numbers)} numbers",
            where=f"rule {rule_id}",
            remedy="Ask for a comparison that the rule makes once",
        )
    return numbers[0]
