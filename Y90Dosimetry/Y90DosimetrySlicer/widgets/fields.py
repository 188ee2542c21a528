"""Fields that know "unknown": what is typed becomes a value, nothing, or a problem in words; never a silent 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import qt
from slicer.i18n import tr as _

from .marks import RED
from .times import UNKNOWN_ZONE, readMoment, shownMoment, zoneChoices

Edited = Callable[[object], None]
DIGITS = 6
AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""A comma that may part thousands or decimals."""
WIDEST_MOMENT = "_2000-00-00 00:00_"
"""A field that is narrower would hide the year of a vial."""
WRONG_STYLE = f"border: 2px solid {RED}; background-color: palette(base); color: palette(text);"
PERCENT = 100.0


@dataclass(frozen=True)
class Scale:
    """Between what is stored and what is typed; both functions, so that a unit is converted by the library."""

    shown: Callable[[float], float]
    stored: Callable[[float], float]


PLAIN = Scale(float, float)
IN_PERCENT = Scale(lambda fraction: fraction * PERCENT, lambda percent: percent / PERCENT)


class Field:
    """A field of the panel: `title` names it in messages, `problem` says what is wrong with what was typed."""

    def __init__(self, title: str, widget, edited: Edited) -> None:
        self.title = title
        self.widget = widget
        self.problem = ""
        self._edited = edited
        self._showing = False
        self._tip = widget.toolTip
        widget.accessibleName = title

    def show(self, value) -> None:
        """Show a stored value, None for unknown; what the user is typing is left alone when it means the same."""
        self._showing = True
        try:
            self._show(value)
        finally:
            self._showing = False

    def _show(self, value) -> None:
        raise NotImplementedError

    def _tell(self, value) -> None:
        if not self._showing:
            self._edited(value)

    def refuse(self, problem: str) -> None:
        """Mark what was typed as not accepted."""
        self._mark(problem)

    def forgive(self) -> None:
        """Forget what was typed wrongly, so that the stored value is shown again."""
        self._mark("")

    def _mark(self, problem: str) -> None:
        self.problem = f"{self.title}: {problem}" if problem else ""
        self.widget.styleSheet = WRONG_STYLE if problem else ""
        self.widget.toolTip = f"{self.problem}\n{self._tip}" if problem else self._tip


class NumberField(Field):
    """A line edit for a number; empty is unknown."""

    def __init__(self, title: str, edit, edited: Edited, scale: Scale = PLAIN, *, whole: bool = False) -> None:
        super().__init__(title, edit, edited)
        self.scale = scale
        self._whole = whole
        edit.connect("textChanged(QString)", self._onText)

    def read(self) -> float | int | None:
        """Return the stored value of what is typed; sets `problem` when it is no number."""
        typed = self.widget.text.strip()
        text = typed.replace(",", ".")
        self._mark("")
        if not text:
            return None
        if AMBIGUOUS.fullmatch(typed):
            said = _("'{text}' could be {thousands} or {decimals}: write it without the comma")
            self._mark(said.format(text=typed, thousands=typed.replace(",", ""), decimals=text))
            return None
        try:
            value = int(text) if self._whole else self.scale.stored(float(text))
        except ValueError:
            wanted = _("a whole number") if self._whole else _("a number")
            self._mark(_("'{text}' is not {wanted}").format(text=typed, wanted=wanted))
            return None
        if value != value or abs(value) == float("inf"):
            self._mark(_("'{text}' is not finite").format(text=text))
            return None
        return value

    def _onText(self, _text: str) -> None:
        if not self._showing:
            self._tell(self.read())

    def _show(self, value) -> None:
        if self.problem or self._same(value, self.read()):
            return
        self.widget.text = "" if value is None else f"{self.scale.shown(value):.{DIGITS}g}"
        self._mark("")

    def _same(self, stored, typed) -> bool:
        if stored is None or typed is None:
            return stored is None and typed is None and not self.problem
        shown = f"{self.scale.shown(stored):.{DIGITS}g}"
        return shown == f"{self.scale.shown(typed):.{DIGITS}g}"


class TextField(Field):
    """A line edit for a name; what is not allowed is said by the caller through `refuse`."""

    def __init__(self, title: str, edit, edited: Edited) -> None:
        super().__init__(title, edit, edited)
        edit.connect("editingFinished()", self._onFinished)

    def _onFinished(self) -> None:
        self._mark("")
        self._tell(self.widget.text.strip())

    def _show(self, value) -> None:
        if self.widget.text != (value or "") and not self.problem:
            self.widget.text = value or ""


