"""Body and laboratory values of a patient at one time.

Each may be None: unknown. Unknown is never filled in; what needs it is reported as missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .quantities import convert_words


class Grade(StrEnum):
    """Ascites: none, slight, or moderate and more (Child-Pugh)."""

    NONE = "none"
    SLIGHT = "slight"
    MODERATE = "moderate"


class Encephalopathy(StrEnum):
    """Hepatic encephalopathy, West Haven grades as Child-Pugh groups them."""

    NONE = "none"
    GRADE_1_2 = "grade_1_2"
    GRADE_3_4 = "grade_3_4"


@dataclass(frozen=True)
class Patient:
    """Body and laboratory values; all optional."""

    weight_kg: float | None = None
    height_cm: float | None = None
    bilirubin_umol_l: float | None = None
    albumin_g_l: float | None = None
    inr_ratio: float | None = None
    creatinine_umol_l: float | None = None
    gfr_ml_min_173m2: float | None = None
    ascites: Grade | None = None
    encephalopathy: Encephalopathy | None = None
    ecog: int | None = None
    afp_ng_ml: float | None = None

    def __post_init__(self) -> None:
        convert_words(self, "patient")
