"""Liver function scores from laboratory values; a missing value is the caller's to report, never filled in.

Inputs are in SI laboratory units; comparisons use the values as given, never rounded ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from .case import Encephalopathy, Grade
from .quantities import require_finite, require_within

BILIRUBIN_UMOL_L_PER_MG_DL = 17.1
"""Molar mass 584.7 g/mol, as the scores' authors round it."""
CREATININE_UMOL_L_PER_MG_DL = 88.4
"""Molar mass 113.1 g/mol, as clinical chemistry rounds it."""
G_L_PER_G_DL = 10.0

ALBI_GRADE_1_UP_TO, ALBI_GRADE_2_UP_TO = -2.60, -1.39
CHILD_PUGH_A_UP_TO, CHILD_PUGH_B_UP_TO = 6, 9
MELD_FLOOR, MELD_CREATININE_CAP = 1.0, 4.0


class ChildPughClass(StrEnum):
    """A: 5 and 6 points, B: 7 to 9, C: 10 to 15."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True)
class ChildPugh:
    """Child-Pugh points (1 to 3 each), their sum and its class."""

    bilirubin_points: int
    albumin_points: int
    inr_points: int
    ascites_points: int
    encephalopathy_points: int

    @property
    def score(self) -> int:
        """The sum of the points, 5 to 15."""
        return (
            self.bilirubin_points
            + self.albumin_points
            + self.inr_points
            + self.ascites_points
            + self.encephalopathy_points
        )

    @property
    def child_class(self) -> ChildPughClass:
        """The class of the sum."""
        return child_pugh_class(self.score)


def child_pugh_class(score: int) -> ChildPughClass:
    """Return the class of a Child-Pugh score: A up to 6, B up to 9, else C."""
    if score <= CHILD_PUGH_A_UP_TO:
        return ChildPughClass.A
    return ChildPughClass.B if score <= CHILD_PUGH_B_UP_TO else ChildPughClass.C


def bilirubin_from_mg_dl(bilirubin_mg_dl: float) -> float:
    """Return bilirubin in umol/L."""
    return bilirubin_mg_dl * BILIRUBIN_UMOL_L_PER_MG_DL


def bilirubin_to_mg_dl(bilirubin_umol_l: float) -> float:
    """Return bilirubin in mg/dL."""
    return bilirubin_umol_l / BILIRUBIN_UMOL_L_PER_MG_DL


def creatinine_from_mg_dl(creatinine_mg_dl: float) -> float:
    """Return creatinine in umol/L."""
    return creatinine_mg_dl * CREATININE_UMOL_L_PER_MG_DL


def creatinine_to_mg_dl(creatinine_umol_l: float) -> float:
    """Return creatinine in mg/dL."""
    return creatinine_umol_l / CREATININE_UMOL_L_PER_MG_DL


def albumin_from_g_dl(albumin_g_dl: float) -> float:
    """Return albumin in g/L."""
    return albumin_g_dl * G_L_PER_G_DL


def albi_score(bilirubin_umol_l: float, albumin_g_l: float) -> float:
    """Return the ALBI score, 0.66 log10(bilirubin) - 0.085 albumin, unrounded.

    Source: Johnson et al., J Clin Oncol 2015;33:550.

    Raises
    ------
    InputError
        If a value is not possible in a human, as when typed in another unit.
    """
    _require_bilirubin(bilirubin_umol_l)
    _require_albumin(albumin_g_l)
    return 0.66 * math.log10(bilirubin_umol_l) - 0.085 * albumin_g_l


def albi_grade(score: float) -> int:
    """Return the ALBI grade: 1 up to -2.60, 2 up to -1.39, else 3.

    Raises
    ------
    InputError
        If the score is not finite.
    """
    require_finite(score, "ALBI score")
    if score <= ALBI_GRADE_1_UP_TO:
        return 1
    return 2 if score <= ALBI_GRADE_2_UP_TO else 3


def child_pugh(
    bilirubin_umol_l: float,
    albumin_g_l: float,
    inr_ratio: float,
    ascites: Grade,
    encephalopathy: Encephalopathy,
) -> ChildPugh:
    """Return the Child-Pugh points; every value on a printed boundary (2 and 3 mg/dL, …) earns 2 points.

    Source: Pugh et al., Br J Surg 1973;60:646, with INR for the prothrombin time.

    Raises
    ------
    InputError
        If a value is not possible in a human, as when typed in another unit.
    """
    _require_bilirubin(bilirubin_umol_l)
    _require_albumin(albumin_g_l)
    _require_inr(inr_ratio)
    return ChildPugh(
        bilirubin_points=_points(bilirubin_umol_l, bilirubin_from_mg_dl(2.0), bilirubin_from_mg_dl(3.0)),
        albumin_points=_points(-albumin_g_l, -albumin_from_g_dl(3.5), -albumin_from_g_dl(2.8)),
        inr_points=_points(inr_ratio, 1.7, 2.3),
        ascites_points={Grade.NONE: 1, Grade.SLIGHT: 2, Grade.MODERATE: 3}[ascites],
        encephalopathy_points={
            Encephalopathy.NONE: 1,
            Encephalopathy.GRADE_1_2: 2,
            Encephalopathy.GRADE_3_4: 3,
        }[encephalopathy],
    )


def child_pugh_range(
    bilirubin_umol_l: float | None = None,
    albumin_g_l: float | None = None,
    inr_ratio: float | None = None,
    ascites: Grade | None = None,
    encephalopathy: Encephalopathy | None = None,
) -> tuple[ChildPugh, ChildPugh]:
    """Return the best and the worst Child-Pugh that values not known (None) leave possible.

    Raises
    ------
    InputError
        As `child_pugh` does.
    """
    best = child_pugh(
        _MILD["bilirubin"] if bilirubin_umol_l is None else bilirubin_umol_l,
        _MILD["albumin"] if albumin_g_l is None else albumin_g_l,
        _MILD["inr"] if inr_ratio is None else inr_ratio,
        ascites or Grade.NONE,
        encephalopathy or Encephalopathy.NONE,
    )
    worst = child_pugh(
        _GRAVE["bilirubin"] if bilirubin_umol_l is None else bilirubin_umol_l,
        _GRAVE["albumin"] if albumin_g_l is None else albumin_g_l,
        _GRAVE["inr"] if inr_ratio is None else inr_ratio,
        ascites or Grade.MODERATE,
        encephalopathy or Encephalopathy.GRADE_3_4,
    )
    return best, worst


_MILD = {"bilirubin": bilirubin_from_mg_dl(1.0), "albumin": albumin_from_g_dl(4.0), "inr": 1.0}
"""Values that earn 1 point: below 2 mg/dL, above 3.5 g/dL, below 1.7."""
_GRAVE = {"bilirubin": bilirubin_from_mg_dl(4.0), "albumin": albumin_from_g_dl(2.5), "inr": 3.0}
"""Values that earn 3 points: above 3 mg/dL, below 2.8 g/dL, above 2.3."""


def meld_score(bilirubin_umol_l: float, inr_ratio: float, creatinine_umol_l: float) -> float:
    """Return the MELD score, unrounded: 3.78 ln bilirubin + 11.2 ln INR + 9.57 ln creatinine + 6.43 (mg/dL).

    Each value is raised to at least 1, creatinine lowered to at most 4 mg/dL.
    Source: Kamath et al., Hepatology 2001;33:464, with the bounds of the United Network for Organ Sharing.

    Raises
    ------
    InputError
        If a value is not possible in a human, as when typed in another unit.
    """
    _require_bilirubin(bilirubin_umol_l)
    _require_inr(inr_ratio)
    _require_creatinine(creatinine_umol_l)
    creatinine_mg_dl = min(max(creatinine_to_mg_dl(creatinine_umol_l), MELD_FLOOR), MELD_CREATININE_CAP)
    return (
        3.78 * math.log(max(bilirubin_to_mg_dl(bilirubin_umol_l), MELD_FLOOR))
        + 11.2 * math.log(max(inr_ratio, MELD_FLOOR))
        + 9.57 * math.log(creatinine_mg_dl)
        + 6.43
    )


def _points(value: float, two_from: float, two_up_to: float) -> int:
    """Return 1 below *two_from*, 2 from it up to and including *two_up_to*, 3 above."""
    if value < two_from:
        return 1
    return 2 if value <= two_up_to else 3


def _require_bilirubin(bilirubin_umol_l: float) -> None:
    remedy = f"Was it typed as mg/dL? 1 mg/dL = {BILIRUBIN_UMOL_L_PER_MG_DL} umol/L"
    require_within(bilirubin_umol_l, "bilirubin", "umol/L", 0.0, 2000.0, remedy)


def _require_albumin(albumin_g_l: float) -> None:
    require_within(albumin_g_l, "albumin", "g/L", 6.0, 100.0, "Check the unit: 4.3 g/dL = 43 g/L")


def _require_inr(inr_ratio: float) -> None:
    require_within(inr_ratio, "INR", "", 0.0, 20.0, "Enter the INR; a prothrombin time in percent can't be converted")


def _require_creatinine(creatinine_umol_l: float) -> None:
    remedy = f"Check the unit: 1 mg/dL = {CREATININE_UMOL_L_PER_MG_DL} umol/L"
    require_within(creatinine_umol_l, "creatinine", "umol/L", 5.0, 6500.0, remedy)