class DateField(Field):
    """A line edit for a day, 2026-03-04; empty is unknown."""

    def __init__(self, title: str, edit, edited: Edited) -> None:
        super().__init__(title, edit, edited)
        edit.placeholderText = _("YYYY-MM-DD")
        edit.connect("textChanged(QString)", self._onText)

    def _onText(self, text: str) -> None:
        if self._showing:
            return
        self._mark("")
        try:
            value = date.fromisoformat(text.strip()) if text.strip() else None
        except ValueError:
            self._mark(_("'{text}' is not a day such as 2026-03-04").format(text=text.strip()))
            value = None
        self._tell(value)

    def _show(self, value) -> None:
        if self.problem and value is None:
            return
        text = value.isoformat() if value else ""
        if self.widget.text.strip() != text:
            self.widget.text = text
            self._mark("")


class ChoiceField(Field):
    """A combo box of choices; the first entry is unknown where the question may stay open."""

    def __init__(
        self, title: str, combo, edited: Edited, choices: Sequence[tuple[str, object]], *, unknown: str | None = None
    ) -> None:
        super().__init__(title, combo, edited)
        self._unknown = unknown
        self._values: list[object] = []
        self.setChoices(choices)
        combo.connect("currentIndexChanged(int)", self._onIndex)

    def setChoices(self, choices: Sequence[tuple[str, object]]) -> None:
        """Offer other choices; the one chosen stays where it is among them."""
        self._showing = True
        try:
            before = self.value
            self.widget.clear()
            first = [] if self._unknown is None else [(self._unknown, None)]
            entries = [*first, *choices]
            self._values = [value for _text, value in entries]
            for text, _value in entries:
                self.widget.addItem(text)
            self._show(before)
        finally:
            self._showing = False

    @property
    def value(self):
        """What is chosen; None for unknown."""
        index = self.widget.currentIndex
        return self._values[index] if 0 <= index < len(self._values) else None

    def _onIndex(self, _index: int) -> None:
        self._tell(self.value)

    def _show(self, value) -> None:
        self.widget.currentIndex = self._values.index(value) if value in self._values else -1 + bool(self._unknown)


class CheckField(Field):
    """A check box."""

    def __init__(self, title: str, box, edited: Edited) -> None:
        super().__init__(title, box, edited)
        box.connect("toggled(bool)", self._onToggled)

    def _onToggled(self, checked: bool) -> None:
        self._tell(bool(checked))

    def _show(self, value) -> None:
        self.widget.checked = bool(value)


class MomentField(Field):
    """A line edit for day and time with a combo box for its time zone; stored as ISO 8601 text with offset."""

    def __init__(self, title: str, edit, zoneCombo, edited: Edited) -> None:
        super().__init__(title, edit, edited)
        self._zone = zoneCombo
        self._zones: list[str] = []
        self._hospitalZone = ""
        self.setHospitalZone("")
        edit.placeholderText = _("YYYY-MM-DD hh:mm")
        edit.minimumWidth = qt.QFontMetrics(edit.font).horizontalAdvance(WIDEST_MOMENT)
        edit.connect("textChanged(QString)", self._onChange)
        zoneCombo.connect("currentIndexChanged(int)", self._onChange)

    def setHospitalZone(self, name: str) -> None:
        """Offer the hospital's time zone first."""
        if self._zones and name == self._hospitalZone:
            return
        self._showing = True
        self._hospitalZone = name
        chosen = self._zones[self._zone.currentIndex] if self._zones else UNKNOWN_ZONE
        self._zone.clear()
        choices = zoneChoices(name)
        self._zones = [zone for zone, _text in choices]
        for _zone, text in choices:
            self._zone.addItem(text)
        if chosen == UNKNOWN_ZONE and not self.widget.text.strip():
            chosen = name  # the hospital's, until another one is chosen
        self._zone.currentIndex = self._zones.index(chosen) if chosen in self._zones else 0
        self._showing = False

    def _onChange(self, _changed) -> None:
        if self._showing:
            return
        self._tell(self._read())

    def _read(self) -> str:
        self._mark("")
        try:
            return readMoment(self.widget.text, self._zones[self._zone.currentIndex])
        except ValueError as error:
            self._mark(str(error))
            return ""

    def _show(self, value: str) -> None:
        if self.problem and not value:
            return
        if value and not self.problem and value == self._read():
            return
        if not value and not self.widget.text.strip():
            return
        text, zone = shownMoment(value, self._zones)
        self.widget.text = text
        if zone:
            if zone not in self._zones:
                self._zones.append(zone)
                self._zone.addItem(zone)
            self._zone.currentIndex = self._zones.index(zone)
        self._mark("")


def problemsOf(fields: Sequence[Field]) -> list[str]:
    """Return what is wrong with what was typed."""
    return [field.problem for field in fields if field.problem]


def focus(field: Field) -> None:
    """Put the cursor into a field."""
    field.widget.setFocus(qt.Qt.OtherFocusReason)
