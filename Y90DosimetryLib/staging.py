"""How far the tumor has spread: UNOS stage, transplant criteria, and the order of vascular invasion.

Whether vessels are invaded, and whether there is disease outside the liver, are statements of the team: callers
that do not know them report the stage as missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from .errors import InputError
from .quantities import require_not_negative, require_positive

LARGEST_DIAMETER_MM = 400.0
"""Above, a diameter was surely typed in another unit."""
AFP_LOW_RISK_UP_TO = 2


class PortalInvasion(IntEnum):
    """Tumor thrombus of the portal vein; a larger grade lies closer to the main trunk.

    Source: Liver Cancer Study Group of Japan, General rules for the study of primary liver cancer.
    """

    NONE = 0
    VP1 = 1
    """Distal to the second-order branches."""
    VP2 = 2
    """Second-order branches."""
    VP3 = 3
    """First-order branch."""
    VP4 = 4
    """Main trunk or the contralateral branch."""

    @classmethod
    def named(cls, text: str) -> PortalInvasion:
        """Return the grade written as "none" or "VP1" to "VP4"; raises `InputError` for another text."""
        return cls(_grade_of(text, cls))


class HepaticVeinInvasion(IntEnum):
    """Tumor thrombus of the hepatic veins; a larger grade lies closer to the heart. Source as `PortalInvasion`."""

    NONE = 0
    VV1 = 1
    """A branch of a hepatic vein."""
    VV2 = 2
    """The main trunk of a hepatic vein."""
    VV3 = 3
    """Reaching the right atrium."""

    @classmethod
    def named(cls, text: str) -> HepaticVeinInvasion:
        """Return the grade written as "none" or "VV1" to "VV3"; raises `InputError` for another text."""
        return cls(_grade_of(text, cls))


class UnosStage(StrEnum):
    """Tumor stage of the United Network for Organ Sharing."""

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4A = "T4a"
    T4B = "T4b"


@dataclass(frozen=True)
class Extent:
    """The longest diameter of every tumor, and what the team states about spread.

    Raises
    ------
    InputError
        If there is no tumor, or a diameter is not positive or not possible in a human.
    """

    diameters_mm: tuple[float, ...]
    macrovascular_invasion: bool
    extrahepatic_disease: bool

    def __post_init__(self) -> None:
        if not self.diameters_mm:
            raise InputError("no tumor is given", where="tumor diameters", remedy="Enter at least one diameter in mm")
        for diameter_mm in self.diameters_mm:
            require_positive(diameter_mm, "tumor diameter", "mm")
            if diameter_mm > LARGEST_DIAMETER_MM:
                raise InputError(
                    f"{diameter_mm:g} mm does not fit into a liver", where="tumor diameter", remedy="Enter millimeters"
                )

    @property
    def number(self) -> int:
        """How many tumors there are."""
        return len(self.diameters_mm)

    @property
    def largest_mm(self) -> float:
        """The largest diameter."""
        return max(self.diameters_mm)

    @property
    def sum_mm(self) -> float:
        """The sum of the diameters."""
        return math.fsum(self.diameters_mm)

    @property
    def is_confined(self) -> bool:
        """Whether no vessel is invaded and nothing lies outside the liver: every transplant criterion asks for it."""
        return not self.macrovascular_invasion and not self.extrahepatic_disease


def unos_stage(extent: Extent) -> UnosStage:
    """Return the UNOS T stage; disease outside the liver is not part of T.

    T1 one below 2 cm; T2 one of 2 to 5 cm or two to three up to 3 cm; T3 one above 5 cm or two to three with one
    above 3 cm; T4a four or more; T4b gross vascular invasion. Source: American Liver Tumor Study Group, modified
    TNM, as used by the United Network for Organ Sharing.
    """
    if extent.macrovascular_invasion:
        return UnosStage.T4B
    if extent.number > 3:
        return UnosStage.T4A
    if extent.number == 1:
        if extent.largest_mm < 20.0:
            return UnosStage.T1
        return UnosStage.T2 if extent.largest_mm <= 50.0 else UnosStage.T3
    return UnosStage.T2 if extent.largest_mm <= 30.0 else UnosStage.T3


def bclc_stage(extent: Extent, ecog: int, end_stage_liver: bool) -> str:
    """Return the Barcelona stage, "0" to "D", from tumor, performance status and liver.

    D: ECOG above 2 or end-stage liver function. C: vascular invasion, disease outside the liver, or ECOG 1 or 2.
    0: one tumor up to 2 cm. A: one tumor, or up to three up to 3 cm. B: more. Source: Reig et al., J Hepatol
    2022;76:681. What "end-stage" is, the caller says (Child-Pugh C).

    Raises
    ------
    InputError
        If the performance status is not 0 to 4.
    """
    if ecog not in range(5):
        raise InputError(f"it is {ecog}", where="ECOG performance status", remedy="Enter 0 to 4")
    if ecog > 2 or end_stage_liver:
        return "D"
    if ecog > 0 or not extent.is_confined:
        return "C"
    if extent.number == 1:
        return "0" if extent.largest_mm <= 20.0 else "A"
    return "A" if extent.number <= 3 and extent.largest_mm <= 30.0 else "B"


def within_milan(extent: Extent) -> bool:
    """Whether one tumor up to 5 cm, or up to three up to 3 cm. Source: Mazzaferro et al., NEJM 1996;334:693."""
    limit_mm = 50.0 if extent.number == 1 else 30.0
    return extent.is_confined and extent.number <= 3 and extent.largest_mm <= limit_mm


def within_ucsf(extent: Extent) -> bool:
    """Whether one tumor up to 6.5 cm, or up to three, the largest up to 4.5 cm and the sum up to 8 cm.

    Source: Yao et al., Hepatology 2001;33:1394.
    """
    if extent.number == 1:
        return extent.is_confined and extent.largest_mm <= 65.0
    return extent.is_confined and extent.number <= 3 and extent.largest_mm <= 45.0 and extent.sum_mm <= 80.0


def within_up_to_7(extent: Extent) -> bool:
    """Whether the largest diameter in cm plus the number is at most 7.

    Source: Mazzaferro et al., Lancet Oncol 2009;10:35.
    """
    return extent.is_confined and extent.largest_mm <= 10.0 * (7 - extent.number)


def afp_model_score(extent: Extent, afp_ng_ml: float) -> int:
    """Return the points (0 to 9) of the French AFP model from size, number and alpha-fetoprotein in ng/mL.

    Source: Duvoux et al., Gastroenterology 2012;143:986.

    Raises
    ------
    InputError
        If the alpha-fetoprotein is negative.
    """
    return afp_model_points(extent.largest_mm, extent.number, afp_ng_ml)


def afp_model_points(largest_mm: float, number: int, afp_ng_ml: float) -> int:
    """Return the points of `afp_model_score`; *largest_mm* and *number* are 0 where no tumor is left."""
    require_not_negative(afp_ng_ml, "alpha-fetoprotein", "ng/mL")
    size = 0 if largest_mm <= 30.0 else 1 if largest_mm <= 60.0 else 4
    several = 0 if number <= 3 else 2
    marker = 0 if afp_ng_ml <= 100.0 else 2 if afp_ng_ml <= 1000.0 else 3
    return size + several + marker


def within_afp_model(extent: Extent, afp_ng_ml: float) -> bool:
    """Whether the AFP model says low risk (at most 2 points) and the tumor is confined."""
    return extent.is_confined and afp_model_score(extent, afp_ng_ml) <= AFP_LOW_RISK_UP_TO


def _grade_of(text: str, grades: type[IntEnum]) -> int:
    names = {grade.name.lower(): grade for grade in grades}
    grade = names.get(text.strip().lower())
    if grade is None:
        choices = ", ".join("none" if g == 0 else g.name for g in grades)
        raise InputError(f"'{text}' is not a grade", where="vascular invasion", remedy=f"Choose one of {choices}")
    return int(grade)
