"""How a command of `y90 calc` says what it found: an aligned table, or one JSON object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import InputError

Value = float | int | str | Mapping[str, float | int] | None
PERCENT = "%"
"""The unit of a row whose value is a fraction: the table shows it in percent, JSON as it is."""


@dataclass(frozen=True)
class Row:
    """One result: its key in JSON, and the label and unit of its line in the table."""

    key: str
    label: str
    value: Value
    unit: str = ""

    def lines(self) -> list[tuple[str, str, str]]:
        """Return label, value and unit of each line."""
        if isinstance(self.value, Mapping):
            return [(f"{self.label} {name}", self._text(value), self.unit) for name, value in self.value.items()]
        return [(self.label, self._text(self.value), self.unit)]

    def _text(self, value: float | int | str | None) -> str:
        if value is None:
            return "none"
        if isinstance(value, str | int):
            return str(value)
        return f"{value * 100 if self.unit == PERCENT else value:.5g}"


@dataclass(frozen=True)
class Answer:
    """What one command found, the model behind it and the constants it used."""

    model: str
    rows: tuple[Row, ...]
    constants: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            numbers = row.value.values() if isinstance(row.value, Mapping) else (row.value,)
            if any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
                raise InputError(
                    "the result is too large to be written", where=row.label, remedy="Check the numbers entered"
                )

    def json_object(self) -> dict[str, object]:
        """Return the results by key in full precision, with `model` and `constants` beside them."""
        return {
            **{row.key: row.value for row in self.rows},
            "model": self.model,
            "constants": {row.key: row.value for row in self.constants},
        }

    def table(self) -> str:
        """Return the results as aligned lines, the model and the constants underneath."""
        lines = [line for row in self.rows for line in row.lines()]
        left = max(len(label) for label, _, _ in lines)
        right = max(len(value) for _, value, _ in lines)
        table = [f"{label:<{left}}  {value:>{right}}  {unit}".rstrip() for label, value, unit in lines]
        used = [f"{label} {value} {unit}".rstrip() for row in self.constants for label, value, unit in row.lines()]
        return "\n".join([*table, "", f"Model: {self.model}", *([f"Constants: {', '.join(used)}"] if used else [])])
