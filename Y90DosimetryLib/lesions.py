"""What a reader measures of tumors and thrombi at one time: the raw material of a response."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import InputError
from .quantities import require_label, require_not_negative
from .staging import LARGEST_DIAMETER_MM, HepaticVeinInvasion, PortalInvasion


@dataclass(frozen=True)
class LesionReading:
    """One tumor on one study. None is unknown, never 0.

    Raises
    ------
    InputError
        If it has no name, a diameter is negative or not possible in a human, or more is viable than there is.
    """

    lesion: str
    """Its name, the same at all times; the label of its outline where there is one."""
    viable_mm: float | None = None
    """Longest diameter of what enhances in the arterial phase; 0 where nothing does (mRECIST)."""
    longest_mm: float | None = None
    """Longest diameter of the whole lesion, necrosis included."""
    is_treated: bool | None = None
    """Whether it lies in the treated zone (localized mRECIST)."""
    is_new: bool = False
    """Seen for the first time on this study."""
    is_target: bool | None = None
    """Before the treatment: whether the reader follows it as a target; None leaves the choice to the size."""
    progresses: bool | None = None
    """For a lesion that is no target: whether the reader calls it unequivocal progression."""

    def __post_init__(self) -> None:
        where = f"lesion '{self.lesion}'"
        require_label(self.lesion, "lesion")
        for name in ("viable_mm", "longest_mm"):
            value = getattr(self, name)
            if value is not None:
                _require_diameter(value, f"{where}, {name}")
        if self.viable_mm is not None and self.longest_mm is not None and self.viable_mm > self.longest_mm:
            raise InputError(
                f"{self.viable_mm:g} mm are viable of {self.longest_mm:g} mm",
                where=where,
                remedy="The viable part is no longer than the lesion: correct one",
            )


@dataclass(frozen=True)
class ThrombusReading:
    """One tumor thrombus on one study; it has no measurable diameter in the sense of mRECIST.

    Raises
    ------
    InputError
        If it has no name, the diameter is not possible, or the class is none of VP1 to VP4 and VV1 to VV3.
    """

    thrombus: str
    enhances: bool | None = None
    diameter_mm: float | None = None
    """Of the vein that it fills; 0 where it is gone."""
    extends_proximally: bool | None = None
    """Compared with the study before the treatment: nearer to the main trunk."""
    is_treated: bool | None = None
    grade: str | None = None
    """Its class: VP1 to VP4 in the portal vein, VV1 to VV3 in the hepatic veins; "none" where it is gone."""

    def __post_init__(self) -> None:
        where = f"thrombus '{self.thrombus}'"
        require_label(self.thrombus, "thrombus")
        if self.diameter_mm is not None:
            _require_diameter(self.diameter_mm, f"{where}, diameter")
        if self.grade is not None:
            invasion_named(self.grade)

    @property
    def invasion(self) -> PortalInvasion | HepaticVeinInvasion | None:
        """The class of vascular invasion; None where it is unknown or the thrombus is gone."""
        return None if self.grade is None else invasion_named(self.grade)


def invasion_named(text: str) -> PortalInvasion | HepaticVeinInvasion | None:
    """Return the class written as VP1 to VP4 or VV1 to VV3; None for "none".

    Raises
    ------
    InputError
        For another text.
    """
    if text.strip().lower() == "none":
        return None
    if text.strip().lower().startswith("vv"):
        return HepaticVeinInvasion.named(text)
    return PortalInvasion.named(text)


def require_once(lesions: Iterable[LesionReading], thrombi: Iterable[ThrombusReading], where: str) -> None:
    """Raise `InputError` when a study reads the same lesion or thrombus twice."""
    for kind, names in (("lesion", [r.lesion for r in lesions]), ("thrombus", [r.thrombus for r in thrombi])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"{kind} '{twice[0]}' is read twice", where=where, remedy="Keep one reading of each")


def _require_diameter(value_mm: float, where: str) -> None:
    require_not_negative(value_mm, where, "mm")
    if value_mm > LARGEST_DIAMETER_MM:
        raise InputError(f"{value_mm:g} mm does not fit into a liver", where=where, remedy="Enter millimeters")
